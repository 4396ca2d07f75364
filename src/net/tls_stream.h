/*
 * tls_stream.h - what both sides of TLS share. Internal to net.
 */
#ifndef NET_TLS_STREAM_H
#define NET_TLS_STREAM_H

#include <openssl/ssl.h>

#include "net/stream.h"

/* OpenSSL's view of a socket, without SIGPIPE. Owns: the caller; NULL: no memory. */
BIO_METHOD *tls_socket_method(void);

/* What every context of ours has set. */
void tls_set_modes(SSL_CTX *context);

/* What OpenSSL said last, as a sentence; never NULL. Owns: static. */
const char *tls_last_error(void);

/* Neither side yet: SSL_set_accept_state or SSL_set_connect_state is the caller's. Owns: takes @fd
 * in any case. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err tls_stream_init(struct stream *s, struct loop *loop, int fd,
                                            SSL_CTX *context, BIO_METHOD *socket);

SSL *tls_stream_ssl(const struct stream *s);

#endif
