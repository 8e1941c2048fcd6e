// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of a fetch as arguments, so that tests can fetch from 127.0.0.1 and still see an
// address refused.
#ifndef GATEHOUSE_SAML_FETCH_H
#define GATEHOUSE_SAML_FETCH_H

#include "saml/idp_metadata.h"

#define FETCH_REDIRECTS_MAX 5
#define FETCH_CONNECT_MS 3000
#define FETCH_TOTAL_MS 10000 // over all redirects, the lookups of names included

struct fetch_rules {
    bool http; // besides https
    bool (*allowed)(const struct sockaddr *address);
    int64_t total_ms;
};
// What idp_fetch does, by these rules.
MUST_USE reason fetch_by_rules(struct op *op, const struct fetch_rules *rules, struct slice url,
                               struct slice *ret_xml);

#endif
