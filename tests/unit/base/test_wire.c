// SPDX-License-Identifier: GPL-3.0-or-later
// Frames and fields byte by byte, and frames through sockets and pipes with deadlines.
#include "unit.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"

static struct slice small_frame(char *room, size_t len) {
    struct wire_out out;
    wire_begin(&out, room, len, 7, UINT64_C(0x0102030405060708));
    wire_put(&out, 1, S("hello"));
    wire_put_u32(&out, 2, 0xDEADBEEF);
    wire_put(&out, 3, SLICE_NONE);
    assert_true(wire_end(&out));
    return slice_of(out.at, out.len);
}

static void a_frame_is_laid_out_as_described(void **state) {
    (void)state;
    char room[64];
    struct slice frame = small_frame(room, sizeof room);
    assert_slice(frame, S("\0\0\0\x24\0\x01\0\x07\x01\x02\x03\x04\x05\x06\x07\x08"
                          "\x01\0\0\0\x05hello"
                          "\x02\0\0\0\x04\xDE\xAD\xBE\xEF"
                          "\x03\0\0\0\0"));
}

static void what_was_written_reads_back(void **state) {
    (void)state;
    char room[64];
    struct slice frame = small_frame(room, sizeof room);
    struct wire_head head;
    assert_true(wire_head(frame.at, &head));
    assert_int_equal(head.kind, 7);
    assert_true(head.job == UINT64_C(0x0102030405060708));
    assert_int_equal(head.length, frame.len - WIRE_HEAD);
    struct wire_in in = wire_read(slice_sub(frame, WIRE_HEAD, frame.len));
    assert_text(wire_get(&in, 1, 5), "hello");
    assert_false(wire_done(&in));
    assert_true(wire_get_u32(&in, 2, UINT32_MAX) == 0xDEADBEEF);
    assert_int_equal(wire_get(&in, 3, 0).len, 0);
    assert_true(wire_done(&in));
}

static void a_frame_that_does_not_fit_is_not_ended(void **state) {
    (void)state;
    char room[64];
    for (size_t len = 0; len < 40; len++) {
        struct wire_out out;
        wire_begin(&out, room, len, 7, 1);
        wire_put(&out, 1, S("hello"));
        wire_put_u32(&out, 2, 1);
        wire_put(&out, 3, SLICE_NONE);
        assert_false(wire_end(&out));
        assert_true(out.broken);
    }
    assert_int_equal(small_frame(room, 40).len, 40);
}

static void a_frame_over_the_ceiling_is_not_ended(void **state) {
    (void)state;
    size_t len = WIRE_FRAME_MAX + 64;
    char *room = malloc(len);
    assert_non_null(room);
    struct wire_out out;
    size_t most = WIRE_FRAME_MAX - (WIRE_HEAD - 4) - 5;
    char *large = calloc(1, most + 1);
    assert_non_null(large);
    wire_begin(&out, room, len, 1, 1);
    wire_put(&out, 1, slice_of(large, most));
    assert_true(wire_end(&out));
    struct wire_head head;
    assert_true(wire_head(room, &head));
    wire_begin(&out, room, len, 1, 1);
    wire_put(&out, 1, slice_of(large, most + 1));
    assert_false(wire_end(&out));
    wire_begin(&out, room, len, 1, 1);
    wire_put(&out, 1, slice_of(large, SIZE_MAX));
    assert_false(wire_end(&out));
    free(large);
    free(room);
}

static void a_head_of_another_version_or_length_is_refused(void **state) {
    (void)state;
    struct wire_head head;
    assert_true(wire_head("\0\0\0\x0C\0\x01\0\0\0\0\0\0\0\0\0\0", &head));
    assert_int_equal(head.length, 0);
    assert_false(wire_head("\0\0\0\x0C\0\x02\0\0\0\0\0\0\0\0\0\0", &head));
    assert_false(wire_head("\0\0\0\x0C\x01\0\0\0\0\0\0\0\0\0\0\0", &head));
    assert_false(wire_head("\0\0\0\x0B\0\x01\0\0\0\0\0\0\0\0\0\0", &head));
    assert_false(wire_head("\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0", &head));
    assert_true(wire_head("\0\x40\0\0\0\x01\0\0\0\0\0\0\0\0\0\0", &head));
    assert_false(wire_head("\0\x40\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0", &head));
    assert_false(wire_head("\xFF\xFF\xFF\xFF\0\x01\0\0\0\0\0\0\0\0\0\0", &head));
}

static void assert_broken(struct wire_in in) {
    assert_true(in.broken);
    assert_false(wire_done(&in));
    // And it stays so.
    assert_int_equal(wire_get(&in, 1, 100).len, 0);
    assert_int_equal(wire_get_u32(&in, 1, UINT32_MAX), 0);
    assert_false(wire_done(&in));
}

