// SPDX-License-Identifier: GPL-3.0-or-later
// Tenants and the e-mail domains that belong to them. A domain belongs to one tenant.
#ifndef GATEHOUSE_DOMAIN_TENANT_H
#define GATEHOUSE_DOMAIN_TENANT_H

#include "domain/audit.h"
#include "store/record.h"

#define TENANT_DOMAINS_MAX 500
#define TENANT_NAME_MAX 100
#define TENANT_ENTITLEMENTS_MAX 32
#define TENANT_OVERRIDES_MAX 64 // there are some 25 built-in roles, each with one at most

struct tenant {
    struct slice slug; // text_slug
    struct slice name;
    struct texts domains; // normalised (domain_normalise), each once
    bool disabled;
    int64_t created_at, updated_at;
    struct slice organization; // text_slug of the organization that it belongs to, or ""
    int environment;           // enum environment
    struct texts entitlements; // what it bought: names that permissions.def uses; each once
    int64_t number; // for interfaces that name accounts by number; organizations share the sequence
    // Of its roles: grows with each change of what one gives, and who made the last one, when.
    int64_t roles_version, roles_changed_at;
    struct slice roles_changed_by;
    struct rows overrides; // struct role_override: what it took out of built-in roles
};
struct role_override {
    struct slice role_id;
    struct texts denied; // permission ids
};
enum environment { ENVIRONMENT_PRODUCTION, ENVIRONMENT_STAGING, ENVIRONMENT_DEVELOPMENT };
extern const char *const environment_names[];
extern const struct field_table tenant_fields;
extern const struct entity tenant_entity;

// One normalisation for all domains: trimmed, IDNA 2008 (non-transitional, NFC, lower case) to ASCII, one
// trailing dot removed, at least one dot, at most 253 bytes, letters digits hyphens. invalid_input.
MUST_USE reason domain_normalise(struct op *op, struct slice text, struct slice *ret_domain);
// An e-mail address: exactly one '@' (no quoted local part), local part 1..64 bytes lower-cased, no control
// characters, spaces, or commas; domain normalised. At most 254 bytes in all. invalid_input.
struct email {
    struct slice whole; // local@domain, normalised
    struct slice domain;
};
MUST_USE reason email_normalise(struct op *op, struct slice text, struct email *ret_email);

// duplicate_slug, domain_taken, invalid_input. Times are set here; `tenant` is what was stored.
MUST_USE reason tenant_create(struct op *op, struct txn *txn, const struct actor *actor,
                              struct tenant *tenant);
// Replaces all that may be changed: name, domains, disabled, organization, environment, entitlements. domain_taken; domain_in_use when a connection's policy names one
// that goes; not_found.
MUST_USE reason tenant_change(struct op *op, struct txn *txn, const struct actor *actor,
                              struct tenant *tenant);
MUST_USE reason tenant_find(struct op *op, struct txn *txn, struct slice slug,
                            struct tenant *ret_tenant); // not_found
// rows of struct tenant by slug. *ret_next empty: that was the last page.
MUST_USE reason tenant_list(struct op *op, struct txn *txn, struct page page,
                            struct rows *ret_tenants, struct slice *ret_next, size_t *ret_total);
// tenant_not_empty while it has connections or members.
MUST_USE reason tenant_remove(struct op *op, struct txn *txn, const struct actor *actor,
                              struct slice slug);
// The tenants of an organization: rows of struct tenant by slug, at most TENANTS_EACH_MAX (more cannot join).
#define TENANTS_EACH_MAX 200
MUST_USE reason tenant_list_of(struct op *op, struct txn *txn, struct slice organization,
                               struct rows *ret_tenants);
MUST_USE reason tenant_find_by_number(struct op *op, struct txn *txn, int64_t number,
                                      struct tenant *ret_tenant); // not_found
// What its roles give has changed: a new roles_version, in sessions and tokens at once.
MUST_USE reason tenant_roles_changed(struct op *op, struct txn *txn, const struct actor *actor,
                                     struct slice slug);
// The next number of the sequence that tenants and organizations share.
MUST_USE reason number_next(struct op *op, struct txn *txn, int64_t *ret_number);
// A migration step (arg: struct migration_pass): gives each tenant that has none a number.
#define TENANT_NUMBERS_PASS 100 // tenants in one transaction of it
MUST_USE reason tenant_numbers_make(struct op *op, struct txn *txn, void *arg);
// The tenant that owns a (normalised) domain; not_found.
MUST_USE reason domain_owner(struct op *op, struct txn *txn, struct slice domain,
                             struct slice *ret_tenant);

#endif
