// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that moves bytes: requests that are answered by other threads, many at once; no new connections when it is
// quiesced; what was answered is sent before it closes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/op.h"
#include "http/listen.h"
#include "http/loop.h"

#define CLIENTS 40
#define ROUNDS 25
#define THREADS 4
#define HELD_MAX 64
#define ANSWERS 4 // with one wake-up

// What stands for the queue and its threads: requests wait until `together` of them are there.
struct scene {
    struct loop loop;
    int fd;
    uint16_t port;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    struct loop_answer *held[HELD_MAX];
    size_t count, together;
    _Atomic size_t turns;
    _Atomic bool hold; // the next turn does not end before `go`
    sem_t halted, go;
    unsigned connections; // at the last turn
    _Atomic unsigned most_new; // that one turn took
    bool full, ending; // full: answered until none is left
    pthread_t threads[THREADS];
};

struct asked {
    struct loop_answer answer;
    bool waits;
};

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **state) {
    (void)url, (void)method, (void)version, (void)upload, (void)upload_len;
    struct scene *scene = arg;
    struct asked *asked = *state;
    if (asked == NULL) { // the head; asked about again at the end of the body
        *state = calloc(1, sizeof *asked);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (!asked->waits) {
        asked->waits = true;
        asked->answer.connection = connection;
        MHD_suspend_connection(connection);
        (void)pthread_mutex_lock(&scene->mutex);
        scene->held[scene->count++] = &asked->answer;
        (void)pthread_cond_broadcast(&scene->more);
        (void)pthread_mutex_unlock(&scene->mutex);
        return MHD_YES;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(4, (void *)(uintptr_t) "done", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result queued = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return queued;
}

static void on_done(void *arg, struct MHD_Connection *connection, void **state,
                    enum MHD_RequestTerminationCode why) {
    (void)arg, (void)connection, (void)why;
    free(*state);
    *state = NULL;
}

static unsigned on_turn(void *arg) {
    struct scene *scene = arg;
    scene->turns++;
    const union MHD_DaemonInfo *info =
        scene->loop.daemon != NULL ? MHD_get_daemon_info(scene->loop.daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS) : NULL;
    unsigned now = info != NULL ? info->num_connections : 0;
    unsigned more = now > scene->connections ? now - scene->connections : 0;
    scene->most_new = more > scene->most_new ? more : scene->most_new;
    scene->connections = now;
    if (atomic_exchange(&scene->hold, false)) {
        (void)sem_post(&scene->halted);
        (void)sem_wait(&scene->go);
    }
    return 0;
}

static void *answer_all(void *arg) {
    struct scene *scene = arg;
    (void)pthread_mutex_lock(&scene->mutex);
    while (!scene->ending || scene->count > 0) {
        scene->full = scene->count > 0 &&
                      (scene->full || scene->ending || scene->count >= scene->together);
        if (!scene->full) {
            (void)pthread_cond_wait(&scene->more, &scene->mutex);
            continue;
        }
        struct loop_answer *some[ANSWERS];
        size_t count = 0;
        while (count < ANSWERS && scene->count > 0) {
            some[count++] = scene->held[--scene->count];
        }
        (void)pthread_mutex_unlock(&scene->mutex);
        loop_hold();
        for (size_t i = 0; i < count; i++) {
            loop_answered(&scene->loop, some[i]);
        }
        loop_release();
        (void)pthread_mutex_lock(&scene->mutex);
    }
    (void)pthread_mutex_unlock(&scene->mutex);
    return NULL;
}

static int scene_open(void **state) {
    static struct scene scene;
    scene = (struct scene){.fd = -1, .together = 1};
    (void)pthread_mutex_init(&scene.mutex, NULL);
    (void)pthread_cond_init(&scene.more, NULL);
    assert_int_equal(sem_init(&scene.halted, 0, 0), 0);
    assert_int_equal(sem_init(&scene.go, 0, 0), 0);
    struct op op;
    op_open(&op, 0);
    assert_null(listen_tcp(&op, S("127.0.0.1:0"), &scene.fd, &scene.port));
    op_close(&op);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, &scene,
        MHD_OPTION_LISTEN_SOCKET, scene.fd, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
        MHD_OPTION_CONNECTION_TIMEOUT, 2U, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS,
        MHD_OPTION_END);
    assert_non_null(daemon);
    assert_true(loop_open(&scene.loop, daemon, scene.fd, CLIENTS, on_turn, &scene));
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&scene.threads[i], NULL, answer_all, &scene), 0);
    }
    *state = &scene;
    return 0;
}

static int scene_close(void **state) {
    struct scene *scene = *state;
    loop_quiesce(&scene->loop);
    (void)pthread_mutex_lock(&scene->mutex);
    scene->ending = true;
    (void)pthread_cond_broadcast(&scene->more);
    (void)pthread_mutex_unlock(&scene->mutex);
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(scene->threads[i], NULL);
    }
    loop_close(&scene->loop);
    assert_int_equal(close(scene->fd), 0); // still ours
    return 0;
}

static int client_open(const struct scene *scene) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(scene->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval most = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void ask(int fd) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
}

