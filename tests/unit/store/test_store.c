// SPDX-License-Identifier: GPL-3.0-or-later
// The store as one caller sees it: opening and its refusals, rows, scans, growth.
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "scratch.h"

// ---- opening

static unsigned mode_of(const char *dir, const char *name) {
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    return file.st_mode & 07777;
}

static void opening_makes_a_private_directory(void **state) {
    struct scratch *at = *state;
    mode_t before = umask(0);
    assert_done(store_open(&at->op, at->dir, &at->store));
    (void)umask(before);
    assert_int_equal(mode_of(at->dir, "."), 0700);
    assert_int_equal(mode_of(at->dir, "lock"), 0600);
    assert_int_equal(mode_of(at->dir, "store.mdb"), 0600);
    assert_int_equal(mode_of(at->dir, "store.mdb-lock"), 0600);
    assert_true(store_ready(at->store));
}

static void a_second_opening_is_refused_and_names_the_process(void **state) {
    struct scratch *at = *state;
    struct store *second = NULL;
    char pid[24];
    (void)snprintf(pid, sizeof pid, "process %d ", (int)getpid());
    assert_refused(store_open(&at->op, at->dir, &second), DATA_DIR_LOCKED);
    assert_true(slice_find(at->op.detail, slice_str(pid)) != SIZE_MAX);
    assert_true(slice_find(at->op.detail, slice_str(at->dir)) != SIZE_MAX);
    store_close(at->store);
    at->store = NULL;
    assert_done(store_open(&at->op, at->dir, &at->store));
}

static void a_directory_without_parent_is_refused(void **state) {
    struct scratch *at = *state;
    (void)snprintf(at->dir, sizeof at->dir, "%s/no/data", at->root);
    assert_refused(store_open(&at->op, at->dir, &at->store), DATA_DIR);
    assert_true(slice_find(at->op.detail, slice_str(at->dir)) != SIZE_MAX);
    assert_true(slice_find(at->op.detail, S("No such file or directory")) != SIZE_MAX);
    assert_refused(store_open(&at->op, "", &at->store), DATA_DIR);
}

