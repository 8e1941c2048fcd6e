// SPDX-License-Identifier: GPL-3.0-or-later
// The P-256 keys that sign access tokens: files token-N.key in the key directory. The highest N signs, all verify,
// so that a key is rolled over by adding a file and removed when its last token has expired.
#include "token/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"

#define KEY_FILE_MAX 4096
#define COORDINATE 32 // bytes of P-256

AUTO_FREE(EVP_PKEY, EVP_PKEY_free);
AUTO_FREE(BIO, BIO_free_all);
AUTO_FREE(BIGNUM, BN_clear_free);
AUTO_FREE(DIR, closedir);

static reason write_key(struct op *op, const char *path) {
    AUTO(EVP_PKEY) key = EVP_EC_gen("P-256");
    AUTO(BIO) memory = BIO_new(BIO_s_secmem());
    char *pem = NULL;
    if (key == NULL || memory == NULL ||
        PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) != 1) {
        REFUSE(op, KEY_FILE, "OpenSSL could not make a P-256 key for %s", path);
    }
    long len = BIO_get_mem_data(memory, &pem);
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno == EEXIST) {
            return NULL; // somebody else made it just now
        }
        REFUSE(op, KEY_FILE, "cannot make %s: %s", path, strerror(errno));
    }
    if (write(fd, pem, (size_t)len) != len || fsync(fd) != 0) {
        int why = errno;
        (void)unlink(path);
        REFUSE(op, KEY_FILE, "cannot write %s: %s", path, strerror(why));
    }
    return NULL;
}

// N of "token-N.key"; 0: it is no such name.
static unsigned key_number(const char *name) {
    struct slice text = slice_str(name);
    uint64_t number = 0;
    if (!slice_starts(text, S("token-")) || !slice_ends(text, S(".key")) || text.len < 11 ||
        !text_u64(slice_sub(text, 6, text.len - 4), 1000000, &number)) {
        return 0;
    }
    return (unsigned)number;
}

static reason list_keys(struct op *op, const char *dir, unsigned numbers[KEYRING_MAX],
                        size_t *ret_count) {
    AUTO(DIR) handle = opendir(dir);
    if (handle == NULL) {
        REFUSE(op, KEY_FILE, "cannot read the key directory %s: %s; `gatehouse init` makes it", dir,
               strerror(errno));
    }
    size_t count = 0;
    for (const struct dirent *entry = readdir(handle); entry != NULL; entry = readdir(handle)) {
        unsigned number = key_number(entry->d_name);
        if (number == 0) {
            continue;
        }
        if (count == KEYRING_MAX) {
            REFUSE(op, KEY_FILE, "%s holds more than %d token keys; remove the oldest", dir,
                   KEYRING_MAX);
        }
        size_t at = count++;
        for (; at > 0 && numbers[at - 1] < number; at--) {
            numbers[at] = numbers[at - 1];
        }
        numbers[at] = number;
    }
    *ret_count = count;
    return NULL;
}

reason keyring_make(struct op *op, const char *dir) {
    unsigned numbers[KEYRING_MAX];
    size_t count = 0;
    TRY(list_keys(op, dir, numbers, &count));
    if (count > 0) {
        return NULL;
    }
    const char *path = NULL;
    TRY(op_cstr(op, op_text(op, "%s/token-1.key", dir), &path));
    return write_key(op, path);
}

static reason read_file(struct op *op, const char *path, char bytes[KEY_FILE_MAX], size_t *ret_len) {
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        REFUSE(op, KEY_FILE, "cannot read the key file %s: %s", path, strerror(errno));
    }
    if ((about.st_mode & 077) != 0) {
        REFUSE(op, KEY_FILE, "the key file %s may be read by others (mode %03o): chmod 600 %s",
               path, about.st_mode & 0777, path);
    }
    ssize_t len = read(fd, bytes, KEY_FILE_MAX);
    if (len <= 0 || len == KEY_FILE_MAX) {
        REFUSE(op, KEY_FILE, "the key file %s is empty or too long; restore it from a backup", path);
    }
    *ret_len = (size_t)len;
    return NULL;
}

static bool coordinate(const EVP_PKEY *key, const char *name, uint8_t bytes[COORDINATE]) {
    BIGNUM *number = NULL;
    bool done = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                BN_bn2binpad(number, bytes, COORDINATE) == COORDINATE;
    BN_clear_free(number);
    return done;
}

// RFC 7638: SHA-256 of the required members in order, without white space.
static reason thumbprint(struct op *op, const uint8_t x[COORDINATE], const uint8_t y[COORDINATE],
                         char kid[KID_TEXT + 1]) {
    struct slice x_text;
    struct slice y_text;
    struct slice text;
    TRY(encode_base64url(op, slice_of(x, COORDINATE), &x_text));
    TRY(encode_base64url(op, slice_of(y, COORDINATE), &y_text));
    struct sha256 digest =
        digest_sha256(op_text(op, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
                              SLICE(x_text), SLICE(y_text)));
    TRY(encode_base64url(op, digest_slice(&digest), &text));
    memcpy(kid, text.at, KID_TEXT);
    kid[KID_TEXT] = '\0';
    return NULL;
}

