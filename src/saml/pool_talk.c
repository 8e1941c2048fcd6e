// SPDX-License-Identifier: GPL-3.0-or-later
#include "saml/pool_talk.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/frames.h"
#include "base/metric.h"

static reason refuse_silence(struct op *op, int64_t until) {
    REFUSE(op, WORKER_FAILED, "%s",
           clock_steady() >= until ? "a worker missed its deadline"
                                   : "a worker crashed or answered with no frame");
}

static bool fits(const struct wire_head *head, enum msg_kind kind, uint64_t job) {
    return head->job == job && (head->kind == MSG_REFUSED || head->kind == (unsigned)kind + 1);
}

static reason refuse_unasked(struct op *op) {
    REFUSE(op, WORKER_FAILED, "a worker answered what was not asked");
}

reason talk_frame(struct op *op, int fd, int64_t deadline, enum msg_kind kind, uint64_t job,
                  const struct wire_out *out, struct wire_head *ret_head, struct slice *ret_fields) {
    int64_t until = clock_steady() + deadline;
    struct wire_head head;
    char *fields = NULL;
    if (!wire_send(fd, slice_of(out->at, out->len), until) ||
        !wire_receive(fd, until, &head, &fields)) {
        return refuse_silence(op, until);
    }
    reason why = op_copy(op, slice_of(fields, head.length), ret_fields);
    free(fields);
    TRY(why);
    if (!fits(&head, kind, job)) {
        return refuse_unasked(op);
    }
    metric_add(METRIC_WORKER_JOBS, 1);
    *ret_head = head;
    return NULL;
}

reason talk_ask(struct op *op, int fd, int64_t deadline, enum msg_kind kind, uint64_t job,
                struct slice xml, struct wire_head *ret_head, struct slice *ret_fields) {
    size_t room = xml.len + TALK_ASK_HEAD;
    char *frame = malloc(room);
    if (frame == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a message of %zu bytes", xml.len);
    }
    struct wire_out out;
    CHECK(msg_put_ask(&out, frame, room, kind, job, xml));
    reason why = talk_frame(op, fd, deadline, kind, job, &out, ret_head, ret_fields);
    free(frame);
    return why;
}

reason talk_refused(struct op *op, struct slice fields) {
    reason why = NULL;
    struct slice detail;
    if (!msg_get_refused(fields, &why, &detail)) {
        REFUSE(op, WORKER_FAILED, "a worker refused in no proper way");
    }
    if (why != REASON_OF(SAML_MALFORMED) && why != REASON_OF(SAML_DTD_FORBIDDEN) &&
        why != REASON_OF(SAML_TOO_LARGE) && !slice_starts(slice_str(why->slug), S("signature."))) {
        REFUSE(op, WORKER_FAILED, "a worker refused with %s: %.*s", why->slug, SLICE(detail));
    }
    return op_refuse(op, why, "%.*s", SLICE(detail));
}

// ---- several at once ----

static reason read_answer(struct op *op, const struct wire_head *head, struct slice fields,
                          uint64_t number, struct msg_canonical *ret_message) {
    struct slice copy;
    if (!fits(head, MSG_CANONICALISE, number)) {
        return refuse_unasked(op);
    }
    TRY(op_copy(op, fields, &copy));
    metric_add(METRIC_WORKER_JOBS, 1);
    if (head->kind == MSG_REFUSED) {
        return talk_refused(op, copy);
    }
    if (!msg_get_canonical(copy, ret_message)) {
        REFUSE(op, WORKER_FAILED, "a worker's answer is not of the agreed form");
    }
    return NULL;
}

// Takes what came. *done: so many jobs have their answer. False: nothing more can be taken from this worker.
static bool read_answers(struct frames *in, uint64_t first, struct pool_job *const *jobs,
                         size_t count, size_t *done) {
    struct wire_head head;
    struct slice fields;
    enum frames_state state = FRAMES_NONE;
    while (*done < count && (state = frames_next(in, &head, &fields)) == FRAMES_ONE) {
        struct pool_job *job = jobs[*done];
        job->why = read_answer(job->op, &head, fields, first + *done, &job->message);
        if (job->why == REASON_OF(WORKER_FAILED)) {
            return false;
        }
        ++*done;
    }
    if (*done == count && frames_next(in, &head, &fields) != FRAMES_NONE) {
        --*done; // it says more than it was asked: then the last is not its answer either
        jobs[*done]->why = refuse_unasked(jobs[*done]->op);
        return false;
    }
    return state != FRAMES_BROKEN;
}

// *out: the messages, in memory that the caller frees.
static reason write_asks(struct pool_job *const *jobs, size_t count, uint64_t first,
                         struct slice *ret_out) {
    size_t room = 0;
    size_t len = 0;
    CHECK(count > 0);
    for (size_t i = 0; i < count; i++) {
        room += jobs[i]->xml.len + TALK_ASK_HEAD;
    }
    char *bytes = malloc(room);
    if (bytes == NULL) {
        REFUSE(jobs[0]->op, LIMIT_MEMORY, "no memory for messages of %zu bytes", room);
    }
    for (size_t i = 0; i < count; i++) {
        struct wire_out out;
        CHECK(msg_put_ask(&out, bytes + len, room - len, MSG_CANONICALISE, first + i, jobs[i]->xml));
        len += out.len;
    }
    *ret_out = slice_of(bytes, len);
    return NULL;
}

static size_t converse(struct frames *in, int fd, int64_t until, struct slice out, uint64_t first,
                       struct pool_job *const *jobs, size_t count) {
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        jobs[i]->why = NULL;
    }
    while (done < count && frames_exchange(in, fd, &out, until) &&
           read_answers(in, first, jobs, count, &done)) {
    }
    for (size_t i = done; i < count; i++) {
        jobs[i]->why = jobs[i]->why != NULL ? jobs[i]->why : refuse_silence(jobs[i]->op, until);
    }
    return done;
}

size_t talk_canonicalise(int fd, int64_t deadline, uint64_t first, struct pool_job *const *jobs,
                         size_t count) {
    int64_t until = clock_steady() + deadline;
    struct slice out = SLICE_NONE;
    struct frames in;
    size_t done = 0;
    reason why = frames_open(&in) ? write_asks(jobs, count, first, &out) : REASON_OF(LIMIT_MEMORY);
    if (why == NULL) {
        done = converse(&in, fd, until, out, first, jobs, count);
    }
    for (size_t i = 0; why != NULL && i < count; i++) {
        jobs[i]->why = op_refuse(jobs[i]->op, why, "no memory for the messages to a worker");
    }
    free((void *)(uintptr_t)out.at);
    frames_close(&in);
    return why != NULL ? count : done;
}
