// SPDX-License-Identifier: GPL-3.0-or-later
// Decryption: each suite opens, what is not taken is named before a key is used, and every failure of a key or of the
// content is one reason and one path, shown by the calls that are made on the way (counted by the linker's --wrap).
#include "saml/decrypt.h"

#include "saml/encrypted.h"
#include "saml/sp_keys.h"

#define PLAIN "<saml:Assertion xmlns:saml=\"" NS_SAML "\" ID=\"_a\">text</saml:Assertion>"

static struct sp_keys ours;
static EVP_PKEY *stranger, *retired;

// ---- what is called on the way ----

enum call { RSA_CALL, INIT_CALL, UPDATE_CALL, FINAL_CALL, RANDOM_CALL, CALLS };
struct calls {
    unsigned count[CALLS];
};
static struct calls calls;

int __real_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_len,
                            const unsigned char *in, size_t in_len);
int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_len,
                            const unsigned char *in, size_t in_len);
int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_len,
                            const unsigned char *in, size_t in_len) {
    calls.count[RSA_CALL]++;
    return __real_EVP_PKEY_decrypt(context, out, out_len, in, in_len);
}
int __real_EVP_DecryptInit_ex(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, ENGINE *engine,
                              const unsigned char *key, const unsigned char *iv);
int __wrap_EVP_DecryptInit_ex(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, ENGINE *engine,
                              const unsigned char *key, const unsigned char *iv);
int __wrap_EVP_DecryptInit_ex(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, ENGINE *engine,
                              const unsigned char *key, const unsigned char *iv) {
    calls.count[INIT_CALL]++;
    return __real_EVP_DecryptInit_ex(context, cipher, engine, key, iv);
}
int __real_EVP_DecryptUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len,
                             const unsigned char *in, int in_len);
int __wrap_EVP_DecryptUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len,
                             const unsigned char *in, int in_len);
int __wrap_EVP_DecryptUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len,
                             const unsigned char *in, int in_len) {
    calls.count[UPDATE_CALL]++;
    return __real_EVP_DecryptUpdate(context, out, out_len, in, in_len);
}
int __real_EVP_DecryptFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len);
int __wrap_EVP_DecryptFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len);
int __wrap_EVP_DecryptFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len) {
    calls.count[FINAL_CALL]++;
    return __real_EVP_DecryptFinal_ex(context, out, out_len);
}
void __real_rand_bytes(void *to, size_t len);
void __wrap_rand_bytes(void *to, size_t len);
void __wrap_rand_bytes(void *to, size_t len) {
    calls.count[RANDOM_CALL]++;
    __real_rand_bytes(to, len);
}

// ---- one element ----

static struct sealed sealed_of(struct op *op, const struct content *content) {
    return (struct sealed){
        .op = op, .content = content, .plain = S(PLAIN), .wraps = {{.to = ours.encryption}}, .wrap_count = 1};
}

static reason open_text(struct op *op, struct slice text, bool allow_cbc, struct decrypted *ret_decrypted) {
    struct reader reader;
    reader_open(&reader, text);
    assert_int_equal(reader_next(&reader), READER_START);
    calls = (struct calls){.count = {0}};
    struct opening opening = decrypt_opening(allow_cbc, false);
    return decrypt_element(op, &ours, &reader, "EncryptedAssertion", &opening, ret_decrypted);
}

static reason open_it(const struct sealed *it) {
    struct decrypted decrypted = {.plain = SLICE_NONE};
    reason why = open_text(it->op, sealed_text(it), true, &decrypted);
    if (why == NULL) {
        assert_slice(decrypted.plain, it->plain);
        assert_int_equal(decrypted.cbc, it->content->cbc);
    } else {
        assert_null(decrypted.plain.at);
    }
    return why;
}

struct hash {
    const char *digest, *mask;
    const EVP_MD *(*md)(void);
};
static const struct hash hashes[] = {
    {NS_DS "sha1", XENC11 "mgf1sha1", EVP_sha1},
    {NS_XENC "sha256", XENC11 "mgf1sha256", EVP_sha256},
    {"http://www.w3.org/2001/04/xmldsig-more#sha384", XENC11 "mgf1sha384", EVP_sha384},
    {NS_XENC "sha512", XENC11 "mgf1sha512", EVP_sha512},
};
#define HASHES (sizeof hashes / sizeof *hashes)

