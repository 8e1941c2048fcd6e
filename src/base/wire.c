// SPDX-License-Identifier: GPL-3.0-or-later
// Both ends of the channel to a worker: frames, their fields, and how they get through a socket.
// The worker links this file inside its jail: with deadline 0 nothing but read(2) and write(2) is
// called.
#include "base/wire.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define LENGTH_BYTES 4
#define FIELD_HEAD 5            // tag and length
#define FIRST_BYTES (16U << 10) // nearly all frames are smaller, and come with one call

static_assert(sizeof(size_t) >= 8, "lengths of 32 bits and a head must not overflow");

static void put_number(char *at, uint64_t number, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (char)(uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t get_number(const char *at, size_t bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number = number << 8 | (uint8_t)at[i];
    }
    return number;
}

void wire_begin(struct wire_out *out, void *at, size_t room, uint16_t kind, uint64_t job) {
    *out = (struct wire_out){.at = at, .room = room, .broken = room < WIRE_HEAD};
    if (!out->broken) {
        put_number(out->at, 0, 4);
        put_number(out->at + 4, WIRE_VERSION, 2);
        put_number(out->at + 6, kind, 2);
        put_number(out->at + 8, job, 8);
        out->len = WIRE_HEAD;
    }
}

void wire_put(struct wire_out *out, uint8_t tag, struct slice bytes) {
    if (out->broken || bytes.len > WIRE_FRAME_MAX ||
        bytes.len + FIELD_HEAD > out->room - out->len) {
        out->broken = true;
        return;
    }
    char *at = out->at + out->len;
    at[0] = (char)tag;
    put_number(at + 1, bytes.len, 4);
    if (bytes.len > 0) {
        memcpy(at + FIELD_HEAD, bytes.at, bytes.len);
    }
    out->len += FIELD_HEAD + bytes.len;
}

void wire_put_u32(struct wire_out *out, uint8_t tag, uint32_t number) {
    char bytes[4];
    put_number(bytes, number, sizeof bytes);
    wire_put(out, tag, slice_of(bytes, sizeof bytes));
}

bool wire_end(struct wire_out *out) {
    if (out->broken || out->len - LENGTH_BYTES > WIRE_FRAME_MAX) {
        out->broken = true;
        return false;
    }
    put_number(out->at, out->len - LENGTH_BYTES, 4);
    return true;
}

bool wire_head(const void *bytes, struct wire_head *ret_head) {
    const char *at = bytes;
    uint64_t length = get_number(at, 4);
    uint64_t version = get_number(at + 4, 2);
    if (version != WIRE_VERSION || length < WIRE_HEAD - LENGTH_BYTES || length > WIRE_FRAME_MAX) {
        return false;
    }
    *ret_head = (struct wire_head){.length = (uint32_t)(length - (WIRE_HEAD - LENGTH_BYTES)),
                                   .kind = (uint16_t)get_number(at + 6, 2),
                                   .job = get_number(at + 8, 8)};
    return true;
}

struct wire_in wire_read(struct slice fields) {
    return (struct wire_in){fields, false};
}

struct slice wire_get(struct wire_in *in, uint8_t tag, size_t max) {
    if (in->broken || in->rest.len < FIELD_HEAD || (uint8_t)in->rest.at[0] != tag) {
        in->broken = true;
        return SLICE_NONE;
    }
    uint64_t len = get_number(in->rest.at + 1, 4);
    if (len > max || len > in->rest.len - FIELD_HEAD) {
        in->broken = true;
        return SLICE_NONE;
    }
    struct slice bytes = slice_sub(in->rest, FIELD_HEAD, FIELD_HEAD + len);
    in->rest = slice_sub(in->rest, FIELD_HEAD + len, in->rest.len);
    return bytes;
}

uint32_t wire_get_u32(struct wire_in *in, uint8_t tag, uint32_t max) {
    struct slice bytes = wire_get(in, tag, 4);
    if (in->broken || bytes.len != 4 || get_number(bytes.at, 4) > max) {
        in->broken = true;
        return 0;
    }
    return (uint32_t)get_number(bytes.at, 4);
}

bool wire_done(const struct wire_in *in) {
    return !in->broken && in->rest.len == 0;
}

// Waits until fd can be written or read. False at the deadline.
static bool ready(int fd, short events, int64_t deadline) {
    for (;;) {
        int64_t left = deadline - clock_steady();
        if (left <= 0) {
            return false;
        }
        struct pollfd poller = {.fd = fd, .events = events};
        int got = poll(&poller, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (got > 0) {
            return true; // also when the peer is gone: the next call says so
        }
        if (got < 0 && errno != EINTR) {
            return false;
        }
    }
}

// One piece, waiting when it must; -1 when there will be none. A pipe takes PIPE_BUF without
// blocking once it is ready, a socket takes what it can.
static ssize_t send_some(int fd, struct slice bytes, int64_t deadline) {
    if (deadline == 0) {
        return write(fd, bytes.at, bytes.len);
    }
    ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0 || (errno != EAGAIN && errno != ENOTSOCK)) {
        return sent;
    }
    bool socket = errno == EAGAIN;
    if (!ready(fd, POLLOUT, deadline)) {
        errno = ETIMEDOUT;
        return -1;
    }
    if (socket) {
        return send(fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    return write(fd, bytes.at, bytes.len < PIPE_BUF ? bytes.len : PIPE_BUF);
}

static ssize_t receive_some(int fd, char *at, size_t len, int64_t deadline) {
    if (deadline == 0) {
        return read(fd, at, len);
    }
    ssize_t got = recv(fd, at, len, MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != ENOTSOCK)) {
        return got;
    }
    bool socket = errno == EAGAIN;
    if (!ready(fd, POLLIN, deadline)) {
        errno = ETIMEDOUT;
        return -1;
    }
    return socket ? recv(fd, at, len, MSG_DONTWAIT) : read(fd, at, len);
}

// After a wait another thread's or a spurious wake may leave nothing to do: then it waits again.
static bool again(int64_t deadline) {
    return errno == EINTR || (errno == EAGAIN && deadline != 0);
}

bool wire_send(int fd, struct slice frame, int64_t deadline) {
    while (frame.len > 0) {
        ssize_t sent = send_some(fd, frame, deadline);
        if (sent > 0) {
            frame = slice_sub(frame, (size_t)sent, frame.len);
        } else if (sent == 0 || !again(deadline)) {
            return false;
        }
    }
    return true;
}

// Until `need` of the `room` bytes at `at` are there; takes what comes with them. *have: so far.
static bool receive_until(int fd, char *at, size_t *have, size_t need, size_t room,
                          int64_t deadline) {
    while (*have < need) {
        ssize_t got = receive_some(fd, at + *have, room - *have, deadline);
        if (got > 0) {
            *have += (size_t)got;
        } else if (got == 0 || !again(deadline)) {
            return false;
        }
    }
    return true;
}

// Head and fields together; grows the buffer where it must.
static bool receive_frame(int fd, int64_t deadline, char **bytes, struct wire_head *ret_head) {
    size_t have = 0;
    // Who answers is at work first: to look before it is ready would be in vain.
    if ((deadline != 0 && !ready(fd, POLLIN, deadline)) ||
        !receive_until(fd, *bytes, &have, WIRE_HEAD, FIRST_BYTES, deadline) ||
        !wire_head(*bytes, ret_head)) {
        return false;
    }
    size_t need = WIRE_HEAD + (size_t)ret_head->length;
    if (have > need) { // two frames: nobody is asked twice at once
        return false;
    }
    if (need > FIRST_BYTES) {
        char *more = realloc(*bytes, need);
        if (more == NULL) {
            return false;
        }
        *bytes = more;
    }
    return receive_until(fd, *bytes, &have, need, need, deadline);
}

bool wire_receive(int fd, int64_t deadline, struct wire_head *ret_head, char **ret_fields) {
    char *bytes = malloc(FIRST_BYTES);
    struct wire_head head;
    if (bytes == NULL || !receive_frame(fd, deadline, &bytes, &head)) {
        free(bytes);
        return false;
    }
    memmove(bytes, bytes + WIRE_HEAD, head.length);
    *ret_head = head;
    *ret_fields = bytes;
    return true;
}
