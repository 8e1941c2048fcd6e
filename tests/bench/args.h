// SPDX-License-Identifier: GPL-3.0-or-later
// What the bench tools share: reading a bounded number from the command line.
// A wrong one ends the program with status 2 and a sentence; nothing here is part of the gate.
#ifndef GATEHOUSE_BENCH_ARGS_H
#define GATEHOUSE_BENCH_ARGS_H

#include <err.h>
#include <errno.h>
#include <stdlib.h>

// The whole of `text` as a decimal number from `least` to `most`; else says so and exits with 2.
static inline long arg_number(const char *option, const char *text, long least, long most) {
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        errx(2, "--%s: expected a number from %ld to %ld, got '%s'", option, least, most, text);
    }
    return value;
}

#endif
