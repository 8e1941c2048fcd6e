// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a Response and an Assertion out of verified octets. It takes what it knows from where the schema has
// it, skips what it does not know (Advice, Extensions, foreign elements), and refuses a second one of what
// may stand once. It judges nothing: the rules do.
#include "saml/statement.h"

#include "base/clock.h"
#include "saml/decrypt.h"
#include "saml/reader.h"

// ---- lists that grow in the arena ------------------------------------------------------------------------

struct list {
    char *at;
    size_t count, room, each;
};

static reason list_add(struct op *op, struct list *list, const void *item) {
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 8 : list->room * 2;
        char *bigger = NULL;
        TRY(op_take(op, room * list->each, &bigger));
        if (list->count > 0) {
            memcpy(bigger, list->at, list->count * list->each);
        }
        list->at = bigger;
        list->room = room;
    }
    memcpy(list->at + list->count * list->each, item, list->each);
    list->count++;
    return NULL;
}

static struct rows list_rows(const struct list *list) {
    return (struct rows){list->at, list->count};
}

// ---- one pass --------------------------------------------------------------------------------------------

struct value {
    struct slice text;
    size_t attribute;
};
struct pass {
    struct op *op;
    struct reader *reader;
    struct statement *statement;
    struct list audiences;     // struct texts
    struct list confirmations; // struct confirmation
    struct list attributes;    // struct attribute; values.count counts, values.at comes at the end
    struct list values;        // struct value
    bool own_signature;        // the Assertion has a Signature as a direct child
};

static struct pass pass_open(struct op *op, struct reader *reader, struct statement *statement) {
    return (struct pass){.op = op, .reader = reader, .statement = statement,
                         .audiences = {.each = sizeof(struct texts)},
                         .confirmations = {.each = sizeof(struct confirmation)},
                         .attributes = {.each = sizeof(struct attribute)},
                         .values = {.each = sizeof(struct value)}};
}

static bool at_saml(const struct pass *pass, const char *local) {
    return reader_at(pass->reader, NS_SAML, local);
}

static bool at_samlp(const struct pass *pass, const char *local) {
    return reader_at(pass->reader, NS_SAMLP, local);
}

static reason attribute(struct pass *pass, const char *local, struct slice *ret_value) {
    return reader_attribute(pass->op, pass->reader, local, ret_value);
}

static reason skip(struct pass *pass) {
    return reader_skip(pass->reader) ? NULL : reader_refuse(pass->op, pass->reader);
}

static reason content(struct pass *pass, struct slice *ret_text) {
    return reader_content(pass->op, pass->reader, ret_text);
}

// After a loop over children: did it end with the parent's end?
static reason children_read(struct pass *pass) {
    return pass->reader->fault != NULL ? reader_refuse(pass->op, pass->reader) : NULL;
}

static reason once(struct pass *pass, bool *seen) {
    if (*seen) {
        REFUSE(pass->op, SAML_MALFORMED, "%.*s stands twice where it may stand once",
               SLICE(pass->reader->local));
    }
    *seen = true;
    return NULL;
}

// ---- subject ---------------------------------------------------------------------------------------------

static reason read_name_id(struct pass *pass) {
    struct identity *identity = &pass->statement->identity;
    TRY(attribute(pass, "Format", &identity->name_id_format));
    TRY(attribute(pass, "NameQualifier", &identity->name_qualifier));
    TRY(attribute(pass, "SPNameQualifier", &identity->sp_name_qualifier));
    TRY(attribute(pass, "SPProvidedID", &identity->sp_provided_id));
    return content(pass, &identity->name_id);
}

static reason read_confirmation(struct pass *pass) {
    struct confirmation confirmation = {.has_data = false};
    size_t depth = pass->reader->depth;
    TRY(attribute(pass, "Method", &confirmation.method));
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "SubjectConfirmationData")) {
            TRY(once(pass, &confirmation.has_data));
            TRY(attribute(pass, "Recipient", &confirmation.recipient));
            TRY(attribute(pass, "NotBefore", &confirmation.not_before));
            TRY(attribute(pass, "NotOnOrAfter", &confirmation.not_on_or_after));
            TRY(attribute(pass, "InResponseTo", &confirmation.in_response_to));
        }
        TRY(skip(pass));
    }
    TRY(children_read(pass));
    return list_add(pass->op, &pass->confirmations, &confirmation);
}

