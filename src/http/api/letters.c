// SPDX-License-Identifier: GPL-3.0-or-later
// The outbox, for operators: what waits, what was given up, and whether mail goes out at all. What
// a letter says is never shown: its links are for one person.
#include "base/rand.h"
#include "http/api/api.h"

struct mail_test_ask {
    struct slice to;
    bool queue;
};
static const struct field mail_test_rows[] = {
    F_TEXT(struct mail_test_ask, to, 1, FIELD_MUST, 254),
    F_BOOL(struct mail_test_ask, queue, 2, FIELD_PLAIN),
};
FIELD_TABLE(mail_test_fields, "mail test", 1, struct mail_test_ask, mail_test_rows);

// ---- letters ----

struct letters {
    struct letter_filter filter;
    struct page page;
    struct rows rows;
    struct slice next;
    size_t total;
};
static reason read_letters(struct op *op, struct txn *txn, void *arg) {
    struct letters *letters = arg;
    return outbox_list(op, txn, &letters->filter, letters->page, &letters->rows, &letters->next,
                       &letters->total);
}

static reason read_filter(struct op *op, const struct request *request,
                          struct letter_filter *ret_filter) {
    struct letter_filter filter = {.state = -1};
    struct slice state;
    TRY(request_query(op, request, "tenant", &filter.tenant));
    TRY(request_query(op, request, "state", &state));
    for (int i = 0; state.len > 0 && letter_state_names[i] != NULL; i++) {
        filter.state = slice_equal(state, slice_str(letter_state_names[i])) ? i : filter.state;
    }
    if (state.len > 0 && filter.state < 0) {
        REFUSE(op, INVALID_INPUT, "state is queued, dead, dropped or sent; got %.*s",
               SLICE(slice_sub(state, 0, 40)));
    }
    *ret_filter = filter;
    return NULL;
}

reason api_letters_list(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct letters letters = {.total = 0};
    TRY(read_filter(op, request, &letters.filter));
    TRY(request_page(op, request, &letters.page));
    TRY(store_walk(op, gate->store, read_letters, &letters));
    struct json *items = json_array(op);
    for (size_t i = 0; i < letters.rows.count; i++) {
        json_add(op, items,
                 json_from_fields(op, &letter_fields, (const struct letter *)letters.rows.at + i));
    }
    return api_reply_list(op, reply, items, letters.next, letters.total);
}

struct one {
    const struct request *request;
    struct slice id;
    struct letter letter;
};
static reason read_letter(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    return outbox_find(op, txn, one->id, &one->letter);
}
static reason match(struct op *op, struct txn *txn, struct one *one) {
    struct slice etag = SLICE_NONE;
    TRY(read_letter(op, txn, one));
    TRY(api_etag(op, &letter_fields, &one->letter, &etag));
    return api_if_match(op, one->request, etag);
}
static reason retry_letter(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    TRY(match(op, txn, one));
    return outbox_retry(op, txn, &one->request->actor, one->id, &one->letter);
}
static reason drop_letter(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    TRY(match(op, txn, one));
    return outbox_drop(op, txn, &one->request->actor, one->id, &one->letter);
}

static reason reply_letter(struct op *op, struct reply *reply, const struct one *one) {
    struct slice etag = SLICE_NONE;
    TRY(api_etag(op, &letter_fields, &one->letter, &etag));
    return api_reply_one(op, reply, 200, json_from_fields(op, &letter_fields, &one->letter), etag);
}

reason api_letter_get(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct one one = {request, request->args[0], {.kind = 0}};
    TRY(store_read(op, gate->store, read_letter, &one));
    return reply_letter(op, reply, &one);
}

reason api_letter_retry(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct one one = {request, request->args[0], {.kind = 0}};
    TRY(api_write(op, gate, retry_letter, &one));
    return reply_letter(op, reply, &one);
}

reason api_letter_drop(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    struct one one = {request, request->args[0], {.kind = 0}};
    TRY(api_write(op, gate, drop_letter, &one));
    return reply_letter(op, reply, &one);
}

