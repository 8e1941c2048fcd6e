// SPDX-License-Identifier: GPL-3.0-or-later
// A trace of an accepted login has some 40 checks of three texts, most of them the same in every
// login or said twice in this one. Stored is: a byte for the result, then a number for each text,
// in groups of 7 bits, the lowest first: 0 nothing, 1 a new text, which follows behind its length,
// else one that is known already: the list of words, the members of the trace, and each new text in
// its order.
#include "domain/trace_pack.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/check.h"

static const struct slice words[] = {
#define WORD(text) S_ROW(text),
#include "domain/trace_words.def"
#undef WORD
};
#define WORD_COUNT (sizeof words / sizeof *words)

#define MEMBERS 7
#define OWN_MAX (MEMBERS + 3 * TRACE_CHECKS_MAX)
#define FIRST_KNOWN 2

enum { TEXT_NONE, TEXT_NEW };

// Numbers of texts by hash: number plus one, 0 is free. Sizes are powers of two and more than are ever in them.
#define WORD_SLOTS 256
#define OWN_SLOTS 512
_Static_assert(2 * WORD_COUNT <= WORD_SLOTS && 2 * OWN_MAX <= OWN_SLOTS, "a free slot is soon met");

// Those of the words are the same for all traces. Written once, before the first use.
static uint8_t word_slots[WORD_SLOTS];
static pthread_once_t word_once = PTHREAD_ONCE_INIT;

// The texts that are known beside the words, in the same order for who writes and who reads.
struct known {
    struct slice texts[OWN_MAX];
    size_t count;
    uint8_t slots[OWN_SLOTS]; // who writes
};

static uint64_t eight(const char *at) {
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

static uint64_t four(const char *at) {
    uint32_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

// Of its length and both ends. Texts made to meet in it cost no more than a look at each.
static uint64_t hash(struct slice text) {
    const char *end = text.at + text.len;
    uint64_t first = text.len >= 8   ? eight(text.at)
                     : text.len >= 4 ? four(text.at)
                                     : (uint8_t)text.at[0];
    uint64_t last = text.len >= 8   ? eight(end - 8)
                    : text.len >= 4 ? four(end - 4)
                                    : (uint8_t)end[-1];
    uint64_t sum = (first ^ (last << 7 | last >> 57) ^ text.len) * UINT64_C(0x9E3779B97F4A7C15);
    return sum >> 40;
}

// Its number among `texts`, or NOT_KNOWN; *ret_slot is then where it belongs.
#define NOT_KNOWN SIZE_MAX
static inline size_t find(const struct slice *texts, const uint8_t *slots, size_t size, struct slice text,
                   uint64_t sum, size_t *ret_slot) {
    size_t slot = sum & (size - 1);
    while (slots[slot] != 0) {
        size_t number = slots[slot] - 1U;
        if (slice_equal(texts[number], text)) {
            return number;
        }
        slot = (slot + 1) & (size - 1);
    }
    *ret_slot = slot;
    return NOT_KNOWN;
}

static void place_words(void) {
    for (size_t i = 0; i < WORD_COUNT; i++) {
        size_t slot = 0;
        if (find(words, word_slots, WORD_SLOTS, words[i], hash(words[i]), &slot) == NOT_KNOWN) {
            word_slots[slot] = (uint8_t)(i + 1);
        }
    }
}

static void learn(struct known *known, struct slice text) {
    CHECK(known->count < OWN_MAX);
    known->texts[known->count++] = text;
}

static void learn_first(struct known *known, const struct trace *trace) {
    const struct slice members[MEMBERS] = {trace->name_id, trace->email,      trace->issuer,
                                           trace->user_id, trace->connection, trace->tenant,
                                           trace->address};
    known->count = 0;
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

// Its number, words before the others, or NOT_KNOWN; *ret_slot is then where it belongs among the others.
static size_t number_of(const struct known *known, struct slice text, size_t *ret_slot) {
    uint64_t sum = hash(text);
    size_t number = find(words, word_slots, WORD_SLOTS, text, sum, ret_slot);
    if (number != NOT_KNOWN) {
        return number;
    }
    number = find(known->texts, known->slots, OWN_SLOTS, text, sum, ret_slot);
    return number != NOT_KNOWN ? WORD_COUNT + number : NOT_KNOWN;
}

static void put_text(struct buf *out, struct known *known, struct slice text) {
    size_t slot = 0;
    if (text.len == 0) {
        put_number(out, TEXT_NONE);
        return;
    }
    size_t number = number_of(known, text, &slot);
    if (number != NOT_KNOWN) {
        put_number(out, FIRST_KNOWN + number);
        return;
    }
    put_number(out, TEXT_NEW);
    put_number(out, text.len);
    buf_put(out, text);
    learn(known, text);
    known->slots[slot] = (uint8_t)known->count;
}

reason trace_pack(struct op *op, const struct trace *trace, struct slice *ret_packed) {
    struct known known;
    struct buf out;
    CHECK(pthread_once(&word_once, place_words) == 0);
    memset(known.slots, 0, sizeof known.slots);
    learn_first(&known, trace);
    for (size_t i = 0; i < known.count; i++) {
        size_t slot = 0;
        if (known.texts[i].len > 0 && number_of(&known, known.texts[i], &slot) == NOT_KNOWN) {
            known.slots[slot] = (uint8_t)(i + 1);
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
        number -= FIRST_KNOWN;
        bool is_word = number < WORD_COUNT;
        bool is_known = is_word || number - WORD_COUNT < known->count;
        *ret_text = is_word    ? words[number]
                    : is_known ? known->texts[number - WORD_COUNT]
                               : SLICE_NONE;
        return is_known;
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
