// SPDX-License-Identifier: GPL-3.0-or-later
// Times as text: what is read to the millisecond, and each spelling that is refused.
#include "unit.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

struct sample {
    const char *text;
    int64_t time;
};

static void times_are_read_to_the_millisecond(void **state) {
    (void)state;
    static const struct sample samples[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T16:00:00Z", NOON},
        {"2026-11-21T16:00:00.000Z", NOON},
        {"2026-11-21T16:00:00", NOON}, // no zone: UTC
        {"2026-11-21T16:00:00.5Z", NOON + 500},
        {"2026-11-21T16:00:00.0429999Z", NOON + 42},
        {"2026-11-21T16:00:00.9999999999999999999Z", NOON + 999},
        {"2026-11-21T17:30:00+01:30", NOON},
        {"2026-11-21T06:00:00-10:00", NOON},
        {"2026-11-22T06:00:00+14:00", NOON},
        {"2026-11-21T16:00:00-00:00", NOON},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
        {"2024-02-29T23:59:59Z", INT64_C(1709251199000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
        {"2038-01-19T03:14:08Z", INT64_C(2147483648000)},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        int64_t time = -1;
        if (!clock_parse(slice_str(samples[i].text), &time) || time != samples[i].time) {
            fail_msg("%s gave %lld", samples[i].text, (long long)time);
        }
    }
}

static void what_is_no_time_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "Z",
        "2026",
        "2026-11-21",
        "2026-11-21T16:00Z",
        "2026-11-21 16:00:00Z",
        "2026-11-21t16:00:00Z",
        "2026-11-21T16:00:00z",
        " 2026-11-21T16:00:00Z",
        "2026-11-21T16:00:00Z ",
        "2026-11-21T16:00:00ZZ",
        "2026-11-21T16:00:00.Z",
        "2026-11-21T16:00:00,5Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T23:59:60Z",
        "2026-11-21T16:60:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "12026-11-21T16:00:00Z",
        "-2026-11-21T16:00:00Z",
        "+2026-11-21T16:00:00Z",
        "2026-11-21T16:00:00+1:00",
        "2026-11-21T16:00:00+0100",
        "2026-11-21T16:00:00+14:01",
        "2026-11-21T16:00:00+15:00",
        "2026-11-21T16:00:00+01:60",
        "2026-11-21T16:00:00+",
        "2026-11-21T16:00:00Z+01:00",
        "2026-1-21T16:00:00Z",
        "2026-11-21T16:00:0\xD9\xA1Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t time;
        if (clock_parse(slice_str(texts[i]), &time)) {
            fail_msg("%s was taken", texts[i]);
        }
    }
    int64_t time;
    assert_false(clock_parse(S("2026-11-21T16:00:00Z\0"), &time));
    assert_false(clock_parse(SLICE_NONE, &time));
}

static void a_printed_time_reads_back(void **state) {
    (void)state;
    char buffer[CLOCK_TEXT];
    assert_text(clock_print(0, buffer), "1970-01-01T00:00:00.000Z");
    assert_text(clock_print(NOON + 7, buffer), "2026-11-21T16:00:00.007Z");
    for (int64_t time = 1; time < INT64_C(253402300799999); time = time * 3 + 1237) {
        int64_t back;
        assert_true(clock_parse(clock_print(time, buffer), &back));
        assert_true(back == time);
    }
}

// The C library's calendar is the other one: each day of 500 years, then some of each later month.
static void every_day_is_printed_and_read_as_the_library_does(void **state) {
    (void)state;
    char buffer[CLOCK_TEXT];
    char other[64];
    for (int64_t day = 0; day < INT64_C(2932896); day += day < 190000 ? 1 : 23) {
        int64_t time = day * DAY_MS + day * 7919 % DAY_MS;
        time_t seconds = (time_t)(time / SECOND_MS);
        struct tm tm;
        (void)gmtime_r(&seconds, &tm);
        size_t len = strftime(other, sizeof other, "%Y-%m-%dT%H:%M:%S", &tm);
        (void)snprintf(other + len, sizeof other - len, ".%03dZ", (int)(time % SECOND_MS));
        assert_text(clock_print(time, buffer), other);
        int64_t back = -1;
        assert_true(clock_parse(slice_str(other), &back));
        assert_true(back == time);
    }
}

static void times_out_of_the_years_print_as_the_nearest_one(void **state) {
    (void)state;
    char buffer[CLOCK_TEXT];
    assert_text(clock_print(-1, buffer), "1970-01-01T00:00:00.000Z");
    assert_text(clock_print(INT64_MAX, buffer), "9999-12-31T23:59:59.999Z");
}

static void the_clocks_go(void **state) {
    (void)state;
    assert_true(clock_now() > INT64_C(1700000000000));
    int64_t before = clock_steady();
    assert_true(clock_steady() >= before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_to_the_millisecond),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(a_printed_time_reads_back),
        cmocka_unit_test(every_day_is_printed_and_read_as_the_library_does),
        cmocka_unit_test(times_out_of_the_years_print_as_the_nearest_one),
        cmocka_unit_test(the_clocks_go),
    };
    RUN(tests);
}
