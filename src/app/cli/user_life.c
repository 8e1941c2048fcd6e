// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse user disable, enable, reactivate, unlock, resend, restore, email, sessions, second-factor: what happens to people,
// through the API, whose table of states decides.
#include "app/cli/user.h"

static reason act(struct op *op, struct args *args, const char *action, const struct json *body) {
    struct slice target;
    const struct json *user = NULL;
    TRY(user_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_POST, op_text(op, "%.*s:%s", SLICE(target), action), body, &user));
    if (!args->json) {
        show_user(op, user);
    }
    return NULL;
}

const struct cli_option user_disable_options[] = {
    {"reason", "TEXT", false, "why, for those who look later"},
    {NULL, NULL, false, NULL},
};
reason user_disable(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    if (args_has(args, "reason")) {
        json_set_text(op, body, "reason", args_one(args, "reason"));
    }
    return act(op, args, "disable", body);
}

#define ACT(name, action)                                                                          \
    reason name(struct op *op, struct args *args) {                                                \
        return act(op, args, action, json_object(op));                                             \
    }
ACT(user_enable, "enable")
ACT(user_reactivate, "reactivate")
ACT(user_unlock, "unlock")
ACT(user_resend, "resend-welcome")
ACT(user_restore, "restore")

const struct cli_option user_email_options[] = {
    {"to", "EMAIL", false, "the new address, which is asked to confirm itself"},
    {NULL, NULL, false, NULL},
};
reason user_email(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    if (!args_has(args, "to")) {
        return args_wrong(op, args, "--to says which address");
    }
    json_set_text(op, body, "email", args_one(args, "to"));
    return act(op, args, "change-email", body);
}

const struct cli_option user_factor_options[] = {
    {"reset", NULL, false, "take the second factor away, for who lost it"},
    {NULL, NULL, false, NULL},
};
reason user_factor(struct op *op, struct args *args) {
    struct slice target;
    const struct json *user = NULL;
    if (args_has(args, "reset")) {
        return act(op, args, "reset-second-factor", json_object(op));
    }
    TRY(user_target(op, args, &target));
    TRY(api_tell(op, args, METHOD_GET, target, NULL, &user));
    if (!args->json) {
        show_pair("second factor", show_member(op, user, "second_factor"));
    }
    return NULL;
}

// ---- sessions ----

const struct cli_option user_sessions_options[] = {
    {"revoke", "SESSION", false, "end this one"},
    {"revoke-all", NULL, false, "end all of them"},
    {NULL, NULL, false, NULL},
};

static reason list(struct op *op, struct args *args, struct slice target) {
    static const char *const heads[] = {"SESSION", "THROUGH", "SINCE", "UNTIL", NULL};
    const struct json *items = NULL;
    struct table table;
    TRY(api_list(op, args, op_text(op, "%.*s/sessions", SLICE(target)), 0, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *session = json_at(items, i);
        struct slice through = S("");
        (void)json_text(json_get(session, "connection"), &through);
        const struct slice cells[] = {show_member(op, session, "id"),
                                      through.len > 0 ? through : S("password"),
                                      show_member(op, session, "created_at"),
                                      show_member(op, session, "expires_at")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There is no session.");
    return NULL;
}

reason user_sessions(struct op *op, struct args *args) {
    struct slice target;
    const struct json *answer = NULL;
    TRY(args_either(op, args, "revoke", "revoke-all"));
    TRY(user_target(op, args, &target));
    if (args_has(args, "revoke")) {
        TRY(api_tell(op, args, METHOD_DELETE,
                     op_text(op, "%.*s/sessions/%.*s", SLICE(target),
                             SLICE(api_part(op, args_one(args, "revoke")))),
                     NULL, &answer));
        if (!args->json) {
            show_line("The session is ended.");
        }
        return NULL;
    }
    if (args_has(args, "revoke-all")) {
        TRY(api_tell(op, args, METHOD_POST, op_text(op, "%.*s:revoke-sessions", SLICE(target)),
                     json_object(op), &answer));
        if (!args->json) {
            show_pair("ended", show_member(op, answer, "ended"));
        }
        return NULL;
    }
    return list(op, args, target);
}
