/*
 * mask.h - the XOR of RFC 6455 5.3, at the speed of memory.
 *
 * @key is the four bytes as they lie on the wire (memcpy them into it); @phase is the offset of
 * @data within the frame's payload, of which only the last two bits matter. Any alignment. Masking
 * and unmasking are the same thing.
 */
#ifndef WS_MASK_H
#define WS_MASK_H

#include "base/defs.h"

void ws_mask(uint8_t *data, size_t size, uint32_t key, size_t phase);

/* The same, and says whether every byte came out below 0x80: such text needs no UTF-8 check. */
bool ws_mask_is_ascii(uint8_t *data, size_t size, uint32_t key, size_t phase);

#endif
