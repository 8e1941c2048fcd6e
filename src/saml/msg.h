// SPDX-License-Identifier: GPL-3.0-or-later
// Every message between the gate and its workers, both directions, linked into both programs: who writes
// and who reads a message are neighbours in msg.c. Ask even, answer odd. The gate believes none of it:
// what matters is checked by the signature over the very bytes, and the rest may refuse, never admit.
#ifndef GATEHOUSE_SAML_MSG_H
#define GATEHOUSE_SAML_MSG_H

#include "base/reason.h"
#include "base/wire.h"

// Ceilings, each with its reason.
#define MSG_XML_MAX (1U << 20)        // a message under its cap (SAML_XML_MAX) or IdP metadata
#define MSG_CANONICAL_MAX (2U << 20)  // canonical form adds namespace declarations, never doubles honest XML
#define MSG_SIGNATURES_MAX 4          // Response and Assertion; two more, so that a fifth is seen as too many
#define MSG_SIGNED_INFO_MAX (16U << 10) // an honest one is under 2 KB
#define MSG_VALUE_MAX (8U << 10)      // SignatureValue as text: RSA-16384 with line ends
#define MSG_ENCRYPTED_MAX 2           // one is honest; the second makes assertion.count
#define MSG_TEXT_MAX 2048             // IDs, issuers, URLs
#define MSG_METADATA_MAX (512U << 10) // 20 certificates of 8 KB in base64, and addresses
#define MSG_NAME_ID_MAX (64U << 10)   // a NameID is under 256 bytes by the book; a longer one is only compared

enum msg_kind {
    MSG_REFUSED = 1,       // legal answer to all: reason number and detail
    MSG_CANONICALISE = 10, // a SAML message -> MSG_CANONICAL
    MSG_CANONICAL = 11,
    MSG_WHOLE = 20,        // any document (IdP metadata) -> MSG_WHOLE_CANONICAL; fresh workers only
    MSG_WHOLE_CANONICAL = 21,
    MSG_OPINION = 30, // a message and who trusts whom -> MSG_OPINION_GIVEN; fresh workers of gatehouse-opinion only
    MSG_OPINION_GIVEN = 31,
};

enum msg_parent { MSG_PARENT_ROOT, MSG_PARENT_ASSERTION };
struct msg_signature {
    uint32_t parent;          // whose direct child the Signature is
    struct slice parent_id;   // its ID attribute, as text
    struct slice signed_info; // SignedInfo by its own CanonicalizationMethod
    struct slice value;       // text of SignatureValue
    struct slice covered;     // the parent element by the one Reference's transforms (never empty)
};
// Unsigned view of the root element; "" where absent.
struct msg_envelope {
    struct slice name; // local name of the root: Response, LogoutRequest, LogoutResponse
    struct slice id, version, issue_instant, destination, in_response_to, issuer;
    struct slice status, sub_status, status_message;
    uint32_t assertions, encrypted; // direct children
    uint32_t misplaced; // Signatures outside the places SAML allows (those under Advice, Extensions, Object do not count)
};
struct msg_canonical {
    struct msg_envelope envelope;
    struct msg_signature signatures[MSG_SIGNATURES_MAX];
    uint32_t signature_count;
    // EncryptedAssertion children of the root: exclusive canonical form, so it stands alone.
    struct slice encrypted[MSG_ENCRYPTED_MAX];
    uint32_t encrypted_count;
};
// IdP metadata and whatever else the gate's reader shall read: the document element in exclusive canonical form
// without comments, and the signature over it when there is one.
struct msg_whole {
    struct slice canonical;
    struct msg_signature signature; // signed_info empty: not signed
};

// What lasso shall judge: a Response, and metadata of both sides, written by the gate.
struct msg_opinion_ask {
    struct slice xml, idp, sp;
};
// What it found. Only ever compared: it may refuse a login, never admit one.
struct msg_opinion {
    bool accepted;
    struct slice words; // why not, in lasso's words; "" when accepted
    struct slice name_id, issuer;
};

// Writers give false when it does not fit `room`. Readers give false when it is not such a message to the
// last byte; the slices point into the fields.
bool msg_put_ask(struct wire_out *out, void *at, size_t room, enum msg_kind kind, uint64_t job,
                 struct slice xml);
bool msg_get_ask(struct slice fields, struct slice *ret_xml);
bool msg_put_refused(struct wire_out *out, void *at, size_t room, uint64_t job, reason why,
                     struct slice detail);
bool msg_get_refused(struct slice fields, reason *ret_why, struct slice *ret_detail);
bool msg_put_canonical(struct wire_out *out, void *at, size_t room, uint64_t job,
                       const struct msg_canonical *message);
bool msg_get_canonical(struct slice fields, struct msg_canonical *ret_message);
bool msg_put_whole(struct wire_out *out, void *at, size_t room, uint64_t job,
                   const struct msg_whole *message);
bool msg_get_whole(struct slice fields, struct msg_whole *ret_message);
bool msg_put_opinion_ask(struct wire_out *out, void *at, size_t room, uint64_t job,
                         const struct msg_opinion_ask *ask);
bool msg_get_opinion_ask(struct slice fields, struct msg_opinion_ask *ret_ask);
bool msg_put_opinion(struct wire_out *out, void *at, size_t room, uint64_t job,
                     const struct msg_opinion *opinion);
bool msg_get_opinion(struct slice fields, struct msg_opinion *ret_opinion);

#endif
