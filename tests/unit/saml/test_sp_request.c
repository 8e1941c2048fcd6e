// SPDX-License-Identifier: GPL-3.0-or-later
#include "sp_unit.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/encode.h"

#define REQUEST_ID "_0123456789abcdef0123456789abcdef01234567"
static const struct pending pending = {.request_id = {REQUEST_ID, sizeof REQUEST_ID - 1},
                                       .handle = {"AAAAAAAAAAAAAAAAAAAAAAAAAAA", 27}};

static const struct pending logout = {.request_id = {REQUEST_ID, sizeof REQUEST_ID - 1},
                                      .handle = {"handle", 6},
                                      .logout = true};

// What stands in a query as `name`, decoded; at NULL: not there.
static struct slice parameter(struct op *op, struct slice url, const char *name) {
    struct slice query = slice_sub(url, slice_find(url, S("?")) + 1, url.len);
    struct slice part;
    struct slice found = SLICE_NONE;
    while (slice_cut(&query, '&', &part)) {
        struct slice key;
        assert_true(slice_cut(&part, '=', &key));
        if (slice_equal(key, slice_str(name))) {
            assert_null(found.at);
            assert_true(decode_url(op, part, true, &found));
        }
    }
    return found;
}

// The message in a redirect, by the room's own reader of queries.
static struct slice message_of(struct op *op, struct slice url, struct query_message *ret) {
    struct slice query = slice_sub(url, slice_find(url, S("?")) + 1, url.len);
    // What an IdP's own query had in front is nothing to the reader of ours.
    query = slice_sub(query, slice_find(query, S("SAML")), query.len);
    assert_done(binding_query(op, query, ret));
    return ret->xml;
}

static struct slice form_of(struct op *op, const struct outbound *out) {
    struct slice xml;
    assert_true(out->post);
    assert_true(decode_base64(op, out->value, false, &xml));
    return xml;
}

static bool query_signature_holds(struct op *op, const struct query_message *message) {
    struct slice der;
    assert_true(decode_base64(op, sp_signing_certificate(unit_keys), false, &der));
    const unsigned char *at = (const unsigned char *)der.at;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, X509_get0_pubkey(x509)), 1);
    int holds = EVP_DigestVerify(
        context, (const unsigned char *)message->signature.at, message->signature.len,
        (const unsigned char *)message->signed_octets.at, message->signed_octets.len);
    EVP_MD_CTX_free(context);
    X509_free(x509);
    return holds == 1;
}

static struct outbound authn(struct op *op, const struct connection *connection) {
    struct sp sp = unit_sp(op);
    struct outbound out;
    assert_done(sp_authn_request(op, &sp, connection, unit_keys, &pending, &out));
    return out;
}

// ---- AuthnRequest -----------------------------------------------------------------------------

static void a_redirect_is_signed_over_its_query(void **state) {
    struct unit_connection unit;
    struct query_message message;
    struct outbound out = authn(*state, unit_connection(&unit));
    assert_false(out.post);
    assert_true(slice_starts(out.url, S("https://idp.example/sso?tenant=a&b=1&SAMLRequest=")));
    struct slice xml = message_of(*state, out.url, &message);
    assert_holds_no(xml, "Signature");
    assert_text(parameter(*state, out.url, "SigAlg"),
                "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
    assert_text(message.relay_state, "AAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_true(query_signature_holds(*state, &message));
    message.signed_octets = replaced(*state, message.signed_octets, "RelayState=A", "RelayState=B");
    assert_false(query_signature_holds(*state, &message));
}

static void a_request_asks_for_nothing_that_nobody_asked_for(void **state) {
    struct unit_connection unit;
    struct query_message message;
    struct outbound out = authn(*state, unit_connection(&unit));
    assert_text(
        message_of(*state, out.url, &message),
        "<samlp:AuthnRequest xmlns:samlp=\"" NS_SAMLP "\" "
        "AssertionConsumerServiceURL=\"https://gate.example/saml/acme-okta/acs\" "
        "Destination=\"https://idp.example/sso?tenant=a&amp;b=1\" ID=\"" REQUEST_ID "\" "
        "IssueInstant=\"2026-11-21T16:00:00.000Z\" "
        "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Version=\"2.0\">"
        "<saml:Issuer xmlns:saml=\"" NS_SAML "\">https://gate.example/saml/acme-okta</saml:Issuer>"
        "</samlp:AuthnRequest>");
}

static void a_form_is_signed_inside(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    connection->policy.request_binding = BINDING_POST;
    struct outbound out = authn(*state, connection);
    assert_text(out.url, "https://idp.example/sso/post");
    assert_text(out.field, "SAMLRequest");
    assert_text(out.relay_state, "AAAAAAAAAAAAAAAAAAAAAAAAAAA");
    struct slice xml = form_of(*state, &out);
    assert_holds(xml, "Destination=\"https://idp.example/sso/post\"");
    assert_holds(xml, "</saml:Issuer><ds:Signature xmlns:ds=");
    assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_AUTHN));
    assert_false(xmlsec1_agrees(replaced(*state, xml, "acme-okta</", "acme-evil</"),
                                "saml-signing.crt", ROOT_AUTHN));
}

