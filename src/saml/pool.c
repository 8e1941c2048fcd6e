// SPDX-License-Identifier: GPL-3.0-or-later
// Lends workers to threads. A keeper thread has new ones forked, so that no sign-in pays for a
// fork. It believes nothing that a worker says beyond the frame: that is the verdict's work.
#include "saml/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rand.h"
#include "saml/pool_spawner.h"
#include "saml/pool_talk.h"

#define WARM_MAX 64
#define FRESH_MAX 8 // metadata is read now and then, by operators; more at once are refused

struct pool_loan {
    struct process process;
    uint32_t jobs;
    size_t shares; // messages whose verdict it waits for
    bool spoiled;  // it read something that did not hold
};

struct pool {
    struct pool_options options;
    char *program, *opinion; // of the options, ours to free
    struct spawner spawner, opinions;
    pthread_mutex_t mutex; // over all below
    pthread_cond_t freed, wanted, opinion_freed;
    pthread_t keeper;
    struct pool_loan workers[WARM_MAX]; // a slot without a process has fd -1
    struct pool_loan *free[WARM_MAX];   // a stack: the one used last has its memory in the caches
    size_t free_count, alive, waiters, fresh, opinion_count, opinion_waiters;
    _Atomic uint64_t job;
    bool closing, has_keeper;
};

static void lock(struct pool *pool) {
    CHECK(pthread_mutex_lock(&pool->mutex) == 0);
}
static void unlock(struct pool *pool) {
    CHECK(pthread_mutex_unlock(&pool->mutex) == 0);
}

// False at the deadline.
static bool wait_until(struct pool *pool, pthread_cond_t *condition, int64_t deadline) {
    struct timespec at = {.tv_sec = (time_t)(deadline / 1000),
                          .tv_nsec = (long)(deadline % 1000) * 1000000};
    return pthread_cond_timedwait(condition, &pool->mutex, &at) != ETIMEDOUT;
}

// ---- the keeper ----

static struct pool_loan *empty_slot(struct pool *pool) {
    for (size_t i = 0; i < pool->options.warm; i++) {
        if (pool->workers[i].process.fd < 0) {
            return &pool->workers[i];
        }
    }
    return NULL;
}

// Under the mutex, which it lets go of while the spawner forks. Only one thread fills slots at a
// time.
static int add_worker(struct pool *pool) {
    struct process process;
    unlock(pool);
    int failed = spawner_fork(&pool->spawner, &process);
    lock(pool);
    if (failed == 0) {
        struct pool_loan *slot = empty_slot(pool);
        CHECK(slot != NULL);
        *slot = (struct pool_loan){.process = process};
        pool->alive++;
        pool->free[pool->free_count++] = slot;
        metric_add(METRIC_WORKER_STARTED, 1);
        (void)pthread_cond_signal(&pool->freed);
    }
    return failed;
}

static void *keep(void *context) {
    struct pool *pool = context;
    lock(pool);
    while (!pool->closing) {
        if (pool->alive == pool->options.warm) {
            (void)pthread_cond_wait(&pool->wanted, &pool->mutex);
        } else if (add_worker(pool) != 0) {
            int64_t next = spawner_next_start(&pool->spawner);
            while (!pool->closing && wait_until(pool, &pool->wanted, next)) {
            }
        }
    }
    unlock(pool);
    return NULL;
}

// ---- lending ----

static void throw_away(struct pool *pool, struct pool_loan *loan, bool lost) {
    if (lost) {
        metric_add(METRIC_WORKER_LOST, 1);
        if (loan->jobs == 0) {
            spawner_slow_down(&pool->spawner);
        }
    }
    struct process process = loan->process;
    spawner_end(&pool->spawner, &process);
    lock(pool);
    loan->process.fd = -1;
    pool->alive--;
    (void)pthread_cond_signal(&pool->wanted);
    unlock(pool);
}

