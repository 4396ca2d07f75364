/*
 * serve.c - the program's server, made of the public API only.
 *
 *   /ws          the room protocol             /healthz /readyz /metrics   operations
 *   /socket.io/  the same for Socket.IO        with --demo also:
 *   /events      the same to read              /      the pages
 *   /api         for backends                  /echo  every message comes back
 */
#include "cli/serve.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <belfry/belfry.h>

#include "cli/web_assets.h"
#include "config/log_output.h"

static void on_echo(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user)
{
    (void)user;
    (void)belfry_send(sock, type, message.data, message.size);
}

static belfry_err add_demo(belfry *server, const struct config *config)
{
    belfry_err err = belfry_ws(server, "/echo", &(belfry_ws_handlers){ .message = on_echo });
    if (err == BELFRY_OK)
        err = belfry_stats(server, "belfry-stats");
    /* A folder given to work on the pages takes their place. */
    if (err == BELFRY_OK && config->web_dir[0] == '\0')
        err = belfry_assets(server, web_assets);
    return err;
}

/* The default application over Socket.IO; clients that lost their connection may come back. */
static belfry_err add_socketio(belfry *server)
{
    belfry_nsp *io = belfry_of(server, "/");
    belfry_err err = belfry_rooms_io(io);
    return err == BELFRY_OK ? belfry_recover(io, NULL) : err;
}

/* NULL: it could not be made, with the exit code of that. */
static belfry *make_server(struct config *config, int *out_code)
{
    if (config->demo && config->options.origins[0] == '\0')
        config->options.origins = "*";        /* any page may try it out */
    config->options.forget_handshakes = true; /* nobody asks for them */
    if (config->demo && config->web_dir[0] != '\0')
        config->options.static_dir = config->web_dir;
    config->options.api_open |= config->demo;
    belfry *server = belfry_new(&config->options);
    *out_code = server == NULL ? 2 : 1;
    belfry_err err = server != NULL ? belfry_rooms(server, "/ws") : BELFRY_ERR_NOMEM;
    if (err == BELFRY_OK)
        err = belfry_events(server, "/events");
    if (err == BELFRY_OK)
        err = belfry_api(server, "/api");
    if (err == BELFRY_OK)
        err = add_socketio(server);
    if (err == BELFRY_OK)
        err = belfry_ops(server, config->ops_listen);
    if (err == BELFRY_OK && config->demo)
        err = add_demo(server, config);
    if (err == BELFRY_OK)
        return server;
    belfry_free(server);
    return NULL;
}

/* Where to go: "0.0.0.0:3001" and "[::]:3001" are reached as localhost. */
static void print_url(FILE *out, const char *address, const char *scheme, const char *path)
{
    const char *port = strrchr(address, ':');
    bool is_any = strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
    if (is_any)
        fprintf(out, "%s://localhost%s%s", scheme, port, path);
    else
        fprintf(out, "%s://%s%s", scheme, address, path);
}

/* What can be copied into a shell. */
static void print_commands(const struct config *config, const char *address, const char *http)
{
    FILE *out = stdout;
    const char *curl = config->options.tls_self_signed ? "curl -k" : "curl";
    fprintf(out, "  follow   %s -N '", curl);
    print_url(out, address, http, "/events?room=general");
    fprintf(out, "'\n");
    if (!config->options.api_open && config->options.api_keys[0] == '\0')
        return;
    fprintf(out, "  publish  %s -d '{\"text\":\"hello\"}' ", curl);
    if (!config->options.api_open)
        fprintf(out, "-H 'Authorization: Bearer KEY' ");
    fprintf(out, "'"); /* [::1] is a pattern for some shells */
    print_url(out, address, http, "/api/rooms/general/messages");
    fprintf(out, "'\n");
}

static void print_welcome(const struct config *config, const char *address)
{
    FILE *out = stdout;
    bool is_tls = config->options.tls_self_signed || config->options.tls_cert[0] != '\0';
    const char *http = is_tls ? "https" : "http";
    fprintf(out, "\n  belfry %s   pid %d   %u worker%s   rooms in %s\n\n", belfry_version(),
            (int)getpid(), config->options.workers, config->options.workers == 1 ? "" : "s",
            config->options.cluster[0] != '\0' ? "a cluster" : "memory");
    if (config->demo) {
        fprintf(out, "  open     ");
        print_url(out, address, http, "/");
        fprintf(out, "      chat: open it twice%s\n",
                config->options.client_dir[0] != '\0' ? ", over WebSocket and over Socket.IO" : "");
        fprintf(out, "           ");
        print_url(out, address, http, "/dashboard/");
        fprintf(out, "   this server, live; beside it: /compare/ and /feed/\n");
    }
    fprintf(out, "  connect  ");
    print_url(out, address, is_tls ? "wss" : "ws", "/ws?user=ada");
    fprintf(out, "   or socket.io-client: ");
    print_url(out, address, http, "/");
    fprintf(out, "\n");
    print_commands(config, address, http);
    if (config->ops_listen[0] == '\0') {
        fprintf(out, "  watch    ");
        print_url(out, address, http, "/metrics");
        fprintf(out, "\n");
    }
    if (config->demo)
        fprintf(out, "\n  demo: anonymous users, any origin, nothing is saved\n");
    fprintf(out, "  stop with Ctrl-C\n\n");
    fflush(out);
}

struct welcome {
    const struct config *config;
    struct log_output *output;
    belfry *server;
};

/* The welcome is printed once it is true: when the first address listens. */
static void on_log(belfry_log_level level, const char *event, const char *line, void *user)
{
    struct welcome *welcome = user;
    if (welcome->server != NULL && strcmp(event, "listening") == 0) {
        print_welcome(welcome->config, belfry_address(welcome->server, 0));
        welcome->server = NULL;
    }
    if (level <= welcome->config->log_level)
        log_output_write(level, event, line, welcome->output);
}

/* belfry_run waits for these two. They stay blocked around it, so that one that comes while the
 * program leaves does not kill it. */
static void block_signals(void)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ours, NULL);
}

int command_serve(int argc, char **argv)
{
    struct config config;
    struct config_error error;
    struct log_output output;
    struct welcome welcome = { .config = &config, .output = &output };
    if (config_load(&config, argc, argv, environ, &error) != BELFRY_OK) {
        fprintf(stderr, "belfry: %s\n", error.text);
        return 2;
    }
    log_output_init(&output, STDERR_FILENO, config.log_format, &clock_system);
    /* The start is heard in any case; on_log prints what was asked for. */
    belfry_log_level heard =
        config.log_level > BELFRY_LOG_INFO ? config.log_level : BELFRY_LOG_INFO;
    belfry_set_log(on_log, &welcome, heard);
    int code;
    belfry *server = make_server(&config, &code);
    welcome.server = server;
    block_signals();
    if (server != NULL)
        code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "belfry: %s\n", belfry_why(server));
    belfry_free(server);
    config_deinit(&config);
    return code;
}
