// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates in the many shapes in which people paste them, and what is told to those who paste another thing.
#include "saml/trust.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "saml/forge.h"

static struct party rsa, ec;

static int make_keys(void **state) {
    (void)state;
    rsa = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    ec = party_make(EVP_EC_gen("P-256"), NOON + DAY_MS);
    return 0;
}

static int free_keys(void **state) {
    (void)state;
    party_free(&rsa);
    party_free(&ec);
    return 0;
}

// Text out of a PEM writer of OpenSSL.
static struct slice written(struct op *op, BIO *bio) {
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);
    struct slice text;
    assert_done(op_copy(op, slice_of(at, (size_t)len), &text));
    BIO_free(bio);
    return text;
}

static struct slice pem(struct op *op, const struct party *party) {
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, party->x509), 1);
    return written(op, bio);
}

// One certificate is read, and it is this party's.
static void check_read(struct op *op, struct slice text, const struct party *party) {
    struct rows rows;
    assert_done(certificate_read(op, text, &rows));
    assert_int_equal(rows.count, 1);
    const struct certificate *got = rows.at;
    struct certificate want = party_certificate(op, party);
    assert_slice(got->der, party->der);
    assert_slice(got->sha256, want.sha256);
    assert_text(got->subject, "CN=idp.example");
    assert_int_equal(got->not_before, NOON - DAY_MS);
    assert_int_equal(got->not_after, NOON + DAY_MS);
    assert_false(got->key_only);
}

static struct slice replaced(struct op *op, struct slice text, const char *from, const char *to) {
    struct slice out = S("");
    for (;;) {
        size_t at = slice_find(text, slice_str(from));
        if (at == SIZE_MAX) {
            return op_text(op, "%.*s%.*s", SLICE(out), SLICE(text));
        }
        out = op_text(op, "%.*s%.*s%s", SLICE(out), SLICE(slice_sub(text, 0, at)), to);
        text = slice_sub(text, at + strlen(from), text.len);
    }
}

static void pem_der_and_base64_are_read(void **state) {
    struct op *op = *state;
    struct slice text = pem(op, &rsa);
    struct slice bare = base64(op, rsa.der);
    check_read(op, text, &rsa);
    check_read(op, pem(op, &ec), &ec);
    check_read(op, rsa.der, &rsa);
    check_read(op, bare, &rsa);
    check_read(op, base64(op, text), &rsa);
    check_read(op, op_text(op, "Bag Attributes\n  name: x\nsubject=/CN=x\n%.*s\nend\n", SLICE(text)), &rsa);
    check_read(op, replaced(op, text, "\n", "\r\n"), &rsa);
    check_read(op, replaced(op, text, "\n", "\\n"), &rsa);
    check_read(op, replaced(op, text, "\n", " "), &rsa);
    check_read(op, op_text(op, "\n\t %.*s&#13;\n%.*s&#xD; \n", SLICE(slice_sub(bare, 0, 76)),
                           SLICE(slice_sub(bare, 76, bare.len))), &rsa);
}

static void several_are_read_in_order(void **state) {
    struct op *op = *state;
    struct rows rows;
    assert_done(certificate_read(op, op_text(op, "%.*s\n%.*s", SLICE(pem(op, &ec)), SLICE(pem(op, &rsa))),
                                 &rows));
    assert_int_equal(rows.count, 2);
    assert_slice(((const struct certificate *)rows.at)[0].der, ec.der);
    assert_slice(((const struct certificate *)rows.at)[1].der, rsa.der);
    struct slice many = S("");
    for (size_t i = 0; i <= CONNECTION_CERTIFICATES_MAX; i++) {
        many = op_text(op, "%.*s%.*s", SLICE(many), SLICE(pem(op, &ec)));
    }
    assert_refused(certificate_read(op, many, &rows), INVALID_CERTIFICATE);
}

static void refused_with(struct op *op, struct slice text, const char *words) {
    struct rows rows;
    assert_refused(certificate_read(op, text, &rows), INVALID_CERTIFICATE);
    if (slice_find(op->detail, slice_str(words)) == SIZE_MAX) {
        fail_msg("\"%.*s\" does not say \"%s\"", SLICE(op->detail), words);
    }
}

static void other_things_are_told_what_they_are(void **state) {
    struct op *op = *state;
    struct slice text = pem(op, &rsa);
    struct slice bare = base64(op, rsa.der);
    refused_with(op, S(""), "no certificate");
    refused_with(op, S("  \n"), "no certificate");
    refused_with(op, S("AB:CD:EF:01:02:03"), "fingerprint");
    refused_with(op, S("<EntityDescriptor>"), "XML");
    refused_with(op, S("ssh-rsa AAAA"), "SSH");
    refused_with(op, S("-----BEGIN " "PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "private key");
    refused_with(op, S("-----BEGIN " "RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
                 "private key");
    refused_with(op, S("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "public key");
    refused_with(op, S("-----BEGIN CERTIFICATE REQUEST-----\nAA\n-----END CERTIFICATE REQUEST-----"),
                 "request");
    refused_with(op, S("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"), "PKCS#7");
    refused_with(op, S("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"), "base64");
    refused_with(op, slice_sub(text, 0, text.len / 2), "cut short");
    refused_with(op, slice_sub(bare, 0, bare.len / 8 * 4), "cut short");
    refused_with(op, slice_sub(rsa.der, 0, rsa.der.len - 1), "cut short");
    refused_with(op, op_text(op, "%.*sAAAA", SLICE(edit(op, bare, "=", ""))), "");
    char *with_tail = NULL;
    assert_done(op_take(op, rsa.der.len + 1, &with_tail));
    memcpy(with_tail, rsa.der.at, rsa.der.len);
    refused_with(op, slice_of(with_tail, rsa.der.len + 1), "not one X.509 certificate");
}

static void weak_and_strange_keys_are_refused(void **state) {
    struct op *op = *state;
    struct party weak = party_make(EVP_RSA_gen(1024), NOON + DAY_MS);
    struct party odd = party_make(EVP_EC_gen("secp256k1"), NOON + DAY_MS);
    struct party p521 = party_make(EVP_EC_gen("P-521"), NOON + DAY_MS);
    refused_with(op, weak.der, "1024 bits");
    refused_with(op, odd.der, "curve");
    check_read(op, p521.der, &p521);
    party_free(&weak);
    party_free(&odd);
    party_free(&p521);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pem_der_and_base64_are_read),
        TEST(several_are_read_in_order),
        TEST(other_things_are_told_what_they_are),
        TEST(weak_and_strange_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
