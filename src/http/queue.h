// SPDX-License-Identifier: GPL-3.0-or-later
// A bounded queue of jobs and the fixed threads that run them. Jobs stand in lanes, and the threads take from each lane in
// turn: whoever sends more than the rest waits behind what is his own. When the queue is full, the longest lane gives up its
// last job for one of a shorter lane. So a flood on one tenant's connection costs the others one turn, not their place.
#ifndef GATEHOUSE_HTTP_QUEUE_H
#define GATEHOUSE_HTTP_QUEUE_H

#include "base/slice.h"

#define QUEUE_LANES 64 // of keys by hash: two that meet in one share it

#define QUEUE_TOGETHER_MAX 16

struct queue_job {
    bool shares; // may be run together with others of which that is true
    struct queue_job *next, *before; // the queue's
};
struct queue;
// `run` gets one job, or up to QUEUE_TOGETHER_MAX that share, whichever stand at the front: each core gets its part of what
// waits, so that none waits behind another while a core is idle. NULL: no memory, or no thread could be made.
struct queue *queue_open(size_t threads, size_t most,
                         void (*run)(struct queue_job *const *jobs, size_t count, void *arg),
                         void *arg);
// By `run`, of jobs that share: from here on it waits, and somebody else may work in its place.
void queue_rest(void);
// The lane of a key: a connection, an address. Strangers cannot tell which keys meet.
unsigned queue_lane(const struct queue *queue, struct slice key);
// NULL: it is in the queue. Else the job that has no place, which is the caller's: this one (it is closing, or full and no
// lane is longer), or another that was in the queue. It may wait until queue_go.
struct queue_job *queue_put(struct queue *queue, struct queue_job *job, unsigned lane);
// What was put is run, if there are threads without work. Who puts several says it once, so that they can go together.
void queue_go(struct queue *queue);
// Whether queue_put would find no place for a job of this lane at the moment.
bool queue_is_full(struct queue *queue, unsigned lane);
// Jobs that wait or run.
size_t queue_busy(struct queue *queue);
// Runs what was accepted, ends the threads; from then on queue_put takes nothing. NULL-safe.
void queue_stop(struct queue *queue);
// After queue_stop, when nobody calls queue_put any more; or instead of it. NULL-safe.
void queue_close(struct queue *queue);

#endif
