// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"

#include <time.h>

// 9999-12-31T23:59:59.999Z: what comes later has no text of the usual form.
#define LATEST INT64_C(253402300799999)
#define DAYS_TO_1970 719468 // from 0000-03-01
#define DAYS_OF_400_YEARS 146097

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

static char *put_digits(char *at, unsigned number, unsigned digits) {
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + digits;
}

// By hand: a login prints some sixty times, and strftime was a twelfth of its instructions. The
// calendar of days since 1970-03-01 has the leap day at the end of its years, so a month follows
// from the day of the year by one division.
struct slice clock_print(int64_t time, char buffer[CLOCK_TEXT]) {
    time = time < 0 ? 0 : time > LATEST ? LATEST : time;
    unsigned second = (unsigned)(time % DAY_MS / SECOND_MS);
    unsigned days = (unsigned)(time / DAY_MS) + DAYS_TO_1970;
    unsigned era = days / DAYS_OF_400_YEARS;
    unsigned day = days % DAYS_OF_400_YEARS;
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    unsigned month = (5 * day + 2) / 153; // from March
    day -= (153 * month + 2) / 5;
    year += era * 400 + (month >= 10 ? 1 : 0);
    char *at = put_digits(buffer, year, 4);
    *at++ = '-';
    at = put_digits(at, month < 10 ? month + 3 : month - 9, 2);
    *at++ = '-';
    at = put_digits(at, day + 1, 2);
    *at++ = 'T';
    at = put_digits(at, second / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second % 60, 2);
    *at++ = '.';
    at = put_digits(at, (unsigned)(time % SECOND_MS), 3);
    *at++ = 'Z';
    *at = '\0';
    return slice_of(buffer, (size_t)(at - buffer));
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

// Since 1970, in the calendar of clock_print.
static int64_t days_of(int year, int month, int day) {
    int years = month > 2 ? year : year - 1;
    int months = month > 2 ? month - 3 : month + 9;
    return years * INT64_C(365) + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 +
           day - 1 - DAYS_TO_1970;
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
    int64_t time = days_of(year, month, day) * DAY_MS + ms +
                   ((hour * 60 + minute - zone) * INT64_C(60) + second) * SECOND_MS;
    if (time < 0 || time > LATEST) {
        return false; // the zone took it out of the years
    }
    *ret_time = time;
    return true;
}
