// SPDX-License-Identifier: GPL-3.0-or-later
// What a connection may be set to. Each check gives back what is to be stored (normalised, each
// once) and tells all that is wrong, with pointers under `at`. And what changed, as one line for
// the audit log.
#ifndef GATEHOUSE_DOMAIN_CONNECTION_CHECK_H
#define GATEHOUSE_DOMAIN_CONNECTION_CHECK_H

#include "domain/connection.h"
#include "domain/fault.h"

// https addresses (http on this machine), at least one to sign on at, at least one certificate;
// sha256 is computed here.
MUST_USE reason idp_check(struct faults *faults, const struct idp *given, struct idp *ret_idp);
// Domains are of this tenant.
MUST_USE reason policy_check(struct faults *faults, const struct tenant *tenant,
                             const struct policy *given, struct policy *ret_policy);
// Roles exist; what `old` does not say already gives nothing that the actor lacks.
MUST_USE reason mapping_check(struct faults *faults, struct txn *txn, const struct actor *actor,
                              struct slice tenant, const struct mapping *old,
                              const struct mapping *given, struct mapping *ret_mapping);

// Stores a changed connection: its version, its time, its audit row. `ret` may be the same.
MUST_USE reason connection_store(struct op *op, struct txn *txn, const struct actor *actor,
                                 struct connection *connection, const char *event,
                                 struct slice detail, struct connection *ret);
// After the identity provider was set: an audit row where a member of the tenant made keys count whose holder may act as
// somebody who holds more than that member. Operators hold everything.
MUST_USE reason connection_outranks(struct op *op, struct txn *txn, const struct actor *actor,
                                    const struct connection *connection, const struct idp *old);
// The certificates without those that are distrusted.
MUST_USE reason connection_filter(struct op *op, const struct connection *connection,
                                  struct rows certificates, struct rows *ret_rows);

// "skew_seconds 180 -> 60; want "either" -> "both"", or "nothing changed".
struct slice policy_diff(struct op *op, const struct policy *old, const struct policy *now);
struct slice idp_diff(struct op *op, const struct idp *old, const struct idp *now);
struct slice mapping_diff(struct op *op, const struct mapping *old, const struct mapping *now);
bool mapping_rule_equal(const struct mapping_rule *a, const struct mapping_rule *b);

#endif
