// SPDX-License-Identifier: GPL-3.0-or-later
// Faults while a Response is received (the worker's code in the same process), an encrypted one is
// opened, a provider is imported, JSON is parsed, tokens are made and checked. Memory of libxml2 and
// jansson fails as well as ours, and each call of OpenSSL that may.
#include "fault.h"

#include <libxml/parser.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/json.h"
#include "saml/encrypted.h"
#include "saml/forge.h"
#include "saml/idp_metadata.h"
#include "saml/inbound.h"
#include "saml/logout.h"
#include "saml/sp_keys.h"
#include "token/token.h"
#include "worker/canonicalise.h"

// jansson.h and base/json.h have names in common.
void json_set_alloc_funcs(void *(*take)(size_t), void (*give)(void *));

// base/digest.c stops the program when SHA-256 itself fails: there is no answer that it could give. Its calls
// stand near each other.
static bool from_digest(const void *caller) {
    uintptr_t distance = (uintptr_t)caller - (uintptr_t)digest_sha256;
    return distance + 4096 < 8192;
}
#define WRAP_NOT_DIGEST(failing, type, name, parameters, arguments)                                 \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        bool fails = !from_digest(__builtin_return_address(0)) && fault_now(FAULT_CRYPTO);         \
        return fails ? failing : __real_##name arguments;                                          \
    }

WRAP_NOT_DIGEST(0, int, EVP_Digest,
     (const void *in, size_t len, unsigned char *out, unsigned *out_len, const EVP_MD *md, ENGINE *engine),
     (in, len, out, out_len, md, engine))
WRAP_NOT_DIGEST(NULL, EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())
WRAP(FAULT_CRYPTO, 0, int, EVP_DigestVerifyInit,
     (EVP_MD_CTX * context, EVP_PKEY_CTX **pctx, const EVP_MD *md, ENGINE *engine, EVP_PKEY *key),
     (context, pctx, md, engine, key))
// A failure of the library that is no verdict: negative.
WRAP(FAULT_CRYPTO, -1, int, EVP_DigestVerify,
     (EVP_MD_CTX * context, const unsigned char *value, size_t value_len, const unsigned char *text, size_t len),
     (context, value, value_len, text, len))
WRAP(FAULT_CRYPTO, NULL, EVP_PKEY_CTX *, EVP_PKEY_CTX_dup, (const EVP_PKEY_CTX *context), (context))
WRAP(FAULT_CRYPTO, -1, int, EVP_PKEY_verify,
     (EVP_PKEY_CTX * context, const unsigned char *value, size_t value_len, const unsigned char *digest, size_t len),
     (context, value, value_len, digest, len))
WRAP_NOT_DIGEST(0, int, EVP_DigestUpdate, (EVP_MD_CTX * context, const void *text, size_t len),
     (context, text, len))
WRAP(FAULT_CRYPTO, NULL, X509 *, d2i_X509, (X509 * *to, const unsigned char **at, long len), (to, at, len))
WRAP(FAULT_CRYPTO, NULL, EVP_PKEY *, X509_get_pubkey, (X509 * x509), (x509))
WRAP(FAULT_CRYPTO, NULL, EVP_PKEY_CTX *, EVP_PKEY_CTX_new, (EVP_PKEY * key, ENGINE *engine), (key, engine))
WRAP(FAULT_CRYPTO, 0, int, EVP_PKEY_decrypt_init, (EVP_PKEY_CTX * context), (context))
WRAP(FAULT_CRYPTO, 0, int, EVP_PKEY_decrypt,
     (EVP_PKEY_CTX * context, unsigned char *out, size_t *out_len, const unsigned char *in, size_t len),
     (context, out, out_len, in, len))
WRAP(FAULT_CRYPTO, NULL, EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), ())
WRAP(FAULT_CRYPTO, 0, int, EVP_DecryptInit_ex,
     (EVP_CIPHER_CTX * context, const EVP_CIPHER *cipher, ENGINE *engine, const unsigned char *key,
      const unsigned char *iv),
     (context, cipher, engine, key, iv))
WRAP(FAULT_CRYPTO, 0, int, EVP_DecryptUpdate,
     (EVP_CIPHER_CTX * context, unsigned char *out, int *out_len, const unsigned char *in, int len),
     (context, out, out_len, in, len))
