// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse user: the people of a tenant, through the API. A person is named by id or by e-mail
// address.
#include "app/cli/access.h"
#include "app/cli/user.h"

static struct slice target_of(struct op *op, const struct args *args) {
    return op_text(op, "/tenants/%.*s/users", SLICE(api_part(op, args->words[0])));
}

// One page of who has this text in name or address. *ret_id stays when the address is not among
// them.
static reason look_for(struct op *op, struct args *args, struct slice cursor, struct slice *ret_id,
                       struct slice *ret_next) {
    const struct json *answer = NULL;
    TRY(api_get(op, args,
                op_text(op, "%.*s?q=%.*s&limit=100&cursor=%.*s", SLICE(target_of(op, args)),
                        SLICE(api_part(op, args->words[1])), SLICE(api_part(op, cursor))),
                &answer));
    const struct json *items = json_get(answer, "items");
    for (size_t i = 0; i < json_count(items); i++) {
        struct slice email = S("");
        if (json_text(json_get(json_at(items, i), "email"), &email) &&
            slice_equal_nocase(email, args->words[1])) {
            (void)json_text(json_get(json_at(items, i), "id"), ret_id);
        }
    }
    *ret_next = S("");
    (void)json_text(json_get(answer, "next_cursor"), ret_next);
    return NULL;
}

// Deleted ones are not found by e-mail.
static reason find_by_email(struct op *op, struct args *args, struct slice *ret_id) {
    struct slice id = S("");
    struct slice next = S("");
    do {
        TRY(look_for(op, args, next, &id, &next));
    } while (id.len == 0 && next.len > 0);
    if (id.len == 0) {
        REFUSE(op, NOT_FOUND, "the tenant %.*s has no user %.*s", SLICE(args->words[0]),
               SLICE(args->words[1]));
    }
    *ret_id = id;
    return NULL;
}

reason user_target(struct op *op, struct args *args, struct slice *ret_target) {
    struct slice id = args->words[1];
    if (slice_find(id, S("@")) != SIZE_MAX) {
        TRY(find_by_email(op, args, &id));
    }
    *ret_target = op_text(op, "%.*s/%.*s", SLICE(target_of(op, args)), SLICE(api_part(op, id)));
    return NULL;
}

// "admin (sso), read_only (manual)"
static struct slice roles_of(struct op *op, const struct json *user) {
    const struct json *roles = json_get(user, "roles");
    struct slice text = S("");
    for (size_t i = 0; i < json_count(roles); i++) {
        const struct json *role = json_at(roles, i);
        text = op_text(op, "%.*s%s%.*s (%.*s)", SLICE(text), i > 0 ? ", " : "",
                       SLICE(show_member(op, role, "role_id")),
                       SLICE(show_member(op, role, "source")));
    }
    return text.len > 0 ? text : S("-");
}

static struct slice name_of(struct op *op, const struct json *user) {
    struct slice first = S("");
    struct slice last = S("");
    (void)json_text(json_get(user, "first_name"), &first);
    (void)json_text(json_get(user, "last_name"), &last);
    struct slice both = op_text(op, "%.*s %.*s", SLICE(first), SLICE(last));
    both = slice_trim(both);
    return both.len > 0 ? both : S("-");
}

