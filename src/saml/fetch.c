// SPDX-License-Identifier: GPL-3.0-or-later
// Fetches a document from a URL that somebody typed in, without becoming their hand inside our
// network. The check of the address is made where libcurl is about to connect, on the very address
// that it then connects to: between a check and a connection there is no second lookup in which a
// name could change. Redirects are followed by hand, each a fetch of its own. Nothing of the
// environment counts: no proxy, no .netrc, no cookies. The only file with curl.h.
#include "saml/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/uri.h"

AUTO_FREE(CURL, curl_easy_cleanup);

#define ADDRESS_TEXT (INET6_ADDRSTRLEN + 1)

// One hop: what the callbacks need to know and to tell.
struct hop {
    const struct fetch_rules *rules;
    struct buf body;
    bool too_large;
    bool refused;               // an address was
    char address[ADDRESS_TEXT]; // the refused one
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void start_curl(void) {
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

// ---- what libcurl calls -----------------------------------------------------------------------

static void print_address(const struct sockaddr *address, char text[ADDRESS_TEXT]) {
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    text[0] = 0;
    if (address->sa_family == AF_INET) {
        memcpy(&four, address, sizeof four);
        (void)inet_ntop(AF_INET, &four.sin_addr, text, ADDRESS_TEXT);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&six, address, sizeof six);
        (void)inet_ntop(AF_INET6, &six.sin6_addr, text, ADDRESS_TEXT);
    }
}

static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
    struct hop *hop = context;
    if (purpose != CURLSOCKTYPE_IPCXN || !hop->rules->allowed(&address->addr)) {
        hop->refused = true;
        print_address(&address->addr, hop->address);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct hop *hop = context;
    size_t len = size * count; // size is 1 by libcurl's promise
    if (len > METADATA_XML_MAX - hop->body.len) {
        hop->too_large = true;
        return 0;
    }
    buf_put(&hop->body, slice_of(bytes, len));
    return hop->body.broken ? 0 : len;
}

// ---- one hop ----------------------------------------------------------------------------------

static reason check_url(struct op *op, const struct fetch_rules *rules, struct slice url) {
    struct uri uri;
    reason why = uri_parse(op, url, &uri);
    if (why == REASON_OF(INVALID_INPUT)) {
        struct slice detail = op->detail;
        REFUSE(op, METADATA_LOCATION, "\"%.*s\": %.*s", SLICE(slice_sub(url, 0, 200)),
               SLICE(detail));
    }
    TRY(why);
    if (!slice_equal(uri.scheme, S("https")) && !rules->http) {
        REFUSE(op, METADATA_LOCATION,
               "%.*s: only https is fetched, so that nobody on the way can change the "
               "IdP's keys",
               SLICE(url));
    }
    if (uri.has_user) {
        REFUSE(op, METADATA_LOCATION,
               "the URL on host %.*s has a user name or password in it; none is sent",
               SLICE(uri.host));
    }
    return NULL;
}

static bool set_options(CURL *curl, struct hop *hop, const char *url, int64_t left_ms) {
    const char *protocols = hop->rules->http ? "https,http" : "https";
    int64_t connect_ms = left_ms < FETCH_CONNECT_MS ? left_ms : FETCH_CONNECT_MS;
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) ==
               CURLE_OK && // do not wait for a slow name server
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "Gatehouse/" GATEHOUSE_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, hop) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, hop) == CURLE_OK;
}

static reason judge_transfer(struct op *op, const struct hop *hop, struct slice url, CURLcode code,
                             const char *error) {
    if (hop->refused) {
        REFUSE(op, METADATA_LOCATION,
               "%.*s: its host is at %s, which is no public address; private networks "
               "are not asked",
               SLICE(url), hop->address[0] != 0 ? hop->address : "an unknown address");
    }
    if (hop->too_large) {
        REFUSE(op, METADATA_LOCATION,
               "%.*s: more than %u bytes came, which no metadata of one IdP has", SLICE(url),
               METADATA_XML_MAX);
    }
    if (hop->body.broken) {
        REFUSE(op, LIMIT_MEMORY, "no memory for what %.*s sent", SLICE(url));
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        REFUSE(op, METADATA_LOCATION, "%.*s: no whole answer within %d seconds (%d to connect)",
               SLICE(url), FETCH_TOTAL_MS / 1000, FETCH_CONNECT_MS / 1000);
    }
    if (code != CURLE_OK) {
        REFUSE(op, METADATA_LOCATION, "%.*s: %s", SLICE(url),
               error[0] != 0 ? error : curl_easy_strerror(code));
    }
    return NULL;
}

