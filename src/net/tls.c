/*
 * tls.c - OpenSSL behind the stream interface.
 *
 *   read:   SSL_read until it wants more or the buffer is full
 *   writev: small parts gathered into records of up to 16 KiB, large ones written from where
 *           they lie
 *
 * Partial writes are on; a write that OpenSSL wants repeated finds the same bytes at the front of
 * the queue, though maybe elsewhere in memory (moving buffers are accepted too).
 */
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/tls_session.h"

#define RECORD_SIZE 16384

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *socket;
};

/* One connection's state; its address is the stream's transport. */
struct tls_session {
    SSL *ssl;
    bool wants_write;  /* to go on reading */
    bool wants_read;   /* to go on writing */
    size_t retry_size; /* bytes of a write that OpenSSL wants repeated */
};

/* --- the context ------------------------------------------------------------------------------*/

const char *tls_last_error(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason != NULL ? reason : "unknown TLS error";
}

void tls_set_common(SSL_CTX *context)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* An idle connection gives its record buffers back: 7 KB instead of 31. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* HTTP/1.1 is what we speak; who insists on something else is refused (RFC 7301 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *user)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)user;
    if (SSL_select_next_proto((unsigned char **)out, out_size, ours, sizeof ours - 1, in,
                              in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static belfry_err new_context(struct tls_context **out_context)
{
    struct tls_context *context = mem_alloc_zeroed(sizeof *context);
    if (context == NULL)
        return BELFRY_ERR_NOMEM;
    context->ssl = SSL_CTX_new(TLS_server_method());
    context->socket = tls_socket_method_new();
    if (context->ssl == NULL || context->socket == NULL) {
        tls_context_free(context);
        return BELFRY_ERR_NOMEM;
    }
    tls_set_common(context->ssl);
    SSL_CTX_set_options(context->ssl,
                        SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF); /* tickets resume */
    SSL_CTX_set_alpn_select_cb(context->ssl, choose_protocol, NULL);
    *out_context = context;
    return BELFRY_OK;
}

belfry_err tls_context_new(struct tls_context **out_context, const char *certificate_file,
                           const char *key_file, const char **out_why)
{
    struct tls_context *context;
    *out_why = "out of memory";
    belfry_err err = new_context(&context);
    if (err != BELFRY_OK)
        return err;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context->ssl, certificate_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(context->ssl, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context->ssl) != 1) {
        *out_why = tls_last_error();
        tls_context_free(context);
        return BELFRY_ERR_TLS;
    }
    *out_context = context;
    return BELFRY_OK;
}

static bool add_alternative_names(X509 *certificate)
{
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                                "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1");
    bool is_added = names != NULL && X509_add_ext(certificate, names, -1) == 1;
    X509_EXTENSION_free(names);
    return is_added;
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), 30L * 86400) != NULL &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost",
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && add_alternative_names(certificate) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

belfry_err tls_context_new_self_signed(struct tls_context **out_context, const char **out_why)
{
    struct tls_context *context;
    *out_why = "out of memory";
    belfry_err err = new_context(&context);
    if (err != BELFRY_OK)
        return err;
    EVP_PKEY *key = EVP_EC_gen("P-256"); /* ECDSA handshakes cost less than RSA's */
    X509 *certificate = X509_new();
    bool works = key != NULL && certificate != NULL && fill_certificate(certificate, key) &&
                 SSL_CTX_use_certificate(context->ssl, certificate) == 1 &&
                 SSL_CTX_use_PrivateKey(context->ssl, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (!works) {
        *out_why = tls_last_error();
        tls_context_free(context);
        return BELFRY_ERR_TLS;
    }
    *out_context = context;
    return BELFRY_OK;
}

struct tls_context *tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return NULL;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->socket);
    mem_free(context);
    return NULL;
}

/* --- the socket below -------------------------------------------------------------------------*/

