/*
 * options.c - one table says which options exist; the help text below says what they mean.
 *
 * Numbers are checked against the bounds of their row, so every run is bounded in time and count.
 */
#include "bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"

#define MAX_SECONDS 3600

static const char help[] =
    "Usage: belfry bench echo|fanout|connect|idle [URL] [options]\n"
    "\n"
    "Drives a WebSocket or Socket.IO server and reports messages per second, latency, and, given\n"
    "the server's pid, the CPU time it spent per million messages. Loopback targets only, unless\n"
    "told otherwise.\n"
    "\n"
    "Modes, and their default URL at ws://127.0.0.1:3001 (/socket.io/ with --socketio)\n"
    "  echo     every connection sends a batch of -k messages in one write, waits until all of\n"
    "           them came back, and sends the next                                  (/echo)\n"
    "  fanout   -c members join one room; each of the --senders first members sends a batch of\n"
    "           -k messages in one write; the next round starts when every member has every\n"
    "           copy                                                                (/ws)\n"
    "  connect  opens and closes connections, -c at a time                          (/ws)\n"
    "  idle     opens -c connections and holds them; with --pid, memory per further connection\n"
    "                                                                               (/ws)\n"
    "\n"
    "Load\n"
    "  -c, --connections N   connections, or members of the room\n"
    "                                            (16; fanout 100; connect 64; idle 1000)\n"
    "  -s, --size BYTES      payload of an echoed message, or text of a room message (20; 100)\n"
    "  -k, --depth N         messages in flight per connection, or per sender        (1)\n"
    "  -d, --duration SEC    time to measure, or to hold idle connections            (5; idle 2)\n"
    "      --warmup SEC      time to run before measuring                            (0.5)\n"
    "      --binary          echo: binary messages instead of text\n"
    "      --senders N       fanout: how many members send                           (1)\n"
    "      --room NAME       fanout: the room to join                                (bench-PID)\n"
    "      --plain           fanout: no room protocol; the server repeats every message to all\n"
    "      --raw             echo: no handshake; a TCP server that returns the bytes it gets\n"
    "\n"
    "Socket.IO\n"
    "      --socketio        Socket.IO, over WebSocket from the start; echo sends and expects\n"
    "                        the event \"echo\", fanout join-room, send-message and new-message\n"
    "      --ack             echo: the event \"ack\", whose ack returns the payload\n"
    "      --upgrade         sessions begin by polling, and upgrade before they are used\n"
    "\n"
    "Connecting\n"
    "      --rate N          connections to open per second at most     (0: 128 at a time)\n"
    "      --sources N       use the source addresses 127.0.0.1 to 127.0.0.N (0: as needed)\n"
    "      --timeout SEC     give up after this long without progress                (30)\n"
    "      --allow-remote    allow a target that is not on this machine; only use it on your own\n"
    "\n"
    "Reporting\n"
    "      --pid PID         the server's process: CPU of all its threads, resident memory\n"
    "      --marks N,N,...   idle: connections at which memory is read               (-c/2 and "
    "-c)\n"
    "      --settle SEC      idle: quiet time before memory is read                  (1)\n"
    "      --json            one JSON object on stdout instead of text\n"
    "      --help            this text\n"
    "\n"
    "Example: belfry serve --demo & belfry bench fanout -c 1000 -k 16 --pid $!\n";

enum option_id {
    OPTION_CONNECTIONS = 'c',
    OPTION_SIZE = 's',
    OPTION_DEPTH = 'k',
    OPTION_DURATION = 'd',
    OPTION_HELP = 'h',
    OPTION_WARMUP = 256,
    OPTION_BINARY,
    OPTION_SENDERS,
    OPTION_ROOM,
    OPTION_PLAIN,
    OPTION_RAW,
    OPTION_SOCKETIO,
    OPTION_ACK,
    OPTION_UPGRADE,
    OPTION_RATE,
    OPTION_SOURCES,
    OPTION_TIMEOUT,
    OPTION_ALLOW_REMOTE,
    OPTION_PID,
    OPTION_MARKS,
    OPTION_SETTLE,
    OPTION_JSON,
};

static const struct option long_options[] = {
    { "connections", required_argument, NULL, OPTION_CONNECTIONS },
    { "size", required_argument, NULL, OPTION_SIZE },
    { "depth", required_argument, NULL, OPTION_DEPTH },
    { "duration", required_argument, NULL, OPTION_DURATION },
    { "warmup", required_argument, NULL, OPTION_WARMUP },
    { "binary", no_argument, NULL, OPTION_BINARY },
    { "senders", required_argument, NULL, OPTION_SENDERS },
    { "room", required_argument, NULL, OPTION_ROOM },
    { "plain", no_argument, NULL, OPTION_PLAIN },
    { "raw", no_argument, NULL, OPTION_RAW },
    { "socketio", no_argument, NULL, OPTION_SOCKETIO },
    { "ack", no_argument, NULL, OPTION_ACK },
    { "upgrade", no_argument, NULL, OPTION_UPGRADE },
    { "rate", required_argument, NULL, OPTION_RATE },
    { "sources", required_argument, NULL, OPTION_SOURCES },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "allow-remote", no_argument, NULL, OPTION_ALLOW_REMOTE },
    { "pid", required_argument, NULL, OPTION_PID },
    { "marks", required_argument, NULL, OPTION_MARKS },
    { "settle", required_argument, NULL, OPTION_SETTLE },
    { "json", no_argument, NULL, OPTION_JSON },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

