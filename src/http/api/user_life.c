// SPDX-License-Identifier: GPL-3.0-or-later
// What an administrator lets happen to a person: each call is an event of the table in domain/lifecycle.def, which decides.
#include "domain/password_set.h"
#include "http/api/users.h"

struct ask {
    struct slice reason, email;
};
static const struct field disable_rows[] = {
    F_TEXT(struct ask, reason, 1, FIELD_NULL, MEMBER_TEXT_MAX),
};
FIELD_TABLE(user_disable_fields, "reason", 1, struct ask, disable_rows);
static const struct field email_rows[] = {
    F_TEXT(struct ask, email, 1, FIELD_MUST, 254),
};
FIELD_TABLE(user_email_fields, "address", 1, struct ask, email_rows);

struct event_work {
    struct user_work work;
    struct happening happening;
    struct ask ask;
};
static reason store_event(struct op *op, struct txn *txn, void *arg) {
    struct event_work *event = arg;
    TRY(user_work_find(op, txn, &event->work));
    struct member member = event->work.shown.member;
    TRY(member_let(op, txn, event->work.actor, &member, &event->happening));
    return user_work_done(op, txn, &member, &event->work);
}

static reason let(struct op *op, struct gate *gate, struct request *request, struct reply *reply,
                  enum life_event which, unsigned status) {
    struct event_work event = {.work = user_work_of(request), .happening = {.event = which}};
    const struct json *object = NULL;
    if (which == LIFE_DISABLE && request->body.len > 0) {
        TRY(request_json(op, request, &object));
        TRY(json_to_fields(op, &user_disable_fields, object, S(""), &event.ask));
        event.happening.reason = event.ask.reason;
    }
    TRY(api_write(op, gate, store_event, &event));
    if (status == 204) {
        reply_empty(reply, status);
        return NULL;
    }
    return user_work_reply(op, reply, status, &event.work);
}

#define LET(name, event, status)                                                                   \
    reason name(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {  \
        return let(op, gate, request, reply, event, status);                                       \
    }
LET(api_user_resend, LIFE_RESEND, 202)
LET(api_user_disable, LIFE_DISABLE, 200)
LET(api_user_enable, LIFE_ENABLE, 200)
LET(api_user_reactivate, LIFE_REACTIVATE, 200)
LET(api_user_unlock, LIFE_UNLOCK, 200)
LET(api_user_delete, LIFE_DELETE, 204)
LET(api_user_restore, LIFE_RESTORE, 200)

static reason store_email(struct op *op, struct txn *txn, void *arg) {
    struct event_work *event = arg;
    struct member member;
    TRY(user_work_find(op, txn, &event->work));
    TRY(member_change_email(op, txn, event->work.actor, event->work.tenant, event->work.user_id,
                            event->ask.email, &member));
    return user_work_done(op, txn, &member, &event->work);
}

reason api_user_change_email(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    struct event_work event = {.work = user_work_of(request)};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &user_email_fields, object, S(""), &event.ask));
    TRY(api_write(op, gate, store_email, &event));
    return user_work_reply(op, reply, 202, &event.work);
}

// ---- the second factor --------------------------------------------------------------------------------

// Of a person of this tenant's own: others have theirs taken away where they are at home.
static reason store_reset(struct op *op, struct txn *txn, void *arg) {
    struct user_work *work = arg;
    struct account account;
    bool found = false;
    TRY(user_work_find(op, txn, work));
    struct member member = work->shown.member;
    if (member.membership.status == MEMBER_DELETED) {
        return life_refuse(op, MEMBER_DELETED, LIFE_UPDATE);
    }
    TRY(member_check_account(op, txn, work->actor, &member));
    TRY(account_find(op, txn, work->user_id, &account, &found));
    if (found && (account.factor_at > 0 || account.factor_pending.len > 0)) {
        factor_forget(&account);
        TRY(account_put(op, txn, &account));
        TRY(factor_changed(op, txn, work->actor, &member.user, work->tenant,
                           "user.second_factor_reset", "The second factor was taken away."));
    }
    return user_work_done(op, txn, &member, work);
}

reason api_user_reset_factor(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    struct user_work work = user_work_of(request);
    TRY(api_write(op, gate, store_reset, &work));
    return user_work_reply(op, reply, 200, &work);
}

// ---- sessions -----------------------------------------------------------------------------------------

struct sessions {
    struct user_work work;
    struct slice session;
    struct rows rows;
    size_t ended;
};
static reason read_sessions(struct op *op, struct txn *txn, void *arg) {
    struct sessions *it = arg;
    TRY(user_work_find(op, txn, &it->work));
    return session_list(op, txn, it->work.tenant, it->work.user_id, S(""), &it->rows);
}

reason api_user_sessions(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply) {
    struct sessions it = {.work = user_work_of(request)};
    TRY(store_read(op, gate->store, read_sessions, &it));
    struct json *items = json_array(op);
    for (size_t i = 0; i < it.rows.count; i++) {
        const struct session *session = &((const struct session *)it.rows.at)[i];
        struct json *item = json_object(op);
        json_set_text(op, item, "id", session->id);
        json_set_text_or_null(op, item, "connection", session->connection);
        json_set_text_or_null(op, item, "authn_context", session->authn_context);
        json_set_time(op, item, "authenticated_at", session->authenticated_at);
        json_set_time(op, item, "created_at", session->created_at);
        json_set_time(op, item, "expires_at", session->expires_at);
        json_add(op, items, item);
    }
    return api_reply_list(op, reply, items, SLICE_NONE, it.rows.count);
}

// One of another person, or of another tenant, is not there.
static reason end_one(struct op *op, struct txn *txn, void *arg) {
    struct sessions *it = arg;
    bool there = false;
    TRY(read_sessions(op, txn, it));
    for (size_t i = 0; i < it->rows.count && !there; i++) {
        const struct session *session = &((const struct session *)it->rows.at)[i];
        if (slice_equal(session->id, it->session)) {
            TRY(session_end(op, txn, it->work.actor, it->session, &there));
        }
    }
    if (!there) {
        REFUSE(op, NOT_FOUND, "this person has no such session here");
    }
    return NULL;
}

reason api_user_session_delete(struct op *op, struct gate *gate, struct request *request,
                               struct reply *reply) {
    struct sessions it = {.work = user_work_of(request), .session = request->args[2]};
    TRY(api_write(op, gate, end_one, &it));
    reply_empty(reply, 204);
    return NULL;
}

static reason end_sessions(struct op *op, struct txn *txn, void *arg) {
    struct sessions *it = arg;
    TRY(user_work_find(op, txn, &it->work));
    return session_end_all(op, txn, it->work.actor, it->work.tenant, it->work.user_id, &it->ended);
}

reason api_user_revoke_sessions(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    struct sessions it = {.work = user_work_of(request)};
    TRY(api_write(op, gate, end_sessions, &it));
    struct json *body = json_object(op);
    json_set_number(op, body, "ended", (int64_t)it.ended);
    return reply_json(op, reply, 200, body);
}
