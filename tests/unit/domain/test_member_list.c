// SPDX-License-Identifier: GPL-3.0-or-later
// The list of members: filters, orders, pages, totals; and that no other tenant's people are in it.
#include "people.h"

struct listing_call {
    struct member_filter filter;
    struct page page;
    struct rows members;
    struct slice next;
    size_t total;
    bool exact;
};
static reason list_fn(struct op *op, struct txn *txn, void *arg) {
    struct listing_call *c = arg;
    return member_search(op, txn, S("acme"), &c->filter, c->page, &c->members, &c->next, &c->total,
                       &c->exact);
}

static const struct {
    const char *email, *first_name, *last_name, *role;
} people[] = {
    {"ada@acme.example", "Ada", "Lovelace", "admin"},
    {"bob@acme.example", "Bob", "adams", "read_only"},
    {"cyd@acme.example", "Cyd", "Charisse", "admin"},
    {"dan@acme.example", "Dan", "Brown", NULL},
    {"eve@partner.example", "Eve", "Moneypenny", "compliance"},
};
#define PEOPLE (sizeof people / sizeof people[0])

static reason people_fn(struct op *op, struct txn *txn, void *arg) {
    struct house *house = arg;
    struct member member;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct user user = {.email = slice_str(people[i].email),
                            .first_name = slice_str(people[i].first_name),
                            .last_name = slice_str(people[i].last_name)};
        struct slice role = slice_str(people[i].role);
        op->now += SECOND_MS; // ids are in the order of making
        TRY(member_add(op, txn, &house->fixture->staff, S("acme"), &user,
                       (struct texts){&role, role.len > 0 ? 1 : 0}, &member));
    }
    struct user stranger = {.email = S("zoe@umbrella.example"), .first_name = S("Ada")};
    TRY(member_add(op, txn, &house->fixture->staff, S("umbrella"), &stranger,
                   (struct texts){NULL, 0}, &member));
    struct user gone = {.email = S("old@acme.example"), .first_name = S("Old")};
    TRY(member_add(op, txn, &house->fixture->staff, S("acme"), &gone, (struct texts){NULL, 0},
                   &member));
    return member_set_status(op, txn, &house->fixture->staff, S("acme"), member.user.id,
                             MEMBER_DELETED, &member);
}

static int filled_open(void **state) {
    (void)house_open(state);
    struct house *house = *state;
    assert_done(fixture_write(house->fixture, people_fn, house));
    return 0;
}

static struct listing_call everybody(void) {
    return (struct listing_call){.filter = {.status = -1}};
}

// First names in the order of the list: "Ada Bob".
static struct slice names(struct house *house, struct listing_call *c) {
    assert_done(fixture_read(house->fixture, list_fn, c));
    struct slice all = S("");
    for (size_t i = 0; i < c->members.count; i++) {
        struct slice name = ((const struct member *)c->members.at)[i].user.first_name;
        all = op_text(&house->fixture->op, "%.*s%s%.*s", SLICE(all), i > 0 ? " " : "", SLICE(name));
    }
    return all;
}

static void all_members_but_the_deleted_are_listed(void **state) {
    struct listing_call c = everybody();
    assert_slice(names(*state, &c), "Ada Bob Cyd Dan Eve");
    assert_int_equal(c.total, PEOPLE);
    assert_int_equal(c.next.len, 0);
}

static void the_deleted_are_listed_when_asked_for(void **state) {
    struct listing_call c = everybody();
    c.filter.status = MEMBER_DELETED;
    assert_slice(names(*state, &c), "Old");
    assert_int_equal(c.total, 1);
    c.filter.status = MEMBER_LOCKED;
    assert_slice(names(*state, &c), "");
    assert_int_equal(c.total, 0);
}

static void a_word_is_sought_in_names_and_addresses(void **state) {
    struct listing_call c = everybody();
    c.filter.q = S("ADA");
    assert_slice(names(*state, &c), "Ada Bob"); // Ada, and Adams
    c.filter.q = S("partner");
    assert_slice(names(*state, &c), "Eve");
    c.filter.q = S("Ada Love");
    assert_slice(names(*state, &c), "Ada");
    c.filter.q = S("nobody");
    assert_slice(names(*state, &c), "");
    assert_int_equal(c.total, 0);
}

static void who_may_not_see_addresses_does_not_find_or_order_by_them(void **state) {
    struct house *house = *state;
    struct listing_call c = everybody();
    c.filter.names_only = true;
    c.filter.q = S("partner");
    assert_slice(names(house, &c), "");
    c.filter.q = S("eve");
    assert_slice(names(house, &c), "Eve");
    c.filter.sort = S("-email");
    assert_reason(fixture_read(house->fixture, list_fn, &c), FORBIDDEN);
}

static void a_role_is_sought_in_the_grants(void **state) {
    struct listing_call c = everybody();
    c.filter.role = S("admin");
    assert_slice(names(*state, &c), "Ada Cyd");
    assert_int_equal(c.total, 2);
    c.filter.role = S("adm");
    assert_slice(names(*state, &c), "");
}

