// SPDX-License-Identifier: GPL-3.0-or-later
// Against using the gate as a padding oracle: a burst of decryption failures on a connection switches CBC without a
// signed Response off there for a while. Thread-safe, bounded.
#ifndef GATEHOUSE_SAML_BRAKE_H
#define GATEHOUSE_SAML_BRAKE_H

#include "base/op.h"

#define BRAKE_FAILURES 50            // within BRAKE_WINDOW; honest connections have none
#define BRAKE_WINDOW (60 * 1000)     // ms
#define BRAKE_PAUSE (10 * 60 * 1000) // ms
#define BRAKE_SLOTS 4096             // connections that fall on one slot brake together

struct brake;
struct brake *brake_open(void); // NULL: no memory
void brake_close(struct brake *brake);
void brake_failed(struct brake *brake, struct slice connection);
bool brake_is_on(struct brake *brake, struct slice connection);

#endif
