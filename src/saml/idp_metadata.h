// SPDX-License-Identifier: GPL-3.0-or-later
// What we learn about an IdP: from metadata XML, from a URL, or from the few values that support staff get.
#ifndef GATEHOUSE_SAML_IDP_METADATA_H
#define GATEHOUSE_SAML_IDP_METADATA_H

#include "domain/connection.h"
#include "saml/pool.h"

#define METADATA_XML_MAX (1U << 20) // a federation's aggregate is not an IdP's metadata
#define METADATA_WARNINGS_MAX 16

struct idp_import {
    struct idp idp;
    struct texts warnings; // plain sentences: expired certificate, http endpoint, several entities ...
};
// A fresh worker gives canonical octets, the gate's reader reads them. `entity_id` chooses in an EntitiesDescriptor, ""
// when there is one IdP in it. metadata.*.
MUST_USE reason idp_from_xml(struct op *op, struct pool *pool, struct slice xml, struct slice entity_id,
                             struct idp_import *ret_import);
// The same, where `signers` (struct certificate) says who has to have signed the document: one of their keys, over
// the document element, by the verdict that Responses get; what is read is then the verified octets and nothing
// else. metadata.signature: not signed, another key, another element, changed. No signers: as idp_from_xml.
MUST_USE reason idp_from_signed_xml(struct op *op, struct pool *pool, struct slice xml,
                                    struct slice entity_id, struct rows signers,
                                    struct idp_import *ret_import);
struct idp_values {
    struct slice entity_id, sso_url, slo_url; // slo_url "" = none
    struct texts certificates; // as pasted
};
// Every field that is wrong is an op_error with its JSON pointer (/entity_id, /sso_url, /slo_url, /certificates/0). The
// whole is refused with metadata.location, .no_sso_endpoint, .no_certificate or invalid_certificate where all of them
// are of that kind, else with invalid_input. Both bindings are taken to work at an URL that is given.
MUST_USE reason idp_from_values(struct op *op, const struct idp_values *values,
                                struct idp_import *ret_import);

// The whole trust as another gate has it: both bindings told apart, and where its metadata is looked at from now on,
// which is not asked now. Of `whole` the certificates do not count: they are `certificates`, as pasted. Refused as
// above, with the pointers /sso/0, /slo/0.
MUST_USE reason idp_from_whole(struct op *op, const struct idp *whole, struct texts certificates,
                               struct idp_import *ret_import);

// idp->metadata_valid_days of what was just read. metadata.validity: no validUntil, or one further away than that.
MUST_USE reason idp_ends_in_time(struct op *op, const struct idp *idp);

struct fetch_options {
    bool allow_private; // http and private addresses (development)
};
// GET with libcurl: https only, no private, loopback, link-local or multicast address (checked on the very address
// that is connected to), at most 5 redirects, each checked anew, 10 s in all, METADATA_XML_MAX bytes.
// metadata.location says which of these, and for which URL.
MUST_USE reason idp_fetch(struct op *op, const struct fetch_options *options, struct slice url,
                          struct slice *ret_xml);
// Is this (numeric) address one that a public server may be asked at? For tests and the fetcher.
struct sockaddr;
bool address_is_public(const struct sockaddr *address);

#endif
