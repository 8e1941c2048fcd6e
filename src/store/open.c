// SPDX-License-Identifier: GPL-3.0-or-later
// Opens and closes the store, runs reads on their callers' threads, and brings the environment back
// after a failure: it counts as well again only when its rows could be read and are as many as they
// should. It knows no error code of the engine, only what class an error is of.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "store/body.h"
#include "store/record.h"

// Between two attempts to reopen, in milliseconds.
#define REOPEN_FIRST_MS 100
#define REOPEN_LAST_MS 5000

// True on a thread that runs a store_fn. A thread-local, because what it guards against (a function
// that waits for its own thread, or for a lock its thread holds) knows only the thread.
static _Thread_local bool inside_;

reason body_run(struct op *op, store_fn fn, struct txn *txn, void *arg) {
    inside_ = true;
    reason why = fn(op, txn, arg);
    inside_ = false;
    return why;
}

bool body_inside(void) {
    return inside_;
}

// ---- the environment

// Before anything changes: who read store_changes meanwhile, and then what was there before, would hold it for what is now.
void body_tail_begin(struct store *store) {
    atomic_store(&store->tail_wanted, true);
    CHECK(pthread_mutex_lock(&store->tail_use) == 0);
    atomic_store(&store->tail_wanted, false);
    atomic_store(&store->tail, true);
}

void body_tail_end(struct store *store) {
    atomic_store(&store->tail, store->engine != NULL && engine_has_tail(store->engine));
    bool waiting = store->tail_waiting > 0;
    CHECK(pthread_mutex_unlock(&store->tail_use) == 0);
    if (waiting) {
        (void)pthread_cond_broadcast(&store->tail_free);
    }
}

// A read's turn.
static void take_turn(struct store *store) {
    CHECK(pthread_mutex_lock(&store->tail_use) == 0);
    while (atomic_load(&store->tail_wanted)) {
        store->tail_waiting++;
        CHECK(pthread_cond_wait(&store->tail_free, &store->tail_use) == 0);
        store->tail_waiting--;
    }
}

// A map that could not move is gone, so the environment is closed.
int body_grow(struct store *store) {
    CHECK(pthread_rwlock_wrlock(&store->moving) == 0);
    int code = store->engine != NULL ? engine_grow(store->engine) : ENGINE_CLOSED;
    CHECK(pthread_rwlock_unlock(&store->moving) == 0);
    return code;
}

void body_swap(struct store *store, struct engine *engine) {
    CHECK(pthread_rwlock_wrlock(&store->moving) == 0);
    engine_close(store->engine);
    store->engine = engine;
    CHECK(pthread_rwlock_unlock(&store->moving) == 0);
}

bool body_is_open(struct store *store) {
    CHECK(pthread_rwlock_rdlock(&store->moving) == 0);
    bool open = store->engine != NULL;
    CHECK(pthread_rwlock_unlock(&store->moving) == 0);
    return open;
}

// ---- reads

