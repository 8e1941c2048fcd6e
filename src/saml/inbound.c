// SPDX-License-Identifier: GPL-3.0-or-later
// The conductor. What the worker answers is used for two things only: to refuse, and as the bytes on which a
// verdict is made. Identity comes from octets with a verdict. The worker goes back as soon as the verdicts are there,
// and is thrown away unless every signature held, since then nobody knows who wrote what it has read.
#include "saml/inbound.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "saml/opinion.h"
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
    struct pool_loan *loan; // the worker, until the verdicts are there
    struct slice xml; // the message whose signatures are verified: what came, or what was decrypted
    bool response_signed, assertion_signed; // with a verdict that holds
    bool decrypted; // `assertion` was encrypted
    size_t unwraps_left; // for what is encrypted inside
    bool inside;          // ... and its text needs what is declared at `around`, where it was
    struct reader *around;
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

// The keys are those of a document that said until when it counts (metadata interoperability profile 2.6).
static reason check_metadata(struct reception *it) {
    int64_t until = it->inbound->trust->connection.idp.valid_until;
    char text[CLOCK_TEXT];
    char now[CLOCK_TEXT];
    if (until == 0) {
        return NULL;
    }
    struct slice expected = op_text(it->op, "metadata that is valid until %.*s",
                                    SLICE(clock_print(until, text)));
    if (trust_expired(it->inbound->trust, it->op->now)) {
        return refused(it, "metadata_valid_until", REASON_OF(SIGNATURE_UNKNOWN_SIGNER), expected,
                       op_text(it->op, "%.*s: it has expired, import the current one",
                               SLICE(clock_print(it->op->now, now))));
    }
    row(it, "metadata_valid_until", CHECK_PASS, expected, clock_print(it->op->now, now));
    return NULL;
}

