// SPDX-License-Identifier: GPL-3.0-or-later
// What proxies say of who asked them. The first line is a list of proxies, as an operator sets it; each further line is one
// line of the header. Whatever is sent, what a trusted proxy puts behind it is what counts; and an address that was found is
// written so that it is read as itself.
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "http/proxies.h"
#include "http/request.h"

#define LINES_MAX 8
#define PEER "192.0.2.1"
#define CLIENT "2001:db8::7"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice ask(struct op *op, const struct proxies *proxies,
                        const struct request *request) {
    const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000201)};
    struct slice text = proxies_client(op, proxies, (const struct sockaddr *)&peer, request);
    struct address address;
    char room[ADDRESS_TEXT_MAX];
    CHECK(address_parse(text, &address));
    CHECK(slice_equal(address_text(&address, room), text));
    return text;
}

// The peer, which this list trusts, adds `added` to the last line, or a line of its own.
static void continues(struct op *op, const struct request *request, struct slice header,
                      struct slice added, struct slice expected) {
    struct proxies *proxies = NULL;
    CHECK(proxies_open(op, S(PEER), header, &proxies) == NULL);
    struct request more = *request;
    if (more.header_count > 0) {
        struct slice *last = &more.headers[more.header_count - 1].value;
        *last = op_text(op, "%.*s, %.*s", SLICE(*last), SLICE(added));
        CHECK(last->len > 0);
        CHECK(slice_equal(ask(op, proxies, &more), expected));
        *last = request->headers[more.header_count - 1].value;
    }
    more.headers[more.header_count++] = (struct header){header, added};
    CHECK(slice_equal(ask(op, proxies, &more), expected));
    proxies_close(proxies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct slice headers[] = {S_ROW("X-Forwarded-For"), S_ROW("Forwarded")};
    if (size > 8192) {
        return 0; // op_text has its ceiling, and a head too
    }
    for (size_t i = 0; i < 2; i++) {
        struct op op;
        op_open(&op, INT64_C(1700000000000));
        struct slice input = slice_of(data, size);
        struct slice list = S("");
        struct slice line;
        struct request request = {.header_count = 0};
        (void)slice_cut(&input, '\n', &list);
        while (request.header_count < LINES_MAX && slice_cut(&input, '\n', &line)) {
            line = slice_sub(line, 0, slice_find(line, S("\0"))); // as the server hands it over
            request.headers[request.header_count++] = (struct header){headers[i], line};
        }
        CHECK(slice_equal(ask(&op, NULL, &request), S(PEER)));
        struct proxies *proxies = NULL;
        if (proxies_open(&op, list, headers[i], &proxies) == NULL) {
            (void)ask(&op, proxies, &request);
            proxies_close(proxies);
        }
        continues(&op, &request, headers[i],
                  i == 0 ? S(CLIENT) : S("by=_us;for=\"[" CLIENT "]:80\";host=\"a, \\\"b;\""),
                  S(CLIENT));
        continues(&op, &request, headers[i], i == 0 ? S("unknown") : S("for=unknown"), S(PEER));
        op_close(&op);
    }
    return 0;
}
