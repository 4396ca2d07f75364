/*
 * test_handshake.c - keys, tokens, subprotocols, and a client's view of the handshake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ws/handshake.h"

#define RFC_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define RFC_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void test_the_key_of_the_rfc(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_SIZE], key[WS_KEY_SIZE];
    assert_int_equal(ws_accept_key(RFC_KEY, accept), BELFRY_OK);
    assert_memory_equal(accept, RFC_ACCEPT, sizeof accept);
    ws_key_write((const uint8_t *)"the sample nonce", key);
    assert_memory_equal(key, RFC_KEY, sizeof key);
}

static void test_which_keys_are_valid(void **state)
{
    (void)state;
    static const struct key_case {
        const char *key;
        bool want;
    } cases[] = {
        { RFC_KEY, true },
        { "AAAAAAAAAAAAAAAAAAAAAA==", true },
        { "+/+/+/+/+/+/+/+/+/+/+w==", true },
        { "", false },
        { "AAAAAAAAAAAAAAAAAAAAAAAA", false }, /* 18 bytes */
        { "AAAAAAAAAAAAAAAAAAAAAAA=", false }, /* 17 */
        { "AAAAAAAAAAAAAAAAAAAAAA=", false },
        { "AAAAAAAAAAAAAAAAAAAAAA===", false },
        { "AAAAAAAAAAAAAAAAAAAA====", false },
        { "AAAAAAAAAAA-AAAAAAAAAA==", false },
        { "AAAAAAAAAAA AAAAAAAAAA==", false },
        { "=AAAAAAAAAAAAAAAAAAAAA==", false },
    };
    for (const struct key_case *c = cases; c != BELFRY_END(cases); c++) {
        if (ws_key_is_valid(bytes_of_text(c->key)) != c->want)
            fail_msg("%s", c->key);
    }
    assert_false(ws_key_is_valid((belfry_bytes){ NULL, 0 }));
}

static void test_whole_tokens_in_any_case(void **state)
{
    (void)state;
    static const struct token_case {
        const char *list;
        bool want;
    } cases[] = {
        { "upgrade", true },
        { "Upgrade", true },
        { "keep-alive, UPGRADE", true },
        { "a,b ,\tupgrade\t, c", true },
        { ",,upgrade", true },
        { "", false },
        { "upgraded", false },
        { "no-upgrade", false },
        { "up grade", false },
        { "upgrade; q=1", false },
        { "keep-alive", false },
    };
    for (const struct token_case *c = cases; c != BELFRY_END(cases); c++) {
        if (ws_has_token(bytes_of_text(c->list), "upgrade") != c->want)
            fail_msg("%s", c->list);
    }
}

static void test_what_is_a_token_list(void **state)
{
    (void)state;
    assert_true(ws_is_token_list(BELFRY_BYTES("chat")));
    assert_true(ws_is_token_list(BELFRY_BYTES(" chat , superchat.v1,")));
    assert_false(ws_is_token_list(BELFRY_BYTES("")));
    assert_false(ws_is_token_list(BELFRY_BYTES(" , ")));
    assert_false(ws_is_token_list(BELFRY_BYTES("a b")));
    assert_false(ws_is_token_list(BELFRY_BYTES("a, b;c")));
    assert_false(ws_is_token_list(BELFRY_BYTES("a\0")));
}

static void test_the_clients_first_choice_wins(void **state)
{
    (void)state;
    static const char *const offered[] = { "chat.v1", "chat.v2" };
    assert_string_equal(ws_subprotocol_choose(BELFRY_BYTES("x, chat.v2,chat.v1"), offered, 2),
                        "chat.v2");
    assert_ptr_equal(ws_subprotocol_choose(BELFRY_BYTES("chat.v1"), offered, 2), offered[0]);
    assert_null(ws_subprotocol_choose(BELFRY_BYTES("CHAT.V1, chat"), offered, 2));
    assert_null(ws_subprotocol_choose(BELFRY_BYTES(",,"), offered, 2));
    assert_null(ws_subprotocol_choose(BELFRY_BYTES("chat.v1"), offered, 0));
}

static void test_the_request(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct ws_request request = { .host = BELFRY_BYTES("localhost:3001"), .key = RFC_KEY };
    assert_int_equal(ws_request_write(&out, &request), BELFRY_OK);
    buf_put_char(&out, '\0');
    assert_string_equal((char *)out.data, "GET / HTTP/1.1\r\nHost: localhost:3001\r\n"
                                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                          "Sec-WebSocket-Version: 13\r\n"
                                          "Sec-WebSocket-Key: " RFC_KEY "\r\n\r\n");
    buf_clear(&out);
    request.target = BELFRY_BYTES("/ws?user=ada");
    request.protocols = BELFRY_BYTES("chat");
    request.extensions = BELFRY_BYTES("permessage-deflate");
    request.origin = BELFRY_BYTES("http://localhost");
    request.more = BELFRY_BYTES("Cookie: a=b\r\n");
    assert_int_equal(ws_request_write(&out, &request), BELFRY_OK);
    buf_put_char(&out, '\0');
    assert_string_equal((char *)out.data,
                        "GET /ws?user=ada HTTP/1.1\r\nHost: localhost:3001\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " RFC_KEY "\r\n"
                        "Origin: http://localhost\r\nSec-WebSocket-Protocol: chat\r\n"
                        "Sec-WebSocket-Extensions: permessage-deflate\r\nCookie: a=b\r\n\r\n");
    request.host = BELFRY_BYTES("a\r\nInjected: yes");
    size_t before = out.size;
    assert_int_equal(ws_request_write(&out, &request), BELFRY_ERR_INVALID);
    assert_int_equal(out.size, before);
    buf_deinit(&out);
}

static void test_responses(void **state)
{
    (void)state;
    const struct ws_response good = { .status = 101,
                                      .upgrade = BELFRY_BYTES("WebSocket"),
                                      .connection = BELFRY_BYTES("keep-alive, Upgrade"),
                                      .accept = BELFRY_BYTES(RFC_ACCEPT),
                                      .protocol = BELFRY_BYTES("chat") };
    belfry_bytes asked = BELFRY_BYTES("superchat, chat");
    assert_null(ws_response_refusal(&good, RFC_KEY, asked));

    struct ws_response bad[6] = { good, good, good, good, good, good };
    bad[0].status = 200;
    bad[1].upgrade = BELFRY_BYTES("websockets");
    bad[2].connection = BELFRY_BYTES("close");
    bad[3].accept = BELFRY_BYTES("s3pPLMBiTxaQ9kYGzzhZRbK+xOO=");
    bad[4].accept = bytes_of(NULL, 0);
    bad[5].protocol = BELFRY_BYTES("Chat");
    for (size_t i = 0; i < BELFRY_COUNT(bad); i++)
        assert_non_null(ws_response_refusal(&bad[i], RFC_KEY, asked));
    assert_non_null(ws_response_refusal(&good, RFC_KEY, bytes_of(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_key_of_the_rfc),
        cmocka_unit_test(test_which_keys_are_valid),
        cmocka_unit_test(test_whole_tokens_in_any_case),
        cmocka_unit_test(test_what_is_a_token_list),
        cmocka_unit_test(test_the_clients_first_choice_wins),
        cmocka_unit_test(test_the_request),
        cmocka_unit_test(test_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
