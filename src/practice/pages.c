// SPDX-License-Identifier: GPL-3.0-or-later
// The pages: plain HTML that works without a script, by keyboard and in a screen reader.
// Never: puts a text from outside on a page unescaped.
#include "practice/practice.h"

#include <stdarg.h>

static const char style[] =
    "body{font:1.0625rem/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fff;max-width:48rem;"
    "margin:0 auto;padding:1rem}"
    ".note{background:#fff4d6;border-left:.3rem solid #8a5a00;padding:.5rem 1rem}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}"
    "button,select,input{font:inherit;color:inherit;background:#fff;border:1px solid #5c5c66;"
    "border-radius:.3rem;padding:.5rem .75rem;max-width:100%}"
    "button{cursor:pointer;background:#eef2fb}button:hover{background:#dbe4f8}"
    ":focus-visible{outline:3px solid #1a4fb4;outline-offset:2px}"
    ".people{list-style:none;padding:0}.people button{width:100%;text-align:left;margin:.2rem 0}"
    "label{display:block;margin-top:.75rem;font-weight:600}"
    "table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid "
    "#c4c4cc;padding:.35rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "summary{cursor:pointer;font-weight:600}code{overflow-wrap:anywhere}a{color:#1a4fb4}";

static void add_text(GString *page, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            g_string_append(page, "&amp;");
            break;
        case '<':
            g_string_append(page, "&lt;");
            break;
        case '>':
            g_string_append(page, "&gt;");
            break;
        case '"':
            g_string_append(page, "&quot;");
            break;
        case '\'':
            g_string_append(page, "&#39;");
            break;
        case '\n': // a browser would send CR LF for a bare one in a field
            g_string_append(page, "&#10;");
            break;
        case '\r':
            g_string_append(page, "&#13;");
            break;
        default:
            g_string_append_c(page, *at);
            break;
        }
    }
}

