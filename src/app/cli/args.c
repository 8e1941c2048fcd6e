// SPDX-License-Identifier: GPL-3.0-or-later
// Takes a call apart by the rows of its action, runs it, and says how it ended. Options may stand
// anywhere;
// "--" ends them; "-" is a word.
#include "app/cli/cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

#define MESSAGE_MAX 1024
#define COMMAND_MEMORY (64U << 20) // a list of all people, asked for page by page

const struct cli_option cli_common[] = {
    {"config", "FILE", false, "the configuration; default gatehouse.conf, where it is there"},
    {"json", NULL, false, "print JSON"},
    {"help", NULL, false, "print this and exit"},
    {NULL, NULL, false, NULL},
};

reason args_wrong(struct op *op, struct args *args, const char *format, ...) {
    char message[MESSAGE_MAX];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(message, sizeof message, format, list);
    va_end(list);
    args->usage = true;
    bool inner = args->action != NULL && args->action->name != NULL;
    return op_refuse(op, REASON_OF(MALFORMED_REQUEST), "%s; see: gatehouse %s%s%s--help", message,
                     args->command != NULL ? args->command->name : "",
                     args->command != NULL ? " " : "",
                     inner ? op_text(op, "%s ", args->action->name).at : "");
}

// ---- options ----

static const struct cli_option *find_in(const struct cli_option *options, struct slice name) {
    for (; options != NULL && options->name != NULL; options++) {
        if (slice_equal(slice_str(options->name), name)) {
            return options;
        }
    }
    return NULL;
}

static const struct cli_option *find_option(const struct args *args, struct slice name) {
    const struct cli_option *option = find_in(args->action->options, name);
    return option != NULL ? option : find_in(cli_common, name);
}

static const struct args_option *given(const struct args *args, const char *name) {
    CHECK(find_option(args, slice_str(name)) != NULL); // a typing error of ours
    for (size_t i = 0; i < args->count; i++) {
        if (strcmp(args->options[i].option->name, name) == 0) {
            return &args->options[i];
        }
    }
    return NULL;
}

bool args_has(const struct args *args, const char *name) {
    return given(args, name) != NULL;
}

struct slice args_one(const struct args *args, const char *name) {
    const struct args_option *option = given(args, name);
    return option != NULL ? option->value : SLICE_NONE;
}

reason args_all(struct op *op, const struct args *args, const char *name,
                struct texts *ret_values) {
    struct texts values = {NULL, 0};
    TRY(op_take(op, (args->count + 1) * sizeof *values.at, &values.at));
    for (size_t i = 0; i < args->count; i++) {
        if (strcmp(args->options[i].option->name, name) == 0) {
            values.at[values.count++] = args->options[i].value;
        }
    }
    *ret_values = values;
    return NULL;
}

reason args_number(struct op *op, struct args *args, const char *name, uint64_t min, uint64_t max,
                   uint64_t *ret_number) {
    struct slice text = args_one(args, name);
    uint64_t number = 0;
    if (text.at == NULL) {
        return NULL;
    }
    if (!text_u64(text, max, &number) || number < min) {
        return args_wrong(op, args, "--%s is \"%.*s\", expected a number from %llu to %llu", name,
                          SLICE(text), (unsigned long long)min, (unsigned long long)max);
    }
    *ret_number = number;
    return NULL;
}

reason args_either(struct op *op, struct args *args, const char *one, const char *other) {
    if (args_has(args, one) && args_has(args, other)) {
        return args_wrong(op, args, "--%s and --%s do not go together", one, other);
    }
    return NULL;
}

