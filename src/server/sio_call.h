/*
 * sio_call.h - events that ask for answers: who was asked, what came, when to stop waiting.
 *
 *   belfry_call --> message with an ack id --> every member it reaches: a wait on its socket
 *                                                       |
 *   home worker: call <-- how many were asked, from each worker
 *                     <-- each answer, or that its socket has gone
 *                 `--> all here, or time is up: on_reply
 *
 *                     <-- the same from the other servers of a cluster
 *
 * Workers know a call by its number, never by a pointer: late answers find nobody.
 */
#ifndef SERVER_SIO_CALL_H
#define SERVER_SIO_CALL_H

#include "hub/message.h"
#include "server/sio_sock.h"

struct sio_calls; /* of one worker: those that wait here */

struct sio_calls *sio_calls_new(struct worker *worker);
/* The server stops: whoever waits is told now. NULL is fine. */
void sio_calls_finish(struct sio_calls *calls);
struct sio_calls *sio_calls_free(struct sio_calls *calls); /* NULL is fine; returns NULL */

/* Somebody elsewhere asks: what becomes of it, on the home worker. asked comes once, before any
 * answer; end is the last. */
struct sio_call_watch {
    void (*asked)(unsigned count, void *user);
    void (*answered)(const struct belfry_msg *msg, void *user);
    void (*end)(void *user);
};

/* Calls those of this server that @spec reaches, on behalf of another one. Errors: NOMEM, GONE: the
 * watch hears nothing. */
BELFRY_NODISCARD belfry_err sio_call_for(struct worker *home, struct belfry_nsp *nsp,
                                         struct message_spec *spec, uint32_t timeout_ms,
                                         const struct sio_call_watch *watch, void *user);

/* @sock is handed a message that asks for an answer. False: no memory, it is not asked. */
bool sio_call_ask(struct sio_sock *sock, const struct message *m);

/* An answer came. Unknown ids are ignored. */
void sio_call_answer(struct sio_sock *sock, const struct sio_packet *packet);

/* @sock goes: whoever waits for it is told. */
void sio_call_forget(struct sio_sock *sock);

#endif
