// SPDX-License-Identifier: GPL-3.0-or-later
// The OpenAPI document against the route table: all of it is there, and all that it refers to.
#include "http/scene.h"

static const char *const method_keys[] = {"get", "post", "put", "patch", "delete"};

static const struct json *operation_of(const struct json *document, const struct route *route) {
    const struct json *item = json_get(json_get(document, "paths"), route->path);
    return item != NULL ? json_get(item, method_keys[route->method]) : NULL;
}

static void every_route_is_described(void **state) {
    struct scene *at = *state;
    const struct json *document = document_of(at);
    expect_text(document, "openapi", "3.1.0");
    expect_text(document, "servers.0.url", "https://gate.example");
    for (size_t i = 0; i < route_count; i++) {
        const struct json *operation = operation_of(document, &route_table[i]);
        if (operation == NULL) {
            print_error("%s is missing\n", route_table[i].id);
        }
        assert_non_null(operation);
        expect_text(operation, "operationId", route_table[i].id);
        assert_non_null(look(operation, "responses.default"));
        if (route_table[i].takes != NULL) {
            assert_non_null(look(operation, "requestBody.content"));
        }
    }
}

static void nothing_else_is_described(void **state) {
    size_t count = 0;
    size_t at_path = 0;
    struct slice name;
    const struct json *item;
    const struct json *paths = json_get(document_of(*state), "paths");
    while (json_member(paths, &at_path, &name, &item)) {
        size_t at_method = 0;
        const struct json *operation;
        while (json_member(item, &at_method, &name, &operation)) {
            count++;
        }
    }
    assert_int_equal(count, route_count);
}

static void operations_have_names_of_their_own(void **state) {
    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        for (size_t j = i + 1; j < route_count; j++) {
            assert_string_not_equal(route_table[i].id, route_table[j].id);
            assert_false(route_table[i].method == route_table[j].method &&
                         strcmp(route_table[i].path, route_table[j].path) == 0);
        }
    }
}

static size_t resolve_all(const struct json *document, const struct json *value) {
    size_t count = 0;
    for (size_t i = 0; json_is_array(value) && i < json_count(value); i++) {
        count += resolve_all(document, json_at(value, i));
    }
    size_t at = 0;
    struct slice name;
    struct slice text;
    const struct json *member;
    while (json_member(value, &at, &name, &member)) {
        if (slice_equal(name, S("$ref"))) {
            assert_true(json_text(member, &text));
            if (schema_target(document, text) == NULL) {
                print_error("nothing at %.*s\n", SLICE(text));
                fail();
            }
            count++;
        }
        count += resolve_all(document, member);
    }
    return count;
}

static void every_reference_leads_somewhere(void **state) {
    const struct json *document = document_of(*state);
    assert_true(resolve_all(document, document) > 100);
}

static void every_schema_is_used(void **state) {
    struct scene *at = *state;
    (void)document_of(at);
    struct slice text;
    assert_done(openapi_document(&at->keep, &at->gate, &text));
    for (size_t i = 0; i < schema_count; i++) {
        struct slice reference =
            op_text(&at->keep, "\"#/components/schemas/%s\"", schema_table[i].name);
        if (slice_find(text, reference) == SIZE_MAX) {
            print_error("nothing uses %s\n", schema_table[i].name);
            fail();
        }
    }
}

static void every_part_of_a_path_is_a_parameter(void **state) {
    const struct json *document = document_of(*state);
    for (size_t i = 0; i < route_count; i++) {
        size_t want = 0;
        for (const char *c = route_table[i].path; *c != '\0'; c++) {
            want += *c == '{' ? 1 : 0;
        }
        const struct json *parameters =
            json_get(operation_of(document, &route_table[i]), "parameters");
        for (size_t j = 0; j < json_count(parameters); j++) {
            struct slice in = S("");
            (void)json_text(json_get(json_at(parameters, j), "in"), &in);
            want -= slice_equal(in, S("path")) ? 1 : 0;
        }
        assert_int_equal(want, 0);
    }
}

