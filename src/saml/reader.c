// SPDX-License-Identifier: GPL-3.0-or-later
// The pull reader: one pass over bytes that stay where they are. Each byte was checked to be an XML
// character before the first event, so what follows looks at ASCII only. It keeps the open elements and the
// namespaces in scope in arrays of its own, so depth never becomes stack depth. It repairs nothing.
#include "saml/reader.h"

#include "saml/reader_text.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"
#define NS_XMLNS "http://www.w3.org/2000/xmlns/"

// ---- characters ------------------------------------------------------------------------------------------

// What a byte may be: a bit each.
#define SPACE 1       // white space
#define NAME_START 2  // begins a name, or the part after its colon
#define NAME_MORE 4   // goes on in one
#define URI_MORE 8    // stands in a namespace, beside NAME_MORE
#define TEXT_STOP 16  // is not simply itself in text
#define VALUE_STOP 32 // nor in the value of an attribute
#define L (NAME_START | NAME_MORE)
#define M NAME_MORE
#define U URI_MORE

static const uint8_t kinds[256] = {
    ['A'] = L, ['B'] = L, ['C'] = L, ['D'] = L, ['E'] = L, ['F'] = L, ['G'] = L, ['H'] = L, ['I'] = L,
    ['J'] = L, ['K'] = L, ['L'] = L, ['M'] = L, ['N'] = L, ['O'] = L, ['P'] = L, ['Q'] = L, ['R'] = L,
    ['S'] = L, ['T'] = L, ['U'] = L, ['V'] = L, ['W'] = L, ['X'] = L, ['Y'] = L, ['Z'] = L, ['_'] = L,
    ['a'] = L, ['b'] = L, ['c'] = L, ['d'] = L, ['e'] = L, ['f'] = L, ['g'] = L, ['h'] = L, ['i'] = L,
    ['j'] = L, ['k'] = L, ['l'] = L, ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L, ['r'] = L,
    ['s'] = L, ['t'] = L, ['u'] = L, ['v'] = L, ['w'] = L, ['x'] = L, ['y'] = L, ['z'] = L,
    ['0'] = M, ['1'] = M, ['2'] = M, ['3'] = M, ['4'] = M, ['5'] = M, ['6'] = M, ['7'] = M, ['8'] = M,
    ['9'] = M, ['.'] = M, ['-'] = M,
    ['~'] = U, [':'] = U, ['/'] = U, ['?'] = U, ['#'] = U, ['['] = U, ['@'] = U, ['!'] = U, ['$'] = U,
    ['('] = U, [')'] = U, ['*'] = U, ['+'] = U, [','] = U, [';'] = U, ['='] = U, ['%'] = U,
    [']'] = U | TEXT_STOP, ['\''] = U | VALUE_STOP, ['"'] = VALUE_STOP,
    ['<'] = TEXT_STOP | VALUE_STOP, ['&'] = TEXT_STOP | VALUE_STOP, [' '] = SPACE,
    ['\t'] = SPACE | VALUE_STOP, ['\n'] = SPACE | VALUE_STOP,
    ['\r'] = SPACE | TEXT_STOP | VALUE_STOP,
};
#undef L
#undef M
#undef U

static bool is(char c, unsigned kind) {
    return (kinds[(uint8_t)c] & kind) != 0;
}

// The first of these kinds from `at` on, or the end.
static size_t stop_at(struct slice text, size_t at, unsigned kind) {
    while (at < text.len && !is(text.at[at], kind)) {
        at++;
    }
    return at;
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
    reader->rest.at += bytes;
    reader->rest.len -= bytes;
}

static bool next_is(const struct reader *reader, char c) {
    return reader->rest.len > 0 && reader->rest.at[0] == c;
}

static bool skip_space(struct reader *reader) {
    size_t at = 0;
    while (at < reader->rest.len && is(reader->rest.at[at], SPACE)) {
        at++;
    }
    go(reader, at);
    return at > 0;
}

struct name {
    struct slice qname, prefix, local;
};

// NCName, or NCName:NCName.
static bool take_name(struct reader *reader, struct name *ret_name) {
    struct slice rest = reader->rest;
    size_t at = 0;
    size_t local = 0;
    for (;;) {
        if (at >= rest.len || !is(rest.at[at], NAME_START)) {
            return fail(reader, "a name is expected, of ASCII letters, digits, '.', '-' and '_'");
        }
        while (at < rest.len && is(rest.at[at], NAME_MORE)) {
            at++;
        }
        if (local > 0 || at >= rest.len || rest.at[at] != ':') {
            break;
        }
        local = ++at;
    }
    ret_name->qname = slice_of(rest.at, at);
    ret_name->prefix = slice_of(rest.at, local > 0 ? local - 1 : 0);
    ret_name->local = slice_of(rest.at + local, at - local);
    go(reader, at);
    return true;
}

