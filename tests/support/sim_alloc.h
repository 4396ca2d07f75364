/*
 * sim_alloc.h - an allocator that counts what the server holds, and fails when told to.
 *
 * Test code runs in the same process and uses the same buffers; what it allocates is neither
 * counted nor refused. sim_alloc_enter says whose turn it is.
 */
#ifndef SUPPORT_SIM_ALLOC_H
#define SUPPORT_SIM_ALLOC_H

#include "base/defs.h"

enum sim_side { SIM_TEST, SIM_SERVER };

/* Takes over from the C library, for the whole process; twice is a no-op. */
void sim_alloc_install(void);

/* Whose allocations follow; returns whose they were. */
enum sim_side sim_alloc_enter(enum sim_side side);

/* The server's allocations from the @first (1: the next one) on fail, @count of them. 0, 0: none.
 */
void sim_alloc_fail(uint64_t first, uint64_t count);

/* Counts as an allocation of the server: true when it is to fail. For what the kernel allocates. */
bool sim_alloc_strikes(void);

uint64_t sim_alloc_count(void); /* of the server so far, failed ones included */
size_t sim_alloc_bytes(void);   /* that the server holds now */

#endif
