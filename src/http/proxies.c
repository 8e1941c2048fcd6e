// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/proxies.h"

#include <stdlib.h>

#include "base/metric.h"
#include "base/text.h"
#include "http/request.h"

#define PORT_TEXT_MAX 64 // bytes of a port, which RFC 7239 lets be any word

struct form {
    struct slice header;
    // Takes the last element off *rest, which is SLICE_NONE after the first one; false: it does not end within its ceiling.
    bool (*take_last)(struct slice *rest, struct slice *ret_element);
    // The part of an element that says who asked; false: none, or more than one.
    bool (*find_node)(struct slice element, struct slice *ret_node);
};
struct proxies {
    const struct form *form;
    size_t count;
    struct network networks[PROXIES_MAX];
};

// ---- X-Forwarded-For: addresses with commas between ----

// What begins at `at`, and the comma in front of it.
static bool take_from(struct slice *rest, size_t at, struct slice *ret_element) {
    struct slice element = slice_sub(*rest, at, rest->len);
    *ret_element = slice_trim(element);
    *rest = at > 0 ? slice_sub(*rest, 0, at - 1) : SLICE_NONE;
    return element.len <= PROXIES_ELEMENT_MAX;
}

static bool last_plain(struct slice *rest, struct slice *ret_element) {
    size_t at = rest->len;
    while (at > 0 && rest->at[at - 1] != ',' && rest->len - at <= PROXIES_ELEMENT_MAX) {
        at--;
    }
    return take_from(rest, at, ret_element);
}

static bool plain_node(struct slice element, struct slice *ret_node) {
    *ret_node = element;
    return true;
}

// ---- Forwarded (RFC 7239): elements with commas between, pairs with semicolons between, values that may be quoted ----

// A quote that a backslash in front of it makes part of the text; the backslash may itself be one that another makes so.
static bool is_escaped(struct slice text, size_t at) {
    size_t slashes = 0;
    while (slashes < at && text.at[at - 1 - slashes] == '\\') {
        slashes++;
    }
    return slashes % 2 == 1;
}

// From the right: what somebody wrote to the left, with a quote that never closes say, cannot change what a proxy put behind.
static bool last_quoted(struct slice *rest, struct slice *ret_element) {
    size_t at = rest->len;
    bool quoted = false;
    while (at > 0 && (quoted || rest->at[at - 1] != ',') && rest->len - at <= PROXIES_ELEMENT_MAX) {
        at--;
        if (rest->at[at] == '"' && !(quoted && is_escaped(*rest, at))) {
            quoted = !quoted;
        }
    }
    return take_from(rest, at, ret_element);
}

static bool is_token(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.at[i];
        if (c <= ' ' || c >= 0x7F || strchr("\"(),/;<=>?@\\{}", c) != NULL) {
            return false;
        }
    }
    return text.len > 0;
}

// Takes "..." off *rest, without the quotes and with its backslashes.
static bool take_quoted(struct slice *rest, struct slice *ret_value) {
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->at[i] == '"') {
            *ret_value = slice_sub(*rest, 1, i);
            *rest = slice_sub(*rest, i + 1, rest->len);
            return true;
        }
        i += rest->at[i] == '\\' ? 1 : 0;
    }
    return false;
}

// Takes `name=value` and the semicolon behind it off *rest. Brackets and colons outside of quotes, as many write an address, are let pass.
static bool take_pair(struct slice *rest, struct slice *ret_name, struct slice *ret_value) {
    struct slice name;
    if (!slice_cut(rest, '=', &name)) {
        return false;
    }
    *ret_name = slice_trim(name);
    if (slice_starts(*rest, S("\""))) {
        struct slice gap;
        return is_token(*ret_name) && take_quoted(rest, ret_value) &&
               (!slice_cut(rest, ';', &gap) || slice_trim(gap).len == 0);
    }
    struct slice value = S("");
    (void)slice_cut(rest, ';', &value);
    *ret_value = slice_trim(value);
    return is_token(*ret_name) && is_token(*ret_value);
}

static bool quoted_node(struct slice element, struct slice *ret_node) {
    size_t found = 0;
    while (element.len > 0) {
        struct slice name;
        struct slice value;
        if (!take_pair(&element, &name, &value)) {
            return false;
        }
        if (slice_equal_nocase(name, S("for"))) {
            found++;
            *ret_node = value;
        }
    }
    return found == 1;
}

// ---- one address ----

static bool is_port(struct slice text) {
    uint64_t number = 0;
    if (text.len == 0 || text.at[0] != '_') {
        return text_u64(text, UINT16_MAX, &number);
    }
    return text.len <= PORT_TEXT_MAX && is_token(text); // hidden on purpose: RFC 7239, section 6.3
}

