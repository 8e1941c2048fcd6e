// SPDX-License-Identifier: GPL-3.0-or-later
// Signing out: here first, always; then at the identity provider, if it can. And the identity provider's own
// sign-out messages: the sessions of that person at that connection, found in the store, no cookie needed.
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "http/page.h"
#include "http/web/web.h"
#include "saml/logout.h"

// A session that ended elsewhere is no reason to refuse a sign-out: *ret_there is false then.
static reason who(struct op *op, struct gate *gate, struct request *request, bool *ret_there) {
    reason why = guard_identify(op, gate, request);
    if (why != NULL && why != REASON_OF(UNAUTHENTICATED)) {
        return why;
    }
    *ret_there = why == NULL && request->actor.kind == ACTOR_USER;
    return NULL;
}

reason web_logout_ask(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    bool there = false;
    TRY(who(op, gate, request, &there));
    if (!there) {
        reply_redirect(reply, 303, S("/"));
        return NULL;
    }
    struct page_out page;
    page_open(&page, op, gate, "Sign out?");
    page_paragraph(&page, op_text(op, "You are signed in as %.*s.",
                                  SLICE(request->session.user.email.len > 0
                                            ? request->session.user.email
                                            : request->session.session.name_id)));
    page_html(&page, "<form method=\"post\" action=\"/logout\">"
                     "<button type=\"submit\">Sign out</button></form>\n");
    return page_reply(&page, reply, 200, true);
}

struct ending {
    const struct actor *actor;
    struct slice session;
    bool there;
};
static reason end_session(struct op *op, struct txn *txn, void *arg) {
    struct ending *ending = arg;
    return session_end(op, txn, ending->actor, ending->session, &ending->there);
}

static reason add_pending(struct op *op, struct txn *txn, void *arg) {
    struct slice cookie; // nobody gets it: an answer ends nothing, so no browser is bound to it
    return pending_add(op, txn, arg, &cookie);
}

// The LogoutRequest for the IdP, if it has an endpoint for one. What it asks is kept, so that only an answer to it
// is taken for one.
static reason request_logout(struct op *op, struct gate *gate, const struct session *session,
                             struct outbound *ret_outbound, bool *ret_there) {
    const struct trust *trust = NULL;
    *ret_there = false;
    reason why = trust_borrow(op, gate->trusts, gate->store, session->connection, &trust);
    if (why != NULL) {
        return why == REASON_OF(NOT_FOUND) ? NULL : why; // removed since the login
    }
    struct sp sp;
    struct pending pending = {.connection = session->connection, .logout = true};
    why = sp_addresses(op, gate->settings->public_url, session->connection, &sp);
    if (why == NULL && trust->connection.idp.slo.count > 0 && session->name_id.len > 0) {
        why = store_write(op, gate->store, add_pending, &pending);
    }
    if (why == NULL && pending.request_id.len > 0) {
        why = sp_logout_request(op, &sp, &trust->connection, trust_sp_keys(trust, gate->sp_keys), session,
                                &pending, ret_outbound, ret_there);
    }
    trust_return(gate->trusts, trust);
    return why;
}

static reason logout_json(struct op *op, struct reply *reply, const struct outbound *outbound,
                          bool there) {
    struct json *body = json_object(op);
    json_set_bool(op, body, "signed_out", true);
    json_set_text_or_null(op, body, "logout_url",
                          there && !outbound->post ? outbound->url : SLICE_NONE);
    return reply_json(op, reply, 200, body);
}

static reason nobody(struct op *op, const struct request *request, struct reply *reply, bool json) {
    if (json) {
        REFUSE(op, UNAUTHENTICATED, "there is no session to sign out of");
    }
    reply_redirect(reply, 303, S("/"));
    // Only a browser that showed a cookie is told to drop it: a post from another site comes without it, and must not
    // sign anybody out.
    if (request->by_cookie) {
        reply_cookie(op, reply, S(SESSION_COOKIE_NAME), S(""), "Lax", 0);
    }
    return NULL;
}

