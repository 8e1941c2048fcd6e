// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata in the form that a worker gives it, read by the gate's reader. What is imported has a key and a place to
// send people to.
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "saml/idp_metadata.h"

// The worker's part is another target's: these octets are taken as they are.
reason pool_whole(struct op *op, struct pool *pool, struct slice xml, struct msg_whole *ret_message) {
    (void)op, (void)pool;
    *ret_message = (struct msg_whole){.canonical = xml};
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct idp_import found;
    if (idp_from_xml(&op, NULL, input, S(""), &found) == NULL) {
        CHECK(found.idp.entity_id.len > 0 && found.idp.certificates.count > 0 && found.idp.sso.count > 0);
    }
    op_close(&op);
    return 0;
}
