// SPDX-License-Identifier: GPL-3.0-or-later
// Service users and their credentials. The secret of a credential is in one answer, once.
#include "http/api/components.h"
#include "http/api/service_users.h"
#include "http/uses.h"

struct ask {
    struct slice name, description, owner;
    struct texts roles;
    int64_t expires_at, token_lifetime;
    bool active;
};
static const struct field ask_rows[] = {
    F_TEXT(struct ask, name, 1, FIELD_PLAIN, 4 * SERVICE_NAME_MAX),
    F_TEXT(struct ask, description, 2, FIELD_PLAIN, 4 * SERVICE_DESCRIPTION_MAX),
    F_TEXT(struct ask, owner, 3, FIELD_PLAIN, 64),
    F_TEXTS(struct ask, roles, 4, FIELD_PLAIN, ROLES_EACH_MAX),
    F_TIME(struct ask, expires_at, 5, FIELD_PLAIN),
    F_NUMBER(struct ask, token_lifetime, 6, FIELD_PLAIN, 0, SERVICE_TOKEN_MAX),
    F_BOOL(struct ask, active, 7, FIELD_PLAIN),
};
FIELD_TABLE(service_user_change_fields, "service user", 1, struct ask, ask_rows);
// All but `active`, which stands last: a new one is.
const struct field_table service_user_ask_fields = {"service user", 1, sizeof(struct ask), ask_rows,
                                                    6};

static const struct field credential_ask_rows[] = {
    F_TIME(struct credential_ask, expires_at, 1, FIELD_PLAIN),
};
FIELD_TABLE(credential_ask_fields, "credential", 1, struct credential_ask, credential_ask_rows);

// ---- showing ------------------------------------------------------------------------------------------

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static struct json *credential_json(struct op *op, const struct gate *gate,
                                    const struct credential *credential, int64_t used) {
    struct json *body = json_from_fields(op, &credential_fields, credential);
    json_set_time(op, body, "last_used", later(used, uses_last(gate->uses, credential->id)));
    json_set_bool(op, body, "expired",
                  credential->expires_at != 0 && op->now >= credential->expires_at);
    return body;
}

// Of the service user: what is stored, or a use of one of its credentials since.
static int64_t last_used(const struct gate *gate, const struct service_user_shown *shown) {
    const struct credential *rows = shown->user.credentials.at;
    int64_t last = shown->last_used;
    for (size_t i = 0; i < shown->user.credentials.count; i++) {
        last = later(last, uses_last(gate->uses, rows[i].id));
    }
    return last;
}

static struct json *roles_json(struct op *op, const struct service_user *user) {
    struct json *roles = json_array(op);
    const struct grant *grants = user->grants.at;
    for (size_t i = 0; i < user->grants.count; i++) {
        if (!components_is_grant(&grants[i])) {
            struct json *role = json_object(op);
            json_set_text(op, role, "role_id", grants[i].role_id);
            json_set_str(op, role, "source", grant_source_names[grants[i].source]);
            json_add(op, roles, role);
        }
    }
    return roles;
}

struct json *service_item(struct op *op, const struct gate *gate,
                          const struct service_user_shown *shown) {
    const struct service_user *user = &shown->user;
    struct json *item = json_object(op);
    json_set_text(op, item, "id", user->id);
    json_set_str(op, item, "kind", "service");
    json_set_null(op, item, "email");
    json_set_text(op, item, "first_name", user->name);
    json_set_text(op, item, "last_name", S(""));
    json_set_str(op, item, "status", service_status_names[user->status]);
    json_set(op, item, "roles", roles_json(op, user));
    components_set(op, item, user->grants);
    json_set_time(op, item, "last_visit", last_used(gate, shown));
    return item;
}

static struct json *shown_json(struct op *op, const struct gate *gate,
                               const struct service_user_shown *shown) {
    const struct service_user *user = &shown->user;
    struct json *body = json_object(op);
    json_set_text(op, body, "id", user->id);
    json_set_str(op, body, "kind", "service");
    json_set_text(op, body, "tenant", user->tenant);
    json_set_text(op, body, "name", user->name);
    json_set_text(op, body, "description", user->description);
    json_set_text(op, body, "owner", user->owner);
    json_set_text_or_null(op, body, "owner_email", shown->owner_email);
    json_set_str(op, body, "owner_status", membership_status_names[shown->owner_status]);
    json_set_bool(op, body, "owner_active", !service_owner_left(shown->owner_status));
    json_set_str(op, body, "status", service_status_names[user->status]);
    json_set_time(op, body, "expires_at", user->expires_at);
    json_set_bool(op, body, "expired", user->expires_at != 0 && op->now >= user->expires_at);
    json_set_number(op, body, "token_lifetime", user->token_lifetime);
    json_set(op, body, "roles", roles_json(op, user));
    components_set(op, body, user->grants);
    struct json *credentials = json_array(op);
    const struct credential *rows = user->credentials.at;
    for (size_t i = 0; i < user->credentials.count; i++) {
        json_add(op, credentials, credential_json(op, gate, &rows[i], shown->credential_used[i]));
    }
    json_set(op, body, "credentials", credentials);
    json_set_time(op, body, "last_used", last_used(gate, shown));
    json_set_text_or_null(op, body, "created_by", user->created_by);
    json_set_time(op, body, "created_at", user->created_at);
    json_set_time(op, body, "updated_at", user->updated_at);
    json_set_number(op, body, "rv", user->rv);
    return body;
}