static void a_file_in_the_place_of_the_directory_is_refused(void **state) {
    struct scratch *at = *state;
    int fd = open(at->dir, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_refused(store_open(&at->op, at->dir, &at->store), DATA_DIR);
    assert_true(slice_find(at->op.detail, S("Not a directory")) != SIZE_MAX);
}

// In a child, because it gives up root.
static void a_directory_that_may_not_be_written_is_refused(void **state) {
    struct scratch *at = *state;
    assert_int_equal(mkdir(at->dir, 0555), 0);
    assert_int_equal(chmod(at->root, 0755), 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && seteuid(65534) != 0) {
            _exit(9);
        }
        bool right = store_open(&at->op, at->dir, &at->store) == REASON_OF(DATA_DIR) &&
                     slice_find(at->op.detail, S("Permission denied")) != SIZE_MAX;
        _exit(right ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void overwrite(const struct scratch *at, off_t from, const char *bytes, size_t len,
                      off_t cut) {
    char path[300];
    (void)snprintf(path, sizeof path, "%s/store.mdb", at->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, from), len);
    assert_int_equal(cut >= 0 ? ftruncate(fd, cut) : 0, 0);
    (void)close(fd);
}

static void a_file_that_is_no_store_is_refused(void **state) {
    struct scratch *at = *state;
    char junk[9000];
    memset(junk, 'x', sizeof junk);
    assert_int_equal(mkdir(at->dir, 0700), 0);
    overwrite(at, 0, junk, sizeof junk, -1);
    assert_refused(store_open(&at->op, at->dir, &at->store), STORE_UNAVAILABLE);
    assert_true(slice_find(at->op.detail, S("backup")) != SIZE_MAX);
}

// Its pages are missing: read through the map they would kill the process.
static void a_store_that_was_cut_is_refused(void **state) {
    struct scratch *at = *state;
    static char big[200000];
    put_row(at, S("k:key"), slice_of(big, sizeof big));
    put_row(at, S("\x11key"), S("small"));
    store_close(at->store);
    at->store = NULL;
    overwrite(at, 0, "", 0, 8192);
    assert_refused(store_open(&at->op, at->dir, &at->store), STORE_UNAVAILABLE);
}

static void a_version_row_that_is_none_is_refused(void **state) {
    struct scratch *at = *state;
    put_row(at, S("\x01"), S("abc"));
    store_close(at->store);
    at->store = NULL;
    assert_refused(store_open(&at->op, at->dir, &at->store), SCHEMA);
}

// ---- rows

static void what_was_written_is_there_after_a_reopening(void **state) {
    struct scratch *at = *state;
    put_row(at, S("k:key"), S("va\0lue"));
    put_row(at, S("k:empty"), S(""));
    reopen_store(at);
    assert_true(row_is(at, S("k:key"), S("va\0lue")));
    assert_true(row_is(at, S("k:empty"), S("")));
    assert_false(has_row(at, S("k:other")));
}

static reason write_then_refuse(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    TRY(txn_put(op, txn, S("k:half"), S("1")));
    REFUSE(op, NOT_FOUND, "after a write");
}

static void a_refused_write_leaves_nothing(void **state) {
    struct scratch *at = *state;
    assert_refused(store_write(&at->op, at->store, write_then_refuse, NULL), NOT_FOUND);
    assert_slice(at->op.detail, S("after a write"));
    assert_false(has_row(at, S("k:half")));
}

static reason add_twice_delete_twice(struct op *op, struct txn *txn, void *arg) {
    bool *it = arg;
    TRY(txn_add(op, txn, S("k:k"), S("first"), &it[0]));
    TRY(txn_add(op, txn, S("k:k"), S("second"), &it[1]));
    struct slice value;
    TRY(txn_get(op, txn, S("k:k"), &value));
    it[2] = slice_equal(value, S("first"));
    TRY(txn_delete(op, txn, S("k:k"), &it[3]));
    TRY(txn_delete(op, txn, S("k:k"), &it[4]));
    return NULL;
}

static void adding_and_deleting_say_what_was_there(void **state) {
    struct scratch *at = *state;
    bool it[5] = {false, true, false, false, true};
    assert_done(store_write(&at->op, at->store, add_twice_delete_twice, it));
    assert_true(it[0]);
    assert_false(it[1]);
    assert_true(it[2]);
    assert_true(it[3]);
    assert_false(it[4]);
    assert_false(has_row(at, S("k:k")));
}

static reason count_writes(struct op *op, struct txn *txn, void *arg) {
    struct slice value;
    bool it;
    (void)arg;
    assert_int_equal(txn_writes(txn), 0);
    TRY(txn_get(op, txn, S("k:w"), &value));
    TRY(txn_delete(op, txn, S("k:w"), &it));
    assert_int_equal(txn_writes(txn), 0);
    TRY(txn_put(op, txn, S("k:w"), S("v")));
    TRY(txn_add(op, txn, S("k:w"), S("v"), &it));
    assert_int_equal(txn_writes(txn), 1);
    TRY(txn_delete(op, txn, S("k:w"), &it));
    assert_int_equal(txn_writes(txn), 2);
    return NULL;
}

static void only_what_changes_something_is_counted(void **state) {
    struct scratch *at = *state;
    assert_done(store_write(&at->op, at->store, count_writes, NULL));
}

static reason bad_keys(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    char key[STORE_KEY_MAX + 1] = {2};
    struct slice value;
    struct scan scan;
    bool it;
    TRY(txn_put(op, txn, slice_of(key, STORE_KEY_MAX), S("v")));
    assert_refused(txn_put(op, txn, slice_of(key, STORE_KEY_MAX + 1), S("v")), INVALID_INPUT);
    assert_refused(txn_put(op, txn, SLICE_NONE, S("v")), INVALID_INPUT);
    assert_refused(txn_add(op, txn, SLICE_NONE, S("v"), &it), INVALID_INPUT);
    assert_refused(txn_get(op, txn, SLICE_NONE, &value), INVALID_INPUT);
    assert_refused(txn_delete(op, txn, SLICE_NONE, &it), INVALID_INPUT);
    assert_refused(scan_open(op, txn, SLICE_NONE, S("x"), false, &scan), INVALID_INPUT);
    scan_close(&scan);
    assert_refused(scan_open(op, txn, S("x"), slice_of(key, sizeof key), false, &scan),
                   INVALID_INPUT);
    scan_close(&scan);
    scan_close(NULL);
    return NULL;
}

static void empty_and_long_keys_are_refused(void **state) {
    struct scratch *at = *state;
    assert_done(store_write(&at->op, at->store, bad_keys, NULL));
}

static reason put_in_a_read(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    return txn_put(op, txn, S("k:k"), S("v"));
}

static reason read_in_a_read(struct op *op, struct txn *txn, void *arg) {
    struct one_row row = {.key = S("k:k")};
    (void)txn;
    return store_read(op, arg, get_one, &row);
}

static void aborts(struct scratch *at, store_fn fn) {
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        bool quiet = freopen("/dev/null", "w", stderr) != NULL;
        bool done = store_open(&at->op, at->dir, &at->store) == NULL &&
                    store_read(&at->op, at->store, fn, at->store) == NULL;
        _exit(quiet && done ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void bugs_of_ours_abort(void **state) {
    aborts(*state, put_in_a_read);
    aborts(*state, read_in_a_read);
}

// ---- scans

struct listing {
    struct slice prefix, from;
    bool backwards, delete_each;
    size_t most;
    char got[200]; // the keys, with a space after each
};

static reason list(struct op *op, struct txn *txn, void *arg) {
    struct listing *it = arg;
    struct scan scan;
    it->got[0] = '\0';
    size_t len = 0;
    TRY(scan_open(op, txn, it->prefix, it->from, it->backwards, &scan));
    for (size_t i = 0; it->most == 0 || i < it->most; i++) {
        struct slice key;
        struct slice value;
        TRY(scan_next(op, &scan, &key, &value));
        if (key.at == NULL) {
            TRY(scan_next(op, &scan, &key, &value));
            assert_null(key.at);
            break;
        }
        assert_slice(value, key);
        len += (size_t)snprintf(it->got + len, sizeof it->got - len, "%.*s ", SLICE(key));
        if (it->delete_each) {
            bool there = false;
            char copy[100];
            memcpy(copy, key.at, key.len);
            TRY(txn_delete(op, txn, slice_of(copy, key.len), &there));
            assert_true(there);
        }
    }
    scan_close(&scan);
    scan_close(&scan);
    return NULL;
}

static const char *listed(struct scratch *at, struct listing *it) {
    if (it->delete_each) {
        assert_done(store_write(&at->op, at->store, list, it));
    } else {
        assert_done(store_read(&at->op, at->store, list, it));
    }
    return it->got;
}
#define LIST(at, ...) listed((at), &(struct listing){__VA_ARGS__})

static void put_letters(struct scratch *at) {
    static const char *const keys[] = {"a", "b1", "b2", "b3", "b\xff", "c", "\xff", "\xff\xff",
                                       "\xff\xffx"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        put_row(at, slice_str(keys[i]), slice_str(keys[i]));
    }
}

static void a_scan_keeps_to_its_prefix_both_ways(void **state) {
    struct scratch *at = *state;
    assert_string_equal(LIST(at, .prefix = S("b")), "");
    assert_string_equal(LIST(at, .prefix = S("b"), .backwards = true), "");
    put_letters(at);
    assert_string_equal(LIST(at, .prefix = S("b")), "b1 b2 b3 b\xff ");
    assert_string_equal(LIST(at, .prefix = S("b"), .backwards = true), "b\xff b3 b2 b1 ");
    assert_string_equal(LIST(at, .prefix = S("\xff"), .backwards = true),
                        "\xff\xffx \xff\xff \xff ");
    assert_string_equal(LIST(at, .prefix = S("\xff\xff")), "\xff\xff \xff\xffx ");
    assert_string_equal(LIST(at, .prefix = S("bb")), "");
    assert_string_equal(LIST(at, .prefix = S("bb"), .backwards = true), "");
    assert_string_equal(LIST(at, .prefix = S("a")), "a ");
    assert_string_equal(LIST(at, .prefix = S("\xff\xffy")), "");
}

static void a_page_goes_on_behind_its_cursor(void **state) {
    struct scratch *at = *state;
    put_letters(at);
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("b1"), .most = 2), "b2 b3 ");
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("b15")), "b2 b3 b\xff ");
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("b3"), .backwards = true), "b2 b1 ");
    assert_string_equal(LIST(at, .prefix = S("a"), .from = S("a")), "");
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("b1"), .backwards = true), "");
}

