// SPDX-License-Identifier: GPL-3.0-or-later
// Group commit: many writers, one sync, and nobody is told that something is stored that is not.
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/metric.h"
#include "writers.h"

static int64_t counter(struct scratch *at, const char *name) {
    struct buf out;
    struct slice text;
    char line[100];
    buf_open(&out, &at->op, 1 << 20);
    metric_print(&out);
    assert_done(buf_done(&out, &text));
    (void)snprintf(line, sizeof line, "\n%s ", name);
    size_t from = slice_find(text, slice_str(line));
    assert_true(from != SIZE_MAX);
    return strtoll(text.at + from + strlen(line), NULL, 10);
}

static struct key row_key(uint64_t number) {
    struct key key = key_in(0x30);
    key_u64(&key, number);
    return key;
}

// Adds one to a counter and puts a row of its own.
static reason count_one(struct op *op, struct txn *txn, void *arg) {
    const uint64_t *number = arg;
    struct slice value;
    uint64_t count = 0;
    TRY(txn_get(op, txn, S("k:count"), &value));
    if (value.at != NULL) {
        assert_true(key_read_u64(&value, &count));
    }
    struct key next = {.len = 0};
    key_u64(&next, count + 1);
    TRY(txn_put(op, txn, S("k:count"), key_slice(&next)));
    struct key key = row_key(*number);
    return txn_put(op, txn, key_slice(&key), S("a row"));
}

static void *write_loop(void *arg) {
    struct loop *loop = arg;
    for (uint64_t i = 0; i < WRITES_EACH; i++) {
        struct op op;
        uint64_t number = loop->from + i;
        op_open(&op, NOON);
        loop->done += store_write(&op, loop->store, count_one, &number) == NULL ? 1 : 0;
        op_close(&op);
    }
    return NULL;
}

static void all_are_there(struct scratch *at, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        struct key key = row_key(i);
        assert_true(row_is(at, key_slice(&key), S("a row")));
    }
    struct key number = {.len = 0};
    key_u64(&number, count);
    assert_true(row_is(at, S("k:count"), key_slice(&number)));
}

static void many_threads_lose_nothing_and_share_syncs(void **state) {
    struct scratch *at = *state;
    int64_t commits = counter(at, "gatehouse_store_commits_total");
    int64_t writes = counter(at, "gatehouse_store_writes_total");
    run_loops(at, write_loop);
    commits = counter(at, "gatehouse_store_commits_total") - commits;
    assert_int_equal(counter(at, "gatehouse_store_writes_total") - writes, THREADS * WRITES_EACH);
    assert_true(commits < THREADS * WRITES_EACH / 2);
    all_are_there(at, THREADS * WRITES_EACH);
    reopen_store(at);
    all_are_there(at, THREADS * WRITES_EACH);
}

// ---- one group

struct member {
    unsigned char name;
    bool writes, refuses;
    bool notes; // adds a field error, and goes on
    unsigned runs;
    bool saw_first; // the first member's row
};

static reason play(struct op *op, struct txn *txn, void *arg) {
    struct member *member = arg;
    struct key key = key_in(0x40);
    struct slice value;
    member->runs++;
    key_bytes(&key, S("\0"));
    TRY(txn_get(op, txn, key_slice(&key), &value));
    member->saw_first = value.at != NULL;
    key = key_in(0x40);
    key_bytes(&key, slice_of(&member->name, 1));
    if (member->writes) {
        TRY(txn_put(op, txn, key_slice(&key), S("x")));
    }
    if (member->notes) {
        op_error(op, S("/noted"), REASON_OF(FIELD_VALUE), "member %d", member->name);
    }
    if (member->refuses) {
        op_error(op, S("/name"), REASON_OF(FIELD_VALUE), "member %d", member->name);
        REFUSE(op, INVALID_INPUT, "member %d", member->name);
    }
    return NULL;
}

static bool played(struct scratch *at, unsigned char name) {
    const unsigned char key[] = {0x40, name};
    return has_row(at, slice_of(key, sizeof key));
}

// Runs the members in one group, in their order.
static void play_group(struct scratch *at, struct member *members, struct writer *writers,
                       size_t count) {
    struct gatekeeper keeper;
    hold_committer(&keeper, at->store);
    for (size_t i = 0; i < count; i++) {
        members[i].name = (unsigned char)i;
        writer_start(&writers[i], at->store, play, &members[i]);
        wait_for_waiting(at->store, i + 1);
    }
    let_go(&keeper);
    for (size_t i = 0; i < count; i++) {
        reason why = writer_wait(&writers[i]);
        assert_ptr_equal(why, members[i].refuses ? REASON_OF(INVALID_INPUT) : NULL);
        assert_int_equal(writers[i].op.error_count, members[i].refuses || members[i].notes ? 1 : 0);
        assert_int_equal(writers[i].op.detail.len > 0, members[i].refuses);
        writer_drop(&writers[i]);
        assert_int_equal(played(at, members[i].name), members[i].writes && !members[i].refuses);
    }
}

