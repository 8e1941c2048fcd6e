// SPDX-License-Identifier: GPL-3.0-or-later
// The gate's own keys as files: made once, opened at each start. A key file is written whole and
// durably under its name or not at all, and one that is there already is never touched. A file that
// is not quite what it should be stops the start with a sentence: a gate with half a key would fail
// at the first login instead.
#include "saml/sp_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/rand.h"
#include "saml/verdict.h"

AUTO_FREE(EVP_PKEY, EVP_PKEY_free);
AUTO_FREE(EVP_MD_CTX, EVP_MD_CTX_free);
AUTO_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
AUTO_FREE(X509, X509_free);
AUTO_FREE(BIO, BIO_free_all);
AUTO_FREE(BIGNUM, BN_free);

#define KEY_BITS 3072         // 128 bits of strength: outlives the ten years of the certificate
#define CERTIFICATE_DAYS 3652 // IdPs warn about short ones, and nobody checks ours against a clock
#define SERIAL_BYTES 16
#define KEY_FILE_MAX (16U << 10) // a 16384-bit key is 13 KB of PEM
#define PATH_LENGTH_MAX 4000

// One key and its certificate, as files and as they are called.
struct pair {
    const char *key_name, *certificate_name, *common_name;
    const char *usage; // X.509 key usage
};

// The first of each kind has no number in its name.
static reason pair_of(struct op *op, enum sp_key_kind kind, uint32_t number, struct pair *ret_pair) {
    const char *name = sp_key_kind_names[kind];
    struct slice stem = number == 1 ? op_text(op, "saml-%s", name)
                                    : op_text(op, "saml-%s-%u", name, number);
    TRY(op_cstr(op, op_text(op, "%.*s.key", SLICE(stem)), &ret_pair->key_name));
    TRY(op_cstr(op, op_text(op, "%.*s.crt", SLICE(stem)), &ret_pair->certificate_name));
    bool signs = kind == SP_SIGNING;
    ret_pair->common_name = signs ? "Gatehouse SAML signing" : "Gatehouse SAML encryption";
    ret_pair->usage = signs ? "critical,digitalSignature" : "critical,keyEncipherment";
    return NULL;
}

static reason path_of(struct op *op, const char *dir, const char *name, const char **ret_path) {
    struct slice path = op_text(op, "%s/%s", dir, name);
    if (path.len == 0 || path.len > PATH_LENGTH_MAX) {
        REFUSE(op, KEY_FILE, "%s in the data directory: the path is too long", name);
    }
    return op_cstr(op, path, ret_path);
}

// ---- writing ----------------------------------------------------------------------------------

static bool write_all(int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.len);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        bytes = slice_sub(bytes, (size_t)wrote, bytes.len);
    }
    return true;
}

static bool write_file(const char *path, struct slice bytes) {
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 && write_all(fd, bytes) && fsync(fd) == 0;
}

static bool sync_dir(const char *dir) {
    AUTO_FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

reason sp_dir_sync(struct op *op, const char *dir) {
    if (!sync_dir(dir)) {
        REFUSE(op, KEY_FILE, "%s cannot be synced: %s", dir, strerror(errno));
    }
    return NULL;
}

// Under another name first: a crash in between leaves no half file under the real one. link(2),
// unlike rename(2), never replaces what is there.
static reason write_new(struct op *op, const char *dir, const char *path, struct slice bytes) {
    const char *draft;
    TRY(op_cstr(op, op_text(op, "%s.new", path), &draft));
    (void)unlink(draft);
    bool done = write_file(draft, bytes) && link(draft, path) == 0;
    int error = errno;
    (void)unlink(draft);
    if (!done || !sync_dir(dir)) {
        error = done ? errno : error;
        REFUSE(op, KEY_FILE,
               "%s cannot be written: %s. The directory must exist, belong to the gate's "
               "user and have room",
               path, strerror(error));
    }
    return NULL;
}

static bool bio_slice(BIO *bio, struct slice *ret_bytes) {
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);
    *ret_bytes = slice_of(at, len > 0 ? (size_t)len : 0);
    return len > 0;
}

static reason write_key(struct op *op, const char *dir, const char *path, EVP_PKEY *key) {
    AUTO(BIO) bio = BIO_new(BIO_s_secmem());
    struct slice pem = SLICE_NONE;
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        !bio_slice(bio, &pem)) {
        REFUSE(op, KEY_FILE, "%s: OpenSSL cannot write the new key", path);
    }
    return write_new(op, dir, path, pem);
}

