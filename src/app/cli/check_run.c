// SPDX-License-Identifier: GPL-3.0-or-later
// The message goes the way of the assertion consumer: the form is decoded, the worker
// canonicalises, the gate verifies, the rules run. What stands in the store at the gate (which
// request waits) comes from the command line.
#include "app/cli/check.h"

#include "base/encode.h"
#include "saml/brake.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static bool is_form(struct slice text) {
    static const char *const fields[] = {"SAMLResponse=", "SAMLRequest=", "SAMLart="};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct slice field = slice_str(fields[i]);
        if (slice_find(text, field) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

reason check_form(struct op *op, struct slice input, struct slice *ret_form) {
    struct slice text = slice_trim(input);
    struct slice base64 = text;
    struct slice escaped = S("");
    bool marked = slice_starts(text, S(BYTE_ORDER_MARK));
    if (marked || slice_starts(text, S("<"))) {
        if (text.len > SAML_XML_MAX) {
            REFUSE(op, SAML_TOO_LARGE, "the message has %zu bytes, at most %u are taken", text.len,
                   SAML_XML_MAX);
        }
        TRY(encode_base64(op, input, &base64));
    } else if (is_form(text)) {
        *ret_form = text;
        return NULL;
    }
    TRY(encode_url(op, base64, &escaped));
    *ret_form = op_text(op, "SAMLResponse=%.*s", SLICE(escaped));
    return NULL;
}

static reason decode(struct op *op, const struct check *check, struct slice *ret_xml) {
    struct slice body;
    struct post_form form;
    TRY(check_form(op, check->input, &body));
    TRY(binding_post(op, body, &form));
    if (form.is_request) {
        REFUSE(op, SAML_BINDING, "this is a SAMLRequest; a SAMLResponse is expected");
    }
    *ret_xml = form.xml;
    return NULL;
}

// ---- does it answer what was asked

static reason fail_request(struct op *op, struct trace *trace, reason why, struct slice expected,
                           struct slice got) {
    trace_add(op, trace, "request", CHECK_FAIL, expected, got);
    return op_refuse(op, why, "expected %.*s, got %.*s", SLICE(expected), SLICE(got));
}

static reason check_unsolicited(struct op *op, const struct check *check, struct slice id,
                                struct trace *trace) {
    if (id.len > 0) {
        return fail_request(op, trace, REASON_OF(RESPONSE_IN_RESPONSE_TO_UNKNOWN),
                            S("no InResponseTo"), id);
    }
    if (check->stored && !check->connection.policy.unsolicited) {
        return fail_request(op, trace, REASON_OF(RESPONSE_UNSOLICITED_REFUSED),
                            S("an answer to a sign-in that was started here"),
                            S("an unsolicited response"));
    }
    trace_add(op, trace, "request", CHECK_PASS, S("an unsolicited response"),
              S("an unsolicited response"));
    return NULL;
}

static reason check_answer(struct op *op, const struct check *check, struct slice id,
                           struct trace *trace) {
    if (id.len == 0) {
        return fail_request(op, trace, REASON_OF(RESPONSE_IN_RESPONSE_TO_MISSING),
                            check->in_response_to, S("no InResponseTo"));
    }
    if (!slice_equal(id, check->in_response_to)) {
        return fail_request(op, trace, REASON_OF(RESPONSE_IN_RESPONSE_TO_UNKNOWN),
                            check->in_response_to, id);
    }
    trace_add(op, trace, "request", CHECK_PASS, check->in_response_to, id);
    return NULL;
}

static reason check_asked(struct op *op, const struct check *check, const struct identity *identity,
                          struct trace *trace) {
    struct slice id = identity->in_response_to;
    switch (check->request) {
    case REQUEST_ANSWER: return check_answer(op, check, id, trace);
    case REQUEST_UNSOLICITED: return check_unsolicited(op, check, id, trace);
    case REQUEST_ANY: break;
    }
    trace_add(op, trace, "request", CHECK_SKIP, S("--in-response-to ID or --unsolicited"),
              id.len > 0 ? id : S("an unsolicited response"));
    return NULL;
}

// ---- all of it

static reason judge(struct op *op, const struct check *check, const struct trust *trust,
                    struct brake *brake, struct check_outcome *outcome) {
    struct inbound inbound = {.trust = trust,
                              .entity_id = check->entity_id,
                              .acs_url = check->acs_url,
                              .pool = check->pool,
                              .keys = check->own_keys != NULL ? check->own_keys : check->keys,
                              .brake = brake};
    struct trace *trace = &outcome->trace;
    reason why = decode(op, check, &inbound.xml);
    if (why != NULL) {
        trace_add(op, trace, "decoding", CHECK_FAIL, S("a SAMLResponse: XML, base64, or a form"),
                  op->detail);
    } else {
        trace_add(op, trace, "decoding", CHECK_PASS, S("a SAMLResponse"),
                  op_text(op, "%zu bytes of XML", inbound.xml.len));
        why = saml_receive(op, &inbound, trace, &outcome->identity);
    }
    if (why == NULL) {
        why = check_asked(op, check, &outcome->identity, trace);
    } else {
        trace_add(op, trace, "request", CHECK_SKIP, S(""), S(""));
    }
    trace_add(op, trace, "replay", CHECK_SKIP, S(""),
              S("only a running gate knows what was used before"));
    trace_add(op, trace, "login", CHECK_SKIP, S(""),
              S("only a running gate knows users and roles"));
    return why;
}

static reason judge_with(struct op *op, const struct check *check, const struct trust *trust,
                         struct check_outcome *outcome) {
    TRY(trace_open(op, check->connection.slug, check->connection.tenant, &outcome->trace));
    struct brake *brake = brake_open(); // nobody probes a key here, but without one CBC is refused
    if (brake == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory to check the message");
    }
    reason why = judge(op, check, trust, brake, outcome);
    brake_close(brake);
    if (why != NULL && why->class != CLASS_LOGIN) {
        return why;
    }
    trace_close(op, &outcome->trace, why);
    if (why != NULL && outcome->trace.detail.len == 0) {
        outcome->trace.detail = slice_str(why->text);
    }
    return NULL;
}

reason check_run(struct op *op, const struct check *check, struct check_outcome *ret_outcome) {
    const struct trust *trust = NULL;
    struct check_outcome outcome = {.trace = {.accepted = false}};
    TRY(trust_make(op, &check->connection, &trust));
    reason why = judge_with(op, check, trust, &outcome);
    trust_free(trust);
    TRY(why);
    *ret_outcome = outcome;
    return NULL;
}