static reason keep_encrypted_id(struct pass *pass) {
    struct reader *reader = NULL;
    if (pass->statement->encrypted_id != NULL) {
        REFUSE(pass->op, SAML_MALFORMED, "EncryptedID stands twice");
    }
    TRY(op_take(pass->op, sizeof *reader, &reader));
    *reader = *pass->reader;
    pass->statement->encrypted_id = reader;
    return skip(pass);
}

static reason read_subject(struct pass *pass) {
    bool name_id = false;
    size_t depth = pass->reader->depth;
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "NameID")) {
            TRY(once(pass, &name_id));
            TRY(read_name_id(pass));
        } else if (at_saml(pass, "EncryptedID")) {
            TRY(keep_encrypted_id(pass));
        } else if (at_saml(pass, "SubjectConfirmation")) {
            TRY(read_confirmation(pass));
        } else {
            TRY(skip(pass));
        }
    }
    if (name_id) {
        pass->statement->encrypted_id = NULL; // the name that can be read counts
    }
    return children_read(pass);
}

// ---- conditions ------------------------------------------------------------------------------------------

static reason read_audiences(struct pass *pass) {
    struct list audiences = {.each = sizeof(struct slice)};
    size_t depth = pass->reader->depth;
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "Audience")) {
            struct slice audience;
            TRY(content(pass, &audience));
            TRY(list_add(pass->op, &audiences, &audience));
        } else {
            TRY(skip(pass));
        }
    }
    TRY(children_read(pass));
    struct slice *at = NULL;
    TRY(op_take(pass->op, audiences.count * sizeof *at, &at));
    if (audiences.count > 0) {
        memcpy(at, audiences.at, audiences.count * sizeof *at);
    }
    struct texts texts = {at, audiences.count};
    return list_add(pass->op, &pass->audiences, &texts);
}

static reason read_conditions(struct pass *pass) {
    struct statement *statement = pass->statement;
    size_t depth = pass->reader->depth;
    TRY(attribute(pass, "NotBefore", &statement->conditions_not_before));
    TRY(attribute(pass, "NotOnOrAfter", &statement->conditions_not_on_or_after));
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "AudienceRestriction")) {
            TRY(read_audiences(pass));
            continue;
        }
        bool known = at_saml(pass, "OneTimeUse") || at_saml(pass, "ProxyRestriction");
        if (!known && statement->unknown_condition.at == NULL) {
            statement->unknown_condition = pass->reader->local;
        }
        TRY(skip(pass));
    }
    return children_read(pass);
}

// ---- statements ------------------------------------------------------------------------------------------

static reason read_authn_context(struct pass *pass, bool first) {
    bool class_ref = false;
    size_t depth = pass->reader->depth;
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "AuthnContextClassRef")) {
            struct slice text;
            TRY(once(pass, &class_ref));
            TRY(content(pass, &text));
            if (first) {
                pass->statement->identity.authn_context = text;
            }
        } else {
            TRY(skip(pass));
        }
    }
    return children_read(pass);
}

// Of several sessions the one that ends first counts; a text that is no time stays, and is refused.
static void keep_earlier(struct slice *kept, struct slice text) {
    int64_t one = 0;
    int64_t other = 0;
    if (text.at == NULL || (kept->at != NULL && !clock_parse(*kept, &one))) {
        return;
    }
    if (kept->at == NULL || !clock_parse(text, &other) || other < one) {
        *kept = text;
    }
}

// The first statement tells how the person signed in.
static reason read_authn(struct pass *pass) {
    struct statement *statement = pass->statement;
    struct slice instant, session_index, end;
    size_t depth = pass->reader->depth;
    bool first = !statement->has_authn_statement;
    bool context = false;
    TRY(attribute(pass, "AuthnInstant", &instant));
    TRY(attribute(pass, "SessionIndex", &session_index));
    TRY(attribute(pass, "SessionNotOnOrAfter", &end));
    keep_earlier(&statement->session_not_on_or_after, end);
    if (first) {
        statement->has_authn_statement = true;
        statement->authn_instant = instant;
        statement->identity.session_index = session_index;
    }
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "AuthnContext")) {
            TRY(once(pass, &context));
            TRY(read_authn_context(pass, first));
        } else {
            TRY(skip(pass));
        }
    }
    return children_read(pass);
}

