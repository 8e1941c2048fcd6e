// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/roll.h"
#include "http/limits.h"
#include "http/proxies.h"
#include "http/uses.h"
#include "http/web/web.h"
#include "token/link_key.h"
#include "token/seal_key.h"

#define PATH_MAX_TEXT 4096

// The schema of the store, step by step. A new one goes at the end and is never changed after a release.
static reason first_schema(struct op *op, struct txn *txn, void *arg) {
    (void)op;
    (void)txn;
    (void)arg;
    return NULL; // an empty store needs nothing but its number
}
static const struct migration migrations[] = {
    {1, "the first schema", first_schema},
    {2, "the roll of members", roll_make},
    {3, "the numbers of tenants", tenant_numbers_make},
    {4, "the versions of connections", connection_versions_make},
    {5, "the lists of sessions", session_lists_make},
    {6, "the visits of members", visits_make},
};

static reason path_in(struct op *op, const struct settings *settings, const char *name,
                      const char **ret_path) {
    return op_cstr(op, op_text(op, "%.*s/%s", SLICE(settings->data_dir), name), ret_path);
}

reason gate_control_path(struct op *op, const struct settings *settings, const char **ret_path) {
    return path_in(op, settings, "control.sock", ret_path);
}

reason gate_worker_program(struct op *op, const char **ret_path) {
    char self[PATH_MAX_TEXT];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    if (len <= 0 || (size_t)len >= sizeof self) {
        REFUSE(op, WORKER_FAILED, "the path of this program is not known: is /proc mounted?");
    }
    struct slice folder = slice_of(self, (size_t)len);
    while (folder.len > 0 && folder.at[folder.len - 1] != '/') {
        folder.len--;
    }
    static const char *const places[] = {"gatehouse-worker",
                                         "../libexec/gatehouse/gatehouse-worker"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        TRY(op_cstr(op, op_text(op, "%.*s%s", SLICE(folder), places[i]), ret_path));
        if (access(*ret_path, X_OK) == 0) {
            return NULL;
        }
    }
    REFUSE(op, WORKER_FAILED, "gatehouse-worker is not beside this program (%.*s); build or install both",
           SLICE(folder));
}

static reason make_dir(struct op *op, const char *path) {
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        REFUSE(op, DATA_DIR, "cannot make %s: %s; data_dir (GATEHOUSE_DATA_DIR) says where it is",
               path, strerror(errno));
    }
    return NULL;
}

// Ours, a directory, and nobody else's business.
static reason check_dir(struct op *op, const char *path) {
    struct stat about;
    if (stat(path, &about) != 0) {
        REFUSE(op, DATA_DIR, "cannot use %s: %s; `gatehouse init` makes it", path, strerror(errno));
    }
    if (!S_ISDIR(about.st_mode) || access(path, R_OK | W_OK | X_OK) != 0) {
        REFUSE(op, DATA_DIR, "cannot use %s: it has to be a directory that this user may write",
               path);
    }
    if ((about.st_mode & 07) != 0) {
        REFUSE(op, DATA_DIR, "others may enter %s (mode %03o), which holds keys: chmod 700 %s", path,
               about.st_mode & 0777, path);
    }
    return NULL;
}

reason gate_migrate(struct op *op, struct store *store) {
    return store_migrate(op, store, migrations, sizeof migrations / sizeof migrations[0]);
}

reason gate_init(struct op *op, const struct settings *settings) {
    const char *dir = NULL;
    const char *keys = NULL;
    struct store *store = NULL;
    TRY(op_cstr(op, settings->data_dir, &dir));
    TRY(path_in(op, settings, "keys", &keys));
    TRY(make_dir(op, dir));
    TRY(check_dir(op, dir));
    TRY(make_dir(op, keys));
    TRY(keyring_make(op, keys));
    TRY(link_key_make(op, keys));
    TRY(seal_key_make(op, keys));
    TRY(sp_keys_make(op, keys));
    TRY(store_open(op, dir, &store));
    reason why = gate_migrate(op, store);
    store_close(store);
    return why;
}

