// SPDX-License-Identifier: GPL-3.0-or-later
// An IdP's messages, written with our own pen and signed with our own key, since that key is the
// one that is trusted here.
#include "sp_unit.h"

#include "no_pool.h"

#include "base/encode.h"
#include "saml/encrypted.h"
#include "saml/logout.h"
#include "saml/sp_keys.h"
#include "saml/sp_write.h"

#define SLO "https://gate.example/saml/acme-okta/slo"
#define IDP "https://idp.example/metadata"
#define ID "_f00d"

// A message in pieces, so that each test changes one.
struct piece {
    const char *root, *attributes, *issuer, *rest;
};
#define TIMES " IssueInstant=\"2026-11-21T15:59:30Z\""
#define VERSION " Version=\"2.0\""
#define TO " Destination=\"" SLO "\""
#define NAME                                                                                       \
    "<saml:NameID xmlns:saml=\"" NS_SAML                                                           \
    "\" Format=\"urn:x:f\" NameQualifier=\"q\" SPNameQualifier=\"s\">anna&amp;co</saml:NameID>"
#define STATUS                                                                                     \
    "<samlp:Status><samlp:StatusCode Value=\"" SP_STATUS_RESPONDER                                 \
    "\"><samlp:StatusCode Value=\"" SP_STATUS_PARTIAL_LOGOUT                                       \
    "\"></samlp:StatusCode></samlp:StatusCode></samlp:Status>"
static const struct piece request_piece = {"LogoutRequest", TO " ID=\"" ID "\"" TIMES VERSION, IDP,
                                           NAME "<samlp:SessionIndex>i1</samlp:SessionIndex>"
                                                "<samlp:SessionIndex>i2</samlp:SessionIndex>"};
static const struct piece response_piece = {
    "LogoutResponse", TO " ID=\"" ID "\" InResponseTo=\"_ours\"" TIMES VERSION, IDP, STATUS};

static struct trust trust;
static struct inbound inbound;
static int open_trust(void **state) {
    if (open_op(state) != 0) {
        return -1;
    }
    trust = (struct trust){.connection = {.slug = S("acme-okta"),
                                          .idp = {.entity_id = S(IDP)},
                                          .policy = {.skew_seconds = 180}},
                           .keys = {{.key = unit_keys->signing}},
                           .key_count = 1};
    inbound =
        (struct inbound){.trust = &trust, .entity_id = S("https://gate.example/saml/acme-okta")};
    returned_held = -1;
    next_canonical = NULL;
    return 0;
}

static struct slice head_of(struct op *op, const struct piece *piece) {
    return op_text(op,
                   "<samlp:%s xmlns:samlp=\"" NS_SAMLP "\"%s><saml:Issuer xmlns:saml=\"" NS_SAML
                   "\">%s"
                   "</saml:Issuer>",
                   piece->root, piece->attributes, piece->issuer);
}
static struct slice tail_of(struct op *op, const struct piece *piece) {
    return op_text(op, "%s</samlp:%s>", piece->rest, piece->root);
}

static struct slice query_of(struct op *op, struct slice xml, const char *field,
                             const struct sp_keys *keys) {
    struct slice url;
    assert_done(
        binding_redirect_url(op, S("https://x.example/"), field, xml, S("state"), keys, &url));
    return slice_sub(url, slice_find(url, S("?")) + 1, url.len);
}

static reason by_query(struct op *op, const struct piece *piece, struct logout_message *ret) {
    struct slice xml =
        op_text(op, "%.*s%.*s", SLICE(head_of(op, piece)), SLICE(tail_of(op, piece)));
    const char *field = strcmp(piece->root, "LogoutResponse") != 0 ? "SAMLRequest" : "SAMLResponse";
    return logout_receive_query(op, &inbound, S(SLO), query_of(op, xml, field, unit_keys), ret);
}

static struct slice form_of(struct op *op, struct slice xml, const char *field) {
    struct slice base64;
    struct slice value;
    assert_done(encode_base64(op, xml, &base64));
    assert_done(encode_url(op, base64, &value));
    return op_text(op, "%s=%.*s&RelayState=state", field, SLICE(value));
}

static struct slice signed_piece(struct op *op, const struct piece *piece) {
    struct slice xml;
    assert_done(
        sp_sign_document(op, unit_keys, S(ID), head_of(op, piece), tail_of(op, piece), &xml));
    return xml;
}

