// SPDX-License-Identifier: GPL-3.0-or-later
// What the worker takes and what it refuses: forms of XML, places of signatures, the view of the
// root.
#include "base/unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "worker/canonicalise.h"

#define RESPONSE(attributes, inside)                                                               \
    "<p:Response xmlns:p='" NS_SAMLP "' xmlns:s='" NS_SAML "' xmlns:d='" NS_DSIG "' " attributes   \
    ">" inside "</p:Response>"
#define EXC "http://www.w3.org/2001/10/xml-exc-c14n#"
#define INC "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define ENVELOPED "<d:Transform Algorithm='http://www.w3.org/2000/09/xmldsig#enveloped-signature'/>"
#define SIGNED_BY(method, transforms)                                                              \
    "<d:Signature><d:SignedInfo><d:CanonicalizationMethod Algorithm='" method "'/>"                \
    "<d:Reference URI='#a'><d:Transforms>" transforms "</d:Transforms></d:Reference>"              \
    "</d:SignedInfo><d:SignatureValue>QUJD</d:SignatureValue></d:Signature>"
#define SIGNATURE SIGNED_BY(EXC, ENVELOPED "<d:Transform Algorithm='" EXC "'/>")

static struct msg_canonical message;

static reason take(void **state, const char *xml) {
    return canonicalise_message(*state, slice_str(xml), &message);
}

// ---- forms of XML ----

static void a_plain_message_is_taken(void **state) {
    assert_done(take(state, RESPONSE("ID='r'", "")));
    assert_text(message.envelope.name, "Response");
    assert_text(message.envelope.id, "r");
    assert_int_equal(message.signature_count, 0);
    assert_done(
        take(state, "\xEF\xBB\xBF<?xml version='1.0' encoding = \"utf-8\" ?>" RESPONSE("", "")));
}

static void a_document_type_is_refused_before_anything_is_defined(void **state) {
    const char *samples[] = {
        "<!DOCTYPE a>" RESPONSE("", ""),
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'>" RESPONSE("", ""),
        "<!DOCTYPE a [<!ENTITY b 'c'>]>" RESPONSE("", "&b;"),
        "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>" RESPONSE("", "&b;"),
        "<!DOCTYPE a [<!ENTITY % b SYSTEM 'file:///etc/passwd'> %b;]>" RESPONSE("", ""),
        "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]>" RESPONSE("", ""),
        "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>"
        "<!ENTITY c '&b;&b;&b;&b;'>]>" RESPONSE("", "&c;"),
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        assert_refused(take(state, samples[i]), SAML_DTD_FORBIDDEN);
    }
}

static void what_is_no_well_formed_utf8_xml_is_refused(void **state) {
    const char *samples[] = {
        "",
        "hello",
        RESPONSE("", "<a>"),
        RESPONSE("", "") "<b/>",
        RESPONSE("", "&undefined;"),
        RESPONSE("a='&undefined;'", ""),
        RESPONSE("", "<q:a/>"),
        RESPONSE("q:a='1'", ""),
        RESPONSE("a='1' a='2'", ""),
        RESPONSE("", "\xC3("),
        RESPONSE("", "&#0;"),
        RESPONSE("", "<r:a xmlns:r='relative/name'/>" SIGNATURE),
        "<?xml version='1.0' encoding='ISO-8859-1'?>" RESPONSE("", ""),
        "<?xml version='1.0' encoding='UTF-16'?>" RESPONSE("", ""),
        "<?xml version='1.0' encoding='UTF-7'?>" RESPONSE("", ""),
        "<?xml version='1.0' encoding=UTF-8?>" RESPONSE("", ""),
        "<?xml version='1.1'?>" RESPONSE("", ""),
        "<?xml version='1.0' ",
        "<Response/>",
        "<Response xmlns='urn:oasis:names:tc:SAML:1.0:protocol'/>",
        "<s:Assertion xmlns:s='" NS_SAML "'/>",
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        reason why = take(state, samples[i]);
        if (why != REASON_OF(SAML_MALFORMED)) {
            fail_msg("%s: %s", samples[i], why != NULL ? why->slug : "taken");
        }
    }
    assert_refused(canonicalise_message(*state, S(RESPONSE("", "\0")), &message), SAML_MALFORMED);
    assert_refused(canonicalise_message(*state, S("\xFF\xFE<\0a\0/\0>\0"), &message),
                   SAML_MALFORMED);
}

