// SPDX-License-Identifier: GPL-3.0-or-later
// Faults around letters: while one is queued with its link, written, put into a folder, marked. A
// letter is there whole or not at all, a message is never half a message, and a file never half a
// file.
#include "fault.h"

#include <lmdb.h>
#include <sys/stat.h>

#include "people.h"

#include "mail/compose.h"
#include "mail/post.h"

WRAP(FAULT_STORE, MDB_PANIC, int, mdb_txn_begin,
     (MDB_env * env, MDB_txn *parent, unsigned flags, MDB_txn **txn), (env, parent, flags, txn))
WRAP(FAULT_STORE, MDB_MAP_FULL, int, mdb_put,
     (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags),
     (txn, dbi, key, data, flags))
WRAP(FAULT_STORE, MDB_CORRUPTED, int, mdb_get,
     (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *data), (txn, dbi, key, data))
WRAP(FAULT_STORE, EIO, int, mdb_del, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *data),
     (txn, dbi, key, data))
WRAP(FAULT_STORE, MDB_CORRUPTED, int, mdb_cursor_get,
     (MDB_cursor * cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op), (cursor, key, data, op))
WRAP(FAULT_DISK, (errno = ENOSPC, -1), ssize_t, write, (int fd, const void *bytes, size_t len),
     (fd, bytes, len))
WRAP(FAULT_DISK, (errno = ENOSPC, -1), int, fsync, (int fd), (fd))
WRAP(FAULT_DISK, (errno = EIO, -1), int, rename, (const char *from, const char *to), (from, to))

#define AGAIN_MS 3000
static struct house *house;
static const struct ticket_key the_key = {.bytes = {7}};
static size_t letters_before;

struct work {
    struct letter letter;
    struct slice message;
    const char *why_not;
    struct delivery delivery;
    struct letter_filter filter;
    struct rows rows;
    struct slice next;
    size_t total;
};

// ---- queueing: a ticket and its letter, in one transaction ----

static reason queue_fn(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    struct ticket ticket = {.purpose = TICKET_RESET, .tenant = S("acme"), .user_id = S("usr_1")};
    w->letter =
        (struct letter){.kind = LETTER_RESET, .tenant = S("acme"), .to = S("jane@acme.example")};
    TRY(ticket_issue(op, txn, &ticket, HOUR_MS));
    w->letter.ticket_id = ticket.id;
    TRY(letter_time(op, &w->letter, "expires", ticket.expires_at));
    return outbox_add(op, txn, &w->letter);
}
static reason list_fn(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    w->filter = (struct letter_filter){LETTER_QUEUED, S("")};
    return outbox_list(op, txn, &w->filter, (struct page){1, S("")}, &w->rows, &w->next, &w->total);
}

static reason patiently(reason (*run)(struct op *, struct store *, store_fn, void *), store_fn fn,
                        struct op *op, void *arg) {
    reason why = NULL;
    for (int waited = 0; waited < AGAIN_MS; waited += 20) {
        why = run(op, house->fixture->store, fn, arg);
        if (why != REASON_OF(STORE_UNAVAILABLE)) {
            break;
        }
        (void)usleep(20000);
    }
    return why;
}

static bool letters(size_t *ret_count) {
    struct op op;
    struct work w = {.total = 0};
    op_open(&op, NOON);
    reason why = patiently(store_read, list_fn, &op, &w);
    op_close(&op);
    *ret_count = w.total;
    return why == NULL;
}

static size_t queued; // since the last look
static enum outcome queue(void) {
    struct op op;
    struct work w = {.total = 0};
    op_open(&op, NOON);
    reason why = store_write(&op, house->fixture->store, queue_fn, &w);
    op_close(&op);
    queued += why == NULL ? 1 : 0;
    return why == NULL ? OUTCOME_DONE : OUTCOME_REFUSED;
}
// As many letters as were said to be queued.
static bool the_count_is_right(void) {
    size_t now = 0;
    bool good = letters(&now) && now == letters_before + queued;
    if (!good) {
        printf("%zu letters before, %zu now, %zu were queued\n", letters_before, now, queued);
    }
    letters_before = now;
    queued = 0;
    return good;
}

static bool store_is_back(void) {
    size_t count = 0;
    return letters(&count);
}

// ---- writing ----

static struct letter the_letter;

static reason compose_fn(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    const struct compose compose = {.key = &the_key,
                                    .public_url = S("https://gate.example"),
                                    .product = S("Example CDP"),
                                    .from = S("no-reply@gate.example"),
                                    .support = S("help@gate.example")};
    return compose_letter(op, txn, &compose, &the_letter, &w->message, &w->why_not);
}

