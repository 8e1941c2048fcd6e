// SPDX-License-Identifier: GPL-3.0-or-later
#include "sp_unit.h"

static struct slice metadata(struct op *op, const struct connection *connection) {
    struct sp sp = unit_sp(op);
    struct slice xml;
    assert_done(sp_metadata(op, &sp, connection, unit_keys, &xml));
    return xml;
}

static void the_addresses_come_from_public_url_and_slug(void **state) {
    struct sp sp;
    assert_done(sp_addresses(*state, S("https://gate.example/base/"), S("acme-okta"), &sp));
    assert_text(sp.entity_id, "https://gate.example/base/saml/acme-okta");
    assert_text(sp.acs_url, "https://gate.example/base/saml/acme-okta/acs");
    assert_text(sp.slo_url, "https://gate.example/base/saml/acme-okta/slo");
    assert_text(sp.login_url, "https://gate.example/base/saml/acme-okta/login");
    assert_text(sp.metadata_url, "https://gate.example/base/saml/acme-okta/metadata");
    assert_refused(sp_addresses(*state, S("https://gate.example"), S("no_slug"), &sp), INTERNAL);
}

static void the_signature_holds_for_xmlsec1(void **state) {
    struct unit_connection unit;
    struct slice xml = metadata(*state, unit_connection(&unit));
    assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_METADATA));
    assert_false(xmlsec1_agrees(xml, "saml-encryption.crt", ROOT_METADATA));
    struct slice changed = replaced(*state, xml, "/acs\"", "/acz\"");
    assert_false(xmlsec1_agrees(changed, "saml-signing.crt", ROOT_METADATA));
}

// Names of the children of the element at `depth`, one after the other.
static struct slice children(struct op *op, struct reader *reader) {
    struct slice names = S("");
    size_t depth = reader->depth;
    while (reader_child(reader, depth)) {
        names = op_text(op, "%.*s %.*s", SLICE(names), SLICE(reader->local));
        assert_true(reader_skip(reader));
    }
    assert_null(reader->fault);
    return names;
}

static void the_elements_stand_in_the_order_of_the_schema(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    connection->policy.name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
    struct slice xml = metadata(*state, connection);
    struct reader reader;
    reader_open(&reader, xml);
    assert_int_equal(reader_next(&reader), READER_START);
    assert_true(reader_at(&reader, NS_MD, "EntityDescriptor"));
    struct slice value;
    assert_done(reader_attribute(*state, &reader, "entityID", &value));
    assert_text(value, "https://gate.example/saml/acme-okta");
    assert_done(reader_attribute(*state, &reader, "validUntil", &value));
    assert_null(value.at);
    assert_text(children(*state, &reader), " Signature Extensions SPSSODescriptor");
    assert_int_equal(reader_next(&reader), READER_DONE);
    reader_open(&reader, xml);
    while (reader_next(&reader) == READER_START || !reader_at(&reader, NS_MD, "SPSSODescriptor")) {
        assert_null(reader.fault);
        if (reader_at(&reader, NS_MD, "SPSSODescriptor")) {
            break;
        }
    }
    assert_text(children(*state, &reader),
                " KeyDescriptor KeyDescriptor SingleLogoutService SingleLogoutService NameIDFormat"
                " AssertionConsumerService");
}

static void it_names_the_doors(void **state) {
    struct unit_connection unit;
    struct slice xml = metadata(*state, unit_connection(&unit));
    assert_holds(
        xml,
        "<md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" "
        "Location=\"https://gate.example/saml/acme-okta/acs\" index=\"0\" isDefault=\"true\">");
    assert_holds(
        xml,
        "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" "
        "Location=\"https://gate.example/saml/acme-okta/slo\">");
    assert_holds(
        xml, "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" "
             "Location=\"https://gate.example/saml/acme-okta/slo\">");
    assert_holds_no(xml, "NameIDFormat");
}

