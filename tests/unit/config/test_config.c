/*
 * Who wins, what is refused and in which words, and what happens without memory.
 */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

#define ARGUMENTS(...) ((char *[]){ "serve", __VA_ARGS__, NULL })

static int count_of(char **argv)
{
    int count = 0;
    while (argv[count] != NULL)
        count++;
    return count;
}

/* A file with @text in a folder that is gone after the test; the working directory is that folder.
 */
static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

struct folder {
    char before[1024];
    char path[64];
};

static int enter_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    if (f == NULL || getcwd(f->before, sizeof f->before) == NULL)
        return -1;
    (void)snprintf(f->path, sizeof f->path, "/tmp/belfry-config-XXXXXX");
    *state = f;
    return mkdtemp(f->path) != NULL ? chdir(f->path) : -1;
}

static int leave_folder(void **state)
{
    struct folder *f = *state;
    (void)unlink("belfry.yaml"); /* there or not */
    (void)unlink("other.yaml");
    int result = chdir(f->before);
    result |= rmdir(f->path);
    free(f);
    return result;
}

static void must_fail(char **argv, char **envp, const char *want)
{
    struct config c;
    struct config_error error = { "" };
    assert_int_equal(config_load(&c, count_of(argv), argv, envp, &error), BELFRY_ERR_CONFIG);
    assert_string_equal(error.text, want);
    config_deinit(&c); /* allowed, though there is nothing */
}

static char *no_env[] = { NULL };
static char *no_arguments[] = { "serve", NULL };

static void test_defaults_are_filled_in(void **state)
{
    (void)state;
    struct config c;
    struct config_error error;
    assert_int_equal(config_load(&c, 1, no_arguments, no_env, &error), BELFRY_OK);
    assert_string_equal(c.options.listen, ":3001");
    assert_int_equal(c.options.workers, config_usable_cores());
    assert_int_equal(c.options.max_queue_bytes, 1 << 20);
    assert_int_equal(c.options.ping_interval_ms, 25000);
    assert_int_equal(c.options.deflate, BELFRY_DEFLATE_SHARED);
    assert_int_equal(c.log_level, BELFRY_LOG_INFO);
    assert_int_equal(c.log_format, CONFIG_LOG_AUTO);
    assert_false(c.demo);
    config_deinit(&c);
    config_deinit(&c);
}

static void test_flag_over_env_over_file_over_default(void **state)
{
    (void)state;
    struct config c;
    struct config_error error;
    write_file("belfry.yaml", "max_headers: 51\nmax_rooms: 52\nmax_inbox: 53\nlisten: file\n");
    char **argv = ARGUMENTS("--max-headers", "71", "--listen=flag");
    char *envp[] = { "BELFRY_MAX_HEADERS=61", "BELFRY_MAX_ROOMS=62", "BELFRY_LISTEN=env", NULL };
    assert_int_equal(config_load(&c, count_of(argv), argv, envp, &error), BELFRY_OK);
    assert_int_equal(c.options.max_headers, 71);
    assert_int_equal(c.options.max_rooms, 62);
    assert_int_equal(c.options.max_inbox, 53);
    assert_int_equal(c.options.max_members_page, 1000);
    assert_string_equal(c.options.listen, "flag");
    assert_int_equal(c.sources[CONFIG_ROW_max_headers].origin, CONFIG_FROM_FLAG);
    assert_int_equal(c.sources[CONFIG_ROW_max_rooms].origin, CONFIG_FROM_ENV);
    assert_int_equal(c.sources[CONFIG_ROW_max_inbox].origin, CONFIG_FROM_FILE);
    assert_int_equal(c.sources[CONFIG_ROW_max_inbox].line, 3);
    assert_int_equal(c.sources[CONFIG_ROW_max_members_page].origin, CONFIG_FROM_DEFAULT);
    config_deinit(&c);
}

static void test_what_loses_is_checked_too(void **state)
{
    (void)state;
    char *envp[] = { "BELFRY_MAX_HEADERS=7", NULL };
    must_fail(ARGUMENTS("--max-headers", "71"), envp,
              "BELFRY_MAX_HEADERS \"7\" is out of bounds: 8 to 1000");
}

static void test_flags_come_in_all_forms(void **state)
{
    (void)state;
    struct config c;
    struct config_error error;
    char **argv = ARGUMENTS("--max-queue-bytes=2M", "--demo", "--no-demo", "--tls-self-signed",
                            "--origins", "a", "--origins", "https://b,https://c",
                            "--static-dir=", "--history-messages", "off", "--listen=a=b");
    assert_int_equal(config_load(&c, count_of(argv), argv, no_env, &error), BELFRY_OK);
    assert_int_equal(c.options.max_queue_bytes, 2 << 20);
    assert_false(c.demo);
    assert_true(c.options.tls_self_signed);
    assert_string_equal(c.options.origins, "https://b,https://c");
    assert_string_equal(c.options.static_dir, "");
    assert_string_equal(c.options.listen, "a=b");
    assert_true(c.options.history_messages == BELFRY_OFF);
    config_deinit(&c);
}

