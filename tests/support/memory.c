/*
 * memory.c - three functions around the C library's, and two counters.
 */
#include "support/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"

#define KEPT_APART 16 /* bytes of each allocation */

static atomic_long live;
static atomic_long bytes;
static atomic_long until_failure; /* 1: the next one; at or below 0: nothing to come */
static atomic_bool has_failed;

static bool must_fail(void)
{
    if (atomic_load(&until_failure) <= 0 || atomic_fetch_sub(&until_failure, 1) != 1)
        return false;
    atomic_store(&has_failed, true);
    return true;
}

static void count(long allocations, size_t size)
{
    atomic_fetch_add(&live, allocations);
    atomic_fetch_add(&bytes, allocations * ((long)size + KEPT_APART));
}

void *memory_alloc(size_t size)
{
    void *memory = must_fail() ? NULL : malloc(size);
    if (memory != NULL)
        count(1, malloc_usable_size(memory));
    return memory;
}

void *memory_realloc(void *old, size_t size)
{
    size_t old_size = old != NULL ? malloc_usable_size(old) : 0;
    void *memory = must_fail() ? NULL : realloc(old, size);
    if (memory != NULL && old != NULL)
        count(-1, old_size);
    if (memory != NULL)
        count(1, malloc_usable_size(memory));
    return memory;
}

void memory_free(void *memory)
{
    if (memory != NULL)
        count(-1, malloc_usable_size(memory));
    free(memory);
}

void memory_watch(void)
{
    atomic_store(&live, 0);
    atomic_store(&bytes, 0);
    memory_fail_at(0);
    mem_set_functions(memory_alloc, memory_realloc, memory_free);
}

void memory_unwatch(void)
{
    mem_set_functions(NULL, NULL, NULL);
}

void memory_fail_at(long n)
{
    atomic_store(&has_failed, false);
    atomic_store(&until_failure, n);
}

bool memory_has_failed(void)
{
    return atomic_load(&has_failed);
}

long memory_live(void)
{
    return atomic_load(&live);
}

long memory_bytes(void)
{
    return atomic_load(&bytes);
}
