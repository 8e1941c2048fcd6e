// SPDX-License-Identifier: GPL-3.0-or-later
// IdP metadata, read from canonical bytes (SAML metadata 2.3, 2.4.3). Twice: first to see which
// IdPs there are, so that a refusal can name them, then the chosen one. What an IdP needs not say
// (extensions, organisations, the WS-Federation roles of ADFS and Entra ID) is passed over; what it
// says wrong is refused, never mended.
#include "base/clock.h"
#include "base/text.h"
#include "saml/certificate.h"
#include "saml/idp_parts.h"
#include "saml/metadata_signature.h"
#include "saml/trust.h"

#define LISTED_MAX 10              // IdPs named in a refusal
#define VALID_SKEW (3 * MINUTE_MS) // clocks differ (IIP-G01)
#define BINDINGS_SHOWN 300         // bytes of other bindings in a refusal
#define URI_BINDING "urn:oasis:names:tc:SAML:2.0:bindings:"

struct walk {
    struct op *op;
    struct slice wanted;                 // EntityID, "" = the only one
    int64_t until[READER_DEPTH_MAX + 1]; // validUntil in force by depth; 0 = no end
    size_t entities, idps, matches;
    bool sp_seen;
    struct slice listed[LISTED_MAX];
    struct reader chosen; // at its EntityDescriptor
    struct slice chosen_id;
    int64_t chosen_until;
};

// ---- attributes -------------------------------------------------------------------------------

static int64_t earlier(int64_t a, int64_t b) {
    return a == 0 || (b != 0 && b < a) ? b : a;
}

// The element's own validUntil, or the one around it, whichever ends first.
static reason valid_until(struct op *op, const struct reader *reader, int64_t around,
                          int64_t *ret_until) {
    struct slice text;
    int64_t own = 0;
    TRY(reader_attribute(op, reader, "validUntil", &text));
    if (text.at != NULL && !clock_parse(slice_trim(text), &own)) {
        REFUSE(op, METADATA_MALFORMED, "validUntil is \"%.*s\", which is no time", SLICE(text));
    }
    // 1970 itself would mean "no end" to us; it is as long past as 1 ms later.
    *ret_until = text.at == NULL ? around : earlier(own == 0 ? 1 : own, around);
    return NULL;
}

static reason flag_of(struct op *op, const struct reader *reader, const char *name,
                      bool *ret_flag) {
    struct slice text;
    TRY(reader_attribute(op, reader, name, &text));
    text = slice_trim(text);
    *ret_flag = slice_equal(text, S("true")) || slice_equal(text, S("1"));
    return NULL;
}

// Is this element an IDPSSODescriptor for SAML 2.0?
static reason is_idp_role(struct op *op, const struct reader *reader, bool *ret_is) {
    *ret_is = false;
    if (!reader_at(reader, NS_MD, "IDPSSODescriptor")) {
        return NULL;
    }
    struct slice list;
    TRY(reader_attribute(op, reader, "protocolSupportEnumeration", &list));
    while (list.len > 0) {
        list = slice_trim(list);
        size_t len = 0;
        while (len < list.len && strchr(" \t\r\n", list.at[len]) == NULL) {
            len++;
        }
        if (slice_equal(slice_sub(list, 0, len), S(NS_SAMLP))) {
            *ret_is = true;
        }
        list = slice_sub(list, len, list.len);
    }
    return NULL;
}

// ---- which IdPs there are ---------------------------------------------------------------------

static reason entity_id_of(struct op *op, const struct reader *reader, struct slice *ret_id) {
    struct slice id;
    TRY(reader_attribute(op, reader, "entityID", &id));
    if (id.len == 0 || id.len > ENTITY_ID_MAX || !text_line(id)) {
        REFUSE(op, METADATA_MALFORMED,
               "an EntityDescriptor needs an entityID of 1 to %d bytes on one line; "
               "this one has %zu bytes",
               ENTITY_ID_MAX, id.len);
    }
    *ret_id = id;
    return NULL;
}

