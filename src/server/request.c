/*
 * request.c - what handlers can ask of a request, and their reply.
 */
#include "server/request.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "http/field.h"
#include "http/target.h"
#include "server/server.h"
#include "server/sock.h"

/* --- asking -----------------------------------------------------------------------------------*/

static const char *keep_text(belfry_request *req, belfry_bytes bytes)
{
    struct request_text *kept = mem_alloc(sizeof *kept + bytes.size + 1);
    if (kept == NULL)
        return NULL;
    if (bytes.size > 0)
        memcpy(kept->text, bytes.data, bytes.size);
    kept->text[bytes.size] = '\0';
    kept->next = req->texts;
    req->texts = kept;
    return kept->text;
}

const char *belfry_request_method(const belfry_request *req)
{
    return keep_text((belfry_request *)req, req->head->method_text);
}

const char *belfry_request_path(const belfry_request *req)
{
    return keep_text((belfry_request *)req, req->head->path);
}

const char *belfry_request_address(const belfry_request *req)
{
    belfry_request *mine = (belfry_request *)req;
    if (req->conn != NULL)
        stream_address(&req->conn->stream, mine->address);
    return req->address;
}

const char *belfry_request_header(belfry_request *req, const char *name)
{
    struct buf joined = { 0 };
    const char *text = NULL;
    if (http_join(req->head, name, &joined) > 0 && !buf_failed(&joined))
        text = keep_text(req, buf_bytes(&joined));
    buf_deinit(&joined);
    return text;
}

const char *belfry_request_query(belfry_request *req, const char *name)
{
    struct buf value = { 0 };
    const char *text = NULL;
    if (http_query_find(req->head->query, name, &value) == BELFRY_OK)
        text = keep_text(req, buf_bytes(&value));
    buf_deinit(&value);
    return text;
}

belfry_err request_decode_segment(belfry_bytes segment, struct buf *out)
{
    /* It is decoded by the rules of a query value, but for the '+'. */
    struct buf query = { 0 };
    buf_put_text(&query, "v=");
    for (size_t i = 0; i < segment.size; i++) {
        char c = ((const char *)segment.data)[i];
        buf_put_text(&query, c == '+' ? "%2B" : c == '&' ? "%26" : (char[]){ c, '\0' });
    }
    belfry_err err =
        buf_failed(&query) ? BELFRY_ERR_NOMEM : http_query_find(buf_bytes(&query), "v", out);
    buf_deinit(&query);
    return err;
}

const char *belfry_request_param(belfry_request *req, const char *name)
{
    belfry_bytes segment;
    struct buf value = { 0 };
    const char *text = NULL;
    if (route_param(req->route, req->head->path, name, &segment) &&
        request_decode_segment(segment, &value) == BELFRY_OK)
        text = keep_text(req, buf_bytes(&value));
    buf_deinit(&value);
    return text;
}

belfry_bytes belfry_request_body(const belfry_request *req)
{
    return req->body;
}

belfry *belfry_request_server(const belfry_request *req)
{
    return req->conn != NULL ? req->conn->worker->server : req->route->server;
}

