/*
 * client_files.c - the names of socketio.md 13, from the folder client_dir.
 *
 * Files are small and asked for once per visitor: read when they are wanted, with a validator made
 * of size and time of change.
 */
#include "server/client_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/compress.h"
#include "http/etag.h"
#include "http/response.h"
#include "server/eio_session.h"
#include "server/server.h"

#define MAX_FILE_BYTES (4u << 20)

static const char *const names[] = {
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
    "socket.io.js.map",
    "socket.io.min.js.map",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js.map",
};

static const char *find_name(const struct eio_endpoint *e, const struct http_head *head)
{
    size_t prefix = strlen(e->path);
    if ((head->method != HTTP_GET && head->method != HTTP_HEAD) || head->path.size <= prefix)
        return NULL;
    belfry_bytes rest = bytes_of((const char *)head->path.data + prefix, head->path.size - prefix);
    for (size_t i = 0; i < BELFRY_COUNT(names); i++) {
        if (bytes_equal_text(rest, names[i]))
            return names[i];
    }
    return NULL;
}

static bool read_file(const char *folder, const char *name, struct stat *out_info, struct buf *out)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = size > 0 && (size_t)size < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    bool is_read = fstat(fd, out_info) == 0 && S_ISREG(out_info->st_mode) &&
                   out_info->st_size <= (off_t)MAX_FILE_BYTES &&
                   buf_reserve(out, (size_t)out_info->st_size + 1) == BELFRY_OK;
    while (is_read) {
        ssize_t got = read(fd, out->data + out->size, out->capacity - out->size);
        if (got <= 0) {
            is_read = got == 0;
            break;
        }
        out->size += (size_t)got;
        is_read = out->size <= MAX_FILE_BYTES && buf_reserve(out, 1) == BELFRY_OK;
    }
    (void)close(fd);
    return is_read;
}

static void reply_file(struct exchange *x, const char *name, const struct stat *info,
                       belfry_bytes body)
{
    struct buf *fields = exchange_fields(x);
    char etag[64];
    snprintf(etag, sizeof etag, "\"%llx-%llx\"", (unsigned long long)info->st_size,
             (unsigned long long)info->st_mtime);
    (void)http_response_field(fields, "Cache-Control", BELFRY_BYTES("public, max-age=0"));
    (void)http_response_field(fields, "ETag", bytes_of_text(etag));
    (void)http_response_field(fields, "Vary", BELFRY_BYTES("Accept-Encoding"));
    if (http_is_not_modified(exchange_head(x), bytes_of_text(etag), (uint64_t)info->st_mtime)) {
        exchange_reply(x, 304, NULL, bytes_of(NULL, 0));
        return;
    }
    bool is_map = strcmp(name + strlen(name) - 4, ".map") == 0;
    const char *type =
        is_map ? "application/json; charset=utf-8" : "application/javascript; charset=utf-8";
    enum http_coding coding = http_choose_coding(exchange_head(x));
    struct buf small = { 0 };
    if (coding != HTTP_IDENTITY && http_compress(coding, 6, body, &small) == BELFRY_OK) {
        (void)http_response_field(fields, "Content-Encoding",
                                  bytes_of_text(http_coding_name(coding)));
        body = buf_bytes(&small);
    }
    exchange_reply(x, 200, type, body);
    buf_deinit(&small);
}

bool client_files_reply(struct eio_endpoint *e, struct exchange *x)
{
    struct stat info;
    struct buf body = { 0 };
    const char *name = find_name(e, exchange_head(x));
    if (name == NULL)
        return false;
    eio_endpoint_put_cors(e, x);
    if (e->server->options.client_dir[0] != '\0' &&
        read_file(e->server->options.client_dir, name, &info, &body))
        reply_file(x, name, &info, buf_bytes(&body));
    else
        exchange_reply(x, 404, "text/plain; charset=utf-8",
                       BELFRY_BYTES("404 Not Found: set client_dir to the `dist` folder of the npm "
                                    "package socket.io-client\n"));
    buf_deinit(&body);
    return true;
}
