// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/queue.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rand.h"

// Handlers hold their big things in arenas; this is room for call frames and the XML reader.
#define STACK_BYTES (256U << 10)

// Threads that run jobs which share and do not rest: one for each core, and one more for when one waits for a worker. Those
// that come meanwhile gather and go together.
#define AT_WORK_MAX(queue) ((queue)->cores + 1)

struct lane {
    struct queue_job *first, *last;
    size_t count;
    struct lane *next; // of those that have jobs, in the order of their turns
};

// A thread without work. Each has a semaphore of its own, and the one that slept last is woken first: its stack and its
// memory are in the caches, and the mutex is not taken as if others waited for it, as it is after a condition.
struct sleeper {
    sem_t wake;
    struct sleeper *next;
};

struct queue {
    pthread_mutex_t mutex;
    struct sleeper *sleepers;
    struct lane lanes[QUEUE_LANES];
    struct lane *turn, *latest; // the lane whose turn it is, and the one that comes last
    uint64_t secret;            // of the hash
    size_t waiting, running, most, thread_count;
    size_t sharing;          // of those that wait, how many share
    size_t working;          // threads that run such and did not say queue_rest
    size_t cores;            // so many threads can be at work at once; the others wait for something
    size_t waking;           // threads that were woken, and did not come yet
    bool closing, stopped;
    void (*run)(struct queue_job *const *, size_t, void *);
    void *arg;
    pthread_t threads[];
};

// ---- lanes; under the mutex ----

static void count_out(struct queue *queue, const struct queue_job *job) {
    queue->waiting--;
    queue->sharing -= job->shares ? 1 : 0;
}

static void line_up(struct queue *queue, struct lane *lane) {
    lane->next = NULL;
    if (queue->latest != NULL) {
        queue->latest->next = lane;
    } else {
        queue->turn = lane;
    }
    queue->latest = lane;
}

static void put(struct queue *queue, struct lane *lane, struct queue_job *job) {
    job->next = NULL;
    job->before = lane->last;
    if (lane->last != NULL) {
        lane->last->next = job;
    } else {
        lane->first = job;
        line_up(queue, lane);
    }
    lane->last = job;
    lane->count++;
    queue->waiting++;
    queue->sharing += job->shares ? 1 : 0;
}

// Whether a job may be run now, and not only when a thread that is at work is done.
static bool has_place(const struct queue *queue, const struct queue_job *job) {
    return !job->shares || queue->working < AT_WORK_MAX(queue);
}

// The first job of the first lane in turn that has one with a place; the lane then comes last.
static struct queue_job *take(struct queue *queue) {
    struct lane *before = NULL;
    struct lane *lane = queue->turn;
    while (lane != NULL && !has_place(queue, lane->first)) {
        before = lane;
        lane = lane->next;
    }
    if (lane == NULL) {
        return NULL;
    }
    *(before != NULL ? &before->next : &queue->turn) = lane->next;
    queue->latest = queue->latest == lane ? before : queue->latest;
    struct queue_job *job = lane->first;
    lane->first = job->next;
    lane->count--;
    count_out(queue, job);
    if (lane->first != NULL) {
        lane->first->before = NULL;
        line_up(queue, lane);
    } else {
        lane->last = NULL;
    }
    return job;
}

// The longest lane, if that is longer than `lane` by more than the job that comes; NULL: none is.
static struct lane *longer_than(struct queue *queue, const struct lane *lane) {
    struct lane *longest = &queue->lanes[0];
    for (size_t i = 1; i < QUEUE_LANES; i++) {
        longest = queue->lanes[i].count > longest->count ? &queue->lanes[i] : longest;
    }
    return longest->count > lane->count + 1 ? longest : NULL;
}

// Its last job; it keeps one.
static struct queue_job *give_up(struct queue *queue, const struct lane *lane) {
    struct lane *longest = longer_than(queue, lane);
    if (longest == NULL) {
        return NULL;
    }
    struct queue_job *job = longest->last;
    CHECK(job->before != NULL);
    longest->last = job->before;
    longest->last->next = NULL;
    longest->count--;
    count_out(queue, job);
    return job;
}

unsigned queue_lane(const struct queue *queue, struct slice key) {
    uint64_t hash = queue->secret;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (uint8_t)key.at[i]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    return (unsigned)(hash >> 40) % QUEUE_LANES;
}

// ---- threads ----

// The queue in which this thread has a place among those at work. A thread-local, because who waits knows of the queue
// only that it runs in one of its threads.
static _Thread_local struct queue *working_;

// Under the mutex: what the next thread runs.
static size_t take_some(struct queue *queue, struct queue_job *jobs[QUEUE_TOGETHER_MAX]) {
    size_t part = (queue->sharing + queue->cores - 1) / queue->cores;
    size_t count = 1;
    jobs[0] = take(queue);
    if (jobs[0] == NULL) {
        return 0;
    }
    if (jobs[0]->shares) {
        part = part < QUEUE_TOGETHER_MAX ? part : QUEUE_TOGETHER_MAX;
        while (count < part && queue->turn != NULL && queue->turn->first->shares) {
            jobs[count++] = take(queue);
        }
        queue->working++;
        working_ = queue;
    }
    queue->running += count;
    return count;
}

