// SPDX-License-Identifier: GPL-3.0-or-later
// Writer and reader of each message between the gate and its workers, side by side. Linked into
// both programs. Readers are strict: every field in its place, under its ceiling, to the last byte.
#include "saml/msg.h"

#include "base/text.h"

// More children or signatures than nodes are ever parsed is no answer of a worker.
#define COUNT_MAX (1U << 20)
#define FLAG_MAX 1

enum tag {
    TAG_XML = 1,
    TAG_WHY,
    TAG_DETAIL,
    TAG_ENVELOPE, // its texts, in order
    TAG_ASSERTIONS,
    TAG_ENCRYPTED,
    TAG_MISPLACED,
    TAG_SIGNATURE_COUNT,
    TAG_PARENT,
    TAG_PARENT_ID,
    TAG_SIGNED_INFO,
    TAG_VALUE,
    TAG_COVERED,
    TAG_ENCRYPTED_COUNT,
    TAG_ENCRYPTED_PART,
    TAG_CANONICAL,
    TAG_SIGNED,
    TAG_IDP,
    TAG_SP,
    TAG_ACCEPTED,
    TAG_WORDS,
    TAG_NAME_ID,
    TAG_ISSUER,
};

bool msg_put_ask(struct wire_out *out, void *at, size_t room, enum msg_kind kind, uint64_t job,
                 struct slice xml) {
    wire_begin(out, at, room, (uint16_t)kind, job);
    wire_put(out, TAG_XML, xml);
    return wire_end(out);
}

bool msg_get_ask(struct slice fields, struct slice *ret_xml) {
    struct wire_in in = wire_read(fields);
    struct slice xml = wire_get(&in, TAG_XML, MSG_XML_MAX);
    if (!wire_done(&in)) {
        return false;
    }
    *ret_xml = xml;
    return true;
}

bool msg_put_refused(struct wire_out *out, void *at, size_t room, uint64_t job, reason why,
                     struct slice detail) {
    wire_begin(out, at, room, MSG_REFUSED, job);
    wire_put_u32(out, TAG_WHY, why->number);
    wire_put(out, TAG_DETAIL, detail);
    return wire_end(out);
}

bool msg_get_refused(struct slice fields, reason *ret_why, struct slice *ret_detail) {
    struct wire_in in = wire_read(fields);
    uint32_t number = wire_get_u32(&in, TAG_WHY, REASON_COUNT - 1);
    struct slice detail = wire_get(&in, TAG_DETAIL, MSG_TEXT_MAX);
    // It goes to logs and traces as one line.
    if (!wire_done(&in) || !text_line(detail)) {
        return false;
    }
    *ret_why = &reason_table[number];
    *ret_detail = detail;
    return true;
}

static void put_signature(struct wire_out *out, const struct msg_signature *signature) {
    wire_put_u32(out, TAG_PARENT, signature->parent);
    wire_put(out, TAG_PARENT_ID, signature->parent_id);
    wire_put(out, TAG_SIGNED_INFO, signature->signed_info);
    wire_put(out, TAG_VALUE, signature->value);
    wire_put(out, TAG_COVERED, signature->covered);
}

static bool get_signature(struct wire_in *in, struct msg_signature *ret_signature) {
    ret_signature->parent = wire_get_u32(in, TAG_PARENT, MSG_PARENT_ASSERTION);
    ret_signature->parent_id = wire_get(in, TAG_PARENT_ID, MSG_TEXT_MAX);
    ret_signature->signed_info = wire_get(in, TAG_SIGNED_INFO, MSG_SIGNED_INFO_MAX);
    ret_signature->value = wire_get(in, TAG_VALUE, MSG_VALUE_MAX);
    ret_signature->covered = wire_get(in, TAG_COVERED, MSG_CANONICAL_MAX);
    // A signature over nothing is no signature.
    return !in->broken && ret_signature->signed_info.len > 0 && ret_signature->value.len > 0 &&
           ret_signature->covered.len > 0 && text_utf8(ret_signature->parent_id);
}

// The texts of the envelope, in the order in which they travel.
#define ENVELOPE_TEXTS(envelope)                                                                   \
    {                                                                                              \
        &(envelope)->name, &(envelope)->id, &(envelope)->version, &(envelope)->issue_instant,      \
            &(envelope)->destination, &(envelope)->in_response_to, &(envelope)->issuer,            \
            &(envelope)->status, &(envelope)->sub_status, &(envelope)->status_message,             \
    }
#define ENVELOPE_TEXT_COUNT 10

static void put_envelope(struct wire_out *out, const struct msg_envelope *envelope) {
    const struct slice *texts[ENVELOPE_TEXT_COUNT] = ENVELOPE_TEXTS(envelope);
    for (size_t i = 0; i < ENVELOPE_TEXT_COUNT; i++) {
        wire_put(out, TAG_ENVELOPE, *texts[i]);
    }
    wire_put_u32(out, TAG_ASSERTIONS, envelope->assertions);
    wire_put_u32(out, TAG_ENCRYPTED, envelope->encrypted);
    wire_put_u32(out, TAG_MISPLACED, envelope->misplaced);
}

static bool get_envelope(struct wire_in *in, struct msg_envelope *ret_envelope) {
    struct slice *texts[ENVELOPE_TEXT_COUNT] = ENVELOPE_TEXTS(ret_envelope);
    for (size_t i = 0; i < ENVELOPE_TEXT_COUNT; i++) {
        *texts[i] = wire_get(in, TAG_ENVELOPE, MSG_TEXT_MAX);
        if (!text_utf8(*texts[i])) {
            return false;
        }
    }
    ret_envelope->assertions = wire_get_u32(in, TAG_ASSERTIONS, COUNT_MAX);
    ret_envelope->encrypted = wire_get_u32(in, TAG_ENCRYPTED, COUNT_MAX);
    ret_envelope->misplaced = wire_get_u32(in, TAG_MISPLACED, COUNT_MAX);
    return !in->broken;
}

