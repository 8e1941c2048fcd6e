// SPDX-License-Identifier: GPL-3.0-or-later
// Where the gate listens: a port of its own choice, and a sentence that helps when it cannot.
#include "base/unit.h"

#include <unistd.h>

#include "http/listen.h"

static void says(const struct op *op, reason why, const char *words) {
    assert_ptr_equal(why, REASON_OF(LISTEN_FAILED));
    if (slice_find(op->detail, slice_str(words)) == SIZE_MAX) {
        fail_msg("\"%s\" is not in: %.*s", words, SLICE(op->detail));
    }
}

static void a_free_port_is_found_and_a_taken_one_is_said(void **state) {
    struct op *op = *state;
    int fd = -1;
    int other = -1;
    uint16_t port = 0;
    uint16_t same = 0;
    assert_null(listen_tcp(op, S("127.0.0.1:0"), &fd, &port));
    assert_true(fd >= 0 && port != 0);
    struct slice taken = op_text(op, "127.0.0.1:%u", (unsigned)port);
    says(op, listen_tcp(op, taken, &other, &same), "another program uses this port");
    assert_int_equal(other, -1);
    assert_int_equal(close(fd), 0);
}

static void what_is_no_address_is_said(void **state) {
    struct op *op = *state;
    int fd = -1;
    uint16_t port = 0;
    static const char *const bad[] = {"nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http",
                                      "host.invalid:80", "127.0.0.1:70000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        says(op, listen_tcp(op, slice_str(bad[i]), &fd, &port), "listen");
        assert_int_equal(fd, -1);
    }
}

static void a_socket_whose_path_is_too_long_is_said(void **state) {
    struct op *op = *state;
    char path[300];
    int fd = -1;
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = 0;
    says(op, listen_unix(op, path, &fd), "too long");
    says(op, listen_unix(op, "/nowhere/there/control.sock", &fd), "/nowhere/there/control.sock");
    assert_int_equal(fd, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_free_port_is_found_and_a_taken_one_is_said),
        TEST(what_is_no_address_is_said),
        TEST(a_socket_whose_path_is_too_long_is_said),
    };
    RUN(tests);
}
