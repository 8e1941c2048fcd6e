// SPDX-License-Identifier: GPL-3.0-or-later
// Applications: registered, changed, their secrets, and who gets in by one.
#include "applications.h"

#include "base/digest.h"
#include "domain/space.h"
#include "space_rows.h"

static struct slice text_of(struct house *house, const char *text) {
    struct slice copy = SLICE_NONE;
    assert_done(op_copy(&house->fixture->op, slice_str(text), &copy));
    return copy;
}

// How many rows of the gate's own chain have this event and this target; the newest one's row.
static size_t audits(struct house *house, const char *event, struct slice target,
                     struct audit *ret_newest) {
    struct call c = {.tenant = S("")};
    size_t count = 0;
    assert_done(fixture_read(house->fixture, call_audit_list, &c));
    for (size_t i = c.rows.count; i > 0; i--) {
        const struct audit *audit = &((const struct audit *)c.rows.at)[i - 1];
        if (slice_equal(audit->event, slice_str(event)) && slice_equal(audit->target, target)) {
            count++;
            *ret_newest = *audit;
        }
    }
    return count;
}

// ---- registering ----

static void one_is_made_found_and_removed(void **state) {
    struct house *house = *state;
    struct work work = asked(house, "  Portal ");
    struct audit row;
    work.application.api = true;
    work.application.disabled = true; // not for who makes one to say
    work.application.tenants = one_text(&house->fixture->op, S("acme"));
    assert_done(fixture_write(house->fixture, do_create, &work));
    struct slice id = work.application.id;
    assert_true(slice_starts(id, S(APPLICATION_ID)) && id.len == 30);
    struct application found = stored(house, id);
    assert_slice(found.name, "Portal");
    assert_slice(found.redirect_uris.at[0], CALLBACK);
    assert_slice(found.tenants.at[0], "acme");
    assert_slice(found.created_by, "operator");
    assert_true(found.confidential && found.api && !found.disabled);
    assert_int_equal(found.created_at, NOON);
    assert_int_equal(found.secrets.count, 0);
    assert_int_equal(audits(house, "application.created", id, &row), 1);
    assert_true(slice_find(row.after, S(CALLBACK)) != SIZE_MAX);
    work.id = id;
    assert_done(fixture_write(house->fixture, do_remove, &work));
    assert_reason(fixture_read(house->fixture, do_find, &work), NOT_FOUND);
    assert_reason(fixture_write(house->fixture, do_remove, &work), NOT_FOUND);
    assert_int_equal(audits(house, "application.deleted", id, &row), 1);
    assert_int_equal(space_rows(house->fixture, SPACE_APPLICATION).count, 0);
    assert_int_equal(space_rows(house->fixture, SPACE_APPLICATION_NAME).count, 0);
}

static void what_is_no_id_finds_nothing(void **state) {
    struct house *house = *state;
    char longer[300];
    memset(longer, 'a', sizeof longer);
    const struct slice none[] = {S(""), S("app_"), S("portal"), slice_of("app_\0", 5),
                                 slice_of(longer, sizeof longer)};
    (void)made(house, "portal", true);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct work work = {.id = none[i], .secret = S("x")};
        assert_reason(fixture_read(house->fixture, do_find, &work), NOT_FOUND);
        assert_reason(fixture_read(house->fixture, do_sign_in, &work), UNAUTHENTICATED);
        assert_false(work.known);
    }
}

static void a_name_is_one_line_of_so_many_characters(void **state) {
    struct house *house = *state;
    char text[2 * APPLICATION_NAME_MAX + 3] = "";
    struct work work = asked(house, "   ");
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/name", FIELD_REQUIRED);
    work = asked(house, "two\nlines");
    assert_reason(fixture_write(house->fixture, do_create, &work), RESTRICTED_CHARACTERS);
    assert_fault(&house->fixture->op, 0, "/name", RESTRICTED_CHARACTERS);
    work = asked(house, "\xFF");
    assert_reason(fixture_write(house->fixture, do_create, &work), RESTRICTED_CHARACTERS);
    for (size_t i = 0; i < APPLICATION_NAME_MAX; i++) {
        memcpy(&text[2 * i], "\xC3\xA9", 2); // characters, not bytes
    }
    work = asked(house, text);
    assert_done(fixture_write(house->fixture, do_create, &work));
    memcpy(&text[2 * APPLICATION_NAME_MAX], "x", 2);
    work = asked(house, text);
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/name", FIELD_RANGE);
}

