// SPDX-License-Identifier: GPL-3.0-or-later
#include "idp_unit.h"

static struct slice texts_room[32];

static struct idp_values values_of(struct op *op) {
    texts_room[0] = pem_of(op, rsa_2048, -10, 1000);
    return (struct idp_values){.entity_id = S("https://idp.example/metadata"),
                               .sso_url = S("https://idp.example/sso"),
                               .slo_url = S(""),
                               .certificates = {texts_room, 1}};
}

static void check_error(struct op *op, size_t i, const char *pointer, reason why) {
    assert_true(i < op->error_count);
    assert_text(op->errors[i].pointer, pointer);
    check_reason(op->errors[i].why, why, __FILE__, __LINE__);
    assert_true(op->errors[i].detail.len > 0);
}

static void four_values_make_an_idp(void **state) {
    struct idp_values values = values_of(*state);
    struct idp_import import;
    values.slo_url = S("https://idp.example/slo");
    assert_done(idp_from_values(*state, &values, &import));
    assert_text(import.idp.entity_id, "https://idp.example/metadata");
    assert_int_equal(import.idp.sso.count, 2); // which binding it takes is not among the values
    check_endpoint(import.idp.sso, 0, BINDING_REDIRECT, "https://idp.example/sso", "");
    check_endpoint(import.idp.sso, 1, BINDING_POST, "https://idp.example/sso", "");
    check_endpoint(import.idp.slo, 0, BINDING_REDIRECT, "https://idp.example/slo", "");
    assert_int_equal(import.idp.certificates.count, 1);
    assert_text(certificate_at(&import, 0)->subject, "CN=IdP signing");
    assert_int_equal(import.idp.updated_at, NOON);
    assert_int_equal(import.warnings.count, 0);
}

static void logout_is_optional_and_white_space_is_cut(void **state) {
    struct idp_values values = values_of(*state);
    struct idp_import import;
    values.entity_id = S("  https://idp.example/metadata\n");
    values.sso_url = S("\thttps://idp.example/sso ");
    values.slo_url = S("  ");
    assert_done(idp_from_values(*state, &values, &import));
    assert_text(import.idp.entity_id, "https://idp.example/metadata");
    check_endpoint(import.idp.sso, 0, BINDING_REDIRECT, "https://idp.example/sso", "");
    assert_int_equal(import.idp.slo.count, 0);
}

static void certificates_come_in_any_form(void **state) {
    struct op *op = *state;
    struct idp_values values = values_of(op);
    struct idp_import import;
    texts_room[0] =
        op_text(op, "Bag Attributes\n%.*s\nand\n%.*s", SLICE(pem_of(op, rsa_2048, -10, 1000)),
                SLICE(pem_of(op, ec_256, -10, 1000)));
    texts_room[1] = base64_of(op, ec_521, -10, 1000);
    texts_room[2] =
        certificate_of(op, rsa_2048, "IdP signing", -10, 1000); // the first one once more
    texts_room[3] = wrapped(op, base64_of(op, rsa_2048, -20, 1000), 76, "\r\n   ");
    values.certificates.count = 4;
    assert_done(idp_from_values(op, &values, &import));
    assert_int_equal(import.idp.certificates.count, 4);
}

static void what_is_missing_is_said_all_at_once(void **state) {
    struct op *op = *state;
    struct idp_values values = {.entity_id = S(""), .sso_url = S(" "), .slo_url = S("")};
    struct idp_import import;
    assert_refused(idp_from_values(op, &values, &import), INVALID_INPUT);
    assert_int_equal(op->error_count, 3);
    check_error(op, 0, "/entity_id", REASON_OF(FIELD_REQUIRED));
    check_error(op, 1, "/sso_url", REASON_OF(FIELD_REQUIRED));
    check_error(op, 2, "/certificates", REASON_OF(FIELD_REQUIRED));
}

static void one_fault_has_its_own_reason(void **state) {
    struct op *op = *state;
    struct idp_values values = values_of(op);
    struct idp_import import;
    values.certificates.count = 0;
    assert_refused(idp_from_values(op, &values, &import), METADATA_NO_CERTIFICATE);
    values = values_of(op);
    values.sso_url = S("");
    assert_refused(idp_from_values(op, &values, &import), METADATA_NO_SSO_ENDPOINT);
    values = values_of(op);
    texts_room[1] = S("hello");
    texts_room[2] = base64_of(op, rsa_1024, -10, 1000);
    values.certificates.count = 3;
    op->error_count = 0;
    assert_refused(idp_from_values(op, &values, &import), INVALID_CERTIFICATE);
    check_error(op, 0, "/certificates/1", REASON_OF(INVALID_CERTIFICATE));
    check_error(op, 1, "/certificates/2", REASON_OF(INVALID_CERTIFICATE));
    assert_true(said(op, "/certificates/1"));
}

