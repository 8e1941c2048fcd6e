// SPDX-License-Identifier: GPL-3.0-or-later
// A worker that was taken over, at the door where it matters: whatever it answers for a message, the
// identity that comes out is the message's own, or none. The pool is the test's; it lies in each way
// that the form of an answer allows. (What it cannot say by that form, test_pool and test_msg refuse.)
#include "saml/inbound.h"

#include "saml/forge.h"

struct pool {
    struct msg_canonical answer;
    reason refusal;
    size_t lent, thrown, returned;
};
struct pool_loan {
    int unused;
};
static struct pool_loan the_loan;

void pool_canonicalise(struct pool *pool, struct pool_job *jobs, size_t count) {
    assert_int_equal(count, 1);
    if (pool->refusal != NULL) {
        jobs->why = op_refuse(jobs->op, pool->refusal, "no");
        return;
    }
    jobs->message = pool->answer;
    jobs->loan = &the_loan;
    jobs->why = NULL;
    pool->lent++;
}
reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                  struct msg_canonical *ret_message) {
    (void)op, (void)loan, (void)xml;
    *ret_message = pool->answer;
    return NULL;
}
reason pool_opinion(struct op *op, struct pool *pool, const struct msg_opinion_ask *ask,
                    struct msg_opinion *ret_opinion) {
    (void)pool, (void)ask, (void)ret_opinion;
    REFUSE(op, WORKER_FAILED, "the policy asks for none");
}
void pool_return(struct pool *pool, struct pool_loan *loan, bool held) {
    if (loan != NULL) {
        *(held ? &pool->returned : &pool->thrown) += 1;
    }
}

// ---- people ----

static struct party idp, stranger;
static struct connection trusted;
static const struct trust *trust;
static struct op lasting; // owns what lives through all tests

// A message, and what an honest worker answers for it.
struct message {
    const char *who;
    struct slice xml;
    struct msg_canonical answer;
};
enum how { ASSERTION_SIGNED, RESPONSE_SIGNED, BOTH_SIGNED, HOWS };
static struct message ada[HOWS], eve[HOWS], forged[HOWS];

static struct message message_of(const struct party *signer, const char *who, const char *id,
                                 enum how how) {
    struct op *op = &lasting;
    struct message message = {.who = who};
    struct forge forge = {.op = op, .signer = signer};
    struct slice text = edit(op, edit(op, S(ASSERTION), "ada&#64;", op_text(op, "%s&#64;%c", who, 0).at),
                             "ID=\"_a1\"", op_text(op, "ID=\"_a%s\"%c", id, 0).at);
    const char *assertion_id = op_text(op, "_a%s%c", id, 0).at;
    const char *response_id = op_text(op, "_r%s%c", id, 0).at;
    message.answer.envelope = (struct msg_envelope){
        .name = S("Response"), .id = slice_str(response_id), .version = S("2.0"),
        .issue_instant = S("2026-11-21T16:00:00Z"), .destination = S(OUR_ACS),
        .in_response_to = S(REQUEST_ID), .issuer = S(THEIR_ENTITY), .status = S(SUCCESS),
        .sub_status = S(""), .status_message = S(""), .assertions = 1};
    struct slice assertion = edit(op, text, "@", "");
    if (how != RESPONSE_SIGNED) {
        struct slice element = sign(&forge, assertion, assertion_id, MSG_PARENT_ASSERTION,
                                    &message.answer.signatures[message.answer.signature_count++]);
        assertion = edit(op, text, "@", op_text(op, "%.*s%c", SLICE(element), 0).at);
    }
    struct slice response = edit(op, S(RESPONSE), "ID=\"_r1\"", op_text(op, "ID=\"%s\"%c", response_id, 0).at);
    response = edit(op, response, "#<", op_text(op, "%.*s<%c", SLICE(assertion), 0).at);
    message.xml = edit(op, response, "@", "");
    if (how != ASSERTION_SIGNED) {
        struct slice element = sign(&forge, message.xml, response_id, MSG_PARENT_ROOT,
                                    &message.answer.signatures[message.answer.signature_count++]);
        message.xml = edit(op, response, "@", op_text(op, "%.*s%c", SLICE(element), 0).at);
    }
    return message;
}

