// SPDX-License-Identifier: GPL-3.0-or-later
// The policy second_opinion: lasso must accept the message too, for the same NameID. It is asked after
// our own verdict and rules, and can only refuse.
#ifndef GATEHOUSE_SAML_OPINION_H
#define GATEHOUSE_SAML_OPINION_H

#include "saml/inbound.h"

// The document in which a decrypted Assertion that is signed itself stands: a Response of ours, unsigned.
// Lasso reads it as it would read one that was never encrypted. `around`: what is declared where it was encrypted is
// declared on the Response; NULL: nothing.
MUST_USE reason opinion_wrap(struct op *op, const struct trust *trust, struct slice assertion,
                             const struct reader *around, struct slice *ret_xml);
// `identity` is what we found in `xml`. assertion.second_opinion, with the two values that differ;
// worker.failed when lasso does not answer.
MUST_USE reason opinion_check(struct op *op, const struct inbound *inbound, struct slice xml,
                              const struct identity *identity, struct slice *ret_expected,
                              struct slice *ret_got);

#endif
