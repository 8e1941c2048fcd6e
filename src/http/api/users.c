// SPDX-License-Identifier: GPL-3.0-or-later
// The people of a tenant: listed, added, renamed, given roles, disabled, enabled, removed, signed out. What a
// sign-in granted is shown with its origin and never changed here.
#include "http/api/api.h"

// ---- showing ------------------------------------------------------------------------------------------

// One entry for each role and source, however many groups or connections gave it.
static struct json *roles_json(struct op *op, const struct membership *membership) {
    struct json *roles = json_array(op);
    const struct grant *grants = membership->grants.at;
    for (size_t i = 0; i < membership->grants.count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) {
            seen = grants[j].source == grants[i].source &&
                   slice_equal(grants[j].role_id, grants[i].role_id);
        }
        if (!seen) {
            struct json *role = json_object(op);
            json_set_text(op, role, "role_id", grants[i].role_id);
            json_set_str(op, role, "source", grant_source_names[grants[i].source]);
            json_add(op, roles, role);
        }
    }
    return roles;
}

static struct json *item_json(struct op *op, const struct member *member) {
    const struct membership *membership = &member->membership;
    struct json *item = json_object(op);
    json_set_text(op, item, "id", member->user.id);
    json_set_text_or_null(op, item, "email", member->user.email);
    json_set_text(op, item, "first_name", member->user.first_name);
    json_set_text(op, item, "last_name", member->user.last_name);
    json_set_str(op, item, "status", membership_status_names[membership->status]);
    json_set(op, item, "roles", roles_json(op, membership));
    json_set_time(op, item, "last_visit", membership->last_visit);
    return item;
}

// One person: also where each role came from.
static struct json *member_json(struct op *op, const struct member *member) {
    const struct membership *membership = &member->membership;
    struct json *body = item_json(op, member);
    json_set_text(op, body, "tenant", membership->tenant);
    struct json *grants = json_array(op);
    const struct grant *rows = membership->grants.at;
    for (size_t i = 0; i < membership->grants.count; i++) {
        json_add(op, grants, json_from_fields(op, &grant_fields, &rows[i]));
    }
    json_set(op, body, "grants", grants);
    json_set_time(op, body, "created_at", membership->created_at);
    json_set_time(op, body, "updated_at", membership->updated_at);
    return body;
}

struct list {
    struct slice tenant;
    struct member_filter filter;
    struct page page;
    struct rows members;
    struct slice next;
    size_t total;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, list->tenant, &tenant));
    return member_list(op, txn, list->tenant, &list->filter, list->page, &list->members,
                       &list->next, &list->total);
}

static reason read_status(struct op *op, struct slice text, int *ret_status) {
    for (int i = 0; membership_status_names[i] != NULL; i++) {
        if (slice_equal(text, slice_str(membership_status_names[i]))) {
            *ret_status = i;
            return NULL;
        }
    }
    REFUSE(op, INVALID_INPUT,
           "status is invited, invite_expired, active, locked, disabled, reactivating or deleted; "
           "got %.*s",
           SLICE(slice_sub(text, 0, 40)));
}

static reason read_filter(struct op *op, const struct request *request,
                          struct member_filter *ret_filter) {
    struct member_filter filter = {.status = -1};
    struct slice status;
    TRY(request_query(op, request, "status", &status));
    TRY(request_query(op, request, "q", &filter.q));
    TRY(request_query(op, request, "role", &filter.role));
    TRY(request_query(op, request, "sort", &filter.sort));
    if (status.len > 0) {
        TRY(read_status(op, status, &filter.status));
    }
    *ret_filter = filter;
    return NULL;
}

