// SPDX-License-Identifier: GPL-3.0-or-later
// libxml2's SAX2 builder with our hooks before it: they count, and stop the parser at the first
// thing that no SAML message has. Bounds hold while parsing, so that nothing large is ever built.
#include "worker/xml.h"

#include <libxml/SAX2.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

#include "base/text.h"
#include "saml/msg.h"
#include "worker/canon.h"

AUTO_FREE(xmlParserCtxt, xmlFreeParserCtxt);

// libxml2 compares each attribute of a start tag with all others before any hook sees them; so
// many, and the message is refused before it is parsed.
#define TAG_ATTRIBUTES_MAX 1024
#define DECLARATION_MAX 256 // bytes of <?xml ... ?>; an honest one has 40

// No NOENT, DTDLOAD, DTDATTR, XINCLUDE or HUGE: nothing is expanded, fetched or unbounded.
#define PARSE_OPTIONS                                                                              \
    (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_IGNORE_ENC |            \
     XML_PARSE_COMPACT)

// What the hooks know of the parse they belong to; ctxt->_private.
struct watch {
    size_t nodes, nodes_max;
    reason why; // it was stopped, or NULL
    const char *detail;
};

static void stop(xmlParserCtxtPtr ctxt, reason why, const char *detail) {
    struct watch *watch = ctxt->_private;
    if (watch->why == NULL) {
        watch->why = why;
        watch->detail = detail;
    }
    xmlStopParser(ctxt);
}

static bool count(xmlParserCtxtPtr ctxt, size_t nodes) {
    struct watch *watch = ctxt->_private;
    watch->nodes += nodes;
    if (watch->nodes > watch->nodes_max) {
        stop(ctxt, REASON_OF(SAML_TOO_LARGE), "more elements and attributes than are read");
    }
    return watch->why == NULL;
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system) {
    (void)name, (void)external, (void)system;
    stop(context, REASON_OF(SAML_DTD_FORBIDDEN), "a document type declaration");
}

static void on_entity(void *context, const xmlChar *name, int type, const xmlChar *public,
                      const xmlChar *system, xmlChar *content) {
    (void)name, (void)type, (void)public, (void)system, (void)content;
    stop(context, REASON_OF(SAML_DTD_FORBIDDEN), "an entity declaration");
}

// The five and character references never come here.
static xmlEntityPtr on_get_entity(void *context, const xmlChar *name) {
    (void)name;
    stop(context, REASON_OF(SAML_MALFORMED), "an entity that is not defined");
    return NULL;
}

static void on_reference(void *context, const xmlChar *name) {
    (void)on_get_entity(context, name);
}

static void on_start(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int attribute_count,
                     int defaulted_count, const xmlChar **attributes) {
    xmlParserCtxtPtr ctxt = context;
    if (ctxt->nodeNr >= XML_DEPTH_MAX) {
        stop(ctxt, REASON_OF(SAML_TOO_LARGE), "elements nested deeper than are read");
        return;
    }
    if (attribute_count > XML_ATTRIBUTES_MAX || ctxt->nsNr / 2 > XML_NAMESPACES_MAX) {
        stop(ctxt, REASON_OF(SAML_TOO_LARGE), "more attributes or namespaces than are read");
        return;
    }
    for (int i = 0; i < namespace_count; i++) {
        const xmlChar *name = namespaces[2 * i + 1];
        if (name != NULL &&
            strnlen((const char *)name, XML_NAMESPACE_URI_MAX + 1) > XML_NAMESPACE_URI_MAX) {
            stop(ctxt, REASON_OF(SAML_TOO_LARGE), "the name of a namespace is too long");
            return;
        }
    }
    if (count(ctxt, 1 + (size_t)attribute_count + (size_t)namespace_count)) {
        xmlSAX2StartElementNs(ctxt, local, prefix, uri, namespace_count, namespaces,
                              attribute_count, defaulted_count, attributes);
    }
}

static void on_comment(void *context, const xmlChar *text) {
    if (count(context, 1)) {
        xmlSAX2Comment(context, text);
    }
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data) {
    if (count(context, 1)) {
        xmlSAX2ProcessingInstruction(context, target, data);
    }
}

