/*
 * config.h - the program's configuration: read once, then passed around as const.
 *
 *     struct config config;
 *     struct config_error error;
 *     if (config_load(&config, argc, argv, environ, &error) != BELFRY_OK)
 *         fprintf(stderr, "belfry: %s\n", error.text);
 *     server = belfry_new(&config.options);
 *     ...
 *     config_deinit(&config);
 *
 * A value comes from the first of these that has it: flag, environment, file, default. All of them
 * are checked, also those that lose; of a repeated flag the last counts. After loading every field
 * holds its effective value, defaults filled in. The default of workers is config_usable_cores().
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <belfry/options.h>

#include "base/defs.h"
#include "config/schema.h"
#include "config/settings.h"

/* Where a value came from, the stronger the later. */
enum config_origin {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENV,
    CONFIG_FROM_FLAG,
};

struct config_source {
    enum config_origin origin;
    unsigned line, column; /* in the file, from 1 */
};

#define CONFIG_MEMBER_FLAG(name, help) bool name;
#define CONFIG_MEMBER_TEXT(name, default_value, help) const char *name;
#define CONFIG_MEMBER_CHOICE(name, choices, type, default_value, help) type name;

struct config {
    belfry_options options;
    CONFIG_SETTINGS(CONFIG_MEMBER_TEXT, CONFIG_MEMBER_FLAG, CONFIG_MEMBER_CHOICE)
    struct config_source sources[CONFIG_ROW_COUNT]; /* by row of the schema */
};

#undef CONFIG_MEMBER_FLAG
#undef CONFIG_MEMBER_TEXT
#undef CONFIG_MEMBER_CHOICE

/* What is wrong, in one line for people: which value, from where, and what would be right. */
struct config_error {
    char text[800]; /* the longest place, value and bounds together */
};

/*
 * Reads flags from @argv (argv[0], the verb, is skipped), variables from @envp, the file that they
 * name, and fills in the defaults.
 *
 * Owns:    @out owns its texts; config_deinit frees them. After an error there is nothing to free.
 * Errors:  BELFRY_ERR_CONFIG  @error says what      BELFRY_ERR_NOMEM  @error says so too
 */
BELFRY_NODISCARD belfry_err config_load(struct config *out, int argc, char **argv, char **envp,
                                        struct config_error *error);

void config_deinit(struct config *c); /* twice is fine */

/* --- the steps of config_load, in its order; on errors the caller still calls config_deinit -----
 */

void config_init(struct config *c); /* every default */
BELFRY_NODISCARD belfry_err config_read_flags(struct config *c, int argc, char **argv,
                                              struct config_error *error);
BELFRY_NODISCARD belfry_err config_read_env(struct config *c, char **envp,
                                            struct config_error *error);
BELFRY_NODISCARD belfry_err config_read_file(struct config *c, struct config_error *error);
/* @yaml as the contents of a file called @name. */
BELFRY_NODISCARD belfry_err config_read_yaml(struct config *c, const char *name, belfry_bytes yaml,
                                             struct config_error *error);
/* What only several settings together can get wrong. */
BELFRY_NODISCARD belfry_err config_finish(struct config *c, struct config_error *error);

/* --- for the readers ----------------------------------------------------------------------------
 */

/*
 * Sets @row from @text, unless a stronger source has set it already; checks it in any case. @where
 * names the value in errors: "--workers", "BELFRY_WORKERS", "belfry.yaml:3:1: workers".
 */
BELFRY_NODISCARD belfry_err config_set(struct config *c, const struct config_row *row,
                                       belfry_bytes text, struct config_source source,
                                       const char *where, struct config_error *error);

/* How many processors this process may run on, at most as many as workers allows. */
unsigned config_usable_cores(void);

/* Fills in @error and returns BELFRY_ERR_CONFIG. */
belfry_err config_fail(struct config_error *error, const char *format, ...) BELFRY_PRINTF(2, 3);

/* Says that memory is out and returns BELFRY_ERR_NOMEM. */
belfry_err config_fail_no_memory(struct config_error *error);

/* --- for the writers ----------------------------------------------------------------------------
 */

struct config_value config_get(const struct config *c, const struct config_row *row);

static inline struct config_source config_source_of(const struct config *c,
                                                    const struct config_row *row)
{
    return c->sources[row - config_rows];
}

#endif
