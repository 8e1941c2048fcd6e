// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata that counts only if somebody signed it whose key came another way (metadata interoperability profile 2.3,
// SAML metadata 3). Nothing in the document says who that is.
#ifndef GATEHOUSE_SAML_METADATA_SIGNATURE_H
#define GATEHOUSE_SAML_METADATA_SIGNATURE_H

#include "domain/connection.h"
#include "saml/msg.h"

// Does the signature hold over the document element, by a key of `signers` (struct certificate)? `text` is the
// document as it came. *ret_octets: what is verified, which alone may be read. metadata.signature.
MUST_USE reason metadata_verified(struct op *op, struct rows signers, struct slice text,
                                  const struct msg_signature *signature, struct slice *ret_octets);

#endif
