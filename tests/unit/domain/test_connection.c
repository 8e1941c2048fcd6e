// SPDX-License-Identifier: GPL-3.0-or-later
// Connections as rows: made, numbered, listed, found by a domain, given an IdP, and what is
// forgotten when one goes.
#include "connections.h"

#include "base/digest.h"
#include "base/json.h"
#include "domain/space.h"
#include "domain/user.h"

// ---- as a whole ----

static void slug_and_tenant_are_enough(void **state) {
    struct fixture *fixture = *state;
    struct connection connection = stored(fixture, "acme-okta");
    assert_slice(connection.tenant, "acme");
    assert_int_equal(connection.version, 1);
    assert_int_equal(connection.idp.entity_id.len, 0);
    assert_int_equal(connection.mapping.rules.count, 0);
    assert_int_equal(connection.mapping.mode, MAPPING_AUTHORITATIVE);
    assert_slice(connection.policy.groups_attribute, "groups");
    assert_int_equal(connection.policy.skew_seconds, 180);
    audit_is(fixture, "sso.connection_created",
             "identity provider: nothing changed; policy: nothing changed; rules: nothing changed");
}

static void the_default_policy_is_the_documented_one(void **state) {
    struct fixture *fixture = *state;
    struct policy policy = policy_default();
    struct slice text;
    assert_done(json_print(&fixture->op, json_from_fields(&fixture->op, &policy_fields, &policy),
                           false, &text));
    assert_slice(
        text,
        "{\"unsolicited\":false,\"want\":\"either\",\"want_encrypted\":false,"
        "\"second_opinion\":false,\"allow_sha1\":false,\"allow_cbc\":true,"
        "\"refuse_expired_certificates\":false,\"skew_seconds\":180,\"provisioning\":true,"
        "\"domains\":[],\"verify_email_domain\":true,\"groups_attribute\":\"groups\","
        "\"email_attribute\":null,\"identifier_attribute\":null,\"request_binding\":\"redirect\","
        "\"sign_requests\":true,\"force_authn\":false,\"authn_context\":[],"
        "\"name_id_format\":null,\"metadata_changes\":\"approve\",\"enforced\":false,"
        "\"break_glass\":[]}");
}

static void rules_are_read_from_the_documented_json(void **state) {
    struct fixture *fixture = *state;
    const char *text =
        "{\"rules\":[{\"match\":\"suffix\",\"value\":\"-admins\",\"roles\":[\"admin\"]}],"
        "\"default_role\":null,\"mode\":\"additive\"}";
    const struct json *json;
    struct slice again;
    struct mapping mapping = {.mode = MAPPING_AUTHORITATIVE};
    assert_done(json_parse(&fixture->op, slice_str(text), &json));
    assert_done(json_to_fields(&fixture->op, &mapping_fields, json, S(""), &mapping));
    const struct mapping_rule *rule = mapping.rules.at;
    assert_int_equal(rule->match, MATCH_SUFFIX);
    assert_int_equal(mapping.mode, MAPPING_ADDITIVE);
    assert_done(json_print(&fixture->op, json_from_fields(&fixture->op, &mapping_fields, &mapping),
                           false, &again));
    assert_slice(again, text);
}

static void certificates_show_fingerprints_and_no_bytes(void **state) {
    struct fixture *fixture = *state;
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    struct connection connection = stored(fixture, "acme-okta");
    struct slice text;
    assert_done(json_print(
        &fixture->op, json_from_fields(&fixture->op, &idp_fields, &connection.idp), false, &text));
    assert_true(slice_find(text, S("\"sha256\":\"")) != SIZE_MAX);
    assert_true(slice_find(text, S("\"der\"")) == SIZE_MAX);
    assert_true(slice_find(text, S("\"metadata_url\":null")) != SIZE_MAX);
}

