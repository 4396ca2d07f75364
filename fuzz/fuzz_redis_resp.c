/*
 * However a stream of replies is cut, the same replies come of it, or the same refusal; what was
 * read of them lies within bounds. The first byte says how it is cut.
 */
#include "base/buf.h"
#include "redis/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct resp_limits limits = { .max_reply_bytes = 4096, .max_items = 64 };

static uint64_t sum_of(belfry_bytes text)
{
    uint64_t sum = text.size;
    for (size_t i = 0; i < text.size; i++)
        sum = sum * 31 + ((const uint8_t *)text.data)[i];
    return sum;
}

/* A digest: replies of the same shape and content have the same. */
static uint64_t digest(const struct resp *reply)
{
    uint64_t sum = (uint64_t)reply->type * 7 + (uint64_t)reply->integer;
    if (reply->type != RESP_ARRAY)
        return sum + sum_of(reply->text);
    BELFRY_ASSERT(reply->count <= limits.max_items);
    for (uint32_t i = 0; i < reply->count; i++)
        sum = sum * 1000003 + digest(&reply->items[i]);
    return sum;
}

static uint64_t read_all(const uint8_t *data, size_t size, size_t piece, belfry_err *out_err)
{
    struct resp_reader *reader = resp_reader_new(&limits);
    uint64_t sum = 0;
    belfry_err err = BELFRY_OK;
    for (size_t at = 0; at < size && err == BELFRY_OK; at += piece) {
        const struct resp *reply = NULL;
        err = resp_feed(reader, data + at, BELFRY_MIN(piece, size - at));
        while (err == BELFRY_OK && (err = resp_next(reader, &reply)) == BELFRY_OK && reply != NULL)
            sum = sum * 31 + digest(reply);
    }
    (void)resp_reader_free(reader);
    *out_err = err;
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 2048) /* below what a limit of bytes would see earlier or later */
        return 0;
    belfry_err whole_err, cut_err;
    size_t piece = (size_t)data[0] % 64 + 1;
    uint64_t whole = read_all(data + 1, size - 1, size, &whole_err);
    uint64_t cut = read_all(data + 1, size - 1, piece, &cut_err);
    BELFRY_ASSERT(whole_err == cut_err && whole == cut);
    return 0;
}
