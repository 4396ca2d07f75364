/*
 * buf.h - a growable run of bytes with one owner.
 *
 *     struct buf b = { 0 };               all zero is an empty buffer
 *     err = buf_append(&b, data, size);
 *     buf_deinit(&b);
 *
 * Growing doubles, never reserves what a peer has only declared. On BELFRY_ERR_NOMEM the contents
 * are unchanged. For text there is a sticky way: build with buf_put_*, ask buf_failed() once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/defs.h"

struct buf {
    uint8_t *data;
    size_t size;
    size_t capacity : 63;
    size_t has_failed : 1;
};

void buf_deinit(struct buf *b); /* frees and empties; may be used again */

BELFRY_NODISCARD belfry_err buf_reserve(struct buf *b, size_t more);
BELFRY_NODISCARD belfry_err buf_append(struct buf *b, const void *data, size_t size);

/* Drops the first @size bytes. */
void buf_consume(struct buf *b, size_t size);

static inline belfry_bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->data, b->size);
}

/* Sticky writers: once one fails, the rest do nothing and buf_failed() is true. Inline where there
 * is room already: packets are built of many small pieces. */
void buf_put_slowly(struct buf *b, const void *data, size_t size);

static inline void buf_put(struct buf *b, const void *data, size_t size)
{
    if (BELFRY_UNLIKELY(b->has_failed || size == 0 || size > b->capacity - b->size)) {
        buf_put_slowly(b, data, size);
        return;
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void buf_put_text(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

static inline void buf_put_char(struct buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_put_u64(struct buf *b, uint64_t number);
void buf_printf(struct buf *b, const char *format, ...) BELFRY_PRINTF(2, 3);

static inline void buf_put_bytes(struct buf *b, belfry_bytes bytes)
{
    buf_put(b, bytes.data, bytes.size);
}

static inline bool buf_failed(const struct buf *b)
{
    return b->has_failed;
}

/* Empties without freeing, and forgets a failure. */
static inline void buf_clear(struct buf *b)
{
    b->size = 0;
    b->has_failed = 0;
}

#endif
