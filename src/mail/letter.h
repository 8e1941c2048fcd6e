// SPDX-License-Identifier: GPL-3.0-or-later
// What a letter says: subject, text and HTML, all three made of one source (letters/KIND.txt, built into the program).
// The source is parsed before values are put in, so that no value can be anything but text: it adds no paragraph, no
// link and no markup.
//
//   The first line is the subject, then paragraphs with an empty line between them. {name} is a value.
//   ?name ...      this line only when there is such a value      !name ...   only when there is none
//   - Label: {x}   a row of facts; left out when a value in it is missing
//   => link Label  a button; `link` and `other_link` are the letter's one-time links, `home` the gate's own page
#ifndef GATEHOUSE_MAIL_LETTER_H
#define GATEHOUSE_MAIL_LETTER_H

#include "domain/outbox.h"

#define LETTER_TEXT_MAX (128U << 10) // bytes of each body: all values twice, each character as &quot;, and the rest
#define LETTER_SUBJECT_MAX 200      // bytes; longer ones are cut

struct letter_about {
    int kind; // enum letter_kind
    struct slice product;
    struct slice tenant;  // its name for people; "" when the letter belongs to no tenant
    struct slice support; // where to ask: an address, a page, a sentence; ""
    struct slice first_name; // of who gets it; ""
    struct slice to;
    struct rows values; // struct letter_value
    struct slice home, link, other_link; // "" = has none
};
struct letter_text {
    struct slice subject, text, html; // UTF-8; lines end with \n
};

// internal: a value that the source needs is missing.
MUST_USE reason letter_write(struct op *op, const struct letter_about *about,
                             struct letter_text *ret_text);
// The source of a kind, for the tests.
struct slice letter_source(enum letter_kind kind);

#endif
