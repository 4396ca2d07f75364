/*
 * url.c - scheme, then user and password, then host and port or a path, then the database.
 */
#include "redis/url.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"

#define DEFAULT_PORT 6379
#define MAX_DB 65535

/* What is left to read, and what was wrong. */
struct reading {
    const char *at;
    char *why;
    belfry_err err;
};

static bool fail(struct reading *r, const char *what)
{
    snprintf(r->why, REDIS_URL_WHY, "%s", what);
    r->err = BELFRY_ERR_CONFIG;
    return false;
}

static bool take_text(struct reading *r, const char *text)
{
    size_t size = strlen(text);
    if (strncmp(r->at, text, size) != 0)
        return false;
    r->at += size;
    return true;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A copy of @size bytes without percents. NULL: said why. */
static char *decode(struct reading *r, const char *from, size_t size)
{
    char *copy = mem_alloc(size + 1);
    size_t used = 0;
    if (copy == NULL) {
        r->err = BELFRY_ERR_NOMEM;
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        int high = from[i] == '%' && i + 2 < size ? hex_of(from[i + 1]) : -1;
        int low = high >= 0 ? hex_of(from[i + 2]) : -1;
        if (from[i] == '%' && (low < 0 || high * 16 + low == 0)) {
            mem_free(copy);
            (void)fail(r, "a % must be followed by two hexadecimal digits, not 00");
            return NULL;
        }
        copy[used++] = low < 0 ? from[i] : (char)(high * 16 + low);
        i += low < 0 ? 0 : 2;
    }
    copy[used] = '\0';
    return copy;
}

static bool read_scheme(struct reading *r, struct redis_url *out, bool *out_unix)
{
    if (take_text(r, "rediss"))
        out->is_tls = true;
    else if (!take_text(r, "redis"))
        return fail(r, "not a URL of Redis: redis://host, redis+sharded://host, "
                       "redis+streams://host");
    if (take_text(r, "+sharded"))
        out->contract = NOTE_SHARDED;
    else if (take_text(r, "+streams"))
        out->contract = NOTE_STREAMS;
    *out_unix = take_text(r, "+unix");
    if (!take_text(r, "://"))
        return fail(r, "unknown scheme: redis or rediss, then +sharded or +streams, then +unix");
    if (*out_unix && out->is_tls)
        return fail(r, "TLS over a Unix socket: use redis+unix");
    return true;
}

/* user:password@ before the first slash. */
static bool read_login(struct reading *r, struct redis_url *out)
{
    size_t end = strcspn(r->at, "/?");
    const char *at = NULL;
    for (size_t i = 0; i < end; i++) {
        if (r->at[i] == '@')
            at = r->at + i;
    }
    if (at == NULL)
        return true;
    const char *colon = memchr(r->at, ':', (size_t)(at - r->at));
    const char *user_end = colon != NULL ? colon : at;
    if (user_end > r->at) {
        out->user = decode(r, r->at, (size_t)(user_end - r->at));
        if (out->user == NULL)
            return false;
    }
    if (colon != NULL) {
        out->password = decode(r, colon + 1, (size_t)(at - colon - 1));
        if (out->password == NULL)
            return false;
    }
    if (out->password == NULL || out->password[0] == '\0')
        return fail(r, "a user without a password");
    r->at = at + 1;
    return true;
}

static bool read_number(struct reading *r, size_t size, uint64_t most, uint64_t *out)
{
    if (json_u64(bytes_of(r->at, size), out) && *out <= most) {
        r->at += size;
        return true;
    }
    return false;
}

static bool read_host(struct reading *r, struct redis_url *out)
{
    const char *host = r->at;
    size_t size = strcspn(host, ":/?");
    uint64_t port = DEFAULT_PORT;
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        if (end == NULL)
            return fail(r, "a ] is missing behind the address");
        host++;
        size = (size_t)(end - host);
        r->at = end + 1;
    } else {
        r->at += size;
    }
    if (size == 0)
        return fail(r, "the host is missing");
    out->host = decode(r, host, size);
    if (out->host == NULL)
        return false;
    if (take_text(r, ":") &&
        (!read_number(r, strcspn(r->at, "/?"), UINT16_MAX, &port) || port == 0))
        return fail(r, "the port is a number from 1 to 65535");
    out->port = (uint16_t)port;
    return true;
}

static bool read_db(struct reading *r, struct redis_url *out)
{
    uint64_t db = 0;
    if (!read_number(r, strlen(r->at), MAX_DB, &db))
        return fail(r, "the database is a number");
    out->db = (unsigned)db;
    return true;
}

static bool read_path(struct reading *r, struct redis_url *out)
{
    size_t size = strcspn(r->at, "?");
    if (r->at[0] != '/' || size < 2)
        return fail(r, "the path of the socket is missing: redis+unix:///run/redis.sock");
    out->path = decode(r, r->at, size);
    if (out->path == NULL)
        return false;
    r->at += size;
    return r->at[0] == '\0' ||
           (take_text(r, "?db=") ? read_db(r, out) : fail(r, "unknown behind the path: ?db=1"));
}

static bool read_all(struct reading *r, struct redis_url *out)
{
    bool is_unix = false;
    if (!read_scheme(r, out, &is_unix) || !read_login(r, out))
        return false;
    if (is_unix)
        return read_path(r, out);
    if (!read_host(r, out))
        return false;
    if (r->at[0] == '\0' || strcmp(r->at, "/") == 0)
        return true;
    return take_text(r, "/") || take_text(r, "?db=") ? read_db(r, out)
                                                     : fail(r, "unknown behind the host");
}

belfry_err redis_url_parse(const char *text, struct redis_url *out, char why[REDIS_URL_WHY])
{
    struct reading r = { .at = text, .why = why };
    *out = (struct redis_url){ 0 };
    why[0] = '\0';
    if (!utf8_is_valid(bytes_of_text(text)))
        (void)fail(&r, "not UTF-8");
    else
        (void)read_all(&r, out);
    if (r.err != BELFRY_OK)
        redis_url_deinit(out);
    return r.err;
}

void redis_url_deinit(struct redis_url *url)
{
    mem_free(url->host);
    mem_free(url->path);
    mem_free(url->user);
    mem_free(url->password);
    *url = (struct redis_url){ 0 };
}
