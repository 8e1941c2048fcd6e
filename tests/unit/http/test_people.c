// SPDX-License-Identifier: GPL-3.0-or-later
// Users, roles, permissions and oneself by the API.
#include "http/callers.h"

#define USERS "/api/v1/tenants/acme/users"
#define ROLES "/api/v1/tenants/acme/roles"

static int open_acme(void **state) {
    int code = scene_open(state);
    two_tenants(*state);
    return code;
}
#define PEOPLE_TEST(name) cmocka_unit_test_setup_teardown(name, open_acme, scene_close)

static const char *user_path(struct scene *at, struct answer answer) {
    return keep_text(at, USERS "/%s", keep_at(at, answer.body, "id"));
}

static const char *path_of(struct scene *at, struct caller who, const char *action) {
    return keep_text(at, USERS "/%.*s%s", SLICE(who.user_id), action);
}

// ---- users ----------------------------------------------------------------------------------------------

static void a_person_is_added_with_roles(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "addUser", USERS,
                                "{\"email\":\"Ann@ACME.example\",\"first_name\":\"Ann\","
                                "\"last_name\":\"A\",\"roles\":[\"user\",\"read_only\"]}");
    assert_int_equal(answer.status, 201);
    expect_text(answer.body, "email", "ann@acme.example");
    expect_text(answer.body, "status", "invited");
    expect_text(answer.body, "roles.0.role_id", "user");
    expect_text(answer.body, "roles.0.source", "manual");
    expect_count(answer.body, "roles", 2);
    expect_text(answer.body, "grants.0.granted_by", "operator:0");
    expect_null(answer.body, "last_visit");
    const char *path = user_path(at, answer);
    assert_slice(reply_header_of(at, "Location"), path);
    expect_text(done(at, OPERATOR, "getUser", path, NULL).body, "first_name", "Ann");
    (void)refused(at, OPERATOR, "addUser", USERS, "{\"email\":\"ann@acme.example\"}", 409,
                  "already_member");
}

static void somebody_known_here_becomes_a_member_with_200(void **state) {
    struct scene *at = *state;
    (void)signed_in(at, "other", "eve@other.example", "user");
    at->now = NOON + SECOND_MS;
    struct answer answer =
        done(at, OPERATOR, "addUser", USERS, "{\"email\":\"eve@other.example\"}");
    assert_int_equal(answer.status, 200);
    expect_count(answer.body, "roles", 0);
}

static void what_is_wrong_with_a_person_is_said_by_field(void **state) {
    static const char *const cases[][4] = {
        {"{}", "/email", "required", "invalid_input"},
        {"{\"email\":\"nobody\"}", "/email", "not_allowed", "invalid_input"},
        {"{\"email\":\"a@b.example\",\"roles\":\"admin\"}", "/roles", "wrong_type",
         "invalid_input"},
        {"{\"email\":\"a@b.example\",\"roles\":[\"ghost\"]}", "/roles", "unknown_role",
         "unknown_role"},
        {"{\"email\":\"a@b.example\",\"first_name\":\"a\\nb\"}", "/first_name",
         "restricted_characters", "invalid_input"},
        {"{\"email\":\"a@b.example\",\"id\":\"usr_1\"}", "/id", "unknown_field", "invalid_input"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer =
            refused(*state, OPERATOR, "addUser", USERS, cases[i][0], 422, cases[i][3]);
        expect_error(answer.body, cases[i][1], cases[i][2]);
    }
    (void)refused(*state, OPERATOR, "addUser", "/api/v1/tenants/none/users",
                  "{\"email\":\"a@b.example\"}", 404, "not_found");
}

static void people_are_filtered_sorted_and_paged(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "addUser", USERS,
               "{\"email\":\"bob@acme.example\",\"first_name\":\"Bob\",\"roles\":[\"admin\"]}");
    (void)done(at, OPERATOR, "addUser", USERS,
               "{\"email\":\"ann@acme.example\",\"first_name\":\"Ann\",\"roles\":[\"user\"]}");
    struct caller cat = signed_in(at, "acme", "cat@acme.example", "user");
    (void)done(at, OPERATOR, "disableUser", path_of(at, cat, ":disable"), NULL);
    struct answer answer = done(at, OPERATOR, "listUsers", USERS "?sort=email&limit=2", NULL);
    expect_number(answer.body, "total", 3);
    expect_text(answer.body, "items.0.email", "ann@acme.example");
    const char *next = keep_at(at, answer.body, "next_cursor");
    answer = done(at, OPERATOR, "listUsers",
                  keep_text(at, USERS "?sort=email&limit=2&cursor=%s", next), NULL);
    expect_count(answer.body, "items", 1);
    expect_text(answer.body, "items.0.email", "cat@acme.example");
    expect_null(answer.body, "next_cursor");
    answer = done(at, OPERATOR, "listUsers", USERS "?status=disabled", NULL);
    expect_number(answer.body, "total", 1);
    answer = done(at, OPERATOR, "listUsers", USERS "?role=admin", NULL);
    expect_text(answer.body, "items.0.first_name", "Bob");
    answer = done(at, OPERATOR, "listUsers", USERS "?q=ANN", NULL);
    expect_number(answer.body, "total", 1);
    static const char *const bad[] = {"?status=gone", "?sort=colour", "?cursor=x", "?limit=a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)refused(at, OPERATOR, "listUsers", keep_text(at, USERS "%s", bad[i]), NULL, 422,
                      "invalid_input");
    }
    (void)refused(at, OPERATOR, "listUsers", "/api/v1/tenants/none/users", NULL, 404, "not_found");
}

