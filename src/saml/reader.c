// SPDX-License-Identifier: GPL-3.0-or-later
// The pull reader: one pass over bytes that stay where they are. Each byte was checked to be an XML
// character before the first event, so what follows looks at ASCII only. It keeps the open elements and the
// namespaces in scope in arrays of its own, so depth never becomes stack depth. It repairs nothing.
#include "saml/reader.h"

#include "base/text.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"
#define NS_XMLNS "http://www.w3.org/2000/xmlns/"
#define REFERENCE_DIGITS_MAX 8 // leading zeros included; U+10FFFF needs seven

// ---- characters ------------------------------------------------------------------------------------------

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool name_start(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool name_more(char c) {
    return name_start(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

// Char of XML 1.0, section 2.2.
static bool xml_char(uint32_t code) {
    return code == 0x9 || code == 0xA || code == 0xD || (code >= 0x20 && code <= 0xD7FF) ||
           (code >= 0xE000 && code <= 0xFFFD) || (code >= 0x10000 && code <= 0x10FFFF);
}

// Eight bytes that are all between 0x20 and 0x7F: nearly all of a message.
static bool eight_plain(const char *at) {
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    return ((eight | (eight - UINT64_C(0x2020202020202020))) & high) == 0;
}

static bool xml_chars(struct slice text) {
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= 8 && eight_plain(text.at + at)) {
            at += 8;
            continue;
        }
        uint32_t code;
        size_t used = text_next(slice_sub(text, at, text.len), &code);
        if (used == 0 || !xml_char(code)) {
            return false;
        }
        at += used;
    }
    return true;
}

// The reference at the front of `text`: its length, or 0 when it is none that is allowed.
static size_t reference(struct slice text, uint32_t *ret_code) {
    static const struct {
        const char *text;
        uint32_t code;
    } five[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof five / sizeof five[0]; i++) {
        if (slice_starts(text, slice_str(five[i].text))) {
            *ret_code = five[i].code;
            return strlen(five[i].text);
        }
    }
    if (!slice_starts(text, S("&#"))) {
        return 0;
    }
    bool hex = text.len > 2 && text.at[2] == 'x';
    size_t first = hex ? 3 : 2;
    size_t at = first;
    uint32_t code = 0;
    for (; at < text.len && at - first < REFERENCE_DIGITS_MAX; at++) {
        char c = text.at[at];
        if (c >= '0' && c <= '9') {
            code = code * (hex ? 16 : 10) + (uint32_t)(c - '0');
        } else if (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
            code = code * 16 + (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            break;
        }
    }
    if (at == first || at >= text.len || text.at[at] != ';' || !xml_char(code)) {
        return 0;
    }
    *ret_code = code;
    return at + 1;
}

static bool references(struct slice text) {
    for (;;) {
        const char *found = text.len > 0 ? memchr(text.at, '&', text.len) : NULL;
        if (found == NULL) {
            return true;
        }
        text = slice_sub(text, (size_t)(found - text.at), text.len);
        uint32_t code;
        size_t used = reference(text, &code);
        if (used == 0) {
            return false;
        }
        text = slice_sub(text, used, text.len);
    }
}

// ---- places ----------------------------------------------------------------------------------------------

static bool fail(struct reader *reader, const char *fault) {
    if (reader->fault == NULL) {
        reader->fault = fault;
    }
    return false;
}

static enum reader_event broken(struct reader *reader, const char *fault) {
    (void)fail(reader, fault);
    return READER_BROKEN;
}

static void go(struct reader *reader, size_t bytes) {
    reader->rest = slice_sub(reader->rest, bytes, reader->rest.len);
}

static bool skip_space(struct reader *reader) {
    size_t at = 0;
    while (at < reader->rest.len && is_space(reader->rest.at[at])) {
        at++;
    }
    go(reader, at);
    return at > 0;
}

// NCName, or NCName:NCName.
static bool take_name(struct reader *reader, struct slice *ret_qname) {
    struct slice rest = reader->rest;
    size_t at = 0;
    for (int part = 0; part < 2; part++) {
        if (at >= rest.len || !name_start(rest.at[at])) {
            return fail(reader, "a name is expected, of ASCII letters, digits, '.', '-' and '_'");
        }
        while (at < rest.len && name_more(rest.at[at])) {
            at++;
        }
        if (part == 1 || at >= rest.len || rest.at[at] != ':') {
            break;
        }
        at++;
    }
    *ret_qname = slice_sub(rest, 0, at);
    go(reader, at);
    return true;
}

static void split_name(struct slice qname, struct slice *ret_prefix, struct slice *ret_local) {
    const char *colon = memchr(qname.at, ':', qname.len);
    size_t at = colon != NULL ? (size_t)(colon - qname.at) : 0;
    *ret_prefix = slice_sub(qname, 0, at);
    *ret_local = slice_sub(qname, colon != NULL ? at + 1 : 0, qname.len);
}

// ---- namespaces ------------------------------------------------------------------------------------------

static bool namespace_uri(struct slice uri) {
    if (!slice_starts(uri, S("http://")) && !slice_starts(uri, S("https://")) &&
        !slice_starts(uri, S("urn:"))) {
        return false;
    }
    for (size_t i = 0; i < uri.len; i++) {
        char c = uri.at[i];
        if (!name_more(c) && memchr("~:/?#[]@!$'()*+,;=%", c, 19) == NULL) {
            return false;
        }
    }
    return !slice_equal(uri, S(NS_XML)) && !slice_equal(uri, S(NS_XMLNS));
}

static bool declare(struct reader *reader, struct slice prefix, struct slice uri) {
    if (slice_equal(prefix, S("xml")) || slice_equal(prefix, S("xmlns"))) {
        return fail(reader, "the prefixes xml and xmlns cannot be declared");
    }
    // xmlns="" takes the default namespace away; a prefix cannot be taken away in XML 1.0.
    if (!(uri.len == 0 && prefix.len == 0) && !namespace_uri(uri)) {
        return fail(reader, "a namespace must be a plain http://, https:// or urn: name");
    }
    for (size_t i = reader->namespace_count; i > 0; i--) {
        if (reader->namespaces[i - 1].depth != reader->open_count) {
            break;
        }
        if (slice_equal(reader->namespaces[i - 1].prefix, prefix)) {
            return fail(reader, "a namespace prefix is declared twice in one tag");
        }
    }
    if (reader->namespace_count == READER_NAMESPACES_MAX) {
        return fail(reader, "too many namespace declarations");
    }
    size_t at = reader->namespace_count++;
    reader->namespaces[at].prefix = prefix;
    reader->namespaces[at].uri = uri;
    reader->namespaces[at].depth = reader->open_count;
    return true;
}

static bool resolve(struct reader *reader, struct slice prefix, struct slice *ret_uri) {
    for (size_t i = reader->namespace_count; i > 0; i--) {
        if (slice_equal(reader->namespaces[i - 1].prefix, prefix)) {
            *ret_uri = reader->namespaces[i - 1].uri;
            return true;
        }
    }
    if (prefix.len > 0) {
        return fail(reader, "a namespace prefix is not declared");
    }
    *ret_uri = S("");
    return true;
}

static bool resolve_element(struct reader *reader, struct slice qname) {
    struct slice prefix;
    split_name(qname, &prefix, &reader->local);
    return resolve(reader, prefix, &reader->namespace);
}

// ---- tags ------------------------------------------------------------------------------------------------

static bool take_value(struct reader *reader, struct slice *ret_value) {
    struct slice rest = reader->rest;
    if (rest.len < 2 || (rest.at[0] != '"' && rest.at[0] != '\'')) {
        return fail(reader, "an attribute needs =\"value\"");
    }
    const char *end = memchr(rest.at + 1, rest.at[0], rest.len - 1);
    if (end == NULL) {
        return fail(reader, "an attribute's value does not end");
    }
    struct slice value = slice_sub(rest, 1, (size_t)(end - rest.at));
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '<' || c == '\t' || c == '\n' || c == '\r') {
            return fail(reader, "an attribute's value holds '<', a tab or a line end");
        }
    }
    if (!references(value)) {
        return fail(reader, "an attribute's value holds a reference that is not allowed");
    }
    *ret_value = value;
    go(reader, value.len + 2);
    return true;
}

