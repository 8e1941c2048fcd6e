// SPDX-License-Identifier: GPL-3.0-or-later
// What the handlers about people share: how a member is read in a transaction and shown.
#ifndef GATEHOUSE_HTTP_API_USERS_H
#define GATEHOUSE_HTTP_API_USERS_H

#include "domain/member_life.h"
#include "http/api/api.h"

// A member with all that is shown of one.
struct shown {
    struct member member;
    enum life_kind kind;
    bool second_factor;
    struct letter letter; // the last one; id "" when none is kept
};
// In the transaction that read the member, or changed it.
MUST_USE reason shown_read(struct op *op, struct txn *txn, const struct member *member,
                           struct shown *ret_shown);
// One person: also where each role came from, and what this caller may do.
MUST_USE reason shown_json(struct op *op, const struct actor *actor, const struct shown *shown,
                           struct json **ret_json);
// A row of the list.
struct json *member_item(struct op *op, const struct actor *actor, const struct member *member,
                         bool masked);
// Of the membership and the user, without what each sign-in changes.
MUST_USE reason shown_etag(struct op *op, const struct member *member, struct slice *ret_etag);

// A change of one member by a call: what it needs, and what came of it.
struct user_work {
    const struct request *request;
    const struct actor *actor;
    struct slice tenant, user_id;
    struct shown shown;
};
struct user_work user_work_of(const struct request *request);
// The member as it is; with If-Match, only as the caller knows it.
MUST_USE reason user_work_find(struct op *op, struct txn *txn, struct user_work *work);
// What it became, for the answer.
MUST_USE reason user_work_done(struct op *op, struct txn *txn, const struct member *member,
                               struct user_work *work);
MUST_USE reason user_work_reply(struct op *op, struct reply *reply, unsigned status,
                                const struct user_work *work);

#endif
