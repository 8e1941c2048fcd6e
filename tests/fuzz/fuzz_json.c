// SPDX-License-Identifier: GPL-3.0-or-later
// JSON bodies through the field tables of the API.
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "domain/connection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    const struct json *root = NULL;
    struct slice text;
    if (json_parse(&op, input, &root) == NULL) {
        struct policy policy = policy_default();
        struct mapping mapping = {.mode = 0};
        (void)!json_to_fields(&op, &policy_fields, root, S(""), &policy);
        (void)!json_to_fields(&op, &mapping_fields, root, S(""), &mapping);
        (void)!json_print(&op, root, true, &text);
    }
    op_close(&op);
    return 0;
}