static bool take_attribute(struct reader *reader) {
    struct slice qname, prefix, local, value;
    if (!take_name(reader, &qname)) {
        return false;
    }
    if (reader->rest.len == 0 || reader->rest.at[0] != '=') {
        return fail(reader, "an attribute needs =\"value\"");
    }
    go(reader, 1);
    if (!take_value(reader, &value)) {
        return false;
    }
    split_name(qname, &prefix, &local);
    if (slice_equal(qname, S("xmlns"))) {
        return declare(reader, S(""), value);
    }
    if (slice_equal(prefix, S("xmlns"))) {
        return declare(reader, local, value);
    }
    reader->attributes[reader->attribute_count++] = (struct reader_attribute){prefix, local, value};
    return true;
}

static bool resolve_attribute(struct reader *reader, size_t at, struct slice *ret_uri) {
    struct slice prefix = reader->attributes[at].prefix;
    if (prefix.len == 0) {
        *ret_uri = S(""); // the default namespace is not for attributes
        return true;
    }
    if (slice_equal(prefix, S("xml"))) {
        *ret_uri = S(NS_XML);
        return true;
    }
    return resolve(reader, prefix, ret_uri);
}

// Prefixes declared, and no two attributes of one name, also through two prefixes of one namespace.
static bool check_attributes(struct reader *reader) {
    struct slice uris[READER_ATTRIBUTES_MAX];
    for (size_t i = 0; i < reader->attribute_count; i++) {
        if (!resolve_attribute(reader, i, &uris[i])) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (slice_equal(reader->attributes[i].local, reader->attributes[j].local) &&
                slice_equal(uris[i], uris[j])) {
                return fail(reader, "an attribute stands twice in one tag");
            }
        }
    }
    return true;
}

