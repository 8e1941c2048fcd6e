// SPDX-License-Identifier: GPL-3.0-or-later
// The loop of one worker: a frame in, a frame out, until the gate hangs up.
#ifndef GATEHOUSE_WORKER_SERVE_H
#define GATEHOUSE_WORKER_SERVE_H

// Returns at end of file, after a whole document, and at any fault of the framing.
void serve(int fd);

#endif
