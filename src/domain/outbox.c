// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of outbox.h. One index orders them by state and time: the courier reads the queued ones
// that are due from its front, the sweep removes what ended from the front of each other state, and
// lists go through it in pages.
#include "domain/outbox.h"

#include "base/rand.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/outbox_work.h"
#include "domain/space.h"
#include "domain/tenant.h"
#include "domain/ticket.h"
#include "domain/timekey.h"

#define ADDRESS_MAX 254
#define VALUE_NAME_MAX 32
#define ERROR_MAX 300   // bytes; one line of a server's answer
#define FORGET_MOST 200 // the newest of one user: no more than these can still wait

const char *const letter_kind_names[] = {
#define LETTER(name, outside) outside,
#include "domain/letters.def"
#undef LETTER
    NULL,
};
const char *const letter_state_names[] = {"queued", "dead", "dropped", "sent", NULL};

static const struct field value_rows[] = {
    F_TEXT(struct letter_value, name, 1, FIELD_OUTPUT, VALUE_NAME_MAX),
    F_TEXT(struct letter_value, value, 2, FIELD_OUTPUT | FIELD_LINES, LETTER_VALUE_MAX),
};
FIELD_TABLE(letter_value_fields, "letter value", 1, struct letter_value, value_rows);

static const struct field letter_rows[] = {
    F_TEXT(struct letter, id, 1, FIELD_OUTPUT, 64),
    F_CHOICE(struct letter, kind, 2, FIELD_OUTPUT, letter_kind_names),
    F_TEXT(struct letter, tenant, 3, FIELD_OUTPUT | FIELD_NULL, 63),
    F_TEXT(struct letter, to, 4, FIELD_OUTPUT, ADDRESS_MAX),
    F_TEXT(struct letter, user_id, 5, FIELD_OUTPUT | FIELD_NULL, 64),
    F_BYTES(struct letter, ticket_id, 6, FIELD_HIDDEN, TICKET_ID),
    F_BYTES(struct letter, other_ticket_id, 7, FIELD_HIDDEN, TICKET_ID),
    F_STRUCTS(struct letter, values, 8, FIELD_HIDDEN, LETTER_VALUES_MAX, letter_value_fields),
    F_TIME(struct letter, created_at, 9, FIELD_OUTPUT),
    F_TIME(struct letter, due_at, 10, FIELD_OUTPUT),
    F_TIME(struct letter, tried_at, 11, FIELD_OUTPUT),
    F_TIME(struct letter, ended_at, 12, FIELD_OUTPUT),
    F_NUMBER(struct letter, attempts, 13, FIELD_OUTPUT, 0, INT64_MAX),
    F_TEXT(struct letter, last_error, 14, FIELD_OUTPUT | FIELD_NULL, ERROR_MAX),
    F_CHOICE(struct letter, state, 15, FIELD_OUTPUT, letter_state_names),
};
FIELD_TABLE(letter_fields, "letter", 1, struct letter, letter_rows);

static void letter_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_LETTER);
    key_text(ret_key, ((const struct letter *)row)->id);
}
static bool letter_state_key(const void *row, struct key *ret_key) {
    const struct letter *letter = row;
    int64_t time = letter->state == LETTER_QUEUED ? letter->due_at : letter->ended_at;
    key_u32(ret_key, (uint32_t)letter->state);
    key_u64(ret_key, (uint64_t)time);
    return true;
}
static bool letter_tenant_key(const void *row, struct key *ret_key) {
    key_text(ret_key, ((const struct letter *)row)->tenant);
    return letter_state_key(row, ret_key);
}
static bool letter_user_key(const void *row, struct key *ret_key) {
    const struct letter *letter = row;
    key_text(ret_key, letter->user_id);
    key_text(ret_key, letter->tenant);
    return letter->user_id.len > 0;
}
static const struct entity_index letter_indexes[] = {
    {SPACE_LETTER_STATE, false, NULL, letter_state_key},
    {SPACE_LETTER_TENANT, false, NULL, letter_tenant_key},
    {SPACE_LETTER_USER, false, NULL, letter_user_key},
};
const struct entity letter_entity = {.space = SPACE_LETTER,
                                     .fields = &letter_fields,
                                     .key = letter_key,
                                     .indexes = letter_indexes,
                                     .index_count =
                                         sizeof letter_indexes / sizeof letter_indexes[0]};

// ---- queueing ----

