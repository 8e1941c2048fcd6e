// SPDX-License-Identifier: GPL-3.0-or-later
// One message over SMTP, for post.c.
#ifndef GATEHOUSE_MAIL_SMTP_H
#define GATEHOUSE_MAIL_SMTP_H

#include "mail/post.h"

struct smtp_message {
    struct slice to, bytes;
    const _Atomic bool *stop;
};
void smtp_send(struct op *op, const struct post_options *options, struct post_line *line,
               const struct smtp_message *message, struct delivery *ret_delivery);

#endif
