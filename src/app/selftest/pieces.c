// SPDX-License-Identifier: GPL-3.0-or-later
// What the rows of the corpus may name in their texts. A piece is ${name}:
//   now, now+N, now-N    the time, N seconds later or earlier
//   rep:N:TEXT           TEXT N times, ~ in it is the number of the round
//   id rid irt handle    IDs: of the Assertion, of the Response, of the request; and its handle
//   acs entity slo idp who   of the connection; evil: the attacker's name; acs:N, entity:N: of place number N
//   cert:PARTY rsa:PARTY a certificate, an RSAKeyValue; PARTY: idp ec evil weak other secret us
//                        federation signer
//   A R                  the Assertion and the Response with their signatures; A() R(): without
//   E E= EE              a forged Assertion that nobody signed, the same with the ID of the honest one, and one that the
//                        key of the attacker signed
//   E-                   E for a place inside an Assertion that is signed with it
//   AS RS LS                the signatures, LS of a LogoutRequest; EO RO: the start of a Response, forged and honest; ST: Status; RC: its end
//   M M=                 metadata in which the attacker's key is the provider's, with an ID of its own and with the honest one's
//   sealed:NAME:TEXT     TEXT encrypted for us in an element saml:NAME, canonical inside an Assertion (no NAME: the
//                        EncryptedData alone); foreign: for another key
//   X(Y)                 X with Y where its Signature would stand;  X[Y]: Y appended inside X;  O:Y: Y in a ds:Object
//   message b64 b64:X    the whole so far, and as it stands in a form; of another piece
//   utf16le utf16be utf7 nul      the message in another encoding; a NUL byte
//   bomb deflated        for query strings: a stream that inflates to megabytes; the message deflated
//   q:request q:relay q:algorithm q:signature      the parts of a signed query
#include <openssl/evp.h>

#include "app/selftest/selftest.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/text.h"
#include "saml/reader.h"

#define TEXT_CEILING (16U << 20) // what one message may grow to; rows that need more are wrong
#define BOMB_TIMES 200000        // 258 bytes each: 50 MB

struct piece {
    const char *name;
    reason (*make)(struct maker *maker, struct slice argument, struct slice *ret_text);
};

static reason piece_text(struct maker *maker, struct slice name, struct slice *ret_text);

// ---- small ones ------------------------------------------------------------------------------------------

static reason wrong(const struct maker *maker, struct slice name) {
    REFUSE(maker->op, INTERNAL, "the row %s names the piece %.*s, which is none", maker->row->name,
           SLICE(name));
}

static reason piece_now(struct maker *maker, struct slice argument, struct slice *ret_text) {
    char buffer[CLOCK_TEXT];
    uint64_t seconds = 0;
    if (argument.len > 0 && !text_u64(slice_sub(argument, 1, argument.len), 1U << 30, &seconds)) {
        return wrong(maker, argument);
    }
    int64_t offset = (int64_t)seconds * SECOND_MS;
    int64_t time = maker->op->now + (argument.len > 0 && argument.at[0] == '-' ? -offset : offset);
    return op_copy(maker->op, clock_print(time, buffer), ret_text);
}

static reason piece_repeat(struct maker *maker, struct slice argument, struct slice *ret_text) {
    struct slice number = SLICE_NONE;
    uint64_t times = 0;
    struct buf out;
    if (!slice_cut(&argument, ':', &number) || !text_u64(number, 1U << 22, &times)) {
        return wrong(maker, argument);
    }
    buf_open(&out, maker->op, TEXT_CEILING);
    for (uint64_t i = 0; i < times; i++) {
        // Where ~ stands, the number of the round: distinct IDs, names, namespaces.
        for (size_t j = 0; j < argument.len; j++) {
            if (argument.at[j] == '~') {
                buf_printf(&out, "%llu", (unsigned long long)i);
            } else {
                buf_byte(&out, (uint8_t)argument.at[j]);
            }
        }
    }
    return buf_done(&out, ret_text);
}

static reason party_named(const struct maker *maker, struct slice name, const struct party **ret) {
    static const char *const names[PARTIES] = {
        [PARTY_IDP] = "idp",     [PARTY_EC] = "ec",       [PARTY_EVIL] = "evil", [PARTY_WEAK] = "weak",
        [PARTY_OTHER] = "other", [PARTY_IDP_SECRET] = "secret", [PARTY_US] = "us",
        [PARTY_FEDERATION] = "federation"};
    if (slice_equal(name, S("signer"))) {
        *ret = &maker->bench->parties[maker->bench->places[maker->place].signer];
        return NULL;
    }
    for (size_t i = 0; i < PARTIES; i++) {
        if (slice_equal(name, slice_str(names[i]))) {
            *ret = &maker->bench->parties[i];
            return NULL;
        }
    }
    return wrong(maker, name);
}

