/*
 * Whom a broadcast is for: rooms as they are, and everything that must be read in full.
 */
#include "show.h"

#include "redis/peek.h"

static const struct peek_case {
    const char *payload;
    const char *want; /* NULL: it must be read in full */
} cases[] = {
    { "~[\"u\",{\"type\":2,\"data\":[\"e\",[1,{\"a\":[]}]],\"nsp\":\"/\"},"
      "{\"rooms\":[\"a\",\"b\"],\"except\":[\"c\"],\"flags\":{}}]",
      "a b" },
    { "~[\"u\",1,{\"rooms\":[\"a\"]}]", "a" },
    { "~[\"u\",1.5,{\"rooms\":[\"a\"]}]", "a" },
    { "~[null,{},{\"rooms\":[\"\"]}]", "" },
    /* Texts, bytes and extensions of all widths, containers of two, in what nobody reads. */
    { "93a175 9f c0c2c3 c401ff c50001ff c600000001ff c70105ff c8000105ff c90000000105ff "
      "ca00000000 cb0000000000000000 "
      "93a175 81a572c0",
      NULL },
    { "93a175 dc0010 c0c2c3 c401ff c50001ff c600000001ff c70105ff c8000105ff c90000000105ff "
      "ca00000000 cb0000000000000000 cc01 cd0001 ce00000001 cf0000000000000001 d0ff "
      "81a5726f6f6d7391a161",
      "a" },
    { "93a175 dd0000000c d1ffff d2ffffffff d3ffffffffffffffff d400ff d500ffff d600ffffffff "
      "d700ffffffffffffffff d800ffffffffffffffffffffffffffffffff d901ff da0001ff db00000001ff "
      "de000100c0 df0000000100c0 "
      "81a5726f6f6d7391a161",
      NULL }, /* one value too many */
    { "93a175 dd0000000d d1ffff d2ffffffff d3ffffffffffffffff d400ff d500ffff d600ffffffff "
      "d700ffffffffffffffff d800ffffffffffffffffffffffffffffffff d901ff da0001ff db00000001ff "
      "de000100c0 df0000000100c0 "
      "81a5726f6f6d7391a161",
      "a" },
    /* everyone; a number; more than are looked at; another member first */
    { "~[\"u\",1,{\"rooms\":[],\"except\":[],\"flags\":{}}]", NULL },
    { "~[\"u\",1,{\"rooms\":[1]}]", NULL },
    { "~[\"u\",1,{\"rooms\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
      "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}]",
      NULL },
    { "~[\"u\",1,{\"except\":[],\"rooms\":[\"a\"]}]", NULL },
    { "~[\"u\",1,{}]", NULL },
    { "~[\"u\",1]", NULL },
    { "~[\"u\",1,{\"rooms\":[\"a\"]},4]", NULL },
    { "~{\"uid\":\"u\"}", NULL },
    { "{\"uid\":\"u\"}", NULL },
    { "93a175 c1 81a5726f6f6d7391a161", NULL },
    { "93a175 d9", NULL },
    { "93a175 d9ff", NULL },
    { "93a175 ddffffffff", NULL },
    { "93a175 dfffffffff", NULL },
    { "93a175 01 81a5726f6f6d7391a2", NULL },
    { "", NULL },
};

static void test_rooms_are_found(void **state)
{
    (void)state;
    for (const struct peek_case *c = cases; c != BELFRY_END(cases); c++) {
        belfry_bytes payload = payload_of(c->payload);
        struct note_peek peek;
        struct buf got = { 0 };
        bool is_known = note_peek(payload, &peek);
        if (is_known != (c->want != NULL))
            fail_msg("%s: %d", c->payload, is_known);
        for (unsigned i = 0; is_known && i < peek.room_count; i++) {
            buf_put_text(&got, i > 0 ? " " : "");
            buf_put_bytes(&got, peek.rooms[i]);
        }
        if (is_known && !bytes_equal_text(buf_bytes(&got), c->want))
            fail_msg("%s: %.*s", c->payload, (int)got.size, got.data);
        buf_deinit(&got);
        free_payload(payload);
    }
}

/* Whatever is cut off: it is not known then, and nothing behind the end is read. */
static void test_cut_short(void **state)
{
    (void)state;
    belfry_bytes whole = payload_of(cases[0].payload);
    struct note_peek peek;
    assert_true(note_peek(whole, &peek));
    const char *last = (const char *)peek.rooms[1].data + peek.rooms[1].size;
    size_t needed = (size_t)(last - (const char *)whole.data);
    for (size_t size = 0; size < whole.size; size++) {
        void *exact = malloc(size + 1);
        memcpy((char *)exact + 1, whole.data, size);
        assert_int_equal(note_peek(bytes_of((char *)exact + 1, size), &peek), size >= needed);
        free(exact);
    }
    free_payload(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rooms_are_found),
        cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
