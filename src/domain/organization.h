// SPDX-License-Identifier: GPL-3.0-or-later
// Organizations: what groups the tenants of one customer (brands, environments). Operators make them; their
// administrators see across the tenants, and change nothing there that they could not change anyway.
#ifndef GATEHOUSE_DOMAIN_ORGANIZATION_H
#define GATEHOUSE_DOMAIN_ORGANIZATION_H

#include "domain/audit.h"

#define ORGANIZATION_NAME_MAX 100
#define ORGANIZATION_ADMINS_MAX 100

struct organization {
    struct slice slug; // text_slug
    struct slice name;
    int64_t number;              // of the sequence that tenants share
    struct texts administrators; // user ids, each once
    int64_t created_at, updated_at;
};
extern const struct field_table organization_fields;
extern const struct entity organization_entity;

MUST_USE reason organization_find(struct op *op, struct txn *txn, struct slice slug,
                                  struct organization *ret_organization); // not_found
MUST_USE reason organization_find_by_number(struct op *op, struct txn *txn, int64_t number,
                                            struct organization *ret_organization); // not_found
// rows of struct organization by slug.
MUST_USE reason organization_list(struct op *op, struct txn *txn, struct page page,
                                  struct rows *ret_organizations, struct slice *ret_next,
                                  size_t *ret_total);
// duplicate_slug, invalid_input by field (an administrator is no user).
MUST_USE reason organization_create(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct organization *organization);
MUST_USE reason organization_change(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct organization *organization);
// organization_not_empty while tenants belong to it.
MUST_USE reason organization_remove(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice slug);
// Is this user, in a session of the tenant `home`, an administrator of the organization, and does `home` belong
// to it? A session elsewhere sees nothing.
MUST_USE reason organization_sees(struct op *op, struct txn *txn, struct slice user_id,
                                  struct slice home, struct slice organization, bool *ret_sees);
// What its administrators hold in each of its tenants: to look at people, roles and the audit log.
struct permission_set organization_view(void);

#endif
