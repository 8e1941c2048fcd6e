// SPDX-License-Identifier: GPL-3.0-or-later
// A row a ticket, under its id, which begins with the minute of its expiry: so they are swept from
// the front. What was used or revoked is removed; what expired stays for TICKET_GRACE, to say why.
#include "domain/ticket.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"
#include "domain/batch.h"
#include "domain/space.h"
#include "domain/timekey.h"

#define SUBJECT_BYTES 16 // of a digest, in the keys of indexes
#define REVOKE_ROOM 4    // keys at a time: mostly there is none or one, and a job issues thousands

const char *const ticket_pages[TICKET_PURPOSES] = {
    [TICKET_INVITE] = "/invitation",
    [TICKET_REACTIVATE] = "/password/reset", // one page: both set a new password
    [TICKET_RESET] = "/password/reset",
    [TICKET_EMAIL] = "/email/confirm",
    [TICKET_REQUEST_APPROVE] = "/request/approve",
    [TICKET_REQUEST_DENY] = "/request/deny",
};
static const char *const purpose_names[] = {"invite",          "reactivate",   "reset", "email",
                                            "request_approve", "request_deny", NULL};

static const struct field ticket_rows[] = {
    F_BYTES(struct ticket, id, 1, FIELD_HIDDEN, TICKET_ID),
    F_CHOICE(struct ticket, purpose, 2, FIELD_OUTPUT, purpose_names),
    F_TEXT(struct ticket, tenant, 3, FIELD_OUTPUT, 63),
    F_TEXT(struct ticket, user_id, 4, FIELD_OUTPUT, 64),
    F_TEXT(struct ticket, subject, 5, FIELD_OUTPUT, TICKET_SUBJECT_MAX),
    F_TIME(struct ticket, created_at, 6, FIELD_OUTPUT),
    F_TIME(struct ticket, expires_at, 7, FIELD_OUTPUT),
};
static FIELD_TABLE(ticket_fields, "ticket", 1, struct ticket, ticket_rows);

static void key_of(struct slice id, struct key *ret_key) {
    key_open(ret_key, SPACE_TICKET);
    key_bytes(ret_key, id);
    ret_key->broken |= id.len != TICKET_ID;
}
static void ticket_row_key(const void *row, struct key *ret_key) {
    key_of(((const struct ticket *)row)->id, ret_key);
}

static void key_subject(struct key *key, struct slice subject) {
    struct sha256 digest = digest_sha256(subject);
    key_bytes(key, slice_sub(digest_slice(&digest), 0, SUBJECT_BYTES));
}
static bool ticket_of_key(const void *row, struct key *ret_key) {
    const struct ticket *ticket = row;
    key_text(ret_key, ticket->user_id);
    key_text(ret_key, ticket->tenant);
    key_u32(ret_key, (uint32_t)ticket->purpose);
    key_subject(ret_key, ticket->subject);
    return true;
}
static bool ticket_about_key(const void *row, struct key *ret_key) {
    const struct ticket *ticket = row;
    key_text(ret_key, ticket->tenant);
    key_subject(ret_key, ticket->subject);
    return ticket->subject.len > 0;
}
static const struct entity_index ticket_indexes[] = {
    {SPACE_TICKET_OF, false, NULL, ticket_of_key},
    {SPACE_TICKET_ABOUT, false, NULL, ticket_about_key},
};
const struct entity ticket_entity = {.space = SPACE_TICKET,
                                     .fields = &ticket_fields,
                                     .key = ticket_row_key,
                                     .indexes = ticket_indexes,
                                     .index_count =
                                         sizeof ticket_indexes / sizeof ticket_indexes[0]};

// All whose index key starts like this.
static reason revoke(struct op *op, struct txn *txn, struct key prefix) {
    struct batch batch;
    TRY(batch_open(op, REVOKE_ROOM, prefix, &batch));
    batch.values = true;
    do {
        TRY(batch_next(op, txn, &batch));
        for (size_t i = 0; i < batch.count; i++) {
            bool there = false;
            TRY(entity_remove(op, txn, &ticket_entity, &batch.at[i], &there));
        }
    } while (batch.more);
    return NULL;
}

reason ticket_issue(struct op *op, struct txn *txn, struct ticket *ticket, int64_t lifetime) {
    uint8_t id[TICKET_ID];
    uint32_t minute;
    if (lifetime <= 0 || !timekey_minute(op->now + lifetime, &minute)) {
        REFUSE(op, INTERNAL, "the clock is outside what can be stored");
    }
    ticket->created_at = op->now;
    ticket->expires_at = op->now + lifetime;
    for (unsigned i = 0; i < 4; i++) {
        id[i] = (uint8_t)(minute >> (24 - 8 * i));
    }
    rand_bytes(id + 4, sizeof id - 4);
    TRY(op_copy(op, slice_of(id, sizeof id), &ticket->id));
    struct key same = key_in(SPACE_TICKET_OF);
    (void)ticket_of_key(ticket, &same);
    TRY(revoke(op, txn, same));
    bool added = false;
    TRY(entity_add(op, txn, &ticket_entity, ticket, &added));
    if (!added) {
        REFUSE(op, INTERNAL, "a link with this id exists already");
    }
    return NULL;
}

