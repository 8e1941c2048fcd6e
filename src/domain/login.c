// SPDX-License-Identifier: GPL-3.0-or-later
// From a proved identity to a session, or to a refusal that is kept: the conductor. One transaction
// holds the checks and what they lead to; it may run again, so each run starts from what the caller
// gave.
#include "base/check.h"
#include "base/metric.h"
#include "domain/login_parts.h"

// ---- refusals ----

struct refusal {
    const struct trace *trace;
    struct slice address;
};

static reason keep_refusal(struct op *op, struct txn *txn, void *arg) {
    const struct refusal *refusal = arg;
    const struct trace *trace = refusal->trace;
    struct actor nobody = {.kind = ACTOR_NONE, .address = refusal->address};
    struct slice who = trace->email.len > 0 ? trace->email : trace->name_id;
    TRY(trace_put(op, txn, trace));
    return audit_write(op, txn, &nobody,
                       &(struct audit_entry){
                           .tenant = trace->tenant,
                           .event = "login.failed",
                           .target = trace->user_id,
                           .detail = op_text(op, "%.*s over %.*s, trace %.*s", SLICE(trace->reason),
                                             SLICE(trace->connection), SLICE(trace->id)),
                           .person = op_text(op, "%.*s: %.*s", SLICE(who), SLICE(trace->detail))});
}

void login_refused(struct op *op, struct store *store, struct ring *ring, const struct trace *trace,
                   struct slice address) {
    struct slice detail = op->detail; // of the refusal, which the caller still has to tell
    struct refusal refusal = {trace, address};
    bool kept = trace->verified && store_write(op, store, keep_refusal, &refusal) == NULL;
    if (kept) {
        metric_add(METRIC_TRACES_KEPT, 1);
    } else if (ring != NULL) {
        ring_put(ring, op, trace);
    }
    op->detail = detail;
    reason why = reason_find(trace->reason);
    if (why != NULL) {
        metric_refused(why);
    }
}

// ---- one run of the transaction ----

static void start_over(struct op *op, struct admission *a) {
    const struct login_door *door = a->door;
    struct admission fresh = {
        .door = door, .trace = a->trace, .login = a->login, .checks_before = a->checks_before};
    *a = fresh;
    *a->login = (struct login){.ask_again = false};
    a->trace->checks.count = a->checks_before;
    a->trace->name_id = door->identity->name_id;
    a->trace->issuer = door->identity->issuer;
    a->trace->address = door->address;
    a->trace->user_id = SLICE_NONE;
    a->trace->email = SLICE_NONE;
    a->trace->verified = true; // an identity is only proved by a signature that held
    a->actor = (struct actor){.kind = ACTOR_SYSTEM,
                              .id = op_text(op, "sso:%.*s", SLICE(door->connection->slug)),
                              .address = door->address};
    op->detail = SLICE_NONE;
}

static void close_refused(struct op *op, struct admission *a, reason why) {
    a->why = why;
    a->detail = op->detail;
    trace_close(op, a->trace, why);
    a->trace->hint = trace_hint(op, why, a->connection.idp.entity_id, a->trace);
}

static reason admit(struct op *op, struct txn *txn, void *arg) {
    struct admission *a = arg; // the first member of struct admitting
    start_over(op, a);
    reason why = login_check_all(op, txn, a);
    if (why == NULL) {
        return a->login->ask_again ? NULL : login_write_all(op, txn, a);
    }
    if (why->class != CLASS_LOGIN) {
        return why;
    }
    close_refused(op, a, why);
    struct refusal refusal = {a->trace, a->door->address};
    TRY(why == REASON_OF(LOGIN_NO_ROLE) ? login_take_away(op, txn, a) : NULL);
    return keep_refusal(op, txn, &refusal);
}

// What came of the transaction, once it is durable.
static reason settle(struct store *store, struct admission *a, struct op *op, reason why) {
    if (why != NULL && why->class == CLASS_LOGIN) {
        // Refused while writing, so nothing was kept: the refusal itself gets a transaction of its
        // own.
        close_refused(op, a, why);
        struct refusal refusal = {a->trace, a->door->address};
        why = store_write(op, store, keep_refusal, &refusal);
    }
    TRY(why);
    if (!a->login->ask_again) {
        metric_add(METRIC_TRACES_KEPT, 1); // here, since the transaction may have run several times
    }
    if (a->why != NULL) {
        op->detail = a->detail;
        metric_refused(a->why);
        return a->why;
    }
    if (!a->login->ask_again) {
        metric_add(METRIC_LOGIN_ACCEPTED, 1);
    }
    return NULL;
}

struct admitting {
    struct admission admission;
    struct login login;
};

void login_admit_many(struct store *store, struct login_job *jobs, size_t count) {
    struct store_job writes[STORE_JOBS_MAX];
    struct login_job *of[STORE_JOBS_MAX]; // whose write it is
    size_t some = 0;
    CHECK(count <= STORE_JOBS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct login_job *job = &jobs[i];
        struct admitting *its = NULL;
        job->why = op_take(job->op, sizeof *its, &its);
        if (job->why == NULL) {
            its->admission = (struct admission){.door = job->door,
                                                .trace = job->trace,
                                                .login = &its->login,
                                                .checks_before = job->trace->checks.count};
            of[some] = job;
            writes[some++] = (struct store_job){.op = job->op, .fn = admit, .arg = its};
        }
    }
    if (some > 0) {
        store_write_many(store, writes, some);
    }
    for (size_t i = 0; i < some; i++) {
        struct admitting *its = writes[i].arg;
        of[i]->why = settle(store, &its->admission, of[i]->op, writes[i].why);
        if (of[i]->why == NULL) {
            *of[i]->ret_login = its->login;
        }
    }
}

reason login_admit(struct op *op, struct store *store, const struct login_door *door,
                   struct trace *trace, struct login *ret_login) {
    struct login_job job = {.op = op, .door = door, .trace = trace, .ret_login = ret_login};
    login_admit_many(store, &job, 1);
    return job.why;
}
