// SPDX-License-Identifier: GPL-3.0-or-later
// libmicrohttpd's side: collects a whole request under its caps, suspends the connection, hands the
// request to the queue, and answers when the connection is resumed. An exchange is used by one
// thread at a time: its loop's until it is queued, a queue thread's until it is answered, then its
// loop's again.
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rand.h"
#include "base/text.h"
#include "http/listen.h"
#include "http/loop.h"
#include "http/proxies.h"
#include "http/queue.h"

#define CLOSE_WAIT_MS 10000 // what is under way may take this long when the server closes
#define IO_CORES 4          // one thread that moves bytes for as many cores, and at most IO_THREADS
#define IO_THREADS 4
#define CONTROL_CONNECTIONS 64

// A thread that serves a socket.
struct listener {
    struct server *server;
    bool control;
    size_t put; // into the queue since it was told to go
    struct loop loop;
};

struct server {
    struct gate *gate;
    int fd, control_fd; // what is listened on; -1: not
    struct listener public[IO_THREADS], control;
    size_t public_count;
    struct queue *queue;
    struct MHD_Response
        *busy; // limit.queue, made once: when there is too much, saying so must cost little
    uint16_t port;
    char control_path[108];
    _Atomic size_t bodies; // bytes, see BODIES_MAX
};

// A body over its cap is read on and thrown away up to here, so that the sender, who reads only
// after writing, gets the answer that says so; past it the connection is closed.
#define DRAIN_MAX (16U << 20)

// Bodies that are not whole yet, or wait for a thread, of all connections: anybody may send them,
// and they are read before it is known who does. An honest sign-in takes some 30 KB. From half of
// it on, who sends more than BODY_SMALL is closed first, so that a few with large bodies keep
// nobody from signing in.
#define BODIES_MAX (128U << 20)
#define BODY_SMALL (128U << 10)
#define BODY_LARGE (1U << 20) // more than this only a file of people has
#define BODY_MS 30000         // a body that takes longer is somebody's who wants to hold the memory

static_assert(QUEUE_TOGETHER_MAX <= ROUTER_TOGETHER_MAX, "they run together");

// Requests that wait or run, from which on it is crowded: work for many milliseconds.
#define CROWDED (SERVER_QUEUE_MAX / 2)
#define CROWDED_PAUSE_US 2000

enum exchange_state { EXCHANGE_HEAD, EXCHANGE_BODY, EXCHANGE_QUEUED, EXCHANGE_ANSWER };
struct exchange {
    struct queue_job job; // first: the queue gives it back
    enum exchange_state state;
    struct loop_answer answer; // and the connection
    struct listener *listener;
    struct op op;
    struct buf body;
    size_t body_max;
    size_t drained;
    size_t head, held; // bytes of memory: before the body, and counted in the server's bodies
    int64_t began;     // clock_steady
    bool too_large, broken, unframed;
    unsigned lane; // of the queue
    bool busy;     // the queue is full: its body is read past, and it is told so
    struct request request;
    struct reply reply;
    char first[512]; // for the target: who is refused by its head needs no more memory
    struct call call;
};

// The first thing MHD tells of a request: the raw target, which it would otherwise take apart.
static void *exchange_open(void *arg, const char *uri, struct MHD_Connection *connection) {
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    op_open(&exchange->op, 0);
    arena_lend(&exchange->op.arena, exchange->first, sizeof exchange->first);
    exchange->answer.connection = connection;
    exchange->listener = arg;
    struct slice target = slice_str(uri);
    struct slice copy;
    if (op_copy(&exchange->op, target, &copy) != NULL) {
        exchange->broken = true;
        return exchange;
    }
    size_t mark = slice_find(copy, S("?"));
    exchange->request.path = slice_sub(copy, 0, mark);
    exchange->request.query = mark == SIZE_MAX ? S("") : slice_sub(copy, mark + 1, copy.len);
    return exchange;
}

static void exchange_done(void *arg, struct MHD_Connection *connection, void **state,
                          enum MHD_RequestTerminationCode why) {
    (void)connection;
    (void)why;
    (void)arg;
    struct exchange *exchange = *state;
    if (exchange != NULL) {
        exchange->listener->server->bodies -= exchange->held;
        op_close(&exchange->op);
        free(exchange);
        *state = NULL;
    }
}

