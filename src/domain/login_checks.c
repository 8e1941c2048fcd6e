// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked before a proved identity becomes a session, in the order in which the answers name
// a refusal. Each check leaves a row in the trace. Nothing here writes to the store, so that a
// refusal has nothing to undo.
#include "base/uri.h"
#include "domain/login_parts.h"
#include "domain/space.h"

#define WORDS_MAX 400 // bytes of a list of names in a trace

reason login_fail(struct op *op, struct admission *a, reason why, const char *check,
                  struct slice expected, struct slice got, const char *detail) {
    trace_add(op, a->trace, check, CHECK_FAIL, expected, got);
    if (detail != NULL) {
        return op_refuse(op, why, "%s", detail);
    }
    return op_refuse(op, why, "expected %.*s, got %.*s", SLICE(text_cut(expected, WORDS_MAX)),
                     SLICE(text_cut(got, WORDS_MAX)));
}

static void pass(struct op *op, struct admission *a, const char *check, struct slice expected,
                 struct slice got) {
    trace_add(op, a->trace, check, CHECK_PASS, expected, got);
}

// "a, b, c", for people; cut where it gets long.
static struct slice listed(struct op *op, struct texts texts) {
    struct buf words;
    buf_open(&words, op, WORDS_MAX + 8);
    for (size_t i = 0; i < texts.count; i++) {
        if (words.len + texts.at[i].len + 2 > WORDS_MAX) {
            buf_str(&words, i > 0 ? " ..." : "...");
            break;
        }
        buf_str(&words, i > 0 ? ", " : "");
        buf_put(&words, texts.at[i]);
    }
    return buf_slice(&words);
}

static struct slice time_text(struct op *op, int64_t time) {
    char buffer[CLOCK_TEXT];
    struct slice text = clock_print(time, buffer);
    return op_text(op, "%.*s", SLICE(text));
}

static const struct attribute *attribute_at(const struct identity *identity, size_t index) {
    return &((const struct attribute *)identity->attributes.at)[index];
}

static struct slice attribute_names(struct op *op, const struct identity *identity) {
    struct texts names = {NULL, 0};
    if (op_take(op, identity->attributes.count * sizeof *names.at, &names.at) != NULL ||
        identity->attributes.count == 0) {
        return S("no attributes at all");
    }
    for (size_t i = 0; i < identity->attributes.count; i++) {
        names.at[names.count++] = attribute_at(identity, i)->name;
    }
    return op_text(op, "the attributes %.*s", SLICE(listed(op, names)));
}

static bool has_text(struct texts texts, struct slice text) {
    for (size_t i = 0; i < texts.count; i++) {
        if (slice_equal(texts.at[i], text)) {
            return true;
        }
    }
    return false;
}

// ---- the trust as it stands now ----

static bool has_certificate(struct rows certificates, struct slice der) {
    const struct certificate *rows = certificates.at;
    for (size_t i = 0; i < certificates.count; i++) {
        if (slice_equal(rows[i].der, der)) {
            return true;
        }
    }
    return false;
}

// Does what the signature was verified by still count? Not when the provider is another one or lost a key meanwhile (which
// key it was is not known here), and not when another connection has taken the short name.
static bool still_trusted(const struct connection *proved, const struct connection *now) {
    const struct certificate *rows = proved->idp.certificates.at;
    bool same = proved->created_at == now->created_at &&
                proved->distrusted.count == now->distrusted.count &&
                slice_equal(proved->idp.entity_id, now->idp.entity_id);
    for (size_t i = 0; same && i < proved->idp.certificates.count; i++) {
        same = has_certificate(now->idp.certificates, rows[i].der);
    }
    return same;
}

// The door was opened with a cached connection; one that has changed since is read anew.
static reason read_trust(struct op *op, struct txn *txn, struct admission *a) {
    const struct connection *cached = a->door->connection;
    int64_t version = 0;
    a->connection = *cached;
    reason why = connection_version(op, txn, cached->slug, &version);
    if (why == NULL && version != cached->version) {
        why = connection_find(op, txn, cached->slug, &a->connection);
    }
    if (why == REASON_OF(NOT_FOUND)) {
        a->connection.disabled = true;
        why = NULL;
    }
    TRY(why);
    if (!still_trusted(cached, &a->connection)) {
        return login_fail(op, a, REASON_OF(SIGNATURE_UNKNOWN_SIGNER), "trust",
                          S("the identity provider as it was when the signature was verified"),
                          S("one that was changed in that moment"), NULL);
    }
    why = tenant_find(op, txn, a->connection.tenant, &a->tenant);
    if (why == REASON_OF(NOT_FOUND)) {
        a->tenant = (struct tenant){.slug = a->connection.tenant, .disabled = true};
        why = NULL;
    }
    return why;
}

