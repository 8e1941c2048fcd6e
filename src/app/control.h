// SPDX-License-Identifier: GPL-3.0-or-later
// The way of a command to the gate. While a gate serves this data directory, requests go through
// its control socket; else the gate is opened in this process (which takes the store's lock) and
// the same router runs them. Either way it is the API: one code path, one audit trail, the caller
// being "operator:UID".
#ifndef GATEHOUSE_APP_CONTROL_H
#define GATEHOUSE_APP_CONTROL_H

#include "app/gate.h"
#include "http/request.h"

#define CONTROL_ANSWER_MAX                                                                         \
    (4U << 20)               // a page of 200 is under 1 MB; growing takes twice this of the arena
#define CONTROL_TIMEOUT_S 60 // an import by URL may take ten seconds at each of several addresses

struct control;
struct control_answer {
    unsigned status;   // HTTP
    struct slice body; // in op's arena
    struct slice link; // the header of that name: where the next page is; "" when there is none
};
// start.data_dir: a gate runs, but its control socket is not for this user. start.data_dir_locked:
// another process has the data directory and does not serve. The other refusals of gate_open.
// `settings` stays the caller's and is needed until control_close.
MUST_USE reason control_open(struct op *op, const struct settings *settings,
                             struct control **ret_control);
void control_close(struct control *control); // NULL-safe
// True when the requests go to a running gate.
bool control_is_remote(const struct control *control);
// `target`: path and query. `body` is of this type ("application/json"), "" for none. peer_failed: the running gate gave no
// answer. What the API answers, a problem too, is an answer.
MUST_USE reason control_send(struct op *op, struct control *control, enum method method,
                             struct slice target, const char *type, struct slice body,
                             struct control_answer *ret_answer);
// The same with JSON.
MUST_USE reason control_call(struct op *op, struct control *control, enum method method,
                             struct slice target, struct slice body,
                             struct control_answer *ret_answer);
// Jobs that wait are run: by the running gate anyway, else here and now. store.unavailable: they wait on.
MUST_USE reason control_run_jobs(struct op *op, struct control *control);

#endif
