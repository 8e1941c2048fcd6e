// SPDX-License-Identifier: GPL-3.0-or-later
// The ways to say who the identity provider is, and that exactly one of them is taken. Other people's servers are
// played by the test.
#include "http/idp_made.h"

#define IDP "/api/v1/connections/acme-okta/idp"

static struct slice fetched_from;  // what idp_fetch was asked for
static bool fetched_privately;     // whether it might have gone to a private address
static const char *fetched_text;   // what it gives; NULL: it refuses

reason idp_fetch(struct op *op, const struct fetch_options *options, struct slice url,
                 struct slice *ret_xml) {
    fetched_from = url;
    fetched_privately = options->allow_private;
    if (fetched_text == NULL) {
        return op_refuse(op, REASON_OF(METADATA_LOCATION), "as the test says");
    }
    *ret_xml = slice_str(fetched_text);
    return NULL;
}

static int open_idp(void **state) {
    pool_refuses = NULL;
    fetched_text = NULL;
    fetched_from = S("");
    int code = scene_open(state);
    two_tenants(*state);
    return code;
}
#define IDP_TEST(name) cmocka_unit_test_setup_teardown(name, open_idp, scene_close)

// The XML itself, of the text that stands in JSON.
static const char *unquoted(struct scene *at, const char *text) {
    const struct json *value = NULL;
    struct slice plain = S("");
    assert_done(json_parse(&at->keep, slice_str(keep_text(at, "\"%s\"", text)), &value));
    assert_true(json_text(value, &plain));
    return keep_text(at, "%.*s", SLICE(plain));
}

static void metadata_is_taken_as_text(void **state) {
    struct scene *at = *state;
    struct answer answer = done(
        at, OPERATOR, "setIdp", IDP,
        keep_text(at, "{\"metadata_xml\":\"%s\"}", metadata_made(at, "https://idp.example/one")));
    expect_text(answer.body, "entity_id", "https://idp.example/one");
    expect_text(answer.body, "sso.0.location", "https://idp.example/sso");
    expect_text(answer.body, "sso.0.binding", "redirect");
    expect_count(answer.body, "certificates", 1);
    expect_text(answer.body, "certificates.0.subject", "CN=idp.example");
    assert_int_equal(strlen(keep_at(at, answer.body, "certificates.0.sha256")), 64);
    assert_null(look(answer.body, "certificates.0.der"));
    expect_null(answer.body, "metadata_url");
    assert_non_null(look(answer.body, "warnings"));
    answer = done(at, OPERATOR, "getIdp", IDP, NULL);
    expect_text(answer.body, "entity_id", "https://idp.example/one");
    assert_null(look(answer.body, "warnings"));
}

static void metadata_is_fetched_from_an_address(void **state) {
    struct scene *at = *state;
    fetched_text = unquoted(at, metadata_made(at, "https://idp.example/two"));
    struct answer answer = done(at, OPERATOR, "setIdp", IDP,
                                "{\"metadata_url\":\" https://idp.example/metadata \"}");
    assert_slice(fetched_from, "https://idp.example/metadata");
    assert_false(fetched_privately);
    expect_text(answer.body, "entity_id", "https://idp.example/two");
    expect_text(answer.body, "metadata_url", "https://idp.example/metadata");
    at->settings.allow_private_fetch = true;
    (void)done(at, OPERATOR, "setIdp", IDP, "{\"metadata_url\":\"http://127.0.0.1/\"}");
    assert_true(fetched_privately);
}

static void an_address_in_the_field_for_the_document_is_understood_and_said(void **state) {
    struct scene *at = *state;
    fetched_text = unquoted(at, metadata_made(at, "https://idp.example/three"));
    struct answer answer = done(at, OPERATOR, "setIdp", IDP,
                                "{\"metadata_xml\":\"  https://idp.example/metadata\\n\"}");
    assert_slice(fetched_from, "https://idp.example/metadata");
    expect_text(answer.body, "entity_id", "https://idp.example/three");
    struct slice warning = S("");
    assert_true(json_text(need(answer.body, "warnings.0"), &warning));
    assert_true(slice_starts(warning, S("metadata_xml held an address")));
}

