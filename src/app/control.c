// SPDX-License-Identifier: GPL-3.0-or-later
// libcurl is used for the Unix socket of a running gate and for nothing else.
#include "app/control.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/jobs.h"
#include "base/buf.h"
#include "base/clock.h"
#include "http/router.h"

// Another command has the data directory for a moment, or a gate that starts has no socket yet.
#define LOCK_WAIT_MS 10000
#define LOCK_PAUSE_MS 200

AUTO_FREE(CURL, curl_easy_cleanup);
typedef struct curl_slist curl_headers;
AUTO_FREE(curl_headers, curl_slist_free_all);

struct control {
    const char *socket; // of the running gate, or NULL: the gate below is ours
    struct gate gate;
    char path[sizeof(struct sockaddr_un)];
};

// ---- is there a gate ----

static reason refuse_socket(struct op *op, const char *path, int error) {
    if (error == EACCES || error == EPERM) {
        REFUSE(op, DATA_DIR,
               "this user (uid %u) may not use %s; run the command as the user that the gate runs "
               "as, or as root",
               (unsigned)geteuid(), path);
    }
    REFUSE(op, DATA_DIR, "cannot reach the gate at %s: %s", path, strerror(error));
}

// *ret_there false: nobody listens (no socket, or one that a dead gate left behind).
static reason probe(struct op *op, const char *path, bool *ret_there) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    *ret_there = false;
    if (len >= sizeof to.sun_path) {
        return NULL; // no gate can have such a socket
    }
    memcpy(to.sun_path, path, len + 1);
    AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return refuse_socket(op, path, errno);
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        *ret_there = true;
        return NULL;
    }
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) {
        return NULL;
    }
    return refuse_socket(op, path, errno);
}

// Looks for a gate, else opens one here.
static reason find_gate(struct op *op, const struct settings *settings, const char *path,
                        struct control *control) {
    bool there = false;
    TRY(probe(op, path, &there));
    if (there) {
        memcpy(control->path, path, strlen(path) + 1);
        control->socket = control->path;
        return NULL;
    }
    return gate_open(op, settings, 1, &control->gate); // one command needs one worker
}

reason control_open(struct op *op, const struct settings *settings, struct control **ret_control) {
    const char *path = NULL;
    TRY(gate_control_path(op, settings, &path));
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the command");
    }
    int64_t end = clock_steady() + LOCK_WAIT_MS;
    reason why = find_gate(op, settings, path, control);
    while (why == REASON_OF(DATA_DIR_LOCKED) && clock_steady() < end) {
        (void)usleep(LOCK_PAUSE_MS * 1000);
        why = find_gate(op, settings, path, control);
    }
    if (why != NULL) {
        free(control);
        return why;
    }
    *ret_control = control;
    return NULL;
}

void control_close(struct control *control) {
    if (control != NULL) {
        if (control->socket == NULL) {
            gate_close(&control->gate);
        }
        free(control);
    }
}

bool control_is_remote(const struct control *control) {
    return control->socket != NULL;
}

// ---- through the socket ----

static size_t take_bytes(char *at, size_t size, size_t count, void *arg) {
    struct buf *body = arg;
    (void)size; // always 1
    buf_put(body, slice_of(at, count));
    return body->broken ? 0 : count;
}

static bool add_header(curl_headers **headers, const char *line) {
    curl_headers *longer = curl_slist_append(*headers, line);
    *headers = longer != NULL ? longer : *headers;
    return longer != NULL;
}

static bool set_up(CURL *curl, const struct control *control, enum method method, const char *url,
                   struct slice body, curl_headers *headers, struct buf *answer) {
    bool ok = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, control->socket) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CONTROL_TIMEOUT_S) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method_names[method]) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK;
    if (ok && method != METHOD_GET && method != METHOD_DELETE) {
        ok =
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body.len > 0 ? body.at : "") == CURLE_OK;
    }
    return ok;
}

