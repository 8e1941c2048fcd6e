// SPDX-License-Identifier: GPL-3.0-or-later
// Built-in roles against an oracle that is written from the numbered rows of the permission
// catalogue, and a tenant's own roles: who may make which, and when one may go.
#include "fixture.h"

#include "domain/connection.h"
#include "domain/role.h"
#include "domain/tenant_settings.h"
#include "domain/user.h"

// ---- the oracle ----

#define ROWS 46
// Row of the catalogue -> permissions.
static const char *const row_ids[ROWS + 1][3] = {
    [1] = {"session:login", "profile:view_own", "profile:edit_own"},
    [2] = {"dashboard:view"},
    [3] = {"system_alerts:view"},
    [4] = {"event_forwarding:view"},
    [5] = {"catalog:view"},
    [6] = {"catalog:manage"},
    [7] = {"event_tiers:manage"},
    [8] = {"directory:view"},
    [9] = {"workspaces:view"},
    [10] = {"workspaces:manage"},
    [11] = {"inputs:view"},
    [12] = {"inputs:manage"},
    [13] = {"outputs:view"},
    [14] = {"outputs:manage"},
    [15] = {"connections:connect"},
    [16] = {"connections:connect_audience"},
    [17] = {"audiences:view"},
    [18] = {"audiences:manage"},
    [19] = {"calculated_attributes:view"},
    [20] = {"calculated_attributes:manage"},
    [21] = {"data_plans:view"},
    [22] = {"data_plans:manage"},
    [23] = {"rules:view"},
    [24] = {"rules:manage"},
    [25] = {"filters:view"},
    [26] = {"filters:manage"},
    [27] = {"live_stream:view"},
    [28] = {"identity_settings:view"},
    [29] = {"identity_settings:manage"},
    [30] = {"user_activity:view"},
    [31] = {"personal_data:access"},
    [32] = {"privacy:view"},
    [33] = {"privacy:manage"},
    [34] = {"dsr:view"},
    [35] = {"dsr:manage"},
    [36] = {"users:view"},
    [37] = {"users:manage"},
    [38] = {"roles:manage"},
    [39] = {"api_credentials:manage"},
    [40] = {"billing:view"},
    [41] = {"dsr:download"},
    [42] = {"sso:manage", "domains:manage"},
    [43] = {"audit:view"},
    [44] = {"service_users:manage", "groups:manage"},
    [45] = {"requests:create"},
    [46] = {"requests:approve"},
};
static const struct {
    const char *id, *name, *rows;
    int count; // of rows
} oracle[] = {
    {"user", "User", "1-6,8-29,45", 29},
    {"read_only", "Read Only", "1-5,8-9,11,13,17,19,21,23,25,27-28,45", 17},
    {"admin", "Admin", "1-6,8-31,36-37,39-40,42-45", 38},
    {"audiences_only", "Audiences Only", "1,9,13,16-18,45", 7},
    {"compliance", "Compliance", "1-5,8-9,11,13,17,19,21,23,25,27-28,32-36,41,43,45", 24},
    {"admin_compliance", "Admin & Compliance", "1-37,39-45", 44},
    {"support_access", "Support Access", "1-6,8-32,34,39-40,43", 35},
};
#define SEVEN (sizeof oracle / sizeof oracle[0])

static void add(struct permission_set *set, const char *id) {
    const struct permission *permission = permission_find(slice_str(id));
    assert_non_null(permission);
    permission_add(set, permission);
}
static struct permission_set set_of_rows(const char *rows, int *ret_count) {
    struct permission_set set = {{0, 0}};
    int count = 0;
    while (*rows != '\0') {
        char *end;
        long first = strtol(rows, &end, 10);
        long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        for (long row = first; row <= last; row++, count++) {
            for (size_t i = 0; i < 3 && row_ids[row][i] != NULL; i++) {
                add(&set, row_ids[row][i]);
            }
        }
        rows = *end == ',' ? end + 1 : end;
    }
    *ret_count = count;
    return set;
}
static bool same(struct permission_set a, struct permission_set b) {
    return permission_within(a, b) && permission_within(b, a);
}

// ---- work ----

struct work {
    const struct actor *actor;
    struct role role;
    struct slice tenant, id, target;
    size_t count;
    struct texts ids;
    struct permission_set set;
    struct rows rows;
};