static bool parse_count(const char *name, const char *text, uint32_t min, uint32_t max,
                        uint32_t *out_count)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    if (!is_number || number < min || number > max)
        return bench_complain("%s wants a number from %u to %u, not \"%s\"", name, min, max, text);
    *out_count = (uint32_t)number;
    return true;
}

static bool parse_seconds(const char *name, const char *text, uint32_t *out_ms)
{
    char *end;
    double seconds = strtod(text, &end);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0';
    if (!is_number || !(seconds <= MAX_SECONDS))
        return bench_complain("%s wants seconds from 0 to %d (0.5 is fine), not \"%s\"", name,
                              MAX_SECONDS, text);
    *out_ms = (uint32_t)(seconds * 1000);
    return true;
}

static bool parse_marks(const char *text, struct bench_options *o)
{
    const char *at = text;
    uint32_t previous = 0;
    o->mark_count = 0;
    for (;;) {
        char *end;
        unsigned long mark = strtoul(at, &end, 10);
        bool is_good = *at >= '0' && *at <= '9' && mark > previous && mark <= 1000000 &&
                       o->mark_count < BENCH_MAX_MARKS && (*end == ',' || *end == '\0');
        if (!is_good)
            return bench_complain("--marks wants up to %d ascending numbers of connections, "
                                  "like 8000,19000, not \"%s\"",
                                  BENCH_MAX_MARKS, text);
        o->marks[o->mark_count++] = previous = (uint32_t)mark;
        if (*end == '\0')
            return true;
        at = end + 1;
    }
}

/* The name travels inside a JSON string, and nobody needs to escape it. */
static bool parse_room(const char *text, struct bench_options *o)
{
    size_t size = strlen(text);
    bool is_plain = size > 0 && size <= BENCH_MAX_ROOM_BYTES;
    for (size_t i = 0; i < size; i++)
        is_plain = is_plain && text[i] > ' ' && text[i] < 0x7f && text[i] != '"' && text[i] != '\\';
    if (!is_plain)
        return bench_complain("--room wants 1 to %d ASCII characters without blanks, \" and \\",
                              BENCH_MAX_ROOM_BYTES);
    o->room = text;
    return true;
}

static bool parse_pid(const char *text, struct bench_options *o)
{
    uint32_t pid = 0;
    if (!parse_count("--pid", text, 1, INT32_MAX, &pid))
        return false;
    o->pid = (pid_t)pid;
    return true;
}

static bool turn_on(bool *flag)
{
    *flag = true;
    return true;
}

static bool apply(struct bench_options *o, enum option_id id, const char *text)
{
    switch (id) {
    case OPTION_CONNECTIONS:
        return parse_count("-c", text, 1, 1000000, &o->connections);
    case OPTION_SIZE:
        return parse_count("-s", text, 0, 16u << 20, &o->message_bytes);
    case OPTION_DEPTH:
        return parse_count("-k", text, 1, 65536, &o->depth);
    case OPTION_DURATION:
        return parse_seconds("-d", text, &o->duration_ms);
    case OPTION_WARMUP:
        return parse_seconds("--warmup", text, &o->warmup_ms);
    case OPTION_BINARY:
        return turn_on(&o->is_binary);
    case OPTION_SENDERS:
        return parse_count("--senders", text, 1, 65536, &o->senders);
    case OPTION_ROOM:
        return parse_room(text, o);
    case OPTION_PLAIN:
        return turn_on(&o->is_plain);
    case OPTION_RAW:
        return turn_on(&o->is_raw);
    case OPTION_SOCKETIO:
        return turn_on(&o->is_socketio);
    case OPTION_ACK:
        return turn_on(&o->wants_acks);
    case OPTION_UPGRADE:
        return turn_on(&o->is_upgraded);
    case OPTION_RATE:
        return parse_count("--rate", text, 0, 1000000, &o->rate);
    case OPTION_SOURCES:
        return parse_count("--sources", text, 0, 250, &o->sources);
    case OPTION_TIMEOUT:
        return parse_seconds("--timeout", text, &o->timeout_ms);
    case OPTION_ALLOW_REMOTE:
        return turn_on(&o->may_leave_loopback);
    case OPTION_PID:
        return parse_pid(text, o);
    case OPTION_MARKS:
        return parse_marks(text, o);
    case OPTION_SETTLE:
        return parse_seconds("--settle", text, &o->settle_ms);
    case OPTION_JSON:
        return turn_on(&o->wants_json);
    case OPTION_HELP:
        break;
    }
    BELFRY_UNREACHABLE("--help is answered before");
}

