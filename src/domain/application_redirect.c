// SPDX-License-Identifier: GPL-3.0-or-later
// Redirect URIs: which may be registered, and whether one in a request is registered. What is registered is read by a parser
// and strictly, once; what a request says is only compared, byte by byte, so that no second way to read a URL can be used.
#include "domain/application_parts.h"

#include "base/text.h"
#include "base/uri.h"

// ---- registering ----

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Of the characters of RFC 3986 alone; '#' is among them, so that it is refused in words of its own. Where a URI is put
// into a header or a page, there is nothing in it that could end it.
static bool is_plain(struct slice uri) {
    for (size_t i = 0; i < uri.len; i++) {
        char c = uri.at[i];
        bool plain = is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z') ||
                     (c != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=", c) != NULL);
        bool escape = c == '%' && i + 2 < uri.len && is_hex(uri.at[i + 1]) && is_hex(uri.at[i + 2]);
        if (!plain && !escape) {
            return false;
        }
    }
    return true;
}

// RFC 8252 section 7.1: the reverse of a domain name of whoever made the application. The dot keeps out what browsers and
// systems know: javascript, data, file, mailto ...
static bool is_private_scheme(struct slice scheme) {
    bool dot = false;
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.at[i];
        dot = dot || c == '.';
        if (!is_lower(c) && (i == 0 || (!is_digit(c) && strchr("+.-", c) == NULL))) {
            return false;
        }
    }
    return dot;
}

// NULL: nothing is wrong.
static const char *fault_of_private(struct slice rest) {
    // Without the slash "evil.example:443/cb" would be a URI with the scheme evil.example.
    if (!slice_starts(rest, S("/"))) {
        return "a slash has to follow a scheme of the application's own, as in "
               "com.example.app:/signed-in";
    }
    size_t end = 2;
    while (slice_starts(rest, S("//")) && end < rest.len && rest.at[end] != '/' &&
           rest.at[end] != '?') {
        if (rest.at[end++] == '@') {
            return "no user may stand in front of the host";
        }
    }
    return NULL;
}

static const char *fault_of_web(struct op *op, struct slice text, bool tls) {
    struct uri uri;
    if (uri_parse(op, text, &uri) != NULL) {
        return "this is not a URL that can be used";
    }
    if (uri.has_user) {
        return "no user may stand in front of the host";
    }
    if (!tls && !uri_is_local(&uri)) {
        return "without https only a host on this machine is taken: 127.0.0.1, [::1] or localhost";
    }
    return NULL;
}

static const char *fault_of(struct op *op, struct slice text) {
    struct slice rest = text;
    struct slice scheme;
    if (!slice_cut(&rest, ':', &scheme) || rest.at == NULL) {
        return "an absolute URI is expected, as in https://app.example.com/signed-in";
    }
    if (memchr(text.at, '#', text.len) != NULL) {
        return "a redirect URI has no fragment (RFC 6749 section 3.1.2)";
    }
    if (slice_equal(scheme, S("https")) || slice_equal(scheme, S("http"))) {
        return fault_of_web(op, text, scheme.len == 5);
    }
    if (is_private_scheme(scheme)) {
        return fault_of_private(rest);
    }
    return "the scheme is https, or http on this machine, or one of the application's own with a dot "
           "in it, in small letters";
}

reason application_check_redirects(struct op *op, struct faults *faults, struct texts uris) {
    if (uris.count == 0) {
        fault_at(faults, "redirect_uris", REASON_OF(FIELD_REQUIRED),
                 "an application needs at least one redirect URI");
    } else if (uris.count > APPLICATION_REDIRECTS_MAX) {
        fault_at(faults, "redirect_uris", REASON_OF(FIELD_RANGE),
                 "%zu redirect URIs; at most %d are taken", uris.count, APPLICATION_REDIRECTS_MAX);
        return NULL;
    }
    struct slice detail = op->detail; // what the parser leaves there is nobody's
    for (size_t i = 0; i < uris.count; i++) {
        struct slice uri = uris.at[i];
        const char *fault = NULL;
        if (uri.len > APPLICATION_REDIRECT_MAX) {
            fault_in(faults, "redirect_uris", i, REASON_OF(FIELD_RANGE),
                     "%zu bytes long; at most %d are taken", uri.len, APPLICATION_REDIRECT_MAX);
        } else if (!is_plain(uri)) {
            fault_in(faults, "redirect_uris", i, REASON_OF(RESTRICTED_CHARACTERS),
                     "only the characters of RFC 3986 are taken; write others as %%XX");
        } else if ((fault = fault_of(op, uri)) != NULL) {
            fault_in(faults, "redirect_uris", i, REASON_OF(FIELD_VALUE), "%s", fault);
        } else if (texts_have((struct texts){uris.at, i}, uri)) {
            fault_in(faults, "redirect_uris", i, REASON_OF(FIELD_VALUE), "it is there twice");
        }
    }
    op->detail = detail;
    return NULL;
}

// ---- comparing ----

// What stands behind host and port of an http URI on a loopback address. Not localhost: what that is a resolver says.
static bool cut_loopback(struct slice uri, struct slice *ret_front, struct slice *ret_rest) {
    static const struct slice fronts[] = {S_ROW("http://127.0.0.1"), S_ROW("http://[::1]")};
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
        if (!slice_starts(uri, fronts[i])) {
            continue;
        }
        struct slice rest = slice_sub(uri, fronts[i].len, uri.len);
        size_t digits = 0;
        while (1 + digits < rest.len && is_digit(rest.at[1 + digits])) {
            digits++;
        }
        if (slice_starts(rest, S(":"))) {
            uint64_t port = 0;
            if (!text_u64(slice_sub(rest, 1, 1 + digits), UINT16_MAX, &port) || port == 0) {
                return false;
            }
            rest = slice_sub(rest, 1 + digits, rest.len);
        }
        *ret_front = fronts[i];
        *ret_rest = rest;
        // "http://127.0.0.1.evil.example" goes on otherwise.
        return rest.len == 0 || rest.at[0] == '/' || rest.at[0] == '?';
    }
    return false;
}

static bool same_but_port(struct slice registered, struct slice asked) {
    struct slice front[2];
    struct slice rest[2];
    return cut_loopback(registered, &front[0], &rest[0]) &&
           cut_loopback(asked, &front[1], &rest[1]) && slice_equal(front[0], front[1]) &&
           slice_equal(rest[0], rest[1]);
}

bool application_redirects_to(const struct application *application, struct slice uri) {
    for (size_t i = 0; i < application->redirect_uris.count; i++) {
        struct slice registered = application->redirect_uris.at[i];
        if (slice_equal(registered, uri) || same_but_port(registered, uri)) {
            return true;
        }
    }
    return false;
}