static void remember(struct walk *walk, const struct reader *start, struct slice id,
                     int64_t until) {
    if (walk->idps < LISTED_MAX) {
        walk->listed[walk->idps] = id;
    }
    walk->idps++;
    if (walk->wanted.len == 0 ? walk->idps == 1 : slice_equal(id, walk->wanted)) {
        walk->matches++;
        walk->chosen = *start;
        walk->chosen_id = id;
        walk->chosen_until = until;
    }
}

static reason see_entity(struct walk *walk, struct reader *reader) {
    struct op *op = walk->op;
    struct reader start = *reader;
    size_t depth = reader->depth;
    struct slice id = S("");
    int64_t until = 0;
    bool is_idp = false;
    TRY(entity_id_of(op, reader, &id));
    TRY(valid_until(op, reader, walk->until[depth - 1], &until));
    while (reader_child(reader, depth)) {
        bool is = false;
        TRY(is_idp_role(op, reader, &is));
        is_idp = is_idp || is;
        walk->sp_seen = walk->sp_seen || reader_at(reader, NS_MD, "SPSSODescriptor");
        if (!reader_skip(reader)) {
            break;
        }
    }
    if (reader->fault != NULL) {
        return reader_refuse(op, reader);
    }
    walk->entities++;
    if (is_idp) {
        remember(walk, &start, id, until);
    }
    return NULL;
}

static reason refuse_root(struct op *op, const struct reader *reader) {
    const char *hint = "";
    if (slice_equal_nocase(reader->local, S("html"))) {
        hint = ". It looks like a web page, perhaps a sign-in page: save the metadata XML itself";
    } else if (slice_equal(reader->namespace, S(NS_SAMLP))) {
        hint = ". It is a SAML message, not metadata";
    }
    REFUSE(op, METADATA_MALFORMED,
           "the document element is %.*s in namespace \"%.*s\"; EntityDescriptor or "
           "EntitiesDescriptor in \"" NS_MD "\" is expected%s",
           SLICE(reader->local), SLICE(reader->namespace), hint);
}

static reason see_element(struct walk *walk, struct reader *reader) {
    if (reader_at(reader, NS_MD, "EntitiesDescriptor")) {
        size_t depth = reader->depth;
        return valid_until(walk->op, reader, walk->until[depth - 1], &walk->until[depth]);
    }
    if (reader_at(reader, NS_MD, "EntityDescriptor")) {
        return see_entity(walk, reader);
    }
    if (reader->depth == 1) {
        return refuse_root(walk->op, reader);
    }
    return reader_skip(reader) ? NULL : reader_refuse(walk->op, reader);
}

// EntitiesDescriptors may be nested; the reader bounds the depth, and only they are ever open here.
static reason see_all(struct walk *walk, struct slice octets) {
    struct reader reader;
    reader_open(&reader, octets);
    for (;;) {
        switch (reader_next(&reader)) {
        case READER_START: TRY(see_element(walk, &reader)); break;
        case READER_TEXT:
            if (slice_trim(reader.text).len > 0) {
                REFUSE(walk->op, METADATA_MALFORMED, "text stands between the elements");
            }
            break;
        case READER_END: break;
        case READER_DONE: return NULL;
        case READER_BROKEN: return reader_refuse(walk->op, &reader);
        }
    }
}

static struct slice list_idps(struct walk *walk) {
    struct slice text = S("");
    for (size_t i = 0; i < walk->idps && i < LISTED_MAX; i++) {
        text =
            op_text(walk->op, "%.*s%s%.*s", SLICE(text), i > 0 ? ", " : "", SLICE(walk->listed[i]));
    }
    if (walk->idps > LISTED_MAX) {
        text = op_text(walk->op, "%.*s and %zu more", SLICE(text), walk->idps - LISTED_MAX);
    }
    return text;
}

static reason check_choice(struct walk *walk) {
    struct op *op = walk->op;
    if (walk->idps == 0) {
        REFUSE(op, METADATA_NO_IDP,
               "it describes %zu %s, and none has an IDPSSODescriptor for SAML 2.0%s",
               walk->entities, walk->entities == 1 ? "entity" : "entities",
               walk->sp_seen
                   ? ": this is the metadata of a service provider; ask for the identity provider's"
                   : "");
    }
    if (walk->matches == 0) {
        REFUSE(op, METADATA_NO_IDP, "it describes no identity provider \"%.*s\". There is: %.*s",
               SLICE(walk->wanted), SLICE(list_idps(walk)));
    }
    if (walk->wanted.len == 0 && walk->idps > 1) {
        REFUSE(op, METADATA_NO_IDP,
               "it describes %zu identity providers: say which one by its EntityID. "
               "There is: %.*s",
               walk->idps, SLICE(list_idps(walk)));
    }
    if (walk->matches > 1) {
        REFUSE(op, METADATA_MALFORMED, "it describes \"%.*s\" %zu times", SLICE(walk->chosen_id),
               walk->matches);
    }
    return NULL;
}

