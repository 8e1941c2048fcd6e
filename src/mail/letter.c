// SPDX-License-Identifier: GPL-3.0-or-later
#include "mail/letter.h"

#include "base/buf.h"
#include "base/encode.h"
#include "base/text.h"
#include "domain/grant.h"

#define WRAP 72           // columns of the text
#define NAME_MAX_SHOWN 64 // bytes of a name in the greeting

#define EMBED(name, outside)                                                                       \
    __asm__(".section .rodata\n"                                                                   \
            ".global letter_" #name "_start\n.hidden letter_" #name "_start\n"                     \
            ".global letter_" #name "_end\n.hidden letter_" #name "_end\n"                         \
            "letter_" #name "_start:\n.incbin \"src/mail/letters/" outside ".txt\"\n"              \
            "letter_" #name "_end:\n.byte 0\n.previous\n");                                        \
    extern const char letter_##name##_start[], letter_##name##_end[];
#define LETTER(name, outside) EMBED(name, outside)
#include "domain/letters.def"
#undef LETTER

static const struct {
    const char *start, *end;
} sources[LETTER_KINDS] = {
#define LETTER(name, outside) {letter_##name##_start, letter_##name##_end},
#include "domain/letters.def"
#undef LETTER
};

struct slice letter_source(enum letter_kind kind) {
    return slice_of(sources[kind].start, (size_t)(sources[kind].end - sources[kind].start));
}

struct writer {
    struct op *op;
    const struct letter_about *about;
    struct buf text, html;
    bool rows; // the HTML is inside a table of facts
};

// ---- values ----

// What a person typed in is shown as it is, but for what a mail program would make a link of.
static struct slice defang(struct writer *writer, struct slice value) {
    struct buf safe;
    size_t at = slice_find(value, S("://"));
    if (at == SIZE_MAX) {
        return value;
    }
    buf_open(&safe, writer->op, 3 * LETTER_VALUE_MAX);
    for (; at != SIZE_MAX; at = slice_find(value, S("://"))) {
        buf_put(&safe, slice_sub(value, 0, at));
        buf_str(&safe, "[://]");
        value = slice_sub(value, at + 3, value.len);
    }
    buf_put(&safe, value);
    writer->text.broken |= safe.broken;
    return buf_slice(&safe);
}

// at NULL: there is none.
static struct slice value_of(struct writer *writer, struct slice name) {
    const struct letter_about *about = writer->about;
    const struct letter_value *values = about->values.at;
    if (slice_equal(name, S("product"))) {
        return about->product;
    }
    if (slice_equal(name, S("tenant"))) {
        return about->tenant.len > 0 ? about->tenant : about->product;
    }
    for (size_t i = 0; i < about->values.count; i++) {
        if (slice_equal(values[i].name, name)) {
            return defang(writer, values[i].value);
        }
    }
    return SLICE_NONE;
}

static struct slice link_of(const struct letter_about *about, struct slice name) {
    if (slice_equal(name, S("link"))) {
        return about->link;
    }
    return slice_equal(name, S("other_link")) ? about->other_link : about->home;
}

// A name that could be taken for an address or a link greets nobody.
static struct slice greeting_name(const struct letter_about *about) {
    struct slice name = slice_trim(about->first_name);
    for (size_t i = 0; i < name.len; i++) {
        bool dot_inside = name.at[i] == '.' && i + 1 < name.len && name.at[i + 1] != ' ';
        if (dot_inside || strchr("/\\@:<>", name.at[i]) != NULL || name.at[i] == '\0') {
            return S("");
        }
    }
    return text_line(name) ? text_cut(name, NAME_MAX_SHOWN) : S("");
}

// Puts values into a line of the source. *ret_whole false: one is missing, and ret_line is as far
// as it goes.
static reason fill(struct writer *writer, struct slice source, struct slice *ret_line,
                   bool *ret_whole) {
    struct buf line;
    buf_open(&line, writer->op, LETTER_TEXT_MAX);
    *ret_whole = true;
    while (source.len > 0) {
        size_t open = slice_find(source, S("{"));
        buf_put(&line, slice_sub(source, 0, open));
        if (open == SIZE_MAX) {
            break;
        }
        size_t end = slice_find(source, S("}"));
        struct slice name = slice_sub(source, open + 1, end);
        struct slice value = value_of(writer, name);
        *ret_whole = *ret_whole && value.len > 0;
        buf_put(&line, value);
        source = slice_sub(source, end == SIZE_MAX ? source.len : end + 1, source.len);
    }
    return buf_done(&line, ret_line);
}

static reason fill_all(struct writer *writer, struct slice source, struct slice *ret_line) {
    bool whole = false;
    TRY(fill(writer, source, ret_line, &whole));
    if (!whole) {
        REFUSE(writer->op, INTERNAL, "the letter %s lacks a value of \"%.*s\"",
               letter_kind_names[writer->about->kind], SLICE(source));
    }
    return NULL;
}

// ---- the two forms ----

static void html_text(struct writer *writer, struct slice text) {
    struct slice rest = text;
    struct slice line;
    bool first = true;
    while (slice_cut(&rest, '\n', &line)) {
        struct slice safe = S("");
        if (encode_html(writer->op, line, &safe) != NULL) {
            writer->html.broken = true;
        }
        buf_str(&writer->html, first ? "" : "<br>");
        buf_put(&writer->html, safe);
        first = false;
    }
}

// Words to lines of WRAP columns; a line end in a value stays one.
static void wrap_text(struct writer *writer, struct slice text, const char *indent) {
    struct slice line;
    while (slice_cut(&text, '\n', &line)) {
        struct slice word;
        size_t column = 0;
        while (slice_cut(&line, ' ', &word)) {
            if (word.len == 0) {
                continue;
            }
            if (column > 0 && column + 1 + word.len > WRAP) {
                buf_str(&writer->text, "\n");
                column = 0;
            }
            buf_str(&writer->text, column > 0 ? " " : indent);
            buf_put(&writer->text, word);
            column += (column > 0 ? 1 : strlen(indent)) + word.len;
        }
        buf_str(&writer->text, "\n");
    }
}

static void end_rows(struct writer *writer) {
    if (writer->rows) {
        buf_str(&writer->html, "</table>\n");
        buf_str(&writer->text, "\n");
        writer->rows = false;
    }
}

static void put_paragraph(struct writer *writer, struct slice text, bool small) {
    end_rows(writer);
    wrap_text(writer, text, "");
    buf_str(&writer->text, "\n");
    buf_str(&writer->html, small ? "<p style=\"margin:0 0 8px;font-size:13px;color:#5b6775\">"
                                 : "<p style=\"margin:0 0 16px\">");
    html_text(writer, text);
    buf_str(&writer->html, "</p>\n");
}

static void put_button(struct writer *writer, struct slice url, struct slice label) {
    end_rows(writer);
    // An address on a line of its own, whole: programs make a link of it, and people can copy it.
    buf_printf(&writer->text, "%.*s:\n%.*s\n\n", SLICE(label), SLICE(url));
    buf_str(&writer->html, "<p style=\"margin:0 0 16px\"><a href=\"");
    html_text(writer, url);
    buf_str(
        &writer->html,
        "\" style=\"display:inline-block;padding:10px 20px;border-radius:6px;background:#1f5fbf;"
        "color:#ffffff;text-decoration:none;font-weight:600\">");
    html_text(writer, label);
    buf_str(&writer->html, "</a></p>\n");
}

static void put_row(struct writer *writer, struct slice label, struct slice value) {
    if (!writer->rows) {
        buf_str(&writer->html, "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" "
                               "style=\"margin:0 0 16px\">\n");
        writer->rows = true;
    }
    if (slice_find(value, S("\n")) == SIZE_MAX && label.len + 2 + value.len <= WRAP) {
        buf_printf(&writer->text, "%.*s: %.*s\n", SLICE(label), SLICE(value));
    } else {
        buf_printf(&writer->text, "%.*s:\n", SLICE(label));
        wrap_text(writer, value, "  ");
    }
    buf_str(&writer->html,
            "<tr><td style=\"padding:2px 16px 2px 0;vertical-align:top;color:#5b6775\">");
    html_text(writer, label);
    buf_str(&writer->html, "</td><td style=\"padding:2px 0;vertical-align:top\">");
    html_text(writer, value);
    buf_str(&writer->html, "</td></tr>\n");
}

// ---- the source ----

// "?name rest" and "!name rest". True: the line counts, and *line is the rest.
static bool condition(struct writer *writer, struct slice *line) {
    if (line->len == 0 || (line->at[0] != '?' && line->at[0] != '!')) {
        return true;
    }
    bool wanted = line->at[0] == '?';
    struct slice name;
    *line = slice_sub(*line, 1, line->len);
    return slice_cut(line, ' ', &name) && (value_of(writer, name).len > 0) == wanted;
}

static reason take_row(struct writer *writer, struct slice line) {
    struct slice label;
    struct slice value;
    bool whole = false;
    (void)slice_cut(&line, ':', &label);
    TRY(fill(writer, slice_trim(line), &value, &whole));
    if (whole) {
        put_row(writer, slice_trim(label), value);
    }
    return NULL;
}

static reason take_button(struct writer *writer, struct slice line) {
    struct slice name;
    struct slice label;
    (void)slice_cut(&line, ' ', &name);
    TRY(fill_all(writer, slice_trim(line), &label));
    struct slice url = link_of(writer->about, name);
    if (url.len == 0) {
        REFUSE(writer->op, INTERNAL, "the letter %s lacks its %.*s",
               letter_kind_names[writer->about->kind], SLICE(name));
    }
    put_button(writer, url, label);
    return NULL;
}

static reason flush(struct writer *writer, struct buf *paragraph) {
    struct slice text;
    TRY(buf_done(paragraph, &text));
    if (text.len > 0) {
        put_paragraph(writer, text, false);
    }
    buf_open(paragraph, writer->op, LETTER_TEXT_MAX);
    return NULL;
}

static reason take_line(struct writer *writer, struct slice line, struct buf *paragraph) {
    struct slice filled;
    if (!condition(writer, &line)) {
        return NULL;
    }
    if (line.len == 0) {
        return flush(writer, paragraph);
    }
    if (slice_starts(line, S("- "))) {
        TRY(flush(writer, paragraph));
        return take_row(writer, slice_sub(line, 2, line.len));
    }
    if (slice_starts(line, S("=> "))) {
        TRY(flush(writer, paragraph));
        return take_button(writer, slice_sub(line, 3, line.len));
    }
    TRY(fill_all(writer, line, &filled));
    buf_str(paragraph, buf_slice(paragraph).len > 0 ? " " : "");
    buf_put(paragraph, filled);
    return NULL;
}

static reason take_body(struct writer *writer, struct slice source) {
    struct slice line;
    struct buf paragraph;
    buf_open(&paragraph, writer->op, LETTER_TEXT_MAX);
    while (slice_cut(&source, '\n', &line)) {
        TRY(take_line(writer, line, &paragraph));
    }
    TRY(flush(writer, &paragraph));
    end_rows(writer);
    return NULL;
}

// The subject is the first line that counts; what follows is the body.
static reason take_subject(struct writer *writer, struct slice *source, struct slice *ret_subject) {
    struct slice line;
    struct slice subject = S("");
    while (slice_cut(source, '\n', &line) && line.len > 0) {
        if (condition(writer, &line) && subject.len == 0) {
            TRY(fill_all(writer, line, &subject));
        }
    }
    char *one_line = NULL;
    TRY(op_take(writer->op, subject.len + 1, &one_line));
    for (size_t i = 0; i < subject.len; i++) {
        one_line[i] = (char)((unsigned char)subject.at[i] < ' ' ? ' ' : subject.at[i]);
    }
    *ret_subject = text_cut(slice_of(one_line, subject.len), LETTER_SUBJECT_MAX);
    return NULL;
}

// op_text, but a letter that lacks a line for want of memory is none.
#define SAY(writer, ...) say_checked((writer), op_text((writer)->op, __VA_ARGS__))
static struct slice say_checked(struct writer *writer, struct slice text) {
    writer->text.broken |= text.len == 0;
    return text;
}

static void open_html(struct writer *writer, struct slice subject) {
    buf_str(&writer->html, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width\">\n"
                           "<meta name=\"color-scheme\" content=\"light\"><title>");
    html_text(writer, subject);
    buf_str(&writer->html,
            "</title></head>\n<body style=\"margin:0;padding:24px 12px;background:#f3f5f8;"
            "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;font-size:16px;"
            "line-height:1.5;color:#1c2733\">\n"
            "<div style=\"max-width:560px;margin:0 auto;padding:24px;background:#ffffff;"
            "border-radius:8px\">\n");
}

static void close_letter(struct writer *writer) {
    const struct letter_about *about = writer->about;
    bool of_tenant = about->tenant.len > 0 && !slice_equal(about->tenant, about->product);
    buf_str(&writer->html,
            "<hr style=\"margin:24px 0 16px;border:0;border-top:1px solid #dde2e8\">\n");
    buf_str(&writer->text, "-- \n");
    put_paragraph(writer,
                  SAY(writer, "Sent by %.*s%s%.*s to %.*s.", SLICE(about->product),
                      of_tenant ? " for " : "", SLICE(of_tenant ? about->tenant : S("")),
                      SLICE(about->to)),
                  true);
    if (about->support.len > 0) {
        put_paragraph(writer, SAY(writer, "Questions? %.*s", SLICE(about->support)), true);
    }
    buf_str(&writer->html, "</div>\n</body></html>\n");
}

reason letter_write(struct op *op, const struct letter_about *about, struct letter_text *ret_text) {
    struct writer writer = {.op = op, .about = about};
    struct letter_text made;
    struct slice source = letter_source((enum letter_kind)about->kind);
    buf_open(&writer.text, op, LETTER_TEXT_MAX);
    buf_open(&writer.html, op, LETTER_TEXT_MAX);
    TRY(take_subject(&writer, &source, &made.subject));
    open_html(&writer, made.subject);
    struct slice name = greeting_name(about);
    put_paragraph(&writer, name.len > 0 ? SAY(&writer, "Hello %.*s,", SLICE(name)) : S("Hello,"),
                  false);
    TRY(take_body(&writer, source));
    close_letter(&writer);
    TRY(buf_done(&writer.text, &made.text));
    TRY(buf_done(&writer.html, &made.html));
    *ret_text = made;
    return NULL;
}
