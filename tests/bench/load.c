// SPDX-License-Identifier: GPL-3.0-or-later
// Posts each line of a file once to 127.0.0.1 over K kept-alive connections (one thread, epoll) and
// checks every answer: the status, and a session token of 16 characters or more that no other
// answer had. It retries nothing: a connection that breaks is a failed login. Bounded in count and
// in time. Prints one line of JSON; shows the first wrong answer on stderr, and exits 1 when there
// was one or when time ran out. It knows no more HTTP than it needs: an answer has a
// Content-Length, or it is wrong.
#include "args.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

enum {
    ANSWER_MAX = 64 * 1024, // a page for people is under 20 KB, a JSON answer under 4 KB
    SHOWN_MAX = 1500,       // of a wrong answer
    HEAD_MAX = 1024,
    NAME_MAX_LEN = 128, // of a cookie
    TOKEN_MIN = 16,
    CONNS_MAX = 4096,
    SECONDS_MAX = 3600,
    COUNT_MAX = 10000000,
    EVENTS = 256,
    TICK_MS = 200 // between two looks at the clock when nothing happens
};

struct piece {
    const char *at;
    size_t len;
};

// A session by the digest of its token: tokens differ in length, this does not.
struct session {
    unsigned char digest[SHA256_DIGEST_LENGTH];
};

struct conn {
    int fd;       // -1: not open
    bool waiting; // for an answer
    bool polling_out;
    char head[HEAD_MAX];
    struct iovec request[2]; // head and body, as far as not sent yet
    long number; // of the body's line, from 0
    uint64_t since_us;
    size_t answer_len;
    char answer[ANSWER_MAX + 1];
};

struct load {
    // what to do
    const char *path, *file, *cookie;
    FILE *record; // NULL, or where good answers are written at once
    long port, conns, skip, count, seconds, status;
    bool json;
    // where it stands
    int poll;
    char *next, *end; // of the bodies
    long sent, answered, ok, failed, reconnects;
    bool shown;
    uint32_t *latency_us;     // of the good ones
    struct session *sessions; // likewise
};

static uint64_t now_us(void) {
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) {
        err(2, "clock_gettime");
    }
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

// ---- answers ----------------------------------------------------------------------------------

// The value of the first header `name` (lower or upper case) at or after `from`, which is moved
// past it, in a head that ends with an empty line; an empty `at` when there is none.
static struct piece header(const char **from, const char *end, const char *name) {
    size_t name_len = strlen(name);
    const char *line = *from;
    while (line < end) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (stop == NULL) {
            break;
        }
        *from = stop + 2;
        if ((size_t)(stop - line) > name_len && line[name_len] == ':' &&
            strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1;
            while (value < stop && (*value == ' ' || *value == '\t')) {
                value++;
            }
            return (struct piece){value, (size_t)(stop - value)};
        }
        line = *from;
    }
    return (struct piece){NULL, 0};
}

static struct piece only_header(const char *head, const char *end, const char *name) {
    const char *from = head;
    return header(&from, end, name);
}

// The number that `text` is, or -1.
static long decimal(struct piece text) {
    long value = 0;
    if (text.len == 0 || text.len > 9) {
        return -1;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return -1;
        }
        value = value * 10 + (text.at[i] - '0');
    }
    return value;
}

static bool is_token_character(char c) {
    return c > ' ' && c < 127 && c != ';' && c != ',' && c != '"' && c != '\\';
}

static struct piece token_at(const char *at, const char *end) {
    const char *stop = at;
    while (stop < end && is_token_character(*stop)) {
        stop++;
    }
    return (struct piece){at, (size_t)(stop - at)};
}

static struct piece cookie_token(const struct load *load, const char *head, const char *end) {
    size_t name_len = strlen(load->cookie);
    const char *from = head;
    struct piece set = header(&from, end, "set-cookie");
    while (set.at != NULL) {
        if (set.len > name_len && set.at[name_len] == '=' &&
            memcmp(set.at, load->cookie, name_len) == 0) {
            return token_at(set.at + name_len + 1, set.at + set.len);
        }
        set = header(&from, end, "set-cookie");
    }
    return (struct piece){NULL, 0};
}

