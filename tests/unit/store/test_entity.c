// SPDX-License-Identifier: GPL-3.0-or-later
// Entities: rows and their index rows go together, and a unique index refuses a second row.
#include "scratch.h"

struct person {
    struct slice id, email, team; // email and team may be empty: then not in the index
};
static const struct field person_rows[] = {
    F_TEXT(struct person, id, 1, FIELD_PLAIN, 600),
    F_TEXT(struct person, email, 2, FIELD_PLAIN, 600),
    F_TEXT(struct person, team, 3, FIELD_PLAIN, 600),
};
static FIELD_TABLE(person_fields, "person", 1, struct person, person_rows);

enum { SPACE_PERSON = 0x20, SPACE_EMAIL = 0x21, SPACE_TEAM = 0x22 };

static void person_key(const void *row, struct key *ret_key) {
    const struct person *person = row;
    key_text(ret_key, person->id);
}

static bool email_key(const void *row, struct key *ret_key) {
    const struct person *person = row;
    *ret_key = key_in(SPACE_EMAIL); // set whole; team_key adds to what it is given
    key_text(ret_key, person->email);
    return person->email.len > 0;
}

static bool team_key(const void *row, struct key *ret_key) {
    const struct person *person = row;
    key_text(ret_key, person->team);
    return person->team.len > 0;
}

static struct entity_index person_indexes[2];
static struct entity persons;

// What is kept of several rows together: a counter of a team named "counted".
static unsigned changes; // that the hook was told of
static reason count_team(struct op *op, struct txn *txn, const void *before, const void *after) {
    changes++;
    const struct person *old = before;
    const struct person *new = after;
    int by = (new != NULL && slice_equal(new->team, S("counted")) ? 1 : 0) -
             (old != NULL && slice_equal(old->team, S("counted")) ? 1 : 0);
    struct slice value;
    TRY(txn_get(op, txn, S("k:count"), &value));
    int64_t count = value.at != NULL ? value.at[0] : 0;
    if (new != NULL && slice_equal(new->team, S("refused"))) {
        REFUSE(op, INTERNAL, "this team is full");
    }
    char byte = (char)(count + by);
    return by == 0 ? NULL : txn_put(op, txn, S("k:count"), slice_of(&byte, 1));
}

static int describe(void **state) {
    (void)state;
    person_indexes[0] =
        (struct entity_index){SPACE_EMAIL, true, REASON_OF(DUPLICATE_NAME), email_key};
    person_indexes[1] = (struct entity_index){SPACE_TEAM, false, NULL, team_key};
    persons = (struct entity){.space = SPACE_PERSON,
                              .fields = &person_fields,
                              .key = person_key,
                              .indexes = person_indexes,
                              .index_count = 2,
                              .changed = count_team};
    return 0;
}

struct call {
    struct person person;
    bool flag;
};

static reason put(struct op *op, struct txn *txn, void *arg) {
    struct call *call = arg;
    return entity_put(op, txn, &persons, &call->person);
}

static reason add(struct op *op, struct txn *txn, void *arg) {
    struct call *call = arg;
    return entity_add(op, txn, &persons, &call->person, &call->flag);
}

static reason make(struct op *op, struct txn *txn, void *arg) {
    struct call *call = arg;
    return entity_new(op, txn, &persons, &call->person);
}

static struct key key_of(struct slice id) {
    struct key key = key_in(SPACE_PERSON);
    key_text(&key, id);
    return key;
}

static reason find(struct op *op, struct txn *txn, void *arg) {
    struct call *call = arg;
    struct key key = key_of(call->person.id);
    return entity_find(op, txn, &persons, &key, &call->person, &call->flag);
}

static reason find_by_email(struct op *op, struct txn *txn, void *arg) {
    struct call *call = arg;
    struct key key = key_in(SPACE_EMAIL);
    key_text(&key, call->person.email);
    return entity_find_by(op, txn, &persons, 0, &key, &call->person, &call->flag);
}

