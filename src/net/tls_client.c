/*
 * tls_client.c - the client's context and handshake; bytes go the way of tls.c.
 */
#include "net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/tls_session.h"

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
    context->ssl = SSL_CTX_new(TLS_client_method());
    context->socket = tls_socket_method_new();
    if (context->ssl == NULL || context->socket == NULL) {
        tls_client_context_free(context);
        return BELFRY_ERR_NOMEM;
    }
    tls_set_common(context->ssl);
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    ERR_clear_error();
    int is_loaded = ca_file != NULL ? SSL_CTX_load_verify_file(context->ssl, ca_file)
                                    : SSL_CTX_set_default_verify_paths(context->ssl);
    if (is_loaded != 1) {
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

/* RFC 6066 3: a literal address is no server name; certificates have a field of their own for it.
 */
static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

belfry_err stream_tls_client_init(struct stream *s, struct loop *loop, int fd,
                                  struct tls_client_context *context, const char *host)
{
    BELFRY_ASSERT(host != NULL && host[0] != '\0'); /* OpenSSL would take any name then */
    SSL *ssl = SSL_new(context->ssl);
    if (ssl != NULL && !expect_host(ssl, host)) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (ssl != NULL)
        SSL_set_connect_state(ssl);
    return tls_session_start(s, loop, fd, ssl, context->socket);
}

static void tell_why(SSL *ssl, int error, char *out, size_t size)
{
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
        snprintf(out, size, "certificate verify failed: %s",
                 X509_verify_cert_error_string(verdict));
    else if (error == SSL_ERROR_SSL)
        snprintf(out, size, "TLS handshake failed: %s", tls_last_error());
    else
        snprintf(out, size, "TLS handshake failed: the peer has closed the connection");
}

belfry_err stream_tls_client_shake(struct stream *s, unsigned *out_wanted, char *out_why,
                                   size_t why_size)
{
    SSL *ssl = tls_session_ssl(s);
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result == 1)
        return BELFRY_OK;
    int error = SSL_get_error(ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        *out_wanted = error == SSL_ERROR_WANT_READ ? WATCH_READ : WATCH_WRITE;
        return BELFRY_ERR_AGAIN;
    }
    tell_why(ssl, error, out_why, why_size);
    return BELFRY_ERR_TLS;
}