WRAP(FAULT_CRYPTO, NULL, BIO *, BIO_new, (const BIO_METHOD *method), (method))
WRAP(FAULT_DISK, -1, ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
WRAP(FAULT_DISK, -1, int, fsync, (int fd), (fd))

// ---- memory of the libraries that are built on malloc -----------------------------------------------

static void *failing_malloc(size_t size) {
    return fault_now(FAULT_MEMORY) ? NULL : __real_malloc(size);
}
static void *failing_realloc(void *at, size_t size) {
    return fault_now(FAULT_MEMORY) ? NULL : __real_realloc(at, size);
}
static char *failing_strdup(const char *text) {
    return fault_now(FAULT_MEMORY) ? NULL : __real_strdup(text);
}

// libxml2 2.9.14 loses a stack of its own when its memory runs out; the worker in which that happens has refused, and is
// thrown away.
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void) {
    return "leak:libxml2.so\n";
}
const char *__lsan_default_options(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void) {
    return "print_suppressions=0";
}

// ---- the pool: the worker's code, here --------------------------------------------------------------

struct pool_loan {
    int unused;
};
static struct pool_loan the_loan;

void pool_canonicalise(struct pool *pool, struct pool_job *jobs, size_t count) {
    (void)pool;
    for (size_t i = 0; i < count; i++) {
        jobs[i].why = canonicalise_message(jobs[i].op, jobs[i].xml, &jobs[i].message);
        jobs[i].loan = jobs[i].why == NULL ? &the_loan : NULL;
    }
}
reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                  struct msg_canonical *ret_message) {
    (void)pool, (void)loan;
    return canonicalise_message(op, xml, ret_message);
}
reason pool_whole(struct op *op, struct pool *pool, struct slice xml, struct msg_whole *ret_message) {
    (void)pool;
    return canonicalise_whole(op, xml, ret_message);
}
reason pool_opinion(struct op *op, struct pool *pool, const struct msg_opinion_ask *ask,
                    struct msg_opinion *ret_opinion) {
    (void)pool, (void)ask, (void)ret_opinion;
    REFUSE(op, WORKER_FAILED, "the policy asks for none");
}
void pool_return(struct pool *pool, struct pool_loan *loan, bool held) {
    (void)pool, (void)loan, (void)held;
}

// ---- what lives through the run -----------------------------------------------------------------------

static struct op lasting;
static struct party idp, stranger;
static struct connection trusted;
static const struct trust *trust;
static struct sp_keys *keys;
static struct brake *brake;
static struct keyring *keyring;
static struct slice good, both, tampered, foreign, bare, sealed, parts, metadata, json, token, input;
static struct slice vouched, vouched_by_another, leaving, leaving_by_another;
#define OUR_SLO "https://gate.example/saml/acme-okta/slo"
static char dir[] = "/tmp/gatehouse-fault-XXXXXX";

static struct slice cut_in(struct slice text, const char *mark, struct slice by) {
    size_t at = slice_find(text, slice_str(mark));
    assert_true(at != SIZE_MAX);
    return op_text(&lasting, "%.*s%.*s%.*s", SLICE(slice_sub(text, 0, at)), SLICE(by),
                   SLICE(slice_sub(text, at + strlen(mark), text.len)));
}

// `more` stands in the AttributeStatement.
static struct slice response_with(const struct party *signer, bool assertion, bool response, struct slice more) {
    struct op *op = &lasting;
    struct forge forge = {.op = op, .signer = signer, .info_old = "xs", .info_new = ""};
    forge.info_old = " PrefixList=\"xs\"";
    forge.info_new = " PrefixList=\"\"";
    struct msg_signature unused;
    struct slice text = edit(op, S(ASSERTION), "&#64;", "(at)");
    text = cut_in(text, "</saml:AttributeStatement>", op_text(op, "%.*s</saml:AttributeStatement>", SLICE(more)));
    struct slice element = S("");
    if (assertion) {
        element = sign(&forge, edit(op, edit(op, text, "@", ""), "(at)", "@"), "_a1", MSG_PARENT_ASSERTION,
                       &unused);
    }
    text = edit(op, cut_in(text, "@", element), "(at)", "@");
    struct slice whole = cut_in(S(RESPONSE), "#</", op_text(op, "%.*s</", SLICE(text)));
    struct slice mark = S("@<samlp:Status>");
    element = S("");
    if (response) {
        element = sign(&forge, cut_in(whole, mark.at, S("<samlp:Status>")), "_r1", MSG_PARENT_ROOT, &unused);
    }
    return cut_in(whole, mark.at, op_text(op, "%.*s<samlp:Status>", SLICE(element)));
}

