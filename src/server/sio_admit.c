/*
 * sio_admit.c - what middlewares say of a socket that wants in, now or later.
 */
#include "base/alloc.h"
#include "server/server.h"
#include "server/sio_client.h"
#include "server/sio_msg.h"
#include "socketio/args.h"

/* Data as one JSON value: several are an array. NULL @format: none. */
static belfry_err pack_data(char **out, const char *format, va_list args)
{
    struct buf text = { 0 };
    *out = NULL;
    if (format == NULL)
        return BELFRY_OK;
    belfry_err err = msg_pack_args(&text, format, args);
    if (err == BELFRY_OK && text.size > 0) {
        bool is_list = sio_args_count(buf_bytes(&text)) > 1;
        struct buf data = { 0 };
        buf_printf(&data, is_list ? "[%.*s]" : "%.*s", (int)text.size, (const char *)text.data);
        *out = buf_failed(&data) ? NULL : mem_dup_bytes(buf_bytes(&data));
        if (*out == NULL)
            err = server_outcome(BELFRY_ERR_NOMEM);
        buf_deinit(&data);
    }
    buf_deinit(&text);
    return err;
}

static void set_refusal(struct sio_admission *a, const char *message, char *data)
{
    mem_free(a->message);
    mem_free(a->data);
    a->message = mem_dup_text(message);
    a->data = data;
}

belfry_err belfry_refuse(belfry_sock *sock, const char *message, const char *format, ...)
{
    char *data;
    va_list args;
    if (!sock_is_sio(sock) || sio_of_sock(sock)->admission == NULL)
        return server_why(BELFRY_ERR_STATE, "only a socket that is connecting can be refused");
    va_start(args, format);
    belfry_err err = pack_data(&data, format, args);
    va_end(args);
    set_refusal(sio_of_sock(sock)->admission, message, data);
    return err != BELFRY_OK ? err : BELFRY_ERR_STATE;
}

/* --- later ------------------------------------------------------------------------------------*/

struct verdict {
    struct job job;
    belfry_id id;
    bool is_accepted;
    char *message;
    char *data;
};

static void free_verdict(struct verdict *v)
{
    mem_free(v->message);
    mem_free(v->data);
    mem_free(v);
}

static void run_verdict(struct worker *worker, struct job *job)
{
    struct verdict *v = BELFRY_CONTAINER_OF(job, struct verdict, job);
    belfry_sock *found = slots_find(&worker->slots, v->id);
    struct sio_sock *sock = found != NULL && sock_is_sio(found) ? sio_of_sock(found) : NULL;
    if (sock != NULL && sock->phase == SIO_CONNECTING && sock->admission->is_later) {
        sock_catch_up(found);
        sock->admission->is_later = false;
        if (v->is_accepted)
            sio_connect_go_on(sock);
        else
            sio_connect_refuse(sock, v->message, v->data);
    }
    free_verdict(v);
}

static belfry_err post_verdict(belfry *server, struct verdict *v)
{
    struct worker *worker = sock_owner_of(server, v->id);
    belfry_err err = worker == NULL
                         ? server_outcome(BELFRY_ERR_GONE)
                         : worker_post(worker, &v->job, worker_current_of(server) == NULL);
    if (err != BELFRY_OK)
        free_verdict(v);
    return err;
}

static struct verdict *new_verdict(belfry_id id, bool is_accepted)
{
    struct verdict *v = mem_alloc_zeroed(sizeof *v);
    if (v == NULL) {
        (void)server_outcome(BELFRY_ERR_NOMEM);
        return NULL;
    }
    v->job.run = run_verdict;
    v->id = id;
    v->is_accepted = is_accepted;
    return v;
}

belfry_err belfry_accept(belfry *server, belfry_id id)
{
    struct verdict *v = new_verdict(id, true);
    return v == NULL ? BELFRY_ERR_NOMEM : post_verdict(server, v);
}

belfry_err belfry_reject(belfry *server, belfry_id id, const char *message, const char *format, ...)
{
    struct verdict *v = new_verdict(id, false);
    va_list args;
    if (v == NULL)
        return BELFRY_ERR_NOMEM;
    va_start(args, format);
    belfry_err err = pack_data(&v->data, format, args);
    va_end(args);
    v->message = mem_dup_text(message);
    if (err == BELFRY_OK && v->message == NULL)
        err = server_outcome(BELFRY_ERR_NOMEM);
    if (err == BELFRY_OK)
        return post_verdict(server, v);
    free_verdict(v);
    return err;
}
