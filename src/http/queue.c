// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rand.h"

// Handlers hold their big things in arenas; this is room for call frames and the XML reader.
#define STACK_BYTES (256U << 10)

struct lane {
    struct queue_job *first, *last;
    size_t count;
    struct lane *next; // of those that have jobs, in the order of their turns
};

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct lane lanes[QUEUE_LANES];
    struct lane *turn, *latest; // the lane whose turn it is, and the one that comes last
    uint64_t secret;            // of the hash
    size_t waiting, running, most, thread_count;
    bool closing, stopped;
    void (*run)(struct queue_job *, void *);
    void *arg;
    pthread_t threads[];
};

// ---- lanes; under the mutex ----

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
}

// The first job of the lane whose turn it is; the lane then comes last.
static struct queue_job *take(struct queue *queue) {
    struct lane *lane = queue->turn;
    if (lane == NULL) {
        return NULL;
    }
    struct queue_job *job = lane->first;
    lane->first = job->next;
    lane->count--;
    queue->waiting--;
    queue->turn = lane->next;
    queue->latest = queue->turn != NULL ? queue->latest : NULL;
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
    queue->waiting--;
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

static void *thread_main(void *arg) {
    struct queue *queue = arg;
    (void)pthread_mutex_lock(&queue->mutex);
    for (;;) {
        while (queue->turn == NULL && !queue->closing) {
            (void)pthread_cond_wait(&queue->work, &queue->mutex);
        }
        struct queue_job *job = take(queue);
        if (job == NULL) {
            break;
        }
        queue->running++;
        (void)pthread_mutex_unlock(&queue->mutex);
        queue->run(job, queue->arg);
        (void)pthread_mutex_lock(&queue->mutex);
        queue->running--;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

struct queue *queue_open(size_t threads, size_t most, void (*run)(struct queue_job *, void *),
                         void *arg) {
    struct queue *queue = calloc(1, sizeof *queue + threads * sizeof queue->threads[0]);
    pthread_attr_t attributes;
    if (queue == NULL || pthread_attr_init(&attributes) != 0) {
        free(queue);
        return NULL;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_mutex_init(&queue->mutex, NULL);
    (void)pthread_cond_init(&queue->work, NULL);
    uint8_t secret[8];
    rand_bytes(secret, sizeof secret);
    memcpy(&queue->secret, secret, sizeof secret);
    queue->most = most;
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
    if (out == NULL) { // not before: who is woken would find the mutex taken, and sleep again
        (void)pthread_cond_signal(&queue->work);
    }
    return out;
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
    (void)pthread_cond_broadcast(&queue->work);
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
    (void)pthread_cond_destroy(&queue->work);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue);
}
