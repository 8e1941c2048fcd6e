// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration file.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "fuzz_keys.h"
#include "app/config.h"

// libconfig 1.5 loses a buffer of its own when a file does not parse; the program then ends.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libconfig.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[40];
    if (fd < 0) {
        fd = memfd_create("config", 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    // An operator's file may include other files; what is fuzzed may not.
    if (memmem(data, size, "@include", 8) != NULL) {
        return 0;
    }
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    (void)input;
    struct settings settings;
    if (config_load(&op, path, &settings) == NULL) {
        CHECK(settings.public_url.len > 0 && settings.listen.len > 0);
    } else {
        CHECK(op.detail.len > 0);
    }
    op_close(&op);
    return 0;
}