static void names_and_roles_change_one_by_one(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "addUser", USERS,
                                "{\"email\":\"ann@acme.example\",\"first_name\":\"Ann\","
                                "\"last_name\":\"A\",\"roles\":[\"user\"]}");
    const char *path = user_path(at, answer);
    answer = done(at, OPERATOR, "changeUser", path, "{\"last_name\":\"B\"}");
    expect_text(answer.body, "first_name", "Ann");
    expect_text(answer.body, "last_name", "B");
    expect_text(answer.body, "roles.0.role_id", "user");
    answer = done(at, OPERATOR, "changeUser", path, "{\"roles\":[]}");
    expect_count(answer.body, "roles", 0);
    expect_text(answer.body, "last_name", "B");
    answer = refused(at, OPERATOR, "changeUser", path, "{\"roles\":[\"ghost\"]}", 422,
                     "unknown_role");
    expect_error(answer.body, "/roles", "unknown_role");
    answer = refused(at, OPERATOR, "changeUser", path,
                     "{\"first_name\":\"X\",\"send_invite\":true}", 422, "invalid_input");
    expect_error(answer.body, "/send_invite", "unknown_field");
    expect_text(done(at, OPERATOR, "getUser", path, NULL).body, "first_name", "Ann");
    (void)refused(at, OPERATOR, "changeUser", USERS "/usr_none", "{}", 404, "not_found");
}

static void nobody_gives_a_role_that_is_more_than_their_own(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "user");
    (void)done(at, ann, "changeUser", path_of(at, bob, ""), "{\"roles\":[\"admin\"]}");
    (void)refused(at, ann, "changeUser", path_of(at, bob, ""),
                  "{\"roles\":[\"admin_compliance\"]}", 403, "forbidden");
}

static void disabling_ends_the_sessions_and_enabling_gives_access_back(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "user");
    (void)done(at, bob, "getMe", "/api/v1/me", NULL);
    expect_text(done(at, ann, "disableUser", path_of(at, bob, ":disable"), NULL).body, "status",
                "disabled");
    (void)refused(at, bob, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    (void)refused(at, ann, "disableUser", path_of(at, bob, ":disable"), NULL, 409,
                  "illegal_transition");
    // He came in and never had a password: through an identity provider, so no letter asks him for one.
    expect_text(done(at, ann, "enableUser", path_of(at, bob, ":enable"), NULL).body, "status",
                "active");
    (void)refused(at, bob, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    (void)refused(at, ann, "disableUser", path_of(at, ann, ":disable"), NULL, 409,
                  "self_lockout");
    (void)refused(at, ann, "enableUser", USERS "/usr_none:enable", NULL, 404, "not_found");
}

static void sessions_are_revoked_and_counted(void **state) {
    struct scene *at = *state;
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "user");
    const char *path = path_of(at, bob, ":revoke-sessions");
    expect_number(done(at, OPERATOR, "revokeSessions", path, NULL).body, "ended", 1);
    expect_number(done(at, OPERATOR, "revokeSessions", path, NULL).body, "ended", 0);
    (void)refused(at, OPERATOR, "revokeSessions", USERS "/usr_none:revoke-sessions", NULL, 404,
                  "not_found");
}

static void a_person_is_removed_once(void **state) {
    struct scene *at = *state;
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "user");
    assert_int_equal(done(at, OPERATOR, "removeUser", path_of(at, bob, ""), NULL).status, 204);
    (void)refused(at, OPERATOR, "removeUser", path_of(at, bob, ""), NULL, 409,
                  "illegal_transition");
    expect_number(done(at, OPERATOR, "listUsers", USERS, NULL).body, "total", 0);
    expect_number(done(at, OPERATOR, "listUsers", USERS "?status=deleted", NULL).body, "total", 1);
}

static void a_person_of_another_tenant_is_not_there(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller eve = signed_in(at, "other", "eve@other.example", "user");
    (void)refused(at, ann, "getUser", path_of(at, eve, ""), NULL, 404, "not_found");
    (void)refused(at, ann, "disableUser", path_of(at, eve, ":disable"), NULL, 404, "not_found");
    (void)refused(at, ann, "revokeSessions", path_of(at, eve, ":revoke-sessions"), NULL, 404,
                  "not_found");
}

