// SPDX-License-Identifier: GPL-3.0-or-later
// Puts one message together: template, edits before the signature, signature, edits after it, form or query. It judges
// nothing and knows no attack by name.
#include "app/selftest/selftest.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "saml/reader.h"

#define RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define ECDSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
#define SHA256 NS_XENC "sha256"
#define DECLARATION " xmlns:ds=\"" NS_DS "\""
#define TEXT_CEILING (16U << 20)

// ---- text ------------------------------------------------------------------------------------------------

static reason replace(struct maker *maker, struct slice text, struct slice from, struct slice to,
                      struct slice *ret_text) {
    size_t at = slice_find(text, from);
    struct buf out;
    if (at == SIZE_MAX) {
        REFUSE(maker->op, INTERNAL, "the row %s changes %.*s, which is not there", maker->row->name,
               SLICE(slice_sub(from, 0, 100)));
    }
    buf_open(&out, maker->op, TEXT_CEILING);
    buf_put(&out, slice_sub(text, 0, at));
    buf_put(&out, to);
    buf_put(&out, slice_sub(text, at + from.len, text.len));
    return buf_done(&out, ret_text);
}

// All of them: a template names its ID more than once.
static reason replace_all(struct maker *maker, struct slice text, struct slice from, struct slice to,
                          struct slice *ret_text) {
    while (slice_find(text, from) != SIZE_MAX) {
        TRY(replace(maker, text, from, to, &text));
    }
    *ret_text = text;
    return NULL;
}

reason make_slot(struct maker *maker, struct slice text, struct slice into, struct slice *ret_text) {
    return replace(maker, text, S("{S}"), into, ret_text);
}

reason make_edits(struct maker *maker, enum stage stage, struct slice text, struct slice *ret_text) {
    const struct edit *edits = maker->version == VERSION_ATTACK ? maker->row->edits : NULL;
    for (; edits != NULL && edits->stage != 0; edits++) {
        struct slice from, to;
        if (edits->stage != stage) {
            continue;
        }
        if (stage == STAGE_WIRE) {
            maker->message = text; // what ${message} is by now
        }
        TRY(pieces_expand(maker, edits->to, &to));
        if (edits->from == NULL) {
            text = to;
            continue;
        }
        TRY(pieces_expand(maker, edits->from, &from));
        TRY(replace(maker, text, from, to, &text));
    }
    *ret_text = text;
    return NULL;
}

struct slice make_id(const struct maker *maker, const char *prefix) {
    return op_text(maker->op, "%s%u", prefix, maker->serial);
}

struct slice make_who(const struct maker *maker) {
    return slice_str(maker->bench->places[maker->place].who);
}

// ---- signatures ------------------------------------------------------------------------------------------

static const char *party_key_info(struct maker *maker, const struct party *party) {
    for (size_t i = 0; i < PARTIES; i++) {
        if (party == &maker->bench->parties[i]) {
            static const char *const infos[PARTIES] = {
                [PARTY_IDP] = "${cert:idp}",     [PARTY_EC] = "${cert:ec}",
                [PARTY_EVIL] = "${cert:evil}",   [PARTY_WEAK] = "${cert:weak}",
                [PARTY_OTHER] = "${cert:other}", [PARTY_IDP_SECRET] = "${cert:secret}",
                [PARTY_US] = "${cert:us}",       [PARTY_FEDERATION] = "${cert:federation}"};
            return infos[i];
        }
    }
    return "";
}

