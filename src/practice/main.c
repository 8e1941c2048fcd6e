// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse-practice-idp: options, the listening socket, start and stop.
// Never: listens where another machine could reach it.
#include "practice/practice.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef GATEHOUSE_VERSION
#define GATEHOUSE_VERSION "0.1.0"
#endif

#define BACKLOG 64
#define SP_MAX 64 // each is fetched in turn, so a page must not wait for more

enum { EXIT_USAGE = 2 };

static const char help[] =
    "usage: gatehouse-practice-idp --listen 127.0.0.1:PORT --data DIR [options]\n"
    "\n"
    "A SAML 2.0 identity provider to practise with. It signs anyone in without a password,\n"
    "so it listens on loopback only. Its front page says what it can do.\n"
    "\n"
    "  --listen ADDRESS:PORT  a loopback address; port 0 takes any free port, and the program says "
    "which\n"
    "  --data DIR             where its keys are kept; made at the first start\n"
    "  --entity-id URI        its EntityID (default: the URL of its metadata)\n"
    "  --sp URL               metadata URL of a service provider; may be given several times\n"
    "  --persona NAME         the first choice of shape: okta, entra, adfs, google, keycloak, "
    "shibboleth\n"
    "  --people FILE          lines of `email | first name | last name | group, group`\n"
    "  --quiet                no line for each request on standard error\n"
    "  --help, --version\n"
    "\n"
    "It ends at SIGTERM or SIGINT. Exit status: 0 done, 1 failed, 2 wrong usage.\n";

struct options {
    char *listen, *data, *entity_id, *persona, *people;
    GPtrArray *sps;
    bool quiet, help, version;
};

static char *option_take(struct options *options, int option, const char *value) {
    switch (option) {
    case 'l':
        options->listen = g_strdup(value);
        return NULL;
    case 'd':
        options->data = g_strdup(value);
        return NULL;
    case 'e':
        options->entity_id = g_strdup(value);
        return NULL;
    case 's':
        g_ptr_array_add(options->sps, g_strdup(value));
        return NULL;
    case 'p':
        options->persona = g_strdup(value);
        return NULL;
    case 'f':
        options->people = g_strdup(value);
        return NULL;
    case 'q':
        options->quiet = true;
        return NULL;
    case 'h':
        options->help = true;
        return NULL;
    case 'v':
        options->version = true;
        return NULL;
    default:
        return g_strdup("an option is not known or lacks its value");
    }
}

static bool port_read(const char *text, guint64 *ret_port) {
    const char *colon = strrchr(text, ':');
    return colon != NULL && g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, ret_port, NULL);
}

static char *options_check(const struct options *options) {
    if (options->listen == NULL || options->data == NULL) {
        return g_strdup("--listen and --data are needed");
    }
    guint64 port = 0;
    if (!port_read(options->listen, &port)) {
        return g_strdup_printf("--listen wants ADDRESS:PORT, got %s", options->listen);
    }
    if (options->persona != NULL && persona_find(options->persona) == NULL) {
        return g_strdup_printf(
            "%s is not a persona; choose okta, entra, adfs, google, keycloak or shibboleth",
            options->persona);
    }
    for (guint i = 0; i < options->sps->len; i++) {
        const char *url = g_ptr_array_index(options->sps, i);
        if (!g_str_has_prefix(url, "http://") && !g_str_has_prefix(url, "https://")) {
            return g_strdup_printf("--sp wants an http or https URL, got %s", url);
        }
    }
    if (options->sps->len > SP_MAX) {
        return g_strdup_printf("at most %d service providers can be named with --sp", SP_MAX);
    }
    return NULL;
}

