// SPDX-License-Identifier: GPL-3.0-or-later
// New passwords: forgotten, by a link, changed; invitations accepted; an e-mail address confirmed. A link's page shows a form
// and uses nothing up (scanners of mail follow links): the form's post does.
#include "domain/member_life.h"
#include "http/web/form.h"
#include "http/web/local_web.h"
#include "http/web/web.h"

// ---- forgotten ----------------------------------------------------------------------------------------

reason web_forgot_ask(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct page_out page;
    (void)request;
    page_open(&page, op, gate, "Forgotten password");
    page_html(&page, "<p>We send you a letter with a link, by which you set a new one.</p>\n");
    form_open(&page, "/password/forgot");
    form_put(&page, &(struct form_field){.name = "email",
                                         .label = "Your e-mail address",
                                         .type = "email",
                                         .autocomplete = "username",
                                         .more = "required maxlength=\"254\" spellcheck=\"false\""});
    form_close(&page, "Send the letter");
    page_html(&page, "<p class=\"note\"><a href=\"/password\">Back to the sign-in</a></p>\n");
    return page_reply(&page, reply, 200, false);
}

// The same for everybody: who asks does not learn who is known here.
reason web_forgot_go(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct slice email;
    struct page_out page;
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "email", &email));
    TRY(local_forgot(op, gate, request, slice_trim(email)));
    page_open(&page, op, gate, "Look into your mail");
    page_html(&page, "<p>If this address has a password here, a letter is on its way. Its link works "
                     "once, and not for long.</p>\n"
                     "<p class=\"note\">Nothing came? Look among the unwanted mail, or ask your "
                     "administrator whether you sign in through your organisation instead.</p>\n"
                     "<p><a href=\"/password\">Back to the sign-in</a></p>\n");
    return page_reply(&page, reply, 200, false);
}

// ---- by a link ----------------------------------------------------------------------------------------

// `typed`: what stood in the form that was not taken.
static void names_form(struct page_out *page, const struct user *user, const struct user *typed) {
    if (user->first_name.len > 0 || user->last_name.len > 0) {
        return;
    }
    form_put(page, &(struct form_field){.name = "first_name",
                                        .label = "First name",
                                        .type = "text",
                                        .autocomplete = "given-name",
                                        .more = "maxlength=\"256\"",
                                        .value = typed->first_name});
    form_put(page, &(struct form_field){.name = "last_name",
                                        .label = "Last name",
                                        .type = "text",
                                        .autocomplete = "family-name",
                                        .more = "maxlength=\"256\"",
                                        .value = typed->last_name});
}

static reason link_form(struct op *op, struct gate *gate, struct reply *reply, unsigned status,
                        const struct password_link *link, const struct user *typed,
                        const char *problem) {
    struct page_out page;
    page_open(&page, op, gate, link->invitation ? "You are invited" : "Set a new password");
    form_problem(&page, problem);
    if (link->invitation) {
        page_paragraph(&page, op_text(op, "Welcome to %.*s.",
                                      SLICE(link->tenant_name.len > 0 ? link->tenant_name
                                                                      : link->ticket.tenant)));
    }
    form_open(&page, link->invitation ? "/invitation" : "/password/reset");
    form_hidden(&page, "t", link->text);
    // Also for password managers, which store it with the password.
    form_put(&page, &(struct form_field){.name = "email",
                                         .label = "Your e-mail address",
                                         .type = "email",
                                         .autocomplete = "username",
                                         .more = "readonly",
                                         .value = link->user.email});
    if (link->needs_password) {
        if (link->invitation) {
            names_form(&page, &link->user, typed);
        }
        form_new_password(&page, password_rules(op, &link->policy), problem != NULL);
    }
    form_close(&page, link->needs_password ? "Set the password" : "Join");
    return page_reply(&page, reply, status, false);
}

static reason link_done(struct op *op, struct gate *gate, struct reply *reply,
                        const struct password_link *link) {
    struct page_out page;
    page_open(&page, op, gate, link->invitation ? "You are in" : "Your password is set");
    page_html(&page, link->needs_password
                         ? "<p>From now on you sign in with your e-mail address and this password. "
                           "All other devices were signed out.</p>\n"
                         : "<p>From now on you find this tenant when you sign in.</p>\n");
    page_html(&page, "<form method=\"get\" action=\"/password\"><button type=\"submit\">Sign in</button>"
                     "</form>\n");
    return page_reply(&page, reply, 200, false);
}

