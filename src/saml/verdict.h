// SPDX-License-Identifier: GPL-3.0-or-later
// THE verdict: does a signature hold over these very bytes, by a key of this connection? With OpenSSL's EVP alone.
// SignedInfo is read as untrusted text by the strict reader: one Reference, URI "#ID", allow-listed
// canonicalisation, transforms, digest and signature algorithm, the last fitting the key's type.
#ifndef GATEHOUSE_SAML_VERDICT_H
#define GATEHOUSE_SAML_VERDICT_H

#include "domain/trace.h"
#include "saml/finding.h"
#include "saml/msg.h"
#include "saml/trust.h"

#define RSA_BITS_MIN 2048

struct verdict {
    struct slice octets; // what is verified: the covered bytes
    const struct trust_key *key; // which held
    bool weak; // SHA-1, by policy
};
// `message`: the bytes that arrived, in which the SignatureValue must occur. `parent_id` in SignedInfo's URI must
// be the ID of the covered bytes' root, which must be element `local` of namespace `namespace`.
// signature.reference, .transform, .algorithm, .value, .digest, .unknown_signer (a certificate in the message that is
// none of ours is named by its SHA-256 in the detail), .certificate_expired (by policy), .missing.
MUST_USE reason verdict_signature(struct op *op, const struct trust *trust, struct slice message,
                                  const struct msg_signature *signature, const char *namespace,
                                  const char *local, struct verdict *ret_verdict);
// The same; `finding` gets what was expected and met, for the trace, whatever the verdict is.
MUST_USE reason verdict_explained(struct op *op, const struct trust *trust, struct slice message,
                                  const struct msg_signature *signature, const char *namespace,
                                  const char *local, struct finding *finding,
                                  struct verdict *ret_verdict);
// SHA-256 of the certificates whose keys are trusted, for a row in the trace.
struct slice verdict_signers(struct op *op, const struct trust *trust);
// A detached signature over raw octets (Redirect binding): algorithm URI and value. signature.missing, .algorithm,
// .value, .unknown_signer (no key is set up), .certificate_expired.
MUST_USE reason verdict_octets(struct op *op, const struct trust *trust, struct slice algorithm,
                               struct slice octets, struct slice value);

#endif
