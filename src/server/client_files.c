/*
 * client_files.c - the names of socketio.md 13, from the folder client_dir.
 *
 * Read when they are wanted, kept with their compressed forms until they change on disk: asking for
 * them again and again costs no more than a copy.
 */
#include "server/client_files.h"

#include <fcntl.h>
#include <pthread.h>
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
#define COMPRESSION_LEVEL 6

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

/* Its index, or how many there are. */
static size_t find_name(const struct eio_endpoint *e, const struct http_head *head)
{
    size_t prefix = strlen(e->path);
    if ((head->method != HTTP_GET && head->method != HTTP_HEAD) || head->path.size <= prefix)
        return BELFRY_COUNT(names);
    belfry_bytes rest = bytes_of((const char *)head->path.data + prefix, head->path.size - prefix);
    for (size_t i = 0; i < BELFRY_COUNT(names); i++) {
        if (bytes_equal_text(rest, names[i]))
            return i;
    }
    return BELFRY_COUNT(names);
}

static bool read_file(const char *path, struct stat *out_info, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
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

/* --- what is kept of them ---------------------------------------------------------------------*/

#define CODINGS 3 /* enum http_coding */

/* One file, as it is and compressed, as it was when it was read. */
struct kept_file {
    struct stat info;
    struct buf bodies[CODINGS];
};

struct client_files {
    pthread_mutex_t lock; /* guards all below; held while an answer is copied */
    struct kept_file files[BELFRY_COUNT(names)];
};

struct client_files *client_files_new(void)
{
    struct client_files *files = mem_alloc_zeroed(sizeof *files);
    if (files != NULL)
        pthread_mutex_init(&files->lock, NULL);
    return files;
}

static void forget_file(struct kept_file *file)
{
    for (int i = 0; i < CODINGS; i++)
        buf_deinit(&file->bodies[i]);
    file->info = (struct stat){ 0 };
}

struct client_files *client_files_free(struct client_files *files)
{
    if (files == NULL)
        return NULL;
    for (size_t i = 0; i < BELFRY_COUNT(names); i++)
        forget_file(&files->files[i]);
    pthread_mutex_destroy(&files->lock);
    mem_free(files);
    return NULL;
}

/* Reads it again if it has changed. False: it is not there. */
static bool refresh(struct kept_file *file, const char *folder, const char *name)
{
    struct stat info;
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (size <= 0 || (size_t)size >= sizeof path || stat(path, &info) != 0)
        return false;
    if (file->bodies[HTTP_IDENTITY].size > 0 && info.st_mtime == file->info.st_mtime &&
        info.st_size == file->info.st_size)
        return true;
    forget_file(file);
    if (read_file(path, &file->info, &file->bodies[HTTP_IDENTITY]))
        return true;
    forget_file(file); /* half of it is not it */
    return false;
}

/* Compressed once, for all who ask. */
static belfry_bytes body_of(struct kept_file *file, enum http_coding *coding)
{
    struct buf *body = &file->bodies[*coding];
    if (*coding != HTTP_IDENTITY && body->size == 0 &&
        http_compress(*coding, COMPRESSION_LEVEL, buf_bytes(&file->bodies[HTTP_IDENTITY]), body) !=
            BELFRY_OK)
        *coding = HTTP_IDENTITY;
    return buf_bytes(&file->bodies[*coding]);
}

/* --- answering --------------------------------------------------------------------------------*/

static void reply_file(struct exchange *x, const char *name, struct kept_file *file)
{
    struct buf *fields = exchange_fields(x);
    char etag[64];
    snprintf(etag, sizeof etag, "\"%llx-%llx\"", (unsigned long long)file->info.st_size,
             (unsigned long long)file->info.st_mtime);
    (void)http_response_field(fields, "Cache-Control", BELFRY_BYTES("public, max-age=0"));
    (void)http_response_field(fields, "ETag", bytes_of_text(etag));
    (void)http_response_field(fields, "Vary", BELFRY_BYTES("Accept-Encoding"));
    if (http_is_not_modified(exchange_head(x), bytes_of_text(etag),
                             (uint64_t)file->info.st_mtime)) {
        exchange_reply(x, 304, NULL, bytes_of(NULL, 0));
        return;
    }
    bool is_map = strcmp(name + strlen(name) - 4, ".map") == 0;
    enum http_coding coding = http_choose_coding(exchange_head(x));
    belfry_bytes body = body_of(file, &coding);
    if (coding != HTTP_IDENTITY)
        (void)http_response_field(fields, "Content-Encoding",
                                  bytes_of_text(http_coding_name(coding)));
    exchange_reply(
        x, 200,
        is_map ? "application/json; charset=utf-8" : "application/javascript; charset=utf-8", body);
}

bool client_files_reply(struct eio_endpoint *e, struct exchange *x)
{
    size_t index = find_name(e, exchange_head(x));
    struct client_files *files = e->server->client_files;
    const char *folder = e->server->options.client_dir;
    if (index == BELFRY_COUNT(names))
        return false;
    eio_endpoint_put_cors(e, x);
    pthread_mutex_lock(&files->lock);
    if (folder[0] != '\0' && refresh(&files->files[index], folder, names[index]))
        reply_file(x, names[index], &files->files[index]);
    else
        exchange_reply(x, 404, "text/plain; charset=utf-8",
                       folder[0] != '\0'
                           ? BELFRY_BYTES("404 Not Found: the folder client_dir has no such file\n")
                           : BELFRY_BYTES("404 Not Found: set client_dir to the `dist` folder of "
                                          "the npm package socket.io-client\n"));
    pthread_mutex_unlock(&files->lock);
    return true;
}
