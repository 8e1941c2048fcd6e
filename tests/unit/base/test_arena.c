// SPDX-License-Identifier: GPL-3.0-or-later
// The memory of an operation and its ceiling, and what an operation keeps of a refusal.
#include "unit.h"

#include <stdalign.h>

static void pieces_are_zeroed_aligned_and_apart(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 1U << 20);
    char *before = NULL;
    for (size_t size = 0; size < 600; size++) {
        char *at = arena_take(&arena, size);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(at[i], 0);
        }
        memset(at, 0xAA, size);
        assert_ptr_not_equal(at, before);
        before = at;
    }
    arena_close(&arena);
}

static void a_raw_piece_is_aligned_and_meets_the_same_ceiling(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 100000);
    char *small = arena_take_raw(&arena, 0);
    assert_non_null(small);
    char *next = arena_take_raw(&arena, 5);
    assert_int_equal((uintptr_t)next % alignof(max_align_t), 0);
    assert_ptr_not_equal(next, small);
    assert_non_null(arena_take_raw(&arena, 60000));
    assert_null(arena_take_raw(&arena, 60000));
    assert_null(arena_take_raw(&arena, SIZE_MAX));
    arena_close(&arena);
}

static void what_was_there_before_is_not_seen_in_a_zeroed_piece(void **state) {
    (void)state;
    struct arena arena;
    for (size_t round = 0; round < 50; round++) { // blocks that were used, and given again by malloc
        arena_open(&arena, 1U << 20);
        char *room = arena_take_raw(&arena, 3000);
        char *zeroed = arena_take(&arena, 3000);
        assert_non_null(room);
        assert_non_null(zeroed);
        for (size_t i = 0; i < 3000; i++) {
            assert_int_equal(zeroed[i], 0);
        }
        memset(room, 0xAA, 3000);
        memset(zeroed, 0xAA, 3000);
        arena_close(&arena);
    }
}

static void a_large_piece_is_taken_and_a_larger_than_the_ceiling_is_not(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 100000);
    assert_non_null(arena_take(&arena, 90000));
    assert_null(arena_take(&arena, 90000));
    assert_null(arena_take(&arena, SIZE_MAX));
    assert_null(arena_take(&arena, SIZE_MAX - 8));
    arena_close(&arena);
}

static void many_small_pieces_meet_the_ceiling(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 64U << 10);
    size_t taken = 0;
    while (arena_take(&arena, 100) != NULL) {
        taken += 100;
        assert_true(taken < (64U << 10));
    }
    assert_true(taken > (32U << 10));
    arena_close(&arena);
}

static void a_closed_arena_can_be_used_again(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 50000);
    assert_non_null(arena_take(&arena, 40000));
    arena_close(&arena);
    assert_non_null(arena_take(&arena, 40000));
    arena_close(&arena);
}

static int calls[3];
static size_t called;

static void lent_memory_is_used_first_and_does_not_count(void **state) {
    (void)state;
    char lent[201];
    memset(lent, 0x5A, sizeof lent);
    struct arena arena;
    arena_open(&arena, 100000);
    arena_lend(&arena, lent + 1, 200); // at no good address
    char *first = arena_take(&arena, 100);
    assert_true(first > lent && first + 100 <= lent + 201);
    assert_int_equal((uintptr_t)first % alignof(max_align_t), 0);
    assert_int_equal(first[0] | first[99], 0);
    assert_int_equal(arena.taken, 0);
    char *second = arena_take(&arena, 100);
    assert_true(second < lent || second > lent + 200);
    assert_true(arena.taken > 0);
    arena_close(&arena);
    arena_open(&arena, 1000);
    arena_lend(&arena, lent, 3); // too little for anything
    assert_null(arena_take(&arena, 2000));
    arena_close(&arena);
}

static void note(void *what) {
    calls[called++] = *(int *)what;
}

static void deferred_calls_run_newest_first(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 50000);
    int numbers[] = {1, 2, 3};
    for (size_t i = 0; i < 3; i++) {
        assert_true(arena_defer(&arena, note, &numbers[i]));
    }
    assert_int_equal(called, 0);
    arena_close(&arena);
    assert_int_equal(called, 3);
    assert_int_equal(calls[0], 3);
    assert_int_equal(calls[2], 1);
    arena_close(&arena);
    assert_int_equal(called, 3);
}

static void an_operation_without_memory_refuses(void **state) {
    struct op *op = *state;
    op->arena.ceiling = 0;
    void *at = NULL;
    assert_refused(op_take(op, 10, &at), LIMIT_MEMORY);
    assert_true(op->detail.len > 0);
    struct slice copy;
    assert_refused(op_copy(op, S("abc"), &copy), LIMIT_MEMORY);
    assert_text(op_text(op, "%d", 5), "");
}

static void a_text_with_nul_gets_through_no_library_door(void **state) {
    struct op *op = *state;
    const char *text;
    assert_done(op_cstr(op, S("abc"), &text));
    assert_string_equal(text, "abc");
    assert_done(op_cstr(op, SLICE_NONE, &text));
    assert_string_equal(text, "");
    assert_refused(op_cstr(op, S("a\0b"), &text), INVALID_INPUT);
}

static void errors_by_field_are_kept_up_to_their_number(void **state) {
    struct op *op = *state;
    for (int i = 0; i < OP_ERRORS_MAX + 5; i++) {
        op_error(op, S("/x"), REASON_OF(FIELD_TYPE), "number %d", i);
    }
    assert_int_equal(op->error_count, OP_ERRORS_MAX);
    assert_text(op->errors[OP_ERRORS_MAX - 1].detail, "number 31");
}

static void each_reason_is_found_by_its_slug_and_stands_once(void **state) {
    (void)state;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        assert_int_equal(reason_table[i].number, i);
        assert_ptr_equal(reason_find(slice_str(reason_table[i].slug)), &reason_table[i]);
        assert_true(reason_table[i].http >= 400 && reason_table[i].http < 600);
    }
    assert_null(reason_find(S("no.such_slug")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_raw_piece_is_aligned_and_meets_the_same_ceiling),
        cmocka_unit_test(what_was_there_before_is_not_seen_in_a_zeroed_piece),
        cmocka_unit_test(a_large_piece_is_taken_and_a_larger_than_the_ceiling_is_not),
        cmocka_unit_test(many_small_pieces_meet_the_ceiling),
        cmocka_unit_test(a_closed_arena_can_be_used_again),
        cmocka_unit_test(lent_memory_is_used_first_and_does_not_count),
        cmocka_unit_test(deferred_calls_run_newest_first),
        TEST(an_operation_without_memory_refuses),
        TEST(a_text_with_nul_gets_through_no_library_door),
        TEST(errors_by_field_are_kept_up_to_their_number),
        cmocka_unit_test(each_reason_is_found_by_its_slug_and_stands_once),
    };
    RUN(tests);
}
