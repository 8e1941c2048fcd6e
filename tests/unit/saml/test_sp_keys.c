// SPDX-License-Identifier: GPL-3.0-or-later
#include "sp_unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "base/encode.h"

static const char *const names[] = {"saml-signing.key", "saml-signing.crt", "saml-encryption.key",
                                    "saml-encryption.crt"};

// Keys take a second to make: each test gets copies of one set, as they were.
static struct slice originals[4];
static struct op shelf;

static int keep_originals(void **state) {
    if (make_keys(state) != 0) {
        return -1;
    }
    op_open(&shelf, NOON);
    for (size_t i = 0; i < 4; i++) {
        originals[i] = read_text(&shelf, unit_path(names[i]));
    }
    return 0;
}
static int drop_originals(void **state) {
    op_close(&shelf);
    return remove_dir(state);
}
static int restore(void **state) {
    for (size_t i = 0; i < 4; i++) {
        (void)remove(unit_path(names[i]));
        write_text(unit_path(names[i]), originals[i], 0600);
    }
    return open_op(state);
}

static void check_refused(struct op *op, const char *file, const char *what, const char *advice) {
    struct sp_keys *keys = NULL;
    assert_refused(sp_keys_open(op, unit_dir, &keys), KEY_FILE);
    assert_null(keys);
    assert_holds(op->detail, unit_path(file));
    assert_holds(op->detail, what);
    assert_holds(op->detail, advice);
}

static X509 *certificate_in(const char *path) {
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    assert_non_null(x509);
    return x509;
}

static void keys_are_rsa_3072_in_files_for_the_owner_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct stat info;
        assert_int_equal(stat(unit_path(names[i]), &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    X509 *x509 = certificate_in(unit_path("saml-signing.crt"));
    assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x509)), 3072);
    char name[100];
    assert_true(X509_NAME_oneline(X509_get_subject_name(x509), name, sizeof name) != NULL);
    assert_string_equal(name, "/CN=Gatehouse SAML signing");
    assert_int_equal(X509_get_signature_nid(x509), NID_sha256WithRSAEncryption);
    assert_true(ASN1_STRING_length(X509_get0_serialNumber(x509)) >= 16);
    time_t in_nine_years = NOON / 1000 + 9 * 365 * 86400L;
    time_t in_eleven_years = NOON / 1000 + 11 * 365 * 86400L;
    assert_int_equal(X509_cmp_time(X509_get0_notAfter(x509), &in_nine_years), 1);
    assert_int_equal(X509_cmp_time(X509_get0_notAfter(x509), &in_eleven_years), -1);
    X509_free(x509);
}

static void the_two_keys_differ(void **state) {
    struct sp_keys *keys = NULL;
    assert_done(sp_keys_open(*state, unit_dir, &keys));
    assert_false(slice_equal(sp_signing_certificate(keys), sp_encryption_certificate(keys)));
    sp_keys_close(keys);
}

static void a_signature_holds_by_the_certificate(void **state) {
    struct op *op = *state;
    struct slice der;
    struct slice value;
    assert_true(decode_base64(op, sp_signing_certificate(unit_keys), false, &der));
    const unsigned char *at = (const unsigned char *)der.at;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    assert_non_null(x509);
    assert_done(sp_sign(op, unit_keys, S("octets"), &value));
    for (int changed = 0; changed < 2; changed++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        const char *octets = changed == 0 ? "octets" : "octetS";
        assert_int_equal(
            EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, X509_get0_pubkey(x509)), 1);
        int holds = EVP_DigestVerify(context, (const unsigned char *)value.at, value.len,
                                     (const unsigned char *)octets, 6);
        assert_int_equal(holds == 1, changed == 0);
        EVP_MD_CTX_free(context);
    }
    X509_free(x509);
}

static void making_again_changes_nothing(void **state) {
    assert_done(sp_keys_make(*state, unit_dir));
    for (size_t i = 0; i < 4; i++) {
        assert_slice(read_text(*state, unit_path(names[i])), originals[i]);
    }
}

