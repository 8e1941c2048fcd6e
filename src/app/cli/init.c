// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse init: makes what is not there yet and says what comes next. Running it again changes
// nothing.
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cli/cli.h"

static const struct {
    const char *name, *what;
} made[] = {
    {"keys/token-1.key", "signs access tokens"},
    {"keys/link.key", "makes one-time links, and codes for applications"},
    {"keys/saml-signing.key", "signs SAML requests and metadata"},
    {"keys/saml-signing.crt", "its certificate, for identity providers"},
    {"keys/saml-encryption.key", "decrypts assertions"},
    {"keys/saml-encryption.crt", "its certificate, for identity providers"},
    {"store.mdb", "the store: tenants, connections, users, sessions"},
};
#define MADE_COUNT (sizeof made / sizeof made[0])

static reason path_of(struct op *op, const struct settings *settings, size_t index,
                      const char **ret_path) {
    return op_cstr(op, op_text(op, "%.*s/%s", SLICE(settings->data_dir), made[index].name),
                   ret_path);
}

static bool is_there(const char *path) {
    struct stat about;
    return stat(path, &about) == 0;
}

static void say_next(const struct settings *settings) {
    show_line("\nNext steps:");
    show_line("  1. gatehouse serve              runs the gate; it listens on %.*s",
              SLICE(settings->listen));
    show_line("                                  and people reach it at %.*s",
              SLICE(settings->public_url));
    show_line("  2. gatehouse operator-token     the first operator is whoever may read %.*s:",
              SLICE(settings->data_dir));
    show_line(
        "                                  this prints an access token for the API at %.*s/api/v1",
        SLICE(settings->public_url));
    show_line("  3. gatehouse tenant add acme --name \"Acme Inc.\" --domain acme.example");
    show_line("     gatehouse connection add acme-okta --tenant acme");
    show_line("     The second one prints the addresses that the customer's IT needs.");
}

static reason init(struct op *op, struct args *args) {
    const struct settings *settings = NULL;
    bool before[MADE_COUNT] = {false};
    struct json *out = json_object(op);
    struct json *files = json_array(op);
    TRY(args_settings(op, args, &settings));
    for (size_t i = 0; i < MADE_COUNT; i++) {
        const char *path = NULL;
        TRY(path_of(op, settings, i, &path));
        before[i] = is_there(path);
    }
    TRY(gate_init(op, settings));
    if (!args->json) {
        show_line("The data directory is ready:");
    }
    for (size_t i = 0; i < MADE_COUNT; i++) {
        const char *path = NULL;
        TRY(path_of(op, settings, i, &path));
        if (!is_there(path)) {
            continue;
        }
        struct json *file = json_object(op);
        json_set_str(op, file, "path", path);
        json_set_bool(op, file, "made", !before[i]);
        json_add(op, files, file);
        if (!args->json) {
            show_line("  %-8s %s  (%s)", before[i] ? "kept" : "made", path, made[i].what);
        }
    }
    json_set_text(op, out, "data_dir", settings->data_dir);
    json_set(op, out, "files", files);
    if (args->json) {
        return show_json(op, out);
    }
    say_next(settings);
    return NULL;
}

const struct cli_action init_actions[] = {
    {NULL, "", NULL, init,
     "Make the data directory, the keys and the store, where they are not there yet.",
     "The data directory is data_dir of the configuration (GATEHOUSE_DATA_DIR). Whoever may read "
     "it is an\n"
     "operator, so it belongs to the gate's own user alone. Running init again keeps everything.",
     "GATEHOUSE_DATA_DIR=/var/lib/gatehouse gatehouse init"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
