// SPDX-License-Identifier: GPL-3.0-or-later
// Strict text encodings. Decoders take the whole input or refuse: no skipping, no spare bits, canonical
// padding. (OpenSSL's EVP_DecodeBlock skips outer white space and takes non-zero spare bits.)
#ifndef GATEHOUSE_BASE_ENCODE_H
#define GATEHOUSE_BASE_ENCODE_H

#include "base/op.h"

// Standard alphabet with padding.
MUST_USE reason encode_base64(struct op *op, struct slice bytes, struct slice *ret_text);
// White space (space, tab, CR, LF) anywhere is skipped when `wrapped`, as XML and forms carry it.
// False: not base64.
MUST_USE bool decode_base64(struct op *op, struct slice text, bool wrapped,
                            struct slice *ret_bytes);
// URL alphabet without padding (RFC 7515).
MUST_USE reason encode_base64url(struct op *op, struct slice bytes, struct slice *ret_text);
MUST_USE bool decode_base64url(struct op *op, struct slice text, struct slice *ret_bytes);
MUST_USE reason encode_hex(struct op *op, struct slice bytes, struct slice *ret_text); // lower case
MUST_USE bool decode_hex(struct op *op, struct slice text, struct slice *ret_bytes);
// application/x-www-form-urlencoded component; unreserved stay, space becomes %20.
MUST_USE reason encode_url(struct op *op, struct slice text, struct slice *ret_text);
// `plus` true: + is a space (forms). False: a % without two hex digits.
MUST_USE bool decode_url(struct op *op, struct slice text, bool plus, struct slice *ret_bytes);
// & < > " ' as references: for HTML, and for XML attribute values and text that we write.
MUST_USE reason encode_html(struct op *op, struct slice text, struct slice *ret_text);

#endif
