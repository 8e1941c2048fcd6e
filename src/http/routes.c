// SPDX-License-Identifier: GPL-3.0-or-later
// The route table, made of routes.def. The router goes through it; the OpenAPI document is made of it.
#include "http/api/api.h"
#include "http/web/web.h"

// In no catalogue, so no user holds it.
#define OPERATORS "operator"

const struct route route_table[] = {
#define ROUTE(id, method, path, door, access, permission, run, takes, gives, status, summary)      \
    {METHOD_##method, path, DOOR_##door, ACCESS_##access, permission, run, NULL, #id, summary,     \
     takes, gives, status},
#define ROUTE_MANY(id, method, path, door, access, permission, run, takes, gives, status, summary) \
    {METHOD_##method, path, DOOR_##door, ACCESS_##access, permission, NULL, run, #id, summary,     \
     takes, gives, status},
#include "http/routes.def"
#undef ROUTE
#undef ROUTE_MANY
};
const size_t route_count = sizeof route_table / sizeof route_table[0];
