// SPDX-License-Identifier: GPL-3.0-or-later
// The members of a connection as they are stored and shown: one table for each part, the names of
// its choices, and the policy that a connection has when nobody chose one. No rule is checked here.
#include "domain/connection.h"

#define SLUG_MAX 63
#define ENTITY_ID_MAX 1024 // SAML core 8.3.6
#define LOCATION_MAX 2048
#define ATTRIBUTE_NAME_MAX 512

const char *const binding_names[] = {"redirect", "post", NULL};
const char *const want_names[] = {"assertion", "response", "either", "both", NULL};
const char *const metadata_changes_names[] = {"approve", "auto", NULL};
const char *const match_names[] = {"exact", "prefix", "suffix", "contains", NULL};
const char *const mapping_mode_names[] = {"authoritative", "additive", NULL};

static const struct field endpoint_rows[] = {
    F_CHOICE(struct endpoint, binding, 1, FIELD_PLAIN, binding_names),
    F_TEXT(struct endpoint, location, 2, FIELD_MUST, LOCATION_MAX),
    F_TEXT(struct endpoint, response_location, 3, FIELD_NULL, LOCATION_MAX),
};
FIELD_TABLE(endpoint_fields, "endpoint", 1, struct endpoint, endpoint_rows);

// People compare fingerprints; the bytes would only make answers long.
static const struct field certificate_rows[] = {
    F_BYTES(struct certificate, der, 1, FIELD_HIDDEN, CONNECTION_CERTIFICATE_MAX),
    F_TEXT(struct certificate, sha256, 2, FIELD_OUTPUT, 64),
    F_TEXT(struct certificate, subject, 3, FIELD_OUTPUT | FIELD_NULL, 1024),
    F_TIME(struct certificate, not_before, 4, FIELD_OUTPUT),
    F_TIME(struct certificate, not_after, 5, FIELD_OUTPUT),
    F_BOOL(struct certificate, key_only, 6, FIELD_OUTPUT),
    F_TEXT(struct certificate, key_sha256, 7, FIELD_HIDDEN, 64),
};
FIELD_TABLE(certificate_fields, "certificate", 2, struct certificate, certificate_rows);

static const struct field idp_rows[] = {
    F_TEXT(struct idp, entity_id, 1, FIELD_NULL, ENTITY_ID_MAX),
    F_STRUCTS(struct idp, sso, 2, FIELD_PLAIN, CONNECTION_ENDPOINTS_MAX, endpoint_fields),
    F_STRUCTS(struct idp, slo, 3, FIELD_PLAIN, CONNECTION_ENDPOINTS_MAX, endpoint_fields),
    F_STRUCTS(struct idp, certificates, 4, FIELD_OUTPUT, CONNECTION_CERTIFICATES_MAX,
              certificate_fields),
    F_TIME(struct idp, valid_until, 5, FIELD_OUTPUT),
    F_TEXT(struct idp, metadata_url, 6, FIELD_NULL, LOCATION_MAX),
    F_BOOL(struct idp, want_signed_requests, 7, FIELD_OUTPUT),
    F_TIME(struct idp, updated_at, 8, FIELD_OUTPUT),
    F_STRUCTS(struct idp, metadata_certificates, 9, FIELD_OUTPUT, CONNECTION_SIGNERS_MAX,
              certificate_fields),
    F_BOOL(struct idp, metadata_signed, 10, FIELD_OUTPUT),
    F_NUMBER(struct idp, metadata_valid_days, 11, FIELD_OUTPUT, 0, METADATA_VALID_DAYS_MAX),
};
FIELD_TABLE(idp_fields, "idp", 3, struct idp, idp_rows);

static const struct field distrusted_rows[] = {
    F_TEXT(struct distrusted, sha256, 1, FIELD_OUTPUT, 64),
    F_TEXT(struct distrusted, key_sha256, 2, FIELD_OUTPUT | FIELD_NULL, 64),
    F_TEXT(struct distrusted, subject, 3, FIELD_OUTPUT | FIELD_NULL, 1024),
    F_TIME(struct distrusted, since, 4, FIELD_OUTPUT),
};
FIELD_TABLE(distrusted_fields, "distrusted certificate", 1, struct distrusted, distrusted_rows);