static void test_flags_are_refused_in_words(void **state)
{
    (void)state;
    must_fail(ARGUMENTS("--max-queu-bytes", "1"), no_env,
              "unknown flag --max-queu-bytes; did you mean --max-queue-bytes?");
    must_fail(ARGUMENTS("--max_queue_bytes=1"), no_env,
              "unknown flag --max_queue_bytes; did you mean --max-queue-bytes?");
    must_fail(ARGUMENTS("--xyzzy"), no_env, "unknown flag --xyzzy; see belfry serve --help");
    must_fail(ARGUMENTS("--sock-data=8"), no_env,
              "unknown flag --sock-data; see belfry serve --help");
    must_fail(ARGUMENTS("--no-workers"), no_env,
              "unknown flag --no-workers; did you mean --workers?");
    must_fail(ARGUMENTS("--no-demo=true"), no_env, "--no-demo takes no value");
    must_fail(ARGUMENTS("--workers"), no_env, "--workers needs a value");
    must_fail(ARGUMENTS("--workers", "--demo"), no_env, "--workers needs a value");
    must_fail(ARGUMENTS("--workers="), no_env, "--workers \"\" is not a number");
    must_fail(ARGUMENTS("--demo", "yes"), no_env,
              "unexpected argument yes; flags look like --workers 2");
    must_fail(ARGUMENTS("--"), no_env, "unexpected argument --; flags look like --workers 2");
    must_fail(ARGUMENTS("--workers", "0x2"), no_env, "--workers 0x2 is not a number");
    must_fail(ARGUMENTS("--deflate", "on"), no_env,
              "--deflate on is not one of: shared, dedicated, off");
    must_fail(ARGUMENTS("--history-messages=0"), no_env,
              "--history-messages \"0\" is out of bounds: 1 to 1000000, or off");
    must_fail(ARGUMENTS("--max-body-bytes", "0"), no_env,
              "--max-body-bytes \"0\" is out of bounds: 1 to 1G");
}

static void test_variables_are_refused_in_words(void **state)
{
    (void)state;
    must_fail(no_arguments, (char *[]){ "BELFRY_WORKER=2", NULL },
              "unknown variable BELFRY_WORKER; did you mean BELFRY_WORKERS?");
    must_fail(no_arguments, (char *[]){ "BELFRY_workers=2", NULL },
              "unknown variable BELFRY_workers; did you mean BELFRY_WORKERS?");
    must_fail(no_arguments, (char *[]){ "BELFRY_XYZZY=", NULL },
              "unknown variable BELFRY_XYZZY; belfry config env lists all");
    must_fail(no_arguments, (char *[]){ "BELFRY_PORT=8080", NULL },
              "unknown variable BELFRY_PORT; belfry config env lists all");
    must_fail(no_arguments, (char *[]){ "BELFRY_DEMO=perhaps", NULL },
              "BELFRY_DEMO perhaps is neither true nor false");
}

static void test_variables_of_others_are_left_alone(void **state)
{
    (void)state;
    char *envp[] = { "BELFR=1",
                     "belfry_x=1",
                     "XBELFRY_=1",
                     "BELFRY",
                     "BELFRY_SERVICE_HOST=10.0.0.11",
                     "BELFRY_SERVICE_PORT=3001",
                     "BELFRY_SERVICE_PORT_HTTP=3001",
                     "BELFRY_PORT=tcp://10.0.0.11:3001",
                     "BELFRY_PORT_3001_TCP=tcp://10.0.0.11:3001",
                     "BELFRY_PORT_3001_TCP_ADDR=10.0.0.11",
                     "BELFRY_WEB_SERVICE_HOST=10.0.0.12",
                     NULL };
    struct config c;
    struct config_error error = { "" };
    assert_int_equal(config_load(&c, 1, no_arguments, envp, &error), BELFRY_OK);
    config_deinit(&c);
}

static void test_the_file_is_found(void **state)
{
    (void)state;
    struct config c;
    struct config_error error;
    write_file("other.yaml", "workers: 3\n");
    char *envp[] = { "BELFRY_CONFIG=other.yaml", NULL };
    assert_int_equal(config_load(&c, 1, no_arguments, envp, &error), BELFRY_OK);
    assert_int_equal(c.options.workers, 3);
    config_deinit(&c);

    write_file("belfry.yaml", "workers: 4\n");
    assert_int_equal(config_load(&c, 1, no_arguments, no_env, &error), BELFRY_OK);
    assert_int_equal(c.options.workers, 4);
    config_deinit(&c);

    char **argv = ARGUMENTS("--config=");
    assert_int_equal(config_load(&c, 2, argv, no_env, &error), BELFRY_OK);
    assert_int_equal(c.sources[CONFIG_ROW_workers].origin, CONFIG_FROM_DEFAULT);
    config_deinit(&c);
}

