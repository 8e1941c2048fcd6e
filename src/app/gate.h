// SPDX-License-Identifier: GPL-3.0-or-later
// A gate put together: workers, store, keys, caches. `gatehouse serve` puts a server in front; a command without a
// running gate uses it in its own process.
#ifndef GATEHOUSE_APP_GATE_H
#define GATEHOUSE_APP_GATE_H

#include "app/config.h"

// Makes the data directory, the keys and the store where they are not there yet. start.*.
MUST_USE reason gate_init(struct op *op, const struct settings *settings);
// Brings a store up to date. start.schema, store.unavailable.
MUST_USE reason gate_migrate(struct op *op, struct store *store);
// The spawner is started before keys and store are opened, so that nothing of them is in it. start.*, worker.failed.
// `workers` warm ones.
MUST_USE reason gate_open(struct op *op, const struct settings *settings, size_t workers,
                          struct gate *ret_gate);
void gate_close(struct gate *gate);
// Only the token keys: for operator-token, with or without a running gate.
MUST_USE reason gate_keyring(struct op *op, const struct settings *settings,
                             struct keyring **ret_keyring);
// Path of the control socket of a gate on this data directory.
MUST_USE reason gate_control_path(struct op *op, const struct settings *settings,
                                  const char **ret_path);
// The worker's program: beside this one (also in libexec/gatehouse, as it is installed).
MUST_USE reason gate_worker_program(struct op *op, const char **ret_path);

// Serves until SIGTERM or SIGINT; then finishes what is under way. start.listen ...
MUST_USE reason serve(struct op *op, const struct settings *settings);

#endif
