// SPDX-License-Identifier: GPL-3.0-or-later
// Ourselves as service provider: keys, and the small fixed documents that we sign (metadata, AuthnRequest,
// LogoutRequest, LogoutResponse). They are written in canonical form with escaped values, so that signing
// needs no canonicaliser.
#ifndef GATEHOUSE_SAML_SP_H
#define GATEHOUSE_SAML_SP_H

#include "domain/session.h"
#include "domain/sp_key.h"
#include "saml/binding.h"

struct sp_keys; // signing and decryption keys with their certificates

// Makes DIR/saml-signing.key, .crt, DIR/saml-encryption.key, .crt (RSA 3072, self-signed for ten years, 0600) where
// they are not there yet. start.key_file.
MUST_USE reason sp_keys_make(struct op *op, const char *dir);
// All keys that are there, by their states (below).
// start.key_file: which file, what is wrong (missing, unreadable, not a key, certificate of another key, readable for
// others), what to do.
MUST_USE reason sp_keys_open(struct op *op, const char *dir, struct sp_keys **ret_keys);
// One RSA private key in PEM, to decrypt with and for nothing else (gatehouse check). `name` is said in start.key_file.
MUST_USE reason sp_keys_open_decryption(struct op *op, const char *name, struct slice pem,
                                        struct sp_keys **ret_keys);
void sp_keys_close(struct sp_keys *keys);

// How keys are rolled over, as files: saml-signing.key is number 1, saml-signing-2.key number 2; the states stand in
// saml-signing.state, and without that file number 1 is the current one. A gate reads them at its start.
MUST_USE reason sp_keys_list(struct op *op, const char *dir, enum sp_key_kind kind,
                             struct sp_key_set *ret_set);
// A new key, `next`. illegal_transition: there are SP_KEYS_MAX already.
MUST_USE reason sp_keys_add(struct op *op, const char *dir, enum sp_key_kind kind,
                            uint32_t *ret_number);
// It becomes the current one, and the current one becomes old. From next or old. not_found, illegal_transition.
MUST_USE reason sp_keys_use(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number);
// From old. not_found, illegal_transition.
MUST_USE reason sp_keys_retire(struct op *op, const char *dir, enum sp_key_kind kind,
                               uint32_t number);
// The files too. From retired or next. not_found, illegal_transition.
MUST_USE reason sp_keys_remove(struct op *op, const char *dir, enum sp_key_kind kind,
                               uint32_t number);

// Keys of one connection alone: DIR/connections/SLUG/saml-signing-5.key ... Its record says which there are.
MUST_USE reason sp_own_key_make(struct op *op, const char *dir, struct slice slug,
                                enum sp_key_kind kind, uint32_t number);
MUST_USE reason sp_own_key_remove(struct op *op, const char *dir, struct slice slug,
                                  enum sp_key_kind kind, uint32_t number);
// All of them, when the connection is gone.
MUST_USE reason sp_own_keys_forget(struct op *op, const char *dir, struct slice slug);
// What this connection uses: keys of its own where it has some, else those of `gates`, which has to stay open longer.
// start.key_file: one is missing or broken.
MUST_USE reason sp_keys_open_own(struct op *op, const char *dir, const struct connection *connection,
                                 const struct sp_keys *gates, struct sp_keys **ret_keys);

// What metadata tells of the operator; "" is left out.
struct sp_about {
    struct slice product, contact_email, privacy_url, logo_url;
    int64_t logo_width, logo_height; // pixels
};
// The addresses of one connection: public_url + /saml/{slug}...
struct sp {
    struct slice entity_id, acs_url, slo_url, login_url, metadata_url;
    const struct sp_about *about; // for metadata; NULL (as sp_addresses leaves it): says nothing
};
MUST_USE reason sp_addresses(struct op *op, struct slice public_url, struct slice slug, struct sp *ret_sp);

// Signed EntityDescriptor (application/samlmetadata+xml): signing and encryption KeyDescriptors with
// EncryptionMethods, alg: extensions, ACS (POST, indexed, default), SLO by both bindings. validUntil is not set:
// the document is refreshed by whoever polls it. Callers cache it by connection version.
MUST_USE reason sp_metadata(struct op *op, const struct sp *sp, const struct connection *connection,
                            const struct sp_keys *keys, struct slice *ret_xml);

// Where a browser is sent with a message.
struct outbound {
    bool post;         // by form; else by redirect
    struct slice url;  // redirect: complete; post: the form's action
    struct slice field, value, relay_state; // post: SAMLRequest or SAMLResponse, base64
};
// AuthnRequest by policy (request_binding, sign_requests, force_authn, authn_context, name_id_format; nothing else is
// asked for). `pending` gives ID and RelayState. metadata.no_sso_endpoint when the IdP has none for any binding.
MUST_USE reason sp_authn_request(struct op *op, const struct sp *sp,
                                 const struct connection *connection, const struct sp_keys *keys,
                                 const struct pending *pending, struct outbound *ret_outbound);
// LogoutRequest for a session, always signed; `pending` gives ID and RelayState; NameID with all that the login carried, SessionIndex. *ret_there false:
// the IdP has no logout endpoint, or the login carried no NameID, without which there is no LogoutRequest.
MUST_USE reason sp_logout_request(struct op *op, const struct sp *sp,
                                  const struct connection *connection, const struct sp_keys *keys,
                                  const struct session *session, const struct pending *pending,
                                  struct outbound *ret_outbound, bool *ret_there);
#define SP_STATUS_SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"
#define SP_STATUS_REQUESTER "urn:oasis:names:tc:SAML:2.0:status:Requester"
#define SP_STATUS_RESPONDER "urn:oasis:names:tc:SAML:2.0:status:Responder"
#define SP_STATUS_UNKNOWN_PRINCIPAL "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"
#define SP_STATUS_PARTIAL_LOGOUT "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
// LogoutResponse to a request, always signed, to the endpoint's response_location where it has one. `status` is a
// top-level code URI, "" for Success; `sub_status` the second-level one, "" for none. metadata.no_sso_endpoint: the
// IdP has no logout endpoint to answer to.
MUST_USE reason sp_logout_response(struct op *op, const struct sp *sp,
                                   const struct connection *connection, const struct sp_keys *keys,
                                   struct slice in_response_to, const char *status,
                                   const char *sub_status, struct slice relay_state,
                                   struct outbound *ret_outbound);

// Signs with the SP's signing key, RSA-SHA256. For the documents here and binding_redirect_url.
MUST_USE reason sp_sign(struct op *op, const struct sp_keys *keys, struct slice octets,
                        struct slice *ret_signature);
// Those that the metadata publishes, DER in base64, the current one first.
struct texts sp_published_certificates(const struct sp_keys *keys, enum sp_key_kind kind);
// The current ones.
struct slice sp_signing_certificate(const struct sp_keys *keys);
struct slice sp_encryption_certificate(const struct sp_keys *keys);

#endif
