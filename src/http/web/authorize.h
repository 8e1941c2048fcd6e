// SPDX-License-Identifier: GPL-3.0-or-later
// What an application asks of /oauth2/authorize: read, looked at, and written down again for after a sign-in. What is
// answered is authorize.c's.
#ifndef GATEHOUSE_HTTP_WEB_AUTHORIZE_H
#define GATEHOUSE_HTTP_WEB_AUTHORIZE_H

#include "base/clock.h"
#include "domain/authorization.h"
#include "http/router.h"

#define AUTHORIZE_PATH "/oauth2/authorize"
#define STATE_MAX 1024
#define MAX_AGE_MOST (INT64_MAX / SECOND_MS) // seconds
#define LOCATION_MAX (12U << 10) // an address, a state, what was asked, each byte as three

// What was asked for. Those up to SINCE make the same request again after a sign-in.
enum parameter {
    RESPONSE_TYPE, CLIENT_ID, REDIRECT_URI, SCOPE, STATE, NONCE, CODE_CHALLENGE,
    CODE_CHALLENGE_METHOD, CONNECTION, MAX_AGE, SINCE, PROMPT, LOGIN_HINT, ID_TOKEN_HINT,
    RESPONSE_MODE, REQUEST, REQUEST_URI, PARAMETERS
};
extern const char *const parameter_names[PARAMETERS];

struct ask {
    struct slice at[PARAMETERS]; // decoded; .at NULL: absent
    bool twice;                  // one of them came twice, or could not be decoded
    struct application application;
    struct slice scope; // of the words that were asked for, those that mean something here
    bool posted;    // by the page that asks whether to go on
    struct slice confirmed; // the session of which that page said so, or ""
    const struct session_view *view; // NULL: nobody is signed in
    bool another; // somebody is, and not whom the application expects
};

// Of the query, or of the form of a POST. One without a value is one that was left out (RFC 6749 section 3.1).
MUST_USE reason ask_read(struct op *op, const struct request *request, struct ask *ask);
// The application, and that a browser may be sent to the address: before both hold, nothing goes there.
// application.unknown, application.redirect_uri.
MUST_USE reason ask_application(struct op *op, struct gate *gate, struct ask *ask);
// What is wrong with a request whose application and address are known: the error's code; NULL: nothing.
struct fault {
    const char *error, *description;
};
MUST_USE reason ask_fault(struct op *op, const struct ask *ask, struct fault *ret_fault);
// The path of the same request; `anew`: of a session that begins from now on. At most URI_MAX once no fault was found.
MUST_USE reason ask_again(struct op *op, const struct ask *ask, bool anew, struct slice *ret_path);
bool ask_is(const struct ask *ask, enum parameter parameter, const char *value);
bool ask_has_word(const struct ask *ask, enum parameter parameter, const char *word);
// A parameter behind an address; `before` is ? or &.
MUST_USE reason ask_add(struct op *op, struct buf *url, char before, const char *name,
                        struct slice value);

#endif
