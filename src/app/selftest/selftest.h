// SPDX-License-Identifier: GPL-3.0-or-later
// The attack corpus. A row (struct attack) says how an honest message is changed and what must come of it; the forge
// makes the messages with keys of its own, the bench judges them with this program's own worker, verdict, rules and
// login on a temporary store. Nothing here is reached by a gate that serves.
#ifndef GATEHOUSE_APP_SELFTEST_SELFTEST_H
#define GATEHOUSE_APP_SELFTEST_SELFTEST_H

#include <openssl/evp.h>

#include "saml/inbound.h"

#define THEIR_ENTITY "https://idp.example/"
#define OTHER_ENTITY "https://other-idp.example/"
#define PUBLIC_URL "https://gate.example"
#define ATTACKER "mallory@acme.example" // nobody ever signed this name: it must never come out

// Where a change is made. The signature is made between STAGE_INFO and STAGE_WIRE_INFO.
enum stage {
    STAGE_ASSERTION = 1, // the Assertion, before it is signed ({S}: where its Signature will stand)
    STAGE_INFO,          // SignedInfo in canonical form, before it is signed
    STAGE_WIRE_INFO,     // SignedInfo as it is sent
    STAGE_SIGNATURE,     // the Signature as it is sent
    STAGE_PLAIN,         // the plaintext, before it is encrypted
    STAGE_ENCRYPTED,     // the EncryptedAssertion
    STAGE_RESPONSE,      // the Response around it, before that is signed
    STAGE_WIRE,          // the whole message, after everything
    STAGE_FORM,          // the body of the form
    STAGE_QUERY,         // the query string before it is signed
    STAGE_WIRE_QUERY,    // and after
    STAGE_COOKIE,        // the value of the binding cookie
};
// Replaces the first `from` (NULL: all of it) with `to`. Both may hold pieces: ${name}, see pieces.c.
struct edit {
    enum stage stage;
    const char *from, *to;
};
#define EDITS(...) (const struct edit[]){__VA_ARGS__, {0, NULL, NULL}}

enum door { DOOR_ACS, DOOR_LOGOUT_QUERY, DOOR_LOGOUT_POST, DOOR_METADATA, DOOR_METADATA_SIGNED, DOORS };
enum signs { SIGNS_ASSERTION, SIGNS_RESPONSE, SIGNS_BOTH, SIGNS_NOTHING };
enum party_name { PARTY_IDP, PARTY_EC, PARTY_EVIL, PARTY_WEAK, PARTY_OTHER, PARTY_IDP_SECRET, PARTY_US, PARTY_FEDERATION, PARTIES };
enum place { ACME, ACME_OPEN, ACME_STRICT, BETA, BETA_OTHER, PLACES }; // our connections, see bench.c
enum again { AGAIN_NOT, AGAIN_SAME, AGAIN_REWRAPPED, AGAIN_REOPENED, AGAIN_PARALLEL };
enum browser { BROWSER_SAME, BROWSER_OTHER, BROWSER_NO_COOKIE };

struct attack {
    const char *name, *group;
    const char *says;   // one sentence: what is tried, and where it helps why this reason
    const char *expect; // "accepted", or the slug of the refusal
    enum door door;
    enum signs signs;
    enum place place;
    enum party_name signer; // PARTY_IDP: the one that is trusted
    const char *method, *digest; // URIs; NULL: RSA with SHA-256, SHA-256
    const char *cipher, *wrap;   // not NULL: encrypted, with this and "oaep", "oaep-sha256" or "rsa15"
    const struct edit *edits;    // NULL: none
    enum again again;
    enum browser browser;
    bool unsolicited;
    const char *names; // of an accepted one: whom; NULL: the honest person
    const char *lands; // of an accepted one: where; NULL: not looked at
};
struct attacks {
    const struct attack *at; // a row without name ends them
};
extern const struct attacks attack_tables[]; // at NULL ends them

// ---- the forge (forge.c) ----

struct party {
    EVP_PKEY *key;
    struct slice certificate; // DER in base64
};
MUST_USE reason party_make(struct op *op, const char *type, unsigned bits, struct party *ret_party);
MUST_USE reason party_read(struct op *op, struct slice pem, struct party *ret_party); // RSA; invalid_input
void party_free(struct party *party);

struct signing {
    const struct party *party;
    const char *method, *digest; // URIs
};
// The bytes that stand in a SignatureValue. What no library would sign with (HMAC, none, an unknown name) is
// imitated as an attacker would.
MUST_USE reason forge_sign(struct op *op, const struct signing *signing, struct slice octets,
                           struct slice *ret_value);
MUST_USE reason forge_digest(struct op *op, const char *uri, struct slice octets,
                             struct slice *ret_digest);
// An EncryptedAssertion for this public key.
MUST_USE reason forge_encrypt(struct op *op, EVP_PKEY *to, const char *cipher, const char *wrap,
                              struct slice plain, struct slice *ret_element);
