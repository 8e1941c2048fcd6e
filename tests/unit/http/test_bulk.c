// SPDX-License-Identifier: GPL-3.0-or-later
// Files of people by the API: what is taken in, what a job says of itself, who may ask, and what goes out.
#include "http/callers.h"

#include "domain/job.h"
#include "domain/listing.h"
#include "domain/space.h"

#define USERS "/api/v1/tenants/acme/users"
#define JOBS "/api/v1/tenants/acme/jobs"

static int open_acme(void **state) {
    int code = scene_open(state);
    two_tenants(*state);
    return code;
}
#define BULK_TEST(name) cmocka_unit_test_setup_teardown(name, open_acme, scene_close)

static struct answer send_csv(struct scene *at, struct caller as, const char *query, struct slice csv) {
    begin(at, METHOD_POST, keep_text(at, USERS ":bulk%s", query), NULL);
    at->request.body = csv;
    set_header(at, "Content-Type", S("text/csv; charset=utf-8"));
    be(at, as);
    struct answer answer = send(at);
    if (answer.status < 400) {
        check_answer(at, route_of("bulkUsers"), answer);
    }
    return answer;
}

static const char *job_of(struct scene *at, struct caller as, const char *query, const char *csv) {
    struct answer answer = send_csv(at, as, query, slice_str(csv));
    if (answer.status != 202) {
        print_error("%u %.*s\n", answer.status, SLICE(answer.text));
    }
    assert_int_equal(answer.status, 202);
    expect_text(answer.body, "state", "queued");
    assert_true(at->gate.jobs_waiting);
    const char *path = keep_text(at, "/api/v1/jobs/%s", keep_at(at, answer.body, "id"));
    assert_slice(reply_header_of(at, "Location"), path);
    return path;
}

static void run(struct scene *at, const char *path) {
    static const _Atomic bool never = false;
    assert_done(job_run(at->gate.store, slice_str(strrchr(path, '/') + 1), &never));
}

static void a_file_is_taken_in_and_done(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path =
        job_of(at, ann, "?send_invite=false", "email,roles\nbob@acme.example,user\ncid@acme.example,\n");
    struct answer answer = done(at, ann, "getJob", path, NULL);
    expect_number(answer.body, "total", 2);
    expect_text(answer.body, "mode", "all_or_nothing");
    expect_null(answer.body, "errors_url");
    run(at, path);
    answer = done(at, ann, "getJob", path, NULL);
    expect_text(answer.body, "state", "finished");
    expect_number(answer.body, "created", 2);
    expect_number(done(at, ann, "listUsers", USERS, NULL).body, "total", 3);
    expect_count(done(at, ann, "listJobs", JOBS, NULL).body, "items", 1);
    (void)refused(at, ann, "cancelJob", keep_text(at, "%s:cancel", path), NULL, 409,
                  "illegal_transition");
}

static void what_is_refused_is_a_file_too(void **state) {
    struct scene *at = *state;
    const char *path = job_of(at, OPERATOR, "?mode=best_effort", "email,roles\n=x,user\nbob@acme.example,nonesuch\n");
    run(at, path);
    struct answer answer = done(at, OPERATOR, "getJob", path, NULL);
    expect_number(answer.body, "failed", 2);
    const char *errors = keep_at(at, answer.body, "errors_url");
    answer = done(at, OPERATOR, "getJobErrors", errors, NULL);
    struct slice rest = answer.text;
    struct slice line;
    assert_true(slice_cut(&rest, '\n', &line));
    assert_slice(line, "line,column,reason,detail\r");
    assert_true(slice_cut(&rest, '\n', &line));
    assert_true(slice_starts(line, S("2,email,not_allowed,")));
    assert_true(slice_cut(&rest, '\n', &line));
    assert_true(slice_starts(line, S("3,roles,unknown_role,")));
}

