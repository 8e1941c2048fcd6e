// SPDX-License-Identifier: GPL-3.0-or-later
// The conductor. What the worker answers is used for two things only: to refuse, and as the bytes on which a
// verdict is made. Identity comes from octets with a verdict. The worker goes back as soon as the verdicts are there,
// and is thrown away unless every signature held, since then nobody knows who wrote what it has read.
#include "saml/inbound.h"

#include "base/clock.h"
#include "base/text.h"
#include "saml/reader.h"
#include "saml/rules.h"
#include "saml/statement.h"
#include "saml/verdict.h"

#define STATUS_SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"

struct reception {
    struct op *op;
    const struct inbound *inbound;
    const struct policy *policy;
    struct trace *trace;
    struct msg_canonical message;
    bool response_signed, assertion_signed; // with a verdict that holds
    struct slice response, assertion;       // verified octets
};

static void row(struct reception *it, const char *check, enum check_result result,
                struct slice expected, struct slice got) {
    trace_add(it->op, it->trace, check, result, expected, got);
}

static reason refused(struct reception *it, const char *check, reason why, struct slice expected,
                      struct slice got) {
    row(it, check, CHECK_FAIL, expected, got);
    return op_refuse(it->op, why, "%s: expected \"%.*s\", got \"%.*s\"", check, SLICE(expected),
                     SLICE(got));
}

// ---- structure -------------------------------------------------------------------------------------------

// An error answer: the IdP says why it signs nobody in, and sends no assertion.
static bool is_error_answer(const struct msg_envelope *envelope) {
    return envelope->assertions + envelope->encrypted == 0 && envelope->status.len > 0 &&
           !slice_equal(envelope->status, S(STATUS_SUCCESS));
}

static reason check_structure(struct reception *it) {
    const struct msg_envelope *envelope = &it->message.envelope;
    if (text_utf8(envelope->issuer)) {
        it->trace->issuer = envelope->issuer;
    }
    if (!slice_equal(envelope->name, S("Response"))) {
        return refused(it, "structure", REASON_OF(SAML_MALFORMED), S("Response"), envelope->name);
    }
    if (envelope->misplaced > 0) {
        return refused(it, "structure", REASON_OF(SIGNATURE_MISPLACED),
                       S("signatures of the Response and of its Assertion only"),
                       op_text(it->op, "%u elsewhere", envelope->misplaced));
    }
    uint64_t count = (uint64_t)envelope->assertions + envelope->encrypted;
    struct slice got = op_text(it->op, "%u Assertion, %u EncryptedAssertion", envelope->assertions,
                               envelope->encrypted);
    if (count != 1 && !is_error_answer(envelope)) {
        return refused(it, "structure", REASON_OF(ASSERTION_COUNT), S("one Assertion"), got);
    }
    row(it, "structure", CHECK_PASS, S("one Assertion"), got);
    return NULL;
}

// ---- signatures ------------------------------------------------------------------------------------------

static reason check_signer(struct reception *it) {
    if (it->inbound->trust->connection.idp.entity_id.len == 0) {
        return refused(it, "issuer_known", REASON_OF(RESPONSE_ISSUER_UNKNOWN),
                       S("an identity provider is set up"), it->message.envelope.issuer);
    }
    return NULL;
}

static void tell_weakness(struct reception *it, const struct verdict *verdict) {
    char end[CLOCK_TEXT];
    if (verdict->weak) {
        row(it, "warning_sha1", CHECK_PASS, S("SHA-256 or longer"), S("SHA-1, allowed by the policy"));
    }
    if (verdict->key->not_after != 0 && verdict->key->not_after <= it->op->now) {
        struct slice got = op_text(it->op, "expired at %.*s",
                                   SLICE(clock_print(verdict->key->not_after, end)));
        row(it, "warning_certificate", CHECK_PASS, S("a certificate that has not expired"), got);
    }
}

