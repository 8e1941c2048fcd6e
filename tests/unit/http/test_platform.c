// SPDX-License-Identifier: GPL-3.0-or-later
// The custom roles API of mParticle, by its paths: tasks, the manifest read and replaced, what is refused in its words,
// and how often one credential may ask.
#include "http/callers.h"

#define ACCOUNT "/platform/v2/organizations/1/accounts/1" // acme is the first tenant, in no organization
#define ROLES ACCOUNT "/roles"

static int open_two(void **state) {
    assert_int_equal(scene_open(state), 0);
    two_tenants(*state);
    return 0;
}
#define TENANTS_TEST(name) cmocka_unit_test_setup_teardown(name, open_two, scene_close)

#define ROLE(id, name, tasks)                                                                      \
    "{\"role_id\":\"" id "\",\"name\":\"" name "\",\"description\":\"What it is for\",\"tasks\":[" \
    tasks "]}"
#define TASK(id) "{\"task_id\":\"" id "\"}"
#define MARKETER ROLE("marketer_role", "Marketer", TASK("audiences:*") "," TASK("user_activity:view"))

static struct answer put(struct scene *at, const char *query, const char *roles) {
    return done(at, OPERATOR, "setPlatformRoles", keep_text(at, ROLES "%s", query),
                keep_text(at, "{\"roles\":[%s]}", roles));
}

// Refused in the platform's own words.
static struct answer refused_put(struct scene *at, struct caller as, const char *body,
                                 unsigned status, const char *why) {
    struct answer answer = call(at, as, "setPlatformRoles", ROLES, body);
    if (answer.status != status) {
        print_error("%u %.*s\n", answer.status, SLICE(answer.text));
    }
    assert_int_equal(answer.status, status);
    expect_fits(document_of(at), "PlatformErrors", answer.body);
    expect_text(answer.body, "errors.0.reason", why);
    expect_text(answer.body, "errors.0.code", status == 400 ? "VALIDATION_ERROR" : "CONFLICT");
    return answer;
}

static void hold(struct scene *at, const char *role) {
    (void)done(at, OPERATOR, "addUser", "/api/v1/tenants/acme/users",
               keep_text(at, "{\"email\":\"jo@acme.example\",\"roles\":[\"%s\"]}", role));
}

// ---- tasks ----------------------------------------------------------------------------------------------

static void each_task_is_there_once_and_says_what_it_is(void **state) {
    struct scene *at = *state;
    static const char *const known[] = {
        "user:core",    "audiences:view",       "audiences:*", "connections:configure_inputs",
        "privacy:*",    "privacy:settings",     "rules:*",     "data_filter:*",
        "workspaces:*", "user_management:view", "catalog:*",   "identity_settings:*"};
    struct answer answer = done(at, OPERATOR, "listPlatformTasks", ACCOUNT "/tasks", NULL);
    size_t found = 0;
    for (size_t i = 0; i < json_count(answer.body); i++) {
        struct slice id = S("");
        struct slice text = S("");
        const struct json *task = json_at(answer.body, i);
        assert_true(json_text(json_get(task, "task_id"), &id));
        assert_true(json_text(json_get(task, "display_name"), &text) && text.len > 0);
        assert_true(json_text(json_get(task, "description"), &text) && text.len > 0);
        for (size_t j = 0; j < sizeof known / sizeof known[0]; j++) {
            found += slice_equal(id, slice_str(known[j])) ? 1 : 0;
        }
    }
    assert_int_equal(found, sizeof known / sizeof known[0]);
}

// ---- the manifest ---------------------------------------------------------------------------------------