static struct slice response_of(const struct party *signer, bool assertion, bool response) {
    return response_with(signer, assertion, response, S(""));
}

// A small document with '@' where its Signature goes, which this party makes.
static struct slice signed_document(const struct party *signer, const char *text, const char *id) {
    struct forge forge = {.op = &lasting, .signer = signer, .info_old = " PrefixList=\"xs\"",
                          .info_new = " PrefixList=\"\""};
    struct msg_signature unused;
    struct slice signature =
        sign(&forge, cut_in(slice_str(text), "@", S("")), id, MSG_PARENT_ROOT, &unused);
    return cut_in(slice_str(text), "@", signature);
}

// AES-256-GCM, RSA-OAEP, for our key.
static struct slice seal(struct slice plain, const char *element) {
    struct sealed it = {.op = &lasting, .element = element, .content = GCM256, .plain = plain,
                        .wraps = {{.to = keys->encryption}}, .wrap_count = 1};
    return sealed_text(&it);
}

static void make_messages(void) {
    struct op *op = &lasting;
    good = response_of(&idp, true, false);
    both = response_of(&idp, true, true);
    bare = response_of(&idp, false, false);
    foreign = response_of(&stranger, true, true);
    tampered = edit(op, good, "ada@acme", "eve@acme");
    size_t from = slice_find(good, S("<saml:Assertion"));
    size_t to = slice_find(good, S("</samlp:Response>"));
    struct slice box = seal(slice_sub(good, from, to), "EncryptedAssertion");
    sealed = op_text(op, "%.*s%.*s</samlp:Response>", SLICE(slice_sub(good, 0, from)), SLICE(box));
    metadata = op_text(op,
                       "<md:EntityDescriptor xmlns:md=\"" NS_MD "\" entityID=\"" THEIR_ENTITY
                       "\"><md:IDPSSODescriptor protocolSupportEnumeration=\"" NS_SAMLP
                       "\"><md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"" NS_DS
                       "\"><ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
                       "</md:KeyDescriptor><md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:"
                       "HTTP-POST\" Location=\"https://idp.example/sso\"/></md:IDPSSODescriptor>"
                       "</md:EntityDescriptor>",
                       SLICE(base64(op, idp.der)));
    struct slice attribute = seal(S("<saml:Attribute Name=\"groups\"><saml:AttributeValue>Owners</saml:AttributeValue>"
                                    "</saml:Attribute>"), "EncryptedAttribute");
    attribute = cut_in(attribute, " xmlns:saml=\"" NS_SAML "\"", S(""));
    parts = response_with(&idp, true, false, attribute);
    const char *document = op_text(op, "<md:EntityDescriptor xmlns:md=\"" NS_MD "\" ID=\"_m1\" entityID=\"" THEIR_ENTITY
                                   "\">@<md:IDPSSODescriptor protocolSupportEnumeration=\"" NS_SAMLP
                                   "\"><md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"" NS_DS
                                   "\"><ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
                                   "</md:KeyDescriptor><md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:"
                                   "HTTP-POST\" Location=\"https://idp.example/sso\"></md:SingleSignOnService>"
                                   "</md:IDPSSODescriptor></md:EntityDescriptor>%c", SLICE(base64(op, idp.der)), 0).at;
    vouched = signed_document(&idp, document, "_m1");
    vouched_by_another = signed_document(&stranger, document, "_m1");
    const char *request = "<samlp:LogoutRequest xmlns:samlp=\"" NS_SAMLP "\" Destination=\"" OUR_SLO "\" ID=\"_l1\" IssueInstant=\"2026-11-21T16:00:00Z\" "
                          "Version=\"2.0\"><saml:Issuer xmlns:saml=\"" NS_SAML "\">" THEIR_ENTITY "</saml:Issuer>@<saml:NameID xmlns:saml=\"" NS_SAML
                          "\">ada</saml:NameID><samlp:SessionIndex>_s1</samlp:SessionIndex></samlp:LogoutRequest>";
    leaving = signed_document(&idp, request, "_l1");
    leaving_by_another = signed_document(&stranger, request, "_l1");
    json = S("{\"unsolicited\":true,\"domains\":[\"acme.example\",\"b.example\"],\"skew_seconds\":60,"
             "\"authn_context\":[\"urn:x\"],\"nothing\":null,\"deep\":[[[{\"a\":[1,2,3]}]]]}");
}

