// SPDX-License-Identifier: GPL-3.0-or-later
// What a look at the metadata applies by itself, and what waits. The documents are played by the test.
#include "connections.h"
#include "domain/metadata_watch.h"

#define URL "https://idp.example/metadata"

struct deed {
    const struct actor *actor;
    struct idp fetched;
    struct slice change, slug;
    struct metadata_outcome outcome;
    struct metadata_watch watch;
    struct connection connection;
};
static reason seen(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return metadata_watch_seen(op, txn, deed->actor, S("acme-okta"), &deed->fetched, &deed->outcome);
}
static reason failed(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return metadata_watch_failed(op, txn, deed->actor, S("acme-okta"), REASON_OF(METADATA_SIGNATURE),
                                 S("not signed"), &deed->outcome);
}
static reason approve(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return metadata_watch_approve(op, txn, deed->actor, S("acme-okta"), deed->change,
                                  &deed->connection);
}
static reason reject(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return metadata_watch_reject(op, txn, deed->actor, S("acme-okta"), deed->change, &deed->watch);
}
static reason find_watch(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return metadata_watch_find(op, txn, S("acme-okta"), &deed->watch);
}
static reason distrust(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    struct certificate known = {.sha256 = deed->slug};
    return connection_distrust(op, txn, deed->actor, S("acme-okta"), &known, &deed->connection);
}
static reason due(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return metadata_watch_due(op, txn, &deed->slug);
}
static reason adopt(struct op *op, struct txn *txn, void *arg) {
    struct deed *deed = arg;
    return metadata_watch_adopt(op, txn, S(""), &deed->slug);
}

static struct certificate three[3];
static struct idp with_certificates(size_t count) {
    struct idp idp = some_idp();
    three[0] = certificates[0];
    three[1] = certificates[1];
    three[2] = (struct certificate){.der = S("third")};
    idp.certificates = (struct rows){three, count};
    idp.metadata_url = S(URL);
    return idp;
}

static struct deed look(struct fixture *fixture, struct idp fetched, int kind) {
    fixture->op.now += 1000;
    struct deed deed = {.actor = &fixture->staff, .fetched = fetched};
    assert_done(fixture_write(fixture, seen, &deed));
    if (deed.outcome.kind != kind) {
        print_error("%s, where %s was expected\n", metadata_outcome_names[deed.outcome.kind],
                    metadata_outcome_names[kind]);
        fail();
    }
    return deed;
}
static struct metadata_watch watch_of(struct fixture *fixture) {
    struct deed deed = {.actor = &fixture->staff};
    assert_done(fixture_read(fixture, find_watch, &deed));
    return deed.watch;
}
static int64_t version_now(struct fixture *fixture) {
    return stored(fixture, "acme-okta").version;
}
static void let_added_apply(struct fixture *fixture) {
    struct policy policy = policy_default();
    policy.metadata_changes = METADATA_AUTO;
    assert_done(put_policy(fixture, "acme-okta", policy));
}
static int open_watched(void **state) {
    assert_int_equal(open_acme(state), 0);
    assert_done(put_idp(*state, "acme-okta", with_certificates(2)));
    return 0;
}

static void the_same_document_changes_nothing(void **state) {
    struct fixture *fixture = *state;
    int64_t before = version_now(fixture);
    struct deed deed = look(fixture, with_certificates(2), METADATA_SAME);
    // Of the moment of the look: whatever else is asked here moves the clock on.
    assert_true(deed.outcome.watch.next_at >= fixture->op.now + METADATA_LOOK_EVERY);
    assert_true(deed.outcome.watch.next_at <
                fixture->op.now + METADATA_LOOK_EVERY + METADATA_LOOK_JITTER);
    assert_int_equal(version_now(fixture), before);
}

static void an_added_certificate_waits_unless_the_policy_is_auto(void **state) {
    struct fixture *fixture = *state;
    struct deed deed = look(fixture, with_certificates(3), METADATA_PENDING);
    assert_false(deed.outcome.watch.alarm);
    assert_int_equal(stored(fixture, "acme-okta").idp.certificates.count, 2);
    audit_is(fixture, "sso.metadata_change_pending", NULL);
    (void)look(fixture, with_certificates(3), METADATA_WAITING);
    let_added_apply(fixture);
    deed = look(fixture, with_certificates(3), METADATA_APPLIED);
    assert_int_equal(stored(fixture, "acme-okta").idp.certificates.count, 3);
    assert_slice(watch_of(fixture).change, "");
    audit_is(fixture, "sso.metadata_applied", NULL);
}

