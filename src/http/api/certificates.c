// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of a connection as operators look after them: whether people can sign in with what is there, which keys
// are distrusted, and taking the trust away from one at once.
#include "base/clock.h"
#include "http/api/api.h"
#include "saml/trust.h"

#define SENTENCES_MAX (2 * CONNECTION_CERTIFICATES_MAX + 8) // two for each certificate and those that come once

// ---- the state of a connection ----------------------------------------------------------------------------

struct sentences {
    struct op *op;
    struct slice texts[SENTENCES_MAX];
    size_t count;
};

static void say(struct sentences *list, struct slice sentence) {
    if (list->count < SENTENCES_MAX) {
        list->texts[list->count++] = sentence;
    }
}

static void look_at_certificate(struct sentences *remarks, const struct connection *connection,
                                const struct certificate *certificate) {
    struct op *op = remarks->op;
    char text[CLOCK_TEXT];
    struct slice print = slice_sub(certificate->sha256, 0, 16);
    if (connection_distrusts(connection, certificate)) {
        say(remarks, op_text(op, "The certificate %.*s... is distrusted: nothing that it signs is accepted.",
                             SLICE(print)));
    } else if (certificate->not_after != 0 && certificate->not_after <= op->now) {
        say(remarks,
            op_text(op, "The certificate %.*s... expired on %.*s. %s", SLICE(print),
                    SLICE(slice_sub(clock_print(certificate->not_after, text), 0, 10)),
                    connection->policy.refuse_expired_certificates
                        ? "The policy refuses what it signs."
                        : "Its key still counts; ask the customer for the current one."));
    }
}

static bool is_usable(const struct op *op, const struct connection *connection,
                      const struct certificate *certificate) {
    bool expired = certificate->not_after != 0 && certificate->not_after <= op->now;
    return !connection_distrusts(connection, certificate) &&
           (!expired || !connection->policy.refuse_expired_certificates);
}

static void look_at_idp(struct sentences *problems, struct sentences *remarks,
                        const struct connection *connection) {
    struct op *op = problems->op;
    const struct certificate *rows = connection->idp.certificates.at;
    size_t usable = 0;
    char text[CLOCK_TEXT];
    for (size_t i = 0; i < connection->idp.certificates.count; i++) {
        look_at_certificate(remarks, connection, &rows[i]);
        usable += is_usable(op, connection, &rows[i]) ? 1 : 0;
    }
    if (usable == 0) {
        say(problems, S("No certificate of the identity provider counts, so nothing that it signs is accepted."));
    }
    int64_t until = connection->idp.valid_until;
    if (until != 0 && until + connection->policy.skew_seconds * SECOND_MS <= op->now) {
        say(problems, op_text(op, "The identity provider's metadata was valid until %.*s: import the current one.",
                              SLICE(clock_print(until, text))));
    }
}

reason connection_state_json(struct op *op, const struct connection *connection, struct json *body) {
    struct sentences *problems = NULL;
    struct sentences *remarks = NULL;
    struct json *distrusted = json_array(op);
    const struct distrusted *rows = connection->distrusted.at;
    TRY(op_take(op, sizeof *problems, &problems));
    TRY(op_take(op, sizeof *remarks, &remarks));
    problems->op = op;
    remarks->op = op;
    if (connection->disabled) {
        say(problems, S("The connection is switched off."));
    }
    if (connection->idp.entity_id.len == 0) {
        say(problems, S("No identity provider is set up."));
    } else {
        look_at_idp(problems, remarks, connection);
    }
    for (size_t i = 0; i < connection->distrusted.count; i++) {
        json_add(op, distrusted, json_from_fields(op, &distrusted_fields, &rows[i]));
    }
    json_set(op, body, "distrusted", distrusted);
    json_set_bool(op, body, "ready", problems->count == 0);
    json_set_texts(op, body, "problems", (struct texts){problems->texts, problems->count});
    json_set_texts(op, body, "remarks", (struct texts){remarks->texts, remarks->count});
    return NULL;
}

// ---- taking trust away, and giving it back --------------------------------------------------------------

struct change {
    const struct actor *actor;
    struct slice slug, sha256;
    struct connection connection;
};

// Known here: then the key in it is noted too.
static void find_certificate(struct op *op, const struct connection *connection, struct slice sha256,
                             struct certificate *ret_known) {
    const struct certificate *rows = connection->idp.certificates.at;
    struct certificate known = {.sha256 = sha256};
    for (size_t i = 0; i < connection->idp.certificates.count; i++) {
        if (slice_equal(rows[i].sha256, sha256)) {
            known = rows[i];
            // One that cannot be read is no key here, and is distrusted all the same.
            if (certificate_fill(op, &known) != NULL) {
                known.key_sha256 = SLICE_NONE;
            }
        }
    }
    *ret_known = known;
}

static reason take_trust(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    struct connection connection;
    struct certificate known;
    TRY(connection_find(op, txn, change->slug, &connection));
    find_certificate(op, &connection, change->sha256, &known);
    return connection_distrust(op, txn, change->actor, change->slug, &known, &change->connection);
}

static reason give_trust(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    return connection_trust(op, txn, change->actor, change->slug, change->sha256, &change->connection);
}

static reason run(struct op *op, struct gate *gate, struct request *request, store_fn fn,
                  struct reply *reply) {
    struct change change = {.actor = &request->actor, .slug = request->args[0], .sha256 = request->args[1]};
    struct json *body = NULL;
    TRY(api_write(op, gate, fn, &change));
    TRY(connection_json(op, gate, &change.connection, &body));
    return reply_json(op, reply, 200, body);
}

reason api_certificate_distrust(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    return run(op, gate, request, take_trust, reply);
}

reason api_certificate_trust(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    return run(op, gate, request, give_trust, reply);
}
