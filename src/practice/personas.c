// SPDX-License-Identifier: GPL-3.0-or-later
// The shapes of the real vendors' answers, and the ways to misbehave, as two tables of data.
// Never: builds a message; answer.c reads these rows.
#include "practice/practice.h"

#include <string.h>

#define FORMAT_NAME_BASIC "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
#define FORMAT_NAME_URI "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
#define FORMAT_NAME_ANY "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"
#define CLAIM "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
#define MICROSOFT "http://schemas.microsoft.com/"

const struct fault_row fault_rows[FAULT_COUNT] = {
    [FAULT_NONE] = {"none", "Answer correctly."},
    [FAULT_SKEW] = {"skew", "The provider's clock is 10 minutes ahead."},
    [FAULT_EXPIRED] = {"expired", "The answer is 20 minutes old and ran out 15 minutes ago."},
    [FAULT_EARLY] = {"early", "The answer becomes valid in 15 minutes only."},
    [FAULT_WRONG_AUDIENCE] = {"wrong-audience", "The Audience names another service provider."},
    [FAULT_WRONG_RECIPIENT] = {"wrong-recipient", "The Recipient is another ACS URL."},
    [FAULT_WRONG_DESTINATION] = {"wrong-destination", "The Destination is another ACS URL."},
    [FAULT_WRONG_IN_RESPONSE_TO] = {"wrong-in-response-to",
                                    "It answers a request that nobody sent."},
    [FAULT_UNKNOWN_SIGNER] = {"unknown-signer",
                              "It is signed with a key that is not in the metadata."},
    [FAULT_UNSIGNED] = {"unsigned", "Neither the Response nor the Assertion is signed."},
    [FAULT_TAMPERED] = {"tampered", "One letter of the person's name is changed after signing."},
    [FAULT_NO_GROUPS] = {"no-groups", "The attribute with the groups is left out."},
    [FAULT_GROUP_OVERAGE] = {"group-overage",
                             "Too many groups: a link instead of them, as Entra ID does."},
    [FAULT_NO_NAME_ID] = {"no-nameid", "The Subject has no NameID."},
    [FAULT_STATUS_ERROR] = {"status-error",
                            "No assertion, but the status Responder / AuthnFailed."},
    [FAULT_SHA1] = {"sha1", "Signed with RSA-SHA1 and SHA-1 digests."},
    [FAULT_REPLAY] = {"replay",
                      "The last correct answer to this service provider is sent once more."},
};

static const struct attribute_row okta_attributes[] = {
    {FROM_EMAIL, "email", FORMAT_NAME_ANY, NULL},
    {FROM_FIRST, "firstName", FORMAT_NAME_ANY, NULL},
    {FROM_LAST, "lastName", FORMAT_NAME_ANY, NULL},
    {FROM_GROUPS, "groups", FORMAT_NAME_ANY, NULL},
    {FROM_END, NULL, NULL, NULL},
};

static const struct attribute_row entra_attributes[] = {
    {FROM_DIRECTORY_ID, MICROSOFT "identity/claims/tenantid", NULL, NULL},
    {FROM_OBJECT_ID, MICROSOFT "identity/claims/objectidentifier", NULL, NULL},
    {FROM_FULL_NAME, MICROSOFT "identity/claims/displayname", NULL, NULL},
    {FROM_GROUP_GUIDS, MICROSOFT "ws/2008/06/identity/claims/groups", NULL, NULL},
    {FROM_FIRST, CLAIM "givenname", NULL, NULL},
    {FROM_LAST, CLAIM "surname", NULL, NULL},
    {FROM_EMAIL, CLAIM "emailaddress", NULL, NULL},
    {FROM_EMAIL, CLAIM "name", NULL, NULL},
    {FROM_END, NULL, NULL, NULL},
};

static const struct attribute_row adfs_attributes[] = {
    {FROM_EMAIL, CLAIM "emailaddress", NULL, NULL},
    {FROM_EMAIL, CLAIM "upn", NULL, NULL},
    {FROM_FIRST, CLAIM "givenname", NULL, NULL},
    {FROM_LAST, CLAIM "surname", NULL, NULL},
    {FROM_GROUPS, "http://schemas.xmlsoap.org/claims/Group", NULL, NULL},
    {FROM_END, NULL, NULL, NULL},
};

