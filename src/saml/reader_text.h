// SPDX-License-Identifier: GPL-3.0-or-later
// Of the reader only: its characters.
#ifndef GATEHOUSE_SAML_READER_TEXT_H
#define GATEHOUSE_SAML_READER_TEXT_H

#include "base/slice.h"

// UTF-8, and each character one of XML 1.0.
bool reader_characters(struct slice text);
// The reference at the front of `text`: its length, or 0 when it is none that is allowed.
size_t reader_reference(struct slice text, uint32_t *ret_code);

#endif
