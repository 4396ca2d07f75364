/*
 * Every row of the schema, in each of the three places: its default, its bounds and one beyond
 * them, its words. The cases come from the table, as everything else does.
 */
#include "config/config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Sets @row to @value in one place; the struct must be deinited whatever comes back. */
typedef belfry_err set_fn(struct config *c, const struct config_row *row, const char *value,
                          struct config_error *error);

static belfry_err set_by_flag(struct config *c, const struct config_row *row, const char *value,
                              struct config_error *error)
{
    struct config_name name;
    char argument[4200];
    (void)snprintf(argument, sizeof argument, "%s=%s", config_row_flag(row, &name), value);
    return config_read_flags(c, 2, (char *[]){ "serve", argument, NULL }, error);
}

static belfry_err set_by_two_arguments(struct config *c, const struct config_row *row,
                                       const char *value, struct config_error *error)
{
    struct config_name name;
    if (row->type == CONFIG_FLAG)
        return set_by_flag(c, row, value, error); /* takes no second argument */
    char *flag = (char *)config_row_flag(row, &name);
    return config_read_flags(c, 3, (char *[]){ "serve", flag, (char *)value, NULL }, error);
}

static belfry_err set_by_env(struct config *c, const struct config_row *row, const char *value,
                             struct config_error *error)
{
    struct config_name name;
    char variable[4200];
    (void)snprintf(variable, sizeof variable, "%s=%s", config_row_variable(row, &name), value);
    return config_read_env(c, (char *[]){ "PATH=/bin", variable, NULL }, error);
}

static belfry_err set_by_file(struct config *c, const struct config_row *row, const char *value,
                              struct config_error *error)
{
    char yaml[4200];
    (void)snprintf(yaml, sizeof yaml, "# one setting\n%s: \"%s\"\n", row->name, value);
    return config_read_yaml(c, "belfry.yaml", bytes_of_text(yaml), error);
}

static const struct place {
    const char *name;
    set_fn *set;
} places[] = {
    { "flag", set_by_flag },
    { "flag and argument", set_by_two_arguments },
    { "environment", set_by_env },
    { "file", set_by_file },
};

static void must_take(const struct config_row *row, const char *value, uint64_t want)
{
    for (const struct place *p = places; p != BELFRY_END(places); p++) {
        struct config c;
        struct config_error error = { "" };
        config_init(&c);
        if (p->set(&c, row, value, &error) != BELFRY_OK)
            fail_msg("%s = %s by %s: %s", row->name, value, p->name, error.text);
        if (config_get(&c, row).number != want)
            fail_msg("%s = %s by %s: not stored", row->name, value, p->name);
        config_deinit(&c);
    }
}

/* Refused everywhere, and the error names the value and, if there are any, the bounds. */
static void must_refuse(const struct config_row *row, const char *value)
{
    for (const struct place *p = places; p != BELFRY_END(places); p++) {
        struct config c;
        struct config_error error = { "" };
        struct config_name flag, variable;
        config_init(&c);
        if (p->set(&c, row, value, &error) != BELFRY_ERR_CONFIG)
            fail_msg("%s = %s by %s: accepted", row->name, value, p->name);
        const char *where = p->set == set_by_file  ? row->name
                            : p->set == set_by_env ? config_row_variable(row, &variable)
                                                   : config_row_flag(row, &flag);
        if (strstr(error.text, where) == NULL || strstr(error.text, value) == NULL)
            fail_msg("%s = %s by %s: unclear: %s", row->name, value, p->name, error.text);
        config_deinit(&c);
    }
}

static bool is_number(const struct config_row *row)
{
    return row->type == CONFIG_COUNT || row->type == CONFIG_SIZE || row->type == CONFIG_MS;
}

static const char *decimal(uint64_t number, struct config_text *room)
{
    (void)snprintf(room->text, sizeof room->text, "%" PRIu64, number);
    return room->text;
}

