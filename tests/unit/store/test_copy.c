// SPDX-License-Identifier: GPL-3.0-or-later
// Copies beside whoever has the store open: whole or not at all, and what was read for one that was killed is given back.
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "scratch.h"

static void path_of(const struct scratch *at, const char *name, char ret_path[300]) {
    (void)snprintf(ret_path, 300, "%s/%s", at->root, name);
}

// In another process, as a command beside a gate. The exit status: 0 done, else which refusal.
static int copy_beside(struct scratch *at, const char *to) {
    assert_done(store_settle(&at->op, at->store));
    pid_t child = fork();
    if (child == 0) {
        struct op op;
        op_open(&op, NOON);
        reason why = store_copy(&op, at->dir, to);
        _exit(why == NULL ? 0 : why == REASON_OF(DATA_DIR) ? 1 : why == REASON_OF(STORE_UNAVAILABLE) ? 2 : 3);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void fill(struct scratch *at, char first, int count) {
    static char bytes[10000];
    bytes[0]++; // others than the last time, or nothing is written
    for (int i = 0; i < count; i++) {
        const char key[] = {'k', ':', first, (char)('0' + i)};
        put_row(at, slice_of(key, sizeof key), slice_of(bytes, sizeof bytes));
    }
}

static void a_copy_has_all_that_was_answered(void **state) {
    struct scratch *at = *state;
    char to[300];
    struct store_stat stat;
    path_of(at, "copy", to);
    fill(at, 'a', 60);
    assert_int_equal(copy_beside(at, to), 0);
    fill(at, 'b', 5); // not in it
    assert_done(store_check(&at->op, to, &stat));
    assert_int_equal(stat.rows, 60);
    struct stat file;
    assert_int_equal(lstat(to, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_true((uint64_t)file.st_size >= stat.used_bytes && stat.used_bytes >= 60 * 10000);
}

static void a_copy_can_be_opened_as_a_store(void **state) {
    struct scratch *at = *state;
    char to[300];
    fill(at, 'a', 20);
    (void)snprintf(to, sizeof to, "%s/other", at->root);
    assert_int_equal(mkdir(to, 0700), 0);
    (void)snprintf(to, sizeof to, "%s/other/store.mdb", at->root);
    assert_int_equal(copy_beside(at, to), 0);
    store_close(at->store);
    (void)snprintf(at->dir, sizeof at->dir, "%s/other", at->root);
    assert_done(store_open(&at->op, at->dir, &at->store));
    assert_true(has_row(at, S("k:a0")) && !has_row(at, S("k:b0")));
    put_row(at, S("k:new"), S("v"));
    assert_true(has_row(at, S("k:new")));
}

static void an_empty_store_can_be_copied(void **state) {
    struct scratch *at = *state;
    char to[300];
    struct store_stat stat;
    path_of(at, "copy", to);
    assert_int_equal(copy_beside(at, to), 0);
    assert_done(store_check(&at->op, to, &stat));
    assert_int_equal(stat.rows, 0);
}

static void a_file_that_is_there_is_not_overwritten(void **state) {
    struct scratch *at = *state;
    char to[300];
    path_of(at, "copy", to);
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    assert_true(fputs("mine", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(copy_beside(at, to), 1);
    struct stat about;
    assert_int_equal(stat(to, &about), 0);
    assert_int_equal(about.st_size, 4);
}

static void what_is_no_store_is_not_copied(void **state) {
    struct scratch *at = *state;
    char to[300];
    path_of(at, "copy", to);
    struct stat about;
    assert_refused(store_copy(&at->op, at->root, to), DATA_DIR); // there is no store.mdb
    assert_int_equal(stat(to, &about), -1);
    path_of(at, "store.mdb", to);
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    for (int i = 0; i < 3000; i++) {
        assert_true(fputs("junk", file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
    path_of(at, "copy", to);
    assert_refused(store_copy(&at->op, at->root, to), STORE_UNAVAILABLE);
    assert_int_equal(stat(to, &about), -1);
}

static void a_copy_that_is_damaged_is_found_out(void **state) {
    struct scratch *at = *state;
    char to[300];
    struct store_stat stat;
    path_of(at, "copy", to);
    fill(at, 'a', 40);
    assert_int_equal(copy_beside(at, to), 0);
    assert_int_equal(truncate(to, 100000), 0);
    assert_refused(store_check(&at->op, to, &stat), STORE_UNAVAILABLE);
    assert_int_equal(truncate(to, 0), 0);
    assert_refused(store_check(&at->op, to, &stat), STORE_UNAVAILABLE);
    assert_int_equal(unlink(to), 0);
    assert_refused(store_check(&at->op, to, &stat), STORE_UNAVAILABLE);
}

static uint64_t used(struct scratch *at) {
    struct store_stat stat;
    assert_done(store_stat(&at->op, at->store, &stat));
    return stat.used_bytes;
}

// Rows that replace each other, each time put into the tree.
static void churn(struct scratch *at, int times) {
    for (int i = 0; i < times; i++) {
        fill(at, 'a', 60);
        assert_done(store_settle(&at->op, at->store));
    }
}

static void who_is_killed_while_he_copies_keeps_no_room(void **state) {
    struct scratch *at = *state;
    char path[300];
    int ready[2];
    (void)snprintf(path, sizeof path, "%s/store.mdb", at->dir);
    churn(at, 3);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        MDB_env *env = NULL;
        MDB_txn *txn = NULL;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        bool reads = mdb_env_create(&env) == 0 && mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600) == 0 &&
                     mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0;
        if (write(ready[1], reads ? "y" : "n", 1) == 1) {
            (void)pause();
        }
        _exit(1);
    }
    char said = 'n';
    assert_int_equal(read(ready[0], &said, 1), 1);
    assert_int_equal(said, 'y');
    uint64_t before = used(at);
    churn(at, 12);
    uint64_t held = used(at);
    assert_true(held > before + 4 * 60 * 10000); // what it reads is kept for it
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    churn(at, 12);
    assert_true(used(at) < held + 3 * 60 * 12288);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void a_directory_that_is_held_is_opened_by_nobody(void **state) {
    struct scratch *at = *state;
    int lock = -1;
    assert_refused(store_hold(&at->op, at->dir, &lock), DATA_DIR_LOCKED);
    store_close(at->store);
    at->store = NULL;
    assert_done(store_hold(&at->op, at->dir, &lock));
    assert_refused(store_open(&at->op, at->dir, &at->store), DATA_DIR_LOCKED);
    (void)close(lock);
    assert_done(store_open(&at->op, at->dir, &at->store));
}

static void what_a_restore_left_is_not_opened(void **state) {
    struct scratch *at = *state;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/" STORE_RESTORING, at->dir);
    store_close(at->store);
    at->store = NULL;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(store_open(&at->op, at->dir, &at->store), DATA_DIR);
    assert_true(slice_find(at->op.detail, S("was stopped")) != SIZE_MAX);
    assert_int_equal(rmdir(path), 0);
    assert_done(store_open(&at->op, at->dir, &at->store));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_copy_has_all_that_was_answered),
        STORE_TEST(a_copy_can_be_opened_as_a_store),
        STORE_TEST(an_empty_store_can_be_copied),
        STORE_TEST(a_file_that_is_there_is_not_overwritten),
        STORE_TEST(what_is_no_store_is_not_copied),
        STORE_TEST(a_copy_that_is_damaged_is_found_out),
        STORE_TEST(a_directory_that_is_held_is_opened_by_nobody),
        STORE_TEST(what_a_restore_left_is_not_opened),
        STORE_TEST(who_is_killed_while_he_copies_keeps_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
