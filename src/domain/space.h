// SPDX-License-Identifier: GPL-3.0-or-later
// The spaces of the store: the first byte of each key. Never reused.
#ifndef GATEHOUSE_DOMAIN_SPACE_H
#define GATEHOUSE_DOMAIN_SPACE_H

enum space {
    SPACE_TENANT = 0x10,            // slug
    SPACE_DOMAIN = 0x11,            // domain -> tenant slug
    SPACE_CONNECTION = 0x12,        // slug
    SPACE_CONNECTION_OF = 0x13,     // index: tenant, slug
    SPACE_ROLE = 0x14,              // tenant, role id
    SPACE_ROLE_NAME = 0x15,         // index: tenant, name in lower case
    SPACE_CONNECTION_VERSION = 0x16, // slug -> u64 version, u32 1 on, 2 off, 0 removed, u64 since
    SPACE_METADATA = 0x17,          // slug of a connection whose metadata is fetched
    SPACE_METADATA_DUE = 0x18,      // index: u64 time of the next look, slug
    SPACE_TENANT_SETTINGS = 0x19,   // tenant slug
    SPACE_USER = 0x20,              // user id
    SPACE_USER_EMAIL = 0x21,        // index: normalised e-mail
    SPACE_LINK = 0x22,              // SHA-256(connection, identifier) -> user
    SPACE_LINK_OF = 0x23,           // index: user, key of the link
    SPACE_MEMBERSHIP = 0x24,        // tenant, user id; in version 5 of the store with "+" behind it: keys of the person's sessions there
    SPACE_MEMBERSHIP_OF = 0x25,     // index: user id, tenant
    SPACE_ROLL = 0x26,              // index: tenant, u8 order, u8 status, what is sorted by, user id
    SPACE_ROLL_ROLE = 0x27,         // index: tenant, role id, u8 status, user id
    SPACE_ROLL_COUNT = 0x28,        // tenant, role id ("" = all), u8 status -> u64 members
    SPACE_SEARCH_FRESH = 0x29,      // tenant, user id: a member that is in no block yet
    SPACE_SEARCH_COUNT = 0x2A,      // tenant -> u64, how many of them
    SPACE_SEARCH_DUE = 0x2B,        // tenant: enough of them for the janitor
    SPACE_SEARCH_BLOCK = 0x2C,      // tenant, first user id -> ids and texts
    SPACE_SEARCH_SIGNATURE = 0x2D,  // tenant, first user id -> which letters occur in the block
    SPACE_VISIT = 0x2F,             // 16 bytes of the user id, tenant: what each sign-in of a member changes
    SPACE_ROLL_PLACE = 0x2E,        // the row of the roll that the janitor looked at last
    SPACE_SESSION = 0x30,           // u32 minute of expiry, u16 part of it, 14 bytes of the secret's hash
    SPACE_SESSION_OF = 0x31,        // index: user id, key of the session; before version 5 of the store
    SPACE_PENDING = 0x32,           // u32 minute of expiry, 16 random bytes
    SPACE_REPLAY = 0x33,            // u32 hour of expiry, SHA-256(connection, issuer, id)
    SPACE_REPLAY_SWEPT = 0x34,      // the highest hour ever swept; u64 when the store was restored, if it was
    SPACE_SESSION_NAMED = 0x35,     // index: 16 bytes of SHA-256(connection, NameID), key of the session; not of those by_link
    SPACE_AUDIT = 0x40,             // tenant, audit id (ULID): rows from before the chain
    SPACE_TRACE = 0x41,             // trace id (ULID)
    SPACE_TRACE_OF = 0x42,          // index: tenant, trace id
    SPACE_AUDIT_ROW = 0x43,         // tenant, u64 sequence number
    SPACE_AUDIT_HEAD = 0x44,        // tenant -> u64 sequence number and hash of the last row
    SPACE_AUDIT_FRONT = 0x45,       // tenant -> u64 and hash of the last row that retention removed
    SPACE_IDEMPOTENCY = 0x46,       // SHA-256(actor, Idempotency-Key)
    SPACE_IDEMPOTENCY_DUE = 0x47,   // index: u32 minute of expiry, key of the row
    SPACE_AUDIT_ERASE = 0x49,       // tenant, user id -> how far the erasure of a person came
    SPACE_AUDIT_DUE = 0x48,         // u32 hour, tenant: when retention looks at a chain again
    SPACE_NUMBER = 0x50,            // the last number that a tenant or an organization got
    SPACE_TENANT_NUMBER = 0x51,     // index: u64 number of a tenant
    SPACE_TENANT_OF = 0x52,         // index: organization, slug of a tenant
    SPACE_ORGANIZATION = 0x53,      // slug
    SPACE_ORGANIZATION_NUMBER = 0x54, // index: u64 number of an organization
    SPACE_TICKET = 0x60,            // u32 minute of expiry, 12 random bytes
    SPACE_TICKET_OF = 0x61,         // index: user, tenant, u32 purpose, 16 bytes of SHA-256(subject), key of the ticket
    SPACE_TICKET_ABOUT = 0x62,      // index: tenant, 16 bytes of SHA-256(subject), key of the ticket
    SPACE_LETTER = 0x63,            // letter id (ULID)
    SPACE_LETTER_STATE = 0x64,      // index: u32 state, u64 time (due, or ended), letter id
    SPACE_LETTER_TENANT = 0x65,     // index: tenant, u32 state, u64 time, letter id
    SPACE_LETTER_USER = 0x66,       // index: user, tenant, letter id
    SPACE_EXPIRY = 0x67,            // u32 minute of a certificate's end, 16 bytes of SHA-256(connection, certificate)
    SPACE_REQUEST = 0x68,           // tenant, access request id
    SPACE_REQUEST_STATE = 0x69,     // index: tenant, state, id
    SPACE_REQUEST_BY = 0x6A,        // index: tenant, requester, id
    SPACE_REQUEST_OPEN = 0x6B,      // index: tenant, e-mail of the subject, while it is open
    SPACE_REQUEST_DUE = 0x6C,       // index: u64 time when something ends by itself, tenant, id
    SPACE_SERVICE_USER = 0x70,      // service user id
    SPACE_SERVICE_USER_OF = 0x71,   // index: tenant, service user id
    SPACE_SERVICE_USER_NAME = 0x72, // index: tenant, name in lower case
    SPACE_SERVICE_USED = 0x73,      // id of a service user or of a credential -> when it was last used
    SPACE_TOKEN_REVOKED = 0x74,     // u32 minute of expiry, 16 bytes of SHA-256(token id)
    SPACE_JOB = 0x75,               // job id (ULID)
    SPACE_JOB_OF = 0x76,            // index: tenant, job id
    SPACE_JOB_OPEN = 0x77,          // index: job id, of those that are not over
    SPACE_JOB_INPUT = 0x78,         // job id, u32 number of a piece of what was sent
    SPACE_JOB_ERROR = 0x79,         // job id, u64 line, u32 number
    SPACE_ACCOUNT = 0x58,           // user id
    SPACE_SIGN_IN = 0x59,           // u32 minute of expiry, 16 bytes of the secret's hash
    SPACE_APPLICATION = 0x7A,       // application id
    SPACE_APPLICATION_NAME = 0x7B,  // index: name in lower case
    SPACE_AUTHORIZATION = 0x7C,     // u32 minute of expiry, 16 random bytes
    SPACE_AUTHORIZATION_OF = 0x7D,  // index: session, application, key of the authorization; of those with tokens
    SPACE_MEMBER_DUE = 0x5A,        // index: u64 time, tenant, user id of a membership
};

#endif
