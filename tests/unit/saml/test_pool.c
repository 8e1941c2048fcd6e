// SPDX-License-Identifier: GPL-3.0-or-later
// The pool with the real worker program, and with one that lies: each lie is worker.failed within
// the deadline, and the next honest job is answered.
#include "base/unit.h"

#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "saml/pool.h"

#define SAML_RESPONSE                                                                              \
    "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' ID='r' Version='2.0'/>"
#define DEADLINE_MS 200

static char real_program[4096], fake_program[4096];
static struct msg_canonical message;

static struct pool *open_pool(struct op *op, const char *program, size_t warm) {
    struct pool *pool = NULL;
    reason why = pool_open(
        op,
        &(struct pool_options){
            .program = program, .warm = warm, .deadline_ms = DEADLINE_MS, .wait_ms = 3000},
        &pool);
    if (why != NULL) {
        fail_msg("%.*s", SLICE(op->detail));
    }
    return pool;
}

// Lends a worker for one message.
static reason lend(struct op *op, struct pool *pool, struct slice xml, struct msg_canonical *ret,
                   struct pool_loan **ret_loan) {
    struct pool_job job = {.op = op, .xml = xml};
    pool_canonicalise(pool, &job, 1);
    TRY(job.why);
    *ret = job.message;
    *ret_loan = job.loan;
    return NULL;
}

static reason take(struct op *op, struct pool *pool, struct slice xml, bool held) {
    struct pool_loan *loan = NULL;
    TRY(lend(op, pool, xml, &message, &loan));
    pool_return(pool, loan, held);
    return NULL;
}

// ---- the real program ----

static void a_message_goes_through_a_real_worker(void **state) {
    struct pool *pool = open_pool(*state, real_program, 2);
    assert_true(pool_ready(pool));
    for (size_t i = 0; i < 20; i++) {
        assert_done(take(*state, pool, S(SAML_RESPONSE), true));
        assert_text(message.envelope.id, "r");
    }
    pool_close(pool);
}

static void the_workers_refusals_come_back_as_such(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    assert_refused(take(*state, pool, S("<a>"), true), SAML_MALFORMED);
    assert_true(((struct op *)*state)->detail.len > 0);
    assert_refused(take(*state, pool, S("<!DOCTYPE a><a/>"), true), SAML_DTD_FORBIDDEN);
    assert_refused(take(*state, pool,
                        S("<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol'"
                          " ID='a'><b ID='a'/></p:Response>"),
                        true),
                   SIGNATURE_DUPLICATE_ID);
    char *large = calloc(1, MSG_XML_MAX + 1);
    assert_non_null(large);
    assert_refused(take(*state, pool, slice_of(large, MSG_XML_MAX + 1), true), SAML_TOO_LARGE);
    free(large);
    assert_done(take(*state, pool, S(SAML_RESPONSE), true));
    pool_close(pool);
}

static void a_message_as_large_as_allowed_comes_through(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    char *xml = malloc(MSG_XML_MAX);
    assert_non_null(xml);
    memset(xml, ' ', MSG_XML_MAX);
    memcpy(xml, SAML_RESPONSE, sizeof SAML_RESPONSE - 1);
    assert_done(take(*state, pool, slice_of(xml, MSG_XML_MAX), true));
    free(xml);
    pool_close(pool);
}

static void documents_are_read_by_fresh_workers(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    struct msg_whole whole;
    for (size_t i = 0; i < 3; i++) {
        assert_done(pool_whole(*state, pool, S("<a b='c'><!-- d --></a>"), &whole));
        assert_text(whole.canonical, "<a b=\"c\"></a>");
    }
    assert_refused(pool_whole(*state, pool, S("<a>"), &whole), METADATA_MALFORMED);
    assert_refused(pool_whole(*state, pool, S("<!DOCTYPE a><a/>"), &whole), METADATA_DTD_FORBIDDEN);
    assert_done(take(*state, pool, S(SAML_RESPONSE), true));
    pool_close(pool);
}

