/*
 * config.c - one struct, filled from four places.
 *
 *   flags --> environment --> file (named by either) --> checks of several settings together
 *     |            |           |
 *     +------------+-----------+--> config_set: parse, check, keep the strongest
 *
 * The strongest place is read first, because it may name the file. A text in the struct belongs to
 * it exactly when its source is not the default.
 */
#include "config/config.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"

belfry_err config_fail(struct config_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return BELFRY_ERR_CONFIG;
}

belfry_err config_fail_no_memory(struct config_error *error)
{
    (void)config_fail(error, "%s", belfry_strerror(BELFRY_ERR_NOMEM));
    return BELFRY_ERR_NOMEM;
}

/* --- the struct and its rows --------------------------------------------------------------------
 */

static void store(struct config *c, const struct config_row *row, struct config_value value)
{
    void *member = (char *)c + row->offset;
    switch (row->type) {
    case CONFIG_TEXT:
        *(const char **)member = value.text;
        break;
    case CONFIG_FLAG:
        *(bool *)member = value.number != 0;
        break;
    case CONFIG_SIZE:
        *(uint64_t *)member = value.number;
        break;
    case CONFIG_COUNT:
    case CONFIG_MS:
    case CONFIG_CHOICE: /* the schema checks that these enums have 32 bits */
        *(uint32_t *)member = (uint32_t)value.number;
        break;
    }
}

struct config_value config_get(const struct config *c, const struct config_row *row)
{
    const void *member = (const char *)c + row->offset;
    switch (row->type) {
    case CONFIG_TEXT:
        return (struct config_value){ .text = *(const char *const *)member };
    case CONFIG_FLAG:
        return (struct config_value){ .number = *(const bool *)member };
    case CONFIG_SIZE:
        return (struct config_value){ .number = *(const uint64_t *)member };
    case CONFIG_COUNT:
    case CONFIG_MS:
    case CONFIG_CHOICE:
        return (struct config_value){ .number = *(const uint32_t *)member };
    }
    BELFRY_UNREACHABLE("a row has one of these types");
}

unsigned config_usable_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    uint64_t max = config_rows[CONFIG_ROW_workers].max;
    return (unsigned)BELFRY_MIN((uint64_t)CPU_COUNT(&set), max);
}

void config_init(struct config *c)
{
    memset(c, 0, sizeof *c);
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++)
        store(c, row, row->default_value);
    c->options.workers = config_usable_cores();
}

static void free_text(struct config *c, const struct config_row *row)
{
    if (row->type == CONFIG_TEXT && config_source_of(c, row).origin != CONFIG_FROM_DEFAULT)
        mem_free((char *)config_get(c, row).text);
}

void config_deinit(struct config *c)
{
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++)
        free_text(c, row);
    memset(c, 0, sizeof *c);
}

belfry_err config_set(struct config *c, const struct config_row *row, belfry_bytes text,
                      struct config_source source, const char *where, struct config_error *error)
{
    struct config_value value = { 0 };
    struct config_text room;
    const char *fault = config_value_parse(row, text, &value, &room);
    if (fault != NULL)
        return config_fail(error, "%.200s %s %s", where, LOG_FIELD(text), fault);
    if (source.origin < config_source_of(c, row).origin)
        return BELFRY_OK;
    if (row->type == CONFIG_TEXT) {
        value.text = mem_dup_bytes(text);
        if (value.text == NULL)
            return config_fail_no_memory(error);
    }
    free_text(c, row);
    store(c, row, value);
    c->sources[row - config_rows] = source;
    return BELFRY_OK;
}

/* --- all of it ----------------------------------------------------------------------------------
 */

belfry_err config_finish(struct config *c, struct config_error *error)
{
    const belfry_options *options = &c->options;
    bool has_cert = *options->tls_cert != '\0', has_key = *options->tls_key != '\0';
    if (*options->listen == '\0')
        return config_fail(error, "listen is empty: there is nothing to serve");
    if (has_cert != has_key)
        return config_fail(error, "tls_cert and tls_key go together: %s is missing",
                           has_cert ? "tls_key" : "tls_cert");
    if (has_cert && options->tls_self_signed)
        return config_fail(error, "tls_cert and tls_self_signed exclude each other");
    return BELFRY_OK;
}

belfry_err config_load(struct config *out, int argc, char **argv, char **envp,
                       struct config_error *error)
{
    config_init(out);
    belfry_err err = config_read_flags(out, argc, argv, error);
    if (err == BELFRY_OK)
        err = config_read_env(out, envp, error);
    if (err == BELFRY_OK)
        err = config_read_file(out, error);
    if (err == BELFRY_OK)
        err = config_finish(out, error);
    if (err != BELFRY_OK)
        config_deinit(out);
    return err;
}
