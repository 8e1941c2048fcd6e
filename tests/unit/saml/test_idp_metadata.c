// SPDX-License-Identifier: GPL-3.0-or-later
// Run at the top of the source tree: the samples in metadata/ are imported.
#include "idp_xml.h"

#include <fcntl.h>
#include <unistd.h>

// ---- samples ----------------------------------------------------------------------------------

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
         "https://gatehouse-sample.okta.com/app/gatehouse-sample_gatehouse_1/exk0sample0sample0sa/"
         "sso/saml",
         2, 2, 1},
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
            fail_msg("%s: %s: %.*s", samples[i].name, why->slug,
                     SLICE(((struct op *)*state)->detail));
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
    check_endpoint(
        import.idp.slo, 0, BINDING_REDIRECT,
        "https://idp.gatehouse-sample.example/simplesaml/saml2/idp/SingleLogoutService.php",
        "https://idp.gatehouse-sample.example/simplesaml/saml2/idp/"
        "SingleLogoutService.php?answer=1");
    assert_done(import_of(*state, sample(*state, "adfs"), "", &import));
    assert_text(certificate_at(&import, 0)->subject,
                "CN=ADFS Signing - adfs.gatehouse-sample.example");
}

// ---- which IdP --------------------------------------------------------------------------------

static void one_idp_in_a_group_is_found(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_done(import_of(op, group(op, "", group(op, "", plain(op))), "", &import));
    assert_text(import.idp.entity_id, ID);
    struct slice others =
        op_text(op,
                "<md:EntityDescriptor entityID=\"https://sp.example/\"><md:SPSSODescriptor " SAML2
                "></md:SPSSODescriptor></md:EntityDescriptor>%.*s",
                SLICE(plain(op)));
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
    assert_refused(import_of(op, group(op, "", two), "https://c.example/", &import),
                   METADATA_NO_IDP);
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
    assert_refused(
        import_of(op,
                  S("<md:EntityDescriptor " MD " entityID=\"x\"><md:SPSSODescriptor " SAML2
                    "></md:SPSSODescriptor></md:EntityDescriptor>"),
                  "", &import),
        METADATA_NO_IDP);
    assert_true(said(op, "service provider"));
    assert_refused(
        import_of(op,
                  S("<md:EntityDescriptor " MD " entityID=\"x\"><md:IDPSSODescriptor "
                    "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\">"
                    "</md:IDPSSODescriptor></md:EntityDescriptor>"),
                  "", &import),
        METADATA_NO_IDP);
    assert_refused(import_of(op, group(op, "", S("")), "", &import), METADATA_NO_IDP);
    assert_true(said(op, "0 entities"));
}

static void saml_2_may_be_one_of_several_protocols(void **state) {
    struct op *op = *state;
    struct idp_import import;
    struct slice xml = op_text(op,
                               "<md:EntityDescriptor " MD " entityID=\"x\"><md:IDPSSODescriptor "
                               "protocolSupportEnumeration=\"urn:mace:shibboleth:1.0  "
                               "urn:oasis:names:tc:SAML:2.0:protocol "
                               "\">%.*s" SSO "</md:IDPSSODescriptor></md:EntityDescriptor>",
                               SLICE(good_key(op)));
    assert_done(import_of(op, xml, "", &import));
}

// ---- endpoints --------------------------------------------------------------------------------

static reason with_endpoints(struct op *op, const char *endpoints, struct idp_import *ret) {
    return import_of(op, entity(op, ID, "", "", good_key(op), endpoints), "", ret);
}

static void only_addresses_that_browsers_may_be_sent_to_are_taken(void **state) {
    static const char *const bad[] = {"http://idp.example/sso",
                                      "javascript:alert(1)",
                                      "data:text/html,x",
                                      "",
                                      "https://anna:x@idp.example/",
                                      "https://idp.example/#x",
                                      "/sso",
                                      "//idp.example/sso",
                                      "https://idp.example/a b",
                                      "http://localhost.evil.example/"};
    struct op *op = *state;
    struct idp_import import;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *text;
        assert_done(op_cstr(op,
                            op_text(op,
                                    SSO "<md:SingleSignOnService Binding=\"" HTTP(
                                        "HTTP-POST") "\" Location=\"%s\"/>",
                                    bad[i]),
                            &text));
        assert_refused(with_endpoints(op, text, &import), METADATA_LOCATION);
        assert_done(op_cstr(op,
                            op_text(op,
                                    SSO "<md:SingleLogoutService Binding=\"" HTTP(
                                        "HTTP-POST") "\" Location=\"https://idp.example/slo\" "
                                                     "ResponseLocation=\"%s\"/>",
                                    bad[i]),
                            &text));
        reason why = with_endpoints(op, text, &import);
        check_reason(why, bad[i][0] == 0 ? NULL : REASON_OF(METADATA_LOCATION), __FILE__, __LINE__);
    }
    assert_done(with_endpoints(op,
                               "<md:SingleSignOnService Binding=\"" HTTP(
                                   "HTTP-POST") "\" Location=\"http://127.0.0.1:8081/sso\"/>",
                               &import));
    assert_true(warned(&import, "without https"));
    check_endpoint(import.idp.sso, 0, BINDING_POST, "http://127.0.0.1:8081/sso", "");
}

