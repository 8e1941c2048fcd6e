// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse backup and restore: a copy of everything, beside a running gate, and the way back.
#include "app/backup.h"

#include "app/cli/cli.h"
#include "base/encode.h"

static reason show_backup(struct op *op, const struct args *args, const char *dir, const struct backup *backup,
                          const char *what) {
    if (args->json) {
        struct slice digest = SLICE_NONE;
        struct json *out = json_object(op);
        TRY(encode_hex(op, digest_slice(&backup->store_digest), &digest));
        json_set_str(op, out, "backup", dir);
        json_set_time(op, out, "made", backup->made);
        json_set_number(op, out, "rows", backup->rows);
        json_set_number(op, out, "store_bytes", backup->store_bytes);
        json_set_text(op, out, "store_sha256", digest);
        json_set_number(op, out, "keys", backup->keys);
        return show_json(op, out);
    }
    show_line("%s %s", what, dir);
    show_line("  %lld rows in %lld bytes, %lld files of keys; all of it was read again", (long long)backup->rows,
              (long long)backup->store_bytes, (long long)backup->keys);
    return NULL;
}

// A gate that runs says when its file has everything; else this process was the gate for a moment.
static reason settle(struct op *op, struct args *args, struct slice to) {
    const struct json *said = NULL;
    struct slice text = S("");
    struct json *body = json_object(op);
    json_set_text(op, body, "to", to);
    TRY(api_ask(op, args, METHOD_POST, S("/store:copy"), body, &said, &text));
    if (!args->json) {
        show_line("Copying %.*s rows, some %.*s bytes ...", SLICE(show_member(op, said, "rows")),
                  SLICE(show_member(op, said, "bytes")));
    }
    control_close(args->control);
    args->control = NULL;
    return NULL;
}

static reason make(struct op *op, struct args *args) {
    const struct settings *settings = NULL;
    const char *to = NULL;
    struct backup backup;
    args->own_fault = true;
    TRY(args_settings(op, args, &settings));
    struct slice place = args->words[0];
    while (place.len > 1 && place.at[place.len - 1] == '/') {
        place.len--;
    }
    TRY(op_cstr(op, place, &to));
    TRY(backup_expect(op, settings, to));
    TRY(settle(op, args, place));
    TRY(backup_make(op, settings, to, &backup));
    return show_backup(op, args, to, &backup, "The backup is made:");
}

static reason check(struct op *op, struct args *args) {
    const char *from = NULL;
    struct backup backup;
    TRY(op_cstr(op, args->words[0], &from));
    TRY(backup_check(op, from, &backup));
    return show_backup(op, args, from, &backup, "The backup is whole:");
}

static reason restore(struct op *op, struct args *args) {
    const struct settings *settings = NULL;
    const char *from = NULL;
    struct backup backup;
    TRY(args_settings(op, args, &settings));
    TRY(op_cstr(op, args->words[0], &from));
    TRY(backup_restore(op, settings, from, &backup));
    TRY(show_backup(op, args, from, &backup, "The data directory is as it was in"));
    if (!args->json) {
        show_line("\nWhat identity providers issued before now is not accepted any more: who was about to sign in starts again.");
        show_line("Next: gatehouse serve");
    }
    return NULL;
}

static const struct cli_option restore_options[] = {
    {"check", NULL, false, "only read the backup, all of it, and say whether it is whole"},
    {NULL, NULL, false, NULL},
};

static reason restore_or_check(struct op *op, struct args *args) {
    args->own_fault = true;
    return args_has(args, "check") ? check(op, args) : restore(op, args);
}

const struct cli_action backup_actions[] = {
    {NULL, "DIRECTORY", NULL, make, "Copy the store and the keys into a new directory; a gate that runs goes on meanwhile.",
     "The copy is of one moment and has all that was answered before it began. It is read again before the\n"
     "directory gets its name, so a directory of that name is a whole backup. It holds every key of the gate:\n"
     "keep it as you keep the data directory. The configuration file is not in it.",
     "gatehouse backup /var/backups/gatehouse-2026-11-29"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

const struct cli_action restore_actions[] = {
    {NULL, "DIRECTORY", restore_options, restore_or_check, "Make the data directory of a backup.",
     "There must be no store and no keys in data_dir yet; move an old one away first. Messages that identity\n"
     "providers issued before the restore are not accepted after it, for the backup does not know which of them\n"
     "were used since it was made. Sessions that were begun since are not in it.",
     "gatehouse restore /var/backups/gatehouse-2026-11-29"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
