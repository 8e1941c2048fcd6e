// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever the file of `gatehouse check` holds becomes the form that a browser would have posted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/cli/check.h"

#define XML "<samlp:Response>\xc3\xa9+/=</samlp:Response>"
#define BASE64 "PHNhbWxwOlJlc3BvbnNlPsOpKy89PC9zYW1scDpSZXNwb25zZT4="
#define ESCAPED "PHNhbWxwOlJlc3BvbnNlPsOpKy89PC9zYW1scDpSZXNwb25zZT4%3D"

static void decodes(struct slice input, struct slice xml) {
    struct op op;
    struct slice body;
    struct post_form form;
    op_open(&op, 0);
    assert_null(check_form(&op, input, &body));
    assert_null(binding_post(&op, body, &form));
    assert_false(form.is_request);
    assert_true(slice_equal(form.xml, xml));
    op_close(&op);
}

static void xml_base64_and_forms_are_the_same(void **state) {
    (void)state;
    decodes(S(XML), S(XML));
    decodes(S(BASE64), S(XML));
    decodes(S("  " BASE64 "\n"), S(XML));
    decodes(S("PHNhbWxwOlJlc3Bv\r\nbnNlPsOpKy89PC9zYW1s\r\ncDpSZXNwb25zZT4=\r\n"), S(XML));
    decodes(S("SAMLResponse=" ESCAPED), S(XML));
    decodes(S("RelayState=x&SAMLResponse=" ESCAPED "\n"), S(XML));
}

static void refuses(struct slice input, reason expected) {
    struct op op;
    struct slice body;
    struct post_form form;
    op_open(&op, 0);
    reason why = check_form(&op, input, &body);
    if (why == NULL) {
        why = binding_post(&op, body, &form);
    }
    assert_ptr_equal(why, expected);
    op_close(&op);
}

static void what_is_none_of_them_is_refused_as_at_the_door(void **state) {
    (void)state;
    refuses(S(""), REASON_OF(SAML_MALFORMED));
    refuses(S("***"), REASON_OF(SAML_MALFORMED));
    refuses(S("SAMLResponse=***"), REASON_OF(SAML_MALFORMED));
    refuses(S("SAMLResponse=" ESCAPED "&SAMLResponse=" ESCAPED), REASON_OF(SAML_BINDING));
    refuses(S("SAMLart=AAQ"), REASON_OF(SAML_BINDING));
    static char huge[SAML_XML_MAX + 2];
    memset(huge, 'a', sizeof huge);
    huge[0] = '<';
    refuses(slice_of(huge, sizeof huge), REASON_OF(SAML_TOO_LARGE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_base64_and_forms_are_the_same),
        cmocka_unit_test(what_is_none_of_them_is_refused_as_at_the_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
