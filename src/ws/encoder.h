/*
 * encoder.h - frame headers (RFC 6455 5.2). A frame is a header and a payload; nothing is copied.
 *
 *     size_t n = ws_header_write(out, WS_TEXT | WS_FIN, size);
 *
 * @first is an enum ws_opcode with WS_FIN and, on the first frame of a deflated message,
 * WS_COMPRESSED. Inline, because every message passes here.
 */
#ifndef WS_ENCODER_H
#define WS_ENCODER_H

#include "base/defs.h"
#include "ws/opcode.h"

/* Bytes of the unmasked header in front of @size bytes of payload: 2, 4 or 10. */
static inline size_t ws_header_size(uint64_t size)
{
    return size < 126 ? 2 : size <= UINT16_MAX ? 4 : 10;
}

/* Writes an unmasked header, ws_header_size(@size) bytes, and returns how many. Server side. */
static inline size_t ws_header_write(uint8_t *out, unsigned first, uint64_t size)
{
    out[0] = (uint8_t)first;
    if (size < 126) {
        out[1] = (uint8_t)size;
        return 2;
    }
    if (size <= UINT16_MAX) {
        out[1] = 126;
        out[2] = (uint8_t)(size >> 8);
        out[3] = (uint8_t)size;
        return 4;
    }
    out[1] = 127;
    for (int i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)(size >> (56 - 8 * i));
    return 10;
}

/* The client's: 4 bytes longer, ending in @key (unguessable, a new one for every frame), with which
 * the caller then masks the payload: ws_mask(payload, size, key, 0). */
static inline size_t ws_header_write_masked(uint8_t *out, unsigned first, uint64_t size,
                                            uint32_t key)
{
    size_t written = ws_header_write(out, first, size);
    out[1] |= WS_MASKED;
    memcpy(out + written, &key, sizeof key);
    return written + sizeof key;
}

#endif
