// SPDX-License-Identifier: GPL-3.0-or-later
// How our documents are written: exclusive canonical XML as it comes off the pen, so that what is
// digested is what is sent. Callers write namespaces where they are visibly used first, attributes
// in canonical order (namespace declarations by prefix, then names by bytes) and explicit end tags;
// values are escaped here.
#ifndef GATEHOUSE_SAML_SP_WRITE_H
#define GATEHOUSE_SAML_SP_WRITE_H

#include "base/buf.h"
#include "saml/sp.h"

#define SP_DOCUMENT_MAX (64U << 10) // metadata is under 10 KB, a request under 6 KB

struct xml {
    struct buf buf;
    bool bad; // a value holds what XML cannot carry
};
void xml_open(struct xml *xml, struct op *op);
void xml_raw(struct xml *xml, const char *markup); // ours: written as it is
void xml_text(struct xml *xml, struct slice value);
void xml_attribute(struct xml *xml, const char *name, struct slice value); // with a space before it
// <tag>text</tag>; `start` is the tag with its attributes, "saml:Issuer xmlns:saml=...".
void xml_leaf(struct xml *xml, const char *start, struct slice text);
// limit.memory; invalid_input when a value holds characters that XML cannot carry.
MUST_USE reason xml_done(const struct xml *xml, struct slice *ret_text);

// "_" and 32 random hex digits: an xs:ID.
MUST_USE reason sp_random_id(struct op *op, struct slice *ret_id);
// Puts an enveloped signature (RSA-SHA256, exclusive canonical form) of head + tail between the
// two. `id` is the root's ID.
MUST_USE reason sp_sign_document(struct op *op, const struct sp_keys *keys, struct slice id,
                                 struct slice head, struct slice tail, struct slice *ret_xml);

// Parts of metadata: Extensions of the role, ContactPerson, EntityAttributes. Nothing when there is nothing to tell.
void sp_put_about(struct xml *xml, const struct sp_about *about);
void sp_put_contact(struct xml *xml, const struct sp_about *about);
void sp_put_subject_id(struct xml *xml, const struct policy *policy);

#define URI_BINDING_POST "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
#define URI_BINDING_REDIRECT "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"

#endif
