/* 14-feed.c - a feed of posts: GET /feed follows it, POST /posts adds one, GET / shows it. */
#include <stdio.h>
#include <string.h>

#include <belfry/belfry.h>

static const char page[] =
    "<!doctype html><title>Feed</title><h1>Posts</h1><ul id=list></ul><script>\n"
    "new EventSource('/feed?history=20').onmessage = ({ data }) => {\n"
    "  const { type, post } = JSON.parse(data), line = document.createElement('li');\n"
    "  line.textContent = type === 'new-post' ? post.title : type;\n"
    "  list.prepend(line);\n"
    "};</script>\n";

static unsigned on_reader(belfry_request *req, void *user)
{
    (void)user;
    return belfry_request_join(req, "feed") == BELFRY_OK ? 0 : 503;
}

static void on_post(belfry_request *req, void *io)
{
    belfry_bytes body = belfry_request_body(req);
    json_t *post = json_loadb(body.data, body.size, 0, NULL); /* NULL: no JSON, then no item */
    json_t *item = json_pack("{s:s, s:o}", "type", "new-post", "post", post);
    belfry_err err = belfry_broadcast_json(belfry_in(io, "feed"), item);
    belfry_reply(req, err == BELFRY_OK ? 202 : 400, NULL, NULL, 0);
}

static void on_page(belfry_request *req, void *html)
{
    belfry_reply(req, 200, "text/html; charset=utf-8", html, strlen(html));
}

int main(int argc, char **argv)
{
    belfry *server = belfry_new(&(belfry_options){ .listen = argc > 1 ? argv[1] : ":3001" });
    if (server != NULL) {
        belfry_sse(server, "/feed", &(belfry_sse_handlers){ .request = on_reader });
        belfry_http(server, "POST /posts", on_post, belfry_of(server, "/"));
        belfry_http(server, "GET /", on_page, (void *)page);
    }
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "14-feed: %s\n", belfry_why(server));
    belfry_free(server);
    return code;
}
