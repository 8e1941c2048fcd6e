// SPDX-License-Identifier: GPL-3.0-or-later
// Writes. One committer thread takes what waits, runs it in one transaction, makes it durable by
// one sync and wakes all; while it syncs the next group gathers. Writes that were announced are waited
// for, a little; a write that comes alone waits for nothing. After a failure it refuses what waits and has the environment closed, reopened and
// verified before it takes writes again. Requests live on their callers' stacks: nothing is
// allocated for a write.
#include <errno.h>
#include <semaphore.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metric.h"
#include "store/body.h"

// Writes that may wait. A gate has fewer threads; past this the committer is minutes behind.
#define STORE_QUEUE_MAX 4096
// So long a group waits at most for writes that were announced. On one core a dozen logins take this long, and in a
// larger group each dirties fewer pages and pays less of the sync.
#define GATHER_MS 2
// How often a group runs anew because one of it was refused after it wrote. Past it the group is
// cut short, so that no function runs more often, whatever its neighbours do.
#define GROUP_RERUNS_MAX 4
// How often a store that found no room looks for some. A write that succeeds proves none (a small one
// finds a page that was freed before), and readiness must come back also when nobody is sent here.
#define FULL_PROBE_MS 500

// One thread that waits for its writes: it is woken by the last of them.
struct waiter {
    sem_t done;
    atomic_size_t left;
};

struct request {
    struct op *op;
    store_fn fn;
    void *arg;
    size_t errors;       // of op, before fn ran: a second run does not say them twice
    struct slice detail; // likewise
    reason answer;
    bool refused; // the answer stands; fn does not run again
    struct waiter *waiter;
    struct request *next;
};

// True on a thread that announced a write and has not come with it. A thread-local, because who announces and who
// writes know of each other only that they are one thread.
static _Thread_local bool announced_;

// ---- writes, the caller's side

void store_expect(struct store *store) {
    if (!announced_) {
        announced_ = true;
        atomic_fetch_add(&store->expected, 1);
    }
}

// Under the lock. True: this was the last one that a group waits for.
static bool arrive(struct store *store) {
    if (!announced_) {
        return false;
    }
    announced_ = false;
    return atomic_fetch_sub(&store->expected, 1) == 1 && store->gathering;
}

void store_expect_end(struct store *store) {
    if (!announced_) {
        return;
    }
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    bool wake = arrive(store);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    if (wake) {
        (void)pthread_cond_signal(&store->work);
    }
}

// Under the lock.
static reason admit(struct store *store, struct request *request) {
    if (store->closing) {
        return op_refuse(request->op, REASON_OF(STORE_UNAVAILABLE), "the store is being closed");
    }
    if (!atomic_load(&store->ready)) {
        return engine_refuse(request->op, ENGINE_CLOSED);
    }
    if (store->waiting >= STORE_QUEUE_MAX) {
        return op_refuse(request->op, REASON_OF(LIMIT_QUEUE), "%d writes wait already",
                         STORE_QUEUE_MAX);
    }
    *store->last = request;
    store->last = &request->next;
    store->waiting++;
    return NULL;
}

// Returns how many are in the queue; the others have their answer.
static size_t enqueue(struct store *store, struct request *requests, size_t count) {
    size_t queued = 0;
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    bool wake = arrive(store);
    for (size_t i = 0; i < count; i++) {
        requests[i].answer = admit(store, &requests[i]);
        queued += requests[i].answer == NULL ? 1 : 0;
    }
    if (queued > 0) {
        wake = wake || store->idle;
        store->idle = false;
    }
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    if (wake) { // not before: the committer would find the lock taken, and sleep again
        (void)pthread_cond_signal(&store->work);
    }
    return queued;
}

