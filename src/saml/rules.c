// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of the Web Browser SSO profile, one function a rule, in the order of rules.def. What is absent
// fails unless the specification lets it be absent; a time that cannot be read fails. Texts are compared byte by byte.
// What depends on the store (the pending request, the ledger) is not decided here.
#include "saml/rules.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "saml/finding.h"

#define SAML_VERSION "2.0"
#define STATUS_SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"
#define FORMAT_ENTITY "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
#define METHOD_BEARER "urn:oasis:names:tc:SAML:2.0:cm:bearer"

struct ruling {
    struct op *op;
    const struct inbound *inbound;
    const struct policy *policy;
    const struct statement *statement;
    const struct confirmation *confirmation; // the bearer confirmation that is judged; NULL = none
    int64_t skew;                            // ms
    struct slice moment;                     // what times are compared with, as traces have it
    struct finding finding;
};

static enum check_result judge(bool holds) {
    return holds ? CHECK_PASS : CHECK_FAIL;
}

static enum check_result compare(struct ruling *ruling, struct slice expected, struct slice got) {
    ruling->finding = (struct finding){expected, got};
    return judge(slice_equal(expected, got));
}

static struct slice joined(struct op *op, struct texts texts) {
    struct buf text;
    buf_open(&text, op, TRACE_VALUE_MAX * 2); // the trace cuts it
    for (size_t i = 0; i < texts.count && !text.broken; i++) {
        buf_str(&text, i > 0 ? ", " : "");
        buf_put(&text, texts.at[i]);
    }
    return buf_slice(&text);
}

// ---- times -----------------------------------------------------------------------------------------------

#define WORDS_MAX 64 // around a time and a number

// By hand, for a login has seven of them.
static struct slice with_seconds(struct op *op, struct slice time, struct slice before, int64_t ms,
                                 struct slice after) {
    struct buf text;
    buf_open(&text, op, time.len + WORDS_MAX);
    buf_put(&text, time);
    buf_put(&text, before);
    buf_decimal(&text, (uint64_t)(ms / SECOND_MS));
    buf_put(&text, after);
    return buf_slice(&text);
}

// The moment here and the time in the message, with the difference.
static void find_times(struct ruling *ruling, struct slice raw, bool is_time, int64_t time) {
    struct op *op = ruling->op;
    int64_t ago = op->now - time;
    ruling->finding.expected = ruling->moment;
    if (!is_time) {
        ruling->finding.got = raw.len > 0 ? op_text(op, "%.*s (no time)", SLICE(raw)) : S("");
    } else if (ago > -SECOND_MS) {
        ago = ago < 0 ? 0 : ago;
        ruling->finding.got = with_seconds(op, raw, S(" ("), ago, S(" s ago)"));
    } else {
        ruling->finding.got = with_seconds(op, raw, S(" (in "), -ago, S(" s)"));
    }
}

static enum check_result is_over(struct ruling *ruling, struct slice raw, bool may_be_absent) {
    int64_t end = 0;
    bool is_time = clock_parse(raw, &end);
    find_times(ruling, raw, is_time, end);
    if (raw.at == NULL && may_be_absent) {
        return CHECK_SKIP;
    }
    bool over = !is_time || end <= ruling->op->now - ruling->skew;
    if (over && is_time) {
        ruling->finding.got =
            with_seconds(ruling->op, raw, S(" ("), ruling->op->now - end, S(" s late)"));
    }
    return judge(!over);
}

// ---- envelope --------------------------------------------------------------------------------------------

struct slice rules_status_text(struct op *op, const struct statement *statement) {
    if (statement->sub_status.len == 0 && statement->status_message.len == 0) {
        return statement->status;
    }
    return op_text(op, "%.*s%s%.*s%s%.*s", SLICE(statement->status),
                   statement->sub_status.len > 0 ? " / " : "", SLICE(statement->sub_status),
                   statement->status_message.len > 0 ? ": " : "", SLICE(statement->status_message));
}

static enum check_result status(struct ruling *ruling) {
    const struct statement *statement = ruling->statement;
    ruling->finding = (struct finding){S(STATUS_SUCCESS), rules_status_text(ruling->op, statement)};
    return judge(slice_equal(statement->status, S(STATUS_SUCCESS)));
}

static enum check_result response_version(struct ruling *ruling) {
    return compare(ruling, S(SAML_VERSION), ruling->statement->response_version);
}

