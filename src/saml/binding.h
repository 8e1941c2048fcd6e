// SPDX-License-Identifier: GPL-3.0-or-later
// How SAML messages travel: the POST binding (a form) and the Redirect binding (a query string).
#ifndef GATEHOUSE_SAML_BINDING_H
#define GATEHOUSE_SAML_BINDING_H

#include "base/op.h"

#define SAML_XML_MAX (256U << 10)  // 1,000 groups with long names are 150 KB
#define SAML_FORM_MAX (SAML_XML_MAX / 3 * 4 * 3 / 2) // base64, then some bytes as %2B
#define RELAY_STATE_MAX 2048 // the profile says 80; real ones are longer, and only ours means anything
#define QUERY_MAX (64U << 10)

struct post_form {
    struct slice xml;         // decoded SAMLResponse or SAMLRequest
    bool is_request;
    struct slice raw;         // the field as it came (base64, URL-decoded), for the re-post form
    struct slice relay_state; // at NULL: absent
    bool posted_again;        // our own marker field of the re-post form
};
// application/x-www-form-urlencoded. saml.binding: no or two SAMLResponse/SAMLRequest fields, both, SAMLart,
// twice RelayState, a deflated message; saml.malformed: not base64, empty, no XML in UTF-8; saml.too_large. A
// RelayState over RELAY_STATE_MAX, or that is no line of text, counts as absent: it can only be none of ours.
MUST_USE reason binding_post(struct op *op, struct slice body, struct post_form *ret_form);
#define POSTED_AGAIN_FIELD "gatehouse_again"

struct query_message {
    struct slice xml;
    bool is_request;
    struct slice relay_state; // at NULL: absent
    struct slice algorithm;   // SigAlg decoded; at NULL: not signed
    struct slice signature;   // decoded bytes
    struct slice signed_octets; // SAMLRequest=..&RelayState=..&SigAlg=.. exactly as received (bindings 3.4.4.1)
};
// Inflates with a cap of SAML_XML_MAX. Same refusals; saml.binding also for another SAMLEncoding and for SigAlg
// without Signature or the other way round. A byte order mark and an XML declaration in UTF-8 (Shibboleth sends one)
// are taken off, so that the reader can read what is left.
MUST_USE reason binding_query(struct op *op, struct slice query, struct query_message *ret_message);

// Deflate + base64 + URL encoding of a message that we send; signed with the SP key when keys are given. Gives
// location?SAMLRequest=...(&RelayState=...)&SigAlg=...&Signature=... (joined with & when location has a query).
struct sp_keys;
MUST_USE reason binding_redirect_url(struct op *op, struct slice location, const char *field,
                                     struct slice xml, struct slice relay_state,
                                     const struct sp_keys *keys, struct slice *ret_url);

#endif
