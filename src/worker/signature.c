// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the parts of a ds:Signature that say how to canonicalise. What it reads is not verified: a
// lie here makes bytes whose digest or signature does not hold.
#include "worker/signature.h"

#include "worker/canon.h"

// The one child of this name; signature.reference when there is none or a second.
static reason only_child(struct op *op, const xmlNode *parent, const char *local,
                         xmlNode **ret_child) {
    xmlNode *child = xml_child(parent, NS_DSIG, local);
    if (child == NULL || xml_count(parent, NS_DSIG, local) != 1) {
        REFUSE(op, SIGNATURE_REFERENCE, "%s needs exactly one %s", (const char *)parent->name,
               local);
    }
    *ret_child = child;
    return NULL;
}

// enveloped-signature, then at most one canonical form; without one it is inclusive
// (XMLDSIG 4.4.3.2).
static reason read_transforms(struct op *op, const xmlNode *reference, struct canon *ret_canon) {
    xmlNode *list = NULL;
    TRY(only_child(op, reference, "Transforms", &list));
    struct canon canon = {.exclusive = false};
    size_t count = 0;
    for (xmlNode *node = xmlFirstElementChild(list); node != NULL;
         node = xmlNextElementSibling(node), count++) {
        if (!xml_is(node, NS_DSIG, "Transform") || count == 2) {
            REFUSE(op, SIGNATURE_TRANSFORM,
                   "other transforms than enveloped-signature and one c14n");
        }
        struct slice algorithm;
        TRY(xml_attribute(op, node, "Algorithm", MSG_TEXT_MAX, &algorithm));
        if (slice_equal(algorithm, S(ALGORITHM_ENVELOPED)) != (count == 0)) {
            REFUSE(op, SIGNATURE_TRANSFORM,
                   "the first transform must be enveloped-signature, and no other may");
        }
        if (count == 1) {
            TRY(canon_read(op, node, &canon));
        }
    }
    if (count == 0) {
        REFUSE(op, SIGNATURE_TRANSFORM, "no enveloped-signature among the transforms");
    }
    *ret_canon = canon;
    return NULL;
}

reason signature_read(struct op *op, xmlNode *signature, enum msg_parent kind,
                      struct msg_signature *ret_signature) {
    struct msg_signature found = {.parent = kind};
    xmlNode *parent = signature->parent;
    xmlNode *info = NULL;
    xmlNode *method = NULL;
    xmlNode *reference = NULL;
    xmlNode *value = NULL;
    struct canon canon = {.exclusive = false};
    TRY(xml_attribute(op, parent, "ID", MSG_TEXT_MAX, &found.parent_id));

    TRY(only_child(op, signature, "SignedInfo", &info));
    TRY(only_child(op, info, "CanonicalizationMethod", &method));
    TRY(canon_read(op, method, &canon));
    TRY(canon_write(op, info, NULL, &canon, &found.signed_info));
    if (found.signed_info.len > MSG_SIGNED_INFO_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "SignedInfo is larger than %u bytes", MSG_SIGNED_INFO_MAX);
    }

    TRY(only_child(op, signature, "SignatureValue", &value));
    TRY(xml_text(op, value, MSG_VALUE_MAX, &found.value));
    if (slice_trim(found.value).len == 0) {
        REFUSE(op, SIGNATURE_VALUE, "SignatureValue is empty");
    }

    TRY(only_child(op, info, "Reference", &reference));
    TRY(read_transforms(op, reference, &canon));
    TRY(canon_write(op, parent, signature, &canon, &found.covered));
    *ret_signature = found;
    return NULL;
}
