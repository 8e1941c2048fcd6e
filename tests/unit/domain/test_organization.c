// SPDX-License-Identifier: GPL-3.0-or-later
// Organizations: which tenants belong to one, who sees across them, and numbers that stay.
#include "people.h"

#include "domain/organization.h"

struct work {
    const struct actor *actor;
    struct organization organization;
    struct tenant tenant;
    struct slice id, home;
    int64_t number;
    struct rows rows;
    size_t total;
    bool yes;
};

#define DOES(name, expression)                                                                     \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct work *w = arg;                                                                      \
        return expression;                                                                         \
    }
DOES(do_create, organization_create(op, txn, w->actor, &w->organization))
DOES(do_change, organization_change(op, txn, w->actor, &w->organization))
DOES(do_remove, organization_remove(op, txn, w->actor, w->id))
DOES(do_find, organization_find(op, txn, w->id, &w->organization))
DOES(do_find_number, organization_find_by_number(op, txn, w->number, &w->organization))
DOES(do_list, organization_list(op, txn, (struct page){2, w->home}, &w->rows, &w->id, &w->total))
DOES(do_sees, organization_sees(op, txn, w->id, w->home, S("group"), &w->yes))
DOES(do_tenants, tenant_list_of(op, txn, S("group"), &w->rows))
DOES(do_tenant, tenant_find(op, txn, w->id, &w->tenant))
DOES(do_tenant_number, tenant_find_by_number(op, txn, w->number, &w->tenant))
DOES(do_tenant_change, tenant_change(op, txn, w->actor, &w->tenant))

static struct work by_staff(struct house *house) {
    return (struct work){.actor = &house->fixture->staff};
}

static void make(struct house *house, const char *slug, struct texts administrators) {
    struct work work = by_staff(house);
    work.organization = (struct organization){.slug = slice_str(slug),
                                              .name = S("The Group"),
                                              .administrators = administrators};
    assert_done(fixture_write(house->fixture, do_create, &work));
}

static reason join(struct house *house, const char *tenant, const char *organization) {
    struct work work = by_staff(house);
    work.id = slice_str(tenant);
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    work.tenant.organization = slice_str(organization);
    work.tenant.environment = ENVIRONMENT_STAGING;
    return fixture_write(house->fixture, do_tenant_change, &work);
}

