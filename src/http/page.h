// SPDX-License-Identifier: GPL-3.0-or-later
// Pages for people: plain HTML that works without a mouse and without JavaScript, in the product's frame. Text is
// escaped by these functions; nothing else writes HTML.
#ifndef GATEHOUSE_HTTP_PAGE_H
#define GATEHOUSE_HTTP_PAGE_H

#include "http/reply.h"

struct page_out {
    struct buf html;
};
// Opens the frame: lang, title, header with the product's name, main with an h1.
void page_open(struct page_out *page, struct op *op, const struct gate *gate, const char *title);
void page_html(struct page_out *page, const char *markup);           // our own markup
void page_text(struct page_out *page, struct slice text);            // escaped
void page_paragraph(struct page_out *page, struct slice text);
// Closes the frame and makes the reply, with CSP, no-store and the other security headers. `form_anywhere`: a form
// ends up at another site, at once or by redirects, to which browsers hold form-action too (the IdP, and where it
// sends people; the application that a sign-in was for, so each form that can end one).
MUST_USE reason page_reply(struct page_out *page, struct reply *reply, unsigned status,
                           bool form_anywhere);
// A refusal for people: one sentence, the reason, the trace id, a way on.
MUST_USE reason page_problem(struct op *op, const struct gate *gate, struct reply *reply, reason why,
                             struct slice trace_id);
// The same, with a way on of its own: a link to `path` (none when it is empty).
MUST_USE reason page_problem_with(struct op *op, const struct gate *gate, struct reply *reply,
                                  reason why, struct slice trace_id, struct slice path,
                                  const char *words);
// A form that posts itself (a button when there is no JavaScript).
struct post_field {
    const char *name;
    struct slice value;
};
MUST_USE reason page_post(struct op *op, const struct gate *gate, struct reply *reply,
                          struct slice action, const struct post_field *fields, size_t count,
                          const char *title, const char *sentence);

#endif
