/*
 * files.c - assets that travel in the program, and the files of static_dir.
 *
 * Paths are decoded and normalised once (http_path_to_file) and opened below the folder with
 * RESOLVE_BENEATH, so that neither dots nor symbolic links lead out of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http/date.h"
#include "http/etag.h"
#include "http/mime.h"
#include "http/target.h"
#include "server/http_session.h"
#include "server/server.h"

static bool is_readable(belfry_request *req)
{
    if (req->head->method == HTTP_GET || req->head->method == HTTP_HEAD)
        return true;
    (void)http_response_field(&req->fields, "Allow", BELFRY_BYTES("GET, HEAD, OPTIONS"));
    if (req->head->method == HTTP_OPTIONS)
        request_reply(req, 204, NULL, bytes_of(NULL, 0));
    else
        request_reply_error(req, 405, NULL);
    return false;
}

static void put_freshness(belfry_request *req, const char *etag)
{
    (void)http_response_field(&req->fields, "ETag", bytes_of_text(etag));
    (void)http_response_field(&req->fields, "Cache-Control", BELFRY_BYTES("no-cache"));
}

/* What our own pages may do: nothing but use their own files and connections. */
static void put_policy(belfry_request *req)
{
    (void)http_response_field(
        &req->fields, "Content-Security-Policy",
        BELFRY_BYTES("default-src 'self'; frame-ancestors 'none'; base-uri 'none'"));
    (void)http_response_field(&req->fields, "Referrer-Policy", BELFRY_BYTES("no-referrer"));
}

static const belfry_asset *find_asset(const belfry_asset *assets, belfry_bytes path)
{
    for (const belfry_asset *asset = assets; asset->path != NULL; asset++) {
        /* A path is relative here: "" and "folder/" are index pages. */
        const char *own = asset->path + 1;
        if (bytes_equal_text(path, own))
            return asset;
        bool is_folder = path.size == 0 || ((const char *)path.data)[path.size - 1] == '/';
        size_t own_size = strlen(own);
        if (is_folder && own_size == path.size + 10 &&
            (path.size == 0 || memcmp(own, path.data, path.size) == 0) &&
            strcmp(own + path.size, "index.html") == 0)
            return asset;
    }
    return NULL;
}

static void reply_asset(belfry_request *req, const belfry_asset *asset)
{
    put_freshness(req, asset->etag);
    if (http_is_not_modified(req->head, bytes_of_text(asset->etag), 0)) {
        request_reply(req, 304, NULL, bytes_of(NULL, 0));
        return;
    }
    put_policy(req);
    request_reply(req, 200, http_mime_of(bytes_of_text(asset->path)), asset->bytes);
}

static int open_beneath(const char *folder, const char *path)
{
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd < 0 && errno == ENOSYS) {
        /* Before Linux 5.6, and in some sandboxes: no links at all is the safe answer. */
        fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    }
    int error = errno;
    (void)close(root);
    errno = error;
    return fd;
}

static void reply_opened(struct http_session *h, belfry_request *req, int fd,
                         const struct stat *info, const char *path)
{
    char etag[64];
    char modified[HTTP_DATE_SIZE + 1];
    snprintf(etag, sizeof etag, "\"%llx-%llx.%lx\"", (unsigned long long)info->st_size,
             (unsigned long long)info->st_mtim.tv_sec, (unsigned long)info->st_mtim.tv_nsec);
    put_freshness(req, etag);
    uint64_t modified_s = info->st_mtim.tv_sec > 0 ? (uint64_t)info->st_mtim.tv_sec : 0;
    http_date_format(modified, modified_s);
    (void)http_response_field(&req->fields, "Last-Modified", bytes_of_text(modified));
    if (http_is_not_modified(req->head, bytes_of_text(etag), modified_s)) {
        request_reply(req, 304, NULL, bytes_of(NULL, 0));
        (void)close(fd);
        return;
    }
    if (request_reply_head(req, 200, http_mime_of(bytes_of_text(path)), (uint64_t)info->st_size) &&
        info->st_size > 0)
        http_session_send_file(h, fd, (uint64_t)info->st_size);
    else
        (void)close(fd);
}

static bool reply_file(struct http_session *h, belfry_request *req, struct buf *path)
{
    const char *folder = h->conn.worker->server->options.static_dir;
    if (folder[0] == '\0')
        return false;
    bool is_folder = path->size == 0 || path->data[path->size - 1] == '/';
    buf_put_text(path, is_folder ? "index.html" : "");
    buf_put_char(path, '\0');
    if (buf_failed(path)) {
        request_reply_error(req, 503, "out of memory");
        return true;
    }
    int fd = open_beneath(folder, (const char *)path->data);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
        request_reply_error(req, 503, "too many files are open");
        return true;
    }
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    reply_opened(h, req, fd, &info, (const char *)path->data);
    return true;
}

bool files_reply(struct http_session *h, belfry_request *req)
{
    const struct belfry *server = h->conn.worker->server;
    if (server->assets == NULL && server->options.static_dir[0] == '\0')
        return false;
    struct buf path = { 0 };
    bool is_answered = true;
    unsigned status = http_path_to_file(req->head->path, &path);
    const belfry_asset *asset =
        status == 0 && server->assets != NULL ? find_asset(server->assets, buf_bytes(&path)) : NULL;
    if (status != 0)
        request_reply_error(req, status, "not the path of a file");
    else if (asset != NULL) {
        if (is_readable(req))
            reply_asset(req, asset);
    } else if (req->head->method != HTTP_GET && req->head->method != HTTP_HEAD)
        is_answered = false;
    else
        is_answered = reply_file(h, req, &path);
    buf_deinit(&path);
    return is_answered;
}
