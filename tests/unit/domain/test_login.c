// SPDX-License-Identifier: GPL-3.0-or-later
// login_admit against a real store: each rule once kept and once broken; what a refusal leaves
// behind; what parallel and later repetitions meet.
#include <pthread.h>

#include "people.h"

#include "base/rand.h"

// A sign-in that was started here; the identity answers it and the browser has the cookie.
static void start_here(struct house *house) {
    struct call c = {.pending = {.connection = S("acme-okta"), .return_to = S("/reports")}};
    assert_done(fixture_write(house->fixture, call_pending_add, &c));
    house->identity.in_response_to = c.pending.request_id;
    house->door.relay_state = c.pending.handle;
    house->handle = c.pending.handle;
    house->cookie = c.cookie;
}

// ---- the whole ----

static void the_first_sign_in_makes_a_user_with_the_mapped_role(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    assert_slice(house->login.user.email, "jane@acme.example");
    assert_slice(house->login.user.first_name, "Jane");
    assert_slice(house->login.user.last_name, "Smith");
    assert_int_equal(house->login.roles.count, 1);
    assert_slice(house->login.roles.at[0], "admin");
    assert_true(permission_may(house->login.permissions, "users:manage"));
    assert_slice(house->login.return_to, "/");
    assert_int_equal(house->login.cookie.len, SESSION_COOKIE);
    assert_int_equal(house->login.session.expires_at, NOON + SESSION_LIFETIME_DEFAULT);
    struct membership membership = membership_of(house, house->login.user.id);
    assert_int_equal(membership.status, MEMBER_ACTIVE);
    struct visit visit = visit_of(house, house->login.user.id);
    assert_int_equal(visit.last, NOON);
    assert_slice(visit.assertion, house->identity.assertion_id.at);
    assert_int_equal(visit.sessions.len, 20);
    assert_int_equal(membership.rv, 1);
    const struct grant *grant = membership.grants.at;
    assert_slice(grant->rule, "exact \"Admins\"");
    assert_slice(grant->value, "Admins");
    assert_slice(grant->connection, "acme-okta");
    struct trace kept = kept_trace(house);
    assert_true(kept.accepted);
    assert_true(slice_equal(kept.user_id, membership.user_id));
    assert_int_equal(house_audits(house, "user.created", NULL), 1);
    assert_int_equal(house_audits(house, "role.assigned", NULL), 1);
    assert_int_equal(house_audits(house, "login.succeeded", NULL), 1);
    struct call c = {.cookie = house->login.cookie};
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &c));
    assert_slice(c.view.user.email, "jane@acme.example");
}

static void the_second_sign_in_finds_the_same_user(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    struct slice first = house->login.user.id;
    house_identity(house);
    house->identity.name_id = S("JANE@Acme.Example");
    assert_done(house_admit(house));
    assert_true(slice_equal(first, house->login.user.id));
    assert_int_equal(house->login.membership.rv, 1); // nothing changed
    assert_int_equal(house_audits(house, "user.created", NULL), 1);
    assert_int_equal(house_audits(house, "role.assigned", NULL), 1);
}

static void a_session_ends_when_the_idp_says_so(void **state) {
    struct house *house = house_of(state);
    house->identity.session_not_on_or_after = NOON + HOUR_MS;
    assert_done(house_admit(house));
    assert_int_equal(house->login.session.expires_at, NOON + HOUR_MS);
}

static void a_session_that_has_ended_at_the_idp_is_refused(void **state) {
    struct house *house = house_of(state);
    house->identity.session_not_on_or_after = NOON - HOUR_MS;
    assert_refused(house, AUTHN_SESSION_EXPIRED);
}

// ---- request ----

static void an_answer_to_a_waiting_request_consumes_it(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    assert_done(house_admit(house));
    assert_slice(house->login.return_to, "/reports");
    assert_true(slice_equal(house->login.handle, house->handle));
    struct call c = {.id = house->identity.in_response_to};
    assert_done(fixture_read(house->fixture, call_pending_find, &c));
    assert_false(c.yes);
}

