// SPDX-License-Identifier: GPL-3.0-or-later
// Faults in what a caller gave: all of them are told at once, each with its JSON pointer, and the
// whole is refused with one reason.
#ifndef GATEHOUSE_DOMAIN_FAULT_H
#define GATEHOUSE_DOMAIN_FAULT_H

#include "base/op.h"

struct faults {
    struct op *op;
    struct slice at;     // pointer of the document that is checked: "" or "/policy"
    reason why;          // NULL: none so far
    struct slice detail; // of the first
};

static inline struct faults faults_open(struct op *op, struct slice at) {
    return (struct faults){.op = op, .at = at};
}
// Adds one at `at` + "/" + name; for a list also "/" + index.
void fault_at(struct faults *faults, const char *name, reason why, const char *format, ...)
    PRINTF_LIKE(4, 5);
void fault_in(struct faults *faults, const char *name, size_t index, reason why, const char *format,
              ...) PRINTF_LIKE(5, 6);
// NULL when there are none; the reason of all when they share one that says more than that a field
// is wrong (unknown_role, domain_taken); else invalid_input. The detail is the first one's.
MUST_USE reason faults_end(struct faults *faults);

#endif
