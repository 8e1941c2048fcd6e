// SPDX-License-Identifier: GPL-3.0-or-later
// E-mail addresses and domains: what is normalised stays the same when normalised again.
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "domain/tenant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    struct email once;
    struct email twice;
    if (email_normalise(&op, input, &once) == NULL) {
        CHECK(email_normalise(&op, once.whole, &twice) == NULL);
        CHECK(slice_equal(once.whole, twice.whole));
    }
    struct slice domain;
    struct slice again;
    if (domain_normalise(&op, input, &domain) == NULL) {
        CHECK(domain_normalise(&op, domain, &again) == NULL && slice_equal(domain, again));
    }
    op_close(&op);
    return 0;
}
