// SPDX-License-Identifier: GPL-3.0-or-later
// A command's request to the API and what comes back: an answer, or a problem that becomes this
// command's refusal with the same reason.
#include "app/cli/cli.h"

#include "base/encode.h"

#define PAGE_MOST 100 // a page of connections, each with its rules, stays under what JSON may have

struct slice api_part(struct op *op, struct slice text) {
    struct slice part = S("");
    // Without memory the part is empty, and the address is none that there is.
    return encode_url(op, text, &part) == NULL ? part : S("");
}

static reason take_problem(struct op *op, const struct control_answer *answer,
                           const struct json *problem) {
    struct slice slug = S("");
    struct slice detail = S("");
    reason why = NULL;
    op->error_count = 0;
    if (json_is_object(problem)) {
        (void)json_text(json_get(problem, "reason"), &slug);
        (void)json_text(json_get(problem, "detail"), &detail);
        why = reason_find(slug);
    }
    if (why == NULL || detail.len == 0) {
        REFUSE(op, PEER_FAILED, "the gate answered with status %u and nothing that explains it",
               answer->status);
    }
    const struct json *errors = json_get(problem, "errors");
    for (size_t i = 0; i < json_count(errors); i++) {
        const struct json *error = json_at(errors, i);
        struct slice pointer = S("");
        struct slice text = S("");
        struct slice each = S("");
        (void)json_text(json_get(error, "pointer"), &pointer);
        (void)json_text(json_get(error, "detail"), &text);
        (void)json_text(json_get(error, "reason"), &each);
        op_error(op, pointer, reason_find(each), "%.*s", SLICE(text));
    }
    return op_refuse(op, why, "%.*s", SLICE(detail));
}

reason api_open(struct op *op, struct args *args) {
    const struct settings *settings = NULL;
    TRY(args_settings(op, args, &settings));
    return args->control == NULL ? control_open(op, settings, &args->control) : NULL;
}

static reason ask_control(struct op *op, struct args *args, enum method method, struct slice target,
                          struct slice body, struct control_answer *ret_answer) {
    TRY(api_open(op, args));
    return control_call(op, args->control, method, target, body, ret_answer);
}

reason api_send(struct op *op, struct args *args, struct slice target, const char *type,
                struct slice body, const struct json **ret_answer) {
    struct control_answer answer = {.status = 0};
    const struct json *root = NULL;
    TRY(api_open(op, args));
    TRY(control_send(op, args->control, METHOD_POST, op_text(op, "/api/v1%.*s", SLICE(target)), type,
                     body, &answer));
    if (json_parse(op, answer.body, &root) != NULL) {
        root = NULL; // take_problem says that nothing explains it
    }
    if (answer.status < 200 || answer.status > 299 || !json_is_object(root)) {
        if (args->json && root != NULL) {
            show_json_text(answer.body);
        }
        return take_problem(op, &answer, root);
    }
    *ret_answer = root;
    return NULL;
}

reason api_ask(struct op *op, struct args *args, enum method method, struct slice target,
               const struct json *body, const struct json **ret_answer, struct slice *ret_text) {
    struct control_answer answer = {.status = 0};
    struct slice text = S("");
    const struct json *root = NULL;
    if (body != NULL) {
        TRY(json_print(op, body, false, &text));
    }
    TRY(ask_control(op, args, method, op_text(op, "/api/v1%.*s", SLICE(target)), text, &answer));
    if (answer.body.len > 0 && json_parse(op, answer.body, &root) != NULL) {
        REFUSE(op, PEER_FAILED, "the gate answered with status %u and no JSON", answer.status);
    }
    if (answer.status < 200 || answer.status > 299) {
        if (args->json && root != NULL) {
            show_json_text(answer.body);
        }
        return take_problem(op, &answer, root);
    }
    *ret_answer = root;
    *ret_text = answer.body;
    return NULL;
}