static void a_worker_whose_message_did_not_hold_is_replaced(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    for (size_t i = 0; i < 20; i++) {
        assert_done(take(*state, pool, S(SAML_RESPONSE), false));
    }
    pool_return(pool, NULL, false);
    pool_close(pool);
}

static void a_worker_is_replaced_after_its_jobs(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    for (size_t i = 0; i < POOL_JOBS_MAX + 2; i++) {
        struct op op;
        op_open(&op, NOON);
        assert_done(take(&op, pool, S(SAML_RESPONSE), true));
        op_close(&op);
    }
    pool_close(pool);
}

static void a_program_that_is_not_there_is_named(void **state) {
    struct pool *pool = NULL;
    struct op *op = *state;
    struct pool_options options = {.program = "/nonexistent/gatehouse-worker", .warm = 1};
    assert_refused(pool_open(op, &options, &pool), WORKER_FAILED);
    assert_true(slice_find(op->detail, S("/nonexistent/gatehouse-worker")) != SIZE_MAX);
    options.program = "/bin/true";
    assert_refused(pool_open(op, &options, &pool), WORKER_FAILED);
    options.warm = 0;
    assert_refused(pool_open(op, &options, &pool), WORKER_FAILED);
    assert_null(pool);
}

// ---- many at once ----

static void *take_many(void *context) {
    size_t failed = 0;
    for (size_t i = 0; i < 100; i++) {
        struct op op;
        op_open(&op, NOON);
        struct pool_loan *loan = NULL;
        struct msg_canonical mine;
        bool good = i % 10 != 0;
        reason why =
            lend(&op, context, good ? S(SAML_RESPONSE) : S("<a>"), &mine, &loan);
        if (good ? why != NULL || !slice_equal(mine.envelope.id, S("r"))
                 : why != REASON_OF(SAML_MALFORMED)) {
            failed++;
        }
        pool_return(context, loan, true);
        op_close(&op);
    }
    return (void *)failed; // NOLINT(performance-no-int-to-ptr): a count through pthread_join
}

static void many_threads_share_two_workers(void **state) {
    struct pool *pool = open_pool(*state, real_program, 2);
    pthread_t threads[6];
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, pool), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pool_close(pool);
}

static void who_waits_too_long_for_a_worker_is_refused(void **state) {
    struct pool *pool = NULL;
    struct pool_options options = {.program = real_program, .warm = 1, .wait_ms = 50};
    assert_done(pool_open(*state, &options, &pool));
    struct pool_loan *loan = NULL;
    assert_done(lend(*state, pool, S(SAML_RESPONSE), &message, &loan));
    assert_refused(take(*state, pool, S(SAML_RESPONSE), true), WORKER_FAILED);
    pool_return(pool, loan, true);
    assert_done(take(*state, pool, S(SAML_RESPONSE), true));
    pool_close(pool);
}

// ---- several messages in one trip ----

struct batch {
    struct op ops[POOL_TOGETHER_MAX];
    struct pool_job jobs[POOL_TOGETHER_MAX];
    size_t count;
};

static void add(struct batch *batch, struct slice xml) {
    size_t at = batch->count++;
    op_open(&batch->ops[at], NOON);
    batch->jobs[at] = (struct pool_job){.op = &batch->ops[at], .xml = xml};
}

// All shares go back: not held from the one at `bad`.
static void give_back(struct pool *pool, struct batch *batch, size_t bad) {
    for (size_t i = 0; i < batch->count; i++) {
        pool_return(pool, batch->jobs[i].loan, i != bad);
        op_close(&batch->ops[i]);
    }
    batch->count = 0;
}

// A Response with this id, and `size` bytes of comment that its canonical form has not.
static struct slice response_of(struct op *op, size_t id, size_t size) {
    char *text = NULL;
    size_t room = size + 200;
    assert_done(op_take(op, room, &text));
    int head = snprintf(text, room,
                        "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' ID='r%zu'"
                        " Version='2.0'><!--",
                        id);
    memset(text + head, 'x', size);
    int tail = snprintf(text + (size_t)head + size, room - (size_t)head - size, "--></p:Response>");
    return slice_of(text, (size_t)head + size + (size_t)tail);
}