// A raw deflate stream (RFC 1951): stored, or `head` and then `times` times 258 spaces.
MUST_USE reason forge_deflate(struct op *op, struct slice bytes, struct slice *ret_stream);
MUST_USE reason forge_bomb(struct op *op, struct slice head, size_t times, struct slice *ret_stream);

// ---- the bench (bench.c) ----

struct bench {
    struct op op; // of what lives as long as the bench
    struct pool *pool;
    struct store *store;
    char dir[512];
    const char *store_dir;
    struct party parties[PARTIES];
    struct sp_keys *keys;
    struct trust_cache *trusts;
    struct {
        struct sp sp;
        const char *who;    // the honest person there
        const char *entity; // of its identity provider
        const char *tenant;
        enum party_name signer;
    } places[PLACES];
    unsigned serial;
};
// sp_key: PEM of the key that messages are encrypted for; "" makes one.
MUST_USE reason bench_open(struct op *op, struct slice sp_key, struct bench *bench);
void bench_close(struct bench *bench);
MUST_USE reason bench_reopen(struct op *op, struct bench *bench); // closes the store and opens it again

// ---- messages (make.c, pieces.c) ----

enum version { VERSION_CONTROL, VERSION_TAMPERED, VERSION_ATTACK };
struct maker {
    struct op *op;
    const struct bench *bench;
    const struct attack *row;
    enum version version;
    enum place place;
    unsigned serial;
    struct pending pending, other; // `other`: of another browser, at ACME
    struct slice cookie, other_cookie;
    struct slice assertion, response, message, form, query; // as far as they are made
    struct slice plain_signature; // of the Assertion
    struct slice response_signature;
    struct slice logout_signature;
};
// Makes the message of this door: maker->message, and form or query. internal: the row is wrong.
MUST_USE reason make_message(struct maker *maker);
// The Response of `maker` once more around the same Assertion, for a request of its own.
MUST_USE reason make_rewrapped(struct maker *maker);
// `text` with the edits of this stage. With nothing to do: the text itself.
MUST_USE reason make_edits(struct maker *maker, enum stage stage, struct slice text,
                           struct slice *ret_text);
// The text with all ${pieces} put in.
MUST_USE reason pieces_expand(struct maker *maker, const char *text, struct slice *ret_text);
// For pieces.c: what is made from templates.
MUST_USE reason make_assertion(struct maker *maker, struct slice id, struct slice who,
                               struct slice *ret_text); // with {S} and no edits
MUST_USE reason make_signature(struct maker *maker, const struct signing *signing,
                               struct slice element, struct slice id, bool edited,
                               struct slice *ret_signature);
// Takes {S} out of the text and puts `into` there.
MUST_USE reason make_slot(struct maker *maker, struct slice text, struct slice into,
                          struct slice *ret_text);
struct slice make_id(const struct maker *maker, const char *prefix); // "_a17"
struct slice make_who(const struct maker *maker);

extern const char template_assertion[], template_response[], template_logout[], template_metadata[];

// ---- judging (deliver.c, run.c, report.c) ----

struct outcome {
    reason why; // NULL: accepted
    struct slice detail;
    struct slice who;   // whose identity came out; at NULL: nobody's
    struct slice tenant, lands;
};
// One message through its door, by this operation. Threads may deliver at once.
void deliver(struct op *op, const struct bench *bench, const struct maker *maker,
             struct outcome *ret_outcome);
// The requests that wait for an answer are stored. internal: the row is wrong.
MUST_USE reason deliver_prepare(struct op *op, struct bench *bench, const struct attack *row,
                                enum version version, struct maker *ret_maker);

struct verdict_row {
    const struct attack *row;
    struct slice got, problem; // problem "": passed
};
// What the attack must have done, against what it did: sets got and problem. `honest` is who an accepted one must be,
// where the row names nobody else, and `tenant` in which tenant.
void verdict_compare(struct op *op, struct slice honest, struct slice tenant,
                     const struct outcome *outcome, struct verdict_row *verdict);
// What is wrong with the good login after an attack, which took so many ms; "": nothing.
struct slice verdict_next(struct op *op, reason why, struct slice detail, int64_t took);
struct report {
    struct verdict_row *rows;
    size_t count, passed, failed;
};
struct selftest_options {
    struct slice only; // a name, or a part of one; "" = all
    struct slice dump; // a directory to write the messages to; "" = none
    struct slice sp_key; // PEM of the key to decrypt with, so that other judges can have it; "" = one of the run
};
MUST_USE reason selftest_run(struct op *op, const struct selftest_options *options,
                             struct report *ret_report);
// For selftest_run with `dump`.
struct json;
MUST_USE reason dump_open(struct op *op, struct slice dir, const struct bench *bench);
MUST_USE reason dump_row(struct op *op, struct slice dir, const struct maker *maker,
                         const struct verdict_row *verdict, struct json *list);
MUST_USE reason dump_close(struct op *op, struct slice dir, struct json *list);

struct json *report_json(struct op *op, const struct report *report);
void report_show(struct op *op, const struct report *report);

#endif
