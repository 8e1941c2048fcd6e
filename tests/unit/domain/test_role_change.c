// SPDX-License-Identifier: GPL-3.0-or-later
// Roles that change under those who have them: what is added, taken out, moved, cloned; components and their
// entitlements; and that a tenant keeps somebody who manages its users.
#include "people.h"

#include "domain/component.h"
#include "domain/role.h"
#include "domain/tenant_settings.h"

struct work {
    const struct actor *actor;
    struct role role;
    struct slice tenant, id, target, from;
    struct texts ids;
    struct permission_set set;
    struct tenant home;
    struct mapping mapping;
    struct connection connection;
    size_t count;
    bool yes;
};

#define DOES(name, expression)                                                                     \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct work *w = arg;                                                                      \
        return expression;                                                                         \
    }
DOES(do_create, role_create(op, txn, w->actor, &w->role))
DOES(do_change, role_change(op, txn, w->actor, &w->role))
DOES(do_clone, role_clone(op, txn, w->actor, w->from, &w->role))
DOES(do_remove, role_remove(op, txn, w->actor, S("acme"), w->id, w->target, &w->count))
DOES(do_override, role_override_set(op, txn, w->actor, S("acme"), w->id, w->ids))
DOES(do_find, role_find(op, txn, S("acme"), w->id, &w->role))
DOES(do_resolve, role_permissions(op, txn, S("acme"), w->ids, &w->set))
DOES(do_tenant, tenant_find(op, txn, S("acme"), &w->home))
DOES(do_tenant_change, tenant_change(op, txn, w->actor, &w->home))
DOES(do_mapping,
     connection_set_mapping(op, txn, w->actor, S("acme-okta"), &w->mapping, &w->connection))

static struct work by_staff(struct house *house) {
    return (struct work){.actor = &house->fixture->staff};
}

static void buy(struct house *house, const char *name) {
    struct work work = by_staff(house);
    struct slice bought = slice_str(name);
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    work.home.entitlements = (struct texts){&bought, name != NULL ? 1 : 0};
    assert_done(fixture_write(house->fixture, do_tenant_change, &work));
}

static struct texts texts_of(struct house *house, const char *one, const char *two) {
    struct texts texts = {NULL, 0};
    assert_done(op_take(&house->fixture->op, 2 * sizeof *texts.at, &texts.at));
    texts.at[0] = slice_str(one);
    texts.at[1] = slice_str(two);
    texts.count = two != NULL ? 2 : 1;
    return texts;
}

static struct role a_role(struct house *house, const char *id, const char *one, const char *two) {
    return (struct role){.tenant = S("acme"),
                         .role_id = slice_str(id),
                         .name = slice_str(id),
                         .permissions = texts_of(house, one, two)};
}

static void make(struct house *house, const char *id, const char *one, const char *two) {
    struct work work = by_staff(house);
    work.role = a_role(house, id, one, two);
    assert_done(fixture_write(house->fixture, do_create, &work));
}

static struct permission_set given_by(struct house *house, const char *role_id) {
    struct work work = {.ids = texts_of(house, role_id, NULL)};
    assert_done(fixture_read(house->fixture, do_resolve, &work));
    return work.set;
}

static int64_t roles_version(struct house *house) {
    struct work work = {.count = 0};
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    return work.home.roles_version;
}

static struct call giving(struct house *house, struct slice id, const char *role) {
    struct call c = {.tenant = S("acme"),
                     .id = id,
                     .actor = &house->fixture->staff,
                     .roles = texts_of(house, role, NULL)};
    c.roles.count = role != NULL ? 1 : 0;
    return c;
}

static struct actor person(struct house *house, struct slice id) {
    struct membership membership = membership_of(house, id);
    struct texts roles;
    assert_done(membership_roles(&house->fixture->op, &membership, &roles));
    struct work work = {.ids = roles};
    assert_done(fixture_read(house->fixture, do_resolve, &work));
    return (struct actor){
        .kind = ACTOR_USER, .id = id, .tenant = S("acme"), .permissions = work.set};
}