static void on_cdata(void *context, const xmlChar *text, int len) {
    if (count(context, 1)) {
        xmlSAX2CDataBlock(context, text, len);
    }
}

static void hook(xmlSAXHandlerPtr sax) {
    sax->internalSubset = on_doctype;
    sax->externalSubset = on_doctype;
    sax->entityDecl = on_entity;
    sax->getEntity = on_get_entity;
    sax->getParameterEntity = on_get_entity;
    sax->reference = on_reference;
    sax->resolveEntity = NULL;
    sax->startElementNs = on_start;
    sax->comment = on_comment;
    sax->processingInstruction = on_instruction;
    sax->cdataBlock = on_cdata;
}

static xmlParserInputPtr load_nothing(const char *url, const char *id, xmlParserCtxtPtr ctxt) {
    (void)url, (void)id, (void)ctxt;
    return NULL;
}

PRINTF_LIKE(2, 3) static void say_nothing(void *context, const char *format, ...) {
    (void)context, (void)format;
}

static void say_no_error(void *context, xmlErrorPtr error) {
    (void)context, (void)error;
}

void xml_init(void) {
    xmlInitParser();
    xmlSetExternalEntityLoader(load_nothing);
    xmlSetGenericErrorFunc(NULL, say_nothing);
    xmlSetStructuredErrorFunc(NULL, say_no_error);
    // One document through it all, so that what the library makes on first use is there before the
    // fork.
    struct op op;
    op_open(&op, 0);
    xmlDocPtr doc = NULL;
    if (xml_parse(&op, S("<a:a xmlns:a='urn:a' b='c'><d/>text</a:a>"), &doc) == NULL) {
        struct canon canon = {.exclusive = true};
        struct slice bytes;
        (void)!canon_write(&op, xmlDocGetRootElement(doc), NULL, &canon, &bytes);
        xmlFreeDoc(doc);
    }
    op_close(&op);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// <?xml version="1.0" encoding="UTF-8"?>: anything else than UTF-8 is refused here, so that libxml2
// never looks for a converter (which would open files).
static reason check_declaration(struct op *op, struct slice xml) {
    if (!slice_starts(xml, S("<?xml")) || xml.len < 6 || !is_space(xml.at[5])) {
        return NULL;
    }
    size_t end = slice_find(slice_sub(xml, 0, DECLARATION_MAX), S("?>"));
    if (end == SIZE_MAX) {
        REFUSE(op, SAML_MALFORMED, "the XML declaration does not end");
    }
    struct slice rest = slice_sub(xml, 0, end);
    size_t at = slice_find(rest, S("encoding"));
    if (at == SIZE_MAX) {
        return NULL;
    }
    rest = slice_trim(slice_sub(rest, at + 8, rest.len));
    if (!slice_starts(rest, S("="))) {
        REFUSE(op, SAML_MALFORMED, "the XML declaration names no encoding");
    }
    rest = slice_trim(slice_sub(rest, 1, rest.len));
    if (rest.len < 7 || (rest.at[0] != '"' && rest.at[0] != '\'') || rest.at[6] != rest.at[0] ||
        !slice_equal_nocase(slice_sub(rest, 1, 6), S("UTF-8"))) {
        REFUSE(op, SAML_MALFORMED, "the XML is declared to be in another encoding than UTF-8");
    }
    return NULL;
}

// `="` and `='` between two `<`: at least as many as one start tag has attributes.
static reason check_tags(struct op *op, struct slice xml) {
    const char *end = xml.at + xml.len;
    const char *from = xml.at;
    size_t attributes = 0;
    for (const char *at = xml.at; (at = memchr(at, '=', (size_t)(end - at))) != NULL;) {
        for (at++; at < end && is_space(*at); at++) {
        }
        if (at == end || (*at != '"' && *at != '\'')) {
            continue;
        }
        if (++attributes <= TAG_ATTRIBUTES_MAX) {
            continue;
        }
        // Only now is it worth a look where the tag began.
        const char *tag = memrchr(from, '<', (size_t)(at - from));
        if (tag == NULL) {
            REFUSE(op, SAML_TOO_LARGE, "more attributes than are read");
        }
        attributes = 0;
        for (const char *in = tag; (in = memchr(in, '=', (size_t)(at - in))) != NULL; in++) {
            attributes++;
        }
        attributes++;
        from = tag + 1;
        if (attributes > TAG_ATTRIBUTES_MAX) {
            REFUSE(op, SAML_TOO_LARGE, "more attributes than are read");
        }
    }
    return NULL;
}

static reason check_bytes(struct op *op, struct slice xml) {
    if (xml.len == 0) {
        REFUSE(op, SAML_MALFORMED, "the message is empty");
    }
    if (xml.len > MSG_XML_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "%zu bytes; at most %u are read", xml.len, MSG_XML_MAX);
    }
    if (memchr(xml.at, 0, xml.len) != NULL || !text_utf8(xml)) {
        REFUSE(op, SAML_MALFORMED, "the message is not UTF-8 text");
    }
    struct slice body = slice_starts(xml, S("\xEF\xBB\xBF")) ? slice_sub(xml, 3, xml.len) : xml;
    TRY(check_declaration(op, body));
    return check_tags(op, body);
}

