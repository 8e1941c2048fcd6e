// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse mail: what waits to be sent, what was given up, and whether mail goes out at all.
#include "app/cli/cli.h"

// Says on top what keeps letters from going.
static reason show_state(struct op *op, struct args *args) {
    const struct json *mail = NULL;
    bool configured = false;
    struct slice text = S("");
    TRY(api_ask(op, args, METHOD_GET, S("/mail"), NULL, &mail, &text));
    (void)json_bool(json_get(mail, "configured"), &configured);
    if (!configured) {
        show_line("No mail server is set, so letters stay queued: set smtp_url and smtp_from.");
    } else {
        struct slice trouble = show_member(op, mail, "trouble");
        show_line("Mail goes to %.*s; it is %.*s%s%.*s", SLICE(show_member(op, mail, "url")),
                  SLICE(show_member(op, mail, "state")), trouble.len > 1 ? ": " : "",
                  SLICE(trouble.len > 1 ? trouble : S("")));
    }
    show_line(
        "%.*s queued, %.*s dead, %.*s dropped, %.*s sent (those that ended, of the last days)",
        SLICE(show_member(op, mail, "queued")), SLICE(show_member(op, mail, "dead")),
        SLICE(show_member(op, mail, "dropped")), SLICE(show_member(op, mail, "sent")));
    return NULL;
}

static reason list_items(struct op *op, struct args *args, struct slice state, uint64_t limit,
                         const struct json **ret_items) {
    struct slice target = op_text(op, "/letters?state=%.*s&tenant=%.*s", SLICE(api_part(op, state)),
                                  SLICE(api_part(op, args_one(args, "tenant"))));
    return api_list(op, args, target, limit, ret_items);
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"LETTER", "STATE",    "KIND",       "TENANT",
                                        "TO",     "ATTEMPTS", "LAST ERROR", NULL};
    const struct json *items = NULL;
    struct table table;
    uint64_t limit = 100;
    TRY(args_number(op, args, "limit", 1, 100000, &limit));
    TRY(list_items(op, args, args_one(args, "state"), limit, &items));
    if (args->json) {
        return NULL;
    }
    TRY(show_state(op, args));
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *letter = json_at(items, i);
        const struct slice cells[] = {
            show_member(op, letter, "id"),        show_member(op, letter, "state"),
            show_member(op, letter, "kind"),      show_member(op, letter, "tenant"),
            show_member(op, letter, "to"),        show_member(op, letter, "attempts"),
            show_member(op, letter, "last_error")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "No letters.");
    return NULL;
}

static void show_letter(struct op *op, const struct json *letter) {
    static const char *const members[] = {"id",       "state",      "kind",      "tenant",
                                          "to",       "created_at", "due_at",    "tried_at",
                                          "ended_at", "attempts",   "last_error"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        show_pair(members[i], show_member(op, letter, members[i]));
    }
}

static reason on_letter(struct op *op, struct args *args, enum method method, const char *action) {
    const struct json *letter = NULL;
    TRY(api_tell(op, args, method,
                 op_text(op, "/letters/%.*s%s", SLICE(api_part(op, args->words[0])), action), NULL,
                 &letter));
    if (!args->json) {
        show_letter(op, letter);
    }
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    return on_letter(op, args, METHOD_GET, "");
}
static reason drop(struct op *op, struct args *args) {
    return on_letter(op, args, METHOD_POST, ":drop");
}
static reason retry(struct op *op, struct args *args) {
    return on_letter(op, args, METHOD_POST, ":retry");
}

static reason test(struct op *op, struct args *args) {
    const struct json *answer = NULL;
    struct json *body = json_object(op);
    json_set_text(op, body, "to", args->words[0]);
    json_set_bool(op, body, "queue", args_has(args, "queue"));
    TRY(api_tell(op, args, METHOD_POST, S("/mail:test"), body, &answer));
    if (!args->json) {
        show_line(args_has(args, "queue")
                      ? "It is queued as %.*s; gatehouse mail show says what becomes of it."
                      : "The mail server took it, as %.*s.",
                  SLICE(show_member(op, answer, "id")));
    }
    return NULL;
}

static reason status(struct op *op, struct args *args) {
    const struct json *mail = NULL;
    if (args->json) {
        return api_tell(op, args, METHOD_GET, S("/mail"), NULL, &mail);
    }
    return show_state(op, args);
}

static const struct cli_option list_options[] = {
    {"state", "STATE", false, "only these: queued, dead, dropped or sent"},
    {"tenant", "TENANT", false, "only those of this tenant"},
    {"limit", "N", false, "at most so many; default 100"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option test_options[] = {
    {"queue", NULL, false, "let it go the way of all letters, instead of at once"},
    {NULL, NULL, false, NULL},
};
const struct cli_action mail_actions[] = {
    {"status", "", NULL, status, "Say where mail goes, whether it does, and how much waits.", NULL,
     "gatehouse mail status"},
    {"list", "", list_options, list, "List letters: queued, dead, dropped, sent.", NULL,
     "gatehouse mail list --state dead"},
    {"show", "LETTER", NULL, one, "Show one letter: to whom, since when, what went wrong.", NULL,
     "gatehouse mail show ltr_01JABCDEFGHJKMNPQRSTVWXYZ0"},
    {"retry", "LETTER", NULL, retry, "Send a dead or queued letter now.", NULL,
     "gatehouse mail retry ltr_01JABCDEFGHJKMNPQRSTVWXYZ0"},
    {"drop", "LETTER", NULL, drop, "Drop a dead or queued letter.", NULL,
     "gatehouse mail drop ltr_01JABCDEFGHJKMNPQRSTVWXYZ0"},
    {"test", "ADDRESS", test_options, test,
     "Send a letter that says nothing, to see whether mail arrives.", NULL,
     "gatehouse mail test ada@demo.example"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
