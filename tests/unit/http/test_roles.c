// SPDX-License-Identifier: GPL-3.0-or-later
// Roles, components, entitlements, settings and organizations as callers see them: who may, what comes back, and by
// which field a refusal is told.
#include "http/callers.h"

#define ACME "/api/v1/tenants/acme"

static int open_two(void **state) {
    assert_int_equal(scene_open(state), 0);
    two_tenants(*state);
    return 0;
}
#define TENANTS_TEST(name) cmocka_unit_test_setup_teardown(name, open_two, scene_close)

static const char *user_path(struct scene *at, const char *tenant, struct caller who) {
    return keep_text(at, "/api/v1/tenants/%s/users/%.*s", tenant, SLICE(who.user_id));
}

static const char *disable_path(struct scene *at, const char *tenant, struct caller who) {
    return keep_text(at, "%s:disable", user_path(at, tenant, who));
}

static void make_role(struct scene *at, const char *id, const char *permissions) {
    (void)done(at, OPERATOR, "createRole", ACME "/roles",
               keep_text(at, "{\"role_id\":\"%s\",\"name\":\"%s\",\"permissions\":[%s]}", id, id,
                         permissions));
}

// Somebody who manages roles, and holds what an administrator does.
static struct caller keeper(struct scene *at) {
    make_role(at, "keeper", "\"roles:manage\"");
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)done(at, OPERATOR, "changeUser", user_path(at, "acme", ann),
               "{\"roles\":[\"admin\",\"keeper\"]}");
    return ann;
}

// ---- components and entitlements ------------------------------------------------------------------------

static void components_stand_beside_the_roles(void **state) {
    struct scene *at = *state;
    struct answer made = done(at, OPERATOR, "addUser", ACME "/users",
                              "{\"email\":\"jo@acme.example\",\"bundle\":\"full\",\"roles\":[\"user\"],"
                              "\"components\":{\"interactive_queries\":\"none\",\"reports\":\"view\"}}");
    const char *path = keep_text(at, ACME "/users/%s", keep_at(at, made.body, "id"));
    expect_text(made.body, "components.campaigns", "full");
    expect_text(made.body, "components.metrics", "full");
    expect_text(made.body, "components.profiles360", "view");
    expect_text(made.body, "components.reports", "view");
    expect_text(made.body, "bundle", "full");
    expect_count(made.body, "roles", 1);
    expect_count(made.body, "grants", 5);
    struct answer changed = done(at, OPERATOR, "changeUser", path,
                                 "{\"components\":{\"campaigns\":\"view\",\"metrics\":\"none\"}}");
    expect_text(changed.body, "components.campaigns", "view");
    assert_null(look(changed.body, "components.metrics"));
    expect_text(changed.body, "components.reports", "view");
    expect_null(changed.body, "bundle");
    changed = done(at, OPERATOR, "changeUser", path, "{\"roles\":[]}");
    expect_count(changed.body, "roles", 0);
    expect_text(changed.body, "components.reports", "view"); // roles and components are apart
}

static void what_is_wrong_with_components_is_told_by_field(void **state) {
    struct scene *at = *state;
    struct answer answer =
        refused(at, OPERATOR, "addUser", ACME "/users",
                "{\"email\":\"jo@acme.example\",\"components\":{\"campaign\":\"full\",\"metrics\":"
                "\"view\",\"reports\":1},\"bundle\":\"half\"}",
                422, "invalid_input");
    expect_text(answer.body, "errors.0.pointer", "/components/campaign");
    expect_text(answer.body, "errors.0.reason", "unknown_field");
    expect_text(answer.body, "errors.1.pointer", "/components/metrics");
    expect_text(answer.body, "errors.1.detail", "one of full, none is expected");
    expect_text(answer.body, "errors.2.pointer", "/components/reports");
    expect_text(answer.body, "errors.3.pointer", "/bundle");
}