void show_user(struct op *op, const struct json *user) {
    show_pair("user", show_member(op, user, "id"));
    show_pair("e-mail", show_member(op, user, "email"));
    show_pair("name", name_of(op, user));
    show_pair("status", show_member(op, user, "status"));
    show_pair("components", access_words(op, user));
    struct slice why = S("");
    (void)json_text(json_get(user, "status_reason"), &why);
    if (why.len > 0) {
        show_pair("because", why);
    }
    show_pair("last visit", show_member(op, user, "last_visit"));
    struct slice ends = S("");
    if (json_text(json_get(user, "expires_at"), &ends)) {
        show_pair("access until", ends);
    }
    const struct json *grants = json_get(user, "grants");
    for (size_t i = 0; i < json_count(grants); i++) {
        const struct json *grant = json_at(grants, i);
        struct slice rule = S("");
        struct slice by = S("");
        (void)json_text(json_get(grant, "rule"), &rule);
        (void)json_text(json_get(grant, "granted_by"), &by);
        show_pair(i == 0 ? "roles" : "",
                  op_text(op, "%.*s, %.*s%s%.*s", SLICE(show_member(op, grant, "role_id")),
                          SLICE(show_member(op, grant, "source")),
                          rule.len > 0 ? ": " : (by.len > 0 ? " by " : ""),
                          SLICE(rule.len > 0 ? rule : by)));
    }
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"USER",  "E-MAIL",     "NAME", "STATUS",
                                        "ROLES", "LAST VISIT", NULL};
    static const char *const filters[] = {"status", "q", "role", "sort", "kind"};
    const struct json *items = NULL;
    struct table table;
    uint64_t limit = 0;
    struct slice target = op_text(op, "%.*s?", SLICE(target_of(op, args)));
    TRY(args_number(op, args, "limit", 1, 100000, &limit));
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (args_has(args, filters[i])) {
            target = op_text(op, "%.*s%s=%.*s&", SLICE(target), filters[i],
                             SLICE(api_part(op, args_one(args, filters[i]))));
        }
    }
    TRY(api_list(op, args, slice_sub(target, 0, target.len - 1), limit, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *user = json_at(items, i);
        const struct slice cells[] = {
            show_member(op, user, "id"), show_member(op, user, "email"),
            name_of(op, user),           show_member(op, user, "status"),
            roles_of(op, user),          show_member(op, user, "last_visit")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "Nobody is there.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    struct slice target;
    const struct json *user = NULL;
    TRY(user_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_GET, target, NULL, &user));
    if (!args->json) {
        show_user(op, user);
    }
    return NULL;
}

static void put_names(struct op *op, const struct args *args, struct json *body) {
    if (args_has(args, "first")) {
        json_set_text(op, body, "first_name", args_one(args, "first"));
    }
    if (args_has(args, "last")) {
        json_set_text(op, body, "last_name", args_one(args, "last"));
    }
}

static void put_access(struct op *op, const struct args *args, struct json *body) {
    if (args_has(args, "expires")) {
        struct slice end = args_one(args, "expires");
        json_set_text_or_null(op, body, "expires_at", slice_equal(end, S("never")) ? SLICE_NONE : end);
    }
    if (args_has(args, "ticket")) {
        json_set_text_or_null(op, body, "ticket", args_one(args, "ticket"));
    }
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *user = NULL;
    json_set_text(op, body, "email", args->words[1]);
    put_names(op, args, body);
    put_access(op, args, body);
    if (args_has(args, "no-invite")) {
        json_set_bool(op, body, "send_invite", false);
    }
    if (args_has(args, "sso-only")) {
        json_set_bool(op, body, "sso_only", true);
    }
    TRY(api_put_list(op, args, "role", body, "roles"));
    TRY(access_put(op, args, body));
    TRY(api_tell(op, args, METHOD_POST, target_of(op, args), body, &user));
    if (!args->json) {
        show_user(op, user);
    }
    return NULL;
}

static reason set(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *user = NULL;
    struct slice target;
    struct slice text = S("");
    TRY(args_either(op, args, "disable", "enable"));
    TRY(args_either(op, args, "role", "no-roles"));
    bool change = args_has(args, "first") || args_has(args, "last") || args_has(args, "role") ||
                  args_has(args, "no-roles") || access_given(args) || args_has(args, "expires") ||
                  args_has(args, "ticket");
    bool turn = args_has(args, "disable") || args_has(args, "enable");
    if (!change && !turn) {
        return args_wrong(op, args, "nothing to change was given");
    }
    put_names(op, args, body);
    put_access(op, args, body);
    TRY(api_put_list(op, args, "role", body, "roles"));
    TRY(access_put(op, args, body));
    if (args_has(args, "no-roles")) {
        json_set(op, body, "roles", json_array(op));
    }
    TRY(user_target(op, args, &target));
    if (change) {
        TRY(api_ask(op, args, METHOD_PATCH, target, body, &user, &text));
    }
    if (turn) {
        TRY(api_ask(
            op, args, METHOD_POST,
            op_text(op, "%.*s:%s", SLICE(target), args_has(args, "disable") ? "disable" : "enable"),
            json_object(op), &user, &text));
    }
    if (args->json) {
        show_json_text(text);
    } else {
        show_user(op, user);
    }
    return NULL;
}

// One way from a permission back to where it came from: "audiences:view <- role user <- sso acme-okta <- ...".
static void show_way(struct op *op, const struct json *way) {
    struct slice parts[] = {show_member(op, way, "connection"), show_member(op, way, "rule"),
                            show_member(op, way, "assertion"), show_member(op, way, "granted_by")};
    static const char *const words[] = {"connection", "rule", "assertion", "by"};
    struct slice text = op_text(op, "%.*s <- role %.*s <- %.*s", SLICE(show_member(op, way, "permission")),
                                SLICE(show_member(op, way, "role_id")),
                                SLICE(show_member(op, way, "source")));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!slice_equal(parts[i], S("-"))) {
            text = op_text(op, "%.*s <- %s %.*s", SLICE(text), words[i], SLICE(parts[i]));
        }
    }
    struct slice state = show_member(op, way, "state");
    show_line("%.*s%s%.*s%s", SLICE(text), slice_equal(state, S("open")) ? "" : "  (",
              slice_equal(state, S("open")) ? 0 : (int)state.len, state.at,
              slice_equal(state, S("open")) ? "" : ")");
}

