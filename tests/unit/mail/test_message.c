// SPDX-License-Identifier: GPL-3.0-or-later
// Messages: headers that mean what they say and hold one line each, bodies in quoted-printable.
#include "unit.h"

#include "base/buf.h"

static struct op op;

static int set_up(void **state) {
    (void)state;
    op_open(&op, NOON);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    op_close(&op);
    return 0;
}

static struct slice header_of(struct slice text) {
    struct buf out;
    struct slice value;
    buf_open(&out, &op, MAIL_BYTES_MAX);
    assert_null(message_header_text(&out, text));
    assert_null(buf_done(&out, &value));
    return value;
}
static struct slice printable(struct slice text) {
    struct buf out;
    struct slice value;
    buf_open(&out, &op, MAIL_BYTES_MAX);
    message_quoted_printable(&out, text);
    assert_null(buf_done(&out, &value));
    return value;
}

static const struct letter_text a_letter = {
    .subject = {"Hello", 5}, .text = {"Text\n", 5}, .html = {"<p>Text</p>\n", 12}};

static struct envelope an_envelope(void) {
    return (struct envelope){.id = S("ltr_1"),
                             .host = S("gate.example"),
                             .from = S("no-reply@gate.example"),
                             .from_name = S("Example CDP"),
                             .reply_to = S(""),
                             .to = S("jane@acme.example"),
                             .time = NOON};
}
static struct slice written(const struct envelope *envelope) {
    struct slice message;
    assert_null(message_write(&op, envelope, &a_letter, &message));
    return message;
}

static void a_message_has_its_headers_and_both_parts(void **state) {
    (void)state;
    struct envelope envelope = an_envelope();
    envelope.reply_to = S("help@acme.example");
    struct slice message = written(&envelope);
    assert_slice(message, "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
                          "From: \"Example CDP\" <no-reply@gate.example>\r\n"
                          "Reply-To: <help@acme.example>\r\n"
                          "To: <jane@acme.example>\r\n"
                          "Subject: Hello\r\n"
                          "Message-ID: <ltr_1@gate.example>\r\n"
                          "Auto-Submitted: auto-generated\r\n"
                          "X-Auto-Response-Suppress: All\r\n"
                          "MIME-Version: 1.0\r\n"
                          "Content-Type: multipart/alternative; boundary=\"=_ltr_1\"\r\n"
                          "\r\n"
                          "--=_ltr_1\r\n"
                          "Content-Type: text/plain; charset=utf-8\r\n"
                          "Content-Transfer-Encoding: quoted-printable\r\n"
                          "\r\n"
                          "Text\r\n"
                          "\r\n"
                          "--=_ltr_1\r\n"
                          "Content-Type: text/html; charset=utf-8\r\n"
                          "Content-Transfer-Encoding: quoted-printable\r\n"
                          "\r\n"
                          "<p>Text</p>\r\n"
                          "\r\n"
                          "--=_ltr_1--\r\n");
}

static void days_of_the_week_are_right(void **state) {
    (void)state;
    static const struct {
        int64_t time;
        const char *date;
    } dates[] = {
        {0, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"},
        {INT64_C(951782400000), "Date: Tue, 29 Feb 2000 00:00:00 +0000\r\n"},
        {INT64_C(1609459199000), "Date: Thu, 31 Dec 2020 23:59:59 +0000\r\n"},
        {-1, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"},
    };
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        struct envelope envelope = an_envelope();
        envelope.time = dates[i].time;
        assert_true(slice_starts(written(&envelope), slice_str(dates[i].date)));
    }
}

static void a_header_of_plain_letters_stays_and_others_are_encoded(void **state) {
    (void)state;
    assert_slice(header_of(S("Reset your password")), "Reset your password");
    assert_slice(header_of(S("Z\xc3\xbcrich")), "=?UTF-8?B?WsO8cmljaA==?=");
    // What looks like an encoded word is one, so it is encoded itself.
    assert_slice(header_of(S("=?UTF-8?B?eA==?=")), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
    assert_slice(header_of(S("")), "");
}

static void a_long_one_is_words_of_whole_characters_on_lines_of_75(void **state) {
    (void)state;
    static char text[LETTER_SUBJECT_MAX];
    for (size_t i = 0; i + 3 <= sizeof text; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }
    struct slice value = header_of(slice_of(text, sizeof text / 3 * 3));
    struct slice line;
    size_t lines = 0;
    while (slice_cut(&value, '\n', &line)) {
        line = slice_trim(line);
        assert_true(line.len <= 75);
        assert_true(slice_starts(line, S("=?UTF-8?B?")) && slice_ends(line, S("?=")));
        // 15 characters of three bytes fill a word: every word but the last is whole groups of
        // base64.
        assert_true(slice_find(line, S("==?=")) == SIZE_MAX || value.at == NULL);
        lines++;
    }
    assert_int_equal(lines, 5);
}

static void a_line_end_in_anything_for_a_header_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"a\r\nBcc: x@evil.example",
                                      "a\nb",
                                      "a\rb",
                                      "a\tb",
                                      "a\x01",
                                      "a\x7f",
                                      "a\xe2\x80\xa8"
                                      "b",
                                      "\xff",
                                      "a\xc2\x85"
                                      "b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct envelope envelope = an_envelope();
        struct letter_text letter = a_letter;
        struct slice message;
        letter.subject = slice_str(bad[i]);
        assert_ptr_equal(message_write(&op, &envelope, &letter, &message),
                         REASON_OF(INVALID_INPUT));
        struct slice *const places[] = {&envelope.from_name, &envelope.host, &envelope.id,
                                        &envelope.to,        &envelope.from, &envelope.reply_to};
        for (size_t j = 0; j < sizeof places / sizeof places[0]; j++) {
            envelope = an_envelope();
            *places[j] = slice_str(bad[i]);
            assert_ptr_equal(message_write(&op, &envelope, &a_letter, &message),
                             REASON_OF(INVALID_INPUT));
        }
    }
}