static void a_name_is_taken_whatever_its_letters_case(void **state) {
    struct house *house = *state;
    (void)made(house, "Portal", true);
    struct work work = asked(house, "pORTAL");
    assert_reason(fixture_write(house->fixture, do_create, &work), DUPLICATE_NAME);
    struct work other = by_staff(house);
    other.want = made(house, "Other", true);
    other.want.name = S("PORTAL");
    assert_reason(fixture_write(house->fixture, do_change, &other), DUPLICATE_NAME);
    other.want.name = S("oTHER"); // its own
    assert_done(fixture_write(house->fixture, do_change, &other));
    assert_slice(stored(house, other.want.id).name, "oTHER");
    other.want.name = S("third");
    assert_done(fixture_write(house->fixture, do_change, &other));
    (void)made(house, "other", true); // free again
}

static void its_tenants_are_there_and_named_once(void **state) {
    struct house *house = *state;
    struct slice at[APPLICATION_TENANTS_MAX + 1] = {S("acme"), S("nowhere"), S("acme")};
    struct work work = asked(house, "portal");
    work.application.tenants = (struct texts){at, 2};
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/tenants/1", FIELD_VALUE);
    work.application.tenants = (struct texts){at, 3};
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 1, "/tenants/2", FIELD_VALUE);
    work.application.tenants = (struct texts){at, APPLICATION_TENANTS_MAX + 1};
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/tenants", FIELD_RANGE);
    at[1] = S("umbrella");
    work.application.tenants = (struct texts){at, 2};
    assert_done(fixture_write(house->fixture, do_create, &work));
    assert_true(application_serves(&work.application, S("acme")));
    assert_true(application_serves(&work.application, S("umbrella")));
    assert_false(application_serves(&work.application, S("other")));
    assert_false(application_serves(&work.application, S("acm")));
    assert_false(application_serves(&work.application, S("")));
    work.application.tenants.count = 0;
    assert_true(application_serves(&work.application, S("other")));
}

CALLS(remove_tenant, tenant_remove(op, txn, c->actor, c->tenant))
CALLS(add_tenant, tenant_create(op, txn, c->actor, &(struct tenant){.slug = c->tenant}))

static void a_tenant_that_is_gone_keeps_nobody_from_a_change(void **state) {
    struct house *house = *state;
    struct call call = {.actor = &house->fixture->staff, .tenant = S("brief")};
    struct work work = asked(house, "portal");
    work.application.tenants = one_text(&house->fixture->op, S("brief"));
    assert_done(fixture_write(house->fixture, add_tenant, &call));
    assert_done(fixture_write(house->fixture, do_create, &work));
    assert_done(fixture_write(house->fixture, remove_tenant, &call));
    work.want = stored(house, work.application.id);
    assert_slice(work.want.tenants.at[0], "brief"); // it is not for all now
    work.want.api = true;
    assert_done(fixture_write(house->fixture, do_change, &work));
    assert_false(application_serves(&work.application, S("acme")));
    // Taken out, it is like any other that there is not.
    work.want.tenants.count = 0;
    assert_done(fixture_write(house->fixture, do_change, &work));
    work.want.tenants.count = 1;
    assert_reason(fixture_write(house->fixture, do_change, &work), INVALID_INPUT);
}

