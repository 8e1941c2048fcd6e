// SPDX-License-Identifier: GPL-3.0-or-later
// Setting up a second factor: by who is signed in, after the password was given once more, and by who has to before the first
// sign-in. The secret is shown once; recovery codes are shown once.
#include "http/web/form.h"
#include "http/web/local_web.h"
#include "http/web/web.h"

struct setting_up {
    bool session;
    struct user user;
    struct account account;
    struct actor actor;
    struct slice tenant, cookie, code, issuer;
    struct slice old; // a code of the factor that is to go
    const struct seal_key *seal;
    struct factor_setup setup;
    bool good, waits;
    struct texts recovery;
    struct sign_in_work work;
};

static reason read_account(struct op *op, struct txn *txn, void *arg) {
    struct setting_up *it = arg;
    bool found = false;
    return account_find(op, txn, it->user.id, &it->account, &found);
}

static reason who(struct op *op, struct gate *gate, struct request *request,
                  struct setting_up *ret_it) {
    struct setting_up it = {.seal = gate->seal_key, .issuer = gate->settings->product};
    reason why = guard_identify(op, gate, request);
    if (why == NULL && request->actor.kind == ACTOR_USER) {
        it.session = true;
        it.user = request->session.user;
        it.actor = request->actor;
        it.tenant = request->session.session.tenant;
        TRY(store_read(op, gate->store, read_account, &it));
        *ret_it = it;
        return NULL;
    }
    TRY(local_look(op, gate, request, &it.work, &it.account));
    if (it.account.factor_at > 0) {
        REFUSE(op, SIGN_IN_AGAIN, "there is a second factor; it comes first");
    }
    it.user = it.work.user;
    it.tenant = it.work.sign_in.tenant;
    it.cookie = request_cookie(request, S(SIGN_IN_COOKIE_NAME));
    it.actor = (struct actor){.kind = ACTOR_USER, .id = it.user.id, .tenant = it.tenant,
                              .address = request->address};
    *ret_it = it;
    return NULL;
}

// ---- pages --------------------------------------------------------------------------------------------

static void password_field(struct page_out *page, bool wrong) {
    form_put(page, &(struct form_field){.name = "password",
                                        .label = "Your password",
                                        .type = "password",
                                        .autocomplete = "current-password",
                                        .more = "required maxlength=\"256\"",
                                        .wrong = wrong});
}

static reason begin_page(struct op *op, struct gate *gate, struct reply *reply, unsigned status,
                         const struct setting_up *it, const char *problem) {
    struct page_out page;
    bool there = it->account.factor_at > 0;
    page_open(&page, op, gate, there ? "Your second factor" : "Set up a second factor");
    form_problem(&page, problem);
    page_html(&page, there ? "<p>A code of your authenticator app is asked for when you sign in with your "
                             "password. A new app takes the place of the old one.</p>\n"
                           : "<p>With it nobody signs in with your password alone. You need an "
                             "authenticator app, on a telephone or in your password manager.</p>\n");
    form_open(&page, "/second-factor/setup");
    form_hidden(&page, "do", S("begin"));
    if (it->session) {
        password_field(&page, problem != NULL);
    }
    if (it->session && there) {
        form_put(&page, &(struct form_field){.name = "old",
                                             .label = "A code of the app that you have, or a recovery code",
                                             .type = "text",
                                             .autocomplete = "one-time-code",
                                             .more = "required maxlength=\"20\"",
                                             .wrong = problem != NULL});
    }
    form_close(&page, there ? "Set up a new one" : "Set it up");
    return page_reply(&page, reply, status, false);
}

static reason secret_page(struct op *op, struct gate *gate, struct reply *reply, unsigned status,
                          const struct setting_up *it, const char *problem) {
    struct page_out page;
    page_open(&page, op, gate, "Your authenticator app");
    form_problem(&page, problem);
    page_html(&page, "<p>Add an account to your app: scan this code, or type the key (time-based, six "
                     "digits).</p>\n");
    TRY(page_qr(op, &page, it->setup.uri));
    page_html(&page, "<p><code class=\"secret\">");
    page_text(&page, it->setup.secret);
    page_html(&page, "</code></p>\n<p class=\"note\">On this device: <a href=\"");
    page_text(&page, it->setup.uri);
    page_html(&page, "\">open the app with it</a>.</p>\n");
    form_open(&page, "/second-factor/setup");
    form_hidden(&page, "do", S("confirm"));
    form_put(&page, &(struct form_field){.name = "code",
                                         .label = "The code that the app shows now",
                                         .type = "text",
                                         .autocomplete = "one-time-code",
                                         .more = "required maxlength=\"10\" inputmode=\"numeric\"",
                                         .wrong = problem != NULL});
    form_close(&page, "Confirm");
    return page_reply(&page, reply, status, false);
}

