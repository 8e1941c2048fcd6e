// SPDX-License-Identifier: GPL-3.0-or-later
// A trace of an accepted login has some 40 checks of three texts, most of them the same in every
// login or said twice in this one. Stored is: a byte for the result, then a number for each text,
// in groups of 7 bits, the lowest first: 0 nothing, 1 a new text, which follows behind its length,
// else one that is known already: the list of words, the members of the trace, and each new text in
// its order.
#include "domain/trace_pack.h"

#include "base/buf.h"
#include "base/check.h"

static const struct slice words[] = {
#define WORD(text) {text, sizeof(text) - 1},
#include "domain/trace_words.def"
#undef WORD
};
#define WORD_COUNT (sizeof words / sizeof *words)

#define MEMBERS 7
#define KNOWN_MAX (WORD_COUNT + MEMBERS + 3 * TRACE_CHECKS_MAX)
#define SLOTS 1024 // of the hash table, a power of two and more than KNOWN_MAX
#define FIRST_KNOWN 2

enum { TEXT_NONE, TEXT_NEW };

// The texts that are known so far, in the same order for who writes and who reads.
struct known {
    struct slice texts[KNOWN_MAX];
    size_t count;
    uint16_t slots[SLOTS]; // who writes: number of a text plus one; 0 is free
};

// Of its length and both ends. Texts made to meet in it cost no more than a look at each.
static uint64_t hash(struct slice text) {
    uint64_t first = 0;
    uint64_t last = 0;
    size_t some = text.len < sizeof first ? text.len : sizeof first;
    memcpy(&first, text.at, some);
    memcpy(&last, text.at + text.len - some, some);
    uint64_t sum = (first ^ (last << 7 | last >> 57) ^ text.len) * UINT64_C(0x9E3779B97F4A7C15);
    return sum >> 40;
}

// Its number, or count when it is not known; *ret_slot is then where it belongs.
static size_t find(const struct known *known, struct slice text, size_t *ret_slot) {
    size_t slot = hash(text) & (SLOTS - 1);
    while (known->slots[slot] != 0) {
        size_t number = known->slots[slot] - 1U;
        if (slice_equal(known->texts[number], text)) {
            return number;
        }
        slot = (slot + 1) & (SLOTS - 1);
    }
    *ret_slot = slot;
    return known->count;
}

static void learn(struct known *known, struct slice text) {
    CHECK(known->count < KNOWN_MAX);
    known->texts[known->count++] = text;
}

static void learn_first(struct known *known, const struct trace *trace) {
    const struct slice members[MEMBERS] = {trace->name_id, trace->email,      trace->issuer,
                                           trace->user_id, trace->connection, trace->tenant,
                                           trace->address};
    known->count = 0;
    for (size_t i = 0; i < WORD_COUNT; i++) {
        learn(known, words[i]);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        learn(known, members[i]);
    }
}

// ---- writing ----

static void put_number(struct buf *out, size_t number) {
    for (; number >= 0x80; number >>= 7) {
        buf_byte(out, (uint8_t)(number | 0x80));
    }
    buf_byte(out, (uint8_t)number);
}

static void put_text(struct buf *out, struct known *known, struct slice text) {
    size_t slot = 0;
    if (text.len == 0) {
        put_number(out, TEXT_NONE);
        return;
    }
    size_t number = find(known, text, &slot);
    if (number < known->count) {
        put_number(out, FIRST_KNOWN + number);
        return;
    }
    put_number(out, TEXT_NEW);
    put_number(out, text.len);
    buf_put(out, text);
    learn(known, text);
    known->slots[slot] = (uint16_t)known->count;
}

reason trace_pack(struct op *op, const struct trace *trace, struct slice *ret_packed) {
    struct known known;
    struct buf out;
    memset(known.slots, 0, sizeof known.slots);
    learn_first(&known, trace);
    for (size_t i = 0; i < known.count; i++) {
        size_t slot = 0;
        if (known.texts[i].len > 0 && find(&known, known.texts[i], &slot) == known.count) {
            known.slots[slot] = (uint16_t)(i + 1);
        }
    }
    buf_open(&out, op, TRACE_PACKED_MAX);
    const struct trace_check *checks = trace->checks.at;
    for (size_t i = 0; i < trace->checks.count && i < TRACE_CHECKS_MAX; i++) {
        buf_byte(&out, (uint8_t)checks[i].result);
        put_text(&out, &known, checks[i].check);
        put_text(&out, &known, checks[i].expected);
        put_text(&out, &known, checks[i].got);
    }
    return buf_done(&out, ret_packed);
}

// ---- reading ----

static bool get_number(struct slice *rest, size_t *ret_number) {
    size_t number = 0;
    for (size_t i = 0; i < 3 && i < rest->len; i++) { // 21 bits are more than any number here
        uint8_t byte = (uint8_t)rest->at[i];
        number |= (size_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *rest = slice_sub(*rest, i + 1, rest->len);
            *ret_number = number;
            return true;
        }
    }
    return false;
}

static bool get_text(struct slice *rest, struct known *known, struct slice *ret_text) {
    size_t number = 0;
    size_t len = 0;
    if (!get_number(rest, &number)) {
        return false;
    }
    if (number >= FIRST_KNOWN) {
        *ret_text =
            number - FIRST_KNOWN < known->count ? known->texts[number - FIRST_KNOWN] : SLICE_NONE;
        return number - FIRST_KNOWN < known->count;
    }
    *ret_text = SLICE_NONE;
    if (number == TEXT_NONE) {
        return true;
    }
    if (!get_number(rest, &len) || len == 0 || len > rest->len || len > TRACE_VALUE_MAX) {
        return false;
    }
    *ret_text = slice_sub(*rest, 0, len);
    *rest = slice_sub(*rest, len, rest->len);
    learn(known, *ret_text);
    return true;
}

static bool get_check(struct slice *rest, struct known *known, struct trace_check *ret_check) {
    ret_check->result = (uint8_t)rest->at[0];
    *rest = slice_sub(*rest, 1, rest->len);
    return ret_check->result <= CHECK_SKIP && get_text(rest, known, &ret_check->check) &&
           get_text(rest, known, &ret_check->expected) && get_text(rest, known, &ret_check->got);
}

reason trace_unpack(struct op *op, struct slice packed, struct trace *trace) {
    struct known known;
    struct rows checks = {NULL, 0};
    learn_first(&known, trace);
    TRY(op_take(op, TRACE_CHECKS_MAX * sizeof(struct trace_check), &checks.at));
    while (packed.len > 0) {
        if (checks.count == TRACE_CHECKS_MAX ||
            !get_check(&packed, &known, &((struct trace_check *)checks.at)[checks.count++])) {
            REFUSE(op, STORE_UNAVAILABLE,
                   "the checks of a stored trace cannot be read; the store is damaged, restore it "
                   "from a backup");
        }
    }
    trace->checks = checks;
    return NULL;
}
