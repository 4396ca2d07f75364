/*
 * sim_eio_http.c - requests out, responses in; framed by Content-Length, as this server's are.
 */
#include "support/sim_eio_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "support/sim_seeds.h"

/* --- responses --------------------------------------------------------------------------------*/

/* The value of a field in the head, or NULL. */
static const char *find_field(const char *head, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, size) == 0 && line[2 + size] == ':')
            return line + 2 + size + 1 + strspn(line + 2 + size + 1, " ");
    }
    return NULL;
}

/* The head's size with its blank line, 0: it is not whole yet. */
static size_t head_size(struct buf *inbox)
{
    buf_put_char(inbox, '\0');
    inbox->size--;
    char *end = strstr((char *)inbox->data, "\r\n\r\n");
    return end == NULL ? 0 : (size_t)(end + 4 - (char *)inbox->data);
}

static void hang_up(struct sim_http *h)
{
    if (h->link != NULL)
        sim_link_abandon(h->link);
    h->link = NULL;
}

/* Nothing of @h may be used behind the callback: it may be gone. */
static void answer(struct sim_http *h, unsigned status, struct buf *body)
{
    struct buf taken = *body;
    *body = (struct buf){ 0 };
    h->is_waiting = false;
    h->served++;
    h->on_response(h, status, buf_bytes(&taken), h->user);
    buf_deinit(&taken);
}

static void take_response(struct sim_http *h)
{
    size_t size = head_size(&h->inbox);
    if (size == 0)
        return;
    char *head = (char *)h->inbox.data;
    head[size - 2] = '\0'; /* within the blank line */
    const char *length = find_field(head, "Content-Length");
    const char *connection = find_field(head, "Connection");
    unsigned status = (unsigned)atoi(head + strlen("HTTP/1.1 "));
    bool is_last = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    size_t body_size = length != NULL ? strtoul(length, NULL, 10) : 0;
    head[size - 2] = '\r';
    SIM_CHECK(memcmp(head, "HTTP/1.1 ", 9) == 0, "not HTTP: %.40s", head);
    if (h->inbox.size < size + body_size)
        return;
    SIM_CHECK(h->inbox.size == size + body_size, "bytes behind a response");
    SIM_CHECK(h->is_waiting, "a response that nobody waits for: %u", status);
    buf_consume(&h->inbox, size);
    if (is_last)
        hang_up(h);
    answer(h, status, &h->inbox);
}

static void on_bytes(void *user, uint8_t *bytes, size_t size)
{
    struct sim_http *h = user;
    buf_put(&h->inbox, bytes, size);
    SIM_CHECK(!buf_failed(&h->inbox), "the test is out of memory");
    take_response(h);
}

/* --- connections ------------------------------------------------------------------------------*/

static void on_end(void *user, bool is_reset);

static void connect_anew(struct sim_http *h)
{
    h->link = sim_link_new(&h->world->net, &(struct sim_link_user){ on_bytes, on_end, h });
    h->served = 0;
    sim_connect(h->world, h->worker, h->link);
}

static void send_request(struct sim_http *h)
{
    SIM_CHECK(!buf_failed(&h->request), "the test is out of memory");
    h->is_waiting = true;
    if (h->link == NULL)
        connect_anew(h);
    sim_link_send(h->link, h->request.data, h->request.size);
}

static void on_end(void *user, bool is_reset)
{
    struct sim_http *h = user;
    struct buf nothing = { 0 };
    bool is_stale = h->served > 0 && h->inbox.size == 0 && !h->may_be_cut;
    hang_up(h);
    h->was_reset = is_reset;
    if (!h->is_waiting)
        return;
    if (is_stale) {
        send_request(h);
        return;
    }
    SIM_CHECK(is_reset || h->may_be_cut || h->inbox.size == 0, "it ended inside an answer");
    answer(h, 0, &nothing);
}

struct sim_http *sim_http_new(struct sim_world *world, unsigned worker,
                              sim_http_response *on_response, void *user)
{
    struct sim_http *h = calloc(1, sizeof *h);
    SIM_CHECK(h != NULL, "the test is out of memory");
    *h = (struct sim_http){
        .world = world, .worker = worker, .on_response = on_response, .user = user
    };
    connect_anew(h);
    return h;
}

void sim_http_free(struct sim_http *h)
{
    if (h == NULL)
        return;
    hang_up(h);
    buf_deinit(&h->request);
    buf_deinit(&h->inbox);
    free(h);
}

void sim_http_reset(struct sim_http *h)
{
    if (h->link != NULL)
        sim_link_reset(h->link);
    h->link = NULL;
}

/* --- requests ---------------------------------------------------------------------------------*/

void sim_http_ask(struct sim_http *h, belfry_bytes request)
{
    SIM_CHECK(!h->is_waiting, "one request at a time");
    buf_clear(&h->request);
    buf_put_bytes(&h->request, request);
    send_request(h);
}

static void ask(struct sim_http *h, struct buf *request)
{
    sim_http_ask(h, buf_bytes(request));
    buf_deinit(request);
}

void sim_http_get(struct sim_http *h, const char *target)
{
    struct buf request = { 0 };
    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: sim.example\r\nAccept: */*\r\n\r\n", target);
    ask(h, &request);
}

void sim_http_post(struct sim_http *h, const char *target, const char *type, belfry_bytes body)
{
    struct buf request = { 0 };
    buf_printf(&request,
               "POST %s HTTP/1.1\r\nHost: sim.example\r\nContent-Type: %s\r\n"
               "Content-Length: %zu\r\n\r\n",
               target, type != NULL ? type : "text/plain;charset=UTF-8", body.size);
    buf_put_bytes(&request, body);
    ask(h, &request);
}
