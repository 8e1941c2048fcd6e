// SPDX-License-Identifier: GPL-3.0-or-later
// The messages between gate and worker: what is written is read, and what is not exactly it is
// refused.
#include "base/unit.h"

#include "saml/msg.h"

#define ROOM (8U << 20)

static char room[ROOM];

static struct slice fields(const struct wire_out *out) {
    struct wire_head head;
    assert_true(wire_head(out->at, &head));
    assert_int_equal(head.length + WIRE_HEAD, out->len);
    return slice_of(out->at + WIRE_HEAD, head.length);
}

static struct msg_canonical sample(void) {
    return (struct msg_canonical){
        .envelope = {.name = S("Response"),
                     .id = S("r"),
                     .version = S("2.0"),
                     .issue_instant = S("t"),
                     .destination = S("d"),
                     .in_response_to = S("q"),
                     .issuer = S("i"),
                     .status = S("s"),
                     .sub_status = S("u"),
                     .status_message = S("m\nn"),
                     .assertions = 1,
                     .encrypted = 3,
                     .misplaced = 2},
        .signatures = {{.parent = MSG_PARENT_ROOT,
                        .parent_id = S("r"),
                        .signed_info = S("<a/>"),
                        .value = S("QQ=="),
                        .covered = S("<b/>")},
                       {.parent = MSG_PARENT_ASSERTION,
                        .signed_info = S("<c/>"),
                        .value = S("Qg=="),
                        .covered = S("<d/>")}},
        .signature_count = 2,
        .encrypted = {S("<e/>"), S("<f/>")},
        .encrypted_count = 2,
    };
}

static bool get(const struct msg_canonical *message, struct msg_canonical *ret_message) {
    struct wire_out out;
    assert_true(msg_put_canonical(&out, room, ROOM, 7, message));
    return msg_get_canonical(fields(&out), ret_message);
}

static void a_question_is_read_as_it_was_written(void **state) {
    (void)state;
    struct wire_out out;
    struct slice xml;
    struct wire_head head;
    assert_true(msg_put_ask(&out, room, ROOM, MSG_CANONICALISE, 7, S("<a/>")));
    assert_true(wire_head(out.at, &head));
    assert_int_equal(head.kind, MSG_CANONICALISE);
    assert_int_equal(head.job, 7);
    assert_true(msg_get_ask(fields(&out), &xml));
    assert_text(xml, "<a/>");
    assert_false(msg_put_ask(&out, room, 20, MSG_CANONICALISE, 7, S("<a/>")));
    static char large[MSG_XML_MAX + 1];
    assert_true(msg_put_ask(&out, room, ROOM, MSG_WHOLE, 7, slice_of(large, MSG_XML_MAX)));
    assert_true(msg_get_ask(fields(&out), &xml));
    assert_true(msg_put_ask(&out, room, ROOM, MSG_WHOLE, 7, slice_of(large, MSG_XML_MAX + 1)));
    assert_false(msg_get_ask(fields(&out), &xml));
}

static void an_answer_is_read_as_it_was_written(void **state) {
    (void)state;
    struct msg_canonical want = sample();
    struct msg_canonical got;
    assert_true(get(&want, &got));
    assert_text(got.envelope.name, "Response");
    assert_text(got.envelope.destination, "d");
    assert_text(got.envelope.status_message, "m\nn");
    assert_int_equal(got.envelope.assertions, 1);
    assert_int_equal(got.envelope.encrypted, 3);
    assert_int_equal(got.envelope.misplaced, 2);
    assert_int_equal(got.signature_count, 2);
    assert_text(got.signatures[0].parent_id, "r");
    assert_int_equal(got.signatures[1].parent, MSG_PARENT_ASSERTION);
    assert_text(got.signatures[1].signed_info, "<c/>");
    assert_text(got.signatures[1].value, "Qg==");
    assert_text(got.signatures[1].covered, "<d/>");
    assert_int_equal(got.encrypted_count, 2);
    assert_text(got.encrypted[1], "<f/>");
}

static void an_answer_cut_or_longer_is_none(void **state) {
    (void)state;
    struct msg_canonical message = sample();
    struct wire_out out;
    assert_true(msg_put_canonical(&out, room, ROOM, 7, &message));
    struct slice all = fields(&out);
    for (size_t len = 0; len < all.len; len++) {
        assert_false(msg_get_canonical(slice_sub(all, 0, len), &message));
    }
    assert_true(msg_get_canonical(all, &message));
    assert_false(msg_get_canonical(slice_of(all.at, all.len + 1), &message));
}

static void a_signature_over_nothing_is_none(void **state) {
    (void)state;
    struct msg_canonical got;
    struct msg_canonical message = sample();
    message.signatures[1].covered = S("");
    assert_false(get(&message, &got));
    message = sample();
    message.signatures[0].signed_info = S("");
    assert_false(get(&message, &got));
    message = sample();
    message.signatures[0].value = S("");
    assert_false(get(&message, &got));
    message = sample();
    message.signatures[0].parent = 2;
    assert_false(get(&message, &got));
}

