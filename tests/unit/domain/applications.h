// SPDX-License-Identifier: GPL-3.0-or-later
// Store functions for the tests of applications, and one that is as it should be.
#ifndef GATEHOUSE_TESTS_UNIT_DOMAIN_APPLICATIONS_H
#define GATEHOUSE_TESTS_UNIT_DOMAIN_APPLICATIONS_H

#include "people.h"

#include "domain/application.h"

#define CALLBACK "https://portal.example/signed-in"

struct work {
    const struct actor *actor;
    struct application application, want;
    struct slice id, credential_id, secret;
    int64_t expires_at;
    struct credential credential;
    struct page page;
    struct rows rows;
    struct slice next;
    size_t total;
    bool known;
};

#define DOES(name, expression)                                                                     \
    __attribute__((unused)) static reason name(struct op *op, struct txn *txn, void *arg) {        \
        struct work *w = arg;                                                                      \
        return expression;                                                                         \
    }
DOES(do_create, application_create(op, txn, w->actor, &w->application))
DOES(do_change, application_change(op, txn, w->actor, &w->want, &w->application))
DOES(do_remove, application_remove(op, txn, w->actor, w->id))
DOES(do_find, application_find(op, txn, w->id, &w->application))
DOES(do_list, application_list(op, txn, w->page, &w->rows, &w->next, &w->total))
DOES(do_add, application_secret_add(op, txn, w->actor, w->id, w->expires_at, &w->credential,
                                    &w->secret))
DOES(do_take, application_secret_remove(op, txn, w->actor, w->id, w->credential_id))
DOES(do_sign_in, application_sign_in(op, txn, w->id, w->secret, &w->application, &w->known))

static inline struct work by_staff(struct house *house) {
    return (struct work){.actor = &house->fixture->staff};
}

// A confidential one with this name and CALLBACK; not stored yet.
static inline struct work asked(struct house *house, const char *name) {
    struct work work = by_staff(house);
    work.application =
        (struct application){.name = slice_str(name),
                             .confidential = true,
                             .redirect_uris = one_text(&house->fixture->op, S(CALLBACK))};
    return work;
}

static inline struct application made(struct house *house, const char *name, bool confidential) {
    struct work work = asked(house, name);
    work.application.confidential = confidential;
    assert_done(fixture_write(house->fixture, do_create, &work));
    return work.application;
}

static inline struct application stored(struct house *house, struct slice id) {
    struct work work = {.id = id};
    assert_done(fixture_read(house->fixture, do_find, &work));
    return work.application;
}

#endif
