// SPDX-License-Identifier: GPL-3.0-or-later
// From bytes to an identity: what a Response goes through, one way, no returning.
//   decode (binding.h) -> canonical bytes (worker) -> verdict (signature, digest) -> read the verified octets
//   -> the rules (rules.def, each a row of the trace) -> struct identity
// What depends on the store (the pending request, the ledger, the user) comes after, in domain/login.
#ifndef GATEHOUSE_SAML_INBOUND_H
#define GATEHOUSE_SAML_INBOUND_H

#include "domain/login.h"
#include "saml/binding.h"
#include "saml/brake.h"
#include "saml/decrypt.h"
#include "saml/pool.h"
#include "saml/reader.h"
#include "saml/sp.h"
#include "saml/trust.h"

struct inbound {
    struct slice xml; // the decoded message
    const struct trust *trust;
    struct slice entity_id, acs_url; // ours
    struct pool *pool;
    const struct sp_keys *keys; // for decryption; NULL: encrypted assertions are refused with encryption.no_key
    struct brake *brake; // counts failed decryptions; NULL: CBC is taken only under a signed Response
};
// The reason of the first failing check in the order of the registry; every check that could be made is in the
// trace, those that could not are there as skipped. trace->verified, issuer, name_id are set as far as known.
MUST_USE reason saml_receive(struct op *op, const struct inbound *inbound, struct trace *trace,
                             struct identity *ret_identity);
// Several at once, at most POOL_TOGETHER_MAX, through one worker in one trip; each has its own answer, as if it were alone.
struct saml_job {
    struct op *op; // each its own
    const struct inbound *inbound; // all of the same pool
    struct trace *trace;
    struct identity *ret_identity; // set when `why` is NULL
    reason why;
};
void saml_receive_many(struct saml_job *jobs, size_t count);
// Whether a message should go alone: the others would wait while it is opened, or while another program is asked about it;
// and what is opened is shown to no worker that has others' messages.
bool saml_goes_alone(const struct inbound *inbound);

// What one verified Response and its Assertion say, before the rules (rules.c reads this).
struct statement {
    struct slice response_id, response_version, destination, response_issuer, response_in_response_to;
    struct slice response_issuer_format;
    struct slice status, sub_status, status_message;
    bool response_signed, assertion_signed;
    bool decrypted;
    struct slice assertion_version, assertion_issuer;
    int64_t issue_instant; // of the assertion; 0: missing or no time
    bool has_conditions;
    struct slice conditions_not_before, conditions_not_on_or_after; // raw; at NULL = absent
    struct rows audiences; // struct texts, one per AudienceRestriction: all must hold, any within one
    struct slice unknown_condition; // local name; at NULL = none
    struct rows confirmations; // struct confirmation
    bool has_authn_statement;
    struct slice authn_instant, session_not_on_or_after;
    const struct sp_keys *keys; // for what is encrypted in it; NULL: encryption.no_key
    struct opening opening;     // of what stands in verified octets
    // Stands on the START of the EncryptedID, when that names the subject and no NameID does; else NULL.
    const struct reader *encrypted_id;
    struct identity identity; // what is collected on the way
};
struct confirmation {
    struct slice method, recipient, not_before, not_on_or_after, in_response_to; // at NULL = absent
    bool has_data;
};

#endif