static void a_short_name_is_taken_once_everywhere(void **state) {
    struct fixture *fixture = *state;
    assert_reason(make(fixture, "acme-okta", "acme"), DUPLICATE_SLUG);
    assert_reason(make(fixture, "acme-okta", "other"), DUPLICATE_SLUG);
    assert_slice(stored(fixture, "acme-okta").tenant, "acme");
    assert_reason(make(fixture, "acme_okta", "acme"), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/slug", FIELD_VALUE);
    assert_reason(make(fixture, "next", "nobody"), NOT_FOUND);
    assert_done(make(fixture, "next", "other"));
}

static void one_call_makes_it_with_all_its_parts(void **state) {
    struct fixture *fixture = *state;
    struct slice admin = S("admin");
    struct mapping_rule rule = {MATCH_EXACT, S("Admins"), {&admin, 1}};
    struct work work = by_operator(fixture, "whole");
    work.connection =
        (struct connection){.slug = S("whole"), .tenant = S("acme"), .idp = some_idp()};
    work.connection.policy = policy_default();
    work.connection.policy.unsolicited = true;
    work.connection.mapping = (struct mapping){.rules = {&rule, 1}};
    assert_done(fixture_write(fixture, create, &work));
    struct connection connection = stored(fixture, "whole");
    assert_true(connection.policy.unsolicited);
    assert_int_equal(connection.idp.certificates.count, 2);
    assert_int_equal(connection.mapping.rules.count, 1);
    rule.roles.count = 0;
    work.connection.mapping.rules = (struct rows){&rule, 1};
    work.connection.slug = S("another");
    work.connection.policy.skew_seconds = -1;
    work.connection.idp.certificates.count = 0;
    assert_reason(fixture_write(fixture, create, &work), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/idp/certificates", FIELD_REQUIRED);
    assert_fault(&fixture->op, 1, "/policy/skew_seconds", FIELD_RANGE);
    assert_fault(&fixture->op, 2, "/rules/rules/0/roles", FIELD_REQUIRED);
}

static void each_change_raises_the_version_and_a_new_life_goes_on_counting(void **state) {
    struct fixture *fixture = *state;
    int64_t now = 0;
    assert_done(version_of(fixture, "acme-okta", &now));
    assert_int_equal(now, 1);
    struct work work = by_operator(fixture, "acme-okta");
    work.disabled = true;
    assert_done(fixture_write(fixture, set_disabled, &work));
    assert_int_equal(work.connection.version, 2);
    assert_true(work.connection.disabled);
    audit_is(fixture, "sso.connection_disabled", "disabled");
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    assert_done(put_policy(fixture, "acme-okta", policy_default()));
    work = by_operator(fixture, "acme-okta");
    assert_done(fixture_write(fixture, set_mapping, &work));
    assert_done(version_of(fixture, "acme-okta", &now));
    assert_int_equal(now, 5);
    assert_int_equal(stored(fixture, "acme-okta").version, 5);
    assert_true(stored(fixture, "acme-okta").disabled);
    assert_reason(put_idp(fixture, "acme-okta", (struct idp){.updated_at = 0}), INVALID_INPUT);
    assert_done(version_of(fixture, "acme-okta", &now));
    assert_int_equal(now, 5);
    work = by_operator(fixture, "acme-okta");
    assert_done(fixture_write(fixture, drop, &work));
    assert_reason(version_of(fixture, "acme-okta", &now), NOT_FOUND);
    assert_done(make(fixture, "acme-okta", "other"));
    assert_done(version_of(fixture, "acme-okta", &now));
    assert_int_equal(now, 6);
}

static void what_is_not_there_is_not_found(void **state) {
    struct fixture *fixture = *state;
    const struct slice slugs[] = {S("none"), S(""), S("a\0b"), S("\xff"), S("UP")};
    int64_t now = 0;
    for (size_t i = 0; i < sizeof slugs / sizeof slugs[0]; i++) {
        struct work work = by_operator(fixture, "");
        work.slug = slugs[i];
        assert_reason(fixture_read(fixture, find, &work), NOT_FOUND);
        assert_reason(fixture_read(fixture, version, &work), NOT_FOUND);
        assert_reason(fixture_write(fixture, drop, &work), NOT_FOUND);
        assert_reason(fixture_write(fixture, set_disabled, &work), NOT_FOUND);
        assert_reason(fixture_write(fixture, set_mapping, &work), NOT_FOUND);
    }
    assert_reason(version_of(fixture, "acme", &now), NOT_FOUND);
}

static void lists_are_by_tenant_or_of_all(void **state) {
    struct fixture *fixture = *state;
    assert_done(make(fixture, "b", "acme"));
    assert_done(make(fixture, "a", "acme"));
    assert_done(make(fixture, "c", "other"));
    const char *const of_acme[] = {"a", "acme-okta", "b"};
    struct work work = {.tenant = S("acme"), .page = {.limit = 1}};
    for (size_t i = 0; i < 3; i++) {
        assert_done(fixture_read(fixture, list, &work));
        assert_int_equal(work.total, 3);
        assert_int_equal(work.rows.count, 1);
        assert_slice(((const struct connection *)work.rows.at)->slug, of_acme[i]);
        work.page.cursor = work.next;
    }
    assert_int_equal(work.next.len, 0);
    work = (struct work){.tenant = S("")};
    assert_done(fixture_read(fixture, list, &work));
    assert_int_equal(work.total, 4);
    assert_slice(((const struct connection *)work.rows.at)[3].slug, "c");
    work = (struct work){.tenant = S("acm")};
    assert_done(fixture_read(fixture, list, &work));
    assert_int_equal(work.total, 0);
}

static void a_tenant_has_at_most_a_hundred(void **state) {
    struct fixture *fixture = *state;
    char slug[16];
    for (int i = 1; i < CONNECTIONS_PER_TENANT_MAX; i++) {
        (void)snprintf(slug, sizeof slug, "c-%d", i);
        assert_done(make(fixture, slug, "acme"));
    }
    assert_reason(make(fixture, "one-more", "acme"), INVALID_INPUT);
    assert_done(make(fixture, "one-more", "other"));
}

// ---- idp ----

static void an_idp_is_stored_with_fingerprints_of_our_own(void **state) {
    struct fixture *fixture = *state;
    struct idp idp = some_idp();
    certificates[1].der = S("first"); // the same twice
    assert_done(put_idp(fixture, "acme-okta", idp));
    struct connection connection = stored(fixture, "acme-okta");
    assert_int_equal(connection.idp.certificates.count, 1);
    const struct certificate *certificate = connection.idp.certificates.at;
    assert_slice(certificate->der, "first");
    // sha256sum of "first"
    assert_slice(certificate->sha256,
                 "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e");
    assert_true(connection.idp.updated_at > NOON);
    audit_is(fixture, "sso.connection_idp_changed",
             "entity_id \"\" -> \"https://idp.example/\"; certificate a7937b64b8caa58f added; sso "
             "redirect https://idp.example/sso added; slo post https://idp.example/slo added");
}

static void a_new_certificate_is_told_by_its_fingerprint(void **state) {
    struct fixture *fixture = *state;
    struct idp idp = some_idp();
    idp.certificates.count = 1;
    assert_done(put_idp(fixture, "acme-okta", idp));
    idp.certificates = (struct rows){&certificates[1], 1};
    assert_done(put_idp(fixture, "acme-okta", idp));
    // sha256sum of "second"
    audit_is(fixture, "sso.connection_idp_changed",
             "certificate 16367aacb67a4a01 added; certificate a7937b64b8caa58f removed");
    assert_done(put_idp(fixture, "acme-okta", idp));
    audit_is(fixture, "sso.connection_idp_changed", "nothing changed");
}

static void addresses_are_https_or_on_this_machine(void **state) {
    struct fixture *fixture = *state;
    const char *const good[] = {"https://idp.example/sso?x=1", "http://127.0.0.1:8081/sso",
                                "http://localhost/sso"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct idp idp = some_idp();
        sso.location = slice_str(good[i]);
        assert_done(put_idp(fixture, "acme-okta", idp));
    }
    const char *const bad[] = {"http://idp.example/sso",
                               "ftp://idp.example/",
                               "/sso",
                               "",
                               "https://u:p@idp.example/",
                               "https://idp.example/#x",
                               "javascript:alert(1)",
                               "https://idp.example/\r\nX: y"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct idp idp = some_idp();
        sso.location = slice_str(bad[i]);
        assert_reason(put_idp(fixture, "acme-okta", idp), INVALID_INPUT);
        assert_fault(&fixture->op, 0, "/sso/0", FIELD_VALUE);
    }
    struct idp idp = some_idp();
    slo.response_location = S("http://idp.example/back");
    assert_reason(put_idp(fixture, "acme-okta", idp), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/slo/0", FIELD_VALUE);
}

static void an_idp_without_its_parts_is_refused(void **state) {
    struct fixture *fixture = *state;
    assert_reason(put_idp(fixture, "acme-okta", (struct idp){.updated_at = 0}), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/entity_id", FIELD_REQUIRED);
    assert_fault(&fixture->op, 1, "/sso", FIELD_REQUIRED);
    assert_fault(&fixture->op, 2, "/certificates", FIELD_REQUIRED);
    struct idp idp = some_idp();
    certificates[1].der = S("");
    assert_reason(put_idp(fixture, "acme-okta", idp), INVALID_CERTIFICATE);
    assert_fault(&fixture->op, 0, "/certificates/1", INVALID_CERTIFICATE);
    struct certificate many[CONNECTION_CERTIFICATES_MAX + 1];
    char names[CONNECTION_CERTIFICATES_MAX + 1];
    for (size_t i = 0; i < sizeof names; i++) {
        names[i] = (char)('a' + i);
        many[i] = (struct certificate){.der = slice_of(&names[i], 1)};
    }
    idp.certificates = (struct rows){many, sizeof names};
    assert_reason(put_idp(fixture, "acme-okta", idp), INVALID_INPUT);
    idp.certificates.count--;
    assert_done(put_idp(fixture, "acme-okta", idp));
}

// ---- discovery ----

static void found(struct fixture *fixture, const char *domain, const char *slug) {
    struct work work = {.domain = slice_str(domain)};
    if (slug == NULL) {
        assert_reason(fixture_read(fixture, discover, &work), NOT_FOUND);
    } else {
        assert_done(fixture_read(fixture, discover, &work));
        assert_slice(work.connection.slug, slug);
    }
}

static void a_domain_finds_the_connection_that_names_it_first(void **state) {
    struct fixture *fixture = *state;
    found(fixture, "a.example", NULL); // no IdP yet
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    found(fixture, "a.example", "acme-okta");
    found(fixture, "c.example", NULL);
    assert_done(make(fixture, "zeta", "acme"));
    assert_done(put_idp(fixture, "zeta", some_idp()));
    found(fixture, "b.example", "acme-okta"); // both serve all: by name
    struct slice b = S("b.example");
    struct policy policy = policy_default();
    policy.domains = (struct texts){&b, 1};
    assert_done(put_policy(fixture, "zeta", policy));
    found(fixture, "b.example", "zeta");
    found(fixture, "a.example", "acme-okta");
    struct work work = by_operator(fixture, "zeta");
    work.disabled = true;
    assert_done(fixture_write(fixture, set_disabled, &work));
    found(fixture, "b.example", "acme-okta");
    work = by_operator(fixture, "acme-okta");
    work.disabled = true;
    assert_done(fixture_write(fixture, set_disabled, &work));
    found(fixture, "b.example", NULL);
}

static void a_connection_does_not_serve_what_its_policy_leaves_out(void **state) {
    struct fixture *fixture = *state;
    struct slice b = S("b.example");
    struct policy policy = policy_default();
    policy.domains = (struct texts){&b, 1};
    assert_done(put_idp(fixture, "acme-okta", some_idp()));
    assert_done(put_policy(fixture, "acme-okta", policy));
    found(fixture, "a.example", NULL);
    found(fixture, "b.example", "acme-okta");
}

// ---- going ----

// A link whose key is its number.
static reason add_links(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    for (size_t i = 0; i < work->total; i++) {
        uint64_t part[3] = {work->version != 0 ? UINT64_MAX : 0, i, 0};
        struct sha256 digest = digest_sha256(slice_of(part, sizeof part));
        struct link link = {
            .connection = work->slug, .identifier = S("kim"), .user_id = S("usr_1")};
        TRY(op_copy(op, digest_slice(&digest), &link.key));
        TRY(entity_put(op, txn, &link_entity, &link));
    }
    return NULL;
}
struct count {
    struct slice connection;
    size_t links;
};
static reason count_links(struct op *op, struct txn *txn, void *arg) {
    struct count *count = arg;
    struct key prefix = key_in(link_entity.space);
    struct scan scan = {0};
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    for (;;) {
        struct slice key;
        struct slice value;
        struct link link;
        TRY(scan_next(op, &scan, &key, &value));
        if (key.at == NULL) {
            break;
        }
        TRY(record_get(op, &link_fields, value, &link));
        count->links += slice_equal(link.connection, count->connection) ? 1 : 0;
    }
    scan_close(&scan);
    return NULL;
}

static void what_a_removed_connection_called_people_is_forgotten(void **state) {
    struct fixture *fixture = *state;
    struct work work = by_operator(fixture, "acme-okta");
    work.total = 1100; // more than one step
    assert_done(fixture_write(fixture, add_links, &work));
    assert_done(make(fixture, "stays", "acme"));
    work = by_operator(fixture, "stays");
    work.total = 10;
    work.version = 1;
    assert_done(fixture_write(fixture, add_links, &work));
    work = by_operator(fixture, "acme-okta");
    assert_done(fixture_write(fixture, drop, &work));
    audit_is(fixture, "sso.connection_deleted", "1100 linked people are no longer linked");
    assert_reason(fixture_read(fixture, find, &work), NOT_FOUND);
    struct count gone = {.connection = S("acme-okta")};
    struct count kept = {.connection = S("stays")};
    assert_done(fixture_read(fixture, count_links, &gone));
    assert_done(fixture_read(fixture, count_links, &kept));
    assert_int_equal(gone.links, 0);
    assert_int_equal(kept.links, 10);
}

// A store of the first schema said only whether a connection was there.
static reason write_first_form(struct op *op, struct txn *txn, void *arg) {
    struct key key = key_in(SPACE_CONNECTION_VERSION);
    struct key value = {.len = 0};
    const uint8_t there = *(bool *)arg ? 1 : 0;
    key_text(&key, S("acme-okta"));
    key_u64(&value, 7);
    key_bytes(&value, slice_of(&there, 1));
    return txn_put(op, txn, key_slice(&key), key_slice(&value));
}
static reason make_versions(struct op *op, struct txn *txn, void *arg) {
    struct migration_pass pass = {.more = false};
    (void)arg;
    return connection_versions_make(op, txn, &pass);
}
static reason read_version(struct op *op, struct txn *txn, void *arg) {
    return connection_version(op, txn, S("acme-okta"), arg);
}

static void version_rows_of_the_first_schema_are_made_anew(void **state) {
    struct fixture *fixture = *state;
    int64_t version = 0;
    bool there = true;
    (void)stored(fixture, "acme-okta");
    assert_done(fixture_write(fixture, write_first_form, &there));
    assert_reason(fixture_read(fixture, read_version, &version), STORE_UNAVAILABLE);
    assert_done(fixture_write(fixture, make_versions, NULL));
    assert_done(fixture_read(fixture, read_version, &version));
    assert_int_equal(version, 1);
    there = false;
    assert_done(fixture_write(fixture, write_first_form, &there));
    assert_reason(fixture_read(fixture, read_version, &version), NOT_FOUND);
}

int main(void) {
#define STORED(name) cmocka_unit_test_setup_teardown(name, open_acme, fixture_close)
    const struct CMUnitTest tests[] = {
        STORED(slug_and_tenant_are_enough),
        STORED(version_rows_of_the_first_schema_are_made_anew),
        STORED(the_default_policy_is_the_documented_one),
        STORED(rules_are_read_from_the_documented_json),
        STORED(certificates_show_fingerprints_and_no_bytes),
        STORED(a_short_name_is_taken_once_everywhere),
        STORED(one_call_makes_it_with_all_its_parts),
        STORED(each_change_raises_the_version_and_a_new_life_goes_on_counting),
        STORED(what_is_not_there_is_not_found),
        STORED(lists_are_by_tenant_or_of_all),
        STORED(a_tenant_has_at_most_a_hundred),
        STORED(an_idp_is_stored_with_fingerprints_of_our_own),
        STORED(a_new_certificate_is_told_by_its_fingerprint),
        STORED(addresses_are_https_or_on_this_machine),
        STORED(an_idp_without_its_parts_is_refused),
        STORED(a_domain_finds_the_connection_that_names_it_first),
        STORED(a_connection_does_not_serve_what_its_policy_leaves_out),
        STORED(what_a_removed_connection_called_people_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
