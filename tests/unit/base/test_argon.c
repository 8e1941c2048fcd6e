// SPDX-License-Identifier: GPL-3.0-or-later
// Hashes of passwords: made, compared, told from older ones; and a queue that is short.
#include "unit.h"

#include <pthread.h>

#include "base/argon.h"
#include "base/clock.h"

static const struct argon_options small = {
    .memory_kib = 64, .passes = 1, .lanes = 1, .threads = 1, .waiting = 1};

static void a_password_is_known_again(void **state) {
    (void)state;
    struct op op;
    struct slice text;
    struct slice other;
    bool same = false;
    bool old = true;
    op_open(&op, 0);
    struct argon *argon = argon_open(&small);
    assert_non_null(argon);
    assert_null(argon_hash(&op, argon, S("correct horse"), &text));
    assert_true(slice_starts(text, S("$argon2id$v=19$m=64,t=1,p=1$")));
    assert_true(text.len < ARGON_TEXT_MAX);
    assert_null(argon_hash(&op, argon, S("correct horse"), &other));
    assert_false(slice_equal(text, other)); // salted
    assert_null(argon_verify(&op, argon, text, S("correct horse"), &same, &old));
    assert_true(same && !old);
    assert_null(argon_verify(&op, argon, text, S("correct house"), &same, NULL));
    assert_false(same);
    assert_null(argon_verify(&op, argon, S(""), S("correct horse"), &same, NULL));
    assert_false(same);
    assert_null(argon_verify(&op, argon, S("$argon2id$nonsense"), S("correct horse"), &same, NULL));
    assert_false(same);
    argon_close(argon);
    struct argon_options more = small;
    more.passes = 2;
    argon = argon_open(&more);
    assert_null(argon_verify(&op, argon, text, S("correct horse"), &same, &old));
    assert_true(same && old);
    argon_close(argon);
    op_close(&op);
}

static void what_no_password_can_be_is_refused_or_wrong(void **state) {
    (void)state;
    static char long_one[ARGON_PASSWORD_MAX + 1];
    struct op op;
    struct slice text;
    bool same = true;
    op_open(&op, 0);
    struct argon *argon = argon_open(&small);
    memset(long_one, 'x', sizeof long_one);
    assert_ptr_equal(argon_hash(&op, argon, slice_of(long_one, sizeof long_one), &text),
                     REASON_OF(INVALID_INPUT));
    assert_ptr_equal(argon_hash(&op, argon, S(""), &text), REASON_OF(INVALID_INPUT));
    assert_null(argon_hash(&op, argon, slice_of(long_one, ARGON_PASSWORD_MAX), &text));
    assert_null(argon_verify(&op, argon, text, slice_of(long_one, sizeof long_one), &same, NULL));
    assert_false(same);
    assert_null(argon_verify(&op, argon, text, slice_of(long_one, ARGON_PASSWORD_MAX), &same, NULL));
    assert_true(same);
    argon_close(argon);
    op_close(&op);
}

struct crowd {
    struct argon *argon;
    pthread_t thread;
    reason why;
};
static void *one_of_many(void *arg) {
    struct crowd *one = arg;
    struct op op;
    struct slice text;
    op_open(&op, 0);
    one->why = argon_hash(&op, one->argon, S("correct horse"), &text);
    op_close(&op);
    return NULL;
}

// One hashes, one waits; whoever comes meanwhile is told at once, and holds no thread.
static void the_queue_is_short(void **state) {
    (void)state;
    struct argon_options slow = small;
    struct crowd crowd[8];
    size_t done = 0;
    size_t refused = 0;
    slow.memory_kib = 64 << 10; // some 50 ms: the eight come together
    struct argon *argon = argon_open(&slow);
    for (size_t i = 0; i < 8; i++) {
        crowd[i] = (struct crowd){.argon = argon};
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, one_of_many, &crowd[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        (void)pthread_join(crowd[i].thread, NULL);
        done += crowd[i].why == NULL ? 1 : 0;
        refused += crowd[i].why == REASON_OF(LIMIT_QUEUE) ? 1 : 0;
    }
    assert_int_equal(done + refused, 8);
    assert_true(done >= 2);
    assert_true(refused >= 1);
    argon_close(argon);
    argon_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_known_again),
        cmocka_unit_test(what_no_password_can_be_is_refused_or_wrong),
        cmocka_unit_test(the_queue_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
