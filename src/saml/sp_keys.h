// SPDX-License-Identifier: GPL-3.0-or-later
// What is inside struct sp_keys: for the files that sign and decrypt, and for nobody else.
#ifndef GATEHOUSE_SAML_SP_KEYS_H
#define GATEHOUSE_SAML_SP_KEYS_H

#include <openssl/evp.h>

#include "saml/sp.h"

struct sp_keys {
    EVP_PKEY *signing, *encryption; // RSA; used by many threads at once, never changed
    struct slice signing_certificate, encryption_certificate; // DER in base64
    struct op op;                                             // its arena holds the certificates
};

#endif