// ---- components ----

static void each_level_is_a_role_that_says_what_it_gives(void **state) {
    struct house *house = *state;
    for (size_t i = 0; i < component_level_count; i++) {
        const struct component_level *level = &component_levels[i];
        struct slice want = op_text(&house->fixture->op, "cdp.%s.%s",
                                    component_table[level->component].id, level->level);
        assert_true(slice_equal(want, slice_str(level->role_id)));
        struct work work = {.id = want};
        assert_done(fixture_read(house->fixture, do_find, &work));
        assert_true(work.role.builtin);
        assert_true(work.role.permissions.count >= 2); // sign-in, and something
        assert_ptr_equal(component_level_find(want), level);
    }
    assert_null(component_level_find(S("cdp.campaigns.on")));
    assert_null(component_level_find(S("campaigns.full")));
}

// Component, levels, and what the highest gives, as the documentation of the platform has them.
static void components_have_the_levels_of_the_platform(void **state) {
    (void)state;
    static const struct {
        const char *role, *first, *second;
    } rows[] = {
        {"cdp.campaigns.full", "campaigns:view", "campaigns:edit"},
        {"cdp.campaigns.view", "campaigns:view", NULL},
        {"cdp.metrics.full", "metrics:view", "metrics:edit"},
        {"cdp.dashboards.full", "dashboards:view", "dashboards:edit"},
        {"cdp.dashboards.view", "dashboards:view", NULL},
        {"cdp.reports.full", "reports:view", "reports:edit"},
        {"cdp.reports.view", "reports:view", NULL},
        {"cdp.profiles360.view", "profiles360:view", NULL},
        {"cdp.integrations.full", "integrations:view", "integrations:edit"},
        {"cdp.integrations.view", "integrations:view", NULL},
        {"cdp.data_erasure.full", "data_erasure:view", "data_erasure:request"},
        {"cdp.data_erasure.view", "data_erasure:view", NULL},
        {"cdp.ml_studio.on", "ml_studio:use", NULL},
        {"cdp.user_administration.full", "users:view", "users:manage"},
        {"cdp.user_administration.view", "users:view", "users:list"},
        {"cdp.uiadmin.view", "users:list", NULL},
        {"cdp.interactive_queries.on", "interactive_queries:use", NULL},
        {"cdp.cdp_studio.on", "cdp_studio:use", NULL},
    };
    assert_int_equal(component_level_count, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < component_level_count; i++) {
        const struct component_level *level = component_level_find(slice_str(rows[i].role));
        assert_non_null(level);
        struct permission_set set = component_level_set(level);
        assert_true(permission_may(set, rows[i].first));
        assert_true(rows[i].second == NULL || permission_may(set, rows[i].second));
        assert_true(permission_may(set, "session:login"));
        bool manages = permission_may(set, "users:manage");
        assert_int_equal(manages, strcmp(rows[i].role, "cdp.user_administration.full") == 0);
    }
}

static void an_ask_changes_only_what_it_names(void **state) {
    struct house *house = *state;
    struct op *op = &house->fixture->op;
    struct component_ask ask;
    struct texts ids;
    bool known = false;
    struct slice held[] = {S("admin"), S("cdp.campaigns.view"), S("cdp.reports.full")};
    component_ask_open(&ask);
    assert_false(ask.said);
    assert_false(component_ask_set(&ask, S("campaigns"), S("on"), &known));
    assert_true(known);
    assert_false(component_ask_set(&ask, S("campaign"), S("full"), &known));
    assert_false(known);
    assert_false(component_ask_bundle(&ask, S("half")));
    assert_false(ask.said);
    assert_true(component_ask_set(&ask, S("metrics"), S("none"), &known));
    assert_true(component_ask_bundle(&ask, S("full")));
    assert_done(component_apply(op, &ask, (struct texts){held, 3}, &ids));
    assert_int_equal(ids.count, 4); // what was said by component stands against the bundle
    assert_true(texts_have(ids, S("admin")));
    assert_true(texts_have(ids, S("cdp.campaigns.full")));
    assert_true(texts_have(ids, S("cdp.reports.full")));
    assert_true(texts_have(ids, S("cdp.profiles360.view")));
    assert_false(component_has_bundle(ids, S("full")));
    assert_true(component_ask_set(&ask, S("metrics"), S("full"), &known));
    assert_done(component_apply(op, &ask, ids, &ids));
    assert_true(component_has_bundle(ids, S("full")));
    assert_false(component_has_bundle(ids, S("half")));
    assert_string_equal(component_of(ids, COMPONENT_CAMPAIGNS)->level, "full");
    assert_null(component_of(ids, COMPONENT_ML_STUDIO));
}