static void a_second_answer_to_the_same_request_is_refused(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    assert_done(house_admit(house));
    struct slice id = house->identity.in_response_to;
    house_identity(house);
    house->identity.in_response_to = id;
    assert_refused(house, RESPONSE_IN_RESPONSE_TO_UNKNOWN);
}

// A sign-out that waits has an ID of the same kind; no Response answers it.
static void an_answer_to_a_sign_out_is_refused(void **state) {
    struct house *house = house_of(state);
    struct call c = {.pending = {.connection = S("acme-okta"), .logout = true}};
    assert_done(fixture_write(house->fixture, call_pending_add, &c));
    house->identity.in_response_to = c.pending.request_id;
    house->handle = c.pending.handle;
    house->cookie = c.cookie;
    assert_refused(house, RESPONSE_IN_RESPONSE_TO_UNKNOWN);
}

static void an_answer_to_an_unknown_request_is_refused(void **state) {
    struct house *house = house_of(state);
    const char *unknown[] = {"_", "_0123456789abcdef0123456789abcdef01234567", "id-1", "\n",
                             "F84D888AA3B44C1B844375A4E8210D9E"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        house_identity(house);
        house->identity.in_response_to = slice_str(unknown[i]);
        assert_refused(house, RESPONSE_IN_RESPONSE_TO_UNKNOWN);
    }
}

static void an_answer_to_another_connections_request_is_refused(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    house->door.connection = &house->other;
    assert_refused(house, RESPONSE_IN_RESPONSE_TO_UNKNOWN);
}

static void an_answer_that_comes_too_late_is_refused(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    house->fixture->op.now = NOON + PENDING_LIFETIME + 1;
    assert_refused(house, RESPONSE_IN_RESPONSE_TO_EXPIRED);
}

static void an_answer_at_the_last_moment_is_in_time(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    house->fixture->op.now = NOON + PENDING_LIFETIME;
    assert_done(house_admit(house));
}

static void a_missing_cookie_asks_once_more_and_consumes_nothing(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    struct slice cookie = house->cookie;
    house->cookie = SLICE_NONE;
    assert_done(house_admit(house));
    assert_true(house->login.ask_again);
    assert_int_equal(house->login.cookie.len, 0);
    assert_int_equal(house_audits(house, "login.succeeded", NULL), 0);
    assert_int_equal(house_audits(house, "login.failed", NULL), 0);
    // The same message with its cookie, as the form posts it.
    house->cookie = cookie;
    house->door.posted_again = true;
    assert_done(house_admit(house));
    assert_false(house->login.ask_again);
    assert_slice(house->login.return_to, "/reports");
}

static void a_cookie_that_is_missing_twice_is_refused(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    house->cookie = SLICE_NONE;
    house->door.posted_again = true;
    assert_refused(house, RESPONSE_BROWSER_MISMATCH);
}