static reason call_socket(struct op *op, const struct control *control, enum method method,
                          struct slice target, const char *type, struct slice body,
                          struct control_answer *ret_answer) {
    const char *url = NULL;
    const char *content = op_text(op, "Content-Type: %s", type).at;
    long status = 0;
    struct buf answer;
    TRY(op_cstr(op, op_text(op, "http://localhost%.*s", SLICE(target)), &url));
    buf_open(&answer, op, CONTROL_ANSWER_MAX);
    AUTO(CURL) curl = curl_easy_init();
    AUTO(curl_headers) headers = NULL;
    if (curl == NULL || content == NULL || !add_header(&headers, content) ||
        !add_header(&headers, "Accept: application/json") || !add_header(&headers, "Expect:") ||
        !set_up(curl, control, method, url, body, headers, &answer)) {
        REFUSE(op, LIMIT_MEMORY, "no memory to ask the running gate");
    }
    CURLcode done = curl_easy_perform(curl);
    if (done == CURLE_OK) {
        done = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    if (done != CURLE_OK || status == 0) {
        REFUSE(op, PEER_FAILED, "the running gate did not answer at %s: %s", control->socket,
               answer.broken ? "its answer does not fit in memory" : curl_easy_strerror(done));
    }
    struct curl_header *link = NULL;
    struct slice text = SLICE_NONE;
    if (curl_easy_header(curl, "Link", 0, CURLH_HEADER, -1, &link) == CURLHE_OK) {
        TRY(op_copy(op, slice_str(link->value), &text));
    }
    *ret_answer = (struct control_answer){(unsigned)status, buf_slice(&answer), text};
    return NULL;
}

// ---- in this process ----

static reason call_here(struct op *op, struct control *control, enum method method,
                        struct slice target, const char *type, struct slice body,
                        struct control_answer *ret_answer) {
    struct request *request = NULL;
    struct reply *reply = NULL;
    TRY(op_take(op, sizeof *request, &request));
    TRY(op_take(op, sizeof *reply, &reply));
    size_t mark = slice_find(target, S("?"));
    *request = (struct request){
        .method = method,
        .path = slice_sub(target, 0, mark),
        .query = mark == SIZE_MAX ? S("") : slice_sub(target, mark + 1, target.len),
        .body = body,
        .headers = {{S("Content-Type"), slice_str(type)},
                    {S("Accept"), S("application/json")}},
        .header_count = 2,
        .address = S("local"),
        .control = true,
        .operator= op_text(op, "operator:%u", (unsigned)getuid()),
    };
    if (request->body.len > router_body_max(method, request->path)) {
        REFUSE(op, BODY_TOO_LARGE, "the request is larger than the %zu bytes that it may have",
               router_body_max(method, request->path));
    }
    router_run(op, &control->gate, request, reply);
    struct slice link = SLICE_NONE;
    for (size_t i = 0; i < reply->header_count; i++) {
        if (slice_equal(reply->headers[i].name, S("Link"))) {
            link = reply->headers[i].value;
        }
    }
    *ret_answer = (struct control_answer){reply->status, reply->body, link};
    return NULL;
}

reason control_send(struct op *op, struct control *control, enum method method, struct slice target,
                    const char *type, struct slice body, struct control_answer *ret_answer) {
    return control->socket != NULL
               ? call_socket(op, control, method, target, type, body, ret_answer)
               : call_here(op, control, method, target, type, body, ret_answer);
}

reason control_call(struct op *op, struct control *control, enum method method, struct slice target,
                    struct slice body, struct control_answer *ret_answer) {
    return control_send(op, control, method, target, "application/json", body, ret_answer);
}

reason control_run_jobs(struct op *op, struct control *control) {
    if (control->socket == NULL && !jobs_run_all(&control->gate)) {
        REFUSE(op, STORE_UNAVAILABLE, "the store does not take the job now; start the gate, or try again");
    }
    return NULL;
}
