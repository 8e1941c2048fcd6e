// SPDX-License-Identifier: GPL-3.0-or-later
// Letters: every kind can be written and reads as its source says, in text and in HTML; a value is
// never more than text; nothing in them is a link but the gate's own.
#include "unit.h"

#define LINK "https://gate.example/password/reset?t=abc&x=1"
#define DENY "https://gate.example/request/deny?t=def"
#define HOME "https://gate.example/login"

static struct op op;
static struct letter_value values[32];

static int set_up(void **state) {
    (void)state;
    op_open(&op, NOON);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    op_close(&op);
    return 0;
}

static struct letter_about about_of(enum letter_kind kind) {
    return (struct letter_about){.kind = (int)kind,
                                 .product = S("Example CDP"),
                                 .tenant = S("Acme"),
                                 .support = S("help@acme.example"),
                                 .first_name = S("Jane"),
                                 .to = S("jane@acme.example"),
                                 .values = {values, 0},
                                 .home = S(HOME)};
}
static void give(struct letter_about *about, const char *name, const char *value) {
    assert_true(about->values.count < 32);
    values[about->values.count++] = (struct letter_value){slice_str(name), slice_str(value)};
}
static struct letter_text text_of(const struct letter_about *about) {
    struct letter_text text;
    op.detail = SLICE_NONE;
    reason why = letter_write(&op, about, &text);
    if (why != NULL) {
        print_error("%s: %s %.*s\n", letter_kind_names[about->kind], why->slug, SLICE(op.detail));
    }
    assert_null(why);
    return text;
}

// Each name in braces or behind ? and ! in a source, once.
static size_t names_in(struct slice source, struct slice names[32]) {
    size_t count = 0;
    struct slice line;
    while (slice_cut(&source, '\n', &line)) {
        if (line.len > 1 && (line.at[0] == '?' || line.at[0] == '!')) {
            struct slice rest = slice_sub(line, 1, line.len);
            assert_true(slice_cut(&rest, ' ', &names[count]));
            count++;
        }
        for (size_t open = slice_find(line, S("{")); open != SIZE_MAX;
             open = slice_find(line, S("{"))) {
            size_t end = slice_find(line, S("}"));
            assert_true(end != SIZE_MAX && end > open && count < 31);
            names[count++] = slice_sub(line, open + 1, end);
            line = slice_sub(line, end + 1, line.len);
        }
    }
    return count;
}

// With every value that its source names.
static struct letter_about full(enum letter_kind kind) {
    struct letter_about about = about_of(kind);
    static struct slice names[32];
    size_t count = names_in(letter_source(kind), names);
    about.link = S(LINK);
    about.other_link = S(DENY);
    for (size_t i = 0; i < count; i++) {
        bool known = slice_equal(names[i], S("product")) || slice_equal(names[i], S("tenant"));
        for (size_t j = 0; j < about.values.count; j++) {
            known = known || slice_equal(values[j].name, names[i]);
        }
        if (!known) {
            assert_true(about.values.count < 32);
            values[about.values.count++] =
                (struct letter_value){names[i], op_text(&op, "value-of-%.*s", SLICE(names[i]))};
        }
    }
    return about;
}

static void every_kind_is_written_in_both_forms_with_all_its_values(void **state) {
    (void)state;
    for (int kind = 0; kind < LETTER_KINDS; kind++) {
        struct letter_about about = full((enum letter_kind)kind);
        struct letter_text text = text_of(&about);
        assert_true(text.subject.len > 10 && text.subject.len < 100);
        assert_false(holds(text.subject, "\n"));
        assert_true(holds(text.subject, "Example CDP") || holds(text.subject, "single sign-on"));
        const struct slice bodies[] = {text.text, text.html};
        for (size_t i = 0; i < 2; i++) {
            assert_holds(bodies[i], "Hello Jane,");
            assert_holds(bodies[i], "Sent by Example CDP for Acme to jane@acme.example.");
            assert_holds(bodies[i], "Questions? help@acme.example");
            assert_false(holds(bodies[i], "{"));
            assert_false(holds(bodies[i], "}"));
            assert_false(holds(bodies[i], "\n?"));
            assert_false(holds(bodies[i], "=> "));
        }
        for (size_t i = 0; i < about.values.count; i++) {
            bool asked =
                slice_equal(values[i].name, S("resent")) || slice_equal(values[i].name, S("ours"));
            if (!asked) { // whether it is there, and not what it says
                const char *value = NULL;
                assert_null(op_cstr(&op, values[i].value, &value));
                assert_int_equal(holds(text.text, value) || holds(text.subject, value), true);
                assert_int_equal(holds(text.html, value), true);
            }
        }
        assert_int_equal(times(text.html, "<p "), times(text.html, "</p>"));
        assert_int_equal(times(text.html, "<a href="), times(text.html, "</a>"));
        assert_int_equal(times(text.html, "<table"), times(text.html, "</table>"));
        assert_int_equal(times(text.html, "<tr>"), times(text.html, "</tr>"));
    }
}

