// SPDX-License-Identifier: GPL-3.0-or-later
// What is read from a request: headers, cookies, query and form fields, JSON, and what the caller wants back.
#include "http/scene.h"

static int open_request(void **state) {
    int code = scene_open(state);
    begin(*state, METHOD_GET, "/", NULL);
    return code;
}
#define REQUEST_TEST(name) cmocka_unit_test_setup_teardown(name, open_request, scene_close)

static void a_header_is_found_whatever_its_case(void **state) {
    struct scene *at = *state;
    set_header(at, "aCCept", S("text/html"));
    assert_slice(request_header(&at->request, "Accept"), "text/html");
    assert_slice(request_header(&at->request, "Origin"), "");
}

static void a_cookie_is_found_among_others(void **state) {
    struct scene *at = *state;
    set_header(at, "Cookie", S("a=1; __Host-gatehouse=secret ;b=2"));
    set_header(at, "Cookie", S("c=x=y; d="));
    assert_slice(request_cookie(&at->request, S("__Host-gatehouse")), "secret");
    assert_slice(request_cookie(&at->request, S("c")), "x=y");
    assert_slice(request_cookie(&at->request, S("d")), "");
    assert_slice(request_cookie(&at->request, S("gatehouse")), "");
    assert_slice(request_cookie(&at->request, S("A")), "");
}

static void two_cookies_of_one_name_are_none_unless_they_agree(void **state) {
    struct scene *at = *state;
    set_header(at, "Cookie", S("a=1; a=2; b=3; b=3"));
    assert_slice(request_cookie(&at->request, S("a")), "");
    assert_slice(request_cookie(&at->request, S("b")), "3");
}

static void a_query_field_is_decoded_once(void **state) {
    struct scene *at = *state;
    struct slice value;
    at->request.query = S("q=a+b%2526&empty=&flag&x%79=z&%C3%A4=%C3%B6");
    assert_done(request_query(&at->op, &at->request, "q", &value));
    assert_slice(value, "a b%26");
    assert_done(request_query(&at->op, &at->request, "empty", &value));
    assert_non_null(value.at);
    assert_int_equal(value.len, 0);
    assert_done(request_query(&at->op, &at->request, "flag", &value));
    assert_non_null(value.at);
    assert_done(request_query(&at->op, &at->request, "xy", &value));
    assert_slice(value, "z");
    assert_done(request_query(&at->op, &at->request, "\xC3\xA4", &value));
    assert_slice(value, "\xC3\xB6");
    assert_done(request_query(&at->op, &at->request, "absent", &value));
    assert_null(value.at);
}

static void a_query_field_that_is_none_is_refused(void **state) {
    struct scene *at = *state;
    static const char *const bad[] = {"q=1&q=2", "q=%zz", "q=%4", "q=%FF", "q=a%00b", "%q=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct slice value;
        at->request.query = slice_str(bad[i]);
        assert_slug(request_query(&at->op, &at->request, "q", &value), "invalid_input");
    }
}

static void a_form_needs_its_type(void **state) {
    struct scene *at = *state;
    struct slice value;
    at->request.body = S("email=ann%40acme.example&email2=x");
    assert_slug(request_form(&at->op, &at->request, "email", &value), "unsupported_media_type");
    set_header(at, "Content-Type", S("application/x-www-form-urlencoded; charset=UTF-8"));
    assert_done(request_form(&at->op, &at->request, "email", &value));
    assert_slice(value, "ann@acme.example");
    at->request.body = S("email=a&email=b");
    assert_slug(request_form(&at->op, &at->request, "email", &value), "invalid_input");
}

static void json_needs_its_type_and_is_an_object(void **state) {
    struct scene *at = *state;
    const struct json *object = NULL;
    at->request.body = S("{\"a\":1}");
    assert_done(request_json(&at->op, &at->request, &object));
    expect_number(object, "a", 1);
    set_header(at, "Content-Type", S("Application/JSON;charset=utf-8"));
    assert_done(request_json(&at->op, &at->request, &object));
    at->request.body = S("[1]");
    assert_slug(request_json(&at->op, &at->request, &object), "malformed_json");
    at->request.body = S("{\"a\":1} x");
    assert_slug(request_json(&at->op, &at->request, &object), "malformed_json");
    begin(at, METHOD_POST, "/", NULL);
    at->request.body = S("{}");
    set_header(at, "Content-Type", S("application/x-www-form-urlencoded"));
    assert_slug(request_json(&at->op, &at->request, &object), "unsupported_media_type");
}

static void a_page_has_a_size_and_a_cursor(void **state) {
    struct scene *at = *state;
    struct page page;
    assert_done(request_page(&at->op, &at->request, &page));
    assert_int_equal(page.limit, PAGE_LIMIT_DEFAULT);
    assert_int_equal(page.cursor.len, 0);
    at->request.query = S("limit=200&cursor=abc");
    assert_done(request_page(&at->op, &at->request, &page));
    assert_int_equal(page.limit, 200);
    assert_slice(page.cursor, "abc");
    static const char *const bad[] = {"limit=0", "limit=201", "limit=", "limit=-1", "limit=1e2",
                                      "limit=99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        at->request.query = slice_str(bad[i]);
        assert_slug(request_page(&at->op, &at->request, &page), "invalid_input");
    }
}

static void who_accepts_json_before_html_wants_json(void **state) {
    static const struct {
        const char *accept;
        bool json;
    } cases[] = {{"application/json", true},
                 {"application/problem+json", true},
                 {"Application/Json; q=0.9", true},
                 {"*/*", false},
                 {"", false},
                 {"text/html,application/xhtml+xml,application/json;q=0.9", false},
                 {"application/json, text/html", true},
                 {"image/png, application/json", true},
                 {"application/jsonish", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *at = *state;
        begin(at, METHOD_GET, "/", NULL);
        set_header(at, "Accept", slice_str(cases[i].accept));
        assert_int_equal(request_wants_json(&at->request), cases[i].json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(a_header_is_found_whatever_its_case),
        REQUEST_TEST(a_cookie_is_found_among_others),
        REQUEST_TEST(two_cookies_of_one_name_are_none_unless_they_agree),
        REQUEST_TEST(a_query_field_is_decoded_once),
        REQUEST_TEST(a_query_field_that_is_none_is_refused),
        REQUEST_TEST(a_form_needs_its_type),
        REQUEST_TEST(json_needs_its_type_and_is_an_object),
        REQUEST_TEST(a_page_has_a_size_and_a_cursor),
        REQUEST_TEST(who_accepts_json_before_html_wants_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
