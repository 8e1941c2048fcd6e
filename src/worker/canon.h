// SPDX-License-Identifier: GPL-3.0-or-later
// Canonical XML of one element, exclusive or inclusive, never with comments. No transform engine: XPath and XSLT do not exist here.
#ifndef GATEHOUSE_WORKER_CANON_H
#define GATEHOUSE_WORKER_CANON_H

#include "base/buf.h"
#include "worker/xml.h"

#define CANON_PREFIXES_MAX 64 // an honest PrefixList names one to three

#define ALGORITHM_EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define ALGORITHM_C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define ALGORITHM_ENVELOPED "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

struct canon {
    bool exclusive;
    xmlChar *prefixes[CANON_PREFIXES_MAX + 1]; // PrefixList, NULL at the end
};

// What a CanonicalizationMethod or a Transform names. signature.transform unless it is exclusive or
// inclusive canonical XML 1.0 without comments.
MUST_USE reason canon_read(struct op *op, const xmlNode *method, struct canon *ret_canon);
// `element` as the apex of the node set, `without` (a child of it, or NULL) left out. The tree is
// the same afterwards. saml.too_large, saml.malformed (a relative namespace URI).
MUST_USE reason canon_write(struct op *op, xmlNode *element, xmlNode *without,
                            const struct canon *canon, struct slice *ret_bytes);
// The same by libxml2's own writer, into `out`. Below 0: there is no such form.
int canon_execute(xmlNode *element, xmlNode *without, const struct canon *canon, struct buf *out);

#endif
