// SPDX-License-Identifier: GPL-3.0-or-later
// From asserted groups to grants. Pure: reads the connection's rules and the identity, nothing
// else. Comparison is byte for byte: a group's name is what the IdP says it is.
#include "domain/grant.h"
#include "domain/login.h"

static const char *const match_words[] = {"exact", "prefix", "suffix", "contains"};

static bool matches(const struct mapping_rule *rule, struct slice value) {
    if (rule->value.len == 0) {
        return false; // would match everything
    }
    switch ((enum match)rule->match) {
    case MATCH_EXACT: return slice_equal(value, rule->value);
    case MATCH_PREFIX: return slice_starts(value, rule->value);
    case MATCH_SUFFIX: return slice_ends(value, rule->value);
    case MATCH_CONTAINS: return slice_find(value, rule->value) != SIZE_MAX;
    }
    return false;
}

static const struct attribute *attribute_at(const struct identity *identity, size_t index) {
    return &((const struct attribute *)identity->attributes.at)[index];
}

// The first value of the groups attribute that the rule matches; the attribute may come several
// times.
static bool find_match(const struct identity *identity, struct slice groups_attribute,
                       const struct mapping_rule *rule, struct slice *ret_value) {
    for (size_t i = 0; i < identity->attributes.count; i++) {
        const struct attribute *attribute = attribute_at(identity, i);
        if (!slice_equal(attribute->name, groups_attribute)) {
            continue;
        }
        for (size_t v = 0; v < attribute->values.count; v++) {
            if (matches(rule, attribute->values.at[v])) {
                *ret_value = attribute->values.at[v];
                return true;
            }
        }
    }
    return false;
}

// Entra ID puts a link in place of the groups of a person who is in too many.
static bool is_overage(const struct attribute *attribute) {
    if (slice_ends(attribute->name, S("groups.link"))) {
        return true;
    }
    if (slice_ends(attribute->name, S("_claim_names"))) {
        for (size_t v = 0; v < attribute->values.count; v++) {
            if (slice_find(attribute->values.at[v], S("groups")) != SIZE_MAX) {
                return true;
            }
        }
    }
    return false;
}

static reason check_overage(struct op *op, const struct connection *connection,
                            const struct identity *identity) {
    const struct attribute *link = NULL;
    for (size_t i = 0; i < identity->attributes.count; i++) {
        const struct attribute *attribute = attribute_at(identity, i);
        if (slice_equal(attribute->name, connection->policy.groups_attribute)) {
            return NULL;
        }
        if (is_overage(attribute)) {
            link = attribute;
        }
    }
    if (link != NULL) {
        REFUSE(op, ATTRIBUTE_GROUPS_OVERAGE,
               "the attribute %.*s came in place of the groups in %.*s", SLICE(link->name),
               SLICE(connection->policy.groups_attribute));
    }
    return NULL;
}

static bool has_role(const struct rows *grants, struct slice role_id) {
    for (size_t i = 0; i < grants->count; i++) {
        if (slice_equal(((const struct grant *)grants->at)[i].role_id, role_id)) {
            return true;
        }
    }
    return false;
}

// A role that an earlier rule gave keeps that rule as its origin.
static void give(struct rows *grants, const struct grant *origin, struct texts roles) {
    for (size_t i = 0; i < roles.count; i++) {
        if (!has_role(grants, roles.at[i]) && grants->count < GRANTS_MAX) {
            struct grant *grant = &((struct grant *)grants->at)[grants->count++];
            *grant = *origin;
            grant->role_id = roles.at[i];
        }
    }
}

static struct slice rule_words(struct op *op, const struct mapping_rule *rule) {
    return text_cut(op_text(op, "%s \"%.*s\"", match_words[rule->match], SLICE(rule->value)),
                    GRANT_TEXT_MAX);
}

// As many as all rules together can give.
static size_t most_grants(const struct mapping *mapping) {
    size_t count = 1; // the default role
    for (size_t i = 0; i < mapping->rules.count; i++) {
        count += ((const struct mapping_rule *)mapping->rules.at)[i].roles.count;
    }
    return count < GRANTS_MAX ? count : GRANTS_MAX;
}

reason mapping_apply(struct op *op, const struct connection *connection,
                     const struct identity *identity, struct rows *ret_grants) {
    TRY(check_overage(op, connection, identity));
    const struct mapping *mapping = &connection->mapping;
    struct grant origin = {.source = GRANT_SSO,
                           .connection = connection->slug,
                           .assertion = text_cut(identity->assertion_id, GRANT_TEXT_MAX),
                           .granted_at = op->now};
    struct rows grants = {NULL, 0};
    TRY(op_take_raw(op, most_grants(mapping) * sizeof(struct grant), &grants.at));
    for (size_t i = 0; i < mapping->rules.count; i++) {
        const struct mapping_rule *rule = &((const struct mapping_rule *)mapping->rules.at)[i];
        struct slice value;
        if (find_match(identity, connection->policy.groups_attribute, rule, &value)) {
            origin.rule = rule_words(op, rule);
            origin.value = text_cut(value, GRANT_TEXT_MAX);
            give(&grants, &origin, rule->roles);
        }
    }
    if (grants.count == 0) {
        if (mapping->default_role.len == 0) {
            REFUSE(op, LOGIN_NO_ROLE,
                   "no rule matches the values of %.*s, and there is no default role",
                   SLICE(connection->policy.groups_attribute));
        }
        struct slice role = mapping->default_role;
        origin.rule = S("default role");
        origin.value = SLICE_NONE;
        give(&grants, &origin, (struct texts){&role, 1});
    }
    *ret_grants = grants;
    return NULL;
}
