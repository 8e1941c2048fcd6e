// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of applications share.
#ifndef GATEHOUSE_DOMAIN_APPLICATION_PARTS_H
#define GATEHOUSE_DOMAIN_APPLICATION_PARTS_H

#include "domain/application.h"
#include "domain/fault.h"

// Adds what is wrong with the redirect URIs.
MUST_USE reason application_check_redirects(struct op *op, struct faults *faults,
                                            struct texts uris);

#endif
