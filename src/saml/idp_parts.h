// SPDX-License-Identifier: GPL-3.0-or-later
// An IdP on its way in, piece by piece: what metadata and pasted values have in common. Nobody else
// needs this.
#ifndef GATEHOUSE_SAML_IDP_PARTS_H
#define GATEHOUSE_SAML_IDP_PARTS_H

#include "saml/idp_metadata.h"
#include "saml/reader.h"

#define ENTITY_ID_MAX 1024         // SAML metadata 2.2.1
#define EXPIRES_SOON (30 * DAY_MS) // time enough to ask a customer for the next certificate

struct idp_endpoints {
    struct endpoint rows[CONNECTION_ENDPOINTS_MAX];
    size_t count;
};
struct idp_parts {
    struct op *op;
    struct idp idp;
    struct idp_endpoints sso, slo;
    struct certificate certificates[CONNECTION_CERTIFICATES_MAX];
    size_t certificate_count;
    struct slice warnings[METADATA_WARNINGS_MAX];
    size_t warning_count;
};
MUST_USE reason idp_parts_open(struct op *op, struct idp_parts **ret_parts);
// One plain sentence; those that do not fit are left out.
void idp_warn(struct idp_parts *parts, const char *format, ...) PRINTF_LIKE(2, 3);
// https, or http on this machine (with a warning); no user, no fragment. `what` begins the
// sentence. metadata.location.
MUST_USE reason idp_check_url(struct idp_parts *parts, const char *what, struct slice url);
// Those that do not fit are left out with a warning. Both URLs are checked; response_location "" =
// none.
MUST_USE reason idp_add_endpoint(struct idp_parts *parts, struct idp_endpoints *list,
                                 const char *what, int binding, struct slice location,
                                 struct slice response_location);
// Each key once; those that do not fit are left out with a warning.
void idp_add_certificate(struct idp_parts *parts, const struct certificate *certificate);
// Warns of certificates outside their dates, and gives the whole.
MUST_USE reason idp_parts_done(struct idp_parts *parts, struct idp_import *ret_import);

// The key in ds:KeyValue (RSAKeyValue, ECKeyValue) or dsig11:DEREncodedKeyValue, whose START was
// read last; reads past its end. *ret_key.der at NULL: no key that is understood. saml.malformed.
MUST_USE reason idp_key_value(struct op *op, struct reader *reader, struct certificate *ret_key);
#define NS_DSIG11 "http://www.w3.org/2009/xmldsig11#"

#endif