static int make_all(void **state) {
    (void)state;
    op_open(&lasting, NOON);
    idp = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    stranger = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    trusted = connection_of(&lasting, &idp, 1);
    assert_done(trust_make(&lasting, &trusted, &trust));
    for (enum how how = 0; how < HOWS; how++) {
        ada[how] = message_of(&idp, "ada", "1", how);
        eve[how] = message_of(&idp, "eve", "2", how);
        forged[how] = message_of(&stranger, "root", "3", how);
    }
    return 0;
}

static int free_all(void **state) {
    (void)state;
    trust_free(trust);
    party_free(&idp);
    party_free(&stranger);
    op_close(&lasting);
    return 0;
}

// ---- the judge ----

static size_t judged, admitted;

// `sent` came in; the worker answers `answer`. True: somebody was let in, who must be the one that sent it.
static bool admits(const struct message *sent, const struct msg_canonical *answer) {
    struct op op;
    op_open(&op, NOON);
    struct pool pool = {.answer = *answer};
    struct inbound inbound = {.xml = sent->xml, .trust = trust, .entity_id = S(OUR_ENTITY),
                              .acs_url = S(OUR_ACS), .pool = &pool};
    struct trace trace;
    struct identity identity = {.expires = 0};
    assert_done(trace_open(&op, S("acme-okta"), S("acme"), &trace));
    reason why = saml_receive(&op, &inbound, &trace, &identity);
    assert_int_equal(pool.returned + pool.thrown, 1);
    judged++;
    if (why == NULL) {
        admitted++;
        struct slice want = op_text(&op, "%s@acme.example", sent->who);
        assert_slice(identity.name_id, want);
        assert_text(identity.issuer, THEIR_ENTITY);
        assert_int_equal(identity.attributes.count, 1);
        assert_int_equal(identity.expires, NOON + 5 * MINUTE_MS);
    } else {
        assert_int_equal(identity.expires, 0);
        assert_null(identity.name_id.at);
        assert_true(op.detail.len > 0);
    }
    op_close(&op);
    return why == NULL;
}

static void the_truth_is_believed(void **state) {
    (void)state;
    for (enum how how = 0; how < HOWS; how++) {
        assert_true(admits(&ada[how], &ada[how].answer));
        assert_true(admits(&eve[how], &eve[how].answer));
        assert_false(admits(&forged[how], &forged[how].answer));
    }
}

static void another_jobs_valid_answer_admits_nobody(void **state) {
    (void)state;
    for (enum how mine = 0; mine < HOWS; mine++) {
        for (enum how theirs = 0; theirs < HOWS; theirs++) {
            assert_false(admits(&ada[mine], &eve[theirs].answer));
            assert_false(admits(&forged[mine], &eve[theirs].answer));
            assert_false(admits(&forged[mine], &ada[theirs].answer));
            // With this message's envelope before the other's signatures.
            struct msg_canonical answer = eve[theirs].answer;
            answer.envelope = forged[mine].answer.envelope;
            assert_false(admits(&forged[mine], &answer));
        }
    }
}

// Each field of a signature from each of the people, in all combinations.
static void parts_of_several_answers_admit_nobody_else(void **state) {
    (void)state;
    const struct message *people[] = {&ada[ASSERTION_SIGNED], &eve[ASSERTION_SIGNED],
                                      &forged[ASSERTION_SIGNED]};
    for (unsigned mix = 0; mix < 3 * 3 * 3 * 3; mix++) {
        const struct msg_signature *parts[4];
        for (unsigned i = 0, rest = mix; i < 4; i++, rest /= 3) {
            parts[i] = &people[rest % 3]->answer.signatures[0];
        }
        for (size_t sent = 0; sent < 3; sent++) {
            struct msg_canonical answer = people[sent]->answer;
            answer.signatures[0].signed_info = parts[0]->signed_info;
            answer.signatures[0].value = parts[1]->value;
            answer.signatures[0].covered = parts[2]->covered;
            answer.signatures[0].parent_id = parts[3]->parent_id;
            bool all_own = true;
            for (size_t i = 0; i < 4; i++) {
                all_own = all_own && parts[i] == &people[sent]->answer.signatures[0];
            }
            assert_int_equal(admits(people[sent], &answer), all_own && sent < 2);
        }
    }
}

