// SPDX-License-Identifier: GPL-3.0-or-later
#include "mail/compose.h"

#include "base/uri.h"
#include "domain/tenant_settings.h"
#include "domain/user.h"

// Everything that the store knows and the text needs.
struct facts {
    struct tenant tenant;
    struct tenant_settings settings;
    struct user user;
    struct ticket tickets[2];
};

static reason find_tenant(struct op *op, struct txn *txn, struct slice slug, struct facts *facts,
                          const char **why_not) {
    if (slug.len == 0) {
        return NULL;
    }
    reason why = tenant_find(op, txn, slug, &facts->tenant);
    if (why == REASON_OF(NOT_FOUND)) {
        *why_not = "the tenant is gone";
        return NULL;
    }
    TRY(why);
    return tenant_settings_find(op, txn, slug, &facts->settings);
}

static reason find_user(struct op *op, struct txn *txn, struct slice id, struct facts *facts,
                        const char **why_not) {
    if (id.len == 0) {
        return NULL;
    }
    reason why = user_find(op, txn, id, &facts->user);
    if (why == REASON_OF(NOT_FOUND)) {
        *why_not = "whom it was for is gone";
        return NULL;
    }
    return why;
}

static reason links(struct op *op, const struct compose *compose, const struct letter *letter,
                    const struct facts *facts, struct letter_about *about) {
    if (letter->ticket_id.len > 0) {
        TRY(ticket_link(op, compose->key, compose->public_url, &facts->tickets[0], &about->link));
    }
    if (letter->other_ticket_id.len > 0) {
        TRY(ticket_link(op, compose->key, compose->public_url, &facts->tickets[1],
                        &about->other_link));
    }
    const char *home = NULL;
    TRY(op_cstr(op, op_text(op, "%.*s/login", SLICE(compose->public_url)), &home));
    about->home = slice_str(home);
    return NULL;
}

static struct slice either(struct slice own, struct slice fallback) {
    return own.len > 0 ? own : fallback;
}

// A tenant writes in the name of its own domains only; with another address it is our sender who
// writes.
static struct slice sender(struct op *op, const struct compose *compose,
                           const struct facts *facts) {
    struct email email;
    if (facts->settings.mail_from.len > 0 &&
        email_normalise(op, facts->settings.mail_from, &email) == NULL &&
        texts_have(facts->tenant.domains, email.domain)) {
        return facts->settings.mail_from;
    }
    return compose->from;
}

static reason write_message(struct op *op, const struct compose *compose,
                            const struct letter *letter, const struct facts *facts,
                            struct slice *ret_message) {
    struct email email;
    struct uri uri;
    struct letter_text text;
    struct slice product = either(facts->settings.product, compose->product);
    struct letter_about about = {
        .kind = letter->kind,
        .product = product,
        .tenant = facts->tenant.name,
        .support = either(facts->settings.support_contact, compose->support),
        .first_name = facts->user.first_name,
        .to = letter->to,
        .values = letter->values,
    };
    TRY(links(op, compose, letter, facts, &about));
    TRY(letter_write(op, &about, &text));
    TRY(uri_parse(op, compose->public_url, &uri));
    bool answered = about.support.len > 0 && email_normalise(op, about.support, &email) == NULL;
    const struct envelope envelope = {
        .id = letter->id,
        .host = uri.host,
        .from = sender(op, compose, facts),
        .from_name = either(facts->settings.mail_from_name, either(compose->from_name, product)),
        .reply_to = answered ? email.whole : S(""),
        .to = letter->to,
        .time = op->now,
    };
    return message_write(op, &envelope, &text, ret_message);
}

reason compose_letter(struct op *op, struct txn *txn, const struct compose *compose,
                      const struct letter *letter, struct slice *ret_message,
                      const char **ret_why_not) {
    struct facts facts = {.tenant = {.slug = S("")}};
    const char *why_not = NULL;
    TRY(outbox_wanted(op, txn, letter, facts.tickets, &why_not));
    if (why_not == NULL) {
        TRY(find_tenant(op, txn, letter->tenant, &facts, &why_not));
    }
    if (why_not == NULL) {
        TRY(find_user(op, txn, letter->user_id, &facts, &why_not));
    }
    if (why_not == NULL) {
        TRY(write_message(op, compose, letter, &facts, ret_message));
    }
    *ret_why_not = why_not;
    return NULL;
}
