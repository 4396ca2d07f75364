/*
 * ws_wire.c - a slow, obvious encoder, and a decoder's events as lines.
 */
#include "support/ws_wire.h"

#include <stdlib.h>

#include "ws/encoder.h"

static uint32_t key_number;

static void put_masked(struct buf *out, const uint8_t *data, size_t size, const uint8_t *key)
{
    for (size_t i = 0; i < size; i++)
        buf_put_char(out, (char)(data[i] ^ key[i % 4]));
}

static uint32_t next_key(void)
{
    key_number += 0x9E3779B9u;
    return key_number;
}

void wire_frame(struct buf *out, unsigned first, belfry_bytes payload, enum ws_role sender)
{
    uint8_t header[WS_HEADER_MAX];
    if (sender == WS_SERVER) {
        buf_put(out, header, ws_header_write(header, first, payload.size));
        buf_put_bytes(out, payload);
        return;
    }
    uint32_t key = next_key();
    size_t size = ws_header_write_masked(header, first, payload.size, key);
    buf_put(out, header, size);
    put_masked(out, payload.data, payload.size, header + size - sizeof key);
}

/* One frame of @at, which has at least a byte; returns how much of it that was. */
static size_t mask_one(struct buf *out, const uint8_t *at, size_t size)
{
    uint32_t number = next_key();
    uint8_t key[4];
    memcpy(key, &number, sizeof key);
    buf_put(out, at, 1);
    if (size == 1)
        return 1;
    buf_put_char(out, (char)(at[1] | WS_MASKED));
    size_t length_size = at[1] == 126 ? 2 : at[1] == 127 ? 8 : 0;
    uint64_t payload = length_size == 0 ? at[1] : 0;
    if (size < 2 + length_size) {
        buf_put(out, at + 2, size - 2);
        return size;
    }
    for (size_t i = 0; i < length_size; i++)
        payload = payload << 8 | at[2 + i];
    buf_put(out, at + 2, length_size);
    buf_put(out, key, sizeof key);
    size_t there = (size_t)BELFRY_MIN(payload, (uint64_t)(size - 2 - length_size));
    put_masked(out, at + 2 + length_size, there, key);
    return 2 + length_size + there;
}

void wire_mask_all(struct buf *out, belfry_bytes unmasked)
{
    const uint8_t *at = unmasked.data;
    for (size_t done = 0; done < unmasked.size;)
        done += mask_one(out, at + done, unmasked.size - done);
}

static void put_data(struct buf *out, const struct ws_event *event)
{
    for (size_t i = 0; i < event->size; i++) {
        uint8_t b = event->data[i];
        if (b >= 0x20 && b < 0x7F)
            buf_put_char(out, (char)b);
        else
            buf_printf(out, "\\x%02x", b);
    }
    buf_put_char(out, '\n');
}

static void put_event(struct buf *out, const struct ws_event *event)
{
    switch (event->type) {
    case WS_EVENT_TEXT:
        buf_put_text(out, "text:");
        break;
    case WS_EVENT_BINARY:
        buf_put_text(out, "binary:");
        break;
    case WS_EVENT_PING:
        buf_put_text(out, "ping:");
        break;
    case WS_EVENT_PONG:
        buf_put_text(out, "pong:");
        break;
    case WS_EVENT_CLOSE:
        buf_printf(out, "close:%u:", event->code);
        break;
    case WS_EVENT_FAIL:
        BELFRY_ASSERT(event->why != NULL);
        buf_printf(out, "fail:%u", event->code);
        break;
    }
    put_data(out, event);
}

/* One read, in memory of its own. */
static void feed(struct ws_decoder *d, const struct ws_decoder_config *config, const uint8_t *data,
                 size_t size, struct buf *transcript)
{
    uint8_t *input = malloc(size > 0 ? size : 1);
    BELFRY_ASSERT(input != NULL);
    if (size > 0)
        memcpy(input, data, size);
    uint8_t *at = input;
    struct ws_event event;
    while (ws_decoder_next(d, config, &at, input + size, &event)) {
        if (event.is_in_place) {
            size_t header_size = ws_header_size(event.size);
            BELFRY_ASSERT((size_t)(event.data - input) >= header_size);
            memset(event.data - header_size, 0xAA, header_size);
        }
        put_event(transcript, &event);
    }
    BELFRY_ASSERT(at == input + size);
    free(input);
}

size_t wire_decode(const struct ws_decoder_config *config, struct ws_deflate_params params,
                   belfry_bytes wire, size_t first, size_t step, struct buf *transcript)
{
    struct ws_decoder d = { .params = params };
    const uint8_t *data = wire.data;
    size_t done = BELFRY_MIN(first, wire.size);
    feed(&d, config, data, done, transcript);
    while (done < wire.size) {
        size_t size = BELFRY_MIN(step, wire.size - done);
        feed(&d, config, data + done, size, transcript);
        done += size;
    }
    size_t held = ws_decoder_memory(&d);
    ws_decoder_deinit(&d);
    BELFRY_ASSERT(ws_decoder_memory(&d) == 0);
    return held;
}
