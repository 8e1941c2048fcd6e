// SPDX-License-Identifier: GPL-3.0-or-later
// URLs, which of them are this machine, and which paths lead nowhere else.
#include "unit.h"

#include "base/uri.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_url_is_taken_apart(void **state) {
    struct uri uri;
    assert_done(uri_parse(*state, S("HTTPS://IdP.Example.COM:8443/Sso/x?a=B&c=%20#frag"), &uri));
    assert_text(uri.scheme, "https");
    assert_text(uri.host, "idp.example.com");
    assert_int_equal(uri.port, 8443);
    assert_text(uri.path, "/Sso/x");
    assert_text(uri.query, "a=B&c=%20");
    assert_true(uri.has_fragment);
    assert_false(uri.has_user);
}

static void what_is_left_out_has_its_default(void **state) {
    struct uri uri;
    assert_done(uri_parse(*state, S("https://example.com"), &uri));
    assert_int_equal(uri.port, 443);
    assert_text(uri.path, "/");
    assert_text(uri.query, "");
    assert_false(uri.has_fragment);
    assert_done(uri_parse(*state, S("http://example.com?x"), &uri));
    assert_int_equal(uri.port, 80);
    assert_text(uri.path, "/");
    assert_text(uri.query, "x");
    assert_done(uri_parse(*state, S("https://example.com/a#"), &uri));
    assert_true(uri.has_fragment);
}

static void a_user_is_told_and_is_no_part_of_the_host(void **state) {
    struct uri uri;
    assert_done(uri_parse(*state, S("https://good.example:x@evil.example/"), &uri));
    assert_true(uri.has_user);
    assert_text(uri.host, "evil.example");
    assert_done(uri_parse(*state, S("https://good.example@evil.example/"), &uri));
    assert_true(uri.has_user);
    assert_text(uri.host, "evil.example");
    assert_done(uri_parse(*state, S("https://@evil.example/"), &uri));
    assert_true(uri.has_user);
    assert_done(uri_parse(*state, S("https://good.example/a@b"), &uri));
    assert_false(uri.has_user);
    assert_text(uri.host, "good.example");
}

static void addresses_come_in_one_spelling(void **state) {
    static const char *const samples[][2] = {
        {"http://127.0.0.1/", "127.0.0.1"},        {"http://0x7f.1/", "127.0.0.1"},
        {"http://2130706433/", "127.0.0.1"},       {"http://[::1]/", "::1"},
        {"http://[0:0:0:0:0:0:0:1]:8080/", "::1"}, {"http://[2001:DB8::A]/", "2001:db8::a"},
    };
    for (size_t i = 0; i < COUNT(samples); i++) {
        struct uri uri;
        assert_done(uri_parse(*state, slice_str(samples[i][0]), &uri));
        assert_text(uri.host, samples[i][1]);
    }
}

static const char *const not_urls[] = {
    "",
    "/",
    "/path",
    "//host/path",
    "host",
    "host/path",
    "host:80",
    "https:",
    "https:/",
    "https://",
    "https:///path",
    "https:/host/",
    "https:host",
    "https:////host/",
    "ftp://host/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:text/html,x",
    "ldap://host/",
    "gopher://host/",
    "httpsx://host/",
    "https://:443/",
    "https://?x",
    "https://#x",
    "https://host:0/",
    "https://host:65536/",
    "https://host:-1/",
    "https://host:x/",
    "https://ho st/",
    "https://host/a b",
    "https://host/\n",
    "https://host/\x7F",
    "\thttps://host/",
    " https://host/",
    "https://host/ ",
    "https://host\\@evil/",
    "https:\\\\host\\",
    "https://host/\\x",
    "https://m\xC3\xBCnchen.example/",
    "https://host/\xC3\xBC",
    "https://%6cocalhost/",
    "https://host%2eexample/",
    "https://[::1%25eth0]/",
    "https://[::1/",
    "https://::1/",
    "https://[zz]/",
    "https://a@b@c%40d/",
    "view-source:https://host/",
    "https://[]/",
    "https://host:80:80/",
    "https://ho<st/",
    "https://a,b/",
    "https://a;b/",
};

static void what_is_no_absolute_http_url_is_refused(void **state) {
    for (size_t i = 0; i < COUNT(not_urls); i++) {
        struct uri uri;
        reason why = uri_parse(*state, slice_str(not_urls[i]), &uri);
        if (why != REASON_OF(INVALID_INPUT)) {
            print_error("%s\n", not_urls[i]);
        }
        assert_refused(why, INVALID_INPUT);
        assert_true(((struct op *)*state)->detail.len > 0);
    }
    struct uri uri;
    assert_refused(uri_parse(*state, S("https://host/\0"), &uri), INVALID_INPUT);
    assert_refused(uri_parse(*state, SLICE_NONE, &uri), INVALID_INPUT);
}

