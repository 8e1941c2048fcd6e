// SPDX-License-Identifier: GPL-3.0-or-later
// The HTTP server (libmicrohttpd; the only files that know it are server.c and loop.c). Threads of loop.c do input and output
// only; a whole request is suspended, run by one of a fixed number of threads that may wait for store and workers,
// and resumed with its answer. The queue between is bounded: 503 limit.queue when full.
#ifndef GATEHOUSE_HTTP_SERVER_H
#define GATEHOUSE_HTTP_SERVER_H

#include "http/router.h"

#define SERVER_QUEUE_MAX 256    // requests that wait for a thread: a tenth of a second; more only makes all late
// Bytes of one request's head. libmicrohttpd reads it into this and 4 KB more, and copies the line of cookies there: of that
// 9 KB fit (nginx and Apache take 8 by default). What is larger it answers itself, 431 or 414, without a body; where not even
// that fits, it closes.
#define SERVER_HEADERS_MAX (16U << 10)
#define SERVER_TIMEOUT_S 30     // a connection that sends nothing, or too slowly for the next byte

struct server;
// Listens at settings->listen (the address as text is logged by the caller; port 0 picks one: server_port) and, when
// control_path is not NULL, on a Unix socket (0600) whose peers with our uid (or root) are operators. start.listen: what is
// wrong with which address and what to do.
MUST_USE reason server_open(struct op *op, struct gate *gate, const char *control_path,
                            struct server **ret_server);
uint16_t server_port(const struct server *server);
// Takes no new connections, finishes what is under way (at most 10 s), closes.
void server_close(struct server *server);

#endif
