// SPDX-License-Identifier: GPL-3.0-or-later
// One JSON object a line on stderr. Only http and app log: lower rooms refuse. No assertion, token, cookie
// or mail body ever goes here. Values over LOG_VALUE_MAX bytes are cut.
#ifndef GATEHOUSE_BASE_LOG_H
#define GATEHOUSE_BASE_LOG_H

#include "base/op.h"

#define LOG_VALUE_MAX 256

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
// Lines below this level are not written. LOG_INFO at the start.
void log_level_set(enum log_level level);

struct log_field {
    const char *name;
    struct slice text; // written as a string, unless at is NULL: then `number`
    int64_t number;
};
#define LOG_TEXT(name, text) ((struct log_field){name, text, 0})
#define LOG_NUMBER(name, number) ((struct log_field){name, SLICE_NONE, number})

// From log_hold on this thread's lines gather, up to some twenty; log_release writes them with one call. For the moment in which
// several requests are answered, not longer.
void log_hold(void);
void log_release(void);

// {"ts":..., "level":..., "event":event, "request":op->id, fields...}. op may be NULL. Never fails.
void log_event(const struct op *op, enum log_level level, const char *event,
               const struct log_field *fields, size_t count);
#define LOG(op, level, event, ...)                                                                 \
    log_event((op), (level), (event), (const struct log_field[]){__VA_ARGS__},                     \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
