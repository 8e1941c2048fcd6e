// SPDX-License-Identifier: GPL-3.0-or-later
// Sign-ins by password: bad attempts, half done ones, their steps, and the session at the end.
#include "domain/sign_in.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/metric.h"
#include "base/rand.h"
#include "domain/holder.h"
#include "domain/member_life.h"
#include "domain/member_parts.h"
#include "domain/space.h"
#include "domain/timekey.h"

#define SECRET_BYTES 36 // u32 minute, 32 random
#define LOCK_LONGER_MAX 4 // doublings of a lock that comes after a lock
#define STRANGER S("usr_nobody") // the row that is written for who is not known, so that it takes as long

static const struct field sign_in_rows[] = {
    F_BYTES(struct sign_in, key, 1, FIELD_HIDDEN, TIMEKEY_BYTES),
    F_TEXT(struct sign_in, user_id, 2, FIELD_HIDDEN, 64),
    F_TEXT(struct sign_in, tenant, 3, FIELD_HIDDEN, 63),
    F_TEXT(struct sign_in, return_to, 4, FIELD_HIDDEN, 4096),
    F_TIME(struct sign_in, password_at, 5, FIELD_HIDDEN),
    F_BOOL(struct sign_in, factor, 6, FIELD_HIDDEN),
    F_TIME(struct sign_in, created_at, 7, FIELD_HIDDEN),
    F_TIME(struct sign_in, expires_at, 8, FIELD_HIDDEN),
};
FIELD_TABLE(sign_in_fields, "sign-in", 1, struct sign_in, sign_in_rows);

static void sign_in_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_SIGN_IN);
    key_bytes(ret_key, ((const struct sign_in *)row)->key);
}
const struct entity sign_in_entity = {
    .space = SPACE_SIGN_IN, .fields = &sign_in_fields, .key = sign_in_key};

static reason tell(struct op *op, struct sign_in_work *work, reason why, const char *detail) {
    work->why = why;
    work->detail = op_text(op, "%s", detail);
    return NULL;
}

static struct actor by_password(const struct sign_in_work *work) {
    return (struct actor){
        .kind = ACTOR_SYSTEM, .id = S("password"), .address = work->actor.address};
}

// ---- half done ones ----

static struct timekey key_of_secret(const uint8_t secret[SECRET_BYTES]) {
    struct sha256 digest = digest_sha256(slice_of(secret, SECRET_BYTES));
    uint32_t minute = (uint32_t)secret[0] << 24 | (uint32_t)secret[1] << 16 |
                      (uint32_t)secret[2] << 8 | (uint32_t)secret[3];
    return timekey_make(minute, digest.bytes);
}

static reason make_key(struct op *op, struct sign_in_work *work) {
    uint8_t secret[SECRET_BYTES];
    uint32_t minute = 0;
    work->sign_in.created_at = op->now;
    work->sign_in.expires_at = op->now + SIGN_IN_LIFETIME;
    if (!timekey_minute(work->sign_in.expires_at, &minute)) {
        REFUSE(op, INTERNAL, "there is no such minute");
    }
    for (unsigned i = 0; i < 4; i++) {
        secret[i] = (uint8_t)(minute >> (24 - 8 * i));
    }
    rand_bytes(secret + 4, sizeof secret - 4);
    struct timekey timekey = key_of_secret(secret);
    reason why = encode_base64url(op, slice_of(secret, sizeof secret), &work->cookie);
    explicit_bzero(secret, sizeof secret);
    TRY(why);
    return op_copy(op, timekey_slice(&timekey), &work->sign_in.key);
}

static reason keep(struct op *op, struct txn *txn, struct sign_in_work *work) {
    if (work->sign_in.key.len == 0) {
        TRY(make_key(op, work));
    }
    return entity_put(op, txn, &sign_in_entity, &work->sign_in);
}

reason sign_in_resume(struct op *op, struct txn *txn, struct slice cookie,
                      struct sign_in_work *work) {
    struct slice secret;
    bool found = false;
    work->why = NULL;
    if (cookie.len > 0 && cookie.len <= 2 * SECRET_BYTES && decode_base64url(op, cookie, &secret) &&
        secret.len == SECRET_BYTES) {
        uint8_t bytes[SECRET_BYTES];
        memcpy(bytes, secret.at, sizeof bytes);
        struct timekey timekey = key_of_secret(bytes);
        struct key key = key_in(SPACE_SIGN_IN);
        key_bytes(&key, timekey_slice(&timekey));
        TRY(entity_find(op, txn, &sign_in_entity, &key, &work->sign_in, &found));
    }
    if (!found || op->now >= work->sign_in.expires_at) {
        REFUSE(op, SIGN_IN_AGAIN, "no sign-in is half done in this browser, or it took too long");
    }
    reason why = user_find(op, txn, work->sign_in.user_id, &work->user);
    if (why == REASON_OF(NOT_FOUND)) {
        REFUSE(op, SIGN_IN_AGAIN, "the user of this sign-in is gone");
    }
    return why;
}

