// SPDX-License-Identifier: GPL-3.0-or-later
// A spawner whose workers lie, for test_pool. It speaks the spawner's protocol as the real one
// does; the message of a job says which lie is told. Links nothing that the gate believes.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/frames.h"
#include "saml/msg.h"

#define CHANNEL 3

static char frame[WIRE_FRAME_MAX + WIRE_HEAD];

static const struct msg_canonical honest = {
    .envelope = {.name = {"Response", 8}, .id = {"r", 1}, .encrypted = 1},
    .signatures = {{.parent_id = {"r", 1},
                    .signed_info = {"<i/>", 4},
                    .value = {"QQ==", 4},
                    .covered = {"<c/>", 4}}},
    .signature_count = 1,
    .encrypted = {{"<e/>", 4}},
    .encrypted_count = 1,
};

static void write_bytes(int fd, const void *bytes, size_t len) {
    (void)!wire_send(fd, slice_of(bytes, len), 0);
}

static struct wire_out canonical(uint64_t job, const struct msg_canonical *message) {
    struct wire_out out;
    (void)msg_put_canonical(&out, frame, sizeof frame, job, message);
    return out;
}

static void set_length(uint32_t length) {
    for (size_t i = 0; i < 4; i++) {
        frame[i] = (char)(uint8_t)(length >> (8 * (3 - i)));
    }
}

// Lies that are frames of the right form with something else in them.
static void lie_inside(int fd, struct slice lie, uint64_t job) {
    struct msg_canonical message = honest;
    struct wire_out out;
    if (slice_equal(lie, S("empty covered"))) {
        message.signatures[0].covered = SLICE_NONE;
    } else if (slice_equal(lie, S("no utf8"))) {
        message.envelope.issuer = S("\xFF");
    } else if (slice_equal(lie, S("encrypted count"))) {
        message.envelope.encrypted = 0;
    } else if (slice_equal(lie, S("another job"))) {
        job++;
    } else if (slice_equal(lie, S("long value"))) {
        static char value[MSG_VALUE_MAX + 1];
        message.signatures[0].value = slice_of(value, sizeof value);
    }
    out = canonical(job, &message);
    if (slice_equal(lie, S("another kind"))) {
        (void)msg_put_whole(&out, frame, sizeof frame, job,
                            &(struct msg_whole){.canonical = S("<a/>")});
    } else if (slice_equal(lie, S("not its refusal"))) {
        (void)msg_put_refused(&out, frame, sizeof frame, job, REASON_OF(LOGIN_NO_ROLE), S("x"));
    } else if (slice_equal(lie, S("two lines"))) {
        (void)msg_put_refused(&out, frame, sizeof frame, job, REASON_OF(SAML_MALFORMED), S("x\ny"));
    } else if (slice_equal(lie, S("more fields"))) {
        wire_put(&out, 99, S("x"));
        (void)wire_end(&out);
    } else if (slice_equal(lie, S("version"))) {
        frame[5] = 9;
    }
    write_bytes(fd, frame, out.len);
}

static void lie_about_frames(int fd, struct slice lie, uint64_t job) {
    struct wire_out out = canonical(job, &honest);
    if (slice_equal(lie, S("garbage"))) {
        write_bytes(fd, "this is no frame at all, but long enough to be one", 50);
    } else if (slice_equal(lie, S("silence"))) {
        (void)pause();
    } else if (slice_equal(lie, S("half, then silence"))) {
        write_bytes(fd, frame, out.len / 2);
        (void)pause();
    } else if (slice_equal(lie, S("too long"))) {
        set_length(WIRE_FRAME_MAX + 1);
        write_bytes(fd, frame, out.len);
        (void)pause();
    } else if (slice_equal(lie, S("longer than it is"))) {
        set_length(WIRE_FRAME_MAX);
        write_bytes(fd, frame, out.len);
        (void)pause();
    } else if (slice_equal(lie, S("unasked"))) {
        write_bytes(fd, frame, out.len);
        out = canonical(job + 1, &honest);
        write_bytes(fd, frame, out.len);
    } else if (slice_equal(lie, S("kill the spawner"))) {
        (void)kill(getppid(), SIGKILL);
        (void)pause();
    } else if (slice_starts(lie, S("cut at "))) {
        char number[8] = {0};
        memcpy(number, lie.at + 7, lie.len - 7 < 7 ? lie.len - 7 : 7);
        size_t at = strtoul(number, NULL, 10);
        write_bytes(fd, frame, at < out.len ? at : out.len);
        if (at < out.len) {
            _exit(0);
        }
    } else {
        lie_inside(fd, lie, job);
    }
}

