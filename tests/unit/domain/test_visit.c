// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of visits: what a sign-in leaves in them and nowhere else, and how a store from before gets them.
#include "people.h"
#include "space_rows.h"
#include "visited.h"

#include "domain/grant.h"
#include "domain/member_life.h"
#include "domain/roll.h"
#include "domain/space.h"

CALLS(call_find, visit_find(op, txn, c->tenant, c->id, &c->member.visit))
CALLS(call_remove, visit_remove(op, txn, c->tenant, c->id))
CALLS(call_add, session_add(op, txn, &c->session, &c->cookie))
CALLS(call_end, session_end(op, txn, c->actor, c->id, &c->yes))

struct turn {
    struct slice tenant, id;
    struct visit to;
};
static reason turn_fn(struct op *op, struct txn *txn, void *arg) {
    const struct turn *turn = arg;
    struct visit before;
    TRY(visit_find(op, txn, turn->tenant, turn->id, &before));
    return visit_put(op, txn, turn->tenant, turn->id, &before, &turn->to);
}
static reason set(struct fixture *fixture, const char *tenant, const char *id,
                  const struct visit *to) {
    struct turn turn = {slice_str(tenant), slice_str(id), *to};
    return fixture_write(fixture, turn_fn, &turn);
}
static struct visit get(struct fixture *fixture, const char *tenant, const char *id) {
    struct call c = {.tenant = slice_str(tenant), .id = slice_str(id)};
    assert_done(fixture_read(fixture, call_find, &c));
    return c.member.visit;
}

#define JANE "usr_01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define JOHN "usr_01ARZ3NDEKTSV4RRFFQ69G5FAW"

static void each_member_has_a_row_of_its_own_under_a_short_key(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(get(fixture, "acme", JANE).last, 0);
    assert_done(set(fixture, "acme", JANE, &(struct visit){.last = 7, .assertion = S("_a")}));
    assert_done(set(fixture, "acme", JOHN, &(struct visit){.last = 8}));
    assert_done(set(fixture, "umbrella", JANE, &(struct visit){.last = 9}));
    assert_int_equal(get(fixture, "acme", JANE).last, 7);
    assert_slice(get(fixture, "acme", JANE).assertion, "_a");
    assert_int_equal(get(fixture, "acme", JOHN).last, 8);
    assert_int_equal(get(fixture, "umbrella", JANE).last, 9);
    assert_int_equal(get(fixture, "acm", JANE).last, 0);
    struct space_rows tally = space_rows(fixture, SPACE_VISIT);
    assert_int_equal(tally.count, 3);
    assert_int_equal(tally.key_len, 1 + 16 + 4); // that of the last one, John's
}

// Ids that are no ULID are nobody's, and yet must not be taken for another's.
static void any_id_has_a_row(void **state) {
    struct fixture *fixture = *state;
    static const char *const ids[] = {"usr_1", "usr_2", "", "x",
                                      "usr_81ARZ3NDEKTSV4RRFFQ69G5FAV",  // more than 128 bits
                                      "usr_01ARZ3NDEKTSV4RRFFQ69G5FAVX",
                                      "usr_01ARZ3NDEKTSV4RRFFQ69G5FAU",  // U is not a character of it
                                      "USR_01ARZ3NDEKTSV4RRFFQ69G5FAV", JANE};
    size_t count = sizeof ids / sizeof ids[0];
    for (size_t i = 0; i < count; i++) {
        assert_done(set(fixture, "acme", ids[i], &(struct visit){.last = (int64_t)i + 1}));
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(get(fixture, "acme", ids[i]).last, i + 1);
    }
    assert_int_equal(space_rows(fixture, SPACE_VISIT).count, count);
}

