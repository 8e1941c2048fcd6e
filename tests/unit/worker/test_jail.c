// SPDX-License-Identifier: GPL-3.0-or-later
// The jail, tried: a process in it does one forbidden thing and must be dead by SIGSYS, or finds
// the thing refused by a limit; and it still canonicalises.
#include "base/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/canonicalise.h"
#include "worker/jail.h"

#ifdef GATEHOUSE_SANITIZER
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define SURVIVED 42

static struct jail jail, looking_jail; // of gatehouse-worker, of gatehouse-opinion

enum cell { SPAWNER, WORKER };

// Runs `act` in a jailed child and gives its wait status.
static int run(enum cell cell, void (*act)(void)) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (!jail_spawner(&jail) || (cell == WORKER && !jail_worker(&jail))) {
            _exit(1);
        }
        act();
        _exit(SURVIVED);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void do_open(void) {
    (void)syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
static void do_open_by_the_old_call(void) {
    (void)syscall(SYS_open, "/etc/passwd", O_RDONLY);
}
static void do_create(void) {
    (void)syscall(SYS_creat, "/tmp/gatehouse-jail", 0600);
}
static void do_unlink(void) {
    (void)syscall(SYS_unlink, "/tmp/gatehouse-jail-none");
}
static void do_socket(void) {
    (void)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static void do_unix_socket(void) {
    (void)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}
static void do_connect(void) {
    struct sockaddr to = {.sa_family = AF_INET};
    (void)syscall(SYS_connect, 0, &to, sizeof to);
}
static void do_send_descriptor(void) {
    struct msghdr message = {.msg_iov = NULL};
    (void)syscall(SYS_sendmsg, 0, &message, 0);
}
static void do_signal_parent(void) {
    (void)syscall(SYS_kill, getppid(), 0);
}
static void do_signal_another(void) {
    (void)syscall(SYS_kill, 1, SIGTERM + 64); // no such signal, if it is let through
}
static void do_fork(void) {
    (void)syscall(SYS_fork);
}
static void do_clone(void) {
    (void)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void do_clone_space(void) {
    (void)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}
static void do_execve(void) {
    char *const none[] = {NULL};
    (void)syscall(SYS_execve, "/bin/true", none, none);
}
static void do_map_code(void) {
    (void)syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void do_map_file(void) {
    (void)syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 0, 0);
}
static void do_make_code(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
}
static void do_ptrace(void) {
    (void)syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
}
static void do_read_memory(void) {
    (void)syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}
static void do_prctl(void) {
    (void)syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}
static void do_ring(void) {
    (void)syscall(425, 1, NULL); // io_uring_setup
}
static void do_unknown(void) {
    (void)syscall(9999);
}

static const struct {
    const char *name;
    void (*act)(void);
    bool wide; // let through in sanitizer builds, whose reports need it
} forbidden[] = {
    {"open", do_open, true},
    {"open by the old call", do_open_by_the_old_call, false},
    {"create", do_create, false},
    {"unlink", do_unlink, false},
    {"socket", do_socket, false},
    {"unix socket", do_unix_socket, false},
    {"connect", do_connect, false},
    {"send a descriptor", do_send_descriptor, false},
    {"signal the parent", do_signal_parent, false},
    {"signal", do_signal_another, false},
    {"fork", do_fork, false},
    {"clone", do_clone, false},
    {"clone into a namespace", do_clone_space, false},
    {"execve", do_execve, false},
    {"map code", do_map_code, true},
    {"map a file", do_map_file, true},
    {"make code", do_make_code, false},
    {"ptrace", do_ptrace, false},
    {"read another's memory", do_read_memory, false},
    {"become dumpable", do_prctl, false},
    {"io_uring", do_ring, false},
    {"a call that does not exist", do_unknown, false},
};

static bool is_killed(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void a_worker_that_does_what_it_may_not_is_dead(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        if (SANITIZED && forbidden[i].wide) {
            continue;
        }
        int status = run(WORKER, forbidden[i].act);
        if (!is_killed(status)) {
            fail_msg("%s: status %x instead of death by SIGSYS", forbidden[i].name,
                     (unsigned)status);
        }
    }
}

static void do_take_memory(void) {
    for (size_t i = 0; i < 64; i++) {
        if (mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) {
            _exit(errno == ENOMEM ? 3 : 4);
        }
    }
}

// What looks for a file finds none, and what else is forbidden is death there too.
static void do_look_for_files(void) {
    struct stat found;
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != ENOENT ||
        open("/tmp/gatehouse-jail", O_CREAT | O_RDWR, 0600) >= 0 || errno != ENOENT ||
        stat("/etc/passwd", &found) == 0 || errno != ENOENT) {
        _exit(8);
    }
}

__attribute__((unused)) static void
who_gives_opinions_finds_no_files_and_may_do_nothing_else(void **state) {
    (void)state;
    struct jail kept = jail;
    jail = looking_jail;
    int status = run(WORKER, do_look_for_files);
    int survived = 0;
    const char *survivor = "";
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        if (forbidden[i].act != do_open && !is_killed(run(WORKER, forbidden[i].act))) {
            survived++;
            survivor = forbidden[i].name;
        }
    }
    int memory = run(WORKER, do_take_memory);
    jail = kept;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), SURVIVED);
    if (survived > 0) {
        fail_msg("%d lived, such as: %s", survived, survivor);
    }
    assert_true(WIFEXITED(memory));
    assert_int_equal(WEXITSTATUS(memory), 3);
}