/* OpenSSL's own writes with write(), which raises SIGPIPE; a library must not need that handled. */
static int bio_write(BIO *bio, const char *data, int size)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(fd, data, (size_t)size, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int bio_read(BIO *bio, char *out, int size)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(fd, out, (size_t)size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)got;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *tls_socket_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "belfry socket");
    if (method == NULL || BIO_meth_set_write(method, bio_write) != 1 ||
        BIO_meth_set_read(method, bio_read) != 1 || BIO_meth_set_ctrl(method, bio_control) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

/* --- the stream -------------------------------------------------------------------------------*/

static struct tls_session *session_of(const struct stream *s)
{
    return s->transport;
}

static ssize_t outcome(struct stream *s, int result, bool *out_wants_other, int other)
{
    int error = SSL_get_error(session_of(s)->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        *out_wants_other = error == other;
        return STREAM_AGAIN;
    }
    return error == SSL_ERROR_ZERO_RETURN ? STREAM_END : STREAM_FAILED;
}

static ssize_t tls_read(struct stream *s, void *out, size_t size)
{
    struct tls_session *t = session_of(s);
    size_t total = 0;
    t->wants_write = false;
    while (total < size) {
        ERR_clear_error();
        size_t room = BELFRY_MIN(size - total, (size_t)INT32_MAX);
        int got = SSL_read(t->ssl, (char *)out + total, (int)room);
        if (got > 0) {
            total += (size_t)got;
            continue;
        }
        ssize_t why = outcome(s, got, &t->wants_write, SSL_ERROR_WANT_WRITE);
        return total > 0 ? (ssize_t)total : why; /* an end is found again by the next read */
    }
    return (ssize_t)total;
}

/* A record's worth from the front of @parts: pointed at if one part has it, else gathered. */
static size_t gather(const struct iovec *parts, int count, size_t skip, uint8_t *scratch,
                     const uint8_t **out_data, size_t at_least)
{
    const uint8_t *first = (const uint8_t *)parts[0].iov_base + skip;
    size_t size = parts[0].iov_len - skip;
    if ((count == 1 || size >= RECORD_SIZE) && size >= at_least) {
        *out_data = first;
        return BELFRY_MIN(size, (size_t)RECORD_SIZE);
    }
    size = 0;
    for (int i = 0; i < count && size < RECORD_SIZE; i++) {
        size_t from = i == 0 ? skip : 0;
        size_t part = BELFRY_MIN(parts[i].iov_len - from, RECORD_SIZE - size);
        memcpy(scratch + size, (const uint8_t *)parts[i].iov_base + from, part);
        size += part;
    }
    *out_data = scratch;
    return size;
}

static ssize_t write_record(struct stream *s, const uint8_t *data, size_t size)
{
    struct tls_session *t = session_of(s);
    t->wants_read = false;
    ERR_clear_error();
    /* A repeated write must offer at least the bytes it offered before; the same ones suffice. */
    if (t->retry_size > 0)
        size = BELFRY_MIN(size, t->retry_size);
    int sent = SSL_write(t->ssl, data, (int)size);
    if (sent > 0) {
        t->retry_size = 0;
        return sent;
    }
    ssize_t why = outcome(s, sent, &t->wants_read, SSL_ERROR_WANT_READ);
    t->retry_size = why == STREAM_AGAIN ? size : 0;
    return why == STREAM_AGAIN ? STREAM_AGAIN : STREAM_FAILED;
}

static ssize_t tls_writev(struct stream *s, const struct iovec *parts, int count, bool is_last)
{
    (void)is_last;
    uint8_t scratch[RECORD_SIZE];
    size_t total = 0;
    size_t skip = 0;
    while (count > 0) {
        const uint8_t *data;
        size_t size = gather(parts, count, skip, scratch, &data, session_of(s)->retry_size);
        ssize_t sent = size > 0 ? write_record(s, data, size) : 0;
        if (sent < 0)
            return total > 0 ? (ssize_t)total : sent;
        total += (size_t)sent;
        skip += (size_t)sent;
        while (count > 0 && skip >= parts[0].iov_len) {
            skip -= parts[0].iov_len;
            parts++;
            count--;
        }
    }
    return (ssize_t)total;
}

static unsigned tls_interest(const struct stream *s, unsigned wanted)
{
    const struct tls_session *t = session_of(s);
    if (t->wants_write && (wanted & WATCH_READ))
        wanted |= WATCH_WRITE;
    if (t->wants_read && (wanted & WATCH_WRITE))
        wanted |= WATCH_READ;
    return wanted;
}

static bool tls_has_pending(const struct stream *s)
{
    return SSL_pending(session_of(s)->ssl) > 0;
}

static void tls_end_writing(struct stream *s)
{
    ERR_clear_error();
    (void)SSL_shutdown(session_of(s)->ssl); /* the alert; a full pipe loses only that */
}

static void tls_close(struct stream *s)
{
    struct tls_session *t = session_of(s);
    SSL_free(t->ssl);
    mem_free(t);
    s->transport = NULL;
    (void)close(s->watch.fd);
    s->watch.fd = -1;
}

static void tls_address(const struct stream *s, char *out)
{
    stream_tcp_address(s->watch.fd, out);
}

static const struct stream_ops tls_ops = {
    .read = tls_read,
    .writev = tls_writev,
    .interest = tls_interest,
    .has_pending = tls_has_pending,
    .end_writing = tls_end_writing,
    .close = tls_close,
    .address = tls_address,
    .is_secure = true,
};

belfry_err tls_session_start(struct stream *s, struct loop *loop, int fd, SSL *ssl,
                             BIO_METHOD *socket)
{
    *s = (struct stream){ .watch = { .fd = fd }, .loop = loop };
    struct tls_session *t = ssl != NULL ? mem_alloc_zeroed(sizeof *t) : NULL;
    BIO *bio = t != NULL ? BIO_new(socket) : NULL;
    if (bio == NULL) {
        SSL_free(ssl);
        mem_free(t);
        (void)close(fd);
        return BELFRY_ERR_NOMEM;
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    t->ssl = ssl;
    s->transport = t;
    s->ops = &tls_ops;
    return BELFRY_OK;
}

SSL *tls_session_ssl(const struct stream *s)
{
    return session_of(s)->ssl;
}

belfry_err stream_tls_init(struct stream *s, struct loop *loop, int fd, struct tls_context *context)
{
    SSL *ssl = SSL_new(context->ssl);
    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    return tls_session_start(s, loop, fd, ssl, context->socket);
}
