// SPDX-License-Identifier: GPL-3.0-or-later
// An IdP from the few values that support staff get from a customer, or from all that another gate
// knows of it: names what is wrong field by field, all at once, so that one letter is enough.
#include "base/text.h"
#include "base/uri.h"
#include "saml/idp_parts.h"
#include "saml/trust.h"

// Refusals by field so far: what the whole is refused with, and the first detail.
struct verdicts {
    struct idp_parts *parts;
    reason whole;
    struct slice detail;
};

static void wrong(struct verdicts *verdicts, struct slice pointer, reason field, reason whole,
                  const char *detail) {
    struct op *op = verdicts->parts->op;
    op_error(op, pointer, field, "%s", detail);
    if (verdicts->whole == NULL) {
        verdicts->whole = whole;
        verdicts->detail = op_text(op, "%.*s: %s", SLICE(pointer), detail);
    } else if (verdicts->whole != whole) {
        verdicts->whole = REASON_OF(INVALID_INPUT);
    }
}

// A refusal that is about a value becomes that field's; any other goes up.
static reason note(struct verdicts *verdicts, struct slice pointer, reason why) {
    if (why == REASON_OF(METADATA_LOCATION) || why == REASON_OF(INVALID_CERTIFICATE)) {
        const char *detail;
        struct op *op = verdicts->parts->op;
        TRY(op_cstr(op, op->detail, &detail));
        wrong(verdicts, pointer, why, why, detail);
        return NULL;
    }
    return why;
}

static void take_entity_id(struct verdicts *verdicts, struct slice text) {
    reason whole = REASON_OF(INVALID_INPUT);
    struct slice id = slice_trim(text);
    if (id.len == 0) {
        wrong(verdicts, S("/entity_id"), REASON_OF(FIELD_REQUIRED), whole,
              "the IdP's EntityID is needed; customers find it as \"Issuer\", \"Identifier\" or "
              "\"Entity ID\"");
    } else if (id.len > ENTITY_ID_MAX) {
        wrong(verdicts, S("/entity_id"), REASON_OF(FIELD_RANGE), whole,
              "an EntityID has at most 1024 bytes");
    } else if (!text_line(id)) {
        wrong(verdicts, S("/entity_id"), REASON_OF(RESTRICTED_CHARACTERS), whole,
              "an EntityID is one line of UTF-8 without control characters");
    }
    verdicts->parts->idp.entity_id = id;
}

// The values do not say the binding; IdPs that give one address take both there.
static reason take_url(struct verdicts *verdicts, struct slice pointer, const char *what,
                       struct slice url, struct idp_endpoints *list) {
    struct idp_parts *parts = verdicts->parts;
    reason why = idp_check_url(parts, what, url);
    if (why != NULL) {
        return note(verdicts, pointer, why);
    }
    list->rows[0] = (struct endpoint){BINDING_REDIRECT, url, S("")};
    list->rows[1] = (struct endpoint){BINDING_POST, url, S("")};
    list->count = 2;
    return NULL;
}

static reason take_certificates(struct verdicts *verdicts, struct texts texts) {
    struct idp_parts *parts = verdicts->parts;
    if (texts.count == 0) {
        wrong(verdicts, S("/certificates"), REASON_OF(FIELD_REQUIRED),
              REASON_OF(METADATA_NO_CERTIFICATE),
              "at least one signing certificate of the IdP is needed, as PEM, DER in base64 or "
              "bare base64");
    }
    if (texts.count > CONNECTION_CERTIFICATES_MAX) {
        wrong(verdicts, S("/certificates"), REASON_OF(FIELD_RANGE), REASON_OF(INVALID_INPUT),
              "too many certificates; at most 20 are taken");
        return NULL;
    }
    for (size_t i = 0; i < texts.count; i++) {
        struct rows found = {NULL, 0};
        reason why = certificate_read(parts->op, texts.at[i], &found);
        if (why != NULL) {
            TRY(note(verdicts, op_text(parts->op, "/certificates/%zu", i), why));
            continue;
        }
        const struct certificate *rows = found.at;
        for (size_t j = 0; j < found.count; j++) {
            idp_add_certificate(parts, &rows[j]);
        }
    }
    return NULL;
}

reason idp_from_values(struct op *op, const struct idp_values *values,
                       struct idp_import *ret_import) {
    struct idp_parts *parts = NULL;
    TRY(idp_parts_open(op, &parts));
    struct verdicts verdicts = {.parts = parts};
    struct slice sso = slice_trim(values->sso_url);
    struct slice slo = slice_trim(values->slo_url);
    take_entity_id(&verdicts, values->entity_id);
    if (sso.len == 0) {
        wrong(&verdicts, S("/sso_url"), REASON_OF(FIELD_REQUIRED),
              REASON_OF(METADATA_NO_SSO_ENDPOINT), "the IdP's sign-on URL is needed");
    } else {
        TRY(take_url(&verdicts, S("/sso_url"), "the sign-on URL", sso, &parts->sso));
    }
    if (slo.len > 0) {
        TRY(take_url(&verdicts, S("/slo_url"), "the logout URL", slo, &parts->slo));
    }
    TRY(take_certificates(&verdicts, values->certificates));
    if (verdicts.whole != NULL) {
        return op_refuse(op, verdicts.whole, "%.*s", SLICE(verdicts.detail));
    }
    return idp_parts_done(parts, ret_import);
}

static reason take_endpoints(struct verdicts *verdicts, const char *name, const char *what,
                             struct rows given, struct idp_endpoints *list) {
    const struct endpoint *rows = given.at;
    for (size_t i = 0; i < given.count; i++) {
        reason why = idp_add_endpoint(verdicts->parts, list, what, rows[i].binding,
                                      rows[i].location, rows[i].response_location);
        if (why != NULL) {
            TRY(note(verdicts, op_text(verdicts->parts->op, "/%s/%zu", name, i), why));
        }
    }
    return NULL;
}

reason idp_from_whole(struct op *op, const struct idp *whole, struct texts certificates,
                      struct idp_import *ret_import) {
    struct idp_parts *parts = NULL;
    TRY(idp_parts_open(op, &parts));
    struct verdicts verdicts = {.parts = parts};
    parts->idp = *whole;
    take_entity_id(&verdicts, whole->entity_id);
    TRY(take_endpoints(&verdicts, "sso", "the sign-on URL", whole->sso, &parts->sso));
    TRY(take_endpoints(&verdicts, "slo", "the logout URL", whole->slo, &parts->slo));
    if (whole->sso.count == 0) {
        wrong(&verdicts, S("/sso"), REASON_OF(FIELD_REQUIRED), REASON_OF(METADATA_NO_SSO_ENDPOINT),
              "an address to sign on at is needed");
    }
    if (whole->metadata_url.len > 0) {
        reason why = idp_check_url(parts, "the address of the metadata", whole->metadata_url);
        TRY(why != NULL ? note(&verdicts, S("/metadata_url"), why) : NULL);
    }
    TRY(take_certificates(&verdicts, certificates));
    if (verdicts.whole != NULL) {
        return op_refuse(op, verdicts.whole, "%.*s", SLICE(verdicts.detail));
    }
    return idp_parts_done(parts, ret_import);
}
