// SPDX-License-Identifier: GPL-3.0-or-later
// Frames (wire.h) as they come through a stream, one behind the other: several are taken with one call, and each is read
// where it lies. Nothing but read(2) and memory is used by frames_next and frames_read, as a jailed worker may.
#ifndef GATEHOUSE_BASE_FRAMES_H
#define GATEHOUSE_BASE_FRAMES_H

#include "base/wire.h"

#define FRAMES_ROOM (96U << 10) // a batch of messages as they mostly are; larger frames get more, and give it back

struct frames {
    char *bytes; // malloc'd
    size_t from, to, room;
};
enum frames_state {
    FRAMES_ONE,    // *ret_head and *ret_fields are it, until the next call
    FRAMES_PART,   // one has begun: the rest is still to come
    FRAMES_NONE,   // all that came was given
    FRAMES_BROKEN, // no frame: nothing behind it can be found
};

bool frames_open(struct frames *frames); // false: no memory
void frames_close(struct frames *frames);
enum frames_state frames_next(struct frames *frames, struct wire_head *ret_head,
                              struct slice *ret_fields);
// Waits for more. False: end of file, error, no memory.
bool frames_read(struct frames *frames, int fd);
// On a socket: sends of *out what goes out, waits for more and takes it; *out is what is left. Both at once, so that two
// who have much to say do not wait for each other. False: also at the deadline (clock_steady ms).
bool frames_exchange(struct frames *frames, int fd, struct slice *out, int64_t deadline);

#endif
