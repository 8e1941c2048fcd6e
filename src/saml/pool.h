// SPDX-License-Identifier: GPL-3.0-or-later
// The gate's side of the workers: it execs the spawner (`gatehouse-worker`, an empty environment, one
// descriptor) and has it fork warm workers, to each of which the gate holds a socket. A worker is lent for
// one job at a time and thrown away after POOL_JOBS_MAX jobs, and at once after a crash, a missed deadline,
// a protocol fault, or a message whose signature did not hold.
//
// Spawner protocol, on its descriptor 3 (SOCK_SEQPACKET): the gate sends one byte 'F' with the worker's end
// of a socketpair (SCM_RIGHTS); the spawner forks and answers 'P' + u32 pid (big endian), 0 when fork failed.
// 'K' + u32 pid kills a worker that is its child. End of file on it ends the spawner and all workers.
#ifndef GATEHOUSE_SAML_POOL_H
#define GATEHOUSE_SAML_POOL_H

#include "base/op.h"
#include "saml/msg.h"

#define POOL_JOBS_MAX 2000     // a leak in a library stays small; a fork costs less than one job in hundreds
#define POOL_DEADLINE_MS 2000  // an honest message takes under 1 ms
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

// Sends a message to a warm worker. What it answers is copied into op's arena before anything is read. The
// worker's own refusals (saml.malformed, saml.dtd_forbidden, saml.too_large, signature.*) come back as such;
// crash, deadline, garbage, another job's number: worker.failed. The loan stays with the caller until it knows
// whether the signature held.
MUST_USE reason pool_canonicalise(struct op *op, struct pool *pool, struct slice xml,
                                  struct msg_canonical *ret_message, struct pool_loan **ret_loan);
// One more message for the worker that is lent: what was decrypted out of the first one. So a login never holds one
// worker while it waits for another. After a refusal the loan is returned with held false.
MUST_USE reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                           struct msg_canonical *ret_message);
// held false: the worker is thrown away. NULL-safe.
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
