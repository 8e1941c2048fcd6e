// SPDX-License-Identifier: GPL-3.0-or-later
// Reads beside writes: who was answered sees it, whichever way he reads; and whom that holds up.
#include "writers.h"

// Writes row i of a loop, and with `read` (NULL: not) looks for it at once; false: not as it should be.
static bool write_row(const struct loop *loop, uint64_t i,
                      reason (*read)(struct op *, struct store *, store_fn, void *)) {
    struct op op;
    struct key key = key_in(0x30);
    key_u64(&key, loop->from + i);
    struct one_row row = {.key = key_slice(&key), .value = S("a row")};
    op_open(&op, NOON);
    bool well = store_write(&op, loop->store, put_one, &row) == NULL &&
                (read == NULL || (read(&op, loop->store, get_one, &row) == NULL && row.found));
    op_close(&op);
    return well;
}

// Each thread reads what it was answered, while the others write and the tail comes and goes.
static void *write_and_read(void *arg) {
    struct loop *loop = arg;
    for (uint64_t i = 0; i < WRITES_EACH; i++) {
        loop->done += write_row(loop, i, store_read) ? 1 : 0;
        if (i % 16 == 15) {
            (void)usleep(25000); // longer than a tail waits
        }
    }
    return NULL;
}

static void who_was_answered_reads_it(void **state) {
    run_loops(*state, write_and_read);
}

static reason delete_one(struct op *op, struct txn *txn, void *arg) {
    const struct one_row *row = arg;
    bool there = false;
    return txn_delete(op, txn, row->key, &there);
}

static void who_counts_changes_knows_what_is_still_so(void **state) {
    struct scratch *at = *state;
    struct one_row row = {.key = S("\x16one"), .value = S("v")};
    uint64_t other = store_changes(at->store, 0x17);
    uint64_t count = store_changes(at->store, 0x16);
    put_row(at, row.key, row.value);
    assert_int_not_equal(store_changes(at->store, 0x16), count);
    count = store_changes(at->store, 0x16);
    put_row(at, row.key, row.value); // as it is
    assert_true(has_row(at, row.key));
    assert_int_equal(store_changes(at->store, 0x16), count);
    put_row(at, row.key, S("w"));
    assert_int_not_equal(store_changes(at->store, 0x16), count);
    count = store_changes(at->store, 0x16);
    assert_done(store_write(&at->op, at->store, delete_one, &row));
    assert_int_not_equal(store_changes(at->store, 0x16), count);
    assert_int_equal(store_changes(at->store, 0x17), other);
}

// Puts a row, and stays in the write until it is let go.
struct slow {
    sem_t inside, go;
};
static reason put_slowly(struct op *op, struct txn *txn, void *arg) {
    struct slow *slow = arg;
    TRY(txn_put(op, txn, S("\x16one"), S("w")));
    (void)sem_post(&slow->inside);
    (void)sem_wait(&slow->go);
    return NULL;
}

struct looking {
    struct store *store;
    uint64_t count;
    bool fresh;
    struct op op;
    pthread_t thread;
};
static void *count_and_read(void *arg) {
    struct looking *looking = arg;
    struct one_row row = {.key = S("\x16one")};
    looking->count = store_changes(looking->store, 0x16);
    looking->fresh = store_read(&looking->op, looking->store, get_one, &row) == NULL &&
                     slice_equal(row.value, S("w"));
    return NULL;
}

// The first write of a tail: what was read beside it, and counts as of then, is what is so when it was answered.
static void who_counts_while_a_write_runs_does_not_keep_what_was_before(void **state) {
    struct scratch *at = *state;
    struct slow slow;
    struct writer writer;
    struct looking looking = {.store = NULL};
    put_row(at, S("\x16one"), S("v"));
    reopen_store(at); // no tail
    looking.store = at->store;
    assert_int_equal(sem_init(&slow.inside, 0, 0), 0);
    assert_int_equal(sem_init(&slow.go, 0, 0), 0);
    op_open(&looking.op, NOON);
    writer_start(&writer, at->store, put_slowly, &slow);
    assert_int_equal(sem_wait(&slow.inside), 0);
    assert_int_equal(pthread_create(&looking.thread, NULL, count_and_read, &looking), 0);
    for (int i = 0; i < 20; i++) { // a read that waits for nobody is done by then
        nap();
    }
    assert_int_equal(sem_post(&slow.go), 0);
    assert_done(writer_wait(&writer));
    assert_int_equal(pthread_join(looking.thread, NULL), 0);
    assert_true(looking.fresh || looking.count != store_changes(at->store, 0x16));
    writer_drop(&writer);
    op_close(&looking.op);
    (void)sem_destroy(&slow.inside);
    (void)sem_destroy(&slow.go);
}

static void a_look_waits_for_nobody(void **state) {
    struct scratch *at = *state;
    struct gatekeeper keeper;
    struct one_row row = {.key = S("k:old")};
    put_row(at, S("k:old"), S("v"));
    reopen_store(at);
    put_row(at, S("k:new"), S("v"));
    hold_committer(&keeper, at->store);
    assert_done(store_look(&at->op, at->store, get_one, &row)); // a read would not come back
    assert_true(row.found);
    let_go(&keeper);
    assert_true(has_row(at, S("k:new")));
}

