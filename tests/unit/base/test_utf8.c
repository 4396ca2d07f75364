/*
 * test_utf8.c - tables of right and wrong text, at every position of a vector, cut at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"

/* @fails_at: the byte whose coming makes it wrong for ever; -1: never. */
static const struct utf8_case {
    const char *name;
    belfry_bytes text;
    int fails_at;
    bool is_complete;
} utf8_cases[] = {
    { "empty", { "", 0 }, -1, true },
    { "ascii", { "hello", 5 }, -1, true },
    { "NUL and DEL", { "\0\x7f", 2 }, -1, true },
    { "greek", { "\xce\xba\xe1\xbd\xb9\xcf\x83", 7 }, -1, true },
    { "first of two", { "\xc2\x80", 2 }, -1, true },
    { "last of two", { "\xdf\xbf", 2 }, -1, true },
    { "first of three", { "\xe0\xa0\x80", 3 }, -1, true },
    { "last before surrogates", { "\xed\x9f\xbf", 3 }, -1, true },
    { "first after surrogates", { "\xee\x80\x80", 3 }, -1, true },
    { "last of three", { "\xef\xbf\xbf", 3 }, -1, true },
    { "first of four", { "\xf0\x90\x80\x80", 4 }, -1, true },
    { "U+10FFFF", { "\xf4\x8f\xbf\xbf", 4 }, -1, true },
    { "emoji", { "\xf0\x9f\x94\x94", 4 }, -1, true },
    { "lone continuation", { "\x80", 1 }, 0, false },
    { "last lone continuation", { "a\xbf", 2 }, 1, false },
    { "overlong two, C0", { "\xc0\xaf", 2 }, 0, false },
    { "overlong two, C1", { "\xc1\xbf", 2 }, 0, false },
    { "overlong three", { "\xe0\x9f\xbf", 3 }, 1, false },
    { "overlong four", { "\xf0\x8f\xbf\xbf", 4 }, 1, false },
    { "first surrogate", { "\xed\xa0\x80", 3 }, 1, false },
    { "last surrogate", { "\xed\xbf\xbf", 3 }, 1, false },
    { "U+110000", { "\xf4\x90\x80\x80", 4 }, 1, false },
    { "F5", { "\xf5\x80\x80\x80", 4 }, 0, false },
    { "five bytes", { "\xf8\x88\x80\x80\x80", 5 }, 0, false },
    { "FE", { "\xfe", 1 }, 0, false },
    { "FF", { "\xff", 1 }, 0, false },
    { "two, then ascii",
      { "\xc3"
        "a",
        2 },
      1,
      false },
    { "three, then ascii",
      { "\xe2\x82"
        "a",
        3 },
      2,
      false },
    { "four, then ascii",
      { "\xf0\x9f\x94"
        "a",
        4 },
      3,
      false },
    { "two leads", { "\xc3\xc3", 2 }, 1, false },
    { "two cut", { "\xc3", 1 }, -1, false },
    { "three cut at one", { "\xe2", 1 }, -1, false },
    { "three cut at two", { "\xe2\x82", 2 }, -1, false },
    { "four cut at one", { "\xf0", 1 }, -1, false },
    { "four cut at two", { "\xf0\x9f", 2 }, -1, false },
    { "four cut at three", { "\xf0\x9f\x94", 3 }, -1, false },
};

/* The byte at which feeding one by one fails; -1: none. */
static int find_failure(belfry_bytes text, struct utf8 *u)
{
    const uint8_t *data = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (!utf8_feed(u, data + i, 1))
            return (int)i;
    }
    return -1;
}

static void test_the_earliest_wrong_byte_is_refused(void **state)
{
    (void)state;
    for (const struct utf8_case *c = utf8_cases; c != BELFRY_END(utf8_cases); c++) {
        struct utf8 u = { 0 };
        int failure = find_failure(c->text, &u);
        if (failure != c->fails_at)
            fail_msg("%s: fails at %d, want %d", c->name, failure, c->fails_at);
        if (failure < 0 && utf8_is_complete(&u) != c->is_complete)
            fail_msg("%s: complete is %d", c->name, !c->is_complete);
    }
}

