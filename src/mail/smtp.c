// SPDX-License-Identifier: GPL-3.0-or-later
// SMTP by libcurl. What was said last on the connection tells whose fault a failure is: a server
// that refuses the recipient or the message for good ends the letter, everything else is tried
// again. Nothing of the environment counts: no proxy, no .netrc. Certificates are always checked.
// The only file of this room with curl.h.
#include "mail/smtp.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

#define CONNECT_MS INT64_C(10000)
#define REPLY_MAX 256 // bytes of a server's line that are kept for operators

AUTO_FREE(CURLU, curl_url_cleanup);
typedef struct curl_slist curl_slist;
AUTO_FREE(curl_slist, curl_slist_free_all);

// How far the talk went: what we said last.
enum stage {
    STAGE_CONNECT,
    STAGE_HELLO,
    STAGE_TLS,
    STAGE_LOGIN,
    STAGE_SENDER,
    STAGE_RECIPIENT,
    STAGE_DATA
};
static const char *const stage_names[] = {"connecting", "greeting",  "STARTTLS",   "logging in",
                                          "the sender", "recipient", "the message"};
static const struct {
    const char *verb;
    enum stage stage;
} verbs[] = {
    {"EHLO", STAGE_HELLO}, {"HELO", STAGE_HELLO},  {"STARTTLS", STAGE_TLS},
    {"AUTH", STAGE_LOGIN}, {"MAIL", STAGE_SENDER}, {"RCPT", STAGE_RECIPIENT},
    {"DATA", STAGE_DATA},
};

struct post_line {
    CURL *curl;
    struct slice rest; // of the message that is sent
    const _Atomic bool *stop;
    int fd;    // of the connection, or -1
    bool over; // we are taking leave: what comes now says nothing of the letter
    enum stage stage;
    char reply[REPLY_MAX + 1]; // the server's last line
    char error[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void start_curl(void) {
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

struct post_line *post_line_open(void) {
    CHECK(pthread_once(&curl_once, start_curl) == 0);
    struct post_line *line = calloc(1, sizeof *line);
    if (line != NULL) {
        line->fd = -1;
        line->curl = curl_easy_init();
        if (line->curl == NULL) {
            free(line);
            line = NULL;
        }
    }
    return line;
}

void post_line_close(struct post_line *line) {
    if (line != NULL) {
        curl_easy_cleanup(line->curl);
        free(line);
    }
}

// ---- what libcurl calls ----

static size_t give_message(char *to, size_t size, size_t count, void *context) {
    struct post_line *line = context;
    size_t room = size * count;
    size_t len = line->rest.len < room ? line->rest.len : room;
    if (len > 0) {
        memcpy(to, line->rest.at, len);
    }
    line->rest = slice_sub(line->rest, len, line->rest.len);
    return len;
}

// When it is to end, the connection is cut first: libcurl would take leave of the server, and wait
// for its answer.
static int may_go_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct post_line *line = context;
    (void)a, (void)b, (void)c, (void)d;
    bool stop = line->stop != NULL && atomic_load(line->stop);
    if (stop && line->fd >= 0) {
        (void)shutdown(line->fd, SHUT_RDWR);
    }
    return stop ? 1 : 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
    struct post_line *line = context;
    (void)purpose;
    line->fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return line->fd;
}

static int close_socket(void *context, curl_socket_t fd) {
    struct post_line *line = context;
    line->fd = line->fd == fd ? -1 : line->fd;
    return close(fd);
}

static void keep_reply(struct post_line *line, struct slice text) {
    size_t len = 0;
    for (; len < text.len && len < REPLY_MAX; len++) {
        char c = text.at[len];
        line->reply[len] = c >= ' ' && c <= '~' ? c : ' ';
    }
    line->reply[len] = '\0';
}

// Only the verb of what we say is looked at: what follows may be a password.
static int listen_in(CURL *curl, curl_infotype type, char *bytes, size_t len, void *context) {
    struct post_line *line = context;
    struct slice text = slice_trim(slice_of(bytes, len));
    (void)curl;
    if (type == CURLINFO_HEADER_IN && !line->over) {
        keep_reply(line, text);
    }
    line->over = line->over || (type == CURLINFO_HEADER_OUT && slice_starts(text, S("QUIT")));
    for (size_t i = 0; type == CURLINFO_HEADER_OUT && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (slice_starts(text, slice_str(verbs[i].verb))) {
            line->stage = verbs[i].stage;
            line->reply[0] = '\0';
        }
    }
    return 0;
}

// ---- one message ----

static reason url_of(struct op *op, const struct post_options *options, const char **ret_url) {
    // libcurl greets with what stands in the path.
    struct slice url = options->url;
    while (slice_ends(url, S("/"))) {
        url = slice_sub(url, 0, url.len - 1);
    }
    return op_cstr(op, op_text(op, "%.*s/%.*s", SLICE(url), SLICE(options->host)), ret_url);
}

static reason set_trust(struct op *op, CURL *curl, const struct post_options *options) {
    static const long wanted[] = {CURLUSESSL_ALL, CURLUSESSL_TRY, CURLUSESSL_NONE};
    long tls = CURLUSESSL_ALL;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        tls = slice_equal(options->tls, slice_str(post_tls_names[i])) ? wanted[i] : tls;
    }
    bool done =
        curl_easy_setopt(curl, CURLOPT_USE_SSL, tls) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    const char *text = NULL;
    if (done && options->ca_file.len > 0) {
        TRY(op_cstr(op, options->ca_file, &text));
        done = curl_easy_setopt(curl, CURLOPT_CAINFO, text) == CURLE_OK;
    }
    if (done && options->user.len > 0) {
        TRY(op_cstr(op, options->user, &text));
        done = curl_easy_setopt(curl, CURLOPT_USERNAME, text) == CURLE_OK;
        TRY(op_cstr(op, options->password, &text));
        done = done && curl_easy_setopt(curl, CURLOPT_PASSWORD, text) == CURLE_OK;
    }
    if (!done) {
        REFUSE(op, INTERNAL, "libcurl cannot be set up for TLS");
    }
    return NULL;
}

static bool set_talk(struct post_line *line, int64_t timeout) {
    CURL *curl = line->curl;
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            (long)(timeout < CONNECT_MS ? timeout : CONNECT_MS)) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                            (long)((timeout + 999) / 1000)) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, line->error) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_message) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READDATA, line) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, line) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, line) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, may_go_on) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, line) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, listen_in) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_DEBUGDATA, line) == CURLE_OK;
}

