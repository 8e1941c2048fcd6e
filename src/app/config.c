// SPDX-License-Identifier: GPL-3.0-or-later
// The only file that knows libconfig.
#include "app/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/uri.h"
#include "http/proxies.h"

#define VALUE_MAX 2048

enum config_kind { KIND_TEXT, KIND_SECRET, KIND_NUMBER, KIND_TIME, KIND_BOOL };
struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;
    int64_t fallback, min, max;
    const char *text; // of KIND_TEXT and KIND_SECRET
};

#define TEXT(key, fallback, sentence)                                                              \
    {#key, KIND_TEXT, offsetof(struct settings, key), 0, 1, VALUE_MAX, fallback},
#define SECRET(key, fallback, sentence)                                                            \
    {#key, KIND_SECRET, offsetof(struct settings, key), 0, 1, VALUE_MAX, fallback},
#define NUMBER(key, fallback, min, max, sentence)                                                  \
    {#key, KIND_NUMBER, offsetof(struct settings, key), fallback, min, max, NULL},
#define TIME(key, fallback, min, max, sentence)                                                    \
    {#key, KIND_TIME, offsetof(struct settings, key), fallback, min, max, NULL},
#define BOOL(key, fallback, sentence)                                                              \
    {#key, KIND_BOOL, offsetof(struct settings, key), fallback, 0, 1, NULL},
static const struct config_key keys[] = {
#include "app/config.def"
};
#undef TEXT
#undef SECRET
#undef NUMBER
#undef TIME
#undef BOOL
#define KEY_COUNT (sizeof keys / sizeof keys[0])

#define TEXT(key, fallback, sentence) {#key, "\"" fallback "\"", sentence},
#define SECRET(key, fallback, sentence) {#key, "\"" fallback "\"", sentence},
#define NUMBER(key, fallback, min, max, sentence) {#key, #fallback, sentence},
#define TIME(key, fallback, min, max, sentence) {#key, #fallback, sentence},
#define BOOL(key, fallback, sentence) {#key, #fallback, sentence},
const struct config_row config_rows[] = {
#include "app/config.def"
};
const size_t config_row_count = sizeof config_rows / sizeof config_rows[0];

static void set(struct settings *settings, const struct config_key *key, const void *value, size_t size) {
    memcpy((char *)settings + key->offset, value, size);
}

static void defaults(struct settings *settings) {
    *settings = (struct settings){.threads = 0};
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct slice text = slice_str(keys[i].text);
        bool on = keys[i].fallback != 0;
        int64_t number = keys[i].fallback * (keys[i].kind == KIND_TIME ? SECOND_MS : 1);
        switch (keys[i].kind) {
        case KIND_TEXT:
        case KIND_SECRET: set(settings, &keys[i], &text, sizeof text); break;
        case KIND_BOOL: set(settings, &keys[i], &on, sizeof on); break;
        case KIND_NUMBER:
        case KIND_TIME: set(settings, &keys[i], &number, sizeof number); break;
        }
    }
}

// *ret_file: it is "KEY_file" of a secret.
static const struct config_key *key_find(const char *name, bool *ret_file) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        size_t len = strlen(keys[i].name);
        *ret_file = keys[i].kind == KIND_SECRET && strncmp(name, keys[i].name, len) == 0 &&
                    strcmp(name + len, "_file") == 0;
        if (*ret_file || strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static struct slice known_keys(struct op *op) {
    struct slice list = S("");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        list = op_text(op, "%.*s%s%s", SLICE(list), i > 0 ? ", " : "", keys[i].name);
    }
    return list;
}

static reason set_number(struct op *op, struct settings *settings, const struct config_key *key,
                         int64_t number, const char *where) {
    if (number < key->min || number > key->max) {
        REFUSE(op, CONFIG_INVALID, "%s: %s is %lld, expected %lld to %lld", where, key->name,
               (long long)number, (long long)key->min, (long long)key->max);
    }
    number *= key->kind == KIND_TIME ? SECOND_MS : 1;
    set(settings, key, &number, sizeof number);
    return NULL;
}

static reason set_text(struct op *op, struct settings *settings, const struct config_key *key,
                       struct slice text, const char *where) {
    bool can_be_empty = key->kind == KIND_TEXT && key->text[0] == '\0';
    if ((text.len == 0 && !can_be_empty) || text.len > VALUE_MAX || !text_line(text)) {
        REFUSE(op, CONFIG_INVALID, "%s: %s has to be one line of %d to %d characters", where,
               key->name, can_be_empty ? 0 : 1, VALUE_MAX);
    }
    struct slice copy;
    TRY(op_copy(op, text, &copy));
    set(settings, key, &copy, sizeof copy);
    return NULL;
}

// The text is the first line of a file.
static reason set_from_file(struct op *op, struct settings *settings, const struct config_key *key,
                            struct slice path, const char *where) {
    char bytes[VALUE_MAX + 3];
    const char *name = NULL;
    TRY(op_cstr(op, path, &name));
    AUTO_FD fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (len < 0) {
        REFUSE(op, CONFIG_INVALID, "%s: cannot read %s, which is to hold %s: %s", where, name,
               key->name, strerror(errno));
    }
    struct slice text = slice_of(bytes, (size_t)len);
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r')) {
        text.len--;
    }
    reason why = set_text(op, settings, key, text, where);
    explicit_bzero(bytes, sizeof bytes);
    return why;
}

static reason wrong_type(struct op *op, const struct config_key *key, const char *where) {
    static const char *const expected[] = {"a text in quotes", "a text in quotes", "a number", "a number of seconds",
                                           "true or false"};
    REFUSE(op, CONFIG_INVALID, "%s: %s has to be %s", where, key->name, expected[key->kind]);
}

static reason take_setting(struct op *op, const char *path, const config_setting_t *setting,
                           struct settings *settings) {
    const char *name = config_setting_name(setting);
    struct slice where_text = op_text(op, "%s:%u", path, config_setting_source_line(setting));
    const char *where = where_text.at;
    bool in_file = false;
    const struct config_key *key = key_find(name, &in_file);
    if (key == NULL) {
        REFUSE(op, CONFIG_INVALID, "%s: there is no key \"%s\"; the known keys are %.*s", where,
               name, SLICE(known_keys(op)));
    }
    int type = config_setting_type(setting);
    bool on = false;
    switch (key->kind) {
    case KIND_TEXT:
    case KIND_SECRET:
        if (type != CONFIG_TYPE_STRING) {
            return wrong_type(op, key, where);
        }
        return (in_file ? set_from_file : set_text)(
            op, settings, key, slice_str(config_setting_get_string(setting)), where);
    case KIND_BOOL:
        if (type != CONFIG_TYPE_BOOL) {
            return wrong_type(op, key, where);
        }
        on = config_setting_get_bool(setting) != 0;
        set(settings, key, &on, sizeof on);
        return NULL;
    case KIND_NUMBER:
    case KIND_TIME: break;
    }
    if (type == CONFIG_TYPE_INT) {
        return set_number(op, settings, key, config_setting_get_int(setting), where);
    }
    return type == CONFIG_TYPE_INT64
               ? set_number(op, settings, key, config_setting_get_int64(setting), where)
               : wrong_type(op, key, where);
}

static reason take_file(struct op *op, const char *path, config_t *config,
                        struct settings *settings) {
    if (config_read_file(config, path) != CONFIG_TRUE) {
        if (config_error_type(config) == CONFIG_ERR_FILE_IO) {
            REFUSE(op, CONFIG_INVALID, "cannot read %s: %s", path,
                   errno != 0 ? strerror(errno) : "not a readable file");
        }
        REFUSE(op, CONFIG_INVALID, "%s:%d: %s; the syntax is key = value; with texts in quotes",
               path, config_error_line(config), config_error_text(config));
    }
    const config_setting_t *root = config_root_setting(config);
    for (int i = 0; i < config_setting_length(root); i++) {
        TRY(take_setting(op, path, config_setting_get_elem(root, (unsigned)i), settings));
    }
    return NULL;
}

static reason take_environment(struct op *op, const struct config_key *key, struct settings *settings) {
    char name[64] = "GATEHOUSE_";
    size_t at = strlen(name);
    for (const char *c = key->name; *c != '\0'; c++) {
        name[at++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    }
    name[at] = '\0';
    const char *value = getenv(name);
    if (key->kind == KIND_SECRET) {
        char file_name[sizeof name + 8];
        (void)snprintf(file_name, sizeof file_name, "%s_FILE", name);
        const char *file = getenv(file_name);
        if (file != NULL && value != NULL) {
            REFUSE(op, CONFIG_INVALID, "%s and %s are both set; one of them is enough", name,
                   file_name);
        }
        if (file != NULL) {
            return set_from_file(op, settings, key, slice_str(file), file_name);
        }
    }
    if (value == NULL) {
        return NULL;
    }
    struct slice text = slice_str(value);
    uint64_t number = 0;
    bool on = false;
    switch (key->kind) {
    case KIND_TEXT:
    case KIND_SECRET: return set_text(op, settings, key, text, name);
    case KIND_BOOL:
        on = slice_equal(text, S("true"));
        if (!on && !slice_equal(text, S("false"))) {
            return wrong_type(op, key, name);
        }
        set(settings, key, &on, sizeof on);
        return NULL;
    case KIND_NUMBER:
    case KIND_TIME: break;
    }
    if (!text_u64(text, INT64_MAX / SECOND_MS, &number)) {
        return wrong_type(op, key, name);
    }
    return set_number(op, settings, key, (int64_t)number, name);
}

// An origin only: a path would end in cookies and entity IDs in ways that nobody expects.
static reason check_url(struct op *op, struct settings *settings) {
    struct slice url = settings->public_url;
    struct uri uri;
    if (slice_ends(url, S("/"))) {
        url = slice_sub(url, 0, url.len - 1);
    }
    if (uri_parse(op, url, &uri) != NULL || !slice_equal(uri.path, S("/")) || uri.query.len > 0 ||
        uri.has_fragment || uri.has_user || slice_ends(url, S("/"))) {
        REFUSE(op, CONFIG_INVALID,
               "public_url is \"%.*s\", expected scheme://host or scheme://host:port, for example "
               "https://login.example.com",
               SLICE(settings->public_url));
    }
    if (slice_equal(uri.scheme, S("http")) && !uri_is_local(&uri)) {
        REFUSE(op, CONFIG_INVALID,
               "public_url is \"%.*s\": without https only a host on this machine is accepted, "
               "since cookies and messages would travel in the clear",
               SLICE(settings->public_url));
    }
    settings->public_url = url;
    return NULL;
}

static reason check_mail(struct op *op, const struct settings *settings) {
    const struct post_options options = settings_post(settings);
    struct post *post = NULL;
    TRY(post_open(op, &options, &post));
    post_close(post);
    return NULL;
}

static reason check_proxies(struct op *op, const struct settings *settings) {
    struct proxies *proxies = NULL;
    TRY(proxies_open(op, settings->trusted_proxies, settings->forwarded_header, &proxies));
    proxies_close(proxies);
    return NULL;
}

static reason check_about(struct op *op, const struct settings *settings) {
    struct slice mail = settings->contact_email;
    if (mail.len > 0 && slice_find(mail, S("@")) == SIZE_MAX) {
        REFUSE(op, CONFIG_INVALID, "contact_email is \"%.*s\", expected an address, as saml@example.com",
               SLICE(mail));
    }
    struct slice privacy = settings->privacy_url;
    if (privacy.len > 0 && !slice_starts(privacy, S("https://"))) {
        REFUSE(op, CONFIG_INVALID, "privacy_url is \"%.*s\", expected https://...", SLICE(privacy));
    }
    struct slice logo = settings->logo_url;
    if (logo.len > 0 && !slice_starts(logo, S("https://")) && !slice_starts(logo, S("data:image/"))) {
        REFUSE(op, CONFIG_INVALID, "logo_url is \"%.*s\", expected https://... or data:image/...",
               SLICE(logo));
    }
    return NULL;
}

reason config_load(struct op *op, const char *path, struct settings *ret_settings) {
    struct settings settings;
    defaults(&settings);
    if (path == NULL && access(CONFIG_DEFAULT_FILE, F_OK) == 0) {
        path = CONFIG_DEFAULT_FILE;
    }
    if (path != NULL) {
        config_t config;
        config_init(&config);
        errno = 0;
        reason why = take_file(op, path, &config, &settings);
        config_destroy(&config);
        TRY(why);
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        TRY(take_environment(op, &keys[i], &settings));
    }
    TRY(check_url(op, &settings));
    TRY(check_about(op, &settings));
    TRY(check_mail(op, &settings));
    TRY(check_proxies(op, &settings));
    if (!slice_equal(settings.store, S("lmdb"))) {
        REFUSE(op, CONFIG_INVALID, "store is \"%.*s\", expected lmdb", SLICE(settings.store));
    }
    *ret_settings = settings;
    return NULL;
}
