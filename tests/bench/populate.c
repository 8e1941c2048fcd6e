// SPDX-License-Identifier: GPL-3.0-or-later
// Fills a store as years of work would: people with roles, links and live sessions in the tenant of the
// bench, and tenants with a connection each. Everything goes through the functions of the domain, many
// of them in one transaction. Then, or alone, it takes time forward and measures what a step of the
// sweeper costs. The gate of this data directory must not run.
#include "args.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "domain/grant.h"
#include "domain/search.h"
#include "domain/session.h"

#define SLUG "bench"
#define USERS_EACH 2000 // in one transaction
#define TENANTS_EACH 50

struct fill {
    struct store *store;
    const char *data, *cookies_file;
    FILE *cookies; // of the first sessions, with the ids of their users
    long users, tenants, cookies_wanted, sweep_steps;
    // one transaction
    long from, to;
    int64_t now;
    struct connection bench;
    struct slice *secrets; // of this transaction's sessions
};

static const struct actor staff = {.kind = ACTOR_OPERATOR, .id = {SLUG, sizeof SLUG - 1}};

static void must(const struct op *op, reason why, const char *what) {
    if (why != NULL) {
        errx(1, "%s: %s: %.*s", what, why->slug, SLICE(op->detail));
    }
}

static uint64_t now_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

// The same store each time: what person `number` is follows from the number.
static uint64_t mixed(long number, unsigned what) {
    uint64_t x = (uint64_t)number * 0x9E3779B97F4A7C15U + what * 0xD1B54A32D192ED03U;
    x ^= x >> 31;
    x *= 0xBF58476D1CE4E5B9U;
    return x ^ x >> 29;
}

// ---- progress ----

static void show(const char *what, long done, long all, uint64_t since) {
    static uint64_t shown;
    uint64_t now = now_us();
    bool terminal = isatty(STDERR_FILENO) == 1;
    if (done < all && now - shown < (terminal ? 200000U : 5000000U)) {
        return;
    }
    shown = now;
    double seconds = (double)(now - since) / 1e6;
    double left = done > 0 ? seconds * (double)(all - done) / (double)done : 0;
    if (!terminal) {
        fprintf(stderr, "%s: %ld of %ld, %.0f s\n", what, done, all, seconds);
        return;
    }
    char bar[41];
    int full = (int)(done * 40 / (all > 0 ? all : 1));
    for (int i = 0; i < 40; i++) {
        bar[i] = i < full ? '#' : '.';
    }
    bar[40] = '\0';
    fprintf(stderr, "\r%-10s [%s] %3ld %%  %ld of %ld, %.0f s left \x1b[K%s", what, bar,
            done * 100 / (all > 0 ? all : 1), done, all, left, done == all ? "\n" : "");
}

static void in_steps(struct fill *fill, const char *what, store_fn fn, long all, long each) {
    uint64_t since = now_us();
    for (long at = 0; at < all; at += each) {
        struct op op;
        op_open(&op, fill->now);
        fill->from = at;
        fill->to = at + each < all ? at + each : all;
        must(&op, op_take(&op, (size_t)each * sizeof *fill->secrets, &fill->secrets), what);
        must(&op, store_write(&op, fill->store, fn, fill), what);
        for (long i = at; fill->cookies != NULL && i < fill->to; i++) {
            if (i < fill->cookies_wanted && fill->secrets[i - at].len > 0) {
                fprintf(fill->cookies, "%.*s\n", SLICE(fill->secrets[i - at]));
            }
        }
        op_close(&op);
        show(what, fill->to, all, since);
    }
}

// ---- people ----

// Given by hand. In a hundred thousand: 70 % users, 29 % read_only, 1 % audiences_only, 20 compliance officers.
static struct slice role_of(long number) {
    uint64_t part = mixed(number, 1) % 100000;
    return part < 20      ? S("compliance")
           : part < 1000  ? S("audiences_only")
           : part < 30000 ? S("read_only")
                          : S("user");
}

// 97 % active, 2 % disabled, 1 % locked, some invited. The first four fifths are active, so that the
// bench knows who can sign in.
static int status_of(long number, long users) {
    uint64_t part = mixed(number, 2) % 2000;
    return number < users / 5 * 4 ? MEMBER_ACTIVE
           : part < 200           ? MEMBER_DISABLED
           : part < 300           ? MEMBER_LOCKED
           : part < 310           ? MEMBER_INVITED
                                  : MEMBER_ACTIVE;
}

