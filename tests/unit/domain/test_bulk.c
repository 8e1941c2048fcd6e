// SPDX-License-Identifier: GPL-3.0-or-later
// Files of people: what each line says, what is done with it, and the jobs that do it: whole or not at all, or line by line,
// on trial, cancelled, interrupted, and in the name of who started them.
#include "people.h"

#include "base/json.h"
#include "domain/job.h"

#define FILE_IS(text) S("email,first_name,last_name,roles,campaigns,action,expires_at\n" text)

struct made {
    struct job job;
    struct slice csv;
    const struct actor *actor;
};

static reason make_job(struct op *op, struct txn *txn, void *arg) {
    struct made *made = arg;
    TRY(job_new_id(op, &made->job.id));
    TRY(job_put_piece(op, txn, made->job.id, 0, made->csv));
    return job_create(op, txn, made->actor, &made->job);
}
CALLS(call_job, job_find(op, txn, c->id, c->rows.at))
CALLS(call_cancel, job_cancel(op, txn, c->actor, c->id, c->rows.at))
CALLS(call_errors, job_errors(op, txn, c->id, SLICE_NONE, 100, &c->rows, &c->cookie))
CALLS(call_next, job_next(op, txn, &c->id))
CALLS(call_sweep, job_sweep(op, txn, 1000, &c->count))

static struct made made_of(struct house *house, struct slice csv, enum job_mode mode, bool dry_run) {
    size_t lines = 0;
    assert_done(bulk_look(&house->fixture->op, csv, &lines));
    return (struct made){.job = {.tenant = S("acme"),
                                 .mode = (int)mode,
                                 .dry_run = dry_run,
                                 .silent = true,
                                 .bytes = (int64_t)csv.len,
                                 .total = (int64_t)lines},
                         .csv = csv,
                         .actor = &house->fixture->staff};
}

static struct job job_now(struct house *house, struct slice id) {
    struct job job;
    struct call c = {.id = id, .rows = {&job, 1}};
    assert_done(fixture_read(house->fixture, call_job, &c));
    return job;
}

static struct job run_as(struct house *house, struct made *made, bool stop) {
    const _Atomic bool stopped = stop;
    if (made->job.id.len == 0) {
        assert_done(fixture_write(house->fixture, make_job, made));
    }
    assert_done(job_run(house->fixture->store, made->job.id, &stopped));
    return job_now(house, made->job.id);
}

static struct job run_file(struct house *house, struct slice csv, enum job_mode mode,
                           bool dry_run) {
    struct made made = made_of(house, csv, mode, dry_run);
    return run_as(house, &made, false);
}

static bool is_there(struct house *house, const char *email) {
    struct call c = {.tenant = S("acme"), .id = slice_str(email)};
    assert_done(fixture_read(house->fixture, call_user_by_email, &c));
    c.id = c.user.id;
    return c.yes && fixture_read(house->fixture, call_member_find, &c) == NULL &&
           c.member.membership.status != MEMBER_DELETED;
}

static struct membership member_now(struct house *house, const char *email) {
    struct call c = {.tenant = S("acme"), .id = slice_str(email)};
    assert_done(fixture_read(house->fixture, call_user_by_email, &c));
    assert_true(c.yes);
    return membership_of(house, c.user.id);
}

static void expect_error(struct house *house, struct slice id, size_t at, int64_t line,
                         const char *column, const char *why) {
    struct call c = {.id = id};
    assert_done(fixture_read(house->fixture, call_errors, &c));
    assert_true(at < c.rows.count);
    const struct job_error *error = &((const struct job_error *)c.rows.at)[at];
    assert_int_equal(error->line, line);
    assert_slice(error->column, column);
    assert_slice(error->reason, why);
    assert_true(error->detail.len > 0);
}

// ---- lines by themselves ----

static void the_first_line_names_the_columns(void **state) {
    struct house *house = *state;
    static const char *const bad[] = {"", "\n\n", "first_name\n", "email,email\n", "email,colour\n"};
    size_t lines = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_reason(bulk_look(&house->fixture->op, slice_str(bad[i]), &lines), CSV_HEADER);
    }
    assert_done(bulk_look(&house->fixture->op, S("\xEF\xBB\xBF Email ,roles(;),action(create|x)\na,b,c\n"), &lines));
    assert_int_equal(lines, 1);
    assert_reason(bulk_look(&house->fixture->op, S("email\n\"x\n"), &lines), CSV_MALFORMED);
}

