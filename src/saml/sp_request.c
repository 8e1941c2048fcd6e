// SPDX-License-Identifier: GPL-3.0-or-later
// The messages that we send: AuthnRequest, LogoutRequest, LogoutResponse (SAML core 3.4, 3.7), each
// by Redirect or as a form. They ask for nothing that nobody asked for: a NameIDPolicy or a context
// too many is what IdPs refuse.
#include "base/clock.h"
#include "base/encode.h"
#include "saml/reader.h"
#include "saml/sp_write.h"

#define LOGOUT_LIFETIME                                                                            \
    (5 * MINUTE_MS) // a browser carries it over at once; clocks differ by minutes
#define SAML_ISSUER "saml:Issuer xmlns:saml=\"" NS_SAML "\""

// ---- where to ---------------------------------------------------------------------------------

// The first endpoint of the binding that is preferred, else the first of the other one. NULL: none.
static const struct endpoint *endpoint_of(struct rows endpoints, int preferred) {
    const struct endpoint *rows = endpoints.at;
    const struct endpoint *other = NULL;
    for (size_t i = 0; i < endpoints.count; i++) {
        if (rows[i].location.len == 0) {
            continue;
        }
        if (rows[i].binding == preferred) {
            return &rows[i];
        }
        if (other == NULL) {
            other = &rows[i];
        }
    }
    return other;
}

// A message up to the end of its Issuer, and what follows: the signature of a form goes between the
// two.
struct draft {
    const char *field;
    struct slice id, head, tail;
};

static reason to_form(struct op *op, const struct draft *draft, struct slice location,
                      struct slice relay_state, const struct sp_keys *keys,
                      struct outbound *ret_outbound) {
    struct slice xml;
    struct outbound out = {.post = true,
                           .field = slice_str(draft->field),
                           .relay_state = relay_state};
    // Callers give the connection back before they write the page.
    TRY(op_copy(op, location, &out.url));
    if (keys != NULL) {
        TRY(sp_sign_document(op, keys, draft->id, draft->head, draft->tail, &xml));
    } else {
        struct buf buf;
        buf_open(&buf, op, 2 * SP_DOCUMENT_MAX);
        buf_put(&buf, draft->head);
        buf_put(&buf, draft->tail);
        TRY(buf_done(&buf, &xml));
    }
    TRY(encode_base64(op, xml, &out.value));
    *ret_outbound = out;
    return NULL;
}

// keys NULL: not signed.
static reason dispatch(struct op *op, const struct draft *draft, int binding, struct slice location,
                       struct slice relay_state, const struct sp_keys *keys,
                       struct outbound *ret_outbound) {
    if (binding == BINDING_POST) {
        return to_form(op, draft, location, relay_state, keys, ret_outbound);
    }
    struct buf buf;
    struct slice xml;
    struct outbound out = {.post = false};
    buf_open(&buf, op, 2 * SP_DOCUMENT_MAX);
    buf_put(&buf, draft->head);
    buf_put(&buf, draft->tail);
    TRY(buf_done(&buf, &xml));
    TRY(binding_redirect_url(op, location, draft->field, xml, relay_state, keys, &out.url));
    *ret_outbound = out;
    return NULL;
}

static void put_time(struct xml *xml, const char *name, int64_t time) {
    char text[CLOCK_TEXT];
    xml_attribute(xml, name, clock_print(time, text));
}

// ---- AuthnRequest -----------------------------------------------------------------------------

