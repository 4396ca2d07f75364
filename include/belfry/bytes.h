/**
 * belfry/bytes.h - a pointer and a length that travel together.
 */
#ifndef BELFRY_BYTES_H
#define BELFRY_BYTES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that somebody else owns; @data may be NULL when @size is 0. Not NUL-terminated. */
typedef struct belfry_bytes {
    const void *data;
    size_t size;
} belfry_bytes;

/** The bytes of a string literal, without its NUL. */
#ifdef __cplusplus
#define BELFRY_BYTES(literal) (belfry_bytes{ "" literal, sizeof(literal) - 1 })
#else
#define BELFRY_BYTES(literal) ((belfry_bytes){ "" literal, sizeof(literal) - 1 })
#endif

#ifdef __cplusplus
}
#endif

#endif
