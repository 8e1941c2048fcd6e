// SPDX-License-Identifier: GPL-3.0-or-later
// Carries a message through its door as the gate's own doors do, without HTTP: form or query, worker, verdict, rules,
// then one transaction in the store. What comes out is told, never corrected.
#include "app/selftest/selftest.h"
#include "base/clock.h"
#include "base/encode.h"
#include "saml/idp_metadata.h"
#include "saml/logout.h"

#define RETURN_TO "/reports/7" // where the person was going when the sign-in started

// ---- what waits ------------------------------------------------------------------------------------------

static struct slice slug_of(const struct bench *bench, enum place place) {
    struct slice entity = bench->places[place].sp.entity_id;
    return slice_sub(entity, sizeof PUBLIC_URL "/saml/" - 1, entity.len);
}

static reason add_pending(struct op *op, struct txn *txn, void *arg) {
    struct maker *maker = arg;
    struct slice slug = op_text(op, "%.*s", SLICE(maker->pending.connection));
    maker->pending = (struct pending){.connection = slug, .return_to = S(RETURN_TO)};
    maker->other = (struct pending){.connection = slug_of(maker->bench, ACME), .return_to = S("/other")};
    TRY(pending_add(op, txn, &maker->pending, &maker->cookie));
    return pending_add(op, txn, &maker->other, &maker->other_cookie);
}

reason deliver_prepare(struct op *op, struct bench *bench, const struct attack *row,
                       enum version version, struct maker *ret_maker) {
    struct maker maker = {.op = op,
                          .bench = bench,
                          .row = row,
                          .version = version,
                          .place = row->place,
                          .serial = bench->serial++,
                          .pending = {.connection = slug_of(bench, row->place)}};
    if (row->door == DOOR_ACS) {
        TRY(store_write(op, bench->store, add_pending, &maker));
    }
    *ret_maker = maker;
    return NULL;
}

// ---- the assertion consumer ------------------------------------------------------------------------------

static struct slice cookie(void *request, struct slice handle) {
    const struct maker *maker = request;
    enum browser browser = maker->version == VERSION_ATTACK ? maker->row->browser : BROWSER_SAME;
    if (browser == BROWSER_NO_COOKIE) {
        return SLICE_NONE;
    }
    if (!slice_equal(handle, maker->pending.handle)) {
        return SLICE_NONE; // what another browser started
    }
    return browser == BROWSER_OTHER ? maker->other_cookie : maker->cookie;
}

struct brake_and_form {
    struct brake *brake;
    struct post_form form;
};

static reason admit(struct op *op, const struct bench *bench, const struct maker *maker,
                    const struct trust *trust, const struct brake_and_form *parts,
                    struct outcome *outcome) {
    const struct sp *sp = &bench->places[maker->place].sp;
    struct inbound inbound = {.xml = parts->form.xml,
                              .trust = trust,
                              .entity_id = sp->entity_id,
                              .acs_url = sp->acs_url,
                              .pool = bench->pool,
                              .keys = bench->keys,
                              .brake = parts->brake};
    struct trace trace;
    struct identity identity;
    struct login login;
    TRY(trace_open(op, trust->connection.slug, trust->connection.tenant, &trace));
    TRY(saml_receive(op, &inbound, &trace, &identity));
    struct login_door door = {.connection = &trust->connection,
                              .identity = &identity,
                              .relay_state = parts->form.relay_state,
                              .cookie = cookie,
                              .request = (void *)(uintptr_t)maker,
                              .posted_again = true,
                              .address = S("192.0.2.1"),
                              .session_lifetime = SESSION_LIFETIME_DEFAULT};
    TRY(login_admit(op, bench->store, &door, &trace, &login));
    outcome->who = login.user.email.len > 0 ? login.user.email : identity.name_id;
    outcome->tenant = login.session.tenant;
    outcome->lands = login.return_to;
    return NULL;
}

static reason at_acs(struct op *op, const struct bench *bench, const struct maker *maker,
                     const struct trust *trust, struct outcome *outcome) {
    struct brake_and_form parts = {.brake = NULL};
    TRY(binding_post(op, maker->form, &parts.form));
    if (parts.form.is_request) {
        REFUSE(op, SAML_BINDING, "expected a SAMLResponse, got a SAMLRequest");
    }
    parts.brake = brake_open();
    reason why = admit(op, bench, maker, trust, &parts, outcome);
    brake_close(parts.brake);
    return why;
}

