// SPDX-License-Identifier: GPL-3.0-or-later
// What is answered: status, headers, body (all in op's arena or static).
#ifndef GATEHOUSE_HTTP_REPLY_H
#define GATEHOUSE_HTTP_REPLY_H

#include "base/json.h"
#include "http/request.h"

#define REPLY_HEADERS_MAX 24

struct reply {
    unsigned status; // 0: nothing was said yet
    struct slice body;
    const char *content_type;
    struct header headers[REPLY_HEADERS_MAX];
    size_t header_count;
    bool broken; // a header could not be made: the whole is refused, since half an answer could lose what protects it
};

void reply_header(struct reply *reply, const char *name, struct slice value);
MUST_USE reason reply_json(struct op *op, struct reply *reply, unsigned status, const struct json *body);
void reply_text(struct reply *reply, unsigned status, const char *content_type, struct slice body);
void reply_empty(struct reply *reply, unsigned status);
void reply_redirect(struct reply *reply, unsigned status, struct slice location);
// application/problem+json: {"type","title","status","detail","reason","trace_id"?,"errors"?}. `open` true: detail is
// op->detail (API callers); false: the registry's sentence (public doors). Sets Retry-After for 429 and 503,
// WWW-Authenticate for 401 and insufficient_scope. Never fails.
void reply_problem(struct op *op, struct reply *reply, reason why, struct slice trace_id, bool open);
// The same in the words of mParticle's platform API: {"errors":[{"code","message","reason","pointer"?}]}. It has 400 where
// HTTP has finer words for a body that is not as it should be.
void reply_errors(struct op *op, struct reply *reply, reason why);
// When the same would be worth trying again; in place of what reply_problem said.
void reply_retry_after(struct op *op, struct reply *reply, int64_t seconds);
// Set-Cookie with Secure; HttpOnly; Path=/. max_age in seconds, <0: session cookie, 0: remove.
void reply_cookie(struct op *op, struct reply *reply, struct slice name, struct slice value,
                  const char *same_site, int64_t max_age);

#endif