static void tenants_join_and_leave(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    assert_reason(join(house, "acme", "group"), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/organization", FIELD_VALUE);
    make(house, "group", (struct texts){NULL, 0});
    assert_done(join(house, "umbrella", "group"));
    assert_done(join(house, "acme", "group"));
    assert_done(fixture_read(house->fixture, do_tenants, &work));
    assert_int_equal(work.rows.count, 2);
    assert_slice(((const struct tenant *)work.rows.at)[0].slug, "acme");
    assert_int_equal(((const struct tenant *)work.rows.at)[0].environment, ENVIRONMENT_STAGING);
    work.id = S("group");
    assert_reason(fixture_write(house->fixture, do_remove, &work), ORGANIZATION_NOT_EMPTY);
    assert_done(join(house, "acme", ""));
    assert_done(join(house, "umbrella", ""));
    assert_done(fixture_write(house->fixture, do_remove, &work));
    assert_reason(fixture_read(house->fixture, do_find, &work), NOT_FOUND);
    assert_reason(fixture_write(house->fixture, do_remove, &work), NOT_FOUND);
}

static void only_operators_let_a_tenant_join(void **state) {
    struct house *house = *state;
    make(house, "group", (struct texts){NULL, 0});
    struct actor admin = {.kind = ACTOR_USER, .tenant = S("acme"), .permissions = {{~0ULL, ~0ULL}}};
    struct work work = {.actor = &admin, .id = S("acme")};
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    work.tenant.organization = S("group");
    assert_reason(fixture_write(house->fixture, do_tenant_change, &work), FORBIDDEN);
    assert_fault(&house->fixture->op, 0, "/organization", FORBIDDEN);
}

static void its_administrators_see_across_from_its_tenants_only(void **state) {
    struct house *house = *state;
    struct slice jane = add_by_hand(house, "acme", "jane@acme.example", "read_only");
    struct slice joe = add_by_hand(house, "acme", "joe@acme.example", "admin");
    make(house, "group", one_text(&house->fixture->op, jane));
    struct work work = {.id = jane, .home = S("acme")};
    assert_done(fixture_read(house->fixture, do_sees, &work));
    assert_false(work.yes); // her tenant does not belong to it
    assert_done(join(house, "acme", "group"));
    assert_done(fixture_read(house->fixture, do_sees, &work));
    assert_true(work.yes);
    work.home = S("umbrella");
    assert_done(fixture_read(house->fixture, do_sees, &work));
    assert_false(work.yes);
    work = (struct work){.id = joe, .home = S("acme")};
    assert_done(fixture_read(house->fixture, do_sees, &work));
    assert_false(work.yes);
    work = (struct work){.id = jane, .home = S("nowhere")};
    assert_done(fixture_read(house->fixture, do_sees, &work));
    assert_false(work.yes);
}

static void what_is_wrong_is_told_by_field(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    work.organization = (struct organization){.slug = S("a_b"), .name = S("two\nlines")};
    work.organization.administrators = one_text(&house->fixture->op, S("usr_none"));
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/slug", FIELD_VALUE);
    assert_fault(&house->fixture->op, 1, "/name", RESTRICTED_CHARACTERS);
    assert_fault(&house->fixture->op, 2, "/administrators/0", FIELD_VALUE);
    make(house, "group", (struct texts){NULL, 0});
    work.organization = (struct organization){.slug = S("group")};
    assert_reason(fixture_write(house->fixture, do_create, &work), DUPLICATE_SLUG);
    work.organization.slug = S("other");
    assert_reason(fixture_write(house->fixture, do_change, &work), NOT_FOUND);
}

static void numbers_are_given_once_and_stay(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    make(house, "group", (struct texts){NULL, 0});
    work.id = S("group");
    assert_done(fixture_read(house->fixture, do_find, &work));
    int64_t number = work.organization.number;
    work.organization.name = S("Renamed");
    assert_done(fixture_write(house->fixture, do_change, &work));
    assert_int_equal(work.organization.number, number);
    work.number = number;
    assert_done(fixture_read(house->fixture, do_find_number, &work));
    assert_slice(work.organization.name, "Renamed");
    assert_reason(fixture_read(house->fixture, do_tenant_number, &work), NOT_FOUND);
    work.id = S("acme");
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    assert_true(work.tenant.number > 0 && work.tenant.number != number);
    work.number = work.tenant.number;
    assert_done(fixture_read(house->fixture, do_tenant_number, &work));
    assert_slice(work.tenant.slug, "acme");
    work.number = -1;
    assert_reason(fixture_read(house->fixture, do_tenant_number, &work), NOT_FOUND);
}

// As a program before numbers wrote it.
static reason forget_numbers(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(tenant_find(op, txn, work->id, &work->tenant));
    work->tenant.number = 0;
    return entity_put(op, txn, &tenant_entity, &work->tenant);
}
static reason make_numbers(struct op *op, struct txn *txn, void *arg) {
    struct migration_pass pass = {.from = {.len = 0}};
    TRY(tenant_numbers_make(op, txn, &pass));
    ((struct work *)arg)->yes = pass.more;
    return NULL;
}

static void an_older_store_gets_its_numbers(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    work.id = S("acme");
    assert_done(fixture_write(house->fixture, forget_numbers, &work));
    work.number = 1;
    assert_reason(fixture_read(house->fixture, do_tenant_number, &work), NOT_FOUND);
    assert_done(fixture_write(house->fixture, make_numbers, &work));
    assert_false(work.yes);
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    assert_int_equal(work.tenant.number, 3); // the next one; umbrella keeps its own
    work.id = S("umbrella");
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    assert_int_equal(work.tenant.number, 2);
}

static void they_are_listed_by_short_name(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    make(house, "b", (struct texts){NULL, 0});
    make(house, "a", (struct texts){NULL, 0});
    make(house, "c", (struct texts){NULL, 0});
    assert_done(fixture_read(house->fixture, do_list, &work));
    assert_int_equal(work.rows.count, 2);
    assert_int_equal(work.total, 3);
    assert_slice(((const struct organization *)work.rows.at)[0].slug, "a");
    assert_slice(work.id, "b");
    work.home = work.id;
    assert_done(fixture_read(house->fixture, do_list, &work));
    assert_int_equal(work.rows.count, 1);
    assert_int_equal(work.id.len, 0);
    work.home = S("no slug");
    assert_reason(fixture_read(house->fixture, do_list, &work), INVALID_INPUT);
}

int main(void) {
#define IN_HOUSE(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
    const struct CMUnitTest tests[] = {
        IN_HOUSE(tenants_join_and_leave),
        IN_HOUSE(only_operators_let_a_tenant_join),
        IN_HOUSE(its_administrators_see_across_from_its_tenants_only),
        IN_HOUSE(what_is_wrong_is_told_by_field),
        IN_HOUSE(numbers_are_given_once_and_stay),
        IN_HOUSE(an_older_store_gets_its_numbers),
        IN_HOUSE(they_are_listed_by_short_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
