// SPDX-License-Identifier: GPL-3.0-or-later
// What was checked in one login, check by check, expected and got.
#ifndef GATEHOUSE_DOMAIN_TRACE_H
#define GATEHOUSE_DOMAIN_TRACE_H

#include "base/clock.h"
#include "domain/audit.h"

#define TRACE_CHECKS_MAX 64
#define TRACE_VALUE_MAX 512 // bytes of an expected or got; longer ones are cut with "..."
#define TRACE_KEEP (30 * DAY_MS)

enum check_result { CHECK_PASS, CHECK_FAIL, CHECK_SKIP };
extern const char *const check_result_names[]; // "pass" "fail" "skip"
struct trace_check {
    struct slice check; // name of the check: "signature", "audience" ...
    int result;
    struct slice expected, got;
};
struct trace {
    struct slice id; // "trc_" ULID
    int64_t time;
    struct slice connection, tenant;
    bool accepted;
    struct slice reason, detail, hint; // slug; text; where to change it
    struct slice name_id, email, user_id;
    struct rows checks;          // struct trace_check, room for TRACE_CHECKS_MAX
    struct slice issuer;         // as the message says, also when nothing was verified
    struct slice request, address;
    bool verified;               // a signature held: a refusal is stored durably, not only kept in the ring
};
extern const struct field_table trace_fields, trace_check_fields;

// Takes room for the checks and makes the id.
MUST_USE reason trace_open(struct op *op, struct slice connection, struct slice tenant,
                           struct trace *ret_trace);
void trace_add(struct op *op, struct trace *trace, const char *check, enum check_result result,
               struct slice expected, struct slice got);
// Sets accepted, reason, detail (op->detail) and hint. why NULL: accepted.
void trace_close(struct op *op, struct trace *trace, reason why);
// Where to change what made the refusal: for the vendor that the issuer or SSO address shows (Okta, Entra ID,
// ADFS, Google, Keycloak, Shibboleth) or in general. Names the values in the trace.
struct slice trace_hint(struct op *op, reason why, struct slice idp_entity_id, const struct trace *trace);

MUST_USE reason trace_put(struct op *op, struct txn *txn, const struct trace *trace);
MUST_USE reason trace_find(struct op *op, struct txn *txn, struct slice id, struct trace *ret_trace);
struct trace_filter {
    struct slice reason, user; // slug or "accepted"; user id, e-mail or NameID
};
// Whether a filter shows this trace.
bool trace_shows(const struct trace_filter *filter, const struct trace *trace);
// Newest first.
MUST_USE reason trace_list(struct op *op, struct txn *txn, struct slice tenant,
                           const struct trace_filter *filter, struct page page,
                           struct rows *ret_traces, struct slice *ret_next);

// Refusals before a valid signature: counted, and the newest kept in memory, a bounded number per
// connection, without the store. Thread-safe.
#define RING_EACH 32
#define RING_CONNECTIONS 1024
struct ring;
struct ring *ring_open(void); // NULL: no memory
void ring_close(struct ring *ring);
void ring_put(struct ring *ring, struct op *op, const struct trace *trace);
MUST_USE reason ring_find(struct ring *ring, struct op *op, struct slice id, struct trace *ret_trace,
                          bool *ret_found);
MUST_USE reason ring_list(struct ring *ring, struct op *op, struct slice tenant,
                          const struct trace_filter *filter, struct rows *ret_traces); // newest first

#endif