static void nothing_else_applies_by_itself(void **state) {
    struct fixture *fixture = *state;
    let_added_apply(fixture);
    int64_t before = version_now(fixture);
    struct idp changed = with_certificates(2);
    changed.certificates.count = 1; // removed
    assert_true(look(fixture, changed, METADATA_PENDING).outcome.watch.alarm);
    changed = with_certificates(3); // added, and one that was there removed
    three[0] = three[2];
    changed.certificates.count = 2;
    assert_true(look(fixture, changed, METADATA_PENDING).outcome.watch.alarm);
    changed = with_certificates(3);
    sso.location = S("https://evil.example/sso");
    assert_true(look(fixture, changed, METADATA_PENDING).outcome.watch.alarm);
    changed = with_certificates(3);
    changed.slo.count = 0;
    assert_true(look(fixture, changed, METADATA_PENDING).outcome.watch.alarm);
    changed = with_certificates(3);
    changed.entity_id = S("https://evil.example/");
    assert_true(look(fixture, changed, METADATA_PENDING).outcome.watch.alarm);
    changed = with_certificates(3);
    changed.valid_until = fixture->op.now + DAY_MS; // an end, where there was none
    assert_true(look(fixture, changed, METADATA_PENDING).outcome.watch.alarm);
    assert_int_equal(version_now(fixture), before);
}

static void a_lost_signature_and_an_older_document_wait(void **state) {
    struct fixture *fixture = *state;
    let_added_apply(fixture);
    struct idp idp = with_certificates(2);
    idp.metadata_signed = true;
    idp.valid_until = fixture->op.now + 10 * DAY_MS;
    assert_done(put_idp(fixture, "acme-okta", idp));
    struct idp unsigned_one = idp;
    unsigned_one.metadata_signed = false;
    unsigned_one.certificates.count = 3;
    assert_true(look(fixture, unsigned_one, METADATA_PENDING).outcome.watch.alarm);
    struct idp older = idp;
    older.valid_until -= DAY_MS;
    assert_true(look(fixture, older, METADATA_PENDING).outcome.watch.alarm);
    struct idp endless = idp;
    endless.valid_until = 0;
    assert_true(look(fixture, endless, METADATA_PENDING).outcome.watch.alarm);
    // The document is as it was again: nothing waits any more.
    (void)look(fixture, idp, METADATA_SAME);
    assert_slice(watch_of(fixture).change, "");
}

static void the_same_trust_for_longer_is_taken(void **state) {
    struct fixture *fixture = *state;
    struct idp idp = with_certificates(2);
    idp.valid_until = fixture->op.now + DAY_MS;
    assert_done(put_idp(fixture, "acme-okta", idp));
    idp.valid_until += DAY_MS;
    (void)look(fixture, idp, METADATA_RENEWED);
    assert_int_equal(stored(fixture, "acme-okta").idp.valid_until, idp.valid_until);
    audit_is(fixture, "sso.metadata_renewed", NULL);
}

static void what_is_approved_is_what_was_looked_at(void **state) {
    struct fixture *fixture = *state;
    struct deed deed = look(fixture, with_certificates(3), METADATA_PENDING);
    struct deed decision = {.actor = &fixture->staff, .change = deed.outcome.watch.change};
    struct idp other = with_certificates(3);
    other.entity_id = S("https://evil.example/");
    (void)look(fixture, other, METADATA_PENDING);
    assert_reason(fixture_write(fixture, approve, &decision), ILLEGAL_TRANSITION);
    assert_reason(fixture_write(fixture, reject, &decision), ILLEGAL_TRANSITION);
    (void)look(fixture, with_certificates(3), METADATA_PENDING);
    assert_done(fixture_write(fixture, approve, &decision));
    assert_int_equal(decision.connection.idp.certificates.count, 3);
    assert_int_equal(stored(fixture, "acme-okta").idp.certificates.count, 3);
    assert_slice(watch_of(fixture).change, "");
    assert_true(watch_of(fixture).next_at > 0);
    assert_reason(fixture_write(fixture, approve, &decision), ILLEGAL_TRANSITION);
}

static void what_has_ended_is_not_approved(void **state) {
    struct fixture *fixture = *state;
    struct idp idp = with_certificates(3);
    idp.valid_until = fixture->op.now + DAY_MS;
    struct deed deed = look(fixture, idp, METADATA_PENDING);
    struct deed decision = {.actor = &fixture->staff, .change = deed.outcome.watch.change};
    fixture->op.now += 2 * DAY_MS;
    assert_reason(fixture_write(fixture, approve, &decision), METADATA_EXPIRED);
}

static void what_was_rejected_is_not_raised_again(void **state) {
    struct fixture *fixture = *state;
    struct deed deed = look(fixture, with_certificates(3), METADATA_PENDING);
    struct deed decision = {.actor = &fixture->staff, .change = deed.outcome.watch.change};
    fixture->op.now += 1000;
    assert_done(fixture_write(fixture, reject, &decision));
    audit_is(fixture, "sso.metadata_change_rejected", NULL);
    (void)look(fixture, with_certificates(3), METADATA_REJECTED);
    assert_slice(watch_of(fixture).change, "");
    struct idp other = with_certificates(3);
    other.entity_id = S("https://other.example/");
    (void)look(fixture, other, METADATA_PENDING);
}

