/*
 * tls_client.h - TLS from the client's side: whom we trust, and a stream that checks who answers.
 */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include "net/stream.h"

struct tls_client_context;

/* @ca_file: PEM file of who signs the peers' certificates; NULL: the system's. @out_why: a sentence
 * about the failure, static or OpenSSL's. Errors: TLS, NOMEM. */
BELFRY_NODISCARD belfry_err tls_client_context_new(struct tls_client_context **out_context,
                                                   const char *ca_file, const char **out_why);
struct tls_client_context *tls_client_context_free(struct tls_client_context *context);

/* The client's side of a connection to @host, a name (SNI, RFC 6066 3; checked by RFC 6125) or a
 * literal address, which its certificate must be for. Owns: takes @fd in any case. Errors: NOMEM.
 */
BELFRY_NODISCARD belfry_err stream_tls_client_init(struct stream *s, struct loop *loop, int fd,
                                                   struct tls_client_context *context,
                                                   const char *host);

enum tls_handshake { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_FAILED };

/* Goes on with the handshake. FAILED: @out_why says why, until the next call of OpenSSL. */
enum tls_handshake stream_tls_handshake(struct stream *s, const char **out_why);

#endif
