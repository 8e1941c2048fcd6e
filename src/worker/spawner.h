// SPDX-License-Identifier: GPL-3.0-or-later
// The spawner: forks workers when the gate asks, kills its own children when told, reads no job's
// bytes.
#ifndef GATEHOUSE_WORKER_SPAWNER_H
#define GATEHOUSE_WORKER_SPAWNER_H

#include <stdbool.h>

#define SPAWNER_CHANNEL 3

// What the program is for.
struct spawner_work {
    const char *name;       // of the program
    bool lookups;           // jail_compile
    bool (*init)(void);     // its libraries, before the jail; false: they cannot be used
    void (*serve)(int fd);  // a worker's life, in the jail
};
// The whole program: jails itself and obeys until the gate hangs up. Gives the exit status.
int spawner_main(int argc, char **argv, const struct spawner_work *work);

#endif
