// SPDX-License-Identifier: GPL-3.0-or-later
// The list of members against a naive model: random people, changes, filters, orders and pages; with
// few members, where filters gather, and with many, where they walk. And that a store without a roll
// gets the same one. The seed is printed; GATEHOUSE_SEED repeats a run.
#include "fixture.h"
#include "visited.h"

#include "base/clock.h"
#include "domain/roll.h"
#include "domain/search.h"
#include "domain/space.h"

#define SMALL 60
#define LARGE 5000
#define ROLES 4
#define BATCH 250

static const char *const role_names[ROLES] = {"admin", "read_only", "user", "cdp.metrics.full"};
static const char *const words[] = {"ada",  "Bob", "cyd", "DAN", "eve", "Fay", "Gus",   "hal",
                                    "Ivy's", "jo",  "Kim", "lea", "Max", "ned", "\xc3\xb6la", ""};

struct person {
    char id[32], first[16], last[16], email[64];
    int status;
    unsigned roles; // bits
    int64_t visit;
    bool there, touched;
};
struct world {
    struct fixture *fixture;
    struct person *people;
    size_t count;
    const char *tenant;
    uint64_t random;
    size_t from, to; // of people, for one write
};

static uint64_t draw(struct world *world, uint64_t below) {
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (world->random >> 11) % below;
}

static void draw_texts(struct world *world, struct person *person, size_t number) {
    (void)snprintf(person->first, sizeof person->first, "%s", words[draw(world, 16)]);
    (void)snprintf(person->last, sizeof person->last, "%s", words[draw(world, 16)]);
    // Addresses are each person's own; some have none.
    (void)snprintf(person->email, sizeof person->email, "%s%zu@%s.example",
                   words[draw(world, 8)], number, draw(world, 2) == 0 ? "acme" : "partner");
    for (char *c = person->email; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    if (draw(world, 20) == 0) {
        person->email[0] = '\0';
    }
}

static void draw_membership(struct world *world, struct person *person) {
    person->status = draw(world, 3) == 0 ? (int)draw(world, ROLL_STATUSES) : MEMBER_ACTIVE;
    person->roles = (unsigned)(draw(world, 2) == 0 ? draw(world, 1U << ROLES) : 4);
    person->visit = draw(world, 4) == 0 ? 0 : NOON - (int64_t)draw(world, 50) * HOUR_MS;
}

static reason put_person(struct op *op, struct txn *txn, const struct world *world,
                         const struct person *person) {
    struct grant grants[ROLES + 1];
    struct membership membership = {.tenant = slice_str(world->tenant),
                                    .user_id = slice_str(person->id),
                                    .status = person->status,
                                    .grants = {grants, 0}};
    for (unsigned i = 0; i < ROLES; i++) {
        if ((person->roles & 1U << i) != 0) {
            grants[membership.grants.count++] =
                (struct grant){.role_id = slice_str(role_names[i]), .granted_at = 1};
        }
    }
    if ((person->roles & 1) != 0) { // a role from two sources counts once
        grants[membership.grants.count++] =
            (struct grant){.role_id = S("admin"), .source = GRANT_SSO, .granted_at = 1};
    }
    struct user user = {.id = slice_str(person->id),
                        .email = slice_str(person->email),
                        .first_name = slice_str(person->first),
                        .last_name = slice_str(person->last)};
    TRY(entity_put(op, txn, &user_entity, &user));
    return put_visited(op, txn, &membership, person->visit);
}

static reason remove_person(struct op *op, struct txn *txn, const struct world *world,
                            const struct person *person) {
    struct membership membership = {.tenant = slice_str(world->tenant),
                                    .user_id = slice_str(person->id)};
    struct key key;
    bool there = false;
    membership_entity.key(&membership, &key);
    return entity_remove(op, txn, &membership_entity, &key, &there);
}

static reason put_fn(struct op *op, struct txn *txn, void *arg) {
    const struct world *world = arg;
    for (size_t i = world->from; i < world->to; i++) {
        const struct person *person = &world->people[i];
        TRY(person->there ? put_person(op, txn, world, person)
                          : remove_person(op, txn, world, person));
    }
    return NULL;
}

static void put(struct world *world, size_t from, size_t to) {
    for (size_t at = from; at < to; at += BATCH) {
        struct op op;
        op_open(&op, NOON);
        world->from = at;
        world->to = at + BATCH < to ? at + BATCH : to;
        assert_done(store_write(&op, world->fixture->store, put_fn, world));
        op_close(&op);
    }
}

static reason fold_fn(struct op *op, struct txn *txn, void *arg) {
    return search_fold(op, txn, 2000, arg);
}
// As the janitor does, until nothing is due; `most` 0: all of it.
static size_t fold(struct world *world, size_t most) {
    bool more = true;
    size_t steps = 0;
    for (; more && (most == 0 || steps < most); steps++) {
        struct op op;
        op_open(&op, NOON);
        assert_done(store_write(&op, world->fixture->store, fold_fn, &more));
        op_close(&op);
    }
    return steps;
}

static struct world *world_open(struct fixture *fixture, size_t count) {
    const char *seed = getenv("GATEHOUSE_SEED");
    struct world *world = test_calloc(1, sizeof *world);
    world->fixture = fixture;
    world->tenant = count == SMALL ? "small" : "large";
    world->random = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)getpid() * 2654435761U;
    world->random = world->random == 0 ? 1 : world->random;
    print_message("GATEHOUSE_SEED=%llu\n", (unsigned long long)world->random);
    world->people = test_calloc(count, sizeof *world->people);
    world->count = count;
    for (size_t i = 0; i < count; i++) {
        struct person *person = &world->people[i];
        (void)snprintf(person->id, sizeof person->id, "usr_%s%06zu", world->tenant, i * 7919 % 99991);
        draw_texts(world, person, i);
        draw_membership(world, person);
        person->there = true;
    }
    put(world, 0, count);
    return world;
}

