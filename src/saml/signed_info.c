// SPDX-License-Identifier: GPL-3.0-or-later
// Reads SignedInfo. It is text that an attacker may have written, so whatever is not on a list here is
// refused, whether or not it would do harm. It checks no signature.
#include "saml/signed_info.h"

#include "base/encode.h"
#include "saml/reader.h"

#define C14N_INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define C14N_EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define ENVELOPED NS_DS "enveloped-signature"
#define DSIG_MORE "http://www.w3.org/2001/04/xmldsig-more#"

static const struct signature_method methods[] = {
    {DSIG_MORE "rsa-sha256", KEY_RSA, DIGEST_SHA256},
    {DSIG_MORE "rsa-sha384", KEY_RSA, DIGEST_SHA384},
    {DSIG_MORE "rsa-sha512", KEY_RSA, DIGEST_SHA512},
    {DSIG_MORE "ecdsa-sha256", KEY_EC, DIGEST_SHA256},
    {DSIG_MORE "ecdsa-sha384", KEY_EC, DIGEST_SHA384},
    {DSIG_MORE "ecdsa-sha512", KEY_EC, DIGEST_SHA512},
    {NS_DS "rsa-sha1", KEY_RSA, DIGEST_SHA1},
};

static const struct {
    const char *uri;
    enum digest_kind kind;
    size_t bytes;
} digests[] = {
    {"http://www.w3.org/2001/04/xmlenc#sha256", DIGEST_SHA256, 32},
    {DSIG_MORE "sha384", DIGEST_SHA384, 48},
    {"http://www.w3.org/2001/04/xmlenc#sha512", DIGEST_SHA512, 64},
    {NS_DS "sha1", DIGEST_SHA1, 20},
};

const struct signature_method *signature_method_find(struct slice uri) {
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (slice_equal(uri, slice_str(methods[i].uri))) {
            return &methods[i];
        }
    }
    return NULL;
}

// The next child of the element at `depth` must be ds:`local`.
static reason expect(struct op *op, struct reader *reader, size_t depth, const char *local,
                     reason otherwise) {
    if (!reader_child(reader, depth)) {
        return reader->fault != NULL
                   ? reader_refuse(op, reader)
                   : op_refuse(op, otherwise, "%s is missing in the signature", local);
    }
    if (!reader_at(reader, NS_DS, local)) {
        return op_refuse(op, otherwise, "%.*s stands in the signature where %s is expected",
                         SLICE(reader->local), local);
    }
    return NULL;
}

// No further child of the element at `depth`, whose end is read.
static reason expect_end(struct op *op, struct reader *reader, size_t depth, const char *local,
                         reason otherwise) {
    if (reader_child(reader, depth)) {
        return op_refuse(op, otherwise, "%.*s stands in the signature's %s, where nothing more may be",
                         SLICE(reader->local), local);
    }
    return reader->fault != NULL ? reader_refuse(op, reader) : NULL;
}

static reason algorithm_of(struct op *op, const struct reader *reader, struct slice *ret_uri) {
    TRY(reader_attribute(op, reader, "Algorithm", ret_uri));
    if (ret_uri->at == NULL) {
        *ret_uri = S("");
    }
    return NULL;
}

static bool is_c14n(struct slice uri) {
    return slice_equal(uri, S(C14N_EXCLUSIVE)) || slice_equal(uri, S(C14N_INCLUSIVE));
}

// A CanonicalizationMethod or Transform whose start was read; exclusive c14n may name inclusive prefixes.
static reason read_c14n(struct op *op, struct reader *reader, struct slice uri, const char *local) {
    size_t depth = reader->depth;
    if (slice_equal(uri, S(C14N_EXCLUSIVE)) && reader_child(reader, depth)) {
        if (!reader_at(reader, NS_EC, "InclusiveNamespaces")) {
            REFUSE(op, SIGNATURE_TRANSFORM, "%.*s stands in the signature's %s", SLICE(reader->local),
                   local);
        }
        TRY(expect_end(op, reader, reader->depth, "InclusiveNamespaces",
                       REASON_OF(SIGNATURE_TRANSFORM)));
    } else if (slice_equal(uri, S(C14N_EXCLUSIVE))) { // its end was read
        return reader->fault != NULL ? reader_refuse(op, reader) : NULL;
    }
    return expect_end(op, reader, depth, local, REASON_OF(SIGNATURE_TRANSFORM));
}

static reason read_methods(struct op *op, struct reader *reader, bool allow_sha1,
                           struct finding *finding, struct signed_info *info) {
    const size_t depth = 1; // children of the root
    struct slice uri;
    TRY(expect(op, reader, depth, "CanonicalizationMethod", REASON_OF(SIGNATURE_TRANSFORM)));
    TRY(algorithm_of(op, reader, &uri));
    finding->got = uri;
    if (!is_c14n(uri)) {
        REFUSE(op, SIGNATURE_TRANSFORM, "canonicalisation method \"%.*s\"; expected exclusive or inclusive "
               "c14n 1.0 without comments", SLICE(uri));
    }
    TRY(read_c14n(op, reader, uri, "CanonicalizationMethod"));
    TRY(expect(op, reader, depth, "SignatureMethod", REASON_OF(SIGNATURE_ALGORITHM)));
    TRY(algorithm_of(op, reader, &uri));
    finding->got = uri;
    info->method = signature_method_find(uri);
    if (info->method == NULL || (info->method->digest == DIGEST_SHA1 && !allow_sha1)) {
        REFUSE(op, SIGNATURE_ALGORITHM, "signature algorithm \"%.*s\"; expected RSA or ECDSA with SHA-256, "
               "SHA-384 or SHA-512", SLICE(uri));
    }
    return expect_end(op, reader, reader->depth, "SignatureMethod", REASON_OF(SIGNATURE_ALGORITHM));
}

