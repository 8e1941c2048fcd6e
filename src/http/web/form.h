// SPDX-License-Identifier: GPL-3.0-or-later
// Forms of the pages: a label to each field, what was wrong in words that a screen reader finds, and no field that a password
// manager does not understand.
#ifndef GATEHOUSE_HTTP_WEB_FORM_H
#define GATEHOUSE_HTTP_WEB_FORM_H

#include "http/page.h"

struct form_field {
    const char *name, *label, *type;
    const char *autocomplete;
    struct slice value;
    const char *more;     // further attributes of ours, or NULL
    struct slice hint;    // a sentence below, or ""
    bool wrong;           // the problem is this field's
};
// The sentence of what was wrong; NULL: nothing.
void form_problem(struct page_out *page, const char *problem);
void form_open(struct page_out *page, const char *action);
void form_put(struct page_out *page, const struct form_field *field);
void form_hidden(struct page_out *page, const char *name, struct slice value);
void form_close(struct page_out *page, const char *button);
// A link to another way of doing the same, which ends at the same place: `return_to` goes with it, unless it is empty.
MUST_USE reason form_other_way(struct op *op, struct page_out *page, const char *path,
                               struct slice return_to, const char *words);
// A new password, typed twice, with the rules.
void form_new_password(struct page_out *page, struct slice rules, bool wrong);
// Reads it: the two have to be the same. invalid_input at /repeat.
MUST_USE reason form_read_new_password(struct op *op, const struct request *request,
                                       struct slice *ret_password);
// A QR code of a text, as a drawing; nothing when it does not fit one.
MUST_USE reason page_qr(struct op *op, struct page_out *page, struct slice text);
// A form field, "" when it is not there.
MUST_USE reason form_text(struct op *op, const struct request *request, const char *name,
                          struct slice *ret_text);
// The sentence for a refusal that a form is shown again with; NULL: show the page of the refusal instead.
const char *form_words(struct op *op, reason why);

#endif
