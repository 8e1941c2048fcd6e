// SPDX-License-Identifier: GPL-3.0-or-later
// Exclusive forms of what honest messages have are written by exclusive.c, the rest by libxml2.
// xmlC14NExecute walks what stands at the top of the document. So for the moment of one call the
// apex is made to stand there alone, and the signature is unlinked from it: the walk is linear in
// what is written, while namespaces and xml: attributes are still found through the parents.
#include "worker/canon.h"

#include <libxml/c14n.h>
#include <libxml/xmlIO.h>

#include "base/buf.h"
#include "saml/msg.h"
#include "worker/exclusive.h"

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static reason read_prefixes(struct op *op, const xmlNode *method, struct canon *canon) {
    const xmlNode *list = xml_child(method, NS_EXC_C14N, "InclusiveNamespaces");
    if (list == NULL) {
        return NULL;
    }
    if (xml_count(method, NS_EXC_C14N, "InclusiveNamespaces") > 1) {
        REFUSE(op, SIGNATURE_TRANSFORM, "more than one InclusiveNamespaces");
    }
    struct slice value;
    TRY(xml_attribute(op, list, "PrefixList", MSG_TEXT_MAX, &value));
    struct slice copy;
    TRY(op_copy(op, value, &copy));
    size_t count = 0;
    size_t at = 0;
    while (at < copy.len) {
        size_t from = at;
        while (at < copy.len && !is_space(copy.at[at])) {
            at++;
        }
        if (at > from) {
            if (count == CANON_PREFIXES_MAX) {
                REFUSE(op, SIGNATURE_TRANSFORM, "a PrefixList of more than %d prefixes",
                       CANON_PREFIXES_MAX);
            }
            char *prefix = NULL;
            TRY(op_take(op, at - from + 1, &prefix));
            memcpy(prefix, copy.at + from, at - from);
            canon->prefixes[count++] = (xmlChar *)prefix;
        }
        at++;
    }
    return NULL;
}

reason canon_read(struct op *op, const xmlNode *method, struct canon *ret_canon) {
    struct slice algorithm;
    TRY(xml_attribute(op, method, "Algorithm", MSG_TEXT_MAX, &algorithm));
    *ret_canon = (struct canon){.exclusive = slice_equal(algorithm, S(ALGORITHM_EXC_C14N))};
    if (ret_canon->exclusive) {
        return read_prefixes(op, method, ret_canon);
    }
    if (!slice_equal(algorithm, S(ALGORITHM_C14N))) {
        REFUSE(op, SIGNATURE_TRANSFORM,
               "%s is neither exclusive nor inclusive canonical XML 1.0 without comments",
               algorithm.len > 0 ? algorithm.at : "(none)");
    }
    return NULL;
}

// All that is walked is visible; what is above the apex is only looked at, and is not.
static int is_visible(void *apex, xmlNodePtr node, xmlNodePtr parent) {
    (void)parent;
    const xmlNode *top = apex;
    for (const xmlNode *above = top->parent; above != NULL && above->type == XML_ELEMENT_NODE;
         above = above->parent) {
        if (node == above) {
            return 0;
        }
    }
    return 1;
}

// ---- what a form will take ----

#define STEPS_OF_A_NODE 64 // what libxml2 does for each, in looks at one namespace declaration
#define BYTES_OF_A_STEP 8

static size_t declared(const xmlNode *element) {
    size_t count = 0;
    for (const xmlNs *ns = element->nsDef; ns != NULL; ns = ns->next) {
        count++;
    }
    return count;
}

static size_t namespace_steps(const xmlNs *ns) {
    return ns != NULL && ns->href != NULL ? strlen((const char *)ns->href) / BYTES_OF_A_STEP : 0;
}

// `above`: parents and the declarations on them, through which each look-up goes.
static size_t element_steps(const xmlNode *element, const struct canon *canon, size_t prefixes,
                            size_t above) {
    size_t nodes = 1 + declared(element);
    size_t steps = namespace_steps(element->ns);
    for (const xmlAttr *attribute = element->properties; attribute != NULL;
         attribute = attribute->next) {
        nodes++;
        steps += namespace_steps(attribute->ns);
    }
    return steps + nodes * STEPS_OF_A_NODE + above * (canon->exclusive ? prefixes : above);
}