static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    struct exchange *exchange = arg;
    struct request *request = &exchange->request;
    if (request->header_count == REQUEST_HEADERS_MAX) {
        exchange->broken = true;
        return MHD_NO;
    }
    request->headers[request->header_count++] =
        (struct header){slice_str(name), slice_str(value != NULL ? value : "")};
    return MHD_YES;
}

static enum method method_of(const char *name, bool *ret_head) {
    *ret_head = strcmp(name, "HEAD") == 0;
    if (*ret_head) {
        return METHOD_GET;
    }
    for (int i = METHOD_GET; i < METHOD_OTHER; i++) {
        if (strcmp(name, method_names[i]) == 0) {
            return (enum method)i;
        }
    }
    return METHOD_OTHER;
}

// Who sent it. On the control socket: a process of our own user, or of root.
static void take_peer(struct exchange *exchange) {
    const union MHD_ConnectionInfo *info = NULL;
    if (exchange->listener->control) {
        info =
            MHD_get_connection_info(exchange->answer.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct ucred peer;
        socklen_t len = sizeof peer;
        if (info != NULL &&
            getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
            (peer.uid == geteuid() || peer.uid == 0)) {
            exchange->request.control = true;
            exchange->request.operator= op_text(&exchange->op, "operator:%u", peer.uid);
        }
        exchange->request.address = S("local");
        return;
    }
    info = MHD_get_connection_info(exchange->answer.connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    // Of a head that is not all here nothing is believed: what the proxy added may be what is missing.
    exchange->request.address = proxies_client(
        &exchange->op, exchange->broken ? NULL : exchange->listener->server->gate->proxies,
        info != NULL ? info->client_addr : NULL, &exchange->request);
}

// Does every reader of this head see the same end of the body? The proxy before us and MHD must not
// differ: what one takes for a body the other would take for the next request, perhaps of somebody
// else (RFC 9112 section 6.3, 11.2).
static bool is_framed(const struct request *request) {
    size_t lengths = 0;
    size_t codings = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        struct slice name = request->headers[i].name;
        if (name.len == 0 || memchr(name.at, ' ', name.len) != NULL ||
            memchr(name.at, '\t', name.len) != NULL) {
            return false;
        }
        lengths += slice_equal_nocase(name, S("Content-Length")) ? 1 : 0;
        codings += slice_equal_nocase(name, S("Transfer-Encoding")) ? 1 : 0;
    }
    return lengths + codings <= 1 &&
           (codings == 0 ||
            slice_equal_nocase(request_header(request, "Transfer-Encoding"), S("chunked")));
}

// Whose turn a request takes: that of its SAML connection, else of its address. May be in `room`.
static struct slice lane_key(const struct request *request, char room[ADDRESS_TEXT_MAX]) {
    struct slice rest = request->path;
    struct slice part;
    return router_is_saml(request->path) && slice_cut(&rest, '/', &part) &&
                   slice_cut(&rest, '/', &part) && slice_cut(&rest, '/', &part)
               ? part
               : address_share(request->address, room);
}

static void begin(struct server *server, struct exchange *exchange, const char *method) {
    struct request *request = &exchange->request;
    request->method = method_of(method, &request->head);
    (void)MHD_get_connection_values(exchange->answer.connection, MHD_HEADER_KIND, take_header,
                                    exchange);
    exchange->unframed = !is_framed(request);
    bool saml = router_is_saml(request->path);
    if (!saml) {
        take_peer(exchange);
    }
    char room[ADDRESS_TEXT_MAX];
    exchange->lane = queue_lane(server->queue, lane_key(request, room));
    exchange->busy = queue_is_full(server->queue, exchange->lane);
    if (exchange->busy) {
        return;
    }
    if (saml) {
        take_peer(exchange);
    }
    if (rand_ulid(&exchange->op, S("req_"), &exchange->op.id) != NULL) {
        exchange->broken = true;
    }
    exchange->body_max = router_body_max(request->method, request->path);
    uint64_t length = 0;
    struct slice said = request_header(request, "Content-Length");
    if (said.len > 0 && (!text_u64(said, UINT64_MAX, &length) || length > exchange->body_max)) {
        exchange->too_large = true;
    }
    // A large body grows by doubling, and what it grew out of stays until the end.
    exchange->op.arena.ceiling += exchange->body_max > BODY_LARGE ? 4 * exchange->body_max : 0;
    buf_open(&exchange->body, &exchange->op, exchange->body_max);
    exchange->head = exchange->op.arena.taken;
    exchange->began = clock_steady();
}

// NULL: no memory. The body lives in the op, which lives until MHD says that the request is over.
static struct MHD_Response *make_response(struct op *op, const struct reply *reply,
                                          enum MHD_ResponseMemoryMode mode) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, (void *)(uintptr_t)reply->body.at, mode);
    if (response == NULL) {
        return NULL;
    }
    if (reply->content_type != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    }
    for (size_t i = 0; i < reply->header_count; i++) {
        const char *name = NULL;
        const char *value = NULL;
        if (op_cstr(op, reply->headers[i].name, &name) != NULL ||
            op_cstr(op, reply->headers[i].value, &value) != NULL ||
            MHD_add_response_header(response, name, value) != MHD_YES) {
            MHD_destroy_response(response); // a half answer could lose what protects it
            return NULL;
        }
    }
    return response;
}