static void test_a_file_that_was_asked_for_must_be_there(void **state)
{
    (void)state;
    must_fail(ARGUMENTS("--config", "nowhere.yaml"), no_env,
              "nowhere.yaml: No such file or directory");
    must_fail(ARGUMENTS("--config", "/"), no_env, "/: Is a directory");
    must_fail(ARGUMENTS("--config", "/dev/zero"), no_env, "/dev/zero: is larger than 1M");
}

static void test_settings_that_contradict_each_other(void **state)
{
    (void)state;
    must_fail(ARGUMENTS("--tls-cert", "c.pem"), no_env,
              "tls_cert and tls_key go together: tls_key is missing");
    must_fail(ARGUMENTS("--tls-key", "k.pem"), no_env,
              "tls_cert and tls_key go together: tls_cert is missing");
    must_fail(ARGUMENTS("--tls-key", "k.pem", "--tls-cert", "c.pem", "--tls-self-signed"), no_env,
              "tls_cert and tls_self_signed exclude each other");
    must_fail(ARGUMENTS("--listen="), no_env, "listen is empty: there is nothing to serve");
}

static void test_long_and_hostile_values_stay_one_short_line(void **state)
{
    (void)state;
    struct config c;
    struct config_error error;
    char *argument = malloc(100000);
    assert_non_null(argument);
    for (unsigned char byte = 1; byte != 0; byte++) {
        memset(argument, byte, 99999);
        argument[99999] = '\0';
        memcpy(argument, "--workers=", strlen("--workers="));
        assert_int_equal(config_load(&c, 2, ARGUMENTS(argument), no_env, &error),
                         BELFRY_ERR_CONFIG);
        memcpy(argument, "--workerz=", strlen("--workerz="));
        assert_int_equal(config_load(&c, 2, ARGUMENTS(argument), no_env, &error),
                         BELFRY_ERR_CONFIG);
        assert_true(config_text_is_printable(bytes_of_text(error.text)));
    }
    free(argument);
}

/* --- without memory -----------------------------------------------------------------------------
 */

static unsigned allocations_left;

static void *failing_alloc(size_t size)
{
    return allocations_left > 0 && allocations_left-- > 0 ? malloc(size) : NULL;
}

static void *failing_realloc(void *old, size_t size)
{
    return allocations_left > 0 && allocations_left-- > 0 ? realloc(old, size) : NULL;
}

static void test_every_failing_allocation_is_reported(void **state)
{
    (void)state;
    write_file("other.yaml", "listen: [ \":1\", \":2\" ]\nstatic_dir: web\n");
    char **argv = ARGUMENTS("--config", "other.yaml", "--ops-listen", ":3", "--ops-listen", ":4");
    char *envp[] = { "BELFRY_ORIGINS=https://a", NULL };
    belfry_err err = BELFRY_ERR_NOMEM;
    unsigned allowed = 0;
    for (; err != BELFRY_OK; allowed++) {
        struct config c;
        struct config_error error = { "" };
        allocations_left = allowed;
        mem_set_functions(failing_alloc, failing_realloc, NULL);
        err = config_load(&c, count_of(argv), argv, envp, &error);
        mem_set_functions(NULL, NULL, NULL);
        if (err != BELFRY_OK) {
            assert_int_equal(err, BELFRY_ERR_NOMEM);
            assert_string_equal(error.text, "out of memory");
        } else {
            assert_string_equal(c.options.listen, ":1,:2");
            assert_string_equal(c.ops_listen, ":4");
        }
        config_deinit(&c);
    }
    assert_true(allowed > 6);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_defaults_are_filled_in),
        IN_FOLDER(test_flag_over_env_over_file_over_default),
        IN_FOLDER(test_what_loses_is_checked_too),
        IN_FOLDER(test_flags_come_in_all_forms),
        IN_FOLDER(test_flags_are_refused_in_words),
        IN_FOLDER(test_variables_are_refused_in_words),
        IN_FOLDER(test_variables_of_others_are_left_alone),
        IN_FOLDER(test_the_file_is_found),
        IN_FOLDER(test_a_file_that_was_asked_for_must_be_there),
        IN_FOLDER(test_settings_that_contradict_each_other),
        IN_FOLDER(test_long_and_hostile_values_stay_one_short_line),
        IN_FOLDER(test_every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