// `head`, `count` times `piece`, `tail`.
static struct slice repeat(void **state, const char *head, const char *piece, size_t count,
                           const char *tail) {
    size_t size = strlen(head) + count * strlen(piece) + strlen(tail) + 1;
    char *at = NULL;
    assert_done(op_take(*state, size, &at));
    char *end = stpcpy(at, head);
    for (size_t i = 0; i < count; i++) {
        end = stpcpy(end, piece);
    }
    end = stpcpy(end, tail);
    return slice_of(at, (size_t)(end - at));
}
#define HEAD "<p:Response xmlns:p='" NS_SAMLP "' xmlns:s='" NS_SAML "' xmlns:d='" NS_DSIG "'>"
#define TAIL "</p:Response>"

static void a_thousand_groups_are_taken_quickly(void **state) {
    struct slice xml = repeat(
        state,
        HEAD "<s:Assertion ID='a'>" SIGNATURE "<s:AttributeStatement><s:Attribute Name='groups'>",
        "<s:AttributeValue xmlns:xs='http://www.w3.org/2001/XMLSchema' "
        "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='xs:string'>"
        "CN=group-name,OU=groups,DC=example,DC=com</s:AttributeValue>\n",
        1000, "</s:Attribute></s:AttributeStatement></s:Assertion>" TAIL);
    int64_t start = clock_steady();
    assert_done(canonicalise_message(*state, xml, &message));
    assert_int_equal(message.signature_count, 1);
    // It takes some 5 ms; a walk that is quadratic takes seconds, also here under valgrind.
    assert_true(clock_steady() - start < 2000);
}

static void bounds_hold(void **state) {
    struct {
        struct slice good, bad;
    } samples[] = {
        {repeat(state, HEAD, "<a/>", XML_NODES_MAX - 4, TAIL),
         repeat(state, HEAD, "<a/>", XML_NODES_MAX, TAIL)},
        {repeat(state, HEAD, "<!---->", XML_NODES_MAX - 4, TAIL),
         repeat(state, HEAD, "<!---->", XML_NODES_MAX, TAIL)},
        {repeat(state, HEAD "<!--", "-a", 1000, "-->" TAIL),
         repeat(state, HEAD "<!--", "xy", MSG_XML_MAX / 2, "-->" TAIL)},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        assert_done(canonicalise_message(*state, samples[i].good, &message));
        assert_refused(canonicalise_message(*state, samples[i].bad, &message), SAML_TOO_LARGE);
    }
    struct slice deep = repeat(state, HEAD, "<a>", XML_DEPTH_MAX, TAIL);
    assert_refused(canonicalise_message(*state, deep, &message), SAML_TOO_LARGE);
    struct slice wide = repeat(state, HEAD "<a", " b='c'", 40, "/>" TAIL);
    assert_refused(canonicalise_message(*state, wide, &message), SAML_MALFORMED);
}

static void attributes_and_namespaces_are_bounded(void **state) {
    struct buf xml;
    for (size_t count = XML_ATTRIBUTES_MAX; count <= XML_ATTRIBUTES_MAX + 1; count++) {
        buf_open(&xml, *state, MSG_XML_MAX);
        buf_str(&xml, HEAD "<a ");
        for (size_t i = 0; i < count; i++) {
            buf_printf(&xml, "b%zu='' ", i);
        }
        buf_str(&xml, "/>" TAIL);
        reason why = canonicalise_message(*state, buf_slice(&xml), &message);
        assert_ptr_equal(why, count > XML_ATTRIBUTES_MAX ? REASON_OF(SAML_TOO_LARGE) : NULL);
    }
    for (size_t count = XML_NAMESPACES_MAX - 3; count <= XML_NAMESPACES_MAX - 2; count++) {
        buf_open(&xml, *state, MSG_XML_MAX);
        buf_str(&xml, HEAD "<a>");
        buf_str(&xml, "<b ");
        for (size_t i = 0; i < count; i++) {
            buf_printf(&xml, "xmlns:b%zu='urn:b' ", i);
        }
        buf_str(&xml, "><c/></b></a>" TAIL);
        reason why = canonicalise_message(*state, buf_slice(&xml), &message);
        assert_ptr_equal(why, count > XML_NAMESPACES_MAX - 3 ? REASON_OF(SAML_TOO_LARGE) : NULL);
    }
}

