// SPDX-License-Identifier: GPL-3.0-or-later
// Random sequences of what administrators and operators do to people, roles and sessions, in the store and beside it
// in a model that is arrays and loops. After each step both have to say the same: what was refused and why, who is in
// which state with which roles, how many sessions there are, who came when; a refusal leaves nothing behind, and at the end the
// audit log is whole. The seed is printed; GATEHOUSE_SEED repeats one, GATEHOUSE_SEQUENCES runs more.
#include "fixture.h"

#include "base/clock.h"
#include "domain/audit_chain.h"
#include "domain/member_life.h"
#include "domain/role.h"
#include "domain/session.h"
#include "domain/space.h"

#define TENANTS 2
#define PEOPLE 5
#define ROLES 6
#define SEQUENCES 25
#define STEPS 120

static const char *const tenants[TENANTS] = {"acme", "other"};
static const char *const emails[PEOPLE] = {"a@acme.example", "b@acme.example", "c@acme.example",
                                           "d@acme.example", "e@acme.example"};
// The last two are the tenant's own, and may be there or not.
static const char *const roles[ROLES] = {"admin", "user", "read_only", "security_gatekeeper",
                                         "helpers", "readers"};
#define OWN_ROLES 4
static const char *const own_permissions[ROLES - OWN_ROLES] = {"users:manage", "audit:view"};

// ---- chance ----

static uint64_t chance_state;
static unsigned chance(unsigned below) { // xorshift: the same everywhere
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return (unsigned)(chance_state % below);
}

// ---- the model ----

enum status { NOBODY, INVITED, ACTIVE, DISABLED, DELETED };
struct model {
    enum status status[TENANTS][PEOPLE];
    unsigned roles[TENANTS][PEOPLE]; // bits
    unsigned sessions[TENANTS][PEOPLE];
    int64_t visits[TENANTS][PEOPLE]; // the last one, 0 = never
    int64_t now;
    bool own[TENANTS][ROLES]; // is the role there? The built-in ones are
};
static struct permission_set gives[ROLES]; // as the built-in roles say, and own_permissions

static struct permission_set held(const struct model *m, unsigned t, unsigned bits) {
    struct permission_set all = {{0, 0}};
    for (unsigned r = 0; r < ROLES; r++) {
        if ((bits & 1U << r) != 0 && (r < OWN_ROLES || m->own[t][r])) {
            all = permission_union(all, gives[r]);
        }
    }
    return all;
}
static bool is_admin(const struct model *m, unsigned t, unsigned p) {
    return m->status[t][p] == ACTIVE && permission_may(held(m, t, m->roles[t][p]), "users:manage");
}
static unsigned admins(const struct model *m, unsigned t) {
    unsigned count = 0;
    for (unsigned p = 0; p < PEOPLE; p++) {
        count += is_admin(m, t, p) ? 1 : 0;
    }
    return count;
}
static bool all_there(const struct model *m, unsigned t, unsigned bits) {
    for (unsigned r = OWN_ROLES; r < ROLES; r++) {
        if ((bits & 1U << r) != 0 && !m->own[t][r]) {
            return false;
        }
    }
    return true;
}

// What a step does, and by whom. `by` PEOPLE: an operator; else that person, who administers the tenant.
enum kind { INVITE, COME_IN, SET_ROLES, DISABLE, ENABLE, DELETE, RESTORE, MAKE_ROLE, DROP_ROLE,
    SIGN_IN, SIGN_OUT, KINDS };
static const char *const kind_names[KINDS] = {"invite", "come in", "set roles", "disable",
                                              "enable", "delete", "restore", "make role",
                                              "drop role", "sign in", "sign out"};
struct step {
    enum kind kind;
    unsigned t, p, by, bits, r;
};

// Each reason for which the model would refuse; the program may name any of those.
struct refusals {
    reason why[8];
    size_t count;
};
static void refuse(struct refusals *all, bool when, reason why) {
    if (when) {
        assert_true(all->count < 8);
        all->why[all->count++] = why;
    }
}

// May this change take user administration from p?
static void keep_admin(const struct model *m, const struct model *after, const struct step *s,
                       struct refusals *all) {
    if (is_admin(m, s->t, s->p) && !is_admin(after, s->t, s->p)) {
        refuse(all, s->by == s->p, REASON_OF(SELF_LOCKOUT));
        refuse(all, admins(after, s->t) == 0, REASON_OF(LAST_ADMIN));
    }
}

static void ceiling(const struct model *m, const struct step *s, unsigned bits,
                    struct refusals *all) {
    bool within = s->by == PEOPLE || permission_within(held(m, s->t, bits),
                                                       held(m, s->t, m->roles[s->t][s->by]));
    refuse(all, !within, REASON_OF(FORBIDDEN));
}

