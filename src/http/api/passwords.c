// SPDX-License-Identifier: GPL-3.0-or-later
// Local sign-in for machines: what the pages do, as JSON, each in one call. No cookie is set, and a body that is no JSON is not
// taken, so that no page of somebody else's signs anybody in.
#include "domain/lifecycle.h"
#include "http/api/api.h"
#include "http/local.h"
#include "http/web/web.h"

struct ask {
    struct slice email, password, tenant, code, token, first_name, last_name, current_password;
};
static const struct field sign_in_rows[] = {
    F_TEXT(struct ask, email, 1, FIELD_MUST, 254),
    F_TEXT(struct ask, password, 2, FIELD_MUST | FIELD_LINES, 1024),
    F_TEXT(struct ask, tenant, 3, FIELD_NULL, 63),
    F_TEXT(struct ask, code, 4, FIELD_NULL, 64),
};
FIELD_TABLE(sign_in_ask_fields, "sign-in", 1, struct ask, sign_in_rows);
static const struct field forgot_rows[] = {
    F_TEXT(struct ask, email, 1, FIELD_MUST, 254),
};
FIELD_TABLE(forgot_ask_fields, "address", 1, struct ask, forgot_rows);
static const struct field reset_rows[] = {
    F_TEXT(struct ask, token, 1, FIELD_MUST, 256),
    F_TEXT(struct ask, password, 2, FIELD_MUST | FIELD_LINES, 1024),
};
FIELD_TABLE(reset_ask_fields, "reset", 1, struct ask, reset_rows);
static const struct field accept_rows[] = {
    F_TEXT(struct ask, token, 1, FIELD_MUST, 256),
    F_TEXT(struct ask, password, 2, FIELD_NULL | FIELD_LINES, 1024),
    F_TEXT(struct ask, first_name, 3, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXT(struct ask, last_name, 4, FIELD_PLAIN, 4 * USER_NAME_MAX),
};
FIELD_TABLE(accept_ask_fields, "acceptance", 1, struct ask, accept_rows);
static const struct field change_rows[] = {
    F_TEXT(struct ask, current_password, 1, FIELD_MUST | FIELD_LINES, 1024),
    F_TEXT(struct ask, password, 2, FIELD_MUST | FIELD_LINES, 1024),
};
FIELD_TABLE(password_change_ask_fields, "change", 1, struct ask, change_rows);

static reason read_ask(struct op *op, const struct request *request,
                       const struct field_table *table, struct ask *ret_ask) {
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    return json_to_fields(op, table, object, S(""), ret_ask);
}

// ---- sign in ------------------------------------------------------------------------------------------

static reason say_step(struct op *op, const struct sign_in_work *work) {
    const struct sign_in_door *doors = work->doors.at;
    switch (work->step) {
    case STEP_FACTOR:
        op_error(op, S("/code"), REASON_OF(FIELD_REQUIRED), "the code of the second factor");
        REFUSE(op, SECOND_FACTOR_REQUIRED, "send the code of the second factor, too");
    case STEP_TENANT:
        for (size_t i = 0; i < work->doors.count; i++) {
            op_error(op, S("/tenant"), REASON_OF(FIELD_REQUIRED), "%.*s", SLICE(doors[i].tenant.slug));
        }
        REFUSE(op, TENANT_REQUIRED, "send one of %zu tenants, too", work->doors.count);
    case STEP_PASSWORD: REFUSE(op, PASSWORD_EXPIRED, "the password is too old; set a new one in a browser");
    case STEP_SETUP: REFUSE(op, SECOND_FACTOR_SETUP, "the tenant wants a second factor");
    case STEP_DONE: break;
    }
    return NULL;
}

reason api_sign_in(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct ask ask = {.email = SLICE_NONE};
    struct sign_in_work work;
    TRY(read_ask(op, request, &sign_in_ask_fields, &ask));
    const struct local_try given = {.email = slice_trim(ask.email),
                                    .password = ask.password,
                                    .tenant = ask.tenant,
                                    .code = ask.code};
    TRY(local_sign_in(op, gate, request, &given, &work));
    if (work.why != NULL) {
        op->detail = S(""); // what exactly it was is for those who run the tenant
        return work.why;
    }
    TRY(say_step(op, &work));
    return reply_signed_in(op, gate, &work.login, work.trace.id, reply);
}

// ---- links --------------------------------------------------------------------------------------------

// 202 for everybody: who asks does not learn who is known here.
reason api_password_forgot(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct ask ask = {.email = SLICE_NONE};
    TRY(read_ask(op, request, &forgot_ask_fields, &ask));
    TRY(local_forgot(op, gate, request, slice_trim(ask.email)));
    reply_empty(reply, 202);
    return NULL;
}

static reason use_link(struct op *op, struct gate *gate, const struct request *request,
                       const struct ask *ask, bool invitation, struct reply *reply) {
    struct password_link link;
    TRY(local_link(op, gate, request, ask->token, invitation, &link));
    TRY(local_use_link(op, gate, ask->password, ask->first_name, ask->last_name, &link));
    struct json *body = json_object(op);
    json_set_text(op, body, "tenant", link.ticket.tenant);
    json_set_text(op, body, "user_id", link.user.id);
    json_set_str(op, body, "status",
                 membership_status_names[membership_now(&link.membership, op->now)]);
    return reply_json(op, reply, 200, body);
}

reason api_password_reset(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct ask ask = {.email = SLICE_NONE};
    TRY(read_ask(op, request, &reset_ask_fields, &ask));
    return use_link(op, gate, request, &ask, false, reply);
}

reason api_invitation_accept(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    struct ask ask = {.email = SLICE_NONE};
    TRY(read_ask(op, request, &accept_ask_fields, &ask));
    return use_link(op, gate, request, &ask, true, reply);
}

// ---- of who is signed in ------------------------------------------------------------------------------

struct changing {
    const struct request *request;
    struct account account;
    struct password_policy policy;
    struct slice hash;
};
static reason read_account(struct op *op, struct txn *txn, void *arg) {
    struct changing *it = arg;
    bool found = false;
    TRY(account_find(op, txn, it->request->session.user.id, &it->account, &found));
    return password_policy_for(op, txn, it->request->session.user.id, &it->policy);
}
static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct changing *it = arg;
    const struct session_view *view = &it->request->session;
    int64_t at = 0;
    return password_change(op, txn, &it->request->actor, &view->user, view->session.tenant,
                           it->account.password_at, it->hash, view->session.id, &at);
}

reason api_password_change(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct changing it = {.request = request};
    struct ask ask = {.email = SLICE_NONE};
    if (request->actor.kind != ACTOR_USER) {
        REFUSE(op, FORBIDDEN, "only a person who is signed in has a password");
    }
    const struct user *user = &request->session.user;
    TRY(read_ask(op, request, &password_change_ask_fields, &ask));
    TRY(store_read(op, gate->store, read_account, &it));
    TRY(local_verify(op, gate, request, user, ask.current_password));
    it.policy.history = it.policy.history > 0 ? it.policy.history : 1;
    TRY(local_hash(op, gate, &it.policy, user, &it.account, S("/password"), ask.password, &it.hash));
    TRY(api_write(op, gate, store_change, &it));
    reply_empty(reply, 204);
    return NULL;
}
