// SPDX-License-Identifier: GPL-3.0-or-later
// Access requests: asked for, listed, decided, commented on, taken back.
#include "domain/request.h"

#include "http/api/components.h"

#define QUERIES S("cdp.interactive_queries.on")

// ---- showing ------------------------------------------------------------------------------------------

// Roles, and apart from them access to components, as a person's are shown.
static reason put_access(struct op *op, struct json *body, struct texts role_ids) {
    struct grant *grants;
    struct texts roles = {NULL, 0};
    TRY(op_take(op, role_ids.count * sizeof *grants, &grants));
    TRY(op_take(op, role_ids.count * sizeof *roles.at, &roles.at));
    for (size_t i = 0; i < role_ids.count; i++) {
        grants[i] = (struct grant){.role_id = role_ids.at[i], .source = GRANT_REQUEST};
        if (!components_is_grant(&grants[i])) {
            roles.at[roles.count++] = role_ids.at[i];
        }
    }
    json_set_texts(op, body, "roles", roles);
    components_set(op, body, (struct rows){grants, role_ids.count});
    return NULL;
}

static reason request_json_of(struct op *op, const struct access_request *request,
                              struct json **ret_json) {
    struct json *body = json_from_fields(op, &access_request_fields, request);
    TRY(put_access(op, body, request->roles));
    json_set_bool(op, body, "interactive_queries", texts_have(request->roles, QUERIES));
    *ret_json = body;
    return NULL;
}

static reason reply_one(struct op *op, struct reply *reply, unsigned status,
                        const struct access_request *request) {
    struct json *body = NULL;
    struct slice etag = SLICE_NONE;
    TRY(request_json_of(op, request, &body));
    TRY(api_etag(op, &access_request_fields, request, &etag));
    return api_reply_one(op, reply, status, body, etag);
}

// ---- asking -------------------------------------------------------------------------------------------

struct ask {
    struct slice email, first_name, last_name, justification, ticket;
    int64_t access_expires_at;
    bool draft, interactive_queries;
    struct texts roles;
};
static const struct field ask_rows[] = {
    F_TEXT(struct ask, email, 1, FIELD_MUST, 254),
    F_TEXT(struct ask, first_name, 2, FIELD_MUST, 4 * USER_NAME_MAX),
    F_TEXT(struct ask, last_name, 3, FIELD_MUST, 4 * USER_NAME_MAX),
    F_TEXT(struct ask, justification, 4, FIELD_NULL | FIELD_LINES, REQUEST_TEXT_MAX),
    F_TEXT(struct ask, ticket, 5, FIELD_NULL, MEMBER_TEXT_MAX),
    F_TIME(struct ask, access_expires_at, 6, FIELD_PLAIN),
    F_BOOL(struct ask, draft, 7, FIELD_PLAIN),
    F_TEXTS(struct ask, roles, 8, FIELD_PLAIN, ROLES_EACH_MAX),
    F_BOOL(struct ask, interactive_queries, 9, FIELD_PLAIN),
};
FIELD_TABLE(request_ask_fields, "access request", 1, struct ask, ask_rows);

struct said {
    struct slice note, text;
    struct texts roles;
    bool interactive_queries;
};
static const struct field note_rows[] = {
    F_TEXT(struct said, note, 1, FIELD_NULL | FIELD_LINES, REQUEST_TEXT_MAX),
    F_TEXTS(struct said, roles, 2, FIELD_PLAIN, ROLES_EACH_MAX),
    F_BOOL(struct said, interactive_queries, 3, FIELD_PLAIN),
};
FIELD_TABLE(request_approval_ask_fields, "approval", 1, struct said, note_rows);
// Only the note.
const struct field_table request_note_ask_fields = {"note", 1, sizeof(struct said), note_rows, 1};
static const struct field comment_rows[] = {
    F_TEXT(struct said, text, 1, FIELD_MUST | FIELD_LINES, REQUEST_TEXT_MAX),
};
FIELD_TABLE(request_comment_ask_fields, "comment", 1, struct said, comment_rows);