reason letter_value(struct op *op, struct letter *letter, const char *name, struct slice value) {
    if (value.len == 0) {
        return NULL;
    }
    if (letter->values.count == LETTER_VALUES_MAX) {
        REFUSE(op, INTERNAL, "a letter has more than %d values", LETTER_VALUES_MAX);
    }
    struct letter_value *values = letter->values.at;
    if (values == NULL) {
        TRY(op_take(op, LETTER_VALUES_MAX * sizeof *values, &values));
        letter->values.at = values;
    }
    size_t left = LETTER_VALUES_BYTES;
    for (size_t i = 0; i < letter->values.count; i++) {
        left -= values[i].value.len < left ? values[i].value.len : left;
    }
    left = left < LETTER_VALUE_LEAST ? LETTER_VALUE_LEAST : left;
    value = text_cut(value, left < LETTER_VALUE_MAX ? left : LETTER_VALUE_MAX);
    values[letter->values.count++] = (struct letter_value){slice_str(name), value};
    return NULL;
}

reason letter_time(struct op *op, struct letter *letter, const char *name, int64_t time) {
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    char text[CLOCK_TEXT];
    if (time == 0) {
        return NULL;
    }
    (void)clock_print(time, text); // 2026-11-21T16:00:00.000Z
    int month = (text[5] - '0') * 10 + (text[6] - '0');
    const char *day = text[8] == '0' ? text + 9 : text + 8;
    struct slice said = op_text(op, "%.*s %s %.4s, %.5s UTC", text[8] == '0' ? 1 : 2, day,
                                months[month - 1], text, text + 11);
    if (said.len == 0) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a time");
    }
    return letter_value(op, letter, name, said);
}

reason outbox_add(struct op *op, struct txn *txn, struct letter *letter) {
    struct email to;
    if (letter->to.len == 0) {
        return NULL;
    }
    TRY(email_normalise(op, letter->to, &to));
    letter->to = to.whole;
    letter->created_at = op->now;
    letter->due_at = letter->due_at > op->now ? letter->due_at : op->now;
    letter->tried_at = 0;
    letter->ended_at = 0;
    letter->attempts = 0;
    letter->last_error = S("");
    letter->state = LETTER_QUEUED;
    TRY(rand_ulid(op, S("ltr_"), &letter->id));
    bool added = false;
    TRY(entity_add(op, txn, &letter_entity, letter, &added));
    if (!added) {
        REFUSE(op, INTERNAL, "a letter with this id exists already");
    }
    return NULL;
}

reason outbox_last(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                   struct letter *ret_letter, bool *ret_found) {
    struct key prefix = key_in(SPACE_LETTER_USER);
    key_text(&prefix, user_id);
    key_text(&prefix, tenant);
    const struct listing listing = {
        .entity = &letter_entity, .prefix = key_slice(&prefix), .index = true, .backwards = true};
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, 1, &rows, &more));
    *ret_found = rows.count > 0;
    if (rows.count > 0) {
        *ret_letter = *(const struct letter *)rows.at;
    }
    return NULL;
}

// What ends keeps who got what and when; what the text was made of goes.
static reason end(struct op *op, struct txn *txn, struct letter *letter, enum letter_state state,
                  struct slice why) {
    letter->state = (int)state;
    letter->ended_at = op->now;
    letter->last_error = text_cut(why, ERROR_MAX);
    if (state != LETTER_DEAD) { // a dead one may be tried again
        letter->values = (struct rows){NULL, 0};
        letter->ticket_id = S("");
        letter->other_ticket_id = S("");
    }
    return entity_put(op, txn, &letter_entity, letter);
}

reason outbox_forget(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id) {
    struct key prefix = key_in(SPACE_LETTER_USER);
    key_text(&prefix, user_id);
    if (tenant.len > 0) {
        key_text(&prefix, tenant);
    }
    const struct listing listing = {
        .entity = &letter_entity, .prefix = key_slice(&prefix), .index = true, .backwards = true};
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, FORGET_MOST, &rows, &more));
    struct letter *letters = rows.at;
    for (size_t i = 0; i < rows.count; i++) {
        if (letters[i].state == LETTER_QUEUED) {
            TRY(end(op, txn, &letters[i], LETTER_DROPPED, S("whom it was for is gone")));
        }
    }
    return NULL;
}

// ---- sending ----