static reason check_signer(struct reception *it) {
    if (it->inbound->trust->connection.idp.entity_id.len == 0) {
        return refused(it, "issuer_known", REASON_OF(RESPONSE_ISSUER_UNKNOWN),
                       S("an identity provider is set up"), it->message.envelope.issuer);
    }
    return check_metadata(it);
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
    reason why = verdict_explained(it->op, it->inbound->trust, it->xml, signature,
                                   root ? NS_SAMLP : NS_SAML, root ? "Response" : "Assertion", &finding,
                                   &verdict);
    if (why != NULL && finding.expected.len + finding.got.len == 0) {
        finding.got = it->op->detail; // a fault of form: there are no two values to compare
    }
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
        // Of an Assertion that is there in the clear: beside an encrypted one it would count for what comes out of that.
        if (parent == MSG_PARENT_ASSERTION && message->envelope.assertions != 1) {
            return refused(it, "structure", REASON_OF(SIGNATURE_MISPLACED), S("a signature of the one Assertion"),
                           S("one of an Assertion that is not there"));
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
    bool apart = it->assertion_signed || it->decrypted; // the Assertion has octets of its own
    TRY(statement_response(it->op, it->response, apart, statement, &parts));
    if (parts.assertions + parts.encrypted == 0 && statement->status.len > 0 &&
        !slice_equal(statement->status, S(STATUS_SUCCESS))) {
        return refuse_status(it, statement);
    }
    if (parts.assertions + parts.encrypted != 1) {
        return refused(it, "structure", REASON_OF(ASSERTION_COUNT), S("one Assertion"),
                       op_text(it->op, "%zu Assertion, %zu EncryptedAssertion", parts.assertions,
                               parts.encrypted));
    }
    // A worker that hides what kind of child it is must not leave us with nothing read.
    if (parts.encrypted != (it->decrypted ? 1 : 0)) {
        return refused(it, "structure", REASON_OF(ASSERTION_COUNT), S("what is signed"),
                       S("a worker that says otherwise"));
    }
    if (apart) {
        TRY(statement_assertion(it->op, it->assertion, it->inside ? it->around : NULL, statement));
    }
    return it->decrypted ? NULL : check_pair(it, &parts, statement);
}

static reason read_statement(struct reception *it, struct statement *statement) {
    statement->response_signed = it->response_signed;
    statement->assertion_signed = it->assertion_signed;
    statement->decrypted = it->decrypted;
    if (it->response_signed) {
        return read_response(it, statement);
    }
    take_envelope(it, statement);
    return statement_assertion(it->op, it->assertion, NULL, statement);
}

// ---- encryption ------------------------------------------------------------------------------------------

// Where the ciphertext is read from: verified octets when there are any.
static reason find_encrypted(struct reception *it, struct reader *ret_reader) {
    struct slice octets = it->response_signed ? it->response : it->message.encrypted[0];
    size_t depth = it->response_signed ? 2 : 1;
    reader_open(ret_reader, octets);
    for (;;) {
        enum reader_event event = reader_next(ret_reader);
        if (event == READER_DONE || event == READER_BROKEN) {
            REFUSE(it->op, ENCRYPTION_FAILED, "there is no EncryptedAssertion where one should be");
        }
        if (event == READER_START && ret_reader->depth == depth &&
            reader_at(ret_reader, NS_SAML, "EncryptedAssertion")) {
            return NULL;
        }
    }
}

// Text without what XML may add to base64: white space, and carriage returns as references.
static reason squeeze(struct op *op, struct slice text, struct slice *ret_text) {
    char *to = NULL;
    size_t len = 0;
    TRY(op_take(op, text.len + 1, &to));
    for (size_t i = 0; i < text.len; i++) {
        struct slice rest = slice_sub(text, i, text.len);
        if (slice_starts(rest, S("&#13;")) || slice_starts(rest, S("&#xD;")) ||
            slice_starts(rest, S("&#xd;"))) {
            i += 4;
        } else if (memchr(" \t\r\n", text.at[i], 4) == NULL) {
            to[len++] = text.at[i];
        }
    }
    *ret_text = slice_of(to, len);
    return NULL;
}

// Nobody signed it: then at least it must be of this very message, and not one that a worker kept from another.
static reason check_origin(struct reception *it, struct slice cipher) {
    struct slice message;
    struct slice value;
    TRY(squeeze(it->op, it->inbound->xml, &message));
    TRY(squeeze(it->op, cipher, &value));
    if (slice_find(message, value) == SIZE_MAX) {
        REFUSE(it->op, ENCRYPTION_FAILED, "the ciphertext does not occur in the message");
    }
    return NULL;
}

// Does the plaintext carry a signature of its own? *ret_readable false: it is not the XML that the gate reads itself.
// `around`: with what is declared there; NULL: standing alone.
static bool has_signature(struct slice plain, const struct reader *around, bool *ret_readable) {
    struct reader reader;
    if (around != NULL) {
        reader_open_inside(&reader, plain, around);
    } else {
        reader_open(&reader, plain);
    }
    bool found = false;
    enum reader_event event = READER_START;
    while (event != READER_DONE && event != READER_BROKEN) {
        event = reader_next(&reader);
        found = found || (event == READER_START && reader.depth == 2 &&
                          reader_at(&reader, NS_DS, "Signature"));
    }
    *ret_readable = event == READER_DONE;
    return found;
}

// A signed Assertion has to be canonicalised, so a worker gets it, in a root of ours.
static reason verify_plain(struct reception *it, struct slice plain, const struct reader *around) {
    struct op *op = it->op;
    struct msg_canonical inner;
    TRY(opinion_wrap(op, it->inbound->trust, plain, around, &it->xml));
    TRY(pool_again(op, it->inbound->pool, it->loan, it->xml, &inner));
    const struct msg_envelope *envelope = &inner.envelope;
    reason why = NULL;
    if (envelope->assertions != 1 || envelope->encrypted != 0 || inner.signature_count > 1 ||
        envelope->misplaced > 0) {
        why = op_refuse(op, REASON_OF(ENCRYPTION_FAILED), "one Assertion was expected in the plaintext");
    } else if (inner.signature_count == 1) {
        bool root = inner.signatures[0].parent != MSG_PARENT_ASSERTION;
        why = root ? op_refuse(op, REASON_OF(SIGNATURE_MISPLACED), "the signature is not the Assertion's")
                   : verify_one(it, &inner.signatures[0]);
    }
    return why;
}

static reason take_plain(struct reception *it, const struct decrypted *decrypted) {
    bool alone = false;
    bool own = has_signature(decrypted->plain, NULL, &alone);
    bool readable = alone;
    if (!alone) { // then it may use prefixes that are declared outside
        own = has_signature(decrypted->plain, it->around, &readable);
    }
    if (own || !readable || !it->response_signed) {
        TRY(verify_plain(it, decrypted->plain, alone ? NULL : it->around));
        if (!it->assertion_signed) {
            REFUSE(it->op, SIGNATURE_MISSING, "no signature of the decrypted Assertion could be verified");
        }
    } else {
        it->assertion = decrypted->plain; // covered by the Response's signature, and read by our own reader
        it->inside = !alone;
    }
    it->decrypted = true;
    return NULL;
}

static reason decrypt(struct reception *it) {
    struct decrypted decrypted;
    struct brake *brake = it->inbound->brake;
    bool cbc = it->response_signed || (it->policy->allow_cbc && brake != NULL &&
                                       !brake_is_on(brake, it->inbound->trust->connection.slug));
    TRY(op_take(it->op, sizeof *it->around, &it->around));
    TRY(find_encrypted(it, it->around));
    struct opening opening = decrypt_opening(cbc, it->response_signed);
    TRY(decrypt_element(it->op, it->inbound->keys, it->around, "EncryptedAssertion", &opening, &decrypted));
    it->unwraps_left = opening.left;
    if (!it->response_signed) {
        TRY(check_origin(it, decrypted.cipher));
    }
    return take_plain(it, &decrypted);
}

// Until a signature holds, whoever sends us ciphertext learns one thing only: it failed.
static reason open_encrypted(struct reception *it) {
    reason why = decrypt(it);
    if (why != NULL && !it->response_signed && why != REASON_OF(ENCRYPTION_ALGORITHM) &&
        why != REASON_OF(ENCRYPTION_NO_KEY) && why->class == CLASS_LOGIN) {
        if (it->inbound->brake != NULL) {
            brake_failed(it->inbound->brake, it->inbound->trust->connection.slug);
        }
        why = op_refuse(it->op, REASON_OF(ENCRYPTION_FAILED),
                        "the EncryptedAssertion cannot be opened with our key, or what is in it does not hold");
    }
    row(it, "decryption", why == NULL ? CHECK_PASS : CHECK_FAIL, S("an assertion encrypted for our key"),
        why == NULL ? S("decrypted") : it->op->detail);
    return why;
}

// ---- the way ---------------------------------------------------------------------------------------------

static reason check_encryption(struct reception *it) {
    if (it->policy->want_encrypted && !it->decrypted) {
        return refused(it, "encryption", REASON_OF(ENCRYPTION_REQUIRED), S("EncryptedAssertion"),
                       S("Assertion"));
    }
    return NULL;
}

// Last, so that only what we accept ourselves costs one, and so that it can only refuse.
static reason check_second_opinion(struct reception *it, const struct identity *identity) {
    struct slice expected = S("accepted");
    struct slice got = SLICE_NONE;
    if (it->decrypted && !it->assertion_signed) {
        return refused(it, "second_opinion", REASON_OF(ASSERTION_SECOND_OPINION),
                       S("an encrypted Assertion with a signature of its own"),
                       S("only the Response is signed: lasso could not check it without our key"));
    }
    reason why = opinion_check(it->op, it->inbound, it->xml, identity, &expected, &got);
    row(it, "second_opinion", why == NULL ? CHECK_PASS : CHECK_FAIL, expected,
        got.at != NULL ? got : it->op->detail);
    return why;
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
        TRY(open_encrypted(it));
    }
    TRY(check_wanted(it));
    it->trace->verified = true;
    return NULL;
}

