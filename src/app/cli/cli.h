// SPDX-License-Identifier: GPL-3.0-or-later
// How a command is described and run. A command is a row with actions; an action is a row with its
// words, its options and an example. The rows make the parser and the help, so neither can say
// something that the other does not do. Exit status: 0 done, 1 failed, 2 usage, 3 refused.
#ifndef GATEHOUSE_APP_CLI_CLI_H
#define GATEHOUSE_APP_CLI_CLI_H

#include "app/control.h"
#include "base/json.h"

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_REFUSED = 3 };

#define ARGS_OPTIONS_MAX 1024 // options in one call: 500 domains of a tenant and the rest
#define ARGS_WORDS_MAX 4

struct cli_option {
    const char *name;  // without the dashes; NULL ends the table
    const char *value; // what it takes, as the help shows it; NULL: it takes nothing
    bool many;         // may come more than once
    const char *line;  // for the help
};
extern const struct cli_option cli_common[]; // --config, --json, --help: every action has them

struct args;
struct cli_action {
    const char *name;                 // "add", "credential add"; NULL: the command's only one
    const char *words;                // "TENANT EMAIL", one name for each word; "" for none
    const struct cli_option *options; // NULL: none but the common ones
    reason (*run)(struct op *op, struct args *args);
    const char *line;    // one sentence
    const char *more;    // further paragraphs of the help, or NULL
    const char *example; // a whole command line
};
struct cli_command {
    const char *name, *line;
    const struct cli_action *actions; // a row without run ends them
};

// One call, taken apart.
struct args {
    const struct cli_command *commands; // all of them
    const struct cli_command *command;
    const struct cli_action *action;
    struct slice words[ARGS_WORDS_MAX];
    struct args_option {
        const struct cli_option *option;
        struct slice value;
    } options[ARGS_OPTIONS_MAX];
    size_t count;
    bool json, help;
    enum cli_exit status; // what a run that is done ends with: CLI_REFUSED where the answer is a no
    bool own_fault;       // a refusal is a failure of the command, not the answer to its question
    bool usage;           // a refusal is a wrong use
    // Made when first needed, closed by cli_run.
    bool settings_read;
    struct settings settings;
    struct control *control;
};

// ---- the call (args.c) ----

// Runs `gatehouse ARGV[1]...`; gives the exit status. Says on stderr, in one sentence, what went
// wrong. A row without name ends the commands.
int cli_run(int argc, char **argv, const struct cli_command *commands);
bool args_has(const struct args *args, const char *name);
struct slice args_one(const struct args *args, const char *name); // at NULL: not given
MUST_USE reason args_all(struct op *op, const struct args *args, const char *name,
                         struct texts *ret_values);
// A number of an option that is there or not (then *ret_number stays).
MUST_USE reason args_number(struct op *op, struct args *args, const char *name, uint64_t min,
                            uint64_t max, uint64_t *ret_number);
// Exit 2, and where the help is.
MUST_USE reason args_wrong(struct op *op, struct args *args, const char *format, ...)
    PRINTF_LIKE(3, 4);
// At most one of two switches.
MUST_USE reason args_either(struct op *op, struct args *args, const char *one, const char *other);
// The configuration of --config and the environment, read once.
MUST_USE reason args_settings(struct op *op, struct args *args,
                              const struct settings **ret_settings);

// ---- help (help.c) ----

void help_all(const struct cli_command *commands);
void help_command(const struct cli_command *command);
void help_action(const struct cli_command *command, const struct cli_action *action);

// ---- files (file.c) ----

// The whole of a file, "-" for standard input. internal: cannot be read, or over `max` bytes.
MUST_USE reason file_read(struct op *op, struct slice path, size_t max, struct slice *ret_bytes);

// ---- the API (api.c) ----

// The way to the gate, before the first request: for who asks with ops that end before the command does.
MUST_USE reason api_open(struct op *op, struct args *args);
// "acme" as part of a path, escaped.
struct slice api_part(struct op *op, struct slice text);
// Asks the gate; 2xx: the answer (NULL for an empty one) and its text as it came. Otherwise the
// problem as a refusal: its reason, its detail, its field errors in op. With --json a problem is
// printed as it came.
MUST_USE reason api_ask(struct op *op, struct args *args, enum method method, struct slice target,
                        const struct json *body, const struct json **ret_answer,
                        struct slice *ret_text);
// POST of something that is no JSON; the answer is an object.
MUST_USE reason api_send(struct op *op, struct args *args, struct slice target, const char *type,
                         struct slice body, const struct json **ret_answer);
// Asks, prints the answer's JSON when --json, else nothing; *ret_answer for the caller to show.
MUST_USE reason api_tell(struct op *op, struct args *args, enum method method, struct slice target,
                         const struct json *body, const struct json **ret_answer);
// The same, for an answer that is an object; peer_failed when it is none.
MUST_USE reason api_get(struct op *op, struct args *args, struct slice target,
                        const struct json **ret_object);
// A page of JSON Lines as it came; *ret_cursor is for the next page, "" when this was the last.
MUST_USE reason api_lines(struct op *op, struct args *args, struct slice target,
                          struct slice *ret_lines, struct slice *ret_cursor);
// Puts the values of a repeated option into an object as a list; nothing when it was not given.
MUST_USE reason api_put_list(struct op *op, const struct args *args, const char *option,
                             struct json *object, const char *member);
// All pages of a list, or the first `limit` items (0: all). With --json: {"items":[...]}, for one
// page as it came.
MUST_USE reason api_list(struct op *op, struct args *args, struct slice target, uint64_t limit,
                         const struct json **ret_items);

// ---- showing (show.c): whatever is printed may come from a message, so control characters never
// get out ----

void show(struct slice text);
void show_line(const char *format, ...)
    PRINTF_LIKE(1, 2); // a line; \n at the front: an empty one before
// "label          value"; nothing is aligned wider than a label.
void show_pair(const char *label, struct slice value);
// A line to stderr: "gatehouse: ...".
void show_error(struct slice text);
void show_json_text(struct slice text); // JSON text and a line end
MUST_USE reason show_json(struct op *op, const struct json *value);
// Members of an answer as text: "yes"/"no", numbers, lists joined with ", ", "-" for null and
// absent ones.
struct slice show_member(struct op *op, const struct json *object, const char *name);
struct slice show_value(struct op *op, const struct json *value);

#define TABLE_COLUMNS_MAX 8
struct table {
    struct op *op;
    size_t columns;
    const char *const *heads;
    struct slice *cells;
    size_t rows, room;
};
// heads: NULL at the end.
void table_open(struct table *table, struct op *op, const char *const *heads);
MUST_USE reason table_row(struct table *table, const struct slice *cells);
// Aligned, with the heads; `none` when there are no rows.
void table_show(const struct table *table, const char *none);

// ---- files of people (bulk.c): actions of `user` ----

reason bulk_import(struct op *op, struct args *args);
reason bulk_export(struct op *op, struct args *args);
extern const struct cli_option bulk_import_options[];

// ---- the commands' actions ----

extern const struct cli_action init_actions[], serve_actions[], token_actions[], check_actions[],
    metadata_actions[], tenant_actions[], connection_actions[], user_actions[],
    service_user_actions[], application_actions[], job_actions[], role_actions[],
    organization_actions[], request_actions[], rule_actions[], trace_actions[], audit_actions[],
    mail_actions[], keys_actions[], backup_actions[], restore_actions[], selftest_actions[],
    export_actions[], import_actions[];

#endif
