/*
 * test_extension.c - negotiation by table: what was offered, what we want, what is agreed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ws/extension.h"

#define PMD "permessage-deflate"

static const struct ws_deflate_policy any = { 0 };
static const struct ws_deflate_policy shared = { .server_no_context_takeover = true,
                                                 .client_no_context_takeover = true };
static const struct ws_deflate_policy small = { .server_max_window_bits = 10,
                                                .client_max_window_bits = 11 };

/* clang-format off */
static const struct negotiation_case {
    const char *offers;
    const struct ws_deflate_policy *policy;
    const char *want; /* NULL: none; "!": malformed */
} negotiation_cases[] = {
    { "", &any, NULL },
    { " , ,", &any, NULL },
    { PMD, &any, PMD },
    { PMD, &shared, PMD "; server_no_context_takeover; client_no_context_takeover" },
    { PMD, &small, PMD "; server_max_window_bits=10" },
    { PMD "; client_max_window_bits", &any, PMD },
    { PMD "; client_max_window_bits", &small, PMD "; server_max_window_bits=10; client_max_window_bits=11" },
    { PMD "; client_max_window_bits=9", &small, PMD "; server_max_window_bits=10; client_max_window_bits=9" },
    { PMD "; client_max_window_bits=15", &any, PMD },
    { PMD "; client_max_window_bits=8", &any, PMD "; client_max_window_bits=8" },
    { PMD "; server_max_window_bits=15", &any, PMD "; server_max_window_bits=15" },
    { PMD "; server_max_window_bits=15", &small, PMD "; server_max_window_bits=10" },
    { PMD "; server_max_window_bits=9", &small, PMD "; server_max_window_bits=9" },
    { PMD "; server_max_window_bits=8", &any, PMD "; server_max_window_bits=8" },
    { PMD "; server_no_context_takeover", &any, PMD "; server_no_context_takeover" },
    { PMD "; client_no_context_takeover", &any, PMD "; client_no_context_takeover" },
    { PMD ";server_no_context_takeover;client_no_context_takeover;server_max_window_bits=12;client_max_window_bits=13", &any,
      PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=13" },
    { "\t" PMD " ;\tserver_max_window_bits = 12 ", &any, PMD "; server_max_window_bits=12" },

    /* quoted values (RFC 6455 9.1) */
    { PMD "; server_max_window_bits=\"12\"", &any, PMD "; server_max_window_bits=12" },
    { PMD "; server_max_window_bits=\"\\1\\2\"", &any, PMD "; server_max_window_bits=12" },
    { PMD "; server_max_window_bits=\"\"", &any, NULL },
    { PMD "; server_max_window_bits=\" 12\"", &any, NULL },
    { PMD "; server_max_window_bits=\"12, \"", &any, NULL },
    { PMD "; x=\"a, " PMD ";\\\"\", " PMD, &any, PMD },
    { PMD "; server_max_window_bits=\"12", &any, "!" },
    { PMD "; server_max_window_bits=\"12\\", &any, "!" },
    { PMD "; server_max_window_bits=\"", &any, "!" },
    { PMD "; server_max_window_bits=\"12\"0", &any, "!" },

    /* what declines an offer */
    { PMD "; unknown", &any, NULL },
    { PMD "; unknown=1", &any, NULL },
    { PMD "; server_no_context_takeover=1", &any, NULL },
    { PMD "; client_no_context_takeover=true", &any, NULL },
    { PMD "; server_no_context_takeover; server_no_context_takeover", &any, NULL },
    { PMD "; client_max_window_bits; client_max_window_bits", &any, NULL },
    { PMD "; client_max_window_bits=10; client_max_window_bits=10", &any, NULL },
    { PMD "; server_max_window_bits=10; server_max_window_bits=10", &any, NULL },
    { PMD "; server_max_window_bits", &any, NULL },
    { PMD "; server_max_window_bits=7", &any, NULL },
    { PMD "; server_max_window_bits=16", &any, NULL },
    { PMD "; server_max_window_bits=0", &any, NULL },
    { PMD "; server_max_window_bits=08", &any, NULL },
    { PMD "; server_max_window_bits=010", &any, NULL },
    { PMD "; server_max_window_bits=+9", &any, NULL },
    { PMD "; server_max_window_bits=1e1", &any, NULL },
    { PMD "; server_max_window_bits=100000000000000000010", &any, NULL },
    { PMD "; client_max_window_bits=7", &any, NULL },
    { PMD "; client_max_window_bits=16", &any, NULL },
    { PMD "; client_max_window_bits=abc", &any, NULL },
    { "permessage-bzip2", &any, NULL },
    { "x-webkit-deflate-frame", &any, NULL },
    { "constructor, __proto__, toString", &any, NULL },
    { "Permessage-Deflate2", &any, NULL },

    /* and the next is looked at */
    { PMD "; unknown, " PMD "; server_no_context_takeover", &any, PMD "; server_no_context_takeover" },
    { "other; a=b; c=\"d\"," PMD, &any, PMD },
    { PMD "; server_max_window_bits=7 ,, " PMD "; server_max_window_bits=9, " PMD, &any, PMD "; server_max_window_bits=9" },

    /* what is not the ABNF */
    { ";", &any, "!" },
    { PMD ";", &any, "!" },
    { PMD "; ;client_max_window_bits", &any, "!" },
    { PMD "; =9", &any, "!" },
    { PMD "; server_max_window_bits=", &any, "!" },
    { PMD " " PMD, &any, "!" },
    { PMD ", @", &any, "!" },
    { PMD "; client_max_window_bits 9", &any, "!" },
    { "\"" PMD "\"", &any, "!" },
};
/* clang-format on */

static void test_negotiation(void **state)
{
    (void)state;
    for (const struct negotiation_case *c = negotiation_cases; c != BELFRY_END(negotiation_cases);
         c++) {
        struct ws_deflate_params params = { 0 };
        char response[WS_DEFLATE_TEXT_MAX] = "untouched";
        enum ws_negotiation want = c->want == NULL     ? WS_EXTENSIONS_NONE
                                   : c->want[0] == '!' ? WS_EXTENSIONS_MALFORMED
                                                       : WS_EXTENSIONS_DEFLATE;
        if (ws_deflate_negotiate(c->policy, bytes_of_text(c->offers), &params, response) != want)
            fail_msg("%s: want %d", c->offers, want);
        if (strcmp(response, want == WS_EXTENSIONS_DEFLATE ? c->want : "untouched") != 0)
            fail_msg("%s: answered %s", c->offers, response);
        assert_int_equal(params.is_on, want == WS_EXTENSIONS_DEFLATE);
    }
}

static void test_agreed_parameters(void **state)
{
    (void)state;
    struct ws_deflate_params p;
    char response[WS_DEFLATE_TEXT_MAX];
    belfry_bytes offer = BELFRY_BYTES(PMD "; client_no_context_takeover; client_max_window_bits");
    assert_int_equal(ws_deflate_negotiate(&small, offer, &p, response), WS_EXTENSIONS_DEFLATE);
    assert_true(ws_deflate_has_takeover(p, WS_SERVER));
    assert_false(ws_deflate_has_takeover(p, WS_CLIENT));
    assert_int_equal(ws_deflate_window_bits(p, WS_SERVER), 10);
    assert_int_equal(ws_deflate_window_bits(p, WS_CLIENT), 11);
}

/* A header of 16 KiB of quotes, backslashes or commas takes no longer than it is. */
static void test_long_headers_are_read_once(void **state)
{
    (void)state;
    static const char fillers[] = { '"', '\\', ',', ';', ' ', 'a', '=' };
    size_t size = 1 << 20;
    char *header = malloc(size);
    assert_non_null(header);
    for (size_t i = 0; i < sizeof fillers; i++) {
        struct ws_deflate_params p;
        char response[WS_DEFLATE_TEXT_MAX];
        memset(header, fillers[i], size);
        memcpy(header, PMD "; a=\"", strlen(PMD "; a=\""));
        assert_int_not_equal(ws_deflate_negotiate(&any, bytes_of(header, size), &p, response),
                             WS_EXTENSIONS_DEFLATE);
    }
    free(header);
}

/* clang-format off */
static const struct confirm_case {
    const struct ws_deflate_policy *policy;
    const char *response;
    bool want;
    bool is_on;
} confirm_cases[] = {
    { &any, "", true, false },
    { &any, PMD, true, true },
    { &any, PMD "; client_max_window_bits=9; server_max_window_bits=8", true, true },
    { &any, PMD "; server_no_context_takeover; client_no_context_takeover", true, true },
    { &any, PMD "; client_max_window_bits", false, false },
    { &any, PMD "; server_max_window_bits", false, false },
    { &any, PMD "; server_max_window_bits=16", false, false },
    { &any, PMD "; unknown", false, false },
    { &any, PMD ", " PMD, false, false },
    { &any, "other", false, false },
    { &any, "other, " PMD, false, false },
    { &any, PMD ";", false, false },
    { &shared, PMD, false, false },
    { &shared, PMD "; server_no_context_takeover", true, true },
    { &small, PMD, false, false },
    { &small, PMD "; server_max_window_bits=11", false, false },
    { &small, PMD "; server_max_window_bits=10", true, true },
    { &small, PMD "; server_max_window_bits=9; client_max_window_bits=12", false, false },
    { &small, PMD "; server_max_window_bits=9; client_max_window_bits=11", true, true },
};
/* clang-format on */

static void test_a_client_takes_only_what_it_offered(void **state)
{
    (void)state;
    for (const struct confirm_case *c = confirm_cases; c != BELFRY_END(confirm_cases); c++) {
        struct ws_deflate_params p = { 0 };
        if (ws_deflate_confirm(c->policy, bytes_of_text(c->response), &p) != c->want ||
            p.is_on != c->is_on)
            fail_msg("%s", c->response);
    }
}

/* Every client policy against every server policy: both ends hold the same parameters, except that
 * a client may do less than it agreed to. */
static void test_our_client_and_our_server_agree(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 1u << 12; n++) {
        struct ws_deflate_policy client = { .server_no_context_takeover = n & 1,
                                            .client_no_context_takeover = n & 2,
                                            .server_max_window_bits = (n >> 2 & 1) ? 9 : 0,
                                            .client_max_window_bits = (n >> 3 & 3) ? 12 : 0 };
        struct ws_deflate_policy server = { .server_no_context_takeover = n >> 5 & 1,
                                            .client_no_context_takeover = n >> 6 & 1,
                                            .server_max_window_bits = (n >> 7 & 7) ? 11 : 0,
                                            .client_max_window_bits = (n >> 10 & 1) ? 10 : 0 };
        char offer[WS_DEFLATE_TEXT_MAX], response[WS_DEFLATE_TEXT_MAX];
        struct ws_deflate_params ours, theirs;
        size_t size = ws_deflate_offer_write(&client, offer);
        assert_int_equal(size, strlen(offer));
        assert_int_equal(ws_deflate_negotiate(&server, bytes_of(offer, size), &ours, response),
                         WS_EXTENSIONS_DEFLATE);
        assert_true(ws_deflate_confirm(&client, bytes_of_text(response), &theirs));
        assert_int_equal(ours.server_no_context_takeover, theirs.server_no_context_takeover);
        assert_int_equal(ours.client_no_context_takeover, theirs.client_no_context_takeover);
        assert_int_equal(ours.server_max_window_bits, theirs.server_max_window_bits);
        assert_int_equal(ours.client_max_window_bits, theirs.client_max_window_bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_agreed_parameters),
        cmocka_unit_test(test_long_headers_are_read_once),
        cmocka_unit_test(test_a_client_takes_only_what_it_offered),
        cmocka_unit_test(test_our_client_and_our_server_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