static reason make_jwk(struct op *op, const char *path, const EVP_PKEY *pkey,
                       struct token_key *key) {
    uint8_t x[COORDINATE];
    uint8_t y[COORDINATE];
    uint8_t d[COORDINATE];
    char group[32] = "";
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                       NULL) != 1 ||
        strcmp(group, "prime256v1") != 0 || !coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x) ||
        !coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y) ||
        !coordinate(pkey, OSSL_PKEY_PARAM_PRIV_KEY, d)) {
        REFUSE(op, KEY_FILE, "the key in %s is not a P-256 private key", path);
    }
    TRY(thumbprint(op, x, y, key->kid));
    cjose_jwk_ec_keyspec spec = {.crv = CJOSE_JWK_EC_P_256, .d = d, .dlen = sizeof d,
                             .x = x, .xlen = sizeof x, .y = y, .ylen = sizeof y};
    cjose_err error;
    key->jwk = cjose_jwk_create_EC_spec(&spec, &error);
    explicit_bzero(d, sizeof d);
    if (key->jwk == NULL || !cjose_jwk_set_kid(key->jwk, key->kid, KID_TEXT, &error)) {
        REFUSE(op, KEY_FILE, "the key in %s cannot be used: %s", path, error.message);
    }
    return NULL;
}

static reason load(struct op *op, const char *dir, struct token_key *key) {
    char bytes[KEY_FILE_MAX];
    size_t len = 0;
    const char *path = NULL;
    TRY(op_cstr(op, op_text(op, "%s/token-%u.key", dir, key->number), &path));
    TRY(read_file(op, path, bytes, &len));
    AUTO(BIO) memory = BIO_new_mem_buf(bytes, (int)len);
    AUTO(EVP_PKEY) pkey =
        memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL) : NULL;
    explicit_bzero(bytes, sizeof bytes);
    if (pkey == NULL) {
        REFUSE(op, KEY_FILE, "%s holds no private key in PEM form; restore it from a backup, or "
               "remove it and run `gatehouse init` for a new one (which ends all access tokens)",
               path);
    }
    return make_jwk(op, path, pkey, key);
}

reason keyring_open(struct op *op, const char *dir, struct keyring **ret_keyring) {
    unsigned numbers[KEYRING_MAX];
    size_t count = 0;
    TRY(list_keys(op, dir, numbers, &count));
    if (count == 0) {
        REFUSE(op, KEY_FILE, "%s holds no token key (token-1.key); `gatehouse init` makes one", dir);
    }
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL || (keyring->seen = seen_open()) == NULL) {
        free(keyring);
        REFUSE(op, LIMIT_MEMORY, "no memory for the token keys");
    }
    for (; keyring->count < count; keyring->count++) {
        keyring->keys[keyring->count].number = numbers[keyring->count];
        reason why = load(op, dir, &keyring->keys[keyring->count]);
        if (why != NULL) {
            keyring_close(keyring);
            return why;
        }
    }
    *ret_keyring = keyring;
    return NULL;
}

void keyring_close(struct keyring *keyring) {
    if (keyring == NULL) {
        return;
    }
    for (size_t i = 0; i < KEYRING_MAX; i++) {
        if (keyring->keys[i].jwk != NULL) {
            (void)cjose_jwk_release(keyring->keys[i].jwk);
        }
    }
    seen_close(keyring->seen);
    free(keyring);
}

const struct token_key *keyring_signer(const struct keyring *keyring) {
    return &keyring->keys[0];
}

const struct token_key *keyring_find(const struct keyring *keyring, const char *kid) {
    for (size_t i = 0; i < keyring->count; i++) {
        if (strcmp(keyring->keys[i].kid, kid) == 0) {
            return &keyring->keys[i];
        }
    }
    return NULL;
}

static reason public_jwk(struct op *op, const struct token_key *key, struct json *keys) {
    cjose_err error;
    char *text = cjose_jwk_to_json(key->jwk, false, &error);
    if (text == NULL) {
        REFUSE(op, INTERNAL, "a public key could not be written: %s", error.message);
    }
    const struct json *parts = NULL;
    reason why = json_parse(op, slice_str(text), &parts);
    free(text);
    TRY(why);
    struct json *jwk = json_object(op);
    static const char *const names[] = {"kty", "crv", "x", "y", "kid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct slice value;
        if (!json_text(json_get(parts, names[i]), &value)) {
            REFUSE(op, INTERNAL, "a public key has no %s", names[i]);
        }
        json_set_text(op, jwk, names[i], value);
    }
    json_set_str(op, jwk, "use", "sig");
    json_set_str(op, jwk, "alg", "ES256");
    json_add(op, keys, jwk);
    return NULL;
}

reason keyring_jwks(struct op *op, struct keyring *keyring, struct slice *ret_json) {
    struct json *body = json_object(op);
    struct json *keys = json_array(op);
    for (size_t i = 0; i < keyring->count; i++) {
        TRY(public_jwk(op, &keyring->keys[i], keys));
    }
    json_set(op, body, "keys", keys);
    return json_print(op, body, false, ret_json);
}
