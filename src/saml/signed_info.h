// SPDX-License-Identifier: GPL-3.0-or-later
// What a SignedInfo says, read as untrusted text: algorithms by allow-list, and the one Reference.
#ifndef GATEHOUSE_SAML_SIGNED_INFO_H
#define GATEHOUSE_SAML_SIGNED_INFO_H

#include "base/op.h"
#include "saml/finding.h"

enum digest_kind { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_KINDS };
enum key_kind { KEY_RSA, KEY_EC };
#define DIGEST_BYTES_MAX 64

struct signature_method {
    const char *uri;
    enum key_kind key;
    enum digest_kind digest;
};
// NULL when it is none of those that are ever allowed (SHA-1 is among them: the policy decides).
const struct signature_method *signature_method_find(struct slice uri);

struct signed_info {
    const struct signature_method *method;
    enum digest_kind digest;
    struct slice digest_value; // bytes
    struct slice id;           // what stands after '#' in the Reference's URI
};
// Exactly CanonicalizationMethod, SignatureMethod and one Reference to "#ID", whose transforms are
// enveloped-signature and then at most one exclusive or inclusive c14n 1.0 without comments (XML Signature 4.4; SAML
// core 5.4). signature.reference, .transform, .algorithm; saml.malformed. `finding` gets what was met when refused.
MUST_USE reason signed_info_read(struct op *op, struct slice octets, bool allow_sha1,
                                 struct finding *finding, struct signed_info *ret_info);

#endif
