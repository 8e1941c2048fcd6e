// SPDX-License-Identifier: GPL-3.0-or-later
// Two readers, one text. The gate's reader and libxml2 get the same mutated octets and must see the same
// names, namespaces, attributes, text and structure, or the gate's reader refuses; and what the worker
// writes in canonical form, the gate's reader reads as libxml2 saw it. The seed is printed and can be
// given: diff [SEED [DOCUMENTS]].
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <libxml/parser.h>

#include "base/buf.h"
#include "base/check.h"
#include "saml/reader.h"
#include "worker/canon.h"
#include "worker/xml.h"

#define DOCUMENTS 50000
#define DOCUMENT_MAX 16384
#define SEEN_MAX (1U << 20)

static uint64_t state;
static uint64_t chance(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
static size_t below(size_t most) {
    return most == 0 ? 0 : (size_t)(chance() % most);
}

// ---- what is mutated -----------------------------------------------------------------------------

#define ASSERTION                                                                                   \
    "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a1\" "               \
    "IssueInstant=\"2026-11-21T16:00:00Z\" Version=\"2.0\"><saml:Issuer>https://idp.example/"        \
    "</saml:Issuer><saml:Subject><saml:NameID Format=\"urn:x\">ada@acme.example</saml:NameID>"       \
    "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"                    \
    "<saml:SubjectConfirmationData InResponseTo=\"_q\" NotOnOrAfter=\"2026-11-21T16:05:00Z\" "       \
    "Recipient=\"https://gate.example/acs?a=1&amp;b=2\"></saml:SubjectConfirmationData>"             \
    "</saml:SubjectConfirmation></saml:Subject><saml:Conditions NotOnOrAfter=\"2026\">"              \
    "<saml:AudienceRestriction><saml:Audience>https://gate.example/</saml:Audience>"                 \
    "</saml:AudienceRestriction></saml:Conditions><saml:AttributeStatement><saml:Attribute "         \
    "Name=\"groups\"><saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "  \
    "xsi:type=\"xs:string\">A &amp; B &lt; C&#xD;</saml:AttributeValue>"                             \
    "<saml:AttributeValue xml:lang=\"de\">Gr\xC3\xBC\xC3\x9F" "e</saml:AttributeValue></saml:Attribute>" \
    "</saml:AttributeStatement></saml:Assertion>"
static const char *const documents[] = {
    ASSERTION,
    "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod "
    "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod><ds:Reference "
    "URI=\"#_a1\"><ds:Transforms><ds:Transform Algorithm=\"x\"><ec:InclusiveNamespaces xmlns:ec=\""
    "http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs xsi\"></ec:InclusiveNamespaces>"
    "</ds:Transform></ds:Transforms><ds:DigestValue>AAAA\n</ds:DigestValue></ds:Reference></ds:SignedInfo>",
    "<a xmlns=\"urn:a\" xmlns:b=\"urn:b\" c=\"1\" b:c=\"2\"><d xmlns=\"\" e=\"&#10;&#9;&quot;\">t</d>"
    "<b:f xmlns:b=\"urn:c\" b:g=\"'\"><h xmlns=\"urn:h\" xmlns:i=\"urn:b\" i:c=\"3\"></h></b:f>&gt;</a>",
    "<a><b c='1' d = \"2\"/> <e\n>f</e >\r\n<g>&#x41;&apos;</g></a>\n",
};
#define DOCUMENT_COUNT (sizeof documents / sizeof *documents)

static const char *const tokens[] = {
    "<!-- c -->", "<!---->", "<![CDATA[x]]>", "<![CDATA[]]>", "<?p i?>", "<!DOCTYPE a>", "]]>", "&amp;",
    "&lt;", "&#0;", "&#x0D;", "&#13;", "&#10;", "&#x110000;", "&#xD800;", "&#65;", "&#x41;", "&#X41;", "&#65",
    "&nbsp;", "&", ";", "<", ">", "/>", "</", "<a>", "</a>", "<a/>", "<a:b xmlns:a=\"urn:q\"/>", "\"", "'",
    "=", " = ", " xmlns=\"\"", " xmlns=\"urn:z\"", " xmlns:saml=\"urn:z\"", " xmlns:z=\"\"", " xmlns:xml=\"urn:z\"",
    " xmlns:xmlns=\"urn:z\"", " xmlns:z=\"relative\"", " xmlns:z=\"http://www.w3.org/XML/1998/namespace\"",
    " xmlns:y=\"urn:b\" y:c=\"4\"", " ID=\"_b\"", " id=\"x\"", " a=\"1\" a=\"2\"", " z:a=\"1\"", " xml:id=\"x\"",
    "\r\n", "\r", "\n", "\t", " ", "\x01", "\x7F", "\xC2\x85", "\xEF\xBB\xBF", "\xEF\xBF\xBE", "\xFF", "\xC0\x80",
    "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x80\xA8", "<?xml version=\"1.0\"?>", "<?xml version=\"1.1\"?>", ":",
    "a:", ":a", "-", ".", "1", "\xC3\xA9", "saml:", "xml:", "xmlns", "ds:", "&#38;#60;", "&amp;lt;", "%", "{", "\\"};
#define TOKEN_COUNT (sizeof tokens / sizeof *tokens)

struct document {
    char at[DOCUMENT_MAX];
    size_t len;
};

static void insert(struct document *to, size_t at, const char *bytes, size_t len) {
    if (to->len + len > DOCUMENT_MAX) {
        return;
    }
    memmove(to->at + at + len, to->at + at, to->len - at);
    memcpy(to->at + at, bytes, len);
    to->len += len;
}

static void cut(struct document *to, size_t at, size_t len) {
    len = len < to->len - at ? len : to->len - at;
    memmove(to->at + at, to->at + at + len, to->len - at - len);
    to->len -= len;
}

// Where something begins or ends: most bytes are in the middle of a name.
static size_t place(const struct document *document) {
    size_t at = below(document->len + 1);
    if (chance() % 4 != 0) {
        while (at < document->len && strchr("<>\"'= &;/:", document->at[at]) == NULL) {
            at++;
        }
        at += at < document->len ? below(2) : 0;
    }
    return at;
}

static void mutate_once(struct document *document) {
    size_t at = place(document);
    char copy[256];
    size_t len = below(40);
    const char *token = tokens[below(TOKEN_COUNT)];
    switch (chance() % 7) {
    case 0:
        if (at < document->len) {
            document->at[at] = (char)(document->at[at] ^ (1 << below(8)));
        }
        break;
    case 1:
        cut(document, at, 1 + below(3));
        break;
    case 2:
        cut(document, at, len);
        break;
    case 3: // some of it again, elsewhere
        len = len < document->len - at ? len : document->len - at;
        memcpy(copy, document->at + at, len);
        insert(document, place(document), copy, len);
        break;
    default:
        insert(document, at, token, strlen(token));
        break;
    }
}

// What keeps most documents well-formed: whole pieces in text, attributes in start tags.
static void mutate_gently(struct document *document) {
    static const char *const inner[] = {
        "&amp;", "&#10;", "&#13;", "\r\n", "\r", "\t", "]]&gt;", "x", "'", "\"", " ", "\xC3\xA9", "\xE2\x82\xAC",
        "\xF0\x9F\x98\x80", "&#x1F600;", "<n></n>", "<n/>", "<n a='&lt;'/>", "<m:n xmlns:m=\"urn:m\"/>",
        "<n xmlns=\"urn:n\"><o/></n>", "<n xmlns=\"\"><o/></n>", "&quot;&apos;", "&#38;#38;", "<!--c-->",
        "<![CDATA[<]]>", "<a:n xmlns:a=\"urn:a\" xmlns:b=\"urn:a\" a:x=\"1\" b:y=\"2\"/>",
        "<a:n xmlns:a=\"urn:a\" xmlns:b=\"urn:a\" a:x=\"1\" b:x=\"2\"/>"};
    static const char *const outer[] = {
        " xmlns=\"urn:z\"", " xmlns=\"\"", " xmlns:z=\"urn:z\" z:q=\"1\"", " q=\"&#9;\"", " q='\"'", " q=\"a  b\"",
        " q=\" &#32; \"", " xml:space=\"preserve\"", " q=\"\"", "\n", "  ", " xmlns:saml=\"urn:y\"",
        " xmlns:z=\"urn:a%20b\"", " xmlns:z=\"http://a/?b=c\"", " xmlns:z=\"urn:a&amp;b\" z:q=\"\"", " xml:id=\"a b\"",
        " q=\"&#xD;&#xA;\"", " q=\"&amp;amp;\""};
    size_t at = below(document->len);
    while (at < document->len && document->at[at] != '>') {
        at++;
    }
    if (at == document->len || at == 0) {
        return;
    }
    size_t start = at;
    while (start > 0 && document->at[start] != '<') {
        start--;
    }
    if (chance() % 2 == 0 && document->at[start + 1] != '/' && document->at[at - 1] != '/') {
        const char *piece = outer[below(sizeof outer / sizeof *outer)];
        insert(document, at, piece, strlen(piece));
    } else if (at + 1 < document->len) {
        const char *piece = inner[below(sizeof inner / sizeof *inner)];
        insert(document, at + 1, piece, strlen(piece));
    }
}

static void make(struct document *document) {
    const char *text = documents[below(DOCUMENT_COUNT)];
    document->len = strlen(text);
    memcpy(document->at, text, document->len);
    bool gently = chance() % 2 == 0;
    for (size_t i = 1 + below(gently ? 5 : 2); i > 0; i--) {
        if (gently) {
            mutate_gently(document);
        } else {
            mutate_once(document);
        }
    }
}

// ---- what each of them sees ----------------------------------------------------------------------

#define PAIRS_MAX 128
struct pair { // an attribute, to be sorted
    struct slice text;
};

static int by_text(const void *a, const void *b) {
    return slice_compare(((const struct pair *)a)->text, ((const struct pair *)b)->text);
}

static void put_start(struct buf *out, struct slice namespace, struct slice local, struct pair *pairs,
                      size_t count) {
    buf_printf(out, "\n<{%.*s}%.*s", SLICE(namespace), SLICE(local));
    qsort(pairs, count, sizeof *pairs, by_text);
    for (size_t i = 0; i < count; i++) {
        buf_put(out, S("\n @"));
        buf_put(out, pairs[i].text);
    }
    buf_str(out, "\n");
}

static struct slice attribute_namespace(const struct reader *reader, struct slice prefix) {
    if (slice_equal(prefix, S("xml"))) {
        return S("http://www.w3.org/XML/1998/namespace");
    }
    for (size_t i = reader->namespace_count; i > 0 && prefix.len > 0; i--) {
        if (slice_equal(reader->namespaces[i - 1].prefix, prefix)) {
            return reader->namespaces[i - 1].uri;
        }
    }
    return S("");
}

// False: refused.
static bool gate_sees(struct op *op, struct slice octets, struct buf *out) {
    struct reader reader;
    reader_open(&reader, octets);
    struct slice text;
    for (;;) {
        struct pair pairs[PAIRS_MAX];
        switch (reader_next(&reader)) {
        case READER_START:
            for (size_t i = 0; i < reader.attribute_count; i++) {
                const struct reader_attribute *attribute = &reader.attributes[i];
                if (reader_decode(op, attribute->value, &text) != NULL) {
                    return false;
                }
                pairs[i].text = op_text(op, "{%.*s}%.*s=%.*s",
                                        SLICE(attribute_namespace(&reader, attribute->prefix)),
                                        SLICE(attribute->local), SLICE(text));
            }
            put_start(out, reader.namespace, reader.local, pairs, reader.attribute_count);
            break;
        case READER_TEXT:
            if (reader_decode(op, reader.text, &text) != NULL) {
                return false;
            }
            buf_put(out, text);
            break;
        case READER_END:
            buf_str(out, "\n>\n");
            break;
        case READER_DONE:
            return true;
        case READER_BROKEN:
            return false;
        }
    }
}

static struct slice href(const xmlNs *ns) {
    return ns != NULL && ns->href != NULL ? slice_str((const char *)ns->href) : S("");
}

static void put_element(struct op *op, const xmlNode *node, struct buf *out) {
    struct pair pairs[PAIRS_MAX];
    size_t count = 0;
    for (const xmlAttr *attribute = node->properties; attribute != NULL && count < PAIRS_MAX;
         attribute = attribute->next) {
        xmlChar *value = xmlNodeListGetString(node->doc, attribute->children, 1);
        pairs[count++].text =
            op_text(op, "{%.*s}%s=%s", SLICE(href(attribute->ns)), (const char *)attribute->name,
                    value != NULL ? (const char *)value : "");
        xmlFree(value);
    }
    put_start(out, href(node->ns), slice_str((const char *)node->name), pairs, count);
}

// Comments are left out, as canonical form leaves them out. False: something else than elements and text.
static bool library_sees(struct op *op, const xmlNode *top, struct buf *out) {
    const xmlNode *node = top;
    for (;;) {
        if (node->type == XML_ELEMENT_NODE) {
            put_element(op, node, out);
            if (node->children != NULL) {
                node = node->children;
                continue;
            }
            buf_str(out, "\n>\n");
        } else if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
            buf_str(out, node->content != NULL ? (const char *)node->content : "");
        } else if (node->type != XML_COMMENT_NODE) {
            return false;
        }
        while (node != top && node->next == NULL) {
            node = node->parent;
            buf_str(out, "\n>\n");
        }
        if (node == top) {
            return true;
        }
        node = node->next;
    }
}

