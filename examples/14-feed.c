/* 14-feed.c - a feed of posts: GET /feed follows it, POST /posts adds to it, GET / is a page of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belfry/belfry.h>

static const char page[] =
    "<!doctype html><title>Feed</title><h1>Posts</h1><ul id=list></ul><script>\n"
    "new EventSource('/feed?history=20').onmessage = ({ data }) => {\n"
    "  const { type, post } = JSON.parse(data), line = document.createElement('li');\n"
    "  line.textContent = type === 'new-post' ? post.title : type;\n"
    "  list.prepend(line);\n"
    "};</script>\n";

static unsigned on_reader(belfry_request *req, void *io)
{
    (void)io;
    return belfry_request_join(req, "feed") == BELFRY_OK ? 0 : 503;
}

static void on_post(belfry_request *req, void *io)
{
    belfry_bytes body = belfry_request_body(req);
    json_t *post = json_loadb(body.data, body.size, 0, NULL);
    json_t *item = post != NULL ? json_pack("{s:s, s:o}", "type", "new-post", "post", post) : NULL;
    char *text = json_dumps(item, JSON_COMPACT); /* of NULL: NULL */
    if (text != NULL)
        belfry_broadcast(belfry_in(io, "feed"), BELFRY_TEXT, text, strlen(text));
    belfry_reply(req, text != NULL ? 202 : 400, NULL, NULL, 0);
    free(text);
    json_decref(item);
}

static void on_page(belfry_request *req, void *io)
{
    (void)io;
    belfry_reply(req, 200, "text/html; charset=utf-8", page, sizeof page - 1);
}

int main(int argc, char **argv)
{
    belfry *server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    belfry_nsp *io = belfry_of(server, "/");
    belfry_sse(server, "/feed", &(belfry_sse_handlers){ .request = on_reader });
    belfry_http(server, "POST /posts", on_post, io);
    belfry_http(server, "GET /", on_page, NULL);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "feed: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