static void world_close(struct world *world) {
    test_free(world->people);
    test_free(world);
}

// ---- the model ----

struct question {
    const char *sort, *role, *q;
    int status;
};

static void lower(char *text) {
    for (; *text != '\0'; text++) {
        *text = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    }
}

static void sort_text(const char *sort, const struct person *person, char text[128]) {
    text[0] = '\0';
    if (strstr(sort, "name") != NULL) {
        (void)snprintf(text, 128, "%s %s", person->last, person->first);
    } else if (strstr(sort, "email") != NULL) {
        (void)snprintf(text, 128, "%s", person->email);
    } else if (strstr(sort, "status") != NULL) {
        (void)snprintf(text, 128, "%s", membership_status_names[person->status]);
    } else if (strstr(sort, "last_visit") != NULL) {
        (void)snprintf(text, 128, "%020lld", (long long)person->visit);
    }
    lower(text);
}

static const char *compared; // the order of a qsort
static int by_sort(const void *left, const void *right) {
    const struct person *const *a = left;
    const struct person *const *b = right;
    char texts[2][128];
    sort_text(compared, *a, texts[0]);
    sort_text(compared, *b, texts[1]);
    int order = strcmp(texts[0], texts[1]);
    order = order == 0 ? strcmp((*a)->id, (*b)->id) : order;
    return compared[0] == '-' ? -order : order;
}

static bool model_shows(const struct question *question, const struct person *person) {
    char email[64];
    char name[64];
    char q[32];
    (void)snprintf(email, sizeof email, "%s", person->email);
    (void)snprintf(name, sizeof name, "%s %s", person->first, person->last);
    (void)snprintf(q, sizeof q, "%s", question->q);
    lower(email);
    lower(name);
    lower(q);
    bool role = question->role[0] == '\0';
    for (unsigned i = 0; i < ROLES; i++) {
        role = role || (strcmp(question->role, role_names[i]) == 0 && (person->roles & 1U << i) != 0);
    }
    bool status = question->status < 0 ? person->status != MEMBER_DELETED
                                       : person->status == question->status;
    return person->there && role && status &&
           (q[0] == '\0' || strstr(email, q) != NULL || strstr(name, q) != NULL);
}

