// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of schemas.h. Nothing here is used to check anything: requests are checked by the same field tables, and
// a test compares answers with what is said here.
#include "http/schemas.h"

#include "domain/application.h"
#include "domain/audit_chain.h"
#include "domain/job.h"
#include "domain/metadata_watch.h"
#include "domain/request.h"
#include "domain/organization.h"
#include "domain/tenant_settings.h"
#include "http/api/api.h"

#define TEXT "{\"type\":\"string\"}"
#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define EXPORT_LIMIT "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}"
#define TEXTS "{\"type\":\"array\",\"items\":" TEXT "}"
#define FLAG "{\"type\":\"boolean\"}"
#define NUMBER "{\"type\":\"integer\"}"
#define TIME "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define LIST_OF(name) "{\"type\":\"array\",\"items\":" REF(name) "}"
#define OBJECT(must, properties)                                                                   \
    "{\"type\":\"object\",\"required\":[" must "],\"properties\":{" properties "}}"
#define FORM "application/x-www-form-urlencoded"

#define PERSON                                                                                     \
    OBJECT("\"id\",\"email\",\"name_id\"",                                                         \
           "\"id\":" TEXT ",\"email\":" TEXT_OR_NULL ",\"name_id\":" TEXT_OR_NULL)
#define SESSION_MUST                                                                               \
    "\"session_id\",\"tenant\",\"connection\",\"user\",\"roles\",\"permissions\","                 \
    "\"authenticated_at\",\"expires_at\""
#define SESSION_PROPERTIES                                                                         \
    "\"session_id\":" TEXT ",\"tenant\":" TEXT ",\"connection\":" TEXT ",\"user\":" PERSON         \
    ",\"roles\":" TEXTS ",\"permissions\":" TEXTS ",\"authenticated_at\":" TIME                    \
    ",\"expires_at\":" TIME
#define COMPONENTS_ASK                                                                             \
    "\"components\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"enum\":["    \
    "\"full\",\"view\",\"on\",\"none\"]},\"description\":\"Access to components; what is not named "     \
    "stays.\"},\"bundle\":{\"type\":[\"string\",\"null\"],\"enum\":[\"full\",null],\"description\":"   \
    "\"Levels of several components under one name.\"}"
#define MEMBER_MUST                                                                                \
    "\"id\",\"email\",\"first_name\",\"last_name\",\"status\",\"roles\",\"components\",\"bundle\"," \
    "\"last_visit\""
#define MEMBER_PROPERTIES                                                                          \
    "\"id\":" TEXT ",\"email\":" TEXT_OR_NULL ",\"first_name\":" TEXT ",\"last_name\":" TEXT       \
    ",\"status\":" REF("UserStatus") ",\"roles\":{\"type\":\"array\",\"items\":" OBJECT(           \
        "\"role_id\",\"source\"", "\"role_id\":" TEXT ",\"source\":" TEXT) "},\"last_visit\":" TIME ",\"components\":{\"type\":" \
        "\"object\",\"additionalProperties\":" TEXT "},\"bundle\":" TEXT_OR_NULL                        \
    ",\"kind\":{\"type\":\"string\",\"enum\":[\"person\",\"service\"]}"
#define CONNECTION_MUST                                                                            \
    "\"slug\",\"tenant\",\"disabled\",\"entity_id\",\"acs_url\",\"slo_url\",\"login_url\","        \
    "\"metadata_url\",\"idp\",\"policy\",\"rules\",\"version\",\"created_at\",\"updated_at\","    \
    "\"distrusted\",\"ready\",\"problems\",\"remarks\""
#define CONNECTION_PROPERTIES                                                                      \
    "\"slug\":" TEXT ",\"tenant\":" TEXT ",\"disabled\":" FLAG ",\"entity_id\":" TEXT              \
    ",\"acs_url\":" TEXT ",\"slo_url\":" TEXT ",\"login_url\":" TEXT ",\"metadata_url\":" TEXT     \
    ",\"idp\":" REF("Idp") ",\"policy\":" REF("Policy") ",\"rules\":" REF("Rules")                 \
    ",\"version\":" NUMBER ",\"created_at\":" TIME ",\"updated_at\":" TIME                         \
    ",\"distrusted\":" LIST_OF("DistrustedCertificate") ",\"ready\":" FLAG                         \
    ",\"problems\":" TEXTS ",\"remarks\":" TEXTS

#define PROPOSAL "\"proposal\":{\"anyOf\":[" REF("Idp") ",{\"type\":\"null\"}]}"

