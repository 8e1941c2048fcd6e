// SPDX-License-Identifier: GPL-3.0-or-later
// Files of people: taken in, looked at once, stored, and left to the thread that runs jobs; and how far a job is.
#include "base/text.h"
#include "domain/job.h"
#include "http/api/api.h"

#define ERRORS_PAGE 500         // rows of errors.csv that are read at once
#define ERRORS_CSV_MAX (6U << 20) // of one answer; JOB_ERRORS_MAX of usual ones fit

// ---- showing ------------------------------------------------------------------------------------------

static struct json *job_json(struct op *op, const struct job *job) {
    struct json *body = json_from_fields(op, &job_fields, job);
    json_set_bool(op, body, "cancelling", job->cancel && job->state == JOB_RUNNING);
    json_set_text_or_null(op, body, "errors_url",
                          job->errors > 0
                              ? op_text(op, "/api/v1/jobs/%.*s/errors.csv", SLICE(job->id))
                              : S(""));
    return body;
}

// ---- taking in ----------------------------------------------------------------------------------------

struct upload {
    const struct request *request;
    struct slice csv, id;
    struct job job;
    uint32_t number;
};

static reason read_flag(struct op *op, const struct request *request, const char *name, bool absent,
                        bool *ret_on) {
    struct slice text;
    TRY(request_query(op, request, name, &text));
    *ret_on = text.at == NULL ? absent : slice_equal(text, S("true"));
    if (text.at != NULL && !*ret_on && !slice_equal(text, S("false"))) {
        REFUSE(op, INVALID_INPUT, "%s is true or false; got \"%.*s\"", name,
               SLICE(slice_sub(text, 0, 40)));
    }
    return NULL;
}

static reason read_mode(struct op *op, const struct request *request, int *ret_mode) {
    struct slice text;
    TRY(request_query(op, request, "mode", &text));
    *ret_mode = JOB_ALL_OR_NOTHING;
    if (text.at == NULL || slice_equal(text, slice_str(job_mode_names[JOB_ALL_OR_NOTHING]))) {
        return NULL;
    }
    *ret_mode = JOB_BEST_EFFORT;
    if (!slice_equal(text, slice_str(job_mode_names[JOB_BEST_EFFORT]))) {
        REFUSE(op, INVALID_INPUT, "mode is all_or_nothing or best_effort; got \"%.*s\"",
               SLICE(slice_sub(text, 0, 40)));
    }
    return NULL;
}

static reason read_body(struct op *op, const struct request *request, struct upload *upload) {
    struct slice said = request_header(request, "Content-Type");
    struct slice type = said;
    (void)slice_cut(&said, ';', &type);
    if (slice_equal_nocase(slice_trim(type), S("text/csv"))) {
        upload->csv = request->body;
        upload->job.format = JOB_CSV;
        return NULL;
    }
    const struct json *object = NULL;
    upload->job.format = JOB_JSON;
    TRY(request_json(op, request, &object));
    return bulk_from_json(op, object, &upload->csv);
}

static reason check_job(struct op *op, struct txn *txn, void *arg) {
    return job_check(op, txn, &((const struct upload *)arg)->job);
}

static reason put_piece(struct op *op, struct txn *txn, void *arg) {
    struct upload *upload = arg;
    size_t from = (size_t)upload->number * JOB_PIECE;
    return job_put_piece(op, txn, upload->id, upload->number,
                         slice_sub(upload->csv, from, from + JOB_PIECE));
}

static reason store_job(struct op *op, struct txn *txn, void *arg) {
    struct upload *upload = arg;
    struct job job = upload->job;
    job.id = upload->id;
    TRY(job_create(op, txn, &upload->request->actor, &job));
    upload->job = job;
    return NULL;
}

static reason say_job(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct upload *upload = arg;
    (void)gate;
    TRY(reply_json(op, reply, 202, job_json(op, &upload->job)));
    reply_header(reply, "Location", op_text(op, "/api/v1/jobs/%.*s", SLICE(upload->job.id)));
    return NULL;
}