// The access that a body names by roles, components, bundle and interactive_queries, which is the component by the name
// that tickets had for it.
static reason access_of(struct op *op, struct component_ask *components, struct texts roles,
                        bool queries, struct texts *ret_roles) {
    bool known = true;
    if (queries) {
        (void)component_ask_set(components, S("interactive_queries"), S("on"), &known);
    }
    return component_apply(op, components, roles, ret_roles);
}

struct work {
    const struct request *request;
    const struct actor *actor;
    struct slice tenant, id;
    struct access_request asked, made;
    struct request_decision decision;
    struct texts roles;
    struct said said;
    struct slice failure;
    bool draft;
};

static struct work work_of(const struct request *request) {
    return (struct work){.request = request,
                         .actor = &request->actor,
                         .tenant = request->args[0],
                         .id = request->args[1]};
}

static reason read_ask(struct op *op, const struct request *request, struct work *work) {
    const struct json *object = NULL;
    struct component_ask components;
    struct ask ask = {.draft = false};
    TRY(request_json(op, request, &object));
    TRY(components_take(op, object, &components, &object));
    TRY(json_to_fields(op, &request_ask_fields, object, S(""), &ask));
    TRY(access_of(op, &components, ask.roles, ask.interactive_queries, &work->asked.roles));
    work->draft = ask.draft;
    work->asked.tenant = work->tenant;
    work->asked.id = work->id;
    work->asked.email = ask.email;
    work->asked.first_name = ask.first_name;
    work->asked.last_name = ask.last_name;
    work->asked.justification = ask.justification;
    work->asked.ticket = ask.ticket;
    work->asked.access_expires_at = ask.access_expires_at;
    return NULL;
}

static reason store_new(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    work->made = work->asked;
    if (work->actor->kind == ACTOR_USER) {
        work->made.requester_email = work->request->session.user.email;
    }
    return request_create(op, txn, work->actor, work->draft, &work->made);
}

static reason say_new(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct work *work = arg;
    (void)gate;
    TRY(reply_one(op, reply, 201, &work->made));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/tenants/%.*s/access-requests/%.*s", SLICE(work->tenant),
                         SLICE(work->made.id)));
    return NULL;
}

reason api_requests_create(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct work work = work_of(request);
    TRY(read_ask(op, request, &work));
    const struct api_creation creation = {.store = store_new, .say = say_new, .arg = &work};
    return api_create(op, gate, request, reply, &creation);
}

// ---- asking for oneself, also in another tenant of the organization ----------------------------------------

