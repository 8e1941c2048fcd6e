// SPDX-License-Identifier: GPL-3.0-or-later
// The generators. A message has up to four signatures, so that a worker makes as many canonical
// forms as it ever does.
#include "shapes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define P "urn:oasis:names:tc:SAML:2.0:protocol"
#define A "urn:oasis:names:tc:SAML:2.0:assertion"
#define D "http://www.w3.org/2000/09/xmldsig#"
#define E "http://www.w3.org/2001/04/xmlenc#"
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define TAIL 24000 // closing tags and what stands after the hostile part

void text_put(struct text *text, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text->at + text->len, text->room - text->len, format, list);
    va_end(list);
    if (len < 0 || (size_t)len >= text->room - text->len) {
        text->full = true;
        text->at[text->len] = 0;
        return;
    }
    text->len += (size_t)len;
}

// Elements, attributes and the like in a unit, near enough.
static size_t nodes_of(const char *unit) {
    size_t nodes = 0;
    for (const char *at = unit; *at != 0; at++) {
        nodes += (*at == '<' && at[1] != '/') || (*at == '=' && (at[1] == '"' || at[1] == 0x27)) ? 1 : 0;
    }
    return nodes;
}

static void repeat(struct text *text, const char *unit, size_t until) {
    size_t len = strlen(unit);
    size_t nodes = nodes_of(unit);
    while (text->len + len <= until && text->len + len < text->room && text->nodes >= nodes) {
        memcpy(text->at + text->len, unit, len);
        text->len += len;
        text->nodes -= nodes;
    }
    text->at[text->len] = 0;
}

// ---- pieces ----

static void open_response(struct text *text) {
    text_put(text,
             "<p:Response xmlns:p=\"" P "\" xmlns:s=\"" A "\" ID=\"_r\" Version=\"2.0\" "
             "IssueInstant=\"2026-11-21T16:00:00Z\"><s:Issuer>https://idp.example/</s:Issuer>");
}

static void signature(struct text *text, const char *id, const char *method, const char *prefixes,
                      size_t transforms, const char *value) {
    text_put(text,
             "<d:Signature xmlns:d=\"" D "\"><d:SignedInfo><d:CanonicalizationMethod Algorithm=\"%s\"/>"
             "<d:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>"
             "<d:Reference URI=\"#%s\"><d:Transforms><d:Transform Algorithm=\"" D
             "enveloped-signature\"/>",
             method, id);
    for (size_t i = 0; i < transforms; i++) {
        text_put(text, "<d:Transform Algorithm=\"%s\">", method);
        if (prefixes != NULL) {
            text_put(text, "<e:InclusiveNamespaces xmlns:e=\"" EXCLUSIVE "\" PrefixList=\"%s\"/>",
                     prefixes);
        }
        text_put(text, "</d:Transform>");
    }
    text_put(text,
             "</d:Transforms><d:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>"
             "<d:DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</d:DigestValue></d:Reference>"
             "</d:SignedInfo><d:SignatureValue>%s</d:SignatureValue></d:Signature>",
             value != NULL ? value : "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=");
}

// An Assertion that is signed, around (`unit` until) in an attribute's value.
static void assertion(struct text *text, const char *id, const char *method, const char *prefixes,
                      const char *unit, size_t until) {
    text_put(text, "<s:Assertion ID=\"%s\" Version=\"2.0\"><s:Issuer>https://idp.example/</s:Issuer>",
             id);
    signature(text, id, method, prefixes, 1, NULL);
    text_put(text, "<s:AttributeStatement>");
    repeat(text, unit, until);
    text_put(text, "</s:AttributeStatement></s:Assertion>");
}

// Two signatures of the Response, two Assertions with one each, and half the bytes in each of those.
static void four_times(struct text *text, size_t room, const char *method, const char *prefixes,
                       const char *declarations, const char *unit) {
    text_put(text,
             "<p:Response xmlns:p=\"" P "\" xmlns:s=\"" A "\" %s ID=\"_r\" Version=\"2.0\">", declarations);
    signature(text, "_r", method, prefixes, 1, NULL);
    signature(text, "_r", method, prefixes, 1, NULL);
    assertion(text, "_a", method, prefixes, unit, (text->len + room) / 2 - TAIL / 4);
    assertion(text, "_b", method, prefixes, unit, room - 200);
    text_put(text, "</p:Response>");
}

