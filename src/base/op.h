// SPDX-License-Identifier: GPL-3.0-or-later
// One operation: a request, a command, a job. First parameter of all that can fail. It owns the memory of
// the operation, its clock (fixed at entry, so that one operation sees one time and tests own it) and the
// detail of a refusal. Used by one thread at a time.
#ifndef GATEHOUSE_BASE_OP_H
#define GATEHOUSE_BASE_OP_H

#include "base/arena.h"
#include "base/reason.h"

#define OP_ERRORS_MAX 32 // field errors in one answer; the rest are left out
#define OP_EXTRAS_MAX 4  // further members of one problem

struct op_error {
    struct slice pointer; // JSON pointer of the field, "" for the whole
    reason why;
    struct slice detail;
};

// A member of the problem beside those that each has: {"state":"active"}.
struct op_extra {
    const char *name;
    struct slice value;
    bool number; // value is one, in digits
};

struct op {
    struct arena arena;
    int64_t now;              // milliseconds since 1970 UTC
    struct slice id;          // request id in logs, answers and audit
    struct slice detail;      // of the refusal that is on its way up
    struct op_error errors[OP_ERRORS_MAX]; // by field, for CLASS_INPUT
    size_t error_count;
    struct op_extra extras[OP_EXTRAS_MAX];
    size_t extra_count;
    bool incomplete; // a JSON value could not be made: nothing of it may be printed
};

// now 0: the system's clock.
void op_open(struct op *op, int64_t now);
void op_close(struct op *op);
// Stores the detail and returns why. Only through REFUSE, or where a reason is chosen at run time.
MUST_USE reason op_refuse(struct op *op, reason why, const char *format, ...) PRINTF_LIKE(3, 4);
// Adds a field error; the whole is then refused with INVALID_INPUT by the caller.
void op_error(struct op *op, struct slice pointer, reason why, const char *format, ...)
    PRINTF_LIKE(4, 5);
// Adds a member to the problem, or replaces the one of this name: what a program needs to know of the refusal.
void op_extra(struct op *op, const char *name, struct slice value);
void op_extra_count(struct op *op, const char *name, size_t count);

// Zeroed memory; limit.memory.
MUST_USE reason op_take(struct op *op, size_t size, void *ret_pointer);
// The same, not zeroed: for who writes each byte before it is read.
MUST_USE reason op_take_raw(struct op *op, size_t size, void *ret_pointer);
// With a NUL behind it.
MUST_USE reason op_copy(struct op *op, struct slice bytes, struct slice *ret_copy);
// A NUL-terminated copy for a library's door; invalid_input when the text holds a NUL.
MUST_USE reason op_cstr(struct op *op, struct slice text, const char **ret_text);
// Formatted text in the arena; "" when memory is out (for details and logs, never for what is checked).
struct slice op_text(struct op *op, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