reason api_lines(struct op *op, struct args *args, struct slice target, struct slice *ret_lines,
                 struct slice *ret_cursor) {
    struct control_answer answer = {.status = 0};
    const struct json *problem = NULL;
    struct slice cursor = S("");
    TRY(ask_control(op, args, METHOD_GET, op_text(op, "/api/v1%.*s", SLICE(target)), S(""),
                    &answer));
    if (answer.status != 200) {
        if (json_parse(op, answer.body, &problem) != NULL) {
            problem = NULL; // take_problem says that nothing explains it
        }
        return take_problem(op, &answer, problem);
    }
    size_t at = slice_find(answer.link, S("cursor="));
    if (at != SIZE_MAX) {
        struct slice rest = slice_sub(answer.link, at + 7, answer.link.len);
        (void)slice_cut(&rest, '>', &cursor);
    }
    *ret_lines = answer.body;
    *ret_cursor = cursor;
    return NULL;
}

reason api_get(struct op *op, struct args *args, struct slice target,
               const struct json **ret_object) {
    const struct json *answer = NULL;
    struct slice text = S("");
    TRY(api_ask(op, args, METHOD_GET, target, NULL, &answer, &text));
    if (!json_is_object(answer)) {
        REFUSE(op, PEER_FAILED, "the gate answered with something else than an object");
    }
    *ret_object = answer;
    return NULL;
}

reason api_put_list(struct op *op, const struct args *args, const char *option, struct json *object,
                    const char *member) {
    if (args_has(args, option)) {
        struct texts values = {NULL, 0};
        TRY(args_all(op, args, option, &values));
        json_set_texts(op, object, member, values);
    }
    return NULL;
}

reason api_tell(struct op *op, struct args *args, enum method method, struct slice target,
                const struct json *body, const struct json **ret_answer) {
    struct slice text = S("");
    const struct json *answer = NULL;
    TRY(api_ask(op, args, method, target, body, &answer, &text));
    if (args->json && text.len > 0) {
        show_json_text(text);
    }
    *ret_answer = answer;
    return NULL;
}

// What one list command may collect; a tenant of 10,000 people is asked for page by page with
// --limit.
#define LIST_ITEMS_MAX 2000

static bool is_last(const struct json *answer, struct slice *ret_cursor) {
    *ret_cursor = S("");
    return !json_text(json_get(answer, "next_cursor"), ret_cursor) || ret_cursor->len == 0;
}

reason api_list(struct op *op, struct args *args, struct slice target, uint64_t limit,
                const struct json **ret_items) {
    struct json *all = json_array(op);
    struct slice cursor = S("");
    struct slice text = S("");
    const char *mark = slice_find(target, S("?")) == SIZE_MAX ? "?" : "&";
    uint64_t most = limit > 0 ? limit : LIST_ITEMS_MAX;
    uint64_t got = 0;
    int64_t total = 0;
    const struct json *answer = NULL;
    for (bool last = false, first = true; !last && got < most; first = false) {
        uint64_t page = most - got < PAGE_MOST ? most - got : PAGE_MOST;
        struct slice next =
            first ? S("") : op_text(op, "&cursor=%.*s", SLICE(api_part(op, cursor)));
        TRY(api_ask(op, args, METHOD_GET,
                    op_text(op, "%.*s%slimit=%llu%.*s", SLICE(target), mark,
                            (unsigned long long)page, SLICE(next)),
                    NULL, &answer, &text));
        const struct json *items = json_get(answer, "items");
        for (size_t i = 0; i < json_count(items); i++, got++) {
            json_add(op, all, json_at(items, i));
        }
        last = is_last(answer, &cursor);
        if (first && (last || got >= most) && args->json) {
            show_json_text(text); // one page: as it came
            *ret_items = all;
            return NULL;
        }
    }
    if (limit == 0 && cursor.len > 0) {
        show_error(
            op_text(op, "these are the first %llu; --limit N shows more", (unsigned long long)got));
    }
    if (args->json) {
        struct json *out = json_object(op);
        json_set(op, out, "items", all);
        json_set_text_or_null(op, out, "next_cursor", cursor);
        if (json_number(json_get(answer, "total"), &total)) {
            json_set_number(op, out, "total", total);
        }
        TRY(show_json(op, out));
    }
    *ret_items = all;
    return NULL;
}
