// SPDX-License-Identifier: GPL-3.0-or-later
// The keys in metadata: which count, in which forms, and what is said of those that do not.
#include "idp_xml.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "saml/certificate.h"

static reason with_keys(struct op *op, struct slice keys, struct idp_import *ret) {
    return import_of(op, entity(op, ID, "", "", keys, SSO), "", ret);
}

static void keys_for_signing_and_for_anything_count(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice a = x509(op, base64_of(op, rsa_2048, -10, 1000));
    struct slice b = x509(op, base64_of(op, ec_256, -10, 1000));
    assert_done(with_keys(op,
                          op_text(op, "%.*s%.*s", SLICE(key_info(op, "", a)),
                                  SLICE(key_info(op, " use=\"encryption\"", b))),
                          &import));
    assert_int_equal(import.idp.certificates.count, 1);
    assert_done(with_keys(op,
                          op_text(op, "%.*s%.*s", SLICE(key_info(op, " use=\"signing\"", a)),
                                  SLICE(key_info(op, " use=\"signing\"", b))),
                          &import));
    assert_int_equal(import.idp.certificates.count, 2);
    assert_refused(with_keys(op, key_info(op, " use=\"encryption\"", b), &import),
                   METADATA_NO_CERTIFICATE);
    assert_refused(with_keys(op, S(""), &import), METADATA_NO_CERTIFICATE);
}

static void certificates_stand_in_any_wrapping(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice bare = base64_of(op, rsa_2048, -10, 1000);
    const char *const indents[] = {"\n", "\n            ", "&#xD;\n", " ", "\t"};
    for (size_t i = 0; i < sizeof indents / sizeof indents[0]; i++) {
        struct slice text = op_text(op, "%.*s\n  ", SLICE(wrapped(op, bare, 60 + i, indents[i])));
        assert_done(with_keys(op, key_info(op, "", x509(op, text)), &import));
        assert_int_equal(import.idp.certificates.count, 1);
    }
    assert_done(
        with_keys(op, key_info(op, "", x509(op, pem_of(op, rsa_2048, -10, 1000))), &import));
}

static void several_certificates_of_one_key_descriptor_count_once_each(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice a = base64_of(op, rsa_2048, -10, 1000);
    struct slice b = base64_of(op, ec_256, -10, 1000);
    struct slice inner = op_text(
        op,
        "<ds:KeyName>k</ds:KeyName><ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate>"
        "<ds:X509SubjectName>CN=x</ds:X509SubjectName><ds:X509Certificate>%.*s"
        "</ds:X509Certificate></ds:X509Data>%.*s",
        SLICE(a), SLICE(b), SLICE(x509(op, a)));
    assert_done(with_keys(op, key_info(op, "", inner), &import));
    assert_int_equal(import.idp.certificates.count, 2);
}

static void a_key_that_cannot_be_used_is_left_out_with_a_warning(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice weak = key_info(op, "", x509(op, base64_of(op, rsa_1024, -10, 1000)));
    struct slice odd = key_info(op, "", x509(op, base64_of(op, ec_bad, -10, 1000)));
    struct slice junk = key_info(op, "", x509(op, S("hello")));
    assert_done(with_keys(
        op,
        op_text(op, "%.*s%.*s%.*s%.*s", SLICE(weak), SLICE(odd), SLICE(junk), SLICE(good_key(op))),
        &import));
    assert_int_equal(import.idp.certificates.count, 1);
    assert_int_equal(import.warnings.count, 3);
    assert_true(warned(&import, "1024 bits"));
    assert_true(warned(&import, "secp256k1"));
    assert_refused(with_keys(op, weak, &import), METADATA_NO_CERTIFICATE);
    assert_true(said(op, "1024 bits"));
}

static void dates_are_warnings(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_done(
        with_keys(op, key_info(op, "", x509(op, base64_of(op, rsa_2048, -100, -1))), &import));
    assert_true(warned(&import, "expired on 2026-11-20"));
    assert_done(
        with_keys(op, key_info(op, "", x509(op, base64_of(op, rsa_2048, -100, 29))), &import));
    assert_true(warned(&import, "expires on 2026-12-20"));
    assert_done(
        with_keys(op, key_info(op, "", x509(op, base64_of(op, rsa_2048, -100, 31))), &import));
    assert_int_equal(import.warnings.count, 0);
}