static reason perform(struct op *op, const struct post_options *options, struct post_line *line,
                      const struct smtp_message *message, CURLcode *ret_code) {
    const char *url = NULL;
    const char *from = NULL;
    const char *to = NULL;
    CURL *curl = line->curl;
    TRY(url_of(op, options, &url));
    TRY(op_cstr(op, op_text(op, "<%.*s>", SLICE(options->from)), &from));
    TRY(op_cstr(op, op_text(op, "<%.*s>", SLICE(message->to)), &to));
    line->rest = message->bytes;
    line->stop = message->stop;
    line->stage = STAGE_CONNECT;
    line->reply[0] = line->error[0] = '\0';
    line->over = false;
    curl_easy_reset(curl); // its connection stays
    TRY(set_trust(op, curl, options));
    AUTO(curl_slist) rcpt = curl_slist_append(NULL, to);
    if (rcpt == NULL || !set_talk(line, options->timeout) ||
        curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, rcpt) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)message->bytes.len) !=
            CURLE_OK) {
        REFUSE(op, INTERNAL, "libcurl cannot be set up for SMTP");
    }
    *ret_code = curl_easy_perform(curl);
    return NULL;
}

// A 5xx at the recipient that is not about the recipient: we may not use this server at all.
static bool is_about_us(struct slice reply) {
    return slice_starts(reply, S("530")) || slice_starts(reply, S("535")) ||
           slice_starts(reply, S("538")) || slice_find(reply, S("elay")) != SIZE_MAX;
}

static void judge(struct op *op, const struct post_line *line, CURLcode code,
                  struct delivery *delivery) {
    struct slice reply = slice_str(line->reply);
    bool refused = reply.len > 0 && reply.at[0] == '5';
    bool put_off = reply.len > 0 && reply.at[0] == '4' && !slice_starts(reply, S("421"));
    bool of_letter = line->stage == STAGE_RECIPIENT || line->stage == STAGE_DATA;
    if (of_letter && refused && !is_about_us(reply)) {
        delivery->outcome = DELIVERY_REFUSED;
    } else {
        delivery->outcome = DELIVERY_LATER;
        delivery->down = !(of_letter && put_off);
    }
    struct slice why = slice_str(line->error[0] != '\0' ? line->error : curl_easy_strerror(code));
    delivery->error = refused || put_off || slice_starts(reply, S("421"))
                          ? op_text(op, "%s: %.*s", stage_names[line->stage], SLICE(reply))
                          : op_text(op, "%s: %.*s", stage_names[line->stage], SLICE(why));
}

void smtp_send(struct op *op, const struct post_options *options, struct post_line *line,
               const struct smtp_message *message, struct delivery *ret_delivery) {
    struct delivery delivery = {.outcome = DELIVERY_SENT};
    CURLcode code = CURLE_OK;
    reason why = perform(op, options, line, message, &code);
    if (why != NULL) {
        delivery = (struct delivery){DELIVERY_LATER, op->detail, false};
    } else if (code != CURLE_OK) {
        judge(op, line, code, &delivery);
    }
    line->rest = SLICE_NONE;
    *ret_delivery = delivery;
}
