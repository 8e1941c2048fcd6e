// SPDX-License-Identifier: GPL-3.0-or-later
// What is acknowledged and not in the tree yet, when something fails: it is not lost, and nobody reads without it.
#include "faults.h"

static void wait_for_no_tail(struct scratch *at) {
    for (int i = 0; i < 5000 && atomic_load(&at->store->tail); i++) {
        nap();
    }
    assert_false(atomic_load(&at->store->tail));
}

static void wait_until_taken(const atomic_int *what) {
    for (int i = 0; i < 5000 && atomic_load(what) != 0; i++) {
        nap();
    }
    assert_int_equal(atomic_load(what), 0);
}

static void a_tail_that_the_tree_fails_to_take_is_not_lost(void **state) {
    struct scratch *at = *state;
    int opens = atomic_load(&opened);
    atomic_store(&fail_commit, EIO);
    assert_done(write_row(at, S("k:k"))); // the journal has it
    wait_until_taken(&fail_commit);
    for (int i = 0; i < 5000 && atomic_load(&opened) == opens; i++) {
        nap();
    }
    wait_until_ready(at);
    assert_true(has_row(at, S("k:k")));
    assert_done(write_row(at, S("k:after")));
    reopen_store(at);
    assert_true(has_row(at, S("k:k")) && has_row(at, S("k:after")));
}

static void a_tail_that_has_no_room_is_read_and_goes_in_later(void **state) {
    struct scratch *at = *state;
    int opens = atomic_load(&opened);
    atomic_store(&fail_commit, ENOSPC);
    assert_done(write_row(at, S("k:k")));
    wait_until_taken(&fail_commit);
    for (int i = 0; i < 5000 && !store_full(at->store); i++) {
        nap();
    }
    assert_true(store_full(at->store));
    assert_true(has_row(at, S("k:k")));
    struct one_row row = {.key = S("k:k")};
    atomic_store(&fail_commit, ENOSPC);
    assert_done(store_walk(&at->op, at->store, get_one, &row));
    assert_true(row.found && store_full(at->store));
    assert_done(write_row(at, S("k:more"))); // the journal has room
    assert_true(has_row(at, S("k:more")));
    for (int i = 0; i < 5000 && store_full(at->store); i++) {
        nap();
    }
    wait_for_no_tail(at);
    assert_int_equal(atomic_load(&opened), opens);
    assert_true(has_row(at, S("k:k")) && has_row(at, S("k:more")));
}

static void a_map_that_fills_up_keeps_the_tail(void **state) {
    struct scratch *at = *state;
    for (char i = 'a'; i < 'f'; i++) {
        const char key[] = {'k', ':', i};
        fail_one_put(MDB_MAP_FULL, 1);
        assert_done(write_row(at, slice_of(key, sizeof key)));
        for (char j = 'a'; j <= i; j++) {
            const char before[] = {'k', ':', j};
            assert_true(has_row(at, slice_of(before, sizeof before)));
        }
    }
}

static void what_is_too_much_together_goes_in_turn(void **state) {
    struct scratch *at = *state;
    struct one_row rows[] = {{.key = S("k:0"), .value = S("v")}, {.key = S("k:1"), .value = S("v")}};
    struct store_job jobs[2];
    struct op ops[2];
    for (size_t i = 0; i < 2; i++) {
        op_open(&ops[i], NOON);
        jobs[i] = (struct store_job){.op = &ops[i], .fn = put_one, .arg = &rows[i]};
    }
    fail_one_put(MDB_TXN_FULL, 2);
    store_write_many(at->store, jobs, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_done(jobs[i].why);
        assert_true(has_row(at, rows[i].key));
        op_close(&ops[i]);
    }
}

struct noting {
    struct slice key;
    unsigned runs;
};
static reason note_and_put(struct op *op, struct txn *txn, void *arg) {
    struct noting *noting = arg;
    noting->runs++;
    op_error(op, S("/noted"), REASON_OF(FIELD_VALUE), "once");
    return txn_put(op, txn, noting->key, S("v"));
}

static void who_runs_again_says_its_errors_once(void **state) {
    struct scratch *at = *state;
    struct noting notings[2] = {{.key = S("k:0")}, {.key = S("k:1")}};
    struct store_job jobs[2];
    struct op ops[2];
    for (size_t i = 0; i < 2; i++) {
        op_open(&ops[i], NOON);
        jobs[i] = (struct store_job){.op = &ops[i], .fn = note_and_put, .arg = &notings[i]};
    }
    fail_one_put(MDB_MAP_FULL, 2);
    store_write_many(at->store, jobs, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_done(jobs[i].why);
        assert_int_equal(notings[i].runs, 2);
        assert_int_equal(ops[i].error_count, 1);
        op_close(&ops[i]);
    }
    assert_true(has_row(at, S("k:0")) && has_row(at, S("k:1")));
}

