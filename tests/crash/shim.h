// SPDX-License-Identifier: GPL-3.0-or-later
// What the libraries that are preloaded into the gate share: the calls they stand before, and which files are the store's.
#ifndef GATEHOUSE_CRASH_SHIM_H
#define GATEHOUSE_CRASH_SHIM_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    return found;
}

#define REAL(result, name, ...)                                                                    \
    result (*real)(__VA_ARGS__);                                                                   \
    void *found = next(name);                                                                      \
    memcpy(&real, &found, sizeof real)

// 't' the tree, 'j' its journal, 0 none of the store's.
static char store_file(int fd) {
    char link[64];
    char path[4096];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0) {
        return 0;
    }
    path[len] = '\0';
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    return strcmp(name, "store.mdb") == 0 ? 't' : strcmp(name, "store.mdb-journal") == 0 ? 'j' : 0;
}

#endif
