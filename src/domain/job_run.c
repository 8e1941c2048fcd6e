// SPDX-License-Identifier: GPL-3.0-or-later
// Running a job. Best effort goes in small transactions, each with how far the job is; all or nothing is one
// transaction over all lines; a dry run is the same, rolled back. So what a dry run says is what the member functions
// said, not what somebody thinks that they would.
#include "base/check.h"
#include "base/metric.h"
#include "domain/grant.h"
#include "domain/job.h"
#include "domain/service_user.h"

#define REMOVE_PIECES 4 // of the input, in one write

// A line that was refused after it had written: its transaction is given up, and run again without it.
struct poison {
    size_t at;
    struct job_error error;
};

struct run {
    struct store *store;
    struct slice id;
    const _Atomic bool *stop;
    struct op op; // holds the file while the job runs
    struct bulk_file file;
    struct job job;         // as it is stored
    struct op told;         // holds what the last transaction said of lines
    struct rows errors;     // struct job_error of it
    size_t errors_room;
    int64_t tally[BULK_OUTCOMES], failed;
    size_t reached;
    struct op poisoned_op;
    struct poison poison[JOB_BATCH_LINES];
    size_t poison_count;
    bool again;      // the transaction was given up for a line
    bool rolled_back; // on purpose
    bool over;
};

// What says that the store, not the job, cannot go on.
static bool is_of_store(reason why) {
    return why == REASON_OF(STORE_UNAVAILABLE) || why == REASON_OF(LIMIT_QUEUE);
}

static reason write(struct run *run, store_fn fn) {
    struct op op;
    op_open(&op, 0);
    op.id = run->id; // the request of all that is done, in the audit log
    reason why = store_write(&op, run->store, fn, run);
    if (why != NULL && !is_of_store(why) && !run->again && !run->rolled_back) {
        run->job.detail = op_text(&run->op, "%.*s", SLICE(slice_sub(op.detail, 0, 400)));
    }
    op_close(&op);
    return why;
}

// ---- who does it ----

static reason person_may(struct op *op, struct txn *txn, const struct job *job,
                         struct permission_set *ret_set) {
    struct membership membership;
    struct texts roles;
    bool found = false;
    TRY(membership_find(op, txn, job->tenant, job->actor, &membership, &found));
    int status = found ? membership_now(&membership, op->now) : MEMBER_DELETED;
    if ((status != MEMBER_ACTIVE && status != MEMBER_LOCKED) ||
        membership_ended(&membership, op->now)) {
        REFUSE(op, FORBIDDEN, "who started this job is not active in the tenant any more");
    }
    TRY(membership_roles(op, &membership, &roles));
    return role_permissions(op, txn, job->tenant, roles, ret_set);
}

// What he may now, not what he might when he started it.
static reason actor_of(struct op *op, struct txn *txn, const struct job *job,
                       struct actor *ret_actor) {
    struct actor actor = {.kind = (enum actor_kind)job->actor_kind,
                          .id = job->actor,
                          .session = job->actor_session,
                          .address = job->address};
    if (actor.kind == ACTOR_USER) {
        actor.tenant = job->tenant;
        TRY(person_may(op, txn, job, &actor.permissions));
    } else if (actor.kind == ACTOR_SERVICE) {
        struct service_view view;
        actor.tenant = job->tenant;
        TRY(service_find_by_credential(op, txn, job->tenant, job->actor, job->actor_session, &view));
        actor.permissions = view.permissions;
    }
    bool staff = actor.kind == ACTOR_OPERATOR || actor.kind == ACTOR_SYSTEM;
    if (!staff && !permission_may(actor.permissions, "users:manage")) {
        REFUSE(op, FORBIDDEN, "who started this job may not manage users any more");
    }
    *ret_actor = actor;
    return NULL;
}

// ---- what is said of lines ----

static void forget(struct run *run) {
    op_close(&run->told);
    op_open(&run->told, 0);
    run->told.arena.ceiling = BULK_MEMORY;
    run->errors = (struct rows){NULL, 0};
    run->errors_room = 0;
    memset(run->tally, 0, sizeof run->tally);
    run->failed = 0;
    run->again = false;
    run->rolled_back = false;
}