// ---- works ------------------------------------------------------------------------------------------------

static enum outcome receive(void) {
    struct op op;
    op_open(&op, NOON);
    struct inbound inbound = {.xml = input, .trust = trust, .entity_id = S(OUR_ENTITY), .acs_url = S(OUR_ACS),
                              .keys = keys, .brake = brake};
    struct trace trace;
    struct identity identity = {.expires = 0};
    enum outcome outcome = OUTCOME_REFUSED;
    reason why = trace_open(&op, S("acme-okta"), S("acme"), &trace);
    if (why == NULL) {
        why = saml_receive(&op, &inbound, &trace, &identity);
    }
    if (why == NULL) {
        bool right = slice_equal(identity.name_id, S("ada@acme.example")) &&
                     slice_equal(identity.issuer, S(THEIR_ENTITY)) && identity.attributes.count == 1 &&
                     ((const struct attribute *)identity.attributes.at)[0].values.count ==
                         (slice_equal(input, parts) ? 3U : 2U) &&
                     identity.expires == NOON + 5 * MINUTE_MS &&
                     slice_equal(identity.in_response_to, S(REQUEST_ID));
        outcome = right ? OUTCOME_DONE : OUTCOME_WRONG;
    } else if (identity.expires != 0 || identity.name_id.at != NULL) {
        outcome = OUTCOME_WRONG; // refused, and something was given
    }
    op_close(&op);
    return outcome;
}

static enum outcome make_trust(void) {
    struct op op;
    const struct trust *made = NULL;
    op_open(&op, NOON);
    reason why = trust_make(&op, &trusted, &made);
    enum outcome outcome = why != NULL ? OUTCOME_REFUSED : OUTCOME_DONE;
    // A key that could not be read is left out: then less is trusted, never more.
    if (why == NULL) {
        outcome = made->key_count == 1 ? OUTCOME_DONE : made->key_count == 0 ? OUTCOME_REFUSED : OUTCOME_WRONG;
        trust_free(made);
    }
    op_close(&op);
    return outcome;
}

static enum outcome import(void) {
    struct op op;
    struct idp_import found = {.warnings = {NULL, 0}};
    op_open(&op, NOON);
    reason why = idp_from_xml(&op, NULL, metadata, S(""), &found);
    enum outcome outcome = OUTCOME_REFUSED;
    if (why == NULL) {
        const struct certificate *rows = found.idp.certificates.at;
        outcome = found.idp.certificates.count == 1 && slice_equal(rows[0].der, idp.der) &&
                          slice_equal(found.idp.entity_id, S(THEIR_ENTITY)) && found.idp.sso.count == 1
                      ? OUTCOME_DONE
                      : OUTCOME_WRONG;
    }
    op_close(&op);
    return outcome;
}

// Metadata that has to be signed by `idp`.
static enum outcome import_signed(void) {
    struct op op;
    struct idp_import found = {.warnings = {NULL, 0}};
    op_open(&op, NOON);
    reason why = idp_from_signed_xml(&op, NULL, input, S(""), trusted.idp.certificates, &found);
    bool right = why == NULL && found.idp.certificates.count == 1 && found.idp.metadata_signed &&
                 slice_equal(found.idp.entity_id, S(THEIR_ENTITY));
    op_close(&op);
    return why != NULL ? OUTCOME_REFUSED : right ? OUTCOME_DONE : OUTCOME_WRONG;
}

static enum outcome sign_out(void) {
    struct op op;
    struct slice text, escaped;
    struct logout_message message = {.is_request = false};
    struct inbound inbound = {.trust = trust, .entity_id = S(OUR_ENTITY), .acs_url = S(OUR_ACS), .keys = keys};
    op_open(&op, NOON);
    reason why = encode_base64(&op, input, &text);
    why = why != NULL ? why : encode_url(&op, text, &escaped);
    if (why == NULL) {
        struct slice body = op_text(&op, "SAMLRequest=%.*s", SLICE(escaped));
        why = logout_receive_post(&op, &inbound, S(OUR_SLO), body, &message);
    }
    bool right = why == NULL && message.is_request && slice_equal(message.name_id, S("ada")) &&
                 slice_equal(message.issuer, S(THEIR_ENTITY)) && message.session_indexes.count == 1;
    op_close(&op);
    return why != NULL ? OUTCOME_REFUSED : right ? OUTCOME_DONE : OUTCOME_WRONG;
}

