// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log by the API: who sees what of it, how it is exported, verified, and what in it is erased.
#include "http/callers.h"

#define TENANTS "/api/v1/tenants"
#define AUDIT TENANTS "/acme/audit"

// Somebody with a name, changed and removed again; the id.
static const char *somebody(struct scene *at) {
    struct answer answer = done(at, OPERATOR, "addUser", TENANTS "/acme/users",
                                "{\"email\":\"ann@acme.example\",\"first_name\":\"Ann\"}");
    const char *id = keep_at(at, answer.body, "id");
    (void)done(at, OPERATOR, "changeUser", keep_text(at, TENANTS "/acme/users/%s", id),
               "{\"first_name\":\"Anna\"}");
    return id;
}

static void a_row_says_what_was_before_and_after(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    (void)done(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"name\":\"Acme 2\"}");
    struct answer answer = done(at, OPERATOR, "listAudit", AUDIT "?event=tenant.changed", NULL);
    expect_text(answer.body, "items.0.before.name", "Acme");
    expect_text(answer.body, "items.0.after.name", "Acme 2");
    assert_null(look(answer.body, "items.0.after.domains"));
    const char *id = keep_at(at, answer.body, "items.0.id");
    answer = done(at, OPERATOR, "getAuditEvent", keep_text(at, AUDIT "/%s", id), NULL);
    expect_text(answer.body, "after.name", "Acme 2");
    (void)refused(at, OPERATOR, "getAuditEvent", AUDIT "/aud_999", NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "getAuditEvent", AUDIT "/nonsense", NULL, 404, "not_found");
    // The row of one tenant is none of another's.
    (void)refused(at, OPERATOR, "getAuditEvent", TENANTS "/other/audit/aud_7", NULL, 404,
                  "not_found");
}

static void of_a_policy_only_what_changed_is_told(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    (void)done(at, OPERATOR, "setPolicy", "/api/v1/connections/acme-okta/policy",
               "{\"skew_seconds\":60}");
    struct answer answer =
        done(at, OPERATOR, "listAudit", AUDIT "?event=sso.connection_policy_changed", NULL);
    expect_number(answer.body, "items.0.before.policy.skew_seconds", 180);
    expect_number(answer.body, "items.0.after.policy.skew_seconds", 60);
    assert_null(look(answer.body, "items.0.after.policy.want"));
    assert_null(look(answer.body, "items.0.after.idp"));
}

static void who_somebody_is_is_shown_to_who_may_know(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    (void)somebody(at);
    struct caller admin = signed_in(at, "acme", "admin@acme.example", "admin");
    struct caller compliance = signed_in(at, "acme", "c@acme.example", "compliance");
    struct answer answer = done(at, admin, "listAudit", AUDIT "?event=user.updated", NULL);
    expect_text(answer.body, "items.0.after.first_name", "Anna");
    expect_text(answer.body, "items.0.address", "192.0.2.1");
    expect_bool(answer.body, "items.0.withheld", false);
    answer = done(at, compliance, "listAudit", AUDIT "?event=user.updated", NULL);
    expect_text(answer.body, "items.0.event", "user.updated");
    expect_bool(answer.body, "items.0.withheld", true);
    expect_null(answer.body, "items.0.after");
    expect_null(answer.body, "items.0.address");
    // Neither by searching for it.
    expect_count(done(at, compliance, "listAudit", AUDIT "?q=anna", NULL).body, "items", 0);
    expect_count(done(at, admin, "listAudit", AUDIT "?q=anna", NULL).body, "items", 1);
    assert_true(slice_find(done(at, compliance, "exportAudit", AUDIT ".jsonl", NULL).text,
                           S("Anna")) == SIZE_MAX);
    assert_true(slice_find(done(at, admin, "exportAudit", AUDIT ".jsonl", NULL).text, S("Anna")) !=
                SIZE_MAX);
}

