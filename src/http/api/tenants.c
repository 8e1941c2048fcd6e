// SPDX-License-Identifier: GPL-3.0-or-later
// Tenants: listed, made (with their connections, all or nothing), changed, removed.
#include "http/api/api.h"

// What a caller says of a tenant; the short name is said once, when it is made.
static const struct field ask_rows[] = {
    F_TEXT(struct tenant, slug, 1, FIELD_MUST, 63),
    F_TEXT(struct tenant, name, 2, FIELD_PLAIN, TENANT_NAME_MAX),
    F_TEXTS(struct tenant, domains, 3, FIELD_PLAIN, TENANT_DOMAINS_MAX),
    F_BOOL(struct tenant, disabled, 4, FIELD_PLAIN),
    F_TEXT(struct tenant, organization, 5, FIELD_NULL, 63),
    F_CHOICE(struct tenant, environment, 6, FIELD_PLAIN, environment_names),
    F_TEXTS(struct tenant, entitlements, 7, FIELD_PLAIN, TENANT_ENTITLEMENTS_MAX),
};
FIELD_TABLE(tenant_ask_fields, "tenant", 1, struct tenant, ask_rows);
// All but the short name.
const struct field_table tenant_change_fields = {"tenant", 1, sizeof(struct tenant), ask_rows + 1,
                                                 sizeof ask_rows / sizeof ask_rows[0] - 1};

// ---- reading ------------------------------------------------------------------------------------------

struct list {
    struct page page;
    struct rows tenants;
    struct slice next;
    size_t total;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    return tenant_list(op, txn, list->page, &list->tenants, &list->next, &list->total);
}

reason api_tenants_list(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct list list = {.total = 0};
    TRY(request_page(op, request, &list.page));
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct tenant *tenants = list.tenants.at;
    for (size_t i = 0; i < list.tenants.count; i++) {
        json_add(op, items, json_from_fields(op, &tenant_fields, &tenants[i]));
    }
    return api_reply_list(op, reply, items, list.next, list.total);
}

struct one {
    const struct request *request;
    struct tenant tenant;
};

// Of what is shown: a role that changes meanwhile is nobody's conflict here.
static reason etag_of(struct op *op, const struct tenant *tenant, struct slice *ret_etag) {
    struct tenant shown = *tenant;
    shown.roles_version = 0;
    shown.roles_changed_at = 0;
    shown.roles_changed_by = SLICE_NONE;
    shown.overrides = (struct rows){NULL, 0};
    return api_etag(op, &tenant_fields, &shown, ret_etag);
}

static reason tenant_reply(struct op *op, struct reply *reply, const struct tenant *tenant) {
    struct slice etag = SLICE_NONE;
    TRY(etag_of(op, tenant, &etag));
    return api_reply_one(op, reply, 200, json_from_fields(op, &tenant_fields, tenant), etag);
}

static reason tenant_match(struct op *op, const struct request *request,
                           const struct tenant *tenant) {
    struct slice etag = SLICE_NONE;
    TRY(etag_of(op, tenant, &etag));
    return api_if_match(op, request, etag);
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    return tenant_find(op, txn, one->tenant.slug, &one->tenant);
}

reason api_tenant_get(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct one one = {.tenant = {.slug = request->args[0]}};
    TRY(store_read(op, gate->store, read_one, &one));
    return tenant_reply(op, reply, &one.tenant);
}

// ---- making -------------------------------------------------------------------------------------------

struct creation {
    const struct actor *actor;
    struct tenant asked, made;
    struct connection_ask *asks;
    struct connection *connections;
    size_t count;
};

static reason store_all(struct op *op, struct txn *txn, void *arg) {
    struct creation *creation = arg;
    creation->made = creation->asked;
    TRY(tenant_create(op, txn, creation->actor, &creation->made));
    for (size_t i = 0; i < creation->count; i++) {
        TRY(connection_ask_store(op, txn, creation->actor, &creation->asks[i], creation->made.slug,
                                 &creation->connections[i]));
    }
    return NULL;
}

