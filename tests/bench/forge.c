// SPDX-License-Identifier: GPL-3.0-or-later
// Writes SAML Responses for the bench: each unique, freshly signed (RSA-2048, rsa-sha256, exclusive
// c14n), about 7 KB of XML, unsolicited, with an e-mail NameID and six attributes of which one has
// ten values. One URL-encoded POST body a line, ready to be sent. The XML is written in canonical
// form at once, so that a message costs a hash and a signature and nothing here parses XML; the
// tests let xmlsec1 confirm that it is right. It also makes its own identity provider (key,
// certificate, metadata), and on request messages with one defect each, which a gate has to refuse.
// It never talks to anybody.
#include "args.h"
#include "idp.h"
#include "text.h"

#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#define DEFAULT_ISSUER "https://idp.bench.example/saml"
#define ELSEWHERE "https://elsewhere.example/saml"
#define NS_DS "http://www.w3.org/2000/09/xmldsig#"
#define NS_EXC "http://www.w3.org/2001/10/xml-exc-c14n#"
#define NS_SAML "urn:oasis:names:tc:SAML:2.0:assertion"
#define NS_SAMLP "urn:oasis:names:tc:SAML:2.0:protocol"
#define FORMAT_EMAIL "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
#define FORMAT_ENTITY "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

enum {
    VALUE_MAX = 512, // of a URL or entity id from the command line
    ID_LEN = 40,
    GROUPS = 10,
    BLOCK = 16, // bodies that a thread makes between two writes
    THREADS_MAX = 64,
    COUNT_MAX = 10000000,
    PERSON_MAX = 90000000,
    HOUR = 3600
};

// ---- what is ordered --------------------------------------------------------------------------

enum defect { NONE, TAMPERED, TAMPERED_NAME, EXPIRED, EARLY, AUDIENCE, RECIPIENT, UNSIGNED };

static const struct {
    const char *name;
    enum defect defect;
    const char *what;
} defects[] = {
    {"tampered", TAMPERED, "one bit of a group changed after signing"},
    {"tampered-name", TAMPERED_NAME, "one bit of the NameID changed after signing"},
    {"expired", EXPIRED, "valid from two hours to one hour ago"},
    {"early", EARLY, "valid in one hour"},
    {"audience", AUDIENCE, "made for another service provider"},
    {"recipient", RECIPIENT, "to be delivered to another address"},
    {"unsigned", UNSIGNED, "no signature at all"},
};

struct order {
    const char *idp_dir, *issuer, *acs, *audience, *recipient, *out;
    long count, first;
    long *people; // the number of each message's person; NULL: from `first` on
    int threads;
    bool raw, sign_response;
    enum defect defect;
    char issued[32], not_before[32], not_on_or_after[32];
};

// The identifiers of one message; everything else follows from its number.
struct ids {
    char response[ID_LEN], assertion[ID_LEN], session[ID_LEN];
    long number;
};

static void new_id(char id[ID_LEN]) {
    unsigned char chance[16];
    if (RAND_bytes(chance, sizeof chance) != 1) {
        errx(2, "OpenSSL gave no random bytes");
    }
    id[0] = '_'; // an xs:ID cannot begin with a digit
    for (size_t i = 0; i < sizeof chance; i++) {
        snprintf(id + 1 + 2 * i, 3, "%02x", (unsigned int)chance[i]);
    }
}

static void utc(char out[32], long offset) {
    time_t when = time(NULL) + offset;
    struct tm parts;
    if (gmtime_r(&when, &parts) == NULL || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        errx(2, "the clock is out of range");
    }
}

// ---- the message, in canonical form -----------------------------------------------------------

static void add_value(struct text *text, const char *value) {
    addf(text,
         "<saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
         "xsi:type=\"xs:string\">%s</saml:AttributeValue>",
         value);
}

static void open_attribute(struct text *text, const char *name) {
    addf(text,
         "<saml:Attribute Name=\"%s\" "
         "NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified\">",
         name);
}

static void close_attribute(struct text *text) {
    addf(text, "</saml:Attribute>");
}

