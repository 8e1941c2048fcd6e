// SPDX-License-Identifier: GPL-3.0-or-later
// The gate's side of the workers: it execs the spawner (`gatehouse-worker`, an empty environment, one
// descriptor) and has it fork warm workers, to each of which the gate holds a socket. A worker is lent to one
// thread at a time, for the messages that this has at hand, and thrown away after POOL_JOBS_MAX of them, and before
// anybody else gets it after a crash, a missed deadline, a protocol fault, or a message whose signature did not hold.
//
// Spawner protocol, on its descriptor 3 (SOCK_SEQPACKET): the gate sends one byte 'F' with the worker's end
// of a socketpair (SCM_RIGHTS); the spawner forks and answers 'P' + u32 pid (big endian), 0 when fork failed.
// 'K' + u32 pid kills a worker that is its child. End of file on it ends the spawner and all workers.
#ifndef GATEHOUSE_SAML_POOL_H
#define GATEHOUSE_SAML_POOL_H

#include "base/op.h"
#include "saml/msg.h"

#define POOL_JOBS_MAX 2000     // a leak in a library stays small; a fork costs less than one job in hundreds
#define POOL_TOGETHER_MAX 16   // messages of one call
#define POOL_TRIP_BYTES (128U << 10) // of messages that go together: some sixteen honest ones, so that none waits for a large one
#define POOL_DEADLINE_MS 2000  // of one trip; an honest message takes under 1 ms
#define POOL_WAIT_MS 1000      // for a free worker; then worker.failed
#define POOL_WAITERS_MAX 256   // more are refused at once
#define POOL_OPINIONS_MAX 4    // each takes some 10 ms of CPU and 20 MB; the next waits its turn

struct pool_options {
    const char *program; // path of gatehouse-worker
    const char *opinion; // path of gatehouse-opinion; NULL: beside it
    size_t warm;         // workers, 1..64
    int64_t deadline_ms, wait_ms; // 0: the defaults
};
struct pool;
struct pool_loan; // a worker that is ours until pool_return

// Starts the spawner and the warm workers; exec it before keys and store are opened. worker.failed with what to do.
MUST_USE reason pool_open(struct op *op, const struct pool_options *options, struct pool **ret_pool);
void pool_close(struct pool *pool); // ends the spawner and the workers, waits for it
bool pool_ready(struct pool *pool); // at least one worker answers

// Messages for one warm worker, one behind the other. What it answers is copied into each op's arena before anything is
// read. Its own refusals (saml.malformed, saml.dtd_forbidden, saml.too_large, signature.*) come back as such; crash,
// deadline, garbage, another job's number: those of several that have no answer are asked once more, each alone, of
// another worker; the one that has none then gets worker.failed.
struct pool_job {
    struct op *op;    // each its own
    struct slice xml;
    reason why;       // the answer
    struct msg_canonical message;
    struct pool_loan *loan; // a share in the worker, until it is known whether the signature held
    bool again;       // the pool's
};
void pool_canonicalise(struct pool *pool, struct pool_job *jobs, size_t count);
// One more message for the worker that is lent: what was decrypted out of the first one. So a login never holds one
// worker while it waits for another. After a refusal the loan is returned with held false.
MUST_USE reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                           struct msg_canonical *ret_message);
// One share, by the thread that called pool_canonicalise; the last one gives the worker back. held false, of any: it is
// thrown away. NULL-safe: a share may be of a worker that is gone.
void pool_return(struct pool *pool, struct pool_loan *loan, bool held);
// A fresh worker, used once and thrown away. The worker's refusals come back as metadata.malformed and
// metadata.dtd_forbidden.
MUST_USE reason pool_whole(struct op *op, struct pool *pool, struct slice xml,
                           struct msg_whole *ret_message);
// A fresh process of gatehouse-opinion, which has a spawner of its own, started when it is first needed. The answer is
// only what lasso says. worker.failed: no answer.
MUST_USE reason pool_opinion(struct op *op, struct pool *pool, const struct msg_opinion_ask *ask,
                             struct msg_opinion *ret_opinion);

#endif
