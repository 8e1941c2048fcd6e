// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse connection set: one call may change the switch, the identity provider and the policy.
// Each is a request of its own; switching off comes first and switching on last.
#include "app/cli/connection.h"
#include "app/cli/idp.h"
#include "base/encode.h"
#include "base/text.h"

reason certificate_text(struct op *op, struct slice path, struct slice *ret_text) {
    struct slice bytes;
    TRY(file_read(op, path, CERTIFICATE_FILE_MAX, &bytes));
    if (text_lines(bytes)) {
        *ret_text = bytes;
        return NULL;
    }
    return encode_base64(op, bytes, ret_text);
}

// ---- the identity provider

static reason put_metadata(struct op *op, struct args *args, struct json *body) {
    struct slice xml;
    TRY(file_read(op, args_one(args, "metadata"), METADATA_XML_MAX, &xml));
    if (!text_utf8(xml)) {
        REFUSE(op, METADATA_MALFORMED, "%.*s is not text in UTF-8: save the metadata as UTF-8",
               SLICE(args_one(args, "metadata")));
    }
    json_set_text(op, body, "metadata_xml", xml);
    return NULL;
}

static reason put_certificates(struct op *op, struct args *args, struct json *body) {
    struct json *certificates = json_array(op);
    struct texts files = {NULL, 0};
    TRY(args_all(op, args, "cert", &files));
    for (size_t i = 0; i < files.count; i++) {
        struct slice text;
        TRY(certificate_text(op, files.at[i], &text));
        json_add_text(op, certificates, text);
    }
    json_set(op, body, "certificates", certificates);
    return NULL;
}

static reason put_signer(struct op *op, struct args *args, struct json *body) {
    struct slice path = args_one(args, "metadata-cert");
    struct slice text;
    if (slice_equal(path, S("none"))) {
        json_set_null(op, body, "metadata_certificate");
        return NULL;
    }
    TRY(certificate_text(op, path, &text));
    json_set_text(op, body, "metadata_certificate", text);
    return NULL;
}

