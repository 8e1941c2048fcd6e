// SPDX-License-Identifier: GPL-3.0-or-later
// A look at the metadata on demand, and the decision on what it found. The other server is played by the test.
#include "http/idp_made.h"

#define CONNECTION "/api/v1/connections/acme-okta"
#define IDP CONNECTION "/idp"
#define CHANGES CONNECTION "/metadata-changes"

static const char *document; // what the server has; NULL: it does not answer

reason idp_fetch(struct op *op, const struct fetch_options *options, struct slice url,
                 struct slice *ret_xml) {
    (void)options;
    (void)url;
    if (document == NULL) {
        return op_refuse(op, REASON_OF(METADATA_LOCATION), "as the test says");
    }
    *ret_xml = slice_str(document);
    return NULL;
}

// The XML itself, of the text that stands in JSON.
static const char *xml_of(struct scene *at, const char *text) {
    const struct json *value = NULL;
    struct slice plain = S("");
    assert_done(json_parse(&at->keep, slice_str(keep_text(at, "\"%s\"", text)), &value));
    assert_true(json_text(value, &plain));
    return keep_text(at, "%.*s", SLICE(plain));
}

static const char *first, *second; // documents of the same provider with other keys

static int open_changes(void **state) {
    pool_refuses = NULL;
    int code = scene_open(state);
    struct scene *at = *state;
    two_tenants(at);
    first = xml_of(at, metadata_made(at, "https://idp.example/one"));
    second = xml_of(at, metadata_made(at, "https://idp.example/one"));
    document = first;
    (void)done(at, OPERATOR, "setIdp", IDP, "{\"metadata_url\":\"https://idp.example/metadata\"}");
    return code;
}
#define CHANGE_TEST(name) cmocka_unit_test_setup_teardown(name, open_changes, scene_close)

static struct answer look_again(struct scene *at) {
    return done(at, OPERATOR, "refreshMetadata", CONNECTION ":refresh-metadata", NULL);
}
static const char *fingerprint(struct scene *at) {
    struct answer answer = done(at, OPERATOR, "getIdp", IDP, NULL);
    expect_count(answer.body, "certificates", 1);
    return keep_at(at, answer.body, "certificates.0.sha256");
}

static void a_change_waits_and_is_applied_when_approved(void **state) {
    struct scene *at = *state;
    const char *before = fingerprint(at);
    struct answer answer = look_again(at);
    expect_text(answer.body, "outcome", "same");
    expect_null(answer.body, "change");
    document = second;
    answer = look_again(at);
    expect_text(answer.body, "outcome", "pending");
    const char *change = keep_at(at, answer.body, "change");
    assert_string_equal(fingerprint(at), before);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    answer = done(at, ann, "listMetadataChanges", CHANGES, NULL);
    expect_text(answer.body, "change", change);
    expect_text(answer.body, "proposal.entity_id", "https://idp.example/one");
    struct slice diff = S("");
    assert_true(json_text(need(answer.body, "diff"), &diff));
    assert_true(slice_find(diff, S("removed")) != SIZE_MAX);
    assert_true(slice_find(diff, S("added")) != SIZE_MAX);
    bool alarm = false;
    assert_true(json_bool(need(answer.body, "alarm"), &alarm) && alarm);
    (void)refused(at, ann, "approveMetadataChange", CHANGES ":approve", "{\"change\":\"0000\"}", 409,
                  "illegal_transition");
    (void)done(at, ann, "approveMetadataChange", CHANGES ":approve",
               keep_text(at, "{\"change\":\"%s\"}", change));
    assert_string_not_equal(fingerprint(at), before);
    expect_null(done(at, OPERATOR, "listMetadataChanges", CHANGES, NULL).body, "proposal");
}

static void a_rejected_change_is_gone(void **state) {
    struct scene *at = *state;
    const char *before = fingerprint(at);
    document = second;
    const char *change = keep_at(at, look_again(at).body, "change");
    struct answer answer = done(at, OPERATOR, "rejectMetadataChange", CHANGES ":reject",
                                keep_text(at, "{\"change\":\"%s\"}", change));
    expect_null(answer.body, "change");
    expect_text(look_again(at).body, "outcome", "rejected");
    assert_string_equal(fingerprint(at), before);
}

static void what_cannot_be_had_is_an_outcome(void **state) {
    struct scene *at = *state;
    document = NULL;
    struct answer answer = look_again(at);
    expect_text(answer.body, "outcome", "failed");
    expect_text(answer.body, "trouble", "metadata.location");
    document = "<html></html>";
    expect_text(look_again(at).body, "trouble", "metadata.malformed");
    document = first;
    answer = look_again(at);
    expect_text(answer.body, "outcome", "same");
    expect_null(answer.body, "trouble");
}

static void another_entity_in_its_place_waits(void **state) {
    struct scene *at = *state;
    document = xml_of(at, metadata_made(at, "https://evil.example/"));
    struct answer answer = look_again(at);
    expect_text(answer.body, "outcome", "pending");
    expect_text(answer.body, "proposal.entity_id", "https://evil.example/");
    expect_text(done(at, OPERATOR, "getIdp", IDP, NULL).body, "entity_id", "https://idp.example/one");
}

static void without_an_address_there_is_nothing_to_look_at(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "setIdp", IDP,
               keep_text(at, "{\"metadata_xml\":\"%s\"}", metadata_made(at, "urn:one")));
    (void)refused(at, OPERATOR, "refreshMetadata", CONNECTION ":refresh-metadata", NULL, 409,
                  "illegal_transition");
}

static void another_tenants_changes_are_not_there(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)refused(at, ann, "listMetadataChanges", "/api/v1/connections/other-okta/metadata-changes", NULL,
                  404, "not_found");
    (void)refused(at, ann, "refreshMetadata", "/api/v1/connections/other-okta:refresh-metadata", NULL,
                  404, "not_found");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHANGE_TEST(a_change_waits_and_is_applied_when_approved),
        CHANGE_TEST(a_rejected_change_is_gone),
        CHANGE_TEST(what_cannot_be_had_is_an_outcome),
        CHANGE_TEST(another_entity_in_its_place_waits),
        CHANGE_TEST(without_an_address_there_is_nothing_to_look_at),
        CHANGE_TEST(another_tenants_changes_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
