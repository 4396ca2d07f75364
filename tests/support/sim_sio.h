/*
 * sim_sio.h - a Socket.IO client in memory, for one namespace; on sim_eio.
 *
 *     struct sim_sio *s = sim_sio_new(&world, &(struct sim_sio_how){ .on_event = ... });
 *     sim_sio_emit(s, "up", "%u", 1);          waits until it is connected
 *     sim_sio_reset(s);                        the connection is gone
 *     sim_sio_open(s);                         it comes back, with pid and offset if it has them
 *     sim_sio_free(s);                         neither this nor _open from a callback
 *
 * Events that ask for an answer are answered with their arguments. As the official client it
 * remembers the last string argument of each event as its offset, and a CONNECT answer with the pid
 * that it had means that it was recovered.
 */
#ifndef SUPPORT_SIM_SIO_H
#define SUPPORT_SIM_SIO_H

#include "socketio/decoder.h"
#include "support/sim_eio.h"

#define SIM_OFFSET_SIZE 96

struct sim_sio;

struct sim_sio_how {
    enum sim_eio_mode mode;
    uint32_t worker; /* as in sim_eio */
    const char *nsp; /* NULL: "/" */
    unsigned number; /* told in auth: {"n":...} */
    bool is_mute;
    bool is_deaf;
    bool may_be_cut;
    bool offers_deflate;
    void (*on_connect)(struct sim_sio *s, void *user);
    void (*on_event)(struct sim_sio *s, const struct sio_packet *packet, void *user);
    void (*on_ack)(struct sim_sio *s, const struct sio_packet *packet, void *user);
    void (*on_close)(struct sim_sio *s, void *user);
    void *user;
};

struct sim_sio {
    struct sim_world *world;
    struct sim_sio_how how;
    struct sim_eio *eio;
    struct sio_decoder decoder;
    bool is_connected;  /* to the namespace */
    bool was_recovered; /* by the last CONNECT */
    unsigned connects;
    unsigned refusals;    /* CONNECT_ERROR packets */
    unsigned disconnects; /* DISCONNECT packets */
    uint64_t last_ack;    /* the id that was asked for last */
    char sid[EIO_SID_SIZE + 1];
    char pid[EIO_SID_SIZE + 1];
    char offset[SIM_OFFSET_SIZE];
    struct buf waiting; /* texts of packets, before it is connected; a NUL after each */
};

struct sim_sio *sim_sio_new(struct sim_world *world, const struct sim_sio_how *how);
void sim_sio_free(struct sim_sio *s);

/* A new connection, instead of what is left of the last one. */
void sim_sio_open(struct sim_sio *s);

/* Without the memory of pid and offset. */
void sim_sio_forget(struct sim_sio *s);

/* Emits an event; @format: its arguments, JSON with commas between them; "" is none. */
void sim_sio_emit(struct sim_sio *s, const char *event, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/* The same, and asks for an answer. Returns its id. */
uint64_t sim_sio_ask(struct sim_sio *s, const char *event, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/* An event "blob" with @count parts, each of @size bytes; asks for an answer. */
uint64_t sim_sio_ask_binary(struct sim_sio *s, unsigned count, size_t size);

/* Any packet, now, without Engine.IO's 4. */
void sim_sio_say(struct sim_sio *s, const char *packet);

static inline void sim_sio_reset(struct sim_sio *s)
{
    sim_eio_reset(s->eio);
}

/* Event and first argument as a number; false: it is not called @event. */
bool sim_sio_number(const struct sio_packet *packet, const char *event, uint64_t *out);

/* The same of any argument. */
uint64_t sim_sio_arg(const struct sio_packet *packet, uint32_t index);

#endif