static reason tell(struct run *run, const struct job_error *error) {
    if (run->errors.count == JOB_ERRORS_MAX) {
        return NULL; // it is counted
    }
    if (run->errors.count == run->errors_room) {
        struct job_error *more = NULL;
        size_t room = run->errors_room > 0 ? run->errors_room * 2 : 64;
        TRY(op_take(&run->told, room * sizeof *more, &more));
        if (run->errors.count > 0) {
            memcpy(more, run->errors.at, run->errors.count * sizeof *more);
        }
        run->errors.at = more;
        run->errors_room = room;
    }
    ((struct job_error *)run->errors.at)[run->errors.count++] = *error;
    return NULL;
}

static struct job_error error_of(struct op *op, const struct run *run, const struct bulk_line *line,
                                 const char *column, reason why, struct slice detail) {
    // Of JSON the items are counted, and the first is on the second line of what is stored.
    int64_t number = (int64_t)line->line - (run->job.format == JOB_JSON ? 1 : 0);
    return (struct job_error){.line = number,
                              .column = slice_str(column),
                              .reason = slice_str(why->slug),
                              .detail = op_text(op, "%.*s", SLICE(text_cut(detail, 400)))};
}

static reason tell_faults(struct run *run, const struct bulk_line *line) {
    run->failed++;
    for (size_t i = 0; i < line->fault_count; i++) {
        const struct bulk_fault *fault = &line->faults[i];
        struct job_error error =
            error_of(&run->told, run, line, fault->column, fault->why, fault->detail);
        TRY(tell(run, &error));
    }
    return NULL;
}

static const struct poison *poisoned(const struct run *run, size_t at) {
    for (size_t i = 0; i < run->poison_count; i++) {
        if (run->poison[i].at == at) {
            return &run->poison[i];
        }
    }
    return NULL;
}

// ---- lines ----

static bool is_one_transaction(const struct job *job) {
    return job->mode == JOB_ALL_OR_NOTHING;
}

static reason refused(struct run *run, struct op *scratch, size_t at, bool wrote, reason why) {
    const struct bulk_line *line = &run->file.lines[at];
    // What is rolled back anyway may hold half of a line.
    if (wrote && !run->job.dry_run && !is_one_transaction(&run->job)) {
        CHECK(run->poison_count < JOB_BATCH_LINES);
        run->poison[run->poison_count++] = (struct poison){
            at, error_of(&run->poisoned_op, run, line, bulk_column(scratch, why), why,
                         scratch->detail)};
        run->again = true;
        return why;
    }
    struct job_error error =
        error_of(&run->told, run, line, bulk_column(scratch, why), why, scratch->detail);
    run->failed++;
    return tell(run, &error);
}

static reason do_line(struct op *op, struct txn *txn, struct run *run, const struct actor *actor,
                      size_t at) {
    const struct bulk_line *line = &run->file.lines[at];
    const struct poison *poison = poisoned(run, at);
    enum bulk_outcome outcome = BULK_UNCHANGED;
    if (line->fault_count > 0) {
        return tell_faults(run, line);
    }
    if (poison != NULL) {
        run->failed++;
        return tell(run, &poison->error);
    }
    struct op scratch;
    op_open(&scratch, op->now);
    scratch.id = op->id;
    uint64_t writes = txn_writes(txn);
    reason why =
        bulk_apply(&scratch, txn, actor, run->job.tenant, line, run->job.silent, &outcome);
    if (why != NULL && !is_of_store(why)) {
        why = refused(run, &scratch, at, txn_writes(txn) != writes, why);
    } else if (why == NULL) {
        run->tally[outcome]++;
    }
    op_close(&scratch);
    return why;
}

static void count(struct job *job, const struct run *run) {
    job->created += run->tally[BULK_CREATED];
    job->updated += run->tally[BULK_UPDATED];
    job->disabled += run->tally[BULK_DISABLED];
    job->enabled += run->tally[BULK_ENABLED];
    job->deleted += run->tally[BULK_DELETED];
    job->unchanged += run->tally[BULK_UNCHANGED];
    job->failed += run->failed;
    job->done = (int64_t)run->reached;
}

