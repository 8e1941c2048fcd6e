// SPDX-License-Identifier: GPL-3.0-or-later
// The rules for what a connection may be set to, whoever asks: the API, a command, an import.
// Certificates come parsed; whether a key is strong enough is decided where keys are used.
#include "domain/connection_check.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/text.h"
#include "base/uri.h"

#define ENTITY_ID_MAX 1024 // SAML core 8.3.6
#define ATTRIBUTE_NAME_MAX 512
#define SUBJECT_MAX 1024

// ---- idp ----

// False: no address to send people or messages to.
static bool is_address(struct op *op, struct slice text) {
    struct uri uri;
    if (uri_parse(op, text, &uri) != NULL || uri.has_user || uri.has_fragment) {
        return false;
    }
    return slice_equal(uri.scheme, S("https")) || uri_is_local(&uri);
}

static void check_endpoints(struct faults *faults, const char *name, struct rows endpoints) {
    const struct endpoint *rows = endpoints.at;
    if (endpoints.count > CONNECTION_ENDPOINTS_MAX) {
        fault_at(faults, name, REASON_OF(FIELD_RANGE), "%zu addresses; at most %d are taken",
                 endpoints.count, CONNECTION_ENDPOINTS_MAX);
        return;
    }
    for (size_t i = 0; i < endpoints.count; i++) {
        if (rows[i].binding != BINDING_REDIRECT && rows[i].binding != BINDING_POST) {
            fault_in(faults, name, i, REASON_OF(FIELD_VALUE),
                     "the binding is HTTP-Redirect or HTTP-POST");
        }
        if (!is_address(faults->op, rows[i].location) ||
            (rows[i].response_location.len > 0 &&
             !is_address(faults->op, rows[i].response_location))) {
            fault_in(faults, name, i, REASON_OF(FIELD_VALUE),
                     "an absolute https address is expected, without user name and fragment");
        }
    }
}

static bool has_certificate(struct rows certificates, const struct certificate *certificate) {
    const struct certificate *rows = certificates.at;
    for (size_t i = 0; i < certificates.count; i++) {
        if (slice_equal(rows[i].der, certificate->der)) {
            return true;
        }
    }
    return false;
}

static reason check_certificates(struct faults *faults, struct rows given, struct rows *ret_rows) {
    struct op *op = faults->op;
    if (given.count == 0) {
        fault_at(faults, "certificates", REASON_OF(FIELD_REQUIRED),
                 "a certificate is needed to check signatures");
    }
    if (given.count > CONNECTION_CERTIFICATES_MAX) {
        fault_at(faults, "certificates", REASON_OF(FIELD_RANGE), "%zu certificates; at most %d",
                 given.count, CONNECTION_CERTIFICATES_MAX);
        return NULL;
    }
    struct certificate *kept;
    TRY(op_take(op, given.count * sizeof *kept, &kept));
    struct rows rows = {kept, 0};
    for (size_t i = 0; i < given.count; i++) {
        struct certificate certificate = ((const struct certificate *)given.at)[i];
        if (certificate.der.len == 0 || certificate.der.len > CONNECTION_CERTIFICATE_MAX) {
            fault_in(faults, "certificates", i, REASON_OF(INVALID_CERTIFICATE),
                     "a certificate has 1 to %d bytes, this one %zu", CONNECTION_CERTIFICATE_MAX,
                     certificate.der.len);
            continue;
        }
        if (has_certificate(rows, &certificate)) {
            continue;
        }
        // The fingerprint is what people compare: never one that somebody else computed.
        struct sha256 digest = digest_sha256(certificate.der);
        TRY(encode_hex(op, digest_slice(&digest), &certificate.sha256));
        if (certificate.subject.len > SUBJECT_MAX || !text_line(certificate.subject)) {
            certificate.subject = SLICE_NONE; // only shown, so not worth a refusal
        }
        kept[rows.count++] = certificate;
    }
    *ret_rows = rows;
    return NULL;
}

reason idp_check(struct faults *faults, const struct idp *given, struct idp *ret_idp) {
    struct idp idp = *given;
    if (idp.entity_id.len == 0) {
        fault_at(faults, "entity_id", REASON_OF(FIELD_REQUIRED),
                 "the identity provider's entity ID (issuer) is missing");
    } else if (idp.entity_id.len > ENTITY_ID_MAX || !text_line(idp.entity_id)) {
        fault_at(faults, "entity_id", REASON_OF(FIELD_RANGE),
                 "an entity ID is one line of at most %d bytes", ENTITY_ID_MAX);
    }
    if (idp.sso.count == 0) {
        fault_at(faults, "sso", REASON_OF(FIELD_REQUIRED), "an address to sign on at is missing");
    }
    check_endpoints(faults, "sso", idp.sso);
    check_endpoints(faults, "slo", idp.slo);
    struct uri uri;
    if (idp.metadata_url.len > 0 && uri_parse(faults->op, idp.metadata_url, &uri) != NULL) {
        fault_at(faults, "metadata_url", REASON_OF(FIELD_VALUE), "an absolute address is expected");
    }
    TRY(check_certificates(faults, given->certificates, &idp.certificates));
    if (given->metadata_certificates.count > CONNECTION_SIGNERS_MAX) {
        fault_at(faults, "metadata_certificate", REASON_OF(FIELD_RANGE),
                 "%zu certificates; at most %d are taken", given->metadata_certificates.count,
                 CONNECTION_SIGNERS_MAX);
    } else if (given->metadata_certificates.count > 0) {
        TRY(check_certificates(faults, given->metadata_certificates, &idp.metadata_certificates));
    }
    *ret_idp = idp;
    return NULL;
}

// ---- policy ----

