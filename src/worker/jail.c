// SPDX-License-Identifier: GPL-3.0-or-later
// What the processes of this program may ask of the kernel, as data, and how it is put in force.
// The lists hold what glibc's malloc, libxml2 and the loop really call, and nothing for comfort.
#include "worker/jail.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// Allowed when (argument & mask) == value; mask 0: whatever it is.
struct allowed {
    int call;
    unsigned int argument;
    uint64_t mask, value;
};
#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define ANY(name)                                                                                  \
    { SCMP_SYS(name), 0, 0, 0 }

static const struct allowed for_workers[] = {
    ANY(read),
    ANY(write),
    ANY(recvfrom),
    ANY(sendto),
    ANY(brk),
    ANY(munmap),
    ANY(mremap),
    ANY(madvise),
    ANY(futex),
    ANY(getrandom),
    ANY(clock_gettime),
    ANY(rt_sigreturn),
    ANY(exit),
    ANY(exit_group),
    {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
#ifdef GATEHOUSE_SANITIZER
    // Reports: stacks, maps, symbols; signal stacks. A sanitizer build is for tests, never for
    // people's logins.
    ANY(sigaltstack),
    ANY(rt_sigaction),
    ANY(rt_sigprocmask),
    ANY(getpid),
    ANY(gettid),
    ANY(sched_yield),
    ANY(openat),
    ANY(readlink),
    ANY(fstat),
    ANY(newfstatat),
    ANY(lseek),
    ANY(close),
    ANY(ioctl),
    ANY(getrlimit),
    ANY(prlimit64),
    ANY(tgkill),
    ANY(mincore),
    ANY(pipe2),
    ANY(getcwd),
    ANY(mmap),
#endif
};

// What the spawner does besides: forks, and what its children do before their own filter.
static const struct allowed for_spawner[] = {
    ANY(recvmsg),
    ANY(sendmsg),
    ANY(poll),
    ANY(wait4),
    ANY(close),
    ANY(dup2),
    ANY(dup3),
    ANY(getppid),
    ANY(getpid),
    ANY(gettid),
    ANY(rt_sigprocmask),
    ANY(rt_sigaction),
    ANY(set_robust_list),
    ANY(rseq),
    ANY(prlimit64),
    // fork as glibc does it: no shared memory, no namespace.
    {SCMP_SYS(clone), 0, UINT64_MAX, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD},
    {SCMP_SYS(prctl), 0, UINT64_MAX, PR_SET_PDEATHSIG},
    {SCMP_SYS(prctl), 0, UINT64_MAX, PR_SET_DUMPABLE},
    {SCMP_SYS(prctl), 0, UINT64_MAX, PR_SET_SECCOMP},
};

#ifndef GATEHOUSE_SANITIZER
// What lasso, GLib and OpenSSL look for and do without: the CA bundle, its folder, time zones.
static const int lookups[] = {
    SCMP_SYS(openat),
    SCMP_SYS(newfstatat),
};

static bool add_lookups(scmp_filter_ctx filter) {
    for (size_t i = 0; i < LENGTH(lookups); i++) {
        if (seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOENT), lookups[i], 0, NULL) != 0) {
            return false;
        }
    }
    return true;
}
#endif

static bool add(scmp_filter_ctx filter, const struct allowed *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct allowed *row = &rows[i];
        struct scmp_arg_cmp compare = {row->argument, SCMP_CMP_MASKED_EQ, row->mask, row->value};
        if (seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, row->call, row->mask != 0 ? 1 : 0,
                                   &compare) != 0) {
            return false;
        }
    }
    return true;
}

// These need two conditions on one call.
static bool add_pair(scmp_filter_ctx filter, int call, struct scmp_arg_cmp first,
                     struct scmp_arg_cmp second) {
    struct scmp_arg_cmp both[] = {first, second};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, LENGTH(both), both) == 0;
}

#ifndef GATEHOUSE_SANITIZER
// Memory only: anonymous, and never code.
static bool add_mmap(scmp_filter_ctx filter) {
    return add_pair(filter, SCMP_SYS(mmap),
                    (struct scmp_arg_cmp){2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0},
                    (struct scmp_arg_cmp){3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS});
}
#endif