// ---- session: is there time left ----

static reason check_session(struct op *op, struct admission *a) {
    const struct identity *identity = a->door->identity;
    a->expires_at = op->now + a->door->session_lifetime;
    int64_t end = identity->session_not_on_or_after;
    if (end == 0) {
        return NULL;
    }
    if (end <= op->now) {
        end += a->connection.policy.skew_seconds * SECOND_MS; // the IdP's clock may be behind ours
    }
    if (end <= op->now) {
        return login_fail(op, a, REASON_OF(AUTHN_SESSION_EXPIRED), "session",
                          op_text(op, "a session past %.*s", SLICE(time_text(op, op->now))),
                          time_text(op, identity->session_not_on_or_after), NULL);
    }
    a->expires_at = end < a->expires_at ? end : a->expires_at;
    return NULL;
}

// ---- request: does this answer something that waits here, in this browser ----

static reason check_unsolicited(struct op *op, struct admission *a) {
    if (!a->connection.policy.unsolicited) {
        return login_fail(op, a, REASON_OF(RESPONSE_UNSOLICITED_REFUSED), "request",
                          S("an answer to a sign-in that was started here"),
                          S("an unsolicited response"), NULL);
    }
    pass(op, a, "request", S("unsolicited responses are allowed"), S("an unsolicited response"));
    return NULL;
}

static reason check_waiting(struct op *op, struct txn *txn, struct admission *a) {
    struct slice id = a->door->identity->in_response_to;
    bool found = false;
    TRY(pending_find(op, txn, id, &a->pending, &found));
    if (!found || a->pending.logout ||
        !slice_equal(a->pending.connection, a->connection.slug)) {
        return login_fail(op, a, REASON_OF(RESPONSE_IN_RESPONSE_TO_UNKNOWN), "request",
                          S("the ID of a request that waits here"), id, NULL);
    }
    if (op->now > a->pending.expires_at) {
        return login_fail(
            op, a, REASON_OF(RESPONSE_IN_RESPONSE_TO_EXPIRED), "request",
            op_text(op, "an answer until %.*s", SLICE(time_text(op, a->pending.expires_at))),
            time_text(op, op->now), NULL);
    }
    return NULL;
}

static reason check_browser(struct op *op, struct admission *a) {
    const struct login_door *door = a->door;
    struct slice value = door->cookie(door->request, a->pending.handle);
    if (value.len == 0 && !door->posted_again) {
        a->login->ask_again = true;
        return NULL;
    }
    struct sha256 digest = digest_sha256(value);
    if (value.len == 0 || !same_secret(digest_slice(&digest), a->pending.cookie_hash)) {
        return login_fail(op, a, REASON_OF(RESPONSE_BROWSER_MISMATCH), "request",
                          S("the cookie of the browser that started this sign-in"),
                          value.len == 0 ? S("no such cookie") : S("another cookie"), NULL);
    }
    pass(op, a, "request", door->identity->in_response_to, a->pending.request_id);
    a->answered = true;
    return NULL;
}

static reason check_request(struct op *op, struct txn *txn, struct admission *a) {
    if (a->door->identity->in_response_to.len == 0) {
        return check_unsolicited(op, a);
    }
    TRY(check_waiting(op, txn, a));
    return check_browser(op, a);
}

// ---- replay ----

static reason check_replay(struct op *op, struct txn *txn, struct admission *a) {
    const struct identity *identity = a->door->identity;
    if (identity->assertion_id.len == 0) {
        return login_fail(op, a, REASON_OF(RESPONSE_ID_MISSING), "replay", S("an assertion ID"),
                          S("none"), NULL);
    }
    const struct replay_of of = {identity->issuer, identity->assertion_id, identity->issued,
                                 identity->expires};
    TRY(replay_look(op, txn, a->connection.slug, &of, &a->replay));
    if (a->replay.restored > 0) {
        return login_fail(op, a, REASON_OF(ASSERTION_REPLAYED), "replay",
                          op_text(op, "one issued after the store was restored, %.*s",
                                  SLICE(time_text(op, a->replay.restored))),
                          op_text(op, "one of %.*s, which may have been used: start again",
                                  SLICE(time_text(op, identity->issued))), NULL);
    }
    if (!a->replay.fresh) {
        return login_fail(op, a, REASON_OF(ASSERTION_REPLAYED), "replay",
                          S("an assertion that was not used before"), identity->assertion_id, NULL);
    }
    pass(op, a, "replay", S("not used before"), identity->assertion_id);
    return NULL;
}