reason outbox_due(struct op *op, struct txn *txn, size_t most, struct rows *ret_letters) {
    struct key prefix = key_in(SPACE_LETTER_STATE);
    key_u32(&prefix, LETTER_QUEUED);
    const struct listing listing = {
        .entity = &letter_entity, .prefix = key_slice(&prefix), .index = true};
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, most, &rows, &more));
    const struct letter *letters = rows.at;
    size_t due = 0;
    while (due < rows.count && letters[due].due_at <= op->now) {
        due++;
    }
    *ret_letters = (struct rows){rows.at, due};
    return NULL;
}

reason outbox_find(struct op *op, struct txn *txn, struct slice id, struct letter *ret_letter) {
    struct letter letter = {.id = id};
    struct key key;
    bool found = false;
    letter_key(&letter, &key);
    if (id.len == 0 || id.len > 64) {
        REFUSE(op, NOT_FOUND, "there is no such letter");
    }
    TRY(entity_find(op, txn, &letter_entity, &key, &letter, &found));
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no letter %.*s", SLICE(id));
    }
    *ret_letter = letter;
    return NULL;
}

reason outbox_wanted(struct op *op, struct txn *txn, const struct letter *letter,
                     struct ticket tickets[2], const char **ret_why_not) {
    const struct slice ids[2] = {letter->ticket_id, letter->other_ticket_id};
    *ret_why_not = NULL;
    for (size_t i = 0; i < 2; i++) {
        tickets[i] = (struct ticket){.purpose = TICKET_INVITE};
        if (ids[i].len == 0) {
            continue;
        }
        bool found = false;
        TRY(ticket_find_by_id(op, txn, ids[i], &tickets[i], &found));
        if (!found) {
            *ret_why_not = "its link was used, revoked or replaced by a newer one";
        } else if (op->now >= tickets[i].expires_at) {
            *ret_why_not = "its link expired before it could be sent";
        }
    }
    return NULL;
}

// The letter as it is now, if it still waits.
static reason find_queued(struct op *op, struct txn *txn, struct slice id,
                          struct letter *ret_letter, bool *ret_queued) {
    reason why = outbox_find(op, txn, id, ret_letter);
    if (why == REASON_OF(NOT_FOUND)) {
        *ret_queued = false;
        return NULL;
    }
    TRY(why);
    *ret_queued = ret_letter->state == LETTER_QUEUED;
    return NULL;
}

int64_t outbox_back_off(int64_t attempts) {
    int64_t wait = BACK_OFF_FIRST;
    for (int64_t i = 1; i < attempts && wait < BACK_OFF_MOST; i++) {
        wait *= 2;
    }
    return wait < BACK_OFF_MOST ? wait : BACK_OFF_MOST;
}

reason outbox_tried(struct op *op, struct txn *txn, struct slice id,
                    const struct delivery *delivery) {
    struct letter letter;
    bool queued = false;
    TRY(find_queued(op, txn, id, &letter, &queued));
    if (!queued) {
        return NULL; // it was dropped while it was under way
    }
    letter.attempts++;
    letter.tried_at = letter.tried_at > 0 ? letter.tried_at : op->now;
    if (delivery->outcome == DELIVERY_SENT) {
        return end(op, txn, &letter, LETTER_SENT, S(""));
    }
    if (delivery->outcome == DELIVERY_DROPPED) {
        return end(op, txn, &letter, LETTER_DROPPED, delivery->error);
    }
    if (delivery->outcome == DELIVERY_REFUSED || op->now - letter.tried_at >= OUTBOX_GIVE_UP) {
        return end(op, txn, &letter, LETTER_DEAD, delivery->error);
    }
    uint32_t chance = 0;
    rand_bytes(&chance, sizeof chance);
    int64_t wait = outbox_back_off(letter.attempts);
    wait = delivery->down && wait > BACK_OFF_DOWN ? BACK_OFF_DOWN : wait;
    letter.due_at =
        op->now + wait + chance % (wait / 4); // so that a thousand do not come back at once
    letter.last_error = text_cut(delivery->error, ERROR_MAX);
    return entity_put(op, txn, &letter_entity, &letter);
}

// ---- for operators ----

static reason audit_letter(struct op *op, struct txn *txn, const struct actor *actor,
                           const struct letter *letter, const char *event) {
    return audit_add(op, txn, actor, letter->tenant, event, letter->id,
                     slice_str(letter_kind_names[letter->kind]));
}