// A connection with a key of its own: it decrypts with that one and no other, or not at all.
static enum outcome open_own_key(void) {
    struct op op;
    struct own_key row = {SP_ENCRYPTION, 7, SP_KEY_CURRENT};
    struct connection connection = {.slug = S("acme-okta"), .own_keys = {&row, 1}};
    struct sp_keys *own = NULL;
    op_open(&op, NOON);
    reason why = sp_keys_open_own(&op, dir, &connection, keys, &own);
    bool right = why == NULL && own->decryption_count == 1 && own->encryption != NULL &&
                 EVP_PKEY_eq(own->encryption, keys->encryption) != 1;
    sp_keys_close(own);
    op_close(&op);
    return why != NULL ? OUTCOME_REFUSED : right ? OUTCOME_DONE : OUTCOME_WRONG;
}

// By query: what signs is our own key, which this connection trusts as a provider's.
static const struct trust *query_trust;

static enum outcome sign_out_by_query(void) {
    struct op op;
    struct logout_message message = {.is_request = false};
    struct inbound inbound = {.trust = query_trust, .entity_id = S(OUR_ENTITY), .acs_url = S(OUR_ACS), .keys = keys};
    op_open(&op, NOON);
    reason why = logout_receive_query(&op, &inbound, S(OUR_SLO), input, &message);
    bool right = why == NULL && message.is_request && slice_equal(message.name_id, S("ada")) &&
                 slice_equal(message.relay_state, S("here"));
    op_close(&op);
    return why != NULL ? OUTCOME_REFUSED : right ? OUTCOME_DONE : OUTCOME_WRONG;
}

static void each_query(void) {
    struct op *op = &lasting;
    struct slice der, url;
    assert_true(decode_base64(op, sp_signing_certificate(keys), true, &der));
    const unsigned char *at = (const unsigned char *)der.at;
    struct party self = {keys->signing, d2i_X509(NULL, &at, (long)der.len), der};
    struct connection connection = connection_of(op, &self, 1);
    assert_done(trust_make(op, &connection, &query_trust));
    X509_free(self.x509);
    size_t from = slice_find(leaving, S("<ds:Signature"));
    size_t to = slice_find(leaving, S("</ds:Signature>")) + sizeof "</ds:Signature>" - 1;
    struct slice bare_request = op_text(op, "%.*s%.*s", SLICE(slice_sub(leaving, 0, from)),
                                        SLICE(slice_sub(leaving, to, leaving.len)));
    assert_done(binding_redirect_url(op, S(OUR_SLO), "SAMLRequest", bare_request, S("here"), keys, &url));
    struct slice query = slice_sub(url, sizeof OUR_SLO, url.len);
    for (enum fault_kind kind = FAULT_MEMORY; kind <= FAULT_CRYPTO; kind++) {
        input = query;
        fault_each("a sign-out by query", kind, OUTCOME_DONE, sign_out_by_query, NULL);
        input = cut_in(query, "RelayState=here", S("RelayState=there"));
        fault_each("a changed sign-out by query", kind, OUTCOME_REFUSED, sign_out_by_query, NULL);
    }
    trust_free(query_trust);
}

static enum outcome normalise(void) {
    struct op op;
    struct email email;
    op_open(&op, NOON);
    reason why = email_normalise(&op, S("Ada.Lovelace@B\xc3\xbc" "cher.Example."), &email);
    bool right = why == NULL && slice_equal(email.whole, S("ada.lovelace@xn--bcher-kva.example"));
    op_close(&op);
    return why != NULL ? OUTCOME_REFUSED : right ? OUTCOME_DONE : OUTCOME_WRONG;
}

static enum outcome parse(void) {
    struct op op;
    const struct json *root = NULL;
    struct slice text;
    op_open(&op, NOON);
    reason why = json_parse(&op, json, &root);
    enum outcome outcome = OUTCOME_REFUSED;
    if (why == NULL && json_print(&op, root, false, &text) == NULL) {
        outcome = slice_equal(text, json) ? OUTCOME_DONE : OUTCOME_WRONG;
    }
    op_close(&op);
    return outcome;
}

