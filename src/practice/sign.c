// SPDX-License-Identifier: GPL-3.0-or-later
// Enveloped XML signatures by xmlsec: exclusive c14n, RSA-SHA256 (or SHA-1 for the fault of that
// name). Never: verifies anything. lasso does that for the messages that come in.
#include "practice/practice.h"

#include <string.h>
#include <xmlsec/openssl/app.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/templates.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

static xmlNode *find_issuer(xmlNode *element) {
    for (xmlNode *child = xmlFirstElementChild(element); child != NULL;
         child = xmlNextElementSibling(child)) {
        if (strcmp(TEXT(child->name), "Issuer") == 0) {
            return child;
        }
    }
    return NULL;
}

// SAML wants the Signature right after the Issuer.
static xmlNode *template_make(xmlNode *element, const char *id, bool sha1, const char *prefixes) {
    xmlNode *issuer = find_issuer(element);
    xmlNode *signature = xmlSecTmplSignatureCreateNsPref(element->doc, xmlSecTransformExclC14NId,
                                                         sha1 ? xmlSecOpenSSLTransformRsaSha1Id
                                                              : xmlSecOpenSSLTransformRsaSha256Id,
                                                         NULL, XML("ds"));
    if (issuer == NULL || signature == NULL) {
        return NULL;
    }
    xmlAddNextSibling(issuer, signature);
    g_autofree char *uri = g_strdup_printf("#%s", id);
    xmlNode *reference = xmlSecTmplSignatureAddReference(
        signature, sha1 ? xmlSecOpenSSLTransformSha1Id : xmlSecOpenSSLTransformSha256Id, NULL,
        XML(uri), NULL);
    xmlNode *enveloped =
        reference != NULL ? xmlSecTmplReferenceAddTransform(reference, xmlSecTransformEnvelopedId)
                          : NULL;
    xmlNode *c14n = enveloped != NULL
                        ? xmlSecTmplReferenceAddTransform(reference, xmlSecTransformExclC14NId)
                        : NULL;
    if (c14n == NULL ||
        (prefixes != NULL && xmlSecTmplTransformAddC14NInclNamespaces(c14n, XML(prefixes)) < 0)) {
        return NULL;
    }
    xmlNode *info = xmlSecTmplSignatureEnsureKeyInfo(signature, NULL);
    xmlNode *data = info != NULL ? xmlSecTmplKeyInfoAddX509Data(info) : NULL;
    return data != NULL && xmlSecTmplX509DataAddCertificate(data) != NULL ? signature : NULL;
}

static xmlSecKey *key_load(const struct signer *signer) {
    xmlSecKey *key = xmlSecOpenSSLAppKeyLoadMemory((const xmlSecByte *)signer->key_pem,
                                                   (xmlSecSize)strlen(signer->key_pem),
                                                   xmlSecKeyDataFormatPem, NULL, NULL, NULL);
    if (key == NULL || xmlSecOpenSSLAppKeyCertLoadMemory(key, (const xmlSecByte *)signer->cert_pem,
                                                         (xmlSecSize)strlen(signer->cert_pem),
                                                         xmlSecKeyDataFormatPem) < 0) {
        xmlSecKeyDestroy(key);
        return NULL;
    }
    return key;
}

char *sign_element(xmlNode *element, const struct signer *signer, bool sha1, const char *prefixes) {
    xmlAttr *attribute = xmlHasProp(element, XML("ID"));
    xmlChar *id = xmlGetProp(element, XML("ID"));
    if (attribute == NULL || id == NULL) {
        return g_strdup("The element to be signed has no ID.");
    }
    xmlAddID(NULL, element->doc, id, attribute);
    xmlNode *signature = template_make(element, TEXT(id), sha1, prefixes);
    xmlFree(id);
    xmlSecDSigCtx *context = xmlSecDSigCtxCreate(NULL);
    if (context != NULL) {
        context->signKey = key_load(signer);
    }
    bool done = context != NULL && context->signKey != NULL && signature != NULL &&
                xmlSecDSigCtxSign(context, signature) == 0;
    xmlSecDSigCtxDestroy(context);
    return done ? NULL : g_strdup("xmlsec could not sign the message.");
}
