// SPDX-License-Identifier: GPL-3.0-or-later
// Lasso as a second opinion: does it accept this Response, from this provider, and for whom? It
// checks signatures and structure; times, audience, recipient and replay are the gate's own work.
#ifndef GATEHOUSE_WORKER_OPINION_OPINION_H
#define GATEHOUSE_WORKER_OPINION_OPINION_H

#include "base/op.h"
#include "saml/msg.h"

// Lasso and what it makes on first use, before the jail. False: it does not start.
bool opinion_init(void);
// Always an answer; its texts are in op's arena. limit.memory.
MUST_USE reason opinion_give(struct op *op, const struct msg_opinion_ask *ask,
                             struct msg_opinion *ret_opinion);
// One question, one answer, and no other: what a message did to lasso's state meets nobody else.
void opinion_serve(int fd);

#endif