static struct claims sample(void) {
    static struct slice roles[] = {{"admin", 5}};
    return (struct claims){.subject = S("usr_1"), .token_id = S("tok_1"), .session = S("ses_1"),
                           .tenant = S("acme"), .client_id = S("acme-okta"), .acr = S("urn:x"),
                           .roles = {roles, 1}, .issued_at = NOON, .expires_at = NOON + 5 * MINUTE_MS,
                           .authenticated_at = NOON, .rv = 7};
}

static enum outcome issue(void) {
    struct op op;
    struct slice text;
    op_open(&op, NOON);
    struct claims claims = sample();
    struct claims back;
    enum outcome outcome = OUTCOME_REFUSED;
    if (token_issue(&op, keyring, S("https://gate.example"), &claims, &text) == NULL) {
        atomic_store(&fault.armed, false);
        // cjose does not look whether a member of its header could be set: such a token is worth nothing.
        if (token_check(&op, keyring, S("https://gate.example"), text, &back) == NULL) {
            bool right = slice_equal(back.subject, S("usr_1")) && slice_equal(back.tenant, S("acme"));
            outcome = right ? OUTCOME_DONE : OUTCOME_WRONG;
        }
    }
    op_close(&op);
    return outcome;
}

static enum outcome check_token(void) {
    struct op op;
    struct claims back = {.rv = 0};
    op_open(&op, NOON);
    enum outcome outcome = OUTCOME_REFUSED;
    if (token_check(&op, keyring, S("https://gate.example"), input, &back) == NULL) {
        outcome = slice_equal(back.subject, S("usr_1")) && back.rv == 7 && back.roles.count == 1 ? OUTCOME_DONE
                                                                                              : OUTCOME_WRONG;
    }
    op_close(&op);
    return outcome;
}

