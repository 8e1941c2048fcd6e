// SPDX-License-Identifier: GPL-3.0-or-later
// The POST and Redirect bindings: what they decode, what they bound, what they refuse.
#include "saml/binding.h"

#include <zlib.h>

#include "saml/forge.h"
#include "saml/sp.h"

// The SP's key is not what is tested here: this one signs by copying the octets.
reason sp_sign(struct op *op, const struct sp_keys *keys, struct slice octets,
               struct slice *ret_signature) {
    assert_non_null(keys);
    return op_copy(op, octets, ret_signature);
}

static struct slice deflated(struct op *op, struct slice text) {
    unsigned char *out = NULL;
    size_t room = text.len + 1000;
    assert_done(op_take(op, room, &out));
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text.at, .avail_in = (uInt)text.len,
                       .next_out = out, .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&stream);
    return slice_of(out, room - stream.avail_out);
}

static struct slice url(struct op *op, struct slice text) {
    struct slice out;
    assert_done(encode_url(op, text, &out));
    return out;
}

static struct slice form_of(struct op *op, struct slice xml) {
    return op_text(op, "SAMLResponse=%.*s", SLICE(url(op, base64(op, xml))));
}

static reason post(struct op *op, struct slice body) {
    struct post_form form;
    return binding_post(op, body, &form);
}

static reason get(struct op *op, struct slice query) {
    struct query_message message;
    return binding_query(op, query, &message);
}

// ---- POST ----

static void a_form_is_decoded(void **state) {
    struct op *op = *state;
    struct post_form form;
    struct slice body = op_text(op, "x=1&%.*s&RelayState=%%2Fa%%3Fb%%3Dc+d&y", SLICE(form_of(op, S("<a/>"))));
    assert_done(binding_post(op, body, &form));
    assert_text(form.xml, "<a/>");
    assert_text(form.raw, "PGEvPg==");
    assert_text(form.relay_state, "/a?b=c d");
    assert_false(form.is_request);
    assert_false(form.posted_again);
    assert_done(binding_post(op, S("SAMLRequest=PGEv%0D%0APg%3d%3D&" POSTED_AGAIN_FIELD "=1"), &form));
    assert_text(form.xml, "<a/>");
    assert_true(form.is_request);
    assert_true(form.posted_again);
    assert_null(form.relay_state.at);
    assert_done(binding_post(op, S("RelayState=&SAMLResponse=77u/IDxhLz4="), &form)); // BOM and a space
    assert_non_null(form.relay_state.at);
    assert_int_equal(form.relay_state.len, 0);
}

static void a_form_of_another_shape_is_refused(void **state) {
    struct op *op = *state;
    assert_refused(post(op, S("")), SAML_BINDING);
    assert_refused(post(op, S("RelayState=x")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse")), SAML_MALFORMED);
    assert_refused(post(op, S("samlresponse=PGEvPg==")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse=PGEvPg==&SAMLResponse=PGEvPg==")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse=PGEvPg==&SAML%52esponse=PGEvPg==")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse=PGEvPg==&SAMLResponse=")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse=PGEvPg==&SAMLRequest=PGEvPg==")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse=PGEvPg==&SAMLart=x")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse=PGEvPg==&RelayState=x&RelayState=x")), SAML_BINDING);
    assert_refused(post(op, S("SAMLResponse=")), SAML_MALFORMED);
    assert_refused(post(op, S("SAMLResponse=%zz")), SAML_MALFORMED);
    assert_refused(post(op, S("SAMLResponse=PGEvPg==&RelayState=%")), SAML_MALFORMED);
    assert_refused(post(op, S("SAMLResponse=PGEvPg")), SAML_MALFORMED);
    assert_refused(post(op, S("SAMLResponse=PGEv*g==")), SAML_MALFORMED);
    assert_refused(post(op, form_of(op, S("plain text"))), SAML_MALFORMED);
    assert_refused(post(op, form_of(op, S("<\0a\0/\0>\0"))), SAML_MALFORMED);
    assert_refused(post(op, form_of(op, S("<a/>\0"))), SAML_MALFORMED);
}

static void a_deflated_message_in_a_form_is_refused(void **state) {
    struct op *op = *state;
    assert_refused(post(op, form_of(op, deflated(op, S("<samlp:Response/>")))), SAML_BINDING);
    assert_refused(post(op, form_of(op, deflated(op, S("something else")))), SAML_MALFORMED);
}

static void a_form_has_a_ceiling(void **state) {
    struct op *op = *state;
    for (size_t more = 0; more < 2; more++) {
        char *xml = NULL;
        assert_done(op_take(op, SAML_XML_MAX + more, &xml));
        memset(xml, ' ', SAML_XML_MAX + more);
        xml[0] = '<';
        reason why = post(op, form_of(op, slice_of(xml, SAML_XML_MAX + more)));
        check_reason(why, more == 0 ? NULL : REASON_OF(SAML_TOO_LARGE), __FILE__, __LINE__);
    }
    char *body = NULL;
    assert_done(op_take(op, SAML_FORM_MAX + 1, &body));
    memset(body, 'A', SAML_FORM_MAX + 1);
    assert_refused(post(op, slice_of(body, SAML_FORM_MAX + 1)), SAML_TOO_LARGE);
}