// A walk that stays where it is.
struct walk {
    struct store *store;
    struct slow slow;
    bool found;
    reason why;
    struct op op;
    pthread_t thread;
};
static reason walk_slowly(struct op *op, struct txn *txn, void *arg) {
    struct walk *walk = arg;
    struct slice value;
    TRY(txn_get(op, txn, S("k:new"), &value));
    walk->found = value.at != NULL;
    (void)sem_post(&walk->slow.inside);
    (void)sem_wait(&walk->slow.go);
    return NULL;
}
static void *walk_run(void *arg) {
    struct walk *walk = arg;
    walk->why = store_walk(&walk->op, walk->store, walk_slowly, walk);
    return NULL;
}

static void a_walk_sees_what_was_answered_and_holds_nobody_up(void **state) {
    struct scratch *at = *state;
    struct walk walk = {.store = at->store};
    assert_int_equal(sem_init(&walk.slow.inside, 0, 0), 0);
    assert_int_equal(sem_init(&walk.slow.go, 0, 0), 0);
    op_open(&walk.op, NOON);
    put_row(at, S("k:new"), S("v"));
    assert_int_equal(pthread_create(&walk.thread, NULL, walk_run, &walk), 0);
    assert_int_equal(sem_wait(&walk.slow.inside), 0);
    put_row(at, S("k:newer"), S("v"));
    assert_true(has_row(at, S("k:newer")));
    assert_int_equal(sem_post(&walk.slow.go), 0);
    assert_int_equal(pthread_join(walk.thread, NULL), 0);
    assert_done(walk.why);
    assert_true(walk.found);
    op_close(&walk.op);
    (void)sem_destroy(&walk.slow.inside);
    (void)sem_destroy(&walk.slow.go);
}

// While all write, without a pause that would put the tail into the tree.
static void *write_and_walk(void *arg) {
    struct loop *loop = arg;
    for (uint64_t i = 0; i < WRITES_EACH; i++) {
        loop->done += write_row(loop, i, i % 8 == 7 ? store_walk : NULL) ? 1 : 0;
    }
    return NULL;
}

static void who_was_answered_walks_and_sees_it(void **state) {
    run_loops(*state, write_and_walk);
}

// ---- turns

struct turn {
    struct store *store;
    atomic_int *clock; // one more for each that has its turn
    int turn;
    sem_t *inside, *go; // NULL: it does not stay
};

static reason take_turn(struct op *op, struct txn *txn, void *arg) {
    struct turn *turn = arg;
    (void)op;
    (void)txn;
    turn->turn = atomic_fetch_add(turn->clock, 1);
    if (turn->inside != NULL) {
        (void)sem_post(turn->inside);
        (void)sem_wait(turn->go);
    }
    return NULL;
}

// Once, and at once again.
static void *read_twice(void *arg) {
    struct turn *turns = arg;
    reason why = NULL;
    for (size_t i = 0; i < 2 && why == NULL; i++) {
        struct op op;
        op_open(&op, NOON);
        why = store_read(&op, turns[i].store, take_turn, &turns[i]);
        op_close(&op);
    }
    return why == NULL ? NULL : turns;
}

// A write that waits for the tail comes before a read that came later, though who reads is awake and the committer sleeps.
static void a_write_does_not_wait_for_reads_that_came_later(void **state) {
    struct scratch *at = *state;
    sem_t inside;
    sem_t go;
    assert_int_equal(sem_init(&inside, 0, 0), 0);
    assert_int_equal(sem_init(&go, 0, 0), 0);
    for (int round = 0; round < 20;) {
        atomic_int clock = 0;
        struct turn reads[2] = {{at->store, &clock, 0, &inside, &go}, {at->store, &clock, 0, NULL, NULL}};
        struct turn write = {at->store, &clock, 0, NULL, NULL};
        pthread_t reader;
        struct writer writer;
        void *failed = NULL;
        put_row(at, S("k:tail"), round % 2 == 0 ? S("v") : S("w"));
        assert_int_equal(pthread_create(&reader, NULL, read_twice, reads), 0);
        assert_int_equal(sem_wait(&inside), 0);
        // Not so when the tail went into the tree before it came.
        bool holds = pthread_mutex_trylock(&at->store->tail_use) != 0;
        if (holds) {
            writer_start(&writer, at->store, take_turn, &write);
            while (!atomic_load(&at->store->tail_wanted)) {
                nap();
            }
            nap(); // it sleeps
        } else {
            assert_int_equal(pthread_mutex_unlock(&at->store->tail_use), 0);
        }
        assert_int_equal(sem_post(&go), 0);
        assert_int_equal(pthread_join(reader, &failed), 0);
        assert_null(failed);
        if (holds) {
            assert_done(writer_wait(&writer));
            writer_drop(&writer);
            assert_int_equal(write.turn, 1);
            round++;
        }
    }
    (void)sem_destroy(&inside);
    (void)sem_destroy(&go);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(who_was_answered_reads_it),
        STORE_TEST(who_counts_changes_knows_what_is_still_so),
        STORE_TEST(who_counts_while_a_write_runs_does_not_keep_what_was_before),
        STORE_TEST(a_look_waits_for_nobody),
        STORE_TEST(a_walk_sees_what_was_answered_and_holds_nobody_up),
        STORE_TEST(who_was_answered_walks_and_sees_it),
        STORE_TEST(a_write_does_not_wait_for_reads_that_came_later),
    };
    RUN(tests);
}
