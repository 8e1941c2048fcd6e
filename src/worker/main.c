// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse-worker: the XML side of the gate. Started by the gate with one descriptor and nothing
// else it is the spawner; started by hand it only says what it is. There is no option that changes
// what it does.
#include "worker/memory.h"
#include "worker/serve.h"
#include "worker/spawner.h"
#include "worker/xml.h"

static bool init(void) {
    memory_init();
    xml_init();
    memory_start();
    return true;
}

int main(int argc, char **argv) {
    return spawner_main(
        argc, argv,
        &(struct spawner_work){.name = "gatehouse-worker", .init = init, .serve = serve});
}
