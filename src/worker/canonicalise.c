// SPDX-License-Identifier: GPL-3.0-or-later
// One walk over the parsed message: IDs, signatures in the places that SAML allows, and those that
// stand elsewhere; then the canonical bytes of each part, and the unsigned view of the root.
#include "worker/canonicalise.h"

#include "worker/canon.h"
#include "worker/signature.h"

struct found {
    const xmlNode *root;
    xmlNode *signatures[MSG_SIGNATURES_MAX];
    size_t signature_count;
    uint32_t misplaced;
    struct slice ids[XML_ID_MAX];
    size_t id_count;
};

// What stands below these is free-form: nothing in it is ever looked at, so a signature there means
// nothing.
static bool is_free_form(const xmlNode *node) {
    return xml_is(node, NS_SAML, "Advice") || xml_is(node, NS_SAMLP, "Extensions") ||
           xml_is(node, NS_DSIG, "Object");
}

static bool is_root_assertion(const struct found *found, const xmlNode *node) {
    return node->parent == found->root && xml_is(node, NS_SAML, "Assertion");
}

static bool is_id_name(const xmlAttr *attribute) {
    const char *name = (const char *)attribute->name;
    if (attribute->ns != NULL) {
        return strcmp(name, "id") == 0 && xmlStrEqual(attribute->ns->href, XML_XML_NAMESPACE) != 0;
    }
    return strcmp(name, "ID") == 0 || strcmp(name, "Id") == 0 || strcmp(name, "id") == 0;
}

static reason add_ids(struct op *op, struct found *found, const xmlNode *element) {
    for (const xmlAttr *attribute = element->properties; attribute != NULL;
         attribute = attribute->next) {
        // The value is one text node: character references were expanded, and there are no
        // entities.
        if (!is_id_name(attribute) || attribute->children == NULL) {
            continue;
        }
        if (attribute->children->next != NULL) {
            REFUSE(op, SAML_MALFORMED, "the ID of %s is no plain text",
                   (const char *)element->name);
        }
        struct slice id = slice_str((const char *)attribute->children->content);
        for (size_t i = 0; i < found->id_count; i++) {
            if (slice_equal(found->ids[i], id)) {
                REFUSE(op, SIGNATURE_DUPLICATE_ID, "the ID %.*s stands on more than one element",
                       SLICE(slice_sub(id, 0, 100)));
            }
        }
        if (found->id_count == XML_ID_MAX) {
            REFUSE(op, SAML_TOO_LARGE, "more than %d elements with an ID", XML_ID_MAX);
        }
        found->ids[found->id_count++] = id;
    }
    return NULL;
}

static reason add_signature(struct op *op, struct found *found, xmlNode *node) {
    if (node->parent != found->root && !is_root_assertion(found, node->parent)) {
        found->misplaced++;
        return NULL;
    }
    if (found->signature_count == MSG_SIGNATURES_MAX) {
        REFUSE(op, SIGNATURE_MISPLACED, "more than %d signatures", MSG_SIGNATURES_MAX);
    }
    found->signatures[found->signature_count++] = node;
    return NULL;
}

static reason find(struct op *op, xmlNode *root, struct found *found) {
    const xmlNode *free_form = NULL; // the outermost that we are in
    for (xmlNode *node = root; node != NULL; node = xml_next(root, node)) {
        TRY(add_ids(op, found, node));
        if (free_form != NULL) {
            const xmlNode *above = node->parent;
            while (above != root && above != free_form) {
                above = above->parent;
            }
            free_form = above == free_form ? free_form : NULL;
        }
        if (free_form == NULL && is_free_form(node)) {
            free_form = node;
        }
        if (free_form == NULL && xml_is(node, NS_DSIG, "Signature")) {
            TRY(add_signature(op, found, node));
        }
    }
    return NULL;
}

static reason read_status(struct op *op, const xmlNode *root, struct msg_envelope *envelope) {
    envelope->status = envelope->sub_status = envelope->status_message = S("");
    const xmlNode *status = xml_child(root, NS_SAMLP, "Status");
    const xmlNode *code = status != NULL ? xml_child(status, NS_SAMLP, "StatusCode") : NULL;
    if (code != NULL) {
        TRY(xml_attribute(op, code, "Value", MSG_TEXT_MAX, &envelope->status));
        const xmlNode *sub = xml_child(code, NS_SAMLP, "StatusCode");
        if (sub != NULL) {
            TRY(xml_attribute(op, sub, "Value", MSG_TEXT_MAX, &envelope->sub_status));
        }
    }
    const xmlNode *text = status != NULL ? xml_child(status, NS_SAMLP, "StatusMessage") : NULL;
    // Some providers put a whole stack trace here.
    return text != NULL ? xml_text_cut(op, text, MSG_TEXT_MAX, &envelope->status_message) : NULL;
}