static reason piece_certificate(struct maker *maker, struct slice argument, struct slice *ret_text) {
    const struct party *party = NULL;
    TRY(party_named(maker, argument, &party));
    *ret_text = party->certificate;
    return NULL;
}

static reason piece_rsa(struct maker *maker, struct slice argument, struct slice *ret_text) {
    const struct party *party = NULL;
    BIGNUM *modulus = NULL;
    unsigned char bytes[1024];
    struct slice text;
    TRY(party_named(maker, argument, &party));
    if (EVP_PKEY_get_bn_param(party->key, "n", &modulus) != 1) {
        return wrong(maker, argument);
    }
    int len = BN_bn2bin(modulus, bytes); // at most 3072 bits
    BN_free(modulus);
    TRY(encode_base64(maker->op, slice_of(bytes, (size_t)len), &text));
    *ret_text = op_text(maker->op,
                        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>%.*s</ds:Modulus>"
                        "<ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>",
                        SLICE(text));
    return NULL;
}

static reason piece_acs(struct maker *maker, struct slice argument, struct slice *ret_text) {
    uint64_t place = maker->place;
    if (argument.len > 0 && !text_u64(argument, PLACES - 1, &place)) {
        return wrong(maker, argument);
    }
    *ret_text = maker->bench->places[place].sp.acs_url;
    return NULL;
}

static reason piece_entity(struct maker *maker, struct slice argument, struct slice *ret_text) {
    uint64_t place = maker->place;
    if (argument.len > 0 && !text_u64(argument, PLACES - 1, &place)) {
        return wrong(maker, argument);
    }
    *ret_text = maker->bench->places[place].sp.entity_id;
    return NULL;
}

// ---- encodings -------------------------------------------------------------------------------------------

static reason form_value(struct op *op, struct slice bytes, struct slice *ret_text) {
    struct slice text;
    TRY(encode_base64(op, bytes, &text));
    return encode_url(op, text, ret_text);
}

static reason piece_b64(struct maker *maker, struct slice argument, struct slice *ret_text) {
    struct slice text = maker->message;
    if (argument.len > 0) {
        TRY(piece_text(maker, argument, &text));
    }
    return form_value(maker->op, text, ret_text);
}

static reason piece_utf16(struct maker *maker, struct slice argument, struct slice *ret_text) {
    bool little = slice_equal(argument, S("le"));
    struct buf out;
    buf_open(&out, maker->op, TEXT_CEILING);
    buf_put(&out, little ? S("\xff\xfe") : S("\xfe\xff"));
    for (size_t i = 0; i < maker->message.len; i++) { // ASCII, as our templates are
        buf_byte(&out, little ? (uint8_t)maker->message.at[i] : 0);
        buf_byte(&out, little ? 0 : (uint8_t)maker->message.at[i]);
    }
    return buf_done(&out, ret_text);
}

// RFC 2152: each "<" as +ADw-
static reason piece_utf7(struct maker *maker, struct slice argument, struct slice *ret_text) {
    struct buf out;
    (void)argument;
    buf_open(&out, maker->op, TEXT_CEILING);
    for (size_t i = 0; i < maker->message.len; i++) {
        if (maker->message.at[i] == '<' && i > 0) {
            buf_str(&out, "+ADw-");
        } else {
            buf_byte(&out, (uint8_t)maker->message.at[i]);
        }
    }
    return buf_done(&out, ret_text);
}

static reason piece_deflated(struct maker *maker, struct slice argument, struct slice *ret_text) {
    struct slice stream;
    (void)argument;
    TRY(forge_deflate(maker->op, maker->message, &stream));
    return form_value(maker->op, stream, ret_text);
}

static reason piece_bomb(struct maker *maker, struct slice argument, struct slice *ret_text) {
    struct slice stream;
    uint64_t times = BOMB_TIMES;
    if (argument.len > 0 && !text_u64(argument, BOMB_TIMES, &times)) {
        return wrong(maker, argument);
    }
    TRY(forge_bomb(maker->op, S("<samlp:LogoutRequest>"), times, &stream));
    return form_value(maker->op, stream, ret_text);
}

