// SPDX-License-Identifier: GPL-3.0-or-later
// Counts of many keys in a table of fixed size: exact while there is room, never too little when there is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/op.h"
#include "http/counters.h"

#define MOST 5
#define WINDOW 7

static struct counters *counters;

static int set_up(void **state) {
    (void)state;
    counters = calloc(1, sizeof *counters);
    return counters == NULL;
}

static int tear_down(void **state) {
    (void)state;
    free(counters);
    return 0;
}

// Who comes as the nth, on any place of the table.
static struct sha256 anybody(uint32_t n) {
    return digest_sha256(slice_of(&n, sizeof n));
}

// Who comes as the nth, all of them neighbours.
static struct sha256 neighbour(uint32_t n) {
    struct sha256 digest = anybody(n);
    memset(digest.bytes, 0, sizeof(uint32_t));
    return digest;
}

static bool comes(struct sha256 who) {
    return counters_count(counters, &who, WINDOW, MOST, 1);
}

static bool may_come(struct sha256 who) {
    return counters_count(counters, &who, WINDOW, MOST, 0);
}

static void each_of_many_comes_as_often_as_it_may(void **state) {
    (void)state;
    for (uint32_t round = 0; round < MOST; round++) {
        for (uint32_t n = 0; n < COUNTERS / COUNTERS_NEIGHBOURS; n++) {
            assert_true(may_come(anybody(n)));
            assert_true(comes(anybody(n)));
        }
    }
    for (uint32_t n = 0; n < COUNTERS / COUNTERS_NEIGHBOURS; n++) {
        assert_false(may_come(anybody(n)));
        assert_false(comes(anybody(n)));
    }
}

static void neighbours_have_their_own_counts(void **state) {
    (void)state;
    while (comes(neighbour(0))) {
    }
    for (uint32_t n = 1; n < COUNTERS_NEIGHBOURS; n++) {
        for (unsigned i = 0; i < MOST; i++) {
            assert_true(comes(neighbour(n)));
        }
        assert_false(comes(neighbour(n)));
    }
}

static void a_new_window_begins_at_nothing(void **state) {
    (void)state;
    struct sha256 who = anybody(1);
    while (comes(who)) {
    }
    assert_true(counters_count(counters, &who, WINDOW + 1, MOST, MOST));
    assert_false(counters_count(counters, &who, WINDOW + 1, MOST, 1));
}

static void who_is_late_for_a_window_sets_nobody_back(void **state) {
    (void)state;
    struct sha256 who = neighbour(0);
    struct sha256 late = neighbour(1);
    assert_true(counters_count(counters, &who, WINDOW + 1, MOST, MOST));
    assert_true(comes(late));
    assert_false(counters_count(counters, &who, WINDOW + 1, MOST, 1));
    assert_false(comes(who));
    assert_true(counters_count(counters, &late, WINDOW + 1, MOST, MOST - 1));
    assert_false(counters_count(counters, &late, WINDOW + 1, MOST, 1));
}

static void who_only_asks_takes_no_place(void **state) {
    (void)state;
    struct sha256 first = neighbour(0);
    assert_true(comes(first));
    for (uint32_t n = 1; n < 100; n++) {
        assert_true(may_come(neighbour(n)));
    }
    for (unsigned i = 1; i < MOST; i++) {
        assert_true(comes(first));
    }
    assert_false(comes(first));
    assert_true(may_come(neighbour(1)));
}

static void nobody_gets_more_by_coming_with_strangers(void **state) {
    (void)state;
    unsigned came = 0;
    // More neighbours than there are places, by turns: each would be new again whenever it comes.
    for (uint32_t i = 0; i < 100 * COUNTERS_NEIGHBOURS; i++) {
        struct sha256 who = neighbour(i % (2 * COUNTERS_NEIGHBOURS));
        came += comes(who) ? 1 : 0;
    }
    assert_int_equal(came, COUNTERS_NEIGHBOURS * MOST);
}

static void strangers_push_out_no_count_that_is_higher(void **state) {
    (void)state;
    struct sha256 guesser = neighbour(0);
    while (comes(guesser)) {
    }
    for (uint32_t n = 1; n < 20; n++) {
        assert_true(comes(neighbour(n)));
    }
    assert_false(may_come(guesser));
}

static void one_among_many_is_counted_too_much_by_little(void **state) {
    (void)state;
    for (uint32_t n = 0; n < COUNTERS; n++) {
        assert_true(comes(anybody(n)));
    }
    // Of as many who came once each, nobody takes more from the next than a place of two.
    struct sha256 next = anybody(COUNTERS + 1);
    unsigned came = 0;
    while (comes(next)) {
        came++;
    }
    assert_in_range(came, MOST - 2, MOST);
}

#define COUNT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        COUNT_TEST(each_of_many_comes_as_often_as_it_may),
        COUNT_TEST(neighbours_have_their_own_counts),
        COUNT_TEST(a_new_window_begins_at_nothing),
        COUNT_TEST(who_is_late_for_a_window_sets_nobody_back),
        COUNT_TEST(who_only_asks_takes_no_place),
        COUNT_TEST(nobody_gets_more_by_coming_with_strangers),
        COUNT_TEST(strangers_push_out_no_count_that_is_higher),
        COUNT_TEST(one_among_many_is_counted_too_much_by_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
