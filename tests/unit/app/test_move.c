// SPDX-License-Identifier: GPL-3.0-or-later
// A configuration as one document: what is no such document is refused by field, and what two say otherwise is told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "app/cli/move.h"

static struct op op;

static int open_op(void **state) {
    (void)state;
    op_open(&op, 0);
    return 0;
}
static int close_op(void **state) {
    (void)state;
    op_close(&op);
    return 0;
}

// JSON of the test, with ' for ".
static const struct json *json_of(const char *text) {
    const struct json *root = NULL;
    struct slice copy = S("");
    assert_null(op_copy(&op, slice_str(text), &copy));
    char *at = NULL;
    assert_null(op_take(&op, copy.len + 1, &at));
    for (size_t i = 0; i < copy.len; i++) {
        at[i] = copy.at[i] == '\'' ? '"' : copy.at[i];
    }
    assert_null(json_parse(&op, slice_of(at, copy.len), &root));
    return root;
}

// ---- differences --------------------------------------------------------------------------------------

// All of them, with " | " between.
static const char *told(const char *stored, const char *wanted) {
    struct texts found = {NULL, 0};
    struct slice all = S("");
    assert_null(move_differences(&op, json_of(stored), json_of(wanted), &found));
    for (size_t i = 0; i < found.count; i++) {
        all = op_text(&op, "%.*s%s%.*s", SLICE(all), i > 0 ? " | " : "", SLICE(found.at[i]));
    }
    const char *text = NULL;
    assert_null(op_cstr(&op, all, &text));
    return text;
}

static void what_is_equal_is_no_difference(void **state) {
    (void)state;
    assert_string_equal(told("{'a':1,'b':'x','c':true,'d':null,'e':['p','q']}",
                             "{'e':['q','p'],'d':null,'c':true,'b':'x','a':1}"), "");
    assert_string_equal(told("{}", "{'a':null}"), ""); // nothing is as good as null
    assert_string_equal(told("{'r':[{'match':'exact','roles':['a','b'],'to':null}]}",
                             "{'r':[{'roles':['b','a'],'match':'exact'}]}"), "");
}

static void what_is_not_named_does_not_count(void **state) {
    (void)state;
    assert_string_equal(told("{'a':1,'b':2}", "{'a':1}"), "");
    assert_string_equal(told("{'a':1,'b':2}", "{}"), "");
}

static void plain_values_are_told_before_and_after(void **state) {
    (void)state;
    assert_string_equal(told("{'skew_seconds':180}", "{'skew_seconds':60}"), "skew_seconds 180 -> 60");
    assert_string_equal(told("{'on':true,'name':'A'}", "{'on':false,'name':'B'}"),
                        "on true -> false | name \"A\" -> \"B\"");
    assert_string_equal(told("{'name':null}", "{'name':'B'}"), "name none -> \"B\"");
    assert_string_equal(told("{'name':'B'}", "{'name':null}"), "name \"B\" -> none");
    assert_string_equal(told("{'n':1}", "{'n':'1'}"), "n 1 -> \"1\""); // another type is another value
    assert_string_equal(told("{'n':0}", "{'n':false}"), "n 0 -> false");
}

static void of_a_set_is_told_what_comes_and_what_goes(void **state) {
    (void)state;
    assert_string_equal(told("{'domains':['a','b']}", "{'domains':['b','c']}"), "domains +c -a");
    assert_string_equal(told("{'domains':[]}", "{'domains':['a']}"), "domains +a");
    assert_string_equal(told("{'domains':['a']}", "{'domains':[]}"), "domains -a");
    assert_string_equal(told("{}", "{'domains':['a']}"), "domains none -> [\"a\"]");
}

static void where_order_means_something_it_counts(void **state) {
    (void)state;
    assert_string_equal(told("{'authn_context':['a','b']}", "{'authn_context':['b','a']}"),
                        "authn_context 2 -> 2 entries, other from entry 1 on");
    assert_string_equal(told("{'r':[{'v':'a'},{'v':'b'}]}", "{'r':[{'v':'b'},{'v':'a'}]}"),
                        "r 2 -> 2 entries, other from entry 1 on");
    assert_string_equal(told("{'r':[{'v':'a'}]}", "{'r':[{'v':'a'},{'v':'b'}]}"),
                        "r 1 -> 2 entries, other from entry 2 on");
    assert_string_equal(told("{'r':[{'v':'a','to':'x'}]}", "{'r':[{'v':'a'}]}"),
                        "r 1 -> 1 entries, other from entry 1 on");
    assert_string_equal(told("{'r':[{'v':'a'}]}", "{'r':[{'v':'a','to':'x'}]}"),
                        "r 1 -> 1 entries, other from entry 1 on");
    assert_string_equal(told("{'r':[]}", "{'r':[{'v':'a'}]}"), "r 0 -> 1 entries, other from entry 1 on");
}

static void long_values_are_cut(void **state) {
    (void)state;
    char wanted[512];
    (void)snprintf(wanted, sizeof wanted, "{'certificates':['%0200d']}", 7);
    const char *text = told("{'certificates':[]}", wanted);
    assert_true(strlen(text) < 100);
    assert_non_null(strstr(text, "..."));
}

// ---- the document's checks ------------------------------------------------------------------------------

#define HEAD "{'format':'gatehouse-configuration','version':1,"