static void no_role_of_a_tenant_looks_like_a_component(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    work.role = a_role(house, "cdp.mine", "audiences:view", NULL);
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/role_id", FIELD_VALUE);
    work.id = S("cdp.campaigns.full");
    assert_reason(fixture_write(house->fixture, do_remove, &work), BUILTIN_ROLE_IMMUTABLE);
}

// ---- entitlements ----

static void an_add_on_is_given_only_where_it_was_bought(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = giving(house, id, "cdp.interactive_queries.on");
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), ENTITLEMENT_MISSING);
    assert_fault(&house->fixture->op, 0, "/components/interactive_queries", ENTITLEMENT_MISSING);
    buy(house, "ml_studio");
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), ENTITLEMENT_MISSING);
    buy(house, "interactive_queries");
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_true(permission_may(person(house, id).permissions, "interactive_queries:use"));
    // Away, it gives nothing, and the grant stays and may stay; back, it gives again.
    int64_t version = roles_version(house);
    buy(house, NULL);
    assert_int_equal(roles_version(house), version + 1);
    assert_false(permission_may(person(house, id).permissions, "interactive_queries:use"));
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    buy(house, "interactive_queries");
    assert_true(permission_may(person(house, id).permissions, "interactive_queries:use"));
}

static void a_role_with_an_add_on_needs_it_too(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct work work = by_staff(house);
    work.role = a_role(house, "studio", "audiences:view", "ml_studio:use");
    assert_reason(fixture_write(house->fixture, do_create, &work), ENTITLEMENT_MISSING);
    assert_fault(&house->fixture->op, 0, "/permissions/1", ENTITLEMENT_MISSING);
    buy(house, "ml_studio");
    assert_done(fixture_write(house->fixture, do_create, &work));
    buy(house, NULL);
    struct call c = giving(house, id, "studio");
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), ENTITLEMENT_MISSING);
    assert_fault(&house->fixture->op, 0, "/roles", ENTITLEMENT_MISSING);
    // What the role holds already is no obstacle to changing the rest of it.
    work.role.description = S("for the data scientists");
    assert_done(fixture_write(house->fixture, do_change, &work));
}

static void a_rule_gives_an_add_on_only_where_it_was_bought(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    struct mapping_rule rule = {MATCH_EXACT, S("Analysts"),
                                texts_of(house, "cdp.interactive_queries.on", NULL)};
    work.mapping = (struct mapping){.rules = {&rule, 1}, .mode = MAPPING_AUTHORITATIVE};
    assert_reason(fixture_write(house->fixture, do_mapping, &work), ENTITLEMENT_MISSING);
    assert_fault(&house->fixture->op, 0, "/rules/0/roles/0", ENTITLEMENT_MISSING);
    buy(house, "interactive_queries");
    assert_done(fixture_write(house->fixture, do_mapping, &work));
    buy(house, NULL);
    assert_done(fixture_write(house->fixture, do_mapping, &work)); // it was there before
}