static void fields_in_another_order_break_the_reading(void **state) {
    (void)state;
    struct wire_in in = wire_read(S("\x02\0\0\0\x01x"));
    assert_int_equal(wire_get(&in, 1, 100).len, 0);
    assert_broken(in);
}

static void a_field_over_its_bound_breaks_the_reading(void **state) {
    (void)state;
    struct wire_in in = wire_read(S("\x01\0\0\0\x02xy"));
    assert_int_equal(wire_get(&in, 1, 1).len, 0);
    assert_broken(in);
    in = wire_read(S("\x01\0\0\0\x04\0\0\0\x09"));
    assert_int_equal(wire_get_u32(&in, 1, 8), 0);
    assert_broken(in);
    in = wire_read(S("\x01\0\0\0\x04\0\0\0\x09"));
    assert_int_equal(wire_get_u32(&in, 1, 9), 9);
    assert_true(wire_done(&in));
}

static void a_field_that_is_cut_breaks_the_reading(void **state) {
    (void)state;
    struct slice whole = S("\x01\0\0\0\x02xy");
    for (size_t len = 0; len < whole.len; len++) {
        struct wire_in in = wire_read(slice_sub(whole, 0, len));
        assert_int_equal(wire_get(&in, 1, 100).len, 0);
        assert_broken(in);
    }
    struct wire_in in = wire_read(S("\x01\xFF\xFF\xFF\xFFxy"));
    assert_int_equal(wire_get(&in, 1, SIZE_MAX).len, 0);
    assert_broken(in);
    in = wire_read(SLICE_NONE);
    assert_int_equal(wire_get(&in, 1, 100).len, 0);
    assert_broken(in);
}

static void a_number_of_another_width_breaks_the_reading(void **state) {
    (void)state;
    struct wire_in in = wire_read(S("\x01\0\0\0\x02\0\x09"));
    assert_int_equal(wire_get_u32(&in, 1, 100), 0);
    assert_broken(in);
    in = wire_read(S("\x01\0\0\0\x05\0\0\0\0\x09"));
    assert_int_equal(wire_get_u32(&in, 1, 100), 0);
    assert_broken(in);
}

static void bytes_behind_the_last_field_are_not_done(void **state) {
    (void)state;
    struct wire_in in = wire_read(S("\x01\0\0\0\x01xZ"));
    assert_text(wire_get(&in, 1, 100), "x");
    assert_false(wire_done(&in));
    in = wire_read(SLICE_NONE);
    assert_true(wire_done(&in));
}

// ---- through sockets and pipes ---------------------------------------------------------------------

struct job {
    int fd;
    int64_t deadline;
    struct slice frame;
    bool sent;
};

static void *send_job(void *what) {
    struct job *job = what;
    job->sent = wire_send(job->fd, job->frame, job->deadline);
    return NULL;
}

// A frame far larger than what a socket or pipe holds.
static void large_frame_goes_through(int to, int from, int64_t deadline) {
    size_t len = 3U << 20;
    char *room = malloc(len + 64);
    char *bytes = malloc(len);
    assert_non_null(room);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i * 31 % 251);
    }
    struct wire_out out;
    wire_begin(&out, room, len + 64, 9, 42);
    wire_put(&out, 5, slice_of(bytes, len));
    assert_true(wire_end(&out));
    struct job job = {to, deadline, slice_of(out.at, out.len), false};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_job, &job), 0);
    struct wire_head head;
    char *fields = NULL;
    bool received = wire_receive(from, deadline, &head, &fields);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(received);
    assert_true(job.sent);
    assert_int_equal(head.kind, 9);
    assert_true(head.job == 42);
    struct wire_in in = wire_read(slice_of(fields, head.length));
    assert_true(slice_equal(wire_get(&in, 5, len), slice_of(bytes, len)));
    assert_true(wire_done(&in));
    free(fields);
    free(bytes);
    free(room);
}

