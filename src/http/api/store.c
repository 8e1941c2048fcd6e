// SPDX-License-Identifier: GPL-3.0-or-later
// What a copy of the store needs of the running gate: that all that was answered is in the file, and a row of the audit log.
#include "http/api/api.h"

struct copy_ask {
    const struct request *request;
    struct slice to;
};
static const struct field copy_ask_rows[] = {
    F_TEXT(struct copy_ask, to, 1, FIELD_MUST, 1000),
};
FIELD_TABLE(copy_ask_fields, "copy", 1, struct copy_ask, copy_ask_rows);

static reason note(struct op *op, struct txn *txn, void *arg) {
    const struct copy_ask *ask = arg;
    return audit_add(op, txn, &ask->request->actor, S(""), "store.copied", S("store"),
                     op_text(op, "to %.*s", SLICE(ask->to)));
}

reason api_store_copy(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct copy_ask ask = {.request = request};
    const struct json *object = NULL;
    struct store_stat stat;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &copy_ask_fields, object, S(""), &ask));
    TRY(api_write(op, gate, note, &ask));
    TRY(store_settle(op, gate->store));
    TRY(store_stat(op, gate->store, &stat));
    struct json *body = json_object(op);
    json_set_number(op, body, "rows", (int64_t)stat.rows);
    json_set_number(op, body, "bytes", (int64_t)stat.used_bytes);
    json_set_time(op, body, "time", op->now);
    return reply_json(op, reply, 200, body);
}
