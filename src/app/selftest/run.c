// SPDX-License-Identifier: GPL-3.0-or-later
// Judges each row three times over: the untouched message must be accepted with the right person, the same message
// with one signed byte changed must be refused, and the attack must meet its reason and nobody's identity but the
// honest one may come out of it. A row whose control fails proves nothing, so it has failed.
#include <pthread.h>

#include "app/selftest/selftest.h"
#include "base/clock.h"
#include "base/json.h"

#define MAKER_CEILING (256U << 20)   // a bomb is made before it is refused
#define NEXT_LOGIN_MAX SECOND_MS      // for the first good login after a hostile message, with a worker that is new

struct trial {
    struct op *op; // of the report
    struct bench *bench;
    const struct attack *row;
    struct verdict_row *verdict;
};

static struct slice problem(struct op *op, const char *what, struct slice got,
                            struct slice detail) {
    return op_text(op, "%s: %.*s%s%.*s", what, SLICE(got), detail.len > 0 ? ": " : "",
                   SLICE(slice_sub(detail, 0, 300)));
}

// "accepted", or the slug.
static struct slice word_of(const struct outcome *outcome) {
    return outcome->why == NULL ? S("accepted") : slice_str(outcome->why->slug);
}

static bool is_metadata(const struct attack *row) {
    return row->door == DOOR_METADATA || row->door == DOOR_METADATA_SIGNED;
}

static struct slice honest_of(const struct maker *maker) {
    return is_metadata(maker->row)
               ? slice_str(maker->bench->places[maker->place].entity)
               : make_who(maker);
}

static struct slice tenant_of(const struct maker *maker) {
    return slice_str(maker->bench->places[maker->place].tenant);
}

// ---- one version -----------------------------------------------------------------------------------------

// A sign-out needs somebody who is signed in.
static reason sign_in(struct op *op, struct bench *bench, enum place place) {
    static const struct attack honest = {.name = "a sign-in", .group = "", .door = DOOR_ACS};
    struct attack row = honest;
    struct maker maker;
    struct outcome outcome;
    row.place = place;
    row.unsolicited = place == ACME_OPEN;
    TRY(deliver_prepare(op, bench, &row, VERSION_CONTROL, &maker));
    TRY(make_message(&maker));
    deliver(op, bench, &maker, &outcome);
    return outcome.why;
}

static reason prepare(struct op *op, struct trial *trial, enum version version,
                      struct maker *ret_maker) {
    enum door door = trial->row->door;
    op_open(op, trial->bench->op.now);
    op->arena.ceiling = MAKER_CEILING;
    op->id = S("selftest");
    if (door == DOOR_LOGOUT_QUERY || door == DOOR_LOGOUT_POST) {
        TRY(sign_in(op, trial->bench, trial->row->place));
    }
    TRY(deliver_prepare(op, trial->bench, trial->row, version, ret_maker));
    return make_message(ret_maker);
}

static void deliver_once(const struct maker *maker, struct op *op, struct outcome *outcome) {
    op_open(op, maker->bench->op.now);
    op->id = S("selftest");
    deliver(op, maker->bench, maker, outcome);
}

// ---- the controls ----------------------------------------------------------------------------------------

static void judge_control(struct trial *trial, enum version version) {
    struct op making, op;
    struct maker maker;
    struct outcome outcome;
    reason why = prepare(&making, trial, version, &maker);
    if (why != NULL) {
        trial->verdict->problem = problem(trial->op, "the control cannot be made", slice_str(why->slug),
                                          making.detail);
        op_close(&making);
        return;
    }
    deliver_once(&maker, &op, &outcome);
    bool right = outcome.why == NULL && slice_equal(outcome.who, honest_of(&maker)) &&
                 slice_equal(outcome.tenant, tenant_of(&maker));
    if (version == VERSION_CONTROL && !right) {
        trial->verdict->problem = problem(trial->op, "the untouched message is not accepted as it should be",
                                          word_of(&outcome), outcome.detail);
    }
    if (version == VERSION_TAMPERED && (outcome.why == NULL || outcome.who.at != NULL)) {
        trial->verdict->problem = problem(trial->op, "one signed byte was changed, and it is not refused",
                                          word_of(&outcome), outcome.who);
    }
    op_close(&op);
    op_close(&making);
}

