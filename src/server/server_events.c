/*
 * server_events.c - events between the servers of a cluster: what is heard, and what is said.
 */
#include "server/server_events.h"

#include <jansson.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "server/node.h"
#include "server/sio_msg.h"
#include "socketio/args.h"

/* --- hearing ----------------------------------------------------------------------------------*/

belfry_err belfry_on_server(belfry_nsp *nsp, const char *event, belfry_server_handler handler,
                            void *user)
{
    if (nsp == NULL)
        return BELFRY_ERR_STATE; /* belfry_of has said why */
    if (atomic_load(&nsp->server->state) != SERVER_NEW)
        return server_why(BELFRY_ERR_STATE, "handlers are added before the server starts");
    belfry_bytes name = bytes_of_text(event);
    if (name.size == 0 || !utf8_is_valid(name) || handler == NULL)
        return server_why(BELFRY_ERR_INVALID, "an event has a name, in UTF-8, and a handler");
    struct server_handler *row = mem_alloc(sizeof *row + name.size);
    if (row == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory for a handler");
    *row = (struct server_handler){ .fn = handler, .user = user, .name_size = name.size };
    memcpy(row->name, name.data, name.size);
    struct server_handler **at = &nsp->handlers->server_events;
    while (*at != NULL)
        at = &(*at)->next;
    *at = row;
    return BELFRY_OK;
}

void server_handlers_free(struct nsp_handlers *handlers)
{
    while (handlers->server_events != NULL) {
        struct server_handler *row = handlers->server_events;
        handlers->server_events = row->next;
        mem_free(row);
    }
}

void server_event_dispatch(belfry_nsp *nsp, const struct note *note,
                           void (*answered)(belfry_bytes args, const belfry_bytes *parts,
                                            unsigned count, void *user),
                           void *user)
{
    struct belfry_msg msg = { .server = nsp->server,
                              .event = note->name,
                              .args = note->args,
                              .arg_count = sio_args_count(note->args),
                              .attachment_count = note->attachment_count,
                              .attachments = note->attachments,
                              .wants_ack = note->request_id.size > 0,
                              .answered = answered,
                              .answered_user = user };
    for (const struct server_handler *h = nsp->handlers->server_events; h != NULL; h = h->next) {
        if (bytes_equal(bytes_of(h->name, h->name_size), note->name))
            h->fn(nsp, &msg, h->user);
    }
    belfry_msg_deinit(&msg);
}

/* --- saying -----------------------------------------------------------------------------------*/

static belfry_err check(belfry_nsp *nsp, const char *event)
{
    if (nsp == NULL)
        return BELFRY_ERR_STATE; /* belfry_of has said why */
    if (nsp->hub == NULL)
        return server_why(BELFRY_ERR_STATE, "a parent is not a namespace of its own");
    belfry_bytes name = bytes_of_text(event);
    if (name.size == 0 || !utf8_is_valid(name))
        return server_why(BELFRY_ERR_INVALID, "an event has a name, in UTF-8");
    return BELFRY_OK;
}

static struct note note_of(const belfry_nsp *nsp, const char *event, belfry_bytes args)
{
    return (struct note){
        .type = NOTE_SERVER_EMIT, .nsp = nsp_name(nsp), .name = bytes_of_text(event), .args = args
    };
}

belfry_err belfry_server_emit_raw(belfry_nsp *nsp, const char *event, const char *json, size_t size)
{
    uint32_t count;
    belfry_err err = check(nsp, event);
    if (err == BELFRY_OK)
        err = msg_check_args(bytes_of(json, size), &count);
    if (err != BELFRY_OK || nsp->server->node == NULL)
        return err; /* alone, there is nobody to hear it */
    struct note note = note_of(nsp, event, bytes_of(json, size));
    return node_say_note(nsp->server, &note);
}

belfry_err belfry_server_emit(belfry_nsp *nsp, const char *event, const char *format, ...)
{
    struct buf args = { 0 };
    va_list list;
    va_start(list, format);
    belfry_err err = msg_pack_args(&args, format, list);
    va_end(list);
    if (err == BELFRY_OK)
        err = belfry_server_emit_raw(nsp, event, (const char *)args.data, args.size);
    buf_deinit(&args);
    return err;
}

/* --- asking -----------------------------------------------------------------------------------*/

/* What came, until all have answered. */
struct server_call {
    struct job job; /* the end, on the worker that asked */
    belfry *server;
    struct worker *home;
    belfry_reply_handler on_reply;
    void *user;
    unsigned asked;
    unsigned count;
    unsigned capacity;
    bool has_failed;
    belfry_err err;
    belfry_msg **replies; /* each with its texts behind it */
};

static void run_end(struct worker *worker, struct job *job)
{
    struct server_call *call = BELFRY_CONTAINER_OF(job, struct server_call, job);
    (void)worker;
    call->on_reply(call->err, call->replies, call->count, BELFRY_MAX(call->asked, call->count),
                   call->user);
    for (unsigned i = 0; i < call->count; i++) {
        belfry_msg_deinit(call->replies[i]);
        mem_free(call->replies[i]);
    }
    mem_free(call->replies);
    mem_free(call);
}

static void keep_answer(struct server_call *call, const struct note *note)
{
    belfry_msg *msg = NULL;
    if (call->count == call->capacity) {
        unsigned capacity = BELFRY_MAX(call->capacity * 2, 8u);
        belfry_msg **replies = mem_realloc(call->replies, capacity * sizeof *replies);
        if (replies != NULL) {
            call->replies = replies;
            call->capacity = capacity;
        }
    }
    if (call->count < call->capacity)
        msg = msg_copy(call->server, note->args, 1, note->attachments, note->attachment_count);
    if (msg == NULL)
        call->has_failed = true;
    else
        call->replies[call->count++] = msg;
}

static void heard(struct cluster_ask *ask, enum cluster_heard what, unsigned count,
                  const struct note *note, void *user)
{
    struct server_call *call = user;
    (void)ask;
    switch (what) {
    case CLUSTER_NODES:
        call->asked = count;
        return;
    case CLUSTER_ANSWER:
        keep_answer(call, note);
        return;
    case CLUSTER_DONE:
        call->err = call->has_failed ? BELFRY_ERR_NOMEM : BELFRY_OK;
        break;
    case CLUSTER_PARTIAL:
        call->err = BELFRY_ERR_PARTIAL;
        break;
    }
    call->job.run = run_end;
    belfry_err err = worker_post(call->home, &call->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

belfry_err belfry_server_call_raw(belfry_nsp *nsp, uint32_t timeout_ms,
                                  belfry_reply_handler on_reply, void *user, const char *event,
                                  const char *json, size_t size)
{
    uint32_t count;
    if (on_reply == NULL)
        return server_why(BELFRY_ERR_INVALID, "on_reply is missing: see belfry_server_emit");
    belfry_err err = check(nsp, event);
    if (err == BELFRY_OK)
        err = msg_check_args(bytes_of(json, size), &count);
    if (err != BELFRY_OK)
        return err;
    struct belfry *server = nsp->server;
    struct worker *own = worker_current_of(server);
    struct server_call *call = mem_alloc_zeroed(sizeof *call);
    if (call == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    call->server = server;
    call->home = own != NULL ? own : &server->workers[0];
    call->on_reply = on_reply;
    call->user = user;
    struct note note = note_of(nsp, event, bytes_of(json, size));
    if (server->node == NULL)
        heard(NULL, CLUSTER_DONE, 0, NULL, call);
    else
        err = node_ask(server, &note, timeout_ms, heard, call);
    if (err != BELFRY_OK)
        mem_free(call);
    return err;
}

belfry_err belfry_server_call(belfry_nsp *nsp, uint32_t timeout_ms, belfry_reply_handler on_reply,
                              void *user, const char *event, const char *format, ...)
{
    struct buf args = { 0 };
    va_list list;
    va_start(list, format);
    belfry_err err = msg_pack_args(&args, format, list);
    va_end(list);
    if (err == BELFRY_OK)
        err = belfry_server_call_raw(nsp, timeout_ms, on_reply, user, event,
                                     (const char *)args.data, args.size);
    buf_deinit(&args);
    return err;
}
