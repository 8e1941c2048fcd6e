// SPDX-License-Identifier: GPL-3.0-or-later
// URLs, read by libcurl's parser.
#ifndef GATEHOUSE_BASE_URI_H
#define GATEHOUSE_BASE_URI_H

#include "base/op.h"

#define URI_MAX 2048 // longer ones break IdPs and proxies

struct uri {
    struct slice scheme; // lower case
    struct slice host;   // lower case, without brackets
    uint16_t port;       // with the scheme's default filled in
    struct slice path;   // at least "/"
    struct slice query;  // without '?'
    bool has_user, has_fragment; // '@' before the path, '#' anywhere; neither is among the parts above
};

// invalid_input: no absolute http or https URL, or over URI_MAX, or with control characters, spaces,
// backslashes, bytes beyond ASCII or a % in the host. Dot segments of the path are resolved, and a host that
// is an address in any of its spellings comes in the usual one (0x7f.1 is 127.0.0.1).
MUST_USE reason uri_parse(struct op *op, struct slice text, struct uri *ret_uri);
// http on a host that is this machine by name or address: localhost, 127.0.0.0/8, ::1.
bool uri_is_local(const struct uri *uri);
// A same-origin path for after a login: starts with one '/', then neither '/' nor '\', no control
// characters, no backslash anywhere, at most URI_MAX, and no %2F or %5C second. Anything else is not one.
bool uri_is_local_path(struct slice text);

#endif
