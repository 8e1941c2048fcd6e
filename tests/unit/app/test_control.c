// SPDX-License-Identifier: GPL-3.0-or-later
// The way to a running gate: a pretended one on a Unix socket answers well, badly, or not at all.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/control.h"

static char folder[64], socket_path[96], asked[4096];

struct pretended {
    int fd;
    const char *answer;
    pthread_t thread;
};

static void *pretend(void *arg) {
    struct pretended *gate = arg;
    // The first connection only looks whether somebody is there.
    for (int i = 0; i < 2; i++) {
        int peer = accept(gate->fd, NULL, NULL);
        if (i == 1 && peer >= 0) {
            ssize_t got = read(peer, asked, sizeof asked - 1);
            asked[got > 0 ? got : 0] = '\0';
            ssize_t sent = write(peer, gate->answer, strlen(gate->answer));
            (void)sent;
        }
        (void)close(peer);
    }
    return NULL;
}

static int listen_here(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path, socket_path, strlen(socket_path) + 1);
    (void)unlink(socket_path);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static reason ask(struct op *op, const char *answer, struct control_answer *ret_answer) {
    struct settings settings = {.data_dir = slice_str(folder)};
    struct pretended gate = {listen_here(), answer, 0};
    struct control *control = NULL;
    assert_int_equal(pthread_create(&gate.thread, NULL, pretend, &gate), 0);
    assert_null(control_open(op, &settings, &control));
    assert_true(control_is_remote(control));
    reason why =
        control_call(op, control, METHOD_PUT, S("/api/v1/x?a=b"), S("{\"c\":1}"), ret_answer);
    control_close(control);
    (void)pthread_join(gate.thread, NULL);
    (void)close(gate.fd);
    return why;
}

static void a_request_reaches_the_running_gate_and_its_answer_comes_back(void **state) {
    (void)state;
    struct op op;
    struct control_answer answer;
    op_open(&op, 0);
    assert_null(ask(&op, "HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}", &answer));
    assert_int_equal(answer.status, 422);
    assert_true(slice_equal(answer.body, S("{}")));
    assert_non_null(strstr(asked, "PUT /api/v1/x?a=b HTTP/1.1\r\n"));
    assert_non_null(strstr(asked, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(asked, "\r\n\r\n{\"c\":1}"));
    op_close(&op);
}

static void a_gate_that_gives_no_answer_is_a_failure(void **state) {
    (void)state;
    static const char *const answers[] = {"", "nonsense\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct op op;
        struct control_answer answer;
        op_open(&op, 0);
        assert_ptr_equal(ask(&op, answers[i], &answer), REASON_OF(PEER_FAILED));
        assert_true(slice_find(op.detail, S("control.sock")) != SIZE_MAX);
        op_close(&op);
    }
}

// The gate of this process then wants its worker, which is not beside a test.
static void a_socket_that_nobody_listens_on_leaves_the_gate_to_this_process(void **state) {
    (void)state;
    struct settings settings = {.data_dir = slice_str(folder)};
    struct control *control = NULL;
    struct op op;
    (void)close(listen_here());
    op_open(&op, 0);
    assert_ptr_equal(control_open(&op, &settings, &control), REASON_OF(WORKER_FAILED));
    assert_null(control);
    (void)unlink(socket_path);
    assert_ptr_equal(control_open(&op, &settings, &control), REASON_OF(WORKER_FAILED));
    op_close(&op);
    control_close(NULL);
}

static int make_folder(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/gatehouse-control-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(socket_path, sizeof socket_path, "%s/control.sock", folder);
    return 0;
}
static int remove_folder(void **state) {
    (void)state;
    (void)unlink(socket_path);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reaches_the_running_gate_and_its_answer_comes_back),
        cmocka_unit_test(a_gate_that_gives_no_answer_is_a_failure),
        cmocka_unit_test(a_socket_that_nobody_listens_on_leaves_the_gate_to_this_process),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