// One good-looking Assertion with a signature, and `unit` in it.
static void once(struct text *text, size_t room, const char *unit) {
    open_response(text);
    assertion(text, "_a", EXCLUSIVE, NULL, unit, room - 200);
    text_put(text, "</p:Response>");
}

// Where no signature covers and nobody reads: Extensions.
static void in_extensions(struct text *text, size_t room, const char *before, const char *unit,
                          const char *after) {
    open_response(text);
    text_put(text, "<p:Extensions>%s", before);
    repeat(text, unit, room - 3000);
    text_put(text, "%s</p:Extensions>", after);
    assertion(text, "_a", EXCLUSIVE, NULL, "", 0);
    text_put(text, "</p:Response>");
}

static void numbered(struct text *text, size_t room, const char *format) {
    for (unsigned i = 0; text->len + 3000 < room; i++) {
        char unit[200];
        (void)snprintf(unit, sizeof unit, "%s%u%s", format, i, strchr(format, '<') ? "\"/>" : "=\"\"");
        text_put(text, "%s", unit);
    }
}

// `count` declarations of namespaces, for a start tag.
static const char *declarations(size_t count, size_t uri_len) {
    static char all[80000];
    struct text text = {.at = all, .room = sizeof all};
    for (size_t i = 0; i < count; i++) {
        text_put(&text, " xmlns:n%zu=\"urn:n%zu:", i, i);
        for (size_t j = 12; j < uri_len; j++) {
            text_put(&text, "u");
        }
        text_put(&text, "\"");
    }
    return all;
}

static const char *names(size_t count, const char *prefix) {
    static char all[2048];
    struct text text = {.at = all, .room = sizeof all};
    for (size_t i = 0; i < count; i++) {
        text_put(&text, "%s%zu ", prefix, i);
    }
    return all;
}

// ---- shapes ----

