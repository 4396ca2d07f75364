/*
 * Heads and their verdicts, for every place where TCP may cut them.
 */
#include "http/head.h"

#include "unit/http/parse.h"

#define MORE 1 /* no verdict yet */

#define HOST "Host: h\r\n"
#define GET(fields) BELFRY_BYTES("GET / HTTP/1.1\r\n" HOST fields "\r\n")

static const struct verdict_case {
    const char *name;
    belfry_bytes wire;
    unsigned want; /* a status; 0: accepted; MORE */
} verdict_cases[] = {
    { "simplest", GET(""), 0 },
    { "unfinished", BELFRY_BYTES("GET / HTTP/1.1\r\n" HOST), MORE },
    { "nothing", BELFRY_BYTES(""), MORE },
    { "HTTP/1.0 without Host", BELFRY_BYTES("GET / HTTP/1.0\r\n\r\n"), 0 },
    { "own method", BELFRY_BYTES("BREW / HTTP/1.1\r\n" HOST "\r\n"), 0 },
    { "method of odd characters", BELFRY_BYTES("!#$%&'*+-.^_`|~ / HTTP/1.1\r\n" HOST "\r\n"), 0 },
    { "method of 32", BELFRY_BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" HOST "\r\n"),
      0 },
    { "method of 33", BELFRY_BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"), 501 },
    { "method with a bad character", BELFRY_BYTES("GE(T / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "no method", BELFRY_BYTES(" / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "TLS instead of HTTP", BELFRY_BYTES("\x16\x03\x01\x02"), 400 },
    { "CONNECT", BELFRY_BYTES("CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n"), 501 },

    { "four empty lines", BELFRY_BYTES("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 0 },
    { "five empty lines", BELFRY_BYTES("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "empty line of LF", BELFRY_BYTES("\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "empty line of CR", BELFRY_BYTES("\rGET / HTTP/1.1\r\n" HOST "\r\n"), 400 },

    { "two blanks before the target", BELFRY_BYTES("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "two blanks behind the target", BELFRY_BYTES("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "tab in the request line", BELFRY_BYTES("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "blank in the target", BELFRY_BYTES("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "blank behind the version", BELFRY_BYTES("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400 },
    { "request line with LF", BELFRY_BYTES("GET / HTTP/1.1\n" HOST "\r\n"), 400 },
    { "request line with CR only", BELFRY_BYTES("GET / HTTP/1.1\r" HOST "\r\n"), 400 },
    { "NUL in the target", BELFRY_BYTES("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "UTF-8 in the target", BELFRY_BYTES("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "fragment in the target", BELFRY_BYTES("GET /#a HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "braces in the query", BELFRY_BYTES("GET /?a={[|]} HTTP/1.1\r\n" HOST "\r\n"), 0 },

    { "HTTP/0.9", BELFRY_BYTES("GET /\r\n"), 400 },
    { "HTTP/0.9, said", BELFRY_BYTES("GET / HTTP/0.9\r\n" HOST "\r\n"), 505 },
    { "HTTP/1.2", BELFRY_BYTES("GET / HTTP/1.2\r\n" HOST "\r\n"), 505 },
    { "HTTP/2", BELFRY_BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
    { "HTTP/1.10", BELFRY_BYTES("GET / HTTP/1.10\r\n" HOST "\r\n"), 400 },
    { "HTTP/11.1", BELFRY_BYTES("GET / HTTP/11.1\r\n" HOST "\r\n"), 400 },
    { "HTTP/1", BELFRY_BYTES("GET / HTTP/1\r\n" HOST "\r\n"), 400 },
    { "http/1.1", BELFRY_BYTES("GET / http/1.1\r\n" HOST "\r\n"), 400 },
    { "another protocol", BELFRY_BYTES("GET / RTSP/1.0\r\n" HOST "\r\n"), 400 },

    { "LF alone", GET("A: b\n"), 400 },
    { "CR alone", GET("A: b\rc\r\n"), 400 },
    { "CR CR LF", GET("A: b\r\r\n"), 400 },
    { "end of LF", BELFRY_BYTES("GET / HTTP/1.1\r\n" HOST "\n"), 400 },
    { "end of CR and else", BELFRY_BYTES("GET / HTTP/1.1\r\n" HOST "\rA"), 400 },
    { "NUL in a value", GET("A: b\0c\r\n"), 400 },
    { "NUL in a name", GET("A\0: b\r\n"), 400 },
    { "control in a value", GET("A: b\x01\r\n"), 400 },
    { "DEL in a value", GET("A: b\x7f\r\n"), 400 },
    { "escape in a value", GET("A: \x1b[31m\r\n"), 400 },
    { "UTF-8 and tab in a value", GET("A: \xc3\xa9\tb\r\n"), 0 },
    { "folded line", GET("A: b\r\n c\r\n"), 400 },
    { "folded with tab", GET("A: b\r\n\tc\r\n"), 400 },
    { "first line folded", BELFRY_BYTES("GET / HTTP/1.1\r\n " HOST "\r\n"), 400 },
    { "blank before the colon", GET("A : b\r\n"), 400 },
    { "tab before the colon", GET("A\t: b\r\n"), 400 },
    { "blank in the name", GET("A B: c\r\n"), 400 },
    { "no name", GET(": b\r\n"), 400 },
    { "no colon", GET("AB\r\n"), 400 },
    { "bad name", GET("A[]: b\r\n"), 400 },
    { "name in UTF-8", GET("\xc3\xa9: b\r\n"), 400 },
    { "empty value", GET("A:\r\n"), 0 },
    { "value of blanks", GET("A: \t \r\n"), 0 },

    { "no Host", BELFRY_BYTES("GET / HTTP/1.1\r\n\r\n"), 400 },
    { "two Hosts", GET(HOST), 400 },
    { "two Hosts in HTTP/1.0", BELFRY_BYTES("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), 400 },
    { "Host and host", GET("host: h\r\n"), 400 },
    { "empty Host", BELFRY_BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400 },
    { "Host list", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), 400 },
    { "Host of two words", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400 },
    { "Host with user", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"), 400 },
    { "Host with path", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"), 400 },
    { "Host is a URL", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: http://h\r\n\r\n"), 400 },
    { "Host with two ports", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h:1:2\r\n\r\n"), 400 },
    { "Host with odd port", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h:1a\r\n\r\n"), 400 },
    { "Host with huge port", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n"), 400 },
    { "Host with port 0", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h:0\r\n\r\n"), 400 },
    { "Host with port", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h:65535\r\n\r\n"), 0 },
    { "Host with empty port", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: h:\r\n\r\n"), 0 },
    { "Host of port only", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), 400 },
    { "Host IPv4", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: 127.0.0.1:3001\r\n\r\n"), 0 },
    { "Host IPv6", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: [::1]:3001\r\n\r\n"), 0 },
    { "Host open bracket", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400 },
    { "Host only bracket", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: [\r\n\r\n"), 400 },
    { "Host empty brackets", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: []\r\n\r\n"), 400 },
    { "Host behind brackets", BELFRY_BYTES("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"), 400 },

    { "asterisk", BELFRY_BYTES("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 0 },
    { "asterisk for GET", BELFRY_BYTES("GET * HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "relative target", BELFRY_BYTES("GET a HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "query only", BELFRY_BYTES("GET ?a HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "authority form", BELFRY_BYTES("GET h:80 HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute", BELFRY_BYTES("GET HTTP://h:1/ HTTP/1.1\r\n" HOST "\r\n"), 0 },
    { "absolute without Host", BELFRY_BYTES("GET http://h/ HTTP/1.1\r\n\r\n"), 400 },
    { "absolute without host", BELFRY_BYTES("GET http:///a HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute, scheme only", BELFRY_BYTES("GET http:// HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute with user", BELFRY_BYTES("GET http://u:p@h/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute with bad port", BELFRY_BYTES("GET http://h:x/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute with backslash", BELFRY_BYTES("GET http://h\\x/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute ftp", BELFRY_BYTES("GET ftp://h/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute file", BELFRY_BYTES("GET file:///etc/passwd HTTP/1.1\r\n" HOST "\r\n"), 400 },

    { "Expect", GET("Expect: 100-Continue\r\n"), 0 },
    { "Expect else", GET("Expect: payment\r\n"), 417 },
    { "Expect twice", GET("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 417 },
    { "Expect in HTTP/1.0", BELFRY_BYTES("GET / HTTP/1.0\r\nExpect: payment\r\n\r\n"), 0 },
};

static unsigned verdict_of(const struct parsed *r)
{
    switch (r->verdict) {
    case HTTP_MORE:
        return MORE;
    case HTTP_DONE:
        return 0;
    case HTTP_REFUSED:
        assert_non_null(r->parser.why);
        return r->parser.status;
    }
    return MORE;
}

static void test_verdicts_for_every_cut(void **state)
{
    (void)state;
    static struct parsed r;
    struct http_limits limits = DEFAULT_LIMITS;
    for (const struct verdict_case *c = verdict_cases; c != BELFRY_END(verdict_cases); c++) {
        for (size_t cut = 0; cut <= c->wire.size; cut++) {
            parse_cut(&r, &limits, c->wire, cut);
            if (verdict_of(&r) != c->want)
                fail_msg("%s, cut at %zu: %u, want %u", c->name, cut, verdict_of(&r), c->want);
            parsed_deinit(&r);
        }
        (void)parse_dribbled(&r, &limits, c->wire);
        if (verdict_of(&r) != c->want)
            fail_msg("%s, dribbled: %u, want %u", c->name, verdict_of(&r), c->want);
        parsed_deinit(&r);
    }
}

/* The text up to the bar is refused, and without its last byte it is not yet. */
static const struct early_case {
    const char *name;
    belfry_bytes wire;
} early_cases[] = {
    { "empty line of LF", BELFRY_BYTES("\n") },
    { "CR and else", BELFRY_BYTES("\r\r") },
    { "bad method", BELFRY_BYTES("GE@") },
    { "second blank", BELFRY_BYTES("GET  ") },
    { "target control", BELFRY_BYTES("GET /a\x01") },
    { "no version", BELFRY_BYTES("GET /a\r") },
    { "bad version", BELFRY_BYTES("GET /a HTTP/x") },
    { "other version", BELFRY_BYTES("GET /a HTTP/1.2") },
    { "blank behind the version", BELFRY_BYTES("GET /a HTTP/1.1 ") },
    { "LF behind the version", BELFRY_BYTES("GET /a HTTP/1.1\n") },
    { "CR without LF", BELFRY_BYTES("GET /a HTTP/1.1\rH") },
    { "first line folded", BELFRY_BYTES("GET /a HTTP/1.1\r\n ") },
    { "no name", BELFRY_BYTES("GET /a HTTP/1.1\r\n:") },
    { "blank before the colon", BELFRY_BYTES("GET /a HTTP/1.1\r\nA ") },
    { "no colon", BELFRY_BYTES("GET /a HTTP/1.1\r\nA\r") },
    { "NUL", BELFRY_BYTES("GET /a HTTP/1.1\r\nA: b\0") },
    { "LF in a value", BELFRY_BYTES("GET /a HTTP/1.1\r\nA: b\n") },
    { "CR in a value", BELFRY_BYTES("GET /a HTTP/1.1\r\nA: b\rc") },
    { "folded", BELFRY_BYTES("GET /a HTTP/1.1\r\nA: b\r\n\t") },
    { "end of LF", BELFRY_BYTES("GET /a HTTP/1.1\r\nA: b\r\n\n") },
    { "end of CR CR", BELFRY_BYTES("GET /a HTTP/1.1\r\nA: b\r\n\r\r") },
};

static void test_bad_bytes_are_refused_when_they_arrive(void **state)
{
    (void)state;
    static struct parsed r;
    struct http_limits limits = DEFAULT_LIMITS;
    for (const struct early_case *c = early_cases; c != BELFRY_END(early_cases); c++) {
        size_t at = parse_dribbled(&r, &limits, c->wire);
        if (at != c->wire.size || r.parser.status < 400)
            fail_msg("%s: verdict after %zu bytes, want %zu", c->name, at, c->wire.size);
        parsed_deinit(&r);
    }
}

static void test_a_refusal_is_final(void **state)
{
    (void)state;
    static struct parsed r;
    struct http_limits limits = DEFAULT_LIMITS;
    belfry_bytes good = GET("");
    parse_cut(&r, &limits, BELFRY_BYTES("\n"), 1);
    assert_int_equal(r.verdict, HTTP_REFUSED);
    assert_int_equal(http_head_parse(&r.parser, &limits, good.data, good.size, &r.head),
                     HTTP_REFUSED);
    parsed_deinit(&r);
}

static void test_a_head_says_what_it_says(void **state)
{
    (void)state;
    static struct parsed r;
    parse_good(&r, BELFRY_BYTES("\r\nPOST /a/b?c=d&e?f HTTP/1.1\r\nHost:example.com:3001\r\n"
                                "Content-Length:  5\t\r\nX-Empty:\r\nX-Blanks: a \t b  \r\n\r\n"
                                "helloGET"));
    assert_int_equal(r.head.method, HTTP_POST);
    assert_bytes(r.head.method_text, "POST");
    assert_bytes(r.head.target, "/a/b?c=d&e?f");
    assert_bytes(r.head.path, "/a/b");
    assert_bytes(r.head.query, "c=d&e?f");
    assert_bytes(r.head.host, "example.com:3001");
    assert_int_equal(r.head.minor_version, 1);
    assert_int_equal(r.head.framing, HTTP_LENGTH);
    assert_int_equal(r.head.content_length, 5);
    assert_true(r.head.is_keep_alive);
    assert_false(r.head.expects_continue);
    assert_int_equal(r.head.field_count, 4);
    assert_bytes(r.head.fields[1].name, "Content-Length");
    assert_bytes(r.head.fields[1].value, "5");
    assert_bytes(r.head.fields[2].value, "");
    assert_bytes(r.head.fields[3].value, "a \t b");
    assert_memory_equal(r.copy + r.head.head_size, "helloGET", 8);
    parsed_deinit(&r);
}

static const struct target_case {
    belfry_bytes wire;
    const char *path;
    const char *query; /* NULL: none */
    const char *host;
} target_cases[] = {
    { BELFRY_BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "/", NULL, "a" },
    { BELFRY_BYTES("GET /? HTTP/1.1\r\nHost: a\r\n\r\n"), "/", "", "a" },
    { BELFRY_BYTES("GET //x//y HTTP/1.1\r\nHost: a\r\n\r\n"), "//x//y", NULL, "a" },
    { BELFRY_BYTES("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n"), "/", NULL, "b" },
    { BELFRY_BYTES("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n"), "/", "q", "b" },
    { BELFRY_BYTES("GET https://b:8/x?q HTTP/1.1\r\nHost: a\r\n\r\n"), "/x", "q", "b:8" },
    { BELFRY_BYTES("GET http://b/x HTTP/1.0\r\n\r\n"), "/x", NULL, "b" },
    { BELFRY_BYTES("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "*", NULL, "a" },
    { BELFRY_BYTES("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n"), "*", NULL, "b" },
    { BELFRY_BYTES("OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), "/", NULL, "b" },
    { BELFRY_BYTES("GET / HTTP/1.0\r\n\r\n"), "/", NULL, "" },
};

static void test_every_form_of_target(void **state)
{
    (void)state;
    static struct parsed r;
    for (const struct target_case *c = target_cases; c != BELFRY_END(target_cases); c++) {
        parse_good(&r, c->wire);
        assert_bytes(r.head.path, c->path);
        assert_bytes(r.head.host, c->host);
        assert_true((r.head.query.data == NULL) == (c->query == NULL));
        assert_bytes(r.head.query, c->query == NULL ? "" : c->query);
        parsed_deinit(&r);
    }
}

static const struct connection_case {
    belfry_bytes wire;
    bool is_keep_alive;
} connection_cases[] = {
    { GET(""), true },
    { GET("Connection: close\r\n"), false },
    { GET("Connection: Upgrade , CLOSE\r\n"), false },
    { GET("Connection: keep-alive\r\nConnection: close\r\n"), false },
    { GET("Connection: closed, not-close\r\n"), true },
    { GET("Connection: \"close\"\r\n"), true },
    { BELFRY_BYTES("GET / HTTP/1.0\r\n\r\n"), false },
    { BELFRY_BYTES("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true },
    { BELFRY_BYTES("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"), false },
};

static void test_who_closes_the_connection(void **state)
{
    (void)state;
    static struct parsed r;
    for (const struct connection_case *c = connection_cases; c != BELFRY_END(connection_cases);
         c++) {
        parse_good(&r, c->wire);
        if (r.head.is_keep_alive != c->is_keep_alive)
            fail_msg("%s", (const char *)c->wire.data);
        parsed_deinit(&r);
    }
}

static void test_continue_is_expected_only_with_a_body(void **state)
{
    (void)state;
    static struct parsed r;
    parse_good(&r, GET("Expect: 100-continue\r\n"));
    assert_false(r.head.expects_continue);
    parsed_deinit(&r);
    parse_good(&r, GET("Expect: 100-continue\r\nContent-Length: 1\r\n"));
    assert_true(r.head.expects_continue);
    parsed_deinit(&r);
}

/* A request line of @line_bytes and then one field whose line brings the head to @head_bytes. */
static belfry_bytes sized_head(char *out, size_t line_bytes, size_t head_bytes)
{
    int size = snprintf(out, head_bytes + 1, "GET /%0*d HTTP/1.1\r\nHost: h\r\nA: %0*d\r\n\r\n",
                        (int)(line_bytes - strlen("GET / HTTP/1.1\r\n")), 0,
                        (int)(head_bytes - line_bytes - strlen("Host: h\r\nA: \r\n\r\n")), 0);
    assert_int_equal(size, head_bytes);
    return bytes_of(out, (size_t)size);
}

static void test_the_size_of_a_head_is_limited(void **state)
{
    (void)state;
    static struct parsed r;
    char wire[1025];
    struct http_limits limits = { .max_head_bytes = 512, .max_headers = 8 };

    parse_cut(&r, &limits, sized_head(wire, 40, 512), 100);
    assert_int_equal(r.verdict, HTTP_DONE);
    parsed_deinit(&r);

    assert_int_equal(parse_dribbled(&r, &limits, sized_head(wire, 40, 513)), 512);
    assert_int_equal(r.parser.status, 431);
    parsed_deinit(&r);

    assert_int_equal(parse_dribbled(&r, &limits, sized_head(wire, 600, 700)), 512);
    assert_int_equal(r.parser.status, 414);
    parsed_deinit(&r);

    /* A body behind the head does not count. */
    belfry_bytes whole = sized_head(wire, 40, 512);
    memset(wire + 512, 'x', sizeof wire - 512);
    parse_cut(&r, &limits, bytes_of(whole.data, sizeof wire), sizeof wire);
    assert_int_equal(r.verdict, HTTP_DONE);
    assert_int_equal(r.head.head_size, 512);
    parsed_deinit(&r);
}

static void test_the_number_of_fields_is_limited(void **state)
{
    (void)state;
    static struct parsed r;
    struct http_limits limits = { .max_head_bytes = 512, .max_headers = 3 };
    parse_cut(&r, &limits, GET("A: 1\r\nB: 2\r\n"), 0);
    assert_int_equal(r.verdict, HTTP_DONE);
    assert_int_equal(r.head.field_count, 3);
    parsed_deinit(&r);
    belfry_bytes one_more = GET("A: 1\r\nB: 2\r\nC");
    (void)parse_dribbled(&r, &limits, one_more);
    assert_int_equal(r.parser.status, 431);
    parsed_deinit(&r);
}

static void test_empty_lines_are_not_a_head_yet(void **state)
{
    (void)state;
    static struct parsed r;
    struct http_limits limits = DEFAULT_LIMITS;
    parsed_init(&r);
    assert_true(http_head_is_idle(&r.parser));
    parsed_read(&r, &limits, BELFRY_BYTES("\r\n\r"), 3);
    assert_true(http_head_is_idle(&r.parser));
    parsed_read(&r, &limits, BELFRY_BYTES("\r\n\r\nG"), 5);
    assert_false(http_head_is_idle(&r.parser));
    parsed_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts_for_every_cut),
        cmocka_unit_test(test_bad_bytes_are_refused_when_they_arrive),
        cmocka_unit_test(test_a_refusal_is_final),
        cmocka_unit_test(test_a_head_says_what_it_says),
        cmocka_unit_test(test_every_form_of_target),
        cmocka_unit_test(test_who_closes_the_connection),
        cmocka_unit_test(test_continue_is_expected_only_with_a_body),
        cmocka_unit_test(test_the_size_of_a_head_is_limited),
        cmocka_unit_test(test_the_number_of_fields_is_limited),
        cmocka_unit_test(test_empty_lines_are_not_a_head_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
