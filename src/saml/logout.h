// SPDX-License-Identifier: GPL-3.0-or-later
// Single logout messages that arrive: verified, then read. Always signed, or refused with logout.signature.
#ifndef GATEHOUSE_SAML_LOGOUT_H
#define GATEHOUSE_SAML_LOGOUT_H

#include "saml/inbound.h"

struct logout_message {
    bool is_request;
    struct slice id, issuer, destination, in_response_to;
    struct slice name_id, name_id_format, name_qualifier, sp_name_qualifier; // of a request
    struct texts session_indexes;
    struct slice status, sub_status; // of a response
    int64_t not_on_or_after; // of a request, 0 = none
    int64_t issue_instant;
    struct slice relay_state;
};
// By Redirect: the query's signature over the raw octets, then the gate's reader. By POST: the worker and the verdict.
// logout.signature, .issuer, .destination, .expired, saml.*.
MUST_USE reason logout_receive_query(struct op *op, const struct inbound *inbound, struct slice slo_url,
                                     struct slice query, struct logout_message *ret_message);
MUST_USE reason logout_receive_post(struct op *op, const struct inbound *inbound, struct slice slo_url,
                                    struct slice body, struct logout_message *ret_message);

#endif
