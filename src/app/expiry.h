// SPDX-License-Identifier: GPL-3.0-or-later
// Looks through all connections for certificates that are about to end.
#ifndef GATEHOUSE_APP_EXPIRY_H
#define GATEHOUSE_APP_EXPIRY_H

#include "http/gate.h"

#define EXPIRY_EVERY_MS (6 * HOUR_MS) // so that nobody is told much later than 30, 14, 7 or 1 days before

// A bounded number of rows in each transaction; writes only where somebody has to be told. What fails is logged, and
// looked at again next time.
void expiry_look(struct gate *gate);

#endif
