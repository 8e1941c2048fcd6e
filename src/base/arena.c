// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

// Most operations fit one block, a login two: another thread frees them, which costs malloc more. A piece larger than half
// of one gets a block of its own.
#define BLOCK_SIZE (32U << 10)
#define ALIGN alignof(max_align_t)

struct arena_block {
    struct arena_block *older;
    alignas(max_align_t) char bytes[];
};

struct arena_defer {
    struct arena_defer *older;
    void (*call)(void *);
    void *what;
};

void arena_open(struct arena *arena, size_t ceiling) {
    *arena = (struct arena){.ceiling = ceiling};
}

void arena_lend(struct arena *arena, char *bytes, size_t size) {
    size_t skip = (ALIGN - (uintptr_t)bytes % ALIGN) % ALIGN;
    if (skip < size) {
        arena->next = bytes + skip;
        arena->end = bytes + size;
    }
}

void arena_close(struct arena *arena) {
    for (struct arena_defer *defer = arena->defers; defer != NULL; defer = defer->older) {
        defer->call(defer->what);
    }
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    *arena = (struct arena){.ceiling = arena->ceiling};
}

static char *new_block(struct arena *arena, size_t size) {
    if (size > arena->ceiling || arena->taken > arena->ceiling - size) {
        return NULL;
    }
    struct arena_block *block = malloc(sizeof *block + size);
    if (block == NULL) {
        return NULL;
    }
    block->older = arena->blocks;
    arena->blocks = block;
    arena->taken += size;
    return block->bytes;
}

static size_t aligned(size_t size) {
    return size == 0 ? ALIGN : (size + ALIGN - 1) & ~(ALIGN - 1);
}

static char *take(struct arena *arena, size_t size) {
    if (size > arena->ceiling) {
        return NULL;
    }
    size = aligned(size);
    if (size > BLOCK_SIZE / 2) {
        return new_block(arena, size);
    }
    if (arena->next == NULL || (size_t)(arena->end - arena->next) < size) {
        char *bytes = new_block(arena, BLOCK_SIZE);
        if (bytes == NULL) {
            return NULL;
        }
        arena->next = bytes;
        arena->end = bytes + BLOCK_SIZE;
    }
    char *at = arena->next;
    arena->next += size;
    return at;
}

void *arena_take_raw(struct arena *arena, size_t size) {
    char *at = take(arena, size);
#ifdef GATEHOUSE_SANITIZER
    if (at != NULL) {
        memset(at, 0xA5, aligned(size)); // so that a test sees who reads what nobody wrote
    }
#endif
    return at;
}

void *arena_take(struct arena *arena, size_t size) {
    void *at = take(arena, size);
    if (at != NULL) {
        memset(at, 0, aligned(size));
    }
    return at;
}

bool arena_defer(struct arena *arena, void (*call)(void *), void *what) {
    struct arena_defer *defer = arena_take(arena, sizeof *defer);
    if (defer == NULL) {
        return false;
    }
    *defer = (struct arena_defer){arena->defers, call, what};
    arena->defers = defer;
    return true;
}