static void a_manifest_comes_back_as_it_was_put(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "getPlatformRoles", ROLES, NULL);
    expect_count(answer.body, "roles", 0);
    expect_null(answer.body, "last_modified_on");
    answer = put(at, "", MARKETER);
    expect_text(answer.body, "roles.0.role_id", "marketer_role");
    expect_count(answer.body, "roles.0.tasks", 3); // user:core goes without saying
    expect_text(answer.body, "roles.0.tasks.0.task_id", "user:core");
    expect_text(answer.body, "roles.0.tasks.1.task_id", "audiences:*");
    expect_text(answer.body, "last_modified_on", "2026-11-21 12:00:00");
    expect_text(answer.body, "last_modified_by", "operator:0");
    // A task with a star gives what the tasks of that name give, and each role sees what everybody sees.
    answer = done(at, OPERATOR, "getRole", "/api/v1/tenants/acme/roles/marketer_role", NULL);
    static const char *const want[] = {"audiences:view", "audiences:manage", "user_activity:view",
                                       "session:login",  "dashboard:view",   "system_alerts:view"};
    struct slice text = answer.text;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(slice_find(text, slice_str(want[i])) != SIZE_MAX);
    }
    assert_true(slice_find(text, S("rules:view")) == SIZE_MAX);
}

static void the_same_once_more_changes_nothing(void **state) {
    struct scene *at = *state;
    int64_t version = 0;
    assert_true(json_number(need(put(at, "", MARKETER).body, "version"), &version));
    struct answer answer = put(at, "", MARKETER);
    expect_number(answer.body, "version", version);
    answer = put(at, "?dry_run=true", MARKETER);
    expect_text(answer.body, "unchanged.0", "marketer_role");
    expect_count(answer.body, "changed", 0);
}

static void what_a_manifest_cannot_name_stays(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "createRole", "/api/v1/tenants/acme/roles",
               "{\"role_id\":\"marketer_role\",\"name\":\"Marketer\",\"permissions\":[\"campaigns:edit\","
               "\"audiences:view\"]}");
    struct answer answer = done(at, OPERATOR, "getPlatformRoles", ROLES, NULL);
    expect_count(answer.body, "roles.0.tasks", 2);
    (void)put(at, "", MARKETER);
    answer = done(at, OPERATOR, "getRole", "/api/v1/tenants/acme/roles/marketer_role", NULL);
    assert_true(slice_find(answer.text, S("campaigns:edit")) != SIZE_MAX);
    assert_true(slice_find(answer.text, S("audiences:manage")) != SIZE_MAX);
}

static void a_role_that_is_left_out_goes_unless_somebody_has_it(void **state) {
    struct scene *at = *state;
    (void)put(at, "", MARKETER "," ROLE("other", "Other", TASK("rules:view")));
    hold(at, "other");
    struct answer answer = put(at, "?dry_run=true", ROLE("marketer_role", "Renamed", TASK("rules:*"))
                               "," ROLE("third", "Third", TASK("rules:view")));
    expect_bool(answer.body, "dry_run", true);
    expect_text(answer.body, "added.0", "third");
    expect_text(answer.body, "changed.0", "marketer_role");
    expect_text(answer.body, "deleted.0", "other");
    expect_text(answer.body, "blocked.0.role_id", "other");
    expect_text(answer.body, "blocked.0.code", "role_in_use");
    expect_number(answer.body, "blocked.0.members", 1);
    answer = done(at, OPERATOR, "getPlatformRoles", ROLES, NULL); // nothing of it was kept
    expect_count(answer.body, "roles", 2);
    expect_text(answer.body, "roles.0.name", "Marketer");
    (void)refused_put(at, OPERATOR, "{\"roles\":[" MARKETER "]}", 400, "role_in_use");
    expect_count(done(at, OPERATOR, "getPlatformRoles", ROLES, NULL).body, "roles", 2);
    (void)put(at, "", ROLE("other", "Other", TASK("rules:view")));
    expect_count(done(at, OPERATOR, "getPlatformRoles", ROLES, NULL).body, "roles", 1);
}

