/*
 * Which objects are placeholders, and where.
 */
#include "base/placeholder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

#define HOLE(n) "{\"_placeholder\":true,\"num\":" #n "}"

static const struct find_case {
    const char *text;
    const char *want; /* number@offset+size of each; ! where the walk ended badly */
} find_cases[] = {
    { "", "" },
    { "1,\"x\",[2]", "" },
    { HOLE(0), "0@0+29 " },
    { "[" HOLE(7) "," HOLE(0) "]", "7@1+29 0@31+29 " },
    { "{\"a\":[1,{\"b\":" HOLE(3) "}],\"c\":" HOLE(4) "}", "3@13+29 4@49+29 " },
    { "{ \"num\" : 12 , \"_placeholder\" : true }", "12@0+38 " },
    { "{\"num\":1,\"x\":\"}\",\"_placeholder\":true}", "1@0+37 " },
    { "{\"a\":1}," HOLE(1), "1@8+29 " },
    { "{\"\\u005fplaceholder\":true,\"n\\u0075m\":5}", "5@0+39 " },

    { "{\"_placeholder\":false,\"num\":0}", "" },
    { "{\"_placeholder\":\"true\",\"num\":0}", "" },
    { "{\"placeholder\":true,\"num\":0}", "" },
    { "[\"_placeholder\",true]", "" },
    { "\"{\\\"_placeholder\\\":true,\\\"num\\\":0}\"", "" },
    { "{\"x\":\"_placeholder\",\"y\":true}", "" },
    { "{\"_placeholder\":{\"num\":0}}", "" },

    /* of equal names the last counts */
    { "{\"_placeholder\":true,\"_placeholder\":false}", "" },
    { "{\"_placeholder\":false,\"_placeholder\":true,\"num\":1,\"num\":2}", "2@0+58 " },
    { "{\"_placeholder\":true,\"num\":1,\"num\":\"x\"}", "!" },

    /* not what they should be */
    { "{\"_placeholder\":true}", "!" },
    { "{\"_placeholder\":true,\"num\":\"0\"}", "!" },
    { "{\"_placeholder\":true,\"num\":-1}", "!" },
    { "{\"_placeholder\":true,\"num\":0.0}", "!" },
    { "{\"_placeholder\":true,\"num\":1e0}", "!" },
    { "{\"_placeholder\":true,\"num\":null}", "!" },
    { "{\"_placeholder\":true,\"num\":18446744073709551616}", "!" },
    { "{\"_placeholder\":true,\"num\":0,\"x\":[]}", "!" },
    { "{\"_placeholder\":true,\"num\":" HOLE(0) "}", "!" },
    { "{\"x\":{},\"_placeholder\":true,\"num\":0}", "!" },
    { "{\"x\":[1],\"_placeholder\":true,\"num\":0}", "!" },
    { HOLE(0) ",{\"_placeholder\":true}," HOLE(1), "0@0+29 !" },

    /* not JSON: no promise but to stay inside */
    { "\"", "" },
    { "\"\\", "" },
    { "{\"_placeholder\":", "" },
    { "{\"_placeholder\":true,\"num\":", "" },
    { "{\"_placeholder\":true,\"num\":5", "" },
    { "}]{[", "" },
};

static void test_placeholders_are_found(void **state)
{
    (void)state;
    for (const struct find_case *c = find_cases; c != BELFRY_END(find_cases); c++) {
        struct buf shown = { 0 };
        size_t size = strlen(c->text);
        char *copy = malloc(size);
        if (size > 0)
            memcpy(copy, c->text, size);
        struct placeholders p = placeholders_of(bytes_of(copy, size));
        struct placeholder hole;
        while (placeholders_next(&p, &hole))
            buf_printf(&shown, "%u@%zu+%zu ", (unsigned)hole.num,
                       (size_t)((const char *)hole.text.data - copy), hole.text.size);
        if (p.is_bad)
            buf_put_char(&shown, '!');
        if (!bytes_equal_text(buf_bytes(&shown), c->want))
            fail_msg("%s\n is:   %.*s\n want: %s", c->text, (int)shown.size, (char *)shown.data,
                     c->want);
        free(copy);
        buf_deinit(&shown);
    }
}

static void test_numbers_are_below_the_count(void **state)
{
    (void)state;
    const belfry_bytes text = BELFRY_BYTES("[" HOLE(0) "," HOLE(2) "," HOLE(2) "]");
    assert_true(placeholders_are_good(text, 3));
    assert_false(placeholders_are_good(text, 2));
    assert_false(placeholders_are_good(BELFRY_BYTES("{\"_placeholder\":true}"), 3));
    assert_true(placeholders_are_good(BELFRY_BYTES("[]"), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placeholders_are_found),
        cmocka_unit_test(test_numbers_are_below_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
