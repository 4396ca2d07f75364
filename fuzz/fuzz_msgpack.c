/*
 * Both ways and back: the first byte says whether the rest is JSON or MessagePack. What was
 * translated once translates without change from then on.
 */
#include "base/json.h"
#include "base/msgpack.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 16
#define MAX_BLOBS 4

static const struct msgpack_limits limits = { .max_depth = DEPTH, .max_blobs = MAX_BLOBS };

/* @json, which came of MessagePack, goes there and comes back as it is. */
static void check_stable(belfry_bytes json, const belfry_bytes *blobs, size_t blob_count)
{
    struct buf packed = { 0 }, again = { 0 };
    belfry_bytes blobs_again[MAX_BLOBS];
    size_t count;
    BELFRY_ASSERT(json_scan(json, DEPTH + 1, NULL, NULL) == BELFRY_OK && utf8_is_valid(json));
    const struct msgpack_limits deep = { .max_depth = DEPTH + 1, .max_blobs = MAX_BLOBS };
    BELFRY_ASSERT(msgpack_from_json(json, blobs, blob_count, &deep, &packed) == BELFRY_OK);
    BELFRY_ASSERT(msgpack_to_json(buf_bytes(&packed), &limits, &again, blobs_again, &count) ==
                  BELFRY_OK);
    BELFRY_ASSERT(bytes_equal(json, buf_bytes(&again)) && count == blob_count);
    for (size_t i = 0; i < count; i++)
        BELFRY_ASSERT(bytes_equal(blobs[i], blobs_again[i]));
    buf_deinit(&packed);
    buf_deinit(&again);
}

static void check_message(belfry_bytes message)
{
    struct buf json = { 0 };
    belfry_bytes blobs[MAX_BLOBS], value;
    size_t count;
    struct msgpack_reader r = msgpack_reader_of(message), skipped = r, passed = r;
    if (msgpack_skip(&skipped, &value))
        BELFRY_ASSERT(msgpack_pass(&passed) && passed.at == skipped.at);
    else if (msgpack_pass(&passed)) /* it does not look into texts */
        BELFRY_ASSERT(passed.at > skipped.at && passed.at <= passed.end);
    belfry_err err = msgpack_to_json(message, &limits, &json, blobs, &count);
    if (err == BELFRY_OK) {
        BELFRY_ASSERT(msgpack_pass(&r) && r.at == r.end);
        check_stable(buf_bytes(&json), blobs, count);
    }
    BELFRY_ASSERT(err == BELFRY_OK || json.size == 0);
    buf_deinit(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const belfry_bytes blob = BELFRY_BYTES("\x01\x02");
    struct buf packed = { 0 };
    belfry_bytes input = bytes_of(data + (size > 0), size - (size > 0));
    bool is_json = size > 0 && data[0] < 0x80;
    if (!is_json)
        check_message(input);
    else if (utf8_is_valid(input) &&
             msgpack_from_json(input, &blob, data[0] & 1, &limits, &packed) == BELFRY_OK)
        check_message(buf_bytes(&packed));
    buf_deinit(&packed);
    return 0;
}
