// SPDX-License-Identifier: GPL-3.0-or-later
// Parsed connections: made from a record, kept in the cache, replaced when the stored version moves on.
#include "saml/trust.h"

#include <stdlib.h>
#include <unistd.h>

#include "saml/forge.h"
#include "store/store.h"

static struct party rsa, ec;

static int make_keys(void **state) {
    (void)state;
    rsa = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    ec = party_make(EVP_EC_gen("P-256"), NOON + DAY_MS);
    return 0;
}

static int free_keys(void **state) {
    (void)state;
    party_free(&rsa);
    party_free(&ec);
    return 0;
}

static void a_connection_keeps_its_values_and_its_keys(void **state) {
    const struct trust *trust = NULL;
    struct op short_lived; // the trust outlives the operation that made it
    op_open(&short_lived, NOON);
    const struct party parties[] = {rsa, ec};
    struct connection connection = connection_of(&short_lived, parties, 2);
    connection.policy.allow_sha1 = true;
    assert_done(trust_make(&short_lived, &connection, &trust));
    op_close(&short_lived);
    (void)state;
    assert_text(trust->connection.slug, "acme-okta");
    assert_text(trust->connection.idp.entity_id, THEIR_ENTITY);
    assert_true(trust->connection.policy.allow_sha1);
    assert_int_equal(trust->connection.policy.skew_seconds, 180);
    assert_int_equal(trust->key_count, 2);
    assert_int_equal(EVP_PKEY_eq(trust->keys[0].key, rsa.key), 1);
    assert_int_equal(EVP_PKEY_eq(trust->keys[1].key, ec.key), 1);
    assert_int_equal(trust->keys[0].not_after, NOON + DAY_MS);
    trust_free(trust);
    trust_free(NULL);
}

static void a_bare_key_is_parsed_and_unusable_ones_are_left_out(void **state) {
    struct op *op = *state;
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(rsa.key, &spki);
    assert_true(len > 0);
    struct party weak = party_make(EVP_RSA_gen(1024), NOON + DAY_MS);
    struct connection connection = connection_of(op, (const struct party[]){weak, weak, ec}, 3);
    struct certificate *rows = connection.idp.certificates.at;
    rows[1].key_only = true;
    rows[1].der = slice_of(spki, (size_t)len);
    const struct trust *trust = NULL;
    assert_done(trust_make(op, &connection, &trust));
    assert_int_equal(trust->key_count, 2);
    assert_int_equal(EVP_PKEY_eq(trust->keys[0].key, rsa.key), 1);
    trust_free(trust);
    OPENSSL_free(spki);
    party_free(&weak);
}

static void a_distrusted_key_counts_in_no_certificate(void **state) {
    struct op *op = *state;
    struct party again = party_make(rsa.key, NOON + 2 * DAY_MS); // the same key, another certificate
    struct connection connection = connection_of(op, (const struct party[]){again, ec}, 2);
    struct certificate known = party_certificate(op, &rsa);
    assert_done(certificate_fill(op, &known));
    struct distrusted row = {.sha256 = known.sha256};
    connection.distrusted = (struct rows){&row, 1};
    const struct trust *trust = NULL;
    assert_done(trust_make(op, &connection, &trust));
    assert_int_equal(trust->key_count, 2); // by the certificate's name alone it is another one
    trust_free(trust);
    row.key_sha256 = known.key_sha256;
    assert_done(trust_make(op, &connection, &trust));
    assert_int_equal(trust->key_count, 1);
    assert_int_equal(EVP_PKEY_eq(trust->keys[0].key, ec.key), 1);
    trust_free(trust);
    row = (struct distrusted){.sha256 = party_certificate(op, &again).sha256};
    assert_done(trust_make(op, &connection, &trust));
    assert_int_equal(trust->key_count, 1);
    trust_free(trust);
    again.key = NULL; // rsa's
    party_free(&again);
}

static void metadata_counts_until_its_end_and_the_skew(void **state) {
    struct op *op = *state;
    struct connection connection = connection_of(op, &rsa, 1);
    const struct trust *trust = NULL;
    connection.idp.valid_until = NOON;
    assert_done(trust_make(op, &connection, &trust));
    assert_false(trust_expired(trust, NOON + 180 * SECOND_MS - 1));
    assert_true(trust_expired(trust, NOON + 180 * SECOND_MS));
    trust_free(trust);
    connection.idp.valid_until = 0;
    assert_done(trust_make(op, &connection, &trust));
    assert_false(trust_expired(trust, NOON + 100 * 365 * DAY_MS));
    trust_free(trust);
}

// ---- the cache, over a store ----

struct stored {
    struct op op;
    struct store *store;
    struct trust_cache *cache;
    char dir[40];
};

static reason add_tenant(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    struct actor actor = {.kind = ACTOR_OPERATOR, .id = S("operator")};
    struct tenant tenant = {.slug = S("acme"), .name = S("Acme")};
    return tenant_create(op, txn, &actor, &tenant);
}

