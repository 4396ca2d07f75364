/*
 * sio_msg.h - belfry_msg: one event, ack or moment in a socket's life, as handlers see it.
 *
 * Lies on the stack of whoever calls the handler. A tree is made only if somebody asks for it.
 */
#ifndef SERVER_SIO_MSG_H
#define SERVER_SIO_MSG_H

#include <belfry/belfry.h>

#include "base/defs.h"

struct belfry_msg {
    struct belfry *server;
    belfry_sock *sock;  /* who may be answered; NULL: a reply */
    belfry_bytes event; /* the name, as text */
    belfry_bytes args;  /* JSON values between commas */
    uint32_t arg_count;
    unsigned attachment_count;
    const belfry_bytes *attachments;
    bool wants_ack;
    bool is_acked;
    uint64_t ack_id;
    json_t *tree;     /* of @args, once it was asked for */
    char *event_text; /* with a NUL, once it was asked for */
    /* Who takes the answer in place of @sock; NULL: nobody. */
    void (*answered)(belfry_bytes args, const belfry_bytes *parts, unsigned count, void *user);
    void *answered_user;
};

/* One that holds what it points to, in one block of memory; NULL: no memory. belfry_msg_deinit,
 * then mem_free. */
belfry_msg *msg_copy(struct belfry *server, belfry_bytes args, uint32_t arg_count,
                     const belfry_bytes *attachments, unsigned attachment_count);

/* Frees what it came to hold. */
void belfry_msg_deinit(belfry_msg *msg);

/* Answers with JSON that needs no check, behind what was written already: the caller has caught up
 * (sock_catch_up). */
belfry_err msg_answer(belfry_msg *msg, belfry_bytes args);

/* Packs arguments: "{s:s}" or several. Appends JSON values between commas to @out.
 * Errors: INVALID (belfry_why says why), NOMEM. */
struct buf;
BELFRY_NODISCARD belfry_err msg_pack_args(struct buf *out, const char *format, va_list args);

/* Appends one value. Errors: as above. */
BELFRY_NODISCARD belfry_err msg_put_value(struct buf *out, const json_t *value);

/* Appends the arguments of a message with @count binary @parts: @json, checked, or NULL: each part
 * is an argument. Errors: LIMIT, INVALID, NOMEM. */
BELFRY_NODISCARD belfry_err msg_bin_args(struct buf *out, const char *json, unsigned count);

/* Checks that @args are JSON values between commas. Errors: INVALID, belfry_why says why. */
BELFRY_NODISCARD belfry_err msg_check_args(belfry_bytes args, uint32_t *out_count);

#endif