static reason piece_query(struct maker *maker, struct slice argument, struct slice *ret_text) {
    struct slice rest = maker->query;
    struct slice part;
    while (slice_cut(&rest, '&', &part)) {
        bool algorithm = slice_equal(argument, S("algorithm")) && slice_starts(part, S("SigAlg="));
        bool relay = slice_equal(argument, S("relay")) && slice_starts(part, S("RelayState="));
        bool sig = slice_equal(argument, S("signature")) && slice_starts(part, S("Signature="));
        bool message = slice_equal(argument, S("request")) && slice_starts(part, S("SAMLRequest="));
        if (algorithm || relay || sig || message) {
            *ret_text = part;
            return NULL;
        }
    }
    return wrong(maker, argument);
}

// ---- elements --------------------------------------------------------------------------------------------

static reason piece_assertion(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    *ret_text = maker->assertion;
    return NULL;
}

static reason piece_response(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    *ret_text = maker->response;
    return NULL;
}

static reason piece_forged(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    return make_assertion(maker, make_id(maker, "_e"), S(ATTACKER), ret_text);
}

static reason piece_forged_same(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    return make_assertion(maker, make_id(maker, "_a"), S(ATTACKER), ret_text);
}

// Inside an Assertion: the declaration stands above, and canonical form has it once.
static reason piece_forged_inside(struct maker *maker, struct slice argument,
                                  struct slice *ret_text) {
    TRY(piece_forged(maker, argument, ret_text));
    struct slice declaration = S(" xmlns:saml=\"" NS_SAML "\"");
    size_t at = slice_find(*ret_text, declaration);
    *ret_text = op_text(maker->op, "%.*s%.*s", SLICE(slice_sub(*ret_text, 0, at)),
                        SLICE(slice_sub(*ret_text, at + declaration.len, ret_text->len)));
    return NULL;
}

static reason piece_forged_signed(struct maker *maker, struct slice argument,
                                  struct slice *ret_text) {
    struct slice text, bare, signature;
    struct slice id = make_id(maker, "_e");
    const struct signing signing = {&maker->bench->parties[PARTY_EVIL],
                                    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                                    NS_XENC "sha256"};
    (void)argument;
    TRY(make_assertion(maker, id, S(ATTACKER), &text));
    TRY(make_slot(maker, text, S(""), &bare));
    TRY(make_signature(maker, &signing, bare, id, false, &signature));
    return make_slot(maker, text, signature, ret_text);
}

// The template's text from `from` to before `to`, with the forged or the honest ID.
static reason cut_response(struct maker *maker, const char *from, const char *to, struct slice id,
                           struct slice *ret_text) {
    struct slice text = slice_str(template_response);
    size_t start = slice_find(text, slice_str(from));
    size_t end = slice_find(text, slice_str(to));
    const char *part = NULL;
    TRY(op_cstr(maker->op, slice_sub(text, start, end), &part));
    size_t at = 0;
    TRY(pieces_expand(maker, part, ret_text));
    if (id.len > 0 && (at = slice_find(*ret_text, make_id(maker, "_r"))) != SIZE_MAX) {
        *ret_text = op_text(maker->op, "%.*s%.*s%.*s", SLICE(slice_sub(*ret_text, 0, at)), SLICE(id),
                            SLICE(slice_sub(*ret_text, at + make_id(maker, "_r").len,
                                            ret_text->len)));
    }
    return NULL;
}

static reason piece_forged_open(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    return cut_response(maker, "<samlp:Response", "{S}", make_id(maker, "_f"), ret_text);
}

static reason piece_open(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    return cut_response(maker, "<samlp:Response", "{S}", S(""), ret_text);
}

static reason piece_status(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    return cut_response(maker, "<samlp:Status>", "{A}", S(""), ret_text);
}

static reason seal_for(struct maker *maker, enum party_name party, struct slice argument, struct slice *ret_text) {
    struct slice name = SLICE_NONE;
    struct slice element = SLICE_NONE;
    if (!slice_cut(&argument, ':', &name)) {
        return wrong(maker, argument);
    }
    TRY(forge_encrypt(maker->op, maker->bench->parties[party].key, "aes256-gcm", "oaep", argument, &element));
    struct slice inside = element; // the start and the end are written anew, with the right name
    struct slice start = S("<saml:EncryptedAssertion xmlns:saml=\"" NS_SAML "\">");
    struct slice end = S("</saml:EncryptedAssertion>");
    inside = slice_sub(inside, start.len, inside.len - end.len);
    *ret_text = name.len == 0 ? inside
                              : op_text(maker->op, "<saml:%.*s>%.*s</saml:%.*s>", SLICE(name), SLICE(inside),
                                        SLICE(name));
    return NULL;
}

