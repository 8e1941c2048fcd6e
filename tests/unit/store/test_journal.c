// SPDX-License-Identifier: GPL-3.0-or-later
// The journal by itself, and what a start makes of one that a process left that ended at once: whole records count, and
// only those of this very tree.
#include <fcntl.h>
#include <sys/wait.h>

#include <lmdb.h>

#include "scratch.h"
#include "store/body.h"
#include "store/journal.h"

// While set the tree takes nothing, so that what was written stays in the journal.
static atomic_bool keep_out;
int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn) {
    if (atomic_load(&keep_out)) {
        mdb_txn_abort(txn);
        return ENOSPC;
    }
    return __real_mdb_txn_commit(txn);
}

// ---- by itself

struct seen {
    char text[400];
    size_t len;
    int fail_at; // the change that is refused, from 1
};

static int see(void *arg, struct slice key, struct slice value) {
    struct seen *seen = arg;
    if (--seen->fail_at == 0) {
        return EDOM;
    }
    int len = snprintf(seen->text + seen->len, sizeof seen->text - seen->len, "%.*s%s%.*s;", SLICE(key),
                       value.at != NULL ? "=" : " gone", SLICE(value));
    assert_true(len > 0 && (size_t)len < sizeof seen->text - seen->len);
    seen->len += (size_t)len;
    return 0;
}

static const char *path_of(const struct scratch *at, const char *name) {
    static char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", at->root, name);
    return path;
}

static void reads(struct journal *journal, bool found, const char *want) {
    struct seen seen = {.len = 0};
    assert_int_equal(journal_read(journal, found, see, &seen), 0);
    assert_string_equal(seen.text, want);
}

static struct journal *open_new(const struct scratch *at, uint64_t base) {
    struct journal *journal = NULL;
    assert_int_equal(journal_open(path_of(at, "j"), &journal), 0);
    journal_start(journal, base);
    return journal;
}

static void write_three(struct journal *journal) {
    assert_int_equal(journal_note_put(journal, S("a"), S("1")), 0);
    assert_int_equal(journal_note_put(journal, S("b"), S("")), 0);
    assert_int_equal(journal_write(journal), 0);
    assert_int_equal(journal_note_delete(journal, S("a")), 0);
    assert_int_equal(journal_write(journal), 0);
    assert_int_equal(journal_note_put(journal, S("c"), S("3")), 0);
    assert_int_equal(journal_write(journal), 0);
}

static void what_was_written_is_read(void **state) {
    struct journal *journal = open_new(*state, 7);
    write_three(journal);
    reads(journal, false, "a=1;b=;a gone;c=3;");
    journal_close(journal);
    journal = open_new(*state, 7);
    reads(journal, false, "");
    reads(journal, true, "a=1;b=;a gone;c=3;");
    assert_int_equal(journal_note_put(journal, S("d"), S("4")), 0);
    assert_int_equal(journal_write(journal), 0); // behind what was found
    reads(journal, true, "a=1;b=;a gone;c=3;d=4;");
    journal_close(journal);
}

static void another_base_has_none_of_it(void **state) {
    struct journal *journal = open_new(*state, 7);
    write_three(journal);
    journal_start(journal, 8);
    reads(journal, true, "");
    assert_int_equal(journal_note_put(journal, S("x"), S("y")), 0);
    assert_int_equal(journal_write(journal), 0);
    journal_start(journal, 8);
    reads(journal, true, "x=y;"); // the second and third record of before stand behind it
    journal_start(journal, 7);
    reads(journal, true, "");
    journal_close(journal);
}

