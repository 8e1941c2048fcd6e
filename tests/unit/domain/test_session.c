// SPDX-License-Identifier: GPL-3.0-or-later
// Sessions: found only by their whole cookie or id, while they last and their member may; ended one
// by one and all at once.
#include "people.h"

#include "base/encode.h"

CALLS(call_add, session_add(op, txn, &c->session, &c->cookie))
CALLS(call_end, session_end(op, txn, c->actor, c->id, &c->yes))
CALLS(call_end_all, session_end_all(op, txn, c->actor, c->tenant, c->id, &c->count))
CALLS(call_list, session_list(op, txn, c->tenant, c->id, c->connection, &c->rows))

static struct call add(struct house *house, struct slice user_id, const char *tenant,
                       const char *connection, int64_t expires) {
    struct call c = {.session = {.tenant = slice_str(tenant),
                                 .user_id = user_id,
                                 .connection = slice_str(connection),
                                 .expires_at = expires}};
    assert_done(fixture_write(house->fixture, call_add, &c));
    return c;
}

static reason by_cookie(struct house *house, struct slice cookie) {
    struct call c = {.cookie = cookie};
    return fixture_read(house->fixture, call_session_by_cookie, &c);
}
static reason by_id(struct house *house, struct slice id) {
    struct call c = {.id = id};
    return fixture_read(house->fixture, call_session_find, &c);
}

static void a_session_is_found_by_cookie_and_by_id(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    struct call c = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    assert_int_equal(c.cookie.len, SESSION_COOKIE);
    assert_int_equal(c.session.id.len, 44);
    assert_true(slice_starts(c.session.id, S("ses_")));
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &c));
    assert_true(slice_equal(c.view.user.id, id));
    assert_slice(c.view.roles.at[0], "admin");
    assert_true(permission_may(c.view.permissions, "users:manage"));
    assert_true(slice_equal(c.view.session.id, c.session.id));
    assert_done(by_id(house, c.session.id));
}

static void the_id_says_nothing_about_the_cookie(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    struct slice secret;
    struct slice hex;
    assert_true(decode_base64url(&house->fixture->op, c.cookie, &secret));
    assert_done(encode_hex(&house->fixture->op, slice_sub(secret, 4, 20), &hex));
    assert_true(slice_find(c.session.id, hex) == SIZE_MAX);
    assert_reason(by_cookie(house, slice_sub(c.session.id, 0, SESSION_COOKIE)), UNAUTHENTICATED);
}

static void one_letter_off_is_no_session(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    for (size_t i = 0; i < SESSION_COOKIE; i++) {
        char bent[SESSION_COOKIE];
        memcpy(bent, c.cookie.at, sizeof bent);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        assert_reason(by_cookie(house, slice_of(bent, sizeof bent)), UNAUTHENTICATED);
    }
    assert_done(by_cookie(house, c.cookie));
}

static void what_is_no_cookie_or_id_is_no_session(void **state) {
    struct house *house = *state;
    static const char *const bad[] = {"",
                                      "x",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "++++AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "ses_",
                                      "ses_0123456789abcdef0123456789abcdef01234567",
                                      "ses_0123456789ABCDEF0123456789abcdef01234567",
                                      "ses_0123456789abcdef0123456789abcdef0123456",
                                      "SES_0123456789abcdef0123456789abcdef01234567"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_reason(by_cookie(house, slice_str(bad[i])), UNAUTHENTICATED);
        assert_reason(by_id(house, slice_str(bad[i])), UNAUTHENTICATED);
    }
}

static void a_session_ends_at_its_time(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    house->fixture->op.now = NOON + HOUR_MS - 1;
    assert_done(by_cookie(house, c.cookie));
    house->fixture->op.now = NOON + HOUR_MS;
    assert_reason(by_cookie(house, c.cookie), UNAUTHENTICATED);
    assert_reason(by_id(house, c.session.id), UNAUTHENTICATED);
}

static void a_session_without_end_is_a_bug(void **state) {
    struct house *house = *state;
    struct call c = {.session = {.tenant = S("acme"), .user_id = S("usr_1")}};
    assert_reason(fixture_write(house->fixture, call_add, &c), INTERNAL);
    c.session.expires_at = NOON;
    assert_reason(fixture_write(house->fixture, call_add, &c), INTERNAL);
}

