// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs: files of people that are done in the background. The row of a job and what was sent are durable before the sender
// is answered; a job that a stop or a crash interrupts goes on from the line it had come to, and no line is done twice,
// since how far it is stands in the same transaction as what was done. Errors and the row are kept for JOB_KEEP; what was
// sent goes when the job is over.
#ifndef GATEHOUSE_DOMAIN_JOB_H
#define GATEHOUSE_DOMAIN_JOB_H

#include "domain/bulk.h"

#define JOB_KEEP (30 * DAY_MS)
#define JOBS_OPEN_MAX 10         // of a tenant: each may hold BULK_BYTES_MAX
#define JOB_PIECE (256U << 10)   // bytes of a row of input, and so of one write of it
#define JOB_ERRORS_MAX 10000     // that are kept: past it only the count grows
#define JOB_BATCH_LINES 256      // of one transaction ...
#define JOB_BATCH_MS 15          // ... that takes about so long at most: logins wait behind it

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_FINISHED, JOB_FAILED, JOB_CANCELLED };
enum job_mode { JOB_ALL_OR_NOTHING, JOB_BEST_EFFORT };
enum job_format { JOB_CSV, JOB_JSON };
extern const char *const job_state_names[], *const job_mode_names[], *const job_format_names[];

struct job {
    struct slice id; // "job_" ULID
    struct slice tenant;
    int state, mode, format;
    bool dry_run, silent;
    bool cancel; // somebody asked for it
    // Who started it: what he may is looked up anew while it runs.
    int64_t actor_kind;
    struct slice actor, actor_session, address;
    int64_t bytes, total; // of what was sent; lines
    int64_t done;         // lines that were gone through
    int64_t created, updated, disabled, enabled, deleted, unchanged, failed;
    int64_t errors;       // that are kept
    struct slice reason, detail; // why it failed
    int64_t created_at, started_at, ended_at;
};
extern const struct field_table job_fields;

struct job_error {
    int64_t line; // of the file; of JSON: of the item, from 1
    struct slice column, reason, detail;
};
extern const struct field_table job_error_fields;

// ---- making (job.c) ----

// tenant, mode, format, dry_run, silent, bytes and total are given. job_limit, bulk.too_many. The pieces come first: a job that is there
// has all of its input.
MUST_USE reason job_new_id(struct op *op, struct slice *ret_id);
MUST_USE reason job_put_piece(struct op *op, struct txn *txn, struct slice id, uint32_t number,
                              struct slice bytes);
// What job_create refuses; asked before the pieces, so that nobody fills the store with those of jobs that are never made.
MUST_USE reason job_check(struct op *op, struct txn *txn, const struct job *job);
MUST_USE reason job_create(struct op *op, struct txn *txn, const struct actor *actor,
                           struct job *job);
MUST_USE reason job_find(struct op *op, struct txn *txn, struct slice id, struct job *ret_job);
// The same for who asks from outside: not_found when its tenant is no more, be there a new one with its short name.
MUST_USE reason job_find_in(struct op *op, struct txn *txn, struct slice id, struct job *ret_job);
MUST_USE reason job_count_open(struct op *op, struct txn *txn, struct slice tenant,
                               size_t *ret_count);
// rows of struct job of a tenant, newest first.
MUST_USE reason job_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                         struct rows *ret_jobs, struct slice *ret_next);
// The oldest that is not over; *ret_id empty: none.
MUST_USE reason job_next(struct op *op, struct txn *txn, struct slice *ret_id);
// A job that waits is over at once, one that runs within a batch. illegal_transition when it is over.
MUST_USE reason job_cancel(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice id, struct job *ret_job);
// rows of struct job_error, in order of their lines, from the one with this number on.
MUST_USE reason job_errors(struct op *op, struct txn *txn, struct slice id, struct slice after,
                           size_t limit, struct rows *ret_errors, struct slice *ret_next);
// Removes jobs that were over JOB_KEEP ago, and pieces without a job, `most` rows at most.
MUST_USE reason job_sweep(struct op *op, struct txn *txn, size_t most, size_t *ret_removed);

// ---- for job_run.c ----

MUST_USE reason job_store(struct op *op, struct txn *txn, const struct job *job);
MUST_USE reason job_put_error(struct op *op, struct txn *txn, struct job *job,
                              const struct job_error *error);
MUST_USE reason job_input(struct op *op, struct txn *txn, const struct job *job,
                          struct slice *ret_bytes);
// Some of the pieces; *ret_more: there are more.
MUST_USE reason job_drop_input(struct op *op, struct txn *txn, struct slice id, size_t most,
                               bool *ret_more);

// ---- running (job_run.c) ----

// Runs one job to its end, or until *stop: then it is as durable as it was far. The store's refusals when it cannot go on now;
// what is wrong with the job or its lines is in its row.
MUST_USE reason job_run(struct store *store, struct slice id, const _Atomic bool *stop);

#endif
