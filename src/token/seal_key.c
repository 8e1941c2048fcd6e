// SPDX-License-Identifier: GPL-3.0-or-later
// One key, never rolled over in place: with another one nothing opens that was sealed, and whoever has a second factor
// needs a new one.
#include "token/seal_key.h"

#include <stdlib.h>

#include "token/key_file.h"

#define NAME "seal.key"

reason seal_key_make(struct op *op, const char *dir) {
    return key_file_make(op, dir, NAME);
}

reason seal_key_open(struct op *op, const char *dir, struct seal_key **ret_key) {
    struct seal_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a key");
    }
    reason why = key_file_read(op, dir, NAME, "second factors have to be set up anew", key->bytes);
    if (why != NULL) {
        seal_key_close(key);
        return why;
    }
    *ret_key = key;
    return NULL;
}

void seal_key_close(struct seal_key *key) {
    if (key != NULL) {
        explicit_bzero(key, sizeof *key);
        free(key);
    }
}