reason outbox_retry(struct op *op, struct txn *txn, const struct actor *actor, struct slice id,
                    struct letter *ret_letter) {
    struct letter letter;
    TRY(outbox_find(op, txn, id, &letter));
    if (letter.state != LETTER_QUEUED && letter.state != LETTER_DEAD) {
        REFUSE(op, ILLEGAL_TRANSITION, "the letter is %s", letter_state_names[letter.state]);
    }
    letter.state = LETTER_QUEUED;
    letter.due_at = op->now;
    letter.tried_at = 0; // three days more
    letter.attempts = 0;
    letter.ended_at = 0;
    TRY(entity_put(op, txn, &letter_entity, &letter));
    TRY(audit_letter(op, txn, actor, &letter, "mail.retried"));
    *ret_letter = letter;
    return NULL;
}

reason outbox_drop(struct op *op, struct txn *txn, const struct actor *actor, struct slice id,
                   struct letter *ret_letter) {
    struct letter letter;
    TRY(outbox_find(op, txn, id, &letter));
    if (letter.state != LETTER_QUEUED && letter.state != LETTER_DEAD) {
        REFUSE(op, ILLEGAL_TRANSITION, "the letter is %s", letter_state_names[letter.state]);
    }
    TRY(end(op, txn, &letter, LETTER_DROPPED, S("an operator dropped it")));
    TRY(audit_letter(op, txn, actor, &letter, "mail.dropped"));
    *ret_letter = letter;
    return NULL;
}

// The cursor is the id of the last letter of the page before; its row says where in the index that
// was. A letter that moved meanwhile (it was sent) makes the next page start where it is now.
static reason page_from(struct op *op, struct txn *txn, struct slice cursor, bool by_tenant,
                        struct key *ret_from) {
    struct letter letter;
    reason why = outbox_find(op, txn, cursor, &letter);
    if (why == REASON_OF(NOT_FOUND)) {
        op_error(op, S("/cursor"), REASON_OF(FIELD_VALUE), "the letter that it names is gone");
        REFUSE(op, INVALID_INPUT, "cursor: the letter that it names is gone; start again");
    }
    TRY(why);
    struct key from = key_in(by_tenant ? SPACE_LETTER_TENANT : SPACE_LETTER_STATE);
    (void)(by_tenant ? letter_tenant_key(&letter, &from) : letter_state_key(&letter, &from));
    struct key primary;
    letter_key(&letter, &primary);
    key_bytes(&from, key_slice(&primary));
    *ret_from = from;
    return NULL;
}

reason outbox_list(struct op *op, struct txn *txn, const struct letter_filter *filter,
                   struct page page, struct rows *ret_letters, struct slice *ret_next,
                   size_t *ret_total) {
    bool by_tenant = filter->tenant.len > 0;
    struct key prefix = key_in(by_tenant ? SPACE_LETTER_TENANT : SPACE_LETTER_STATE);
    struct key from = {.len = 0};
    if (by_tenant) {
        key_text(&prefix, filter->tenant);
    }
    if (filter->state >= 0) {
        key_u32(&prefix, (uint32_t)filter->state);
    }
    if (page.cursor.len > 0) {
        TRY(page_from(op, txn, page.cursor, by_tenant, &from));
    }
    const struct listing listing = {
        .entity = &letter_entity,
        .prefix = key_slice(&prefix),
        .from = from.len > 0 ? key_slice(&from) : SLICE_NONE,
        .index = true,
    };
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, page_limit(page), &rows, &more));
    TRY(listing_count(op, txn, key_slice(&prefix), ret_total));
    const struct letter *letters = rows.at;
    *ret_letters = rows;
    *ret_next = more ? letters[rows.count - 1].id : S("");
    return NULL;
}

reason outbox_figures(struct op *op, struct txn *txn, struct outbox_figures *ret_figures) {
    struct outbox_figures figures = {.oldest = 0};
    for (uint32_t state = 0; letter_state_names[state] != NULL; state++) {
        struct key prefix = key_in(SPACE_LETTER_STATE);
        key_u32(&prefix, state);
        TRY(listing_count(op, txn, key_slice(&prefix), &figures.count[state]));
    }
    struct rows rows = {NULL, 0};
    TRY(outbox_due(op, txn, 1, &rows));
    if (rows.count > 0) {
        figures.oldest = ((const struct letter *)rows.at)->created_at;
    }
    *ret_figures = figures;
    return NULL;
}
