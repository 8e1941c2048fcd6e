// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/slice.h"

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int slice_compare(struct slice a, struct slice b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.at, b.at, common) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool slice_equal_nocase(struct slice a, struct slice b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.at[i]) != lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && slice_equal(slice_sub(s, 0, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix) {
    return s.len >= suffix.len && slice_equal(slice_sub(s, s.len - suffix.len, s.len), suffix);
}

size_t slice_find(struct slice s, struct slice part) {
    if (part.len == 0) {
        return 0;
    }
    if (s.len < part.len) {
        return SIZE_MAX;
    }
    const char *found = memmem(s.at, s.len, part.at, part.len);
    return found != NULL ? (size_t)(found - s.at) : SIZE_MAX;
}

struct slice slice_sub(struct slice s, size_t from, size_t to) {
    if (to > s.len) {
        to = s.len;
    }
    if (from >= to) {
        return (struct slice){from > 0 && from <= s.len ? s.at + from : s.at, 0};
    }
    return (struct slice){s.at + from, to - from};
}

static bool space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s) {
    while (s.len > 0 && space(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && space(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool slice_cut(struct slice *rest, char by, struct slice *ret_part) {
    if (rest->at == NULL) {
        return false;
    }
    const char *found = rest->len > 0 ? memchr(rest->at, by, rest->len) : NULL;
    if (found == NULL) {
        *ret_part = *rest;
        *rest = SLICE_NONE;
        return true;
    }
    size_t len = (size_t)(found - rest->at);
    *ret_part = slice_of(rest->at, len);
    *rest = slice_of(found + 1, rest->len - len - 1);
    return true;
}

bool texts_have(struct texts texts, struct slice text) {
    for (size_t i = 0; i < texts.count; i++) {
        if (slice_equal(texts.at[i], text)) {
            return true;
        }
    }
    return false;
}
