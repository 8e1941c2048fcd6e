// SPDX-License-Identifier: GPL-3.0-or-later
// The service providers that we answer: their metadata, fetched when it is needed, and lasso's
// server. Never: trusts metadata from anywhere but the URLs on the command line. It does not check
// a signature on it: the caller vouches for the URL, and the practice provider runs beside the
// program under test.
#include "practice/practice.h"

#include <curl/curl.h>
#include <libxml/parser.h>
#include <string.h>

#define FRESH_S 30                 // as long as a changed service provider may go unnoticed
#define RETRY_US (SECOND_US)       // requests from strangers cost one fetch a second at most
#define METADATA_MAX (1024 * 1024) // one entity is 10 KB; more is a mistake in the URL
#define FETCH_MS 4000
#define CONNECT_MS 2000

static void endpoint_free(void *at) {
    struct endpoint *endpoint = at;
    g_free(endpoint->binding);
    g_free(endpoint->location);
    g_free(endpoint);
}

static void sp_forget(struct sp *sp) {
    g_clear_pointer(&sp->metadata, g_free);
    g_clear_pointer(&sp->entity_id, g_free);
    g_clear_pointer(&sp->acs, g_ptr_array_unref);
    g_clear_pointer(&sp->slo, g_ptr_array_unref);
}

void sp_free(void *at) {
    struct sp *sp = at;
    sp_forget(sp);
    g_free(sp->url);
    g_free(sp->trouble);
    g_free(sp);
}

static size_t take(char *bytes, size_t size, size_t count, void *at) {
    GString *text = at;
    if (text->len + size * count > METADATA_MAX) {
        return 0;
    }
    g_string_append_len(text, bytes, (gssize)(size * count));
    return size * count;
}

static char *fetch(const char *url, GString *text) {
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return g_strdup("libcurl does not start.");
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); // the service provider is near; no proxy knows it
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)FETCH_MS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code == CURLE_HTTP_RETURNED_ERROR) {
        return g_strdup_printf("%s answered with HTTP status %ld.", url, status);
    }
    return code == CURLE_OK
               ? NULL
               : g_strdup_printf("%s cannot be read: %s.", url, curl_easy_strerror(code));
}

static char *property(const xmlNode *node, const char *name) {
    xmlChar *value = xmlGetNoNsProp(node, XML(name));
    char *copy = g_strdup(TEXT(value));
    xmlFree(value);
    return copy;
}

static bool is_true(const char *text) {
    return g_strcmp0(text, "true") == 0 || g_strcmp0(text, "1") == 0;
}

static bool is_web_url(const char *text) {
    return text != NULL &&
           (g_str_has_prefix(text, "http://") || g_str_has_prefix(text, "https://"));
}

static void endpoint_add(GPtrArray *list, const xmlNode *node) {
    g_autofree char *location = property(node, "Location");
    if (!is_web_url(location)) {
        return; // a javascript: URL in a form's action would be ours to answer for
    }
    struct endpoint *endpoint = g_new0(struct endpoint, 1);
    g_autofree char *index = property(node, "index");
    g_autofree char *standard = property(node, "isDefault");
    endpoint->binding = property(node, "Binding");
    endpoint->location = g_steal_pointer(&location);
    endpoint->index = index != NULL ? (int)g_ascii_strtoll(index, NULL, 10) : -1;
    endpoint->is_default = is_true(standard);
    g_ptr_array_add(list, endpoint);
}

static const xmlNode *child_named(const xmlNode *node, const char *name) {
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE && strcmp(TEXT(child->name), name) == 0) {
            return child;
        }
    }
    return NULL;
}

static char *sp_read(struct sp *sp, const GString *text) {
    xmlDoc *doc = xmlReadMemory(text->str, (int)text->len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL;
    const xmlNode *role = root != NULL ? child_named(root, "SPSSODescriptor") : NULL;
    char *entity_id = role != NULL ? property(root, "entityID") : NULL;
    if (entity_id == NULL || doc->intSubset != NULL) {
        g_free(entity_id);
        xmlFreeDoc(doc);
        return g_strdup_printf("%s does not hold the metadata of one SAML 2.0 service provider.",
                               sp->url);
    }
    sp_forget(sp);
    sp->entity_id = entity_id;
    sp->metadata = g_strndup(text->str, text->len);
    sp->acs = g_ptr_array_new_with_free_func(endpoint_free);
    sp->slo = g_ptr_array_new_with_free_func(endpoint_free);
    g_autofree char *signs = property(role, "AuthnRequestsSigned");
    sp->signs_requests = is_true(signs);
    for (const xmlNode *child = role->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE &&
            strcmp(TEXT(child->name), "AssertionConsumerService") == 0) {
            endpoint_add(sp->acs, child);
        } else if (child->type == XML_ELEMENT_NODE &&
                   strcmp(TEXT(child->name), "SingleLogoutService") == 0) {
            endpoint_add(sp->slo, child);
        }
    }
    xmlFreeDoc(doc);
    return NULL;
}

