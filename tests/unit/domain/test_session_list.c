// SPDX-License-Identifier: GPL-3.0-or-later
// The lists of sessions in the visits of members: what they hold, when something leaves them, and how a
// store from before gets them.
#include "people.h"
#include "space_rows.h"

#include "domain/space.h"

CALLS(call_add, session_add(op, txn, &c->session, &c->cookie))
CALLS(call_end, session_end(op, txn, c->actor, c->id, &c->yes))
CALLS(call_end_all, session_end_all(op, txn, c->actor, c->tenant, c->id, &c->count))
CALLS(call_list, session_list(op, txn, c->tenant, c->id, S(""), &c->rows))
CALLS(call_room, session_make_room(op, txn, c->actor, c->id))
CALLS(call_forget, visit_remove(op, txn, c->tenant, c->id))

static struct slice add(struct house *house, struct slice user_id, const char *tenant,
                        int64_t expires) {
    struct call c = {.session = {.tenant = slice_str(tenant),
                                 .user_id = user_id,
                                 .connection = S("acme-okta"),
                                 .expires_at = expires}};
    assert_done(fixture_write(house->fixture, call_add, &c));
    return c.session.id;
}

static size_t listed(struct house *house, struct slice user_id, const char *tenant) {
    struct call c = {.tenant = slice_str(tenant), .id = user_id};
    assert_done(fixture_read(house->fixture, call_list, &c));
    return c.rows.count;
}

static reason end_all(struct house *house, struct slice user_id, const char *tenant,
                      size_t *ret_count) {
    struct call c = {
        .tenant = slice_str(tenant), .id = user_id, .actor = &house->fixture->staff};
    reason why = fixture_write(house->fixture, call_end_all, &c);
    *ret_count = c.count;
    return why;
}

// ---- the row itself ----

struct list {
    struct slice user_id, put; // put.at NULL: it is read, or emptied when put.len is 1
    struct slice keys;
};
static reason list_fn(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    struct visit before;
    TRY(visit_find(op, txn, S("acme"), list->user_id, &before));
    struct visit after = before;
    after.sessions = list->put.at != NULL ? list->put : SLICE_NONE;
    if (list->put.at != NULL || list->put.len > 0) {
        return visit_put(op, txn, S("acme"), list->user_id, &before, &after);
    }
    return op_copy(op, before.sessions, &list->keys);
}
static struct slice row_of(struct house *house, struct slice user_id) {
    struct list list = {.user_id = user_id};
    assert_done(fixture_read(house->fixture, list_fn, &list));
    return list.keys;
}

struct sweeping {
    bool more;
};
static reason sweep_fn(struct op *op, struct txn *txn, void *arg) {
    return sweep(op, txn, 1000, &((struct sweeping *)arg)->more);
}
static void sweep_at(struct house *house, int64_t now) {
    struct sweeping sweeping;
    house->fixture->op.now = now;
    assert_done(fixture_write(house->fixture, sweep_fn, &sweeping));
}

static void a_list_is_in_the_order_in_which_they_end(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    static const int hours[] = {3, 1, 4, 2};
    for (size_t i = 0; i < 4; i++) {
        (void)add(house, id, "acme", NOON + hours[i] * HOUR_MS);
    }
    struct slice keys = row_of(house, id);
    assert_int_equal(keys.len, 80);
    for (size_t i = 20; i < 80; i += 20) {
        assert_true(slice_compare(slice_sub(keys, i - 20, i), slice_sub(keys, i, i + 20)) < 0);
    }
    struct call c = {.tenant = S("acme"), .id = id};
    assert_done(fixture_read(house->fixture, call_list, &c));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(((const struct session *)c.rows.at)[i].expires_at,
                         NOON + (int64_t)(i + 1) * HOUR_MS);
    }
}

static void what_is_ended_leaves_its_list_and_the_last_one_takes_it_along(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call one = {.id = add(house, id, "acme", NOON + HOUR_MS),
                       .actor = &house->fixture->staff};
    struct call two = {.id = add(house, id, "acme", NOON + HOUR_MS),
                       .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, call_end, &one));
    assert_int_equal(row_of(house, id).len, 20);
    assert_int_equal(listed(house, id, "acme"), 1);
    assert_done(fixture_write(house->fixture, call_end, &two));
    assert_true(row_of(house, id).at == NULL || row_of(house, id).len == 0);
}

static void what_expired_leaves_it_when_one_more_comes(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    (void)add(house, id, "acme", NOON + HOUR_MS);
    (void)add(house, id, "acme", NOON + 3 * HOUR_MS);
    sweep_at(house, NOON + 2 * HOUR_MS);
    assert_int_equal(row_of(house, id).len, 40);
    assert_int_equal(listed(house, id, "acme"), 1);
    (void)add(house, id, "acme", NOON + 4 * HOUR_MS);
    assert_int_equal(row_of(house, id).len, 40);
    assert_int_equal(listed(house, id, "acme"), 2);
}