__attribute__((format(printf, 3, 4))) static void add_attribute(struct text *text, const char *name,
                                                                const char *format, ...) {
    char value[VALUE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    open_attribute(text, name);
    add_value(text, value);
    close_attribute(text);
}

static void write_attributes(struct text *text, long number) {
    addf(text, "<saml:AttributeStatement>");
    add_attribute(text, "email", "person%08ld@bench.example", number);
    add_attribute(text, "firstName", "Given%ld", number);
    add_attribute(text, "lastName", "Family-Name-%ld", number);
    add_attribute(text, "displayName", "Given%ld Family-Name-%ld", number, number);
    add_attribute(text, "department", "Department of Measured Sign-Ins %ld", number % 50);
    open_attribute(text, "groups");
    for (int i = 0; i < GROUPS; i++) {
        char value[VALUE_MAX];
        snprintf(value, sizeof value, "bench-unit-%02d-team-%ld", i, (number + i) % 400);
        add_value(text, value);
    }
    close_attribute(text);
    addf(text, "</saml:AttributeStatement>");
}

static void write_subject(struct text *text, const struct order *order, const struct ids *ids) {
    addf(text,
         "<saml:Subject><saml:NameID Format=\"" FORMAT_EMAIL "\">person%08ld@bench.example"
         "</saml:NameID><saml:SubjectConfirmation "
         "Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData "
         "NotOnOrAfter=\"%s\" Recipient=\"%s\"></saml:SubjectConfirmationData>"
         "</saml:SubjectConfirmation></saml:Subject>",
         ids->number, order->not_on_or_after, order->recipient);
}

// The assertion with its signature, or (`signature` NULL) the octets that the signature covers.
static void write_assertion(struct text *text, const struct order *order, const struct ids *ids,
                            const struct text *signature) {
    addf(text,
         "<saml:Assertion xmlns:saml=\"" NS_SAML "\" "
         "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" ID=\"%s\" IssueInstant=\"%s\" "
         "Version=\"2.0\"><saml:Issuer Format=\"" FORMAT_ENTITY "\">%s</saml:Issuer>",
         ids->assertion, order->issued, order->issuer);
    if (signature != NULL) {
        add(text, signature->at, signature->len);
    }
    write_subject(text, order, ids);
    addf(text,
         "<saml:Conditions NotBefore=\"%s\" NotOnOrAfter=\"%s\"><saml:AudienceRestriction>"
         "<saml:Audience>%s</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
         order->not_before, order->not_on_or_after, order->audience);
    addf(text,
         "<saml:AuthnStatement AuthnInstant=\"%s\" SessionIndex=\"%s\"><saml:AuthnContext>"
         "<saml:AuthnContextClassRef>"
         "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
         "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>",
         order->issued, ids->session);
    write_attributes(text, ids->number);
    addf(text, "</saml:Assertion>");
}

// The same for the Response, around an assertion that is signed or (`inner` NULL) is not.
static void write_response(struct text *text, const struct order *order, const struct ids *ids,
                           const struct text *signature, const struct text *inner) {
    addf(text,
         "<samlp:Response xmlns:samlp=\"" NS_SAMLP "\" Destination=\"%s\" ID=\"%s\" "
         "IssueInstant=\"%s\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"" NS_SAML "\" "
         "Format=\"" FORMAT_ENTITY "\">%s</saml:Issuer>",
         order->acs, ids->response, order->issued, order->issuer);
    if (signature != NULL) {
        add(text, signature->at, signature->len);
    }
    addf(text,
         "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\">"
         "</samlp:StatusCode></samlp:Status>");
    write_assertion(text, order, ids, inner);
    addf(text, "</samlp:Response>");
}

// ---- signatures -------------------------------------------------------------------------------

// SignedInfo without its start tag: alone it declares xmlns:ds, in the message it inherits it.
static void write_signed_info(struct text *text, const char *id, const struct text *octets) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)octets->at, octets->len, digest);
    addf(text,
         "<ds:CanonicalizationMethod Algorithm=\"" NS_EXC "\"></ds:CanonicalizationMethod>"
         "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\">"
         "</ds:SignatureMethod><ds:Reference URI=\"#%s\"><ds:Transforms>"
         "<ds:Transform Algorithm=\"" NS_DS "enveloped-signature\"></ds:Transform>"
         "<ds:Transform Algorithm=\"" NS_EXC "\"><ec:InclusiveNamespaces xmlns:ec=\"" NS_EXC "\" "
         "PrefixList=\"xs\"></ec:InclusiveNamespaces></ds:Transform></ds:Transforms>"
         "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\">"
         "</ds:DigestMethod><ds:DigestValue>",
         id);
    add_base64(text, digest, sizeof digest);
    addf(text, "</ds:DigestValue></ds:Reference></ds:SignedInfo>");
}