// The attribute of this name; what an IdP sends in two elements of one name is one attribute.
static reason attribute_row(struct pass *pass, struct slice name, size_t *ret_index) {
    struct attribute *rows = (struct attribute *)(void *)pass->attributes.at;
    for (size_t i = 0; i < pass->attributes.count; i++) {
        if (slice_equal(rows[i].name, name)) {
            *ret_index = i;
            return NULL;
        }
    }
    if (pass->attributes.count == IDENTITY_ATTRIBUTES_MAX) {
        REFUSE(pass->op, SAML_TOO_LARGE, "more than %d attributes", IDENTITY_ATTRIBUTES_MAX);
    }
    struct attribute row = {.name = name};
    TRY(attribute(pass, "NameFormat", &row.name_format));
    TRY(attribute(pass, "FriendlyName", &row.friendly_name));
    *ret_index = pass->attributes.count;
    return list_add(pass->op, &pass->attributes, &row);
}

// Text only; a value with elements in it is none that means anything here.
static reason read_value(struct pass *pass, size_t index) {
    struct slice raw = S("");
    bool as_it_is = true;
    bool plain = true;
    for (;;) {
        enum reader_event event = reader_next(pass->reader);
        if (event == READER_TEXT) {
            raw = pass->reader->text;
            as_it_is = pass->reader->plain;
        } else if (event == READER_START) {
            plain = false;
            TRY(skip(pass));
        } else if (event == READER_END) {
            break;
        } else {
            return reader_refuse(pass->op, pass->reader);
        }
    }
    if (!plain) {
        return NULL;
    }
    if (pass->values.count == IDENTITY_VALUES_MAX) {
        REFUSE(pass->op, SAML_TOO_LARGE, "more than %d values of attributes", IDENTITY_VALUES_MAX);
    }
    struct value value = {.text = raw, .attribute = index};
    if (!as_it_is) {
        TRY(reader_decode(pass->op, raw, &value.text));
    }
    ((struct attribute *)(void *)pass->attributes.at)[index].values.count++;
    return list_add(pass->op, &pass->values, &value);
}

static reason read_attribute(struct pass *pass) {
    struct slice name;
    size_t index = 0;
    size_t depth = pass->reader->depth;
    TRY(attribute(pass, "Name", &name));
    if (name.len == 0) {
        return skip(pass);
    }
    TRY(attribute_row(pass, name, &index));
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "AttributeValue")) {
            TRY(read_value(pass, index));
        } else {
            TRY(skip(pass));
        }
    }
    return children_read(pass);
}

// All of it: one Attribute.
static reason read_plain_attribute(struct pass *pass) {
    if (reader_next(pass->reader) != READER_START || !at_saml(pass, "Attribute")) {
        REFUSE(pass->op, ENCRYPTION_FAILED, "what the EncryptedAttribute holds is not an Attribute");
    }
    TRY(read_attribute(pass));
    if (reader_next(pass->reader) != READER_DONE) {
        REFUSE(pass->op, ENCRYPTION_FAILED, "what the EncryptedAttribute holds is more than an Attribute");
    }
    return NULL;
}

// It stands in verified octets, so CBC is as good as any, and failures may have names.
static reason read_encrypted_attribute(struct pass *pass) {
    struct decrypted decrypted;
    struct reader inside;
    struct reader *around = pass->reader;
    TRY(decrypt_element(pass->op, pass->statement->keys, around, "EncryptedAttribute",
                        &pass->statement->opening, &decrypted));
    reader_open_inside(&inside, decrypted.plain, around);
    pass->reader = &inside;
    reason why = read_plain_attribute(pass);
    pass->reader = around;
    TRY(why);
    return skip(pass);
}

static reason read_attributes(struct pass *pass) {
    size_t depth = pass->reader->depth;
    while (reader_child(pass->reader, depth)) {
        if (at_saml(pass, "Attribute")) {
            TRY(read_attribute(pass));
        } else if (at_saml(pass, "EncryptedAttribute")) {
            TRY(read_encrypted_attribute(pass));
        } else {
            TRY(skip(pass));
        }
    }
    return children_read(pass);
}