static void an_entity_id_has_bounds(void **state) {
    struct op *op = *state;
    struct idp_values values = values_of(op);
    struct idp_import import;
    char text[1025];
    memset(text, 'x', sizeof text);
    values.entity_id = slice_of(text, 1024);
    assert_done(idp_from_values(op, &values, &import));
    values.entity_id = slice_of(text, 1025);
    assert_refused(idp_from_values(op, &values, &import), INVALID_INPUT);
    check_error(op, 0, "/entity_id", REASON_OF(FIELD_RANGE));
    values.entity_id = S("https://idp\nexample");
    op->error_count = 0;
    assert_refused(idp_from_values(op, &values, &import), INVALID_INPUT);
    check_error(op, 0, "/entity_id", REASON_OF(RESTRICTED_CHARACTERS));
}

static void only_https_and_this_machine_are_addresses(void **state) {
    static const char *const bad[] = {"http://idp.example/sso",
                                      "javascript:alert(1)",
                                      "data:text/html,x",
                                      "https://anna@idp.example/",
                                      "https://idp.example/#x",
                                      "/sso",
                                      "idp.example",
                                      "https://idp.example/a b",
                                      "ftp://localhost/",
                                      "http://127.0.0.1.example/"};
    struct op *op = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct idp_values values = values_of(op);
        struct idp_import import;
        op->error_count = 0;
        values.sso_url = slice_str(bad[i]);
        assert_refused(idp_from_values(op, &values, &import), METADATA_LOCATION);
        check_error(op, 0, "/sso_url", REASON_OF(METADATA_LOCATION));
        values = values_of(op);
        values.slo_url = slice_str(bad[i]);
        op->error_count = 0;
        assert_refused(idp_from_values(op, &values, &import), METADATA_LOCATION);
        check_error(op, 0, "/slo_url", REASON_OF(METADATA_LOCATION));
    }
    struct idp_values values = values_of(op);
    struct idp_import import;
    values.sso_url = S("http://localhost:8081/sso");
    assert_done(idp_from_values(op, &values, &import));
    assert_true(warned(&import, "without https"));
}

static void dates_of_certificates_are_warnings(void **state) {
    struct op *op = *state;
    struct idp_values values = values_of(op);
    struct idp_import import;
    texts_room[0] = pem_of(op, rsa_2048, -100, -1);
    texts_room[1] = pem_of(op, ec_256, -100, 29);
    texts_room[2] = pem_of(op, ec_521, 1, 1000);
    values.certificates.count = 3;
    assert_done(idp_from_values(op, &values, &import));
    assert_int_equal(import.idp.certificates.count, 3);
    assert_int_equal(import.warnings.count, 3);
    assert_true(warned(&import, "expired on 2026-11-20"));
    assert_true(warned(&import, "expires on 2026-12-20"));
    assert_true(warned(&import, "valid from 2026-11-22"));
}

static void too_many_certificates_are_refused(void **state) {
    struct op *op = *state;
    struct idp_values values = values_of(op);
    struct idp_import import;
    for (size_t i = 0; i < 21; i++) {
        texts_room[i] = texts_room[0];
    }
    values.certificates.count = 20;
    assert_done(idp_from_values(op, &values, &import));
    values.certificates.count = 21;
    assert_refused(idp_from_values(op, &values, &import), INVALID_INPUT);
    check_error(op, 0, "/certificates", REASON_OF(FIELD_RANGE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(four_values_make_an_idp),
        TEST(logout_is_optional_and_white_space_is_cut),
        TEST(certificates_come_in_any_form),
        TEST(what_is_missing_is_said_all_at_once),
        TEST(one_fault_has_its_own_reason),
        TEST(an_entity_id_has_bounds),
        TEST(only_https_and_this_machine_are_addresses),
        TEST(dates_of_certificates_are_warnings),
        TEST(too_many_certificates_are_refused),
    };
    return cmocka_run_group_tests(tests, make_idp_keys, free_idp_keys);
}
