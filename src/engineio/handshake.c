/*
 * handshake.c - ids, the open packet and the cookie.
 */
#include "engineio/handshake.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 15 bytes are five groups of three without a rest, so there is no padding to think about. */
_Static_assert(EIO_SID_BYTES % 3 == 0 && EIO_SID_BYTES / 3 * 4 == EIO_SID_SIZE, "whole groups");

void eio_sid_write(const uint8_t bytes[EIO_SID_BYTES], char out_sid[EIO_SID_SIZE])
{
    for (size_t i = 0, o = 0; i < EIO_SID_BYTES; i += 3, o += 4) {
        uint32_t bits = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (unsigned k = 0; k < 4; k++)
            out_sid[o + k] = alphabet[bits >> (18 - 6 * k) & 63];
    }
}

static int sid_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool eio_sid_read(belfry_bytes sid, uint8_t out_bytes[EIO_SID_BYTES])
{
    const char *text = sid.data;
    uint8_t bytes[EIO_SID_BYTES];
    if (sid.size != EIO_SID_SIZE)
        return false;
    for (size_t i = 0, o = 0; i < EIO_SID_SIZE; i += 4, o += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = sid_value(text[i + k]);
            if (value < 0)
                return false;
            bits = bits << 6 | (uint32_t)value;
        }
        bytes[o] = (uint8_t)(bits >> 16);
        bytes[o + 1] = (uint8_t)(bits >> 8);
        bytes[o + 2] = (uint8_t)bits;
    }
    memcpy(out_bytes, bytes, sizeof bytes);
    return true;
}

void eio_handshake_put(struct buf *out, const struct eio_handshake *h)
{
    buf_put_text(out, "0{\"sid\":\"");
    buf_put_bytes(out, h->sid); /* [A-Za-z0-9_-] */
    buf_put_text(out, "\",\"upgrades\":[");
    buf_put_text(out, h->may_upgrade ? "\"websocket\"" : "");
    buf_put_text(out, "],\"pingInterval\":");
    buf_put_u64(out, h->ping_interval_ms);
    buf_put_text(out, ",\"pingTimeout\":");
    buf_put_u64(out, h->ping_timeout_ms);
    buf_put_text(out, ",\"maxPayload\":");
    buf_put_u64(out, h->max_payload);
    buf_put_char(out, '}');
}

static bool is_token(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", *at) != NULL)
            return false;
    }
    return *text != '\0';
}

/* RFC 6265's av-octets: anything but controls and ';'. */
static bool is_attribute_value(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text < ' ' || *text >= 0x7f || *text == ';')
            return false;
    }
    return true;
}

bool eio_cookie_is_valid(const struct eio_cookie *cookie)
{
    return (cookie->name == NULL || is_token(cookie->name)) && is_attribute_value(cookie->path) &&
           is_attribute_value(cookie->domain) && is_attribute_value(cookie->expires);
}

static void put_attribute(struct buf *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_put_text(out, name);
    buf_put_text(out, value);
}

static const char *same_site_text(enum eio_same_site same_site)
{
    switch (same_site) {
    case EIO_SAME_SITE_LAX:
        return "Lax";
    case EIO_SAME_SITE_STRICT:
        return "Strict";
    case EIO_SAME_SITE_NONE:
        return "None";
    case EIO_SAME_SITE_UNSET:
        break;
    }
    return NULL;
}

void eio_cookie_put(struct buf *out, const struct eio_cookie *cookie, belfry_bytes sid)
{
    BELFRY_ASSERT(eio_cookie_is_valid(cookie));
    buf_put_text(out, cookie->name != NULL ? cookie->name : "io");
    buf_put_char(out, '=');
    buf_put_bytes(out, sid);
    if (cookie->max_age_s > 0) {
        buf_put_text(out, "; Max-Age=");
        buf_put_u64(out, cookie->max_age_s);
    }
    put_attribute(out, "; Domain=", cookie->domain);
    put_attribute(out, "; Path=", cookie->path != NULL ? cookie->path : "/");
    put_attribute(out, "; Expires=", cookie->expires);
    if (!cookie->is_for_scripts)
        buf_put_text(out, "; HttpOnly");
    if (cookie->is_secure)
        buf_put_text(out, "; Secure");
    put_attribute(out, "; SameSite=", same_site_text(cookie->same_site));
}
