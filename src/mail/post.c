// SPDX-License-Identifier: GPL-3.0-or-later
// Which way mail goes, and how it went last. The folder sink writes whole files or none, for
// development and tests.
#include "mail/post.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/uri.h"
#include "domain/tenant.h"
#include "mail/smtp.h"

#define TROUBLE_MAX 300
#define FOLDER "file:"

const char *const post_tls_names[] = {"required", "opportunistic", "none", NULL};
const char *const post_state_names[] = {"off", "idle", "ok", "failing", NULL};

struct post {
    struct post_options options; // its texts are the caller's settings, which live longer
    const char *folder;          // NULL: SMTP, or off
    _Atomic int state;           // enum post_state
    pthread_mutex_t mutex;
    char trouble[TROUBLE_MAX + 1];
};

// ---- what may be set ----

static reason check_server(struct op *op, const struct post_options *options) {
    bool secure = slice_starts(options->url, S("smtps://"));
    size_t at = slice_find(options->url, S("://"));
    struct uri uri;
    // The same parser as everywhere, under a scheme that it knows.
    struct slice as_http =
        op_text(op, "http%.*s", SLICE(slice_sub(options->url, at, options->url.len)));
    if (uri_parse(op, as_http, &uri) != NULL || !slice_equal(uri.path, S("/")) ||
        uri.query.len > 0 || uri.has_user || uri.has_fragment) {
        REFUSE(op, CONFIG_INVALID,
               "smtp_url is \"%.*s\", expected smtp://host:port, smtps://host:port or file:FOLDER "
               "(a user goes into smtp_user)",
               SLICE(options->url));
    }
    bool known = false;
    for (size_t i = 0; post_tls_names[i] != NULL; i++) {
        known = known || slice_equal(options->tls, slice_str(post_tls_names[i]));
    }
    if (!known) {
        REFUSE(op, CONFIG_INVALID, "smtp_tls is \"%.*s\", expected required, opportunistic or none",
               SLICE(options->tls));
    }
    if ((options->user.len > 0) != (options->password.len > 0)) {
        REFUSE(op, CONFIG_INVALID, "smtp_user and smtp_password go together");
    }
    if (options->password.len > 0 && !secure && !uri_is_local(&uri) &&
        !slice_equal(options->tls, S("required"))) {
        REFUSE(op, CONFIG_INVALID,
               "smtp_password would travel in the clear: set smtp_tls to \"required\", or use "
               "smtps://");
    }
    return NULL;
}

static reason check_folder(struct op *op, const struct post_options *options,
                           const char **ret_folder) {
    struct slice name = slice_sub(options->url, sizeof FOLDER - 1, options->url.len);
    if (!text_slug(name)) {
        REFUSE(op, CONFIG_INVALID,
               "smtp_url is \"%.*s\", expected file: and the name of a folder in data_dir, as "
               "file:mail",
               SLICE(options->url));
    }
    struct slice path = op_text(op, "%.*s/%.*s", SLICE(options->data_dir), SLICE(name));
    char *copy = malloc(path.len + 1);
    if (copy == NULL || path.len == 0) {
        free(copy);
        REFUSE(op, LIMIT_MEMORY, "no memory to start");
    }
    memcpy(copy, path.at, path.len);
    copy[path.len] = '\0';
    *ret_folder = copy;
    return NULL;
}

static reason check_options(struct op *op, const struct post_options *options,
                            const char **ret_folder) {
    struct email email;
    if (options->from.len == 0) {
        REFUSE(op, CONFIG_INVALID, "smtp_url is set, but smtp_from, the sender's address, is not");
    }
    // As it stands it goes into the envelope, so it has to be in its usual form.
    if (email_normalise(op, options->from, &email) != NULL ||
        !slice_equal_nocase(email.whole, options->from)) {
        REFUSE(op, CONFIG_INVALID,
               "smtp_from is \"%.*s\", expected an address, as "
               "no-reply@example.com",
               SLICE(options->from));
    }
    if (slice_starts(options->url, S(FOLDER))) {
        return check_folder(op, options, ret_folder);
    }
    if (slice_starts(options->url, S("smtp://")) || slice_starts(options->url, S("smtps://"))) {
        return check_server(op, options);
    }
    REFUSE(op, CONFIG_INVALID,
           "smtp_url is \"%.*s\", expected smtp://, smtps:// or file:", SLICE(options->url));
}

