// SPDX-License-Identifier: GPL-3.0-or-later
// Roles of a tenant: the built-in ones, which never change, and its own.
#include "http/api/api.h"

struct list {
    struct slice tenant;
    struct rows roles;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, list->tenant, &tenant));
    return role_list(op, txn, list->tenant, &list->roles);
}

reason api_roles_list(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct list list = {.tenant = request->args[0]};
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct role *roles = list.roles.at;
    for (size_t i = 0; i < list.roles.count; i++) {
        json_add(op, items, json_from_fields(op, &role_fields, &roles[i]));
    }
    return api_reply_list(op, reply, items, SLICE_NONE, list.roles.count);
}

struct one {
    const struct request *request;
    struct slice tenant;
    struct role asked, role;
};
static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, one->tenant, &tenant));
    reason why = role_find(op, txn, one->tenant, one->asked.role_id, &one->role);
    if (why == REASON_OF(UNKNOWN_ROLE)) {
        REFUSE(op, NOT_FOUND, "this tenant has no role with this id, neither built-in nor its own");
    }
    return why;
}

static reason role_reply(struct op *op, struct reply *reply, unsigned status,
                         const struct role *role) {
    struct slice etag = SLICE_NONE;
    TRY(api_etag(op, &role_fields, role, &etag));
    return api_reply_one(op, reply, status, json_from_fields(op, &role_fields, role), etag);
}

reason api_role_get(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    struct one one = {.tenant = request->args[0], .asked = {.role_id = request->args[1]}};
    TRY(store_read(op, gate->store, read_one, &one));
    return role_reply(op, reply, 200, &one.role);
}

static reason store_one(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    one->role = one->asked;
    one->role.tenant = one->tenant;
    return role_create(op, txn, &one->request->actor, &one->role);
}

static reason say_one(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct one *one = arg;
    (void)gate;
    TRY(role_reply(op, reply, 201, &one->role));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/tenants/%.*s/roles/%.*s", SLICE(one->tenant),
                         SLICE(one->role.role_id)));
    return NULL;
}

reason api_roles_create(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct one one = {.request = request, .tenant = request->args[0]};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &role_fields, object, S(""), &one.asked));
    const struct api_creation made = {.store = store_one, .say = say_one, .arg = &one};
    return api_create(op, gate, request, reply, &made);
}

static reason remove_one(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    struct slice etag = SLICE_NONE;
    TRY(read_one(op, txn, one));
    TRY(api_etag(op, &role_fields, &one->role, &etag));
    TRY(api_if_match(op, one->request, etag));
    return role_remove(op, txn, &one->request->actor, one->tenant, one->asked.role_id);
}

reason api_role_delete(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    struct one one = {.request = request,
                      .tenant = request->args[0],
                      .asked = {.role_id = request->args[1]}};
    TRY(api_write(op, gate, remove_one, &one));
    reply_empty(reply, 204);
    return NULL;
}
