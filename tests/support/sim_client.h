/*
 * sim_client.h - a client in memory: the opening handshake, WebSocket, JSON of the room protocol.
 *
 *     struct sim_client *c = sim_client_new(&world, &(struct sim_client_how){ .worker = 1 });
 *     sim_client_say(c, "{\"type\":\"join\",\"room\":\"%s\"}", "general");
 *     sim_settle(&world);
 *     sim_client_free(c);         hangs up if need be
 *
 * Its decoder is the strict one of src/ws: a torn or doubled frame fails the test. It answers
 * pings and closes unless it is mute. With @on_message it speaks another protocol than rooms.
 */
#ifndef SUPPORT_SIM_CLIENT_H
#define SUPPORT_SIM_CLIENT_H

#include "support/sim_world.h"
#include "ws/decoder.h"
#include "ws/handshake.h"

enum sim_client_state {
    SIM_RAW,     /* bytes, no protocol; or it was refused */
    SIM_ASKING,  /* the handshake is under way */
    SIM_OPEN,    /* a WebSocket */
    SIM_CLOSING, /* a close frame went one way or both */
    SIM_ENDED,   /* nothing more will come */
};

/* One message of the room protocol; bytes that are not there are empty. Strings without quotes. */
struct sim_said {
    belfry_bytes type, room, id, from, user, text, event, user_id, code, ref, last, next;
    belfry_bytes history; /* JSON arrays */
    belfry_bytes members;
    belfry_bytes data; /* JSON */
    uint64_t member_count;
    bool has_gap;
};

struct sim_client;

struct sim_client_how {
    unsigned worker;
    const char *user; /* NULL: not named */
    bool is_raw;
    bool is_mute; /* answers neither pings nor closes */
    bool offers_deflate;
    bool may_be_cut;    /* the server may end it inside a frame: its memory is out */
    const char *target; /* NULL: "/ws" */
    void (*on_message)(struct sim_client *c, bool is_binary, belfry_bytes message, void *user_data);
    void (*on_state)(struct sim_client *c, void *user_data); /* open, refused (RAW) or ended */
    void (*on_said)(struct sim_client *c, const struct sim_said *said, void *user_data);
    void *user_data;
};

struct sim_client {
    struct sim_world *world;
    struct sim_link *link; /* NULL once it has ended */
    struct sim_client_how how;
    enum sim_client_state state;
    char key[WS_KEY_SIZE];
    struct buf inbox; /* what came before the WebSocket; of a raw client all */
    unsigned status;  /* of the handshake's response */
    struct ws_decoder decoder;
    uint16_t close_code; /* of the server's close frame; 0: none came */
    bool was_reset;
    unsigned ping_count;
    unsigned message_count;
    char id[PUBLIC_ID_SIZE + 1]; /* from the welcome */
};

struct sim_client *sim_client_new(struct sim_world *world, const struct sim_client_how *how);
void sim_client_free(struct sim_client *c);

/* JSON in a text frame. A second pair of hands may write before the handshake is answered: what
 * is said then is what a hasty client would send. */
void sim_client_say(struct sim_client *c, const char *format, ...) BELFRY_PRINTF(2, 3);

void sim_client_send_frame(struct sim_client *c, unsigned first, belfry_bytes payload);
void sim_client_send_raw(struct sim_client *c, belfry_bytes bytes);

void sim_client_close(struct sim_client *c, uint16_t code); /* politely */
void sim_client_hang_up(struct sim_client *c);              /* closes the socket */
void sim_client_reset(struct sim_client *c);

void sim_client_stall(struct sim_client *c, bool is_stalled);

static inline bool sim_client_is_open(const struct sim_client *c)
{
    return c->state == SIM_OPEN;
}

/* Reads @text into @said; false: it is not a JSON object. */
bool sim_said_read(struct sim_said *said, belfry_bytes text);

#endif
