// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that one connection has for itself, as files in a folder of its own. Which there are, and what each is for, says
// the connection's record (domain/connection_sp_keys.c); of a kind without any the gate's keys count. With a decryption key
// of its own nothing that was encrypted for another tenant opens at this connection, and the other way round.
#include "saml/sp_keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define FOLDER "connections"

static reason dir_of(struct op *op, const char *keys, struct slice slug, const char **ret_dir) {
    if (!text_slug(slug)) {
        REFUSE(op, INTERNAL, "a connection is called \"%.*s\", which is no name of a folder", SLICE(slug));
    }
    return op_cstr(op, op_text(op, "%s/" FOLDER "/%.*s", keys, SLICE(slug)), ret_dir);
}

static reason make_dir(struct op *op, const char *path) {
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        REFUSE(op, KEY_FILE, "%s cannot be made: %s", path, strerror(errno));
    }
    return NULL;
}

reason sp_own_key_make(struct op *op, const char *keys, struct slice slug, enum sp_key_kind kind,
                       uint32_t number) {
    const char *dir = NULL;
    const char *folder = NULL;
    TRY(op_cstr(op, op_text(op, "%s/" FOLDER, keys), &folder));
    TRY(dir_of(op, keys, slug, &dir));
    TRY(make_dir(op, folder));
    TRY(make_dir(op, dir));
    TRY(sp_dir_sync(op, keys));
    TRY(sp_dir_sync(op, folder));
    return sp_pair_make(op, dir, kind, number);
}

reason sp_own_key_remove(struct op *op, const char *keys, struct slice slug, enum sp_key_kind kind,
                         uint32_t number) {
    const char *dir = NULL;
    TRY(dir_of(op, keys, slug, &dir));
    return sp_pair_remove(op, dir, kind, number);
}

reason sp_own_keys_forget(struct op *op, const char *keys, struct slice slug) {
    const char *dir = NULL;
    TRY(dir_of(op, keys, slug, &dir));
    DIR *list = opendir(dir);
    if (list == NULL) {
        return NULL; // it had none
    }
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        if (strncmp(entry->d_name, "saml-", 5) == 0) {
            (void)unlinkat(dirfd(list), entry->d_name, 0);
        }
    }
    (void)closedir(list);
    if (rmdir(dir) != 0) {
        REFUSE(op, KEY_FILE, "%s cannot be removed: %s", dir, strerror(errno));
    }
    return NULL;
}

// ---- opening ----------------------------------------------------------------------------------

static EVP_PKEY *shared(EVP_PKEY *key) {
    return key != NULL && EVP_PKEY_up_ref(key) == 1 ? key : NULL;
}

// The gate's keys of this kind, as the row says. Their certificates stay the gate's memory.
static void take_gates(struct sp_keys *keys, enum sp_key_kind kind, int state, const struct sp_keys *gates) {
    bool current = state == SP_KEY_CURRENT;
    struct texts published = gates->published[kind];
    for (size_t i = 0; i < published.count && state != SP_KEY_RETIRED; i++) {
        sp_keys_publish(keys, kind, published.at[i]);
    }
    if (kind == SP_SIGNING && current) {
        keys->signing = shared(gates->signing);
        keys->signing_certificate = gates->signing_certificate;
    }
    for (size_t i = 0; kind == SP_ENCRYPTION && i < gates->decryption_count; i++) {
        keys->decryption[keys->decryption_count++] = shared(gates->decryption[i]);
    }
    if (kind == SP_ENCRYPTION && current) {
        keys->encryption = gates->encryption;
        keys->encryption_certificate = gates->encryption_certificate;
    }
}

static reason open_kind(struct op *op, const char *dir, enum sp_key_kind kind,
                        const struct connection *connection, const struct sp_keys *gates,
                        struct sp_keys *keys) {
    struct sp_key_set set = connection_key_set(connection, kind);
    for (size_t i = 0; i < set.count; i++) {
        struct slice certificate;
        EVP_PKEY *key = NULL;
        if (set.rows[i].number == SP_KEY_OF_GATE) {
            take_gates(keys, kind, set.rows[i].state, gates);
            continue;
        }
        TRY(sp_pair_open(op, dir, kind, set.rows[i].number, &certificate, &key));
        sp_keys_take(keys, kind, &set.rows[i], certificate, key);
    }
    return NULL;
}

reason sp_keys_open_own(struct op *op, const char *dir, const struct connection *connection,
                        const struct sp_keys *gates, struct sp_keys **ret_keys) {
    const char *own = NULL;
    TRY(dir_of(op, dir, connection->slug, &own));
    struct sp_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the keys");
    }
    op_open(&keys->op, op->now);
    reason why = NULL;
    for (int kind = 0; kind < SP_KEY_KINDS && why == NULL; kind++) {
        why = open_kind(&keys->op, own, (enum sp_key_kind)kind, connection, gates, keys);
    }
    if (why != NULL) {
        why = op_refuse(op, why, "%.*s", SLICE(keys->op.detail)); // its arena goes now
        sp_keys_close(keys);
        return why;
    }
    *ret_keys = keys;
    return NULL;
}