static void assert_ids(const struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "r%zu", i);
        assert_done(batch->jobs[i].why);
        assert_text(batch->jobs[i].message.envelope.id, id);
    }
}

static struct batch batch; // large: the tests take turns with it

static void each_of_a_batch_gets_its_own_answer(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    for (size_t count = 1; count <= POOL_TOGETHER_MAX; count++) {
        for (size_t i = 0; i < count; i++) {
            add(&batch, response_of(*state, i, 10));
        }
        pool_canonicalise(pool, batch.jobs, count);
        assert_ids(&batch);
        for (size_t i = 1; i < count; i++) {
            assert_ptr_equal(batch.jobs[i].loan, batch.jobs[0].loan); // one worker for all
        }
        give_back(pool, &batch, SIZE_MAX);
    }
    pool_close(pool);
}

static void messages_of_every_size_go_in_one_batch(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    const size_t sizes[] = {1,       30000,  900000, 5, 100000, 20000, 20000, 20000,
                            1000000, 300000, 2,      3, 60000,  70000, 4,     1040000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        add(&batch, response_of(*state, i, sizes[i]));
    }
    pool_canonicalise(pool, batch.jobs, batch.count);
    assert_ids(&batch);
    give_back(pool, &batch, SIZE_MAX);
    assert_done(take(*state, pool, S(SAML_RESPONSE), true));
    pool_close(pool);
}

static void a_refused_one_leaves_its_neighbours_their_answers(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    char *large = calloc(1, MSG_XML_MAX + 1);
    assert_non_null(large);
    add(&batch, response_of(*state, 0, 10));
    add(&batch, S("<a>"));
    add(&batch, response_of(*state, 2, 10));
    add(&batch, slice_of(large, MSG_XML_MAX + 1));
    add(&batch, S("<!DOCTYPE a><a/>"));
    add(&batch, response_of(*state, 5, 10));
    pool_canonicalise(pool, batch.jobs, batch.count);
    assert_refused(batch.jobs[1].why, SAML_MALFORMED);
    assert_refused(batch.jobs[3].why, SAML_TOO_LARGE);
    assert_refused(batch.jobs[4].why, SAML_DTD_FORBIDDEN);
    for (size_t i = 1; i < 5; i += i == 1 ? 2 : 1) {
        assert_null(batch.jobs[i].loan);
    }
    assert_done(batch.jobs[0].why);
    assert_text(batch.jobs[2].message.envelope.id, "r2");
    assert_text(batch.jobs[5].message.envelope.id, "r5");
    give_back(pool, &batch, SIZE_MAX);
    free(large);
    assert_done(take(*state, pool, S(SAML_RESPONSE), true));
    pool_close(pool);
}

// How many workers were started so far.
static long started(struct op *op) {
    struct buf out;
    struct slice text;
    buf_open(&out, op, 1U << 20);
    metric_print(&out);
    assert_done(buf_done(&out, &text));
    const char *name = "\ngatehouse_worker_started_total ";
    size_t at = slice_find(text, slice_str(name));
    assert_true(at != SIZE_MAX);
    return strtol(text.at + at + strlen(name), NULL, 10);
}

static void a_worker_is_thrown_away_after_a_batch_in_which_one_did_not_hold(void **state) {
    struct pool *pool = open_pool(*state, real_program, 1);
    long before = started(*state);
    for (size_t i = 0; i < 4; i++) {
        add(&batch, response_of(*state, i, 10));
    }
    pool_canonicalise(pool, batch.jobs, batch.count);
    assert_ids(&batch);
    give_back(pool, &batch, 1); // those after it hold, and do not save it
    assert_done(take(*state, pool, S(SAML_RESPONSE), true));
    assert_int_equal(started(*state), before + 1);
    assert_done(take(*state, pool, S(SAML_RESPONSE), true)); // the new one stays
    assert_int_equal(started(*state), before + 1);
    pool_close(pool);
}

