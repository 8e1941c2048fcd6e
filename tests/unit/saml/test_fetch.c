// SPDX-License-Identifier: GPL-3.0-or-later
// Against a small server in a thread of this program, on 127.0.0.1 and a free port.
#include "base/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "saml/fetch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// ---- the server -------------------------------------------------------------------------------

static int listener = -1;
static unsigned port;
static pthread_t server;

static void say(int fd, const char *text) {
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void drip(int fd) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 100 && send(fd, "x", 1, MSG_NOSIGNAL) == 1; i++) {
        (void)usleep(20000);
    }
}

static void flood(int fd, const char *head) {
    static const char chunk[65536] = {'x'};
    say(fd, head);
    for (size_t sent = 0; sent < 2 * METADATA_XML_MAX; sent += sizeof chunk) {
        if (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) < 0) {
            return;
        }
    }
}

static void redirect(int fd, const char *location) {
    char text[500];
    (void)snprintf(text, sizeof text,
                   "HTTP/1.1 302 Found\r\nSet-Cookie: a=b; Path=/\r\nLocation: %s\r\n"
                   "Content-Length: 4\r\n\r\nbody",
                   location);
    say(fd, text);
}

#define OK(more, body) "HTTP/1.1 200 OK\r\nContent-Length: " more "\r\n\r\n" body

