// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of ours that one connection has for itself: made, brought into use, retired, removed. Key files are made before the
// record names them and go after it does not any more, so that a stop in between leaves nothing that is missed.
#include "base/log.h"
#include "base/text.h"
#include "http/api/api.h"

#define ADD_TRIES 3 // other changes of the connection take the number of the next key

struct key_ask {
    int kind;
    bool gate;
};
static const struct field key_ask_rows[] = {
    F_CHOICE(struct key_ask, kind, 1, FIELD_MUST, sp_key_kind_names),
    F_BOOL(struct key_ask, gate, 2, FIELD_PLAIN),
};
FIELD_TABLE(key_ask_fields, "key", 1, struct key_ask, key_ask_rows);

static reason keys_dir(struct op *op, const struct gate *gate, const char **ret_dir) {
    return op_cstr(op, op_text(op, "%.*s/keys", SLICE(gate->settings->data_dir)), ret_dir);
}

// ---- showing ---------------------------------------------------------------------------------------------

static reason reply_keys(struct op *op, struct reply *reply, unsigned status,
                         const struct connection *connection) {
    struct json *items = json_array(op);
    struct json *body = json_object(op);
    struct slice etag = SLICE_NONE;
    for (int kind = 0; kind < SP_KEY_KINDS; kind++) {
        struct sp_key_set set = connection_key_set(connection, (enum sp_key_kind)kind);
        for (size_t i = 0; i < set.count; i++) {
            struct own_key row = {kind, set.rows[i].number, set.rows[i].state};
            struct json *item = json_from_fields(op, &own_key_fields, &row);
            json_set_bool(op, item, "gate", row.number == SP_KEY_OF_GATE);
            json_add(op, items, item);
        }
    }
    json_set(op, body, "items", items);
    json_set_text_or_null(op, body, "next_cursor", SLICE_NONE); // all of them
    TRY(connection_etag(op, connection, &connection_fields, &etag));
    return api_reply_one(op, reply, status, body, etag);
}

reason api_connection_keys(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct connection connection;
    TRY(connection_read(op, gate, request->args[0], &connection));
    return reply_keys(op, reply, 200, &connection);
}

// ---- changing --------------------------------------------------------------------------------------------

struct change {
    const struct request *request;
    struct slice slug;
    enum sp_key_kind kind;
    uint32_t number;
    enum sp_key_step step;
    struct connection connection;
};

static reason store_key(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    TRY(connection_if_match(op, txn, change->request, &connection_fields));
    return connection_key_add(op, txn, &change->request->actor, change->slug, change->kind, change->number,
                              &change->connection);
}

static reason store_step(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    TRY(connection_if_match(op, txn, change->request, &connection_fields));
    return connection_key_step(op, txn, &change->request->actor, change->slug, change->kind, change->number,
                               change->step, &change->connection);
}

// Is there room for one more? Then its key is made, which takes a while.
static reason make_key(struct op *op, struct gate *gate, struct change *change) {
    const char *dir = NULL;
    struct connection connection;
    TRY(connection_read(op, gate, change->slug, &connection));
    struct sp_key_set set = connection_key_set(&connection, change->kind);
    change->number = connection_next_key(&connection);
    TRY(sp_key_set_add(op, &set, change->kind, change->number));
    TRY(keys_dir(op, gate, &dir));
    return sp_own_key_make(op, dir, change->slug, change->kind, change->number);
}

static reason say_added(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct change *change = arg;
    (void)gate;
    return reply_keys(op, reply, 201, &change->connection);
}

reason api_connection_key_add(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct change change = {.request = request, .slug = request->args[0], .number = SP_KEY_OF_GATE};
    const struct api_creation creation = {.store = store_key, .say = say_added, .arg = &change};
    struct key_ask ask = {.gate = false};
    const struct json *object = NULL;
    bool answered = false;
    reason why = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &key_ask_fields, object, S(""), &ask));
    TRY(api_answered(op, gate, request, reply, &answered));
    change.kind = (enum sp_key_kind)ask.kind;
    for (int tries = 0; tries < (ask.gate ? 1 : ADD_TRIES) && !answered; tries++) {
        if (!ask.gate) {
            TRY(make_key(op, gate, &change));
        }
        why = api_create(op, gate, request, reply, &creation);
        if (why != REASON_OF(ILLEGAL_TRANSITION)) {
            break;
        }
    }
    return why;
}

static reason take_step(struct op *op, struct gate *gate, struct request *request,
                        enum sp_key_step step, struct change *ret_change) {
    struct change change = {.request = request, .slug = request->args[0], .step = step};
    uint64_t number = 0;
    int kind = 0;
    while (sp_key_kind_names[kind] != NULL &&
           !slice_equal(request->args[1], slice_str(sp_key_kind_names[kind]))) {
        kind++;
    }
    if (kind == SP_KEY_KINDS || !text_u64(request->args[2], UINT32_MAX, &number)) {
        REFUSE(op, NOT_FOUND, "keys are called signing or encryption, and have a number");
    }
    change.kind = (enum sp_key_kind)kind;
    change.number = (uint32_t)number;
    TRY(api_write(op, gate, store_step, &change));
    *ret_change = change;
    return NULL;
}

reason api_connection_key_use(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct change change;
    TRY(take_step(op, gate, request, SP_KEY_USE, &change));
    return reply_keys(op, reply, 200, &change.connection);
}

reason api_connection_key_retire(struct op *op, struct gate *gate, struct request *request,
                                 struct reply *reply) {
    struct change change;
    TRY(take_step(op, gate, request, SP_KEY_RETIRE, &change));
    return reply_keys(op, reply, 200, &change.connection);
}

reason api_connection_key_delete(struct op *op, struct gate *gate, struct request *request,
                                 struct reply *reply) {
    struct change change;
    const char *dir = NULL;
    TRY(take_step(op, gate, request, SP_KEY_REMOVE, &change));
    TRY(keys_dir(op, gate, &dir));
    if (change.number != SP_KEY_OF_GATE) {
        TRY(sp_own_key_remove(op, dir, change.slug, change.kind, change.number));
    }
    reply_empty(reply, 204);
    return NULL;
}

void connection_forget_keys(struct op *op, const struct gate *gate, struct slice slug) {
    const char *dir = NULL;
    reason why = keys_dir(op, gate, &dir);
    why = why != NULL ? why : sp_own_keys_forget(op, dir, slug);
    if (why != NULL) {
        LOG(op, LOG_WARNING, "connection.keys_left", LOG_TEXT("connection", slug), LOG_TEXT("detail", op->detail));
    }
}
