// SPDX-License-Identifier: GPL-3.0-or-later
// Rates of logins and of sign-ins that wait.
#include "http/scene.h"

static size_t logins_let_in(struct scene *at, const char *address, const char *connection,
                            size_t tries) {
    size_t in = 0;
    for (size_t i = 0; i < tries; i++) {
        reason why = limits_login(&at->op, at->gate.limits, &at->settings, slice_str(address),
                                  slice_str(connection));
        assert_true(why == NULL || why == REASON_OF(LOGIN_RATE_LIMITED));
        in += why == NULL ? 1 : 0;
    }
    return in;
}

static void rates_are_off_unless_set(void **state) {
    assert_int_equal(logins_let_in(*state, "192.0.2.1", "acme-okta", 5000), 5000);
}

static void an_address_has_its_rate(void **state) {
    struct scene *at = *state;
    at->settings.login_rate = 10;
    window_ahead(MINUTE_MS);
    assert_int_equal(logins_let_in(at, "192.0.2.1", "acme-okta", 100), 10);
    assert_int_equal(logins_let_in(at, "192.0.2.2", "acme-okta", 10), 10);
}

static void all_addresses_of_one_subscriber_of_ipv6_share_their_rate(void **state) {
    struct scene *at = *state;
    at->settings.login_rate = 10;
    size_t in = 0;
    window_ahead(MINUTE_MS);
    for (unsigned i = 0; i < 100; i++) {
        char address[64];
        (void)snprintf(address, sizeof address, "2001:db8:0:1:%x::7", i + 1);
        in += logins_let_in(at, address, "acme-okta", 1);
    }
    assert_int_equal(in, 10);
    assert_int_equal(logins_let_in(at, "2001:db8:0:2::7", "acme-okta", 10), 10);
    assert_int_equal(logins_let_in(at, "2001:db8::7", "acme-okta", 10), 10);
}

static void a_connection_has_its_rate(void **state) {
    struct scene *at = *state;
    at->settings.connection_rate = 10;
    size_t in = logins_let_in(at, "192.0.2.1", "acme-okta", 100);
    assert_in_range(in, 10, 20); // its second may end meanwhile
    assert_int_equal(logins_let_in(at, "192.0.2.1", "acme-entra", 10), 10);
}

static void what_is_refused_names_the_setting(void **state) {
    struct scene *at = *state;
    at->settings.login_rate = 1;
    window_ahead(MINUTE_MS);
    (void)logins_let_in(at, "192.0.2.1", "acme-okta", 3);
    assert_true(slice_find(at->op.detail, S("login_rate")) != SIZE_MAX);
    assert_true(slice_find(at->op.detail, S("192.0.2.1")) != SIZE_MAX);
}

static size_t starts_let_in(struct scene *at, const char *address, const char *connection,
                            size_t tries) {
    size_t in = 0;
    for (size_t i = 0; i < tries; i++) {
        reason why = limits_pending(&at->op, at->gate.limits, &at->settings, slice_str(address),
                                    slice_str(connection));
        assert_true(why == NULL || why == REASON_OF(LOGIN_RATE_LIMITED));
        in += why == NULL ? 1 : 0;
    }
    return in;
}

static void sign_ins_that_wait_are_counted_by_address_and_by_connection(void **state) {
    struct scene *at = *state;
    at->settings.pending_address_limit = 5;
    at->settings.pending_limit = 12;
    window_ahead(PENDING_LIFETIME);
    assert_int_equal(starts_let_in(at, "192.0.2.1", "acme-okta", 50), 5);
    size_t in = starts_let_in(at, "192.0.2.2", "acme-okta", 50) +
                starts_let_in(at, "192.0.2.3", "acme-okta", 50) +
                starts_let_in(at, "192.0.2.4", "acme-okta", 50);
    assert_int_equal(in, 7);
    assert_int_equal(starts_let_in(at, "192.0.2.5", "acme-entra", 5), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(rates_are_off_unless_set),
        SCENE_TEST(an_address_has_its_rate),
        SCENE_TEST(all_addresses_of_one_subscriber_of_ipv6_share_their_rate),
        SCENE_TEST(a_connection_has_its_rate),
        SCENE_TEST(what_is_refused_names_the_setting),
        SCENE_TEST(sign_ins_that_wait_are_counted_by_address_and_by_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