struct list {
    struct slice tenant;
    struct service_user_filter filter;
    struct page page;
    struct rows shown;
    struct slice next;
    size_t total;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    return service_user_list(op, txn, list->tenant, &list->filter, list->page, &list->shown,
                             &list->next, &list->total);
}

static reason read_filter(struct op *op, const struct request *request,
                          struct service_user_filter *ret_filter) {
    struct service_user_filter filter = {.status = -1};
    struct slice status;
    struct slice owner;
    TRY(request_query(op, request, "q", &filter.q));
    TRY(request_query(op, request, "status", &status));
    TRY(request_query(op, request, "owner", &owner));
    for (int i = 0; status.len > 0 && service_status_names[i] != NULL; i++) {
        filter.status = slice_equal(status, slice_str(service_status_names[i])) ? i : filter.status;
    }
    if (status.len > 0 && filter.status < 0) {
        REFUSE(op, INVALID_INPUT, "status is active or disabled; got %.*s",
               SLICE(slice_sub(status, 0, 40)));
    }
    filter.owner_gone = slice_equal(owner, S("inactive"));
    if (owner.len > 0 && !filter.owner_gone) {
        REFUSE(op, INVALID_INPUT, "owner is inactive; got %.*s", SLICE(slice_sub(owner, 0, 40)));
    }
    *ret_filter = filter;
    return NULL;
}

reason api_service_users_list(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct list list = {.tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    TRY(read_filter(op, request, &list.filter));
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct service_user_shown *shown = list.shown.at;
    for (size_t i = 0; i < list.shown.count; i++) {
        json_add(op, items, shown_json(op, gate, &shown[i]));
    }
    return api_reply_list(op, reply, items, list.next, list.total);
}

// ---- one ----------------------------------------------------------------------------------------------

struct work {
    const struct request *request;
    const struct actor *actor;
    struct slice tenant, id, credential_id;
    const struct json *object; // what a change says
    struct ask ask;
    struct component_ask access;
    enum service_status status; // to become
    struct service_user_shown shown;
    struct credential credential;
    struct credential_ask credential_ask;
    struct slice secret;
};

static struct work work_of(const struct request *request) {
    return (struct work){.request = request,
                         .actor = &request->actor,
                         .tenant = request->args[0],
                         .id = request->args[1],
                         .credential_id = request->args[2]};
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return service_user_find(op, txn, work->tenant, work->id, &work->shown);
}

// The one that is to be changed, in the state that the caller knows.
static reason read_known(struct op *op, struct txn *txn, struct work *work) {
    struct slice etag = SLICE_NONE;
    TRY(read_one(op, txn, work));
    TRY(api_etag(op, &service_user_fields, &work->shown.user, &etag));
    return api_if_match(op, work->request, etag);
}

static reason reply_shown(struct op *op, const struct gate *gate, struct reply *reply,
                          unsigned status, const struct service_user_shown *shown) {
    struct slice etag = SLICE_NONE;
    TRY(api_etag(op, &service_user_fields, &shown->user, &etag));
    return api_reply_one(op, reply, status, shown_json(op, gate, shown), etag);
}

reason api_service_user_get(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    struct work work = work_of(request);
    TRY(store_read(op, gate->store, read_one, &work));
    return reply_shown(op, gate, reply, 200, &work.shown);
}

// Domain says what is wrong with the roles; which member of the body that is, is known here.
static reason blame_roles(struct op *op, reason why) {
    if (why == REASON_OF(UNKNOWN_ROLE)) {
        api_error_once(op, op->error_count, S("/roles"), why);
    }
    return why;
}

static reason store_new(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct slice owner = work->ask.owner;
    if (owner.len == 0 && work->actor->kind == ACTOR_USER) {
        owner = work->actor->id; // who makes it answers for it
    }
    struct service_user user = {.tenant = work->tenant,
                                .name = work->ask.name,
                                .description = work->ask.description,
                                .owner = owner,
                                .expires_at = work->ask.expires_at,
                                .token_lifetime = work->ask.token_lifetime};
    TRY(blame_roles(op, service_user_create(op, txn, work->actor, &user, work->ask.roles)));
    return service_user_find(op, txn, work->tenant, user.id, &work->shown);
}

static reason say_new(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct work *work = arg;
    TRY(reply_shown(op, gate, reply, 201, &work->shown));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/tenants/%.*s/service-users/%.*s", SLICE(work->tenant),
                         SLICE(work->shown.user.id)));
    return NULL;
}