static bool role_in_use(const struct model *m, unsigned t, unsigned r) {
    for (unsigned p = 0; p < PEOPLE; p++) {
        bool counts = m->status[t][p] != NOBODY && m->status[t][p] != DELETED;
        if (counts && (m->roles[t][p] & 1U << r) != 0) {
            return true;
        }
    }
    return false;
}

// Takes the step in *after, and says why it would be refused.
static struct refusals model_step(const struct model *m, const struct step *s,
                                  struct model *after) {
    struct refusals all = {.count = 0};
    unsigned t = s->t;
    unsigned p = s->p;
    enum status was = m->status[t][p];
    bool member = was != NOBODY;
    *after = *m;
    switch (s->kind) {
    case INVITE:
        refuse(&all, was != NOBODY && was != DELETED, REASON_OF(ALREADY_MEMBER));
        refuse(&all, !all_there(m, t, s->bits), REASON_OF(UNKNOWN_ROLE));
        ceiling(m, s, s->bits, &all);
        after->status[t][p] = INVITED;
        after->roles[t][p] = s->bits;
        after->visits[t][p] = 0;
        break;
    case COME_IN:
        refuse(&all, !member, REASON_OF(NOT_FOUND));
        refuse(&all, was == DISABLED || was == DELETED, REASON_OF(ILLEGAL_TRANSITION));
        after->status[t][p] = ACTIVE;
        break;
    case SET_ROLES:
        refuse(&all, !member, REASON_OF(NOT_FOUND));
        refuse(&all, was == DELETED, REASON_OF(ILLEGAL_TRANSITION));
        refuse(&all, !all_there(m, t, s->bits), REASON_OF(UNKNOWN_ROLE));
        ceiling(m, s, s->bits & ~m->roles[t][p], &all);
        after->roles[t][p] = s->bits;
        keep_admin(m, after, s, &all);
        break;
    case DISABLE:
    case DELETE:
        refuse(&all, !member, REASON_OF(NOT_FOUND));
        refuse(&all, was == DELETED || (was == DISABLED && s->kind == DISABLE),
               REASON_OF(ILLEGAL_TRANSITION));
        refuse(&all, s->by == p, REASON_OF(SELF_LOCKOUT));
        after->status[t][p] = s->kind == DISABLE ? DISABLED : DELETED;
        after->sessions[t][p] = 0;
        keep_admin(m, after, s, &all);
        break;
    case ENABLE:
    case RESTORE:
        refuse(&all, !member, REASON_OF(NOT_FOUND));
        refuse(&all, was != (s->kind == ENABLE ? DISABLED : DELETED), REASON_OF(ILLEGAL_TRANSITION));
        ceiling(m, s, m->roles[t][p], &all);
        after->status[t][p] = ACTIVE;
        break;
    case MAKE_ROLE:
        refuse(&all, m->own[t][s->r], REASON_OF(DUPLICATE_ROLE_ID));
        after->own[t][s->r] = true;
        break;
    case DROP_ROLE:
        refuse(&all, !m->own[t][s->r], REASON_OF(NOT_FOUND));
        refuse(&all, role_in_use(m, t, s->r), REASON_OF(ROLE_IN_USE));
        after->own[t][s->r] = false;
        break;
    case SIGN_IN:
        after->sessions[t][p]++;
        after->visits[t][p] = m->now;
        break;
    case SIGN_OUT: after->sessions[t][p] = 0; break;
    case KINDS: break;
    }
    return all;
}

// ---- the program ----

struct world {
    struct fixture *fixture;
    struct model model;
    char ids[PEOPLE][64]; // of users, once they are there
    uint64_t rows[TENANTS]; // of the audit log
};

static struct slice id_of(const struct world *w, unsigned p) {
    return w->ids[p][0] != '\0' ? slice_str(w->ids[p]) : S("usr_none");
}

static size_t bits_texts(unsigned bits, struct slice texts[ROLES]) {
    size_t count = 0;
    for (unsigned r = 0; r < ROLES; r++) {
        if ((bits & 1U << r) != 0) {
            texts[count++] = slice_str(roles[r]);
        }
    }
    return count;
}

struct doing {
    struct world *w;
    const struct step *s;
    struct actor actor, system;
    struct member member;
};

static reason happen(struct op *op, struct txn *txn, struct doing *d, const struct actor *actor,
                     enum life_event event) {
    const struct happening happening = {.event = event};
    return member_happens(op, txn, actor, slice_str(tenants[d->s->t]), id_of(d->w, d->s->p),
                          &happening, &d->member);
}