// What libxml2 says of the fault, on one line.
static reason refuse_malformed(struct op *op, xmlParserCtxtPtr ctxt) {
    const xmlError *error = xmlCtxtGetLastError(ctxt);
    if (error == NULL || error->message == NULL) {
        REFUSE(op, SAML_MALFORMED, "the message is not well-formed XML");
    }
    struct slice text = slice_trim(slice_sub(slice_str(error->message), 0, 200));
    if (!text_line(text)) {
        REFUSE(op, SAML_MALFORMED, "the message is not well-formed XML (line %d)", error->line);
    }
    REFUSE(op, SAML_MALFORMED, "the message is not well-formed XML: %.*s (line %d)", SLICE(text),
           error->line);
}

struct xml_left *xml_canonical_left(const xmlDoc *doc) {
    return doc->_private;
}

static reason parse(struct op *op, struct slice bytes, size_t nodes_max, size_t steps,
                    xmlDocPtr *ret_doc) {
    struct xml_left *left = NULL;
    TRY(check_bytes(op, bytes));
    TRY(op_take(op, sizeof *left, &left));
    *left = (struct xml_left){bytes.len * XML_CANONICAL_TIMES + XML_CANONICAL_ROOM, steps};
    AUTO(xmlParserCtxt) ctxt = xmlNewParserCtxt();
    if (ctxt == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the XML parser");
    }
    struct watch watch = {.nodes_max = nodes_max};
    hook(ctxt->sax);
    ctxt->_private = &watch;
    AUTO(xmlDoc) doc = xmlCtxtReadMemory(ctxt, bytes.at, (int)bytes.len, NULL, NULL, PARSE_OPTIONS);
    if (watch.why != NULL) {
        return op_refuse(op, watch.why, "%s", watch.detail);
    }
    if (doc == NULL || ctxt->wellFormed == 0 || ctxt->nsWellFormed == 0 ||
        xmlDocGetRootElement(doc) == NULL) {
        return refuse_malformed(op, ctxt);
    }
    if (doc->intSubset != NULL || doc->extSubset != NULL) {
        REFUSE(op, SAML_DTD_FORBIDDEN, "a document type declaration");
    }
    if (doc->version == NULL || strcmp((const char *)doc->version, "1.0") != 0) {
        REFUSE(op, SAML_MALFORMED, "the XML is declared to be of another version than 1.0");
    }
    doc->_private = left;
    *ret_doc = doc;
    doc = NULL;
    return NULL;
}

reason xml_parse(struct op *op, struct slice bytes, xmlDocPtr *ret_doc) {
    return parse(op, bytes, XML_NODES_MAX, XML_CANONICAL_STEPS, ret_doc);
}

reason xml_parse_document(struct op *op, struct slice bytes, xmlDocPtr *ret_doc) {
    return parse(op, bytes, XML_DOCUMENT_NODES_MAX, XML_DOCUMENT_STEPS, ret_doc);
}

