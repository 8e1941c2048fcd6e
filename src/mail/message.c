// SPDX-License-Identifier: GPL-3.0-or-later
// Written here and not by libcurl's MIME API, which can give a message to a server only: so the
// folder sink, the tests and the fuzzer see the very bytes that a server gets.
#include "mail/message.h"

#include "base/buf.h"
#include "base/encode.h"
#include "base/text.h"
#include "domain/tenant.h"

#define ASCII_LINE_MAX                                                                             \
    200               // characters of a header's text that goes as it is; RFC 5322 2.1.1 has 998
#define WORD_BYTES 45 // of one encoded-word: 60 characters of base64, 72 in all; RFC 2047 2 has 75
#define QP_LINE                                                                                    \
    75 // characters of a line of quoted-printable before the soft line end: RFC 2045 6.7 (5) has 76

// ---- headers ----

static bool is_printable(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < ' ' || text.at[i] > '~') {
            return false;
        }
    }
    return true;
}

static reason check_line(struct op *op, struct slice text, const char *what) {
    if (!text_line(text)) {
        REFUSE(op, INVALID_INPUT, "%s of a letter holds a line end or another control character",
               what);
    }
    return NULL;
}

// Words of whole characters, each on a line of its own.
static reason put_encoded(struct buf *out, struct slice text) {
    bool first = true;
    while (text.len > 0) {
        size_t len = 0;
        uint32_t code;
        for (size_t next = text_next(text, &code);
             next > 0 && len + next <= WORD_BYTES && len < text.len;
             next = text_next(slice_sub(text, len, text.len), &code)) {
            len += next;
        }
        if (len == 0) {
            REFUSE(out->op, INVALID_INPUT, "a header of a letter is not UTF-8");
        }
        struct slice word;
        TRY(encode_base64(out->op, slice_sub(text, 0, len), &word));
        buf_printf(out, "%s=?UTF-8?B?%.*s?=", first ? "" : "\r\n ", SLICE(word));
        text = slice_sub(text, len, text.len);
        first = false;
    }
    return NULL;
}

reason message_header_text(struct buf *out, struct slice text) {
    TRY(check_line(out->op, text, "a header"));
    if (is_printable(text) && text.len <= ASCII_LINE_MAX && slice_find(text, S("=?")) == SIZE_MAX) {
        buf_put(out, text);
        return NULL;
    }
    return put_encoded(out, text);
}

// A display name: a quoted-string where it is ASCII.
static reason put_name(struct buf *out, struct slice name) {
    TRY(check_line(out->op, name, "a name"));
    if (!is_printable(name) || name.len > ASCII_LINE_MAX || slice_find(name, S("=?")) != SIZE_MAX) {
        return put_encoded(out, name);
    }
    buf_str(out, "\"");
    for (size_t i = 0; i < name.len; i++) {
        buf_str(out, name.at[i] == '"' || name.at[i] == '\\' ? "\\" : "");
        buf_byte(out, (uint8_t)name.at[i]);
    }
    buf_str(out, "\"");
    return NULL;
}

static reason put_address(struct buf *out, const char *header, struct slice name,
                          struct slice address) {
    struct email email;
    TRY(email_normalise(out->op, address, &email));
    buf_printf(out, "%s: ", header);
    if (name.len > 0) {
        size_t from = out->len;
        TRY(put_name(out, name));
        // What was encoded ends a line as long as one may be.
        buf_str(out, out->at != NULL && out->at[from] == '=' ? "\r\n " : " ");
    }
    buf_printf(out, "<%.*s>\r\n", SLICE(email.whole));
    return NULL;
}

// "Sat, 21 Nov 2026 12:00:00 +0000"
static void put_date(struct buf *out, int64_t time) {
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[CLOCK_TEXT];
    time = time > 0 ? time : 0;
    (void)clock_print(time, text); // 2026-11-21T12:00:00.000Z
    int month = (text[5] - '0') * 10 + (text[6] - '0');
    buf_printf(out, "Date: %s, %.2s %s %.4s %.8s +0000\r\n", days[time / DAY_MS % 7], text + 8,
               months[month - 1], text, text + 11);
}

// ---- bodies ----

void message_quoted_printable(struct buf *out, struct slice text) {
    static const char hex[] = "0123456789ABCDEF";
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '\n') {
            buf_str(out, "\r\n");
            column = 0;
            continue;
        }
        bool line_ends = i + 1 == text.len || text.at[i + 1] == '\n';
        // A dot at the front would end the message for a careless server; white space at the end
        // gets lost.
        bool plain = c >= '!' && c <= '~' && c != '=' && !(c == '.' && column == 0);
        plain = plain || ((c == ' ' || c == '\t') && !line_ends);
        size_t wide = plain ? 1 : 3;
        if (column + wide > QP_LINE) {
            buf_str(out, "=\r\n");
            column = 0;
            plain = plain && c != '.';
            wide = plain ? 1 : 3;
        }
        if (plain) {
            buf_byte(out, c);
        } else {
            buf_byte(out, '=');
            buf_byte(out, (uint8_t)hex[c >> 4]);
            buf_byte(out, (uint8_t)hex[c & 15]);
        }
        column += wide;
    }
}

static void put_part(struct buf *out, const struct envelope *envelope, const char *type,
                     struct slice text) {
    buf_printf(out,
               "--=_%.*s\r\nContent-Type: %s; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
               SLICE(envelope->id), type);
    message_quoted_printable(out, text);
    buf_str(out, "\r\n");
}

static reason put_headers(struct buf *out, const struct envelope *envelope, struct slice subject) {
    put_date(out, envelope->time);
    TRY(put_address(out, "From", envelope->from_name, envelope->from));
    if (envelope->reply_to.len > 0) {
        TRY(put_address(out, "Reply-To", S(""), envelope->reply_to));
    }
    TRY(put_address(out, "To", S(""), envelope->to));
    buf_str(out, "Subject: ");
    TRY(message_header_text(out, subject));
    buf_printf(out,
               "\r\nMessage-ID: <%.*s@%.*s>\r\n"
               "Auto-Submitted: auto-generated\r\n"
               "X-Auto-Response-Suppress: All\r\n"
               "MIME-Version: 1.0\r\n"
               // No body in quoted-printable can hold "=_", so none can hold the boundary.
               "Content-Type: multipart/alternative; boundary=\"=_%.*s\"\r\n\r\n",
               SLICE(envelope->id), SLICE(envelope->host), SLICE(envelope->id));
    return NULL;
}

reason message_write(struct op *op, const struct envelope *envelope,
                     const struct letter_text *letter, struct slice *ret_message) {
    struct buf out;
    buf_open(&out, op, MAIL_BYTES_MAX);
    TRY(check_line(op, envelope->id, "the id"));
    TRY(check_line(op, envelope->host, "the host"));
    TRY(put_headers(&out, envelope, letter->subject));
    put_part(&out, envelope, "text/plain", letter->text);
    put_part(&out, envelope, "text/html", letter->html);
    buf_printf(&out, "--=_%.*s--\r\n", SLICE(envelope->id));
    return buf_done(&out, ret_message);
}
