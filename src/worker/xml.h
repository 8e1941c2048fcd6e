// SPDX-License-Identifier: GPL-3.0-or-later
// Hostile XML into libxml2's tree, under bounds: UTF-8 only, no DOCTYPE, no entities, nothing
// fetched, nothing expanded. And the few looks at that tree which the worker needs.
#ifndef GATEHOUSE_WORKER_XML_H
#define GATEHOUSE_WORKER_XML_H

#include <libxml/tree.h>

#include "base/op.h"

// Elements, attributes, declarations, comments, instructions and CDATA sections. A message with 1,000
// groups, each with a typed AttributeValue, has some 4,000; what a node costs (in libxml2, in each
// canonical form) is what a small message can make dear.
#define XML_NODES_MAX 12000
// IdP metadata has some hundreds, a list of many providers under its cap tens of thousands. It comes
// from operators, not from strangers.
#define XML_DOCUMENT_NODES_MAX 50000
// All canonical forms of one document together, in bytes: Response and Assertion, each at most doubled
// by namespace declarations, and room for small ones.
#define XML_CANONICAL_TIMES 4
#define XML_CANONICAL_ROOM (64U << 10)
// And in steps of canon.c, some 3 ns each. Libxml2 looks for each prefix at each element, up through all
// parents, so that it is not bytes that make a form dear. Two forms of 1,000 typed groups take 800,000.
#define XML_CANONICAL_STEPS 2000000
// Those of a document that comes from operators.
#define XML_DOCUMENT_STEPS 40000000
struct xml_left {
    size_t bytes, steps;
};
#define XML_DEPTH_MAX 64      // an honest one is under 12 deep
#define XML_ATTRIBUTES_MAX 64 // of one element; an honest one has under 10
// Declarations in scope at one element. Canonical XML looks through them at each element.
#define XML_NAMESPACES_MAX 64
#define XML_NAMESPACE_URI_MAX 1024 // exclusive canonical XML may repeat it at each element
#define XML_ID_MAX 256             // ID attributes in one message; an honest one has under 10
#define XML_ARENA_CEILING (32U << 20)

#define NS_SAML "urn:oasis:names:tc:SAML:2.0:assertion"
#define NS_SAMLP "urn:oasis:names:tc:SAML:2.0:protocol"
#define NS_DSIG "http://www.w3.org/2000/09/xmldsig#"
#define NS_EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"

AUTO_FREE(xmlDoc, xmlFreeDoc);

// Once per process, before the jail: libxml2's tables, no error output, no loader of anything.
void xml_init(void);

// saml.malformed, saml.dtd_forbidden, saml.too_large. Free with xmlFreeDoc, before op ends.
MUST_USE reason xml_parse(struct op *op, struct slice bytes, xmlDocPtr *ret_doc);
// The same for what is no message: XML_DOCUMENT_NODES_MAX.
MUST_USE reason xml_parse_document(struct op *op, struct slice bytes, xmlDocPtr *ret_doc);
// What canonical forms may still take of this document.
struct xml_left *xml_canonical_left(const xmlDoc *doc);

bool xml_is(const xmlNode *node, const char *namespace, const char *local);
// The next element after `node` in document order below `top`, or NULL.
xmlNode *xml_next(const xmlNode *top, xmlNode *node);
xmlNode *xml_child(const xmlNode *parent, const char *namespace, const char *local);
size_t xml_count(const xmlNode *parent, const char *namespace, const char *local);
// The value of an attribute without namespace, "" when absent. saml.too_large past `max` bytes.
MUST_USE reason xml_attribute(struct op *op, const xmlNode *element, const char *name, size_t max,
                              struct slice *ret_value);
// All text below, comments skipped (so they cut nothing off). saml.too_large past `max` bytes.
MUST_USE reason xml_text(struct op *op, const xmlNode *element, size_t max, struct slice *ret_text);
// The same, cut at `max` bytes (between characters), for what people read.
MUST_USE reason xml_text_cut(struct op *op, const xmlNode *element, size_t max,
                             struct slice *ret_text);

#endif
