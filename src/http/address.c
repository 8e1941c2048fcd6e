// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/text.h"

#define BITS_4 32U
#define BITS_6 128U

static struct address address_4(const void *bytes) {
    struct address address = {.bits = BITS_4};
    memcpy(address.bytes, bytes, BITS_4 / 8);
    return address;
}

static bool is_mapped(const uint8_t bytes[16]) {
    static const uint8_t front[12] = {[10] = 0xFF, [11] = 0xFF};
    return memcmp(bytes, front, sizeof front) == 0;
}

static struct address address_6(const uint8_t bytes[16]) {
    if (is_mapped(bytes)) {
        return address_4(bytes + 12);
    }
    struct address address = {.bits = BITS_6};
    memcpy(address.bytes, bytes, sizeof address.bytes);
    return address;
}

bool address_of_socket(const struct sockaddr *socket, struct address *ret_address) {
    if (socket->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, socket, sizeof four);
        *ret_address = address_4(&four.sin_addr);
        return true;
    }
    if (socket->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, socket, sizeof six);
        *ret_address = address_6(six.sin6_addr.s6_addr);
        return true;
    }
    return false;
}

bool address_parse(struct slice text, struct address *ret_address) {
    char copy[ADDRESS_TEXT_MAX];
    uint8_t bytes[16];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.at, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1) {
        *ret_address = address_4(bytes);
        return true;
    }
    if (inet_pton(AF_INET6, copy, bytes) == 1) {
        *ret_address = address_6(bytes);
        return true;
    }
    return false;
}

struct slice address_text(const struct address *address, char room[ADDRESS_TEXT_MAX]) {
    CHECK(inet_ntop(address->bits == BITS_4 ? AF_INET : AF_INET6, address->bytes, room,
                    ADDRESS_TEXT_MAX) != NULL);
    return slice_str(room);
}

bool address_equal(const struct address *one, const struct address *other) {
    return one->bits == other->bits && memcmp(one->bytes, other->bytes, sizeof one->bytes) == 0;
}

// The bits of byte `i` that are within the first `bits`.
static uint8_t mask_at(unsigned bits, unsigned i) {
    unsigned before = i * 8;
    unsigned within = bits <= before ? 0 : bits - before;
    return (uint8_t)(within >= 8 ? 0xFFU : 0xFFU << (8 - within));
}

bool address_in(const struct address *address, const struct network *network) {
    unsigned whole = network->bits / 8;
    if (address->bits != network->address.bits ||
        memcmp(address->bytes, network->address.bytes, whole) != 0) {
        return false;
    }
    return network->bits % 8 == 0 ||
           ((address->bytes[whole] ^ network->address.bytes[whole]) & mask_at(network->bits, whole)) ==
               0;
}

static struct address masked(const struct network *network) {
    struct address address = network->address;
    for (unsigned i = 0; i < sizeof address.bytes; i++) {
        address.bytes[i] &= mask_at(network->bits, i);
    }
    return address;
}

struct slice address_share(struct slice text, char room[ADDRESS_TEXT_MAX]) {
    struct network network = {.bits = ADDRESS_SHARED_BITS};
    if (slice_find(text, S(":")) == SIZE_MAX || !address_parse(text, &network.address) ||
        network.address.bits != BITS_6) {
        return text;
    }
    struct address shared = masked(&network);
    return address_text(&shared, room);
}

reason network_parse(struct op *op, struct slice text, struct network *ret_network) {
    char room[ADDRESS_TEXT_MAX];
    size_t slash = slice_find(text, S("/"));
    struct slice host = slice_sub(text, 0, slash);
    struct network network;
    if (!address_parse(host, &network.address)) {
        REFUSE(op, INVALID_INPUT,
               "\"%.*s\" is neither an address nor a network; expected is for example 192.0.2.1, "
               "10.0.0.0/8, 2001:db8::1 or fd00::/8",
               SLICE(text));
    }
    if (network.address.bits == BITS_4 && slice_find(host, S(":")) != SIZE_MAX) {
        REFUSE(op, INVALID_INPUT, "\"%.*s\" is IPv4 in the form of IPv6; expected is %.*s",
               SLICE(text), SLICE(address_text(&network.address, room)));
    }
    uint64_t bits = network.address.bits;
    if (slash != SIZE_MAX &&
        !text_u64(slice_sub(text, slash + 1, text.len), network.address.bits, &bits)) {
        REFUSE(op, INVALID_INPUT, "\"%.*s\" has to end in /1 to /%u", SLICE(text),
               network.address.bits);
    }
    network.bits = (unsigned)bits;
    if (network.bits == 0) {
        REFUSE(op, INVALID_INPUT, "\"%.*s\" is everybody; expected is /1 to /%u", SLICE(text),
               network.address.bits);
    }
    struct address first = masked(&network);
    if (!address_equal(&first, &network.address)) {
        REFUSE(op, INVALID_INPUT, "\"%.*s\" has bits behind the first %u; expected is %.*s/%u",
               SLICE(text), network.bits, SLICE(address_text(&first, room)), network.bits);
    }
    *ret_network = network;
    return NULL;
}