// Under the mutex. Who is to be woken, once the mutex is free: he would find it taken, and sleep again. A thread that was
// woken and did not come yet takes more than one job, so not each job wakes one.
static struct sleeper *next_to_wake(struct queue *queue) {
    size_t places = AT_WORK_MAX(queue) - queue->working;
    size_t useful = queue->waiting - queue->sharing +
                    (queue->sharing < places ? queue->sharing : places);
    useful = useful < queue->cores ? useful : queue->cores;
    struct sleeper *sleeper = queue->waking < useful ? queue->sleepers : NULL;
    if (sleeper != NULL) {
        queue->sleepers = sleeper->next;
        queue->waking++;
    }
    return sleeper;
}

static void wake(struct sleeper *sleeper) {
    if (sleeper != NULL) {
        CHECK(sem_post(&sleeper->wake) == 0);
    }
}

// Under the mutex: this thread gives its place to another.
static void rest(struct queue *queue) {
    if (working_ != NULL) {
        working_ = NULL;
        queue->working--;
    }
}

void queue_rest(void) {
    struct queue *queue = working_;
    if (queue == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&queue->mutex);
    rest(queue);
    struct sleeper *next = next_to_wake(queue);
    (void)pthread_mutex_unlock(&queue->mutex);
    wake(next);
}

// Under the mutex, which it lets go of while there is nothing to do. 0: there will be nothing any more.
static size_t wait_for_work(struct queue *queue, struct sleeper *self,
                            struct queue_job *jobs[QUEUE_TOGETHER_MAX]) {
    for (;;) {
        size_t count = take_some(queue, jobs);
        if (count > 0 || queue->closing) {
            return count;
        }
        self->next = queue->sleepers;
        queue->sleepers = self;
        (void)pthread_mutex_unlock(&queue->mutex);
        while (sem_wait(&self->wake) != 0) {
            CHECK(errno == EINTR);
        }
        (void)pthread_mutex_lock(&queue->mutex);
        queue->waking--;
    }
}

static void *thread_main(void *arg) {
    struct queue *queue = arg;
    struct sleeper self;
    struct queue_job *jobs[QUEUE_TOGETHER_MAX];
    CHECK(sem_init(&self.wake, 0, 0) == 0);
    (void)pthread_mutex_lock(&queue->mutex);
    for (;;) {
        size_t count = wait_for_work(queue, &self, jobs);
        if (count == 0) {
            break;
        }
        struct sleeper *next = next_to_wake(queue);
        (void)pthread_mutex_unlock(&queue->mutex);
        wake(next);
        queue->run(jobs, count, queue->arg);
        (void)pthread_mutex_lock(&queue->mutex);
        queue->running -= count;
        rest(queue);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    (void)sem_destroy(&self.wake);
    return NULL;
}

static size_t count_cores(void) {
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count > 0 ? (size_t)count : 1;
}

struct queue *queue_open(size_t threads, size_t most,
                         void (*run)(struct queue_job *const *jobs, size_t count, void *arg),
                         void *arg) {
    struct queue *queue = calloc(1, sizeof *queue + threads * sizeof queue->threads[0]);
    pthread_attr_t attributes;
    if (queue == NULL || pthread_attr_init(&attributes) != 0) {
        free(queue);
        return NULL;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_mutex_init(&queue->mutex, NULL);
    uint8_t secret[8];
    rand_bytes(secret, sizeof secret);
    memcpy(&queue->secret, secret, sizeof secret);
    queue->most = most;
    queue->cores = count_cores();
    queue->run = run;
    queue->arg = arg;
    while (queue->thread_count < threads &&
           pthread_create(&queue->threads[queue->thread_count], &attributes, thread_main, queue) ==
               0) {
        queue->thread_count++;
    }
    (void)pthread_attr_destroy(&attributes);
    if (queue->thread_count < threads) {
        queue_close(queue);
        return NULL;
    }
    return queue;
}

struct queue_job *queue_put(struct queue *queue, struct queue_job *job, unsigned lane_number) {
    struct lane *lane = &queue->lanes[lane_number % QUEUE_LANES];
    struct queue_job *out = NULL;
    (void)pthread_mutex_lock(&queue->mutex);
    if (queue->closing) {
        out = job;
    } else if (queue->waiting >= queue->most) {
        out = give_up(queue, lane);
        out = out != NULL ? out : job;
    }
    if (out != job) {
        put(queue, lane, job);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return out;
}

void queue_go(struct queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
    struct sleeper *next = next_to_wake(queue); // it wakes the next
    (void)pthread_mutex_unlock(&queue->mutex);
    wake(next);
}

bool queue_is_full(struct queue *queue, unsigned lane) {
    (void)pthread_mutex_lock(&queue->mutex);
    bool full = queue->waiting >= queue->most &&
                longer_than(queue, &queue->lanes[lane % QUEUE_LANES]) == NULL;
    (void)pthread_mutex_unlock(&queue->mutex);
    return full;
}

size_t queue_busy(struct queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
    size_t busy = queue->waiting + queue->running;
    (void)pthread_mutex_unlock(&queue->mutex);
    return busy;
}

void queue_stop(struct queue *queue) {
    if (queue == NULL || queue->stopped) {
        return;
    }
    (void)pthread_mutex_lock(&queue->mutex);
    queue->closing = true;
    while (queue->sleepers != NULL) {
        struct sleeper *sleeper = queue->sleepers;
        queue->sleepers = sleeper->next;
        queue->waking++;
        wake(sleeper);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    for (size_t i = 0; i < queue->thread_count; i++) {
        (void)pthread_join(queue->threads[i], NULL);
    }
    queue->stopped = true;
}

void queue_close(struct queue *queue) {
    if (queue == NULL) {
        return;
    }
    queue_stop(queue);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue);
}
