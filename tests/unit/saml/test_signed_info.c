// SPDX-License-Identifier: GPL-3.0-or-later
// SignedInfo: what is allowed in it, and that each other thing is refused with its own reason.
#include "saml/signed_info.h"

#include "saml/forge.h"

#define INFO                                                                                       \
    "<ds:SignedInfo xmlns:ds=\"" NS_DS "\"><ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\">"  \
    "</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"" MORE "rsa-sha256\">"              \
    "</ds:SignatureMethod>" REFERENCE "</ds:SignedInfo>"
#define REFERENCE                                                                                  \
    "<ds:Reference URI=\"#_a1\"><ds:Transforms><ds:Transform Algorithm=\"" NS_DS                     \
    "enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform>" \
    "</ds:Transforms><ds:DigestMethod Algorithm=\"" ENC "sha256\"></ds:DigestMethod>"                \
    "<ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ds:DigestValue></ds:Reference>"
#define INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

static reason read_with(struct op *op, const char *from, const char *to, bool sha1,
                        struct signed_info *ret) {
    struct finding finding;
    struct slice text = from != NULL ? edit(op, S(INFO), from, to) : S(INFO);
    return signed_info_read(op, text, sha1, &finding, ret);
}

static void an_honest_signed_info_is_read(void **state) {
    struct signed_info info;
    assert_done(read_with(*state, NULL, NULL, false, &info));
    assert_text(info.id, "_a1");
    assert_int_equal(info.digest, DIGEST_SHA256);
    assert_int_equal(info.digest_value.len, 32);
    assert_int_equal(info.method->key, KEY_RSA);
    assert_int_equal(info.method->digest, DIGEST_SHA256);
}

static void other_honest_forms_are_read(void **state) {
    static const char *const rows[][2] = {
        {"<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\">",
         "<ds:CanonicalizationMethod Algorithm=\"" INCLUSIVE "\">"},
        {"<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\">",
         "\n <ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\"><ec:InclusiveNamespaces xmlns:ec=\""
         NS_EC "\" PrefixList=\"xs\"></ec:InclusiveNamespaces>"},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform>", ""},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\">", "<ds:Transform Algorithm=\"" INCLUSIVE "\">"},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\">",
         "<ds:Transform Algorithm=\"" EXCLUSIVE "\"><InclusiveNamespaces xmlns=\"" NS_EC
         "\"></InclusiveNamespaces>"},
        {"rsa-sha256", "rsa-sha384"}, {"rsa-sha256", "rsa-sha512"}, {"rsa-sha256", "ecdsa-sha256"},
        {"rsa-sha256", "ecdsa-sha384"}, {"rsa-sha256", "ecdsa-sha512"},
        {"<ds:DigestValue>47DEQpj8", "<ds:DigestValue>&#xD;\n47DEQpj8 "},
        {"<ds:Reference URI", "<ds:Reference Id=\"r\" Type=\"urn:x\" URI"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct signed_info info;
        assert_done(read_with(*state, rows[i][0], rows[i][1], false, &info));
    }
}

static void longer_digests_are_read(void **state) {
    struct op *op = *state;
    struct finding finding;
    struct signed_info info;
    char zeros[64] = {0};
    struct slice text = edit(op, S(INFO), ENC "sha256", ENC "sha512");
    text = edit(op, text, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                op_text(op, "%.*s", SLICE(base64(op, slice_of(zeros, 64)))).at);
    assert_done(signed_info_read(op, text, false, &finding, &info));
    assert_int_equal(info.digest, DIGEST_SHA512);
    assert_int_equal(info.digest_value.len, 64);
    assert_refused(read_with(op, ENC "sha256", MORE "sha384", false, &info), SIGNATURE_DIGEST);
}

static void sha1_is_read_only_when_the_policy_allows_it(void **state) {
    struct op *op = *state;
    struct signed_info info;
    assert_refused(read_with(op, MORE "rsa-sha256", NS_DS "rsa-sha1", false, &info), SIGNATURE_ALGORITHM);
    assert_done(read_with(op, MORE "rsa-sha256", NS_DS "rsa-sha1", true, &info));
    assert_int_equal(info.method->digest, DIGEST_SHA1);
    assert_refused(read_with(op, ENC "sha256", NS_DS "sha1", false, &info), SIGNATURE_ALGORITHM);
    // Allowed, but then these are not its 20 bytes.
    assert_refused(read_with(op, ENC "sha256", NS_DS "sha1", true, &info), SIGNATURE_DIGEST);
}