// One process at a time (a negative pid would mean groups, or all), and only to end it.
static bool add_kill(scmp_filter_ctx filter) {
    return add_pair(filter, SCMP_SYS(kill),
                    (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, ~(uint64_t)INT_MAX, 0},
                    (struct scmp_arg_cmp){1, SCMP_CMP_MASKED_EQ, UINT32_MAX, SIGKILL});
}

// libseccomp writes the program into a descriptor only.
static bool export(scmp_filter_ctx filter, struct sock_filter *code, unsigned short *ret_count) {
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = -1;
    if (seccomp_export_bpf(filter, fd) == 0 && lseek(fd, 0, SEEK_SET) == 0) {
        len = read(fd, code, JAIL_CODE_MAX * sizeof *code);
    }
    (void)close(fd);
    // A full buffer may be a cut one.
    if (len <= 0 || (size_t)len == JAIL_CODE_MAX * sizeof *code ||
        (size_t)len % sizeof *code != 0) {
        return false;
    }
    *ret_count = (unsigned short)((size_t)len / sizeof *code);
    return true;
}

static bool compile(bool spawner, bool look, struct sock_filter *code, unsigned short *ret_count) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return false;
    }
    bool good = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
                add(filter, for_workers, LENGTH(for_workers));
#ifndef GATEHOUSE_SANITIZER
    good = good && add_mmap(filter) && (!look || add_lookups(filter));
#else
    (void)look; // its reports look for files themselves
#endif
    if (spawner) {
        good = good && add(filter, for_spawner, LENGTH(for_spawner)) && add_kill(filter);
    }
    good = good && export(filter, code, ret_count);
    seccomp_release(filter);
    return good;
}

bool jail_compile(bool look, struct jail *ret_jail) {
    uint32_t killing = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &killing) == 0 &&
           compile(true, look, ret_jail->spawner, &ret_jail->spawner_count) &&
           compile(false, look, ret_jail->worker, &ret_jail->worker_count);
}

static bool load(const struct sock_filter *code, unsigned short count) {
    struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)(uintptr_t)code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

// Landlock, by number: the headers of Debian 12 are older than the kernels it meets. A ruleset that
// handles all the kernel knows and allows nothing. True also where the kernel has none: seccomp
// stands alone then.
#define LANDLOCK_CREATE 444
#define LANDLOCK_RESTRICT 446
#define LANDLOCK_ASK_VERSION 1U
struct landlock_ruleset {
    uint64_t files, net, scoped;
};

static bool close_files(void) {
#ifdef GATEHOUSE_SANITIZER
    return true; // a report reads symbols
#else
    long version = syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_ASK_VERSION);
    if (version < 1) {
        return true;
    }
    static const uint64_t files[] = {0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff}; // by version
    struct landlock_ruleset rules = {
        .files = files[version < (long)LENGTH(files) ? version - 1 : (long)LENGTH(files) - 1],
        .net = 3,    // since version 4
        .scoped = 3, // since version 6: abstract sockets and signals
    };
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int fd = (int)syscall(LANDLOCK_CREATE, &rules, size, 0);
    if (fd < 0) {
        return false;
    }
    bool good = syscall(LANDLOCK_RESTRICT, fd, 0) == 0;
    (void)close(fd);
    return good;
#endif
}

static bool limit(__rlimit_resource_t what, rlim_t most) {
    return setrlimit(what, &(struct rlimit){most, most}) == 0;
}

bool jail_spawner(const struct jail *jail) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           close_files() && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
           load(jail->spawner, jail->spawner_count);
}

bool jail_worker(const struct jail *jail) {
    bool good = limit(RLIMIT_CPU, JAIL_CPU_SECONDS_MAX) && limit(RLIMIT_NPROC, 0);
#ifndef GATEHOUSE_SANITIZER
    // A sanitizer's shadow memory is larger than any bound, and its reports open files.
    good = good && limit(RLIMIT_AS, JAIL_MEMORY_MAX) && limit(RLIMIT_NOFILE, 0);
#endif
    return good && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           load(jail->worker, jail->worker_count);
}
