// SPDX-License-Identifier: GPL-3.0-or-later
// The rules: for each a statement that it accepts and one that it refuses, with its own reason; the order of
// the reasons; and what is concluded when all hold.
#include "saml/rules.h"

#include "saml/forge.h"
#include "saml/statement.h"

// A verified statement, and the connection that it is judged by.
struct scene {
    struct op *op;
    struct trust trust;
    struct inbound inbound;
    struct statement statement;
    struct trace trace;
};

static struct slice response_text(struct op *op) {
    struct slice text = edit(op, S(RESPONSE), "@", "");
    return edit(op, text, "#<", op_text(op, "%.*s<", SLICE(edit(op, S(ASSERTION), "@", ""))).at);
}

static void scene_read(struct scene *scene, struct op *op, const char *from, const char *to) {
    struct response_parts parts;
    struct slice text = response_text(op);
    if (from != NULL) {
        text = edit(op, text, from, to);
    }
    *scene = (struct scene){.op = op};
    scene->trust.connection = connection_of(op, NULL, 0);
    scene->inbound = (struct inbound){.trust = &scene->trust, .entity_id = S(OUR_ENTITY),
                                      .acs_url = S(OUR_ACS)};
    assert_done(statement_response(op, text, false, &scene->statement, &parts));
    scene->statement.response_signed = true;
    assert_done(trace_open(op, S("acme-okta"), S("acme"), &scene->trace));
}

static reason scene_judge(struct scene *scene) {
    scene->inbound.trust = &scene->trust;
    return rules_check(scene->op, &scene->inbound, &scene->statement, &scene->trace);
}

// The row of a check in the trace.
static const struct trace_check *row_of(const struct scene *scene, const char *check) {
    const struct trace_check *rows = scene->trace.checks.at;
    for (size_t i = 0; i < scene->trace.checks.count; i++) {
        if (slice_equal(rows[i].check, slice_str(check))) {
            return &rows[i];
        }
    }
    fail_msg("no row %s", check);
    return NULL;
}

static reason judged(struct op *op, const char *from, const char *to) {
    struct scene scene;
    scene_read(&scene, op, from, to);
    return scene_judge(&scene);
}

static void a_good_statement_meets_all_rules(void **state) {
    struct scene scene;
    scene_read(&scene, *state, NULL, NULL);
    assert_done(scene_judge(&scene));
    assert_int_equal(scene.trace.checks.count, 25);
    for (size_t i = 0; i < scene.trace.checks.count; i++) {
        assert_int_not_equal(((const struct trace_check *)scene.trace.checks.at)[i].result, CHECK_FAIL);
    }
    assert_text(scene.statement.identity.in_response_to, REQUEST_ID);
    assert_int_equal(scene.statement.identity.expires, NOON + 5 * MINUTE_MS); // the confirmation's
    assert_int_equal(scene.statement.identity.authn_instant, NOON - MINUTE_MS);
    assert_int_equal(scene.statement.identity.session_not_on_or_after, 0);
}