// The pointer of the first thing that is wrong.
static const char *wrong_at(const char *text) {
    const char *pointer = NULL;
    op.error_count = 0;
    assert_ptr_equal(move_check(&op, json_of(text)), REASON_OF(INVALID_INPUT));
    assert_true(op.error_count > 0);
    assert_null(op_cstr(&op, op.errors[0].pointer, &pointer));
    return pointer;
}

static void a_document_is_taken(void **state) {
    (void)state;
    assert_null(move_check(&op, json_of(HEAD "'tenants':[]}")));
    assert_null(move_check(&op, json_of(HEAD "'organizations':[{'slug':'g','name':'G'}]}")));
    assert_null(move_check(
        &op, json_of(HEAD
             "'tenants':[{'slug':'a','name':'A','domains':['a.example'],'organization':null,"
             "'environment':'staging','settings':{'invite_days':3},'roles':[{'role_id':'r','name':'R',"
             "'permissions':['audit:view']}],'overrides':[{'role_id':'admin','denied':['audit:view']}],"
             "'connections':[{'slug':'c','disabled':true,'idp':{'entity_id':'urn:i','sso':[{'binding':'post',"
             "'location':'https://i.example'}],'certificates':['MII'],'valid_until':null},"
             "'policy':{'skew_seconds':60},'rules':{'mode':'additive','rules':[]}}]}]}")));
}

static void another_format_or_version_is_told_first(void **state) {
    (void)state;
    assert_string_equal(wrong_at("[]"), "");
    assert_string_equal(wrong_at("{}"), "/format");
    assert_string_equal(wrong_at("{'format':'people','version':1,'x':1}"), "/format");
    assert_string_equal(wrong_at("{'format':'gatehouse-configuration','x':1}"), "/version");
    assert_string_equal(wrong_at("{'format':'gatehouse-configuration','version':2,'x':1}"), "/version");
    assert_string_equal(wrong_at("{'format':'gatehouse-configuration','version':'1'}"), "/version");
}

static void unknown_members_are_refused_at_each_level(void **state) {
    (void)state;
    assert_string_equal(wrong_at(HEAD "'users':[]}"), "/users");
    assert_string_equal(wrong_at(HEAD "'organizations':[{'slug':'g','administrators':[]}]}"),
                        "/organizations/0/administrators");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a'},{'slug':'b','number':7}]}"),
                        "/tenants/1/number");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','settings':{'secret':1}}]}"),
                        "/tenants/0/settings/secret");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','connections':[{'slug':'c','policy':{'a/b':1}}]}]}"),
                        "/tenants/0/connections/0/policy/a~1b");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','connections':[{'slug':'c','rules':"
                                      "{'rules':[{'match':'exact','value':'v','roles':[],'x':1}]}}]}]}"),
                        "/tenants/0/connections/0/rules/rules/0/x");
}

static void wrong_types_and_values_are_refused(void **state) {
    (void)state;
    assert_string_equal(wrong_at(HEAD "'tenants':{}}"), "/tenants");
    assert_string_equal(wrong_at(HEAD "'tenants':[7]}"), "/tenants/0");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'name':'A'}]}"), "/tenants/0/slug");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','settings':[]}]}"), "/tenants/0/settings");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','settings':{'invite_days':1000}}]}"),
                        "/tenants/0/settings/invite_days");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','connections':[{'slug':'c','idp':{'entity_id':'u',"
                                      "'sso':[{'location':'l'}],'certificates':'x'}}]}]}"),
                        "/tenants/0/connections/0/idp/certificates");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','connections':[{'slug':'c','idp':{'entity_id':'u',"
                                      "'sso':[{'location':'l'}],'certificates':['x',1]}}]}]}"),
                        "/tenants/0/connections/0/idp/certificates/1");
}

static void a_name_is_there_once(void **state) {
    (void)state;
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'b'},{'slug':'a'},{'slug':'b'}]}"),
                        "/tenants/2/slug");
    assert_string_equal(wrong_at(HEAD "'tenants':[{'slug':'a','roles':[{'role_id':'r'},{'role_id':'r'}]}]}"),
                        "/tenants/0/roles/1/role_id");
}

// ---- addresses ----------------------------------------------------------------------------------------

static void a_name_is_escaped_in_an_address(void **state) {
    (void)state;
    struct slice address = move_address(&op, "/tenants/%t/roles/%n/override", S("a/b"), S("c?d"));
    assert_true(slice_equal(address, S("/tenants/a%2Fb/roles/c%3Fd/override")));
}

#define MOVE_TEST(name) cmocka_unit_test_setup_teardown(name, open_op, close_op)
int main(void) {
    const struct CMUnitTest tests[] = {
        MOVE_TEST(what_is_equal_is_no_difference),
        MOVE_TEST(what_is_not_named_does_not_count),
        MOVE_TEST(plain_values_are_told_before_and_after),
        MOVE_TEST(of_a_set_is_told_what_comes_and_what_goes),
        MOVE_TEST(where_order_means_something_it_counts),
        MOVE_TEST(long_values_are_cut),
        MOVE_TEST(a_document_is_taken),
        MOVE_TEST(another_format_or_version_is_told_first),
        MOVE_TEST(unknown_members_are_refused_at_each_level),
        MOVE_TEST(wrong_types_and_values_are_refused),
        MOVE_TEST(a_name_is_there_once),
        MOVE_TEST(a_name_is_escaped_in_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
