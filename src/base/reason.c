// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/reason.h"

const struct reason reason_table[REASON_COUNT] = {
#define REASON(name, slug, http, class, text) {REASON_NUMBER_##name, http, class, slug, text},
#include "base/reasons.def"
#undef REASON
};

reason reason_find(struct slice slug) {
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (slice_equal(slug, slice_str(reason_table[i].slug))) {
            return &reason_table[i];
        }
    }
    return NULL;
}