static reason by_post(struct op *op, struct slice xml, const char *field,
                      struct logout_message *ret) {
    return logout_receive_post(op, &inbound, S(SLO), form_of(op, xml, field), ret);
}

// ---- what is taken ----------------------------------------------------------------------------

static void check_request(const struct logout_message *message) {
    assert_true(message->is_request);
    assert_text(message->id, ID);
    assert_text(message->issuer, IDP);
    assert_text(message->name_id, "anna&co");
    assert_text(message->name_id_format, "urn:x:f");
    assert_text(message->name_qualifier, "q");
    assert_text(message->sp_name_qualifier, "s");
    assert_int_equal(message->session_indexes.count, 2);
    assert_text(message->session_indexes.at[0], "i1");
    assert_text(message->session_indexes.at[1], "i2");
    assert_text(message->relay_state, "state");
    assert_int_equal(message->issue_instant, NOON - 30000);
    assert_int_equal(message->not_on_or_after, 0);
}

static void a_signed_request_by_redirect_is_read(void **state) {
    struct logout_message message;
    assert_done(by_query(*state, &request_piece, &message));
    check_request(&message);
}

static void a_signed_request_by_post_is_read_and_the_worker_kept(void **state) {
    struct logout_message message;
    assert_done(by_post(*state, signed_piece(*state, &request_piece), "SAMLRequest", &message));
    check_request(&message);
    assert_int_equal(returned_held, 1);
    assert_int_equal(the_loan.lent, 0);
}

static void a_response_says_how_it_went(void **state) {
    struct logout_message message;
    assert_done(by_query(*state, &response_piece, &message));
    assert_false(message.is_request);
    assert_text(message.in_response_to, "_ours");
    assert_text(message.status, SP_STATUS_RESPONDER);
    assert_text(message.sub_status, SP_STATUS_PARTIAL_LOGOUT);
    assert_done(by_post(*state, signed_piece(*state, &response_piece), "SAMLResponse", &message));
    assert_text(message.status, SP_STATUS_RESPONDER);
}

static void an_xml_declaration_in_front_is_taken_by_redirect(void **state) {
    struct op *op = *state;
    struct slice xml =
        op_text(op, "<?xml version='1.0' encoding='UTF-8'?>\n%.*s%.*s",
                SLICE(head_of(op, &request_piece)), SLICE(tail_of(op, &request_piece)));
    struct logout_message message;
    assert_done(logout_receive_query(op, &inbound, S(SLO),
                                     query_of(op, xml, "SAMLRequest", unit_keys), &message));
    xml = replaced(op, xml, "UTF-8", "UTF-16");
    assert_refused(logout_receive_query(op, &inbound, S(SLO),
                                        query_of(op, xml, "SAMLRequest", unit_keys), &message),
                   SAML_MALFORMED);
}

// ---- signatures -------------------------------------------------------------------------------

static void an_unsigned_query_is_refused(void **state) {
    struct op *op = *state;
    struct logout_message message;
    struct slice xml = op_text(op, "%.*s%.*s", SLICE(head_of(op, &request_piece)),
                               SLICE(tail_of(op, &request_piece)));
    assert_refused(logout_receive_query(op, &inbound, S(SLO),
                                        query_of(op, xml, "SAMLRequest", NULL), &message),
                   LOGOUT_SIGNATURE);
    // A signature inside does not count for a query.
    struct slice inside = query_of(op, signed_piece(op, &request_piece), "SAMLRequest", NULL);
    assert_refused(logout_receive_query(op, &inbound, S(SLO), inside, &message), LOGOUT_SIGNATURE);
}

static void a_changed_query_is_refused(void **state) {
    struct op *op = *state;
    struct logout_message message;
    struct slice xml = op_text(op, "%.*s%.*s", SLICE(head_of(op, &request_piece)),
                               SLICE(tail_of(op, &request_piece)));
    struct slice query = query_of(op, xml, "SAMLRequest", unit_keys);
    assert_done(logout_receive_query(op, &inbound, S(SLO), query, &message));
    query = replaced(op, query, "RelayState=state", "RelayState=State");
    assert_refused(logout_receive_query(op, &inbound, S(SLO), query, &message), LOGOUT_SIGNATURE);
    assert_holds(op->detail, "signature.");
}