static void remove_keys(const char *folder) {
    static const char *const files[] = {"saml-signing.key", "saml-signing.crt", "saml-encryption.key",
                                        "saml-encryption.crt", "token-1.key", "token-2.key"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[160];
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
}

// A key that was made is whole on the disk, or there is none.
static enum outcome make_key(void) {
    struct op op;
    char folder[] = "/tmp/gatehouse-fault-XXXXXX";
    op_open(&op, NOON);
    enum outcome outcome = OUTCOME_REFUSED;
    struct keyring *made = NULL;
    if (mkdtemp(folder) == NULL) {
        return OUTCOME_WRONG;
    }
    bool done = keyring_make(&op, folder) == NULL;
    atomic_store(&fault.armed, false);
    if (done) {
        outcome = keyring_open(&op, folder, &made) == NULL ? OUTCOME_DONE : OUTCOME_WRONG;
        keyring_close(made);
    } else if (keyring_make(&op, folder) != NULL || keyring_open(&op, folder, &made) != NULL) {
        outcome = OUTCOME_WRONG; // what was left behind stands in the way
    } else {
        keyring_close(made);
    }
    remove_keys(folder);
    (void)rmdir(folder);
    op_close(&op);
    return outcome;
}

// One that a connection gets for itself is whole on the disk too, or there is none.
static enum outcome make_own_key(void) {
    struct op op;
    const struct slice slug = S("acme-made");
    struct slice certificate;
    EVP_PKEY *key = NULL;
    op_open(&op, NOON);
    bool done = sp_own_key_make(&op, dir, slug, SP_SIGNING, 8) == NULL;
    atomic_store(&fault.armed, false);
    bool again = sp_own_key_make(&op, dir, slug, SP_SIGNING, 8) == NULL; // what was left behind stands in nobody's way
    struct slice folder = op_text(&op, "%s/connections/acme-made%c", dir, 0);
    bool opens = sp_pair_open(&op, folder.at, SP_SIGNING, 8, &certificate, &key) == NULL;
    EVP_PKEY_free(key);
    (void)!sp_own_keys_forget(&op, dir, slug);
    op_close(&op);
    return !again || !opens ? OUTCOME_WRONG : done ? OUTCOME_DONE : OUTCOME_REFUSED;
}

static void each_message(enum fault_kind kind) {
    const struct {
        const char *name;
        struct slice xml;
        enum outcome want;
    } rows[] = {
        {"a good Response", good, OUTCOME_DONE},         {"one with two signatures", both, OUTCOME_DONE},
        {"an encrypted Assertion", sealed, OUTCOME_DONE}, {"a changed Response", tampered, OUTCOME_REFUSED},
        {"an encrypted attribute", parts, OUTCOME_DONE},
        {"another signer's", foreign, OUTCOME_REFUSED},   {"one that is not signed", bare, OUTCOME_REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (kind == FAULT_CRYPTO && slice_equal(rows[i].xml, bare)) {
            continue; // nothing is computed for it
        }
        input = rows[i].xml;
        fault_each(rows[i].name, kind, rows[i].want, receive, NULL);
    }
}

int main(void) {
    xmlMemSetup(free, failing_malloc, failing_realloc, failing_strdup);
    json_set_alloc_funcs(failing_malloc, free);
    xml_init();
    op_open(&lasting, NOON);
    idp = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    stranger = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    trusted = connection_of(&lasting, &idp, 1);
    assert_done(trust_make(&lasting, &trusted, &trust));
    assert_non_null(mkdtemp(dir));
    assert_done(sp_keys_make(&lasting, dir));
    assert_done(sp_keys_open(&lasting, dir, &keys));
    assert_done(keyring_make(&lasting, dir));
    assert_done(keyring_open(&lasting, dir, &keyring));
    brake = brake_open();
    assert_non_null(brake);
    make_messages();
    assert_done(sp_own_key_make(&lasting, dir, S("acme-okta"), SP_ENCRYPTION, 7));
    struct claims claims = sample();
    assert_done(token_issue(&lasting, keyring, S("https://gate.example"), &claims, &token));

    each_message(FAULT_MEMORY);
    each_message(FAULT_CRYPTO);
    fault_each("the keys of a connection", FAULT_MEMORY, OUTCOME_DONE, make_trust, NULL);
    fault_each("the keys of a connection", FAULT_CRYPTO, OUTCOME_DONE, make_trust, NULL);
    fault_each("metadata", FAULT_MEMORY, OUTCOME_DONE, import, NULL);
    fault_each("metadata", FAULT_CRYPTO, OUTCOME_DONE, import, NULL);
    for (enum fault_kind kind = FAULT_MEMORY; kind <= FAULT_CRYPTO; kind++) {
        input = vouched;
        fault_each("signed metadata", kind, OUTCOME_DONE, import_signed, NULL);
        input = vouched_by_another;
        fault_each("metadata that another signed", kind, OUTCOME_REFUSED, import_signed, NULL);
        input = leaving;
        fault_each("a sign-out", kind, OUTCOME_DONE, sign_out, NULL);
        input = leaving_by_another;
        fault_each("a sign-out of another signer", kind, OUTCOME_REFUSED, sign_out, NULL);
    }
    each_query();
    fault_each("an address", FAULT_MEMORY, OUTCOME_DONE, normalise, NULL);
    fault_each("a connection's own key", FAULT_MEMORY, OUTCOME_DONE, open_own_key, NULL);
    fault_each("a connection's key is made", FAULT_DISK, OUTCOME_DONE, make_own_key, NULL);
    fault_each("JSON", FAULT_MEMORY, OUTCOME_DONE, parse, NULL);
    fault_each("a token is made", FAULT_MEMORY, OUTCOME_DONE, issue, NULL);
    input = token;
    fault_each("a token is checked", FAULT_MEMORY, OUTCOME_DONE, check_token, NULL);
    char *changed = strdup(op_text(&lasting, "%.*s%c", SLICE(token), 0).at);
    changed[token.len - 10] = changed[token.len - 10] == 'A' ? 'B' : 'A';
    input = slice_of(changed, token.len);
    fault_each("a changed token is checked", FAULT_MEMORY, OUTCOME_REFUSED, check_token, NULL);
    fault_each("a token key is made", FAULT_DISK, OUTCOME_DONE, make_key, NULL);
    fault_each("a token key is made", FAULT_MEMORY, OUTCOME_DONE, make_key, NULL);

    free(changed);
    (void)!sp_own_keys_forget(&lasting, dir, S("acme-okta"));
    (void)rmdir(op_text(&lasting, "%s/connections%c", dir, 0).at);
    remove_keys(dir);
    (void)rmdir(dir);
    brake_close(brake);
    keyring_close(keyring);
    sp_keys_close(keys);
    trust_free(trust);
    party_free(&idp);
    party_free(&stranger);
    op_close(&lasting);
    return fault_done();
}
