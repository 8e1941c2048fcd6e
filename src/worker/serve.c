// SPDX-License-Identifier: GPL-3.0-or-later
// A worker's loop. It runs inside the jail: read(2), write(2) and memory are all it has. So it cannot ask whether more
// waits: it takes what one read gives, answers all of it, and writes the answers together before it reads again. A
// frame of which only a part came is read to its end first: the gate sends it whatever we do.
#include "worker/serve.h"

#include <stdlib.h>

#include "base/frames.h"
#include "worker/canonicalise.h"

#define TOGETHER (256U << 10) // answers that are kept; past it they are written before the next is made
#define ROOM (TOGETHER + WIRE_FRAME_MAX + WIRE_HEAD)

struct server {
    int fd;
    struct frames in;
    char *answers; // ROOM; only what is written becomes memory
    size_t len, jobs;
};

static bool write_answers(struct server *server) {
    struct slice answers = slice_of(server->answers, server->len);
    server->len = 0;
    return answers.len == 0 || wire_send(server->fd, answers, 0);
}

static bool put_answer(struct server *server, struct op *op, const struct wire_head *head,
                       struct slice xml) {
    char *at = server->answers + server->len;
    size_t room = ROOM - server->len;
    struct wire_out out = {.len = 0};
    reason why = NULL;
    bool fits = false;
    if (head->kind == MSG_CANONICALISE) {
        struct msg_canonical message;
        why = canonicalise_message(op, xml, &message);
        fits = why == NULL && msg_put_canonical(&out, at, room, head->job, &message);
    } else if (head->kind == MSG_WHOLE && server->jobs == 0) {
        struct msg_whole message;
        why = canonicalise_whole(op, xml, &message);
        fits = why == NULL && msg_put_whole(&out, at, room, head->job, &message);
    } else {
        return false;
    }
    if (why == NULL && !fits) {
        why = op_refuse(op, REASON_OF(SAML_TOO_LARGE), "the canonical parts are too large");
    }
    if (why != NULL) {
        fits = msg_put_refused(&out, at, room, head->job, why,
                               slice_sub(op->detail, 0, MSG_TEXT_MAX)) ||
               msg_put_refused(&out, at, room, head->job, why, S(""));
    }
    server->len += fits ? out.len : 0;
    return fits;
}

// One job. False: there will be no other.
static bool serve_one(struct server *server, const struct wire_head *head, struct slice fields) {
    struct op op;
    struct slice xml;
    if (server->len > TOGETHER && !write_answers(server)) {
        return false;
    }
    op_open(&op, 0);
    op.arena.ceiling = XML_ARENA_CEILING;
    bool good = msg_get_ask(fields, &xml) && put_answer(server, &op, head, xml);
    op_close(&op);
    server->jobs++;
    return good && head->kind == MSG_CANONICALISE;
}

static bool serve_next(struct server *server) {
    struct wire_head head;
    struct slice fields;
    switch (frames_next(&server->in, &head, &fields)) {
    case FRAMES_ONE: return serve_one(server, &head, fields);
    case FRAMES_PART: return frames_read(&server->in, server->fd);
    case FRAMES_NONE: return write_answers(server) && frames_read(&server->in, server->fd);
    case FRAMES_BROKEN: break;
    }
    return false;
}

void serve(int fd) {
    struct server server = {.fd = fd, .answers = malloc(ROOM)};
    if (server.answers != NULL && frames_open(&server.in)) {
        while (serve_next(&server)) {
        }
        (void)write_answers(&server);
    }
    frames_close(&server.in);
    free(server.answers);
}