// What the rules of the connection gave at the last sign-in, for the group that forge's messages of this person have, too: so
// the next one changes no grants.
static reason add_grants(struct op *op, long name, struct membership *membership) {
    const struct grant *by_hand = membership->grants.at;
    struct grant *grants = NULL;
    TRY(op_take(op, (membership->grants.count + 1) * sizeof *grants, &grants));
    memcpy(grants, by_hand, membership->grants.count * sizeof *grants);
    grants[membership->grants.count] = (struct grant){.role_id = S("admin"),
                                                      .source = GRANT_SSO,
                                                      .connection = S(SLUG),
                                                      .rule = S("prefix \"bench-unit-03-\""),
                                                      .value = op_text(op, "bench-unit-03-team-%ld",
                                                                       (name + 3) % 400),
                                                      .granted_at = op->now};
    membership->grants = (struct rows){grants, membership->grants.count + 1};
    return NULL;
}

static reason add_link(struct op *op, struct txn *txn, struct slice identifier, struct slice id) {
    struct slice parts[] = {S(SLUG), identifier};
    struct sha256 digest = digest_parts(parts, 2);
    struct link link = {.key = digest_slice(&digest),
                        .connection = S(SLUG),
                        .identifier = identifier,
                        .user_id = id,
                        .created_at = op->now};
    return entity_put(op, txn, &link_entity, &link);
}