static reason find(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return role_find(op, txn, work->tenant, work->id, &work->role);
}
static reason resolve(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return role_permissions(op, txn, work->tenant, work->ids, &work->set);
}
static reason list(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return role_list(op, txn, work->tenant, &work->rows);
}
static reason create(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return role_create(op, txn, work->actor, &work->role);
}
static reason drop(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return role_remove(op, txn, work->actor, S("acme"), work->id, work->target, &work->count);
}
static reason create_tenant(struct op *op, struct txn *txn, void *arg) {
    struct tenant tenant = {.slug = ((struct work *)arg)->tenant};
    return tenant_create(op, txn, ((struct work *)arg)->actor, &tenant);
}

// Support staff hold what the catalogue says only where the tenant lets them.
static reason let_support(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct tenant_settings settings = tenant_settings_default(work->tenant);
    settings.support_no_credentials = work->count > 0;
    return tenant_settings_put(op, txn, work->actor, &settings);
}

static int open_acme(void **state) {
    assert_int_equal(fixture_open(state), 0);
    struct fixture *fixture = *state;
    struct work work = {.actor = &fixture->staff, .tenant = S("acme")};
    assert_done(fixture_write(fixture, create_tenant, &work));
    assert_done(fixture_write(fixture, let_support, &work));
    work.tenant = S("other");
    assert_done(fixture_write(fixture, create_tenant, &work));
    return 0;
}

static struct permission_set set_of(struct fixture *fixture, const char *role_id) {
    struct slice id = slice_str(role_id);
    struct work work = {.tenant = S("acme"), .ids = {&id, 1}};
    assert_done(fixture_read(fixture, resolve, &work));
    return work.set;
}
static struct role role(struct fixture *fixture, const char *id, const char *name, const char *one,
                        const char *two) {
    struct role made = {.tenant = S("acme"), .role_id = slice_str(id), .name = slice_str(name)};
    assert_done(op_take(&fixture->op, 2 * sizeof(struct slice), &made.permissions.at));
    made.permissions.at[0] = slice_str(one);
    made.permissions.at[1] = slice_str(two);
    made.permissions.count = one == NULL ? 0 : two == NULL ? 1 : 2;
    return made;
}
static reason make(struct fixture *fixture, const char *id, const char *name, const char *one,
                   const char *two) {
    struct work work = {.actor = &fixture->staff, .role = role(fixture, id, name, one, two)};
    return fixture_write(fixture, create, &work);
}
static reason unmake(struct fixture *fixture, const char *id) {
    struct work work = {.actor = &fixture->staff, .id = slice_str(id)};
    return fixture_write(fixture, drop, &work);
}

// ---- built-in ----

static void built_in_roles_are_the_rows_of_the_catalogue(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SEVEN; i++) {
        int count = 0;
        struct permission_set want = set_of_rows(oracle[i].rows, &count);
        assert_int_equal(count, oracle[i].count);
        struct permission_set got = set_of(fixture, oracle[i].id);
        for (size_t p = 0; p < permission_count; p++) {
            if (permission_has(got, &permission_table[p]) !=
                permission_has(want, &permission_table[p])) {
                fail_msg("%s and %s", oracle[i].id, permission_table[p].id);
            }
        }
    }
}

