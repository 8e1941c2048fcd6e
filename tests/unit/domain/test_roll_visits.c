// SPDX-License-Identifier: GPL-3.0-or-later
// Rows in the order of last visits that sign-ins leave behind: lists do not show them, the janitor takes
// them away, and whatever stops it in between, lists stay as they are.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "people.h"
#include "visited.h"

#include "base/clock.h"
#include "domain/roll.h"
#include "domain/space.h"

#define FEW 5
#define MANY 1500 // several steps of the janitor

CALLS(call_put, put_visited(op, txn, &c->membership, c->member.visit.last))
static reason member_gone(struct op *op, struct txn *txn, const struct membership *membership) {
    struct key key;
    bool there = false;
    membership_entity.key(membership, &key);
    return entity_remove(op, txn, &membership_entity, &key, &there);
}
CALLS(call_remove, member_gone(op, txn, &c->membership))

static struct slice id_of(struct house *house, size_t number) {
    return op_text(&house->fixture->op, "usr_%05zu", number);
}

static void visit_in(struct house *house, const char *tenant, size_t number, int status,
                     int64_t time) {
    struct call c = {.membership = {.tenant = slice_str(tenant),
                                    .user_id = id_of(house, number),
                                    .status = status},
                     .member = {.visit = {.last = time}}};
    assert_done(fixture_write(house->fixture, call_put, &c));
}
static void visit(struct house *house, size_t number, int64_t time) {
    visit_in(house, "acme", number, MEMBER_ACTIVE, time);
}

// Many at once.
struct visits {
    size_t count;
    int64_t time, each;
};
static reason visits_fn(struct op *op, struct txn *txn, void *arg) {
    const struct visits *visits = arg;
    for (size_t i = 0; i < visits->count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "usr_%05zu", i);
        struct user user = {.id = slice_str(id), .created_at = 1};
        struct membership membership = {.tenant = S("acme"),
                                        .user_id = slice_str(id),
                                        .status = MEMBER_ACTIVE};
        TRY(entity_put(op, txn, &user_entity, &user));
        TRY(put_visited(op, txn, &membership, visits->time + (int64_t)i * visits->each));
    }
    return NULL;
}
static void visit_all(struct house *house, size_t count, int64_t time, int64_t each) {
    struct visits visits = {count, time, each};
    house->fixture->op.arena.ceiling += ARENA_CEILING;
    assert_done(fixture_write(house->fixture, visits_fn, &visits));
}

// ---- what a list shows ----

struct ask {
    struct member_filter filter;
    struct page page;
    struct rows members;
    struct slice next;
    size_t total;
};
static reason ask_fn(struct op *op, struct txn *txn, void *arg) {
    struct ask *ask = arg;
    return member_list(op, txn, S("acme"), &ask->filter, ask->page, &ask->members, &ask->next,
                       &ask->total);
}
static struct ask ask(struct house *house, const char *sort, int status, size_t limit) {
    struct ask ask = {.filter = {.status = status, .sort = slice_str(sort)}, .page = {.limit = limit}};
    assert_done(fixture_read(house->fixture, ask_fn, &ask));
    return ask;
}
// Numbers of persons, as the page has them.
static void shows(struct house *house, const char *sort, int status, const char *numbers) {
    struct ask asked = ask(house, sort, status, 50);
    char text[64] = "";
    for (size_t i = 0; i < asked.members.count; i++) {
        const struct member *member = &((const struct member *)asked.members.at)[i];
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%c", member->membership.user_id.at[8]);
    }
    assert_string_equal(text, numbers);
    assert_int_equal(asked.next.len, 0);
    assert_int_equal(asked.total, asked.members.count);
}

// ---- the janitor ----

struct rows_of {
    struct key prefix;
    size_t count;
};
static reason rows_fn(struct op *op, struct txn *txn, void *arg) {
    struct rows_of *rows = arg;
    struct scan scan;
    struct slice key;
    struct slice value;
    reason why = scan_open(op, txn, key_slice(&rows->prefix), SLICE_NONE, false, &scan);
    for (rows->count = 0; why == NULL; rows->count++) {
        why = scan_next(op, &scan, &key, &value);
        if (key.at == NULL) {
            break;
        }
    }
    scan_close(&scan);
    return why;
}
static size_t rows_of(struct house *house, const char *tenant) {
    struct rows_of rows = {.prefix = roll_prefix(slice_str(tenant), S(""), ROLL_VISIT, 0)};
    rows.prefix.len--; // of any status
    assert_done(fixture_read(house->fixture, rows_fn, &rows));
    return rows.count;
}

