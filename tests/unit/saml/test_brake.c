// SPDX-License-Identifier: GPL-3.0-or-later
// The brake on a burst of failed decryptions, with a clock that the test turns (the linker's --wrap).
#include "saml/brake.h"

#include "base/clock.h"
#include "base/unit.h"

static int64_t now = 1000000;

int64_t __wrap_clock_steady(void);
int64_t __wrap_clock_steady(void) {
    return now;
}

static void fail_times(struct brake *brake, const char *connection, int times) {
    for (int i = 0; i < times; i++) {
        brake_failed(brake, slice_str(connection));
    }
}

static void fifty_failures_in_a_minute_brake_and_one_less_does_not(void **state) {
    (void)state;
    struct brake *brake = brake_open();
    assert_non_null(brake);
    assert_false(brake_is_on(brake, S("acme")));
    fail_times(brake, "acme", BRAKE_FAILURES - 1);
    assert_false(brake_is_on(brake, S("acme")));
    fail_times(brake, "acme", 1);
    assert_true(brake_is_on(brake, S("acme")));
    assert_false(brake_is_on(brake, S("other"))); // that one's people notice nothing
    brake_close(brake);
}

static void it_lets_go_after_its_pause_and_not_before(void **state) {
    (void)state;
    struct brake *brake = brake_open();
    fail_times(brake, "acme", BRAKE_FAILURES);
    now += BRAKE_PAUSE - 1;
    assert_true(brake_is_on(brake, S("acme")));
    now += 1;
    assert_false(brake_is_on(brake, S("acme")));
    fail_times(brake, "acme", BRAKE_FAILURES - 1); // counting begins anew
    assert_false(brake_is_on(brake, S("acme")));
    fail_times(brake, "acme", 1);
    assert_true(brake_is_on(brake, S("acme")));
    brake_close(brake);
}

static void failures_now_and_then_do_not_brake(void **state) {
    (void)state;
    struct brake *brake = brake_open();
    for (int i = 0; i < 4 * BRAKE_FAILURES; i++) {
        fail_times(brake, "acme", 1);
        assert_false(brake_is_on(brake, S("acme")));
        now += BRAKE_WINDOW / (BRAKE_FAILURES - 2);
    }
    brake_close(brake);
    brake_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_failures_in_a_minute_brake_and_one_less_does_not),
        cmocka_unit_test(it_lets_go_after_its_pause_and_not_before),
        cmocka_unit_test(failures_now_and_then_do_not_brake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