static void what_the_policy_asks_for_is_asked_for(void **state) {
    struct slice contexts[] = {S("urn:oasis:names:tc:SAML:2.0:ac:classes:X509"), S("urn:x:<mfa>")};
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    connection->policy.request_binding = BINDING_POST;
    connection->policy.force_authn = true;
    connection->policy.name_id_format = S("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    connection->policy.authn_context = (struct texts){contexts, 2};
    struct outbound out = authn(*state, connection);
    struct slice xml = form_of(*state, &out);
    assert_holds(xml, " ForceAuthn=\"true\" ID=");
    assert_holds(
        xml,
        "</ds:Signature><samlp:NameIDPolicy AllowCreate=\"true\" "
        "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"></samlp:NameIDPolicy>"
        "<samlp:RequestedAuthnContext Comparison=\"exact\">");
    assert_holds(xml,
                 ">urn:x:&lt;mfa&gt;</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>");
    assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_AUTHN));
}

static void the_binding_that_the_idp_has_is_taken(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    connection->idp.sso.count = 1; // POST only
    assert_true(authn(*state, connection).post);
    connection->idp.sso = (struct rows){&unit.sso[1], 1}; // Redirect only
    connection->policy.request_binding = BINDING_POST;
    assert_false(authn(*state, connection).post);
}

static void no_address_is_refused(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct sp sp = unit_sp(*state);
    struct outbound out;
    connection->idp.sso.count = 0;
    assert_refused(sp_authn_request(*state, &sp, connection, unit_keys, &pending, &out),
                   METADATA_NO_SSO_ENDPOINT);
}

static void unsigned_only_when_neither_side_wants_it(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    connection->policy.sign_requests = false;
    struct outbound out = authn(*state, connection);
    assert_null(parameter(*state, out.url, "Signature").at);
    assert_null(parameter(*state, out.url, "SigAlg").at);
    connection->policy.request_binding = BINDING_POST;
    out = authn(*state, connection);
    assert_holds_no(form_of(*state, &out), "Signature");
    connection->idp.want_signed_requests = true;
    out = authn(*state, connection);
    assert_holds(form_of(*state, &out), "Signature");
}

// ---- logout -----------------------------------------------------------------------------------

static struct session unit_session(void) {
    return (struct session){
        .name_id = S("anna&co@acme.example"),
        .name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        .name_qualifier = S("https://idp.example/metadata"),
        .sp_name_qualifier = S("https://gate.example/saml/acme-okta"),
        .sp_provided_id = S("ours-7"),
        .session_index = S("_index1"),
    };
}

static void a_logout_request_names_the_person_as_the_login_did(void **state) {
    struct unit_connection unit;
    struct query_message message;
    struct session session = unit_session();
    struct sp sp = unit_sp(*state);
    struct outbound out;
    bool there = false;
    assert_done(sp_logout_request(*state, &sp, unit_connection(&unit), unit_keys, &session,
                                  &logout, &out, &there));
    assert_true(there);
    assert_false(out.post);
    assert_true(slice_starts(out.url, S("https://idp.example/slo?SAMLRequest=")));
    struct slice xml = message_of(*state, out.url, &message);
    assert_true(query_signature_holds(*state, &message));
    assert_text(message.relay_state, "handle");
    assert_holds(xml, "<samlp:LogoutRequest xmlns:samlp=\"" NS_SAMLP
                      "\" Destination=\"https://idp.example/slo\" "
                      "ID=\"" REQUEST_ID);
    assert_holds(
        xml,
        "\" IssueInstant=\"2026-11-21T16:00:00.000Z\" NotOnOrAfter=\"2026-11-21T16:05:00.000Z\" "
        "Reason=\"urn:oasis:names:tc:SAML:2.0:logout:user\" Version=\"2.0\">");
    assert_holds(
        xml,
        "</saml:Issuer><saml:NameID xmlns:saml=\"" NS_SAML "\" "
        "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\" "
        "NameQualifier=\"https://idp.example/metadata\" "
        "SPNameQualifier=\"https://gate.example/saml/acme-okta\" SPProvidedID=\"ours-7\">anna&amp;co@acme.example"
        "</saml:NameID><samlp:SessionIndex>_index1</samlp:SessionIndex></samlp:LogoutRequest>");
}

static void what_the_login_did_not_carry_is_left_out(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct session session = {.name_id = S("anna")};
    struct sp sp = unit_sp(*state);
    struct outbound out;
    bool there = false;
    connection->idp.slo.count = 1;            // POST only
    connection->policy.sign_requests = false; // sign-out is signed all the same
    assert_done(
        sp_logout_request(*state, &sp, connection, unit_keys, &session, &logout, &out, &there));
    assert_true(there);
    struct slice xml = form_of(*state, &out);
    assert_holds(xml, "<saml:NameID xmlns:saml=\"" NS_SAML
                      "\">anna</saml:NameID></samlp:LogoutRequest>");
    assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_LOGOUT));
}