// scheme ":" something, printable ASCII: what SAML calls a URI reference, "urn:..." as well as
// "https://...".
static bool is_uri(struct slice text) {
    size_t colon = slice_find(text, S(":"));
    if (text.len > ATTRIBUTE_NAME_MAX || colon == 0 || colon >= text.len - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool scheme =
            letter || (i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
        if (i < colon ? !scheme : (c <= ' ' || c > '~' || strchr("<>\"{}|\\^`", c) != NULL)) {
            return false;
        }
    }
    return true;
}

static void check_choice(struct faults *faults, const char *name, int choice,
                         const char *const *names) {
    int count = 0;
    while (names[count] != NULL) {
        count++;
    }
    if (choice < 0 || choice >= count) {
        fault_at(faults, name, REASON_OF(FIELD_VALUE), "this value is not one of the known ones");
    }
}

static void check_attribute(struct faults *faults, const char *name, struct slice text) {
    if (text.len > ATTRIBUTE_NAME_MAX || !text_line(text)) {
        fault_at(faults, name, REASON_OF(FIELD_RANGE),
                 "the name of an attribute is one line of at most %d bytes", ATTRIBUTE_NAME_MAX);
    }
}

static reason check_break_glass(struct faults *faults, struct texts given, struct texts *ret_people) {
    struct op *op = faults->op;
    struct texts people = {NULL, 0};
    if (given.count > BREAK_GLASS_MAX) {
        fault_at(faults, "break_glass", REASON_OF(FIELD_RANGE), "at most %d people", BREAK_GLASS_MAX);
        return NULL;
    }
    TRY(op_take(op, given.count * sizeof *people.at, &people.at));
    for (size_t i = 0; i < given.count; i++) {
        struct email email;
        reason why = email_normalise(op, given.at[i], &email);
        if (why == REASON_OF(INVALID_INPUT)) {
            fault_in(faults, "break_glass", i, REASON_OF(FIELD_VALUE), "%.*s", SLICE(op->detail));
            continue;
        }
        TRY(why);
        if (!texts_have(people, email.whole)) {
            people.at[people.count++] = email.whole;
        }
    }
    *ret_people = people;
    return NULL;
}

static reason check_domains(struct faults *faults, const struct tenant *tenant, struct texts given,
                            struct texts *ret_domains) {
    struct op *op = faults->op;
    struct texts domains = {NULL, 0};
    if (given.count > TENANT_DOMAINS_MAX) {
        fault_at(faults, "domains", REASON_OF(FIELD_RANGE), "%zu domains; at most %d are taken",
                 given.count, TENANT_DOMAINS_MAX);
        return NULL;
    }
    TRY(op_take(op, given.count * sizeof *domains.at, &domains.at));
    for (size_t i = 0; i < given.count; i++) {
        struct slice domain;
        reason why = domain_normalise(op, given.at[i], &domain);
        if (why == REASON_OF(INVALID_INPUT)) {
            fault_in(faults, "domains", i, REASON_OF(FIELD_VALUE), "%.*s", SLICE(op->detail));
            continue;
        }
        TRY(why);
        if (!texts_have(tenant->domains, domain)) {
            fault_in(faults, "domains", i, REASON_OF(FIELD_VALUE),
                     "\"%.*s\" is no domain of this tenant; add it to the tenant first",
                     SLICE(domain));
        } else if (!texts_have(domains, domain)) {
            domains.at[domains.count++] = domain;
        }
    }
    *ret_domains = domains;
    return NULL;
}

reason policy_check(struct faults *faults, const struct tenant *tenant, const struct policy *given,
                    struct policy *ret_policy) {
    struct policy policy = *given;
    check_choice(faults, "want", policy.want, want_names);
    check_choice(faults, "request_binding", policy.request_binding, binding_names);
    check_choice(faults, "metadata_changes", policy.metadata_changes, metadata_changes_names);
    if (policy.skew_seconds < 0 || policy.skew_seconds > SKEW_SECONDS_MAX) {
        fault_at(faults, "skew_seconds", REASON_OF(FIELD_RANGE), "0 to %d seconds are taken",
                 SKEW_SECONDS_MAX);
    }
    if (policy.groups_attribute.len == 0) {
        fault_at(faults, "groups_attribute", REASON_OF(FIELD_REQUIRED),
                 "the attribute that carries the groups is missing; \"groups\" is usual");
    }
    check_attribute(faults, "groups_attribute", policy.groups_attribute);
    check_attribute(faults, "email_attribute", policy.email_attribute);
    check_attribute(faults, "identifier_attribute", policy.identifier_attribute);
    if (policy.name_id_format.len > 0 && !is_uri(policy.name_id_format)) {
        fault_at(
            faults, "name_id_format", REASON_OF(FIELD_VALUE),
            "a URI is expected, as in \"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"");
    }
    if (policy.authn_context.count > POLICY_CONTEXTS_MAX) {
        fault_at(faults, "authn_context", REASON_OF(FIELD_RANGE), "at most %d are taken",
                 POLICY_CONTEXTS_MAX);
    }
    for (size_t i = 0; i < policy.authn_context.count && i < POLICY_CONTEXTS_MAX; i++) {
        if (!is_uri(policy.authn_context.at[i])) {
            fault_in(
                faults, "authn_context", i, REASON_OF(FIELD_VALUE),
                "a URI is expected, as in \"urn:oasis:names:tc:SAML:2.0:ac:classes:Password\"");
        }
    }
    TRY(check_domains(faults, tenant, given->domains, &policy.domains));
    TRY(check_break_glass(faults, given->break_glass, &policy.break_glass));
    *ret_policy = policy;
    return NULL;
}
