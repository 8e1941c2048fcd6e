// SPDX-License-Identifier: GPL-3.0-or-later
// The state machine of a membership as a table (lifecycle.def): what may happen in which state, who may cause it, and
// what comes of it. Pure: it reads and writes nothing.
#ifndef GATEHOUSE_DOMAIN_LIFECYCLE_H
#define GATEHOUSE_DOMAIN_LIFECYCLE_H

#include "domain/outbox.h"
#include "domain/ticket.h"
#include "domain/user.h"

enum life_event {
#define EVENT(symbol, name, permission, audit, action) LIFE_##symbol,
#define ROW(from, event, kind, to, letter, ticket, effects)
#include "domain/lifecycle.def"
#undef EVENT
#undef ROW
    LIFE_EVENTS
};
struct life_event_row {
    const char *name;       // "resend_welcome", as refusals name it
    const char *permission; // that an administrator needs for it; NULL: no administrator causes it
    const char *audit;
    const char *action; // "resend-welcome", as the API and `_actions` name it; NULL: none
};
extern const struct life_event_row life_events[LIFE_EVENTS];

enum life_kind { LIFE_PASSWORD, LIFE_SSO, LIFE_KNOWN, LIFE_ANY };
enum life_effect { DROP_LINKS = 1, END_SESSIONS = 2, VOID_PASSWORD = 4, CLEAR_LOCK = 8 };
#define LIFE_NOBODY (-1)               // the state of who is no member
#define LIFE_NO_LETTER LETTER_KINDS    // of a row that sends none
#define LIFE_NO_TICKET TICKET_PURPOSES // of a row whose letter has no link
struct life_row {
    int from; // enum membership_status, or LIFE_NOBODY
    enum life_event event;
    enum life_kind kind;
    int to;
    int letter;  // enum letter_kind
    int ticket;  // enum ticket_purpose
    int effects; // enum life_effect, ored
};
// NULL: not in this state.
const struct life_row *life_find(int status, enum life_event event, enum life_kind kind);
// The state as of now: an invitation whose time is over, a lock that has ended.
int membership_now(const struct membership *membership, int64_t now);
// Does it let in at all: neither deleted nor disabled, and not past its end?
bool membership_ended(const struct membership *membership, int64_t now);
// illegal_transition, which names the state and the event.
MUST_USE reason life_refuse(struct op *op, int status, enum life_event event);
// The actions that this caller has for a member in this state, by the table and the caller's permissions.
MUST_USE reason life_actions(struct op *op, int status, enum life_kind kind,
                             const struct actor *actor, struct texts *ret_actions);

#endif
