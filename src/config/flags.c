/*
 * flags.c - "--max-queue-bytes 2M", "--max-queue-bytes=2M", "--demo", "--no-demo".
 *
 * A flag that is a FLAG never takes the next argument; any other must have a value, and the next
 * argument is it unless it looks like a flag itself.
 */
#include <string.h>

#include "base/log.h"
#include "config/config.h"

/* One argument in its parts; @value.data is NULL when there is no '='. */
struct flag {
    belfry_bytes name; /* without the dashes */
    belfry_bytes value;
};

static struct flag split(const char *argument)
{
    const char *name = argument + strlen("--");
    const char *equals = strchr(name, '=');
    if (equals == NULL)
        return (struct flag){ .name = bytes_of_text(name) };
    return (struct flag){ .name = bytes_of(name, (size_t)(equals - name)),
                          .value = bytes_of_text(equals + 1) };
}

/* The row whose flag is spelled exactly like @name. */
static const struct config_row *find_row(belfry_bytes name)
{
    struct config_name folded, flag;
    const struct config_row *row = config_row_find(config_name_fold(name, &folded));
    if (row == NULL || !bytes_equal_text(name, config_row_flag(row, &flag) + strlen("--")))
        return NULL;
    return row;
}

/* The FLAG that "no-demo" switches off. */
static const struct config_row *find_negated(belfry_bytes name)
{
    static const belfry_bytes no = BELFRY_BYTES("no-");
    if (name.size < no.size || memcmp(name.data, no.data, no.size) != 0)
        return NULL;
    belfry_bytes rest = bytes_of((const char *)name.data + no.size, name.size - no.size);
    const struct config_row *row = find_row(rest);
    return row != NULL && row->type == CONFIG_FLAG ? row : NULL;
}

static belfry_err fail_unknown(belfry_bytes name, struct config_error *error)
{
    struct config_name folded, flag;
    struct log_text shown;
    const struct config_row *nearest = config_row_nearest(config_name_fold(name, &folded));
    if (nearest == NULL)
        return config_fail(error, "unknown flag --%s; see belfry serve --help",
                           log_field(&shown, name));
    return config_fail(error, "unknown flag --%s; did you mean %s?", log_field(&shown, name),
                       config_row_flag(nearest, &flag));
}

/* Reads the flag at argv[*i]; leaves *i at the last argument that belongs to it. */
static belfry_err read_flag(struct config *c, int argc, char **argv, int *i,
                            struct config_error *error)
{
    static const struct config_source source = { .origin = CONFIG_FROM_FLAG };
    struct config_name where;
    struct flag flag = split(argv[*i]);
    const struct config_row *row = find_row(flag.name);
    if (row == NULL) {
        row = find_negated(flag.name);
        if (row == NULL)
            return fail_unknown(flag.name, error);
        if (flag.value.data != NULL)
            return config_fail(error, "--no-%s takes no value", config_row_flag(row, &where) + 2);
        flag.value = BELFRY_BYTES("false");
    }
    if (flag.value.data == NULL && row->type == CONFIG_FLAG)
        flag.value = BELFRY_BYTES("true");
    if (flag.value.data == NULL) {
        if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
            return config_fail(error, "%s needs a value", config_row_flag(row, &where));
        flag.value = bytes_of_text(argv[++*i]);
    }
    return config_set(c, row, flag.value, source, config_row_flag(row, &where), error);
}

belfry_err config_read_flags(struct config *c, int argc, char **argv, struct config_error *error)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0')
            return config_fail(error, "unexpected argument %s; flags look like --workers 2",
                               LOG_FIELD(bytes_of_text(argv[i])));
        belfry_err err = read_flag(c, argc, argv, &i, error);
        if (err != BELFRY_OK)
            return err;
    }
    return BELFRY_OK;
}
