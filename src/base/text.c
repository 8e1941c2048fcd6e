// SPDX-License-Identifier: GPL-3.0-or-later
// Decides whether bytes from outside are text of the kind that a door asks for. It never repairs:
// what is not well formed is refused by whoever asked.
#include "base/text.h"

// Bytes of ASCII at the front, looked at 32 and eight at a time: nearly all text is ASCII.
static size_t ascii_run(struct slice text) {
    size_t at = 0;
    for (; text.len - at >= 4 * sizeof(uint64_t); at += 4 * sizeof(uint64_t)) {
        uint64_t some[4];
        memcpy(some, text.at + at, sizeof some);
        if (((some[0] | some[1] | some[2] | some[3]) & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    for (; text.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t eight;
        memcpy(&eight, text.at + at, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    while (at < text.len && ((uint8_t)text.at[at] & 0x80) == 0) {
        at++;
    }
    return at;
}

size_t text_next(struct slice text, uint32_t *ret_code) {
    if (text.len == 0) {
        return 0;
    }
    uint8_t first = (uint8_t)text.at[0];
    if (first < 0x80) {
        *ret_code = first;
        return 1;
    }
    size_t len = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.len < len) {
        return 0;
    }
    uint32_t code = first & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        uint8_t more = (uint8_t)text.at[i];
        if ((more & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (more & 0x3FU);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    *ret_code = code;
    return len;
}

bool text_utf8(struct slice text) {
    for (;;) {
        text = slice_sub(text, ascii_run(text), text.len);
        if (text.len == 0) {
            return true;
        }
        uint32_t code;
        size_t used = text_next(text, &code);
        if (used == 0) {
            return false;
        }
        text = slice_sub(text, used, text.len);
    }
}

static bool without_controls(struct slice text, bool lines) {
    for (size_t at = 0; at < text.len;) {
        uint8_t byte = (uint8_t)text.at[at];
        if (byte >= 0x20 && byte < 0x7F) { // nearly each
            at++;
            continue;
        }
        uint32_t code;
        size_t used = text_next(slice_sub(text, at, text.len), &code);
        bool line_end = code == '\n' || code == '\r' || code == '\t';
        bool control = used != 0 && (code < 0x20 || (code >= 0x7F && code <= 0x9F) ||
                                     code == 0x2028 || code == 0x2029);
        if (used == 0 || (control && !(lines && line_end))) {
            return false;
        }
        at += used;
    }
    return true;
}

bool text_line(struct slice text) {
    return without_controls(text, false);
}

bool text_lines(struct slice text) {
    return without_controls(text, true);
}

size_t text_characters(struct slice text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.at[i] & 0xC0U) != 0x80U ? 1 : 0;
    }
    return count;
}

bool text_u64(struct slice text, uint64_t max, uint64_t *ret_number) {
    if (text.len == 0 || (text.at[0] == '0' && text.len > 1)) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text.at[i] - '0');
        if (digit > max || number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

static bool lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool text_slug(struct slice text) {
    if (text.len < 1 || text.len > 63 || text.at[0] == '-' || text.at[text.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!lower_or_digit(text.at[i]) && text.at[i] != '-') {
            return false;
        }
    }
    return true;
}

bool text_role_id(struct slice text) {
    if (text.len < 1 || text.len > 64) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}