static void a_relay_state_that_cannot_be_ours_counts_as_absent(void **state) {
    struct op *op = *state;
    struct post_form form;
    assert_done(binding_post(op, S("SAMLResponse=PGEvPg==&RelayState=a%0Ab"), &form));
    assert_null(form.relay_state.at);
    assert_done(binding_post(op, S("SAMLResponse=PGEvPg==&RelayState=%FF"), &form));
    assert_null(form.relay_state.at);
    char *value = NULL;
    assert_done(op_take(op, RELAY_STATE_MAX + 1, &value));
    memset(value, 'a', RELAY_STATE_MAX + 1);
    for (size_t more = 0; more < 2; more++) {
        assert_done(binding_post(op, op_text(op, "SAMLResponse=PGEvPg==&RelayState=%.*s",
                                             SLICE(slice_of(value, RELAY_STATE_MAX + more))), &form));
        assert_int_equal(form.relay_state.at == NULL, more == 1);
    }
}

// ---- Redirect ----

static struct slice query_of(struct op *op, struct slice xml) {
    return op_text(op, "SAMLRequest=%.*s", SLICE(url(op, base64(op, deflated(op, xml)))));
}

static void a_query_is_inflated(void **state) {
    struct op *op = *state;
    struct query_message message;
    struct slice query = query_of(op, S("<a>b</a>"));
    assert_done(binding_query(op, query, &message));
    assert_text(message.xml, "<a>b</a>");
    assert_true(message.is_request);
    assert_null(message.algorithm.at);
    assert_null(message.relay_state.at);
    assert_done(binding_query(op, edit(op, query, "SAMLRequest", "x=%41&SAMLResponse"), &message));
    assert_false(message.is_request);
}

static void the_signed_octets_are_as_received_and_in_order(void **state) {
    struct op *op = *state;
    struct query_message message;
    struct slice request = query_of(op, S("<a>b</a>"));
    struct slice want = op_text(op, "%.*s&RelayState=a%%2fb+c&SigAlg=http%%3a%%2f%%2fx", SLICE(request));
    assert_done(binding_query(op, op_text(op, "%.*s&Signature=AQID", SLICE(want)), &message));
    assert_slice(message.signed_octets, want);
    assert_text(message.algorithm, "http://x");
    assert_text(message.relay_state, "a/b c");
    assert_slice(message.signature, S("\x01\x02\x03"));
    // Another order of the parameters, the same order of the octets.
    assert_done(binding_query(op, op_text(op, "Signature=AQID&z=1&SigAlg=http%%3a%%2f%%2fx&"
                                          "RelayState=a%%2fb+c&%.*s", SLICE(request)), &message));
    assert_slice(message.signed_octets, want);
}

static void a_declaration_and_a_mark_are_taken_off(void **state) {
    struct op *op = *state;
    struct query_message message;
    static const char *const good[] = {
        "\xEF\xBB\xBF", "<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_done(binding_query(op, query_of(op, op_text(op, "%s<a/>", good[i])), &message));
        assert_text(message.xml, "<a/>");
    }
    // What is left is the reader's to refuse.
    static const char *const bad[] = {"<?xml version=\"1.1\"?>", "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
                                      "<?xml-stylesheet href=\"x\"?>"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct slice xml = op_text(op, "%s<a/>", bad[i]);
        assert_done(binding_query(op, query_of(op, xml), &message));
        assert_slice(message.xml, xml);
    }
}