static reason idp_body(struct op *op, struct args *args, struct json *body) {
    static const struct {
        const char *option, *member;
    } texts[] = {{"metadata-url", "metadata_url"},
                 {"entity-id", "entity_id"},
                 {"sso-url", "sso_url"},
                 {"slo-url", "slo_url"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (args_has(args, texts[i].option)) {
            json_set_text(op, body, texts[i].member, args_one(args, texts[i].option));
        }
    }
    if (args_has(args, "metadata")) {
        TRY(put_metadata(op, args, body));
    }
    if (args_has(args, "metadata-cert")) {
        TRY(put_signer(op, args, body));
    }
    return args_has(args, "cert") ? put_certificates(op, args, body) : NULL;
}

static bool has_idp(const struct args *args) {
    return args_has(args, "metadata") || args_has(args, "metadata-url") ||
           args_has(args, "entity-id") || args_has(args, "sso-url") || args_has(args, "slo-url") ||
           args_has(args, "cert");
}

static reason set_idp(struct op *op, struct args *args, struct slice target,
                      const struct json *body, const struct json **ret_warnings) {
    const struct json *answer = NULL;
    struct slice text = S("");
    TRY(api_ask(op, args, METHOD_PUT, op_text(op, "%.*s/idp", SLICE(target)), body, &answer,
                &text));
    *ret_warnings = json_get(answer, "warnings");
    return NULL;
}

// ---- the policy

static void put_list(struct op *op, struct json *body, const char *key, struct slice text) {
    struct json *list = json_array(op);
    struct slice part;
    while (text.len > 0 && slice_cut(&text, ',', &part)) {
        part = slice_trim(part);
        if (part.len > 0) {
            json_add_text(op, list, part);
        }
    }
    json_set(op, body, key, list);
}

// What has another type than the key's is sent as text, and the gate says what is wrong with it.
static void put_value(struct op *op, struct json *body, const char *key, const struct json *old,
                      struct slice text) {
    int64_t number = 0;
    uint64_t given = 0;
    bool on = false;
    bool is_true = slice_equal(text, S("true"));
    if (old != NULL && json_is_array(old)) {
        put_list(op, body, key, slice_equal(text, S("null")) ? S("") : text);
    } else if (json_bool(old, &on) && (is_true || slice_equal(text, S("false")))) {
        json_set_bool(op, body, key, is_true);
    } else if (json_number(old, &number) && text_u64(text, INT64_MAX, &given)) {
        json_set_number(op, body, key, (int64_t)given);
    } else if (slice_equal(text, S("null"))) {
        json_set_null(op, body, key);
    } else {
        json_set_text(op, body, key, text);
    }
}

static reason check_changes(struct op *op, struct args *args) {
    struct texts changes = {NULL, 0};
    TRY(args_all(op, args, "policy", &changes));
    for (size_t i = 0; i < changes.count; i++) {
        size_t mark = slice_find(changes.at[i], S("="));
        if (mark == SIZE_MAX || mark == 0) {
            return args_wrong(op, args, "--policy is \"%.*s\", expected KEY=VALUE",
                              SLICE(changes.at[i]));
        }
    }
    return NULL;
}

static reason changed_policy(struct op *op, struct args *args, const struct json *old,
                             struct json *body) {
    struct texts changes = {NULL, 0};
    size_t at = 0;
    struct slice name;
    const struct json *value;
    const char *key = NULL;
    while (json_member(old, &at, &name, &value)) {
        TRY(op_cstr(op, name, &key));
        json_set(op, body, key, value);
    }
    TRY(args_all(op, args, "policy", &changes));
    for (size_t i = 0; i < changes.count; i++) {
        size_t mark = slice_find(changes.at[i], S("="));
        TRY(op_cstr(op, slice_sub(changes.at[i], 0, mark), &key));
        put_value(op, body, key, json_get(old, key),
                  slice_sub(changes.at[i], mark + 1, changes.at[i].len));
    }
    return NULL;
}

static reason set_policy(struct op *op, struct args *args, struct slice target) {
    struct json *body = json_object(op);
    const struct json *old = NULL;
    const struct json *answer = NULL;
    struct slice text = S("");
    target = op_text(op, "%.*s/policy", SLICE(target));
    TRY(api_get(op, args, target, &old));
    TRY(changed_policy(op, args, old, body));
    return api_ask(op, args, METHOD_PUT, target, body, &answer, &text);
}

// ---- all of it

static reason set_disabled(struct op *op, struct args *args, struct slice target, bool disabled) {
    struct json *body = json_object(op);
    const struct json *answer = NULL;
    struct slice text = S("");
    json_set_bool(op, body, "disabled", disabled);
    return api_ask(op, args, METHOD_PUT, target, body, &answer, &text);
}

static reason show_outcome(struct op *op, struct args *args, struct slice target,
                           const struct json *warnings) {
    const struct json *connection = NULL;
    TRY(api_get(op, args, target, &connection));
    if (args->json) {
        struct json *out = json_object(op);
        size_t at = 0;
        struct slice name;
        const struct json *value;
        const char *key = NULL;
        while (json_member(connection, &at, &name, &value)) {
            TRY(op_cstr(op, name, &key));
            json_set(op, out, key, value);
        }
        json_set(op, out, "warnings", warnings != NULL ? warnings : json_array(op));
        return show_json(op, out);
    }
    TRY(show_connection(op, connection));
    for (size_t i = 0; i < json_count(warnings); i++) {
        show_line("Warning: %.*s", SLICE(show_value(op, json_at(warnings, i))));
    }
    return NULL;
}

reason connection_set(struct op *op, struct args *args) {
    struct slice target = connection_target(op, args->words[0]);
    const struct json *warnings = NULL;
    struct json *idp = json_object(op);
    TRY(args_either(op, args, "disable", "enable"));
    TRY(args_either(op, args, "metadata", "metadata-url"));
    if (args_has(args, "metadata-cert") && !args_has(args, "metadata") &&
        !args_has(args, "metadata-url")) {
        return args_wrong(op, args, "--metadata-cert goes with --metadata or --metadata-url");
    }
    if (!has_idp(args) && !args_has(args, "policy") && !args_has(args, "disable") &&
        !args_has(args, "enable")) {
        return args_wrong(op, args, "nothing to change was given");
    }
    // What is wrong with the call and its files is found before the first change.
    TRY(check_changes(op, args));
    TRY(idp_body(op, args, idp));
    if (args_has(args, "disable")) {
        TRY(set_disabled(op, args, target, true));
    }
    if (has_idp(args)) {
        TRY(set_idp(op, args, target, idp, &warnings));
    }
    if (args_has(args, "policy")) {
        TRY(set_policy(op, args, target));
    }
    if (args_has(args, "enable")) {
        TRY(set_disabled(op, args, target, false));
    }
    return show_outcome(op, args, target, warnings);
}
