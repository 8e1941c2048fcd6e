// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/router.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/text.h"
#include "domain/bulk.h"
#include "domain/organization.h"
#include "http/limits.h"
#include "http/loop.h"
#include "http/page.h"

#define API_PREFIX "/api/"
#define PLATFORM_PREFIX "/platform/"
#define WEB_BODY_MAX (64U << 10)
#define ANSWER_ROOM (64U << 10) // a page, or a problem with all its errors, and the headers

// One {part} of a pattern, with what may follow it: "{user}:disable". A part that names no action
// takes none, so that an action which is not there is not found, rather than being somebody's id.
static bool part_fits(struct op *op, struct slice want, struct slice part, struct slice *ret_arg) {
    size_t end = slice_find(want, S("}"));
    struct slice action = slice_sub(want, end + 1, want.len);
    if (!slice_ends(part, action)) {
        return false;
    }
    struct slice id = slice_sub(part, 0, part.len - action.len);
    return id.len > 0 && memchr(id.at, ':', id.len) == NULL && decode_url(op, id, false, ret_arg) &&
           ret_arg->len > 0 && memchr(ret_arg->at, 0, ret_arg->len) == NULL;
}

// Is this the path of this row? Fills the {parts}, decoded.
static bool path_fits(struct op *op, const char *pattern, struct slice path,
                      struct slice args[REQUEST_ARGS_MAX]) {
    if (path.len > 1 && pattern[1] != '{' && pattern[1] != path.at[1]) {
        return false; // as nearly all rows are
    }
    struct slice want = slice_str(pattern);
    struct slice want_part;
    struct slice part;
    size_t count = 0;
    while (want.at != NULL) {
        if (path.at == NULL || !slice_cut(&want, '/', &want_part) ||
            !slice_cut(&path, '/', &part)) {
            return false;
        }
        if (want_part.len > 0 && want_part.at[0] == '{') {
            if (count == REQUEST_ARGS_MAX || !part_fits(op, want_part, part, &args[count])) {
                return false;
            }
            count++;
        } else if (!slice_equal(part, want_part)) {
            return false;
        }
    }
    return path.at == NULL;
}

// *ret_allowed collects the methods of the rows with this path, for 405.
static const struct route *find(struct op *op, struct request *request, struct slice *ret_allowed) {
    struct buf allowed;
    buf_open(&allowed, op, 128);
    const struct route *found = NULL;
    for (size_t i = 0; i < route_count && found == NULL; i++) {
        struct slice args[REQUEST_ARGS_MAX] = {{NULL, 0}};
        if (!path_fits(op, route_table[i].path, request->path, args)) {
            continue;
        }
        if (route_table[i].method == request->method) {
            memcpy(request->args, args, sizeof args);
            found = &route_table[i];
        } else {
            buf_str(&allowed, allowed.len > 0 ? ", " : "");
            buf_str(&allowed, method_names[route_table[i].method]);
        }
    }
    *ret_allowed = buf_slice(&allowed);
    return found;
}

struct connection_tenant {
    struct slice slug, tenant;
};
static reason read_tenant(struct op *op, struct txn *txn, void *arg) {
    struct connection_tenant *it = arg;
    struct connection connection;
    TRY(connection_find(op, txn, it->slug, &connection));
    it->tenant = connection.tenant;
    return NULL;
}

struct account {
    uint64_t organization, tenant;
    struct slice slug;
};
// A tenant that belongs to no organization is its own: both numbers are the same then.
static reason read_account(struct op *op, struct txn *txn, void *arg) {
    struct account *account = arg;
    struct tenant tenant;
    struct organization organization;
    TRY(tenant_find_by_number(op, txn, (int64_t)account->tenant, &tenant));
    uint64_t number = (uint64_t)tenant.number;
    if (tenant.organization.len > 0) {
        TRY(organization_find(op, txn, tenant.organization, &organization));
        number = (uint64_t)organization.number;
    }
    if (number != account->organization) {
        REFUSE(op, NOT_FOUND, "this account does not belong to this organization");
    }
    account->slug = tenant.slug;
    return NULL;
}

