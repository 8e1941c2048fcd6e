// SPDX-License-Identifier: GPL-3.0-or-later
// Writes. One committer thread takes what waits, runs it in the engine's tail, makes it durable by
// one sync and wakes all; while it syncs the next group gathers. Writes that were announced are waited
// for, a little; a write that comes alone waits for nothing. When the tail is long, or nothing comes for
// a moment, it puts it into the tree. After a failure it refuses what waits and has the environment closed, reopened and
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
// So many in one of the last groups: more come than can be done, and what they wait for is each other. After a large group
// often comes a small one, of those who came a little later.
#define CROWD 96
#define CROWD_GROUPS 3
// Nothing came for so long: the tail goes into the tree, so that reads have no need of it.
#define TAIL_IDLE_MS 20
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
    (void)pthread_cond_broadcast(&store->tried);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

static void refuse_waiting(struct store *store) {
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
}

// Under body_tail_begin: nobody reads any more, for what is left may lack what was acknowledged. The committer's loop then reopens.
static void close_failed(struct store *store) {
    stop(store);
    metric_add(METRIC_STORE_FAILED, 1);
    body_swap(store, NULL);
}

uint64_t txn_writes(const struct txn *txn) {
    return txn->writes;
}

// One of a group. Who is refused leaves nothing behind.
static int run_one(struct engine *engine, struct request *request, size_t *ret_wrote) {
    struct txn txn;
    int code = engine_write(engine, &txn);
    if (code != 0) {
        return code;
    }
    request->op->error_count = request->errors;
    request->op->detail = request->detail;
    request->answer = body_run(request->op, request->fn, &txn, request->arg);
    engine_end(&txn);
    code = txn.fault;
    if (code == 0 && request->answer != NULL) {
        request->refused = true;
        code = txn.writes > 0 ? engine_undo(&txn) : 0;
    } else {
        *ret_wrote += txn.writes > 0 ? 1 : 0;
    }
    return code;
}

// *ret_stopped: who met the error. *ret_wrote: how many changed something.
static int run_group(struct engine *engine, struct request **group, size_t count,
                     size_t *ret_stopped, size_t *ret_wrote) {
    int code = 0;
    *ret_wrote = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        *ret_stopped = i;
        code = group[i]->refused ? 0 : run_one(engine, group[i], ret_wrote);
    }
    return code;
}

// Under body_tail_begin. Who reads in the tail then sees the group; nobody was told yet that it is durable.
static int run_in_tail(struct store *store, struct request **group, size_t count,
                       size_t *ret_stopped, size_t *ret_wrote) {
    int code = store->engine != NULL
                   ? run_group(store->engine, group, count, ret_stopped, ret_wrote)
                   : ENGINE_CLOSED;
    return code == 0 && engine_is_over(store->engine) ? engine_flush(store->engine) : code;
}

// Durable when 0.
static int make_durable(struct store *store, size_t wrote) {
    int code = wrote > 0 ? engine_sync(store->engine) : 0;
    if (code == 0 && wrote > 0) {
        metric_add(METRIC_STORE_COMMITS, 1);
        metric_add(METRIC_STORE_WRITES, (int64_t)wrote);
    }
    return code;
}

// A full disk: what was acknowledged can be read on.
static int restore_full(struct store *store, int code) {
    int again = engine_class_of(code) == ENGINE_NO_ROOM ? engine_restore(store->engine) : 0;
    return again != 0 ? again : code;
}

// The tail goes into the tree. What does not fit stays in the journal, and in the tail.
static int flush(struct store *store) {
    int code = engine_flush(store->engine);
    while (engine_class_of(code) == ENGINE_GROW) {
        code = body_grow(store);
        code = code == 0 ? engine_flush(store->engine) : code;
    }
    return restore_full(store, code);
}

// What to do about an error: 0: run the group again, as far as *count now says; else all are
// refused. The tail is then what was acknowledged, unless the environment has to be closed.
static int settle_error(struct store *store, int code, struct request **group, size_t stopped,
                        size_t *count) {
    int again = 0;
    switch (engine_class_of(code)) {
    case ENGINE_GROW:
        return body_grow(store);
    case ENGINE_LARGE:
        again = engine_restore(store->engine);
        if (again == 0 && engine_has_tail(store->engine)) { // with it out of the way there is room
            return flush(store);
        }
        if (stopped > 0) {
            *count = stopped;
        } else {
            group[0]->refused = true;
            group[0]->answer = op_refuse(group[0]->op, REASON_OF(LIMIT_MEMORY),
                                         "one write changes more than one transaction may");
        }
        return again;
    case ENGINE_NO_ROOM:
        return restore_full(store, code);
    case ENGINE_DONE:
    case ENGINE_FAILED:
        break;
    }
    return code;
}

// Under body_tail_begin. Hands up the error.
static int give_up(struct store *store, int code) {
    if (engine_class_of(code) == ENGINE_NO_ROOM) {
        atomic_store(&store->full, true);
    } else if (code != 0) {
        close_failed(store);
    }
    return code;
}