static void a_cursor_from_elsewhere_does_not_leave_the_prefix(void **state) {
    struct scratch *at = *state;
    put_letters(at);
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("a")), "b1 b2 b3 b\xff ");
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("c")), "");
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("a"), .backwards = true), "");
    assert_string_equal(LIST(at, .prefix = S("b"), .from = S("c"), .backwards = true),
                        "b\xff b3 b2 b1 ");
}

static void a_scan_may_delete_what_it_stands_on(void **state) {
    struct scratch *at = *state;
    put_letters(at);
    assert_string_equal(LIST(at, .prefix = S("b"), .delete_each = true, .most = 2), "b1 b2 ");
    assert_string_equal(LIST(at, .prefix = S("b"), .delete_each = true, .backwards = true),
                        "b\xff b3 ");
    assert_string_equal(LIST(at, .prefix = S("b")), "");
    assert_string_equal(LIST(at, .prefix = S("\xff")), "\xff \xff\xff \xff\xffx ");
}

struct many {
    uint32_t count, seen;
};

static reason put_many(struct op *op, struct txn *txn, void *arg) {
    struct many *many = arg;
    for (uint32_t i = 0; i < many->count; i++) {
        struct key key = key_in(0x33);
        key_u32(&key, i);
        TRY(txn_put(op, txn, key_slice(&key), S("some bytes of a row, so that pages are many")));
    }
    return NULL;
}

