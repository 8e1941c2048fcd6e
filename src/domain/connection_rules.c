// SPDX-License-Identifier: GPL-3.0-or-later
// Which mapping rules may be stored. Applying them to what an IdP asserts happens at login; here is
// only said what they may name, and that nobody gives by a rule what they could not give by hand.
#include "base/text.h"
#include "domain/connection_check.h"

// What is the same in each step.
struct rules_check {
    struct faults *faults;
    struct txn *txn;
    const struct actor *actor;
    struct tenant home;
};

static bool same_texts(struct texts a, struct texts b) {
    for (size_t i = 0; i < a.count; i++) {
        if (!texts_have(b, a.at[i])) {
            return false;
        }
    }
    return a.count == b.count; // each stands once in a stored rule
}

bool mapping_rule_equal(const struct mapping_rule *a, const struct mapping_rule *b) {
    return a->match == b->match && slice_equal(a->value, b->value) &&
           same_texts(a->roles, b->roles);
}

static bool has_rule(struct rows rules, const struct mapping_rule *rule) {
    const struct mapping_rule *rows = rules.at;
    for (size_t i = 0; i < rules.count; i++) {
        if (mapping_rule_equal(&rows[i], rule)) {
            return true;
        }
    }
    return false;
}

// NULL, or why this role cannot be named; also what stops everything (`*broken`).
static reason role_fault(struct rules_check *check, struct slice role_id, bool is_new,
                         reason *broken) {
    struct op *op = check->faults->op;
    struct role role;
    reason why = role_find(op, check->txn, check->home.slug, role_id, &role);
    if (why == NULL && is_new) {
        why = role_entitled(op, check->txn, &check->home, role_id);
    }
    if (why == REASON_OF(UNKNOWN_ROLE) || why == REASON_OF(ENTITLEMENT_MISSING)) {
        return why;
    }
    struct permission_set set = {{0, 0}};
    if (why == NULL) {
        struct texts ids = {&role_id, 1};
        why = role_permissions_in(op, check->txn, &check->home, ids, &set);
    }
    *broken = why;
    return why == NULL && is_new && !actor_holds(check->actor, set) ? REASON_OF(FORBIDDEN) : NULL;
}

static const char *fault_text(reason why) {
    if (why == REASON_OF(ENTITLEMENT_MISSING)) {
        return "this role gives what this tenant has no entitlement for";
    }
    return why == REASON_OF(FORBIDDEN)
               ? "this role gives what you do not hold yourself, so you cannot give it by a rule"
               : "there is no role with this id, neither built-in nor the tenant's";
}

// One rule; its roles each once.
static reason check_rule(struct rules_check *check, size_t index, struct rows old,
                         struct mapping_rule *rule) {
    struct op *op = check->faults->op;
    struct faults faults = *check->faults;
    faults.at = op_text(op, "%.*s/rules/%zu", SLICE(check->faults->at), index);
    if (rule->match < MATCH_EXACT || rule->match > MATCH_CONTAINS) {
        fault_at(&faults, "match", REASON_OF(FIELD_VALUE),
                 "one of exact, prefix, suffix and contains is expected");
    }
    if (rule->value.len == 0) {
        fault_at(&faults, "value", REASON_OF(FIELD_REQUIRED),
                 "an empty value would match every group; the default role is for that");
    } else if (rule->value.len > MAPPING_VALUE_MAX || !text_line(rule->value)) {
        fault_at(&faults, "value", REASON_OF(FIELD_RANGE), "one line of at most %d bytes",
                 MAPPING_VALUE_MAX);
    }
    if (rule->roles.count == 0 || rule->roles.count > ROLES_EACH_MAX) {
        fault_at(&faults, "roles",
                 rule->roles.count == 0 ? REASON_OF(FIELD_REQUIRED) : REASON_OF(FIELD_RANGE),
                 "a rule gives 1 to %d roles, this one %zu", ROLES_EACH_MAX, rule->roles.count);
        rule->roles.count = 0;
    }
    struct texts roles = {NULL, 0};
    TRY(op_take(op, rule->roles.count * sizeof *roles.at, &roles.at));
    for (size_t i = 0; i < rule->roles.count; i++) {
        if (!texts_have(roles, rule->roles.at[i])) {
            roles.at[roles.count++] = rule->roles.at[i];
        }
    }
    struct mapping_rule made = {rule->match, rule->value, roles};
    bool is_new = !has_rule(old, &made);
    for (size_t i = 0; i < rule->roles.count; i++) {
        reason broken = NULL;
        reason why = role_fault(check, rule->roles.at[i], is_new, &broken);
        TRY(broken);
        if (why != NULL) {
            fault_in(&faults, "roles", i, why, "%s", fault_text(why));
        }
    }
    faults.at = check->faults->at;
    *check->faults = faults;
    *rule = made;
    return NULL;
}

static reason check_default(struct rules_check *check, struct slice old, struct slice role_id) {
    if (role_id.len == 0) {
        return NULL;
    }
    reason broken = NULL;
    reason why = role_fault(check, role_id, !slice_equal(old, role_id), &broken);
    TRY(broken);
    if (why != NULL) {
        fault_at(check->faults, "default_role", why, "%s", fault_text(why));
    }
    return NULL;
}

reason mapping_check(struct faults *faults, struct txn *txn, const struct actor *actor,
                     struct slice tenant, const struct mapping *old, const struct mapping *given,
                     struct mapping *ret_mapping) {
    struct rules_check check = {faults, txn, actor, {.slug = tenant}};
    struct mapping mapping = *given;
    if (mapping.mode != MAPPING_AUTHORITATIVE && mapping.mode != MAPPING_ADDITIVE) {
        fault_at(faults, "mode", REASON_OF(FIELD_VALUE), "authoritative or additive is expected");
    }
    if (given->rules.count > CONNECTION_RULES_MAX) {
        fault_at(faults, "rules", REASON_OF(FIELD_RANGE), "%zu rules; at most %d are taken",
                 given->rules.count, CONNECTION_RULES_MAX);
        return NULL;
    }
    struct mapping_rule *rules;
    TRY(tenant_find(faults->op, txn, tenant, &check.home));
    TRY(op_take(faults->op, given->rules.count * sizeof *rules, &rules));
    for (size_t i = 0; i < given->rules.count; i++) {
        rules[i] = ((const struct mapping_rule *)given->rules.at)[i];
        TRY(check_rule(&check, i, old->rules, &rules[i]));
    }
    TRY(check_default(&check, old->default_role, given->default_role));
    mapping.rules = (struct rows){rules, given->rules.count};
    *ret_mapping = mapping;
    return NULL;
}