static reason take_option(struct op *op, struct args *args, struct slice text, const char *next,
                          bool *ret_used_next) {
    struct slice rest = slice_sub(text, 2, text.len);
    struct slice name = rest;
    size_t mark = slice_find(rest, S("="));
    bool has_value = mark != SIZE_MAX;
    struct slice value = has_value ? slice_sub(rest, mark + 1, rest.len) : SLICE_NONE;
    *ret_used_next = false;
    name = slice_sub(rest, 0, mark);
    const struct cli_option *option = find_option(args, name);
    if (option == NULL) {
        return args_wrong(op, args, "there is no option --%.*s here", SLICE(name));
    }
    if (option->value == NULL && has_value) {
        return args_wrong(op, args, "--%s takes no value", option->name);
    }
    if (option->value != NULL && !has_value) {
        if (next == NULL) {
            return args_wrong(op, args, "--%s needs a value: --%s %s", option->name, option->name,
                              option->value);
        }
        value = slice_str(next);
        *ret_used_next = true;
    }
    if (!option->many && given(args, option->name) != NULL) {
        return args_wrong(op, args, "--%s is there twice", option->name);
    }
    if (args->count == ARGS_OPTIONS_MAX) {
        return args_wrong(op, args, "more than %d options", ARGS_OPTIONS_MAX);
    }
    if (value.at != NULL && !text_lines(value)) {
        return args_wrong(op, args, "the value of --%s is not text in UTF-8", option->name);
    }
    args->options[args->count++] = (struct args_option){option, value};
    return NULL;
}

// ---- words ----

static size_t words_wanted(const struct cli_action *action) {
    struct slice rest = slice_str(action->words);
    struct slice word;
    size_t count = 0;
    while (rest.len > 0 && slice_cut(&rest, ' ', &word)) {
        count++;
    }
    return count;
}

static reason take_words(struct op *op, struct args *args, int argc, char **argv, int from) {
    size_t wanted = words_wanted(args->action);
    size_t count = 0;
    bool ended = false;
    CHECK(wanted <= ARGS_WORDS_MAX);
    for (int i = from; i < argc; i++) {
        struct slice text = slice_str(argv[i]);
        if (!ended && slice_equal(text, S("-h"))) {
            text = S("--help");
        }
        if (!ended && slice_equal(text, S("--"))) {
            ended = true;
        } else if (!ended && slice_starts(text, S("--"))) {
            bool used = false;
            TRY(take_option(op, args, text, i + 1 < argc ? argv[i + 1] : NULL, &used));
            i += used ? 1 : 0;
        } else if (!ended && text.len > 1 && text.at[0] == '-') {
            return args_wrong(op, args, "there is no option %.*s here", SLICE(text));
        } else if (count == wanted) {
            return args_wrong(op, args, "\"%.*s\" is one word too many", SLICE(text));
        } else if (text.len == 0 || !text_line(text)) {
            return args_wrong(op, args, "a word is empty or is not text in UTF-8 on one line");
        } else {
            args->words[count++] = text;
        }
    }
    args->json = args_has(args, "json");
    args->help = args_has(args, "help");
    if (count < wanted && !args->help) {
        return args_wrong(op, args, "expected: gatehouse %s%s%s %s", args->command->name,
                          args->action->name != NULL ? " " : "",
                          args->action->name != NULL ? args->action->name : "",
                          args->action->words);
    }
    return NULL;
}

// ---- which command ----

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static reason find_command(struct op *op, struct args *args, const char *name) {
    struct slice known = S("");
    for (const struct cli_command *c = args->commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            args->command = c;
            return NULL;
        }
        known = op_text(op, "%.*s%s%s", SLICE(known), known.len > 0 ? ", " : "", c->name);
    }
    return args_wrong(op, args, "there is no command \"%s\"; the commands are %.*s", name,
                      SLICE(known));
}

// An action may have a name of two words: "credential add".
static bool is_action(const struct cli_action *action, const char *name, const char *next,
                      int *ret_words) {
    struct slice rest = slice_str(action->name);
    struct slice first;
    (void)slice_cut(&rest, ' ', &first);
    *ret_words = rest.at != NULL ? 2 : 1;
    return name != NULL && slice_equal(first, slice_str(name)) &&
           (rest.at == NULL || (next != NULL && slice_equal(rest, slice_str(next))));
}

