// SPDX-License-Identifier: GPL-3.0-or-later
// A thread that moves bytes: it runs a daemon of libmicrohttpd that has no thread of its own. All calls to the daemon and its
// connections are the thread's, so that who answers a request only puts it into a list, and one wake-up is enough for all
// answers that are ready.
#ifndef GATEHOUSE_HTTP_LOOP_H
#define GATEHOUSE_HTTP_LOOP_H

#include <pthread.h>

#include "base/reason.h"

struct MHD_Connection;
struct MHD_Daemon;
// A suspended connection whose request is answered.
struct loop_answer {
    struct loop_answer *next; // the loop's
    struct MHD_Connection *connection;
};
// All of it is the loop's own.
struct loop {
    struct MHD_Daemon *daemon; // NULL: not open
    unsigned (*turned)(void *);
    void *arg;
    int poll; // waits for MHD's own epoll descriptor, and for `wake`
    int wake; // an eventfd
    pthread_t thread;
    int listening;        // -1: not any more
    unsigned connections; // after the last turn
    unsigned most;
    pthread_mutex_t mutex;
    struct loop_answer *answers; // the latest first
    enum loop_wish { LOOP_SERVE, LOOP_QUIESCE, LOOP_END } wish;
    bool asleep; // or about to be: who has something to say writes to `wake`
};
// The daemon (MHD_USE_EPOLL, MHD_ALLOW_SUSPEND_RESUME, no internal thread) is the loop's from here on, its listening socket, which
// does not block, stays the caller's. `most`: its limit of connections. Its thread calls `turned` each time when it has read and written what it could; it
// gives the microseconds for which the thread then lets gather what comes, 0 as a rule. False: no descriptor or no thread,
// or no daemon (NULL); a daemon is then still the caller's.
MUST_USE bool loop_open(struct loop *loop, struct MHD_Daemon *daemon, int listening, unsigned most, unsigned (*turned)(void *),
                        void *arg);
// From any thread: the connection goes on. Whoever calls this must not touch its request any more.
void loop_answered(struct loop *loop, struct loop_answer *answer);
// By a thread that answers several, one right after the other: from loop_hold on it wakes nobody, loop_release does so for all.
void loop_hold(void);
void loop_release(void);
// From any thread: it takes no new connections from now on. Does nothing when it is not open.
void loop_quiesce(struct loop *loop);
// Sends what was answered, closes all connections but not the listening socket, stops the daemon. All suspended connections must
// be answered, and nobody calls loop_answered any more. Does nothing when it is not open.
void loop_close(struct loop *loop);

#endif