/* Every case behind and in front of ASCII of many lengths, so that it meets every lane. */
static void test_position_and_cut_make_no_difference(void **state)
{
    (void)state;
    for (const struct utf8_case *c = utf8_cases; c != BELFRY_END(utf8_cases); c++) {
        for (size_t before = 0; before < 70; before++) {
            for (size_t after = 0; after < 40; after += 13) {
                size_t size = before + c->text.size + after;
                uint8_t *text = malloc(size > 0 ? size : 1);
                assert_non_null(text);
                memset(text, 'x', size);
                memcpy(text + before, c->text.data, c->text.size);
                bool want = c->fails_at < 0 && c->is_complete;
                for (size_t cut = 0; cut <= size; cut++) {
                    struct utf8 u = { 0 };
                    bool got = utf8_feed(&u, text, cut) && utf8_feed(&u, text + cut, size - cut) &&
                               utf8_is_complete(&u);
                    if (got != want)
                        fail_msg("%s after %zu, cut at %zu: %d", c->name, before, cut, got);
                }
                assert_int_equal(utf8_is_valid(bytes_of(text, size)), want);
                free(text);
            }
        }
    }
}

/* RFC 3629 section 4, from code points: the obvious way. */
static bool is_valid_slowly(const uint8_t *at, size_t size)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    for (size_t i = 0; i < size;) {
        size_t length = at[i] < 0x80             ? 1
                        : (at[i] & 0xE0) == 0xC0 ? 2
                        : (at[i] & 0xF0) == 0xE0 ? 3
                        : (at[i] & 0xF8) == 0xF0 ? 4
                                                 : 0;
        if (length == 0 || length > size - i)
            return false;
        uint32_t point = length == 1 ? at[i] : at[i] & (0x7Fu >> length);
        for (size_t j = 1; j < length; j++) {
            if ((at[i + j] & 0xC0) != 0x80)
                return false;
            point = point << 6 | (at[i + j] & 0x3F);
        }
        if (point < smallest[length] || point > 0x10FFFF || (point >> 11) == 0x1B)
            return false;
        i += length;
    }
    return true;
}

static void test_all_sequences_of_two_and_three_bytes(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 1u << 24; n += (n >> 16) < 0x80 ? 0x10001 : 1) {
        uint8_t text[5] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 'a', 'b' };
        for (size_t size = 2; size <= 3; size++) {
            if (utf8_is_valid(bytes_of(text, size)) != is_valid_slowly(text, size))
                fail_msg("%06x, size %zu", n, size);
        }
        if (utf8_is_valid(bytes_of(text, 5)) != is_valid_slowly(text, 5))
            fail_msg("%06x ab", n);
    }
}

static void test_all_beginnings_of_four_bytes(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 1u << 20; n++) { /* F0..FF, any second byte, some third and fourth */
        uint8_t text[4] = { (uint8_t)(0xF0 | n >> 16), (uint8_t)(n >> 8), (uint8_t)(n & 0xF0),
                            (uint8_t)(n << 4) };
        if (utf8_is_valid(bytes_of(text, 4)) != is_valid_slowly(text, 4))
            fail_msg("%02x%02x%02x%02x", text[0], text[1], text[2], text[3]);
    }
}

static void test_cutting_keeps_whole_characters(void **state)
{
    (void)state;
    belfry_bytes text = BELFRY_BYTES("a\xe2\x82\xac\xf0\x9f\x94\x94z"); /* a, euro, bell, z */
    static const size_t want[] = { 0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9 };
    for (size_t max = 0; max < BELFRY_COUNT(want); max++)
        assert_int_equal(utf8_cut(text, max), want[max]);
    assert_int_equal(utf8_cut((belfry_bytes){ NULL, 0 }, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_earliest_wrong_byte_is_refused),
        cmocka_unit_test(test_position_and_cut_make_no_difference),
        cmocka_unit_test(test_all_sequences_of_two_and_three_bytes),
        cmocka_unit_test(test_all_beginnings_of_four_bytes),
        cmocka_unit_test(test_cutting_keeps_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
