// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into the gate by the crash tests: adds the number of seconds in the file STEPPED_CLOCK
// (eight bytes, shared with the test that writes them) to what the gate is told the time is. The
// steady clock is left alone, as when somebody sets the time. Tests only.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *offset_; // mapped once, before main

static void __attribute__((constructor)) find_offset(void) {
    const char *path = getenv("STEPPED_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *map = mmap(NULL, sizeof *offset_, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED) {
        offset_ = map;
    }
}

static int64_t offset(void) {
    return offset_ != NULL ? *offset_ : 0;
}

int clock_gettime(clockid_t clock, struct timespec *ret_time) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "clock_gettime");
        memcpy(&real, &found, sizeof real);
    }
    int failed = real(clock, ret_time);
    if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        ret_time->tv_sec += offset();
    }
    return failed;
}

time_t time(time_t *ret_time) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time != NULL) {
        *ret_time = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone) {
    (void)zone;
    struct timespec now = {0};
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    ret_time->tv_sec = now.tv_sec;
    ret_time->tv_usec = now.tv_nsec / 1000;
    return failed;
}