static enum check_result assertion_version(struct ruling *ruling) {
    return compare(ruling, S(SAML_VERSION), ruling->statement->assertion_version);
}

static enum check_result response_id(struct ruling *ruling) {
    ruling->finding = (struct finding){S("an ID"), ruling->statement->response_id};
    return judge(ruling->statement->response_id.len > 0);
}

// SAML bindings 3.5.5.2: "If the message is signed, the Destination XML attribute in the root SAML element of the
// protocol message MUST contain the URL to which the sender has instructed the user agent to deliver the message."
static enum check_result destination(struct ruling *ruling) {
    const struct statement *statement = ruling->statement;
    enum check_result result = compare(ruling, ruling->inbound->acs_url, statement->destination);
    return statement->destination.len == 0 && !statement->response_signed ? CHECK_SKIP : result;
}

static enum check_result issuer_known(struct ruling *ruling) {
    struct slice known = ruling->inbound->trust->connection.idp.entity_id;
    ruling->finding = (struct finding){known, ruling->statement->assertion_issuer};
    return judge(known.len > 0);
}

static enum check_result response_issuer(struct ruling *ruling) {
    const struct statement *statement = ruling->statement;
    enum check_result result =
        compare(ruling, ruling->inbound->trust->connection.idp.entity_id, statement->response_issuer);
    if (statement->response_issuer.len == 0 && !statement->response_signed) {
        return CHECK_SKIP;
    }
    if (result == CHECK_PASS && statement->response_issuer_format.at != NULL &&
        !slice_equal(statement->response_issuer_format, S(FORMAT_ENTITY))) {
        return compare(ruling, S(FORMAT_ENTITY), statement->response_issuer_format);
    }
    return result;
}

static enum check_result assertion_issuer(struct ruling *ruling) {
    return compare(ruling, ruling->inbound->trust->connection.idp.entity_id,
                   ruling->statement->assertion_issuer);
}

// ---- conditions ------------------------------------------------------------------------------------------

static enum check_result conditions(struct ruling *ruling) {
    bool there = ruling->statement->has_conditions;
    ruling->finding = (struct finding){S("Conditions"), there ? S("Conditions") : S("")};
    return judge(there);
}

static enum check_result not_before(struct ruling *ruling) {
    struct slice raw = ruling->statement->conditions_not_before;
    int64_t start = 0;
    bool is_time = clock_parse(raw, &start);
    find_times(ruling, raw, is_time, start);
    if (raw.at == NULL) {
        return CHECK_SKIP;
    }
    return judge(is_time && start <= ruling->op->now + ruling->skew);
}

static enum check_result not_on_or_after(struct ruling *ruling) {
    return is_over(ruling, ruling->statement->conditions_not_on_or_after, true);
}

// An assertion whose end is far away still cannot be kept in the ledger for ever.
static enum check_result age(struct ruling *ruling) {
    char end[CLOCK_TEXT];
    return is_over(ruling, clock_print(ruling->statement->issue_instant + ASSERTION_AGE_MAX, end), false);
}

static bool names_us(const struct ruling *ruling, const struct texts *audiences) {
    for (size_t i = 0; i < audiences->count; i++) {
        if (slice_equal(audiences->at[i], ruling->inbound->entity_id)) {
            return true;
        }
    }
    return false;
}

// Several AudienceRestrictions must all hold; one holds when any Audience in it does.
static enum check_result audience(struct ruling *ruling) {
    const struct texts *restrictions = ruling->statement->audiences.at;
    size_t count = ruling->statement->audiences.count;
    ruling->finding.expected = ruling->inbound->entity_id;
    for (size_t i = 0; i < count; i++) {
        ruling->finding.got = joined(ruling->op, restrictions[i]);
        if (!names_us(ruling, &restrictions[i])) {
            return CHECK_FAIL;
        }
    }
    return count > 0 ? CHECK_PASS : CHECK_SKIP;
}

static enum check_result audience_restriction(struct ruling *ruling) {
    size_t count = ruling->statement->audiences.count;
    ruling->finding = (struct finding){ruling->inbound->entity_id, S("")};
    if (!ruling->statement->has_conditions) {
        return CHECK_SKIP;
    }
    ruling->finding.got = op_text(ruling->op, "%zu AudienceRestriction", count);
    return judge(count > 0);
}