// An address as proxies write it: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. "unknown" and hidden
// names (_name) are none.
static bool node_address(struct slice node, struct address *ret_address) {
    size_t colon = slice_find(node, S(":"));
    if (slice_starts(node, S("["))) {
        size_t end = slice_find(node, S("]"));
        struct slice host = slice_sub(node, 1, end);
        struct slice port = end == SIZE_MAX ? SLICE_NONE : slice_sub(node, end + 1, node.len);
        return end != SIZE_MAX && slice_find(host, S(":")) != SIZE_MAX &&
               (port.len == 0 || (port.at[0] == ':' && is_port(slice_sub(port, 1, port.len)))) &&
               address_parse(host, ret_address);
    }
    if (colon != SIZE_MAX && slice_find(slice_sub(node, 0, colon), S(".")) != SIZE_MAX) {
        return is_port(slice_sub(node, colon + 1, node.len)) &&
               address_parse(slice_sub(node, 0, colon), ret_address);
    }
    return address_parse(node, ret_address);
}

// ---- the settings ----

static const struct form forms[] = {
    {S_ROW("X-Forwarded-For"), last_plain, plain_node},
    {S_ROW("Forwarded"), last_quoted, quoted_node},
};

static const struct form *form_find(struct slice header) {
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (slice_equal_nocase(forms[i].header, header)) {
            return &forms[i];
        }
    }
    return NULL;
}

static reason take_list(struct op *op, struct slice list, struct proxies *proxies) {
    struct slice one;
    while (slice_cut(&list, ',', &one)) {
        if (proxies->count == PROXIES_MAX) {
            REFUSE(op, CONFIG_INVALID, "trusted_proxies names more than %d addresses and networks",
                   PROXIES_MAX);
        }
        if (network_parse(op, slice_trim(one), &proxies->networks[proxies->count]) != NULL) {
            REFUSE(op, CONFIG_INVALID, "trusted_proxies: %.*s; commas stand between them",
                   SLICE(op->detail));
        }
        proxies->count++;
    }
    return NULL;
}

reason proxies_open(struct op *op, struct slice list, struct slice header,
                    struct proxies **ret_proxies) {
    const struct form *form = form_find(header);
    if (form == NULL) {
        REFUSE(op, CONFIG_INVALID,
               "forwarded_header is \"%.*s\", expected X-Forwarded-For or Forwarded",
               SLICE(header));
    }
    if (list.len == 0) {
        *ret_proxies = NULL;
        return NULL;
    }
    struct proxies *proxies = calloc(1, sizeof *proxies);
    if (proxies == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the list of proxies");
    }
    proxies->form = form;
    reason why = take_list(op, list, proxies);
    if (why != NULL) {
        proxies_close(proxies);
        return why;
    }
    *ret_proxies = proxies;
    return NULL;
}

void proxies_close(struct proxies *proxies) {
    free(proxies);
}

// ---- the walk ----

static bool is_believed(const struct proxies *proxies, const struct address *address) {
    for (size_t i = 0; i < proxies->count; i++) {
        if (address_in(address, &proxies->networks[i])) {
            return true;
        }
    }
    return false;
}

// All lines of the header, the last first, as if they were one (RFC 9110, section 5.3).
struct walk {
    const struct proxies *proxies;
    const struct request *request;
    size_t headers;    // that were not looked at yet
    struct slice rest; // of a line; SLICE_NONE: none was begun
};

static bool next_line(struct walk *walk) {
    while (walk->headers > 0) {
        const struct header *header = &walk->request->headers[--walk->headers];
        if (slice_equal_nocase(header->name, walk->proxies->form->header)) {
            walk->rest = header->value;
            return true;
        }
    }
    return false;
}

// What the proxy that was last come to says of who asked it. False: nothing is left, or it cannot be read.
static bool next_address(struct walk *walk, struct address *ret_address) {
    struct slice element;
    struct slice node;
    if (walk->rest.at == NULL && !next_line(walk)) {
        return false;
    }
    return walk->proxies->form->take_last(&walk->rest, &element) &&
           walk->proxies->form->find_node(element, &node) && node_address(node, ret_address);
}

static void find_client(const struct proxies *proxies, const struct request *request,
                        struct address *address) {
    struct walk walk = {.proxies = proxies, .request = request, .headers = request->header_count};
    for (size_t hops = 0; hops < PROXIES_HOPS_MAX; hops++) {
        struct address next;
        if (!next_address(&walk, &next)) {
            break;
        }
        *address = next;
        if (!is_believed(proxies, address)) {
            return;
        }
    }
    metric_add(METRIC_CLIENT_UNKNOWN, 1);
}

struct slice proxies_client(struct op *op, const struct proxies *proxies,
                            const struct sockaddr *peer, const struct request *request) {
    char room[ADDRESS_TEXT_MAX];
    struct address address;
    struct slice text = S("");
    if (peer == NULL || !address_of_socket(peer, &address)) {
        return text;
    }
    if (proxies != NULL && is_believed(proxies, &address)) {
        find_client(proxies, request, &address);
    }
    return op_copy(op, address_text(&address, room), &text) == NULL ? text : S("");
}
