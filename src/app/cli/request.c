// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse request: access that people ask for, and the gatekeepers' decisions, through the API.
#include "app/cli/cli.h"

static struct slice target_of(struct op *op, const struct args *args) {
    return op_text(op, "/tenants/%.*s/access-requests", SLICE(api_part(op, args->words[0])));
}

static struct slice one_target(struct op *op, const struct args *args) {
    return op_text(op, "%.*s/%.*s", SLICE(target_of(op, args)), SLICE(api_part(op, args->words[1])));
}

static struct slice person_of(struct op *op, const struct json *request) {
    return op_text(op, "%.*s %.*s", SLICE(show_member(op, request, "first_name")),
                   SLICE(show_member(op, request, "last_name")));
}

// "campaigns=full, read_only"
static struct slice access_of(struct op *op, const struct json *request) {
    const struct json *components = json_get(request, "components");
    const struct json *roles = json_get(request, "roles");
    const struct json *level = NULL;
    struct slice name;
    struct slice text = S("");
    size_t at = 0;
    while (json_member(components, &at, &name, &level)) {
        text = op_text(op, "%.*s%s%.*s=%.*s", SLICE(text), text.len > 0 ? ", " : "", SLICE(name),
                       SLICE(show_value(op, level)));
    }
    for (size_t i = 0; i < json_count(roles); i++) {
        text = op_text(op, "%.*s%s%.*s", SLICE(text), text.len > 0 ? ", " : "",
                       SLICE(show_value(op, json_at(roles, i))));
    }
    return text.len > 0 ? text : S("-");
}

static void show_notes(struct op *op, const struct json *request) {
    const struct json *decisions = json_get(request, "decisions");
    for (size_t i = 0; i < json_count(decisions); i++) {
        const struct json *row = json_at(decisions, i);
        show_pair(i == 0 ? "decisions" : "",
                  op_text(op, "%.*s by %.*s, %.*s: %.*s", SLICE(show_member(op, row, "decision")),
                          SLICE(show_member(op, row, "by")), SLICE(show_member(op, row, "at")),
                          SLICE(show_member(op, row, "note"))));
    }
    const struct json *comments = json_get(request, "comments");
    for (size_t i = 0; i < json_count(comments); i++) {
        const struct json *row = json_at(comments, i);
        show_pair(i == 0 ? "comments" : "",
                  op_text(op, "%.*s, %.*s: %.*s", SLICE(show_member(op, row, "by")),
                          SLICE(show_member(op, row, "at")), SLICE(show_member(op, row, "text"))));
    }
}

