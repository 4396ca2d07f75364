/*
 * mime.c - the endings that web pages are made of.
 */
#include "http/mime.h"

#include "http/field.h"

/* clang-format off */
/*    ending         type                              compressible */
#define TYPES(X)                                                                                   \
    X("html",        "text/html; charset=utf-8",        true)                                      \
    X("htm",         "text/html; charset=utf-8",        true)                                      \
    X("css",         "text/css; charset=utf-8",         true)                                      \
    X("js",          "text/javascript; charset=utf-8",  true)                                      \
    X("mjs",         "text/javascript; charset=utf-8",  true)                                      \
    X("json",        "application/json",                true)                                      \
    X("map",         "application/json",                true)                                      \
    X("webmanifest", "application/manifest+json",       true)                                      \
    X("txt",         "text/plain; charset=utf-8",       true)                                      \
    X("md",          "text/markdown; charset=utf-8",    true)                                      \
    X("csv",         "text/csv; charset=utf-8",         true)                                      \
    X("xml",         "application/xml",                 true)                                      \
    X("yaml",        "application/yaml",                true)                                      \
    X("yml",         "application/yaml",                true)                                      \
    X("svg",         "image/svg+xml",                   true)                                      \
    X("wasm",        "application/wasm",                true)                                      \
    X("png",         "image/png",                       false)                                     \
    X("jpg",         "image/jpeg",                      false)                                     \
    X("jpeg",        "image/jpeg",                      false)                                     \
    X("gif",         "image/gif",                       false)                                     \
    X("webp",        "image/webp",                      false)                                     \
    X("avif",        "image/avif",                      false)                                     \
    X("ico",         "image/x-icon",                    false)                                     \
    X("woff",        "font/woff",                       false)                                     \
    X("woff2",       "font/woff2",                      false)                                     \
    X("mp3",         "audio/mpeg",                      false)                                     \
    X("mp4",         "video/mp4",                       false)                                     \
    X("webm",        "video/webm",                      false)                                     \
    X("pdf",         "application/pdf",                 false)                                     \
    X("gz",          "application/gzip",                false)                                     \
    X("zip",         "application/zip",                 false)
/* clang-format on */

static const struct {
    const char *ending;
    const char *type;
    bool is_compressible;
} types[] = {
#define TYPE_ROW(ending, type, is_compressible) { ending, type, is_compressible },
    TYPES(TYPE_ROW)
#undef TYPE_ROW
};

/* What follows the last dot of the last segment; empty if there is none. */
static belfry_bytes ending_of(belfry_bytes path)
{
    const char *text = path.data;
    for (size_t i = path.size; i > 0 && text[i - 1] != '/'; i--)
        if (text[i - 1] == '.')
            return bytes_of(text + i, path.size - i);
    return bytes_of(NULL, 0);
}

const char *http_mime_of(belfry_bytes path)
{
    belfry_bytes ending = ending_of(path);
    for (size_t i = 0; i < BELFRY_COUNT(types); i++)
        if (http_equals_nocase(ending, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

bool http_mime_is_compressible(const char *type)
{
    for (size_t i = 0; i < BELFRY_COUNT(types); i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].is_compressible;
    return false;
}
