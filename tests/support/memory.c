/*
 * memory.c - three functions around the C library's, and two counters.
 */
#include "support/memory.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"

static atomic_long live;
static atomic_long until_failure; /* 1: the next one; at or below 0: nothing to come */
static atomic_bool has_failed;

static bool must_fail(void)
{
    if (atomic_load(&until_failure) <= 0 || atomic_fetch_sub(&until_failure, 1) != 1)
        return false;
    atomic_store(&has_failed, true);
    return true;
}

void *memory_alloc(size_t size)
{
    void *memory = must_fail() ? NULL : malloc(size);
    if (memory != NULL)
        atomic_fetch_add(&live, 1);
    return memory;
}

void *memory_realloc(void *old, size_t size)
{
    void *memory = must_fail() ? NULL : realloc(old, size);
    if (memory != NULL && old == NULL)
        atomic_fetch_add(&live, 1);
    return memory;
}

void memory_free(void *memory)
{
    if (memory != NULL)
        atomic_fetch_sub(&live, 1);
    free(memory);
}

void memory_watch(void)
{
    atomic_store(&live, 0);
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
