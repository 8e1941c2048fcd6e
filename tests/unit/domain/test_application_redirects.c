// SPDX-License-Identifier: GPL-3.0-or-later
// Redirect URIs of applications: which may be registered, and which of a request's are those.
#include "applications.h"

static reason register_all(struct house *house, struct texts uris) {
    static unsigned serial;
    struct work work = asked(house, "");
    work.application.name = op_text(&house->fixture->op, "app %u", serial++);
    work.application.redirect_uris = uris;
    return fixture_write(house->fixture, do_create, &work);
}
static reason register_one(struct house *house, struct slice uri) {
    return register_all(house, one_text(&house->fixture->op, uri));
}

static void https_is_taken_anywhere(void **state) {
    static const char *const good[] = {
        "https://portal.example/signed-in",
        "https://portal.example",
        "https://portal.example:8443/a/b?c=d&e=%2F",
        "https://Portal.Example/",
        "https://[2001:db8::1]/cb",
        "https://192.0.2.7/cb",
        "https://portal.example/cb?at=somebody@portal.example", // behind the path, a user is none
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_done(register_one(*state, slice_str(good[i])));
    }
}

static void http_is_taken_on_this_machine_alone(void **state) {
    static const char *const good[] = {"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb",
                                       "http://[::1]/cb", "http://localhost:3000/cb"};
    static const char *const bad[] = {
        "http://portal.example/cb",         "http://localhost.evil.example/cb",
        "http://127.0.0.1.evil.example/cb", "http://192.0.2.7/cb",
        "http://[2001:db8::1]/cb",          "http://0.0.0.0/cb"};
    struct house *house = *state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_done(register_one(house, slice_str(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_reason(register_one(house, slice_str(bad[i])), INVALID_INPUT);
        assert_fault(&house->fixture->op, 0, "/redirect_uris/0", FIELD_VALUE);
    }
}

static void a_scheme_of_its_own_has_a_dot_and_a_slash_behind_it(void **state) {
    static const char *const good[] = {"com.example.app:/signed-in", "com.example.app://signed-in",
                                       "com.example.app-2+x:/cb?a=b"};
    static const char *const bad[] = {
        "app:/cb", // anybody's
        "javascript:alert(1)",
        "javascript:/cb",
        "data:text/html,x",
        "file:///etc/passwd",
        "mailto:joe@portal.example",
        "ftp://portal.example/cb",
        "urn:ietf:wg:oauth:2.0:oob",
        "Com.Example.App:/cb", // schemes in requests come in small letters
        "HTTPS://portal.example/cb",
        ".com.example:/cb",
        "2.example:/cb",
        "com.example.app:cb",
        "com.example.app:",
        "evil.example:443/cb",
        "com.example_app.x:/cb",
        "com.example.app://joe@host/cb",
        "//portal.example/cb",
        "/cb",
        ":/cb",
        "portal.example",
    };
    struct house *house = *state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_done(register_one(house, slice_str(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_reason(register_one(house, slice_str(bad[i])), INVALID_INPUT);
        assert_fault(&house->fixture->op, 0, "/redirect_uris/0", FIELD_VALUE);
    }
}

static void what_else_no_redirect_uri_may_be(void **state) {
    static const char *const wrong[] = {
        "https://portal.example/cb#",
        "https://portal.example/cb#x",
        "com.example.app:/cb#x",
        "https://joe@portal.example/cb",
        "https://joe:x@portal.example/cb",
        "https://@portal.example/cb",
        "https:/portal.example/cb",
        "https:portal.example/cb",
        "https://",
        "https:///cb",
        "https://portal.example:0/cb",
        "https://portal.example:65536/cb",
        "https://portal.example%2eevil.com/cb",
    };
    static const char *const restricted[] = {
        "https://portal.example/a b",  "https://portal.example/a\tb",
        "https://portal.example/a\nb", " https://portal.example/cb",
        "https://portal.example/cb ",  "https://portal.example\\@x/cb",
        "https://portal.example/\"x",  "https://portal.example/<x>",
        "https://portal.example/%",    "https://portal.example/%4",
        "https://portal.example/%zz",  "https://portal.example/\xC3\xA9",
        "https://portal.example/{x}",  "https://portal.example/\x7F",
        "https://portal.example/*|",
    };
    struct house *house = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_reason(register_one(house, slice_str(wrong[i])), INVALID_INPUT);
        assert_fault(&house->fixture->op, 0, "/redirect_uris/0", FIELD_VALUE);
    }
    for (size_t i = 0; i < sizeof restricted / sizeof restricted[0]; i++) {
        assert_reason(register_one(house, slice_str(restricted[i])), RESTRICTED_CHARACTERS);
        assert_fault(&house->fixture->op, 0, "/redirect_uris/0", RESTRICTED_CHARACTERS);
    }
    assert_reason(register_one(house, slice_of("https://portal.example/a\0b", 26)),
                  RESTRICTED_CHARACTERS);
    // What stands behind the end is not looked at.
    assert_reason(register_one(house, slice_sub(S("https://portal.example/%41"), 0, 25)),
                  RESTRICTED_CHARACTERS);
    assert_reason(register_one(house, S("")), INVALID_INPUT);
}

static void one_has_so_many_bytes_and_no_more(void **state) {
    struct house *house = *state;
    char text[APPLICATION_REDIRECT_MAX + 1];
    memset(text, 'a', sizeof text);
    memcpy(text, "https://portal.example/", 23);
    assert_done(register_one(house, slice_of(text, APPLICATION_REDIRECT_MAX)));
    assert_reason(register_one(house, slice_of(text, APPLICATION_REDIRECT_MAX + 1)), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/redirect_uris/0", FIELD_RANGE);
}

static void there_is_one_at_least_and_no_more_than_fit_and_none_twice(void **state) {
    struct house *house = *state;
    struct slice at[APPLICATION_REDIRECTS_MAX + 1];
    for (size_t i = 0; i <= APPLICATION_REDIRECTS_MAX; i++) {
        at[i] = op_text(&house->fixture->op, "https://portal.example/%zu", i);
    }
    assert_reason(register_all(house, (struct texts){at, 0}), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/redirect_uris", FIELD_REQUIRED);
    assert_done(register_all(house, (struct texts){at, APPLICATION_REDIRECTS_MAX}));
    assert_reason(register_all(house, (struct texts){at, APPLICATION_REDIRECTS_MAX + 1}),
                  INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/redirect_uris", FIELD_RANGE);
    at[2] = at[0];
    assert_reason(register_all(house, (struct texts){at, 3}), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/redirect_uris/2", FIELD_VALUE);
}

// ---- what a request may say ----

static bool goes(struct house *house, const char *registered, const char *asked_for) {
    struct application application = {.redirect_uris =
                                          one_text(&house->fixture->op, slice_str(registered))};
    return application_redirects_to(&application, slice_str(asked_for));
}

static void only_the_same_bytes_are_the_same(void **state) {
    static const char *const others[] = {
        "https://portal.example/signed-in/",
        "https://portal.example/signed-i",
        "https://portal.example/signed-in?",
        "https://portal.example/signed-in?x=1",
        "https://portal.example/signed-in#",
        "https://portal.example/signed-in#x",
        "https://portal.example/signed-in/../evil",
        "https://portal.example/signed%2din",
        "https://portal.example/Signed-in",
        "https://Portal.example/signed-in",
        "HTTPS://portal.example/signed-in",
        "https://portal.example:443/signed-in",
        "https://portal.example:8443/signed-in",
        "https://portal.example./signed-in",
        "https://joe@portal.example/signed-in",
        "https://portal.example@evil.example/signed-in",
        "https://portal.example.evil.example/signed-in",
        "https://evil.example/https://portal.example/signed-in",
        "https://portal.example\\@evil.example/signed-in",
        "https:///portal.example/signed-in",
        "https:portal.example/signed-in",
        "//portal.example/signed-in",
        "http://portal.example/signed-in",
        "javascript://portal.example/signed-in",
        " https://portal.example/signed-in",
        "https://portal.example/signed-in ",
        "https://portal.example/signed-in\n",
        "",
    };
    assert_true(goes(*state, CALLBACK, CALLBACK));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (goes(*state, CALLBACK, others[i])) {
            print_error("%s is taken\n", others[i]);
            fail();
        }
    }
    struct application application = {
        .redirect_uris = one_text(&((struct house *)*state)->fixture->op, S(CALLBACK))};
    assert_false(application_redirects_to(&application,
                                          slice_of(CALLBACK "\0", sizeof CALLBACK)));
}

static void any_of_those_registered_will_do(void **state) {
    (void)state;
    struct slice at[] = {S(CALLBACK), S("com.example.app:/cb")};
    const struct application application = {.redirect_uris = {at, 2}};
    assert_true(application_redirects_to(&application, at[0]));
    assert_true(application_redirects_to(&application, at[1]));
    assert_false(
        application_redirects_to(&application, S("com.example.app:/cb2")));
}

static void on_a_loopback_address_the_port_is_free(void **state) {
    static const char *const pairs[][2] = {
        {"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"},
        {"http://127.0.0.1:8000/cb", "http://127.0.0.1:1/cb"},
        {"http://127.0.0.1:8000/cb", "http://127.0.0.1:65535/cb"},
        {"http://127.0.0.1:8000/cb", "http://127.0.0.1/cb"},
        {"http://127.0.0.1:8000/cb?a=b", "http://127.0.0.1:9000/cb?a=b"},
        {"http://127.0.0.1:8000", "http://127.0.0.1:9000"},
        {"http://127.0.0.1?a", "http://127.0.0.1:9000?a"},
        {"http://[::1]/cb", "http://[::1]:51004/cb"},
        {"http://[::1]:8000/cb", "http://[::1]:9000/cb"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(goes(*state, pairs[i][0], pairs[i][1]));
    }
}

static void all_else_on_a_loopback_address_is_not(void **state) {
    static const char *const pairs[][2] = {
        {"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb/"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:51004/CB"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:51004/c%62"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:51004"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:0/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:080/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:+80/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:80:81/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1@evil.example/cb"},
        {"http://127.0.0.1/cb", "http://joe@127.0.0.1:80/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"},
        {"http://127.0.0.1", "http://127.0.0.1.evil.example"},
        {"http://127.0.0.1", "http://127.0.0.1:80.evil.example"},
        {"http://127.0.0.1.evil.example/cb", "http://127.0.0.1:80.evil.example/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.11/cb"},
        {"http://127.0.0.1/cb", "http://127.1:80/cb"},
        {"http://127.0.0.1/cb", "http://2130706433:80/cb"},
        {"http://127.0.0.1/cb", "http://0x7f.0.0.1:80/cb"},
        {"http://127.0.0.1/cb", "http://127.0.0.2:80/cb"},
        {"http://127.0.0.1/cb", "http://[::1]:80/cb"},
        {"http://127.0.0.1/cb", "http://localhost:80/cb"},
        {"http://127.0.0.1/cb", "https://127.0.0.1:80/cb"},
        {"http://127.0.0.1/cb", "HTTP://127.0.0.1:80/cb"},
        {"http://127.0.0.2/cb", "http://127.0.0.2:80/cb"},
        {"http://[::1]/cb", "http://[0:0:0:0:0:0:0:1]:80/cb"},
        {"http://[::1]/cb", "http://[::1]evil.example/cb"},
        {"http://[::1]/cb", "http://127.0.0.1:80/cb"},
        {"http://localhost/cb", "http://localhost:80/cb"},
        {"http://localhost:8000/cb", "http://localhost:9000/cb"},
        {"https://127.0.0.1/cb", "https://127.0.0.1:80/cb"},
        {"https://[::1]:8000/cb", "https://[::1]:9000/cb"},
        {"com.example.app://127.0.0.1/cb", "com.example.app://127.0.0.1:80/cb"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (goes(*state, pairs[i][0], pairs[i][1])) {
            print_error("%s is taken for %s\n", pairs[i][1], pairs[i][0]);
            fail();
        }
    }
}

int main(void) {
#define IN_HOUSE(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
    const struct CMUnitTest tests[] = {
        IN_HOUSE(https_is_taken_anywhere),
        IN_HOUSE(http_is_taken_on_this_machine_alone),
        IN_HOUSE(a_scheme_of_its_own_has_a_dot_and_a_slash_behind_it),
        IN_HOUSE(what_else_no_redirect_uri_may_be),
        IN_HOUSE(one_has_so_many_bytes_and_no_more),
        IN_HOUSE(there_is_one_at_least_and_no_more_than_fit_and_none_twice),
        IN_HOUSE(only_the_same_bytes_are_the_same),
        IN_HOUSE(any_of_those_registered_will_do),
        IN_HOUSE(on_a_loopback_address_the_port_is_free),
        IN_HOUSE(all_else_on_a_loopback_address_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