static void built_in_roles_keep_their_invariants(void **state) {
    struct fixture *fixture = *state;
    int n = 0;
    struct permission_set admin = set_of(fixture, "admin");
    struct permission_set compliance = set_of(fixture, "compliance");
    struct permission_set both = set_of(fixture, "admin_compliance");
    struct permission_set support = set_of(fixture, "support_access");
    struct permission_set less = set_of_rows("36,37,42,44,45", &n);
    struct permission_set more = set_of_rows("32,34", &n);
    assert_true(
        same(both, permission_union(permission_union(admin, compliance), set_of_rows("7", &n))));
    struct permission_set want = {{(admin.bits[0] & ~less.bits[0]) | more.bits[0],
                                   (admin.bits[1] & ~less.bits[1]) | more.bits[1]}};
    assert_true(same(support, want));
    assert_true(permission_within(set_of(fixture, "read_only"), set_of(fixture, "user")));
    assert_true(permission_within(set_of(fixture, "user"), admin));
    for (size_t i = 0; i < SEVEN; i++) {
        struct permission_set set = set_of(fixture, oracle[i].id);
        const char *id = oracle[i].id;
        bool sees_people = strcmp(id, "admin") == 0 || strcmp(id, "admin_compliance") == 0 ||
                           strcmp(id, "support_access") == 0;
        bool complies = strcmp(id, "compliance") == 0 || strcmp(id, "admin_compliance") == 0;
        assert_int_equal(permission_may(set, "user_activity:view"), sees_people);
        assert_int_equal(permission_may(set, "personal_data:access"), sees_people);
        assert_int_equal(permission_may(set, "privacy:manage"), complies);
        assert_int_equal(permission_may(set, "dsr:manage"), complies);
        assert_int_equal(permission_may(set, "dsr:download"), complies);
        assert_false(permission_may(set, "roles:manage"));
        assert_false(permission_may(set, "requests:approve"));
        assert_true(permission_may(set, "session:login"));
    }
}

static void the_gatekeeper_manages_people_and_requests(void **state) {
    struct fixture *fixture = *state;
    int n = 0;
    struct permission_set want = set_of_rows("1,36-37,45-46", &n);
    add(&want, "users:list");
    assert_true(same(set_of(fixture, "security_gatekeeper"), want));
}

static void there_are_eight_and_each_says_what_it_is(void **state) {
    struct fixture *fixture = *state;
    struct work work = {.tenant = S("acme")};
    assert_done(fixture_read(fixture, list, &work));
    assert_int_equal(work.rows.count, SEVEN + 1);
    const struct role *roles = work.rows.at;
    for (size_t i = 0; i < work.rows.count; i++) {
        assert_true(roles[i].builtin);
        assert_int_equal(roles[i].tenant.len, 0);
        assert_true(roles[i].description.len > 20);
        assert_true(roles[i].description.len <= ROLE_DESCRIPTION_MAX);
        assert_slice(roles[i].role_id, i < SEVEN ? oracle[i].id : "security_gatekeeper");
        assert_slice(roles[i].name, i < SEVEN ? oracle[i].name : "Security Gatekeeper");
    }
    work.id = S("read_only");
    assert_done(fixture_read(fixture, find, &work));
    assert_int_equal(work.role.permissions.count, 19); // 17 rows, the first of three permissions
}

static void built_in_roles_cannot_be_touched(void **state) {
    struct fixture *fixture = *state;
    assert_reason(unmake(fixture, "admin"), BUILTIN_ROLE_IMMUTABLE);
    assert_reason(make(fixture, "admin", "Other", "audiences:view", NULL), DUPLICATE_ROLE_ID);
    assert_reason(make(fixture, "mine", "read only", "audiences:view", NULL), DUPLICATE_NAME);
    assert_reason(unmake(fixture, "nobody"), NOT_FOUND);
}

// ---- a tenant's own ----

static void a_role_gives_its_permissions_and_sign_in(void **state) {
    struct fixture *fixture = *state;
    assert_done(make(fixture, "Marketer.1", " Marketer ", "campaigns:edit", "audiences:view"));
    struct work work = {.tenant = S("acme"), .id = S("Marketer.1")};
    assert_done(fixture_read(fixture, find, &work));
    assert_slice(work.role.name, "Marketer");
    assert_slice(work.role.permissions.at[0], "audiences:view");
    assert_slice(work.role.permissions.at[1], "campaigns:edit");
    assert_false(work.role.builtin);
    struct permission_set want = {{0, 0}};
    add(&want, "campaigns:edit");
    add(&want, "audiences:view");
    add(&want, "session:login");
    assert_true(same(set_of(fixture, "Marketer.1"), want));
    work.tenant = S("other");
    assert_reason(fixture_read(fixture, find, &work), UNKNOWN_ROLE);
}

