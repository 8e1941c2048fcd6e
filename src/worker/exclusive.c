// SPDX-License-Identifier: GPL-3.0-or-later
// Exclusive canonical XML over libxml2's tree: the same octets as xmlC14NExecute, at a sixth of its
// cost (tests/unit/worker/test_exclusive.c holds them side by side). It writes what honest messages
// have and leaves all else to libxml2. A mistake here makes octets whose digest does not hold.
#include "worker/exclusive.h"

#define RENDERED_MAX 128 // namespaces that are written and in scope; more are libxml2's work

struct writer {
    struct buf *out;
    const xmlNode *apex, *without;
    const struct canon *canon;
    const xmlNs *rendered[RENDERED_MAX]; // as the output's scope has them, the innermost last
    size_t count;
    size_t outer[XML_DEPTH_MAX + 1];       // `count` before each open element
    struct slice names[XML_DEPTH_MAX + 1]; // its name, where it was written
    size_t depth;
    const char *plain; // the last name of a namespace that was found to be a plain one; NULL = none yet
};

static const char *text_of(const xmlChar *text) {
    return text != NULL ? (const char *)text : "";
}

// ---- what is left to libxml2 ----

static bool is_plain_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

// A plain absolute name, in which there is nothing to escape and nothing relative. libxml2 refuses
// or rewrites some others.
static bool is_plain_name(const char *name) {
    bool is_urn = strncmp(name, "urn:", 4) == 0;
    const char *rest = is_urn ? name + 4 : strncmp(name, "http", 4) == 0 ? name + 4 : "";
    if (!is_urn) {
        rest += *rest == 's' ? 1 : 0;
        rest = strncmp(rest, "://", 3) == 0 ? rest + 3 : "";
    }
    if (!is_plain_letter(*rest)) {
        return false;
    }
    while (is_plain_letter(*rest) || *rest == (is_urn ? ':' : '/')) {
        rest++;
    }
    return *rest == 0 || strcmp(rest, "#") == 0; // those of XML Signature and Encryption end so
}

static bool is_plain_element(struct writer *writer, const xmlNode *element) {
    for (const xmlNs *ns = element->nsDef; ns != NULL; ns = ns->next) {
        const char *name = text_of(ns->href);
        bool again = writer->plain != NULL && strcmp(name, writer->plain) == 0;
        if (!again && !is_plain_name(name)) { // also xmlns=""
            return false;
        }
        writer->plain = name;
    }
    for (const xmlAttr *attribute = element->properties; attribute != NULL;
         attribute = attribute->next) {
        for (const xmlNode *node = attribute->children; node != NULL; node = node->next) {
            if (node->type != XML_TEXT_NODE) {
                return false;
            }
        }
    }
    return true;
}

static bool is_plain_list(const struct canon *canon) {
    for (size_t i = 0; canon->prefixes[i] != NULL; i++) {
        if (strcmp((const char *)canon->prefixes[i], "#default") == 0) {
            return false;
        }
    }
    return true;
}

// ---- text ----

static const char *text_escape(char c) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\r': return "&#xD;";
    default: return NULL;
    }
}

static const char *attribute_escape(char c) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '"': return "&quot;";
    case '\t': return "&#x9;";
    case '\n': return "&#xA;";
    case '\r': return "&#xD;";
    default: return NULL;
    }
}

static void put_escaped(struct buf *out, const xmlChar *text, const char *set,
                        const char *(*escape)(char)) {
    for (const char *at = text_of(text); *at != 0;) {
        size_t run = strcspn(at, set);
        buf_put(out, slice_of(at, run));
        at += run;
        if (*at != 0) {
            buf_str(out, escape(*at++));
        }
    }
}

static void put_name(struct buf *out, const xmlNs *ns, const xmlChar *local) {
    if (ns != NULL && ns->prefix != NULL) {
        buf_str(out, (const char *)ns->prefix);
        buf_put(out, S(":"));
    }
    buf_str(out, (const char *)local);
}

// ---- namespaces ----

static bool is_xml(const xmlNs *ns) {
    return strcmp(text_of(ns->prefix), "xml") == 0;
}

// Has the output this prefix with this name already?
static bool is_rendered(const struct writer *writer, const xmlNs *ns) {
    for (size_t i = writer->count; i > 0; i--) {
        const xmlNs *there = writer->rendered[i - 1];
        if (there == ns) {
            return true;
        }
        if (strcmp(text_of(there->prefix), text_of(ns->prefix)) == 0) {
            return strcmp(text_of(there->href), text_of(ns->href)) == 0;
        }
    }
    return false;
}

// Those of one element stand in the order of their prefixes. False: too many.
static bool render(struct writer *writer, const xmlNs *ns) {
    if (ns == NULL || is_xml(ns) || is_rendered(writer, ns)) {
        return true;
    }
    if (writer->count == RENDERED_MAX) {
        return false;
    }
    size_t at = writer->count++;
    for (; at > writer->outer[writer->depth] &&
           strcmp(text_of(writer->rendered[at - 1]->prefix), text_of(ns->prefix)) > 0;
         at--) {
        writer->rendered[at] = writer->rendered[at - 1];
    }
    writer->rendered[at] = ns;
    return true;
}

