// SPDX-License-Identifier: GPL-3.0-or-later
// The assertion consumer: a form with a SAMLResponse comes in, a session goes out, or a refusal with its reason
// and the number of its trace. Nothing is decided here: saml proves, domain admits, this door carries.
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "http/limits.h"
#include "http/page.h"
#include "http/web/web.h"

struct visit {
    struct gate *gate;
    struct request *request;
    const struct trust *trust;
    struct sp sp;
    struct trace trace;
    struct post_form form;
    struct identity identity;
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

static reason prove(struct op *op, struct visit *visit) {
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
    struct inbound inbound = {.xml = visit->form.xml,
                              .trust = visit->trust,
                              .entity_id = visit->sp.entity_id,
                              .acs_url = visit->sp.acs_url,
                              .pool = gate->pool,
                              .keys = trust_sp_keys(visit->trust, gate->sp_keys),
                              .brake = gate->brake};
    return saml_receive(op, &inbound, &visit->trace, &visit->identity);
}

static reason admit(struct op *op, struct visit *visit) {
    struct login_door door = {
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
    return login_admit(op, visit->gate->store, &door, &visit->trace, &visit->login);
}

static reason ask_again(struct op *op, struct visit *visit, struct reply *reply) {
    struct post_field fields[3] = {{"SAMLResponse", visit->form.raw},
                                   {POSTED_AGAIN_FIELD, S("1")}};
    size_t count = 2;
    if (visit->form.relay_state.at != NULL) {
        fields[count++] = (struct post_field){"RelayState", visit->form.relay_state};
    }
    return page_post(op, visit->gate, reply, visit->request->path, fields, count, "Signing in",
                     "Your browser held back a cookie. One moment, please.");
}

static void forget_binding(struct op *op, struct visit *visit, struct reply *reply) {
    if (visit->login.handle.len > 0) {
        reply_cookie(op, reply,
                     op_text(op, BINDING_COOKIE_PREFIX "%.*s", SLICE(visit->login.handle)), S(""),
                     "None", 0);
    }
}

reason reply_signed_in(struct op *op, const struct gate *gate, const struct login *login,
                       struct slice trace_id, struct reply *reply) {
    struct session_view view = {login->session, login->user, login->membership, login->roles,
                                login->permissions, login->rv};
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

static reason reply_login(struct op *op, struct visit *visit, struct reply *reply) {
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

// Whoever has one signed message, perhaps an old one out of a support ticket, can send it for ever: of such refusals only
// so many are written to the disk.
static void keep_refusal(struct op *op, struct visit *visit, reason why) {
    struct gate *gate = visit->gate;
    if (!visit->trace.verified ||
        limits_keep_refusal(gate->limits, visit->trust->connection.slug)) {
        login_refused(op, gate->store, gate->ring, &visit->trace, visit->request->address);
        return;
    }
    ring_put(gate->ring, op, &visit->trace);
    metric_refused(why);
}

static reason refuse(struct op *op, struct visit *visit, struct reply *reply, reason why,
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

static reason with_trust(struct op *op, struct visit *visit, struct reply *reply) {
    const struct connection *connection = &visit->trust->connection;
    TRY(sp_addresses(op, visit->gate->settings->public_url, connection->slug, &visit->sp));
    TRY(trace_open(op, connection->slug, connection->tenant, &visit->trace));
    visit->trace.address = visit->request->address;
    visit->trace.request = op->id;
    reason why = prove(op, visit);
    if (why != NULL) {
        return refuse(op, visit, reply, why, false);
    }
    why = admit(op, visit);
    if (why != NULL) {
        // Refusals of the login itself are durable already; a store or queue that failed kept nothing.
        return refuse(op, visit, reply, why, why->class == CLASS_LOGIN);
    }
    return reply_login(op, visit, reply);
}

reason web_acs(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct visit visit = {.gate = gate, .request = request, .json = request_wants_json(request)};
    TRY(trust_borrow(op, gate->trusts, gate->store, request->args[0], &visit.trust));
    store_expect(gate->store); // most messages end in a write
    reason why = with_trust(op, &visit, reply);
    store_expect_end(gate->store);
    trust_return(gate->trusts, visit.trust);
    return why;
}