static void roles_add_up_and_those_that_are_gone_count_nothing(void **state) {
    struct fixture *fixture = *state;
    assert_done(make(fixture, "mine", "Mine", "campaigns:edit", NULL));
    struct slice ids[] = {S("audiences_only"), S("gone"), S("mine"), S("a\0b")};
    struct work work = {.tenant = S("acme"), .ids = {ids, 4}};
    assert_done(fixture_read(fixture, resolve, &work));
    struct permission_set want = set_of(fixture, "audiences_only");
    add(&want, "campaigns:edit");
    assert_true(same(work.set, want));
    work.ids = (struct texts){&ids[1], 1};
    assert_done(fixture_read(fixture, resolve, &work));
    assert_true(same(work.set, (struct permission_set){{0, 0}})); // not even sign-in
}

static void ids_and_names_are_taken_once_in_a_tenant(void **state) {
    struct fixture *fixture = *state;
    assert_done(make(fixture, "mine", "Mine", "audiences:view", NULL));
    assert_reason(make(fixture, "mine", "Another", "audiences:view", NULL), DUPLICATE_ROLE_ID);
    assert_reason(make(fixture, "another", "MINE", "audiences:view", NULL), DUPLICATE_NAME);
    assert_done(make(fixture, "another", "Another", "audiences:view", NULL));
    struct work work = {.actor = &fixture->staff};
    work.role = role(fixture, "mine", "Mine", "audiences:view", NULL);
    work.role.tenant = S("other");
    assert_done(fixture_write(fixture, create, &work));
    work.role.tenant = S("nobody");
    assert_reason(fixture_write(fixture, create, &work), NOT_FOUND);
}

