// SPDX-License-Identifier: GPL-3.0-or-later
// Base64, hex, percent and HTML, each in one pass. The base64 and percent decoders see 11 KB of
// every login, so they go by tables and by runs; a byte loop there costs more than the digest of
// the message.
#include "base/encode.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// A character of a base64 alphabet has VALUE set and its six bits below; the others are one of
// these.
#define VALUE 0x40
#define SPACE 0x80
#define PAD 0x81
#define V(bits) (VALUE | (bits))
#define LETTERS_AND_DIGITS                                                                         \
    ['A'] = V(0), ['B'] = V(1), ['C'] = V(2), ['D'] = V(3), ['E'] = V(4), ['F'] = V(5),            \
    ['G'] = V(6), ['H'] = V(7), ['I'] = V(8), ['J'] = V(9), ['K'] = V(10), ['L'] = V(11),          \
    ['M'] = V(12), ['N'] = V(13), ['O'] = V(14), ['P'] = V(15), ['Q'] = V(16), ['R'] = V(17),      \
    ['S'] = V(18), ['T'] = V(19), ['U'] = V(20), ['V'] = V(21), ['W'] = V(22), ['X'] = V(23),      \
    ['Y'] = V(24), ['Z'] = V(25), ['a'] = V(26), ['b'] = V(27), ['c'] = V(28), ['d'] = V(29),      \
    ['e'] = V(30), ['f'] = V(31), ['g'] = V(32), ['h'] = V(33), ['i'] = V(34), ['j'] = V(35),      \
    ['k'] = V(36), ['l'] = V(37), ['m'] = V(38), ['n'] = V(39), ['o'] = V(40), ['p'] = V(41),      \
    ['q'] = V(42), ['r'] = V(43), ['s'] = V(44), ['t'] = V(45), ['u'] = V(46), ['v'] = V(47),      \
    ['w'] = V(48), ['x'] = V(49), ['y'] = V(50), ['z'] = V(51), ['0'] = V(52), ['1'] = V(53),      \
    ['2'] = V(54), ['3'] = V(55), ['4'] = V(56), ['5'] = V(57), ['6'] = V(58), ['7'] = V(59),      \
    ['8'] = V(60), ['9'] = V(61)

static const uint8_t standard_table[256] = {
    LETTERS_AND_DIGITS, ['+'] = V(62),  ['/'] = V(63),  [' '] = SPACE,
    ['\t'] = SPACE,     ['\r'] = SPACE, ['\n'] = SPACE, ['='] = PAD};
static const uint8_t url_table[256] = {LETTERS_AND_DIGITS, ['-'] = V(62), ['_'] = V(63)};
static const char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static reason to_base64(struct op *op, struct slice bytes, const char *alphabet, bool pad,
                        struct slice *ret_text) {
    char *text = NULL;
    TRY(op_take_raw(op, bytes.len / 3 * 4 + 4, &text));
    const uint8_t *in = (const uint8_t *)bytes.at;
    char *out = text;
    size_t left = bytes.len;
    for (; left >= 3; in += 3, left -= 3) {
        uint32_t three = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = alphabet[three >> 18];
        *out++ = alphabet[three >> 12 & 63];
        *out++ = alphabet[three >> 6 & 63];
        *out++ = alphabet[three & 63];
    }
    if (left > 0) {
        uint32_t rest = (uint32_t)in[0] << 16 | (left == 2 ? (uint32_t)in[1] << 8 : 0);
        *out++ = alphabet[rest >> 18];
        *out++ = alphabet[rest >> 12 & 63];
        if (left == 2) {
            *out++ = alphabet[rest >> 6 & 63];
        }
        for (size_t i = left; pad && i < 3; i++) {
            *out++ = '=';
        }
    }
    *ret_text = slice_of(text, (size_t)(out - text));
    return NULL;
}

struct base64_in {
    const uint8_t *at, *end;
    uint8_t *out;
    uint32_t bits; // of the group of four that is being read
    unsigned have; // its characters so far
};