static size_t model_list(const struct world *world, const struct question *question,
                         const struct person **ret) {
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++) {
        if (model_shows(question, &world->people[i])) {
            ret[count++] = &world->people[i];
        }
    }
    compared = question->sort;
    qsort(ret, count, sizeof *ret, by_sort);
    return count;
}

static struct question draw_question(struct world *world) {
    static const char *const sorts[] = {"",        "-",     "name",       "-name",      "email",
                                        "-email",  "status", "-status",   "last_visit", "-last_visit"};
    static const char *const parts[] = {"a", "ADA", "bob1", "@partner", "y's", "zzz", "o", "ada c"};
    return (struct question){
        .sort = sorts[draw(world, 10)],
        .role = draw(world, 3) == 0 ? role_names[draw(world, ROLES)] : "",
        .q = draw(world, 3) == 0 ? parts[draw(world, 8)] : "",
        .status = draw(world, 3) == 0 ? (int)draw(world, ROLL_STATUSES) : -1,
    };
}

// ---- asking ----

struct ask {
    struct slice tenant;
    struct member_filter filter;
    struct page page;
    struct rows members;
    struct slice next;
    size_t total;
    bool exact;
};
static reason ask_fn(struct op *op, struct txn *txn, void *arg) {
    struct ask *ask = arg;
    return member_search(op, txn, ask->tenant, &ask->filter, ask->page, &ask->members, &ask->next,
                       &ask->total, &ask->exact);
}

static struct ask ask_of(const struct world *world, const struct question *question, size_t limit) {
    return (struct ask){.tenant = slice_str(world->tenant),
                        .filter = {.q = slice_str(question->q),
                                   .role = slice_str(question->role),
                                   .status = question->status,
                                   .sort = slice_str(question->sort)},
                        .page = {.limit = limit}};
}

// Goes through all pages; `each` sees the ids of each page.
static size_t all_pages(struct world *world, struct ask *ask,
                        void (*each)(struct world *world, const struct ask *ask, size_t before,
                                     void *arg),
                        void *arg) {
    char cursor[512];
    size_t seen = 0;
    for (size_t pages = 0;; pages++) {
        struct op op;
        op_open(&op, NOON);
        assert_done(store_read(&op, world->fixture->store, ask_fn, ask));
        each(world, ask, seen, arg);
        seen += ask->members.count;
        assert_true(ask->next.len < sizeof cursor);
        memcpy(cursor, ask->next.len > 0 ? ask->next.at : "", ask->next.len);
        ask->page.cursor = slice_of(cursor, ask->next.len);
        bool end = ask->next.len == 0;
        op_close(&op);
        if (end) {
            return seen;
        }
        assert_true(pages <= world->count + 4);
    }
}

struct expected {
    const struct person **at;
    size_t count;
    bool exact; // it must be; else it may be
};
static void is_expected(struct world *world, const struct ask *ask, size_t before, void *arg) {
    const struct expected *expected = arg;
    (void)world;
    assert_true(ask->exact || !expected->exact);
    if (ask->exact) {
        assert_int_equal(ask->total, expected->count);
    } else {
        assert_true(ask->total >= expected->count);
    }
    assert_true(before + ask->members.count <= expected->count);
    for (size_t i = 0; i < ask->members.count; i++) {
        const struct member *member = &((const struct member *)ask->members.at)[i];
        assert_slice(member->user.id, expected->at[before + i]->id);
        assert_slice(member->user.email, expected->at[before + i]->email);
    }
}

static void check_one(struct world *world, const struct question *question, size_t limit,
                      bool exact) {
    struct expected expected = {test_calloc(world->count, sizeof *expected.at), 0, exact};
    expected.count = model_list(world, question, expected.at);
    struct ask ask = ask_of(world, question, limit);
    assert_int_equal(all_pages(world, &ask, is_expected, &expected), expected.count);
    test_free(expected.at);
}

