// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse service-user: programs of a tenant and their credentials, through the API. One is named by its id or by its
// name, its owner by id or e-mail address.
#include "app/cli/cli.h"

static struct slice target_of(struct op *op, const struct args *args) {
    return op_text(op, "/tenants/%.*s/service-users", SLICE(api_part(op, args->words[0])));
}

// The id of what has exactly this text in `member`, in a list that is asked for with q=.
static reason find_id(struct op *op, struct args *args, const char *list, const char *member,
                      struct slice text, const char *what, struct slice *ret_id) {
    struct slice cursor = S("");
    struct slice id = S("");
    do {
        const struct json *answer = NULL;
        TRY(api_get(op, args,
                    op_text(op, "/tenants/%.*s/%s?q=%.*s&limit=100&cursor=%.*s",
                            SLICE(api_part(op, args->words[0])), list, SLICE(api_part(op, text)),
                            SLICE(api_part(op, cursor))),
                    &answer));
        const struct json *items = json_get(answer, "items");
        for (size_t i = 0; i < json_count(items); i++) {
            struct slice value = S("");
            if (json_text(json_get(json_at(items, i), member), &value) &&
                slice_equal_nocase(value, text)) {
                (void)json_text(json_get(json_at(items, i), "id"), &id);
            }
        }
        cursor = S("");
        (void)json_text(json_get(answer, "next_cursor"), &cursor);
    } while (id.len == 0 && cursor.len > 0);
    if (id.len == 0) {
        REFUSE(op, NOT_FOUND, "the tenant %.*s has no %s %.*s", SLICE(args->words[0]), what,
               SLICE(text));
    }
    *ret_id = id;
    return NULL;
}

static reason service_target(struct op *op, struct args *args, struct slice *ret_target) {
    struct slice id = args->words[1];
    if (!slice_starts(id, S("svc_"))) {
        TRY(find_id(op, args, "service-users", "name", id, "service user", &id));
    }
    *ret_target = op_text(op, "%.*s/%.*s", SLICE(target_of(op, args)), SLICE(api_part(op, id)));
    return NULL;
}

static struct slice roles_of(struct op *op, const struct json *service) {
    const struct json *roles = json_get(service, "roles");
    struct slice text = S("");
    for (size_t i = 0; i < json_count(roles); i++) {
        text = op_text(op, "%.*s%s%.*s", SLICE(text), i > 0 ? ", " : "",
                       SLICE(show_member(op, json_at(roles, i), "role_id")));
    }
    return text.len > 0 ? text : S("-");
}

// "campaigns full, metrics full"
static struct slice components_of(struct op *op, const struct json *service) {
    const struct json *components = json_get(service, "components");
    struct slice text = S("");
    struct slice name;
    const struct json *level;
    size_t at = 0;
    while (json_is_object(components) && json_member(components, &at, &name, &level)) {
        text = op_text(op, "%.*s%s%.*s %.*s", SLICE(text), text.len > 0 ? ", " : "", SLICE(name),
                       SLICE(show_value(op, level)));
    }
    return text.len > 0 ? text : S("-");
}

static bool is_on(const struct json *object, const char *name) {
    bool on = false;
    return json_bool(json_get(object, name), &on) && on;
}

static struct slice status_of(struct op *op, const struct json *service) {
    return op_text(op, "%.*s%s%s", SLICE(show_member(op, service, "status")),
                   is_on(service, "expired") ? ", expired" : "",
                   is_on(service, "owner_active") ? "" : ", owner not active");
}

static void show_service(struct op *op, const struct json *service) {
    const struct json *credentials = json_get(service, "credentials");
    show_pair("service user", show_member(op, service, "id"));
    show_pair("name", show_member(op, service, "name"));
    show_pair("description", show_member(op, service, "description"));
    show_pair("status", status_of(op, service));
    show_pair("owner", op_text(op, "%.*s (%.*s)", SLICE(show_member(op, service, "owner_email")),
                               SLICE(show_member(op, service, "owner"))));
    show_pair("roles", roles_of(op, service));
    show_pair("components", components_of(op, service));
    show_pair("ends", show_member(op, service, "expires_at"));
    show_pair("last used", show_member(op, service, "last_used"));
    for (size_t i = 0; i < json_count(credentials); i++) {
        const struct json *credential = json_at(credentials, i);
        show_pair(i == 0 ? "credentials" : "",
                  op_text(op, "%.*s, ends in %.*s, made %.*s, ends %.*s, last used %.*s",
                          SLICE(show_member(op, credential, "id")),
                          SLICE(show_member(op, credential, "hint")),
                          SLICE(show_member(op, credential, "created_at")),
                          SLICE(show_member(op, credential, "expires_at")),
                          SLICE(show_member(op, credential, "last_used"))));
    }
}

