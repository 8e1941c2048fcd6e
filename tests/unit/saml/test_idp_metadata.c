// SPDX-License-Identifier: GPL-3.0-or-later
// Run at the top of the source tree: the samples in metadata/ are imported.
#include "idp_unit.h"

#include "no_pool.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <unistd.h>

#include "saml/certificate.h"

#define MD "xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\""
#define DS "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\""
#define SAML2 "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\""
#define HTTP(kind) "urn:oasis:names:tc:SAML:2.0:bindings:" kind
#define SSO "<md:SingleSignOnService Binding=\"" HTTP("HTTP-Redirect") "\" Location=\"https://idp.example/sso\"/>"
#define ID "https://idp.example/metadata"

static reason import_of(struct op *op, struct slice xml, const char *wanted, struct idp_import *ret) {
    return idp_from_xml(op, NULL, xml, slice_str(wanted), ret);
}

static struct slice key_info(struct op *op, const char *use, struct slice inner) {
    return op_text(op, "<md:KeyDescriptor%s><ds:KeyInfo " DS ">%.*s</ds:KeyInfo></md:KeyDescriptor>", use,
                   SLICE(inner));
}
static struct slice x509(struct op *op, struct slice text) {
    return op_text(op, "<ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate></ds:X509Data>", SLICE(text));
}
static struct slice good_key(struct op *op) {
    return key_info(op, " use=\"signing\"", x509(op, base64_of(op, rsa_2048, -10, 1000)));
}
// An IdP by its id, the attributes of entity and role, and what stands in the role.
static struct slice entity(struct op *op, const char *id, const char *on_entity, const char *on_role,
                           struct slice keys, const char *endpoints) {
    return op_text(op, "<md:EntityDescriptor " MD " entityID=\"%s\"%s><md:IDPSSODescriptor " SAML2 "%s>%.*s%s"
                       "</md:IDPSSODescriptor></md:EntityDescriptor>", id, on_entity, on_role, SLICE(keys),
                   endpoints);
}
static struct slice plain(struct op *op) {
    return entity(op, ID, "", "", good_key(op), SSO);
}
static struct slice group(struct op *op, const char *attributes, struct slice inner) {
    return op_text(op, "<md:EntitiesDescriptor " MD "%s>%.*s</md:EntitiesDescriptor>", attributes, SLICE(inner));
}

// ---- samples ---------------------------------------------------------------------------------------------

static struct slice sample(struct op *op, const char *name) {
    char path[100];
    char *at = NULL;
    (void)snprintf(path, sizeof path, "metadata/%s.xml", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_msg("%s cannot be opened; run the tests at the top of the source tree", path);
    }
    assert_done(op_take(op, 100000, &at));
    ssize_t len = read(fd, at, 100000);
    (void)close(fd);
    assert_true(len > 0);
    return slice_of(at, (size_t)len);
}