static void a_wrong_manifest_is_refused_in_its_words(void **state) {
    struct scene *at = *state;
    struct answer answer = refused_put(
        at, OPERATOR, "{\"roles\":[" ROLE("a", "A", TASK("no:such") "," TASK("rules:view")) "]}", 400,
        "unknown_permission");
    expect_text(answer.body, "errors.0.message", "Tasks not found: \"no:such\"");
    expect_text(answer.body, "errors.0.pointer", "/roles/0/tasks/0");
    (void)refused_put(at, OPERATOR, "{\"roles\":[" ROLE("a", "A", "") "]}", 400, "empty_permissions");
    (void)refused_put(at, OPERATOR, "{\"roles\":[" ROLE("a", "", TASK("rules:view")) "]}", 400,
                      "required");
    (void)refused_put(at, OPERATOR,
                      "{\"roles\":[{\"role_id\":\"a\",\"name\":\"A\",\"description\":\" \",\"tasks\":["
                      "{\"task_id\":\"rules:view\"}]}]}",
                      400, "required");
    (void)refused_put(at, OPERATOR, "{\"roles\":[{\"name\":\"A\"}]}", 400, "required");
    (void)refused_put(at, OPERATOR, "{\"roles\":", 400, "malformed_json");
    (void)refused_put(at, OPERATOR, "{\"roles\":7}", 400, "wrong_type");
    (void)refused_put(at, OPERATOR, "{\"roles\":[" ROLE("a", "A\\n", TASK("rules:view")) "]}", 400,
                      "restricted_characters");
    (void)refused_put(at, OPERATOR,
                      "{\"roles\":[" ROLE("a", "A", TASK("rules:view")) "," ROLE(
                          "b", "a", TASK("rules:view")) "]}",
                      409, "duplicate_name");
    (void)refused_put(at, OPERATOR,
                      "{\"roles\":[" ROLE("a", "A", TASK("rules:view")) "," ROLE(
                          "a", "B", TASK("rules:view")) "]}",
                      409, "duplicate_role_id");
    (void)refused_put(at, OPERATOR, "{\"roles\":[" ROLE("admin", "X", TASK("rules:view")) "]}", 409,
                      "duplicate_role_id");
    expect_count(done(at, OPERATOR, "getPlatformRoles", ROLES, NULL).body, "roles", 0);
}

static void a_manifest_has_at_most_a_hundred_roles(void **state) {
    struct scene *at = *state;
    struct buf body;
    buf_open(&body, &at->keep, 1U << 20);
    for (int i = 0; i <= ROLE_LIMIT_PER_TENANT; i++) {
        buf_printf(&body, "%s{\"role_id\":\"r%d\",\"name\":\"R%d\",\"description\":\"d\",\"tasks\":[" TASK(
                              "rules:view") "]}",
                   i > 0 ? "," : "{\"roles\":[", i, i);
    }
    buf_str(&body, "]}");
    buf_byte(&body, 0);
    struct slice text;
    assert_done(buf_done(&body, &text));
    (void)refused_put(at, OPERATOR, text.at, 400, "role_limit");
}

static void an_old_version_does_not_match(void **state) {
    struct scene *at = *state;
    int64_t version = 0;
    (void)put(at, "", MARKETER);
    struct answer answer = put(at, "", ROLE("marketer_role", "Renamed", TASK("rules:view")));
    assert_true(json_number(need(answer.body, "version"), &version));
    answer = refused_put(
        at, OPERATOR, keep_text(at, "{\"roles\":[],\"version\":%lld}", (long long)version - 1), 400,
        "version_conflict");
    assert_true(slice_find(answer.text, S("Manifest version does not match")) != SIZE_MAX);
    (void)done(at, OPERATOR, "setPlatformRoles", ROLES,
               keep_text(at, "{\"roles\":[],\"version\":%lld}", (long long)version));
}

// ---- who may --------------------------------------------------------------------------------------------

static struct answer ask(struct scene *at, struct caller as, const char *path) {
    return call(at, as, "getPlatformRoles", path, NULL);
}

static void who_manages_roles_gets_in_and_gives_what_he_holds(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "createRole", "/api/v1/tenants/acme/roles",
               "{\"role_id\":\"keeper\",\"name\":\"Keeper\",\"description\":\"Keeps roles\",\"permissions\":["
               "\"roles:manage\"]}");
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct answer answer = ask(at, ann, ROLES);
    assert_int_equal(answer.status, 403);
    expect_text(answer.body, "errors.0.code", "FORBIDDEN");
    (void)done(at, OPERATOR, "changeUser",
               keep_text(at, "/api/v1/tenants/acme/users/%.*s", SLICE(ann.user_id)),
               "{\"roles\":[\"admin\",\"keeper\"]}");