// ---- actions ----

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"SERVICE USER", "NAME",  "STATUS",    "OWNER",
                                        "ROLES",        "CREDENTIALS", "LAST USED", NULL};
    const struct json *items = NULL;
    struct table table;
    struct slice target = target_of(op, args);
    if (args_has(args, "q")) {
        target = op_text(op, "%.*s?q=%.*s", SLICE(target),
                         SLICE(api_part(op, args_one(args, "q"))));
    }
    TRY(api_list(op, args, target, 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *service = json_at(items, i);
        const struct slice cells[] = {
            show_member(op, service, "id"),
            show_member(op, service, "name"),
            status_of(op, service),
            show_member(op, service, "owner_email"),
            roles_of(op, service),
            op_text(op, "%zu", json_count(json_get(service, "credentials"))),
            show_member(op, service, "last_used")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There are no service users.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *service = NULL;
    struct slice target;
    TRY(service_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_GET, target, NULL, &service));
    if (!args->json) {
        show_service(op, service);
    }
    return NULL;
}

static reason put_options(struct op *op, struct args *args, struct json *body) {
    static const char *const texts[] = {"description", NULL};
    uint64_t lifetime = 0;
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (args_has(args, texts[i])) {
            json_set_text(op, body, texts[i], args_one(args, texts[i]));
        }
    }
    if (args_has(args, "owner")) {
        struct slice owner = args_one(args, "owner");
        if (slice_find(owner, S("@")) != SIZE_MAX) {
            TRY(find_id(op, args, "users", "email", owner, "user", &owner));
        }
        json_set_text(op, body, "owner", owner);
    }
    if (args_has(args, "expires-at")) {
        struct slice end = args_one(args, "expires-at");
        json_set_text_or_null(op, body, "expires_at", slice_equal(end, S("never")) ? S("") : end);
    }
    if (args_has(args, "token-lifetime")) {
        TRY(args_number(op, args, "token-lifetime", 0, 28800, &lifetime));
        json_set_number(op, body, "token_lifetime", (int64_t)lifetime);
    }
    return api_put_list(op, args, "role", body, "roles");
}

static reason tell(struct op *op, struct args *args, enum method method, struct slice target,
                   const struct json *body) {
    const struct json *service = NULL;
    TRY(api_tell(op, args, method, target, body, &service));
    if (!args->json) {
        show_service(op, service);
    }
    return NULL;
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    if (!args_has(args, "owner")) {
        return args_wrong(op, args, "a service user needs --owner USER, who answers for it");
    }
    json_set_text(op, body, "name", args->words[1]);
    TRY(put_options(op, args, body));
    return tell(op, args, METHOD_POST, target_of(op, args), body);
}

static reason set(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    struct slice target;
    TRY(args_either(op, args, "role", "no-roles"));
    if (args_has(args, "name")) {
        json_set_text(op, body, "name", args_one(args, "name"));
    }
    if (args_has(args, "no-roles")) {
        json_set(op, body, "roles", json_array(op));
    }
    TRY(put_options(op, args, body));
    TRY(service_target(op, args, &target));
    return tell(op, args, METHOD_PATCH, target, body);
}

static reason turn(struct op *op, struct args *args, const char *verb) {
    struct slice target;
    TRY(service_target(op, args, &target));
    return tell(op, args, METHOD_POST, op_text(op, "%.*s:%s", SLICE(target), verb),
                json_object(op));
}
static reason disable(struct op *op, struct args *args) {
    return turn(op, args, "disable");
}
static reason enable(struct op *op, struct args *args) {
    return turn(op, args, "enable");
}