// ---- roles ----------------------------------------------------------------------------------------------

static void a_role_is_made_given_and_removed(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "createRole", ROLES,
                                "{\"role_id\":\"marketer\",\"name\":\"Marketer\","
                                "\"permissions\":[\"audiences:view\",\"users:view\"]}");
    assert_int_equal(answer.status, 201);
    expect_bool(answer.body, "builtin", false);
    assert_slice(reply_header_of(at, "Location"), ROLES "/marketer");
    expect_text(done(at, OPERATOR, "getRole", ROLES "/marketer", NULL).body, "name", "Marketer");
    struct caller mia = signed_in(at, "acme", "mia@acme.example", "marketer");
    (void)done(at, mia, "listUsers", USERS, NULL);
    (void)refused(at, mia, "addUser", USERS, "{}", 403, "forbidden");
    (void)refused(at, OPERATOR, "removeRole", ROLES "/marketer", NULL, 409, "role_in_use");
    (void)done(at, OPERATOR, "changeUser", path_of(at, mia, ""), "{\"roles\":[]}");
    assert_int_equal(done(at, OPERATOR, "removeRole", ROLES "/marketer", NULL).status, 204);
    (void)refused(at, OPERATOR, "getRole", ROLES "/marketer", NULL, 404, "not_found");
}

static void built_in_roles_are_listed_and_stay(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "listRoles", ROLES, NULL);
    expect_number(answer.body, "total", 8);
    expect_text(answer.body, "items.0.role_id", "user");
    expect_bool(done(at, OPERATOR, "getRole", ROLES "/admin", NULL).body, "builtin", true);
    (void)refused(at, OPERATOR, "removeRole", ROLES "/admin", NULL, 409, "builtin_role_immutable");
    (void)refused(at, OPERATOR, "removeRole", ROLES "/ghost", NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "listRoles", "/api/v1/tenants/none/roles", NULL, 404, "not_found");
}

static void a_role_that_cannot_be_is_refused(void **state) {
    static const struct {
        const char *body;
        unsigned status;
        const char *why, *pointer;
    } cases[] = {
        {"{\"role_id\":\"x\",\"name\":\"X\",\"permissions\":[]}", 422, "empty_permissions",
         "/permissions"},
        {"{\"role_id\":\"x\",\"name\":\"X\",\"permissions\":[\"a:b\"]}", 422, "unknown_permission",
         "/permissions/0"},
        {"{\"role_id\":\"x y\",\"name\":\"X\",\"permissions\":[\"users:view\"]}", 422,
         "invalid_input", "/role_id"},
        {"{\"name\":\"X\"}", 422, "invalid_input", "/role_id"},
        {"{\"role_id\":\"x\",\"name\":\"X\",\"builtin\":true}", 422, "invalid_input", "/builtin"},
        {"{\"role_id\":\"admin\",\"name\":\"X\",\"permissions\":[\"users:view\"]}", 409,
         "duplicate_role_id", NULL},
        {"{\"role_id\":\"x\",\"name\":\"ADMIN\",\"permissions\":[\"users:view\"]}", 409,
         "duplicate_name", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer = refused(*state, OPERATOR, "createRole", ROLES, cases[i].body,
                                       cases[i].status, cases[i].why);
        if (cases[i].pointer != NULL) {
            expect_error(answer.body, cases[i].pointer,
                         slice_starts(slice_str(cases[i].pointer), S("/permissions"))
                             ? cases[i].why
                         : strcmp(cases[i].pointer, "/builtin") == 0 ? "unknown_field"
                         : strstr(cases[i].body, "x y") != NULL      ? "not_allowed"
                                                                     : "required");
        }
    }
}

// ---- permissions and oneself ------------------------------------------------------------------------------

static void the_catalogue_is_there_for_all(void **state) {
    struct answer answer = done(*state, NOBODY, "listPermissions", "/api/v1/permissions", NULL);
    expect_count(answer.body, "items", permission_count);
    expect_text(answer.body, "items.0.id", "session:login");
    expect_text(answer.body, "items.0.resource", "session");
    expect_text(answer.body, "items.0.action", "login");
}

static void a_person_sees_who_they_are_and_why(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "read_only");
    struct answer answer = done(at, ann, "getMe", "/api/v1/me", NULL);
    expect_text(answer.body, "kind", "user");
    expect_text(answer.body, "tenant", "acme");
    expect_text(answer.body, "user.email", "ann@acme.example");
    expect_text(answer.body, "roles.0", "read_only");
    expect_text(answer.body, "grants.0.source", "manual");
    expect_text(answer.body, "expires_at", "2026-11-21T20:00:00.000Z");
    answer = done(at, OPERATOR, "getMe", "/api/v1/me", NULL);
    expect_text(answer.body, "kind", "operator");
    expect_count(answer.body, "permissions", permission_count);
}

