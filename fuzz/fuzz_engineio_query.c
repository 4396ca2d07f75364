/*
 * fuzz_engineio_query.c - a query means the same when it is written from what it meant, whatever
 * stood before.
 */
#include "engineio/query.h"

#include "base/buf.h"

static void check_inside(belfry_bytes part, belfry_bytes whole)
{
    const uint8_t *at = part.data, *start = whole.data;
    BELFRY_ASSERT(part.size == 0 || (at >= start && at + part.size <= start + whole.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eio_query first, second;
    struct buf again = { 0 };
    belfry_bytes query = bytes_of(data, size);
    eio_query_parse(query, &first);
    check_inside(first.sid, query);
    check_inside(first.transport_text, query);
    check_inside(first.jsonp, query);
    buf_put_bytes(&again, query);
    buf_printf(&again, "&EIO=%d&b64=%s&transport=", first.revision, first.wants_base64 ? "1" : "");
    buf_put_bytes(&again, first.transport_text);
    buf_put_text(&again, "&%73id=");
    buf_put_bytes(&again, first.sid);
    eio_query_parse(buf_bytes(&again), &second);
    BELFRY_ASSERT(first.revision == second.revision && first.transport == second.transport);
    BELFRY_ASSERT(first.has_sid == second.has_sid && bytes_equal(first.sid, second.sid));
    BELFRY_ASSERT(first.wants_base64 == second.wants_base64 && first.is_jsonp == second.is_jsonp);
    buf_deinit(&again);
    return 0;
}