static void look(struct house *house, struct roll_tidy *tidy) {
    assert_done(fixture_read(house->fixture, roll_tidy_look, tidy));
}
static void drop(struct house *house, struct roll_tidy *tidy) {
    assert_done(fixture_write(house->fixture, roll_tidy_drop, tidy));
}
// Turns of one step, until one of them comes to the end.
static size_t tidy_all(struct house *house) {
    size_t found = 0;
    for (size_t steps = 0;; steps++) {
        struct roll_tidy tidy = {.begun = false};
        look(house, &tidy);
        found += tidy.count;
        drop(house, &tidy);
        if (tidy.ends > 0) {
            return found;
        }
        assert_true(steps < 100);
    }
}

static void a_visit_long_after_leaves_the_row_before_and_no_list_shows_it(void **state) {
    struct house *house = *state;
    (void)roll_left();
    visit_all(house, FEW, NOON - 10 * DAY_MS, HOUR_MS);
    assert_int_equal(rows_of(house, "acme"), FEW);
    visit(house, 1, NOON - DAY_MS);
    visit(house, 3, NOON - 2 * DAY_MS);
    visit(house, 1, NOON);
    assert_int_equal(rows_of(house, "acme"), FEW + 3);
    assert_int_equal(roll_left(), 3);
    shows(house, "last_visit", -1, "02431");
    shows(house, "-last_visit", -1, "13420");
    shows(house, "last_visit", MEMBER_ACTIVE, "02431");
    assert_int_equal(tidy_all(house), 3);
    assert_int_equal(rows_of(house, "acme"), FEW);
    shows(house, "last_visit", -1, "02431");
    assert_int_equal(tidy_all(house), 0);
}

static void a_visit_soon_after_takes_the_row_before_away(void **state) {
    struct house *house = *state;
    visit_all(house, FEW, NOON, 0);
    (void)roll_left();
    visit(house, 2, NOON + ROLL_NEAR - 1);
    visit(house, 4, NOON - DAY_MS); // the clock was set back
    assert_int_equal(rows_of(house, "acme"), FEW);
    assert_int_equal(roll_left(), 0);
    shows(house, "last_visit", -1, "40132");
    visit(house, 2, NOON + 3 * HOUR_MS);
    assert_int_equal(rows_of(house, "acme"), FEW + 1);
    visit(house, 3, NOON + ROLL_NEAR);
    assert_int_equal(rows_of(house, "acme"), FEW + 2);
}

static void a_row_is_that_of_its_time_and_its_status(void **state) {
    (void)state;
    struct member member = {.membership = {.status = MEMBER_DISABLED}, .visit = {.last = NOON}};
    struct spot spot;
    roll_spot(ROLL_VISIT, &member, &spot);
    assert_true(roll_is_now(&member, MEMBER_DISABLED, &spot));
    assert_false(roll_is_now(&member, MEMBER_ACTIVE, &spot));
    member.visit.last++;
    assert_false(roll_is_now(&member, MEMBER_DISABLED, &spot));
}

// Of who was never there the row stands in front of all others; nothing would be near enough to meet it there.
static void a_first_visit_leaves_nothing(void **state) {
    struct house *house = *state;
    visit_all(house, FEW, NOON, 0);
    visit_in(house, "acme", 7, MEMBER_INVITED, 0);
    (void)roll_left();
    visit_in(house, "acme", 7, MEMBER_ACTIVE, NOON + DAY_MS);
    assert_int_equal(rows_of(house, "acme"), FEW + 1);
    assert_int_equal(roll_left(), 0);
}

// A list of a role by last visit passes over the rows whose bits say that it is not there.
struct bits {
    struct member member;
    bool admin, other;
};
static reason bits_fn(struct op *op, struct txn *txn, void *arg) {
    struct bits *bits = arg;
    struct spot spot;
    struct key key = roll_prefix(S("acme"), S(""), ROLL_VISIT, MEMBER_ACTIVE);
    struct slice value;
    roll_spot(ROLL_VISIT, &bits->member, &spot);
    roll_seek(&key, ROLL_VISIT, &spot);
    TRY(txn_get(op, txn, key_slice(&key), &value));
    bits->admin = value.len == 8 && roll_may_have(value, roll_role_bit(S("admin")));
    bits->other = value.len != 8 || roll_may_have(value, roll_role_bit(S("read_only")));
    return NULL;
}
CALLS(call_visit_alone, visit_put(op, txn, S("acme"), c->id, &c->view.visit, &c->member.visit)) // view: before

