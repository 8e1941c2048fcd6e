// SPDX-License-Identifier: GPL-3.0-or-later
// What the messages are judged with: a pool of workers from the program beside this one, a store in a directory of its
// own that goes when the bench closes, tenants and connections in it, and the keys of all parties. The pool is started
// before any key is made, as in a gate.
#include <dirent.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/gate.h"
#include "app/selftest/selftest.h"
#include "base/clock.h"
#include "saml/idp_metadata.h"

#define WORKERS 2 // an encrypted assertion is a second message
#define BENCH_CEILING (64U << 20)

static const struct {
    enum place place;
    const char *slug, *tenant, *who, *entity;
    enum party_name signer;
} places[PLACES] = {
    {ACME, "acme-okta", "acme", "ada@acme.example", THEIR_ENTITY, PARTY_IDP},
    {ACME_OPEN, "acme-open", "acme", "ada.open@acme.example", THEIR_ENTITY, PARTY_IDP},
    {ACME_STRICT, "acme-strict", "acme", "ada.strict@acme.example", THEIR_ENTITY, PARTY_IDP},
    {BETA, "beta-okta", "beta", "ada@beta.example", THEIR_ENTITY, PARTY_IDP},
    {BETA_OTHER, "beta-other", "beta", "ada.other@beta.example", OTHER_ENTITY, PARTY_OTHER},
};

// ---- the store -------------------------------------------------------------------------------------------

struct set_up {
    struct bench *bench;
    struct idp idps[PLACES];
};

static const struct actor staff = {.kind = ACTOR_OPERATOR, .id = {"operator", 8}};

static reason add_tenant(struct op *op, struct txn *txn, const char *slug, const char *domain) {
    struct slice *domains = NULL;
    TRY(op_take(op, sizeof *domains, &domains));
    domains[0] = slice_str(domain);
    struct tenant tenant = {
        .slug = slice_str(slug), .name = slice_str(slug), .domains = {domains, 1}};
    return tenant_create(op, txn, &staff, &tenant);
}

static reason add_place(struct op *op, struct txn *txn, const struct set_up *set_up, size_t i) {
    struct connection connection = {.slug = slice_str(places[i].slug),
                                    .tenant = slice_str(places[i].tenant)};
    struct policy policy = policy_default();
    struct slice wanted[] = {S("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")};
    struct mapping mapping = {.default_role = S("read_only"), .mode = MAPPING_AUTHORITATIVE};
    policy.unsolicited = places[i].place == ACME_OPEN;
    policy.allow_cbc = places[i].place != ACME_STRICT;
    policy.authn_context = (struct texts){wanted, places[i].place == ACME_STRICT ? 1 : 0};
    TRY(connection_create(op, txn, &staff, &connection));
    TRY(connection_set_idp(op, txn, &staff, connection.slug, &set_up->idps[i], &connection));
    TRY(connection_set_policy(op, txn, &staff, connection.slug, &policy, &connection));
    return connection_set_mapping(op, txn, &staff, connection.slug, &mapping, &connection);
}

static reason set_up_fn(struct op *op, struct txn *txn, void *arg) {
    const struct set_up *set_up = arg;
    TRY(add_tenant(op, txn, "acme", "acme.example"));
    TRY(add_tenant(op, txn, "beta", "beta.example"));
    for (size_t i = 0; i < PLACES; i++) {
        TRY(add_place(op, txn, set_up, i));
    }
    return NULL;
}

// The trust comes from metadata, read as an import reads it.
static reason read_idp(struct bench *bench, enum place place, struct idp *ret_idp) {
    struct op *op = &bench->op;
    struct attack row = {.name = "the bench"};
    struct maker maker = {.op = op, .bench = bench, .row = &row, .place = place};
    struct slice xml;
    struct idp_import import;
    TRY(pieces_expand(&maker, template_metadata, &xml));
    TRY(make_slot(&maker, xml, S(""), &xml));
    if (bench->places[place].signer == PARTY_IDP) { // a second key, as during a roll-over
        const char *text = "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo "
                           "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>"
                           "<ds:X509Certificate>${cert:ec}</ds:X509Certificate></ds:X509Data>"
                           "</ds:KeyInfo></md:KeyDescriptor>";
        struct slice more;
        size_t at = slice_find(xml, S("<md:KeyDescriptor"));
        TRY(pieces_expand(&maker, text, &more));
        xml = op_text(op, "%.*s%.*s%.*s", SLICE(slice_sub(xml, 0, at)), SLICE(more),
                      SLICE(slice_sub(xml, at, xml.len)));
    }
    TRY(idp_from_xml(op, bench->pool, xml, S(""), &import));
    *ret_idp = import.idp;
    return NULL;
}