reason ticket_find_by_id(struct op *op, struct txn *txn, struct slice id, struct ticket *ret_ticket,
                         bool *ret_found) {
    struct key key;
    key_of(id, &key);
    return entity_find(op, txn, &ticket_entity, &key, ret_ticket, ret_found);
}

reason ticket_find(struct op *op, struct txn *txn, const struct ticket_key *key, struct slice text,
                   enum ticket_purpose purpose, struct ticket *ret_ticket) {
    struct slice bytes;
    if (text.len != TICKET_TEXT || !decode_base64url(op, text, &bytes)) {
        REFUSE(op, LINK_UNKNOWN, "this is no text of a link of ours");
    }
    struct slice id = slice_sub(bytes, 0, TICKET_ID);
    struct sha256 proof = digest_hmac(slice_of(key->bytes, sizeof key->bytes), id);
    if (!same_secret(slice_sub(bytes, TICKET_ID, bytes.len), digest_slice(&proof))) {
        REFUSE(op, LINK_UNKNOWN, "the link was not made with this gate's key");
    }
    struct ticket ticket = {.purpose = (int)purpose};
    bool found = false;
    TRY(ticket_find_by_id(op, txn, id, &ticket, &found));
    if (!found) {
        REFUSE(op, LINK_UNKNOWN, "the link was used, revoked or replaced by a newer one");
    }
    if (ticket.purpose != (int)purpose) {
        REFUSE(op, LINK_UNKNOWN, "the link is for something else (%s)",
               purpose_names[ticket.purpose]);
    }
    if (op->now >= ticket.expires_at) {
        REFUSE(op, LINK_EXPIRED, "the link has expired");
    }
    *ret_ticket = ticket;
    return NULL;
}

reason ticket_use(struct op *op, struct txn *txn, const struct ticket *ticket) {
    struct key key;
    bool there = false;
    key_of(ticket->id, &key);
    TRY(entity_remove(op, txn, &ticket_entity, &key, &there));
    if (!there) {
        REFUSE(op, LINK_UNKNOWN, "the link was used or revoked just now");
    }
    return NULL;
}

reason ticket_revoke(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id) {
    struct key prefix = key_in(SPACE_TICKET_OF);
    key_text(&prefix, user_id);
    if (tenant.len > 0) {
        key_text(&prefix, tenant);
    }
    return revoke(op, txn, prefix);
}

reason ticket_revoke_purpose(struct op *op, struct txn *txn, struct slice tenant,
                             struct slice user_id, enum ticket_purpose purpose) {
    struct key prefix = key_in(SPACE_TICKET_OF);
    key_text(&prefix, user_id);
    key_text(&prefix, tenant);
    key_u32(&prefix, (uint32_t)purpose);
    return revoke(op, txn, prefix);
}

reason ticket_revoke_about(struct op *op, struct txn *txn, struct slice tenant,
                           struct slice subject) {
    struct key prefix = key_in(SPACE_TICKET_ABOUT);
    key_text(&prefix, tenant);
    key_subject(&prefix, subject);
    return revoke(op, txn, prefix);
}

reason ticket_text(struct op *op, const struct ticket_key *key, struct slice id,
                   struct slice *ret_text) {
    uint8_t bytes[TICKET_ID + SHA256_BYTES];
    if (id.len != TICKET_ID) {
        REFUSE(op, INTERNAL, "a ticket's id has %zu bytes", id.len);
    }
    struct sha256 proof = digest_hmac(slice_of(key->bytes, sizeof key->bytes), id);
    memcpy(bytes, id.at, TICKET_ID);
    memcpy(bytes + TICKET_ID, proof.bytes, SHA256_BYTES);
    return encode_base64url(op, slice_of(bytes, sizeof bytes), ret_text);
}

reason ticket_link(struct op *op, const struct ticket_key *key, struct slice public_url,
                   const struct ticket *ticket, struct slice *ret_url) {
    struct slice text;
    TRY(ticket_text(op, key, ticket->id, &text));
    const char *url = NULL;
    TRY(op_cstr(
        op,
        op_text(op, "%.*s%s?t=%.*s", SLICE(public_url), ticket_pages[ticket->purpose], SLICE(text)),
        &url));
    *ret_url = slice_str(url);
    if (ret_url->len < public_url.len + TICKET_TEXT) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a link");
    }
    return NULL;
}
