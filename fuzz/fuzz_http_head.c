/*
 * A request head read at once and byte by byte: the same verdict, after the same number of bytes.
 * What is accepted consists of spans of the input.
 */
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = { .max_head_bytes = 1024, .max_headers = 10 };

static void check_span(belfry_bytes span, const uint8_t *data, size_t size)
{
    const uint8_t *start = span.data;
    BELFRY_ASSERT(start >= data && span.size <= size && start <= data + size - span.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_field fields[10];
    struct http_head head = { .fields = fields, .field_capacity = BELFRY_COUNT(fields) };
    struct http_head_parser whole = { 0 };
    struct http_head_parser dripped = { 0 };

    enum http_verdict drip_verdict = HTTP_MORE;
    for (size_t end = 0; end <= size && drip_verdict == HTTP_MORE; end++)
        drip_verdict = http_head_parse(&dripped, &limits, data, end, &head);
    enum http_verdict verdict = http_head_parse(&whole, &limits, data, size, &head);

    BELFRY_ASSERT(verdict == drip_verdict);
    BELFRY_ASSERT(whole.at == dripped.at);
    BELFRY_ASSERT(whole.status == dripped.status);
    BELFRY_ASSERT((verdict == HTTP_REFUSED) == (whole.status != 0));
    if (verdict != HTTP_DONE)
        return 0;
    BELFRY_ASSERT(head.head_size == whole.at && head.head_size <= size);
    BELFRY_ASSERT(head.path.size > 0);
    BELFRY_ASSERT(head.host.size > 0 || head.minor_version == 0);
    check_span(head.target, data, head.head_size);
    for (size_t i = 0; i < head.field_count; i++) {
        check_span(fields[i].name, data, head.head_size);
        check_span(fields[i].value, data, head.head_size);
    }
    return 0;
}