static void counts_and_texts_have_ceilings(void **state) {
    (void)state;
    static char text[MSG_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    struct msg_canonical got;
    struct msg_canonical message = sample();
    message.envelope.issuer = slice_of(text, MSG_TEXT_MAX);
    assert_true(get(&message, &got));
    message.envelope.issuer = slice_of(text, MSG_TEXT_MAX + 1);
    assert_false(get(&message, &got));
    message = sample();
    message.envelope.id = S("\xC3");
    assert_false(get(&message, &got));
    message = sample();
    message.envelope.encrypted = 1; // and two are carried
    assert_false(get(&message, &got));
    message = sample();
    message.encrypted[0] = S("");
    assert_false(get(&message, &got));
    message = sample();
    message.envelope.misplaced = UINT32_MAX;
    assert_false(get(&message, &got));
}

static void a_refusal_names_a_known_reason_on_one_line(void **state) {
    (void)state;
    struct wire_out out;
    reason why;
    struct slice detail;
    assert_true(msg_put_refused(&out, room, ROOM, 7, REASON_OF(SAML_MALFORMED), S("line 3")));
    assert_true(msg_get_refused(fields(&out), &why, &detail));
    assert_ptr_equal(why, REASON_OF(SAML_MALFORMED));
    assert_text(detail, "line 3");
    assert_true(msg_put_refused(&out, room, ROOM, 7, REASON_OF(SAML_MALFORMED), S("3\n4")));
    assert_false(msg_get_refused(fields(&out), &why, &detail));
    struct reason none = {.number = REASON_COUNT};
    assert_true(msg_put_refused(&out, room, ROOM, 7, &none, S("")));
    assert_false(msg_get_refused(fields(&out), &why, &detail));
}

static void a_whole_document_is_signed_or_not(void **state) {
    (void)state;
    struct wire_out out;
    struct msg_whole got;
    struct msg_whole message = {.canonical = S("<a/>")};
    assert_true(msg_put_whole(&out, room, ROOM, 7, &message));
    assert_true(msg_get_whole(fields(&out), &got));
    assert_text(got.canonical, "<a/>");
    assert_int_equal(got.signature.signed_info.len, 0);
    message.signature = sample().signatures[0];
    assert_true(msg_put_whole(&out, room, ROOM, 7, &message));
    assert_true(msg_get_whole(fields(&out), &got));
    assert_text(got.signature.covered, "<b/>");
    message.signature.parent = MSG_PARENT_ASSERTION;
    assert_true(msg_put_whole(&out, room, ROOM, 7, &message));
    assert_false(msg_get_whole(fields(&out), &got));
    message = (struct msg_whole){.canonical = S("")};
    assert_true(msg_put_whole(&out, room, ROOM, 7, &message));
    assert_false(msg_get_whole(fields(&out), &got));
}

static void an_opinion_is_asked_and_given_as_it_was_written(void **state) {
    (void)state;
    struct wire_out out;
    struct msg_opinion_ask ask = {S("<a/>"), S("<i/>"), S("<s/>")};
    struct msg_opinion_ask asked;
    assert_true(msg_put_opinion_ask(&out, room, ROOM, 7, &ask));
    assert_true(msg_get_opinion_ask(fields(&out), &asked));
    assert_text(asked.xml, "<a/>");
    assert_text(asked.idp, "<i/>");
    assert_text(asked.sp, "<s/>");
    struct slice all = fields(&out);
    assert_false(msg_get_opinion_ask(slice_sub(all, 0, all.len - 1), &asked));
    struct msg_opinion given = {true, S("w"), S("n"), S("i")};
    struct msg_opinion got;
    assert_true(msg_put_opinion(&out, room, ROOM, 7, &given));
    all = fields(&out);
    assert_true(msg_get_opinion(all, &got));
    assert_true(got.accepted);
    assert_text(got.words, "w");
    assert_text(got.name_id, "n");
    assert_text(got.issuer, "i");
    for (size_t i = 0; i < all.len; i++) {
        assert_false(msg_get_opinion(slice_sub(all, 0, i), &got));
    }
    const struct msg_opinion bad[] = {
        {true, S("w\nw"), S("n"), S("i")}, {true, S("w"), S("\xFF"), S("i")}, {true, S("w"), S("n"), S("\xFF")}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(msg_put_opinion(&out, room, ROOM, 7, &bad[i]));
        assert_false(msg_get_opinion(fields(&out), &got));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_question_is_read_as_it_was_written),
        TEST(an_answer_is_read_as_it_was_written),
        TEST(an_answer_cut_or_longer_is_none),
        TEST(a_signature_over_nothing_is_none),
        TEST(counts_and_texts_have_ceilings),
        TEST(a_refusal_names_a_known_reason_on_one_line),
        TEST(a_whole_document_is_signed_or_not),
        TEST(an_opinion_is_asked_and_given_as_it_was_written),
    };
    RUN(tests);
}
