// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of the corpus, in the order of the report.
#include "app/selftest/selftest.h"

extern const struct attack attacks_wrapping[], attacks_signature[], attacks_text[], attacks_profile[], attacks_tenant[], attacks_encryption[], attacks_logout[], attacks_metadata[], attacks_bounds[];

const struct attacks attack_tables[] = {
    {attacks_wrapping},
    {attacks_signature},
    {attacks_text},
    {attacks_profile},
    {attacks_tenant},
    {attacks_encryption},
    {attacks_logout},
    {attacks_metadata},
    {attacks_bounds},
    {NULL},
};