static void all_samples_are_taken(void **state) {
    static const struct {
        const char *name, *entity_id, *sso;
        size_t sso_count, slo_count, certificates;
    } samples[] = {
        {"okta", "http://www.okta.com/exk0sample0sample0sa",
         "https://gatehouse-sample.okta.com/app/gatehouse-sample_gatehouse_1/exk0sample0sample0sa/sso/saml", 2, 2, 1},
        {"entra", "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
         "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/saml2", 2, 1, 2},
        {"adfs", "http://adfs.gatehouse-sample.example/adfs/services/trust",
         "https://adfs.gatehouse-sample.example/adfs/ls/", 2, 2, 1},
        {"google", "https://accounts.google.com/o/saml2?idpid=C00sample",
         "https://accounts.google.com/o/saml2/idp?idpid=C00sample", 2, 0, 1},
        {"keycloak", "https://keycloak.gatehouse-sample.example/realms/sample",
         "https://keycloak.gatehouse-sample.example/realms/sample/protocol/saml", 2, 2, 1},
        {"simplesamlphp", "https://idp.gatehouse-sample.example/simplesaml/saml2/idp/metadata.php",
         "https://idp.gatehouse-sample.example/simplesaml/saml2/idp/SSOService.php", 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct idp_import import;
        reason why = import_of(*state, sample(*state, samples[i].name), "", &import);
        if (why != NULL) {
            fail_msg("%s: %s: %.*s", samples[i].name, why->slug, SLICE(((struct op *)*state)->detail));
        }
        const struct endpoint *sso = import.idp.sso.at;
        assert_text(import.idp.entity_id, samples[i].entity_id);
        assert_text(sso[0].location, samples[i].sso);
        assert_int_equal(import.idp.sso.count, samples[i].sso_count);
        assert_int_equal(import.idp.slo.count, samples[i].slo_count);
        assert_int_equal(import.idp.certificates.count, samples[i].certificates);
        assert_int_equal(import.warnings.count, 0);
        assert_int_equal(import.idp.want_signed_requests, strcmp(samples[i].name, "keycloak") == 0);
        assert_int_equal(import.idp.updated_at, NOON);
        assert_text(import.idp.metadata_url, "");
    }
}

static void what_a_sample_says_is_kept(void **state) {
    struct idp_import import;
    int64_t until;
    assert_done(import_of(*state, sample(*state, "google"), "", &import));
    assert_true(clock_parse(S("2031-02-28T09:00:00Z"), &until));
    assert_int_equal(import.idp.valid_until, until);
    assert_done(import_of(*state, sample(*state, "simplesamlphp"), "", &import));
    check_endpoint(import.idp.slo, 0, BINDING_REDIRECT,
                   "https://idp.gatehouse-sample.example/simplesaml/saml2/idp/SingleLogoutService.php",
                   "https://idp.gatehouse-sample.example/simplesaml/saml2/idp/SingleLogoutService.php?answer=1");
    assert_done(import_of(*state, sample(*state, "adfs"), "", &import));
    assert_text(certificate_at(&import, 0)->subject, "CN=ADFS Signing - adfs.gatehouse-sample.example");
}

// ---- which IdP -------------------------------------------------------------------------------------------

static void one_idp_in_a_group_is_found(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_done(import_of(op, group(op, "", group(op, "", plain(op))), "", &import));
    assert_text(import.idp.entity_id, ID);
    struct slice others = op_text(op, "<md:EntityDescriptor entityID=\"https://sp.example/\"><md:SPSSODescriptor " SAML2
                                      "></md:SPSSODescriptor></md:EntityDescriptor>%.*s", SLICE(plain(op)));
    assert_done(import_of(op, group(op, "", others), "", &import));
    assert_text(import.idp.entity_id, ID);
}

static void of_several_one_has_to_be_chosen(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice two = op_text(op, "%.*s%.*s", SLICE(plain(op)),
                               SLICE(entity(op, "https://b.example/", "", "", good_key(op), SSO)));
    assert_refused(import_of(op, group(op, "", two), "", &import), METADATA_NO_IDP);
    assert_true(said(op, ID ", https://b.example/"));
    assert_done(import_of(op, group(op, "", two), "https://b.example/", &import));
    assert_text(import.idp.entity_id, "https://b.example/");
    assert_refused(import_of(op, group(op, "", two), "https://c.example/", &import), METADATA_NO_IDP);
    assert_true(said(op, "no identity provider \"https://c.example/\""));
    assert_refused(import_of(op, plain(op), "https://c.example/", &import), METADATA_NO_IDP);
    struct slice twice = op_text(op, "%.*s%.*s", SLICE(plain(op)), SLICE(plain(op)));
    assert_refused(import_of(op, group(op, "", twice), ID, &import), METADATA_MALFORMED);
}

static void at_most_ten_are_named(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice all = S("");
    for (int i = 0; i < 12; i++) {
        char id[40];
        (void)snprintf(id, sizeof id, "https://idp%d.example/", i);
        all = op_text(op, "%.*s%.*s", SLICE(all), SLICE(entity(op, id, "", "", S(""), "")));
    }
    assert_refused(import_of(op, group(op, "", all), "", &import), METADATA_NO_IDP);
    assert_true(said(op, "https://idp9.example/ and 2 more"));
    assert_int_equal(slice_find(op->detail, S("idp10")), SIZE_MAX);
}

static void metadata_without_an_idp_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_refused(import_of(op, S("<md:EntityDescriptor " MD " entityID=\"x\"><md:SPSSODescriptor " SAML2
                                   "></md:SPSSODescriptor></md:EntityDescriptor>"), "", &import), METADATA_NO_IDP);
    assert_true(said(op, "service provider"));
    assert_refused(import_of(op, S("<md:EntityDescriptor " MD " entityID=\"x\"><md:IDPSSODescriptor "
                                   "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\">"
                                   "</md:IDPSSODescriptor></md:EntityDescriptor>"), "", &import), METADATA_NO_IDP);
    assert_refused(import_of(op, group(op, "", S("")), "", &import), METADATA_NO_IDP);
    assert_true(said(op, "0 entities"));
}

