// SPDX-License-Identifier: GPL-3.0-or-later
// Hints: every login reason has one, each vendor's console is named, and the values of the check
// are in it.
#include "people.h"

static int desk_open(void **state) {
    struct op *op = test_calloc(1, sizeof *op);
    op_open(op, NOON);
    *state = op;
    return 0;
}
static int desk_close(void **state) {
    struct op *op = *state;
    op_close(op);
    test_free(op);
    return 0;
}

static void every_login_reason_has_a_general_hint(void **state) {
    struct op *op = *state;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        struct slice hint = trace_hint(op, &reason_table[i], S("https://idp.example"), NULL);
        if (reason_table[i].class == CLASS_LOGIN && hint.len == 0) {
            fail_msg("%s has no hint", reason_table[i].slug);
        }
        assert_true(slice_find(hint, S("{")) == SIZE_MAX);
    }
}

static void no_other_reason_has_one(void **state) {
    struct op *op = *state;
    assert_int_equal(trace_hint(op, REASON_OF(NOT_FOUND), S("https://x"), NULL).len, 0);
    assert_int_equal(trace_hint(op, NULL, S("https://x"), NULL).len, 0);
}

static struct trace wrong_audience(struct op *op) {
    struct trace trace;
    assert_done(trace_open(op, S("acme-okta"), S("acme"), &trace));
    trace_add(op, &trace, "issuer", CHECK_PASS, S("no"), S("no"));
    trace_add(op, &trace, "audience", CHECK_FAIL, S("https://sp.example/saml/acme"),
              S("https://sp.example/saml/acme/"));
    return trace;
}

static void the_values_of_the_failed_check_are_in_the_hint(void **state) {
    struct op *op = *state;
    struct trace trace = wrong_audience(op);
    assert_slice(
        trace_hint(op, REASON_OF(CONDITIONS_AUDIENCE), S("http://www.okta.com/exk1"), &trace),
        "Applications > the app > General > SAML Settings > Audience URI (SP Entity ID): "
        "set it to \"https://sp.example/saml/acme\"; the message says "
        "\"https://sp.example/saml/acme/\".");
}

static void each_vendor_is_known_by_its_entity_id(void **state) {
    struct op *op = *state;
    static const struct {
        const char *entity_id, *words;
    } vendors[] = {
        {"http://www.okta.com/exk1", "Audience URI"},
        {"https://acme.oktapreview.com/x", "Audience URI"},
        {"https://sts.windows.net/0000/", "Identifier (Entity ID)"},
        {"http://adfs.acme.example/adfs/services/trust", "Identifiers"},
        {"https://accounts.google.com/o/saml2?idpid=C01", "Service provider details"},
        {"https://sso.acme.example/realms/acme", "Client ID"},
        {"https://idp.acme.example/idp/shibboleth", "SP metadata"},
        {"https://idp.acme.example/", "Set the audience"},
    };
    struct trace trace = wrong_audience(op);
    for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; i++) {
        struct slice hint =
            trace_hint(op, REASON_OF(CONDITIONS_AUDIENCE), slice_str(vendors[i].entity_id), &trace);
        assert_true(slice_find(hint, slice_str(vendors[i].words)) != SIZE_MAX);
    }
}

static void the_issuer_of_the_message_tells_the_vendor_when_no_idp_is_set_up(void **state) {
    struct op *op = *state;
    struct trace trace = wrong_audience(op);
    trace.issuer = S("https://sts.windows.net/0000/");
    struct slice hint = trace_hint(op, REASON_OF(CONDITIONS_AUDIENCE), SLICE_NONE, &trace);
    assert_true(slice_find(hint, S("Enterprise applications")) != SIZE_MAX);
}

static void a_value_that_is_not_there_is_called_nothing(void **state) {
    struct op *op = *state;
    struct slice hint = trace_hint(op, REASON_OF(SUBJECT_RECIPIENT), S("https://x"), NULL);
    assert_true(slice_find(hint, S("the message says nothing")) != SIZE_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, desk_open, desk_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(every_login_reason_has_a_general_hint),
        T(no_other_reason_has_one),
        T(the_values_of_the_failed_check_are_in_the_hint),
        T(each_vendor_is_known_by_its_entity_id),
        T(the_issuer_of_the_message_tells_the_vendor_when_no_idp_is_set_up),
        T(a_value_that_is_not_there_is_called_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
