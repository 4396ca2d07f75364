/*
 * test_query.c - query strings, as browsers, old clients and vandals send them.
 */
#include "engineio/query.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "unit/engineio/show.h"

static const struct query_case {
    const char *query;
    const char *want; /* revision, transport, and what else is there */
} cases[] = {
    { "", "3 unknown" },
    { "EIO=4&transport=polling", "4 polling" },
    { "EIO=4&transport=polling&t=vrn6mg9g", "4 polling" },
    { "EIO=4&transport=websocket&sid=aerNZF-Gskrwh21gAAAA",
      "4 websocket sid=aerNZF-Gskrwh21gAAAA" },
    { "EIO=3&transport=polling&b64=1", "3 polling b64" },
    { "EIO=3&transport=polling&b64=", "3 polling" },
    { "EIO=3&transport=polling&b64", "3 polling" },
    { "EIO=5&transport=polling", "3 polling" },
    { "EIO=44&transport=polling", "3 polling" },
    { "EIO=&transport=polling", "3 polling" },
    { "eio=4&transport=polling", "3 polling" },
    { "transport=polling", "3 polling" },
    { "EIO=4&transport=webtransport", "4 unknown" },
    { "EIO=4&transport=Polling", "4 unknown" },
    { "EIO=4&transport=pollin", "4 unknown" },
    { "EIO=4&transport=", "4 unknown" },
    { "EIO=4&transport=polling&sid=", "4 polling" },
    { "EIO=4&transport=polling&sid", "4 polling" },
    { "EIO=4&transport=polling&sid=a&sid=b", "4 polling sid=b" },
    { "EIO=4&transport=polling&sid=a&sid=", "4 polling" },
    { "EIO=3&EIO=4&transport=websocket&transport=polling", "4 polling" },
    { "EIO=4&EIO=3&transport=polling&transport=x", "3 unknown" },
    { "transport=poll%69ng&EIO=%34", "4 polling" },
    { "%74ransport=web%73ocket&%45IO=4", "4 websocket" },
    { "transport=polling%00&EIO=4", "4 unknown" },
    { "transport=polling%&EIO=4%", "3 unknown" },
    { "transport=polling%2&EIO=4%zz", "3 unknown" },
    { "transport=pollingpollingpollingpolling&EIO=4", "4 unknown" },
    { "EIO=4&transport=polling&j=0", "4 polling j=0" },
    { "EIO=4&transport=polling&j=", "4 polling j=" },
    { "EIO=4&transport=polling&sid=%61", "4 polling sid=%61" },
    { "EIO=4&transport=polling&sid=a=b", "4 polling sid=a=b" },
    { "&&EIO=4&&transport=polling&=&==&", "4 polling" },
    { "token=EIO%3D3&EIO=4&transport=polling", "4 polling" },
};

static void test_queries_are_understood(void **state)
{
    (void)state;
    for (const struct query_case *c = cases; c != BELFRY_END(cases); c++) {
        struct eio_query q;
        struct buf shown = { 0 };
        belfry_bytes query = exact_copy(bytes_of_text(c->query));
        eio_query_parse(query, &q);
        buf_printf(&shown, "%d %s", q.revision, eio_transport_name(q.transport));
        if (q.wants_base64)
            buf_put_text(&shown, " b64");
        if (q.has_sid)
            buf_printf(&shown, " sid=%.*s", (int)q.sid.size, (const char *)q.sid.data);
        if (q.is_jsonp)
            buf_printf(&shown, " j=%.*s", (int)q.jsonp.size, (const char *)q.jsonp.data);
        if (!bytes_equal_text(buf_bytes(&shown), c->want))
            fail_msg("%s: %.*s, want %s", c->query, (int)shown.size, (char *)shown.data, c->want);
        buf_deinit(&shown);
        mem_free((void *)query.data);
    }
}

static void test_the_transport_is_kept_for_those_who_are_told(void **state)
{
    (void)state;
    struct eio_query q;
    eio_query_parse(BELFRY_BYTES("transport=tele%70athy&EIO=4"), &q);
    assert_true(bytes_equal_text(q.transport_text, "tele%70athy"));
    eio_query_parse(bytes_of(NULL, 0), &q);
    assert_int_equal(q.transport_text.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries_are_understood),
        cmocka_unit_test(test_the_transport_is_kept_for_those_who_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