static reason take_away(struct op *op, struct args *args) {
    struct slice target;
    const struct json *answer = NULL;
    TRY(service_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_DELETE, target, NULL, &answer));
    if (!args->json) {
        show_line("The service user %.*s is gone, and its tokens with it.",
                  SLICE(args->words[1]));
    }
    return NULL;
}

static reason add_credential(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    struct slice target;
    const struct json *made = NULL;
    if (args_has(args, "expires-at")) {
        json_set_text(op, body, "expires_at", args_one(args, "expires-at"));
    }
    TRY(service_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_POST, op_text(op, "%.*s/credentials", SLICE(target)), body,
                 &made));
    if (!args->json) {
        show_pair("credential", show_member(op, made, "id"));
        show_pair("client id", show_member(op, made, "client_id"));
        show_pair("client secret", show_member(op, made, "client_secret"));
        show_pair("token URL", show_member(op, made, "token_url"));
        show_line("\nThe secret is not shown again.");
    }
    return NULL;
}

static reason remove_credential(struct op *op, struct args *args) {
    struct slice target;
    const struct json *answer = NULL;
    TRY(service_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_DELETE,
                 op_text(op, "%.*s/credentials/%.*s", SLICE(target),
                         SLICE(api_part(op, args->words[2]))),
                 NULL, &answer));
    if (!args->json) {
        show_line("The credential %.*s is gone, and the tokens that were issued for it.",
                  SLICE(args->words[2]));
    }
    return NULL;
}

static const struct cli_option list_options[] = {
    {"q", "TEXT", false, "in the name or the description"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option add_options[] = {
    {"owner", "USER", false, "the person who answers for it: id or e-mail address"},
    {"description", "TEXT", false, "what it is for"},
    {"role", "ROLE", true, "a role that it has"},
    {"expires-at", "TIME", false, "when its access ends, as 2026-12-31T00:00:00Z"},
    {"token-lifetime", "SECONDS", false, "900 to 28800; 0: as the gate is set"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option set_options[] = {
    {"name", "NAME", false, "another name"},
    {"owner", "USER", false, "another owner: id or e-mail address"},
    {"description", "TEXT", false, "what it is for"},
    {"role", "ROLE", true, "the roles from now on"},
    {"no-roles", NULL, false, "take away all roles"},
    {"expires-at", "TIME", false, "when its access ends, or never"},
    {"token-lifetime", "SECONDS", false, "900 to 28800; 0: as the gate is set"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option credential_options[] = {
    {"expires-at", "TIME", false, "when the secret ends to work; never, if not given"},
    {NULL, NULL, false, NULL},
};
const struct cli_action service_user_actions[] = {
    {"list", "TENANT", list_options, list, "List the service users of a tenant.", NULL,
     "gatehouse service-user list acme"},
    {"show", "TENANT SERVICE", NULL, one, "Show one service user with its credentials.", NULL,
     "gatehouse service-user show acme nightly-export"},
    {"add", "TENANT NAME", add_options, add, "Make a service user.",
     "It can sign in once it has a credential.",
     "gatehouse service-user add acme nightly-export --owner ada@acme.example --role read_only"},
    {"set", "TENANT SERVICE", set_options, set, "Change a service user; what is not named stays.",
     NULL, "gatehouse service-user set acme nightly-export --role user"},
    {"remove", "TENANT SERVICE", NULL, take_away, "Remove a service user.", NULL,
     "gatehouse service-user remove acme nightly-export"},
    {"disable", "TENANT SERVICE", NULL, disable, "Take its access away; its tokens end at once.",
     NULL, "gatehouse service-user disable acme nightly-export"},
    {"enable", "TENANT SERVICE", NULL, enable, "Give it access again.", NULL,
     "gatehouse service-user enable acme nightly-export"},
    {"credential add", "TENANT SERVICE", credential_options, add_credential,
     "Make a credential and show its secret, this once.",
     "At most two at a time, so that one can be replaced while the other works.",
     "gatehouse service-user credential add acme nightly-export"},
    {"credential remove", "TENANT SERVICE CREDENTIAL", NULL, remove_credential,
     "Remove a credential; what was issued for it ends at once.", NULL,
     "gatehouse service-user credential remove acme nightly-export crd_01KB..."},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