#if defined(__x86_64__)
// 32 characters of the standard alphabet at once, 24 bytes, while there are such and room to write
// 32 (Mula and Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions"). By the high
// half of a character, then by the low one, the first two tables have a bit in common for each
// character that is none of the alphabet; the third has what is added to make six bits of it, by
// its high half, with '/' apart.
__attribute__((target("avx2"))) static void read_wide(struct base64_in *in) {
    const __m256i by_high =
        _mm256_setr_epi8(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16, //
                         16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16);
    const __m256i by_low =
        _mm256_setr_epi8(21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26, //
                         21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26);
    const __m256i shift =
        _mm256_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0, //
                         0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i order =
        _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, //
                         2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const __m256i slash = _mm256_set1_epi8('/');
    // 44 characters left make 33 bytes of room: 32 are written, of which 24 count.
    while (in->end - in->at >= 44) {
        __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)in->at);
        __m256i high = _mm256_and_si256(_mm256_srli_epi32(text, 4), slash);
        __m256i is_slash = _mm256_cmpeq_epi8(text, slash);
        __m256i bad = _mm256_and_si256(_mm256_shuffle_epi8(by_low, _mm256_and_si256(text, slash)),
                                       _mm256_shuffle_epi8(by_high, high));
        if (_mm256_testz_si256(bad, bad) == 0) {
            return;
        }
        __m256i six =
            _mm256_add_epi8(text, _mm256_shuffle_epi8(shift, _mm256_add_epi8(is_slash, high)));
        __m256i twelve = _mm256_maddubs_epi16(six, _mm256_set1_epi32(0x01400140));
        __m256i three = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));
        three = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(three, order),
                                            _mm256_setr_epi32(0, 1, 2, 4, 5, 6, -1, -1));
        _mm256_storeu_si256((__m256i *)(void *)in->out, three);
        in->at += 32;
        in->out += 24;
    }
}
#endif

// Whole groups of four without anything between them.
static void read_groups(struct base64_in *in, const uint8_t table[256]) {
    while (in->end - in->at >= 4) {
        uint8_t a = table[in->at[0]];
        uint8_t b = table[in->at[1]];
        uint8_t c = table[in->at[2]];
        uint8_t d = table[in->at[3]];
        if ((a & b & c & d & VALUE) == 0) {
            return;
        }
        uint32_t three = (a & 63U) << 18 | (b & 63U) << 12 | (c & 63U) << 6 | (d & 63U);
        in->out[0] = (uint8_t)(three >> 16);
        in->out[1] = (uint8_t)(three >> 8);
        in->out[2] = (uint8_t)three;
        in->out += 3;
        in->at += 4;
    }
}

static void read_whole(struct base64_in *in, const uint8_t table[256]) {
#if defined(__x86_64__)
    if (table == standard_table && __builtin_cpu_supports("avx2") != 0) {
        read_wide(in);
    }
#endif
    read_groups(in, table);
}

// The last group, of two or three characters: one or two bytes, and no bit may be left over.
static bool end_group(struct base64_in *in) {
    if (in->have == 0) {
        return true;
    }
    uint32_t three = in->bits << (6 * (4 - in->have));
    uint32_t spare = in->have == 2 ? 0xFFFF : 0xFF;
    if (in->have == 1 || (three & spare) != 0) {
        return false;
    }
    *in->out++ = (uint8_t)(three >> 16);
    if (in->have == 3) {
        *in->out++ = (uint8_t)(three >> 8);
    }
    return true;
}

static bool from_base64(struct op *op, struct slice text, const uint8_t table[256], bool wrapped,
                        bool padded, struct slice *ret_bytes) {
    uint8_t *bytes = NULL;
    if (op_take_raw(op, text.len / 4 * 3 + 3, &bytes) != NULL) {
        return false;
    }
    const uint8_t *from = (const uint8_t *)text.at;
    struct base64_in in = {from, from, bytes, 0, 0};
    if (text.len > 0) {
        in.end = from + text.len;
    }
    unsigned pads = 0;
    while (in.at < in.end) {
        if (in.have == 0 && pads == 0) {
            read_whole(&in, table);
            if (in.at == in.end) {
                break;
            }
        }
        uint8_t kind = table[*in.at++];
        if (kind == SPACE && wrapped) {
            continue;
        }
        if (kind == PAD && in.have + pads >= 2 && in.have + pads < 4) {
            pads++;
        } else if ((kind & VALUE) != 0 && pads == 0) {
            in.bits = in.bits << 6 | (kind & 63U);
            if (++in.have == 4) {
                in.out[0] = (uint8_t)(in.bits >> 16);
                in.out[1] = (uint8_t)(in.bits >> 8);
                in.out[2] = (uint8_t)in.bits;
                in.out += 3;
                in.bits = 0;
                in.have = 0;
            }
        } else {
            return false;
        }
    }
    if ((padded && in.have > 0 && in.have + pads != 4) || !end_group(&in)) {
        return false;
    }
    *ret_bytes = slice_of(bytes, (size_t)(in.out - bytes));
    return true;
}

reason encode_base64(struct op *op, struct slice bytes, struct slice *ret_text) {
    return to_base64(op, bytes, standard_alphabet, true, ret_text);
}

bool decode_base64(struct op *op, struct slice text, bool wrapped, struct slice *ret_bytes) {
    return from_base64(op, text, standard_table, wrapped, true, ret_bytes);
}

