// SPDX-License-Identifier: GPL-3.0-or-later
// Connections: one tenant's trust in one identity provider, its policy and its mapping rules.
#ifndef GATEHOUSE_DOMAIN_CONNECTION_H
#define GATEHOUSE_DOMAIN_CONNECTION_H

#include "domain/role.h"
#include "domain/sp_key.h"
#include "domain/tenant.h"

#define CONNECTION_CERTIFICATES_MAX 20 // roll-over needs two or three; Entra publishes up to five
#define CONNECTION_CERTIFICATE_MAX 8192 // bytes of DER
#define CONNECTION_SIGNERS_MAX 4 // who may sign the metadata: the present key and the next one, twice
#define CONNECTION_DISTRUSTED_MAX 200 // ten times what can be trusted at once: years of incidents
#define CONNECTION_ENDPOINTS_MAX 16
#define CONNECTION_RULES_MAX 500
#define CONNECTIONS_PER_TENANT_MAX 100
#define SKEW_SECONDS_MAX 300
#define POLICY_CONTEXTS_MAX 32 // authentication contexts of a policy
#define BREAK_GLASS_MAX 16 // people for whom there is a password all the same: a few
#define MAPPING_VALUE_MAX 1024 // bytes of a group in a rule: a long DN

enum binding { BINDING_REDIRECT, BINDING_POST };
extern const char *const binding_names[]; // "redirect", "post", NULL

struct endpoint {
    int binding; // enum binding; others are not kept
    struct slice location, response_location;
};
struct certificate {
    struct slice der;    // X.509 certificate, or (bare) SubjectPublicKeyInfo when key_only
    struct slice sha256; // hex of SHA-256 over der
    struct slice subject;
    int64_t not_before, not_after; // ms; 0 when key_only
    bool key_only;
    struct slice key_sha256; // hex of SHA-256 over its SubjectPublicKeyInfo; "" in older records
};
struct idp {
    struct slice entity_id; // "" while no IdP is set up
    struct rows sso, slo;   // struct endpoint
    struct rows certificates; // struct certificate, for signatures
    int64_t valid_until; // ms, 0 = no end
    struct slice metadata_url; // where it came from, or ""
    bool want_signed_requests;
    int64_t updated_at;
    // Who has to sign the metadata (struct certificate); none: it counts as it comes.
    struct rows metadata_certificates;
    bool metadata_signed; // the document carried a signature, verified or not
    int64_t metadata_valid_days; // its validUntil has to be there, at most so many days ahead; 0 = need not
};
// A key that nothing may bring back: neither an import nor the other certificates that hold it.
struct distrusted {
    struct slice sha256;     // of the certificate, hex
    struct slice key_sha256; // of the key in it, or "" where the certificate was not known here
    struct slice subject;
    int64_t since;
};

#define METADATA_VALID_DAYS_MAX 3650 // no federation's metadata is good for ten years
enum want { WANT_ASSERTION, WANT_RESPONSE, WANT_EITHER, WANT_BOTH };
enum metadata_changes { METADATA_APPROVE, METADATA_AUTO };
// Members are named as outside; policy_default() gives the defaults.
struct policy {
    bool unsolicited, want_encrypted, second_opinion, allow_sha1, allow_cbc;
    bool refuse_expired_certificates, provisioning, verify_email_domain, sign_requests, force_authn;
    int want;              // enum want
    int request_binding;   // enum binding
    int metadata_changes;
    int64_t skew_seconds;  // 0..SKEW_SECONDS_MAX
    struct texts domains;  // a subset of the tenant's; empty is all
    struct slice groups_attribute;
    struct slice email_attribute, identifier_attribute, name_id_format; // "" = null
    struct texts authn_context;
    bool enforced;            // no passwords for its domains
    struct texts break_glass; // but for these e-mail addresses
};
struct policy policy_default(void);

extern const char *const want_names[]; // "assertion" ..., NULL at the end, as all of these
extern const char *const metadata_changes_names[];

enum match { MATCH_EXACT, MATCH_PREFIX, MATCH_SUFFIX, MATCH_CONTAINS };
enum mapping_mode { MAPPING_AUTHORITATIVE, MAPPING_ADDITIVE };
extern const char *const match_names[];
extern const char *const mapping_mode_names[];
struct mapping_rule {
    int match; // enum match
    struct slice value;
    struct texts roles;
};
struct mapping {
    struct rows rules; // struct mapping_rule, in order
    struct slice default_role; // "" = null: no rule matches -> the login is refused
    int mode;
};

// A key of ours for one connection alone (or SP_KEY_OF_GATE: what the gate has beside it); the key itself is a file.
#define CONNECTION_OWN_KEYS_MAX (SP_KEY_KINDS * SP_KEYS_MAX)
struct own_key {
    int kind; // enum sp_key_kind
    int64_t number;
    int state; // enum sp_key_state
};