static void many_attributes(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<p:Extensions><x ");
    for (unsigned i = 0; text->len + 3000 < room; i++) {
        text_put(text, "a%u='' ", i);
    }
    text_put(text, "/></p:Extensions>");
    assertion(text, "_a", EXCLUSIVE, NULL, "", 0);
    text_put(text, "</p:Response>");
}
static void thousand_attributes_a_tag(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<p:Extensions>");
    while (text->len + 14000 < room) {
        text_put(text, "<x ");
        for (unsigned i = 0; i < 1000; i++) {
            text_put(text, "a%u='' ", i);
        }
        text_put(text, "/>");
    }
    text_put(text, "</p:Extensions></p:Response>");
}
static void attributes_everywhere(struct text *text, size_t room) {
    static char unit[1000];
    struct text tag = {.at = unit, .room = sizeof unit};
    text_put(&tag, "<x");
    for (unsigned i = 0; i < 60; i++) {
        text_put(&tag, " %c%c=''", 'z' - (char)(i % 26), 'z' - (char)(i / 26));
    }
    text_put(&tag, "/>");
    four_times(text, room, EXCLUSIVE, NULL, "", unit);
}
static void many_ids(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<p:Extensions>");
    numbered(text, room, "<x ID=\"i");
    text_put(text, "</p:Extensions>");
    assertion(text, "_a", EXCLUSIVE, NULL, "", 0);
    text_put(text, "</p:Response>");
}
static void many_namespaces(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<p:Extensions><x ");
    for (unsigned i = 0; text->len + 3000 < room; i++) {
        text_put(text, "xmlns:n%u='u:' ", i);
    }
    text_put(text, "/></p:Extensions></p:Response>");
}
static void namespaces_in_scope(struct text *text, size_t room) {
    four_times(text, room, INCLUSIVE, NULL, declarations(60, 16), "<x/>");
}
static void few_namespaces_in_scope(struct text *text, size_t room) {
    four_times(text, room, INCLUSIVE, NULL, declarations(24, 16), "<x/>");
}
static void namespaces_that_are_used(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, NULL, declarations(24, 1000), "<n1:x/>");
}
static void short_namespaces_that_are_used(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, NULL, declarations(24, 30), "<n1:x n2:y='' n3:y='' n4:y=''/>");
}
static void prefixes_that_are_listed(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, names(64, "n"), declarations(60, 16), "<x/>");
}
static void prefixes_that_are_listed_16(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, names(16, "n"), declarations(24, 16), "<x/>");
}
static void prefixes_that_are_not_there(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, names(64, "m"), declarations(60, 16), "<x/>");
}
static void prefixes_that_are_not_there_16(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, names(16, "m"), declarations(24, 16), "<x/>");
}
static void namespaces_declared_each_time(struct text *text, size_t room) {
    four_times(text, room, INCLUSIVE, NULL, "", "<n:x xmlns:n='urn:n' xmlns:m='urn:m'/>");
}
static void deep_inner(struct text *text, size_t room, size_t depth, const char *prefixes,
                       const char *method) {
    open_response(text);
    signature(text, "_r", method, prefixes, 1, NULL);
    text_put(text, "<s:Assertion ID=\"_a\">");
    signature(text, "_a", method, prefixes, 1, NULL);
    for (size_t i = 0; i < depth; i++) {
        text_put(text, "<x xmlns:n%zu='urn:n%zu'>", i, i);
    }
    repeat(text, "<x/>", room - 2000);
    for (size_t i = 0; i < depth; i++) {
        text_put(text, "</x>");
    }
    text_put(text, "</s:Assertion></p:Response>");
}
static void deep_and_wide(struct text *text, size_t room) {
    deep_inner(text, room, 50, names(64, "m"), EXCLUSIVE);
}
static void deep_and_wide_inclusive(struct text *text, size_t room) {
    deep_inner(text, room, 50, NULL, INCLUSIVE);
}
static void less_deep_and_wide(struct text *text, size_t room) {
    deep_inner(text, room, 24, names(16, "m"), EXCLUSIVE);
}
static void less_deep_and_wide_inclusive(struct text *text, size_t room) {
    deep_inner(text, room, 24, NULL, INCLUSIVE);
}
static void many_transforms(struct text *text, size_t room) {
    open_response(text);
    (void)room;
    text_put(text, "<s:Assertion ID=\"_a\">");
    signature(text, "_a", "u:", NULL, 5000, NULL);
    text_put(text, "</s:Assertion></p:Response>");
}
static void deep(struct text *text, size_t room) {
    open_response(text);
    repeat(text, "<x>", room - 3000);
}
static void many_encrypted_keys(struct text *text, size_t room) {
    open_response(text);
    text_put(text,
             "<s:EncryptedAssertion><x:EncryptedData xmlns:x=\"" E "\"><x:EncryptionMethod "
             "Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/><d:KeyInfo xmlns:d=\"" D "\">");
    static char key[900];
    struct text one = {.at = key, .room = sizeof key};
    text_put(&one, "<x:EncryptedKey><x:EncryptionMethod Algorithm=\"" E
                   "rsa-oaep-mgf1p\"/><x:CipherData><x:CipherValue>");
    for (size_t i = 0; i < 512; i += 4) {
        text_put(&one, "AAAA");
    }
    text_put(&one, "</x:CipherValue></x:CipherData></x:EncryptedKey>");
    repeat(text, key, room - 3000);
    text_put(text, "</d:KeyInfo><x:CipherData><x:CipherValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                   "AAAAAAAAAAAAAAAA</x:CipherValue></x:CipherData></x:EncryptedData>"
                   "</s:EncryptedAssertion></p:Response>");
}
static void two_large_encrypted(struct text *text, size_t room) {
    open_response(text);
    for (int i = 0; i < 2; i++) {
        text_put(text, "<s:EncryptedAssertion><x xmlns='urn:x'>");
        repeat(text, "<x/>&gt;", i == 0 ? room / 2 : room - 3000);
        text_put(text, "</x></s:EncryptedAssertion>");
    }
    text_put(text, "</p:Response>");
}
static void huge_text(struct text *text, size_t room) {
    once(text, room, "text that does not end ");
}
static void huge_status(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<p:Status><p:StatusCode Value=\"urn:x\"/><p:StatusMessage>");
    repeat(text, "<!---->a", room - 1000);
    text_put(text, "</p:StatusMessage></p:Status></p:Response>");
}
static void many_comments(struct text *text, size_t room) {
    once(text, room, "<!---->");
}
static void many_instructions(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, NULL, "", "<?a?>");
}
static void many_cdata(struct text *text, size_t room) {
    once(text, room, "<![CDATA[]]>");
}
static void many_elements(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, NULL, "", "<x/>");
}
static void elements_and_text(struct text *text, size_t room) {
    four_times(text, room, INCLUSIVE, NULL, "", "<x/>y");
}
static void many_pairs(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, NULL, "", "<x>y</x>");
}
static void references_in_an_attribute(struct text *text, size_t room) {
    in_extensions(text, room, "<x a=\"", "&#65;", "\"/>");
}
static void references_in_text(struct text *text, size_t room) {
    once(text, room, "&#xD;");
}
static void quotes_in_an_attribute(struct text *text, size_t room) {
    open_response(text);
    signature(text, "_r", EXCLUSIVE, NULL, 1, NULL);
    text_put(text, "<p:Extensions><x a='");
    repeat(text, "\"", room - 4000);
    text_put(text, "'/></p:Extensions>");
    assertion(text, "_a", EXCLUSIVE, NULL, "", 0);
    text_put(text, "</p:Response>");
}
static void text_that_grows(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, NULL, "", ">");
}
static void long_signature_value(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<s:Assertion ID=\"_a\"><d:Signature xmlns:d=\"" D "\"><d:SignatureValue>");
    repeat(text, "QUFB", room - 3000);
    text_put(text, "</d:SignatureValue></d:Signature></s:Assertion></p:Response>");
}
static void long_signed_info(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<s:Assertion ID=\"_a\"><d:Signature xmlns:d=\"" D "\"><d:SignedInfo>"
                   "<d:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\"/>");
    repeat(text, "<x/>", room - 3000);
    text_put(text, "</d:SignedInfo></d:Signature></s:Assertion></p:Response>");
}
static void signature_values_in_text(struct text *text, size_t room) {
    in_extensions(text, room, "", "SignatureValue", ">QUFB");
}
static void signature_values_with_text(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<p:Extensions>");
    repeat(text, "SignatureValue", room / 2);
    text_put(text, ">");
    repeat(text, "QUFB", text->len + 8000);
    text_put(text, "</p:Extensions>");
    assertion(text, "_a", EXCLUSIVE, NULL, "<SignatureValue>QQ==</SignatureValue>", room - 500);
    text_put(text, "</p:Response>");
}
static void signature_values_of_references(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<p:Extensions>");
    repeat(text, "SignatureValue", room / 2);
    text_put(text, ">");
    repeat(text, "&#65;", text->len + 8000);
    text_put(text, "</p:Extensions>");
    assertion(text, "_a", EXCLUSIVE, NULL, "", 0);
    text_put(text, "</p:Response>");
}
static void certificates_in_text(struct text *text, size_t room) {
    open_response(text);
    assertion(text, "_a", EXCLUSIVE, NULL, "", 0);
    text_put(text, "<p:Extensions>");
    repeat(text, "X509Certificate", room - 40000);
    text_put(text, ">");
    repeat(text, "QUFB", text->len + 30000);
    text_put(text, "</p:Extensions></p:Response>");
}
static void many_certificates(struct text *text, size_t room) {
    open_response(text);
    assertion(text, "_a", EXCLUSIVE, NULL, "", 0);
    text_put(text, "<p:Extensions>");
    repeat(text, "<X509Certificate>QUFBQUFBQUFBQUFBQUFBQUFB</X509Certificate>", room - 1000);
    text_put(text, "</p:Extensions></p:Response>");
}
static void misplaced_signatures(struct text *text, size_t room) {
    in_extensions(text, room, "", "<d:Signature xmlns:d=\"" D "\"/>", "");
}
static void many_signatures(struct text *text, size_t room) {
    once(text, room, "<d:Signature xmlns:d=\"" D "\"/>");
}
static void many_assertions(struct text *text, size_t room) {
    open_response(text);
    repeat(text, "<s:Assertion/>", room - 100);
    text_put(text, "</p:Response>");
}
static void xml_attributes_above(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<s:Assertion ID=\"_a\" xml:lang='a' xml:space='preserve' xml:base='b'>");
    signature(text, "_a", INCLUSIVE, NULL, 1, NULL);
    repeat(text, "<x xml:lang='b'/>", room - 100);
    text_put(text, "</s:Assertion></p:Response>");
}
static void a_long_name(struct text *text, size_t room) {
    open_response(text);
    text_put(text, "<");
    repeat(text, "abcdefgh", room - 100);
    text_put(text, "/></p:Response>");
}
static void a_relative_namespace(struct text *text, size_t room) {
    four_times(text, room, EXCLUSIVE, NULL, "xmlns:n='relative'", "<n:x/>");
}
static void entities(struct text *text, size_t room) {
    (void)room;
    text_put(text, "<!DOCTYPE r [<!ENTITY a0 \"aaaaaaaaaa\">");
    for (unsigned i = 1; i < 20; i++) {
        text_put(text, "<!ENTITY a%u \"&a%u;&a%u;&a%u;&a%u;\">", i, i - 1, i - 1, i - 1, i - 1);
    }
    text_put(text, "]><p:Response xmlns:p=\"" P "\">&a19;</p:Response>");
}
static void broken_at_the_end(struct text *text, size_t room) {
    open_response(text);
    repeat(text, "<x>y</x>", room - 100);
    text_put(text, "</p:Respons>");
}
static void white_space(struct text *text, size_t room) {
    open_response(text);
    repeat(text, " \n", room - 100);
    text_put(text, "</p:Response>");
}
static void equals_signs(struct text *text, size_t room) {
    in_extensions(text, room, "", "=\"", "");
}