static reason drop(struct op *op, struct txn *txn, void *arg) {
    struct call *call = arg;
    struct key key = key_of(call->person.id);
    return entity_remove(op, txn, &persons, &key, &call->flag);
}

static reason do_write(struct scratch *at, store_fn fn, const char *id, const char *email,
                       const char *team, bool *ret_flag) {
    struct call call = {{slice_str(id), slice_str(email), slice_str(team)}, false};
    reason why = store_write(&at->op, at->store, fn, &call);
    if (ret_flag != NULL) {
        *ret_flag = call.flag;
    }
    return why;
}

static bool do_find(struct scratch *at, store_fn fn, const char *id, const char *email,
                    struct person *ret_person) {
    struct call call = {{slice_str(id), slice_str(email), S("untouched")}, false};
    assert_done(store_read(&at->op, at->store, fn, &call));
    *ret_person = call.person;
    return call.flag;
}

// The ids that the team's index rows point to, with a space after each.
struct team {
    struct slice name;
    char ids[100];
};

static reason read_team(struct op *op, struct txn *txn, void *arg) {
    struct team *team = arg;
    struct key prefix = key_in(SPACE_TEAM);
    struct scan scan;
    key_text(&prefix, team->name);
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    team->ids[0] = '\0';
    for (size_t len = 0;;) {
        struct slice key;
        struct slice primary;
        struct slice id;
        TRY(scan_next(op, &scan, &key, &primary));
        if (key.at == NULL) {
            break;
        }
        assert_true(slice_ends(key, primary));
        primary = slice_sub(primary, 1, primary.len);
        assert_true(key_read_text(&primary, &id));
        len += (size_t)snprintf(team->ids + len, sizeof team->ids - len, "%.*s ", SLICE(id));
    }
    scan_close(&scan);
    return NULL;
}

static void team_is(struct scratch *at, const char *name, const char *ids) {
    struct team team = {.name = slice_str(name)};
    assert_done(store_read(&at->op, at->store, read_team, &team));
    assert_string_equal(team.ids, ids);
}

static uint64_t rows(struct scratch *at) {
    struct store_stat stat;
    assert_done(store_stat(&at->op, at->store, &stat));
    return stat.rows;
}

static void a_row_is_found_by_its_key_and_its_indexes(void **state) {
    struct scratch *at = *state;
    struct person person;
    assert_done(do_write(at, put, "1", "ada@acme.example", "red", NULL));
    assert_done(do_write(at, put, "2", "bob@acme.example", "red", NULL));
    assert_true(do_find(at, find, "1", "", &person));
    assert_slice(person.email, S("ada@acme.example"));
    assert_true(do_find(at, find_by_email, "", "bob@acme.example", &person));
    assert_slice(person.id, S("2"));
    team_is(at, "red", "1 2 ");
    assert_int_equal(rows(at), 6);
}

static void a_row_that_is_not_there_leaves_the_answer_untouched(void **state) {
    struct scratch *at = *state;
    struct person person;
    assert_false(do_find(at, find, "1", "", &person));
    assert_slice(person.team, S("untouched"));
    assert_false(do_find(at, find_by_email, "", "ada@acme.example", &person));
    assert_slice(person.team, S("untouched"));
}

static void a_change_moves_the_index_rows(void **state) {
    struct scratch *at = *state;
    struct person person;
    assert_done(do_write(at, put, "1", "ada@acme.example", "red", NULL));
    assert_done(do_write(at, put, "1", "ada@new.example", "blue", NULL));
    assert_false(do_find(at, find_by_email, "", "ada@acme.example", &person));
    assert_true(do_find(at, find_by_email, "", "ada@new.example", &person));
    team_is(at, "red", "");
    team_is(at, "blue", "1 ");
    assert_int_equal(rows(at), 3);
    assert_done(do_write(at, put, "1", "ada@new.example", "", NULL));
    team_is(at, "blue", "");
    assert_int_equal(rows(at), 2);
    assert_done(do_write(at, put, "1", "ada@new.example", "", NULL));
    assert_int_equal(rows(at), 2);
}

