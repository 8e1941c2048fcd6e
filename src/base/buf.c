// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_open(struct buf *buf, struct op *op, size_t ceiling) {
    *buf = (struct buf){.op = op, .ceiling = ceiling};
}

static bool room_for(struct buf *buf, size_t more) {
    if (buf->broken || more > buf->ceiling || buf->len > buf->ceiling - more) {
        buf->broken = true;
        return false;
    }
    if (buf->room - buf->len >= more) {
        return true;
    }
    size_t room = buf->room < 256 ? 256 : buf->room * 2;
    while (room < buf->len + more) {
        room *= 2;
    }
    char *bigger = arena_take(&buf->op->arena, room);
    if (bigger == NULL) {
        buf->broken = true;
        return false;
    }
    if (buf->len > 0) {
        memcpy(bigger, buf->at, buf->len);
    }
    buf->at = bigger;
    buf->room = room;
    return true;
}

void buf_put(struct buf *buf, struct slice bytes) {
    if (bytes.len > 0 && room_for(buf, bytes.len)) {
        memcpy(buf->at + buf->len, bytes.at, bytes.len);
        buf->len += bytes.len;
    }
}

void buf_str(struct buf *buf, const char *text) {
    buf_put(buf, slice_str(text));
}

void buf_byte(struct buf *buf, uint8_t byte) {
    if (room_for(buf, 1)) {
        buf->at[buf->len++] = (char)byte;
    }
}

static void big_endian(struct buf *buf, uint64_t number, unsigned bytes) {
    for (unsigned i = bytes; i > 0; i--) {
        buf_byte(buf, (uint8_t)(number >> (8 * (i - 1))));
    }
}

void buf_u16(struct buf *buf, uint16_t number) {
    big_endian(buf, number, 2);
}

void buf_u32(struct buf *buf, uint32_t number) {
    big_endian(buf, number, 4);
}

void buf_u64(struct buf *buf, uint64_t number) {
    big_endian(buf, number, 8);
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int need = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (need < 0 || !room_for(buf, (size_t)need + 1)) {
        buf->broken = true;
        return;
    }
    va_start(list, format);
    (void)vsnprintf(buf->at + buf->len, (size_t)need + 1, format, list);
    va_end(list);
    buf->len += (size_t)need;
}

struct slice buf_slice(const struct buf *buf) {
    return slice_of(buf->at, buf->len);
}

reason buf_done(const struct buf *buf, struct slice *ret_bytes) {
    if (buf->broken) {
        REFUSE(buf->op, LIMIT_MEMORY, "more than %zu bytes to write, or memory is out",
               buf->ceiling);
    }
    *ret_bytes = buf_slice(buf);
    return NULL;
}