// Each of these takes a parser or a canonicaliser that is not careful seconds.
static void messages_made_to_be_slow_are_not(void **state) {
    int64_t start = clock_steady();
    struct buf xml;
    buf_open(&xml, *state, 3U << 20);
    buf_str(&xml, HEAD "<a ");
    for (size_t i = 0; i < 90000; i++) {
        buf_printf(&xml, "b%zu='' ", i);
    }
    buf_str(&xml, "/>" TAIL);
    assert_refused(canonicalise_message(*state, buf_slice(&xml), &message), SAML_TOO_LARGE);
    // One long namespace that exclusive canonical form repeats at each element.
    struct slice name = repeat(state, "", "x", 1000, "");
    struct slice head = op_text(*state, HEAD SIGNATURE "<a xmlns:q='urn:%.*s'>", SLICE(name));
    assert_refused(canonicalise_message(
                       *state, repeat(state, head.at, "<q:b/>", 40000, "</a>" TAIL), &message),
                   SAML_TOO_LARGE);
    name = repeat(state, "", "x", XML_NAMESPACE_URI_MAX, "");
    head = op_text(*state, HEAD "<a xmlns:q='urn:%.*s'/>" TAIL, SLICE(name));
    assert_refused(canonicalise_message(*state, head, &message), SAML_TOO_LARGE);
    // Many IDs.
    buf_open(&xml, *state, 3U << 20);
    buf_str(&xml, HEAD);
    for (size_t i = 0; i < 20000; i++) {
        buf_printf(&xml, "<a ID='%zu'/>", i);
    }
    buf_str(&xml, TAIL);
    assert_refused(canonicalise_message(*state, buf_slice(&xml), &message), SAML_TOO_LARGE);
    assert_true(clock_steady() - start < 10000);
}

// ---- signatures ----

static void signatures_are_found_where_saml_allows_them(void **state) {
    assert_done(take(state, RESPONSE("ID='r'", SIGNATURE "<s:Assertion ID='a'>" SIGNATURE
                                                         "<s:Subject/></s:Assertion>")));
    assert_int_equal(message.signature_count, 2);
    assert_int_equal(message.envelope.misplaced, 0);
    assert_int_equal(message.signatures[0].parent, MSG_PARENT_ROOT);
    assert_text(message.signatures[0].parent_id, "r");
    assert_int_equal(message.signatures[1].parent, MSG_PARENT_ASSERTION);
    assert_text(message.signatures[1].parent_id, "a");
    assert_text(message.signatures[1].value, "QUJD");
    assert_text(message.signatures[1].covered, "<s:Assertion xmlns:s=\"" NS_SAML
                                               "\" ID=\"a\"><s:Subject></s:Subject></s:Assertion>");
    // The one over the response covers the other, and the tree was put together again after each.
    assert_true(slice_find(message.signatures[0].covered, S("<d:Signature ")) != SIZE_MAX);
    assert_true(slice_starts(message.signatures[0].signed_info, S("<d:SignedInfo xmlns:d=")));
}

static void signatures_elsewhere_are_counted_as_misplaced(void **state) {
    assert_done(take(state, RESPONSE("ID='r'", "<s:Assertion ID='a'><s:Subject>" SIGNATURE
                                               "</s:Subject></s:Assertion><p:Status>" SIGNATURE
                                               "</p:Status>")));
    assert_int_equal(message.signature_count, 0);
    assert_int_equal(message.envelope.misplaced, 2);
    assert_done(
        take(state, RESPONSE("", "<x><s:Assertion ID='a'>" SIGNATURE "</s:Assertion></x>")));
    assert_int_equal(message.signature_count, 0);
    assert_int_equal(message.envelope.misplaced, 1);
}