static void a_foreign_key_is_refused(void **state) {
    struct logout_message message;
    trust.keys[0].key = unit_keys->encryption;
    assert_refused(by_query(*state, &request_piece, &message), LOGOUT_SIGNATURE);
    assert_refused(by_post(*state, signed_piece(*state, &request_piece), "SAMLRequest", &message),
                   LOGOUT_SIGNATURE);
    assert_int_equal(returned_held, 0);
    trust.key_count = 0;
    assert_refused(by_query(*state, &request_piece, &message), LOGOUT_SIGNATURE);
}

static void an_unsigned_or_changed_form_is_refused_and_the_worker_thrown_away(void **state) {
    struct op *op = *state;
    struct logout_message message;
    struct slice xml = op_text(op, "%.*s%.*s", SLICE(head_of(op, &request_piece)),
                               SLICE(tail_of(op, &request_piece)));
    assert_refused(by_post(op, xml, "SAMLRequest", &message), LOGOUT_SIGNATURE);
    assert_int_equal(returned_held, 0);
    returned_held = -1;
    xml = replaced(op, signed_piece(op, &request_piece), "anna", "otto");
    assert_refused(by_post(op, xml, "SAMLRequest", &message), LOGOUT_SIGNATURE);
    assert_int_equal(returned_held, 0);
    assert_int_equal(the_loan.lent, 0);
}

static void a_signature_elsewhere_is_refused(void **state) {
    struct op *op = *state;
    struct logout_message message;
    struct slice xml = signed_piece(op, &request_piece);
    struct msg_canonical canonical = {.signature_count = 0};
    find_signature(op, xml, &canonical);
    next_canonical = &canonical;
    assert_done(by_post(op, xml, "SAMLRequest", &message));
    canonical.signatures[0].parent = MSG_PARENT_ASSERTION;
    assert_refused(by_post(op, xml, "SAMLRequest", &message), LOGOUT_SIGNATURE);
    canonical.signatures[0].parent = MSG_PARENT_ROOT;
    canonical.signatures[1] = canonical.signatures[0];
    canonical.signature_count = 2;
    assert_refused(by_post(op, xml, "SAMLRequest", &message), LOGOUT_SIGNATURE);
    canonical.signature_count = 1;
    canonical.envelope.misplaced = 1;
    assert_refused(by_post(op, xml, "SAMLRequest", &message), LOGOUT_SIGNATURE);
}

static void another_message_of_the_worker_is_refused(void **state) {
    struct op *op = *state;
    struct logout_message message;
    struct piece other = request_piece;
    other.rest = "<saml:NameID xmlns:saml=\"" NS_SAML "\">otto</saml:NameID>";
    struct msg_canonical canonical = {.signature_count = 0};
    find_signature(op, signed_piece(op, &other), &canonical);
    next_canonical = &canonical; // validly signed, but not what was sent
    assert_refused(by_post(op, signed_piece(op, &request_piece), "SAMLRequest", &message),
                   LOGOUT_SIGNATURE);
}

// ---- what it must say -------------------------------------------------------------------------

static reason with(struct op *op, const char *attributes, const char *issuer, const char *rest) {
    struct piece piece = request_piece;
    struct logout_message message;
    piece.attributes = attributes != NULL ? attributes : piece.attributes;
    piece.issuer = issuer != NULL ? issuer : piece.issuer;
    piece.rest = rest != NULL ? rest : piece.rest;
    return by_query(op, &piece, &message);
}

static void another_issuer_is_refused(void **state) {
    assert_refused(with(*state, NULL, "https://other.example/", NULL), LOGOUT_ISSUER);
    assert_refused(with(*state, NULL, "", NULL), LOGOUT_ISSUER);
    trust.connection.idp.entity_id = S("");
    assert_refused(with(*state, NULL, "", NULL), LOGOUT_ISSUER);
}

static void another_destination_or_none_is_refused(void **state) {
    assert_refused(
        with(*state, " Destination=\"https://gate.example/saml/other/slo\" ID=\"_1\"" TIMES VERSION,
             NULL, NULL),
        LOGOUT_DESTINATION);
    assert_refused(with(*state, " ID=\"_1\"" TIMES VERSION, NULL, NULL), LOGOUT_DESTINATION);
    assert_refused(with(*state, " Destination=\"\" ID=\"_1\"" TIMES VERSION, NULL, NULL),
                   LOGOUT_DESTINATION);
}