static enum MHD_Result send_reply(struct exchange *exchange) {
    const struct reply *reply = &exchange->reply;
    struct MHD_Response *response = make_response(&exchange->op, reply, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result queued =
        MHD_queue_response(exchange->answer.connection, reply->status, response);
    MHD_destroy_response(response);
    metric_add(METRIC_REQUESTS, 1);
    if (reply->status >= 500) {
        metric_add(METRIC_REQUESTS_FAILED, 1);
    }
    return queued;
}

static enum MHD_Result refuse_now(struct exchange *exchange, reason why) {
    reply_problem(&exchange->op, &exchange->reply, why, S(""), false);
    reply_header(&exchange->reply, "Connection", S("close"));
    return send_reply(exchange);
}

static void answered(struct exchange *exchange) {
    exchange->state = EXCHANGE_ANSWER;
    loop_answered(&exchange->listener->loop, &exchange->answer);
}

// What was read together is run together, as far as it can be. While so many wait that nobody is kept from work by it, what
// comes gathers for a moment: a turn for each request that is then refused would take the processor from those at work.
static unsigned go(void *arg) {
    struct listener *listener = arg;
    struct queue *queue = listener->server->queue;
    if (listener->put > 0) {
        listener->put = 0;
        queue_go(queue);
    }
    return queue_busy(queue) >= CROWDED ? CROWDED_PAUSE_US : 0;
}

static enum MHD_Result whole(struct server *server, struct exchange *exchange) {
    struct slice body;
    if (exchange->broken || buf_done(&exchange->body, &body) != NULL) {
        return refuse_now(exchange, REASON_OF(MALFORMED_REQUEST));
    }
    exchange->request.body = body;
    exchange->state = EXCHANGE_QUEUED;
    exchange->job.shares = router_is_shared(exchange->request.method, exchange->request.path);
    MHD_suspend_connection(exchange->answer.connection);
    struct queue_job *out = queue_put(server->queue, &exchange->job, exchange->lane);
    exchange->listener->put++;
    if (exchange->listener->put >= QUEUE_TOGETHER_MAX) {
        go(exchange->listener);
    }
    if (out != NULL) { // this one, or another that has to make room: the job is its first member
        struct exchange *refused = (struct exchange *)out;
        refused->busy = true;
        answered(refused);
    }
    return MHD_YES;
}

static enum MHD_Result refuse_busy(struct server *server, struct exchange *exchange) {
    metric_add(METRIC_QUEUE_FULL, 1);
    metric_add(METRIC_REQUESTS, 1);
    metric_add(METRIC_REQUESTS_FAILED, 1);
    return MHD_queue_response(exchange->answer.connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                              server->busy);
}

// The SAML doors say it themselves, so that it leaves a trace.
static enum MHD_Result refuse_large(struct server *server, struct exchange *exchange) {
    if (!router_is_saml(exchange->request.path)) {
        return refuse_now(exchange, REASON_OF(BODY_TOO_LARGE));
    }
    exchange->request.body_over = true;
    buf_open(&exchange->body, &exchange->op, 0);
    return whole(server, exchange);
}

// False: it has to go, so that there is room for others.
static bool has_room(struct server *server, struct exchange *exchange) {
    size_t held = exchange->op.arena.taken - exchange->head;
    size_t more = held - exchange->held; // wraps where it became less, and so does the sum
    size_t all = atomic_fetch_add(&server->bodies, more) + more;
    exchange->held = held;
    return all <= (held > BODY_SMALL ? BODIES_MAX / 2 : BODIES_MAX) &&
           clock_steady() - exchange->began <= BODY_MS;
}

static enum MHD_Result take_body(struct server *server, struct exchange *exchange,
                                 struct slice part, size_t *taken) {
    *taken = 0; // all of it is taken
    if (!exchange->too_large && !exchange->busy) {
        buf_put(&exchange->body, part);
        exchange->too_large = exchange->body.broken;
        if (!has_room(server, exchange)) { // MHD takes no answer before the body is whole
            metric_add(METRIC_QUEUE_FULL, 1);
            return MHD_NO;
        }
        return MHD_YES;
    }
    exchange->drained += part.len;
    return exchange->drained <= DRAIN_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **state) {
    (void)connection;
    (void)url;
    (void)version;
    struct server *server = ((struct listener *)arg)->server;
    struct exchange *exchange = *state;
    if (exchange == NULL) {
        return MHD_NO;
    }
    switch (exchange->state) {
    case EXCHANGE_HEAD:
        begin(server, exchange, method);
        exchange->state = EXCHANGE_BODY;
        if (exchange->unframed) { // nothing after this head is read
            return refuse_now(exchange, REASON_OF(MALFORMED_REQUEST));
        }
        // Who asks first (Expect: 100-continue) is told before it sends.
        return exchange->too_large && request_header(&exchange->request, "Expect").len > 0
                   ? refuse_now(exchange, REASON_OF(BODY_TOO_LARGE))
                   : MHD_YES;
    case EXCHANGE_BODY:
        if (*upload_len > 0) {
            return take_body(server, exchange, slice_of(upload, *upload_len), upload_len);
        }
        if (exchange->busy) {
            return refuse_busy(server, exchange);
        }
        return exchange->too_large ? refuse_large(server, exchange) : whole(server, exchange);
    case EXCHANGE_QUEUED: return MHD_YES; // resumed by nobody yet: MHD does not call then
    case EXCHANGE_ANSWER:
        return exchange->busy ? refuse_busy(server, exchange) : send_reply(exchange);
    }
    return MHD_NO;
}

// From here on the exchange is its loop's, which may end it at once.
static void resume(struct call *call) {
    struct exchange *exchange =
        (struct exchange *)(void *)((char *)call - offsetof(struct exchange, call));
    CHECK(exchange->reply.status != 0);
    answered(exchange);
}

static void run_jobs(struct queue_job *const *jobs, size_t count, void *arg) {
    struct server *server = arg;
    struct call *calls[QUEUE_TOGETHER_MAX];
    for (size_t i = 0; i < count; i++) {
        struct exchange *exchange = (struct exchange *)jobs[i];
        // The clock of the operation starts when it runs, not when it was queued.
        exchange->op.now = clock_now();
        exchange->call = (struct call){.op = &exchange->op,
                                       .request = &exchange->request,
                                       .reply = &exchange->reply,
                                       .answered = resume};
        calls[i] = &exchange->call;
    }
    router_run_many(server->gate, calls, count);
}

static void quiet(void *arg, const char *format, va_list list) {
    (void)arg;
    (void)format;
    (void)list; // MHD's remarks are about single connections: strangers' mistakes
}

static size_t keep_escaped(void *arg, struct MHD_Connection *connection, char *text) {
    (void)arg;
    (void)connection;
    return strlen(text); // paths are decoded part by part, by the router
}

static bool listener_open(struct listener *listener, struct server *server, int fd,
                          unsigned connections) {
    listener->server = server;
    listener->control = fd == server->control_fd;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle,
        listener, MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_open, listener, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_done, NULL, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVER_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)SERVER_HEADERS_MAX + 4096, MHD_OPTION_END);
    if (loop_open(&listener->loop, daemon, fd, connections, go, listener)) {
        return true;
    }
    if (daemon != NULL) {
        (void)MHD_quiesce_daemon(daemon);
        MHD_stop_daemon(daemon);
    }
    return false;
}

