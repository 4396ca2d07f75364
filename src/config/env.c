/*
 * env.c - "BELFRY_MAX_QUEUE_BYTES=2M".
 *
 * A variable that starts with BELFRY_ and means nothing is an error: it is a spelling mistake far
 * more often than anything else. The exception is what Kubernetes sets in every pod beside a
 * service that is called belfry or belfry-something.
 */
#include <string.h>

#include "base/log.h"
#include "config/config.h"

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/*
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 * BELFRY_SERVICE_HOST, BELFRY_SERVICE_PORT, BELFRY_SERVICE_PORT_HTTP, and as Docker links had them:
 * BELFRY_PORT=tcp://10.0.0.11:3001, BELFRY_PORT_3001_TCP, BELFRY_PORT_3001_TCP_ADDR.
 */
static bool is_service_link(const char *variable)
{
    const char *name_end = strchr(variable, '=');
    for (const char *at = strchr(variable, '_'); at != NULL && at < name_end;
         at = strchr(at + 1, '_')) {
        if (starts_with(at, "_SERVICE_HOST=") || starts_with(at, "_SERVICE_PORT=") ||
            starts_with(at, "_SERVICE_PORT_"))
            return true;
        if (starts_with(at, "_PORT=") && strstr(at, "://") != NULL)
            return true;
        if (starts_with(at, "_PORT_") && at[6] >= '0' && at[6] <= '9')
            return true;
    }
    return false;
}

static belfry_err fail_unknown(belfry_bytes name, belfry_bytes suffix, struct config_error *error)
{
    struct config_name folded, variable;
    struct log_text shown;
    const struct config_row *nearest = config_row_nearest(config_name_fold(suffix, &folded));
    if (nearest == NULL)
        return config_fail(error, "unknown variable %s; belfry config env lists all",
                           log_field(&shown, name));
    return config_fail(error, "unknown variable %s; did you mean %s?", log_field(&shown, name),
                       config_row_variable(nearest, &variable));
}

static belfry_err read_variable(struct config *c, const char *variable, const char *equals,
                                struct config_error *error)
{
    static const struct config_source source = { .origin = CONFIG_FROM_ENV };
    struct config_name folded, where;
    belfry_bytes name = bytes_of(variable, (size_t)(equals - variable));
    belfry_bytes suffix =
        bytes_of(variable + strlen(CONFIG_ENV_PREFIX), name.size - strlen(CONFIG_ENV_PREFIX));
    const struct config_row *row = config_row_find(config_name_fold(suffix, &folded));
    if (row == NULL || !bytes_equal_text(name, config_row_variable(row, &where)))
        return fail_unknown(name, suffix, error);
    return config_set(c, row, bytes_of_text(equals + 1), source, where.text, error);
}

belfry_err config_read_env(struct config *c, char **envp, struct config_error *error)
{
    for (; *envp != NULL; envp++) {
        const char *equals = strchr(*envp, '=');
        if (equals == NULL || !starts_with(*envp, CONFIG_ENV_PREFIX) || is_service_link(*envp))
            continue;
        belfry_err err = read_variable(c, *envp, equals, error);
        if (err != BELFRY_OK)
            return err;
    }
    return BELFRY_OK;
}