reason api_service_users_create(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    struct work work = work_of(request);
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(components_take(op, object, &work.access, &object));
    TRY(json_to_fields(op, &service_user_ask_fields, object, S(""), &work.ask));
    TRY(components_merge(op, &work.access, true, work.ask.roles, (struct rows){NULL, 0},
                         &work.ask.roles));
    const struct api_creation made = {.store = store_new, .say = say_new, .arg = &work};
    return api_create(op, gate, request, reply, &made);
}

static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_known(op, txn, work));
    struct service_user want = work->shown.user;
    struct service_user user;
    struct ask ask = {.name = want.name,
                      .description = want.description,
                      .owner = want.owner,
                      .expires_at = want.expires_at,
                      .token_lifetime = want.token_lifetime,
                      .active = want.status == SERVICE_ACTIVE};
    TRY(json_to_fields(op, &service_user_change_fields, work->object, S(""), &ask));
    bool has_roles = json_get(work->object, "roles") != NULL;
    bool roles = has_roles || work->access.said;
    TRY(components_merge(op, &work->access, has_roles, ask.roles, want.grants, &ask.roles));
    want.name = ask.name;
    want.description = ask.description;
    want.owner = ask.owner;
    want.expires_at = ask.expires_at;
    want.token_lifetime = ask.token_lifetime;
    TRY(blame_roles(op, service_user_change(op, txn, work->actor, &want,
                                            roles ? &ask.roles : NULL, &user)));
    if (ask.active != (user.status == SERVICE_ACTIVE)) {
        TRY(service_user_set_status(op, txn, work->actor, work->tenant, work->id,
                                    ask.active ? SERVICE_ACTIVE : SERVICE_DISABLED, &user));
    }
    return service_user_find(op, txn, work->tenant, work->id, &work->shown);
}

reason api_service_user_patch(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = work_of(request);
    TRY(request_json(op, request, &work.object));
    TRY(components_take(op, work.object, &work.access, &work.object));
    TRY(api_write(op, gate, store_change, &work));
    return reply_shown(op, gate, reply, 200, &work.shown);
}

static reason remove_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_known(op, txn, work));
    return service_user_remove(op, txn, work->actor, work->tenant, work->id);
}

reason api_service_user_delete(struct op *op, struct gate *gate, struct request *request,
                               struct reply *reply) {
    struct work work = work_of(request);
    TRY(api_write(op, gate, remove_one, &work));
    reply_empty(reply, 204);
    return NULL;
}

static reason store_status(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_known(op, txn, work));
    struct service_user user;
    TRY(service_user_set_status(op, txn, work->actor, work->tenant, work->id, work->status, &user));
    return service_user_find(op, txn, work->tenant, work->id, &work->shown);
}

static reason set_status(struct op *op, struct gate *gate, struct request *request,
                         enum service_status status, struct reply *reply) {
    struct work work = work_of(request);
    work.status = status;
    TRY(api_write(op, gate, store_status, &work));
    return reply_shown(op, gate, reply, 200, &work.shown);
}

reason api_service_user_disable(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    return set_status(op, gate, request, SERVICE_DISABLED, reply);
}

reason api_service_user_enable(struct op *op, struct gate *gate, struct request *request,
                               struct reply *reply) {
    return set_status(op, gate, request, SERVICE_ACTIVE, reply);
}

// ---- credentials --------------------------------------------------------------------------------------

static reason store_credential(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return credential_add(op, txn, work->actor, work->tenant, work->id,
                          work->credential_ask.expires_at, &work->credential, &work->secret);
}

static reason say_credential(struct op *op, const struct gate *gate, struct reply *reply,
                             void *arg) {
    const struct work *work = arg;
    struct json *body = credential_json(op, gate, &work->credential, 0);
    json_set_text(op, body, "client_id", work->id);
    json_set_text(op, body, "client_secret", work->secret);
    json_set_text(op, body, "token_url",
                  op_text(op, "%.*s/oauth2/token", SLICE(gate->settings->public_url)));
    return reply_json(op, reply, 201, body);
}

reason api_credentials_create(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = work_of(request);
    if (request->body.len > 0) {
        const struct json *object = NULL;
        TRY(request_json(op, request, &object));
        TRY(json_to_fields(op, &credential_ask_fields, object, S(""), &work.credential_ask));
    }
    const struct api_creation made = {
        .store = store_credential, .say = say_credential, .arg = &work, .secret = true};
    return api_create(op, gate, request, reply, &made);
}

static reason remove_credential(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_known(op, txn, work));
    return credential_remove(op, txn, work->actor, work->tenant, work->id, work->credential_id);
}

reason api_credential_delete(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    struct work work = work_of(request);
    TRY(api_write(op, gate, remove_credential, &work));
    reply_empty(reply, 204);
    return NULL;
}
