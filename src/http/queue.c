// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/queue.h"

#include <pthread.h>
#include <stdlib.h>

// Handlers hold their big things in arenas; this is room for call frames and the XML reader.
#define STACK_BYTES (256U << 10)

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct queue_job *first, *last;
    size_t waiting, running, most, thread_count;
    bool closing, stopped;
    void (*run)(struct queue_job *, void *);
    void *arg;
    pthread_t threads[];
};

static void *thread_main(void *arg) {
    struct queue *queue = arg;
    (void)pthread_mutex_lock(&queue->mutex);
    for (;;) {
        while (queue->first == NULL && !queue->closing) {
            (void)pthread_cond_wait(&queue->work, &queue->mutex);
        }
        struct queue_job *job = queue->first;
        if (job == NULL) {
            break;
        }
        queue->first = job->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
        queue->waiting--;
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

bool queue_put(struct queue *queue, struct queue_job *job) {
    (void)pthread_mutex_lock(&queue->mutex);
    bool taken = !queue->closing && queue->waiting < queue->most;
    if (taken) {
        job->next = NULL;
        if (queue->last != NULL) {
            queue->last->next = job;
        } else {
            queue->first = job;
        }
        queue->last = job;
        queue->waiting++;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    if (taken) { // not before: who is woken would find the mutex taken, and sleep again
        (void)pthread_cond_signal(&queue->work);
    }
    return taken;
}

bool queue_is_full(struct queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
    bool full = queue->waiting >= queue->most;
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