// from -> to, in a Response that is signed; why NULL: accepted.
static const struct change {
    const char *from, *to;
    reason why;
} changes[] = {
    // status, version
    {SUCCESS, "urn:oasis:names:tc:SAML:2.0:status:Responder", REASON_OF(RESPONSE_STATUS)},
    {" Value=\"" SUCCESS "\"", "", REASON_OF(RESPONSE_STATUS)},
    {"Version=\"2.0\"><saml:Issuer xmlns", "Version=\"1.1\"><saml:Issuer xmlns", REASON_OF(RESPONSE_VERSION)},
    {"Version=\"2.0\"><saml:Issuer xmlns", "><saml:Issuer xmlns", REASON_OF(RESPONSE_VERSION)},
    {"Version=\"2.0\"><saml:Issuer>", "Version=\"2.00\"><saml:Issuer>", REASON_OF(ASSERTION_VERSION)},
    {"Version=\"2.0\"><saml:Issuer>", "><saml:Issuer>", REASON_OF(ASSERTION_VERSION)},
    {" ID=\"_r1\"", "", REASON_OF(RESPONSE_ID_MISSING)},
    {" ID=\"_r1\"", " ID=\"\"", REASON_OF(RESPONSE_ID_MISSING)},
    // destination
    {"Destination=\"" OUR_ACS "\"", "", REASON_OF(RESPONSE_DESTINATION)},
    {"Destination=\"" OUR_ACS "\"", "Destination=\"\"", REASON_OF(RESPONSE_DESTINATION)},
    {"Destination=\"" OUR_ACS "\"", "Destination=\"" OUR_ACS "/\"", REASON_OF(RESPONSE_DESTINATION)},
    // issuers
    {">" THEIR_ENTITY "</saml:Issuer><samlp:Status", ">https://other.example/</saml:Issuer><samlp:Status",
     REASON_OF(RESPONSE_ISSUER_MISMATCH)},
    {">" THEIR_ENTITY "</saml:Issuer><samlp:Status", "> " THEIR_ENTITY "</saml:Issuer><samlp:Status",
     REASON_OF(RESPONSE_ISSUER_MISMATCH)},
    {"<saml:Issuer xmlns:saml=\"" NS_SAML "\">" THEIR_ENTITY "</saml:Issuer>", "",
     REASON_OF(RESPONSE_ISSUER_MISMATCH)},
    {"<saml:Issuer xmlns:saml", "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\" xmlns:saml",
     NULL},
    {"<saml:Issuer xmlns:saml", "<saml:Issuer Format=\"urn:x\" xmlns:saml", REASON_OF(RESPONSE_ISSUER_MISMATCH)},
    {"<saml:Issuer>" THEIR_ENTITY, "<saml:Issuer>https://other.example/", REASON_OF(ASSERTION_ISSUER_MISMATCH)},
    {"<saml:Issuer>" THEIR_ENTITY "</saml:Issuer>", "", REASON_OF(ASSERTION_ISSUER_MISMATCH)},
    // conditions
    {"<saml:Conditions NotBefore=\"2026-11-21T15:55:00Z\" NotOnOrAfter=\"2026-11-21T16:06:00Z\">"
     "<saml:AudienceRestriction><saml:Audience>" OUR_ENTITY "</saml:Audience></saml:AudienceRestriction>"
     "</saml:Conditions>", "", REASON_OF(CONDITIONS_MISSING)},
    {" NotBefore=\"2026-11-21T15:55:00Z\"", "", NULL},
    {"2026-11-21T15:55:00Z", "2026-11-21T16:03:00Z", NULL},
    {"2026-11-21T15:55:00Z", "2026-11-21T16:03:00.001Z", REASON_OF(CONDITIONS_NOT_YET_VALID)},
    {"2026-11-21T15:55:00Z", "soon", REASON_OF(CONDITIONS_NOT_YET_VALID)},
    {"2026-11-21T15:55:00Z", "", REASON_OF(CONDITIONS_NOT_YET_VALID)},
    {" NotOnOrAfter=\"2026-11-21T16:06:00Z\"", "", NULL},
    {"2026-11-21T16:06:00Z", "2026-11-21T15:57:00.001Z", NULL},
    {"2026-11-21T16:06:00Z", "2026-11-21T15:57:00Z", REASON_OF(CONDITIONS_EXPIRED)},
    {"2026-11-21T16:06:00Z", "later", REASON_OF(CONDITIONS_EXPIRED)},
    {"ID=\"_a1\" IssueInstant=\"2026-11-21T16:00:00Z\"", "ID=\"_a1\" IssueInstant=\"2026-11-20T15:00:00Z\"", NULL},
    {"ID=\"_a1\" IssueInstant=\"2026-11-21T16:00:00Z\"", "ID=\"_a1\" IssueInstant=\"2026-11-20T14:57:00Z\"",
     REASON_OF(CONDITIONS_EXPIRED)},
    {"<saml:Audience>" OUR_ENTITY, "<saml:Audience>" OUR_ENTITY "/", REASON_OF(CONDITIONS_AUDIENCE)},
    {"<saml:Audience>" OUR_ENTITY, "<saml:Audience> " OUR_ENTITY, REASON_OF(CONDITIONS_AUDIENCE)},
    {"<saml:Audience>" OUR_ENTITY "</saml:Audience>", "", REASON_OF(CONDITIONS_AUDIENCE)},
    {"<saml:Audience>", "<saml:Audience>other</saml:Audience><saml:Audience>", NULL},
    {"</saml:Conditions>", "<saml:AudienceRestriction><saml:Audience>other</saml:Audience>"
     "</saml:AudienceRestriction></saml:Conditions>", REASON_OF(CONDITIONS_AUDIENCE)},
    {"<saml:AudienceRestriction><saml:Audience>" OUR_ENTITY "</saml:Audience></saml:AudienceRestriction>", "",
     REASON_OF(CONDITIONS_AUDIENCE_MISSING)},
    {"</saml:Conditions>", "<saml:OneTimeUse></saml:OneTimeUse><saml:ProxyRestriction></saml:ProxyRestriction>"
     "</saml:Conditions>", NULL},
    {"</saml:Conditions>", "<x:Odd xmlns:x=\"urn:x\"></x:Odd></saml:Conditions>", REASON_OF(CONDITIONS_UNKNOWN)},
    // subject
    {"ada&#64;acme.example", "", REASON_OF(SUBJECT_NAME_ID_MISSING)},
    {"Method=\"" BEARER "\"", "Method=\"urn:oasis:names:tc:SAML:2.0:cm:holder-of-key\"",
     REASON_OF(SUBJECT_CONFIRMATION_METHOD)},
    {"Method=\"" BEARER "\"", "", REASON_OF(SUBJECT_CONFIRMATION_METHOD)},
    {"Recipient=\"" OUR_ACS "\"", "Recipient=\"https://other.example/acs\"", REASON_OF(SUBJECT_RECIPIENT)},
    {"Recipient=\"" OUR_ACS "\"", "", REASON_OF(SUBJECT_RECIPIENT)},
    {"NotOnOrAfter=\"2026-11-21T16:05:00Z\"", "NotOnOrAfter=\"2026-11-21T15:57:00.001Z\"", NULL},
    {"NotOnOrAfter=\"2026-11-21T16:05:00Z\"", "NotOnOrAfter=\"2026-11-21T15:57:00Z\"", REASON_OF(SUBJECT_EXPIRED)},
    {"NotOnOrAfter=\"2026-11-21T16:05:00Z\"", "", REASON_OF(SUBJECT_EXPIRED)},
    {"NotOnOrAfter=\"2026-11-21T16:05:00Z\"", "NotOnOrAfter=\"never\"", REASON_OF(SUBJECT_EXPIRED)},
    {"Recipient=\"" OUR_ACS "\"", "NotBefore=\"2026-11-21T15:00:00Z\" Recipient=\"" OUR_ACS "\"",
     REASON_OF(SUBJECT_NOT_BEFORE)},
    {"<saml:SubjectConfirmationData InResponseTo=\"" REQUEST_ID "\"",
     "<saml:SubjectConfirmationData InResponseTo=\"_other\"", REASON_OF(SUBJECT_IN_RESPONSE_TO)},
    {"<saml:SubjectConfirmationData InResponseTo=\"" REQUEST_ID "\"", "<saml:SubjectConfirmationData", NULL},
    // a second confirmation may hold where the first does not
    {"<saml:SubjectConfirmation ", "<saml:SubjectConfirmation Method=\"" BEARER "\"></saml:SubjectConfirmation>"
     "<saml:SubjectConfirmation ", NULL},
    // authentication
    {"<saml:AuthnStatement AuthnInstant=\"2026-11-21T15:59:00Z\" SessionIndex=\"_s1\"><saml:AuthnContext>"
     "<saml:AuthnContextClassRef>" PASSWORD "</saml:AuthnContextClassRef></saml:AuthnContext>"
     "</saml:AuthnStatement>", "", REASON_OF(AUTHN_STATEMENT_MISSING)},
    {"AuthnInstant=\"2026-11-21T15:59:00Z\"", "", REASON_OF(AUTHN_STATEMENT_MISSING)},
    {"SessionIndex=", "SessionNotOnOrAfter=\"2026-11-21T15:57:00.001Z\" SessionIndex=", NULL},
    {"SessionIndex=", "SessionNotOnOrAfter=\"2026-11-21T15:57:00Z\" SessionIndex=",
     REASON_OF(AUTHN_SESSION_EXPIRED)},
    {"SessionIndex=", "SessionNotOnOrAfter=\"x\" SessionIndex=", REASON_OF(AUTHN_SESSION_EXPIRED)},
    // attributes do not matter here
    {"Name=\"groups\"", "Name=\"urn:oid:1.2.3\" NameFormat=\"urn:odd\"", NULL},
};