static void an_add_on_takes_its_entitlement(void **state) {
    struct scene *at = *state;
    const char *body = "{\"email\":\"jo@acme.example\",\"components\":{\"interactive_queries\":\"on\"}}";
    struct answer answer =
        refused(at, OPERATOR, "addUser", ACME "/users", body, 422, "entitlement_missing");
    expect_text(answer.body, "errors.0.pointer", "/components/interactive_queries");
    answer = refused(at, OPERATOR, "changeTenant", ACME, "{\"entitlements\":[\"teleport\"]}", 422,
                     "invalid_input");
    expect_text(answer.body, "errors.0.pointer", "/entitlements/0");
    answer = done(at, OPERATOR, "changeTenant", ACME, "{\"entitlements\":[\"interactive_queries\"]}");
    expect_text(answer.body, "entitlements.0", "interactive_queries");
    answer = done(at, OPERATOR, "addUser", ACME "/users", body);
    expect_text(answer.body, "components.interactive_queries", "on");
}

static void the_catalogue_of_components_is_for_everybody(void **state) {
    struct answer answer = done(*state, NOBODY, "listComponents", "/api/v1/components", NULL);
    expect_number(answer.body, "total", 12);
    expect_text(answer.body, "items.0.id", "campaigns");
    expect_text(answer.body, "items.0.levels.0.role_id", "cdp.campaigns.full");
    expect_text(answer.body, "items.7.id", "ml_studio");
    expect_text(answer.body, "items.7.levels.0.entitlement", "ml_studio");
}

// ---- custom roles ---------------------------------------------------------------------------------------

static void a_role_is_changed_by_who_may(void **state) {
    struct scene *at = *state;
    struct caller ann = keeper(at);
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "admin");
    struct answer made = done(at, ann, "createRole", ACME "/roles",
                              "{\"role_id\":\"mine\",\"name\":\"Mine\",\"scope\":\"tenant\",\"permissions\":["
                              "\"audiences:view\"]}");
    struct answer org = refused(at, ann, "createRole", ACME "/roles",
                                "{\"role_id\":\"b\",\"name\":\"B\",\"scope\":\"org\",\"permissions\":["
                                "\"audiences:view\"]}",
                                422, "invalid_input");
    expect_text(org.body, "errors.0.pointer", "/scope"); // there is no role of a whole organization
    made = done(at, ann, "getRole", ACME "/roles/mine", NULL);
    expect_text(made.body, "scope", "tenant");
    expect_number(made.body, "version", 1);
    expect_number(made.body, "member_count", 0);
    expect_count(made.body, "denied", 0);
    struct answer no = refused(at, bob, "changeRole", ACME "/roles/mine", "{\"name\":\"No\"}", 403,
                               "forbidden");
    expect_text(no.body, "required_permission", "roles:manage");
    struct answer changed = done(at, ann, "changeRole", ACME "/roles/mine",
                                 "{\"permissions\":[\"audiences:view\",\"rules:view\"]}");
    expect_text(changed.body, "name", "Mine");
    expect_number(changed.body, "version", 2);
    expect_count(changed.body, "permissions", 2);
    struct answer answer = refused(at, ann, "changeRole", ACME "/roles/mine",
                                   "{\"permissions\":[\"privacy:manage\"]}", 403, "forbidden");
    expect_text(answer.body, "errors.0.pointer", "/permissions/0");
    (void)refused(at, ann, "changeRole", ACME "/roles/admin", "{\"name\":\"x\"}", 409,
                  "builtin_role_immutable");
    (void)refused(at, ann, "changeRole", "/api/v1/tenants/other/roles/mine", "{\"name\":\"x\"}", 404,
                  "not_found");
}

static void who_has_a_role_gains_and_loses_at_once(void **state) {
    struct scene *at = *state;
    make_role(at, "mine", "\"audiences:view\"");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "mine");
    (void)refused(at, bob, "listRoles", ACME "/roles", NULL, 403, "forbidden");
    (void)done(at, OPERATOR, "changeRole", ACME "/roles/mine", "{\"permissions\":[\"users:view\"]}");
    (void)done(at, bob, "listRoles", ACME "/roles", NULL);
    (void)done(at, OPERATOR, "changeRole", ACME "/roles/mine", "{\"permissions\":[\"rules:view\"]}");
    (void)refused(at, bob, "listRoles", ACME "/roles", NULL, 403, "forbidden");
}

static void a_role_that_changes_is_no_conflict_at_the_tenant(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "getTenant", ACME, NULL);
    const char *etag = keep_text(at, "%.*s", SLICE(reply_header_of(at, "ETag")));
    make_role(at, "mine", "\"audiences:view\"");
    for (int i = 0; i < 2; i++) { // the second time it has changed
        begin(at, METHOD_PUT, ACME, "{\"name\":\"Renamed\"}");
        be(at, OPERATOR);
        set_header(at, "If-Match", slice_str(etag));
        assert_int_equal(send(at).status, i == 0 ? 200 : 412);
    }
}