reason api_users_bulk(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct upload upload = {.request = request, .job = {.tenant = request->args[0]}};
    size_t lines = 0;
    bool invite = true;
    bool answered = false;
    TRY(read_flag(op, request, "dry_run", false, &upload.job.dry_run));
    TRY(read_flag(op, request, "send_invite", true, &invite));
    TRY(read_mode(op, request, &upload.job.mode));
    TRY(read_body(op, request, &upload));
    TRY(bulk_look(op, upload.csv, &lines));
    upload.job.silent = !invite;
    upload.job.bytes = (int64_t)upload.csv.len;
    upload.job.total = (int64_t)lines;
    TRY(api_answered(op, gate, request, reply, &answered));
    if (answered) {
        return NULL;
    }
    TRY(store_read(op, gate->store, check_job, &upload));
    TRY(job_new_id(op, &upload.id));
    // One small write after the other: logins wait for none of them for long. Without the job nobody looks at them.
    for (size_t at = 0; at < upload.csv.len; at += JOB_PIECE) {
        TRY(api_write(op, gate, put_piece, &upload));
        upload.number++;
    }
    const struct api_creation made = {.store = store_job, .say = say_job, .arg = &upload};
    TRY(api_create(op, gate, request, reply, &made));
    gate->jobs_waiting = true;
    return NULL;
}

// ---- one ----------------------------------------------------------------------------------------------

struct one {
    const struct request *request;
    struct job job;
    struct slice after;
    struct rows errors;
};

// Another tenant's answers 404, as if there were none.
static reason read_job(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    TRY(job_find_in(op, txn, one->request->args[0], &one->job));
    return guard_tenant(op, one->request, one->job.tenant, "users:manage");
}

// Who may manage nobody anywhere learns of no job, be there one or not.
static reason may_ask(struct op *op, const struct request *request) {
    return guard_tenant(op, request, request->actor.tenant, "users:manage");
}

reason api_job_get(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct one one = {.request = request};
    TRY(may_ask(op, request));
    TRY(store_read(op, gate->store, read_job, &one));
    return reply_json(op, reply, 200, job_json(op, &one.job));
}

static reason cancel_job(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    TRY(read_job(op, txn, arg));
    return job_cancel(op, txn, &one->request->actor, one->job.id, &one->job);
}

reason api_job_cancel(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct one one = {.request = request};
    TRY(may_ask(op, request));
    TRY(api_write(op, gate, cancel_job, &one));
    return reply_json(op, reply, 200, job_json(op, &one.job));
}

static reason read_errors(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    return job_errors(op, txn, one->job.id, one->after, ERRORS_PAGE, &one->errors, &one->after);
}

static void put_error(struct op *op, struct buf *out, const struct job_error *error) {
    csv_put(out, op_text(op, "%lld", (long long)error->line), true);
    csv_put(out, error->column, false);
    csv_put(out, error->reason, false);
    csv_put(out, error->detail, false);
    csv_row_end(out);
}

reason api_job_errors(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct one one = {.request = request, .after = SLICE_NONE};
    struct slice text;
    struct buf out;
    TRY(may_ask(op, request));
    TRY(store_read(op, gate->store, read_job, &one));
    op->arena.ceiling += 4 * (size_t)ERRORS_CSV_MAX;
    buf_open(&out, op, ERRORS_CSV_MAX);
    buf_str(&out, "line,column,reason,detail\r\n");
    do {
        struct op page;
        op_open(&page, op->now);
        reason why = store_read(&page, gate->store, read_errors, &one);
        const struct job_error *errors = one.errors.at;
        for (size_t i = 0; why == NULL && i < one.errors.count; i++) {
            put_error(&page, &out, &errors[i]);
        }
        why = why != NULL ? why : op_copy(op, one.after, &one.after);
        op_close(&page);
        TRY(why);
    } while (one.after.len > 0);
    TRY(buf_done(&out, &text));
    reply_text(reply, 200, "text/csv; charset=utf-8", text);
    reply_header(reply, "Cache-Control", S("no-store"));
    return NULL;
}

// ---- a tenant's ---------------------------------------------------------------------------------------

struct list {
    struct slice tenant;
    struct page page;
    struct rows jobs;
    struct slice next;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    return job_list(op, txn, list->tenant, list->page, &list->jobs, &list->next);
}

reason api_jobs_list(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct list list = {.tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct job *jobs = list.jobs.at;
    for (size_t i = 0; i < list.jobs.count; i++) {
        json_add(op, items, job_json(op, &jobs[i]));
    }
    return api_reply_list(op, reply, items, list.next, API_NO_TOTAL);
}
