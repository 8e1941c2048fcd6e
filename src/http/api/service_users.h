// SPDX-License-Identifier: GPL-3.0-or-later
// Service users where people are listed.
#ifndef GATEHOUSE_HTTP_API_SERVICE_USERS_H
#define GATEHOUSE_HTTP_API_SERVICE_USERS_H

#include "domain/service_user.h"
#include "http/api/api.h"

// A row of the list of users; its kind says that it is a program.
struct json *service_item(struct op *op, const struct gate *gate,
                          const struct service_user_shown *shown);

#endif
