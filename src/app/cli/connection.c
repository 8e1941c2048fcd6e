// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse connection: lists, makes, shows and removes connections through the API. Changing one
// is in connection_set.c.
#include "app/cli/connection.h"

struct slice connection_target(struct op *op, struct slice slug) {
    return op_text(op, "/connections/%.*s", SLICE(api_part(op, slug)));
}

static struct slice state_of(const struct json *connection) {
    bool disabled = false;
    return json_bool(json_get(connection, "disabled"), &disabled) && disabled ? S("disabled")
                                                                              : S("enabled");
}

// ---- showing one

static void show_addresses(struct op *op, const struct json *connection) {
    show_line("\nFor the customer's IT (the identity provider asks for these):");
    show_pair("  ACS URL", show_member(op, connection, "acs_url"));
    show_pair("  entity ID", show_member(op, connection, "entity_id"));
    show_pair("  logout URL", show_member(op, connection, "slo_url"));
    show_pair("  metadata", show_member(op, connection, "metadata_url"));
    show_line("For people who sign in:");
    show_pair("  login URL", show_member(op, connection, "login_url"));
}

static void show_endpoints(struct op *op, const struct json *list, const char *label) {
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *endpoint = json_at(list, i);
        show_pair(label, op_text(op, "%.*s  %.*s", SLICE(show_member(op, endpoint, "binding")),
                                 SLICE(show_member(op, endpoint, "location"))));
    }
}

static struct slice expiry_of(struct op *op, const struct json *certificate) {
    struct slice text = S("");
    int64_t end = 0;
    if (!json_text(json_get(certificate, "not_after"), &text) || !clock_parse(text, &end)) {
        return S("a key without a date");
    }
    struct slice day = slice_sub(text, 0, 10);
    if (end <= op->now) {
        return op_text(op, "expired on %.*s", SLICE(day));
    }
    return op_text(op, "until %.*s, %lld days", SLICE(day), (long long)((end - op->now) / DAY_MS));
}

static void show_idp(struct op *op, const struct json *idp) {
    struct slice entity_id = S("");
    show_line("\nIdentity provider:");
    if (!json_text(json_get(idp, "entity_id"), &entity_id) || entity_id.len == 0) {
        show_line("  none yet; gatehouse connection set SLUG --metadata FILE gives it one");
        return;
    }
    show_pair("  entity ID", entity_id);
    show_endpoints(op, json_get(idp, "sso"), "  sign-on");
    show_endpoints(op, json_get(idp, "slo"), "  sign-out");
    const struct json *certificates = json_get(idp, "certificates");
    for (size_t i = 0; i < json_count(certificates); i++) {
        const struct json *certificate = json_at(certificates, i);
        show_pair("  certificate",
                  op_text(op, "%.*s  %.*s", SLICE(show_member(op, certificate, "sha256")),
                          SLICE(expiry_of(op, certificate))));
    }
}

// As `connection set --policy KEY=VALUE` takes it.
static struct slice policy_value(struct op *op, const struct json *value) {
    bool on = false;
    if (json_bool(value, &on)) {
        return on ? S("true") : S("false");
    }
    bool none = json_is_null(value) || (json_is_array(value) && json_count(value) == 0);
    return none ? S("null") : show_value(op, value);
}

static void show_policy(struct op *op, const struct json *policy) {
    size_t at = 0;
    struct slice name;
    const struct json *value;
    show_line("\nPolicy:");
    while (json_member(policy, &at, &name, &value)) {
        show_line("  %-27.*s  %.*s", SLICE(name), SLICE(policy_value(op, value)));
    }
}

reason show_rules(struct op *op, const struct json *mapping, bool heading) {
    static const char *const heads[] = {"NUMBER", "MATCH", "GROUP", "ROLES", NULL};
    const struct json *rules = json_get(mapping, "rules");
    struct table table;
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(rules); i++) {
        const struct json *rule = json_at(rules, i);
        const struct slice cells[] = {op_text(op, "%zu", i + 1), show_member(op, rule, "match"),
                                      show_member(op, rule, "value"),
                                      show_member(op, rule, "roles")};
        TRY(table_row(&table, cells));
    }
    if (heading) {
        show_line("\nRules:");
    }
    table_show(&table, "No group gives a role yet.");
    struct slice role = S("");
    if (json_text(json_get(mapping, "default_role"), &role) && role.len > 0) {
        show_line("Who matches none gets %.*s; mode %.*s.", SLICE(role),
                  SLICE(show_member(op, mapping, "mode")));
    } else {
        show_line("Who matches none is refused; mode %.*s.",
                  SLICE(show_member(op, mapping, "mode")));
    }
    return NULL;
}

