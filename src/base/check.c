// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"

void check_failed(const char *what, const char *file, int line, const char *function) {
    (void)fprintf(stderr, "gatehouse: bug: %s does not hold in %s (%s:%d)\n", what, function, file,
                  line);
    abort();
}

void auto_close_fd(int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}