static void rows_beside_the_routes_name_operations(void **state) {
    (void)state;
    for (size_t i = 0; i < schema_query_count; i++) {
        assert_true(strcmp(schema_queries[i].id, "*") == 0 ||
                    route_of(schema_queries[i].id) != NULL);
    }
    for (size_t i = 0; i < schema_answer_count; i++) {
        assert_non_null(route_of(schema_answers[i].id));
    }
}

static void defaults_of_the_policy_are_told(void **state) {
    const struct json *policy =
        need(document_of(*state), "components.schemas.PolicyAsk.properties");
    expect_number(policy, "skew_seconds.default", 180);
    expect_text(policy, "want.default", "either");
    expect_bool(policy, "unsolicited.default", false);
    expect_null(policy, "email_attribute.default");
    expect_count(policy, "domains.default", 0);
}

static void what_is_only_shown_cannot_be_sent(void **state) {
    const struct json *schemas = need(document_of(*state), "components.schemas");
    assert_non_null(look(schemas, "Role.properties.builtin"));
    assert_null(look(schemas, "RoleCreate.properties.builtin"));
    expect_bool(schemas, "RoleCreate.additionalProperties", false);
    assert_null(look(schemas, "Certificate.properties.der"));
}

static void permissions_and_public_doors_are_told(void **state) {
    const struct json *document = document_of(*state);
    expect_text(operation_of(document, route_of("getUser")), "x-permission", "users:view");
    expect_text(operation_of(document, route_of("createTenant")), "x-permission", "operators only");
    expect_text(operation_of(document, route_of("removeConnection")), "x-permission",
                "operators only");
    expect_count(operation_of(document, route_of("getOpenApi")), "security", 0);
    assert_null(look(operation_of(document, route_of("getMe")), "security"));
}

static void the_document_is_served_to_anybody(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, NOBODY, "getOpenApi", "/api/v1/openapi.json", NULL);
    expect_text(answer.body, "info.title", "Gatehouse");
    assert_slice(reply_header_of(at, "Cache-Control"), "public, max-age=300");
}

static bool has_parameter(const struct json *operation, const char *name) {
    const struct json *parameters = json_get(operation, "parameters");
    for (size_t i = 0; i < json_count(parameters); i++) {
        struct slice text = S("");
        (void)json_text(json_get(json_at(parameters, i), "name"), &text);
        if (slice_equal(text, slice_str(name))) {
            return true;
        }
    }
    return false;
}

static void refusals_access_and_headers_are_told(void **state) {
    struct scene *at = *state;
    const struct json *document = document_of(at);
    for (size_t i = 0; i < route_count; i++) {
        const struct json *operation = operation_of(document, &route_table[i]);
        struct slice access = S("");
        assert_true(json_text(json_get(operation, "x-access"), &access) && access.len > 0);
        assert_non_null(look(operation, "responses.429"));
        assert_non_null(look(operation, "responses.503"));
    }
    const struct json *create = operation_of(document, route_of("createRole"));
    const struct json *change = operation_of(document, route_of("changeTenant"));
    const struct json *list = operation_of(document, route_of("listRoles"));
    assert_true(has_parameter(create, "Idempotency-Key") && !has_parameter(create, "If-Match"));
    assert_true(has_parameter(change, "If-Match") && !has_parameter(change, "Idempotency-Key"));
    assert_false(has_parameter(list, "If-Match") || has_parameter(list, "Idempotency-Key"));
    assert_non_null(look(change, "responses.412"));
    assert_null(look(list, "responses.412"));
    expect_text(list, "x-access", "tenant");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(every_route_is_described),
        SCENE_TEST(nothing_else_is_described),
        SCENE_TEST(operations_have_names_of_their_own),
        SCENE_TEST(every_reference_leads_somewhere),
        SCENE_TEST(every_schema_is_used),
        SCENE_TEST(every_part_of_a_path_is_a_parameter),
        SCENE_TEST(rows_beside_the_routes_name_operations),
        SCENE_TEST(defaults_of_the_policy_are_told),
        SCENE_TEST(what_is_only_shown_cannot_be_sent),
        SCENE_TEST(permissions_and_public_doors_are_told),
        SCENE_TEST(refusals_access_and_headers_are_told),
        SCENE_TEST(the_document_is_served_to_anybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