static void json_items_are_taken_too(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "bulkUsers", USERS ":bulk?send_invite=false",
                                "{\"items\":[{\"email\":\"bob@acme.example\",\"roles\":[\"user\"]}]}");
    expect_text(answer.body, "format", "json");
    const char *path = keep_text(at, "/api/v1/jobs/%s", keep_at(at, answer.body, "id"));
    run(at, path);
    expect_number(done(at, OPERATOR, "getJob", path, NULL).body, "created", 1);
    answer = refused(at, OPERATOR, "bulkUsers", USERS ":bulk", "{\"items\":[{\"mail\":\"x\"}]}", 422,
                     "invalid_input");
    expect_error(answer.body, "/items/0/mail", "unknown_field");
}

static void what_is_no_file_is_refused_at_the_door(void **state) {
    struct scene *at = *state;
    static const struct {
        const char *query, *text, *why;
        unsigned status;
    } cases[] = {
        {"", "email\n\"x", "csv.malformed", 422},   {"", "", "csv.header", 422},
        {"", "colour\n", "csv.header", 422},        {"?mode=half", "email\n", "invalid_input", 422},
        {"?dry_run=1", "email\n", "invalid_input", 422},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer = send_csv(at, OPERATOR, cases[i].query, slice_str(cases[i].text));
        assert_int_equal(answer.status, cases[i].status);
        expect_text(answer.body, "reason", cases[i].why);
    }
    begin(at, METHOD_POST, USERS ":bulk", NULL);
    at->request.body = S("email\n");
    set_header(at, "Content-Type", S("text/plain"));
    be(at, OPERATOR);
    assert_int_equal(send(at).status, 415);
    assert_false(at->gate.jobs_waiting);
}

static void only_this_door_takes_ten_megabytes(void **state) {
    (void)state;
    assert_int_equal(router_body_max(METHOD_POST, S("/api/v1/tenants/acme/users:bulk")), BULK_BYTES_MAX);
    assert_int_equal(router_body_max(METHOD_POST, S("/api/v1/tenants/acme/users")), JSON_BODY_MAX);
    assert_int_equal(router_body_max(METHOD_POST, S("/x/users:bulk")), 64 << 10);
}

static void a_key_sent_twice_makes_one_job(void **state) {
    struct scene *at = *state;
    const char *first = NULL;
    for (int i = 0; i < 2; i++) {
        begin(at, METHOD_POST, USERS ":bulk", NULL);
        at->request.body = S("email\nbob@acme.example\n");
        set_header(at, "Content-Type", S("text/csv"));
        set_header(at, "Idempotency-Key", S("\"once\""));
        be(at, OPERATOR);
        struct answer answer = send(at);
        assert_int_equal(answer.status, 202);
        const char *id = keep_at(at, answer.body, "id");
        assert_true(first == NULL || strcmp(first, id) == 0);
        first = id;
    }
    expect_count(done(at, OPERATOR, "listJobs", JOBS, NULL).body, "items", 1);
}

static void only_who_manages_users_here_sees_a_job(void **state) {
    struct scene *at = *state;
    struct caller eve = signed_in(at, "other", "eve@other.example", "admin");
    struct caller rob = signed_in(at, "acme", "rob@acme.example", "read_only");
    const char *path = job_of(at, OPERATOR, "", "email\nbad\n");
    const char *errors = keep_text(at, "%s/errors.csv", path);
    const char *cancel = keep_text(at, "%s:cancel", path);
    (void)refused(at, eve, "getJob", path, NULL, 404, "not_found");
    (void)refused(at, eve, "getJobErrors", errors, NULL, 404, "not_found");
    (void)refused(at, eve, "cancelJob", cancel, NULL, 404, "not_found");
    (void)refused(at, rob, "getJob", path, NULL, 403, "forbidden");
    (void)refused(at, rob, "getJob", "/api/v1/jobs/job_none", NULL, 403, "forbidden");
    (void)refused(at, OPERATOR, "getJob", "/api/v1/jobs/job_none", NULL, 404, "not_found");
    (void)refused(at, rob, "exportUsersCsv", USERS ".csv", NULL, 403, "forbidden");
    expect_text(done(at, OPERATOR, "cancelJob", cancel, NULL).body, "state", "cancelled");
}

