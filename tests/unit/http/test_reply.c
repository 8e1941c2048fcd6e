// SPDX-License-Identifier: GPL-3.0-or-later
// What is answered: JSON, problems for the two kinds of doors, redirects, cookies.
#include "http/scene.h"

static const struct json *body_of(struct scene *at) {
    const struct json *body = NULL;
    assert_done(json_parse(&at->op, at->reply.body, &body));
    return body;
}

static reason refuse_something(struct op *op) {
    op_error(op, S("/name"), REASON_OF(FIELD_REQUIRED), "is missing");
    REFUSE(op, INVALID_INPUT, "the inner detail");
}

static void a_problem_says_all_to_callers_of_the_api(void **state) {
    struct scene *at = *state;
    reply_problem(&at->op, &at->reply, refuse_something(&at->op), S("trc_1"), true);
    assert_int_equal(at->reply.status, 422);
    assert_string_equal(at->reply.content_type, "application/problem+json");
    expect_text(body_of(at), "type", "urn:gatehouse:reason:invalid_input");
    expect_number(body_of(at), "status", 422);
    expect_text(body_of(at), "detail", "the inner detail");
    expect_text(body_of(at), "trace_id", "trc_1");
    expect_error(body_of(at), "/name", "required");
    assert_slice(reply_header_of(at, "Cache-Control"), "no-store");
}

static void a_problem_tells_strangers_only_the_fixed_sentence(void **state) {
    struct scene *at = *state;
    reply_problem(&at->op, &at->reply, refuse_something(&at->op), S(""), false);
    expect_text(body_of(at), "detail", REASON_OF(INVALID_INPUT)->text);
    assert_null(look(body_of(at), "errors"));
    assert_null(look(body_of(at), "trace_id"));
}

static void a_problem_fits_its_schema_for_each_reason(void **state) {
    struct scene *at = *state;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        reply_problem(&at->op, &at->reply, &reason_table[i], S("trc_1"), true);
        expect_fits(document_of(at), "Problem", body_of(at));
        bool later = reason_table[i].http == 429 || reason_table[i].http == 503;
        assert_int_equal(reply_header_of(at, "Retry-After").at != NULL, later);
        assert_int_equal(reply_header_of(at, "WWW-Authenticate").at != NULL,
                         reason_table[i].http == 401 ||
                             &reason_table[i] == REASON_OF(INSUFFICIENT_SCOPE));
    }
}

static void a_token_that_may_too_little_is_told_so_as_rfc_6750_has_it(void **state) {
    struct scene *at = *state;
    reply_problem(&at->op, &at->reply, REASON_OF(INSUFFICIENT_SCOPE), S(""), true);
    assert_int_equal(at->reply.status, 403);
    assert_slice(reply_header_of(at, "WWW-Authenticate"), "Bearer error=\"insufficient_scope\"");
    reply_errors(&at->op, &at->reply, REASON_OF(INSUFFICIENT_SCOPE));
    assert_slice(reply_header_of(at, "WWW-Authenticate"), "Bearer error=\"insufficient_scope\"");
}

static void a_problem_is_answered_also_when_memory_is_out(void **state) {
    struct scene *at = *state;
    while (arena_take(&at->op.arena, 4096) != NULL) {
    }
    reply_problem(&at->op, &at->reply, REASON_OF(LIMIT_MEMORY), S(""), true);
    assert_int_equal(at->reply.status, 503);
    assert_true(slice_starts(at->reply.body, S("{")));
}

static void json_is_never_kept_by_anybody(void **state) {
    struct scene *at = *state;
    struct json *body = json_object(&at->op);
    json_set_str(&at->op, body, "a", "b");
    assert_done(reply_json(&at->op, &at->reply, 201, body));
    assert_int_equal(at->reply.status, 201);
    assert_slice(at->reply.body, "{\"a\":\"b\"}");
    assert_slice(reply_header_of(at, "Cache-Control"), "no-store");
}

static void a_redirect_says_where_to(void **state) {
    struct scene *at = *state;
    reply_redirect(&at->reply, 303, S("/next"));
    assert_int_equal(at->reply.status, 303);
    assert_slice(reply_header_of(at, "Location"), "/next");
    assert_slice(reply_header_of(at, "Cache-Control"), "no-store");
    assert_int_equal(at->reply.body.len, 0);
}

static void a_cookie_is_for_this_host_only_and_out_of_reach_of_scripts(void **state) {
    struct scene *at = *state;
    reply_cookie(&at->op, &at->reply, S(SESSION_COOKIE_NAME), S("v"), "Lax", -1);
    assert_slice(reply_header_of(at, "Set-Cookie"),
                 "__Host-gatehouse=v; Path=/; Secure; HttpOnly; SameSite=Lax");
    at->reply = (struct reply){.status = 0};
    reply_cookie(&at->op, &at->reply, S("__Host-gatehouse-h"), S(""), "None", 0);
    assert_slice(reply_header_of(at, "Set-Cookie"),
                 "__Host-gatehouse-h=; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_problem_says_all_to_callers_of_the_api),
        SCENE_TEST(a_problem_tells_strangers_only_the_fixed_sentence),
        SCENE_TEST(a_problem_fits_its_schema_for_each_reason),
        SCENE_TEST(a_token_that_may_too_little_is_told_so_as_rfc_6750_has_it),
        SCENE_TEST(a_problem_is_answered_also_when_memory_is_out),
        SCENE_TEST(json_is_never_kept_by_anybody),
        SCENE_TEST(a_redirect_says_where_to),
        SCENE_TEST(a_cookie_is_for_this_host_only_and_out_of_reach_of_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