static void a_row_says_which_roles_its_member_has(void **state) {
    struct house *house = *state;
    static const int64_t times[] = {NOON, NOON + MINUTE_MS, NOON + DAY_MS};
    struct grant grant = {.role_id = S("admin"), .source = GRANT_MANUAL};
    struct call c = {.membership = {.tenant = S("acme"),
                                    .user_id = id_of(house, 1),
                                    .status = MEMBER_ACTIVE,
                                    .grants = {&grant, 1}}};
    c.id = c.membership.user_id;
    assert_done(fixture_write(house->fixture, call_put, &c));
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        c.view.visit = c.member.visit;
        c.member.visit.last = times[i];
        assert_done(fixture_write(house->fixture, call_visit_alone, &c));
        struct bits bits = {.member = {.membership = c.membership, .visit = c.member.visit}};
        assert_done(fixture_read(house->fixture, bits_fn, &bits));
        assert_true(bits.admin);
        assert_false(bits.other);
    }
}

static void a_row_of_another_status_or_of_nobody_counts_no_more(void **state) {
    struct house *house = *state;
    visit_all(house, FEW, NOON - 10 * DAY_MS, HOUR_MS);
    visit(house, 1, NOON);
    visit_in(house, "acme", 1, MEMBER_DISABLED, NOON);
    visit(house, 2, NOON);
    struct call gone = {.membership = {.tenant = S("acme"), .user_id = id_of(house, 2)}};
    assert_done(fixture_write(house->fixture, call_remove, &gone));
    shows(house, "last_visit", MEMBER_ACTIVE, "034");
    shows(house, "last_visit", MEMBER_DISABLED, "1");
    shows(house, "last_visit", -1, "0341");
    assert_int_equal(rows_of(house, "acme"), FEW + 1);
    assert_int_equal(tidy_all(house), 2);
    assert_int_equal(rows_of(house, "acme"), FEW - 1);
    shows(house, "last_visit", -1, "0341");
}

static void pages_are_full_however_many_rows_were_left(void **state) {
    struct house *house = *state;
    visit_all(house, MANY, NOON - 10 * DAY_MS, 1);
    for (int64_t i = 1; i <= 2; i++) {
        visit_all(house, MANY / 2, NOON - (3 - i) * DAY_MS, 1);
    }
    assert_int_equal(rows_of(house, "acme"), 2 * MANY);
    struct ask oldest = ask(house, "last_visit", -1, 50);
    struct ask newest = ask(house, "-last_visit", -1, 50);
    assert_int_equal(oldest.members.count, 50);
    assert_int_equal(newest.members.count, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_true(slice_equal(((const struct member *)oldest.members.at)[i].user.id,
                                id_of(house, MANY / 2 + i)));
        assert_true(slice_equal(((const struct member *)newest.members.at)[i].user.id,
                                id_of(house, MANY / 2 - 1 - i)));
    }
    assert_int_equal(oldest.total, MANY);
}

// A kill between two steps, or between a look and what it would take away, is a turn that begins anew.
static void a_turn_goes_on_where_the_last_one_ended(void **state) {
    struct house *house = *state;
    struct roll_tidy first = {.begun = false};
    struct roll_tidy lost = {.begun = false};
    visit_all(house, MANY, NOON - 10 * DAY_MS, 1);
    visit_in(house, "umbrella", 7, MEMBER_ACTIVE, NOON - 3 * DAY_MS);
    visit_all(house, MANY, NOON, 1);
    visit_in(house, "umbrella", 7, MEMBER_ACTIVE, NOON);
    look(house, &first);
    assert_int_equal(first.looked, ROLL_TIDY_ROWS);
    assert_int_equal(first.count, ROLL_TIDY_ROWS - 1); // and the way over the other orders
    drop(house, &first);
    look(house, &lost);
    assert_int_equal(lost.count, ROLL_TIDY_ROWS);
    assert_true(slice_compare(key_slice(&first.before[first.count - 1]),
                              key_slice(&lost.before[0])) < 0);
    assert_int_equal(rows_of(house, "acme"), 2 * MANY - first.count);
    assert_int_equal(ask(house, "last_visit", -1, 200).members.count, 200);
    assert_int_equal(tidy_all(house), MANY - first.count + 1);
    assert_int_equal(rows_of(house, "acme"), MANY);
    assert_int_equal(rows_of(house, "umbrella"), 1);
}

