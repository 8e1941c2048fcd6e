// SPDX-License-Identifier: GPL-3.0-or-later
// Frames between the gate and its workers, and the typed fields in them. Reading is strict: fixed order,
// named ceilings, no trailing bytes. Frame: u32 length of what follows, u16 version, u16 kind, u64 job,
// then fields: u8 tag, u32 length, bytes. Big endian.
#ifndef GATEHOUSE_BASE_WIRE_H
#define GATEHOUSE_BASE_WIRE_H

#include "base/slice.h"

#define WIRE_VERSION 1
#define WIRE_HEAD 16                 // bytes before the fields, the length included
#define WIRE_FRAME_MAX (4U << 20)    // canonical octets of a message under its cap, several times over

struct wire_head {
    uint32_t length; // of the fields
    uint16_t kind;
    uint64_t job;
};

// Bytes that are written field by field into memory that the caller gave.
struct wire_out {
    char *at;
    size_t len, room;
    bool broken; // did not fit: nothing of it may be sent
};
void wire_begin(struct wire_out *out, void *at, size_t room, uint16_t kind, uint64_t job);
void wire_put(struct wire_out *out, uint8_t tag, struct slice bytes);
void wire_put_u32(struct wire_out *out, uint8_t tag, uint32_t number);
// Sets the length. False when something did not fit.
bool wire_end(struct wire_out *out);

// Reads the head of a frame; false: version, length over WIRE_FRAME_MAX.
bool wire_head(const void *bytes, struct wire_head *ret_head);

struct wire_in {
    struct slice rest;
    bool broken; // sticky: the frame is not what it should be
};
struct wire_in wire_read(struct slice fields);
// The next field must have this tag and at most `max` bytes; else marks broken and gives an empty slice.
struct slice wire_get(struct wire_in *in, uint8_t tag, size_t max);
uint32_t wire_get_u32(struct wire_in *in, uint8_t tag, uint32_t max);
// True when all was read, to the last byte, and nothing broke.
bool wire_done(const struct wire_in *in);

// Whole frames over a stream socket. False: end of file, error, deadline (clock_steady ms; 0 = none) or a
// frame that is none, or bytes that came with it and are not of it: ask and answer take turns. wire_receive gives the fields in malloc'd memory that the caller frees.
// Without a deadline only read(2) and write(2) are called, as a jailed worker may: a peer that is gone is
// then a SIGPIPE. With one, no signal is raised on a socket.
bool wire_send(int fd, struct slice frame, int64_t deadline);
bool wire_receive(int fd, int64_t deadline, struct wire_head *ret_head, char **ret_fields);

#endif