static void a_unique_key_that_is_taken_is_refused(void **state) {
    struct scratch *at = *state;
    struct person person;
    bool added = false;
    assert_done(do_write(at, put, "1", "ada@acme.example", "red", NULL));
    assert_done(do_write(at, put, "2", "bob@acme.example", "red", NULL));
    assert_refused(do_write(at, put, "2", "ada@acme.example", "blue", NULL), DUPLICATE_NAME);
    assert_refused(do_write(at, add, "3", "ada@acme.example", "red", &added), DUPLICATE_NAME);
    assert_true(do_find(at, find_by_email, "", "ada@acme.example", &person));
    assert_slice(person.id, S("1"));
    assert_true(do_find(at, find, "2", "", &person));
    assert_slice(person.email, S("bob@acme.example"));
    team_is(at, "red", "1 2 ");
    team_is(at, "blue", "");
}

static void a_unique_key_is_free_again_after_its_row_went(void **state) {
    struct scratch *at = *state;
    bool flag = false;
    assert_done(do_write(at, put, "1", "ada@acme.example", "red", NULL));
    assert_done(do_write(at, drop, "1", "", "", &flag));
    assert_true(flag);
    assert_int_equal(rows(at), 0);
    assert_done(do_write(at, drop, "1", "", "", &flag));
    assert_false(flag);
    assert_done(do_write(at, add, "2", "ada@acme.example", "red", &flag));
    assert_true(flag);
}

static void adding_leaves_a_row_that_is_there(void **state) {
    struct scratch *at = *state;
    struct person person;
    bool added = false;
    assert_done(do_write(at, add, "1", "ada@acme.example", "red", &added));
    assert_true(added);
    assert_done(do_write(at, add, "1", "bob@acme.example", "blue", &added));
    assert_false(added);
    assert_true(do_find(at, find, "1", "", &person));
    assert_slice(person.email, S("ada@acme.example"));
    team_is(at, "blue", "");
}

static void a_new_row_has_its_indexes_and_cannot_be_there(void **state) {
    struct scratch *at = *state;
    struct person person;
    assert_done(do_write(at, make, "1", "one@x", "red", NULL));
    assert_true(do_find(at, find_by_email, "", "one@x", &person));
    assert_text(person.team, "red");
    assert_refused(do_write(at, make, "1", "other@x", "red", NULL), INTERNAL);
    assert_refused(do_write(at, make, "2", "one@x", "red", NULL), DUPLICATE_NAME);
    assert_true(do_find(at, find, "1", "", &person));
    assert_text(person.email, "one@x");
    assert_false(do_find(at, find, "2", "", &person));
    assert_false(do_find(at, find_by_email, "", "other@x", &person));
}

// That a row is there is said before a unique key that another has.
static void adding_what_is_there_with_a_key_that_is_taken_is_no_refusal(void **state) {
    struct scratch *at = *state;
    bool added = true;
    assert_done(do_write(at, put, "1", "one@x", "", NULL));
    assert_done(do_write(at, put, "2", "two@x", "", NULL));
    assert_done(do_write(at, add, "1", "two@x", "", &added));
    assert_false(added);
    assert_refused(do_write(at, add, "3", "two@x", "", &added), DUPLICATE_NAME);
}

static void keys_that_are_too_long_are_refused_whole(void **state) {
    struct scratch *at = *state;
    char long_text[600];
    memset(long_text, 'x', sizeof long_text);
    long_text[550] = '\0';
    bool added = false;
    assert_refused(do_write(at, put, long_text, "", "", NULL), INVALID_INPUT);
    assert_refused(do_write(at, add, long_text, "", "", &added), INVALID_INPUT);
    assert_refused(do_write(at, put, "1", long_text, "", NULL), INVALID_INPUT);
    assert_refused(do_write(at, put, "1", "", long_text, NULL), INVALID_INPUT);
    assert_int_equal(rows(at), 0);
    // Alone it fits, with the primary key behind it not.
    long_text[STORE_KEY_MAX - 3] = '\0';
    assert_refused(do_write(at, put, "1", "", long_text, NULL), INVALID_INPUT);
    assert_done(do_write(at, put, "1", long_text, "", NULL));
}

