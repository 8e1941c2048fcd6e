// SPDX-License-Identifier: GPL-3.0-or-later
// A bounded queue of jobs and the fixed threads that run them.
#ifndef GATEHOUSE_HTTP_QUEUE_H
#define GATEHOUSE_HTTP_QUEUE_H

#include "base/slice.h"

struct queue_job {
    struct queue_job *next; // the queue's
};
struct queue;
// NULL: no memory, or no thread could be made.
struct queue *queue_open(size_t threads, size_t most, void (*run)(struct queue_job *, void *),
                         void *arg);
// False when it is full or closing: the job stays the caller's.
bool queue_put(struct queue *queue, struct queue_job *job);
// Whether queue_put would find no room at the moment.
bool queue_is_full(struct queue *queue);
// Jobs that wait or run.
size_t queue_busy(struct queue *queue);
// Runs what was accepted, ends the threads; from then on queue_put takes nothing. NULL-safe.
void queue_stop(struct queue *queue);
// After queue_stop, when nobody calls queue_put any more; or instead of it. NULL-safe.
void queue_close(struct queue *queue);

#endif