// Deletes each second row and puts one far away for each, so that pages split and merge under the
// scan.
static reason sweep_many(struct op *op, struct txn *txn, void *arg) {
    struct many *many = arg;
    struct scan scan;
    struct slice at;
    struct slice value;
    many->seen = 0;
    TRY(scan_open(op, txn, S("\x33"), SLICE_NONE, false, &scan));
    for (;;) {
        TRY(scan_next(op, &scan, &at, &value));
        if (at.at == NULL) {
            break;
        }
        struct slice rest = slice_sub(at, 1, at.len);
        uint32_t number = 0;
        assert_true(key_read_u32(&rest, &number));
        assert_int_equal(number, many->seen);
        many->seen++;
        struct key key = key_in(number % 2 == 0 ? 0x33 : 0x10);
        key_u32(&key, number);
        bool there = false;
        if (number % 2 == 0) {
            TRY(txn_delete(op, txn, key_slice(&key), &there));
        } else {
            TRY(txn_put(op, txn, key_slice(&key), S("elsewhere")));
        }
    }
    scan_close(&scan);
    return NULL;
}

static void a_scan_over_many_pages_may_write_anywhere(void **state) {
    struct scratch *at = *state;
    struct many many = {.count = 5000};
    struct store_stat stat;
    assert_done(store_write(&at->op, at->store, put_many, &many));
    assert_done(store_write(&at->op, at->store, sweep_many, &many));
    assert_int_equal(many.seen, 5000);
    assert_done(store_stat(&at->op, at->store, &stat));
    assert_int_equal(stat.rows, 5000);
}

static reason leave_scans_open(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    struct scan scans[3];
    for (size_t i = 0; i < 3; i++) {
        TRY(scan_open(op, txn, S("b"), SLICE_NONE, false, &scans[i]));
    }
    REFUSE(op, NOT_FOUND, "without closing");
}

