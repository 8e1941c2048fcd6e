// SPDX-License-Identifier: GPL-3.0-or-later
// What a worker gets from strangers: XML of any kind, in the very code that its jail holds. What it answers is
// whole: no empty octets, never more signatures than the gate looks at, each time the same.
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "worker/canonicalise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    if (!ready) {
        xml_init();
        ready = true;
    }
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    op.arena.ceiling = XML_ARENA_CEILING;
    struct msg_canonical message;
    struct msg_canonical again;
    struct msg_whole whole;
    if (canonicalise_message(&op, input, &message) == NULL) {
        CHECK(message.signature_count <= MSG_SIGNATURES_MAX && message.encrypted_count <= MSG_ENCRYPTED_MAX);
        CHECK(canonicalise_message(&op, input, &again) == NULL);
        for (uint32_t i = 0; i < message.signature_count; i++) {
            const struct msg_signature *signature = &message.signatures[i];
            CHECK(signature->covered.len > 0 && signature->signed_info.len > 0 && signature->value.len > 0);
            CHECK(slice_equal(signature->covered, again.signatures[i].covered));
        }
    }
    if (canonicalise_whole(&op, input, &whole) == NULL) {
        CHECK(whole.canonical.len > 0);
    }
    op_close(&op);
    return 0;
}
