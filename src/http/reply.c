// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/reply.h"

#include "base/text.h"

#include "base/buf.h"
#include "base/check.h"

#define COOKIE_MAX 512

void reply_header(struct reply *reply, const char *name, struct slice value) {
    CHECK(reply->header_count < REPLY_HEADERS_MAX);
    reply->headers[reply->header_count++] = (struct header){slice_str(name), value};
}

void reply_text(struct reply *reply, unsigned status, const char *content_type, struct slice body) {
    reply->status = status;
    reply->content_type = content_type;
    reply->body = body;
}

reason reply_json(struct op *op, struct reply *reply, unsigned status, const struct json *body) {
    struct slice text;
    TRY(json_print(op, body, false, &text));
    reply_text(reply, status, "application/json", text);
    reply_header(reply, "Cache-Control", S("no-store"));
    return NULL;
}

void reply_empty(struct reply *reply, unsigned status) {
    reply_text(reply, status, NULL, S(""));
    reply_header(reply, "Cache-Control", S("no-store"));
}

void reply_redirect(struct reply *reply, unsigned status, struct slice location) {
    reply_empty(reply, status);
    reply_header(reply, "Location", location);
}

static struct json *errors_of(struct op *op) {
    struct json *errors = json_array(op);
    for (size_t i = 0; i < op->error_count; i++) {
        struct json *error = json_object(op);
        json_set_text(op, error, "pointer", op->errors[i].pointer);
        json_set_str(op, error, "reason", op->errors[i].why->slug);
        json_set_text(op, error, "detail", op->errors[i].detail);
        json_add(op, errors, error);
    }
    return errors;
}

static const char *title_of(unsigned status) {
    switch (status) {
    case 400: return "Bad request";
    case 401: return "Not signed in";
    case 403: return "Refused";
    case 404: return "Not found";
    case 405: return "Method not allowed";
    case 409: return "Conflict";
    case 412: return "Changed meanwhile";
    case 413: return "Too large";
    case 415: return "Unsupported media type";
    case 422: return "Not valid";
    case 428: return "Condition required";
    case 429: return "Too many requests";
    case 502: return "Another server failed";
    case 503: return "Not available";
    default: return "Something went wrong";
    }
}

void reply_problem(struct op *op, struct reply *reply, reason why, struct slice trace_id,
                   bool open) {
    *reply = (struct reply){.status = why->http};
    struct slice detail = open && op->detail.len > 0 ? op->detail : slice_str(why->text);
    struct json *body = json_object(op);
    json_set_text(op, body, "type", op_text(op, "urn:gatehouse:reason:%s", why->slug));
    json_set_str(op, body, "title", title_of(why->http));
    json_set_number(op, body, "status", why->http);
    json_set_text(op, body, "detail", detail);
    json_set_str(op, body, "reason", why->slug);
    if (trace_id.len > 0) {
        json_set_text(op, body, "trace_id", trace_id);
    }
    if (open && op->error_count > 0) {
        json_set(op, body, "errors", errors_of(op));
    }
    for (size_t i = 0; open && i < op->extra_count; i++) {
        const struct op_extra *extra = &op->extras[i];
        uint64_t number = 0;
        if (extra->number && text_u64(extra->value, INT64_MAX, &number)) {
            json_set_number(op, body, extra->name, (int64_t)number);
        } else {
            json_set_text(op, body, extra->name, extra->value);
        }
    }
    struct slice text = S("");
    if (json_print(op, body, false, &text) != NULL) {
        text = S("{\"type\":\"about:blank\",\"title\":\"Not available\",\"status\":503,"
                 "\"detail\":\"The answer did not fit.\",\"reason\":\"limit.memory\"}");
        reply->status = 503;
    }
    reply_text(reply, reply->status, "application/problem+json", text);
    reply_header(reply, "Cache-Control", S("no-store"));
    if (why->http == 429 || why->http == 503) {
        reply_header(reply, "Retry-After", S("2"));
    }
    if (why->http == 401) {
        reply_header(reply, "WWW-Authenticate", S("Bearer realm=\"gatehouse\""));
    }
    if (why == REASON_OF(INSUFFICIENT_SCOPE)) { // RFC 6750 section 3.1
        reply_header(reply, "WWW-Authenticate", S("Bearer error=\"insufficient_scope\""));
    }
}

// ---- the platform's words ----

static unsigned platform_status(reason why) {
    bool input = why->http == 422 || why->http == 412 || why == REASON_OF(ROLE_IN_USE);
    return input ? 400 : why->http;
}

static const char *platform_code(unsigned status) {
    switch (status) {
    case 400: return "VALIDATION_ERROR";
    case 401: return "UNAUTHORIZED";
    case 403: return "FORBIDDEN";
    case 404: return "NOT_FOUND";
    case 405: return "METHOD_NOT_ALLOWED";
    case 409: return "CONFLICT";
    case 429: return "TOO_MANY_REQUESTS";
    default: return "ERROR";
    }
}

static struct json *platform_error(struct op *op, unsigned status, reason why, struct slice message) {
    struct json *error = json_object(op);
    json_set_str(op, error, "code", platform_code(status));
    json_set_text(op, error, "message", message);
    json_set_str(op, error, "reason", why->slug);
    return error;
}

void reply_errors(struct op *op, struct reply *reply, reason why) {
    struct slice detail = op->detail.len > 0 ? op->detail : slice_str(why->text);
    struct json *errors = json_array(op);
    struct json *body = json_object(op);
    unsigned status = platform_status(why);
    for (size_t i = 0; i < op->error_count; i++) {
        struct json *error = platform_error(op, status, op->errors[i].why, op->errors[i].detail);
        json_set_text(op, error, "pointer", op->errors[i].pointer);
        json_add(op, errors, error);
    }
    if (op->error_count == 0) {
        json_add(op, errors, platform_error(op, status, why, detail));
    }
    json_set(op, body, "errors", errors);
    reply_problem(op, reply, why, S(""), true); // its headers
    struct slice text;
    if (json_print(op, body, false, &text) == NULL) {
        reply_text(reply, status, "application/json", text);
    }
}

void reply_retry_after(struct op *op, struct reply *reply, int64_t seconds) {
    struct slice text = op_text(op, "%lld", (long long)seconds);
    for (size_t i = 0; i < reply->header_count; i++) {
        if (slice_equal(reply->headers[i].name, S("Retry-After"))) {
            reply->headers[i].value = text;
            return;
        }
    }
    reply_header(reply, "Retry-After", text);
}

void reply_cookie(struct op *op, struct reply *reply, struct slice name, struct slice value,
                  const char *same_site, int64_t max_age) {
    struct buf out;
    buf_open(&out, op, COOKIE_MAX);
    buf_printf(&out, "%.*s=%.*s; Path=/; Secure; HttpOnly; SameSite=%s", SLICE(name), SLICE(value),
               same_site);
    if (max_age >= 0) {
        buf_printf(&out, "; Max-Age=%lld", (long long)max_age);
    }
    struct slice text = S("");
    reply->broken = reply->broken || buf_done(&out, &text) != NULL;
    reply_header(reply, "Set-Cookie", text);
}
