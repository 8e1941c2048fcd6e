// SPDX-License-Identifier: GPL-3.0-or-later
// IdP metadata in pieces, for tests that change one.
#ifndef GATEHOUSE_UNIT_IDP_XML_H
#define GATEHOUSE_UNIT_IDP_XML_H

#include "idp_unit.h"

#include "no_pool.h"

#define MD "xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\""
#define DS "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\""
#define SAML2 "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\""
#define HTTP(kind) "urn:oasis:names:tc:SAML:2.0:bindings:" kind
#define SSO                                                                                        \
    "<md:SingleSignOnService Binding=\"" HTTP(                                                     \
        "HTTP-Redirect") "\" Location=\"https://idp.example/sso\"/>"
#define ID "https://idp.example/metadata"

__attribute__((unused)) static reason import_of(struct op *op, struct slice xml, const char *wanted,
                                                struct idp_import *ret) {
    return idp_from_xml(op, NULL, xml, slice_str(wanted), ret);
}

__attribute__((unused)) static struct slice key_info(struct op *op, const char *use,
                                                     struct slice inner) {
    return op_text(op,
                   "<md:KeyDescriptor%s><ds:KeyInfo " DS ">%.*s</ds:KeyInfo></md:KeyDescriptor>",
                   use, SLICE(inner));
}
__attribute__((unused)) static struct slice x509(struct op *op, struct slice text) {
    return op_text(op, "<ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate></ds:X509Data>",
                   SLICE(text));
}
__attribute__((unused)) static struct slice good_key(struct op *op) {
    return key_info(op, " use=\"signing\"", x509(op, base64_of(op, rsa_2048, -10, 1000)));
}
// An IdP by its id, the attributes of entity and role, and what stands in the role.
__attribute__((unused)) static struct slice entity(struct op *op, const char *id,
                                                   const char *on_entity, const char *on_role,
                                                   struct slice keys, const char *endpoints) {
    return op_text(op,
                   "<md:EntityDescriptor " MD " entityID=\"%s\"%s><md:IDPSSODescriptor " SAML2
                   "%s>%.*s%s"
                   "</md:IDPSSODescriptor></md:EntityDescriptor>",
                   id, on_entity, on_role, SLICE(keys), endpoints);
}
__attribute__((unused)) static struct slice plain(struct op *op) {
    return entity(op, ID, "", "", good_key(op), SSO);
}
__attribute__((unused)) static struct slice group(struct op *op, const char *attributes,
                                                  struct slice inner) {
    return op_text(op, "<md:EntitiesDescriptor " MD "%s>%.*s</md:EntitiesDescriptor>", attributes,
                   SLICE(inner));
}

#endif
