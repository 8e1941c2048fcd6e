// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse operator-token: needs the token keys only, so whoever can read the data directory is an
// operator, with or without a running gate.
#include "app/cli/cli.h"
#include "base/rand.h"

static reason issue(struct op *op, const struct settings *settings, uint64_t ttl,
                    struct slice *ret_token) {
    struct keyring *keyring = NULL;
    struct claims claims = {
        .subject = S("operator"),
        .client_id = S("gatehouse"),
        .scope = S("operator"),
        .issued_at = op->now,
        .authenticated_at = op->now,
        .expires_at = op->now + (int64_t)ttl * SECOND_MS,
    };
    TRY(rand_ulid(op, S(""), &claims.token_id));
    TRY(gate_keyring(op, settings, &keyring));
    reason why = token_issue(op, keyring, settings->public_url, &claims, ret_token);
    keyring_close(keyring);
    return why;
}

static reason run(struct op *op, struct args *args) {
    const struct settings *settings = NULL;
    uint64_t ttl = OPERATOR_TTL_DEFAULT;
    struct slice token;
    TRY(args_number(op, args, "ttl", 1, OPERATOR_TTL_MAX, &ttl));
    TRY(args_settings(op, args, &settings));
    TRY(issue(op, settings, ttl, &token));
    if (args->json) {
        struct json *out = json_object(op);
        json_set_text(op, out, "access_token", token);
        json_set_number(op, out, "expires_in", (int64_t)ttl);
        return show_json(op, out);
    }
    show(token);
    show_line("%s", "");
    return NULL;
}

static const struct cli_option options[] = {
    {"ttl", "SECONDS", false, "how long it is valid: 1 to 86400, default 900"},
    {NULL, NULL, false, NULL},
};
const struct cli_action token_actions[] = {
    {NULL, "", options, run,
     "Print a short-lived access token that may do everything the API offers.",
     "Send it as Authorization: Bearer TOKEN. The gate need not run. Whoever can read the data "
     "directory may\n"
     "have one.",
     "curl -H \"Authorization: Bearer $(gatehouse operator-token)\" "
     "http://localhost:8080/api/v1/tenants"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