// Where a redirect goes: libcurl makes it absolute.
static reason next_url(struct op *op, CURL *curl, struct slice url, long status,
                       struct slice *ret_next) {
    char *next = NULL;
    if (curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next) != CURLE_OK || next == NULL) {
        REFUSE(op, METADATA_LOCATION, "%.*s answered with status %ld and no address to go on to",
               SLICE(url), status);
    }
    return op_copy(op, slice_str(next), ret_next);
}

static reason judge_answer(struct op *op, CURL *curl, struct hop *hop, struct slice url,
                           struct slice *ret_xml, struct slice *ret_next) {
    long status = 0;
    struct curl_header *encoding = NULL;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
        return next_url(op, curl, url, status, ret_next);
    }
    if (status != 200) {
        REFUSE(op, METADATA_LOCATION,
               "%.*s answered with status %ld; 200 is expected. Does it ask for a "
               "sign-in?",
               SLICE(url), status);
    }
    if (curl_easy_header(curl, "Content-Encoding", 0, CURLH_HEADER, -1, &encoding) == CURLHE_OK &&
        !slice_equal_nocase(slice_str(encoding->value), S("identity"))) {
        REFUSE(op, METADATA_LOCATION,
               "%.*s sent the document compressed without having been asked to", SLICE(url));
    }
    return buf_done(&hop->body, ret_xml);
}

static reason fetch_hop(struct op *op, const struct fetch_rules *rules, struct slice url,
                        int64_t left_ms, struct slice *ret_xml, struct slice *ret_next) {
    const char *cstr;
    char error[CURL_ERROR_SIZE] = "";
    struct hop hop = {.rules = rules};
    TRY(check_url(op, rules, url));
    TRY(op_cstr(op, url, &cstr));
    // Doubling leaves the smaller pieces behind in the arena: room for the whole comes to twice the
    // cap.
    buf_open(&hop.body, op, METADATA_XML_MAX);
    AUTO(CURL) curl = curl_easy_init();
    if (curl == NULL || !set_options(curl, &hop, cstr, left_ms) ||
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error) != CURLE_OK) {
        REFUSE(op, INTERNAL, "libcurl cannot be set up for a fetch");
    }
    CURLcode code = curl_easy_perform(curl);
    TRY(judge_transfer(op, &hop, url, code, error));
    return judge_answer(op, curl, &hop, url, ret_xml, ret_next);
}

// ---- the whole way ----------------------------------------------------------------------------

reason fetch_by_rules(struct op *op, const struct fetch_rules *rules, struct slice url,
                      struct slice *ret_xml) {
    CHECK(pthread_once(&curl_once, start_curl) == 0);
    int64_t deadline = clock_steady() + rules->total_ms;
    struct slice from = url;
    for (int redirects = 0; redirects <= FETCH_REDIRECTS_MAX; redirects++) {
        struct slice next = SLICE_NONE;
        struct slice xml = SLICE_NONE;
        int64_t left = deadline - clock_steady();
        if (left <= 0) {
            REFUSE(op, METADATA_LOCATION, "%.*s: its redirects took more than %d seconds",
                   SLICE(from), FETCH_TOTAL_MS / 1000);
        }
        TRY(fetch_hop(op, rules, url, left, &xml, &next));
        if (next.len == 0) {
            *ret_xml = xml;
            return NULL;
        }
        url = next;
    }
    REFUSE(op, METADATA_LOCATION, "%.*s redirects more than %d times", SLICE(from),
           FETCH_REDIRECTS_MAX);
}

static bool any_address(const struct sockaddr *address) {
    return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

reason idp_fetch(struct op *op, const struct fetch_options *options, struct slice url,
                 struct slice *ret_xml) {
    const struct fetch_rules rules = {
        .http = options->allow_private,
        .allowed = options->allow_private ? any_address : address_is_public,
        .total_ms = FETCH_TOTAL_MS,
    };
    return fetch_by_rules(op, &rules, slice_trim(url), ret_xml);
}
