// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse organization: what groups the tenants of one customer, through the API.
#include "app/cli/cli.h"

static struct slice target_of(struct op *op, const struct args *args, const char *more) {
    return op_text(op, "/organizations/%.*s%s", SLICE(api_part(op, args->words[0])), more);
}

static void show_organization(struct op *op, const struct json *organization) {
    show_pair("organization", show_member(op, organization, "slug"));
    show_pair("name", show_member(op, organization, "name"));
    show_pair("number", show_member(op, organization, "number"));
    show_pair("administrators", show_member(op, organization, "administrators"));
    show_pair("created", show_member(op, organization, "created_at"));
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"ORGANIZATION", "NAME", "NUMBER", "ADMINISTRATORS", NULL};
    const struct json *items = NULL;
    struct table table;
    TRY(api_list(op, args, S("/organizations"), 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *one = json_at(items, i);
        const struct slice cells[] = {show_member(op, one, "slug"), show_member(op, one, "name"),
                                      show_member(op, one, "number"),
                                      show_member(op, one, "administrators")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There is no organization.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *organization = NULL;
    TRY(api_tell(op, args, METHOD_GET, target_of(op, args, ""), NULL, &organization));
    if (!args->json) {
        show_organization(op, organization);
    }
    return NULL;
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *organization = NULL;
    struct slice name = args_one(args, "name");
    json_set_text(op, body, "slug", args->words[0]);
    json_set_text(op, body, "name", name.at != NULL ? name : args->words[0]);
    TRY(api_put_list(op, args, "administrator", body, "administrators"));
    TRY(api_tell(op, args, METHOD_POST, S("/organizations"), body, &organization));
    if (!args->json) {
        show_organization(op, organization);
        show_line("\nNext: gatehouse tenant set TENANT --organization %.*s", SLICE(args->words[0]));
    }
    return NULL;
}

static reason set(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *organization = NULL;
    TRY(args_either(op, args, "administrator", "no-administrators"));
    if (args_has(args, "name")) {
        json_set_text(op, body, "name", args_one(args, "name"));
    }
    TRY(api_put_list(op, args, "administrator", body, "administrators"));
    if (args_has(args, "no-administrators")) {
        json_set(op, body, "administrators", json_array(op));
    }
    if (!args_has(args, "name") && json_get(body, "administrators") == NULL) {
        return args_wrong(op, args, "nothing to change was given");
    }
    TRY(api_tell(op, args, METHOD_PUT, target_of(op, args, ""), body, &organization));
    if (!args->json) {
        show_organization(op, organization);
    }
    return NULL;
}

static reason take_away(struct op *op, struct args *args) {
    const struct json *answer = NULL;
    TRY(api_tell(op, args, METHOD_DELETE, target_of(op, args, ""), NULL, &answer));
    if (!args->json) {
        show_line("The organization %.*s is removed.", SLICE(args->words[0]));
    }
    return NULL;
}

static reason tenants(struct op *op, struct args *args) {
    static const char *const heads[] = {"TENANT", "NAME", "NUMBER", "ENVIRONMENT", NULL};
    const struct json *items = NULL;
    struct table table;
    TRY(api_list(op, args, target_of(op, args, "/tenants"), 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *row = json_at(items, i);
        const struct slice cells[] = {show_member(op, row, "slug"), show_member(op, row, "name"),
                                      show_member(op, row, "number"),
                                      show_member(op, row, "environment")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "No tenant belongs to it.");
    return NULL;
}

static reason users(struct op *op, struct args *args) {
    static const char *const heads[] = {"TENANT", "USER", "E-MAIL", "STATUS", NULL};
    const struct json *items = NULL;
    struct table table;
    uint64_t limit = 0;
    TRY(args_number(op, args, "limit", 1, 100000, &limit));
    TRY(api_list(op, args, target_of(op, args, "/users"), limit, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *row = json_at(items, i);
        const struct slice cells[] = {show_member(op, row, "tenant"), show_member(op, row, "id"),
                                      show_member(op, row, "email"),
                                      show_member(op, row, "status")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "Nobody is there.");
    return NULL;
}

static const struct cli_option add_options[] = {
    {"name", "NAME", false, "its name for people; default the short name"},
    {"administrator", "USER-ID", true, "who sees across its tenants"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option set_options[] = {
    {"name", "NAME", false, "another name"},
    {"administrator", "USER-ID", true, "who sees across its tenants from now on"},
    {"no-administrators", NULL, false, "nobody does"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option users_options[] = {
    {"limit", "N", false, "at most so many"},
    {NULL, NULL, false, NULL},
};
const struct cli_action organization_actions[] = {
    {"list", "", NULL, list, "List the organizations.", NULL, "gatehouse organization list"},
    {"show", "SLUG", NULL, one, "Show one organization.", NULL, "gatehouse organization show acme-group"},
    {"add", "SLUG", add_options, add, "Make an organization.",
     "Tenants join it one by one: gatehouse tenant set TENANT --organization SLUG --environment staging",
     "gatehouse organization add acme-group --name \"The Acme Group\""},
    {"set", "SLUG", set_options, set, "Change an organization; what is not named stays.", NULL,
     "gatehouse organization set acme-group --administrator usr_01M7YZMHG0JM27QYN3C7RA07ZZ"},
    {"remove", "SLUG", NULL, take_away, "Remove an organization that no tenant belongs to.", NULL,
     "gatehouse organization remove acme-group"},
    {"tenants", "SLUG", NULL, tenants, "List its tenants, with their environments.", NULL,
     "gatehouse organization tenants acme-group"},
    {"users", "SLUG", users_options, users, "List the people of all its tenants.", NULL,
     "gatehouse organization users acme-group --limit 500"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
