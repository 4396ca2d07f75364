/*
 * 05-http-and-rooms.c - browsers listen, a backend in any language publishes by HTTP.
 *
 *     browser   ws = new WebSocket("ws://localhost:3001/ws"), then {"type":"join","room":"news"}
 *     backend   curl localhost:3001/publish/news -d '{"headline":"it works"}'
 *
 * /ws is the ready-made room protocol (docs/rooms.md). Who may publish is decided here: by a token,
 * if PUBLISH_TOKEN is set in the environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belfry/belfry.h>

static int may_publish(belfry_request *req)
{
    const char *token = getenv("PUBLISH_TOKEN");
    const char *given = belfry_request_header(req, "Authorization");
    char expected[256];
    if (token == NULL)
        return 1;
    snprintf(expected, sizeof expected, "Bearer %s", token);
    return given != NULL && strcmp(given, expected) == 0;
}

static void reply(belfry_request *req, unsigned status, const char *text)
{
    belfry_reply(req, status, NULL, text, strlen(text));
}

static void on_publish(belfry_request *req, void *server)
{
    const char *room = belfry_request_param(req, "room");
    belfry_bytes json = belfry_request_body(req);
    if (room == NULL || !may_publish(req)) {
        reply(req, room == NULL ? 400 : 403, "not published\n");
        return;
    }
    belfry_target all = belfry_in(belfry_of(server, "/"), room);
    belfry_err err = belfry_emit_raw(all, "news", json.data, json.size);
    if (err == BELFRY_OK)
        reply(req, 202, "published\n");
    else
        reply(req, err == BELFRY_ERR_INVALID ? 400 : 503, belfry_why(server));
}

static void on_count(belfry_request *req, void *server)
{
    const char *room = belfry_request_param(req, "room");
    char text[32];
    unsigned count = room != NULL ? belfry_members(belfry_of(server, "/"), room) : 0;
    snprintf(text, sizeof text, "%u\n", count);
    reply(req, 200, text);
}

int main(int argc, char **argv)
{
    belfry *server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    if (server != NULL) {
        belfry_rooms(server, "/ws");
        belfry_http(server, "POST /publish/:room", on_publish, server);
        belfry_http(server, "GET /members/:room", on_count, server);
    }
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "http-and-rooms: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
