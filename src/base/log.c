// SPDX-License-Identifier: GPL-3.0-or-later
// Makes one JSON line on the stack and gives it to write(2) whole. It allocates nothing and never
// fails: what does not fit is left out and the line says so.
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

// A pipe takes PIPE_BUF in one piece, so that lines of threads and of workers do not mix.
#define LINE_MAX_BYTES PIPE_BUF
#define LINE_END ",\"cut\":true}\n"

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
    bool full;
};

// Set at the start and by a command; read by all threads.
static _Atomic int least_level = LOG_INFO;

void log_level_set(enum log_level level) {
    atomic_store(&least_level, (int)level);
}

static void put(struct line *line, struct slice text) {
    if (line->full || text.len > sizeof line->bytes - sizeof LINE_END - line->len) {
        line->full = true;
        return;
    }
    if (text.len > 0) {
        memcpy(line->bytes + line->len, text.at, text.len);
        line->len += text.len;
    }
}

// Control characters of both sets are escaped: who reads logs on a terminal must not obey them.
static void put_character(struct line *line, struct slice bytes, uint32_t code) {
    if (code == '"' || code == '\\') {
        put(line, S("\\"));
        put(line, bytes);
    } else if (code < 0x20 || (code >= 0x7F && code <= 0x9F)) {
        char escape[8];
        int len = snprintf(escape, sizeof escape, "\\u%04" PRIx32, code);
        put(line, slice_of(escape, (size_t)len));
    } else {
        put(line, bytes);
    }
}

// Printable ASCII at the front that needs no escape: nearly all that is logged.
static size_t plain_run(struct slice text) {
    size_t at = 0;
    while (at < text.len && text.at[at] >= ' ' && text.at[at] <= '~' && text.at[at] != '"' &&
           text.at[at] != '\\') {
        at++;
    }
    return at;
}

static void put_string(struct line *line, struct slice text) {
    bool cut = text.len > LOG_VALUE_MAX;
    if (cut) {
        text.len = LOG_VALUE_MAX;
        for (int i = 0; i < 3 && ((uint8_t)text.at[text.len] & 0xC0) == 0x80; i++) {
            text.len--;
        }
    }
    put(line, S("\""));
    for (;;) {
        size_t run = plain_run(text);
        put(line, slice_of(text.at, run));
        if (run == text.len) {
            break;
        }
        text = slice_of(text.at + run, text.len - run);
        uint32_t code;
        size_t used = text_next(text, &code);
        if (used == 0) {
            put(line, S("\\ufffd"));
            used = 1;
        } else {
            put_character(line, slice_sub(text, 0, used), code);
        }
        text = slice_of(text.at + used, text.len - used);
    }
    put(line, cut ? S("...\"") : S("\""));
}

static void put_name(struct line *line, const char *name) {
    put(line, line->len > 1 ? S(",\"") : S("\""));
    put(line, slice_str(name));
    put(line, S("\":"));
}

static void put_field(struct line *line, const struct log_field *field) {
    size_t before = line->len;
    put_name(line, field->name);
    if (field->text.at != NULL) {
        put_string(line, field->text);
    } else {
        char number[24];
        int len = snprintf(number, sizeof number, "%" PRId64, field->number);
        put(line, slice_of(number, (size_t)len));
    }
    if (line->full) {
        line->len = before;
    }
}

static void write_out(const char *bytes, size_t len) {
    ssize_t written;
    do {
        written = write(STDERR_FILENO, bytes, len);
    } while (written < 0 && errno == EINTR);
}

// Lines of this thread that are written together: in one piece, too.
static _Thread_local struct {
    char bytes[LINE_MAX_BYTES];
    size_t len;
    bool on;
} held;

static void write_held(void) {
    if (held.len > 0) {
        write_out(held.bytes, held.len);
        held.len = 0;
    }
}

void log_event(const struct op *op, enum log_level level, const char *event,
               const struct log_field *fields, size_t count) {
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    if ((int)level < atomic_load(&least_level)) {
        return;
    }
    struct line line; // its bytes are written before they are read
    line.len = 0;
    line.full = false;
    char time[CLOCK_TEXT];
    put(&line, S("{"));
    put_field(&line, &LOG_TEXT("ts", clock_print(clock_now(), time)));
    put_field(&line, &LOG_TEXT("level", slice_str(levels[level])));
    put_field(&line, &LOG_TEXT("event", slice_str(event)));
    if (op != NULL && op->id.len > 0) {
        put_field(&line, &LOG_TEXT("request", op->id));
    }
    for (size_t i = 0; i < count; i++) {
        put_field(&line, &fields[i]);
    }
    struct slice end = line.full ? S(LINE_END) : S("}\n");
    memcpy(line.bytes + line.len, end.at, end.len);
    line.len += end.len;
    if (held.on && line.len > sizeof held.bytes - held.len) {
        write_held();
    }
    if (held.on) {
        memcpy(held.bytes + held.len, line.bytes, line.len);
        held.len += line.len;
    } else {
        write_out(line.bytes, line.len);
    }
}

void log_hold(void) {
    held.on = true;
}

void log_release(void) {
    held.on = false;
    write_held();
}