static void times_count_with_the_skew(void **state) {
    static const struct {
        const char *times;
        bool taken;
    } cases[] = {
        {" IssueInstant=\"2026-11-21T15:57:01Z\" NotOnOrAfter=\"2026-11-21T15:57:01Z\"", true},
        {" IssueInstant=\"2026-11-21T15:57:00Z\" NotOnOrAfter=\"2026-11-21T15:57:00Z\"", false},
        {" IssueInstant=\"2026-11-21T16:03:00Z\"", true},
        {" IssueInstant=\"2026-11-21T16:03:01Z\"", false},
        {" IssueInstant=\"2026-11-21T14:57:01Z\"", true},
        {" IssueInstant=\"2026-11-21T14:57:00Z\"", false},
        {" IssueInstant=\"yesterday\"", false},
        {"", false},
        {" IssueInstant=\"2026-11-21T16:00:00Z\" NotOnOrAfter=\"soon\"", false},
        {" IssueInstant=\"2026-11-21T16:00:00Z\" NotOnOrAfter=\"\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *attributes;
        assert_done(op_cstr(*state, op_text(*state, TO " ID=\"_1\"%s" VERSION, cases[i].times),
                            &attributes));
        reason why = with(*state, attributes, NULL, NULL);
        if (why != (cases[i].taken ? NULL : REASON_OF(LOGOUT_EXPIRED))) {
            fail_msg("%s: %s", cases[i].times, why != NULL ? why->slug : "taken");
        }
    }
}

static void what_is_missing_or_twice_is_refused(void **state) {
    assert_refused(with(*state, TO TIMES VERSION, NULL, NULL), SAML_MALFORMED);
    assert_refused(with(*state, TO " ID=\"\"" TIMES VERSION, NULL, NULL), SAML_MALFORMED);
    assert_refused(with(*state, TO " ID=\"_1\"" TIMES, NULL, NULL), SAML_MALFORMED);
    assert_refused(with(*state, TO " ID=\"_1\"" TIMES " Version=\"1.1\"", NULL, NULL),
                   SAML_MALFORMED);
    assert_refused(with(*state, NULL, NULL, ""), SAML_MALFORMED);
    assert_refused(with(*state, NULL, NULL, NAME NAME), SAML_MALFORMED);
    assert_refused(with(*state, NULL, NULL,
                        NAME "<saml:Issuer xmlns:saml=\"" NS_SAML "\">" IDP "</saml:Issuer>"),
                   SAML_MALFORMED);
    assert_refused(with(*state, NULL, NULL, NAME "<samlp:Other></samlp:Other>"), SAML_MALFORMED);
    assert_refused(with(*state, NULL, NULL, NAME "<!-- x -->"), SAML_MALFORMED);
    assert_refused(with(*state, NULL, NULL,
                        "<saml:NameID xmlns:saml=\"" NS_SAML "\">anna<x></x></saml:NameID>"),
                   SAML_MALFORMED);
    assert_done(with(*state, NULL, NULL,
                     "<samlp:Extensions><x xmlns=\"urn:x\"></x></samlp:Extensions>" NAME));
}

// A LogoutRequest whose name is this plaintext, encrypted for `to`.
static reason with_encrypted(struct op *op, const char *plain, EVP_PKEY *to, const char *more,
                             struct logout_message *ret_message) {
    struct sealed sealed = {.op = op,
                            .element = "EncryptedID",
                            .content = CBC256, // the signature held: CBC is as good as any
                            .plain = slice_str(plain),
                            .wraps = {{.to = to}},
                            .wrap_count = 1};
    struct piece piece = request_piece;
    piece.rest = op_text(op, "%.*s%s<samlp:SessionIndex>i1</samlp:SessionIndex>",
                         SLICE(sealed_text(&sealed)), more)
                     .at;
    return by_query(op, &piece, ret_message);
}

static void an_encrypted_name_is_read(void **state) {
    struct logout_message message;
    inbound.keys = unit_keys;
    assert_done(with_encrypted(*state, NAME, unit_keys->encryption, "", &message));
    assert_text(message.name_id, "anna&co");
    assert_text(message.name_id_format, "urn:x:f");
    assert_text(message.name_qualifier, "q");
    assert_int_equal(message.session_indexes.count, 1);
}

static void an_encrypted_name_that_is_none_is_refused(void **state) {
    struct logout_message message;
    EVP_PKEY *ours = unit_keys->encryption;
    assert_refused(with_encrypted(*state, NAME, ours, "", &message), ENCRYPTION_NO_KEY);
    inbound.keys = unit_keys;
    assert_refused(with_encrypted(*state, NAME, unit_keys->signing, "", &message), ENCRYPTION_FAILED);
    const char *const bad[] = {"anna", NAME NAME, "<NameID>anna</NameID>", "<!DOCTYPE a>" NAME,
                               "<saml:NameID xmlns:saml=\"" NS_SAML "\">anna",
                               "<saml:EncryptedID xmlns:saml=\"" NS_SAML "\"></saml:EncryptedID>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (with_encrypted(*state, bad[i], ours, "", &message) == NULL) {
            fail_msg("%s was taken", bad[i]);
        }
    }
    assert_refused(with_encrypted(*state, NAME, ours, NAME, &message), SAML_MALFORMED); // two names
    assert_refused(with(*state, NULL, NULL,
                        "<saml:EncryptedID xmlns:saml=\"" NS_SAML "\"></saml:EncryptedID>"),
                   ENCRYPTION_FAILED);
}

