// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse-worker: the XML side of the gate. Started by the gate with one descriptor and nothing
// else it is the spawner; started by hand it only says what it is. There is no option that changes
// what it does.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "worker/spawner.h"

static int has_channel(void) {
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(SPAWNER_CHANNEL, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           type == SOCK_SEQPACKET;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("gatehouse-worker %s\n", GATEHOUSE_VERSION);
        return 0;
    }
    if (argc != 1 || !has_channel()) {
        (void)fprintf(stderr,
                      "gatehouse-worker reads XML in a jail for gatehouse, which starts it; "
                      "there is nothing to start by hand.\n");
        return 2;
    }
    return spawner_run();
}