static bool take_attributes(struct reader *reader) {
    reader->attribute_count = 0;
    for (size_t seen = 0;; seen++) {
        bool spaced = skip_space(reader);
        if (slice_starts(reader->rest, S(">"))) {
            go(reader, 1);
            return true;
        }
        if (slice_starts(reader->rest, S("/>"))) {
            go(reader, 2);
            reader->pending_end = true;
            return true;
        }
        if (!spaced) {
            return fail(reader, "a tag does not end with '>'");
        }
        if (seen == READER_ATTRIBUTES_MAX) {
            return fail(reader, "too many attributes in one tag");
        }
        if (!take_attribute(reader)) {
            return false;
        }
    }
}

static enum reader_event start_tag(struct reader *reader) {
    if (reader->rest.len > 1 && (reader->rest.at[1] == '!' || reader->rest.at[1] == '?')) {
        return broken(reader, "a declaration, comment, CDATA section or processing instruction");
    }
    struct slice start = reader->rest;
    struct slice qname;
    go(reader, 1);
    if (!take_name(reader, &qname)) {
        return READER_BROKEN;
    }
    if (reader->open_count == READER_DEPTH_MAX) {
        return broken(reader, "elements are nested too deep");
    }
    reader->open[reader->open_count++].qname = qname;
    if (!take_attributes(reader) || !resolve_element(reader, qname) || !check_attributes(reader)) {
        return READER_BROKEN;
    }
    reader->element_start = start;
    reader->depth = reader->open_count;
    reader->seen_root = true;
    return READER_START;
}

// The innermost element ends: by its tag, or because it was empty.
static enum reader_event end_element(struct reader *reader) {
    if (!resolve_element(reader, reader->open[reader->open_count - 1].qname)) {
        return READER_BROKEN;
    }
    reader->depth = reader->open_count;
    reader->attribute_count = 0;
    while (reader->namespace_count > 0 &&
           reader->namespaces[reader->namespace_count - 1].depth == reader->open_count) {
        reader->namespace_count--;
    }
    reader->open_count--;
    return READER_END;
}

static enum reader_event end_tag(struct reader *reader) {
    struct slice qname;
    go(reader, 2);
    if (!take_name(reader, &qname)) {
        return READER_BROKEN;
    }
    (void)skip_space(reader);
    if (!slice_starts(reader->rest, S(">"))) {
        return broken(reader, "a tag does not end with '>'");
    }
    if (!slice_equal(qname, reader->open[reader->open_count - 1].qname)) {
        return broken(reader, "an end tag belongs to another element");
    }
    go(reader, 1);
    return end_element(reader);
}

static enum reader_event text_run(struct reader *reader) {
    const char *end = memchr(reader->rest.at, '<', reader->rest.len);
    if (end == NULL) {
        return broken(reader, "the text ends inside an element");
    }
    struct slice text = slice_sub(reader->rest, 0, (size_t)(end - reader->rest.at));
    if (slice_find(text, S("]]>")) != SIZE_MAX) {
        return broken(reader, "text holds ]]>");
    }
    if (!references(text)) {
        return broken(reader, "text holds a reference that is not allowed");
    }
    reader->text = text;
    go(reader, text.len);
    return READER_TEXT;
}

static enum reader_event outside(struct reader *reader) {
    (void)skip_space(reader);
    if (reader->rest.len == 0) {
        return reader->seen_root ? READER_DONE : broken(reader, "there is no element");
    }
    if (reader->seen_root) {
        return broken(reader, "something follows the document element");
    }
    if (reader->rest.at[0] != '<') {
        return broken(reader, "something precedes the document element");
    }
    return start_tag(reader);
}

// ---- the door --------------------------------------------------------------------------------------------

struct reader reader_open(struct slice octets) {
    struct reader reader = {.rest = octets, .whole = octets};
    if (!xml_chars(octets)) {
        reader.fault = "bytes that are no XML characters in UTF-8";
    }
    return reader;
}

struct reader reader_open_inside(struct slice octets, const struct reader *around) {
    struct reader reader = reader_open(octets);
    for (size_t i = 0; i < around->namespace_count; i++) {
        reader.namespaces[i] = around->namespaces[i];
        reader.namespaces[i].depth = 0; // outside the root: no end tag takes it away
    }
    reader.namespace_count = around->namespace_count;
    return reader;
}

