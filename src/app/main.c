// SPDX-License-Identifier: GPL-3.0-or-later
// The program's table of contents: each command is a row, and its actions are in cli/.
#include "app/cli/cli.h"

static const struct cli_command commands[] = {
    {"init", "make the data directory, the keys and the store", init_actions},
    {"serve", "run the gate", serve_actions},
    {"operator-token", "print a short-lived access token for operators", token_actions},
    {"tenant", "customer accounts and their e-mail domains", tenant_actions},
    {"organization", "what groups the tenants of one customer", organization_actions},
    {"connection", "a tenant's trust in an identity provider, and its policy", connection_actions},
    {"rule", "which groups of an identity provider give which roles", rule_actions},
    {"user", "the people of a tenant", user_actions},
    {"job", "files of people that wait, run or are done", job_actions},
    {"service-user", "programs that use the API of a tenant, and their credentials", service_user_actions},
    {"application", "what people sign in to through this gate, and its secrets", application_actions},
    {"role", "built-in roles and a tenant's own", role_actions},
    {"request", "access that people ask for, and the decisions on it", request_actions},
    {"trace", "what was checked in a sign-in, and why it was refused", trace_actions},
    {"audit", "who did what, and whether the log of it is whole", audit_actions},
    {"mail", "letters that wait, that were given up, and whether mail goes out", mail_actions},
    {"keys", "the gate's own SAML keys, and rolling them over", keys_actions},
    {"backup", "copy the store and the keys while the gate runs", backup_actions},
    {"restore", "make a data directory of a backup", restore_actions},
    {"export", "the configuration as one document, without people and without secrets", export_actions},
    {"import", "make a configuration of such a document, or say what it would change", import_actions},
    {"check", "verify a SAML response offline and explain the verdict", check_actions},
    {"metadata", "read an identity provider's metadata as an import would", metadata_actions},
    {"selftest", "attack this very program, and say what it withstands", selftest_actions},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv) {
    return cli_run(argc, argv, commands);
}
