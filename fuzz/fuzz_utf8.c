/*
 * fuzz_utf8.c - the fast validator agrees with itself byte by byte, wherever the text begins.
 */
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t start = 0; start < BELFRY_MIN(size, 4); start++) {
        struct utf8 whole = { 0 }, dripped = { 0 };
        bool is_good = true;
        for (size_t i = start; is_good && i < size; i++)
            is_good = utf8_feed(&dripped, data + i, 1);
        BELFRY_ASSERT(utf8_feed(&whole, data + start, size - start) == is_good);
        BELFRY_ASSERT(!is_good || whole.state == dripped.state);
        BELFRY_ASSERT(utf8_is_valid(bytes_of(data + start, size - start)) ==
                      (is_good && utf8_is_complete(&dripped)));
    }
    return 0;
}