static reason put_and_refuse(struct op *op, struct txn *txn, void *arg) {
    TRY(txn_put(op, txn, S("k:there"), S("changed")));
    fail_one_put(*(int *)arg, 1); // met by what takes it back
    REFUSE(op, INVALID_INPUT, "no");
}

static void a_write_that_cannot_be_taken_back_takes_nobody_along(void **state) {
    struct scratch *at = *state;
    int codes[] = {MDB_MAP_FULL, MDB_TXN_FULL};
    for (size_t i = 0; i < 2; i++) {
        put_row(at, S("k:there"), S("first"));
        struct one_row row = {.key = S("k:other"), .value = S("v")};
        struct op ops[2];
        op_open(&ops[0], NOON);
        op_open(&ops[1], NOON);
        struct store_job jobs[] = {{.op = &ops[0], .fn = put_and_refuse, .arg = &codes[i]},
                                   {.op = &ops[1], .fn = put_one, .arg = &row}};
        store_write_many(at->store, jobs, 2);
        assert_ptr_equal(jobs[0].why, REASON_OF(INVALID_INPUT));
        assert_done(jobs[1].why);
        assert_true(row_is(at, S("k:there"), S("first")) && has_row(at, S("k:other")));
        op_close(&ops[0]);
        op_close(&ops[1]);
    }
}

// ---- what others see of a failure

#define WATCHERS 6

struct watcher {
    struct store *store;
    struct slice key;
    atomic_bool *answered, *over;
    atomic_uint found, refused, missed;
    pthread_t thread;
};

static void *watch(void *arg) {
    struct watcher *watcher = arg;
    while (!atomic_load(watcher->over)) {
        struct op op;
        struct one_row row = {.key = watcher->key};
        bool counts = atomic_load(watcher->answered);
        op_open(&op, NOON);
        reason why = store_read(&op, watcher->store, get_one, &row);
        if (counts) {
            atomic_fetch_add(why != NULL ? &watcher->refused : row.found ? &watcher->found : &watcher->missed, 1);
        }
        op_close(&op);
    }
    return NULL;
}

// While it fails others read a row from when it was acknowledged. True: none was refused.
static bool nobody_misses(struct scratch *at, struct slice key, void (*go_wrong)(struct scratch *at)) {
    struct watcher watchers[WATCHERS];
    atomic_bool answered = false;
    atomic_bool over = false;
    unsigned refused = 0;
    for (size_t i = 0; i < WATCHERS; i++) {
        watchers[i] = (struct watcher){.store = at->store, .key = key, .answered = &answered, .over = &over};
        assert_int_equal(pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]), 0);
    }
    atomic_store(&hold_ms, 10); // all of them wait in the meantime
    assert_done(write_row(at, key));
    atomic_store(&answered, true);
    atomic_store(&paused, at->store);
    go_wrong(at);
    atomic_store(&paused, NULL);
    atomic_store(&hold_ms, 0);
    wait_until_ready(at);
    for (size_t i = 0; i < WATCHERS; i++) { // each had a turn
        while (atomic_load(&watchers[i].found) == 0) {
            nap();
        }
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < WATCHERS; i++) {
        assert_int_equal(pthread_join(watchers[i].thread, NULL), 0);
        assert_int_equal(watchers[i].missed, 0);
        refused += watchers[i].refused;
    }
    return refused == 0;
}

static void fill_the_map(struct scratch *at) {
    fail_one_put(MDB_MAP_FULL, 1);
    assert_done(write_row(at, S("k:more")));
    wait_until_taken(&fail_put);
}

static void fail_the_flush(struct scratch *at) {
    (void)at;
    int opens = atomic_load(&opened);
    wait_until_taken(&fail_commit);
    for (int i = 0; i < 5000 && atomic_load(&opened) == opens; i++) {
        nap();
    }
}

static void fill_the_disk(struct scratch *at) {
    wait_until_taken(&fail_commit);
    for (int i = 0; i < 5000 && !store_full(at->store); i++) {
        nap();
    }
}

static reason forget_more(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    bool there = false;
    return txn_delete(op, txn, S("k:more"), &there);
}