static void each_rule_accepts_and_refuses(void **state) {
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        reason why = judged(*state, changes[i].from, changes[i].to);
        if (why != changes[i].why) {
            fail_msg("%s -> %s: got %s, want %s", changes[i].from, changes[i].to,
                     why != NULL ? why->slug : "done", changes[i].why != NULL ? changes[i].why->slug : "done");
        }
        op_close(*state);
        op_open(*state, NOON);
    }
}

static void an_unsigned_response_may_leave_its_destination_and_issuer_out(void **state) {
    struct scene scene;
    scene_read(&scene, *state, NULL, NULL);
    scene.statement.response_signed = false;
    scene.statement.destination = S("");
    scene.statement.response_issuer = S("");
    assert_done(scene_judge(&scene));
    assert_int_equal(row_of(&scene, "destination")->result, CHECK_SKIP);
    assert_int_equal(row_of(&scene, "response_issuer")->result, CHECK_SKIP);
    scene.statement.destination = S("https://other.example/");
    assert_refused(scene_judge(&scene), RESPONSE_DESTINATION);
    scene.statement.destination = S("");
    scene.statement.response_issuer = S("https://other.example/");
    assert_refused(scene_judge(&scene), RESPONSE_ISSUER_MISMATCH);
}

static void an_in_response_to_that_nobody_signed_proves_nothing(void **state) {
    struct scene scene;
    scene_read(&scene, *state, "<saml:SubjectConfirmationData InResponseTo=\"" REQUEST_ID "\"",
               "<saml:SubjectConfirmationData");
    scene.statement.response_signed = false;
    assert_refused(scene_judge(&scene), RESPONSE_IN_RESPONSE_TO_MISSING);
    scene.statement.response_in_response_to = S(""); // truly unsolicited
    assert_done(scene_judge(&scene));
    assert_int_equal(scene.statement.identity.in_response_to.len, 0);
    scene.statement.response_signed = true;
    scene.statement.response_in_response_to = S(REQUEST_ID);
    assert_done(scene_judge(&scene));
    assert_text(scene.statement.identity.in_response_to, REQUEST_ID);
    // The confirmation's own counts, whatever the unsigned Response says or leaves out.
    scene_read(&scene, *state, NULL, NULL);
    scene.statement.response_signed = false;
    scene.statement.response_in_response_to = S("");
    assert_done(scene_judge(&scene));
    assert_text(scene.statement.identity.in_response_to, REQUEST_ID);
    scene.statement.response_in_response_to = S("_other");
    assert_refused(scene_judge(&scene), SUBJECT_IN_RESPONSE_TO);
}