static reason piece_sealed(struct maker *maker, struct slice argument, struct slice *ret_text) {
    return seal_for(maker, PARTY_US, argument, ret_text);
}

static reason piece_foreign(struct maker *maker, struct slice argument, struct slice *ret_text) {
    return seal_for(maker, PARTY_OTHER, argument, ret_text);
}

static reason forged_metadata(struct maker *maker, struct slice id, struct slice *ret_text) {
    struct slice honest = maker->bench->parties[maker->bench->places[maker->place].signer].certificate;
    struct slice forged = maker->bench->parties[PARTY_EVIL].certificate;
    struct slice from[] = {make_id(maker, "_r"), honest};
    struct slice to[] = {id, forged};
    TRY(pieces_expand(maker, template_metadata, ret_text));
    for (size_t i = 0; i < 2; i++) {
        size_t at = slice_find(*ret_text, from[i]);
        *ret_text = op_text(maker->op, "%.*s%.*s%.*s", SLICE(slice_sub(*ret_text, 0, at)), SLICE(to[i]),
                            SLICE(slice_sub(*ret_text, at + from[i].len, ret_text->len)));
    }
    return NULL;
}

static reason piece_metadata(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    return forged_metadata(maker, make_id(maker, "_f"), ret_text);
}

static reason piece_metadata_same(struct maker *maker, struct slice argument, struct slice *ret_text) {
    (void)argument;
    return forged_metadata(maker, make_id(maker, "_r"), ret_text);
}

#define OWN_TEXT(function, text)                                                                   \
    static reason function(struct maker *maker, struct slice argument, struct slice *ret_text) {   \
        (void)argument;                                                                            \
        (void)maker;                                                                               \
        *ret_text = (text);                                                                        \
        return NULL;                                                                               \
    }                                                                                              \
    struct own_text_semicolon
OWN_TEXT(piece_id, make_id(maker, "_a"));
OWN_TEXT(piece_rid, make_id(maker, "_r"));
OWN_TEXT(piece_irt, maker->pending.request_id);
OWN_TEXT(piece_handle, maker->pending.handle);
OWN_TEXT(piece_other_handle, maker->other.handle);
OWN_TEXT(piece_other_irt, maker->other.request_id);
OWN_TEXT(piece_slo, maker->bench->places[maker->place].sp.slo_url);
OWN_TEXT(piece_idp, slice_str(maker->bench->places[maker->place].entity));
OWN_TEXT(piece_who, make_who(maker));
OWN_TEXT(piece_evil, S(ATTACKER));
OWN_TEXT(piece_as, maker->plain_signature);
OWN_TEXT(piece_rs, maker->response_signature);
OWN_TEXT(piece_ls, maker->logout_signature);
OWN_TEXT(piece_rc, S("</samlp:Response>"));
OWN_TEXT(piece_message, maker->message);
OWN_TEXT(piece_nul, slice_of("", 1));

static const struct piece pieces[] = {
    {"now", piece_now},
    {"rep:", piece_repeat},
    {"cert:", piece_certificate},
    {"rsa:", piece_rsa},
    {"acs:", piece_acs},
    {"acs", piece_acs},
    {"entity:", piece_entity},
    {"entity", piece_entity},
    {"b64:", piece_b64},
    {"b64", piece_b64},
    {"utf16", piece_utf16},
    {"utf7", piece_utf7},
    {"deflated", piece_deflated},
    {"bomb:", piece_bomb},
    {"bomb", piece_bomb},
    {"q:", piece_query},
    {"idp", piece_idp},
    {"id", piece_id},
    {"rid", piece_rid},
    {"irt", piece_irt},
    {"handle", piece_handle},
    {"other_handle", piece_other_handle},
    {"other_irt", piece_other_irt},
    {"slo", piece_slo},
    {"who", piece_who},
    {"evil", piece_evil},
    {"message", piece_message},
    {"nul", piece_nul},
    {"AS", piece_as},
    {"RS", piece_rs},
    {"LS", piece_ls},
    {"RC", piece_rc},
    {"RO", piece_open},
    {"EO", piece_forged_open},
    {"ST", piece_status},
    {"EE", piece_forged_signed},
    {"E=", piece_forged_same},
    {"E-", piece_forged_inside},
    {"E", piece_forged},
    {"sealed:", piece_sealed},
    {"foreign:", piece_foreign},
    {"M=", piece_metadata_same},
    {"M", piece_metadata},
    {"A", piece_assertion},
    {"R", piece_response},
};

// ---- X(Y)[Z] ---------------------------------------------------------------------------------------------

