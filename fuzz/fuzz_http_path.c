/*
 * Whatever a path becomes stays under the root, and means itself: encoded again, it comes out the
 * same. Queries of the same bytes only have to survive.
 */
#include "base/utf8.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(belfry_bytes file)
{
    const uint8_t *bytes = file.data;
    BELFRY_ASSERT(utf8_is_valid(file));
    for (size_t i = 0; i < file.size; i++) {
        bool starts_segment = i == 0 || bytes[i - 1] == '/';
        BELFRY_ASSERT(!starts_segment || (bytes[i] != '.' && bytes[i] != '/'));
        BELFRY_ASSERT(bytes[i] >= ' ' && bytes[i] != 0x7f && bytes[i] != '\\');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf file = { 0 };
    struct buf encoded = { 0 };
    struct buf again = { 0 };
    if (http_path_to_file(bytes_of(data, size), &file) == 0) {
        check_file(buf_bytes(&file));
        buf_put_char(&encoded, '/');
        for (size_t i = 0; i < file.size; i++)
            buf_printf(&encoded, file.data[i] == '/' ? "/" : "%%%02x", file.data[i]);
        BELFRY_ASSERT(http_path_to_file(buf_bytes(&encoded), &again) == 0);
        BELFRY_ASSERT(bytes_equal(buf_bytes(&file), buf_bytes(&again)));
    }
    belfry_bytes rest = bytes_of(data, size);
    while (http_query_find_next(&rest, "a", &again) != BELFRY_ERR_NOT_FOUND)
        BELFRY_ASSERT(again.size <= size);
    buf_deinit(&file);
    buf_deinit(&encoded);
    buf_deinit(&again);
    return 0;
}
