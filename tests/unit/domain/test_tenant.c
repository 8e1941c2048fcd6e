// SPDX-License-Identifier: GPL-3.0-or-later
// Tenants and whose a domain is.
#include "fixture.h"

#include "domain/connection.h"
#include "domain/role.h"
#include "domain/user.h"

// What one transaction does, and what it gives back.
struct work {
    const struct actor *actor;
    struct tenant tenant;
    struct slice text;
    struct page page;
    struct rows rows;
    struct slice next;
    size_t total;
};

static reason create(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return tenant_create(op, txn, work->actor, &work->tenant);
}
static reason change(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return tenant_change(op, txn, work->actor, &work->tenant);
}
static reason find(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return tenant_find(op, txn, work->text, &work->tenant);
}
static reason owner(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return domain_owner(op, txn, work->text, &work->next);
}
static reason list(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return tenant_list(op, txn, work->page, &work->rows, &work->next, &work->total);
}
static reason drop(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return tenant_remove(op, txn, work->actor, work->text);
}
static reason last_audit(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return audit_list(op, txn, work->text, (struct page){.limit = 1}, &work->rows, &work->next);
}

static struct texts domains(struct fixture *fixture, const char *one, const char *two) {
    struct texts texts = {NULL, 0};
    assert_done(op_take(&fixture->op, 2 * sizeof *texts.at, &texts.at));
    texts.count = one == NULL ? 0 : two == NULL ? 1 : 2;
    texts.at[0] = slice_str(one);
    texts.at[1] = slice_str(two);
    return texts;
}
static struct work given(struct fixture *fixture, const char *slug, const char *one,
                         const char *two) {
    return (struct work){.actor = &fixture->staff,
                         .tenant = {.slug = slice_str(slug),
                                    .name = S("Acme"),
                                    .domains = domains(fixture, one, two)} };
}
static reason make(struct fixture *fixture, const char *slug, const char *one, const char *two) {
    struct work work = given(fixture, slug, one, two);
    return fixture_write(fixture, create, &work);
}
static void owner_is(struct fixture *fixture, const char *domain, const char *tenant) {
    struct work work = {.text = slice_str(domain)};
    if (tenant == NULL) {
        assert_reason(fixture_read(fixture, owner, &work), NOT_FOUND);
    } else {
        assert_done(fixture_read(fixture, owner, &work));
        assert_slice(work.next, tenant);
    }
}

static void a_tenant_is_stored_with_normalised_domains(void **state) {
    struct fixture *fixture = *state;
    struct work work = given(fixture, "acme", "ACME.Example", "acme.example.");
    work.tenant.name = S(" Acme  ");
    assert_done(fixture_write(fixture, create, &work));
    work = (struct work){.text = S("acme")};
    assert_done(fixture_read(fixture, find, &work));
    assert_slice(work.tenant.name, "Acme");
    assert_int_equal(work.tenant.domains.count, 1);
    assert_slice(work.tenant.domains.at[0], "acme.example");
    assert_int_equal(work.tenant.created_at, NOON);
    assert_false(work.tenant.disabled);
    owner_is(fixture, "acme.example", "acme");
    owner_is(fixture, "other.example", NULL);
}

static void a_missing_name_is_the_slug(void **state) {
    struct fixture *fixture = *state;
    struct work work = given(fixture, "acme", NULL, NULL);
    work.tenant.name = S("");
    assert_done(fixture_write(fixture, create, &work));
    assert_slice(work.tenant.name, "acme");
}

static void a_slug_is_taken_once(void **state) {
    struct fixture *fixture = *state;
    assert_done(make(fixture, "acme", "acme.example", NULL));
    assert_reason(make(fixture, "acme", "other.example", NULL), DUPLICATE_SLUG);
    owner_is(fixture, "other.example", NULL);
}

static void what_is_no_slug_is_refused_with_its_pointer(void **state) {
    struct fixture *fixture = *state;
    const char *const slugs[] = {"", "Acme", "a_b", "-a", "a-", "a.b", "a b"};
    for (size_t i = 0; i < sizeof slugs / sizeof slugs[0]; i++) {
        assert_reason(make(fixture, slugs[i], NULL, NULL), INVALID_INPUT);
        assert_fault(&fixture->op, 0, "/slug", FIELD_VALUE);
    }
}

