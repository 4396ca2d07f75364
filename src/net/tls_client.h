/*
 * tls_client.h - TLS from the client's side: whom we trust, and a stream that checks who answers.
 */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include "net/stream.h"

struct tls_client_context;

/* @ca_file: PEM file of who signs the peers' certificates; NULL: the system's. @out_why: a sentence
 * about the failure, static or OpenSSL's. Outlives its streams; may serve several loops. Errors:
 * TLS, NOMEM. */
BELFRY_NODISCARD belfry_err tls_client_context_new(struct tls_client_context **out_context,
                                                   const char *ca_file, const char **out_why);

/* NULL is fine; returns NULL. */
struct tls_client_context *tls_client_context_free(struct tls_client_context *context);

/* @host (copied): the name or the literal address that the certificate must be for; a name is told
 * to the peer too (SNI). @fd may still be connecting. Owns: takes @fd in any case. Errors: NOMEM.
 */
BELFRY_NODISCARD belfry_err stream_tls_client_init(struct stream *s, struct loop *loop, int fd,
                                                   struct tls_client_context *context,
                                                   const char *host);

/* Goes on with the handshake. OK: it is over and the peer is who it should be. AGAIN: call again
 * when @out_wanted is ready. TLS: @out_why of @why_size bytes tells. */
BELFRY_NODISCARD belfry_err stream_tls_client_shake(struct stream *s, unsigned *out_wanted,
                                                    char *out_why, size_t why_size);

#endif