static void an_address_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "jane",
                                      "jane@acme.example,eve@evil.example",
                                      "jane@acme.example>",
                                      "<jane@acme.example>",
                                      "\"jane\"@acme.example",
                                      "jane@acme.example eve@evil.example"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct envelope envelope = an_envelope();
        struct slice message;
        envelope.to = slice_str(bad[i]);
        assert_ptr_equal(message_write(&op, &envelope, &a_letter, &message),
                         REASON_OF(INVALID_INPUT));
    }
}

static void a_name_is_quoted_or_encoded(void **state) {
    (void)state;
    struct envelope envelope = an_envelope();
    envelope.from_name = S("Eve \"<root@evil.example>\" \\ Co, Ltd.");
    assert_holds(
        written(&envelope),
        "From: \"Eve \\\"<root@evil.example>\\\" \\\\ Co, Ltd.\" <no-reply@gate.example>\r\n");
    envelope.from_name = S("Z\xc3\xbcrich \"x\"");
    assert_holds(written(&envelope),
                 "From: =?UTF-8?B?WsO8cmljaCAieCI=?=\r\n <no-reply@gate.example>\r\n");
    envelope.from_name = S("");
    assert_holds(written(&envelope), "\r\nFrom: <no-reply@gate.example>\r\n");
}

static void quoted_printable_is_as_rfc_2045_has_it(void **state) {
    (void)state;
    assert_slice(printable(S("")), "");
    assert_slice(printable(S("a=b\n")), "a=3Db\r\n");
    assert_slice(printable(S("caf\xc3\xa9")), "caf=C3=A9");
    assert_slice(printable(S("end \nnext\t\nlast ")), "end=20\r\nnext=09\r\nlast=20");
    assert_slice(printable(S(".\n..x\n.\r\n")), "=2E\r\n=2E.x\r\n=2E=0D\r\n");
    assert_slice(printable(S("a b\tc")), "a b\tc");
}

static void its_lines_have_76_characters_and_no_dot_begins_one(void **state) {
    (void)state;
    static char text[1000];
    for (int shift = 0; shift < 80; shift++) {
        for (size_t i = 0; i < sizeof text; i++) {
            text[i] = (i + (size_t)shift) % 5 == 0 ? '.' : (i % 7 == 0 ? '=' : 'x');
        }
        struct slice value = printable(slice_of(text, sizeof text));
        struct slice line;
        while (slice_cut(&value, '\n', &line)) {
            size_t len = line.len - (slice_ends(line, S("\r")) ? 1 : 0);
            assert_true(len <= 76);
            assert_false(slice_starts(line, S(".")));
        }
    }
}

// The reverse, by the book, for the test below.
static size_t decode(struct slice text, char *to) {
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\r' && i + 1 < text.len && text.at[i + 1] == '\n') {
            to[len++] = '\n';
            i++;
        } else if (text.at[i] != '=') {
            to[len++] = text.at[i];
        } else if (text.at[i + 1] == '\r') {
            i += 2;
        } else {
            to[len++] = (char)((strchr(hex, text.at[i + 1]) - hex) * 16 +
                               (strchr(hex, text.at[i + 2]) - hex));
            i += 2;
        }
    }
    return len;
}

static void what_is_encoded_comes_back(void **state) {
    (void)state;
    static char text[4000];
    static char back[sizeof text];
    uint32_t seed = 7;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 1103515245 + 12345;
            static const char often[] = "\n =.\t\r";
            text[i] = seed >> 28 < 6 ? often[seed >> 28] : (char)(seed >> 16);
            text[i] = text[i] == '\0' ? 'x' : text[i];
        }
        struct slice value = printable(slice_of(text, sizeof text));
        assert_int_equal(decode(value, back), sizeof text);
        assert_memory_equal(back, text, sizeof text);
        assert_false(holds(value, "=_"));
        op_close(&op);
        op_open(&op, NOON);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_message_has_its_headers_and_both_parts),
        T(days_of_the_week_are_right),
        T(a_header_of_plain_letters_stays_and_others_are_encoded),
        T(a_long_one_is_words_of_whole_characters_on_lines_of_75),
        T(a_line_end_in_anything_for_a_header_is_refused),
        T(an_address_that_is_none_is_refused),
        T(a_name_is_quoted_or_encoded),
        T(quoted_printable_is_as_rfc_2045_has_it),
        T(its_lines_have_76_characters_and_no_dot_begins_one),
        T(what_is_encoded_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