static void an_index_that_names_no_row_is_refused(void **state) {
    struct scratch *at = *state;
    assert_done(do_write(at, put, "1", "ada@acme.example", "", NULL));
    struct key key = key_of(S("1"));
    struct one_row nothing = {.key = key_slice(&key), .value = S("\0\x01")};
    struct call call = {{S(""), S("ada@acme.example"), S("")}, false};
    assert_done(store_write(&at->op, at->store, put_one, &nothing));
    assert_done(store_read(&at->op, at->store, find_by_email, &call)); // an empty row, but a row
    struct key wrong = key_in(SPACE_EMAIL);
    key_text(&wrong, S("eve@acme.example"));
    struct one_row dangling = {.key = key_slice(&wrong), .value = S("\x20" "9\0")};
    assert_done(store_write(&at->op, at->store, put_one, &dangling));
    call.person.email = S("eve@acme.example");
    assert_refused(store_read(&at->op, at->store, find_by_email, &call), STORE_UNAVAILABLE);
}

static void what_is_kept_of_several_rows_follows_each_change(void **state) {
    struct scratch *at = *state;
    assert_done(do_write(at, put, "1", "ada@acme.example", "counted", NULL));
    assert_done(do_write(at, put, "2", "bob@acme.example", "counted", NULL));
    assert_true(row_is(at, S("k:count"), S("\x02")));
    assert_done(do_write(at, put, "1", "ada@acme.example", "other", NULL));
    assert_true(row_is(at, S("k:count"), S("\x01")));
    assert_done(do_write(at, add, "3", "cyd@acme.example", "counted", NULL));
    assert_done(do_write(at, drop, "2", "", "", NULL));
    assert_true(row_is(at, S("k:count"), S("\x01")));
    assert_refused(do_write(at, put, "3", "cyd@acme.example", "refused", NULL), INTERNAL);
    assert_true(row_is(at, S("k:count"), S("\x01"))); // and the row is as it was
}

static void a_row_that_is_as_it_was_is_no_change(void **state) {
    struct scratch *at = *state;
    assert_done(do_write(at, put, "1", "ada@acme.example", "counted", NULL));
    unsigned before = changes;
    assert_done(do_write(at, put, "1", "ada@acme.example", "counted", NULL));
    assert_int_equal(changes, before);
    assert_true(row_is(at, S("k:count"), S("\x01")));
    team_is(at, "counted", "1 ");
    assert_done(do_write(at, put, "1", "ada@acme.example", "other", NULL));
    assert_int_equal(changes, before + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_row_is_found_by_its_key_and_its_indexes),
        STORE_TEST(a_row_that_is_not_there_leaves_the_answer_untouched),
        STORE_TEST(a_change_moves_the_index_rows),
        STORE_TEST(what_is_kept_of_several_rows_follows_each_change),
        STORE_TEST(a_row_that_is_as_it_was_is_no_change),
        STORE_TEST(a_unique_key_that_is_taken_is_refused),
        STORE_TEST(a_unique_key_is_free_again_after_its_row_went),
        STORE_TEST(adding_leaves_a_row_that_is_there),
        STORE_TEST(a_new_row_has_its_indexes_and_cannot_be_there),
        STORE_TEST(adding_what_is_there_with_a_key_that_is_taken_is_no_refusal),
        STORE_TEST(keys_that_are_too_long_are_refused_whole),
        STORE_TEST(an_index_that_names_no_row_is_refused),
    };
    return cmocka_run_group_tests(tests, describe, NULL);
}
