// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of this room share.
#ifndef GATEHOUSE_TESTS_UNIT_MAIL_UNIT_H
#define GATEHOUSE_TESTS_UNIT_MAIL_UNIT_H

#include "domain/fixture.h"

#include "mail/compose.h"

static inline bool holds(struct slice text, const char *part) {
    return slice_find(text, slice_str(part)) != SIZE_MAX;
}
static inline size_t times(struct slice text, const char *part) {
    size_t count = 0;
    struct slice word = slice_str(part);
    for (size_t at = slice_find(text, word); at != SIZE_MAX; at = slice_find(text, word)) {
        text = slice_sub(text, at + word.len, text.len);
        count++;
    }
    return count;
}
#define assert_holds(text, part)                                                                   \
    do {                                                                                           \
        struct slice assert_text_ = (text);                                                        \
        if (!holds(assert_text_, (part))) {                                                        \
            print_error("\"%s\" is not in:\n%.*s\n", (part), SLICE(assert_text_));                 \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

#endif