static void do_canonicalise(void) {
    struct op op;
    op_open(&op, 0);
    struct msg_canonical message;
    reason why = canonicalise_message(
        &op, S("<p:Response xmlns:p='" NS_SAMLP "' ID='a'>&#65;<p:Status/></p:Response>"),
        &message);
    bool good = why == NULL && slice_equal(message.envelope.id, S("a"));
    why = canonicalise_message(&op, S("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>"),
                               &message);
    op_close(&op);
    if (!good || why != REASON_OF(SAML_DTD_FORBIDDEN)) {
        _exit(2);
    }
}

static void a_worker_in_its_jail_still_canonicalises(void **state) {
    (void)state;
    int status = run(WORKER, do_canonicalise);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), SURVIVED);
}

__attribute__((unused)) static void
a_worker_gets_no_more_than_its_memory(void **state) {
    (void)state;
    int status = run(WORKER, do_take_memory);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

static void do_fork_and_kill(void) {
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            char byte;
            (void)!read(0, &byte, 0);
        }
    }
    int status = 0;
    if (pid < 0 || kill(pid, SIGKILL) != 0 || waitpid(pid, &status, 0) != pid ||
        !WIFSIGNALED(status)) {
        _exit(5);
    }
}
static void do_terminate(void) {
    (void)kill(getppid(), SIGTERM + 64);
}
static void do_kill_group(void) {
    (void)kill(-0x7ffffff0, SIGKILL); // no such group, if it is let through
}

static void the_spawner_forks_and_kills_and_little_else(void **state) {
    (void)state;
    int status = run(SPAWNER, do_fork_and_kill);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), SURVIVED);
    void (*const acts[])(void) = {do_open_by_the_old_call, do_socket,      do_execve,
                                  do_clone_space,          do_ptrace,      do_terminate,
                                  do_kill_group,           do_read_memory, do_make_code};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (!is_killed(run(SPAWNER, acts[i]))) {
            fail_msg("act %zu let the spawner live", i);
        }
    }
}

// What cannot be undone: privileges, dumps, files.
static void do_look(void) {
    struct rlimit core;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) {
        _exit(6);
    }
    // Landlock refuses what seccomp, taken away here, would have killed for.
    bool has_landlock = !SANITIZED && syscall(444, NULL, 0, 1) > 0;
    if (has_landlock && (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)) {
        _exit(7);
    }
}

static void a_jailed_process_has_no_privileges_dumps_or_files(void **state) {
    (void)state;
    // With no filter loaded, so that it can be asked.
    struct jail open_jail = jail;
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, 0x7fff0000U);
    jail.spawner[0] = allow;
    jail.spawner_count = 1;
    int status = run(SPAWNER, do_look);
    jail = open_jail;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), SURVIVED);
}

static int compile(void **state) {
    (void)state;
    xml_init();
    return jail_compile(false, &jail) && jail_compile(true, &looking_jail) ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_does_what_it_may_not_is_dead),
        cmocka_unit_test(a_worker_in_its_jail_still_canonicalises),
        cmocka_unit_test(the_spawner_forks_and_kills_and_little_else),
#ifndef GATEHOUSE_SANITIZER // whose reports open files, and whose shadow memory is larger than the bound
        cmocka_unit_test(who_gives_opinions_finds_no_files_and_may_do_nothing_else),
        cmocka_unit_test(a_worker_gets_no_more_than_its_memory),
#endif
        cmocka_unit_test(a_jailed_process_has_no_privileges_dumps_or_files),
    };
    return cmocka_run_group_tests(tests, compile, NULL);
}