// As gatehouse-opinion: it accepts everything, but for what the message asks it to do.
static void give_opinion(int fd, struct slice fields, uint64_t job) {
    struct msg_opinion_ask ask;
    struct msg_opinion opinion = {
        true, S(""), S("ada"), S("https://idp.example/")};
    struct wire_out out;
    if (!msg_get_opinion_ask(fields, &ask)) {
        _exit(0);
    }
    if (slice_find(ask.xml, S("say another name")) != SIZE_MAX) {
        opinion.name_id = S("eve");
    } else if (slice_find(ask.xml, S("say two lines")) != SIZE_MAX) {
        opinion.words = S("x\ny");
    } else if (slice_find(ask.xml, S("say another job")) != SIZE_MAX) {
        job++;
    } else if (slice_find(ask.xml, S("say nothing")) != SIZE_MAX) {
        _exit(0);
    } else if (slice_find(ask.xml, S("say it later")) != SIZE_MAX) {
        (void)pause();
    }
    (void)msg_put_opinion(&out, frame, sizeof frame, job, &opinion);
    write_bytes(fd, frame, out.len);
}

static bool work_once(int fd, const struct wire_head *head, struct slice fields) {
    static uint64_t kept; // number of a job that is answered after the next
    struct slice lie;
    if (head->kind == MSG_OPINION) {
        give_opinion(fd, fields, head->job);
        return false;
    }
    if (!msg_get_ask(fields, &lie)) {
        return false;
    }
    if (slice_equal(lie, S("later"))) {
        kept = head->job;
        return true;
    }
    lie_about_frames(fd, lie, head->job);
    if (kept != 0) {
        lie_about_frames(fd, S("truth"), kept);
        kept = 0;
    }
    return true;
}

static void work(int fd) {
    struct frames frames;
    struct wire_head head;
    struct slice fields;
    bool more = frames_open(&frames);
    while (more) {
        more = frames_next(&frames, &head, &fields) == FRAMES_ONE ? work_once(fd, &head, fields)
                                                                  : frames_read(&frames, fd);
    }
    _exit(0);
}

// The descriptor that came with the command; -1: it was another command; -2: the gate hung up.
static int receive(void) {
    char command[8];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {command, sizeof command};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    if (recvmsg(CHANNEL, &message, 0) <= 0) {
        return -2;
    }
    int fd = -1;
    if (command[0] == 'F' && CMSG_FIRSTHDR(&message) != NULL) {
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    } else if (command[0] == 'K') {
        (void)kill((pid_t)((uint32_t)(uint8_t)command[1] << 24 |
                           (uint32_t)(uint8_t)command[2] << 16 |
                           (uint32_t)(uint8_t)command[3] << 8 | (uint32_t)(uint8_t)command[4]),
                   SIGKILL);
    }
    return fd;
}

int main(void) {
    (void)signal(SIGCHLD, SIG_IGN); // nothing to reap
    for (int fd; (fd = receive()) != -2;) {
        if (fd < 0) {
            continue;
        }
        pid_t pid = fork();
        if (pid == 0) {
            (void)close(CHANNEL);
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
            work(fd);
        }
        (void)close(fd);
        uint32_t number = (uint32_t)pid;
        uint8_t answer[] = {'P', (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                            (uint8_t)(number >> 8), (uint8_t)number};
        if (send(CHANNEL, answer, sizeof answer, MSG_NOSIGNAL) < 0) {
            return 1;
        }
    }
    return 0;
}
