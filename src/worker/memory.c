// SPDX-License-Identifier: GPL-3.0-or-later
// libxml2 asks for and gives back some 700 pieces for a message; to keep their order costs malloc a
// fifth of the worker's time. A sanitizer build leaves all to malloc, which it watches.
#include "worker/memory.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlmemory.h>

#define ALIGN alignof(max_align_t)

struct piece {
    size_t size; // of `bytes`
    alignas(ALIGN) char bytes[];
};

// One for the process: libxml2 gives its allocator no context.
static alignas(ALIGN) char region_[MEMORY_REGION];
static size_t used_, live_;
static bool on_;

static bool is_ours(const void *at) {
    return (uintptr_t)at >= (uintptr_t)region_ &&
           (uintptr_t)at < (uintptr_t)region_ + sizeof region_;
}

static struct piece *piece_of(void *bytes) {
    return (struct piece *)(void *)((char *)bytes - offsetof(struct piece, bytes));
}

static bool is_last(const struct piece *piece) {
    return piece->bytes + piece->size == region_ + used_;
}

static void *take(size_t size) {
    size_t rounded = size > sizeof region_ ? size : (size + ALIGN - 1) / ALIGN * ALIGN;
    if (!on_ || rounded > sizeof region_ - used_ ||
        sizeof region_ - used_ - rounded < sizeof(struct piece)) {
        return malloc(size);
    }
    struct piece *piece = (struct piece *)(void *)(region_ + used_);
    piece->size = rounded;
    used_ += sizeof *piece + rounded;
    live_++;
    return piece->bytes;
}

static void give_back(void *at) {
    if (!is_ours(at)) {
        free(at);
        return;
    }
    struct piece *piece = piece_of(at);
    if (is_last(piece)) {
        used_ -= sizeof *piece + piece->size;
    }
    live_--;
    used_ = live_ == 0 ? 0 : used_;
}

static void *resize(void *at, size_t size) {
    if (at == NULL) {
        return take(size);
    }
    if (!is_ours(at)) {
        return realloc(at, size);
    }
    struct piece *piece = piece_of(at);
    if (size <= piece->size) {
        return at;
    }
    if (is_last(piece)) { // grows where it is, if there is room behind it
        size_t rounded = size > sizeof region_ ? size : (size + ALIGN - 1) / ALIGN * ALIGN;
        if (rounded - piece->size <= sizeof region_ - used_) {
            used_ += rounded - piece->size;
            piece->size = rounded;
            return at;
        }
    }
    void *more = take(size);
    if (more != NULL) {
        memcpy(more, at, piece->size);
        give_back(at);
    }
    return more;
}

static char *copy_text(const char *text) {
    size_t len = strlen(text) + 1;
    char *copy = take(len);
    return copy != NULL ? memcpy(copy, text, len) : NULL;
}

void memory_init(void) {
#ifndef GATEHOUSE_SANITIZER
    (void)xmlMemSetup(give_back, take, resize, copy_text);
#else
    (void)give_back, (void)resize, (void)copy_text;
#endif
}

void memory_start(void) {
    on_ = true;
}

size_t memory_live(void) {
    return live_;
}