// At least about what libxml2 will do, by one cheap walk. Stops counting above `most`.
static size_t count_steps(const xmlNode *apex, const struct canon *canon, size_t most) {
    size_t prefixes = 0;
    while (canon->prefixes[prefixes] != NULL) {
        prefixes++;
    }
    size_t above = 0;
    for (const xmlNode *node = apex->parent; node != NULL && node->type == XML_ELEMENT_NODE;
         node = node->parent) {
        above += 1 + declared(node);
    }
    size_t steps = 0;
    const xmlNode *node = apex;
    while (steps <= most) {
        if (node->type == XML_ELEMENT_NODE) {
            above += 1 + declared(node);
            steps += element_steps(node, canon, prefixes, above);
            if (node->children != NULL) {
                node = node->children;
                continue;
            }
            above -= 1 + declared(node);
        } else {
            steps += STEPS_OF_A_NODE / 4;
        }
        while (node != apex && node->next == NULL) {
            node = node->parent;
            above -= 1 + declared(node);
        }
        if (node == apex) {
            break;
        }
        node = node->next;
    }
    return steps;
}

// ---- writing ----

static int put(void *context, const char *bytes, int len) {
    struct buf *out = context;
    buf_put(out, slice_of(bytes, (size_t)len));
    return out->broken ? -1 : len;
}

static void unlink_child(xmlNode *node) {
    *(node->prev != NULL ? &node->prev->next : &node->parent->children) = node->next;
    *(node->next != NULL ? &node->next->prev : &node->parent->last) = node->prev;
}

static void link_child(xmlNode *node) {
    *(node->prev != NULL ? &node->prev->next : &node->parent->children) = node;
    *(node->next != NULL ? &node->next->prev : &node->parent->last) = node;
}

int canon_execute(xmlNode *element, xmlNode *without, const struct canon *canon, struct buf *out) {
    xmlOutputBufferPtr sink = xmlOutputBufferCreateIO(put, NULL, out, NULL);
    if (sink == NULL) {
        return -1;
    }
    if (without != NULL) {
        unlink_child(without);
    }
    xmlDocPtr doc = element->doc;
    xmlNode *top = doc->children;
    xmlNode *next = element->next;
    doc->children = element;
    element->next = NULL;
    xmlChar *prefixes[CANON_PREFIXES_MAX + 1];
    memcpy(prefixes, canon->prefixes, sizeof prefixes);
    int done = xmlC14NExecute(doc, is_visible, element,
                              canon->exclusive ? XML_C14N_EXCLUSIVE_1_0 : XML_C14N_1_0,
                              canon->exclusive && prefixes[0] != NULL ? prefixes : NULL, 0, sink);
    element->next = next;
    doc->children = top;
    if (without != NULL) {
        link_child(without);
    }
    return xmlOutputBufferClose(sink) < 0 ? -1 : done;
}

reason canon_write(struct op *op, xmlNode *element, xmlNode *without, const struct canon *canon,
                   struct slice *ret_bytes) {
    struct buf out;
    struct xml_left *left = xml_canonical_left(element->doc);
    size_t ceiling = left->bytes < MSG_CANONICAL_MAX ? left->bytes : MSG_CANONICAL_MAX;
    size_t steps = count_steps(element, canon, left->steps);
    if (steps > left->steps) {
        REFUSE(op, SAML_TOO_LARGE, "too many elements and namespaces are signed");
    }
    left->steps -= steps;
    buf_open(&out, op, ceiling);
    int done = 0;
    if (!canon->exclusive || !exclusive_write(&out, element, without, canon)) {
        buf_open(&out, op, ceiling);
        done = canon_execute(element, without, canon, &out);
    }
    if (out.broken) {
        REFUSE(op, SAML_TOO_LARGE, "the canonical forms are larger than %zu bytes", ceiling);
    }
    if (done < 0 || out.len == 0) {
        REFUSE(op, SAML_MALFORMED, "%s has no canonical form", (const char *)element->name);
    }
    left->bytes -= out.len;
    *ret_bytes = buf_slice(&out);
    return NULL;
}
