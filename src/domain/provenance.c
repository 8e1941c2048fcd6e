// SPDX-License-Identifier: GPL-3.0-or-later
// Goes from grants to permissions and keeps the way. It asks role.c for the same sets that decide, so an explanation
// cannot say something else than the decision.
#include "domain/provenance.h"

#include "domain/grant.h"
#include "domain/service_user.h"

const char *const way_state_names[] = {"open", "restricted", "entitlement_missing", NULL};
const char *const verdict_names[] = {"granted",    "not_granted",    "restricted", "entitlement_missing",
                                     "not_member", "not_active",     "expired",    "tenant_disabled",
                                     NULL};

// What one grant gives here.
struct given {
    const struct grant *grant;
    struct slice name;
    struct permission_set gives, denied, lacking;
    bool known; // the role is still there
};

static reason read_given(struct op *op, struct txn *txn, const struct tenant *home,
                         const struct grant *grant, struct given *ret_given) {
    struct role role;
    struct given given = {.grant = grant};
    reason why = role_find(op, txn, home->slug, grant->role_id, &role);
    if (why == REASON_OF(UNKNOWN_ROLE)) {
        *ret_given = given; // gone: it gives nothing, not even sign-in
        return NULL;
    }
    TRY(why);
    given.known = true;
    given.name = role.name;
    TRY(role_set(op, txn, home->slug, grant->role_id, &given.gives));
    TRY(role_denied(op, txn, home, grant->role_id, &given.denied));
    given.lacking = entitlement_lacking(given.gives, home->entitlements);
    *ret_given = given;
    return NULL;
}

static struct way way_of(const struct given *given, const struct permission *permission) {
    return (struct way){
        .permission = permission,
        .role_id = given->grant->role_id,
        .role_name = given->name,
        .grant = given->grant,
        .state = permission_has(given->denied, permission)    ? WAY_RESTRICTED
                 : permission_has(given->lacking, permission) ? WAY_ENTITLEMENT
                                                              : WAY_OPEN,
    };
}

reason provenance_ways(struct op *op, struct txn *txn, const struct tenant *home,
                       struct rows grants, const struct permission *only, struct rows *ret_ways) {
    struct given *given;
    struct way *ways;
    size_t count = 0;
    size_t room = grants.count * (only != NULL ? 1 : permission_count);
    TRY(op_take(op, (grants.count + 1) * sizeof *given, &given));
    TRY(op_take(op, (room + 1) * sizeof *ways, &ways));
    for (size_t i = 0; i < grants.count; i++) {
        TRY(read_given(op, txn, home, &((const struct grant *)grants.at)[i], &given[i]));
    }
    for (size_t p = 0; p < permission_count; p++) {
        const struct permission *permission = &permission_table[p];
        if (only != NULL && only != permission) {
            continue;
        }
        for (size_t i = 0; i < grants.count; i++) {
            if (given[i].known && permission_has(given[i].gives, permission)) {
                ways[count++] = way_of(&given[i], permission);
            }
        }
    }
    *ret_ways = (struct rows){ways, count};
    return NULL;
}

static enum verdict verdict_of(struct rows ways) {
    enum verdict verdict = VERDICT_NOT_GRANTED;
    const struct way *way = ways.at;
    for (size_t i = 0; i < ways.count; i++) {
        if (way[i].state == WAY_OPEN) {
            return VERDICT_GRANTED;
        }
        verdict = way[i].state == WAY_RESTRICTED ? VERDICT_RESTRICTED : VERDICT_ENTITLEMENT;
    }
    return verdict;
}

// What lets in at all comes before what a role gives.
static enum verdict entrance(bool active, int64_t expires_at, int64_t now,
                             const struct tenant *home, enum verdict verdict) {
    if (home->disabled) {
        return VERDICT_TENANT;
    }
    if (!active) {
        return VERDICT_NOT_ACTIVE;
    }
    return expires_at != 0 && expires_at <= now ? VERDICT_EXPIRED : verdict;
}

static reason of_service(struct op *op, struct txn *txn, const struct tenant *home,
                         struct slice user_id, const struct permission *permission,
                         struct why *ret_why) {
    struct service_user_shown shown;
    struct why made = {.verdict = VERDICT_NO_MEMBER};
    reason why = service_user_find(op, txn, home->slug, user_id, &shown);
    if (why == REASON_OF(NOT_FOUND)) {
        *ret_why = made;
        return NULL;
    }
    TRY(why);
    TRY(provenance_ways(op, txn, home, shown.user.grants, permission, &made.ways));
    made.verdict = entrance(shown.user.status == SERVICE_ACTIVE, shown.user.expires_at, op->now,
                            home, verdict_of(made.ways));
    *ret_why = made;
    return NULL;
}

reason provenance_of(struct op *op, struct txn *txn, const struct tenant *home,
                     struct slice user_id, const struct permission *permission,
                     struct why *ret_why) {
    struct membership membership;
    struct why made = {.verdict = VERDICT_NO_MEMBER};
    bool found = false;
    if (slice_starts(user_id, S(SERVICE_USER_ID))) {
        return of_service(op, txn, home, user_id, permission, ret_why);
    }
    TRY(membership_find(op, txn, home->slug, user_id, &membership, &found));
    if (found) {
        bool active = membership.status == MEMBER_ACTIVE || membership.status == MEMBER_LOCKED;
        struct visit visit;
        struct rows grants;
        TRY(visit_find(op, txn, home->slug, user_id, &visit));
        TRY(visit_show_grants(op, membership.grants, &visit, &grants));
        TRY(provenance_ways(op, txn, home, grants, permission, &made.ways));
        made.verdict = entrance(active, membership.expires_at, op->now, home, verdict_of(made.ways));
    }
    *ret_why = made;
    return NULL;
}
