// SPDX-License-Identifier: GPL-3.0-or-later
// Single logout: a service provider asks us to, answers us, or is told by us. All of it is lasso's
// protocol. Never: ends a session for a message whose signature does not hold.
#include "practice/practice.h"

#include <lasso/xml/saml-2.0/samlp2_logout_request.h>
#include <lasso/xml/saml-2.0/samlp2_status_response.h>
#include <string.h>

static bool same_name_id(const LassoSaml2NameID *asked, GList *sent) {
    for (; sent != NULL; sent = sent->next) {
        const LassoSaml2NameID *name_id = sent->data;
        if (g_strcmp0(asked->content, name_id->content) == 0 &&
            (asked->Format == NULL || g_strcmp0(asked->Format, name_id->Format) == 0)) {
            return true;
        }
    }
    return false;
}

static bool index_asked(LassoSamlp2LogoutRequest *asked, const struct session *session) {
    GList *indexes = lasso_samlp2_logout_request_get_session_indexes(asked);
    bool found = indexes == NULL;
    for (const GList *at = indexes; at != NULL; at = at->next) {
        found = found || g_strcmp0(at->data, session->session_index) == 0;
    }
    g_list_free_full(indexes, g_free);
    return found;
}

static bool concerns(LassoSamlp2LogoutRequest *asked, const struct session *session,
                     const char *sp_entity) {
    if (session->ended || asked->NameID == NULL) {
        return false;
    }
    GList *names = lasso_session_get_name_ids(session->lasso, sp_entity);
    bool same = same_name_id(asked->NameID, names) && index_asked(asked, session);
    g_list_free_full(names, g_object_unref);
    return same;
}

// Other service providers that this session signed in to, and that nobody told about its end.
static bool others_remain(const struct session *session, const char *sp_entity) {
    GHashTableIter iter;
    gpointer provider;
    g_hash_table_iter_init(&iter, session->lasso->assertions);
    while (g_hash_table_iter_next(&iter, &provider, NULL)) {
        if (strcmp(provider, sp_entity) != 0) {
            return true;
        }
    }
    return false;
}

static void status_set(LassoLogout *logout, const char *status, const char *substatus) {
    LassoSamlp2StatusResponse *response =
        LASSO_SAMLP2_STATUS_RESPONSE(LASSO_PROFILE(logout)->response);
    LassoSamlp2Status *fresh = LASSO_SAMLP2_STATUS(lasso_samlp2_status_new());
    fresh->StatusCode = LASSO_SAMLP2_STATUS_CODE(lasso_samlp2_status_code_new());
    fresh->StatusCode->Value = g_strdup(status);
    if (substatus != NULL) {
        fresh->StatusCode->StatusCode = LASSO_SAMLP2_STATUS_CODE(lasso_samlp2_status_code_new());
        fresh->StatusCode->StatusCode->Value = g_strdup(substatus);
    }
    g_clear_object(&response->Status);
    response->Status = fresh;
}

static void message_send(const LassoProfile *profile, const char *field, const char *relay_state,
                         const char *words, struct reply *reply) {
    if (profile->msg_body != NULL) {
        page_post(reply, profile->msg_url, field, profile->msg_body, relay_state, words);
    } else {
        reply_redirect(reply, 302, profile->msg_url);
    }
}

// Ends every session that the request means; the first one's lasso session answers for them.
static struct session *sessions_end(struct idp *idp, LassoSamlp2LogoutRequest *asked,
                                    const char *sp_entity, bool *ret_others) {
    struct session *first = NULL;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, idp->sessions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct session *session = value;
        if (concerns(asked, session, sp_entity)) {
            session->ended = true;
            *ret_others = *ret_others || others_remain(session, sp_entity);
            first = first != NULL ? first : session;
        }
    }
    return first;
}