struct own_ask {
    struct slice tenant, justification, ticket;
    struct slice first_name, last_name; // where the account has none
    struct texts roles;
    bool interactive_queries;
};
static const struct field own_ask_rows[] = {
    F_TEXT(struct own_ask, tenant, 1, FIELD_MUST, 63),
    F_TEXT(struct own_ask, justification, 2, FIELD_NULL | FIELD_LINES, REQUEST_TEXT_MAX),
    F_TEXT(struct own_ask, ticket, 3, FIELD_NULL, MEMBER_TEXT_MAX),
    F_TEXTS(struct own_ask, roles, 4, FIELD_PLAIN, ROLES_EACH_MAX),
    F_BOOL(struct own_ask, interactive_queries, 5, FIELD_PLAIN),
    F_TEXT(struct own_ask, first_name, 6, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXT(struct own_ask, last_name, 7, FIELD_PLAIN, 4 * USER_NAME_MAX),
};
FIELD_TABLE(own_request_ask_fields, "access request", 1, struct own_ask, own_ask_rows);

static reason must_be_person(struct op *op, const struct request *request) {
    if (request->actor.kind != ACTOR_USER ||
        !permission_may(request->actor.permissions, "requests:create")) {
        REFUSE(op, FORBIDDEN, "people with requests:create ask for themselves");
    }
    return NULL;
}

static reason store_own(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(request_sibling(op, txn, work->actor, work->tenant));
    return store_new(op, txn, arg);
}

reason api_my_requests_create(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = {.request = request, .actor = &request->actor};
    const struct json *object = NULL;
    struct component_ask components;
    struct own_ask ask = {.interactive_queries = false};
    const struct user *self = &request->session.user;
    TRY(must_be_person(op, request));
    TRY(request_json(op, request, &object));
    TRY(components_take(op, object, &components, &object));
    TRY(json_to_fields(op, &own_request_ask_fields, object, S(""), &ask));
    TRY(access_of(op, &components, ask.roles, ask.interactive_queries, &work.asked.roles));
    work.tenant = ask.tenant;
    work.asked.tenant = ask.tenant;
    work.asked.email = self->email;
    work.asked.first_name = self->first_name.len > 0 ? self->first_name : ask.first_name;
    work.asked.last_name = self->last_name.len > 0 ? self->last_name : ask.last_name;
    work.asked.justification = ask.justification;
    work.asked.ticket = ask.ticket;
    const struct api_creation creation = {.store = store_own, .say = say_new, .arg = &work};
    return api_create(op, gate, request, reply, &creation);
}

// ---- looking ------------------------------------------------------------------------------------------

static reason read_state(struct op *op, const struct request *request, int *ret_state) {
    struct slice text;
    *ret_state = -1;
    TRY(request_query(op, request, "state", &text));
    for (int i = 0; request_state_names[i] != NULL; i++) {
        if (slice_equal(text, slice_str(request_state_names[i]))) {
            *ret_state = i;
        }
    }
    if (text.len > 0 && *ret_state < 0) {
        REFUSE(op, INVALID_INPUT,
               "state is draft, pending_approval, fulfilled, denied, cancelled, expired, failed, ended or "
               "revoked; got %.*s",
               SLICE(slice_sub(text, 0, 40)));
    }
    return NULL;
}

static reason read_mine(struct op *op, const struct request *request, bool *ret_mine) {
    struct slice text;
    TRY(request_query(op, request, "mine", &text));
    *ret_mine = slice_equal(text, S("true"));
    if (text.len > 0 && !*ret_mine && !slice_equal(text, S("false"))) {
        REFUSE(op, INVALID_INPUT, "mine is true or false; got %.*s", SLICE(slice_sub(text, 0, 40)));
    }
    return NULL;
}

struct list {
    const struct actor *actor;
    struct slice tenant;
    struct request_filter filter;
    struct page page;
    struct rows rows;
    struct slice next;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    return request_list(op, txn, list->actor, list->tenant, &list->filter, list->page, &list->rows,
                        &list->next);
}

static reason list_reply(struct op *op, struct reply *reply, const struct list *list) {
    struct json *items = json_array(op);
    const struct access_request *rows = list->rows.at;
    for (size_t i = 0; i < list->rows.count; i++) {
        struct json *item = NULL;
        TRY(request_json_of(op, &rows[i], &item));
        json_add(op, items, item);
    }
    return api_reply_list(op, reply, items, list->next, API_NO_TOTAL);
}

reason api_requests_list(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply) {
    struct list list = {.actor = &request->actor, .tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    TRY(read_state(op, request, &list.filter.state));
    TRY(read_mine(op, request, &list.filter.mine));
    TRY(store_walk(op, gate->store, read_list, &list));
    return list_reply(op, reply, &list);
}

static reason read_own_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    TRY(request_sibling(op, txn, list->actor, list->tenant));
    return read_list(op, txn, arg);
}

reason api_my_requests_list(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    struct list list = {.actor = &request->actor, .tenant = request->actor.tenant};
    struct slice tenant;
    TRY(must_be_person(op, request));
    TRY(request_page(op, request, &list.page));
    TRY(read_state(op, request, &list.filter.state));
    TRY(request_query(op, request, "tenant", &tenant));
    list.tenant = tenant.len > 0 ? tenant : list.tenant;
    list.filter.mine = true;
    TRY(store_walk(op, gate->store, read_own_list, &list));
    return list_reply(op, reply, &list);
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return request_find(op, txn, work->actor, work->tenant, work->id, &work->made);
}

reason api_request_get(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    struct work work = work_of(request);
    TRY(store_read(op, gate->store, read_one, &work));
    return reply_one(op, reply, 200, &work.made);
}

// ---- changing -----------------------------------------------------------------------------------------

// In the transaction of a change: is it still the state that the caller saw?
static reason check_match(struct op *op, struct txn *txn, struct work *work) {
    struct slice etag = SLICE_NONE;
    TRY(read_one(op, txn, work));
    TRY(api_etag(op, &access_request_fields, &work->made, &etag));
    return api_if_match(op, work->request, etag);
}

static reason run(struct op *op, struct gate *gate, struct reply *reply, store_fn fn,
                  struct work *work) {
    TRY(api_write(op, gate, fn, work));
    return reply_one(op, reply, 200, &work->made);
}

static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(check_match(op, txn, work));
    work->made = work->asked;
    return request_change(op, txn, work->actor, &work->made);
}

