// SPDX-License-Identifier: GPL-3.0-or-later
// Rolling our own keys over: what each state publishes and uses, and which step may follow which.
#include "sp_unit.h"

#include "saml/sp_keys.h"

static const char *const files[] = {"saml-signing.state", "saml-signing-2.key", "saml-signing-2.crt",
                                    "saml-encryption.state", "saml-encryption-2.key",
                                    "saml-encryption-2.crt"};
static struct slice first_key[2]; // number 1 of each kind, put back when a test removed it
static const char *const firsts[] = {"saml-signing.key", "saml-signing.crt"};
static struct op shelf;

static int open_keys(void **state) {
    if (make_keys(state) != 0) {
        return -1;
    }
    op_open(&shelf, NOON);
    for (size_t i = 0; i < 2; i++) {
        first_key[i] = read_text(&shelf, unit_path(firsts[i]));
    }
    return 0;
}
static int close_keys(void **state) {
    op_close(&shelf);
    return remove_dir(state);
}
static int restore(void **state) {
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlink(unit_path(files[i]));
    }
    for (size_t i = 0; i < 2; i++) {
        write_text(unit_path(firsts[i]), first_key[i], 0600);
    }
    return open_op(state);
}

static struct sp_key_set listed(struct op *op, enum sp_key_kind kind) {
    struct sp_key_set set;
    assert_done(sp_keys_list(op, unit_dir, kind, &set));
    return set;
}
static void is_row(struct sp_key_set set, size_t i, uint32_t number, int state) {
    assert_true(i < set.count);
    assert_int_equal(set.rows[i].number, number);
    assert_int_equal(set.rows[i].state, state);
}
static struct sp_keys *opened(struct op *op) {
    struct sp_keys *keys = NULL;
    reason why = sp_keys_open(op, unit_dir, &keys);
    if (why != NULL) {
        fail_msg("%s: %.*s", why->slug, SLICE(op->detail));
    }
    return keys;
}

static void without_a_state_the_first_key_is_the_only_one(void **state) {
    struct sp_key_set set = listed(*state, SP_SIGNING);
    assert_int_equal(set.count, 1);
    is_row(set, 0, 1, SP_KEY_CURRENT);
    assert_int_equal(sp_published_certificates(unit_keys, SP_SIGNING).count, 1);
    assert_slice(sp_published_certificates(unit_keys, SP_ENCRYPTION).at[0],
                 sp_encryption_certificate(unit_keys));
}

static void a_signing_key_is_published_used_retired_and_removed(void **state) {
    struct op *op = *state;
    uint32_t number = 0;
    struct slice first;
    assert_done(op_copy(op, sp_signing_certificate(unit_keys), &first));
    assert_done(sp_keys_add(op, unit_dir, SP_SIGNING, &number));
    assert_int_equal(number, 2);
    is_row(listed(op, SP_SIGNING), 1, 2, SP_KEY_NEXT);
    struct sp_keys *keys = opened(op);
    struct texts published = sp_published_certificates(keys, SP_SIGNING);
    assert_int_equal(published.count, 2);
    assert_slice(published.at[0], first);
    assert_slice(sp_signing_certificate(keys), first);
    struct slice second;
    assert_done(op_copy(op, published.at[1], &second));
    sp_keys_close(keys);
    assert_refused(sp_keys_add(op, unit_dir, SP_SIGNING, &number), ILLEGAL_TRANSITION);
    assert_refused(sp_keys_retire(op, unit_dir, SP_SIGNING, 1), ILLEGAL_TRANSITION);
    assert_refused(sp_keys_remove(op, unit_dir, SP_SIGNING, 1), ILLEGAL_TRANSITION);

    assert_done(sp_keys_use(op, unit_dir, SP_SIGNING, 2));
    is_row(listed(op, SP_SIGNING), 0, 2, SP_KEY_CURRENT);
    is_row(listed(op, SP_SIGNING), 1, 1, SP_KEY_OLD);
    keys = opened(op);
    assert_slice(sp_signing_certificate(keys), second);
    assert_int_equal(sp_published_certificates(keys, SP_SIGNING).count, 2);
    sp_keys_close(keys);
    assert_refused(sp_keys_remove(op, unit_dir, SP_SIGNING, 1), ILLEGAL_TRANSITION);
    assert_refused(sp_keys_use(op, unit_dir, SP_SIGNING, 2), ILLEGAL_TRANSITION);
    // And back, as long as it is published.
    assert_done(sp_keys_use(op, unit_dir, SP_SIGNING, 1));
    assert_done(sp_keys_use(op, unit_dir, SP_SIGNING, 2));

    assert_done(sp_keys_retire(op, unit_dir, SP_SIGNING, 1));
    keys = opened(op);
    assert_int_equal(sp_published_certificates(keys, SP_SIGNING).count, 1);
    assert_slice(sp_published_certificates(keys, SP_SIGNING).at[0], second);
    sp_keys_close(keys);
    assert_refused(sp_keys_use(op, unit_dir, SP_SIGNING, 1), ILLEGAL_TRANSITION);
    assert_done(sp_keys_remove(op, unit_dir, SP_SIGNING, 1));
    assert_int_equal(access(unit_path("saml-signing.key"), F_OK), -1);
    assert_refused(sp_keys_remove(op, unit_dir, SP_SIGNING, 1), NOT_FOUND);
    // Making what is missing does not bring number 1 back.
    assert_done(sp_keys_make(op, unit_dir));
    assert_int_equal(access(unit_path("saml-signing.key"), F_OK), -1);
    keys = opened(op);
    assert_slice(sp_signing_certificate(keys), second);
    sp_keys_close(keys);
}