// ---- login: may this person come in ----

static reason check_switches(struct op *op, struct admission *a) {
    if (a->tenant.disabled) {
        return login_fail(op, a, REASON_OF(LOGIN_TENANT_DISABLED), "login.tenant", S("enabled"),
                          S("disabled"), "the tenant is disabled");
    }
    pass(op, a, "login.tenant", S("enabled"), S("enabled"));
    if (a->connection.disabled) {
        return login_fail(op, a, REASON_OF(LOGIN_CONNECTION_DISABLED), "login.connection",
                          S("enabled"), S("disabled"), "the connection is disabled");
    }
    pass(op, a, "login.connection", S("enabled"), S("enabled"));
    return NULL;
}

static reason owner_of(struct op *op, struct txn *txn, struct slice domain,
                       struct slice *ret_tenant) {
    struct slice owner = SLICE_NONE;
    reason why = domain_owner(op, txn, domain, &owner);
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    *ret_tenant = why == NULL ? owner : SLICE_NONE;
    return NULL;
}

// A connection speaks for its tenant's domains. Without verification it may also speak for domains
// that belong to nobody here, but never for another tenant's.
static reason check_domain(struct op *op, struct txn *txn, struct admission *a) {
    const struct policy *policy = &a->connection.policy;
    struct texts allowed = policy->domains.count > 0 ? policy->domains : a->tenant.domains;
    if (!policy->verify_email_domain) {
        struct slice owner;
        TRY(owner_of(op, txn, a->email.domain, &owner));
        if (owner.len > 0 && !slice_equal(owner, a->tenant.slug)) {
            return login_fail(op, a, REASON_OF(LOGIN_DOMAIN_NOT_ALLOWED), "login.email_domain",
                              S("no domain of another tenant"), a->email.whole, NULL);
        }
        pass(op, a, "login.email_domain", S("any domain that is no other tenant's"),
             a->email.domain);
        return NULL;
    }
    if (allowed.count == 0) {
        return login_fail(op, a, REASON_OF(LOGIN_DOMAIN_NOT_ALLOWED), "login.email_domain",
                          S("a domain of the tenant, which has none"), a->email.whole,
                          "the tenant has no domain yet: add the one of this e-mail address to the "
                          "tenant, or switch verify_email_domain off in the connection's policy");
    }
    if (!has_text(allowed, a->email.domain)) {
        return login_fail(op, a, REASON_OF(LOGIN_DOMAIN_NOT_ALLOWED), "login.email_domain",
                          listed(op, allowed), a->email.whole, NULL);
    }
    pass(op, a, "login.email_domain", listed(op, allowed), a->email.domain);
    return NULL;
}

// A NameID with an @ that is no address (two of them, characters that no domain has) would pass for an opaque name and
// look like somebody else's address to whoever shows it.
static reason check_look_alike(struct op *op, struct admission *a) {
    const struct policy *policy = &a->connection.policy;
    struct slice name_id = a->door->identity->name_id;
    struct email email;
    if (!policy->verify_email_domain || policy->email_attribute.len > 0 ||
        slice_find(name_id, S("@")) == SIZE_MAX) {
        return NULL;
    }
    reason why = email_normalise(op, name_id, &email);
    if (why == REASON_OF(INVALID_INPUT)) {
        return login_fail(op, a, REASON_OF(LOGIN_DOMAIN_NOT_ALLOWED), "login.email_domain",
                          S("a NameID that is an e-mail address, or has no @"), name_id, NULL);
    }
    return why;
}

static reason check_email(struct op *op, struct txn *txn, struct admission *a) {
    const struct identity *identity = a->door->identity;
    const struct policy *policy = &a->connection.policy;
    TRY(check_look_alike(op, a));
    reason why = identity_email(op, policy, identity, &a->email);
    if (why == REASON_OF(ATTRIBUTE_REQUIRED_MISSING)) {
        trace_add(op, a->trace, "login.email", CHECK_FAIL, policy->email_attribute,
                  attribute_names(op, identity));
    }
    TRY(why);
    a->trace->email = a->email.whole;
    if (a->email.whole.len > 0) {
        return check_domain(op, txn, a);
    }
    trace_add(op, a->trace, "login.email_domain", CHECK_SKIP, S("an e-mail address"),
              attribute_names(op, identity));
    return NULL;
}