static reason add_connection(struct op *op, struct txn *txn, void *arg) {
    const struct slice *slug = arg;
    struct actor actor = {.kind = ACTOR_OPERATOR, .id = S("operator")};
    struct connection connection = {.slug = *slug, .tenant = S("acme")};
    return connection_create(op, txn, &actor, &connection);
}

static reason disable(struct op *op, struct txn *txn, void *arg) {
    const struct slice *slug = arg;
    struct actor actor = {.kind = ACTOR_OPERATOR, .id = S("operator")};
    struct connection connection;
    return connection_set_disabled(op, txn, &actor, *slug, true, &connection);
}

static reason remove_connection(struct op *op, struct txn *txn, void *arg) {
    const struct slice *slug = arg;
    struct actor actor = {.kind = ACTOR_OPERATOR, .id = S("operator")};
    return connection_remove(op, txn, &actor, *slug);
}

static int open_stored(void **state) {
    struct stored *it = calloc(1, sizeof *it);
    assert_non_null(it);
    op_open(&it->op, NOON);
    (void)snprintf(it->dir, sizeof it->dir, "/tmp/gatehouse-trust-XXXXXX");
    assert_non_null(mkdtemp(it->dir));
    assert_done(store_open(&it->op, it->dir, &it->store));
    it->cache = trust_cache_open();
    assert_non_null(it->cache);
    assert_done(store_write(&it->op, it->store, add_tenant, NULL));
    *state = it;
    return 0;
}

static int close_stored(void **state) {
    struct stored *it = *state;
    trust_cache_close(it->cache);
    store_close(it->store);
    char *path = NULL;
    // Only files of our own making are in there.
    static const char *const files[] = {"store.mdb", "store.mdb-journal", "store.mdb-lock", "lock"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (asprintf(&path, "%s/%s", it->dir, files[i]) > 0) {
            (void)unlink(path);
            free(path);
        }
    }
    (void)rmdir(it->dir);
    op_close(&it->op);
    free(it);
    return 0;
}

static void a_trust_is_shared_until_the_connection_changes(void **state) {
    struct stored *it = *state;
    struct slice slug = S("acme-okta");
    const struct trust *one = NULL;
    const struct trust *two = NULL;
    const struct trust *three = NULL;
    assert_refused(trust_borrow(&it->op, it->cache, it->store, slug, &one), NOT_FOUND);
    assert_done(store_write(&it->op, it->store, add_connection, &slug));
    assert_done(trust_borrow(&it->op, it->cache, it->store, slug, &one));
    assert_done(trust_borrow(&it->op, it->cache, it->store, slug, &two));
    assert_ptr_equal(one, two);
    assert_false(one->connection.disabled);
    assert_done(store_write(&it->op, it->store, disable, &slug));
    assert_done(trust_borrow(&it->op, it->cache, it->store, slug, &three));
    assert_ptr_not_equal(one, three);
    assert_true(three->connection.disabled);
    assert_text(one->connection.slug, "acme-okta"); // still there for who holds it
    trust_return(it->cache, one);
    trust_return(it->cache, two);
    trust_return(it->cache, three);
    trust_return(it->cache, NULL);
}

static void a_removed_connection_is_not_served_from_the_cache(void **state) {
    struct stored *it = *state;
    struct slice slug = S("acme-okta");
    const struct trust *trust = NULL;
    assert_done(store_write(&it->op, it->store, add_connection, &slug));
    assert_done(store_write(&it->op, it->store, disable, &slug));
    assert_done(trust_borrow(&it->op, it->cache, it->store, slug, &trust));
    trust_return(it->cache, trust);
    // Removed and made anew without a look in between: the versions go on, so the old one is not taken.
    assert_done(store_write(&it->op, it->store, remove_connection, &slug));
    assert_done(store_write(&it->op, it->store, add_connection, &slug));
    assert_done(trust_borrow(&it->op, it->cache, it->store, slug, &trust));
    assert_false(trust->connection.disabled);
    trust_return(it->cache, trust);
    assert_done(store_write(&it->op, it->store, remove_connection, &slug));
    assert_refused(trust_borrow(&it->op, it->cache, it->store, slug, &trust), NOT_FOUND);
}

int main(void) {
#define STORED(name) cmocka_unit_test_setup_teardown(name, open_stored, close_stored)
    const struct CMUnitTest tests[] = {
        TEST(a_connection_keeps_its_values_and_its_keys),
        TEST(a_bare_key_is_parsed_and_unusable_ones_are_left_out),
        TEST(a_distrusted_key_counts_in_no_certificate),
        TEST(metadata_counts_until_its_end_and_the_skew),
        STORED(a_trust_is_shared_until_the_connection_changes),
        STORED(a_removed_connection_is_not_served_from_the_cache),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
