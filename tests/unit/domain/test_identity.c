// SPDX-License-Identifier: GPL-3.0-or-later
// What an identity says about a person: e-mail and identifier by policy and by the usual names.
#include "people.h"

#include "domain/login_parts.h"

struct desk {
    struct op op;
    struct policy policy;
    struct identity identity;
    struct attribute attributes[4];
    struct slice values[4];
    struct email email;
    struct slice identifier;
};
static int desk_open(void **state) {
    struct desk *desk = test_calloc(1, sizeof *desk);
    op_open(&desk->op, NOON);
    desk->policy = policy_default();
    desk->identity.attributes.at = desk->attributes;
    desk->identity.name_id = S("00u1");
    *state = desk;
    return 0;
}
static int desk_close(void **state) {
    struct desk *desk = *state;
    op_close(&desk->op);
    test_free(desk);
    return 0;
}
static void send(struct desk *desk, const char *name, const char *value) {
    size_t i = desk->identity.attributes.count++;
    assert_true(i < 4);
    desk->values[i] = slice_str(value);
    desk->attributes[i] =
        (struct attribute){.name = slice_str(name), .values = {&desk->values[i], 1}};
}
static reason email(struct desk *desk) {
    return identity_email(&desk->op, &desk->policy, &desk->identity, &desk->email);
}
static reason identifier(struct desk *desk) {
    TRY(email(desk));
    return identity_identifier(&desk->op, &desk->policy, &desk->identity, &desk->email,
                               &desk->identifier);
}

static void the_usual_names_of_an_address_are_known(void **state) {
    static const char *const names[] = {
        "email",
        "mail",
        "Email",
        "emailAddress",
        "user.email",
        "urn:oid:0.9.2342.19200300.100.1.3",
        "urn:oid:1.2.840.113549.1.9.1",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"};
    struct desk *desk = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        desk->identity.attributes.count = 0;
        send(desk, names[i], "Jane@ACME.example");
        assert_done(email(desk));
        assert_slice(desk->email.whole, "jane@acme.example");
        assert_slice(desk->email.domain, "acme.example");
    }
    desk->identity.attributes.count = 0;
    send(desk, "shoe", "jane@acme.example");
    assert_done(email(desk));
    assert_int_equal(desk->email.whole.len, 0);
}

static void a_name_id_that_is_an_address_goes_first(void **state) {
    struct desk *desk = *state;
    desk->identity.name_id = S("jane@acme.example");
    send(desk, "email", "other@acme.example");
    assert_done(email(desk));
    assert_slice(desk->email.whole, "jane@acme.example");
}

static void what_is_no_address_is_passed_over(void **state) {
    struct desk *desk = *state;
    send(desk, "email", "jane");
    send(desk, "mail", "jane@acme.example");
    assert_done(email(desk));
    assert_slice(desk->email.whole, "jane@acme.example");
}

static void a_named_attribute_is_the_only_source(void **state) {
    struct desk *desk = *state;
    desk->policy.email_attribute = S("work");
    desk->identity.name_id = S("jane@acme.example");
    assert_reason(email(desk), ATTRIBUTE_REQUIRED_MISSING);
    send(desk, "work", "no address");
    assert_reason(email(desk), ATTRIBUTE_REQUIRED_MISSING);
    desk->values[0] = S("work@acme.example");
    assert_done(email(desk));
    assert_slice(desk->email.whole, "work@acme.example");
}

static void the_name_id_identifies_as_it_is(void **state) {
    struct desk *desk = *state;
    desk->identity.name_id = S("Ab@Acme.example");
    desk->identity.name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
    assert_done(identifier(desk));
    assert_slice(desk->identifier, "Ab@Acme.example");
    desk->identity.name_id_format = S("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    assert_done(identifier(desk));
    assert_slice(desk->identifier, "ab@acme.example");
}

static void qualifiers_are_part_of_it(void **state) {
    struct desk *desk = *state;
    desk->identity.name_qualifier = S("a");
    assert_done(identifier(desk));
    assert_slice(desk->identifier, "00u1\na\n");
    desk->identity.name_qualifier = SLICE_NONE;
    desk->identity.sp_name_qualifier = S("a");
    assert_done(identifier(desk));
    assert_slice(desk->identifier, "00u1\n\na");
}

static void a_transient_name_id_gives_way_to_an_address(void **state) {
    struct desk *desk = *state;
    desk->identity.name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:transient");
    assert_done(identifier(desk));
    assert_slice(desk->identifier, "00u1");
    send(desk, "email", "jane@acme.example");
    assert_done(identifier(desk));
    assert_slice(desk->identifier, "jane@acme.example");
}

static void without_anything_nobody_is_identified(void **state) {
    struct desk *desk = *state;
    desk->identity.name_id = SLICE_NONE;
    assert_reason(identifier(desk), SUBJECT_NAME_ID_MISSING);
    desk->identity.name_id = S("  ");
    assert_reason(identifier(desk), SUBJECT_NAME_ID_MISSING);
    desk->policy.identifier_attribute = S("employee");
    assert_reason(identifier(desk), ATTRIBUTE_REQUIRED_MISSING);
    send(desk, "employee", "4711");
    assert_done(identifier(desk));
    assert_slice(desk->identifier, "4711");
}

static void the_first_name_with_a_value_counts(void **state) {
    struct desk *desk = *state;
    static const struct slice names[] = {S_ROW("sn"), S_ROW("surname"), {NULL, 0}};
    send(desk, "surname", "Smith");
    assert_slice(identity_value(&desk->identity, names), "Smith");
    send(desk, "sn", " ");
    assert_slice(identity_value(&desk->identity, names), "Smith");
    desk->values[1] = S(" Miller ");
    assert_slice(identity_value(&desk->identity, names), "Miller");
    static const struct slice none[] = {S_ROW("SN"), {NULL, 0}};
    assert_int_equal(identity_value(&desk->identity, none).len, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, desk_open, desk_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_usual_names_of_an_address_are_known),
        T(a_name_id_that_is_an_address_goes_first),
        T(what_is_no_address_is_passed_over),
        T(a_named_attribute_is_the_only_source),
        T(the_name_id_identifies_as_it_is),
        T(qualifiers_are_part_of_it),
        T(a_transient_name_id_gives_way_to_an_address),
        T(without_anything_nobody_is_identified),
        T(the_first_name_with_a_value_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
