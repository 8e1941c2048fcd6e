// SPDX-License-Identifier: GPL-3.0-or-later
// What keeps callers from each other's way and from their own: ETags with If-Match, and Idempotency-Key.
#include "base/digest.h"
#include "base/encode.h"
#include "domain/idempotency.h"
#include "http/api/api.h"

#define ETAG_BYTES 16 // of the hash
#define KEY_TEXT_MAX 255

// ---- ETag and If-Match ---------------------------------------------------------------------------------

reason api_etag(struct op *op, const struct field_table *table, const void *row,
                struct slice *etag) {
    struct slice stored;
    struct slice text;
    TRY(record_put(op, table, row, &stored));
    const struct slice parts[] = {*etag, slice_str(table->name), stored};
    struct sha256 digest = digest_parts(parts, sizeof parts / sizeof parts[0]);
    TRY(encode_base64url(op, slice_sub(digest_slice(&digest), 0, ETAG_BYTES), &text));
    *etag = op_text(op, "\"%.*s\"", SLICE(text));
    return NULL;
}

reason api_if_match(struct op *op, const struct request *request, struct slice etag) {
    struct slice header = request_header(request, "If-Match");
    struct slice rest = header;
    struct slice one;
    if (header.len == 0) {
        return NULL;
    }
    while (rest.at != NULL && slice_cut(&rest, ',', &one)) {
        one = slice_trim(one);
        if (slice_equal(one, S("*")) || slice_equal(one, etag)) {
            return NULL;
        }
    }
    REFUSE(op, VERSION_CONFLICT, "this is %.*s now, and If-Match names %.*s; read it again first",
           SLICE(etag), SLICE(slice_sub(header, 0, 100)));
}

reason api_must_match(struct op *op, const struct request *request) {
    if (request_header(request, "If-Match").len == 0) {
        REFUSE(op, PRECONDITION_REQUIRED,
               "send If-Match with the ETag that reading it gave, so that nobody's change is lost");
    }
    return NULL;
}

reason api_reply_one(struct op *op, struct reply *reply, unsigned status, const struct json *body,
                     struct slice etag) {
    TRY(reply_json(op, reply, status, body));
    reply_header(reply, "ETag", etag);
    return NULL;
}

// ---- Idempotency-Key -----------------------------------------------------------------------------------

struct making {
    const struct gate *gate;
    const struct request *request;
    struct reply *reply;
    const struct api_creation *creation;
    bool keyed;
    struct sha256 key, whole;
};

// Whose key it is, and what it was sent with.
static reason read_key(struct op *op, struct making *making) {
    const struct request *request = making->request;
    const struct actor *actor = &request->actor;
    struct slice key = request_header(request, "Idempotency-Key");
    making->keyed = key.len > 0;
    if (key.len > KEY_TEXT_MAX) {
        REFUSE(op, INVALID_INPUT, "an Idempotency-Key has at most %d bytes", KEY_TEXT_MAX);
    }
    const struct slice who[] = {slice_str(actor_kind_names[actor->kind]), actor->id, actor->tenant,
                                key};
    making->key = digest_parts(who, sizeof who / sizeof who[0]);
    const struct slice what[] = {slice_str(method_names[request->method]), request->path,
                                 request->query, request->body};
    making->whole = digest_parts(what, sizeof what / sizeof what[0]);
    return NULL;
}

static struct slice header_of(const struct reply *reply, const char *name) {
    for (size_t i = 0; i < reply->header_count; i++) {
        if (slice_equal(reply->headers[i].name, slice_str(name))) {
            return reply->headers[i].value;
        }
    }
    return SLICE_NONE;
}

static reason keep(struct op *op, struct txn *txn, const struct making *making) {
    const struct reply *reply = making->reply;
    bool withheld = making->creation->secret || reply->body.len > IDEMPOTENCY_BODY_MAX;
    struct kept_answer answer = {
        .key = digest_slice(&making->key),
        .request = digest_slice(&making->whole),
        .status = reply->status,
        .content_type = slice_str(reply->content_type),
        .location = header_of(reply, "Location"),
        .etag = header_of(reply, "ETag"),
        .body = withheld ? SLICE_NONE : reply->body,
        .withheld = withheld,
    };
    return idempotency_put(op, txn, &answer);
}

static reason say_again(struct op *op, const struct making *making,
                        const struct kept_answer *answer) {
    if (!slice_equal(answer->request, digest_slice(&making->whole))) {
        REFUSE(op, IDEMPOTENCY_MISMATCH,
               "this Idempotency-Key came with another request before; each request has its own");
    }
    if (answer->withheld) {
        REFUSE(op, IDEMPOTENCY_DONE,
               "this was done already, and its answer is not kept: it held a secret, or was long");
    }
    const char *type = NULL;
    TRY(op_cstr(op, answer->content_type, &type));
    struct reply *reply = making->reply;
    reply_text(reply, (unsigned)answer->status, type, answer->body);
    reply_header(reply, "Cache-Control", S("no-store"));
    reply_header(reply, "Idempotency-Replayed", S("true"));
    if (answer->location.len > 0) {
        reply_header(reply, "Location", answer->location);
    }
    if (answer->etag.len > 0) {
        reply_header(reply, "ETag", answer->etag);
    }
    return NULL;
}

// Two requests with one key that come at once are two transactions, one after the other: the second finds the answer
// of the first.
static reason make(struct op *op, struct txn *txn, void *arg) {
    struct making *making = arg;
    const struct api_creation *creation = making->creation;
    struct kept_answer answer;
    bool found = false;
    *making->reply = (struct reply){.status = 0};
    if (making->keyed) {
        TRY(idempotency_find(op, txn, digest_slice(&making->key), &answer, &found));
    }
    if (found) {
        return say_again(op, making, &answer);
    }
    TRY(creation->store(op, txn, creation->arg));
    TRY(creation->say(op, making->gate, making->reply, creation->arg));
    return making->keyed ? keep(op, txn, making) : NULL;
}

static reason look_up(struct op *op, struct txn *txn, void *arg) {
    struct making *making = arg;
    struct kept_answer answer;
    bool found = false;
    TRY(idempotency_find(op, txn, digest_slice(&making->key), &answer, &found));
    return found ? say_again(op, making, &answer) : NULL;
}

reason api_answered(struct op *op, struct gate *gate, const struct request *request,
                    struct reply *reply, bool *ret_answered) {
    struct making making = {.gate = gate, .request = request, .reply = reply};
    TRY(read_key(op, &making));
    if (making.keyed) {
        TRY(store_read(op, gate->store, look_up, &making));
    }
    *ret_answered = reply->status != 0;
    return NULL;
}

reason api_create(struct op *op, struct gate *gate, const struct request *request,
                  struct reply *reply, const struct api_creation *creation) {
    struct making making = {
        .gate = gate, .request = request, .reply = reply, .creation = creation};
    TRY(read_key(op, &making));
    return api_write(op, gate, make, &making);
}