// ---- the chosen one: keys ---------------------------------------------------------------------

struct keys_read {
    struct idp_parts *parts;
    struct slice trouble; // why the last one that was left out cannot be used
};

static reason leave_out(struct keys_read *keys, reason why) {
    if (why == REASON_OF(INVALID_CERTIFICATE)) {
        keys->trouble = keys->parts->op->detail;
        idp_warn(keys->parts, "A signing key in the metadata is left out: %.*s.",
                 SLICE(keys->trouble));
        return NULL;
    }
    return why;
}

static reason read_x509(struct keys_read *keys, struct reader *reader, bool *had) {
    struct op *op = keys->parts->op;
    size_t depth = reader->depth;
    while (reader_child(reader, depth)) {
        if (!reader_at(reader, NS_DS, "X509Certificate")) {
            if (!reader_skip(reader)) {
                break;
            }
            continue;
        }
        struct slice text;
        struct rows found = {NULL, 0};
        TRY(reader_content(op, reader, &text));
        *had = true;
        reason why = certificate_read(op, text, &found);
        if (why != NULL) {
            TRY(leave_out(keys, why));
            continue;
        }
        const struct certificate *rows = found.at;
        for (size_t i = 0; i < found.count; i++) {
            idp_add_certificate(keys->parts, &rows[i]);
        }
    }
    return NULL;
}

static reason add_bare(struct keys_read *keys, const struct certificate *bare) {
    EVP_PKEY *key = NULL;
    reason why = certificate_key(keys->parts->op, bare, &key);
    if (why != NULL) {
        return leave_out(keys, why);
    }
    EVP_PKEY_free(key);
    idp_add_certificate(keys->parts, bare);
    return NULL;
}

// A certificate and a KeyValue side by side are the same key (metadata 2.4.1.1); the certificate
// says more.
static reason read_key_info(struct keys_read *keys, struct reader *reader) {
    struct certificate bare = {.der = SLICE_NONE};
    bool had = false;
    bool had_value = false;
    size_t depth = reader->depth;
    while (reader_child(reader, depth)) {
        if (reader_at(reader, NS_DS, "X509Data")) {
            TRY(read_x509(keys, reader, &had));
        } else if (reader_at(reader, NS_DS, "KeyValue") ||
                   reader_at(reader, NS_DSIG11, "DEREncodedKeyValue")) {
            TRY(idp_key_value(keys->parts->op, reader, &bare));
            had_value = true;
        } else if (!reader_skip(reader)) {
            break;
        }
        if (reader->fault != NULL) {
            break;
        }
    }
    if (reader->fault != NULL) {
        return reader_refuse(keys->parts->op, reader);
    }
    return had || !had_value ? NULL : add_bare(keys, &bare);
}

static reason read_key(struct keys_read *keys, struct reader *reader) {
    struct op *op = keys->parts->op;
    struct slice use;
    size_t depth = reader->depth;
    TRY(reader_attribute(op, reader, "use", &use));
    bool signs =
        use.at == NULL || slice_equal(use, S("signing")); // no use: for both (metadata 2.4.1.1)
    while (reader_child(reader, depth)) {
        if (signs && reader_at(reader, NS_DS, "KeyInfo")) {
            TRY(read_key_info(keys, reader));
        } else if (!reader_skip(reader)) {
            break;
        }
    }
    return reader->fault != NULL ? reader_refuse(op, reader) : NULL;
}

// ---- the chosen one: endpoints ----------------------------------------------------------------

// Bindings that are not ours, to be named when there are no others.
struct others {
    struct slice names;
};