static void making_again_adds_the_certificate_that_is_missing(void **state) {
    struct sp_keys *keys = NULL;
    assert_int_equal(remove(unit_path("saml-encryption.crt")), 0);
    check_refused(*state, "saml-encryption.crt", "is missing", "gatehouse init");
    assert_done(sp_keys_make(*state, unit_dir));
    assert_slice(read_text(*state, unit_path("saml-encryption.key")), originals[2]);
    assert_done(sp_keys_open(*state, unit_dir, &keys));
    sp_keys_close(keys);
}

static void a_lost_key_is_not_replaced_beside_its_certificate(void **state) {
    struct op *op = *state;
    assert_int_equal(remove(unit_path("saml-signing.key")), 0);
    assert_refused(sp_keys_make(op, unit_dir), KEY_FILE);
    assert_holds(op->detail, "saml-signing.key is missing");
    assert_true(access(unit_path("saml-signing.key"), F_OK) != 0);
    check_refused(op, "saml-signing.key", "is missing", "gatehouse init");
}

static void a_half_written_draft_is_in_nobodys_way(void **state) {
    write_text(unit_path("saml-encryption.crt.new"), S("half"), 0600);
    assert_int_equal(remove(unit_path("saml-encryption.crt")), 0);
    assert_done(sp_keys_make(*state, unit_dir));
    assert_true(access(unit_path("saml-encryption.crt.new"), F_OK) != 0);
}

static void no_directory_is_said(void **state) {
    struct op *op = *state;
    assert_refused(sp_keys_make(op, "/nonexistent/gatehouse"), KEY_FILE);
    assert_holds(op->detail, "/nonexistent/gatehouse/saml-signing.key");
    assert_holds(op->detail, "No such file or directory");
}

static void a_key_that_others_can_read_is_refused(void **state) {
    assert_int_equal(chmod(unit_path("saml-signing.key"), 0640), 0);
    check_refused(*state, "saml-signing.key", "mode 640", "chmod 600");
    assert_int_equal(chmod(unit_path("saml-signing.key"), 0604), 0);
    check_refused(*state, "saml-signing.key", "mode 604", "chmod 600");
}

static void a_certificate_may_be_read_but_not_written_by_others(void **state) {
    struct sp_keys *keys = NULL;
    assert_int_equal(chmod(unit_path("saml-signing.crt"), 0644), 0);
    assert_done(sp_keys_open(*state, unit_dir, &keys));
    sp_keys_close(keys);
    assert_int_equal(chmod(unit_path("saml-signing.crt"), 0666), 0);
    check_refused(*state, "saml-signing.crt", "mode 666", "chmod 644");
}

static void a_cut_off_file_is_refused(void **state) {
    for (size_t i = 0; i < 4; i++) {
        write_text(unit_path(names[i]), slice_sub(originals[i], 0, originals[i].len / 2), 0600);
        check_refused(*state, names[i], "is cut off", "backup");
        write_text(unit_path(names[i]), S(""), 0600);
        check_refused(*state, names[i], "is empty", "backup");
        write_text(unit_path(names[i]), originals[i], 0600);
    }
}

static void a_changed_letter_is_refused(void **state) {
    char text[8192];
    size_t len = originals[0].len;
    assert_true(len < sizeof text);
    memcpy(text, originals[0].at, len);
    text[len / 2] = text[len / 2] == 'A' ? 'B' : 'A';
    write_text(unit_path("saml-signing.key"), slice_of(text, len), 0600);
    check_refused(*state, "saml-signing.key", "is damaged", "backup");
}

static void what_is_no_key_is_refused(void **state) {
    write_text(unit_path("saml-signing.key"), S("hello\n"), 0600);
    check_refused(*state, "saml-signing.key", "not PEM", "a private key");
    write_text(unit_path("saml-signing.key"), originals[1], 0600);
    check_refused(*state, "saml-signing.key", "does not hold a private key", "backup");
    write_text(unit_path("saml-signing.key"), originals[0], 0600);
    write_text(unit_path("saml-signing.crt"), originals[0], 0600);
    check_refused(*state, "saml-signing.crt", "does not hold a certificate", "backup");
}

