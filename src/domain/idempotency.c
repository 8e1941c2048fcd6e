// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/idempotency.h"

#include "base/clock.h"
#include "domain/batch.h"
#include "domain/space.h"

static const struct field answer_rows[] = {
    F_BYTES(struct kept_answer, key, 1, FIELD_HIDDEN, 32),
    F_BYTES(struct kept_answer, request, 2, FIELD_HIDDEN, 32),
    F_TIME(struct kept_answer, expires_at, 3, FIELD_HIDDEN),
    F_NUMBER(struct kept_answer, status, 4, FIELD_HIDDEN, 100, 599),
    F_TEXT(struct kept_answer, content_type, 5, FIELD_HIDDEN, 128),
    F_TEXT(struct kept_answer, location, 6, FIELD_HIDDEN, 1024),
    F_TEXT(struct kept_answer, etag, 7, FIELD_HIDDEN, 128),
    F_BYTES(struct kept_answer, body, 8, FIELD_HIDDEN, IDEMPOTENCY_BODY_MAX),
    F_BOOL(struct kept_answer, withheld, 9, FIELD_HIDDEN),
};
FIELD_TABLE(kept_answer_fields, "kept answer", 1, struct kept_answer, answer_rows);

static void answer_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_IDEMPOTENCY);
    key_bytes(ret_key, ((const struct kept_answer *)row)->key);
}
static bool due_key(const void *row, struct key *ret_key) {
    key_u32(ret_key, (uint32_t)(((const struct kept_answer *)row)->expires_at / MINUTE_MS));
    return true;
}
static const struct entity_index answer_indexes[] = {
    {.space = SPACE_IDEMPOTENCY_DUE, .key = due_key},
};
static const struct entity answer_entity = {.space = SPACE_IDEMPOTENCY,
                                            .fields = &kept_answer_fields,
                                            .key = answer_key,
                                            .indexes = answer_indexes,
                                            .index_count = 1};

reason idempotency_find(struct op *op, struct txn *txn, struct slice key,
                        struct kept_answer *ret_answer, bool *ret_found) {
    struct key row = key_in(SPACE_IDEMPOTENCY);
    key_bytes(&row, key);
    struct kept_answer answer;
    bool found = false;
    TRY(entity_find(op, txn, &answer_entity, &row, &answer, &found));
    *ret_found = found && answer.expires_at > op->now;
    if (*ret_found) {
        *ret_answer = answer;
    }
    return NULL;
}

reason idempotency_put(struct op *op, struct txn *txn, struct kept_answer *answer) {
    answer->expires_at = op->now + IDEMPOTENCY_KEEP;
    return entity_put(op, txn, &answer_entity, answer);
}

static bool is_over(struct slice key, int64_t minute) {
    struct slice rest = slice_sub(key, 1, key.len);
    uint32_t due;
    return key_read_u32(&rest, &due) && (int64_t)due < minute;
}

// Removing reads the row, and its body, for its index: memory of its own for each.
static reason forget(struct op *op, struct txn *txn, const struct key *key) {
    struct op scratch;
    bool there = false;
    op_open(&scratch, op->now);
    reason why = entity_remove(&scratch, txn, &answer_entity, key, &there);
    if (why != NULL) {
        why = op_refuse(op, why, "%.*s", SLICE(scratch.detail));
    }
    op_close(&scratch);
    return why;
}

reason idempotency_sweep(struct op *op, struct txn *txn, size_t *left) {
    if (*left == 0) {
        return NULL;
    }
    struct batch batch;
    TRY(batch_open(op, *left < BATCH_ROOM ? *left : BATCH_ROOM, key_in(SPACE_IDEMPOTENCY_DUE),
                   &batch));
    batch.values = true;
    batch.wanted = is_over;
    batch.limit = op->now / MINUTE_MS;
    do {
        TRY(batch_next(op, txn, &batch));
        for (size_t i = 0; i < batch.count; i++) {
            TRY(forget(op, txn, &batch.at[i]));
        }
        *left -= batch.count;
    } while (batch.more && *left >= batch.room);
    return NULL;
}
