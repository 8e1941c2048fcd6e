// SPDX-License-Identifier: GPL-3.0-or-later
// SignedInfo, which is read as untrusted text. What is taken has one Reference, a method and a digest that fit.
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "saml/signed_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct signed_info info;
    struct finding finding = {S(""), S("")};
    for (int sha1 = 0; sha1 < 2; sha1++) {
        if (signed_info_read(&op, input, sha1 == 1, &finding, &info) == NULL) {
            CHECK(info.method != NULL && info.id.len > 0 && info.digest < DIGEST_KINDS);
            CHECK(info.digest_value.len > 0 && info.digest_value.len <= DIGEST_BYTES_MAX);
            CHECK(sha1 == 1 || (info.digest != DIGEST_SHA1 && info.method->digest != DIGEST_SHA1));
        }
    }
    op_close(&op);
    return 0;
}
