// SPDX-License-Identifier: GPL-3.0-or-later
// Trust in an identity provider from files, for the commands that work without a server.
#ifndef GATEHOUSE_APP_CLI_IDP_H
#define GATEHOUSE_APP_CLI_IDP_H

#include "app/cli/cli.h"
#include "base/clock.h"
#include "saml/idp_metadata.h"

#define CERTIFICATE_FILE_MAX (64U << 10) // a chain in PEM with remarks around it

// A small pool, from the program beside this one. The caller closes it.
MUST_USE reason worker_open(struct op *op, struct pool **ret_pool);
// Adds the certificates of a file: PEM, DER or base64.
MUST_USE reason idp_add_file(struct op *op, struct idp *idp, struct slice path);
// As idp_from_xml, of a file.
MUST_USE reason idp_read_metadata(struct op *op, struct pool *pool, struct slice path,
                                  struct idp *ret_idp);
// What the gate knows of a connection: GET /connections/{slug} and /idp, put together again.
struct known_connection {
    struct connection connection;
    struct slice entity_id, acs_url; // ours
};
MUST_USE reason idp_read_connection(struct op *op, struct args *args, struct slice slug,
                                    struct known_connection *ret_known);

#endif