reason post_open(struct op *op, const struct post_options *options, struct post **ret_post) {
    const char *folder = NULL;
    if (options->url.len > 0) {
        TRY(check_options(op, options, &folder));
    }
    struct post *post = calloc(1, sizeof *post);
    if (post == NULL) {
        free((void *)(uintptr_t)folder);
        REFUSE(op, LIMIT_MEMORY, "no memory to start");
    }
    post->options = *options;
    post->folder = folder;
    post->state = options->url.len > 0 ? POST_IDLE : POST_OFF;
    (void)pthread_mutex_init(&post->mutex, NULL);
    *ret_post = post;
    return NULL;
}

void post_close(struct post *post) {
    if (post != NULL) {
        (void)pthread_mutex_destroy(&post->mutex);
        free((void *)(uintptr_t)post->folder);
        free(post);
    }
}

bool post_is_set(const struct post *post) {
    return post != NULL && post->options.url.len > 0;
}

const struct post_options *post_options_of(const struct post *post) {
    return &post->options;
}

// ---- how it goes ----

enum post_state post_state(const struct post *post) {
    return post != NULL ? (enum post_state)atomic_load(&post->state) : POST_OFF;
}

struct slice post_trouble(struct op *op, struct post *post) {
    struct slice trouble = S("");
    if (post != NULL) {
        (void)pthread_mutex_lock(&post->mutex);
        trouble = op_text(op, "%s", post->trouble);
        (void)pthread_mutex_unlock(&post->mutex);
    }
    return trouble;
}

static void note(struct post *post, const struct delivery *delivery) {
    (void)pthread_mutex_lock(&post->mutex);
    atomic_store(&post->state, delivery->down ? POST_DOWN : POST_WELL);
    (void)snprintf(post->trouble, sizeof post->trouble, "%.*s",
                   SLICE(delivery->down ? delivery->error : S("")));
    (void)pthread_mutex_unlock(&post->mutex);
}

// ---- the folder ----

static bool write_all(int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t len = write(fd, bytes.at, bytes.len);
        if (len <= 0) {
            return false;
        }
        bytes = slice_sub(bytes, (size_t)len, bytes.len);
    }
    return fsync(fd) == 0;
}

static reason write_letter(struct op *op, const char *folder, struct slice id, struct slice bytes) {
    const char *path = NULL;
    const char *draft = NULL;
    TRY(op_cstr(op, op_text(op, "%s/%.*s.eml", folder, SLICE(id)), &path));
    TRY(op_cstr(op, op_text(op, "%s/.%.*s", folder, SLICE(id)), &draft));
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        REFUSE(op, STORE_UNAVAILABLE, "cannot make %s: %s", folder, strerror(errno));
    }
    AUTO_FD fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || !write_all(fd, bytes) || rename(draft, path) != 0) {
        int why = errno;
        (void)unlink(draft);
        REFUSE(op, STORE_UNAVAILABLE, "cannot write %s: %s", path, strerror(why));
    }
    return NULL;
}

void post_send(struct op *op, struct post *post, struct post_line *line, struct slice to,
               struct slice id, struct slice message, const _Atomic bool *stop,
               struct delivery *ret_delivery) {
    struct delivery delivery = {.outcome = DELIVERY_SENT};
    if (post->folder != NULL) {
        if (write_letter(op, post->folder, id, message) != NULL) {
            delivery = (struct delivery){DELIVERY_LATER, op->detail, true};
        }
    } else {
        const struct smtp_message mail = {.to = to, .bytes = message, .stop = stop};
        smtp_send(op, &post->options, line, &mail, &delivery);
    }
    note(post, &delivery);
    *ret_delivery = delivery;
}
