// SPDX-License-Identifier: GPL-3.0-or-later
// Collects faults by field. It counts for itself: op keeps a bounded number of errors, and one that
// no longer fits must refuse all the same.
#include "domain/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "domain/grant.h"

#define DETAIL_MAX 512 // bytes of one sentence; values in it are cut by who writes it

static bool says_field_only(reason why) {
    return why == REASON_OF(FIELD_UNKNOWN) || why == REASON_OF(FIELD_REQUIRED) ||
           why == REASON_OF(FIELD_TYPE) || why == REASON_OF(FIELD_RANGE) ||
           why == REASON_OF(FIELD_VALUE);
}

PRINTF_LIKE(4, 0)
static void add(struct faults *faults, struct slice pointer, reason why, const char *format,
                va_list list) {
    char text[DETAIL_MAX];
    (void)vsnprintf(text, sizeof text, format, list);
    // What vsnprintf cut may end inside a character, and a value in it may be no text at all.
    struct slice detail = text_cut(slice_str(text), DETAIL_MAX - 4);
    if (!text_line(detail)) {
        detail = S("this value holds characters that are not allowed");
    }
    detail = op_text(faults->op, "%.*s", SLICE(detail));
    op_error(faults->op, pointer, why, "%.*s", SLICE(detail));
    reason whole = says_field_only(why) ? REASON_OF(INVALID_INPUT) : why;
    if (faults->why == NULL) {
        faults->why = whole;
        faults->detail = detail;
    } else if (faults->why != whole) {
        faults->why = REASON_OF(INVALID_INPUT);
    }
}

void fault_at(struct faults *faults, const char *name, reason why, const char *format, ...) {
    struct slice pointer = op_text(faults->op, "%.*s/%s", SLICE(faults->at), name);
    va_list list;
    va_start(list, format);
    add(faults, pointer, why, format, list);
    va_end(list);
}

void fault_in(struct faults *faults, const char *name, size_t index, reason why, const char *format,
              ...) {
    struct slice pointer = op_text(faults->op, "%.*s/%s/%zu", SLICE(faults->at), name, index);
    va_list list;
    va_start(list, format);
    add(faults, pointer, why, format, list);
    va_end(list);
}

reason faults_end(struct faults *faults) {
    if (faults->why == NULL) {
        return NULL;
    }
    return op_refuse(faults->op, faults->why, "%.*s", SLICE(faults->detail));
}