static void everything_else_is_refused(void **state) {
    static const struct {
        const char *from, *to;
        reason why;
    } rows[] = {
        {"URI=\"#_a1\"", "", REASON_OF(SIGNATURE_REFERENCE)},
        {"URI=\"#_a1\"", "URI=\"\"", REASON_OF(SIGNATURE_REFERENCE)},
        {"URI=\"#_a1\"", "URI=\"#\"", REASON_OF(SIGNATURE_REFERENCE)},
        {"URI=\"#_a1\"", "URI=\"_a1\"", REASON_OF(SIGNATURE_REFERENCE)},
        {"URI=\"#_a1\"", "URI=\"http://evil.example/\"", REASON_OF(SIGNATURE_REFERENCE)},
        {"URI=\"#_a1\"", "URI=\"#xpointer(id('_a1'))\"", REASON_OF(SIGNATURE_REFERENCE)},
        {"URI=\"#_a1\"", "URI=\"#xpointer(/)\"", REASON_OF(SIGNATURE_REFERENCE)},
        {REFERENCE, "", REASON_OF(SIGNATURE_REFERENCE)},
        {REFERENCE, REFERENCE REFERENCE, REASON_OF(SIGNATURE_REFERENCE)},
        {"</ds:Reference>", "<ds:Object></ds:Object></ds:Reference>", REASON_OF(SIGNATURE_REFERENCE)},
        {"</ds:SignedInfo>", "<ds:Object></ds:Object></ds:SignedInfo>", REASON_OF(SIGNATURE_REFERENCE)},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform>",
         "<ds:Transform Algorithm=\"" EXCLUSIVE "WithComments\"></ds:Transform>",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform>",
         "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"></ds:Transform>",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform>",
         "<ds:Transform Algorithm=\"" NS_DS "enveloped-signature\"></ds:Transform>",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform>",
         "<ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform><ds:Transform Algorithm=\"" EXCLUSIVE
         "\"></ds:Transform>", REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:Transform Algorithm=\"" NS_DS "enveloped-signature\"></ds:Transform>", "",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:Transform Algorithm=\"" NS_DS "enveloped-signature\">",
         "<ds:Transform Algorithm=\"" NS_DS "enveloped-signature\"><ds:XPath></ds:XPath>",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:Transform Algorithm=\"" EXCLUSIVE "\">",
         "<ds:Transform Algorithm=\"" EXCLUSIVE "\"><ds:XPath></ds:XPath>", REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\">",
         "<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "WithComments\">",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\">", "<ds:CanonicalizationMethod>",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {"<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\"></ds:CanonicalizationMethod>", "",
         REASON_OF(SIGNATURE_TRANSFORM)},
        {MORE "rsa-sha256", MORE "rsa-md5", REASON_OF(SIGNATURE_ALGORITHM)},
        {MORE "rsa-sha256", MORE "hmac-sha256", REASON_OF(SIGNATURE_ALGORITHM)},
        {MORE "rsa-sha256", NS_DS "hmac-sha1", REASON_OF(SIGNATURE_ALGORITHM)},
        {MORE "rsa-sha256", NS_DS "dsa-sha1", REASON_OF(SIGNATURE_ALGORITHM)},
        {MORE "rsa-sha256", MORE "ecdsa-sha1", REASON_OF(SIGNATURE_ALGORITHM)},
        {MORE "rsa-sha256", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
         REASON_OF(SIGNATURE_ALGORITHM)},
        {MORE "rsa-sha256", "", REASON_OF(SIGNATURE_ALGORITHM)},
        {"</ds:SignatureMethod>", "<ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>",
         REASON_OF(SIGNATURE_ALGORITHM)},
        {ENC "sha256", MORE "md5", REASON_OF(SIGNATURE_ALGORITHM)},
        {ENC "sha256", "", REASON_OF(SIGNATURE_ALGORITHM)},
        {"<ds:DigestValue>47DE", "<ds:DigestValue>", REASON_OF(SIGNATURE_DIGEST)},
        {"<ds:DigestValue>47DE", "<ds:DigestValue>!7DE", REASON_OF(SIGNATURE_DIGEST)},
        {"<ds:DigestValue>47DE", "<ds:DigestValue><x/>47DE", REASON_OF(SAML_MALFORMED)},
        {"<ds:SignedInfo xmlns:ds=\"" NS_DS "\">", "<ds:SignedInfo xmlns:ds=\"urn:x\">",
         REASON_OF(SIGNATURE_REFERENCE)},
        {"<ds:SignedInfo xmlns:ds=\"" NS_DS "\">", "<ds:SignedInfo xmlns:ds=\"" NS_DS "\">text",
         REASON_OF(SAML_MALFORMED)},
        {"</ds:SignedInfo>", "</ds:SignedInfo><x/>", REASON_OF(SAML_MALFORMED)},
        {"</ds:SignedInfo>", "", REASON_OF(SAML_MALFORMED)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct signed_info info;
        reason why = read_with(*state, rows[i].from, rows[i].to, true, &info);
        if (why != rows[i].why) {
            fail_msg("%s -> %s: got %s, want %s", rows[i].from, rows[i].to,
                     why != NULL ? why->slug : "done", rows[i].why->slug);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_honest_signed_info_is_read),
        TEST(other_honest_forms_are_read),
        TEST(longer_digests_are_read),
        TEST(sha1_is_read_only_when_the_policy_allows_it),
        TEST(everything_else_is_refused),
    };
    RUN(tests);
}
