// SPDX-License-Identifier: GPL-3.0-or-later
// Hostile messages by name: each as large as the door lets in, each after one cost that grows faster
// than its bytes. They are text; none holds a signature that verifies.
#ifndef GATEHOUSE_TESTS_BOUNDS_SHAPES_H
#define GATEHOUSE_TESTS_BOUNDS_SHAPES_H

#include <stdbool.h>
#include <stddef.h>

// Text that grows up to `room`; `full` says that a unit did not fit any more.
struct text {
    char *at;
    size_t len, room;
    size_t nodes; // how many more may be repeated
    bool full;
};

__attribute__((format(printf, 2, 3))) void text_put(struct text *text, const char *format, ...);

struct shape {
    const char *name;
    void (*write)(struct text *text, size_t room); // room: what the closing tags leave
};
extern const struct shape shapes[];
extern const size_t shape_count;

#endif