static struct piece json_token(const char *body, const char *end) {
    static const char key[] = "\"access_token\"";
    const char *at = memmem(body, (size_t)(end - body), key, sizeof key - 1);
    if (at == NULL) {
        return (struct piece){NULL, 0};
    }
    at += sizeof key - 1;
    while (at < end && (*at == ' ' || *at == ':')) {
        at++;
    }
    if (at == end || *at != '"') {
        return (struct piece){NULL, 0};
    }
    return token_at(at + 1, end);
}

// What is wrong with a complete answer, or NULL and the session that it opened.
static const char *judge(const struct load *load, const struct conn *conn, const char *body,
                         const char *end, struct session *ret_session) {
    const char *answer = conn->answer;
    if (decimal((struct piece){answer + 9, 3}) != load->status) {
        return "the status is not the one of a login";
    }
    struct piece token = load->json ? json_token(body, end) : cookie_token(load, answer, body);
    if (token.at == NULL) {
        return load->json ? "no access_token in it" : "the session cookie is not set";
    }
    if (token.len < TOKEN_MIN) {
        return "the session token has under 16 characters";
    }
    if (load->record != NULL &&
        fprintf(load->record, "%ld %.*s\n", conn->number, (int)token.len, token.at) < 0) {
        err(2, "--record");
    }
    SHA256((const unsigned char *)token.at, token.len, ret_session->digest);
    return NULL;
}

static void fail(struct load *load, const struct conn *conn, const char *what) {
    load->failed++;
    if (load->shown) {
        return;
    }
    load->shown = true;
    int len = conn->answer_len < SHOWN_MAX ? (int)conn->answer_len : SHOWN_MAX;
    fprintf(stderr, "load: the first wrong answer: %s\n%.*s%s\n", what, len, conn->answer,
            conn->answer_len == 0 ? "(no byte of an answer)" : "");
}

// ---- connections ------------------------------------------------------------------------------

static void poll_for(const struct load *load, struct conn *conn, int operation, bool out) {
    struct epoll_event event = {.events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = conn};
    if (epoll_ctl(load->poll, operation, conn->fd, &event) != 0) {
        err(2, "epoll_ctl");
    }
    conn->polling_out = out;
}

static void conn_open(const struct load *load, struct conn *conn) {
    struct sockaddr_in gate = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)load->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        err(2, "socket");
    }
    // A refused connection shows when the request is sent.
    if (connect(conn->fd, (const struct sockaddr *)&gate, sizeof gate) != 0 &&
        errno != EINPROGRESS && errno != ECONNREFUSED) {
        err(2, "connect");
    }
    poll_for(load, conn, EPOLL_CTL_ADD, false);
}

static void conn_close(struct load *load, struct conn *conn) {
    close(conn->fd);
    conn->fd = -1;
    load->reconnects++;
}

// The login of this connection has failed, and the connection is of no use any more.
static void conn_break(struct load *load, struct conn *conn, const char *what) {
    if (conn->waiting) {
        conn->waiting = false;
        fail(load, conn, what);
        load->answered++;
    }
    conn_close(load, conn);
}

static void send_more(struct load *load, struct conn *conn) {
    while (conn->request[0].iov_len + conn->request[1].iov_len > 0) {
        struct msghdr message = {.msg_iov = conn->request, .msg_iovlen = 2};
        ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            if (!conn->polling_out) {
                poll_for(load, conn, EPOLL_CTL_MOD, true);
            }
            return;
        }
        if (sent < 0) {
            conn_break(load, conn, strerror(errno));
            return;
        }
        size_t left = (size_t)sent;
        for (size_t i = 0; i < 2; i++) {
            size_t taken = left < conn->request[i].iov_len ? left : conn->request[i].iov_len;
            conn->request[i].iov_base = (char *)conn->request[i].iov_base + taken;
            conn->request[i].iov_len -= taken;
            left -= taken;
        }
    }
    if (conn->polling_out) {
        poll_for(load, conn, EPOLL_CTL_MOD, false);
    }
}