static enum check_result condition_known(struct ruling *ruling) {
    ruling->finding = (struct finding){S("AudienceRestriction, OneTimeUse, ProxyRestriction"),
                                       ruling->statement->unknown_condition};
    if (!ruling->statement->has_conditions) {
        return CHECK_SKIP;
    }
    return judge(ruling->statement->unknown_condition.at == NULL);
}

// ---- subject ---------------------------------------------------------------------------------------------

static enum check_result name_id(struct ruling *ruling) {
    ruling->finding = (struct finding){S("NameID"), ruling->statement->identity.name_id};
    if (ruling->statement->identity.name_id.len > 0) {
        return CHECK_PASS;
    }
    if (ruling->policy->identifier_attribute.len > 0) {
        ruling->finding.expected = ruling->policy->identifier_attribute;
        return CHECK_SKIP;
    }
    return CHECK_FAIL;
}

static enum check_result confirmation_method(struct ruling *ruling) {
    const struct confirmation *first = ruling->statement->confirmations.at;
    ruling->finding = (struct finding){S(METHOD_BEARER), S("")};
    if (ruling->confirmation != NULL) {
        ruling->finding.got = ruling->confirmation->method;
    } else if (ruling->statement->confirmations.count > 0) {
        ruling->finding.got = first->method;
    }
    return judge(ruling->confirmation != NULL);
}

static enum check_result recipient(struct ruling *ruling) {
    if (ruling->confirmation == NULL) {
        return CHECK_SKIP;
    }
    return compare(ruling, ruling->inbound->acs_url, ruling->confirmation->recipient);
}

static enum check_result subject_not_on_or_after(struct ruling *ruling) {
    if (ruling->confirmation == NULL) {
        return CHECK_SKIP;
    }
    return is_over(ruling, ruling->confirmation->not_on_or_after, false);
}

// SAML profiles 4.1.4.2: the bearer's SubjectConfirmationData "MUST NOT contain a NotBefore attribute".
static enum check_result subject_not_before(struct ruling *ruling) {
    if (ruling->confirmation == NULL) {
        return CHECK_SKIP;
    }
    ruling->finding = (struct finding){S(""), ruling->confirmation->not_before};
    return judge(ruling->confirmation->not_before.at == NULL);
}

static enum check_result subject_in_response_to(struct ruling *ruling) {
    struct slice of_response = ruling->statement->response_in_response_to;
    struct slice proved =
        ruling->confirmation != NULL ? ruling->confirmation->in_response_to : SLICE_NONE;
    enum check_result result = compare(ruling, of_response, proved);
    return proved.len == 0 || of_response.len == 0 ? CHECK_SKIP : result;
}

// ---- authentication --------------------------------------------------------------------------------------

static enum check_result authn_statement(struct ruling *ruling) {
    int64_t instant = 0;
    ruling->finding = (struct finding){S("AuthnStatement with AuthnInstant"),
                                       ruling->statement->has_authn_statement
                                           ? ruling->statement->authn_instant
                                           : S("")};
    return judge(ruling->statement->has_authn_statement &&
                 clock_parse(ruling->statement->authn_instant, &instant));
}

static enum check_result authn_context(struct ruling *ruling) {
    struct texts wanted = ruling->policy->authn_context;
    struct slice got = ruling->statement->identity.authn_context;
    ruling->finding = (struct finding){joined(ruling->op, wanted), got};
    if (wanted.count == 0 || !ruling->statement->has_authn_statement) {
        return CHECK_SKIP;
    }
    for (size_t i = 0; i < wanted.count; i++) {
        if (slice_equal(wanted.at[i], got)) {
            return CHECK_PASS;
        }
    }
    return CHECK_FAIL;
}

static enum check_result session_not_on_or_after(struct ruling *ruling) {
    return is_over(ruling, ruling->statement->session_not_on_or_after, true);
}

// An InResponseTo that nobody signed proves nothing; without a proved one the answer is not unsolicited either.
static enum check_result in_response_to(struct ruling *ruling) {
    const struct statement *statement = ruling->statement;
    bool proved = statement->response_signed ||
                  (ruling->confirmation != NULL && ruling->confirmation->in_response_to.len > 0);
    ruling->finding = (struct finding){statement->response_in_response_to,
                                       proved ? statement->response_in_response_to : S("")};
    if (statement->response_in_response_to.len == 0) {
        return CHECK_SKIP;
    }
    return judge(proved);
}