static void who_reads_while_something_fails_misses_nothing(void **state) {
    struct scratch *at = *state;
    for (unsigned char i = 0; i < 2; i++) {
        const unsigned char keys[3][3] = {{'k', 'm', i}, {'k', 'd', i}, {'k', 'f', i}};
        int opens = atomic_load(&opened);
        assert_true(nobody_misses(at, slice_of(keys[0], 3), fill_the_map));
        assert_done(store_write(&at->op, at->store, forget_more, NULL));
        wait_for_no_tail(at);
        atomic_store(&fail_commit, ENOSPC);
        assert_true(nobody_misses(at, slice_of(keys[1], 3), fill_the_disk));
        assert_int_equal(atomic_load(&opened), opens);
        wait_for_no_tail(at);
        atomic_store(&fail_commit, EIO);
        (void)nobody_misses(at, slice_of(keys[2], 3), fail_the_flush); // refused they are, while it is closed
    }
}

// The tail that has no room in the tree: it stays where it is for some hundred milliseconds.
static void leave_tail(struct scratch *at) {
    atomic_store(&fail_commit, ENOSPC);
    put_row(at, S("k:there"), S("v"));
    wait_until_taken(&fail_commit);
    for (int i = 0; i < 5000 && !store_full(at->store); i++) {
        nap();
    }
    assert_true(has_row(at, S("k:there")));
}

static void a_tail_that_does_not_get_into_memory_is_not_lost(void **state) {
    struct scratch *at = *state;
    int opens = atomic_load(&opened);
    leave_tail(at);
    atomic_store(&fail_write, ENOSPC); // so that it has to be restored
    fail_one_put(ENOMEM, 2);
    assert_refused(write_row(at, S("k:lost")), STORE_UNAVAILABLE);
    wait_until_ready(at);
    assert_int_equal(atomic_load(&opened), opens + 1);
    assert_true(has_row(at, S("k:there")));
    assert_done(write_row(at, S("k:after")));
    assert_false(has_row(at, S("k:lost")));
    reopen_store(at);
    assert_true(has_row(at, S("k:there")) && has_row(at, S("k:after")));
}

static void a_start_that_has_no_memory_for_the_journal_leaves_it_alone(void **state) {
    struct scratch *at = *state;
    leave_tail(at);
    atomic_store(&fail_commit, ENOSPC); // should it look for room while it closes
    store_close(at->store);
    at->store = NULL;
    assert_false(atomic_load(&ended_elsewhere));
    atomic_store(&fail_commit, 0);
    fail_one_put(ENOMEM, 1);
    assert_refused(store_open(&at->op, at->dir, &at->store), STORE_UNAVAILABLE);
    assert_true(slice_find(at->op.detail, S("no memory")) != SIZE_MAX);
    assert_done(store_open(&at->op, at->dir, &at->store));
    assert_true(has_row(at, S("k:there")));
}

// More than the journal takes: the tree has it at once, or nobody has.
static reason put_much(struct op *op, struct txn *txn, void *arg) {
    static char value[1 << 20];
    for (unsigned char i = 0; i < 6; i++) {
        const unsigned char key[] = {'m', *(unsigned char *)arg, i};
        TRY(txn_put(op, txn, slice_of(key, sizeof key), slice_of(value, sizeof value)));
    }
    return NULL;
}

static void a_large_write_is_durable_in_the_tree(void **state) {
    struct scratch *at = *state;
    unsigned char name = 'a';
    put_row(at, S("k:before"), S("v"));
    assert_done(store_write(&at->op, at->store, put_much, &name));
    assert_false(atomic_load(&at->store->tail));
    name = 'b';
    atomic_store(&fail_commit, ENOSPC);
    assert_refused(store_write(&at->op, at->store, put_much, &name), STORE_UNAVAILABLE);
    assert_true(has_row(at, S("k:before")) && has_row(at, S("ma\5")));
    assert_false(has_row(at, S("mb\0")));
    put_row(at, S("k:after"), S("v"));
    atomic_store(&fail_commit, ENOSPC);
    assert_refused(store_write(&at->op, at->store, put_much, &name), STORE_UNAVAILABLE);
    assert_true(has_row(at, S("k:after")) && !has_row(at, S("mb\0")));
    assert_done(store_write(&at->op, at->store, put_much, &name));
    reopen_store(at);
    assert_true(has_row(at, S("k:after")) && has_row(at, S("mb\5")));
}

static reason add_and_refuse(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    TRY(txn_put(op, txn, S("k:refused"), S("v")));
    REFUSE(op, INVALID_INPUT, "no");
}