static void failures_wait_longer_each_time_and_a_lost_signature_is_an_alarm(void **state) {
    struct fixture *fixture = *state;
    struct deed deed = {.actor = &fixture->staff};
    int64_t last = 0;
    for (int i = 0; i < 8; i++) {
        fixture->op.now += 1000;
        assert_done(fixture_write(fixture, failed, &deed));
        int64_t wait = deed.outcome.watch.next_at - fixture->op.now;
        assert_true(wait + METADATA_LOOK_JITTER > last);
        assert_true(wait <= METADATA_LOOK_MOST + METADATA_LOOK_JITTER);
        last = wait;
    }
    assert_true(last >= METADATA_LOOK_MOST);
    assert_int_equal(deed.outcome.watch.failures, 8);
    assert_slice(deed.outcome.watch.trouble, "metadata.signature");
    assert_true(deed.outcome.watch.alarm);
    audit_is(fixture, "sso.metadata_refresh_failed", "metadata.signature: not signed");
    deed = look(fixture, with_certificates(2), METADATA_SAME);
    assert_int_equal(deed.outcome.watch.failures, 0);
    assert_slice(deed.outcome.watch.trouble, "");
    assert_false(deed.outcome.watch.alarm);
}

static void a_distrusted_key_comes_back_by_no_look(void **state) {
    struct fixture *fixture = *state;
    let_added_apply(fixture);
    (void)look(fixture, with_certificates(3), METADATA_APPLIED);
    const struct certificate *rows = stored(fixture, "acme-okta").idp.certificates.at;
    struct deed deed = {.actor = &fixture->staff, .slug = rows[2].sha256};
    assert_done(fixture_write(fixture, distrust, &deed));
    // The document still has it, and that is no change; without it neither.
    (void)look(fixture, with_certificates(3), METADATA_SAME);
    (void)look(fixture, with_certificates(2), METADATA_SAME);
    // Approving other things does not bring it back.
    struct idp changed = with_certificates(3);
    changed.slo.count = 0;
    deed = look(fixture, changed, METADATA_PENDING);
    struct deed decision = {.actor = &fixture->staff, .change = deed.outcome.watch.change};
    assert_done(fixture_write(fixture, approve, &decision));
    assert_int_equal(stored(fixture, "acme-okta").idp.certificates.count, 2);
}

static void who_is_due_is_found_and_who_is_gone_is_not(void **state) {
    struct fixture *fixture = *state;
    struct deed deed = {.actor = &fixture->staff};
    assert_done(fixture_read(fixture, due, &deed));
    assert_slice(deed.slug, "");
    fixture->op.now += 2 * METADATA_LOOK_EVERY;
    assert_done(fixture_read(fixture, due, &deed));
    assert_slice(deed.slug, "acme-okta");
    (void)look(fixture, with_certificates(2), METADATA_SAME);
    assert_done(fixture_read(fixture, due, &deed));
    assert_slice(deed.slug, "");
    assert_done(fixture_write(fixture, adopt, &deed));
    assert_slice(deed.slug, "");
    // Without an address nobody looks.
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    fixture->op.now += 100 * METADATA_LOOK_EVERY;
    assert_done(fixture_read(fixture, due, &deed));
    assert_slice(deed.slug, "");
    assert_reason(fixture_write(fixture, seen, &(struct deed){.actor = &fixture->staff,
                                                              .fetched = with_certificates(2)}),
                  ILLEGAL_TRANSITION);
    assert_done(put_idp(fixture, "acme-okta", with_certificates(2)));
    struct work work = by_operator(fixture, "acme-okta");
    assert_done(fixture_write(fixture, drop, &work));
    fixture->op.now += 100 * METADATA_LOOK_EVERY;
    assert_done(fixture_read(fixture, due, &deed));
    assert_slice(deed.slug, "");
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, open_watched, fixture_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        WATCH_TEST(the_same_document_changes_nothing),
        WATCH_TEST(an_added_certificate_waits_unless_the_policy_is_auto),
        WATCH_TEST(nothing_else_applies_by_itself),
        WATCH_TEST(a_lost_signature_and_an_older_document_wait),
        WATCH_TEST(the_same_trust_for_longer_is_taken),
        WATCH_TEST(what_is_approved_is_what_was_looked_at),
        WATCH_TEST(what_has_ended_is_not_approved),
        WATCH_TEST(what_was_rejected_is_not_raised_again),
        WATCH_TEST(failures_wait_longer_each_time_and_a_lost_signature_is_an_alarm),
        WATCH_TEST(a_distrusted_key_comes_back_by_no_look),
        WATCH_TEST(who_is_due_is_found_and_who_is_gone_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