// ---- accepted ----

static void each_content_cipher_opens_with_each_wrapping(void **state) {
    for (size_t i = 0; i < CONTENTS; i++) {
        struct sealed it = sealed_of(*state, &contents[i]);
        assert_done(open_it(&it)); // nothing said: SHA-1 and its mask
        it.wraps[0].uri = OAEP11;
        assert_done(open_it(&it));
        for (size_t d = 0; d < HASHES; d++) {
            it.wraps[0].digest = hashes[d].digest;
            it.wraps[0].digest_md = hashes[d].md();
            it.wraps[0].mask = NULL;
            it.wraps[0].mask_md = NULL;
            it.wraps[0].uri = MGF1P; // its mask is SHA-1, whatever the digest is
            assert_done(open_it(&it));
            it.wraps[0].uri = OAEP11;
            for (size_t m = 0; m < HASHES; m++) {
                it.wraps[0].mask = hashes[m].mask;
                it.wraps[0].mask_md = hashes[m].md();
                assert_done(open_it(&it));
            }
        }
    }
}

static void the_key_stands_in_either_place(void **state) {
    struct sealed it = sealed_of(*state, GCM256);
    it.beside = true;
    assert_done(open_it(&it));
    it.content = CBC256;
    assert_done(open_it(&it));
}

static void of_two_keys_either_may_be_ours_and_a_third_is_not_looked_at(void **state) {
    for (int beside = 0; beside < 2; beside++) {
        struct sealed it = sealed_of(*state, GCM256);
        it.beside = beside == 1;
        it.wraps[1] = it.wraps[0];
        it.wraps[0].to = stranger;
        it.wrap_count = 2;
        assert_done(open_it(&it));
        assert_int_equal(calls.count[RSA_CALL], 2);
        it.wraps[0].to = ours.encryption;
        it.wraps[1].to = stranger;
        assert_done(open_it(&it));
        assert_int_equal(calls.count[RSA_CALL], 2); // how long it takes says nothing
        it.wraps[0].to = stranger;
        it.wraps[2].to = ours.encryption;
        it.wrap_count = 3;
        assert_refused(open_it(&it), ENCRYPTION_FAILED);
        assert_int_equal(calls.count[RSA_CALL], DECRYPT_KEYS_MAX);
    }
}

static void during_a_roll_over_either_key_of_ours_opens(void **state) {
    struct sealed it = sealed_of(*state, GCM256);
    it.wraps[0].to = retired;
    assert_refused(open_it(&it), ENCRYPTION_FAILED);
    ours.decryption[1] = retired;
    ours.decryption_count = 2;
    assert_done(open_it(&it));
    struct calls usual = calls;
    assert_int_equal(usual.count[RSA_CALL], 2);
    it.wraps[0].to = ours.encryption;
    assert_done(open_it(&it));
    assert_memory_equal(&calls, &usual, sizeof calls); // it does not show which of them
    it.wraps[0].to = stranger;
    assert_refused(open_it(&it), ENCRYPTION_FAILED);
    assert_memory_equal(&calls, &usual, sizeof calls);
    it.wraps[1] = it.wraps[0];
    it.wraps[1].to = retired;
    it.wrap_count = 2;
    assert_done(open_it(&it));
    assert_int_equal(calls.count[RSA_CALL], 4);
    ours.decryption_count = 1;
}

static reason open_for(struct sealed *it, struct opening *opening) {
    struct decrypted decrypted;
    struct slice text = sealed_text(it);
    struct reader reader;
    reader_open(&reader, text);
    assert_int_equal(reader_next(&reader), READER_START);
    calls = (struct calls){{0}};
    return decrypt_element(it->op, &ours, &reader, "EncryptedAssertion", opening, &decrypted);
}