static reason admit_account(struct op *op, struct gate *gate, const struct route *route,
                            struct request *request) {
    struct account account = {0, 0, SLICE_NONE};
    if (!text_u64(request->args[0], INT64_MAX, &account.organization) ||
        !text_u64(request->args[1], INT64_MAX, &account.tenant)) {
        REFUSE(op, NOT_FOUND, "organizations and accounts are named by number here");
    }
    TRY(store_read(op, gate->store, read_account, &account));
    request->args[0] = account.slug;
    return guard_tenant(op, request, account.slug, route->permission);
}

static reason admit(struct op *op, struct gate *gate, const struct route *route,
                    struct request *request) {
    if (route->access == ACCESS_PUBLIC) {
        return NULL;
    }
    TRY(guard_identify(op, gate, request));
    const struct actor *actor = &request->actor;
    if (slice_starts(request->path, S(API_PREFIX)) && !request->control &&
        actor->kind != ACTOR_NONE) {
        struct slice credential = actor->session.len > 0 ? actor->session : actor->id;
        TRY(limits_api(op, gate->limits, gate->settings, credential));
    }
    if (request->by_cookie && request->method != METHOD_GET) {
        TRY(guard_same_site(op, gate, request));
    }
    if (actor->kind == ACTOR_NONE && route->access != ACCESS_KNOWN) {
        REFUSE(op, UNAUTHENTICATED, "send an access token (Authorization: Bearer ...) or sign in");
    }
    if (route->access == ACCESS_ACCOUNT) {
        return admit_account(op, gate, route, request);
    }
    if (route->access == ACCESS_KNOWN || actor->kind == ACTOR_OPERATOR) {
        return NULL;
    }
    struct connection_tenant at = {.slug = request->args[0]};
    switch (route->access) {
    case ACCESS_SIGNED_IN: return NULL;
    case ACCESS_TENANT:
        TRY(guard_across(op, gate, request));
        return guard_tenant(op, request, request->args[0], route->permission);
    case ACCESS_ORGANIZATION: return guard_organization(op, gate, request, request->args[0]);
    case ACCESS_CONNECTION:
        TRY(store_read(op, gate->store, read_tenant, &at));
        return guard_tenant(op, request, at.tenant, route->permission);
    case ACCESS_OPERATOR:
    case ACCESS_ACCOUNT:
    case ACCESS_PUBLIC:
    case ACCESS_KNOWN: break;
    }
    REFUSE(op, FORBIDDEN, "only operators may do this");
}

// Finds the route and lets the request in.
static reason start(struct call *call) {
    call->route = find(call->op, call->request, &call->allowed);
    if (call->route == NULL) {
        if (call->allowed.len > 0) {
            REFUSE(call->op, METHOD_NOT_ALLOWED, "this address takes %.*s", SLICE(call->allowed));
        }
        REFUSE(call->op, NOT_FOUND, "there is nothing at this address");
    }
    return admit(call->op, call->gate, call->route, call->request);
}

static void refuse(struct op *op, struct gate *gate, const struct route *route,
                   const struct request *request, struct reply *reply, reason why,
                   struct slice allowed) {
    bool web =
        route != NULL ? route->door == DOOR_WEB : !slice_starts(request->path, S(API_PREFIX));
    *reply = (struct reply){.status = 0};
    if (slice_starts(request->path, S(PLATFORM_PREFIX))) {
        reply_errors(op, reply, why);
    } else if (!web || request_wants_json(request) ||
               page_problem(op, gate, reply, why, S("")) != NULL) {
        reply_problem(op, reply, why, S(""), !web);
    }
    if (why == REASON_OF(RATE_LIMITED)) {
        reply_retry_after(op, reply, limits_api_wait());
    }
    if (why == REASON_OF(METHOD_NOT_ALLOWED)) {
        reply_header(reply, "Allow", allowed);
    }
}

