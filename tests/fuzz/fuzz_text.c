// SPDX-License-Identifier: GPL-3.0-or-later
// Text encodings, URLs and local paths.
#include <stdint.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/text.h"
#include "base/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    struct slice bytes;
    struct uri uri;
    (void)decode_base64(&op, input, true, &bytes);
    (void)decode_base64url(&op, input, &bytes);
    (void)decode_hex(&op, input, &bytes);
    (void)decode_url(&op, input, true, &bytes);
    (void)!uri_parse(&op, input, &uri);
    (void)uri_is_local_path(input);
    (void)text_utf8(input);
    op_close(&op);
    return 0;
}