// A worker that waits says nothing; one that died or speaks unasked is none.
static bool is_quiet(const struct pool_loan *loan) {
    char byte;
    return recv(loan->process.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static reason wait_for_free(struct op *op, struct pool *pool, int64_t deadline,
                            struct pool_loan **ret_loan) {
    while (pool->free_count == 0) {
        if (pool->waiters >= POOL_WAITERS_MAX) {
            REFUSE(op, WORKER_FAILED, "%d messages wait for a worker already", POOL_WAITERS_MAX);
        }
        pool->waiters++;
        bool in_time = wait_until(pool, &pool->freed, deadline);
        pool->waiters--;
        if (!in_time && pool->free_count == 0) {
            REFUSE(op, WORKER_FAILED, "no worker was free within %lld ms",
                   (long long)pool->options.wait_ms);
        }
    }
    *ret_loan = pool->free[--pool->free_count];
    return NULL;
}

static reason borrow(struct op *op, struct pool *pool, struct pool_loan **ret_loan) {
    int64_t deadline = clock_steady() + pool->options.wait_ms;
    for (;;) {
        struct pool_loan *loan = NULL;
        lock(pool);
        reason why = wait_for_free(op, pool, deadline, &loan);
        unlock(pool);
        TRY(why);
        CHECK(loan != NULL);
        if (is_quiet(loan)) {
            *ret_loan = loan;
            return NULL;
        }
        throw_away(pool, loan, true);
    }
}

void pool_return(struct pool *pool, struct pool_loan *loan, bool held) {
    if (loan == NULL) {
        return;
    }
    loan->spoiled = loan->spoiled || !held;
    if (--loan->shares > 0) {
        return;
    }
    if (loan->spoiled || loan->jobs >= POOL_JOBS_MAX) {
        throw_away(pool, loan, false);
        return;
    }
    lock(pool);
    pool->free[pool->free_count++] = loan;
    bool wanted = pool->waiters > 0;
    unlock(pool);
    if (wanted) { // not before: who is woken would find the mutex taken, and sleep again
        (void)pthread_cond_signal(&pool->freed);
    }
}

// ---- jobs ----

static reason check_size(struct op *op, struct slice xml) {
    if (xml.len > MSG_XML_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "%zu bytes; at most %u are read", xml.len, MSG_XML_MAX);
    }
    return NULL;
}

static uint64_t take_numbers(struct pool *pool, size_t count) {
    return atomic_fetch_add(&pool->job, count) + 1;
}

// One call of pool_canonicalise. It has one worker at most at any time, so that nobody who holds one waits for another.
struct asking {
    struct pool *pool;
    struct pool_job *jobs;
    size_t count;
    struct pool_loan *loan; // NULL: none
};

// What it answered is copied and stays.
static void drop_worker(struct asking *it, bool lost) {
    for (size_t i = 0; i < it->count; i++) {
        it->jobs[i].loan = NULL;
    }
    throw_away(it->pool, it->loan, lost);
    it->loan = NULL;
}

static void refuse_each(struct pool_job *const *jobs, size_t count, reason why) {
    struct slice detail = jobs[0]->op->detail;
    for (size_t i = 0; i < count; i++) {
        jobs[i]->why = op_refuse(jobs[i]->op, why, "%.*s", SLICE(detail));
    }
}

// One trip to a worker, another one where the last refused something: what it read then may have been made to take it over.
static void ask(struct asking *it, struct pool_job *const *jobs, size_t count) {
    if (it->loan != NULL && it->loan->spoiled) {
        drop_worker(it, false);
    }
    reason why = it->loan == NULL ? borrow(jobs[0]->op, it->pool, &it->loan) : NULL;
    if (why != NULL) {
        refuse_each(jobs, count, why);
        return;
    }
    it->loan->jobs += (uint32_t)count;
    size_t done = talk_canonicalise(it->loan->process.fd, it->pool->options.deadline_ms,
                                    take_numbers(it->pool, count), jobs, count);
    for (size_t i = 0; i < done; i++) {
        jobs[i]->loan = jobs[i]->why == NULL ? it->loan : NULL;
        it->loan->spoiled = it->loan->spoiled || jobs[i]->why != NULL;
    }
    for (size_t i = done; i < count; i++) {
        jobs[i]->again = count > 1; // it may have been a neighbour's fault
    }
    if (done < count) {
        drop_worker(it, true);
    }
}

// Those from *at on that go together; the others of them have their answer.
static size_t next_trip(struct asking *it, size_t *at, struct pool_job **trip) {
    size_t count = 0;
    size_t bytes = 0;
    for (; *at < it->count; ++*at) {
        struct pool_job *job = &it->jobs[*at];
        job->loan = NULL;
        job->again = false;
        job->why = check_size(job->op, job->xml);
        if (job->why != NULL) {
            continue;
        }
        if (count > 0 && bytes + job->xml.len > POOL_TRIP_BYTES) {
            break;
        }
        bytes += job->xml.len;
        trip[count++] = job;
    }
    return count;
}

static void share_worker(struct asking *it) {
    if (it->loan == NULL) {
        return;
    }
    it->loan->shares = 0;
    for (size_t i = 0; i < it->count; i++) {
        it->loan->shares += it->jobs[i].loan != NULL ? 1 : 0;
    }
    if (it->loan->shares == 0) {
        drop_worker(it, false); // it refused all that it was asked last
    }
}

void pool_canonicalise(struct pool *pool, struct pool_job *jobs, size_t count) {
    struct asking it = {.pool = pool, .jobs = jobs, .count = count};
    struct pool_job *trip[POOL_TOGETHER_MAX];
    CHECK(count <= POOL_TOGETHER_MAX);
    for (size_t at = 0; at < count;) {
        size_t some = next_trip(&it, &at, trip);
        if (some > 0) {
            ask(&it, trip, some);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].again) {
            trip[0] = &jobs[i];
            ask(&it, trip, 1);
        }
    }
    share_worker(&it);
}

reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                  struct msg_canonical *ret_message) {
    if (loan == NULL) {
        REFUSE(op, WORKER_FAILED, "the worker that read the message is gone");
    }
    struct pool_job job = {.op = op, .xml = xml};
    struct pool_job *trip[] = {&job};
    TRY(check_size(op, xml));
    loan->jobs++;
    (void)talk_canonicalise(loan->process.fd, pool->options.deadline_ms, take_numbers(pool, 1),
                            trip, 1);
    TRY(job.why);
    *ret_message = job.message;
    return NULL;
}

static reason whole(struct op *op, const struct pool *pool, const struct process *process,
                    uint64_t job, struct slice xml, struct msg_whole *ret_message) {
    struct wire_head head = {.kind = 0};
    struct slice fields = SLICE_NONE;
    TRY(talk_ask(op, process->fd, pool->options.deadline_ms, MSG_WHOLE, job, xml, &head, &fields));
    if (head.kind == MSG_REFUSED) {
        return talk_refused(op, fields);
    }
    if (!msg_get_whole(fields, ret_message)) {
        REFUSE(op, WORKER_FAILED, "a worker's answer is not of the agreed form");
    }
    return NULL;
}

static reason fresh_whole(struct op *op, struct pool *pool, uint64_t job, struct slice xml,
                          struct msg_whole *ret_message) {
    if (check_size(op, xml) != NULL) {
        return REASON_OF(METADATA_MALFORMED);
    }
    struct process process;
    int failed = spawner_fork(&pool->spawner, &process);
    if (failed != 0) {
        REFUSE(op, WORKER_FAILED, "no worker could be started: %s", strerrordesc_np(failed));
    }
    metric_add(METRIC_WORKER_STARTED, 1);
    reason why = whole(op, pool, &process, job, xml, ret_message);
    spawner_end(&pool->spawner, &process);
    if (why == REASON_OF(WORKER_FAILED)) {
        metric_add(METRIC_WORKER_LOST, 1);
    }
    if (why == REASON_OF(SAML_DTD_FORBIDDEN)) {
        return REASON_OF(METADATA_DTD_FORBIDDEN);
    }
    return why == NULL || why == REASON_OF(WORKER_FAILED) || why == REASON_OF(LIMIT_MEMORY)
               ? why
               : REASON_OF(METADATA_MALFORMED);
}

reason pool_whole(struct op *op, struct pool *pool, struct slice xml,
                  struct msg_whole *ret_message) {
    lock(pool);
    bool room = pool->fresh < FRESH_MAX;
    pool->fresh += room ? 1 : 0;
    unlock(pool);
    if (!room) {
        REFUSE(op, WORKER_FAILED, "%d documents are being read already", FRESH_MAX);
    }
    reason why = fresh_whole(op, pool, take_numbers(pool, 1), xml, ret_message);
    lock(pool);
    pool->fresh--;
    unlock(pool);
    return why;
}

// ---- second opinions ----