reason gate_keyring(struct op *op, const struct settings *settings, struct keyring **ret_keyring) {
    const char *keys = NULL;
    TRY(path_in(op, settings, "keys", &keys));
    return keyring_open(op, keys, ret_keyring);
}

// Those who wait for a password hold a request thread each: never more than half of them, so that sign-ins that need no
// password find one.
static reason open_argon(struct op *op, struct gate *gate) {
    const struct settings *settings = gate->settings;
    int64_t half = settings->threads > 1 ? settings->threads / 2 : 1;
    int64_t threads = settings->password_threads < half ? settings->password_threads : half;
    const struct argon_options options = {
        .memory_kib = (uint32_t)settings->password_memory,
        .passes = (uint32_t)settings->password_passes,
        .lanes = (uint32_t)settings->password_lanes,
        .threads = (size_t)threads,
        .waiting = (size_t)(half - threads),
    };
    gate->argon = argon_open(&options);
    if (gate->argon == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory or threads to hash passwords: password_memory is %lld KiB",
               (long long)settings->password_memory);
    }
    return NULL;
}

static reason open_parts(struct op *op, struct gate *gate) {
    const char *dir = NULL;
    const char *keys = NULL;
    TRY(op_cstr(op, gate->settings->data_dir, &dir));
    TRY(path_in(op, gate->settings, "keys", &keys));
    TRY(check_dir(op, dir));
    TRY(store_open(op, dir, &gate->store));
    TRY(gate_migrate(op, gate->store));
    TRY(keyring_open(op, keys, &gate->keyring));
    TRY(link_key_make(op, keys)); // a data directory from before there were links has none
    TRY(link_key_open(op, keys, &gate->ticket_key));
    TRY(seal_key_make(op, keys)); // nor was anything sealed
    TRY(seal_key_open(op, keys, &gate->seal_key));
    TRY(open_argon(op, gate));
    TRY(sp_keys_open(op, keys, &gate->sp_keys));
    const struct post_options post = settings_post(gate->settings);
    TRY(post_open(op, &post, &gate->post));
    TRY(proxies_open(op, gate->settings->trusted_proxies, gate->settings->forwarded_header,
                     &gate->proxies));
    gate->trusts = trust_cache_open();
    gate->ring = ring_open();
    gate->brake = brake_open();
    gate->limits = limits_open();
    gate->uses = uses_open();
    gate->metadata = metadata_cache_open();
    if (gate->trusts == NULL || gate->ring == NULL || gate->limits == NULL || gate->brake == NULL ||
        gate->uses == NULL ||
        gate->metadata == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory to start");
    }
    trust_cache_keys(gate->trusts, keys, gate->sp_keys);
    return NULL;
}

reason gate_open(struct op *op, const struct settings *settings, size_t workers,
                 struct gate *ret_gate) {
    struct gate gate = {.settings = settings};
    struct pool_options options = {.warm = workers};
    TRY(gate_worker_program(op, &options.program));
    TRY(pool_open(op, &options, &gate.pool));
    reason why = open_parts(op, &gate);
    if (why != NULL) {
        gate_close(&gate);
        return why;
    }
    *ret_gate = gate;
    return NULL;
}

void gate_close(struct gate *gate) {
    if (gate->store != NULL) {
        store_close(gate->store);
    }
    pool_close(gate->pool);
    trust_cache_close(gate->trusts);
    metadata_cache_close(gate->metadata);
    limits_close(gate->limits);
    proxies_close(gate->proxies);
    uses_close(gate->uses);
    ring_close(gate->ring);
    brake_close(gate->brake);
    post_close(gate->post);
    keyring_close(gate->keyring);
    link_key_close(gate->ticket_key);
    seal_key_close(gate->seal_key);
    argon_close(gate->argon);
    sp_keys_close(gate->sp_keys);
    *gate = (struct gate){.settings = NULL};
}