static reason write_info(struct maker *maker, const struct signing *signing, struct slice element,
                         struct slice id, bool edited, struct slice *ret_info) {
    struct op *op = maker->op;
    struct slice digest, text;
    TRY(forge_digest(op, signing->digest, element, &digest));
    TRY(encode_base64(op, digest, &text));
    *ret_info = op_text(
        op,
        "<ds:SignedInfo" DECLARATION "><ds:CanonicalizationMethod Algorithm=\"" NS_EC "\">"
        "</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"%s\"></ds:SignatureMethod>"
        "<ds:Reference URI=\"#%.*s\"><ds:Transforms><ds:Transform Algorithm=\"" NS_DS
        "enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"" NS_EC "\"></ds:Transform>"
        "</ds:Transforms><ds:DigestMethod Algorithm=\"%s\"></ds:DigestMethod><ds:DigestValue>%.*s"
        "</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        signing->method, SLICE(id), signing->digest, SLICE(text));
    return edited ? make_edits(maker, STAGE_INFO, *ret_info, ret_info) : NULL;
}

reason make_signature(struct maker *maker, const struct signing *signing, struct slice element,
                      struct slice id, bool edited, struct slice *ret_signature) {
    struct op *op = maker->op;
    struct slice info, value, text, certificate;
    TRY(write_info(maker, signing, element, id, edited, &info));
    TRY(forge_sign(op, signing, info, &value));
    TRY(encode_base64(op, value, &text));
    TRY(pieces_expand(maker, party_key_info(maker, signing->party), &certificate));
    // As it is sent, the declaration stands on the Signature.
    TRY(replace(maker, info, S(DECLARATION), S(""), &info));
    if (edited) {
        TRY(make_edits(maker, STAGE_WIRE_INFO, info, &info));
    }
    *ret_signature = op_text(
        op,
        "<ds:Signature" DECLARATION ">%.*s<ds:SignatureValue>%.*s</ds:SignatureValue><ds:KeyInfo>"
        "<ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        "</ds:Signature>",
        SLICE(info), SLICE(text), SLICE(certificate));
    return edited ? make_edits(maker, STAGE_SIGNATURE, *ret_signature, ret_signature) : NULL;
}

static struct signing signing_of(const struct maker *maker) {
    const struct bench *bench = maker->bench;
    enum party_name honest = maker->row->door == DOOR_METADATA_SIGNED ? PARTY_FEDERATION
                                                                      : bench->places[maker->place].signer;
    if (maker->version != VERSION_ATTACK) {
        return (struct signing){&bench->parties[honest], RSA_SHA256, SHA256};
    }
    const struct attack *row = maker->row;
    enum party_name signer = row->signer == PARTY_IDP ? honest : row->signer;
    const char *method = signer == PARTY_EC ? ECDSA_SHA256 : RSA_SHA256;
    return (struct signing){&bench->parties[signer], row->method != NULL ? row->method : method,
                            row->digest != NULL ? row->digest : SHA256};
}

static reason sign(struct maker *maker, struct slice text, struct slice id, bool edited,
                   struct slice *ret_signature) {
    struct signing signing = signing_of(maker);
    struct slice bare;
    TRY(make_slot(maker, text, S(""), &bare));
    return make_signature(maker, &signing, bare, id, edited, ret_signature);
}

// ---- a Response ------------------------------------------------------------------------------------------

static reason without_request(struct maker *maker, struct slice text, struct slice *ret_text) {
    *ret_text = text;
    if (!maker->row->unsolicited) {
        return NULL;
    }
    struct slice attribute =
        op_text(maker->op, " InResponseTo=\"%.*s\"", SLICE(maker->pending.request_id));
    // In the Assertion it is followed by another attribute, in the Response too.
    return replace(maker, text, attribute, S(""), ret_text);
}

reason make_assertion(struct maker *maker, struct slice id, struct slice who,
                      struct slice *ret_text) {
    TRY(pieces_expand(maker, template_assertion, ret_text));
    TRY(replace_all(maker, *ret_text, S("{ID}"), id, ret_text));
    TRY(replace(maker, *ret_text, S("{WHO}"), who, ret_text));
    return without_request(maker, *ret_text, ret_text);
}

static enum signs signs_of(const struct maker *maker) {
    enum signs signs = maker->row->signs;
    return maker->version != VERSION_ATTACK && signs == SIGNS_NOTHING ? SIGNS_ASSERTION : signs;
}

static reason encrypt(struct maker *maker, struct slice plain, struct slice *ret_element) {
    bool attack = maker->version == VERSION_ATTACK;
    const char *wrap = attack && maker->row->wrap != NULL ? maker->row->wrap : "oaep";
    TRY(make_edits(maker, STAGE_PLAIN, plain, &plain));
    TRY(forge_encrypt(maker->op, maker->bench->parties[PARTY_US].key,
                      attack ? maker->row->cipher : "aes256-gcm", wrap, plain, ret_element));
    return make_edits(maker, STAGE_ENCRYPTED, *ret_element, ret_element);
}

static reason make_inner(struct maker *maker, struct slice *ret_inner) {
    enum signs signs = signs_of(maker);
    struct slice id = make_id(maker, "_a");
    TRY(make_assertion(maker, id, make_who(maker), &maker->assertion));
    TRY(make_edits(maker, STAGE_ASSERTION, maker->assertion, &maker->assertion));
    maker->plain_signature = S("");
    if (signs == SIGNS_ASSERTION || signs == SIGNS_BOTH) {
        TRY(sign(maker, maker->assertion, id, true, &maker->plain_signature));
    }
    TRY(make_slot(maker, maker->assertion, maker->plain_signature, ret_inner));
    return maker->row->cipher != NULL ? encrypt(maker, *ret_inner, ret_inner) : NULL;
}

static reason make_outer(struct maker *maker, struct slice inner) {
    enum signs signs = signs_of(maker);
    TRY(pieces_expand(maker, template_response, &maker->response));
    TRY(without_request(maker, maker->response, &maker->response));
    TRY(make_edits(maker, STAGE_RESPONSE, maker->response, &maker->response));
    if (slice_find(maker->response, S("{A}")) != SIZE_MAX) {
        TRY(replace(maker, maker->response, S("{A}"), inner, &maker->response));
    }
    maker->response_signature = S("");
    if (signs == SIGNS_RESPONSE || signs == SIGNS_BOTH) {
        TRY(sign(maker, maker->response, make_id(maker, "_r"), signs == SIGNS_RESPONSE,
                 &maker->response_signature));
    }
    TRY(make_slot(maker, maker->response, maker->response_signature, &maker->message));
    return make_edits(maker, STAGE_WIRE, maker->message, &maker->message);
}

// One signed byte: in the honest person's name, or in the ciphertext.
static reason tamper(struct maker *maker) {
    if (maker->version != VERSION_TAMPERED) {
        return NULL;
    }
    struct slice to;
    if (maker->row->cipher == NULL || maker->row->door != DOOR_ACS) {
        TRY(op_copy(maker->op, make_who(maker), &to));
        *(char *)(uintptr_t)&to.at[2] = 'b'; // "ada" -> "adb"; the copy is ours
        return replace(maker, maker->message, make_who(maker), to, &maker->message);
    }
    TRY(op_copy(maker->op, maker->message, &to));
    size_t end = slice_find(to, S("</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>"));
    if (end == SIZE_MAX) {
        REFUSE(maker->op, INTERNAL, "the row %s has no ciphertext", maker->row->name);
    }
    char *byte = (char *)(uintptr_t)&to.at[end - 12];
    *byte = *byte == 'A' ? 'B' : 'A';
    maker->message = to;
    return NULL;
}

static reason make_form(struct maker *maker, const char *field) {
    const char *relay = maker->row->unsolicited ? "" : "&RelayState=${handle}";
    const char *text = NULL;
    TRY(op_cstr(maker->op, op_text(maker->op, "%s=${b64}%s", field, relay), &text));
    TRY(pieces_expand(maker, text, &maker->form));
    return make_edits(maker, STAGE_FORM, maker->form, &maker->form);
}

static reason make_response(struct maker *maker) {
    struct slice inner;
    TRY(make_inner(maker, &inner));
    TRY(make_outer(maker, inner));
    TRY(tamper(maker));
    return make_form(maker, "SAMLResponse");
}

reason make_rewrapped(struct maker *maker) {
    struct slice inner, id;
    TRY(make_slot(maker, maker->assertion, maker->plain_signature, &inner));
    TRY(make_outer(maker, inner));
    id = make_id(maker, "_r");
    TRY(replace(maker, maker->message, id, op_text(maker->op, "_again%.*s", SLICE(id)),
                &maker->message));
    return make_form(maker, "SAMLResponse");
}

// ---- sign-out --------------------------------------------------------------------------------------------

static reason make_query(struct maker *maker) {
    struct signing signing = signing_of(maker);
    struct slice method, signature, text;
    TRY(encode_url(maker->op, slice_str(signing.method), &method));
    TRY(pieces_expand(maker, "SAMLRequest=${deflated}&RelayState=here", &maker->query));
    maker->query = op_text(maker->op, "%.*s&SigAlg=%.*s", SLICE(maker->query), SLICE(method));
    TRY(make_edits(maker, STAGE_QUERY, maker->query, &maker->query));
    TRY(forge_sign(maker->op, &signing, maker->query, &signature));
    TRY(encode_base64(maker->op, signature, &text));
    TRY(encode_url(maker->op, text, &text));
    maker->query = op_text(maker->op, "%.*s&Signature=%.*s", SLICE(maker->query), SLICE(text));
    if (maker->version == VERSION_TAMPERED) {
        TRY(replace(maker, maker->query, S("RelayState=here"), S("RelayState=Here"), &maker->query));
    }
    return make_edits(maker, STAGE_WIRE_QUERY, maker->query, &maker->query);
}

static reason make_logout(struct maker *maker) {
    bool signs = maker->row->door == DOOR_LOGOUT_POST &&
                 (maker->version != VERSION_ATTACK || maker->row->signs != SIGNS_NOTHING);
    TRY(pieces_expand(maker, template_logout, &maker->response));
    TRY(make_edits(maker, STAGE_RESPONSE, maker->response, &maker->response));
    maker->logout_signature = S("");
    if (signs) {
        TRY(sign(maker, maker->response, make_id(maker, "_r"), true, &maker->logout_signature));
    }
    TRY(make_slot(maker, maker->response, maker->logout_signature, &maker->message));
    TRY(make_edits(maker, STAGE_WIRE, maker->message, &maker->message));
    if (maker->row->door == DOOR_LOGOUT_QUERY) {
        return make_query(maker);
    }
    TRY(tamper(maker));
    return make_form(maker, "SAMLRequest");
}

// Signed by whoever vouches for the metadata, where the import asks for that.
static reason make_metadata(struct maker *maker) {
    bool signs = maker->row->door == DOOR_METADATA_SIGNED &&
                 (maker->version != VERSION_ATTACK || maker->row->signs != SIGNS_NOTHING);
    TRY(pieces_expand(maker, template_metadata, &maker->response));
    TRY(make_edits(maker, STAGE_RESPONSE, maker->response, &maker->response));
    maker->response_signature = S("");
    if (signs) {
        TRY(sign(maker, maker->response, make_id(maker, "_r"), true, &maker->response_signature));
    }
    TRY(make_slot(maker, maker->response, maker->response_signature, &maker->message));
    TRY(make_edits(maker, STAGE_WIRE, maker->message, &maker->message));
    return maker->version == VERSION_TAMPERED
               ? replace(maker, maker->message, S("idp.example/sso"), S("idp.example/ssp"), &maker->message)
               : NULL;
}

reason make_message(struct maker *maker) {
    switch (maker->row->door) {
    case DOOR_ACS: return make_response(maker);
    case DOOR_LOGOUT_QUERY:
    case DOOR_LOGOUT_POST: return make_logout(maker);
    case DOOR_METADATA:
    case DOOR_METADATA_SIGNED: return make_metadata(maker);
    case DOORS: break;
    }
    REFUSE(maker->op, INTERNAL, "the row %s names no door", maker->row->name);
}
