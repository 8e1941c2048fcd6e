// SPDX-License-Identifier: GPL-3.0-or-later
// Removes what has expired, from the front of its space and a bounded number at a time, so that a
// login never waits long behind it. What is kept how long stands in keep.h, session.h and trace.h.
#include <time.h>

#include "base/clock.h"
#include "base/rand.h"
#include "domain/audit_chain.h"
#include "domain/authorization.h"
#include "domain/batch.h"
#include "domain/idempotency.h"
#include "domain/job.h"
#include "domain/keep.h"
#include "domain/request.h"
#include "domain/outbox.h"
#include "domain/sign_in.h"
#include "domain/space.h"
#include "domain/ticket.h"

// One step is one transaction of the committer; more rows than this would make logins wait.
#define SWEEP_MOST 1000

// Keys of spaces in time order: a byte, then the u32 that says when the row is over.
static bool number_of(struct slice key, uint32_t *ret_number) {
    struct slice rest = slice_sub(key, 1, key.len);
    return key_read_u32(&rest, ret_number);
}

static bool is_up_to(struct slice key, int64_t limit) {
    uint32_t number;
    return number_of(key, &number) && (int64_t)number <= limit;
}

// Trace ids sort by their time, and a foreign key among them is left where it is.
static bool is_old_trace(struct slice key, int64_t limit) {
    struct slice rest = slice_sub(key, 1, key.len);
    struct slice id;
    int64_t time;
    return key_read_text(&rest, &id) && slice_starts(id, S("trc_")) &&
           ulid_time(slice_sub(id, 4, id.len), &time) && time <= limit;
}

// A byte, u32 state, u64 time.
static bool is_old_letter(struct slice key, int64_t limit) {
    struct slice rest = slice_sub(key, 1, key.len);
    uint32_t state;
    uint64_t time;
    return key_read_u32(&rest, &state) && key_read_u64(&rest, &time) && (int64_t)time <= limit;
}

static reason collect(struct op *op, struct txn *txn, uint8_t space,
                      bool (*wanted)(struct slice, int64_t), int64_t limit, size_t most,
                      struct batch *ret_batch) {
    TRY(batch_open(op, most, key_in(space), ret_batch));
    ret_batch->wanted = wanted;
    ret_batch->limit = limit;
    return batch_next(op, txn, ret_batch);
}

static reason remove_all(struct op *op, struct txn *txn, const struct entity *entity,
                         const struct batch *batch) {
    struct op scratch; // removing reads the row for its indexes
    op_open(&scratch, op->now);
    reason why = NULL;
    for (size_t i = 0; i < batch->count && why == NULL; i++) {
        bool there = false;
        why = entity_remove(&scratch, txn, entity, &batch->at[i], &there);
        if (i % 64 == 63) {
            op->detail = op_text(op, "%.*s", SLICE(scratch.detail));
            op_close(&scratch);
            op_open(&scratch, op->now);
        }
    }
    if (why != NULL && scratch.detail.len > 0) {
        op->detail = op_text(op, "%.*s", SLICE(scratch.detail));
    }
    op_close(&scratch);
    return why;
}

static reason sweep_entity(struct op *op, struct txn *txn, const struct entity *entity,
                           bool (*wanted)(struct slice, int64_t), int64_t limit, size_t *left) {
    if (*left == 0) {
        return NULL;
    }
    struct batch batch;
    TRY(collect(op, txn, entity->space, wanted, limit, *left, &batch));
    *left -= batch.count;
    return remove_all(op, txn, entity, &batch);
}

// Letters of a state, through the index that orders them by the time when they came to it.
static reason sweep_letters(struct op *op, struct txn *txn, enum letter_state state, int64_t limit,
                            size_t *left) {
    if (*left == 0) {
        return NULL;
    }
    struct batch batch;
    struct key prefix = key_in(SPACE_LETTER_STATE);
    key_u32(&prefix, (uint32_t)state);
    TRY(batch_open(op, *left, prefix, &batch));
    batch.values = true;
    batch.wanted = is_old_letter;
    batch.limit = limit;
    TRY(batch_next(op, txn, &batch));
    *left -= batch.count;
    return remove_all(op, txn, &letter_entity, &batch);
}

static reason sweep_replay(struct op *op, struct txn *txn, size_t *left) {
    if (*left == 0) {
        return NULL;
    }
    // The last hour that was over REPLAY_KEEP_HOURS ago, to its end.
    int64_t limit = op->now / HOUR_MS - REPLAY_KEEP_HOURS - 1;
    struct batch batch;
    TRY(collect(op, txn, SPACE_REPLAY, is_up_to, limit, *left, &batch));
    uint32_t highest = 0;
    for (size_t i = 0; i < batch.count; i++) {
        bool there = false;
        TRY(txn_delete(op, txn, key_slice(&batch.at[i]), &there));
        if (!number_of(key_slice(&batch.at[i]), &highest)) {
            REFUSE(op, STORE_UNAVAILABLE, "a row of the replay ledger has no hour");
        }
    }
    if (batch.count > 0) {
        // In the same transaction: no row is gone whose hour is not marked.
        TRY(replay_swept(op, txn, highest));
    }
    *left -= batch.count;
    return NULL;
}

