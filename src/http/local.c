// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/local.h"

#include "base/metric.h"
#include "domain/lifecycle.h"
#include "http/limits.h"

struct sign_in_work local_work(struct op *op, const struct gate *gate,
                               const struct request *request) {
    (void)op;
    return (struct sign_in_work){
        .seal = gate->seal_key,
        .actor = {.kind = ACTOR_NONE, .address = request->address},
        .session_lifetime = gate->settings->session_lifetime,
    };
}

static reason read_look(struct op *op, struct txn *txn, void *arg) {
    return sign_in_read(op, txn, arg);
}
static reason settle(struct op *op, struct txn *txn, void *arg) {
    return sign_in_settle(op, txn, arg);
}

// Compares; a good password whose hash was made with other parameters gets a new one.
static reason compare(struct op *op, struct gate *gate, struct slice password,
                      struct sign_in_work *work) {
    bool old = false;
    TRY(argon_verify(op, gate->argon, work->look.account.password, password, &work->same, &old));
    return work->same && old ? argon_hash(op, gate->argon, password, &work->hash) : NULL;
}

reason local_sign_in(struct op *op, struct gate *gate, const struct request *request,
                     const struct local_try *given, struct sign_in_work *ret_work) {
    struct sign_in_work work = local_work(op, gate, request);
    struct email email;
    TRY(limits_password(op, gate->limits, gate->settings, request->address, false));
    // What is no address at all is told like one that nobody has.
    reason why = email_normalise(op, given->email, &email);
    if (why != NULL && why != REASON_OF(INVALID_INPUT)) {
        return why;
    }
    work.look.email = why == NULL ? email.whole : SLICE_NONE;
    work.return_to = given->return_to;
    work.tenant = given->tenant;
    work.code = given->code;
    TRY(store_read(op, gate->store, read_look, &work.look));
    TRY(compare(op, gate, given->password, &work));
    TRY(store_write(op, gate->store, settle, &work));
    if (work.why != NULL) {
        TRY(limits_password(op, gate->limits, gate->settings, request->address, true));
        op->detail = work.detail;
        metric_add(METRIC_PASSWORDS_REFUSED, 1);
    } else if (work.step == STEP_DONE) {
        metric_add(METRIC_PASSWORDS_ACCEPTED, 1);
    }
    *ret_work = work;
    return NULL;
}

// ---- new ones ----

static reason check_history(struct op *op, struct gate *gate, const struct password_policy *policy,
                            const struct account *account, struct slice pointer,
                            struct slice password) {
    size_t most = policy->history > 0 ? (size_t)policy->history : 0;
    bool same = false;
    for (size_t i = 0; i < most && !same; i++) {
        bool current = account->password.len > 0;
        size_t at = i - (current ? 1 : 0);
        struct slice hash = current && i == 0 ? account->password
                            : at < account->history.count ? account->history.at[at]
                                                          : SLICE_NONE;
        if (hash.len == 0) {
            break;
        }
        TRY(argon_verify(op, gate->argon, hash, password, &same, NULL));
    }
    if (same) {
        op_error(op, pointer, REASON_OF(PASSWORD_REUSED), "it is one of the last %zu", most);
        REFUSE(op, PASSWORD_REUSED, "it is one of the last %zu", most);
    }
    return NULL;
}

reason local_hash(struct op *op, struct gate *gate, const struct password_policy *policy,
                  const struct user *user, const struct account *account, struct slice pointer,
                  struct slice password, struct slice *ret_hash) {
    TRY(password_check(op, policy, user, gate->settings->product, pointer, password));
    TRY(check_history(op, gate, policy, account, pointer, password));
    return argon_hash(op, gate->argon, password, ret_hash);
}

// ---- of who is signed in ----

static reason count_bad(struct op *op, struct txn *txn, void *arg) {
    struct sign_in_work *work = arg;
    return sign_in_failed(op, txn, work, "password", "the right one", "another one");
}

reason local_verify(struct op *op, struct gate *gate, const struct request *request,
                    const struct user *user, struct slice password) {
    struct sign_in_work work = local_work(op, gate, request);
    TRY(limits_password(op, gate->limits, gate->settings, request->address, false));
    work.look.email = user->email;
    TRY(store_read(op, gate->store, read_look, &work.look));
    TRY(argon_verify(op, gate->argon, work.look.account.password, password, &work.same, NULL));
    // Who has a stolen session is held off by the lock like anybody who guesses: behind it the right one is no better.
    bool locked = membership_now(&request->session.membership, op->now) == MEMBER_LOCKED;
    if (work.same && !locked) {
        return NULL;
    }
    work.user = *user;
    work.why = REASON_OF(SIGN_IN_REFUSED);
    TRY(limits_password(op, gate->limits, gate->settings, request->address, true));
    TRY(store_write(op, gate->store, count_bad, &work));
    REFUSE(op, SIGN_IN_REFUSED, "the present password is another one");
}

// ---- links ----

static reason read_link(struct op *op, struct txn *txn, void *arg) {
    return password_link_read(op, txn, arg);
}

reason local_link(struct op *op, struct gate *gate, const struct request *request,
                  struct slice text, bool invitation, struct password_link *ret_link) {
    struct password_link link = {.key = gate->ticket_key,
                                 .text = text,
                                 .invitation = invitation,
                                 .address = request->address};
    TRY(store_read(op, gate->store, read_link, &link));
    *ret_link = link;
    return NULL;
}

struct using {
    struct password_link *link;
    struct slice hash, first_name, last_name;
};
static reason use_link(struct op *op, struct txn *txn, void *arg) {
    struct using *using = arg;
    op->error_count = 0;
    return password_link_use(op, txn, using->hash, using->first_name, using->last_name,
                             using->link);
}

reason local_use_link(struct op *op, struct gate *gate, struct slice password,
                      struct slice first_name, struct slice last_name,
                      struct password_link *link) {
    struct using using = {.link = link, .first_name = first_name, .last_name = last_name};
    if (link->needs_password) {
        struct slice product = link->product.len > 0 ? link->product : gate->settings->product;
        TRY(password_check(op, &link->policy, &link->user, product, S("/password"), password));
        TRY(local_hash(op, gate, &link->policy, &link->user, &link->account, S("/password"),
                       password, &using.hash));
    }
    return store_write(op, gate->store, use_link, &using);
}

struct forgetting {
    struct slice email, address;
};
static reason forgot(struct op *op, struct txn *txn, void *arg) {
    const struct forgetting *it = arg;
    return password_forgot(op, txn, it->email, it->address);
}

reason local_forgot(struct op *op, struct gate *gate, const struct request *request,
                    struct slice text) {
    struct email email;
    reason why = email_normalise(op, text, &email);
    if (why == REASON_OF(INVALID_INPUT)) {
        return NULL; // nobody's
    }
    TRY(why);
    struct forgetting it = {email.whole, request->address};
    if (!limits_forgot(gate->limits, gate->settings, email.whole, request->address)) {
        return NULL;
    }
    return store_write(op, gate->store, forgot, &it);
}