static void a_file_has_its_bound(void **state) {
    struct house *house = *state;
    static char text[8 + 2 * (BULK_LINES_MAX + 1)];
    memcpy(text, "email\n", 6);
    for (size_t i = 0; i <= BULK_LINES_MAX; i++) {
        memcpy(text + 6 + 2 * i, "x\n", 2);
    }
    size_t lines = 0;
    assert_done(bulk_look(&house->fixture->op, slice_of(text, 6 + 2 * (size_t)BULK_LINES_MAX), &lines));
    assert_int_equal(lines, BULK_LINES_MAX);
    assert_reason(bulk_look(&house->fixture->op, slice_of(text, 8 + 2 * (size_t)BULK_LINES_MAX), &lines),
                  BULK_TOO_MANY);
}

static void what_is_wrong_with_a_line_is_said_with_column_and_reason(void **state) {
    struct house *house = *state;
    struct bulk_file file;
    static const struct {
        const char *column, *why;
    } want[] = {{"email", "not_allowed"},   {"email", "required"},        {"", "csv.cells"},
                {"action", "not_allowed"},  {"expires_at", "not_allowed"}, {"campaigns", "not_allowed"},
                {"email", "bulk.twice"},    {"first_name", "restricted_characters"}};
    assert_done(bulk_read(&house->fixture->op,
                          FILE_IS("nobody,,,,,,\n,,,,,,\na@acme.example\n"
                                  "b@acme.example,,,,,destroy,\nc@acme.example,,,,,,tomorrow\n"
                                  "d@acme.example,,,,some,,\n B@ACME.example ,,,,,,\n"
                                  "e@acme.example,\"a\nb\",,,,,\n"),
                          &file));
    assert_int_equal(file.count, 8);
    for (size_t i = 0; i < file.count; i++) {
        assert_int_equal(file.lines[i].line, i + 2);
        assert_int_equal(file.lines[i].fault_count, 1);
        assert_string_equal(file.lines[i].faults[0].column, want[i].column);
        assert_string_equal(file.lines[i].faults[0].why->slug, want[i].why);
    }
}

// ---- what is done ----

static void people_are_made_changed_disabled_and_removed(void **state) {
    struct house *house = *state;
    struct job job = run_file(house,
                              FILE_IS("ann@acme.example,Ann,Lee,read_only;user,full,,\n"
                                      "bob@acme.example,Bob,,,,create,2030-01-01\n"),
                              JOB_ALL_OR_NOTHING, false);
    assert_int_equal(job.state, JOB_FINISHED);
    assert_int_equal(job.created, 2);
    struct membership ann = member_now(house, "ann@acme.example");
    assert_true(has_grant(&ann, "read_only", GRANT_MANUAL));
    assert_true(has_grant(&ann, "cdp.campaigns.full", GRANT_MANUAL));
    assert_int_equal(member_now(house, "bob@acme.example").expires_at, INT64_C(1893456000000));
    job = run_file(house,
                   FILE_IS("ann@acme.example,Anne,,admin,view,update,\n"
                           "bob@acme.example,,,,,disable,\n"),
                   JOB_BEST_EFFORT, false);
    assert_int_equal(job.updated, 1);
    assert_int_equal(job.disabled, 1);
    ann = member_now(house, "ann@acme.example");
    assert_false(has_grant(&ann, "read_only", GRANT_MANUAL));
    assert_true(has_grant(&ann, "admin", GRANT_MANUAL));
    assert_true(has_grant(&ann, "cdp.campaigns.view", GRANT_MANUAL));
    assert_int_equal(member_now(house, "bob@acme.example").status, MEMBER_DISABLED);
    job = run_file(house,
                   FILE_IS("ann@acme.example,,,none,,,\nbob@acme.example,,,,,enable,\n"
                           "cid@acme.example,,,,,create,\n"),
                   JOB_ALL_OR_NOTHING, false);
    assert_int_equal(job.enabled, 1);
    ann = member_now(house, "ann@acme.example");
    assert_int_equal(ann.grants.count, 1); // the component was not named
    assert_int_not_equal(member_now(house, "bob@acme.example").status, MEMBER_DISABLED);
    job = run_file(house, FILE_IS("bob@acme.example,,,,,delete,\nann@acme.example,,,,none,,\n"),
                   JOB_ALL_OR_NOTHING, false);
    assert_int_equal(job.deleted, 1);
    assert_false(is_there(house, "bob@acme.example"));
    assert_int_equal(member_now(house, "ann@acme.example").grants.count, 0);
}

