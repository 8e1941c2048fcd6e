// SPDX-License-Identifier: GPL-3.0-or-later
// Memory of one operation: taken piece by piece, freed all at once. It has a ceiling, so that no request
// can take the machine; past it (or when malloc fails) arena_take answers NULL, which `op_take` turns into
// a refusal. Not for two threads at once.
#ifndef GATEHOUSE_BASE_ARENA_H
#define GATEHOUSE_BASE_ARENA_H

#include "base/auto.h"
#include "base/slice.h"

// What one request may take. An ACS post needs about ten times its body; a page of 200 users 300 KB.
#define ARENA_CEILING (8U << 20)

struct arena {
    struct arena_block *blocks;
    struct arena_defer *defers;
    char *next, *end;
    size_t taken, ceiling; // bytes
};

void arena_open(struct arena *arena, size_t ceiling);
// A little memory of the caller's that is used before any is asked for; it lives as long as what is taken, and does not count.
// Right after arena_open; any address will do.
void arena_lend(struct arena *arena, char *bytes, size_t size);
// Runs the deferred calls, newest first, and frees all.
void arena_close(struct arena *arena);
// Zeroed, aligned for any type. NULL at the ceiling or when memory is out. size 0 gives a valid pointer.
MUST_USE void *arena_take(struct arena *arena, size_t size);
// The same, not zeroed: for who writes each byte before it is read.
MUST_USE void *arena_take_raw(struct arena *arena, size_t size);
// Calls `call(what)` when the arena closes; false (and nothing is called) when memory is out.
MUST_USE bool arena_defer(struct arena *arena, void (*call)(void *), void *what);

#endif