static reason link_ask(struct op *op, struct gate *gate, const struct request *request,
                       struct reply *reply, bool invitation) {
    struct slice text;
    struct password_link link;
    TRY(request_query(op, request, "t", &text));
    TRY(local_link(op, gate, request, text.at != NULL ? text : S(""), invitation, &link));
    return link_form(op, gate, reply, 200, &link, &(struct user){.id = S("")}, NULL);
}

static reason link_go(struct op *op, struct gate *gate, const struct request *request,
                      struct reply *reply, bool invitation) {
    struct slice text;
    struct slice password = S("");
    struct user typed = {.id = S("")};
    struct password_link link;
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "t", &text));
    TRY(form_text(op, request, "first_name", &typed.first_name));
    TRY(form_text(op, request, "last_name", &typed.last_name));
    TRY(local_link(op, gate, request, text, invitation, &link));
    reason why = link.needs_password ? form_read_new_password(op, request, &password) : NULL;
    if (why == NULL) {
        why = local_use_link(op, gate, password, slice_trim(typed.first_name),
                             slice_trim(typed.last_name), &link);
    }
    if (why == NULL) {
        return link_done(op, gate, reply, &link);
    }
    const char *words = form_words(op, why);
    return words != NULL ? link_form(op, gate, reply, why->http, &link, &typed, words) : why;
}

reason web_reset_ask(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    return link_ask(op, gate, request, reply, false);
}
reason web_reset_go(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    return link_go(op, gate, request, reply, false);
}
reason web_invitation_ask(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    return link_ask(op, gate, request, reply, true);
}
reason web_invitation_go(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply) {
    return link_go(op, gate, request, reply, true);
}

// ---- changed ------------------------------------------------------------------------------------------

// Who changes: somebody with a session, or somebody whose password is too old to sign in with.
struct changing {
    bool session;
    struct user user;
    struct account account;
    struct password_policy policy;
    struct actor actor;
    struct slice tenant, hash, session_id;
    struct sign_in_work work; // of who has none
    struct slice cookie;
};

static reason read_account(struct op *op, struct txn *txn, void *arg) {
    struct changing *it = arg;
    bool found = false;
    TRY(account_find(op, txn, it->user.id, &it->account, &found));
    return password_policy_for(op, txn, it->user.id, &it->policy);
}

static reason who(struct op *op, struct gate *gate, struct request *request,
                  struct changing *ret_changing) {
    struct changing it = {.session = false};
    reason why = guard_identify(op, gate, request);
    if (why == NULL && request->actor.kind == ACTOR_USER) {
        it.session = true;
        it.user = request->session.user;
        it.actor = request->actor;
        it.tenant = request->session.session.tenant;
        it.session_id = request->session.session.id;
        TRY(store_read(op, gate->store, read_account, &it));
        *ret_changing = it;
        return NULL;
    }
    TRY(local_look(op, gate, request, &it.work, &it.account));
    if (it.account.factor_at > 0 && !it.work.sign_in.factor) {
        REFUSE(op, SIGN_IN_AGAIN, "the second factor comes first");
    }
    it.cookie = request_cookie(request, S(SIGN_IN_COOKIE_NAME));
    it.user = it.work.user;
    it.policy = it.work.policy;
    it.tenant = it.work.sign_in.tenant;
    it.actor = (struct actor){.kind = ACTOR_USER, .id = it.user.id, .tenant = it.tenant,
                              .address = request->address};
    *ret_changing = it;
    return NULL;
}

static reason change_form(struct op *op, struct gate *gate, struct reply *reply, unsigned status,
                          const struct changing *it, const char *problem) {
    struct page_out page;
    page_open(&page, op, gate, it->session ? "Change your password" : "Your password is too old");
    form_problem(&page, problem);
    if (!it->session) {
        page_html(&page, "<p>Please set a new one. Then you are signed in.</p>\n");
    }
    form_open(&page, "/password/change");
    if (it->session) {
        form_put(&page, &(struct form_field){.name = "current",
                                             .label = "Present password",
                                             .type = "password",
                                             .autocomplete = "current-password",
                                             .more = "required maxlength=\"256\"",
                                             .wrong = problem != NULL});
    }
    form_new_password(&page, password_rules(op, &it->policy), problem != NULL);
    form_close(&page, "Change the password");
    return page_reply(&page, reply, status, !it->session);
}

