// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that somebody took the trust away from: what is stored and left out, and what the audit log says of it.
#include "connections.h"

#define PRINT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct deed {
    const struct actor *actor;
    struct certificate known;
    struct connection connection;
};
static reason distrust(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return connection_distrust(op, txn, deed->actor, S("acme-okta"), &deed->known, &deed->connection);
}
static reason trust(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return connection_trust(op, txn, deed->actor, S("acme-okta"), deed->known.sha256,
                            &deed->connection);
}
static struct deed deed_on(struct fixture *fixture, struct slice sha256, struct slice key) {
    fixture->op.now += 1000;
    return (struct deed){.actor = &fixture->staff,
                         .known = {.sha256 = sha256, .key_sha256 = key, .subject = S("CN=a")}};
}

static void a_distrusted_certificate_is_left_out_of_each_import(void **state) {
    struct fixture *fixture = *state;
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    struct connection before = stored(fixture, "acme-okta");
    const struct certificate *rows = before.idp.certificates.at;
    struct deed deed = deed_on(fixture, rows[0].sha256, S(""));
    assert_done(fixture_write(fixture, distrust, &deed));
    assert_int_equal(deed.connection.version, before.version + 1);
    audit_is(fixture, "sso.certificate_distrusted", NULL);
    assert_true(connection_distrusts(&deed.connection, &rows[0]));
    assert_false(connection_distrusts(&deed.connection, &rows[1]));
    // What is stored stays to be seen; what comes anew does not come in.
    assert_int_equal(stored(fixture, "acme-okta").idp.certificates.count, 2);
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    struct connection after = stored(fixture, "acme-okta");
    assert_int_equal(after.idp.certificates.count, 1);
    assert_int_equal(after.distrusted.count, 1);
    struct idp only = some_idp();
    only.certificates.count = 1;
    assert_reason(put_idp(fixture, "acme-okta", only), METADATA_NO_CERTIFICATE);
    assert_done(fixture_write(fixture, trust, &deed));
    audit_is(fixture, "sso.certificate_trusted_again", NULL);
    assert_done(put_idp(fixture, "acme-okta", only));
}

static void the_key_counts_and_not_only_the_certificate(void **state) {
    struct fixture *fixture = *state;
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    struct deed deed = deed_on(fixture, S(PRINT), S("the key"));
    assert_done(fixture_write(fixture, distrust, &deed));
    struct idp idp = some_idp();
    certificates[1].key_sha256 = S("the key");
    assert_done(put_idp(fixture, "acme-okta", idp));
    assert_int_equal(stored(fixture, "acme-okta").idp.certificates.count, 1);
    // Said again by someone who knows the certificate only, the key is not forgotten.
    deed = deed_on(fixture, S(PRINT), S(""));
    assert_done(fixture_write(fixture, distrust, &deed));
    struct connection connection = stored(fixture, "acme-okta");
    assert_int_equal(connection.distrusted.count, 1);
    const struct distrusted *rows = connection.distrusted.at;
    assert_slice(rows[0].key_sha256, "the key");
}

static void what_is_no_fingerprint_is_refused(void **state) {
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"", "00", "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
                                        PRINT "0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct deed deed = deed_on(fixture, slice_str(wrong[i]), S(""));
        assert_reason(fixture_write(fixture, distrust, &deed), INVALID_INPUT);
    }
    struct deed deed = deed_on(fixture, S(PRINT), S(""));
    assert_reason(fixture_write(fixture, trust, &deed), NOT_FOUND);
}

#define ACME_TEST(name) cmocka_unit_test_setup_teardown(name, open_acme, fixture_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ACME_TEST(a_distrusted_certificate_is_left_out_of_each_import),
        ACME_TEST(the_key_counts_and_not_only_the_certificate),
        ACME_TEST(what_is_no_fingerprint_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