// ---- making -----------------------------------------------------------------------------------

static bool set_serial(X509 *x509) {
    unsigned char bytes[SERIAL_BYTES];
    rand_bytes(bytes, sizeof bytes);
    bytes[0] = (bytes[0] & 0x7F) | 0x40; // positive, and never short
    AUTO(BIGNUM) number = BN_bin2bn(bytes, sizeof bytes, NULL);
    return number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
}

static bool add_extension(X509 *x509, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool fill_certificate(X509 *x509, EVP_PKEY *key, const struct pair *pair, int64_t now) {
    time_t from = (time_t)(now / SECOND_MS) - 300; // clocks of IdPs run behind
    X509_NAME *name = X509_get_subject_name(x509);
    return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
           X509_time_adj_ex(X509_getm_notBefore(x509), 0, 0, &from) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x509), CERTIFICATE_DAYS, 0, &from) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)pair->common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, key) == 1 &&
           add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x509, NID_key_usage, pair->usage) &&
           X509_sign(x509, key, EVP_sha256()) > 0;
}

static reason make_certificate(struct op *op, const char *dir, const char *path, EVP_PKEY *key,
                               const struct pair *pair) {
    AUTO(X509) x509 = X509_new();
    AUTO(BIO) bio = BIO_new(BIO_s_mem());
    struct slice pem = SLICE_NONE;
    if (x509 == NULL || bio == NULL || !fill_certificate(x509, key, pair, op->now) ||
        PEM_write_bio_X509(bio, x509) != 1 || !bio_slice(bio, &pem)) {
        REFUSE(op, KEY_FILE, "%s: OpenSSL cannot make the certificate", path);
    }
    return write_new(op, dir, path, pem);
}

// ---- reading ----------------------------------------------------------------------------------

static reason check_mode(struct op *op, const char *path, const struct stat *info, bool secret) {
    if (!S_ISREG(info->st_mode)) {
        REFUSE(op, KEY_FILE, "%s is not a regular file. Put the file itself there", path);
    }
    if (secret && (info->st_mode & 077) != 0) {
        REFUSE(op, KEY_FILE,
               "%s has mode %03o, so others than its owner can reach this private key. Run: "
               "chmod 600 %s, and make new keys if somebody may have read it",
               path, (unsigned)(info->st_mode & 0777), path);
    }
    if (!secret && (info->st_mode & 022) != 0) {
        REFUSE(op, KEY_FILE,
               "%s has mode %03o, so others than its owner can change it. Run: chmod 644 %s", path,
               (unsigned)(info->st_mode & 0777), path);
    }
    if (info->st_size == 0) {
        REFUSE(op, KEY_FILE,
               "%s is empty. Restore it from a backup; if there is none, remove this pair "
               "of .key and .crt and run gatehouse init, then give the new metadata to every IdP",
               path);
    }
    if (info->st_size > (off_t)KEY_FILE_MAX) {
        REFUSE(op, KEY_FILE,
               "%s has %lld bytes; a key or certificate in PEM has at most %u. Is it another "
               "file?",
               path, (long long)info->st_size, KEY_FILE_MAX);
    }
    return NULL;
}

// The file in memory of the arena; *ret_there false when there is none.
static reason read_file(struct op *op, const char *path, bool secret, struct slice *ret_bytes,
                        bool *ret_there) {
    // Without O_NONBLOCK a FIFO would hold the start up until somebody writes to it.
    AUTO_FD fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    if (fd < 0 && errno == ENOENT) {
        *ret_there = false;
        return NULL;
    }
    if (fd < 0 || fstat(fd, &info) != 0) {
        REFUSE(op, KEY_FILE, "%s cannot be opened: %s. It must belong to the gate's user", path,
               strerror(errno));
    }
    TRY(check_mode(op, path, &info, secret));
    size_t size = (size_t)info.st_size;
    char *at = NULL;
    TRY(op_take(op, size, &at));
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, at + len, size - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            REFUSE(op, KEY_FILE, "%s cannot be read to its end: %s", path,
                   got < 0 ? strerror(errno) : "it became shorter meanwhile");
        }
        len += (size_t)got;
    }
    *ret_bytes = slice_of(at, len);
    *ret_there = true;
    return NULL;
}

