// SPDX-License-Identifier: GPL-3.0-or-later
// Posts the lines of a file to 127.0.0.1 at a rate of its own, whatever the gate does: what is due
// while all connections wait is held back and counted. An answer 503 (it must have Retry-After)
// puts its body back, to be posted again later; any other than the status of a login is an error.
// Prints one line of JSON. One thread, epoll; it knows as much HTTP as it needs.
#include "../bench/args.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 16 * 1024, HEAD_MAX = 512, CONNS_MAX = 8192, EVENTS = 512, BODIES_MAX = 1000000 };

struct body {
    char *at;
    size_t len;
};

struct conn {
    int fd;
    bool waiting;
    struct body *body;
    char head[HEAD_MAX];
    struct iovec rest[2];
    bool polling_out;
    uint64_t since_us;
    size_t answer_len;
    char answer[ANSWER_MAX + 1];
};

struct times {
    uint32_t *at;
    size_t count;
};

struct flood {
    const char *path, *file;
    long port, rate, seconds, conns;
    int poll;
    struct body **ring; // of bodies that wait, first in first out
    size_t ring_size, first, waiting;
    struct conn **idle;
    size_t idle_count;
    long sent, held_back, errors, without_retry_after, reconnects;
    struct times ok, refused;
    bool shown;
};

static uint64_t now_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

static void put_back(struct flood *flood, struct body *body) {
    flood->ring[(flood->first + flood->waiting++) % flood->ring_size] = body;
}

static void watch(const struct flood *flood, struct conn *conn, int operation, bool out) {
    struct epoll_event event = {.events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = conn};
    if (epoll_ctl(flood->poll, operation, conn->fd, &event) != 0) {
        err(2, "epoll_ctl");
    }
    conn->polling_out = out;
}

static void open_conn(const struct flood *flood, struct conn *conn) {
    struct sockaddr_in gate = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)flood->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        (connect(conn->fd, (const struct sockaddr *)&gate, sizeof gate) != 0 &&
         errno != EINPROGRESS)) {
        err(2, "connect");
    }
    watch(flood, conn, EPOLL_CTL_ADD, false);
}

static void error(struct flood *flood, const struct conn *conn, const char *what) {
    flood->errors++;
    if (!flood->shown) {
        flood->shown = true;
        fprintf(stderr, "flood: %s\n%.*s\n", what, (int)conn->answer_len, conn->answer);
    }
}

static void finish(struct flood *flood, struct conn *conn, bool closed) {
    conn->waiting = false;
    flood->idle[flood->idle_count++] = conn;
    if (closed) {
        close(conn->fd);
        conn->fd = -1;
        flood->reconnects++;
    }
}

static void send_more(struct flood *flood, struct conn *conn) {
    while (conn->rest[0].iov_len + conn->rest[1].iov_len > 0) {
        struct msghdr message = {.msg_iov = conn->rest, .msg_iovlen = 2};
        ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            if (!conn->polling_out) {
                watch(flood, conn, EPOLL_CTL_MOD, true);
            }
            return;
        }
        if (sent < 0) {
            error(flood, conn, strerror(errno));
            finish(flood, conn, true);
            return;
        }
        size_t left = (size_t)sent;
        for (size_t i = 0; i < 2; i++) {
            size_t taken = left < conn->rest[i].iov_len ? left : conn->rest[i].iov_len;
            conn->rest[i].iov_base = (char *)conn->rest[i].iov_base + taken;
            conn->rest[i].iov_len -= taken;
            left -= taken;
        }
    }
    if (conn->polling_out) {
        watch(flood, conn, EPOLL_CTL_MOD, false);
    }
}

static void post(struct flood *flood) {
    struct conn *conn = flood->idle[--flood->idle_count];
    conn->body = flood->ring[flood->first];
    flood->first = (flood->first + 1) % flood->ring_size;
    flood->waiting--;
    int len = snprintf(conn->head, sizeof conn->head,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nAccept: text/html\r\n"
                       "Content-Type: application/x-www-form-urlencoded\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       flood->path, flood->port, conn->body->len);
    conn->rest[0] = (struct iovec){conn->head, (size_t)len};
    conn->rest[1] = (struct iovec){conn->body->at, conn->body->len};
    conn->waiting = true;
    conn->answer_len = 0;
    conn->since_us = now_us();
    flood->sent++;
    if (conn->fd < 0) {
        open_conn(flood, conn);
    }
    send_more(flood, conn);
}

static void take(struct flood *flood, struct conn *conn) {
    uint32_t took = (uint32_t)(now_us() - conn->since_us);
    int status = atoi(conn->answer + 9);
    if (status == 303) {
        flood->ok.at[flood->ok.count++] = took;
    } else if (status == 503) {
        flood->refused.at[flood->refused.count++] = took;
        flood->without_retry_after += strcasestr(conn->answer, "\nRetry-After:") == NULL;
        put_back(flood, conn->body);
    } else {
        error(flood, conn, "neither a login nor 503");
    }
    finish(flood, conn, strcasestr(conn->answer, "\nConnection: close") != NULL ||
                            conn->rest[1].iov_len > 0);
}

static void receive(struct flood *flood, struct conn *conn) {
    ssize_t got = recv(conn->fd, conn->answer + conn->answer_len, ANSWER_MAX - conn->answer_len, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        if (conn->waiting) {
            error(flood, conn, "the connection was closed");
            finish(flood, conn, true);
        } else {
            close(conn->fd); // an idle one, that the gate gave up
            conn->fd = -1;
        }
        return;
    }
    conn->answer_len += (size_t)got;
    conn->answer[conn->answer_len] = '\0';
    const char *end = strstr(conn->answer, "\r\n\r\n");
    const char *length = strcasestr(conn->answer, "\nContent-Length:");
    if (end != NULL && length != NULL &&
        (size_t)(end + 4 - conn->answer) + (size_t)atol(length + 16) <= conn->answer_len) {
        take(flood, conn);
    }
}

static void open_bodies(struct flood *flood) {
    int fd = open(flood->file, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0 || about.st_size == 0) {
        err(2, "%s", flood->file);
    }
    char *at = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED) {
        err(2, "%s", flood->file);
    }
    close(fd);
    char *end = at + about.st_size;
    struct body *bodies = calloc(BODIES_MAX, sizeof *bodies);
    flood->ring = calloc(BODIES_MAX, sizeof(struct body *));
    if (bodies == NULL || flood->ring == NULL) {
        err(2, "no memory");
    }
    flood->ring_size = BODIES_MAX;
    while (at < end && flood->waiting < BODIES_MAX) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        struct body *body = &bodies[flood->waiting];
        *body = (struct body){at, (size_t)(stop - at)};
        put_back(flood, body);
        at = stop + 1;
    }
}

