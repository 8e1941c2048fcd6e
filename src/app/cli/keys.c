// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse keys: rolls the gate's own SAML keys over. Works on the files of the data directory, with or without a
// running gate, which reads them at its start. With --connection the keys of that connection alone, through the API, which
// count at once.
#include "app/cli/cli.h"
#include "base/text.h"
#include "saml/sp.h"

static reason keys_dir(struct op *op, struct args *args, const char **ret_dir) {
    const struct settings *settings = NULL;
    TRY(args_settings(op, args, &settings));
    return op_cstr(op, op_text(op, "%.*s/keys", SLICE(settings->data_dir)), ret_dir);
}

static reason kind_of(struct op *op, struct args *args, enum sp_key_kind *ret_kind) {
    for (int i = 0; sp_key_kind_names[i] != NULL; i++) {
        if (slice_equal(args->words[0], slice_str(sp_key_kind_names[i]))) {
            *ret_kind = (enum sp_key_kind)i;
            return NULL;
        }
    }
    return args_wrong(op, args, "\"%.*s\" is no kind of key; signing or encryption is expected",
                      SLICE(args->words[0]));
}

static const char *meaning_of(enum sp_key_kind kind, int state) {
    static const char *const meanings[SP_KEY_KINDS][4] = {
        {"published, does not sign yet", "signs", "published, does not sign any more", "not published"},
        {"published, decrypts", "published first, decrypts", "published, decrypts",
         "not published, decrypts"},
    };
    return meanings[kind][state];
}

static const char *const heads[] = {"KIND", "NUMBER", "STATE", "WHAT IT DOES", NULL};

static reason show_keys(struct op *op, struct args *args, const char *dir) {
    struct json *items = json_array(op);
    struct json *out = json_object(op);
    struct table table;
    table_open(&table, op, heads);
    for (int kind = 0; kind < SP_KEY_KINDS; kind++) {
        struct sp_key_set set;
        TRY(sp_keys_list(op, dir, (enum sp_key_kind)kind, &set));
        for (size_t i = 0; i < set.count; i++) {
            const struct sp_key_row *row = &set.rows[i];
            const struct slice cells[] = {
                slice_str(sp_key_kind_names[kind]), op_text(op, "%u", row->number),
                slice_str(sp_key_state_names[row->state]),
                slice_str(meaning_of((enum sp_key_kind)kind, row->state))};
            TRY(table_row(&table, cells));
            struct json *item = json_object(op);
            json_set_text(op, item, "kind", cells[0]);
            json_set_number(op, item, "number", row->number);
            json_set_text(op, item, "state", cells[2]);
            json_add(op, items, item);
        }
    }
    json_set(op, out, "items", items);
    if (args->json) {
        return show_json(op, out);
    }
    table_show(&table, "There are no keys; gatehouse init makes them.");
    return NULL;
}

// ---- of one connection ------------------------------------------------------------------------------------

static struct slice target_of(struct op *op, const struct args *args) {
    return op_text(op, "/connections/%.*s/keys", SLICE(api_part(op, args_one(args, "connection"))));
}

static reason show_own(struct op *op, const struct json *answer) {
    const struct json *items = json_get(answer, "items");
    struct table table;
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *item = json_at(items, i);
        struct slice kind = show_member(op, item, "kind");
        struct slice state = show_member(op, item, "state");
        bool of_gate = false;
        int known = 0;
        while (known < SP_KEY_RETIRED && !slice_equal(state, slice_str(sp_key_state_names[known]))) {
            known++;
        }
        const char *meaning =
            meaning_of(slice_equal(kind, S("signing")) ? SP_SIGNING : SP_ENCRYPTION, known);
        (void)json_bool(json_get(item, "gate"), &of_gate);
        const struct slice cells[] = {kind, show_member(op, item, "number"), state,
                                      op_text(op, "%s%s", of_gate ? "the gate's keys: " : "", meaning)};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There are no keys.");
    return NULL;
}

static reason tell_own(struct op *op, struct args *args, enum method method, struct slice target,
                       const struct json *body) {
    const struct json *answer = NULL;
    TRY(api_tell(op, args, method, target, body, &answer));
    return args->json || answer == NULL ? NULL : show_own(op, answer);
}

