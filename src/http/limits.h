// SPDX-License-Identifier: GPL-3.0-or-later
// Rates and counts in memory, bounded in size (counters.h): logins per address and per connection, sign-ins that wait. An
// address is what address_share says of it: all that one subscriber of IPv6 has count together.
#ifndef GATEHOUSE_HTTP_LIMITS_H
#define GATEHOUSE_HTTP_LIMITS_H

#include "base/op.h"

#define READINGS_KNOWN 8192 // those of an hour that are remembered
#define REFUSALS_KEPT_MAX 120 // some 4 KB each, kept for 30 days: a flood of old messages fills 20 MB an hour, not a disk
#define SECRETS_BAD_MAX 20 // nobody guesses 256 bits: this keeps the log readable and a loop of a broken program cheap
#define TOKENS_EACH_MAX 300 // a program that asks for one before each call is told so, before it keeps a core busy with signing

struct settings;
struct limits *limits_open(void); // NULL: no memory
void limits_close(struct limits *limits);
// login.rate_limited.
MUST_USE reason limits_login(struct op *op, struct limits *limits, const struct settings *settings,
                             struct slice address, struct slice connection);
// A sign-in starts: at most pending_limit per connection and pending_address_limit per address within PENDING_LIFETIME.
// login.rate_limited.
MUST_USE reason limits_pending(struct op *op, struct limits *limits,
                               const struct settings *settings, struct slice address,
                               struct slice connection);
// Passwords from one address: `password_address_limit` bad ones in SIGN_IN_WINDOW. `failed` counts one; else it is only asked.
// sign_in.rate_limited.
MUST_USE reason limits_password(struct op *op, struct limits *limits,
                                const struct settings *settings, struct slice address, bool failed);
// May one more letter for a forgotten password be written? FORGOT_EACH_MAX an hour for one e-mail address,
// one for each FORGOT_ADDRESS_SHARE of `password_address_limit` for one network address: behind a proxy that one is everybody's.
#define FORGOT_EACH_MAX 5
#define FORGOT_ADDRESS_SHARE 5
bool limits_forgot(struct limits *limits, const struct settings *settings, struct slice email,
                   struct slice address);
// The platform's API takes PLATFORM_RATE requests a minute of one credential. rate_limited.
#define PLATFORM_RATE 100
MUST_USE reason limits_platform(struct op *op, struct limits *limits, struct slice credential);
// May one more refusal of a signed message be written to the disk? REFUSALS_KEPT_MAX of a connection in a minute.
bool limits_keep_refusal(struct limits *limits, struct slice connection);
// Access tokens of one credential: TOKENS_EACH_MAX in a minute. A program keeps its token until it ends.
bool limits_token(struct limits *limits, struct slice credential);
// Codes for applications, of one session: CODES_EACH_MAX in a minute, so that a page that sends a browser to and fro fills no disk.
#define CODES_EACH_MAX 60
bool limits_code(struct limits *limits, struct slice session);
// Wrong secrets: SECRETS_BAD_MAX in a minute of one address for one client; those for clients that there are not count
// together. Past it that address is refused for that client, whatever it shows. limits_bad_secret counts one; false: that
// was one too many.
bool limits_secret_fits(struct limits *limits, struct slice address, struct slice client);
bool limits_bad_secret(struct limits *limits, struct slice address, struct slice client);
// A request of the API by this credential: at most api_rate in a minute. rate_limited.
MUST_USE reason limits_api(struct op *op, struct limits *limits, const struct settings *settings,
                           struct slice credential);
int64_t limits_api_wait(void); // seconds until the next minute of limits_api

// Readings of personal data that were written down in this hour (reads.c). The table forgets: two keys on one slot are
// written down more often, never less.
struct sha256;
bool limits_read_known(struct limits *limits, const struct sha256 *key, int64_t hour);
void limits_read_noted(struct limits *limits, const struct sha256 *key, int64_t hour);

#endif