static void it_names_both_keys_and_the_algorithms(void **state) {
    struct op *op = *state;
    struct unit_connection unit;
    struct slice xml = metadata(op, unit_connection(&unit));
    struct slice signing = op_text(op,
                                   "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"" NS_DS
                                   "\"><ds:X509Data><ds:X509Certificate>%.*s<",
                                   SLICE(sp_signing_certificate(unit_keys)));
    assert_true(slice_find(xml, signing) != SIZE_MAX);
    struct slice encryption =
        op_text(op,
                "<md:KeyDescriptor use=\"encryption\"><ds:KeyInfo xmlns:ds=\"" NS_DS
                "\"><ds:X509Data><ds:X509Certificate>%.*s<",
                SLICE(sp_encryption_certificate(unit_keys)));
    assert_true(slice_find(xml, encryption) != SIZE_MAX);
    size_t rsa =
        slice_find(xml, S("SigningMethod xmlns:alg=\"urn:oasis:names:tc:SAML:metadata:algsupport\" "
                          "Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\""));
    size_t ecdsa = slice_find(xml, S("xmldsig-more#ecdsa-sha512"));
    assert_true(rsa < ecdsa && ecdsa != SIZE_MAX);
    assert_holds(xml, "DigestMethod xmlns:alg=\"urn:oasis:names:tc:SAML:metadata:algsupport\" "
                      "Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"");
    assert_holds_no(xml, "sha1");
    assert_holds(xml, "xmlenc11#aes256-gcm");
    assert_holds(xml, "xmlenc#rsa-oaep-mgf1p");
    assert_holds_no(xml, "rsa-1_5");
}

static void cbc_is_offered_only_where_the_policy_takes_it(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct slice xml = metadata(*state, connection);
    assert_true(slice_find(xml, S("aes128-gcm")) < slice_find(xml, S("aes256-cbc")));
    assert_holds(xml, "aes128-cbc");
    connection->policy.allow_cbc = false;
    assert_holds_no(metadata(*state, connection), "-cbc");
}

static void the_flags_follow_the_policy(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    assert_holds(metadata(*state, connection),
                 "AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\"");
    connection->policy.want = WANT_ASSERTION;
    connection->policy.sign_requests = false;
    assert_holds(metadata(*state, connection),
                 "AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"true\"");
    connection->policy.want = WANT_BOTH;
    connection->idp.want_signed_requests = true;
    assert_holds(metadata(*state, connection),
                 "AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\"");
    connection->policy.want = WANT_RESPONSE;
    assert_holds(metadata(*state, connection), "WantAssertionsSigned=\"false\"");
}

static void values_are_escaped_and_still_verify(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    connection->policy.name_id_format = S("urn:x:\"<&>'\t\r\n\xC3\xA4");
    struct sp sp = unit_sp(*state);
    sp.entity_id = S("https://gate.example/?a=1&b=\"<>'\t");
    struct slice xml;
    assert_done(sp_metadata(*state, &sp, connection, unit_keys, &xml));
    assert_holds(xml, "entityID=\"https://gate.example/?a=1&amp;b=&quot;&lt;>'&#x9;\"");
    assert_holds(xml, ">urn:x:\"&lt;&amp;&gt;'\t&#xD;\n\xC3\xA4<");
    assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_METADATA));
}

// What is told stands where the schema has it.
static void it_tells_of_the_operator_what_is_configured(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    assert_holds_no(metadata(*state, connection), "UIInfo");
    struct sp_about about = {S("Gate & <House>"), S("saml@gate.example"), S("https://gate.example/p?a=1&b"),
                             S("data:image/png;base64,AAAA"), 120, 60};
    struct sp sp = unit_sp(*state);
    struct slice xml;
    sp.about = &about;
    assert_done(sp_metadata(*state, &sp, connection, unit_keys, &xml));
    assert_holds(xml, "<md:Extensions><mdui:UIInfo xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\">"
                      "<mdui:DisplayName xml:lang=\"en\">Gate &amp; &lt;House&gt;</mdui:DisplayName>"
                      "<mdui:Logo height=\"60\" width=\"120\">data:image/png;base64,AAAA</mdui:Logo>"
                      "<mdui:PrivacyStatementURL xml:lang=\"en\">https://gate.example/p?a=1&amp;b"
                      "</mdui:PrivacyStatementURL></mdui:UIInfo></md:Extensions><md:KeyDescriptor");
    assert_holds(xml, "</md:SPSSODescriptor><md:ContactPerson contactType=\"technical\">"
                      "<md:EmailAddress>mailto:saml@gate.example</md:EmailAddress></md:ContactPerson>");
    assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_METADATA));
    about = (struct sp_about){.product = S("Gate")};
    assert_done(sp_metadata(*state, &sp, connection, unit_keys, &xml));
    assert_holds(xml, ">Gate</mdui:DisplayName></mdui:UIInfo>");
    assert_holds_no(xml, "ContactPerson");
}

static void it_says_which_subject_identifier_is_needed(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    connection->policy.identifier_attribute = S("uid");
    assert_holds_no(metadata(*state, connection), "subject-id:req");
    static const char *const names[] = {"subject-id", "pairwise-id"};
    for (size_t i = 0; i < 2; i++) {
        struct op *op = *state;
        connection->policy.identifier_attribute =
            op_text(op, "urn:oasis:names:tc:SAML:attribute:%s", names[i]);
        struct slice xml = metadata(op, connection);
        struct slice value = op_text(op, "<saml:AttributeValue>%s</saml:AttributeValue>", names[i]);
        assert_holds(xml, "Name=\"urn:oasis:names:tc:SAML:profiles:subject-id:req\"");
        assert_true(slice_find(xml, value) != SIZE_MAX);
        assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_METADATA));
    }
}

static void what_xml_cannot_carry_is_refused(void **state) {
    const struct slice bad[] = {S("a\x01z"), S("a\0z"), S("a\xFFz"), S("\xEF\xBF\xBF"),
                                S("\xED\xA0\x80")};
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct sp sp = unit_sp(*state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct slice xml;
        connection->policy.name_id_format = bad[i];
        assert_refused(sp_metadata(*state, &sp, connection, unit_keys, &xml), INVALID_INPUT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_addresses_come_from_public_url_and_slug),
        TEST(the_signature_holds_for_xmlsec1),
        TEST(the_elements_stand_in_the_order_of_the_schema),
        TEST(it_names_the_doors),
        TEST(it_names_both_keys_and_the_algorithms),
        TEST(cbc_is_offered_only_where_the_policy_takes_it),
        TEST(the_flags_follow_the_policy),
        TEST(values_are_escaped_and_still_verify),
        TEST(it_tells_of_the_operator_what_is_configured),
        TEST(it_says_which_subject_identifier_is_needed),
        TEST(what_xml_cannot_carry_is_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_dir);
}
