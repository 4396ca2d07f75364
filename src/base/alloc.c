/*
 * alloc.c - the allocator in force: three pointers, the C library's unless set.
 */
#include "base/alloc.h"

#include <malloc.h>
#include <stdlib.h>

static void *(*alloc_fn)(size_t) = malloc;
static void *(*realloc_fn)(void *, size_t) = realloc;
static void (*free_fn)(void *) = free;

void *mem_alloc(size_t size)
{
    return alloc_fn(size);
}

void *mem_alloc_zeroed(size_t size)
{
    void *memory = alloc_fn(size);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void *mem_realloc(void *old, size_t size)
{
    return realloc_fn(old, size);
}

void mem_free(void *memory)
{
    if (memory != NULL)
        free_fn(memory);
}

char *mem_dup_bytes(belfry_bytes text)
{
    char *copy = mem_alloc(text.size + 1);
    if (copy == NULL)
        return NULL;
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

char *mem_dup_text(const char *text)
{
    return mem_dup_bytes(bytes_of_text(text));
}

void mem_trim(void)
{
    if (alloc_fn == malloc)
        (void)malloc_trim(0);
}

void mem_set_functions(void *(*alloc)(size_t), void *(*realloc_with)(void *, size_t),
                       void (*free_with)(void *))
{
    alloc_fn = alloc != NULL ? alloc : malloc;
    realloc_fn = realloc_with != NULL ? realloc_with : realloc;
    free_fn = free_with != NULL ? free_with : free;
}