belfry_err belfry_request_set_user(belfry_request *req, const char *user)
{
    if (user == NULL || !utf8_is_valid(bytes_of_text(user)))
        return server_why(BELFRY_ERR_INVALID, "a user's name must be UTF-8");
    char *copy = mem_dup_text(user);
    if (copy == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    mem_free(req->user);
    req->user = copy;
    return BELFRY_OK;
}

belfry_err belfry_request_join(belfry_request *req, const char *room)
{
    belfry *server = belfry_request_server(req);
    if (req->route == NULL || req->route->kind != ROUTE_SSE)
        return server_why(BELFRY_ERR_STATE, "only the reader of an event stream begins in rooms");
    belfry_err err = sock_check_room(server, room);
    if (err != BELFRY_OK)
        return err;
    const char *kept = keep_text(req, bytes_of_text(room));
    belfry_bytes name = bytes_of_text(kept);
    if (kept == NULL || buf_append(&req->rooms, &name, sizeof name) != BELFRY_OK)
        return server_outcome(BELFRY_ERR_NOMEM);
    return BELFRY_OK;
}

/* --- replying ---------------------------------------------------------------------------------*/

belfry_err belfry_reply_header(belfry_request *req, const char *name, const char *value)
{
    if (!http_response_field(&req->fields, name, bytes_of_text(value)))
        return server_why(BELFRY_ERR_INVALID, "not a header field: \"%s\"", name);
    return server_outcome(buf_failed(&req->fields) ? BELFRY_ERR_NOMEM : BELFRY_OK);
}

static struct http_reply reply_for(const belfry_request *req, unsigned status)
{
    struct http_reply reply =
        http_reply_to(req->head, (uint16_t)status, worker_date(req->conn->worker));
    if (req->must_close || req->conn->worker->is_stopping)
        reply.is_keep_alive = false;
    return reply;
}

/* Writes all but the body; @out_reply says whether one follows. */
static bool write_head(belfry_request *req, unsigned status, const char *content_type,
                       uint64_t size, struct http_reply *out_reply)
{
    struct buf *out = &req->conn->worker->scratch;
    *out_reply = reply_for(req, status);
    req->is_replied = true;
    req->must_close = !out_reply->is_keep_alive;
    buf_clear(out);
    http_response_begin(out, out_reply);
    if (content_type != NULL)
        (void)http_response_field(out, "Content-Type", bytes_of_text(content_type));
    (void)http_response_field(out, "X-Content-Type-Options", BELFRY_BYTES("nosniff"));
    buf_put_bytes(out, buf_bytes(&req->fields));
    http_response_end(out, out_reply, size);
    counter_add(&req->conn->worker->counters.http_requests, 1);
    /* Without memory a field may have ended midway: nothing could be put behind it. */
    if (buf_failed(out) || buf_failed(&req->fields)) {
        conn_abort(req->conn);
        return false;
    }
    conn_write(req->conn, out->data, out->size);
    return http_response_has_body(out_reply);
}

void request_reply(belfry_request *req, unsigned status, const char *content_type,
                   belfry_bytes body)
{
    struct http_reply reply;
    if (write_head(req, status, content_type, body.size, &reply))
        conn_write(req->conn, body.data, body.size);
}

void request_reply_frame(belfry_request *req, unsigned status, struct frame *body)
{
    struct http_reply reply;
    if (write_head(req, status, NULL, body->size, &reply))
        conn_write_frame(req->conn, body, 0);
    else
        frame_unref(body);
}

bool request_reply_head(belfry_request *req, unsigned status, const char *content_type,
                        uint64_t size)
{
    struct http_reply reply;
    return write_head(req, status, content_type, size, &reply);
}

void request_reply_error(belfry_request *req, unsigned status, const char *why)
{
    struct buf text = { 0 };
    buf_printf(&text, "%u %s", status, http_reason(status));
    if (why != NULL)
        buf_printf(&text, ": %s", why);
    buf_put_char(&text, '\n');
    request_reply(req, status, "text/plain; charset=utf-8", buf_bytes(&text));
    buf_deinit(&text);
}

belfry_err belfry_reply(belfry_request *req, unsigned status, const char *content_type,
                        const void *body, size_t size)
{
    if (req->is_replied)
        return server_why(BELFRY_ERR_STATE, "this request has its reply already");
    if (req->conn == NULL)
        return server_why(BELFRY_ERR_STATE, "this request is not for the handler to answer");
    if (status < 200 || status > 599)
        return server_why(BELFRY_ERR_INVALID, "a final status is 200 to 599, not %u", status);
    if (content_type == NULL && size > 0)
        content_type = "text/plain; charset=utf-8";
    request_reply(req, status, content_type, bytes_of(body, size));
    return server_outcome(req->conn->state == CONN_DEAD ? BELFRY_ERR_NOMEM : BELFRY_OK);
}

void request_deinit(belfry_request *req)
{
    struct request_text *next;
    for (struct request_text *text = req->texts; text != NULL; text = next) {
        next = text->next;
        mem_free(text);
    }
    buf_deinit(&req->fields);
    buf_deinit(&req->rooms);
    mem_free(req->user);
}
