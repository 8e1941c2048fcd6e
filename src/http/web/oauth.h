// SPDX-License-Identifier: GPL-3.0-or-later
// What the doors of OAuth share: who the client is, and how they refuse (RFC 6749 section 5.2).
#ifndef GATEHOUSE_HTTP_WEB_OAUTH_H
#define GATEHOUSE_HTTP_WEB_OAUTH_H

#include "domain/authorization.h"
#include "http/router.h"

enum oauth_error {
    OAUTH_INVALID_REQUEST,
    OAUTH_INVALID_GRANT,
    OAUTH_INVALID_CLIENT,
    OAUTH_UNAUTHORIZED_CLIENT,
    OAUTH_UNSUPPORTED_GRANT_TYPE,
    OAUTH_INVALID_SCOPE,
    OAUTH_UNSUPPORTED_TOKEN_TYPE,
    OAUTH_RATE_LIMITED
};
// {"error","error_description"}; invalid_client is 401 with a challenge, rate_limited 429.
MUST_USE reason oauth_refuse(struct op *op, struct reply *reply, enum oauth_error error,
                             const char *description);

// What a client shows: its id, and its secret (SLICE_NONE: none).
struct oauth_shown {
    struct slice id, secret;
};
// A service user that shows who it is by client_secret_basic or client_secret_post.
struct oauth_client {
    bool shown; // it said who it is; else there was nothing
    bool ok;    // and that holds: view is set
    struct service_view view;
};
// When what it shows is wrong the reply says so, and shown is true and ok false.
MUST_USE reason oauth_client(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply, struct oauth_client *ret_client);
// The application that shows who it is; *ret_ok false: the reply says what is wrong.
MUST_USE reason oauth_application(struct op *op, struct gate *gate, struct request *request,
                                  struct reply *reply, struct application *ret_application,
                                  bool *ret_ok);
// Two grants of POST /oauth2/token (oauth_code.c): a code is changed into tokens; a refresh token into new ones.
MUST_USE reason oauth_change_code(struct op *op, struct gate *gate, struct request *request,
                                  struct reply *reply);
MUST_USE reason oauth_refresh(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply);
// Does the client say that it is an application? *ret_ok false: the reply says what is wrong with what it shows.
MUST_USE reason oauth_shows_application(struct op *op, const struct request *request,
                                        struct reply *reply, bool *ret_is, bool *ret_ok);
// POST /oauth2/revoke by an application: of a refresh token or an access token of its own.
MUST_USE reason oauth_revoke_application(struct op *op, struct gate *gate, struct request *request,
                                         struct reply *reply, struct slice token);
// The answer may be read by a page of another site.
void oauth_open(struct reply *reply);
// A field of the form; *ret_ok false: the reply says what is wrong with it.
MUST_USE reason oauth_field(struct op *op, const struct request *request, struct reply *reply,
                            const char *name, struct slice *ret_value, bool *ret_ok);

#endif
