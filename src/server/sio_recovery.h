/*
 * sio_recovery.h - sockets that lost their connection and may come back (socketio.md 10).
 *
 *   end of a socket --save--> [by private id, with rooms and data] --take--> it is back
 *                                        `--window over--> expired
 *
 * What it missed is not kept here: the namespace's log has it. Taking is atomic: a session comes
 * back once. An id says which worker its socket is on; who comes back elsewhere is listed in
 * @moved, for as long as it lives.
 *
 * Thread: any.
 */
#ifndef SERVER_SIO_RECOVERY_H
#define SERVER_SIO_RECOVERY_H

#include "server/sio_sock.h"

struct sio_recovery; /* of one namespace */

struct sio_saved {
    struct map_node by_pid;
    struct sio_saved *older;
    struct sio_saved *newer;
    uint64_t expires_ms; /* of the clock that does not jump */
    char pid[PUBLIC_ID_SIZE + 1];
    char id[PUBLIC_ID_SIZE + 1];
    void *data;
    char *user;
    char *shared; /* belfry_share */
    uint32_t room_count;
    belfry_bytes rooms[]; /* their names lie behind */
};

struct sio_recovery *sio_recovery_new(struct belfry_nsp *nsp);
struct sio_recovery *sio_recovery_free(struct sio_recovery *recovery); /* returns NULL */

/* Notes @sock's id and rooms, while it is in them. NULL: no memory, or it missed something already
 * and cannot come back. */
struct sio_saved *sio_recovery_prepare(struct sio_sock *sock);

/* Behind its last callback: takes its data and user, and lets it come back. */
void sio_recovery_save(struct sio_sock *sock, struct sio_saved *saved);

/* The way back failed with its connection: it may try again. */
void sio_recovery_keep(struct belfry_nsp *nsp, struct sio_saved *saved);

/* Who went with @pid, if it may still come back. Owns: the caller. */
struct sio_saved *sio_recovery_take(struct belfry_nsp *nsp, belfry_bytes pid, uint64_t now_ms);

/* It has come back: frees what is left. */
void sio_saved_free(struct sio_saved *saved);

/* It has not, and will not: the application hears of it, and frees its data. */
void sio_saved_expire(struct belfry_nsp *nsp, struct sio_saved *saved);

/* How long one may stay away. */
uint32_t sio_recovery_window_ms(const struct belfry_nsp *nsp);

/* How many may come back. */
uint32_t sio_recovery_count(struct sio_recovery *recovery);

/* Lets go of those whose window is over; on worker 0, now and then. */
void sio_recovery_expire(struct belfry_nsp *nsp, uint64_t now_ms);

/* --- ids that live on another worker than they name ------------------------------------------*/

struct moved_ids;

struct moved_ids *moved_ids_new(void);
struct moved_ids *moved_ids_free(struct moved_ids *moved);
/* Errors: NOMEM. */
BELFRY_NODISCARD belfry_err moved_ids_add(struct belfry *server, belfry_bytes id, unsigned worker);
void moved_ids_remove(struct belfry *server, belfry_bytes id);
/* The worker of @id, or -1: the one that it names. */
int moved_ids_find(const struct belfry *server, belfry_bytes id);

#endif