static reason add_own(struct op *op, struct args *args, enum sp_key_kind kind) {
    struct json *body = json_object(op);
    json_set_str(op, body, "kind", sp_key_kind_names[kind]);
    json_set_bool(op, body, "gate", args_has(args, "gate"));
    return tell_own(op, args, METHOD_POST, target_of(op, args), body);
}

static reason step_own(struct op *op, struct args *args, enum sp_key_kind kind, uint64_t number,
                       const char *step) {
    bool removes = step == NULL;
    struct slice target = op_text(op, "%.*s/%s/%llu%s%s", SLICE(target_of(op, args)), sp_key_kind_names[kind],
                                  (unsigned long long)number, removes ? "" : ":", removes ? "" : step);
    TRY(tell_own(op, args, removes ? METHOD_DELETE : METHOD_POST, target, NULL));
    return removes && !args->json ? tell_own(op, args, METHOD_GET, target_of(op, args), NULL) : NULL;
}

// ---- the actions ------------------------------------------------------------------------------------------

static reason list(struct op *op, struct args *args) {
    const char *dir = NULL;
    if (args_has(args, "connection")) {
        return tell_own(op, args, METHOD_GET, target_of(op, args), NULL);
    }
    TRY(keys_dir(op, args, &dir));
    return show_keys(op, args, dir);
}

static reason show_done(struct op *op, struct args *args, const char *dir) {
    TRY(show_keys(op, args, dir));
    if (!args->json) {
        show_line("\nA running gate reads its keys at the start: restart it now.");
    }
    return NULL;
}

static reason add(struct op *op, struct args *args) {
    enum sp_key_kind kind = SP_SIGNING;
    const char *dir = NULL;
    uint32_t number = 0;
    TRY(kind_of(op, args, &kind));
    if (args_has(args, "connection")) {
        return add_own(op, args, kind);
    }
    if (args_has(args, "gate")) {
        return args_wrong(op, args, "--gate is for a connection that goes back to the gate's keys");
    }
    TRY(keys_dir(op, args, &dir));
    TRY(sp_keys_add(op, dir, kind, &number));
    return show_done(op, args, dir);
}

typedef reason (*step_fn)(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number);

static reason step(struct op *op, struct args *args, step_fn fn, const char *own) {
    enum sp_key_kind kind = SP_SIGNING;
    const char *dir = NULL;
    uint64_t number = 0;
    TRY(kind_of(op, args, &kind));
    if (!text_u64(args->words[1], UINT32_MAX, &number)) {
        return args_wrong(op, args, "\"%.*s\" is no number of a key", SLICE(args->words[1]));
    }
    if (args_has(args, "connection")) {
        return step_own(op, args, kind, number, own);
    }
    TRY(keys_dir(op, args, &dir));
    TRY(fn(op, dir, kind, (uint32_t)number));
    return show_done(op, args, dir);
}

static reason use(struct op *op, struct args *args) {
    return step(op, args, sp_keys_use, "use");
}

static reason retire(struct op *op, struct args *args) {
    return step(op, args, sp_keys_retire, "retire");
}

static reason take_away(struct op *op, struct args *args) {
    return step(op, args, sp_keys_remove, NULL);
}

static const struct cli_option of_connection[] = {
    {"connection", "SLUG", false, "keys that this connection has for itself; they count at once"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option add_options[] = {
    {"connection", "SLUG", false, "for this connection alone; it counts at once"},
    {"gate", NULL, false, "with --connection: back to the gate's own keys"},
    {NULL, NULL, false, NULL},
};

const struct cli_action keys_actions[] = {
    {"list", "", of_connection, list, "List the gate's own SAML keys and what each does.", NULL,
     "gatehouse keys list"},
    {"add", "signing|encryption", add_options, add, "Make the next key: published, and not used yet.",
     "Identity providers learn it from the metadata; give those that do not fetch it the new document.",
     "gatehouse keys add signing"},
    {"use", "signing|encryption NUMBER", of_connection, use,
     "Use this key from now on; the one that was used stays published.", NULL,
     "gatehouse keys use signing 2"},
    {"retire", "signing|encryption NUMBER", of_connection, retire,
     "Publish an old key no more; one for encryption still decrypts.", NULL,
     "gatehouse keys retire signing 1"},
    {"remove", "signing|encryption NUMBER", of_connection, take_away,
     "Remove a retired key, or one that never came into use, with its files.", NULL,
     "gatehouse keys remove signing 1"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
