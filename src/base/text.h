// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of text at the doors.
#ifndef GATEHOUSE_BASE_TEXT_H
#define GATEHOUSE_BASE_TEXT_H

#include "base/slice.h"

// Well-formed UTF-8 without surrogates and over-long forms.
bool text_utf8(struct slice text);
// UTF-8 without control characters (C0 with tab, DEL, C1) and line separators, so it can stand on one line.
bool text_line(struct slice text);
// The same, but tab, CR and LF may be in it.
bool text_lines(struct slice text);
// Bytes of the well-formed UTF-8 character at the front, or 0 when there is none.
size_t text_next(struct slice text, uint32_t *ret_code);
// Characters of well-formed UTF-8: what people count, where bytes are what is stored.
size_t text_characters(struct slice text);
// Decimal, no sign, no leading zero but "0"; false outside 0..max.
bool text_u64(struct slice text, uint64_t max, uint64_t *ret_number);
// [a-z0-9-], 1 to 63 characters, no hyphen at an end: tenants' and connections' short names.
bool text_slug(struct slice text);
// [A-Za-z0-9._-], 1 to 64: role ids.
bool text_role_id(struct slice text);

#endif
