/*
 * What is understood of the relay's messages is written again as the same message.
 */
#include "server/relay_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct relay_message first, second;
    struct buf wire = { 0 };
    if (!relay_read(bytes_of(data, size), &first))
        return 0;
    relay_put(&wire, &first);
    BELFRY_ASSERT(relay_read(buf_bytes(&wire), &second));
    BELFRY_ASSERT(first.kind == second.kind && first.id == second.id &&
                  first.worker == second.worker && first.is_secure == second.is_secure &&
                  first.status == second.status && first.number == second.number);
    BELFRY_ASSERT(bytes_equal(first.from, second.from) &&
                  bytes_equal(first.address, second.address) &&
                  bytes_equal(first.head, second.head) && bytes_equal(first.body, second.body));
    buf_deinit(&wire);
    return 0;
}
