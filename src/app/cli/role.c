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
    show_pair("members", show_member(op, role, "member_count"));
    show_pair("not here", show_member(op, role, "denied"));
    for (size_t i = 0; i < json_count(permissions); i++) {
        show_pair(i == 0 ? "permissions" : "", show_value(op, json_at(permissions, i)));
    }
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"ROLE", "NAME", "KIND", "PERMISSIONS", "MEMBERS", NULL};
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
            op_text(op, "%zu", json_count(json_get(role, "permissions"))),
            show_member(op, role, "member_count")};
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

static void put_words(struct op *op, const struct args *args, struct json *body) {
    if (args_has(args, "name")) {
        json_set_text(op, body, "name", args_one(args, "name"));
    }
    if (args_has(args, "description")) {
        json_set_text(op, body, "description", args_one(args, "description"));
    }
}

static reason set(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *role = NULL;
    if (!args_has(args, "name") && !args_has(args, "description") &&
        !args_has(args, "permission")) {
        return args_wrong(op, args, "nothing to change was given");
    }
    put_words(op, args, body);
    TRY(api_put_list(op, args, "permission", body, "permissions"));
    TRY(api_tell(op, args, METHOD_PATCH, role_target(op, args), body, &role));
    if (!args->json) {
        show_role(op, role);
    }
    return NULL;
}

static reason clone(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *role = NULL;
    json_set_text(op, body, "role_id", args->words[2]);
    put_words(op, args, body);
    TRY(api_tell(op, args, METHOD_POST, op_text(op, "%.*s:clone", SLICE(role_target(op, args))), body,
                 &role));
    if (!args->json) {
        show_role(op, role);
    }
    return NULL;
}

static reason members(struct op *op, struct args *args) {
    static const char *const heads[] = {"USER", "E-MAIL", "STATUS", "GIVEN BY", NULL};
    const struct json *items = NULL;
    struct table table;
    uint64_t limit = 0;
    TRY(args_number(op, args, "limit", 1, 100000, &limit));
    TRY(api_list(op, args, op_text(op, "%.*s/members", SLICE(role_target(op, args))), limit, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *row = json_at(items, i);
        const struct json *grants = json_get(row, "grants");
        const struct slice cells[] = {
            show_member(op, row, "id"), show_member(op, row, "email"), show_member(op, row, "status"),
            show_member(op, json_count(grants) > 0 ? json_at(grants, 0) : row, "source")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "Nobody has it.");
    return NULL;
}

static reason restrict_it(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *role = NULL;
    struct slice target = op_text(op, "%.*s/override", SLICE(role_target(op, args)));
    TRY(args_either(op, args, "deny", "restore"));
    if (!args_has(args, "deny") && !args_has(args, "restore")) {
        return args_wrong(op, args, "say what to take out (--deny), or give all of it back (--restore)");
    }
    TRY(api_put_list(op, args, "deny", body, "denied"));
    TRY(args_has(args, "deny") ? api_tell(op, args, METHOD_PUT, target, body, &role)
                               : api_tell(op, args, METHOD_DELETE, target, NULL, &role));
    if (!args->json) {
        show_role(op, role);
    }
    return NULL;
}

static reason take_away(struct op *op, struct args *args) {
    const struct json *answer = NULL;
    struct slice target = role_target(op, args);
    if (args_has(args, "reassign-to")) {
        target = op_text(op, "%.*s?reassign_to=%.*s", SLICE(target),
                         SLICE(api_part(op, args_one(args, "reassign-to"))));
    }
    TRY(api_tell(op, args, METHOD_DELETE, target, NULL, &answer));
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
static const struct cli_option set_options[] = {
    {"name", "NAME", false, "another name"},
    {"description", "TEXT", false, "what it is for"},
    {"permission", "RESOURCE:ACTION", true, "the permissions it gives from now on"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option clone_options[] = {
    {"name", "NAME", false, "its name for people; default that of the other, with a mark"},
    {"description", "TEXT", false, "what it is for"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option members_options[] = {
    {"limit", "N", false, "at most so many"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option restrict_options[] = {
    {"deny", "RESOURCE:ACTION", true, "what it does not give in this tenant from now on"},
    {"restore", NULL, false, "it gives all again"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option remove_options[] = {
    {"reassign-to", "ROLE", false, "what its members get in its place"},
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
    {"set", "TENANT ROLE", set_options, set,
     "Change a role of the tenant's own; what is not named stays.", NULL,
     "gatehouse role set acme marketer --permission audiences:view --permission audiences:manage"},
    {"clone", "TENANT ROLE NEW-ROLE", clone_options, clone,
     "Make a role with the permissions of another, built-in or own.", NULL,
     "gatehouse role clone acme admin junior_admin --name \"Junior Admin\""},
    {"members", "TENANT ROLE", members_options, members, "List who has a role.", NULL,
     "gatehouse role members acme admin"},
    {"restrict", "TENANT ROLE", restrict_options, restrict_it,
     "Take permissions out of a built-in role for this tenant, or give them back.", NULL,
     "gatehouse role restrict acme admin --deny user_activity:view"},
    {"remove", "TENANT ROLE", remove_options, take_away,
     "Remove a role of the tenant's own that no rule names; its members may get another in its place.",
     NULL,
     "gatehouse role remove acme marketer"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
