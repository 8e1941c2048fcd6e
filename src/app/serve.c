// SPDX-License-Identifier: GPL-3.0-or-later
// Running the gate: put it together, serve, sweep what expired, and stop in good order.
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>

#include "app/courier.h"
#include "app/gate.h"
#include "app/jobs.h"
#include "app/notify.h"
#include "app/refresh.h"
#include "base/clock.h"
#include "base/log.h"
#include "domain/member_life.h"
#include "domain/roll.h"
#include "domain/search.h"
#include "http/server.h"
#include "http/uses.h"

#define SWEEP_EVERY_S 20  // expired rows are refused anyway; this only gives their space back
#define SWEEP_STEPS_MAX 2000
#define MEMBERS_STEP 20
#define FOLD_US 2000 // of putting new members where a search finds them, in one write

struct janitor {
    struct gate *gate;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
};

struct sweeping {
    bool more;
};
static reason fold_step(struct op *op, struct txn *txn, void *arg) {
    struct sweeping *sweeping = arg;
    return search_fold(op, txn, FOLD_US, &sweeping->more);
}

// Reminders, ends, what is left of the deleted: a person at a time does more than a row that is swept.
static reason members_step(struct op *op, struct txn *txn, void *arg) {
    struct sweeping *sweeping = arg;
    return member_due(op, txn, MEMBERS_STEP, &sweeping->more);
}

static void sweep_failed(struct op *op, reason why) {
    LOG(op, LOG_WARNING, "sweep.failed", LOG_TEXT("reason", slice_str(why->slug)),
        LOG_TEXT("detail", op->detail));
}

// Until nothing that expired is left; what a busy hour brought may take some thousand steps.
static void sweep_expired(struct gate *gate) {
    struct sweep_pace pace = {.most = SWEEP_ROWS_FIRST, .more = true};
    for (int i = 0; i < SWEEP_STEPS_MAX && pace.more && !gate->draining; i++) {
        struct op op;
        op_open(&op, 0);
        reason why = store_look(&op, gate->store, sweep_look, &pace);
        why = why == NULL ? store_write(&op, gate->store, sweep_step, &pace) : why;
        if (why != NULL) {
            sweep_failed(&op, why);
            pace.more = false;
        }
        sweep_adapt(&pace);
        op_close(&op);
    }
}

static void sweep_by(struct gate *gate, store_fn step) {
    struct sweeping sweeping = {true};
    for (int i = 0; i < SWEEP_STEPS_MAX && sweeping.more && !gate->draining; i++) {
        struct op op;
        op_open(&op, 0);
        reason why = store_write(&op, gate->store, step, &sweeping);
        if (why != NULL) {
            sweep_failed(&op, why);
            sweeping.more = false;
        }
        op_close(&op);
    }
}

// Places in the order of last visits that sign-ins left, as far round as they have earned since.
static void tidy_visits(struct gate *gate) {
    struct roll_tidy tidy = {.begun = false};
    uint64_t earned = roll_left() * ROLL_LOOKS;
    while (earned > 0 && !gate->draining) {
        struct op op;
        op_open(&op, 0);
        reason why = store_look(&op, gate->store, roll_tidy_look, &tidy);
        earned -= tidy.looked < earned && tidy.ends < 2 ? tidy.looked : earned;
        if (why == NULL && (tidy.count > 0 || earned == 0)) {
            why = store_write(&op, gate->store, roll_tidy_drop, &tidy);
        }
        if (why != NULL) {
            sweep_failed(&op, why);
            earned = 0;
        }
        op_close(&op);
    }
}

static void flush_uses(struct gate *gate, bool all) {
    struct op op;
    op_open(&op, 0);
    reason why = uses_flush(&op, gate, all);
    if (why != NULL) {
        LOG(&op, LOG_WARNING, "uses.not_written", LOG_TEXT("reason", slice_str(why->slug)),
            LOG_TEXT("detail", op.detail));
    }
    op_close(&op);
}

