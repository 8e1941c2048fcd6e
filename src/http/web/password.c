// SPDX-License-Identifier: GPL-3.0-or-later
// Signing in with a password, page by page: the password, the second factor, which tenant. Between the pages the browser has a
// cookie of its own for the sign-in that is half done; the session's comes at the end.
#include "base/uri.h"
#include "http/local.h"
#include "http/web/form.h"
#include "http/web/local_web.h"
#include "http/web/web.h"

// ---- the password -------------------------------------------------------------------------------------

reason web_password_form(struct op *op, struct gate *gate, struct reply *reply, unsigned status,
                         struct slice email, struct slice return_to, const char *problem) {
    struct page_out page;
    page_open(&page, op, gate, "Sign in");
    form_problem(&page, problem);
    form_open(&page, "/password");
    form_put(&page, &(struct form_field){.name = "email",
                                         .label = "Your e-mail address",
                                         .type = "email",
                                         .autocomplete = "username",
                                         .more = "required maxlength=\"254\" spellcheck=\"false\"",
                                         .value = email,
                                         .wrong = problem != NULL});
    form_put(&page, &(struct form_field){.name = "password",
                                         .label = "Password",
                                         .type = "password",
                                         .autocomplete = "current-password",
                                         .more = "required maxlength=\"256\"",
                                         .wrong = problem != NULL});
    form_hidden(&page, "return_to", return_to);
    form_close(&page, "Sign in");
    page_html(&page, "<p class=\"note\"><a href=\"/password/forgot\">Forgot password?</a></p>\n");
    TRY(form_other_way(op, &page, "/login", return_to, "Sign in through my organisation"));
    return page_reply(&page, reply, status, true);
}

static struct slice local_path(struct slice text) {
    return text.at != NULL && uri_is_local_path(text) ? text : S("");
}

reason web_password_ask(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct slice return_to;
    TRY(request_query(op, request, "return_to", &return_to));
    return web_password_form(op, gate, reply, 200, S(""), local_path(return_to), NULL);
}

reason local_reply_step(struct op *op, const struct sign_in_work *work, struct reply *reply) {
    static const char *const pages[] = {[STEP_FACTOR] = "/second-factor",
                                        [STEP_TENANT] = "/password/tenant",
                                        [STEP_PASSWORD] = "/password/change",
                                        [STEP_SETUP] = "/second-factor/setup"};
    if (work->step == STEP_DONE) {
        reply_redirect(reply, 303, work->login.return_to);
        reply_cookie(op, reply, S(SESSION_COOKIE_NAME), work->login.cookie, "Lax", -1);
        reply_cookie(op, reply, S(SIGN_IN_COOKIE_NAME), S(""), "Lax", 0);
        return NULL;
    }
    reply_redirect(reply, 303, slice_str(pages[work->step]));
    if (work->cookie.len > 0) {
        reply_cookie(op, reply, S(SIGN_IN_COOKIE_NAME), work->cookie, "Lax",
                     SIGN_IN_LIFETIME / SECOND_MS);
    }
    return NULL;
}

reason web_password_go(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    struct local_try given = {.tenant = SLICE_NONE};
    struct sign_in_work work;
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "email", &given.email));
    TRY(form_text(op, request, "password", &given.password));
    TRY(form_text(op, request, "return_to", &given.return_to));
    given.email = slice_trim(given.email);
    given.return_to = local_path(given.return_to);
    reason why = local_sign_in(op, gate, request, &given, &work);
    why = why == NULL ? work.why : why;
    if (why == NULL) {
        return local_reply_step(op, &work, reply);
    }
    const char *words = form_words(op, why);
    return words != NULL ? web_password_form(op, gate, reply, why->http, given.email,
                                             given.return_to, words)
                         : why;
}

// ---- between the pages --------------------------------------------------------------------------------

struct going_on {
    struct slice cookie;
    bool look; // only which step it is
    struct sign_in_work work;
};
static reason go_on(struct op *op, struct txn *txn, void *arg) {
    struct going_on *it = arg;
    struct slice tenant = it->work.tenant;
    struct slice code = it->work.code;
    TRY(sign_in_resume(op, txn, it->cookie, &it->work));
    it->work.tenant = tenant;
    it->work.code = code;
    return sign_in_go_on(op, txn, &it->work);
}

reason local_resume(struct op *op, struct gate *gate, const struct request *request,
                    struct slice tenant, struct slice code, struct sign_in_work *ret_work) {
    struct going_on it = {.cookie = request_cookie(request, S(SIGN_IN_COOKIE_NAME)),
                          .work = local_work(op, gate, request)};
    it.work.tenant = tenant;
    it.work.code = code;
    TRY(limits_password(op, gate->limits, gate->settings, request->address, false));
    TRY(store_write(op, gate->store, go_on, &it));
    if (it.work.why != NULL) {
        TRY(limits_password(op, gate->limits, gate->settings, request->address, true));
        op->detail = it.work.detail;
    }
    *ret_work = it.work;
    return NULL;
}