static void only_known_entitlements_and_only_by_operators(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    struct slice names[] = {S("ml_studio"), S("teleport")};
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    work.home.entitlements = (struct texts){names, 2};
    assert_reason(fixture_write(house->fixture, do_tenant_change, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/entitlements/1", FIELD_VALUE);
    struct actor admin = {.kind = ACTOR_USER, .tenant = S("acme"), .permissions = {{~0ULL, ~0ULL}}};
    work.actor = &admin;
    work.home.entitlements.count = 1;
    assert_reason(fixture_write(house->fixture, do_tenant_change, &work), FORBIDDEN);
    assert_fault(&house->fixture->op, 0, "/entitlements/0", FORBIDDEN);
}

// ---- support ----

static reason let_support(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct tenant_settings settings = tenant_settings_default(S("acme"));
    settings.support_no_credentials = work->yes;
    return tenant_settings_put(op, txn, work->actor, &settings);
}

static void support_manages_credentials_only_where_the_tenant_lets_it(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    assert_false(permission_may(given_by(house, "support_access"), "api_credentials:manage"));
    assert_true(permission_may(given_by(house, "support_access"), "user_activity:view"));
    assert_true(permission_may(given_by(house, "admin"), "api_credentials:manage"));
    assert_done(fixture_write(house->fixture, let_support, &work));
    assert_true(permission_may(given_by(house, "support_access"), "api_credentials:manage"));
    work.yes = true;
    assert_done(fixture_write(house->fixture, let_support, &work));
    assert_false(permission_may(given_by(house, "support_access"), "api_credentials:manage"));
}

// ---- changing ----

static void a_change_reaches_those_who_have_the_role(void **state) {
    struct house *house = *state;
    make(house, "mine", "audiences:view", NULL);
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "mine");
    int64_t version = roles_version(house);
    struct work work = by_staff(house);
    work.role = a_role(house, "mine", "audiences:view", "rules:view");
    work.role.name = S("Renamed");
    assert_done(fixture_write(house->fixture, do_change, &work));
    assert_int_equal(work.role.version, 2);
    assert_slice(work.role.created_by, "operator");
    assert_true(permission_may(person(house, id).permissions, "rules:view"));
    assert_int_equal(roles_version(house), version + 1);
    assert_int_equal(house_audits(house, "role.changed", NULL), 1);
    // The same once more is no change.
    assert_done(fixture_write(house->fixture, do_change, &work));
    assert_int_equal(work.role.version, 2);
    assert_int_equal(roles_version(house), version + 1);
    assert_int_equal(house_audits(house, "role.changed", NULL), 1);
}

static void what_cannot_be_changed_stays(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    make(house, "mine", "audiences:view", NULL);
    make(house, "other", "audiences:view", NULL);
    work.role = a_role(house, "admin", "audiences:view", NULL);
    assert_reason(fixture_write(house->fixture, do_change, &work), BUILTIN_ROLE_IMMUTABLE);
    work.role = a_role(house, "none", "audiences:view", NULL);
    assert_reason(fixture_write(house->fixture, do_change, &work), NOT_FOUND);
    work.role = a_role(house, "mine", "audiences:view", NULL);
    work.role.name = S("OTHER");
    assert_reason(fixture_write(house->fixture, do_change, &work), DUPLICATE_NAME);
    work.role.name = S("Read only");
    assert_reason(fixture_write(house->fixture, do_change, &work), DUPLICATE_NAME);
    work.role.name = S("Mine");
    work.role.permissions.count = 0;
    assert_reason(fixture_write(house->fixture, do_change, &work), EMPTY_PERMISSIONS);
}

static void nobody_puts_into_a_role_what_they_lack(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "audiences_only");
    struct actor jane = person(house, id);
    struct work work = {.actor = &jane};
    make(house, "mine", "audiences:view", "rules:view");
    work.role = a_role(house, "mine", "audiences:view", "users:manage");
    assert_reason(fixture_write(house->fixture, do_change, &work), FORBIDDEN);
    assert_fault(&house->fixture->op, 0, "/permissions/1", FORBIDDEN);
    // Leaving in what is there, or taking it out, gives nobody anything.
    work.role = a_role(house, "mine", "rules:view", "audiences:manage");
    assert_done(fixture_write(house->fixture, do_change, &work));
    work.role = a_role(house, "mine", "audiences:manage", NULL);
    assert_done(fixture_write(house->fixture, do_change, &work));
    work.role = a_role(house, "mine", "rules:view", NULL);
    assert_reason(fixture_write(house->fixture, do_change, &work), FORBIDDEN);
    work.from = S("admin");
    work.role = (struct role){.tenant = S("acme"), .role_id = S("copy")};
    assert_reason(fixture_write(house->fixture, do_clone, &work), FORBIDDEN);
}