static reason verify_one(struct reception *it, const struct msg_signature *signature) {
    bool root = signature->parent == MSG_PARENT_ROOT;
    const char *check = root ? "response_signature" : "assertion_signature";
    bool *done = root ? &it->response_signed : &it->assertion_signed;
    if (*done) {
        return refused(it, check, REASON_OF(SIGNATURE_MISPLACED), S("one signature"), S("two signatures"));
    }
    struct verdict verdict;
    struct finding finding;
    reason why = verdict_explained(it->op, it->inbound->trust, it->inbound->xml, signature,
                                   root ? NS_SAMLP : NS_SAML, root ? "Response" : "Assertion", &finding,
                                   &verdict);
    row(it, check, why == NULL ? CHECK_PASS : CHECK_FAIL, finding.expected, finding.got);
    TRY(why);
    tell_weakness(it, &verdict);
    *(root ? &it->response : &it->assertion) = verdict.octets;
    *done = true;
    return NULL;
}

static reason check_wanted(struct reception *it) {
    static const char *const wanted[] = {
        [WANT_ASSERTION] = "assertion", [WANT_RESPONSE] = "response",
        [WANT_EITHER] = "response or assertion", [WANT_BOTH] = "response and assertion"};
    bool response = it->response_signed;
    bool assertion = it->assertion_signed;
    bool enough = false;
    struct slice expected = S("");
    switch ((enum want)it->policy->want) {
    case WANT_ASSERTION:
        enough = assertion;
        break;
    case WANT_RESPONSE:
        enough = response;
        break;
    case WANT_EITHER:
        enough = response || assertion;
        break;
    case WANT_BOTH:
        enough = response && assertion;
        break;
    }
    if (it->policy->want >= 0 && it->policy->want <= WANT_BOTH) {
        expected = slice_str(wanted[it->policy->want]);
    }
    struct slice got = response && assertion ? S("response and assertion")
                       : response            ? S("response")
                       : assertion           ? S("assertion")
                                             : S("nothing");
    // A policy of a number that is none of these wants what nothing gives.
    if (!enough) {
        return refused(it, "signed", REASON_OF(SIGNATURE_MISSING), expected, got);
    }
    row(it, "signed", CHECK_PASS, expected, got);
    return NULL;
}

static reason verify_signatures(struct reception *it) {
    const struct msg_canonical *message = &it->message;
    for (uint32_t i = 0; i < message->signature_count && i < MSG_SIGNATURES_MAX; i++) {
        uint32_t parent = message->signatures[i].parent;
        if (parent != MSG_PARENT_ROOT && parent != MSG_PARENT_ASSERTION) {
            return refused(it, "structure", REASON_OF(SIGNATURE_MISPLACED),
                           S("signatures of the Response and of its Assertion only"), S("another one"));
        }
        TRY(verify_one(it, &message->signatures[i]));
    }
    return NULL;
}

// ---- reading ---------------------------------------------------------------------------------------------

// What nobody signed: it may refuse the login, never admit it.
static void take_envelope(const struct reception *it, struct statement *statement) {
    const struct msg_envelope *envelope = &it->message.envelope;
    statement->response_id = envelope->id;
    statement->response_version = envelope->version;
    statement->destination = envelope->destination;
    statement->response_issuer = envelope->issuer;
    statement->response_in_response_to = envelope->in_response_to;
    statement->status = envelope->status;
    statement->sub_status = envelope->sub_status;
    statement->status_message = envelope->status_message;
    statement->identity.response_id = envelope->id;
}

static reason refuse_status(struct reception *it, const struct statement *statement) {
    return refused(it, "status", REASON_OF(RESPONSE_STATUS), S(STATUS_SUCCESS),
                   rules_status_text(it->op, statement));
}

// Both signatures hold, each over octets of its own: is the signed Assertion the one in the signed Response?
static reason check_pair(struct reception *it, const struct response_parts *parts,
                         const struct statement *statement) {
    if (parts->assertion_has_signature && !it->assertion_signed) {
        return refused(it, "assertion_signature", REASON_OF(SIGNATURE_MISSING),
                       S("the assertion's signature"), S("none that could be verified"));
    }
    if (it->assertion_signed &&
        (!parts->assertion_has_signature ||
         !slice_equal(parts->assertion_id, statement->identity.assertion_id))) {
        return refused(it, "assertion_signature", REASON_OF(SIGNATURE_MISPLACED), parts->assertion_id,
                       statement->identity.assertion_id);
    }
    return NULL;
}

