/*
 * options.h - the command line of `belfry bench`.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <sys/types.h>

#include "base/defs.h"

enum bench_mode { BENCH_ECHO, BENCH_FANOUT, BENCH_CONNECT, BENCH_IDLE };

enum { BENCH_MAX_MARKS = 8, BENCH_MAX_ROOM_BYTES = 256 };

struct bench_options {
    enum bench_mode mode;
    const char *url;
    uint32_t connections;
    uint32_t message_bytes;
    uint32_t depth;   /* messages in flight: of each connection (echo), of each sender (fan-out) */
    uint32_t senders; /* fan-out: the first so many members */
    uint32_t duration_ms;
    uint32_t warmup_ms;
    uint32_t timeout_ms; /* longest wait without progress */
    uint32_t rate;       /* connections opened per second; 0: as fast as 128 at a time allow */
    uint32_t sources;    /* 127.0.0.1 to 127.0.0.N as source addresses; 0: as many as needed */
    uint32_t settle_ms;  /* idle: quiet time before memory is read */
    uint32_t marks[BENCH_MAX_MARKS]; /* idle: connections at which memory is read, ascending */
    uint32_t mark_count;
    pid_t pid; /* the server's; 0: not given */
    const char *room;
    bool is_binary;
    bool is_raw;      /* echo: plain TCP, for the floor */
    bool is_plain;    /* fan-out: no room protocol; any frame is a copy */
    bool is_socketio; /* Socket.IO 5 over Engine.IO 4, and its default application's rooms */
    bool is_upgraded; /* Socket.IO: sessions begin by polling */
    bool wants_acks;  /* Socket.IO echo: an ack instead of an event */
    bool wants_json;
    bool may_leave_loopback;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

/* Reads `bench MODE [URL] [options]`. On OPTIONS_WRONG the reason has been printed.
 * Owns: @out_options borrows from @argv. */
enum options_verdict options_parse(int argc, char **argv, struct bench_options *out_options);

void options_print_help(void);

#endif
