/*
 * client_files.h - the client's script beside the endpoint: /socket.io/socket.io.min.js.
 *
 * Found in the npm package that the operator points at (option client_dir); nothing is bundled.
 */
#ifndef SERVER_CLIENT_FILES_H
#define SERVER_CLIENT_FILES_H

#include "server/eio_endpoint.h"
#include "server/exchange.h"

struct client_files; /* what a server keeps of them */

struct client_files *client_files_new(void);
struct client_files *client_files_free(struct client_files *files); /* NULL is fine; returns NULL */

/* Answers @x if it asks for a file of the client. False: it does not. */
bool client_files_reply(struct eio_endpoint *e, struct exchange *x);

#endif
