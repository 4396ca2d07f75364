/*
 * http/mime.h - media types by file name.
 */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

#include "base/defs.h"

/* The Content-Type of a file called @path; application/octet-stream when its ending is unknown. */
const char *http_mime_of(belfry_bytes path);

/* Is it worth compressing? Text and the like; not images, fonts or archives. */
bool http_mime_is_compressible(const char *type);

#endif