void store_write_many(struct store *store, struct store_job *jobs, size_t count) {
    CHECK(!body_inside());
    CHECK(count > 0 && count <= STORE_JOBS_MAX);
    struct request requests[STORE_JOBS_MAX];
    struct waiter waiter = {.left = count + 1}; // one for who waits: it may be answered meanwhile
    CHECK(sem_init(&waiter.done, 0, 0) == 0);
    for (size_t i = 0; i < count; i++) {
        const struct store_job *job = &jobs[i];
        requests[i] = (struct request){.op = job->op,
                                       .fn = job->fn,
                                       .arg = job->arg,
                                       .errors = job->op->error_count,
                                       .detail = job->op->detail,
                                       .waiter = &waiter};
    }
    size_t out = count - enqueue(store, requests, count) + 1;
    if (atomic_fetch_sub(&waiter.left, out) != out) {
        while (sem_wait(&waiter.done) != 0) {
            CHECK(errno == EINTR);
        }
    }
    for (size_t i = 0; i < count; i++) {
        jobs[i].why = requests[i].answer;
    }
    (void)sem_destroy(&waiter.done);
}

reason store_write(struct op *op, struct store *store, store_fn fn, void *arg) {
    struct store_job job = {.op = op, .fn = fn, .arg = arg};
    store_write_many(store, &job, 1);
    return job.why;
}

// ---- writes, the committer's side

// From here on the request, which is on its caller's stack, is gone.
static void answer(struct request *request) {
    struct waiter *waiter = request->waiter;
    if (atomic_fetch_sub(&waiter->left, 1) == 1) {
        CHECK(sem_post(&waiter->done) == 0);
    }
}

static void answer_all(struct request **group, size_t count) {
    for (size_t i = 0; i < count; i++) {
        answer(group[i]);
    }
}

// Nothing of the group was stored. Who was refused already keeps that answer.
static void refuse_all(struct request **group, size_t count, int code) {
    for (size_t i = 0; i < count; i++) {
        if (!group[i]->refused) {
            group[i]->answer = engine_refuse(group[i]->op, code);
        }
        answer(group[i]);
    }
}