// `scratch` is overwritten; `text` gets the whole ds:Signature over `octets`, the element with
// `id`.
static void write_signature(struct text *text, struct text *scratch, const struct signer *signer,
                            const char *id, const struct text *octets) {
    static const char alone[] = "<ds:SignedInfo xmlns:ds=\"" NS_DS "\">";
    unsigned char signature[KEY_BITS / 8];
    size_t len = sizeof signature;
    scratch->len = 0;
    add(scratch, alone, sizeof alone - 1);
    write_signed_info(scratch, id, octets);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer->key) != 1 ||
        EVP_DigestSign(ctx, signature, &len, (const unsigned char *)scratch->at, scratch->len) !=
            1) {
        errx(2, "OpenSSL did not sign; the key has to be RSA with %d bits", KEY_BITS);
    }
    EVP_MD_CTX_free(ctx);

    text->len = 0;
    addf(text, "<ds:Signature xmlns:ds=\"" NS_DS "\"><ds:SignedInfo>");
    add(text, scratch->at + sizeof alone - 1, scratch->len - (sizeof alone - 1));
    addf(text, "<ds:SignatureValue>");
    add_base64(text, signature, len);
    addf(text, "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>");
    add(text, signer->certificate->at, signer->certificate->len);
    addf(text, "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>");
}

// ---- one message ------------------------------------------------------------------------------

// What a thread works with: it makes its messages in here and shares nothing of it.
struct bench {
    struct text *octets, *scratch, *inner, *outer, *message, *base64, *lines[BLOCK];
};

static void bench_open(struct bench *bench) {
    bench->octets = text_new();
    bench->scratch = text_new();
    bench->inner = text_new();
    bench->outer = text_new();
    bench->message = text_new();
    bench->base64 = text_new();
    for (size_t i = 0; i < BLOCK; i++) {
        bench->lines[i] = text_new();
    }
}

static void bench_close(struct bench *bench) {
    free(bench->octets);
    free(bench->scratch);
    free(bench->inner);
    free(bench->outer);
    free(bench->message);
    free(bench->base64);
    for (size_t i = 0; i < BLOCK; i++) {
        free(bench->lines[i]);
    }
}

// Changes the lowest bit of the first letter of `what`, which stays a letter.
static void tamper(struct text *message, const char *what) {
    char *at = strstr(message->at, what);
    if (at == NULL) {
        errx(2, "nothing to tamper with: '%s' is not in the message", what);
    }
    at[1] ^= 1;
}

static void write_message(struct bench *bench, const struct order *order,
                          const struct signer *signer, long number) {
    struct ids ids = {.number = number};
    new_id(ids.response);
    new_id(ids.assertion);
    new_id(ids.session);
    const struct text *inner = NULL;
    const struct text *outer = NULL;
    if (order->defect != UNSIGNED) {
        bench->octets->len = 0;
        write_assertion(bench->octets, order, &ids, NULL);
        write_signature(bench->inner, bench->scratch, signer, ids.assertion, bench->octets);
        inner = bench->inner;
    }
    if (inner != NULL && order->sign_response) {
        bench->octets->len = 0;
        write_response(bench->octets, order, &ids, NULL, inner);
        write_signature(bench->outer, bench->scratch, signer, ids.response, bench->octets);
        outer = bench->outer;
    }
    bench->message->len = 0;
    write_response(bench->message, order, &ids, outer, inner);
    if (order->defect == TAMPERED) {
        tamper(bench->message, ">bench-unit-05");
    } else if (order->defect == TAMPERED_NAME) {
        tamper(bench->message, ">person");
    }
}

static void write_line(struct bench *bench, const struct order *order, struct text *line) {
    line->len = 0;
    if (order->raw) {
        add(line, bench->message->at, bench->message->len);
    } else {
        bench->base64->len = 0;
        add_base64(bench->base64, (const unsigned char *)bench->message->at, bench->message->len);
        addf(line, "SAMLResponse=");
        add_form_base64(line, bench->base64);
    }
    add(line, "\n", 1);
}

