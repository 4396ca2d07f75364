/*
 * What json.h accepts, refuses and finds; how strings go in and out.
 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

#define DEPTH 8

static const struct scan_case {
    belfry_bytes text;
    belfry_err want;
    enum json_kind want_kind;
} scan_cases[] = {
    { BELFRY_BYTES("null"), BELFRY_OK, JSON_KIND_NULL },
    { BELFRY_BYTES("true"), BELFRY_OK, JSON_KIND_TRUE },
    { BELFRY_BYTES("false"), BELFRY_OK, JSON_KIND_FALSE },
    { BELFRY_BYTES(" \t\r\n{} \t\r\n"), BELFRY_OK, JSON_KIND_OBJECT },
    { BELFRY_BYTES("[ ]"), BELFRY_OK, JSON_KIND_ARRAY },
    { BELFRY_BYTES("[[],{},[{}]]"), BELFRY_OK, JSON_KIND_ARRAY },
    { BELFRY_BYTES("{\"a\" : [1 , {\"b\":null}] , \"c\":\"\"}"), BELFRY_OK, JSON_KIND_OBJECT },
    { BELFRY_BYTES("[[[[[[[[]]]]]]]]"), BELFRY_OK, JSON_KIND_ARRAY },
    { BELFRY_BYTES("[[[[[[[[[]]]]]]]]]"), BELFRY_ERR_LIMIT, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{\"a\":[{\"a\":[{\"a\":[{\"a\":[{}]}]}]}]}"), BELFRY_ERR_LIMIT,
      JSON_KIND_ABSENT },
    /* closed levels do not count */
    { BELFRY_BYTES("[[],[],[],[],[],[],[],[],[],[[]]]"), BELFRY_OK, JSON_KIND_ARRAY },

    { BELFRY_BYTES("0"), BELFRY_OK, JSON_KIND_NUMBER },
    { BELFRY_BYTES("-0"), BELFRY_OK, JSON_KIND_NUMBER },
    { BELFRY_BYTES("-12.50e+07"), BELFRY_OK, JSON_KIND_NUMBER },
    { BELFRY_BYTES("1E400"), BELFRY_OK, JSON_KIND_NUMBER },
    { BELFRY_BYTES("123456789012345678901234567890"), BELFRY_OK, JSON_KIND_NUMBER },
    { BELFRY_BYTES("00"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("01"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("+1"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("-"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES(".5"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("1."), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("1.e3"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("1e"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("1e+"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("0x10"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("NaN"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("Infinity"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },

    { BELFRY_BYTES("\"\""), BELFRY_OK, JSON_KIND_STRING },
    { BELFRY_BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\""), BELFRY_OK, JSON_KIND_STRING },
    { BELFRY_BYTES("\"\\ud800 alone is valid\""), BELFRY_OK, JSON_KIND_STRING },
    { BELFRY_BYTES("\"\xc3\xa9 \x7f and a long run behind it\""), BELFRY_OK, JSON_KIND_STRING },
    { BELFRY_BYTES("\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"open"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"open\\\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"a\nb\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"a\0b\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"12345678\x1f\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"\\x41\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"\\\0\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"\\U0041\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"\\u004g\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\"\\u004\""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("'a'"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },

    { BELFRY_BYTES(""), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("  "), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\0"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("null\0"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("\xef\xbb\xbf{}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{} {}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("nul"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("nulL"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("truefalse"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("[1,]"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("[,1]"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("[1 2]"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("[1}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{\"a\":1]"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("]"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("[[1,2]"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{\"a\":1,}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{\"a\"}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{\"a\":}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{a:1}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{1:1}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("{\"a\" 1}"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
    { BELFRY_BYTES("[1] // comment"), BELFRY_ERR_INVALID, JSON_KIND_ABSENT },
};

/* In a heap block of exactly its size, so that reading one byte too far is caught. */
static belfry_bytes heap_copy(belfry_bytes text)
{
    void *copy = malloc(text.size);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return bytes_of(copy, text.size);
}

static void test_scan_verdicts(void **state)
{
    (void)state;
    for (const struct scan_case *c = scan_cases; c != BELFRY_END(scan_cases); c++) {
        belfry_bytes text = heap_copy(c->text);
        struct json_value value = { 0 };
        struct json_fault fault = { 0 };
        belfry_err got = json_scan(text, DEPTH, &value, &fault);
        if (got != c->want || value.kind != c->want_kind)
            fail_msg("%.*s: %d, kind %d, %s", (int)text.size, (const char *)text.data, got,
                     value.kind, fault.what);
        assert_int_equal(got == BELFRY_OK, fault.what == NULL);
        free((void *)text.data);
    }
}

static void test_every_beginning_of_an_object_ends_too_early(void **state)
{
    (void)state;
    belfry_bytes whole = BELFRY_BYTES("{\"a\":[1,-2.5e7,\"x\\u00e9\",{\"b\":null},[]],\"c\":true}");
    for (size_t size = 0; size < whole.size; size++) {
        belfry_bytes part = heap_copy(bytes_of(whole.data, size));
        struct json_fault fault = { 0 };
        assert_int_equal(json_scan(part, DEPTH, NULL, &fault), BELFRY_ERR_INVALID);
        assert_non_null(fault.what);
        assert_true(fault.at <= size);
        free((void *)part.data);
    }
    assert_int_equal(json_scan(whole, DEPTH, NULL, NULL), BELFRY_OK);
}

static void test_faults_say_what_is_wrong_where(void **state)
{
    (void)state;
    struct json_fault fault = { 0 };
    assert_int_equal(json_scan(BELFRY_BYTES("[1,2"), DEPTH, NULL, &fault), BELFRY_ERR_INVALID);
    assert_string_equal(fault.what, "it ends too early");
    assert_int_equal(fault.at, 4);
    assert_int_equal(json_scan(BELFRY_BYTES("{\"a\" 1}"), DEPTH, NULL, &fault), BELFRY_ERR_INVALID);
    assert_string_equal(fault.what, "a colon is missing");
    assert_int_equal(fault.at, 5);
    assert_int_equal(json_scan(BELFRY_BYTES("[[1]]"), 1, NULL, &fault), BELFRY_ERR_LIMIT);
    assert_int_equal(fault.at, 1);
}

static void test_the_deepest_nesting_is_exact(void **state)
{
    (void)state;
    static char text[2 * (JSON_MAX_DEPTH + 1)];
    for (size_t depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(json_scan(bytes_of(text, 2 * depth), JSON_MAX_DEPTH, NULL, NULL),
                         depth == JSON_MAX_DEPTH ? BELFRY_OK : BELFRY_ERR_LIMIT);
    }
    assert_int_equal(json_scan(BELFRY_BYTES("1"), 0, NULL, NULL), BELFRY_OK);
    assert_int_equal(json_scan(BELFRY_BYTES("[]"), 0, NULL, NULL), BELFRY_ERR_LIMIT);
}

static void assert_text(belfry_bytes got, const char *want)
{
    if (!bytes_equal_text(got, want))
        fail_msg("got %.*s, want %s", (int)got.size, (const char *)got.data, want);
}

static void test_scan_gives_the_value_without_blanks(void **state)
{
    (void)state;
    struct json_value value;
    assert_int_equal(json_scan(BELFRY_BYTES(" \n[1, 2] "), DEPTH, &value, NULL), BELFRY_OK);
    assert_text(value.text, "[1, 2]");
}

/* --- fields and iteration ---------------------------------------------------------------- */

static void test_values_are_taken_from_the_front(void **state)
{
    (void)state;
    belfry_bytes rest = BELFRY_BYTES(" {\"a\":[1]} ,2x");
    struct json_value value;
    assert_int_equal(json_next(&rest, 1, &value), BELFRY_ERR_LIMIT);
    assert_int_equal(rest.size, 14);
    assert_int_equal(json_next(&rest, 2, &value), BELFRY_OK);
    assert_true(bytes_equal_text(value.text, "{\"a\":[1]}"));
    assert_int_equal(value.kind, JSON_KIND_OBJECT);
    assert_true(bytes_equal_text(rest, " ,2x"));
    assert_int_equal(json_next(&rest, 2, &value), BELFRY_ERR_INVALID);
    rest = BELFRY_BYTES("2x");
    assert_int_equal(json_next(&rest, 0, &value), BELFRY_OK);
    assert_true(bytes_equal_text(value.text, "2") && bytes_equal_text(rest, "x"));
    rest = BELFRY_BYTES(" ");
    assert_int_equal(json_next(&rest, 0, &value), BELFRY_ERR_INVALID);
}

static void test_lists_are_counted(void **state)
{
    static const struct {
        const char *text;
        int want; /* below zero: the error */
    } cases[] = {
        { "", 0 },
        { "1", 1 },
        { " [1] , {} ,\"x\" ", 3 },
        { " ", BELFRY_ERR_INVALID },
        { ",", BELFRY_ERR_INVALID },
        { "1,", BELFRY_ERR_INVALID },
        { "1,,2", BELFRY_ERR_INVALID },
        { "1 2", BELFRY_ERR_INVALID },
        { "1]", BELFRY_ERR_INVALID },
        { "[[1]],[[[1]]]", BELFRY_ERR_LIMIT },
    };
    (void)state;
    for (size_t i = 0; i < BELFRY_COUNT(cases); i++) {
        uint32_t count = 0;
        belfry_err err = json_scan_list(bytes_of_text(cases[i].text), 2, &count);
        int got = err == BELFRY_OK ? (int)count : (int)err;
        if (got != cases[i].want)
            fail_msg("%s: %d, want %d", cases[i].text, got, cases[i].want);
    }
}

static void test_fields_are_found_and_the_last_of_a_name_counts(void **state)
{
    (void)state;
    struct json_field fields[] = {
        { .name = BELFRY_BYTES("a") },
        { .name = BELFRY_BYTES("\xc3\xa9t\xc3\xa9") },
        { .name = BELFRY_BYTES("none") },
        { .name = BELFRY_BYTES("nested") },
    };
    belfry_bytes text = BELFRY_BYTES(" { \"a\":1, \"x\":{\"none\":1}, \"\\u00e9t\xc3\xa9\" : \"e\","
                                     "\"nested\": {\"a\":[ 2 ]} , \"\\u0061\":false } ");
    assert_int_equal(json_read_fields(text, DEPTH, fields, BELFRY_COUNT(fields), NULL), BELFRY_OK);
    assert_int_equal(fields[0].value.kind, JSON_KIND_FALSE);
    assert_text(fields[0].value.text, "false");
    assert_int_equal(fields[1].value.kind, JSON_KIND_STRING);
    assert_text(fields[1].value.text, "\"e\"");
    assert_int_equal(fields[2].value.kind, JSON_KIND_ABSENT);
    assert_int_equal(fields[3].value.kind, JSON_KIND_OBJECT);
    assert_text(fields[3].value.text, "{\"a\":[ 2 ]}");
}

static void test_fields_before_a_fault_stay(void **state)
{
    (void)state;
    struct json_field fields[] = { { .name = BELFRY_BYTES("ref") }, { .name = BELFRY_BYTES("b") } };
    struct json_fault fault;
    assert_int_equal(
        json_read_fields(BELFRY_BYTES("{\"ref\":7,\"b\":oops}"), DEPTH, fields, 2, &fault),
        BELFRY_ERR_INVALID);
    assert_text(fields[0].value.text, "7");
    assert_int_equal(fields[1].value.kind, JSON_KIND_ABSENT);
    assert_int_equal(fault.at, 13);
}

static void test_only_objects_have_fields(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "[]", "1", "\"{}\"", "null", "{} x", "{", "{\"a\":1" };
    for (size_t i = 0; i < BELFRY_COUNT(texts); i++)
        assert_int_equal(json_read_fields(bytes_of_text(texts[i]), DEPTH, NULL, 0, NULL),
                         BELFRY_ERR_INVALID);
    assert_int_equal(json_read_fields(BELFRY_BYTES("{}"), DEPTH, NULL, 0, NULL), BELFRY_OK);
    assert_int_equal(json_read_fields(BELFRY_BYTES("{\"a\":[]}"), 1, NULL, 0, NULL),
                     BELFRY_ERR_LIMIT);
}

static void test_elements_come_in_order(void **state)
{
    (void)state;
    static const char *const want[] = { "\"event\"", "{\"a\": [1]}", "[]", "-1.5", "null" };
    struct json_iter it;
    struct json_member item;
    size_t count = 0;
    json_iter_init(&it, BELFRY_BYTES("[ \"event\" ,{\"a\": [1]},[] , -1.5,null ]"), DEPTH,
                   JSON_KIND_ARRAY);
    while (json_iter_next(&it, &item)) {
        assert_text(item.value.text, want[count++]);
        assert_int_equal(item.key.size, 0);
    }
    assert_int_equal(it.err, BELFRY_OK);
    assert_int_equal(count, BELFRY_COUNT(want));
    assert_false(json_iter_next(&it, &item));
}

static void test_iteration_ends_at_a_fault(void **state)
{
    (void)state;
    static const char *const texts[] = { "[1,]", "[1 2]", "[1", "[1]x", "[1,}", "{\"a\":1}", "" };
    for (size_t i = 0; i < BELFRY_COUNT(texts); i++) {
        struct json_iter it;
        struct json_member item;
        json_iter_init(&it, bytes_of_text(texts[i]), DEPTH, JSON_KIND_ARRAY);
        while (json_iter_next(&it, &item))
            assert_text(item.value.text, "1");
        assert_int_equal(it.err, BELFRY_ERR_INVALID);
        assert_false(json_iter_next(&it, &item));
    }
}

/* --- strings and numbers ----------------------------------------------------------------- */

static const struct string_case {
    const char *token;
    belfry_err want;
    belfry_bytes want_text;
} string_cases[] = {
    { "\"\"", BELFRY_OK, BELFRY_BYTES("") },
    { "\"plain text\"", BELFRY_OK, BELFRY_BYTES("plain text") },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", BELFRY_OK, BELFRY_BYTES("\"\\/\b\f\n\r\t") },
    { "\"a\\u0000b\"", BELFRY_OK, BELFRY_BYTES("a\0b") },
    { "\"\\u00E9\\u00e9\"", BELFRY_OK, BELFRY_BYTES("\xc3\xa9\xc3\xa9") },
    { "\"\\u20ac and more\"", BELFRY_OK, BELFRY_BYTES("\xe2\x82\xac and more") },
    { "\"\\ud83d\\ude00!\"", BELFRY_OK, BELFRY_BYTES("\xf0\x9f\x98\x80!") },
    { "\"\\udbff\\udfff\"", BELFRY_OK, BELFRY_BYTES("\xf4\x8f\xbf\xbf") },
    { "\"\\ud83d\"", BELFRY_ERR_INVALID, { 0 } },
    { "\"\\ud83d\\n\"", BELFRY_ERR_INVALID, { 0 } },
    { "\"\\ud83d\\ud83d\"", BELFRY_ERR_INVALID, { 0 } },
    { "\"\\ude00\"", BELFRY_ERR_INVALID, { 0 } },
    { "\"text before \\ude00\\ud83d\"", BELFRY_ERR_INVALID, { 0 } },
};

static void test_strings_decode(void **state)
{
    (void)state;
    for (const struct string_case *c = string_cases; c != BELFRY_END(string_cases); c++) {
        struct buf out = { 0 };
        belfry_bytes plain;
        assert_int_equal(buf_append(&out, "kept", 4), BELFRY_OK);
        assert_int_equal(json_string_decode(bytes_of_text(c->token), &out), c->want);
        belfry_bytes got = bytes_of(out.data + 4, out.size - 4);
        if (!bytes_equal(got, c->want_text))
            fail_msg("%s: %.*s", c->token, (int)got.size, (const char *)got.data);
        assert_int_equal(json_string_plain(bytes_of_text(c->token), &plain),
                         strchr(c->token, '\\') == NULL);
        assert_int_equal(json_string_equals(bytes_of_text(c->token), c->want_text),
                         c->want == BELFRY_OK);
        assert_false(json_string_equals(bytes_of_text(c->token), BELFRY_BYTES("plain tex")));
        assert_false(json_string_equals(bytes_of_text(c->token), BELFRY_BYTES("plain text!")));
        buf_deinit(&out);
    }
}

static void test_plain_strings_are_handed_out_where_they_stand(void **state)
{
    (void)state;
    belfry_bytes token = BELFRY_BYTES("\"lobby\"");
    belfry_bytes text;
    assert_true(json_string_plain(token, &text));
    assert_ptr_equal(text.data, (const char *)token.data + 1);
    assert_text(text, "lobby");
}

static void test_written_strings_are_valid_and_read_back(void **state)
{
    (void)state;
    /* Every ASCII character at every distance from the start of an eight-byte word. */
    for (unsigned c = 0; c < 0x80; c++) {
        for (size_t before = 0; before < 17; before++) {
            char text[32];
            memset(text, 'x', sizeof text);
            text[before] = (char)c;
            belfry_bytes original = bytes_of(text, before + 9);
            struct buf token = { 0 };
            struct buf decoded = { 0 };
            json_put_string(&token, original);
            assert_false(buf_failed(&token));
            assert_int_equal(json_scan(buf_bytes(&token), 0, NULL, NULL), BELFRY_OK);
            assert_int_equal(json_string_decode(buf_bytes(&token), &decoded), BELFRY_OK);
            assert_true(bytes_equal(buf_bytes(&decoded), original));
            buf_deinit(&token);
            buf_deinit(&decoded);
        }
    }
}

static void test_only_what_must_be_escaped_is(void **state)
{
    (void)state;
    struct buf b = { 0 };
    json_put_string(&b, BELFRY_BYTES("a\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9"));
    assert_text(buf_bytes(&b), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\"");
    buf_clear(&b);
    json_put_string(&b, bytes_of(NULL, 0));
    assert_text(buf_bytes(&b), "\"\"");
    buf_deinit(&b);
}

static void test_control_characters_are_seen(void **state)
{
    (void)state;
    static const belfry_bytes with[] = { BELFRY_BYTES("\0"), BELFRY_BYTES("a\nb"),
                                         BELFRY_BYTES("\x7f"), BELFRY_BYTES("\xc2\x80"),
                                         BELFRY_BYTES("x\xc2\x9f") };
    static const belfry_bytes without[] = {
        { 0 }, BELFRY_BYTES("a b"), BELFRY_BYTES("\xc2\xa0"), BELFRY_BYTES("\xc3\xa9\xe2\x82\xac")
    };
    for (size_t i = 0; i < BELFRY_COUNT(with); i++)
        assert_true(json_text_has_control(with[i]));
    for (size_t i = 0; i < BELFRY_COUNT(without); i++)
        assert_false(json_text_has_control(without[i]));
}

static void test_whole_numbers_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "-0",
                                       "-1",
                                       "00",
                                       "01",
                                       "1.0",
                                       "1e2",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "18446744073709551616",
                                       "99999999999999999999",
                                       "x",
                                       "\"1\"" };
    uint64_t number = 7;
    for (size_t i = 0; i < BELFRY_COUNT(bad); i++)
        assert_false(json_u64(bytes_of_text(bad[i]), &number));
    assert_int_equal(number, 7);
    assert_true(json_u64(BELFRY_BYTES("0"), &number));
    assert_int_equal(number, 0);
    assert_true(json_u64(BELFRY_BYTES("18446744073709551615"), &number));
    assert_true(number == UINT64_MAX);
}

static void *no_realloc(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void test_without_memory_nothing_is_appended(void **state)
{
    (void)state;
    struct buf b = { 0 };
    mem_set_functions(NULL, no_realloc, NULL);
    assert_int_equal(json_string_decode(BELFRY_BYTES("\"a\\n\""), &b), BELFRY_ERR_NOMEM);
    json_put_string(&b, BELFRY_BYTES("abc"));
    mem_set_functions(NULL, NULL, NULL);
    assert_true(buf_failed(&b));
    assert_int_equal(b.size, 0);
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_verdicts),
        cmocka_unit_test(test_every_beginning_of_an_object_ends_too_early),
        cmocka_unit_test(test_faults_say_what_is_wrong_where),
        cmocka_unit_test(test_the_deepest_nesting_is_exact),
        cmocka_unit_test(test_scan_gives_the_value_without_blanks),
        cmocka_unit_test(test_values_are_taken_from_the_front),
        cmocka_unit_test(test_lists_are_counted),
        cmocka_unit_test(test_fields_are_found_and_the_last_of_a_name_counts),
        cmocka_unit_test(test_fields_before_a_fault_stay),
        cmocka_unit_test(test_only_objects_have_fields),
        cmocka_unit_test(test_elements_come_in_order),
        cmocka_unit_test(test_iteration_ends_at_a_fault),
        cmocka_unit_test(test_strings_decode),
        cmocka_unit_test(test_plain_strings_are_handed_out_where_they_stand),
        cmocka_unit_test(test_written_strings_are_valid_and_read_back),
        cmocka_unit_test(test_only_what_must_be_escaped_is),
        cmocka_unit_test(test_control_characters_are_seen),
        cmocka_unit_test(test_whole_numbers_are_read_strictly),
        cmocka_unit_test(test_without_memory_nothing_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