// From now on nothing more is taken.
static void stop(struct store *store) {
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    atomic_store(&store->ready, false);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

// After stop: refuses what waits and closes the environment; the committer's loop then reopens it.
static void close_failed(struct store *store) {
    metric_add(METRIC_STORE_FAILED, 1);
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    store->suspect = false;
    struct request *request = store->first;
    store->first = NULL;
    store->last = &store->first;
    store->waiting = 0;
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    while (request != NULL) {
        struct request *next = request->next;
        request->answer = engine_refuse(request->op, ENGINE_CLOSED);
        answer(request);
        request = next;
    }
    body_swap(store, NULL);
}

uint64_t txn_writes(const struct txn *txn) {
    return txn->writes;
}

enum pass_end {
    PASS_DONE,    // durable, or there was nothing to write
    PASS_REFUSED, // group[*ret_stopped] was refused after it wrote; nothing was stored
    PASS_ERROR,   // *ret_code says; nothing is known to be stored
};

static enum pass_end run_group(struct request **group, size_t count, struct txn *txn,
                               size_t *ret_stopped, size_t *ret_ran) {
    for (size_t i = 0; i < count; i++) {
        struct request *request = group[i];
        if (request->refused) {
            continue;
        }
        uint64_t writes = txn->writes;
        request->op->error_count = request->errors;
        request->op->detail = request->detail;
        request->answer = body_run(request->op, request->fn, txn, request->arg);
        *ret_stopped = i;
        if (txn->fault != 0) {
            return PASS_ERROR;
        }
        request->refused = request->answer != NULL;
        if (request->refused && txn->writes != writes) {
            return PASS_REFUSED;
        }
        *ret_ran += request->refused ? 0 : 1;
    }
    return PASS_DONE;
}

// One transaction over the group.
static enum pass_end pass(struct store *store, struct request **group, size_t count,
                          size_t *ret_stopped, int *ret_code) {
    struct txn txn;
    size_t ran = 0;
    *ret_stopped = 0;
    *ret_code = body_begin(store, true, &txn);
    if (*ret_code != 0) {
        return PASS_ERROR;
    }
    enum pass_end how = run_group(group, count, &txn, ret_stopped, &ran);
    *ret_code = txn.fault;
    if (how != PASS_DONE || txn.writes == 0) {
        body_end(store, &txn);
        return how;
    }
    *ret_code = body_commit(store, &txn);
    if (*ret_code != 0) {
        return PASS_ERROR;
    }
    metric_add(METRIC_STORE_COMMITS, 1);
    metric_add(METRIC_STORE_WRITES, (int64_t)ran);
    return PASS_DONE;
}

// What to do about an error: 0: run the group again, as far as *count now says; else all are
// refused.
static int settle_error(struct store *store, int code, struct request **group, size_t stopped,
                        size_t *count) {
    switch (engine_class_of(code)) {
    case ENGINE_GROW:
        return body_grow(store);
    case ENGINE_LARGE:
        if (stopped > 0) {
            *count = stopped;
        } else {
            group[0]->refused = true;
            group[0]->answer = op_refuse(group[0]->op, REASON_OF(LIMIT_MEMORY),
                                         "one write changes more than one transaction may");
        }
        return 0;
    case ENGINE_DONE:
    case ENGINE_RESIZED:
    case ENGINE_NO_ROOM:
    case ENGINE_FAILED:
        break;
    }
    return code;
}

// Deals with the first of the group, as many as fit together, and returns how many that were.
static size_t commit_some(struct store *store, struct request **group, size_t count) {
    for (unsigned reruns = 0;;) {
        size_t stopped = 0;
        int code = 0;
        enum pass_end how = pass(store, group, count, &stopped, &code);
        if (how == PASS_DONE) {
            answer_all(group, count);
            return count;
        }
        if (how == PASS_REFUSED) {
            reruns++;
            count = reruns > GROUP_RERUNS_MAX ? stopped + 1 : count;
            continue;
        }
        code = settle_error(store, code, group, stopped, &count);
        if (code == 0) {
            continue;
        }
        if (engine_class_of(code) == ENGINE_NO_ROOM) {
            atomic_store(&store->full, true);
            refuse_all(group, count, code);
        } else {
            stop(store); // before anybody is told
            refuse_all(group, count, code);
            close_failed(store);
        }
        return count;
    }
}

// Under the lock: until there is something to do, on a full store also looking for room.
static void wait_for_work(struct store *store) {
    struct timespec until;
    bool full = atomic_load(&store->full);
    body_deadline(FULL_PROBE_MS, &until);
    int code = 0;
    while (store->first == NULL && !store->closing && !store->suspect && code != ETIMEDOUT) {
        store->idle = true;
        code = full ? pthread_cond_timedwait(&store->work, &store->lock, &until)
                    : pthread_cond_wait(&store->work, &store->lock);
    }
    store->idle = false;
}

// Under the lock: those on their way join. A write that comes alone waits for nothing.
static void gather(struct store *store) {
    struct timespec until;
    body_deadline(GATHER_MS, &until);
    int code = 0;
    while (store->first != NULL && store->waiting < STORE_GROUP_MAX && !store->closing &&
           !store->suspect && atomic_load(&store->expected) > 0 && code != ETIMEDOUT) {
        store->gathering = true;
        code = pthread_cond_timedwait(&store->work, &store->lock, &until);
    }
    store->gathering = false;
}

// Waits for work: takes up to STORE_GROUP_MAX. *ret_over: nothing will come any more.
static size_t take(struct store *store, struct request *group[STORE_GROUP_MAX], bool *ret_suspect,
                   bool *ret_over) {
    size_t count = 0;
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    wait_for_work(store);
    gather(store);
    *ret_suspect = store->suspect;
    *ret_over = store->first == NULL && store->closing;
    while (!store->suspect && store->first != NULL && count < STORE_GROUP_MAX) {
        group[count++] = store->first;
        store->first = store->first->next;
        store->waiting--;
    }
    if (store->first == NULL) {
        store->last = &store->first;
    }
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    return count;
}

void *commit_loop(void *arg) {
    struct store *store = arg;
    int64_t next_probe = 0;
    for (;;) {
        struct request *group[STORE_GROUP_MAX];
        bool bad = false;
        bool over = false;
        size_t count = take(store, group, &bad, &over);
        if (bad) {
            close_failed(store);
        } else if (over) {
            return NULL;
        }
        for (size_t from = 0; from < count;) {
            from += commit_some(store, group + from, count - from);
        }
        if (atomic_load(&store->full) && clock_steady() >= next_probe) {
            body_probe(store);
            next_probe = clock_steady() + FULL_PROBE_MS;
        }
        if (!body_is_open(store)) {
            body_reopen(store);
        }
    }
}