static reason start_session(struct op *op, struct txn *txn, struct doing *d) {
    struct slice cookie;
    struct session session = {.tenant = slice_str(tenants[d->s->t]),
                              .user_id = id_of(d->w, d->s->p),
                              .connection = S("none"),
                              .authenticated_at = op->now,
                              .expires_at = op->now + 30 * DAY_MS};
    return session_add(op, txn, &session, &cookie);
}

static reason make_role(struct op *op, struct txn *txn, struct doing *d) {
    struct slice permission = slice_str(own_permissions[d->s->r - OWN_ROLES]);
    struct role role = {.tenant = slice_str(tenants[d->s->t]),
                        .role_id = slice_str(roles[d->s->r]),
                        .name = slice_str(roles[d->s->r]),
                        .permissions = {&permission, 1}};
    return role_create(op, txn, &d->actor, &role);
}

static reason program_step(struct op *op, struct txn *txn, void *arg) {
    struct doing *d = arg;
    const struct step *s = d->s;
    struct slice tenant = slice_str(tenants[s->t]);
    struct slice ids[ROLES];
    struct texts given = {ids, bits_texts(s->bits, ids)};
    struct invitation invitation = {
        .email = slice_str(emails[s->p]), .role_ids = given, .sso_only = true, .silent = true};
    bool known = false;
    size_t count = 0;
    switch (s->kind) {
    case INVITE:
        return member_invite(op, txn, &d->actor, tenant, &invitation, &d->member, &known);
    case COME_IN: return happen(op, txn, d, &d->system, LIFE_SSO_LOGIN);
    case SET_ROLES:
        return member_set_roles(op, txn, &d->actor, tenant, id_of(d->w, s->p), given, &d->member);
    case DISABLE: return happen(op, txn, d, &d->actor, LIFE_DISABLE);
    case ENABLE: return happen(op, txn, d, &d->actor, LIFE_ENABLE);
    case DELETE: return happen(op, txn, d, &d->actor, LIFE_DELETE);
    case RESTORE: return happen(op, txn, d, &d->actor, LIFE_RESTORE);
    case MAKE_ROLE: return make_role(op, txn, d);
    case DROP_ROLE:
        return role_remove(op, txn, &d->actor, tenant, slice_str(roles[s->r]), SLICE_NONE, &count);
    case SIGN_IN: return start_session(op, txn, d);
    case SIGN_OUT:
        return session_end_all(op, txn, &d->actor, tenant, id_of(d->w, s->p), &count);
    case KINDS: break;
    }
    return NULL;
}

// ---- are they the same? ----

static enum status status_of(const struct membership *membership) {
    switch (membership->status) {
    case MEMBER_INVITED: return INVITED;
    case MEMBER_ACTIVE: return ACTIVE;
    case MEMBER_DISABLED: return DISABLED;
    case MEMBER_DELETED: return DELETED;
    default: fail_msg("a state that the model does not have: %d", membership->status); return NOBODY;
    }
}

static unsigned bits_of(const struct membership *membership) {
    unsigned bits = 0;
    const struct grant *grants = membership->grants.at;
    for (size_t i = 0; i < membership->grants.count; i++) {
        for (unsigned r = 0; r < ROLES; r++) {
            bits |= slice_equal(grants[i].role_id, slice_str(roles[r])) ? 1U << r : 0;
        }
    }
    return bits;
}

static reason compare_person(struct op *op, struct txn *txn, const struct world *w, unsigned t,
                             unsigned p) {
    struct membership membership = {.status = 0};
    struct rows sessions = {NULL, 0};
    struct visit visit;
    bool found = false;
    TRY(membership_find(op, txn, slice_str(tenants[t]), id_of(w, p), &membership, &found));
    TRY(visit_find(op, txn, slice_str(tenants[t]), id_of(w, p), &visit));
    assert_int_equal(visit.last, w->model.visits[t][p]);
    TRY(session_list(op, txn, slice_str(tenants[t]), id_of(w, p), SLICE_NONE, &sessions));
    assert_int_equal(found ? status_of(&membership) : NOBODY, w->model.status[t][p]);
    assert_int_equal(found ? bits_of(&membership) : 0, w->model.roles[t][p]);
    assert_int_equal(sessions.count, w->model.sessions[t][p]);
    return NULL;
}