static void an_export_comes_in_pages_oldest_first(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    for (int i = 0; i < 4; i++) {
        (void)done(at, OPERATOR, "changeTenant", TENANTS "/acme",
                   keep_text(at, "{\"name\":\"A %d\"}", i));
    }
    const char *path = AUDIT ".jsonl?limit=2&event=tenant.";
    size_t lines = 0;
    int pages = 0;
    while (path != NULL) {
        struct answer answer = done(at, OPERATOR, "exportAudit", path, NULL);
        struct slice rest = answer.text;
        struct slice line;
        while (rest.at != NULL && slice_cut(&rest, '\n', &line) && line.len > 0) {
            lines++;
        }
        struct slice link = reply_header_of(at, "Link");
        pages++;
        path = NULL;
        if (link.len > 0) {
            size_t end = slice_find(link, S(">; rel=\"next\""));
            assert_true(end != SIZE_MAX);
            assert_true(slice_find(link, S("event=tenant.")) != SIZE_MAX);
            path = keep_text(at, "%.*s", SLICE(slice_sub(link, 1, end)));
        }
    }
    assert_int_equal(lines, 5);
    assert_int_equal(pages, 3);
    (void)refused(at, OPERATOR, "exportAudit", AUDIT ".jsonl?limit=1001", NULL, 422,
                  "invalid_input");
    (void)refused(at, OPERATOR, "exportAudit", AUDIT ".jsonl?cursor=x", NULL, 422, "invalid_input");
    (void)refused(at, OPERATOR, "listAudit", AUDIT "?from=yesterday", NULL, 422, "invalid_input");
}

static void a_whole_chain_is_said_to_be_whole(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer = done(at, OPERATOR, "verifyAudit", AUDIT ":verify", NULL);
    expect_bool(answer.body, "ok", true);
    expect_number(answer.body, "rows", 2);
    expect_number(answer.body, "head.seq", 2);
    const char *hash = keep_at(at, answer.body, "head.hash");
    answer = done(at, OPERATOR, "verifyAudit", keep_text(at, AUDIT ":verify?anchor=2:%s", hash),
                  NULL);
    expect_bool(answer.body, "ok", true);
    answer = done(at, OPERATOR, "verifyAudit", keep_text(at, AUDIT ":verify?anchor=1:%s", hash),
                  NULL);
    expect_bool(answer.body, "ok", false);
    expect_text(answer.body, "findings.0.kind", "altered");
    (void)refused(at, OPERATOR, "verifyAudit", AUDIT ":verify?anchor=2", NULL, 422,
                  "invalid_input");
    expect_bool(done(at, OPERATOR, "verifyGateAudit", "/api/v1/audit:verify", NULL).body, "ok",
                true);
    expect_count(done(at, OPERATOR, "listGateAudit", "/api/v1/audit", NULL).body, "items", 0);
}

static void who_is_gone_is_erased_by_who_manages_privacy(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    const char *id = somebody(at);
    const char *ask = keep_text(at, "{\"user\":\"%s\"}", id);
    struct caller admin = signed_in(at, "acme", "admin@acme.example", "admin");
    struct caller both = signed_in(at, "acme", "x@acme.example", "admin_compliance");
    (void)refused(at, both, "eraseAudit", AUDIT ":erase", ask, 409, "illegal_transition");
    (void)done(at, OPERATOR, "removeUser", keep_text(at, TENANTS "/acme/users/%s", id), NULL);
    (void)refused(at, admin, "eraseAudit", AUDIT ":erase", ask, 403, "forbidden");
    (void)refused(at, both, "eraseAudit", TENANTS "/other/audit:erase", ask, 404, "not_found");
    (void)refused(at, both, "eraseAudit", AUDIT ":erase", "{\"user\":\"ann\"}", 422,
                  "invalid_input");
    struct answer answer = done(at, both, "eraseAudit", AUDIT ":erase", ask);
    int64_t rows = 0;
    assert_true(json_number(need(answer.body, "rows"), &rows) && rows >= 2);
    answer = done(at, OPERATOR, "listAudit",
                  keep_text(at, AUDIT "?target=%s&event=user.updated", id), NULL);
    expect_bool(answer.body, "items.0.erased", true);
    expect_null(answer.body, "items.0.after");
    answer = done(at, OPERATOR, "verifyAudit", AUDIT ":verify", NULL);
    expect_bool(answer.body, "ok", true);
    expect_number(answer.body, "erased_person", rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_row_says_what_was_before_and_after),
        SCENE_TEST(of_a_policy_only_what_changed_is_told),
        SCENE_TEST(who_somebody_is_is_shown_to_who_may_know),
        SCENE_TEST(an_export_comes_in_pages_oldest_first),
        SCENE_TEST(a_whole_chain_is_said_to_be_whole),
        SCENE_TEST(who_is_gone_is_erased_by_who_manages_privacy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