// ---- traces ----

static reason put_trace(struct op *op, struct txn *txn, struct sign_in_work *work,
                        struct slice tenant, reason why) {
    work->trace.connection = SLICE_NONE;
    work->trace.tenant = tenant;
    work->trace.user_id = work->user.id;
    work->trace.email = work->user.email;
    work->trace.request = op->id;
    work->trace.address = work->actor.address;
    work->trace.verified = true;
    trace_close(op, &work->trace, why);
    return trace_put(op, txn, &work->trace);
}

// ---- bad attempts ----

static reason lock_doors(struct op *op, struct txn *txn, struct sign_in_work *work,
                         struct account *account) {
    struct rows doors;
    struct actor system = by_password(work);
    int64_t doublings = account->locks < LOCK_LONGER_MAX ? account->locks : LOCK_LONGER_MAX;
    TRY(sign_in_doors(op, txn, &work->user, false, &doors));
    for (size_t i = 0; i < doors.count; i++) {
        const struct sign_in_door *door = &((const struct sign_in_door *)doors.at)[i];
        struct tenant_settings settings; // how long is each tenant's own: none locks others' doors for ever
        struct member member;
        TRY(tenant_settings_find(op, txn, door->tenant.slug, &settings));
        int64_t until = op->now + (settings.lock_minutes << doublings) * MINUTE_MS;
        const struct happening happening = {.event = LIFE_LOCK,
                                            .until = settings.hard_lock ? 0 : until};
        TRY(member_happens(op, txn, &system, door->tenant.slug, work->user.id, &happening, &member));
    }
    account->locks += doors.count > 0 ? 1 : 0;
    account->failures = 0;
    return NULL;
}

static reason count_failure(struct op *op, struct txn *txn, struct sign_in_work *work) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, work->user.id, &account, &found));
    TRY(password_policy_for(op, txn, work->user.id, &work->policy));
    if (op->now >= account.failures_since + SIGN_IN_WINDOW) {
        account.failures = 0;
        account.failures_since = op->now;
    }
    account.failures++;
    if (account.failures >= work->policy.lock_attempts) {
        TRY(lock_doors(op, txn, work, &account));
    }
    return account_put(op, txn, &account);
}

reason sign_in_failed(struct op *op, struct txn *txn, struct sign_in_work *work, const char *check,
                      const char *expected, const char *got) {
    struct rows doors;
    struct actor nobody = {.kind = ACTOR_NONE, .address = work->actor.address};
    // Behind a lock there is nothing to find out, and no row for each who tries: the lock itself was written down.
    TRY(sign_in_doors(op, txn, &work->user, false, &doors));
    for (size_t i = 0; i < doors.count; i++) {
        struct slice tenant = ((const struct sign_in_door *)doors.at)[i].tenant.slug;
        TRY(audit_add(op, txn, &nobody, tenant, "login.failed", work->user.id,
                      op_text(op, "by password: %s", got)));
        if (i == 0) {
            op->detail = op_text(op, "%s", got);
            TRY(trace_open(op, SLICE_NONE, tenant, &work->trace));
            trace_add(op, &work->trace, check, CHECK_FAIL, slice_str(expected), slice_str(got));
            TRY(put_trace(op, txn, work, tenant, work->why));
        }
    }
    return count_failure(op, txn, work);
}

// As long as for somebody who is known: one read more or less is not to be measured, a write to the disk is.
static reason nobody_known(struct op *op, struct txn *txn, struct sign_in_work *work) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, STRANGER, &account, &found));
    account.failures = (account.failures + 1) % INT32_MAX;
    account.failures_since = op->now;
    TRY(account_put(op, txn, &account));
    return tell(op, work, REASON_OF(SIGN_IN_REFUSED), "nobody has this e-mail address");
}

reason sign_in_read(struct op *op, struct txn *txn, struct sign_in_look *look) {
    bool found = false;
    TRY(user_find_by_email(op, txn, look->email, &look->user, &look->known));
    return look->known ? account_find(op, txn, look->user.id, &look->account, &found)
                       : account_find(op, txn, STRANGER, &look->account, &found);
}

// ---- the end ----

