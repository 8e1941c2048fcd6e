// SPDX-License-Identifier: GPL-3.0-or-later
// Starts the spawner with one descriptor and an empty environment, and speaks its protocol (see
// pool.h). A fault on the channel ends it; the next who needs a worker starts another.
#include "saml/pool_spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/check.h"
#include "base/clock.h"

#define CHILD_CHANNEL 3
#define REPLY_LEN 5
#define END_WAIT_MS 2000 // it only has to see end of file and kill its children

void spawner_open(struct spawner *spawner, const char *program) {
    *spawner = (struct spawner){.program = program, .channel = -1, .pid = -1};
    CHECK(pthread_mutex_init(&spawner->mutex, NULL) == 0);
}

// A session of its own, so that Ctrl-C at the gate's terminal lets it finish what it has; default
// signals.
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failed = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                          POSIX_SPAWN_SETSIGDEF);
    failed = failed != 0 ? failed : posix_spawnattr_setsigmask(attributes, &none);
    return failed != 0 ? failed : posix_spawnattr_setsigdefault(attributes, &all);
}

static int exec_program(const char *program, int channel, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        char name[] = "gatehouse-worker";
        char *const words[] = {name, NULL};
        char *const environment[] = {NULL};
        failed = set_attributes(&attributes);
        failed = failed != 0 ? failed
                             : posix_spawn_file_actions_adddup2(&actions, channel, CHILD_CHANNEL);
        failed = failed != 0
                     ? failed
                     : posix_spawn(ret_pid, program, &actions, &attributes, words, environment);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

// From one that closes itself to an owner.
static int hand_over(int *fd) {
    int number = *fd;
    *fd = -1;
    return number;
}

static int start(struct spawner *spawner) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return errno;
    }
    AUTO_FD ours = ends[0];
    AUTO_FD first = ends[1];
    // Above 3, so that making it number 3 there overwrites nothing.
    AUTO_FD theirs = fcntl(first, F_DUPFD_CLOEXEC, CHILD_CHANNEL + 1);
    if (theirs < 0) {
        return errno;
    }
    int failed = exec_program(spawner->program, theirs, &spawner->pid);
    if (failed != 0) {
        return failed;
    }
    spawner->channel = hand_over(&ours);
    spawner->generation++;
    return 0;
}

static void wait_for_end(pid_t pid) {
    int64_t deadline = clock_steady() + END_WAIT_MS;
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_steady() > deadline) {
            (void)kill(pid, SIGKILL);
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
            }
            return;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

// `at_once`: it broke the protocol, so nothing is waited for.
static void stop(struct spawner *spawner, bool at_once) {
    if (spawner->channel >= 0) {
        (void)close(spawner->channel);
        spawner->channel = -1;
        if (at_once) {
            (void)kill(spawner->pid, SIGKILL); // our child, not reaped: the number is still its own
        }
        wait_for_end(spawner->pid);
        spawner->pid = -1;
    }
}

static bool send_fd(int channel, int fd) {
    char command = 'F';
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec part = {.iov_base = &command, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof(int));
    return sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

static bool receive_pid(int channel, pid_t *ret_pid) {
    int64_t deadline = clock_steady() + SPAWNER_DEADLINE_MS;
    struct pollfd poller = {.fd = channel, .events = POLLIN};
    int got;
    do {
        int64_t left = deadline - clock_steady();
        got = poll(&poller, 1, left > 0 ? (int)left : 0);
    } while (got < 0 && errno == EINTR);
    unsigned char bytes[REPLY_LEN + 1];
    if (got != 1 || recv(channel, bytes, sizeof bytes, MSG_DONTWAIT) != REPLY_LEN ||
        bytes[0] != 'P') {
        return false;
    }
    uint32_t pid = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 |
                   (uint32_t)bytes[4];
    *ret_pid = (pid_t)pid;
    return *ret_pid >= 0;
}

// Under the mutex.
static int fork_worker(struct spawner *spawner, struct process *ret_process) {
    if (clock_steady() < spawner->next_start) {
        return EAGAIN;
    }
    int failed = spawner->channel < 0 ? start(spawner) : 0;
    if (failed != 0) {
        return failed;
    }
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return errno;
    }
    AUTO_FD ours = ends[0];
    AUTO_FD theirs = ends[1];
    pid_t pid = 0;
    if (!send_fd(spawner->channel, theirs) || !receive_pid(spawner->channel, &pid)) {
        stop(spawner, true);
        return ECHILD;
    }
    if (pid == 0) {
        return ENOMEM; // fork failed there
    }
    *ret_process = (struct process){hand_over(&ours), pid, spawner->generation};
    return 0;
}

int spawner_fork(struct spawner *spawner, struct process *ret_process) {
    CHECK(pthread_mutex_lock(&spawner->mutex) == 0);
    int failed = fork_worker(spawner, ret_process);
    if (failed == 0) {
        spawner->pause = 0;
        spawner->next_start = 0;
    } else if (failed != EAGAIN) {
        int64_t pause = spawner->pause * 2;
        pause = pause < SPAWNER_PAUSE_MIN_MS ? SPAWNER_PAUSE_MIN_MS : pause;
        spawner->pause = pause > SPAWNER_PAUSE_MAX_MS ? SPAWNER_PAUSE_MAX_MS : pause;
        spawner->next_start = clock_steady() + spawner->pause;
    }
    CHECK(pthread_mutex_unlock(&spawner->mutex) == 0);
    return failed;
}

void spawner_end(struct spawner *spawner, struct process *process) {
    // A worker in order ends at end of file; one that is not is killed. Its zombie is reaped by the
    // spawner.
    (void)close(process->fd);
    process->fd = -1;
    uint32_t pid = (uint32_t)process->pid;
    unsigned char command[] = {'K', (unsigned char)(pid >> 24), (unsigned char)(pid >> 16),
                               (unsigned char)(pid >> 8), (unsigned char)pid};
    CHECK(pthread_mutex_lock(&spawner->mutex) == 0);
    if (spawner->channel >= 0 && spawner->generation == process->generation &&
        send(spawner->channel, command, sizeof command, MSG_NOSIGNAL | MSG_DONTWAIT) !=
            (ssize_t)sizeof command) {
        stop(spawner, true); // its workers die with it
    }
    CHECK(pthread_mutex_unlock(&spawner->mutex) == 0);
}

void spawner_slow_down(struct spawner *spawner) {
    CHECK(pthread_mutex_lock(&spawner->mutex) == 0);
    int64_t next = clock_steady() + SPAWNER_PAUSE_MIN_MS;
    spawner->next_start = spawner->next_start > next ? spawner->next_start : next;
    CHECK(pthread_mutex_unlock(&spawner->mutex) == 0);
}

int64_t spawner_next_start(struct spawner *spawner) {
    CHECK(pthread_mutex_lock(&spawner->mutex) == 0);
    int64_t at = spawner->next_start;
    CHECK(pthread_mutex_unlock(&spawner->mutex) == 0);
    return at;
}

void spawner_close(struct spawner *spawner) {
    stop(spawner, false);
    CHECK(pthread_mutex_destroy(&spawner->mutex) == 0);
}
