// SPDX-License-Identifier: GPL-3.0-or-later
// Whose request it is: which proxies are believed, what is read of what they say, and what is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/metric.h"
#include "base/text.h"
#include "http/proxies.h"
#include "http/request.h"

#define LINES_MAX 3
#define BELIEVED "10.0.0.0/8, 192.0.2.1, fd00::/8, 2001:db8:ffff::1"
#define PEER "192.0.2.1" // who connects in most rows

static struct op op;

static int open_op(void **state) {
    (void)state;
    op_open(&op, 0);
    return 0;
}
static int close_op(void **state) {
    (void)state;
    op_close(&op);
    return 0;
}

static struct sockaddr_storage socket_of(const char *text) {
    struct sockaddr_storage room = {0};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(4711)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(4711)};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        memcpy(&room, &four, sizeof four);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        memcpy(&room, &six, sizeof six);
    }
    return room;
}

static struct proxies *list_of(const char *list, const char *header) {
    struct proxies *proxies = NULL;
    if (proxies_open(&op, slice_str(list), slice_str(header), &proxies) != NULL) {
        fail_msg("%.*s", SLICE(op.detail));
    }
    return proxies;
}

static struct slice client_by(const struct proxies *proxies, const char *peer,
                              const struct request *request) {
    struct sockaddr_storage room = socket_of(peer);
    return proxies_client(&op, proxies, (struct sockaddr *)&room, request);
}

static void assert_client(struct slice got, const char *expected, const char *about) {
    if (!slice_equal(got, slice_str(expected))) {
        fail_msg("%s: the client is \"%.*s\", expected is \"%s\"", about, SLICE(got), expected);
    }
}

// One line of the header from PEER.
struct row {
    const char *line, *client;
};

static void check_rows(const char *header, const struct row *rows, size_t count) {
    struct proxies *proxies = list_of(BELIEVED, header);
    for (size_t i = 0; i < count; i++) {
        struct request request = {.header_count = 1};
        request.headers[0] = (struct header){slice_str(header), slice_str(rows[i].line)};
        assert_client(client_by(proxies, PEER, &request), rows[i].client, rows[i].line);
    }
    proxies_close(proxies);
}
#define CHECK_ROWS(header, rows) check_rows(header, rows, sizeof(rows) / sizeof(rows)[0])

// ---- who is believed ----

static void without_a_list_no_header_is_read(void **state) {
    (void)state;
    assert_null(list_of("", "X-Forwarded-For"));
    struct request request = {.header_count = 1};
    request.headers[0] = (struct header){S("X-Forwarded-For"), S("198.51.100.7")};
    assert_client(client_by(NULL, PEER, &request), PEER, "IPv4");
    assert_client(client_by(NULL, "2001:DB8:0::7", &request), "2001:db8::7", "IPv6");
}

static void the_header_of_a_stranger_is_not_read(void **state) {
    (void)state;
    struct proxies *proxies = list_of(BELIEVED, "X-Forwarded-For");
    struct request request = {.header_count = 1};
    request.headers[0] = (struct header){S("X-Forwarded-For"), S("198.51.100.7")};
    static const struct row peers[] = {
        {"192.0.2.2", "192.0.2.2"},       {"11.0.0.1", "11.0.0.1"},
        {"9.255.255.255", "9.255.255.255"}, {"fe00::1", "fe00::1"},
        {"2001:db8:ffff::2", "2001:db8:ffff::2"}, {"::10.0.0.1", "::10.0.0.1"},
        {"::ffff:192.0.2.2", "192.0.2.2"},
    };
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        assert_client(client_by(proxies, peers[i].line, &request), peers[i].client, peers[i].line);
    }
    proxies_close(proxies);
}

static void addresses_and_networks_of_both_families_are_believed(void **state) {
    (void)state;
    struct proxies *proxies = list_of(BELIEVED, "X-Forwarded-For");
    struct request request = {.header_count = 1};
    request.headers[0] = (struct header){S("x-forwarded-for"), S("198.51.100.7")};
    static const char *const peers[] = {"192.0.2.1", "10.0.0.0", "10.255.255.255", "fd00::1",
                                        "fdff:ffff::1", "2001:db8:ffff::1", "::ffff:10.1.2.3"};
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        assert_client(client_by(proxies, peers[i], &request), "198.51.100.7", peers[i]);
    }
    proxies_close(proxies);
}

