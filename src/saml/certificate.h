// SPDX-License-Identifier: GPL-3.0-or-later
// What trust.c needs of certificate.c: the public key in a stored certificate, if it may be trusted at all.
#ifndef GATEHOUSE_SAML_CERTIFICATE_H
#define GATEHOUSE_SAML_CERTIFICATE_H

#include <openssl/evp.h>

#include "domain/connection.h"

// RSA of RSA_BITS_MIN and more, or EC on P-256, P-384, P-521. invalid_certificate says what it is instead.
// *ret_key is the caller's to free.
MUST_USE reason certificate_key(struct op *op, const struct certificate *certificate,
                                EVP_PKEY **ret_key);
// SHA-256 over the key's SubjectPublicKeyInfo, in hex: the same key in another certificate is the same key.
MUST_USE reason certificate_key_sha256(struct op *op, EVP_PKEY *key, struct slice *ret_hex);

#endif
