// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

// Connections that wait until they are taken: a burst of them is told at once that there is too much, not after the second
// that its system waits before it asks again.
#define BACKLOG 4096

static reason split(struct op *op, struct slice address, const char **ret_host,
                    const char **ret_port) {
    size_t colon = SIZE_MAX;
    for (size_t i = 0; i < address.len; i++) {
        colon = address.at[i] == ':' ? i : colon;
    }
    uint64_t number = 0;
    struct slice port = colon == SIZE_MAX ? S("") : slice_sub(address, colon + 1, address.len);
    if (colon == SIZE_MAX || !text_u64(port, UINT16_MAX, &number)) {
        REFUSE(op, LISTEN_FAILED,
               "listen is \"%.*s\", but has to be address:port, for example 127.0.0.1:8080 or "
               "[::1]:8080",
               SLICE(address));
    }
    struct slice host = slice_sub(address, 0, colon);
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        host = slice_sub(host, 1, host.len - 1);
    }
    TRY(op_cstr(op, host, ret_host));
    return op_cstr(op, port, ret_port);
}

static uint16_t bound_port(int fd) {
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        return 0;
    }
    if (at.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &at, sizeof six);
        return ntohs(six.sin6_port);
    }
    struct sockaddr_in four;
    memcpy(&four, &at, sizeof four);
    return ntohs(four.sin_port);
}

static int try_address(const struct addrinfo *info) {
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

reason listen_tcp(struct op *op, struct slice address, int *ret_fd, uint16_t *ret_port) {
    const char *host = NULL;
    const char *port = NULL;
    TRY(split(op, address, &host, &port));
    struct addrinfo want = {.ai_family = AF_UNSPEC,
                            .ai_socktype = SOCK_STREAM,
                            .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(*host != '\0' ? host : NULL, port, &want, &found);
    if (error != 0) {
        REFUSE(op, LISTEN_FAILED, "listen names \"%s\", which is no address of this machine: %s",
               host, gai_strerror(error));
    }
    int fd = -1;
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        fd = try_address(one);
    }
    int why = errno;
    freeaddrinfo(found);
    if (fd < 0) {
        REFUSE(op, LISTEN_FAILED, "cannot listen on %.*s: %s%s", SLICE(address), strerror(why),
               why == EADDRINUSE ? "; another program uses this port: stop it, or choose another "
                                   "with `listen` (GATEHOUSE_LISTEN)"
                                 : "");
    }
    *ret_fd = fd;
    *ret_port = bound_port(fd);
    return NULL;
}

reason listen_unix(struct op *op, const char *path, int *ret_fd) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        REFUSE(op, LISTEN_FAILED, "the path of the socket %s is too long", path);
    }
    memcpy(at.sun_path, path, strlen(path));
    // Who holds the store's lock is the only gate here, so what is left is a dead one's.
    (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    int why = errno;
    (void)umask(before);
    if (!bound || listen(fd, BACKLOG) != 0) {
        why = bound ? errno : why;
        if (fd >= 0) {
            (void)close(fd);
        }
        REFUSE(op, LISTEN_FAILED, "cannot listen on the control socket %s: %s", path,
               strerror(why));
    }
    *ret_fd = fd;
    return NULL;
}
