/*
 * rooms_app.h - the default application, for those who hand requests in (docs/rooms.md).
 */
#ifndef SERVER_ROOMS_APP_H
#define SERVER_ROOMS_APP_H

#include "rooms/request.h"
#include "server/sock.h"

/* Does what @request wants, and answers it (sock_ops.reply). */
void rooms_app_handle(belfry_sock *sock, const struct rooms_request *request);

/* Answers with an error. */
void rooms_app_refuse(belfry_sock *sock, belfry_bytes ref, enum rooms_error error,
                      belfry_bytes reason);

/* Says what is in @spec (kind, name, args) to the room that @request means. */
void rooms_app_publish(belfry_sock *sock, const struct rooms_request *request,
                       struct message_spec *spec);

/* @sock has left @room as it ended. */
void rooms_app_on_leave(belfry_sock *sock, belfry_bytes room, uint32_t members);

bool rooms_app_may_be_user(const struct belfry *server, belfry_bytes name);

/* ?user= becomes the name of who asks. 0: fine, or there is none; else the status to refuse with.
 */
unsigned rooms_app_take_user(belfry_request *req);

#endif
