// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration: one file (libconfig) and its environment twins, by one table (config.def). Users, tenants and
// identity providers are not here: they are data in the store.
#ifndef GATEHOUSE_APP_CONFIG_H
#define GATEHOUSE_APP_CONFIG_H

#include "http/gate.h"

#define CONFIG_DEFAULT_FILE "gatehouse.conf"

// Reads `path` (NULL: CONFIG_DEFAULT_FILE when it is there, else no file), then the environment: GATEHOUSE_<KEY> wins
// over the file. config.invalid with file, line, what was expected, and the known
// keys for an unknown one.
MUST_USE reason config_load(struct op *op, const char *path, struct settings *ret_settings);

// For the sample file and the manual: each key with its default and its sentence.
struct config_row {
    const char *key, *fallback, *sentence;
};
extern const struct config_row config_rows[];
extern const size_t config_row_count;

#endif
