// SPDX-License-Identifier: GPL-3.0-or-later
// A worker's loop. It runs inside the jail: read(2), write(2) and memory are all it has.
#include "worker/serve.h"

#include <stdlib.h>

#include "worker/canonicalise.h"

struct server {
    int fd;
    char *frame; // WIRE_FRAME_MAX and the length bytes; only what is written becomes memory
    size_t room, jobs;
};

static bool answer(struct server *server, struct op *op, const struct wire_head *head,
                   struct slice xml, struct wire_out *out) {
    reason why = NULL;
    bool fits = false;
    if (head->kind == MSG_CANONICALISE) {
        struct msg_canonical message;
        why = canonicalise_message(op, xml, &message);
        fits =
            why == NULL && msg_put_canonical(out, server->frame, server->room, head->job, &message);
    } else if (head->kind == MSG_WHOLE && server->jobs == 0) {
        struct msg_whole message;
        why = canonicalise_whole(op, xml, &message);
        fits = why == NULL && msg_put_whole(out, server->frame, server->room, head->job, &message);
    } else {
        return false;
    }
    if (why == NULL && !fits) {
        why = op_refuse(op, REASON_OF(SAML_TOO_LARGE), "the canonical parts are too large");
    }
    if (why != NULL) {
        return msg_put_refused(out, server->frame, server->room, head->job, why,
                               slice_sub(op->detail, 0, MSG_TEXT_MAX)) ||
               msg_put_refused(out, server->frame, server->room, head->job, why, S(""));
    }
    return fits;
}

// One job. False: there will be no other.
static bool serve_one(struct server *server) {
    struct wire_head head;
    char *fields = NULL;
    if (!wire_receive(server->fd, 0, &head, &fields)) {
        return false;
    }
    struct op op;
    op_open(&op, 0);
    op.arena.ceiling = XML_ARENA_CEILING;
    struct slice xml;
    struct wire_out out;
    bool good = msg_get_ask(slice_of(fields, head.length), &xml) &&
                answer(server, &op, &head, xml, &out) &&
                wire_send(server->fd, slice_of(out.at, out.len), 0);
    op_close(&op);
    free(fields);
    server->jobs++;
    return good && head.kind == MSG_CANONICALISE;
}

void serve(int fd) {
    struct server server = {.fd = fd, .room = WIRE_FRAME_MAX + WIRE_HEAD};
    server.frame = malloc(server.room);
    while (server.frame != NULL && serve_one(&server)) {
    }
    free(server.frame);
}
