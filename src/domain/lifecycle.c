// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/lifecycle.h"

const struct life_event_row life_events[LIFE_EVENTS] = {
#define EVENT(symbol, name, permission, audit, action) {name, permission, audit, action},
#define ROW(from, event, kind, to, letter, ticket, effects)
#include "domain/lifecycle.def"
#undef EVENT
#undef ROW
};

#define MEMBER_NOBODY LIFE_NOBODY
#define LETTER_NONE LIFE_NO_LETTER
#define TICKET_NONE LIFE_NO_TICKET
static const struct life_row rows[] = {
#define EVENT(symbol, name, permission, audit, action)
#define ROW(from, event, kind, to, letter, ticket, effects)                                        \
    {MEMBER_##from, LIFE_##event, LIFE_##kind, MEMBER_##to, LETTER_##letter, TICKET_##ticket, effects},
#include "domain/lifecycle.def"
#undef EVENT
#undef ROW
};

const struct life_row *life_find(int status, enum life_event event, enum life_kind kind) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from == status && rows[i].event == event &&
            (rows[i].kind == LIFE_ANY || rows[i].kind == kind)) {
            return &rows[i];
        }
    }
    return NULL;
}

int membership_now(const struct membership *membership, int64_t now) {
    if (membership->status == MEMBER_INVITED && membership->invite_expires_at > 0 &&
        membership->invite_expires_at <= now) {
        return MEMBER_INVITE_EXPIRED;
    }
    if (membership->status == MEMBER_LOCKED && membership->locked_until > 0 &&
        membership->locked_until <= now) {
        return MEMBER_ACTIVE;
    }
    return membership->status;
}

bool membership_ended(const struct membership *membership, int64_t now) {
    return membership->expires_at > 0 && membership->expires_at <= now;
}

reason life_refuse(struct op *op, int status, enum life_event event) {
    struct slice state =
        status == LIFE_NOBODY ? S("none") : slice_str(membership_status_names[status]);
    op_extra(op, "state", state);
    op_extra(op, "event", slice_str(life_events[event].name));
    REFUSE(op, ILLEGAL_TRANSITION, "a user whose state is %.*s cannot take the event %s",
           SLICE(state), life_events[event].name);
}

reason life_actions(struct op *op, int status, enum life_kind kind, const struct actor *actor,
                    struct texts *ret_actions) {
    struct texts actions = {NULL, 0};
    TRY(op_take(op, LIFE_EVENTS * sizeof *actions.at, &actions.at));
    for (int event = 0; event < LIFE_EVENTS; event++) {
        const struct life_event_row *row = &life_events[event];
        bool may = row->action != NULL && (actor->kind == ACTOR_OPERATOR ||
                                           permission_may(actor->permissions, row->permission));
        if (may && life_find(status, (enum life_event)event, kind) != NULL) {
            actions.at[actions.count++] = slice_str(row->action);
        }
    }
    *ret_actions = actions;
    return NULL;
}