static bool set_defaults(const char *mode, struct bench_options *o)
{
    static char room[32];
    (void)snprintf(room, sizeof room, "bench-%d", (int)getpid());
    *o = (struct bench_options){
        .depth = 1,
        .senders = 1,
        .duration_ms = 5000,
        .warmup_ms = 500,
        .timeout_ms = 30000,
        .settle_ms = 1000,
        .room = room,
    };
    if (strcmp(mode, "echo") == 0) {
        o->mode = BENCH_ECHO;
        o->connections = 16;
        o->message_bytes = 20;
    } else if (strcmp(mode, "fanout") == 0) {
        o->mode = BENCH_FANOUT;
        o->connections = 100;
        o->message_bytes = 100;
    } else if (strcmp(mode, "connect") == 0) {
        o->mode = BENCH_CONNECT;
        o->connections = 64;
    } else if (strcmp(mode, "idle") == 0) {
        o->mode = BENCH_IDLE;
        o->connections = 1000;
        o->duration_ms = 2000;
    } else {
        return bench_complain("the mode is echo, fanout, connect or idle, not \"%s\"; see --help",
                              mode);
    }
    return true;
}

static bool check_protocol(const struct bench_options *o)
{
    if (o->is_raw && o->mode != BENCH_ECHO)
        return bench_complain("--raw is for echo only");
    if (o->is_plain && o->mode != BENCH_FANOUT)
        return bench_complain("--plain is for fanout only");
    if (o->wants_acks && (o->mode != BENCH_ECHO || !o->is_socketio))
        return bench_complain("--ack is for echo with --socketio only");
    if (o->is_upgraded && !o->is_socketio)
        return bench_complain("--upgrade needs --socketio: only its sessions begin by polling");
    if (o->is_socketio && (o->is_raw || o->is_plain || o->is_binary))
        return bench_complain("--socketio excludes --raw, --plain and --binary");
    return true;
}

/* What no single option can see. */
static bool check_together(struct bench_options *o)
{
    if (o->mode == BENCH_ECHO && o->message_bytes == 0)
        return bench_complain("echo wants at least one byte: give -s 1 or more");
    if ((uint64_t)o->message_bytes * o->depth > 256u << 20)
        return bench_complain("-s times -k is above 256 MiB: lower one of them");
    if (o->mode == BENCH_FANOUT && o->senders > o->connections)
        return bench_complain("--senders is above the %u members: raise -c", o->connections);
    if (o->mark_count == 0) {
        o->marks[o->mark_count++] = BELFRY_MAX(o->connections / 2, 1u);
        if (o->connections > 1)
            o->marks[o->mark_count++] = o->connections;
    }
    if (o->mode == BENCH_IDLE)
        o->connections = BELFRY_MAX(o->connections, o->marks[o->mark_count - 1]);
    return true;
}

/* The options after the mode; on OPTIONS_RUN @optind is at the first word that is none. */
static enum options_verdict parse_options(int argc, char **argv, struct bench_options *o)
{
    optind = 2;
    for (;;) {
        int id = getopt_long(argc, argv, "c:s:k:d:h", long_options, NULL);
        if (id == -1)
            return OPTIONS_RUN;
        if (id == OPTION_HELP)
            return OPTIONS_HELP;
        if (id == '?') { /* getopt_long has said which */
            (void)bench_complain("belfry bench --help lists the options");
            return OPTIONS_WRONG;
        }
        if (!apply(o, (enum option_id)id, optarg))
            return OPTIONS_WRONG;
    }
}

static const char *default_url(const struct bench_options *o)
{
    if (o->is_socketio)
        return "ws://127.0.0.1:3001/socket.io/";
    return o->mode == BENCH_ECHO ? "ws://127.0.0.1:3001/echo" : "ws://127.0.0.1:3001/ws";
}

static bool parse_url(int argc, char **argv, struct bench_options *o)
{
    o->url = optind < argc ? argv[optind++] : default_url(o);
    return optind == argc || bench_complain("one URL is enough: what is \"%s\"?", argv[optind]);
}

enum options_verdict options_parse(int argc, char **argv, struct bench_options *out_options)
{
    struct bench_options o;
    const char *mode = argc < 2 ? "" : argv[1];
    if (strcmp(mode, "--help") == 0 || strcmp(mode, "-h") == 0)
        return OPTIONS_HELP;
    if (!set_defaults(mode, &o))
        return OPTIONS_WRONG;
    enum options_verdict verdict = parse_options(argc, argv, &o);
    if (verdict != OPTIONS_RUN)
        return verdict;
    if (!parse_url(argc, argv, &o) || !check_protocol(&o) || !check_together(&o))
        return OPTIONS_WRONG;
    *out_options = o;
    return OPTIONS_RUN;
}

void options_print_help(void)
{
    (void)fputs(help, stdout);
}
