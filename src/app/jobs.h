// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that runs jobs, one after the other.
#ifndef GATEHOUSE_APP_JOBS_H
#define GATEHOUSE_APP_JOBS_H

#include "http/gate.h"

struct job_runner;
MUST_USE reason jobs_start(struct op *op, struct gate *gate, struct job_runner **ret_runner);
// Waits for the transaction that is under way; what is left goes on at the next start. NULL-safe.
void jobs_stop(struct job_runner *runner);
// Runs what waits, in this thread: for a command without a running gate. False: the store does not let it go on now.
bool jobs_run_all(struct gate *gate);

#endif
