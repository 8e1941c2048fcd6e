// SPDX-License-Identifier: GPL-3.0-or-later
// Sign-in: an AuthnRequest (or a wish without one) becomes a page, and the page's answer a
// Response. Owns: which service provider asks, where its answer goes, when a session answers
// without a page. Never: builds XML; answer.c does.
#include "practice/practice.h"

#include <lasso/xml/saml-2.0/samlp2_authn_request.h>
#include <string.h>

// Lasso calls an unsigned query a wrong algorithm, so what is not there is looked for here.
static bool is_signed(const struct request *request, const LassoProfile *profile) {
    if (request_is_post(request)) {
        return profile->signature_status != LASSO_DS_ERROR_SIGNATURE_NOT_FOUND;
    }
    return request_arg(request, "Signature") != NULL || request_arg(request, "SigAlg") != NULL;
}

// A wrong signature is never ignored; a missing one only where the metadata promises none.
static bool signature_fits(const struct request *request, const LassoProfile *profile,
                           const struct sp *sp) {
    return is_signed(request, profile) ? profile->signature_status == 0 : !sp->signs_requests;
}

static LassoLogin *request_read(struct idp *idp, const char *message, int *ret_code) {
    LassoLogin *login = lasso_login_new(idp->server);
    *ret_code = lasso_login_process_authn_request_msg(login, message);
    return login;
}

// Metadata may have changed since we read it (a new key, a new service provider): then try once
// more.
static LassoLogin *request_open(struct idp *idp, const char *message, int *ret_code) {
    trust_refresh(idp, false);
    LassoLogin *login = request_read(idp, message, ret_code);
    if (*ret_code != 0 || LASSO_PROFILE(login)->signature_status != 0) {
        const LassoServer *before = idp->server;
        trust_refresh(idp, true);
        if (idp->server != before) {
            g_object_unref(login);
            login = request_read(idp, message, ret_code);
        }
    }
    return login;
}

static const char *first_class(const LassoSamlp2AuthnRequest *authn) {
    const GList *classes = authn->RequestedAuthnContext != NULL
                               ? authn->RequestedAuthnContext->AuthnContextClassRef
                               : NULL;
    return classes != NULL ? classes->data : NULL;
}

static struct pending *pending_from(struct idp *idp, const LassoSamlp2AuthnRequest *authn,
                                    const struct sp *sp, const struct endpoint *acs) {
    struct pending *pending = pending_new(idp, sp->entity_id, acs->location);
    pending->request_id = g_strdup(authn->parent.ID);
    pending->forced = authn->ForceAuthn;
    pending->passive = authn->IsPassive;
    pending->name_id_format =
        authn->NameIDPolicy != NULL ? g_strdup(authn->NameIDPolicy->Format) : NULL;
    pending->authn_class = g_strdup(first_class(authn));
    return pending;
}

static void refuse_stranger(const struct idp *idp, const LassoProfile *profile, int code,
                            struct reply *reply) {
    const char *issuer = profile->remote_providerID;
    GString *troubles = g_string_new(NULL);
    for (guint i = 0; i < idp->sps->len; i++) {
        const struct sp *sp = g_ptr_array_index(idp->sps, i);
        if (sp->trouble != NULL) {
            g_string_append_printf(troubles, " %s", sp->trouble);
        }
    }
    page_message(
        reply, 403, "This request is not accepted",
        "The AuthnRequest from %s is refused: %s. The service provider's metadata must be named"
        " with --sp when this program starts.%s",
        issuer != NULL ? issuer : "an unknown service provider", lasso_strerror(code),
        troubles->str);
    g_string_free(troubles, TRUE);
}

