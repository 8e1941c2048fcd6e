// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/web/form.h"

#include "base/encode.h"

void form_problem(struct page_out *page, const char *problem) {
    if (problem != NULL) {
        page_html(page, "<p class=\"alert\" role=\"alert\" id=\"problem\">");
        page_text(page, slice_str(problem));
        page_html(page, "</p>\n");
    }
}

void form_open(struct page_out *page, const char *action) {
    page_html(page, "<form method=\"post\" action=\"");
    page_html(page, action);
    page_html(page, "\">\n");
}

void form_put(struct page_out *page, const struct form_field *field) {
    struct slice name = slice_str(field->name);
    page_html(page, "<label for=\"");
    page_text(page, name);
    page_html(page, "\">");
    page_text(page, slice_str(field->label));
    page_html(page, "</label>\n<input type=\"");
    page_html(page, field->type);
    page_html(page, "\" id=\"");
    page_text(page, name);
    page_html(page, "\" name=\"");
    page_text(page, name);
    page_html(page, "\" autocomplete=\"");
    page_html(page, field->autocomplete);
    page_html(page, "\" ");
    page_html(page, field->more != NULL ? field->more : "");
    if (field->wrong || field->hint.len > 0) {
        page_html(page, field->wrong ? " aria-invalid=\"true\" aria-describedby=\"problem\""
                                     : " aria-describedby=\"");
        if (!field->wrong) {
            page_text(page, name);
            page_html(page, "-hint\"");
        }
    }
    page_html(page, " value=\"");
    page_text(page, field->value);
    page_html(page, "\">\n");
    if (field->hint.len > 0) {
        page_html(page, "<p class=\"note\" id=\"");
        page_text(page, name);
        page_html(page, "-hint\">");
        page_text(page, field->hint);
        page_html(page, "</p>\n");
    }
}

void form_hidden(struct page_out *page, const char *name, struct slice value) {
    page_html(page, "<input type=\"hidden\" name=\"");
    page_html(page, name);
    page_html(page, "\" value=\"");
    page_text(page, value);
    page_html(page, "\">\n");
}

void form_close(struct page_out *page, const char *button) {
    page_html(page, "<button type=\"submit\">");
    page_text(page, slice_str(button));
    page_html(page, "</button>\n</form>\n");
}

reason form_other_way(struct op *op, struct page_out *page, const char *path,
                      struct slice return_to, const char *words) {
    struct slice encoded = S("");
    TRY(encode_url(op, return_to, &encoded));
    page_html(page, "<p class=\"note\"><a href=\"");
    page_html(page, path);
    page_html(page, encoded.len > 0 ? "?return_to=" : "");
    page_text(page, encoded);
    page_html(page, "\">");
    page_html(page, words);
    page_html(page, "</a></p>\n");
    return NULL;
}

void form_new_password(struct page_out *page, struct slice rules, bool wrong) {
    form_put(page, &(struct form_field){.name = "password",
                                        .label = "New password",
                                        .type = "password",
                                        .autocomplete = "new-password",
                                        .more = "required maxlength=\"256\"",
                                        .hint = rules,
                                        .wrong = wrong});
    form_put(page, &(struct form_field){.name = "repeat",
                                        .label = "New password, once more",
                                        .type = "password",
                                        .autocomplete = "new-password",
                                        .more = "required maxlength=\"256\""});
}

reason form_text(struct op *op, const struct request *request, const char *name,
                 struct slice *ret_text) {
    struct slice text;
    TRY(request_form(op, request, name, &text));
    *ret_text = text.at != NULL ? text : S("");
    return NULL;
}

reason form_read_new_password(struct op *op, const struct request *request,
                              struct slice *ret_password) {
    struct slice repeat;
    TRY(form_text(op, request, "password", ret_password));
    TRY(form_text(op, request, "repeat", &repeat));
    if (!slice_equal(*ret_password, repeat)) {
        op_error(op, S("/repeat"), REASON_OF(FIELD_VALUE), "the two are not the same");
        REFUSE(op, INVALID_INPUT, "the two passwords are not the same");
    }
    return NULL;
}

const char *form_words(struct op *op, reason why) {
    const char *text = why->text;
    if (why == REASON_OF(PASSWORD_WEAK) || why == REASON_OF(PASSWORD_REUSED) ||
        why == REASON_OF(INVALID_INPUT)) {
        struct slice detail = op->error_count > 0 ? op->errors[0].detail : op->detail;
        struct slice words = why == REASON_OF(INVALID_INPUT)
                                 ? op_text(op, "This was not taken: %.*s.", SLICE(detail))
                                 : op_text(op, "%s It was not taken because %.*s.", why->text,
                                           SLICE(detail));
        return op_cstr(op, words, &text) == NULL ? text : why->text;
    }
    bool again = why == REASON_OF(SIGN_IN_REFUSED) || why == REASON_OF(SECOND_FACTOR_WRONG) ||
                 why == REASON_OF(SIGN_IN_LIMIT);
    return again ? text : NULL;
}