static char *options_read(int argc, char **argv, struct options *options) {
    static const struct option known[] = {
        {"listen", required_argument, NULL, 'l'},    {"data", required_argument, NULL, 'd'},
        {"entity-id", required_argument, NULL, 'e'}, {"sp", required_argument, NULL, 's'},
        {"persona", required_argument, NULL, 'p'},   {"people", required_argument, NULL, 'f'},
        {"quiet", no_argument, NULL, 'q'},           {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},         {NULL, 0, NULL, 0},
    };
    opterr = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        char *why = option_take(options, option, optarg);
        if (why != NULL) {
            return why;
        }
    }
    if (options->help || options->version) {
        return NULL;
    }
    return optind < argc ? g_strdup_printf("%s is not expected here", argv[optind])
                         : options_check(options);
}

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static bool address_read(const char *host, unsigned short port, union address *address,
                         socklen_t *length) {
    memset(address, 0, sizeof *address);
    const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (inet_pton(AF_INET, name, &address->four.sin_addr) == 1) {
        address->four.sin_family = AF_INET;
        address->four.sin_port = htons(port);
        *length = sizeof address->four;
        return true;
    }
    address->six.sin6_family = AF_INET6;
    address->six.sin6_port = htons(port);
    *length = sizeof address->six;
    return inet_pton(AF_INET6, name, &address->six.sin6_addr) == 1;
}

static bool is_loopback(const union address *address) {
    if (address->any.sa_family == AF_INET) {
        return ntohl(address->four.sin_addr.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&address->six.sin6_addr);
}

static char *listen_parse(const char *text, union address *address, socklen_t *length,
                          char **ret_host) {
    const char *colon = strrchr(text, ':');
    guint64 port = 0;
    port_read(text, &port);
    g_autofree char *host = g_strndup(text, colon != NULL ? (gsize)(colon - text) : 0);
    size_t size = strlen(host);
    if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        memmove(host, host + 1, size - 1);
    }
    if (!address_read(host, (unsigned short)port, address, length)) {
        return g_strdup_printf("--listen wants a loopback address such as 127.0.0.1:8081, got %s",
                               text);
    }
    if (!is_loopback(address)) {
        return g_strdup_printf(
            "%s is not a loopback address, and this program signs anyone in without a"
            " password; listen on 127.0.0.1 instead",
            host);
    }
    *ret_host =
        address->any.sa_family == AF_INET6 ? g_strdup_printf("[%s]", host) : g_steal_pointer(&host);
    return NULL;
}

static char *listen_open(const char *text, int *ret_socket, char **ret_base_url) {
    union address address;
    socklen_t length = 0;
    g_autofree char *host = NULL;
    char *why = listen_parse(text, &address, &length, &host);
    if (why != NULL) {
        return why;
    }
    int listening = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (listening < 0 || setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(listening, &address.any, length) != 0 || listen(listening, BACKLOG) != 0 ||
        getsockname(listening, &address.any, &length) != 0) {
        why = g_strdup_printf("cannot listen on %s: %s", text, g_strerror(errno));
        if (listening >= 0) {
            close(listening);
        }
        return why;
    }
    bool six = address.any.sa_family == AF_INET6;
    *ret_socket = listening;
    *ret_base_url = g_strdup_printf("http://%s:%u", host,
                                    ntohs(six ? address.six.sin6_port : address.four.sin_port));
    return NULL;
}

static void keep_silent(const char *domain, GLogLevelFlags level, const char *text, gpointer data) {
    (void)domain;
    (void)level;
    (void)text;
    (void)data;
}

static char *libraries_open(bool quiet) {
    // Lasso makes a key manager for every key, and each would load the system's certificates first.
    if (setenv("SSL_CERT_FILE", "/dev/null", 1) != 0 ||
        setenv("SSL_CERT_DIR", "/nonexistent", 1) != 0) {
        return g_strdup("the environment cannot be set");
    }
    if (quiet) {
        g_log_set_default_handler(keep_silent, NULL);
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || lasso_init() != 0) {
        return g_strdup("lasso or libcurl does not start");
    }
    return NULL;
}

