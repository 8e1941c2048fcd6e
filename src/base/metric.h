// SPDX-License-Identifier: GPL-3.0-or-later
// Counters and gauges (metrics.def), atomics, and their Prometheus text.
#ifndef GATEHOUSE_BASE_METRIC_H
#define GATEHOUSE_BASE_METRIC_H

#include "base/buf.h"

enum metric {
#define METRIC(name, kind, title, text) METRIC_##name,
#include "base/metrics.def"
#undef METRIC
    METRIC_COUNT
};

void metric_add(enum metric metric, int64_t by);
void metric_set(enum metric metric, int64_t value);
// One counter per reason: gatehouse_login_refused_total{reason="..."}.
void metric_refused(reason why);
void metric_print(struct buf *out);

#endif