static void saml_2_may_be_one_of_several_protocols(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice xml = op_text(op, "<md:EntityDescriptor " MD " entityID=\"x\"><md:IDPSSODescriptor "
                               "protocolSupportEnumeration=\"urn:mace:shibboleth:1.0  urn:oasis:names:tc:SAML:2.0:protocol "
                               "\">%.*s" SSO "</md:IDPSSODescriptor></md:EntityDescriptor>", SLICE(good_key(op)));
    assert_done(import_of(op, xml, "", &import));
}

// ---- keys ------------------------------------------------------------------------------------------------

static reason with_keys(struct op *op, struct slice keys, struct idp_import *ret) {
    return import_of(op, entity(op, ID, "", "", keys, SSO), "", ret);
}

static void keys_for_signing_and_for_anything_count(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice a = x509(op, base64_of(op, rsa_2048, -10, 1000));
    struct slice b = x509(op, base64_of(op, ec_256, -10, 1000));
    assert_done(with_keys(op, op_text(op, "%.*s%.*s", SLICE(key_info(op, "", a)),
                                      SLICE(key_info(op, " use=\"encryption\"", b))), &import));
    assert_int_equal(import.idp.certificates.count, 1);
    assert_done(with_keys(op, op_text(op, "%.*s%.*s", SLICE(key_info(op, " use=\"signing\"", a)),
                                      SLICE(key_info(op, " use=\"signing\"", b))), &import));
    assert_int_equal(import.idp.certificates.count, 2);
    assert_refused(with_keys(op, key_info(op, " use=\"encryption\"", b), &import), METADATA_NO_CERTIFICATE);
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
    assert_done(with_keys(op, key_info(op, "", x509(op, pem_of(op, rsa_2048, -10, 1000))), &import));
}

static void several_certificates_of_one_key_descriptor_count_once_each(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice a = base64_of(op, rsa_2048, -10, 1000);
    struct slice b = base64_of(op, ec_256, -10, 1000);
    struct slice inner = op_text(op, "<ds:KeyName>k</ds:KeyName><ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate>"
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
    assert_done(with_keys(op, op_text(op, "%.*s%.*s%.*s%.*s", SLICE(weak), SLICE(odd), SLICE(junk),
                                      SLICE(good_key(op))), &import));
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
    assert_done(with_keys(op, key_info(op, "", x509(op, base64_of(op, rsa_2048, -100, -1))), &import));
    assert_true(warned(&import, "expired on 2026-11-20"));
    assert_done(with_keys(op, key_info(op, "", x509(op, base64_of(op, rsa_2048, -100, 29))), &import));
    assert_true(warned(&import, "expires on 2026-12-20"));
    assert_done(with_keys(op, key_info(op, "", x509(op, base64_of(op, rsa_2048, -100, 31))), &import));
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
    return op_text(op, "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>\n%.*s</ds:Modulus><ds:Exponent>%.*s</ds:Exponent>"
                       "</ds:RSAKeyValue></ds:KeyValue>", SLICE(number_of(op, key, OSSL_PKEY_PARAM_RSA_N)),
                   SLICE(number_of(op, key, OSSL_PKEY_PARAM_RSA_E)));
}
static struct slice ec_value(struct op *op, const EVP_PKEY *key, const char *curve) {
    unsigned char point[300];
    size_t len = 0;
    struct slice text;
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len), 1);
    assert_done(encode_base64(op, slice_of(point, len), &text));
    return op_text(op, "<ds:KeyValue><e:ECKeyValue xmlns:e=\"http://www.w3.org/2009/xmldsig11#\"><e:NamedCurve URI=\"%s\"/>"
                       "<e:PublicKey>%.*s</e:PublicKey></e:ECKeyValue></ds:KeyValue>", curve, SLICE(text));
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
    check_bare(op, op_text(op, "<d:DEREncodedKeyValue xmlns:d=\"http://www.w3.org/2009/xmldsig11#\">%.*s"
                               "</d:DEREncodedKeyValue>", SLICE(text)), ec_256);
}

