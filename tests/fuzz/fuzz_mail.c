// SPDX-License-Identifier: GPL-3.0-or-later
// Letters and messages of whatever people typed in: whatever it is, a message has the headers that
// we write and no others, each header's lines go on with white space, and both bodies are where
// they belong.
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "mail/message.h"

static const char *const headers[] = {
    "Date: ",         "From: ",        "Reply-To: ",       "To: ",
    "Subject: ",      "Message-ID: ",  "Auto-Submitted: ", "X-Auto-Response-Suppress: ",
    "MIME-Version: ", "Content-Type: "};
#define HEADERS (sizeof headers / sizeof headers[0])

static struct slice next_line(struct slice *rest) {
    size_t end = slice_find(*rest, S("\r\n"));
    CHECK(end != SIZE_MAX);
    struct slice line = slice_sub(*rest, 0, end);
    *rest = slice_sub(*rest, end + 2, rest->len);
    CHECK(slice_find(line, S("\n")) == SIZE_MAX && slice_find(line, S("\r")) == SIZE_MAX);
    CHECK(line.len <= 998);
    return line;
}

// Each of our headers at most once, in our order, and nothing else.
static void check_headers(struct slice *rest) {
    size_t at = 0;
    for (struct slice line = next_line(rest); line.len > 0; line = next_line(rest)) {
        if (line.at[0] == ' ') {
            CHECK(at > 0);
            continue;
        }
        while (at < HEADERS && !slice_starts(line, slice_str(headers[at]))) {
            at++;
        }
        CHECK(at < HEADERS);
        at++;
    }
    CHECK(at == HEADERS);
}

static void check_bodies(struct slice rest) {
    size_t boundaries = 0;
    while (rest.len > 0) {
        struct slice line = next_line(&rest);
        boundaries += slice_starts(line, S("--=_ltr_1")) ? 1 : 0;
        CHECK(line.len <= 76);
        CHECK(!slice_starts(line, S(".")));
        for (size_t i = 0; i < line.len; i++) {
            CHECK(line.at[i] >= ' ' && line.at[i] <= '~' ? true : line.at[i] == '\t');
        }
    }
    CHECK(boundaries == 3);
}

static void check_html(struct slice html) {
    CHECK(slice_find(html, S("<script")) == SIZE_MAX);
    for (size_t at = slice_find(html, S("<a href=\"")); at != SIZE_MAX;
         at = slice_find(html, S("<a href=\""))) {
        html = slice_sub(html, at + 9, html.len);
        CHECK(slice_starts(html, S("https://gate.example/")));
    }
}

static struct slice part(struct slice *rest) {
    struct slice text = S("");
    (void)slice_cut(rest, '\0', &text);
    return slice_sub(text, 0, LETTER_VALUE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"by",      "who",    "reason", "requester",
                                        "person",  "access", "note",   "expires",
                                        "request", "days",   "what",   "connection"};
    if (size < 1) {
        return 0;
    }
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice rest = slice_of((const char *)data + 1, size - 1);
    struct letter letter = {.kind = data[0] % LETTER_KINDS};
    struct envelope envelope = {.id = S("ltr_1"), .host = S("gate.example"), .time = op.now};
    struct letter_about about = {.kind = letter.kind,
                                 .home = S("https://gate.example/login"),
                                 .link = S("https://gate.example/invitation?t=x"),
                                 .other_link = S("https://gate.example/request/deny?t=x")};
    envelope.to = about.to = part(&rest);
    envelope.from = part(&rest);
    envelope.from_name = about.product = part(&rest);
    envelope.reply_to = about.support = part(&rest);
    about.tenant = part(&rest);
    about.first_name = part(&rest);
    reason why = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && why == NULL; i++) {
        struct slice value = part(&rest);
        why = text_lines(value) ? letter_value(&op, &letter, names[i], value) : NULL;
    }
    about.values = letter.values;
    struct letter_text text;
    struct slice message;
    if (why == NULL && letter_write(&op, &about, &text) == NULL) {
        check_html(text.html);
        CHECK(slice_find(text.subject, S("\n")) == SIZE_MAX);
        if (message_write(&op, &envelope, &text, &message) == NULL) {
            check_headers(&message);
            check_bodies(message);
        }
    }
    struct buf out;
    struct slice value;
    buf_open(&out, &op, MAIL_BYTES_MAX);
    if (message_header_text(&out, slice_of((const char *)data, size)) == NULL &&
        buf_done(&out, &value) == NULL) {
        for (size_t i = 0; i < value.len; i++) {
            CHECK((value.at[i] >= ' ' && value.at[i] <= '~') ||
                  (value.at[i] == '\r' && value.at[i + 1] == '\n') ||
                  (value.at[i] == '\n' && value.at[i + 1] == ' '));
        }
    }
    op_close(&op);
    return 0;
}
