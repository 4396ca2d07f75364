/*
 * Whole connections as an attacker writes them: how many requests does the server see?
 *
 * In each case a proxy in front might see another number. The server must see the one that the
 * grammar gives, or refuse; it never sees a request inside of a body.
 */
#include "http/body.h"
#include "unit/http/parse.h"

#define HOST "Host: h\r\n"
#define POST(fields) "POST / HTTP/1.1\r\n" HOST fields "\r\n"
#define HIDDEN "GET /admin HTTP/1.1\r\n" HOST "\r\n"

static const struct connection_case {
    const char *name;
    belfry_bytes wire;
    size_t requests; /* complete ones before the refusal, if there is one */
    unsigned status; /* of the refusal; 0: none */
} connection_cases[] = {
    { "two requests", BELFRY_BYTES(POST("Content-Length: 2\r\n") "ab" HIDDEN), 2, 0 },
    { "a request as a body", BELFRY_BYTES(POST("Content-Length: 32\r\n") HIDDEN), 1, 0 },
    { "a body without a length is a request", BELFRY_BYTES(POST("") HIDDEN), 2, 0 },
    { "chunked, then a request",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\n") "2\r\nab\r\n0\r\n\r\n" HIDDEN), 2, 0 },
    { "chunked in capitals",
      BELFRY_BYTES(POST("TRANSFER-ENCODING: CHUNKED\r\n") "0\r\n\r\n" HIDDEN), 2, 0 },
    { "blanks around the value", BELFRY_BYTES(POST("Content-Length: \t 2 \r\n") "ab" HIDDEN), 2,
      0 },

    { "CL.TE",
      BELFRY_BYTES(POST("Content-Length: 37\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n" HIDDEN),
      0, 400 },
    { "TE.CL",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") "20\r\n" HIDDEN), 0,
      400 },
    { "TE.CL, length 0",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n") HIDDEN), 0, 400 },
    { "CL.CL", BELFRY_BYTES(POST("Content-Length: 0\r\nContent-Length: 32\r\n") HIDDEN), 0, 400 },
    { "equal CL.CL", BELFRY_BYTES(POST("Content-Length: 2\r\ncontent-length: 2\r\n") "ab"), 0,
      400 },
    { "CL list", BELFRY_BYTES(POST("Content-Length: 0, 32\r\n") HIDDEN), 0, 400 },
    { "equal CL list", BELFRY_BYTES(POST("Content-Length: 2,2\r\n") "ab"), 0, 400 },
    { "CL with a sign", BELFRY_BYTES(POST("Content-Length: +2\r\n") "ab"), 0, 400 },
    { "negative CL", BELFRY_BYTES(POST("Content-Length: -1\r\n")), 0, 400 },
    { "empty CL", BELFRY_BYTES(POST("Content-Length:\r\n") HIDDEN), 0, 400 },
    { "CL 0x", BELFRY_BYTES(POST("Content-Length: 0x2\r\n") "ab"), 0, 400 },
    { "CL 1e1", BELFRY_BYTES(POST("Content-Length: 1e1\r\n") "ab"), 0, 400 },
    { "CL 2.0", BELFRY_BYTES(POST("Content-Length: 2.0\r\n") "ab"), 0, 400 },
    { "CL with a blank inside", BELFRY_BYTES(POST("Content-Length: 3 2\r\n") HIDDEN), 0, 400 },
    { "CL in quotes", BELFRY_BYTES(POST("Content-Length: \"2\"\r\n") "ab"), 0, 400 },
    { "CL with a separator", BELFRY_BYTES(POST("Content-Length: 1_0\r\n") "ab"), 0, 400 },
    { "CL of other digits", BELFRY_BYTES(POST("Content-Length: \xd9\xa2\r\n") "ab"), 0, 400 },
    { "CL of 2^64 + 2", BELFRY_BYTES(POST("Content-Length: 18446744073709551618\r\n") "ab"), 0,
      400 },
    { "CL of 2^63", BELFRY_BYTES(POST("Content-Length: 9223372036854775808\r\n") "ab"), 0, 400 },
    { "CL of 2^63 - 1", BELFRY_BYTES(POST("Content-Length: 9223372036854775807\r\n") "ab"), 0,
      413 },
    { "CL with blank before the colon", BELFRY_BYTES(POST("Content-Length : 32\r\n") HIDDEN), 0,
      400 },
    { "CL folded", BELFRY_BYTES(POST("Content-Length:\r\n 32\r\n") HIDDEN), 0, 400 },
    { "CL behind NUL", BELFRY_BYTES(POST("X: a\0\r\nContent-Length: 32\r\n") HIDDEN), 0, 400 },
    { "CL behind a bare LF", BELFRY_BYTES(POST("X: a\nContent-Length: 32\r\n") HIDDEN), 0, 400 },
    { "CL behind a bare CR", BELFRY_BYTES(POST("X: a\rContent-Length: 32\r\n") HIDDEN), 0, 400 },

    { "TE with blank before the colon",
      BELFRY_BYTES(POST("Transfer-Encoding : chunked\r\n") "0\r\n\r\n" HIDDEN), 0, 400 },
    { "TE folded", BELFRY_BYTES(POST("Transfer-Encoding:\r\n chunked\r\n") "0\r\n\r\n"), 0, 400 },
    { "TE with vertical tab",
      BELFRY_BYTES(POST("Transfer-Encoding: \x0b"
                        "chunked\r\n")),
      0, 400 },
    { "TE with no-break space",
      BELFRY_BYTES(POST("Transfer-Encoding: \xa0"
                        "chunked\r\n")),
      0, 400 },
    { "TE xchunked", BELFRY_BYTES(POST("Transfer-Encoding: xchunked\r\n") HIDDEN), 0, 400 },
    { "TE in quotes", BELFRY_BYTES(POST("Transfer-Encoding: \"chunked\"\r\n") HIDDEN), 0, 400 },
    { "TE with parameter", BELFRY_BYTES(POST("Transfer-Encoding: chunked;a=b\r\n") HIDDEN), 0,
      400 },
    { "TE identity", BELFRY_BYTES(POST("Transfer-Encoding: identity\r\n") HIDDEN), 0, 400 },
    { "TE empty", BELFRY_BYTES(POST("Transfer-Encoding:\r\n") HIDDEN), 0, 400 },
    { "TE gzip", BELFRY_BYTES(POST("Transfer-Encoding: gzip\r\n") HIDDEN), 0, 400 },
    { "TE gzip, chunked", BELFRY_BYTES(POST("Transfer-Encoding: gzip, chunked\r\n")), 0, 501 },
    { "TE chunked, gzip", BELFRY_BYTES(POST("Transfer-Encoding: chunked, gzip\r\n")), 0, 400 },
    { "TE chunked, chunked", BELFRY_BYTES(POST("Transfer-Encoding: chunked, chunked\r\n")), 0,
      400 },
    { "TE chunked, identity", BELFRY_BYTES(POST("Transfer-Encoding: chunked, identity\r\n")), 0,
      400 },
    { "TE with a comma", BELFRY_BYTES(POST("Transfer-Encoding: ,chunked\r\n") "0\r\n\r\n"), 0,
      400 },
    { "TE.TE",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n") "0\r\n\r\n"), 0,
      400 },
    { "equal TE.TE",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 0, 400 },
    { "TE in HTTP/1.0",
      BELFRY_BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 0, 400 },

    { "chunk terminator in an extension",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\n") "2;\nxx\r\n20\r\n0\r\n\r\n" HIDDEN), 0,
      400 },
    { "size with a prefix",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\n") "0x0\r\n\r\n" HIDDEN), 0, 400 },
    { "spill over the chunk",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\n") "1\r\nabc0\r\n\r\n" HIDDEN), 0, 400 },
    { "request among the trailers",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\n") "0\r\n" HIDDEN "\r\n"), 0, 400 },
    { "length among the trailers",
      BELFRY_BYTES(POST("Transfer-Encoding: chunked\r\n") "0\r\nContent-Length: 32\r\n\r\n" HIDDEN),
      2, 0 },
    { "rubbish behind a request", BELFRY_BYTES(POST("Content-Length: 0\r\n") "\0" HIDDEN), 1, 400 },
    { "blank behind a request", BELFRY_BYTES(POST("Content-Length: 0\r\n") " " HIDDEN), 1, 400 },
};

/* A toy server: bytes come in, heads and bodies are read off the front, nothing is answered. */
struct toy {
    const uint8_t *data;
    size_t start; /* of what is not consumed yet */
    struct http_head_parser parser;
    struct http_head head;
    struct http_field fields[100];
    struct http_body body;
    bool is_in_body;
    size_t requests;
    unsigned status;
};

/* True if something was consumed or said, so that it is worth asking again. */
static bool toy_read_head(struct toy *t, size_t size)
{
    struct http_limits limits = DEFAULT_LIMITS;
    switch (http_head_parse(&t->parser, &limits, t->data + t->start, size - t->start, &t->head)) {
    case HTTP_MORE:
        return false;
    case HTTP_DONE:
        t->start += t->head.head_size;
        t->parser = (struct http_head_parser){ 0 };
        http_body_init(&t->body, &t->head, 4096);
        t->is_in_body = true;
        return true;
    case HTTP_REFUSED:
        t->status = t->parser.status;
        return false;
    }
    return false;
}

static bool toy_read_body(struct toy *t, size_t size)
{
    const uint8_t *at = t->data + t->start;
    struct http_body_event event;
    bool is_said = http_body_next(&t->body, &at, t->data + size, &event);
    t->start = (size_t)(at - t->data);
    if (!is_said)
        return false;
    if (event.type == HTTP_BODY_REFUSED) {
        t->status = event.status;
        return false;
    }
    if (event.type == HTTP_BODY_END) {
        t->requests++;
        t->is_in_body = false;
    }
    return true;
}

static void toy_receive(struct toy *t, size_t size)
{
    while (t->status == 0 && (t->is_in_body ? toy_read_body(t, size) : toy_read_head(t, size)))
        ;
}

static void test_connections_for_every_cut(void **state)
{
    (void)state;
    static struct toy t;
    for (const struct connection_case *c = connection_cases; c != BELFRY_END(connection_cases);
         c++) {
        for (size_t cut = 0; cut <= c->wire.size; cut++) {
            t = (struct toy){ .data = c->wire.data };
            t.head.fields = t.fields;
            t.head.field_capacity = BELFRY_COUNT(t.fields);
            toy_receive(&t, cut);
            toy_receive(&t, c->wire.size);
            if (t.requests != c->requests || t.status != c->status)
                fail_msg("%s, cut at %zu: %zu requests, status %u; want %zu, %u", c->name, cut,
                         t.requests, t.status, c->requests, c->status);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_for_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
