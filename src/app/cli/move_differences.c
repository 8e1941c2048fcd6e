// SPDX-License-Identifier: GPL-3.0-or-later
// What one JSON object says otherwise than another, in few words. Both have the shape of a row of
// move.c: members that are plain values, lists of texts, or lists of flat objects.
#include "app/cli/move.h"

#define SHOWN_MAX 64    // bytes of one value: what is longer is cut
#define LINE_BYTES 2048 // of all that is said of one member

// Lists of texts whose order means something: the context that an identity provider is asked for
// first.
static const char *const ordered[] = {"authn_context", NULL};

static bool is_ordered(struct slice name) {
    for (size_t i = 0; ordered[i] != NULL; i++) {
        if (slice_equal(name, slice_str(ordered[i]))) {
            return true;
        }
    }
    return false;
}

// ---- equal?

static bool is_nothing(const struct json *value) {
    return value == NULL || json_is_null(value);
}

// Neither lists nor objects.
static bool same_plain(const struct json *a, const struct json *b) {
    struct slice text_a;
    struct slice text_b;
    int64_t number_a = 0;
    int64_t number_b = 0;
    bool flag_a = false;
    bool flag_b = false;
    if (is_nothing(a) || is_nothing(b)) {
        return is_nothing(a) && is_nothing(b);
    }
    if (json_text(a, &text_a)) {
        return json_text(b, &text_b) && slice_equal(text_a, text_b);
    }
    if (json_number(a, &number_a)) {
        return json_number(b, &number_b) && number_a == number_b;
    }
    return json_bool(a, &flag_a) && json_bool(b, &flag_b) && flag_a == flag_b;
}

static bool has_plain(const struct json *list, const struct json *value) {
    for (size_t i = 0; i < json_count(list); i++) {
        if (same_plain(json_at(list, i), value)) {
            return true;
        }
    }
    return false;
}

static bool has_all(const struct json *list, const struct json *of) {
    for (size_t i = 0; i < json_count(of); i++) {
        if (!has_plain(list, json_at(of, i))) {
            return false;
        }
    }
    return true;
}

// A plain value, or a list of them as a set.
static bool same_flat(const struct json *a, const struct json *b) {
    if (json_is_array(a) && json_is_array(b)) {
        return has_all(a, b) && has_all(b, a);
    }
    return same_plain(a, b);
}

// What `a` has, `b` has too.
static bool covers(const struct json *b, const struct json *a) {
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(a, &at, &name, &value)) {
        if (!same_flat(value, json_get(b, name.at))) {
            return false;
        }
    }
    return true;
}

static bool same_element(const struct json *a, const struct json *b) {
    return json_is_object(a) ? json_is_object(b) && covers(b, a) && covers(a, b) : same_plain(a, b);
}

static bool same_in_order(const struct json *a, const struct json *b) {
    if (json_count(a) != json_count(b)) {
        return false;
    }
    for (size_t i = 0; i < json_count(a); i++) {
        if (!same_element(json_at(a, i), json_at(b, i))) {
            return false;
        }
    }
    return true;
}

// ---- told

static void put_value(struct buf *out, const struct json *value) {
    struct slice text;
    if (is_nothing(value)) {
        buf_str(out, "none");
    } else if (json_text(value, &text)) {
        buf_printf(out, "\"%.*s%s\"", SLICE(slice_sub(text, 0, SHOWN_MAX)),
                   text.len > SHOWN_MAX ? "..." : "");
    } else {
        struct slice plain = S("");
        // A number or a flag; for what it is not, nothing is shown.
        if (json_print(out->op, value, false, &plain) == NULL) {
            buf_put(out, slice_sub(plain, 0, SHOWN_MAX));
        }
    }
}

// "+b.example -a.example"
static void put_set(struct buf *out, const struct json *stored, const struct json *wanted) {
    const struct {
        const struct json *has, *lacks;
        char mark;
    } ways[] = {{wanted, stored, '+'}, {stored, wanted, '-'}};
    for (size_t way = 0; way < 2; way++) {
        for (size_t i = 0; i < json_count(ways[way].has); i++) {
            struct slice text = S("");
            const struct json *value = json_at(ways[way].has, i);
            if (!has_plain(ways[way].lacks, value) && json_text(value, &text)) {
                buf_printf(out, " %c%.*s%s", ways[way].mark, SLICE(slice_sub(text, 0, SHOWN_MAX)),
                           text.len > SHOWN_MAX ? "..." : "");
            }
        }
    }
}

// " (3, now 4)"; the first that differs, counted from 1.
static void put_order(struct buf *out, const struct json *stored, const struct json *wanted) {
    size_t first = 0;
    while (first < json_count(stored) && first < json_count(wanted) &&
           same_element(json_at(stored, first), json_at(wanted, first))) {
        first++;
    }
    buf_printf(out, " %zu -> %zu entries, other from entry %zu on", json_count(stored),
               json_count(wanted), first + 1);
}

static bool is_set(struct slice name, const struct json *stored, const struct json *wanted) {
    return !json_is_object(json_at(stored, 0)) && !json_is_object(json_at(wanted, 0)) &&
           !is_ordered(name);
}

// "" when both say the same.
static struct slice difference(struct op *op, struct slice name, const struct json *stored,
                               const struct json *wanted) {
    struct buf out;
    buf_open(&out, op, LINE_BYTES);
    buf_put(&out, name);
    if (!json_is_array(stored) || !json_is_array(wanted)) {
        if (same_plain(stored, wanted)) {
            return S("");
        }
        buf_str(&out, " ");
        put_value(&out, stored);
        buf_str(&out, " -> ");
        put_value(&out, wanted);
    } else if (is_set(name, stored, wanted)) {
        if (same_flat(stored, wanted)) {
            return S("");
        }
        put_set(&out, stored, wanted);
    } else {
        if (same_in_order(stored, wanted)) {
            return S("");
        }
        put_order(&out, stored, wanted);
    }
    return buf_slice(&out); // of a longer one the beginning
}

static size_t count_members(const struct json *object) {
    size_t count = 0;
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(object, &at, &name, &value)) {
        count++;
    }
    return count;
}

reason move_differences(struct op *op, const struct json *stored, const struct json *wanted,
                        struct texts *ret_differences) {
    struct texts found = {NULL, 0};
    size_t at = 0;
    struct slice name;
    const struct json *value;
    TRY(op_take(op, (count_members(wanted) + 1) * sizeof *found.at, &found.at));
    while (json_member(wanted, &at, &name, &value)) {
        struct slice text = difference(op, name, json_get(stored, name.at), value);
        if (text.len > 0) {
            found.at[found.count++] = text;
        }
    }
    *ret_differences = found;
    return NULL;
}
