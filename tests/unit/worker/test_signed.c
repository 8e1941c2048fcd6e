// SPDX-License-Identifier: GPL-3.0-or-later
// Documents that xmlsec1 signed: the digest that it wrote must be the digest of the bytes that the
// worker says are covered, and its signature must hold over the SignedInfo bytes. So both canonical
// forms are the same.
#include "base/unit.h"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "worker/canonicalise.h"

#define FILE_MAX (1 << 20)

static char folder[] = "/tmp/gatehouse-signed-XXXXXX";
static char key_path[64], in_path[64], out_path[64];
static EVP_PKEY *key;

#define EXC "http://www.w3.org/2001/10/xml-exc-c14n#"
#define INC "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define TRANSFORM(algorithm) "<ds:Transform Algorithm='" algorithm "'/>"
#define LISTED(element, prefixes)                                                                  \
    "<ds:" element " Algorithm='" EXC "'><ec:InclusiveNamespaces xmlns:ec='" EXC                   \
    "' PrefixList='" prefixes "'/></ds:" element ">"
#define SIGNATURE(id, method, transforms)                                                          \
    "<ds:Signature xmlns:ds='" NS_DSIG "'><ds:SignedInfo>" method                                  \
    "<ds:SignatureMethod Algorithm='http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'/>"          \
    "<ds:Reference URI='#" id "'><ds:Transforms>"                                                  \
    "<ds:Transform Algorithm='http://www.w3.org/2000/09/xmldsig#enveloped-signature'/>" transforms \
    "</ds:Transforms><ds:DigestMethod Algorithm='http://www.w3.org/2001/04/xmlenc#sha256'/>"       \
    "<ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
#define METHOD(algorithm) "<ds:CanonicalizationMethod Algorithm='" algorithm "'/>"

#define IN_ASSERTION "//*[local-name()='Assertion']/*[local-name()='Signature']"
#define IN_ROOT "/*/*[local-name()='Signature']"

