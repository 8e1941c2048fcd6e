// SPDX-License-Identifier: GPL-3.0-or-later
// Writers on threads of their own, and a way to have them wait together, so that they end up in one
// group.
#ifndef GATEHOUSE_UNIT_STORE_WRITERS_H
#define GATEHOUSE_UNIT_STORE_WRITERS_H

#include <semaphore.h>
#include <time.h>

#include "scratch.h"
#include "store/body.h"

struct writer {
    struct store *store;
    store_fn fn;
    void *arg;
    reason answer;
    struct op op;
    pthread_t thread;
};

static void *writer_run(void *arg) {
    struct writer *writer = arg;
    writer->answer = store_write(&writer->op, writer->store, writer->fn, writer->arg);
    return NULL;
}

__attribute__((unused)) static void writer_start(struct writer *writer, struct store *store,
                                                 store_fn fn, void *arg) {
    *writer = (struct writer){.store = store, .fn = fn, .arg = arg};
    op_open(&writer->op, NOON);
    pthread_attr_t small;
    assert_int_equal(pthread_attr_init(&small), 0);
    assert_int_equal(pthread_attr_setstacksize(&small, 256U << 10), 0);
    assert_int_equal(pthread_create(&writer->thread, &small, writer_run, writer), 0);
    (void)pthread_attr_destroy(&small);
}

// What store_write answered. The op stays open until writer_drop.
__attribute__((unused)) static reason writer_wait(struct writer *writer) {
    assert_int_equal(pthread_join(writer->thread, NULL), 0);
    return writer->answer;
}

__attribute__((unused)) static void writer_drop(struct writer *writer) {
    op_close(&writer->op);
}

__attribute__((unused)) static void nap(void) {
    (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

__attribute__((unused)) static void wait_for_waiting(struct store *store, size_t count) {
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(pthread_mutex_lock(&store->lock), 0);
        size_t waiting = store->waiting;
        assert_int_equal(pthread_mutex_unlock(&store->lock), 0);
        if (waiting == count) {
            return;
        }
        nap();
    }
    fail_msg("%zu writes never waited", count);
}

// A write that holds the committer until it is let go.
struct gatekeeper {
    sem_t inside, go;
    struct writer writer;
};

static reason hold(struct op *op, struct txn *txn, void *arg) {
    struct gatekeeper *keeper = arg;
    (void)op;
    (void)txn;
    (void)sem_post(&keeper->inside);
    (void)sem_wait(&keeper->go);
    return NULL;
}

__attribute__((unused)) static void hold_committer(struct gatekeeper *keeper,
                                                   struct store *store) {
    assert_int_equal(sem_init(&keeper->inside, 0, 0), 0);
    assert_int_equal(sem_init(&keeper->go, 0, 0), 0);
    writer_start(&keeper->writer, store, hold, keeper);
    assert_int_equal(sem_wait(&keeper->inside), 0);
}

__attribute__((unused)) static void let_go(struct gatekeeper *keeper) {
    assert_int_equal(sem_post(&keeper->go), 0);
    assert_done(writer_wait(&keeper->writer));
    writer_drop(&keeper->writer);
    (void)sem_destroy(&keeper->inside);
    (void)sem_destroy(&keeper->go);
}

// ---- many that write at once

#define THREADS 16
#define WRITES_EACH 200

struct loop {
    struct store *store;
    uint64_t from;
    size_t done;
    pthread_t thread;
};

// Runs `run` in THREADS threads, each with rows of its own; each has to count all of them as done.
__attribute__((unused)) static void run_loops(struct scratch *at, void *(*run)(void *arg)) {
    struct loop loops[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        loops[i] = (struct loop){.store = at->store, .from = i * WRITES_EACH};
        assert_int_equal(pthread_create(&loops[i].thread, NULL, run, &loops[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(loops[i].thread, NULL), 0);
        assert_int_equal(loops[i].done, WRITES_EACH);
    }
}

#endif