struct connection {
    struct slice slug, tenant;
    bool disabled;
    struct idp idp;
    struct policy policy;
    struct mapping mapping;
    struct rows distrusted; // struct distrusted
    int64_t version; // grows with each change; caches compare it
    int64_t created_at, updated_at;
    int64_t since; // made, or switched on again: sessions that are older are worth nothing
    struct rows own_keys; // struct own_key; of a kind without rows the gate's keys count
};
extern const struct field_table connection_fields, policy_fields, mapping_fields, mapping_rule_fields,
    idp_fields, endpoint_fields, certificate_fields, distrusted_fields, own_key_fields;
extern const struct entity connection_entity;

// duplicate_slug, not_found (tenant), invalid_input. Sets times, version and the default policy and mapping
// where the caller left them zero (slug and tenant are what is needed).
MUST_USE reason connection_create(struct op *op, struct txn *txn, const struct actor *actor,
                                  struct connection *connection);
MUST_USE reason connection_find(struct op *op, struct txn *txn, struct slice slug,
                                struct connection *ret_connection); // not_found
// Only the version, without reading the record; not_found.
MUST_USE reason connection_version(struct op *op, struct txn *txn, struct slice slug,
                                   int64_t *ret_version);
// A number that changes whenever a version may have changed (store_changes).
uint64_t connection_version_changes(const struct store *store);
// Does a session count that was made over this connection at `made_at`? Not when the connection is switched off, was
// switched off since, or is gone (also when another one has its short name by now). One small row is read.
MUST_USE reason connection_vouches(struct op *op, struct txn *txn, struct slice slug, int64_t made_at,
                                   bool *ret_vouches);
// rows of struct connection by slug; tenant "" = all. ret_total NULL: they are not counted.
MUST_USE reason connection_list(struct op *op, struct txn *txn, struct slice tenant,
                                struct page page, struct rows *ret_connections,
                                struct slice *ret_next, size_t *ret_total);
MUST_USE reason connection_remove(struct op *op, struct txn *txn, const struct actor *actor,
                                  struct slice slug);
// Is this certificate, or the key in it, one that is distrusted here?
bool connection_distrusts(const struct connection *connection, const struct certificate *certificate);
// The keys of ours of one kind, as this connection has them: never empty. Without any of its own the only row is
// SP_KEY_OF_GATE, current.
struct sp_key_set connection_key_set(const struct connection *connection, enum sp_key_kind kind);
bool connection_has_own_keys(const struct connection *connection);
// The number that its next key gets: the file is made under it first.
uint32_t connection_next_key(const struct connection *connection);
// As sp_key_set_add and sp_key_set_step; illegal_transition also when `number` is not the next one any more.
MUST_USE reason connection_key_add(struct op *op, struct txn *txn, const struct actor *actor,
                                   struct slice slug, enum sp_key_kind kind, uint32_t number,
                                   struct connection *ret);
MUST_USE reason connection_key_step(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice slug, enum sp_key_kind kind, uint32_t number,
                                    enum sp_key_step step, struct connection *ret);
// At once, and until connection_trust: whatever is imported later, the key does not come back. `known` is the
// certificate where it is known here, with its key_sha256; else only sha256 is set. invalid_input: no SHA-256
// in hex; too many.
MUST_USE reason connection_distrust(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice slug, const struct certificate *known,
                                    struct connection *ret);
// not_found: it is not distrusted.
MUST_USE reason connection_trust(struct op *op, struct txn *txn, const struct actor *actor,
                                 struct slice slug, struct slice sha256, struct connection *ret);
// The four changes; each checks what it is given, bumps the version, writes audit, and gives what is stored.
// connection_set_idp leaves distrusted certificates out; metadata.no_certificate when none is left.
MUST_USE reason connection_set_disabled(struct op *op, struct txn *txn, const struct actor *actor,
                                        struct slice slug, bool disabled, struct connection *ret);
MUST_USE reason connection_set_idp(struct op *op, struct txn *txn, const struct actor *actor,
                                   struct slice slug, const struct idp *idp, struct connection *ret);
// policy.domains must be the tenant's; normalised. authn_context and name_id_format are URIs.
MUST_USE reason connection_set_policy(struct op *op, struct txn *txn, const struct actor *actor,
                                      struct slice slug, const struct policy *policy,
                                      struct connection *ret);
// unknown_role with the pointer of the rule; empty value; a rule without roles.
MUST_USE reason connection_set_mapping(struct op *op, struct txn *txn, const struct actor *actor,
                                       struct slice slug, const struct mapping *mapping,
                                       struct connection *ret);
// Home-realm discovery: the enabled connection with an IdP that serves this domain (normalised), the one
// whose policy names it before one that serves all; not_found.
MUST_USE reason connection_for_domain(struct op *op, struct txn *txn, struct slice domain,
                                      struct connection *ret_connection);

// A migration step (arg: struct migration_pass): the version rows of stores that say no more than whether a connection
// is there.
#define CONNECTION_VERSIONS_PASS 100 // connections in one transaction of it
MUST_USE reason connection_versions_make(struct op *op, struct txn *txn, void *arg);

#endif