// Steps of the janitor, whose turns begin where the last one ended.
static void tidy(struct world *world, size_t steps) {
    struct roll_tidy tidy = {.begun = false};
    for (size_t i = 0; i < steps; i++) {
        struct op op;
        op_open(&op, NOON);
        assert_done(store_read(&op, world->fixture->store, roll_tidy_look, &tidy));
        assert_done(store_write(&op, world->fixture->store, roll_tidy_drop, &tidy));
        op_close(&op);
    }
}

static void change_some(struct world *world, size_t most) {
    for (size_t i = 0; i < most; i++) {
        size_t at = draw(world, world->count);
        struct person *person = &world->people[at];
        if (draw(world, 2) == 0) {
            draw_texts(world, person, at);
        }
        if (draw(world, 2) == 0) {
            draw_membership(world, person);
        }
        if (draw(world, 2) == 0) { // signs in, soon or long after
            person->visit += (int64_t)draw(world, 3) * HOUR_MS + 1;
        }
        person->there = draw(world, 8) != 0;
        person->touched = true;
        put(world, at, at + 1);
    }
    tidy(world, draw(world, 3));
}

// ---- what holds ----

static void a_small_tenant_is_listed_as_the_model_says(void **state) {
    struct world *world = world_open(*state, SMALL);
    for (int round = 0; round < 400; round++) {
        struct question question = draw_question(world);
        check_one(world, &question, 1 + draw(world, 25), true);
        if (round % 4 == 3) {
            change_some(world, 3);
        }
    }
    world_close(world);
}

static void a_large_tenant_is_listed_as_the_model_says(void **state) {
    struct world *world = world_open(*state, LARGE);
    for (int round = 0; round < 25; round++) {
        struct question question = draw_question(world);
        check_one(world, &question, 40 + draw(world, 160), question.q[0] == '\0');
    }
    (void)fold(world, 1); // some are in blocks, some not
    for (int round = 0; round < 30; round++) {
        change_some(world, 20);
        if (round == 15) {
            assert_true(fold(world, 0) > 0);
        }
        struct question question = draw_question(world);
        check_one(world, &question, 200, question.q[0] == '\0');
    }
    world_close(world);
}

struct tally {
    unsigned *seen;
};
static void count_seen(struct world *world, const struct ask *ask, size_t before, void *arg) {
    struct tally *tally = arg;
    (void)before;
    for (size_t i = 0; i < ask->members.count; i++) {
        struct slice id = ((const struct member *)ask->members.at)[i].user.id;
        for (size_t j = 0; j < world->count; j++) {
            tally->seen[j] += slice_equal(id, slice_str(world->people[j].id)) ? 1 : 0;
        }
    }
    change_some(world, 2);
}

// Whoever does not change while somebody turns pages is shown once, whatever else changes.
static void pages_hold_still_while_others_change(void **state) {
    struct world *world = world_open(*state, SMALL);
    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < world->count; i++) {
            world->people[i].touched = false;
        }
        struct question question = draw_question(world);
        struct tally tally = {test_calloc(world->count, sizeof *tally.seen)};
        struct ask ask = ask_of(world, &question, 1 + draw(world, 6));
        (void)all_pages(world, &ask, count_seen, &tally);
        for (size_t i = 0; i < world->count; i++) {
            if (!world->people[i].touched) {
                assert_int_equal(tally.seen[i], model_shows(&question, &world->people[i]) ? 1 : 0);
            }
        }
        test_free(tally.seen);
    }
    world_close(world);
}

// ---- searching many ----

static void one_of_many_is_found_and_counted(void **state) {
    struct world *world = world_open(*state, LARGE);
    (void)fold(world, 0);
    for (int round = 0; round < 40; round++) {
        struct person *person = &world->people[draw(world, world->count)];
        if (person->email[0] != '\0' && person->status != MEMBER_DELETED) {
            struct question question = {.sort = "-name", .role = "", .q = person->email, .status = -1};
            check_one(world, &question, 50, true);
        }
    }
    static const char *const nowhere[] = {"zz", "zzyzx", "acme.exampl3", "@@", "ada\nbob"};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        struct question question = {.sort = "", .role = "", .q = nowhere[i], .status = -1};
        check_one(world, &question, 50, true);
    }
    world_close(world);
}

