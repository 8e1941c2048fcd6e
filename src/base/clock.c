// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

// 9999-12-31T23:59:59.999Z: what comes later has no text of the usual form.
#define LATEST INT64_C(253402300799999)

int64_t clock_now(void) {
    struct timespec at;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

int64_t clock_steady(void) {
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

struct slice clock_print(int64_t time, char buffer[CLOCK_TEXT]) {
    time = time < 0 ? 0 : time > LATEST ? LATEST : time;
    time_t seconds = (time_t)(time / 1000);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    size_t len = strftime(buffer, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(buffer + len, CLOCK_TEXT - len, ".%03dZ", (int)(time % 1000));
    return slice_str(buffer);
}

// `digits` decimal digits, then (unless it is 0) the character `then`.
static bool take(struct slice *rest, size_t digits, char then, int *ret_number) {
    size_t need = digits + (then != 0 ? 1 : 0);
    if (rest->len < need) {
        return false;
    }
    int number = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = rest->at[i];
        if (c < '0' || c > '9') {
            return false;
        }
        number = number * 10 + (c - '0');
    }
    if (then != 0 && rest->at[digits] != then) {
        return false;
    }
    *rest = slice_sub(*rest, need, rest->len);
    *ret_number = number;
    return true;
}

static bool take_fraction(struct slice *rest, int *ret_ms) {
    *ret_ms = 0;
    if (rest->len == 0 || rest->at[0] != '.') {
        return true;
    }
    size_t used = 1;
    for (int scale = 100; used < rest->len && rest->at[used] >= '0' && rest->at[used] <= '9';
         used++, scale /= 10) {
        *ret_ms += (rest->at[used] - '0') * scale;
    }
    if (used == 1 || used > 20) {
        return false;
    }
    *rest = slice_sub(*rest, used, rest->len);
    return true;
}

static bool take_zone(struct slice *rest, int *ret_minutes) {
    *ret_minutes = 0;
    if (rest->len == 0) {
        return true;
    }
    if (slice_equal(*rest, S("Z"))) {
        *rest = SLICE_NONE;
        return true;
    }
    int sign = rest->at[0] == '+' ? 1 : rest->at[0] == '-' ? -1 : 0;
    int hours = 0;
    int minutes = 0;
    *rest = slice_sub(*rest, 1, rest->len);
    if (sign == 0 || !take(rest, 2, ':', &hours) || !take(rest, 2, 0, &minutes) || minutes > 59 ||
        hours * 60 + minutes > 14 * 60) {
        return false;
    }
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool clock_parse(struct slice text, int64_t *ret_time) {
    int year, month, day, hour, minute, second, ms, zone;
    if (!take(&text, 4, '-', &year) || !take(&text, 2, '-', &month) || !take(&text, 2, 'T', &day) ||
        !take(&text, 2, ':', &hour) || !take(&text, 2, ':', &minute) ||
        !take(&text, 2, 0, &second) || !take_fraction(&text, &ms) || !take_zone(&text, &zone) ||
        text.len > 0) {
        return false;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
        hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day,
                    .tm_hour = hour, .tm_min = minute, .tm_sec = second};
    int64_t time = ((int64_t)timegm(&tm) - (int64_t)zone * 60) * 1000 + ms;
    if (time < 0 || time > LATEST) {
        return false; // the zone took it out of the years
    }
    *ret_time = time;
    return true;
}
