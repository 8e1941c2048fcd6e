// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/request.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"

const char *const method_names[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "other"};

struct slice request_header(const struct request *request, const char *name) {
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_equal_nocase(request->headers[i].name, slice_str(name))) {
            return request->headers[i].value;
        }
    }
    return S("");
}

struct slice request_cookie(const struct request *request, struct slice name) {
    struct slice found = S("");
    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_equal_nocase(request->headers[i].name, S("Cookie"))) {
            continue;
        }
        struct slice rest = request->headers[i].value;
        struct slice pair;
        while (slice_cut(&rest, ';', &pair)) {
            struct slice key;
            struct slice value = slice_trim(pair);
            if (!slice_cut(&value, '=', &key) || value.at == NULL ||
                !slice_equal(slice_trim(key), name)) {
                continue;
            }
            value = slice_trim(value);
            if (found.len > 0 && !slice_equal(found, value)) {
                return S(""); // two of one name: somebody put one there
            }
            found = value;
        }
    }
    return found;
}

// One field of a form or query string.
static reason form_field(struct op *op, struct slice form, const char *name, const char *where,
                         struct slice *ret_value) {
    struct slice rest = form.len > 0 ? form : SLICE_NONE;
    struct slice pair;
    struct slice found = SLICE_NONE;
    while (slice_cut(&rest, '&', &pair)) {
        struct slice key;
        struct slice value = pair;
        struct slice decoded;
        if (pair.len == 0 || !slice_cut(&value, '=', &key)) {
            continue;
        }
        if (!decode_url(op, key, true, &decoded)) {
            REFUSE(op, INVALID_INPUT, "the %s holds a %% without two hex digits", where);
        }
        if (!slice_equal(decoded, slice_str(name))) {
            continue;
        }
        if (found.at != NULL) {
            REFUSE(op, INVALID_INPUT, "the %s holds %s twice", where, name);
        }
        if (!decode_url(op, value.at != NULL ? value : S(""), true, &found)) {
            REFUSE(op, INVALID_INPUT, "%s in the %s holds a %% without two hex digits", name,
                   where);
        }
        if (!text_utf8(found) || (found.len > 0 && memchr(found.at, 0, found.len) != NULL)) {
            REFUSE(op, INVALID_INPUT, "%s in the %s is not UTF-8 text", name, where);
        }
        if (found.at == NULL) {
            found = S("");
        }
    }
    *ret_value = found;
    return NULL;
}

reason request_query(struct op *op, const struct request *request, const char *name,
                     struct slice *ret_value) {
    return form_field(op, request->query, name, "query", ret_value);
}

static bool content_type_is(const struct request *request, struct slice type) {
    struct slice said = request_header(request, "Content-Type");
    struct slice first = said;
    (void)slice_cut(&said, ';', &first);
    return slice_equal_nocase(slice_trim(first), type);
}

reason request_form(struct op *op, const struct request *request, const char *name,
                    struct slice *ret_value) {
    if (!content_type_is(request, S("application/x-www-form-urlencoded"))) {
        REFUSE(op, NOT_ACCEPTABLE, "expected Content-Type application/x-www-form-urlencoded");
    }
    return form_field(op, request->body, name, "form", ret_value);
}

reason request_page(struct op *op, const struct request *request, struct page *ret_page) {
    struct slice limit;
    struct slice cursor;
    uint64_t number = PAGE_LIMIT_DEFAULT;
    TRY(request_query(op, request, "limit", &limit));
    TRY(request_query(op, request, "cursor", &cursor));
    if (limit.at != NULL && (!text_u64(limit, PAGE_LIMIT_MAX, &number) || number == 0)) {
        REFUSE(op, INVALID_INPUT, "limit is \"%.*s\", expected a number from 1 to %d", SLICE(limit),
               PAGE_LIMIT_MAX);
    }
    *ret_page = (struct page){(size_t)number, cursor.at != NULL ? cursor : S("")};
    return NULL;
}

reason request_json(struct op *op, const struct request *request,
                    const struct json **ret_object) {
    struct slice type = request_header(request, "Content-Type");
    if (type.len > 0 && !content_type_is(request, S("application/json"))) {
        REFUSE(op, NOT_ACCEPTABLE, "expected Content-Type application/json, got %.*s", SLICE(type));
    }
    const struct json *root = NULL;
    TRY(json_parse(op, request->body, &root));
    if (!json_is_object(root)) {
        REFUSE(op, MALFORMED_JSON, "expected a JSON object");
    }
    *ret_object = root;
    return NULL;
}

bool request_wants_json(const struct request *request) {
    struct slice rest = request_header(request, "Accept");
    struct slice part;
    while (rest.at != NULL && slice_cut(&rest, ',', &part)) {
        struct slice type = part;
        (void)slice_cut(&part, ';', &type);
        type = slice_trim(type);
        if (slice_equal_nocase(type, S("application/json")) ||
            slice_equal_nocase(type, S("application/problem+json"))) {
            return true;
        }
        if (slice_equal_nocase(type, S("text/html")) ||
            slice_equal_nocase(type, S("application/xhtml+xml"))) {
            return false;
        }
    }
    return false;
}