static void a_long_name_and_a_wrong_domain_are_told_together(void **state) {
    struct fixture *fixture = *state;
    char name[TENANT_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    struct work work = given(fixture, "acme", "acme.example", "no domain");
    work.tenant.name = slice_of(name, sizeof name);
    assert_reason(fixture_write(fixture, create, &work), INVALID_INPUT);
    assert_int_equal(fixture->op.error_count, 2);
    assert_fault(&fixture->op, 0, "/name", FIELD_RANGE);
    assert_fault(&fixture->op, 1, "/domains/1", FIELD_VALUE);
    work.tenant.name = slice_of(name, TENANT_NAME_MAX);
    work.tenant.domains.count = 1;
    assert_done(fixture_write(fixture, create, &work));
}

static void a_domain_belongs_to_one_tenant(void **state) {
    struct fixture *fixture = *state;
    assert_done(make(fixture, "acme", "acme.example", NULL));
    assert_reason(make(fixture, "other", "other.example", "Acme.Example"), DOMAIN_TAKEN);
    assert_fault(&fixture->op, 0, "/domains/1", DOMAIN_TAKEN);
    owner_is(fixture, "other.example", NULL); // nothing of the refused one is kept
    assert_done(make(fixture, "other", "other.example", NULL));
    struct work work = given(fixture, "other", "other.example", "acme.example");
    assert_reason(fixture_write(fixture, change, &work), DOMAIN_TAKEN);
    owner_is(fixture, "acme.example", "acme");
}

static void a_domain_that_is_given_up_is_free(void **state) {
    struct fixture *fixture = *state;
    assert_done(make(fixture, "acme", "a.example", "b.example"));
    struct work work = given(fixture, "acme", "b.example", "c.example");
    work.tenant.disabled = true;
    fixture->op.now = NOON + 5000;
    assert_done(fixture_write(fixture, change, &work));
    assert_int_equal(work.tenant.created_at, NOON);
    assert_int_equal(work.tenant.updated_at, NOON + 5000);
    owner_is(fixture, "a.example", NULL);
    owner_is(fixture, "c.example", "acme");
    assert_done(make(fixture, "other", "a.example", NULL));
    owner_is(fixture, "a.example", "other");
    work = (struct work){.text = S("acme")};
    assert_done(fixture_read(fixture, last_audit, &work));
    const struct audit *audit = work.rows.at;
    assert_slice(audit->event, "tenant.changed");
    assert_slice(audit->detail, "disabled; domain c.example added; domain a.example removed");
}

static void only_an_operator_adds_domains(void **state) {
    struct fixture *fixture = *state;
    struct actor admin = {.kind = ACTOR_USER, .id = S("usr_1"), .tenant = S("acme")};
    admin.permissions = (struct permission_set){{UINT64_MAX, UINT64_MAX}};
    assert_done(make(fixture, "acme", "a.example", "b.example"));
    struct work work = given(fixture, "acme", "a.example", "bank.example");
    work.actor = &admin;
    assert_reason(fixture_write(fixture, change, &work), FORBIDDEN);
    owner_is(fixture, "bank.example", NULL);
    work = given(fixture, "acme", "a.example", NULL);
    work.actor = &admin;
    assert_done(fixture_write(fixture, change, &work)); // giving one up is allowed
    owner_is(fixture, "b.example", NULL);
}

static reason connect_b(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct connection connection = {.slug = S("acme-okta"), .tenant = S("acme")};
    connection.policy = policy_default();
    struct slice b = S("b.example");
    connection.policy.domains = (struct texts){&b, 1};
    return connection_create(op, txn, work->actor, &connection);
}
static reason disconnect(struct op *op, struct txn *txn, void *arg) {
    return connection_remove(op, txn, ((struct work *)arg)->actor, S("acme-okta"));
}

static void a_domain_that_a_policy_names_stays(void **state) {
    struct fixture *fixture = *state;
    struct work by = {.actor = &fixture->staff};
    assert_done(make(fixture, "acme", "a.example", "b.example"));
    assert_done(fixture_write(fixture, connect_b, &by));
    struct work work = given(fixture, "acme", "a.example", NULL);
    assert_reason(fixture_write(fixture, change, &work), DOMAIN_IN_USE);
    assert_true(slice_find(fixture->op.detail, S("acme-okta")) != SIZE_MAX);
    owner_is(fixture, "b.example", "acme");
    work = given(fixture, "acme", "b.example", NULL); // the other one may go
    assert_done(fixture_write(fixture, change, &work));
}

static void an_unknown_tenant_is_not_found(void **state) {
    struct fixture *fixture = *state;
    struct work work = given(fixture, "acme", NULL, NULL);
    assert_reason(fixture_write(fixture, change, &work), NOT_FOUND);
    const struct slice slugs[] = {S("acme"), S(""), S("a\0b"), S("UP"), S("\xff")};
    for (size_t i = 0; i < sizeof slugs / sizeof slugs[0]; i++) {
        work = (struct work){.text = slugs[i], .actor = &fixture->staff};
        assert_reason(fixture_read(fixture, find, &work), NOT_FOUND);
        assert_reason(fixture_write(fixture, drop, &work), NOT_FOUND);
    }
}

static void the_list_comes_in_pages(void **state) {
    struct fixture *fixture = *state;
    const char *const slugs[] = {"a", "b", "b-2", "c", "d"};
    for (size_t i = 0; i < 5; i++) {
        assert_done(make(fixture, slugs[i], NULL, NULL));
    }
    size_t seen = 0;
    struct work work = {.page = {.limit = 2}};
    do {
        assert_done(fixture_read(fixture, list, &work));
        assert_int_equal(work.total, 5);
        const struct tenant *tenants = work.rows.at;
        for (size_t i = 0; i < work.rows.count; i++) {
            assert_slice(tenants[i].slug, slugs[seen++]);
        }
        work.page.cursor = work.next;
    } while (work.next.len > 0);
    assert_int_equal(seen, 5);
    assert_int_equal(work.rows.count, 1);
    work.page = (struct page){.limit = 0};
    assert_done(fixture_read(fixture, list, &work));
    assert_int_equal(work.rows.count, 5);
    assert_int_equal(work.next.len, 0);
    work.page = (struct page){.limit = SIZE_MAX, .cursor = S("b")};
    assert_done(fixture_read(fixture, list, &work));
    assert_int_equal(work.rows.count, 3);
    work.page.cursor = S("no cursor");
    assert_reason(fixture_read(fixture, list, &work), INVALID_INPUT);
}

static reason add_member(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct membership membership = {.tenant = S("acme"), .user_id = S("usr_1")};
    membership.status = work->total == 0 ? MEMBER_ACTIVE : MEMBER_DELETED;
    return entity_put(op, txn, &membership_entity, &membership);
}
static reason add_role(struct op *op, struct txn *txn, void *arg) {
    struct slice id = S("audiences:view");
    struct role role = {.tenant = S("acme"), .role_id = S("mine"), .name = S("Mine")};
    role.permissions = (struct texts){&id, 1};
    return role_create(op, txn, ((struct work *)arg)->actor, &role);
}
static reason find_role(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    struct role role;
    return role_find(op, txn, S("acme"), S("mine"), &role);
}

static void a_tenant_goes_only_when_it_is_empty_and_takes_all_with_it(void **state) {
    struct fixture *fixture = *state;
    struct work by = {.actor = &fixture->staff, .text = S("acme")};
    assert_done(make(fixture, "acme", "a.example", "b.example"));
    assert_done(fixture_write(fixture, add_role, &by));
    assert_done(fixture_write(fixture, connect_b, &by));
    assert_reason(fixture_write(fixture, drop, &by), TENANT_NOT_EMPTY);
    assert_done(fixture_write(fixture, disconnect, &by));
    assert_done(fixture_write(fixture, add_member, &by));
    assert_reason(fixture_write(fixture, drop, &by), TENANT_NOT_EMPTY);
    by.total = 1; // deleted ones do not hold it
    assert_done(fixture_write(fixture, add_member, &by));
    assert_done(fixture_write(fixture, drop, &by));
    assert_reason(fixture_read(fixture, find, &by), NOT_FOUND);
    owner_is(fixture, "a.example", NULL);
    assert_done(make(fixture, "acme", "b.example", NULL));
    assert_reason(fixture_read(fixture, find_role, &by), UNKNOWN_ROLE);
}

int main(void) {
#define STORED(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        STORED(a_tenant_is_stored_with_normalised_domains),
        STORED(a_missing_name_is_the_slug),
        STORED(a_slug_is_taken_once),
        STORED(what_is_no_slug_is_refused_with_its_pointer),
        STORED(a_long_name_and_a_wrong_domain_are_told_together),
        STORED(a_domain_belongs_to_one_tenant),
        STORED(a_domain_that_is_given_up_is_free),
        STORED(only_an_operator_adds_domains),
        STORED(a_domain_that_a_policy_names_stays),
        STORED(an_unknown_tenant_is_not_found),
        STORED(the_list_comes_in_pages),
        STORED(a_tenant_goes_only_when_it_is_empty_and_takes_all_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