static reason sort_values(struct pass *pass) {
    struct attribute *rows = (struct attribute *)(void *)pass->attributes.at;
    const struct value *values = (const struct value *)(const void *)pass->values.at;
    struct slice *texts = NULL;
    TRY(op_take(pass->op, pass->values.count * sizeof *texts, &texts));
    for (size_t i = 0; i < pass->attributes.count; i++) {
        rows[i].values.at = texts;
        texts += rows[i].values.count;
        rows[i].values.count = 0;
    }
    for (size_t i = 0; i < pass->values.count; i++) {
        struct texts *to = &rows[values[i].attribute].values;
        to->at[to->count++] = values[i].text;
    }
    return NULL;
}

// ---- the assertion ---------------------------------------------------------------------------------------

static reason read_assertion_head(struct pass *pass) {
    struct statement *statement = pass->statement;
    struct slice instant;
    TRY(attribute(pass, "ID", &statement->identity.assertion_id));
    TRY(attribute(pass, "Version", &statement->assertion_version));
    TRY(attribute(pass, "IssueInstant", &instant));
    if (statement->identity.assertion_id.len == 0) {
        REFUSE(pass->op, SAML_MALFORMED, "the Assertion has no ID");
    }
    if (!clock_parse(instant, &statement->issue_instant)) {
        REFUSE(pass->op, SAML_MALFORMED, "the Assertion has no IssueInstant that is a time: \"%.*s\"",
               SLICE(instant));
    }
    return NULL;
}

struct assertion_seen {
    bool issuer, subject, conditions;
};

static reason read_assertion_child(struct pass *pass, struct assertion_seen *seen) {
    struct statement *statement = pass->statement;
    if (at_saml(pass, "Issuer")) {
        TRY(once(pass, &seen->issuer));
        return content(pass, &statement->assertion_issuer);
    }
    if (at_saml(pass, "Subject")) {
        TRY(once(pass, &seen->subject));
        return read_subject(pass);
    }
    if (at_saml(pass, "Conditions")) {
        TRY(once(pass, &seen->conditions));
        statement->has_conditions = true;
        return read_conditions(pass);
    }
    if (at_saml(pass, "AuthnStatement")) {
        return read_authn(pass);
    }
    if (at_saml(pass, "AttributeStatement")) {
        return read_attributes(pass);
    }
    if (reader_at(pass->reader, NS_DS, "Signature")) {
        pass->own_signature = true;
    }
    return skip(pass);
}

// The Assertion whose START was read, to its end.
static reason read_assertion(struct pass *pass) {
    struct statement *statement = pass->statement;
    struct assertion_seen seen = {.issuer = false};
    size_t depth = pass->reader->depth;
    TRY(read_assertion_head(pass));
    while (reader_child(pass->reader, depth)) {
        TRY(read_assertion_child(pass, &seen));
    }
    TRY(children_read(pass));
    TRY(sort_values(pass));
    statement->audiences = list_rows(&pass->audiences);
    statement->confirmations = list_rows(&pass->confirmations);
    statement->identity.attributes = list_rows(&pass->attributes);
    statement->identity.issuer = statement->assertion_issuer;
    return NULL;
}

reason statement_assertion(struct op *op, struct slice octets, const struct reader *around,
                           struct statement *statement) {
    struct reader reader UNCLEARED;
    struct pass pass = pass_open(op, &reader, statement);
    if (around != NULL) {
        reader_open_inside(&reader, octets, around);
    } else {
        reader_open(&reader, octets);
    }
    if (reader_next(pass.reader) != READER_START || !at_saml(&pass, "Assertion")) {
        return reader_refuse(op, pass.reader);
    }
    TRY(read_assertion(&pass));
    if (reader_next(pass.reader) != READER_DONE) {
        return reader_refuse(op, pass.reader);
    }
    if (pass.own_signature) { // the one that covers it was taken out before the digest
        REFUSE(op, SIGNATURE_MISPLACED, "the Assertion has a second Signature");
    }
    return NULL;
}

// ---- the response ----------------------------------------------------------------------------------------

static reason read_sub_status(struct pass *pass) {
    struct statement *statement = pass->statement;
    size_t depth = pass->reader->depth;
    TRY(attribute(pass, "Value", &statement->status));
    while (reader_child(pass->reader, depth)) {
        if (at_samlp(pass, "StatusCode")) {
            TRY(attribute(pass, "Value", &statement->sub_status));
        }
        TRY(skip(pass));
    }
    return children_read(pass);
}