static void networks_end_at_any_bit(void **state) {
    (void)state;
    static const struct {
        const char *network, *last, *next;
    } rows[] = {
        {"128.0.0.0/1", "255.255.255.255", "127.255.255.255"},
        {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
        {"10.1.2.0/23", "10.1.3.255", "10.1.4.0"},
        {"10.1.2.4/30", "10.1.2.7", "10.1.2.8"},
        {"10.1.2.4/32", "10.1.2.4", "10.1.2.5"},
        {"2001:db8::/33", "2001:db8:7fff:ffff::", "2001:db8:8000::"},
        {"2001:db8::4/127", "2001:db8::5", "2001:db8::6"},
        {"2001:db8::4/128", "2001:db8::4", "2001:db8::5"},
        {"::/1", "7fff::1", "8000::"},
        {"::/1", "::1", "10.0.0.1"}, // no IPv4 is within a network of IPv6
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct network network;
        struct address address;
        assert_null(network_parse(&op, slice_str(rows[i].network), &network));
        assert_true(address_parse(slice_str(rows[i].last), &address));
        if (!address_in(&address, &network)) {
            fail_msg("%s is not in %s", rows[i].last, rows[i].network);
        }
        assert_true(address_parse(slice_str(rows[i].next), &address));
        if (address_in(&address, &network)) {
            fail_msg("%s is in %s", rows[i].next, rows[i].network);
        }
    }
}

static void a_peer_of_no_network_has_no_address(void **state) {
    (void)state;
    struct proxies *proxies = list_of(BELIEVED, "X-Forwarded-For");
    struct request request = {.header_count = 1};
    request.headers[0] = (struct header){S("X-Forwarded-For"), S("198.51.100.7")};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    assert_client(proxies_client(&op, proxies, (struct sockaddr *)&local, &request), "", "unix");
    assert_client(proxies_client(&op, proxies, NULL, &request), "", "none");
    proxies_close(proxies);
}

// ---- what they say ----

static void the_first_address_from_the_right_that_is_no_proxy_is_the_client(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"198.51.100.7", "198.51.100.7"},
        {"203.0.113.66, 198.51.100.7", "198.51.100.7"}, // what the client wrote is not believed
        {"10.0.0.1, 198.51.100.7", "198.51.100.7"},
        {"garbage\", 198.51.100.7", "198.51.100.7"},
        {",,,198.51.100.7", "198.51.100.7"},
        {"203.0.113.66, 198.51.100.7, 10.0.0.1", "198.51.100.7"},
        {"203.0.113.66,198.51.100.7,10.0.0.1,10.0.0.2,fd00::1", "198.51.100.7"},
        {"198.51.100.7 ,\t10.0.0.1 ", "198.51.100.7"},
        {"2001:DB8:0:0::7", "2001:db8::7"},
        {"::ffff:198.51.100.7", "198.51.100.7"},
        {"198.51.100.7, ::ffff:10.0.0.1", "198.51.100.7"},
        {"10.0.0.9", "10.0.0.9"},           // a proxy itself asks
        {"10.0.0.9, 10.0.0.1", "10.0.0.9"}, // nobody else was named
    };
    CHECK_ROWS("X-Forwarded-For", rows);
}

static void ports_and_brackets_are_left_out(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"198.51.100.7:1", "198.51.100.7"},
        {"198.51.100.7:65535", "198.51.100.7"},
        {"198.51.100.7:_hidden", "198.51.100.7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"[2001:db8::7]:443", "2001:db8::7"},
        {"[::ffff:198.51.100.7]:443", "198.51.100.7"},
        {"198.51.100.7:5, 10.0.0.1:5, [fd00::1]:5", "198.51.100.7"},
        {"2001:db8::7:443", "2001:db8::7:443"}, // without brackets this is no port
    };
    CHECK_ROWS("X-Forwarded-For", rows);
}