// It stands in verified octets, so CBC is as good as any, and failures may have names.
static reason open_name_id(struct reception *it, struct statement *statement) {
    struct decrypted decrypted;
    reason why = decrypt_element(it->op, it->inbound->keys, statement->encrypted_id, "EncryptedID",
                                 &statement->opening, &decrypted);
    why = why != NULL ? why : statement_name_id(it->op, decrypted.plain, statement->encrypted_id, statement);
    row(it, "decryption", why == NULL ? CHECK_PASS : CHECK_FAIL, S("a NameID encrypted for our key"),
        why == NULL ? S("decrypted") : it->op->detail);
    return why;
}

static reason receive(struct reception *it, struct statement *statement) {
    TRY(check_encryption(it));
    statement->opening.left = it->decrypted ? it->unwraps_left : DECRYPT_UNWRAPS_MAX;
    reason why = read_statement(it, statement);
    if (why == REASON_OF(ENCRYPTION_FAILED) || why == REASON_OF(ENCRYPTION_ALGORITHM) ||
        why == REASON_OF(ENCRYPTION_NO_KEY)) {
        row(it, "decryption", CHECK_FAIL, S("attributes encrypted for our key"), it->op->detail);
    }
    TRY(why);
    if (statement->encrypted_id != NULL) {
        TRY(open_name_id(it, statement));
    }
    it->trace->issuer = statement->assertion_issuer;
    it->trace->name_id = statement->identity.name_id;
    return NULL;
}

