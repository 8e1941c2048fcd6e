// SPDX-License-Identifier: GPL-3.0-or-later
// The file of the key of one-time links: made once, kept, the gate's own business, and refused by
// name when broken.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "token/link_key.h"

static char dir[64];
static char path[128];
static struct op op;

static int set_up(void **state) {
    (void)state;
    op_open(&op, 0);
    (void)snprintf(dir, sizeof dir, "/tmp/gatehouse-link-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/link.key", dir);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    op_close(&op);
    (void)unlink(path);
    (void)rmdir(dir);
    return 0;
}

static void write_file(const char *text) {
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}
static void is_refused(const char *word) {
    struct ticket_key *key = NULL;
    assert_ptr_equal(link_key_open(&op, dir, &key), REASON_OF(KEY_FILE));
    assert_int_not_equal(slice_find(op.detail, slice_str(word)), SIZE_MAX);
    assert_int_not_equal(slice_find(op.detail, slice_str(path)), SIZE_MAX);
    assert_null(key);
}

static void it_is_made_once_and_stays(void **state) {
    (void)state;
    struct ticket_key *first = NULL;
    struct ticket_key *again = NULL;
    struct stat about;
    assert_null(link_key_make(&op, dir));
    assert_null(link_key_open(&op, dir, &first));
    assert_null(link_key_make(&op, dir));
    assert_null(link_key_open(&op, dir, &again));
    assert_memory_equal(first->bytes, again->bytes, sizeof first->bytes);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    link_key_close(first);
    link_key_close(again);
    link_key_close(NULL);
}

static void two_gates_have_two_keys(void **state) {
    (void)state;
    struct ticket_key *first = NULL;
    struct ticket_key *other = NULL;
    assert_null(link_key_make(&op, dir));
    assert_null(link_key_open(&op, dir, &first));
    (void)unlink(path);
    assert_null(link_key_make(&op, dir));
    assert_null(link_key_open(&op, dir, &other));
    assert_memory_not_equal(first->bytes, other->bytes, sizeof first->bytes);
    link_key_close(first);
    link_key_close(other);
}

static void a_broken_one_is_named(void **state) {
    (void)state;
    is_refused("cannot read");
    write_file("");
    is_refused("hex digits");
    write_file("00112233");
    is_refused("hex digits");
    write_file("00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg\n");
    is_refused("hex digits");
    write_file("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00\n");
    is_refused("hex digits");
    write_file("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    struct ticket_key *key = NULL;
    assert_null(link_key_open(&op, dir, &key));
    assert_int_equal(key->bytes[1], 0x11);
    link_key_close(key);
    assert_int_equal(chmod(path, 0640), 0);
    is_refused("chmod 600");
}

static void no_directory_no_key(void **state) {
    (void)state;
    assert_ptr_equal(link_key_make(&op, "/nonexistent"), REASON_OF(KEY_FILE));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(it_is_made_once_and_stays),
        T(two_gates_have_two_keys),
        T(a_broken_one_is_named),
        T(no_directory_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