#define SHAPE(function) \
    { #function, function }
const struct shape shapes[] = {
    SHAPE(many_attributes), SHAPE(thousand_attributes_a_tag), SHAPE(attributes_everywhere),
    SHAPE(many_ids), SHAPE(many_namespaces), SHAPE(namespaces_in_scope),
    SHAPE(few_namespaces_in_scope), SHAPE(namespaces_that_are_used),
    SHAPE(short_namespaces_that_are_used), SHAPE(prefixes_that_are_listed),
    SHAPE(prefixes_that_are_listed_16), SHAPE(prefixes_that_are_not_there),
    SHAPE(prefixes_that_are_not_there_16), SHAPE(namespaces_declared_each_time),
    SHAPE(deep_and_wide), SHAPE(deep_and_wide_inclusive), SHAPE(less_deep_and_wide),
    SHAPE(less_deep_and_wide_inclusive), SHAPE(many_transforms), SHAPE(deep),
    SHAPE(many_encrypted_keys), SHAPE(two_large_encrypted), SHAPE(huge_text), SHAPE(huge_status),
    SHAPE(many_comments), SHAPE(many_instructions), SHAPE(many_cdata), SHAPE(many_elements),
    SHAPE(elements_and_text), SHAPE(many_pairs), SHAPE(references_in_an_attribute),
    SHAPE(references_in_text), SHAPE(quotes_in_an_attribute), SHAPE(text_that_grows),
    SHAPE(long_signature_value), SHAPE(long_signed_info), SHAPE(signature_values_in_text),
    SHAPE(signature_values_with_text), SHAPE(signature_values_of_references),
    SHAPE(certificates_in_text), SHAPE(many_certificates), SHAPE(misplaced_signatures),
    SHAPE(many_signatures), SHAPE(many_assertions), SHAPE(xml_attributes_above),
    SHAPE(a_long_name), SHAPE(a_relative_namespace), SHAPE(entities), SHAPE(broken_at_the_end),
    SHAPE(white_space), SHAPE(equals_signs),
};
const size_t shape_count = sizeof shapes / sizeof *shapes;