#define KEEPER ROLE("keeper", "Keeper", TASK("user:core"))
    answer = call(at, ann, "setPlatformRoles", ROLES,
                  "{\"roles\":[" KEEPER "," ROLE("b", "B", TASK("privacy:*")) "]}");
    assert_int_equal(answer.status, 403); // an Admin has no privacy
    expect_text(answer.body, "errors.0.reason", "forbidden");
    answer = done(at, ann, "setPlatformRoles", ROLES,
                  "{\"roles\":[" KEEPER "," ROLE("b", "B", TASK("rules:*")) "]}");
    expect_text(answer.body, "last_modified_by", "ann@acme.example");
    assert_int_equal(ask(at, ann, ROLES).status, 200); // what no task names is still hers
    assert_int_equal(ask(at, NOBODY, ROLES).status, 401);
}

static void numbers_must_fit_each_other_and_the_caller(void **state) {
    struct scene *at = *state;
    struct caller eve = signed_in(at, "other", "eve@other.example", "admin_compliance");
    struct answer answer = ask(at, eve, ROLES);
    assert_int_equal(answer.status, 404);
    expect_text(answer.body, "errors.0.code", "NOT_FOUND");
    assert_int_equal(ask(at, OPERATOR, "/platform/v2/organizations/2/accounts/1/roles").status, 404);
    assert_int_equal(ask(at, OPERATOR, "/platform/v2/organizations/9/accounts/9/roles").status, 404);
    assert_int_equal(ask(at, OPERATOR, "/platform/v2/organizations/x/accounts/1/roles").status, 404);
    (void)done(at, OPERATOR, "createOrganization", "/api/v1/organizations", "{\"slug\":\"group\"}");
    (void)done(at, OPERATOR, "changeTenant", "/api/v1/tenants/acme", "{\"organization\":\"group\"}");
    assert_int_equal(ask(at, OPERATOR, ROLES).status, 404);
    assert_int_equal(ask(at, OPERATOR, "/platform/v2/organizations/3/accounts/1/roles").status, 200);
}

static void a_credential_asks_a_hundred_times_a_minute(void **state) {
    struct scene *at = *state;
    window_ahead(MINUTE_MS);
    for (int i = 0; i < PLATFORM_RATE; i++) {
        assert_int_equal(ask(at, OPERATOR, ROLES).status, 200);
    }
    struct answer answer = ask(at, OPERATOR, ROLES);
    assert_int_equal(answer.status, 429);
    expect_text(answer.body, "errors.0.code", "TOO_MANY_REQUESTS");
    assert_true(reply_header_of(at, "Retry-After").len > 0);
}

static void what_is_not_there_is_said_in_its_words_too(void **state) {
    struct scene *at = *state;
    begin(at, METHOD_GET, ACCOUNT "/nothing", NULL);
    be(at, OPERATOR);
    struct answer answer = send(at);
    assert_int_equal(answer.status, 404);
    expect_text(answer.body, "errors.0.code", "NOT_FOUND");
    begin(at, METHOD_DELETE, ROLES, NULL);
    be(at, OPERATOR);
    answer = send(at);
    assert_int_equal(answer.status, 405);
    assert_slice(reply_header_of(at, "Allow"), "GET, PUT");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TENANTS_TEST(each_task_is_there_once_and_says_what_it_is),
        TENANTS_TEST(a_manifest_comes_back_as_it_was_put),
        TENANTS_TEST(the_same_once_more_changes_nothing),
        TENANTS_TEST(what_a_manifest_cannot_name_stays),
        TENANTS_TEST(a_role_that_is_left_out_goes_unless_somebody_has_it),
        TENANTS_TEST(a_wrong_manifest_is_refused_in_its_words),
        TENANTS_TEST(a_manifest_has_at_most_a_hundred_roles),
        TENANTS_TEST(an_old_version_does_not_match),
        TENANTS_TEST(who_manages_roles_gets_in_and_gives_what_he_holds),
        TENANTS_TEST(numbers_must_fit_each_other_and_the_caller),
        TENANTS_TEST(a_credential_asks_a_hundred_times_a_minute),
        TENANTS_TEST(what_is_not_there_is_said_in_its_words_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
