// SPDX-License-Identifier: GPL-3.0-or-later
// The gate's XML reader: never past the end, never more depth than it says, whatever the bytes.
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "saml/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    struct reader reader;
    reader_open(&reader, input);
    for (;;) {
        enum reader_event event = reader_next(&reader);
        if (event == READER_DONE || event == READER_BROKEN) {
            break;
        }
        CHECK(reader.depth <= READER_DEPTH_MAX && reader.attribute_count <= READER_ATTRIBUTES_MAX);
        struct slice text;
        if (event == READER_TEXT) {
            (void)!reader_decode(&op, reader.text, &text);
        }
        if (event == READER_START) {
            (void)!reader_attribute(&op, &reader, "ID", &text);
        }
    }
    op_close(&op);
    return 0;
}
