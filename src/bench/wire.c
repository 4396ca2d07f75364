/*
 * wire.c - frame headers (RFC 6455 5.2), written one way and read the other.
 */
#include "bench/wire.h"

enum {
    FINAL_BIT = 0x80,
    RESERVED_BITS = 0x70,
    MASK_BIT = 0x80,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    KEY_BYTES = 4,
};

/* RFC 6455 10.3 wants keys that cannot be guessed, to protect proxies from scripts in browsers. We
 * are no browser; a constant key lets one buffer serve every connection. */
static const uint8_t mask_key[KEY_BYTES] = { 0x5b, 0xe1, 0xf7, 0x29 };

static void put_big_endian(struct buf *out, uint64_t number, unsigned byte_count)
{
    while (byte_count-- > 0)
        buf_put_char(out, (char)(number >> (8 * byte_count)));
}

static void put_header(struct buf *out, enum wire_opcode opcode, size_t size, uint8_t mask_bit)
{
    buf_put_char(out, (char)(FINAL_BIT | opcode));
    if (size < LENGTH_16) {
        buf_put_char(out, (char)(mask_bit | size));
    } else if (size <= UINT16_MAX) {
        buf_put_char(out, (char)(mask_bit | LENGTH_16));
        put_big_endian(out, size, 2);
    } else {
        buf_put_char(out, (char)(mask_bit | LENGTH_64));
        put_big_endian(out, size, 8);
    }
}

void wire_put_client_frame(struct buf *out, enum wire_opcode opcode, belfry_bytes payload)
{
    put_header(out, opcode, payload.size, MASK_BIT);
    buf_put(out, mask_key, sizeof mask_key);
    buf_put_bytes(out, payload);
    if (buf_failed(out))
        return;
    uint8_t *masked = out->data + out->size - payload.size;
    for (size_t i = 0; i < payload.size; i++)
        masked[i] ^= mask_key[i % KEY_BYTES];
}

void wire_put_server_frame(struct buf *out, enum wire_opcode opcode, belfry_bytes payload)
{
    put_header(out, opcode, payload.size, 0);
    buf_put_bytes(out, payload);
}

static uint64_t read_big_endian(const uint8_t *bytes, size_t byte_count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < byte_count; i++)
        number = number << 8 | bytes[i];
    return number;
}

enum wire_verdict wire_peek(belfry_bytes bytes, struct wire_frame *out_frame)
{
    const uint8_t *data = bytes.data;
    if (bytes.size < 2)
        return WIRE_INCOMPLETE;
    /* No extension was offered, and servers never mask (RFC 6455 5.1). */
    if ((data[0] & RESERVED_BITS) != 0 || (data[1] & MASK_BIT) != 0)
        return WIRE_INVALID;
    size_t length_bytes = data[1] == LENGTH_64 ? 8 : data[1] == LENGTH_16 ? 2 : 0;
    if (bytes.size < 2 + length_bytes)
        return WIRE_INCOMPLETE;
    *out_frame = (struct wire_frame){
        .opcode = data[0] & 0x0f,
        .is_final = (data[0] & FINAL_BIT) != 0,
        .header_bytes = 2 + length_bytes,
        .payload_bytes = length_bytes == 0 ? data[1] : read_big_endian(data + 2, length_bytes),
    };
    if (wire_is_control(out_frame->opcode) && out_frame->payload_bytes > WIRE_MAX_CONTROL_BYTES)
        return WIRE_INVALID;
    return WIRE_FRAME;
}