static void what_cannot_be_read_ends_at_the_last_proxy_that_counted(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"", PEER},
        {" ", PEER},
        {"unknown", PEER},
        {"_hidden", PEER},
        {"unix:", PEER},
        {"client.example", PEER},
        {"198.51.100.7,", PEER},
        {"198.51.100.7, ", PEER},
        {"198.51.100.7, unknown", PEER},
        {"198.51.100.7, unknown, 10.0.0.1", "10.0.0.1"},
        {"198.51.100.7, , 10.0.0.1", "10.0.0.1"},
        {"198.51.100.7 10.0.0.1", PEER},
        {"198.51.100.7;10.0.0.1", PEER},
        {"\"198.51.100.7\"", PEER},
        {"198.51.100", PEER},
        {"198.51.100.007", PEER},
        {"198.51.100.256", PEER},
        {"0x7f.1", PEER},
        {"3325256711", PEER},
        {"198.51.100.7/32", PEER},
        {"198.51.100.7:", PEER},
        {"198.51.100.7:65536", PEER},
        {"198.51.100.7:80:80", PEER},
        {"198.51.100.7:http", PEER},
        {"198.51.100.7:_a b", PEER},
        {"[198.51.100.7]", PEER},
        {"[2001:db8::7", PEER},
        {"2001:db8::7]", PEER},
        {"[2001:db8::7]443", PEER},
        {"[2001:db8::7]:", PEER},
        {"[]", PEER},
        {"[", PEER},
        {"fe80::1%eth0", PEER},
        {"2001:db8::7::", PEER},
        {"1:2:3:4:5:6:7:8:9", PEER},
        {"for=198.51.100.7", PEER}, // the other header's form
    };
    CHECK_ROWS("X-Forwarded-For", rows);
}

static void lines_are_joined_in_their_order(void **state) {
    (void)state;
    static const struct {
        const char *lines[LINES_MAX], *client;
    } rows[] = {
        {{"203.0.113.66", "198.51.100.7", NULL}, "198.51.100.7"},
        {{"198.51.100.7", "10.0.0.1", NULL}, "198.51.100.7"},
        {{"203.0.113.66", "198.51.100.7, 10.0.0.2", "10.0.0.1"}, "198.51.100.7"},
        {{"198.51.100.7", "", NULL}, PEER},
        {{"198.51.100.7", "", "10.0.0.1"}, "10.0.0.1"},
        {{"198.51.100.7", ",10.0.0.1", NULL}, "10.0.0.1"},
        {{"garbage", "198.51.100.7", NULL}, "198.51.100.7"},
    };
    struct proxies *proxies = list_of(BELIEVED, "X-Forwarded-For");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct request request = {.header_count = 0};
        for (size_t j = 0; j < LINES_MAX && rows[i].lines[j] != NULL; j++) {
            // Another header between two lines changes nothing.
            request.headers[request.header_count++] = (struct header){S("Accept"), S("10.0.0.1")};
            request.headers[request.header_count++] =
                (struct header){S("X-Forwarded-For"), slice_str(rows[i].lines[j])};
        }
        assert_client(client_by(proxies, PEER, &request), rows[i].client, rows[i].lines[0]);
    }
    proxies_close(proxies);
}

static void only_the_header_that_was_chosen_is_read(void **state) {
    (void)state;
    struct request request = {.header_count = 4};
    request.headers[0] = (struct header){S("X-Forwarded-For"), S("198.51.100.7")};
    request.headers[1] = (struct header){S("Forwarded"), S("for=198.51.100.8")};
    request.headers[2] = (struct header){S("X-Real-IP"), S("198.51.100.9")};
    request.headers[3] = (struct header){S("X-Forwarded-Fort"), S("198.51.100.9")};
    struct proxies *proxies = list_of(BELIEVED, "X-Forwarded-For");
    assert_client(client_by(proxies, PEER, &request), "198.51.100.7", "X-Forwarded-For");
    request.header_count = 0;
    assert_client(client_by(proxies, PEER, &request), PEER, "no header");
    proxies_close(proxies);
    proxies = list_of(BELIEVED, "forwarded");
    request.header_count = 4;
    assert_client(client_by(proxies, PEER, &request), "198.51.100.8", "Forwarded");
    proxies_close(proxies);
}

