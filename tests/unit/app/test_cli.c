// SPDX-License-Identifier: GPL-3.0-or-later
// Taking a call apart, the exit status, and what is printed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/cli/cli.h"

// ---- catching what is printed
// --------------------------------------------------------------------------

static char printed[16384], complained[16384];

static void take_file(FILE *file, char *to, size_t room) {
    rewind(file);
    size_t len = fread(to, 1, room - 1, file);
    to[len] = '\0';
    (void)fclose(file);
}

struct catch {
    FILE *out, *err;
    int old_out, old_err;
};
static struct catch catch_open(void) {
    struct catch it = {tmpfile(), tmpfile(), dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    assert_true(it.out != NULL && it.err != NULL && it.old_out >= 0 && it.old_err >= 0);
    (void)fflush(stdout);
    assert_true(dup2(fileno(it.out), STDOUT_FILENO) >= 0);
    assert_true(dup2(fileno(it.err), STDERR_FILENO) >= 0);
    return it;
}
static void catch_close(struct catch *it) {
    (void)fflush(stdout);
    assert_true(dup2(it->old_out, STDOUT_FILENO) >= 0);
    assert_true(dup2(it->old_err, STDERR_FILENO) >= 0);
    (void)close(it->old_out);
    (void)close(it->old_err);
    take_file(it->out, printed, sizeof printed);
    take_file(it->err, complained, sizeof complained);
}

// ---- a program of two commands
// -------------------------------------------------------------------------

static size_t runs, tags;
static char word[64], size[64], last_tag[64];
static uint64_t number;
static bool forced, as_json;

static reason act(struct op *op, struct args *args) {
    struct texts all = {NULL, 0};
    runs++;
    (void)snprintf(word, sizeof word, "%.*s", SLICE(args->words[0]));
    (void)snprintf(size, sizeof size, "%.*s", SLICE(args_one(args, "size")));
    forced = args_has(args, "force");
    as_json = args->json;
    number = 7;
    TRY(args_number(op, args, "number", 1, 9, &number));
    TRY(args_all(op, args, "tag", &all));
    tags = all.count;
    if (tags > 0) {
        (void)snprintf(last_tag, sizeof last_tag, "%.*s", SLICE(all.at[tags - 1]));
    }
    return NULL;
}
static reason refuse_it(struct op *op, struct args *args) {
    (void)args;
    op_error(op, S("/name"), REASON_OF(FIELD_REQUIRED), "is missing");
    REFUSE(op, INVALID_INPUT, "no good\nsecond line");
}
static reason fail_it(struct op *op, struct args *args) {
    (void)args;
    REFUSE(op, STORE_UNAVAILABLE, "the disk is full");
}
static reason start_it(struct op *op, struct args *args) {
    (void)op;
    (void)args;
    return REASON_OF(DATA_DIR);
}
static reason say_no(struct op *op, struct args *args) {
    (void)op;
    args->status = CLI_REFUSED;
    return NULL;
}
static reason own_fault(struct op *op, struct args *args) {
    args->own_fault = true;
    REFUSE(op, NOT_FOUND, "nothing to judge by");
}

static const struct cli_option options[] = {
    {"size", "S", false, "how large"}, {"number", "N", false, "how many"},
    {"tag", "T", true, "a tag"},       {"force", NULL, false, "now"},
    {NULL, NULL, false, NULL},
};
#define ROW(name, words, options, run)                                                             \
    { name, words, options, run, "It acts.", NULL, "gatehouse x" }
static const struct cli_action many[] = {
    ROW("act", "WORD", options, act),
    ROW("refuse", "", NULL, refuse_it),
    ROW("fail", "", NULL, fail_it),
    ROW("start", "", NULL, start_it),
    ROW("no", "", NULL, say_no),
    ROW("judge", "", NULL, own_fault),
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const struct cli_action one[] = {
    ROW(NULL, "WORD", options, act),
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const struct cli_command commands[] = {
    {"thing", "things", many}, {"plain", "plain", one}, {NULL, NULL, NULL}};

static int call(const char *first, ...) {
    char *argv[16] = {(char *)(uintptr_t) "gatehouse", (char *)(uintptr_t)first};
    int argc = first != NULL ? 2 : 1;
    va_list list;
    va_start(list, first);
    for (char *next = va_arg(list, char *); first != NULL && next != NULL;
         next = va_arg(list, char *)) {
        argv[argc++] = next;
    }
    va_end(list);
    struct catch it = catch_open();
    int status = cli_run(argc, argv, commands);
    catch_close(&it);
    return status;
}

static void has(const char *text, const char *words) {
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, text);
    }
}

// ---- tests
// ---------------------------------------------------------------------------------------------

static void words_and_options_come_in_any_order(void **state) {
    (void)state;
    assert_int_equal(call("thing", "act", "--tag", "a", "it", "--size=big=er", "--tag=b", "--force",
                          "--number", "9", NULL),
                     CLI_DONE);
    assert_string_equal(word, "it");
    assert_string_equal(size, "big=er");
    assert_string_equal(last_tag, "b");
    assert_int_equal(tags, 2);
    assert_int_equal(number, 9);
    assert_true(forced);
    assert_false(as_json);
    assert_string_equal(complained, "");
}

static void what_is_not_given_is_absent(void **state) {
    (void)state;
    assert_int_equal(call("plain", "it", "--json", NULL), CLI_DONE);
    assert_string_equal(size, "");
    assert_int_equal(number, 7);
    assert_int_equal(tags, 0);
    assert_false(forced);
    assert_true(as_json);
}

static void a_dash_is_a_word_and_two_dashes_end_the_options(void **state) {
    (void)state;
    assert_int_equal(call("plain", "-", NULL), CLI_DONE);
    assert_string_equal(word, "-");
    assert_int_equal(call("plain", "--", "--force", NULL), CLI_DONE);
    assert_string_equal(word, "--force");
    assert_false(forced);
}

static void wrong_use_runs_nothing_and_is_2(void **state) {
    (void)state;
    runs = 0;
    assert_int_equal(call(NULL), CLI_USAGE);
    assert_int_equal(call("nothing", NULL), CLI_USAGE);
    has(complained, "thing, plain");
    assert_int_equal(call("thing", NULL), CLI_USAGE);
    has(complained, "act, refuse, fail");
    assert_int_equal(call("plain", NULL), CLI_USAGE);
    has(complained, "gatehouse plain WORD");
    assert_int_equal(call("plain", "a", "b", NULL), CLI_USAGE);
    assert_int_equal(call("plain", "a", "--colour", NULL), CLI_USAGE);
    assert_int_equal(call("plain", "a", "--size", NULL), CLI_USAGE);
    assert_int_equal(call("plain", "a", "--size", "1", "--size", "2", NULL), CLI_USAGE);
    assert_int_equal(call("plain", "a", "--force=1", NULL), CLI_USAGE);
    assert_int_equal(call("plain", "a", "--size", "\xff", NULL), CLI_USAGE);
    assert_int_equal(call("plain", "\xff", NULL), CLI_USAGE);
    assert_int_equal(runs, 0);
    assert_int_equal(call("plain", "a", "--number", "10", NULL), CLI_USAGE);
    has(complained, "1 to 9");
    has(complained, "see: gatehouse plain --help");
}

static void help_runs_nothing_and_is_0(void **state) {
    (void)state;
    runs = 0;
    assert_int_equal(call("--help", NULL), CLI_DONE);
    has(printed, "thing");
    assert_int_equal(call("thing", "--help", NULL), CLI_DONE);
    has(printed, "usage: gatehouse thing act [OPTION...] WORD");
    assert_int_equal(call("thing", "act", "--help", NULL), CLI_DONE);
    has(printed, "--tag T ...");
    assert_int_equal(call("--version", NULL), CLI_DONE);
    assert_string_equal(printed, "gatehouse " GATEHOUSE_VERSION "\n");
    assert_int_equal(runs, 0);
}

static void a_refusal_is_3_and_a_failure_1(void **state) {
    (void)state;
    assert_int_equal(call("thing", "refuse", NULL), CLI_REFUSED);
    assert_string_equal(complained, "gatehouse: no good?second line (invalid_input)\n"
                                    "gatehouse: /name: is missing (required)\n");
    assert_int_equal(call("thing", "fail", NULL), CLI_FAILED);
    assert_string_equal(complained, "gatehouse: the disk is full\n");
    assert_int_equal(call("thing", "start", NULL), CLI_FAILED);
    assert_string_equal(complained, "gatehouse: The data directory cannot be used.\n");
    assert_int_equal(call("thing", "no", NULL), CLI_REFUSED);
    assert_string_equal(complained, "");
    assert_int_equal(call("thing", "judge", NULL), CLI_FAILED);
}

static void a_table_lines_up_and_cleans_its_cells(void **state) {
    (void)state;
    static const char *const heads[] = {"A", "LONGER", NULL};
    struct op op;
    struct table table;
    op_open(&op, 0);
    table_open(&table, &op, heads);
    assert_null(table_row(&table, (const struct slice[]){S("\xc3\xa9t\xc3\xa9"), S("x")}));
    assert_null(table_row(&table, (const struct slice[]){S("a\x1b[31m"), S("\xff")}));
    struct catch it = catch_open();
    table_show(&table, "none");
    catch_close(&it);
    assert_string_equal(printed, "A       LONGER\n"
                                 "\xc3\xa9t\xc3\xa9     x\n"
                                 "a?[31m  ?\n");
    table_open(&table, &op, heads);
    it = catch_open();
    table_show(&table, "none");
    catch_close(&it);
    assert_string_equal(printed, "none\n");
    op_close(&op);
}

static void members_are_shown_as_words(void **state) {
    (void)state;
    struct op op;
    const struct json *root = NULL;
    op_open(&op, 0);
    assert_null(json_parse(
        &op, S("{\"t\":\"x\",\"n\":5,\"b\":true,\"l\":[\"a\",\"b\"],\"z\":null,\"e\":[]}"), &root));
    static const struct {
        const char *name, *text;
    } rows[] = {{"t", "x"}, {"n", "5"}, {"b", "yes"}, {"l", "a, b"},
                {"z", "-"}, {"e", "-"}, {"q", "-"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice got = show_member(&op, root, rows[i].name);
        assert_true(slice_equal(got, slice_str(rows[i].text)));
    }
    assert_true(slice_equal(show_member(&op, NULL, "t"), S("-")));
    assert_true(slice_equal(api_part(&op, S("a/b?c d")), S("a%2Fb%3Fc%20d")));
    op_close(&op);
}

static void a_file_is_read_up_to_its_ceiling(void **state) {
    (void)state;
    struct op op;
    struct slice bytes;
    op_open(&op, 0);
    assert_null(file_read(&op, S("/proc/self/comm"), 64, &bytes));
    assert_true(bytes.len > 0);
    assert_non_null(file_read(&op, S("/dev/zero"), 100000, &bytes));
    assert_true(slice_find(op.detail, S("larger than the 100000 bytes")) != SIZE_MAX);
    assert_non_null(file_read(&op, S("/nowhere"), 64, &bytes));
    assert_true(slice_find(op.detail, S("/nowhere: No such file")) != SIZE_MAX);
    op_close(&op);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_options_come_in_any_order),
        cmocka_unit_test(what_is_not_given_is_absent),
        cmocka_unit_test(a_dash_is_a_word_and_two_dashes_end_the_options),
        cmocka_unit_test(wrong_use_runs_nothing_and_is_2),
        cmocka_unit_test(help_runs_nothing_and_is_0),
        cmocka_unit_test(a_refusal_is_3_and_a_failure_1),
        cmocka_unit_test(a_table_lines_up_and_cleans_its_cells),
        cmocka_unit_test(members_are_shown_as_words),
        cmocka_unit_test(a_file_is_read_up_to_its_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
