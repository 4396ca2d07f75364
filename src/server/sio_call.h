/*
 * sio_call.h - events that ask for answers: who was asked, what came, when to stop waiting.
 *
 *   belfry_call --> message with an ack id --> every member it reaches: a wait on its socket
 *                                                       |
 *   home worker: call <-- how many were asked, from each worker
 *                     <-- each answer, or that its socket has gone
 *                 `--> all here, or time is up: on_reply
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

/* @sock is handed a message that asks for an answer. False: no memory, it is not asked. */
bool sio_call_ask(struct sio_sock *sock, const struct message *m);

/* An answer came. Unknown ids are ignored. */
void sio_call_answer(struct sio_sock *sock, const struct sio_packet *packet);

/* @sock goes: whoever waits for it is told. */
void sio_call_forget(struct sio_sock *sock);

#endif
