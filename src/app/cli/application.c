// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse application: the applications that people sign in to, through the API. One is named by its id or by its name.
#include "app/cli/cli.h"

#include "base/rand.h"
#include "domain/application.h"

static reason find_id(struct op *op, struct args *args, struct slice name, struct slice *ret_id) {
    struct slice cursor = S("");
    struct slice id = S("");
    do {
        const struct json *answer = NULL;
        TRY(api_get(op, args,
                    op_text(op, "/applications?limit=100&cursor=%.*s",
                            SLICE(api_part(op, cursor))),
                    &answer));
        const struct json *items = json_get(answer, "items");
        for (size_t i = 0; i < json_count(items); i++) {
            struct slice value = S("");
            if (json_text(json_get(json_at(items, i), "name"), &value) &&
                slice_equal_nocase(value, name)) {
                (void)json_text(json_get(json_at(items, i), "id"), &id);
            }
        }
        cursor = S("");
        (void)json_text(json_get(answer, "next_cursor"), &cursor);
    } while (id.len == 0 && cursor.len > 0);
    if (id.len == 0) {
        REFUSE(op, NOT_FOUND, "there is no application %.*s", SLICE(name));
    }
    *ret_id = id;
    return NULL;
}

// Names may begin as ids do, but not be as long by chance.
static bool is_id(struct slice word) {
    return slice_starts(word, S(APPLICATION_ID)) &&
           word.len == sizeof APPLICATION_ID - 1 + ULID_TEXT;
}

static reason target_of(struct op *op, struct args *args, struct slice *ret_target) {
    struct slice id = args->words[0];
    if (!is_id(id)) {
        TRY(find_id(op, args, id, &id));
    }
    *ret_target = op_text(op, "/applications/%.*s", SLICE(api_part(op, id)));
    return NULL;
}

static bool is_on(const struct json *object, const char *name) {
    bool on = false;
    return json_bool(json_get(object, name), &on) && on;
}

static struct slice kind_of(const struct json *application) {
    return is_on(application, "confidential") ? S("confidential") : S("public");
}

static struct slice tenants_of(struct op *op, const struct json *application) {
    return json_count(json_get(application, "tenants")) == 0
               ? S("all")
               : show_member(op, application, "tenants");
}

static void show_secrets(struct op *op, const struct json *secrets) {
    for (size_t i = 0; i < json_count(secrets); i++) {
        const struct json *secret = json_at(secrets, i);
        show_pair(i == 0 ? "secrets" : "",
                  op_text(op, "%.*s, ends in %.*s, made %.*s, ends %.*s",
                          SLICE(show_member(op, secret, "id")),
                          SLICE(show_member(op, secret, "hint")),
                          SLICE(show_member(op, secret, "created_at")),
                          SLICE(show_member(op, secret, "expires_at"))));
    }
}

// What its developer types in where a client of OAuth is set up.
static reason show_for_developer(struct op *op, struct args *args,
                                 const struct json *application) {
    const struct settings *settings = NULL;
    const struct json *uris = json_get(application, "redirect_uris");
    TRY(args_settings(op, args, &settings));
    show_line("\nFor its developer:");
    show_pair("  issuer", settings->public_url);
    show_pair("  client_id", show_member(op, application, "client_id"));
    for (size_t i = 0; i < json_count(uris); i++) {
        show_pair(i == 0 ? "  redirect URI" : "", show_value(op, json_at(uris, i)));
    }
    show_pair("  discovery", op_text(op, "%.*s/.well-known/openid-configuration",
                                     SLICE(settings->public_url)));
    show_pair("  authorize", op_text(op, "%.*s/oauth2/authorize", SLICE(settings->public_url)));
    show_pair("  token", op_text(op, "%.*s/oauth2/token", SLICE(settings->public_url)));
    show_pair("  scopes", S("openid profile email"));
    show_pair("  PKCE", S("S256"));
    show_pair("  client auth", is_on(application, "confidential")
                                   ? S("client_secret_basic or client_secret_post")
                                   : S("none"));
    return NULL;
}