static void a_bare_key_that_cannot_be_used_is_not(void **state) {
    struct op *op = *state;
    struct idp_import import;
    const struct slice bad[] = {
        rsa_value(op, rsa_1024),
        ec_value(op, ec_256, "urn:oid:1.3.132.0.34"), // a point of another curve
        ec_value(op, ec_256, "urn:oid:1.2.3"),
        S("<ds:KeyValue><ds:RSAKeyValue></ds:RSAKeyValue></ds:KeyValue>"),
        S("<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>!</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"),
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
    struct slice both = op_text(op, "%.*s%.*s", SLICE(rsa_value(op, rsa_2048)),
                                SLICE(x509(op, base64_of(op, ec_256, -10, 1000))));
    assert_done(with_keys(op, key_info(op, "", both), &import));
    assert_int_equal(import.idp.certificates.count, 1);
    assert_false(certificate_at(&import, 0)->key_only);
}

static void keys_beyond_what_fits_are_left_out_with_a_warning(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice keys = S("");
    for (int i = 0; i < 22; i++) {
        keys = op_text(op, "%.*s%.*s", SLICE(keys),
                       SLICE(key_info(op, "", x509(op, base64_of(op, ec_256, -10, 1000 + i)))));
    }
    assert_done(with_keys(op, keys, &import));
    assert_int_equal(import.idp.certificates.count, CONNECTION_CERTIFICATES_MAX);
    assert_true(warned(&import, "more than 20 signing keys"));
}

// ---- endpoints -------------------------------------------------------------------------------------------

static reason with_endpoints(struct op *op, const char *endpoints, struct idp_import *ret) {
    return import_of(op, entity(op, ID, "", "", good_key(op), endpoints), "", ret);
}

static void only_addresses_that_browsers_may_be_sent_to_are_taken(void **state) {
    static const char *const bad[] = {"http://idp.example/sso", "javascript:alert(1)", "data:text/html,x", "",
                                      "https://anna:x@idp.example/", "https://idp.example/#x", "/sso",
                                      "//idp.example/sso", "https://idp.example/a b", "http://localhost.evil.example/"};
    struct op *op = *state;
    struct idp_import import;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *text;
        assert_done(op_cstr(op, op_text(op, SSO "<md:SingleSignOnService Binding=\"" HTTP("HTTP-POST")
                                            "\" Location=\"%s\"/>", bad[i]), &text));
        assert_refused(with_endpoints(op, text, &import), METADATA_LOCATION);
        assert_done(op_cstr(op, op_text(op, SSO "<md:SingleLogoutService Binding=\"" HTTP("HTTP-POST")
                                            "\" Location=\"https://idp.example/slo\" ResponseLocation=\"%s\"/>",
                                        bad[i]), &text));
        reason why = with_endpoints(op, text, &import);
        check_reason(why, bad[i][0] == 0 ? NULL : REASON_OF(METADATA_LOCATION), __FILE__, __LINE__);
    }
    assert_done(with_endpoints(op, "<md:SingleSignOnService Binding=\"" HTTP("HTTP-POST")
                                   "\" Location=\"http://127.0.0.1:8081/sso\"/>", &import));
    assert_true(warned(&import, "without https"));
    check_endpoint(import.idp.sso, 0, BINDING_POST, "http://127.0.0.1:8081/sso", "");
}

static void an_idp_needs_an_address_for_a_binding_of_ours(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_refused(with_endpoints(op, "", &import), METADATA_NO_SSO_ENDPOINT);
    assert_refused(with_endpoints(op, "<md:SingleSignOnService Binding=\"" HTTP("SOAP")
                                      "\" Location=\"gopher://idp.example/\"/>", &import), METADATA_NO_SSO_ENDPOINT);
    assert_true(said(op, "only " HTTP("SOAP")));
    assert_done(with_endpoints(op, SSO "<md:SingleSignOnService Binding=\"" HTTP("SOAP")
                                       "\" Location=\"http://idp.example/\"/>", &import));
    assert_int_equal(import.idp.sso.count, 1);
}

static void addresses_beyond_what_fits_are_left_out_with_a_warning(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice many = S("");
    const char *text;
    for (int i = 0; i < 17; i++) {
        many = op_text(op, "%.*s" SSO, SLICE(many));
    }
    assert_done(op_cstr(op, many, &text));
    assert_done(with_endpoints(op, text, &import));
    assert_int_equal(import.idp.sso.count, CONNECTION_ENDPOINTS_MAX);
    assert_true(warned(&import, "more than 16 addresses"));
}

