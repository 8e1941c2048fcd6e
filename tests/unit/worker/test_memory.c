// SPDX-License-Identifier: GPL-3.0-or-later
// libxml2's memory in a worker: what is written into a piece stays, whatever is asked and given
// back around it, and after a message all pieces are back.
#include "base/unit.h"

#include <stdalign.h>

#include <libxml/xmlmemory.h>

#include "worker/canonicalise.h"
#include "worker/memory.h"

#define PIECES 64
#define ROUNDS 200000

#ifndef GATEHOUSE_SANITIZER
static uint64_t seed = 20261128;
static size_t below(size_t most) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % most);
}

static void check(const unsigned char *at, size_t size, size_t which) {
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(at[i], which);
    }
}

static void pieces_do_not_touch_each_other(void **state) {
    (void)state;
    unsigned char *pieces[PIECES] = {NULL};
    size_t sizes[PIECES] = {0};
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t which = below(PIECES);
        size_t size = 1 + (below(50) == 0 ? below(MEMORY_REGION) : below(300));
        check(pieces[which], sizes[which], which);
        if (pieces[which] == NULL || below(2) == 0) {
            size_t kept = size < sizes[which] ? size : sizes[which];
            pieces[which] = xmlRealloc(pieces[which], size);
            assert_non_null(pieces[which]);
            assert_int_equal((uintptr_t)pieces[which] % alignof(max_align_t), 0);
            check(pieces[which], kept, which);
            memset(pieces[which], (int)which, size);
            sizes[which] = size;
        } else {
            xmlFree(pieces[which]);
            pieces[which] = NULL;
            sizes[which] = 0;
        }
    }
    for (size_t i = 0; i < PIECES; i++) {
        check(pieces[i], sizes[i], i);
        xmlFree(pieces[i]);
    }
    assert_int_equal(memory_live(), 0);
}

static void sizes_that_cannot_be_are_refused(void **state) {
    (void)state;
    void *at = xmlMalloc(100);
    assert_non_null(at);
    static volatile size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_null(xmlMalloc(sizes[i]));
        assert_null(xmlRealloc(at, sizes[i]));
    }
    xmlFree(at);
    assert_int_equal(memory_live(), 0);
}

static void after_a_message_all_pieces_are_back(void **state) {
    static const char *const texts[] = {
        "<p:Response xmlns:p='" NS_SAMLP "' ID='r'><s:Issuer xmlns:s='" NS_SAML
        "'>i</s:Issuer><a>&amp;</a></p:Response>",
        "<p:Response xmlns:p='" NS_SAMLP "'><a></p:Response>",
        "<!DOCTYPE a><a/>",
        "<a b='c' b='d'/>",
    };
    struct msg_canonical message;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        reason why = canonicalise_message(*state, slice_str(texts[i]), &message);
        assert_int_equal(why == NULL, i == 0);
        xmlResetLastError();
        assert_int_equal(memory_live(), 0);
    }
    void *at = xmlMalloc(100);
    assert_int_equal(memory_live(), 1); // and it was not malloc that gave them
    xmlFree(at);
}
#endif

static int start(void **state) {
    (void)state;
    memory_init();
    xml_init();
    memory_start();
    return 0;
}

#ifdef GATEHOUSE_SANITIZER
static void a_sanitizer_watches_malloc(void **state) {
    (void)state;
    void *at = xmlMalloc(100);
    assert_int_equal(memory_live(), 0);
    xmlFree(at);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef GATEHOUSE_SANITIZER
        TEST(a_sanitizer_watches_malloc),
#else
        TEST(pieces_do_not_touch_each_other),
        TEST(sizes_that_cannot_be_are_refused),
        TEST(after_a_message_all_pieces_are_back),
#endif
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
