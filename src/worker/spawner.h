// SPDX-License-Identifier: GPL-3.0-or-later
// The spawner: forks workers when the gate asks, kills its own children when told, reads no job's
// bytes.
#ifndef GATEHOUSE_WORKER_SPAWNER_H
#define GATEHOUSE_WORKER_SPAWNER_H

#define SPAWNER_CHANNEL 3

// Jails itself and obeys until the gate hangs up. Gives the exit status of the process.
int spawner_run(void);

#endif