bool xml_is(const xmlNode *node, const char *namespace, const char *local) {
    const char *name = (const char *)node->name;
    return node->type == XML_ELEMENT_NODE && name[0] == local[0] && strcmp(name, local) == 0 &&
           node->ns != NULL && node->ns->href != NULL &&
           strcmp((const char *)node->ns->href, namespace) == 0;
}

xmlNode *xml_next(const xmlNode *top, xmlNode *node) {
    xmlNode *first = xmlFirstElementChild(node);
    if (first != NULL) {
        return first;
    }
    for (; node != top; node = node->parent) {
        xmlNode *next = xmlNextElementSibling(node);
        if (next != NULL) {
            return next;
        }
    }
    return NULL;
}

xmlNode *xml_child(const xmlNode *parent, const char *namespace, const char *local) {
    for (xmlNode *node = parent->children; node != NULL; node = node->next) {
        if (xml_is(node, namespace, local)) {
            return node;
        }
    }
    return NULL;
}

size_t xml_count(const xmlNode *parent, const char *namespace, const char *local) {
    size_t found = 0;
    for (const xmlNode *node = parent->children; node != NULL; node = node->next) {
        found += xml_is(node, namespace, local) ? 1 : 0;
    }
    return found;
}

static reason collect(struct op *op, const xmlNode *top, size_t max, bool cut,
                      struct slice *ret_text);

reason xml_attribute(struct op *op, const xmlNode *element, const char *name, size_t max,
                     struct slice *ret_value) {
    for (const xmlAttr *attribute = element->properties; attribute != NULL;
         attribute = attribute->next) {
        if (attribute->ns == NULL && strcmp((const char *)attribute->name, name) == 0) {
            // An attribute begins like a node, and its text is in its children.
            return collect(op, (const xmlNode *)(const void *)attribute, max, false, ret_value);
        }
    }
    *ret_value = S("");
    return NULL;
}

// The next node of any type below top, in document order.
static const xmlNode *next_node(const xmlNode *top, const xmlNode *node) {
    if (node->children != NULL && (node->type == XML_ELEMENT_NODE || node == top)) {
        return node->children;
    }
    for (; node != top; node = node->parent) {
        if (node->next != NULL) {
            return node->next;
        }
    }
    return NULL;
}

static reason collect(struct op *op, const xmlNode *top, size_t max, bool cut,
                      struct slice *ret_text) {
    struct slice text = S("");
    char *at = NULL;
    const xmlNode *only = top->children;
    if (only != NULL && only->next == NULL && only->type == XML_TEXT_NODE &&
        only->content != NULL) { // nearly each
        text = slice_str((const char *)only->content);
        if (text.len <= max) {
            return op_copy(op, text, ret_text);
        }
        text = S("");
    }
    for (const xmlNode *node = next_node(top, top); node != NULL; node = next_node(top, node)) {
        if ((node->type != XML_TEXT_NODE && node->type != XML_CDATA_SECTION_NODE) ||
            node->content == NULL) {
            continue;
        }
        struct slice piece = slice_str((const char *)node->content);
        if (piece.len > max - text.len) {
            if (!cut) {
                REFUSE(op, SAML_TOO_LARGE, "the text of %s is longer than %zu bytes",
                       (const char *)top->name, max);
            }
            piece.len = max - text.len;
            // Back to the first byte of a character.
            while (piece.len > 0 && ((uint8_t)piece.at[piece.len] & 0xC0U) == 0x80U) {
                piece.len--;
            }
        }
        if (at == NULL) {
            TRY(op_take(op, max + 1, &at)); // and a NUL behind it
        }
        memcpy(at + text.len, piece.at, piece.len);
        text = slice_of(at, text.len + piece.len);
    }
    *ret_text = text;
    return NULL;
}

reason xml_text(struct op *op, const xmlNode *element, size_t max, struct slice *ret_text) {
    return collect(op, element, max, false, ret_text);
}

reason xml_text_cut(struct op *op, const xmlNode *element, size_t max, struct slice *ret_text) {
    return collect(op, element, max, true, ret_text);
}