static void *janitor_main(void *arg) {
    struct janitor *janitor = arg;
    (void)pthread_mutex_lock(&janitor->mutex);
    while (!janitor->stop) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SWEEP_EVERY_S;
        if (pthread_cond_timedwait(&janitor->wake, &janitor->mutex, &until) == ETIMEDOUT) {
            (void)pthread_mutex_unlock(&janitor->mutex);
            sweep_expired(janitor->gate);
            sweep_by(janitor->gate, members_step);
            sweep_by(janitor->gate, fold_step);
            tidy_visits(janitor->gate);
            flush_uses(janitor->gate, false);
            (void)pthread_mutex_lock(&janitor->mutex);
        }
    }
    (void)pthread_mutex_unlock(&janitor->mutex);
    return NULL;
}

static reason janitor_start(struct op *op, struct janitor *janitor, struct gate *gate) {
    *janitor = (struct janitor){.gate = gate,
                                .mutex = PTHREAD_MUTEX_INITIALIZER,
                                .stop = false};
    // By the steady clock: one that is set back a day would keep it from sweeping for a day.
    pthread_condattr_t steady;
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&janitor->wake, &steady);
    (void)pthread_condattr_destroy(&steady);
    if (pthread_create(&janitor->thread, NULL, janitor_main, janitor) != 0) {
        REFUSE(op, LIMIT_MEMORY, "no thread can be started: %s", strerror(errno));
    }
    return NULL;
}

static void janitor_stop(struct janitor *janitor) {
    (void)pthread_mutex_lock(&janitor->mutex);
    janitor->stop = true;
    (void)pthread_cond_signal(&janitor->wake);
    (void)pthread_mutex_unlock(&janitor->mutex);
    (void)pthread_join(janitor->thread, NULL);
}

static void wait_for_the_end(const sigset_t *ends) {
    int signal_number = 0;
    while (sigwait(ends, &signal_number) != 0) {
    }
    LOG(NULL, LOG_INFO, "gate.stopping", LOG_TEXT("signal", slice_str(strsignal(signal_number))));
    notify("STOPPING=1");
}

static reason run(struct op *op, struct gate *gate, const sigset_t *ends) {
    struct server *server = NULL;
    struct janitor janitor;
    struct refresher *refresher = NULL;
    struct courier *courier = NULL;
    struct job_runner *jobs = NULL;
    const char *control = NULL;
    TRY(gate_control_path(op, gate->settings, &control));
    TRY(server_open(op, gate, control, &server));
    reason why = janitor_start(op, &janitor, gate);
    if (why != NULL) {
        server_close(server);
        return why;
    }
    why = refresher_start(op, gate, &refresher);
    if (why == NULL) {
        why = courier_start(op, gate, &courier);
    }
    if (why == NULL) {
        why = jobs_start(op, gate, &jobs);
    }
    if (why != NULL) {
        courier_stop(courier);
        refresher_stop(refresher);
        janitor_stop(&janitor);
        server_close(server);
        return why;
    }
    LOG(op, LOG_INFO, "gate.serving", LOG_TEXT("public_url", gate->settings->public_url),
        LOG_TEXT("listen", gate->settings->listen), LOG_NUMBER("port", server_port(server)),
        LOG_TEXT("version", S(GATEHOUSE_VERSION)));
    notify("READY=1");
    wait_for_the_end(ends);
    gate->draining = true;
    courier_stop(courier);
    jobs_stop(jobs);
    refresher_stop(refresher);
    janitor_stop(&janitor);
    server_close(server);
    flush_uses(gate, true);
    LOG(op, LOG_INFO, "gate.stopped", LOG_TEXT("version", S(GATEHOUSE_VERSION)));
    return NULL;
}

// Free memory at the end of a heap that malloc keeps: what requests give back is asked for again at once, and each page that went
// to the system meanwhile is cleared anew.
#define KEEP_FREE_BYTES (4 << 20)

reason serve(struct op *op, const struct settings *settings) {
    sigset_t ends;
    // Before any thread starts, so that all of them leave these to the main one.
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN); // a worker or a browser that went away is an error of a write
    (void)signal(SIGXFSZ, SIG_IGN); // so is a file that may not grow: the store and the log say it
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_FREE_BYTES);
    struct gate gate;
    TRY(gate_open(op, settings, (size_t)settings->workers, &gate));
    reason why = run(op, &gate, &ends);
    gate_close(&gate);
    return why;
}