static void a_clone_says_where_it_is(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "cloneRole", ACME "/roles/read_only:clone",
                                "{\"role_id\":\"viewer\",\"name\":\"Viewer\"}");
    expect_bool(answer.body, "builtin", false);
    expect_count(answer.body, "permissions", 19);
    assert_slice(reply_header_of(at, "Location"), ACME "/roles/viewer");
    (void)refused(at, OPERATOR, "cloneRole", ACME "/roles/none:clone", "{\"role_id\":\"x\"}", 404,
                  "not_found");
    (void)refused(at, OPERATOR, "cloneRole", ACME "/roles/read_only:clone",
                  "{\"role_id\":\"viewer\"}", 409, "duplicate_role_id");
}

static void members_of_a_role_are_listed_and_moved(void **state) {
    struct scene *at = *state;
    make_role(at, "mine", "\"audiences:view\"");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "mine");
    struct answer answer = done(at, OPERATOR, "listRoleMembers", ACME "/roles/mine/members", NULL);
    expect_number(answer.body, "total", 1);
    expect_text(answer.body, "items.0.email", "bob@acme.example");
    expect_text(answer.body, "items.0.grants.0.source", "manual");
    expect_number(done(at, OPERATOR, "getRole", ACME "/roles/mine", NULL).body, "member_count", 1);
    answer = refused(at, OPERATOR, "removeRole", ACME "/roles/mine", NULL, 409, "role_in_use");
    expect_number(answer.body, "count", 1);
    answer = refused(at, OPERATOR, "removeRole", ACME "/roles/mine?reassign_to=none", NULL, 422,
                     "unknown_role");
    expect_text(answer.body, "errors.0.pointer", "/reassign_to");
    (void)done(at, OPERATOR, "removeRole", ACME "/roles/mine?reassign_to=read_only", NULL);
    answer = done(at, OPERATOR, "getUser", user_path(at, "acme", bob), NULL);
    expect_text(answer.body, "roles.0.role_id", "read_only");
    (void)refused(at, OPERATOR, "listRoleMembers", ACME "/roles/mine/members", NULL, 404,
                  "not_found");
}

static void a_built_in_role_is_restricted_and_restored(void **state) {
    struct scene *at = *state;
    struct caller ann = keeper(at);
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "compliance");
    (void)done(at, bob, "listAudit", ACME "/audit", NULL);
    struct answer answer = done(at, ann, "restrictRole", ACME "/roles/compliance/override",
                                "{\"denied\":[\"audit:view\"]}");
    expect_text(answer.body, "denied.0", "audit:view");
    expect_text(answer.body, "taken_out.0", "audit:view");
    (void)refused(at, bob, "listAudit", ACME "/audit", NULL, 403, "forbidden");
    answer = done(at, ann, "restoreRole", ACME "/roles/compliance/override", NULL);
    expect_count(answer.body, "denied", 0);
    (void)done(at, bob, "listAudit", ACME "/audit", NULL);
    answer = refused(at, ann, "restrictRole", ACME "/roles/compliance/override",
                     "{\"denied\":[\"users:manage\"]}", 422, "invalid_input");
    expect_text(answer.body, "errors.0.pointer", "/denied/0");
    (void)refused(at, ann, "restrictRole", ACME "/roles/admin/override",
                  "{\"denied\":[\"users:manage\"]}", 409, "self_lockout");
}

static void what_a_setting_takes_away_is_nothing_that_the_tenant_took_out(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "getRole", ACME "/roles/support_access", NULL);
    expect_text(answer.body, "denied.0", "api_credentials:manage");
    expect_count(answer.body, "taken_out", 0);
}

static void a_restriction_may_name_the_state_that_it_is_made_for(void **state) {
    struct scene *at = *state;
    struct caller ann = keeper(at);
    (void)done(at, ann, "getRole", ACME "/roles/compliance", NULL);
    const char *etag = keep_text(at, "%.*s", SLICE(reply_header_of(at, "ETag")));
    for (int i = 0; i < 2; i++) { // the second was made for what the first changed
        begin(at, METHOD_PUT, ACME "/roles/compliance/override", "{\"denied\":[\"audit:view\"]}");
        be(at, ann);
        set_header(at, "If-Match", slice_str(etag));
        assert_int_equal(send(at).status, i == 0 ? 200 : 412);
    }
}

