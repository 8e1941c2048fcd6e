// SPDX-License-Identifier: GPL-3.0-or-later
// The attack corpus can fail: each way in which an attack could have worked is seen. And its rows are in order.
#include "base/unit.h"

#include "app/selftest/selftest.h"

static const struct attack refused = {"row", "group", "A sentence.", "assertion.count",
                                     .door = DOOR_ACS};
static const struct attack accepted = {"row", "group", "A sentence.", "accepted", .lands = "/"};

static struct slice problem_of(struct op *op, const struct attack *row, struct outcome outcome) {
    struct verdict_row verdict = {.row = row};
    verdict_compare(op, S("ada@acme.example"), S("acme"), &outcome, &verdict);
    assert_true(verdict.got.len > 0);
    return verdict.problem;
}

static const struct outcome ada = {
    .who = {"ada@acme.example", 16}, .tenant = {"acme", 4}, .lands = {"/", 1}};

static void the_right_outcome_passes(void **state) {
    struct op *op = *state;
    assert_int_equal(problem_of(op, &accepted, ada).len, 0);
    struct outcome outcome = {.why = REASON_OF(ASSERTION_COUNT)};
    assert_int_equal(problem_of(op, &refused, outcome).len, 0);
}

static void an_attack_that_is_accepted_fails(void **state) {
    struct op *op = *state;
    assert_true(problem_of(op, &refused, ada).len > 0);
}

static void another_reason_fails(void **state) {
    struct op *op = *state;
    struct outcome outcome = {.why = REASON_OF(SIGNATURE_MISSING)};
    assert_true(problem_of(op, &refused, outcome).len > 0);
    assert_true(problem_of(op, &accepted, outcome).len > 0);
}

static void the_attackers_name_fails_whatever_the_reason(void **state) {
    struct op *op = *state;
    struct outcome outcome = ada;
    outcome.who = S(ATTACKER);
    assert_true(slice_starts(problem_of(op, &accepted, outcome), S("THE ATTACKER")));
    outcome.why = REASON_OF(ASSERTION_COUNT);
    assert_true(slice_starts(problem_of(op, &refused, outcome), S("THE ATTACKER")));
}

static void somebody_else_another_tenant_and_another_page_fail(void **state) {
    struct op *op = *state;
    struct outcome outcome = ada;
    outcome.who = S("bob@acme.example");
    assert_true(problem_of(op, &accepted, outcome).len > 0);
    outcome = ada;
    outcome.tenant = S("beta");
    assert_true(problem_of(op, &accepted, outcome).len > 0);
    outcome = ada;
    outcome.lands = S("https://evil.example/");
    assert_true(problem_of(op, &accepted, outcome).len > 0);
    outcome = ada;
    outcome.why = REASON_OF(ASSERTION_COUNT);
    assert_true(problem_of(op, &refused, outcome).len > 0);
}

static void a_good_login_that_fails_or_takes_long_afterwards_fails(void **state) {
    struct op *op = *state;
    assert_int_equal(verdict_next(op, NULL, S(""), 1000).len, 0);
    assert_true(verdict_next(op, NULL, S(""), 1001).len > 0);
    assert_true(verdict_next(op, REASON_OF(WORKER_FAILED), S("no worker"), 1).len > 0);
}

static void each_row_has_a_name_of_its_own_a_sentence_and_a_known_reason(void **state) {
    size_t count = 0;
    (void)state;
    for (const struct attacks *table = attack_tables; table->at != NULL; table++) {
        for (const struct attack *row = table->at; row->name != NULL; row++, count++) {
            assert_true(strlen(row->group) > 0 && strlen(row->says) > 4);
            assert_int_equal(row->says[strlen(row->says) - 1], '.');
            if (strcmp(row->expect, "accepted") != 0) {
                assert_non_null(reason_find(slice_str(row->expect)));
            }
            for (const struct attacks *other = attack_tables; other->at != NULL; other++) {
                for (const struct attack *twin = other->at; twin->name != NULL; twin++) {
                    assert_true(twin == row || strcmp(twin->name, row->name) != 0);
                }
            }
        }
    }
    assert_true(count > 400);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_op, close_op)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_right_outcome_passes),
        T(an_attack_that_is_accepted_fails),
        T(another_reason_fails),
        T(the_attackers_name_fails_whatever_the_reason),
        T(somebody_else_another_tenant_and_another_page_fail),
        T(a_good_login_that_fails_or_takes_long_afterwards_fails),
        T(each_row_has_a_name_of_its_own_a_sentence_and_a_known_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
