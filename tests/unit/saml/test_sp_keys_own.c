// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that a connection has for itself, as files: what it publishes, signs with and decrypts with at each step, and that
// nothing of the gate's is left once its own took over.
#include "sp_unit.h"

#include "saml/sp_keys.h"
#include "saml/trust.h"

static struct own_key rows[CONNECTION_OWN_KEYS_MAX];

static struct connection connection_with(size_t count) {
    return (struct connection){.slug = S("acme-okta"), .own_keys = {rows, count}};
}
static struct sp_keys *opened(struct op *op, size_t count) {
    struct connection connection = connection_with(count);
    struct sp_keys *keys = NULL;
    reason why = sp_keys_open_own(op, unit_dir, &connection, unit_keys, &keys);
    if (why != NULL) {
        fail_msg("%s: %.*s", why->slug, SLICE(op->detail));
    }
    return keys;
}
static bool same(const EVP_PKEY *a, const EVP_PKEY *b) {
    return EVP_PKEY_eq(a, b) == 1;
}
static bool decrypts(const struct sp_keys *keys, const EVP_PKEY *key) {
    bool found = false;
    for (size_t i = 0; i < keys->decryption_count; i++) {
        found = found || same(keys->decryption[i], key);
    }
    return found;
}

static void a_decryption_key_of_its_own_takes_the_place_of_the_gates(void **state) {
    struct op *op = *state;
    assert_done(sp_own_key_make(op, unit_dir, S("acme-okta"), SP_ENCRYPTION, 5));
    assert_done(sp_own_key_make(op, unit_dir, S("acme-okta"), SP_ENCRYPTION, 5)); // there already: it stays
    rows[0] = (struct own_key){SP_ENCRYPTION, SP_KEY_OF_GATE, SP_KEY_CURRENT};
    rows[1] = (struct own_key){SP_ENCRYPTION, 5, SP_KEY_NEXT};
    struct sp_keys *keys = opened(op, 2);
    struct texts published = sp_published_certificates(keys, SP_ENCRYPTION);
    assert_int_equal(published.count, 2);
    assert_slice(published.at[0], sp_encryption_certificate(unit_keys));
    assert_int_equal(keys->decryption_count, 2);
    assert_true(decrypts(keys, unit_keys->encryption));
    assert_true(same(keys->signing, unit_keys->signing)); // of the other kind it has none
    assert_slice(sp_published_certificates(keys, SP_SIGNING).at[0], sp_signing_certificate(unit_keys));
    sp_keys_close(keys);

    rows[0] = (struct own_key){SP_ENCRYPTION, 5, SP_KEY_CURRENT};
    rows[1] = (struct own_key){SP_ENCRYPTION, SP_KEY_OF_GATE, SP_KEY_RETIRED};
    keys = opened(op, 2);
    published = sp_published_certificates(keys, SP_ENCRYPTION);
    assert_int_equal(published.count, 1);
    assert_slice(published.at[0], sp_encryption_certificate(keys));
    assert_false(slice_equal(published.at[0], sp_encryption_certificate(unit_keys)));
    assert_true(decrypts(keys, unit_keys->encryption)); // what was encrypted meanwhile still opens
    sp_keys_close(keys);

    keys = opened(op, 1);
    assert_int_equal(keys->decryption_count, 1);
    assert_false(decrypts(keys, unit_keys->encryption));
    assert_false(same(keys->encryption, unit_keys->encryption));
    sp_keys_close(keys);
}

static void a_signing_key_of_its_own_signs(void **state) {
    struct op *op = *state;
    struct slice signature, gates;
    assert_done(sp_own_key_make(op, unit_dir, S("acme-okta"), SP_SIGNING, 6));
    rows[0] = (struct own_key){SP_SIGNING, SP_KEY_OF_GATE, SP_KEY_OLD};
    rows[1] = (struct own_key){SP_SIGNING, 6, SP_KEY_CURRENT};
    struct sp_keys *keys = opened(op, 2);
    assert_false(same(keys->signing, unit_keys->signing));
    assert_int_equal(sp_published_certificates(keys, SP_SIGNING).count, 2);
    assert_slice(sp_published_certificates(keys, SP_SIGNING).at[0], sp_signing_certificate(keys));
    assert_true(same(keys->encryption, unit_keys->encryption));
    assert_done(sp_sign(op, keys, S("text"), &signature));
    assert_done(sp_sign(op, unit_keys, S("text"), &gates));
    assert_false(slice_equal(signature, gates));
    sp_keys_close(keys);
}

static void a_key_that_is_missing_is_never_replaced_by_the_gates(void **state) {
    struct op *op = *state;
    struct sp_keys *keys = NULL;
    rows[0] = (struct own_key){SP_ENCRYPTION, 77, SP_KEY_CURRENT};
    struct connection connection = connection_with(1);
    assert_refused(sp_keys_open_own(op, unit_dir, &connection, unit_keys, &keys), KEY_FILE);
    assert_true(slice_find(op->detail, S("saml-encryption-77.key is missing")) != SIZE_MAX);
    connection.slug = S("../acme"); // no name of a folder
    assert_refused(sp_keys_open_own(op, unit_dir, &connection, unit_keys, &keys), INTERNAL);
    assert_refused(sp_own_key_make(op, unit_dir, S("../x"), SP_SIGNING, 2), INTERNAL);
}

static void the_files_of_a_connection_that_is_gone_go(void **state) {
    struct op *op = *state;
    assert_done(sp_own_key_make(op, unit_dir, S("beta"), SP_SIGNING, 2));
    assert_int_equal(access(unit_path("connections/beta/saml-signing-2.key"), F_OK), 0);
    assert_done(sp_own_key_remove(op, unit_dir, S("beta"), SP_SIGNING, 2));
    assert_int_equal(access(unit_path("connections/beta/saml-signing-2.key"), F_OK), -1);
    assert_done(sp_own_key_make(op, unit_dir, S("beta"), SP_SIGNING, 3));
    assert_done(sp_own_keys_forget(op, unit_dir, S("beta")));
    assert_int_equal(access(unit_path("connections/beta"), F_OK), -1);
    assert_done(sp_own_keys_forget(op, unit_dir, S("never")));
}

#define KEY_TEST(name) cmocka_unit_test_setup_teardown(name, open_op, close_op)

int main(void) {
    const struct CMUnitTest tests[] = {
        KEY_TEST(a_decryption_key_of_its_own_takes_the_place_of_the_gates),
        KEY_TEST(a_signing_key_of_its_own_signs),
        KEY_TEST(a_key_that_is_missing_is_never_replaced_by_the_gates),
        KEY_TEST(the_files_of_a_connection_that_is_gone_go),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_dir);
}
