// SPDX-License-Identifier: GPL-3.0-or-later
// Frames out of a stream, however it is cut; and two that have much to say at once.
#include "base/unit.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frames.h"

// A frame of `kind` with one field of `size` bytes.
static struct slice frame_of(struct op *op, uint16_t kind, size_t size) {
    struct wire_out out;
    char *room = NULL;
    char *field = NULL;
    assert_done(op_take(op, size + 64, &room));
    assert_done(op_take(op, size + 1, &field));
    memset(field, 'a' + kind, size);
    wire_begin(&out, room, size + 64, kind, kind);
    wire_put(&out, 1, slice_of(field, size));
    assert_true(wire_end(&out));
    return slice_of(out.at, out.len);
}

static void check(const struct wire_head *head, struct slice fields, uint16_t kind, size_t size) {
    struct wire_in in = wire_read(fields);
    struct slice field = wire_get(&in, 1, size);
    assert_true(wire_done(&in));
    assert_int_equal(head->kind, kind);
    assert_int_equal(head->job, kind);
    assert_int_equal(field.len, size);
    assert_int_equal(field.at[size - 1], 'a' + kind);
}

static void write_all(int fd, struct slice bytes) {
    assert_true(wire_send(fd, bytes, 0));
}

static void several_come_with_one_read(void **state) {
    int pipe_ends[2];
    struct frames frames;
    struct wire_head head;
    struct slice fields;
    assert_int_equal(pipe(pipe_ends), 0);
    assert_true(frames_open(&frames));
    assert_int_equal(frames_next(&frames, &head, &fields), FRAMES_NONE);
    for (uint16_t i = 1; i <= 3; i++) {
        write_all(pipe_ends[1], frame_of(*state, i, 10U * i));
    }
    assert_true(frames_read(&frames, pipe_ends[0]));
    for (uint16_t i = 1; i <= 3; i++) {
        assert_int_equal(frames_next(&frames, &head, &fields), FRAMES_ONE);
        check(&head, fields, i, 10U * i);
    }
    assert_int_equal(frames_next(&frames, &head, &fields), FRAMES_NONE);
    (void)close(pipe_ends[1]);
    assert_false(frames_read(&frames, pipe_ends[0])); // end of file
    (void)close(pipe_ends[0]);
    frames_close(&frames);
}

// Two frames, cut in two at each byte.
static void a_cut_at_any_byte_loses_nothing(void **state) {
    struct slice first = frame_of(*state, 1, 20);
    struct slice second = frame_of(*state, 2, 30);
    char both[128];
    memcpy(both, first.at, first.len);
    memcpy(both + first.len, second.at, second.len);
    size_t len = first.len + second.len;
    for (size_t cut = 1; cut < len; cut++) {
        int ends[2];
        struct frames frames;
        struct wire_head head;
        struct slice fields;
        uint16_t seen = 0;
        assert_int_equal(pipe(ends), 0);
        assert_true(frames_open(&frames));
        for (size_t part = 0; part < 2; part++) {
            write_all(ends[1], part == 0 ? slice_of(both, cut) : slice_of(both + cut, len - cut));
            assert_true(frames_read(&frames, ends[0]));
            while (frames_next(&frames, &head, &fields) == FRAMES_ONE) {
                seen++;
                check(&head, fields, seen, seen == 1 ? 20 : 30);
            }
            bool whole = part == 1 || cut == first.len;
            assert_int_equal(frames_next(&frames, &head, &fields), whole ? FRAMES_NONE : FRAMES_PART);
        }
        assert_int_equal(seen, 2);
        (void)close(ends[0]);
        (void)close(ends[1]);
        frames_close(&frames);
    }
}

static void what_is_no_frame_is_not_passed_over(void **state) {
    int ends[2];
    struct frames frames;
    struct wire_head head;
    struct slice fields;
    assert_int_equal(pipe(ends), 0);
    assert_true(frames_open(&frames));
    write_all(ends[1], frame_of(*state, 1, 5));
    write_all(ends[1], S("this is no frame, and long enough"));
    write_all(ends[1], frame_of(*state, 2, 5));
    assert_true(frames_read(&frames, ends[0]));
    assert_int_equal(frames_next(&frames, &head, &fields), FRAMES_ONE);
    assert_int_equal(frames_next(&frames, &head, &fields), FRAMES_BROKEN);
    assert_int_equal(frames_next(&frames, &head, &fields), FRAMES_BROKEN);
    (void)close(ends[0]);
    (void)close(ends[1]);
    frames_close(&frames);
}

// ---- two that have much to say ----

static const size_t sizes[] = {3000000, 10, 900000};
struct side {
    int fd;
    struct frames frames;
    struct slice out;
    size_t seen, wrong;
};

static void *talk(void *arg) {
    struct side *side = arg;
    int64_t deadline = clock_steady() + 20000;
    struct wire_head head;
    struct slice fields;
    while (side->seen < 3) {
        if (!frames_exchange(&side->frames, side->fd, &side->out, deadline)) {
            side->wrong++;
            break;
        }
        while (frames_next(&side->frames, &head, &fields) == FRAMES_ONE) {
            side->wrong += head.kind != side->seen || fields.len < sizes[side->seen % 3] ? 1 : 0;
            side->seen++;
        }
    }
    side->wrong += wire_send(side->fd, side->out, deadline) ? 0 : 1; // what is left
    return NULL;
}

// More than the sockets take: neither waits for the other.
static void two_that_say_much_at_once_come_through(void **state) {
    int ends[2];
    pthread_t threads[2];
    struct side sides[2];
    char *bytes = NULL;
    size_t len = 0;
    ((struct op *)*state)->arena.ceiling = 64U << 20;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_done(op_take(*state, 4000000, &bytes));
    for (uint16_t i = 0; i < 3; i++) {
        struct slice frame = frame_of(*state, i, sizes[i]);
        memcpy(bytes + len, frame.at, frame.len);
        len += frame.len;
    }
    for (size_t i = 0; i < 2; i++) {
        sides[i] = (struct side){.fd = ends[i], .out = slice_of(bytes, len)};
        assert_true(frames_open(&sides[i].frames));
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &sides[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(sides[i].seen, 3);
        assert_int_equal(sides[i].wrong, 0);
    }
    // Nobody speaks any more: the deadline, and then the end.
    struct side *one = &sides[0];
    int64_t soon = clock_steady() + 20;
    while (frames_exchange(&one->frames, one->fd, &one->out, soon)) {
        assert_true(clock_steady() < soon + 10000);
    }
    assert_true(clock_steady() >= soon);
    (void)close(ends[1]);
    assert_false(frames_exchange(&one->frames, one->fd, &one->out, clock_steady() + 20000));
    one->out = S("x");
    assert_false(frames_exchange(&one->frames, one->fd, &one->out, clock_steady() + 20000));
    (void)close(ends[0]);
    frames_close(&sides[0].frames);
    frames_close(&sides[1].frames);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(several_come_with_one_read),
        TEST(a_cut_at_any_byte_loses_nothing),
        TEST(what_is_no_frame_is_not_passed_over),
        TEST(two_that_say_much_at_once_come_through),
    };
    RUN(tests);
}