// ---- liars ----

static void pause_a_little(void) {
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

// The lie, then the truth, each within the deadline and what a new worker takes.
static void lie_and_check(struct pool *pool, struct slice lie) {
    struct op op;
    op_open(&op, NOON);
    int64_t start = clock_steady();
    reason why = take(&op, pool, lie, true);
    int64_t took = clock_steady() - start;
    if (why != REASON_OF(WORKER_FAILED)) {
        fail_msg("%.*s: %s", SLICE(lie), why != NULL ? why->slug : "believed");
    }
    if (took > DEADLINE_MS + 1500) {
        fail_msg("%.*s: took %lld ms", SLICE(lie), (long long)took);
    }
    why = take(&op, pool, S("truth"), true);
    if (why != NULL) {
        fail_msg("after %.*s: %s (%.*s)", SLICE(lie), why->slug, SLICE(op.detail));
    }
    assert_text(message.signatures[0].covered, "<c/>");
    op_close(&op);
}

static void each_lie_fails_and_the_next_job_works(void **state) {
    const char *lies[] = {
        "garbage",         "silence",   "half, then silence", "too long",    "longer than it is",
        "empty covered",   "no utf8",   "encrypted count",    "another job", "another kind",
        "not its refusal", "two lines", "more fields",        "version",     "long value"};
    struct pool *pool = open_pool(*state, fake_program, 2);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        lie_and_check(pool, slice_str(lies[i]));
    }
    pool_close(pool);
}

static void an_answer_that_ends_at_any_byte_fails(void **state) {
    struct pool *pool = open_pool(*state, fake_program, 2);
    for (size_t at = 0; at < 1000; at++) {
        char lie[32];
        (void)snprintf(lie, sizeof lie, "cut at %zu", at);
        struct op op;
        op_open(&op, NOON);
        reason why = take(&op, pool, slice_str(lie), true);
        op_close(&op);
        if (why == NULL) {
            // All of it arrived: every shorter one was refused.
            assert_true(at > 100);
            pool_close(pool);
            return;
        }
        assert_ptr_equal(why, REASON_OF(WORKER_FAILED));
    }
    fail_msg("no length was ever enough");
}

static void a_worker_that_speaks_unasked_is_not_asked_again(void **state) {
    struct pool *pool = open_pool(*state, fake_program, 1);
    for (size_t i = 0; i < 5; i++) {
        // Its first answer counts, if the second did not come in one piece with it.
        reason why = take(*state, pool, S("unasked"), true);
        assert_true(why == NULL || why == REASON_OF(WORKER_FAILED));
        pause_a_little(); // until its second answer is there
        assert_done(take(*state, pool, S("truth"), true));
    }
    pool_close(pool);
}

// In the middle of a batch: it fails alone, wherever it stands.
static void a_killer_fails_alone(void **state) {
    const char *killers[] = {"garbage",     "silence",      "too long",        "another job",
                             "another kind", "not its refusal", "cut at 30",   "no utf8",
                             "more fields", "version",      "half, then silence"};
    struct pool *pool = open_pool(*state, fake_program, 2);
    for (size_t k = 0; k < sizeof killers / sizeof *killers; k++) {
        size_t at = k % 4;
        for (size_t i = 0; i < 4; i++) {
            add(&batch, i == at ? slice_str(killers[k]) : S("truth"));
        }
        pool_canonicalise(pool, batch.jobs, batch.count);
        for (size_t i = 0; i < 4; i++) {
            if (i == at && batch.jobs[i].why != REASON_OF(WORKER_FAILED)) {
                fail_msg("%s: believed", killers[k]);
            }
            if (i != at && batch.jobs[i].why != NULL) {
                fail_msg("beside %s: %s, %.*s", killers[k], batch.jobs[i].why->slug,
                         SLICE(batch.ops[i].detail));
            }
            if (i != at) {
                assert_text(batch.jobs[i].message.signatures[0].covered, "<c/>");
            }
        }
        give_back(pool, &batch, SIZE_MAX);
    }
    assert_done(take(*state, pool, S("truth"), true));
    pool_close(pool);
}

