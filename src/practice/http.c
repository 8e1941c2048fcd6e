// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP by libmicrohttpd: one thread, parameters and cookie read, the routes, headers of every
// answer. Never: knows SAML. Bodies over 256 KiB are refused before they are kept.
#include "practice/practice.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#define BODY_MAX (256 * 1024) // a signed AuthnRequest is 5 KB
#define CONNECTION_MAX 64     // a browser opens six
#define IDLE_S 20
#define COOKIE "practice_idp"

struct server {
    struct MHD_Daemon *daemon;
};

// One request while it comes in.
struct exchange {
    char *url; // as it came, with its query
    GString *body;
    bool too_large;
};

struct route {
    const char *path;
    bool get, post;
    void (*serve)(struct idp *idp, const struct request *request, struct reply *reply);
};

static void serve_metadata(struct idp *idp, const struct request *request, struct reply *reply) {
    (void)request;
    reply->type = "application/samlmetadata+xml";
    g_string_append(reply->body, idp->metadata);
}

static const struct route routes[] = {
    {"/", true, false, page_home},
    {"/metadata", true, false, serve_metadata},
    {"/sso", true, true, sso_request},
    {"/sso/continue", true, false, sso_continue},
    {"/sso/answer", false, true, sso_answer},
    {"/unsolicited", true, false, sso_unsolicited},
    {"/slo", true, true, slo_message},
    {"/logout", true, false, slo_start},
};

const char *request_arg(const struct request *request, const char *name) {
    const char *value = g_hash_table_lookup(request->form_args, name);
    return value != NULL ? value : g_hash_table_lookup(request->query_args, name);
}

bool request_is_post(const struct request *request) {
    return strcmp(request->method, "POST") == 0;
}

void reply_redirect(struct reply *reply, unsigned status, const char *location) {
    reply->status = status;
    reply->type = "text/plain; charset=utf-8";
    reply->location = g_strdup(location);
    g_string_printf(reply->body, "Go to %s\n", location);
}

static char *decoded(const char *text) {
    g_autofree char *spaced = g_strdup(text);
    g_strdelimit(spaced, "+", ' ');
    return g_uri_unescape_string(spaced, NULL);
}

// The first of two fields with one name counts; a field that cannot be decoded is not there.
static GHashTable *args_read(const char *text) {
    GHashTable *args = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) pairs = g_strsplit(text, "&", -1);
    for (char **pair = pairs; *pair != NULL; pair++) {
        char *equals = strchr(*pair, '=');
        if (equals != NULL) {
            *equals = '\0';
        }
        char *name = decoded(*pair);
        char *value = decoded(equals != NULL ? equals + 1 : "");
        if (name != NULL && value != NULL && !g_hash_table_contains(args, name)) {
            g_hash_table_insert(args, name, value);
        } else {
            g_free(name);
            g_free(value);
        }
    }
    return args;
}

static void route_serve(struct idp *idp, const struct request *request, struct reply *reply) {
    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        const struct route *route = &routes[i];
        if (strcmp(route->path, request->path) != 0) {
            continue;
        }
        bool post = request_is_post(request);
        bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
        if ((post && route->post) || (get && route->get)) {
            route->serve(idp, request, reply);
        } else {
            page_message(reply, 405, "Not this method", "%s does not take %s.", route->path,
                         request->method);
        }
        return;
    }
    page_message(reply, 404, "There is no such page", "The front page of %s lists what there is.",
                 idp->base_url);
}

static void headers_add(struct MHD_Response *response, const struct reply *reply) {
    g_autofree char *policy =
        reply->nonce != NULL
            ? g_strdup_printf(
                  "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-%s';"
                  " frame-ancestors 'none'; base-uri 'none'",
                  reply->nonce)
            : g_strdup("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none';"
                       " base-uri 'none'");
    MHD_add_response_header(response, "Content-Type", reply->type);
    MHD_add_response_header(response, "Content-Security-Policy", policy);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (reply->location != NULL) {
        MHD_add_response_header(response, "Location", reply->location);
    }
    if (reply->cookie != NULL) {
        g_autofree char *cookie =
            g_strdup_printf(COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax", reply->cookie);
        MHD_add_response_header(response, "Set-Cookie", cookie);
    }
}

static enum MHD_Result reply_send(struct MHD_Connection *connection, struct reply *reply) {
    gsize length = reply->body->len;
    char *body = g_string_free(reply->body, FALSE);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(length, body, g_free);
    if (response == NULL) {
        g_free(body);
        return MHD_NO;
    }
    headers_add(response, reply);
    enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result request_serve(struct idp *idp, struct MHD_Connection *connection,
                                     const char *method, const struct exchange *exchange) {
    g_autofree char *path = g_strdup(exchange->url);
    char *mark = strchr(path, '?');
    if (mark != NULL) {
        *mark = '\0';
    }
    struct request request = {
        .method = method,
        .path = path,
        .query = mark != NULL ? mark + 1 : "",
        .cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, COOKIE),
    };
    request.query_args = args_read(request.query);
    request.form_args = args_read(exchange->body->str);
    struct reply reply = {
        .status = 200, .type = "text/html; charset=utf-8", .body = g_string_new(NULL)};
    if (exchange->too_large) {
        page_message(&reply, 413, "This is too much", "A body has at most %d bytes here.",
                     BODY_MAX);
    } else {
        route_serve(idp, &request, &reply);
    }
    if (!idp->quiet) {
        fprintf(stderr, "%s %s %u\n", method, path, reply.status);
    }
    enum MHD_Result result = reply_send(connection, &reply);
    g_hash_table_destroy(request.query_args);
    g_hash_table_destroy(request.form_args);
    g_free(reply.location);
    g_free(reply.cookie);
    g_free(reply.nonce);
    return result;
}

// Called first of all; what it returns becomes *state below.
static void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *connection) {
    (void)cls;
    (void)connection;
    struct exchange *exchange = g_new0(struct exchange, 1);
    exchange->url = g_strdup(uri);
    return exchange;
}

static void exchange_end(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code) {
    (void)cls;
    (void)connection;
    (void)code;
    struct exchange *exchange = *state;
    if (exchange != NULL) {
        if (exchange->body != NULL) {
            g_string_free(exchange->body, TRUE);
        }
        g_free(exchange->url);
        g_free(exchange);
    }
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **state) {
    (void)url;
    (void)version;
    struct exchange *exchange = *state;
    if (exchange->body == NULL) {
        exchange->body = g_string_new(NULL);
        return MHD_YES;
    }
    if (*data_size == 0) {
        return request_serve(cls, connection, method, exchange);
    }
    if (exchange->body->len + *data_size > BODY_MAX) {
        exchange->too_large = true;
    } else if (!exchange->too_large) {
        g_string_append_len(exchange->body, data, (gssize)*data_size);
    }
    *data_size = 0;
    return MHD_YES;
}

char *http_start(struct idp *idp, int listening, struct server **ret_server) {
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, on_request, idp,
        MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_end, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTION_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    if (daemon == NULL) {
        return g_strdup("The HTTP server does not start.");
    }
    *ret_server = g_new0(struct server, 1);
    (*ret_server)->daemon = daemon;
    return NULL;
}

void http_stop(struct server *server) {
    MHD_stop_daemon(server->daemon);
    g_free(server);
}
