// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of our own documents share: keys made once per program in a directory of its own,
// files, a connection to write for, and the verdict of the xmlsec1 command, which knows nothing of
// us.
#ifndef GATEHOUSE_UNIT_SP_H
#define GATEHOUSE_UNIT_SP_H

#include "base/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "saml/reader.h"
#include "saml/sp.h"

#define UNIT_PATH 512
__attribute__((unused)) static char unit_dir[] = "/tmp/gatehouse-unit-XXXXXX";
__attribute__((unused)) static struct sp_keys *unit_keys;

__attribute__((unused)) static const char *unit_path(const char *name) {
    static char paths[4][UNIT_PATH];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, UNIT_PATH, "%s/%s", unit_dir, name);
    return path;
}

__attribute__((unused)) static void write_text(const char *path, struct slice text, mode_t mode) {
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.at, text.len), (ssize_t)text.len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

__attribute__((unused)) static struct slice read_text(struct op *op, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_msg("%s cannot be opened; run the tests at the top of the source tree", path);
    }
    char *at = NULL;
    size_t room = 1U << 20;
    assert_done(op_take(op, room, &at));
    ssize_t len = read(fd, at, room);
    assert_true(len >= 0);
    (void)close(fd);
    return slice_of(at, (size_t)len);
}

static int unlink_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)kind, (void)walk;
    return remove(path);
}
__attribute__((unused)) static int remove_dir(void **state) {
    (void)state;
    sp_keys_close(unit_keys);
    unit_keys = NULL;
    return nftw(unit_dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}
__attribute__((unused)) static int make_dir(void **state) {
    (void)state;
    return mkdtemp(unit_dir) != NULL ? 0 : -1;
}
__attribute__((unused)) static int make_keys(void **state) {
    struct op op;
    op_open(&op, NOON);
    bool done = make_dir(state) == 0 && sp_keys_make(&op, unit_dir) == NULL &&
                sp_keys_open(&op, unit_dir, &unit_keys) == NULL;
    if (!done) {
        print_error("no keys: %.*s\n", SLICE(op.detail));
    }
    op_close(&op);
    return done ? 0 : -1;
}

// Does the signature in the document hold by the certificate in DIR? `root` is the namespace and
// name of the element with the ID. Needs the package xmlsec1, as all tests do.
__attribute__((unused)) static bool xmlsec1_agrees(struct slice xml, const char *certificate,
                                                   const char *root) {
    const char *file = unit_path("document.xml");
    char id[UNIT_PATH];
    char crt[UNIT_PATH];
    char doc[UNIT_PATH];
    (void)snprintf(id, sizeof id, "%s", root);
    (void)snprintf(crt, sizeof crt, "%s", unit_path(certificate));
    (void)snprintf(doc, sizeof doc, "%s", file);
    write_text(file, xml, 0600);
    char name[] = "xmlsec1";
    char verify[] = "--verify";
    char id_option[] = "--id-attr:ID";
    char crt_option[] = "--pubkey-cert-pem";
    char enabled[] = "--enabled-reference-uris";
    char same[] = "same-doc";
    char *argv[] = {name, verify, enabled, same, id_option, id, crt_option, crt, doc, NULL};
    posix_spawn_file_actions_t quiet;
    assert_int_equal(posix_spawn_file_actions_init(&quiet), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0), 0);
    pid_t pid = 0;
    int error = posix_spawnp(&pid, name, &quiet, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&quiet);
    if (error != 0) {
        fail_msg("xmlsec1 does not start: %s", strerror(error));
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
#define ROOT_METADATA NS_MD ":EntityDescriptor"
#define ROOT_AUTHN NS_SAMLP ":AuthnRequest"
#define ROOT_LOGOUT NS_SAMLP ":LogoutRequest"
#define ROOT_LOGOUT_RESPONSE NS_SAMLP ":LogoutResponse"

__attribute__((unused)) static bool holds_text(struct slice text, const char *part) {
    return slice_find(text, slice_str(part)) != SIZE_MAX;
}
#define assert_holds(text, part)                                                                   \
    do {                                                                                           \
        if (!holds_text((text), (part))) {                                                         \
            fail_msg("\"%s\" is not in: %.*s", (part), SLICE(text));                               \
        }                                                                                          \
    } while (0)
#define assert_holds_no(text, part)                                                                \
    do {                                                                                           \
        if (holds_text((text), (part))) {                                                          \
            fail_msg("\"%s\" is in: %.*s", (part), SLICE(text));                                   \
        }                                                                                          \
    } while (0)

__attribute__((unused)) static struct slice replaced(struct op *op, struct slice text,
                                                     const char *from, const char *to) {
    size_t at = slice_find(text, slice_str(from));
    assert_true(at != SIZE_MAX);
    return op_text(op, "%.*s%s%.*s", SLICE(slice_sub(text, 0, at)), to,
                   SLICE(slice_sub(text, at + strlen(from), text.len)));
}

__attribute__((unused)) static struct sp unit_sp(struct op *op) {
    struct sp sp;
    assert_done(sp_addresses(op, S("https://gate.example"), S("acme-okta"), &sp));
    return sp;
}

// A connection to an IdP with both bindings for everything.
struct unit_connection {
    struct connection connection;
    struct endpoint sso[2], slo[2];
};
__attribute__((unused)) static struct connection *unit_connection(struct unit_connection *unit) {
    *unit = (struct unit_connection){
        .sso = {{BINDING_POST, S("https://idp.example/sso/post"), S("")},
                {BINDING_REDIRECT, S("https://idp.example/sso?tenant=a&b=1"), S("")}},
        .slo = {{BINDING_POST, S("https://idp.example/slo/post"), S("")},
                {BINDING_REDIRECT, S("https://idp.example/slo"),
                 S("https://idp.example/slo/answer")}},
    };
    unit->connection = (struct connection){
        .slug = S("acme-okta"),
        .idp = {.entity_id = S("https://idp.example/metadata"),
                .sso = {unit->sso, 2},
                .slo = {unit->slo, 2}},
        .policy = {.want = WANT_EITHER,
                   .sign_requests = true,
                   .skew_seconds = 180,
                   .allow_cbc = true},
    };
    return &unit->connection;
}

#endif