static void check_number(const struct config_row *row)
{
    struct config_text room;
    uint64_t usual = row->default_value.number;
    assert_true(row->min < row->max);
    assert_true(usual == 0 || (usual >= row->min && usual <= row->max));
    assert_true(row->max < BELFRY_OFF || !row->may_be_off);
    must_take(row, decimal(usual, &room), usual);
    must_take(row, decimal(row->min, &room), row->min);
    must_take(row, decimal(row->max, &room), row->max);
    if (row->min > 0 && row->min - 1 != usual)
        must_refuse(row, decimal(row->min - 1, &room));
    must_refuse(row, decimal(row->max + 1, &room));
    must_refuse(row, "18446744073709551616");
    must_refuse(row, "-1");
    must_refuse(row, "1.5");
    must_refuse(row, "7x");
    if (row->may_be_off)
        must_take(row, "off", BELFRY_OFF);
    else
        must_refuse(row, "off");
    if (row->type == CONFIG_SIZE && row->max % 1024 == 0) {
        (void)snprintf(room.text, sizeof room.text, "%" PRIu64 "K", row->max / 1024);
        must_take(row, room.text, row->max);
        (void)snprintf(room.text, sizeof room.text, "%" PRIu64 "K", row->max / 1024 + 1);
        must_refuse(row, room.text);
    }
}

static void test_numbers_keep_their_bounds(void **state)
{
    (void)state;
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        if (config_row_is_offered(row) && is_number(row))
            check_number(row);
    }
}

static void test_flags_and_choices_take_their_words(void **state)
{
    (void)state;
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        if (!config_row_is_offered(row))
            continue;
        if (row->type == CONFIG_FLAG) {
            must_take(row, "true", 1);
            must_take(row, "on", 1);
            must_take(row, "no", 0);
            must_take(row, "0", 0);
            must_refuse(row, "maybe");
        }
        for (size_t i = 0; i < row->choice_count; i++)
            must_take(row, row->choices[i].text, i);
        if (row->type == CONFIG_CHOICE)
            must_refuse(row, "maybe");
    }
}

static void test_texts_are_copied_and_printable(void **state)
{
    (void)state;
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        if (row->type != CONFIG_TEXT)
            continue;
        for (const struct place *p = places; p != BELFRY_END(places); p++) {
            struct config c;
            struct config_error error = { "" };
            bool may = row != &config_rows[CONFIG_ROW_config] || p->set != set_by_file;
            config_init(&c);
            assert_int_equal(p->set(&c, row, "some t\xc3\xabxt", &error),
                             may ? BELFRY_OK : BELFRY_ERR_CONFIG);
            if (may)
                assert_string_equal(config_get(&c, row).text, "some t\xc3\xabxt");
            assert_int_equal(p->set(&c, row, "\xe2\x80\xa8", &error), BELFRY_ERR_CONFIG);
            assert_int_equal(p->set(&c, row, "\xc2\x9b", &error), BELFRY_ERR_CONFIG);
            assert_int_equal(p->set(&c, row, "\xff", &error), BELFRY_ERR_CONFIG);
            config_deinit(&c);
        }
    }
}

static void test_library_rows_are_not_offered(void **state)
{
    (void)state;
    struct config c;
    struct config_error error;
    config_init(&c);
    assert_int_equal(set_by_flag(&c, &config_rows[CONFIG_ROW_sock_data], "8", &error),
                     BELFRY_ERR_CONFIG);
    assert_int_equal(set_by_env(&c, &config_rows[CONFIG_ROW_keep_signals], "1", &error),
                     BELFRY_ERR_CONFIG);
    assert_int_equal(set_by_file(&c, &config_rows[CONFIG_ROW_keep_signals], "1", &error),
                     BELFRY_ERR_CONFIG);
    config_deinit(&c);
}