// The ids of the two differ in their last bit; a list says whose it is.
static reason add_up(struct op *op, struct txn *txn, struct slice sessions, void *arg) {
    (void)op;
    (void)txn;
    for (size_t i = 0; i < sessions.len; i += 20) {
        *(size_t *)arg += sessions.at[i] == 'j' ? 1 : 100;
    }
    return NULL;
}
static reason each_fn(struct op *op, struct txn *txn, void *arg) {
    return visit_each(op, txn, S(JANE), add_up, arg);
}
static void all_of_a_person_are_nobody_elses(void **state) {
    struct fixture *fixture = *state;
    static const char *const others[] = {JOHN, "usr_01ARZ3NDEKTSV4RRFFQ69G5FAT", "usr_1", "usr_", ""};
    const struct visit one = {.sessions = S("jjjjjjjjjjjjjjjjjjjj")};
    const struct visit two = {.sessions = S("jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj")};
    const struct visit other = {.sessions = S("xxxxxxxxxxxxxxxxxxxx")};
    size_t count = 0;
    assert_done(set(fixture, "acme", JANE, &one));
    assert_done(set(fixture, "umbrella", JANE, &two));
    assert_done(set(fixture, "z", JANE, &(struct visit){.last = 1}));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_done(set(fixture, "acme", others[i], &other));
    }
    assert_done(fixture_read(fixture, each_fn, &count));
    assert_int_equal(count, 3);
}

static void one_that_says_nothing_has_no_row(void **state) {
    struct fixture *fixture = *state;
    struct call c = {.tenant = S("acme"), .id = S(JANE)};
    assert_done(set(fixture, "acme", JANE, &(struct visit){.last = 0}));
    assert_done(set(fixture, "acme", JANE, &(struct visit){.assertion = S("_a")}));
    assert_int_equal(space_rows(fixture, SPACE_VISIT).count, 1);
    assert_done(set(fixture, "acme", JANE, &(struct visit){.last = 0}));
    assert_int_equal(space_rows(fixture, SPACE_VISIT).count, 0);
    assert_done(fixture_write(fixture, call_remove, &c)); // none is no harm
    assert_done(set(fixture, "acme", JANE, &(struct visit){.last = 3}));
    assert_done(fixture_write(fixture, call_remove, &c));
    assert_int_equal(get(fixture, "acme", JANE).last, 0);
}

static void a_tenant_too_long_for_a_key_is_nobodys(void **state) {
    struct fixture *fixture = *state;
    static char slug[STORE_KEY_MAX + 1];
    memset(slug, 'a', sizeof slug - 1);
    assert_int_equal(get(fixture, slug, JANE).last, 0);
    assert_reason(set(fixture, slug, JANE, &(struct visit){.last = 1}), INVALID_INPUT);
}

// ---- what a sign-in leaves ----

static struct rows grants_of(struct house *house) {
    return membership_of(house, house->login.user.id).grants;
}
struct bytes {
    struct slice id, row;
};
static reason row_fn(struct op *op, struct txn *txn, void *arg) {
    struct bytes *bytes = arg;
    struct key key;
    struct slice row;
    membership_entity.key(&(struct membership){.tenant = S("acme"), .user_id = bytes->id}, &key);
    TRY(txn_get(op, txn, key_slice(&key), &row));
    return op_copy(op, row, &bytes->row);
}
static struct slice row_of(struct house *house) {
    struct bytes bytes = {.id = house->login.user.id};
    assert_done(fixture_read(house->fixture, row_fn, &bytes));
    return bytes.row;
}

static void a_sign_in_like_the_one_before_leaves_the_membership_as_it_is(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct slice first = row_of(house);
    house->fixture->op.now += DAY_MS;
    house_identity(house);
    house->identity.expires += DAY_MS;
    assert_done(house_admit(house));
    assert_true(slice_equal(row_of(house), first));
    struct visit visit = visit_of(house, house->login.user.id);
    assert_int_equal(visit.last, NOON + DAY_MS);
    assert_true(slice_equal(visit.assertion, house->identity.assertion_id));
}

static struct visit after_session(struct house *house, struct slice assertion) {
    struct call c = {.session = {.tenant = S("acme"),
                                 .user_id = house->login.user.id,
                                 .assertion = assertion,
                                 .expires_at = house->fixture->op.now + HOUR_MS}};
    assert_done(fixture_write(house->fixture, call_add, &c));
    return visit_of(house, house->login.user.id);
}

static void a_sign_in_without_an_assertion_leaves_the_last_one(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    house->fixture->op.now += MINUTE_MS;
    struct visit visit = after_session(house, S(""));
    assert_int_equal(visit.last, NOON + MINUTE_MS);
    assert_true(slice_equal(visit.assertion, house->identity.assertion_id));
}

static void of_a_long_assertion_there_is_as_much_as_in_a_grant(void **state) {
    struct house *house = *state;
    static char name[GRANT_TEXT_MAX + 9];
    memset(name, 'a', sizeof name);
    assert_done(house_admit(house));
    struct visit visit = after_session(house, slice_of(name, sizeof name));
    assert_true(slice_equal(visit.assertion, slice_of(name, GRANT_TEXT_MAX)));
}

