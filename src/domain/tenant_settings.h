// SPDX-License-Identifier: GPL-3.0-or-later
// What a tenant's administrators may set for their tenant. One row a tenant; a tenant without a row has the
// defaults, and so has each member that its row does not hold.
#ifndef GATEHOUSE_DOMAIN_TENANT_SETTINGS_H
#define GATEHOUSE_DOMAIN_TENANT_SETTINGS_H

#include "domain/tenant.h"

enum list_visibility { LIST_EVERYONE, LIST_PERMISSION };
extern const char *const list_visibility_names[]; // "everyone", "permission"

struct tenant_settings {
    struct slice tenant;
    // The list of users: for everyone in the tenant (addresses masked), or only with users:view.
    int user_list_visibility; // enum list_visibility
    int64_t user_limit;       // members that count, 0 = no limit
    int64_t invite_days;      // how long the link of an invitation works
    int64_t reset_minutes;    // and that of a password reset
    // Passwords, for those who do not sign in by SSO.
    bool local_sign_in; // passwords are taken at all
    int64_t password_min_length, password_classes, password_max_age_days, password_history;
    int64_t lock_attempts, lock_minutes; // so many bad attempts lock an account for so long
    bool hard_lock;                      // a lock ends only by an administrator
    bool require_second_factor;
    // Access requests.
    bool gatekeeper_self_approve; // false: four eyes
    int64_t request_days;         // without a decision a request expires
    bool sso_request_access;      // who signs in by SSO without a membership may ask for one on the spot
    // Mail. "" = the gate's own.
    struct slice product, mail_from, mail_from_name;
    struct slice support_contact; // where the people of the tenant ask, in each letter: an address, a page, a sentence
    bool mail_disabled_notice, mail_admin_notices; // M7; M3, M9, M11 and copies of M4 to administrators
    int64_t audit_days; // how long audit rows are kept; 0 = for ever
    bool support_no_credentials; // Support Access does not manage API credentials
};
extern const struct field_table tenant_settings_fields;

// The defaults when nothing was set. not_found: there is no such tenant.
MUST_USE reason tenant_settings_find(struct op *op, struct txn *txn, struct slice tenant,
                                     struct tenant_settings *ret_settings);
// Replaces all; one audit row. invalid_input by field (mail_from is no address, or of no domain of the tenant), forbidden
// by field (the actor may not set what has changed: most takes users:manage, some is for operators).
MUST_USE reason tenant_settings_put(struct op *op, struct txn *txn, const struct actor *actor,
                                    const struct tenant_settings *settings);
// May this actor set this member? What he may not, as it is stored: for a body that replaces all.
bool tenant_settings_may(const struct actor *actor, const char *field);
void tenant_settings_keep(const struct actor *actor, const struct tenant_settings *stored,
                          struct tenant_settings *settings);
// With the tenant itself.
MUST_USE reason tenant_settings_remove(struct op *op, struct txn *txn, struct slice tenant);
struct tenant_settings tenant_settings_default(struct slice tenant);

#endif