static void who_refuses_before_writing_costs_the_others_nothing(void **state) {
    struct member members[3] = {{.writes = true}, {.refuses = true}, {.writes = true}};
    struct writer writers[3];
    play_group(*state, members, writers, 3);
    assert_true(members[0].runs == 1 && members[1].runs == 1 && members[2].runs == 1);
    assert_true(members[1].saw_first && members[2].saw_first);
}

static void who_refuses_after_writing_leaves_nothing_behind(void **state) {
    struct member members[3] = {
        {.writes = true}, {.writes = true, .refuses = true}, {.writes = true}};
    struct writer writers[3];
    play_group(*state, members, writers, 3);
    assert_true(members[0].runs == 1 && members[1].runs == 1 && members[2].runs == 1);
    assert_true(members[2].saw_first);
}

// Changes a row, puts one, deletes one, in this order or another, and refuses.
static reason mess_up(struct op *op, struct txn *txn, void *arg) {
    const bool *backwards = arg;
    bool there = false;
    bool added = false;
    for (int i = 0; i < 3; i++) {
        switch (*backwards ? 2 - i : i) {
        case 0:
            TRY(txn_put(op, txn, S("k:changed"), S("another value, and a longer one")));
            TRY(txn_delete(op, txn, S("k:changed"), &there));
            TRY(txn_put(op, txn, S("k:changed"), S("a third")));
            break;
        case 1:
            TRY(txn_add(op, txn, S("k:new"), S("v"), &added));
            TRY(txn_put(op, txn, S("k:new"), S("w")));
            break;
        default:
            TRY(txn_delete(op, txn, S("k:deleted"), &there));
            TRY(txn_add(op, txn, S("k:deleted"), S("v"), &added));
            TRY(txn_delete(op, txn, S("k:deleted"), &there));
        }
    }
    REFUSE(op, INVALID_INPUT, "no");
}

static void what_a_refused_write_changed_is_as_before(void **state) {
    struct scratch *at = *state;
    put_row(at, S("k:changed"), S("first"));
    put_row(at, S("k:deleted"), S("")); // an empty value is one
    for (int i = 0; i < 4; i++) {
        bool backwards = i % 2 == 1;
        assert_refused(store_write(&at->op, at->store, mess_up, &backwards), INVALID_INPUT);
        assert_true(row_is(at, S("k:changed"), S("first")));
        assert_true(row_is(at, S("k:deleted"), S("")));
        assert_false(has_row(at, S("k:new")));
        if (i == 1) {
            reopen_store(at);
        }
    }
}

static void nobody_runs_again_because_of_neighbours(void **state) {
    enum { COUNT = 60 };
    static struct member members[COUNT];
    static struct writer writers[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        members[i] = (struct member){.writes = true, .refuses = i % 2 == 1};
    }
    play_group(*state, members, writers, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(members[i].runs, 1);
    }
}

static void writes_of_one_thread_are_one_group_with_answers_of_their_own(void **state) {
    struct scratch *at = *state;
    struct member members[3] = {
        {.name = 0, .writes = true}, {.name = 1, .writes = true, .refuses = true}, {.name = 2, .writes = true}};
    struct store_job jobs[3];
    struct op ops[3];
    for (size_t i = 0; i < 3; i++) {
        op_open(&ops[i], NOON);
        jobs[i] = (struct store_job){.op = &ops[i], .fn = play, .arg = &members[i]};
    }
    int64_t before = counter(at, "gatehouse_store_commits_total");
    store_write_many(at->store, jobs, 3);
    assert_int_equal(counter(at, "gatehouse_store_commits_total"), before + 1);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(jobs[i].why, i == 1 ? REASON_OF(INVALID_INPUT) : NULL);
        assert_int_equal(ops[i].error_count, i == 1 ? 1 : 0);
        assert_int_equal(played(at, members[i].name), i != 1);
        op_close(&ops[i]);
    }
    assert_true(members[2].saw_first);
}

