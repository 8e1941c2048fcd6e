// SPDX-License-Identifier: GPL-3.0-or-later
// The threads that hash, their queue, and libargon2 behind them. A job lies on the stack of who waits for it.
#include "base/argon.h"

#include <argon2.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/rand.h"

#define SALT_BYTES 16
#define HASH_BYTES 32
#define THREADS_MAX 16
#define LESS_URGENT 10 // nice: those who hash leave the processor to all others

enum job_state { JOB_WAITS, JOB_RUNS, JOB_DONE };
struct job {
    struct job *next;
    enum job_state state;
    bool verify;
    struct slice password;
    const char *text; // to verify
    char *made;       // ARGON_TEXT_MAX bytes
    int result;       // of libargon2
    pthread_cond_t done;
};
struct argon {
    struct argon_options options;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct job *first;
    size_t jobs; // that wait or run
    bool stop;
    size_t count;
    pthread_t threads[THREADS_MAX];
    char dummy[ARGON_TEXT_MAX]; // a hash of nobody's password, with the parameters of now
};

// ---- the work ----

static int compute(const struct argon *argon, struct job *job) {
    if (job->verify) {
        return argon2id_verify(job->text, job->password.at, job->password.len);
    }
    uint8_t salt[SALT_BYTES];
    rand_bytes(salt, sizeof salt);
    return argon2id_hash_encoded(argon->options.passes, argon->options.memory_kib,
                                 argon->options.lanes, job->password.at, job->password.len, salt,
                                 sizeof salt, HASH_BYTES, job->made, ARGON_TEXT_MAX);
}

static void *run(void *arg) {
    struct argon *argon = arg;
    (void)setpriority(PRIO_PROCESS, 0, LESS_URGENT); // on Linux: of this thread
    (void)pthread_mutex_lock(&argon->mutex);
    while (!argon->stop) {
        struct job *job = argon->first;
        if (job == NULL) {
            (void)pthread_cond_wait(&argon->work, &argon->mutex);
            continue;
        }
        argon->first = job->next;
        job->state = JOB_RUNS;
        (void)pthread_mutex_unlock(&argon->mutex);
        int result = compute(argon, job);
        (void)pthread_mutex_lock(&argon->mutex);
        job->result = result;
        job->state = JOB_DONE;
        argon->jobs--;
        (void)pthread_cond_signal(&job->done);
    }
    (void)pthread_mutex_unlock(&argon->mutex);
    return NULL;
}

// ---- the queue ----

static void take_back(struct argon *argon, struct job *job) {
    struct job **at = &argon->first;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    argon->jobs--;
}

static void wait_for(struct argon *argon, struct job *job) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ARGON_WAIT_MS / 1000;
    while (job->state != JOB_DONE) {
        int why = job->state == JOB_WAITS
                      ? pthread_cond_timedwait(&job->done, &argon->mutex, &until)
                      : pthread_cond_wait(&job->done, &argon->mutex);
        if (why == ETIMEDOUT && job->state == JOB_WAITS) {
            take_back(argon, job);
            return;
        }
    }
}

static reason submit(struct op *op, struct argon *argon, struct job *job) {
    pthread_condattr_t steady;
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&job->done, &steady);
    (void)pthread_condattr_destroy(&steady);
    (void)pthread_mutex_lock(&argon->mutex);
    bool fits = argon->jobs < argon->options.waiting + argon->options.threads && !argon->stop;
    if (fits) {
        struct job **at = &argon->first;
        while (*at != NULL) {
            at = &(*at)->next;
        }
        *at = job;
        argon->jobs++;
        (void)pthread_cond_signal(&argon->work);
        wait_for(argon, job);
    }
    (void)pthread_mutex_unlock(&argon->mutex);
    (void)pthread_cond_destroy(&job->done);
    if (job->state != JOB_DONE) {
        REFUSE(op, LIMIT_QUEUE, fits ? "the passwords before this one took too long"
                                     : "too many passwords are being checked already");
    }
    if (job->result == ARGON2_MEMORY_ALLOCATION_ERROR) {
        REFUSE(op, LIMIT_MEMORY, "no memory to check a password");
    }
    return NULL;
}

// ---- hash and verify ----

reason argon_hash(struct op *op, struct argon *argon, struct slice password,
                  struct slice *ret_text) {
    char *made = NULL;
    if (password.len == 0 || password.len > ARGON_PASSWORD_MAX) {
        REFUSE(op, INVALID_INPUT, "a password has at most %d bytes", ARGON_PASSWORD_MAX);
    }
    TRY(op_take(op, ARGON_TEXT_MAX, &made));
    struct job job = {.password = password, .made = made};
    TRY(submit(op, argon, &job));
    if (job.result != ARGON2_OK) {
        REFUSE(op, INTERNAL, "argon2: %s", argon2_error_message(job.result));
    }
    *ret_text = slice_str(made);
    return NULL;
}

static void parameters(const struct argon_options *options, char text[64]) {
    (void)snprintf(text, 64, "$argon2id$v=%d$m=%u,t=%u,p=%u$", ARGON2_VERSION_13,
                   options->memory_kib, options->passes, options->lanes);
}

reason argon_verify(struct op *op, struct argon *argon, struct slice text, struct slice password,
                    bool *ret_same, bool *ret_old) {
    char now[64];
    const char *stored = argon->dummy;
    parameters(&argon->options, now);
    if (text.len > 0) {
        TRY(op_cstr(op, text, &stored));
    }
    // What is too long to be anybody's costs no more time than what is not.
    bool fits = password.len > 0 && password.len <= ARGON_PASSWORD_MAX;
    struct job job = {.verify = true, .password = fits ? password : S("-"), .text = stored};
    TRY(submit(op, argon, &job));
    *ret_same = fits && text.len > 0 && job.result == ARGON2_OK;
    if (ret_old != NULL) {
        *ret_old = !slice_starts(text, slice_str(now));
    }
    return NULL;
}

// ---- open and close ----

static bool start_threads(struct argon *argon) {
    size_t most = argon->options.threads < THREADS_MAX ? argon->options.threads : THREADS_MAX;
    while (argon->count < most &&
           pthread_create(&argon->threads[argon->count], NULL, run, argon) == 0) {
        argon->count++;
    }
    return argon->count > 0;
}

struct argon *argon_open(const struct argon_options *options) {
    struct argon *argon = calloc(1, sizeof *argon);
    if (argon == NULL) {
        return NULL;
    }
    argon->options = *options;
    (void)pthread_mutex_init(&argon->mutex, NULL);
    (void)pthread_cond_init(&argon->work, NULL);
    // Of random bytes: no password is this one's. A verification of it takes as long as any.
    uint8_t nobody[HASH_BYTES];
    rand_bytes(nobody, sizeof nobody);
    struct job job = {.password = slice_of(nobody, sizeof nobody), .made = argon->dummy};
    if (compute(argon, &job) != ARGON2_OK || !start_threads(argon)) {
        argon_close(argon);
        return NULL;
    }
    return argon;
}

void argon_close(struct argon *argon) {
    if (argon == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&argon->mutex);
    argon->stop = true;
    (void)pthread_cond_broadcast(&argon->work);
    (void)pthread_mutex_unlock(&argon->mutex);
    for (size_t i = 0; i < argon->count; i++) {
        (void)pthread_join(argon->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&argon->work);
    (void)pthread_mutex_destroy(&argon->mutex);
    free(argon);
}
