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
    bool has_user, has_fragment;
};

// invalid_input: no absolute http or https URL, or over URI_MAX, or with control characters or spaces.
MUST_USE reason uri_parse(struct op *op, struct slice text, struct uri *ret_uri);
// http on a host that is this machine by name or address: localhost, 127.0.0.0/8, ::1.
bool uri_is_local(const struct uri *uri);
// A same-origin path for after a login: starts with one '/', then neither '/' nor '\', no control
// characters, no backslash anywhere, at most URI_MAX. Anything else is not one, in any spelling.
bool uri_is_local_path(struct slice text);

#endif