static reason put_errors(struct op *op, struct txn *txn, const struct run *run, struct job *job) {
    const struct job_error *errors = run->errors.at;
    for (size_t i = 0; i < run->errors.count; i++) {
        TRY(job_put_error(op, txn, job, &errors[i]));
    }
    return NULL;
}

static reason end(struct op *op, struct txn *txn, struct job *job, enum job_state state) {
    struct actor actor = {.kind = (enum actor_kind)job->actor_kind,
                          .id = job->actor,
                          .session = job->actor_session,
                          .address = job->address};
    job->state = (int)state;
    job->ended_at = op->now;
    return audit_add(op, txn, &actor, job->tenant,
                     state == JOB_FAILED ? "job.failed" : "job.finished", job->id,
                     op_text(op, "%s%lld created, %lld updated, %lld disabled, %lld enabled, %lld "
                                 "deleted, %lld unchanged, %lld failed",
                             job->dry_run ? "dry run: " : "", (long long)job->created,
                             (long long)job->updated, (long long)job->disabled,
                             (long long)job->enabled, (long long)job->deleted,
                             (long long)job->unchanged, (long long)job->failed));
}

// The job as it stands in this transaction; *ret_go false: somebody cancelled it, and now it is.
static reason look(struct op *op, struct txn *txn, struct run *run, struct job *ret_job,
                   bool *ret_go) {
    TRY(job_find(op, txn, run->id, ret_job));
    run->over = ret_job->state != JOB_RUNNING;
    *ret_go = !run->over && !ret_job->cancel;
    if (!run->over && ret_job->cancel) {
        ret_job->state = JOB_CANCELLED;
        ret_job->ended_at = op->now;
        run->over = true;
        return job_store(op, txn, ret_job);
    }
    return NULL;
}

// What one transaction came to, with the row of the job.
static reason settle(struct op *op, struct txn *txn, struct run *run, struct job *job) {
    bool all = run->reached == run->file.count;
    count(job, run);
    TRY(put_errors(op, txn, run, job));
    if (all && is_one_transaction(job) && job->failed > 0) {
        job->reason = slice_str(REASON_OF(BULK_REFUSED)->slug);
        job->detail = op_text(op, "%lld of %lld lines were refused", (long long)job->failed,
                              (long long)job->total);
        job->created = job->updated = job->disabled = job->enabled = job->deleted = 0;
        job->unchanged = 0;
        TRY(end(op, txn, job, JOB_FAILED));
    } else if (all) {
        TRY(end(op, txn, job, JOB_FINISHED));
    }
    run->over = all;
    return job_store(op, txn, job);
}

static reason settle_after(struct op *op, struct txn *txn, void *arg) {
    struct run *run = arg;
    struct job job;
    bool go = false;
    TRY(look(op, txn, run, &job, &go));
    return go ? settle(op, txn, run, &job) : NULL;
}

static reason some_lines(struct op *op, struct txn *txn, void *arg) {
    struct run *run = arg;
    struct job job;
    struct actor actor;
    bool go = false;
    forget(run);
    TRY(look(op, txn, run, &job, &go));
    if (!go) {
        return NULL;
    }
    TRY(actor_of(op, txn, &job, &actor));
    bool one = is_one_transaction(&job);
    size_t from = (size_t)job.done;
    int64_t until = clock_steady() + JOB_BATCH_MS;
    run->reached = from;
    while (run->reached < run->file.count &&
           (one || (run->reached - from < JOB_BATCH_LINES &&
                    (run->reached == from || clock_steady() < until)))) {
        TRY(do_line(op, txn, run, &actor, run->reached));
        run->reached++;
    }
    if (job.dry_run || (one && run->failed > 0)) {
        run->rolled_back = true; // and settled in a transaction of its own
        REFUSE(op, BULK_REFUSED, "this is rolled back");
    }
    return settle(op, txn, run, &job);
}

// Until a transaction holds, or was rolled back as it should be.
static reason step(struct run *run) {
    reason why = NULL;
    size_t began = run->reached;
    run->poison_count = 0;
    op_close(&run->poisoned_op);
    op_open(&run->poisoned_op, 0);
    do {
        why = write(run, some_lines);
    } while (why != NULL && run->again);
    if (why != NULL && run->rolled_back) {
        why = write(run, settle_after);
    }
    if (why == NULL && run->reached > began) {
        metric_add(METRIC_JOB_LINES, (int64_t)(run->reached - began));
    }
    return why;
}