// ---- the judge -----------------------------------------------------------------------------------

static struct {
    size_t both, gate_refused, written, written_refused, bad;
} count;

static void tell(const char *what, uint64_t number, struct slice octets, struct slice gate,
                 struct slice library) {
    if (++count.bad <= 3) {
        printf("document %" PRIu64 ": %s\n---- octets\n%.*s\n---- the gate sees\n%.*s\n---- libxml2 "
               "sees\n%.*s\n", number, what, SLICE(octets), SLICE(gate), SLICE(library));
    }
}

static void same_octets(struct op *op, uint64_t number, struct slice octets) {
    struct buf gate;
    struct buf library;
    buf_open(&gate, op, SEEN_MAX);
    buf_open(&library, op, SEEN_MAX);
    if (!gate_sees(op, octets, &gate)) {
        count.gate_refused++;
        return;
    }
    CHECK(!gate.broken);
    AUTO(xmlDoc) doc = xmlReadMemory(octets.at, (int)octets.len, NULL, "UTF-8",
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL;
    if (root == NULL) {
        tell("only the gate's reader takes it", number, octets, buf_slice(&gate), S(""));
    } else if (!library_sees(op, root, &library) ||
               !slice_equal(buf_slice(&gate), buf_slice(&library))) {
        tell("they differ", number, octets, buf_slice(&gate), buf_slice(&library));
    } else {
        count.both++;
    }
}

// What the worker reads and writes, read by the gate.
static void written_octets(struct op *op, uint64_t number, struct slice octets, bool exclusive) {
    AUTO(xmlDoc) doc = NULL;
    if (xml_parse(op, octets, &doc) != NULL) {
        return;
    }
    struct canon canon = {.exclusive = exclusive};
    struct slice written;
    struct buf gate;
    struct buf library;
    buf_open(&gate, op, SEEN_MAX);
    buf_open(&library, op, SEEN_MAX);
    if (canon_write(op, xmlDocGetRootElement(doc), NULL, &canon, &written) != NULL) {
        return;
    }
    if (!gate_sees(op, written, &gate)) {
        count.written_refused++;
    } else if (!library_sees(op, xmlDocGetRootElement(doc), &library) ||
               !slice_equal(buf_slice(&gate), buf_slice(&library))) {
        tell("canonical octets read otherwise", number, written, buf_slice(&gate), buf_slice(&library));
    } else {
        count.written++;
    }
}

static void verdict(const char *what, bool good, size_t *passed, size_t *failed) {
    printf("%s %s\n", good ? "ok  " : "FAIL", what);
    *(good ? passed : failed) += 1;
}

int main(int words, char **word) {
    uint64_t seed = words > 1 ? strtoull(word[1], NULL, 10) : 20261121;
    uint64_t most = words > 2 ? strtoull(word[2], NULL, 10) : DOCUMENTS;
    state = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    xml_init();
    static struct document document;
    for (uint64_t i = 0; i < most; i++) {
        struct op op;
        op_open(&op, 1);
        make(&document);
        struct slice octets = slice_of(document.at, document.len);
        same_octets(&op, i, octets);
        written_octets(&op, i, octets, i % 4 != 0);
        op_close(&op);
    }
    xmlCleanupParser();
    printf("seed %" PRIu64 ", %" PRIu64 " documents: %zu read alike, %zu refused by the gate's reader; of canonical "
           "forms %zu read alike, %zu refused\n", seed, most, count.both, count.gate_refused, count.written,
           count.written_refused);
    size_t passed = 0;
    size_t failed = 0;
    verdict("the gate's reader and libxml2 agree, or the reader refuses", count.bad == 0, &passed, &failed);
    verdict("enough documents are read by both", count.both * 10 > most, &passed, &failed);
    verdict("enough canonical forms are read back", count.written * 10 > most, &passed, &failed);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
