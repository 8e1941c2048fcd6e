// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of this room share: cmocka with the headers that it needs, and comparisons of slices that
// say both sides when they fail.
#ifndef GATEHOUSE_UNIT_BASE_H
#define GATEHOUSE_UNIT_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/op.h"

// One fixed moment: 2026-11-21T16:00:00Z.
#define NOON INT64_C(1795276800000)

__attribute__((unused)) static void check_slice(struct slice got, struct slice want,
                                                const char *file, int line) {
    if (!slice_equal(got, want)) {
        print_error("got  \"%.*s\" (%zu bytes)\nwant \"%.*s\" (%zu bytes)\n", SLICE(got), got.len,
                    SLICE(want), want.len);
        _fail(file, line);
    }
}
#define assert_slice(got, want) check_slice((got), (want), __FILE__, __LINE__)
#define assert_text(got, want) check_slice((got), slice_str(want), __FILE__, __LINE__)

__attribute__((unused)) static void check_reason(reason got, reason want, const char *file,
                                                 int line) {
    if (got != want) {
        print_error("got %s, want %s\n", got != NULL ? got->slug : "done",
                    want != NULL ? want->slug : "done");
        _fail(file, line);
    }
}
#define assert_done(call) check_reason((call), NULL, __FILE__, __LINE__)
#define assert_refused(call, name) check_reason((call), REASON_OF(name), __FILE__, __LINE__)

// An op of its own for a test, in *state.
__attribute__((unused)) static int open_op(void **state) {
    struct op *op = calloc(1, sizeof *op);
    if (op == NULL) {
        return -1;
    }
    op_open(op, NOON);
    *state = op;
    return 0;
}

__attribute__((unused)) static int close_op(void **state) {
    op_close(*state);
    free(*state);
    return 0;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_op, close_op)
#define RUN(tests) return cmocka_run_group_tests(tests, NULL, NULL)

#endif