static void scans_left_open_close_with_the_transaction(void **state) {
    struct scratch *at = *state;
    assert_refused(store_read(&at->op, at->store, leave_scans_open, NULL), NOT_FOUND);
    assert_refused(store_write(&at->op, at->store, leave_scans_open, NULL), NOT_FOUND);
}

// ---- growth

static reason put_megabytes(struct op *op, struct txn *txn, void *arg) {
    static char megabyte[1 << 20];
    uint32_t *count = arg;
    for (uint32_t i = 0; i < *count; i++) {
        struct key key = key_in(0x41);
        key_u32(&key, i);
        TRY(txn_put(op, txn, key_slice(&key), slice_of(megabyte, sizeof megabyte)));
    }
    return NULL;
}

static void the_map_grows_by_itself(void **state) {
    struct scratch *at = *state;
    struct store_stat before;
    struct store_stat after;
    uint32_t count = 150;
    assert_done(store_stat(&at->op, at->store, &before));
    put_row(at, S("k:k"), S("before"));
    assert_done(store_write(&at->op, at->store, put_megabytes, &count));
    assert_done(store_stat(&at->op, at->store, &after));
    assert_true(before.map_bytes < (uint64_t)count << 20);
    assert_true(after.map_bytes > (uint64_t)count << 20);
    assert_true(after.used_bytes > (uint64_t)count << 20 && after.rows == count + 1);
    assert_true(row_is(at, S("k:k"), S("before")));
    reopen_store(at);
    assert_true(row_is(at, S("k:k"), S("before")));
}

struct reading {
    struct store *store;
    _Atomic bool over;
    _Atomic size_t failed;
};
static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct slice value;
    (void)arg;
    return txn_get(op, txn, S("k:k"), &value);
}
static void *read_on(void *arg) {
    struct reading *reading = arg;
    while (!reading->over) {
        struct op op;
        op_open(&op, NOON);
        reading->failed += store_read(&op, reading->store, read_one, NULL) != NULL ? 1 : 0;
        op_close(&op);
    }
    return NULL;
}

// A write that found no room leaves the tail as nobody may read it, until it was made anew.
static void reads_go_on_while_the_map_grows(void **state) {
    struct scratch *at = *state;
    struct reading reading = {.store = at->store};
    pthread_t threads[8];
    put_row(at, S("k:k"), S("before"));
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reading), 0);
    }
    for (uint32_t count = 1; count < 280; count += 9) {
        assert_done(store_write(&at->op, at->store, put_megabytes, &count));
    }
    reading.over = true;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(reading.failed, 0);
    assert_true(row_is(at, S("k:k"), S("before")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CLOSED_TEST(opening_makes_a_private_directory),
        STORE_TEST(a_second_opening_is_refused_and_names_the_process),
        CLOSED_TEST(a_directory_without_parent_is_refused),
        CLOSED_TEST(a_file_in_the_place_of_the_directory_is_refused),
        CLOSED_TEST(a_directory_that_may_not_be_written_is_refused),
        CLOSED_TEST(a_file_that_is_no_store_is_refused),
        STORE_TEST(a_store_that_was_cut_is_refused),
        STORE_TEST(a_version_row_that_is_none_is_refused),
        STORE_TEST(what_was_written_is_there_after_a_reopening),
        STORE_TEST(a_refused_write_leaves_nothing),
        STORE_TEST(adding_and_deleting_say_what_was_there),
        STORE_TEST(only_what_changes_something_is_counted),
        STORE_TEST(empty_and_long_keys_are_refused),
        CLOSED_TEST(bugs_of_ours_abort),
        STORE_TEST(a_scan_keeps_to_its_prefix_both_ways),
        STORE_TEST(a_page_goes_on_behind_its_cursor),
        STORE_TEST(a_cursor_from_elsewhere_does_not_leave_the_prefix),
        STORE_TEST(a_scan_may_delete_what_it_stands_on),
        STORE_TEST(a_scan_over_many_pages_may_write_anywhere),
        STORE_TEST(scans_left_open_close_with_the_transaction),
        STORE_TEST(the_map_grows_by_itself),
        STORE_TEST(reads_go_on_while_the_map_grows),
    };
    RUN(tests);
}