// A listed prefix is written where it is declared, used or not; at the apex also what is declared
// above.
static bool render_listed(struct writer *writer, const xmlNode *element) {
    for (size_t i = 0; writer->canon->prefixes[i] != NULL; i++) {
        const xmlNs *found = NULL;
        for (const xmlNode *node = element;
             node != NULL && node->type == XML_ELEMENT_NODE && found == NULL &&
             (node == element || element == writer->apex);
             node = node->parent) {
            found = node->nsDef;
            while (found != NULL && (found->prefix == NULL ||
                                     xmlStrEqual(found->prefix, writer->canon->prefixes[i]) == 0)) {
                found = found->next;
            }
        }
        if (!render(writer, found)) {
            return false;
        }
    }
    return true;
}

static bool render_all(struct writer *writer, const xmlNode *element) {
    if (!render_listed(writer, element) || !render(writer, element->ns)) {
        return false;
    }
    for (const xmlAttr *attribute = element->properties; attribute != NULL;
         attribute = attribute->next) {
        if (!render(writer, attribute->ns)) {
            return false;
        }
    }
    for (size_t i = writer->outer[writer->depth]; i < writer->count; i++) {
        const xmlNs *ns = writer->rendered[i];
        buf_put(writer->out, ns->prefix != NULL ? S(" xmlns:") : S(" xmlns"));
        buf_str(writer->out, text_of(ns->prefix));
        buf_put(writer->out, S("=\""));
        buf_str(writer->out, text_of(ns->href));
        buf_put(writer->out, S("\""));
    }
    return true;
}

// ---- elements ----

static bool comes_first(const xmlAttr *a, const xmlAttr *b) {
    const char *first = a->ns != NULL ? text_of(a->ns->href) : "";
    const char *second = b->ns != NULL ? text_of(b->ns->href) : "";
    int order = a->ns == b->ns ? 0 : strcmp(first, second);
    return (order != 0 ? order : strcmp((const char *)a->name, (const char *)b->name)) < 0;
}

static void put_attributes(struct buf *out, const xmlNode *element) {
    const xmlAttr *sorted[XML_ATTRIBUTES_MAX];
    size_t count = 0;
    for (const xmlAttr *attribute = element->properties;
         attribute != NULL && count < XML_ATTRIBUTES_MAX; attribute = attribute->next) {
        size_t at = count++;
        for (; at > 0 && comes_first(attribute, sorted[at - 1]); at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = attribute;
    }
    for (size_t i = 0; i < count; i++) {
        buf_put(out, S(" "));
        put_name(out, sorted[i]->ns, sorted[i]->name);
        buf_put(out, S("=\""));
        for (const xmlNode *node = sorted[i]->children; node != NULL; node = node->next) {
            put_escaped(out, node->content, "&<\"\t\n\r", attribute_escape);
        }
        buf_put(out, S("\""));
    }
}

static bool open_element(struct writer *writer, const xmlNode *element) {
    if (writer->depth == XML_DEPTH_MAX || !is_plain_element(writer, element)) {
        return false;
    }
    writer->outer[++writer->depth] = writer->count;
    buf_put(writer->out, S("<"));
    size_t at = writer->out->len;
    put_name(writer->out, element->ns, element->name);
    // Where the buffer grows, what was there before stays as it is.
    writer->names[writer->depth] =
        writer->out->broken ? S("") : slice_of(writer->out->at + at, writer->out->len - at);
    if (!render_all(writer, element)) {
        return false;
    }
    put_attributes(writer->out, element);
    buf_put(writer->out, S(">"));
    return true;
}

static void close_element(struct writer *writer) {
    buf_put(writer->out, S("</"));
    buf_put(writer->out, writer->names[writer->depth]);
    buf_put(writer->out, S(">"));
    writer->count = writer->outer[writer->depth--];
}

// False: not a kind that is written here.
static bool put_node(struct writer *writer, const xmlNode *node) {
    if (node->type == XML_ELEMENT_NODE) {
        return open_element(writer, node);
    }
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
        put_escaped(writer->out, node->content, "&<>\r", text_escape);
        return true;
    }
    return node->type == XML_COMMENT_NODE;
}

// The next one to write; closes what ends before it. NULL after the apex.
static const xmlNode *step(struct writer *writer, const xmlNode *node) {
    if (node->type == XML_ELEMENT_NODE && node != writer->without) {
        if (node->children != NULL) {
            return node->children;
        }
        close_element(writer);
    }
    while (node != writer->apex && node->next == NULL) {
        node = node->parent;
        close_element(writer);
    }
    return node == writer->apex ? NULL : node->next;
}

bool exclusive_write(struct buf *out, const xmlNode *apex, const xmlNode *without,
                     const struct canon *canon) {
    struct writer writer UNCLEARED;
    writer.out = out;
    writer.apex = apex;
    writer.without = without;
    writer.canon = canon;
    writer.count = writer.depth = 0;
    writer.plain = NULL;
    bool plain = is_plain_list(canon);
    const xmlNode *node = apex;
    while (plain && node != NULL && !out->broken) {
        plain = node == without || put_node(&writer, node);
        node = plain ? step(&writer, node) : NULL;
    }
    return plain;
}
