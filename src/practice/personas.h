// SPDX-License-Identifier: GPL-3.0-or-later
// The shapes of the vendors' answers and the ways to misbehave, as data.
#ifndef GATEHOUSE_PRACTICE_PERSONAS_H
#define GATEHOUSE_PRACTICE_PERSONAS_H

#include <glib.h>
#include <stdbool.h>

struct person;

#define FORMAT_EMAIL "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
#define FORMAT_UNSPECIFIED "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
#define FORMAT_PERSISTENT "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
#define FORMAT_TRANSIENT "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
#define CLASS_PASSWORD "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
#define CLASS_PASSWORD_TRANSPORT "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

enum sign_what { SIGN_AS_PERSONA = 0, SIGN_ASSERTION = 1, SIGN_RESPONSE = 2, SIGN_BOTH = 3 };

enum fault {
    FAULT_NONE,
    FAULT_SKEW,
    FAULT_EXPIRED,
    FAULT_EARLY,
    FAULT_WRONG_AUDIENCE,
    FAULT_WRONG_RECIPIENT,
    FAULT_WRONG_DESTINATION,
    FAULT_WRONG_IN_RESPONSE_TO,
    FAULT_UNKNOWN_SIGNER,
    FAULT_UNSIGNED,
    FAULT_TAMPERED,
    FAULT_NO_GROUPS,
    FAULT_GROUP_OVERAGE,
    FAULT_NO_NAME_ID,
    FAULT_STATUS_ERROR,
    FAULT_SHA1,
    FAULT_REPLAY,
    FAULT_COUNT
};

struct fault_row {
    const char *id, *note;
};
extern const struct fault_row fault_rows[FAULT_COUNT];

enum attribute_source {
    FROM_END, // closes a persona's list
    FROM_EMAIL,
    FROM_USERNAME,
    FROM_FIRST,
    FROM_LAST,
    FROM_FULL_NAME,
    FROM_OBJECT_ID,
    FROM_DIRECTORY_ID,
    FROM_GROUPS,
    FROM_GROUP_GUIDS,
    FROM_GROUP_PATHS,
    FROM_REALM_ROLES // one Attribute element for each value, all with the same name
};

struct attribute_row {
    enum attribute_source from;
    const char *name, *format, *friendly; // format and friendly may be NULL
};

struct persona {
    const char *id, *name, *note;
    enum sign_what sign;
    const char *protocol_prefix, *assertion_prefix; // NULL: the default namespace
    const char *value_type;         // xsi:type of values, as "xs:string"; NULL: none
    const char *inclusive_prefixes; // PrefixList of exclusive c14n; NULL: none
    const char *issuer_format;      // NULL: none
    const char *name_id_format;
    const char *authn_class;
    int margin_s;          // how long before now NotBefore is
    bool session_lifetime; // whether AuthnStatement has a SessionNotOnOrAfter
    const struct attribute_row *attributes;
};
extern const struct persona personas[];
extern const size_t persona_count;

const struct persona *persona_find(const char *id); // NULL: no such persona
// Unknown or empty: false and *ret_fault stays.
bool fault_find(const char *id, enum fault *ret_fault);
// "response", "assertion", "both"; anything else means: as the persona does.
enum sign_what sign_find(const char *id);
// The values of one attribute, owned by the list; NULL when there are none.
GPtrArray *attribute_values(const struct person *person, enum attribute_source from);
bool attribute_is_group(enum attribute_source from);
char *group_guid(const char *group); // the same group has the same GUID always

#endif