reason web_logout(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    bool json = request_wants_json(request);
    bool signed_in = false;
    TRY(who(op, gate, request, &signed_in));
    if (request->by_cookie) {
        TRY(guard_same_site(op, gate, request));
    }
    if (!signed_in) {
        return nobody(op, request, reply, json);
    }
    const struct session *session = &request->session.session;
    struct ending ending = {&request->actor, session->id, false};
    TRY(store_write(op, gate->store, end_session, &ending));
    metric_add(METRIC_SESSIONS_ENDED, 1);
    // From here on nothing may turn the sign-out into an error: it happened.
    struct outbound outbound = {.post = false};
    bool there = false;
    if (request_logout(op, gate, session, &outbound, &there) != NULL) {
        there = false;
    }
    if (json) {
        TRY(logout_json(op, reply, &outbound, there));
    } else if (there) {
        TRY(send_outbound(op, gate, reply, &outbound, "Signing out",
                          "You are signed out here. One moment: your identity provider is told."));
        reply->status = reply->status == 302 ? 303 : reply->status;
    } else {
        reply_redirect(reply, 303, S("/?signed_out=here"));
    }
    reply_cookie(op, reply, S(SESSION_COOKIE_NAME), S(""), "Lax", 0);
    return NULL;
}

// ---- the identity provider's messages --------------------------------------------------------------------

struct idp_logout {
    const struct connection *connection;
    const struct logout_message *message;
    struct actor actor;
    bool replayed;
    size_t ended;
};

static bool index_named(struct texts indexes, struct slice index) {
    for (size_t i = 0; i < indexes.count; i++) {
        if (slice_equal(indexes.at[i], index)) {
            return true;
        }
    }
    return indexes.count == 0;
}

// A LogoutRequest names its principal by NameID; sessions of another NameID of the same person stay.
static reason end_named(struct op *op, struct txn *txn, void *arg) {
    struct idp_logout *logout = arg;
    const struct logout_message *message = logout->message;
    bool fresh = false;
    int64_t expires = message->not_on_or_after != 0 ? message->not_on_or_after
                                                    : message->issue_instant + HOUR_MS;
    const struct replay_of of = {message->issuer, message->id, message->issue_instant, expires};
    TRY(replay_add(op, txn, logout->connection->slug, &of, &fresh));
    logout->replayed = !fresh;
    logout->ended = 0;
    if (!fresh) {
        return NULL;
    }
    struct rows found;
    TRY(session_list_by_name_id(op, txn, logout->connection->slug, message->name_id, &found));
    const struct session *sessions = found.at;
    for (size_t i = 0; i < found.count; i++) {
        bool there = false;
        if (index_named(message->session_indexes, sessions[i].session_index)) {
            TRY(session_end(op, txn, &logout->actor, sessions[i].id, &there));
            logout->ended += there ? 1 : 0;
        }
    }
    return NULL;
}

static reason answer_request(struct op *op, struct gate *gate, const struct trust *trust,
                             const struct sp *sp, const struct request *request,
                             const struct logout_message *message, struct reply *reply) {
    struct idp_logout logout = {.connection = &trust->connection,
                                .message = message,
                                .actor = {.kind = ACTOR_SYSTEM,
                                          .id = trust->connection.slug,
                                          .address = request->address}};
    TRY(store_write(op, gate->store, end_named, &logout));
    if (logout.replayed) {
        REFUSE(op, LOGOUT_REPLAYED, "the LogoutRequest %.*s was used already, or issued before the store was restored",
               SLICE(message->id));
    }
    metric_add(METRIC_SESSIONS_ENDED, (int64_t)logout.ended);
    struct outbound outbound;
    bool found = logout.ended > 0;
    TRY(sp_logout_response(op, sp, &trust->connection, trust_sp_keys(trust, gate->sp_keys), message->id,
                           found ? SP_STATUS_SUCCESS : SP_STATUS_REQUESTER,
                           found ? "" : SP_STATUS_UNKNOWN_PRINCIPAL, message->relay_state, &outbound));
    return send_outbound(op, gate, reply, &outbound, "Signing out",
                         "You are signed out. One moment: your identity provider is told.");
}