static void the_last_administrator_is_kept(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)refused(at, OPERATOR, "removeUser", user_path(at, "acme", ann), NULL, 409, "last_admin");
    (void)refused(at, OPERATOR, "changeUser", user_path(at, "acme", ann),
                  "{\"roles\":[\"read_only\"]}", 409, "last_admin");
    struct caller eve = signed_in(at, "acme", "eve@acme.example", "security_gatekeeper");
    (void)refused(at, ann, "changeUser", user_path(at, "acme", ann), "{\"roles\":[\"read_only\"]}",
                  409, "self_lockout");
    (void)done(at, eve, "changeUser", user_path(at, "acme", ann), "{\"roles\":[]}");
    (void)refused(at, OPERATOR, "disableUser", disable_path(at, "acme", eve), NULL, 409, "last_admin");
}

// ---- settings -------------------------------------------------------------------------------------------

static void settings_are_replaced_and_changed(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct answer answer = done(at, ann, "getSettings", ACME "/settings", NULL);
    expect_number(answer.body, "invite_days", 7);
    expect_text(answer.body, "user_list_visibility", "everyone");
    answer = done(at, OPERATOR, "changeSettings", ACME "/settings",
                  "{\"user_limit\":500,\"invite_days\":3,\"mail_from\":\"Hello@Acme.example\"}");
    expect_text(answer.body, "mail_from", "hello@acme.example");
    answer = done(at, ann, "changeSettings", ACME "/settings", "{\"reset_minutes\":30}");
    expect_number(answer.body, "invite_days", 3);
    expect_number(answer.body, "reset_minutes", 30);
    // Replaced: what is left out takes its default, and what she may not set stays.
    answer = done(at, ann, "setSettings", ACME "/settings", "{\"lock_attempts\":5}");
    expect_number(answer.body, "invite_days", 7);
    expect_number(answer.body, "lock_attempts", 5);
    expect_number(answer.body, "user_limit", 500);
    answer = done(at, OPERATOR, "setSettings", ACME "/settings", "{}");
    expect_number(answer.body, "user_limit", 0);
}

static void settings_are_kept_from_who_may_not(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller eve = signed_in(at, "acme", "eve@acme.example", "security_gatekeeper");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "compliance");
    struct answer answer = refused(at, ann, "changeSettings", ACME "/settings",
                                   "{\"audit_days\":1,\"user_limit\":1}", 403, "forbidden");
    expect_text(answer.body, "errors.0.pointer", "/user_limit");
    expect_text(answer.body, "errors.1.pointer", "/audit_days");
    answer = refused(at, eve, "changeSettings", ACME "/settings", "{\"support_no_credentials\":false}",
                     403, "forbidden");
    expect_text(answer.body, "errors.0.pointer", "/support_no_credentials");
    (void)done(at, ann, "changeSettings", ACME "/settings", "{\"support_no_credentials\":false}");
    (void)done(at, bob, "getSettings", ACME "/settings", NULL);
    (void)refused(at, bob, "changeSettings", ACME "/settings", "{\"invite_days\":1}", 403, "forbidden");
    (void)refused(at, ann, "getSettings", "/api/v1/tenants/other/settings", NULL, 404, "not_found");
    answer = refused(at, ann, "changeSettings", ACME "/settings", "{\"invite_days\":99}", 422,
                     "invalid_input");
    expect_text(answer.body, "errors.0.pointer", "/invite_days");
}

static void a_switch_for_support_reaches_their_sessions(void **state) {
    struct scene *at = *state;
    struct caller sue = signed_in(at, "acme", "sue@acme.example", "support_access");
    const char *ask = "{\"permission\":\"api_credentials:manage\"}";
    struct answer answer = done(at, sue, "authorize", "/api/v1/authorize", ask);
    expect_bool(answer.body, "allow", false);
    expect_text(answer.body, "reason", "restricted");
    (void)done(at, OPERATOR, "changeSettings", ACME "/settings", "{\"support_no_credentials\":false}");
    expect_bool(done(at, sue, "authorize", "/api/v1/authorize", ask).body, "allow", true);
}

