// SPDX-License-Identifier: GPL-3.0-or-later
// A full disk: each write that has no room is refused, what was stored stays, and writes go on by
// themselves when there is room again. Once on a small tmpfs of this process's own (needs root),
// once by RLIMIT_FSIZE.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "scratch.h"

#define VALUE_BYTES 20000

static reason put_numbered(struct scratch *at, uint32_t number) {
    static char value[VALUE_BYTES];
    struct key key = key_in(0x30);
    key_u32(&key, number);
    struct one_row row = {.key = key_slice(&key), .value = slice_of(value, sizeof value)};
    return store_write(&at->op, at->store, put_one, &row);
}

static bool has_numbered(struct scratch *at, uint32_t number) {
    struct key key = key_in(0x30);
    struct op op;
    key_u32(&key, number);
    op_open(&op, NOON);
    struct one_row row = {.key = key_slice(&key)};
    assert_done(store_read(&op, at->store, get_one, &row));
    bool whole = row.found && row.value.len == VALUE_BYTES;
    op_close(&op);
    return whole;
}

// Writes until a write is refused; then that is said as it should, and all that was acknowledged is
// there.
static uint32_t fill(struct scratch *at) {
    uint32_t count = 0;
    reason why = NULL;
    while (why == NULL) {
        assert_true(count < 10000);
        why = put_numbered(at, count);
        count += why == NULL ? 1 : 0;
    }
    assert_refused(why, STORE_UNAVAILABLE);
    assert_true(slice_find(at->op.detail, S("the disk of the data directory is full")) == 0);
    assert_true(count > 0);
    for (unsigned i = 0; i < 20; i++) { // also when tried again, and more
        assert_refused(put_numbered(at, count + i), STORE_UNAVAILABLE);
        assert_true(store_ready(at->store));
        assert_true(store_full(at->store)); // readiness says so, though reads go on
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_true(has_numbered(at, i));
    }
    assert_false(has_numbered(at, count));
    return count;
}

static void goes_on(struct scratch *at, uint32_t count) {
    for (uint32_t i = 0; i < 20; i++) {
        assert_done(put_numbered(at, count + i));
    }
    reopen_store(at);
    for (uint32_t i = 0; i < count + 20; i++) {
        assert_true(has_numbered(at, i));
    }
    assert_false(has_numbered(at, count + 20));
}

// A mount that only this process sees, and that goes with it.
static bool mount_small(const char *dir) {
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mkdir(dir, 0700) == 0 &&
           mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=2m") == 0;
}

static void a_full_disk_refuses_until_there_is_room(void **state) {
    struct scratch *at = *state;
    assert_true(mount_small(at->dir));
    assert_done(store_open(&at->op, at->dir, &at->store));
    uint32_t count = fill(at);
    assert_int_equal(mount("none", at->dir, "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV, "size=8m"),
                     0);
    goes_on(at, count);
    store_close(at->store);
    at->store = NULL;
    assert_int_equal(umount(at->dir), 0);
}

static void many_readers_do_no_harm_on_a_full_disk(void **state) {
    struct scratch *at = *state;
    assert_true(mount_small(at->dir));
    assert_done(store_open(&at->op, at->dir, &at->store));
    (void)fill(at);
    char path[300];
    (void)snprintf(path, sizeof path, "%s/ballast", at->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static char bytes[4096];
    while (write(fd, bytes, sizeof bytes) > 0) { // to the last block
    }
    (void)close(fd);
    struct stat lock;
    (void)snprintf(path, sizeof path, "%s/store.mdb-lock", at->dir);
    assert_int_equal(stat(path, &lock), 0);
    assert_true(lock.st_size >= 64000 && lock.st_blocks * 512 >= lock.st_size);
    // A restart on the full disk still reads.
    reopen_store(at);
    assert_true(has_numbered(at, 0));
    assert_int_equal(unlink((snprintf(path, sizeof path, "%s/ballast", at->dir), path)), 0);
    store_close(at->store);
    at->store = NULL;
    assert_int_equal(umount(at->dir), 0);
}

static void a_limit_of_the_file_refuses_until_it_is_lifted(void **state) {
    struct scratch *at = *state;
    struct rlimit before;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_done(store_open(&at->op, at->dir, &at->store));
    struct rlimit small = {.rlim_cur = 1000000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    uint32_t count = fill(at);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    goes_on(at, count);
}

// Tried in a child, whose mounts end with it.
static bool may_mount(void) {
    char dir[] = "/tmp/gatehouse-mount-XXXXXX";
    int status = 0;
    if (mkdtemp(dir) == NULL || rmdir(dir) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(mount_small(dir) ? 0 : 1);
    }
    bool may = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    (void)rmdir(dir);
    return may;
}

int main(void) {
    const struct CMUnitTest limited[] = {
        CLOSED_TEST(a_limit_of_the_file_refuses_until_it_is_lifted),
    };
    const struct CMUnitTest full[] = {
        CLOSED_TEST(a_full_disk_refuses_until_there_is_room),
        CLOSED_TEST(many_readers_do_no_harm_on_a_full_disk),
    };
    // Who may not mount has the limit alone, which covers the same rule.
    int failed = may_mount() ? cmocka_run_group_tests(full, NULL, NULL) : 0;
    return failed + cmocka_run_group_tests(limited, NULL, NULL);
}