// In a process of its own: a look, and a write that is killed when all of it is done but the commit.
static reason die_in_drop(struct op *op, struct txn *txn, void *arg) {
    TRY(roll_tidy_drop(op, txn, arg));
    (void)kill(getpid(), SIGKILL);
    return NULL;
}
static void killed_in_a_step(struct fixture *fixture) {
    store_close(fixture->store);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct roll_tidy tidy = {.begun = false};
        struct op op;
        op_open(&op, NOON);
        if (store_open(&op, fixture->dir, &fixture->store) == NULL &&
            store_read(&op, fixture->store, roll_tidy_look, &tidy) == NULL && tidy.count > 0) {
            (void)(store_write(&op, fixture->store, die_in_drop, &tidy) == NULL);
        }
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_done(store_open(&fixture->op, fixture->dir, &fixture->store));
}

static void a_kill_in_the_midst_of_a_step_takes_nothing_away(void **state) {
    struct house *house = *state;
    visit_all(house, FEW, NOON - 10 * DAY_MS, HOUR_MS);
    visit(house, 1, NOON - DAY_MS);
    visit(house, 3, NOON);
    killed_in_a_step(house->fixture);
    assert_int_equal(rows_of(house, "acme"), FEW + 2);
    shows(house, "last_visit", -1, "02413");
    assert_int_equal(tidy_all(house), 2);
    assert_int_equal(rows_of(house, "acme"), FEW);
    shows(house, "last_visit", -1, "02413");
}

static void what_is_right_again_when_it_would_go_stays(void **state) {
    struct house *house = *state;
    struct roll_tidy tidy = {.begun = false};
    visit_all(house, FEW, NOON - DAY_MS, 1);
    visit(house, 1, NOON);
    look(house, &tidy);
    assert_int_equal(tidy.count, 1);
    visit(house, 1, NOON - DAY_MS + 1); // the clock was set back to that very moment
    drop(house, &tidy);
    assert_int_equal(rows_of(house, "acme"), FEW);
    shows(house, "last_visit", -1, "01234");
}

static reason bend(struct op *op, struct txn *txn, void *arg) {
    struct key key = roll_prefix(S("acme"), S(""), ROLL_VISIT, MEMBER_ACTIVE);
    (void)arg;
    key_tail(&key, S("without an end"));
    return txn_put(op, txn, key_slice(&key), S("12345678"));
}

static void a_row_that_is_none_is_refused(void **state) {
    struct house *house = *state;
    struct roll_tidy tidy = {.begun = false};
    visit_all(house, FEW, NOON - DAY_MS, 1);
    assert_done(fixture_write(house->fixture, bend, NULL));
    assert_reason(fixture_read(house->fixture, roll_tidy_look, &tidy), STORE_UNAVAILABLE);
}

static void an_empty_roll_is_at_its_end_at_once(void **state) {
    struct house *house = *state;
    struct roll_tidy tidy = {.begun = false};
    look(house, &tidy);
    assert_int_equal(tidy.ends, 1);
    assert_int_equal(tidy.count, 0);
    drop(house, &tidy);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_visit_long_after_leaves_the_row_before_and_no_list_shows_it),
        T(a_visit_soon_after_takes_the_row_before_away),
        T(a_row_is_that_of_its_time_and_its_status),
        T(a_first_visit_leaves_nothing),
        T(a_row_says_which_roles_its_member_has),
        T(a_row_of_another_status_or_of_nobody_counts_no_more),
        T(pages_are_full_however_many_rows_were_left),
        T(a_turn_goes_on_where_the_last_one_ended),
        T(a_kill_in_the_midst_of_a_step_takes_nothing_away),
        T(what_is_right_again_when_it_would_go_stays),
        T(a_row_that_is_none_is_refused),
        T(an_empty_roll_is_at_its_end_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