// ---- RFC 7239 ----

static void a_forwarded_header_is_read_by_its_grammar(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"for=198.51.100.7", "198.51.100.7"},
        {"For=\"198.51.100.7\"", "198.51.100.7"},
        {"for=\"198.51.100.7:4711\"", "198.51.100.7"},
        {"for=198.51.100.7:4711", "198.51.100.7"}, // not by the letter, but as many write it
        {"for=\"[2001:db8::7]\"", "2001:db8::7"},
        {"for=\"[2001:db8::7]:4711\"", "2001:db8::7"},
        {"for=\"[2001:db8::7]:_hidden\"", "2001:db8::7"},
        {"for=[2001:db8::7]", "2001:db8::7"},
        {"by=203.0.113.43;for=198.51.100.7;proto=https;host=\"a.example:443\"", "198.51.100.7"},
        {"proto=https; for=198.51.100.7 ; by=_proxy;", "198.51.100.7"},
        {"host=\"for=203.0.113.66;\";for=198.51.100.7", "198.51.100.7"},
        {"host=\"a, for=203.0.113.66\";for=198.51.100.7", "198.51.100.7"},
        {"for=198.51.100.7;host=\"a, for=203.0.113.66\"", "198.51.100.7"},
        {"for=198.51.100.7;host=\"a\\\", for=203.0.113.66, b=\\\"\"", "198.51.100.7"},
        {"for=198.51.100.7;host=\"a\\\\\"", "198.51.100.7"},
        {"for=203.0.113.66, for=198.51.100.7", "198.51.100.7"},
        {"for=198.51.100.7, for=10.0.0.1, for=\"[fd00::1]:4711\"", "198.51.100.7"},
        // A quote that somebody left open takes in nothing of what a proxy put behind.
        {"for=\"203.0.113.66, for=198.51.100.7", "198.51.100.7"},
        {"for=203.0.113.66;a=\", for=198.51.100.7", "198.51.100.7"},
        {"for=203.0.113.66;a=\", for=\"[2001:db8::7]\"", "2001:db8::7"},
        {"for=203.0.113.66;a=\"\\, for=\"[2001:db8::7]\"", "2001:db8::7"},
    };
    CHECK_ROWS("Forwarded", rows);
}

static void what_is_no_forwarded_element_ends_at_the_last_proxy_that_counted(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"", PEER},
        {"198.51.100.7", PEER},
        {"for", PEER},
        {"for=", PEER},
        {"for=\"\"", PEER},
        {"for=unknown", PEER},
        {"for=_hidden", PEER},
        {"for=\"_hidden:80\"", PEER},
        {"by=198.51.100.7", PEER},
        {"fors=198.51.100.7", PEER},
        {"for=198.51.100.7;for=198.51.100.7", PEER}, // which one?
        {"for=198.51.100.7;FOR=203.0.113.66", PEER},
        {"for=198.51.100.7;garbage", PEER},
        {"for=198.51.100.7;a=b=c", PEER},
        {"for=198.51.100.7;a=\"b\"c", PEER},
        {"for=198.51.100.7;\"a\"=b", PEER},
        {"for=198.51.100.7;=b", PEER},
        {"for=\"198.51.100.7", PEER},
        {"for=198.51.100.7\"", PEER},
        {"for=\"198.51.100\\.7\"", PEER},
        {"for=\"198.51.100.7\\\"", PEER},
        {"for = 198.51.100.7, for=10.0.0.1, ", PEER},
        {"for=198.51.100.7,", PEER},
        {"for=198.51.100.7, for=unknown, for=10.0.0.1", "10.0.0.1"},
        {"for=198.51.100.7, secret=x, for=10.0.0.1", "10.0.0.1"},
    };
    CHECK_ROWS("Forwarded", rows);
}

// ---- how much ----

// `count` times 10.0.0.1 behind the client.
static void assert_chain(size_t count, const char *expected) {
    static char line[64 + 16 * 32];
    size_t len = (size_t)snprintf(line, sizeof line, "198.51.100.7");
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(line + len, sizeof line - len, ", 10.0.0.%zu", count - i);
    }
    const struct row row[] = {{line, expected}};
    CHECK_ROWS("X-Forwarded-For", row);
}