static reason show_application(struct op *op, struct args *args, const struct json *application) {
    show_pair("application", show_member(op, application, "id"));
    show_pair("name", show_member(op, application, "name"));
    show_pair("status", is_on(application, "disabled") ? S("disabled") : S("active"));
    show_pair("kind", kind_of(application));
    show_pair("tokens call API", show_member(op, application, "api"));
    show_pair("tenants", tenants_of(op, application));
    show_pair("created", show_member(op, application, "created_at"));
    show_secrets(op, json_get(application, "secrets"));
    return show_for_developer(op, args, application);
}

// ---- actions ----

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"APPLICATION", "NAME",    "STATUS",  "KIND",
                                        "API",         "TENANTS", "SECRETS", NULL};
    const struct json *items = NULL;
    struct table table;
    TRY(api_list(op, args, S("/applications"), 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *application = json_at(items, i);
        const struct slice cells[] = {
            show_member(op, application, "id"),
            show_member(op, application, "name"),
            is_on(application, "disabled") ? S("disabled") : S("active"),
            kind_of(application),
            show_member(op, application, "api"),
            tenants_of(op, application),
            op_text(op, "%zu", json_count(json_get(application, "secrets")))};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There is no application.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *application = NULL;
    struct slice target;
    TRY(target_of(op, args, &target));
    TRY(api_tell(op, args, METHOD_GET, target, NULL, &application));
    return args->json ? NULL : show_application(op, args, application);
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *application = NULL;
    if (!args_has(args, "redirect")) {
        return args_wrong(op, args,
                          "an application needs --redirect URI, where browsers come back to");
    }
    json_set_text(op, body, "name", args->words[0]);
    json_set_bool(op, body, "confidential", !args_has(args, "public"));
    json_set_bool(op, body, "api", args_has(args, "api"));
    TRY(api_put_list(op, args, "redirect", body, "redirect_uris"));
    TRY(api_put_list(op, args, "tenant", body, "tenants"));
    TRY(api_tell(op, args, METHOD_POST, S("/applications"), body, &application));
    if (args->json) {
        return NULL;
    }
    TRY(show_application(op, args, application));
    if (is_on(application, "confidential")) {
        show_line("\nIt needs a secret before anybody can sign in to it: "
                  "gatehouse application secret add %.*s",
                  SLICE(show_member(op, application, "id")));
    }
    return NULL;
}

static reason set(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *application = NULL;
    struct slice target;
    size_t at = 0;
    struct slice name;
    const struct json *value;
    TRY(args_either(op, args, "disable", "enable"));
    TRY(args_either(op, args, "api", "no-api"));
    TRY(args_either(op, args, "tenant", "all-tenants"));
    if (args_has(args, "name")) {
        json_set_text(op, body, "name", args_one(args, "name"));
    }
    if (args_has(args, "disable") || args_has(args, "enable")) {
        json_set_bool(op, body, "disabled", args_has(args, "disable"));
    }
    if (args_has(args, "api") || args_has(args, "no-api")) {
        json_set_bool(op, body, "api", args_has(args, "api"));
    }
    if (args_has(args, "all-tenants")) {
        json_set(op, body, "tenants", json_array(op));
    }
    TRY(api_put_list(op, args, "redirect", body, "redirect_uris"));
    TRY(api_put_list(op, args, "tenant", body, "tenants"));
    if (!json_member(body, &at, &name, &value)) {
        return args_wrong(op, args, "nothing to change was given");
    }
    TRY(target_of(op, args, &target));
    TRY(api_tell(op, args, METHOD_PUT, target, body, &application));
    return args->json ? NULL : show_application(op, args, application);
}

static reason take_away(struct op *op, struct args *args) {
    struct slice target;
    const struct json *answer = NULL;
    TRY(target_of(op, args, &target));
    TRY(api_tell(op, args, METHOD_DELETE, target, NULL, &answer));
    if (!args->json) {
        show_line("The application %.*s is gone.", SLICE(args->words[0]));
    }
    return NULL;
}

static reason add_secret(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    struct slice target;
    const struct json *made = NULL;
    if (args_has(args, "expires-at")) {
        json_set_text(op, body, "expires_at", args_one(args, "expires-at"));
    }
    TRY(target_of(op, args, &target));
    TRY(api_tell(op, args, METHOD_POST, op_text(op, "%.*s/secrets", SLICE(target)), body, &made));
    if (!args->json) {
        show_pair("secret", show_member(op, made, "id"));
        show_pair("client_id", show_member(op, made, "client_id"));
        show_pair("client_secret", show_member(op, made, "client_secret"));
        show_pair("ends", show_member(op, made, "expires_at"));
        show_line("\nThe secret is not shown again.");
    }
    return NULL;
}

static reason remove_secret(struct op *op, struct args *args) {
    struct slice target;
    const struct json *answer = NULL;
    TRY(target_of(op, args, &target));
    TRY(api_tell(op, args, METHOD_DELETE,
                 op_text(op, "%.*s/secrets/%.*s", SLICE(target),
                         SLICE(api_part(op, args->words[1]))),
                 NULL, &answer));
    if (!args->json) {
        show_line("The secret %.*s is gone.", SLICE(args->words[1]));
    }
    return NULL;
}

static const struct cli_option add_options[] = {
    {"redirect", "URI", true, "where a browser may be sent back to, byte for byte"},
    {"public", NULL, false, "it keeps no secret: it runs in a browser or on people's devices"},
    {"api", NULL, false, "its access tokens may call the API of the gate for the person"},
    {"tenant", "SLUG", true, "whose people may sign in to it; all, if not given"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option set_options[] = {
    {"name", "NAME", false, "another name"},
    {"redirect", "URI", true, "the redirect URIs from now on"},
    {"tenant", "SLUG", true, "whose people may sign in to it from now on"},
    {"all-tenants", NULL, false, "the people of all tenants may"},
    {"disable", NULL, false, "nobody gets a code or a token for it"},
    {"enable", NULL, false, "people may sign in to it again"},
    {"api", NULL, false, "its access tokens may call the API of the gate for the person"},
    {"no-api", NULL, false, "they may not"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option secret_options[] = {
    {"expires-at", "TIME", false, "when it ends, as 2026-12-31T00:00:00Z; never, if not given"},
    {NULL, NULL, false, NULL},
};
const struct cli_action application_actions[] = {
    {"list", "", NULL, list, "List the applications that people sign in to.", NULL,
     "gatehouse application list"},
    {"show", "APPLICATION", NULL, one,
     "Show one application, with what its developer types in where a client of OAuth is set up.",
     "It is named by its id or by its name.", "gatehouse application show \"Customer portal\""},
    {"add", "NAME", add_options, add, "Register an application.",
     "A redirect URI is an https URL, or http on this machine (127.0.0.1 and [::1] with any port), or one\n"
     "of a scheme of the application's own with a dot in it: com.example.app:/signed-in",
     "gatehouse application add \"Customer portal\" --redirect https://portal.example.com/signed-in "
     "--tenant acme"},
    {"set", "APPLICATION", set_options, set, "Change an application; what is not named stays.",
     NULL, "gatehouse application set \"Customer portal\" --redirect https://portal.example.com/in"},
    {"remove", "APPLICATION", NULL, take_away,
     "Remove an application with its secrets; nobody signs in to it any more.", NULL,
     "gatehouse application remove \"Customer portal\""},
    {"secret add", "APPLICATION", secret_options, add_secret,
     "Make a secret and show it, this once.",
     "At most two at a time, so that one can be replaced while the other works.",
     "gatehouse application secret add \"Customer portal\""},
    {"secret remove", "APPLICATION SECRET", NULL, remove_secret, "Remove a secret.", NULL,
     "gatehouse application secret remove \"Customer portal\" crd_01KB..."},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