reason web_change_ask(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct changing it;
    reason why = who(op, gate, request, &it);
    return why != NULL ? local_again(op, why, reply) : change_form(op, gate, reply, 200, &it, NULL);
}

static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct changing *it = arg;
    int64_t at = 0;
    if (!it->session) {
        TRY(sign_in_resume(op, txn, it->cookie, &it->work));
    }
    int64_t seen_at = it->session ? it->account.password_at : it->work.sign_in.password_at;
    TRY(password_change(op, txn, &it->actor, &it->user, it->tenant, seen_at, it->hash,
                        it->session_id, &at));
    if (it->session) {
        return NULL;
    }
    it->work.sign_in.password_at = at;
    return sign_in_go_on(op, txn, &it->work);
}

static reason change(struct op *op, struct gate *gate, const struct request *request,
                     struct changing *it) {
    struct slice password;
    struct slice current;
    TRY(form_text(op, request, "current", &current));
    TRY(form_read_new_password(op, request, &password));
    if (it->session) {
        TRY(local_verify(op, gate, request, &it->user, current));
    }
    // The present one is not new, whatever the policy says of older ones.
    struct password_policy policy = it->policy;
    policy.history = policy.history > 0 ? policy.history : 1;
    TRY(local_hash(op, gate, &policy, &it->user, &it->account, S("/password"), password, &it->hash));
    return store_write(op, gate->store, store_change, it);
}

reason web_change_go(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct changing it;
    TRY(guard_same_site(op, gate, request));
    reason why = who(op, gate, request, &it);
    if (why != NULL) {
        return local_again(op, why, reply);
    }
    why = change(op, gate, request, &it);
    if (why != NULL) {
        const char *words = form_words(op, why);
        return words != NULL ? change_form(op, gate, reply, why->http, &it, words)
                             : local_again(op, why, reply);
    }
    if (!it.session) {
        return it.work.why != NULL ? it.work.why : local_reply_step(op, &it.work, reply);
    }
    struct page_out page;
    page_open(&page, op, gate, "Your password is changed");
    page_html(&page, "<p>All other devices were signed out.</p>\n<p><a href=\"/\">Back to the start</a></p>\n");
    return page_reply(&page, reply, 200, false);
}

// ---- an e-mail address --------------------------------------------------------------------------------

struct confirming {
    const struct ticket_key *key;
    struct slice text, address;
    struct ticket ticket;
    struct user user;
};
static reason read_email(struct op *op, struct txn *txn, void *arg) {
    struct confirming *it = arg;
    return ticket_find(op, txn, it->key, it->text, TICKET_EMAIL, &it->ticket);
}
static reason confirm_email(struct op *op, struct txn *txn, void *arg) {
    struct confirming *it = arg;
    TRY(read_email(op, txn, arg));
    return member_confirm_email(op, txn, it->address, &it->ticket, &it->user);
}

reason web_email_ask(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct confirming it = {.key = gate->ticket_key};
    struct page_out page;
    TRY(request_query(op, request, "t", &it.text));
    TRY(store_read(op, gate->store, read_email, &it));
    page_open(&page, op, gate, "Confirm your address");
    page_paragraph(&page, op_text(op, "From now on you are known here as %.*s.",
                                  SLICE(it.ticket.subject)));
    form_open(&page, "/email/confirm");
    form_hidden(&page, "t", it.text);
    form_close(&page, "Confirm");
    return page_reply(&page, reply, 200, false);
}

reason web_email_go(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    struct confirming it = {.key = gate->ticket_key, .address = request->address};
    struct page_out page;
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "t", &it.text));
    TRY(store_write(op, gate->store, confirm_email, &it));
    page_open(&page, op, gate, "Your address is confirmed");
    page_paragraph(&page, op_text(op, "You sign in as %.*s.", SLICE(it.user.email)));
    return page_reply(&page, reply, 200, false);
}