static void logout_answer(struct idp *idp, LassoLogout *logout, const char *relay_state,
                          struct reply *reply) {
    LassoProfile *profile = LASSO_PROFILE(logout);
    LassoSamlp2LogoutRequest *asked = LASSO_SAMLP2_LOGOUT_REQUEST(profile->request);
    bool others = false;
    const struct session *session = sessions_end(idp, asked, profile->remote_providerID, &others);
    if (session != NULL) {
        // Only this provider's assertion: lasso refuses to answer while it knows of others.
        profile->session = lasso_session_new();
        lasso_session_add_assertion(
            profile->session, profile->remote_providerID,
            lasso_session_get_assertion(session->lasso, profile->remote_providerID));
    }
    int code = lasso_logout_validate_request(logout);
    if (profile->response == NULL) {
        page_message(reply, 500, "There is no answer to this sign-out", "lasso says: %s.",
                     lasso_strerror(code));
        return;
    }
    if (session == NULL) {
        status_set(logout, STATUS "Requester", STATUS "UnknownPrincipal");
    } else {
        status_set(logout, STATUS "Success", others ? STATUS "PartialLogout" : NULL);
    }
    g_free(profile->msg_relayState);
    profile->msg_relayState = g_strdup(relay_state);
    lasso_profile_set_signature_hint(profile, LASSO_PROFILE_SIGNATURE_HINT_FORCE);
    code = lasso_logout_build_response_msg(logout);
    if (code != 0 || profile->msg_url == NULL) {
        page_message(reply, 500, "There is no answer to this sign-out",
                     "lasso says: %s. Does the service provider's metadata name a place for it?",
                     lasso_strerror(code));
        return;
    }
    message_send(profile, "SAMLResponse", relay_state, "You are signed out here.", reply);
}

static bool times_and_place_fit(const struct idp *idp, const LassoSamlp2LogoutRequest *asked,
                                struct reply *reply) {
    g_autofree char *own_url = g_strdup_printf("%s/slo", idp->base_url);
    if (asked->parent.Destination != NULL && strcmp(asked->parent.Destination, own_url) != 0) {
        page_message(reply, 403, "This sign-out is for someone else",
                     "The LogoutRequest's Destination is %s; expected %s.",
                     asked->parent.Destination, own_url);
        return false;
    }
    g_autoptr(GDateTime) until = asked->NotOnOrAfter != NULL
                                     ? g_date_time_new_from_iso8601(asked->NotOnOrAfter, NULL)
                                     : NULL;
    if (until != NULL && g_date_time_to_unix(until) <= g_get_real_time() / SECOND_US) {
        page_message(reply, 403, "This sign-out is too old", "The LogoutRequest ended at %s.",
                     asked->NotOnOrAfter);
        return false;
    }
    return true;
}

static void request_received(struct idp *idp, char *message, const char *relay_state,
                             struct reply *reply) {
    trust_refresh(idp, false);
    LassoLogout *logout = lasso_logout_new(idp->server);
    LassoProfile *profile = LASSO_PROFILE(logout);
    lasso_profile_set_signature_verify_hint(profile, LASSO_PROFILE_SIGNATURE_VERIFY_HINT_FORCE);
    int code = lasso_logout_process_request_msg(logout, message);
    const struct sp *sp = trust_find(idp, profile->remote_providerID);
    if (code != 0 || profile->signature_status != 0 || sp == NULL || profile->request == NULL) {
        int fault = profile->signature_status != 0 ? profile->signature_status : code;
        page_message(reply, 403, "This sign-out is not accepted",
                     "The LogoutRequest must be signed with a key of a known service provider: %s.",
                     lasso_strerror(fault));
    } else if (times_and_place_fit(idp, LASSO_SAMLP2_LOGOUT_REQUEST(profile->request), reply)) {
        logout_answer(idp, logout, relay_state, reply);
    }
    g_object_unref(logout);
}

static struct session *session_waiting(const struct idp *idp, const char *logout_id) {
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, idp->sessions);
    while (logout_id != NULL && g_hash_table_iter_next(&iter, NULL, &value)) {
        struct session *session = value;
        if (g_strcmp0(session->logout_id, logout_id) == 0) {
            return session;
        }
    }
    return NULL;
}