// ---- many messages ----------------------------------------------------------------------------

// The threads take blocks in turn and write them in order, so that memory stays small and
// line N is always message number first + N, or for the Nth of `people`.
struct crew {
    const struct order *order;
    const struct signer *signer;
    FILE *out;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    long next; // first message of the block that is to be written next
};

struct hand {
    struct crew *crew;
    pthread_t thread;
    long index;
};

static void *forge(void *arg) {
    const struct hand *hand = arg;
    struct crew *crew = hand->crew;
    const struct order *order = crew->order;
    struct bench bench;
    bench_open(&bench);
    for (long at = hand->index * BLOCK; at < order->count; at += (long)order->threads * BLOCK) {
        long end = at + BLOCK < order->count ? at + BLOCK : order->count;
        for (long i = at; i < end; i++) {
            write_message(&bench, order, crew->signer,
                          order->people != NULL ? order->people[i] : order->first + i);
            write_line(&bench, order, bench.lines[i - at]);
        }
        pthread_mutex_lock(&crew->lock);
        while (crew->next != at) {
            pthread_cond_wait(&crew->turn, &crew->lock);
        }
        for (long i = at; i < end; i++) {
            const struct text *line = bench.lines[i - at];
            if (fwrite(line->at, 1, line->len, crew->out) != line->len) {
                err(2, "%s", order->out);
            }
        }
        crew->next = end;
        pthread_cond_broadcast(&crew->turn);
        pthread_mutex_unlock(&crew->lock);
    }
    bench_close(&bench);
    return NULL;
}

static void forge_all(const struct order *order, const struct signer *signer) {
    struct crew crew = {.order = order, .signer = signer, .out = stdout};
    struct hand hands[THREADS_MAX] = {0};
    if (strcmp(order->out, "-") != 0) {
        crew.out = fopen(order->out, "we");
    }
    if (crew.out == NULL) {
        err(2, "%s", order->out);
    }
    if (pthread_mutex_init(&crew.lock, NULL) != 0 || pthread_cond_init(&crew.turn, NULL) != 0) {
        errx(2, "no lock to be had");
    }
    for (int i = 0; i < order->threads; i++) {
        hands[i] = (struct hand){.crew = &crew, .index = i};
        if (pthread_create(&hands[i].thread, NULL, forge, &hands[i]) != 0) {
            errx(2, "thread %d did not start", i);
        }
    }
    for (int i = 0; i < order->threads; i++) {
        pthread_join(hands[i].thread, NULL);
    }
    // A file is on the disk before anything is measured with it: else the system writes it half a minute later, and whoever
    // waits for a sync then waits for all of it.
    if (fflush(crew.out) != 0 || (crew.out != stdout && fsync(fileno(crew.out)) != 0) || fclose(crew.out) != 0) {
        err(2, "%s", order->out);
    }
    pthread_cond_destroy(&crew.turn);
    pthread_mutex_destroy(&crew.lock);
}

// ---- the command line -------------------------------------------------------------------------

static void usage(FILE *to) {
    fprintf(to, "usage: forge --make-idp DIR [--issuer URI]\n"
                "       forge --idp DIR --acs URL --audience URI [options]\n\n"
                "  --make-idp DIR   write idp.key, idp.crt and idp-metadata.xml there\n"
                "  --idp DIR        sign with the key there\n"
                "  --issuer URI     the provider's entity id (" DEFAULT_ISSUER ")\n"
                "  --count N        messages (1), each for a person of its own\n"
                "  --first N        number of the first person (0)\n"
                "  --people FILE    the persons' numbers, a line each, instead of these two\n"
                "  --threads N      threads that sign (2)\n"
                "  --out FILE       one POST body a line (- is standard output)\n"
                "  --raw            the XML instead, one message a line\n"
                "  --sign-response  sign the Response too\n"
                "  --defect NAME    make bad ones:\n");
    for (size_t i = 0; i < sizeof defects / sizeof defects[0]; i++) {
        fprintf(to, "      %-14s %s\n", defects[i].name, defects[i].what);
    }
}

static enum defect defect_named(const char *name) {
    for (size_t i = 0; i < sizeof defects / sizeof defects[0]; i++) {
        if (strcmp(defects[i].name, name) == 0) {
            return defects[i].defect;
        }
    }
    errx(2, "--defect: there is no '%s'; see --help", name);
}

