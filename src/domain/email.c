// SPDX-License-Identifier: GPL-3.0-or-later
// The one way in which domains and e-mail addresses are written, so that two texts name the same
// mailbox's domain exactly when their bytes are equal. The only user of libidn2. It never looks
// anything up.
#include <idn2.h>

#include "base/text.h"
#include "domain/tenant.h"

#define DOMAIN_MAX 253        // RFC 1035 2.3.4, without the trailing dot
#define LABEL_MAX 63          // RFC 1035 2.3.4
#define DOMAIN_INPUT_MAX 1024 // UTF-8 of a domain that fits as A-labels is far below
#define EMAIL_MAX 254         // RFC 5321 4.5.3.1.3: a path of 256 with its angle brackets
#define LOCAL_MAX 64          // RFC 5321 4.5.3.1.1

// libidn2 allocates with malloc; idn2_free is its free.
typedef char idn2_text;
AUTO_FREE(idn2_text, idn2_free);

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

// Spaces and tabs only: a line end inside a value is a sign of something else, and is refused.
static struct slice trim_blanks(struct slice text) {
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text = slice_sub(text, 1, text.len);
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t')) {
        text = slice_sub(text, 0, text.len - 1);
    }
    return text;
}

// ---- domains ----

static bool has_a_label(struct slice text) {
    struct slice part;
    while (slice_cut(&text, '.', &part)) {
        if (slice_equal_nocase(slice_sub(part, 0, 4), S("xn--"))) {
            return true;
        }
    }
    return false;
}

// IDNA 2008 with the mapping of UTS 46, non-transitional. Without USE_STD3_ASCII_RULES: libidn2
// then drops what STD 3 forbids ("foo_bar" becomes "foobar") and would join different names.
// check_labels refuses them.
static reason to_ascii(struct op *op, struct slice text, struct slice *ret_ascii) {
    const char *input;
    TRY(op_cstr(op, text, &input));
    AUTO(idn2_text) output = NULL;
    int code = idn2_to_ascii_8z(input, &output, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (code != IDN2_OK) {
        REFUSE(op, INVALID_INPUT,
               "this domain is not one by the rules for international names (%s)",
               idn2_strerror(code));
    }
    return op_copy(op, slice_str(output), ret_ascii);
}

static reason copy_lower(struct op *op, struct slice text, struct slice *ret_copy) {
    char *at;
    TRY(op_take(op, text.len + 1, &at));
    for (size_t i = 0; i < text.len; i++) {
        at[i] = lower(text.at[i]);
    }
    *ret_copy = slice_of(at, text.len);
    return NULL;
}

static reason check_label(struct op *op, struct slice label) {
    if (label.len == 0) {
        REFUSE(op, INVALID_INPUT, "a domain has no empty part between, before or after its dots");
    }
    if (label.len > LABEL_MAX) {
        REFUSE(op, INVALID_INPUT, "a part of a domain has at most %d characters, this one %zu",
               LABEL_MAX, label.len);
    }
    if (label.at[0] == '-' || label.at[label.len - 1] == '-') {
        REFUSE(op, INVALID_INPUT, "a part of a domain neither begins nor ends with a hyphen");
    }
    for (size_t i = 0; i < label.len; i++) {
        char c = label.at[i];
        if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '-') {
            REFUSE(op, INVALID_INPUT, "a domain holds letters, digits, hyphens and dots only");
        }
    }
    return NULL;
}

static reason check_labels(struct op *op, struct slice domain) {
    struct slice rest = domain;
    struct slice last = SLICE_NONE;
    size_t count = 0;
    for (;;) {
        size_t dot = slice_find(rest, S("."));
        last = dot == SIZE_MAX ? rest : slice_sub(rest, 0, dot);
        TRY(check_label(op, last));
        count++;
        if (dot == SIZE_MAX) {
            break;
        }
        rest = slice_sub(rest, dot + 1, rest.len);
    }
    if (count < 2) {
        REFUSE(op, INVALID_INPUT, "a domain has at least one dot, as in \"acme.example\"");
    }
    for (size_t i = 0; i < last.len; i++) {
        if (!is_digit(last.at[i])) {
            return NULL;
        }
    }
    REFUSE(op, INVALID_INPUT, "this is an address of a machine, not a domain");
}