static void each_encryption_key_that_is_there_decrypts(void **state) {
    struct op *op = *state;
    uint32_t number = 0;
    assert_done(sp_keys_add(op, unit_dir, SP_ENCRYPTION, &number));
    struct sp_keys *keys = opened(op);
    assert_int_equal(keys->decryption_count, 2);
    assert_ptr_equal(keys->decryption[0], keys->encryption);
    assert_int_equal(sp_published_certificates(keys, SP_ENCRYPTION).count, 2);
    sp_keys_close(keys);
    assert_done(sp_keys_use(op, unit_dir, SP_ENCRYPTION, 2));
    assert_done(sp_keys_retire(op, unit_dir, SP_ENCRYPTION, 1));
    keys = opened(op);
    assert_int_equal(keys->decryption_count, 2); // what was encrypted meanwhile still opens
    assert_int_equal(sp_published_certificates(keys, SP_ENCRYPTION).count, 1);
    sp_keys_close(keys);
}

static void a_state_that_makes_no_sense_stops_the_start(void **state) {
    static const char *const wrong[] = {
        "",           "1 current",          "1 currant\n",  "x current\n",
        "0 current\n", "1 old\n",           "1 current\n1 old\n", "1 current\n2 current\n",
        "1 current\n\n", "1 current\n2 old\n3 old\n", " 1 current\n", "1 next\n2 old\n"};
    struct op *op = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct sp_keys *keys = NULL;
        write_text(unit_path("saml-signing.state"), slice_str(wrong[i]), 0600);
        assert_refused(sp_keys_open(op, unit_dir, &keys), KEY_FILE);
        assert_refused(sp_keys_use(op, unit_dir, SP_SIGNING, 1), KEY_FILE);
    }
    struct sp_keys *keys = NULL;
    write_text(unit_path("saml-signing.state"), S("2 current\n1 old\n"), 0600);
    assert_refused(sp_keys_open(op, unit_dir, &keys), KEY_FILE);
    assert_true(slice_find(op->detail, S("saml-signing-2.key is missing")) != SIZE_MAX);
    write_text(unit_path("saml-signing.state"), S("1 current\n"), 0666);
    assert_refused(sp_keys_open(op, unit_dir, &keys), KEY_FILE);
}

#define KEY_TEST(name) cmocka_unit_test_setup_teardown(name, restore, close_op)

int main(void) {
    const struct CMUnitTest tests[] = {
        KEY_TEST(without_a_state_the_first_key_is_the_only_one),
        KEY_TEST(a_signing_key_is_published_used_retired_and_removed),
        KEY_TEST(each_encryption_key_that_is_there_decrypts),
        KEY_TEST(a_state_that_makes_no_sense_stops_the_start),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
