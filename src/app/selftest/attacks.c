// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of the corpus, in the order of the report.
#include "app/selftest/selftest.h"

extern const struct attack attacks_wrapping[], attacks_signature[], attacks_text[], attacks_profile[];

const struct attacks attack_tables[] = {
    {attacks_wrapping},
    {attacks_signature},
    {attacks_text},
    {attacks_profile},
    {0},
};
