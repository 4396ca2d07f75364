/*
 * walk.h - goes through what a server sends, frame by frame, looking at headers only.
 *
 *     struct walk w = { 0 };
 *     ok = walk_feed(&w, received, WALK_PREFIX, on_frame, user);     as often as bytes arrive
 *     walk_deinit(&w);
 *
 * Payloads are skipped by counting. Only when a read ends inside a header is anything copied.
 */
#ifndef BENCH_WALK_H
#define BENCH_WALK_H

#include "bench/wire.h"

enum { WALK_PREFIX_BYTES = 17 }; /* enough for {"type":"message" */

enum walk_need {
    WALK_PREFIX, /* a data frame is shown with its first WALK_PREFIX_BYTES, or all if shorter */
    WALK_WHOLE,  /* with its whole payload */
};

struct walk {
    uint64_t skip_bytes; /* of the frame shown last */
    struct buf tail;     /* a frame whose header, or needed payload, is not complete yet */
};

/* One frame. @shown borrows until return: a control frame's whole payload, or what walk_need says
 * and whatever else has arrived of it. False stops the walk. */
typedef bool walk_on_frame(void *user, const struct wire_frame *frame, belfry_bytes shown);

/* False: @on_frame said so, the frame is invalid or memory is out (both printed). */
bool walk_feed(struct walk *w, belfry_bytes bytes, enum walk_need need, walk_on_frame *on_frame,
               void *user);

void walk_deinit(struct walk *w);

#endif