static void a_session_of_nobody_is_none(void **state) {
    struct house *house = *state;
    struct call c = add(house, S("usr_none"), "acme", "acme-okta", NOON + HOUR_MS);
    assert_reason(by_cookie(house, c.cookie), UNAUTHENTICATED);
    struct slice eve = add_by_hand(house, "umbrella", "eve@umbrella.example", "admin");
    c = add(house, eve, "acme", "acme-okta", NOON + HOUR_MS); // a member elsewhere only
    assert_reason(by_cookie(house, c.cookie), UNAUTHENTICATED);
}

static void roles_are_read_anew_each_time(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    struct call c = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    struct slice role = S("read_only");
    struct call change = {
        .tenant = S("acme"), .id = id, .actor = &house->fixture->staff, .roles = {&role, 1}};
    assert_done(fixture_write(house->fixture, call_set_roles, &change));
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &c));
    assert_false(permission_may(c.view.permissions, "users:manage"));
}

static void a_session_is_ended_once(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    struct call end = {.id = c.session.id, .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, call_end, &end));
    assert_true(end.yes);
    assert_reason(by_cookie(house, c.cookie), UNAUTHENTICATED);
    assert_done(fixture_write(house->fixture, call_end, &end));
    assert_false(end.yes);
    end.id = S("ses_nonsense");
    assert_done(fixture_write(house->fixture, call_end, &end));
    assert_false(end.yes);
    assert_int_equal(house_audits(house, "session.revoked", NULL), 1);
}

static void sessions_are_listed_and_ended_by_tenant_and_connection(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call join = {.tenant = S("umbrella"),
                        .actor = &house->fixture->staff,
                        .user = {.email = S("jane@acme.example")}};
    assert_done(fixture_write(house->fixture, call_member_add, &join));
    (void)add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    (void)add(house, id, "acme", "acme-entra", NOON + HOUR_MS);
    struct call there = add(house, id, "umbrella", "", NOON + HOUR_MS);
    struct call list = {.tenant = S("acme"), .id = id, .actor = &house->fixture->staff};
    assert_done(fixture_read(house->fixture, call_list, &list));
    assert_int_equal(list.rows.count, 2);
    list.connection = S("acme-okta");
    assert_done(fixture_read(house->fixture, call_list, &list));
    assert_int_equal(list.rows.count, 1);
    assert_slice(((const struct session *)list.rows.at)[0].connection, "acme-okta");
    assert_done(fixture_write(house->fixture, call_end_all, &list));
    assert_int_equal(list.count, 2);
    assert_done(by_cookie(house, there.cookie));
    assert_done(fixture_write(house->fixture, call_end_all, &list));
    assert_int_equal(list.count, 0);
}

CALLS(call_switch, connection_set_disabled(op, txn, c->actor, c->connection, c->yes,
                                           &(struct connection){.slug = SLICE_NONE}))
CALLS(call_take_away, connection_remove(op, txn, c->actor, c->connection))
CALLS(call_make, connection_create(op, txn, c->actor,
                                   &(struct connection){.slug = S("acme-okta"), .tenant = S("acme")}))

static void switch_to(struct house *house, bool disabled) {
    struct call c = {.connection = S("acme-okta"), .yes = disabled, .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, call_switch, &c));
}

static void a_session_is_worth_nothing_without_its_connection(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    struct call other = add(house, id, "acme", "acme-entra", NOON + HOUR_MS);
    struct call none = add(house, id, "acme", "", NOON + HOUR_MS); // not made by an identity provider
    struct call never = add(house, id, "acme", "acme-never", NOON + HOUR_MS);
    assert_done(by_cookie(house, c.cookie));
    assert_reason(by_cookie(house, never.cookie), UNAUTHENTICATED);
    switch_to(house, true);
    assert_reason(by_cookie(house, c.cookie), UNAUTHENTICATED);
    assert_reason(by_id(house, c.session.id), UNAUTHENTICATED);
    assert_done(by_cookie(house, other.cookie));
    assert_done(by_cookie(house, none.cookie));
}

// Whoever switched it off had a reason: who signed in before that signs in again.
static void switching_a_connection_on_again_brings_no_session_back(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call before = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    switch_to(house, false); // it is on: nothing changes
    house->fixture->op.now += MINUTE_MS;
    switch_to(house, false);
    assert_done(by_cookie(house, before.cookie));
    switch_to(house, true);
    house->fixture->op.now += MINUTE_MS;
    switch_to(house, false);
    assert_reason(by_cookie(house, before.cookie), UNAUTHENTICATED);
    struct call after = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    assert_done(by_cookie(house, after.cookie));
}