static void the_same_file_again_changes_and_writes_nothing(void **state) {
    struct house *house = *state;
    struct slice file = FILE_IS("ann@acme.example,Ann,Lee,read_only,full,create,\n"
                                "bob@acme.example,Bob,,user,,,never\ncid@acme.example,,,,,delete,\n");
    struct job job = run_file(house, file, JOB_BEST_EFFORT, false);
    assert_int_equal(job.created, 2);
    int64_t rv = member_now(house, "ann@acme.example").rv;
    int64_t updated = member_now(house, "ann@acme.example").updated_at;
    size_t assigned = house_audits(house, "role.assigned", NULL);
    job = run_file(house, file, JOB_BEST_EFFORT, false);
    assert_int_equal(job.unchanged, 3);
    assert_int_equal(job.failed, 0);
    assert_int_equal(member_now(house, "ann@acme.example").rv, rv);
    assert_int_equal(member_now(house, "ann@acme.example").updated_at, updated);
    assert_int_equal(house_audits(house, "role.assigned", NULL), assigned);
    assert_int_equal(house_audits(house, "user.updated", NULL), 0);
}

static void one_bad_line_and_nothing_of_it_is_kept(void **state) {
    struct house *house = *state;
    struct job job = run_file(house,
                              FILE_IS("ann@acme.example,,,user,,,\nbob@acme.example,,,nonesuch,,,\n"
                                      "cid@acme.example,,,,,update,\n"),
                              JOB_ALL_OR_NOTHING, false);
    assert_int_equal(job.state, JOB_FAILED);
    assert_slice(job.reason, "bulk.refused");
    assert_int_equal(job.failed, 2);
    assert_int_equal(job.created, 0);
    assert_false(is_there(house, "ann@acme.example"));
    expect_error(house, job.id, 0, 3, "roles", "unknown_role");
    expect_error(house, job.id, 1, 4, "email", "not_found");
    // One that is wrong by itself is found before anything is tried.
    job = run_file(house, FILE_IS("ann@acme.example,,,user,,,\nbob,,,,,,\n"), JOB_ALL_OR_NOTHING,
                   false);
    assert_int_equal(job.state, JOB_FAILED);
    assert_int_equal(job.failed, 1);
    assert_int_equal(job.done, 2);
    expect_error(house, job.id, 0, 3, "email", "not_allowed");
    assert_false(is_there(house, "ann@acme.example"));
}

static void best_effort_does_what_can_be_done(void **state) {
    struct house *house = *state;
    struct job job = run_file(house,
                              FILE_IS("ann@acme.example,,,user,,,\nbob@acme.example,,,nonesuch,,,\n"
                                      "bad,,,,,,\ncid@acme.example,,,user,,,\n"),
                              JOB_BEST_EFFORT, false);
    assert_int_equal(job.state, JOB_FINISHED);
    assert_int_equal(job.created, 2);
    assert_int_equal(job.failed, 2);
    assert_true(is_there(house, "cid@acme.example"));
    assert_false(is_there(house, "bob@acme.example"));
    expect_error(house, job.id, 0, 3, "roles", "unknown_role");
    expect_error(house, job.id, 1, 4, "email", "not_allowed");
}

// Refused after the end was written: nothing of the line stays, and all of its neighbours.
static void half_of_a_line_is_never_kept(void **state) {
    struct house *house = *state;
    (void)run_file(house, FILE_IS("ann@acme.example,,,user,,,\n"), JOB_BEST_EFFORT, false);
    struct job job = run_file(house,
                              FILE_IS("bob@acme.example,,,user,,,\n"
                                      "ann@acme.example,,,nonesuch,,,2030-01-01\n"
                                      "cid@acme.example,,,user,,,\n"),
                              JOB_BEST_EFFORT, false);
    assert_int_equal(job.created, 2);
    assert_int_equal(job.failed, 1);
    assert_int_equal(member_now(house, "ann@acme.example").expires_at, 0);
    assert_true(is_there(house, "bob@acme.example"));
    assert_true(is_there(house, "cid@acme.example"));
    expect_error(house, job.id, 0, 3, "roles", "unknown_role");
}

