/*
 * What people read: the help fits its columns, the reference page is the committed one, and the
 * effective configuration read back is the same configuration.
 */
#include "config/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What @write_config (or, if NULL, @write_text) writes; the caller frees it. */
static char *capture(void (*write_text)(FILE *),
                     void (*write_config)(FILE *, const struct config *), const struct config *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    if (write_config != NULL)
        write_config(out, c);
    else
        write_text(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_help_shows_every_flag_in_100_columns(void **state)
{
    (void)state;
    char *help = capture(config_print_help, NULL, NULL);
    for (const char *line = help; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t size = strcspn(line, "\n");
        if (size > 100 || (size > 0 && line[size - 1] == ' '))
            fail_msg("%.*s", (int)size, line);
    }
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        char want[100];
        struct config_name flag;
        (void)snprintf(want, sizeof want, "\n  %s ", config_row_flag(row, &flag));
        assert_int_equal(strstr(help, want) != NULL, config_row_is_offered(row));
    }
    assert_non_null(strstr(help, "[1M; 4K"));
    assert_null(strstr(help, "(library)"));
    free(help);
}

/* The tests run in the root of the repository. */
static void test_the_committed_reference_is_up_to_date(void **state)
{
    (void)state;
    char *want = capture(config_write_reference, NULL, NULL);
    char *got = calloc(1, 100000);
    assert_non_null(got);
    FILE *file = fopen("docs/reference/config.md", "r");
    assert_non_null(file);
    assert_true(fread(got, 1, 99999, file) > 0);
    (void)fclose(file);
    if (strcmp(got, want) != 0)
        fail_msg("run: belfry config doc > docs/reference/config.md");
    free(got);
    free(want);
}

static void load(struct config *c, int argc, char **argv)
{
    struct config_error error;
    config_init(c);
    if (config_read_flags(c, argc, argv, &error) != BELFRY_OK)
        fail_msg("%s", error.text);
}

static char *odd_arguments[] = {
    "serve",
    "--origins=a \"quoted\" \\ $HOME `id` 'x' # %41 zo\xc3\xab \xf0\x9f\x94\x94",
    "--static-dir= ~: - [a]{b} ",
    "--log-bytes=16G",
    "--history-messages=off",
    "--ping-interval-ms=1500",
    "--deflate=off",
    "--demo",
    "--log-format=json",
    NULL,
};

static void test_effective_yaml_reads_back_as_the_same(void **state)
{
    (void)state;
    struct config c, back;
    struct config_error error = { "" };
    load(&c, (int)BELFRY_COUNT(odd_arguments) - 1, odd_arguments);
    char *yaml = capture(NULL, config_write_effective, &c);
    config_init(&back);
    if (config_read_yaml(&back, "effective", bytes_of_text(yaml), &error) != BELFRY_OK)
        fail_msg("%s", error.text);
    char *want = capture(NULL, config_write_env, &c);
    char *got = capture(NULL, config_write_env, &back);
    assert_string_equal(got, want);
    assert_string_equal(back.options.origins, c.options.origins);
    free(yaml);
    free(want);
    free(got);
    config_deinit(&c);
    config_deinit(&back);
}

static void test_effective_yaml_says_where_values_come_from(void **state)
{
    (void)state;
    struct config c;
    struct config_error error;
    load(&c, 2, (char *[]){ "serve", "--max-inbox=20", NULL });
    assert_int_equal(config_read_env(&c, (char *[]){ "BELFRY_MAX_ROOMS=30", NULL }, &error),
                     BELFRY_OK);
    assert_int_equal(
        config_read_yaml(&c, "belfry.yaml", BELFRY_BYTES("\nmax_headers: 40\n"), &error),
        BELFRY_OK);
    char *yaml = capture(NULL, config_write_effective, &c);
    assert_non_null(strstr(yaml, "\nmax_inbox: 20                            # --max-inbox\n"));
    assert_non_null(
        strstr(yaml, "\nmax_rooms: 30                            # BELFRY_MAX_ROOMS\n"));
    assert_non_null(strstr(yaml, "\nmax_headers: 40                          # belfry.yaml:2\n"));
    assert_non_null(strstr(yaml, "\nlisten: \":3001\"                          # default\n"));
    assert_non_null(strstr(yaml, "# default: usable cores\n"));
    free(yaml);
    config_deinit(&c);
}

static void test_env_is_fit_for_a_shell(void **state)
{
    (void)state;
    struct config c;
    load(&c, (int)BELFRY_COUNT(odd_arguments) - 1, odd_arguments);
    char *env = capture(NULL, config_write_env, &c);
    assert_non_null(strstr(env, "\nBELFRY_LISTEN=:3001\n"));
    assert_non_null(strstr(env, "\nBELFRY_HISTORY_MESSAGES=off\n"));
    assert_non_null(strstr(env, "\nBELFRY_DEMO=true\n"));
    assert_non_null(strstr(env, "\nBELFRY_ORIGINS=\"a \\\"quoted\\\" \\\\ \\$HOME \\`id\\` 'x'"));
    assert_null(strstr(env, "BELFRY_CONFIG="));
    free(env);
    config_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_shows_every_flag_in_100_columns),
        cmocka_unit_test(test_the_committed_reference_is_up_to_date),
        cmocka_unit_test(test_effective_yaml_reads_back_as_the_same),
        cmocka_unit_test(test_effective_yaml_says_where_values_come_from),
        cmocka_unit_test(test_env_is_fit_for_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