static reason read_envelope(struct op *op, const xmlNode *root, struct msg_envelope *envelope) {
    struct {
        const char *name;
        struct slice *to;
    } attributes[] = {{"ID", &envelope->id},
                      {"Version", &envelope->version},
                      {"IssueInstant", &envelope->issue_instant},
                      {"Destination", &envelope->destination},
                      {"InResponseTo", &envelope->in_response_to}};
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        TRY(xml_attribute(op, root, attributes[i].name, MSG_TEXT_MAX, attributes[i].to));
    }
    envelope->issuer = S("");
    const xmlNode *issuer = xml_child(root, NS_SAML, "Issuer");
    if (issuer != NULL) {
        TRY(xml_text(op, issuer, MSG_TEXT_MAX, &envelope->issuer));
    }
    envelope->assertions = (uint32_t)xml_count(root, NS_SAML, "Assertion");
    envelope->encrypted = (uint32_t)xml_count(root, NS_SAML, "EncryptedAssertion");
    TRY(op_copy(op, slice_str((const char *)root->name), &envelope->name));
    if (envelope->name.len > MSG_TEXT_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "the name of the root is longer than %d bytes", MSG_TEXT_MAX);
    }
    return read_status(op, root, envelope);
}

static reason read_encrypted(struct op *op, const xmlNode *root, struct msg_canonical *message) {
    const struct canon exclusive = {.exclusive = true};
    for (xmlNode *node = root->children;
         node != NULL && message->encrypted_count < MSG_ENCRYPTED_MAX; node = node->next) {
        if (xml_is(node, NS_SAML, "EncryptedAssertion")) {
            TRY(canon_write(op, node, NULL, &exclusive,
                            &message->encrypted[message->encrypted_count]));
            message->encrypted_count++;
        }
    }
    return NULL;
}

reason canonicalise_message(struct op *op, struct slice xml, struct msg_canonical *ret_message) {
    AUTO(xmlDoc) doc = NULL;
    TRY(xml_parse(op, xml, &doc));
    xmlNode *root = xmlDocGetRootElement(doc);
    if (!xml_is(root, NS_SAMLP, (const char *)root->name)) {
        REFUSE(op, SAML_MALFORMED, "the root element is not in the namespace of the SAML protocol");
    }
    struct found *found;
    TRY(op_take_raw(op, sizeof *found, &found));
    found->root = root;
    found->signature_count = found->id_count = 0;
    found->misplaced = 0;
    TRY(find(op, root, found));
    struct msg_canonical message = {.signature_count = 0};
    TRY(read_envelope(op, root, &message.envelope));
    message.envelope.misplaced = found->misplaced;
    for (size_t i = 0; i < found->signature_count; i++) {
        xmlNode *node = found->signatures[i];
        TRY(signature_read(op, node, node->parent == root ? MSG_PARENT_ROOT : MSG_PARENT_ASSERTION,
                           &message.signatures[i]));
        message.signature_count++;
    }
    TRY(read_encrypted(op, root, &message));
    *ret_message = message;
    return NULL;
}

reason canonicalise_whole(struct op *op, struct slice xml, struct msg_whole *ret_message) {
    AUTO(xmlDoc) doc = NULL;
    TRY(xml_parse_document(op, xml, &doc));
    xmlNode *root = xmlDocGetRootElement(doc);
    const struct canon exclusive = {.exclusive = true};
    struct msg_whole message = {.canonical = SLICE_NONE};
    TRY(canon_write(op, root, NULL, &exclusive, &message.canonical));
    xmlNode *signature = xml_child(root, NS_DSIG, "Signature");
    if (signature != NULL && xml_count(root, NS_DSIG, "Signature") == 1 &&
        signature_read(op, signature, MSG_PARENT_ROOT, &message.signature) != NULL) {
        message.signature = (struct msg_signature){.parent = MSG_PARENT_ROOT};
    }
    *ret_message = message;
    return NULL;
}
