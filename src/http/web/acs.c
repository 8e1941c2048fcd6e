// SPDX-License-Identifier: GPL-3.0-or-later
// The assertion consumer: a form with a SAMLResponse comes in, a session goes out, or a refusal
// with its reason and the number of its trace. Nothing is decided here: saml proves, domain admits,
// this door carries. It carries several at once, who share a trip to a worker and the wait for the
// disk, and have nothing else in common.
#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "http/limits.h"
#include "http/page.h"
#include "http/queue.h"
#include "http/web/web.h"

static_assert(ROUTER_TOGETHER_MAX <= POOL_TOGETHER_MAX, "they go to one worker");
static_assert(ROUTER_TOGETHER_MAX <= STORE_JOBS_MAX, "and into one transaction");

struct post {
    struct call *call;
    struct op *op;
    struct gate *gate;
    struct request *request;
    const struct trust *trust;
    struct sp sp;
    struct trace trace;
    struct post_form form;
    struct inbound inbound;
    struct identity identity;
    struct login_door door;
    struct login login;
    bool json;
};

static struct slice binding_cookie(void *arg, struct slice handle) {
    const struct request *request = arg;
    char name[sizeof BINDING_COOKIE_PREFIX + PENDING_HANDLE];
    if (handle.len > PENDING_HANDLE) {
        return S("");
    }
    size_t prefix = sizeof BINDING_COOKIE_PREFIX - 1;
    memcpy(name, BINDING_COOKIE_PREFIX, prefix);
    memcpy(name + prefix, handle.at, handle.len);
    return request_cookie(request, slice_of(name, prefix + handle.len));
}

static reason ask_again(struct op *op, struct post *visit, struct reply *reply) {
    struct post_field fields[3] = {{"SAMLResponse", visit->form.raw}, {POSTED_AGAIN_FIELD, S("1")}};
    size_t count = 2;
    if (visit->form.relay_state.at != NULL) {
        fields[count++] = (struct post_field){"RelayState", visit->form.relay_state};
    }
    return page_post(op, visit->gate, reply, visit->request->path, fields, count, "Signing in",
                     "Your browser held back a cookie. One moment, please.");
}

static void forget_binding(struct op *op, struct post *visit, struct reply *reply) {
    if (visit->login.handle.len > 0) {
        reply_cookie(op, reply,
                     op_text(op, BINDING_COOKIE_PREFIX "%.*s", SLICE(visit->login.handle)), S(""),
                     "None", 0);
    }
}

reason reply_signed_in(struct op *op, const struct gate *gate, const struct login *login,
                       struct slice trace_id, struct reply *reply) {
    struct session_view view = {.session = login->session,
                                .user = login->user,
                                .membership = login->membership,
                                .roles = login->roles,
                                .permissions = login->permissions,
                                .rv = login->rv};
    struct claims claims;
    struct slice token;
    const struct settings *settings = gate->settings;
    TRY(token_for_session(op, &view, settings->token_lifetime, &claims));
    TRY(token_issue(op, gate->keyring, settings->public_url, &claims, &token));
    struct json *body = json_object(op);
    json_set_text(op, body, "access_token", token);
    json_set_str(op, body, "token_type", "Bearer");
    json_set_number(op, body, "expires_in", (claims.expires_at - claims.issued_at) / SECOND_MS);
    json_set_text(op, body, "session_id", login->session.id);
    json_set_text(op, body, "tenant", login->session.tenant);
    struct json *user = json_object(op);
    json_set_text(op, user, "id", login->user.id);
    json_set_text_or_null(op, user, "email", login->user.email);
    json_set_text_or_null(op, user, "name_id", login->session.name_id);
    json_set(op, body, "user", user);
    struct texts permissions;
    TRY(permission_texts(op, login->permissions, &permissions));
    json_set_texts(op, body, "roles", login->roles);
    json_set_texts(op, body, "permissions", permissions);
    json_set_text(op, body, "return_to", login->return_to);
    json_set_text(op, body, "trace_id", trace_id);
    return reply_json(op, reply, 200, body);
}

