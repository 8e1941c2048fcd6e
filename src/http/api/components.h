// SPDX-License-Identifier: GPL-3.0-or-later
// Access to components in the JSON of a person: "components" {"campaigns":"full"} and "bundle" "full", beside "roles".
// In the store all of it is roles (domain/component.h).
#ifndef GATEHOUSE_HTTP_API_COMPONENTS_H
#define GATEHOUSE_HTTP_API_COMPONENTS_H

#include "domain/component.h"
#include "domain/user.h"
#include "http/api/api.h"

// What the body says of them, and the body without it; invalid_input by field: no such component, level or bundle.
MUST_USE reason components_take(struct op *op, const struct json *object,
                                struct component_ask *ret_ask, const struct json **ret_rest);
// The role ids to give by hand: `roles` when the body had some (has_roles), else those given by hand so far; with what
// the ask says of components. Access to components that neither names stays as it is.
MUST_USE reason components_merge(struct op *op, const struct component_ask *ask, bool has_roles,
                                 struct texts roles, struct rows grants, struct texts *ret_role_ids);
// Sets "components" and "bundle" from the grants.
void components_set(struct op *op, struct json *body, struct rows grants);
// Is this grant shown among the components, and not among the roles?
bool components_is_grant(const struct grant *grant);

#endif
