// SPDX-License-Identifier: GPL-3.0-or-later
// The jail: no files, no network, no other process, no new code, bounded memory and CPU. Two
// filters, compiled once: the spawner's (it may fork, and kill with SIGKILL) and the workers' on
// top of it. Who does what is not allowed dies at once. Nothing at run time weakens it; sanitizer
// builds compile a wider filter.
#ifndef GATEHOUSE_WORKER_JAIL_H
#define GATEHOUSE_WORKER_JAIL_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

// One message under its cap, its tree (some 100 bytes a node) and its canonical forms take under 60
// MB; the rest is libraries.
#define JAIL_MEMORY_MAX (256UL << 20)
// A worker answers at most some thousands of jobs of about a millisecond.
#define JAIL_CPU_SECONDS_MAX 300

#define JAIL_CODE_MAX 512 // BPF instructions; the filters have about 100
struct jail {
    struct sock_filter spawner[JAIL_CODE_MAX], worker[JAIL_CODE_MAX];
    unsigned short spawner_count, worker_count;
};

// Compiles both filters. `look`: a look for a file finds nothing (ENOENT) instead of being death:
// for a library that looks and goes on without. False: libseccomp or the kernel cannot.
bool jail_compile(bool look, struct jail *ret_jail);
// No new privileges, not dumpable, no files (Landlock, where the kernel has it), then the spawner's
// filter. Every descriptor that is needed must be open.
bool jail_spawner(const struct jail *jail);
// In a fresh child: rlimits and the workers' filter.
bool jail_worker(const struct jail *jail);

#endif
