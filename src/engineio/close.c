/*
 * close.c - what the tables in close.h say, as functions; and the last body of a poll.
 */
#include "engineio/close.h"

enum eio_reason eio_cause_reason(enum eio_cause cause)
{
    switch (cause) {
#define REASON_CASE(name, reason, description) \
    case EIO_CAUSE_##name:                     \
        return EIO_REASON_##reason;
        EIO_CAUSES(REASON_CASE)
#undef REASON_CASE
    }
    BELFRY_UNREACHABLE("a cause outside the table");
}

const char *eio_cause_description(enum eio_cause cause)
{
    switch (cause) {
#define DESCRIPTION_CASE(name, reason, description) \
    case EIO_CAUSE_##name:                          \
        return description;
        EIO_CAUSES(DESCRIPTION_CASE)
#undef DESCRIPTION_CASE
    }
    BELFRY_UNREACHABLE("a cause outside the table");
}

const char *eio_reason_text(enum eio_reason reason)
{
    switch (reason) {
#define TEXT_CASE(name, text) \
    case EIO_REASON_##name:   \
        return text;
        EIO_REASONS(TEXT_CASE)
#undef TEXT_CASE
    }
    BELFRY_UNREACHABLE("a reason outside the table");
}

void eio_farewell_put(struct buf *out, enum eio_revision revision, enum eio_farewell farewell)
{
    static const struct eio_packet noop = { .type = EIO_NOOP }, close = { .type = EIO_CLOSE };
    struct eio_payload_writer w;
    eio_payload_begin(&w, out, revision, EIO_FORM_TEXT);
    if (farewell != EIO_FAREWELL_CLOSE)
        eio_payload_put(&w, &noop);
    if (farewell != EIO_FAREWELL_NOOP)
        eio_payload_put(&w, &close);
    eio_payload_end(&w);
}
