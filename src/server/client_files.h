/*
 * client_files.h - the client's script beside the endpoint: /socket.io/socket.io.min.js.
 *
 * Found in the npm package that the operator points at (option client_dir); nothing is bundled.
 */
#ifndef SERVER_CLIENT_FILES_H
#define SERVER_CLIENT_FILES_H

#include "server/eio_endpoint.h"
#include "server/exchange.h"

/* Answers @x if it asks for a file of the client. False: it does not. */
bool client_files_reply(struct eio_endpoint *e, struct exchange *x);

#endif