// ---- the whole ----

// Lines that are wrong by themselves end all or nothing before anything is locked.
static bool is_hopeless(const struct run *run) {
    for (size_t i = 0; is_one_transaction(&run->job) && i < run->file.count; i++) {
        if (run->file.lines[i].fault_count > 0) {
            return true;
        }
    }
    return false;
}

static reason give_up(struct run *run) {
    forget(run);
    for (size_t i = 0; i < run->file.count; i++) {
        if (run->file.lines[i].fault_count > 0) {
            TRY(tell_faults(run, &run->file.lines[i]));
        }
    }
    run->reached = run->file.count;
    return write(run, settle_after);
}

static reason start(struct op *op, struct txn *txn, void *arg) {
    struct run *run = arg;
    struct job job;
    TRY(job_find(op, txn, run->id, &job));
    run->over = job.state != JOB_QUEUED && job.state != JOB_RUNNING;
    if (job.state == JOB_QUEUED) {
        job.state = JOB_RUNNING;
        job.started_at = op->now;
        TRY(job_store(op, txn, &job));
    }
    return NULL;
}

static reason load(struct op *op, struct txn *txn, void *arg) {
    struct run *run = arg;
    struct slice bytes;
    TRY(job_find(op, txn, run->id, &run->job));
    run->reached = (size_t)run->job.done;
    TRY(job_input(op, txn, &run->job, &bytes));
    return bulk_read(op, bytes, &run->file);
}

struct failure {
    struct run *run;
    reason why;
};
static reason fail(struct op *op, struct txn *txn, void *arg) {
    struct failure *failure = arg;
    struct run *run = failure->run;
    struct job job;
    bool go = false;
    TRY(look(op, txn, run, &job, &go));
    if (!go) {
        return NULL;
    }
    job.reason = slice_str(failure->why->slug);
    job.detail = run->job.detail;
    run->over = true;
    TRY(end(op, txn, &job, JOB_FAILED));
    return job_store(op, txn, &job);
}

static reason store_failure(struct run *run, reason why) {
    struct failure failure = {run, why};
    struct op op;
    op_open(&op, 0);
    op.id = run->id;
    reason end_why = store_write(&op, run->store, fail, &failure);
    op_close(&op);
    return end_why;
}

static reason drop_some(struct op *op, struct txn *txn, void *arg) {
    struct run *run = arg;
    return job_drop_input(op, txn, run->id, REMOVE_PIECES, &run->again);
}

static reason drop_input(struct run *run) {
    do {
        TRY(write(run, drop_some));
    } while (run->again);
    return NULL;
}

static reason go_through(struct run *run) {
    TRY(write(run, start));
    if (run->over) {
        return NULL;
    }
    reason why = store_read(&run->op, run->store, load, run);
    if (why != NULL) {
        run->job.detail = run->op.detail;
        return why;
    }
    if (is_hopeless(run)) {
        return give_up(run);
    }
    while (!run->over && !*run->stop) {
        TRY(step(run));
    }
    return NULL;
}

reason job_run(struct store *store, struct slice id, const _Atomic bool *stop) {
    struct run *run = NULL;
    struct op op;
    op_open(&op, 0);
    reason why = op_take(&op, sizeof *run, &run);
    if (why != NULL) {
        op_close(&op);
        return why;
    }
    run->store = store;
    run->id = id;
    run->stop = stop;
    op_open(&run->op, 0);
    op_open(&run->told, 0);
    op_open(&run->poisoned_op, 0);
    run->op.arena.ceiling = BULK_MEMORY;
    why = go_through(run);
    if (why != NULL && !is_of_store(why)) {
        why = store_failure(run, why);
    }
    if (why == NULL && run->over) {
        metric_add(METRIC_JOBS_RUN, 1);
        why = drop_input(run);
    }
    op_close(&run->poisoned_op);
    op_close(&run->told);
    op_close(&run->op);
    op_close(&op);
    return why;
}
