/*
 * tls.h - TLS over TCP as just another byte stream (OpenSSL 3).
 *
 * A handshake is part of the first reads and writes; whoever has a deadline for the request has
 * one for the handshake too.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "net/stream.h"

struct tls_context;

/* PEM files with the chain and the key. @out_why: a sentence about the failure, static or
 * OpenSSL's. Errors: TLS, NOMEM. */
BELFRY_NODISCARD belfry_err tls_context_new(struct tls_context **out_context,
                                            const char *certificate_file, const char *key_file,
                                            const char **out_why);

/* A certificate for localhost that nobody trusts, made now and kept in memory. */
BELFRY_NODISCARD belfry_err tls_context_new_self_signed(struct tls_context **out_context,
                                                        const char **out_why);

struct tls_context *tls_context_free(struct tls_context *context); /* NULL is fine; returns NULL */

/* The server's side. Owns: takes @fd in any case. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err stream_tls_init(struct stream *s, struct loop *loop, int fd,
                                            struct tls_context *context);

#endif
