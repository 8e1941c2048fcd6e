// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration: defaults, file, environment, and what is said of a wrong one. And the sample
// file, which must say what the table says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "base/clock.h"

#define SAMPLE "src/dist/gatehouse.conf"

static struct op op;
static char folder[64];

static int open_op(void **state) {
    (void)state;
    op_open(&op, 0);
    (void)clearenv();
    return 0;
}
static int close_op(void **state) {
    (void)state;
    op_close(&op);
    return 0;
}
static int make_folder(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/gatehouse-config-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}
static int remove_folder(void **state) {
    (void)state;
    char path[96];
    (void)snprintf(path, sizeof path, "%s/test.conf", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static const char *file_with(const char *text) {
    static char path[96];
    (void)snprintf(path, sizeof path, "%s/test.conf", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static struct settings loads(const char *text) {
    struct settings settings;
    reason why = config_load(&op, text != NULL ? file_with(text) : NULL, &settings);
    if (why != NULL) {
        fail_msg("%.*s", SLICE(op.detail));
    }
    return settings;
}

static void refuses(const char *text, const char *words) {
    struct settings settings;
    reason why = config_load(&op, text != NULL ? file_with(text) : NULL, &settings);
    assert_ptr_equal(why, REASON_OF(CONFIG_INVALID));
    if (slice_find(op.detail, slice_str(words)) == SIZE_MAX) {
        fail_msg("\"%s\" is not in: %.*s", words, SLICE(op.detail));
    }
}

#define assert_text(slice, text) assert_true(slice_equal(slice, S(text)))

static void without_a_file_the_defaults_hold(void **state) {
    (void)state;
    struct settings settings = loads(NULL);
    assert_text(settings.public_url, "http://localhost:8080");
    assert_text(settings.listen, "127.0.0.1:8080");
    assert_int_equal(settings.login_rate, 0);
    assert_int_equal(settings.session_lifetime, 8 * HOUR_MS);
    assert_false(settings.allow_private_fetch);
}

static void the_file_wins_over_the_defaults_and_the_environment_over_the_file(void **state) {
    (void)state;
    const char *text = "threads = 3; listen = \"127.0.0.1:1\"; allow_private_fetch = true;";
    assert_int_equal(loads(text).threads, 3);
    assert_true(loads(text).allow_private_fetch);
    assert_int_equal(setenv("GATEHOUSE_THREADS", "5", 1), 0);
    assert_int_equal(setenv("GATEHOUSE_ALLOW_PRIVATE_FETCH", "false", 1), 0);
    assert_int_equal(loads(text).threads, 5);
    assert_false(loads(text).allow_private_fetch);
    assert_text(loads(text).listen, "127.0.0.1:1");
}

static void an_unknown_key_is_refused_with_its_line_and_the_known_keys(void **state) {
    (void)state;
    refuses("threads = 3;\nthread = 4;\n", "test.conf:2: there is no key \"thread\"");
    refuses("thread = 4;\n", "public_url, listen, data_dir");
}

static void a_value_of_another_type_or_out_of_bounds_is_refused(void **state) {
    (void)state;
    refuses("threads = \"3\";", "a number");
    refuses("threads = 257;", "1 to 256");
    refuses("listen = 5;", "a text in quotes");
    refuses("allow_private_fetch = 1;", "true or false");
    refuses("session_lifetime = 59;", "60 to 2592000");
    assert_int_equal(loads("session_lifetime = 60;").session_lifetime, MINUTE_MS);
    refuses("threads = ", "the syntax is");
    refuses("store = \"postgres\";", "expected lmdb");
}

static void a_wrong_variable_is_named(void **state) {
    (void)state;
    assert_int_equal(setenv("GATEHOUSE_THREADS", "many", 1), 0);
    refuses(NULL, "GATEHOUSE_THREADS");
    assert_int_equal(setenv("GATEHOUSE_THREADS", "0", 1), 0);
    refuses(NULL, "1 to 256");
}

static void public_url_is_an_origin_and_https_but_on_this_machine(void **state) {
    (void)state;
    assert_text(loads("public_url = \"https://login.example.com/\";").public_url,
                "https://login.example.com");
    assert_text(loads("public_url = \"http://127.0.0.1:9\";").public_url, "http://127.0.0.1:9");
    refuses("public_url = \"http://login.example.com\";", "without https");
    refuses("public_url = \"https://login.example.com/sso\";", "scheme://host");
    refuses("public_url = \"login.example.com\";", "scheme://host");
    refuses("public_url = \"\";", "one line");
}

static void what_metadata_tells_of_the_operator_is_checked(void **state) {
    (void)state;
    assert_text(loads(NULL).contact_email, "");
    assert_text(loads("contact_email = \"saml@gate.example\";").contact_email, "saml@gate.example");
    refuses("contact_email = \"nobody\";", "expected an address");
    assert_text(loads("privacy_url = \"https://gate.example/\";").privacy_url, "https://gate.example/");
    refuses("privacy_url = \"javascript:1\";", "expected https://");
    assert_text(loads("logo_url = \"data:image/png;base64,AA\";").logo_url, "data:image/png;base64,AA");
    refuses("logo_url = \"http://gate.example/\";", "expected https://... or data:image/");
}

static void proxies_are_checked_before_the_start(void **state) {
    (void)state;
    assert_text(loads(NULL).trusted_proxies, "");
    assert_text(loads(NULL).forwarded_header, "X-Forwarded-For");
    assert_text(loads("trusted_proxies = \"10.0.0.0/8, ::1\";").trusted_proxies, "10.0.0.0/8, ::1");
    refuses("trusted_proxies = \"10.0.0.1/8\";", "trusted_proxies: \"10.0.0.1/8\" has bits behind");
    refuses("forwarded_header = \"Via\";", "expected X-Forwarded-For or Forwarded");
    assert_int_equal(setenv("GATEHOUSE_TRUSTED_PROXIES", "proxy.example", 1), 0);
    refuses("trusted_proxies = \"10.0.0.0/8\";", "\"proxy.example\" is neither an address");
}

static void what_is_empty_by_default_can_be_made_empty_again(void **state) {
    (void)state;
    assert_int_equal(setenv("GATEHOUSE_TRUSTED_PROXIES", "", 1), 0);
    assert_text(loads("trusted_proxies = \"10.0.0.0/8\";").trusted_proxies, "");
    refuses("listen = \"\";", "1 to 2048");
    refuses("smtp_password = \"\";", "1 to 2048"); // a secret that came out empty is a mistake
}

static void a_file_that_cannot_be_read_is_named(void **state) {
    (void)state;
    struct settings settings;
    assert_ptr_equal(config_load(&op, "/nowhere/gatehouse.conf", &settings),
                     REASON_OF(CONFIG_INVALID));
    assert_true(slice_find(op.detail, S("/nowhere/gatehouse.conf")) != SIZE_MAX);
}

// ---- the sample
// ----------------------------------------------------------------------------------------

static void the_sample_has_each_key_with_its_sentence_and_its_default(void **state) {
    (void)state;
    static char text[32768];
    FILE *file = fopen(SAMPLE, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    assert_true(len > 0 && len < sizeof text);
    assert_int_equal(fclose(file), 0);
    struct slice whole = slice_of(text, len);
    for (size_t i = 0; i < config_row_count; i++) {
        struct slice row = op_text(&op, "\n# %s\n# %s = %s;\n", config_rows[i].sentence,
                                   config_rows[i].key, config_rows[i].fallback);
        if (slice_find(whole, row) == SIZE_MAX) {
            fail_msg("the sample lacks or says otherwise:%.*s", SLICE(row));
        }
    }
}

static void the_sample_can_be_used_as_it_is_and_has_the_recommended_rates(void **state) {
    (void)state;
    struct settings settings;
    assert_null(config_load(&op, SAMPLE, &settings));
    assert_int_equal(settings.login_rate, 600);
    assert_int_equal(settings.connection_rate, 200);
    assert_int_equal(settings.api_rate, 600);
    assert_text(settings.data_dir, "data");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_op, close_op)
    const struct CMUnitTest tests[] = {
        TEST(without_a_file_the_defaults_hold),
        TEST(the_file_wins_over_the_defaults_and_the_environment_over_the_file),
        TEST(an_unknown_key_is_refused_with_its_line_and_the_known_keys),
        TEST(a_value_of_another_type_or_out_of_bounds_is_refused),
        TEST(a_wrong_variable_is_named),
        TEST(public_url_is_an_origin_and_https_but_on_this_machine),
        TEST(what_metadata_tells_of_the_operator_is_checked),
        TEST(proxies_are_checked_before_the_start),
        TEST(what_is_empty_by_default_can_be_made_empty_again),
        TEST(a_file_that_cannot_be_read_is_named),
        TEST(the_sample_has_each_key_with_its_sentence_and_its_default),
        TEST(the_sample_can_be_used_as_it_is_and_has_the_recommended_rates),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
