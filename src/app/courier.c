// SPDX-License-Identifier: GPL-3.0-or-later
// A few threads, each with a connection to the mail server that it keeps. One takes the most
// overdue letter that no other has, sends it, and writes down what became of it: first the server,
// then the store, so that a letter may be sent twice when the machine stops in between, and is
// never lost. When the server is down they all rest, longer each time, rather than try every letter
// in vain.
#include "app/courier.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/metric.h"

#define LOOK_EVERY_MS 250  // what a person waits for: a link to a new password
#define IDLE_MS 5000       // of those who are idle one looks, and wakes the others
#define REST_FIRST_MS 2000 // after the first failure that is the server's
#define REST_MOST_MS 60000
#define FIGURES_EVERY_MS 15000
#define MARK_AGAIN_MS 1000 // the letter went, and the store does not take it
#define SENDERS_MAX 64
#define FINISH_MS 5000 // at the end a letter that is under way may still arrive
#define FINISH_STEP_MS 20
#define ID_MAX 64

struct sender {
    struct courier *courier;
    pthread_t thread;
    struct post_line *line;
    char busy[ID_MAX + 1]; // id of the letter that it has; under the mutex
};
struct courier {
    struct gate *gate;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Atomic bool stop;        // no further letters
    _Atomic bool cut;         // nor those that are under way
    int64_t rest_until, rest; // by the steady clock; under the mutex
    bool watched;             // one who is idle looks for work; under the mutex
    int64_t figures_at;
    size_t count, started;
    struct sender senders[SENDERS_MAX];
};

// ---- picking ----

struct look {
    size_t most;
    struct rows due;
};
static reason look_for_due(struct op *op, struct txn *txn, void *arg) {
    struct look *look = arg;
    return outbox_due(op, txn, look->most, &look->due);
}

static bool is_taken(const struct courier *courier, struct slice id) {
    for (size_t i = 0; i < courier->count; i++) {
        if (slice_equal(slice_str(courier->senders[i].busy), id)) {
            return true;
        }
    }
    return false;
}

// The most overdue letter that nobody has; of as many as there are senders and one, one is free.
static bool pick(struct op *op, struct sender *sender, struct letter *ret_letter) {
    struct courier *courier = sender->courier;
    struct look look = {.most = courier->count + 1};
    bool found = false;
    (void)pthread_mutex_lock(&courier->mutex);
    if (clock_steady() >= courier->rest_until &&
        store_read(op, courier->gate->store, look_for_due, &look) == NULL) {
        const struct letter *letters = look.due.at;
        for (size_t i = 0; i < look.due.count && !found; i++) {
            if (letters[i].id.len <= ID_MAX && !is_taken(courier, letters[i].id)) {
                memcpy(sender->busy, letters[i].id.at, letters[i].id.len);
                sender->busy[letters[i].id.len] = '\0';
                *ret_letter = letters[i];
                found = true;
            }
        }
    }
    if (found) { // somebody else looks now, or has work as well
        (void)pthread_cond_broadcast(&courier->wake);
    }
    (void)pthread_mutex_unlock(&courier->mutex);
    return found;
}

static void put_down(struct sender *sender) {
    (void)pthread_mutex_lock(&sender->courier->mutex);
    sender->busy[0] = '\0';
    (void)pthread_mutex_unlock(&sender->courier->mutex);
}

// ---- resting ----

// Until `ms` have passed, somebody wakes us, or the end comes. With the mutex.
static void wait_locked(struct courier *courier, int64_t ms) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (!courier->stop) {
        (void)pthread_cond_timedwait(&courier->wake, &courier->mutex, &until);
    }
}

static void wait_for(struct courier *courier, int64_t ms) {
    (void)pthread_mutex_lock(&courier->mutex);
    wait_locked(courier, ms);
    (void)pthread_mutex_unlock(&courier->mutex);
}

static void wait_for_work(struct courier *courier) {
    (void)pthread_mutex_lock(&courier->mutex);
    bool watch = !courier->watched && post_is_set(courier->gate->post);
    courier->watched = courier->watched || watch;
    wait_locked(courier, watch ? LOOK_EVERY_MS : IDLE_MS);
    courier->watched = courier->watched && !watch;
    (void)pthread_mutex_unlock(&courier->mutex);
}