// Lasso keeps each provider's keys as it first read them, so a change means a new server.
static void server_rebuild(struct idp *idp) {
    LassoServer *server =
        lasso_server_new_from_buffers(idp->metadata, idp->own.key_pem, NULL, idp->own.cert_pem);
    if (server == NULL) {
        return;
    }
    server->signature_method = LASSO_SIGNATURE_METHOD_RSA_SHA256;
    for (guint i = 0; i < idp->sps->len; i++) {
        struct sp *sp = g_ptr_array_index(idp->sps, i);
        if (sp->metadata == NULL) {
            continue;
        }
        int code = lasso_server_add_provider_from_buffer(server, LASSO_PROVIDER_ROLE_SP,
                                                         sp->metadata, NULL, NULL);
        if (code != 0) {
            g_free(sp->trouble);
            sp->trouble = g_strdup_printf("lasso refuses the metadata of %s: %s.", sp->url,
                                          lasso_strerror(code));
        }
    }
    g_clear_object(&idp->server);
    idp->server = server;
}

static bool sp_refresh(struct sp *sp, bool now) {
    gint64 age = g_get_monotonic_time() - sp->tried_at;
    bool wanted = sp->tried_at == 0 || age > FRESH_S * SECOND_US ||
                  ((now || sp->metadata == NULL) && age > RETRY_US);
    if (!wanted) {
        return false;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    char *why = fetch(sp->url, text);
    bool changed = why == NULL && g_strcmp0(sp->metadata, text->str) != 0;
    if (changed) {
        why = sp_read(sp, text);
        changed = why == NULL;
    }
    g_free(sp->trouble);
    sp->trouble = why;
    sp->tried_at = g_get_monotonic_time();
    return changed;
}

void trust_refresh(struct idp *idp, bool now) {
    bool changed = idp->server == NULL;
    for (guint i = 0; i < idp->sps->len; i++) {
        changed = sp_refresh(g_ptr_array_index(idp->sps, i), now) || changed;
    }
    if (changed) {
        server_rebuild(idp);
    }
}

const struct sp *trust_find(const struct idp *idp, const char *entity_id) {
    for (guint i = 0; i < idp->sps->len; i++) {
        const struct sp *sp = g_ptr_array_index(idp->sps, i);
        if (sp->entity_id != NULL && g_strcmp0(sp->entity_id, entity_id) == 0) {
            return sp;
        }
    }
    return NULL;
}

const struct endpoint *trust_acs(const struct sp *sp, const char *url, int index) {
    const struct endpoint *best = NULL;
    for (guint i = 0; i < sp->acs->len; i++) {
        const struct endpoint *acs = g_ptr_array_index(sp->acs, i);
        if (g_strcmp0(acs->binding, BINDING_POST) != 0) {
            continue;
        }
        if (url != NULL ? strcmp(acs->location, url) == 0 : index >= 0 && acs->index == index) {
            return acs;
        }
        if (best == NULL || (acs->is_default && !best->is_default)) {
            best = acs;
        }
    }
    return url == NULL && index < 0 ? best : NULL;
}

const struct endpoint *trust_slo(const struct sp *sp, const char *binding) {
    for (guint i = 0; i < sp->slo->len; i++) {
        const struct endpoint *slo = g_ptr_array_index(sp->slo, i);
        if (g_strcmp0(slo->binding, binding) == 0) {
            return slo;
        }
    }
    return NULL;
}

char *trust_own_metadata(const struct idp *idp) {
    static const char *const formats[] = {FORMAT_EMAIL, FORMAT_PERSISTENT, FORMAT_TRANSIENT,
                                          FORMAT_UNSPECIFIED};
    GString *text = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    g_autofree char *entity = g_markup_escape_text(idp->entity_id, -1);
    g_string_append_printf(
        text,
        "<md:EntityDescriptor xmlns:md=\"" NAMESPACE_METADATA "\" entityID=\"%s\">\n"
        "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"false\" "
        "protocolSupportEnumeration=\"" NAMESPACE_PROTOCOL
        "\">\n<md:KeyDescriptor use=\"signing\"><ds:KeyInfo "
        "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"
        "<ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        "</md:KeyDescriptor>\n",
        entity, idp->own.cert_base64);
    g_string_append_printf(
        text,
        "<md:SingleLogoutService Binding=\"" BINDING_REDIRECT "\" Location=\"%s/slo\"/>\n"
        "<md:SingleLogoutService Binding=\"" BINDING_POST "\" Location=\"%s/slo\"/>\n",
        idp->base_url, idp->base_url);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_string_append_printf(text, "<md:NameIDFormat>%s</md:NameIDFormat>\n", formats[i]);
    }
    g_string_append_printf(
        text,
        "<md:SingleSignOnService Binding=\"" BINDING_REDIRECT "\" Location=\"%s/sso\"/>\n"
        "<md:SingleSignOnService Binding=\"" BINDING_POST "\" Location=\"%s/sso\"/>\n"
        "</md:IDPSSODescriptor>\n</md:EntityDescriptor>\n",
        idp->base_url, idp->base_url);
    return g_string_free(text, FALSE);
}
