// SPDX-License-Identifier: GPL-3.0-or-later
// Private to pool.c: the spawner's process and the channel to it. Started again with a growing
// pause by whoever needs a worker; safe for many threads.
#ifndef GATEHOUSE_SAML_POOL_SPAWNER_H
#define GATEHOUSE_SAML_POOL_SPAWNER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWNER_PAUSE_MIN_MS 50   // a crash now and then costs nobody a sign-in
#define SPAWNER_PAUSE_MAX_MS 5000 // a program that cannot start must not take the machine
#define SPAWNER_DEADLINE_MS 5000  // a fork takes under 1 ms, the first start some 10 ms

struct spawner {
    pthread_mutex_t mutex;
    const char *program;
    int channel; // -1: not running
    pid_t pid;
    uint32_t generation;       // counts starts, so that no pid of an earlier spawner is ever killed
    int64_t pause, next_start; // ms, clock_steady
};
// A worker's process as the gate knows it.
struct process {
    int fd; // the gate's end; -1: none
    pid_t pid;
    uint32_t generation;
};

void spawner_open(struct spawner *spawner, const char *program);
// Has a worker forked, starting the spawner first when it must. 0, or an errno: EAGAIN while it
// pauses, ECHILD when the spawner ended at once.
int spawner_fork(struct spawner *spawner, struct process *ret_process);
// Closes the descriptor and sees that the process ends.
void spawner_end(struct spawner *spawner, struct process *process);
// A worker was dead before its first job: the next is not forked at once, lest that goes round in a
// circle.
void spawner_slow_down(struct spawner *spawner);
// When the next try makes sense.
int64_t spawner_next_start(struct spawner *spawner);
// Ends the spawner and with it all workers, and waits for it.
void spawner_close(struct spawner *spawner);

#endif
