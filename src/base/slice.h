// SPDX-License-Identifier: GPL-3.0-or-later
// A slice is bytes that somebody else owns: a pointer and a length, passed by value. It need not end in
// NUL and may hold NUL. Text is a slice that was checked to be UTF-8 at the door.
#ifndef GATEHOUSE_BASE_SLICE_H
#define GATEHOUSE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at; // NULL only when len is 0
    size_t len;     // bytes
};

// A list of texts; what the slices point to belongs to an arena.
struct texts {
    struct slice *at;
    size_t count;
};

// A list of structs of one type; who uses it knows the type.
struct rows {
    void *at;
    size_t count;
};

#define S(literal) ((struct slice){("" literal), sizeof(literal) - 1})
#define S_ROW(literal) {("" literal), sizeof(literal) - 1} // in a table
#define SLICE_NONE ((struct slice){NULL, 0})
// For "%.*s". Evaluates its argument more than once: give it a value, or a function that gives the same each time.
// What is longer than INT_MAX does not come here: all inputs have ceilings far below.
#define SLICE(s) ((int)(s).len), ((s).len ? (s).at : "")

static inline struct slice slice_of(const void *at, size_t len) {
    return (struct slice){at, len};
}
static inline struct slice slice_str(const char *text) {
    return text != NULL ? (struct slice){text, strlen(text)} : SLICE_NONE;
}
static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

// Orders by bytes, the shorter first where one begins with the other. <0, 0, >0.
int slice_compare(struct slice a, struct slice b);
bool slice_equal_nocase(struct slice a, struct slice b); // ASCII letters only
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
// Where `part` first stands in `s`, or SIZE_MAX. An empty part stands at 0.
size_t slice_find(struct slice s, struct slice part);
// From..to, cut at the end of s.
struct slice slice_sub(struct slice s, size_t from, size_t to);
// Without ASCII white space (space, tab, CR, LF) at both ends.
struct slice slice_trim(struct slice s);
// Takes what stands before the first `by` off the front of *rest (and `by` too). False when *rest is used up.
bool slice_cut(struct slice *rest, char by, struct slice *ret_part);
// True when one of the texts is `text`, byte by byte.
bool texts_have(struct texts texts, struct slice text);

#endif