static void orders_go_both_ways(void **state) {
    static const struct {
        const char *sort, *names;
    } orders[] = {
        {"name", "Bob Dan Cyd Ada Eve"},       {"-name", "Eve Ada Cyd Dan Bob"},
        {"email", "Ada Bob Cyd Dan Eve"},      {"-email", "Eve Dan Cyd Bob Ada"},
        {"status", "Ada Bob Cyd Dan Eve"},     {"-status", "Eve Dan Cyd Bob Ada"},
        {"last_visit", "Ada Bob Cyd Dan Eve"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct listing_call c = everybody();
        c.filter.sort = slice_str(orders[i].sort);
        assert_slice(names(*state, &c), orders[i].names);
    }
}

static void who_was_here_last_comes_last(void **state) {
    struct house *house = *state;
    house->identity.name_id = S("bob@acme.example");
    house_bare(house);
    house_attribute(house, "groups", "Admins");
    assert_done(house_admit(house));
    struct listing_call c = everybody();
    c.filter.sort = S("last_visit");
    assert_slice(names(house, &c), "Ada Cyd Dan Eve Bob");
    c.filter.sort = S("-last_visit");
    assert_slice(names(house, &c), "Bob Eve Dan Cyd Ada");
}

static void an_unknown_order_is_refused(void **state) {
    struct house *house = *state;
    struct listing_call c = everybody();
    c.filter.sort = S("shoe_size");
    assert_reason(fixture_read(house->fixture, list_fn, &c), INVALID_INPUT);
}

static void pages_show_everybody_once(void **state) {
    static const char *const sorts[] = {"", "-", "name", "-name", "email", "status", "-last_visit"};
    for (size_t s = 0; s < sizeof sorts / sizeof sorts[0]; s++) {
        struct listing_call c = everybody();
        c.filter.sort = slice_str(sorts[s]);
        struct slice whole = names(*state, &c);
        struct slice parts = S("");
        size_t pages = 0;
        c.page.limit = 2;
        do {
            struct slice part = names(*state, &c);
            parts = op_text(&((struct house *)*state)->fixture->op, "%.*s%s%.*s", SLICE(parts),
                            pages > 0 ? " " : "", SLICE(part));
            assert_int_equal(c.total, PEOPLE);
            c.page.cursor = c.next;
            pages++;
        } while (c.next.len > 0);
        assert_int_equal(pages, 3);
        assert_true(slice_equal(whole, parts));
    }
}

static void a_full_last_page_has_no_next(void **state) {
    struct listing_call c = everybody();
    c.page.limit = PEOPLE;
    assert_slice(names(*state, &c), "Ada Bob Cyd Dan Eve");
    assert_int_equal(c.next.len, 0);
}

static void a_made_up_cursor_is_refused(void **state) {
    struct house *house = *state;
    static const char *const bad[] = {"!", "YWJj", "usr_1"};
    for (size_t i = 0; i < 3; i++) {
        struct listing_call c = everybody();
        c.page.cursor = slice_str(bad[i]);
        assert_reason(fixture_read(house->fixture, list_fn, &c), INVALID_INPUT);
    }
}

static reason many_fn(struct op *op, struct txn *txn, void *arg) {
    size_t *done = arg;
    for (size_t i = 0; i < 500; i++) {
        struct slice id = op_text(op, "usr_%08zu", *done + i);
        struct user user = {.id = id, .email = op_text(op, "%zu@acme.example", *done + i)};
        struct membership membership = {
            .tenant = S("acme"), .user_id = id, .status = MEMBER_ACTIVE};
        TRY(entity_put(op, txn, &user_entity, &user));
        TRY(entity_put(op, txn, &membership_entity, &membership));
    }
    return NULL;
}
static void a_big_tenant_is_listed_in_little_memory(void **state) {
    struct house *house = *state;
    for (size_t done = 0; done < 6000; done += 500) {
        struct op op;
        op_open(&op, NOON);
        assert_done(store_write(&op, house->fixture->store, many_fn, &done));
        op_close(&op);
    }
    struct op op;
    op_open(&op, NOON);
    struct listing_call c = {.filter = {.status = -1, .sort = S("-email"), .q = S("acme")}};
    assert_done(store_read(&op, house->fixture->store, list_fn, &c));
    assert_false(c.exact); // too many to look at each
    assert_int_equal(c.total, 6000 + PEOPLE);
    assert_int_equal(c.members.count, PAGE_LIMIT_DEFAULT);
    assert_true(op.arena.taken < 256U << 10);
    c = (struct listing_call){.filter = {.status = -1, .sort = S("-name")}};
    assert_done(store_read(&op, house->fixture->store, list_fn, &c));
    assert_int_equal(c.total, 6000 + PEOPLE);
    op_close(&op);
}

#define T(name) cmocka_unit_test_setup_teardown(name, filled_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(all_members_but_the_deleted_are_listed),
        T(the_deleted_are_listed_when_asked_for),
        T(a_word_is_sought_in_names_and_addresses),
        T(who_may_not_see_addresses_does_not_find_or_order_by_them),
        T(a_role_is_sought_in_the_grants),
        T(orders_go_both_ways),
        T(who_was_here_last_comes_last),
        T(an_unknown_order_is_refused),
        T(pages_show_everybody_once),
        T(a_full_last_page_has_no_next),
        T(a_made_up_cursor_is_refused),
        T(a_big_tenant_is_listed_in_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