static void show_request(struct op *op, const struct json *request) {
    show_pair("request", show_member(op, request, "id"));
    show_pair("state", show_member(op, request, "state"));
    show_pair("kind", show_member(op, request, "kind"));
    show_pair("person", person_of(op, request));
    show_pair("e-mail", show_member(op, request, "email"));
    show_pair("access", access_of(op, request));
    show_pair("ends", show_member(op, request, "access_expires_at"));
    show_pair("why", show_member(op, request, "justification"));
    show_pair("ticket", show_member(op, request, "ticket"));
    show_pair("requester", show_member(op, request, "requester"));
    show_pair("approvals", op_text(op, "%.*s needed", SLICE(show_member(op, request, "needed"))));
    show_pair("decide by", show_member(op, request, "pending_until"));
    show_pair("failure", show_member(op, request, "failure"));
    show_notes(op, request);
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"REQUEST", "STATE", "PERSON", "E-MAIL",
                                        "ACCESS",  "ASKED", NULL};
    const struct json *items = NULL;
    struct table table;
    uint64_t limit = 0;
    struct slice target = target_of(op, args);
    TRY(args_number(op, args, "limit", 1, 100000, &limit));
    if (args_has(args, "state")) {
        target = op_text(op, "%.*s?state=%.*s", SLICE(target),
                         SLICE(api_part(op, args_one(args, "state"))));
    }
    TRY(api_list(op, args, target, limit, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *request = json_at(items, i);
        const struct slice cells[] = {
            show_member(op, request, "id"),    show_member(op, request, "state"),
            person_of(op, request),            show_member(op, request, "email"),
            access_of(op, request),            show_member(op, request, "created_at")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "Nobody asks for anything.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *request = NULL;
    TRY(api_tell(op, args, METHOD_GET, one_target(op, args), NULL, &request));
    if (!args->json) {
        show_request(op, request);
    }
    return NULL;
}

static void put_text(struct op *op, const struct args *args, const char *option,
                     struct json *body, const char *member) {
    if (args_has(args, option)) {
        json_set_text(op, body, member, args_one(args, option));
    }
}

// --component campaigns=full
static reason put_components(struct op *op, struct args *args, struct json *body) {
    struct texts given;
    struct json *components = json_object(op);
    TRY(args_all(op, args, "component", &given));
    for (size_t i = 0; i < given.count; i++) {
        struct slice level = given.at[i];
        struct slice name;
        if (!slice_cut(&level, '=', &name) || level.at == NULL) {
            return args_wrong(op, args, "--component is NAME=LEVEL, as in campaigns=full");
        }
        const char *member = NULL;
        TRY(op_cstr(op, name, &member));
        json_set_text(op, components, member, level);
    }
    if (given.count > 0) {
        json_set(op, body, "components", components);
    }
    return NULL;
}

static reason add(struct op *op, struct args *args) {
    struct json *body = json_object(op);
    const struct json *request = NULL;
    TRY(args_either(op, args, "iq", "no-iq"));
    json_set_text(op, body, "email", args->words[1]);
    put_text(op, args, "first", body, "first_name");
    put_text(op, args, "last", body, "last_name");
    put_text(op, args, "why", body, "justification");
    put_text(op, args, "ticket", body, "ticket");
    put_text(op, args, "ends", body, "access_expires_at");
    if (args_has(args, "full")) {
        json_set_str(op, body, "bundle", "full");
    }
    if (args_has(args, "iq") || args_has(args, "no-iq")) {
        json_set_bool(op, body, "interactive_queries", args_has(args, "iq"));
    }
    if (args_has(args, "draft")) {
        json_set_bool(op, body, "draft", true);
    }
    TRY(put_components(op, args, body));
    TRY(api_put_list(op, args, "role", body, "roles"));
    TRY(api_tell(op, args, METHOD_POST, target_of(op, args), body, &request));
    if (!args->json) {
        show_request(op, request);
    }
    return NULL;
}

static reason act(struct op *op, struct args *args, const char *action, const char *text) {
    struct json *body = json_object(op);
    const struct json *request = NULL;
    if (text != NULL) {
        put_text(op, args, "note", body, text);
    }
    TRY(api_tell(op, args, METHOD_POST,
                 op_text(op, "%.*s:%s", SLICE(one_target(op, args)), action), body, &request));
    if (!args->json) {
        show_request(op, request);
    }
    return NULL;
}
static reason submit(struct op *op, struct args *args) { return act(op, args, "submit", NULL); }
static reason approve(struct op *op, struct args *args) { return act(op, args, "approve", "note"); }
static reason deny(struct op *op, struct args *args) { return act(op, args, "deny", "note"); }
static reason cancel(struct op *op, struct args *args) { return act(op, args, "cancel", NULL); }
static reason retry(struct op *op, struct args *args) { return act(op, args, "retry", NULL); }
static reason revoke(struct op *op, struct args *args) { return act(op, args, "revoke", "note"); }
static reason comment(struct op *op, struct args *args) {
    if (!args_has(args, "note")) {
        return args_wrong(op, args, "a comment needs --note TEXT");
    }
    return act(op, args, "comment", "text");
}

static const struct cli_option list_options[] = {
    {"state", "STATE", false, "pending_approval, fulfilled, denied, failed ..."},
    {"limit", "N", false, "at most so many"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option add_options[] = {
    {"first", "NAME", false, "first name"},
    {"last", "NAME", false, "last name"},
    {"full", NULL, false, "full access: campaigns and metrics in full, 360 profiles"},
    {"component", "NAME=LEVEL", true, "access to one component: campaigns=full, reports=view ..."},
    {"role", "ROLE", true, "a role, built-in or the tenant's own"},
    {"iq", NULL, false, "interactive queries, too"},
    {"no-iq", NULL, false, "no interactive queries"},
    {"why", "TEXT", false, "for the gatekeeper, who decides"},
    {"ticket", "TEXT", false, "the support ticket that it belongs to"},
    {"ends", "TIME", false, "when the access ends by itself, as 2026-12-24T18:00:00Z"},
    {"draft", NULL, false, "keep it as a draft; `gatehouse request submit` sends it"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option note_options[] = {
    {"note", "TEXT", false, "words for the requester and for the record"},
    {NULL, NULL, false, NULL},
};
const struct cli_action request_actions[] = {
    {"list", "TENANT", list_options, list, "List access requests, newest first.", NULL,
     "gatehouse request list acme --state pending_approval"},
    {"show", "TENANT REQUEST", NULL, one, "Show one request and what was decided.", NULL,
     "gatehouse request show acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB"},
    {"add", "TENANT EMAIL", add_options, add,
     "Ask for access for a person; the tenant's security gatekeepers decide.", NULL,
     "gatehouse request add acme jsmith@acme.example --first J --last Smith --full --no-iq"},
    {"submit", "TENANT REQUEST", NULL, submit, "Send a draft to the gatekeepers.", NULL,
     "gatehouse request submit acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB"},
    {"approve", "TENANT REQUEST", note_options, approve,
     "Approve; with the last approval that it needs access is given.", NULL,
     "gatehouse request approve acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB"},
    {"deny", "TENANT REQUEST", note_options, deny, "Deny it; the requester is told.", NULL,
     "gatehouse request deny acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB --note 'ask for view only'"},
    {"cancel", "TENANT REQUEST", NULL, cancel, "Take back what nobody decided on.", NULL,
     "gatehouse request cancel acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB"},
    {"comment", "TENANT REQUEST", note_options, comment, "Add a comment.", NULL,
     "gatehouse request comment acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB --note 'who is this for?'"},
    {"retry", "TENANT REQUEST", NULL, retry, "Give access again, after what kept it from being given is mended.",
     NULL, "gatehouse request retry acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB"},
    {"revoke", "TENANT REQUEST", note_options, revoke, "Take away what an approved request gave.",
     NULL, "gatehouse request revoke acme req_01KB4C9N6P3V1XJ2Q8W5Z7T0AB --note 'project is over'"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