static bool is_inside(struct slice part, struct slice whole) {
    return part.at >= whole.at && part.at < whole.at + whole.len;
}

// A sign-out gives the connection back before the page is written.
static void a_form_s_address_outlives_the_connection(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct session session = {.name_id = S("anna")};
    struct sp sp = unit_sp(*state);
    struct outbound out;
    bool there = false;
    connection->idp.slo.count = 1; // POST only
    assert_done(
        sp_logout_request(*state, &sp, connection, unit_keys, &session, &logout, &out, &there));
    struct slice location = ((const struct endpoint *)connection->idp.slo.at)[0].location;
    assert_true(out.post && slice_equal(out.url, location));
    assert_false(is_inside(out.url, location));
}

static void without_an_address_or_a_name_there_is_no_logout_request(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct session session = unit_session();
    struct sp sp = unit_sp(*state);
    struct outbound out;
    bool there = true;
    session.name_id = S("");
    assert_done(
        sp_logout_request(*state, &sp, connection, unit_keys, &session, &logout, &out, &there));
    assert_false(there);
    session = unit_session();
    connection->idp.slo.count = 0;
    there = true;
    assert_done(
        sp_logout_request(*state, &sp, connection, unit_keys, &session, &logout, &out, &there));
    assert_false(there);
}

static void a_logout_request_has_the_id_that_is_kept(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct session session = unit_session();
    struct sp sp = unit_sp(*state);
    struct outbound out;
    struct query_message message;
    bool there;
    assert_done(
        sp_logout_request(*state, &sp, connection, unit_keys, &session, &logout, &out, &there));
    assert_holds(message_of(*state, out.url, &message), " ID=\"" REQUEST_ID "\"");
    assert_text(message.relay_state, "handle");
}

static void a_logout_response_goes_to_the_response_location(void **state) {
    struct unit_connection unit;
    struct query_message message;
    struct sp sp = unit_sp(*state);
    struct outbound out;
    assert_done(sp_logout_response(*state, &sp, unit_connection(&unit), unit_keys, S("_their&id"),
                                   "", "", S("their state"), &out));
    assert_true(slice_starts(out.url, S("https://idp.example/slo/answer?SAMLResponse=")));
    struct slice xml = message_of(*state, out.url, &message);
    assert_text(message.relay_state, "their state");
    assert_true(query_signature_holds(*state, &message));
    assert_holds(xml, "Destination=\"https://idp.example/slo/answer\"");
    assert_holds(xml, " InResponseTo=\"_their&amp;id\" ");
    assert_holds(
        xml, "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\">"
             "</samlp:StatusCode></samlp:Status></samlp:LogoutResponse>");
}

static void a_logout_response_by_form_says_what_went_wrong(void **state) {
    struct unit_connection unit;
    struct connection *connection = unit_connection(&unit);
    struct sp sp = unit_sp(*state);
    struct outbound out;
    connection->idp.slo.count = 1; // POST only, without a ResponseLocation
    assert_done(sp_logout_response(*state, &sp, connection, unit_keys, S("_1"), SP_STATUS_REQUESTER,
                                   SP_STATUS_UNKNOWN_PRINCIPAL, S(""), &out));
    assert_text(out.url, "https://idp.example/slo/post");
    assert_text(out.field, "SAMLResponse");
    struct slice xml = form_of(*state, &out);
    assert_holds(
        xml, "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Requester\">"
             "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal\">");
    assert_true(xmlsec1_agrees(xml, "saml-signing.crt", ROOT_LOGOUT_RESPONSE));
    connection->idp.slo.count = 0;
    assert_refused(
        sp_logout_response(*state, &sp, connection, unit_keys, S("_1"), "", "", S(""), &out),
        METADATA_NO_SSO_ENDPOINT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_redirect_is_signed_over_its_query),
        TEST(a_request_asks_for_nothing_that_nobody_asked_for),
        TEST(a_form_is_signed_inside),
        TEST(what_the_policy_asks_for_is_asked_for),
        TEST(the_binding_that_the_idp_has_is_taken),
        TEST(no_address_is_refused),
        TEST(unsigned_only_when_neither_side_wants_it),
        TEST(a_logout_request_names_the_person_as_the_login_did),
        TEST(what_the_login_did_not_carry_is_left_out),
        TEST(a_form_s_address_outlives_the_connection),
        TEST(without_an_address_or_a_name_there_is_no_logout_request),
        TEST(a_logout_request_has_the_id_that_is_kept),
        TEST(a_logout_response_goes_to_the_response_location),
        TEST(a_logout_response_by_form_says_what_went_wrong),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_dir);
}