// Those with a role ("" = all), the one who came last first.
static reason compare_order(struct op *op, struct txn *txn, struct slice tenant, struct slice role,
                            size_t count) {
    const struct member_filter filter = {.status = -1, .role = role, .sort = S("-last_visit")};
    struct rows members = {NULL, 0};
    struct slice next;
    size_t total = 0;
    TRY(member_list(op, txn, tenant, &filter, (struct page){.limit = 50}, &members, &next, &total));
    const struct member *at = members.at;
    assert_int_equal(members.count, count);
    assert_int_equal(total, count);
    for (size_t i = 1; i < members.count; i++) {
        assert_true(at[i - 1].visit.last >= at[i].visit.last);
    }
    return NULL;
}

static reason compare_orders(struct op *op, struct txn *txn, const struct world *w, unsigned t) {
    size_t count[ROLES + 1] = {0};
    for (unsigned p = 0; p < PEOPLE; p++) {
        bool shown = w->model.status[t][p] != NOBODY && w->model.status[t][p] != DELETED;
        for (unsigned r = 0; r < ROLES; r++) {
            count[r] += shown && (w->model.roles[t][p] & 1U << r) != 0 ? 1 : 0;
        }
        count[ROLES] += shown ? 1 : 0;
    }
    for (unsigned r = 0; r <= ROLES; r++) {
        TRY(compare_order(op, txn, slice_str(tenants[t]), r < ROLES ? slice_str(roles[r]) : S(""),
                          count[r]));
    }
    return NULL;
}

static reason compare(struct op *op, struct txn *txn, void *arg) {
    struct world *w = arg;
    for (unsigned t = 0; t < TENANTS; t++) {
        size_t shown = 0;
        for (unsigned p = 0; p < PEOPLE; p++) {
            TRY(compare_person(op, txn, w, t, p));
            shown += w->model.status[t][p] != NOBODY && w->model.status[t][p] != DELETED ? 1 : 0;
        }
        const struct member_filter all = {.status = -1};
        struct rows members = {NULL, 0};
        struct slice next;
        size_t total = 0;
        TRY(member_list(op, txn, slice_str(tenants[t]), &all, (struct page){.limit = 50}, &members,
                        &next, &total));
        assert_int_equal(members.count, shown);
        assert_int_equal(total, shown);
        TRY(compare_orders(op, txn, w, t));
        for (unsigned r = OWN_ROLES; r < ROLES; r++) {
            struct role role;
            reason why = role_find(op, txn, slice_str(tenants[t]), slice_str(roles[r]), &role);
            assert_int_equal(why == NULL, w->model.own[t][r]);
        }
    }
    return NULL;
}

static reason read_rows(struct op *op, struct txn *txn, void *arg) {
    struct world *w = arg;
    for (unsigned t = 0; t < TENANTS; t++) {
        struct audit_link head;
        TRY(audit_link_get(op, txn, SPACE_AUDIT_HEAD, slice_str(tenants[t]), &head));
        w->rows[t] = head.seq;
    }
    return NULL;
}

// ---- one step, and many ----

static struct step next_step(const struct model *m) {
    unsigned kind = chance(KINDS);
    struct step s = {.kind = (enum kind)kind,
                     .t = chance(TENANTS),
                     .p = chance(PEOPLE),
                     .by = PEOPLE,
                     .bits = 1U << chance(ROLES) | (chance(2) == 0 ? 1U << chance(ROLES) : 0),
                     .r = OWN_ROLES + chance(ROLES - OWN_ROLES)};
    unsigned by = chance(PEOPLE);
    // Who may call at all is for the routes to say: here are those who may.
    if (is_admin(m, s.t, by) && s.kind < MAKE_ROLE && chance(3) > 0) {
        s.by = by;
    }
    if (s.kind == SIGN_IN && m->status[s.t][s.p] != ACTIVE) {
        s.kind = COME_IN;
    }
    return s;
}

static struct actor actor_of(const struct world *w, const struct step *s) {
    if (s->by == PEOPLE) {
        return w->fixture->staff;
    }
    return (struct actor){.kind = ACTOR_USER,
                          .id = id_of(w, s->by),
                          .tenant = slice_str(tenants[s->t]),
                          .permissions = held(&w->model, s->t, w->model.roles[s->t][s->by])};
}

static bool one_of(const struct refusals *all, reason why) {
    for (size_t i = 0; i < all->count; i++) {
        if (all->why[i] == why) {
            return true;
        }
    }
    return false;
}