static void create_refuses_somebody_who_is_there_with_other_values(void **state) {
    struct house *house = *state;
    (void)add_by_hand(house, "acme", "ann@acme.example", "user");
    struct job job = run_file(house, FILE_IS("ann@acme.example,Other,,,,create,\n"),
                              JOB_BEST_EFFORT, false);
    assert_int_equal(job.failed, 1);
    expect_error(house, job.id, 0, 2, "email", "already_member");
    job = run_file(house, FILE_IS("ann@acme.example,Other,,,,,\n"), JOB_BEST_EFFORT, false);
    assert_int_equal(job.updated, 1);
}

static void a_trial_says_what_would_come_of_it_and_keeps_nothing(void **state) {
    struct house *house = *state;
    struct slice file = FILE_IS("ann@acme.example,,,user,,,\nbob@acme.example,,,nonesuch,,,\n");
    for (int mode = JOB_ALL_OR_NOTHING; mode <= JOB_BEST_EFFORT; mode++) {
        struct job job = run_file(house, file, (enum job_mode)mode, true);
        assert_int_equal(job.state, mode == JOB_BEST_EFFORT ? JOB_FINISHED : JOB_FAILED);
        assert_int_equal(job.failed, 1);
        assert_int_equal(job.created, mode == JOB_BEST_EFFORT ? 1 : 0);
        expect_error(house, job.id, 0, 3, "roles", "unknown_role");
        assert_false(is_there(house, "ann@acme.example"));
    }
    struct job job = run_file(house, FILE_IS("ann@acme.example,,,user,,,\n"), JOB_ALL_OR_NOTHING, true);
    assert_int_equal(job.state, JOB_FINISHED);
    assert_int_equal(job.created, 1);
    assert_false(is_there(house, "ann@acme.example"));
}

// ---- in whose name ----

static void nobody_gives_by_a_file_what_he_does_not_hold(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "boss@acme.example", "security_gatekeeper");
    struct permission_set set = {{0, 0}};
    permission_add(&set, permission_find(S("users:manage")));
    struct actor boss = {
        .kind = ACTOR_USER, .id = id, .tenant = S("acme"), .permissions = set};
    struct made made = made_of(
        house, FILE_IS("ann@acme.example,,,admin,,,\nbob@acme.example,,,,,,\n"), JOB_BEST_EFFORT, false);
    made.actor = &boss;
    struct job job = run_as(house, &made, false);
    assert_int_equal(job.created, 1);
    expect_error(house, job.id, 0, 2, "roles", "forbidden");
    struct slice detail = SLICE_NONE;
    assert_int_equal(house_audits(house, "user.invited", &detail), 1);
}

static void who_may_no_more_stops_his_job(void **state) {
    struct house *house = *state;
    (void)add_by_hand(house, "acme", "other@acme.example", "admin");
    struct slice id = add_by_hand(house, "acme", "boss@acme.example", "admin");
    struct actor boss = {.kind = ACTOR_USER, .id = id, .tenant = S("acme")};
    struct made made =
        made_of(house, FILE_IS("ann@acme.example,,,,,,\n"), JOB_BEST_EFFORT, false);
    made.actor = &boss;
    assert_done(fixture_write(house->fixture, make_job, &made));
    set_status(house, id, MEMBER_DISABLED);
    struct job job = run_as(house, &made, false);
    assert_int_equal(job.state, JOB_FAILED);
    assert_slice(job.reason, "forbidden");
    assert_false(is_there(house, "ann@acme.example"));
}

// ---- the life of a job ----