static void page_open(GString *page, const char *title) {
    g_string_append(
        page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    add_text(page, title);
    g_string_append_printf(
        page,
        " - practice identity provider</title>\n<style>%s</style>\n</head>\n<body>\n"
        "<main>\n<h1>",
        style);
    add_text(page, title);
    g_string_append(page, "</h1>\n");
}

static void page_close(GString *page) {
    g_string_append(page, "</main>\n</body>\n</html>\n");
}

static void add_field(GString *page, const char *name, const char *value) {
    g_string_append_printf(page, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    add_text(page, value);
    g_string_append(page, "\">\n");
}

void page_message(struct reply *reply, unsigned status, const char *title, const char *format,
                  ...) {
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *words = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    reply->status = status;
    g_string_truncate(reply->body, 0);
    page_open(reply->body, title);
    g_string_append(reply->body, "<p>");
    add_text(reply->body, words);
    g_string_append(reply->body, "</p>\n<p><a href=\"/\">To the front page</a></p>\n");
    page_close(reply->body);
}

void page_post(struct reply *reply, const char *action, const char *field, const char *message,
               const char *relay_state, const char *words) {
    GString *page = reply->body;
    reply->nonce = random_id();
    page_open(page, "Continue to the service");
    g_string_append(page, "<p>");
    add_text(page, words);
    g_string_append(
        page,
        "</p>\n<p>If nothing happens, press the button.</p>\n<form method=\"post\" action=\"");
    add_text(page, action);
    g_string_append(page, "\">\n");
    add_field(page, field, message);
    if (relay_state != NULL) {
        add_field(page, "RelayState", relay_state);
    }
    g_string_append(page, "<button type=\"submit\">Continue</button>\n</form>\n");
    g_string_append_printf(page, "<script nonce=\"%s\">document.forms[0].submit()</script>\n",
                           reply->nonce);
    page_close(page);
}

static void add_option(GString *page, const char *value, const char *name, const char *note,
                       bool chosen) {
    g_string_append_printf(page, "<option value=\"%s\"%s>", value, chosen ? " selected" : "");
    add_text(page, name);
    g_string_append(page, ": ");
    add_text(page, note);
    g_string_append(page, "</option>\n");
}

// The three selects of both forms; their names are what test drivers send.
static void add_choices(GString *page, const struct idp *idp) {
    g_string_append(page, "<label for=\"persona\">Answer in the shape of</label>\n"
                          "<select id=\"persona\" name=\"persona\">\n");
    for (size_t i = 0; i < persona_count; i++) {
        add_option(page, personas[i].id, personas[i].name, personas[i].note,
                   &personas[i] == idp->persona);
    }
    g_string_append(page, "</select>\n<label for=\"fault\">Misbehave</label>\n"
                          "<select id=\"fault\" name=\"fault\">\n");
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        add_option(page, fault_rows[i].id, fault_rows[i].id, fault_rows[i].note, i == FAULT_NONE);
    }
    g_string_append(
        page, "</select>\n<label for=\"sign\">Sign</label>\n<select id=\"sign\" name=\"sign\">\n"
              "<option value=\"\" selected>as the vendor does</option>\n"
              "<option value=\"response\">the Response only</option>\n"
              "<option value=\"assertion\">the Assertion only</option>\n"
              "<option value=\"both\">the Response and the Assertion</option>\n</select>\n");
}

static void add_groups(GString *page, const struct person *person) {
    g_autofree char *groups = g_strjoinv(", ", person->groups);
    add_text(page, *groups != '\0' ? groups : "no group");
}

void page_login(struct idp *idp, const struct pending *pending, struct reply *reply) {
    GString *page = reply->body;
    page_open(page, "Who are you today?");
    g_string_append(page, "<p>The service <code>");
    add_text(page, pending->sp_entity);
    g_string_append(page, pending->request_id != NULL
                              ? "</code> asks you to sign in."
                              : "</code> gets an answer that it did not ask for.");
    g_string_append(page, pending->forced ? " It wants you to sign in anew.</p>\n" : "</p>\n");
    g_string_append(
        page, "<p class=\"note\">This is a practice ground: nobody here needs a password.</p>\n"
              "<form method=\"post\" action=\"/sso/answer\">\n");
    add_field(page, "request_state", pending->state);
    g_string_append(page,
                    "<details><summary>Answer in another vendor's shape, or misbehave</summary>\n");
    add_choices(page, idp);
    g_string_append(page, "</details>\n");
    g_string_append(
        page,
        "<h2 id=\"people\">Sign in as</h2>\n<ul class=\"people\" aria-labelledby=\"people\">\n");
    for (guint i = 0; i < idp->people->len; i++) {
        const struct person *person = g_ptr_array_index(idp->people, i);
        g_string_append(page, "<li><button type=\"submit\" name=\"user\" value=\"");
        add_text(page, person->email);
        g_string_append(page, "\"><strong>");
        add_text(page, person->first);
        g_string_append_c(page, ' ');
        add_text(page, person->last);
        g_string_append(page, "</strong> &middot; ");
        add_text(page, person->email);
        g_string_append(page, " &middot; ");
        add_groups(page, person);
        g_string_append(page, "</button></li>\n");
    }
    g_string_append(page, "</ul>\n</form>\n");
    page_close(page);
}

static void add_services(GString *page, const struct idp *idp) {
    g_string_append(page, "<h2>Service providers</h2>\n");
    if (idp->sps->len == 0) {
        g_string_append(page, "<p>None. Start this program with <code>--sp URL</code>.</p>\n");
        return;
    }
    g_string_append(
        page, "<table>\n<thead><tr><th scope=\"col\">EntityID</th><th scope=\"col\">Metadata</th>"
              "<th scope=\"col\">State</th></tr></thead>\n<tbody>\n");
    for (guint i = 0; i < idp->sps->len; i++) {
        const struct sp *sp = g_ptr_array_index(idp->sps, i);
        g_string_append(page, "<tr><td>");
        add_text(page, sp->entity_id != NULL ? sp->entity_id : "not known yet");
        g_string_append(page, "</td><td>");
        add_text(page, sp->url);
        g_string_append(page, "</td><td>");
        add_text(page, sp->trouble != NULL ? sp->trouble : "ready");
        g_string_append(page, "</td></tr>\n");
    }
    g_string_append(page, "</tbody>\n</table>\n");
}

static void add_unsolicited(GString *page, const struct idp *idp) {
    g_string_append(
        page, "<h2>Sign in without being asked</h2>\n<p>As a tile on a company's start page does"
              " (IdP-initiated).</p>\n<form method=\"get\" action=\"/unsolicited\">\n"
              "<label for=\"sp\">Service</label>\n<select id=\"sp\" name=\"sp\">\n");
    for (guint i = 0; i < idp->sps->len; i++) {
        const struct sp *sp = g_ptr_array_index(idp->sps, i);
        if (sp->entity_id != NULL) {
            g_string_append(page, "<option>");
            add_text(page, sp->entity_id);
            g_string_append(page, "</option>\n");
        }
    }
    g_string_append(
        page,
        "</select>\n<label for=\"user\">Person</label>\n<select id=\"user\" name=\"user\">\n");
    for (guint i = 0; i < idp->people->len; i++) {
        const struct person *person = g_ptr_array_index(idp->people, i);
        g_string_append(page, "<option>");
        add_text(page, person->email);
        g_string_append(page, "</option>\n");
    }
    g_string_append(page,
                    "</select>\n<label for=\"relay_state\">RelayState (a path of the service, or"
                    " nothing)</label>\n<input id=\"relay_state\" name=\"relay_state\">\n");
    add_choices(page, idp);
    g_string_append(page, "<p><button type=\"submit\">Sign in</button></p>\n</form>\n");
}

static void add_guids(GString *page, const struct person *person) {
    if (person->groups[0] == NULL) {
        g_string_append(page, "none");
    }
    for (char **group = person->groups; *group != NULL; group++) {
        g_autofree char *guid = group_guid(*group);
        add_text(page, *group);
        g_string_append_printf(page, " <code>%s</code><br>", guid);
    }
}

static void add_people(GString *page, const struct idp *idp) {
    g_string_append(
        page, "<h2>People</h2>\n<table>\n<thead><tr><th scope=\"col\">Name</th>"
              "<th scope=\"col\">E-mail</th><th scope=\"col\">Groups, and their GUIDs in Entra ID's"
              " shape</th></tr></thead>\n<tbody>\n");
    for (guint i = 0; i < idp->people->len; i++) {
        const struct person *person = g_ptr_array_index(idp->people, i);
        g_string_append(page, "<tr><td>");
        add_text(page, person->first);
        g_string_append_c(page, ' ');
        add_text(page, person->last);
        g_string_append(page, "</td><td>");
        add_text(page, person->email);
        g_string_append(page, "</td><td>");
        add_guids(page, person);
        g_string_append(page, "</td></tr>\n");
    }
    g_string_append(page, "</tbody>\n</table>\n");
}

static void add_glossary(GString *page) {
    g_string_append(page, "<h2>Shapes</h2>\n<dl>\n");
    for (size_t i = 0; i < persona_count; i++) {
        g_string_append_printf(page, "<dt><code>%s</code> %s</dt>\n<dd>", personas[i].id,
                               personas[i].name);
        add_text(page, personas[i].note);
        g_string_append(page, "</dd>\n");
    }
    g_string_append(page, "</dl>\n<h2>Ways to misbehave</h2>\n<dl>\n");
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        g_string_append_printf(page, "<dt><code>%s</code></dt>\n<dd>", fault_rows[i].id);
        add_text(page, fault_rows[i].note);
        g_string_append(page, "</dd>\n");
    }
    g_string_append(page, "</dl>\n");
}

void page_home(struct idp *idp, const struct request *request, struct reply *reply) {
    trust_refresh(idp, false);
    GString *page = reply->body;
    const struct session *session = session_of(idp, request);
    page_open(page, "Practice identity provider");
    g_string_append(
        page,
        "<p>This program plays a customer's identity provider, so that you can try a sign-in"
        " and see what a wrong one looks like. It listens on this machine only and asks nobody"
        " for a password.</p>\n<p>Its metadata is at <a href=\"/metadata\"><code>");
    add_text(page, idp->base_url);
    g_string_append(page, "/metadata</code></a>; its EntityID is <code>");
    add_text(page, idp->entity_id);
    g_string_append(page, "</code>.</p>\n");
    if (session != NULL) {
        g_string_append(page, "<p>Signed in here as <strong>");
        add_text(page, session->person->email);
        g_string_append(
            page, "</strong>. <a href=\"/logout\">Sign out here and at the services</a></p>\n");
    }
    add_services(page, idp);
    add_unsolicited(page, idp);
    add_people(page, idp);
    add_glossary(page);
    page_close(page);
}