static void another_browsers_cookie_is_refused_at_once(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    house->cookie = S("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_refused(house, RESPONSE_BROWSER_MISMATCH);
}

static void a_wrong_relay_state_loses_the_target_not_the_login(void **state) {
    struct house *house = house_of(state);
    start_here(house);
    house->door.relay_state = S("/somewhere");
    assert_done(house_admit(house));
    assert_slice(house->login.return_to, "/");
}

static void an_unsolicited_response_is_refused_by_default(void **state) {
    struct house *house = house_of(state);
    struct policy policy = policy_default();
    house_policy(house, &policy);
    assert_refused(house, RESPONSE_UNSOLICITED_REFUSED);
}

static void an_unsolicited_response_may_name_a_path_of_this_site(void **state) {
    struct house *house = house_of(state);
    house->door.relay_state = S("/audiences?x=1");
    assert_done(house_admit(house));
    assert_slice(house->login.return_to, "/audiences?x=1");
}

static void an_unsolicited_response_never_leads_off_this_site(void **state) {
    struct house *house = house_of(state);
    const char *bad[] = {"https://evil.example/", "//evil.example", "/\\evil.example",
                         "javascript:x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        house_identity(house);
        house->door.relay_state = slice_str(bad[i]);
        assert_done(house_admit(house));
        assert_slice(house->login.return_to, "/");
    }
}

static void a_policy_that_changed_meanwhile_counts(void **state) {
    struct house *house = house_of(state);
    struct connection stale = house->connection;
    struct policy policy = policy_default();
    house_policy(house, &policy);
    house->door.connection = &stale;
    assert_refused(house, RESPONSE_UNSOLICITED_REFUSED);
}

// ---- replay ----

static void the_same_assertion_is_accepted_once(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    assert_refused(house, ASSERTION_REPLAYED);
}

static void the_same_assertion_is_refused_after_a_restart(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    store_close(house->fixture->store);
    assert_done(store_open(&house->fixture->op, house->fixture->dir, &house->fixture->store));
    assert_refused(house, ASSERTION_REPLAYED);
}

static void an_assertion_that_was_refused_is_not_used_up(void **state) {
    struct house *house = house_of(state);
    house->values[2][0] = S("Nobody");
    assert_refused(house, LOGIN_NO_ROLE);
    house->values[2][0] = S("Admins");
    assert_done(house_admit(house));
}

static void an_assertion_without_id_is_refused(void **state) {
    struct house *house = house_of(state);
    house->identity.assertion_id = SLICE_NONE;
    assert_refused(house, RESPONSE_ID_MISSING);
}

struct runner {
    struct house *house;
    pthread_t thread;
    reason why;
};
static void *run(void *arg) {
    struct runner *runner = arg;
    struct op op;
    struct trace trace;
    struct login login;
    op_open(&op, NOON);
    runner->why = trace_open(&op, S("acme-okta"), S("acme"), &trace);
    if (runner->why == NULL) {
        runner->why =
            login_admit(&op, runner->house->fixture->store, &runner->house->door, &trace, &login);
    }
    op_close(&op);
    return NULL;
}

static void of_parallel_posts_of_one_assertion_exactly_one_passes(void **state) {
    struct house *house = house_of(state);
    struct runner runners[16];
    for (size_t i = 0; i < 16; i++) {
        runners[i] = (struct runner){.house = house};
        assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
    }
    size_t passed = 0;
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pthread_join(runners[i].thread, NULL), 0);
        if (runners[i].why == NULL) {
            passed++;
        } else {
            assert_string_equal(runners[i].why->slug, "assertion.replayed");
        }
    }
    assert_int_equal(passed, 1);
    assert_int_equal(house_audits(house, "login.succeeded", NULL), 1);
    assert_int_equal(house_audits(house, "user.created", NULL), 1);
}

// ---- switches ----

static reason disable_connection(struct op *op, struct txn *txn, void *arg) {
    struct house *house = arg;
    struct connection stored;
    return connection_set_disabled(op, txn, &house->fixture->staff, S("acme-okta"), true, &stored);
}
static void a_disabled_connection_lets_nobody_in(void **state) {
    struct house *house = house_of(state);
    assert_done(fixture_write(house->fixture, disable_connection, house));
    assert_refused(house, LOGIN_CONNECTION_DISABLED);
}

static reason remove_connection(struct op *op, struct txn *txn, void *arg) {
    struct house *house = arg;
    return connection_remove(op, txn, &house->fixture->staff, S("acme-okta"));
}
static void a_connection_that_is_gone_lets_nobody_in(void **state) {
    struct house *house = house_of(state);
    assert_done(fixture_write(house->fixture, remove_connection, house));
    assert_refused(house, LOGIN_CONNECTION_DISABLED);
}