static void a_session_is_told_to_its_owner(void **state) {
    struct scene *at = *state;
    struct caller ann = in_browser(at, "acme", "ann@acme.example", "user");
    struct answer answer = done(at, ann, "getSession", "/session", NULL);
    expect_text(answer.body, "connection", "acme-okta");
    expect_text(answer.body, "user.name_id", "ann@acme.example");
    (void)refused(at, NOBODY, "getSession", "/session", NULL, 401, "unauthenticated");
}

// What another tenant knows of a person is told once the person came, and stays so.
static void who_was_here_once_is_no_stranger(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller eve = signed_in(at, "other", "eve@other.example", "user");
    const char *there = keep_text(at, "/api/v1/tenants/other/users/%.*s", SLICE(eve.user_id));
    (void)done(at, OPERATOR, "changeUser", there, "{\"first_name\":\"Eve\"}");
    (void)done(at, OPERATOR, "addUser", USERS, "{\"email\":\"eve@other.example\"}");
    expect_text(done(at, ann, "getUser", path_of(at, eve, ""), NULL).body, "first_name", "");
    (void)done(at, OPERATOR, "removeUser", path_of(at, eve, ""), NULL);
    (void)signed_in(at, "acme", "eve@other.example", "user");
    (void)done(at, OPERATOR, "disableUser", path_of(at, eve, ":disable"), NULL);
    expect_text(done(at, ann, "getUser", path_of(at, eve, ""), NULL).body, "first_name", "Eve");
}

// A grant of a sign-in names no assertion: that of the visit confirmed it, wherever it is shown.
static reason confirm(struct op *op, struct txn *txn, void *arg) {
    const struct caller *who = arg;
    struct grant grant = {.role_id = S("admin"), .source = GRANT_SSO, .connection = S("acme-okta")};
    struct membership membership;
    struct visit before;
    bool found = false;
    TRY(membership_find(op, txn, S("acme"), who->user_id, &membership, &found));
    membership.grants = (struct rows){&grant, 1};
    TRY(entity_put(op, txn, &membership_entity, &membership));
    TRY(visit_find(op, txn, S("acme"), who->user_id, &before));
    struct visit after = before;
    after.assertion = S("_confirmed");
    return visit_put(op, txn, S("acme"), who->user_id, &before, &after);
}

static void the_assertion_that_confirmed_a_grant_is_named_wherever_it_is_shown(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    assert_done(store_write(&at->keep, at->gate.store, confirm, &ann));
    expect_text(done(at, ann, "getMe", "/api/v1/me", NULL).body, "grants.0.assertion", "_confirmed");
    expect_text(done(at, ann, "getUser", path_of(at, ann, ""), NULL).body, "grants.0.assertion", "_confirmed");
    expect_text(done(at, ann, "listRoleMembers", ROLES "/admin/members", NULL).body,
                "items.0.grants.0.assertion", "_confirmed");
    expect_text(done(at, ann, "listMyPermissions", "/api/v1/me/permissions", NULL).body,
                "items.0.path.0.assertion", "_confirmed");
    expect_text(done(at, ann, "authorize", "/api/v1/authorize", "{\"permission\":\"users:view\"}").body,
                "path.0.assertion", "_confirmed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PEOPLE_TEST(a_person_is_added_with_roles),
        PEOPLE_TEST(somebody_known_here_becomes_a_member_with_200),
        PEOPLE_TEST(what_is_wrong_with_a_person_is_said_by_field),
        PEOPLE_TEST(people_are_filtered_sorted_and_paged),
        PEOPLE_TEST(names_and_roles_change_one_by_one),
        PEOPLE_TEST(nobody_gives_a_role_that_is_more_than_their_own),
        PEOPLE_TEST(disabling_ends_the_sessions_and_enabling_gives_access_back),
        PEOPLE_TEST(sessions_are_revoked_and_counted),
        PEOPLE_TEST(a_person_is_removed_once),
        PEOPLE_TEST(a_person_of_another_tenant_is_not_there),
        PEOPLE_TEST(a_role_is_made_given_and_removed),
        PEOPLE_TEST(built_in_roles_are_listed_and_stay),
        PEOPLE_TEST(a_role_that_cannot_be_is_refused),
        PEOPLE_TEST(the_catalogue_is_there_for_all),
        PEOPLE_TEST(a_person_sees_who_they_are_and_why),
        PEOPLE_TEST(a_session_is_told_to_its_owner),
        PEOPLE_TEST(who_was_here_once_is_no_stranger),
        PEOPLE_TEST(the_assertion_that_confirmed_a_grant_is_named_wherever_it_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