static void killers_all_around_fail_and_the_one_between_does_not(void **state) {
    struct pool *pool = open_pool(*state, fake_program, 1);
    add(&batch, S("garbage"));
    add(&batch, S("version"));
    add(&batch, S("truth"));
    add(&batch, S("another job"));
    pool_canonicalise(pool, batch.jobs, batch.count);
    for (size_t i = 0; i < 4; i++) {
        assert_ptr_equal(batch.jobs[i].why, i == 2 ? NULL : REASON_OF(WORKER_FAILED));
        // The worker that answered it read a killer later, or is held: never is one lent that lied.
        assert_true(i == 2 || batch.jobs[i].loan == NULL);
    }
    give_back(pool, &batch, SIZE_MAX);
    assert_done(take(*state, pool, S("truth"), true));
    pool_close(pool);
}

// Two answers change places: each has the other's number.
static void answers_in_another_order_are_not_taken(void **state) {
    struct pool *pool = open_pool(*state, fake_program, 1);
    add(&batch, S("truth"));
    add(&batch, S("later"));
    add(&batch, S("truth"));
    pool_canonicalise(pool, batch.jobs, batch.count);
    assert_done(batch.jobs[0].why);
    assert_ptr_equal(batch.jobs[1].why, REASON_OF(WORKER_FAILED)); // it comes never, when it is alone
    assert_done(batch.jobs[2].why);
    give_back(pool, &batch, SIZE_MAX);
    pool_close(pool);
}

static void workers_that_died_with_the_spawner_are_replaced_unseen(void **state) {
    struct pool *pool = open_pool(*state, fake_program, 3);
    assert_refused(take(*state, pool, S("kill the spawner"), true), WORKER_FAILED);
    pause_a_little(); // until the others are dead too
    assert_done(take(*state, pool, S("truth"), true));
    assert_true(pool_ready(pool));
    pool_close(pool);
}

// ---- setup ----

// Both programs belong to the same build as this test: build/MODE/tests/unit/saml/test_pool.
static int find_programs(void **state) {
    (void)state;
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return -1;
    }
    self[len] = '\0';
    char *folder = dirname(self);
    (void)snprintf(fake_program, sizeof fake_program, "%.4000s/fake_worker", folder);
    const char *build = getenv("GATEHOUSE_BUILD");
    if (build != NULL) {
        (void)snprintf(real_program, sizeof real_program, "%.4000s/gatehouse-worker", build);
    } else {
        (void)snprintf(real_program, sizeof real_program, "%.4000s/../../../gatehouse-worker",
                       folder);
    }
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_message_goes_through_a_real_worker),
        TEST(the_workers_refusals_come_back_as_such),
        TEST(a_message_as_large_as_allowed_comes_through),
        TEST(documents_are_read_by_fresh_workers),
        TEST(a_worker_whose_message_did_not_hold_is_replaced),
        TEST(a_worker_is_replaced_after_its_jobs),
        TEST(a_program_that_is_not_there_is_named),
        TEST(many_threads_share_two_workers),
        TEST(who_waits_too_long_for_a_worker_is_refused),
        TEST(each_of_a_batch_gets_its_own_answer),
        TEST(messages_of_every_size_go_in_one_batch),
        TEST(a_refused_one_leaves_its_neighbours_their_answers),
        TEST(a_worker_is_thrown_away_after_a_batch_in_which_one_did_not_hold),
        TEST(each_lie_fails_and_the_next_job_works),
        TEST(an_answer_that_ends_at_any_byte_fails),
        TEST(a_worker_that_speaks_unasked_is_not_asked_again),
        TEST(a_killer_fails_alone),
        TEST(killers_all_around_fail_and_the_one_between_does_not),
        TEST(answers_in_another_order_are_not_taken),
        TEST(workers_that_died_with_the_spawner_are_replaced_unseen),
    };
    return cmocka_run_group_tests(tests, find_programs, NULL);
}
