// SPDX-License-Identifier: GPL-3.0-or-later
// A signed query string of the Redirect binding, down to the verdict over its raw octets. Nobody here holds the
// key, so nothing verifies.
#include <stdint.h>
#include <stdlib.h>

#include "fuzz_keys.h"
#include "saml/binding.h"
#include "saml/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct trust *trust;
    if (trust == NULL) {
        trust = fuzz_trust();
    }
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct query_message message;
    if (binding_query(&op, input, &message) == NULL) {
        CHECK(verdict_octets(&op, trust, message.algorithm, message.signed_octets, message.signature) != NULL);
    }
    op_close(&op);
    return 0;
}
