// SPDX-License-Identifier: GPL-3.0-or-later
// The form at the assertion consumer.
#include <stdint.h>
#include <stdlib.h>

#include "saml/binding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    struct post_form form;
    (void)!binding_post(&op, input, &form);
    op_close(&op);
    return 0;
}