static struct MHD_Response *make_busy(struct op *op) {
    struct reply reply = {.status = 0};
    reply_problem(op, &reply, REASON_OF(LIMIT_QUEUE), S(""), false);
    return make_response(op, &reply, MHD_RESPMEM_MUST_COPY);
}

static reason open_control(struct op *op, struct server *server, const char *path) {
    if (strlen(path) >= sizeof server->control_path) {
        REFUSE(op, LISTEN_FAILED,
               "the control socket's path %s is longer than the %zu bytes that a socket may have; "
               "choose a shorter data_dir",
               path, sizeof server->control_path - 1);
    }
    TRY(listen_unix(op, path, &server->control_fd));
    memcpy(server->control_path, path, strlen(path) + 1);
    if (!listener_open(&server->control, server, server->control_fd, CONTROL_CONNECTIONS)) {
        REFUSE(op, LISTEN_FAILED, "the control socket %s could not be served", path);
    }
    return NULL;
}

// A thread finds the more to do when it is woken, the fewer there are.
static size_t io_threads(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = cores > 0 ? ((size_t)cores + IO_CORES - 1) / IO_CORES : 1;
    return threads < IO_THREADS ? threads : IO_THREADS;
}

static reason open_public(struct op *op, struct server *server) {
    const struct settings *settings = server->gate->settings;
    size_t threads = io_threads();
    size_t each = ((size_t)settings->connections + threads - 1) / threads;
    while (server->public_count < threads) {
        struct listener *listener = &server->public[server->public_count];
        if (!listener_open(listener, server, server->fd, (unsigned)each)) {
            REFUSE(op, LISTEN_FAILED, "the HTTP server could not be started on %.*s",
                   SLICE(settings->listen));
        }
        server->public_count++;
    }
    return NULL;
}

