// SPDX-License-Identifier: GPL-3.0-or-later
// Whose request it is when it comes through a proxy: which proxies are believed, and what they say.
//
// A proxy adds the address of who asked it at the right end of one header. What stands to the left of that was sent by whoever
// asked, who may write anything. So the header is read from the right, one address for each proxy that is believed; the first
// address that is none of these is the client's. What cannot be read ends the walk: then the address is the one that counted
// until there, which is a proxy's, never one that somebody could choose. No other header is read, and nothing else is taken
// from it: every URL comes from `public_url`.
#ifndef GATEHOUSE_HTTP_PROXIES_H
#define GATEHOUSE_HTTP_PROXIES_H

#include "http/address.h"

#define PROXIES_MAX 64      // addresses and networks; each request is compared with all of them
#define PROXIES_HOPS_MAX 16 // proxies behind each other: real chains have up to four
#define PROXIES_ELEMENT_MAX 512 // bytes of what one proxy adds: for, by, host and proto of RFC 7239

struct request;
struct sockaddr;
struct proxies; // NULL: none is believed, and no header is read
// `list`: addresses and networks with commas between; "" gives NULL. `header`: X-Forwarded-For or Forwarded. config.invalid:
// what is wrong with which setting, and what was expected.
MUST_USE reason proxies_open(struct op *op, struct slice list, struct slice header,
                             struct proxies **ret_proxies);
void proxies_close(struct proxies *proxies);
// The address of the client, as each rate, trace, row and line has it: canonical text in the op's memory. `peer` is who
// connected; NULL or of another family than IP: "".
struct slice proxies_client(struct op *op, const struct proxies *proxies,
                            const struct sockaddr *peer, const struct request *request);

#endif
