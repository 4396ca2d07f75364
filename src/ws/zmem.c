/*
 * zmem.c - zlib frees only as a whole, with the stream, so the count only grows.
 */
#include "ws/zmem.h"

#include "base/alloc.h"

static void *allocate(void *user, unsigned items, unsigned size)
{
    size_t wanted = (size_t)items * size; /* two 32-bit factors: no overflow in 64 bits */
    size_t *bytes = user;
    void *memory = mem_alloc(wanted);
    if (memory != NULL)
        *bytes += wanted;
    return memory;
}

static void release(void *user, void *memory)
{
    (void)user;
    mem_free(memory);
}

void zmem_install(z_stream *z, size_t *bytes)
{
    z->zalloc = allocate;
    z->zfree = release;
    z->opaque = bytes;
}