const struct schema schema_table[] = {
    // From field tables: answers.
    {.name = "Tenant", .table = &tenant_fields},
    {.name = "TenantCreated",
     .table = &tenant_fields,
     .more = "{\"connections\":" LIST_OF("ConnectionCreated") "}"},
    {.name = "Endpoint", .table = &endpoint_fields},
    {.name = "Certificate", .table = &certificate_fields},
    {.name = "DistrustedCertificate", .table = &distrusted_fields},
    {.name = "Idp", .table = &idp_fields},
    {.name = "IdpFull", .table = &idp_fields, .more = "{\"certificates_der\":" TEXTS ",\"metadata_certificates_der\":" TEXTS "}"},
    {.name = "IdpStored", .table = &idp_fields, .more = "{\"warnings\":" TEXTS "}"},
    {.name = "MetadataWatch", .table = &metadata_watch_fields, .more = "{" PROPOSAL "}"},
    {.name = "MetadataLook",
     .table = &metadata_watch_fields,
     .more = "{" PROPOSAL ",\"outcome\":{\"type\":\"string\",\"enum\":[\"same\",\"renewed\",\"applied\","
             "\"pending\",\"waiting\",\"rejected\",\"failed\"]}}"},
    {.name = "Policy", .table = &policy_fields},
    {.name = "Rule", .table = &mapping_rule_fields},
    {.name = "Rules", .table = &mapping_fields},
    {.name = "Grant", .table = &grant_fields},
    {.name = "TraceCheck", .table = &trace_check_fields},
    {.name = "Trace", .table = &trace_fields, .more = "{\"withheld\":" FLAG "}"},
    // From field tables: requests.
    {.name = "TenantCreate",
     .table = &tenant_ask_fields,
     .input = true,
     .more = "{\"connections\":" LIST_OF("ConnectionCreate") "}"},
    {.name = "TenantChange", .table = &tenant_change_fields, .input = true},
    {.name = "ConnectionCreate",
     .table = &connection_ask_fields,
     .input = true,
     .more = "{\"idp\":" REF("IdpAsk") ",\"policy\":" REF("PolicyAsk")
         ",\"rules\":{\"anyOf\":[" REF("RulesAsk") "," LIST_OF("RuleAsk") "]}}"},
    {.name = "ConnectionSwitch", .table = &connection_switch_fields, .input = true},
    {.name = "IdpAsk",
     .table = &idp_ask_fields,
     .input = true,
     .more = "{\"metadata_xml\":{\"type\":\"string\",\"description\":\"Give exactly one of: "
             "metadata_xml; metadata_url; entity_id with sso_url and certificates; or all of it as it is "
             "shown: entity_id, sso, slo, valid_until, want_signed_requests and certificates, with "
             "metadata_url and metadata_certificates for when it is looked at again.\"},"
             "\"metadata_certificate\":{\"type\":[\"string\",\"null\"],\"description\":\"Who has to sign "
             "the metadata, as PEM, DER in base64 or bare base64; left out: as it is; null: nobody.\"},"
             "\"metadata_certificates\":" TEXTS ","
             "\"certificates\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"description\":"
             "\"PEM, DER in base64, or bare base64\"}}}"},
    {.name = "MetadataDecision", .table = &metadata_decision_fields, .input = true},
    {.name = "PolicyAsk", .table = &policy_fields, .input = true},
    {.name = "RuleAsk", .table = &mapping_rule_fields, .input = true},
    {.name = "RulesAsk", .table = &mapping_fields, .input = true},
#include "http/schemas_roles.def"
#include "http/schemas_saml.def"
    // Lists.
    {.name = "Tenants", .list = "Tenant", .total = true},
    {.name = "Connections", .list = "Connection", .total = true},
    {.name = "Users",
     .list = "User", // a page of it, and how good its total is
     .whole = OBJECT("\"items\",\"next_cursor\",\"total\",\"total_exact\",\"all\"",
                     "\"items\":" LIST_OF("User") ",\"next_cursor\":" TEXT_OR_NULL
                     ",\"total\":" NUMBER ",\"total_exact\":" FLAG ",\"all\":" NUMBER)},
    {.name = "Permissions", .list = "Permission", .total = true, .all = true},
    {.name = "Traces", .list = "Trace"},
#include "http/schemas_trust.def"
    // By hand.
    {.name = "Connection", .whole = OBJECT(CONNECTION_MUST, CONNECTION_PROPERTIES)},
    {.name = "ConnectionCreated",
     .whole = OBJECT(CONNECTION_MUST, CONNECTION_PROPERTIES ",\"warnings\":" TEXTS)},
    {.name = "UserStatus",
     .whole = "{\"type\":\"string\",\"enum\":[\"invited\",\"invite_expired\",\"active\",\"locked\","
              "\"disabled\",\"reactivating\",\"deleted\"]}"},
    {.name = "User", .whole = OBJECT(MEMBER_MUST, MEMBER_PROPERTIES)},
#include "http/schemas_people.def"
    {.name = "Ended", .whole = OBJECT("\"ended\"", "\"ended\":" NUMBER)},
    {.name = "Permission",
     .whole = OBJECT("\"id\",\"task_id\",\"resource\",\"action\",\"display_name\",\"description\","
                     "\"pii\",\"entitlement\"",
                     "\"id\":" TEXT ",\"task_id\":" TEXT_OR_NULL ",\"resource\":" TEXT
                     ",\"action\":" TEXT ",\"display_name\":" TEXT ",\"description\":" TEXT
                     ",\"pii\":" FLAG ",\"entitlement\":" TEXT_OR_NULL)},
    {.name = "Me",
     .whole = "{\"anyOf\":["
         OBJECT("\"kind\",\"id\",\"permissions\"",
                "\"kind\":{\"const\":\"operator\"},\"id\":" TEXT ",\"permissions\":" TEXTS) ","
         OBJECT("\"kind\",\"id\",\"name\",\"tenant\",\"credential\",\"roles\",\"permissions\"",
                "\"kind\":{\"const\":\"service\"},\"id\":" TEXT ",\"name\":" TEXT ",\"tenant\":" TEXT
                ",\"credential\":" TEXT ",\"roles\":" TEXTS ",\"permissions\":" TEXTS) ","
         OBJECT("\"kind\",\"id\",\"first_name\",\"last_name\",\"grants\",\"organization\"," SESSION_MUST,
                "\"kind\":{\"const\":\"user\"},\"id\":" TEXT ",\"first_name\":" TEXT
                ",\"last_name\":" TEXT ",\"grants\":" LIST_OF("Grant") ",\"organization\":" TEXT_OR_NULL
                "," SESSION_PROPERTIES) "]}"},
    {.name = "Session", .whole = OBJECT(SESSION_MUST, SESSION_PROPERTIES)},
    {.name = "LoginResult",
     .whole = OBJECT("\"access_token\",\"token_type\",\"expires_in\",\"session_id\",\"tenant\","
                     "\"user\",\"roles\",\"permissions\",\"return_to\",\"trace_id\"",
                     "\"access_token\":" TEXT ",\"token_type\":" TEXT ",\"expires_in\":" NUMBER
                     ",\"session_id\":" TEXT ",\"tenant\":" TEXT ",\"user\":" PERSON
                     ",\"roles\":" TEXTS ",\"permissions\":" TEXTS ",\"return_to\":" TEXT
                     ",\"trace_id\":" TEXT)},
    {.name = "SignedOut",
     .whole = OBJECT("\"signed_out\",\"logout_url\"",
                     "\"signed_out\":" FLAG ",\"logout_url\":" TEXT_OR_NULL)},
    {.name = "Health", .whole = OBJECT("\"status\"", "\"status\":" TEXT)},
    {.name = "Readiness",
     .whole = OBJECT("\"status\",\"store\",\"workers\",\"draining\",\"mail\"",
                     "\"status\":" TEXT ",\"store\":" FLAG ",\"workers\":" FLAG
                     ",\"draining\":" FLAG ",\"mail\":{\"type\":\"string\",\"description\":"
                     "\"off, idle, ok or failing; it keeps nobody from signing in, so it does not count here.\"}")},
    {.name = "OpenApi", .whole = "{\"type\":\"object\"}"},
    {.name = "Problem",
     .media = "application/problem+json",
     .whole = OBJECT("\"type\",\"title\",\"status\",\"detail\",\"reason\"",
                     "\"type\":" TEXT ",\"title\":" TEXT ",\"status\":" NUMBER ",\"detail\":" TEXT
                     ",\"reason\":{\"type\":\"string\",\"description\":\"A stable slug, for "
                     "programs.\"},\"trace_id\":" TEXT
                     ",\"state\":{\"type\":\"string\",\"description\":\"Of illegal_transition: the "
                     "state that it is in.\"},\"event\":{\"type\":\"string\",\"description\":\"And what "
                     "cannot happen in it.\"},\"count\":{\"type\":\"integer\",\"description\":\"Of role_in_use: "
                     "how many members have it.\"},\"required_permission\":{\"type\":\"string\",\"description\":"
                     "\"Of forbidden: what would let the caller.\"}"
                     ",\"errors\":{\"type\":\"array\",\"items\":" OBJECT(
                         "\"pointer\",\"reason\",\"detail\"",
                         "\"pointer\":" TEXT ",\"reason\":" TEXT ",\"detail\":" TEXT) "}")},
    // Neither JSON in nor JSON out.
    {.name = "Jwks",
     .media = "application/jwk-set+json",
     .whole = OBJECT("\"keys\"", "\"keys\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}")},
    {.name = "Html", .media = "text/html", .whole = TEXT},
    {.name = "Asset", .media = "*/*", .whole = TEXT},
    {.name = "Metrics", .media = "text/plain", .whole = TEXT},
    {.name = "SamlMetadata", .media = "application/samlmetadata+xml", .whole = TEXT},
    {.name = "LoginForm",
     .media = FORM,
     .whole = OBJECT("\"email\"", "\"email\":" TEXT ",\"return_to\":" TEXT
                                  ",\"force_authn\":" TEXT)},
    {.name = "SamlForm",
     .media = FORM,
     .whole = "{\"type\":\"object\",\"properties\":{\"SAMLResponse\":" TEXT ",\"SAMLRequest\":" TEXT
              ",\"RelayState\":" TEXT "}}"},
#include "http/schemas_machines.def"
#include "http/schemas_requests.def"
#include "http/schemas_mail.def"
    {.name = "IntrospectForm", .media = FORM, .whole = OBJECT("\"token\"", "\"token\":" TEXT)},
};
const size_t schema_count = sizeof schema_table / sizeof schema_table[0];

