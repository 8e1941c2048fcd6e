// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs as rows: made, found, listed, cancelled, swept. How one runs is in job_run.c.
#include "domain/job.h"

#include "base/rand.h"
#include "domain/batch.h"
#include "domain/listing.h"
#include "domain/space.h"

#define JOB_ID "job_"
#define ID_MAX 64
#define TEXT_MAX 512
#define COUNT_MAX INT64_MAX

const char *const job_state_names[] = {"queued", "running", "finished", "failed", "cancelled", NULL};
const char *const job_mode_names[] = {"all_or_nothing", "best_effort", NULL};
const char *const job_format_names[] = {"csv", "json", NULL};

static const struct field job_rows[] = {
    F_TEXT(struct job, id, 1, FIELD_OUTPUT, ID_MAX),
    F_TEXT(struct job, tenant, 2, FIELD_OUTPUT, 63),
    F_CHOICE(struct job, state, 3, FIELD_OUTPUT, job_state_names),
    F_CHOICE(struct job, mode, 4, FIELD_OUTPUT, job_mode_names),
    F_CHOICE(struct job, format, 5, FIELD_OUTPUT, job_format_names),
    F_BOOL(struct job, dry_run, 6, FIELD_OUTPUT),
    F_BOOL(struct job, silent, 7, FIELD_HIDDEN),
    F_BOOL(struct job, cancel, 8, FIELD_HIDDEN),
    F_NUMBER(struct job, actor_kind, 9, FIELD_HIDDEN, 0, 16),
    F_TEXT(struct job, actor, 10, FIELD_OUTPUT, TEXT_MAX),
    F_TEXT(struct job, actor_session, 11, FIELD_HIDDEN, TEXT_MAX),
    F_TEXT(struct job, address, 12, FIELD_HIDDEN, TEXT_MAX),
    F_NUMBER(struct job, bytes, 13, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, total, 14, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, done, 15, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, created, 16, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, updated, 17, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, disabled, 18, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, enabled, 19, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, deleted, 20, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, unchanged, 21, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, failed, 22, FIELD_OUTPUT, 0, COUNT_MAX),
    F_NUMBER(struct job, errors, 23, FIELD_OUTPUT, 0, COUNT_MAX),
    F_TEXT(struct job, reason, 24, FIELD_OUTPUT | FIELD_NULL, ID_MAX),
    F_TEXT(struct job, detail, 25, FIELD_OUTPUT | FIELD_NULL, TEXT_MAX),
    F_TIME(struct job, created_at, 26, FIELD_OUTPUT),
    F_TIME(struct job, started_at, 27, FIELD_OUTPUT),
    F_TIME(struct job, ended_at, 28, FIELD_OUTPUT),
};
FIELD_TABLE(job_fields, "job", 1, struct job, job_rows);

static const struct field job_error_rows[] = {
    F_NUMBER(struct job_error, line, 1, FIELD_OUTPUT, 0, COUNT_MAX),
    F_TEXT(struct job_error, column, 2, FIELD_OUTPUT, ID_MAX),
    F_TEXT(struct job_error, reason, 3, FIELD_OUTPUT, ID_MAX),
    F_TEXT(struct job_error, detail, 4, FIELD_OUTPUT, TEXT_MAX),
};
FIELD_TABLE(job_error_fields, "job error", 1, struct job_error, job_error_rows);

static void job_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_JOB);
    key_text(ret_key, ((const struct job *)row)->id);
}

static bool job_of_key(const void *row, struct key *ret_key) {
    const struct job *job = row;
    key_open(ret_key, SPACE_JOB_OF);
    key_text(ret_key, job->tenant);
    key_text(ret_key, job->id);
    return true;
}

static bool is_over(const struct job *job) {
    return job->state != JOB_QUEUED && job->state != JOB_RUNNING;
}

static bool job_open_key(const void *row, struct key *ret_key) {
    const struct job *job = row;
    key_open(ret_key, SPACE_JOB_OPEN);
    key_text(ret_key, job->id);
    return !is_over(job);
}