static bool is_whole(struct slice message) {
    static const char *const parts[] = {"Subject: Reset your Example CDP password\r\n",
                                        "Reply-To: <help@gate.example>\r\n",
                                        "https://gate.example/password/reset?t=3D",
                                        "Sent by Example CDP for Acme to jane@acme.example.",
                                        "Questions? help@gate.example",
                                        "</body></html>"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (slice_find(message, slice_str(parts[i])) == SIZE_MAX) {
            printf("\"%s\" is missing\n", parts[i]);
            return false;
        }
    }
    return slice_ends(message, S("--\r\n"));
}

static enum outcome compose(void) {
    struct op op;
    struct work w = {.total = 0};
    op_open(&op, NOON);
    reason why = store_read(&op, house->fixture->store, compose_fn, &w);
    enum outcome outcome = OUTCOME_REFUSED;
    if (why == NULL) {
        outcome = w.why_not == NULL && is_whole(w.message) ? OUTCOME_DONE : OUTCOME_WRONG;
    }
    op_close(&op);
    return outcome;
}

// ---- the folder ----

static struct post *post;
static char folder[64];
static char file[128];
static unsigned serial;

static bool file_is(const char *path, bool *ret_there) {
    struct stat about;
    *ret_there = stat(path, &about) == 0;
    return !*ret_there || about.st_size == 7;
}

static enum outcome put(void) {
    struct op op;
    struct delivery delivery;
    bool there = false;
    char id[32];
    (void)snprintf(id, sizeof id, "ltr_%u", serial++);
    (void)snprintf(file, sizeof file, "%s/%s.eml", folder, id);
    op_open(&op, NOON);
    post_send(&op, post, NULL, S("jane@acme.example"), slice_str(id), S("message"), NULL,
              &delivery);
    enum outcome outcome = delivery.outcome == DELIVERY_SENT ? OUTCOME_DONE : OUTCOME_REFUSED;
    if (!file_is(file, &there) || there != (outcome == OUTCOME_DONE)) {
        printf("%s: %s\n", file, there ? "is there" : "is not there");
        outcome = OUTCOME_WRONG;
    }
    op_close(&op);
    (void)unlink(file);
    return outcome;
}
static bool nothing_is_left(void) {
    DIR *dir = opendir(folder);
    size_t count = 0;
    for (struct dirent *entry = dir != NULL ? readdir(dir) : NULL; entry != NULL;
         entry = readdir(dir)) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 ? 1 : 0;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count == 0;
}

// ---- marking ----

static reason mark_fn(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    return outbox_tried(op, txn, w->letter.id, &w->delivery);
}
static reason find_fn(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    return outbox_find(op, txn, the_letter.id, &w->letter);
}
static int64_t marked;
static enum outcome mark(void) {
    struct op op;
    struct work w = {.letter = the_letter, .delivery = {DELIVERY_LATER, S("450 busy"), false}};
    op_open(&op, NOON);
    reason why = store_write(&op, house->fixture->store, mark_fn, &w);
    op_close(&op);
    marked += why == NULL ? 1 : 0;
    return why == NULL ? OUTCOME_DONE : OUTCOME_REFUSED;
}
static int64_t attempts;
static bool the_attempts_are_right(void) {
    struct op op;
    struct work w = {.total = 0};
    op_open(&op, NOON);
    reason why = patiently(store_read, find_fn, &op, &w);
    bool good = why == NULL && w.letter.attempts == attempts + marked;
    marked = 0;
    attempts = why == NULL ? w.letter.attempts : attempts;
    op_close(&op);
    return good;
}

int main(void) {
    void *state = NULL;
    (void)house_open(&state);
    house = state;
    (void)letters(&letters_before);
    fault_each("a letter with its link", FAULT_MEMORY, OUTCOME_DONE, queue, the_count_is_right);
    fault_each("a letter with its link", FAULT_STORE, OUTCOME_DONE, queue, the_count_is_right);

    struct work w = {.total = 0};
    struct op keep;
    op_open(&keep, NOON);
    assert_null(patiently(store_write, queue_fn, &keep, &w));
    the_letter = w.letter;
    fault_each("a message", FAULT_MEMORY, OUTCOME_DONE, compose, NULL);
    fault_each("a message", FAULT_STORE, OUTCOME_DONE, compose, store_is_back);
    fault_each("what became of it", FAULT_MEMORY, OUTCOME_DONE, mark, the_attempts_are_right);
    fault_each("what became of it", FAULT_STORE, OUTCOME_DONE, mark, the_attempts_are_right);

    const struct post_options options = {.url = S("file:mail"),
                                         .from = S("no-reply@gate.example"),
                                         .data_dir = slice_str(house->fixture->dir)};
    (void)snprintf(folder, sizeof folder, "%s/mail", house->fixture->dir);
    assert_null(post_open(&keep, &options, &post));
    fault_each("a file", FAULT_DISK, OUTCOME_DONE, put, nothing_is_left);
    fault_each("a file", FAULT_MEMORY, OUTCOME_DONE, put, nothing_is_left);
    post_close(post);
    (void)rmdir(folder);
    op_close(&keep);
    (void)house_close(&state);
    return fault_done();
}
