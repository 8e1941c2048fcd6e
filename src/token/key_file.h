// SPDX-License-Identifier: GPL-3.0-or-later
// A file of 32 random bytes in the key directory: 64 hex digits, 0600. For this room only.
#ifndef GATEHOUSE_TOKEN_KEY_FILE_H
#define GATEHOUSE_TOKEN_KEY_FILE_H

#include "base/op.h"

#define KEY_FILE_BYTES 32

// Makes DIR/NAME where it is not there; start.key_file.
MUST_USE reason key_file_make(struct op *op, const char *dir, const char *name);
// start.key_file: not there, others may read it, not what it should hold; `lost` says what a new one costs.
MUST_USE reason key_file_read(struct op *op, const char *dir, const char *name, const char *lost,
                              uint8_t bytes[KEY_FILE_BYTES]);

#endif
