/*
 * sim_alloc.c - a header in front of each block says how large it is and whose.
 */
#include "support/sim_alloc.h"

#include <stdlib.h>

#include "base/alloc.h"

struct block {
    size_t size;
    enum sim_side side;
    _Alignas(16) uint8_t bytes[];
};

static struct {
    enum sim_side side;
    uint64_t count;
    size_t bytes;
    uint64_t fail_first; /* an absolute number of an allocation; 0: none */
    uint64_t fail_count;
} sim_alloc;

bool sim_alloc_strikes(void)
{
    if (sim_alloc.side != SIM_SERVER)
        return false;
    sim_alloc.count++;
    return sim_alloc.fail_first != 0 && sim_alloc.count >= sim_alloc.fail_first &&
           sim_alloc.count - sim_alloc.fail_first < sim_alloc.fail_count;
}

static void account(const struct block *block, bool is_added)
{
    if (block->side != SIM_SERVER)
        return;
    if (is_added)
        sim_alloc.bytes += block->size;
    else
        sim_alloc.bytes -= block->size;
}

static void *allocate(size_t size)
{
    struct block *block = sim_alloc_strikes() ? NULL : malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->side = sim_alloc.side;
    account(block, true);
    return block->bytes;
}

static void release(void *memory)
{
    if (memory == NULL)
        return;
    struct block *block = BELFRY_CONTAINER_OF(memory, struct block, bytes);
    account(block, false);
    free(block);
}

/* Always moves: whoever keeps an old pointer is found out. */
static void *reallocate(void *old, size_t size)
{
    void *fresh = allocate(size);
    if (fresh == NULL || old == NULL)
        return fresh;
    const struct block *block = BELFRY_CONTAINER_OF(old, struct block, bytes);
    memcpy(fresh, old, BELFRY_MIN(size, block->size));
    release(old);
    return fresh;
}

void sim_alloc_install(void)
{
    mem_set_functions(allocate, reallocate, release);
}

enum sim_side sim_alloc_enter(enum sim_side side)
{
    enum sim_side before = sim_alloc.side;
    sim_alloc.side = side;
    return before;
}

void sim_alloc_fail(uint64_t first, uint64_t count)
{
    sim_alloc.fail_first = first == 0 ? 0 : sim_alloc.count + first;
    sim_alloc.fail_count = count;
}

uint64_t sim_alloc_count(void)
{
    return sim_alloc.count;
}

size_t sim_alloc_bytes(void)
{
    return sim_alloc.bytes;
}