// Takes "(...)" or "[...]" off the front.
static bool take_group(struct slice *rest, struct slice *ret_inner) {
    size_t depth = 0;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->at[i];
        depth += c == '(' || c == '[' ? 1 : 0;
        depth -= c == ')' || c == ']' ? 1 : 0;
        if (depth == 0) {
            *ret_inner = slice_sub(*rest, 1, i);
            *rest = slice_sub(*rest, i + 1, rest->len);
            return true;
        }
    }
    return false;
}

static reason append_inside(struct op *op, struct slice text, struct slice more,
                            struct slice *ret_text) {
    size_t end = text.len;
    while (end > 1 && !(text.at[end - 2] == '<' && text.at[end - 1] == '/')) {
        end--;
    }
    struct buf out;
    buf_open(&out, op, TEXT_CEILING);
    buf_put(&out, slice_sub(text, 0, end - 2));
    buf_put(&out, more);
    buf_put(&out, slice_sub(text, end - 2, text.len));
    return buf_done(&out, ret_text);
}

static reason inner_text(struct maker *maker, struct slice inner, struct slice *ret_text) {
    *ret_text = S("");
    if (inner.len == 0) {
        return NULL;
    }
    if (!slice_starts(inner, S("O:"))) {
        return piece_text(maker, inner, ret_text);
    }
    TRY(piece_text(maker, slice_sub(inner, 2, inner.len), ret_text));
    *ret_text = op_text(maker->op, "<ds:Object>%.*s</ds:Object>", SLICE(*ret_text));
    return NULL;
}

// Where nothing else is said, the honest ones carry their signatures and the forged ones none.
static reason fill_slot(struct maker *maker, struct slice name, struct slice text,
                        struct slice *ret_text) {
    struct slice into = slice_equal(name, S("A"))   ? maker->plain_signature
                        : slice_equal(name, S("R")) ? maker->response_signature
                                                    : S("");
    return slice_find(text, S("{S}")) == SIZE_MAX ? (*ret_text = text, NULL)
                                                  : make_slot(maker, text, into, ret_text);
}

static reason piece_alone(struct maker *maker, struct slice name, struct slice *ret_text) {
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct slice known = slice_str(pieces[i].name);
        bool takes = slice_ends(known, S(":")) || slice_equal(known, S("now")) ||
                     slice_equal(known, S("utf16"));
        if (takes ? slice_starts(name, known) : slice_equal(name, known)) {
            return pieces[i].make(maker, slice_sub(name, known.len, name.len), ret_text);
        }
    }
    return wrong(maker, name);
}

// Recursive over our own rows only.
static reason piece_text(struct maker *maker, struct slice name, struct slice *ret_text) {
    struct slice text, inner, more;
    bool simple = slice_find(name, S(":")) != SIZE_MAX && !slice_starts(name, S("A")) &&
                  !slice_starts(name, S("R")) && !slice_starts(name, S("E")) && !slice_starts(name, S("M"));
    size_t end = 0;
    while (!simple && end < name.len && name.at[end] != '(' && name.at[end] != '[') {
        end++;
    }
    end = simple ? name.len : end;
    struct slice rest = slice_sub(name, end, name.len);
    name = slice_sub(name, 0, end);
    TRY(piece_alone(maker, name, &text));
    if (rest.len > 0 && rest.at[0] == '(') {
        if (!take_group(&rest, &inner)) {
            return wrong(maker, rest);
        }
        TRY(inner_text(maker, inner, &more));
        TRY(make_slot(maker, text, more, &text));
    } else {
        TRY(fill_slot(maker, name, text, &text));
    }
    while (rest.len > 0) {
        if (rest.at[0] != '[' || !take_group(&rest, &inner)) {
            return wrong(maker, rest);
        }
        TRY(inner_text(maker, inner, &more));
        TRY(append_inside(maker->op, text, more, &text));
    }
    *ret_text = text;
    return NULL;
}

reason pieces_expand(struct maker *maker, const char *text, struct slice *ret_text) {
    struct slice rest = slice_str(text);
    struct buf out;
    buf_open(&out, maker->op, TEXT_CEILING);
    for (;;) {
        size_t at = slice_find(rest, S("${"));
        buf_put(&out, slice_sub(rest, 0, at));
        if (at == SIZE_MAX) {
            return buf_done(&out, ret_text);
        }
        struct slice name = SLICE_NONE;
        struct slice piece;
        rest = slice_sub(rest, at + 2, rest.len);
        if (!slice_cut(&rest, '}', &name)) {
            return wrong(maker, rest);
        }
        TRY(piece_text(maker, name, &piece));
        buf_put(&out, piece);
    }
}