/* What format writes, parse reads as the same number. */
static void test_numbers_survive_being_written(void **state)
{
    (void)state;
    static const uint64_t numbers[] = { 1,       999,     1000,    1023,       1024,   1025,
                                        60000,   3600000, 3600001, 1048576,    65536,  7200000,
                                        1 << 30, 90000,   250,     BELFRY_OFF, 5 << 20 };
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        for (const uint64_t *n = numbers; is_number(row) && n != BELFRY_END(numbers); n++) {
            struct config_value back = { 0 };
            struct config_text written, fault;
            if (*n > row->max && !(row->may_be_off && *n == BELFRY_OFF))
                continue;
            const char *text =
                config_value_format(row, (struct config_value){ .number = *n }, &written);
            if (*n >= row->min) {
                assert_null(config_value_parse(row, bytes_of_text(text), &back, &fault));
                assert_int_equal(back.number, *n);
            }
        }
    }
}

static void test_units(void **state)
{
    (void)state;
    must_take(&config_rows[CONFIG_ROW_max_queue_bytes], "4K", 4096);
    must_take(&config_rows[CONFIG_ROW_max_queue_bytes], "2M", 2 << 20);
    must_take(&config_rows[CONFIG_ROW_log_bytes], "16G", UINT64_C(16) << 30);
    must_take(&config_rows[CONFIG_ROW_ping_interval_ms], "250ms", 250);
    must_take(&config_rows[CONFIG_ROW_ping_interval_ms], "10s", 10000);
    must_take(&config_rows[CONFIG_ROW_ping_interval_ms], "2m", 120000);
    must_take(&config_rows[CONFIG_ROW_ping_interval_ms], "1h", 3600000);
    must_refuse(&config_rows[CONFIG_ROW_ping_interval_ms], "2M");
    must_refuse(&config_rows[CONFIG_ROW_ping_interval_ms], "s");
    must_refuse(&config_rows[CONFIG_ROW_max_queue_bytes], "64k");
    must_refuse(&config_rows[CONFIG_ROW_max_queue_bytes], "17179869185G"); /* 64 bits overflow */
    must_refuse(&config_rows[CONFIG_ROW_workers], "1K");
}

static void test_every_row_fits_its_room(void **state)
{
    (void)state;
    assert_string_equal(config_row_group(config_rows), "Listening");
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        struct config_name name;
        struct config_text bounds;
        assert_non_null(row->name);
        assert_true(strlen(config_row_flag(row, &name)) < 40);
        assert_true(strlen(config_row_variable(row, &name)) < 40);
        assert_true(strlen(config_value_bounds(row, &bounds)) < 120);
    }
}

static void test_the_nearest_name_is_found(void **state)
{
    (void)state;
    static const struct nearest_case {
        const char *written, *want;
    } cases[] = {
        { "max_queue_byte", "max_queue_bytes" },
        { "queue_bytes", "max_queue_bytes" },
        { "lsiten", "listen" },
        { "worker", "workers" },
        { "originz", "origins" },
        { "xyzzy", NULL },
        { "", NULL },
        { "sock_datas", NULL },
    };
    for (const struct nearest_case *c = cases; c != BELFRY_END(cases); c++) {
        const struct config_row *row = config_row_nearest(bytes_of_text(c->written));
        if (c->want == NULL ? row != NULL : row == NULL || strcmp(row->name, c->want) != 0)
            fail_msg("%s: %s", c->written, row == NULL ? "none" : row->name);
    }
    char huge[1000];
    memset(huge, 'a', sizeof huge);
    assert_null(config_row_nearest(bytes_of(huge, sizeof huge)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_keep_their_bounds),
        cmocka_unit_test(test_flags_and_choices_take_their_words),
        cmocka_unit_test(test_texts_are_copied_and_printable),
        cmocka_unit_test(test_library_rows_are_not_offered),
        cmocka_unit_test(test_numbers_survive_being_written),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_every_row_fits_its_room),
        cmocka_unit_test(test_the_nearest_name_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
