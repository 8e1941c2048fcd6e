// SPDX-License-Identifier: GPL-3.0-or-later
// Bearer tokens. Nobody here holds the key, so none is taken.
#include <stdint.h>
#include <stdlib.h>

#include "fuzz_keys.h"
#include "token/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct keyring *keyring;
    if (keyring == NULL) {
        struct op start;
        op_open(&start, FUZZ_NOW);
        const char *dir = fuzz_dir();
        CHECK(keyring_make(&start, dir) == NULL && keyring_open(&start, dir, &keyring) == NULL);
        op_close(&start);
    }
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct claims claims;
    CHECK(token_check(&op, keyring, S("https://gate.example"), input, &claims) != NULL);
    op_close(&op);
    return 0;
}