// Where a signature holds over the octets the sender may learn which key opens: it is tried first the next time, and
// all of one message together costs so many operations at most.
static void under_a_signature_the_first_key_that_opens_is_enough(void **state) {
    struct sealed it = sealed_of(*state, CBC256);
    struct opening opening = decrypt_opening(true, true);
    ours.decryption[1] = retired;
    ours.decryption_count = 2;
    assert_done(open_for(&it, &opening));
    assert_int_equal(calls.count[RSA_CALL], 1);
    it.wraps[0].to = retired;
    assert_done(open_for(&it, &opening));
    assert_int_equal(calls.count[RSA_CALL], 2);
    assert_done(open_for(&it, &opening));
    assert_int_equal(calls.count[RSA_CALL], 1);
    assert_int_equal(opening.left, DECRYPT_UNWRAPS_MAX - 4);
    assert_refused(open_for(&it, &opening), SAML_TOO_LARGE);
    assert_int_equal(calls.count[RSA_CALL], 0);
    // Without one it is as many as may be, and never said.
    opening = decrypt_opening(true, false);
    it.wraps[0].to = stranger;
    it.wraps[1] = it.wraps[0];
    it.wrap_count = 2;
    assert_refused(open_for(&it, &opening), ENCRYPTION_FAILED);
    assert_int_equal(calls.count[RSA_CALL], DECRYPT_UNWRAPS_MAX);
    assert_refused(open_for(&it, &opening), ENCRYPTION_FAILED);
    assert_int_equal(calls.count[RSA_CALL], 0);
    ours.decryption_count = 1;
}

static void the_element_is_the_one_that_was_asked_for(void **state) {
    struct sealed it = sealed_of(*state, GCM256);
    struct decrypted decrypted;
    struct opening opening = decrypt_opening(false, false);
    it.element = "EncryptedID";
    struct slice text = sealed_text(&it);
    struct reader reader;
    reader_open(&reader, text);
    assert_int_equal(reader_next(&reader), READER_START);
    assert_done(decrypt_element(*state, &ours, &reader, "EncryptedID", &opening, &decrypted));
    assert_text(decrypted.plain, PLAIN);
    assert_refused(open_text(*state, text, true, &decrypted), ENCRYPTION_FAILED);
}

// ---- refused, and named ----

static void assert_not_taken(struct op *op, struct slice text, bool allow_cbc, const char *named) {
    struct decrypted decrypted;
    assert_refused(open_text(op, text, allow_cbc, &decrypted), ENCRYPTION_ALGORITHM);
    if (slice_find(op->detail, slice_str(named)) == SIZE_MAX) {
        fail_msg("\"%s\" is not in \"%.*s\"", named, SLICE(op->detail));
    }
    assert_int_equal(calls.count[RSA_CALL], 0); // before any key was used
}

static void algorithms_that_are_not_taken_are_named_before_a_key_is_used(void **state) {
    struct op *op = *state;
    struct sealed it = sealed_of(op, CBC256);
    const char *others[] = {NS_XENC "tripledes-cbc", NS_XENC "aes256-cbc#", "", "http://www.w3.org/2009/xmlenc11#AES256-GCM"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        it.uri = others[i];
        assert_not_taken(op, sealed_text(&it), true, others[i]);
    }
    it.uri = NULL;
    const struct wrap wraps[] = {
        {.to = ours.encryption, .uri = NS_XENC "rsa-1_5"},
        {.to = ours.encryption, .uri = NS_XENC "kw-aes256"},
        {.to = ours.encryption, .uri = ""},
        {.to = ours.encryption, .digest = "http://www.w3.org/2001/04/xmldsig-more#md5"},
        {.to = ours.encryption, .uri = OAEP11, .mask = XENC11 "mgf1sha224"},
        {.to = ours.encryption, .more = "<xenc:OAEPparams>AA==</xenc:OAEPparams>"},
    };
    const char *named[] = {"rsa-1_5", "kw-aes256", "", "md5", "mgf1sha224", "OAEPparams"};
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++) {
        it.wraps[0] = wraps[i];
        assert_not_taken(op, sealed_text(&it), true, named[i]);
    }
}

static void cbc_is_taken_where_it_is_allowed_only(void **state) {
    struct op *op = *state;
    struct decrypted decrypted;
    for (size_t i = 0; i < CONTENTS; i++) {
        struct sealed it = sealed_of(op, &contents[i]);
        if (contents[i].cbc) {
            assert_not_taken(op, sealed_text(&it), false, contents[i].uri);
        } else {
            assert_done(open_text(op, sealed_text(&it), false, &decrypted));
        }
    }
}

