// SPDX-License-Identifier: GPL-3.0-or-later
// The routes (routes.def), each a row: method, path, who may, what it takes and gives, function. The same rows make
// the OpenAPI document. How a request goes: find the row (404, 405 with Allow, HEAD as GET) -> who is calling
// (guard.h) -> may they (401, 403; another tenant's ids answer 404) -> cross-site check for cookies -> the
// function -> the reply, or its refusal as problem+json (a page at the browser's doors).
#ifndef GATEHOUSE_HTTP_ROUTER_H
#define GATEHOUSE_HTTP_ROUTER_H

#include "http/reply.h"

#define SESSION_COOKIE_NAME "__Host-gatehouse"

typedef reason (*route_fn)(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply);

#define ROUTER_TOGETHER_MAX 16 // requests of one route_many_fn; more only make the first ones wait

// A request on its way through the router.
struct route;
struct call {
    struct op *op; // each its own
    struct request *request;
    struct reply *reply;
    void (*answered)(struct call *call); // the reply is there: nothing of the call is touched any more; or NULL
    // The router's:
    struct gate *gate;
    const struct route *route; // NULL: none was found
    struct slice allowed;      // methods, when this one is not
    int64_t started;
};
// Of a route whose requests share what they wait for: runs several, and calls router_answer for each as soon as it can be
// answered.
typedef void (*route_many_fn)(struct gate *gate, struct call *const *calls, size_t count);

enum access {
    ACCESS_PUBLIC,   // anybody; request->actor is not looked up
    ACCESS_KNOWN,    // looked up, may be nobody
    ACCESS_OPERATOR, // operators only
    ACCESS_TENANT,   // args[0] is a tenant: operators, or its users with the permission
    ACCESS_CONNECTION, // args[0] is a connection: operators, or users of its tenant with the permission
    ACCESS_ACCOUNT, // args[0] and args[1] are the numbers of an organization and a tenant; then as ACCESS_TENANT, with
                    // the tenant's short name in args[0]
    ACCESS_ORGANIZATION, // args[0] is an organization: operators, or its administrators
    ACCESS_SIGNED_IN, // any operator or user
};
// How a refusal is said: problem+json, by Accept a page, or in the words of the platform's API.
enum door { DOOR_API, DOOR_WEB, DOOR_PLATFORM };

struct route {
    enum method method;
    const char *path; // "/api/v1/tenants/{tenant}"; "{user}:disable" is the part {user} with an action
    enum door door;
    enum access access;
    const char *permission; // "users:view"; NULL: none needed
    route_fn run;       // NULL: run_many does it
    route_many_fn run_many;
    const char *id;      // operationId
    const char *summary; // one sentence
    const char *takes;   // name of the request schema (schemas.c), or NULL
    const char *gives;   // name of the reply schema, or NULL
    unsigned status;     // of success
};
extern const struct route route_table[];
extern const size_t route_count;

// Never fails: what goes wrong becomes the reply. Logs one line.
void router_run(struct op *op, struct gate *gate, struct request *request, struct reply *reply);
// Several, at most ROUTER_TOGETHER_MAX, each as if it were alone. More than one only where router_is_shared.
void router_run_many(struct gate *gate, struct call *const *calls, size_t count);
// By a route_many_fn, once for each of its calls: the handler is done with it, or refuses it.
void router_answer(struct call *call, reason why);
// Several that are ready at the same moment: their lines are logged together, and whoever sends is woken once.
void router_answer_many(struct call *const *calls, const reason *whys, size_t count);
// Is this a request of the one route that runs several together?
bool router_is_shared(enum method method, struct slice path);

// The most that the body of this request may have, known before it is read: SAML_FORM_MAX at the SAML doors,
// JSON_BODY_MAX for the API, BULK_BYTES_MAX for a file of people, 64 KB elsewhere.
size_t router_body_max(enum method method, struct slice path);

// Is this a door that takes SAML messages?
bool router_is_saml(struct slice path);

// Who is calling: operator by control socket; Bearer access token (token_check; a user's session is looked up in the
// store, so a signed-out session's token is worth nothing here); the session cookie `__Host-gatehouse`. A
// credential that is there and wrong is refused (unauthenticated), never ignored.
MUST_USE reason guard_identify(struct op *op, struct gate *gate, struct request *request);
// The service user that a token which holds was issued to; unauthenticated when it may nothing any more.
MUST_USE reason guard_service(struct op *op, struct gate *gate, const struct claims *claims,
                              struct service_view *ret_view);
// The session behind a token that holds and was issued to an application, and what is left of its scope; unauthenticated when what it
// was issued for was ended, or the application may nothing any more.
MUST_USE reason guard_application(struct op *op, struct gate *gate, const struct claims *claims,
                                  struct session_view *ret_view, struct slice *ret_scope);
// forbidden with the permission in the detail; not_found for another tenant's things.
MUST_USE reason guard_tenant(struct op *op, const struct request *request, struct slice tenant,
                             const char *permission);
// An administrator of an organization, in a session of one of its tenants, who reads in another of its tenants: for this
// request he stands there, with organization_view and nothing else. Changes nothing for anybody else.
MUST_USE reason guard_across(struct op *op, struct gate *gate, struct request *request);
// not_found, unless the actor administers this organization in this session.
MUST_USE reason guard_organization(struct op *op, struct gate *gate, const struct request *request,
                                   struct slice organization);
// For cookies on unsafe methods: Sec-Fetch-Site same-origin/none, else Origin equal to public_url; absent both: cross_site.
MUST_USE reason guard_same_site(struct op *op, const struct gate *gate, const struct request *request);

// After a request that was answered: writes down that personal data was read, where reads.def says that it was.
// A reading that cannot be written down is refused: store.unavailable, limit.queue.
MUST_USE reason reads_note(struct op *op, struct gate *gate, const struct route *route,
                           const struct request *request);
// The list of users of a tenant was read, among those of others: each tenant's log has its own row.
MUST_USE reason reads_note_users(struct op *op, struct gate *gate, const struct request *request,
                                 struct slice tenant);

// The OpenAPI 3.1 document made of route_table and the field tables.
MUST_USE reason openapi_document(struct op *op, const struct gate *gate, struct slice *ret_json);

#endif