static reason check_identifier(struct op *op, struct admission *a) {
    const struct identity *identity = a->door->identity;
    const struct policy *policy = &a->connection.policy;
    struct slice wanted =
        policy->identifier_attribute.len > 0 ? policy->identifier_attribute : S("NameID");
    reason why = identity_identifier(op, policy, identity, &a->email, &a->identifier);
    if (why != NULL && why->class == CLASS_LOGIN) {
        trace_add(op, a->trace, "login.identifier", CHECK_FAIL, wanted,
                  attribute_names(op, identity));
    }
    TRY(why);
    if (a->identifier.len > LINK_IDENTIFIER_MAX) {
        return login_fail(op, a, REASON_OF(SUBJECT_NAME_ID_MISSING), "login.identifier",
                          op_text(op, "at most %d bytes", LINK_IDENTIFIER_MAX),
                          op_text(op, "%zu bytes", a->identifier.len), NULL);
    }
    pass(op, a, "login.identifier", wanted, a->identifier);
    struct slice parts[] = {a->connection.slug, a->identifier};
    a->link_key = digest_parts(parts, 2);
    return NULL;
}

// ---- who is it ----

// A link of a connection that was removed counts no more, even when another took its short name.
static reason is_live(struct op *op, struct txn *txn, const struct admission *a,
                      const struct link *link, bool *ret_live) {
    struct connection other;
    if (slice_equal(link->connection, a->connection.slug)) {
        *ret_live = link->created_at >= a->connection.created_at;
        return NULL;
    }
    reason why = connection_find(op, txn, link->connection, &other);
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    *ret_live = why == NULL && link->created_at >= other.created_at;
    return NULL;
}

static reason find_linked(struct op *op, struct txn *txn, struct admission *a) {
    struct key key = key_in(SPACE_LINK);
    key_bytes(&key, digest_slice(&a->link_key));
    struct link link;
    bool found = false;
    TRY(entity_find(op, txn, &link_entity, &key, &link, &found));
    if (!found || link.created_at < a->connection.created_at) {
        return NULL;
    }
    reason why = user_find(op, txn, link.user_id, &a->user);
    if (why == REASON_OF(NOT_FOUND)) {
        return NULL;
    }
    TRY(why);
    a->linked = true;
    a->known = true;
    return NULL;
}

static reason has_live_link(struct op *op, struct txn *txn, const struct admission *a,
                            struct slice user_id, bool *ret_has) {
    struct key prefix = key_in(SPACE_LINK_OF);
    key_text(&prefix, user_id);
    struct scan scan;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    bool has = false;
    reason why = NULL;
    struct slice key;
    struct slice value;
    while (!has && (why = scan_next(op, &scan, &key, &value)) == NULL && key.at != NULL) {
        struct link link;
        struct slice bytes;
        why = txn_get(op, txn, value, &bytes);
        if (why == NULL && bytes.at != NULL) {
            why = record_get(op, &link_fields, bytes, &link);
            why = why == NULL ? is_live(op, txn, a, &link, &has) : why;
        }
        if (why != NULL) {
            break;
        }
    }
    scan_close(&scan);
    TRY(why);
    *ret_has = has;
    return NULL;
}

// An e-mail address leads to an account that is there only once, and only by its domain's tenant.
static reason find_by_email(struct op *op, struct txn *txn, struct admission *a) {
    bool found = false;
    if (a->email.whole.len > 0) {
        TRY(user_find_by_email(op, txn, a->email.whole, &a->user, &found));
    }
    if (!found) {
        return NULL;
    }
    bool has_link = false;
    TRY(has_live_link(op, txn, a, a->user.id, &has_link));
    if (!has_text(a->tenant.domains, a->email.domain)) {
        return login_fail(op, a, REASON_OF(LOGIN_IDENTITY_COLLISION), "login.account",
                          S("an e-mail address of the tenant's domains, or one that is free"),
                          a->email.whole, NULL);
    }
    if (has_link) {
        return login_fail(op, a, REASON_OF(LOGIN_IDENTITY_COLLISION), "login.account",
                          S("an e-mail address that no other identity is linked to"),
                          a->email.whole, NULL);
    }
    a->known = true;
    return NULL;
}

static reason check_account(struct op *op, struct txn *txn, struct admission *a) {
    TRY(find_linked(op, txn, a));
    if (!a->linked) {
        TRY(find_by_email(op, txn, a));
    }
    if (a->known) {
        a->trace->user_id = a->user.id;
        TRY(membership_find(op, txn, a->tenant.slug, a->user.id, &a->membership, &a->member));
        TRY(visit_find(op, txn, a->tenant.slug, a->user.id, &a->visit));
    }
    if (!a->member && !a->connection.policy.provisioning) {
        return login_fail(op, a, REASON_OF(LOGIN_PROVISIONING_OFF), "login.account",
                          S("a user of this tenant: provisioning is off"),
                          a->known ? S("a user without membership here") : S("nobody known"), NULL);
    }
    pass(op, a, "login.account",
         a->connection.policy.provisioning ? S("known, or new") : S("known"),
         a->linked  ? S("known")
         : a->known ? S("known by e-mail, linked now")
                    : S("new"));
    return NULL;
}

