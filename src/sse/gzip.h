/*
 * sse/gzip.h - an event stream in pieces that are compressed once for all who read it.
 *
 *     sse_gzip_begin(&out)            the header, once per reader (RFC 1952 2.3)
 *     sse_gzip_deflated(&out, bytes)  what was deflated from an empty window and flushed, without
 * the 00 00 ff ff at its end (as permessage-deflate has it, RFC 7692) sse_gzip_stored(&out, bytes)
 * as it is, in stored blocks (RFC 1951 3.2.4)
 *
 * A piece ends on a byte and refers to nothing before it, so any pieces behind one header are one
 * deflate stream. It has no end but that of the connection: nobody waits for the trailer.
 *
 * Pure. Thread: any.
 */
#ifndef SSE_GZIP_H
#define SSE_GZIP_H

#include "base/buf.h"
#include "base/defs.h"

void sse_gzip_begin(struct buf *out);
void sse_gzip_deflated(struct buf *out, belfry_bytes deflated);
void sse_gzip_stored(struct buf *out, belfry_bytes data);

#endif
