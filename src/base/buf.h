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
void buf_put(struct buf *buf, struct slice bytes);
void buf_str(struct buf *buf, const char *text);
void buf_byte(struct buf *buf, uint8_t byte);
void buf_u16(struct buf *buf, uint16_t number); // big endian, as all numbers in stored and sent bytes
void buf_u32(struct buf *buf, uint32_t number);
void buf_u64(struct buf *buf, uint64_t number);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
// The bytes so far, also of a broken one.
struct slice buf_slice(const struct buf *buf);
// limit.memory when an append failed.
MUST_USE reason buf_done(const struct buf *buf, struct slice *ret_bytes);

#endif
