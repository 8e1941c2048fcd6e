// SPDX-License-Identifier: GPL-3.0-or-later
// What one check wanted and what it met: the two values of its row in the trace, from which the hint for the
// IdP's administrator is made. So they are plain values, as short as they stand in a console, and no sentences.
#ifndef GATEHOUSE_SAML_FINDING_H
#define GATEHOUSE_SAML_FINDING_H

#include "base/slice.h"

struct finding {
    struct slice expected, got;
};

#endif