// Whether a whole answer came; false: the connection was closed first.
static bool is_answered(int fd) {
    char answer[1000];
    size_t len = 0;
    while (len < 4 || memcmp(answer + len - 4, "done", 4) != 0) {
        ssize_t got = recv(fd, answer + len, sizeof answer - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
    }
    return memcmp(answer, "HTTP/1.1 200", 12) == 0;
}

static void each_request_is_answered_once_in_many_connections(void **state) {
    struct scene *scene = *state;
    int fds[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(scene);
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        (void)pthread_mutex_lock(&scene->mutex);
        scene->together = round % 2 == 0 ? 1 : CLIENTS; // one after the other, and all at once
        (void)pthread_mutex_unlock(&scene->mutex);
        for (size_t i = 0; i < CLIENTS; i++) {
            ask(fds[i]);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            assert_true(is_answered(fds[i]));
        }
    }
    assert_true(scene->turns >= ROUNDS);
    for (size_t i = 0; i < CLIENTS; i++) {
        char more;
        assert_int_equal(recv(fds[i], &more, 1, MSG_DONTWAIT), -1); // nothing else came
        (void)close(fds[i]);
    }
}

static void a_silent_connection_is_closed_when_its_time_is_over(void **state) {
    struct scene *scene = *state;
    int fd = client_open(scene);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    (void)close(fd);
}

static void there_is_room_again_as_soon_as_one_of_too_many_has_gone(void **state) {
    struct scene *scene = *state;
    int fds[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(scene);
        ask(fds[i]);
        assert_true(is_answered(fds[i]));
    }
    int late = client_open(scene);
    ask(late);
    struct timeval soon = {.tv_usec = 500000}; // well before the others' time is over
    assert_int_equal(setsockopt(late, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
    char byte;
    assert_int_equal(recv(late, &byte, 1, MSG_DONTWAIT), -1);
    (void)close(fds[0]);
    assert_true(is_answered(late));
    (void)close(late);
    for (size_t i = 1; i < CLIENTS; i++) {
        (void)close(fds[i]);
    }
}

static void who_waits_to_be_taken_is_taken_in_one_turn(void **state) {
    struct scene *scene = *state;
    int fds[CLIENTS];
    scene->hold = true;
    fds[0] = client_open(scene); // its turn is held
    assert_int_equal(sem_wait(&scene->halted), 0);
    unsigned taken = scene->connections; // none, if the turn that is held had begun before it came
    scene->most_new = 0;
    for (size_t i = 1; i < CLIENTS; i++) {
        fds[i] = client_open(scene);
        ask(fds[i]);
    }
    assert_int_equal(sem_post(&scene->go), 0);
    for (size_t i = 1; i < CLIENTS; i++) {
        assert_true(is_answered(fds[i]));
    }
    assert_true(taken <= 1);
    assert_int_equal(scene->most_new, CLIENTS - taken);
    for (size_t i = 0; i < CLIENTS; i++) {
        (void)close(fds[i]);
    }
}

static void it_serves_who_is_there_but_nobody_new_once_it_is_quiesced(void **state) {
    struct scene *scene = *state;
    int fd = client_open(scene);
    ask(fd);
    assert_true(is_answered(fd));
    loop_quiesce(&scene->loop);
    ask(fd);
    assert_true(is_answered(fd));
    int late = client_open(scene); // the kernel takes it, for the socket still listens
    ask(late);
    struct timeval soon = {.tv_usec = 200000};
    assert_int_equal(setsockopt(late, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
    assert_false(is_answered(late));
    (void)close(late);
    (void)close(fd);
}

static void what_was_answered_is_sent_before_it_closes(void **state) {
    struct scene *scene = *state;
    int fds[CLIENTS];
    scene->together = CLIENTS + 1; // all wait until the end
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(scene);
        ask(fds[i]);
    }
    for (size_t waiting = 0; waiting < CLIENTS;) {
        (void)pthread_mutex_lock(&scene->mutex);
        waiting = scene->count;
        (void)pthread_mutex_unlock(&scene->mutex);
    }
    (void)scene_close(state);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(is_answered(fds[i]));
        char more;
        assert_int_equal(recv(fds[i], &more, 1, 0), 0);
        (void)close(fds[i]);
    }
}

static void without_a_daemon_it_does_not_open_and_can_be_closed(void **state) {
    (void)state;
    struct loop loop;
    assert_false(loop_open(&loop, NULL, -1, 0, on_turn, NULL));
    loop_quiesce(&loop);
    loop_close(&loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_request_is_answered_once_in_many_connections,
                                        scene_open, scene_close),
        cmocka_unit_test_setup_teardown(a_silent_connection_is_closed_when_its_time_is_over,
                                        scene_open, scene_close),
        cmocka_unit_test_setup_teardown(there_is_room_again_as_soon_as_one_of_too_many_has_gone,
                                        scene_open, scene_close),
        cmocka_unit_test_setup_teardown(who_waits_to_be_taken_is_taken_in_one_turn, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(it_serves_who_is_there_but_nobody_new_once_it_is_quiesced,
                                        scene_open, scene_close),
        cmocka_unit_test_setup(what_was_answered_is_sent_before_it_closes, scene_open),
        cmocka_unit_test(without_a_daemon_it_does_not_open_and_can_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
