// SPDX-License-Identifier: GPL-3.0-or-later
// Sign-ins that wait for an answer: found by request id and by handle, by nothing else; never with
// a target on another site.
#include "people.h"

#include "base/digest.h"

CALLS(call_by_handle, pending_find_by_handle(op, txn, c->id, &c->pending, &c->yes))
CALLS(call_remove, pending_remove(op, txn, c->id))

static struct call start(struct house *house, const char *return_to) {
    struct call c = {.pending = {.connection = S("acme-okta"), .return_to = slice_str(return_to)}};
    assert_done(fixture_write(house->fixture, call_pending_add, &c));
    return c;
}
static bool is_found(struct house *house, store_fn fn, struct slice id) {
    struct call c = {.id = id, .yes = true};
    assert_done(fixture_read(house->fixture, fn, &c));
    return c.yes;
}

static void a_pending_request_is_found_both_ways(void **state) {
    struct house *house = *state;
    struct call c = start(house, "/reports");
    assert_int_equal(c.pending.handle.len, PENDING_HANDLE);
    assert_int_equal(c.pending.request_id.len, 41);
    assert_int_equal(c.pending.request_id.at[0], '_'); // an xs:ID starts with a letter or this
    assert_int_equal(c.pending.expires_at, NOON + PENDING_LIFETIME);
    struct call found = {.id = c.pending.request_id};
    assert_done(fixture_read(house->fixture, call_pending_find, &found));
    assert_true(found.yes);
    assert_slice(found.pending.return_to, "/reports");
    assert_slice(found.pending.connection, "acme-okta");
    assert_true(is_found(house, call_by_handle, c.pending.handle));
}

static void the_cookies_value_is_not_stored(void **state) {
    struct house *house = *state;
    struct call c = start(house, "");
    assert_int_equal(c.cookie.len, 43);
    struct sha256 digest = digest_sha256(c.cookie);
    assert_true(slice_equal(digest_slice(&digest), c.pending.cookie_hash));
    struct call other = start(house, "");
    assert_false(slice_equal(c.cookie, other.cookie));
    assert_false(slice_equal(c.pending.handle, other.pending.handle));
}

static void what_is_no_id_of_ours_is_not_found(void **state) {
    struct house *house = *state;
    struct call c = start(house, "");
    static char longer[100000];
    memset(longer, 'a', sizeof longer);
    struct slice bad[] = {
        S(""),
        S("_"),
        slice_of(longer, sizeof longer),
        c.pending.handle,
        slice_sub(c.pending.request_id, 0, 40),
        op_text(&house->fixture->op, "%.*s ", SLICE(c.pending.request_id)),
        op_text(&house->fixture->op, "x%.*s", SLICE(slice_sub(c.pending.request_id, 1, 41)))};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(is_found(house, call_pending_find, bad[i]));
    }
    struct slice no_handle[] = {S(""), c.pending.request_id,
                                slice_sub(c.pending.handle, 0, PENDING_HANDLE - 1),
                                S("!!!!!!!!!!!!!!!!!!!!!!!!!!!")};
    for (size_t i = 0; i < sizeof no_handle / sizeof no_handle[0]; i++) {
        assert_false(is_found(house, call_by_handle, no_handle[i]));
    }
}

static void an_expired_one_is_still_found(void **state) {
    struct house *house = *state;
    struct call c = start(house, "");
    house->fixture->op.now = NOON + 2 * PENDING_LIFETIME;
    assert_true(is_found(house, call_pending_find, c.pending.request_id));
}

static void a_removed_one_is_gone(void **state) {
    struct house *house = *state;
    struct call c = start(house, "");
    struct call other = start(house, "");
    struct call gone = {.id = c.pending.handle};
    assert_done(fixture_write(house->fixture, call_remove, &gone));
    assert_false(is_found(house, call_pending_find, c.pending.request_id));
    assert_true(is_found(house, call_pending_find, other.pending.request_id));
    assert_done(fixture_write(house->fixture, call_remove, &gone)); // twice is no harm
}

static void a_target_on_another_site_is_refused(void **state) {
    struct house *house = *state;
    static const char *const bad[] = {"https://evil.example/", "//evil.example", "/\\evil",
                                      "reports"};
    for (size_t i = 0; i < 4; i++) {
        struct call c = {.pending = {.connection = S("acme-okta"), .return_to = slice_str(bad[i])}};
        assert_reason(fixture_write(house->fixture, call_pending_add, &c), INVALID_INPUT);
    }
}

CALLS(call_take_logout, pending_take_logout(op, txn, c->pending.connection, c->id, &c->yes))

static bool is_taken(struct house *house, const char *connection, struct slice id) {
    struct call c = {.id = id, .pending = {.connection = slice_str(connection)}};
    assert_done(fixture_write(house->fixture, call_take_logout, &c));
    return c.yes;
}

static void a_sign_out_is_answered_once_and_at_its_own_connection(void **state) {
    struct house *house = *state;
    struct call c = {.pending = {.connection = S("acme-okta"), .logout = true}};
    assert_done(fixture_write(house->fixture, call_pending_add, &c));
    struct slice id = c.pending.request_id;
    assert_false(is_taken(house, "acme-entra", id));
    assert_false(is_taken(house, "acme-okta", S("")));
    assert_false(is_taken(house, "acme-okta", S("_made_up")));
    assert_true(is_taken(house, "acme-okta", id));
    assert_false(is_taken(house, "acme-okta", id));
    assert_false(is_found(house, call_pending_find, id));
}

static void a_sign_in_or_what_expired_is_no_sign_out(void **state) {
    struct house *house = *state;
    struct call c = start(house, "");
    assert_false(is_taken(house, "acme-okta", c.pending.request_id));
    assert_true(is_found(house, call_pending_find, c.pending.request_id));
    c = (struct call){.pending = {.connection = S("acme-okta"), .logout = true}};
    assert_done(fixture_write(house->fixture, call_pending_add, &c));
    house->fixture->op.now += PENDING_LIFETIME + 1;
    assert_false(is_taken(house, "acme-okta", c.pending.request_id));
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_pending_request_is_found_both_ways),
        T(the_cookies_value_is_not_stored),
        T(what_is_no_id_of_ours_is_not_found),
        T(an_expired_one_is_still_found),
        T(a_removed_one_is_gone),
        T(a_target_on_another_site_is_refused),
        T(a_sign_out_is_answered_once_and_at_its_own_connection),
        T(a_sign_in_or_what_expired_is_no_sign_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
