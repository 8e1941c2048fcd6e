// SPDX-License-Identifier: GPL-3.0-or-later
// What any program pays to say no: reads each request on 127.0.0.1 whole and answers 503, with as few system calls as that
// takes and no HTTP but the end of the head and the Content-Length (of `flood`, which has both in its first piece). It
// lets requests gather as a crowded gate does. One thread, epoll; bounded in time. Prints one line of JSON.
#include "args.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE_MAX = 18 * 1024, EVENTS = 128, FDS_MAX = 65536, GATHER_US = 2000, SECONDS_MAX = 600 };

static const char answer[] =
    "HTTP/1.1 503 Service Unavailable\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
    "Content-Type: application/problem+json\r\nCache-Control: no-store\r\nRetry-After: 1\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nContent-Length: 200\r\n\r\n"
    "                                                                                                    "
    "                                                                                                    ";

static long answered;
static long left[FDS_MAX]; // of the request that a connection sends

static int listen_at(long port) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, SOMAXCONN) != 0) {
        err(2, "port %ld", port);
    }
    return fd;
}

static void watch(int poll, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (fd >= FDS_MAX || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0) {
        err(2, "epoll_ctl");
    }
}

static void accept_all(int poll, int listening) {
    int fd = -1;
    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        watch(poll, fd, EPOLLIN | EPOLLET);
        left[fd] = 0;
    }
}

// Whether there may be more of it.
static bool take(int fd) {
    static char piece[PIECE_MAX];
    ssize_t got = recv(fd, piece, sizeof piece, 0);
    if (got < 0 && errno == EAGAIN) {
        return false;
    }
    if (got <= 0) {
        (void)close(fd);
        return false;
    }
    if (left[fd] == 0) {
        const char *end = memmem(piece, (size_t)got, "\r\n\r\n", 4);
        const char *length = memmem(piece, (size_t)got, "\r\nContent-Length:", 17);
        if (end == NULL || length == NULL || length > end) {
            errx(1, "a first piece without a whole head");
        }
        left[fd] = end + 4 - piece + strtol(length + 17, NULL, 10);
    }
    left[fd] -= got;
    if (left[fd] < 0 || (left[fd] == 0 && send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) != sizeof answer - 1)) {
        errx(1, "bytes after a request, or an answer that could not be sent");
    }
    answered += left[fd] == 0 ? 1 : 0;
    return got == PIECE_MAX;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        errx(2, "usage: bare PORT SECONDS");
    }
    int listening = listen_at(arg_number("port", argv[1], 1, UINT16_MAX));
    time_t end = time(NULL) + arg_number("seconds", argv[2], 1, SECONDS_MAX);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    watch(poll, listening, EPOLLIN);
    while (time(NULL) < end) {
        struct epoll_event events[EVENTS];
        int n = EVENTS;
        while (n == EVENTS) {
            n = epoll_wait(poll, events, EVENTS, 0);
            for (int i = 0; i < n; i++) {
                int fd = events[i].data.fd;
                if (fd == listening) {
                    accept_all(poll, listening);
                }
                while (fd != listening && take(fd)) {
                }
            }
        }
        (void)usleep(GATHER_US);
    }
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    printf("{\"answered\": %ld, \"cpu_us\": %ld}\n", answered,
           (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return 0;
}