static void a_connection_without_idp_refuses(void **state) {
    struct scene scene;
    scene_read(&scene, *state, NULL, NULL);
    scene.trust.connection.idp.entity_id = S("");
    assert_refused(scene_judge(&scene), RESPONSE_ISSUER_UNKNOWN);
}

static void an_identifier_attribute_replaces_the_name_id(void **state) {
    struct scene scene;
    scene_read(&scene, *state, "ada&#64;acme.example", "");
    assert_refused(scene_judge(&scene), SUBJECT_NAME_ID_MISSING);
    scene.trust.connection.policy.identifier_attribute = S("uid");
    assert_done(scene_judge(&scene));
}

static void the_policy_asks_for_a_way_to_sign_in(void **state) {
    struct scene scene;
    struct slice wanted[] = {S("urn:strong"), S(PASSWORD)};
    scene_read(&scene, *state, NULL, NULL);
    scene.trust.connection.policy.authn_context = (struct texts){wanted, 2};
    assert_done(scene_judge(&scene));
    scene.trust.connection.policy.authn_context = (struct texts){wanted, 1};
    assert_refused(scene_judge(&scene), AUTHN_CONTEXT);
}

static void skew_is_the_policys(void **state) {
    struct scene scene;
    scene_read(&scene, *state, "2026-11-21T16:06:00Z", "2026-11-21T15:59:00Z");
    assert_done(scene_judge(&scene));
    scene.trust.connection.policy.skew_seconds = 60;
    assert_refused(scene_judge(&scene), CONDITIONS_EXPIRED);
    scene.trust.connection.policy.skew_seconds = 61;
    assert_done(scene_judge(&scene));
}

static void the_first_failing_rule_names_the_reason_and_all_are_shown(void **state) {
    struct scene scene;
    scene_read(&scene, *state, "<saml:Audience>" OUR_ENTITY, "<saml:Audience>other");
    scene.statement.destination = S("https://other.example/");
    assert_refused(scene_judge(&scene), RESPONSE_DESTINATION);
    assert_int_equal(scene.trace.checks.count, 25);
    assert_int_equal(row_of(&scene, "destination")->result, CHECK_FAIL);
    assert_text(row_of(&scene, "destination")->expected, OUR_ACS);
    assert_text(row_of(&scene, "destination")->got, "https://other.example/");
    assert_int_equal(row_of(&scene, "audience")->result, CHECK_FAIL);
    assert_text(row_of(&scene, "audience")->expected, OUR_ENTITY);
    assert_text(row_of(&scene, "audience")->got, "other");
    assert_int_equal(row_of(&scene, "recipient")->result, CHECK_PASS);
}

