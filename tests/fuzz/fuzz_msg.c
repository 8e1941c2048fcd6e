// SPDX-License-Identifier: GPL-3.0-or-later
// What a worker that was taken over may answer.
#include <stdint.h>
#include <stdlib.h>

#include "saml/msg.h"
#include "base/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data, size);
    struct msg_canonical canonical;
    struct msg_whole whole;
    struct msg_opinion opinion;
    struct msg_opinion_ask ask;
    struct wire_head head;
    struct slice text;
    reason why = NULL;
    (void)msg_get_canonical(input, &canonical);
    (void)msg_get_whole(input, &whole);
    (void)msg_get_refused(input, &why, &text);
    (void)msg_get_ask(input, &text);
    (void)msg_get_opinion(input, &opinion);
    (void)msg_get_opinion_ask(input, &ask);
    if (size >= WIRE_HEAD) {
        (void)wire_head(data, &head);
    }
    op_close(&op);
    return 0;
}
