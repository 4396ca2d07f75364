/*
 * test_handshake.c - how sessions begin, are refused and end: every body word for word.
 */
#include "engineio/handshake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "engineio/close.h"
#include "engineio/error.h"
#include "support/memory.h"
#include "unit/engineio/show.h"

static struct buf out; /* of the test that runs */

static int end(void **state)
{
    (void)state;
    buf_deinit(&out);
    return 0;
}

/* Also empties @out for the next. */
static void assert_said(const char *want)
{
    assert_false(buf_failed(&out));
    if (!bytes_equal_text(buf_bytes(&out), want))
        fail_msg("\n is:   %.*s\n want: %s", (int)out.size, (char *)out.data, want);
    buf_clear(&out);
}

static void test_the_open_packet_has_its_keys_in_order(void **state)
{
    (void)state;
    struct eio_handshake h = { .sid = BELFRY_BYTES("1VkLEN4esfiUuZoJAAAA"),
                               .may_upgrade = true,
                               .ping_interval_ms = 25000,
                               .ping_timeout_ms = 20000,
                               .max_payload = 1000000 };
    eio_handshake_put(&out, &h);
    assert_int_equal(out.size, 118); /* the captured Content-Length */
    assert_said("0{\"sid\":\"1VkLEN4esfiUuZoJAAAA\",\"upgrades\":[\"websocket\"],"
                "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");
    h.may_upgrade = false;
    h.max_payload = UINT64_MAX;
    eio_handshake_put(&out, &h);
    assert_said(
        "0{\"sid\":\"1VkLEN4esfiUuZoJAAAA\",\"upgrades\":[],"
        "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":18446744073709551615}");
}

static void test_revision_3_puts_a_length_before_it(void **state)
{
    (void)state;
    struct buf open = { 0 };
    struct eio_handshake h = { .sid = BELFRY_BYTES("1VkLEN4esfiUuZoJAAAA"),
                               .may_upgrade = true,
                               .ping_interval_ms = 300,
                               .ping_timeout_ms = 200,
                               .max_payload = 1000000 };
    eio_handshake_put(&open, &h);
    struct eio_packet packet;
    assert_int_equal(eio_packet_read(EIO_REVISION_3, false, buf_bytes(&open), NULL, &packet),
                     EIO_OK);
    struct eio_payload_writer w;
    eio_payload_begin(&w, &out, EIO_REVISION_3, EIO_FORM_TEXT);
    eio_payload_put(&w, &packet);
    eio_payload_end(&w);
    assert_said("114:0{\"sid\":\"1VkLEN4esfiUuZoJAAAA\",\"upgrades\":[\"websocket\"],"
                "\"pingInterval\":300,\"pingTimeout\":200,\"maxPayload\":1000000}");
    buf_deinit(&open);
}

static void test_ids_are_twenty_characters_and_come_back(void **state)
{
    (void)state;
    static const struct sid_case {
        belfry_bytes bytes;
        const char *want;
    } cases[] = {
        { WIRE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "AAAAAAAAAAAAAAAAAAAA" },
        { WIRE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
          "____________________" },
        { WIRE("\xfb\xef\xbe\0\0\0\0\0\0\0\0\0\0\0\1"), "----AAAAAAAAAAAAAAAB" },
    };
    for (const struct sid_case *c = cases; c != BELFRY_END(cases); c++) {
        char sid[EIO_SID_SIZE];
        uint8_t back[EIO_SID_BYTES];
        eio_sid_write(c->bytes.data, sid);
        assert_memory_equal(sid, c->want, EIO_SID_SIZE);
        assert_true(eio_sid_read(bytes_of(sid, sizeof sid), back));
        assert_memory_equal(back, c->bytes.data, EIO_SID_BYTES);
    }
}

static void test_what_is_no_id_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "AAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAA+",
        "AAAAAAAAAAAAAAAAAAA/",
        "=AAAAAAAAAAAAAAAAAAA",
        "AAAAAAAA AAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAA\xc3\xa9",
    };
    uint8_t bytes[EIO_SID_BYTES];
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        if (eio_sid_read(bytes_of_text(cases[i]), bytes))
            fail_msg("%s", cases[i]);
    }
}

static void test_cookies(void **state)
{
    (void)state;
    belfry_bytes sid = BELFRY_BYTES("SID");
    eio_cookie_put(&out, &(struct eio_cookie){ 0 }, sid);
    assert_said("io=SID; Path=/; HttpOnly; SameSite=Lax");
    eio_cookie_put(&out,
                   &(struct eio_cookie){ .name = "s",
                                         .path = "/chat",
                                         .domain = "example.org",
                                         .expires = "Thu, 01 Jan 2026 00:00:00 GMT",
                                         .max_age_s = 86400,
                                         .same_site = EIO_SAME_SITE_NONE,
                                         .is_secure = true },
                   sid);
    assert_said("s=SID; Max-Age=86400; Domain=example.org; Path=/chat; "
                "Expires=Thu, 01 Jan 2026 00:00:00 GMT; HttpOnly; Secure; SameSite=None");
    eio_cookie_put(&out,
                   &(struct eio_cookie){ .same_site = EIO_SAME_SITE_UNSET, .is_for_scripts = true },
                   sid);
    assert_said("io=SID; Path=/");
    eio_cookie_put(&out, &(struct eio_cookie){ .same_site = EIO_SAME_SITE_STRICT }, sid);
    assert_said("io=SID; Path=/; HttpOnly; SameSite=Strict");
}