static void a_clone_is_a_role_like_any_other(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    work.from = S("read_only");
    work.role = (struct role){.tenant = S("acme"), .role_id = S("viewer")};
    assert_done(fixture_write(house->fixture, do_clone, &work));
    assert_slice(work.role.name, "Read Only (copy)");
    assert_false(work.role.builtin);
    struct permission_set want = given_by(house, "read_only");
    struct permission_set got = given_by(house, "viewer");
    assert_true(permission_within(want, got) && permission_within(got, want));
    work.from = S("nothing");
    work.role = (struct role){.tenant = S("acme"), .role_id = S("again")};
    assert_reason(fixture_write(house->fixture, do_clone, &work), NOT_FOUND);
}

// ---- removing ----

static void members_get_another_role_in_its_place(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    make(house, "mine", "audiences:view", NULL);
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "mine");
    int64_t rv = membership_of(house, id).rv;
    work.id = S("mine");
    assert_reason(fixture_write(house->fixture, do_remove, &work), ROLE_IN_USE);
    assert_int_equal(work.count, 1);
    work.target = S("nothing");
    assert_reason(fixture_write(house->fixture, do_remove, &work), UNKNOWN_ROLE);
    assert_fault(&house->fixture->op, 0, "/reassign_to", UNKNOWN_ROLE);
    work.target = S("mine");
    assert_reason(fixture_write(house->fixture, do_remove, &work), UNKNOWN_ROLE);
    work.target = S("cdp.ml_studio.on");
    assert_reason(fixture_write(house->fixture, do_remove, &work), ENTITLEMENT_MISSING);
    work.target = S("support_access"); // has an end and a ticket, of each person's own
    assert_reason(fixture_write(house->fixture, do_remove, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/reassign_to", FIELD_VALUE);
    struct actor weak = {.kind = ACTOR_USER, .id = S("usr_1"), .tenant = S("acme")};
    work.actor = &weak;
    work.target = S("admin");
    assert_reason(fixture_write(house->fixture, do_remove, &work), FORBIDDEN);
    work.actor = &house->fixture->staff;
    work.target = S("read_only");
    assert_done(fixture_write(house->fixture, do_remove, &work));
    struct membership membership = membership_of(house, id);
    assert_true(has_grant(&membership, "read_only", GRANT_MANUAL));
    assert_int_equal(membership.grants.count, 1);
    assert_true(membership.rv > rv);
    assert_reason(fixture_read(house->fixture, do_find, &work), UNKNOWN_ROLE);
}

static void many_members_are_moved_in_rounds(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    char email[64];
    make(house, "mine", "audiences:view", NULL);
    for (int i = 0; i < 2 * PAGE_LIMIT_MAX + 1; i++) {
        (void)snprintf(email, sizeof email, "p%03d@acme.example", i);
        (void)add_by_hand(house, "acme", email, "mine");
    }
    work.id = S("mine");
    work.target = S("user");
    assert_done(fixture_write(house->fixture, do_remove, &work));
    assert_int_equal(work.count, 2 * PAGE_LIMIT_MAX + 1);
    make(house, "mine", "audiences:view", NULL);
    work.target = SLICE_NONE;
    assert_done(fixture_write(house->fixture, do_remove, &work));
    assert_int_equal(work.count, 0);
}

// ---- taking out of a built-in role ----

static void a_tenant_takes_out_of_a_built_in_role_and_gives_back(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    work.id = S("admin");
    work.ids = texts_of(house, "user_activity:view", "personal_data:access");
    assert_done(fixture_write(house->fixture, do_override, &work));
    assert_false(permission_may(given_by(house, "admin"), "user_activity:view"));
    assert_true(permission_may(given_by(house, "admin"), "users:manage"));
    assert_true(permission_may(given_by(house, "admin_compliance"), "user_activity:view"));
    assert_done(fixture_read(house->fixture, do_find, &work));
    assert_true(texts_have(work.role.permissions, S("user_activity:view"))); // the catalogue's
    assert_int_equal(house_audits(house, "role.restricted", NULL), 1);
    // Who lacks it, by this very override, cannot give it back.
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    struct actor jane = person(house, id);
    work.actor = &jane;
    work.ids.count = 1;
    assert_reason(fixture_write(house->fixture, do_override, &work), FORBIDDEN);
    work.actor = &house->fixture->staff;
    work.ids.count = 0;
    assert_done(fixture_write(house->fixture, do_override, &work));
    assert_true(permission_may(given_by(house, "admin"), "user_activity:view"));
    assert_int_equal(house_audits(house, "role.restored", NULL), 1);
}

static void an_override_names_what_the_role_gives(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    make(house, "mine", "audiences:view", NULL);
    work.id = S("mine");
    work.ids = texts_of(house, "audiences:view", NULL);
    assert_reason(fixture_write(house->fixture, do_override, &work), NOT_FOUND);
    work.id = S("read_only");
    work.ids = texts_of(house, "users:manage", "no:such");
    assert_reason(fixture_write(house->fixture, do_override, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/denied/0", FIELD_VALUE);
    assert_fault(&house->fixture->op, 1, "/denied/1", UNKNOWN_PERMISSION);
    work.ids = texts_of(house, "session:login", NULL);
    assert_reason(fixture_write(house->fixture, do_override, &work), INVALID_INPUT);
}

// ---- somebody stays who manages users ----

// Jane by hand; no group of the connections makes an administrator.
static struct slice the_only_admin(struct house *house) {
    struct mapping none = {.mode = MAPPING_AUTHORITATIVE};
    house_mapping(house, &none);
    struct change change = {house, NULL, &none, &house->other};
    assert_done(fixture_write(house->fixture, change_fn, &change));
    return add_by_hand(house, "acme", "jane@acme.example", "admin");
}

static reason becomes(struct house *house, struct slice id, int status) {
    struct call c = {
        .tenant = S("acme"), .id = id, .status = status, .actor = &house->fixture->staff};
    return fixture_write(house->fixture, call_set_status, &c);
}

static void the_last_administrator_stays(void **state) {
    struct house *house = *state;
    struct slice jane = the_only_admin(house);
    struct slice joe = add_by_hand(house, "acme", "joe@acme.example", "read_only");
    assert_reason(becomes(house, jane, MEMBER_DISABLED), LAST_ADMIN);
    assert_reason(becomes(house, jane, MEMBER_DELETED), LAST_ADMIN);
    struct call c = giving(house, jane, "read_only");
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), LAST_ADMIN);
    c = giving(house, jane, "security_gatekeeper"); // manages users, too
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    c = giving(house, joe, "cdp.user_administration.full");
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_done(becomes(house, jane, MEMBER_DISABLED));
    assert_reason(becomes(house, joe, MEMBER_DISABLED), LAST_ADMIN);
}

static void a_group_that_makes_administrators_is_enough_for_operators(void **state) {
    struct house *house = *state; // Admins -> admin
    struct slice jane = add_by_hand(house, "acme", "jane@acme.example", "admin");
    struct actor service = {.kind = ACTOR_SERVICE,
                            .id = S("svc_1"),
                            .tenant = S("acme"),
                            .permissions = {{~0ULL, ~0ULL}}};
    struct call c = {
        .tenant = S("acme"), .id = jane, .status = MEMBER_DISABLED, .actor = &service};
    assert_reason(fixture_write(house->fixture, call_set_status, &c), LAST_ADMIN);
    assert_done(becomes(house, jane, MEMBER_DISABLED));
}

static void nobody_holds_up_the_end_of_a_tenant(void **state) {
    struct house *house = *state;
    struct slice jane = the_only_admin(house);
    struct work work = by_staff(house);
    assert_reason(becomes(house, jane, MEMBER_DELETED), LAST_ADMIN);
    assert_done(fixture_read(house->fixture, do_tenant, &work));
    work.home.disabled = true;
    assert_done(fixture_write(house->fixture, do_tenant_change, &work));
    assert_done(becomes(house, jane, MEMBER_DELETED));
}

static void nobody_takes_it_from_himself(void **state) {
    struct house *house = *state;
    struct slice jane = the_only_admin(house);
    (void)add_by_hand(house, "acme", "joe@acme.example", "admin");
    struct actor self = person(house, jane);
    struct call c = giving(house, jane, "read_only");
    c.actor = &self;
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), SELF_LOCKOUT);
    c = giving(house, jane, "security_gatekeeper");
    c.actor = &self;
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), FORBIDDEN);
    struct work work = {.actor = &self, .id = S("admin")};
    work.ids = texts_of(house, "users:manage", NULL);
    assert_reason(fixture_write(house->fixture, do_override, &work), SELF_LOCKOUT);
}

