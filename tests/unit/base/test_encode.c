// SPDX-License-Identifier: GPL-3.0-or-later
// Base64, hex, percent and HTML: the values of the RFCs, other implementations, and strictness.
#include "unit.h"

#include <openssl/evp.h>

#include "base/encode.h"
#include "base/rand.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void base64_gives_the_values_of_rfc_4648(void **state) {
    static const char *const samples[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < COUNT(samples); i++) {
        struct slice text;
        struct slice bytes;
        assert_done(encode_base64(*state, slice_str(samples[i][0]), &text));
        assert_text(text, samples[i][1]);
        assert_true(decode_base64(*state, text, false, &bytes));
        assert_text(bytes, samples[i][0]);
    }
}

static void base64_that_is_not_canonical_is_refused(void **state) {
    static const char *const bad[] = {
        "Z",          "Zg",    "Zg=",      "Zg===",        "Z===",        "=",
        "==",         "===",   "====",     "Zm9v=",        "Zm9v==",      "Zm9v====",
        "Zg==Zg==",   "Zg==Z", "Zm8=Zm8=", "Zm=8",         "=Zg=",        "Zh==",
        "Zn==",       "Zm9=",  "Zm+=",     "Zm9v\n",       " Zm9v",       "Zm 9v",
        "Zm9v\tZm9v", "Zm-_",  "Zm9v,",    "Zm9v\xC3\xA4", "Zm9vZm9\xFF", "Zm9vYmFyZ",
        "Zm9vYmFyZg", "Z=g=",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct slice bytes;
        if (decode_base64(*state, slice_str(bad[i]), false, &bytes)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
    struct slice bytes;
    assert_false(decode_base64(*state, S("Zm9v\0"), false, &bytes));
    assert_false(decode_base64(*state, S("Zg==\0"), true, &bytes));
}

static void wrapped_base64_may_have_white_space_anywhere(void **state) {
    static const char *const good[] = {
        "Zm9vYmE=",        "Zm9v\nYmE=", "\r\n Zm9v\r\n\tYmE=\r\n",
        "Z m 9 v Y m E =", "Zm9vYmE =",  "Zm9vYmE=   ",
        " Zm9vYmE=",       "Zm9vYm\nE=",
    };
    struct slice bytes;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(decode_base64(*state, slice_str(good[i]), true, &bytes));
        assert_text(bytes, "fooba");
    }
    assert_true(decode_base64(*state, S("Zg= ="), true, &bytes));
    assert_text(bytes, "f");
    assert_true(decode_base64(*state, S(" \n "), true, &bytes));
    assert_int_equal(bytes.len, 0);
    static const char *const bad[] = {
        "Zm9v\vYmE=", "Zm9v\fYmE=", "Zm9v\xC2\xA0YmE=", "Zg==\nZg==",  "Zg=\n",
        "Zg\n",       "Z\ng=",      "Zh\n==",           "Zm9v YmE= =",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (decode_base64(*state, slice_str(bad[i]), true, &bytes)) {
            fail_msg("sample %zu was taken", i);
        }
    }
}

static void base64_agrees_with_openssl_for_each_length(void **state) {
    struct op *op = *state;
    for (size_t len = 0; len < 400; len++) {
        char random[400];
        unsigned char want[600];
        rand_bytes(random, sizeof random);
        int want_len = EVP_EncodeBlock(want, (const unsigned char *)random, (int)len);
        struct slice text;
        struct slice back;
        assert_done(encode_base64(op, slice_of(random, len), &text));
        assert_slice(text, slice_of(want, (size_t)want_len));
        assert_true(decode_base64(op, text, len % 2 == 0, &back));
        assert_slice(back, slice_of(random, len));
        assert_done(encode_base64url(op, slice_of(random, len), &text));
        assert_true(decode_base64url(op, text, &back));
        assert_slice(back, slice_of(random, len));
    }
}

static void lines_of_any_width_decode_to_the_same_bytes(void **state) {
    struct op *op = *state;
    char random[211];
    rand_bytes(random, sizeof random);
    struct slice text;
    assert_done(encode_base64(op, slice_of(random, sizeof random), &text));
    for (size_t width = 1; width < 80; width++) {
        char wrapped[1000];
        size_t len = 0;
        for (size_t i = 0; i < text.len; i++) {
            wrapped[len++] = text.at[i];
            if (i % width == width - 1) {
                wrapped[len++] = '\r';
                wrapped[len++] = '\n';
            }
        }
        struct slice back;
        assert_true(decode_base64(op, slice_of(wrapped, len), true, &back));
        assert_slice(back, slice_of(random, sizeof random));
    }
}

// One way to write bytes only: whatever decodes encodes to the same text again.
static void each_text_that_decodes_is_the_one_that_encodes(void **state) {
    struct op *op = *state;
    static const char *const samples[] = {"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < COUNT(samples); i++) {
        for (size_t at = 0; at < 8; at++) {
            for (int c = 0; c < 256; c++) {
                char text[8];
                memcpy(text, samples[i], sizeof text);
                text[at] = (char)c;
                struct slice bytes;
                struct slice again;
                if (decode_base64(op, slice_of(text, sizeof text), false, &bytes)) {
                    assert_done(encode_base64(op, bytes, &again));
                    assert_slice(again, slice_of(text, sizeof text));
                }
            }
        }
    }
}

// Long texts are read many characters at once: each other byte is refused, wherever it stands.
static void one_wrong_byte_in_a_long_text_is_refused(void **state) {
    char bytes[150];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(uint8_t)(i * 83 + 7);
    }
    struct slice text;
    struct slice back;
    assert_done(encode_base64(*state, slice_of(bytes, sizeof bytes), &text));
    for (size_t at = 0; at < text.len; at++) {
        char wrong[200];
        memcpy(wrong, text.at, text.len);
        for (int c = 0; c < 256; c++) {
            wrong[at] = (char)c;
            bool letter =
                c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                                 c) != NULL;
            assert_int_equal(decode_base64(*state, slice_of(wrong, text.len), false, &back),
                             letter);
            if (letter) {
                struct slice again;
                assert_int_equal(back.len, sizeof bytes);
                assert_done(encode_base64(*state, back, &again));
                assert_slice(again, slice_of(wrong, text.len));
            }
        }
        if (at % 20 == 0) { // the arena is not endless
            op_close(*state);
            op_open(*state, 1);
            assert_done(encode_base64(*state, slice_of(bytes, sizeof bytes), &text));
        }
    }
}

