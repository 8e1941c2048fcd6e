// SPDX-License-Identifier: GPL-3.0-or-later
// URLs are taken apart by libcurl, which also fetches them: two parsers that differ are how a check is got
// around. What browsers and libcurl are known to read differently is refused before it comes to that.
#include "base/uri.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include "base/text.h"

AUTO_FREE(CURLU, curl_url_cleanup);

static bool printable_ascii(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] >= 0x7F || text.at[i] == '\\') {
            return false;
        }
    }
    return true;
}

// What stands between "//" and the path, query or fragment. Empty: no http or https URL in its plain form.
static struct slice authority_of(struct slice text) {
    size_t from = slice_find(text, S("://"));
    if (from == SIZE_MAX || (!slice_equal_nocase(slice_sub(text, 0, from), S("http")) &&
                             !slice_equal_nocase(slice_sub(text, 0, from), S("https")))) {
        return SLICE_NONE;
    }
    struct slice rest = slice_sub(text, from + 3, text.len);
    size_t len = 0;
    while (len < rest.len && strchr("/?#", rest.at[len]) == NULL) {
        len++;
    }
    return slice_sub(rest, 0, len);
}

// A part of the URL in the arena; empty when the URL has none.
static reason part_of(struct op *op, CURLU *url, CURLUPart part, unsigned flags,
                      struct slice *ret_text) {
    char *text = NULL;
    CURLUcode code = curl_url_get(url, part, &text, flags);
    if (code == CURLUE_OUT_OF_MEMORY) {
        REFUSE(op, LIMIT_MEMORY, "memory is out while a URL is read");
    }
    struct slice copy = SLICE_NONE;
    reason why = op_copy(op, code == CURLUE_OK ? slice_str(text) : SLICE_NONE, &copy);
    curl_free(text);
    TRY(why);
    *ret_text = copy;
    return NULL;
}

static reason lower_copy(struct op *op, struct slice text, struct slice *ret_text) {
    char *at = NULL;
    TRY(op_take(op, text.len, &at));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        at[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *ret_text = slice_of(at, text.len);
    return NULL;
}

static reason parts_of(struct op *op, CURLU *url, struct uri *ret_uri) {
    struct uri uri = {.port = 0};
    struct slice host;
    struct slice port;
    uint64_t number = 0;
    TRY(part_of(op, url, CURLUPART_SCHEME, 0, &uri.scheme));
    TRY(part_of(op, url, CURLUPART_HOST, 0, &host));
    TRY(part_of(op, url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port));
    TRY(part_of(op, url, CURLUPART_PATH, 0, &uri.path));
    TRY(part_of(op, url, CURLUPART_QUERY, 0, &uri.query));
    TRY(lower_copy(op, uri.scheme, &uri.scheme));
    if (slice_starts(host, S("[")) && slice_ends(host, S("]"))) {
        host = slice_sub(host, 1, host.len - 1);
    }
    TRY(lower_copy(op, host, &uri.host));
    if (uri.host.len == 0 || !text_u64(port, UINT16_MAX, &number) || number == 0) {
        REFUSE(op, INVALID_INPUT, "a URL without a usable host or port");
    }
    uri.port = (uint16_t)number;
    *ret_uri = uri;
    return NULL;
}

reason uri_parse(struct op *op, struct slice text, struct uri *ret_uri) {
    if (text.len > URI_MAX) {
        REFUSE(op, INVALID_INPUT, "a URL of %zu bytes; at most %d are taken", text.len, URI_MAX);
    }
    if (!printable_ascii(text)) {
        REFUSE(op, INVALID_INPUT,
               "a URL with spaces, control characters, backslashes or characters beyond ASCII; "
               "write those as %%XX, and a host in its xn-- form");
    }
    struct slice authority = authority_of(text);
    if (authority.len == 0) {
        REFUSE(op, INVALID_INPUT, "not an absolute URL that starts with https:// or http://");
    }
    if (memchr(authority.at, '%', authority.len) != NULL) {
        REFUSE(op, INVALID_INPUT, "a URL with %% in its host");
    }
    const char *cstr;
    TRY(op_cstr(op, text, &cstr));
    AUTO(CURLU) url = curl_url();
    if (url == NULL) {
        REFUSE(op, LIMIT_MEMORY, "memory is out while a URL is read");
    }
    CURLUcode code = curl_url_set(url, CURLUPART_URL, cstr, 0);
    if (code != CURLUE_OK) {
        REFUSE(op, INVALID_INPUT, "not a URL: %s", curl_url_strerror(code));
    }
    struct uri uri;
    TRY(parts_of(op, url, &uri));
    uri.has_user = memchr(authority.at, '@', authority.len) != NULL;
    uri.has_fragment = memchr(text.at, '#', text.len) != NULL;
    *ret_uri = uri;
    return NULL;
}

bool uri_is_local(const struct uri *uri) {
    if (!slice_equal(uri->scheme, S("http"))) {
        return false;
    }
    if (slice_equal(uri->host, S("localhost"))) {
        return true;
    }
    char host[INET6_ADDRSTRLEN + 1] = "";
    if (uri->host.len == 0 || uri->host.len >= sizeof host) {
        return false;
    }
    memcpy(host, uri->host.at, uri->host.len);
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, host, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool uri_is_local_path(struct slice text) {
    if (text.len < 1 || text.len > URI_MAX || text.at[0] != '/' || !text_line(text) ||
        memchr(text.at, '\\', text.len) != NULL) {
        return false;
    }
    // Servers behind us may decode once more than browsers do.
    struct slice rest = slice_sub(text, 1, text.len);
    return !slice_starts(rest, S("/")) && !slice_equal_nocase(slice_sub(rest, 0, 3), S("%2f")) &&
           !slice_equal_nocase(slice_sub(rest, 0, 3), S("%5c"));
}