static void no_letter_speaks_of_its_password_as_text_or_lacks_plain_words(void **state) {
    (void)state;
    for (int kind = 0; kind < LETTER_KINDS; kind++) {
        struct slice source = letter_source((enum letter_kind)kind);
        assert_false(holds(source, "{password}"));
        assert_false(holds(source, "{secret}"));
        assert_false(holds(source, "{code}"));
        assert_false(holds(source, "http")); // links come from public_url, never from a source
        assert_false(holds(source, "<"));
        assert_true(source.len > 100);
    }
}

static void letters_with_a_link_have_it_and_others_have_none(void **state) {
    (void)state;
    static const enum letter_kind linked[] = {
        LETTER_WELCOME, LETTER_MEMBER_ADDED,  LETTER_INVITE_REMINDER,  LETTER_REACTIVATION,
        LETTER_RESET,   LETTER_EMAIL_CONFIRM, LETTER_REQUEST_SUBMITTED};
    for (int kind = 0; kind < LETTER_KINDS; kind++) {
        bool wanted = false;
        for (size_t i = 0; i < sizeof linked / sizeof linked[0]; i++) {
            wanted = wanted || linked[i] == (enum letter_kind)kind;
        }
        struct letter_about about = full((enum letter_kind)kind);
        struct letter_text text = text_of(&about);
        assert_int_equal(holds(text.text, ":\n" LINK "\n"), wanted);
        assert_int_equal(
            holds(text.html, "href=\"https://gate.example/password/reset?t=abc&amp;x=1\""), wanted);
        assert_int_equal(holds(text.text, DENY), kind == LETTER_REQUEST_SUBMITTED);
        about.link = S("");
        struct letter_text other;
        assert_int_equal(letter_write(&op, &about, &other) == NULL, !wanted);
    }
}

static void a_line_with_a_condition_is_there_or_its_counterpart(void **state) {
    (void)state;
    struct letter_about about = about_of(LETTER_WELCOME);
    about.link = S(LINK);
    give(&about, "expires", "tomorrow");
    struct letter_text text = text_of(&about);
    assert_holds(text.text, "You have been invited to use Example CDP for Acme.");
    assert_false(holds(text.text, "has invited you"));
    assert_false(holds(text.text, "replaces"));
    give(&about, "by", "Grace Hopper");
    give(&about, "resent", "yes");
    text = text_of(&about);
    assert_holds(text.text, "Grace Hopper has invited you to use Example CDP for Acme.");
    assert_false(holds(text.text, "You have been invited"));
    assert_holds(text.text, "replaces");
    assert_holds(text.html, "Grace Hopper has invited you to use Example CDP for Acme. The link");
}

static void a_row_without_its_value_is_left_out(void **state) {
    (void)state;
    struct letter_about about = about_of(LETTER_REQUEST_APPROVED);
    give(&about, "person", "J Smith");
    give(&about, "access", "Full Access");
    give(&about, "request", "req_1");
    struct letter_text text = text_of(&about);
    assert_holds(text.text, "For: J Smith\nAccess: Full Access\nRequest: req_1\n");
    assert_false(holds(text.text, "Note"));
    assert_false(holds(text.html, "Note"));
    give(&about, "note", "until\r\nMay");
    text = text_of(&about);
    assert_holds(text.text, "Note:\n  until\r\n  May\n");
    assert_holds(text.html, "until\r<br>May");
}

static void a_missing_value_in_a_sentence_is_a_refusal(void **state) {
    (void)state;
    struct letter_about about = about_of(LETTER_RESET);
    struct letter_text text;
    about.link = S(LINK);
    assert_ptr_equal(letter_write(&op, &about, &text), REASON_OF(INTERNAL));
    assert_holds(op.detail, "expires");
    give(&about, "expires", "tomorrow");
    (void)text_of(&about);
}