static void base64url_gives_the_value_of_rfc_7515(void **state) {
    struct slice text;
    struct slice bytes;
    assert_done(encode_base64url(*state, S("\x03\xEC\xFF\xE0\xC1"), &text));
    assert_text(text, "A-z_4ME");
    assert_true(decode_base64url(*state, text, &bytes));
    assert_slice(bytes, S("\x03\xEC\xFF\xE0\xC1"));
    assert_true(decode_base64url(*state, S(""), &bytes));
    assert_int_equal(bytes.len, 0);
}

static void base64url_with_padding_or_the_other_alphabet_is_refused(void **state) {
    static const char *const bad[] = {"Zg==", "Zm8=", "A+z/4ME", "A",      "AAAAA",
                                      "Zh",   "Zm9",  "Zg ",     "Zm9v\n", "A-z_4MF"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct slice bytes;
        if (decode_base64url(*state, slice_str(bad[i]), &bytes)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}

static void hex_goes_both_ways_and_takes_both_cases(void **state) {
    struct slice text;
    struct slice bytes;
    assert_done(encode_hex(*state, S("\x00\x1F\xAB\xFF"), &text));
    assert_text(text, "001fabff");
    assert_true(decode_hex(*state, S("001FabfF"), &bytes));
    assert_slice(bytes, S("\x00\x1F\xAB\xFF"));
    assert_true(decode_hex(*state, S(""), &bytes));
    assert_int_equal(bytes.len, 0);
}

static void what_is_no_hex_is_refused(void **state) {
    struct slice bytes;
    assert_false(decode_hex(*state, S("0"), &bytes));
    assert_false(decode_hex(*state, S("0g"), &bytes));
    assert_false(decode_hex(*state, S("0x00"), &bytes));
    assert_false(decode_hex(*state, S("00 0"), &bytes));
    assert_false(decode_hex(*state, S("00:0"), &bytes));
    assert_false(decode_hex(*state, S("@@"), &bytes));
}

static void urls_keep_the_unreserved_and_escape_the_rest(void **state) {
    struct slice text;
    assert_done(encode_url(*state, S("AZaz09-._~"), &text));
    assert_text(text, "AZaz09-._~");
    assert_done(encode_url(*state, S("a b+c/d?e=f&g%h\x00\xC3\xA4\xFF"), &text));
    assert_text(text, "a%20b%2Bc%2Fd%3Fe%3Df%26g%25h%00%C3%A4%FF");
    assert_done(encode_url(*state, SLICE_NONE, &text));
    assert_int_equal(text.len, 0);
}

static void escapes_are_decoded_once(void **state) {
    struct slice bytes;
    assert_true(decode_url(*state, S("a%20b%2bc%2Bd%00%ff"), false, &bytes));
    assert_slice(bytes, S("a b+c+d\0\xFF"));
    assert_true(decode_url(*state, S("%2525"), false, &bytes));
    assert_text(bytes, "%25");
    assert_true(decode_url(*state, S("a+b"), false, &bytes));
    assert_text(bytes, "a+b");
    assert_true(decode_url(*state, S("+a+%2B+b+"), true, &bytes));
    assert_text(bytes, " a + b ");
    assert_true(decode_url(*state, SLICE_NONE, true, &bytes));
    assert_int_equal(bytes.len, 0);
}

static void a_percent_without_two_digits_is_refused(void **state) {
    static const char *const bad[] = {"%",   "a%",   "%2",   "a%2", "%zz",    "%2z",
                                      "%z2", "%%20", "% 20", "%+1", "abc%20%"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct slice bytes;
        assert_false(decode_url(*state, slice_str(bad[i]), false, &bytes));
        assert_false(decode_url(*state, slice_str(bad[i]), true, &bytes));
    }
    // What stands in memory behind the text is not of it.
    struct slice bytes;
    assert_false(decode_url(*state, slice_of("%20", 2), false, &bytes));
    assert_false(decode_url(*state, slice_of("%20", 1), false, &bytes));
}

static void all_bytes_go_through_an_url_and_back(void **state) {
    struct op *op = *state;
    for (int i = 0; i < 200; i++) {
        char random[300];
        rand_bytes(random, sizeof random);
        for (size_t j = 0; j < sizeof random; j++) {
            random[j] = j % 3 == 0 ? "+% "[(uint8_t)random[j] % 3] : random[j];
        }
        struct slice text;
        struct slice back;
        assert_done(encode_url(op, slice_of(random, sizeof random), &text));
        assert_true(decode_url(op, text, i % 2 == 0, &back));
        assert_slice(back, slice_of(random, sizeof random));
    }
}

static void html_has_references_for_its_five_characters(void **state) {
    struct slice text;
    assert_done(encode_html(*state, S("<a href=\"x\" b='&amp;'>\xC3\xA4</a>"), &text));
    assert_text(text, "&lt;a href=&quot;x&quot; b=&#39;&amp;amp;&#39;&gt;\xC3\xA4&lt;/a&gt;");
    assert_done(encode_html(*state, S("plain"), &text));
    assert_text(text, "plain");
    assert_done(encode_html(*state, SLICE_NONE, &text));
    assert_int_equal(text.len, 0);
}

static void without_memory_nothing_is_encoded_or_decoded(void **state) {
    struct op *op = *state;
    op->arena.ceiling = 0;
    struct slice to;
    assert_refused(encode_base64(op, S("abc"), &to), LIMIT_MEMORY);
    assert_refused(encode_hex(op, S("abc"), &to), LIMIT_MEMORY);
    assert_refused(encode_url(op, S("abc"), &to), LIMIT_MEMORY);
    assert_refused(encode_html(op, S("abc"), &to), LIMIT_MEMORY);
    assert_false(decode_base64(op, S("Zm9v"), false, &to));
    assert_false(decode_hex(op, S("00"), &to));
    assert_false(decode_url(op, S("abc"), false, &to));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(base64_gives_the_values_of_rfc_4648),
        TEST(base64_that_is_not_canonical_is_refused),
        TEST(wrapped_base64_may_have_white_space_anywhere),
        TEST(base64_agrees_with_openssl_for_each_length),
        TEST(lines_of_any_width_decode_to_the_same_bytes),
        TEST(each_text_that_decodes_is_the_one_that_encodes),
        TEST(one_wrong_byte_in_a_long_text_is_refused),
        TEST(base64url_gives_the_value_of_rfc_7515),
        TEST(base64url_with_padding_or_the_other_alphabet_is_refused),
        TEST(hex_goes_both_ways_and_takes_both_cases),
        TEST(what_is_no_hex_is_refused),
        TEST(urls_keep_the_unreserved_and_escape_the_rest),
        TEST(escapes_are_decoded_once),
        TEST(a_percent_without_two_digits_is_refused),
        TEST(all_bytes_go_through_an_url_and_back),
        TEST(html_has_references_for_its_five_characters),
        TEST(without_memory_nothing_is_encoded_or_decoded),
    };
    RUN(tests);
}
