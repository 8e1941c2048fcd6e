// SPDX-License-Identifier: GPL-3.0-or-later
// Listening sockets, with errors that a person can act on.
#ifndef GATEHOUSE_HTTP_LISTEN_H
#define GATEHOUSE_HTTP_LISTEN_H

#include "base/op.h"

// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (all addresses). start.listen.
MUST_USE reason listen_tcp(struct op *op, struct slice address, int *ret_fd, uint16_t *ret_port);
// A Unix socket, 0600; one that a dead process left is replaced. start.listen.
MUST_USE reason listen_unix(struct op *op, const char *path, int *ret_fd);

#endif
