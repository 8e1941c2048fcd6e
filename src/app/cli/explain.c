// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/explain.h"

#include "app/cli/cli.h"

static const char *mark_of(struct slice result) {
    if (slice_equal(result, S("pass"))) {
        return "ok  ";
    }
    return slice_equal(result, S("fail")) ? "FAIL" : "-   ";
}

static void show_check(struct op *op, const struct json *check) {
    struct slice result = S("");
    struct slice expected = S("");
    struct slice got = S("");
    (void)json_text(json_get(check, "result"), &result);
    (void)json_text(json_get(check, "expected"), &expected);
    (void)json_text(json_get(check, "got"), &got);
    struct slice name = show_member(op, check, "check");
    if (slice_equal(result, S("fail"))) {
        show(op_text(op, "  FAIL  %.*s", SLICE(name)));
        show_line("%s", "");
        show(op_text(op, "          expected  %.*s", SLICE(expected.len > 0 ? expected : S("-"))));
        show_line("%s", "");
        show(op_text(op, "          got       %.*s", SLICE(got.len > 0 ? got : S("nothing"))));
        show_line("%s", "");
        return;
    }
    struct slice about = got.len > 0 ? got : expected;
    show(op_text(op, "  %s  %-24.*s%.*s", mark_of(result), SLICE(name), SLICE(about)));
    show_line("%s", "");
}

reason explain(struct op *op, const struct json *trace) {
    const struct json *checks = json_get(trace, "checks");
    bool accepted = false;
    struct slice slug = S("");
    struct slice detail = S("");
    struct slice hint = S("");
    (void)json_bool(json_get(trace, "accepted"), &accepted);
    (void)json_text(json_get(trace, "reason"), &slug);
    (void)json_text(json_get(trace, "detail"), &detail);
    (void)json_text(json_get(trace, "hint"), &hint);
    for (size_t i = 0; i < json_count(checks); i++) {
        show_check(op, json_at(checks, i));
    }
    if (accepted) {
        show_line("accepted");
        return NULL;
    }
    reason why = reason_find(slug);
    show_line("refused: %.*s", SLICE(slug));
    if (why != NULL) {
        show_line("  %s", why->text);
    }
    if (detail.len > 0 && (why == NULL || !slice_equal(detail, slice_str(why->text)))) {
        show(op_text(op, "  %.*s", SLICE(detail)));
        show_line("%s", "");
    }
    if (hint.len > 0) {
        show(op_text(op, "What to do: %.*s", SLICE(hint)));
        show_line("%s", "");
    }
    return NULL;
}