static void a_role_change_leaves_somebody_too(void **state) {
    struct house *house = *state;
    struct slice jane = the_only_admin(house);
    struct work work = by_staff(house);
    make(house, "keeper", "users:manage", "users:view");
    struct call c = giving(house, jane, "keeper");
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    work.role = a_role(house, "keeper", "users:view", NULL);
    assert_reason(fixture_write(house->fixture, do_change, &work), LAST_ADMIN);
    work.id = S("keeper");
    work.target = S("read_only");
    assert_reason(fixture_write(house->fixture, do_remove, &work), LAST_ADMIN);
    work.target = S("admin");
    assert_done(fixture_write(house->fixture, do_remove, &work));
    work.id = S("admin");
    work.ids = texts_of(house, "users:manage", NULL);
    assert_reason(fixture_write(house->fixture, do_override, &work), LAST_ADMIN);
}

int main(void) {
#define IN_HOUSE(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
    const struct CMUnitTest tests[] = {
        IN_HOUSE(each_level_is_a_role_that_says_what_it_gives),
        IN_HOUSE(components_have_the_levels_of_the_platform),
        IN_HOUSE(an_ask_changes_only_what_it_names),
        IN_HOUSE(no_role_of_a_tenant_looks_like_a_component),
        IN_HOUSE(an_add_on_is_given_only_where_it_was_bought),
        IN_HOUSE(a_role_with_an_add_on_needs_it_too),
        IN_HOUSE(a_rule_gives_an_add_on_only_where_it_was_bought),
        IN_HOUSE(only_known_entitlements_and_only_by_operators),
        IN_HOUSE(support_manages_credentials_only_where_the_tenant_lets_it),
        IN_HOUSE(a_change_reaches_those_who_have_the_role),
        IN_HOUSE(what_cannot_be_changed_stays),
        IN_HOUSE(nobody_puts_into_a_role_what_they_lack),
        IN_HOUSE(a_clone_is_a_role_like_any_other),
        IN_HOUSE(members_get_another_role_in_its_place),
        IN_HOUSE(many_members_are_moved_in_rounds),
        IN_HOUSE(a_tenant_takes_out_of_a_built_in_role_and_gives_back),
        IN_HOUSE(an_override_names_what_the_role_gives),
        IN_HOUSE(the_last_administrator_stays),
        IN_HOUSE(a_group_that_makes_administrators_is_enough_for_operators),
        IN_HOUSE(nobody_holds_up_the_end_of_a_tenant),
        IN_HOUSE(nobody_takes_it_from_himself),
        IN_HOUSE(a_role_change_leaves_somebody_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