// A tree that was there before is there again, put back from a copy: what is behind its new records in the file is of its other life.
static void a_record_counts_only_behind_its_own(void **state) {
    struct journal *journal = open_new(*state, 7);
    write_three(journal);
    journal_start(journal, 8);
    assert_int_equal(journal_note_put(journal, S("x"), S("8")), 0);
    assert_int_equal(journal_write(journal), 0);
    journal_start(journal, 7);
    assert_int_equal(journal_note_put(journal, S("y"), S("1")), 0); // as long as the first of the three
    assert_int_equal(journal_note_put(journal, S("z"), S("")), 0);
    assert_int_equal(journal_write(journal), 0);
    reads(journal, true, "y=1;z=;");
    assert_int_equal(journal_note_put(journal, S("z"), S("2")), 0);
    assert_int_equal(journal_write(journal), 0);
    reads(journal, true, "y=1;z=;z=2;");
    journal_start(journal, 9);
    journal_empty(journal);
    journal_start(journal, 7);
    reads(journal, true, "");
    journal_close(journal);
}

static void what_was_cut_is_not_written(void **state) {
    struct journal *journal = open_new(*state, 1);
    assert_int_equal(journal_note_put(journal, S("a"), S("1")), 0);
    size_t noted = journal_noted(journal);
    assert_int_equal(journal_note_put(journal, S("b"), S("2")), 0);
    journal_cut(journal, noted);
    assert_int_equal(journal_note_put(journal, S("c"), S("3")), 0);
    assert_int_equal(journal_write(journal), 0);
    reads(journal, false, "a=1;c=3;");
    static char much[JOURNAL_RECORD_MAX];
    assert_int_equal(journal_note_put(journal, S("d"), S("4")), 0);
    noted = journal_noted(journal);
    assert_false(journal_over(journal));
    assert_int_equal(journal_note_put(journal, S("e"), slice_of(much, sizeof much)), 0);
    assert_true(journal_over(journal));
    journal_cut(journal, noted);
    assert_false(journal_over(journal));
    assert_int_equal(journal_write(journal), 0);
    reads(journal, false, "a=1;c=3;d=4;");
    journal_close(journal);
}

static void who_reads_may_stop(void **state) {
    struct journal *journal = open_new(*state, 1);
    write_three(journal);
    struct seen seen = {.fail_at = 3};
    assert_int_equal(journal_read(journal, false, see, &seen), EDOM);
    assert_string_equal(seen.text, "a=1;b=;");
    reads(journal, false, "a=1;b=;a gone;c=3;"); // it can be read again
    journal_close(journal);
}

static void change_byte(const char *path, off_t at) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    unsigned char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x20;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

// Each byte of each record in turn, and each length that the file may have been cut to.
static void a_record_that_is_not_whole_ends_the_journal(void **state) {
    struct scratch *at = *state;
    struct journal *journal = open_new(at, 7);
    write_three(journal);
    const off_t ends[] = {24 + 10 + 9, 2 * 24 + 10 + 9 + 9, 3 * 24 + 10 + 9 + 9 + 10};
    assert_int_equal(journal_bytes(journal), ends[2]);
    static const char *const left[] = {"", "a=1;b=;", "a=1;b=;a gone;"};
    journal_close(journal);
    for (off_t i = 0; i < ends[2]; i++) {
        const char *want = left[i < ends[0] ? 0 : i < ends[1] ? 1 : 2];
        change_byte(path_of(at, "j"), i);
        journal = open_new(at, 7);
        reads(journal, true, want);
        journal_close(journal);
        change_byte(path_of(at, "j"), i);
    }
    for (off_t i = ends[2] - 1; i >= 0; i--) {
        assert_int_equal(truncate(path_of(at, "j"), i), 0);
        journal = open_new(at, 7);
        reads(journal, true, left[i < ends[0] ? 0 : i < ends[1] ? 1 : 2]);
        journal_close(journal);
    }
}

static void what_was_synced_and_is_gone_is_an_error(void **state) {
    struct scratch *at = *state;
    struct journal *journal = open_new(at, 7);
    write_three(journal);
    change_byte(path_of(at, "j"), 30);
    struct seen seen = {.len = 0};
    assert_int_equal(journal_read(journal, false, see, &seen), EIO);
    journal_close(journal);
}