static void refuse_group(struct store *store, struct request **group, size_t count, int code) {
    refuse_all(group, count, code);
    if (engine_class_of(code) != ENGINE_NO_ROOM) {
        refuse_waiting(store);
    }
}

// Under body_tail_begin, as the error was met: what a failure left of the tail is for nobody's eyes. Hands up the error that nothing
// more can be done about now; nobody was told yet.
static int settle(struct store *store, int code, struct request **group, size_t stopped,
                  size_t *count) {
    code = store->engine != NULL ? settle_error(store, code, group, stopped, count) : code;
    return give_up(store, code);
}

// Deals with the first of the group, as many as fit together, and returns how many that were.
static size_t commit_some(struct store *store, struct request **group, size_t count) {
    for (;;) {
        size_t stopped = 0;
        size_t wrote = 0;
        body_tail_begin(store);
        int code = run_in_tail(store, group, count, &stopped, &wrote);
        if (code == 0) {
            body_tail_end(store);
            code = make_durable(store, wrote);
            if (code == 0) {
                answer_all(group, count);
                return count;
            }
            body_tail_begin(store);
        }
        code = settle(store, code, group, stopped, &count);
        body_tail_end(store);
        if (code != 0) {
            refuse_group(store, group, count, code);
            return count;
        }
    }
}

static void flush_tail(struct store *store) {
    body_tail_begin(store);
    int code = give_up(store, store->engine != NULL ? flush(store) : 0);
    body_tail_end(store);
    if (code != 0) {
        refuse_group(store, NULL, 0, code);
    }
}

// Under the lock: until there is something to do, or for the while that a tail waits; on a full store also looking for room.
static void wait_for_work(struct store *store) {
    struct timespec until;
    bool full = atomic_load(&store->full);
    bool tail = !full && atomic_load(&store->tail);
    body_deadline(full ? FULL_PROBE_MS : TAIL_IDLE_MS, &until);
    int code = 0;
    while (store->first == NULL && !store->closing && !store->suspect && !store->asked && code != ETIMEDOUT) {
        store->idle = true;
        code = full || tail ? pthread_cond_timedwait(&store->work, &store->lock, &until)
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

struct taken {
    bool suspect;
    bool asked; // somebody waits until the tail is in the tree
    bool over;  // nothing will come any more
};

// Waits for work: takes up to STORE_GROUP_MAX.
static size_t take(struct store *store, struct request *group[STORE_GROUP_MAX], struct taken *ret_taken) {
    size_t count = 0;
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    wait_for_work(store);
    gather(store);
    *ret_taken = (struct taken){store->suspect, store->asked, store->first == NULL && store->closing};
    store->asked = false;
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

// How many more groups count as crowded, this one included.
static size_t crowded_groups(size_t count, size_t before) {
    return count >= CROWD ? CROWD_GROUPS : before > 0 ? before - 1 : 0;
}

// What another process left in the journal goes into the tree, before anybody reads.
static bool start(struct store *store) {
    body_tail_begin(store);
    int code = engine_recover(store->engine);
    body_tail_end(store);
    bool full = engine_class_of(code) == ENGINE_NO_ROOM;
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    atomic_store(&store->full, full);
    store->start_code = full ? 0 : code;
    atomic_store(&store->ready, store->start_code == 0);
    store->started = true;
    (void)pthread_cond_signal(&store->work);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    return store->start_code == 0;
}

// Whether there is room again; then what waits in the tail goes into the tree, too.
static void look_for_room(struct store *store) {
    body_probe(store);
    if (!atomic_load(&store->full)) {
        flush_tail(store);
    }
}

// Those who asked go on: all that was answered before they did is in the tree, or is not to be had there now.
static void tell_asked(struct store *store) {
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    store->tries++;
    store->in_tree = store->engine != NULL && !engine_has_tail(store->engine);
    (void)pthread_cond_broadcast(&store->tried);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

void *commit_loop(void *arg) {
    struct store *store = arg;
    int64_t next_probe = 0;
    size_t crowded = 0;
    struct taken taken = {.over = !start(store)};
    while (!taken.over) {
        struct request *group[STORE_GROUP_MAX];
        size_t count = take(store, group, &taken);
        if (taken.suspect) {
            refuse_waiting(store);
            body_tail_begin(store);
            close_failed(store);
            body_tail_end(store);
        }
        crowded = crowded_groups(count, crowded);
        for (size_t from = 0; from < count;) {
            from += commit_some(store, group + from, count - from);
        }
        if (atomic_load(&store->full)) {
            if (clock_steady() >= next_probe) {
                look_for_room(store);
                next_probe = clock_steady() + FULL_PROBE_MS;
            }
        } else if (body_is_open(store) && (count == 0 || taken.asked || engine_is_due(store->engine, crowded > 0))) {
            flush_tail(store);
        }
        if (taken.asked) {
            tell_asked(store);
        }
        if (!body_is_open(store) && !taken.over) {
            body_reopen(store);
        }
    }
    body_tail_begin(store); // a tail ends on the thread that began it
    body_swap(store, NULL);
    body_tail_end(store);
    return NULL;
}
