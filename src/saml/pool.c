// SPDX-License-Identifier: GPL-3.0-or-later
// Lends workers to threads. A keeper thread has new ones forked, so that no sign-in pays for a
// fork. It believes nothing that a worker says beyond the frame: that is the verdict's work.
#include "saml/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rand.h"
#include "saml/pool_spawner.h"

#define WARM_MAX 64
#define FRESH_MAX 8 // metadata is read now and then, by operators; more at once are refused
#define ASK_HEAD 64 // frame and field heads, with room to spare

struct pool_loan {
    struct process process;
    uint32_t jobs;
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
    uint64_t job;
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
                            struct pool_loan **ret_loan, uint64_t *ret_job) {
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
    *ret_job = ++pool->job;
    return NULL;
}

static reason borrow(struct op *op, struct pool *pool, struct pool_loan **ret_loan,
                     uint64_t *ret_job) {
    int64_t deadline = clock_steady() + pool->options.wait_ms;
    for (;;) {
        struct pool_loan *loan = NULL;
        lock(pool);
        reason why = wait_for_free(op, pool, deadline, &loan, ret_job);
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
    if (!held || loan->jobs >= POOL_JOBS_MAX) {
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

// One frame there, one back, its fields copied into the arena.
static reason converse(struct op *op, const struct pool *pool, const struct process *process,
                       enum msg_kind kind, uint64_t job, const struct wire_out *out,
                       struct wire_head *ret_head, struct slice *ret_fields) {
    int64_t deadline = clock_steady() + pool->options.deadline_ms;
    struct wire_head head;
    char *fields = NULL;
    bool answered = wire_send(process->fd, slice_of(out->at, out->len), deadline) &&
                    wire_receive(process->fd, deadline, &head, &fields);
    if (!answered) {
        REFUSE(op, WORKER_FAILED, "%s",
               clock_steady() >= deadline ? "a worker missed its deadline"
                                          : "a worker crashed or answered with no frame");
    }
    reason why = op_copy(op, slice_of(fields, head.length), ret_fields);
    free(fields);
    TRY(why);
    if (head.job != job || (head.kind != MSG_REFUSED && head.kind != (unsigned)kind + 1)) {
        REFUSE(op, WORKER_FAILED, "a worker answered what was not asked");
    }
    metric_add(METRIC_WORKER_JOBS, 1);
    *ret_head = head;
    return NULL;
}

static reason exchange(struct op *op, const struct pool *pool, const struct process *process,
                       enum msg_kind kind, uint64_t job, struct slice xml,
                       struct wire_head *ret_head, struct slice *ret_fields) {
    size_t room = xml.len + ASK_HEAD;
    char *frame = malloc(room);
    if (frame == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a message of %zu bytes", xml.len);
    }
    struct wire_out out;
    CHECK(msg_put_ask(&out, frame, room, kind, job, xml));
    reason why = converse(op, pool, process, kind, job, &out, ret_head, ret_fields);
    free(frame);
    return why;
}

// What a worker may say no with. Anything else is not for it to say.
static reason refused(struct op *op, struct slice fields) {
    reason why = NULL;
    struct slice detail;
    if (!msg_get_refused(fields, &why, &detail)) {
        REFUSE(op, WORKER_FAILED, "a worker refused in no proper way");
    }
    if (why != REASON_OF(SAML_MALFORMED) && why != REASON_OF(SAML_DTD_FORBIDDEN) &&
        why != REASON_OF(SAML_TOO_LARGE) && !slice_starts(slice_str(why->slug), S("signature."))) {
        REFUSE(op, WORKER_FAILED, "a worker refused with %s: %.*s", why->slug, SLICE(detail));
    }
    return op_refuse(op, why, "%.*s", SLICE(detail));
}

static reason canonicalise(struct op *op, const struct pool *pool, const struct process *process,
                           uint64_t job, struct slice xml, struct msg_canonical *ret_message) {
    struct wire_head head = {.kind = 0};
    struct slice fields = SLICE_NONE;
    TRY(exchange(op, pool, process, MSG_CANONICALISE, job, xml, &head, &fields));
    if (head.kind == MSG_REFUSED) {
        return refused(op, fields);
    }
    if (!msg_get_canonical(fields, ret_message)) {
        REFUSE(op, WORKER_FAILED, "a worker's answer is not of the agreed form");
    }
    return NULL;
}

reason pool_canonicalise(struct op *op, struct pool *pool, struct slice xml,
                         struct msg_canonical *ret_message, struct pool_loan **ret_loan) {
    struct pool_loan *loan = NULL;
    uint64_t job = 0;
    TRY(check_size(op, xml));
    TRY(borrow(op, pool, &loan, &job));
    loan->jobs++;
    struct msg_canonical message;
    reason why = canonicalise(op, pool, &loan->process, job, xml, &message);
    if (why != NULL) {
        // Also one that refused: what it read may have been made to take it over.
        throw_away(pool, loan, why == REASON_OF(WORKER_FAILED));
        return why;
    }
    *ret_message = message;
    *ret_loan = loan;
    return NULL;
}

reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                  struct msg_canonical *ret_message) {
    TRY(check_size(op, xml));
    (void)pthread_mutex_lock(&pool->mutex);
    uint64_t job = ++pool->job;
    (void)pthread_mutex_unlock(&pool->mutex);
    loan->jobs++;
    return canonicalise(op, pool, &loan->process, job, xml, ret_message);
}

static reason whole(struct op *op, const struct pool *pool, const struct process *process,
                    uint64_t job, struct slice xml, struct msg_whole *ret_message) {
    struct wire_head head = {.kind = 0};
    struct slice fields = SLICE_NONE;
    TRY(exchange(op, pool, process, MSG_WHOLE, job, xml, &head, &fields));
    if (head.kind == MSG_REFUSED) {
        return refused(op, fields);
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
    uint64_t job = ++pool->job;
    unlock(pool);
    if (!room) {
        REFUSE(op, WORKER_FAILED, "%d documents are being read already", FRESH_MAX);
    }
    reason why = fresh_whole(op, pool, job, xml, ret_message);
    lock(pool);
    pool->fresh--;
    unlock(pool);
    return why;
}

// ---- second opinions ----

static reason begin_opinion(struct op *op, struct pool *pool, uint64_t *ret_job) {
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
    *ret_job = ++pool->job;
    return NULL;
}

static reason ask_opinion(struct op *op, const struct pool *pool, const struct process *process,
                          uint64_t job, const struct msg_opinion_ask *ask,
                          struct msg_opinion *ret_opinion) {
    struct wire_head head = {.kind = 0};
    struct wire_out out;
    struct slice fields;
    char *frame = NULL;
    size_t room = ask->xml.len + ask->idp.len + ask->sp.len + ASK_HEAD;
    TRY(op_take(op, room, &frame));
    if (!msg_put_opinion_ask(&out, frame, room, job, ask)) {
        REFUSE(op, SAML_TOO_LARGE, "%zu bytes are too many for a second opinion", ask->xml.len);
    }
    TRY(converse(op, pool, process, MSG_OPINION, job, &out, &head, &fields));
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
    uint64_t job = 0;
    lock(pool);
    reason why = begin_opinion(op, pool, &job);
    unlock(pool);
    TRY(why);
    why = fresh_opinion(op, pool, job, ask, ret_opinion);
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
    struct msg_canonical message;
    struct pool_loan *loan = NULL;
    struct slice xml = S("<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>");
    if (pool_canonicalise(op, pool, xml, &message, &loan) != NULL) {
        REFUSE(op, WORKER_FAILED,
               "%s was started but reads no message; its jail needs a kernel with seccomp, and "
               "room for a process of 256 MB",
               pool->options.program);
    }
    pool_return(pool, loan, true);
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
    rand_bytes(&pool->job, sizeof pool->job);
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
