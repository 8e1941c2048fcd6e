// SPDX-License-Identifier: GPL-3.0-or-later
// A letter as the bytes that travel: RFC 5322 headers and a multipart/alternative body in quoted-printable, all of it
// ASCII but for addresses with other letters in them. What stands in a header is one line, or the message is refused:
// no name and no subject can begin a header of its own.
#ifndef GATEHOUSE_MAIL_MESSAGE_H
#define GATEHOUSE_MAIL_MESSAGE_H

#include "mail/letter.h"

#define MAIL_BYTES_MAX (512U << 10) // bytes: both bodies, each three times as long as its text at worst

struct envelope {
    struct slice id;   // of the letter: the same at each attempt, so that who gets it twice can tell
    struct slice host; // of public_url, in the Message-ID
    struct slice from, from_name;
    struct slice reply_to; // "" = none
    struct slice to;
    int64_t time;
};

// Lines end with CR LF. invalid_input: something for a header holds a line end or another control character, or an
// address is none.
MUST_USE reason message_write(struct op *op, const struct envelope *envelope,
                              const struct letter_text *letter, struct slice *ret_message);

// For the tests: the value of a header that is text (RFC 2047), and a body in quoted-printable (RFC 2045 6.7).
MUST_USE reason message_header_text(struct buf *out, struct slice text);
void message_quoted_printable(struct buf *out, struct slice text);

#endif