static char *idp_open(struct idp *idp, const struct options *options) {
    idp->quiet = options->quiet;
    idp->data_dir = g_strdup(options->data);
    idp->persona = options->persona != NULL ? persona_find(options->persona) : &personas[0];
    idp->entity_id = options->entity_id != NULL ? g_strdup(options->entity_id)
                                                : g_strdup_printf("%s/metadata", idp->base_url);
    idp->sps = g_ptr_array_new_with_free_func(sp_free);
    for (guint i = 0; i < options->sps->len; i++) {
        struct sp *sp = g_new0(struct sp, 1);
        sp->url = g_strdup(g_ptr_array_index(options->sps, i));
        g_ptr_array_add(idp->sps, sp);
    }
    state_open(idp);
    char *why = options->people != NULL ? people_load(options->people, &idp->people) : NULL;
    if (why != NULL) {
        return why;
    }
    if (idp->people == NULL) {
        idp->people = people_demo();
    }
    why = keys_open(idp);
    if (why == NULL) {
        idp->metadata = trust_own_metadata(idp);
    }
    return why;
}

static void signer_close(struct signer *signer) {
    g_free(signer->key_pem);
    g_free(signer->cert_pem);
    g_free(signer->cert_base64);
}

static void idp_close(struct idp *idp) {
    state_close(idp);
    g_clear_object(&idp->server);
    g_clear_pointer(&idp->people, g_ptr_array_unref);
    g_ptr_array_unref(idp->sps);
    signer_close(&idp->own);
    signer_close(&idp->foreign);
    g_free(idp->base_url);
    g_free(idp->entity_id);
    g_free(idp->data_dir);
    g_free(idp->metadata);
}

// Blocked before anything starts: a signal waits until there is something to be stopped.
static sigset_t signals_hold(void) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    return ends;
}

static char *serve(struct idp *idp, int listening, const sigset_t *ends) {
    struct server *server = NULL;
    char *why = http_start(idp, listening, &server);
    if (why != NULL) {
        return why;
    }
    printf("listening on %s\n", idp->base_url);
    fflush(stdout);
    int received = 0;
    while (sigwait(ends, &received) != 0) {
    }
    http_stop(server);
    return NULL;
}

static char *run(const struct options *options) {
    sigset_t ends = signals_hold();
    struct idp idp = {0};
    int listening = -1;
    char *why = listen_open(options->listen, &listening, &idp.base_url);
    if (why != NULL) {
        return why;
    }
    why = libraries_open(options->quiet);
    if (why == NULL) {
        why = idp_open(&idp, options);
    }
    if (why == NULL) {
        why = serve(&idp, listening, &ends);
    } else {
        close(listening);
    }
    idp_close(&idp);
    lasso_shutdown();
    curl_global_cleanup();
    return why;
}

static void options_close(struct options *options) {
    g_free(options->listen);
    g_free(options->data);
    g_free(options->entity_id);
    g_free(options->persona);
    g_free(options->people);
    g_ptr_array_unref(options->sps);
}

int main(int argc, char **argv) {
    struct options options = {.sps = g_ptr_array_new_with_free_func(g_free)};
    int status = EXIT_USAGE;
    g_autofree char *why = options_read(argc, argv, &options);
    if (why != NULL) {
        fprintf(stderr, "gatehouse-practice-idp: %s; see --help.\n", why);
    } else if (options.help || options.version) {
        fputs(options.help ? help : "gatehouse-practice-idp " GATEHOUSE_VERSION "\n", stdout);
        status = EXIT_SUCCESS;
    } else {
        why = run(&options);
        status = why != NULL ? EXIT_FAILURE : EXIT_SUCCESS;
        if (why != NULL) {
            g_strchomp(why);
            fprintf(stderr, "gatehouse-practice-idp: %s%s\n", why,
                    g_str_has_suffix(why, ".") ? "" : ".");
        }
    }
    options_close(&options);
    return status;
}
