/*
 * write.h - the configuration as people read it; all of it from the one table.
 */
#ifndef CONFIG_WRITE_H
#define CONFIG_WRITE_H

#include <stdio.h>

#include "config/config.h"

/* `belfry serve --help`: every flag, grouped, with defaults and bounds, at most 100 columns. */
void config_print_help(FILE *out);

/* `belfry config doc`: docs/reference/config.md. */
void config_write_reference(FILE *out);

/* `belfry config`: a YAML file with the effective values; comments say where each came from. */
void config_write_effective(FILE *out, const struct config *c);

/*
 * `belfry config env`: the same as variables, for an EnvironmentFile= or `docker --env-file`; the
 * name of the file is not among them, its values are.
 */
void config_write_env(FILE *out, const struct config *c);

#endif