// Values go into the XML as they are, so what would need escaping is refused.
static void need_plain(const char *option, const char *value) {
    if (value == NULL) {
        errx(2, "--%s is missing; see --help", option);
    }
    if (strpbrk(value, "&<>\"'\r\n\t") != NULL || strlen(value) >= VALUE_MAX) {
        errx(2, "--%s: expected under %d characters, none of & < > or a quote", option, VALUE_MAX);
    }
}

static void read_people(const char *path, struct order *order) {
    char line[32];
    FILE *file = fopen(path, "re");
    order->people = malloc(COUNT_MAX * sizeof *order->people);
    if (file == NULL || order->people == NULL) {
        err(2, "--people %s", path);
    }
    for (order->count = 0; fgets(line, sizeof line, file) != NULL; order->count++) {
        if (order->count == COUNT_MAX) {
            errx(2, "--people: more than %d numbers", COUNT_MAX);
        }
        line[strcspn(line, "\n")] = '\0';
        order->people[order->count] = arg_number("people", line, 0, PERSON_MAX);
    }
    if (ferror(file) != 0 || order->count == 0) {
        errx(2, "--people: %s has no number", path);
    }
    (void)fclose(file);
}

// What follows from the defect: the times, and whom the message is for.
static void settle(struct order *order) {
    long since = -DAY;
    long until = DAY;
    long issued = 0;
    if (order->defect == EXPIRED) {
        since = issued = -2L * HOUR;
        until = -1L * HOUR;
    } else if (order->defect == EARLY) {
        since = HOUR;
        until = 2L * HOUR;
    } else if (order->defect == AUDIENCE) {
        order->audience = ELSEWHERE;
    }
    order->recipient = order->defect == RECIPIENT ? ELSEWHERE : order->acs;
    utc(order->issued, issued);
    utc(order->not_before, since);
    utc(order->not_on_or_after, until);
}

static const char *read_options(int argc, char **argv, struct order *order) {
    static const struct option options[] = {
        {"make-idp", required_argument, NULL, 'm'}, {"idp", required_argument, NULL, 'i'},
        {"issuer", required_argument, NULL, 'I'},   {"acs", required_argument, NULL, 'a'},
        {"audience", required_argument, NULL, 'A'}, {"count", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},    {"threads", required_argument, NULL, 't'},
        {"out", required_argument, NULL, 'o'},      {"raw", no_argument, NULL, 'r'},
        {"defect", required_argument, NULL, 'd'},   {"sign-response", no_argument, NULL, 's'},
        {"people", required_argument, NULL, 'p'},   {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *make = NULL;
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'm': make = optarg; break;
            case 'i': order->idp_dir = optarg; break;
            case 'I': order->issuer = optarg; break;
            case 'a': order->acs = optarg; break;
            case 'A': order->audience = optarg; break;
            case 'n': order->count = arg_number("count", optarg, 1, COUNT_MAX); break;
            case 'f': order->first = arg_number("first", optarg, 0, PERSON_MAX); break;
            case 'p': read_people(optarg, order); break;
            case 't': order->threads = (int)arg_number("threads", optarg, 1, THREADS_MAX); break;
            case 'o': order->out = optarg; break;
            case 'r': order->raw = true; break;
            case 'd': order->defect = defect_named(optarg); break;
            case 's': order->sign_response = true; break;
            case 'h': usage(stdout); exit(0);
            default: usage(stderr); exit(2);
        }
    }
    if (optind != argc) {
        errx(2, "unexpected '%s'; see --help", argv[optind]);
    }
    return make;
}

int main(int argc, char **argv) {
    struct order order = {.issuer = DEFAULT_ISSUER, .out = "-", .count = 1, .threads = 2};
    const char *make = read_options(argc, argv, &order);
    need_plain("issuer", order.issuer);
    if (make != NULL) {
        make_idp(make, order.issuer);
        return 0;
    }
    need_plain("acs", order.acs);
    need_plain("audience", order.audience);
    if (order.idp_dir == NULL) {
        errx(2, "--idp is missing; see --help");
    }
    settle(&order);
    struct signer signer = {0};
    signer_open(&signer, order.idp_dir);
    forge_all(&order, &signer);
    signer_close(&signer);
    free(order.people);
    return 0;
}
