// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/access.h"

bool access_given(const struct args *args) {
    return args_has(args, "component") || args_has(args, "bundle");
}

reason access_put(struct op *op, struct args *args, struct json *body) {
    struct texts given = {NULL, 0};
    struct json *components = json_object(op);
    TRY(args_all(op, args, "component", &given));
    for (size_t i = 0; i < given.count; i++) {
        struct slice level = given.at[i];
        struct slice name = SLICE_NONE;
        const char *member = NULL;
        if (!slice_cut(&level, '=', &name) || name.len == 0 || level.len == 0) {
            return args_wrong(op, args, "--component takes NAME=LEVEL, as in campaigns=full");
        }
        TRY(op_cstr(op, name, &member));
        json_set_text(op, components, member, level);
    }
    if (given.count > 0) {
        json_set(op, body, "components", components);
    }
    if (args_has(args, "bundle")) {
        json_set_text(op, body, "bundle", args_one(args, "bundle"));
    }
    return NULL;
}

struct slice access_words(struct op *op, const struct json *user) {
    const struct json *components = json_get(user, "components");
    struct slice text = S("");
    struct slice name;
    const struct json *level;
    size_t at = 0;
    while (json_is_object(components) && json_member(components, &at, &name, &level)) {
        struct slice words = S("");
        (void)json_text(level, &words);
        text = op_text(op, "%.*s%s%.*s %.*s", SLICE(text), text.len > 0 ? ", " : "", SLICE(name),
                       SLICE(words));
    }
    return text.len > 0 ? text : S("-");
}
