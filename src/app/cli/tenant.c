// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse tenant: builds requests to the API and shows what it answers.
#include "app/cli/tenant_settings.h"

static struct slice target_of(struct op *op, struct slice slug) {
    return op_text(op, "/tenants/%.*s", SLICE(api_part(op, slug)));
}

static struct slice state_of(const struct json *tenant) {
    bool disabled = false;
    return json_bool(json_get(tenant, "disabled"), &disabled) && disabled ? S("disabled")
                                                                          : S("enabled");
}

static void show_tenant(struct op *op, const struct json *tenant) {
    show_pair("tenant", show_member(op, tenant, "slug"));
    show_pair("name", show_member(op, tenant, "name"));
    show_pair("state", state_of(tenant));
    show_pair("domains", show_member(op, tenant, "domains"));
    show_pair("organization", show_member(op, tenant, "organization"));
    show_pair("environment", show_member(op, tenant, "environment"));
    show_pair("entitlements", show_member(op, tenant, "entitlements"));
    show_pair("number", show_member(op, tenant, "number"));
    show_pair("created", show_member(op, tenant, "created_at"));
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"TENANT", "NAME", "STATE", "DOMAINS", NULL};
    const struct json *items = NULL;
    struct table table;
    TRY(api_list(op, args, S("/tenants"), 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *tenant = json_at(items, i);
        const struct slice cells[] = {show_member(op, tenant, "slug"),
                                      show_member(op, tenant, "name"), state_of(tenant),
                                      show_member(op, tenant, "domains")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There is no tenant yet; gatehouse tenant add SLUG --name NAME makes one.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *tenant = NULL;
    TRY(api_tell(op, args, METHOD_GET, target_of(op, args->words[0]), NULL, &tenant));
    if (!args->json) {
        show_tenant(op, tenant);
    }
    return NULL;
}

// What it belongs to, and what it bought.
static reason put_belongings(struct op *op, const struct args *args, struct json *body) {
    if (args_has(args, "organization")) {
        json_set_text(op, body, "organization", args_one(args, "organization"));
    }
    if (args_has(args, "environment")) {
        json_set_text(op, body, "environment", args_one(args, "environment"));
    }
    return api_put_list(op, args, "entitlement", body, "entitlements");
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *tenant = NULL;
    struct slice name = args_one(args, "name");
    json_set_text(op, body, "slug", args->words[0]);
    json_set_text(op, body, "name", name.at != NULL ? name : args->words[0]);
    TRY(api_put_list(op, args, "domain", body, "domains"));
    TRY(put_belongings(op, args, body));
    TRY(api_tell(op, args, METHOD_POST, S("/tenants"), body, &tenant));
    if (!args->json) {
        show_tenant(op, tenant);
        show_line("\nNext: gatehouse connection add SLUG --tenant %.*s", SLICE(args->words[0]));
    }
    return NULL;
}

// ---- changing

static bool is_among(struct texts texts, struct slice domain) {
    for (size_t i = 0; i < texts.count; i++) {
        if (slice_equal_nocase(texts.at[i], domain)) {
            return true;
        }
    }
    return false;
}

// The domains as they are, with some added and some taken away.
static reason changed_domains(struct op *op, struct args *args, const struct json *tenant,
                              struct json *body) {
    struct texts more = {NULL, 0};
    struct texts fewer = {NULL, 0};
    struct texts seen = {NULL, 0};
    struct json *domains = json_array(op);
    const struct json *old = json_get(tenant, "domains");
    TRY(args_all(op, args, "add-domain", &more));
    TRY(args_all(op, args, "remove-domain", &fewer));
    TRY(op_take(op, (json_count(old) + 1) * sizeof *seen.at, &seen.at));
    for (size_t i = 0; i < json_count(old); i++) {
        struct slice domain = S("");
        (void)json_text(json_at(old, i), &domain);
        seen.at[seen.count++] = domain;
        if (!is_among(fewer, domain)) {
            json_add_text(op, domains, domain);
        }
    }
    for (size_t i = 0; i < fewer.count; i++) {
        if (!is_among(seen, fewer.at[i])) {
            REFUSE(op, NOT_FOUND, "the tenant %.*s has no domain %.*s", SLICE(args->words[0]),
                   SLICE(fewer.at[i]));
        }
    }
    for (size_t i = 0; i < more.count; i++) {
        if (!is_among(seen, more.at[i])) {
            json_add_text(op, domains, more.at[i]);
        }
    }
    json_set(op, body, "domains", domains);
    return NULL;
}

static reason set(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *tenant = NULL;
    bool step = args_has(args, "add-domain") || args_has(args, "remove-domain");
    struct slice target = target_of(op, args->words[0]);
    TRY(args_either(op, args, "disable", "enable"));
    if (step && args_has(args, "domain")) {
        return args_wrong(
            op, args,
            "--domain replaces all domains: it does not go with --add-domain or --remove-domain");
    }
    if (args_has(args, "name")) {
        json_set_text(op, body, "name", args_one(args, "name"));
    }
    if (args_has(args, "disable") || args_has(args, "enable")) {
        json_set_bool(op, body, "disabled", args_has(args, "disable"));
    }
    TRY(api_put_list(op, args, "domain", body, "domains"));
    TRY(args_either(op, args, "organization", "no-organization"));
    TRY(args_either(op, args, "entitlement", "no-entitlements"));
    TRY(put_belongings(op, args, body));
    if (args_has(args, "no-organization")) {
        json_set_null(op, body, "organization");
    }
    if (args_has(args, "no-entitlements")) {
        json_set(op, body, "entitlements", json_array(op));
    }
    if (step) {
        TRY(api_get(op, args, target, &tenant));
        TRY(changed_domains(op, args, tenant, body));
    }
    size_t at = 0;
    struct slice name;
    const struct json *value;
    if (!json_member(body, &at, &name, &value)) {
        return args_wrong(op, args, "nothing to change was given");
    }
    TRY(api_tell(op, args, METHOD_PUT, target, body, &tenant));
    if (!args->json) {
        show_tenant(op, tenant);
    }
    return NULL;
}

static reason take_away(struct op *op, struct args *args) {
    const struct json *answer = NULL;
    TRY(api_tell(op, args, METHOD_DELETE, target_of(op, args->words[0]), NULL, &answer));
    if (!args->json) {
        show_line("The tenant %.*s is removed.", SLICE(args->words[0]));
    }
    return NULL;
}

#define BELONGINGS                                                                                 \
    {"organization", "SLUG", false, "the organization that it belongs to"},                        \
        {"environment", "NAME", false, "production, staging or development"},                      \
        {"entitlement", "NAME", true, "an add-on that it has: ml_studio, interactive_queries, cdp_studio"}
static const struct cli_option add_options[] = {
    {"name", "NAME", false, "its name for people; default the short name"},
    {"domain", "DOMAIN", true, "an e-mail domain that belongs to it"},
    BELONGINGS,
    {NULL, NULL, false, NULL},
};
static const struct cli_option set_options[] = {
    {"name", "NAME", false, "another name"},
    {"domain", "DOMAIN", true, "the domains it has from now on, instead of all others"},
    {"add-domain", "DOMAIN", true, "one more domain"},
    {"remove-domain", "DOMAIN", true, "one domain less"},
    BELONGINGS,
    {"no-organization", NULL, false, "it belongs to none any more"},
    {"no-entitlements", NULL, false, "it has no add-on any more"},
    {"disable", NULL, false, "nobody signs in to it any more"},
    {"enable", NULL, false, "people may sign in again"},
    {NULL, NULL, false, NULL},
};
const struct cli_action tenant_actions[] = {
    {"list", "", NULL, list, "List the tenants.", NULL, "gatehouse tenant list"},
    {"show", "SLUG", NULL, one, "Show one tenant.", NULL, "gatehouse tenant show acme"},
    {"add", "SLUG", add_options, add, "Make a tenant.",
     "SLUG is its short name: a-z, 0-9 and hyphens, 1 to 63 characters. People sign in with e-mail "
     "addresses\n"
     "of its domains; a domain belongs to one tenant.",
     "gatehouse tenant add acme --name \"Acme Inc.\" --domain acme.example"},
    {"set", "SLUG", set_options, set, "Change a tenant; what is not named stays.", NULL,
     "gatehouse tenant set acme --add-domain acme.test"},
    {"settings", "SLUG", tenant_settings_options, tenant_settings_run,
     "Show what is set for a tenant, or set some of it.",
     "Who sees the list of users, how long links work, passwords, access requests, mail, how long the audit log is kept.",
     "gatehouse tenant settings acme --set invite_days=3 --set user_list_visibility=permission"},
    {"remove", "SLUG", NULL, take_away, "Remove a tenant that has no connections and no users.",
     NULL, "gatehouse tenant remove acme"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