// A clock that is set back makes it live again: who ends all must find it.
static void one_that_expired_but_is_there_stays_listed(void **state) {
    struct house *house = *state;
    size_t count = 0;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call first = {.id = add(house, id, "acme", NOON + HOUR_MS)};
    house->fixture->op.now = NOON + 2 * HOUR_MS;
    (void)add(house, id, "acme", NOON + 3 * HOUR_MS);
    house->fixture->op.now = NOON;
    assert_done(fixture_read(house->fixture, call_session_find, &first));
    assert_done(end_all(house, id, "acme", &count));
    assert_int_equal(count, 2);
    assert_reason(fixture_read(house->fixture, call_session_find, &first), UNAUTHENTICATED);
}

static void the_lists_of_all_tenants_are_a_persons(void **state) {
    struct house *house = *state;
    size_t count = 0;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    assert_true(slice_equal(id, add_by_hand(house, "umbrella", "jane@acme.example", NULL)));
    struct slice other = add_by_hand(house, "acme", "john@acme.example", NULL);
    for (size_t i = 0; i < 3; i++) {
        (void)add(house, id, "acme", NOON + HOUR_MS);
        (void)add(house, id, "umbrella", NOON + HOUR_MS);
        (void)add(house, other, "acme", NOON + HOUR_MS);
    }
    assert_int_equal(listed(house, id, "acme"), 3);
    assert_int_equal(listed(house, id, ""), 6);
    assert_done(end_all(house, id, "umbrella", &count));
    assert_int_equal(count, 3);
    assert_int_equal(listed(house, id, ""), 3);
    assert_done(end_all(house, id, "", &count));
    assert_int_equal(count, 3);
    assert_int_equal(listed(house, other, "acme"), 3);
}

// Those that ended by themselves make room without a look of anybody.
static void only_those_that_are_there_count_against_the_limit(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call room = {.id = id, .actor = &house->fixture->staff};
    assert_true(slice_equal(id, add_by_hand(house, "umbrella", "jane@acme.example", NULL)));
    for (size_t i = 0; i < SESSIONS_EACH_MAX / 2; i++) {
        (void)add(house, id, "umbrella", NOON + HOUR_MS);
        (void)add(house, id, "acme", NOON + 3 * HOUR_MS + (int64_t)i);
    }
    sweep_at(house, NOON + 2 * HOUR_MS);
    assert_done(fixture_write(house->fixture, call_room, &room));
    assert_int_equal(listed(house, id, ""), SESSIONS_EACH_MAX / 2);
    struct call first = {.id = add(house, id, "umbrella", NOON + 2 * HOUR_MS + MINUTE_MS)};
    for (size_t i = 1; i < SESSIONS_EACH_MAX / 2; i++) {
        (void)add(house, id, "umbrella", NOON + 3 * HOUR_MS);
    }
    assert_done(fixture_write(house->fixture, call_room, &room));
    assert_int_equal(listed(house, id, ""), SESSIONS_EACH_MAX - 1);
    assert_reason(fixture_read(house->fixture, call_session_find, &first), UNAUTHENTICATED);
}

// Where one that is gone would be the first to end, nobody would be ended for it.
static void room_is_made_past_those_that_are_gone(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call room = {.id = id, .actor = &house->fixture->staff};
    (void)add_by_hand(house, "umbrella", "jane@acme.example", NULL);
    for (size_t i = 0; i < 3; i++) {
        (void)add(house, id, "umbrella", NOON + HOUR_MS);
    }
    sweep_at(house, NOON + 2 * HOUR_MS);
    for (size_t i = 0; i < SESSIONS_EACH_MAX; i++) {
        (void)add(house, id, "acme", NOON + 3 * HOUR_MS);
    }
    assert_done(fixture_write(house->fixture, call_room, &room));
    assert_int_equal(listed(house, id, ""), SESSIONS_EACH_MAX - 1);
}

static void a_list_that_is_none_is_refused(void **state) {
    struct house *house = *state;
    size_t count = 0;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct list bent = {.user_id = id, .put = S("not so many bytes")};
    assert_done(fixture_write(house->fixture, list_fn, &bent));
    assert_reason(end_all(house, id, "acme", &count), STORE_UNAVAILABLE);
    assert_reason(end_all(house, id, "", &count), STORE_UNAVAILABLE);
    struct call c = {.session = {.tenant = S("acme"), .user_id = id, .expires_at = NOON + HOUR_MS}};
    assert_reason(fixture_write(house->fixture, call_add, &c), STORE_UNAVAILABLE);
}

// ---- with their members ----

CALLS(call_remove, tenant_remove(op, txn, c->actor, c->tenant))