static reason reply_login(struct op *op, struct post *visit, struct reply *reply) {
    if (visit->login.ask_again) {
        return ask_again(op, visit, reply);
    }
    if (visit->json) {
        TRY(reply_signed_in(op, visit->gate, &visit->login, visit->trace.id, reply));
    } else {
        reply_redirect(reply, 303, visit->login.return_to);
        reply_cookie(op, reply, S(SESSION_COOKIE_NAME), visit->login.cookie, "Lax", -1);
    }
    forget_binding(op, visit, reply);
    return NULL;
}

// Whoever has one signed message, perhaps an old one out of a support ticket, can send it for ever:
// of such refusals only so many are written to the disk.
static void keep_refusal(struct op *op, struct post *visit, reason why) {
    struct gate *gate = visit->gate;
    if (!visit->trace.verified ||
        limits_keep_refusal(gate->limits, visit->trust->connection.slug)) {
        login_refused(op, gate->store, gate->ring, &visit->trace, visit->request->address);
        return;
    }
    ring_put(gate->ring, op, &visit->trace);
    metric_refused(why);
}

static reason refuse(struct op *op, struct post *visit, struct reply *reply, reason why,
                     bool stored) {
    if (!stored) {
        trace_close(op, &visit->trace, why);
        keep_refusal(op, visit, why);
    }
    LOG(op, LOG_INFO, "login.refused", LOG_TEXT("connection", visit->trust->connection.slug),
        LOG_TEXT("reason", slice_str(why->slug)), LOG_TEXT("trace", visit->trace.id),
        LOG_TEXT("detail", op->detail));
    struct slice offer = SLICE_NONE;
    if (!visit->json && web_request_offer(op, visit->gate, &visit->trace, why, &offer) != NULL) {
        offer = SLICE_NONE; // the refusal itself is what has to be said
    }
    if (visit->json || page_problem_with(op, visit->gate, reply, why, visit->trace.id, offer,
                                         "Ask for access") != NULL) {
        reply_problem(op, reply, why, visit->trace.id, false);
    }
    return NULL;
}

// ---- several at once ----

// *ret_visit is in the op's memory: it is gone with router_answer.
static reason open_visit(struct gate *gate, struct call *call, struct post **ret_visit) {
    struct post *visit = NULL;
    struct op *op = call->op;
    TRY(op_take(op, sizeof *visit, &visit));
    *visit = (struct post){.call = call,
                            .op = op,
                            .gate = gate,
                            .request = call->request,
                            .json = request_wants_json(call->request)};
    TRY(trust_borrow(op, gate->trusts, gate->store, call->request->args[0], &visit->trust));
    const struct connection *connection = &visit->trust->connection;
    reason why = sp_addresses(op, gate->settings->public_url, connection->slug, &visit->sp);
    why = why != NULL ? why : trace_open(op, connection->slug, connection->tenant, &visit->trace);
    if (why != NULL) {
        trust_return(gate->trusts, visit->trust);
        return why;
    }
    visit->trace.address = visit->request->address;
    visit->trace.request = op->id;
    *ret_visit = visit;
    return NULL;
}

static void close_visit(struct post *visit, reason why) {
    trust_return(visit->gate->trusts, visit->trust);
    router_answer(visit->call, why);
}

static void close_refused(struct post *visit, reason why, bool stored) {
    close_visit(visit, refuse(visit->op, visit, visit->call->reply, why, stored));
}

static reason take_form(struct post *visit) {
    struct op *op = visit->op;
    struct gate *gate = visit->gate;
    TRY(limits_login(op, gate->limits, gate->settings, visit->request->address,
                     visit->trust->connection.slug));
    if (visit->request->body_over) {
        REFUSE(op, SAML_TOO_LARGE, "the form has more than %u bytes", (unsigned)SAML_FORM_MAX);
    }
    TRY(binding_post(op, visit->request->body, &visit->form));
    if (visit->form.is_request) {
        REFUSE(op, SAML_BINDING, "expected a SAMLResponse, got a SAMLRequest");
    }
    visit->inbound = (struct inbound){.xml = visit->form.xml,
                                      .trust = visit->trust,
                                      .entity_id = visit->sp.entity_id,
                                      .acs_url = visit->sp.acs_url,
                                      .pool = gate->pool,
                                      .keys = trust_sp_keys(visit->trust, gate->sp_keys),
                                      .brake = gate->brake};
    return NULL;
}

