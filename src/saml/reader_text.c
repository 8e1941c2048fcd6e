// SPDX-License-Identifier: GPL-3.0-or-later
// The characters of XML, and what stands for them.
#include "saml/reader_text.h"

#include "base/text.h"
#include "saml/reader.h"

#define REFERENCE_DIGITS_MAX 8 // leading zeros included; U+10FFFF needs seven

// Char of XML 1.0, section 2.2.
static bool xml_char(uint32_t code) {
    return code == 0x9 || code == 0xA || code == 0xD || (code >= 0x20 && code <= 0xD7FF) ||
           (code >= 0xE000 && code <= 0xFFFD) || (code >= 0x10000 && code <= 0x10FFFF);
}

#define STRETCH 64 // bytes that are looked at together

// All of them between 0x20 and 0x7F, as nearly all of a message is: as signed numbers those above are below, too.
static bool plain_stretch(const char *at) {
    typedef int8_t sixteen __attribute__((vector_size(16)));
    sixteen odd = {0};
    for (size_t i = 0; i < STRETCH; i += sizeof odd) {
        sixteen some;
        memcpy(&some, at + i, sizeof some);
        odd |= some < 0x20;
    }
    uint64_t halves[2];
    memcpy(halves, &odd, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

bool reader_characters(struct slice text) {
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= STRETCH && plain_stretch(text.at + at)) {
            at += STRETCH;
            continue;
        }
        size_t end = text.len - at > STRETCH ? at + STRETCH : text.len;
        while (at < end) {
            if ((int8_t)text.at[at] >= 0x20) {
                at++;
                continue;
            }
            uint32_t code;
            size_t used = text_next(slice_sub(text, at, text.len), &code);
            if (used == 0 || !xml_char(code)) {
                return false;
            }
            at += used;
        }
    }
    return true;
}

size_t reader_reference(struct slice text, uint32_t *ret_code) {
    static const struct {
        const char *text;
        uint32_t code;
    } five[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof five / sizeof five[0]; i++) {
        if (slice_starts(text, slice_str(five[i].text))) {
            *ret_code = five[i].code;
            return strlen(five[i].text);
        }
    }
    if (!slice_starts(text, S("&#"))) {
        return 0;
    }
    bool hex = text.len > 2 && text.at[2] == 'x';
    size_t first = hex ? 3 : 2;
    size_t at = first;
    uint32_t code = 0;
    for (; at < text.len && at - first < REFERENCE_DIGITS_MAX; at++) {
        char c = text.at[at];
        if (c >= '0' && c <= '9') {
            code = code * (hex ? 16 : 10) + (uint32_t)(c - '0');
        } else if (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
            code = code * 16 + (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            break;
        }
    }
    if (at == first || at >= text.len || text.at[at] != ';' || !xml_char(code)) {
        return 0;
    }
    *ret_code = code;
    return at + 1;
}

static size_t put_utf8(uint32_t code, char *to) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    to[0] = (char)((0xF00U >> len & 0xFF) | code);
    return len;
}

reason reader_decode(struct op *op, struct slice raw, struct slice *ret_text) {
    if (raw.len == 0) {
        *ret_text = S("");
        return NULL;
    }
    if (memchr(raw.at, '&', raw.len) == NULL && memchr(raw.at, '\r', raw.len) == NULL) {
        *ret_text = raw;
        return NULL;
    }
    // No reference is shorter than the character that it stands for.
    char *text = NULL;
    TRY(op_take(op, raw.len, &text));
    size_t out = 0;
    for (size_t in = 0; in < raw.len;) {
        char c = raw.at[in];
        if (c == '&') {
            uint32_t code = 0;
            size_t used = reader_reference(slice_sub(raw, in, raw.len), &code);
            if (used == 0) {
                REFUSE(op, SAML_MALFORMED, "text holds a reference that is not allowed");
            }
            out += put_utf8(code, text + out);
            in += used;
        } else if (c == '\r') { // XML 1.0 section 2.11: CR LF, and CR alone, are read as LF
            text[out++] = '\n';
            in += in + 1 < raw.len && raw.at[in + 1] == '\n' ? 2 : 1;
        } else {
            text[out++] = c;
            in++;
        }
    }
    *ret_text = slice_of(text, out);
    return NULL;
}