static void the_certificate_of_another_key_is_refused(void **state) {
    write_text(unit_path("saml-signing.crt"), originals[3], 0600);
    check_refused(*state, "saml-signing.crt", "certificate of another key", "saml-signing.key");
}

static void write_key(EVP_PKEY *key, const char *passphrase) {
    (void)remove(unit_path("saml-signing.key"));
    int fd = open(unit_path("saml-signing.key"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    char word[] = "secret";
    assert_int_equal(PEM_write_PKCS8PrivateKey(
                         file, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL,
                         passphrase != NULL ? word : NULL, passphrase != NULL ? 6 : 0, NULL, NULL),
                     1);
    assert_int_equal(fclose(file), 0);
    EVP_PKEY_free(key);
}

static void other_kinds_of_keys_are_refused(void **state) {
    write_key(EVP_EC_gen("P-256"), NULL);
    check_refused(*state, "saml-signing.key", "of type EC", "RSA with at least 2048 bits");
    write_key(EVP_RSA_gen(1024), NULL);
    check_refused(*state, "saml-signing.key", "1024 bits", "RSA with at least 2048 bits");
}

static void a_passphrase_is_said_and_never_asked_for(void **state) {
    write_key(EVP_EC_gen("P-256"), "secret");
    check_refused(*state, "saml-signing.key", "passphrase", "openssl pkey");
}

static void what_is_no_file_is_refused(void **state) {
    assert_int_equal(remove(unit_path("saml-signing.key")), 0);
    assert_int_equal(mkdir(unit_path("saml-signing.key"), 0700), 0);
    check_refused(*state, "saml-signing.key", "not a regular file", "Put the file");
    assert_int_equal(rmdir(unit_path("saml-signing.key")), 0);
    assert_int_equal(mkfifo(unit_path("saml-signing.key"), 0600), 0);
    check_refused(*state, "saml-signing.key", "not a regular file", "Put the file");
}

static void a_file_that_is_much_too_long_is_not_read(void **state) {
    char *text = calloc(1, 20000);
    assert_non_null(text);
    memset(text, 'x', 20000);
    write_text(unit_path("saml-signing.key"), slice_of(text, 20000), 0600);
    free(text);
    check_refused(*state, "saml-signing.key", "20000 bytes", "another file");
}

#define KEY_TEST(name) cmocka_unit_test_setup_teardown(name, restore, close_op)
int main(void) {
    const struct CMUnitTest tests[] = {
        KEY_TEST(keys_are_rsa_3072_in_files_for_the_owner_alone),
        KEY_TEST(the_two_keys_differ),
        KEY_TEST(a_signature_holds_by_the_certificate),
        KEY_TEST(making_again_changes_nothing),
        KEY_TEST(making_again_adds_the_certificate_that_is_missing),
        KEY_TEST(a_lost_key_is_not_replaced_beside_its_certificate),
        KEY_TEST(a_half_written_draft_is_in_nobodys_way),
        KEY_TEST(no_directory_is_said),
        KEY_TEST(a_key_that_others_can_read_is_refused),
        KEY_TEST(a_certificate_may_be_read_but_not_written_by_others),
        KEY_TEST(a_cut_off_file_is_refused),
        KEY_TEST(a_changed_letter_is_refused),
        KEY_TEST(what_is_no_key_is_refused),
        KEY_TEST(the_certificate_of_another_key_is_refused),
        KEY_TEST(other_kinds_of_keys_are_refused),
        KEY_TEST(a_passphrase_is_said_and_never_asked_for),
        KEY_TEST(what_is_no_file_is_refused),
        KEY_TEST(a_file_that_is_much_too_long_is_not_read),
    };
    return cmocka_run_group_tests(tests, keep_originals, drop_originals);
}