static reason read_connections(struct op *op, const struct json *list, struct creation *creation) {
    if (list == NULL) {
        return NULL;
    }
    size_t count = json_count(list);
    if (!json_is_array(list) || count > CONNECTIONS_PER_TENANT_MAX) {
        op_error(op, S("/connections"),
                 json_is_array(list) ? REASON_OF(FIELD_RANGE) : REASON_OF(FIELD_TYPE),
                 "expected a list of at most %d connections", CONNECTIONS_PER_TENANT_MAX);
        REFUSE(op, INVALID_INPUT, "connections: expected a list of at most %d objects",
               CONNECTIONS_PER_TENANT_MAX);
    }
    TRY(op_take(op, count * sizeof *creation->asks, &creation->asks));
    TRY(op_take(op, count * sizeof *creation->connections, &creation->connections));
    creation->count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(connection_ask_read(op, json_at(list, i), op_text(op, "/connections/%zu", i),
                                &creation->asks[i]));
    }
    return NULL;
}

static reason creation_json(struct op *op, const struct gate *gate,
                            const struct creation *creation, struct json **ret_body) {
    struct json *body = json_from_fields(op, &tenant_fields, &creation->made);
    struct json *connections = json_array(op);
    for (size_t i = 0; i < creation->count; i++) {
        struct json *one = NULL;
        TRY(connection_json(op, gate, &creation->connections[i], &one));
        if (creation->asks[i].idp != NULL) {
            json_set_texts(op, one, "warnings", creation->asks[i].warnings);
        }
        json_add(op, connections, one);
    }
    json_set(op, body, "connections", connections);
    *ret_body = body;
    return NULL;
}

static reason say_all(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct creation *creation = arg;
    struct json *body = NULL;
    struct slice etag = SLICE_NONE;
    TRY(creation_json(op, gate, creation, &body));
    TRY(etag_of(op, &creation->made, &etag));
    TRY(api_reply_one(op, reply, 201, body, etag));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/tenants/%.*s", SLICE(creation->made.slug)));
    return NULL;
}

reason api_tenants_create(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    static const char *const by_hand[] = {"connections", NULL};
    struct creation creation = {.actor = &request->actor};
    const struct json *object = NULL;
    const struct json *rest = NULL;
    TRY(request_json(op, request, &object));
    TRY(api_without(op, object, by_hand, &rest));
    TRY(json_to_fields(op, &tenant_ask_fields, rest, S(""), &creation.asked));
    TRY(read_connections(op, api_member(object, "connections"), &creation));
    bool answered = false;
    TRY(api_answered(op, gate, request, reply, &answered));
    if (answered) {
        return NULL;
    }
    // Workers and other people's servers are asked before the transaction, never in it.
    for (size_t i = 0; i < creation.count; i++) {
        TRY(connection_ask_idp(op, gate, &creation.asks[i]));
    }
    const struct api_creation made = {.store = store_all, .say = say_all, .arg = &creation};
    return api_create(op, gate, request, reply, &made);
}

// ---- changing -----------------------------------------------------------------------------------------

struct change {
    const struct request *request;
    struct slice slug;
    const struct json *object;
    struct tenant tenant;
};

// Read over what is stored, so that a body which leaves the domains out does not take them away.
static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, change->slug, &tenant));
    TRY(tenant_match(op, change->request, &tenant));
    TRY(json_to_fields(op, &tenant_change_fields, change->object, S(""), &tenant));
    TRY(tenant_change(op, txn, &change->request->actor, &tenant));
    change->tenant = tenant;
    return NULL;
}

reason api_tenant_put(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    static const char *const by_hand[] = {"slug", NULL};
    struct change change = {.request = request, .slug = request->args[0]};
    const struct json *object = NULL;
    struct slice slug = request->args[0];
    TRY(request_json(op, request, &object));
    TRY(api_without(op, object, by_hand, &change.object));
    if (json_get(object, "slug") != NULL &&
        (!json_text(json_get(object, "slug"), &slug) || !slice_equal(slug, request->args[0]))) {
        op_error(op, S("/slug"), REASON_OF(FIELD_VALUE), "a short name cannot be changed");
        REFUSE(op, INVALID_INPUT, "the short name of a tenant cannot be changed");
    }
    TRY(api_write(op, gate, store_change, &change));
    return tenant_reply(op, reply, &change.tenant);
}

static reason remove_one(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    TRY(tenant_find(op, txn, one->tenant.slug, &one->tenant));
    TRY(tenant_match(op, one->request, &one->tenant));
    return tenant_remove(op, txn, &one->request->actor, one->tenant.slug);
}

reason api_tenant_delete(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply) {
    struct one one = {request, {.slug = request->args[0]}};
    TRY(api_write(op, gate, remove_one, &one));
    reply_empty(reply, 204);
    return NULL;
}