static void a_large_frame_goes_through_a_socket_with_and_without_deadline(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    large_frame_goes_through(pair[0], pair[1], 0);
    large_frame_goes_through(pair[1], pair[0], clock_steady() + 20000);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void a_large_frame_goes_through_a_pipe_with_and_without_deadline(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    large_frame_goes_through(ends[1], ends[0], 0);
    large_frame_goes_through(ends[1], ends[0], clock_steady() + 20000);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void frames_follow_each_other_one_at_a_time(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    char room[64];
    struct slice frame = small_frame(room, sizeof room);
    struct wire_head head;
    char *fields = NULL;
    for (int i = 0; i < 3; i++) {
        assert_true(wire_send(pair[0], frame, clock_steady() + 5000));
        assert_true(wire_receive(pair[1], clock_steady() + 5000, &head, &fields));
        assert_slice(slice_of(fields, head.length), slice_sub(frame, WIRE_HEAD, frame.len));
        free(fields);
    }
    (void)close(pair[0]);
    assert_false(wire_receive(pair[1], clock_steady() + 5000, &head, &fields));
    (void)close(pair[1]);
}

static void what_comes_with_a_frame_and_is_not_of_it_refuses_both(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    char room[64];
    struct slice frame = small_frame(room, sizeof room);
    struct wire_head head;
    char *fields = NULL;
    for (size_t more = 1; more <= frame.len; more += frame.len - 1) {
        assert_true(wire_send(pair[0], frame, clock_steady() + 5000));
        assert_true(wire_send(pair[0], slice_sub(frame, 0, more), clock_steady() + 5000));
        assert_false(wire_receive(pair[1], clock_steady() + 5000, &head, &fields));
    }
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void a_frame_without_fields_gives_memory_to_free(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    char room[WIRE_HEAD];
    struct wire_out out;
    wire_begin(&out, room, sizeof room, 1, 2);
    assert_true(wire_end(&out));
    assert_true(wire_send(pair[0], slice_of(out.at, out.len), 0));
    struct wire_head head;
    char *fields = NULL;
    assert_true(wire_receive(pair[1], 0, &head, &fields));
    assert_int_equal(head.length, 0);
    assert_non_null(fields);
    free(fields);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void the_deadline_ends_waiting(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct wire_head head;
    char *fields = NULL;
    int64_t start = clock_steady();
    assert_false(wire_receive(pair[1], start + 60, &head, &fields));
    assert_true(clock_steady() - start >= 60);
    assert_true(clock_steady() - start < 5000);
    assert_null(fields);
    // Nobody reads: what the socket does not hold cannot be sent.
    char *large = calloc(1, 3U << 20);
    assert_non_null(large);
    start = clock_steady();
    assert_false(wire_send(pair[0], slice_of(large, 3U << 20), start + 60));
    assert_true(clock_steady() - start < 5000);
    free(large);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void a_frame_that_comes_too_slowly_meets_the_deadline(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    char room[64];
    struct slice frame = small_frame(room, sizeof room);
    assert_true(wire_send(pair[0], slice_sub(frame, 0, frame.len - 1), 0));
    struct wire_head head;
    char *fields = NULL;
    assert_false(wire_receive(pair[1], clock_steady() + 60, &head, &fields));
    assert_null(fields);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void an_end_of_file_within_a_frame_is_refused(void **state) {
    (void)state;
    char room[64];
    struct slice frame = small_frame(room, sizeof room);
    for (size_t len = 0; len < frame.len; len++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_true(wire_send(pair[0], slice_sub(frame, 0, len), 0));
        (void)close(pair[0]);
        struct wire_head head;
        char *fields = NULL;
        assert_false(
            wire_receive(pair[1], len % 2 == 0 ? 0 : clock_steady() + 5000, &head, &fields));
        assert_null(fields);
        (void)close(pair[1]);
    }
}

static void a_frame_that_is_none_is_not_read(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(wire_send(pair[0], S("\xFF\xFF\xFF\xFF\0\x01\0\0\0\0\0\0\0\0\0\0"), 0));
    struct wire_head head;
    char *fields = NULL;
    assert_false(wire_receive(pair[1], clock_steady() + 5000, &head, &fields));
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void a_peer_that_is_gone_is_no_signal(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    (void)close(pair[1]);
    assert_false(wire_send(pair[0], S("x"), clock_steady() + 5000));
    (void)close(pair[0]);
    assert_false(wire_send(-1, S("x"), clock_steady() + 5000));
    assert_false(wire_send(-1, S("x"), 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_laid_out_as_described),
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(a_frame_that_does_not_fit_is_not_ended),
        cmocka_unit_test(a_frame_over_the_ceiling_is_not_ended),
        cmocka_unit_test(a_head_of_another_version_or_length_is_refused),
        cmocka_unit_test(fields_in_another_order_break_the_reading),
        cmocka_unit_test(a_field_over_its_bound_breaks_the_reading),
        cmocka_unit_test(a_field_that_is_cut_breaks_the_reading),
        cmocka_unit_test(a_number_of_another_width_breaks_the_reading),
        cmocka_unit_test(bytes_behind_the_last_field_are_not_done),
        cmocka_unit_test(a_large_frame_goes_through_a_socket_with_and_without_deadline),
        cmocka_unit_test(a_large_frame_goes_through_a_pipe_with_and_without_deadline),
        cmocka_unit_test(frames_follow_each_other_one_at_a_time),
        cmocka_unit_test(what_comes_with_a_frame_and_is_not_of_it_refuses_both),
        cmocka_unit_test(a_frame_without_fields_gives_memory_to_free),
        cmocka_unit_test(the_deadline_ends_waiting),
        cmocka_unit_test(a_frame_that_comes_too_slowly_meets_the_deadline),
        cmocka_unit_test(an_end_of_file_within_a_frame_is_refused),
        cmocka_unit_test(a_frame_that_is_none_is_not_read),
        cmocka_unit_test(a_peer_that_is_gone_is_no_signal),
    };
    RUN(tests);
}