static const struct entity_index job_indexes[] = {
    {SPACE_JOB_OF, true, NULL, job_of_key},
    {SPACE_JOB_OPEN, true, NULL, job_open_key},
};
static const struct entity job_entity = {.space = SPACE_JOB,
                                         .fields = &job_fields,
                                         .key = job_key,
                                         .indexes = job_indexes,
                                         .index_count = 2};

// ---- making ----

reason job_new_id(struct op *op, struct slice *ret_id) {
    return rand_ulid(op, S(JOB_ID), ret_id);
}

static struct key pieces_of(struct slice id) {
    struct key key = key_in(SPACE_JOB_INPUT);
    key_text(&key, id);
    return key;
}

reason job_put_piece(struct op *op, struct txn *txn, struct slice id, uint32_t number,
                     struct slice bytes) {
    struct key key = pieces_of(id);
    key_u32(&key, number);
    return txn_put(op, txn, key_slice(&key), bytes);
}

struct open_count {
    struct slice tenant;
    size_t count;
};
static bool count_open(struct op *op, const void *row, void *arg) {
    (void)op;
    struct open_count *open = arg;
    open->count += slice_equal(((const struct job *)row)->tenant, open->tenant) ? 1 : 0;
    return true;
}

reason job_count_open(struct op *op, struct txn *txn, struct slice tenant, size_t *ret_count) {
    struct open_count open = {.tenant = tenant};
    struct key prefix = key_in(SPACE_JOB_OPEN);
    const struct listing listing = {
        .entity = &job_entity, .prefix = key_slice(&prefix), .index = true};
    TRY(listing_each(op, txn, &listing, count_open, &open));
    *ret_count = open.count;
    return NULL;
}

reason job_check(struct op *op, struct txn *txn, const struct job *job) {
    struct tenant home;
    size_t open = 0;
    TRY(tenant_find(op, txn, job->tenant, &home));
    if (job->mode == JOB_ALL_OR_NOTHING && job->total > BULK_WHOLE_MAX) {
        REFUSE(op, BULK_TOO_MANY,
               "all or nothing takes at most %d lines, since every other write waits for it; send the file "
               "in parts, or with mode=best_effort",
               BULK_WHOLE_MAX);
    }
    TRY(job_count_open(op, txn, job->tenant, &open));
    if (open >= JOBS_OPEN_MAX) {
        REFUSE(op, JOB_LIMIT, "%zu jobs of this tenant are not over yet; wait, or cancel one", open);
    }
    return NULL;
}

reason job_create(struct op *op, struct txn *txn, const struct actor *actor, struct job *job) {
    TRY(job_check(op, txn, job));
    job->state = JOB_QUEUED;
    job->actor_kind = (int64_t)actor->kind;
    job->actor = actor->id;
    job->actor_session = actor->session;
    job->address = actor->address;
    job->created_at = op->now;
    TRY(entity_put(op, txn, &job_entity, job));
    return audit_add(op, txn, actor, job->tenant, "job.created", job->id,
                     op_text(op, "%lld lines, %s%s", (long long)job->total,
                             job_mode_names[job->mode], job->dry_run ? ", dry run" : ""));
}

reason job_store(struct op *op, struct txn *txn, const struct job *job) {
    return entity_put(op, txn, &job_entity, job);
}

// ---- finding ----