static void a_tenant_that_goes_leaves_no_lists(void **state) {
    struct house *house = *state;
    const struct actor *staff = &house->fixture->staff;
    for (size_t i = 0; i < 3; i++) {
        struct slice email = op_text(&house->fixture->op, "p%zu@umbrella.example", i);
        struct call c = {.actor = staff,
                         .tenant = S("umbrella"),
                         .id = add_by_hand(house, "umbrella", email.at, NULL),
                         .status = MEMBER_DELETED};
        (void)add(house, c.id, "umbrella", NOON + HOUR_MS);
        house->fixture->op.now = NOON + 2 * HOUR_MS; // it expired, and stays in its list
        assert_done(fixture_write(house->fixture, call_set_status, &c));
        house->fixture->op.now = NOON;
    }
    struct call c = {.actor = staff, .tenant = S("umbrella")};
    assert_done(fixture_write(house->fixture, call_remove, &c));
    assert_int_equal(space_rows(house->fixture, SPACE_VISIT).count, 0);
}

static void what_is_forgotten_is_no_list_any_more(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = {.tenant = S("acme"), .id = id};
    (void)add(house, id, "acme", NOON + HOUR_MS);
    assert_done(fixture_write(house->fixture, call_forget, &c));
    assert_int_equal(listed(house, id, "acme"), 0);
    assert_done(fixture_write(house->fixture, call_forget, &c)); // none is no harm
}

// ---- a store from before there were lists ----

#define OLD_SESSIONS (2 * SESSION_PASS + 7)

// Index rows as they were, and no lists; `half`: those of the first user were moved before a crash.
static reason make_old(struct op *op, struct txn *txn, void *arg) {
    const struct call *c = arg;
    const struct session *sessions = c->rows.at;
    for (size_t i = 0; i < c->rows.count; i++) {
        struct key primary;
        struct key index = key_in(SPACE_SESSION_OF);
        session_entity.key(&sessions[i], &primary);
        key_text(&index, sessions[i].user_id);
        key_bytes(&index, slice_sub(key_slice(&primary), 1, primary.len));
        TRY(txn_put(op, txn, key_slice(&index), key_slice(&primary)));
    }
    struct list list = {.user_id = c->id, .put = {NULL, 1}};
    return list_fn(op, txn, &list);
}

static reason nothing(struct op *op, struct txn *txn, void *arg) {
    (void)op;
    (void)txn;
    (void)arg;
    return NULL;
}

static reason count_index(struct op *op, struct txn *txn, void *arg) {
    struct key prefix = key_in(SPACE_SESSION_OF);
    struct scan scan;
    struct slice key;
    struct slice value;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    TRY(scan_next(op, &scan, &key, &value));
    *(bool *)arg = key.at != NULL;
    scan_close(&scan);
    return NULL;
}

static void a_store_with_an_index_gets_lists_in_steps(void **state) {
    // The second runs all passes once more, as after a crash.
    static const struct migration steps[] = {
        {1, "before", nothing}, {2, "lists", session_lists_make}, {3, "again", session_lists_make}};
    struct house *house = *state;
    struct fixture *fixture = house->fixture;
    size_t count = 0;
    bool index = true;
    fixture->op.arena.ceiling += 4 * ARENA_CEILING;
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 1));
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct slice other = add_by_hand(house, "acme", "john@acme.example", NULL);
    for (size_t i = 0; i < OLD_SESSIONS; i++) {
        (void)add(house, i % 3 == 0 ? id : other, "acme", NOON + HOUR_MS + (int64_t)i);
    }
    struct call old[] = {{.tenant = S("acme"), .id = id}, {.tenant = S("acme"), .id = other}};
    for (size_t i = 0; i < 2; i++) {
        assert_done(fixture_read(fixture, call_list, &old[i]));
        assert_done(fixture_write(fixture, make_old, &old[i]));
        assert_int_equal(listed(house, old[i].id, "acme"), 0);
    }
    fixture->op.now += MINUTE_MS;
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 2));
    assert_done(fixture_read(fixture, count_index, &index));
    assert_false(index);
    assert_int_equal(visit_of(house, id).last, NOON); // nobody came
    assert_int_equal(listed(house, id, "acme"), old[0].rows.count);
    assert_int_equal(listed(house, other, "acme"), old[1].rows.count);
    assert_int_equal(old[0].rows.count + old[1].rows.count, OLD_SESSIONS);
    assert_done(fixture_write(fixture, make_old, &old[0]));
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 3));
    assert_int_equal(listed(house, other, "acme"), old[1].rows.count);
    assert_done(end_all(house, id, "", &count));
    assert_int_equal(count, old[0].rows.count);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_list_is_in_the_order_in_which_they_end),
        T(what_is_ended_leaves_its_list_and_the_last_one_takes_it_along),
        T(what_expired_leaves_it_when_one_more_comes),
        T(one_that_expired_but_is_there_stays_listed),
        T(the_lists_of_all_tenants_are_a_persons),
        T(only_those_that_are_there_count_against_the_limit),
        T(room_is_made_past_those_that_are_gone),
        T(a_list_that_is_none_is_refused),
        T(a_tenant_that_goes_leaves_no_lists),
        T(what_is_forgotten_is_no_list_any_more),
        T(a_store_with_an_index_gets_lists_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