static reason authn_head(struct op *op, const struct sp *sp, const struct policy *policy,
                         const struct pending *pending, struct slice location,
                         struct slice *ret_head) {
    struct xml xml;
    xml_open(&xml, op);
    xml_raw(&xml, "<samlp:AuthnRequest xmlns:samlp=\"" NS_SAMLP "\"");
    xml_attribute(&xml, "AssertionConsumerServiceURL", sp->acs_url);
    xml_attribute(&xml, "Destination", location);
    if (policy->force_authn) {
        xml_attribute(&xml, "ForceAuthn", S("true"));
    }
    xml_attribute(&xml, "ID", pending->request_id);
    put_time(&xml, "IssueInstant", op->now);
    xml_attribute(&xml, "ProtocolBinding", S(URI_BINDING_POST));
    xml_attribute(&xml, "Version", S("2.0"));
    xml_raw(&xml, ">");
    xml_leaf(&xml, SAML_ISSUER, sp->entity_id);
    return xml_done(&xml, ret_head);
}

static reason authn_tail(struct op *op, const struct policy *policy, struct slice *ret_tail) {
    struct xml xml;
    xml_open(&xml, op);
    if (policy->name_id_format.len > 0) {
        xml_raw(&xml, "<samlp:NameIDPolicy AllowCreate=\"true\"");
        xml_attribute(&xml, "Format", policy->name_id_format);
        xml_raw(&xml, "></samlp:NameIDPolicy>");
    }
    if (policy->authn_context.count > 0) {
        xml_raw(&xml, "<samlp:RequestedAuthnContext Comparison=\"exact\">");
        for (size_t i = 0; i < policy->authn_context.count; i++) {
            xml_leaf(&xml, "saml:AuthnContextClassRef xmlns:saml=\"" NS_SAML "\"",
                     policy->authn_context.at[i]);
        }
        xml_raw(&xml, "</samlp:RequestedAuthnContext>");
    }
    xml_raw(&xml, "</samlp:AuthnRequest>");
    return xml_done(&xml, ret_tail);
}

reason sp_authn_request(struct op *op, const struct sp *sp, const struct connection *connection,
                        const struct sp_keys *keys, const struct pending *pending,
                        struct outbound *ret_outbound) {
    const struct policy *policy = &connection->policy;
    const struct endpoint *to = endpoint_of(connection->idp.sso, policy->request_binding);
    if (to == NULL) {
        REFUSE(op, METADATA_NO_SSO_ENDPOINT,
               "connection %.*s has no sign-on address for the Redirect or the "
               "POST binding: give it the IdP's metadata or its SSO URL",
               SLICE(connection->slug));
    }
    bool sign = policy->sign_requests || connection->idp.want_signed_requests;
    struct draft draft = {.field = "SAMLRequest", .id = pending->request_id};
    TRY(authn_head(op, sp, policy, pending, to->location, &draft.head));
    TRY(authn_tail(op, policy, &draft.tail));
    return dispatch(op, &draft, to->binding, to->location, pending->handle, sign ? keys : NULL,
                    ret_outbound);
}

// ---- logout -----------------------------------------------------------------------------------

static reason logout_request_tail(struct op *op, const struct session *session,
                                  struct slice *ret_tail) {
    struct xml xml;
    xml_open(&xml, op);
    // As the login carried it, to the attribute: IdPs look the session up by all of them
    // (core 3.7.3.1).
    xml_raw(&xml, "<saml:NameID xmlns:saml=\"" NS_SAML "\"");
    if (session->name_id_format.len > 0) {
        xml_attribute(&xml, "Format", session->name_id_format);
    }
    if (session->name_qualifier.len > 0) {
        xml_attribute(&xml, "NameQualifier", session->name_qualifier);
    }
    if (session->sp_name_qualifier.len > 0) {
        xml_attribute(&xml, "SPNameQualifier", session->sp_name_qualifier);
    }
    if (session->sp_provided_id.len > 0) {
        xml_attribute(&xml, "SPProvidedID", session->sp_provided_id);
    }
    xml_raw(&xml, ">");
    xml_text(&xml, session->name_id);
    xml_raw(&xml, "</saml:NameID>");
    if (session->session_index.len > 0) {
        xml_leaf(&xml, "samlp:SessionIndex", session->session_index);
    }
    xml_raw(&xml, "</samlp:LogoutRequest>");
    return xml_done(&xml, ret_tail);
}