static void a_group_is_one_commit_and_reading_is_none(void **state) {
    struct scratch *at = *state;
    struct member members[4] = {{.writes = true}, {.writes = true}, {.writes = true}, {.name = 0}};
    struct writer writers[4];
    int64_t before = counter(at, "gatehouse_store_commits_total");
    play_group(at, members, writers, 4);
    assert_int_equal(counter(at, "gatehouse_store_commits_total"), before + 1);
    struct member readers[2] = {{.writes = false}, {.refuses = true}};
    assert_done(store_write(&at->op, at->store, play, &readers[0]));
    assert_refused(store_write(&at->op, at->store, play, &readers[1]), INVALID_INPUT);
    assert_int_equal(counter(at, "gatehouse_store_commits_total"), before + 1);
}

static reason claim(struct op *op, struct txn *txn, void *arg) {
    return txn_add(op, txn, S("\x33used once"), S(""), arg);
}

static void only_one_of_a_group_uses_what_is_used_once(void **state) {
    struct scratch *at = *state;
    struct gatekeeper keeper;
    struct writer writers[8];
    bool fresh[8] = {false};
    hold_committer(&keeper, at->store);
    for (size_t i = 0; i < 8; i++) {
        writer_start(&writers[i], at->store, claim, &fresh[i]);
    }
    wait_for_waiting(at->store, 8);
    let_go(&keeper);
    size_t count = 0;
    for (size_t i = 0; i < 8; i++) {
        assert_done(writer_wait(&writers[i]));
        writer_drop(&writers[i]);
        count += fresh[i] ? 1 : 0;
    }
    assert_int_equal(count, 1);
}

// ---- the queue

static void more_than_one_group_may_wait(void **state) {
    enum { COUNT = STORE_GROUP_MAX + 20 };
    struct scratch *at = *state;
    static struct writer writers[COUNT];
    static uint64_t numbers[COUNT];
    struct gatekeeper keeper;
    hold_committer(&keeper, at->store);
    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = i;
        writer_start(&writers[i], at->store, count_one, &numbers[i]);
    }
    wait_for_waiting(at->store, COUNT);
    let_go(&keeper);
    for (size_t i = 0; i < COUNT; i++) {
        assert_done(writer_wait(&writers[i]));
        writer_drop(&writers[i]);
    }
    all_are_there(at, COUNT);
}

static void set_waiting(struct store *store, size_t count) {
    assert_int_equal(pthread_mutex_lock(&store->lock), 0);
    store->waiting = count;
    assert_int_equal(pthread_mutex_unlock(&store->lock), 0);
}

static void a_full_queue_refuses(void **state) {
    struct scratch *at = *state;
    struct one_row row = {.key = S("k:k"), .value = S("v")};
    set_waiting(at->store, 4096);
    assert_refused(store_write(&at->op, at->store, put_one, &row), LIMIT_QUEUE);
    set_waiting(at->store, 4095); // of two that come together one fits
    struct op ops[2];
    struct store_job jobs[2];
    for (size_t i = 0; i < 2; i++) {
        op_open(&ops[i], NOON);
        jobs[i] = (struct store_job){.op = &ops[i], .fn = put_one, .arg = &row};
    }
    store_write_many(at->store, jobs, 2);
    assert_done(jobs[0].why);
    assert_ptr_equal(jobs[1].why, REASON_OF(LIMIT_QUEUE));
    op_close(&ops[0]);
    op_close(&ops[1]);
    set_waiting(at->store, 0);
    assert_done(store_write(&at->op, at->store, put_one, &row));
}

static void *close_it(void *arg) {
    store_close(arg);
    return NULL;
}

static void closing_finishes_what_waits(void **state) {
    struct scratch *at = *state;
    struct gatekeeper keeper;
    struct writer writers[20];
    uint64_t numbers[20];
    pthread_t closer;
    hold_committer(&keeper, at->store);
    for (size_t i = 0; i < 20; i++) {
        numbers[i] = i;
        writer_start(&writers[i], at->store, count_one, &numbers[i]);
    }
    wait_for_waiting(at->store, 20);
    assert_int_equal(pthread_create(&closer, NULL, close_it, at->store), 0);
    nap();
    let_go(&keeper);
    for (size_t i = 0; i < 20; i++) {
        assert_done(writer_wait(&writers[i]));
        writer_drop(&writers[i]);
    }
    assert_int_equal(pthread_join(closer, NULL), 0);
    at->store = NULL;
    assert_done(store_open(&at->op, at->dir, &at->store));
    all_are_there(at, 20);
}

// ---- a crash

struct reporter {
    struct store *store;
    uint64_t next;
    int pipe;
};

// Writes rows and reports each that was acknowledged, without end.
static void *write_and_report(void *arg) {
    struct reporter *reporter = arg;
    for (;;) {
        struct op op;
        uint64_t number = reporter->next++;
        op_open(&op, NOON);
        bool done = store_write(&op, reporter->store, count_one, &number) == NULL;
        op_close(&op);
        if (!done || write(reporter->pipe, &number, sizeof number) != sizeof number) {
            _exit(1);
        }
    }
}

