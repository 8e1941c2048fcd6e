// SPDX-License-Identifier: GPL-3.0-or-later
// Fetch, verify, read; then one transaction decides. The entity that is looked for is the one that is stored: where
// it is gone and another stands alone in its place, that is a change that waits, and never one that applies.
#include "saml/metadata_refresh.h"

struct look {
    const struct actor *actor;
    struct slice slug;
    struct connection connection;
    struct idp fetched;
    reason failure;
    struct slice detail;
    struct metadata_outcome *outcome;
};

static reason read_connection(struct op *op, struct txn *txn, void *arg) {
    struct look *look = arg;
    return connection_find(op, txn, look->slug, &look->connection);
}

static reason store_seen(struct op *op, struct txn *txn, void *arg) {
    struct look *look = arg;
    return metadata_watch_seen(op, txn, look->actor, look->slug, &look->fetched, look->outcome);
}

static reason store_failure(struct op *op, struct txn *txn, void *arg) {
    struct look *look = arg;
    return metadata_watch_failed(op, txn, look->actor, look->slug, look->failure, look->detail,
                                 look->outcome);
}

static reason fetch(struct op *op, const struct refresh *refresh, struct look *look) {
    const struct idp *idp = &look->connection.idp;
    struct slice xml;
    struct idp_import import;
    TRY(idp_fetch(op, &refresh->options, idp->metadata_url, &xml));
    reason why = idp_from_signed_xml(op, refresh->pool, xml, idp->entity_id,
                                     idp->metadata_certificates, &import);
    if (why == REASON_OF(METADATA_NO_IDP)) {
        why = idp_from_signed_xml(op, refresh->pool, xml, S(""), idp->metadata_certificates,
                                  &import);
    }
    TRY(why);
    import.idp.metadata_url = idp->metadata_url;
    import.idp.metadata_valid_days = idp->metadata_valid_days;
    TRY(idp_ends_in_time(op, &import.idp));
    look->fetched = import.idp;
    return NULL;
}

// What the other side did, or what stands in the way of looking; the store's own refusals are nobody's news.
static bool is_outcome(reason why) {
    return why->class != CLASS_STORE || why == REASON_OF(WORKER_FAILED);
}

reason metadata_refresh(struct op *op, const struct refresh *refresh, const struct actor *actor,
                        struct slice slug, struct metadata_outcome *ret_outcome) {
    struct look look = {.actor = actor, .slug = slug, .outcome = ret_outcome};
    TRY(store_read(op, refresh->store, read_connection, &look));
    if (look.connection.idp.metadata_url.len == 0) {
        REFUSE(op, ILLEGAL_TRANSITION,
               "this connection has no metadata_url to fetch from: its identity provider was given as a "
               "document or as values");
    }
    reason why = fetch(op, refresh, &look);
    if (why == NULL) {
        why = store_write(op, refresh->store, store_seen, &look);
        if (why == NULL || why == REASON_OF(ILLEGAL_TRANSITION) || why == REASON_OF(NOT_FOUND)) {
            return why;
        }
    }
    if (!is_outcome(why)) {
        return why;
    }
    look.failure = why;
    look.detail = op->detail;
    return store_write(op, refresh->store, store_failure, &look);
}