static void run(struct flood *flood) {
    uint64_t start = now_us();
    uint64_t end = start + (uint64_t)flood->seconds * 1000000U;
    struct epoll_event events[EVENTS];
    uint64_t due = 0; // so many were due so far
    for (uint64_t now = start; now < end; now = now_us()) {
        uint64_t upto = (now - start) * (uint64_t)flood->rate / 1000000U;
        for (; due < upto; due++) {
            if (flood->idle_count == 0 || flood->waiting == 0) {
                flood->held_back += (long)(upto - due);
                due = upto;
                break;
            }
            post(flood);
        }
        int n = epoll_wait(flood->poll, events, EVENTS, 1);
        for (int i = 0; i < n; i++) {
            struct conn *conn = events[i].data.ptr;
            if (conn->fd >= 0 && (events[i].events & (unsigned)EPOLLOUT) != 0 && conn->waiting) {
                send_more(flood, conn);
            }
            if (conn->fd >= 0 && (events[i].events & ~(unsigned)EPOLLOUT) != 0) {
                receive(flood, conn);
            }
        }
    }
}

static int by_time(const void *left, const void *right) {
    const uint32_t *a = left;
    const uint32_t *b = right;
    return (*a > *b) - (*a < *b);
}

static uint32_t percentile(struct times *times, size_t percent) {
    qsort(times->at, times->count, sizeof *times->at, by_time);
    return times->count > 0 ? times->at[(times->count - 1) * percent / 100] : 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},  {"path", required_argument, NULL, 'P'},
        {"bodies", required_argument, NULL, 'b'}, {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'}, {"conns", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    struct flood flood = {.rate = 1000, .seconds = 5, .conns = 1024};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'p': flood.port = arg_number("port", optarg, 1, UINT16_MAX); break;
            case 'P': flood.path = optarg; break;
            case 'b': flood.file = optarg; break;
            case 'r': flood.rate = arg_number("rate", optarg, 1, 1000000); break;
            case 's': flood.seconds = arg_number("seconds", optarg, 1, 600); break;
            case 'c': flood.conns = arg_number("conns", optarg, 1, CONNS_MAX); break;
            default: return 2;
        }
    }
    if (flood.port == 0 || flood.path == NULL || flood.file == NULL) {
        errx(2, "--port, --path and --bodies are needed");
    }
    open_bodies(&flood);
    size_t most = (size_t)(flood.rate * flood.seconds + flood.conns) + 1;
    struct conn *conns = calloc((size_t)flood.conns, sizeof *conns);
    flood.idle = calloc((size_t)flood.conns, sizeof(struct conn *));
    flood.ok.at = calloc(most, sizeof *flood.ok.at);
    flood.refused.at = calloc(most, sizeof *flood.refused.at);
    flood.poll = epoll_create1(EPOLL_CLOEXEC);
    if (conns == NULL || flood.idle == NULL || flood.ok.at == NULL || flood.refused.at == NULL ||
        flood.poll < 0) {
        err(2, "no memory");
    }
    for (long i = 0; i < flood.conns; i++) {
        conns[i].fd = -1;
        flood.idle[flood.idle_count++] = &conns[i];
    }
    run(&flood);
    printf("{\"sent\": %ld, \"ok\": %zu, \"refused\": %zu, \"held_back\": %ld, \"errors\": %ld, "
           "\"without_retry_after\": %ld, \"reconnects\": %ld, \"rate\": %zu, \"p50_us\": %u, "
           "\"p99_us\": %u, \"refused_p50_us\": %u, \"refused_p99_us\": %u, \"left\": %zu}\n",
           flood.sent, flood.ok.count, flood.refused.count, flood.held_back, flood.errors,
           flood.without_retry_after, flood.reconnects, flood.ok.count / (size_t)flood.seconds,
           percentile(&flood.ok, 50), percentile(&flood.ok, 99), percentile(&flood.refused, 50),
           percentile(&flood.refused, 99), flood.waiting);
    return flood.errors == 0 && flood.without_retry_after == 0 ? 0 : 1;
}
