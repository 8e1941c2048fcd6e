// SPDX-License-Identifier: GPL-3.0-or-later
// One thread, one descriptor, three commands (saml/pool.h has the protocol). It trusts the gate's
// commands but kills nothing that is not its own unreaped child, and any fault ends it with all its
// workers.
#include "worker/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "worker/jail.h"

#define CHILDREN_MAX 256 // 64 warm ones, fresh ones, and those that die; more are not forked
#define COMMAND_MAX 8    // bytes

struct spawner {
    const struct spawner_work *work;
    struct jail jail;
    pid_t self;
    pid_t children[CHILDREN_MAX];
    size_t count;
};

// Standard streams to nowhere, and nothing else open but the channel.
static bool close_all(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        return false;
    }
#ifdef GATEHOUSE_SANITIZER
    int last = STDOUT_FILENO; // its reports go to the gate's stderr
#else
    int last = STDERR_FILENO;
#endif
    for (int fd = STDIN_FILENO; fd <= last; fd++) {
        if (dup2(null, fd) != fd) {
            return false;
        }
    }
    return close_range(SPAWNER_CHANNEL + 1, ~0U, 0) == 0;
}

static void reap(struct spawner *spawner) {
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid <= 0) {
            return;
        }
        for (size_t i = 0; i < spawner->count; i++) {
            if (spawner->children[i] == pid) {
                spawner->children[i] = spawner->children[--spawner->count];
                break;
            }
        }
    }
}

static void be_worker(const struct spawner *spawner, int fd) {
    // Asked for first, looked at second: a spawner that is gone already would never be noticed.
    bool good = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == spawner->self &&
                dup2(fd, SPAWNER_CHANNEL) == SPAWNER_CHANNEL && close(fd) == 0 &&
                jail_worker(&spawner->jail);
    if (good) {
        spawner->work->serve(SPAWNER_CHANNEL);
    }
    _exit(good ? 0 : 1);
}

static uint32_t start(struct spawner *spawner, int fd) {
    reap(spawner);
    if (fd < 0 || spawner->count == CHILDREN_MAX) {
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        be_worker(spawner, fd);
    }
    if (pid < 0) {
        return 0;
    }
    spawner->children[spawner->count++] = pid;
    return (uint32_t)pid;
}

static bool answer(uint32_t pid) {
    unsigned char bytes[] = {'P', (unsigned char)(pid >> 24), (unsigned char)(pid >> 16),
                             (unsigned char)(pid >> 8), (unsigned char)pid};
    return send(SPAWNER_CHANNEL, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes;
}

static void kill_one(struct spawner *spawner, const unsigned char at[4]) {
    uint32_t number =
        (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
    reap(spawner);
    for (size_t i = 0; i < spawner->count; i++) {
        if ((uint32_t)spawner->children[i] == number) {
            (void)kill(spawner->children[i], SIGKILL);
        }
    }
}

// The bytes of one command and the descriptor that came with it, or -1. Length 0: the gate hung up.
static ssize_t receive(unsigned char command[COMMAND_MAX], int *ret_fd) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec part = {.iov_base = command, .iov_len = COMMAND_MAX};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    ssize_t len;
    do {
        len = recvmsg(SPAWNER_CHANNEL, &message, MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    *ret_fd = -1;
    struct cmsghdr *head = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(ret_fd, CMSG_DATA(head), sizeof(int));
    }
    return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ? -1 : len;
}

static bool obey(struct spawner *spawner) {
    unsigned char command[COMMAND_MAX];
    AUTO_FD fd = -1;
    ssize_t len = receive(command, &fd);
    if (len == 1 && command[0] == 'F') {
        return answer(start(spawner, fd));
    }
    if (len == 5 && command[0] == 'K') {
        kill_one(spawner, command + 1);
        return true;
    }
    return false;
}

static int run(const struct spawner_work *work) {
    static struct spawner spawner; // two filters are too much for a stack
    spawner.work = work;
    spawner.self = getpid();
    if (!work->init()) {
        (void)fprintf(stderr, "%s: a library that it needs does not start.\n", work->name);
        return 1;
    }
    if (!jail_compile(work->lookups, &spawner.jail)) {
        (void)fprintf(stderr,
                      "%s: this kernel or libseccomp cannot make the filter of system calls, so no "
                      "XML is read.\n",
                      work->name);
        return 1;
    }
    if (!close_all() || !jail_spawner(&spawner.jail)) {
        return 1;
    }
    while (obey(&spawner)) {
    }
    for (size_t i = 0; i < spawner.count; i++) {
        (void)kill(spawner.children[i], SIGKILL);
    }
    while (waitpid(-1, NULL, 0) > 0) {
    }
    _exit(0);
}

static bool has_channel(void) {
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(SPAWNER_CHANNEL, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           type == SOCK_SEQPACKET;
}

int spawner_main(int argc, char **argv, const struct spawner_work *work) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("%s %s\n", work->name, GATEHOUSE_VERSION);
        return 0;
    }
    if (argc != 1 || !has_channel()) {
        (void)fprintf(stderr,
                      "%s reads XML in a jail for gatehouse, which starts it; there is nothing to "
                      "start by hand.\n",
                      work->name);
        return 2;
    }
    return run(work);
}