static reason why(struct op *op, struct args *args) {
    struct slice id = args->words[1];
    struct json *body = json_object(op);
    const struct json *verdict = NULL;
    bool allow = false;
    if (slice_find(id, S("@")) != SIZE_MAX) {
        TRY(find_by_email(op, args, &id));
    }
    json_set_text(op, body, "tenant", args->words[0]);
    json_set_text(op, body, "user", id);
    json_set_text(op, body, "permission", args->words[2]);
    TRY(api_tell(op, args, METHOD_POST, S("/authorize"), body, &verdict));
    (void)json_bool(json_get(verdict, "allow"), &allow);
    args->status = allow ? CLI_DONE : CLI_REFUSED;
    if (args->json) {
        return NULL;
    }
    const struct json *path = json_get(verdict, "path");
    show_line("%s (%.*s)", allow ? "yes" : "no", SLICE(show_member(op, verdict, "reason")));
    for (size_t i = 0; i < json_count(path); i++) {
        show_way(op, json_at(path, i));
    }
    return NULL;
}

static reason take_away(struct op *op, struct args *args) {
    struct slice target;
    const struct json *answer = NULL;
    TRY(user_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_DELETE, target, NULL, &answer));
    if (!args->json) {
        show_line("%.*s is no longer a member of %.*s.", SLICE(args->words[1]),
                  SLICE(args->words[0]));
    }
    return NULL;
}