static reason disable_tenant(struct op *op, struct txn *txn, void *arg) {
    struct house *house = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, S("acme"), &tenant));
    tenant.disabled = true;
    return tenant_change(op, txn, &house->fixture->staff, &tenant);
}
static void a_disabled_tenant_lets_nobody_in_and_ends_its_sessions(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    struct call c = {.cookie = house->login.cookie};
    assert_done(fixture_write(house->fixture, disable_tenant, house));
    assert_reason(fixture_read(house->fixture, call_session_by_cookie, &c), UNAUTHENTICATED);
    house_identity(house);
    assert_refused(house, LOGIN_TENANT_DISABLED);
}

// ---- refusals before ----

static void a_refusal_with_a_signature_is_kept_durably(void **state) {
    struct house *house = house_of(state);
    struct op *op = &house->fixture->op;
    assert_done(trace_open(op, S("acme-okta"), S("acme"), &house->trace));
    trace_add(op, &house->trace, "audience", CHECK_FAIL, S("a"), S("b"));
    house->trace.verified = true;
    trace_close(op, &house->trace,
                op_refuse(op, REASON_OF(CONDITIONS_AUDIENCE), "expected a, got b"));
    login_refused(op, house->fixture->store, NULL, &house->trace, S("192.0.2.7"));
    assert_slice(kept_trace(house).reason, "conditions.audience");
    assert_slice(op->detail, "expected a, got b");
    assert_int_equal(house_audits(house, "login.failed", NULL), 1);
}

static void a_refusal_without_a_signature_costs_no_write(void **state) {
    struct house *house = house_of(state);
    struct op *op = &house->fixture->op;
    struct ring *ring = ring_open();
    assert_non_null(ring);
    assert_done(trace_open(op, S("acme-okta"), S("acme"), &house->trace));
    trace_close(op, &house->trace, op_refuse(op, REASON_OF(SAML_MALFORMED), "no XML"));
    login_refused(op, house->fixture->store, ring, &house->trace, S("192.0.2.7"));
    struct trace found;
    struct call c = {.id = house->trace.id, .rows = {&found, 1}};
    assert_reason(fixture_read(house->fixture, call_trace_find, &c), NOT_FOUND);
    assert_int_equal(house_audits(house, "login.failed", NULL), 0);
    bool there = false;
    assert_done(ring_find(ring, op, house->trace.id, &found, &there));
    assert_true(there);
    ring_close(ring);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

static void nobody_has_more_sessions_than_can_be_ended_at_once(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    struct call first = {.cookie = house->login.cookie};
    for (size_t i = 1; i < SESSIONS_EACH_MAX; i++) {
        house->fixture->op.now += MINUTE_MS;
        house->fixture->op.arena.ceiling += ARENA_CEILING; // all of them in one
        house_identity(house);
        assert_done(house_admit(house));
    }
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &first));
    house_identity(house);
    assert_done(house_admit(house)); // one too many: the oldest goes
    assert_reason(fixture_read(house->fixture, call_session_by_cookie, &first), UNAUTHENTICATED);
    struct call last = {.cookie = house->login.cookie};
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &last));
    assert_int_equal(house_audits(house, "session.revoked", NULL), 1);
}

// ---- what changes between the signature and the transaction ----

static reason take_key_away(struct op *op, struct txn *txn, void *arg) {
    const struct house *house = arg;
    struct connection stored;
    const struct certificate gone = {
        .sha256 = S("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")};
    return connection_distrust(op, txn, &house->fixture->staff, S("acme-okta"), &gone, &stored);
}

static reason give_name_away(struct op *op, struct txn *txn, void *arg) {
    const struct house *house = arg;
    struct connection next = {.slug = S("acme-okta"), .tenant = S("umbrella")};
    next.policy = policy_default();
    next.policy.unsolicited = true;
    TRY(connection_remove(op, txn, &house->fixture->staff, S("acme-okta")));
    op->now++;
    return connection_create(op, txn, &house->fixture->staff, &next);
}

static void a_key_taken_away_meanwhile_lets_nobody_in(void **state) {
    struct house *house = house_of(state);
    assert_done(fixture_write(house->fixture, take_key_away, house));
    assert_refused(house, SIGNATURE_UNKNOWN_SIGNER);
    assert_slice(failed_row(&house->trace).check, "trust");
    assert_int_equal(house_audits(house, "user.created", NULL), 0);
}