static void a_value_is_never_more_than_text(void **state) {
    (void)state;
    struct letter_about about = about_of(LETTER_DISABLED);
    give(&about, "reason",
         "<img src=x onerror=alert(1)> {product} \"'& https://evil.example/x://y\n\n=> link "
         "Click\n- A: b");
    struct letter_text text = text_of(&about);
    assert_false(holds(text.html, "<img"));
    assert_holds(text.html, "&lt;img src=x onerror=alert(1)&gt; {product}");
    assert_false(holds(text.text, "://evil"));
    assert_false(holds(text.html, "://evil"));
    assert_holds(text.text, "https[://]evil.example/x[://]y");
    assert_int_equal(times(text.html, "<a href"), 0);
    assert_holds(text.text, "=> link Click"); // as text, in the row
    assert_int_equal(times(text.html, "<table"), 1);
}

static void nobody_is_greeted_with_an_address(void **state) {
    (void)state;
    static const char *const bad[] = {
        "https://evil.example", "evil.example", "a@evil.example", "x/y", "a:b", "", "  ", "a\\b",
        "Jane\nSmith"};
    struct letter_about about = about_of(LETTER_READY);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        about.first_name = slice_str(bad[i]);
        assert_true(slice_starts(text_of(&about).text, S("Hello,\n")));
    }
    static const char *const good[] = {"Jane", "J.", "Mary Ann", "J. R.", "Zo\xc3\xab", "O'Neil"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        about.first_name = slice_str(good[i]);
        assert_true(slice_starts(text_of(&about).text, op_text(&op, "Hello %s,\n", good[i])));
    }
}

static void a_subject_is_one_line_and_bounded(void **state) {
    (void)state;
    static char longer[LETTER_VALUE_MAX];
    memset(longer, 'x', sizeof longer - 1);
    struct letter_about about = full(LETTER_REQUEST_SUBMITTED);
    for (size_t i = 0; i < about.values.count; i++) {
        if (slice_equal(values[i].name, S("requester"))) {
            values[i].value = S("Eve\r\nBcc: all@acme.example");
        }
    }
    struct letter_text text = text_of(&about);
    assert_slice(text.subject, "Eve  Bcc: all@acme.example asks for access to Example CDP");
    for (size_t i = 0; i < about.values.count; i++) {
        if (slice_equal(values[i].name, S("requester"))) {
            values[i].value = slice_of(longer, sizeof longer - 1);
        }
    }
    assert_int_equal(text_of(&about).subject.len, LETTER_SUBJECT_MAX);
}

static void lines_of_the_text_are_wrapped_but_for_addresses(void **state) {
    (void)state;
    for (int kind = 0; kind < LETTER_KINDS; kind++) {
        struct letter_about about = full((enum letter_kind)kind);
        struct slice text = text_of(&about).text;
        struct slice line;
        while (slice_cut(&text, '\n', &line)) {
            assert_true(line.len <= 72 || slice_starts(line, S("https://gate.example/")));
        }
    }
}

static void without_a_tenant_it_is_the_products(void **state) {
    (void)state;
    struct letter_about about = about_of(LETTER_TEST);
    about.tenant = S("");
    about.support = S("");
    struct letter_text text = text_of(&about);
    assert_holds(text.text, "Sent by Example CDP to jane@acme.example.");
    assert_false(holds(text.text, "Questions"));
    assert_holds(text.html, "href=\"" HOME "\"");
}

static void the_most_that_the_outbox_keeps_fits(void **state) {
    (void)state;
    static char longest[LETTER_VALUE_MAX];
    memset(longest, '"', sizeof longest); // six times as long in HTML
    for (int kind = 0; kind < LETTER_KINDS; kind++) {
        struct letter_about about = full((enum letter_kind)kind);
        struct letter letter = {.kind = kind};
        for (size_t i = 0; i < about.values.count; i++) {
            const char *name = NULL;
            assert_null(op_cstr(&op, values[i].name, &name));
            assert_null(letter_value(&op, &letter, name, slice_of(longest, sizeof longest)));
        }
        about.values = letter.values;
        (void)text_of(&about);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(every_kind_is_written_in_both_forms_with_all_its_values),
        T(no_letter_speaks_of_its_password_as_text_or_lacks_plain_words),
        T(letters_with_a_link_have_it_and_others_have_none),
        T(a_line_with_a_condition_is_there_or_its_counterpart),
        T(a_row_without_its_value_is_left_out),
        T(a_missing_value_in_a_sentence_is_a_refusal),
        T(a_value_is_never_more_than_text),
        T(nobody_is_greeted_with_an_address),
        T(a_subject_is_one_line_and_bounded),
        T(lines_of_the_text_are_wrapped_but_for_addresses),
        T(without_a_tenant_it_is_the_products),
        T(the_most_that_the_outbox_keeps_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
