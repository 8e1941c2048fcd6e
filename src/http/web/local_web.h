// SPDX-License-Identifier: GPL-3.0-or-later
// What the pages of local sign-in share: the sign-in that is half done, and where it goes next.
#ifndef GATEHOUSE_HTTP_WEB_LOCAL_WEB_H
#define GATEHOUSE_HTTP_WEB_LOCAL_WEB_H

#include "http/limits.h"
#include "http/local.h"
#include "http/router.h"

// The page that asks for address and password.
MUST_USE reason web_password_form(struct op *op, struct gate *gate, struct reply *reply,
                                  unsigned status, struct slice email, struct slice return_to,
                                  const char *problem);
// Goes on with the sign-in of the browser's cookie; with what was given for its step. sign_in.again.
MUST_USE reason local_resume(struct op *op, struct gate *gate, const struct request *request,
                             struct slice tenant, struct slice code, struct sign_in_work *ret_work);
// Only looks at it: whose it is, with policy and doors.
MUST_USE reason local_look(struct op *op, struct gate *gate, const struct request *request,
                           struct sign_in_work *ret_work, struct account *ret_account);
// To the page of the next step, or to where the person wanted to go.
MUST_USE reason local_reply_step(struct op *op, const struct sign_in_work *work,
                                 struct reply *reply);
// sign_in.again becomes a redirect to the beginning; any other refusal stays one.
MUST_USE reason local_again(struct op *op, reason why, struct reply *reply);

#endif
