/*
 * effective.c - what the configuration came to, as a file that gives the same configuration.
 *
 *   max_queue_bytes: 2M                       # --max-queue-bytes
 *   workers: 2                                # default: usable cores
 *
 * The password of a URL is not shown; as variables (config env) it is.
 *
 * Values are printable UTF-8 by the time they are here (config_text_is_printable), so quoting is a
 * matter of a few characters.
 */
#include "config/write.h"

#define COMMENT_COLUMN 40

/* Not part of either output: it would be read again, or refused. */
static bool is_written(const struct config_row *row)
{
    return config_row_is_offered(row) && row != &config_rows[CONFIG_ROW_config];
}

/* @text in double quotes, with a backslash before each of @specials; returns its size. */
static int write_quoted(FILE *out, const char *text, const char *specials)
{
    int size = 2;
    fputc('"', out);
    for (; *text != '\0'; text++, size++) {
        if (strchr(specials, *text) != NULL) {
            fputc('\\', out);
            size++;
        }
        fputc(*text, out);
    }
    fputc('"', out);
    return size;
}

static void write_source(FILE *out, const struct config *c, const struct config_row *row)
{
    struct config_name name;
    struct config_source source = config_source_of(c, row);
    switch (source.origin) {
    case CONFIG_FROM_DEFAULT:
        fputs(row == &config_rows[CONFIG_ROW_workers] ? "default: usable cores" : "default", out);
        break;
    case CONFIG_FROM_FILE:
        fprintf(out, "%s:%u", c->config, source.line);
        break;
    case CONFIG_FROM_ENV:
        fputs(config_row_variable(row, &name), out);
        break;
    case CONFIG_FROM_FLAG:
        fputs(config_row_flag(row, &name), out);
        break;
    }
}

/* A URL without its password: what is shown is copied into tickets. */
static int write_url(FILE *out, const char *url)
{
    const char *host = strstr(url, "://");
    const char *end = host != NULL ? host + 3 + strcspn(host + 3, "/?") : NULL;
    const char *at = end != NULL ? memrchr(host, '@', (size_t)(end - host)) : NULL;
    const char *colon = at != NULL ? memchr(host + 3, ':', (size_t)(at - host - 3)) : NULL;
    if (colon == NULL)
        return write_quoted(out, url, "\"\\");
    return fprintf(out, "\"%.*s:***%s\"", (int)(colon - url), url, at);
}

static void write_setting(FILE *out, const struct config *c, const struct config_row *row)
{
    struct config_text room;
    const char *value = config_value_format(row, config_get(c, row), &room);
    int column = fprintf(out, "%s: ", row->name);
    if (row == &config_rows[CONFIG_ROW_cluster])
        column += write_url(out, value);
    else if (row->type == CONFIG_TEXT)
        column += write_quoted(out, value, "\"\\");
    else
        column += fprintf(out, "%s", value);
    fprintf(out, "%*s # ", column < COMMENT_COLUMN ? COMMENT_COLUMN - column : 0, "");
    write_source(out, c, row);
    fputc('\n', out);
}

void config_write_effective(FILE *out, const struct config *c)
{
    fputs("# Effective configuration of belfry " BELFRY_VERSION "; comments say where values come "
          "from.\n",
          out);
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        if (config_row_group(row) != NULL)
            fprintf(out, "\n# %s\n", config_row_group(row));
        if (is_written(row))
            write_setting(out, c, row);
    }
}

/* What neither a shell nor systemd looks at twice; Docker takes everything as it stands. */
static bool is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_./:,@%+-[]*=?";
    return text[strspn(text, safe)] == '\0';
}

void config_write_env(FILE *out, const struct config *c)
{
    fputs("# Effective configuration of belfry " BELFRY_VERSION " as environment variables.\n",
          out);
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        struct config_name name;
        struct config_text room;
        if (!is_written(row))
            continue;
        const char *value = config_value_format(row, config_get(c, row), &room);
        fprintf(out, "%s=", config_row_variable(row, &name));
        if (is_plain(value))
            fputs(value, out);
        else
            (void)write_quoted(out, value, "\"\\$`");
        fputc('\n', out);
    }
}