static reason check_membership(struct op *op, struct admission *a) {
    int status = a->member ? a->membership.status : (int)MEMBER_ACTIVE;
    struct slice name = slice_str(membership_status_names[status]);
    if (status == MEMBER_DISABLED) {
        return login_fail(op, a, REASON_OF(LOGIN_MEMBERSHIP_DISABLED), "login.membership",
                          S("not disabled"), name, NULL);
    }
    if (status == MEMBER_DELETED) {
        return login_fail(op, a, REASON_OF(LOGIN_MEMBERSHIP_DELETED), "login.membership",
                          S("not deleted"), name, NULL);
    }
    if (a->member && a->membership.expires_at > 0 && a->membership.expires_at <= op->now) {
        return login_fail(op, a, REASON_OF(LOGIN_MEMBERSHIP_DISABLED), "login.membership",
                          S("access that has not ended"),
                          op_text(op, "access until %.*s",
                                  SLICE(time_text(op, a->membership.expires_at))), NULL);
    }
    pass(op, a, "login.membership", S("not disabled, not deleted"), a->member ? name : S("new"));
    return NULL;
}

// ---- roles ----

static struct slice rules_listed(struct op *op, const struct mapping *mapping) {
    struct texts words = {NULL, 0};
    static const char *const match_words[] = {"exact", "prefix", "suffix", "contains"};
    if (mapping->rules.count == 0 ||
        op_take(op, mapping->rules.count * sizeof *words.at, &words.at) != NULL) {
        return S("a mapping rule or a default role; there is none");
    }
    for (size_t i = 0; i < mapping->rules.count; i++) {
        const struct mapping_rule *rule = &((const struct mapping_rule *)mapping->rules.at)[i];
        words.at[words.count++] =
            op_text(op, "%s \"%.*s\"", match_words[rule->match], SLICE(rule->value));
    }
    return listed(op, words);
}

static struct slice groups_listed(struct op *op, const struct admission *a) {
    const struct identity *identity = a->door->identity;
    for (size_t i = 0; i < identity->attributes.count; i++) {
        const struct attribute *attribute = attribute_at(identity, i);
        if (slice_equal(attribute->name, a->connection.policy.groups_attribute)) {
            return listed(op, attribute->values);
        }
    }
    return op_text(op, "no attribute %.*s; what came: %.*s",
                   SLICE(a->connection.policy.groups_attribute),
                   SLICE(attribute_names(op, identity)));
}

static reason check_roles(struct op *op, struct admission *a) {
    const struct mapping *mapping = &a->connection.mapping;
    struct rows given = {NULL, 0};
    struct rows old = a->member ? a->membership.grants : (struct rows){NULL, 0};
    reason why = mapping_apply(op, &a->connection, a->door->identity, &given);
    if (why != NULL && why != REASON_OF(LOGIN_NO_ROLE)) {
        if (why->class == CLASS_LOGIN) {
            trace_add(op, a->trace, "login.roles", CHECK_FAIL,
                      a->connection.policy.groups_attribute,
                      attribute_names(op, a->door->identity));
        }
        return why;
    }
    const struct sso_grants sso = {.connection = a->connection.slug,
                                   .mode = mapping->mode,
                                   .given = given,
                                   .confirmed_by = a->visit.assertion};
    TRY(grant_replace_sso(op, old, &sso, &a->grants));
    if (why != NULL && !grant_stands_alone(a->grants, a->connection.slug, mapping->mode)) {
        return login_fail(op, a, why, "login.roles", rules_listed(op, mapping),
                          groups_listed(op, a), NULL);
    }
    struct texts roles;
    TRY(grant_roles(op, a->grants, &roles));
    pass(op, a, "login.roles", rules_listed(op, mapping), listed(op, roles));
    return NULL;
}

reason login_check_all(struct op *op, struct txn *txn, struct admission *a) {
    TRY(read_trust(op, txn, a));
    TRY(check_session(op, a));
    TRY(check_request(op, txn, a));
    if (a->login->ask_again) {
        return NULL;
    }
    TRY(check_replay(op, txn, a));
    TRY(check_switches(op, a));
    TRY(check_email(op, txn, a));
    TRY(check_identifier(op, a));
    TRY(check_account(op, txn, a));
    TRY(check_membership(op, a));
    return check_roles(op, a);
}
