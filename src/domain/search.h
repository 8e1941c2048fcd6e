// SPDX-License-Identifier: GPL-3.0-or-later
// Finds members by a part of their name or e-mail address, without case, in a tenant of any size. The
// texts of some 256 members stand side by side in a block, and a signature of each block says which pairs
// and triples of letters occur in it: a search looks at the signatures, and reads the few blocks that can
// hold what is sought. A member that was added or renamed is `fresh`, and looked at one by one, until the
// janitor has put it into its block. A tenant with less members than SEARCH_FROM needs no blocks: there
// everybody is looked at.
#ifndef GATEHOUSE_DOMAIN_SEARCH_H
#define GATEHOUSE_DOMAIN_SEARCH_H

#include "domain/user.h"

#define SEARCH_FROM 1000       // members; fewer can be read one by one
#define SEARCH_FRESH_MOST 1024 // fresh ones that a search looks at; with more the janitor is behind
#define SEARCH_FOUND_MOST 1000 // members that a search gives
#define SEARCH_BLOCKS_MOST 1000 // blocks that a search reads: some 15 MB
#define SEARCH_BLOCK 256       // members in a block
#define SEARCH_BLOCK_BYTES (32U << 10)
#define SEARCH_SIGNATURE 4080  // bytes: with the store's own 16 a page

// A member came into the tenant, or left it; a rename is both.
MUST_USE reason search_add(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id);
MUST_USE reason search_forget(struct op *op, struct txn *txn, struct slice tenant,
                              struct slice user_id);
// The ids of the members with `q` in their name or address, whatever their status. *ret_whole false: there
// are more than SEARCH_FOUND_MOST, or it would take too long: *ret_ids is then of no use but to count.
MUST_USE reason search_find(struct op *op, struct txn *txn, struct slice tenant, struct slice q,
                            struct texts *ret_ids, bool *ret_whole);
// Does this member's name or address hold it, or (names_only) the name?
bool search_shows(struct op *op, const struct user *user, struct slice q, bool names_only);
// Puts fresh members into blocks, for at most `most_us` microseconds; *ret_more: there are more.
MUST_USE reason search_fold(struct op *op, struct txn *txn, int64_t most_us, bool *ret_more);

#endif