static void swapped_parents_and_pairs_admit_nobody_else(void **state) {
    (void)state;
    for (enum how how = 0; how < HOWS; how++) {
        struct msg_canonical answer = ada[how].answer;
        for (uint32_t parent = 0; parent < 4; parent++) {
            answer.signatures[0].parent = parent;
            bool own = parent == ada[how].answer.signatures[0].parent;
            assert_int_equal(admits(&ada[how], &answer), own);
        }
    }
    struct msg_canonical answer = ada[BOTH_SIGNED].answer;
    struct msg_signature *first = &answer.signatures[0];
    struct msg_signature *second = &answer.signatures[1];
    struct slice covered = first->covered;
    first->covered = second->covered;
    second->covered = covered;
    assert_false(admits(&ada[BOTH_SIGNED], &answer));
    struct slice info = first->signed_info;
    first->signed_info = second->signed_info;
    second->signed_info = info;
    assert_false(admits(&ada[BOTH_SIGNED], &answer));
    answer = ada[BOTH_SIGNED].answer;
    struct msg_signature kept = answer.signatures[0];
    answer.signatures[0] = answer.signatures[1];
    answer.signatures[1] = kept;
    assert_true(admits(&ada[BOTH_SIGNED], &answer)); // the order says nothing
}

static void more_and_fewer_signatures_admit_nobody_else(void **state) {
    (void)state;
    // An additional one of somebody else, good and bad.
    for (enum how how = 0; how < HOWS; how++) {
        struct msg_canonical answer = ada[how].answer;
        uint32_t count = answer.signature_count;
        const struct message *others[] = {&eve[ASSERTION_SIGNED], &eve[RESPONSE_SIGNED],
                                          &forged[ASSERTION_SIGNED], &forged[RESPONSE_SIGNED], &ada[how]};
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            answer.signatures[count] = others[i]->answer.signatures[0];
            answer.signature_count = count + 1;
            assert_false(admits(&ada[how], &answer));
            for (uint32_t j = count; j < MSG_SIGNATURES_MAX; j++) {
                answer.signatures[j] = others[i]->answer.signatures[0];
            }
            answer.signature_count = MSG_SIGNATURES_MAX;
            assert_false(admits(&ada[how], &answer));
        }
        answer = ada[how].answer;
        answer.signature_count = 0;
        assert_false(admits(&ada[how], &answer));
    }
    // One of two is hidden: whichever is left is good, but the Assertion shows that it was signed.
    for (size_t hidden = 0; hidden < 2; hidden++) {
        struct msg_canonical answer = ada[BOTH_SIGNED].answer;
        answer.signatures[0] = answer.signatures[1 - hidden];
        answer.signature_count = 1;
        (void)admits(&ada[BOTH_SIGNED], &answer); // if anybody, ada
    }
}

