/*
 * error.c - what the tables in error.h say, as functions.
 */
#include "engineio/error.h"

#include "base/json.h"

const char *eio_error_message(enum eio_error error)
{
    switch (error) {
#define MESSAGE_CASE(name, code, message) \
    case EIO_ERR_##name:                  \
        return message;
        EIO_ERRORS(MESSAGE_CASE)
#undef MESSAGE_CASE
    }
    BELFRY_UNREACHABLE("an error outside the table");
}

const char *eio_context_name(enum eio_context context)
{
    switch (context) {
    case EIO_CONTEXT_NONE:
        return "";
#define CONTEXT_CASE(name)   \
    case EIO_CONTEXT_##name: \
        return #name;
        EIO_CONTEXTS(CONTEXT_CASE)
#undef CONTEXT_CASE
    }
    BELFRY_UNREACHABLE("a context outside the table");
}

unsigned eio_error_status(enum eio_error error, enum eio_asked asked)
{
    return error == EIO_ERR_FORBIDDEN && asked == EIO_ASKED_HTTP ? 403 : 400;
}

void eio_error_put(struct buf *out, enum eio_error error, enum eio_asked asked,
                   belfry_bytes message)
{
    if (message.size == 0)
        message = bytes_of_text(eio_error_message(error));
    if (asked == EIO_ASKED_UPGRADE) {
        buf_put_bytes(out, message);
        return;
    }
    buf_put_text(out, "{\"code\":");
    buf_put_u64(out, (uint64_t)error);
    buf_put_text(out, ",\"message\":");
    json_put_string(out, message);
    buf_put_char(out, '}');
}

const char *eio_error_content_type(enum eio_asked asked)
{
    return asked == EIO_ASKED_UPGRADE ? "text/html" : "application/json";
}