static const struct attribute_row google_attributes[] = {
    {FROM_EMAIL, "email", NULL, NULL},   {FROM_FIRST, "firstName", NULL, NULL},
    {FROM_LAST, "lastName", NULL, NULL}, {FROM_GROUPS, "groups", NULL, NULL},
    {FROM_END, NULL, NULL, NULL},
};

static const struct attribute_row keycloak_attributes[] = {
    {FROM_EMAIL, "email", FORMAT_NAME_BASIC, "email"},
    {FROM_FIRST, "firstName", FORMAT_NAME_BASIC, "firstName"},
    {FROM_LAST, "lastName", FORMAT_NAME_BASIC, "lastName"},
    {FROM_GROUP_PATHS, "member", FORMAT_NAME_BASIC, NULL},
    {FROM_REALM_ROLES, "Role", FORMAT_NAME_BASIC, NULL},
    {FROM_END, NULL, NULL, NULL},
};

static const struct attribute_row shibboleth_attributes[] = {
    {FROM_USERNAME, "urn:oid:0.9.2342.19200300.100.1.1", FORMAT_NAME_URI, "uid"},
    {FROM_EMAIL, "urn:oid:0.9.2342.19200300.100.1.3", FORMAT_NAME_URI, "mail"},
    {FROM_FIRST, "urn:oid:2.5.4.42", FORMAT_NAME_URI, "givenName"},
    {FROM_LAST, "urn:oid:2.5.4.4", FORMAT_NAME_URI, "sn"},
    {FROM_FULL_NAME, "urn:oid:2.16.840.1.113730.3.1.241", FORMAT_NAME_URI, "displayName"},
    {FROM_EMAIL, "urn:oid:1.3.6.1.4.1.5923.1.1.1.6", FORMAT_NAME_URI, "eduPersonPrincipalName"},
    {FROM_GROUPS, "urn:oid:1.3.6.1.4.1.5923.1.5.1.1", FORMAT_NAME_URI, "isMemberOf"},
    {FROM_END, NULL, NULL, NULL},
};

const struct persona personas[] = {
    {.id = "okta",
     .name = "Okta",
     .note = "Response and Assertion signed; email, firstName, lastName, groups.",
     .sign = SIGN_BOTH,
     .protocol_prefix = "saml2p",
     .assertion_prefix = "saml2",
     .value_type = "xs:string",
     .inclusive_prefixes = "xs",
     .issuer_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity",
     .name_id_format = FORMAT_EMAIL,
     .authn_class = CLASS_PASSWORD_TRANSPORT,
     .margin_s = 300,
     .attributes = okta_attributes},
    {.id = "entra",
     .name = "Microsoft Entra ID",
     .note = "Only the Assertion signed; claim URIs; groups are GUIDs in " MICROSOFT
             "ws/2008/06/identity/claims/groups.",
     .sign = SIGN_ASSERTION,
     .protocol_prefix = "samlp",
     .name_id_format = FORMAT_EMAIL,
     .authn_class = CLASS_PASSWORD,
     .margin_s = 300,
     .attributes = entra_attributes},
    {.id = "adfs",
     .name = "Microsoft ADFS",
     .note = "Only the Assertion signed; claim URIs; groups in "
             "http://schemas.xmlsoap.org/claims/Group; "
             "valid from this very millisecond.",
     .sign = SIGN_ASSERTION,
     .protocol_prefix = "samlp",
     .name_id_format = FORMAT_EMAIL,
     .authn_class = CLASS_PASSWORD_TRANSPORT,
     .attributes = adfs_attributes},
    {.id = "google",
     .name = "Google Workspace",
     .note = "Only the Response signed; email, firstName, lastName, groups.",
     .sign = SIGN_RESPONSE,
     .protocol_prefix = "saml2p",
     .assertion_prefix = "saml2",
     .value_type = "xs:anyType",
     .name_id_format = FORMAT_EMAIL,
     .authn_class = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
     .margin_s = 300,
     .attributes = google_attributes},
    {.id = "keycloak",
     .name = "Keycloak",
     .note =
         "Response and Assertion signed; the NameID is the user name; groups are paths in member, "
         "realm roles in Role.",
     .sign = SIGN_BOTH,
     .protocol_prefix = "samlp",
     .assertion_prefix = "saml",
     .value_type = "xs:string",
     .name_id_format = FORMAT_UNSPECIFIED,
     .authn_class = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
     .session_lifetime = true,
     .attributes = keycloak_attributes},
    {.id = "shibboleth",
     .name = "Shibboleth",
     .note = "Only the Response signed; a transient NameID; OID names, groups in isMemberOf "
             "(urn:oid:1.3.6.1.4.1.5923.1.5.1.1).",
     .sign = SIGN_RESPONSE,
     .protocol_prefix = "saml2p",
     .assertion_prefix = "saml2",
     .value_type = "xsd:string",
     .inclusive_prefixes = "xsd",
     .name_id_format = FORMAT_TRANSIENT,
     .authn_class = CLASS_PASSWORD_TRANSPORT,
     .attributes = shibboleth_attributes},
};
const size_t persona_count = G_N_ELEMENTS(personas);