// Each has what one implementation or another gets wrong.
static const struct {
    const char *name, *first, *second; // which Signature elements are signed, in order
    const char *xml;
} samples[] = {
    {"exclusive with a PrefixList, namespaces from above", IN_ASSERTION, NULL,
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' xmlns:saml='" NS_SAML
     "' xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:unused='urn:unused' ID='r'>"
     "<saml:Issuer>i</saml:Issuer>"
     "<saml:Assertion ID='a'><saml:Issuer>i</saml:Issuer>" SIGNATURE(
         "a", METHOD(EXC),
         LISTED("Transform",
                "xs xsi #default missing")) "<saml:AttributeValue "
                                            "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
                                            "xsi:type='xs:string'>v</saml:AttributeValue></"
                                            "saml:Assertion></samlp:Response>"},
    {"exclusive without a list, unused namespaces left out", IN_ASSERTION, NULL,
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' xmlns='urn:default' ID='r'>"
     "<Assertion xmlns='" NS_SAML "' ID='a' xmlns:b='urn:b' xmlns:a='urn:a'>" SIGNATURE(
         "a", METHOD(EXC),
         TRANSFORM(
             EXC)) "<X xmlns='' b:z='1' a:z='2' z='3' B='4'/><b:Y xmlns:b='urn:other'/></Assertion>"
                   "</samlp:Response>"},
    {"a PrefixList in the canonicalization method", IN_ASSERTION, NULL,
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' xmlns:saml='" NS_SAML "' xmlns:xs='urn:xs' "
     "ID='r'><saml:Assertion ID='a'>" SIGNATURE(
         "a", LISTED("CanonicalizationMethod", "xs saml"),
         TRANSFORM(EXC)) "<saml:Subject/></saml:Assertion></samlp:Response>"},
    {"inclusive, xml:lang and namespaces inherited", IN_ASSERTION, NULL,
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' xmlns:z='urn:z' xmlns='urn:default' "
     "xml:lang='de' xml:space='preserve' ID='r'><saml:Assertion xmlns:saml='" NS_SAML
     "' ID='a' xml:space='default'>" SIGNATURE(
         "a", METHOD(INC), TRANSFORM(INC)) "<saml:Subject xml:lang='en'><x "
                                           "xmlns=''><y/></x></saml:Subject></saml:Assertion>"
                                           "</samlp:Response>"},
    {"only enveloped-signature is named", IN_ASSERTION, NULL,
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' xmlns:z='urn:z' xml:lang='de' ID='r'>"
     "<saml:Assertion xmlns:saml='" NS_SAML "' ID='a'>" SIGNATURE(
         "a", METHOD(EXC), "") "<saml:Subject/></saml:Assertion></samlp:Response>"},
    {"comments, CDATA, references, line ends and order", IN_ROOT, NULL,
     "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- before --><?target before?>\r\n"
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' Version='2.0' ID='r' Destination='a&amp;b&#10;c'>"
     "\r\n" SIGNATURE("r", METHOD(EXC),
                      TRANSFORM(EXC)) "\r\n<saml:Issuer xmlns:saml='" NS_SAML
                                      "'>ada@example.com<!-- c -->.evil&#13;&lt;&gt;"
                                      "<![CDATA[<&]]>]]&gt;\t\xC3\xA4\xF0\x9F\x94\x91</saml:Issuer>"
                                      "<?target inside?><samlp:Status  b='&quot;&apos;&#9;' a = "
                                      "'2'  ></samlp:Status  >"
                                      "</samlp:Response><!-- after -->\n"},
    {"a logout request", IN_ROOT, NULL,
     "<samlp:LogoutRequest xmlns:samlp='" NS_SAMLP "' ID='r'>" SIGNATURE(
         "r", METHOD(EXC),
         LISTED("Transform",
                "#default samlp ds saml xs xsi")) "<saml:NameID xmlns:saml='" NS_SAML
                                                  "'>n</saml:NameID></samlp:LogoutRequest>"},
    {"assertion first, then the response around it", IN_ASSERTION, IN_ROOT,
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' xmlns:saml='" NS_SAML
     "' ID='r'>" SIGNATURE("r", METHOD(EXC), TRANSFORM(EXC)) "<saml:Assertion ID='a'>" SIGNATURE(
         "a", METHOD(EXC), TRANSFORM(EXC)) "<saml:Subject/></saml:Assertion></samlp:Response>"},
    {"inclusive around the whole, with whitespace between", IN_ROOT, NULL,
     "<samlp:Response xmlns:samlp='" NS_SAMLP "' xmlns:saml='" NS_SAML "' xmlns:a='urn:a' "
     "xml:lang='de' ID='r'>\n  <saml:Issuer>i</saml:Issuer>\n  " SIGNATURE(
         "r", METHOD(INC),
         TRANSFORM(INC)) "\n  <saml:Assertion ID='a' xmlns:a='urn:a'>"
                         "<b xmlns='urn:b'><c xmlns=''/></b></saml:Assertion>\n</samlp:Response>"},
};

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static struct slice read_file(const char *path) {
    static char bytes[FILE_MAX];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    return slice_of(bytes, len);
}

