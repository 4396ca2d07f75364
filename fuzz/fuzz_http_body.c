/*
 * A body read at once and byte by byte: the same data, the same end, the same bytes left over.
 * The first byte of the input chooses the framing: 0 to 127 that length, otherwise chunks.
 */
#include "base/buf.h"
#include "http/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_BODY 100

struct told {
    struct buf data;
    size_t taken;
    unsigned status; /* 200 is END */
};

static struct told decode(const struct http_head *head, const uint8_t *data, size_t size,
                          size_t step)
{
    struct told t = { 0 };
    struct http_body body;
    struct http_body_event event;
    const uint8_t *at = data;
    http_body_init(&body, head, MAX_BODY);
    for (size_t end = 0; !http_body_is_over(&body) && end <= size; end += step)
        while (http_body_next(&body, &at, data + end, &event)) {
            if (event.type == HTTP_BODY_DATA)
                buf_put_bytes(&t.data, event.data);
            else
                t.status = event.type == HTTP_BODY_END ? 200 : event.status;
        }
    t.taken = (size_t)(at - data);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct http_head head = { .framing = data[0] < 128 ? HTTP_LENGTH : HTTP_CHUNKED,
                              .content_length = data[0] < 128 ? data[0] : 0 };
    struct told whole = decode(&head, data + 1, size - 1, size - 1);
    struct told dripped = decode(&head, data + 1, size - 1, 1);
    BELFRY_ASSERT(whole.status == dripped.status);
    BELFRY_ASSERT(whole.taken == dripped.taken);
    BELFRY_ASSERT(whole.data.size <= MAX_BODY);
    BELFRY_ASSERT(bytes_equal(buf_bytes(&whole.data), buf_bytes(&dripped.data)));
    buf_deinit(&whole.data);
    buf_deinit(&dripped.data);
    return 0;
}