static reason fill_store(struct bench *bench) {
    struct set_up set_up = {.bench = bench};
    for (size_t i = 0; i < PLACES; i++) {
        bench->places[i].who = places[i].who;
        bench->places[i].entity = places[i].entity;
        bench->places[i].tenant = places[i].tenant;
        bench->places[i].signer = places[i].signer;
        TRY(sp_addresses(&bench->op, S(PUBLIC_URL), slice_str(places[i].slug), &bench->places[i].sp));
        TRY(read_idp(bench, (enum place)i, &set_up.idps[i]));
    }
    return store_write(&bench->op, bench->store, set_up_fn, &set_up);
}

// ---- the keys --------------------------------------------------------------------------------------------

static reason make_parties(struct bench *bench, struct slice sp_key) {
    for (size_t i = 0; i < PARTIES; i++) {
        if (i == PARTY_US && sp_key.len > 0) {
            TRY(party_read(&bench->op, sp_key, &bench->parties[i]));
            continue;
        }
        TRY(party_make(&bench->op, i == PARTY_EC ? "EC" : "RSA", i == PARTY_WEAK ? 1024 : 2048,
                       &bench->parties[i]));
    }
    return NULL;
}

static reason open_keys(struct bench *bench) {
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    reason why = NULL;
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, bench->parties[PARTY_US].key, NULL, NULL, 0,
                                                NULL, NULL) != 1) {
        why = op_refuse(&bench->op, REASON_OF(INTERNAL), "OpenSSL cannot write a key");
    } else {
        long len = BIO_get_mem_data(bio, &pem);
        why = sp_keys_open_decryption(&bench->op, "the key of this run",
                                      slice_of(pem, (size_t)len), &bench->keys);
    }
    BIO_free(bio);
    return why;
}

// ---- the directory ---------------------------------------------------------------------------------------

static reason make_dir(struct bench *bench) {
    const char *parent = getenv("TMPDIR");
    parent = parent != NULL && parent[0] != '\0' ? parent : "/tmp";
    int len = snprintf(bench->dir, sizeof bench->dir, "%s/gatehouse-selftest-XXXXXX", parent);
    bool fits = len > 0 && (size_t)len + sizeof "/store/lock.mdb" < sizeof bench->dir;
    if (!fits || mkdtemp(bench->dir) == NULL) {
        int error = fits ? errno : ENAMETOOLONG;
        bench->dir[0] = '\0';
        REFUSE(&bench->op, DATA_DIR, "cannot make a directory in %s: %s; TMPDIR says where", parent,
               strerror(error));
    }
    return NULL;
}

static void remove_files(const char *dir) {
    char path[1024];
    DIR *list = opendir(dir);
    for (struct dirent *entry = list != NULL ? readdir(list) : NULL; entry != NULL;
         entry = readdir(list)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
            (void)unlink(path);
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    (void)rmdir(dir);
}

// ---- all of it -------------------------------------------------------------------------------------------

static reason open_parts(struct bench *bench, struct slice sp_key) {
    struct op *op = &bench->op;
    struct pool_options options = {.warm = WORKERS};
    TRY(gate_worker_program(op, &options.program));
    TRY(pool_open(op, &options, &bench->pool));
    TRY(make_dir(bench));
    TRY(op_cstr(op, op_text(op, "%s/store", bench->dir), &bench->store_dir));
    TRY(store_open(op, bench->store_dir, &bench->store));
    bench->trusts = trust_cache_open();
    if (bench->trusts == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the connections");
    }
    TRY(make_parties(bench, sp_key));
    TRY(open_keys(bench));
    return fill_store(bench);
}

reason bench_open(struct op *op, struct slice sp_key, struct bench *bench) {
    *bench = (struct bench){.serial = 1};
    op_open(&bench->op, op->now);
    bench->op.arena.ceiling = BENCH_CEILING;
    bench->op.id = S("selftest");
    reason why = open_parts(bench, sp_key);
    if (why != NULL) {
        why = op_refuse(op, why, "%.*s", SLICE(bench->op.detail));
        bench_close(bench);
    }
    return why;
}

reason bench_reopen(struct op *op, struct bench *bench) {
    store_close(bench->store);
    bench->store = NULL;
    return store_open(op, bench->store_dir, &bench->store);
}

void bench_close(struct bench *bench) {
    store_close(bench->store);
    trust_cache_close(bench->trusts);
    sp_keys_close(bench->keys);
    pool_close(bench->pool);
    for (size_t i = 0; i < PARTIES; i++) {
        party_free(&bench->parties[i]);
    }
    if (bench->dir[0] != '\0') {
        if (bench->store_dir != NULL) {
            remove_files(bench->store_dir);
        }
        remove_files(bench->dir);
    }
    op_close(&bench->op);
}
