// SPDX-License-Identifier: GPL-3.0-or-later
// The queue of requests: lanes take turns, the longest gives way when it is full, and what was accepted is run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "http/queue.h"

#define MOST 8

struct job {
    struct queue_job job; // first
    char name;
};
struct scene {
    struct queue *queue;
    pthread_mutex_t gate; // held: the one thread waits in its first job
    bool held;
    _Atomic bool entered; // it is in its first job
    char order[64];
    size_t ran;
    struct job jobs[64];
    size_t made;
};

static void run(struct queue_job *job, void *arg) {
    struct scene *scene = arg;
    scene->entered = true;
    (void)pthread_mutex_lock(&scene->gate);
    scene->order[scene->ran++] = ((struct job *)job)->name;
    (void)pthread_mutex_unlock(&scene->gate);
}

// The name of the job that has no place, or '-'.
static char put(struct scene *scene, char name, unsigned lane) {
    struct job *job = &scene->jobs[scene->made++];
    job->name = name;
    struct queue_job *out = queue_put(scene->queue, &job->job, lane);
    return out == NULL ? '-' : ((struct job *)out)->name;
}

static int scene_open(void **state) {
    static struct scene scene;
    scene = (struct scene){.ran = 0};
    (void)pthread_mutex_init(&scene.gate, NULL);
    (void)pthread_mutex_lock(&scene.gate);
    scene.held = true;
    scene.queue = queue_open(1, MOST, run, &scene);
    assert_non_null(scene.queue);
    assert_int_equal(put(&scene, '0', 0), '-'); // the thread is at work with this one
    while (!scene.entered) {
        struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
    *state = &scene;
    return 0;
}
static int scene_close(void **state) {
    struct scene *scene = *state;
    if (scene->held) { // the test failed before it let go
        (void)pthread_mutex_unlock(&scene->gate);
    }
    queue_close(scene->queue);
    (void)pthread_mutex_destroy(&scene->gate);
    return 0;
}
static const char *in_order(struct scene *scene) {
    (void)pthread_mutex_unlock(&scene->gate);
    scene->held = false;
    queue_stop(scene->queue);
    return scene->order;
}

static void lanes_take_turns(void **state) {
    struct scene *scene = *state;
    for (const char *name = "abcd"; *name != '\0'; name++) {
        assert_int_equal(put(scene, *name, 1), '-');
    }
    assert_int_equal(put(scene, 'X', 2), '-');
    assert_int_equal(put(scene, 'Y', 2), '-');
    assert_int_equal(put(scene, '!', 3), '-');
    assert_string_equal(in_order(scene), "0aX!bYcd");
}

static void the_longest_lane_gives_way_when_there_is_no_room(void **state) {
    struct scene *scene = *state;
    for (const char *name = "abcdefgh"; *name != '\0'; name++) {
        assert_int_equal(put(scene, *name, 1), '-');
    }
    assert_int_equal(put(scene, 'i', 1), 'i'); // its own lane is the longest
    assert_true(queue_is_full(scene->queue, 1));
    assert_false(queue_is_full(scene->queue, 2));
    assert_int_equal(put(scene, 'X', 2), 'h');
    assert_int_equal(put(scene, 'Y', 2), 'g');
    assert_int_equal(put(scene, 'Z', 2), 'f');
    assert_int_equal(put(scene, 'U', 3), 'e');
    assert_int_equal(put(scene, 'V', 2), 'V'); // four and three: nothing is gained by it
    assert_string_equal(in_order(scene), "0aXUbYcZd");
}

static void nothing_is_taken_after_the_end(void **state) {
    struct scene *scene = *state;
    assert_int_equal(put(scene, 'a', 1), '-');
    assert_string_equal(in_order(scene), "0a");
    assert_int_equal(put(scene, 'b', 2), 'b');
}

static void a_lane_is_of_its_key(void **state) {
    struct scene *scene = *state;
    unsigned seen[QUEUE_LANES] = {0};
    for (int i = 0; i < 1000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "tenant-%d", i);
        unsigned lane = queue_lane(scene->queue, slice_str(key));
        assert_true(lane < QUEUE_LANES);
        assert_int_equal(lane, queue_lane(scene->queue, slice_str(key)));
        seen[lane]++;
    }
    for (int i = 0; i < QUEUE_LANES; i++) {
        assert_true(seen[i] < 60); // some 16 each
    }
    (void)in_order(scene);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(lanes_take_turns),
        T(the_longest_lane_gives_way_when_there_is_no_room),
        T(nothing_is_taken_after_the_end),
        T(a_lane_is_of_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
