// SPDX-License-Identifier: GPL-3.0-or-later
// The two jobs of a worker: a SAML message, or a whole document, into canonical bytes. It decides
// nothing: the gate checks the signatures over the very bytes.
#ifndef GATEHOUSE_WORKER_CANONICALISE_H
#define GATEHOUSE_WORKER_CANONICALISE_H

#include "saml/msg.h"
#include "worker/xml.h"

// saml.malformed, saml.dtd_forbidden, saml.too_large, signature.misplaced (more signatures than are
// looked at), signature.duplicate_id, signature.transform, signature.reference, signature.value.
// What comes back is in op's arena.
MUST_USE reason canonicalise_message(struct op *op, struct slice xml,
                                     struct msg_canonical *ret_message);
// A signature that cannot be read is left out, so that who asks for one finds none.
MUST_USE reason canonicalise_whole(struct op *op, struct slice xml, struct msg_whole *ret_message);

#endif