static void a_chain_of_proxies_has_its_ceiling(void **state) {
    (void)state;
    assert_chain(PROXIES_HOPS_MAX - 1, "198.51.100.7");
    char last[ADDRESS_TEXT_MAX];
    (void)snprintf(last, sizeof last, "10.0.0.%d", PROXIES_HOPS_MAX);
    assert_chain(PROXIES_HOPS_MAX, last); // the client would be one too many
    assert_chain(PROXIES_HOPS_MAX + 9, last);
}

// `size` bytes of one element, at the left of `tail`.
static void assert_long(const char *header, size_t size, const char *head, const char *tail,
                        const char *expected) {
    static char line[32768];
    size_t len = (size_t)snprintf(line, sizeof line, "%s", head);
    memset(line + len, 'a', size);
    (void)snprintf(line + len + size, sizeof line - len - size, "%s", tail);
    const struct row row[] = {{line, expected}};
    CHECK_ROWS(header, row);
}

static void an_element_has_its_ceiling_and_what_was_sent_in_front_of_it_none(void **state) {
    (void)state;
    size_t over = PROXIES_ELEMENT_MAX;
    assert_long("X-Forwarded-For", over, "198.51.100.7, ", "", PEER);
    assert_long("X-Forwarded-For", 30000, "", ", 198.51.100.7", "198.51.100.7");
    assert_long("X-Forwarded-For", 30000, "", ", 10.0.0.1", "10.0.0.1");
    size_t fits = PROXIES_ELEMENT_MAX - strlen("for=198.51.100.7;a=");
    assert_long("Forwarded", fits, "for=198.51.100.7;a=", "", "198.51.100.7");
    assert_long("Forwarded", fits + 1, "for=198.51.100.7;a=", "", PEER);
    assert_long("Forwarded", over, "for=198.51.100.7;a=\"", "\"", PEER);
    assert_long("Forwarded", 30000, "\"", ", for=198.51.100.7", "198.51.100.7");
}

static int64_t unknown_clients(void) {
    struct buf out;
    struct slice text;
    struct slice line;
    uint64_t number = 0;
    buf_open(&out, &op, 1U << 16);
    metric_print(&out);
    assert_null(buf_done(&out, &text));
    size_t at = slice_find(text, S("\ngatehouse_client_unknown_total "));
    assert_true(at != SIZE_MAX);
    text = slice_sub(text, at + strlen("\ngatehouse_client_unknown_total "), text.len);
    assert_true(slice_cut(&text, '\n', &line) && text_u64(line, INT64_MAX, &number));
    return (int64_t)number;
}

static void who_does_not_say_it_is_counted(void **state) {
    (void)state;
    static const struct row said[] = {{"198.51.100.7", "198.51.100.7"}};
    static const struct row not_said[] = {{"unknown", PEER}, {"10.0.0.9", "10.0.0.9"}};
    int64_t before = unknown_clients();
    CHECK_ROWS("X-Forwarded-For", said);
    assert_int_equal(unknown_clients(), before);
    CHECK_ROWS("X-Forwarded-For", not_said);
    assert_int_equal(unknown_clients(), before + 2);
}

// ---- who is counted together ----

static void an_address_shares_with_its_subscriber(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"198.51.100.7", "198.51.100.7"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
        {"2001:db8:1:2::", "2001:db8:1:2::"},
        {"2001:db8:1:3::", "2001:db8:1:3::"},
        {"::1", "::"},
        {"::ffff:198.51.100.7", "::ffff:198.51.100.7"}, // no text of ours: as it is
        {"local", "local"},
        {"a:b", "a:b"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[ADDRESS_TEXT_MAX];
        assert_client(address_share(slice_str(rows[i].line), room), rows[i].client, rows[i].line);
    }
}

// ---- the settings ----