reason job_find(struct op *op, struct txn *txn, struct slice id, struct job *ret_job) {
    struct key key;
    bool found = false;
    job_key(&(struct job){.id = id}, &key);
    if (id.len > 0 && id.len <= ID_MAX && memchr(id.at, 0, id.len) == NULL) {
        TRY(entity_find(op, txn, &job_entity, &key, ret_job, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no job %.*s", SLICE(slice_sub(id, 0, ID_MAX)));
    }
    return NULL;
}

reason job_find_in(struct op *op, struct txn *txn, struct slice id, struct job *ret_job) {
    struct job job;
    struct tenant home;
    TRY(job_find(op, txn, id, &job));
    reason why = tenant_find(op, txn, job.tenant, &home);
    if (why == REASON_OF(NOT_FOUND) || (why == NULL && home.created_at > job.created_at)) {
        REFUSE(op, NOT_FOUND, "the tenant of this job is no more");
    }
    TRY(why);
    *ret_job = job;
    return NULL;
}

reason job_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                struct rows *ret_jobs, struct slice *ret_next) {
    struct tenant home;
    struct key prefix = key_in(SPACE_JOB_OF);
    TRY(tenant_find(op, txn, tenant, &home));
    key_text(&prefix, tenant);
    struct key from = prefix;
    key_text(&from, page.cursor);
    if (from.broken) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    const struct listing listing = {.entity = &job_entity,
                                    .prefix = key_slice(&prefix),
                                    .from = page.cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
                                    .index = true,
                                    .backwards = true};
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, page_limit(page), &rows, &more));
    const struct job *jobs = rows.at;
    for (size_t i = 0; i < rows.count; i++) {
        if (jobs[i].created_at < home.created_at) { // of an earlier tenant with this short name
            rows.count = i;
            more = false;
        }
    }
    *ret_next = more ? jobs[rows.count - 1].id : SLICE_NONE;
    *ret_jobs = rows;
    return NULL;
}

reason job_next(struct op *op, struct txn *txn, struct slice *ret_id) {
    struct key prefix = key_in(SPACE_JOB_OPEN);
    const struct listing listing = {
        .entity = &job_entity, .prefix = key_slice(&prefix), .index = true};
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, 1, &rows, &more));
    *ret_id = rows.count > 0 ? ((const struct job *)rows.at)[0].id : SLICE_NONE;
    return NULL;
}

reason job_cancel(struct op *op, struct txn *txn, const struct actor *actor, struct slice id,
                  struct job *ret_job) {
    struct job job;
    TRY(job_find(op, txn, id, &job));
    if (is_over(&job)) {
        REFUSE(op, ILLEGAL_TRANSITION, "the job is %s", job_state_names[job.state]);
    }
    job.cancel = true;
    if (job.state == JOB_QUEUED) {
        job.state = JOB_CANCELLED;
        job.ended_at = op->now;
    }
    TRY(job_store(op, txn, &job));
    TRY(audit_add(op, txn, actor, job.tenant, "job.cancelled", job.id,
                  op_text(op, "after %lld of %lld lines", (long long)job.done,
                          (long long)job.total)));
    *ret_job = job;
    return NULL;
}

// ---- input and errors ----

reason job_input(struct op *op, struct txn *txn, const struct job *job, struct slice *ret_bytes) {
    char *all = NULL;
    size_t held = 0;
    size_t room = (size_t)job->bytes;
    TRY(op_take(op, room + 1, &all));
    for (uint32_t number = 0; held < room; number++) {
        struct key key = pieces_of(job->id);
        struct slice piece;
        key_u32(&key, number);
        TRY(txn_get(op, txn, key_slice(&key), &piece));
        if (piece.at == NULL || piece.len > room - held) {
            REFUSE(op, INTERNAL, "a piece of what was sent is not there");
        }
        memcpy(all + held, piece.at, piece.len);
        held += piece.len;
    }
    *ret_bytes = slice_of(all, held);
    return NULL;
}

static struct key errors_of(struct slice id) {
    struct key key = key_in(SPACE_JOB_ERROR);
    key_text(&key, id);
    return key;
}

reason job_put_error(struct op *op, struct txn *txn, struct job *job,
                     const struct job_error *error) {
    struct slice bytes;
    struct key key = errors_of(job->id);
    if (job->errors >= JOB_ERRORS_MAX) {
        return NULL;
    }
    key_u64(&key, (uint64_t)error->line);
    key_u32(&key, (uint32_t)job->errors++);
    TRY(record_put(op, &job_error_fields, error, &bytes));
    return txn_put(op, txn, key_slice(&key), bytes);
}