static reason read_endpoint(struct idp_parts *parts, struct reader *reader,
                            struct idp_endpoints *list, const char *what, struct others *others) {
    struct op *op = parts->op;
    struct slice binding;
    struct slice location;
    struct slice response;
    TRY(reader_attribute(op, reader, "Binding", &binding));
    TRY(reader_attribute(op, reader, "Location", &location));
    TRY(reader_attribute(op, reader, "ResponseLocation", &response));
    binding = slice_trim(binding);
    if (!reader_skip(reader)) {
        return reader_refuse(op, reader);
    }
    bool redirect = slice_equal(binding, S(URI_BINDING "HTTP-Redirect"));
    if (!redirect && !slice_equal(binding, S(URI_BINDING "HTTP-POST"))) {
        if (others->names.len < BINDINGS_SHOWN) {
            others->names =
                op_text(op, "%.*s%s%.*s", SLICE(others->names), others->names.len > 0 ? ", " : "",
                        SLICE(slice_sub(binding, 0, 100)));
        }
        return NULL;
    }
    return idp_add_endpoint(parts, list, what, redirect ? BINDING_REDIRECT : BINDING_POST,
                            slice_trim(location), slice_trim(response));
}

static reason read_role(struct idp_parts *parts, struct reader *reader) {
    struct op *op = parts->op;
    struct keys_read keys = {parts, S("")};
    struct others sso_others = {S("")};
    struct others slo_others = {S("")};
    size_t depth = reader->depth;
    TRY(valid_until(op, reader, parts->idp.valid_until, &parts->idp.valid_until));
    TRY(flag_of(op, reader, "WantAuthnRequestsSigned", &parts->idp.want_signed_requests));
    while (reader_child(reader, depth)) {
        if (reader_at(reader, NS_MD, "KeyDescriptor")) {
            TRY(read_key(&keys, reader));
        } else if (reader_at(reader, NS_MD, "SingleSignOnService")) {
            TRY(read_endpoint(parts, reader, &parts->sso, "the sign-on address", &sso_others));
        } else if (reader_at(reader, NS_MD, "SingleLogoutService")) {
            TRY(read_endpoint(parts, reader, &parts->slo, "the logout address", &slo_others));
        } else if (!reader_skip(reader)) {
            break;
        }
    }
    if (reader->fault != NULL) {
        return reader_refuse(op, reader);
    }
    if (parts->sso.count == 0) {
        REFUSE(op, METADATA_NO_SSO_ENDPOINT,
               "a SingleSignOnService with binding HTTP-Redirect or HTTP-POST is "
               "needed; there is %s%.*s",
               sso_others.names.len > 0 ? "only " : "none", SLICE(sso_others.names));
    }
    if (parts->certificate_count == 0) {
        REFUSE(op, METADATA_NO_CERTIFICATE,
               "a KeyDescriptor for signing with an X509Certificate is needed; "
               "there is %s%.*s",
               keys.trouble.len > 0 ? "one that cannot be used: " : "none", SLICE(keys.trouble));
    }
    return NULL;
}

static reason read_entity(struct idp_parts *parts, struct reader *reader) {
    size_t depth = reader->depth;
    size_t roles = 0;
    while (reader_child(reader, depth)) {
        bool is = false;
        TRY(is_idp_role(parts->op, reader, &is));
        if (is && roles++ == 0) {
            TRY(read_role(parts, reader));
        } else if (!reader_skip(reader)) {
            break;
        }
    }
    if (reader->fault != NULL) {
        return reader_refuse(parts->op, reader);
    }
    if (roles > 1) {
        idp_warn(parts, "The metadata has %zu IDPSSODescriptors for SAML 2.0: the first counts.",
                 roles);
    }
    return NULL;
}

// ---- what it is instead -----------------------------------------------------------------------

