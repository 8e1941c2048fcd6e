// SPDX-License-Identifier: GPL-3.0-or-later
// The way out: a mail server (SMTP), or for development a folder. Whoever sends has a line of its own, whose
// connection is used again for the next message. Nothing here touches the store.
#ifndef GATEHOUSE_MAIL_POST_H
#define GATEHOUSE_MAIL_POST_H

#include "domain/outbox_work.h"
#include "mail/message.h"

enum post_tls { POST_TLS_REQUIRED, POST_TLS_OPPORTUNISTIC, POST_TLS_NONE };
extern const char *const post_tls_names[]; // "required", "opportunistic", "none"

struct post_options {
    struct slice url;      // smtp://host[:port], smtps://host[:port], file:FOLDER; "" = no mail goes out
    struct slice user, password; // "" = none
    struct slice tls;      // of smtp://: by name
    struct slice ca_file;  // "" = the system's
    struct slice data_dir; // where FOLDER is
    struct slice host;     // how we greet the server
    int64_t timeout;       // ms, of one message as a whole
    struct slice from;     // the envelope.s sender
};

struct post;
// config.invalid: an address that is none, tls, a user without password, a password that would go in the clear to
// another machine, no sender. limit.memory.
MUST_USE reason post_open(struct op *op, const struct post_options *options, struct post **ret_post);
void post_close(struct post *post); // NULL-safe
bool post_is_set(const struct post *post); // false: url is "", or no post at all
const struct post_options *post_options_of(const struct post *post);

struct post_line;
struct post_line *post_line_open(void); // NULL: no memory
void post_line_close(struct post_line *line); // NULL-safe

// One message to one address. Always an outcome; `down` when there is no connection, no TLS, no log-in, or the server
// refuses our sender. `stop` (may be NULL) true ends a transfer that is under way.
void post_send(struct op *op, struct post *post, struct post_line *line, struct slice to,
               struct slice id, struct slice message, const _Atomic bool *stop,
               struct delivery *ret_delivery);

// For readiness and operators: how the last attempts went. The text is copied to `op`.
enum post_state { POST_OFF, POST_IDLE, POST_WELL, POST_DOWN };
extern const char *const post_state_names[];
enum post_state post_state(const struct post *post);
struct slice post_trouble(struct op *op, struct post *post); // of the last failure; "" when it goes well

#endif
