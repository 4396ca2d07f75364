/*
 * close.c - what the table in close.h says, as functions.
 */
#include "ws/close.h"

#include "base/utf8.h"

bool ws_close_is_valid(unsigned code)
{
    switch (code) {
#define WIRE_CASE(name, number, may_be_sent, text) \
    case number:                                   \
        return may_be_sent;
        WS_CLOSE_CODES(WIRE_CASE)
#undef WIRE_CASE
    default: /* 3000-3999 libraries and applications, 4000-4999 private use (RFC 6455 7.4.2) */
        return code >= 3000 && code <= 4999;
    }
}

const char *ws_close_text(unsigned code)
{
    switch (code) {
#define TEXT_CASE(name, number, may_be_sent, text) \
    case number:                                   \
        return text;
        WS_CLOSE_CODES(TEXT_CASE)
#undef TEXT_CASE
    default:
        return code >= 3000 && code <= 4999 ? "application code" : "unknown code";
    }
}

size_t ws_close_write(uint8_t out[WS_CONTROL_PAYLOAD_MAX], unsigned code, belfry_bytes reason)
{
    if (code == WS_CLOSE_NO_STATUS)
        return 0;
    BELFRY_ASSERT(ws_close_is_valid(code));
    size_t kept = utf8_cut(reason, WS_CONTROL_PAYLOAD_MAX - 2);
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    if (kept > 0)
        memcpy(out + 2, reason.data, kept);
    return 2 + kept;
}