static void whether_requests_must_be_signed_is_read(void **state) {
    static const struct {
        const char *attribute;
        bool wants;
    } cases[] = {{"", false}, {" WantAuthnRequestsSigned=\"true\"", true}, {" WantAuthnRequestsSigned=\"1\"", true},
                 {" WantAuthnRequestsSigned=\"false\"", false}, {" WantAuthnRequestsSigned=\"0\"", false}};
    struct op *op = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct idp_import import;
        assert_done(import_of(op, entity(op, ID, "", cases[i].attribute, good_key(op), SSO), "", &import));
        assert_int_equal(import.idp.want_signed_requests, cases[i].wants);
    }
}

// ---- how long --------------------------------------------------------------------------------------------

#define UNTIL(time) " validUntil=\"" time "\""

static void the_earliest_end_counts(void **state) {
    struct op *op = *state;
    struct idp_import import;
    int64_t day;
    assert_true(clock_parse(S("2027-03-01T00:00:00Z"), &day));
    static const char *const cases[][4] = {
        {UNTIL("2027-03-01T00:00:00Z"), UNTIL("2028-01-01T00:00:00Z"), "", UNTIL("2029-01-01T00:00:00Z")},
        {UNTIL("2028-01-01T00:00:00Z"), UNTIL("2027-03-01T00:00:00Z"), "", ""},
        {"", "", UNTIL("2027-03-01T00:00:00Z"), ""},
        {UNTIL("2028-01-01T00:00:00Z"), "", UNTIL("2029-01-01T00:00:00Z"), UNTIL("2027-03-01T00:00:00Z")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice inner = entity(op, ID, cases[i][2], cases[i][3], good_key(op), SSO);
        assert_done(import_of(op, group(op, cases[i][0], group(op, cases[i][1], inner)), "", &import));
        assert_int_equal(import.idp.valid_until, day);
    }
    // What ended beside it is nothing to it.
    struct slice both = op_text(op, "%.*s%.*s", SLICE(group(op, UNTIL("2020-01-01T00:00:00Z"), S(""))),
                                SLICE(plain(op)));
    assert_done(import_of(op, group(op, "", both), "", &import));
    assert_int_equal(import.idp.valid_until, 0);
}

static void what_has_ended_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_done(import_of(op, entity(op, ID, UNTIL("2026-11-21T15:57:01Z"), "", good_key(op), SSO), "", &import));
    assert_true(warned(&import, "valid until"));
    assert_refused(import_of(op, entity(op, ID, UNTIL("2026-11-21T15:57:00Z"), "", good_key(op), SSO), "", &import),
                   METADATA_EXPIRED);
    assert_true(said(op, "2026-11-21T15:57:00"));
    assert_refused(import_of(op, entity(op, ID, UNTIL("1970-01-01T00:00:00Z"), "", good_key(op), SSO), "", &import),
                   METADATA_EXPIRED);
    assert_refused(import_of(op, entity(op, ID, UNTIL("soon"), "", good_key(op), SSO), "", &import),
                   METADATA_MALFORMED);
    assert_refused(import_of(op, entity(op, ID, UNTIL(""), "", good_key(op), SSO), "", &import), METADATA_MALFORMED);
}

// ---- what it is instead ----------------------------------------------------------------------------------

static void what_is_no_metadata_is_named(void **state) {
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"", "empty"},
        {" \n ", "empty"},
        {"https://idp.example/metadata", "a URL"},
        {"\n <!DOCTYPE html><html>", "web page"},
        {"<html><body>Sign in</body></html>", "web page"},
        {"<h:HTML xmlns:h=\"http://www.w3.org/1999/xhtml\"/>", "web page"},
        {"{\"issuer\":\"https://idp.example\"}", "OpenID Connect"},
        {"-----BEGIN CERTIFICATE-----\nMIIC", "certificates"},
        {"PD94bWwgdmVyc2lvbj0iMS4wIj8+", "base64"},
        {"PG1kOkVudGl0eURlc2NyaXB0b3I+", "base64"},
        {"PK\x03\x04zip", "ZIP"},
        {"hello", "precedes the document element"},
        {"<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>", "SAML message"},
        {"<EntityDescriptor entityID=\"x\"/>", "EntityDescriptor in namespace \"\""},
        {"<md:EntityDescriptor " MD "/>", "entityID"},
        {"<md:EntityDescriptor " MD " entityID=\"x\"><md:IDPSSODescriptor>", "byte"},
        {"<md:EntitiesDescriptor " MD ">text</md:EntitiesDescriptor>", "text stands"},
    };
    struct op *op = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct idp_import import;
        assert_refused(import_of(op, slice_str(cases[i].text), "", &import), METADATA_MALFORMED);
        assert_true(said(op, cases[i].said));
    }
}