static const struct cli_option list_options[] = {
    {"status", "STATUS", false, "active, disabled, deleted ..."},
    {"q", "TEXT", false, "in the name or the e-mail address"},
    {"role", "ROLE", false, "who has this role"},
    {"sort", "KEY", false, "name, email, status or last_visit; -KEY the other way round"},
    {"kind", "KIND", false, "person (default), service for programs, or all"},
    {"limit", "N", false, "at most so many"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option add_options[] = {
    {"first", "NAME", false, "first name"},
    {"last", "NAME", false, "last name"},
    {"role", "ROLE", true, "a role that is given by hand"},
    ACCESS_OPTIONS,
    {"expires", "TIME", false, "when the access ends, 2026-12-31T00:00:00Z; or never"},
    {"ticket", "TEXT", false, "the support ticket that it is given for"},
    {"no-invite", NULL, false, "send no letter now; resend does"},
    {"sso-only", NULL, false, "signs in by SSO alone: the letter has no link for a password"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option set_options[] = {
    {"first", "NAME", false, "first name"},
    {"last", "NAME", false, "last name"},
    {"role", "ROLE", true, "the roles given by hand from now on; those by SSO stay"},
    {"no-roles", NULL, false, "take away all roles given by hand; components stay"},
    ACCESS_OPTIONS,
    {"expires", "TIME", false, "when the access ends, 2026-12-31T00:00:00Z; or never"},
    {"ticket", "TEXT", false, "the support ticket that it is given for"},
    {"disable", NULL, false, "sign out and keep out"},
    {"enable", NULL, false, "let in again"},
    {NULL, NULL, false, NULL},
};
const struct cli_action user_actions[] = {
    {"list", "TENANT", list_options, list, "List the people of a tenant.", NULL,
     "gatehouse user list acme --role admin"},
    {"show", "TENANT USER", NULL, one, "Show one person and where each role comes from.", NULL,
     "gatehouse user show acme ada@acme.example"},
    {"add", "TENANT EMAIL", add_options, add, "Invite a person, by a letter with a link.", NULL,
     "gatehouse user add acme ada@acme.example --first Ada --last Lovelace --role admin"},
    {"set", "TENANT USER", set_options, set, "Change a person; what is not named stays.", NULL,
     "gatehouse user set acme ada@acme.example --role read_only"},
    {"import", "TENANT FILE", bulk_import_options, bulk_import,
     "Make, change, disable or remove the people of a file; - is standard input.",
     "CSV with the columns email, first_name, last_name, roles, sso_only, expires_at, ticket, action and the "
     "components, named by the first line, or JSON. Without --mode nothing is done if one line is refused.",
     "gatehouse user import acme people.csv --dry-run"},
    {"export", "TENANT", NULL, bulk_export, "Write the people of a tenant as CSV that import takes back.",
     NULL, "gatehouse user export acme >people.csv"},
    {"why", "TENANT USER PERMISSION", NULL, why,
     "Say whether a person may do something, and what gives it; exit status 3: they may not.", NULL,
     "gatehouse user why acme ada@acme.example audiences:manage"},
    {"remove", "TENANT USER", NULL, take_away, "Remove a person from the tenant.", NULL,
     "gatehouse user remove acme ada@acme.example"},
    {"disable", "TENANT USER", user_disable_options, user_disable, "Sign a person out and keep him out; all is kept.",
     NULL, "gatehouse user disable acme ada@acme.example --reason 'left'"},
    {"enable", "TENANT USER", NULL, user_enable,
     "Let a disabled person in again: by a link for a new password, or at once by SSO.", NULL,
     "gatehouse user enable acme ada@acme.example"},
    {"reactivate", "TENANT USER", NULL, user_reactivate,
     "Send a locked or disabled person a link for a new password.", NULL,
     "gatehouse user reactivate acme ada@acme.example"},
    {"unlock", "TENANT USER", NULL, user_unlock, "End a lock; the password stays.", NULL,
     "gatehouse user unlock acme ada@acme.example"},
    {"resend", "TENANT USER", NULL, user_resend, "Send the invitation once more, with a new link.", NULL,
     "gatehouse user resend acme ada@acme.example"},
    {"restore", "TENANT USER", NULL, user_restore, "Undo a removal within 30 days; the person is named by id.", NULL,
     "gatehouse user restore acme usr_01J9ZC0000000000000000000A"},
    {"email", "TENANT USER", user_email_options, user_email, "Ask a new e-mail address to confirm itself.", NULL,
     "gatehouse user email acme ada@acme.example --to ada@new.example"},
    {"sessions", "TENANT USER", user_sessions_options, user_sessions, "Show a person's sessions, or end them.", NULL,
     "gatehouse user sessions acme ada@acme.example --revoke-all"},
    {"second-factor", "TENANT USER", user_factor_options, user_factor,
     "Say whether a person has a second factor, or take it away.", NULL,
     "gatehouse user second-factor acme ada@acme.example --reset"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
