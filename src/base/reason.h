// SPDX-License-Identifier: GPL-3.0-or-later
// Why something was refused: one registry (reasons.def) of stable slugs, and the type that functions which
// can fail return. NULL is done. A reason is compared by pointer: if (why == REASON_STORE_UNAVAILABLE).
#ifndef GATEHOUSE_BASE_REASON_H
#define GATEHOUSE_BASE_REASON_H

#include "base/auto.h"
#include "base/slice.h"

enum reason_class {
    CLASS_LOGIN, // a refused SAML message or login: leaves a trace
    CLASS_INPUT, // the caller's request is wrong
    CLASS_AUTH,  // the caller may not
    CLASS_STATE, // not as things stand
    CLASS_LIMIT, // too much
    CLASS_PEER,  // somebody else's server
    CLASS_STORE, // ours: nothing was recorded
    CLASS_START, // the program cannot start or go on (configuration, files)
};

struct reason {
    uint16_t number;
    uint16_t http; // status of the answer
    enum reason_class class;
    const char *slug; // never renamed, never reused
    const char *text; // one plain sentence for people, fit for strangers
};
typedef const struct reason *reason;

enum reason_number {
#define REASON(name, slug, http, class, text) REASON_NUMBER_##name,
#include "base/reasons.def"
#undef REASON
    REASON_COUNT
};
extern const struct reason reason_table[REASON_COUNT];
#define REASON_OF(name) (&reason_table[REASON_NUMBER_##name])

// NULL when there is none.
reason reason_find(struct slice slug);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        reason try_refusal_ = (call);                                                              \
        if (try_refusal_ != NULL) {                                                                \
            return try_refusal_;                                                                   \
        }                                                                                          \
    } while (0)
// Keeps the detail in op (for logs, traces and operators; strangers see only the registry's sentence).
#define REFUSE(op, name, ...) return op_refuse((op), REASON_OF(name), __VA_ARGS__)

#endif
