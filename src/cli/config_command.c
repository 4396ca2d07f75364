/*
 * config_command.c - load as `serve` would, then print instead of serving.
 */
#include "cli/config_command.h"

#include <stdio.h>
#include <unistd.h>

#include <belfry/belfry.h>

#include "config/risk.h"
#include "config/write.h"

/* What was written reached its place? A full disk must not look like a good configuration. */
static int finish_output(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return 0;
    perror("belfry: stdout");
    return 1;
}

static belfry_err load(struct config *out, int argc, char **argv)
{
    struct config_error error;
    belfry_err err = config_load(out, argc, argv, environ, &error);
    if (err != BELFRY_OK)
        fprintf(stderr, "belfry: %s\n", error.text);
    return err;
}

static int write_config(int argc, char **argv, void (*write_to)(FILE *, const struct config *))
{
    struct config config;
    if (load(&config, argc, argv) != BELFRY_OK)
        return 1;
    write_to(stdout, &config);
    config_deinit(&config);
    return finish_output();
}

int command_config(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "doc") == 0) {
        config_write_reference(stdout);
        return finish_output();
    }
    if (argc > 1 && strcmp(argv[1], "env") == 0)
        return write_config(argc - 1, argv + 1, config_write_env);
    return write_config(argc, argv, config_write_effective);
}

/* The files that the settings name must be readable by whoever runs this. */
static int check_files(const struct config *c)
{
    static const int rows[] = { CONFIG_ROW_tls_cert, CONFIG_ROW_tls_key,    CONFIG_ROW_static_dir,
                                CONFIG_ROW_web_dir,  CONFIG_ROW_client_dir, CONFIG_ROW_cluster_ca };
    int fault_count = 0;
    for (const int *row = rows; row != BELFRY_END(rows); row++) {
        const char *path = config_get(c, &config_rows[*row]).text;
        if (*path != '\0' && access(path, R_OK) != 0) {
            fprintf(stderr, "belfry: %s: ", config_rows[*row].name);
            perror(path);
            fault_count++;
        }
    }
    return fault_count;
}

/* What belfry_new would refuse, after `serve` has been told to start. */
static int check_options(const struct config *c)
{
    belfry *server = belfry_new(&c->options);
    int fault_count = server == NULL;
    if (server == NULL)
        fprintf(stderr, "belfry: %s\n", belfry_why(NULL));
    belfry_free(server);
    return fault_count;
}

static void print_risks(const struct config *c)
{
    struct config_risk risks[CONFIG_MAX_RISKS];
    size_t count = config_risks(c, risks);
    for (size_t i = 0; i < count; i++)
        printf("note  %s: %s\n", risks[i].setting, risks[i].text);
    printf("ok    the configuration is valid; %zu %s\n", count,
           count == 1 ? "setting is worth a look" : "settings are worth a look");
}

int command_check(int argc, char **argv)
{
    struct config config;
    if (load(&config, argc, argv) != BELFRY_OK)
        return 1;
    int fault_count = check_files(&config) + check_options(&config);
    if (fault_count == 0)
        print_risks(&config);
    config_deinit(&config);
    return fault_count == 0 ? finish_output() : 1;
}