static void the_longest_url_is_taken_and_a_longer_one_is_not(void **state) {
    char text[URI_MAX + 1];
    memset(text, 'a', sizeof text);
    memcpy(text, "https://host/", 13);
    struct uri uri;
    assert_done(uri_parse(*state, slice_of(text, URI_MAX), &uri));
    assert_int_equal(uri.path.len, URI_MAX - 12);
    assert_refused(uri_parse(*state, slice_of(text, URI_MAX + 1), &uri), INVALID_INPUT);
}

static bool local(struct op *op, const char *text) {
    struct uri uri;
    return uri_parse(op, slice_str(text), &uri) == NULL && uri_is_local(&uri);
}

static void this_machine_is_known_by_name_and_address(void **state) {
    assert_true(local(*state, "http://localhost"));
    assert_true(local(*state, "http://LOCALHOST:8080/x"));
    assert_true(local(*state, "http://127.0.0.1/"));
    assert_true(local(*state, "http://127.255.255.254:9/"));
    assert_true(local(*state, "http://[::1]:80/"));
}

static void other_machines_are_not_this_one(void **state) {
    static const char *const others[] = {
        "https://localhost/",
        "http://localhost.example/",
        "http://localhost.evil/",
        "http://xlocalhost/",
        "http://127.0.0.1.evil.example/",
        "http://128.0.0.1/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://[::2]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://127.example/",
        "http://localhost@evil/",
        "http://evil/localhost",
    };
    for (size_t i = 0; i < COUNT(others); i++) {
        if (local(*state, others[i])) {
            fail_msg("%s is no local address", others[i]);
        }
    }
}

static void a_path_of_the_same_origin_is_one(void **state) {
    (void)state;
    static const char *const good[] = {
        "/",
        "/a",
        "/a/b?c=d#e",
        "/?next=https://other.example/",
        "/a//b",
        "/.well-known/x",
        "/%41",
        "/caf\xC3\xA9",
        "/a:b",
        "/@evil.example",
        "/a?x=%2F%2Fy",
        "/%20",
        "/%2",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!uri_is_local_path(slice_str(good[i]))) {
            fail_msg("%s was refused", good[i]);
        }
    }
}

static const char *const not_local_paths[] = {
    "",
    "a",
    "a/b",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/a\\b",
    "/a/\\evil",
    "https://evil.example/",
    "HTTPS://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "JaVaScript:alert(1)",
    "data:text/html,x",
    "mailto:x@y",
    " /a",
    "\t/a",
    "\n/a",
    "/\t/evil.example",
    "/\n/evil.example",
    "/a\r\nSet-Cookie: x=y",
    "/a\nb",
    "/a\x7F",
    "/a\x01",
    "/\x1B[31m",
    "/%2f/evil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/a\xC2\x85z",
    "/\xFF",
    "/\xC0\xAF",
    "?x",
    "#x",
    "*",
    "%2F",
    ".",
    "..",
    "./a",
    "../a",
    "\xEF\xBC\x8F/evil",
};

static void what_leads_elsewhere_is_no_local_path(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(not_local_paths); i++) {
        if (uri_is_local_path(slice_str(not_local_paths[i]))) {
            fail_msg("sample %zu (%s) was taken", i, not_local_paths[i]);
        }
    }
    assert_false(uri_is_local_path(S("/a\0b")));
    assert_false(uri_is_local_path(SLICE_NONE));
}

static void the_longest_local_path_is_taken_and_a_longer_one_is_not(void **state) {
    (void)state;
    char text[URI_MAX + 1];
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_true(uri_is_local_path(slice_of(text, URI_MAX)));
    assert_false(uri_is_local_path(slice_of(text, URI_MAX + 1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_url_is_taken_apart),
        TEST(what_is_left_out_has_its_default),
        TEST(a_user_is_told_and_is_no_part_of_the_host),
        TEST(addresses_come_in_one_spelling),
        TEST(what_is_no_absolute_http_url_is_refused),
        TEST(the_longest_url_is_taken_and_a_longer_one_is_not),
        TEST(this_machine_is_known_by_name_and_address),
        TEST(other_machines_are_not_this_one),
        cmocka_unit_test(a_path_of_the_same_origin_is_one),
        cmocka_unit_test(what_leads_elsewhere_is_no_local_path),
        cmocka_unit_test(the_longest_local_path_is_taken_and_a_longer_one_is_not),
    };
    RUN(tests);
}