// Never asks on a terminal.
static int no_passphrase(char *to, int size, int writing, void *context) {
    (void)to, (void)size, (void)writing, (void)context;
    return -1;
}

static reason refuse_pem(struct op *op, const char *path, struct slice text, const char *expected) {
    const char *undo =
        "Restore it from a backup; if there is none, remove this pair of .key and .crt and "
        "run gatehouse init, then give the new metadata to every IdP";
    if (slice_find(text, S("-----BEGIN ")) == SIZE_MAX) {
        REFUSE(op, KEY_FILE, "%s is not PEM: no BEGIN line is in it, where %s is expected. %s",
               path, expected, undo);
    }
    if (slice_find(text, S("-----END ")) == SIZE_MAX) {
        REFUSE(op, KEY_FILE, "%s is cut off: it has a BEGIN line and no END line. %s", path, undo);
    }
    if (slice_find(text, S("ENCRYPTED")) != SIZE_MAX) {
        REFUSE(op, KEY_FILE,
               "%s is protected by a passphrase, which the gate cannot ask for. Run: openssl "
               "pkey -in %s -out plain.key, and put plain.key in its place with mode 600",
               path, path);
    }
    REFUSE(op, KEY_FILE, "%s does not hold %s that can be read. %s", path, expected, undo);
}

static reason parse_key(struct op *op, const char *path, struct slice text, EVP_PKEY **ret_key) {
    AUTO(BIO) bio = BIO_new_mem_buf(text.at, (int)text.len);
    AUTO(EVP_PKEY)
    key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    ERR_clear_error();
    if (key == NULL) {
        return refuse_pem(op, path, text, "a private key");
    }
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
        const char *type = EVP_PKEY_get0_type_name(key);
        REFUSE(
            op, KEY_FILE,
            "%s holds a key of type %s with %d bits; RSA with at least %d bits is needed, "
            "since that is what every IdP can check. Make one with: openssl genpkey -algorithm RSA "
            "-pkeyopt rsa_keygen_bits:3072",
            path, type != NULL ? type : "unknown", EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    }
    *ret_key = key;
    key = NULL;
    return NULL;
}

