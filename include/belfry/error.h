/**
 * belfry/error.h - what can go wrong, as one table.
 *
 * Functions that can fail return belfry_err: BELFRY_OK is 0, errors are negative. The enum, the
 * names and the texts all come from BELFRY_ERRORS, so that they cannot disagree.
 */
#ifndef BELFRY_ERROR_H
#define BELFRY_ERROR_H

#include <belfry/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*  name        value  text */
#define BELFRY_ERRORS(X)                                         \
    X(OK, 0, "success")                                          \
    X(ERR_NOMEM, -1, "out of memory")                            \
    X(ERR_LIMIT, -2, "a configured limit is reached")            \
    X(ERR_AGAIN, -3, "busy: the queue is full, try again later") \
    X(ERR_GONE, -4, "the socket is closed")                      \
    X(ERR_INVALID, -5, "invalid argument or message")            \
    X(ERR_STATE, -6, "not possible in this state")               \
    X(ERR_IO, -7, "the operating system refused an operation")   \
    X(ERR_ADDRESS, -8, "the address cannot be used")             \
    X(ERR_TLS, -9, "TLS failed")                                 \
    X(ERR_NOT_FOUND, -10, "not found")                           \
    X(ERR_CONFIG, -11, "the configuration is wrong")             \
    X(ERR_DROPPED, -12, "dropped by the slow-member policy")     \
    X(ERR_TIMEOUT, -13, "not everybody has answered in time")    \
    X(ERR_PARTIAL, -14, "a part only: not all servers have answered")

/** The outcome of a call. */
typedef enum belfry_err {
#define BELFRY_ERROR_ENUM(name, value, text) BELFRY_##name = value,
    BELFRY_ERRORS(BELFRY_ERROR_ENUM)
#undef BELFRY_ERROR_ENUM
} belfry_err;

/** A short lower-case text for @err, never NULL. Owns: static. Thread: any. */
BELFRY_API const char *belfry_strerror(belfry_err err);

#ifdef __cplusplus
}
#endif

#endif