static void a_new_tenant_knows_nothing_of_an_old_one_s_jobs(void **state) {
    struct scene *at = *state;
    const char *tenant = "/api/v1/tenants/acme";
    const char *path = job_of(at, OPERATOR, "", "email\nbad\n");
    (void)done(at, OPERATOR, "removeConnection", "/api/v1/connections/acme-okta", NULL);
    (void)refused(at, OPERATOR, "removeTenant", tenant, NULL, 409, "tenant_not_empty");
    run(at, path);
    (void)done(at, OPERATOR, "removeTenant", tenant, NULL);
    (void)refused(at, OPERATOR, "getJob", path, NULL, 404, "not_found");
    at->now = clock_now() + DAY_MS; // jobs have the time that it is
    (void)done(at, OPERATOR, "createTenant", "/api/v1/tenants",
               "{\"slug\":\"acme\",\"name\":\"Acme\",\"domains\":[\"acme.example\"]}");
    (void)refused(at, OPERATOR, "getJob", path, NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "getJobErrors", keep_text(at, "%s/errors.csv", path), NULL, 404,
                  "not_found");
    expect_count(done(at, OPERATOR, "listJobs", JOBS, NULL).body, "items", 0);
}

static void all_or_nothing_has_a_bound_of_its_own(void **state) {
    struct scene *at = *state;
    static char text[6 + 2 * (BULK_WHOLE_MAX + 1)];
    memcpy(text, "email\n", 6);
    for (size_t i = 0; i <= BULK_WHOLE_MAX; i++) {
        memcpy(text + 6 + 2 * i, "x\n", 2);
    }
    struct answer answer = send_csv(at, OPERATOR, "", slice_of(text, sizeof text));
    assert_int_equal(answer.status, 422);
    expect_text(answer.body, "reason", "bulk.too_many");
    assert_int_equal(send_csv(at, OPERATOR, "?mode=best_effort", slice_of(text, sizeof text)).status, 202);
    assert_int_equal(send_csv(at, OPERATOR, "", slice_of(text, sizeof text - 2)).status, 202);
}

static void people_go_out_as_csv_and_json_and_it_is_noted(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct answer answer = done(at, ann, "exportUsersCsv", USERS ".csv", NULL);
    assert_true(slice_starts(answer.text, S("email,first_name,last_name,roles,")));
    assert_true(slice_find(answer.text, S("ann@acme.example,,,admin,")) != SIZE_MAX);
    char came[CLOCK_TEXT];
    struct slice visit = clock_print(at->now, came);
    assert_true(slice_find(answer.text, slice_str(keep_text(at, ",active,,%.*s,", SLICE(visit)))) != SIZE_MAX);
    assert_true(reply_header_of(at, "Link").at == NULL);
    assert_slice(reply_header_of(at, "Content-Disposition"), "attachment; filename=\"users-acme.csv\"");
    answer = done(at, ann, "exportUsersJson", USERS ".json", NULL);
    expect_count(answer.body, "items", 1);
    expect_text(answer.body, "items.0.email", "ann@acme.example");
    begin(at, METHOD_GET, keep_text(at, USERS ".csv?cursor=%.*s", SLICE(ann.user_id)), NULL);
    be(at, ann);
    answer = send(at);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.text.len, 0); // the part behind the last
    answer = done(at, ann, "listAudit", "/api/v1/tenants/acme/audit", NULL);
    assert_true(slice_find(answer.text, S("export.users_csv")) != SIZE_MAX);
    assert_true(slice_find(answer.text, S("export.users_json")) != SIZE_MAX);
}