const struct persona *persona_find(const char *id) {
    for (size_t i = 0; i < persona_count; i++) {
        if (g_strcmp0(personas[i].id, id) == 0) {
            return &personas[i];
        }
    }
    return NULL;
}

bool fault_find(const char *id, enum fault *ret_fault) {
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        if (g_strcmp0(fault_rows[i].id, id) == 0) {
            *ret_fault = (enum fault)i;
            return true;
        }
    }
    return false;
}

enum sign_what sign_find(const char *id) {
    if (g_strcmp0(id, "response") == 0) {
        return SIGN_RESPONSE;
    }
    if (g_strcmp0(id, "assertion") == 0) {
        return SIGN_ASSERTION;
    }
    return g_strcmp0(id, "both") == 0 ? SIGN_BOTH : SIGN_AS_PERSONA;
}

bool attribute_is_group(enum attribute_source from) {
    return from == FROM_GROUPS || from == FROM_GROUP_GUIDS || from == FROM_GROUP_PATHS;
}

static char *guid_of(const char *kind, const char *name) {
    g_autofree char *text = g_strdup_printf("%s:%s", kind, name);
    g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    return g_strdup_printf("%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
                           hex + 18);
}

char *group_guid(const char *group) {
    return guid_of("group", group);
}

static void add_groups(GPtrArray *values, const struct person *person, enum attribute_source from) {
    for (char **group = person->groups; *group != NULL; group++) {
        char *value = from == FROM_GROUP_GUIDS   ? group_guid(*group)
                      : from == FROM_GROUP_PATHS ? g_strdup_printf("/%s", *group)
                                                 : g_strdup(*group);
        g_ptr_array_add(values, value);
    }
}

GPtrArray *attribute_values(const struct person *person, enum attribute_source from) {
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    switch (from) {
    case FROM_EMAIL:
        g_ptr_array_add(values, g_strdup(person->email));
        break;
    case FROM_USERNAME:
        g_ptr_array_add(values, g_strndup(person->email, strcspn(person->email, "@")));
        break;
    case FROM_FIRST:
        g_ptr_array_add(values, g_strdup(person->first));
        break;
    case FROM_LAST:
        g_ptr_array_add(values, g_strdup(person->last));
        break;
    case FROM_FULL_NAME:
        g_ptr_array_add(values, g_strdup_printf("%s %s", person->first, person->last));
        break;
    case FROM_OBJECT_ID:
        g_ptr_array_add(values, guid_of("person", person->email));
        break;
    case FROM_DIRECTORY_ID:
        g_ptr_array_add(values, guid_of("directory", "demo"));
        break;
    case FROM_GROUPS:
    case FROM_GROUP_GUIDS:
    case FROM_GROUP_PATHS:
        add_groups(values, person, from);
        break;
    case FROM_REALM_ROLES:
        g_ptr_array_add(values, g_strdup("default-roles-demo"));
        g_ptr_array_add(values, g_strdup("offline_access"));
        g_ptr_array_add(values, g_strdup("uma_authorization"));
        break;
    case FROM_END:
        break;
    }
    return values->len > 0 ? g_steal_pointer(&values) : NULL;
}
