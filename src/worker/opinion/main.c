// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse-opinion: lasso's verdict, for connections with the policy second_opinion. A program of
// its own, so that the workers of every other login never have lasso in them. The gate starts it when
// the first such connection needs it. No option changes what it does.
#include "worker/opinion/opinion.h"
#include "worker/spawner.h"

int main(int argc, char **argv) {
    return spawner_main(argc, argv,
                        &(struct spawner_work){.name = "gatehouse-opinion",
                                               .lookups = true,
                                               .init = opinion_init,
                                               .serve = opinion_serve});
}