static void it_is_for_its_owner_only(void **state) {
    struct scratch *at = *state;
    struct journal *journal = open_new(at, 1);
    struct stat file;
    assert_int_equal(stat(path_of(at, "j"), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    journal_close(journal);
    assert_int_equal(symlink("j", path_of(at, "link")), 0);
    assert_int_equal(journal_open(path_of(at, "link"), &journal), ELOOP);
    assert_int_equal(journal_open(path_of(at, "none/j"), &journal), ENOENT);
}

// ---- what a start makes of it

static reason put_three(struct op *op, struct txn *txn, void *arg) {
    const char *name = arg;
    bool there = false;
    TRY(txn_put(op, txn, S("k:last"), slice_str(name)));
    TRY(txn_put(op, txn, slice_str(name), S("v")));
    TRY(txn_put(op, txn, S("k:gone"), S("v")));
    return txn_delete(op, txn, S("k:gone"), &there);
}

static reason put_and_refuse(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    TRY(txn_put(op, txn, S("k:refused"), S("v")));
    TRY(txn_put(op, txn, S("k:last"), S("refused")));
    REFUSE(op, INVALID_INPUT, "no");
}

// Another process writes one and two into the tree, three and four into the journal only, and ends without a word.
static void leave(struct scratch *at) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *store = NULL;
        char names[4][8] = {"k:one", "k:two", "k:three", "k:four"};
        bool well = store_open(&at->op, at->dir, &store) == NULL;
        for (int i = 0; i < 4 && well; i++) {
            well = store_write(&at->op, store, put_and_refuse, NULL) == REASON_OF(INVALID_INPUT) &&
                   store_write(&at->op, store, put_three, names[i]) == NULL;
            if (i == 1) {
                store_close(store);
                well = well && store_open(&at->op, at->dir, &store) == NULL;
                atomic_store(&keep_out, true);
            }
        }
        _exit(well ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const char *journal_of(const struct scratch *at) {
    return path_of(at, "data/store.mdb" JOURNAL_SUFFIX);
}

static void has_up_to(struct scratch *at, int count) {
    static const char *const names[] = {"k:one", "k:two", "k:three", "k:four"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(has_row(at, slice_str(names[i])), i < count);
    }
    assert_true(row_is(at, S("k:last"), slice_str(names[count - 1])));
    assert_false(has_row(at, S("k:gone")) || has_row(at, S("k:refused")));
}

static void a_start_finds_what_was_acknowledged(void **state) {
    struct scratch *at = *state;
    leave(at);
    assert_done(store_open(&at->op, at->dir, &at->store));
    assert_false(atomic_load(&at->store->tail));
    has_up_to(at, 4);
    put_row(at, S("k:five"), S("v"));
    reopen_store(at);
    has_up_to(at, 4);
    assert_true(has_row(at, S("k:five")));
}

static void a_start_that_ends_at_once_as_well_loses_nothing(void **state) {
    struct scratch *at = *state;
    leave(at);
    atomic_store(&keep_out, true); // no room for the tree: read out of the journal
    assert_done(store_open(&at->op, at->dir, &at->store));
    assert_true(store_full(at->store));
    has_up_to(at, 4);
    struct one_row row = {.key = S("k:refused"), .value = S("v")};
    // Nothing is put behind records that may not be on the disk.
    assert_refused(store_write(&at->op, at->store, put_one, &row), STORE_UNAVAILABLE);
    has_up_to(at, 4);
    reopen_store(at);
    has_up_to(at, 4);
    atomic_store(&keep_out, false);
    for (int i = 0; i < 5000 && store_full(at->store); i++) {
        (void)usleep(2000);
    }
    put_row(at, S("k:five"), S("v"));
    has_up_to(at, 4);
    assert_false(has_row(at, S("k:refused")));
}

static void a_torn_record_was_never_acknowledged(void **state) {
    struct scratch *at = *state;
    leave(at);
    struct stat file;
    assert_int_equal(stat(journal_of(at), &file), 0);
    change_byte(journal_of(at), 30); // of the first record of the tail
    assert_done(store_open(&at->op, at->dir, &at->store));
    has_up_to(at, 2);
    reopen_store(at);
    has_up_to(at, 2);
}

static void a_journal_of_another_tree_is_none(void **state) {
    struct scratch *at = *state;
    leave(at);
    char kept[420];
    (void)snprintf(kept, sizeof kept, "%s.kept", journal_of(at));
    assert_int_equal(rename(journal_of(at), kept), 0);
    assert_done(store_open(&at->op, at->dir, &at->store)); // without it: as the tree was
    has_up_to(at, 2);
    put_row(at, S("k:other"), S("v"));
    store_close(at->store);
    at->store = NULL;
    assert_int_equal(rename(kept, journal_of(at)), 0);
    assert_done(store_open(&at->op, at->dir, &at->store));
    has_up_to(at, 2);
    assert_true(has_row(at, S("k:other")));
}

// Who stops it and puts an older tree there, or none, has that one.
static void a_store_that_was_stopped_leaves_nothing_in_the_journal(void **state) {
    struct scratch *at = *state;
    char tree[420];
    struct stat file;
    assert_done(store_open(&at->op, at->dir, &at->store));
    put_row(at, S("k:one"), S("v"));
    store_close(at->store);
    at->store = NULL;
    assert_int_equal(stat(journal_of(at), &file), 0);
    assert_int_equal(file.st_size, 0);
    (void)snprintf(tree, sizeof tree, "%s", path_of(at, "data/store.mdb"));
    assert_int_equal(unlink(tree), 0);
    assert_done(store_open(&at->op, at->dir, &at->store));
    assert_false(has_row(at, S("k:one")));
}

static void a_journal_that_cannot_be_used_is_told(void **state) {
    struct scratch *at = *state;
    assert_done(store_open(&at->op, at->dir, &at->store));
    store_close(at->store);
    at->store = NULL;
    assert_int_equal(unlink(journal_of(at)), 0);
    assert_int_equal(mkdir(journal_of(at), 0700), 0);
    assert_refused(store_open(&at->op, at->dir, &at->store), DATA_DIR);
    assert_true(slice_find(at->op.detail, S(JOURNAL_SUFFIX)) != SIZE_MAX);
    assert_int_equal(rmdir(journal_of(at)), 0);
    assert_int_equal(symlink("store.mdb", journal_of(at)), 0);
    assert_refused(store_open(&at->op, at->dir, &at->store), DATA_DIR);
    assert_int_equal(unlink(journal_of(at)), 0);
    assert_done(store_open(&at->op, at->dir, &at->store));
}

static void rubbish_is_none(void **state) {
    struct scratch *at = *state;
    leave(at);
    int fd = open(journal_of(at), O_WRONLY | O_TRUNC | O_CLOEXEC);
    static char bytes[100000];
    memset(bytes, 0xa5, sizeof bytes);
    assert_int_equal(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    (void)close(fd);
    assert_done(store_open(&at->op, at->dir, &at->store));
    has_up_to(at, 2);
}

static int let_in(void **state) {
    atomic_store(&keep_out, false);
    return scratch_drop(state);
}
#define LEFT_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, let_in)

int main(void) {
    const struct CMUnitTest tests[] = {
        CLOSED_TEST(what_was_written_is_read),
        CLOSED_TEST(another_base_has_none_of_it),
        CLOSED_TEST(a_record_counts_only_behind_its_own),
        CLOSED_TEST(what_was_cut_is_not_written),
        CLOSED_TEST(who_reads_may_stop),
        CLOSED_TEST(a_record_that_is_not_whole_ends_the_journal),
        CLOSED_TEST(what_was_synced_and_is_gone_is_an_error),
        CLOSED_TEST(it_is_for_its_owner_only),
        LEFT_TEST(a_start_finds_what_was_acknowledged),
        LEFT_TEST(a_start_that_ends_at_once_as_well_loses_nothing),
        LEFT_TEST(a_torn_record_was_never_acknowledged),
        LEFT_TEST(a_journal_of_another_tree_is_none),
        LEFT_TEST(rubbish_is_none),
        LEFT_TEST(a_store_that_was_stopped_leaves_nothing_in_the_journal),
        LEFT_TEST(a_journal_that_cannot_be_used_is_told),
    };
    RUN(tests);
}