static void sign(const char *from, const char *to, const char *where) {
    char words[][64] = {"xmlsec1",
                        "--sign",
                        "--privkey-pem",
                        "",
                        "--id-attr:ID",
                        NS_SAMLP ":Response",
                        "--id-attr:ID",
                        NS_SAMLP ":LogoutRequest",
                        "--id-attr:ID",
                        NS_SAML ":Assertion",
                        "--node-xpath",
                        "",
                        "--output",
                        "",
                        ""};
    (void)snprintf(words[3], sizeof words[3], "%s", key_path);
    (void)snprintf(words[13], sizeof words[13], "%s", to);
    (void)snprintf(words[14], sizeof words[14], "%s", from);
    char xpath[128];
    (void)snprintf(xpath, sizeof xpath, "%s", where);
    char *arguments[sizeof words / sizeof *words + 1];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        arguments[i] = i == 11 ? xpath : words[i];
    }
    arguments[sizeof words / sizeof *words] = NULL;
    pid_t pid;
    char *const environment[] = {NULL};
    if (posix_spawnp(&pid, "/usr/bin/xmlsec1", NULL, NULL, arguments, environment) != 0) {
        fail_msg("xmlsec1 is not there; make deps installs it");
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

// The text between two marks in the canonical SignedInfo.
static struct slice between(struct slice text, struct slice from, struct slice to) {
    size_t at = slice_find(text, from);
    assert_true(at != SIZE_MAX);
    struct slice rest = slice_sub(text, at + from.len, text.len);
    return slice_sub(rest, 0, slice_find(rest, to));
}

static size_t decode(struct slice base64, unsigned char to[1024]) {
    char clean[1024];
    size_t len = 0;
    for (size_t i = 0; i < base64.len; i++) {
        if (strchr(" \t\r\n", base64.at[i]) == NULL) {
            assert_true(len < sizeof clean);
            clean[len++] = base64.at[i];
        }
    }
    int got = EVP_DecodeBlock(to, (const unsigned char *)clean, (int)len);
    assert_true(got > 0);
    size_t pad = (size_t)(clean[len - 1] == '=') + (size_t)(clean[len - 2] == '=');
    return (size_t)got - pad;
}

static void check_signature(const struct msg_signature *signature) {
    unsigned char want[1024], got[EVP_MAX_MD_SIZE];
    struct slice value =
        between(signature->signed_info, S("<ds:DigestValue>"), S("</ds:DigestValue>"));
    assert_int_equal(decode(value, want), 32);
    assert_int_equal(
        EVP_Digest(signature->covered.at, signature->covered.len, got, NULL, EVP_sha256(), NULL),
        1);
    if (memcmp(got, want, 32) != 0) {
        print_error("covered: %.*s\n", SLICE(signature->covered));
        fail_msg("the digest differs from xmlsec's");
    }
    size_t len = decode(signature->value, want);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    int holds =
        EVP_DigestVerify(context, want, len, (const unsigned char *)signature->signed_info.at,
                         signature->signed_info.len);
    EVP_MD_CTX_free(context);
    if (holds != 1) {
        print_error("signed info: %.*s\n", SLICE(signature->signed_info));
        fail_msg("the signature of xmlsec does not hold over our SignedInfo");
    }
}

static void our_canonical_bytes_are_those_of_xmlsec(void **state) {
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        write_file(in_path, samples[i].xml);
        sign(in_path, out_path, samples[i].first);
        if (samples[i].second != NULL) {
            sign(out_path, in_path, samples[i].second);
        }
        struct slice xml = read_file(samples[i].second != NULL ? in_path : out_path);
        struct msg_canonical message;
        print_message("%s\n", samples[i].name);
        assert_done(canonicalise_message(*state, xml, &message));
        assert_int_equal(message.signature_count, samples[i].second != NULL ? 2 : 1);
        for (size_t k = 0; k < message.signature_count; k++) {
            check_signature(&message.signatures[k]);
        }
    }
}

static void a_signed_document_is_given_whole_with_its_signature(void **state) {
    write_file(in_path, samples[5].xml);
    sign(in_path, out_path, IN_ROOT);
    struct msg_whole whole;
    assert_done(canonicalise_whole(*state, read_file(out_path), &whole));
    check_signature(&whole.signature);
    assert_true(slice_starts(whole.canonical, S("<samlp:Response ")));
    assert_true(slice_find(whole.canonical, S("<ds:SignatureValue>")) != SIZE_MAX);
    assert_true(slice_find(whole.canonical, S("<!--")) == SIZE_MAX);
}

static int make_key(void **state) {
    (void)state;
    xml_init();
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    (void)snprintf(in_path, sizeof in_path, "%s/in.xml", folder);
    (void)snprintf(out_path, sizeof out_path, "%s/out.xml", folder);
    key = EVP_RSA_gen(2048);
    FILE *file = fopen(key_path, "w");
    if (file == NULL || key == NULL ||
        PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1) {
        return -1;
    }
    return fclose(file);
}

static int remove_key(void **state) {
    (void)state;
    EVP_PKEY_free(key);
    (void)unlink(key_path);
    (void)unlink(in_path);
    (void)unlink(out_path);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(our_canonical_bytes_are_those_of_xmlsec),
        TEST(a_signed_document_is_given_whole_with_its_signature),
    };
    return cmocka_run_group_tests(tests, make_key, remove_key);
}
