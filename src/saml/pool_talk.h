// SPDX-License-Identifier: GPL-3.0-or-later
// Private to pool.c: what is said with a worker over its socket. It believes nothing beyond the frame.
#ifndef GATEHOUSE_SAML_POOL_TALK_H
#define GATEHOUSE_SAML_POOL_TALK_H

#include "saml/pool.h"

#define TALK_ASK_HEAD 64 // frame and field heads, with room to spare

// One frame there, one back, its fields copied into the arena. `deadline` is a span in ms.
MUST_USE reason talk_frame(struct op *op, int fd, int64_t deadline, enum msg_kind kind, uint64_t job,
                           const struct wire_out *out, struct wire_head *ret_head,
                           struct slice *ret_fields);
// The same with a message.
MUST_USE reason talk_ask(struct op *op, int fd, int64_t deadline, enum msg_kind kind, uint64_t job,
                         struct slice xml, struct wire_head *ret_head, struct slice *ret_fields);
// What a worker may say no with. Anything else is not for it to say.
MUST_USE reason talk_refused(struct op *op, struct slice fields);
// The messages of all jobs with one write, their numbers from `first` on; the answers as they come, in the same order.
// Returns how many jobs have one (`why`, `message`). If not all, the worker is of no use any more: it crashed, missed the
// deadline, or said what it was not asked; those without an answer have worker.failed.
size_t talk_canonicalise(int fd, int64_t deadline, uint64_t first, struct pool_job *const *jobs,
                         size_t count);

#endif