static reason tell_break_glass(struct op *op, struct txn *txn, struct sign_in_work *work) {
    struct actor system = by_password(work);
    struct tenant_settings settings;
    struct letter letter = {.kind = LETTER_BREAK_GLASS, .tenant = work->sign_in.tenant};
    TRY(tenant_settings_find(op, txn, work->sign_in.tenant, &settings));
    settings.mail_admin_notices = true; // this one is not for anybody to switch off
    TRY(audit_add(op, txn, &system, work->sign_in.tenant, "login.break_glass", work->user.id,
                  S("by password, past an identity provider that is enforced")));
    TRY(letter_value(op, &letter, "who", member_words(op, &work->user)));
    TRY(letter_time(op, &letter, "time", op->now));
    TRY(letter_value(op, &letter, "address", work->actor.address));
    return member_tell_administrators(op, txn, &settings, &letter);
}

static reason come_in(struct op *op, struct txn *txn, struct sign_in_work *work,
                    const struct sign_in_door *door) {
    struct actor system = by_password(work);
    struct membership before = door->membership;
    struct membership *membership = &work->login.membership;
    *membership = before;
    membership->status = MEMBER_ACTIVE;
    membership->locked_until = 0;
    TRY(membership_store(op, txn, &system, &before, membership));
    if (before.status != MEMBER_LOCKED) {
        return NULL;
    }
    return audit_add(op, txn, &system, before.tenant, life_events[LIFE_LOCK_ENDS].audit,
                     work->user.id, S("its time was over"));
}

static reason open_session(struct op *op, struct txn *txn, struct sign_in_work *work) {
    struct login *login = &work->login;
    struct actor system = by_password(work);
    login->user = work->user;
    login->return_to = work->sign_in.return_to.len > 0 ? work->sign_in.return_to : S("/");
    login->session =
        (struct session){.tenant = work->sign_in.tenant,
                         .user_id = work->user.id,
                         .authn_context = work->sign_in.factor ? S(ACR_FACTORS) : S(ACR_PASSWORD),
                         .authenticated_at = op->now,
                         .expires_at = op->now + work->session_lifetime};
    TRY(session_make_room(op, txn, &system, work->user.id));
    TRY(session_add(op, txn, &login->session, &login->cookie));
    TRY(membership_roles(op, &login->membership, &login->roles));
    return role_permissions(op, txn, work->sign_in.tenant, login->roles, &login->permissions);
}

static reason finish(struct op *op, struct txn *txn, struct sign_in_work *work,
                     const struct sign_in_door *door) {
    struct key key;
    bool there = false;
    TRY(come_in(op, txn, work, door));
    TRY(account_forgive(op, txn, work->user.id));
    TRY(open_session(op, txn, work));
    if (work->sign_in.key.len > 0) {
        sign_in_key(&work->sign_in, &key);
        TRY(entity_remove(op, txn, &sign_in_entity, &key, &there));
    }
    if (door->break_glass) {
        TRY(tell_break_glass(op, txn, work));
    }
    struct actor person = {.kind = ACTOR_USER,
                           .id = work->user.id,
                           .tenant = work->sign_in.tenant,
                           .session = work->login.session.id,
                           .address = work->actor.address};
    TRY(trace_open(op, SLICE_NONE, work->sign_in.tenant, &work->trace));
    trace_add(op, &work->trace, "password", CHECK_PASS, S("the right one"), S("the right one"));
    trace_add(op, &work->trace, "second_factor", work->sign_in.factor ? CHECK_PASS : CHECK_SKIP,
              S("a code that was not used before"), work->sign_in.factor ? S("one") : S("none is set up"));
    TRY(audit_add(op, txn, &person, work->sign_in.tenant, "login.succeeded", work->user.id,
                  op_text(op, "by password%s, trace %.*s",
                          work->sign_in.factor ? " and second factor" : "", SLICE(work->trace.id))));
    work->step = STEP_DONE;
    return put_trace(op, txn, work, work->sign_in.tenant, NULL);
}

// ---- the steps ----

static reason step_factor(struct op *op, struct txn *txn, struct sign_in_work *work,
                          struct account *account, bool *ret_waits) {
    bool good = false;
    bool recovery = false;
    *ret_waits = account->factor_at > 0 && !work->sign_in.factor;
    if (!*ret_waits || work->code.len == 0) {
        return NULL;
    }
    TRY(factor_check(op, work->seal, account, work->code, &good, &recovery));
    if (!good) {
        TRY(tell(op, work, REASON_OF(SECOND_FACTOR_WRONG), "this is no code, or one that was used"));
        return sign_in_failed(op, txn, work, "second_factor", "a code that was not used before",
                              "another, or one that was used");
    }
    work->sign_in.factor = true;
    *ret_waits = false;
    TRY(account_put(op, txn, account));
    struct actor system = by_password(work);
    return recovery ? audit_add(op, txn, &system, S(""), "user.recovery_code_used", work->user.id,
                                op_text(op, "%zu are left", account->recovery.count))
                    : NULL;
}

