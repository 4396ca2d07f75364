/*
 * Which verb a command line means, and whose help.
 */
#include "cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct args_case {
    char *argv[5];
    enum args_verb want_verb;
    bool wants_help;
    const char *want_first; /* argv[0] for the verb; NULL: none */
} cases[] = {
    { { "belfry" }, ARGS_HELP, false, NULL },
    { { "belfry", "--help" }, ARGS_HELP, false, NULL },
    { { "belfry", "-h" }, ARGS_HELP, false, NULL },
    { { "belfry", "help" }, ARGS_HELP, false, "help" },
    { { "belfry", "help", "serve" }, ARGS_SERVE, true, "help" },
    { { "belfry", "serve" }, ARGS_SERVE, false, "serve" },
    { { "belfry", "serve", "--demo" }, ARGS_SERVE, false, "serve" },
    { { "belfry", "serve", "--demo", "--help" }, ARGS_SERVE, true, "serve" },
    { { "belfry", "serve", "-h" }, ARGS_SERVE, true, "serve" },
    { { "belfry", "bench", "--help" }, ARGS_BENCH, true, "bench" },
    { { "belfry", "config", "env" }, ARGS_CONFIG, false, "config" },
    { { "belfry", "check" }, ARGS_CHECK, false, "check" },
    { { "belfry", "version" }, ARGS_VERSION, false, "version" },
    { { "belfry", "--version" }, ARGS_VERSION, false, "--version" },
};

static int count_of(char *const *argv)
{
    int count = 0;
    while (argv[count] != NULL)
        count++;
    return count;
}

static void test_verbs(void **state)
{
    (void)state;
    for (const struct args_case *c = cases; c != BELFRY_END(cases); c++) {
        struct args args;
        struct config_error error;
        assert_int_equal(args_parse(&args, count_of(c->argv), (char **)c->argv, &error), BELFRY_OK);
        assert_int_equal(args.verb, c->want_verb);
        assert_int_equal(args.wants_help, c->wants_help);
        if (c->want_first != NULL)
            assert_string_equal(args.argv[0], c->want_first);
        else
            assert_int_equal(args.argc, 0);
    }
}

static void test_unknown_verbs_are_refused(void **state)
{
    (void)state;
    struct args args;
    struct config_error error;
    assert_int_equal(args_parse(&args, 2, (char *[]){ "belfry", "sreve", NULL }, &error),
                     BELFRY_ERR_CONFIG);
    assert_string_equal(error.text,
                        "unknown verb sreve; there are: serve bench config check version help");
    assert_int_equal(args_parse(&args, 3, (char *[]){ "belfry", "help", "--demo", NULL }, &error),
                     BELFRY_ERR_CONFIG);
    assert_string_equal(error.text,
                        "unknown verb --demo; there are: serve bench config check version help");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_unknown_verbs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
