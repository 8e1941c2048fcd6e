// SPDX-License-Identifier: GPL-3.0-or-later
// Connections: listed, made (with what is known of them so far), switched on and off, removed; and how one is
// shown, with the addresses that its identity provider needs.
#include "http/api/api.h"

static const struct field ask_rows[] = {
    F_TEXT(struct connection, slug, 1, FIELD_MUST, 63),
    F_BOOL(struct connection, disabled, 2, FIELD_PLAIN),
};
FIELD_TABLE(connection_ask_fields, "connection", 1, struct connection, ask_rows);
static const struct field switch_rows[] = {F_BOOL(struct connection, disabled, 1, FIELD_MUST)};
FIELD_TABLE(connection_switch_fields, "connection", 1, struct connection, switch_rows);

// ---- showing ------------------------------------------------------------------------------------------

reason connection_json(struct op *op, const struct gate *gate, const struct connection *connection,
                       struct json **ret_json) {
    struct sp sp;
    TRY(sp_addresses(op, gate->settings->public_url, connection->slug, &sp));
    struct json *body = json_object(op);
    json_set_text(op, body, "slug", connection->slug);
    json_set_text(op, body, "tenant", connection->tenant);
    json_set_bool(op, body, "disabled", connection->disabled);
    json_set_text(op, body, "entity_id", sp.entity_id);
    json_set_text(op, body, "acs_url", sp.acs_url);
    json_set_text(op, body, "slo_url", sp.slo_url);
    json_set_text(op, body, "login_url", sp.login_url);
    json_set_text(op, body, "metadata_url", sp.metadata_url);
    json_set(op, body, "idp", json_from_fields(op, &idp_fields, &connection->idp));
    json_set(op, body, "policy", json_from_fields(op, &policy_fields, &connection->policy));
    json_set(op, body, "rules", json_from_fields(op, &mapping_fields, &connection->mapping));
    TRY(connection_state_json(op, connection, body));
    json_set_number(op, body, "version", connection->version);
    json_set_time(op, body, "created_at", connection->created_at);
    json_set_time(op, body, "updated_at", connection->updated_at);
    *ret_json = body;
    return NULL;
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct connection *connection = arg;
    return connection_find(op, txn, connection->slug, connection);
}

reason connection_read(struct op *op, struct gate *gate, struct slice slug,
                       struct connection *ret_connection) {
    *ret_connection = (struct connection){.slug = slug};
    return store_read(op, gate->store, read_one, ret_connection);
}

reason connection_etag(struct op *op, const struct connection *connection,
                       const struct field_table *table, struct slice *ret_etag) {
    const void *part = table == &policy_fields    ? (const void *)&connection->policy
                       : table == &mapping_fields ? (const void *)&connection->mapping
                       : table == &idp_fields     ? (const void *)&connection->idp
                                                  : connection;
    *ret_etag = SLICE_NONE;
    return api_etag(op, table, part, ret_etag);
}

reason connection_if_match(struct op *op, struct txn *txn, const struct request *request,
                           const struct field_table *table) {
    if (request_header(request, "If-Match").len == 0) {
        return NULL;
    }
    struct connection connection;
    struct slice etag;
    TRY(connection_find(op, txn, request->args[0], &connection));
    TRY(connection_etag(op, &connection, table, &etag));
    return api_if_match(op, request, etag);
}

static reason reply_connection(struct op *op, struct gate *gate, struct reply *reply,
                               unsigned status, const struct connection *connection) {
    struct json *body = NULL;
    struct slice etag;
    TRY(connection_json(op, gate, connection, &body));
    TRY(connection_etag(op, connection, &connection_fields, &etag));
    return api_reply_one(op, reply, status, body, etag);
}

reason api_connection_get(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct connection connection;
    TRY(connection_read(op, gate, request->args[0], &connection));
    return reply_connection(op, gate, reply, 200, &connection);
}

struct list {
    struct slice tenant; // "" = all
    struct page page;
    struct rows connections;
    struct slice next;
    size_t total;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    if (list->tenant.len > 0) {
        struct tenant tenant;
        TRY(tenant_find(op, txn, list->tenant, &tenant));
    }
    return connection_list(op, txn, list->tenant, list->page, &list->connections, &list->next,
                           &list->total);
}

static reason reply_list(struct op *op, struct gate *gate, struct request *request,
                         struct slice tenant, struct reply *reply) {
    struct list list = {.tenant = tenant};
    TRY(request_page(op, request, &list.page));
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct connection *connections = list.connections.at;
    for (size_t i = 0; i < list.connections.count; i++) {
        struct json *one = NULL;
        TRY(connection_json(op, gate, &connections[i], &one));
        json_add(op, items, one);
    }
    return api_reply_list(op, reply, items, list.next, list.total);
}

reason api_connections_list(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    return reply_list(op, gate, request, S(""), reply);
}

reason api_tenant_connections_list(struct op *op, struct gate *gate, struct request *request,
                                   struct reply *reply) {
    return reply_list(op, gate, request, request->args[0], reply);
}

// ---- making -------------------------------------------------------------------------------------------

reason mapping_ask_read(struct op *op, const struct json *value, struct slice at,
                        struct mapping *ret_mapping, bool *ret_bare) {
    struct mapping mapping = {.mode = MAPPING_AUTHORITATIVE};
    const struct json *object = value;
    *ret_bare = json_is_array(value);
    if (*ret_bare) {
        struct json *wrapped = json_object(op);
        json_set(op, wrapped, "rules", value);
        object = wrapped;
    }
    TRY(json_to_fields(op, &mapping_fields, object, at, &mapping));
    *ret_mapping = mapping;
    return NULL;
}