struct looking {
    struct slice cookie;
    struct sign_in_work work;
    struct account account;
};
static reason look(struct op *op, struct txn *txn, void *arg) {
    struct looking *it = arg;
    bool found = false;
    TRY(sign_in_resume(op, txn, it->cookie, &it->work));
    TRY(account_find(op, txn, it->work.user.id, &it->account, &found));
    TRY(password_policy_for(op, txn, it->work.user.id, &it->work.policy));
    return sign_in_doors(op, txn, &it->work.user, false, &it->work.doors);
}

reason local_look(struct op *op, struct gate *gate, const struct request *request,
                  struct sign_in_work *ret_work, struct account *ret_account) {
    struct looking it = {.cookie = request_cookie(request, S(SIGN_IN_COOKIE_NAME)),
                         .work = local_work(op, gate, request)};
    TRY(store_read(op, gate->store, look, &it));
    *ret_work = it.work;
    *ret_account = it.account;
    return NULL;
}

// Whose sign-in took too long begins again, rather than reading of a refusal.
reason local_again(struct op *op, reason why, struct reply *reply) {
    if (why != REASON_OF(SIGN_IN_AGAIN)) {
        return why;
    }
    reply_redirect(reply, 303, S("/password"));
    reply_cookie(op, reply, S(SIGN_IN_COOKIE_NAME), S(""), "Lax", 0);
    return NULL;
}

// ---- the second factor --------------------------------------------------------------------------------

static reason factor_form(struct op *op, struct gate *gate, struct reply *reply, unsigned status,
                          const char *problem) {
    struct page_out page;
    page_open(&page, op, gate, "One more step");
    form_problem(&page, problem);
    form_open(&page, "/second-factor");
    form_put(&page, &(struct form_field){
                        .name = "code",
                        .label = "Code of your authenticator app, or a recovery code",
                        .type = "text",
                        .autocomplete = "one-time-code",
                        .more = "required maxlength=\"20\" spellcheck=\"false\"",
                        .wrong = problem != NULL});
    form_close(&page, "Continue");
    page_html(&page, "<p class=\"note\">If you have neither any more, ask your administrator.</p>\n");
    return page_reply(&page, reply, status, true);
}

reason web_factor_ask(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct sign_in_work work;
    struct account account;
    reason why = local_look(op, gate, request, &work, &account);
    return why != NULL ? local_again(op, why, reply) : factor_form(op, gate, reply, 200, NULL);
}

reason web_factor_go(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct slice code;
    struct sign_in_work work;
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "code", &code));
    reason why = local_resume(op, gate, request, SLICE_NONE, code.len > 0 ? code : S("-"), &work);
    why = why == NULL ? work.why : why;
    if (why == NULL) {
        return local_reply_step(op, &work, reply);
    }
    const char *words = form_words(op, why);
    return words != NULL ? factor_form(op, gate, reply, why->http, words)
                         : local_again(op, why, reply);
}

// ---- which tenant -------------------------------------------------------------------------------------

reason web_tenant_ask(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct sign_in_work work;
    struct account account;
    reason why = local_look(op, gate, request, &work, &account);
    if (why != NULL) {
        return local_again(op, why, reply);
    }
    if (account.factor_at > 0 && !work.sign_in.factor) { // who is asked for more first sees no names
        reply_redirect(reply, 303, S("/second-factor"));
        return NULL;
    }
    struct page_out page;
    page_open(&page, op, gate, "Where do you want to go?");
    page_html(&page, "<p>You are a member of several tenants.</p>\n<ul class=\"choices\">\n");
    const struct sign_in_door *doors = work.doors.at;
    for (size_t i = 0; i < work.doors.count; i++) {
        page_html(&page, "<li>");
        form_open(&page, "/password/tenant");
        form_hidden(&page, "tenant", doors[i].tenant.slug);
        page_html(&page, "<button type=\"submit\">");
        page_text(&page, doors[i].tenant.name.len > 0 ? doors[i].tenant.name : doors[i].tenant.slug);
        page_html(&page, "</button>\n</form></li>\n");
    }
    page_html(&page, "</ul>\n");
    return page_reply(&page, reply, 200, true);
}

reason web_tenant_go(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct slice tenant;
    struct sign_in_work work;
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "tenant", &tenant));
    reason why = local_resume(op, gate, request, tenant, SLICE_NONE, &work);
    why = why == NULL ? work.why : why;
    return why != NULL ? local_again(op, why, reply) : local_reply_step(op, &work, reply);
}
