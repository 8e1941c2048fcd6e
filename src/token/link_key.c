// SPDX-License-Identifier: GPL-3.0-or-later
// One key, never rolled over in place: another file makes every link that is on its way useless,
// and that is what it is replaced for.
#include "token/link_key.h"

#include <stdlib.h>

#include "token/key_file.h"

#define NAME "link.key"

reason link_key_make(struct op *op, const char *dir) {
    return key_file_make(op, dir, NAME);
}

reason link_key_open(struct op *op, const char *dir, struct ticket_key **ret_key) {
    struct ticket_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a key");
    }
    reason why = key_file_read(op, dir, NAME, "the links that were sent work no more", key->bytes);
    if (why != NULL) {
        link_key_close(key);
        return why;
    }
    *ret_key = key;
    return NULL;
}

void link_key_close(struct ticket_key *key) {
    if (key != NULL) {
        explicit_bzero(key, sizeof *key);
        free(key);
    }
}
