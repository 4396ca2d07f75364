/*
 * file.c - from a file name to its bytes: opened, bounded, handed to the YAML reader.
 */
#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "config/config.h"

#define MAX_FILE_BYTES (1 << 20) /* a hand-written file is a hundredth of this */

/* All of @file in @out. */
static belfry_err read_all(FILE *file, const char *name, struct buf *out,
                           struct config_error *error)
{
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof chunk, file)) > 0) {
        if (out->size + size > MAX_FILE_BYTES)
            return config_fail(error, "%.200s: is larger than 1M", name);
        if (buf_append(out, chunk, size) != BELFRY_OK)
            return config_fail_no_memory(error);
    }
    if (ferror(file) != 0)
        return config_fail(error, "%.200s: %s", name, strerror(errno));
    return BELFRY_OK;
}

belfry_err config_read_file(struct config *c, struct config_error *error)
{
    const char *name = c->config;
    if (*name == '\0')
        return BELFRY_OK;
    FILE *file = fopen(name, "rbe");
    if (file == NULL) {
        bool was_asked_for = c->sources[CONFIG_ROW_config].origin != CONFIG_FROM_DEFAULT;
        if (errno == ENOENT && !was_asked_for)
            return BELFRY_OK;
        return config_fail(error, "%.200s: %s", name, strerror(errno));
    }
    struct buf yaml = { 0 };
    belfry_err err = read_all(file, name, &yaml, error);
    (void)fclose(file); /* only read */
    if (err == BELFRY_OK)
        err = config_read_yaml(c, name, buf_bytes(&yaml), error);
    buf_deinit(&yaml);
    return err;
}
