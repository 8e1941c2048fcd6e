// SPDX-License-Identifier: GPL-3.0-or-later
// An EncryptedAssertion in canonical octets, opened with a key that was made at the start.
#include <stdint.h>
#include <stdlib.h>

#include "fuzz_keys.h"
#include "saml/decrypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct sp_keys *keys = fuzz_sp_keys();
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct reader reader;
    reader_open(&reader, input);
    if (reader_next(&reader) == READER_START) {
        struct decrypted decrypted;
        for (int how = 0; how < 4; how++) {
            struct opening opening = decrypt_opening((how & 1) != 0, (how & 2) != 0);
            (void)!decrypt_element(&op, keys, &reader, "EncryptedAssertion", &opening, &decrypted);
            CHECK(opening.left <= DECRYPT_UNWRAPS_MAX);
        }
        struct opening opening = decrypt_opening(true, true);
        CHECK(decrypt_element(&op, NULL, &reader, "EncryptedAssertion", &opening, &decrypted) != NULL);
    }
    op_close(&op);
    return 0;
}