static void prove(struct post *const *visits, size_t count, reason *whys) {
    struct saml_job jobs[ROUTER_TOGETHER_MAX];
    for (size_t i = 0; i < count; i++) {
        struct post *visit = visits[i];
        jobs[i] = (struct saml_job){.op = visit->op,
                                    .inbound = &visit->inbound,
                                    .trace = &visit->trace,
                                    .ret_identity = &visit->identity};
    }
    saml_receive_many(jobs, count);
    for (size_t i = 0; i < count; i++) {
        whys[i] = jobs[i].why;
    }
}

static struct login_job admission_of(struct post *visit) {
    visit->door = (struct login_door){
        .connection = &visit->trust->connection,
        .identity = &visit->identity,
        .relay_state = visit->form.relay_state,
        .cookie = binding_cookie,
        .request = visit->request,
        // A machine does not fill in forms: it is told at once.
        .posted_again = visit->form.posted_again || visit->json,
        .address = visit->request->address,
        .session_lifetime = visit->gate->settings->session_lifetime,
    };
    return (struct login_job){
        .op = visit->op, .door = &visit->door, .trace = &visit->trace, .ret_login = &visit->login};
}

// Those that are proved, and answers them.
static void admit(struct gate *gate, struct post *const *visits, size_t count) {
    struct login_job jobs[ROUTER_TOGETHER_MAX];
    for (size_t i = 0; i < count; i++) {
        jobs[i] = admission_of(visits[i]);
    }
    queue_rest();
    login_admit_many(gate->store, jobs, count);
    struct call *calls[ROUTER_TOGETHER_MAX];
    reason whys[ROUTER_TOGETHER_MAX];
    size_t some = 0;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].why == NULL) {
            calls[some] = visits[i]->call;
            whys[some++] = reply_login(visits[i]->op, visits[i], visits[i]->call->reply);
            trust_return(gate->trusts, visits[i]->trust);
        }
    }
    router_answer_many(calls, whys, some);
    for (size_t i = 0; i < count; i++) {
        reason why = jobs[i].why;
        if (why != NULL) { // those of the login itself are durable already; a store or queue that
                           // failed kept nothing
            close_refused(visits[i], why, why->class == CLASS_LOGIN);
        }
    }
}

// From the forms to the answers. Refusals come last: one that is kept waits for the disk.
static void carry(struct gate *gate, struct post *const *visits, size_t count) {
    struct post *proved[ROUTER_TOGETHER_MAX];
    reason whys[ROUTER_TOGETHER_MAX];
    size_t some = 0;
    store_expect(gate->store); // most messages end in a write
    prove(visits, count, whys);
    for (size_t i = 0; i < count; i++) {
        if (whys[i] == NULL) {
            proved[some++] = visits[i];
        }
    }
    if (some > 0) {
        admit(gate, proved, some);
    }
    for (size_t i = 0; i < count; i++) {
        if (whys[i] != NULL) {
            close_refused(visits[i], whys[i], false);
        }
    }
    store_expect_end(gate->store);
}

void web_acs(struct gate *gate, struct call *const *calls, size_t count) {
    struct post *together[ROUTER_TOGETHER_MAX];
    struct post *alone[ROUTER_TOGETHER_MAX];
    size_t together_count = 0;
    size_t alone_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct post *visit = NULL;
        reason why = open_visit(gate, calls[i], &visit);
        if (why != NULL) {
            router_answer(calls[i], why);
            continue;
        }
        why = take_form(visit);
        if (why != NULL) {
            close_refused(visit, why, false);
        } else if (saml_goes_alone(&visit->inbound)) {
            alone[alone_count++] = visit;
        } else {
            together[together_count++] = visit;
        }
    }
    if (together_count > 0) {
        carry(gate, together, together_count);
    }
    queue_rest(); // they wait for more than a worker
    for (size_t i = 0; i < alone_count; i++) {
        carry(gate, &alone[i], 1);
    }
}