// The verdicts on one message, as a worker answered it; then it needs the worker no more.
static reason judge(struct reception *it, const struct pool_job *answer) {
    if (answer->why != NULL) {
        trace_add(it->op, it->trace, "structure", CHECK_FAIL, S("a SAML response"), it->op->detail);
        return answer->why;
    }
    it->message = answer->message;
    it->loan = answer->loan;
    reason why = establish(it);
    pool_return(it->inbound->pool, it->loan, it->trace->verified);
    return why;
}

// What the verified octets say, and the rules on it. `why`: what was refused before.
static reason conclude(struct reception *it, reason why, struct identity *ret_identity) {
    struct statement statement = {.keys = it->inbound->keys, .opening = decrypt_opening(true, true)};
    if (why == NULL) {
        why = receive(it, &statement);
    }
    if (why != NULL) {
        rules_skip(it->op, it->trace);
    } else {
        why = rules_check(it->op, it->inbound, &statement, it->trace);
    }
    if (why == NULL && it->policy->second_opinion) {
        why = check_second_opinion(it, &statement.identity);
    } else if (it->policy->second_opinion) {
        row(it, "second_opinion", CHECK_SKIP, S("accepted"), S(""));
    }
    TRY(why);
    *ret_identity = statement.identity;
    return NULL;
}

void saml_receive_many(struct saml_job *jobs, size_t count) {
    struct pool_job asks[POOL_TOGETHER_MAX] UNCLEARED; // as many are written as there are jobs
    struct reception receptions[POOL_TOGETHER_MAX] UNCLEARED;
    CHECK(count > 0 && count <= POOL_TOGETHER_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct inbound *inbound = jobs[i].inbound;
        asks[i] = (struct pool_job){.op = jobs[i].op, .xml = inbound->xml};
        receptions[i] = (struct reception){.op = jobs[i].op,
                                           .inbound = inbound,
                                           .policy = &inbound->trust->connection.policy,
                                           .xml = inbound->xml,
                                           .trace = jobs[i].trace};
    }
    pool_canonicalise(jobs[0].inbound->pool, asks, count);
    for (size_t i = 0; i < count; i++) { // all of them first: the worker is waited for
        jobs[i].why = judge(&receptions[i], &asks[i]);
    }
    for (size_t i = 0; i < count; i++) {
        jobs[i].why = conclude(&receptions[i], jobs[i].why, jobs[i].ret_identity);
    }
}

reason saml_receive(struct op *op, const struct inbound *inbound, struct trace *trace,
                    struct identity *ret_identity) {
    struct saml_job job = {
        .op = op, .inbound = inbound, .trace = trace, .ret_identity = ret_identity};
    saml_receive_many(&job, 1);
    return job.why;
}

bool saml_goes_alone(const struct inbound *inbound) {
    return inbound->trust->connection.policy.second_opinion ||
           slice_find(inbound->xml, S("EncryptedData")) != SIZE_MAX;
}
