// SPDX-License-Identifier: GPL-3.0-or-later
// Stands in for the workers where a test is about what the gate does with their answers. It defines
// all of pool.h, so the linker does not take the real one out of the archive. It knows only
// documents that are canonical but for an XML declaration, and of those that we signed ourselves it
// finds the one signature.
#ifndef GATEHOUSE_UNIT_NO_POOL_H
#define GATEHOUSE_UNIT_NO_POOL_H

#include "base/unit.h"

#include "saml/pool.h"

struct pool_loan {
    int lent; // for how many jobs it is out
};
static struct pool_loan the_loan;
__attribute__((unused)) static int returned_held = -1; // what the last loan was returned with
static struct msg_canonical
    *next_canonical; // the answer to the next job; NULL: what the message says

reason pool_open(struct op *op, const struct pool_options *options, struct pool **ret_pool) {
    (void)options, (void)ret_pool;
    REFUSE(op, WORKER_FAILED, "there are no workers in this test");
}
void pool_close(struct pool *pool) {
    (void)pool;
}
bool pool_ready(struct pool *pool) {
    (void)pool;
    return true;
}

__attribute__((unused)) static struct slice between(struct slice text, const char *from,
                                                    const char *to) {
    size_t at = slice_find(text, slice_str(from));
    if (at == SIZE_MAX) {
        return S("");
    }
    text = slice_sub(text, at + strlen(from), text.len);
    return slice_sub(text, 0, slice_find(text, slice_str(to)));
}

static void find_signature(struct op *op, struct slice xml, struct msg_canonical *message) {
    size_t start = slice_find(xml, S("<ds:Signature "));
    size_t end = slice_find(xml, S("</ds:Signature>"));
    if (start == SIZE_MAX || end == SIZE_MAX) {
        return;
    }
    end += strlen("</ds:Signature>");
    struct slice info = between(xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    message->signature_count = 1;
    message->signatures[0] = (struct msg_signature){
        .parent = MSG_PARENT_ROOT,
        .parent_id = between(xml, " ID=\"", "\""),
        .signed_info = op_text(op,
                               "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">%.*s"
                               "</ds:SignedInfo>",
                               SLICE(info)),
        .value = between(xml, "<ds:SignatureValue>", "</ds:SignatureValue>"),
        .covered = op_text(op, "%.*s%.*s", SLICE(slice_sub(xml, 0, start)),
                           SLICE(slice_sub(xml, end, xml.len))),
    };
}

void pool_canonicalise(struct pool *pool, struct pool_job *jobs, size_t count) {
    (void)pool;
    for (size_t i = 0; i < count; i++) {
        struct msg_canonical message = {.signature_count = 0};
        find_signature(jobs[i].op, jobs[i].xml, &message);
        jobs[i].message = next_canonical != NULL ? *next_canonical : message;
        jobs[i].loan = &the_loan;
        jobs[i].why = NULL;
        the_loan.lent++;
    }
}
reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                  struct msg_canonical *ret_message) {
    (void)pool;
    (void)loan;
    (void)xml;
    (void)ret_message;
    REFUSE(op, WORKER_FAILED, "no worker here opens anything");
}
reason pool_opinion(struct op *op, struct pool *pool, const struct msg_opinion_ask *ask,
                    struct msg_opinion *ret_opinion) {
    (void)pool, (void)ask, (void)ret_opinion;
    REFUSE(op, WORKER_FAILED, "nobody here gives a second opinion");
}
void pool_return(struct pool *pool, struct pool_loan *loan, bool held) {
    (void)pool;
    if (loan != NULL) {
        loan->lent--;
        returned_held = held;
    }
}

reason pool_whole(struct op *op, struct pool *pool, struct slice xml,
                  struct msg_whole *ret_message) {
    (void)pool;
    if (slice_find(xml, S("<!DOCTYPE")) != SIZE_MAX) {
        REFUSE(op, METADATA_DTD_FORBIDDEN, "a document type declaration");
    }
    if (slice_starts(xml, S("<?xml"))) {
        xml = slice_trim(slice_sub(xml, slice_find(xml, S("?>")) + 2, xml.len));
    }
    struct msg_canonical found = {.signature_count = 0};
    find_signature(op, xml, &found);
    *ret_message = (struct msg_whole){.canonical = xml, .signature = found.signatures[0]};
    return NULL;
}

#endif
