/*
 * A configuration that is accepted, from flags and YAML, reads back from what `belfry config`
 * writes as the same values; one that is refused says so in one printable line.
 *
 * Input: flags, each ended by a newline, an empty line, then YAML.
 */
#include <stdio.h>
#include <stdlib.h>

#include "config/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *capture(void (*write)(FILE *, const struct config *), const struct config *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    BELFRY_ASSERT(out != NULL);
    write(out, c);
    BELFRY_ASSERT(fclose(out) == 0);
    return text;
}

static void check_round_trip(const struct config *c)
{
    struct config back;
    struct config_error error;
    char *yaml = capture(config_write_effective, c), *want = capture(config_write_env, c);
    config_init(&back);
    BELFRY_ASSERT(config_read_yaml(&back, "f", bytes_of_text(yaml), &error) == BELFRY_OK);
    char *got = capture(config_write_env, &back);
    BELFRY_ASSERT(strcmp(got, want) == 0);
    config_deinit(&back);
    free(yaml);
    free(want);
    free(got);
}

/* Cuts @text into arguments in place; returns what is behind the empty line. */
static char *split_arguments(char *text, char *argv[16], int *out_argc)
{
    *out_argc = 1;
    while (*text != '\0' && *text != '\n' && *out_argc < 16) {
        argv[(*out_argc)++] = text;
        text += strcspn(text, "\n");
        if (*text == '\n')
            *text++ = '\0';
    }
    return *text == '\n' ? text + 1 : text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    struct config_error error = { "" };
    char *argv[16] = { "serve" }, *text = malloc(size + 1);
    int argc;
    BELFRY_ASSERT(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *yaml = split_arguments(text, argv, &argc);
    belfry_bytes file = bytes_of(yaml, (size_t)(text + size - yaml));
    config_init(&c);
    if (config_read_flags(&c, argc, argv, &error) == BELFRY_OK &&
        config_read_yaml(&c, "f", file, &error) == BELFRY_OK)
        check_round_trip(&c);
    else
        BELFRY_ASSERT(*error.text != '\0' && config_text_is_printable(bytes_of_text(error.text)));
    config_deinit(&c);
    free(text);
    return 0;
}