static reason add_session(struct op *op, struct txn *txn, struct slice tenant,
                          struct slice connection, const struct member *member, long number,
                          struct slice *ret_secret) {
    struct session session = {
        .tenant = tenant,
        .user_id = member->user.id,
        .connection = connection,
        .name_id = member->user.email,
        .name_id_format = S("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
        .session_index = op_text(op, "_s%ld", number),
        .authn_context = S("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"),
        .authenticated_at = op->now,
        .assertion = S("_of-that-time"),
        .expires_at = op->now + 2 * HOUR_MS + (int64_t)(mixed(number, 3) % (6 * HOUR_MS)),
    };
    struct visit before;
    TRY(session_add(op, txn, &session, ret_secret));
    TRY(visit_find(op, txn, tenant, member->user.id, &before));
    struct visit after = before;
    after.last = op->now - (int64_t)(mixed(number, 5) % (90 * DAY_MS));
    return visit_put(op, txn, tenant, member->user.id, &before, &after);
}

// Named by even numbers: between each two there is room for one who was never here.
static reason add_person(struct op *op, struct txn *txn, struct fill *fill, long number) {
    long name = 2 * number;
    struct user user = {.email = op_text(op, "person%08ld@bench.example", name),
                        .first_name = op_text(op, "Given%ld", name),
                        .last_name = op_text(op, "Family-Name-%ld", name)};
    struct slice role = role_of(number);
    struct member member;
    TRY(member_add(op, txn, &staff, S(SLUG), &user, (struct texts){&role, 1}, &member));
    TRY(add_link(op, txn, member.user.email, member.user.id));
    struct membership before = member.membership;
    member.membership.status = status_of(number, fill->users);
    TRY(add_grants(op, name, &member.membership));
    TRY(membership_store(op, txn, &staff, &before, &member.membership));
    return add_session(op, txn, S(SLUG), S(SLUG), &member, number,
                       &fill->secrets[number - fill->from]);
}

static reason people_fn(struct op *op, struct txn *txn, void *arg) {
    struct fill *fill = arg;
    for (long i = fill->from; i < fill->to; i++) {
        struct op inner; // its memory ends with the person
        struct slice *secret = &fill->secrets[i - fill->from];
        op_open(&inner, fill->now + i / 100); // ids are in the order of making
        reason why = add_person(&inner, txn, fill, i);
        if (why == NULL && i < fill->cookies_wanted) {
            why = op_copy(op, *secret, secret);
        } else {
            *secret = SLICE_NONE;
        }
        op->detail = op_text(op, "%.*s", SLICE(inner.detail));
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

// What the janitor does when many came.
static reason fold_fn(struct op *op, struct txn *txn, void *arg) {
    return search_fold(op, txn, 100000, arg);
}
static void fold(const struct fill *fill) {
    bool more = true;
    while (more) {
        struct op op;
        op_open(&op, fill->now);
        must(&op, store_write(&op, fill->store, fold_fn, &more), "fold");
        op_close(&op);
    }
}

// ---- tenants with a connection each ----

static reason add_tenant(struct op *op, struct txn *txn, const struct fill *fill, long number) {
    struct slice slug = op_text(op, "tenant-%05ld", number);
    struct slice domain = op_text(op, "t%05ld.example", number);
    struct tenant tenant = {
        .slug = slug, .name = op_text(op, "Tenant %ld", number), .domains = {&domain, 1}};
    struct connection connection = {.slug = slug, .tenant = slug};
    TRY(tenant_create(op, txn, &staff, &tenant));
    TRY(connection_create(op, txn, &staff, &connection));
    TRY(connection_set_idp(op, txn, &staff, slug, &fill->bench.idp, &connection));
    TRY(connection_set_policy(op, txn, &staff, slug, &fill->bench.policy, &connection));
    return connection_set_mapping(op, txn, &staff, slug, &fill->bench.mapping, &connection);
}

static reason tenants_fn(struct op *op, struct txn *txn, void *arg) {
    struct fill *fill = arg;
    TRY(connection_find(op, txn, S(SLUG), &fill->bench));
    for (long i = fill->from; i < fill->to; i++) {
        TRY(add_tenant(op, txn, fill, i));
    }
    return NULL;
}

// ---- what a step of the sweeper costs ----

static int by_number(const void *left, const void *right) {
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

static void print_spread(const char *name, uint64_t *at, long count) {
    qsort(at, (size_t)count, sizeof *at, by_number);
    printf("\"%s\": {\"p50\": %lu, \"p99\": %lu, \"max\": %lu}", name, at[count / 2],
           at[count * 99 / 100], at[count - 1]);
}

static reason small_write(struct op *op, struct txn *txn, void *arg) {
    struct pending pending = {.connection = S(SLUG), .return_to = S("/")};
    struct slice cookie;
    (void)arg;
    return pending_add(op, txn, &pending, &cookie);
}

// All sessions have expired, as far as this knows. Beside each step one small write is timed, which is
// mostly its sync.
static void measure_sweep(struct fill *fill) {
    uint64_t *held = calloc((size_t)fill->sweep_steps, sizeof *held);
    uint64_t *whole = calloc((size_t)fill->sweep_steps, sizeof *whole);
    uint64_t *small = calloc((size_t)fill->sweep_steps, sizeof *small);
    if (held == NULL || whole == NULL || small == NULL) {
        errx(1, "no memory");
    }
    struct sweep_pace pace = {.most = SWEEP_ROWS_FIRST, .more = true};
    long steps = 0;
    size_t rows = 0;
    uint64_t since = now_us();
    for (; steps < fill->sweep_steps && pace.more; steps++) {
        struct op op;
        op_open(&op, fill->now + 9 * HOUR_MS);
        must(&op, store_read(&op, fill->store, sweep_look, &pace), "sweep");
        uint64_t start = now_us();
        must(&op, store_write(&op, fill->store, sweep_step, &pace), "sweep");
        whole[steps] = now_us() - start;
        held[steps] = (uint64_t)pace.took_us;
        start = now_us();
        must(&op, store_write(&op, fill->store, small_write, NULL), "pending");
        small[steps] = now_us() - start;
        rows += pace.most;
        sweep_adapt(&pace);
        op_close(&op);
        show("sweep", steps + 1, fill->sweep_steps, since);
    }
    printf("{\"steps\": %ld, \"rows\": %zu, ", steps, rows);
    print_spread("held_us", held, steps);
    printf(", ");
    print_spread("write_us", whole, steps);
    printf(", ");
    print_spread("small_write_us", small, steps);
    printf("}\n");
    free(held);
    free(whole);
    free(small);
}

// ---- the program ----

static const char usage[] =
    "populate --data DIR [--users N] [--tenants M] [--cookies FILE --cookie-count K]\n"
    "populate --data DIR --sweep STEPS\n";

static void read_options(int argc, char **argv, struct fill *fill) {
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},    {"users", required_argument, NULL, 'u'},
        {"tenants", required_argument, NULL, 't'}, {"cookies", required_argument, NULL, 'c'},
        {"sweep", required_argument, NULL, 's'},   {"cookie-count", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'd': fill->data = optarg; break;
            case 'u': fill->users = arg_number("users", optarg, 0, 10000000); break;
            case 't': fill->tenants = arg_number("tenants", optarg, 0, 99999); break;
            case 'c': fill->cookies_file = optarg; break;
            case 'k': fill->cookies_wanted = arg_number("cookie-count", optarg, 0, 10000000); break;
            case 's': fill->sweep_steps = arg_number("sweep", optarg, 1, 1000000); break;
            default: fputs(usage, stderr); exit(2);
        }
    }
    if (optind != argc || fill->data == NULL) {
        fputs(usage, stderr);
        exit(2);
    }
}

int main(int argc, char **argv) {
    struct fill fill = {.cookies_wanted = 1000};
    read_options(argc, argv, &fill);
    struct op op;
    op_open(&op, 0);
    fill.now = op.now;
    must(&op, store_open(&op, fill.data, &fill.store), fill.data);
    if (fill.cookies_file != NULL) {
        fill.cookies = fopen(fill.cookies_file, "we");
        if (fill.cookies == NULL) {
            err(1, "%s", fill.cookies_file);
        }
    }
    if (fill.sweep_steps > 0) {
        measure_sweep(&fill);
    } else {
        in_steps(&fill, "tenants", tenants_fn, fill.tenants, TENANTS_EACH);
        in_steps(&fill, "people", people_fn, fill.users, USERS_EACH);
        fold(&fill);
    }
    if (fill.cookies != NULL && fclose(fill.cookies) != 0) {
        err(1, "%s", fill.cookies_file);
    }
    store_close(fill.store);
    op_close(&op);
    return 0;
}
