// SPDX-License-Identifier: GPL-3.0-or-later
// Random bytes and ULIDs: order by time, and the reader of their time.
#include "unit.h"

#include "base/rand.h"

static void bytes_come_in_any_number_and_differ(void **state) {
    (void)state;
    static char one[100000];
    static char other[sizeof one];
    rand_bytes(one, sizeof one);
    rand_bytes(other, sizeof other);
    assert_memory_not_equal(one, other, sizeof one);
    assert_memory_not_equal(one + sizeof one - 16, other + sizeof other - 16, 16);
    one[0] = 42;
    rand_bytes(one, 0);
    assert_int_equal(one[0], 42);
}

static void an_id_has_its_prefix_and_its_time(void **state) {
    struct op *op = *state;
    struct slice id;
    assert_done(rand_ulid(op, S("usr_"), &id));
    assert_int_equal(id.len, 4 + ULID_TEXT);
    assert_true(slice_starts(id, S("usr_")));
    int64_t time;
    assert_true(ulid_time(slice_sub(id, 4, id.len), &time));
    assert_true(time == op->now);
}

static void ids_sort_by_time_and_do_not_repeat(void **state) {
    struct op *op = *state;
    struct slice before;
    assert_done(rand_ulid(op, SLICE_NONE, &before));
    for (int i = 0; i < 1000; i++) {
        struct slice same_time;
        assert_done(rand_ulid(op, SLICE_NONE, &same_time));
        assert_false(slice_equal(before, same_time));
        op->now += i % 7 + 1;
        struct slice next;
        assert_done(rand_ulid(op, SLICE_NONE, &next));
        assert_true(slice_compare(before, next) < 0);
        before = next;
    }
}

static void the_example_of_the_ulid_text_has_its_time(void **state) {
    (void)state;
    int64_t time;
    assert_true(ulid_time(S("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &time));
    assert_true(time == INT64_C(1469922850259));
    assert_true(ulid_time(S("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), &time));
    assert_true(time == (INT64_C(1) << 48) - 1);
}

static void what_is_no_ulid_is_refused(void **state) {
    (void)state;
    int64_t time;
    assert_false(ulid_time(S("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), &time)); // more than 128 bits
    assert_false(ulid_time(S("01ARZ3NDEKTSV4RRFFQ69G5FA"), &time));
    assert_false(ulid_time(S("01ARZ3NDEKTSV4RRFFQ69G5FAVV"), &time));
    assert_false(ulid_time(S("01arz3ndektsv4rrffq69g5fav"), &time));
    assert_false(ulid_time(S("01ARZ3NDEKTSV4RRFFQ69G5FAU"), &time)); // no U, I, L, O
    assert_false(ulid_time(S("01ARZ3NDEKTSV4RRFFQ69G5FA\0"), &time));
    assert_false(ulid_time(SLICE_NONE, &time));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_in_any_number_and_differ),
        TEST(an_id_has_its_prefix_and_its_time),
        TEST(ids_sort_by_time_and_do_not_repeat),
        cmocka_unit_test(the_example_of_the_ulid_text_has_its_time),
        cmocka_unit_test(what_is_no_ulid_is_refused),
    };
    RUN(tests);
}