static void the_few_values_are_enough(void **state) {
    struct scene *at = *state;
    const char *certificate = certificate_made(at, "a");
    struct answer answer = done(at, OPERATOR, "setIdp", IDP,
                                keep_text(at,
                                          "{\"entity_id\":\"urn:idp\",\"sso_url\":"
                                          "\"https://idp.example/sso\",\"slo_url\":null,"
                                          "\"certificates\":[\"%s\",\"-----BEGIN CERTIFICATE-----"
                                          "\\n%s\\n-----END CERTIFICATE-----\\n\"]}",
                                          certificate, certificate_made(at, "b")));
    expect_count(answer.body, "certificates", 2);
    expect_text(answer.body, "certificates.1.subject", "CN=b");
    expect_count(answer.body, "slo", 0);
    answer = done(at, OPERATOR, "setIdp", IDP,
                  keep_text(at,
                            "{\"entity_id\":\"urn:idp\",\"sso_url\":\"https://idp.example/sso\","
                            "\"slo_url\":\"https://idp.example/slo\",\"certificates\":\"%s\"}",
                            certificate));
    expect_count(answer.body, "certificates", 1);
    expect_text(answer.body, "slo.0.location", "https://idp.example/slo");
}

static void exactly_one_way_is_taken(void **state) {
    struct scene *at = *state;
    (void)refused(at, OPERATOR, "setIdp", IDP, "{}", 422, "invalid_input");
    (void)refused(at, OPERATOR, "setIdp", IDP, "{\"metadata_xml\":\"  \"}", 422, "invalid_input");
    struct answer answer =
        refused(at, OPERATOR, "setIdp", IDP,
                "{\"metadata_xml\":\"<a/>\",\"metadata_url\":\"https://idp.example/\"}", 422,
                "invalid_input");
    expect_error(answer.body, "/metadata_xml", "not_allowed");
    expect_error(answer.body, "/metadata_url", "not_allowed");
    answer = refused(at, OPERATOR, "setIdp", IDP,
                     "{\"metadata_url\":\"https://idp.example/\",\"sso_url\":"
                     "\"https://idp.example/\"}",
                     422, "invalid_input");
    expect_error(answer.body, "/sso_url", "not_allowed");
    answer =
        refused(at, OPERATOR, "setIdp", IDP, "{\"entity_id\":\"urn:x\"}", 422, "invalid_input");
    expect_error(answer.body, "/sso_url", "required");
    expect_error(answer.body, "/certificates", "required");
    assert_int_equal(fetched_from.len, 0);
}

