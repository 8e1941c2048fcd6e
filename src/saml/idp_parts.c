// SPDX-License-Identifier: GPL-3.0-or-later
// What every import of an IdP checks, wherever it came from: its addresses, since browsers are sent
// there with what we write, and its certificates' dates, which are told and never decide (metadata
// interoperability profile 2.6.1).
#include "saml/idp_parts.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/uri.h"

#define WARNING_MAX 600 // bytes: a sentence with a URL in it

reason idp_parts_open(struct op *op, struct idp_parts **ret_parts) {
    TRY(op_take(op, sizeof **ret_parts, ret_parts));
    (*ret_parts)->op = op;
    return NULL;
}

void idp_warn(struct idp_parts *parts, const char *format, ...) {
    char text[WARNING_MAX];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (len < 0 || parts->warning_count == METADATA_WARNINGS_MAX) {
        return;
    }
    parts->warnings[parts->warning_count++] = op_text(parts->op, "%s", text);
}

reason idp_check_url(struct idp_parts *parts, const char *what, struct slice url) {
    struct op *op = parts->op;
    struct uri uri;
    reason why = uri_parse(op, url, &uri);
    if (why == REASON_OF(INVALID_INPUT)) {
        struct slice detail = op->detail;
        struct slice shown = slice_sub(url, 0, 200);
        REFUSE(op, METADATA_LOCATION, "%s is \"%.*s\": %.*s", what, SLICE(shown), SLICE(detail));
    }
    TRY(why);
    if (uri.has_user) {
        REFUSE(op, METADATA_LOCATION,
               "%s has a user name or password in it: remove what stands before the @", what);
    }
    if (uri.has_fragment) {
        REFUSE(op, METADATA_LOCATION, "%s has a fragment: remove the # and what follows it", what);
    }
    if (slice_equal(uri.scheme, S("https"))) {
        return NULL;
    }
    if (!uri_is_local(&uri)) {
        REFUSE(op, METADATA_LOCATION,
               "%s is \"%.*s\": people would be sent there unprotected; it must start "
               "with https://",
               what, SLICE(url));
    }
    idp_warn(parts,
             "%s is \"%.*s\", without https: this is taken for an IdP on the same machine only.",
             what, SLICE(url));
    return NULL;
}

reason idp_add_endpoint(struct idp_parts *parts, struct idp_endpoints *list, const char *what,
                        int binding, struct slice location, struct slice response_location) {
    TRY(idp_check_url(parts, what, location));
    if (response_location.len > 0) {
        TRY(idp_check_url(parts, "the ResponseLocation of the logout address", response_location));
    }
    if (list->count == CONNECTION_ENDPOINTS_MAX) {
        idp_warn(parts, "There are more than %d addresses of one kind: the rest is left out.",
                 CONNECTION_ENDPOINTS_MAX);
        return NULL;
    }
    list->rows[list->count++] = (struct endpoint){binding, location, response_location};
    return NULL;
}

void idp_add_certificate(struct idp_parts *parts, const struct certificate *certificate) {
    for (size_t i = 0; i < parts->certificate_count; i++) {
        if (slice_equal(parts->certificates[i].sha256, certificate->sha256)) {
            return;
        }
    }
    if (parts->certificate_count == CONNECTION_CERTIFICATES_MAX) {
        idp_warn(parts, "There are more than %d signing keys: the rest is left out.",
                 CONNECTION_CERTIFICATES_MAX);
        return;
    }
    parts->certificates[parts->certificate_count++] = *certificate;
}

static void warn_dates(struct idp_parts *parts, const struct certificate *certificate) {
    char text[CLOCK_TEXT];
    int64_t now = parts->op->now;
    struct slice subject = certificate->subject;
    struct slice print = slice_sub(certificate->sha256, 0, 16);
    if (certificate->key_only) {
        return;
    }
    if (certificate->not_after <= now) {
        struct slice day = slice_sub(clock_print(certificate->not_after, text), 0, 10);
        idp_warn(
            parts,
            "The certificate %.*s (SHA-256 %.*s...) expired on %.*s. Its key still counts, unless "
            "the policy refuses expired certificates; ask the customer for the current one.",
            SLICE(subject), SLICE(print), SLICE(day));
    } else if (certificate->not_after <= now + EXPIRES_SOON) {
        struct slice day = slice_sub(clock_print(certificate->not_after, text), 0, 10);
        idp_warn(
            parts,
            "The certificate %.*s (SHA-256 %.*s...) expires on %.*s. Ask the customer for the next "
            "one in time.",
            SLICE(subject), SLICE(print), SLICE(day));
    }
    if (certificate->not_before > now) {
        struct slice day = slice_sub(clock_print(certificate->not_before, text), 0, 10);
        idp_warn(parts,
                 "The certificate %.*s (SHA-256 %.*s...) is valid from %.*s only. Its key counts "
                 "already.",
                 SLICE(subject), SLICE(print), SLICE(day));
    }
}

reason idp_parts_done(struct idp_parts *parts, struct idp_import *ret_import) {
    for (size_t i = 0; i < parts->certificate_count; i++) {
        warn_dates(parts, &parts->certificates[i]);
    }
    parts->idp.sso = (struct rows){parts->sso.rows, parts->sso.count};
    parts->idp.slo = (struct rows){parts->slo.rows, parts->slo.count};
    parts->idp.certificates = (struct rows){parts->certificates, parts->certificate_count};
    parts->idp.updated_at = parts->op->now;
    *ret_import = (struct idp_import){
        .idp = parts->idp,
        .warnings = {parts->warnings, parts->warning_count},
    };
    return NULL;
}

reason idp_ends_in_time(struct op *op, const struct idp *idp) {
    char text[CLOCK_TEXT];
    if (idp->metadata_valid_days == 0) {
        return NULL;
    }
    if (idp->valid_until == 0) {
        REFUSE(op, METADATA_VALIDITY,
               "the metadata has no validUntil, and this connection takes %lld days at most",
               (long long)idp->metadata_valid_days);
    }
    if (idp->valid_until > op->now + idp->metadata_valid_days * DAY_MS) {
        REFUSE(op, METADATA_VALIDITY,
               "the metadata is valid until %.*s, and this connection takes %lld days at most",
               SLICE(clock_print(idp->valid_until, text)), (long long)idp->metadata_valid_days);
    }
    return NULL;
}
