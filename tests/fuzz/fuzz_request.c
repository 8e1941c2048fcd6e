// SPDX-License-Identifier: GPL-3.0-or-later
// A request as it comes: path routing, cookies, query and form fields. The first line is the method and the path,
// the second the Cookie header, the third the query, the rest the body.
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "http/router.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    struct slice first = S("");
    struct slice cookie = S("");
    struct slice query = S("");
    (void)slice_cut(&input, '\n', &first);
    (void)slice_cut(&input, '\n', &cookie);
    (void)slice_cut(&input, '\n', &query);
    struct request request = {.method = first.len % 5, .path = first, .query = query, .body = input};
    request.headers[0] = (struct header){S("Cookie"), cookie};
    request.headers[1] = (struct header){S("Content-Type"), S("application/x-www-form-urlencoded")};
    request.headers[2] = (struct header){S("Accept"), cookie};
    request.header_count = 3;
    struct slice allowed = S("");
    struct slice value;
    (void)find(&op, &request, &allowed);
    (void)router_body_max(request.method, first);
    (void)router_is_saml(first);
    value = request_cookie(&request, S("__Host-gatehouse"));
    CHECK(value.len <= cookie.len);
    (void)request_wants_json(&request);
    (void)!request_query(&op, &request, "a", &value);
    (void)!request_form(&op, &request, "a", &value);
    struct page page;
    (void)!request_page(&op, &request, &page);
    const struct json *object = NULL;
    (void)!request_json(&op, &request, &object);
    op_close(&op);
    return 0;
}
