// SPDX-License-Identifier: GPL-3.0-or-later
// Random bytes and ULIDs: order by time, and the reader of their time.
#include "unit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

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

#define PIECE 16
#define PIECES 100 // more than are fetched at once
struct pieces {
    char bytes[PIECES][PIECE];
};

static void *take_pieces(void *arg) {
    struct pieces *pieces = arg;
    for (size_t i = 0; i < PIECES; i++) {
        rand_open_bytes(pieces->bytes[i], PIECE);
    }
    return NULL;
}

static void assert_all_differ(char (*bytes)[PIECE], size_t count) {
    static const char zeros[PIECE];
    for (size_t i = 0; i < count; i++) {
        assert_memory_not_equal(bytes[i], zeros, PIECE);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(bytes[i], bytes[j], PIECE);
        }
    }
}

static void open_bytes_do_not_repeat_in_a_thread_or_between_threads(void **state) {
    (void)state;
    struct pieces taken[2];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_pieces, &taken[1]), 0);
    (void)take_pieces(&taken[0]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_all_differ(taken[0].bytes, sizeof taken / PIECE);
}

static void open_bytes_come_in_any_number(void **state) {
    (void)state;
    static char many[2][5000];
    char odd[2][7];
    for (size_t i = 0; i < 2; i++) {
        rand_open_bytes(odd[i], sizeof odd[i]);
        rand_open_bytes(many[i], sizeof many[i]);
        rand_open_bytes(many[i], 0);
    }
    assert_memory_not_equal(odd[0], odd[1], sizeof odd[0]);
    assert_memory_not_equal(many[0], many[1], sizeof many[0]);
    assert_memory_not_equal(many[0] + sizeof many[0] - 16, many[1] + sizeof many[1] - 16, 16);
}

static void a_child_of_fork_does_not_give_its_parents_bytes_away(void **state) {
    (void)state;
    char taken[3][PIECE];
    int ends[2];
    rand_open_bytes(taken[0], PIECE); // there is a stock
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        rand_open_bytes(taken[1], PIECE);
        _exit(write(ends[1], taken[1], PIECE) == PIECE ? 0 : 1);
    }
    rand_open_bytes(taken[2], PIECE);
    assert_int_equal(read(ends[0], taken[1], PIECE), PIECE);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_all_differ(taken, 3);
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

static void a_ulid_stands_for_sixteen_bytes_in_its_order(void **state) {
    (void)state;
    uint8_t bytes[ULID_BYTES];
    assert_true(ulid_bytes(S("01ARZ3NDEKTSV4RRFFQ69G5FAV"), bytes));
    assert_memory_equal(bytes, "\x01\x56\x3e\x3a\xb5\xd3\xd6\x76\x4c\x61\xef\xb9\x93\x02\xbd\x5b",
                        ULID_BYTES);
    assert_true(ulid_bytes(S("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), bytes));
    assert_memory_equal(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                        ULID_BYTES);
    assert_true(ulid_bytes(S("00000000000000000000000001"), bytes));
    assert_int_equal(bytes[15], 1);
    assert_false(ulid_bytes(S("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), bytes));
    assert_false(ulid_bytes(S("01ARZ3NDEKTSV4RRFFQ69G5FAU"), bytes));
    assert_false(ulid_bytes(S("0OARZ3NDEKTSV4RRFFQ69G5FAV"), bytes));
    assert_false(ulid_bytes(S("01ARZ3NDEKTSV4RRFFQ69G5FA"), bytes));
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
        cmocka_unit_test(open_bytes_do_not_repeat_in_a_thread_or_between_threads),
        cmocka_unit_test(open_bytes_come_in_any_number),
        cmocka_unit_test(a_child_of_fork_does_not_give_its_parents_bytes_away),
        TEST(an_id_has_its_prefix_and_its_time),
        TEST(ids_sort_by_time_and_do_not_repeat),
        cmocka_unit_test(the_example_of_the_ulid_text_has_its_time),
        cmocka_unit_test(a_ulid_stands_for_sixteen_bytes_in_its_order),
        cmocka_unit_test(what_is_no_ulid_is_refused),
    };
    RUN(tests);
}