struct looked_for {
    const char *text;
    size_t count;
};
static reason look_in_blocks(struct op *op, struct txn *txn, void *arg) {
    struct looked_for *looked_for = arg;
    struct key prefix = key_in(SPACE_SEARCH_BLOCK);
    struct scan scan;
    struct slice key;
    struct slice value;
    looked_for->count = 0;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    TRY(scan_next(op, &scan, &key, &value));
    while (key.at != NULL) {
        looked_for->count += slice_find(value, slice_str(looked_for->text)) != SIZE_MAX ? 1 : 0;
        TRY(scan_next(op, &scan, &key, &value));
    }
    scan_close(&scan);
    return NULL;
}

// What a person was called before is kept nowhere, and who left is found nowhere.
static void a_name_that_was_changed_stands_in_no_block(void **state) {
    struct world *world = world_open(*state, LARGE);
    (void)fold(world, 0);
    size_t tried = 0;
    for (size_t i = 0; i < world->count && tried < 10; i++) {
        struct person *person = &world->people[i];
        char old[64];
        (void)snprintf(old, sizeof old, "%s", person->email);
        struct looked_for looked_for = {.text = old};
        assert_done(fixture_read(world->fixture, look_in_blocks, &looked_for));
        if (old[0] == '\0' || looked_for.count == 0) {
            continue; // one of the last fresh ones
        }
        person->email[0] = '\0';
        person->there = ++tried % 2 == 0;
        put(world, i, i + 1);
        assert_done(fixture_read(world->fixture, look_in_blocks, &looked_for));
        assert_int_equal(looked_for.count, 0);
        struct question question = {.sort = "", .role = "", .q = old, .status = -1};
        check_one(world, &question, 50, true);
    }
    assert_int_equal(tried, 10);
    world_close(world);
}

// ---- a store without a roll ----

static reason forget_fn(struct op *op, struct txn *txn, void *arg) {
    static const uint8_t spaces[] = {SPACE_ROLL,         SPACE_ROLL_ROLE,  SPACE_ROLL_COUNT,
                                     SPACE_SEARCH_FRESH, SPACE_SEARCH_COUNT, SPACE_SEARCH_DUE};
    (void)arg;
    for (size_t i = 0; i < sizeof spaces; i++) {
        struct key prefix = key_in(spaces[i]);
        struct scan scan;
        struct slice key;
        struct slice value;
        bool there = false;
        TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
        TRY(scan_next(op, &scan, &key, &value));
        while (key.at != NULL) {
            struct key copy = {.len = key.len};
            memcpy(copy.bytes, key.at, key.len);
            TRY(txn_delete(op, txn, key_slice(&copy), &there));
            TRY(scan_next(op, &scan, &key, &value));
        }
        scan_close(&scan);
    }
    return NULL;
}

static reason old_schema(struct op *op, struct txn *txn, void *arg) {
    (void)op;
    (void)txn;
    (void)arg;
    return NULL;
}

static void a_store_without_a_roll_gets_it_in_steps(void **state) {
    // The third runs all passes once more, as after a crash: nobody is counted twice.
    static const struct migration steps[] = {
        {1, "before", old_schema}, {2, "the roll", roll_make}, {3, "the roll again", roll_make}};
    struct fixture *fixture = *state;
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 1));
    struct world *world = world_open(fixture, LARGE / 5);
    assert_true(world->count > 3 * ROLL_PASS);
    assert_done(fixture_write(fixture, forget_fn, NULL));
    assert_done(store_migrate(&fixture->op, fixture->store, steps, 3));
    change_some(world, 50);
    for (int round = 0; round < 40; round++) {
        struct question question = draw_question(world);
        check_one(world, &question, 100, true);
    }
    world_close(world);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_small_tenant_is_listed_as_the_model_says),
        T(a_large_tenant_is_listed_as_the_model_says),
        T(pages_hold_still_while_others_change),
        T(one_of_many_is_found_and_counted),
        T(a_name_that_was_changed_stands_in_no_block),
        T(a_store_without_a_roll_gets_it_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
