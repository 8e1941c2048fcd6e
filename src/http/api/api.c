// SPDX-License-Identifier: GPL-3.0-or-later
// What the handlers of the API share: writes, list answers, and field errors that point into the caller's body.
#include "http/api/api.h"

struct write_arg {
    store_fn fn;
    void *arg;
};
static reason write_once(struct op *op, struct txn *txn, void *arg) {
    struct write_arg *write = arg;
    op->error_count = 0;
    op->extra_count = 0;
    return write->fn(op, txn, write->arg);
}

reason api_write(struct op *op, struct gate *gate, store_fn fn, void *arg) {
    struct write_arg write = {fn, arg};
    return store_write(op, gate->store, write_once, &write);
}

reason api_reply_list(struct op *op, struct reply *reply, const struct json *items,
                      struct slice next, size_t total) {
    struct json *body = json_object(op);
    json_set(op, body, "items", items);
    json_set_text_or_null(op, body, "next_cursor", next);
    if (total != API_NO_TOTAL) {
        json_set_number(op, body, "total", (int64_t)total);
    }
    return reply_json(op, reply, 200, body);
}

static bool is_named(const char *const *names, struct slice name) {
    for (size_t i = 0; names[i] != NULL; i++) {
        if (slice_equal(slice_str(names[i]), name)) {
            return true;
        }
    }
    return false;
}

reason api_without(struct op *op, const struct json *object, const char *const *names,
                   const struct json **ret_rest) {
    if (!json_is_object(object)) {
        *ret_rest = object; // whoever reads it says what is wrong
        return NULL;
    }
    struct json *rest = json_object(op);
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(object, &at, &name, &value)) {
        const char *text = NULL;
        TRY(op_cstr(op, name, &text));
        if (!is_named(names, name)) {
            json_set(op, rest, text, value);
        }
    }
    *ret_rest = rest;
    return NULL;
}

const struct json *api_member(const struct json *object, const char *name) {
    const struct json *value = json_is_object(object) ? json_get(object, name) : NULL;
    return value != NULL && !json_is_null(value) ? value : NULL;
}

void api_errors_under(struct op *op, size_t from, struct slice at) {
    for (size_t i = from; at.len > 0 && i < op->error_count; i++) {
        op->errors[i].pointer =
            op_text(op, "%.*s%.*s", SLICE(at), SLICE(op->errors[i].pointer));
    }
}

void api_error_once(struct op *op, size_t from, struct slice pointer, reason why) {
    if (op->error_count == from) {
        op_error(op, pointer, why, "%.*s", SLICE(op->detail));
    }
}

#define FETCH_SHARE 4 // of the request threads, one in so many may wait for other people's servers

reason api_fetch_begin(struct op *op, struct gate *gate) {
    int most = (int)(gate->settings->threads / FETCH_SHARE) + 1;
    if (++gate->fetches > most) {
        gate->fetches--;
        REFUSE(op, LIMIT_QUEUE, "%d documents are being fetched already; try again in a moment", most);
    }
    return NULL;
}

void api_fetch_end(struct gate *gate) {
    gate->fetches--;
}
