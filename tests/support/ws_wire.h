/*
 * ws_wire.h - WebSocket bytes for tests: frames as a client or server sends them, and what a
 * decoder makes of them, as text.
 *
 *     wire_frame(&wire, WS_TEXT | WS_FIN, BELFRY_BYTES("hi"), WS_CLIENT);
 *     wire_decode(&config, params, buf_bytes(&wire), 0, 1, &transcript);   byte by byte
 *     transcript: "text:hi\n"
 */
#ifndef SUPPORT_WS_WIRE_H
#define SUPPORT_WS_WIRE_H

#include "base/buf.h"
#include "ws/decoder.h"

/* Appends a frame as @sender would; a client's is masked, with a key that changes. */
void wire_frame(struct buf *out, unsigned first, belfry_bytes payload, enum ws_role sender);

/* Appends unmasked frames, right or wrong, cut short or not, as a client would have sent them. */
void wire_mask_all(struct buf *out, belfry_bytes unmasked);

/*
 * Feeds @wire in reads of @first bytes (0: none such) and then @step bytes each, every read in
 * memory of exactly its size that is gone afterwards, and appends a line per event: "text:...",
 * "binary:...", "ping:...", "pong:...", "close:CODE:REASON", "fail:CODE"; bytes that are not
 * printable ASCII as \xNN. Overwrites what events in place allow to.
 *
 * Returns the bytes the decoder held before it was freed.
 */
size_t wire_decode(const struct ws_decoder_config *config, struct ws_deflate_params params,
                   belfry_bytes wire, size_t first, size_t step, struct buf *transcript);

#endif
