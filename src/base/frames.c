// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/frames.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

bool frames_open(struct frames *frames) {
    *frames = (struct frames){.bytes = malloc(FRAMES_ROOM), .room = FRAMES_ROOM};
    return frames->bytes != NULL;
}

void frames_close(struct frames *frames) {
    free(frames->bytes);
    *frames = (struct frames){.bytes = NULL};
}

enum frames_state frames_next(struct frames *frames, struct wire_head *ret_head,
                              struct slice *ret_fields) {
    size_t have = frames->to - frames->from;
    if (have < WIRE_HEAD) {
        return have == 0 ? FRAMES_NONE : FRAMES_PART;
    }
    const char *at = frames->bytes + frames->from;
    struct wire_head head;
    if (!wire_head(at, &head)) {
        return FRAMES_BROKEN;
    }
    if (have < WIRE_HEAD + (size_t)head.length) {
        return FRAMES_PART;
    }
    frames->from += WIRE_HEAD + (size_t)head.length;
    *ret_head = head;
    *ret_fields = slice_of(at + WIRE_HEAD, head.length);
    return FRAMES_ONE;
}

// Room for the rest of the frame that has begun, or for what comes next, behind what is there.
static bool make_room(struct frames *frames) {
    size_t have = frames->to - frames->from;
    size_t need = FRAMES_ROOM;
    struct wire_head head;
    if (have >= WIRE_HEAD && wire_head(frames->bytes + frames->from, &head) &&
        WIRE_HEAD + (size_t)head.length > need) {
        need = WIRE_HEAD + (size_t)head.length;
    }
    if (need == frames->room) {
        memmove(frames->bytes, frames->bytes + frames->from, have);
    } else {
        char *bytes = malloc(need);
        if (bytes == NULL) {
            return false;
        }
        memcpy(bytes, frames->bytes + frames->from, have);
        free(frames->bytes);
        frames->bytes = bytes;
        frames->room = need;
    }
    frames->from = 0;
    frames->to = have;
    return true;
}

bool frames_read(struct frames *frames, int fd) {
    if (!make_room(frames)) {
        return false;
    }
    for (;;) {
        ssize_t got = read(fd, frames->bytes + frames->to, frames->room - frames->to);
        if (got > 0) {
            frames->to += (size_t)got;
            return true;
        }
        if (got == 0 || errno != EINTR) {
            return false;
        }
    }
}

// A call that had nothing to do, or was disturbed, is made again.
static bool passes(ssize_t done) {
    return done > 0 || (done < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool send_some(int fd, struct slice *out) {
    ssize_t sent = send(fd, out->at, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        *out = slice_sub(*out, (size_t)sent, out->len);
    }
    return passes(sent);
}

static bool take_some(struct frames *frames, int fd) {
    if (!make_room(frames)) {
        return false;
    }
    ssize_t got =
        recv(fd, frames->bytes + frames->to, frames->room - frames->to, MSG_DONTWAIT);
    frames->to += got > 0 ? (size_t)got : 0;
    return passes(got);
}

bool frames_exchange(struct frames *frames, int fd, struct slice *out, int64_t deadline) {
    if (out->len > 0 && !send_some(fd, out)) {
        return false;
    }
    int64_t left = deadline - clock_steady();
    if (left <= 0) {
        return false;
    }
    struct pollfd poller = {.fd = fd, .events = out->len > 0 ? POLLIN | POLLOUT : POLLIN};
    int got = poll(&poller, 1, left > INT_MAX ? INT_MAX : (int)left);
    if (got < 0) {
        return errno == EINTR;
    }
    // Also when the peer is gone: taking says so. At the deadline the next call does.
    return (poller.revents & ~POLLOUT) == 0 || take_some(frames, fd);
}