// A session that ends is no visit, and neither does it take one away.
static void an_end_leaves_the_visit(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct call c = {.id = house->login.session.id, .actor = &house->fixture->staff};
    house->fixture->op.now += MINUTE_MS;
    assert_done(fixture_write(house->fixture, call_end, &c));
    struct visit visit = visit_of(house, house->login.user.id);
    assert_int_equal(visit.last, NOON);
    assert_int_equal(visit.sessions.len, 0);
    assert_true(slice_equal(visit.assertion, house->identity.assertion_id));
}

static reason invite_fn(struct op *op, struct txn *txn, void *arg) {
    struct call *c = arg;
    const struct invitation invitation = {.email = c->user.email};
    return member_invite(op, txn, c->actor, c->tenant, &invitation, &c->member, &c->yes);
}
static struct call deleted(struct house *house) {
    struct call c = {.actor = &house->fixture->staff,
                     .tenant = S("acme"),
                     .id = house->login.user.id,
                     .status = MEMBER_DELETED};
    assert_done(fixture_write(house->fixture, call_set_status, &c));
    c.user = (struct user){.email = house->login.user.email};
    return c;
}

static void who_is_taken_back_is_shown_with_the_visit_that_is_stored(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct call c = deleted(house);
    house->fixture->op.now += HOUR_MS;
    assert_done(fixture_write(house->fixture, call_member_add, &c));
    assert_int_equal(c.member.visit.last, NOON);
}

// There is none when somebody is deleted; were there one, it would live again, and would have to be found by who ends all.
static void a_list_outlasts_a_new_invitation(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct call c = deleted(house);
    assert_int_equal(visit_of(house, c.id).sessions.len, 0);
    (void)after_session(house, S("_a"));
    assert_done(fixture_write(house->fixture, invite_fn, &c));
    assert_true(slice_equal(c.member.user.id, house->login.user.id));
    struct visit visit = visit_of(house, c.id);
    assert_int_equal(visit.sessions.len, 20);
    assert_int_equal(visit.last, 0);
    assert_int_equal(visit.assertion.len, 0);
}

static void who_shows_grants_names_the_assertion_that_confirmed_them(void **state) {
    struct house *house = *state;
    struct rows shown;
    assert_done(house_admit(house));
    struct visit visit = visit_of(house, house->login.user.id);
    struct rows grants = grants_of(house);
    assert_int_equal(((const struct grant *)grants.at)[0].assertion.len, 0);
    assert_done(visit_show_grants(&house->fixture->op, grants, &visit, &shown));
    assert_int_equal(shown.count, grants.count);
    assert_true(slice_equal(((const struct grant *)shown.at)[0].assertion,
                            house->identity.assertion_id));
    const struct grant others[] = {
        {.role_id = S("user"), .source = GRANT_MANUAL},
        {.role_id = S("user"), .source = GRANT_SSO, .assertion = S("_own")}};
    assert_done(visit_show_grants(&house->fixture->op, (struct rows){(void *)&others, 2}, &visit,
                                  &shown));
    assert_int_equal(((const struct grant *)shown.at)[0].assertion.len, 0);
    assert_slice(((const struct grant *)shown.at)[1].assertion, "_own");
}

// As one has it whose identity provider was replaced by another one.
static reason grant_elsewhere(struct op *op, struct txn *txn, void *arg) {
    struct house *house = arg;
    struct membership before;
    bool found = false;
    struct grant *grants = NULL;
    TRY(membership_find(op, txn, S("acme"), house->login.user.id, &before, &found));
    TRY(op_take(op, (before.grants.count + 1) * sizeof *grants, &grants));
    memcpy(grants, before.grants.at, before.grants.count * sizeof *grants);
    grants[before.grants.count] = (struct grant){
        .role_id = S("user"), .source = GRANT_SSO, .connection = S("acme-before"), .granted_at = 5};
    struct membership after = before;
    after.grants = (struct rows){grants, before.grants.count + 1};
    return entity_put(op, txn, &membership_entity, &after);
}

