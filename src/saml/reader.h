// SPDX-License-Identifier: GPL-3.0-or-later
// The one XML reader of the gate: a pull reader without allocation for canonical XML. No DTD, processing
// instruction, comment, CDATA, declaration or BOM; no entities but the five and character references; strict about
// everything else (names, quotes, white space in tags, duplicate attributes, matching end tags, UTF-8,
// characters). Names are ASCII; a namespace is http://, https:// or urn:. One root, nothing but white space around
// it. It reads verified octets (and, after the signature that covers them held, Redirect-binding logout messages).
// What it does not understand it refuses, for good.
#ifndef GATEHOUSE_SAML_READER_H
#define GATEHOUSE_SAML_READER_H

#include "base/op.h"

#define READER_DEPTH_MAX 64       // an honest message is under 16 deep
#define READER_ATTRIBUTES_MAX 64  // in one tag, namespace declarations included
#define READER_NAMESPACES_MAX 128 // declarations in scope

enum reader_event { READER_START, READER_TEXT, READER_END, READER_DONE, READER_BROKEN };

struct reader_attribute {
    struct slice prefix, local, namespace; // "" = none
    struct slice value;                    // raw: still with references
    bool plain;                            // ... of which it has none
};
struct reader_open_element {
    struct slice qname, namespace, local;
};
struct reader {
    struct slice rest, whole;
    const char *fault; // why READER_BROKEN, for details
    // Of the last READER_START and READER_END:
    struct slice namespace, local; // namespace "" = none
    size_t depth; // of that element; the root's is 1
    struct reader_attribute attributes[READER_ATTRIBUTES_MAX]; // without namespace declarations
    size_t attribute_count;
    struct slice element_start; // from the '<' of the last START to the end of the input
    // Of the last READER_TEXT: one run between tags, raw.
    struct slice text;
    bool plain; // it has no references and no carriage returns: it reads as it stands
    // Inner state.
    struct { struct slice prefix, uri; size_t depth; } namespaces[READER_NAMESPACES_MAX];
    size_t namespace_count;
    struct reader_open_element open[READER_DEPTH_MAX];
    size_t open_count;
    bool pending_end, seen_root;
};

// Only what the counts say is written, so that a message does not pay for 12 KB of zeroes: who opens one on each login
// declares it UNCLEARED.
void reader_open(struct reader *reader, struct slice octets);
// What was encrypted stands where `around` does (xmlenc-core1 4.4): the prefixes that are declared there count inside, too.
// `around` stands on the START of the element that held it.
void reader_open_inside(struct reader *reader, struct slice octets, const struct reader *around);
enum reader_event reader_next(struct reader *reader);
// Skips to the end of the element whose START was read last. False: broken.
bool reader_skip(struct reader *reader);
// The same, and gives the element's own octets, from '<' to '>'.
bool reader_octets(struct reader *reader, struct slice *ret_octets);
// Is the last START this element?
static inline bool reader_at(const struct reader *reader, const char *namespace, const char *local) {
    return slice_equal(reader->local, slice_str(local)) &&
           slice_equal(reader->namespace, slice_str(namespace));
}
// An attribute without namespace of the last START, references decoded into op's arena (only when it has any).
// *ret_value.at NULL: absent. saml.malformed.
MUST_USE reason reader_attribute(struct op *op, const struct reader *reader, const char *local,
                                 struct slice *ret_value);
// Goes to the START of the next child of the element at `depth` (what reader->depth was at its START). Each child
// must have been read to its end before. False: that element's END was read, or the reader is broken (fault is
// set): the caller looks once, after its loop. Text between the children, other than white space, breaks it.
bool reader_child(struct reader *reader, size_t depth);
// saml.malformed with what broke the reader and where.
MUST_USE reason reader_refuse(struct op *op, const struct reader *reader);
// The text content of the element whose START was read last, which must hold text only; reads past its end.
// References decoded; not trimmed. saml.malformed when it has a child element.
MUST_USE reason reader_content(struct op *op, struct reader *reader, struct slice *ret_text);
// References decoded; saml.malformed.
MUST_USE reason reader_decode(struct op *op, struct slice raw, struct slice *ret_text);

#define NS_SAML "urn:oasis:names:tc:SAML:2.0:assertion"
#define NS_SAMLP "urn:oasis:names:tc:SAML:2.0:protocol"
#define NS_MD "urn:oasis:names:tc:SAML:2.0:metadata"
#define NS_DS "http://www.w3.org/2000/09/xmldsig#"
#define NS_XENC "http://www.w3.org/2001/04/xmlenc#"
#define NS_EC "http://www.w3.org/2001/10/xml-exc-c14n#"

#endif
