// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of the corpus, in the order of the report.
#include "app/selftest/selftest.h"

extern const struct attack attacks_wrapping[];

const struct attacks attack_tables[] = {
    {attacks_wrapping},
    {0},
};