reason api_users_list(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct list list = {.tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    TRY(read_filter(op, request, &list.filter));
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct member *members = list.members.at;
    for (size_t i = 0; i < list.members.count; i++) {
        json_add(op, items, item_json(op, &members[i]));
    }
    return api_reply_list(op, reply, items, list.next, list.total);
}

// ---- one ----------------------------------------------------------------------------------------------

struct work {
    const struct actor *actor;
    struct slice tenant, user_id;
    enum membership_status status; // to become
    const struct json *object;     // what a change says
    struct user user;              // who is added
    struct texts roles;
    struct member member; // what came of it
    size_t ended;
};

static struct work work_of(const struct request *request) {
    return (struct work){
        .actor = &request->actor, .tenant = request->args[0], .user_id = request->args[1]};
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return member_find(op, txn, work->tenant, work->user_id, &work->member);
}

reason api_user_get(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    struct work work = work_of(request);
    TRY(store_read(op, gate->store, read_one, &work));
    return reply_json(op, reply, 200, member_json(op, &work.member));
}

// ---- adding and changing --------------------------------------------------------------------------------

struct ask {
    struct slice email, first_name, last_name;
    struct texts roles;
};
static const struct field ask_rows[] = {
    F_TEXT(struct ask, first_name, 1, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXT(struct ask, last_name, 2, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXTS(struct ask, roles, 3, FIELD_PLAIN, ROLES_EACH_MAX),
    F_TEXT(struct ask, email, 4, FIELD_MUST, 254),
};
FIELD_TABLE(user_add_fields, "user", 1, struct ask, ask_rows);
// All but the e-mail address, which stands last.
const struct field_table user_change_fields = {"user", 1, sizeof(struct ask), ask_rows, 3};

// Domain says what is wrong with the roles; which member of the body that is, is known here.
static reason blame_roles(struct op *op, size_t from, reason why) {
    if (why == REASON_OF(UNKNOWN_ROLE)) {
        api_error_once(op, from, S("/roles"), why);
    }
    return why;
}

static reason store_new(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return blame_roles(op, op->error_count,
                       member_add(op, txn, work->actor, work->tenant, &work->user, work->roles,
                                  &work->member));
}

// 201: a new identity; 200: somebody who was known here became a member.
reason api_users_create(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct work work = work_of(request);
    struct ask ask = {.email = SLICE_NONE};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &user_add_fields, object, S(""), &ask));
    work.user = (struct user){
        .email = ask.email, .first_name = ask.first_name, .last_name = ask.last_name};
    work.roles = ask.roles;
    TRY(api_write(op, gate, store_new, &work));
    bool made = work.member.user.created_at == op->now;
    TRY(reply_json(op, reply, made ? 201 : 200, member_json(op, &work.member)));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/tenants/%.*s/users/%.*s", SLICE(work.tenant),
                         SLICE(work.member.user.id)));
    return NULL;
}

static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(member_find(op, txn, work->tenant, work->user_id, &work->member));
    struct ask ask = {.first_name = work->member.user.first_name,
                      .last_name = work->member.user.last_name};
    TRY(json_to_fields(op, &user_change_fields, work->object, S(""), &ask));
    if (json_get(work->object, "first_name") != NULL ||
        json_get(work->object, "last_name") != NULL) {
        TRY(member_set_names(op, txn, work->actor, work->tenant, work->user_id, ask.first_name,
                             ask.last_name, &work->member));
    }
    if (json_get(work->object, "roles") == NULL) {
        return NULL;
    }
    return blame_roles(op, op->error_count,
                       member_set_roles(op, txn, work->actor, work->tenant, work->user_id,
                                        ask.roles, &work->member));
}

reason api_user_patch(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct work work = work_of(request);
    TRY(request_json(op, request, &work.object));
    TRY(api_write(op, gate, store_change, &work));
    return reply_json(op, reply, 200, member_json(op, &work.member));
}

// ---- status -------------------------------------------------------------------------------------------

static reason store_status(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return member_set_status(op, txn, work->actor, work->tenant, work->user_id, work->status,
                             &work->member);
}

static reason set_status(struct op *op, struct gate *gate, struct request *request,
                         enum membership_status status, struct reply *reply) {
    struct work work = work_of(request);
    work.status = status;
    TRY(api_write(op, gate, store_status, &work));
    if (status == MEMBER_DELETED) {
        reply_empty(reply, 204);
        return NULL;
    }
    return reply_json(op, reply, 200, member_json(op, &work.member));
}

reason api_user_delete(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    return set_status(op, gate, request, MEMBER_DELETED, reply);
}

reason api_user_disable(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    return set_status(op, gate, request, MEMBER_DISABLED, reply);
}

reason api_user_enable(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    return set_status(op, gate, request, MEMBER_ACTIVE, reply);
}

static reason end_sessions(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(member_find(op, txn, work->tenant, work->user_id, &work->member));
    return session_end_all(op, txn, work->actor, work->tenant, work->user_id, &work->ended);
}

reason api_user_revoke_sessions(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    struct work work = work_of(request);
    TRY(api_write(op, gate, end_sessions, &work));
    struct json *body = json_object(op);
    json_set_number(op, body, "ended", (int64_t)work.ended);
    return reply_json(op, reply, 200, body);
}