static void test_cookies_that_would_split_a_header_are_invalid(void **state)
{
    (void)state;
    static const struct eio_cookie bad[] = {
        { .name = "" },           { .name = "a b" },      { .name = "a;b" },
        { .name = "a\r\nX: y" },  { .name = "\xc3\xa9" }, { .path = "/;x" },
        { .path = "/\r\nX: y" },  { .domain = "a\nb" },   { .expires = "now;" },
        { .domain = "\xc3\xa9" },
    };
    for (const struct eio_cookie *c = bad; c != BELFRY_END(bad); c++)
        assert_false(eio_cookie_is_valid(c));
    assert_true(eio_cookie_is_valid(&(struct eio_cookie){ .name = "sid", .path = "/a b" }));
}

static void test_refusals_word_for_word(void **state)
{
    (void)state;
    static const char *const json[] = {
        "{\"code\":0,\"message\":\"Transport unknown\"}",
        "{\"code\":1,\"message\":\"Session ID unknown\"}",
        "{\"code\":2,\"message\":\"Bad handshake method\"}",
        "{\"code\":3,\"message\":\"Bad request\"}",
        "{\"code\":4,\"message\":\"Forbidden\"}",
        "{\"code\":5,\"message\":\"Unsupported protocol version\"}",
    };
    for (size_t i = 0; i < BELFRY_COUNT(json); i++) {
        enum eio_error code = (enum eio_error)i;
        eio_error_put(&out, code, EIO_ASKED_HTTP, bytes_of(NULL, 0));
        assert_said(json[i]);
        eio_error_put(&out, code, EIO_ASKED_UPGRADE, bytes_of(NULL, 0));
        assert_said(eio_error_message(code));
        assert_int_equal(eio_error_status(code, EIO_ASKED_HTTP), code == 4 ? 403 : 400);
        assert_int_equal(eio_error_status(code, EIO_ASKED_UPGRADE), 400);
    }
    eio_error_put(&out, EIO_ERR_FORBIDDEN, EIO_ASKED_HTTP, BELFRY_BYTES("no \"way\"\n"));
    assert_said("{\"code\":4,\"message\":\"no \\\"way\\\"\\n\"}");
    eio_error_put(&out, EIO_ERR_FORBIDDEN, EIO_ASKED_UPGRADE, BELFRY_BYTES("no \"way\""));
    assert_said("no \"way\"");
    assert_string_equal(eio_error_content_type(EIO_ASKED_HTTP), "application/json");
    assert_string_equal(eio_error_content_type(EIO_ASKED_UPGRADE), "text/html");
    assert_string_equal(eio_context_name(EIO_CONTEXT_NONE), "");
    assert_string_equal(eio_context_name(EIO_CONTEXT_TRANSPORT_MISMATCH), "TRANSPORT_MISMATCH");
}

static void test_causes_have_reasons(void **state)
{
    (void)state;
    static const struct cause_case {
        enum eio_cause cause;
        const char *reason, *description;
    } cases[] = {
        { EIO_CAUSE_CLIENT_CLOSE, "transport close", "" },
        { EIO_CAUSE_POLL_OVERLAP, "transport error", "overlap from client" },
        { EIO_CAUSE_HEARTBEAT, "transport error", "invalid heartbeat direction" },
        { EIO_CAUSE_PING_TIMEOUT, "ping timeout", "" },
        { EIO_CAUSE_PARSE_ERROR, "parse error", "" },
        { EIO_CAUSE_FORCED, "forced close", "" },
    };
    for (const struct cause_case *c = cases; c != BELFRY_END(cases); c++) {
        assert_string_equal(eio_reason_text(eio_cause_reason(c->cause)), c->reason);
        assert_string_equal(eio_cause_description(c->cause), c->description);
    }
}

static void test_farewells(void **state)
{
    (void)state;
    eio_farewell_put(&out, EIO_REVISION_4, EIO_FAREWELL_CLOSE);
    assert_said("1");
    eio_farewell_put(&out, EIO_REVISION_4, EIO_FAREWELL_NOOP);
    assert_said("6");
    eio_farewell_put(&out, EIO_REVISION_4, EIO_FAREWELL_NOOP_CLOSE);
    assert_said("6\x1e"
                "1");
    eio_farewell_put(&out, EIO_REVISION_3, EIO_FAREWELL_CLOSE);
    assert_said("1:1");
    eio_farewell_put(&out, EIO_REVISION_3, EIO_FAREWELL_NOOP_CLOSE);
    assert_said("1:61:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_the_open_packet_has_its_keys_in_order, end),
        cmocka_unit_test_teardown(test_revision_3_puts_a_length_before_it, end),
        cmocka_unit_test(test_ids_are_twenty_characters_and_come_back),
        cmocka_unit_test(test_what_is_no_id_is_refused),
        cmocka_unit_test_teardown(test_cookies, end),
        cmocka_unit_test(test_cookies_that_would_split_a_header_are_invalid),
        cmocka_unit_test_teardown(test_refusals_word_for_word, end),
        cmocka_unit_test(test_causes_have_reasons),
        cmocka_unit_test_teardown(test_farewells, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