static void all_that_is_wrong_is_told_at_once(void **state) {
    struct house *house = *state;
    struct work work = asked(house, "");
    work.application.redirect_uris = one_text(&house->fixture->op, S("javascript:alert(1)"));
    work.application.tenants = one_text(&house->fixture->op, S("nowhere"));
    assert_reason(fixture_write(house->fixture, do_create, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/name", FIELD_REQUIRED);
    assert_fault(&house->fixture->op, 1, "/redirect_uris/0", FIELD_VALUE);
    assert_fault(&house->fixture->op, 2, "/tenants/0", FIELD_VALUE);
    assert_int_equal(space_rows(house->fixture, SPACE_APPLICATION).count, 0);
}

static void there_are_so_many_and_no_more_in_pages(void **state) {
    struct house *house = *state;
    struct work work;
    for (size_t i = 0; i < APPLICATIONS_MAX; i++) {
        house->fixture->op.now = NOON + (int64_t)i; // ids are in the order of their making
        work = asked(house, "");
        work.application.name = op_text(&house->fixture->op, "app %zu", i);
        assert_done(fixture_write(house->fixture, do_create, &work));
    }
    struct slice last = work.application.id;
    work = asked(house, "one more");
    assert_reason(fixture_write(house->fixture, do_create, &work), APPLICATION_LIMIT);
    for (size_t i = 0; i < APPLICATIONS_MAX / 50; i++) {
        work.page = (struct page){50, work.next};
        assert_done(fixture_read(house->fixture, do_list, &work));
        assert_int_equal(work.rows.count, 50);
        assert_int_equal(work.total, APPLICATIONS_MAX);
        const struct application *rows = work.rows.at;
        assert_slice(rows[0].name, op_text(&house->fixture->op, "app %zu", 50 * i).at);
        assert_true(i == 3 || slice_equal(work.next, rows[49].id));
    }
    assert_int_equal(work.next.len, 0);
    work.page.cursor = slice_of("app_\0", 5);
    assert_reason(fixture_read(house->fixture, do_list, &work), INVALID_INPUT);
    work.id = last;
    assert_done(fixture_write(house->fixture, do_remove, &work));
    work = asked(house, "one more");
    assert_done(fixture_write(house->fixture, do_create, &work));
}

static void large_ones_come_in_shorter_pages(void **state) {
    struct house *house = *state;
    struct slice at[APPLICATION_REDIRECTS_MAX];
    char text[APPLICATION_REDIRECT_MAX];
    struct work work;
    size_t seen = 0;
    memset(text, 'a', sizeof text);
    memcpy(text, "https://portal.example/", 23);
    for (size_t i = 0; i < APPLICATION_REDIRECTS_MAX; i++) {
        at[i] = slice_of(text, sizeof text - i);
    }
    house->fixture->op.arena.ceiling *= 16; // it makes what many requests make
    for (size_t i = 0; i < APPLICATIONS_MAX; i++) {
        house->fixture->op.now = NOON + (int64_t)i;
        work = asked(house, "");
        work.application.name = op_text(&house->fixture->op, "app %zu", i);
        work.application.redirect_uris = (struct texts){at, APPLICATION_REDIRECTS_MAX};
        assert_done(fixture_write(house->fixture, do_create, &work));
    }
    work.page = (struct page){PAGE_LIMIT_MAX, SLICE_NONE};
    do {
        struct op op; // of one request
        size_t bytes = 0;
        op_open(&op, NOON);
        assert_done(store_read(&op, house->fixture->store, do_list, &work));
        const struct application *rows = work.rows.at;
        for (size_t i = 0; i < work.rows.count; i++, seen++) {
            assert_slice(rows[i].name, op_text(&house->fixture->op, "app %zu", seen).at);
            bytes += rows[i].redirect_uris.count * APPLICATION_REDIRECT_MAX;
        }
        assert_in_range(bytes, 1, 600U << 10);
        assert_done(op_copy(&house->fixture->op, work.next, &work.page.cursor));
        op_close(&op);
    } while (work.page.cursor.len > 0);
    assert_int_equal(seen, APPLICATIONS_MAX);
}

// ---- changing ----

static void a_change_changes_what_may_be_changed(void **state) {
    struct house *house = *state;
    struct work work = by_staff(house);
    struct audit row;
    work.want = made(house, "portal", true);
    struct slice id = work.want.id;
    house->fixture->op.now += 1000;
    assert_done(fixture_write(house->fixture, do_change, &work));
    assert_int_equal(stored(house, id).updated_at, NOON); // nothing was
    assert_int_equal(audits(house, "application.updated", id, &row), 0);
    work.want.name = S("gateway");
    work.want.redirect_uris = one_text(&house->fixture->op, S("com.example.app:/cb"));
    work.want.api = true;
    work.want.disabled = true;
    work.want.tenants = one_text(&house->fixture->op, S("umbrella"));
    work.want.confidential = false; // stays
    work.want.created_by = S("mallory");
    assert_done(fixture_write(house->fixture, do_change, &work));
    struct application now = stored(house, id);
    assert_slice(now.name, "gateway");
    assert_slice(now.redirect_uris.at[0], "com.example.app:/cb");
    assert_slice(now.tenants.at[0], "umbrella");
    assert_slice(now.created_by, "operator");
    assert_true(now.api && now.disabled && now.confidential);
    assert_int_equal(now.created_at, NOON);
    assert_int_equal(now.updated_at, NOON + 1000);
    assert_int_equal(audits(house, "application.updated", id, &row), 1);
    assert_true(slice_find(row.before, S(CALLBACK)) != SIZE_MAX);
    assert_true(slice_find(row.after, S("umbrella")) != SIZE_MAX);
    work.want.redirect_uris = one_text(&house->fixture->op, S("http://evil.example/cb"));
    assert_reason(fixture_write(house->fixture, do_change, &work), INVALID_INPUT);
    assert_slice(stored(house, id).redirect_uris.at[0], "com.example.app:/cb");
    work.want.id = S("app_none");
    assert_reason(fixture_write(house->fixture, do_change, &work), NOT_FOUND);
}

// ---- secrets ----

static reason add_secret(struct house *house, struct slice id, int64_t expires_at,
                         struct work *work) {
    *work = by_staff(house);
    work->id = id;
    work->expires_at = expires_at;
    return fixture_write(house->fixture, do_add, work);
}

static reason sign_in(struct house *house, struct slice id, struct slice secret) {
    struct work work = {.id = id, .secret = secret};
    bool guess = stored(house, id).confidential; // a public one has no secret to guess
    reason why = fixture_read(house->fixture, do_sign_in, &work);
    assert_int_equal(work.known, guess || why == NULL);
    if (why == NULL) {
        assert_true(slice_equal(work.application.id, id));
    }
    return why;
}

static void a_secret_is_shown_once_and_kept_as_its_digest(void **state) {
    struct house *house = *state;
    struct slice id = made(house, "portal", true).id;
    struct work work;
    struct audit row;
    struct sha256 digest;
    assert_done(add_secret(house, id, 0, &work));
    assert_true(slice_starts(work.secret, S(CREDENTIAL_SECRET)));
    assert_int_equal(work.secret.len, CREDENTIAL_SECRET_TEXT);
    struct application now = stored(house, id);
    assert_int_equal(now.secrets.count, 1);
    const struct credential *kept = now.secrets.at;
    digest = digest_sha256(work.secret);
    assert_true(slice_equal(kept->hash, digest_slice(&digest)));
    assert_true(slice_ends(work.secret, kept->hint) && kept->hint.len == CREDENTIAL_HINT);
    assert_true(slice_equal(kept->id, work.credential.id));
    assert_slice(kept->created_by, "operator");
    assert_int_equal(audits(house, "credential.created", id, &row), 1);
    assert_true(slice_find(row.detail, work.credential.id) != SIZE_MAX);
    assert_true(slice_find(row.detail, work.secret) == SIZE_MAX);
    struct work other;
    assert_done(add_secret(house, id, 0, &other));
    assert_false(slice_equal(work.secret, other.secret));
}

static void secrets_are_rotated(void **state) {
    struct house *house = *state;
    struct slice id = made(house, "portal", true).id;
    struct work old;
    struct work new;
    struct work third;
    struct audit row;
    assert_done(add_secret(house, id, 0, &old));
    assert_done(add_secret(house, id, 0, &new));
    assert_done(sign_in(house, id, old.secret));
    assert_done(sign_in(house, id, new.secret));
    assert_reason(add_secret(house, id, 0, &third), CREDENTIAL_LIMIT);
    old.credential_id = old.credential.id;
    assert_done(fixture_write(house->fixture, do_take, &old));
    assert_reason(fixture_write(house->fixture, do_take, &old), NOT_FOUND);
    assert_int_equal(audits(house, "credential.revoked", id, &row), 1);
    assert_reason(sign_in(house, id, old.secret), UNAUTHENTICATED);
    assert_done(sign_in(house, id, new.secret));
    assert_done(add_secret(house, id, 0, &third));
    assert_done(sign_in(house, id, third.secret));
}

static void a_secret_ends_and_makes_room(void **state) {
    struct house *house = *state;
    struct slice id = made(house, "portal", true).id;
    struct work brief;
    struct work work;
    struct audit row;
    assert_reason(add_secret(house, id, NOON, &work), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/expires_at", FIELD_VALUE);
    assert_done(add_secret(house, id, NOON + 1000, &brief));
    assert_done(add_secret(house, id, 0, &work));
    house->fixture->op.now = NOON + 999;
    assert_done(sign_in(house, id, brief.secret));
    assert_reason(add_secret(house, id, 0, &work), CREDENTIAL_LIMIT);
    house->fixture->op.now = NOON + 1000;
    assert_reason(sign_in(house, id, brief.secret), UNAUTHENTICATED);
    assert_done(add_secret(house, id, 0, &work));
    assert_int_equal(stored(house, id).secrets.count, 2);
    assert_done(sign_in(house, id, work.secret));
    assert_int_equal(audits(house, "credential.revoked", id, &row), 1);
    assert_true(slice_find(row.detail, brief.credential.id) != SIZE_MAX);
}

static void a_confidential_one_shows_its_own_secret(void **state) {
    struct house *house = *state;
    struct slice id = made(house, "portal", true).id;
    struct work own;
    struct work others;
    assert_reason(sign_in(house, id, SLICE_NONE), UNAUTHENTICATED);
    assert_reason(sign_in(house, id, S("guess")), UNAUTHENTICATED); // there is none at all
    assert_done(add_secret(house, id, 0, &own));
    assert_done(add_secret(house, made(house, "other", true).id, 0, &others));
    assert_done(sign_in(house, id, own.secret));
    assert_reason(sign_in(house, id, SLICE_NONE), UNAUTHENTICATED);
    assert_reason(sign_in(house, id, S("")), UNAUTHENTICATED);
    assert_reason(sign_in(house, id, others.secret), UNAUTHENTICATED);
    assert_reason(sign_in(house, id, slice_sub(own.secret, 0, own.secret.len - 1)),
                  UNAUTHENTICATED);
    struct sha256 digest = digest_sha256(own.secret);
    assert_reason(sign_in(house, id, digest_slice(&digest)), UNAUTHENTICATED);
}

static void a_public_one_has_none_and_shows_none(void **state) {
    struct house *house = *state;
    struct slice id = made(house, "app", false).id;
    struct work work;
    assert_reason(add_secret(house, id, 0, &work), ILLEGAL_TRANSITION);
    assert_done(sign_in(house, id, SLICE_NONE));
    assert_done(sign_in(house, id, S(""))); // RFC 6749 section 2.3.1
    assert_reason(sign_in(house, id, S("gh_sec_x")), UNAUTHENTICATED);
}

static void a_disabled_one_gets_in_by_nothing(void **state) {
    struct house *house = *state;
    struct slice ids[] = {made(house, "portal", true).id, made(house, "app", false).id};
    struct work secret;
    assert_done(add_secret(house, ids[0], 0, &secret));
    for (size_t i = 0; i < 2; i++) {
        struct slice shown = i == 0 ? secret.secret : SLICE_NONE;
        struct work work = by_staff(house);
        work.want = stored(house, ids[i]);
        work.want.disabled = true;
        assert_done(fixture_write(house->fixture, do_change, &work));
        assert_reason(sign_in(house, ids[i], shown), UNAUTHENTICATED);
        work.want.disabled = false;
        assert_done(fixture_write(house->fixture, do_change, &work));
        assert_done(sign_in(house, ids[i], shown));
    }
}

static void secrets_of_what_is_not_there_are_not_there(void **state) {
    struct house *house = *state;
    struct work work;
    assert_reason(add_secret(house, S("app_none"), 0, &work), NOT_FOUND);
    assert_reason(fixture_write(house->fixture, do_take, &work), NOT_FOUND);
    struct application one = made(house, "one", true);
    struct application two = made(house, "two", true);
    assert_done(add_secret(house, one.id, 0, &work));
    work.id = two.id; // another's
    work.credential_id = work.credential.id;
    assert_reason(fixture_write(house->fixture, do_take, &work), NOT_FOUND);
    work.id = one.id;
    assert_done(fixture_write(house->fixture, do_remove, &work));
    work.secret = text_of(house, "gh_sec_x");
    assert_reason(fixture_read(house->fixture, do_sign_in, &work), UNAUTHENTICATED);
    assert_false(work.known);
}

int main(void) {
#define IN_HOUSE(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
    const struct CMUnitTest tests[] = {
        IN_HOUSE(one_is_made_found_and_removed),
        IN_HOUSE(what_is_no_id_finds_nothing),
        IN_HOUSE(a_name_is_one_line_of_so_many_characters),
        IN_HOUSE(a_name_is_taken_whatever_its_letters_case),
        IN_HOUSE(its_tenants_are_there_and_named_once),
        IN_HOUSE(a_tenant_that_is_gone_keeps_nobody_from_a_change),
        IN_HOUSE(all_that_is_wrong_is_told_at_once),
        IN_HOUSE(there_are_so_many_and_no_more_in_pages),
        IN_HOUSE(large_ones_come_in_shorter_pages),
        IN_HOUSE(a_change_changes_what_may_be_changed),
        IN_HOUSE(a_secret_is_shown_once_and_kept_as_its_digest),
        IN_HOUSE(secrets_are_rotated),
        IN_HOUSE(a_secret_ends_and_makes_room),
        IN_HOUSE(a_confidential_one_shows_its_own_secret),
        IN_HOUSE(a_public_one_has_none_and_shows_none),
        IN_HOUSE(a_disabled_one_gets_in_by_nothing),
        IN_HOUSE(secrets_of_what_is_not_there_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
