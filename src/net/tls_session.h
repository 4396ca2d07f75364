/*
 * tls_session.h - what both sides of TLS share: a stream over an SSL object. For tls*.c only.
 */
#ifndef NET_TLS_SESSION_H
#define NET_TLS_SESSION_H

#include <openssl/ssl.h>

#include "net/stream.h"

/* How OpenSSL reaches the socket. Outlives every session that was started with it. NULL: no memory;
 * BIO_meth_free takes NULL too. */
BIO_METHOD *tls_socket_method_new(void);

/* Owns: takes @fd and @ssl (NULL: there was no memory for it) in any case. The caller has told or
 * tells @ssl which side it is. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err tls_session_start(struct stream *s, struct loop *loop, int fd, SSL *ssl,
                                              BIO_METHOD *socket);

SSL *tls_session_ssl(const struct stream *s); /* borrowed */

/* OpenSSL's reason for what has just failed in this thread; static. */
const char *tls_last_error(void);

/* What every context of ours has: TLS 1.2 at least, partial writes, frugal buffers. */
void tls_set_common(SSL_CTX *context);

#endif