reason domain_normalise(struct op *op, struct slice text, struct slice *ret_domain) {
    text = trim_blanks(text);
    if (text.len == 0) {
        REFUSE(op, INVALID_INPUT, "a domain is missing, as in \"acme.example\"");
    }
    if (text.len > DOMAIN_INPUT_MAX || !text_line(text)) {
        REFUSE(op, INVALID_INPUT, "a domain is one line of at most %d characters", DOMAIN_MAX);
    }
    // Plain names do without IDNA, which also refuses "--" as third and fourth character; such
    // names exist.
    struct slice domain;
    if (is_ascii(text) && !has_a_label(text)) {
        TRY(copy_lower(op, text, &domain));
    } else {
        TRY(to_ascii(op, text, &domain));
    }
    if (slice_ends(domain, S("."))) {
        domain = slice_sub(domain, 0, domain.len - 1);
    }
    if (domain.len > DOMAIN_MAX) {
        REFUSE(op, INVALID_INPUT, "a domain has at most %d characters, this one %zu", DOMAIN_MAX,
               domain.len);
    }
    TRY(check_labels(op, domain));
    *ret_domain = domain;
    return NULL;
}

// ---- addresses ----

// What prints as nothing or as a blank, or turns the direction of text: two addresses that look the
// same must not differ by it. Ranges of code points, in order.
static const struct {
    uint32_t first, last;
} invisible[] = {
    {0x00A0, 0x00A0}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},
    {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200F},   {0x2028, 0x202F},
    {0x205F, 0x206F}, {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFF}, {0xE0000, 0xE0FFF},
};

static bool has_invisible(struct slice text) {
    for (size_t at = 0; at < text.len;) {
        if ((uint8_t)text.at[at] < 0x80) {
            at++;
            continue;
        }
        uint32_t code = 0;
        size_t len = text_next(slice_sub(text, at, text.len), &code);
        if (len == 0) {
            return true;
        }
        for (size_t i = 0; i < sizeof invisible / sizeof invisible[0]; i++) {
            if (code >= invisible[i].first && code <= invisible[i].last) {
                return true;
            }
        }
        at += len;
    }
    return false;
}

// No quoted form, no comments, no lists. Letters outside ASCII stay as they are: folding them joins
// different mailboxes (dotless i and i), and keeping them apart joins none.
static reason check_local(struct op *op, struct slice local) {
    if (local.len == 0 || local.len > LOCAL_MAX) {
        REFUSE(op, INVALID_INPUT, "the part before the @ has 1 to %d characters, this one %zu",
               LOCAL_MAX, local.len);
    }
    for (size_t i = 0; i < local.len; i++) {
        if (strchr(" ,;:<>()[]\\\"", local.at[i]) != NULL) {
            REFUSE(op, INVALID_INPUT,
                   "the part before the @ holds no spaces, commas, quotes or brackets");
        }
    }
    if (has_invisible(local)) {
        REFUSE(op, INVALID_INPUT, "the part before the @ holds a character that cannot be seen");
    }
    return NULL;
}

reason email_normalise(struct op *op, struct slice text, struct email *ret_email) {
    text = trim_blanks(text);
    if (text.len > DOMAIN_INPUT_MAX || !text_line(text)) {
        REFUSE(op, INVALID_INPUT, "an e-mail address is one line of at most %d characters",
               EMAIL_MAX);
    }
    size_t at = slice_find(text, S("@"));
    if (at == SIZE_MAX || slice_find(slice_sub(text, at + 1, text.len), S("@")) != SIZE_MAX) {
        REFUSE(op, INVALID_INPUT,
               "an e-mail address has exactly one @, as in \"kim@acme.example\"");
    }
    struct slice local = slice_sub(text, 0, at);
    struct slice host = slice_sub(text, at + 1, text.len);
    TRY(check_local(op, local));
    if (host.len != trim_blanks(host).len) {
        REFUSE(op, INVALID_INPUT, "an e-mail address holds no spaces");
    }
    struct slice domain;
    TRY(domain_normalise(op, host, &domain));
    if (local.len + 1 + domain.len > EMAIL_MAX) {
        REFUSE(op, INVALID_INPUT, "an e-mail address has at most %d characters, this one %zu",
               EMAIL_MAX, local.len + 1 + domain.len);
    }
    char *whole;
    TRY(op_take(op, local.len + 1 + domain.len + 1, &whole));
    for (size_t i = 0; i < local.len; i++) {
        whole[i] = lower(local.at[i]);
    }
    whole[local.len] = '@';
    memcpy(whole + local.len + 1, domain.at, domain.len);
    *ret_email = (struct email){
        .whole = slice_of(whole, local.len + 1 + domain.len),
        .domain = slice_of(whole + local.len + 1, domain.len),
    };
    return NULL;
}