static void take_step(struct world *w, const struct step *s, unsigned number) {
    struct model after;
    struct refusals all = model_step(&w->model, s, &after);
    struct doing d = {.w = w, .s = s, .actor = actor_of(w, s), .system = {.kind = ACTOR_SYSTEM}};
    uint64_t before[TENANTS];
    assert_done(fixture_read(w->fixture, read_rows, w));
    memcpy(before, w->rows, sizeof before);
    reason why = fixture_write(w->fixture, program_step, &d);
    bool same = all.count == 0 ? why == NULL : one_of(&all, why);
    if (!same) {
        print_error("step %u: %s %s in %s, roles %x, by %s: got %s, the model says %s\n", number,
                    kind_names[s->kind], emails[s->p], tenants[s->t], s->bits,
                    s->by == PEOPLE ? "an operator" : emails[s->by], why != NULL ? why->slug : "done",
                    all.count > 0 ? all.why[0]->slug : "done");
        fail();
    }
    if (why == NULL) {
        w->model = after;
        if (s->kind == INVITE && w->ids[s->p][0] == '\0') {
            (void)snprintf(w->ids[s->p], sizeof w->ids[s->p], "%.*s", SLICE(d.member.user.id));
        }
    }
    assert_done(fixture_read(w->fixture, compare, w));
    assert_done(fixture_read(w->fixture, read_rows, w));
    bool quiet = why != NULL || s->kind == SIGN_IN || s->kind == SIGN_OUT || s->kind == COME_IN ||
                 s->kind == SET_ROLES; // those may change nothing
    for (unsigned t = 0; t < TENANTS; t++) {
        assert_true(w->rows[t] >= before[t]);
        assert_true(why == NULL || w->rows[t] == before[t]);
        assert_true(quiet || t != s->t || w->rows[t] > before[t]);
    }
}

static reason make_tenants(struct op *op, struct txn *txn, void *arg) {
    struct world *w = arg;
    for (unsigned t = 0; t < TENANTS; t++) {
        struct tenant tenant = {.slug = slice_str(tenants[t])};
        TRY(tenant_create(op, txn, &w->fixture->staff, &tenant));
    }
    for (unsigned r = 0; r < OWN_ROLES; r++) {
        struct slice id = slice_str(roles[r]);
        TRY(role_permissions(op, txn, slice_str(tenants[0]), (struct texts){&id, 1}, &gives[r]));
    }
    return NULL;
}

// What every role of one's own gives beside its permission: that one may sign in and see oneself.
static reason learn_own(struct op *op, struct txn *txn, void *arg) {
    struct world *w = arg;
    for (unsigned r = OWN_ROLES; r < ROLES; r++) {
        const struct step step = {.kind = MAKE_ROLE, .r = r};
        struct doing d = {.w = w, .s = &step, .actor = w->fixture->staff};
        struct slice id = slice_str(roles[r]);
        size_t count = 0;
        TRY(make_role(op, txn, &d));
        TRY(role_permissions(op, txn, slice_str(tenants[0]), (struct texts){&id, 1}, &gives[r]));
        TRY(role_remove(op, txn, &w->fixture->staff, slice_str(tenants[0]), id, SLICE_NONE, &count));
    }
    return NULL;
}

static void run_sequence(struct fixture *fixture) {
    struct world *w = test_calloc(1, sizeof *w);
    w->fixture = fixture;
    assert_done(fixture_write(fixture, make_tenants, w));
    assert_done(fixture_write(fixture, learn_own, w));
    for (unsigned i = 0; i < STEPS; i++) {
        op_close(&fixture->op); // memory of one step
        op_open(&fixture->op, NOON + (int64_t)i * 7 * MINUTE_MS); // so that some come again within ROLL_NEAR
        w->model.now = fixture->op.now;
        fixture->op.id = S("req_model");
        struct step step = next_step(&w->model);
        take_step(w, &step, i);
    }
    for (unsigned t = 0; t < TENANTS; t++) {
        struct audit_walk *walk = test_calloc(1, sizeof *walk);
        walk->tenant = slice_str(tenants[t]);
        assert_done(audit_verify(&fixture->op, fixture->store, walk));
        assert_int_equal(walk->found, 0);
        test_free(walk);
    }
    test_free(w);
}

static uint64_t number_from(const char *name, uint64_t usual) {
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : usual;
}

static void the_program_does_what_the_model_does(void **state) {
    (void)state;
    uint64_t seed = number_from("GATEHOUSE_SEED", (uint64_t)clock_now());
    uint64_t sequences = number_from("GATEHOUSE_SEQUENCES", SEQUENCES);
    for (uint64_t i = 0; i < sequences; i++) {
        print_message("seed %llu\n", (unsigned long long)(seed + i));
        chance_state = (seed + i) * 2654435761U + 1;
        void *fixture = NULL;
        assert_int_equal(fixture_open(&fixture), 0);
        run_sequence(fixture);
        assert_int_equal(fixture_close(&fixture), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_does_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
