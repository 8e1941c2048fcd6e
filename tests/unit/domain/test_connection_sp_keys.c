// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of ours that a connection has for itself: which steps may follow which, from the gate's keys and back to them.
#include "connections.h"

struct key_work {
    const struct actor *actor;
    enum sp_key_kind kind;
    uint32_t number;
    enum sp_key_step step;
    struct connection connection;
};
static reason add_fn(struct op *op, struct txn *txn, void *arg) {
    struct key_work *work = arg;
    return connection_key_add(op, txn, work->actor, S("acme-okta"), work->kind, work->number,
                              &work->connection);
}
static reason step_fn(struct op *op, struct txn *txn, void *arg) {
    struct key_work *work = arg;
    return connection_key_step(op, txn, work->actor, S("acme-okta"), work->kind, work->number, work->step,
                               &work->connection);
}

static struct connection now(struct fixture *fixture) {
    struct work work = {.slug = S("acme-okta")};
    assert_done(fixture_read(fixture, find, &work));
    return work.connection;
}
static reason add(struct fixture *fixture, enum sp_key_kind kind, uint32_t number) {
    struct key_work work = {.actor = &fixture->staff, .kind = kind, .number = number};
    fixture->op.now += 1000; // so that audit rows have an order
    return fixture_write(fixture, add_fn, &work);
}
static reason step(struct fixture *fixture, enum sp_key_kind kind, uint32_t number, enum sp_key_step step) {
    struct key_work work = {.actor = &fixture->staff, .kind = kind, .number = number, .step = step};
    fixture->op.now += 1000;
    return fixture_write(fixture, step_fn, &work);
}
static uint32_t next(struct fixture *fixture) {
    struct connection connection = now(fixture);
    return connection_next_key(&connection);
}
static void set_is(struct fixture *fixture, enum sp_key_kind kind, size_t count, uint32_t first, uint32_t second,
                   int second_state) {
    struct connection connection = now(fixture);
    struct sp_key_set set = connection_key_set(&connection, kind);
    assert_int_equal(set.count, count);
    assert_int_equal(set.rows[0].number, first);
    assert_int_equal(set.rows[0].state, SP_KEY_CURRENT);
    if (count == 2) {
        assert_int_equal(set.rows[1].number, second);
        assert_int_equal(set.rows[1].state, second_state);
    }
}

static void without_keys_of_its_own_the_gates_count(void **state) {
    struct fixture *fixture = *state;
    struct connection connection = now(fixture);
    assert_false(connection_has_own_keys(&connection));
    set_is(fixture, SP_SIGNING, 1, SP_KEY_OF_GATE, 0, 0);
    set_is(fixture, SP_ENCRYPTION, 1, SP_KEY_OF_GATE, 0, 0);
    assert_reason(step(fixture, SP_SIGNING, SP_KEY_OF_GATE, SP_KEY_RETIRE), ILLEGAL_TRANSITION);
    assert_reason(step(fixture, SP_SIGNING, SP_KEY_OF_GATE, SP_KEY_REMOVE), ILLEGAL_TRANSITION);
    assert_reason(step(fixture, SP_SIGNING, 7, SP_KEY_USE), NOT_FOUND);
    assert_reason(add(fixture, SP_SIGNING, SP_KEY_OF_GATE), ILLEGAL_TRANSITION); // it counts already
}

static void a_key_comes_beside_the_gates_and_takes_its_place(void **state) {
    struct fixture *fixture = *state;
    uint32_t number = next(fixture);
    assert_done(add(fixture, SP_ENCRYPTION, number));
    set_is(fixture, SP_ENCRYPTION, 2, SP_KEY_OF_GATE, number, SP_KEY_NEXT);
    set_is(fixture, SP_SIGNING, 1, SP_KEY_OF_GATE, 0, 0); // the other kind stays as it is
    assert_reason(add(fixture, SP_ENCRYPTION, next(fixture)), ILLEGAL_TRANSITION);
    assert_reason(step(fixture, SP_ENCRYPTION, number, SP_KEY_RETIRE), ILLEGAL_TRANSITION);
    assert_done(step(fixture, SP_ENCRYPTION, number, SP_KEY_USE));
    set_is(fixture, SP_ENCRYPTION, 2, number, SP_KEY_OF_GATE, SP_KEY_OLD);
    assert_done(step(fixture, SP_ENCRYPTION, SP_KEY_OF_GATE, SP_KEY_RETIRE));
    assert_done(step(fixture, SP_ENCRYPTION, SP_KEY_OF_GATE, SP_KEY_REMOVE));
    set_is(fixture, SP_ENCRYPTION, 1, number, 0, 0);
    struct connection connection = now(fixture);
    assert_true(connection_has_own_keys(&connection));
    assert_int_equal(connection.own_keys.count, 1);
}