// ---- the attack ------------------------------------------------------------------------------------------

struct twin {
    const struct maker *maker;
    struct op op;
    struct outcome outcome;
};

static void *run_twin(void *arg) {
    struct twin *twin = arg;
    deliver_once(twin->maker, &twin->op, &twin->outcome);
    return NULL;
}

// Both at once: exactly one may be accepted; the other's outcome is the row's.
static void deliver_parallel(struct trial *trial, const struct maker *maker, struct op *op,
                             struct outcome *ret_outcome) {
    struct twin twins[2] = {{.maker = maker}, {.maker = maker}};
    pthread_t thread;
    bool started = pthread_create(&thread, NULL, run_twin, &twins[1]) == 0;
    (void)run_twin(&twins[0]);
    if (started) {
        (void)pthread_join(thread, NULL);
    } else {
        (void)run_twin(&twins[1]);
    }
    size_t refused = twins[0].outcome.why != NULL ? 0 : 1;
    size_t accepted = (twins[0].outcome.why == NULL ? 1U : 0U) + (twins[1].outcome.why == NULL ? 1U : 0U);
    if (accepted != 1) {
        trial->verdict->problem = op_text(trial->op, "%zu of two at once were accepted", accepted);
    }
    *ret_outcome = twins[refused].outcome;
    op_close(&twins[1 - refused].op);
    *op = twins[refused].op;
}

static reason deliver_again(struct trial *trial, struct maker *maker, struct op *op,
                            struct outcome *outcome) {
    if (trial->row->again == AGAIN_PARALLEL) {
        deliver_parallel(trial, maker, op, outcome);
        return NULL;
    }
    deliver_once(maker, op, outcome);
    if (trial->row->again == AGAIN_NOT) {
        return NULL;
    }
    if (outcome->why != NULL) {
        trial->verdict->problem = problem(trial->op, "the first of the two is not accepted", word_of(outcome),
                                          outcome->detail);
    }
    if (trial->row->again == AGAIN_REWRAPPED) {
        TRY(make_rewrapped(maker));
    }
    if (trial->row->again == AGAIN_REOPENED) {
        TRY(bench_reopen(maker->op, trial->bench));
    }
    op_close(op);
    deliver_once(maker, op, outcome);
    return NULL;
}

void verdict_compare(struct op *op, struct slice honest, struct slice tenant,
                     const struct outcome *outcome, struct verdict_row *verdict) {
    const struct attack *row = verdict->row;
    struct slice got = word_of(outcome);
    struct slice who = row->names != NULL ? slice_str(row->names) : honest;
    verdict->got = got;
    if (slice_find(outcome->who, S("mallory")) != SIZE_MAX) {
        verdict->problem = problem(op, "THE ATTACKER'S IDENTITY CAME OUT", got, outcome->who);
    } else if (!slice_equal(got, slice_str(row->expect))) {
        struct slice words = op_text(op, "expected %s, got %.*s", row->expect, SLICE(got));
        verdict->problem = problem(op, "another verdict", words, outcome->detail);
    } else if (outcome->why != NULL) {
        verdict->problem = outcome->who.len == 0
                               ? S("")
                               : problem(op, "refused, and somebody came out all the same", outcome->who,
                                         SLICE_NONE);
    } else if (!slice_equal(outcome->who, who) || !slice_equal(outcome->tenant, tenant)) {
        verdict->problem = problem(op, "accepted, but as somebody else", outcome->who, outcome->tenant);
    } else if (row->lands != NULL && !slice_equal(outcome->lands, slice_str(row->lands))) {
        verdict->problem = problem(op, "the browser is sent to another place", outcome->lands, SLICE_NONE);
    }
}

