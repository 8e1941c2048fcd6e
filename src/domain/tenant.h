// SPDX-License-Identifier: GPL-3.0-or-later
// Tenants and the e-mail domains that belong to them. A domain belongs to one tenant.
#ifndef GATEHOUSE_DOMAIN_TENANT_H
#define GATEHOUSE_DOMAIN_TENANT_H

#include "domain/audit.h"
#include "store/record.h"

#define TENANT_DOMAINS_MAX 500
#define TENANT_NAME_MAX 100
#define TENANT_ENTITLEMENTS_MAX 32

struct tenant {
    struct slice slug; // text_slug
    struct slice name;
    struct texts domains; // normalised (domain_normalise), each once
    bool disabled;
    int64_t created_at, updated_at;
    struct slice organization; // text_slug of the organization that it belongs to, or ""
    int environment;           // enum environment
    struct texts entitlements; // what it bought: names that permissions.def uses; each once
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
// Replaces name, domains and disabled. domain_taken; domain_in_use when a connection's policy names one
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
// The tenant that owns a (normalised) domain; not_found.
MUST_USE reason domain_owner(struct op *op, struct txn *txn, struct slice domain,
                             struct slice *ret_tenant);

#endif