// ---- why ------------------------------------------------------------------------------------------------

static void a_verdict_says_the_way(void **state) {
    struct scene *at = *state;
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "audiences_only");
    const char *ask = keep_text(at,
                                "{\"user\":\"%.*s\",\"tenant\":\"acme\",\"permission\":"
                                "\"audiences:view\",\"resource\":\"audience/7\"}",
                                SLICE(bob.user_id));
    struct answer answer = done(at, OPERATOR, "authorize", "/api/v1/authorize", ask);
    expect_bool(answer.body, "allow", true);
    expect_text(answer.body, "reason", "granted");
    expect_text(answer.body, "resource", "audience/7");
    expect_text(answer.body, "path.0.permission", "audiences:view");
    expect_text(answer.body, "path.0.role_id", "audiences_only");
    expect_text(answer.body, "path.0.role_name", "Audiences Only");
    expect_text(answer.body, "path.0.source", "manual");
    expect_text(answer.body, "path.0.state", "open");
    answer = done(at, bob, "authorize", "/api/v1/authorize", "{\"permission\":\"users:view\"}");
    expect_bool(answer.body, "allow", false);
    expect_text(answer.body, "reason", "not_granted");
    expect_count(answer.body, "path", 0);
    (void)done(at, OPERATOR, "disableUser", disable_path(at, "acme", bob), NULL);
    answer = done(at, OPERATOR, "authorize", "/api/v1/authorize", ask);
    expect_bool(answer.body, "allow", false);
    expect_text(answer.body, "reason", "not_active");
    expect_count(answer.body, "path", 1);
}

static void a_verdict_is_for_who_may_know(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "user");
    const char *about_ann = keep_text(at, "{\"user\":\"%.*s\",\"permission\":\"users:view\"}",
                                      SLICE(ann.user_id));
    const char *about_bob = keep_text(at, "{\"user\":\"%.*s\",\"permission\":\"users:view\"}",
                                      SLICE(bob.user_id));
    expect_bool(done(at, ann, "authorize", "/api/v1/authorize", about_bob).body, "allow", false);
    (void)refused(at, bob, "authorize", "/api/v1/authorize", about_ann, 403, "forbidden");
    (void)refused(at, ann, "authorize", "/api/v1/authorize",
                  "{\"tenant\":\"other\",\"permission\":\"users:view\"}", 404, "not_found");
    struct answer answer = refused(at, ann, "authorize", "/api/v1/authorize",
                                   "{\"permission\":\"users:drop\"}", 422, "unknown_permission");
    expect_text(answer.body, "errors.0.pointer", "/permission");
    (void)refused(at, OPERATOR, "authorize", "/api/v1/authorize", "{\"permission\":\"users:view\"}",
                  422, "invalid_input");
    answer = done(at, ann, "authorize", "/api/v1/authorize",
                  "{\"user\":\"usr_none\",\"permission\":\"users:view\"}");
    expect_text(answer.body, "reason", "not_member");
}

static void my_permissions_come_with_their_ways(void **state) {
    struct scene *at = *state;
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "audiences_only");
    struct answer answer = done(at, bob, "listMyPermissions", "/api/v1/me/permissions", NULL);
    expect_number(answer.body, "total", 9); // seven rows of the catalogue, the first of three
    expect_text(answer.body, "items.0.permission", "session:login");
    expect_text(answer.body, "items.0.path.0.role_id", "audiences_only");
    answer = done(at, OPERATOR, "listMyPermissions", "/api/v1/me/permissions", NULL);
    expect_number(answer.body, "total", (int64_t)permission_count);
    expect_count(answer.body, "items.0.path", 0);
    (void)refused(at, NOBODY, "listMyPermissions", "/api/v1/me/permissions", NULL, 401,
                  "unauthenticated");
}

// ---- organizations --------------------------------------------------------------------------------------

static void join(struct scene *at, const char *tenant, const char *environment) {
    (void)done(at, OPERATOR, "changeTenant", keep_text(at, "/api/v1/tenants/%s", tenant),
               keep_text(at, "{\"organization\":\"group\",\"environment\":\"%s\"}", environment));
}

static void make_group(struct scene *at, struct caller administrator) {
    (void)done(at, OPERATOR, "createOrganization", "/api/v1/organizations",
               keep_text(at, "{\"slug\":\"group\",\"name\":\"The Group\",\"administrators\":[\"%.*s\"]}",
                         SLICE(administrator.user_id)));
    join(at, "acme", "production");
    join(at, "other", "staging");
}

