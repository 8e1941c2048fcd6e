// SPDX-License-Identifier: GPL-3.0-or-later
// Verified octets in, struct statement out. Each slice is text of the octets (or decoded from it in op's arena).
#ifndef GATEHOUSE_SAML_STATEMENT_H
#define GATEHOUSE_SAML_STATEMENT_H

#include "saml/inbound.h"

// What a Response holds beside what struct statement says: direct children only.
struct response_parts {
    size_t assertions, encrypted;
    struct slice assertion_id;
    bool assertion_has_signature; // a Signature is a direct child of the Assertion
};

// The verified octets of a Response. `outline`: the Assertion has octets of its own, so here only its ID is looked
// at. saml.malformed; signature.misplaced: a second Signature is left in what is signed.
MUST_USE reason statement_response(struct op *op, struct slice octets, bool outline,
                                   struct statement *statement, struct response_parts *ret_parts);
// The verified octets of an Assertion, or what came out of `around` under a verified Response (else NULL). An
// EncryptedAttribute is opened with statement->keys; one that does not open is refused, since nobody knows what a role
// hangs on: encryption.*. saml.malformed (also: no ID, no IssueInstant); saml.too_large: more attributes or
// values than IDENTITY_*; signature.misplaced.
MUST_USE reason statement_assertion(struct op *op, struct slice octets, const struct reader *around,
                                    struct statement *statement);
// What an EncryptedID held, which stood where `around` stands: one NameID. encryption.failed, saml.malformed.
MUST_USE reason statement_name_id(struct op *op, struct slice plain, const struct reader *around,
                                  struct statement *statement);

#endif