static void what_is_no_provider_is_refused_by_field(void **state) {
    static const char *const cases[][4] = {
        {"{\"metadata_xml\":7}", "/metadata_xml", "wrong_type", "invalid_input"},
        {"{\"metadata_xml\":\"<a></a>\"}", "/metadata_xml", "metadata.malformed", NULL},
        {"{\"metadata_url\":\"https://idp.example/\"}", "/metadata_url", "metadata.location", NULL},
        {"{\"certificates\":7}", "/certificates", "wrong_type", "invalid_input"},
        {"{\"certificates\":[7]}", "/certificates/0", "wrong_type", "invalid_input"},
        {"{\"metadata\":\"x\"}", "/metadata", "unknown_field", "invalid_input"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer = refused(*state, OPERATOR, "setIdp", IDP, cases[i][0], 422,
                                       cases[i][3] != NULL ? cases[i][3] : cases[i][2]);
        expect_error(answer.body, cases[i][1], cases[i][2]);
    }
    struct answer answer =
        call(*state, OPERATOR, "setIdp", IDP,
             "{\"entity_id\":\"urn:x\",\"sso_url\":\"ftp://idp.example/\",\"certificates\":"
             "[\"nonsense\"]}");
    assert_int_equal(answer.status, 422);
    expect_error(answer.body, "/sso_url", "metadata.location");
    expect_error(answer.body, "/certificates/0", "invalid_certificate");
}

static void what_the_workers_refuse_is_passed_on(void **state) {
    struct scene *at = *state;
    pool_refuses = REASON_OF(METADATA_DTD_FORBIDDEN);
    struct answer answer = refused(at, OPERATOR, "setIdp", IDP, "{\"metadata_xml\":\"<a/>\"}", 422,
                                   "metadata.dtd_forbidden");
    expect_error(answer.body, "/metadata_xml", "metadata.dtd_forbidden");
    pool_refuses = REASON_OF(WORKER_FAILED);
    answer = refused(at, OPERATOR, "setIdp", IDP, "{\"metadata_xml\":\"<a/>\"}", 503,
                     "worker.failed");
    assert_null(look(answer.body, "errors"));
    assert_slice(reply_header_of(at, "Retry-After"), "2");
}

static void nothing_is_stored_when_it_is_refused(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "setIdp", IDP,
               keep_text(at, "{\"metadata_xml\":\"%s\"}", metadata_made(at, "urn:before")));
    (void)refused(at, OPERATOR, "setIdp", IDP, "{\"metadata_url\":\"https://idp.example/\"}", 422,
                  "metadata.location");
    expect_text(done(at, OPERATOR, "getIdp", IDP, NULL).body, "entity_id", "urn:before");
}

static void nobody_has_us_fetch_for_what_is_not_there(void **state) {
    (void)refused(*state, OPERATOR, "setIdp", "/api/v1/connections/none/idp",
                  "{\"metadata_url\":\"https://idp.example/\"}", 404, "not_found");
    assert_int_equal(fetched_from.len, 0);
}

#define CONNECTION "/api/v1/connections/acme-okta"

