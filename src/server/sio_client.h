/*
 * sio_client.h - Socket.IO above an Engine.IO session: packets in, sockets in namespaces.
 *
 * Packets are handled strictly in order. One that makes no sense where it comes ends the connection
 * (socketio.md 2.4).
 */
#ifndef SERVER_SIO_CLIENT_H
#define SERVER_SIO_CLIENT_H

#include "server/eio_session.h"

/* An Engine.IO message came. */
void sio_client_message(struct eio_session *s, bool is_binary, belfry_bytes data);

/* A client of revision 3 is in "/" from the start. */
void sio_client_join_root(struct eio_session *s);

/* Every socket of @s ends. */
void sio_client_end(struct eio_session *s, const char *reason, const char *description);

/* A packet or a state that the protocol does not allow. */
void sio_client_fail(struct eio_session *s, const char *why);

/* Goes on with the middlewares of @sock. */
void sio_connect_go_on(struct sio_sock *sock);

/* What @sock comes back to is known: @saved, NULL: it is new. Owns: takes @saved. */
struct sio_saved;
void sio_connect_as(struct sio_sock *sock, struct sio_saved *saved, struct message_id since);

/* Its client is told that it is refused; the connection stays. @data: JSON or NULL. */
void sio_connect_refuse(struct sio_sock *sock, const char *message, const char *data);

#endif
