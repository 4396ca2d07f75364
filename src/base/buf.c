/*
 * buf.c - doubling, and number and printf writers.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

#define SMALLEST_CAPACITY 64

void buf_deinit(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){ 0 };
}

belfry_err buf_reserve(struct buf *b, size_t more)
{
    if (more <= b->capacity - b->size)
        return BELFRY_OK;
    if (more > SIZE_MAX / 4 - b->size)
        return BELFRY_ERR_NOMEM;
    size_t wanted = b->size + more;
    size_t capacity = BELFRY_MAX((size_t)b->capacity * 2, SMALLEST_CAPACITY);
    while (capacity < wanted)
        capacity *= 2;
    uint8_t *data = mem_realloc(b->data, capacity);
    if (data == NULL)
        return BELFRY_ERR_NOMEM;
    b->data = data;
    b->capacity = capacity & (SIZE_MAX >> 1);
    return BELFRY_OK;
}

belfry_err buf_append(struct buf *b, const void *data, size_t size)
{
    if (size == 0)
        return BELFRY_OK;
    belfry_err err = buf_reserve(b, size);
    if (err != BELFRY_OK)
        return err;
    memcpy(b->data + b->size, data, size);
    b->size += size;
    return BELFRY_OK;
}

void buf_consume(struct buf *b, size_t size)
{
    BELFRY_ASSERT(size <= b->size);
    b->size -= size;
    if (b->size > 0)
        memmove(b->data, b->data + size, b->size);
}

void buf_put_slowly(struct buf *b, const void *data, size_t size)
{
    if (!b->has_failed && buf_append(b, data, size) != BELFRY_OK)
        b->has_failed = 1;
}

void buf_put_u64(struct buf *b, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_put(b, digits + at, sizeof digits - at);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (b->has_failed)
        return;
    /* vsnprintf writes a NUL behind the text; it needs room but is not counted. */
    if (size < 0 || buf_reserve(b, (size_t)size + 1) != BELFRY_OK) {
        b->has_failed = 1;
        return;
    }
    va_start(args, format);
    (void)vsnprintf((char *)b->data + b->size, (size_t)size + 1, format, args);
    va_end(args);
    b->size += (size_t)size;
}