reason sp_logout_request(struct op *op, const struct sp *sp, const struct connection *connection,
                         const struct sp_keys *keys, const struct session *session,
                         const struct pending *pending, struct outbound *ret_outbound,
                         bool *ret_there) {
    const struct endpoint *to = endpoint_of(connection->idp.slo, BINDING_REDIRECT);
    if (to == NULL || session->name_id.len == 0) {
        *ret_there = false;
        return NULL;
    }
    struct draft draft = {.field = "SAMLRequest", .id = pending->request_id};
    struct xml xml;
    xml_open(&xml, op);
    xml_raw(&xml, "<samlp:LogoutRequest xmlns:samlp=\"" NS_SAMLP "\"");
    xml_attribute(&xml, "Destination", to->location);
    xml_attribute(&xml, "ID", draft.id);
    put_time(&xml, "IssueInstant", op->now);
    put_time(&xml, "NotOnOrAfter", op->now + LOGOUT_LIFETIME);
    xml_attribute(&xml, "Reason", S("urn:oasis:names:tc:SAML:2.0:logout:user"));
    xml_attribute(&xml, "Version", S("2.0"));
    xml_raw(&xml, ">");
    xml_leaf(&xml, SAML_ISSUER, sp->entity_id);
    TRY(xml_done(&xml, &draft.head));
    TRY(logout_request_tail(op, session, &draft.tail));
    TRY(dispatch(op, &draft, to->binding, to->location, pending->handle, keys, ret_outbound));
    *ret_there = true;
    return NULL;
}

static reason status_tail(struct op *op, const char *status, const char *sub_status,
                          struct slice *ret_tail) {
    bool success = status == NULL || status[0] == 0;
    struct xml xml;
    xml_open(&xml, op);
    xml_raw(&xml, "<samlp:Status><samlp:StatusCode");
    xml_attribute(&xml, "Value", slice_str(success ? SP_STATUS_SUCCESS : status));
    xml_raw(&xml, ">");
    if (sub_status != NULL && sub_status[0] != 0) {
        xml_raw(&xml, "<samlp:StatusCode");
        xml_attribute(&xml, "Value", slice_str(sub_status));
        xml_raw(&xml, "></samlp:StatusCode>");
    }
    xml_raw(&xml, "</samlp:StatusCode></samlp:Status></samlp:LogoutResponse>");
    return xml_done(&xml, ret_tail);
}

reason sp_logout_response(struct op *op, const struct sp *sp, const struct connection *connection,
                          const struct sp_keys *keys, struct slice in_response_to,
                          const char *status, const char *sub_status, struct slice relay_state,
                          struct outbound *ret_outbound) {
    const struct endpoint *to = endpoint_of(connection->idp.slo, BINDING_REDIRECT);
    if (to == NULL) {
        REFUSE(op, METADATA_NO_SSO_ENDPOINT,
               "connection %.*s has no logout address of its IdP to answer to",
               SLICE(connection->slug));
    }
    struct slice location = to->response_location.len > 0 ? to->response_location : to->location;
    struct draft draft = {.field = "SAMLResponse"};
    struct xml xml;
    TRY(sp_random_id(op, &draft.id));
    xml_open(&xml, op);
    xml_raw(&xml, "<samlp:LogoutResponse xmlns:samlp=\"" NS_SAMLP "\"");
    xml_attribute(&xml, "Destination", location);
    xml_attribute(&xml, "ID", draft.id);
    xml_attribute(&xml, "InResponseTo", in_response_to);
    put_time(&xml, "IssueInstant", op->now);
    xml_attribute(&xml, "Version", S("2.0"));
    xml_raw(&xml, ">");
    xml_leaf(&xml, SAML_ISSUER, sp->entity_id);
    TRY(xml_done(&xml, &draft.head));
    TRY(status_tail(op, status, sub_status, &draft.tail));
    return dispatch(op, &draft, to->binding, location, relay_state, keys, ret_outbound);
}