// Else whoever sends it learns from the second name whether the first key opened.
static void a_second_key_of_another_algorithm_says_nothing_of_the_first(void **state) {
    struct op *op = *state;
    struct sealed it = sealed_of(op, CBC256);
    it.wraps[1] = (struct wrap){.to = ours.encryption, .uri = NS_XENC "rsa-1_5"};
    it.wrap_count = 2;
    assert_not_taken(op, sealed_text(&it), true, "rsa-1_5");
    it.pad = 77; // the first would not open
    assert_not_taken(op, sealed_text(&it), true, "rsa-1_5");
}

static void without_a_key_it_is_said_whose_is_missing(void **state) {
    struct op *op = *state;
    struct sealed it = sealed_of(op, GCM256);
    struct decrypted decrypted;
    struct opening opening = decrypt_opening(true, false);
    it.wrap_count = 0;
    assert_refused(open_text(op, sealed_text(&it), true, &decrypted), ENCRYPTION_NO_KEY);
    it.wrap_count = 1;
    struct reader reader;
    reader_open(&reader, sealed_text(&it));
    assert_int_equal(reader_next(&reader), READER_START);
    assert_refused(decrypt_element(op, NULL, &reader, "EncryptedAssertion", &opening, &decrypted),
                   ENCRYPTION_NO_KEY);
    struct sp_keys none = {.encryption = ours.encryption, .decryption_count = 0};
    assert_refused(decrypt_element(op, &none, &reader, "EncryptedAssertion", &opening, &decrypted),
                   ENCRYPTION_NO_KEY);
}

// ---- one path for all failures ----

static void assert_same_path(const struct sealed *it, const struct calls *good, const char *what) {
    assert_refused(open_it(it), ENCRYPTION_FAILED);
    assert_text(it->op->detail, "no EncryptedKey opens with our key, or the content is damaged");
    if (memcmp(calls.count, good->count, sizeof calls.count) != 0) {
        fail_msg("%s: %u %u %u %u %u calls, a good one makes %u %u %u %u %u", what, calls.count[0],
                 calls.count[1], calls.count[2], calls.count[3], calls.count[4], good->count[0],
                 good->count[1], good->count[2], good->count[3], good->count[4]);
    }
}

static void whatever_fails_the_same_calls_are_made(void **state) {
    for (size_t i = 0; i < CONTENTS; i++) {
        struct sealed good = sealed_of(*state, &contents[i]);
        assert_done(open_it(&good));
        struct calls usual = calls;
        assert_int_equal(usual.count[RSA_CALL], 1);
        assert_int_equal(usual.count[RANDOM_CALL], 1);
        struct sealed it = good;
        it.wraps[0].to = stranger;
        assert_same_path(&it, &usual, "another's key");
        it = good;
        it.wraps[0].garbage = true;
        assert_same_path(&it, &usual, "no RSA block");
        for (int len = 1; len <= 32; len++) {
            it = good;
            it.wraps[0].key_len = len;
            if (len != contents[i].key_len) {
                assert_same_path(&it, &usual, "a key of another length");
            }
        }
        it = good;
        it.wraps[0].digest = NS_XENC "sha256"; // and SHA-1 in truth
        assert_same_path(&it, &usual, "another digest than it says");
        it = good;
        it.plain = S("\xFF\xFE no text");
        assert_same_path(&it, &usual, "no UTF-8");
        it = good;
        it.flip = 8; // under CBC it makes the first byte one that starts no character
        assert_same_path(&it, &usual, "a changed bit");
    }
}

static void a_changed_bit_anywhere_under_gcm_fails(void **state) {
    struct sealed it = sealed_of(*state, GCM256);
    it.plain = S("<a/>");
    for (size_t bit = 1; bit <= (12 + 4 + 16) * 8; bit++) {
        it.flip = bit;
        assert_refused(open_it(&it), ENCRYPTION_FAILED);
    }
}

static void a_tag_of_another_length_than_16_bytes_fails(void **state) {
    struct sealed it = sealed_of(*state, GCM256);
    for (size_t cut = 1; cut <= 12 + sizeof PLAIN - 1 + 15; cut++) {
        it.cut = cut;
        assert_refused(open_it(&it), ENCRYPTION_FAILED);
    }
}