static void note_server(struct courier *courier, bool down) {
    (void)pthread_mutex_lock(&courier->mutex);
    int64_t now = clock_steady();
    if (!down) {
        courier->rest = 0;
        courier->rest_until = 0;
    } else if (now >= courier->rest_until) { // of several that fail together one counts
        courier->rest = courier->rest == 0 ? REST_FIRST_MS : 2 * courier->rest;
        courier->rest = courier->rest < REST_MOST_MS ? courier->rest : REST_MOST_MS;
        courier->rest_until = now + courier->rest;
    }
    (void)pthread_mutex_unlock(&courier->mutex);
}

// ---- one letter ----

struct writing {
    const struct compose *compose;
    const struct letter *letter;
    struct slice message;
    const char *why_not;
};
static reason write_letter(struct op *op, struct txn *txn, void *arg) {
    struct writing *writing = arg;
    return compose_letter(op, txn, writing->compose, writing->letter, &writing->message,
                          &writing->why_not);
}

static reason deliver(struct op *op, struct sender *sender, const struct letter *letter,
                      struct delivery *ret_delivery) {
    struct gate *gate = sender->courier->gate;
    const struct compose compose = gate_compose(gate);
    struct writing writing = {.compose = &compose, .letter = letter};
    reason why = store_read(op, gate->store, write_letter, &writing);
    if (why == REASON_OF(STORE_UNAVAILABLE)) {
        return why;
    }
    if (why != NULL) { // what cannot be written is nothing that time heals
        *ret_delivery = (struct delivery){
            why == REASON_OF(LIMIT_MEMORY) ? DELIVERY_LATER : DELIVERY_REFUSED, op->detail, false};
        return NULL;
    }
    if (writing.why_not != NULL) {
        *ret_delivery = (struct delivery){DELIVERY_DROPPED, slice_str(writing.why_not), false};
        return NULL;
    }
    post_send(op, gate->post, sender->line, letter->to, letter->id, writing.message,
              &sender->courier->cut, ret_delivery);
    return NULL;
}

struct mark {
    struct slice id;
    const struct delivery *delivery;
};
static reason mark_letter(struct op *op, struct txn *txn, void *arg) {
    const struct mark *mark = arg;
    return outbox_tried(op, txn, mark->id, mark->delivery);
}

// A letter that went must not go again because the disk is full: it is held until the store takes
// it.
static void write_down(struct op *op, struct sender *sender, const struct letter *letter,
                       const struct delivery *delivery) {
    struct courier *courier = sender->courier;
    struct mark mark = {letter->id, delivery};
    reason why = NULL;
    while ((why = store_write(op, courier->gate->store, mark_letter, &mark)) != NULL) {
        LOG(op, LOG_WARNING, "mail.unmarked", LOG_TEXT("letter", letter->id),
            LOG_TEXT("reason", slice_str(why->slug)), LOG_TEXT("detail", op->detail));
        if (courier->stop) {
            return;
        }
        wait_for(courier, MARK_AGAIN_MS);
    }
}

static void report(struct op *op, const struct letter *letter, const struct delivery *delivery) {
    static const enum metric counted[] = {METRIC_MAIL_SENT, METRIC_MAIL_FAILED, METRIC_MAIL_REFUSED,
                                          METRIC_MAIL_DROPPED};
    static const char *const events[] = {"mail.sent", "mail.failed", "mail.refused",
                                         "mail.dropped"};
    metric_add(counted[delivery->outcome], 1);
    // What a server says of a letter may name who gets it; what it says before that names nobody,
    // and if it does it has an @.
    bool names_nobody = (delivery->down || delivery->outcome == DELIVERY_DROPPED) &&
                        slice_find(delivery->error, S("@")) == SIZE_MAX;
    LOG(op, delivery->outcome == DELIVERY_SENT ? LOG_INFO : LOG_WARNING, events[delivery->outcome],
        LOG_TEXT("letter", letter->id),
        LOG_TEXT("kind", slice_str(letter_kind_names[letter->kind])),
        LOG_TEXT("tenant", letter->tenant.len > 0 ? letter->tenant : S("")),
        LOG_NUMBER("attempts", letter->attempts + 1),
        LOG_TEXT("detail", names_nobody ? delivery->error : S("")));
}