static void signatures_in_free_form_places_are_not_looked_at(void **state) {
    assert_done(take(state, RESPONSE("", "<p:Extensions>" SIGNATURE "</p:Extensions>"
                                         "<s:Assertion ID='a'><s:Advice><s:Assertion ID='b'>"
                                         "<d:Signature/></s:Assertion></s:Advice></s:Assertion>"
                                         "<x><d:Object><y>" SIGNATURE "</y></d:Object></x>")));
    assert_int_equal(message.signature_count, 0);
    assert_int_equal(message.envelope.misplaced, 0);
    // What comes after such a place is looked at again.
    assert_done(take(state, RESPONSE("", "<p:Extensions><x/></p:Extensions><y>" SIGNATURE "</y>")));
    assert_int_equal(message.envelope.misplaced, 1);
    // Only the elements of these namespaces are such places.
    assert_done(take(state, RESPONSE("", "<Advice>" SIGNATURE "</Advice>")));
    assert_int_equal(message.envelope.misplaced, 1);
}

static void more_signatures_than_are_looked_at_are_refused(void **state) {
    assert_done(take(state, RESPONSE("", SIGNATURE SIGNATURE SIGNATURE SIGNATURE)));
    assert_refused(take(state, RESPONSE("", SIGNATURE SIGNATURE SIGNATURE SIGNATURE SIGNATURE)),
                   SIGNATURE_MISPLACED);
}

static void an_id_on_two_elements_is_refused(void **state) {
    assert_done(take(state, RESPONSE("ID='r'", "<s:Assertion ID='a'/><b Id='c'/><e p:ID='r'/>")));
    assert_refused(take(state, RESPONSE("ID='r'", "<s:Assertion ID='r'/>")),
                   SIGNATURE_DUPLICATE_ID);
    assert_refused(take(state, RESPONSE("ID='r'", "<a><b Id='&#114;'/></a>")),
                   SIGNATURE_DUPLICATE_ID);
    assert_refused(take(state, RESPONSE("ID='r'", "<a id='r'/>")), SIGNATURE_DUPLICATE_ID);
    assert_refused(take(state, RESPONSE("ID='r'", "<a xml:id='r'/>")), SIGNATURE_DUPLICATE_ID);
    assert_refused(take(state, RESPONSE("ID='r'", "<p:Extensions><s:Assertion ID='r'/>"
                                                  "</p:Extensions>")),
                   SIGNATURE_DUPLICATE_ID);
}

static void only_two_canonical_forms_and_the_envelope_are_known(void **state) {
    assert_done(take(state, RESPONSE("", SIGNED_BY(INC, ENVELOPED))));
    assert_done(
        take(state, RESPONSE("", SIGNED_BY(INC, ENVELOPED "<d:Transform Algorithm='" INC "'/>"))));
    const char *samples[] = {
        RESPONSE("", SIGNED_BY(EXC "WithComments", ENVELOPED)),
        RESPONSE("", SIGNED_BY(INC "#WithComments", ENVELOPED)),
        RESPONSE("", SIGNED_BY("http://www.w3.org/2006/12/xml-c14n11", ENVELOPED)),
        RESPONSE("", SIGNED_BY("", ENVELOPED)),
        RESPONSE("", SIGNED_BY(EXC, "")),
        RESPONSE("", SIGNED_BY(EXC, "<d:Transform Algorithm='" EXC "'/>")),
        RESPONSE("", SIGNED_BY(EXC, "<d:Transform Algorithm='" EXC "'/>" ENVELOPED)),
        RESPONSE("", SIGNED_BY(EXC, ENVELOPED ENVELOPED)),
        RESPONSE("", SIGNED_BY(EXC, ENVELOPED "<d:Transform Algorithm='" EXC
                                              "'/><d:Transform Algorithm='" EXC "'/>")),
        RESPONSE("", SIGNED_BY(EXC, ENVELOPED "<d:Transform Algorithm="
                                              "'http://www.w3.org/TR/1999/REC-xpath-19991116'/>")),
        RESPONSE("", SIGNED_BY(EXC, ENVELOPED "<d:Transform Algorithm="
                                              "'http://www.w3.org/TR/1999/REC-xslt-19991116'/>")),
        RESPONSE("", SIGNED_BY(EXC, ENVELOPED "<Transform Algorithm='" EXC "'/>")),
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        reason why = take(state, samples[i]);
        if (why != REASON_OF(SIGNATURE_TRANSFORM)) {
            fail_msg("sample %zu: %s", i, why != NULL ? why->slug : "taken");
        }
    }
}