static void an_idp_needs_an_address_for_a_binding_of_ours(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_refused(with_endpoints(op, "", &import), METADATA_NO_SSO_ENDPOINT);
    assert_refused(with_endpoints(op,
                                  "<md:SingleSignOnService Binding=\"" HTTP(
                                      "SOAP") "\" Location=\"gopher://idp.example/\"/>",
                                  &import),
                   METADATA_NO_SSO_ENDPOINT);
    assert_true(said(op, "only " HTTP("SOAP")));
    assert_done(with_endpoints(op,
                               SSO "<md:SingleSignOnService Binding=\"" HTTP(
                                   "SOAP") "\" Location=\"http://idp.example/\"/>",
                               &import));
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
    } cases[] = {{"", false},
                 {" WantAuthnRequestsSigned=\"true\"", true},
                 {" WantAuthnRequestsSigned=\"1\"", true},
                 {" WantAuthnRequestsSigned=\"false\"", false},
                 {" WantAuthnRequestsSigned=\"0\"", false}};
    struct op *op = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct idp_import import;
        assert_done(
            import_of(op, entity(op, ID, "", cases[i].attribute, good_key(op), SSO), "", &import));
        assert_int_equal(import.idp.want_signed_requests, cases[i].wants);
    }
}

// ---- how long ---------------------------------------------------------------------------------

#define UNTIL(time) " validUntil=\"" time "\""

static void the_earliest_end_counts(void **state) {
    struct op *op = *state;
    struct idp_import import;
    int64_t day;
    assert_true(clock_parse(S("2027-03-01T00:00:00Z"), &day));
    static const char *const cases[][4] = {
        {UNTIL("2027-03-01T00:00:00Z"), UNTIL("2028-01-01T00:00:00Z"), "",
         UNTIL("2029-01-01T00:00:00Z")},
        {UNTIL("2028-01-01T00:00:00Z"), UNTIL("2027-03-01T00:00:00Z"), "", ""},
        {"", "", UNTIL("2027-03-01T00:00:00Z"), ""},
        {UNTIL("2028-01-01T00:00:00Z"), "", UNTIL("2029-01-01T00:00:00Z"),
         UNTIL("2027-03-01T00:00:00Z")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice inner = entity(op, ID, cases[i][2], cases[i][3], good_key(op), SSO);
        assert_done(
            import_of(op, group(op, cases[i][0], group(op, cases[i][1], inner)), "", &import));
        assert_int_equal(import.idp.valid_until, day);
    }
    // What ended beside it is nothing to it.
    struct slice both = op_text(
        op, "%.*s%.*s", SLICE(group(op, UNTIL("2020-01-01T00:00:00Z"), S(""))), SLICE(plain(op)));
    assert_done(import_of(op, group(op, "", both), "", &import));
    assert_int_equal(import.idp.valid_until, 0);
}

static void what_has_ended_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import import;
    assert_done(import_of(op, entity(op, ID, UNTIL("2026-11-21T15:57:01Z"), "", good_key(op), SSO),
                          "", &import));
    assert_true(warned(&import, "valid until"));
    assert_refused(import_of(op,
                             entity(op, ID, UNTIL("2026-11-21T15:57:00Z"), "", good_key(op), SSO),
                             "", &import),
                   METADATA_EXPIRED);
    assert_true(said(op, "2026-11-21T15:57:00"));
    assert_refused(import_of(op,
                             entity(op, ID, UNTIL("1970-01-01T00:00:00Z"), "", good_key(op), SSO),
                             "", &import),
                   METADATA_EXPIRED);
    assert_refused(import_of(op, entity(op, ID, UNTIL("soon"), "", good_key(op), SSO), "", &import),
                   METADATA_MALFORMED);
    assert_refused(import_of(op, entity(op, ID, UNTIL(""), "", good_key(op), SSO), "", &import),
                   METADATA_MALFORMED);
}

// ---- what it is instead -----------------------------------------------------------------------

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
    assert_refused(import_of(op, slice_of(at, METADATA_XML_MAX + 1), "", &import),
                   METADATA_MALFORMED);
    assert_true(said(op, "federation"));
}

static void an_entity_id_has_bounds(void **state) {
    struct op *op = *state;
    struct idp_import import;
    char id[1026] = "";
    memset(id, 'x', 1024);
    assert_done(import_of(op, entity(op, id, "", "", good_key(op), SSO), "", &import));
    id[1024] = 'x';
    assert_refused(import_of(op, entity(op, id, "", "", good_key(op), SSO), "", &import),
                   METADATA_MALFORMED);
    assert_refused(import_of(op, entity(op, "", "", "", good_key(op), SSO), "", &import),
                   METADATA_MALFORMED);
    assert_refused(import_of(op, entity(op, "a&#xA;b", "", "", good_key(op), SSO), "", &import),
                   METADATA_MALFORMED);
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
