// SPDX-License-Identifier: GPL-3.0-or-later
// One request, whole, as the router sees it: it may come from the HTTP server, the control socket, or from a
// command in the same process.
#ifndef GATEHOUSE_HTTP_REQUEST_H
#define GATEHOUSE_HTTP_REQUEST_H

#include "base/json.h"
#include "http/gate.h"

#define REQUEST_HEADERS_MAX 64
#define REQUEST_ARGS_MAX 4

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHOD_OTHER };
extern const char *const method_names[];

struct header {
    struct slice name, value;
};
struct request {
    enum method method; // HEAD comes as GET with head set
    bool head;
    struct slice path;  // as sent, without the query
    struct slice query; // without '?', raw
    struct slice body;
    struct header headers[REQUEST_HEADERS_MAX];
    size_t header_count;
    bool body_over;       // the body was over its cap, and is not here
    struct slice address; // of the client (proxies.h)
    bool control;         // by the control socket or from a command: an operator
    struct slice operator; // who, when control: "operator:UID"
    // Filled in by the router:
    struct slice args[REQUEST_ARGS_MAX]; // {parts} of the path, URL-decoded
    struct actor actor;
    bool by_cookie; // the actor came by the session cookie
    struct slice authorization; // the actor came by a token that an application got for it by this one; else ""
    struct slice scope;         // of that token, as far as the application still has it
    struct slice read_tenant; // whose data was read, where the path does not say it; set by handlers
    struct session_view session; // when the actor is a user
    struct service_view service; // when the actor is a service user
};

struct slice request_header(const struct request *request, const char *name); // "" when absent
// A cookie's value; "" when absent or there twice with different values.
struct slice request_cookie(const struct request *request, struct slice name);
// A query parameter, decoded; *ret_value.at NULL when absent; invalid_input when there twice or not decodable.
MUST_USE reason request_query(struct op *op, const struct request *request, const char *name,
                              struct slice *ret_value);
// limit= and cursor=; invalid_input.
MUST_USE reason request_page(struct op *op, const struct request *request, struct page *ret_page);
// The body as a JSON object; malformed_json, unsupported_media_type.
MUST_USE reason request_json(struct op *op, const struct request *request,
                             const struct json **ret_object);
// application/x-www-form-urlencoded field of the body; as request_query.
MUST_USE reason request_form(struct op *op, const struct request *request, const char *name,
                             struct slice *ret_value);
// Does the Accept header ask for JSON (application/json or application/problem+json, before text/html)?
bool request_wants_json(const struct request *request);

#endif
