// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse rule: the mapping rules of a connection. The API replaces them as a whole, so a change
// reads what is there, changes it, and puts it back.
#include "app/cli/connection.h"
#include "base/text.h"

static struct slice target_of(struct op *op, const struct args *args) {
    return op_text(op, "%.*s/rules", SLICE(connection_target(op, args->words[0])));
}

static reason show_outcome(struct op *op, struct args *args, const struct json *mapping) {
    return args->json ? NULL : show_rules(op, mapping, false);
}

static reason list(struct op *op, struct args *args) {
    const struct json *mapping = NULL;
    TRY(api_tell(op, args, METHOD_GET, target_of(op, args), NULL, &mapping));
    return show_outcome(op, args, mapping);
}

// What is stored, as a body that can be changed; the rules apart.
static reason read_mapping(struct op *op, struct args *args, struct json *body, struct json *rules,
                           size_t without) {
    const struct json *old = NULL;
    TRY(api_get(op, args, target_of(op, args), &old));
    const struct json *role = json_get(old, "default_role");
    const struct json *mode = json_get(old, "mode");
    const struct json *there = json_get(old, "rules");
    if (without > json_count(there)) {
        REFUSE(op, NOT_FOUND, "there is no rule %zu; the connection %.*s has %zu", without,
               SLICE(args->words[0]), json_count(there));
    }
    for (size_t i = 0; i < json_count(there); i++) {
        if (i + 1 != without) {
            json_add(op, rules, json_at(there, i));
        }
    }
    if (role != NULL) {
        json_set(op, body, "default_role", role);
    }
    if (mode != NULL) {
        json_set(op, body, "mode", mode);
    }
    json_set(op, body, "rules", rules);
    return NULL;
}

static reason put_mapping(struct op *op, struct args *args, const struct json *body) {
    const struct json *mapping = NULL;
    TRY(api_tell(op, args, METHOD_PUT, target_of(op, args), body, &mapping));
    return show_outcome(op, args, mapping);
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    struct json *rules = json_array(op);
    struct json *rule = json_object(op);
    if (!args_has(args, "value") || !args_has(args, "role")) {
        return args_wrong(op, args, "a rule needs --value GROUP and at least one --role ROLE");
    }
    struct slice match = args_one(args, "match");
    json_set_text(op, rule, "match", match.at != NULL ? match : S("exact"));
    json_set_text(op, rule, "value", args_one(args, "value"));
    TRY(api_put_list(op, args, "role", rule, "roles"));
    TRY(read_mapping(op, args, body, rules, 0));
    json_add(op, rules, rule);
    return put_mapping(op, args, body);
}

static reason set(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    struct slice role = args_one(args, "default-role");
    if (role.at == NULL && !args_has(args, "mode")) {
        return args_wrong(op, args, "nothing to change was given");
    }
    TRY(read_mapping(op, args, body, json_array(op), 0));
    if (role.at != NULL && slice_equal(role, S("none"))) {
        json_set_null(op, body, "default_role");
    } else if (role.at != NULL) {
        json_set_text(op, body, "default_role", role);
    }
    if (args_has(args, "mode")) {
        json_set_text(op, body, "mode", args_one(args, "mode"));
    }
    return put_mapping(op, args, body);
}

static reason take_away(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    uint64_t number = 0;
    if (!text_u64(args->words[1], CONNECTION_RULES_MAX, &number) || number == 0) {
        return args_wrong(op, args,
                          "\"%.*s\" is no number of a rule; gatehouse rule list %.*s shows them",
                          SLICE(args->words[1]), SLICE(args->words[0]));
    }
    TRY(read_mapping(op, args, body, json_array(op), (size_t)number));
    return put_mapping(op, args, body);
}

static const struct cli_option add_options[] = {
    {"match", "HOW", false, "exact (default), prefix, suffix or contains"},
    {"value", "GROUP", false, "the group that the identity provider sends (needed)"},
    {"role", "ROLE", true, "a role that it gives (needed)"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option set_options[] = {
    {"default-role", "ROLE|none", false, "for who matches no rule; none: refused"},
    {"mode", "MODE", false, "authoritative: groups that are gone take roles away; additive: never"},
    {NULL, NULL, false, NULL},
};
const struct cli_action rule_actions[] = {
    {"list", "CONNECTION", NULL, list, "List the rules of a connection.", NULL,
     "gatehouse rule list acme-okta"},
    {"add", "CONNECTION", add_options, add, "Add a rule: a group gives roles.", NULL,
     "gatehouse rule add acme-okta --match prefix --value cdp- --role read_only"},
    {"set", "CONNECTION", set_options, set,
     "Set what happens to those who match none, and the mode.", NULL,
     "gatehouse rule set acme-okta --default-role read_only"},
    {"remove", "CONNECTION NUMBER", NULL, take_away, "Remove a rule by its number in the list.",
     NULL, "gatehouse rule remove acme-okta 2"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