static struct pending *request_accept(struct idp *idp, const struct request *request,
                                      const LassoLogin *login, int code, struct reply *reply) {
    const LassoProfile *profile = &login->parent;
    const struct sp *sp = trust_find(idp, profile->remote_providerID);
    bool signature_trouble = profile->signature_status != 0 && profile->request != NULL;
    if (sp == NULL || profile->request == NULL || (code != 0 && !signature_trouble)) {
        refuse_stranger(idp, profile, code, reply);
        return NULL;
    }
    if (!signature_fits(request, profile, sp)) {
        page_message(reply, 403, "The signature does not fit",
                     "The AuthnRequest of %s is not signed with a key of its metadata: %s.",
                     sp->entity_id, lasso_strerror(profile->signature_status));
        return NULL;
    }
    const LassoSamlp2AuthnRequest *authn = LASSO_SAMLP2_AUTHN_REQUEST(profile->request);
    g_autofree char *own_url = g_strdup_printf("%s/sso", idp->base_url);
    if (authn->parent.Destination != NULL && strcmp(authn->parent.Destination, own_url) != 0) {
        page_message(reply, 403, "This request is for someone else",
                     "The AuthnRequest's Destination is %s; expected %s.",
                     authn->parent.Destination, own_url);
        return NULL;
    }
    const struct endpoint *acs =
        trust_acs(sp, authn->AssertionConsumerServiceURL, authn->AssertionConsumerServiceIndex);
    if (acs == NULL ||
        (authn->ProtocolBinding != NULL && strcmp(authn->ProtocolBinding, BINDING_POST) != 0)) {
        page_message(
            reply, 403, "There is nowhere to answer to",
            "The AuthnRequest asks for an answer at %s by %s; the metadata of %s names no such"
            " assertion consumer service, or it is not the POST binding.",
            authn->AssertionConsumerServiceURL != NULL ? authn->AssertionConsumerServiceURL
                                                       : "the default place",
            authn->ProtocolBinding != NULL ? authn->ProtocolBinding : "any binding", sp->entity_id);
        return NULL;
    }
    return pending_from(idp, authn, sp, acs);
}

static void replay(struct idp *idp, const struct pending *pending, struct reply *reply) {
    const struct sent *sent = g_hash_table_lookup(idp->sent, pending->sp_entity);
    if (sent == NULL) {
        page_message(
            reply, 409, "There is nothing to send again",
            "No correct answer went to %s yet. Sign in once without misbehaving, then replay.",
            pending->sp_entity);
        return;
    }
    page_post(reply, sent->acs, "SAMLResponse", sent->message, sent->relay_state,
              "The last correct answer is sent once more.");
}

static void remember_sent(struct idp *idp, const struct pending *pending, const char *message) {
    struct sent *sent = g_new0(struct sent, 1);
    sent->message = g_strdup(message);
    sent->acs = g_strdup(pending->acs);
    sent->relay_state = g_strdup(pending->relay_state);
    g_hash_table_replace(idp->sent, g_strdup(pending->sp_entity), sent);
}

static void post_answer(struct idp *idp, const struct answer *answer, struct reply *reply) {
    GString *xml = NULL;
    LassoNode *assertion = NULL;
    char *why = answer_build(idp, answer, &xml, &assertion);
    if (why != NULL) {
        page_message(reply, 500, "The answer could not be made", "%s", why);
        g_free(why);
        return;
    }
    g_autofree char *message = g_base64_encode((const guchar *)xml->str, xml->len);
    g_string_free(xml, TRUE);
    if (answer->fault == FAULT_NONE && answer->status == NULL) {
        remember_sent(idp, answer->pending, message);
    }
    if (assertion != NULL && answer->fault != FAULT_NO_NAME_ID) {
        lasso_session_add_assertion(answer->session->lasso, answer->sp->entity_id, assertion);
    }
    g_clear_object(&assertion);
    page_post(reply, answer->pending->acs, "SAMLResponse", message, answer->pending->relay_state,
              fault_rows[answer->fault].note);
}