static void and_the_gates_keys_come_back(void **state) {
    struct fixture *fixture = *state;
    uint32_t number = next(fixture);
    assert_done(add(fixture, SP_SIGNING, number));
    assert_done(step(fixture, SP_SIGNING, number, SP_KEY_USE));
    assert_done(step(fixture, SP_SIGNING, SP_KEY_OF_GATE, SP_KEY_RETIRE));
    assert_done(step(fixture, SP_SIGNING, SP_KEY_OF_GATE, SP_KEY_REMOVE));
    assert_done(add(fixture, SP_SIGNING, SP_KEY_OF_GATE));
    set_is(fixture, SP_SIGNING, 2, number, SP_KEY_OF_GATE, SP_KEY_NEXT);
    assert_done(step(fixture, SP_SIGNING, SP_KEY_OF_GATE, SP_KEY_USE));
    assert_done(step(fixture, SP_SIGNING, number, SP_KEY_RETIRE));
    assert_done(step(fixture, SP_SIGNING, number, SP_KEY_REMOVE));
    struct connection connection = now(fixture);
    assert_false(connection_has_own_keys(&connection));
}

// A number names one file for ever, also when a connection of the same name is made later.
static void no_number_comes_twice(void **state) {
    struct fixture *fixture = *state;
    uint32_t first = next(fixture);
    assert_reason(add(fixture, SP_SIGNING, first - 1), ILLEGAL_TRANSITION);
    assert_reason(add(fixture, SP_SIGNING, first + 1), ILLEGAL_TRANSITION);
    assert_done(add(fixture, SP_SIGNING, first));
    assert_done(step(fixture, SP_SIGNING, first, SP_KEY_REMOVE));
    assert_reason(add(fixture, SP_SIGNING, first), ILLEGAL_TRANSITION);
    uint32_t second = next(fixture);
    assert_true(second > first);
    assert_done(add(fixture, SP_SIGNING, second));
    struct work work = {.actor = &fixture->staff, .slug = S("acme-okta")};
    assert_done(fixture_write(fixture, drop, &work));
    work.connection = (struct connection){.slug = S("acme-okta"), .tenant = S("acme")};
    assert_done(fixture_write(fixture, create, &work));
    struct connection connection = now(fixture);
    assert_false(connection_has_own_keys(&connection));
    assert_true(next(fixture) > second);
}

static void each_step_is_in_the_audit_log(void **state) {
    struct fixture *fixture = *state;
    uint32_t number = next(fixture);
    assert_done(add(fixture, SP_ENCRYPTION, number));
    audit_is(fixture, "sso.key_added", NULL);
    assert_done(step(fixture, SP_ENCRYPTION, number, SP_KEY_USE));
    audit_is(fixture, "sso.key_used", NULL);
    assert_done(step(fixture, SP_ENCRYPTION, SP_KEY_OF_GATE, SP_KEY_RETIRE));
    audit_is(fixture, "sso.key_retired", "the gate's encryption keys");
    assert_done(step(fixture, SP_ENCRYPTION, SP_KEY_OF_GATE, SP_KEY_REMOVE));
    audit_is(fixture, "sso.key_removed", "the gate's encryption keys");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_acme, fixture_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(without_keys_of_its_own_the_gates_count), T(a_key_comes_beside_the_gates_and_takes_its_place),
        T(and_the_gates_keys_come_back),            T(no_number_comes_twice),
        T(each_step_is_in_the_audit_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
