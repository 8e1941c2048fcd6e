// SPDX-License-Identifier: GPL-3.0-or-later
// Verified octets, as an identity provider could have signed them: Responses and Assertions.
#include <stdint.h>
#include <stdlib.h>

#include "fuzz_keys.h"
#include "saml/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct response_parts parts;
    for (int outline = 0; outline < 2; outline++) {
        struct statement statement = {.issue_instant = 0};
        (void)!statement_response(&op, input, outline == 1, &statement, &parts);
    }
    struct statement statement = {.issue_instant = 0};
    struct statement keyed = {.keys = fuzz_sp_keys(), .opening = decrypt_opening(true, true)};
    (void)!statement_assertion(&op, input, NULL, &keyed);
    if (statement_assertion(&op, input, NULL, &statement) == NULL) {
        CHECK(statement.identity.assertion_id.len > 0 && statement.issue_instant != 0);
        CHECK(statement.identity.attributes.count <= IDENTITY_ATTRIBUTES_MAX);
    }
    op_close(&op);
    return 0;
}
