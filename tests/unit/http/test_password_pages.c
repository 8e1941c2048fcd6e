// SPDX-License-Identifier: GPL-3.0-or-later
// Signing in with a password by page: forms of other sites, and steps that came too late.
#include "http/passwords.h"

#include "domain/sign_in.h"

static struct answer post(struct scene *at, const char *path, struct slice body, struct slice cookie,
                          bool same_site) {
    begin(at, METHOD_POST, path, NULL);
    at->request.body = body;
    set_header(at, "Content-Type", S("application/x-www-form-urlencoded"));
    set_header(at, "Sec-Fetch-Site", same_site ? S("same-origin") : S("cross-site"));
    if (cookie.len > 0) {
        set_header(at, "Cookie", op_text(&at->op, SIGN_IN_COOKIE_NAME "=%.*s", SLICE(cookie)));
    }
    return send(at);
}

static void a_form_of_another_site_signs_nobody_in(void **state) {
    struct scene *at = *state;
    (void)with_password(at, "ann@acme.example");
    struct slice body = S("email=ann%40acme.example&password=correct+horse+battery");
    assert_int_equal(post(at, "/password", body, S(""), false).status, 403);
    struct answer answer = post(at, "/password", body, S(""), true);
    assert_int_equal(answer.status, 303);
    assert_slice(reply_header_of(at, "Location"), "/");
    assert_true(slice_starts(reply_header_of(at, "Set-Cookie"), S(SESSION_COOKIE_NAME "=")));
}

static void a_sign_in_that_is_not_there_begins_again(void **state) {
    struct scene *at = *state;
    static const char *const paths[] = {"/second-factor", "/password/tenant", "/password/change",
                                        "/second-factor/setup"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(post(at, paths[i], S("code=123456&do=begin"), S("nonsense"), true).status, 303);
        assert_slice(reply_header_of(at, "Location"), "/password");
    }
    // The API has none, so this is how a step that came too late is told there.
    reason why = REASON_OF(SIGN_IN_AGAIN);
    assert_int_equal(why->http, 401);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PASSWORD_TEST(a_form_of_another_site_signs_nobody_in),
        PASSWORD_TEST(a_sign_in_that_is_not_there_begins_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
