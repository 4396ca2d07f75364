/*
 * handshake.c - keys, token lists and subprotocols.
 *
 *     Sec-WebSocket-Accept = base64( SHA-1( Sec-WebSocket-Key + a fixed GUID ))
 *
 * which proves that the server knows WebSocket, and nothing else (RFC 6455 1.3).
 */
#include "ws/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "ws/scan.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define GUID_SIZE (sizeof GUID - 1)

static bool is_base64_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

bool ws_key_is_valid(belfry_bytes key)
{
    const char *text = key.data;
    if (key.size != WS_KEY_SIZE || text[22] != '=' || text[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) { /* 22 characters and two pads are 16 bytes */
        if (!is_base64_char(text[i]))
            return false;
    }
    return true;
}

belfry_err ws_accept_key(const char key[WS_KEY_SIZE], char out_accept[WS_ACCEPT_SIZE])
{
    uint8_t proof[WS_KEY_SIZE + GUID_SIZE], digest[SHA_DIGEST_LENGTH];
    uint8_t text[WS_ACCEPT_SIZE + 1]; /* OpenSSL adds a NUL */
    memcpy(proof, key, WS_KEY_SIZE);
    memcpy(proof + WS_KEY_SIZE, GUID, GUID_SIZE);
    if (SHA1(proof, sizeof proof, digest) == NULL)
        return BELFRY_ERR_NOMEM;
    (void)EVP_EncodeBlock(text, digest, sizeof digest); /* always WS_ACCEPT_SIZE */
    memcpy(out_accept, text, WS_ACCEPT_SIZE);
    return BELFRY_OK;
}

void ws_key_write(const uint8_t nonce[WS_NONCE_SIZE], char out_key[WS_KEY_SIZE])
{
    uint8_t text[WS_KEY_SIZE + 1];
    (void)EVP_EncodeBlock(text, nonce, WS_NONCE_SIZE);
    memcpy(out_key, text, WS_KEY_SIZE);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equals_in_any_case(belfry_bytes text, const char *lower_case)
{
    const char *at = text.data;
    if (text.size != strlen(lower_case))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (lower(at[i]) != lower_case[i])
            return false;
    }
    return true;
}

bool ws_has_token(belfry_bytes list, const char *token)
{
    struct scan s = scan_of(list);
    belfry_bytes element;
    while (scan_element(&s, &element)) {
        if (equals_in_any_case(element, token))
            return true;
    }
    return false;
}

bool ws_is_token_list(belfry_bytes list)
{
    struct scan s = scan_of(list);
    belfry_bytes element;
    bool has_any = false;
    while (scan_element(&s, &element)) {
        struct scan inner = scan_of(element);
        if (element.size == 0)
            continue; /* RFC 9110 5.6.1.2 */
        belfry_bytes token;
        if (!scan_token(&inner, &token) || !scan_is_done(&inner))
            return false;
        has_any = true;
    }
    return has_any;
}

const char *ws_subprotocol_choose(belfry_bytes clients, const char *const *offered, size_t count)
{
    struct scan s = scan_of(clients);
    belfry_bytes element;
    while (scan_element(&s, &element)) {
        for (size_t i = 0; i < count; i++) {
            if (element.size > 0 && bytes_equal_text(element, offered[i]))
                return offered[i];
        }
    }
    return NULL;
}
