// SPDX-License-Identifier: GPL-3.0-or-later
// Looking at a connection's metadata again, at the address that it came from, with the checks of an import.
#ifndef GATEHOUSE_SAML_METADATA_REFRESH_H
#define GATEHOUSE_SAML_METADATA_REFRESH_H

#include "domain/metadata_watch.h"
#include "saml/idp_metadata.h"
#include "store/store.h"

struct refresh {
    struct store *store;
    struct pool *pool;
    struct fetch_options options;
};
// One look; takes up to 10 s, so never inside a transaction. What goes wrong at the other side, or in what it sent,
// is an outcome (METADATA_FAILED), and stored. Refusals: not_found, illegal_transition (no metadata_url, or it was
// changed meanwhile), those of the store.
MUST_USE reason metadata_refresh(struct op *op, const struct refresh *refresh,
                                 const struct actor *actor, struct slice slug,
                                 struct metadata_outcome *ret_outcome);

#endif
