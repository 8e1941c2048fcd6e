// SPDX-License-Identifier: GPL-3.0-or-later
// An address of the network: read from text or from a socket, written in one way only, so that the same host is the same
// text in each line, rate and row.
#ifndef GATEHOUSE_HTTP_ADDRESS_H
#define GATEHOUSE_HTTP_ADDRESS_H

#include "base/op.h"

#define ADDRESS_TEXT_MAX 46 // bytes, with the NUL

// IPv4 inside of IPv6 (::ffff:192.0.2.1: how a socket for both names it) is always IPv4 here.
struct address {
    uint8_t bytes[16]; // in the order of the network; the first `bits` count, the others are 0
    unsigned bits;     // 32 or 128; 0: none
};
// A network: what begins with the first `bits` of the address.
struct network {
    struct address address;
    unsigned bits;
};

struct sockaddr;
// False: of another family.
bool address_of_socket(const struct sockaddr *socket, struct address *ret_address);
// 192.0.2.1 or 2001:db8::1 and nothing around it: no port, no brackets, no zone, no leading zeros.
bool address_parse(struct slice text, struct address *ret_address);
// The one way to write it (RFC 5952). Written into `room`, and ends in NUL.
struct slice address_text(const struct address *address, char room[ADDRESS_TEXT_MAX]);
bool address_equal(const struct address *one, const struct address *other);
// Who is counted together with this address, a text as address_text writes it: IPv4 and what is no address (`local`) by
// itself; IPv6 by its first ADDRESS_SHARED_BITS, of which each subscriber has all addresses behind (RFC 6177). In `room`, or
// the text itself.
#define ADDRESS_SHARED_BITS 64
struct slice address_share(struct slice text, char room[ADDRESS_TEXT_MAX]);
// Of the same family, and its first bits are the network's.
bool address_in(const struct address *address, const struct network *network);
// An address or a network: 192.0.2.1, 10.0.0.0/8, fd00::/8. invalid_input: what was expected; a network with
// bits behind its end, one of all addresses, an IPv4 address in IPv6 form.
MUST_USE reason network_parse(struct op *op, struct slice text, struct network *ret_network);

#endif