reason encode_base64url(struct op *op, struct slice bytes, struct slice *ret_text) {
    return to_base64(op, bytes, url_alphabet, false, ret_text);
}

bool decode_base64url(struct op *op, struct slice text, struct slice *ret_bytes) {
    return from_base64(op, text, url_table, false, false, ret_bytes);
}

reason encode_hex(struct op *op, struct slice bytes, struct slice *ret_text) {
    static const char digits[] = "0123456789abcdef";
    char *text = NULL;
    TRY(op_take_raw(op, bytes.len * 2, &text));
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[(uint8_t)bytes.at[i] >> 4];
        text[2 * i + 1] = digits[(uint8_t)bytes.at[i] & 15];
    }
    *ret_text = slice_of(text, bytes.len * 2);
    return NULL;
}

// 0..15, or -1.
static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hex_pair(const char *at, char *ret_byte) {
    int high = hex_digit(at[0]);
    int low = hex_digit(at[1]);
    if (high < 0 || low < 0) {
        return false;
    }
    *ret_byte = (char)(high * 16 + low);
    return true;
}

bool decode_hex(struct op *op, struct slice text, struct slice *ret_bytes) {
    char *bytes = NULL;
    if (text.len % 2 != 0 || op_take_raw(op, text.len / 2, &bytes) != NULL) {
        return false;
    }
    for (size_t i = 0; i < text.len / 2; i++) {
        if (!hex_pair(text.at + 2 * i, &bytes[i])) {
            return false;
        }
    }
    *ret_bytes = slice_of(bytes, text.len / 2);
    return true;
}

static bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

reason encode_url(struct op *op, struct slice text, struct slice *ret_text) {
    static const char digits[] = "0123456789ABCDEF";
    size_t escapes = 0;
    for (size_t i = 0; i < text.len; i++) {
        escapes += unreserved(text.at[i]) ? 0 : 1;
    }
    char *to = NULL;
    TRY(op_take_raw(op, text.len + 2 * escapes, &to));
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (unreserved(text.at[i])) {
            to[len++] = text.at[i];
        } else {
            to[len++] = '%';
            to[len++] = digits[(uint8_t)text.at[i] >> 4];
            to[len++] = digits[(uint8_t)text.at[i] & 15];
        }
    }
    *ret_text = slice_of(to, len);
    return NULL;
}

// The first `c` from `at` on, or `end`.
static const char *next_of(const char *at, const char *end, char c) {
    const char *found = at < end ? memchr(at, c, (size_t)(end - at)) : NULL;
    return found != NULL ? found : end;
}

bool decode_url(struct op *op, struct slice text, bool plus, struct slice *ret_bytes) {
    char *to = NULL;
    if (op_take_raw(op, text.len, &to) != NULL) {
        return false;
    }
    if (text.len == 0) {
        *ret_bytes = slice_of(to, 0);
        return true;
    }
    const char *at = text.at;
    const char *end = text.at + text.len;
    // Both are kept until they are passed, so that no stretch is searched twice.
    const char *percent = next_of(at, end, '%');
    const char *space = plus ? next_of(at, end, '+') : end;
    size_t len = 0;
    while (at < end) {
        const char *stop = percent < space ? percent : space;
        memcpy(to + len, at, (size_t)(stop - at));
        len += (size_t)(stop - at);
        if (stop == end) {
            break;
        }
        if (stop == space) {
            to[len++] = ' ';
            at = stop + 1;
            space = next_of(at, end, '+');
            continue;
        }
        if (end - stop < 3 || !hex_pair(stop + 1, &to[len])) {
            return false;
        }
        len++;
        at = stop + 3;
        percent = next_of(at, end, '%');
    }
    *ret_bytes = slice_of(to, len);
    return true;
}

static struct slice html_reference(char c) {
    switch (c) {
    case '&': return S("&amp;");
    case '<': return S("&lt;");
    case '>': return S("&gt;");
    case '"': return S("&quot;");
    case '\'': return S("&#39;");
    default: return SLICE_NONE;
    }
}

reason encode_html(struct op *op, struct slice text, struct slice *ret_text) {
    size_t need = text.len;
    for (size_t i = 0; i < text.len; i++) {
        need += html_reference(text.at[i]).len;
    }
    char *to = NULL;
    TRY(op_take_raw(op, need, &to));
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        struct slice reference = html_reference(text.at[i]);
        if (reference.len == 0) {
            to[len++] = text.at[i];
            continue;
        }
        memcpy(to + len, reference.at, reference.len);
        len += reference.len;
    }
    *ret_text = slice_of(to, len);
    return NULL;
}