// The unsigned view of the root is the worker's word. It may refuse; it never changes who it is.
static void lies_about_the_envelope_admit_nobody_else(void **state) {
    (void)state;
    static const char *const lies[] = {"", "x", "LogoutRequest", "Response", OUR_ACS, OUR_ENTITY,
                                       "https://other.example/", SUCCESS, "urn:x", "2.0", "1.1",
                                       "_request2", REQUEST_ID, "\xFF\xFE", "eve@acme.example"};
    size_t before = admitted;
    for (enum how how = 0; how < HOWS; how++) {
        for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
            for (size_t field = 0; field < 10; field++) {
                struct msg_canonical answer = ada[how].answer;
                struct slice *fields[] = {
                    &answer.envelope.name, &answer.envelope.id, &answer.envelope.version,
                    &answer.envelope.issue_instant, &answer.envelope.destination,
                    &answer.envelope.in_response_to, &answer.envelope.issuer, &answer.envelope.status,
                    &answer.envelope.sub_status, &answer.envelope.status_message};
                *fields[field] = slice_str(lies[i]);
                (void)admits(&ada[how], &answer);
                answer.envelope.assertions = 0; // and that it is an error answer
                assert_false(admits(&ada[how], &answer));
            }
        }
        for (uint32_t count = 0; count < 27; count++) {
            struct msg_canonical answer = ada[how].answer;
            answer.envelope.assertions = count % 3;
            answer.envelope.encrypted = count / 3 % 3;
            answer.envelope.misplaced = count / 9;
            assert_int_equal(admits(&ada[how], &answer), count == 1);
            answer.encrypted_count = 1;
            answer.encrypted[0] = eve[how].answer.signatures[0].covered;
            assert_int_equal(admits(&ada[how], &answer), count == 1);
        }
    }
    assert_true(admitted > before);
}

// An encrypted Assertion has its signature inside. One of an Assertion in the clear, which the message held somewhere,
// would make policies content that want the Assertion signed, or encrypted.
static void a_signature_beside_an_encrypted_assertion_is_refused(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOON);
    const enum how hows[] = {ASSERTION_SIGNED, BOTH_SIGNED};
    for (size_t i = 0; i < 2; i++) {
        struct pool pool = {.answer = ada[hows[i]].answer};
        struct inbound inbound = {.xml = ada[hows[i]].xml, .trust = trust, .entity_id = S(OUR_ENTITY),
                                  .acs_url = S(OUR_ACS), .pool = &pool};
        struct trace trace;
        struct identity identity = {.expires = 0};
        pool.answer.envelope.assertions = 0;
        pool.answer.envelope.encrypted = 1;
        pool.answer.encrypted_count = 1;
        pool.answer.encrypted[0] = eve[hows[i]].answer.signatures[0].covered;
        assert_done(trace_open(&op, S("acme-okta"), S("acme"), &trace));
        reason why = saml_receive(&op, &inbound, &trace, &identity);
        assert_ptr_equal(why, REASON_OF(SIGNATURE_MISPLACED));
        assert_int_equal(pool.thrown, 1);
    }
    op_close(&op);
}

// A claim that a good message is an error answer, or the other way round.
static void claims_of_error_answers_admit_nobody(void **state) {
    (void)state;
    for (enum how how = 0; how < HOWS; how++) {
        struct msg_canonical answer = {.envelope = ada[how].answer.envelope};
        answer.envelope.assertions = 0;
        answer.envelope.status = S("urn:oasis:names:tc:SAML:2.0:status:Responder");
        assert_false(admits(&ada[how], &answer));
        answer.envelope.status = S(SUCCESS);
        assert_false(admits(&ada[how], &answer));
        answer = ada[how].answer;
        answer.envelope.assertions = 0;
        answer.envelope.status = S("urn:oasis:names:tc:SAML:2.0:status:Responder");
        assert_false(admits(&ada[how], &answer));
    }
}

static void refusals_of_any_kind_admit_nobody(void **state) {
    struct op *op = *state;
    const reason whys[] = {REASON_OF(SAML_MALFORMED), REASON_OF(WORKER_FAILED),
                           REASON_OF(SIGNATURE_DUPLICATE_ID), REASON_OF(SAML_TOO_LARGE)};
    for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++) {
        struct pool pool = {.answer = ada[0].answer, .refusal = whys[i]};
        struct inbound inbound = {.xml = ada[0].xml, .trust = trust, .entity_id = S(OUR_ENTITY),
                                  .acs_url = S(OUR_ACS), .pool = &pool};
        struct trace trace;
        struct identity identity = {.expires = 0};
        assert_done(trace_open(op, S("acme-okta"), S("acme"), &trace));
        assert_ptr_equal(saml_receive(op, &inbound, &trace, &identity), whys[i]);
        assert_int_equal(identity.expires, 0);
    }
}

