// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 against published values, and the comparison of secrets.
#include "unit.h"

#include "base/digest.h"
#include "base/encode.h"

static void assert_digest(struct op *op, struct slice bytes, const char *hex) {
    struct sha256 digest = digest_sha256(bytes);
    struct slice text;
    assert_done(encode_hex(op, digest_slice(&digest), &text));
    assert_text(text, hex);
}

static void sha256_gives_the_values_of_fips_180(void **state) {
    struct op *op = *state;
    assert_digest(op, S("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest(op, SLICE_NONE,
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest(op, S("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void parts_do_not_run_into_each_other(void **state) {
    (void)state;
    const struct slice one[] = {S("ab"), S("c")};
    const struct slice other[] = {S("a"), S("bc")};
    const struct slice more[] = {S("ab"), S("c"), SLICE_NONE};
    struct sha256 a = digest_parts(one, 2);
    struct sha256 b = digest_parts(other, 2);
    struct sha256 c = digest_parts(more, 3);
    struct sha256 again = digest_parts(one, 2);
    assert_memory_equal(a.bytes, again.bytes, SHA256_BYTES);
    assert_memory_not_equal(a.bytes, b.bytes, SHA256_BYTES);
    assert_memory_not_equal(a.bytes, c.bytes, SHA256_BYTES);
}

static void parts_are_digested_behind_their_lengths(void **state) {
    (void)state;
    const struct slice parts[] = {S("ab"), S("c")};
    struct sha256 got = digest_parts(parts, 2);
    struct sha256 want = digest_sha256(S("\0\0\0\0\0\0\0\x02"
                                         "ab\0\0\0\0\0\0\0\x01"
                                         "c"));
    assert_memory_equal(got.bytes, want.bytes, SHA256_BYTES);
}

// Parts that are digested one after the other give what they give side by side.
static void parts_that_are_long_are_digested_alike(void **state) {
    (void)state;
    char text[4096];
    memset(text, 'x', sizeof text);
    for (size_t len = 990; len < 1050; len++) {
        const struct slice parts[] = {slice_of(text, len), S("c")};
        char whole[4096] = {0};
        whole[6] = (char)(len >> 8);
        whole[7] = (char)len;
        memset(whole + 8, 'x', len);
        whole[8 + len + 7] = 1;
        whole[8 + len + 8] = 'c';
        struct sha256 got = digest_parts(parts, 2);
        struct sha256 want = digest_sha256(slice_of(whole, 8 + len + 9));
        assert_memory_equal(got.bytes, want.bytes, SHA256_BYTES);
    }
}

static void hmac_gives_the_value_of_rfc_4231(void **state) {
    (void)state;
    struct sha256 got = digest_hmac(S("Jefe"), S("what do ya want for nothing?"));
    static const uint8_t want[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                   0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                   0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    assert_memory_equal(got.bytes, want, SHA256_BYTES);
    struct sha256 other = digest_hmac(S("Jefe"), S(""));
    assert_memory_not_equal(other.bytes, want, SHA256_BYTES);
}

static void secrets_are_the_same_only_when_all_bytes_are(void **state) {
    (void)state;
    assert_true(same_secret(S("secret\0x"), S("secret\0x")));
    assert_false(same_secret(S("secret\0x"), S("secret\0y")));
    assert_false(same_secret(S("secret"), S("secre")));
    assert_false(same_secret(S("Secret"), S("secret")));
}

static void no_secret_is_the_same_as_none(void **state) {
    (void)state;
    assert_false(same_secret(SLICE_NONE, SLICE_NONE));
    assert_false(same_secret(S(""), S("")));
    assert_false(same_secret(S("a"), SLICE_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sha256_gives_the_values_of_fips_180),
        cmocka_unit_test(parts_do_not_run_into_each_other),
        cmocka_unit_test(parts_are_digested_behind_their_lengths),
        cmocka_unit_test(parts_that_are_long_are_digested_alike),
        cmocka_unit_test(hmac_gives_the_value_of_rfc_4231),
        cmocka_unit_test(secrets_are_the_same_only_when_all_bytes_are),
        cmocka_unit_test(no_secret_is_the_same_as_none),
    };
    RUN(tests);
}