static void a_response_needs_a_status(void **state) {
    struct piece piece = response_piece;
    struct logout_message message;
    piece.rest = "";
    assert_refused(by_query(*state, &piece, &message), SAML_MALFORMED);
    piece.rest = "<samlp:Status></samlp:Status>";
    assert_refused(by_query(*state, &piece, &message), SAML_MALFORMED);
    piece.rest = NAME STATUS;
    assert_refused(by_query(*state, &piece, &message), SAML_MALFORMED);
}

static void the_field_and_the_message_must_agree(void **state) {
    struct op *op = *state;
    struct logout_message message;
    struct slice xml = op_text(op, "%.*s%.*s", SLICE(head_of(op, &request_piece)),
                               SLICE(tail_of(op, &request_piece)));
    assert_refused(logout_receive_query(op, &inbound, S(SLO),
                                        query_of(op, xml, "SAMLResponse", unit_keys), &message),
                   SAML_BINDING);
    // By form the verdict sees it: the signed root is not what the field holds.
    assert_refused(by_post(op, signed_piece(op, &request_piece), "SAMLResponse", &message),
                   LOGOUT_SIGNATURE);
    struct piece piece = {"AuthnRequest", request_piece.attributes, IDP, ""};
    xml = op_text(op, "%.*s%.*s", SLICE(head_of(op, &piece)), SLICE(tail_of(op, &piece)));
    assert_refused(logout_receive_query(op, &inbound, S(SLO),
                                        query_of(op, xml, "SAMLRequest", unit_keys), &message),
                   SAML_BINDING);
}

// ---- spellings of a query ----------------------------------------------------------------------

enum spelling { LOWER, ODD, LESS, PLUS };

// The same text, escaped another way: %2f for %2F; letters escaped too; no more than must be.
static struct slice spell(struct op *op, struct slice text, enum spelling how) {
    struct buf out;
    buf_open(&out, op, 1U << 16);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool keep = how == ODD ? plain && i % 3 != 0 : plain || c == '-' || c == '.' || c == '_';
        keep = keep || (how == LESS && (c == '/' || c == ':' || c == '=')) ||
               (how == PLUS && c == '+');
        if (keep) {
            buf_byte(&out, c);
        } else {
            buf_printf(&out, how == LOWER ? "%%%02x" : "%%%02X", c);
        }
    }
    return buf_slice(&out);
}

static struct slice value_of(struct op *op, struct slice query, const char *name) {
    struct slice part;
    struct slice key;
    struct slice value = S("");
    while (slice_cut(&query, '&', &part)) {
        if (slice_cut(&part, '=', &key) && slice_equal(key, slice_str(name))) {
            assert_true(decode_url(op, part, false, &value));
        }
    }
    return value;
}