static void a_signature_with_parts_missing_or_doubled_is_refused(void **state) {
    const char *start =
        "<d:Signature><d:SignedInfo><d:CanonicalizationMethod Algorithm='" EXC "'/>";
    const char *reference =
        "<d:Reference URI='#a'><d:Transforms>" ENVELOPED "</d:Transforms></d:Reference>";
    struct {
        const char *references[2], *end;
        reason why;
    } samples[] = {
        {{reference, ""}, "</d:SignedInfo><d:SignatureValue>QQ==</d:SignatureValue>", NULL},
        {{reference, reference},
         "</d:SignedInfo><d:SignatureValue>QQ==</d:SignatureValue>",
         REASON_OF(SIGNATURE_REFERENCE)},
        {{"", ""},
         "</d:SignedInfo><d:SignatureValue>QQ==</d:SignatureValue>",
         REASON_OF(SIGNATURE_REFERENCE)},
        {{reference, ""}, "</d:SignedInfo>", REASON_OF(SIGNATURE_REFERENCE)},
        {{reference, ""},
         "</d:SignedInfo><d:SignatureValue> \n</d:SignatureValue>",
         REASON_OF(SIGNATURE_VALUE)},
        {{reference, ""},
         "</d:SignedInfo><d:SignatureValue>QQ==</d:SignatureValue><d:SignedInfo/>",
         REASON_OF(SIGNATURE_REFERENCE)},
        {{reference, "<d:CanonicalizationMethod Algorithm='x'/>"},
         "</d:SignedInfo><d:SignatureValue>QQ==</d:SignatureValue>",
         REASON_OF(SIGNATURE_REFERENCE)},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct slice xml =
            op_text(*state, HEAD "%s%s%s%s</d:Signature>" TAIL, start, samples[i].references[0],
                    samples[i].references[1], samples[i].end);
        assert_ptr_equal(canonicalise_message(*state, xml, &message), samples[i].why);
    }
    assert_refused(take(state, RESPONSE("", "<d:Signature/>")), SIGNATURE_REFERENCE);
}

// ---- the view of the root ----

static void the_envelope_is_what_the_root_says(void **state) {
    assert_done(take(
        state,
        RESPONSE(
            "ID='r' Version='2.0' IssueInstant='t' Destination='https://sp/acs?a&amp;b' "
            "InResponseTo='q'",
            "<s:Issuer>https://idp<!-- x -->.example</s:Issuer><p:Status><p:StatusCode Value='a'>"
            "<p:StatusCode Value='b'/></p:StatusCode><p:StatusMessage>no <![CDATA[way]]>"
            "</p:StatusMessage></p:Status><s:Assertion ID='1'/><s:Assertion ID='2'/>"
            "<s:EncryptedAssertion><x/></s:EncryptedAssertion>")));
    const struct msg_envelope *envelope = &message.envelope;
    assert_text(envelope->version, "2.0");
    assert_text(envelope->issue_instant, "t");
    assert_text(envelope->destination, "https://sp/acs?a&b");
    assert_text(envelope->in_response_to, "q");
    assert_text(envelope->issuer, "https://idp.example");
    assert_text(envelope->status, "a");
    assert_text(envelope->sub_status, "b");
    assert_text(envelope->status_message, "no way");
    assert_int_equal(envelope->assertions, 2);
    assert_int_equal(envelope->encrypted, 1);
    assert_int_equal(message.encrypted_count, 1);
    assert_text(message.encrypted[0],
                "<s:EncryptedAssertion xmlns:s=\"" NS_SAML "\"><x></x></s:EncryptedAssertion>");
}

