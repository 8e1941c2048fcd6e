// SPDX-License-Identifier: GPL-3.0-or-later
// Reading verified octets: everything in its place, nothing from where it must not be read.
#include "saml/statement.h"

#include "base/buf.h"
#include "saml/forge.h"

static struct statement read_changed(struct op *op, const char *from, const char *to, reason want) {
    struct statement statement = {.issue_instant = 0};
    struct slice text = edit(op, S(ASSERTION), "@", "");
    if (from != NULL) {
        text = edit(op, text, from, to);
    }
    check_reason(statement_assertion(op, text, NULL, &statement), want, from != NULL ? to : "", __LINE__);
    return statement;
}

static const struct attribute *attribute_at(const struct statement *statement, size_t at) {
    assert_true(at < statement->identity.attributes.count);
    return &((const struct attribute *)statement->identity.attributes.at)[at];
}

static void an_assertion_is_read_whole(void **state) {
    struct statement statement = read_changed(*state, NULL, NULL, NULL);
    assert_text(statement.identity.assertion_id, "_a1");
    assert_text(statement.assertion_version, "2.0");
    assert_text(statement.assertion_issuer, THEIR_ENTITY);
    assert_text(statement.identity.issuer, THEIR_ENTITY);
    assert_int_equal(statement.issue_instant, NOON);
    assert_text(statement.identity.name_id, "ada@acme.example");
    assert_text(statement.identity.name_id_format, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    assert_null(statement.identity.name_qualifier.at);
    assert_true(statement.has_conditions);
    assert_text(statement.conditions_not_before, "2026-11-21T15:55:00Z");
    assert_text(statement.conditions_not_on_or_after, "2026-11-21T16:06:00Z");
    assert_int_equal(statement.audiences.count, 1);
    assert_text(((const struct texts *)statement.audiences.at)[0].at[0], OUR_ENTITY);
    assert_null(statement.unknown_condition.at);
    assert_int_equal(statement.confirmations.count, 1);
    const struct confirmation *confirmation = statement.confirmations.at;
    assert_text(confirmation->method, BEARER);
    assert_true(confirmation->has_data);
    assert_text(confirmation->recipient, OUR_ACS);
    assert_text(confirmation->in_response_to, REQUEST_ID);
    assert_text(confirmation->not_on_or_after, "2026-11-21T16:05:00Z");
    assert_null(confirmation->not_before.at);
    assert_true(statement.has_authn_statement);
    assert_text(statement.authn_instant, "2026-11-21T15:59:00Z");
    assert_text(statement.identity.session_index, "_s1");
    assert_text(statement.identity.authn_context, PASSWORD);
    assert_null(statement.session_not_on_or_after.at);
    assert_int_equal(statement.identity.attributes.count, 1);
    assert_text(attribute_at(&statement, 0)->name, "groups");
    assert_int_equal(attribute_at(&statement, 0)->values.count, 2);
    assert_text(attribute_at(&statement, 0)->values.at[0], "Admins");
    assert_text(attribute_at(&statement, 0)->values.at[1], "Staff & co");
}

static void what_is_absent_is_not_there(void **state) {
    struct op *op = *state;
    struct statement bare = {.issue_instant = 0};
    assert_done(statement_assertion(op, S("<Assertion xmlns=\"" NS_SAML "\" ID=\"a\" IssueInstant="
                                          "\"2026-11-21T16:00:00Z\"></Assertion>"), NULL, &bare));
    assert_null(bare.assertion_version.at);
    assert_null(bare.assertion_issuer.at);
    assert_int_equal(bare.identity.name_id.len, 0);
    assert_false(bare.has_conditions);
    assert_false(bare.has_authn_statement);
    assert_int_equal(bare.confirmations.count, 0);
    assert_int_equal(bare.audiences.count, 0);
    assert_int_equal(bare.identity.attributes.count, 0);
}

static void what_is_no_assertion_is_refused(void **state) {
    static const char *const rows[][2] = {
        {" ID=\"_a1\"", ""},
        {" ID=\"_a1\"", " ID=\"\""},
        {" IssueInstant=\"2026-11-21T16:00:00Z\"", ""},
        {"IssueInstant=\"2026-11-21T16:00:00Z\"", "IssueInstant=\"yesterday\""},
        {"<saml:Assertion xmlns:saml=\"" NS_SAML "\"", "<saml:Assertion xmlns:saml=\"urn:x\""},
        {"<saml:Issuer>", "<saml:Issuer>x</saml:Issuer><saml:Issuer>"},
        {"<saml:Issuer>", "<saml:Issuer><b></b>"},
        {"<saml:NameID", "<saml:NameID>eve</saml:NameID><saml:NameID"},
        {"<saml:Subject>", "<saml:Subject></saml:Subject><saml:Subject>"},
        {"<saml:Conditions", "<saml:Conditions></saml:Conditions><saml:Conditions"},
        {"<saml:SubjectConfirmationData", "<saml:SubjectConfirmationData></saml:SubjectConfirmationData>"
                                          "<saml:SubjectConfirmationData"},
        {"<saml:AuthnContext>", "<saml:AuthnContext></saml:AuthnContext><saml:AuthnContext>"},
        {"ada&#64;", "ada<x></x>"},
        {"<saml:Subject>", "text<saml:Subject>"},
        {"</saml:Assertion>", "</saml:Assertion><x/>"},
        {"</saml:Assertion>", ""},
        {"<saml:Subject>", "<!-- c --><saml:Subject>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)read_changed(*state, rows[i][0], rows[i][1], REASON_OF(SAML_MALFORMED));
    }
}

static void a_second_signature_in_signed_octets_is_misplaced(void **state) {
    (void)read_changed(*state, "<saml:Subject>",
                       "<ds:Signature xmlns:ds=\"" NS_DS "\"></ds:Signature><saml:Subject>",
                       REASON_OF(SIGNATURE_MISPLACED));
}

static void nothing_is_read_from_advice_or_foreign_elements(void **state) {
    struct statement statement = read_changed(
        *state, "<saml:Conditions",
        "<saml:Advice><saml:Assertion ID=\"_evil\"><saml:Subject><saml:NameID>eve</saml:NameID>"
        "</saml:Subject><saml:AttributeStatement><saml:Attribute Name=\"groups\"><saml:AttributeValue>"
        "Root</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>"
        "</saml:Advice><x:Subject xmlns:x=\"urn:x\"><x:NameID>eve</x:NameID></x:Subject><saml:Conditions",
        NULL);
    assert_text(statement.identity.name_id, "ada@acme.example");
    assert_text(statement.identity.assertion_id, "_a1");
    assert_int_equal(attribute_at(&statement, 0)->values.count, 2);
}

static void a_name_of_256_characters_off_the_basic_plane_stays_whole(void **state) {
    struct op *op = *state;
    struct slice name = S("");
    for (size_t i = 0; i < 256; i++) {
        name = op_text(op, "%.*s\xF0\x9F\x98\x80", SLICE(name));
    }
    struct statement statement = read_changed(op, "ada&#64;acme.example",
                                              op_text(op, " %.*s\n", SLICE(name)).at, NULL);
    assert_slice(statement.identity.name_id, op_text(op, " %.*s\n", SLICE(name)));
}

static void values_of_one_attribute_are_gathered(void **state) {
    struct statement statement = read_changed(
        *state, "</saml:AttributeStatement>",
        "<saml:Attribute Name=\"mail\" NameFormat=\"urn:f\" FriendlyName=\"groups\"><saml:AttributeValue "
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">a@b</saml:AttributeValue>"
        "<saml:AttributeValue></saml:AttributeValue><saml:AttributeValue><x>y</x></saml:AttributeValue>"
        "</saml:Attribute><saml:Attribute><saml:AttributeValue>nameless</saml:AttributeValue></saml:Attribute>"
        "</saml:AttributeStatement><saml:AttributeStatement><saml:Attribute Name=\"groups\">"
        "<saml:AttributeValue>Third</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>", NULL);
    assert_int_equal(statement.identity.attributes.count, 2);
    const struct attribute *groups = attribute_at(&statement, 0);
    assert_int_equal(groups->values.count, 3);
    assert_text(groups->values.at[2], "Third");
    const struct attribute *mail = attribute_at(&statement, 1);
    assert_text(mail->name, "mail");
    assert_text(mail->name_format, "urn:f");
    assert_text(mail->friendly_name, "groups");
    assert_int_equal(mail->values.count, 2); // the one with an element in it is none
    assert_text(mail->values.at[0], "a@b");
    assert_int_equal(mail->values.at[1].len, 0);
}

static void attributes_and_values_have_bounds(void **state) {
    struct op *op = *state;
    for (size_t more = 0; more < 2; more++) {
        struct buf text;
        buf_open(&text, op, 1U << 20);
        for (size_t i = 0; i < IDENTITY_VALUES_MAX - 2 + more; i++) {
            buf_str(&text, "<saml:AttributeValue>v</saml:AttributeValue>");
        }
        buf_byte(&text, 0);
        (void)read_changed(op, "</saml:Attribute>", op_text(op, "%s</saml:Attribute>", text.at).at,
                           more == 0 ? NULL : REASON_OF(SAML_TOO_LARGE));
        buf_open(&text, op, 1U << 20);
        for (size_t i = 0; i < IDENTITY_ATTRIBUTES_MAX - 1 + more; i++) {
            buf_printf(&text, "<saml:Attribute Name=\"n%zu\"></saml:Attribute>", i);
        }
        buf_byte(&text, 0);
        (void)read_changed(op, "</saml:AttributeStatement>",
                           op_text(op, "%s</saml:AttributeStatement>", text.at).at,
                           more == 0 ? NULL : REASON_OF(SAML_TOO_LARGE));
        op_close(op);
        op_open(op, NOON);
    }
}

static void conditions_and_confirmations_are_listed(void **state) {
    struct statement statement = read_changed(
        *state, "</saml:Conditions>",
        "<saml:AudienceRestriction><saml:Audience>b</saml:Audience><saml:Audience>c</saml:Audience>"
        "</saml:AudienceRestriction><saml:OneTimeUse></saml:OneTimeUse><saml:ProxyRestriction>"
        "</saml:ProxyRestriction><x:Odd xmlns:x=\"urn:x\"></x:Odd></saml:Conditions>", NULL);
    assert_int_equal(statement.audiences.count, 2);
    assert_int_equal(((const struct texts *)statement.audiences.at)[1].count, 2);
    assert_text(statement.unknown_condition, "Odd");
    statement = read_changed(*state, "</saml:Conditions>", "<saml:Condition></saml:Condition></saml:Conditions>",
                             NULL);
    assert_text(statement.unknown_condition, "Condition");
    statement = read_changed(*state, "</saml:Subject>",
                             "<saml:SubjectConfirmation Method=\"x\"></saml:SubjectConfirmation></saml:Subject>",
                             NULL);
    assert_int_equal(statement.confirmations.count, 2);
    assert_false(((const struct confirmation *)statement.confirmations.at)[1].has_data);
}

static void of_several_authentications_the_first_tells_and_the_earliest_end_counts(void **state) {
#define AUTHN(end, index) "<saml:AuthnStatement AuthnInstant=\"x\" SessionIndex=\"" index "\" " end ">"  \
                          "</saml:AuthnStatement>"
    static const char *const rows[][2] = {
        {AUTHN("SessionNotOnOrAfter=\"2026-11-21T20:00:00Z\"", "b")
             AUTHN("SessionNotOnOrAfter=\"2026-11-21T18:00:00Z\"", "c"), "2026-11-21T18:00:00Z"},
        {AUTHN("SessionNotOnOrAfter=\"2026-11-21T18:00:00Z\"", "b")
             AUTHN("SessionNotOnOrAfter=\"2026-11-21T20:00:00Z\"", "c"), "2026-11-21T18:00:00Z"},
        {AUTHN("SessionNotOnOrAfter=\"2026-11-21T18:00:00Z\"", "b") AUTHN("SessionNotOnOrAfter=\"?\"", "c"), "?"},
        {AUTHN("SessionNotOnOrAfter=\"?\"", "b") AUTHN("SessionNotOnOrAfter=\"2026-11-21T18:00:00Z\"", "c"), "?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct op *op = *state;
        struct statement statement = read_changed(
            op, "<saml:AttributeStatement>", op_text(op, "%s<saml:AttributeStatement>", rows[i][0]).at, NULL);
        assert_text(statement.session_not_on_or_after, rows[i][1]);
        assert_text(statement.identity.session_index, "_s1");
        assert_text(statement.identity.authn_context, PASSWORD);
    }
}

// ---- the response ----

static reason read_response(struct op *op, const char *from, const char *to, bool outline,
                            struct statement *statement, struct response_parts *parts) {
    struct slice text = edit(op, S(RESPONSE), "@", "");
    text = edit(op, text, "#<", op_text(op, "%.*s<", SLICE(edit(op, S(ASSERTION), "@", ""))).at);
    if (from != NULL) {
        text = edit(op, text, from, to);
    }
    *statement = (struct statement){.issue_instant = 0};
    return statement_response(op, text, outline, statement, parts);
}

static void a_response_is_read_with_its_assertion(void **state) {
    struct statement statement;
    struct response_parts parts;
    assert_done(read_response(*state, NULL, NULL, false, &statement, &parts));
    assert_text(statement.response_id, "_r1");
    assert_text(statement.identity.response_id, "_r1");
    assert_text(statement.response_version, "2.0");
    assert_text(statement.destination, OUR_ACS);
    assert_text(statement.response_issuer, THEIR_ENTITY);
    assert_text(statement.response_in_response_to, REQUEST_ID);
    assert_text(statement.status, SUCCESS);
    assert_int_equal(parts.assertions, 1);
    assert_int_equal(parts.encrypted, 0);
    assert_text(parts.assertion_id, "_a1");
    assert_false(parts.assertion_has_signature);
    assert_text(statement.identity.name_id, "ada@acme.example");
}

static void an_outline_reads_nothing_but_the_assertions_id(void **state) {
    struct statement statement;
    struct response_parts parts;
    assert_done(read_response(*state, "<saml:Subject>",
                              "<ds:Signature xmlns:ds=\"" NS_DS "\"></ds:Signature><saml:Subject>", true,
                              &statement, &parts));
    assert_text(parts.assertion_id, "_a1");
    assert_true(parts.assertion_has_signature);
    assert_int_equal(statement.identity.name_id.len, 0);
    assert_int_equal(statement.identity.attributes.count, 0);
}

static void parts_are_counted_and_status_is_read_to_its_depth(void **state) {
    struct statement statement;
    struct response_parts parts;
    assert_done(read_response(*state, "</samlp:Response>",
                              "<saml:Assertion xmlns:saml=\"" NS_SAML "\"></saml:Assertion><saml:EncryptedAssertion"
                              " xmlns:saml=\"" NS_SAML "\"></saml:EncryptedAssertion></samlp:Response>", false,
                              &statement, &parts));
    assert_int_equal(parts.assertions, 2);
    assert_int_equal(parts.encrypted, 1);
    assert_text(parts.assertion_id, "_a1");
    assert_done(read_response(*state, "</samlp:StatusCode>",
                              "<samlp:StatusCode Value=\"urn:sub\"><samlp:StatusCode Value=\"urn:deeper\">"
                              "</samlp:StatusCode></samlp:StatusCode></samlp:StatusCode><samlp:StatusMessage>"
                              "why</samlp:StatusMessage><samlp:StatusDetail><x>y</x></samlp:StatusDetail>",
                              false, &statement, &parts));
    assert_text(statement.status, SUCCESS);
    assert_text(statement.sub_status, "urn:sub");
    assert_text(statement.status_message, "why");
}

static void a_response_of_another_shape_is_refused(void **state) {
    struct statement statement;
    struct response_parts parts;
    assert_refused(read_response(*state, "<samlp:Status>", "<samlp:Status></samlp:Status><samlp:Status>",
                                 false, &statement, &parts), SAML_MALFORMED);
    assert_refused(read_response(*state, "</samlp:Response>", "</samlp:Response>x", false, &statement,
                                 &parts), SAML_MALFORMED);
    assert_refused(read_response(*state, "<samlp:Status>",
                                 "<ds:Signature xmlns:ds=\"" NS_DS "\"></ds:Signature><samlp:Status>", false,
                                 &statement, &parts), SIGNATURE_MISPLACED);
    assert_refused(statement_response(*state, S(ASSERTION), false, &statement, &parts), SAML_MALFORMED);
    assert_refused(statement_assertion(*state, S(RESPONSE), NULL, &statement), SAML_MALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_assertion_is_read_whole),
        TEST(what_is_absent_is_not_there),
        TEST(what_is_no_assertion_is_refused),
        TEST(a_second_signature_in_signed_octets_is_misplaced),
        TEST(nothing_is_read_from_advice_or_foreign_elements),
        TEST(a_name_of_256_characters_off_the_basic_plane_stays_whole),
        TEST(values_of_one_attribute_are_gathered),
        TEST(attributes_and_values_have_bounds),
        TEST(conditions_and_confirmations_are_listed),
        TEST(of_several_authentications_the_first_tells_and_the_earliest_end_counts),
        TEST(a_response_is_read_with_its_assertion),
        TEST(an_outline_reads_nothing_but_the_assertions_id),
        TEST(parts_are_counted_and_status_is_read_to_its_depth),
        TEST(a_response_of_another_shape_is_refused),
    };
    RUN(tests);
}