reason connection_ask_read(struct op *op, const struct json *object, struct slice at,
                           struct connection_ask *ret_ask) {
    static const char *const by_hand[] = {"idp", "policy", "rules", NULL};
    struct connection_ask ask = {.at = at, .idp = api_member(object, "idp")};
    const struct json *policy = api_member(object, "policy");
    const struct json *rules = api_member(object, "rules");
    const struct json *rest = NULL;
    TRY(api_without(op, object, by_hand, &rest));
    TRY(json_to_fields(op, &connection_ask_fields, rest, at, &ask.connection));
    ask.connection.policy = policy_default();
    if (policy != NULL) {
        TRY(json_to_fields(op, &policy_fields, policy, op_text(op, "%.*s/policy", SLICE(at)),
                           &ask.connection.policy));
    }
    if (rules != NULL) {
        TRY(mapping_ask_read(op, rules, op_text(op, "%.*s/rules", SLICE(at)),
                             &ask.connection.mapping, &ask.bare_rules));
    }
    *ret_ask = ask;
    return NULL;
}

reason connection_ask_idp(struct op *op, struct gate *gate, struct connection_ask *ask) {
    if (ask->idp == NULL) {
        return NULL;
    }
    struct idp_import import = {.warnings = {NULL, 0}};
    TRY(idp_ask(op, gate, ask->idp, op_text(op, "%.*s/idp", SLICE(ask->at)), NULL, &import));
    ask->connection.idp = import.idp;
    ask->warnings = import.warnings;
    return NULL;
}

// Domain knows the object with its "rules" inside; where the list itself was given, one level falls away.
static void unwrap_rules(struct op *op, size_t from) {
    struct slice wrapped = S("/rules/rules");
    for (size_t i = from; i < op->error_count; i++) {
        struct slice pointer = op->errors[i].pointer;
        if (slice_starts(pointer, wrapped)) {
            op->errors[i].pointer = op_text(
                op, "/rules%.*s", SLICE(slice_sub(pointer, wrapped.len, pointer.len)));
        }
    }
}

reason connection_ask_store(struct op *op, struct txn *txn, const struct actor *actor,
                            const struct connection_ask *ask, struct slice tenant,
                            struct connection *ret_connection) {
    struct connection made = ask->connection;
    made.tenant = tenant;
    size_t from = op->error_count;
    reason why = connection_create(op, txn, actor, &made);
    if (why != NULL) {
        if (why == REASON_OF(DUPLICATE_SLUG)) {
            api_error_once(op, from, S("/slug"), why);
        }
        if (ask->bare_rules) {
            unwrap_rules(op, from);
        }
        api_errors_under(op, from, ask->at);
        return why;
    }
    *ret_connection = made;
    return NULL;
}

struct creation {
    const struct actor *actor;
    struct slice tenant;
    struct connection_ask ask;
    struct connection made;
};
static reason store_one(struct op *op, struct txn *txn, void *arg) {
    struct creation *creation = arg;
    return connection_ask_store(op, txn, creation->actor, &creation->ask, creation->tenant,
                                &creation->made);
}

static reason say_one(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct creation *creation = arg;
    struct json *body = NULL;
    struct slice etag = SLICE_NONE;
    TRY(connection_json(op, gate, &creation->made, &body));
    if (creation->ask.idp != NULL) {
        json_set_texts(op, body, "warnings", creation->ask.warnings);
    }
    TRY(connection_etag(op, &creation->made, &connection_fields, &etag));
    TRY(api_reply_one(op, reply, 201, body, etag));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/connections/%.*s", SLICE(creation->made.slug)));
    return NULL;
}

reason api_connections_create(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct creation creation = {.actor = &request->actor, .tenant = request->args[0]};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(connection_ask_read(op, object, S(""), &creation.ask));
    bool answered = false;
    TRY(api_answered(op, gate, request, reply, &answered));
    if (answered) {
        return NULL;
    }
    TRY(connection_ask_idp(op, gate, &creation.ask));
    const struct api_creation made = {.store = store_one, .say = say_one, .arg = &creation};
    return api_create(op, gate, request, reply, &made);
}

// ---- changing -----------------------------------------------------------------------------------------

struct change {
    const struct request *request;
    struct slice slug;
    bool disabled;
    struct connection connection;
};
static reason store_switch(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    TRY(connection_if_match(op, txn, change->request, &connection_fields));
    return connection_set_disabled(op, txn, &change->request->actor, change->slug, change->disabled,
                                   &change->connection);
}

reason api_connection_put(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct change change = {.request = request, .slug = request->args[0]};
    struct connection asked = {.disabled = false};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &connection_switch_fields, object, S(""), &asked));
    change.disabled = asked.disabled;
    TRY(api_write(op, gate, store_switch, &change));
    return reply_connection(op, gate, reply, 200, &change.connection);
}

static reason remove_one(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    TRY(connection_if_match(op, txn, change->request, &connection_fields));
    return connection_remove(op, txn, &change->request->actor, change->slug);
}

reason api_connection_delete(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    struct change change = {.request = request, .slug = request->args[0]};
    TRY(api_write(op, gate, remove_one, &change));
    connection_forget_keys(op, gate, change.slug);
    reply_empty(reply, 204);
    return NULL;
}
