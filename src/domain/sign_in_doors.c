// SPDX-License-Identifier: GPL-3.0-or-later
// Which tenants take a person's password: those where the membership lets in, that have local sign-in, and whose identity
// provider is not enforced for the person's domain.
#include "domain/lifecycle.h"
#include "domain/listing.h"
#include "domain/sign_in.h"
#include "domain/space.h"

static struct slice domain_of(struct slice email) {
    size_t at = slice_find(email, S("@"));
    return at == SIZE_MAX ? SLICE_NONE : slice_sub(email, at + 1, email.len);
}

static bool serves(const struct connection *connection, const struct tenant *tenant,
                   struct slice domain) {
    struct texts domains =
        connection->policy.domains.count > 0 ? connection->policy.domains : tenant->domains;
    return !connection->disabled && connection->policy.enforced && texts_have(domains, domain);
}

// *ret_named: the person may all the same.
static reason enforced_at(struct op *op, struct txn *txn, const struct tenant *tenant,
                          struct slice email, bool *ret_enforced, bool *ret_named) {
    struct rows rows = {NULL, 0};
    struct slice next;
    size_t total = 0;
    *ret_enforced = false;
    *ret_named = false;
    TRY(connection_list(op, txn, tenant->slug, (struct page){.limit = CONNECTIONS_PER_TENANT_MAX},
                        &rows, &next, &total));
    for (size_t i = 0; i < rows.count; i++) {
        const struct connection *connection = &((const struct connection *)rows.at)[i];
        if (serves(connection, tenant, domain_of(email))) {
            *ret_enforced = true;
            *ret_named = *ret_named || texts_have(connection->policy.break_glass, email);
        }
    }
    return NULL;
}

reason sign_in_enforced(struct op *op, struct txn *txn, struct slice domain, bool *ret_enforced) {
    struct slice owner;
    struct tenant tenant;
    bool named = false;
    *ret_enforced = false;
    reason why = domain_owner(op, txn, domain, &owner);
    if (why != NULL) {
        return why == REASON_OF(NOT_FOUND) ? NULL : why;
    }
    TRY(tenant_find(op, txn, owner, &tenant));
    return enforced_at(op, txn, &tenant, op_text(op, "@%.*s", SLICE(domain)), ret_enforced, &named);
}

reason sign_in_closed(struct op *op, struct txn *txn, struct slice slug, struct slice email,
                      bool *ret_closed) {
    struct tenant tenant;
    struct tenant_settings settings;
    bool enforced = false;
    bool named = false;
    TRY(tenant_find(op, txn, slug, &tenant));
    TRY(tenant_settings_find(op, txn, slug, &settings));
    TRY(enforced_at(op, txn, &tenant, email, &enforced, &named));
    *ret_closed = enforced ? !named : !settings.local_sign_in;
    return NULL;
}

// ---- doors ----

struct looking {
    struct op *op;
    bool locked;
    struct texts tenants;
    reason why;
};
static bool note_tenant(struct op *op, const void *row, void *arg) {
    const struct membership *membership = row;
    struct looking *looking = arg;
    int status = membership_now(membership, op->now);
    bool in = (status == MEMBER_ACTIVE || (looking->locked && status == MEMBER_LOCKED)) &&
              !membership->sso_only && !membership_ended(membership, op->now);
    if (in && looking->tenants.count < SIGN_IN_DOORS_MAX) {
        looking->why = op_copy(looking->op, membership->tenant,
                               &looking->tenants.at[looking->tenants.count++]);
    }
    return looking->why == NULL;
}

static reason look_at(struct op *op, struct txn *txn, const struct user *user, struct slice slug,
                      struct sign_in_door *door, bool *ret_open) {
    struct tenant_settings settings;
    bool enforced = false;
    bool named = false;
    bool found = false;
    *ret_open = false;
    reason why = tenant_find(op, txn, slug, &door->tenant);
    if (why != NULL) {
        return why == REASON_OF(NOT_FOUND) ? NULL : why;
    }
    TRY(tenant_settings_find(op, txn, slug, &settings));
    TRY(enforced_at(op, txn, &door->tenant, user->email, &enforced, &named));
    TRY(membership_find(op, txn, slug, user->id, &door->membership, &found));
    door->break_glass = enforced;
    *ret_open = found && !door->tenant.disabled && (enforced ? named : settings.local_sign_in);
    return NULL;
}

reason sign_in_doors(struct op *op, struct txn *txn, const struct user *user, bool locked,
                     struct rows *ret_doors) {
    struct looking looking = {.op = op, .locked = locked};
    struct sign_in_door *doors = NULL;
    size_t count = 0;
    struct key prefix = key_in(SPACE_MEMBERSHIP_OF);
    key_text(&prefix, user->id);
    TRY(op_take(op, SIGN_IN_DOORS_MAX * sizeof *looking.tenants.at, &looking.tenants.at));
    const struct listing listing = {
        .entity = &membership_entity, .prefix = key_slice(&prefix), .index = true};
    TRY(listing_each(op, txn, &listing, note_tenant, &looking));
    TRY(looking.why);
    TRY(op_take(op, (looking.tenants.count + 1) * sizeof *doors, &doors));
    for (size_t i = 0; i < looking.tenants.count; i++) {
        bool open = false;
        TRY(look_at(op, txn, user, looking.tenants.at[i], &doors[count], &open));
        count += open ? 1 : 0;
    }
    *ret_doors = (struct rows){doors, count};
    return NULL;
}