static void cbc_padding_is_as_xmlenc_has_it(void **state) {
    struct sealed it = sealed_of(*state, CBC256);
    for (size_t len = 1; len <= 33; len++) {
        it.plain = slice_sub(S(PLAIN), 0, len);
        assert_done(open_it(&it));
    }
    const int lies[] = {17, 32, 128, 255};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        it.pad = lies[i];
        assert_refused(open_it(&it), ENCRYPTION_FAILED);
    }
    it.pad = 256; // as a byte: 0
    assert_refused(open_it(&it), ENCRYPTION_FAILED);
    it.pad = 0;
    for (size_t cut = 1; cut < 16; cut++) {
        it.cut = cut; // no whole blocks
        assert_refused(open_it(&it), ENCRYPTION_FAILED);
    }
}

static void what_is_not_xmlenc_fails(void **state) {
    struct op *op = *state;
    struct decrypted decrypted;
    const char *bad[] = {
        "<saml:EncryptedAssertion xmlns:saml=\"" NS_SAML "\"></saml:EncryptedAssertion>",
        "<saml:EncryptedAssertion xmlns:saml=\"" NS_SAML "\"><x:EncryptedData xmlns:x=\"" NS_XENC
        "\"><x:CipherData><x:CipherReference URI=\"file:///etc/passwd\"></x:CipherReference></x:CipherData>"
        "</x:EncryptedData></saml:EncryptedAssertion>",
        "<saml:EncryptedAssertion xmlns:saml=\"" NS_SAML "\"><x:EncryptedData xmlns:x=\"" NS_XENC
        "\"><x:CipherData><x:CipherValue>QUFB</x:CipherValue><x:CipherValue>QUFB</x:CipherValue></x:CipherData>"
        "</x:EncryptedData></saml:EncryptedAssertion>",
        "<saml:EncryptedAssertion xmlns:saml=\"" NS_SAML "\"><x:EncryptedData xmlns:x=\"" NS_XENC
        "\"><x:CipherData><x:CipherValue>*</x:CipherValue></x:CipherData></x:EncryptedData></saml:EncryptedAssertion>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(open_text(op, slice_str(bad[i]), true, &decrypted), ENCRYPTION_FAILED);
        assert_int_equal(calls.count[RSA_CALL], 0);
    }
    struct sealed it = sealed_of(op, GCM256);
    struct slice one = sealed_text(&it);
    size_t from = slice_find(one, S("<xenc:EncryptedData"));
    size_t to = slice_find(one, S("</saml:EncryptedAssertion>"));
    struct slice data = slice_sub(one, from, to);
    struct slice two = op_text(op, "%.*s%.*s%.*s", SLICE(slice_sub(one, 0, to)), SLICE(data),
                               SLICE(slice_sub(one, to, one.len)));
    assert_refused(open_text(op, two, true, &decrypted), ENCRYPTION_FAILED);
}

// ---- setup ----

static int make_keys(void **state) {
    (void)state;
    ours.encryption = EVP_RSA_gen(2048);
    ours.decryption[0] = ours.encryption;
    ours.decryption_count = 1;
    stranger = EVP_RSA_gen(2048);
    retired = EVP_RSA_gen(2048);
    return ours.encryption != NULL && stranger != NULL && retired != NULL ? 0 : -1;
}

static int free_keys(void **state) {
    (void)state;
    EVP_PKEY_free(ours.encryption);
    EVP_PKEY_free(stranger);
    EVP_PKEY_free(retired);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_content_cipher_opens_with_each_wrapping),
        TEST(the_key_stands_in_either_place),
        TEST(of_two_keys_either_may_be_ours_and_a_third_is_not_looked_at),
        TEST(during_a_roll_over_either_key_of_ours_opens),
        TEST(under_a_signature_the_first_key_that_opens_is_enough),
        TEST(the_element_is_the_one_that_was_asked_for),
        TEST(algorithms_that_are_not_taken_are_named_before_a_key_is_used),
        TEST(cbc_is_taken_where_it_is_allowed_only),
        TEST(a_second_key_of_another_algorithm_says_nothing_of_the_first),
        TEST(without_a_key_it_is_said_whose_is_missing),
        TEST(whatever_fails_the_same_calls_are_made),
        TEST(a_changed_bit_anywhere_under_gcm_fails),
        TEST(a_tag_of_another_length_than_16_bytes_fails),
        TEST(cbc_padding_is_as_xmlenc_has_it),
        TEST(what_is_not_xmlenc_fails),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
