// SPDX-License-Identifier: GPL-3.0-or-later
// Who did what: actors, and the rows that are written in the same transaction as the change.
//
// The rows of a tenant are a chain (audit_chain.h): each holds the hash of the one before. What says who
// somebody is (an address, an e-mail, a name) stands in parts of a row that can be erased: the hash covers
// a salted commitment to a part, not the part.
#ifndef GATEHOUSE_DOMAIN_AUDIT_H
#define GATEHOUSE_DOMAIN_AUDIT_H

#include "base/digest.h"
#include "domain/permission.h"
#include "store/record.h"

struct audit_link { // an end of a chain
    uint64_t seq;   // 0: no row yet
    struct sha256 hash;
};

// The end of a tenant's chain, held by who adds several rows to it in one write: it is read once and written once.
// Between begin and end all rows of that chain have to come from actors with this run, and end must be called.
struct audit_run {
    struct slice tenant;
    struct audit_link head;
    bool longer;
};

enum actor_kind { ACTOR_NONE, ACTOR_SYSTEM, ACTOR_OPERATOR, ACTOR_USER, ACTOR_SERVICE };
struct actor {
    enum actor_kind kind;
    struct slice id;      // user id, service user id; "operator" or "operator:UID" for operators; "" for none
    struct slice tenant;  // of a user's session
    struct slice session; // public session id
    struct slice client;  // id of the application whose token of the session it was, or ""
    struct slice address; // where the request came from
    struct permission_set permissions; // in that tenant; operators have all, everywhere
    struct audit_run *run;             // or NULL
};
extern const char *const actor_kind_names[]; // NULL at the end

// True when the actor holds all of these; operators and the system hold everything.
bool actor_holds(const struct actor *actor, struct permission_set set);

#define AUDIT_ERASED_ACTOR 1 // bits of `erased`
#define AUDIT_ERASED_PERSON 2
struct audit {
    struct slice id; // "aud_" and the sequence number; "aud_" and a ULID before the chain
    int64_t seq;     // in its chain, from 1; 0: written before there was a chain
    int64_t time;
    struct slice tenant; // "" for what belongs to no tenant
    struct slice event;  // "user.created", "login.succeeded" ...: domain words, noun.verb
    struct slice actor, actor_kind;
    struct slice target; // what was changed: a slug, a user id ...
    struct slice about;  // user id of whose data `person_...` is, or ""
    struct slice detail; // one line for people; no secrets, nothing about a person
    struct slice before, after; // JSON objects of the members that changed; "" = there was, or is, nothing
    struct slice request, session;
    // The part about the actor, and its commitment.
    struct slice address, actor_salt, actor_seal;
    // The part about the person, and its commitment: what of detail, before and after says who it is.
    struct slice person_detail, person_before, person_after, person_salt, person_seal;
    int64_t erased; // AUDIT_ERASED_... : that part and its salt are gone; the commitment stays
    struct slice prev_hash, hash;
};
extern const struct field_table audit_fields;
extern const struct entity audit_entity, audit_old_entity; // of the chain, and of the time before it

// What is written down. before and after are rows of `table` (NULL: there was nothing, nothing is left): those
// members that differ go into the row, hidden ones never, FIELD_PERSONAL ones into the part that can be erased.
struct audit_entry {
    struct slice tenant; // "": the chain of what belongs to no tenant
    const char *event;
    struct slice target;
    struct slice detail; // "": the names of the members that changed. One that names an e-mail address is personal
    struct slice person; // a line that says who somebody is, where no table does
    struct slice about;  // user id of the person whose data this holds; "": the target, when that is a user
    const struct field_table *table; // NULL: no before and after
    const void *before, *after;
};
// Adds a row; time, numbers, request and actor are filled in here. Texts that are too long are cut.
MUST_USE reason audit_write(struct op *op, struct txn *txn, const struct actor *actor,
                            const struct audit_entry *entry);
// The usual two: one line of text; or a change, for which nothing but the rows need be said.
MUST_USE reason audit_add(struct op *op, struct txn *txn, const struct actor *actor,
                          struct slice tenant, const char *event, struct slice target,
                          struct slice detail);
MUST_USE reason audit_change(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice tenant, const char *event, struct slice target,
                             const struct field_table *table, const void *before,
                             const void *after);

MUST_USE reason audit_run_begin(struct op *op, struct txn *txn, struct slice tenant,
                                struct audit_run *ret_run);
MUST_USE reason audit_run_end(struct op *op, struct txn *txn, const struct audit_run *run);

// What differs between two rows of a table, as JSON objects ("" where a row is NULL); no member is longer than
// AUDIT_VALUE_MAX: what is, stands as its length and hash.
#define AUDIT_VALUE_MAX 2000
#define AUDIT_JSON_MAX 8000
struct audit_diff {
    struct slice before, after, person_before, person_after;
    struct slice names; // "name, domains"
};
MUST_USE reason audit_compare(struct op *op, const struct field_table *table, const void *before,
                              const void *after, struct audit_diff *ret_diff);

// ---- reading (audit_read.c) ----

struct audit_filter {
    struct slice actor, target; // whole; the target is also who the row is about
    struct slice event;         // how it begins: "user." or "login.failed"
    struct slice q;             // somewhere in event, actor, target, detail or what changed, without case (ASCII)
    int64_t from, to;           // from <= time < to; 0: no bound
    bool forwards;              // oldest first
    bool personal;              // q looks into what can be erased, too
};
#define AUDIT_PAGE_MAX 1000            // rows of a page; lists ask for fewer
#define AUDIT_PAGE_BYTES (1U << 20)    // and their stored bytes, so that a page of long rows fits the memory of a request
#define AUDIT_LOOK_MAX 20000 // rows that one search looks at: when it stops there, the page has a cursor to go on with

// Is this the id of a row, of the chain or from before it?
bool audit_id(struct slice id);
// rows of struct audit. Rows older than the tenant (of an earlier one with its slug) are not shown. The cursor is an
// audit id; a page may have fewer rows than asked for, even none, and still have a cursor.
MUST_USE reason audit_search(struct op *op, struct txn *txn, struct slice tenant,
                             const struct audit_filter *filter, struct page page,
                             struct rows *ret_audits, struct slice *ret_next);
// All of them, newest first.
MUST_USE reason audit_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                           struct rows *ret_audits, struct slice *ret_next);
MUST_USE reason audit_find(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                           struct audit *ret_audit); // not_found

#endif
