// SPDX-License-Identifier: GPL-3.0-or-later
// The practice identity provider: what its files share.
// Owns: the things it knows (people, service providers, sessions, requests in hand) and its inner
// calls. Never: part of the gate, safe to show to a network. It signs anyone in without a password,
// so it listens on loopback only. It stands on lasso, libxml2 and xmlsec, and on glib, which lasso
// brings. One thread serves all requests, so nothing here is locked. Texts are UTF-8 and end in
// NUL. A function that returns `char *why` returns NULL when done, else a sentence that the caller
// frees.
#ifndef GATEHOUSE_PRACTICE_PRACTICE_H
#define GATEHOUSE_PRACTICE_PRACTICE_H

#include "practice/http.h"
#include "practice/personas.h"

#include <glib.h>
#include <lasso/lasso.h>
#include <libxml/tree.h>
#include <stdbool.h>

#define NAMESPACE_ASSERTION "urn:oasis:names:tc:SAML:2.0:assertion"
#define NAMESPACE_PROTOCOL "urn:oasis:names:tc:SAML:2.0:protocol"
#define NAMESPACE_METADATA "urn:oasis:names:tc:SAML:2.0:metadata"
#define BINDING_POST "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
#define BINDING_REDIRECT "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
#define STATUS "urn:oasis:names:tc:SAML:2.0:status:" // a prefix: STATUS "Success"

#define SECOND_US G_GINT64_CONSTANT(1000000)

#define XML(text) ((const xmlChar *)(text))
#define TEXT(text) ((const char *)(text))

// people.c
struct person {
    char *email, *first, *last;
    char **groups; // ends in NULL, may be empty
};

// keys.c: a key pair of this provider; base64 is the certificate's DER, as metadata wants it
struct signer {
    char *key_pem, *cert_pem, *cert_base64;
};

// trust.c
struct endpoint {
    char *binding, *location;
    int index;
    bool is_default;
};

struct sp {
    char *url;      // where its metadata is
    char *metadata; // NULL: not fetched yet
    char *entity_id, *trouble;
    GPtrArray *acs, *slo; // struct endpoint
    bool signs_requests;
    gint64 tried_at; // microseconds, 0: never
};

// Things that are forgotten after a while start with this.
struct aged {
    gint64 made_at;
};

// state.c: an AuthnRequest that waits for a person (or an unsolicited sign-in: then request_id is
// NULL)
struct pending {
    struct aged aged;
    char *state, *sp_entity, *acs, *request_id, *relay_state, *name_id_format, *authn_class;
    bool choose, passive, forced;
};

// One person's session here. `lasso` holds the assertions that went to service providers.
struct session {
    struct aged aged;
    char *cookie;
    const struct person *person;
    const struct persona *persona;
    char *session_index;
    char *transient_id;
    char *logout_id; // the LogoutRequest that we wait for an answer to
    LassoSession *lasso;
    bool ended;
};

// What was sent last to one service provider, for the replay fault.
struct sent {
    char *message, *acs, *relay_state;
};

struct idp {
    char *base_url, *entity_id, *data_dir, *metadata;
    bool quiet;
    const struct persona *persona;
    struct signer own, foreign;
    GPtrArray *people, *sps;
    LassoServer *server;
    GHashTable *pendings, *sessions, *sent; // by state, by cookie, by entity id
};

// people.c
GPtrArray *people_demo(void);
char *people_load(const char *path, GPtrArray **ret_people);
const struct person *people_find(const GPtrArray *people, const char *email);

// keys.c
char *keys_open(struct idp *idp);

// trust.c
// Fetches what is older than half a minute; `now` fetches all again (at most once a second).
void trust_refresh(struct idp *idp, bool now);
const struct sp *trust_find(const struct idp *idp, const char *entity_id);
const struct endpoint *trust_acs(const struct sp *sp, const char *url, int index);
const struct endpoint *trust_slo(const struct sp *sp, const char *binding);
char *trust_own_metadata(const struct idp *idp);
void sp_free(void *sp);

// state.c
struct pending *pending_new(struct idp *idp, const char *sp_entity, const char *acs);
const struct pending *pending_find(const struct idp *idp, const char *state);
struct session *session_new(struct idp *idp, const struct person *person);
struct session *session_of(const struct idp *idp, const struct request *request); // NULL: none
void session_drop(struct idp *idp, struct session *session);
void state_open(struct idp *idp);
void state_close(struct idp *idp);
char *random_id(void); // "_" and 32 hex digits

// answer.c: one Response, ready to be sent
struct answer {
    const struct sp *sp;
    const struct pending *pending;
    const struct session *session; // NULL with a status that is not Success
    const struct persona *persona;
    enum fault fault;
    enum sign_what sign;
    const char *status, *substatus, *status_message; // status NULL: Success
};
// The XML; with ret_assertion the assertion as lasso keeps it in a session (NULL with an error
// status).
char *answer_build(const struct idp *idp, const struct answer *answer, GString **ret_xml,
                   LassoNode **ret_assertion);

// sign.c
char *sign_element(xmlNode *element, const struct signer *signer, bool sha1, const char *prefixes);

// wire.c
// A SAML message as lasso wants it (base64, or the raw query with its signature), if it is XML with
// that root element; NULL: it is not. The caller frees it.
char *wire_message(const struct request *request, const char *field, const char *name);

// sso.c
void sso_request(struct idp *idp, const struct request *request, struct reply *reply);
void sso_continue(struct idp *idp, const struct request *request, struct reply *reply);
void sso_answer(struct idp *idp, const struct request *request, struct reply *reply);
void sso_unsolicited(struct idp *idp, const struct request *request, struct reply *reply);

// slo.c
void slo_message(struct idp *idp, const struct request *request, struct reply *reply);
void slo_start(struct idp *idp, const struct request *request, struct reply *reply);

#endif