static bool says(const struct json *list, const char *part) {
    for (size_t i = 0; i < json_count(list); i++) {
        struct slice text = S("");
        if (json_text(json_at(list, i), &text) && slice_find(text, slice_str(part)) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static void who_has_to_sign_the_metadata_stays_until_it_is_taken_away(void **state) {
    struct scene *at = *state;
    const char *metadata = metadata_made(at, "https://idp.example/one");
    const char *signer = certificate_made(at, "federation");
    struct answer answer =
        refused(at, OPERATOR, "setIdp", IDP,
                keep_text(at, "{\"metadata_xml\":\"%s\",\"metadata_certificate\":\"%s\"}",
                          metadata, signer),
                422, "metadata.signature");
    expect_error(answer.body, "/metadata_xml", "metadata.signature");
    answer = refused(at, OPERATOR, "setIdp", IDP,
                     keep_text(at, "{\"metadata_xml\":\"%s\",\"metadata_certificate\":\"x\"}",
                               metadata),
                     422, "invalid_certificate");
    expect_error(answer.body, "/metadata_certificate", "invalid_certificate");
    answer = refused(at, OPERATOR, "setIdp", IDP,
                     keep_text(at,
                               "{\"entity_id\":\"urn:idp\",\"sso_url\":\"https://idp.example/sso\","
                               "\"certificates\":\"%s\",\"metadata_certificate\":\"%s\"}",
                               signer, signer),
                     422, "invalid_input");
    expect_error(answer.body, "/metadata_certificate", "not_allowed");
    // Null asks for none, and nothing at all for what was there: none.
    answer = done(at, OPERATOR, "setIdp", IDP,
                  keep_text(at, "{\"metadata_xml\":\"%s\",\"metadata_certificate\":null}", metadata));
    expect_count(answer.body, "metadata_certificates", 0);
}

static void a_distrusted_certificate_stays_out(void **state) {
    struct scene *at = *state;
    const char *first = certificate_made(at, "first");
    const char *second = certificate_made(at, "second");
#define VALUES "{\"entity_id\":\"urn:idp\",\"sso_url\":\"https://idp.example/sso\"," \
                         "\"certificates\":[\"%s\"]}"
    struct answer answer = done(at, OPERATOR, "setIdp", IDP, keep_text(at, VALUES, first));
    const char *print = keep_at(at, answer.body, "certificates.0.sha256");
    answer = done(at, OPERATOR, "getConnection", CONNECTION, NULL);
    assert_int_equal(json_count(look(answer.body, "problems")), 0);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = keep_text(at, CONNECTION "/certificates/%s:distrust", print);
    answer = done(at, ann, "distrustCertificate", path, NULL);
    expect_count(answer.body, "distrusted", 1);
    expect_text(answer.body, "distrusted.0.subject", "CN=first");
    assert_int_equal(strlen(keep_at(at, answer.body, "distrusted.0.key_sha256")), 64);
    assert_true(says(look(answer.body, "problems"), "No certificate"));
    assert_true(says(look(answer.body, "remarks"), "distrusted"));
    // No import brings it back; a second certificate is taken, with a word on the first.
    (void)refused(at, OPERATOR, "setIdp", IDP, keep_text(at, VALUES, first), 422,
                  "metadata.no_certificate");
    answer = done(at, OPERATOR, "setIdp", IDP,
                  keep_text(at, VALUES, keep_text(at, "%s\",\"%s", first, second)));
    expect_count(answer.body, "certificates", 1);
    expect_text(answer.body, "certificates.0.subject", "CN=second");
    assert_true(says(look(answer.body, "warnings"), "distrusted"));
    // Giving the trust back is the operators'.
    path = keep_text(at, CONNECTION "/certificates/%s:trust", print);
    (void)refused(at, ann, "trustCertificate", path, NULL, 403, "forbidden");
    answer = done(at, OPERATOR, "trustCertificate", path, NULL);
    expect_count(answer.body, "distrusted", 0);
    (void)refused(at, OPERATOR, "trustCertificate", path, NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "distrustCertificate", CONNECTION "/certificates/abc:distrust", NULL,
                  422, "invalid_input");
}

// What another gate has of a provider, with what differs; nobody is asked.
#define WHOLE                                                                                      \
    "{\"entity_id\":\"urn:idp\",\"sso\":[{\"binding\":\"post\",\"location\":\"%s\"}],"             \
    "\"slo\":[{\"binding\":\"redirect\",\"location\":\"https://idp.example/slo\","                   \
    "\"response_location\":\"https://idp.example/done\"}],\"want_signed_requests\":true,"            \
    "\"valid_until\":\"2100-01-01T00:00:00Z\",\"metadata_url\":\"https://idp.example/metadata\","    \
    "\"certificates\":[\"%s\"],\"metadata_certificates\":[\"%s\"]%s}"

static void all_of_a_provider_is_taken_as_it_is_shown(void **state) {
    struct scene *at = *state;
    const char *key = certificate_made(at, "idp");
    const char *signer = certificate_made(at, "federation");
    const char *sso = "https://idp.example/sso";
    struct answer answer = done(at, OPERATOR, "setIdp", IDP, keep_text(at, WHOLE, sso, key, signer, ""));
    assert_int_equal(fetched_from.len, 0);
    answer = done(at, OPERATOR, "getIdp", IDP, NULL);
    expect_count(answer.body, "sso", 1);
    expect_text(answer.body, "sso.0.binding", "post");
    expect_text(answer.body, "slo.0.response_location", "https://idp.example/done");
    expect_text(answer.body, "metadata_url", "https://idp.example/metadata");
    assert_non_null(strstr(keep_at(at, answer.body, "valid_until"), "2100-01-01"));
    expect_count(answer.body, "certificates_der", 1);
    expect_count(answer.body, "metadata_certificates_der", 1);
    expect_text(answer.body, "metadata_certificates.0.subject", "CN=federation");
    // The whole is the whole: what it does not say of signers is that there are none.
    answer = done(at, OPERATOR, "setIdp", IDP,
                  keep_text(at, "{\"entity_id\":\"urn:idp\",\"sso\":[{\"binding\":\"post\",\"location\":\"%s\"}],"
                                "\"certificates\":[\"%s\"]}", sso, key));
    expect_count(answer.body, "metadata_certificates", 0);
    expect_null(answer.body, "metadata_url");
}

static void what_is_wrong_in_all_of_a_provider_is_said_by_field(void **state) {
    struct scene *at = *state;
    const char *key = certificate_made(at, "idp");
    const char *sso = "https://idp.example/sso";
    struct answer answer = refused(at, OPERATOR, "setIdp", IDP,
                                   keep_text(at, WHOLE, "ftp://idp.example", key, key, ""), 422,
                                   "metadata.location");
    expect_text(answer.body, "errors.0.pointer", "/sso/0");
    answer = refused(at, OPERATOR, "setIdp", IDP, keep_text(at, WHOLE, sso, "AAAA", key, ""), 422,
                     "invalid_certificate");
    expect_text(answer.body, "errors.0.pointer", "/certificates/0");
    answer = refused(at, OPERATOR, "setIdp", IDP, keep_text(at, WHOLE, sso, key, "AAAA", ""), 422,
                     "invalid_certificate");
    expect_text(answer.body, "errors.0.pointer", "/metadata_certificates/0");
    (void)refused(at, OPERATOR, "setIdp", IDP,
                  keep_text(at, WHOLE, sso, key, key, ",\"metadata_valid_days\":7"), 422,
                  "metadata.validity");
    (void)refused(at, OPERATOR, "setIdp", IDP,
                  keep_text(at, WHOLE, sso, key, key, ",\"sso_url\":\"https://idp.example\""), 422,
                  "invalid_input");
    answer = refused(at, OPERATOR, "setIdp", IDP,
                     keep_text(at, "{\"entity_id\":\"urn:idp\",\"sso\":[{\"location\":\"%s\"}],"
                                   "\"certificates\":[\"%s\"],\"metadata_url\":\"http://idp.example\"}", sso, key),
                     422, "metadata.location");
    expect_text(answer.body, "errors.0.pointer", "/metadata_url");
    answer = refused(at, OPERATOR, "setIdp", IDP,
                     "{\"metadata_url\":\"https://idp.example/m\",\"want_signed_requests\":true}", 422,
                     "invalid_input");
    expect_text(answer.body, "errors.0.pointer", "/want_signed_requests");
}

static void an_administrator_sets_the_provider_of_the_own_tenant(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *body =
        keep_text(at, "{\"metadata_xml\":\"%s\"}", metadata_made(at, "https://idp.example/ann"));
    (void)done(at, ann, "setIdp", IDP, body);
    (void)refused(at, ann, "setIdp", "/api/v1/connections/other-okta/idp", body, 404, "not_found");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IDP_TEST(metadata_is_taken_as_text),
        IDP_TEST(metadata_is_fetched_from_an_address),
        IDP_TEST(an_address_in_the_field_for_the_document_is_understood_and_said),
        IDP_TEST(the_few_values_are_enough),
        IDP_TEST(exactly_one_way_is_taken),
        IDP_TEST(what_is_no_provider_is_refused_by_field),
        IDP_TEST(what_the_workers_refuse_is_passed_on),
        IDP_TEST(nothing_is_stored_when_it_is_refused),
        IDP_TEST(nobody_has_us_fetch_for_what_is_not_there),
        IDP_TEST(who_has_to_sign_the_metadata_stays_until_it_is_taken_away),
        IDP_TEST(a_distrusted_certificate_stays_out),
        IDP_TEST(all_of_a_provider_is_taken_as_it_is_shown),
        IDP_TEST(what_is_wrong_in_all_of_a_provider_is_said_by_field),
        IDP_TEST(an_administrator_sets_the_provider_of_the_own_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