static void log_request(struct op *op, const struct request *request, const struct reply *reply,
                        reason why, int64_t started) {
    enum log_level level = reply->status >= 500 ? LOG_ERROR : LOG_INFO;
    LOG(op, level, "http.request", LOG_TEXT("method", slice_str(method_names[request->method])),
        LOG_TEXT("path", request->path), LOG_NUMBER("status", reply->status),
        LOG_NUMBER("ms", clock_steady() - started), LOG_TEXT("address", request->address),
        LOG_TEXT("actor", request->actor.id.len > 0 ? request->actor.id : S("")),
        LOG_TEXT("reason", slice_str(why != NULL ? why->slug : "")),
        LOG_TEXT("detail", why != NULL ? op->detail : S("")));
}

// What is sent and logged.
static void finish(struct call *call, reason why) {
    struct op *op = call->op;
    struct gate *gate = call->gate;
    const struct request *request = call->request;
    struct reply *reply = call->reply;
    if (why == NULL && reply->status == 200) {
        why = reads_note(op, gate, call->route, request);
    }
    // Whoever used up the memory of a request is told so, rather than left with a closed
    // connection.
    op->arena.ceiling += ANSWER_ROOM;
    op->incomplete = false; // what was being made is; what says so need not be
    if (why != NULL) {
        refuse(op, gate, call->route, request, reply, why, call->allowed);
    } else if (reply->broken) {
        refuse(op, gate, call->route, request, reply, REASON_OF(LIMIT_MEMORY), call->allowed);
    } else if (reply->status == 0) {
        refuse(op, gate, call->route, request, reply, REASON_OF(INTERNAL), call->allowed);
    }
    reply_header(reply, "X-Request-Id", op->id);
    reply_header(reply, "X-Content-Type-Options", S("nosniff"));
    reply_header(reply, "Referrer-Policy", S("no-referrer"));
    log_request(op, request, reply, why, call->started);
}

void router_answer_many(struct call *const *calls, const reason *whys, size_t count) {
    log_hold();
    for (size_t i = 0; i < count; i++) {
        finish(calls[i], whys[i]);
    }
    log_release();
    loop_hold();
    for (size_t i = 0; i < count; i++) {
        if (calls[i]->answered != NULL) {
            calls[i]->answered(calls[i]);
        }
    }
    loop_release();
}

void router_answer(struct call *call, reason why) {
    router_answer_many(&call, &why, 1);
}

void router_run_many(struct gate *gate, struct call *const *calls, size_t count) {
    struct call *shared[ROUTER_TOGETHER_MAX];
    size_t some = 0;
    CHECK(count <= ROUTER_TOGETHER_MAX);
    for (size_t i = 0; i < count; i++) {
        struct call *call = calls[i];
        call->gate = gate;
        call->started = clock_steady();
        reason why = start(call);
        if (why == NULL && call->route->run_many != NULL) {
            shared[some++] = call;
            CHECK(call->route == shared[0]->route); // router_is_shared
            continue;
        }
        why = why != NULL ? why : call->route->run(call->op, gate, call->request, call->reply);
        router_answer(call, why);
    }
    if (some > 0) {
        shared[0]->route->run_many(gate, shared, some);
    }
}

void router_run(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct call call = {.op = op, .request = request, .reply = reply};
    struct call *calls[] = {&call};
    router_run_many(gate, calls, 1);
}

bool router_is_shared(enum method method, struct slice path) {
    return method == METHOD_POST && router_is_saml(path) && slice_ends(path, S("/acs"));
}

bool router_is_saml(struct slice path) {
    return slice_starts(path, S("/saml/"));
}

size_t router_body_max(enum method method, struct slice path) {
    if (method == METHOD_GET) {
        return 0;
    }
    if (router_is_saml(path)) {
        return SAML_FORM_MAX;
    }
    if (slice_starts(path, S(API_PREFIX)) && slice_ends(path, S("/users:bulk"))) {
        return BULK_BYTES_MAX;
    }
    bool api = slice_starts(path, S(API_PREFIX)) || slice_starts(path, S(PLATFORM_PREFIX));
    return api ? JSON_BODY_MAX : WEB_BODY_MAX;
}
