// SPDX-License-Identifier: GPL-3.0-or-later
// Counters that any thread may add to without a lock, and their text for Prometheus (text format 0.0.4).
// They start at 0 with the process and are kept nowhere.
#include "base/metric.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/check.h"

static _Atomic int64_t values[METRIC_COUNT];
static _Atomic int64_t refused[REASON_COUNT];

void metric_add(enum metric metric, int64_t by) {
    CHECK(metric < METRIC_COUNT);
    (void)atomic_fetch_add_explicit(&values[metric], by, memory_order_relaxed);
}

void metric_set(enum metric metric, int64_t value) {
    CHECK(metric < METRIC_COUNT);
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

void metric_refused(reason why) {
    CHECK(why != NULL && why->number < REASON_COUNT);
    (void)atomic_fetch_add_explicit(&refused[why->number], 1, memory_order_relaxed);
}

static void print_one(struct buf *out, enum metric metric, const char *kind, const char *title,
                      const char *text) {
    int64_t value = atomic_load_explicit(&values[metric], memory_order_relaxed);
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", title, text, title, kind, title,
               value);
}

void metric_print(struct buf *out) {
#define METRIC(name, kind, title, text) print_one(out, METRIC_##name, kind, title, text);
#include "base/metrics.def"
#undef METRIC
    buf_str(out, "# HELP gatehouse_login_refused_total Logins that were refused, by reason.\n"
                 "# TYPE gatehouse_login_refused_total counter\n");
    for (size_t i = 0; i < REASON_COUNT; i++) {
        int64_t count = atomic_load_explicit(&refused[i], memory_order_relaxed);
        // A reason that was met once stays in the text; a hundred zeros would help nobody.
        if (count > 0) {
            buf_printf(out, "gatehouse_login_refused_total{reason=\"%s\"} %" PRId64 "\n",
                       reason_table[i].slug, count);
        }
    }
}
