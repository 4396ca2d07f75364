/*
 * Cutting arguments apart.
 */
#include "socketio/args.h"

#include "show.h"

static const struct args_case {
    const char *args;
    const char *want; /* the pieces, one behind the other, with their kinds */
} args_cases[] = {
    { "", "" },
    { "1", "NUM:1;" },
    { "1,2", "NUM:1;NUM:2;" },
    { " 1 , -2.5e3 ", "NUM:1;NUM:-2.5e3;" },
    { "\"a,b\",\"\\\",\"", "STR:\"a,b\";STR:\"\\\",\";" },
    { "\"\\\\\",1", "STR:\"\\\\\";NUM:1;" },
    { "[1,[2,3]],{\"a\":[4,5],\"b\":\"]},\"}", "ARR:[1,[2,3]];OBJ:{\"a\":[4,5],\"b\":\"]},\"};" },
    { "true,false,null", "TRUE:true;FALSE:false;NULL:null;" },
};

static void show_args(struct buf *b, belfry_bytes args)
{
    static const char *const kinds[] = { "?", "NULL", "FALSE", "TRUE", "NUM", "STR", "ARR", "OBJ" };
    struct sio_args it = sio_args_of(args);
    struct json_value arg;
    while (sio_args_next(&it, &arg))
        buf_printf(b, "%s:%.*s;", kinds[arg.kind], (int)arg.text.size, (const char *)arg.text.data);
}

static void test_arguments_are_found(void **state)
{
    (void)state;
    for (const struct args_case *c = args_cases; c != BELFRY_END(args_cases); c++) {
        struct buf shown = { 0 };
        belfry_bytes args = copy_of(bytes_of_text(c->args));
        uint32_t count = 99, number = 0;
        show_args(&shown, args);
        assert_shown(c->args, &shown, c->want);
        assert_int_equal(sio_args_scan(args, 4, &count), BELFRY_OK);
        assert_int_equal(sio_args_count(args), count);
        while (sio_args_at(args, number).kind != JSON_KIND_ABSENT)
            number++;
        assert_int_equal(number, count);
        buf_deinit(&shown);
        free((void *)(uintptr_t)args.data);
    }
}

static void test_one_argument_by_number(void **state)
{
    (void)state;
    belfry_bytes args = BELFRY_BYTES("1,[2],\"3\"");
    assert_true(bytes_equal_text(sio_args_at(args, 0).text, "1"));
    assert_true(bytes_equal_text(sio_args_at(args, 1).text, "[2]"));
    assert_true(bytes_equal_text(sio_args_at(args, 2).text, "\"3\""));
    assert_int_equal(sio_args_at(args, 3).kind, JSON_KIND_ABSENT);
    assert_int_equal(sio_args_at(args, UINT32_MAX).kind, JSON_KIND_ABSENT);
}

static const struct scan_case {
    const char *args;
    belfry_err want;
} scan_cases[] = {
    { " ", BELFRY_ERR_INVALID },          { ",", BELFRY_ERR_INVALID },
    { "1,", BELFRY_ERR_INVALID },         { ",1", BELFRY_ERR_INVALID },
    { "1,,2", BELFRY_ERR_INVALID },       { "1 2", BELFRY_ERR_INVALID },
    { "]", BELFRY_ERR_INVALID },          { "1],[2", BELFRY_ERR_INVALID },
    { "\"", BELFRY_ERR_INVALID },         { "\"\\", BELFRY_ERR_INVALID },
    { "\"\\\"", BELFRY_ERR_INVALID },     { "{\"a\":1", BELFRY_ERR_INVALID },
    { "[}", BELFRY_ERR_INVALID },         { "[[[[]]]]", BELFRY_OK },
    { "1,[[[[[]]]]]", BELFRY_ERR_LIMIT }, { "[1,{}],2", BELFRY_OK },
};

static void test_what_is_no_list_of_arguments(void **state)
{
    (void)state;
    for (const struct scan_case *c = scan_cases; c != BELFRY_END(scan_cases); c++) {
        uint32_t count;
        belfry_bytes args = copy_of(bytes_of_text(c->args));
        belfry_err got = sio_args_scan(args, 4, &count);
        if (got != c->want)
            fail_msg("%s: %d", c->args, got);
        struct sio_args it = sio_args_of(args); /* and walking it leads nowhere bad */
        struct json_value arg;
        while (sio_args_next(&it, &arg))
            assert_true(arg.text.size > 0);
        free((void *)(uintptr_t)args.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_are_found),
        cmocka_unit_test(test_one_argument_by_number),
        cmocka_unit_test(test_what_is_no_list_of_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
