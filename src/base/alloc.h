/*
 * alloc.h - memory, through one door.
 *
 * Every allocation of the library goes through these, so that an embedder can set its own
 * allocator and the tests can make the nth one fail. All return NULL when memory is out.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

#include "base/defs.h"

void *mem_alloc(size_t size);
void *mem_alloc_zeroed(size_t size);
void *mem_realloc(void *old, size_t size);
void mem_free(void *memory); /* NULL is fine */

/* A NUL-terminated copy of @text. */
char *mem_dup_bytes(belfry_bytes text);
char *mem_dup_text(const char *text);

/* Gives freed memory back to the system, where the allocator can. */
void mem_trim(void);

/* Process-wide; before first use. NULL restores the C library's. */
void mem_set_functions(void *(*alloc)(size_t), void *(*realloc)(void *, size_t),
                       void (*free)(void *));

#endif
