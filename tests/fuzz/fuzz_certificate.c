// SPDX-License-Identifier: GPL-3.0-or-later
// What support staff paste as a certificate.
#include <stdint.h>
#include <stdlib.h>

#include "saml/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    struct rows certificates;
    (void)!certificate_read(&op, input, &certificates);
    op_close(&op);
    return 0;
}