static void texts_have_ceilings_and_a_status_message_is_cut(void **state) {
    struct slice text = repeat(state, "", "\xC3\xA4", MSG_TEXT_MAX / 2, "");
    struct slice issuer = op_text(*state, HEAD "<s:Issuer>%.*s</s:Issuer>" TAIL, SLICE(text));
    assert_done(canonicalise_message(*state, issuer, &message));
    assert_int_equal(message.envelope.issuer.len, MSG_TEXT_MAX);
    issuer = op_text(*state, HEAD "<s:Issuer>%.*s!</s:Issuer>" TAIL, SLICE(text));
    assert_refused(canonicalise_message(*state, issuer, &message), SAML_TOO_LARGE);
    struct slice status =
        op_text(*state, HEAD "<p:Status><p:StatusMessage>!%.*s</p:StatusMessage></p:Status>" TAIL,
                SLICE(text));
    assert_done(canonicalise_message(*state, status, &message));
    assert_int_equal(message.envelope.status_message.len, MSG_TEXT_MAX - 1);
}

static void a_third_encrypted_assertion_is_counted_and_not_carried(void **state) {
    assert_done(take(state, RESPONSE("", "<s:EncryptedAssertion/><s:EncryptedAssertion/>"
                                         "<s:EncryptedAssertion/>")));
    assert_int_equal(message.envelope.encrypted, 3);
    assert_int_equal(message.encrypted_count, MSG_ENCRYPTED_MAX);
}

static void a_whole_document_stands_alone(void **state) {
    struct msg_whole whole;
    assert_done(canonicalise_whole(
        *state, S("<!-- c --><a:b xmlns:a='urn:a' c='d'><!-- c -->e</a:b>"), &whole));
    assert_text(whole.canonical, "<a:b xmlns:a=\"urn:a\" c=\"d\">e</a:b>");
    assert_int_equal(whole.signature.signed_info.len, 0);
    // A signature that cannot be read is none, so that who asks for one refuses.
    assert_done(canonicalise_whole(
        *state, S(RESPONSE("", SIGNED_BY(EXC "WithComments", ENVELOPED))), &whole));
    assert_int_equal(whole.signature.signed_info.len, 0);
    assert_done(canonicalise_whole(*state, S(RESPONSE("", SIGNATURE)), &whole));
    assert_true(whole.signature.signed_info.len > 0);
    assert_refused(canonicalise_whole(*state, S("<!DOCTYPE a><a/>"), &whole), SAML_DTD_FORBIDDEN);
    assert_refused(canonicalise_whole(*state, S("<a>"), &whole), SAML_MALFORMED);
}

static int open_worker_op(void **state) {
    if (open_op(state) != 0) {
        return -1;
    }
    ((struct op *)*state)->arena.ceiling = 2 * XML_ARENA_CEILING;
    return 0;
}
#define WORKER_TEST(name) cmocka_unit_test_setup_teardown(name, open_worker_op, close_op)

static int init(void **state) {
    (void)state;
    xml_init();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORKER_TEST(a_plain_message_is_taken),
        WORKER_TEST(a_document_type_is_refused_before_anything_is_defined),
        WORKER_TEST(what_is_no_well_formed_utf8_xml_is_refused),
        WORKER_TEST(a_thousand_groups_are_taken_quickly),
        WORKER_TEST(bounds_hold),
        WORKER_TEST(attributes_and_namespaces_are_bounded),
        WORKER_TEST(messages_made_to_be_slow_are_not),
        WORKER_TEST(signatures_are_found_where_saml_allows_them),
        WORKER_TEST(signatures_elsewhere_are_counted_as_misplaced),
        WORKER_TEST(signatures_in_free_form_places_are_not_looked_at),
        WORKER_TEST(more_signatures_than_are_looked_at_are_refused),
        WORKER_TEST(an_id_on_two_elements_is_refused),
        WORKER_TEST(only_two_canonical_forms_and_the_envelope_are_known),
        WORKER_TEST(a_signature_with_parts_missing_or_doubled_is_refused),
        WORKER_TEST(the_envelope_is_what_the_root_says),
        WORKER_TEST(texts_have_ceilings_and_a_status_message_is_cut),
        WORKER_TEST(a_third_encrypted_assertion_is_counted_and_not_carried),
        WORKER_TEST(a_whole_document_stands_alone),
    };
    return cmocka_run_group_tests(tests, init, NULL);
}
