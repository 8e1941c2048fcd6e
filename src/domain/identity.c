// SPDX-License-Identifier: GPL-3.0-or-later
// What a proved identity says about a person: e-mail, names, and the text that identifies him at
// his connection. Attributes are found by Name only, never by FriendlyName (saml2int IIP-SP11).
#include "domain/login_parts.h"

#define FORMAT_EMAIL "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
#define FORMAT_TRANSIENT "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
#define CLAIMS "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

static const struct slice email_names[] = {
    S_ROW("email"),
    S_ROW("mail"),
    S_ROW("Email"),
    S_ROW("Mail"),
    S_ROW("emailAddress"),
    S_ROW("EmailAddress"),
    S_ROW("emailaddress"),
    S_ROW("email_address"),
    S_ROW("user.email"),
    S_ROW("User.Email"),
    S_ROW("urn:oid:0.9.2342.19200300.100.1.3"),
    S_ROW("urn:oid:1.2.840.113549.1.9.1"),
    S_ROW(CLAIMS "emailaddress"),
    S_ROW(CLAIMS "emailAddress"),
    S_ROW("http://schemas.xmlsoap.org/claims/EmailAddress"),
    {NULL, 0},
};

static struct slice first_value(const struct attribute *attribute) {
    for (size_t i = 0; i < attribute->values.count; i++) {
        if (slice_trim(attribute->values.at[i]).len > 0) {
            return slice_trim(attribute->values.at[i]);
        }
    }
    return SLICE_NONE;
}

static struct slice value_named(const struct identity *identity, struct slice name) {
    for (size_t i = 0; i < identity->attributes.count; i++) {
        const struct attribute *attribute = &((const struct attribute *)identity->attributes.at)[i];
        if (slice_equal(attribute->name, name) && first_value(attribute).len > 0) {
            return first_value(attribute);
        }
    }
    return SLICE_NONE;
}

struct slice identity_value(const struct identity *identity, const struct slice *names) {
    for (size_t i = 0; names[i].len > 0; i++) {
        struct slice value = value_named(identity, names[i]);
        if (value.len > 0) {
            return value;
        }
    }
    return SLICE_NONE;
}

// ---- e-mail ----

// *ret_email.whole empty: the text is no address.
static reason read_email(struct op *op, struct slice text, struct email *ret_email) {
    struct email email = {SLICE_NONE, SLICE_NONE};
    struct slice before = op->detail;
    reason why = text.len > 0 ? email_normalise(op, text, &email) : NULL;
    if (why != NULL && why != REASON_OF(INVALID_INPUT)) {
        return why;
    }
    op->detail = before;
    *ret_email = why == NULL ? email : (struct email){SLICE_NONE, SLICE_NONE};
    return NULL;
}

static reason named_email(struct op *op, const struct policy *policy,
                          const struct identity *identity, struct email *ret_email) {
    struct slice value = value_named(identity, policy->email_attribute);
    struct email email;
    TRY(read_email(op, value, &email));
    if (email.whole.len == 0) {
        REFUSE(op, ATTRIBUTE_REQUIRED_MISSING,
               "the policy takes the e-mail from the attribute %.*s, which %s",
               SLICE(policy->email_attribute),
               value.len == 0 ? "is missing" : "holds no e-mail address");
    }
    *ret_email = email;
    return NULL;
}

reason identity_email(struct op *op, const struct policy *policy, const struct identity *identity,
                      struct email *ret_email) {
    if (policy->email_attribute.len > 0) {
        return named_email(op, policy, identity, ret_email);
    }
    struct email email;
    TRY(read_email(op, identity->name_id, &email));
    for (size_t i = 0; email.whole.len == 0 && email_names[i].len > 0; i++) {
        TRY(read_email(op, value_named(identity, email_names[i]), &email));
    }
    *ret_email = email;
    return NULL;
}

// ---- who ----

// NameIDs differ when their qualifiers do (SAML core 2.2.2), so these are part of the text.
static reason qualified(struct op *op, const struct identity *identity, struct slice name_id,
                        struct slice *ret_identifier) {
    struct buf text;
    buf_open(&text, op, ARENA_CEILING / 4);
    buf_put(&text, name_id);
    if (identity->name_qualifier.len > 0 || identity->sp_name_qualifier.len > 0) {
        buf_str(&text, "\n");
        buf_put(&text, identity->name_qualifier);
        buf_str(&text, "\n");
        buf_put(&text, identity->sp_name_qualifier);
    }
    return buf_done(&text, ret_identifier);
}

reason identity_identifier(struct op *op, const struct policy *policy,
                           const struct identity *identity, const struct email *email,
                           struct slice *ret_identifier) {
    if (policy->identifier_attribute.len > 0) {
        struct slice value = value_named(identity, policy->identifier_attribute);
        if (value.len == 0) {
            REFUSE(op, ATTRIBUTE_REQUIRED_MISSING,
                   "the policy identifies people by the attribute %.*s, which is missing",
                   SLICE(policy->identifier_attribute));
        }
        *ret_identifier = value;
        return NULL;
    }
    struct slice name_id = identity->name_id;
    if (slice_equal(identity->name_id_format, S(FORMAT_EMAIL))) {
        struct email address;
        TRY(read_email(op, name_id, &address));
        name_id = address.whole.len > 0 ? address.whole : name_id;
    }
    bool is_transient = slice_equal(identity->name_id_format, S(FORMAT_TRANSIENT));
    if ((name_id.len == 0 || is_transient) && email->whole.len > 0) {
        // A transient NameID is another one each time and would make a new user at each sign-in.
        *ret_identifier = email->whole;
        return NULL;
    }
    if (slice_trim(name_id).len == 0) {
        REFUSE(op, SUBJECT_NAME_ID_MISSING,
               "there is neither a NameID, nor an identifier_attribute in the policy, nor an "
               "e-mail address");
    }
    return qualified(op, identity, name_id, ret_identifier);
}
