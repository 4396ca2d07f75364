/*
 * tls_client.c - OpenSSL's client side behind the stream interface.
 */
#include "net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/alloc.h"
#include "net/tls_stream.h"

struct tls_client_context {
    SSL_CTX *ssl;
    BIO_METHOD *socket;
};

belfry_err tls_client_context_new(struct tls_client_context **out_context, const char *ca_file,
                                  const char **out_why)
{
    struct tls_client_context *context = mem_alloc_zeroed(sizeof *context);
    *out_why = "out of memory";
    if (context == NULL)
        return BELFRY_ERR_NOMEM;
    ERR_clear_error();
    context->ssl = SSL_CTX_new(TLS_client_method());
    context->socket = tls_socket_method();
    if (context->ssl == NULL || context->socket == NULL) {
        tls_client_context_free(context);
        return BELFRY_ERR_NOMEM;
    }
    tls_set_modes(context->ssl);
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    bool is_trusting = ca_file != NULL ? SSL_CTX_load_verify_file(context->ssl, ca_file) == 1
                                       : SSL_CTX_set_default_verify_paths(context->ssl) == 1;
    if (!is_trusting) {
        *out_why = tls_last_error();
        tls_client_context_free(context);
        return BELFRY_ERR_TLS;
    }
    *out_context = context;
    return BELFRY_OK;
}

struct tls_client_context *tls_client_context_free(struct tls_client_context *context)
{
    if (context == NULL)
        return NULL;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->socket);
    mem_free(context);
    return NULL;
}

static bool is_literal(const char *host)
{
    uint8_t address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool expect_host(SSL *ssl, const char *host)
{
    if (is_literal(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

belfry_err stream_tls_client_init(struct stream *s, struct loop *loop, int fd,
                                  struct tls_client_context *context, const char *host)
{
    belfry_err err = tls_stream_init(s, loop, fd, context->ssl, context->socket);
    if (err != BELFRY_OK)
        return err;
    SSL_set_connect_state(tls_stream_ssl(s));
    if (expect_host(tls_stream_ssl(s), host))
        return BELFRY_OK;
    stream_close(s);
    return BELFRY_ERR_NOMEM;
}

enum tls_handshake stream_tls_handshake(struct stream *s, const char **out_why)
{
    SSL *ssl = tls_stream_ssl(s);
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result == 1)
        return TLS_DONE;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    default:
        break;
    }
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
        *out_why = X509_verify_cert_error_string(verdict);
    else
        *out_why = ERR_peek_last_error() != 0 ? tls_last_error() : "the connection was closed";
    return TLS_FAILED;
}
