// SPDX-License-Identifier: GPL-3.0-or-later
// Lasso is asked as an application would ask it, with metadata that the gate wrote. It holds no key
// of ours, so nothing encrypted comes here.
#include "worker/opinion/opinion.h"

#include <lasso/lasso.h>
#include <lasso/xml/saml-2.0/saml2_name_id.h>
#include <stdlib.h>
#include <time.h>

#include "base/encode.h"
#include "base/text.h"
#include "worker/xml.h"

static void say_nothing(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
    (void)domain, (void)level, (void)text, (void)data;
}

static void unref(gpointer object) {
    g_object_unref(object);
}
AUTO_FREE(LassoServer, unref);
AUTO_FREE(LassoLogin, unref);

static reason copy(struct op *op, const char *text, size_t max, struct slice *ret_copy) {
    struct slice all = text != NULL ? slice_str(text) : S("");
    return op_copy(op, slice_sub(all, 0, max), ret_copy);
}

// In one line of plain characters: it goes to traces.
static reason say_why(struct op *op, const char *step, int code, struct msg_opinion *ret_opinion) {
    const char *words = lasso_strerror(code);
    struct slice text = op_text(op, "%s: %s (%d)", step, words != NULL ? words : "no words", code);
    struct msg_opinion opinion = {.accepted = false};
    opinion.words = text_line(text) ? slice_sub(text, 0, MSG_TEXT_MAX)
                                    : op_text(op, "%s: error %d", step, code);
    *ret_opinion = opinion;
    return NULL;
}

static reason judge(struct op *op, LassoServer *server, const char *message,
                    struct msg_opinion *ret_opinion) {
    AUTO(LassoLogin) login = lasso_login_new(server);
    if (login == NULL) {
        REFUSE(op, LIMIT_MEMORY, "lasso has no memory for a login");
    }
    // lasso wants the text of the form's field; it writes nowhere in it.
    int code = lasso_login_process_authn_response_msg(login, (char *)(uintptr_t)message);
    if (code != 0) {
        return say_why(op, "lasso", code, ret_opinion);
    }
    code = lasso_login_accept_sso(login);
    if (code != 0) {
        return say_why(op, "lasso accepts no session", code, ret_opinion);
    }
    const LassoProfile *profile = LASSO_PROFILE(login);
    struct msg_opinion opinion = {.accepted = true, .words = S("")};
    const char *name = LASSO_IS_SAML2_NAME_ID(profile->nameIdentifier)
                           ? LASSO_SAML2_NAME_ID(profile->nameIdentifier)->content
                           : NULL;
    TRY(copy(op, name, MSG_NAME_ID_MAX, &opinion.name_id));
    TRY(copy(op, profile->remote_providerID, MSG_TEXT_MAX, &opinion.issuer));
    *ret_opinion = opinion;
    return NULL;
}

reason opinion_give(struct op *op, const struct msg_opinion_ask *ask,
                    struct msg_opinion *ret_opinion) {
    const char *idp = NULL;
    const char *sp = NULL;
    const char *message = NULL;
    TRY(op_cstr(op, ask->idp, &idp));
    TRY(op_cstr(op, ask->sp, &sp));
    // As in the form: of plain XML lasso thinks that it came by another binding.
    struct slice text;
    TRY(encode_base64(op, ask->xml, &text));
    TRY(op_cstr(op, text, &message));
    AUTO(LassoServer) server = lasso_server_new_from_buffers(sp, NULL, NULL, NULL);
    if (server == NULL) {
        return say_why(op, "lasso does not read our metadata", 0, ret_opinion);
    }
    int code = lasso_server_add_provider_from_buffer(server, LASSO_PROVIDER_ROLE_IDP, idp, NULL, NULL);
    if (code != 0) {
        return say_why(op, "lasso does not read the identity provider's keys", code, ret_opinion);
    }
    return judge(op, server, message, ret_opinion);
}

bool opinion_init(void) {
    // Each of lasso's key managers would read the whole CA bundle; GLib asks for the time zone.
    if (setenv("SSL_CERT_FILE", "/dev/null", 1) != 0 || setenv("SSL_CERT_DIR", "/nonexistent", 1) != 0 ||
        setenv("TZ", "UTC0", 1) != 0) {
        return false;
    }
    tzset();
    (void)g_log_set_default_handler(say_nothing, NULL);
    if (lasso_init() != 0) {
        return false;
    }
    xml_init(); // its loader, which loads nothing, and silence
    return true;
}

void opinion_serve(int fd) {
    size_t room = MSG_NAME_ID_MAX + 4 * MSG_TEXT_MAX;
    char *frame = malloc(room);
    char *fields = NULL;
    struct wire_head head;
    struct wire_out out;
    struct op op;
    op_open(&op, 0);
    struct msg_opinion_ask ask;
    struct msg_opinion opinion;
    if (frame != NULL && wire_receive(fd, 0, &head, &fields) && head.kind == MSG_OPINION &&
        msg_get_opinion_ask(slice_of(fields, head.length), &ask) &&
        opinion_give(&op, &ask, &opinion) == NULL &&
        msg_put_opinion(&out, frame, room, head.job, &opinion)) {
        (void)!wire_send(fd, slice_of(out.at, out.len), 0);
    }
    op_close(&op);
    free(fields);
    free(frame);
}
