// SPDX-License-Identifier: GPL-3.0-or-later
// Bounded work: each hostile message (shapes.c) goes through the real pool and saml_receive, and what
// it costs is set against an honest message of the same run. CPU time only, of the gate, the spawner
// and the worker; and the most memory that the worker ever had.
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "saml/encrypted.h"
#include "saml/forge.h"
#include "saml/inbound.h"
#include "saml/pool_spawner.h"
#include "saml/sp_keys.h"
#include "shapes.h"

#define CPU_MOST 100              // times an honest message
#define MEMORY_MOST_KB (32 << 10) // of the worker, all of its resident pages
#define NODES_READ 11800          // XML_NODES_MAX, and some for what stands around them
#define GOOD_AGAIN_MS 1000
#define HONEST_ROUNDS 300
#define HOSTILE_ROUNDS 3

// ---- clocks --------------------------------------------------------------------------------------

static struct {
    pid_t spawner, worker;
    int64_t ended_ns; // CPU of workers that were thrown away
    size_t peak_kb;   // the most that any of them had
    pid_t opinions, opinion; // the spawner of second opinions, and the process that gives the present one
    int64_t opinion_ns;      // of the last one that could be looked at before it ended
    size_t opinion_kb;
} seen;

static int64_t cpu_of(pid_t pid) {
    clockid_t clock;
    struct timespec at;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &at) != 0) {
        return 0;
    }
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static size_t peak_kb(pid_t pid) {
    char path[64];
    char line[256];
    size_t kb = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kb = strtoul(line + 6, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kb;
}

int __real_spawner_fork(struct spawner *spawner, struct process *ret_process);
int __wrap_spawner_fork(struct spawner *spawner, struct process *ret_process);
void __real_spawner_end(struct spawner *spawner, struct process *process);
void __wrap_spawner_end(struct spawner *spawner, struct process *process);

int __wrap_spawner_fork(struct spawner *spawner, struct process *ret_process) {
    int failed = __real_spawner_fork(spawner, ret_process);
    bool gives_opinions = strstr(spawner->program, "opinion") != NULL;
    if (failed == 0) {
        *(gives_opinions ? &seen.opinions : &seen.spawner) = spawner->pid;
        *(gives_opinions ? &seen.opinion : &seen.worker) = ret_process->pid;
    }
    return failed;
}

// Just before the pool throws a worker away.
void __wrap_spawner_end(struct spawner *spawner, struct process *process) {
    if (process->pid != seen.opinion) { // that one has ended by itself by now
        size_t kb = peak_kb(process->pid);
        seen.ended_ns += cpu_of(process->pid);
        seen.peak_kb = kb > seen.peak_kb ? kb : seen.peak_kb;
    }
    __real_spawner_end(spawner, process);
}

bool __real_msg_get_opinion(struct slice fields, struct msg_opinion *ret_opinion);
bool __wrap_msg_get_opinion(struct slice fields, struct msg_opinion *ret_opinion);

// It has answered and is about to end: whoever looks too late finds nothing, and looks at the next one.
bool __wrap_msg_get_opinion(struct slice fields, struct msg_opinion *ret_opinion) {
    int64_t ns = cpu_of(seen.opinion);
    size_t kb = peak_kb(seen.opinion);
    if (ns > 0 && kb > 0) {
        seen.opinion_ns = ns;
        seen.opinion_kb = kb;
    }
    return __real_msg_get_opinion(fields, ret_opinion);
}

// ---- one message ---------------------------------------------------------------------------------

static struct {
    struct pool *pool;
    const struct trust *trust;
    struct sp_keys *keys;
    struct brake *brake;
    struct party idp;
    struct op op; // owns what lives through the run
    size_t passed, failed;
} run;

static reason receive(struct slice xml) {
    struct op op;
    op_open(&op, NOON);
    struct inbound inbound = {.xml = xml,
                              .trust = run.trust,
                              .entity_id = S(OUR_ENTITY),
                              .acs_url = S(OUR_ACS),
                              .pool = run.pool,
                              .keys = run.keys,
                              .brake = run.brake};
    struct trace trace;
    struct identity identity = {.expires = 0};
    assert_done(trace_open(&op, S("acme-okta"), S("acme"), &trace));
    reason why = saml_receive(&op, &inbound, &trace, &identity);
    op_close(&op);
    return why;
}

// From the body of the request, as a browser posts it.
static reason post(struct slice body) {
    struct op op;
    struct post_form form;
    op_open(&op, NOON);
    reason why = binding_post(&op, body, &form);
    if (why == NULL) {
        why = receive(form.xml);
    }
    op_close(&op);
    return why;
}

static reason redirect(struct slice query) {
    struct op op;
    struct query_message message;
    op_open(&op, NOON);
    reason why = binding_query(&op, query, &message);
    if (why == NULL) {
        why = receive(message.xml);
    }
    op_close(&op);
    return why;
}

static struct slice form_of(struct op *op, struct slice xml) {
    struct slice text;
    struct slice escaped;
    assert_done(encode_base64(op, xml, &text));
    assert_done(encode_url(op, text, &escaped));
    return op_text(op, "SAMLResponse=%.*s&RelayState=x", SLICE(escaped));
}

struct cost {
    int64_t ns; // of one message
    size_t kb;
    reason why;
};

static struct cost measure(reason (*door)(struct slice), struct slice input, size_t rounds) {
    struct cost cost = {.ns = 0};
    seen.peak_kb = 0;
    seen.ended_ns = 0;
    int64_t self = cpu_of(getpid());
    int64_t others = cpu_of(seen.spawner) + cpu_of(seen.worker);
    for (size_t i = 0; i < rounds; i++) {
        cost.why = door(input);
    }
    for (int i = 0; i < 1000 && !pool_ready(run.pool); i++) {
        (void)usleep(1000);
    }
    size_t kb = peak_kb(seen.worker);
    cost.kb = kb > seen.peak_kb ? kb : seen.peak_kb;
    cost.ns = cpu_of(getpid()) - self + cpu_of(seen.spawner) + cpu_of(seen.worker) + seen.ended_ns -
              others;
    cost.ns /= (int64_t)rounds;
    return cost;
}

// ---- honest messages -----------------------------------------------------------------------------

static struct slice attributes(struct op *op, size_t groups) {
    struct buf text;
    buf_open(&text, op, 1 << 20);
    for (int i = 0; i < 6; i++) {
        buf_printf(&text, "<saml:Attribute Name=\"field%d\"><saml:AttributeValue>value %d</saml:AttributeValue>"
                   "</saml:Attribute>", i, i);
    }
    buf_str(&text, "<saml:Attribute Name=\"groups\">");
    for (size_t i = 0; i < groups; i++) {
        buf_printf(&text, "<saml:AttributeValue "
                   "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"string\">"
                   "CN=Group %zu of many,OU=Groups</saml:AttributeValue>", i);
    }
    buf_str(&text, "</saml:Attribute>");
    struct slice done;
    assert_done(buf_done(&text, &done));
    return done;
}

// A signed Assertion in an unsigned Response, `inner` in its AttributeStatement.
static struct slice honest(struct op *op, struct slice inner, struct slice outer) {
    struct slice template = S(ASSERTION);
    size_t at = slice_find(template, S("<saml:Attribute Name=\"groups\">"));
    size_t end = slice_find(template, S("</saml:AttributeStatement>"));
    struct slice text = op_text(op, "%.*s%.*s%.*s", SLICE(slice_sub(template, 0, at)), SLICE(inner),
                                SLICE(slice_sub(template, end, template.len)));
    struct forge forge = {.op = op, .signer = &run.idp, .named = &run.idp,
                          .info_old = " PrefixList=\"xs\"", .info_new = " PrefixList=\"\""};
    struct msg_signature unused;
    struct slice element = sign(&forge, edit(op, edit(op, text, "@", ""), "&#64;", "@"), "_a1", MSG_PARENT_ASSERTION, &unused);
    size_t mark = slice_find(text, S("@"));
    struct slice response = S(RESPONSE);
    size_t hash = slice_find(response, S("#</samlp:Response>"));
    size_t status = slice_find(response, S("@<samlp:Status"));
    return op_text(op, "%.*s%.*s%.*s%.*s%.*s%.*s", SLICE(slice_sub(response, 0, status)), SLICE(outer),
                   SLICE(slice_sub(response, status + 1, hash)), SLICE(slice_sub(text, 0, mark)),
                   SLICE(element),
                   SLICE(op_text(op, "%.*s</samlp:Response>",
                                 SLICE(slice_sub(text, mark + 1, text.len)))));
}

// ---- the table -----------------------------------------------------------------------------------

static struct cost base;
static struct slice good;

static void row(const char *name, size_t bytes, const struct cost *cost, bool accepted) {
    int64_t start = clock_steady();
    reason after = post(good);
    int64_t took = clock_steady() - start;
    int64_t ratio10 = cost->ns * 10 / base.ns;
    bool cheap = cost->ns <= CPU_MOST * base.ns;
    bool small = cost->kb <= MEMORY_MOST_KB;
    bool told = accepted ? cost->why == NULL : cost->why != NULL && cost->why != REASON_OF(WORKER_FAILED);
    bool well = cheap && small && told && after == NULL && took <= GOOD_AGAIN_MS;
    printf("%s %-34s %7zu bytes %8lld us %4lld.%lld x %6zu KB  %s%s%s%s%s\n", well ? "ok  " : "FAIL", name,
           bytes, (long long)(cost->ns / 1000), (long long)(ratio10 / 10), (long long)(ratio10 % 10),
           cost->kb, cost->why != NULL ? cost->why->slug : "accepted", cheap ? "" : "  TOO MUCH CPU",
           small ? "" : "  TOO MUCH MEMORY", told ? "" : "  NOT WHAT WAS EXPECTED",
           after == NULL && took <= GOOD_AGAIN_MS ? "" : "  THE NEXT GOOD ONE FAILED");
    *(well ? &run.passed : &run.failed) += 1;
}

static void honest_ones(void) {
    struct op *op = &run.op;
    struct slice xml = honest(op, attributes(op, 10), S(""));
    good = form_of(op, xml);
    assert_done(post(good));
    (void)measure(post, good, HONEST_ROUNDS / 10);
    base = measure(post, good, HONEST_ROUNDS);
    row("an honest message", xml.len, &base, true);
    xml = honest(op, attributes(op, 1000), S(""));
    struct cost cost = measure(post, form_of(op, xml), 10);
    row("1,000 groups", xml.len, &cost, true);
}

static size_t hostile_one(const struct shape *shape, size_t nodes) {
    static char room[SAML_XML_MAX + 1];
    struct text text = {.at = room, .room = sizeof room, .nodes = nodes};
    shape->write(&text, SAML_XML_MAX);
    struct op op;
    op_open(&op, NOON);
    struct cost cost = measure(post, form_of(&op, slice_of(room, text.len)), HOSTILE_ROUNDS);
    row(shape->name, text.len, &cost, false);
    op_close(&op);
    return text.len;
}

// Each shape twice: as large as the door lets in, and with as many nodes as a worker reads.
static void hostile_ones(const char *only) {
    for (size_t i = 0; i < shape_count; i++) {
        if (only == NULL || strstr(shapes[i].name, only) != NULL) {
            (void)hostile_one(&shapes[i], SIZE_MAX);
            (void)hostile_one(&shapes[i], NODES_READ);
        }
    }
}

// What somebody does who holds one good Assertion: the hostile part stands beside it, unsigned.
static void around_a_good_one(void) {
    struct op op;
    op_open(&op, NOON);
    struct buf text;
    buf_open(&text, &op, SAML_XML_MAX);
    buf_str(&text, "<samlp:Extensions>");
    while (text.len < 200000) {
        buf_str(&text, "<x>y</x>SignatureValue<X509Certificate>");
        buf_str(&text, "</X509Certificate>");
    }
    buf_str(&text, "</samlp:Extensions>");
    struct slice xml = honest(&op, attributes(&op, 10), buf_slice(&text));
    struct cost cost = measure(post, form_of(&op, xml), HOSTILE_ROUNDS);
    row("signature names in text, 6,000 times", xml.len, &cost, cost.why == NULL);
    op_close(&op);
}

static struct slice repeated(struct op *op, const char *before, const char *unit, size_t len, const char *after) {
    struct buf text;
    struct slice done;
    buf_open(&text, op, SAML_XML_MAX);
    buf_str(&text, before);
    while (text.len < len) {
        buf_str(&text, unit);
    }
    buf_str(&text, after);
    assert_done(buf_done(&text, &done));
    return done;
}

// What an IdP signs that wants to hurt.
static void signed_ones(void) {
    static const struct {
        const char *name, *unit;
    } rows[] = {
        {"signed: values", "<saml:Attribute Name=\"a\"><saml:AttributeValue>v</saml:AttributeValue></saml:Attribute>"},
        {"signed: elements", "<x></x>"},
        {"signed: references", "&#xD;"},
        {"signed: namespaces",
         "<n:x xmlns:a=\"urn:a\" xmlns:n=\"urn:n\" a:b=\"\" a:c=\"\" a:d=\"\" a:e=\"\" a:f=\"\"></n:x>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct op op;
        op_open(&op, NOON);
        struct buf text;
        buf_open(&text, &op, SAML_XML_MAX);
        bool plain = rows[i].unit[0] == '&';
        buf_str(&text, plain ? "<saml:Attribute Name=\"a\"><saml:AttributeValue>" : "");
        while (text.len < 240000) {
            buf_str(&text, rows[i].unit);
        }
        buf_str(&text, plain ? "</saml:AttributeValue></saml:Attribute>" : "");
        struct slice xml = honest(&op, buf_slice(&text), S(""));
        struct cost cost = measure(post, form_of(&op, xml), HOSTILE_ROUNDS);
        row(rows[i].name, xml.len, &cost, cost.why == NULL);
        op_close(&op);
    }
}

// ---- the second opinion --------------------------------------------------------------------------

#define OPINION_ROUNDS 3
#define OPINION_TRIES 20

// What lasso takes for a message that we would accept, beside what we took.
static struct cost measure_opinion(struct slice body) {
    int64_t spawner = cpu_of(seen.opinions);
    seen.opinion_ns = 0;
    struct cost cost = measure(post, body, OPINION_ROUNDS);
    for (int i = 0; i < OPINION_TRIES && seen.opinion_ns == 0; i++) {
        cost = measure(post, body, OPINION_ROUNDS);
    }
    assert_true(seen.opinion_ns > 0);
    cost.ns += seen.opinion_ns + (cpu_of(seen.opinions) - spawner) / OPINION_ROUNDS;
    cost.kb = cost.kb > seen.opinion_kb ? cost.kb : seen.opinion_kb;
    return cost;
}

static void opinion_row(const char *name, struct slice xml, bool accepted) {
    struct op op;
    op_open(&op, NOON);
    struct cost cost = measure_opinion(form_of(&op, xml));
    row(name, xml.len, &cost, accepted && cost.why == NULL);
    op_close(&op);
}

// It is asked about what we would accept only; so whoever wants to keep it busy has one good signature at least, of which
// the rest of the message is none.
static void opinions(const struct connection *connection) {
    struct connection asks = *connection;
    const struct trust *plain = run.trust;
    struct op *op = &run.op;
    asks.policy.second_opinion = true;
    assert_done(trust_make(op, &asks, &run.trust));
    struct slice xml = honest(op, attributes(op, 10), S(""));
    (void)measure(post, form_of(op, xml), OPINION_ROUNDS); // its spawner starts
    base = measure_opinion(form_of(op, xml));
    for (int i = 0; i < 2; i++) { // a process that its spawner has not waited for yet would be missing
        struct cost again = measure_opinion(form_of(op, xml));
        base = again.ns > base.ns ? again : base;
    }
    row("opinion: an honest message", xml.len, &base, true);
    opinion_row("opinion: 1,000 groups", honest(op, attributes(op, 1000), S("")), true);
    opinion_row("opinion: signed values", honest(op, repeated(op, "<saml:Attribute Name=\"a\">",
                "<saml:AttributeValue>v</saml:AttributeValue>", 180000, "</saml:Attribute>"), S("")), true);
    opinion_row("opinion: signed attributes", honest(op, repeated(op, "", "<saml:Attribute Name=\"a\">"
                "<saml:AttributeValue>v</saml:AttributeValue></saml:Attribute>", 200000, ""), S("")), true);
    opinion_row("opinion: signed references", honest(op, repeated(op, "<saml:Attribute Name=\"a\"><saml:AttributeValue>",
                "&#xD;", 240000, "</saml:AttributeValue></saml:Attribute>"), S("")), true);
    opinion_row("opinion: elements outside", honest(op, attributes(op, 10), repeated(op, "<samlp:Extensions>", "<x/>", 40000,
                "</samlp:Extensions>")), true);
    opinion_row("opinion: namespaces outside", honest(op, attributes(op, 10), repeated(op, "<samlp:Extensions>",
                "<n:x xmlns:n=\"urn:n\" xmlns:m=\"urn:m\" m:a=\"\"/>", 90000, "</samlp:Extensions>")), true);
    opinion_row("opinion: text outside", honest(op, attributes(op, 10), repeated(op, "<samlp:Extensions>", "x ", 240000,
                "</samlp:Extensions>")), true);
    opinion_row("opinion: certificates outside", honest(op, attributes(op, 10), repeated(op, "<samlp:Extensions>",
                "<d:X509Certificate xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\">AAAA</d:X509Certificate>", 180000,
                "</samlp:Extensions>")), true);
    trust_free(run.trust);
    run.trust = plain;
}

// Each costs an operation with a private key, or two. As many as are opened, and more.
static void encrypted_ones(void) {
    static const struct {
        const char *name;
        size_t keys, times;
        bool accepted;
    } rows[] = {{"signed: 4 encrypted attributes", 1, DECRYPT_UNWRAPS_MAX, true},
                {"signed: 60 encrypted attributes", 1, 60, false},
                {"signed: 40, each for two keys", 2, 40, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct op *op = &run.op;
        struct wrap wrap = {.to = run.keys->encryption};
        struct sealed sealed = {.op = op, .element = "EncryptedAttribute", .content = GCM256,
                                .wraps = {wrap, wrap}, .wrap_count = rows[i].keys,
                                .plain = S("<saml:Attribute Name=\"a\"></saml:Attribute>")};
        struct slice one = edit(op, sealed_text(&sealed), " xmlns:saml=\"" NS_SAML "\"", "");
        struct slice xml = honest(op, repeated(op, "", op_text(op, "%.*s%c", SLICE(one), 0).at,
                                               one.len * (rows[i].times - 1) + 1, ""), S(""));
        struct cost cost = measure(post, form_of(op, xml), HOSTILE_ROUNDS);
        row(rows[i].name, xml.len, &cost, rows[i].accepted);
    }
}

static void doors(void) {
    size_t len = 4U << 20;
    char *body = malloc(len + 20);
    assert_non_null(body);
    memcpy(body, "SAMLResponse=", 13);
    for (size_t i = 13; i + 3 <= len; i += 3) {
        memcpy(body + i, "%41", 3);
    }
    struct cost cost = measure(post, slice_of(body, len - (len - 13) % 3), HOSTILE_ROUNDS);
    row("a form of 4 MB of %41", len, &cost, false);
    size_t most = SAML_FORM_MAX - (SAML_FORM_MAX - 13) % 3;
    cost = measure(post, slice_of(body, most), HOSTILE_ROUNDS);
    row("a form of %41 at the cap", most, &cost, false);
    for (size_t i = 0; i < SAML_FORM_MAX; i++) {
        body[i] = '&';
    }
    cost = measure(post, slice_of(body, SAML_FORM_MAX), HOSTILE_ROUNDS);
    row("a form of & at the cap", SAML_FORM_MAX, &cost, false);

    // 4 MB of white space, deflated.
    memset(body, ' ', len);
    unsigned char *packed = malloc(QUERY_MAX);
    assert_non_null(packed);
    z_stream stream = {.next_in = (unsigned char *)body, .avail_in = (unsigned)len,
                       .next_out = packed, .avail_out = QUERY_MAX / 2};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    (void)deflate(&stream, Z_FINISH);
    size_t packed_len = stream.total_out;
    (void)deflateEnd(&stream);
    struct op op;
    op_open(&op, NOON);
    struct slice text;
    struct slice escaped;
    assert_done(encode_base64(&op, slice_of(packed, packed_len), &text));
    assert_done(encode_url(&op, text, &escaped));
    struct slice query = op_text(&op, "SAMLResponse=%.*s", SLICE(escaped));
    cost = measure(redirect, query, HOSTILE_ROUNDS);
    row("a deflate bomb", query.len, &cost, false);
    op_close(&op);
    free(packed);
    free(body);
}

static const struct connection *open_all(const char *build) {
    op_open(&run.op, NOON);
    run.op.arena.ceiling = 64U << 20; // several whole messages
    run.idp = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    struct connection *connection = NULL;
    assert_done(op_take(&run.op, sizeof *connection, &connection));
    *connection = connection_of(&run.op, &run.idp, 1);
    connection->policy.allow_cbc = true;
    assert_done(trust_make(&run.op, connection, &run.trust));
    char dir[] = "/tmp/gatehouse-bounds-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_done(sp_keys_make(&run.op, dir));
    assert_done(sp_keys_open(&run.op, dir, &run.keys));
    static const char *const files[] = {"saml-signing.key", "saml-signing.crt", "saml-encryption.key",
                                        "saml-encryption.crt"};
    for (size_t i = 0; i < 4; i++) {
        (void)unlink(op_text(&run.op, "%s/%s%c", dir, files[i], 0).at);
    }
    (void)rmdir(dir);
    run.brake = brake_open();
    assert_non_null(run.brake);
    struct slice program = op_text(&run.op, "%s/gatehouse-worker%c", build, 0);
    struct pool_options options = {.program = program.at, .warm = 1, .deadline_ms = 20000};
    assert_done(pool_open(&run.op, &options, &run.pool));
    return connection;
}

int main(int count, char **words) {
    const char *build = getenv("GATEHOUSE_BUILD");
    const struct connection *connection = open_all(build != NULL ? build : "build");
    honest_ones();
    hostile_ones(count > 1 ? words[1] : NULL);
    if (count == 1) {
        around_a_good_one();
        signed_ones();
        encrypted_ones();
        doors();
        opinions(connection); // last: what is honest costs more with it
    }
    pool_close(run.pool);
    brake_close(run.brake);
    sp_keys_close(run.keys);
    trust_free(run.trust);
    party_free(&run.idp);
    op_close(&run.op);
    printf("%zu passed, %zu failed\n", run.passed, run.failed);
    return run.failed == 0 ? 0 : 1;
}