static reason find_action(struct op *op, struct args *args, const char *name, const char *next,
                          int *ret_words) {
    struct slice known = S("");
    for (const struct cli_action *a = args->command->actions; a->run != NULL; a++) {
        if (is_action(a, name, next, ret_words)) {
            args->action = a;
            return NULL;
        }
        known = op_text(op, "%.*s%s%s", SLICE(known), known.len > 0 ? ", " : "", a->name);
    }
    if (name == NULL) {
        return args_wrong(op, args, "what to do with it? One of %.*s", SLICE(known));
    }
    return args_wrong(op, args, "gatehouse %s does not know \"%s\"; it knows %.*s",
                      args->command->name, name, SLICE(known));
}

static reason run_command(struct op *op, struct args *args, int argc, char **argv) {
    TRY(find_command(op, args, argv[1]));
    int from = 2;
    if (args->command->actions->name == NULL) {
        args->action = args->command->actions;
    } else {
        if (argc > 2 && is_help(argv[2])) {
            help_command(args->command);
            return NULL;
        }
        int words = 0;
        TRY(find_action(op, args, argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL, &words));
        from = 2 + words;
    }
    TRY(take_words(op, args, argc, argv, from));
    if (args->help) {
        help_action(args->command, args->action);
        return NULL;
    }
    return args->action->run(op, args);
}

reason args_settings(struct op *op, struct args *args, const struct settings **ret_settings) {
    if (!args->settings_read) {
        struct slice file = args_one(args, "config");
        const char *path = NULL;
        if (file.at != NULL) {
            TRY(op_cstr(op, file, &path));
        }
        TRY(config_load(op, path, &args->settings));
        args->settings_read = true;
    }
    *ret_settings = &args->settings;
    return NULL;
}

// ---- how it ended ----

static enum cli_exit status_of(const struct args *args, reason why) {
    if (why == NULL) {
        return args->status;
    }
    if (args->usage) {
        return CLI_USAGE;
    }
    return why->http >= 400 && why->http < 500 && !args->own_fault ? CLI_REFUSED : CLI_FAILED;
}

static void say_refusal(struct op *op, const struct args *args, reason why) {
    struct slice detail = op->detail.len > 0 ? op->detail : slice_str(why->text);
    if (status_of(args, why) == CLI_REFUSED) {
        show_error(op_text(op, "%.*s (%s)", SLICE(detail), why->slug));
    } else {
        show_error(detail);
    }
    for (size_t i = 0; i < op->error_count; i++) {
        const struct op_error *error = &op->errors[i];
        // A single field error often is the detail itself.
        if (op->error_count > 1 || !slice_equal(error->detail, detail)) {
            show_error(op_text(op, "%.*s: %.*s (%s)", SLICE(error->pointer), SLICE(error->detail),
                               error->why != NULL ? error->why->slug : "-"));
        }
    }
}

static int run(struct op *op, int argc, char **argv, const struct cli_command *commands) {
    struct args *args = NULL;
    reason why = op_take(op, sizeof *args, &args);
    if (why != NULL) {
        show_error(slice_str(why->text));
        return CLI_FAILED;
    }
    args->commands = commands;
    if (argc < 2) {
        why = args_wrong(op, args, "what shall be done?");
    } else if (is_help(argv[1])) {
        help_all(commands);
    } else if (strcmp(argv[1], "--version") == 0) {
        show_line("gatehouse %s", GATEHOUSE_VERSION);
    } else {
        why = run_command(op, args, argc, argv);
    }
    control_close(args->control);
    if (fflush(stdout) != 0 && why == NULL) {
        why = op_refuse(op, REASON_OF(INTERNAL),
                        "standard output cannot be written: is the disk full?");
    }
    if (why != NULL) {
        say_refusal(op, args, why);
    }
    enum cli_exit status = status_of(args, why);
    return (int)status;
}

int cli_run(int argc, char **argv, const struct cli_command *commands) {
    struct op op;
    op_open(&op, 0);
    op.arena.ceiling = COMMAND_MEMORY;
    // A command says by itself what went wrong; `serve` turns the log on.
    log_level_set((enum log_level)(LOG_ERROR + 1));
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); // a file that may not grow: the write says it
    int status = run(&op, argc, argv, commands);
    op_close(&op);
    return status;
}
