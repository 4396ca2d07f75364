/*
 * defs.h - the few macros that every file may use.
 */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <belfry/bytes.h>
#include <belfry/error.h>

/* The struct of type @type whose member @member is at @ptr. */
#define BELFRY_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* One past the last element of an array, for loops over tables. */
#define BELFRY_END(array) ((array) + sizeof(array) / sizeof((array)[0]))
#define BELFRY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define BELFRY_MIN(a, b) ((a) < (b) ? (a) : (b))
#define BELFRY_MAX(a, b) ((a) > (b) ? (a) : (b))

#define BELFRY_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define BELFRY_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* What must hold of our own code. Stops in release builds too; never a fact about a peer. */
#define BELFRY_ASSERT(condition) \
    (BELFRY_LIKELY(condition) ? (void)0 : belfry_assert_failed(#condition, __FILE__, __LINE__))
#define BELFRY_UNREACHABLE(why) belfry_assert_failed(why, __FILE__, __LINE__)

__attribute__((noreturn, cold)) void belfry_assert_failed(const char *what, const char *file,
                                                          int line);

static inline belfry_bytes bytes_of(const void *data, size_t size)
{
    return (belfry_bytes){ data, size };
}

static inline belfry_bytes bytes_of_text(const char *text)
{
    return (belfry_bytes){ text, text == NULL ? 0 : strlen(text) };
}

static inline bool bytes_equal(belfry_bytes a, belfry_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_equal_text(belfry_bytes a, const char *text)
{
    return bytes_equal(a, bytes_of_text(text));
}

#endif
