// SPDX-License-Identifier: GPL-3.0-or-later
// One ds:Signature into the bytes that the gate verifies: SignedInfo by its own method, the value,
// and the parent element (whatever the URI points to) by the transforms that the Reference names.
#ifndef GATEHOUSE_WORKER_SIGNATURE_H
#define GATEHOUSE_WORKER_SIGNATURE_H

#include "saml/msg.h"
#include "worker/xml.h"

// signature.transform, signature.reference, signature.value, saml.too_large, saml.malformed.
MUST_USE reason signature_read(struct op *op, xmlNode *signature, enum msg_parent kind,
                               struct msg_signature *ret_signature);

#endif