static void assert_refused(const char *list, const char *header, const char *words) {
    struct proxies *proxies = NULL;
    assert_ptr_equal(proxies_open(&op, slice_str(list), slice_str(header), &proxies),
                     REASON_OF(CONFIG_INVALID));
    assert_null(proxies);
    if (slice_find(op.detail, slice_str(words)) == SIZE_MAX) {
        fail_msg("\"%s\" is not in: %.*s", words, SLICE(op.detail));
    }
}

static void a_wrong_list_is_refused_with_what_was_expected(void **state) {
    (void)state;
    static const struct {
        const char *list, *words;
    } rows[] = {
        {"proxy.example", "\"proxy.example\" is neither an address nor a network"},
        {"10.0.0", "expected is for example 192.0.2.1"},
        {"10.0.0.1 10.0.0.2", "commas stand between them"},
        {"10.0.0.1,,10.0.0.2", "\"\" is neither"},
        {"10.0.0.1,", "\"\" is neither"},
        {",", "\"\" is neither"},
        {"10.0.0.1:80", "neither an address"},
        {"[fd00::1]", "neither an address"},
        {"fe80::1%eth0", "neither an address"},
        {"10.0.0.0/33", "\"10.0.0.0/33\" has to end in /1 to /32"},
        {"fd00::/129", "/1 to /128"},
        {"10.0.0.0/", "/1 to /32"},
        {"10.0.0.0/08", "/1 to /32"},
        {"10.0.0.0/-8", "/1 to /32"},
        {"10.0.0.0/255.0.0.0", "/1 to /32"},
        {"10.0.0.0/8/8", "/1 to /32"},
        {"0.0.0.0/0", "\"0.0.0.0/0\" is everybody"},
        {"fd00::1, ::/0", "\"::/0\" is everybody"},
        {"10.1.2.3/8", "has bits behind the first 8; expected is 10.0.0.0/8"},
        {"10.0.0.1/31", "expected is 10.0.0.0/31"},
        {"2001:db8::1/33", "expected is 2001:db8::/33"},
        {"::ffff:10.0.0.1", "IPv4 in the form of IPv6; expected is 10.0.0.1"},
        {"::ffff:10.0.0.0/104", "expected is 10.0.0.0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(rows[i].list, "X-Forwarded-For", rows[i].words);
    }
    assert_refused("", "X-Real-IP", "\"X-Real-IP\", expected X-Forwarded-For or Forwarded");
    assert_refused("10.0.0.1", "", "expected X-Forwarded-For or Forwarded");
}

static void a_list_has_its_ceiling(void **state) {
    (void)state;
    static char list[16 * (PROXIES_MAX + 1)];
    size_t len = 0;
    for (size_t i = 0; i < PROXIES_MAX; i++) {
        len += (size_t)snprintf(list + len, sizeof list - len, "%s10.0.0.%zu", i > 0 ? "," : "", i);
    }
    proxies_close(list_of(list, "Forwarded"));
    (void)snprintf(list + len, sizeof list - len, ",10.0.0.0");
    assert_refused(list, "Forwarded", "more than 64");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_op, close_op)
    const struct CMUnitTest tests[] = {
        TEST(without_a_list_no_header_is_read),
        TEST(the_header_of_a_stranger_is_not_read),
        TEST(addresses_and_networks_of_both_families_are_believed),
        TEST(networks_end_at_any_bit),
        TEST(a_peer_of_no_network_has_no_address),
        TEST(the_first_address_from_the_right_that_is_no_proxy_is_the_client),
        TEST(ports_and_brackets_are_left_out),
        TEST(what_cannot_be_read_ends_at_the_last_proxy_that_counted),
        TEST(lines_are_joined_in_their_order),
        TEST(only_the_header_that_was_chosen_is_read),
        TEST(a_forwarded_header_is_read_by_its_grammar),
        TEST(what_is_no_forwarded_element_ends_at_the_last_proxy_that_counted),
        TEST(a_chain_of_proxies_has_its_ceiling),
        TEST(an_element_has_its_ceiling_and_what_was_sent_in_front_of_it_none),
        TEST(who_does_not_say_it_is_counted),
        TEST(an_address_shares_with_its_subscriber),
        TEST(a_wrong_list_is_refused_with_what_was_expected),
        TEST(a_list_has_its_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
