// SPDX-License-Identifier: GPL-3.0-or-later
// What a change of a connection changed, as one line for people who read the audit log.
// Fingerprints stand for certificates. Pure.
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "domain/connection_check.h"

#define DIFF_MAX (64U << 10) // the audit log cuts it further
#define FINGERPRINT_SHOWN 16 // hex digits: enough to find the certificate

// Parts are joined by "; ", which the first one has in front too.
static struct slice diff_text(const struct buf *buf) {
    struct slice text = buf_slice(buf);
    return text.len > 2 ? slice_sub(text, 2, text.len) : S("nothing changed");
}

static void put_text_change(struct buf *buf, const char *name, struct slice old, struct slice now) {
    if (!slice_equal(old, now)) {
        buf_printf(buf, "; %s \"%.*s\" -> \"%.*s\"", name, SLICE(old), SLICE(now));
    }
}

// ---- policy ----

struct slice policy_diff(struct op *op, const struct policy *old, const struct policy *now) {
    struct buf buf;
    buf_open(&buf, op, DIFF_MAX);
    const struct json *before = json_from_fields(op, &policy_fields, old);
    const struct json *after = json_from_fields(op, &policy_fields, now);
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(after, &at, &name, &value)) {
        const char *member;
        struct slice was;
        struct slice is;
        if (op_cstr(op, name, &member) != NULL ||
            json_print(op, json_get(before, member), false, &was) != NULL ||
            json_print(op, value, false, &is) != NULL) {
            return S("changed");
        }
        if (!slice_equal(was, is)) {
            buf_printf(&buf, "; %s %.*s -> %.*s", member, SLICE(was), SLICE(is));
        }
    }
    return diff_text(&buf);
}

// ---- idp ----

static bool has_certificate(struct rows certificates, struct slice sha256) {
    const struct certificate *rows = certificates.at;
    for (size_t i = 0; i < certificates.count; i++) {
        if (slice_equal(rows[i].sha256, sha256)) {
            return true;
        }
    }
    return false;
}

static void put_certificates(struct buf *buf, struct rows from, struct rows in, const char *what) {
    const struct certificate *rows = from.at;
    for (size_t i = 0; i < from.count; i++) {
        if (!has_certificate(in, rows[i].sha256)) {
            struct slice shown = slice_sub(rows[i].sha256, 0, FINGERPRINT_SHOWN);
            buf_printf(buf, "; certificate %.*s %s", SLICE(shown), what);
        }
    }
}

static bool has_endpoint(struct rows endpoints, const struct endpoint *endpoint) {
    const struct endpoint *rows = endpoints.at;
    for (size_t i = 0; i < endpoints.count; i++) {
        if (rows[i].binding == endpoint->binding &&
            slice_equal(rows[i].location, endpoint->location) &&
            slice_equal(rows[i].response_location, endpoint->response_location)) {
            return true;
        }
    }
    return false;
}

static void put_endpoints(struct buf *buf, const char *name, struct rows from, struct rows in,
                          const char *what) {
    const struct endpoint *rows = from.at;
    for (size_t i = 0; i < from.count; i++) {
        if (!has_endpoint(in, &rows[i])) {
            buf_printf(buf, "; %s %s %.*s %s", name, binding_names[rows[i].binding],
                       SLICE(rows[i].location), what);
        }
    }
}

static struct slice time_text(int64_t time, char text[CLOCK_TEXT]) {
    return time != 0 ? clock_print(time, text) : S("no end");
}

struct slice idp_diff(struct op *op, const struct idp *old, const struct idp *now) {
    struct buf buf;
    buf_open(&buf, op, DIFF_MAX);
    put_text_change(&buf, "entity_id", old->entity_id, now->entity_id);
    put_certificates(&buf, now->certificates, old->certificates, "added");
    put_certificates(&buf, old->certificates, now->certificates, "removed");
    put_endpoints(&buf, "sso", now->sso, old->sso, "added");
    put_endpoints(&buf, "sso", old->sso, now->sso, "removed");
    put_endpoints(&buf, "slo", now->slo, old->slo, "added");
    put_endpoints(&buf, "slo", old->slo, now->slo, "removed");
    put_text_change(&buf, "metadata_url", old->metadata_url, now->metadata_url);
    put_certificates(&buf, now->metadata_certificates, old->metadata_certificates,
                     "has to sign the metadata");
    put_certificates(&buf, old->metadata_certificates, now->metadata_certificates,
                     "need not sign the metadata any more");
    if (old->metadata_valid_days != now->metadata_valid_days) {
        buf_printf(&buf, "; metadata_valid_days %lld -> %lld", (long long)old->metadata_valid_days,
                   (long long)now->metadata_valid_days);
    }
    if (old->metadata_signed != now->metadata_signed) {
        buf_str(&buf, now->metadata_signed ? "; the metadata is signed"
                                           : "; the metadata is not signed any more");
    }
    if (old->want_signed_requests != now->want_signed_requests) {
        buf_str(&buf, now->want_signed_requests ? "; wants signed requests"
                                                : "; wants no signed requests");
    }
    if (old->valid_until != now->valid_until) {
        char was[CLOCK_TEXT];
        char is[CLOCK_TEXT];
        buf_printf(&buf, "; valid_until %.*s -> %.*s", SLICE(time_text(old->valid_until, was)),
                   SLICE(time_text(now->valid_until, is)));
    }
    return diff_text(&buf);
}

// ---- mapping ----

static bool has_rule(struct rows rules, const struct mapping_rule *rule) {
    const struct mapping_rule *rows = rules.at;
    for (size_t i = 0; i < rules.count; i++) {
        if (mapping_rule_equal(&rows[i], rule)) {
            return true;
        }
    }
    return false;
}

// Rules of `from` that are not in `in`, as `exact "Admins" -> admin, user`.
static size_t put_rules(struct buf *buf, struct rows from, struct rows in, const char *what) {
    const struct mapping_rule *rows = from.at;
    size_t count = 0;
    for (size_t i = 0; i < from.count; i++) {
        if (has_rule(in, &rows[i])) {
            continue;
        }
        count++;
        buf_printf(buf, "; rule %s \"%.*s\" -> ", match_names[rows[i].match], SLICE(rows[i].value));
        for (size_t j = 0; j < rows[i].roles.count; j++) {
            buf_printf(buf, "%s%.*s", j > 0 ? ", " : "", SLICE(rows[i].roles.at[j]));
        }
        buf_printf(buf, " %s", what);
    }
    return count;
}

static bool same_order(struct rows a, struct rows b) {
    const struct mapping_rule *one = a.at;
    const struct mapping_rule *two = b.at;
    for (size_t i = 0; i < a.count && i < b.count; i++) {
        if (!mapping_rule_equal(&one[i], &two[i])) {
            return false;
        }
    }
    return a.count == b.count;
}

struct slice mapping_diff(struct op *op, const struct mapping *old, const struct mapping *now) {
    struct buf buf;
    buf_open(&buf, op, DIFF_MAX);
    if (old->mode != now->mode) {
        buf_printf(&buf, "; mode %s -> %s", mapping_mode_names[old->mode],
                   mapping_mode_names[now->mode]);
    }
    put_text_change(&buf, "default_role", old->default_role, now->default_role);
    size_t changed = put_rules(&buf, now->rules, old->rules, "added");
    changed += put_rules(&buf, old->rules, now->rules, "removed");
    if (changed == 0 && !same_order(old->rules, now->rules)) {
        buf_str(&buf, "; order of the rules");
    }
    return diff_text(&buf);
}
