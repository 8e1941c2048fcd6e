// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict over metadata is the verdict over messages, with the signers as its only keys. A certificate's dates
// and names decide nothing here either; SHA-1 is never taken.
#include "saml/metadata_signature.h"

#include "saml/reader.h"
#include "saml/verdict.h"

// Which of the two document elements the signature is expected over; the verdict looks at it again.
static const char *root_of(struct slice octets) {
    struct reader reader;
    reader_open(&reader, octets);
    bool group = reader_next(&reader) == READER_START && reader_at(&reader, NS_MD, "EntitiesDescriptor");
    return group ? "EntitiesDescriptor" : "EntityDescriptor";
}

reason metadata_verified(struct op *op, struct rows signers, struct slice text,
                         const struct msg_signature *signature, struct slice *ret_octets) {
    struct connection connection = {.policy = policy_default()};
    const struct trust *trust = NULL;
    struct verdict verdict;
    if (signature->signed_info.len == 0) {
        REFUSE(op, METADATA_SIGNATURE,
               "the metadata is not signed as it has to be: one Signature directly in the document element, "
               "by the key that was given in metadata_certificate");
    }
    if (signature->parent != MSG_PARENT_ROOT) {
        REFUSE(op, METADATA_SIGNATURE, "the signature does not stand in the document element");
    }
    connection.idp.certificates = signers;
    TRY(trust_make(op, &connection, &trust));
    reason why = verdict_signature(op, trust, text, signature, NS_MD, root_of(signature->covered), &verdict);
    trust_free(trust);
    if (why != NULL && why->class == CLASS_LOGIN) {
        struct slice detail = op->detail;
        REFUSE(op, METADATA_SIGNATURE, "%s: %.*s", why->slug, SLICE(detail));
    }
    TRY(why);
    *ret_octets = verdict.octets;
    return NULL;
}
