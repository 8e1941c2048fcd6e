// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/loop.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

// New connections of one turn. MHD takes eleven; when a turn has thousands of connections to see to, who comes new would wait
// for seconds only to be told that there is too much.
#define ACCEPTS_MAX 1024

// Before those that do the work: it has little to do for each request, and says no to what is too much. Else, when there is, it
// would have its turn among them all, and everybody would wait in the sockets.
#define URGENT (-10)

static void wake_up(const struct loop *loop) {
    const uint64_t one = 1;
    // It fails only when the counter is full, and then the loop is awake.
    (void)!write(loop->wake, &one, sizeof one);
}

// ---- the thread ----

static enum loop_wish take(struct loop *loop, struct loop_answer **ret_answers) {
    (void)pthread_mutex_lock(&loop->mutex);
    *ret_answers = loop->answers;
    loop->answers = NULL;
    loop->asleep = false;
    enum loop_wish wish = loop->wish;
    (void)pthread_mutex_unlock(&loop->mutex);
    return wish;
}

static void resume(struct loop_answer *answers) {
    struct loop_answer *next;
    for (struct loop_answer *answer = answers; answer != NULL; answer = next) {
        next = answer->next;
        MHD_resume_connection(answer->connection);
    }
}

// Whether there are fewer connections than the last time: MHD listens again, if there were too many
// of them, only when it is run once more.
static bool has_room_again(struct loop *loop) {
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    unsigned before = loop->connections;
    loop->connections = info != NULL ? info->num_connections : 0;
    return loop->connections < before;
}

// Until a socket is ready, a connection's time is over or somebody has something to say. Both
// descriptors are looked at by whoever owns them: what epoll_wait says of them is of no use.
static void sleep_on(struct loop *loop, enum loop_wish seen) {
    MHD_UNSIGNED_LONG_LONG left = 0;
    int timeout = -1;
    if (MHD_get_timeout(loop->daemon, &left) == MHD_YES) {
        timeout = left > INT_MAX ? INT_MAX : (int)left;
    }
    if (timeout == 0) {
        return;
    }
    (void)pthread_mutex_lock(&loop->mutex);
    loop->asleep = loop->answers == NULL && loop->wish == seen;
    bool sleeps = loop->asleep;
    (void)pthread_mutex_unlock(&loop->mutex);
    if (sleeps) {
        struct epoll_event event;
        CHECK(epoll_wait(loop->poll, &event, 1, timeout) >= 0 || errno == EINTR);
    }
}

// What MHD left waiting, up to the limit that it would keep itself.
static void accept_more(struct loop *loop) {
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    unsigned room = info != NULL && info->num_connections < loop->most ? loop->most - info->num_connections : 0;
    room = room < ACCEPTS_MAX ? room : ACCEPTS_MAX;
    for (; room > 0; room--) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd = accept4(loop->listening, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        // Refused, it is closed; what is wrong with accepting is MHD's to find, and to wait for.
        if (fd < 0 || MHD_add_connection(loop->daemon, fd, (struct sockaddr *)&from, len) != MHD_YES) {
            return;
        }
    }
}

static void *loop_main(void *arg) {
    struct loop *loop = arg;
    (void)setpriority(PRIO_PROCESS, 0, URGENT); // on Linux: of this thread. It may not be allowed
    enum loop_wish wish = LOOP_SERVE;
    while (wish != LOOP_END) {
        struct loop_answer *answers = NULL;
        bool serving = wish == LOOP_SERVE;
        wish = take(loop, &answers);
        if (serving && wish != LOOP_SERVE) {
            (void)MHD_quiesce_daemon(loop->daemon);
            loop->listening = -1;
        }
        resume(answers);
        (void)MHD_run(loop->daemon);
        if (loop->listening >= 0) {
            accept_more(loop);
        }
        unsigned pause = loop->turned(loop->arg);
        if (pause > 0) {
            (void)usleep(pause);
        } else if (!has_room_again(loop) && wish != LOOP_END) {
            sleep_on(loop, wish);
        }
    }
    return NULL;
}

// ---- for others ----

static bool watch(const struct loop *loop, int fd, uint32_t events) {
    struct epoll_event event = {.events = events};
    return epoll_ctl(loop->poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void give_back(struct loop *loop) {
    if (loop->poll >= 0) {
        (void)close(loop->poll);
    }
    if (loop->wake >= 0) {
        (void)close(loop->wake);
    }
    (void)pthread_mutex_destroy(&loop->mutex);
    loop->daemon = NULL;
}

bool loop_open(struct loop *loop, struct MHD_Daemon *daemon, int listening, unsigned most, unsigned (*turned)(void *),
               void *arg) {
    *loop = (struct loop){.turned = turned, .arg = arg, .listening = listening, .most = most};
    const union MHD_DaemonInfo *info =
        daemon != NULL ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info == NULL) {
        return false;
    }
    loop->daemon = daemon;
    (void)pthread_mutex_init(&loop->mutex, NULL);
    loop->poll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    // By its edge: so nobody has to read it.
    if (loop->poll < 0 || loop->wake < 0 || !watch(loop, info->epoll_fd, EPOLLIN) ||
        !watch(loop, loop->wake, EPOLLIN | EPOLLET) ||
        pthread_create(&loop->thread, NULL, loop_main, loop) != 0) {
        give_back(loop);
        return false;
    }
    (void)pthread_setname_np(loop->thread, "http-io");
    return true;
}

// Of a thread between loop_hold and loop_release, and the loop that it has to wake then.
static _Thread_local bool holds;
static _Thread_local const struct loop *owed;

static void say(struct loop *loop, struct loop_answer *answer, enum loop_wish wish) {
    (void)pthread_mutex_lock(&loop->mutex);
    if (answer != NULL) {
        answer->next = loop->answers;
        loop->answers = answer;
    }
    loop->wish = wish > loop->wish ? wish : loop->wish;
    bool asleep = loop->asleep;
    loop->asleep = false; // one wakes it for all
    (void)pthread_mutex_unlock(&loop->mutex);
    if (asleep && holds) {
        loop_release();
        holds = true;
        owed = loop;
    } else if (asleep) {
        wake_up(loop);
    }
}

void loop_hold(void) {
    holds = true;
}

void loop_release(void) {
    holds = false;
    if (owed != NULL) {
        wake_up(owed);
        owed = NULL;
    }
}

void loop_answered(struct loop *loop, struct loop_answer *answer) {
    say(loop, answer, LOOP_SERVE);
}

void loop_quiesce(struct loop *loop) {
    if (loop->daemon != NULL) {
        say(loop, NULL, LOOP_QUIESCE);
    }
}

void loop_close(struct loop *loop) {
    if (loop->daemon == NULL) {
        return;
    }
    say(loop, NULL, LOOP_END);
    (void)pthread_join(loop->thread, NULL);
    resume(loop->answers); // of requests that came last: MHD stops with no suspended connection
    MHD_stop_daemon(loop->daemon);
    give_back(loop);
}
