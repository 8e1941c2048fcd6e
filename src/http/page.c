// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/page.h"

#include "base/encode.h"

#define PAGE_MAX (2U << 20) // a re-post form carries a whole message

void page_html(struct page_out *page, const char *markup) {
    buf_str(&page->html, markup);
}

void page_text(struct page_out *page, struct slice text) {
    struct slice escaped;
    if (encode_html(page->html.op, text, &escaped) != NULL) {
        page->html.broken = true;
        return;
    }
    buf_put(&page->html, escaped);
}

void page_paragraph(struct page_out *page, struct slice text) {
    page_html(page, "<p>");
    page_text(page, text);
    page_html(page, "</p>\n");
}

void page_open(struct page_out *page, struct op *op, const struct gate *gate, const char *title) {
    buf_open(&page->html, op, PAGE_MAX);
    page_html(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<title>");
    page_text(page, slice_str(title));
    page_html(page, " - ");
    page_text(page, gate->settings->product);
    page_html(page, "</title>\n<link rel=\"icon\" href=\"data:,\">\n"
                    "<link rel=\"stylesheet\" href=\"/assets/gatehouse.css\">\n</head>\n<body>\n"
                    "<header><a href=\"/\">");
    page_text(page, gate->settings->product);
    page_html(page, "</a></header>\n<main>\n<h1>");
    page_text(page, slice_str(title));
    page_html(page, "</h1>\n");
}

reason page_reply(struct page_out *page, struct reply *reply, unsigned status, bool form_anywhere) {
    page_html(page, "</main>\n</body>\n</html>\n");
    struct slice html;
    TRY(buf_done(&page->html, &html));
    reply_text(reply, status, "text/html; charset=utf-8", html);
    reply_header(reply, "Cache-Control", S("no-store"));
    // Without form-action a page may post to the IdP, and follow where the IdP sends it; or end a sign-in and follow to the
    // application that asked for it.
    reply_header(reply, "Content-Security-Policy",
                 form_anywhere
                     ? S("default-src 'none'; style-src 'self'; script-src 'self'; "
                         "img-src data:; base-uri 'none'; frame-ancestors 'none'")
                     : S("default-src 'none'; style-src 'self'; script-src 'self'; "
                         "img-src data:; form-action 'self'; base-uri 'none'; "
                         "frame-ancestors 'none'"));
    return NULL;
}

reason page_problem(struct op *op, const struct gate *gate, struct reply *reply, reason why,
                    struct slice trace_id) {
    return page_problem_with(op, gate, reply, why, trace_id, SLICE_NONE, "");
}

reason page_problem_with(struct op *op, const struct gate *gate, struct reply *reply, reason why,
                         struct slice trace_id, struct slice path, const char *words) {
    struct page_out page;
    bool login = why->class == CLASS_LOGIN;
    page_open(&page, op, gate, login ? "Sign-in was not possible" : "That did not work");
    page_html(&page, "<p class=\"alert\" role=\"alert\">");
    page_text(&page, slice_str(why->text));
    page_html(&page, "</p>\n<p class=\"note\">If you ask for help, please give these two:</p>\n"
                     "<dl><dt>Reason</dt><dd><code>");
    page_text(&page, slice_str(why->slug));
    page_html(&page, "</code></dd><dt>Number</dt><dd><code>");
    page_text(&page, trace_id.len > 0 ? trace_id : op->id);
    page_html(&page, "</code></dd></dl>\n");
    if (path.len > 0) {
        page_html(&page, "<p><a class=\"button\" href=\"");
        page_text(&page, path);
        page_html(&page, "\">");
        page_html(&page, words);
        page_html(&page, "</a></p>\n");
    }
    page_html(&page, "<p><a href=\"/\">Back to the start</a></p>\n");
    TRY(page_reply(&page, reply, why->http, false));
    if (why->http == 429 || why->http == 503) {
        reply_header(reply, "Retry-After", S("2"));
    }
    return NULL;
}

reason page_post(struct op *op, const struct gate *gate, struct reply *reply, struct slice action,
                 const struct post_field *fields, size_t count, const char *title,
                 const char *sentence) {
    struct page_out page;
    page_open(&page, op, gate, title);
    page_paragraph(&page, slice_str(sentence));
    page_html(&page, "<form method=\"post\" action=\"");
    page_text(&page, action);
    page_html(&page, "\">\n");
    for (size_t i = 0; i < count; i++) {
        page_html(&page, "<input type=\"hidden\" name=\"");
        page_text(&page, slice_str(fields[i].name));
        page_html(&page, "\" value=\"");
        page_text(&page, fields[i].value);
        page_html(&page, "\">\n");
    }
    page_html(&page, "<button type=\"submit\">Continue</button>\n</form>\n"
                     "<script src=\"/assets/post.js\"></script>\n");
    return page_reply(&page, reply, 200, true); // one to ourselves, too, may end a sign-in
}