static void a_query_of_another_shape_is_refused(void **state) {
    struct op *op = *state;
    struct slice good = query_of(op, S("<a>b</a>"));
    static const struct {
        const char *tail;
        reason why;
    } rows[] = {
        {"", NULL},
        {"&SAMLRequest=x", REASON_OF(SAML_BINDING)},
        {"&SAMLResponse=x", REASON_OF(SAML_BINDING)},
        {"&SAMLart=x", REASON_OF(SAML_BINDING)},
        {"&RelayState=x&RelayState=x", REASON_OF(SAML_BINDING)},
        {"&%52elayState=x", REASON_OF(SAML_BINDING)},
        {"&SigAlg=x", REASON_OF(SAML_BINDING)},
        {"&Signature=AQID", REASON_OF(SAML_BINDING)},
        {"&SigAlg=x&Signature=AQID&Signature=AQID", REASON_OF(SAML_BINDING)},
        {"&SigAlg=x&SigAlg=x&Signature=AQID", REASON_OF(SAML_BINDING)},
        {"&SAMLEncoding=urn:x", REASON_OF(SAML_BINDING)},
        {"&SAMLEncoding=urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE", NULL},
        {"&SigAlg=x&Signature=%21", REASON_OF(SAML_MALFORMED)},
        {"&SigAlg=%&Signature=AQID", REASON_OF(SAML_MALFORMED)},
        {"&RelayState=%2", REASON_OF(SAML_MALFORMED)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reason why = get(op, op_text(op, "%.*s%s", SLICE(good), rows[i].tail));
        if (why != rows[i].why) {
            fail_msg("%s: %s", rows[i].tail, why != NULL ? why->slug : "done");
        }
    }
    assert_refused(get(op, S("")), SAML_BINDING);
    assert_refused(get(op, S("SAMLRequest=")), SAML_MALFORMED);
    assert_refused(get(op, S("SAMLRequest=%zz")), SAML_MALFORMED);
    assert_refused(get(op, S("SAMLRequest=AQID")), SAML_MALFORMED);
    assert_refused(get(op, query_of(op, S("<\0a\0>"))), SAML_MALFORMED);
    struct slice bytes = deflated(op, S("<a>b</a>"));
    assert_refused(get(op, op_text(op, "SAMLRequest=%.*s", SLICE(url(op, base64(op, slice_sub(bytes, 0, bytes.len - 1)))))),
                   SAML_MALFORMED);
    char *more = NULL;
    assert_done(op_take(op, bytes.len + 1, &more));
    memcpy(more, bytes.at, bytes.len);
    assert_refused(get(op, op_text(op, "SAMLRequest=%.*s", SLICE(url(op, base64(op, slice_of(more, bytes.len + 1)))))),
                   SAML_MALFORMED);
}

static void a_bomb_is_refused(void **state) {
    struct op *op = *state;
    for (size_t more = 0; more < 2; more++) {
        char *xml = NULL;
        assert_done(op_take(op, SAML_XML_MAX + more, &xml));
        memset(xml, ' ', SAML_XML_MAX + more);
        xml[0] = '<';
        reason why = get(op, query_of(op, slice_of(xml, SAML_XML_MAX + more)));
        check_reason(why, more == 0 ? NULL : REASON_OF(SAML_TOO_LARGE), __FILE__, __LINE__);
    }
    char *query = NULL;
    assert_done(op_take(op, QUERY_MAX + 1, &query));
    memset(query, 'A', QUERY_MAX + 1);
    assert_refused(get(op, slice_of(query, QUERY_MAX + 1)), SAML_TOO_LARGE);
}

// ---- writing ----

static void a_redirect_is_written_and_read_back(void **state) {
    struct op *op = *state;
    struct slice to, octets;
    struct query_message message;
    static const char keys[] = "stands for keys";
    assert_done(binding_redirect_url(op, S("https://idp.example/sso"), "SAMLRequest", S("<a>b</a>"),
                                     S("handle 1"), (const struct sp_keys *)(const void *)keys, &to));
    assert_true(slice_starts(to, S("https://idp.example/sso?SAMLRequest=")));
    size_t question = slice_find(to, S("?"));
    assert_done(binding_query(op, slice_sub(to, question + 1, to.len), &message));
    assert_text(message.xml, "<a>b</a>");
    assert_text(message.relay_state, "handle 1");
    assert_text(message.algorithm, MORE "rsa-sha256");
    octets = slice_sub(to, question + 1, slice_find(to, S("&Signature=")));
    assert_slice(message.signed_octets, octets);
    assert_slice(message.signature, octets); // sp_sign above signs by copying
}

static void a_location_with_a_query_and_a_fragment_is_joined(void **state) {
    struct op *op = *state;
    struct slice to;
    assert_done(binding_redirect_url(op, S("https://idp.example/sso?idp=1#x"), "SAMLResponse", S("<a/>"),
                                     SLICE_NONE, NULL, &to));
    assert_true(slice_starts(to, S("https://idp.example/sso?idp=1&SAMLResponse=")));
    assert_int_equal(slice_find(to, S("RelayState")), SIZE_MAX);
    assert_int_equal(slice_find(to, S("Signature")), SIZE_MAX);
    assert_int_equal(slice_find(to, S("#")), SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_form_is_decoded),
        TEST(a_form_of_another_shape_is_refused),
        TEST(a_deflated_message_in_a_form_is_refused),
        TEST(a_form_has_a_ceiling),
        TEST(a_relay_state_that_cannot_be_ours_counts_as_absent),
        TEST(a_query_is_inflated),
        TEST(the_signed_octets_are_as_received_and_in_order),
        TEST(a_declaration_and_a_mark_are_taken_off),
        TEST(a_query_of_another_shape_is_refused),
        TEST(a_bomb_is_refused),
        TEST(a_redirect_is_written_and_read_back),
        TEST(a_location_with_a_query_and_a_fragment_is_joined),
    };
    RUN(tests);
}