static void an_interrupted_job_goes_on(void **state) {
    struct house *house = *state;
    struct made made = made_of(house, FILE_IS("ann@acme.example,,,user,,,\nbob@acme.example,,,,,,\n"),
                               JOB_BEST_EFFORT, false);
    struct job job = run_as(house, &made, true); // a stop that came before the first line
    assert_int_equal(job.state, JOB_RUNNING);
    assert_int_equal(job.done, 0);
    struct call c = {.id = SLICE_NONE};
    assert_done(fixture_read(house->fixture, call_next, &c));
    assert_true(slice_equal(c.id, job.id));
    job = run_as(house, &made, false);
    assert_int_equal(job.state, JOB_FINISHED);
    assert_int_equal(job.created, 2);
    assert_done(fixture_read(house->fixture, call_next, &c));
    assert_int_equal(c.id.len, 0);
    job = run_as(house, &made, false); // once more is nothing more
    assert_int_equal(job.created, 2);
}

static void a_job_is_cancelled_while_it_waits_and_while_it_runs(void **state) {
    struct house *house = *state;
    struct made made = made_of(house, FILE_IS("ann@acme.example,,,,,,\n"), JOB_BEST_EFFORT, false);
    assert_done(fixture_write(house->fixture, make_job, &made));
    struct job job;
    struct call c = {.id = made.job.id, .actor = &house->fixture->staff, .rows = {&job, 1}};
    assert_done(fixture_write(house->fixture, call_cancel, &c));
    assert_int_equal(job.state, JOB_CANCELLED);
    assert_int_equal(run_as(house, &made, false).state, JOB_CANCELLED);
    assert_reason(fixture_write(house->fixture, call_cancel, &c), ILLEGAL_TRANSITION);
    made = made_of(house, FILE_IS("ann@acme.example,,,,,,\n"), JOB_BEST_EFFORT, false);
    (void)run_as(house, &made, true);
    c.id = made.job.id;
    assert_done(fixture_write(house->fixture, call_cancel, &c));
    assert_int_equal(job.state, JOB_RUNNING);
    assert_int_equal(run_as(house, &made, false).state, JOB_CANCELLED);
    assert_false(is_there(house, "ann@acme.example"));
}

static void a_tenant_has_so_many_jobs_at_once(void **state) {
    struct house *house = *state;
    for (int i = 0; i < JOBS_OPEN_MAX; i++) {
        struct made made = made_of(house, FILE_IS(""), JOB_BEST_EFFORT, false);
        assert_done(fixture_write(house->fixture, make_job, &made));
    }
    struct made made = made_of(house, FILE_IS(""), JOB_BEST_EFFORT, false);
    assert_reason(fixture_write(house->fixture, make_job, &made), JOB_LIMIT);
    made.job.tenant = S("umbrella");
    assert_done(fixture_write(house->fixture, make_job, &made));
}

static void what_was_sent_goes_with_the_job_and_the_job_in_time(void **state) {
    struct house *house = *state;
    struct made made = made_of(house, FILE_IS("bad,,,,,,\n"), JOB_BEST_EFFORT, false);
    struct job job = run_as(house, &made, false);
    struct call c = {.count = 0};
    assert_done(fixture_write(house->fixture, call_sweep, &c));
    assert_int_equal(c.count, 0);
    house->fixture->op.now = job.ended_at + JOB_KEEP + SECOND_MS;
    assert_done(fixture_write(house->fixture, call_sweep, &c));
    assert_int_equal(c.count, 2); // the error and the row
    c = (struct call){.id = job.id, .rows = {&job, 1}};
    assert_reason(fixture_read(house->fixture, call_job, &c), NOT_FOUND);
}

static reason lost_piece(struct op *op, struct txn *txn, void *arg) {
    struct slice *id = arg;
    TRY(job_new_id(op, id));
    return job_put_piece(op, txn, *id, 0, S("x"));
}

static void pieces_without_a_job_are_swept(void **state) {
    struct house *house = *state;
    struct slice id;
    struct call c = {.count = 0};
    assert_done(fixture_write(house->fixture, lost_piece, &id));
    assert_done(fixture_write(house->fixture, call_sweep, &c));
    assert_int_equal(c.count, 0); // its sender may be about to make the job
    house->fixture->op.now += HOUR_MS + SECOND_MS;
    assert_done(fixture_write(house->fixture, call_sweep, &c));
    assert_int_equal(c.count, 1);
}

// ---- the other way ----