static void an_organization_is_an_operators_to_make(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *body = "{\"slug\":\"group\",\"name\":\"The Group\"}";
    (void)refused(at, ann, "createOrganization", "/api/v1/organizations", body, 403, "forbidden");
    struct answer answer = done(at, OPERATOR, "createOrganization", "/api/v1/organizations", body);
    assert_slice(reply_header_of(at, "Location"), "/api/v1/organizations/group");
    (void)refused(at, OPERATOR, "createOrganization", "/api/v1/organizations", body, 409,
                  "duplicate_slug");
    answer = done(at, OPERATOR, "changeOrganization", "/api/v1/organizations/group",
                  "{\"name\":\"Renamed\"}");
    expect_text(answer.body, "name", "Renamed");
    expect_number(done(at, OPERATOR, "listOrganizations", "/api/v1/organizations", NULL).body, "total",
                  1);
    join(at, "acme", "development");
    (void)refused(at, OPERATOR, "removeOrganization", "/api/v1/organizations/group", NULL, 409,
                  "organization_not_empty");
    (void)done(at, OPERATOR, "changeTenant", ACME, "{\"organization\":null}");
    (void)done(at, OPERATOR, "removeOrganization", "/api/v1/organizations/group", NULL);
    (void)refused(at, OPERATOR, "getOrganization", "/api/v1/organizations/group", NULL, 404,
                  "not_found");
}

static void its_administrator_reads_across(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "read_only");
    struct caller bob = signed_in(at, "other", "bob@other.example", "admin");
    expect_null(done(at, ann, "getMe", "/api/v1/me", NULL).body, "organization");
    make_group(at, ann);
    expect_text(done(at, ann, "getMe", "/api/v1/me", NULL).body, "organization", "group");
    struct answer answer =
        done(at, ann, "listOrganizationTenants", "/api/v1/organizations/group/tenants", NULL);
    expect_number(answer.body, "total", 2);
    expect_text(answer.body, "items.1.environment", "staging");
    (void)done(at, ann, "getOrganization", "/api/v1/organizations/group", NULL);
    answer = done(at, ann, "listUsers", "/api/v1/tenants/other/users", NULL);
    expect_text(answer.body, "items.0.email", "bob@other.example");
    (void)done(at, ann, "getUser", user_path(at, "other", bob), NULL);
    (void)done(at, ann, "listRoles", "/api/v1/tenants/other/roles", NULL);
    (void)done(at, ann, "listAudit", "/api/v1/tenants/other/audit", NULL);
    // In her own tenant she may what she may; elsewhere she looks, and changes nothing.
    (void)refused(at, ann, "listRoles", ACME "/roles", NULL, 403, "forbidden");
    (void)refused(at, ann, "getTenant", "/api/v1/tenants/other", NULL, 403, "forbidden");
    (void)refused(at, ann, "disableUser", disable_path(at, "other", bob), NULL, 404, "not_found");
    (void)refused(at, ann, "addUser", "/api/v1/tenants/other/users",
                  "{\"email\":\"x@other.example\"}", 404, "not_found");
}

static void who_looked_across_stands_in_the_log_of_each_tenant(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "read_only");
    (void)signed_in(at, "other", "bob@other.example", "user");
    make_group(at, ann);
    for (int i = 0; i < 2; i++) { // the second time in an hour is no second row
        (void)done(at, ann, "listOrganizationUsers", "/api/v1/organizations/group/users", NULL);
    }
    static const char *const logs[] = {"/api/v1/tenants/acme/audit?event=pii.viewed",
                                       "/api/v1/tenants/other/audit?event=pii.viewed"};
    for (size_t i = 0; i < 2; i++) {
        struct answer answer = done(at, OPERATOR, "listAudit", logs[i], NULL);
        expect_text(answer.body, "items.0.target", "users");
        expect_text(answer.body, "items.0.actor", keep_text(at, "%.*s", SLICE(ann.user_id)));
        expect_count(answer.body, "items", 1);
    }
}