static reason read_status(struct pass *pass) {
    bool code = false;
    size_t depth = pass->reader->depth;
    while (reader_child(pass->reader, depth)) {
        if (at_samlp(pass, "StatusCode")) {
            TRY(once(pass, &code));
            TRY(read_sub_status(pass));
        } else if (at_samlp(pass, "StatusMessage")) {
            TRY(content(pass, &pass->statement->status_message));
        } else {
            TRY(skip(pass));
        }
    }
    return children_read(pass);
}

static reason read_response_head(struct pass *pass) {
    struct statement *statement = pass->statement;
    TRY(attribute(pass, "ID", &statement->response_id));
    TRY(attribute(pass, "Version", &statement->response_version));
    TRY(attribute(pass, "Destination", &statement->destination));
    return attribute(pass, "InResponseTo", &statement->response_in_response_to);
}

// Only the ID and whether it is signed: what it says is read from its own octets.
static reason read_outline(struct pass *pass) {
    size_t depth = pass->reader->depth;
    TRY(attribute(pass, "ID", &pass->statement->identity.assertion_id));
    while (reader_child(pass->reader, depth)) {
        if (reader_at(pass->reader, NS_DS, "Signature")) {
            pass->own_signature = true;
        }
        TRY(skip(pass));
    }
    return children_read(pass);
}

struct response_seen {
    bool issuer, status;
};

static reason read_response_child(struct pass *pass, bool outline, struct response_seen *seen,
                                  struct response_parts *parts) {
    struct statement *statement = pass->statement;
    if (at_saml(pass, "Issuer")) {
        TRY(once(pass, &seen->issuer));
        TRY(attribute(pass, "Format", &statement->response_issuer_format));
        return content(pass, &statement->response_issuer);
    }
    if (at_samlp(pass, "Status")) {
        TRY(once(pass, &seen->status));
        return read_status(pass);
    }
    if (at_saml(pass, "Assertion") && parts->assertions++ == 0) {
        return outline ? read_outline(pass) : read_assertion(pass);
    }
    if (at_saml(pass, "EncryptedAssertion")) {
        parts->encrypted++;
    }
    if (reader_at(pass->reader, NS_DS, "Signature")) {
        REFUSE(pass->op, SIGNATURE_MISPLACED, "the Response has a second Signature");
    }
    return skip(pass);
}

reason statement_response(struct op *op, struct slice octets, bool outline,
                          struct statement *statement, struct response_parts *ret_parts) {
    struct reader reader UNCLEARED;
    struct pass pass = pass_open(op, &reader, statement);
    struct response_parts parts = {.assertions = 0};
    struct response_seen seen = {.issuer = false};
    reader_open(&reader, octets);
    if (reader_next(pass.reader) != READER_START || !at_samlp(&pass, "Response")) {
        return reader_refuse(op, pass.reader);
    }
    TRY(read_response_head(&pass));
    while (reader_child(pass.reader, 1)) {
        TRY(read_response_child(&pass, outline, &seen, &parts));
    }
    TRY(children_read(&pass));
    if (reader_next(pass.reader) != READER_DONE) {
        return reader_refuse(op, pass.reader);
    }
    statement->identity.response_id = statement->response_id;
    parts.assertion_id = statement->identity.assertion_id;
    parts.assertion_has_signature = pass.own_signature;
    *ret_parts = parts;
    return NULL;
}

reason statement_name_id(struct op *op, struct slice plain, const struct reader *around,
                         struct statement *statement) {
    struct reader reader;
    struct pass pass = pass_open(op, &reader, statement);
    reader_open_inside(&reader, plain, around);
    if (reader_next(pass.reader) != READER_START || !at_saml(&pass, "NameID")) {
        REFUSE(op, ENCRYPTION_FAILED, "what the EncryptedID holds is not a NameID");
    }
    TRY(read_name_id(&pass));
    if (reader_next(pass.reader) != READER_DONE) {
        REFUSE(op, ENCRYPTION_FAILED, "what the EncryptedID holds is more than a NameID");
    }
    return NULL;
}