// Each byte of what a good answer says: flipped, and cut there.
static void each_changed_byte_admits_nobody_else(void **state) {
    (void)state;
    for (enum how how = 0; how < HOWS; how++) {
        const struct msg_canonical *good = &ada[how].answer;
        for (uint32_t at = 0; at < good->signature_count; at++) {
            for (size_t field = 0; field < 4; field++) {
                struct msg_canonical answer = *good;
                struct msg_signature *signature = &answer.signatures[at];
                struct slice *fields[] = {&signature->signed_info, &signature->value,
                                          &signature->covered, &signature->parent_id};
                struct slice whole = *fields[field];
                char *copy = malloc(whole.len);
                assert_non_null(copy);
                memcpy(copy, whole.at, whole.len);
                for (size_t i = 0; i < whole.len; i++) {
                    *fields[field] = slice_of(copy, whole.len);
                    copy[i] = (char)(copy[i] ^ (1 << (i % 7)));
                    assert_false(admits(&ada[how], &answer));
                    copy[i] = whole.at[i];
                    *fields[field] = slice_of(copy, i);
                    assert_false(admits(&ada[how], &answer));
                }
                free(copy);
            }
        }
    }
}

static uint64_t seed = 20261121;
static uint64_t chance(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

// Anything at all, of the right form: pieces of honest answers, cut, joined and overwritten.
static void garbage_admits_nobody_else(void **state) {
    (void)state;
    const struct message *people[] = {&ada[ASSERTION_SIGNED], &ada[RESPONSE_SIGNED], &ada[BOTH_SIGNED],
                                      &eve[ASSERTION_SIGNED], &eve[RESPONSE_SIGNED], &eve[BOTH_SIGNED],
                                      &forged[BOTH_SIGNED]};
    static char room[4][16384];
    for (int round = 0; round < 20000; round++) {
        const struct message *sent = people[chance() % 7];
        struct msg_canonical answer = {.envelope = people[chance() % 7]->answer.envelope};
        answer.signature_count = (uint32_t)(chance() % (MSG_SIGNATURES_MAX + 1));
        for (uint32_t i = 0; i < answer.signature_count; i++) {
            const struct msg_canonical *from = &people[chance() % 7]->answer;
            answer.signatures[i] = from->signatures[chance() % from->signature_count];
            struct msg_signature *signature = &answer.signatures[i];
            struct slice *fields[] = {&signature->signed_info, &signature->value, &signature->covered};
            struct slice *field = fields[chance() % 3];
            if (chance() % 2 == 0 && field->len > 0 && field->len < sizeof room[0]) {
                memcpy(room[i], field->at, field->len);
                size_t len = field->len;
                room[i][chance() % len] = (char)chance();
                *field = slice_of(room[i], chance() % 4 == 0 ? chance() % len : len);
            }
            signature->parent = (uint32_t)(chance() % 8 == 0 ? chance() : chance() % 2);
        }
        (void)admits(sent, &answer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_truth_is_believed),
        TEST(another_jobs_valid_answer_admits_nobody),
        TEST(parts_of_several_answers_admit_nobody_else),
        TEST(swapped_parents_and_pairs_admit_nobody_else),
        TEST(more_and_fewer_signatures_admit_nobody_else),
        TEST(lies_about_the_envelope_admit_nobody_else),
        TEST(a_signature_beside_an_encrypted_assertion_is_refused),
        TEST(claims_of_error_answers_admit_nobody),
        TEST(refusals_of_any_kind_admit_nobody),
        TEST(each_changed_byte_admits_nobody_else),
        TEST(garbage_admits_nobody_else),
    };
    int failed = cmocka_run_group_tests(tests, make_all, free_all);
    print_message("%zu answers judged, %zu let the sender in\n", judged, admitted);
    return failed;
}