static reason judge_attack(struct trial *trial, const struct selftest_options *options,
                           struct json *list) {
    struct op making, op;
    struct maker maker;
    struct outcome outcome;
    reason why = prepare(&making, trial, VERSION_ATTACK, &maker);
    bool made = why == NULL;
    why = made ? deliver_again(trial, &maker, &op, &outcome) : why;
    if (why != NULL) {
        trial->verdict->got = slice_str(why->slug);
        trial->verdict->problem = problem(trial->op, "the attack cannot be made", slice_str(why->slug),
                                          making.detail);
    } else if (trial->verdict->problem.len == 0) {
        verdict_compare(trial->op, honest_of(&maker), tenant_of(&maker), &outcome, trial->verdict);
    } else {
        trial->verdict->got = word_of(&outcome);
    }
    reason dumped = NULL;
    if (why == NULL && options->dump.len > 0) {
        dumped = dump_row(trial->op, options->dump, &maker, trial->verdict, list);
    }
    if (made) {
        op_close(&op);
    }
    op_close(&making);
    return dumped;
}

// ---- after the attack ------------------------------------------------------------------------------------

struct slice verdict_next(struct op *op, reason why, struct slice detail, int64_t took) {
    if (why != NULL) {
        return problem(op, "the next good login is refused", slice_str(why->slug), detail);
    }
    return took > NEXT_LOGIN_MAX ? op_text(op, "the next good login took %lld ms", (long long)took) : S("");
}

// Whatever came, the next honest person is in within a second.
static void judge_next(struct trial *trial) {
    struct op op;
    op_open(&op, trial->bench->op.now);
    op.arena.ceiling = MAKER_CEILING;
    op.id = S("selftest");
    int64_t start = clock_steady();
    reason why = sign_in(&op, trial->bench, ACME);
    int64_t took = clock_steady() - start;
    trial->verdict->problem = verdict_next(trial->op, why, op.detail, took);
    op_close(&op);
}

// ---- all of them -----------------------------------------------------------------------------------------

static bool is_asked_for(const struct attack *row, struct slice only) {
    return only.len == 0 || slice_find(slice_str(row->name), only) != SIZE_MAX ||
           slice_equal(slice_str(row->group), only);
}

static size_t count_rows(struct slice only) {
    size_t count = 0;
    for (const struct attacks *table = attack_tables; table->at != NULL; table++) {
        for (const struct attack *row = table->at; row->name != NULL; row++) {
            count += is_asked_for(row, only) ? 1 : 0;
        }
    }
    return count;
}

static reason judge_row(struct op *op, struct bench *bench, const struct attack *row,
                        const struct selftest_options *options, struct json *list,
                        struct report *report) {
    struct verdict_row *verdict = &report->rows[report->count++];
    struct trial trial = {op, bench, row, verdict};
    *verdict = (struct verdict_row){.row = row, .got = S("")};
    judge_control(&trial, VERSION_CONTROL);
    if (verdict->problem.len == 0 && row->door != DOOR_METADATA) { // nothing is signed there
        judge_control(&trial, VERSION_TAMPERED);
    }
    if (verdict->problem.len == 0) {
        TRY(judge_attack(&trial, options, list));
    }
    if (verdict->problem.len == 0) {
        judge_next(&trial);
    }
    report->passed += verdict->problem.len == 0 ? 1 : 0;
    report->failed += verdict->problem.len == 0 ? 0 : 1;
    return NULL;
}

static reason judge_all(struct op *op, struct bench *bench, const struct selftest_options *options,
                        struct report *report) {
    struct json *list = json_array(op);
    if (options->dump.len > 0) {
        TRY(dump_open(op, options->dump, bench));
    }
    for (const struct attacks *table = attack_tables; table->at != NULL; table++) {
        for (const struct attack *row = table->at; row->name != NULL; row++) {
            if (is_asked_for(row, options->only)) {
                TRY(judge_row(op, bench, row, options, list, report));
            }
        }
    }
    return options->dump.len > 0 ? dump_close(op, options->dump, list) : NULL;
}

reason selftest_run(struct op *op, const struct selftest_options *options,
                    struct report *ret_report) {
    struct bench bench;
    struct report report = {.count = 0};
    size_t count = count_rows(options->only);
    if (count == 0) {
        REFUSE(op, INVALID_INPUT, "no case is called %.*s: selftest --list shows them",
               SLICE(options->only));
    }
    TRY(op_take(op, count * sizeof *report.rows, &report.rows));
    TRY(bench_open(op, options->sp_key, &bench));
    reason why = judge_all(op, &bench, options, &report);
    bench_close(&bench);
    TRY(why);
    *ret_report = report;
    return NULL;
}
