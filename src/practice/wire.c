// SPDX-License-Identifier: GPL-3.0-or-later
// A message from a form or a query: decoded and looked at before lasso sees it.
// Lasso logs a LogoutRequest without a NameID as an error of the kind that ends the process, so
// what is not the expected message stops here. Never: verifies a signature or reads an identity.
#include "practice/practice.h"

#include <libxml/parser.h>
#include <string.h>
#include <zlib.h>

#define MESSAGE_MAX (256 * 1024) // as much as a body may be; a query inflates to no more

static GString *inflated(const guchar *bytes, gsize length) {
    z_stream stream = {.next_in = (Bytef *)(guintptr)bytes, .avail_in = (uInt)length};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        return NULL;
    }
    g_autofree char *room = g_malloc(MESSAGE_MAX);
    stream.next_out = (Bytef *)room;
    stream.avail_out = MESSAGE_MAX;
    int code = inflate(&stream, Z_FINISH);
    gsize made = MESSAGE_MAX - stream.avail_out;
    inflateEnd(&stream);
    return code == Z_STREAM_END ? g_string_new_len(room, (gssize)made) : NULL;
}

static GString *decoded(const struct request *request, const char *field) {
    const char *value = request_arg(request, field);
    gsize length = 0;
    g_autofree guchar *bytes = value != NULL ? g_base64_decode(value, &length) : NULL;
    if (length == 0) {
        return NULL;
    }
    return request_is_post(request) ? g_string_new_len((const char *)bytes, (gssize)length)
                                    : inflated(bytes, length);
}

static bool is_named(const xmlNode *node, const char *href, const char *name) {
    return node->type == XML_ELEMENT_NODE && strcmp(TEXT(node->name), name) == 0 &&
           node->ns != NULL && strcmp(TEXT(node->ns->href), href) == 0;
}

// Lasso stops reading at the first child that it does not expect, so each must be where the schema
// has it.
static bool is_logout_request(xmlNode *root) {
    static const struct {
        const char *href, *name;
        bool needed, plain; // plain: holds text and no element
    } children[] = {
        {NAMESPACE_ASSERTION, "Issuer", true, true},
        {"http://www.w3.org/2000/09/xmldsig#", "Signature", false, false},
        {NAMESPACE_PROTOCOL, "Extensions", false, false},
        {NAMESPACE_ASSERTION, "NameID", true, true},
        {NAMESPACE_PROTOCOL, "SessionIndex", false, true},
    };
    xmlNode *child = xmlFirstElementChild(root);
    for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
        bool there = child != NULL && is_named(child, children[i].href, children[i].name);
        if (there ? children[i].plain && child->children != NULL && child->children->next != NULL
                  : children[i].needed) {
            return false;
        }
        child = there ? xmlNextElementSibling(child) : child;
    }
    while (child != NULL && is_named(child, NAMESPACE_PROTOCOL, "SessionIndex")) {
        child = xmlNextElementSibling(child);
    }
    return child == NULL;
}

static bool fits(const GString *xml, const char *name) {
    xmlDoc *doc = xmlReadMemory(xml->str, (int)xml->len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL;
    bool good = root != NULL && doc->intSubset == NULL &&
                is_named(root, NAMESPACE_PROTOCOL, name) &&
                (strcmp(name, "LogoutRequest") != 0 || is_logout_request(root));
    xmlFreeDoc(doc);
    return good;
}

// The four parameters that count, as they came and in the order that signatures want.
static char *query_kept(const struct request *request, const char *field) {
    const char *const names[] = {field, "RelayState", "SigAlg", "Signature"};
    g_auto(GStrv) pairs = g_strsplit(request->query, "&", -1);
    GString *message = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        size_t length = strlen(names[i]);
        for (char **pair = pairs; *pair != NULL; pair++) {
            if (strncmp(*pair, names[i], length) == 0 && (*pair)[length] == '=') {
                g_string_append_printf(message, "%s%s", message->len > 0 ? "&" : "", *pair);
                break;
            }
        }
    }
    return g_string_free(message, FALSE);
}

char *wire_message(const struct request *request, const char *field, const char *name) {
    GString *xml = decoded(request, field);
    char *message = NULL;
    if (xml != NULL && fits(xml, name)) {
        message = request_is_post(request) ? g_base64_encode((const guchar *)xml->str, xml->len)
                                           : query_kept(request, field);
    }
    if (xml != NULL) {
        g_string_free(xml, TRUE);
    }
    return message;
}