struct answer {
    struct slice connection, request_id;
    bool taken;
};
static reason take_pending(struct op *op, struct txn *txn, void *arg) {
    struct answer *answer = arg;
    return pending_take_logout(op, txn, answer->connection, answer->request_id, &answer->taken);
}

// What answers no request of ours, or was here before, says nothing about where this browser is signed in.
static reason take_answer(struct op *op, struct gate *gate, const struct trust *trust,
                          const struct logout_message *message, struct reply *reply) {
    struct answer answer = {trust->connection.slug, message->in_response_to, false};
    TRY(store_write(op, gate->store, take_pending, &answer));
    bool success = slice_equal(message->status, S(SP_STATUS_SUCCESS)) && message->sub_status.len == 0;
    reply_redirect(reply, 303,
                   !answer.taken ? S("/?signed_out=here")
                   : success     ? S("/?signed_out=everywhere")
                                 : S("/?signed_out=partly"));
    return NULL;
}

static reason receive(struct op *op, struct gate *gate, struct request *request,
                      const struct trust *trust, struct reply *reply) {
    struct sp sp;
    TRY(sp_addresses(op, gate->settings->public_url, trust->connection.slug, &sp));
    struct inbound inbound = {.trust = trust,
                              .entity_id = sp.entity_id,
                              .acs_url = sp.acs_url,
                              .pool = gate->pool,
                              .keys = trust_sp_keys(trust, gate->sp_keys)};
    struct logout_message message;
    if (request->body_over) {
        REFUSE(op, SAML_TOO_LARGE, "the form has more than %u bytes", (unsigned)SAML_FORM_MAX);
    }
    if (request->method == METHOD_POST) {
        TRY(logout_receive_post(op, &inbound, sp.slo_url, request->body, &message));
    } else {
        TRY(logout_receive_query(op, &inbound, sp.slo_url, request->query, &message));
    }
    if (message.is_request) {
        return answer_request(op, gate, trust, &sp, request, &message, reply);
    }
    return take_answer(op, gate, trust, &message, reply);
}

// A refused sign-out message leaves a trace as a refused login does, kept in memory only: nothing was changed by it.
static reason refuse(struct op *op, struct gate *gate, const struct request *request,
                     const struct trust *trust, struct reply *reply, reason why) {
    struct trace trace;
    TRY(trace_open(op, trust->connection.slug, trust->connection.tenant, &trace));
    trace.address = request->address;
    trace.request = op->id;
    trace_add(op, &trace, "logout", CHECK_FAIL, slice_str(why->text), op->detail);
    trace_close(op, &trace, why);
    ring_put(gate->ring, op, &trace);
    LOG(op, LOG_INFO, "logout.refused", LOG_TEXT("connection", trust->connection.slug),
        LOG_TEXT("reason", slice_str(why->slug)), LOG_TEXT("trace", trace.id),
        LOG_TEXT("detail", op->detail));
    if (request_wants_json(request) || page_problem(op, gate, reply, why, trace.id) != NULL) {
        reply_problem(op, reply, why, trace.id, false);
    }
    return NULL;
}

static reason slo(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    const struct trust *trust = NULL;
    TRY(trust_borrow(op, gate->trusts, gate->store, request->args[0], &trust));
    reason why = receive(op, gate, request, trust, reply);
    if (why != NULL && why->class == CLASS_LOGIN) {
        why = refuse(op, gate, request, trust, reply, why);
    }
    trust_return(gate->trusts, trust);
    return why;
}

reason web_slo_query(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    return slo(op, gate, request, reply);
}

reason web_slo_post(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    return slo(op, gate, request, reply);
}