static void a_dtd_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice xml = op_text(op, "<!DOCTYPE x [<!ENTITY a \"b\">]>%.*s", SLICE(plain(op)));
    assert_refused(import_of(op, xml, "", &import), METADATA_DTD_FORBIDDEN);
}

static void a_document_that_is_too_large_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import import;
    char *at = NULL;
    assert_done(op_take(op, METADATA_XML_MAX + 1, &at));
    memset(at, ' ', METADATA_XML_MAX + 1);
    assert_refused(import_of(op, slice_of(at, METADATA_XML_MAX + 1), "", &import), METADATA_MALFORMED);
    assert_true(said(op, "federation"));
}

static void an_entity_id_has_bounds(void **state) {
    struct op *op = *state;
    struct idp_import import;
    char id[1026] = "";
    memset(id, 'x', 1024);
    assert_done(import_of(op, entity(op, id, "", "", good_key(op), SSO), "", &import));
    id[1024] = 'x';
    assert_refused(import_of(op, entity(op, id, "", "", good_key(op), SSO), "", &import), METADATA_MALFORMED);
    assert_refused(import_of(op, entity(op, "", "", "", good_key(op), SSO), "", &import), METADATA_MALFORMED);
    assert_refused(import_of(op, entity(op, "a&#xA;b", "", "", good_key(op), SSO), "", &import), METADATA_MALFORMED);
}

static void groups_in_groups_end_at_the_readers_depth(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice xml = plain(op);
    for (int i = 0; i < 80; i++) {
        xml = group(op, "", xml);
        if (i == 20) {
            assert_done(import_of(op, xml, "", &import));
        }
    }
    assert_refused(import_of(op, xml, "", &import), METADATA_MALFORMED);
}

static void what_a_byte_changes_never_breaks_anything_else(void **state) {
    struct op *op = *state;
    struct slice xml = sample(op, "simplesamlphp");
    for (size_t at = 0; at < xml.len; at += 7) {
        struct op own;
        struct idp_import import;
        struct slice changed;
        op_open(&own, NOON);
        assert_done(op_copy(&own, xml, &changed));
        ((char *)(uintptr_t)changed.at)[at] = '"';
        reason why = import_of(&own, changed, "", &import);
        assert_true(why == NULL || why->class == CLASS_INPUT);
        why = import_of(&own, slice_sub(xml, 0, at), "", &import);
        assert_true(why != NULL && why->class == CLASS_INPUT);
        op_close(&own);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_samples_are_taken),
        TEST(what_a_sample_says_is_kept),
        TEST(one_idp_in_a_group_is_found),
        TEST(of_several_one_has_to_be_chosen),
        TEST(at_most_ten_are_named),
        TEST(metadata_without_an_idp_is_refused),
        TEST(saml_2_may_be_one_of_several_protocols),
        TEST(keys_for_signing_and_for_anything_count),
        TEST(certificates_stand_in_any_wrapping),
        TEST(several_certificates_of_one_key_descriptor_count_once_each),
        TEST(a_key_that_cannot_be_used_is_left_out_with_a_warning),
        TEST(dates_are_warnings),
        TEST(a_bare_key_is_enough),
        TEST(a_bare_key_that_cannot_be_used_is_not),
        TEST(a_certificate_wins_over_the_value_beside_it),
        TEST(keys_beyond_what_fits_are_left_out_with_a_warning),
        TEST(only_addresses_that_browsers_may_be_sent_to_are_taken),
        TEST(an_idp_needs_an_address_for_a_binding_of_ours),
        TEST(addresses_beyond_what_fits_are_left_out_with_a_warning),
        TEST(whether_requests_must_be_signed_is_read),
        TEST(the_earliest_end_counts),
        TEST(what_has_ended_is_refused),
        TEST(what_is_no_metadata_is_named),
        TEST(a_dtd_is_refused),
        TEST(a_document_that_is_too_large_is_refused),
        TEST(an_entity_id_has_bounds),
        TEST(groups_in_groups_end_at_the_readers_depth),
        TEST(what_a_byte_changes_never_breaks_anything_else),
    };
    return cmocka_run_group_tests(tests, make_idp_keys, free_idp_keys);
}