static reason begin_opinion(struct op *op, struct pool *pool) {
    int64_t deadline = clock_steady() + pool->options.wait_ms;
    bool in_time = pool->opinion_waiters < POOL_WAITERS_MAX;
    pool->opinion_waiters++;
    while (in_time && pool->opinion_count >= POOL_OPINIONS_MAX) {
        in_time = wait_until(pool, &pool->opinion_freed, deadline);
    }
    pool->opinion_waiters--;
    if (pool->opinion_count >= POOL_OPINIONS_MAX) {
        REFUSE(op, WORKER_FAILED, "%d second opinions are being given, and none ended within %lld ms",
               POOL_OPINIONS_MAX, (long long)pool->options.wait_ms);
    }
    pool->opinion_count++;
    return NULL;
}

static reason ask_opinion(struct op *op, const struct pool *pool, const struct process *process,
                          uint64_t job, const struct msg_opinion_ask *ask,
                          struct msg_opinion *ret_opinion) {
    struct wire_head head = {.kind = 0};
    struct wire_out out;
    struct slice fields;
    char *frame = NULL;
    size_t room = ask->xml.len + ask->idp.len + ask->sp.len + TALK_ASK_HEAD;
    TRY(op_take(op, room, &frame));
    if (!msg_put_opinion_ask(&out, frame, room, job, ask)) {
        REFUSE(op, SAML_TOO_LARGE, "%zu bytes are too many for a second opinion", ask->xml.len);
    }
    TRY(talk_frame(op, process->fd, pool->options.deadline_ms, MSG_OPINION, job, &out, &head, &fields));
    if (head.kind != MSG_OPINION_GIVEN || !msg_get_opinion(fields, ret_opinion)) {
        REFUSE(op, WORKER_FAILED, "a second opinion is not of the agreed form");
    }
    return NULL;
}

static reason fresh_opinion(struct op *op, struct pool *pool, uint64_t job,
                            const struct msg_opinion_ask *ask, struct msg_opinion *ret_opinion) {
    struct process process;
    int failed = spawner_fork(&pool->opinions, &process);
    if (failed != 0) {
        REFUSE(op, WORKER_FAILED,
               "%s, which gives second opinions, cannot be started: %s; it is built and installed "
               "with gatehouse-worker",
               pool->opinion, strerrordesc_np(failed));
    }
    metric_add(METRIC_WORKER_STARTED, 1);
    reason why = ask_opinion(op, pool, &process, job, ask, ret_opinion);
    spawner_end(&pool->opinions, &process);
    if (why == REASON_OF(WORKER_FAILED)) {
        metric_add(METRIC_WORKER_LOST, 1);
    }
    return why;
}

reason pool_opinion(struct op *op, struct pool *pool, const struct msg_opinion_ask *ask,
                    struct msg_opinion *ret_opinion) {
    lock(pool);
    reason why = begin_opinion(op, pool);
    unlock(pool);
    TRY(why);
    why = fresh_opinion(op, pool, take_numbers(pool, 1), ask, ret_opinion);
    lock(pool);
    pool->opinion_count--;
    (void)pthread_cond_signal(&pool->opinion_freed);
    unlock(pool);
    return why;
}

// ---- opening and closing ----

// A worker whose jail cannot be set up dies at once; better to know that now than at the first
// sign-in.
static reason try_one(struct op *op, struct pool *pool) {
    struct pool_job job = {
        .op = op, .xml = S("<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>")};
    pool_canonicalise(pool, &job, 1);
    if (job.why != NULL) {
        REFUSE(op, WORKER_FAILED,
               "%s was started but reads no message; its jail needs a kernel with seccomp, and "
               "room for a process of 256 MB",
               pool->options.program);
    }
    pool_return(pool, job.loan, true);
    return NULL;
}

// One that died while nobody had it, or NULL; it is taken out of the free ones.
static struct pool_loan *take_dead(struct pool *pool) {
    struct pool_loan *dead = NULL;
    lock(pool);
    for (size_t i = 0; i < pool->free_count && dead == NULL; i++) {
        if (!is_quiet(pool->free[i])) {
            dead = pool->free[i];
            pool->free[i] = pool->free[--pool->free_count];
        }
    }
    unlock(pool);
    return dead;
}

bool pool_ready(struct pool *pool) {
    // Replaced here too, not only at the next sign-in: while the gate is not ready none may come.
    for (struct pool_loan *dead = take_dead(pool); dead != NULL; dead = take_dead(pool)) {
        throw_away(pool, dead, true);
    }
    lock(pool);
    bool ready = pool->alive > 0; // those that are lent are at work
    unlock(pool);
    return ready;
}