static void what_a_sign_in_does_not_confirm_keeps_the_name_of_the_assertion_that_did(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct slice first = house->identity.assertion_id;
    assert_done(fixture_write(house->fixture, grant_elsewhere, house));
    house_identity(house);
    assert_done(house_admit(house));
    struct rows grants = grants_of(house);
    assert_int_equal(grants.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct grant *grant = &((const struct grant *)grants.at)[i];
        bool elsewhere = slice_equal(grant->connection, S("acme-before"));
        assert_true(slice_equal(grant->assertion, elsewhere ? first : S("")));
    }
}

// ---- a store from before there were such rows ----

#define OLD (2 * VISIT_PASS + 5)

struct old_membership {
    struct slice tenant, user_id;
    int status;
    int64_t last_visit;
};
static const struct field old_rows[] = {
    F_TEXT(struct old_membership, tenant, 1, FIELD_OUTPUT, 63),
    F_TEXT(struct old_membership, user_id, 2, FIELD_OUTPUT, 64),
    F_CHOICE(struct old_membership, status, 3, FIELD_OUTPUT, membership_status_names),
    F_TIME(struct old_membership, last_visit, 7, FIELD_OUTPUT),
};
static FIELD_TABLE(old_fields, "membership", 2, struct old_membership, old_rows);

static int64_t visited(size_t number) {
    return number % 5 == 0 ? 0 : NOON - (int64_t)number * HOUR_MS;
}
static struct slice old_id(struct op *op, size_t number) {
    return op_text(op, "usr_01ARZ3NDEKTSV4RRFFQ6%06zu", number);
}
static size_t old_sessions(size_t number) {
    return number % 3;
}

// Membership, list and row of the order of visits, as version 5 of the store had them.
static reason make_old(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    for (size_t i = 0; i < OLD; i++) {
        struct old_membership old = {.tenant = S("acme"),
                                     .user_id = old_id(op, i),
                                     .status = MEMBER_ACTIVE,
                                     .last_visit = visited(i)};
        struct member member = {.membership = {.tenant = old.tenant, .user_id = old.user_id},
                                .visit = {.last = old.last_visit}};
        struct key key;
        struct slice bytes;
        struct spot spot;
        char sessions[40];
        struct user user = {.id = old.user_id};
        memset(sessions, (int)i, sizeof sessions);
        TRY(entity_put(op, txn, &user_entity, &user));
        membership_entity.key(&member.membership, &key);
        TRY(record_put(op, &old_fields, &old, &bytes));
        TRY(txn_put(op, txn, key_slice(&key), bytes));
        key_bytes(&key, S("+"));
        if (old_sessions(i) > 0) {
            TRY(txn_put(op, txn, key_slice(&key), slice_of(sessions, 20 * old_sessions(i))));
        }
        key = roll_prefix(old.tenant, SLICE_NONE, ROLL_VISIT, MEMBER_ACTIVE);
        roll_spot(ROLL_VISIT, &member, &spot);
        roll_seek(&key, ROLL_VISIT, &spot);
        TRY(txn_put(op, txn, key_slice(&key), S("01234567")));
    }
    return NULL;
}

static reason nothing(struct op *op, struct txn *txn, void *arg) {
    (void)op;
    (void)txn;
    (void)arg;
    return NULL;
}

static void check_moved(struct fixture *fixture) {
    size_t count = 0;
    for (size_t i = 0; i < OLD; i++) {
        struct visit visit = get(fixture, "acme", old_id(&fixture->op, i).at);
        assert_int_equal(visit.last, visited(i));
        assert_int_equal(visit.sessions.len, 20 * old_sessions(i));
        if (visit.sessions.len > 0) {
            assert_int_equal((uint8_t)visit.sessions.at[visit.sessions.len - 1], (uint8_t)i);
        }
        count += visit.last > 0 || visit.sessions.len > 0 ? 1 : 0;
    }
    assert_int_equal(space_rows(fixture, SPACE_VISIT).count, count);
    assert_int_equal(space_rows(fixture, SPACE_MEMBERSHIP).count, OLD);
    assert_int_equal(space_rows(fixture, SPACE_ROLL).count, OLD); // none came, none went
}

static void a_store_from_before_gets_them_in_steps(void **state) {
    // The last runs all passes once more, as after a crash.
    static const struct migration steps[] = {
        {1, "before", nothing}, {2, "visits", visits_make}, {3, "again", visits_make}};
    struct fixture *fixture = *state;
    fixture->op.arena.ceiling += 8 * ARENA_CEILING;
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 1));
    assert_done(fixture_write(fixture, make_old, NULL));
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 2));
    (void)roll_left();
    check_moved(fixture);
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 3));
    check_moved(fixture);
    assert_int_equal(roll_left(), 0); // nothing for the janitor
}

