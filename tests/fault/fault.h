// SPDX-License-Identifier: GPL-3.0-or-later
// Calls that fail on demand. The linker puts these between our objects and the libraries (--wrap);
// the product has no hook for it. A work is run with its first call failing, then its second, and so
// on until none is left to fail; each time it must refuse with a reason, or come to the right end.
#ifndef GATEHOUSE_TESTS_FAULT_H
#define GATEHOUSE_TESTS_FAULT_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum fault_kind { FAULT_MEMORY, FAULT_CRYPTO, FAULT_STORE, FAULT_DISK, FAULT_KINDS };
static const char *const fault_names[] = {"memory", "crypto", "store", "disk"};

static struct {
    atomic_bool armed;
    enum fault_kind kind;
    bool rest; // all calls after that one fail too
    long at;
    atomic_long calls;
} fault;

// Is this the call that fails?
__attribute__((unused)) static bool fault_now(enum fault_kind kind) {
    if (!atomic_load(&fault.armed) || kind != fault.kind) {
        return false;
    }
    long number = atomic_fetch_add(&fault.calls, 1) + 1;
    return number == fault.at || (fault.rest && number > fault.at);
}

// What a work came to. It looks itself whether what it gave is right, and says what is wrong.
enum outcome { OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_WRONG };

static struct {
    size_t passed, failed;
} fault_sum;

#define FAULT_CALLS_MAX 5000 // more than any work here makes

#ifdef __SANITIZE_ADDRESS__
int __lsan_do_recoverable_leak_check(void);
#else
static int __lsan_do_recoverable_leak_check(void) {
    return 0;
}
#endif

// `want`: what the work comes to when nothing fails. When something does: that, or refused. `after` (or NULL)
// runs with nothing failing after each time; false: something was left broken.
__attribute__((unused)) static void fault_each(const char *name, enum fault_kind kind, enum outcome want,
                                               enum outcome (*work)(void), bool (*after)(void)) {
    for (int rest = 0; rest < 2; rest++) {
        size_t wrong = 0;
        size_t refused = 0;
        long at = 1;
        enum outcome outcome = OUTCOME_REFUSED;
        for (; at < FAULT_CALLS_MAX; at++) {
            fault.kind = kind;
            fault.rest = rest == 1;
            fault.at = at;
            atomic_store(&fault.calls, 0);
            atomic_store(&fault.armed, true);
            outcome = work();
            atomic_store(&fault.armed, false);
            if (atomic_load(&fault.calls) < at) {
                break; // nothing failed: this is what it comes to
            }
            refused += outcome == OUTCOME_REFUSED ? 1 : 0;
            if (outcome == OUTCOME_WRONG || (outcome == OUTCOME_DONE && want != OUTCOME_DONE)) {
                printf("%s, %s call %ld%s: came to a wrong end\n", name, fault_names[kind], at,
                       rest == 1 ? " and all after" : "");
                wrong++;
            }
            if (after != NULL && !after()) {
                printf("%s, %s call %ld%s: left something broken\n", name, fault_names[kind], at,
                       rest == 1 ? " and all after" : "");
                wrong++;
            }
        }
        bool leaks = __lsan_do_recoverable_leak_check() != 0;
        bool good = wrong == 0 && at < FAULT_CALLS_MAX && outcome == want && !leaks && at > 1;
        printf("%s %-34s %-6s %s %4ld calls failed, %zu refusals%s%s%s\n", good ? "ok  " : "FAIL", name,
               fault_names[kind], rest == 1 ? "and all after:" : "one by one:   ", at - 1, refused,
               outcome == want ? "" : ", and without a fault it is not what it should be",
               leaks ? ", memory is lost" : "", at > 1 ? "" : ", there was nothing to fail");
        *(good ? &fault_sum.passed : &fault_sum.failed) += 1;
    }
}

__attribute__((unused)) static int fault_done(void) {
    printf("%zu passed, %zu failed\n", fault_sum.passed, fault_sum.failed);
    return fault_sum.failed == 0 ? 0 : 1;
}

// ---- what is wrapped: every program that includes this links with the same list -------------------

#define WRAP(kind, failing, type, name, parameters, arguments)                                      \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        if (fault_now(kind)) {                                                                     \
            errno = ENOMEM;                                                                        \
            return failing;                                                                        \
        }                                                                                          \
        return __real_##name arguments;                                                            \
    }

WRAP(FAULT_MEMORY, NULL, void *, malloc, (size_t size), (size))
WRAP(FAULT_MEMORY, NULL, void *, calloc, (size_t count, size_t size), (count, size))
WRAP(FAULT_MEMORY, NULL, void *, realloc, (void *at, size_t size), (at, size))
WRAP(FAULT_MEMORY, NULL, char *, strdup, (const char *text), (text))

#endif