static const struct field policy_rows[] = {
    F_BOOL(struct policy, unsolicited, 1, FIELD_PLAIN),
    F_CHOICE(struct policy, want, 2, FIELD_PLAIN, want_names),
    F_BOOL(struct policy, want_encrypted, 3, FIELD_PLAIN),
    F_BOOL(struct policy, second_opinion, 4, FIELD_PLAIN),
    F_BOOL(struct policy, allow_sha1, 5, FIELD_PLAIN),
    F_BOOL(struct policy, allow_cbc, 6, FIELD_PLAIN),
    F_BOOL(struct policy, refuse_expired_certificates, 7, FIELD_PLAIN),
    F_NUMBER(struct policy, skew_seconds, 8, FIELD_PLAIN, 0, SKEW_SECONDS_MAX),
    F_BOOL(struct policy, provisioning, 9, FIELD_PLAIN),
    F_TEXTS(struct policy, domains, 10, FIELD_PLAIN, TENANT_DOMAINS_MAX),
    F_BOOL(struct policy, verify_email_domain, 11, FIELD_PLAIN),
    F_TEXT(struct policy, groups_attribute, 12, FIELD_PLAIN, ATTRIBUTE_NAME_MAX),
    F_TEXT(struct policy, email_attribute, 13, FIELD_NULL, ATTRIBUTE_NAME_MAX),
    F_TEXT(struct policy, identifier_attribute, 14, FIELD_NULL, ATTRIBUTE_NAME_MAX),
    F_CHOICE(struct policy, request_binding, 15, FIELD_PLAIN, binding_names),
    F_BOOL(struct policy, sign_requests, 16, FIELD_PLAIN),
    F_BOOL(struct policy, force_authn, 17, FIELD_PLAIN),
    F_TEXTS(struct policy, authn_context, 18, FIELD_PLAIN, POLICY_CONTEXTS_MAX),
    F_TEXT(struct policy, name_id_format, 19, FIELD_NULL, ATTRIBUTE_NAME_MAX),
    F_CHOICE(struct policy, metadata_changes, 20, FIELD_PLAIN, metadata_changes_names),
    F_BOOL(struct policy, enforced, 21, FIELD_PLAIN),
    F_TEXTS(struct policy, break_glass, 22, FIELD_PLAIN, BREAK_GLASS_MAX),
};
FIELD_TABLE(policy_fields, "policy", 2, struct policy, policy_rows);

static const struct field mapping_rule_rows[] = {
    F_CHOICE(struct mapping_rule, match, 1, FIELD_MUST, match_names),
    F_TEXT(struct mapping_rule, value, 2, FIELD_MUST, MAPPING_VALUE_MAX),
    F_TEXTS(struct mapping_rule, roles, 3, FIELD_MUST, ROLES_EACH_MAX),
};
FIELD_TABLE(mapping_rule_fields, "rule", 1, struct mapping_rule, mapping_rule_rows);

static const struct field mapping_rows[] = {
    F_STRUCTS(struct mapping, rules, 1, FIELD_PLAIN, CONNECTION_RULES_MAX, mapping_rule_fields),
    F_TEXT(struct mapping, default_role, 2, FIELD_NULL, 64),
    F_CHOICE(struct mapping, mode, 3, FIELD_PLAIN, mapping_mode_names),
};
FIELD_TABLE(mapping_fields, "rules", 1, struct mapping, mapping_rows);

static const struct field own_key_rows[] = {
    F_CHOICE(struct own_key, kind, 1, FIELD_OUTPUT, sp_key_kind_names),
    F_NUMBER(struct own_key, number, 2, FIELD_OUTPUT, 0, UINT32_MAX),
    F_CHOICE(struct own_key, state, 3, FIELD_OUTPUT, sp_key_state_names),
};
FIELD_TABLE(own_key_fields, "key", 1, struct own_key, own_key_rows);

static const struct field connection_rows[] = {
    F_TEXT(struct connection, slug, 1, FIELD_PLAIN, SLUG_MAX),
    F_TEXT(struct connection, tenant, 2, FIELD_OUTPUT, SLUG_MAX),
    F_BOOL(struct connection, disabled, 3, FIELD_PLAIN),
    F_STRUCT(struct connection, idp, 4, FIELD_OUTPUT, idp_fields),
    F_STRUCT(struct connection, policy, 5, FIELD_PLAIN, policy_fields),
    F_STRUCT(struct connection, mapping, 6, FIELD_PLAIN, mapping_fields),
    F_NUMBER(struct connection, version, 7, FIELD_OUTPUT, 0, INT64_MAX),
    F_TIME(struct connection, created_at, 8, FIELD_OUTPUT),
    F_TIME(struct connection, updated_at, 9, FIELD_OUTPUT),
    F_STRUCTS(struct connection, distrusted, 10, FIELD_OUTPUT, CONNECTION_DISTRUSTED_MAX,
              distrusted_fields),
    F_TIME(struct connection, since, 11, FIELD_HIDDEN),
    F_STRUCTS(struct connection, own_keys, 12, FIELD_HIDDEN, CONNECTION_OWN_KEYS_MAX, own_key_fields),
};
FIELD_TABLE(connection_fields, "connection", 3, struct connection, connection_rows);

struct policy policy_default(void) {
    return (struct policy){
        .unsolicited = false,
        .want = WANT_EITHER,
        .want_encrypted = false,
        .second_opinion = false,
        .allow_sha1 = false,
        .allow_cbc = true,
        .refuse_expired_certificates = false,
        .skew_seconds = 180,
        .provisioning = true,
        .verify_email_domain = true,
        .groups_attribute = S("groups"),
        .request_binding = BINDING_REDIRECT,
        .sign_requests = true,
        .force_authn = false,
        .metadata_changes = METADATA_APPROVE,
    };
}
