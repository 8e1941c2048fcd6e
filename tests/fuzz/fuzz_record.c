// SPDX-License-Identifier: GPL-3.0-or-later
// Stored records: bytes of a damaged disk are refused, never misread.
#include <stdint.h>
#include <stdlib.h>

#include "domain/connection.h"
#include "domain/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    struct connection connection;
    struct membership membership;
    (void)!record_get(&op, &connection_fields, input, &connection);
    (void)!record_get(&op, &membership_fields, input, &membership);
    op_close(&op);
    return 0;
}
