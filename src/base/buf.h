// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that grow, in an arena, up to a ceiling. A failed append marks the buffer broken and later
// appends do nothing; who builds checks once, at the end, with buf_done. Growth doubles, so the arena
// holds at most twice what was written.
#ifndef GATEHOUSE_BASE_BUF_H
#define GATEHOUSE_BASE_BUF_H

#include "base/op.h"

struct buf {
    struct op *op;
    char *at;
    size_t len, room, ceiling;
    bool broken;
};

void buf_open(struct buf *buf, struct op *op, size_t ceiling);
// Room for so many bytes more behind buf->len; false: it is broken. Room is never above the ceiling, and a broken
// one has none, so that most appends ask for one thing only.
bool buf_grow(struct buf *buf, size_t more);
static inline bool buf_room(struct buf *buf, size_t more) {
    return buf->room - buf->len >= more || buf_grow(buf, more);
}
static inline void buf_put(struct buf *buf, struct slice bytes) {
    if (bytes.len > 0 && buf_room(buf, bytes.len)) {
        memcpy(buf->at + buf->len, bytes.at, bytes.len);
        buf->len += bytes.len;
    }
}
static inline void buf_byte(struct buf *buf, uint8_t byte) {
    if (buf_room(buf, 1)) {
        buf->at[buf->len++] = (char)byte;
    }
}
static inline void buf_str(struct buf *buf, const char *text) {
    buf_put(buf, slice_str(text));
}
void buf_u16(struct buf *buf, uint16_t number); // big endian, as all numbers in stored and sent bytes
void buf_u32(struct buf *buf, uint32_t number);
void buf_u64(struct buf *buf, uint64_t number);
void buf_decimal(struct buf *buf, uint64_t number);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
// The bytes so far, also of a broken one.
struct slice buf_slice(const struct buf *buf);
// limit.memory when an append failed.
MUST_USE reason buf_done(const struct buf *buf, struct slice *ret_bytes);

#endif