// Asks the next service provider of an ended session; false: there is none that can be asked.
static bool ask_next(struct idp *idp, struct session *session, const char *only,
                     const char *binding, struct reply *reply) {
    g_autoptr(GList) providers = g_hash_table_get_keys(session->lasso->assertions);
    for (const GList *at = providers; at != NULL; at = at->next) {
        g_autofree char *entity = g_strdup(at->data);
        const struct sp *sp = trust_find(idp, entity);
        bool post = g_strcmp0(binding, "redirect") != 0 && sp != NULL &&
                    trust_slo(sp, BINDING_POST) != NULL;
        if (sp == NULL || (only != NULL && strcmp(only, entity) != 0) ||
            (!post && trust_slo(sp, BINDING_REDIRECT) == NULL)) {
            continue;
        }
        LassoLogout *logout = lasso_logout_new(idp->server);
        LassoProfile *profile = LASSO_PROFILE(logout);
        profile->session = g_object_ref(session->lasso);
        lasso_profile_set_signature_hint(profile, LASSO_PROFILE_SIGNATURE_HINT_FORCE);
        int code = lasso_logout_init_request(
            logout, entity, post ? LASSO_HTTP_METHOD_POST : LASSO_HTTP_METHOD_REDIRECT);
        if (code == 0) {
            code = lasso_logout_build_request_msg(logout);
        }
        lasso_session_remove_assertion(session->lasso, entity);
        if (code == 0) {
            g_free(session->logout_id);
            session->logout_id = g_strdup(LASSO_SAMLP2_REQUEST_ABSTRACT(profile->request)->ID);
            message_send(profile, "SAMLRequest", NULL, "The service is told that you sign out.",
                         reply);
        }
        g_object_unref(logout);
        if (code == 0) {
            return true;
        }
    }
    return false;
}

static void response_received(struct idp *idp, char *message, struct reply *reply) {
    trust_refresh(idp, false);
    LassoLogout *logout = lasso_logout_new(idp->server);
    LassoProfile *profile = LASSO_PROFILE(logout);
    lasso_profile_set_signature_verify_hint(profile, LASSO_PROFILE_SIGNATURE_VERIFY_HINT_FORCE);
    int code = lasso_logout_process_response_msg(logout, message);
    // Lasso's own session is not set here, so its verdict on the status is not asked; the signature
    // is.
    bool signed_well = profile->response != NULL && profile->signature_status == 0 &&
                       code != LASSO_PROFILE_ERROR_UNKNOWN_PROVIDER &&
                       trust_find(idp, profile->remote_providerID) != NULL;
    const LassoSamlp2StatusResponse *response =
        signed_well ? LASSO_SAMLP2_STATUS_RESPONSE(profile->response) : NULL;
    struct session *session =
        response != NULL ? session_waiting(idp, response->InResponseTo) : NULL;
    g_autofree char *from = g_strdup(profile->remote_providerID);
    g_autofree char *status = g_strdup(response != NULL && response->Status != NULL &&
                                               response->Status->StatusCode != NULL
                                           ? response->Status->StatusCode->Value
                                           : "no status");
    g_object_unref(logout);
    if (session == NULL) {
        page_message(
            reply, 403, "This answer is not accepted",
            "The LogoutResponse is not signed by a known service provider, or answers nothing that"
            " was asked: %s.",
            lasso_strerror(code));
        return;
    }
    if (!ask_next(idp, session, NULL, NULL, reply)) {
        session_drop(idp, session);
        page_message(reply, 200, "You are signed out", "%s answered the sign-out with %s.", from,
                     status);
    }
}

void slo_message(struct idp *idp, const struct request *request, struct reply *reply) {
    const char *asked = request_arg(request, "SAMLRequest");
    const char *answered = request_arg(request, "SAMLResponse");
    if (asked == NULL && answered == NULL) {
        page_message(
            reply, 400, "There is no message",
            "%s/slo expects a SAMLRequest or SAMLResponse by the Redirect or the POST binding.",
            idp->base_url);
        return;
    }
    g_autofree char *message = asked != NULL
                                   ? wire_message(request, "SAMLRequest", "LogoutRequest")
                                   : wire_message(request, "SAMLResponse", "LogoutResponse");
    if (message == NULL) {
        page_message(
            reply, 400, "This is not a sign-out message",
            "It is neither a LogoutRequest with a NameID nor a LogoutResponse of SAML 2.0 in the"
            " encoding of its binding.");
        return;
    }
    if (asked != NULL) {
        request_received(idp, message, request_arg(request, "RelayState"), reply);
    } else {
        response_received(idp, message, reply);
    }
}

void slo_start(struct idp *idp, const struct request *request, struct reply *reply) {
    trust_refresh(idp, false);
    struct session *session = session_of(idp, request);
    if (session == NULL) {
        page_message(reply, 200, "Nobody is signed in", "There is no session here to be ended.");
        return;
    }
    session->ended = true;
    if (!ask_next(idp, session, request_arg(request, "sp"), request_arg(request, "binding"),
                  reply)) {
        session_drop(idp, session);
        page_message(reply, 200, "You are signed out", "No service provider had to be told.");
    }
}