static void post_error(struct idp *idp, const struct pending *pending,
                       const struct persona *persona, const char *status, const char *substatus,
                       const char *words, struct reply *reply) {
    struct answer answer = {
        .sp = trust_find(idp, pending->sp_entity),
        .pending = pending,
        .persona = persona,
        .status = status,
        .substatus = substatus,
        .status_message = words,
    };
    if (answer.sp == NULL) {
        page_message(reply, 403, "The service provider is gone", "%s is not known any more.",
                     pending->sp_entity);
        return;
    }
    post_answer(idp, &answer, reply);
}

static bool format_known(const char *format) {
    static const char *const known[] = {FORMAT_EMAIL, FORMAT_UNSPECIFIED, FORMAT_PERSISTENT,
                                        FORMAT_TRANSIENT};
    for (size_t i = 0; format != NULL && i < G_N_ELEMENTS(known); i++) {
        if (strcmp(format, known[i]) == 0) {
            return true;
        }
    }
    return format == NULL;
}

static void send_answer(struct idp *idp, const struct pending *pending, struct session *session,
                        enum fault fault, enum sign_what sign, struct reply *reply) {
    if (fault == FAULT_REPLAY) {
        replay(idp, pending, reply);
        return;
    }
    if (fault == FAULT_STATUS_ERROR) {
        post_error(idp, pending, session->persona, STATUS "Responder", STATUS "AuthnFailed",
                   "The practice provider was told to fail.", reply);
        return;
    }
    if (!format_known(pending->name_id_format)) {
        post_error(idp, pending, session->persona, STATUS "Requester", STATUS "InvalidNameIDPolicy",
                   "The requested NameID format is not offered.", reply);
        return;
    }
    struct answer answer = {
        .sp = trust_find(idp, pending->sp_entity),
        .pending = pending,
        .session = session,
        .persona = session->persona,
        .fault = fault,
        .sign = sign,
    };
    if (answer.sp == NULL) {
        page_message(reply, 403, "The service provider is gone", "%s is not known any more.",
                     pending->sp_entity);
        return;
    }
    post_answer(idp, &answer, reply);
}

static void next_step(struct idp *idp, const struct request *request, const struct pending *pending,
                      struct reply *reply) {
    struct session *session = session_of(idp, request);
    if (session != NULL && !pending->forced && !pending->choose) {
        send_answer(idp, pending, session, FAULT_NONE, SIGN_AS_PERSONA, reply);
    } else if (pending->passive) {
        post_error(idp, pending, idp->persona, STATUS "Responder", STATUS "NoPassive",
                   "Nobody is signed in here, and no page may be shown.", reply);
    } else {
        page_login(idp, pending, reply);
    }
}

void sso_request(struct idp *idp, const struct request *request, struct reply *reply) {
    bool post = request_is_post(request);
    const char *field = request_arg(request, "SAMLRequest");
    if (field == NULL || *field == '\0') {
        page_message(reply, 400, "There is no request",
                     "%s/sso expects a SAMLRequest by the Redirect or the POST binding.",
                     idp->base_url);
        return;
    }
    g_autofree char *message = wire_message(request, "SAMLRequest", "AuthnRequest");
    if (message == NULL) {
        page_message(
            reply, 400, "This is not a request",
            "The SAMLRequest is not an AuthnRequest of SAML 2.0 in the encoding of its binding.");
        return;
    }
    int code = 0;
    LassoLogin *login = request_open(idp, message, &code);
    struct pending *pending = request_accept(idp, request, login, code, reply);
    g_object_unref(login);
    if (pending == NULL) {
        return;
    }
    pending->relay_state = g_strdup(request_arg(request, "RelayState"));
    pending->choose = request_arg(request, "choose") != NULL;
    if (post && session_of(idp, request) == NULL) {
        // A browser keeps a SameSite=Lax cookie from a cross-site POST, but not from the GET after
        // it.
        g_autofree char *url =
            g_strdup_printf("%s/sso/continue?request_state=%s", idp->base_url, pending->state);
        reply_redirect(reply, 303, url);
        return;
    }
    next_step(idp, request, pending, reply);
}