// Tokens that were revoked and are over by now.
static reason sweep_revoked(struct op *op, struct txn *txn, int64_t minute, size_t *left) {
    if (*left == 0) {
        return NULL;
    }
    struct batch batch;
    TRY(collect(op, txn, SPACE_TOKEN_REVOKED, is_up_to, minute, *left, &batch));
    for (size_t i = 0; i < batch.count; i++) {
        bool there = false;
        TRY(txn_delete(op, txn, key_slice(&batch.at[i]), &there));
    }
    *left -= batch.count;
    return NULL;
}

static reason sweep_jobs(struct op *op, struct txn *txn, size_t *left) {
    size_t removed = 0;
    if (*left > 0) {
        TRY(job_sweep(op, txn, *left, &removed));
    }
    *left -= removed < *left ? removed : *left;
    return NULL;
}

static reason sweep_all(struct op *op, struct txn *txn, size_t most, bool *ret_more) {
    size_t left = most < SWEEP_MOST ? most : SWEEP_MOST;
    int64_t minute = op->now / MINUTE_MS;
    TRY(sweep_entity(op, txn, &session_entity, is_up_to, minute, &left));
    TRY(sweep_entity(op, txn, &pending_entity, is_up_to, minute - PENDING_GRACE / MINUTE_MS,
                     &left));
    TRY(sweep_replay(op, txn, &left));
    TRY(sweep_revoked(op, txn, minute, &left));
    TRY(sweep_jobs(op, txn, &left));
    TRY(sweep_entity(op, txn, &trace_entity, is_old_trace, op->now - TRACE_KEEP, &left));
    TRY(sweep_entity(op, txn, &ticket_entity, is_up_to, minute - TICKET_GRACE / MINUTE_MS, &left));
    TRY(sweep_entity(op, txn, &sign_in_entity, is_up_to, minute, &left));
    TRY(sweep_entity(op, txn, &authorization_entity, is_up_to, minute, &left));
    TRY(sweep_entity(op, txn, &expiry_entity, is_up_to, minute, &left));
    TRY(sweep_letters(op, txn, LETTER_SENT, op->now - OUTBOX_KEEP_DONE, &left));
    TRY(sweep_letters(op, txn, LETTER_DROPPED, op->now - OUTBOX_KEEP_DONE, &left));
    TRY(sweep_letters(op, txn, LETTER_DEAD, op->now - OUTBOX_KEEP_DEAD, &left));
    TRY(sweep_letters(op, txn, LETTER_QUEUED, op->now - OUTBOX_KEEP_DEAD, &left));
    TRY(idempotency_sweep(op, txn, &left));
    TRY(request_expire(op, txn, &left));
    TRY(audit_sweep(op, txn, &left));
    *ret_more = left == 0;
    return NULL;
}

// The keys that are collected go with the step, and not with whatever else the caller does.
reason sweep(struct op *op, struct txn *txn, size_t most, bool *ret_more) {
    struct op inner;
    op_open(&inner, op->now);
    reason why = sweep_all(&inner, txn, most, ret_more);
    if (why != NULL) {
        why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
    }
    op_close(&inner);
    return why;
}

// ---- at a pace ----

static int64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// Reads a row and its index rows: each stands somewhere else, and may have to come from the disk.
static reason look_at(struct op *op, struct txn *txn, const struct entity *entity,
                      const struct key *key, void *row) {
    bool found = false;
    TRY(entity_find(op, txn, entity, key, row, &found));
    for (size_t i = 0; found && i < entity->index_count; i++) {
        struct key index = key_in(entity->indexes[i].space);
        struct slice value;
        if (entity->indexes[i].key(row, &index)) {
            TRY(txn_get(op, txn, key_slice(&index), &value));
        }
    }
    return NULL;
}

reason sweep_look(struct op *op, struct txn *txn, void *arg) {
    const struct sweep_pace *pace = arg;
    struct batch batch;
    struct session session;
    TRY(collect(op, txn, SPACE_SESSION, is_up_to, op->now / MINUTE_MS, pace->most, &batch));
    for (size_t i = 0; i < batch.count; i++) {
        struct op inner;
        op_open(&inner, op->now);
        reason why = look_at(&inner, txn, &session_entity, &batch.at[i], &session);
        op->detail = op_text(op, "%.*s", SLICE(inner.detail));
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

reason sweep_step(struct op *op, struct txn *txn, void *arg) {
    struct sweep_pace *pace = arg;
    int64_t since = now_us();
    TRY(sweep(op, txn, pace->most, &pace->more));
    pace->took_us = now_us() - since;
    return NULL;
}

void sweep_adapt(struct sweep_pace *pace) {
    if (pace->took_us > SWEEP_HOLD_US) {
        pace->most = pace->most / 2 > 0 ? pace->most / 2 : 1;
    } else if (pace->took_us < SWEEP_HOLD_US / 2 && pace->most < SWEEP_ROWS_MOST) {
        size_t more = pace->most + pace->most / 4 + 1;
        pace->most = more < SWEEP_ROWS_MOST ? more : SWEEP_ROWS_MOST;
    }
}