static void suspect(struct store *store) {
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    store->suspect = true;
    atomic_store(&store->ready, false);
    (void)pthread_cond_signal(&store->work);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

// False: there is no tail, and a snapshot has all that was acknowledged.
static bool read_tail(struct op *op, struct store *store, store_fn fn, void *arg, reason *ret_why,
                      int *ret_code) {
    if (!atomic_load(&store->tail)) {
        return false;
    }
    take_turn(store);
    bool there = store->engine != NULL && engine_has_tail(store->engine);
    if (there) {
        struct txn txn;
        engine_share(store->engine, &txn);
        *ret_why = body_run(op, fn, &txn, arg);
        *ret_code = txn.fault;
        engine_end(&txn);
    }
    CHECK(pthread_mutex_unlock(&store->tail_use) == 0);
    return there;
}

static reason read_snapshot(struct op *op, struct store *store, store_fn fn, void *arg,
                            int *ret_code) {
    struct txn txn;
    reason why = NULL;
    CHECK(pthread_rwlock_rdlock(&store->moving) == 0);
    *ret_code = store->engine != NULL ? engine_snapshot(store->engine, &txn) : ENGINE_CLOSED;
    if (*ret_code == 0) {
        why = body_run(op, fn, &txn, arg);
        *ret_code = txn.fault;
        engine_end(&txn);
    }
    CHECK(pthread_rwlock_unlock(&store->moving) == 0);
    return why;
}

// False: not now, so that only the tail has all.
static bool wait_for_tree(struct store *store) {
    if (!atomic_load(&store->tail)) {
        return true;
    }
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    uint64_t tries = store->tries;
    store->asked = true;
    (void)pthread_cond_signal(&store->work);
    while (store->tries == tries && atomic_load(&store->ready)) {
        CHECK(pthread_cond_wait(&store->tried, &store->lock) == 0);
    }
    bool in_tree = store->tries != tries && store->in_tree;
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    return in_tree;
}

enum from { FROM_TAIL, FROM_TREE, FROM_FILE };

static reason read_rows(struct op *op, struct store *store, store_fn fn, void *arg, enum from from) {
    CHECK(!inside_);
    if (!atomic_load(&store->ready)) {
        return engine_refuse(op, ENGINE_CLOSED);
    }
    reason why = NULL;
    int code = 0;
    bool tail = from == FROM_TAIL || (from == FROM_TREE && !wait_for_tree(store));
    if (!tail || !read_tail(op, store, fn, arg, &why, &code)) {
        why = read_snapshot(op, store, fn, arg, &code);
    }
    if (code == 0) {
        return why;
    }
    if (engine_class_of(code) == ENGINE_FAILED && code != ENGINE_CLOSED) {
        suspect(store);
    }
    return engine_refuse(op, code);
}

reason store_read(struct op *op, struct store *store, store_fn fn, void *arg) {
    return read_rows(op, store, fn, arg, FROM_TAIL);
}

reason store_walk(struct op *op, struct store *store, store_fn fn, void *arg) {
    return read_rows(op, store, fn, arg, FROM_TREE);
}

reason store_look(struct op *op, struct store *store, store_fn fn, void *arg) {
    return read_rows(op, store, fn, arg, FROM_FILE);
}

static int stat_of(struct store *store, struct store_stat *ret_stat) {
    take_turn(store);
    int code = store->engine != NULL ? engine_stat(store->engine, ret_stat) : ENGINE_CLOSED;
    CHECK(pthread_mutex_unlock(&store->tail_use) == 0);
    return code;
}

reason store_settle(struct op *op, struct store *store) {
    CHECK(!inside_);
    if (!atomic_load(&store->ready)) {
        return engine_refuse(op, ENGINE_CLOSED);
    }
    if (wait_for_tree(store)) {
        return NULL;
    }
    return engine_refuse(op, atomic_load(&store->ready) ? ENOSPC : ENGINE_CLOSED);
}

reason store_stat(struct op *op, struct store *store, struct store_stat *ret_stat) {
    CHECK(!inside_);
    if (!atomic_load(&store->ready)) {
        return engine_refuse(op, ENGINE_CLOSED);
    }
    int code = stat_of(store, ret_stat);
    return code == 0 ? NULL : engine_refuse(op, code);
}

uint64_t store_changes(const struct store *store, uint8_t space) {
    return atomic_load_explicit(&store->changes.of[space], memory_order_acquire);
}

bool store_ready(struct store *store) {
    return atomic_load(&store->ready);
}

bool store_full(struct store *store) {
    return atomic_load(&store->full);
}

struct schema_row {
    bool well;
};

static reason read_schema_row(struct op *op, struct txn *txn, void *arg) {
    struct schema_row *row = arg;
    struct key key = key_in(SPACE_SCHEMA);
    struct slice value;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    row->well = value.at == NULL || value.len == sizeof(uint32_t);
    return NULL;
}

// The rows can be read and are as many as they should, and the version row is one.
static int verify(struct engine *engine, bool *ret_schema) {
    int code = engine_verify(engine);
    struct txn txn;
    code = code != 0 ? code : engine_snapshot(engine, &txn);
    if (code != 0) {
        return code;
    }
    struct op op;
    op_open(&op, 0);
    struct schema_row row = {.well = false};
    *ret_schema = body_run(&op, read_schema_row, &txn, &row) == NULL && row.well;
    code = txn.fault;
    engine_end(&txn);
    op_close(&op);
    return code;
}

void body_deadline(unsigned ms, struct timespec *ret_at) {
    (void)clock_gettime(CLOCK_MONOTONIC, ret_at);
    ret_at->tv_sec += ms / 1000;
    ret_at->tv_nsec += (long)(ms % 1000) * 1000000;
    if (ret_at->tv_nsec >= 1000000000) {
        ret_at->tv_sec++;
        ret_at->tv_nsec -= 1000000000;
    }
}

static bool pause_for(struct store *store, unsigned ms) {
    struct timespec until;
    body_deadline(ms, &until);
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    int code = 0;
    while (!store->closing && code != ETIMEDOUT) {
        code = pthread_cond_timedwait(&store->work, &store->lock, &until);
    }
    bool closing = store->closing;
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    return !closing;
}

static bool reopen_once(struct store *store) {
    struct engine *engine = NULL;
    if (engine_open(store->place.file, &store->changes, &engine) != 0) {
        return false;
    }
    bool schema = false;
    int code = verify(engine, &schema);
    code = code == 0 ? engine_recover(engine) : code;
    // A disk that reads well but does not write would fail the next login again.
    code = code == 0 ? engine_probe(engine) : code;
    bool full = engine_class_of(code) == ENGINE_NO_ROOM;
    if ((code != 0 && !full) || !schema) {
        engine_close(engine);
        return false;
    }
    atomic_store(&store->full, full);
    body_tail_begin(store);
    body_swap(store, engine);
    body_tail_end(store);
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    store->suspect = false;
    atomic_store(&store->ready, true);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    return true;
}

void body_probe(struct store *store) {
    if (store->engine != NULL && engine_probe(store->engine) == 0) {
        atomic_store(&store->full, false);
    }
}

void body_reopen(struct store *store) {
    unsigned wait = REOPEN_FIRST_MS;
    while (pause_for(store, wait) && !reopen_once(store)) {
        wait = wait * 2 < REOPEN_LAST_MS ? wait * 2 : REOPEN_LAST_MS;
    }
}

// ---- open and close

static reason refuse_open(struct op *op, const struct store *store, int code) {
    if (code == ENGINE_CLOSED) {
        REFUSE(op, STORE_UNAVAILABLE,
               "there is no memory for what %s" JOURNAL_SUFFIX " holds; nothing of it is lost, see to it that this program gets some",
               store->place.file);
    }
    if (code > 0) { // the system's, not the engine's own
        REFUSE(op, DATA_DIR,
               "%s, or a file beside it (" JOURNAL_SUFFIX ", -lock), cannot be used: %s; see to it that the user id of this "
               "program may read and write it and that the disk has room",
               store->place.file, engine_words(code));
    }
    REFUSE(op, STORE_UNAVAILABLE, "%s is damaged, or no store: %s; restore it from a backup",
           store->place.file, engine_words(code));
}

static reason open_engine(struct op *op, struct store *store) {
    int code = engine_open(store->place.file, &store->changes, &store->engine);
    bool schema = false;
    if (code == 0) {
        TRY(place_settle(op, &store->place));
        code = verify(store->engine, &schema);
    }
    if (code != 0) {
        return refuse_open(op, store, code);
    }
    if (!schema) {
        REFUSE(op, SCHEMA, "%s has a version that cannot be read; restore it from a backup",
               store->place.file);
    }
    return NULL;
}

static void init_locks(struct store *store) {
    pthread_rwlockattr_t rw;
    CHECK(pthread_rwlockattr_init(&rw) == 0);
    // Readers that overlap without end would keep the map from ever growing.
    CHECK(pthread_rwlockattr_setkind_np(&rw, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
    CHECK(pthread_rwlock_init(&store->moving, &rw) == 0);
    (void)pthread_rwlockattr_destroy(&rw);
    pthread_condattr_t cond;
    CHECK(pthread_condattr_init(&cond) == 0);
    CHECK(pthread_condattr_setclock(&cond, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&store->work, &cond) == 0);
    CHECK(pthread_cond_init(&store->tried, &cond) == 0);
    (void)pthread_condattr_destroy(&cond);
    CHECK(pthread_mutex_init(&store->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&store->tail_use, NULL) == 0);
    CHECK(pthread_cond_init(&store->tail_free, NULL) == 0);
}

static void free_store(struct store *store) {
    engine_close(store->engine);
    place_leave(&store->place);
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_mutex_destroy(&store->tail_use);
    (void)pthread_cond_destroy(&store->tail_free);
    (void)pthread_cond_destroy(&store->work);
    (void)pthread_cond_destroy(&store->tried);
    (void)pthread_rwlock_destroy(&store->moving);
    free(store);
}

// With all signals blocked: they are for the threads that the program chose.
static int start_committer(struct store *store) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&store->committer, NULL, commit_loop, store);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

// Until the committer has what the journal held.
static int wait_for_start(struct store *store) {
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    while (!store->started) {
        CHECK(pthread_cond_wait(&store->work, &store->lock) == 0);
    }
    int code = store->start_code;
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    return code;
}

static reason open_all(struct op *op, const char *dir, struct store *store) {
    TRY(place_take(op, dir, &store->place));
    TRY(place_expect_whole(op, &store->place));
    TRY(open_engine(op, store));
    if (start_committer(store) != 0) {
        REFUSE(op, STORE_UNAVAILABLE, "no thread can be started for the store");
    }
    int code = wait_for_start(store);
    if (code != 0) {
        CHECK(pthread_join(store->committer, NULL) == 0);
        return refuse_open(op, store, code);
    }
    return NULL;
}

reason store_open(struct op *op, const char *dir, struct store **ret_store) {
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        REFUSE(op, STORE_UNAVAILABLE, "no memory for the store");
    }
    store->place.lock = -1;
    store->last = &store->first;
    init_locks(store);
    reason why = open_all(op, dir, store);
    if (why != NULL) {
        free_store(store);
        return why;
    }
    *ret_store = store;
    return NULL;
}

void store_close(struct store *store) {
    if (store == NULL) {
        return;
    }
    CHECK(!inside_);
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    store->closing = true;
    (void)pthread_cond_signal(&store->work);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    CHECK(pthread_join(store->committer, NULL) == 0);
    atomic_store(&store->ready, false);
    free_store(store);
}