static void crash_under_load(const char *dir, uint64_t from, int report) {
    struct op op;
    struct store *store = NULL;
    struct reporter reporters[4];
    op_open(&op, NOON);
    if (store_open(&op, dir, &store) != NULL) {
        _exit(2);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_t thread;
        reporters[i] = (struct reporter){store, from + i * 1000000, report};
        if (pthread_create(&thread, NULL, write_and_report, &reporters[i]) != 0) {
            _exit(3);
        }
    }
    (void)nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
    (void)kill(getpid(), SIGKILL);
}

static void what_was_acknowledged_survives_a_kill(void **state) {
    struct scratch *at = *state;
    for (uint64_t round = 0; round < 3; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        (void)fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            (void)close(ends[0]);
            crash_under_load(at->dir, round << 32, ends[1]);
        }
        (void)close(ends[1]);
        static uint64_t acknowledged[1000000];
        size_t count = 0;
        while (count < 1000000 &&
               read(ends[0], &acknowledged[count], sizeof *acknowledged) == sizeof *acknowledged) {
            count++;
        }
        (void)close(ends[0]);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(count > 0);
        assert_done(store_open(&at->op, at->dir, &at->store));
        for (size_t i = 0; i < count; i++) {
            struct key key = row_key(acknowledged[i]);
            assert_true(has_row(at, key_slice(&key)));
            if (at->op.arena.taken > ARENA_CEILING / 2) {
                op_close(&at->op);
                op_open(&at->op, NOON);
            }
        }
        store_close(at->store);
        at->store = NULL;
    }
}

static bool is_gathering(struct store *store) {
    assert_int_equal(pthread_mutex_lock(&store->lock), 0);
    bool gathering = store->gathering;
    assert_int_equal(pthread_mutex_unlock(&store->lock), 0);
    return gathering;
}

static void a_write_that_was_announced_is_waited_for(void **state) {
    struct scratch *at = *state;
    bool shared = false;
    // On a busy machine this thread may come too late now and then.
    for (uint64_t i = 0; i < 200 && !shared; i++) {
        int64_t commits = counter(at, "gatehouse_store_commits_total");
        uint64_t numbers[] = {2 * i, 2 * i + 1};
        struct writer other;
        int64_t until = clock_steady() + 1000;
        store_expect(at->store);
        writer_start(&other, at->store, count_one, &numbers[0]);
        while (!is_gathering(at->store) && clock_steady() < until) {
        }
        assert_done(store_write(&at->op, at->store, count_one, &numbers[1]));
        assert_done(writer_wait(&other));
        writer_drop(&other);
        assert_int_equal(atomic_load(&at->store->expected), 0);
        shared = counter(at, "gatehouse_store_commits_total") == commits + 1;
    }
    assert_true(shared);
}

static void a_write_that_was_announced_and_does_not_come_holds_nobody_up(void **state) {
    struct scratch *at = *state;
    uint64_t number = 1;
    struct writer other;
    store_expect(at->store);
    store_expect(at->store); // once is enough
    assert_int_equal(atomic_load(&at->store->expected), 1);
    writer_start(&other, at->store, count_one, &number);
    assert_done(writer_wait(&other));
    writer_drop(&other);
    store_expect_end(at->store);
    store_expect_end(at->store); // also when there is nothing to end
    assert_int_equal(atomic_load(&at->store->expected), 0);
    assert_done(store_write(&at->op, at->store, count_one, &number));
    assert_int_equal(atomic_load(&at->store->expected), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_write_that_was_announced_is_waited_for),
        STORE_TEST(a_write_that_was_announced_and_does_not_come_holds_nobody_up),
        STORE_TEST(many_threads_lose_nothing_and_share_syncs),
        STORE_TEST(who_refuses_before_writing_costs_the_others_nothing),
        STORE_TEST(who_refuses_after_writing_leaves_nothing_behind),
        STORE_TEST(what_a_refused_write_changed_is_as_before),
        STORE_TEST(nobody_runs_again_because_of_neighbours),
        STORE_TEST(writes_of_one_thread_are_one_group_with_answers_of_their_own),
        STORE_TEST(a_group_is_one_commit_and_reading_is_none),
        STORE_TEST(only_one_of_a_group_uses_what_is_used_once),
        STORE_TEST(more_than_one_group_may_wait),
        STORE_TEST(a_full_queue_refuses),
        STORE_TEST(closing_finishes_what_waits),
        CLOSED_TEST(what_was_acknowledged_survives_a_kill),
    };
    RUN(tests);
}
