// SPDX-License-Identifier: GPL-3.0-or-later
// The checks of a trace as they are stored: each text once, frequent ones as a number.
#ifndef GATEHOUSE_DOMAIN_TRACE_PACK_H
#define GATEHOUSE_DOMAIN_TRACE_PACK_H

#include "domain/trace.h"

// All checks at their largest, and then some.
#define TRACE_PACKED_MAX (TRACE_CHECKS_MAX * (2 * TRACE_VALUE_MAX + 96))

// limit.memory.
MUST_USE reason trace_pack(struct op *op, const struct trace *trace, struct slice *ret_packed);
// Into `trace`, whose other members are as they were when it was packed. store.unavailable when
// these are not bytes that trace_pack makes.
MUST_USE reason trace_unpack(struct op *op, struct slice packed, struct trace *trace);

#endif
