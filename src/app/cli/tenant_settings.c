// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse tenant settings: shows what a tenant has set, and sets some of it. The types of the settings are those of
// the answer, so that a new one needs nothing here.
#include "app/cli/tenant_settings.h"

#include "base/text.h"

static void show_settings(struct op *op, const struct json *settings) {
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(settings, &at, &name, &value)) {
        struct slice text = show_value(op, value);
        show_line("%-28.*s %.*s", SLICE(name), SLICE(text));
    }
}

// NAME=VALUE, as the type of what is there takes it.
static reason put_one(struct op *op, struct args *args, const struct json *stored,
                      struct slice given, struct json *body) {
    struct slice value = given;
    struct slice name = SLICE_NONE;
    const char *member = NULL;
    bool flag = false;
    int64_t number = 0;
    uint64_t wanted = 0;
    if (!slice_cut(&value, '=', &name) || value.at == NULL || name.len == 0) {
        return args_wrong(op, args, "--set takes NAME=VALUE, as in invite_days=3");
    }
    TRY(op_cstr(op, name, &member));
    const struct json *there = json_get(stored, member);
    if (there == NULL) {
        return args_wrong(op, args, "there is no setting \"%s\"", member);
    }
    bool on = slice_equal(value, S("true"));
    if (json_bool(there, &flag) && (on || slice_equal(value, S("false")))) {
        json_set_bool(op, body, member, on);
    } else if (json_number(there, &number) && text_u64(value, INT64_MAX, &wanted)) {
        json_set_number(op, body, member, (int64_t)wanted);
    } else {
        json_set_text_or_null(op, body, member, value); // what it is not fit for, the gate says
    }
    return NULL;
}

reason tenant_settings_run(struct op *op, struct args *args) {
    struct slice target =
        op_text(op, "/tenants/%.*s/settings", SLICE(api_part(op, args->words[0])));
    struct texts given = {NULL, 0};
    struct json *body = json_object(op);
    const struct json *settings = NULL;
    TRY(args_all(op, args, "set", &given));
    if (given.count == 0) {
        TRY(api_tell(op, args, METHOD_GET, target, NULL, &settings));
    } else {
        TRY(api_get(op, args, target, &settings));
        for (size_t i = 0; i < given.count; i++) {
            TRY(put_one(op, args, settings, given.at[i], body));
        }
        TRY(api_tell(op, args, METHOD_PATCH, target, body, &settings));
    }
    if (!args->json) {
        show_settings(op, settings);
    }
    return NULL;
}

const struct cli_option tenant_settings_options[] = {
    {"set", "NAME=VALUE", true, "change one; an empty VALUE takes a text away"},
    {NULL, NULL, false, NULL},
};
