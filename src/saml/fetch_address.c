// SPDX-License-Identifier: GPL-3.0-or-later
// Which addresses a server may be asked at on behalf of somebody else: unicast addresses of the
// public Internet, by IANA's special-purpose registries (RFC 6890 and its updates), and nothing
// that only looks like one. Pure.
#include <netinet/in.h>
#include <sys/socket.h>

#include "saml/idp_metadata.h"

struct range4 {
    uint32_t network;
    unsigned bits;
};
#define FOUR(a, b, c, d)                                                                           \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct range4 not_public4[] = {
    {FOUR(0, 0, 0, 0), 8},     // this network
    {FOUR(10, 0, 0, 0), 8},    // private
    {FOUR(100, 64, 0, 0), 10}, // carrier-grade NAT; Alibaba's metadata service is in it
    {FOUR(127, 0, 0, 0), 8},   // loopback
    {FOUR(168, 63, 129, 16),
     32}, // Azure's host agent, a public address that is answered by the machine below
    {FOUR(169, 254, 0, 0), 16},  // link-local; metadata services of the clouds
    {FOUR(172, 16, 0, 0), 12},   // private
    {FOUR(192, 0, 0, 0), 24},    // protocol assignments
    {FOUR(192, 0, 2, 0), 24},    // documentation
    {FOUR(192, 88, 99, 0), 24},  // 6to4 relays, withdrawn
    {FOUR(192, 168, 0, 0), 16},  // private
    {FOUR(198, 18, 0, 0), 15},   // benchmarking
    {FOUR(198, 51, 100, 0), 24}, // documentation
    {FOUR(203, 0, 113, 0), 24},  // documentation
    {FOUR(224, 0, 0, 0), 4},     // multicast
    {FOUR(240, 0, 0, 0), 4},     // reserved, broadcast
};

static bool public4(uint32_t address) {
    for (size_t i = 0; i < sizeof not_public4 / sizeof not_public4[0]; i++) {
        uint32_t mask = UINT32_MAX << (32 - not_public4[i].bits);
        if ((address & mask) == not_public4[i].network) {
            return false;
        }
    }
    return true;
}

struct range6 {
    uint8_t network[16];
    unsigned bits;
};
static const struct range6 global_unicast = {{0x20}, 3}; // 2000::/3: all that was ever given out
static const struct range6 six_to_four = {{0x20, 0x02}, 16};
static const struct range6 nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};
static const struct range6 not_public6[] = {
    {{0x20, 0x01, 0x00}, 23},       // protocol assignments: Teredo, ORCHID, benchmarking
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, // documentation
    {{0x3f, 0xfe}, 16},             // 6bone, returned
    {{0x3f, 0xff, 0x00}, 20},       // documentation
};

static bool within(const uint8_t address[16], const struct range6 *range) {
    for (unsigned bit = 0; bit < range->bits; bit += 8) {
        unsigned left = range->bits - bit;
        uint8_t mask = (uint8_t)(left >= 8 ? 0xFFU : 0xFFU << (8 - left) & 0xFFU);
        if (((address[bit / 8] ^ range->network[bit / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

static uint32_t four_at(const uint8_t *at) {
    return FOUR(at[0], at[1], at[2], at[3]);
}

// What carries an IPv4 address inside is as public as that. IPv4-mapped and -compatible ones lie
// outside of 2000::/3: no name server has a reason to give them.
static bool public6(const uint8_t address[16]) {
    if (within(address, &nat64)) {
        return public4(four_at(address + 12));
    }
    if (!within(address, &global_unicast)) {
        return false;
    }
    if (within(address, &six_to_four) && !public4(four_at(address + 2))) {
        return false;
    }
    for (size_t i = 0; i < sizeof not_public6 / sizeof not_public6[0]; i++) {
        if (within(address, &not_public6[i])) {
            return false;
        }
    }
    return true;
}

bool address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, address, sizeof four);
        return public4(ntohl(four.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, address, sizeof six);
        return public6(six.sin6_addr.s6_addr);
    }
    return false;
}