static void nobody_else_sees_across(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller eve = signed_in(at, "acme", "eve@acme.example", "admin_compliance");
    make_group(at, ann);
    (void)refused(at, eve, "getOrganization", "/api/v1/organizations/group", NULL, 404, "not_found");
    (void)refused(at, eve, "listOrganizationUsers", "/api/v1/organizations/group/users", NULL, 404,
                  "not_found");
    (void)refused(at, eve, "listUsers", "/api/v1/tenants/other/users", NULL, 404, "not_found");
    (void)done(at, OPERATOR, "changeTenant", "/api/v1/tenants/other", "{\"organization\":null}");
    (void)refused(at, ann, "listUsers", "/api/v1/tenants/other/users", NULL, 404, "not_found");
    (void)refused(at, ann, "getOrganization", "/api/v1/organizations/else", NULL, 404, "not_found");
}

static void people_of_all_its_tenants_come_page_by_page(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "read_only");
    (void)signed_in(at, "acme", "bob@acme.example", "user");
    (void)signed_in(at, "other", "cid@other.example", "user");
    (void)signed_in(at, "other", "dee@other.example", "read_only");
    make_group(at, ann);
    const char *path = "/api/v1/organizations/group/users";
    struct answer answer = done(at, ann, "listOrganizationUsers", path, NULL);
    expect_number(answer.body, "total", 4);
    expect_count(answer.body, "items", 4);
    expect_null(answer.body, "next_cursor");
    expect_text(answer.body, "items.0.tenant", "acme");
    expect_text(answer.body, "items.3.tenant", "other");
    expect_text(answer.body, "items.3.environment", "staging");
    size_t seen = 0;
    const char *next = keep_text(at, "%s?limit=1", path);
    for (; next != NULL; seen++) {
        answer = done(at, ann, "listOrganizationUsers", next, NULL);
        expect_number(answer.body, "total", 4);
        expect_count(answer.body, "items", 1);
        struct slice cursor;
        next = json_text(need(answer.body, "next_cursor"), &cursor)
                   ? keep_text(at, "%s?limit=1&cursor=%.*s", path, SLICE(cursor))
                   : NULL;
    }
    assert_int_equal(seen, 4);
    answer = done(at, ann, "listOrganizationUsers", keep_text(at, "%s?tenants=other&role=user", path),
                  NULL);
    expect_number(answer.body, "total", 1);
    expect_text(answer.body, "items.0.email", "cid@other.example");
    (void)refused(at, ann, "listOrganizationUsers", keep_text(at, "%s?tenants=other,third", path), NULL,
                  404, "not_found");
    (void)refused(at, ann, "listOrganizationUsers", keep_text(at, "%s?cursor=nonsense", path), NULL,
                  422, "invalid_input");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TENANTS_TEST(components_stand_beside_the_roles),
        TENANTS_TEST(what_is_wrong_with_components_is_told_by_field),
        TENANTS_TEST(an_add_on_takes_its_entitlement),
        TENANTS_TEST(the_catalogue_of_components_is_for_everybody),
        TENANTS_TEST(a_role_is_changed_by_who_may),
        TENANTS_TEST(who_has_a_role_gains_and_loses_at_once),
        TENANTS_TEST(a_role_that_changes_is_no_conflict_at_the_tenant),
        TENANTS_TEST(a_clone_says_where_it_is),
        TENANTS_TEST(members_of_a_role_are_listed_and_moved),
        TENANTS_TEST(a_built_in_role_is_restricted_and_restored),
        TENANTS_TEST(what_a_setting_takes_away_is_nothing_that_the_tenant_took_out),
        TENANTS_TEST(a_restriction_may_name_the_state_that_it_is_made_for),
        TENANTS_TEST(the_last_administrator_is_kept),
        TENANTS_TEST(settings_are_replaced_and_changed),
        TENANTS_TEST(settings_are_kept_from_who_may_not),
        TENANTS_TEST(a_switch_for_support_reaches_their_sessions),
        TENANTS_TEST(a_verdict_says_the_way),
        TENANTS_TEST(a_verdict_is_for_who_may_know),
        TENANTS_TEST(my_permissions_come_with_their_ways),
        TENANTS_TEST(an_organization_is_an_operators_to_make),
        TENANTS_TEST(its_administrator_reads_across),
        TENANTS_TEST(who_looked_across_stands_in_the_log_of_each_tenant),
        TENANTS_TEST(nobody_else_sees_across),
        TENANTS_TEST(people_of_all_its_tenants_come_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