reason job_errors(struct op *op, struct txn *txn, struct slice id, struct slice after,
                  size_t limit, struct rows *ret_errors, struct slice *ret_next) {
    struct job_error *errors = NULL;
    struct key prefix = errors_of(id);
    struct scan scan;
    struct slice key = SLICE_NONE;
    struct slice value;
    struct slice last = SLICE_NONE;
    size_t count = 0;
    TRY(op_take(op, limit * sizeof *errors, &errors));
    TRY(scan_open(op, txn, key_slice(&prefix), after, false, &scan));
    reason why = NULL;
    while (why == NULL && count < limit) {
        why = scan_next(op, &scan, &key, &value);
        if (why != NULL || key.at == NULL) {
            break;
        }
        why = record_get(op, &job_error_fields, value, &errors[count++]);
        why = why != NULL ? why : op_copy(op, key, &last);
    }
    scan_close(&scan);
    TRY(why);
    *ret_errors = (struct rows){errors, count};
    *ret_next = count == limit ? last : SLICE_NONE;
    return NULL;
}

// ---- removing ----

static reason drop(struct op *op, struct txn *txn, struct key prefix, size_t most,
                   size_t *ret_dropped) {
    struct batch batch;
    TRY(batch_open(op, most, prefix, &batch));
    TRY(batch_next(op, txn, &batch));
    for (size_t i = 0; i < batch.count; i++) {
        bool there = false;
        TRY(txn_delete(op, txn, key_slice(&batch.at[i]), &there));
    }
    *ret_dropped = batch.count;
    return NULL;
}

reason job_drop_input(struct op *op, struct txn *txn, struct slice id, size_t most,
                      bool *ret_more) {
    size_t dropped = 0;
    TRY(drop(op, txn, pieces_of(id), most, &dropped));
    *ret_more = dropped == most;
    return NULL;
}

// The first piece there is belongs to a job, or to a sender who went away before the job was made.
static reason sweep_pieces(struct op *op, struct txn *txn, size_t most, size_t *ret_removed) {
    struct key prefix = key_in(SPACE_JOB_INPUT);
    struct scan scan;
    struct slice key;
    struct slice value;
    struct slice id = S("");
    int64_t made = 0;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    reason why = scan_next(op, &scan, &key, &value);
    if (why == NULL && key.at != NULL) {
        struct slice rest = slice_sub(key, 1, key.len);
        struct slice text;
        why = key_read_text(&rest, &text) ? op_copy(op, text, &id) : NULL;
    }
    scan_close(&scan);
    TRY(why);
    struct job job;
    why = id.len > 0 ? job_find(op, txn, id, &job) : NULL;
    bool lost = why == REASON_OF(NOT_FOUND) && slice_starts(id, S(JOB_ID)) &&
                ulid_time(slice_sub(id, strlen(JOB_ID), id.len), &made) && made < op->now - HOUR_MS;
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    bool over = why == NULL && id.len > 0 && is_over(&job);
    return lost || over ? drop(op, txn, pieces_of(id), most, ret_removed) : NULL;
}

reason job_sweep(struct op *op, struct txn *txn, size_t most, size_t *ret_removed) {
    struct key prefix = key_in(SPACE_JOB);
    const struct listing listing = {.entity = &job_entity, .prefix = key_slice(&prefix)};
    struct rows rows = {NULL, 0};
    bool more = false;
    *ret_removed = 0;
    TRY(sweep_pieces(op, txn, most < 16 ? most : 16, ret_removed)); // they are large
    TRY(listing_read(op, txn, &listing, 1, &rows, &more));
    const struct job *job = rows.at;
    if (rows.count == 0 || !is_over(job) || job->ended_at > op->now - JOB_KEEP) {
        return NULL;
    }
    size_t dropped = 0;
    TRY(drop(op, txn, errors_of(job->id), most, &dropped));
    *ret_removed += dropped;
    if (dropped < most) {
        struct key key;
        bool there = false;
        job_key(job, &key);
        TRY(entity_remove(op, txn, &job_entity, &key, &there));
        *ret_removed += 1;
    }
    return NULL;
}
