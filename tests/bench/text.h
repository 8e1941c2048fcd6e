// SPDX-License-Identifier: GPL-3.0-or-later
// A text of bounded size, to which the bench's forge adds piece by piece. What does not fit ends
// the program with status 2: a message that was cut must never look like a message.
#ifndef GATEHOUSE_BENCH_TEXT_H
#define GATEHOUSE_BENCH_TEXT_H

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum {
    TEXT_MAX = 48 * 1024 // a Response with both signatures is 10 KB, 15 KB as a POST body
};

struct text {
    size_t len;
    char at[TEXT_MAX];
};

static inline struct text *text_new(void) {
    struct text *text = calloc(1, sizeof *text);
    if (text == NULL) {
        errx(2, "out of memory");
    }
    return text;
}

static inline void add(struct text *text, const char *at, size_t len) {
    if (len >= sizeof text->at - text->len) {
        errx(2, "a message over %d bytes: shorten the URLs", TEXT_MAX);
    }
    memcpy(text->at + text->len, at, len);
    text->len += len;
    text->at[text->len] = '\0';
}

__attribute__((format(printf, 2, 3))) static inline void addf(struct text *text, const char *format,
                                                              ...) {
    size_t room = sizeof text->at - text->len;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text->at + text->len, room, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= room) {
        errx(2, "a message over %d bytes: shorten the URLs", TEXT_MAX);
    }
    text->len += (size_t)len;
}

static inline void add_base64(struct text *text, const unsigned char *at, size_t len) {
    if (len / 3 * 4 + 5 >= sizeof text->at - text->len) {
        errx(2, "a message over %d bytes: shorten the URLs", TEXT_MAX);
    }
    int made = EVP_EncodeBlock((unsigned char *)text->at + text->len, at, (int)len);
    text->len += (size_t)made;
}

// Base64 as a form value: only these three of its characters need escaping.
static inline void add_form_base64(struct text *text, const struct text *base64) {
    for (size_t i = 0; i < base64->len; i++) {
        switch (base64->at[i]) {
            case '+': add(text, "%2B", 3); break;
            case '/': add(text, "%2F", 3); break;
            case '=': add(text, "%3D", 3); break;
            default: add(text, &base64->at[i], 1); break;
        }
    }
}

#endif
