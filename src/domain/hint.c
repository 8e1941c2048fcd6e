// SPDX-License-Identifier: GPL-3.0-or-later
// Turns a refusal into one sentence that says where in the identity provider's console to change
// what, with the values of the check that failed. The sentences are data (hints.def). Decides
// nothing.
#include "base/buf.h"
#include "domain/trace.h"

#define HINT_MAX 2000 // bytes, values included; the stored form takes 2,048

enum vendor { GENERAL, OKTA, ENTRA, ADFS, GOOGLE, KEYCLOAK, SHIBBOLETH };

// How an IdP's entity ID (or SSO address) tells its vendor.
static const struct {
    const char *part;
    enum vendor vendor;
} signs[] = {
    {"okta.com", OKTA},
    {"okta-emea.com", OKTA},
    {"oktapreview.com", OKTA},
    {"sts.windows.net", ENTRA},
    {"login.microsoftonline.", ENTRA},
    {"/adfs/", ADFS},
    {"accounts.google.com", GOOGLE},
    {"/realms/", KEYCLOAK},
    {"shibboleth", SHIBBOLETH},
};

static const struct hint {
    enum reason_number reason;
    enum vendor vendor;
    const char *text;
} hints[] = {
#define HINT(name, vendor, text) {REASON_NUMBER_##name, vendor, text},
#include "domain/hints.def"
#undef HINT
};

static enum vendor vendor_of(struct slice entity_id) {
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (slice_find(entity_id, slice_str(signs[i].part)) != SIZE_MAX) {
            return signs[i].vendor;
        }
    }
    return GENERAL;
}

static const char *hint_for(reason why, enum vendor vendor) {
    const char *general = NULL;
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if ((uint16_t)hints[i].reason != why->number) {
            continue;
        }
        if (hints[i].vendor == vendor) {
            return hints[i].text;
        }
        if (hints[i].vendor == GENERAL) {
            general = hints[i].text;
        }
    }
    return general;
}

// The last check that failed: the one that made the refusal.
// The first one that failed names the reason; those after it have reasons of their own.
static struct trace_check failed_check(const struct trace *trace) {
    for (size_t i = 0; trace != NULL && i < trace->checks.count; i++) {
        const struct trace_check *check = &((const struct trace_check *)trace->checks.at)[i];
        if (check->result == CHECK_FAIL) {
            return *check;
        }
    }
    return (struct trace_check){.check = SLICE_NONE};
}

static void put_value(struct buf *text, struct slice value) {
    if (value.len == 0) {
        buf_str(text, "nothing");
    } else {
        buf_put(text, S("\""));
        buf_put(text, value);
        buf_put(text, S("\""));
    }
}

static struct slice fill(struct op *op, struct slice words, const struct trace_check *check) {
    struct buf text;
    buf_open(&text, op, HINT_MAX);
    while (words.len > 0) {
        if (slice_starts(words, S("{expected}"))) {
            put_value(&text, check->expected);
            words = slice_sub(words, S("{expected}").len, words.len);
        } else if (slice_starts(words, S("{got}"))) {
            put_value(&text, check->got);
            words = slice_sub(words, S("{got}").len, words.len);
        } else {
            buf_put(&text, slice_sub(words, 0, 1));
            words = slice_sub(words, 1, words.len);
        }
    }
    return text.broken ? SLICE_NONE : buf_slice(&text);
}

// Checks whose reason says less than the check itself: the words of the reason would mislead.
static const struct {
    const char *check, *text;
} check_hints[] = {
    {"metadata_valid_until",
     "The IdP's metadata has expired, and with it every key in it: expected {expected}, now it is {got}. Import "
     "the current metadata, or give its address (metadata_url), so that it is fetched again by itself."},
};

static const char *hint_of_check(struct slice check) {
    for (size_t i = 0; i < sizeof check_hints / sizeof check_hints[0]; i++) {
        if (slice_equal(check, slice_str(check_hints[i].check))) {
            return check_hints[i].text;
        }
    }
    return NULL;
}

struct slice trace_hint(struct op *op, reason why, struct slice idp_entity_id,
                        const struct trace *trace) {
    if (why == NULL) {
        return SLICE_NONE;
    }
    struct slice idp = idp_entity_id.len > 0 || trace == NULL ? idp_entity_id : trace->issuer;
    struct trace_check check = failed_check(trace);
    const char *text = hint_of_check(check.check);
    if (text == NULL) {
        text = hint_for(why, vendor_of(idp));
    }
    if (text == NULL) {
        return SLICE_NONE;
    }
    return fill(op, slice_str(text), &check);
}