static void answer_special(int fd, const char *path, const char *request) {
    char url[200];
    if (strcmp(path, "/private") == 0) {
        (void)snprintf(url, sizeof url, "http://127.0.0.2:%u/ok", port);
        redirect(fd, url);
    } else if (strcmp(path, "/user") == 0) {
        (void)snprintf(url, sizeof url, "http://anna:secret@127.0.0.1:%u/ok", port);
        redirect(fd, url);
    } else if (strcmp(path, "/slow") == 0) {
        drip(fd);
    } else if (strcmp(path, "/flood") == 0) {
        flood(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    } else if (strcmp(path, "/flood-told") == 0) {
        flood(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n");
    } else if (strcmp(path, "/mirror") == 0) {
        bool plain = strstr(request, "Cookie:") == NULL &&
                     strstr(request, "Authorization:") == NULL &&
                     strstr(request, "Accept-Encoding:") == NULL;
        say(fd, plain ? OK("5", "plain") : OK("3", "odd"));
    } else {
        say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
}

static void answer(int fd, const char *path, const char *request) {
    static const struct {
        const char *path, *location, *text;
    } pages[] = {
        {"/ok", NULL, OK("5", "<xml>")},
        {"/one", "/ok", NULL},
        {"/1", "/2", NULL},
        {"/2", "/3", NULL},
        {"/3", "/4", NULL},
        {"/4", "/5", NULL},
        {"/5", "/ok", NULL},
        {"/0", "/1", NULL},
        {"/loop", "/loop", NULL},
        {"/file", "file:///etc/passwd", NULL},
        {"/gopher", "gopher://127.0.0.1/", NULL},
        {"/cookie", "/mirror", NULL},
        {"/nowhere", NULL, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"},
        {"/forbidden", NULL, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"},
        {"/created", NULL, "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nno"},
        {"/gzip", NULL, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno"},
        {"/cut", NULL, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nno"},
        {"/garbage", NULL, "hello\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT(pages); i++) {
        if (strcmp(path, pages[i].path) == 0) {
            if (pages[i].location != NULL) {
                redirect(fd, pages[i].location);
            } else {
                say(fd, pages[i].text);
            }
            return;
        }
    }
    answer_special(fd, path, request);
}

static void *serve(void *unused) {
    (void)unused;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return NULL;
        }
        char request[4096];
        char path[200] = "";
        ssize_t len =
            recv(fd, request, sizeof request - 1, 0); // a GET of libcurl comes in one piece
        if (len > 0) {
            request[len] = 0;
            if (sscanf(request, "GET %199s", path) == 1) {
                answer(fd, path, request);
            }
        }
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
    }
}

static int start_server(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 8) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        return -1;
    }
    port = ntohs(address.sin_port);
    // What must not count. Nothing listens there.
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("all_proxy", "http://127.0.0.1:1", 1);
    return pthread_create(&server, NULL, serve, NULL);
}

static int stop_server(void **state) {
    (void)state;
    (void)shutdown(listener, SHUT_RDWR);
    int error = pthread_join(server, NULL);
    (void)close(listener);
    return error;
}

static struct slice at(struct op *op, const char *path) {
    return op_text(op, "http://127.0.0.1:%u%s", port, path);
}

// ---- fetching ---------------------------------------------------------------------------------

static const struct fetch_options open_options = {.allow_private = true};
static const struct fetch_options closed_options = {.allow_private = false};

static void assert_said(struct op *op, const char *part) {
    if (slice_find(op->detail, slice_str(part)) == SIZE_MAX) {
        fail_msg("\"%s\" is not in: %.*s", part, SLICE(op->detail));
    }
}

static void check_refused(struct op *op, const char *path, const char *said) {
    struct slice xml;
    assert_refused(idp_fetch(op, &open_options, at(op, path), &xml), METADATA_LOCATION);
    assert_said(op, said);
}

static void a_document_comes(void **state) {
    struct slice xml;
    assert_done(idp_fetch(*state, &open_options, at(*state, "/ok"), &xml));
    assert_text(xml, "<xml>");
    struct slice padded = op_text(*state, "  %.*s\n", SLICE(at(*state, "/ok")));
    assert_done(idp_fetch(*state, &open_options, padded, &xml));
}

static void five_redirects_are_followed_and_six_are_not(void **state) {
    struct slice xml;
    assert_done(idp_fetch(*state, &open_options, at(*state, "/one"), &xml));
    assert_done(idp_fetch(*state, &open_options, at(*state, "/1"), &xml));
    assert_text(xml, "<xml>");
    check_refused(*state, "/0", "redirects more than 5 times");
    check_refused(*state, "/loop", "redirects more than 5 times");
    check_refused(*state, "/nowhere", "no address to go on to");
}

static void http_is_refused_unless_allowed(void **state) {
    struct slice xml;
    assert_refused(idp_fetch(*state, &closed_options, at(*state, "/ok"), &xml), METADATA_LOCATION);
    assert_said(*state, "only https");
}

static void a_private_address_is_refused_before_it_is_asked(void **state) {
    static const char *const hosts[] = {"127.0.0.1",       "localhost", "0x7f.1",
                                        "2130706433",      "[::1]",     "[::ffff:127.0.0.1]",
                                        "169.254.169.254", "10.0.0.1"};
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct slice url = op_text(*state, "https://%s:%u/ok", hosts[i], port);
        struct slice xml;
        assert_refused(idp_fetch(*state, &closed_options, url, &xml), METADATA_LOCATION);
        assert_said(*state, "no public address");
    }
}

static bool first_loopback_only(const struct sockaddr *address) {
    struct sockaddr_in four;
    memcpy(&four, address, sizeof four);
    return four.sin_family == AF_INET && ntohl(four.sin_addr.s_addr) == INADDR_LOOPBACK;
}

static void each_redirect_is_checked_anew(void **state) {
    const struct fetch_rules rules = {true, first_loopback_only, FETCH_TOTAL_MS};
    struct slice xml;
    assert_done(fetch_by_rules(*state, &rules, at(*state, "/one"), &xml));
    assert_refused(fetch_by_rules(*state, &rules, at(*state, "/private"), &xml), METADATA_LOCATION);
    assert_said(*state, "127.0.0.2, which is no public address");
    check_refused(*state, "/file", "file:///etc/passwd");
    check_refused(*state, "/gopher", "gopher://");
    check_refused(*state, "/user", "user name or password");
}

static void odd_urls_are_refused(void **state) {
    static const char *const urls[] = {"",
                                       "idp.example/metadata",
                                       "file:///etc/passwd",
                                       "ftp://127.0.0.1/x",
                                       "javascript:alert(1)",
                                       "https://",
                                       "https://a b/",
                                       "https://u:p@127.0.0.1/",
                                       "https://127.0.0.1\\@evil.example/"};
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct slice xml;
        assert_refused(idp_fetch(*state, &open_options, slice_str(urls[i]), &xml),
                       METADATA_LOCATION);
    }
}

static void only_200_is_an_answer(void **state) {
    check_refused(*state, "/missing", "status 404");
    check_refused(*state, "/forbidden", "status 403");
    check_refused(*state, "/created", "status 206");
    check_refused(*state, "/gzip", "compressed");
    check_refused(*state, "/cut", "/cut:");
    check_refused(*state, "/garbage", "/garbage:");
}

static void a_document_that_is_too_large_is_cut_off(void **state) {
    check_refused(*state, "/flood", "more than 1048576 bytes");
    check_refused(*state, "/flood-told", "more than 1048576 bytes");
}

static void a_slow_server_is_given_up(void **state) {
    const struct fetch_rules rules = {true, first_loopback_only, 300};
    struct slice xml;
    int64_t start = clock_steady();
    assert_refused(fetch_by_rules(*state, &rules, at(*state, "/slow"), &xml), METADATA_LOCATION);
    assert_said(*state, "no whole answer");
    assert_true(clock_steady() - start < 1500);
}

static void nobody_there_is_said(void **state) {
    struct slice xml;
    assert_refused(idp_fetch(*state, &open_options, S("http://127.0.0.1:1/x"), &xml),
                   METADATA_LOCATION);
    assert_said(*state, "127.0.0.1");
    assert_refused(idp_fetch(*state, &open_options, S("http://no-such-host.invalid/x"), &xml),
                   METADATA_LOCATION);
    assert_said(*state, "no-such-host.invalid");
}

static void no_cookie_and_no_password_travel(void **state) {
    struct slice xml;
    assert_done(idp_fetch(*state, &open_options, at(*state, "/cookie"), &xml));
    assert_text(xml, "plain");
}

// ---- addresses --------------------------------------------------------------------------------

static bool is_public(const char *text) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        return address_is_public((const struct sockaddr *)&four);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return address_is_public((const struct sockaddr *)&six);
}

static const char *const public_ones[] = {
    "1.1.1.1",           "9.255.255.255",    "11.0.0.0",      "100.63.255.255",  "100.128.0.0",
    "126.255.255.255",   "128.0.0.0",        "168.63.129.15", "168.63.129.17",   "169.253.255.255",
    "169.255.0.0",       "172.15.255.255",   "172.32.0.0",    "192.0.1.0",       "192.0.3.0",
    "192.88.98.255",     "192.167.255.255",  "192.169.0.0",   "198.17.255.255",  "198.20.0.0",
    "198.51.99.255",     "198.51.101.0",     "203.0.112.255", "203.0.114.0",     "223.255.255.255",
    "2606:4700::1111",   "2001:200::1",      "2a00:1450::1",  "2001:db7:ffff::", "2001:db9::",
    "2002:0101:0101::1", "64:ff9b::1.1.1.1", "3ffd::1",       "3fff:1000::1"};

static void public_addresses_are_asked(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(public_ones); i++) {
        if (!is_public(public_ones[i])) {
            fail_msg("%s is refused", public_ones[i]);
        }
    }
}