static void a_late_assertion_says_by_how_much(void **state) {
    struct scene scene;
    scene_read(&scene, *state, "2026-11-21T16:06:00Z", "2026-11-21T15:50:00Z");
    assert_refused(scene_judge(&scene), CONDITIONS_EXPIRED);
    assert_text(row_of(&scene, "not_on_or_after")->got, "2026-11-21T15:50:00Z (600 s late)");
    assert_text(row_of(&scene, "not_on_or_after")->expected, "2026-11-21T16:00:00.000Z, 180 s of skew allowed");
}

static void expiry_is_the_earliest_signed_end(void **state) {
    struct scene scene;
    scene_read(&scene, *state, "2026-11-21T16:06:00Z", "2026-11-21T16:01:00Z");
    assert_done(scene_judge(&scene));
    assert_int_equal(scene.statement.identity.expires, NOON + MINUTE_MS);
    scene_read(&scene, *state, "2026-11-21T16:05:00Z", "2030-01-01T00:00:00Z");
    scene.statement.conditions_not_on_or_after = SLICE_NONE;
    assert_done(scene_judge(&scene));
    assert_int_equal(scene.statement.identity.expires, NOON + 25 * HOUR_MS);
    scene_read(&scene, *state, "SessionIndex=", "SessionNotOnOrAfter=\"2026-11-21T16:00:01Z\" SessionIndex=");
    assert_done(scene_judge(&scene));
    assert_int_equal(scene.statement.identity.expires, NOON + 5 * MINUTE_MS); // a session's end is no end of it
    assert_int_equal(scene.statement.identity.session_not_on_or_after, NOON + 1000);
}

// Which confirmation holds depends on the clock and on an InResponseTo that nobody signed; the ledger's hour must not.
static void expiry_is_the_same_whichever_confirmation_holds(void **state) {
    struct scene scene;
    const char *two =
        "<saml:SubjectConfirmation Method=\"" BEARER "\"><saml:SubjectConfirmationData "
        "InResponseTo=\"_other\" NotOnOrAfter=\"2026-11-21T16:59:00Z\" Recipient=\"" OUR_ACS
        "\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>";
    scene_read(&scene, *state, "</saml:Subject>", two);
    scene.statement.conditions_not_on_or_after = SLICE_NONE;
    scene.statement.response_signed = false;
    assert_done(scene_judge(&scene));
    assert_text(scene.statement.identity.in_response_to, REQUEST_ID);
    assert_int_equal(scene.statement.identity.expires, NOON + 5 * MINUTE_MS);
    scene.statement.response_in_response_to = S("_other");
    assert_done(scene_judge(&scene));
    assert_text(scene.statement.identity.in_response_to, "_other");
    assert_int_equal(scene.statement.identity.expires, NOON + 5 * MINUTE_MS);
    scene.op->now = NOON + 30 * MINUTE_MS; // the first is over
    assert_done(scene_judge(&scene));
    assert_int_equal(scene.statement.identity.expires, NOON + 5 * MINUTE_MS);
}

static void rules_that_were_not_reached_are_shown_as_skipped(void **state) {
    struct scene scene;
    scene_read(&scene, *state, NULL, NULL);
    rules_skip(*state, &scene.trace);
    assert_int_equal(scene.trace.checks.count, 25);
    assert_int_equal(row_of(&scene, "status")->result, CHECK_SKIP);
    assert_int_equal(row_of(&scene, "in_response_to")->result, CHECK_SKIP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_good_statement_meets_all_rules),
        TEST(each_rule_accepts_and_refuses),
        TEST(an_unsigned_response_may_leave_its_destination_and_issuer_out),
        TEST(an_in_response_to_that_nobody_signed_proves_nothing),
        TEST(a_connection_without_idp_refuses),
        TEST(an_identifier_attribute_replaces_the_name_id),
        TEST(the_policy_asks_for_a_way_to_sign_in),
        TEST(skew_is_the_policys),
        TEST(the_first_failing_rule_names_the_reason_and_all_are_shown),
        TEST(a_late_assertion_says_by_how_much),
        TEST(expiry_is_the_earliest_signed_end),
        TEST(expiry_is_the_same_whichever_confirmation_holds),
        TEST(rules_that_were_not_reached_are_shown_as_skipped),
    };
    RUN(tests);
}