static reason set_key(struct op *op, struct txn *txn, struct house *house, const char *der) {
    struct connection stored;
    struct certificate key = {.der = slice_str(der)};
    struct endpoint sso = {.binding = BINDING_REDIRECT, .location = S("https://idp.acme.example/sso")};
    const struct idp idp = {
        .entity_id = S("http://www.okta.com/exk1"), .sso = {&sso, 1}, .certificates = {&key, 1}};
    TRY(connection_set_idp(op, txn, &house->fixture->staff, S("acme-okta"), &idp, &stored));
    return connection_find(op, txn, S("acme-okta"), &house->other);
}

static reason set_one_key(struct op *op, struct txn *txn, void *arg) {
    return set_key(op, txn, arg, "one");
}

static reason set_other_key(struct op *op, struct txn *txn, void *arg) {
    return set_key(op, txn, arg, "other");
}

static void the_same_keys_given_once_more_keep_nobody_out(void **state) {
    struct house *house = house_of(state);
    assert_done(fixture_write(house->fixture, set_one_key, house));
    house->connection = house->other;
    house->fixture->op.now++;
    assert_done(fixture_write(house->fixture, set_one_key, house));
    assert_done(house_admit(house));
    assert_done(fixture_write(house->fixture, set_other_key, house));
    house_identity(house);
    assert_refused(house, SIGNATURE_UNKNOWN_SIGNER);
}

static void a_connection_that_took_over_the_short_name_lets_nobody_in(void **state) {
    struct house *house = house_of(state);
    house->identity.name_id = S("eve@umbrella.example");
    assert_done(fixture_write(house->fixture, give_name_away, house));
    assert_refused(house, SIGNATURE_UNKNOWN_SIGNER);
    assert_int_equal(house_audits(house, "user.created", NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_first_sign_in_makes_a_user_with_the_mapped_role),
        T(the_second_sign_in_finds_the_same_user),
        T(a_session_ends_when_the_idp_says_so),
        T(a_session_that_has_ended_at_the_idp_is_refused),
        T(an_answer_to_a_waiting_request_consumes_it),
        T(a_second_answer_to_the_same_request_is_refused),
        T(an_answer_to_a_sign_out_is_refused),
        T(an_answer_to_an_unknown_request_is_refused),
        T(an_answer_to_another_connections_request_is_refused),
        T(an_answer_that_comes_too_late_is_refused),
        T(an_answer_at_the_last_moment_is_in_time),
        T(a_missing_cookie_asks_once_more_and_consumes_nothing),
        T(a_cookie_that_is_missing_twice_is_refused),
        T(another_browsers_cookie_is_refused_at_once),
        T(a_wrong_relay_state_loses_the_target_not_the_login),
        T(an_unsolicited_response_is_refused_by_default),
        T(an_unsolicited_response_may_name_a_path_of_this_site),
        T(an_unsolicited_response_never_leads_off_this_site),
        T(a_policy_that_changed_meanwhile_counts),
        T(the_same_assertion_is_accepted_once),
        T(the_same_assertion_is_refused_after_a_restart),
        T(an_assertion_that_was_refused_is_not_used_up),
        T(an_assertion_without_id_is_refused),
        T(of_parallel_posts_of_one_assertion_exactly_one_passes),
        T(a_disabled_connection_lets_nobody_in),
        T(a_connection_that_is_gone_lets_nobody_in),
        T(a_disabled_tenant_lets_nobody_in_and_ends_its_sessions),
        T(nobody_has_more_sessions_than_can_be_ended_at_once),
        T(a_key_taken_away_meanwhile_lets_nobody_in),
        T(the_same_keys_given_once_more_keep_nobody_out),
        T(a_connection_that_took_over_the_short_name_lets_nobody_in),
        T(a_refusal_with_a_signature_is_kept_durably),
        T(a_refusal_without_a_signature_costs_no_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