bool msg_put_canonical(struct wire_out *out, void *at, size_t room, uint64_t job,
                       const struct msg_canonical *message) {
    wire_begin(out, at, room, MSG_CANONICAL, job);
    put_envelope(out, &message->envelope);
    wire_put_u32(out, TAG_SIGNATURE_COUNT, message->signature_count);
    for (size_t i = 0; i < message->signature_count; i++) {
        put_signature(out, &message->signatures[i]);
    }
    wire_put_u32(out, TAG_ENCRYPTED_COUNT, message->encrypted_count);
    for (size_t i = 0; i < message->encrypted_count; i++) {
        wire_put(out, TAG_ENCRYPTED_PART, message->encrypted[i]);
    }
    return wire_end(out);
}

bool msg_get_canonical(struct slice fields, struct msg_canonical *ret_message) {
    struct wire_in in = wire_read(fields);
    struct msg_canonical message = {.signature_count = 0};
    if (!get_envelope(&in, &message.envelope)) {
        return false;
    }
    message.signature_count = wire_get_u32(&in, TAG_SIGNATURE_COUNT, MSG_SIGNATURES_MAX);
    for (size_t i = 0; i < message.signature_count; i++) {
        if (!get_signature(&in, &message.signatures[i])) {
            return false;
        }
    }
    uint32_t children = message.envelope.encrypted;
    message.encrypted_count = wire_get_u32(&in, TAG_ENCRYPTED_COUNT, MSG_ENCRYPTED_MAX);
    if (message.encrypted_count != (children < MSG_ENCRYPTED_MAX ? children : MSG_ENCRYPTED_MAX)) {
        return false;
    }
    for (size_t i = 0; i < message.encrypted_count; i++) {
        message.encrypted[i] = wire_get(&in, TAG_ENCRYPTED_PART, MSG_CANONICAL_MAX);
        if (message.encrypted[i].len == 0) {
            return false;
        }
    }
    if (!wire_done(&in)) {
        return false;
    }
    *ret_message = message;
    return true;
}

bool msg_put_whole(struct wire_out *out, void *at, size_t room, uint64_t job,
                   const struct msg_whole *message) {
    bool is_signed = message->signature.signed_info.len > 0;
    wire_begin(out, at, room, MSG_WHOLE_CANONICAL, job);
    wire_put(out, TAG_CANONICAL, message->canonical);
    wire_put_u32(out, TAG_SIGNED, is_signed ? 1 : 0);
    if (is_signed) {
        put_signature(out, &message->signature);
    }
    return wire_end(out);
}

bool msg_get_whole(struct slice fields, struct msg_whole *ret_message) {
    struct wire_in in = wire_read(fields);
    struct msg_whole message = {.canonical = wire_get(&in, TAG_CANONICAL, MSG_CANONICAL_MAX)};
    bool is_signed = wire_get_u32(&in, TAG_SIGNED, FLAG_MAX) == 1;
    if (is_signed &&
        (!get_signature(&in, &message.signature) || message.signature.parent != MSG_PARENT_ROOT)) {
        return false;
    }
    if (!wire_done(&in) || message.canonical.len == 0) {
        return false;
    }
    *ret_message = message;
    return true;
}

bool msg_put_opinion_ask(struct wire_out *out, void *at, size_t room, uint64_t job,
                         const struct msg_opinion_ask *ask) {
    wire_begin(out, at, room, MSG_OPINION, job);
    wire_put(out, TAG_XML, ask->xml);
    wire_put(out, TAG_IDP, ask->idp);
    wire_put(out, TAG_SP, ask->sp);
    return wire_end(out);
}

bool msg_get_opinion_ask(struct slice fields, struct msg_opinion_ask *ret_ask) {
    struct wire_in in = wire_read(fields);
    struct msg_opinion_ask ask = {.xml = wire_get(&in, TAG_XML, MSG_CANONICAL_MAX)};
    ask.idp = wire_get(&in, TAG_IDP, MSG_METADATA_MAX);
    ask.sp = wire_get(&in, TAG_SP, MSG_METADATA_MAX);
    if (!wire_done(&in)) {
        return false;
    }
    *ret_ask = ask;
    return true;
}

bool msg_put_opinion(struct wire_out *out, void *at, size_t room, uint64_t job,
                     const struct msg_opinion *opinion) {
    wire_begin(out, at, room, MSG_OPINION_GIVEN, job);
    wire_put_u32(out, TAG_ACCEPTED, opinion->accepted ? 1 : 0);
    wire_put(out, TAG_WORDS, opinion->words);
    wire_put(out, TAG_NAME_ID, opinion->name_id);
    wire_put(out, TAG_ISSUER, opinion->issuer);
    return wire_end(out);
}

bool msg_get_opinion(struct slice fields, struct msg_opinion *ret_opinion) {
    struct wire_in in = wire_read(fields);
    struct msg_opinion opinion = {.accepted = wire_get_u32(&in, TAG_ACCEPTED, FLAG_MAX) == 1};
    opinion.words = wire_get(&in, TAG_WORDS, MSG_TEXT_MAX);
    opinion.name_id = wire_get(&in, TAG_NAME_ID, MSG_NAME_ID_MAX);
    opinion.issuer = wire_get(&in, TAG_ISSUER, MSG_TEXT_MAX);
    // The words go to logs and traces as one line.
    if (!wire_done(&in) || !text_line(opinion.words) || !text_utf8(opinion.name_id) ||
        !text_utf8(opinion.issuer)) {
        return false;
    }
    *ret_opinion = opinion;
    return true;
}
