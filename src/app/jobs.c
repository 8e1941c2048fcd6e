// SPDX-License-Identifier: GPL-3.0-or-later
// One job at a time, the oldest first. At the start it looks for those that the last stop or crash left; then it waits
// to be told of one.
#include "app/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/job.h"

#define LOOK_MS 100    // a flag in memory is looked at this often, not the store
#define AGAIN_MS 1000  // after the store could not go on

struct job_runner {
    struct gate *gate;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Atomic bool stop;
};

struct turn {
    struct slice id;
};
static reason find_next(struct op *op, struct txn *txn, void *arg) {
    return job_next(op, txn, &((struct turn *)arg)->id);
}

// *ret_there false: there is none.
static reason run_one(struct gate *gate, const _Atomic bool *stop, bool *ret_there) {
    struct turn turn = {.id = S("")};
    struct op op;
    op_open(&op, 0);
    reason why = store_read(&op, gate->store, find_next, &turn);
    *ret_there = why == NULL && turn.id.len > 0;
    if (*ret_there) {
        int64_t began = clock_steady();
        why = job_run(gate->store, turn.id, stop);
        LOG(&op, why == NULL ? LOG_INFO : LOG_WARNING, "job.ran", LOG_TEXT("job", turn.id),
            LOG_NUMBER("ms", clock_steady() - began),
            LOG_TEXT("reason", slice_str(why != NULL ? why->slug : "")));
    }
    op_close(&op);
    return why;
}

static bool run_all(struct gate *gate, const _Atomic bool *stop) {
    bool there = true;
    reason why = NULL;
    while (there && why == NULL && !*stop) {
        why = run_one(gate, stop, &there);
    }
    return why == NULL;
}

bool jobs_run_all(struct gate *gate) {
    static const _Atomic bool never = false;
    return run_all(gate, &never);
}

static void wait_ms(struct job_runner *runner, int64_t ms) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&runner->mutex);
    while (!runner->stop && pthread_cond_timedwait(&runner->wake, &runner->mutex, &until) != ETIMEDOUT) {
    }
    (void)pthread_mutex_unlock(&runner->mutex);
}

static void *runner_main(void *arg) {
    struct job_runner *runner = arg;
    runner->gate->jobs_waiting = true; // those of before
    while (!runner->stop) {
        bool good = true;
        if (atomic_exchange(&runner->gate->jobs_waiting, false)) {
            good = run_all(runner->gate, &runner->stop);
            if (!good) {
                runner->gate->jobs_waiting = true;
            }
        }
        wait_ms(runner, good ? LOOK_MS : AGAIN_MS);
    }
    return NULL;
}

reason jobs_start(struct op *op, struct gate *gate, struct job_runner **ret_runner) {
    pthread_condattr_t steady;
    struct job_runner *runner = calloc(1, sizeof *runner);
    if (runner == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory to start");
    }
    runner->gate = gate;
    (void)pthread_mutex_init(&runner->mutex, NULL);
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&runner->wake, &steady);
    (void)pthread_condattr_destroy(&steady);
    if (pthread_create(&runner->thread, NULL, runner_main, runner) != 0) {
        free(runner);
        REFUSE(op, LIMIT_MEMORY, "no thread can be started: %s", strerror(errno));
    }
    *ret_runner = runner;
    return NULL;
}

void jobs_stop(struct job_runner *runner) {
    if (runner == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&runner->mutex);
    runner->stop = true;
    (void)pthread_cond_signal(&runner->wake);
    (void)pthread_mutex_unlock(&runner->mutex);
    (void)pthread_join(runner->thread, NULL);
    (void)pthread_cond_destroy(&runner->wake);
    (void)pthread_mutex_destroy(&runner->mutex);
    free(runner);
}