static struct slice number_of(struct op *op, const EVP_PKEY *key, const char *name) {
    BIGNUM *number = NULL;
    unsigned char bytes[600];
    struct slice text;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    int len = BN_bn2bin(number, bytes);
    BN_free(number);
    assert_done(encode_base64(op, slice_of(bytes, (size_t)len), &text));
    return text;
}
static struct slice rsa_value(struct op *op, const EVP_PKEY *key) {
    return op_text(op,
                   "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>\n%.*s</ds:Modulus><ds:Exponent>%.*s</"
                   "ds:Exponent>"
                   "</ds:RSAKeyValue></ds:KeyValue>",
                   SLICE(number_of(op, key, OSSL_PKEY_PARAM_RSA_N)),
                   SLICE(number_of(op, key, OSSL_PKEY_PARAM_RSA_E)));
}
static struct slice ec_value(struct op *op, const EVP_PKEY *key, const char *curve) {
    unsigned char point[300];
    size_t len = 0;
    struct slice text;
    assert_int_equal(
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len),
        1);
    assert_done(encode_base64(op, slice_of(point, len), &text));
    return op_text(op,
                   "<ds:KeyValue><e:ECKeyValue "
                   "xmlns:e=\"http://www.w3.org/2009/xmldsig11#\"><e:NamedCurve URI=\"%s\"/>"
                   "<e:PublicKey>%.*s</e:PublicKey></e:ECKeyValue></ds:KeyValue>",
                   curve, SLICE(text));
}
static void check_bare(struct op *op, struct slice value, const EVP_PKEY *key) {
    struct idp_import import;
    EVP_PKEY *got = NULL;
    assert_done(with_keys(op, key_info(op, "", value), &import));
    assert_int_equal(import.idp.certificates.count, 1);
    const struct certificate *bare = certificate_at(&import, 0);
    assert_true(bare->key_only);
    assert_int_equal(bare->not_after, 0);
    assert_int_equal(bare->sha256.len, 64);
    assert_done(certificate_key(op, bare, &got));
    assert_int_equal(EVP_PKEY_eq(got, key), 1);
    EVP_PKEY_free(got);
}

static void a_bare_key_is_enough(void **state) {
    struct op *op = *state;
    check_bare(op, rsa_value(op, rsa_2048), rsa_2048);
    check_bare(op, ec_value(op, ec_256, "urn:oid:1.2.840.10045.3.1.7"), ec_256);
    check_bare(op, ec_value(op, ec_521, "urn:oid:1.3.132.0.35"), ec_521);
    unsigned char *der = NULL;
    struct slice text;
    int len = i2d_PUBKEY(ec_256, &der);
    assert_done(encode_base64(op, slice_of(der, (size_t)len), &text));
    OPENSSL_free(der);
    check_bare(op,
               op_text(op,
                       "<d:DEREncodedKeyValue xmlns:d=\"http://www.w3.org/2009/xmldsig11#\">%.*s"
                       "</d:DEREncodedKeyValue>",
                       SLICE(text)),
               ec_256);
}

static void a_bare_key_that_cannot_be_used_is_not(void **state) {
    struct op *op = *state;
    struct idp_import import;
    const struct slice bad[] = {
        rsa_value(op, rsa_1024),
        ec_value(op, ec_256, "urn:oid:1.3.132.0.34"), // a point of another curve
        ec_value(op, ec_256, "urn:oid:1.2.3"),
        S("<ds:KeyValue><ds:RSAKeyValue></ds:RSAKeyValue></ds:KeyValue>"),
        S("<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>!</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></"
          "ds:RSAKeyValue></ds:KeyValue>"),
        S("<ds:KeyValue><ds:DSAKeyValue></ds:DSAKeyValue></ds:KeyValue>"),
        S("<ds:KeyValue></ds:KeyValue>"),
        S("<ds:KeyName>only a name</ds:KeyName>"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(with_keys(op, key_info(op, "", bad[i]), &import), METADATA_NO_CERTIFICATE);
    }
}

static void a_certificate_wins_over_the_value_beside_it(void **state) {
    struct op *op = *state;
    struct idp_import import;
    // SLICE names its slice twice, and no two ECDSA signatures are equally long.
    struct slice certificate = x509(op, base64_of(op, ec_256, -10, 1000));
    struct slice both =
        op_text(op, "%.*s%.*s", SLICE(rsa_value(op, rsa_2048)), SLICE(certificate));
    assert_done(with_keys(op, key_info(op, "", both), &import));
    assert_int_equal(import.idp.certificates.count, 1);
    assert_false(certificate_at(&import, 0)->key_only);
}

static void keys_beyond_what_fits_are_left_out_with_a_warning(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice keys = S("");
    for (int i = 0; i < 22; i++) {
        struct slice one = key_info(op, "", x509(op, base64_of(op, ec_256, -10, 1000 + i)));
        keys = op_text(op, "%.*s%.*s", SLICE(keys), SLICE(one));
    }
    assert_done(with_keys(op, keys, &import));
    assert_int_equal(import.idp.certificates.count, CONNECTION_CERTIFICATES_MAX);
    assert_true(warned(&import, "more than 20 signing keys"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keys_for_signing_and_for_anything_count),
        TEST(certificates_stand_in_any_wrapping),
        TEST(several_certificates_of_one_key_descriptor_count_once_each),
        TEST(a_key_that_cannot_be_used_is_left_out_with_a_warning),
        TEST(dates_are_warnings),
        TEST(a_bare_key_is_enough),
        TEST(a_bare_key_that_cannot_be_used_is_not),
        TEST(a_certificate_wins_over_the_value_beside_it),
        TEST(keys_beyond_what_fits_are_left_out_with_a_warning),
    };
    return cmocka_run_group_tests(tests, make_idp_keys, free_idp_keys);
}