// ---- all of them -----------------------------------------------------------------------------------------

static const struct rule {
    const char *check;
    reason why;
    enum check_result (*run)(struct ruling *ruling);
} rules[] = {
#define RULE(function, check, why, spec) {check, REASON_OF(why), function},
#include "saml/rules.def"
#undef RULE
};
#define RULE_COUNT (sizeof rules / sizeof rules[0])

static bool confirms(struct ruling *ruling, const struct confirmation *confirmation) {
    struct ruling trial = *ruling;
    trial.confirmation = confirmation;
    return recipient(&trial) == CHECK_PASS && subject_not_on_or_after(&trial) == CHECK_PASS &&
           subject_not_before(&trial) == CHECK_PASS && subject_in_response_to(&trial) != CHECK_FAIL;
}

// The first bearer confirmation that holds, else the first bearer one, whose faults are then told.
static const struct confirmation *choose(struct ruling *ruling) {
    const struct confirmation *all = ruling->statement->confirmations.at;
    const struct confirmation *chosen = NULL;
    for (size_t i = 0; i < ruling->statement->confirmations.count; i++) {
        if (!slice_equal(all[i].method, S(METHOD_BEARER))) {
            continue;
        }
        if (confirms(ruling, &all[i])) {
            return &all[i];
        }
        chosen = chosen != NULL ? chosen : &all[i];
    }
    return chosen;
}

static int64_t earlier(int64_t time, struct slice raw) {
    int64_t other = 0;
    return clock_parse(raw, &other) && other < time ? other : time;
}

// Of all confirmations, not of the one that was chosen: which that is depends on the clock and on an InResponseTo that
// nobody signed, and one assertion with two ends would be let in once for each.
static int64_t expiry(const struct statement *statement) {
    const struct confirmation *all = statement->confirmations.at;
    int64_t end = earlier(statement->issue_instant + ASSERTION_AGE_MAX,
                          statement->conditions_not_on_or_after);
    for (size_t i = 0; i < statement->confirmations.count; i++) {
        end = earlier(end, all[i].not_on_or_after);
    }
    return end;
}

// After the rules held: what they have proved.
static void conclude(const struct ruling *ruling, struct statement *statement) {
    struct identity *identity = &statement->identity;
    const struct confirmation *confirmation = ruling->confirmation;
    identity->in_response_to = S("");
    if (confirmation->in_response_to.len > 0) {
        identity->in_response_to = confirmation->in_response_to;
    } else if (statement->response_signed && statement->response_in_response_to.len > 0) {
        identity->in_response_to = statement->response_in_response_to;
    }
    identity->issued = statement->issue_instant;
    identity->expires = expiry(statement);
    (void)clock_parse(statement->authn_instant, &identity->authn_instant);
    (void)clock_parse(statement->session_not_on_or_after, &identity->session_not_on_or_after);
}

reason rules_check(struct op *op, const struct inbound *inbound, struct statement *statement,
                   struct trace *trace) {
    const struct policy *policy = &inbound->trust->connection.policy;
    struct ruling ruling = {.op = op, .inbound = inbound, .policy = policy, .statement = statement,
                            .skew = policy->skew_seconds * SECOND_MS};
    char moment[CLOCK_TEXT];
    ruling.moment =
        with_seconds(op, clock_print(op->now, moment), S(", "), ruling.skew, S(" s of skew allowed"));
    ruling.confirmation = choose(&ruling);
    reason why = NULL;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        ruling.finding = (struct finding){S(""), S("")};
        enum check_result result = rules[i].run(&ruling);
        trace_add(op, trace, rules[i].check, result, ruling.finding.expected, ruling.finding.got);
        if (result == CHECK_FAIL && why == NULL) {
            why = op_refuse(op, rules[i].why, "%s: expected \"%.*s\", got \"%.*s\"", rules[i].check,
                            SLICE(slice_sub(ruling.finding.expected, 0, TRACE_VALUE_MAX)),
                            SLICE(slice_sub(ruling.finding.got, 0, TRACE_VALUE_MAX)));
        }
    }
    if (why == NULL) {
        conclude(&ruling, statement);
    }
    return why;
}

void rules_skip(struct op *op, struct trace *trace) {
    for (size_t i = 0; i < RULE_COUNT; i++) {
        trace_add(op, trace, rules[i].check, CHECK_SKIP, S(""), S(""));
    }
}