// All numbers of a private key fit each other. It takes 0.1 s once; a damaged one would sign well
// most of the time, since OpenSSL goes around a wrong number, until it meets somebody who decrypts
// for it.
static bool key_is_whole(EVP_PKEY *key) {
    AUTO(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool whole = context != NULL && EVP_PKEY_pairwise_check(context) == 1;
    ERR_clear_error();
    return whole;
}

static reason parse_certificate(struct op *op, const char *path, const char *key_path,
                                struct slice text, EVP_PKEY *key, struct slice *ret_base64) {
    AUTO(BIO) bio = BIO_new_mem_buf(text.at, (int)text.len);
    AUTO(X509) x509 = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
    EVP_PKEY *public = x509 != NULL ? X509_get0_pubkey(x509) : NULL;
    ERR_clear_error();
    if (public == NULL) {
        return refuse_pem(op, path, text, "a certificate");
    }
    if (EVP_PKEY_eq(key, public) != 1) {
        REFUSE(op, KEY_FILE,
               "%s is the certificate of another key than %s. Restore the two from one "
               "backup, or remove the certificate and run gatehouse init, which makes a new one "
               "for the key",
               path, key_path);
    }
    if (!key_is_whole(key)) {
        REFUSE(op, KEY_FILE,
               "%s is damaged: the numbers in it do not fit each other. Restore it from a backup",
               key_path);
    }
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    if (len <= 0) {
        REFUSE(op, KEY_FILE, "%s cannot be written as DER", path);
    }
    reason why = encode_base64(op, slice_of(der, (size_t)len), ret_base64);
    OPENSSL_free(der);
    return why;
}

// The key's bytes leave memory as soon as OpenSSL has them.
static reason open_key(struct op *op, const char *path, EVP_PKEY **ret_key, bool *ret_there) {
    struct slice text = SLICE_NONE;
    TRY(read_file(op, path, true, &text, ret_there));
    if (!*ret_there) {
        return NULL;
    }
    reason why = parse_key(op, path, text, ret_key);
    explicit_bzero((char *)(uintptr_t)text.at, text.len);
    return why;
}

static reason open_pair(struct op *op, const char *dir, const struct pair *pair,
                        struct slice *ret_certificate, EVP_PKEY **ret_key) {
    const char *key_path;
    const char *certificate_path;
    TRY(path_of(op, dir, pair->key_name, &key_path));
    TRY(path_of(op, dir, pair->certificate_name, &certificate_path));
    AUTO(EVP_PKEY) key = NULL;
    bool there = false;
    TRY(open_key(op, key_path, &key, &there));
    if (!there) {
        REFUSE(op, KEY_FILE,
               "%s is missing. Restore it from a backup; in a new data directory run "
               "gatehouse init, which makes it",
               key_path);
    }
    struct slice text = SLICE_NONE;
    TRY(read_file(op, certificate_path, false, &text, &there));
    if (!there) {
        REFUSE(op, KEY_FILE,
               "%s is missing. Restore it from a backup, or run gatehouse init, which makes a "
               "new certificate for the key",
               certificate_path);
    }
    TRY(parse_certificate(op, certificate_path, key_path, text, key, ret_certificate));
    *ret_key = key;
    key = NULL;
    return NULL;
}

// ---- the door ---------------------------------------------------------------------------------

static reason make_pair(struct op *op, const char *dir, const struct pair *pair) {
    const char *key_path;
    const char *certificate_path;
    TRY(path_of(op, dir, pair->key_name, &key_path));
    TRY(path_of(op, dir, pair->certificate_name, &certificate_path));
    AUTO(EVP_PKEY) key = NULL;
    bool has_key = false;
    bool has_certificate = access(certificate_path, F_OK) == 0;
    TRY(open_key(op, key_path, &key, &has_key));
    if (!has_key && has_certificate) {
        REFUSE(op, KEY_FILE,
               "%s is missing, but its certificate %s is there. Restore the key from a "
               "backup; if it is lost, remove the certificate and run gatehouse init again",
               key_path, certificate_path);
    }
    if (!has_key) {
        key = EVP_RSA_gen(KEY_BITS);
        if (key == NULL) {
            REFUSE(op, KEY_FILE, "%s: OpenSSL cannot make a key", key_path);
        }
        TRY(write_key(op, dir, key_path, key));
    }
    return has_certificate ? NULL : make_certificate(op, dir, certificate_path, key, pair);
}

reason sp_pair_make(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number) {
    struct pair pair;
    TRY(pair_of(op, kind, number, &pair));
    return make_pair(op, dir, &pair);
}

reason sp_pair_open(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number,
                    struct slice *ret_certificate, EVP_PKEY **ret_key) {
    struct pair pair;
    TRY(pair_of(op, kind, number, &pair));
    return open_pair(op, dir, &pair, ret_certificate, ret_key);
}

reason sp_pair_there(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number,
                     bool *ret_there) {
    struct pair pair;
    const char *path;
    TRY(pair_of(op, kind, number, &pair));
    TRY(path_of(op, dir, pair.key_name, &path));
    *ret_there = access(path, F_OK) == 0;
    return NULL;
}

reason sp_pair_remove(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number) {
    struct pair pair;
    const char *key_path;
    const char *certificate_path;
    TRY(pair_of(op, kind, number, &pair));
    TRY(path_of(op, dir, pair.key_name, &key_path));
    TRY(path_of(op, dir, pair.certificate_name, &certificate_path));
    if ((unlink(key_path) != 0 && errno != ENOENT) ||
        (unlink(certificate_path) != 0 && errno != ENOENT) || !sync_dir(dir)) {
        REFUSE(op, KEY_FILE, "%s cannot be removed: %s", key_path, strerror(errno));
    }
    return NULL;
}

reason sp_file_read(struct op *op, const char *dir, const char *name, struct slice *ret_text,
                    bool *ret_there) {
    const char *path;
    TRY(path_of(op, dir, name, &path));
    return read_file(op, path, false, ret_text, ret_there);
}

reason sp_file_replace(struct op *op, const char *dir, const char *name, struct slice text) {
    const char *path;
    const char *draft;
    TRY(path_of(op, dir, name, &path));
    TRY(op_cstr(op, op_text(op, "%s.new", path), &draft));
    (void)unlink(draft);
    if (!write_file(draft, text) || rename(draft, path) != 0 || !sync_dir(dir)) {
        int error = errno;
        (void)unlink(draft);
        REFUSE(op, KEY_FILE, "%s cannot be written: %s", path, strerror(error));
    }
    return NULL;
}

// ---- all of them ------------------------------------------------------------------------------

void sp_keys_publish(struct sp_keys *keys, enum sp_key_kind kind, struct slice certificate) {
    keys->published[kind].at = keys->published_room[kind];
    keys->published_room[kind][keys->published[kind].count++] = certificate;
}

void sp_keys_take(struct sp_keys *keys, enum sp_key_kind kind, const struct sp_key_row *row,
                  struct slice certificate, EVP_PKEY *key) {
    bool current = row->state == SP_KEY_CURRENT;
    if (row->state != SP_KEY_RETIRED) {
        sp_keys_publish(keys, kind, certificate);
    }
    if (kind == SP_ENCRYPTION) {
        keys->decryption[keys->decryption_count++] = key;
        if (current) {
            keys->encryption = key;
            keys->encryption_certificate = certificate;
        }
    } else if (current) {
        keys->signing = key;
        keys->signing_certificate = certificate;
    } else {
        EVP_PKEY_free(key); // what does not sign is published, and nothing else
    }
}

static reason open_kind(struct op *op, const char *dir, enum sp_key_kind kind, struct sp_keys *keys) {
    struct sp_key_set set;
    TRY(sp_keys_list(op, dir, kind, &set)); // the current one first
    for (size_t i = 0; i < set.count; i++) {
        struct slice certificate;
        EVP_PKEY *key = NULL;
        TRY(sp_pair_open(op, dir, kind, set.rows[i].number, &certificate, &key));
        sp_keys_take(keys, kind, &set.rows[i], certificate, key);
    }
    return NULL;
}

reason sp_keys_open(struct op *op, const char *dir, struct sp_keys **ret_keys) {
    struct sp_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the keys");
    }
    op_open(&keys->op, op->now);
    reason why = open_kind(&keys->op, dir, SP_SIGNING, keys);
    if (why == NULL) {
        why = open_kind(&keys->op, dir, SP_ENCRYPTION, keys);
    }
    if (why != NULL) {
        why = op_refuse(op, why, "%.*s", SLICE(keys->op.detail)); // its arena goes now
        sp_keys_close(keys);
        return why;
    }
    *ret_keys = keys;
    return NULL;
}