const struct schema_query schema_queries[] = {
    {"*", "limit", "How many at most; 50 when absent.",
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":200}"},
    {"*", "cursor", "The next_cursor of the page before.", TEXT},
    {"listRequests", "state", "Only those in this state.",
     "{\"type\":\"string\",\"enum\":[\"draft\",\"pending_approval\",\"fulfilled\",\"denied\",\"cancelled\","
     "\"expired\",\"failed\",\"ended\",\"revoked\"]}"},
    {"listMyRequests", "state", "Only those in this state.", TEXT},
    {"listMyRequests", "tenant", "Another tenant of the organization; the own one when absent.", TEXT},
    {"listRequests", "mine", "Only those that the caller asked for.", FLAG},
    {"askApproval", "t", "The text of the link.", TEXT},
    {"askDenial", "t", "The text of the link.", TEXT},
    {"askForAccess", "t", "The text of the link.", TEXT},
    {"listUsers", "status", "Only those in this state; those removed only when asked for.",
     REF("UserStatus")},
    {"listUsers", "kind", "People, programs (service users), or both: people first. People when absent.",
     "{\"type\":\"string\",\"enum\":[\"person\",\"service\",\"all\"]}"},
    {"listUsers", "q", "Part of a name or an e-mail address, without regard to case.", TEXT},
    {"listUsers", "role", "Only those who have this role.", TEXT},
    {"listUsers", "sort", "A minus in front: the other way round.",
     "{\"type\":\"string\",\"enum\":[\"name\",\"-name\",\"email\",\"-email\",\"status\",\"-status\","
     "\"last_visit\",\"-last_visit\"]}"},
    {"bulkUsers", "dry_run", "true: says what would come of it, and keeps nothing.", FLAG},
    {"bulkUsers", "mode", "Nothing at all if a line is refused, or every line that can be done.",
     "{\"type\":\"string\",\"enum\":[\"all_or_nothing\",\"best_effort\"]}"},
    {"bulkUsers", "send_invite", "false: who is new gets no letter now.", FLAG},
    {"exportUsersCsv", "cursor", "Of the header Link of the part before.", TEXT},
    {"exportUsersJson", "cursor", "Of the header Link of the part before.", TEXT},
    {"listServiceUsers", "q", "Part of a name or a description, without regard to case.", TEXT},
    {"listServiceUsers", "status", "Only those in this state.",
     "{\"type\":\"string\",\"enum\":[\"active\",\"disabled\"]}"},
    {"listServiceUsers", "owner", "Only those whose owner is disabled or gone.",
     "{\"type\":\"string\",\"enum\":[\"inactive\"]}"},
#define AUDIT_QUERIES(id)                                                                          \
    {id, "actor", "Only what this one did: the id of a user, service user or operator.", TEXT},     \
        {id, "target", "Only what was done to this, or says something about this user.", TEXT},     \
        {id, "event", "Only events that begin so: user. or login.failed", TEXT},                    \
        {id, "from", "Only what is not older than this time.", TIME},                              \
        {id, "to", "Only what is older than this time.", TIME},                                    \
        {id, "q", "Only what has this in event, actor, target, detail or what changed.", TEXT}
    AUDIT_QUERIES("listAudit"),
    AUDIT_QUERIES("exportAudit"),
    AUDIT_QUERIES("listGateAudit"),
    AUDIT_QUERIES("exportGateAudit"),
    {"exportAudit", "limit", "How many at most; 1000 when absent.", EXPORT_LIMIT},
    {"exportAudit", "cursor", "The id of the last line that is known.", TEXT},
    {"exportGateAudit", "limit", "How many at most; 1000 when absent.", EXPORT_LIMIT},
    {"exportGateAudit", "cursor", "The id of the last line that is known.", TEXT},
    {"verifyAudit", "anchor", "Number and hash of a row that were kept elsewhere: 42:HEX.", TEXT},
    {"verifyGateAudit", "anchor", "Number and hash of a row that were kept elsewhere: 42:HEX.", TEXT},
    {"listOrganizationUsers", "tenants", "Only those of these tenants: short names with commas.", TEXT},
    {"listOrganizationUsers", "q", "Part of a name or an e-mail address, without regard to case.", TEXT},
    {"listOrganizationUsers", "role", "Only those who have this role.", TEXT},
    {"setPlatformRoles", "dry_run", "Only say what would happen.", FLAG},
    {"removeRole", "reassign_to", "The role that its members get in its place.", TEXT},
    {"listLetters", "state", "Only those in this state.",
     "{\"type\":\"string\",\"enum\":[\"queued\",\"dead\",\"dropped\",\"sent\"]}"},
    {"listLetters", "tenant", "Only those of this tenant.", TEXT},
    {"listTraces", "reason", "The slug of a refusal, or accepted.", TEXT},
    {"listTraces", "user", "A user id, an e-mail address or a NameID.", TEXT},
    {"askPassword", "return_to", "A path on this site for after the sign-in.", TEXT},
    {"askReset", "t", "The text of the link.", TEXT},
    {"askInvitation", "t", "The text of the link.", TEXT},
    {"askEmailConfirmation", "t", "The text of the link.", TEXT},
    {"startLogin", "return_to", "A path on this site for after the sign-in.", TEXT},
    {"startLogin", "force_authn", "true: the identity provider is asked for a new sign-in.", TEXT},
    {"askEmail", "return_to", "A path on this site for after the sign-in.", TEXT},
    {"askEmail", "force_authn", "true: the identity provider is asked for a new sign-in.", TEXT},
    {"askEmail", "email", "The address that the form shows.", TEXT},
    {"authorizeApplication", "response_type", "code", TEXT},
    {"authorizeApplication", "client_id", "The application's id.", TEXT},
    {"authorizeApplication", "redirect_uri", "Where the browser goes with the answer: byte for byte one that is registered.", TEXT},
    {"authorizeApplication", "scope", "Of openid, profile, email, api, those that are wanted.", TEXT},
    {"authorizeApplication", "state", "Given back as it came; 1024 bytes at most.", TEXT},
    {"authorizeApplication", "nonce", "Stands in the ID token; 512 bytes at most.", TEXT},
    {"authorizeApplication", "code_challenge", "base64url of SHA-256 of the verifier (RFC 7636).", TEXT},
    {"authorizeApplication", "code_challenge_method", "S256", TEXT},
    {"authorizeApplication", "prompt", "none: answer at once; login: sign in anew.", TEXT},
    {"authorizeApplication", "max_age", "Seconds since the sign-in, at most.", TEXT},
    {"authorizeApplication", "login_hint", "The e-mail address of who is expected.", TEXT},
    {"authorizeApplication", "id_token_hint", "An ID token of who is expected; an old one will do.", TEXT},
    {"authorizeApplication", "connection", "Sign in through this connection.", TEXT},
    {"authorizeApplication", "response_mode", "query", TEXT},
    {"singleLogoutQuery", "SAMLRequest", "A LogoutRequest, deflated, in base64.", TEXT},
    {"singleLogoutQuery", "SAMLResponse", "A LogoutResponse, deflated, in base64.", TEXT},
    {"singleLogoutQuery", "RelayState", "Given back with the answer.", TEXT},
    {"singleLogoutQuery", "SigAlg", "The signature algorithm.", TEXT},
    {"singleLogoutQuery", "Signature", "Over the other parameters, in base64.", TEXT},
};
const size_t schema_query_count = sizeof schema_queries / sizeof schema_queries[0];

