// SPDX-License-Identifier: GPL-3.0-or-later
// What every request may use: the settings, the store, the workers, the keys. Made by app, lent to http.
#ifndef GATEHOUSE_HTTP_GATE_H
#define GATEHOUSE_HTTP_GATE_H

#include "base/argon.h"
#include "domain/login.h"
#include "domain/seal.h"
#include "domain/ticket.h"
#include "mail/compose.h"
#include "mail/post.h"
#include "saml/idp_metadata.h"
#include "saml/inbound.h"
#include "token/token.h"

struct settings {
    struct slice public_url; // scheme://host[:port], no slash at the end; all URLs derive from it
    struct slice listen;     // address:port, or [address]:port
    struct slice data_dir;
    struct slice store;      // "lmdb"
    int64_t threads;         // that run requests
    int64_t workers;         // warm ones
    int64_t connections;     // open HTTP connections
    int64_t session_lifetime; // ms
    int64_t token_lifetime;  // ms
    int64_t service_token_lifetime; // ms
    int64_t login_rate;      // per address, per minute; 0 = off
    int64_t connection_rate; // per connection, per second; 0 = off
    int64_t api_rate;        // requests of the API per credential, per minute; 0 = off
    int64_t pending_limit;   // waiting sign-ins per connection
    int64_t pending_address_limit; // and per address
    int64_t password_memory, password_passes, password_lanes; // of argon2id; memory in KiB
    int64_t password_threads;       // that hash passwords
    int64_t password_address_limit; // bad passwords from one address in 15 minutes
    struct slice trusted_proxies;   // addresses and networks with commas between; "" = none
    struct slice forwarded_header;  // that they say in who the client is
    bool allow_private_fetch;
    struct slice product;    // name on the pages
    struct slice contact_email, privacy_url, logo_url; // in metadata; "" = not told
    int64_t logo_width, logo_height; // pixels
    struct slice smtp_url, smtp_user, smtp_password, smtp_from, smtp_from_name, smtp_tls, smtp_ca_file;
    int64_t smtp_timeout;      // ms
    int64_t smtp_connections;
    struct slice support_contact;
};

struct gate {
    const struct settings *settings;
    struct store *store;
    struct pool *pool;
    struct trust_cache *trusts;
    struct keyring *keyring;
    struct ticket_key *ticket_key; // of one-time links
    struct post *post;             // the way that letters go
    struct seal_key *seal_key;     // of what is stored sealed
    struct argon *argon;           // hashes passwords
    struct sp_keys *sp_keys;
    struct ring *ring;
    struct brake *brake;
    struct limits *limits;
    struct proxies *proxies; // that are believed; NULL: none
    struct uses *uses;       // when service users were last seen
    struct metadata_cache *metadata; // signed SP metadata by connection and version
    _Atomic bool jobs_waiting;       // there may be a job to run
    _Atomic int fetches;             // documents that request threads wait for just now
    _Atomic bool draining;           // SIGTERM came: readiness says no, what is under way is finished
};

// What the mail room needs of them.
struct post_options settings_post(const struct settings *settings);
struct compose gate_compose(const struct gate *gate);

#endif