static reason codes_page(struct op *op, struct gate *gate, struct reply *reply,
                         const struct setting_up *it) {
    struct page_out page;
    bool in = !it->session && it->work.step == STEP_DONE;
    page_open(&page, op, gate, "Your recovery codes");
    page_html(&page, "<p>The second factor is set up. Without your app each of these codes lets you in "
                     "once. Keep them where you find them, and nobody else; they are shown only now.</p>\n"
                     "<ul class=\"codes\">\n");
    for (size_t i = 0; i < it->recovery.count; i++) {
        page_html(&page, "<li><code>");
        page_text(&page, it->recovery.at[i]);
        page_html(&page, "</code></li>\n");
    }
    page_html(&page, "</ul>\n<p><a href=\"");
    page_text(&page, in ? it->work.login.return_to : it->session ? S("/") : S("/password"));
    page_html(&page, "\">Continue</a></p>\n");
    TRY(page_reply(&page, reply, 200, false));
    if (in) {
        reply_cookie(op, reply, S(SESSION_COOKIE_NAME), it->work.login.cookie, "Lax", -1);
        reply_cookie(op, reply, S(SIGN_IN_COOKIE_NAME), S(""), "Lax", 0);
    }
    return NULL;
}

// ---- steps --------------------------------------------------------------------------------------------

// Who is half signed in goes on only while that sign-in holds, and nobody set up a factor or changed the password.
static reason still_half(struct op *op, struct txn *txn, struct setting_up *it) {
    if (it->session) {
        return NULL;
    }
    TRY(sign_in_resume(op, txn, it->cookie, &it->work));
    if (it->account.factor_at > 0 || it->account.password_at != it->work.sign_in.password_at) {
        REFUSE(op, SIGN_IN_AGAIN, "somebody else was here meanwhile");
    }
    return NULL;
}

static reason begin(struct op *op, struct txn *txn, void *arg) {
    struct setting_up *it = arg;
    TRY(read_account(op, txn, it));
    TRY(still_half(op, txn, it));
    it->good = true;
    // A stolen session and the password are not enough to put another app in the place of this one.
    if (it->session && it->account.factor_at > 0) {
        TRY(factor_check(op, it->seal, &it->account, it->old, &it->good, NULL));
    }
    if (!it->good) {
        return NULL;
    }
    TRY(factor_begin(op, it->seal, &it->account, it->issuer, it->user.email, &it->setup));
    return account_put(op, txn, &it->account);
}

static reason confirm(struct op *op, struct txn *txn, void *arg) {
    struct setting_up *it = arg;
    TRY(read_account(op, txn, it));
    TRY(still_half(op, txn, it));
    TRY(factor_pending(op, it->seal, &it->account, it->issuer, it->user.email, &it->setup, &it->waits));
    TRY(factor_confirm(op, it->seal, &it->account, it->code, &it->good, &it->recovery));
    if (!it->good) {
        return NULL;
    }
    TRY(account_put(op, txn, &it->account));
    TRY(factor_changed(op, txn, &it->actor, &it->user, it->tenant, "user.second_factor_set",
                       "A second factor was set up."));
    if (it->session) {
        return NULL;
    }
    it->work.sign_in.factor = true;
    return sign_in_go_on(op, txn, &it->work);
}

reason web_setup_ask(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct setting_up it;
    reason why = who(op, gate, request, &it);
    return why != NULL ? local_again(op, why, reply) : begin_page(op, gate, reply, 200, &it, NULL);
}

static reason go_begin(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply, struct setting_up *it) {
    struct slice password;
    TRY(form_text(op, request, "password", &password));
    reason why = it->session ? local_verify(op, gate, request, &it->user, password) : NULL;
    if (why != NULL) {
        const char *words = form_words(op, why);
        return words != NULL ? begin_page(op, gate, reply, why->http, it, words) : why;
    }
    TRY(form_text(op, request, "old", &it->old));
    why = store_write(op, gate->store, begin, it);
    if (why != NULL) {
        return local_again(op, why, reply);
    }
    if (!it->good) {
        TRY(limits_password(op, gate->limits, gate->settings, request->address, true));
        return begin_page(op, gate, reply, 422, it,
                          "This is not a code of the app that you have, nor an unused recovery code.");
    }
    return secret_page(op, gate, reply, 200, it, NULL);
}

static reason go_confirm(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply, struct setting_up *it) {
    TRY(form_text(op, request, "code", &it->code));
    TRY(limits_password(op, gate->limits, gate->settings, request->address, false));
    reason why = store_write(op, gate->store, confirm, it);
    if (why != NULL) {
        return local_again(op, why, reply);
    }
    if (!it->good && !it->waits) {
        reply_redirect(reply, 303, S("/second-factor/setup"));
        return NULL;
    }
    if (!it->good) {
        TRY(limits_password(op, gate->limits, gate->settings, request->address, true));
        return secret_page(op, gate, reply, 422, it,
                           "This is not the code. Is the clock of the device right?");
    }
    return codes_page(op, gate, reply, it);
}

reason web_setup_go(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    struct setting_up it;
    struct slice what;
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "do", &what));
    reason why = who(op, gate, request, &it);
    if (why != NULL) {
        return local_again(op, why, reply);
    }
    return slice_equal(what, S("confirm")) ? go_confirm(op, gate, request, reply, &it)
                                           : go_begin(op, gate, request, reply, &it);
}
