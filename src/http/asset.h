// SPDX-License-Identifier: GPL-3.0-or-later
// The files that pages refer to, built into the program.
#ifndef GATEHOUSE_HTTP_ASSET_H
#define GATEHOUSE_HTTP_ASSET_H

#include "base/slice.h"

struct asset {
    const char *name, *content_type;
    const char *start, *end;
};
const struct asset *asset_find(struct slice name); // NULL: there is none

#endif
