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
#include <sched.h>
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
    _Atomic size_t entered; // calls of run so far
    char order[128];
    size_t ran;
    _Atomic bool rests; // each rests at once
    struct job jobs[64];
    size_t made;
};

// Several that are run together stand in brackets.
static void run(struct queue_job *const *jobs, size_t count, void *arg) {
    struct scene *scene = arg;
    scene->entered++;
    if (scene->rests) {
        queue_rest();
    }
    (void)pthread_mutex_lock(&scene->gate);
    if (count > 1) {
        scene->order[scene->ran++] = '[';
    }
    for (size_t i = 0; i < count; i++) {
        scene->order[scene->ran++] = ((struct job *)jobs[i])->name;
    }
    if (count > 1) {
        scene->order[scene->ran++] = ']';
    }
    (void)pthread_mutex_unlock(&scene->gate);
}

// The name of the job that has no place, or '-'.
static char put(struct scene *scene, char name, unsigned lane) {
    struct job *job = &scene->jobs[scene->made++];
    job->name = name;
    job->job.shares = name >= 'a' && name <= 'z'; // small letters share
    struct queue_job *out = queue_put(scene->queue, &job->job, lane);
    queue_go(scene->queue);
    return out == NULL ? '-' : ((struct job *)out)->name;
}

static void wait_for(struct scene *scene, size_t entered) {
    while (scene->entered < entered) {
        struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
}

// The queue thinks that there is one core, wherever the test runs.
static struct queue *open_on_one_core(size_t threads, struct scene *scene) {
    cpu_set_t all;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    struct queue *queue = queue_open(threads, MOST, run, scene);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    return queue;
}

static int open_with(void **state, size_t threads) {
    static struct scene scene;
    scene = (struct scene){.ran = 0};
    (void)pthread_mutex_init(&scene.gate, NULL);
    (void)pthread_mutex_lock(&scene.gate);
    scene.held = true;
    scene.queue = open_on_one_core(threads, &scene);
    assert_non_null(scene.queue);
    assert_int_equal(put(&scene, '0', 0), '-'); // one thread is at work with this one
    wait_for(&scene, 1);
    *state = &scene;
    return 0;
}
static int scene_open(void **state) {
    return open_with(state, 1);
}
static int threads_open(void **state) {
    return open_with(state, 5);
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
    for (const char *name = "ABCD"; *name != '\0'; name++) {
        assert_int_equal(put(scene, *name, 1), '-');
    }
    assert_int_equal(put(scene, 'X', 2), '-');
    assert_int_equal(put(scene, 'Y', 2), '-');
    assert_int_equal(put(scene, '!', 3), '-');
    assert_string_equal(in_order(scene), "0AX!BYCD");
}

static void the_longest_lane_gives_way_when_there_is_no_room(void **state) {
    struct scene *scene = *state;
    for (const char *name = "ABCDEFGH"; *name != '\0'; name++) {
        assert_int_equal(put(scene, *name, 1), '-');
    }
    assert_int_equal(put(scene, 'I', 1), 'I'); // its own lane is the longest
    assert_true(queue_is_full(scene->queue, 1));
    assert_false(queue_is_full(scene->queue, 2));
    assert_int_equal(put(scene, 'X', 2), 'H');
    assert_int_equal(put(scene, 'Y', 2), 'G');
    assert_int_equal(put(scene, 'Z', 2), 'F');
    assert_int_equal(put(scene, 'U', 3), 'E');
    assert_int_equal(put(scene, 'V', 2), 'V'); // four and three: nothing is gained by it
    assert_string_equal(in_order(scene), "0AXUBYCZD");
}

static void nothing_is_taken_after_the_end(void **state) {
    struct scene *scene = *state;
    assert_int_equal(put(scene, 'A', 1), '-');
    assert_string_equal(in_order(scene), "0A");
    assert_int_equal(put(scene, 'B', 2), 'B');
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

// ---- jobs that share ----

static void those_that_share_are_run_together_in_the_order_of_the_lanes(void **state) {
    struct scene *scene = *state;
    for (const char *name = "abc"; *name != '\0'; name++) {
        assert_int_equal(put(scene, *name, 1), '-');
    }
    assert_int_equal(put(scene, 'x', 2), '-');
    assert_int_equal(put(scene, 'y', 3), '-');
    assert_string_equal(in_order(scene), "0[axybc]");
}

static void one_that_does_not_share_is_not_overtaken(void **state) {
    struct scene *scene = *state;
    assert_int_equal(put(scene, 'a', 1), '-');
    assert_int_equal(put(scene, 'b', 1), '-');
    assert_int_equal(put(scene, 'N', 2), '-');
    assert_int_equal(put(scene, 'M', 2), '-');
    assert_int_equal(put(scene, 'c', 3), '-');
    assert_string_equal(in_order(scene), "0aN[cb]M");
}

static void no_more_than_so_many_are_run_together(void **state) {
    struct scene *scene = *state;
    for (char name = 'a'; name < 'a' + MOST; name++) {
        assert_int_equal(put(scene, name, 1), '-');
    }
    assert_string_equal(in_order(scene), "0[abcdefgh]");
}

// ---- several threads on one core ----

static void what_was_put_before_it_is_told_to_go_goes_together(void **state) {
    struct scene *scene = *state;
    (void)pthread_mutex_unlock(&scene->gate);
    scene->held = false;
    while (queue_busy(scene->queue) > 0) {
        struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
    size_t before = scene->entered;
    for (size_t i = 0; i < 3; i++) {
        struct job *job = &scene->jobs[scene->made++];
        job->name = (char)('a' + i);
        job->job.shares = true;
        assert_null(queue_put(scene->queue, &job->job, (unsigned)i));
    }
    struct timespec pause = {.tv_nsec = 20000000};
    (void)nanosleep(&pause, NULL);
    assert_int_equal(scene->entered, before);
    queue_go(scene->queue);
    queue_go(scene->queue); // once too often
    queue_stop(scene->queue);
    assert_string_equal(scene->order, "0[abc]");
}

static void those_that_come_while_others_are_at_work_gather(void **state) {
    struct scene *scene = *state;
    assert_int_equal(put(scene, 'a', 1), '-');
    wait_for(scene, 2);
    assert_int_equal(put(scene, 'b', 1), '-');
    wait_for(scene, 3); // one for the core, and one more
    assert_int_equal(put(scene, 'c', 1), '-');
    assert_int_equal(put(scene, 'd', 2), '-');
    assert_int_equal(put(scene, 'N', 2), '-');
    assert_int_equal(put(scene, 'M', 3), '-'); // does not share: waits for none of them
    wait_for(scene, 4);
    assert_int_equal(queue_busy(scene->queue), 7);
    const char *order = in_order(scene);
    assert_non_null(strstr(order, "[cd]"));
    assert_non_null(strchr(order, 'N'));
    assert_int_equal(strlen(order), 9);
}

static void who_rests_makes_place_for_the_next(void **state) {
    struct scene *scene = *state;
    scene->rests = true;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(put(scene, (char)('a' + i), 1), '-');
        wait_for(scene, i + 2);
    }
    queue_rest(); // of a thread that is none of the queue's: nothing
    assert_int_equal(strlen(in_order(scene)), 5);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)
#define THREADS(name) cmocka_unit_test_setup_teardown(name, threads_open, scene_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(lanes_take_turns),
        T(the_longest_lane_gives_way_when_there_is_no_room),
        T(nothing_is_taken_after_the_end),
        T(a_lane_is_of_its_key),
        T(those_that_share_are_run_together_in_the_order_of_the_lanes),
        T(one_that_does_not_share_is_not_overtaken),
        T(no_more_than_so_many_are_run_together),
        THREADS(what_was_put_before_it_is_told_to_go_goes_together),
        THREADS(those_that_come_while_others_are_at_work_gather),
        THREADS(who_rests_makes_place_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