// The tree does not take it, so that only a journal without its end could have: nobody says that it is stored.
static void a_large_write_is_durable_whoever_is_refused_behind_it(void **state) {
    struct scratch *at = *state;
    unsigned char name = 'a';
    struct op ops[2];
    op_open(&ops[0], NOON);
    op_open(&ops[1], NOON);
    struct store_job jobs[] = {{.op = &ops[0], .fn = put_much, .arg = &name},
                               {.op = &ops[1], .fn = add_and_refuse}};
    atomic_store(&fail_commit, ENOSPC);
    store_write_many(at->store, jobs, 2);
    assert_ptr_equal(jobs[0].why, REASON_OF(STORE_UNAVAILABLE));
    assert_ptr_equal(jobs[1].why, REASON_OF(INVALID_INPUT));
    store_write_many(at->store, jobs, 2);
    assert_done(jobs[0].why);
    assert_false(atomic_load(&at->store->tail));
    assert_true(has_row(at, S("ma\5")) && !has_row(at, S("k:refused")));
    op_close(&ops[0]);
    op_close(&ops[1]);
}

// Nothing of it was stored, it was told: though the disk has it, and could not be told otherwise, it does not come back.
static void what_had_no_room_does_not_come_back(void **state) {
    struct scratch *at = *state;
    struct one_row row = {.key = S("k:k")};
    atomic_store(&fail_after_sync, ENOSPC);
    assert_refused(write_row(at, row.key), STORE_UNAVAILABLE);
    assert_false(has_row(at, row.key));
    atomic_store(&fail_get, MDB_CORRUPTED);
    assert_refused(store_read(&at->op, at->store, get_one, &row), STORE_UNAVAILABLE);
    wait_until_ready(at);
    assert_false(has_row(at, row.key));
    reopen_store(at);
    assert_false(has_row(at, row.key));
}

// ---- how long it gets

#define MANY 100 // more than are a crowd
#define FEW 60

static reason count_commits(struct op *op, struct txn *txn, void *arg) {
    (void)op;
    (void)txn;
    *(int *)arg = atomic_load(&committed);
    return NULL;
}

// How often the tree is committed between a group of so many, which write 3 MB, and the group right behind it.
static int commits_behind(struct scratch *at, size_t count) {
    static char bytes[(3U << 20) / FEW];
    struct gatekeeper before;
    struct gatekeeper last = {.writer = {.answer = NULL}};
    struct writer writers[MANY];
    struct one_row rows[MANY];
    unsigned char keys[MANY][2];
    hold_committer(&before, at->store);
    for (size_t i = 0; i < count; i++) {
        keys[i][0] = 'm';
        keys[i][1] = (unsigned char)i;
        rows[i] = (struct one_row){.key = slice_of(keys[i], 2), .value = slice_of(bytes, (3U << 20) / count)};
        writer_start(&writers[i], at->store, put_one, &rows[i]);
    }
    assert_int_equal(sem_init(&last.inside, 0, 0), 0);
    assert_int_equal(sem_init(&last.go, 0, 0), 0);
    wait_for_waiting(at->store, count);
    writer_start(&last.writer, at->store, hold, &last);
    wait_for_waiting(at->store, count + 1);
    let_go(&before);
    assert_int_equal(sem_wait(&last.inside), 0);
    int commits[] = {atomic_load(&committed), -1};
    struct writer behind;
    writer_start(&behind, at->store, count_commits, &commits[1]);
    wait_for_waiting(at->store, 1);
    let_go(&last);
    assert_done(writer_wait(&behind));
    writer_drop(&behind);
    for (size_t i = 0; i < count; i++) {
        assert_done(writer_wait(&writers[i]));
        writer_drop(&writers[i]);
    }
    return commits[1] - commits[0];
}

static void a_tail_is_longer_while_it_is_crowded(void **state) {
    assert_int_equal(commits_behind(*state, FEW), 1);
    wait_for_no_tail(*state);
    assert_int_equal(commits_behind(*state, MANY), 0);
    wait_for_no_tail(*state);
    reopen_store(*state);
    assert_true(has_row(*state, slice_of("m\143", 2))); // the last of many
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_tail_that_the_tree_fails_to_take_is_not_lost),
        STORE_TEST(a_tail_that_has_no_room_is_read_and_goes_in_later),
        STORE_TEST(a_map_that_fills_up_keeps_the_tail),
        STORE_TEST(what_is_too_much_together_goes_in_turn),
        STORE_TEST(who_runs_again_says_its_errors_once),
        STORE_TEST(a_write_that_cannot_be_taken_back_takes_nobody_along),
        STORE_TEST(who_reads_while_something_fails_misses_nothing),
        STORE_TEST(a_tail_that_does_not_get_into_memory_is_not_lost),
        STORE_TEST(a_start_that_has_no_memory_for_the_journal_leaves_it_alone),
        STORE_TEST(what_had_no_room_does_not_come_back),
        STORE_TEST(a_large_write_is_durable_in_the_tree),
        STORE_TEST(a_large_write_is_durable_whoever_is_refused_behind_it),
        STORE_TEST(a_tail_is_longer_while_it_is_crowded),
    };
    RUN(tests);
}
