// SPDX-License-Identifier: GPL-3.0-or-later
// Pages for people: whatever comes from outside is escaped, nothing runs but our own file, and each says enough.
#include "http/asset.h"
#include "http/page.h"
#include "http/callers.h"

static bool has(const struct scene *at, const char *text) {
    return slice_find(at->reply.body, slice_str(text)) != SIZE_MAX;
}

static void text_from_outside_is_escaped(void **state) {
    struct scene *at = *state;
    struct page_out page;
    page_open(&page, &at->op, &at->gate, "Title <&>");
    page_paragraph(&page, S("<script>alert(\"x\")</script>'&"));
    assert_done(page_reply(&page, &at->reply, 200, false));
    assert_false(has(at, "<script>"));
    assert_true(has(at, "&lt;script&gt;alert(&quot;x&quot;)"));
    assert_true(has(at, "<title>Title &lt;&amp;&gt; - Gatehouse</title>"));
}

static void a_page_has_a_language_a_title_and_one_heading(void **state) {
    struct scene *at = *state;
    begin(at, METHOD_GET, "/", NULL);
    assert_int_equal(send(at).status, 200);
    assert_true(slice_starts(at->reply.body, S("<!doctype html>\n<html lang=\"en\">")));
    assert_true(has(at, "<main>"));
    assert_true(has(at, "<h1>Welcome</h1>"));
    assert_true(has(at, "href=\"/assets/gatehouse.css\""));
    assert_slice(reply_header_of(at, "Cache-Control"), "no-store");
}

static void a_page_runs_nothing_but_our_own_file(void **state) {
    struct scene *at = *state;
    struct page_out page;
    page_open(&page, &at->op, &at->gate, "A");
    assert_done(page_reply(&page, &at->reply, 200, false));
    struct slice policy = reply_header_of(at, "Content-Security-Policy");
    assert_true(slice_starts(policy, S("default-src 'none'")));
    assert_true(slice_find(policy, S("form-action 'self'")) != SIZE_MAX);
    assert_true(slice_find(policy, S("frame-ancestors 'none'")) != SIZE_MAX);
    assert_true(slice_find(policy, S("unsafe")) == SIZE_MAX);
}

static void a_form_posts_itself_to_where_it_is_told(void **state) {
    struct scene *at = *state;
    struct post_field fields[] = {{"SAMLRequest", S("a\"b")}, {"RelayState", S("r")}};
    assert_done(page_post(&at->op, &at->gate, &at->reply, S("https://idp.example/sso?a=1&b=2"),
                          fields, 2, "Signing in", "One moment."));
    assert_true(has(at, "action=\"https://idp.example/sso?a=1&amp;b=2\""));
    assert_true(has(at, "name=\"SAMLRequest\" value=\"a&quot;b\""));
    assert_true(has(at, "<script src=\"/assets/post.js\"></script>"));
    assert_true(has(at, "<button type=\"submit\">Continue</button>"));
    assert_true(slice_find(reply_header_of(at, "Content-Security-Policy"), S("form-action")) ==
                SIZE_MAX);
}

// Browsers hold the redirects of a form's POST to form-action: this one may end at the application that a sign-in was for.
static void a_form_to_ourselves_may_end_elsewhere(void **state) {
    struct scene *at = *state;
    struct post_field fields[] = {{"SAMLResponse", S("x")}};
    assert_done(page_post(&at->op, &at->gate, &at->reply, S("/saml/acme-okta/acs"), fields, 1,
                          "Signing in", "One moment."));
    struct slice policy = reply_header_of(at, "Content-Security-Policy");
    assert_true(slice_find(policy, S("form-action")) == SIZE_MAX);
    assert_true(slice_find(policy, S("frame-ancestors 'none'")) != SIZE_MAX);
}

static void a_refusal_is_one_sentence_a_reason_and_a_number(void **state) {
    struct scene *at = *state;
    assert_done(page_problem(&at->op, &at->gate, &at->reply, REASON_OF(CONDITIONS_AUDIENCE),
                             S("trc_1")));
    assert_int_equal(at->reply.status, 403);
    assert_true(has(at, REASON_OF(CONDITIONS_AUDIENCE)->text));
    assert_true(has(at, "<code>conditions.audience</code>"));
    assert_true(has(at, "<code>trc_1</code>"));
    assert_true(has(at, "role=\"alert\""));
    at->reply = (struct reply){.status = 0};
    at->op.id = S("req_7");
    assert_done(page_problem(&at->op, &at->gate, &at->reply, REASON_OF(STORE_UNAVAILABLE), S("")));
    assert_true(has(at, "<code>req_7</code>"));
    assert_slice(reply_header_of(at, "Retry-After"), "2");
}

static void files_of_the_pages_are_in_the_program(void **state) {
    struct scene *at = *state;
    assert_non_null(asset_find(S("gatehouse.css")));
    assert_non_null(asset_find(S("post.js")));
    assert_null(asset_find(S("")));
    assert_null(asset_find(S("../page.c")));
    struct answer answer = done(at, NOBODY, "getAsset", "/assets/gatehouse.css", NULL);
    assert_true(answer.text.len > 100);
    begin(at, METHOD_GET, "/assets/nothing", NULL);
    assert_int_equal(send(at).status, 404);
}

static void the_sign_in_page_keeps_only_a_path_of_this_site(void **state) {
    struct scene *at = *state;
    (void)done(at, NOBODY, "askEmail", "/login?return_to=%2Fhome%3Fa%3D1", NULL);
    assert_true(has(at, "name=\"return_to\" value=\"/home?a=1\""));
    (void)done(at, NOBODY, "askEmail", "/login?return_to=https%3A%2F%2Fevil.example", NULL);
    assert_true(has(at, "name=\"return_to\" value=\"\""));
    (void)done(at, NOBODY, "askEmail", "/login?return_to=%2F%2Fevil.example", NULL);
    assert_true(has(at, "name=\"return_to\" value=\"\""));
}

static void who_is_signed_in_sees_who_they_are_and_why(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = in_browser(at, "acme", "ann@acme.example", "read_only");
    (void)done(at, ann, "home", "/", NULL);
    assert_true(has(at, "ann@acme.example"));
    assert_true(has(at, "Acme (acme)"));
    assert_true(has(at, "Read Only"));
    assert_true(has(at, "given by test"));
    (void)done(at, ann, "askSignOut", "/logout", NULL);
    assert_true(has(at, "You are signed in as ann@acme.example."));
    at->now = NOON + 9 * HOUR_MS;
    (void)done(at, ann, "home", "/", NULL);
    assert_true(has(at, "You are not signed in."));
    assert_true(slice_find(reply_header_of(at, "Set-Cookie"), S("Max-Age=0")) != SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(text_from_outside_is_escaped),
        SCENE_TEST(a_page_has_a_language_a_title_and_one_heading),
        SCENE_TEST(a_page_runs_nothing_but_our_own_file),
        SCENE_TEST(a_form_posts_itself_to_where_it_is_told),
        SCENE_TEST(a_form_to_ourselves_may_end_elsewhere),
        SCENE_TEST(a_refusal_is_one_sentence_a_reason_and_a_number),
        SCENE_TEST(files_of_the_pages_are_in_the_program),
        SCENE_TEST(the_sign_in_page_keeps_only_a_path_of_this_site),
        SCENE_TEST(who_is_signed_in_sees_who_they_are_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