static const struct pending *pending_or_page(struct idp *idp, const struct request *request,
                                             struct reply *reply) {
    const struct pending *pending = pending_find(idp, request_arg(request, "request_state"));
    if (pending == NULL) {
        page_message(
            reply, 400, "This sign-in is not known",
            "It is older than 15 minutes, or this program was started anew. Go back to the service"
            " and sign in again.");
    }
    return pending;
}

void sso_continue(struct idp *idp, const struct request *request, struct reply *reply) {
    const struct pending *pending = pending_or_page(idp, request, reply);
    if (pending != NULL) {
        next_step(idp, request, pending, reply);
    }
}

// What the page or a test driver chose. False: the reply says what is wrong.
static bool choices_read(struct idp *idp, const struct request *request, struct reply *reply,
                         const struct person **ret_person, const struct persona **ret_persona,
                         enum fault *ret_fault) {
    const char *user = request_arg(request, "user");
    const char *persona = request_arg(request, "persona");
    const char *fault = request_arg(request, "fault");
    *ret_person = people_find(idp->people, user);
    *ret_persona = persona == NULL || *persona == '\0' ? idp->persona : persona_find(persona);
    *ret_fault = FAULT_NONE;
    bool fault_fits = fault == NULL || *fault == '\0' || fault_find(fault, ret_fault);
    if (*ret_person == NULL) {
        page_message(reply, 400, "This person is not known",
                     "Nobody here has the e-mail address %s.",
                     user != NULL ? user : "(none was given)");
    } else if (*ret_persona == NULL) {
        page_message(reply, 400, "This persona is not known",
                     "%s is none of okta, entra, adfs, google, keycloak, shibboleth.", persona);
    } else if (!fault_fits) {
        page_message(reply, 400, "This fault is not known",
                     "The front page lists the faults; %s is none.", fault);
    }
    return *ret_person != NULL && *ret_persona != NULL && fault_fits;
}

static void answer_chosen(struct idp *idp, const struct request *request,
                          const struct pending *pending, struct reply *reply) {
    const struct person *person = NULL;
    const struct persona *persona = NULL;
    enum fault fault = FAULT_NONE;
    if (!choices_read(idp, request, reply, &person, &persona, &fault)) {
        return;
    }
    struct session *old = session_of(idp, request);
    if (old != NULL) {
        session_drop(idp, old);
    }
    struct session *session = session_new(idp, person);
    session->persona = persona;
    send_answer(idp, pending, session, fault, sign_find(request_arg(request, "sign")), reply);
    reply->cookie = g_strdup(session->cookie);
}

void sso_answer(struct idp *idp, const struct request *request, struct reply *reply) {
    const struct pending *pending = pending_or_page(idp, request, reply);
    if (pending != NULL) {
        answer_chosen(idp, request, pending, reply);
    }
}

void sso_unsolicited(struct idp *idp, const struct request *request, struct reply *reply) {
    trust_refresh(idp, false);
    const char *entity = request_arg(request, "sp");
    const struct sp *sp = entity == NULL && idp->sps->len == 1 ? g_ptr_array_index(idp->sps, 0)
                                                               : trust_find(idp, entity);
    const struct endpoint *acs = sp != NULL && sp->acs != NULL ? trust_acs(sp, NULL, -1) : NULL;
    if (acs == NULL) {
        page_message(
            reply, 404, "This service provider is not known",
            "%s is not the EntityID of a service provider with an assertion consumer service that"
            " was named with --sp.%s%s",
            entity != NULL ? entity : "(none)", sp != NULL && sp->trouble != NULL ? " " : "",
            sp != NULL && sp->trouble != NULL ? sp->trouble : "");
        return;
    }
    struct pending *pending = pending_new(idp, sp->entity_id, acs->location);
    const char *relay_state = request_arg(request, "relay_state");
    pending->relay_state =
        relay_state != NULL && *relay_state != '\0' ? g_strdup(relay_state) : NULL;
    if (request_arg(request, "user") == NULL) {
        page_login(idp, pending, reply);
        return;
    }
    answer_chosen(idp, request, pending, reply);
}