static const char *const other_ones[] = {"0.0.0.0",
                                         "0.1.2.3",
                                         "10.0.0.0",
                                         "10.255.255.255",
                                         "100.64.0.0",
                                         "100.100.100.200",
                                         "100.127.255.255",
                                         "127.0.0.1",
                                         "127.255.255.255",
                                         "168.63.129.16",
                                         "169.254.0.0",
                                         "169.254.169.254",
                                         "169.254.255.255",
                                         "172.16.0.0",
                                         "172.31.255.255",
                                         "192.0.0.0",
                                         "192.0.0.192",
                                         "192.0.2.1",
                                         "192.88.99.1",
                                         "192.168.0.0",
                                         "192.168.255.255",
                                         "198.18.0.0",
                                         "198.19.255.255",
                                         "198.51.100.7",
                                         "203.0.113.7",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:1.1.1.1",
                                         "::1.1.1.1",
                                         "::127.0.0.1",
                                         "fe80::1",
                                         "febf::1",
                                         "fec0::1",
                                         "fc00::1",
                                         "fdff::1",
                                         "fd00:ec2::254",
                                         "ff02::1",
                                         "ff0e::1",
                                         "2001::1",
                                         "2001:2::1",
                                         "2001:10::1",
                                         "2001:1ff::1",
                                         "2001:db8::1",
                                         "2001:db8:ffff::1",
                                         "2002:7f00:1::",
                                         "2002:a00:1::1",
                                         "2002:c0a8:101::",
                                         "2002:a9fe:a9fe::",
                                         "64:ff9b::127.0.0.1",
                                         "64:ff9b::169.254.169.254",
                                         "64:ff9b::10.0.0.1",
                                         "64:ff9b:1::1.1.1.1",
                                         "64:ff9b::1:0:0",
                                         "100::1",
                                         "3ffe::1",
                                         "3fff::1",
                                         "3fff:fff::1",
                                         "4000::1",
                                         "5f00::1"};

static void all_others_are_not(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(other_ones); i++) {
        if (is_public(other_ones[i])) {
            fail_msg("%s is taken", other_ones[i]);
        }
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_false(address_is_public(&other));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_document_comes),
        TEST(five_redirects_are_followed_and_six_are_not),
        TEST(http_is_refused_unless_allowed),
        TEST(a_private_address_is_refused_before_it_is_asked),
        TEST(each_redirect_is_checked_anew),
        TEST(odd_urls_are_refused),
        TEST(only_200_is_an_answer),
        TEST(a_document_that_is_too_large_is_cut_off),
        TEST(a_slow_server_is_given_up),
        TEST(nobody_there_is_said),
        TEST(no_cookie_and_no_password_travel),
        TEST(public_addresses_are_asked),
        TEST(all_others_are_not),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