// ---- sign-out --------------------------------------------------------------------------------------------

struct leaving {
    const struct connection *connection;
    const struct logout_message *message;
    bool fresh;
    size_t sessions;
};

static reason find_sessions(struct op *op, struct txn *txn, void *arg) {
    struct leaving *leaving = arg;
    const struct logout_message *message = leaving->message;
    struct rows found;
    const struct replay_of of = {message->issuer, message->id, message->issue_instant,
                                 message->issue_instant + HOUR_MS};
    TRY(replay_add(op, txn, leaving->connection->slug, &of, &leaving->fresh));
    TRY(session_list_by_name_id(op, txn, leaving->connection->slug, message->name_id, &found));
    leaving->sessions = found.count;
    return NULL;
}

static reason at_logout(struct op *op, const struct bench *bench, const struct maker *maker,
                        const struct trust *trust, struct outcome *outcome) {
    const struct sp *sp = &bench->places[maker->place].sp;
    struct inbound inbound = {.trust = trust,
                              .entity_id = sp->entity_id,
                              .acs_url = sp->acs_url,
                              .pool = bench->pool,
                              .keys = bench->keys};
    struct logout_message message;
    if (maker->row->door == DOOR_LOGOUT_QUERY) {
        TRY(logout_receive_query(op, &inbound, sp->slo_url, maker->query, &message));
    } else {
        TRY(logout_receive_post(op, &inbound, sp->slo_url, maker->form, &message));
    }
    struct leaving leaving = {.connection = &trust->connection, .message = &message};
    TRY(store_write(op, bench->store, find_sessions, &leaving));
    if (!leaving.fresh) {
        REFUSE(op, LOGOUT_REPLAYED, "this LogoutRequest was used already");
    }
    if (leaving.sessions == 0) {
        REFUSE(op, LOGOUT_UNKNOWN_SESSION, "nobody of that name is signed in over this connection");
    }
    outcome->who = message.name_id;
    outcome->tenant = trust->connection.tenant;
    return NULL;
}

// ---- metadata --------------------------------------------------------------------------------------------

static bool holds_key_of(struct op *op, const struct idp *idp, struct slice certificate) {
    const struct certificate *rows = idp->certificates.at;
    struct slice der;
    bool found = !decode_base64(op, certificate, true, &der); // ours: it always is
    for (size_t i = 0; i < idp->certificates.count; i++) {
        found = found || slice_equal(rows[i].der, der);
    }
    return found;
}

static reason at_metadata(struct op *op, const struct bench *bench, const struct maker *maker,
                          struct outcome *outcome) {
    struct idp_import import;
    struct rows signers = {NULL, 0};
    if (maker->row->door == DOOR_METADATA_SIGNED) {
        TRY(certificate_read(op, bench->parties[PARTY_FEDERATION].certificate, &signers));
    }
    TRY(idp_from_signed_xml(op, bench->pool, maker->message, S(""), signers, &import));
    outcome->who = import.idp.entity_id;
    if (holds_key_of(op, &import.idp, bench->parties[PARTY_EVIL].certificate)) {
        outcome->who = op_text(op, "mallory's key for %.*s", SLICE(import.idp.entity_id));
    }
    outcome->tenant = slice_str(bench->places[maker->place].tenant);
    return NULL;
}

// ---- the doors -------------------------------------------------------------------------------------------

void deliver(struct op *op, const struct bench *bench, const struct maker *maker,
             struct outcome *ret_outcome) {
    const struct trust *trust = NULL;
    struct outcome outcome = {.why = NULL};
    op->detail = SLICE_NONE;
    if (maker->row->door == DOOR_METADATA || maker->row->door == DOOR_METADATA_SIGNED) {
        outcome.why = at_metadata(op, bench, maker, &outcome);
    } else {
        outcome.why = trust_borrow(op, bench->trusts, bench->store, slug_of(bench, maker->place),
                                   &trust);
        if (outcome.why == NULL) {
            outcome.why = maker->row->door == DOOR_ACS
                              ? at_acs(op, bench, maker, trust, &outcome)
                              : at_logout(op, bench, maker, trust, &outcome);
        }
        trust_return(bench->trusts, trust);
    }
    outcome.detail = op->detail;
    *ret_outcome = outcome;
}
