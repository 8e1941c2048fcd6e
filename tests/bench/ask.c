// SPDX-License-Identifier: GPL-3.0-or-later
// Sends requests from a file, round and round, to 127.0.0.1 over K kept-alive connections (one thread,
// epoll), each as soon as the answer to the last one on its connection is there, and checks every
// answer: its status, and a text that its body must hold. For what is asked often: sessions, tokens,
// lists. A line of the file is one request: method, path, then headers, then a body, parted by tabs; a
// body begins with '='. Bounded in count and time. Prints one line of JSON; shows the first wrong answer
// on stderr, and exits 1 when there was one or when time ran out.
#include "args.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 512 * 1024, // a page of 200 users is under 100 KB
    SHOWN_MAX = 1500,
    REQUEST_MAX = 16 * 1024,
    CONNS_MAX = 512,
    EVENTS = 256,
    TICK_MS = 200
};

struct request {
    char *at;
    size_t len;
};
struct conn {
    int fd;
    bool waiting;
    const struct request *request;
    size_t sent, answer_len;
    uint64_t since_us;
    char *answer;
};
struct ask {
    const char *file, *must;
    long port, conns, count, seconds, status;
    struct request *requests;
    size_t request_count, next;
    int poll;
    long sent, answered, ok, failed;
    uint32_t *latency_us;
    bool shown;
};

static uint64_t now_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

// ---- requests ----

static char *field(char **rest) {
    char *at = *rest;
    char *tab = at != NULL ? strchr(at, '\t') : NULL;
    *rest = tab != NULL ? tab + 1 : NULL;
    if (tab != NULL) {
        *tab = '\0';
    }
    return at;
}

static struct request request_of(char *line) {
    char text[REQUEST_MAX];
    char *rest = line;
    const char *method = field(&rest);
    const char *path = field(&rest);
    const char *body = "";
    if (path == NULL) {
        errx(2, "a request needs a method and a path, parted by a tab: %.80s", line);
    }
    int len = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, path);
    for (char *next = field(&rest); next != NULL; next = field(&rest)) {
        if (next[0] == '=') {
            body = next + 1;
        } else if (len > 0 && len < REQUEST_MAX) {
            len += snprintf(text + len, sizeof text - (size_t)len, "%s\r\n", next);
        }
    }
    if (len > 0 && len < REQUEST_MAX) {
        len += body[0] != '\0' ? snprintf(text + len, sizeof text - (size_t)len,
                                          "Content-Length: %zu\r\n\r\n%s", strlen(body), body)
                               : snprintf(text + len, sizeof text - (size_t)len, "\r\n");
    }
    if (len < 0 || len >= REQUEST_MAX) {
        errx(2, "a request is longer than %d bytes", REQUEST_MAX);
    }
    struct request request = {strndup(text, (size_t)len), (size_t)len};
    if (request.at == NULL) {
        errx(2, "no memory");
    }
    return request;
}

