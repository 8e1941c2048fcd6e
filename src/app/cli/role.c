// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse role: the built-in roles and a tenant's own, through the API.
#include "app/cli/cli.h"

static struct slice target_of(struct op *op, const struct args *args) {
    return op_text(op, "/tenants/%.*s/roles", SLICE(api_part(op, args->words[0])));
}

static struct slice role_target(struct op *op, const struct args *args) {
    return op_text(op, "%.*s/%.*s", SLICE(target_of(op, args)),
                   SLICE(api_part(op, args->words[1])));
}

static struct slice kind_of(const struct json *role) {
    bool builtin = false;
    return json_bool(json_get(role, "builtin"), &builtin) && builtin ? S("built-in") : S("custom");
}

static void show_role(struct op *op, const struct json *role) {
    const struct json *permissions = json_get(role, "permissions");
    show_pair("role", show_member(op, role, "role_id"));
    show_pair("name", show_member(op, role, "name"));
    show_pair("kind", kind_of(role));
    show_pair("description", show_member(op, role, "description"));
    for (size_t i = 0; i < json_count(permissions); i++) {
        show_pair(i == 0 ? "permissions" : "", show_value(op, json_at(permissions, i)));
    }
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"ROLE", "NAME", "KIND", "PERMISSIONS", NULL};
    const struct json *items = NULL;
    struct table table;
    TRY(api_list(op, args, target_of(op, args), 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *role = json_at(items, i);
        const struct slice cells[] = {
            show_member(op, role, "role_id"), show_member(op, role, "name"), kind_of(role),
            op_text(op, "%zu", json_count(json_get(role, "permissions")))};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There are no roles.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *role = NULL;
    TRY(api_tell(op, args, METHOD_GET, role_target(op, args), NULL, &role));
    if (!args->json) {
        show_role(op, role);
    }
    return NULL;
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *role = NULL;
    struct slice name = args_one(args, "name");
    if (!args_has(args, "permission")) {
        return args_wrong(op, args, "a role needs at least one --permission RESOURCE:ACTION");
    }
    json_set_text(op, body, "role_id", args->words[1]);
    json_set_text(op, body, "name", name.at != NULL ? name : args->words[1]);
    if (args_has(args, "description")) {
        json_set_text(op, body, "description", args_one(args, "description"));
    }
    TRY(api_put_list(op, args, "permission", body, "permissions"));
    TRY(api_tell(op, args, METHOD_POST, target_of(op, args), body, &role));
    if (!args->json) {
        show_role(op, role);
    }
    return NULL;
}

static reason take_away(struct op *op, struct args *args) {
    const struct json *answer = NULL;
    TRY(api_tell(op, args, METHOD_DELETE, role_target(op, args), NULL, &answer));
    if (!args->json) {
        show_line("The role %.*s of %.*s is removed.", SLICE(args->words[1]),
                  SLICE(args->words[0]));
    }
    return NULL;
}

static const struct cli_option add_options[] = {
    {"name", "NAME", false, "its name for people; default the role's id"},
    {"description", "TEXT", false, "what it is for"},
    {"permission", "RESOURCE:ACTION", true, "a permission that it gives"},
    {NULL, NULL, false, NULL},
};
const struct cli_action role_actions[] = {
    {"list", "TENANT", NULL, list, "List the roles of a tenant, built-in ones first.", NULL,
     "gatehouse role list acme"},
    {"show", "TENANT ROLE", NULL, one, "Show one role with its permissions.", NULL,
     "gatehouse role show acme read_only"},
    {"add", "TENANT ROLE", add_options, add, "Make a role of the tenant's own.",
     "ROLE is its id: letters, digits, dots, hyphens and underscores, at most 64. The permissions "
     "that there are\n"
     "stand in the answer of GET /api/v1/permissions; gatehouse role show TENANT admin shows many "
     "of them.",
     "gatehouse role add acme marketer --name Marketer --permission audiences:view"},
    {"remove", "TENANT ROLE", NULL, take_away,
     "Remove a role of the tenant's own that nobody has and no rule names.", NULL,
     "gatehouse role remove acme marketer"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