reason api_request_put(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    struct work work = work_of(request);
    TRY(read_ask(op, request, &work));
    return run(op, gate, reply, store_change, &work);
}

#define STORES(name, call)                                                                         \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct work *work = arg;                                                                   \
        TRY(check_match(op, txn, work));                                                           \
        return call;                                                                               \
    }
STORES(store_submit, request_submit(op, txn, work->actor, work->tenant, work->id, &work->made))
STORES(store_cancel, request_cancel(op, txn, work->actor, work->tenant, work->id, &work->made))
STORES(store_retry, request_retry(op, txn, work->actor, work->tenant, work->id, &work->made))
STORES(store_comment, request_comment(op, txn, work->actor, work->tenant, work->id,
                                      work->said.text, &work->made))
STORES(store_revoke, request_revoke(op, txn, work->actor, work->tenant, work->id,
                                    work->decision.note, &work->made))
STORES(store_decision, request_decide(op, txn, work->actor, work->tenant, work->id,
                                      &work->decision, work->roles, &work->made))
STORES(store_failure, request_fail(op, txn, work->actor, work->tenant, work->id, &work->decision,
                                   work->failure, &work->made))

reason api_request_submit(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct work work = work_of(request);
    return run(op, gate, reply, store_submit, &work);
}
reason api_request_cancel(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct work work = work_of(request);
    return run(op, gate, reply, store_cancel, &work);
}
reason api_request_retry(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply) {
    struct work work = work_of(request);
    return run(op, gate, reply, store_retry, &work);
}
reason api_request_comment(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct work work = work_of(request);
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &request_comment_ask_fields, object, S(""), &work.said));
    return run(op, gate, reply, store_comment, &work);
}

// A note, and for an approval perhaps other access than was asked for. A body is not needed.
static reason read_decision(struct op *op, const struct request *request, bool approval,
                            struct work *work) {
    const struct json *object = NULL;
    struct component_ask components;
    component_ask_open(&components);
    if (request->body.len == 0) {
        return NULL;
    }
    TRY(request_json(op, request, &object));
    bool has_roles = approval && json_get(object, "roles") != NULL;
    if (approval) {
        TRY(components_take(op, object, &components, &object));
    }
    TRY(json_to_fields(op, approval ? &request_approval_ask_fields : &request_note_ask_fields,
                       object, S(""), &work->said));
    work->decision.note = work->said.note;
    if (has_roles || components.said || work->said.interactive_queries) {
        return access_of(op, &components, work->said.roles, work->said.interactive_queries,
                         &work->roles);
    }
    return NULL;
}

// An approval whose access cannot be given is kept as failed, so that nobody has to approve again.
static reason decide(struct op *op, struct gate *gate, struct reply *reply, struct work *work) {
    reason why = api_write(op, gate, store_decision, work);
    if (request_fulfilment_failed(why) && work->roles.at == NULL) {
        TRY(op_copy(op, op->detail, &work->failure));
        why = api_write(op, gate, store_failure, work);
    }
    TRY(why);
    return reply_one(op, reply, 200, &work->made);
}

reason api_request_approve(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct work work = work_of(request);
    work.decision.decision = REQUEST_APPROVE;
    TRY(read_decision(op, request, true, &work));
    return decide(op, gate, reply, &work);
}
reason api_request_deny(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct work work = work_of(request);
    work.decision.decision = REQUEST_DENY;
    TRY(read_decision(op, request, false, &work));
    return decide(op, gate, reply, &work);
}
reason api_request_revoke(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct work work = work_of(request);
    work.decision.decision = REQUEST_DENY;
    TRY(read_decision(op, request, false, &work));
    return run(op, gate, reply, store_revoke, &work);
}