// False: there is nothing to do now.
static bool send_one(struct sender *sender) {
    struct courier *courier = sender->courier;
    struct letter letter;
    struct delivery delivery;
    struct op op;
    op_open(&op, 0);
    bool found = pick(&op, sender, &letter);
    if (found) {
        reason why = deliver(&op, sender, &letter, &delivery);
        if (why != NULL) {
            LOG(&op, LOG_WARNING, "mail.failed", LOG_TEXT("letter", letter.id),
                LOG_TEXT("reason", slice_str(why->slug)), LOG_TEXT("detail", op.detail));
            found = false; // the store is in trouble: wait
        } else if (courier->cut && delivery.outcome == DELIVERY_LATER) {
            found = false; // it was us who ended it: no attempt that counts
        } else {
            note_server(courier, delivery.down);
            report(&op, &letter, &delivery);
            write_down(&op, sender, &letter, &delivery);
        }
        put_down(sender);
    }
    op_close(&op);
    return found;
}

// ---- figures ----

struct figuring {
    struct outbox_figures figures;
};
static reason read_figures(struct op *op, struct txn *txn, void *arg) {
    return outbox_figures(op, txn, &((struct figuring *)arg)->figures);
}

static void count(struct courier *courier) {
    struct figuring figuring;
    int64_t now = clock_steady();
    if (now < courier->figures_at) {
        return;
    }
    courier->figures_at = now + FIGURES_EVERY_MS;
    struct op op;
    op_open(&op, 0);
    if (store_look(&op, courier->gate->store, read_figures, &figuring) == NULL) {
        const struct outbox_figures *figures = &figuring.figures;
        metric_set(METRIC_MAIL_QUEUED, (int64_t)figures->count[LETTER_QUEUED]);
        metric_set(METRIC_MAIL_DEAD, (int64_t)figures->count[LETTER_DEAD]);
        metric_set(METRIC_MAIL_OLDEST,
                   figures->oldest > 0 ? (op.now - figures->oldest) / SECOND_MS : 0);
    }
    op_close(&op);
}

// ---- life ----

static void *sender_main(void *arg) {
    struct sender *sender = arg;
    struct courier *courier = sender->courier;
    bool set = post_is_set(courier->gate->post);
    while (!courier->stop) {
        if (sender == &courier->senders[0]) {
            count(courier);
        }
        if (!set || !send_one(sender)) {
            wait_for_work(courier);
        }
    }
    return NULL;
}

reason courier_start(struct op *op, struct gate *gate, struct courier **ret_courier) {
    struct courier *courier = calloc(1, sizeof *courier);
    if (courier == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory to start");
    }
    pthread_condattr_t steady;
    courier->gate = gate;
    (void)pthread_mutex_init(&courier->mutex, NULL);
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&courier->wake, &steady);
    (void)pthread_condattr_destroy(&steady);
    // Without a mail server one of them still counts what waits.
    courier->count = post_is_set(gate->post) ? (size_t)gate->settings->smtp_connections : 1;
    courier->count = courier->count < SENDERS_MAX ? courier->count : SENDERS_MAX;
    for (; courier->started < courier->count; courier->started++) {
        struct sender *sender = &courier->senders[courier->started];
        sender->courier = courier;
        sender->line = post_line_open();
        if (sender->line == NULL ||
            pthread_create(&sender->thread, NULL, sender_main, sender) != 0) {
            post_line_close(sender->line);
            courier_stop(courier);
            REFUSE(op, LIMIT_MEMORY, "no thread can be started: %s", strerror(errno));
        }
    }
    *ret_courier = courier;
    return NULL;
}

// Whether all have put down what they had, within FINISH_MS.
static bool finish(struct courier *courier) {
    for (int64_t waited = 0; waited < FINISH_MS; waited += FINISH_STEP_MS) {
        bool busy = false;
        (void)pthread_mutex_lock(&courier->mutex);
        for (size_t i = 0; i < courier->started; i++) {
            busy = busy || courier->senders[i].busy[0] != '\0';
        }
        (void)pthread_mutex_unlock(&courier->mutex);
        if (!busy) {
            return true;
        }
        const struct timespec step = {.tv_nsec = FINISH_STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
    return false;
}

void courier_stop(struct courier *courier) {
    if (courier == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&courier->mutex);
    courier->stop = true;
    (void)pthread_cond_broadcast(&courier->wake);
    (void)pthread_mutex_unlock(&courier->mutex);
    courier->cut = !finish(courier);
    for (size_t i = 0; i < courier->started; i++) {
        (void)pthread_join(courier->senders[i].thread, NULL);
        post_line_close(courier->senders[i].line);
    }
    (void)pthread_cond_destroy(&courier->wake);
    (void)pthread_mutex_destroy(&courier->mutex);
    free(courier);
}
