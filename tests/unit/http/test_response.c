/*
 * Responses as they go out.
 */
#include "http/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

/* Compares and empties @out. */
static void assert_written(struct buf *out, const char *want)
{
    assert_false(buf_failed(out));
    buf_put_char(out, '\0');
    assert_string_equal((const char *)out->data, want);
    buf_deinit(out);
}

static void test_a_simple_response(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct http_head head = { .method = HTTP_GET, .minor_version = 1, .is_keep_alive = true };
    struct http_reply reply = http_reply_to(&head, 200, BELFRY_BYTES(DATE));
    http_response_simple(&out, &reply, "text/plain", BELFRY_BYTES("hello\n"));
    assert_written(&out, "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Type: text/plain\r\n"
                         "Connection: keep-alive\r\nContent-Length: 6\r\n\r\nhello\n");
}

static const struct body_case {
    uint16_t status;
    bool is_for_head;
    const char *want;
} body_cases[] = {
    { 200, false, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi" },
    { 200, true, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n" },
    { 204, false, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n" },
    { 304, false, "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n" },
    { 304, true, "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n" },
    { 101, false, "HTTP/1.1 101 Switching Protocols\r\n\r\n" },
    { 404, true, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\n\r\n" },
    { 599, false, "HTTP/1.1 599 Unknown\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi" },
};

static void test_which_responses_have_bodies(void **state)
{
    (void)state;
    for (const struct body_case *c = body_cases; c != BELFRY_END(body_cases); c++) {
        struct buf out = { 0 };
        struct http_reply reply = { .status = c->status, .is_for_head = c->is_for_head };
        http_response_simple(&out, &reply, NULL, BELFRY_BYTES("hi"));
        assert_written(&out, c->want);
    }
}

static void test_errors_say_why(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct http_reply reply = { .status = 400 };
    http_response_error(&out, &reply, "LF without CR");
    assert_written(&out, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                         "Connection: close\r\nContent-Length: 31\r\n\r\n"
                         "400 Bad Request: LF without CR\n");
    reply.status = 404;
    http_response_error(&out, &reply, NULL);
    assert_written(&out, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
                         "Connection: close\r\nContent-Length: 14\r\n\r\n404 Not Found\n");
}

static void test_values_cannot_split_a_response(void **state)
{
    (void)state;
    struct buf out = { 0 };
    assert_false(http_response_field(&out, "A", BELFRY_BYTES("b\r\nC: d")));
    assert_false(http_response_field(&out, "A", BELFRY_BYTES("b\nC: d")));
    assert_false(http_response_field(&out, "A", BELFRY_BYTES("b\r")));
    assert_false(http_response_field(&out, "A", BELFRY_BYTES("b\0")));
    assert_false(http_response_field(&out, "A", BELFRY_BYTES("\x7f")));
    assert_false(http_response_field(&out, "A:", BELFRY_BYTES("b")));
    assert_false(http_response_field(&out, "A\r\nB", BELFRY_BYTES("b")));
    assert_false(http_response_field(&out, "", BELFRY_BYTES("b")));
    assert_int_equal(out.size, 0);
    assert_true(http_response_field(&out, "A", BELFRY_BYTES("b \t\xc3\xa9")));
    assert_true(http_response_field(&out, "B", BELFRY_BYTES("")));
    assert_written(&out, "A: b \t\xc3\xa9\r\nB: \r\n");
}

static void test_streams_are_chunked_or_end_with_the_connection(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct http_reply reply = { .status = 200, .is_keep_alive = true };
    http_response_begin(&out, &reply);
    assert_true(http_response_end_stream(&out, &reply));
    http_response_chunk(&out, BELFRY_BYTES("0123456789"));
    http_response_chunk(&out, BELFRY_BYTES(""));
    http_response_last_chunk(&out);
    assert_written(&out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: keep-alive\r\n\r\na\r\n0123456789\r\n0\r\n\r\n");
    reply.is_for_http10 = true;
    http_response_begin(&out, &reply);
    assert_false(http_response_end_stream(&out, &reply));
    assert_false(reply.is_keep_alive);
    assert_written(&out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

static void test_continue_is_a_response_of_its_own(void **state)
{
    (void)state;
    struct buf out = { 0 };
    http_response_continue(&out);
    assert_written(&out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static int allocations_left;

static void *failing_realloc(void *old, size_t size)
{
    return allocations_left-- > 0 ? realloc(old, size) : NULL;
}

static void test_writing_without_memory_is_told(void **state)
{
    (void)state;
    char big[1000];
    memset(big, 'x', sizeof big);
    struct http_reply reply = { .status = 200, .date = BELFRY_BYTES(DATE) };
    bool has_failed = true;
    for (int allowed = 0; has_failed; allowed++) {
        struct buf out = { 0 };
        allocations_left = allowed;
        mem_set_functions(NULL, failing_realloc, NULL);
        http_response_simple(&out, &reply, "text/plain", bytes_of(big, sizeof big));
        mem_set_functions(NULL, NULL, NULL);
        has_failed = buf_failed(&out);
        assert_true(allowed < 20);
        assert_true(has_failed || allowed > 0);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_simple_response),
        cmocka_unit_test(test_which_responses_have_bodies),
        cmocka_unit_test(test_errors_say_why),
        cmocka_unit_test(test_values_cannot_split_a_response),
        cmocka_unit_test(test_streams_are_chunked_or_end_with_the_connection),
        cmocka_unit_test(test_continue_is_a_response_of_its_own),
        cmocka_unit_test(test_writing_without_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