static void make_conditions(struct pool *pool) {
    pthread_condattr_t steady;
    CHECK(pthread_mutex_init(&pool->mutex, NULL) == 0);
    CHECK(pthread_condattr_init(&steady) == 0);
    CHECK(pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&pool->freed, &steady) == 0);
    CHECK(pthread_cond_init(&pool->wanted, &steady) == 0);
    CHECK(pthread_cond_init(&pool->opinion_freed, &steady) == 0);
    (void)pthread_condattr_destroy(&steady);
}

static reason fill(struct op *op, struct pool *pool) {
    while (pool->alive < pool->options.warm) {
        lock(pool);
        int failed = add_worker(pool);
        unlock(pool);
        if (failed == ECHILD) {
            REFUSE(op, WORKER_FAILED,
                   "%s was started and ended at once; what it wrote to stderr says why",
                   pool->options.program);
        }
        if (failed != 0) {
            REFUSE(op, WORKER_FAILED,
                   "%s, the program that reads XML, cannot be started: %s; it belongs beside the "
                   "gatehouse program and is built and installed with it",
                   pool->options.program, strerrordesc_np(failed));
        }
    }
    int failed = pthread_create(&pool->keeper, NULL, keep, pool);
    if (failed != 0) {
        REFUSE(op, WORKER_FAILED, "no thread could be started: %s", strerrordesc_np(failed));
    }
    pool->has_keeper = true;
    return NULL;
}

#define OPINION_NAME "gatehouse-opinion"

static char *opinion_program(const struct pool_options *options) {
    if (options->opinion != NULL) {
        return strdup(options->opinion);
    }
    const char *slash = strrchr(options->program, '/');
    size_t folder = slash != NULL ? (size_t)(slash - options->program) + 1 : 0;
    char *path = malloc(folder + sizeof OPINION_NAME);
    if (path != NULL) {
        memcpy(path, options->program, folder);
        memcpy(path + folder, OPINION_NAME, sizeof OPINION_NAME);
    }
    return path;
}

reason pool_open(struct op *op, const struct pool_options *options, struct pool **ret_pool) {
    if (options->warm < 1 || options->warm > WARM_MAX) {
        REFUSE(op, WORKER_FAILED, "%zu workers were asked for; 1 to %d are possible", options->warm,
               WARM_MAX);
    }
    struct pool *pool = calloc(1, sizeof *pool);
    char *program = strdup(options->program);
    char *opinion = opinion_program(options);
    if (pool == NULL || program == NULL || opinion == NULL) {
        free(pool);
        free(program);
        free(opinion);
        REFUSE(op, LIMIT_MEMORY, "no memory for the workers");
    }
    pool->options = *options;
    pool->options.program = program;
    pool->program = program;
    pool->opinion = opinion;
    pool->options.deadline_ms = options->deadline_ms > 0 ? options->deadline_ms : POOL_DEADLINE_MS;
    pool->options.wait_ms = options->wait_ms > 0 ? options->wait_ms : POOL_WAIT_MS;
    for (size_t i = 0; i < WARM_MAX; i++) {
        pool->workers[i].process.fd = -1;
    }
    uint64_t first = 0; // of the numbers of jobs
    rand_bytes(&first, sizeof first);
    atomic_init(&pool->job, first);
    make_conditions(pool);
    spawner_open(&pool->spawner, pool->options.program);
    spawner_open(&pool->opinions, pool->opinion); // runs when it is first asked
    reason why = fill(op, pool);
    why = why != NULL ? why : try_one(op, pool);
    if (why != NULL) {
        pool_close(pool);
        return why;
    }
    *ret_pool = pool;
    return NULL;
}

void pool_close(struct pool *pool) {
    if (pool == NULL) {
        return;
    }
    if (pool->has_keeper) {
        lock(pool);
        pool->closing = true;
        (void)pthread_cond_broadcast(&pool->wanted);
        unlock(pool);
        (void)pthread_join(pool->keeper, NULL);
    }
    CHECK(pool->free_count == pool->alive); // all loans are back
    for (size_t i = 0; i < pool->free_count; i++) {
        int fd = pool->free[i]->process.fd;
        auto_close_fd(&fd);
    }
    spawner_close(&pool->spawner);
    spawner_close(&pool->opinions);
    (void)pthread_cond_destroy(&pool->freed);
    (void)pthread_cond_destroy(&pool->wanted);
    (void)pthread_cond_destroy(&pool->opinion_freed);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->program);
    free(pool->opinion);
    free(pool);
}