// A list beside the membership, a row that has some of it already, and a list of nobody.
static reason make_both(struct op *op, struct txn *txn, void *arg) {
    const struct old_membership old = {.tenant = S("acme"), .user_id = S(JANE), .last_visit = NOON};
    const struct membership membership = {.tenant = old.tenant, .user_id = old.user_id};
    const struct membership nobody = {.tenant = old.tenant, .user_id = S(JOHN)};
    const struct visit visit = {.last = NOON + 1, .sessions = *(const struct slice *)arg};
    const struct visit none = {.last = 0};
    struct key key;
    struct slice bytes;
    membership_entity.key(&membership, &key);
    TRY(record_put(op, &old_fields, &old, &bytes));
    TRY(txn_put(op, txn, key_slice(&key), bytes));
    key_bytes(&key, S("+"));
    TRY(txn_put(op, txn, key_slice(&key), S("aaaaaaaaaaaaaaaaaaaaccccccccccccccccccccdddddddddddddddddddd")));
    membership_entity.key(&nobody, &key);
    key_bytes(&key, S("+"));
    TRY(txn_put(op, txn, key_slice(&key), S("eeeeeeeeeeeeeeeeeeee")));
    return visit_put(op, txn, old.tenant, old.user_id, &none, &visit);
}

static void a_step_that_two_programs_made_loses_no_session(void **state) {
    static const struct migration steps[] = {{1, "before", nothing}, {2, "visits", visits_make}};
    struct fixture *fixture = *state;
    struct slice has = S("bbbbbbbbbbbbbbbbbbbbccccccccccccccccccccffffffffffffffffffff");
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 1));
    assert_done(fixture_write(fixture, make_both, &has));
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 2));
    struct visit visit = get(fixture, "acme", JANE);
    assert_int_equal(visit.last, NOON + 1);
    assert_slice(visit.sessions, "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbcccccccccccccccccccc"
                                 "ddddddddddddddddddddffffffffffffffffffff");
    assert_int_equal(get(fixture, "acme", JOHN).sessions.len, 0);
    assert_int_equal(space_rows(fixture, SPACE_MEMBERSHIP).count, 1);
}

static reason bend_list(struct op *op, struct txn *txn, void *arg) {
    struct key key;
    (void)arg;
    membership_entity.key(&(struct membership){.tenant = S("acme"), .user_id = S(JANE)}, &key);
    key_bytes(&key, S("+"));
    return txn_put(op, txn, key_slice(&key), S("not so many bytes"));
}

static void a_list_that_is_none_is_not_taken_over(void **state) {
    static const struct migration steps[] = {{1, "before", nothing}, {2, "visits", visits_make}};
    struct fixture *fixture = *state;
    struct slice has = SLICE_NONE;
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 1));
    assert_done(fixture_write(fixture, make_both, &has));
    assert_done(fixture_write(fixture, bend_list, NULL));
    assert_reason(store_migrate(&fixture->op, fixture->store, steps, 2), STORE_UNAVAILABLE);
    assert_true(slice_find(fixture->op.detail, S("a list of sessions cannot be read")) != SIZE_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
#define H(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(each_member_has_a_row_of_its_own_under_a_short_key),
        T(any_id_has_a_row),
        T(all_of_a_person_are_nobody_elses),
        T(one_that_says_nothing_has_no_row),
        T(a_tenant_too_long_for_a_key_is_nobodys),
        H(a_sign_in_like_the_one_before_leaves_the_membership_as_it_is),
        H(a_sign_in_without_an_assertion_leaves_the_last_one),
        H(of_a_long_assertion_there_is_as_much_as_in_a_grant),
        H(an_end_leaves_the_visit),
        H(who_is_taken_back_is_shown_with_the_visit_that_is_stored),
        H(a_list_outlasts_a_new_invitation),
        H(who_shows_grants_names_the_assertion_that_confirmed_them),
        H(what_a_sign_in_does_not_confirm_keeps_the_name_of_the_assertion_that_did),
        T(a_store_from_before_gets_them_in_steps),
        T(a_step_that_two_programs_made_loses_no_session),
        T(a_list_that_is_none_is_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
