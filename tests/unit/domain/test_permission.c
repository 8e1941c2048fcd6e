// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue of permissions: frozen numbers, words for people, and sets.
#include "fixture.h"

#include "domain/permission.h"

// Numbers are in stored sets: this list only grows at its end.
static const char *const frozen[] = {"session:login",
                                     "profile:view_own",
                                     "profile:edit_own",
                                     "dashboard:view",
                                     "system_alerts:view",
                                     "event_forwarding:view",
                                     "catalog:view",
                                     "catalog:manage",
                                     "event_tiers:manage",
                                     "directory:view",
                                     "workspaces:view",
                                     "workspaces:manage",
                                     "inputs:view",
                                     "inputs:manage",
                                     "outputs:view",
                                     "outputs:manage",
                                     "connections:connect",
                                     "connections:connect_audience",
                                     "audiences:view",
                                     "audiences:manage",
                                     "calculated_attributes:view",
                                     "calculated_attributes:manage",
                                     "data_plans:view",
                                     "data_plans:manage",
                                     "rules:view",
                                     "rules:manage",
                                     "filters:view",
                                     "filters:manage",
                                     "live_stream:view",
                                     "identity_settings:view",
                                     "identity_settings:manage",
                                     "user_activity:view",
                                     "personal_data:access",
                                     "privacy:view",
                                     "privacy:manage",
                                     "dsr:view",
                                     "dsr:manage",
                                     "users:view",
                                     "users:manage",
                                     "roles:manage",
                                     "api_credentials:manage",
                                     "billing:view",
                                     "dsr:download",
                                     "sso:manage",
                                     "domains:manage",
                                     "audit:view",
                                     "service_users:manage",
                                     "groups:manage",
                                     "requests:create",
                                     "requests:approve",
                                     "campaigns:view",
                                     "campaigns:edit",
                                     "metrics:view",
                                     "metrics:edit",
                                     "dashboards:view",
                                     "dashboards:edit",
                                     "reports:view",
                                     "reports:edit",
                                     "profiles360:view",
                                     "integrations:view",
                                     "integrations:edit",
                                     "data_erasure:view",
                                     "data_erasure:request",
                                     "ml_studio:use",
                                     "interactive_queries:use",
                                     "cdp_studio:use",
                                     "users:list"};
#define FROZEN (sizeof frozen / sizeof frozen[0])

static const struct permission *find(const char *id) {
    return permission_find(slice_str(id));
}

static void numbers_are_frozen(void **state) {
    (void)state;
    assert_int_equal(permission_count, FROZEN);
    for (size_t i = 0; i < FROZEN; i++) {
        assert_string_equal(permission_table[i].id, frozen[i]);
        assert_int_equal(permission_table[i].number, i);
        assert_ptr_equal(find(frozen[i]), &permission_table[i]);
    }
}

static void each_has_a_name_and_a_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < permission_count; i++) {
        const struct permission *permission = &permission_table[i];
        assert_true(strlen(permission->name) >= 5);
        size_t len = strlen(permission->description);
        assert_true(len >= 15 && permission->description[len - 1] == '.');
        const char *colon = strchr(permission->id, ':');
        assert_true(colon != NULL && colon != permission->id && colon[1] != '\0');
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(permission->id, permission_table[j].id);
            assert_string_not_equal(permission->name, permission_table[j].name);
            assert_string_not_equal(permission->description, permission_table[j].description);
        }
    }
}

static void task_ids_are_those_of_the_custom_roles_api(void **state) {
    (void)state;
    assert_string_equal(find("users:view")->task_id, "user_management:view");
    assert_string_equal(find("users:manage")->task_id, "user_management:*");
    assert_string_equal(find("privacy:view")->task_id, "privacy:settings");
    assert_string_equal(find("dsr:manage")->task_id, "privacy:*");
    assert_string_equal(find("event_tiers:manage")->task_id, "tieredevents:*");
    assert_string_equal(find("outputs:view")->task_id, "connections:view");
    assert_null(find("inputs:view")->task_id);
    assert_null(find("sso:manage")->task_id);
    assert_null(find("system_alerts:view")->task_id);
}

static void personal_data_and_add_ons_are_marked(void **state) {
    (void)state;
    for (size_t i = 0; i < permission_count; i++) {
        const char *id = permission_table[i].id;
        bool pii = strcmp(id, "user_activity:view") == 0 ||
                   strcmp(id, "personal_data:access") == 0 || strcmp(id, "dsr:download") == 0;
        assert_int_equal(permission_table[i].pii, pii);
        const char *add_on = permission_table[i].entitlement;
        bool sold = strcmp(id, "ml_studio:use") == 0 || strcmp(id, "cdp_studio:use") == 0 ||
                    strcmp(id, "interactive_queries:use") == 0;
        assert_int_equal(add_on != NULL, sold);
        if (add_on != NULL) {
            assert_memory_equal(add_on, id, strlen(add_on));
            assert_int_equal(id[strlen(add_on)], ':');
        }
    }
}

static void an_unknown_id_is_found_nowhere_and_allows_nothing(void **state) {
    (void)state;
    struct permission_set all = {{UINT64_MAX, UINT64_MAX}};
    assert_null(find("users:drop"));
    assert_null(find("users:vie"));
    assert_null(find("users:view "));
    assert_null(find(""));
    assert_null(permission_find(S("users:view\0")));
    assert_false(permission_may(all, "users:drop"));
    assert_true(permission_may(all, "users:view"));
}

static void a_set_holds_what_was_added_and_nothing_else(void **state) {
    (void)state;
    for (size_t i = 0; i < permission_count; i++) {
        struct permission_set set = {{0, 0}};
        permission_add(&set, &permission_table[i]);
        for (size_t j = 0; j < permission_count; j++) {
            assert_int_equal(permission_has(set, &permission_table[j]), i == j);
            assert_int_equal(permission_may(set, permission_table[j].id), i == j);
        }
    }
}

static void union_and_within(void **state) {
    (void)state;
    struct permission_set low = {{0, 0}};
    struct permission_set high = {{0, 0}};
    permission_add(&low, find("session:login"));
    permission_add(&high, find("users:list"));
    struct permission_set both = permission_union(low, high);
    assert_true(permission_within(low, both));
    assert_true(permission_within(high, both));
    assert_true(permission_within(both, both));
    assert_false(permission_within(both, low));
    assert_false(permission_within(both, high));
    assert_false(permission_within(high, low));
    assert_true(permission_within((struct permission_set){{0, 0}}, low));
}

static void ids_come_sorted(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOON);
    struct permission_set set = {{0, 0}};
    permission_add(&set, find("users:view"));
    permission_add(&set, find("audiences:view"));
    permission_add(&set, find("session:login"));
    struct texts ids;
    assert_done(permission_texts(&op, set, &ids));
    assert_int_equal(ids.count, 3);
    assert_slice(ids.at[0], "audiences:view");
    assert_slice(ids.at[1], "session:login");
    assert_slice(ids.at[2], "users:view");
    op_close(&op);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_frozen),
        cmocka_unit_test(each_has_a_name_and_a_sentence),
        cmocka_unit_test(task_ids_are_those_of_the_custom_roles_api),
        cmocka_unit_test(personal_data_and_add_ons_are_marked),
        cmocka_unit_test(an_unknown_id_is_found_nowhere_and_allows_nothing),
        cmocka_unit_test(a_set_holds_what_was_added_and_nothing_else),
        cmocka_unit_test(union_and_within),
        cmocka_unit_test(ids_come_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