static void what_is_wrong_in_a_role_is_told_by_field(void **state) {
    struct fixture *fixture = *state;
    assert_reason(make(fixture, "mine", "Mine", "audiences:view", "no:such"), UNKNOWN_PERMISSION);
    assert_fault(&fixture->op, 0, "/permissions/1", UNKNOWN_PERMISSION);
    assert_reason(make(fixture, "mine", "Mine", NULL, NULL), EMPTY_PERMISSIONS);
    assert_fault(&fixture->op, 0, "/permissions", EMPTY_PERMISSIONS);
    assert_reason(make(fixture, "a b", "Mine", "audiences:view", NULL), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/role_id", FIELD_VALUE);
    assert_reason(make(fixture, "mine", " ", "audiences:view", NULL), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/name", FIELD_REQUIRED);
    assert_reason(make(fixture, "mine", "a\nb", "audiences:view", NULL), RESTRICTED_CHARACTERS);
    assert_fault(&fixture->op, 0, "/name", RESTRICTED_CHARACTERS);
    struct work work = {.actor = &fixture->staff};
    char text[ROLE_DESCRIPTION_MAX + 1];
    memset(text, 'x', sizeof text);
    work.role = role(fixture, "mine", "Mine", "audiences:view", NULL);
    work.role.name = slice_of(text, ROLE_NAME_MAX + 1);
    work.role.description = slice_of(text, sizeof text);
    assert_reason(fixture_write(fixture, create, &work), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/name", FIELD_RANGE);
    assert_fault(&fixture->op, 1, "/description", FIELD_RANGE);
    work.role.name.len--;
    work.role.description.len--;
    assert_done(fixture_write(fixture, create, &work));
}

static void nobody_gives_what_they_lack(void **state) {
    struct fixture *fixture = *state;
    struct actor admin = {.kind = ACTOR_USER, .id = S("usr_1"), .tenant = S("acme")};
    add(&admin.permissions, "audiences:view");
    struct work work = {.actor = &admin};
    work.role = role(fixture, "mine", "Mine", "audiences:view", "personal_data:access");
    assert_reason(fixture_write(fixture, create, &work), FORBIDDEN);
    assert_fault(&fixture->op, 0, "/permissions/1", FORBIDDEN);
    work.role = role(fixture, "mine", "Mine", "audiences:view", "session:login");
    assert_done(fixture_write(fixture, create, &work));
    struct actor nobody = {.kind = ACTOR_NONE};
    work.actor = &nobody;
    work.role = role(fixture, "b", "B", "audiences:view", NULL);
    assert_reason(fixture_write(fixture, create, &work), FORBIDDEN);
}

static void a_tenant_has_at_most_a_hundred(void **state) {
    struct fixture *fixture = *state;
    char name[16];
    for (int i = 0; i < ROLE_LIMIT_PER_TENANT; i++) {
        (void)snprintf(name, sizeof name, "role-%03d", i);
        assert_done(make(fixture, name, name, "audiences:view", NULL));
    }
    assert_reason(make(fixture, "one-more", "One more", "audiences:view", NULL), ROLE_LIMIT);
    struct work work = {.tenant = S("acme")};
    assert_done(fixture_read(fixture, list, &work));
    assert_int_equal(work.rows.count, SEVEN + 1 + ROLE_LIMIT_PER_TENANT);
    assert_slice(((const struct role *)work.rows.at)[SEVEN + 1].role_id, "role-000");
    assert_done(unmake(fixture, "role-050"));
    assert_done(make(fixture, "one-more", "One more", "audiences:view", NULL));
}

// ---- going ----

static reason hold(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct grant grant = {.role_id = S("mine"), .source = GRANT_MANUAL};
    struct membership membership = {.tenant = work->tenant,
                                    .user_id = work->id,
                                    .status = MEMBER_ACTIVE,
                                    .grants = {&grant, 1}};
    if (work->ids.count == 1) {
        membership.status = MEMBER_DELETED;
    }
    return entity_put(op, txn, &membership_entity, &membership);
}
static reason connect(struct op *op, struct txn *txn, void *arg) {
    struct slice mine = S("mine");
    struct mapping_rule rule = {MATCH_EXACT, S("Group"), {&mine, 1}};
    struct connection connection = {.slug = S("acme-okta"), .tenant = S("acme")};
    connection.mapping = (struct mapping){.rules = {&rule, 1}, .default_role = S("mine")};
    return connection_create(op, txn, ((struct work *)arg)->actor, &connection);
}
static reason disconnect(struct op *op, struct txn *txn, void *arg) {
    return connection_remove(op, txn, ((struct work *)arg)->actor, S("acme-okta"));
}

static void a_role_in_use_stays(void **state) {
    struct fixture *fixture = *state;
    struct work by = {.actor = &fixture->staff, .tenant = S("acme"), .id = S("usr_1")};
    assert_done(make(fixture, "mine", "Mine", "audiences:view", NULL));
    assert_done(fixture_write(fixture, connect, &by));
    assert_done(fixture_write(fixture, hold, &by));
    by.id = S("usr_2");
    assert_done(fixture_write(fixture, hold, &by));
    assert_reason(unmake(fixture, "mine"), ROLE_IN_USE);
    assert_true(slice_find(fixture->op.detail, S("2 members")) != SIZE_MAX);
    assert_true(slice_find(fixture->op.detail, S("2 mapping rules")) != SIZE_MAX);
    assert_done(fixture_write(fixture, disconnect, &by));
    assert_reason(unmake(fixture, "mine"), ROLE_IN_USE);
    by.ids.count = 1; // deleted members hold nothing
    assert_done(fixture_write(fixture, hold, &by));
    by.id = S("usr_1");
    assert_done(fixture_write(fixture, hold, &by));
    by = (struct work){.tenant = S("other"), .id = S("usr_1")}; // another tenant's role of that id
    assert_done(fixture_write(fixture, hold, &by));
    assert_done(unmake(fixture, "mine"));
    by = (struct work){.tenant = S("acme"), .id = S("mine")};
    assert_reason(fixture_read(fixture, find, &by), UNKNOWN_ROLE);
    assert_done(make(fixture, "other-id", "Mine", "audiences:view", NULL)); // the name is free too
}

int main(void) {
#define STORED(name) cmocka_unit_test_setup_teardown(name, open_acme, fixture_close)
    const struct CMUnitTest tests[] = {
        STORED(built_in_roles_are_the_rows_of_the_catalogue),
        STORED(built_in_roles_keep_their_invariants),
        STORED(the_gatekeeper_manages_people_and_requests),
        STORED(there_are_eight_and_each_says_what_it_is),
        STORED(built_in_roles_cannot_be_touched),
        STORED(a_role_gives_its_permissions_and_sign_in),
        STORED(roles_add_up_and_those_that_are_gone_count_nothing),
        STORED(ids_and_names_are_taken_once_in_a_tenant),
        STORED(what_is_wrong_in_a_role_is_told_by_field),
        STORED(nobody_gives_what_they_lack),
        STORED(a_tenant_has_at_most_a_hundred),
        STORED(a_role_in_use_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
