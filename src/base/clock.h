// SPDX-License-Identifier: GPL-3.0-or-later
// Time: milliseconds since 1970 UTC, and the two ways it is written (RFC 3339 out; xs:dateTime in).
#ifndef GATEHOUSE_BASE_CLOCK_H
#define GATEHOUSE_BASE_CLOCK_H

#include "base/slice.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define CLOCK_TEXT 25 // "2026-11-21T16:00:00.000Z" and NUL

int64_t clock_now(void);
// Milliseconds that only go forward, for deadlines and durations.
int64_t clock_steady(void);
// "2026-11-21T16:00:00.000Z". What is outside the years 1970 to 9999 is written as the nearest time in them.
struct slice clock_print(int64_t time, char buffer[CLOCK_TEXT]);
// xs:dateTime with a zone (Z or +hh:mm), years 1970 to 9999, any fraction (cut to ms); a leap second and
// 24:00:00 are refused. SAML core 1.3.3 wants UTC, so a text without zone is read as UTC. False: not one.
bool clock_parse(struct slice text, int64_t *ret_time);

#endif