reason sp_keys_open_decryption(struct op *op, const char *name, struct slice pem,
                               struct sp_keys **ret_keys) {
    AUTO(EVP_PKEY) key = NULL;
    if (parse_key(op, name, pem, &key) != NULL) {
        REFUSE(
            op, KEY_FILE,
            "%s does not hold an RSA private key of at least %d bits in PEM, without a passphrase",
            name, RSA_BITS_MIN);
    }
    struct sp_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the key");
    }
    op_open(&keys->op, op->now);
    keys->encryption = key;
    keys->decryption[keys->decryption_count++] = key;
    key = NULL;
    *ret_keys = keys;
    return NULL;
}

void sp_keys_close(struct sp_keys *keys) {
    if (keys != NULL) {
        EVP_PKEY_free(keys->signing);
        for (size_t i = 0; i < keys->decryption_count; i++) {
            EVP_PKEY_free(keys->decryption[i]);
        }
        op_close(&keys->op);
        free(keys);
    }
}

struct slice sp_signing_certificate(const struct sp_keys *keys) {
    return keys->signing_certificate;
}

struct slice sp_encryption_certificate(const struct sp_keys *keys) {
    return keys->encryption_certificate;
}

struct texts sp_published_certificates(const struct sp_keys *keys, enum sp_key_kind kind) {
    return keys->published[kind];
}

reason sp_sign(struct op *op, const struct sp_keys *keys, struct slice octets,
               struct slice *ret_signature) {
    AUTO(EVP_MD_CTX) context = EVP_MD_CTX_new();
    size_t len = (size_t)EVP_PKEY_get_size(keys->signing);
    unsigned char *at = NULL;
    TRY(op_take(op, len, &at));
    // PKCS #1 v1.5 is OpenSSL's default for RSA, as rsa-sha256 wants it.
    if (context == NULL ||
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, keys->signing) != 1 ||
        EVP_DigestSign(context, at, &len, (const unsigned char *)octets.at, octets.len) != 1) {
        ERR_clear_error();
        REFUSE(op, INTERNAL, "OpenSSL cannot sign with the SAML signing key");
    }
    *ret_signature = slice_of(at, len);
    return NULL;
}
