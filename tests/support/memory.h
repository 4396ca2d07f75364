/*
 * memory.h - an allocator for tests: it counts what is live and can fail the nth allocation.
 *
 *     memory_watch();
 *     for (long n = 1; ; n++) {
 *         memory_fail_at(n);
 *         ... the scenario, to its end ...
 *         if (!memory_has_failed())
 *             break;                  every allocation of it has failed once
 *     }
 *     memory_unwatch();
 *
 * Thread: counting any; the rest while nobody else allocates.
 */
#ifndef SUPPORT_MEMORY_H
#define SUPPORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* From now on mem_* comes here; counts start at zero and nothing fails. */
void memory_watch(void);
void memory_unwatch(void); /* the C library's again */

void memory_fail_at(long n); /* the nth allocation from now fails, once; 0: none */
bool memory_has_failed(void);

long memory_live(void); /* allocations made since memory_watch and not freed yet */

/* Bytes of these, and what the C library needs to keep them apart. */
long memory_bytes(void);

/* The functions, for belfry_set_alloc. */
void *memory_alloc(size_t size);
void *memory_realloc(void *old, size_t size);
void memory_free(void *memory);

#endif