// The request's query in this spelling, signed over the very octets; the signature spelled so too.
static struct slice spelled_query(struct op *op, enum spelling how) {
    struct slice xml = op_text(op, "%.*s%.*s", SLICE(head_of(op, &request_piece)),
                               SLICE(tail_of(op, &request_piece)));
    struct slice plain = query_of(op, xml, "SAMLRequest", unit_keys);
    struct slice octets =
        op_text(op, "SAMLRequest=%.*s&RelayState=%.*s&SigAlg=%.*s",
                SLICE(spell(op, value_of(op, plain, "SAMLRequest"), how)),
                SLICE(spell(op, S("state"), how)),
                SLICE(spell(op, value_of(op, plain, "SigAlg"), how)));
    struct slice signature;
    struct slice text;
    assert_done(sp_sign(op, unit_keys, octets, &signature));
    assert_done(encode_base64(op, signature, &text));
    return op_text(op, "%.*s&Signature=%.*s", SLICE(octets), SLICE(spell(op, text, how)));
}

static void each_legal_spelling_of_the_query_is_verified_as_it_came(void **state) {
    for (int how = LOWER; how <= PLUS; how++) {
        struct logout_message message;
        struct slice query = spelled_query(*state, (enum spelling)how);
        assert_done(logout_receive_query(*state, &inbound, S(SLO), query, &message));
        check_request(&message);
    }
}

// What was signed is the octets: a proxy on the way that spells them anew breaks the signature.
static void a_query_spelled_anew_after_signing_is_refused(void **state) {
    struct op *op = *state;
    struct logout_message message;
    struct slice query = spelled_query(op, LOWER);
    size_t at = slice_find(query, S("%2b")) != SIZE_MAX ? slice_find(query, S("%2b"))
                                                         : slice_find(query, S("%3a"));
    assert_true(at != SIZE_MAX);
    struct slice anew = op_text(op, "%.*s%%%c%c%.*s", SLICE(slice_sub(query, 0, at)), query.at[at + 1],
                                query.at[at + 2] - 'a' + 'A', SLICE(slice_sub(query, at + 3, query.len)));
    assert_int_equal(anew.len, query.len);
    assert_refused(logout_receive_query(op, &inbound, S(SLO), anew, &message), LOGOUT_SIGNATURE);
    // A parameter twice, or its name escaped: which one would count?
    struct slice twice = op_text(op, "%.*s&RelayState=state", SLICE(query));
    assert_refused(logout_receive_query(op, &inbound, S(SLO), twice, &message), SAML_BINDING);
    struct slice hidden = op_text(op, "%.*s&Relay%%53tate=state", SLICE(query));
    assert_refused(logout_receive_query(op, &inbound, S(SLO), hidden, &message), SAML_BINDING);
    // In another order it is still what was signed.
    size_t relay = slice_find(query, S("&RelayState=state"));
    struct slice moved = op_text(op, "RelayState=state&%.*s%.*s", SLICE(slice_sub(query, 0, relay)),
                                 SLICE(slice_sub(query, relay + 17, query.len)));
    assert_done(logout_receive_query(op, &inbound, S(SLO), moved, &message));
}

#define LOGOUT_TEST(name) cmocka_unit_test_setup_teardown(name, open_trust, close_op)
int main(void) {
    const struct CMUnitTest tests[] = {
        LOGOUT_TEST(a_signed_request_by_redirect_is_read),
        LOGOUT_TEST(a_signed_request_by_post_is_read_and_the_worker_kept),
        LOGOUT_TEST(a_response_says_how_it_went),
        LOGOUT_TEST(an_xml_declaration_in_front_is_taken_by_redirect),
        LOGOUT_TEST(an_unsigned_query_is_refused),
        LOGOUT_TEST(a_changed_query_is_refused),
        LOGOUT_TEST(a_foreign_key_is_refused),
        LOGOUT_TEST(an_unsigned_or_changed_form_is_refused_and_the_worker_thrown_away),
        LOGOUT_TEST(a_signature_elsewhere_is_refused),
        LOGOUT_TEST(another_message_of_the_worker_is_refused),
        LOGOUT_TEST(another_issuer_is_refused),
        LOGOUT_TEST(another_destination_or_none_is_refused),
        LOGOUT_TEST(times_count_with_the_skew),
        LOGOUT_TEST(what_is_missing_or_twice_is_refused),
        LOGOUT_TEST(an_encrypted_name_is_read),
        LOGOUT_TEST(an_encrypted_name_that_is_none_is_refused),
        LOGOUT_TEST(each_legal_spelling_of_the_query_is_verified_as_it_came),
        LOGOUT_TEST(a_query_spelled_anew_after_signing_is_refused),
        LOGOUT_TEST(a_response_needs_a_status),
        LOGOUT_TEST(the_field_and_the_message_must_agree),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_dir);
}