static reason read_response(struct reception *it, struct statement *statement) {
    struct response_parts parts;
    TRY(statement_response(it->op, it->response, it->assertion_signed, statement, &parts));
    if (parts.assertions + parts.encrypted == 0 && statement->status.len > 0 &&
        !slice_equal(statement->status, S(STATUS_SUCCESS))) {
        return refuse_status(it, statement);
    }
    if (parts.assertions + parts.encrypted != 1) {
        return refused(it, "structure", REASON_OF(ASSERTION_COUNT), S("one Assertion"),
                       op_text(it->op, "%zu Assertion, %zu EncryptedAssertion", parts.assertions,
                               parts.encrypted));
    }
    if (it->assertion_signed) {
        TRY(statement_assertion(it->op, it->assertion, statement));
    }
    return check_pair(it, &parts, statement);
}

static reason read_statement(struct reception *it, struct statement *statement) {
    statement->response_signed = it->response_signed;
    statement->assertion_signed = it->assertion_signed;
    if (it->response_signed) {
        return read_response(it, statement);
    }
    take_envelope(it, statement);
    return statement_assertion(it->op, it->assertion, statement);
}

// ---- the way ---------------------------------------------------------------------------------------------

// Nothing here opens an EncryptedAssertion, so one is refused as written for a key that is not ours.
static reason check_encryption(struct reception *it) {
    if (it->message.envelope.encrypted > 0) {
        return refused(it, "encryption", REASON_OF(ENCRYPTION_NO_KEY), S("an assertion in plain text"),
                       S("EncryptedAssertion"));
    }
    if (it->policy->want_encrypted) {
        return refused(it, "encryption", REASON_OF(ENCRYPTION_REQUIRED), S("EncryptedAssertion"),
                       S("Assertion"));
    }
    return NULL;
}

static reason check_second_opinion(struct reception *it) {
    if (it->policy->second_opinion) {
        return refused(it, "second_opinion", REASON_OF(ASSERTION_SECOND_OPINION), S("a second opinion"),
                       S("there is no second implementation in this gate"));
    }
    return NULL;
}

// An answer without assertion ends here, also when a worker only says that it is one.
static reason refuse_error_answer(struct reception *it) {
    struct statement statement = {.response_signed = it->response_signed};
    it->trace->verified = it->response_signed;
    if (it->response_signed) {
        TRY(read_response(it, &statement));
        return refused(it, "structure", REASON_OF(WORKER_FAILED), S("what is signed"),
                       S("a worker that says otherwise"));
    }
    take_envelope(it, &statement);
    return refuse_status(it, &statement);
}

// Up to the verdicts: all that needs the worker.
static reason establish(struct reception *it) {
    TRY(check_structure(it));
    TRY(check_signer(it));
    TRY(verify_signatures(it));
    if (is_error_answer(&it->message.envelope)) {
        return refuse_error_answer(it);
    }
    if (it->message.envelope.encrypted > 0) {
        it->trace->verified = it->response_signed;
        return check_encryption(it);
    }
    TRY(check_wanted(it));
    it->trace->verified = true;
    return NULL;
}

static reason receive(struct reception *it, struct statement *statement) {
    TRY(check_encryption(it));
    TRY(check_second_opinion(it));
    TRY(read_statement(it, statement));
    it->trace->issuer = statement->assertion_issuer;
    it->trace->name_id = statement->identity.name_id;
    return NULL;
}

reason saml_receive(struct op *op, const struct inbound *inbound, struct trace *trace,
                    struct identity *ret_identity) {
    struct reception it = {.op = op, .inbound = inbound, .policy = &inbound->trust->connection.policy,
                           .trace = trace};
    struct statement statement = {.issue_instant = 0};
    struct pool_loan *loan = NULL;
    reason why = pool_canonicalise(op, inbound->pool, inbound->xml, &it.message, &loan);
    if (why != NULL) {
        trace_add(op, trace, "structure", CHECK_FAIL, S("a SAML response"), op->detail);
    } else {
        why = establish(&it);
        pool_return(inbound->pool, loan, trace->verified);
    }
    if (why == NULL) {
        why = receive(&it, &statement);
    }
    if (why != NULL) {
        rules_skip(op, trace);
        return why;
    }
    TRY(rules_check(op, inbound, &statement, trace));
    *ret_identity = statement.identity;
    return NULL;
}
