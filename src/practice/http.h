// SPDX-License-Identifier: GPL-3.0-or-later
// Requests, replies and pages: what the routes see of HTTP.
#ifndef GATEHOUSE_PRACTICE_HTTP_H
#define GATEHOUSE_PRACTICE_HTTP_H

#include <glib.h>
#include <stdbool.h>

struct idp;
struct pending;

struct request {
    const char *method, *path, *query; // query as it came, without the question mark
    GHashTable *query_args, *form_args;
    const char *cookie; // of our session; NULL: none
};

struct reply {
    unsigned status;
    const char *type;
    GString *body;
    char *location, *cookie; // NULL: none
    char *nonce;             // of the page's one script; NULL: no script
};

struct server;
// From the form, else from the query; NULL: not there.
const char *request_arg(const struct request *request, const char *name);
bool request_is_post(const struct request *request);
void reply_redirect(struct reply *reply, unsigned status, const char *location);
char *http_start(struct idp *idp, int listening, struct server **ret_server);
void http_stop(struct server *server);

// pages.c
void page_home(struct idp *idp, const struct request *request, struct reply *reply);
void page_login(struct idp *idp, const struct pending *pending, struct reply *reply);
void page_post(struct reply *reply, const char *action, const char *field, const char *message,
               const char *relay_state, const char *words);
void page_message(struct reply *reply, unsigned status, const char *title, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

#endif