// Posts the next body over a connection that has no other under way.
static void post_next(struct load *load, struct conn *conn) {
    char *stop = memchr(load->next, '\n', (size_t)(load->end - load->next));
    size_t body_len = (size_t)((stop != NULL ? stop : load->end) - load->next);
    int head_len =
        snprintf(conn->head, sizeof conn->head,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nAccept: %s\r\n"
                 "Content-Type: application/x-www-form-urlencoded\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 load->path, load->port, load->json ? "application/json" : "text/html", body_len);
    if (head_len < 0 || head_len >= HEAD_MAX) {
        errx(2, "--path is too long");
    }
    conn->request[0] = (struct iovec){conn->head, (size_t)head_len};
    conn->request[1] = (struct iovec){load->next, body_len};
    conn->answer_len = 0;
    conn->waiting = true;
    conn->number = load->skip + load->sent;
    conn->since_us = now_us();
    load->next += body_len + (stop != NULL ? 1 : 0);
    load->sent++;
    if (conn->fd < 0) {
        conn_open(load, conn);
    }
    send_more(load, conn);
}

// Keeps a connection at work while there are bodies; one that breaks at once costs its login.
static void drive(struct load *load, struct conn *conn) {
    while (!conn->waiting && load->sent < load->count) {
        post_next(load, conn);
    }
}

// Whether the answer is complete; if it never can be, the reason.
static bool complete(const struct conn *conn, const char **ret_body, const char **ret_wrong) {
    *ret_wrong = NULL;
    const char *head_end = memmem(conn->answer, conn->answer_len, "\r\n\r\n", 4);
    if (head_end == NULL) {
        if (conn->answer_len == ANSWER_MAX) {
            *ret_wrong = "its head has no end";
        }
        return false;
    }
    const char *body = head_end + 4;
    struct piece length = only_header(conn->answer, body, "content-length");
    long body_len = decimal(length);
    if (body - conn->answer < 16 || memcmp(conn->answer, "HTTP/1.1 ", 9) != 0 || body_len < 0) {
        *ret_wrong = "not HTTP/1.1 with a Content-Length";
        return false;
    }
    size_t whole = (size_t)(body - conn->answer) + (size_t)body_len;
    if (whole > ANSWER_MAX || whole < conn->answer_len) {
        *ret_wrong = whole > ANSWER_MAX ? "it is too large" : "bytes after its end";
        return false;
    }
    *ret_body = body;
    return whole == conn->answer_len;
}

static void take_answer(struct load *load, struct conn *conn, const char *body) {
    const char *end = conn->answer + conn->answer_len;
    uint64_t took_us = now_us() - conn->since_us;
    const char *wrong = judge(load, conn, body, end, &load->sessions[load->ok]);
    if (wrong != NULL) {
        fail(load, conn, wrong);
    } else {
        load->latency_us[load->ok++] = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
    }
    load->answered++;
    conn->waiting = false;
    struct piece connection = only_header(conn->answer, body, "connection");
    // Answered before it was sent whole: the rest of the request would be taken for the next one.
    bool half_sent = conn->request[0].iov_len + conn->request[1].iov_len > 0;
    if (half_sent || (connection.len == 5 && strncasecmp(connection.at, "close", 5) == 0)) {
        conn_close(load, conn);
    }
}

static void receive(struct load *load, struct conn *conn) {
    ssize_t got = recv(conn->fd, conn->answer + conn->answer_len, ANSWER_MAX - conn->answer_len, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        conn_break(load, conn, got == 0 ? "the connection was closed" : strerror(errno));
        return;
    }
    conn->answer_len += (size_t)got;
    conn->answer[conn->answer_len] = '\0';
    const char *body = NULL;
    const char *wrong = NULL;
    if (!conn->waiting) {
        conn_break(load, conn, "");
        errx(1, "an answer to no question: %.*s", SHOWN_MAX, conn->answer);
    }
    if (complete(conn, &body, &wrong)) {
        take_answer(load, conn, body);
    } else if (wrong != NULL) {
        conn_break(load, conn, wrong);
    }
}

// ---- the run ----------------------------------------------------------------------------------

// Maps the file, steps over what is to be skipped and counts what there is.
static void open_bodies(struct load *load) {
    int fd = open(load->file, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        err(2, "%s", load->file);
    }
    if (about.st_size == 0) {
        errx(2, "%s: empty", load->file);
    }
    size_t size = (size_t)about.st_size;
    char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (map == MAP_FAILED) {
        err(2, "%s", load->file);
    }
    close(fd);
    load->end = map + size;
    long lines = 0;
    for (char *at = map; at < load->end; lines++) {
        if (lines == load->skip) {
            load->next = at;
        }
        char *stop = memchr(at, '\n', (size_t)(load->end - at));
        at = stop != NULL ? stop + 1 : load->end;
    }
    long there = lines - load->skip;
    if (there <= 0 || load->count > there) {
        errx(2, "%s: expected %ld lines after %ld, got %ld in all", load->file, load->count,
             load->skip, lines);
    }
    load->count = load->count > 0 ? load->count : there;
}

static void run(struct load *load, struct conn *conns) {
    uint64_t deadline = now_us() + (uint64_t)load->seconds * 1000000U;
    struct epoll_event events[EVENTS];
    for (long i = 0; i < load->conns; i++) {
        conns[i].fd = -1;
        drive(load, &conns[i]);
    }
    while (load->answered < load->count && now_us() < deadline) {
        int n = epoll_wait(load->poll, events, EVENTS, TICK_MS);
        if (n < 0 && errno != EINTR) {
            err(2, "epoll_wait");
        }
        for (int i = 0; i < n; i++) {
            struct conn *conn = events[i].data.ptr;
            if ((events[i].events & (unsigned)EPOLLOUT) != 0) {
                send_more(load, conn);
            }
            if (conn->fd >= 0 && (events[i].events & ~(unsigned)EPOLLOUT) != 0) {
                receive(load, conn);
            }
            drive(load, conn);
        }
    }
}

static int by_latency(const void *left, const void *right) {
    const uint32_t *a = left;
    const uint32_t *b = right;
    return (*a > *b) - (*a < *b);
}

static int by_digest(const void *left, const void *right) {
    return memcmp(left, right, sizeof(struct session));
}

// How many sessions were given out before; each is a failed login.
static long repeated(struct load *load) {
    long count = 0;
    qsort(load->sessions, (size_t)load->ok, sizeof *load->sessions, by_digest);
    for (long i = 1; i < load->ok; i++) {
        count += by_digest(&load->sessions[i - 1], &load->sessions[i]) == 0;
    }
    return count;
}

static uint32_t percentile(const struct load *load, long percent) {
    return load->ok > 0 ? load->latency_us[(load->ok - 1) * percent / 100] : 0;
}

// Prints the result; whether all was well.
static bool report(struct load *load, uint64_t wall_us) {
    long duplicates = repeated(load);
    long unanswered = load->count - load->answered;
    qsort(load->latency_us, (size_t)load->ok, sizeof *load->latency_us, by_latency);
    long ok = load->ok - duplicates;
    long failed = load->failed + duplicates + (load->sent - load->answered);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    uint64_t cpu_us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000U +
                      (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    printf("{\"sent\": %ld, \"ok\": %ld, \"failed\": %ld, \"duplicates\": %ld, "
           "\"unanswered\": %ld, \"wall_us\": %llu, \"rate\": %llu, \"p50_us\": %u, "
           "\"p99_us\": %u, \"max_us\": %u, \"reconnects\": %ld, \"client_cpu_us\": %llu}\n",
           load->sent, ok, failed, duplicates, unanswered, (unsigned long long)wall_us,
           (unsigned long long)ok * 1000000U / (wall_us > 0 ? wall_us : 1), percentile(load, 50),
           percentile(load, 99), percentile(load, 100), load->reconnects,
           (unsigned long long)cpu_us);
    if (duplicates > 0) {
        fprintf(stderr, "load: %ld session tokens were given out twice\n", duplicates);
    }
    if (unanswered > 0) {
        fprintf(stderr, "load: time ran out with %ld of %ld logins not answered\n", unanswered,
                load->count);
    }
    return failed == 0 && unanswered == 0;
}

static void usage(FILE *to) {
    fputs("usage: load --port N --path PATH --bodies FILE [options]\n\n"
          "  --skip N      leave out the first N lines (0)\n"
          "  --count N     post so many (all)\n"
          "  --conns K     connections (16)\n"
          "  --seconds S   give up after (120)\n"
          "  --json        ask for JSON and look for access_token instead of a cookie\n"
          "  --status N    of a login (303, with --json 200)\n"
          "  --cookie NAME of the session (__Host-gatehouse)\n"
          "  --record FILE gets a line for each good answer: its body's line from 0, its token\n",
          to);
}

static void read_options(int argc, char **argv, struct load *load) {
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},    {"path", required_argument, NULL, 'P'},
        {"bodies", required_argument, NULL, 'b'},  {"skip", required_argument, NULL, 's'},
        {"count", required_argument, NULL, 'n'},   {"conns", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 'S'}, {"json", no_argument, NULL, 'j'},
        {"status", required_argument, NULL, 'x'},  {"cookie", required_argument, NULL, 'k'},
        {"record", required_argument, NULL, 'r'},  {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'p': load->port = arg_number("port", optarg, 1, UINT16_MAX); break;
            case 'P': load->path = optarg; break;
            case 'b': load->file = optarg; break;
            case 's': load->skip = arg_number("skip", optarg, 0, COUNT_MAX); break;
            case 'n': load->count = arg_number("count", optarg, 1, COUNT_MAX); break;
            case 'c': load->conns = arg_number("conns", optarg, 1, CONNS_MAX); break;
            case 'S': load->seconds = arg_number("seconds", optarg, 1, SECONDS_MAX); break;
            case 'r':
                load->record = fopen(optarg, "we");
                if (load->record == NULL) {
                    err(2, "%s", optarg);
                }
                break;
            case 'j': load->json = true; break;
            case 'x': load->status = arg_number("status", optarg, 100, 599); break;
            case 'k': load->cookie = optarg; break;
            case 'h': usage(stdout); exit(0);
            default: usage(stderr); exit(2);
        }
    }
    if (optind != argc || load->port == 0 || load->path == NULL || load->file == NULL) {
        usage(stderr);
        exit(2);
    }
    if (strlen(load->cookie) > NAME_MAX_LEN) {
        errx(2, "--cookie: expected at most %d characters", NAME_MAX_LEN);
    }
    if (load->status == 0) {
        load->status = load->json ? 200 : 303;
    }
}

int main(int argc, char **argv) {
    struct load load = {.cookie = "__Host-gatehouse", .conns = 16, .seconds = 120};
    read_options(argc, argv, &load);
    open_bodies(&load);
    if (load.conns > load.count) {
        load.conns = load.count;
    }
    struct conn *conns = calloc((size_t)load.conns, sizeof *conns);
    load.latency_us = calloc((size_t)load.count, sizeof *load.latency_us);
    load.sessions = calloc((size_t)load.count, sizeof *load.sessions);
    load.poll = epoll_create1(EPOLL_CLOEXEC);
    if (conns == NULL || load.latency_us == NULL || load.sessions == NULL || load.poll < 0) {
        err(2, "no memory or no epoll");
    }
    uint64_t start = now_us();
    run(&load, conns);
    bool well = report(&load, now_us() - start);
    free(conns);
    free(load.latency_us);
    free(load.sessions);
    close(load.poll);
    if (load.record != NULL && fclose(load.record) != 0) {
        err(2, "--record");
    }
    return well ? 0 : 1;
}
