// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a store, shared by open.c (opening, reading, reopening) and commit.c (writing). For
// this room only.
#ifndef GATEHOUSE_STORE_BODY_H
#define GATEHOUSE_STORE_BODY_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/engine.h"
#include "store/place.h"

struct request; // a write that waits; commit.c knows it

struct store {
    struct place place;

    // Each snapshot holds it for reading, so that with it held for writing the map may move and
    // the environment may close.
    pthread_rwlock_t moving;
    struct engine *engine; // NULL while closed; changed by the committer, under `moving` and `tail_use`

    struct engine_changes changes;

    // Whoever uses the tail holds it: a write while it runs, a read in the tail. Taken before `moving`.
    pthread_mutex_t tail_use;
    pthread_cond_t tail_free;  // the committer has had its turn
    atomic_bool tail_wanted;   // it waits for one: who comes to read lets it go first, or it would seldom get in between them
    size_t tail_waiting;       // reads that do; of tail_use
    // Something acknowledged is in the tail only: a snapshot would not see it. Or a write runs. Changed under tail_use.
    atomic_bool tail;

    pthread_mutex_t lock; // of what follows
    pthread_cond_t work;  // for the committer
    struct request *first, **last;
    size_t waiting;
    bool idle, closing, started;
    int start_code; // of the recovery, once `started`
    bool gathering; // the committer waits for those that are expected
    bool suspect;      // a read met damage: close, reopen and verify
    bool asked;        // somebody waits until the tail is in the tree
    uint64_t tries;    // to put it there, because of that
    bool in_tree;      // the last one did
    pthread_cond_t tried; // for who asked; also when it stops being ready
    atomic_size_t expected; // writes that were announced; made less under `lock`
    atomic_bool ready; // changed under `lock`, read anywhere
    atomic_bool full;  // the last write found no room; changed by the committer, read anywhere

    pthread_t committer;
};

// For the committer: takes the tail for itself, and gives it to reads again. body_tail_end says what they have to know of it.
void body_tail_begin(struct store *store);
void body_tail_end(struct store *store);
// 0 or an engine's error code. Each under body_tail_begin.
MUST_USE int body_grow(struct store *store);
bool body_is_open(struct store *store);
// Under body_tail_begin. Puts `engine` (NULL: none) in the place of the one there is, which is closed.
void body_swap(struct store *store, struct engine *engine);
// While it is full and nothing is written: whether there is room again.
void body_probe(struct store *store);
// So many milliseconds from now, on the clock of `work`.
void body_deadline(unsigned ms, struct timespec *ret_at);
// Tries until the store is well again, or closing.
void body_reopen(struct store *store);
// Runs fn, which may not use the store but through txn.
MUST_USE reason body_run(struct op *op, store_fn fn, struct txn *txn, void *arg);
bool body_inside(void); // is this thread in body_run?

// The committer's thread; arg is the store. Ends when the store is closing and nothing waits.
void *commit_loop(void *arg);

#endif