// The reference at `at`, which is an ampersand; *at goes past it.
static bool skip_reference(struct slice text, size_t *at) {
    uint32_t code;
    size_t used = reader_reference(slice_sub(text, *at, text.len), &code);
    *at += used;
    return used > 0;
}

// ---- namespaces ------------------------------------------------------------------------------------------

static bool namespace_uri(struct slice uri) {
    if (!slice_starts(uri, S("http://")) && !slice_starts(uri, S("https://")) &&
        !slice_starts(uri, S("urn:"))) {
        return false;
    }
    for (size_t i = 0; i < uri.len; i++) {
        if (!is(uri.at[i], NAME_MORE | URI_MORE)) {
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

// ---- tags ------------------------------------------------------------------------------------------------

static bool take_value(struct reader *reader, struct reader_attribute *attribute) {
    struct slice rest = reader->rest;
    if (rest.len < 2 || (rest.at[0] != '"' && rest.at[0] != '\'')) {
        return fail(reader, "an attribute needs =\"value\"");
    }
    char quote = rest.at[0];
    size_t at = 1;
    attribute->plain = true;
    for (;;) {
        at = stop_at(rest, at, VALUE_STOP);
        if (at == rest.len) {
            return fail(reader, "an attribute's value does not end");
        }
        char c = rest.at[at];
        if (c == quote) {
            break;
        }
        if (c == '&') {
            attribute->plain = false;
            if (!skip_reference(rest, &at)) {
                return fail(reader, "an attribute's value holds a reference that is not allowed");
            }
        } else if (c == '"' || c == '\'') {
            at++;
        } else {
            return fail(reader, "an attribute's value holds '<', a tab or a line end");
        }
    }
    attribute->value = slice_of(rest.at + 1, at - 1);
    go(reader, at + 1);
    return true;
}

static bool take_attribute(struct reader *reader) {
    struct name name;
    struct reader_attribute *attribute = &reader->attributes[reader->attribute_count];
    if (!take_name(reader, &name)) {
        return false;
    }
    if (!next_is(reader, '=')) {
        return fail(reader, "an attribute needs =\"value\"");
    }
    go(reader, 1);
    if (!take_value(reader, attribute)) {
        return false;
    }
    if (slice_equal(name.qname, S("xmlns"))) {
        return declare(reader, S(""), attribute->value);
    }
    if (slice_equal(name.prefix, S("xmlns"))) {
        return declare(reader, name.local, attribute->value);
    }
    attribute->prefix = name.prefix;
    attribute->local = name.local;
    reader->attribute_count++;
    return true;
}

static bool resolve_attribute(struct reader *reader, struct reader_attribute *attribute) {
    if (attribute->prefix.len == 0) {
        attribute->namespace = S(""); // the default namespace is not for attributes
        return true;
    }
    if (slice_equal(attribute->prefix, S("xml"))) {
        attribute->namespace = S(NS_XML);
        return true;
    }
    return resolve(reader, attribute->prefix, &attribute->namespace);
}

// Prefixes declared, and no two attributes of one name, also through two prefixes of one namespace.
static bool check_attributes(struct reader *reader) {
    for (size_t i = 0; i < reader->attribute_count; i++) {
        struct reader_attribute *attribute = &reader->attributes[i];
        if (!resolve_attribute(reader, attribute)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (slice_equal(attribute->local, reader->attributes[j].local) &&
                slice_equal(attribute->namespace, reader->attributes[j].namespace)) {
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
        if (next_is(reader, '>')) {
            go(reader, 1);
            return true;
        }
        if (next_is(reader, '/') && reader->rest.len > 1 && reader->rest.at[1] == '>') {
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
    struct name name;
    go(reader, 1);
    if (!take_name(reader, &name)) {
        return READER_BROKEN;
    }
    if (reader->open_count == READER_DEPTH_MAX) {
        return broken(reader, "elements are nested too deep");
    }
    struct reader_open_element *element = &reader->open[reader->open_count++];
    element->qname = name.qname;
    element->local = name.local;
    if (!take_attributes(reader) || !resolve(reader, name.prefix, &element->namespace) ||
        !check_attributes(reader)) {
        return READER_BROKEN;
    }
    reader->namespace = element->namespace;
    reader->local = element->local;
    reader->element_start = start;
    reader->depth = reader->open_count;
    reader->seen_root = true;
    return READER_START;
}

// The innermost element ends: by its tag, or because it was empty.
static enum reader_event end_element(struct reader *reader) {
    const struct reader_open_element *element = &reader->open[reader->open_count - 1];
    reader->namespace = element->namespace;
    reader->local = element->local;
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
    struct name name;
    struct slice opened = reader->open[reader->open_count - 1].qname;
    go(reader, 2);
    if (reader->rest.len > opened.len && reader->rest.at[opened.len] == '>' &&
        memcmp(reader->rest.at, opened.at, opened.len) == 0) { // nearly each
        go(reader, opened.len + 1);
        return end_element(reader);
    }
    if (!take_name(reader, &name)) {
        return READER_BROKEN;
    }
    (void)skip_space(reader);
    if (!next_is(reader, '>')) {
        return broken(reader, "a tag does not end with '>'");
    }
    if (!slice_equal(name.qname, opened)) {
        return broken(reader, "an end tag belongs to another element");
    }
    go(reader, 1);
    return end_element(reader);
}

static enum reader_event text_run(struct reader *reader) {
    struct slice rest = reader->rest;
    size_t at = 0;
    reader->plain = true;
    for (;;) {
        at = stop_at(rest, at, TEXT_STOP);
        if (at == rest.len) {
            return broken(reader, "the text ends inside an element");
        }
        char c = rest.at[at];
        if (c == '<') {
            break;
        }
        if (c == '&') {
            reader->plain = false;
            if (!skip_reference(rest, &at)) {
                return broken(reader, "text holds a reference that is not allowed");
            }
            continue;
        }
        if (c == ']' && slice_starts(slice_sub(rest, at, rest.len), S("]]>"))) {
            return broken(reader, "text holds ]]>");
        }
        reader->plain = reader->plain && c != '\r';
        at++;
    }
    reader->text = slice_of(rest.at, at);
    go(reader, at);
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

void reader_open(struct reader *reader, struct slice octets) {
    reader->rest = reader->whole = octets;
    reader->fault = reader_characters(octets) ? NULL : "bytes that are no XML characters in UTF-8";
    reader->namespace = reader->local = S("");
    reader->depth = 0;
    reader->attribute_count = reader->namespace_count = reader->open_count = 0;
    reader->element_start = reader->text = SLICE_NONE;
    reader->plain = reader->pending_end = reader->seen_root = false;
}

void reader_open_inside(struct reader *reader, struct slice octets, const struct reader *around) {
    reader_open(reader, octets);
    for (size_t i = 0; i < around->namespace_count; i++) {
        reader->namespaces[i] = around->namespaces[i];
        reader->namespaces[i].depth = 0; // outside the root: no end tag takes it away
    }
    reader->namespace_count = around->namespace_count;
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
    return reader->rest.len > 1 && reader->rest.at[1] == '/' ? end_tag(reader) : start_tag(reader);
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

reason reader_refuse(struct op *op, const struct reader *reader) {
    REFUSE(op, SAML_MALFORMED, "cannot be read at byte %zu of %zu: %s",
           reader->whole.len - reader->rest.len, reader->whole.len,
           reader->fault != NULL ? reader->fault : "another element is expected");
}

reason reader_attribute(struct op *op, const struct reader *reader, const char *local,
                        struct slice *ret_value) {
    struct slice wanted = slice_str(local);
    for (size_t i = 0; i < reader->attribute_count; i++) {
        const struct reader_attribute *attribute = &reader->attributes[i];
        if (attribute->prefix.len == 0 && slice_equal(attribute->local, wanted)) {
            if (!attribute->plain) {
                return reader_decode(op, attribute->value, ret_value);
            }
            *ret_value = attribute->value;
            return NULL;
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
            if (!reader->plain) {
                TRY(reader_decode(op, text, &text));
            }
            break;
        case READER_END:
            *ret_text = text;
            return NULL;
        case READER_START:
            REFUSE(op, SAML_MALFORMED, "an element stands where only text may be");
        case READER_DONE:
        case READER_BROKEN:
            return reader_refuse(op, reader);
        }
    }
}