static reason read_transforms(struct op *op, struct reader *reader, size_t depth,
                              struct finding *finding) {
    TRY(expect(op, reader, depth, "Transforms", REASON_OF(SIGNATURE_TRANSFORM)));
    size_t inner = reader->depth;
    size_t count = 0;
    while (reader_child(reader, inner)) {
        struct slice uri;
        TRY(algorithm_of(op, reader, &uri));
        finding->got = uri;
        bool allowed = reader_at(reader, NS_DS, "Transform") &&
                       ((count == 0 && slice_equal(uri, S(ENVELOPED))) || (count == 1 && is_c14n(uri)));
        if (!allowed) {
            REFUSE(op, SIGNATURE_TRANSFORM, "transform number %zu is \"%.*s\"; expected "
                   "enveloped-signature, then at most one exclusive or inclusive c14n 1.0 without comments",
                   count + 1, SLICE(uri));
        }
        TRY(read_c14n(op, reader, uri, "Transform"));
        count++;
    }
    if (reader->fault != NULL) {
        return reader_refuse(op, reader);
    }
    if (count == 0) {
        finding->got = S("");
        REFUSE(op, SIGNATURE_TRANSFORM, "no transform; expected enveloped-signature");
    }
    return NULL;
}

static reason read_digest(struct op *op, struct reader *reader, size_t depth, bool allow_sha1,
                          struct finding *finding, struct signed_info *info) {
    struct slice uri, text;
    TRY(expect(op, reader, depth, "DigestMethod", REASON_OF(SIGNATURE_ALGORITHM)));
    TRY(algorithm_of(op, reader, &uri));
    finding->got = uri;
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        if (slice_equal(uri, slice_str(digests[i].uri)) &&
            (digests[i].kind != DIGEST_SHA1 || allow_sha1)) {
            info->digest = digests[i].kind;
            bytes = digests[i].bytes;
        }
    }
    if (bytes == 0) {
        REFUSE(op, SIGNATURE_ALGORITHM, "digest algorithm \"%.*s\"; expected SHA-256, SHA-384 or SHA-512",
               SLICE(uri));
    }
    TRY(expect_end(op, reader, reader->depth, "DigestMethod", REASON_OF(SIGNATURE_ALGORITHM)));
    TRY(expect(op, reader, depth, "DigestValue", REASON_OF(SIGNATURE_DIGEST)));
    TRY(reader_content(op, reader, &text));
    if (!decode_base64(op, text, true, &info->digest_value) || info->digest_value.len != bytes) {
        REFUSE(op, SIGNATURE_DIGEST, "the DigestValue is not base64 of %zu bytes", bytes);
    }
    return NULL;
}

static reason read_reference(struct op *op, struct reader *reader, bool allow_sha1,
                             struct finding *finding, struct signed_info *info) {
    const size_t depth = 1; // children of the root
    struct slice uri;
    TRY(expect(op, reader, depth, "Reference", REASON_OF(SIGNATURE_REFERENCE)));
    TRY(reader_attribute(op, reader, "URI", &uri));
    finding->got = uri;
    if (uri.at == NULL) {
        REFUSE(op, SIGNATURE_REFERENCE, "the Reference has no URI; expected # and the ID of what is signed");
    }
    // An xpointer is "#xpointer(...)": no ID holds a parenthesis.
    if (uri.len < 2 || uri.at[0] != '#' || memchr(uri.at, '(', uri.len) != NULL) {
        REFUSE(op, SIGNATURE_REFERENCE, "the Reference's URI is \"%.*s\"; expected # and the ID of what is "
               "signed", SLICE(uri));
    }
    info->id = slice_sub(uri, 1, uri.len);
    size_t inner = reader->depth;
    TRY(read_transforms(op, reader, inner, finding));
    TRY(read_digest(op, reader, inner, allow_sha1, finding, info));
    finding->got = uri;
    return expect_end(op, reader, inner, "Reference", REASON_OF(SIGNATURE_REFERENCE));
}

reason signed_info_read(struct op *op, struct slice octets, bool allow_sha1,
                        struct finding *finding, struct signed_info *ret_info) {
    struct reader reader UNCLEARED;
    reader_open(&reader, octets);
    struct signed_info info = {.method = NULL};
    if (reader_next(&reader) != READER_START) {
        return reader_refuse(op, &reader);
    }
    if (!reader_at(&reader, NS_DS, "SignedInfo")) {
        REFUSE(op, SIGNATURE_REFERENCE, "%.*s stands where SignedInfo is expected", SLICE(reader.local));
    }
    TRY(read_methods(op, &reader, allow_sha1, finding, &info));
    TRY(read_reference(op, &reader, allow_sha1, finding, &info));
    TRY(expect_end(op, &reader, 1, "SignedInfo", REASON_OF(SIGNATURE_REFERENCE)));
    if (reader_next(&reader) != READER_DONE) {
        return reader_refuse(op, &reader);
    }
    *ret_info = info;
    return NULL;
}