// What people put here by mistake. NULL: it may be metadata.
static const char *mistaken(struct slice text) {
    static const struct {
        const char *start, *hint;
    } starts[] = {
        {"http://",
         "it looks like a URL: give it as metadata_url, or open it and paste what it shows"},
        {"https://",
         "it looks like a URL: give it as metadata_url, or open it and paste what it shows"},
        {"<!doctype html",
         "it looks like a web page (HTML), perhaps a sign-in page: save the metadata XML itself"},
        {"<html",
         "it looks like a web page (HTML), perhaps a sign-in page: save the metadata XML itself"},
        {"{", "it looks like JSON, perhaps that of OpenID Connect: SAML metadata is XML"},
        {"-----begin ",
         "it looks like a certificate: give it in certificates, with entity_id and sso_url"},
        {"PK\x03\x04", "it looks like a ZIP file: unpack it first"},
        {"pd94bwwg", "it looks like base64: decode it first"},
        {"pevudgl0", "it looks like base64: decode it first"},
        {"pg1kokvu", "it looks like base64: decode it first"},
    };
    if (text.len == 0) {
        return "it is empty";
    }
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct slice start = slice_str(starts[i].start);
        if (slice_equal_nocase(slice_sub(text, 0, start.len), start)) {
            return starts[i].hint;
        }
    }
    return NULL;
}

// White space and a byte order mark, which people copy along; before an XML declaration they are an
// error.
static struct slice without_front(struct slice text) {
    text = slice_trim(text);
    if (slice_starts(text, S("\xEF\xBB\xBF"))) {
        text = slice_trim(slice_sub(text, 3, text.len));
    }
    return text;
}

static reason read_chosen(struct walk *walk, struct idp_parts *parts) {
    struct op *op = walk->op;
    char text[CLOCK_TEXT];
    parts->idp.entity_id = walk->chosen_id;
    parts->idp.metadata_url = S("");
    parts->idp.valid_until = walk->chosen_until;
    TRY(read_entity(parts, &walk->chosen));
    int64_t until = parts->idp.valid_until;
    if (until != 0 && until + VALID_SKEW <= op->now) {
        REFUSE(op, METADATA_EXPIRED, "it was valid until %.*s: ask for the current metadata",
               SLICE(clock_print(until, text)));
    }
    if (until != 0 && until <= op->now + EXPIRES_SOON) {
        idp_warn(
            parts,
            "The metadata is valid until %.*s only: it has to be given again before, or fetched "
            "from its URL.",
            SLICE(clock_print(until, text)));
    }
    return NULL;
}

static reason read_canonical(struct op *op, struct slice octets, struct slice entity_id,
                             struct idp_import *ret_import) {
    struct walk *walk = NULL;
    struct idp_parts *parts = NULL;
    TRY(op_take(op, sizeof *walk, &walk));
    TRY(idp_parts_open(op, &parts));
    walk->op = op;
    walk->wanted = entity_id;
    TRY(see_all(walk, octets));
    TRY(check_choice(walk));
    TRY(read_chosen(walk, parts));
    return idp_parts_done(parts, ret_import);
}

reason idp_from_xml(struct op *op, struct pool *pool, struct slice xml, struct slice entity_id,
                    struct idp_import *ret_import) {
    return idp_from_signed_xml(op, pool, xml, entity_id, (struct rows){NULL, 0}, ret_import);
}

reason idp_from_signed_xml(struct op *op, struct pool *pool, struct slice xml,
                           struct slice entity_id, struct rows signers,
                           struct idp_import *ret_import) {
    if (xml.len > METADATA_XML_MAX) {
        REFUSE(op, METADATA_MALFORMED,
               "%zu bytes; the metadata of an identity provider has at most %u. Is it "
               "that of a whole federation?",
               xml.len, METADATA_XML_MAX);
    }
    struct slice text = without_front(xml);
    const char *hint = mistaken(text);
    if (hint != NULL) {
        REFUSE(op, METADATA_MALFORMED, "%s", hint);
    }
    struct msg_whole whole;
    TRY(pool_whole(op, pool, text, &whole));
    struct slice octets = whole.canonical;
    if (signers.count > 0) {
        TRY(metadata_verified(op, signers, text, &whole.signature, &octets));
    }
    reason why = read_canonical(op, octets, entity_id, ret_import);
    if (why == NULL) {
        ret_import->idp.metadata_signed = whole.signature.signed_info.len > 0;
        ret_import->idp.metadata_certificates = signers;
    }
    if (why == REASON_OF(SAML_MALFORMED)) { // the reader speaks of messages
        struct slice detail = op->detail;
        REFUSE(op, METADATA_MALFORMED, "%.*s", SLICE(detail));
    }
    return why;
}