static void read_requests(struct ask *ask) {
    FILE *file = fopen(ask->file, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;
    if (file == NULL) {
        err(2, "%s", ask->file);
    }
    while ((len = getline(&line, &room, file)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if ((ask->request_count & (ask->request_count + 1)) == 0) { // 0, 1, 3, 7 ...: doubles
            size_t bigger = 2 * (ask->request_count + 1);
            ask->requests = realloc(ask->requests, bigger * sizeof *ask->requests);
            if (ask->requests == NULL) {
                errx(2, "no memory");
            }
        }
        ask->requests[ask->request_count++] = request_of(line);
    }
    free(line);
    (void)fclose(file);
    if (ask->request_count == 0) {
        errx(2, "%s: no requests", ask->file);
    }
}

// ---- answers ----

static void fail(struct ask *ask, const struct conn *conn, const char *what) {
    ask->failed++;
    if (!ask->shown) {
        ask->shown = true;
        int len = conn->answer_len < SHOWN_MAX ? (int)conn->answer_len : SHOWN_MAX;
        fprintf(stderr, "ask: the first wrong answer: %s\n%.*s\n", what, len, conn->answer);
    }
}

// Whether the answer is whole; *ret_body: where its body starts.
static bool complete(const struct conn *conn, const char **ret_body) {
    const char *end = memmem(conn->answer, conn->answer_len, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    const char *length = strcasestr(conn->answer, "\r\ncontent-length:");
    long body_len = length != NULL && length < end ? strtol(length + 17, NULL, 10) : 0;
    *ret_body = end + 4;
    return conn->answer_len >= (size_t)(end + 4 - conn->answer) + (size_t)body_len;
}

static void take_answer(struct ask *ask, struct conn *conn, const char *body) {
    uint64_t took = now_us() - conn->since_us;
    if (strtol(conn->answer + 9, NULL, 10) != ask->status) {
        fail(ask, conn, "its status");
    } else if (ask->must != NULL && strstr(body, ask->must) == NULL) {
        fail(ask, conn, "its body lacks what it must hold");
    } else {
        ask->latency_us[ask->ok++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
    }
    ask->answered++;
    conn->waiting = false;
}

// ---- connections ----

static void conn_open(const struct ask *ask, struct conn *conn) {
    struct sockaddr_in gate = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)ask->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    conn->answer = malloc(ANSWER_MAX + 1);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    if (conn->fd < 0 || conn->answer == NULL ||
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        connect(conn->fd, (const struct sockaddr *)&gate, sizeof gate) != 0 ||
        epoll_ctl(ask->poll, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
        err(2, "connect");
    }
}

// Requests are small: they fit the socket's buffer, so sending never waits.
static void send_next(struct ask *ask, struct conn *conn) {
    if (ask->sent >= ask->count) {
        return;
    }
    conn->request = &ask->requests[ask->next++ % ask->request_count];
    conn->answer_len = 0;
    conn->since_us = now_us();
    conn->waiting = true;
    ask->sent++;
    if (send(conn->fd, conn->request->at, conn->request->len, MSG_NOSIGNAL) !=
        (ssize_t)conn->request->len) {
        err(1, "send");
    }
}

static void receive(struct ask *ask, struct conn *conn) {
    ssize_t got = recv(conn->fd, conn->answer + conn->answer_len, ANSWER_MAX - conn->answer_len, 0);
    if (got <= 0 || !conn->waiting) {
        errx(1, "the connection was closed, or answered what nobody asked");
    }
    conn->answer_len += (size_t)got;
    conn->answer[conn->answer_len] = '\0';
    const char *body = NULL;
    if (complete(conn, &body)) {
        take_answer(ask, conn, body);
        send_next(ask, conn);
    }
}

static void run(struct ask *ask, struct conn *conns) {
    uint64_t deadline = now_us() + (uint64_t)ask->seconds * 1000000U;
    struct epoll_event events[EVENTS];
    for (long i = 0; i < ask->conns; i++) {
        conn_open(ask, &conns[i]);
        send_next(ask, &conns[i]);
    }
    while (ask->answered < ask->count && now_us() < deadline) {
        int n = epoll_wait(ask->poll, events, EVENTS, TICK_MS);
        for (int i = 0; i < n; i++) {
            receive(ask, events[i].data.ptr);
        }
    }
}

static int by_latency(const void *left, const void *right) {
    const uint32_t *a = left;
    const uint32_t *b = right;
    return (*a > *b) - (*a < *b);
}

static bool report(struct ask *ask, uint64_t wall_us) {
    size_t ok = (size_t)ask->ok;
    qsort(ask->latency_us, ok, sizeof *ask->latency_us, by_latency);
    printf("{\"sent\": %ld, \"ok\": %ld, \"failed\": %ld, \"wall_us\": %lu, \"p50_us\": %u, "
           "\"p99_us\": %u, \"max_us\": %u}\n",
           ask->sent, ask->ok, ask->sent - ask->ok, wall_us,
           ok > 0 ? ask->latency_us[ok / 2] : 0, ok > 0 ? ask->latency_us[ok * 99 / 100] : 0,
           ok > 0 ? ask->latency_us[ok - 1] : 0);
    return ask->ok == ask->count;
}

static const char usage[] =
    "ask --port N --requests FILE [--count N] [--conns K] [--seconds S] [--status 200] [--must TEXT]\n";

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},    {"requests", required_argument, NULL, 'r'},
        {"count", required_argument, NULL, 'n'},   {"conns", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'}, {"status", required_argument, NULL, 'x'},
        {"must", required_argument, NULL, 'm'},    {NULL, 0, NULL, 0},
    };
    struct ask ask = {.conns = 16, .seconds = 60, .status = 200, .count = 1000};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'p': ask.port = arg_number("port", optarg, 1, UINT16_MAX); break;
            case 'r': ask.file = optarg; break;
            case 'n': ask.count = arg_number("count", optarg, 1, 10000000); break;
            case 'c': ask.conns = arg_number("conns", optarg, 1, CONNS_MAX); break;
            case 's': ask.seconds = arg_number("seconds", optarg, 1, 3600); break;
            case 'x': ask.status = arg_number("status", optarg, 100, 599); break;
            case 'm': ask.must = optarg; break;
            default: fputs(usage, stderr); return 2;
        }
    }
    if (optind != argc || ask.port == 0 || ask.file == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    read_requests(&ask);
    ask.conns = ask.conns < ask.count ? ask.conns : ask.count;
    struct conn *conns = calloc((size_t)ask.conns, sizeof *conns);
    ask.latency_us = calloc((size_t)ask.count, sizeof *ask.latency_us);
    ask.poll = epoll_create1(EPOLL_CLOEXEC);
    if (conns == NULL || ask.latency_us == NULL || ask.poll < 0) {
        errx(2, "no memory or no epoll");
    }
    uint64_t start = now_us();
    run(&ask, conns);
    return report(&ask, now_us() - start) ? 0 : 1;
}