// Another tenant's administrator cannot rename somebody by a file either, and neither can a program of that tenant.
static void a_program_renames_nobody_of_another_tenant(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct answer answer =
        done(at, OPERATOR, "createServiceUser", "/api/v1/tenants/acme/service-users",
             keep_text(at, "{\"name\":\"sync\",\"owner\":\"%.*s\",\"roles\":[\"admin\"]}", SLICE(ann.user_id)));
    const char *id = keep_at(at, answer.body, "id");
    answer = done(at, OPERATOR, "addCredential",
                  keep_text(at, "/api/v1/tenants/acme/service-users/%s/credentials", id), "{}");
    const char *secret = keep_at(at, answer.body, "client_secret");
    begin(at, METHOD_POST, "/oauth2/token", NULL);
    at->request.body = slice_str(keep_text(
        at, "grant_type=client_credentials&client_id=%s&client_secret=%s", id, secret));
    set_header(at, "Content-Type", S("application/x-www-form-urlencoded"));
    struct caller sync = {.token = slice_str(keep_at(at, send(at).body, "access_token"))};
    (void)signed_in(at, "other", "eve@other.example", "user");
    (void)done(at, OPERATOR, "addUser", USERS, "{\"email\":\"eve@other.example\",\"send_invite\":false}");
    const char *path = job_of(at, sync, "?mode=best_effort",
                              "email,first_name,roles\neve@other.example,Adam,\nbob@acme.example,,admin_compliance\n"
                              "cid@acme.example,,user\n");
    run(at, path);
    answer = done(at, sync, "getJob", path, NULL);
    expect_number(answer.body, "failed", 2);
    expect_number(answer.body, "created", 1);
    answer = done(at, sync, "getJobErrors", keep_text(at, "%s/errors.csv", path), NULL);
    assert_true(slice_find(answer.text, S("2,first_name,forbidden")) != SIZE_MAX);
    assert_true(slice_find(answer.text, S("3,roles,forbidden")) != SIZE_MAX);
}

static reason count_pieces(struct op *op, struct txn *txn, void *arg) {
    struct key all = key_in(SPACE_JOB_INPUT);
    return listing_count(op, txn, key_slice(&all), arg);
}
static size_t pieces(struct scene *at) {
    size_t count = 0;
    assert_done(store_read(&at->op, at->gate.store, count_pieces, &count));
    return count;
}

static void what_is_refused_leaves_nothing_behind(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    for (int i = 0; i < JOBS_OPEN_MAX; i++) {
        (void)job_of(at, ann, "", "email\nbob@acme.example\n");
    }
    assert_int_equal(pieces(at), JOBS_OPEN_MAX);
    struct answer answer = send_csv(at, ann, "", S("email\nbob@acme.example\n"));
    assert_int_equal(answer.status, REASON_OF(JOB_LIMIT)->http);
    expect_text(answer.body, "reason", "job_limit");
    assert_int_equal(pieces(at), JOBS_OPEN_MAX);
}

static void the_same_key_is_answered_and_stores_nothing(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    for (int i = 0; i < 2; i++) {
        begin(at, METHOD_POST, USERS ":bulk", NULL);
        at->request.body = S("email\nbob@acme.example\n");
        set_header(at, "Content-Type", S("text/csv"));
        set_header(at, "Idempotency-Key", S("one"));
        be(at, ann);
        assert_int_equal(send(at).status, 202);
    }
    assert_int_equal(pieces(at), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BULK_TEST(a_file_is_taken_in_and_done),
        BULK_TEST(what_is_refused_is_a_file_too),
        BULK_TEST(json_items_are_taken_too),
        BULK_TEST(what_is_no_file_is_refused_at_the_door),
        BULK_TEST(only_this_door_takes_ten_megabytes),
        BULK_TEST(a_key_sent_twice_makes_one_job),
        BULK_TEST(only_who_manages_users_here_sees_a_job),
        BULK_TEST(a_new_tenant_knows_nothing_of_an_old_one_s_jobs),
        BULK_TEST(all_or_nothing_has_a_bound_of_its_own),
        BULK_TEST(people_go_out_as_csv_and_json_and_it_is_noted),
        BULK_TEST(a_program_renames_nobody_of_another_tenant),
        BULK_TEST(what_is_refused_leaves_nothing_behind),
        BULK_TEST(the_same_key_is_answered_and_stores_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