reason server_open(struct op *op, struct gate *gate, const char *control_path,
                   struct server **ret_server) {
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory to start the server");
    }
    server->gate = gate;
    server->fd = -1;
    server->control_fd = -1;
    server->queue = queue_open((size_t)gate->settings->threads, SERVER_QUEUE_MAX, run_jobs, server);
    server->busy = make_busy(op);
    reason why = server->queue != NULL && server->busy != NULL ? NULL : REASON_OF(LIMIT_MEMORY);
    if (why == NULL) {
        why = listen_tcp(op, gate->settings->listen, &server->fd, &server->port);
    }
    if (why == NULL && control_path != NULL) {
        why = open_control(op, server, control_path);
    }
    why = why == NULL ? open_public(op, server) : why;
    if (why != NULL) {
        server_close(server);
        return why;
    }
    *ret_server = server;
    return NULL;
}

uint16_t server_port(const struct server *server) {
    return server->port;
}

void server_close(struct server *server) {
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < server->public_count; i++) {
        loop_quiesce(&server->public[i].loop);
    }
    int64_t until = clock_steady() + CLOSE_WAIT_MS;
    while (server->queue != NULL && queue_busy(server->queue) > 0 && clock_steady() < until) {
        (void)usleep(5000);
    }
    queue_stop(server->queue); // no exchange is suspended after this, but those that it gives back
    for (size_t i = 0; i < server->public_count; i++) {
        loop_close(&server->public[i].loop);
    }
    loop_close(&server->control.loop);
    if (server->busy != NULL) {
        MHD_destroy_response(server->busy);
    }
    queue_close(server->queue); // only now: until here a client could still send a request
    if (server->fd >= 0) {
        (void)close(server->fd);
    }
    if (server->control_fd >= 0) {
        (void)close(server->control_fd);
        (void)unlink(server->control_path);
    }
    free(server);
}