enum reader_event reader_next(struct reader *reader) {
    if (reader->fault != NULL) {
        return READER_BROKEN;
    }
    if (reader->pending_end) {
        reader->pending_end = false;
        return end_element(reader);
    }
    if (reader->open_count == 0) {
        return outside(reader);
    }
    if (reader->rest.len == 0) {
        return broken(reader, "the text ends inside an element");
    }
    if (reader->rest.at[0] != '<') {
        return text_run(reader);
    }
    return slice_starts(reader->rest, S("</")) ? end_tag(reader) : start_tag(reader);
}

bool reader_skip(struct reader *reader) {
    size_t depth = reader->depth;
    for (;;) {
        enum reader_event event = reader_next(reader);
        if (event == READER_BROKEN || event == READER_DONE) {
            return fail(reader, "there is no element to skip");
        }
        if (event == READER_END && reader->depth == depth) {
            return true;
        }
    }
}

bool reader_octets(struct reader *reader, struct slice *ret_octets) {
    struct slice start = reader->element_start;
    if (!reader_skip(reader)) {
        return false;
    }
    *ret_octets = slice_sub(start, 0, start.len - reader->rest.len);
    return true;
}

bool reader_child(struct reader *reader, size_t depth) {
    for (;;) {
        switch (reader_next(reader)) {
        case READER_START:
            return true;
        case READER_TEXT:
            if (slice_trim(reader->text).len > 0) {
                return fail(reader, "text between elements");
            }
            break;
        case READER_END:
            return reader->depth == depth ? false : fail(reader, "an element was not read to its end");
        case READER_DONE:
        case READER_BROKEN:
            return fail(reader, "the text ends inside an element");
        }
    }
}

bool reader_at(const struct reader *reader, const char *namespace, const char *local) {
    return slice_equal(reader->local, slice_str(local)) &&
           slice_equal(reader->namespace, slice_str(namespace));
}

reason reader_refuse(struct op *op, const struct reader *reader) {
    REFUSE(op, SAML_MALFORMED, "cannot be read at byte %zu of %zu: %s",
           reader->whole.len - reader->rest.len, reader->whole.len,
           reader->fault != NULL ? reader->fault : "another element is expected");
}

reason reader_attribute(struct op *op, const struct reader *reader, const char *local,
                        struct slice *ret_value) {
    for (size_t i = 0; i < reader->attribute_count; i++) {
        const struct reader_attribute *attribute = &reader->attributes[i];
        if (attribute->prefix.len == 0 && slice_equal(attribute->local, slice_str(local))) {
            return reader_decode(op, attribute->value, ret_value);
        }
    }
    *ret_value = SLICE_NONE;
    return NULL;
}

reason reader_content(struct op *op, struct reader *reader, struct slice *ret_text) {
    struct slice text = S("");
    for (;;) {
        switch (reader_next(reader)) {
        case READER_TEXT:
            text = reader->text;
            break;
        case READER_END:
            return reader_decode(op, text, ret_text);
        case READER_START:
            REFUSE(op, SAML_MALFORMED, "an element stands where only text may be");
        case READER_DONE:
        case READER_BROKEN:
            return reader_refuse(op, reader);
        }
    }
}

static size_t put_utf8(uint32_t code, char *to) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    to[0] = (char)((0xF00U >> len & 0xFF) | code);
    return len;
}

reason reader_decode(struct op *op, struct slice raw, struct slice *ret_text) {
    if (raw.len == 0) {
        *ret_text = S("");
        return NULL;
    }
    if (memchr(raw.at, '&', raw.len) == NULL && memchr(raw.at, '\r', raw.len) == NULL) {
        *ret_text = raw;
        return NULL;
    }
    // No reference is shorter than the character that it stands for.
    char *text = NULL;
    TRY(op_take(op, raw.len, &text));
    size_t out = 0;
    for (size_t in = 0; in < raw.len;) {
        char c = raw.at[in];
        if (c == '&') {
            uint32_t code = 0;
            size_t used = reference(slice_sub(raw, in, raw.len), &code);
            if (used == 0) {
                REFUSE(op, SAML_MALFORMED, "text holds a reference that is not allowed");
            }
            out += put_utf8(code, text + out);
            in += used;
        } else if (c == '\r') { // XML 1.0 section 2.11: CR LF, and CR alone, are read as LF
            text[out++] = '\n';
            in += in + 1 < raw.len && raw.at[in + 1] == '\n' ? 2 : 1;
        } else {
            text[out++] = c;
            in++;
        }
    }
    *ret_text = slice_of(text, out);
    return NULL;
}