void show_state(struct op *op, const struct json *connection) {
    static const struct {
        const char *member, *label;
    } lists[] = {{"problems", "problem"}, {"remarks", "look at"}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct json *list = json_get(connection, lists[i].member);
        for (size_t j = 0; j < json_count(list); j++) {
            show_pair(lists[i].label, show_value(op, json_at(list, j)));
        }
    }
    const struct json *distrusted = json_get(connection, "distrusted");
    for (size_t i = 0; i < json_count(distrusted); i++) {
        show_pair("distrusted", show_member(op, json_at(distrusted, i), "sha256"));
    }
}

reason show_connection(struct op *op, const struct json *connection) {
    show_pair("connection", show_member(op, connection, "slug"));
    show_pair("tenant", show_member(op, connection, "tenant"));
    show_pair("state", state_of(connection));
    show_state(op, connection);
    show_addresses(op, connection);
    show_idp(op, json_get(connection, "idp"));
    show_policy(op, json_get(connection, "policy"));
    return show_rules(op, json_get(connection, "rules"), true);
}

// ---- the actions

// The date at which the last of the certificates ends: then nobody signs in any more.
static struct slice last_expiry(struct op *op, const struct json *idp) {
    const struct json *certificates = json_get(idp, "certificates");
    const struct json *last = NULL;
    int64_t latest = 0;
    for (size_t i = 0; i < json_count(certificates); i++) {
        struct slice text = S("");
        int64_t end = INT64_MAX;
        const struct json *certificate = json_at(certificates, i);
        if (json_text(json_get(certificate, "not_after"), &text)) {
            (void)clock_parse(text, &end);
        }
        if (last == NULL || end > latest) {
            last = certificate;
            latest = end;
        }
    }
    return last != NULL ? expiry_of(op, last) : S("-");
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"CONNECTION",        "TENANT",      "STATE",
                                        "IDENTITY PROVIDER", "CERTIFICATE", NULL};
    const struct json *items = NULL;
    struct table table;
    struct slice tenant = args_one(args, "tenant");
    struct slice target =
        tenant.at != NULL ? op_text(op, "/tenants/%.*s/connections", SLICE(api_part(op, tenant)))
                          : S("/connections");
    TRY(api_list(op, args, target, 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *connection = json_at(items, i);
        const struct json *idp = json_get(connection, "idp");
        const struct slice cells[] = {show_member(op, connection, "slug"),
                                      show_member(op, connection, "tenant"), state_of(connection),
                                      show_member(op, idp, "entity_id"), last_expiry(op, idp)};
        TRY(table_row(&table, cells));
    }
    table_show(
        &table,
        "There is no connection yet; gatehouse connection add SLUG --tenant TENANT makes one.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *connection = NULL;
    TRY(api_tell(op, args, METHOD_GET, connection_target(op, args->words[0]), NULL, &connection));
    return args->json ? NULL : show_connection(op, connection);
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *connection = NULL;
    struct slice tenant = args_one(args, "tenant");
    if (tenant.at == NULL) {
        return args_wrong(op, args, "--tenant TENANT is needed: whose connection shall it be?");
    }
    json_set_text(op, body, "slug", args->words[0]);
    TRY(api_tell(op, args, METHOD_POST,
                 op_text(op, "/tenants/%.*s/connections", SLICE(api_part(op, tenant))), body,
                 &connection));
    if (args->json) {
        return NULL;
    }
    show_pair("connection", show_member(op, connection, "slug"));
    show_pair("tenant", show_member(op, connection, "tenant"));
    show_addresses(op, connection);
    show_line("\nNext: gatehouse connection set %.*s --metadata FILE, with what the customer's IT "
              "sends back,",
              SLICE(args->words[0]));
    show_line("and gatehouse rule add %.*s for the groups.", SLICE(args->words[0]));
    return NULL;
}

static reason take_away(struct op *op, struct args *args) {
    const struct json *answer = NULL;
    TRY(api_tell(op, args, METHOD_DELETE, connection_target(op, args->words[0]), NULL, &answer));
    if (!args->json) {
        show_line("The connection %.*s is removed.", SLICE(args->words[0]));
    }
    return NULL;
}

static const struct cli_option list_options[] = {
    {"tenant", "TENANT", false, "only those of this tenant"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option add_options[] = {
    {"tenant", "TENANT", false, "whose connection it is (needed)"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option decide_options[] = {
    {"change", "ID", false, "which one; else the one that waits now"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option set_options[] = {
    {"metadata", "FILE|-", false, "the identity provider, by its metadata"},
    {"metadata-url", "URL", false, "the same, fetched from there"},
    {"metadata-cert", "FILE", false, "who has to sign the metadata: PEM, DER or base64; none for nobody"},
    {"entity-id", "URI", false, "its entity ID; with --metadata: which one of several"},
    {"sso-url", "URL", false, "where it signs people on"},
    {"slo-url", "URL", false, "where it signs them out"},
    {"cert", "FILE", true, "its certificate: PEM, DER or base64"},
    {"policy", "KEY=VALUE", true, "one key of the policy; lists with commas, null for none"},
    {"disable", NULL, false, "nobody signs in through it any more"},
    {"enable", NULL, false, "people may sign in again"},
    {NULL, NULL, false, NULL},
};
const struct cli_action connection_actions[] = {
    {"list", "", list_options, list, "List the connections.", NULL,
     "gatehouse connection list --tenant acme"},
    {"show", "SLUG", NULL, one,
     "Show one connection: addresses for the customer's IT, identity provider, policy, rules.",
     NULL, "gatehouse connection show acme-okta"},
    {"add", "SLUG", add_options, add, "Make a connection of a tenant.",
     "SLUG is its short name: a-z, 0-9 and hyphens. It is part of every address, so it cannot be "
     "changed later.",
     "gatehouse connection add acme-okta --tenant acme"},
    {"set", "SLUG", set_options, connection_set, "Change a connection; what is not named stays.",
     "The identity provider is given in one of three ways: --metadata, --metadata-url, or "
     "--entity-id with\n"
     "--sso-url and --cert. gatehouse connection show SLUG lists the policy's keys with their "
     "values.",
     "gatehouse connection set acme-okta --metadata okta.xml --policy skew_seconds=60"},
    {"refresh", "SLUG", NULL, connection_refresh,
     "Look at the metadata now, at the address that it came from.",
     "This happens every hour by itself. What a policy metadata_changes=auto does not let apply waits for "
     "approval.",
     "gatehouse connection refresh acme-okta"},
    {"changes", "SLUG", NULL, connection_changes,
     "Show the change of the metadata that waits for approval, and when it was looked at.", NULL,
     "gatehouse connection changes acme-okta"},
    {"approve", "SLUG", decide_options, connection_approve, "Apply the change that waits.", NULL,
     "gatehouse connection approve acme-okta"},
    {"reject", "SLUG", decide_options, connection_reject,
     "Drop the change that waits; the same one is not raised again.", NULL,
     "gatehouse connection reject acme-okta"},
    {"distrust", "SLUG SHA256", NULL, connection_distrust_key,
     "Take the trust away from a key of the identity provider at once.",
     "SHA256 is the certificate's, as gatehouse connection show prints it. No import and no other "
     "certificate brings the key back.",
     "gatehouse connection distrust acme-okta 3b2f..."},
    {"trust", "SLUG SHA256", NULL, connection_trust_key,
     "Take a certificate off the list of those that are distrusted.", NULL,
     "gatehouse connection trust acme-okta 3b2f..."},
    {"remove", "SLUG", NULL, take_away, "Remove a connection; nobody signs in through it any more.",
     NULL, "gatehouse connection remove acme-okta"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