static void a_connection_of_the_same_name_inherits_no_sessions(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call before = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    struct call change = {.connection = S("acme-okta"), .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, call_take_away, &change));
    assert_reason(by_cookie(house, before.cookie), UNAUTHENTICATED);
    house->fixture->op.now += MINUTE_MS;
    assert_done(fixture_write(house->fixture, call_make, &change));
    assert_reason(by_cookie(house, before.cookie), UNAUTHENTICATED);
    struct call after = add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    assert_done(by_cookie(house, after.cookie));
}

static void several_batches_of_sessions_are_all_ended(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    for (size_t i = 0; i < 300; i++) {
        (void)add(house, id, "acme", "acme-okta", NOON + HOUR_MS);
    }
    struct call list = {.tenant = S("acme"), .id = id, .actor = &house->fixture->staff};
    assert_done(fixture_read(house->fixture, call_list, &list));
    assert_int_equal(list.rows.count, 300);
    assert_done(fixture_write(house->fixture, call_end_all, &list));
    assert_int_equal(list.count, 300);
    assert_done(fixture_read(house->fixture, call_list, &list));
    assert_int_equal(list.rows.count, 0);
}

// ---- by the NameID that a sign-out message names ----

CALLS(call_named, session_list_by_name_id(op, txn, c->connection, c->id, &c->rows))

static size_t named(struct house *house, const char *connection, const char *name_id) {
    struct call c = {.connection = slice_str(connection), .id = slice_str(name_id)};
    assert_done(fixture_read(house->fixture, call_named, &c));
    for (size_t i = 0; i < c.rows.count; i++) {
        const struct session *session = &((const struct session *)c.rows.at)[i];
        assert_slice(session->name_id, name_id);
        assert_slice(session->connection, connection);
    }
    return c.rows.count;
}

static void come_in(struct house *house, const char *name_id, bool by_link) {
    house_identity(house);
    house->identity.name_id = slice_str(name_id);
    assert_done(house_admit(house));
    assert_int_equal(house->login.session.by_link, by_link);
}

static void all_sessions_of_a_name_id_are_found_each_once(void **state) {
    struct house *house = *state;
    come_in(house, "jane@acme.example", true);
    struct slice first = house->login.session.id;
    come_in(house, "jane@acme.example", true);
    come_in(house, "Jane@Acme.example", false); // the same person, called otherwise
    come_in(house, "john@acme.example", true);
    assert_int_equal(named(house, "acme-okta", "jane@acme.example"), 2);
    assert_int_equal(named(house, "acme-okta", "Jane@Acme.example"), 1);
    assert_int_equal(named(house, "acme-okta", "john@acme.example"), 1);
    assert_int_equal(named(house, "acme-okta", "nobody@acme.example"), 0);
    assert_int_equal(named(house, "acme-entra", "jane@acme.example"), 0);
    struct call end = {.id = first, .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, call_end, &end));
    assert_int_equal(named(house, "acme-okta", "jane@acme.example"), 1);
}

static void a_name_id_that_links_nobody_finds_its_sessions_too(void **state) {
    struct house *house = *state;
    struct policy policy = house->connection.policy;
    policy.identifier_attribute = S("employee");
    policy.email_attribute = S("mail");
    house_policy(house, &policy);
    for (size_t i = 0; i < 2; i++) {
        house_identity(house);
        house_attribute(house, "employee", i == 0 ? "17" : "18");
        house_attribute(house, "mail", i == 0 ? "jane@acme.example" : "17@acme.example");
        house->identity.name_id = i == 0 ? S("abc") : S("17"); // as the other one is linked
        assert_done(house_admit(house));
        assert_false(house->login.session.by_link);
    }
    assert_int_equal(named(house, "acme-okta", "abc"), 1);
    assert_int_equal(named(house, "acme-okta", "17"), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_session_is_found_by_cookie_and_by_id),
        T(the_id_says_nothing_about_the_cookie),
        T(one_letter_off_is_no_session),
        T(what_is_no_cookie_or_id_is_no_session),
        T(a_session_ends_at_its_time),
        T(a_session_without_end_is_a_bug),
        T(a_session_of_nobody_is_none),
        T(roles_are_read_anew_each_time),
        T(a_session_is_ended_once),
        T(sessions_are_listed_and_ended_by_tenant_and_connection),
        T(a_session_is_worth_nothing_without_its_connection),
        T(switching_a_connection_on_again_brings_no_session_back),
        T(a_connection_of_the_same_name_inherits_no_sessions),
        T(several_batches_of_sessions_are_all_ended),
        T(all_sessions_of_a_name_id_are_found_each_once),
        T(a_name_id_that_links_nobody_finds_its_sessions_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