static const struct sign_in_door *door_to(struct rows doors, struct slice tenant) {
    const struct sign_in_door *at = doors.at;
    for (size_t i = 0; i < doors.count; i++) {
        if (slice_equal(at[i].tenant.slug, tenant)) {
            return &at[i];
        }
    }
    return NULL;
}

// NULL in *ret_door: it has to be said which.
static reason step_tenant(struct op *op, struct txn *txn, struct sign_in_work *work,
                          const struct sign_in_door **ret_door) {
    TRY(sign_in_doors(op, txn, &work->user, false, &work->doors));
    struct slice wanted = work->sign_in.tenant.len > 0 ? work->sign_in.tenant : work->tenant;
    const struct sign_in_door *door = door_to(work->doors, wanted);
    if (door == NULL && wanted.len == 0 && work->doors.count == 1) {
        door = work->doors.at;
    }
    work->sign_in.tenant = door != NULL ? door->tenant.slug : SLICE_NONE;
    *ret_door = door;
    return NULL;
}

// Where no door is open (locked, enforced, over), a right password and a right code are refused like wrong ones, in the same
// words and with the same write: else a lock would hold nobody off from finding them out.
static reason step_doors(struct op *op, struct txn *txn, struct sign_in_work *work) {
    struct rows doors;
    TRY(sign_in_doors(op, txn, &work->user, false, &doors));
    if (doors.count > 0) {
        return NULL;
    }
    TRY(tell(op, work, REASON_OF(SIGN_IN_REFUSED), "no tenant takes this person's password now"));
    return count_failure(op, txn, work);
}

static reason wait_at(struct op *op, struct txn *txn, struct sign_in_work *work,
                      enum sign_in_step step) {
    work->step = step;
    return keep(op, txn, work);
}

static reason later_steps(struct op *op, struct txn *txn, struct sign_in_work *work,
                          const struct account *account, const struct sign_in_door *door) {
    struct tenant_settings settings;
    TRY(password_policy_for(op, txn, work->user.id, &work->policy));
    TRY(tenant_settings_find(op, txn, door->tenant.slug, &settings));
    if (work->policy.max_age_days > 0 &&
        op->now >= account->password_at + work->policy.max_age_days * DAY_MS) {
        return wait_at(op, txn, work, STEP_PASSWORD);
    }
    if (settings.require_second_factor && account->factor_at == 0) {
        return wait_at(op, txn, work, STEP_SETUP);
    }
    return finish(op, txn, work, door);
}

reason sign_in_go_on(struct op *op, struct txn *txn, struct sign_in_work *work) {
    struct account account;
    const struct sign_in_door *door = NULL;
    bool found = false;
    bool waits = false;
    TRY(account_find(op, txn, work->sign_in.user_id, &account, &found));
    if (account.password.len == 0 || account.password_at != work->sign_in.password_at) {
        REFUSE(op, SIGN_IN_AGAIN, "the password was changed meanwhile");
    }
    TRY(step_doors(op, txn, work));
    if (work->why != NULL) {
        return NULL;
    }
    TRY(step_factor(op, txn, work, &account, &waits));
    if (work->why != NULL) {
        return NULL;
    }
    if (waits) {
        return wait_at(op, txn, work, STEP_FACTOR);
    }
    TRY(step_tenant(op, txn, work, &door));
    return door != NULL ? later_steps(op, txn, work, &account, door)
                        : wait_at(op, txn, work, STEP_TENANT);
}

reason sign_in_settle(struct op *op, struct txn *txn, struct sign_in_work *work) {
    struct account account;
    bool found = false;
    work->why = NULL;
    work->sign_in = (struct sign_in){.return_to = work->return_to};
    work->cookie = SLICE_NONE;
    if (!work->look.known) {
        return nobody_known(op, txn, work);
    }
    work->user = work->look.user;
    TRY(account_find(op, txn, work->user.id, &account, &found));
    // What was compared must be what is stored now.
    if (!work->same || account.password.len == 0 ||
        !slice_equal(account.password, work->look.account.password)) {
        TRY(tell(op, work, REASON_OF(SIGN_IN_REFUSED), "the password is another one, or there is none"));
        return sign_in_failed(op, txn, work, "password", "the right one", "another one, or none is set");
    }
    if (work->hash.len > 0) {
        account.password = work->hash;
        TRY(account_put(op, txn, &account));
    }
    work->sign_in.user_id = work->user.id;
    work->sign_in.password_at = account.password_at;
    return sign_in_go_on(op, txn, work);
}