static void a_file_that_was_written_changes_nothing_when_it_is_read(void **state) {
    struct house *house = *state;
    (void)run_file(house,
                   FILE_IS("ann@acme.example,=1+1,'@x,read_only;user,view,,2030-01-01\n"
                           "bob@acme.example,O'Brien,\"a,\"\"b\"\"\",,,,\n"),
                   JOB_ALL_OR_NOTHING, false);
    struct op *op = &house->fixture->op;
    static const char *const people[] = {"ann@acme.example", "bob@acme.example"};
    struct buf out;
    struct slice text;
    buf_open(&out, op, 1 << 16);
    bulk_put_header(&out);
    for (size_t i = 0; i < 2; i++) {
        struct call c = {.tenant = S("acme"), .id = slice_str(people[i])};
        assert_done(fixture_read(house->fixture, call_user_by_email, &c));
        struct member member = {.user = c.user, .membership = membership_of(house, c.user.id)};
        assert_done(bulk_put_member(op, &out, &member));
    }
    assert_done(buf_done(&out, &text));
    assert_true(slice_find(text, S("\"'=1+1\"")) != SIZE_MAX);
    struct job job = run_file(house, text, JOB_ALL_OR_NOTHING, false);
    assert_int_equal(job.unchanged, 2);
}

static void json_items_are_the_same_lines(void **state) {
    struct house *house = *state;
    struct op *op = &house->fixture->op;
    const struct json *object = NULL;
    struct slice csv;
    assert_done(json_parse(op, S("{\"items\":[{\"email\":\"ann@acme.example\",\"first_name\":\"=A\","
                                 "\"roles\":[\"user\",\"read_only\"],\"bundle\":\"full\"},"
                                 "{\"email\":\"nonesuch\"},"
                                 "{\"email\":\"bob@acme.example\",\"components\":{\"campaigns\":\"view\"}}]}"),
                           &object));
    assert_done(bulk_from_json(op, object, &csv));
    struct made made = made_of(house, csv, JOB_BEST_EFFORT, false);
    made.job.format = JOB_JSON;
    struct job job = run_as(house, &made, false);
    assert_int_equal(job.created, 2);
    expect_error(house, job.id, 0, 2, "email", "not_allowed"); // the second item
    struct membership ann = member_now(house, "ann@acme.example");
    assert_true(has_grant(&ann, "cdp.metrics.full", GRANT_MANUAL));
    assert_int_equal(ann.grants.count, 5);
    static const char *const bad[][2] = {
        {"{}", "/items"},
        {"{\"items\":[{}]}", "/items/0/email"},
        {"{\"items\":[{\"email\":\"a@b.example\",\"components\":{\"campaigns\":\"some\"}}]}",
         "/items/0/components/campaigns"},
        {"{\"items\":[{\"email\":\"a@b.example\",\"bundle\":\"half\"}]}", "/items/0/bundle"},
        {"{\"items\":[{\"email\":\"a@b.example\"},{\"email\":\"c@d.example\",\"x\":1}]}", "/items/1/x"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        op->error_count = 0;
        assert_done(json_parse(op, slice_str(bad[i][0]), &object));
        assert_reason(bulk_from_json(op, object, &csv), INVALID_INPUT);
        assert_slice(op->errors[0].pointer, bad[i][1]);
    }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
    const struct CMUnitTest tests[] = {
        T(the_first_line_names_the_columns),
        T(a_file_has_its_bound),
        T(what_is_wrong_with_a_line_is_said_with_column_and_reason),
        T(people_are_made_changed_disabled_and_removed),
        T(the_same_file_again_changes_and_writes_nothing),
        T(one_bad_line_and_nothing_of_it_is_kept),
        T(best_effort_does_what_can_be_done),
        T(half_of_a_line_is_never_kept),
        T(create_refuses_somebody_who_is_there_with_other_values),
        T(a_trial_says_what_would_come_of_it_and_keeps_nothing),
        T(nobody_gives_by_a_file_what_he_does_not_hold),
        T(who_may_no_more_stops_his_job),
        T(an_interrupted_job_goes_on),
        T(a_job_is_cancelled_while_it_waits_and_while_it_runs),
        T(a_tenant_has_so_many_jobs_at_once),
        T(what_was_sent_goes_with_the_job_and_the_job_in_time),
        T(pieces_without_a_job_are_swept),
        T(a_file_that_was_written_changes_nothing_when_it_is_read),
        T(json_items_are_the_same_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
