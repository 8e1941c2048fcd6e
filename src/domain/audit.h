// SPDX-License-Identifier: GPL-3.0-or-later
// Who did what: actors, and the rows that are written in the same transaction as the change.
#ifndef GATEHOUSE_DOMAIN_AUDIT_H
#define GATEHOUSE_DOMAIN_AUDIT_H

#include "domain/permission.h"
#include "store/record.h"

enum actor_kind { ACTOR_NONE, ACTOR_SYSTEM, ACTOR_OPERATOR, ACTOR_USER, ACTOR_SERVICE };
struct actor {
    enum actor_kind kind;
    struct slice id;      // user id, service user id; "operator" or "operator:UID" for operators; "" for none
    struct slice tenant;  // of a user's session
    struct slice session; // public session id
    struct slice address; // where the request came from
    struct permission_set permissions; // in that tenant; operators have all, everywhere
};

// True when the actor holds all of these; operators and the system hold everything.
bool actor_holds(const struct actor *actor, struct permission_set set);

struct audit {
    struct slice id; // "aud_" ULID
    int64_t time;
    struct slice tenant; // "" for what belongs to no tenant
    struct slice event;  // "user.created", "login.succeeded" ...: domain words, noun.verb
    struct slice actor, actor_kind;
    struct slice target; // what was changed: a slug, a user id ...
    struct slice detail; // one line for people; no secrets
    struct slice request, address, session;
};
extern const struct field_table audit_fields;

// Adds a row; time, ids, request and actor are filled in here. Texts that are too long are cut.
MUST_USE reason audit_add(struct op *op, struct txn *txn, const struct actor *actor,
                          struct slice tenant, const char *event, struct slice target,
                          struct slice detail);
// Newest first. rows of struct audit. Rows older than the tenant (of an earlier one with its slug) are not
// shown. The cursor is an audit id.
MUST_USE reason audit_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                           struct rows *ret_audits, struct slice *ret_next);

#endif