const struct schema_answer schema_answers[] = {
    {"consumeAssertion", 200, "Html", "A form that posts the message once more, from this site."},
    {"consumeAssertion", 303, NULL, "A browser: signed in, with the session cookie."},
    {"startLogin", 200, "Html", "A form that posts itself to the identity provider."},
    {"askSignOut", 303, NULL, "Nobody is signed in."},
    {"signOut", 200, "SignedOut", "For machines; browsers may get a form that posts itself."},
    {"signOut", 200, "Html", "A form that posts itself to the identity provider."},
    {"singleLogoutQuery", 200, "Html", "A form that posts itself to the identity provider."},
    {"singleLogoutQuery", 303, NULL, "The identity provider answered our sign-out."},
    {"singleLogoutForm", 200, "Html", "A form that posts itself to the identity provider."},
    {"singleLogoutForm", 303, NULL, "The identity provider answered our sign-out."},
    {"askedForAccess", 409, "Html", "A request of this person is waiting already."},
    {"askedForAccess", 422, "Html", "The form once more, and what it lacks."},
    {"findConnection", 200, "Html", "Asks for the password: no identity provider serves the address's domain."},
    {"findConnection", 422, "Html", "This is no e-mail address."},
    {"changePasswordForm", 303, NULL, "The sign-in goes on: the password was too old."},
    {"setUpFactor", 303, NULL, "It begins again."},
    {"askTenant", 303, NULL, "Another step comes first."},
    {"signIn", 401, "Problem", "Address or password are not right, or a code is missing, wrong or used."},
    {"signIn", 403, "Problem", "The password is too old, or a second factor has to be set up first."},
    {"askChange", 303, NULL, "Nobody is signed in."},
    {"askFactor", 303, NULL, "No sign-in is half done."},
    {"askFactorSetup", 303, NULL, "Nobody is signed in."},
    {"authorizeApplication", 200, "Html", "Asks whether to go on: the application has no secret, and its address is not https."},
    {"authorizeApplicationForm", 200, "Html", "Asks once more: somebody else is signed in by now."},
    {"getReadiness", 503, "Readiness", "Not ready."},
    {"issueToken", 400, "OauthError", "The request is not as RFC 6749 wants it."},
    {"issueToken", 401, "OauthError", "The client id or its secret is wrong."},
    {"issueToken", 429, "OauthError", "Too many wrong secrets from this address."},
    {"revokeToken", 400, "OauthError", "The request is not as RFC 7009 wants it."},
    {"revokeToken", 401, "OauthError", "The client id or its secret is wrong."},
    {"revokeToken", 429, "OauthError", "Too many wrong secrets from this address."},
    {"addUser", 200, "UserDetail", "Somebody who was known here became a member of this tenant."},
};
const size_t schema_answer_count = sizeof schema_answers / sizeof schema_answers[0];

const struct schema_part schema_parts[] = {
    {"tenant", "Short name of a tenant."},
    {"event", "Id of a row of the audit log."},
    {"connection", "Short name of a connection."},
    {"kind", "What a key is for: signing or encryption."},
    {"number", "Number of a key; 0 stands for the gate's own keys."},
    {"sha256", "SHA-256 of a certificate, in hex."},
    {"user", "Id of a user."},
    {"job", "Id of a job."},
    {"service_user", "Id of a service user."},
    {"credential", "Id of a credential, which a secret of an application is, too."},
    {"application", "Id of an application: its client_id."},
    {"session", "Id of a session."},
    {"organization", "Short name of an organization."},
    {"organization_number", "Number of an organization; of a tenant that belongs to none, its own."},
    {"account_number", "Number of a tenant."},
    {"role_id", "Id of a role, built-in or the tenant's own."},
    {"request", "Id of an access request."},
    {"letter", "Id of a letter."},
    {"trace", "Id of a trace, as a refusal names it."},
    {"name", "Name of a file."},
};
const size_t schema_part_count = sizeof schema_parts / sizeof schema_parts[0];
