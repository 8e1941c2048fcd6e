// SPDX-License-Identifier: GPL-3.0-or-later
// An EncryptedAssertion in canonical octets, opened with a key that was made at the start.
#include <stdint.h>
#include <stdlib.h>

#include "fuzz_keys.h"
#include "saml/decrypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct sp_keys *keys;
    if (keys == NULL) {
        struct op start;
        op_open(&start, FUZZ_NOW);
        const char *dir = fuzz_dir();
        CHECK(sp_keys_make(&start, dir) == NULL && sp_keys_open(&start, dir, &keys) == NULL);
        op_close(&start);
    }
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct reader reader = reader_open(input);
    if (reader_next(&reader) == READER_START) {
        struct decrypted decrypted;
        for (int cbc = 0; cbc < 2; cbc++) {
            (void)!decrypt_element(&op, keys, &reader, "EncryptedAssertion", cbc == 1, &decrypted);
        }
        CHECK(decrypt_element(&op, NULL, &reader, "EncryptedAssertion", true, &decrypted) != NULL);
    }
    op_close(&op);
    return 0;
}
