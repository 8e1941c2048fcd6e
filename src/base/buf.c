// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_open(struct buf *buf, struct op *op, size_t ceiling) {
    *buf = (struct buf){.op = op, .ceiling = ceiling};
}

bool buf_grow(struct buf *buf, size_t more) {
    size_t most = buf->ceiling;
    if (buf->broken || more > most || buf->len > most - more) {
        buf->broken = true;
        buf->room = buf->len;
        return false;
    }
    size_t room = buf->room < 256 ? 256 : buf->room * 2;
    while (room < buf->len + more) {
        room *= 2;
    }
    room = room < most ? room : most;
    char *bigger = arena_take_raw(&buf->op->arena, room);
    if (bigger == NULL) {
        buf->broken = true;
        buf->room = buf->len;
        return false;
    }
    if (buf->len > 0) {
        memcpy(bigger, buf->at, buf->len);
    }
    buf->at = bigger;
    buf->room = room;
    return true;
}

static void big_endian(struct buf *buf, uint64_t number, unsigned bytes) {
    if (buf_room(buf, bytes)) {
        for (unsigned i = bytes; i > 0; i--) {
            buf->at[buf->len++] = (char)(uint8_t)(number >> (8 * (i - 1)));
        }
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

void buf_decimal(struct buf *buf, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_put(buf, slice_of(digits + at, sizeof digits - at));
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int need = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (need < 0 || !buf_room(buf, (size_t)need + 1)) {
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
