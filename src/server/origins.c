/*
 * origins.c - verdicts, and the header fields of CORS.
 */
#include "server/origins.h"

#include "http/origin.h"
#include "http/response.h"
#include "server/server.h"

static bool check(const struct belfry *server, const struct http_head *head, bool is_secure,
                  belfry_bytes *out_origin)
{
    return http_origin_check(head, is_secure ? HTTP_TLS : HTTP_PLAIN,
                             bytes_of_text(server->options.origins),
                             out_origin) != HTTP_ORIGIN_REFUSED;
}

bool origins_allow(const struct belfry *server, const struct http_head *head, bool is_secure)
{
    belfry_bytes origin;
    return check(server, head, is_secure, &origin);
}

bool origins_allow_reading(const struct belfry *server, const struct http_head *head,
                           bool is_secure, struct buf *fields)
{
    const belfry_options *options = &server->options;
    belfry_bytes origin;
    if (!check(server, head, is_secure, &origin))
        return false;
    if (origin.size == 0)
        return true;
    (void)http_response_field(fields, "Access-Control-Allow-Origin", origin);
    (void)http_response_field(fields, "Vary", BELFRY_BYTES("Origin"));
    if (options->cors_credentials && strcmp(options->origins, "*") != 0)
        (void)http_response_field(fields, "Access-Control-Allow-Credentials", BELFRY_BYTES("true"));
    return true;
}

void origins_put_preflight(const char *methods, struct buf *fields)
{
    (void)http_response_field(fields, "Access-Control-Allow-Methods", bytes_of_text(methods));
    (void)http_response_field(fields, "Access-Control-Allow-Headers",
                              BELFRY_BYTES("Authorization, Content-Type, Idempotency-Key, "
                                           "Last-Event-ID"));
}
