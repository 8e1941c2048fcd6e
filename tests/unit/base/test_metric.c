// SPDX-License-Identifier: GPL-3.0-or-later
// Counters and their Prometheus text.
#include "unit.h"

#include <pthread.h>

#include "base/metric.h"

static struct slice printed(struct op *op) {
    struct buf buf;
    buf_open(&buf, op, 1U << 20);
    metric_print(&buf);
    struct slice text = SLICE_NONE;
    assert_done(buf_done(&buf, &text));
    return text;
}

static void assert_has(struct slice text, const char *line) {
    if (slice_find(text, slice_str(line)) == SIZE_MAX) {
        fail_msg("no \"%s\" in\n%.*s", line, SLICE(text));
    }
}

static void a_metric_is_printed_with_its_sentence_and_kind(void **state) {
    metric_set(METRIC_REQUESTS, 5);
    metric_add(METRIC_REQUESTS, 2);
    assert_has(printed(*state),
               "# HELP gatehouse_http_requests_total HTTP requests that were answered.\n"
               "# TYPE gatehouse_http_requests_total counter\n"
               "gatehouse_http_requests_total 7\n");
}

static void refusals_are_counted_by_reason(void **state) {
    assert_true(slice_find(printed(*state), S("assertion.replayed")) == SIZE_MAX);
    metric_refused(REASON_OF(ASSERTION_REPLAYED));
    metric_refused(REASON_OF(ASSERTION_REPLAYED));
    metric_refused(REASON_OF(SCHEMA)); // the last of all
    struct slice text = printed(*state);
    assert_has(text, "# TYPE gatehouse_login_refused_total counter\n");
    assert_has(text, "\ngatehouse_login_refused_total{reason=\"assertion.replayed\"} 2\n");
    assert_has(text, "\ngatehouse_login_refused_total{reason=\"start.schema\"} 1\n");
}

static void each_line_is_a_comment_or_a_name_and_a_number(void **state) {
    metric_refused(REASON_OF(SIGNATURE_VALUE));
    struct slice rest = printed(*state);
    assert_true(slice_ends(rest, S("\n")));
    struct slice line;
    size_t lines = 0;
    while (slice_cut(&rest, '\n', &line) && rest.at != NULL) {
        lines++;
        if (slice_starts(line, S("# HELP gatehouse_")) ||
            slice_starts(line, S("# TYPE gatehouse_"))) {
            continue;
        }
        assert_true(slice_starts(line, S("gatehouse_")));
        size_t space = slice_find(line, S(" "));
        assert_true(space != SIZE_MAX && space + 1 < line.len);
        for (size_t i = space + 1; i < line.len; i++) {
            assert_true(line.at[i] >= '0' && line.at[i] <= '9');
        }
    }
    assert_true(lines >= (size_t)METRIC_COUNT * 3 + 3);
}

static void *count(void *what) {
    (void)what;
    for (int i = 0; i < 20000; i++) {
        metric_add(METRIC_WORKER_JOBS, 1);
    }
    return NULL;
}

static void threads_lose_no_count(void **state) {
    metric_set(METRIC_WORKER_JOBS, 0);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_has(printed(*state), "\ngatehouse_worker_jobs_total 80000\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_metric_is_printed_with_its_sentence_and_kind),
        TEST(refusals_are_counted_by_reason),
        TEST(each_line_is_a_comment_or_a_name_and_a_number),
        TEST(threads_lose_no_count),
    };
    RUN(tests);
}