// ---- the way out ----

static reason read_figures(struct op *op, struct txn *txn, void *arg) {
    return outbox_figures(op, txn, arg);
}

reason api_mail_get(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    (void)request;
    struct outbox_figures figures;
    TRY(store_walk(op, gate->store, read_figures, &figures));
    const struct settings *settings = gate->settings;
    struct json *body = json_object(op);
    json_set_bool(op, body, "configured", post_is_set(gate->post));
    json_set_str(op, body, "state", post_state_names[post_state(gate->post)]);
    json_set_text_or_null(op, body, "trouble", post_trouble(op, gate->post));
    json_set_text_or_null(op, body, "url", settings->smtp_url);
    json_set_text_or_null(op, body, "from", settings->smtp_from);
    for (int i = 0; letter_state_names[i] != NULL; i++) {
        json_set_number(op, body, letter_state_names[i], (int64_t)figures.count[i]);
    }
    json_set_time(op, body, "oldest", figures.oldest);
    return reply_json(op, reply, 200, body);
}

struct trial {
    struct gate *gate;
    const struct actor *actor;
    struct letter letter;
    bool queue;
    struct slice message;
    const char *why_not;
};
static reason queue_trial(struct op *op, struct txn *txn, void *arg) {
    struct trial *trial = arg;
    TRY(outbox_add(op, txn, &trial->letter));
    return audit_add(op, txn, trial->actor, S(""), "mail.tested", trial->letter.id, S("queued"));
}
static reason write_trial(struct op *op, struct txn *txn, void *arg) {
    struct trial *trial = arg;
    const struct compose compose = gate_compose(trial->gate);
    return compose_letter(op, txn, &compose, &trial->letter, &trial->message, &trial->why_not);
}
static reason audit_trial(struct op *op, struct txn *txn, void *arg) {
    const struct trial *trial = arg;
    return audit_add(op, txn, trial->actor, S(""), "mail.tested", trial->letter.id, S("sent"));
}

static reason send_now(struct op *op, struct gate *gate, struct trial *trial) {
    struct delivery delivery = {DELIVERY_LATER, S("no memory"), false};
    if (!post_is_set(gate->post)) {
        REFUSE(op, ILLEGAL_TRANSITION,
               "no mail server is set, so letters stay queued: set smtp_url and smtp_from");
    }
    TRY(store_read(op, gate->store, write_trial, trial));
    TRY(api_fetch_begin(op, gate));
    struct post_line *line = post_line_open();
    if (line != NULL) {
        post_send(op, gate->post, line, trial->letter.to, trial->letter.id, trial->message, NULL,
                  &delivery);
        post_line_close(line);
    }
    api_fetch_end(gate);
    if (delivery.outcome != DELIVERY_SENT) {
        REFUSE(op, PEER_FAILED, "the mail server did not take it: %.*s", SLICE(delivery.error));
    }
    return api_write(op, gate, audit_trial, trial);
}

reason api_mail_test(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct mail_test_ask ask = {.queue = false};
    const struct json *object = NULL;
    struct email email;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &mail_test_fields, object, S(""), &ask));
    reason why = email_normalise(op, ask.to, &email);
    if (why == REASON_OF(INVALID_INPUT)) {
        op_error(op, S("/to"), REASON_OF(FIELD_VALUE), "%.*s", SLICE(op->detail));
    }
    TRY(why);
    struct trial trial = {
        .gate = gate, .actor = &request->actor, .letter = {.kind = LETTER_TEST, .to = email.whole}};
    if (ask.queue) {
        TRY(api_write(op, gate, queue_trial, &trial));
    } else {
        TRY(rand_ulid(op, S("ltr_"), &trial.letter.id));
        TRY(send_now(op, gate, &trial));
    }
    struct json *body = json_object(op);
    json_set_text(op, body, "id", trial.letter.id);
    json_set_text(op, body, "to", trial.letter.to);
    json_set_str(op, body, "state", ask.queue ? "queued" : "sent");
    return reply_json(op, reply, 200, body);
}
