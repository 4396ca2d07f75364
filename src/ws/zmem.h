/*
 * zmem.h - zlib's memory through our door, and counted. For this folder.
 */
#ifndef WS_ZMEM_H
#define WS_ZMEM_H

#include <zlib.h>

#include "base/defs.h"

/* Makes @z allocate with mem_*, adding to *@bytes, which lives as long as @z. Before *Init2. */
void zmem_install(z_stream *z, size_t *bytes);

#endif
