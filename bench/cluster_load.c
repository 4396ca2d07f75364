/*
 * cluster_load.c - loads that need two servers, or Redis itself. Loopback, one thread.
 *
 *     cluster_load fanout --from PORT --to PORT
 *         A sender at one node, a room at the other: -k messages in flight. When the first member
 *         has got some, as many are sent.
 *     cluster_load rate --from PORT --to PORT
 *         So many messages a second, and how long each took.
 *     cluster_load rate --redis PORT
 *         The same by PUBLISH and SUBSCRIBE alone.
 *     cluster_load publish --redis PORT --channel NAME --rooms A,B
 *         Broadcasts of the classic adapter, -k in flight, at most --rate a second.
 *
 * Clients speak Socket.IO over WebSocket. Nothing is in flight when the clocks are read (-p PID, as
 * often as needed: CPU of a process). One JSON object on stdout.
 */
#include <getopt.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

static const char load_name[] = "cluster_load";
#include "load.h"

enum { BUFFER_BYTES = 256 * 1024, MAX_PIDS = 8, MAX_IN_FLIGHT = 1 << 16, PATIENCE_MS = 10000 };

static struct {
    unsigned from, to, redis, members, depth, size, rate, receivers;
    double seconds, warmup;
    const char *channel, *rooms;
    int pids[MAX_PIDS];
    unsigned pid_count;
} options = {
    .members = 100,
    .depth = 16,
    .size = 100,
    .rate = 2000,
    .seconds = 1,
    .warmup = 0.3,
    .channel = "socket.io#/#",
    .rooms = "",
};

struct clocks {
    uint64_t wall, own, of[MAX_PIDS];
};

static struct clocks read_clocks(void)
{
    struct clocks c = { .wall = now_ns(), .own = cpu_ns_of(getpid()) };
    for (unsigned i = 0; i < options.pid_count; i++)
        c.of[i] = cpu_ns_of(options.pids[i]);
    return c;
}

static void report(uint64_t messages, const struct clocks *begin, const char *more)
{
    struct clocks end = read_clocks();
    printf("{\"messages\":%" PRIu64 ",\"wall_s\":%.6f,\"own_cpu_s\":%.6f%s,\"cpu_s\":[", messages,
           (double)(end.wall - begin->wall) / 1e9, (double)(end.own - begin->own) / 1e9, more);
    for (unsigned i = 0; i < options.pid_count; i++)
        printf("%s%.6f", i > 0 ? "," : "", (double)(end.of[i] - begin->of[i]) / 1e9);
    printf("]}\n");
}

/* --- sockets -------------------------------------------------------------------------------- */

struct peer {
    int fd;
    size_t size; /* of what has come and is not read yet */
    uint64_t received;
    char *buffer;
};

static void connect_peer(struct peer *p, unsigned port)
{
    *p = (struct peer){ .fd = connect_to(port), .buffer = malloc(BUFFER_BYTES) };
    if (p->buffer == NULL)
        die("out of memory");
}

/* One read. False: there is nothing. */
static bool receive(struct peer *p, int flags)
{
    if (p->size == BUFFER_BYTES)
        die("a message is too large");
    ssize_t got = recv(p->fd, p->buffer + p->size, BUFFER_BYTES - p->size, flags);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        die("a connection has ended: %s", got == 0 ? "closed" : strerror(errno));
    p->size += (size_t)got;
    return true;
}

static void consume(struct peer *p, size_t size)
{
    memmove(p->buffer, p->buffer + size, p->size - size);
    p->size -= size;
}

static int new_epoll(struct peer *peers, unsigned count)
{
    int epoll = epoll_create1(0);
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &peers[i] };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i].fd, &event) != 0)
            die("epoll_ctl: %s", strerror(errno));
    }
    return epoll;
}

/* --- Socket.IO ------------------------------------------------------------------------------ */

static void send_text(const struct peer *p, const char *text)
{
    char frame[1024];
    send_all(p->fd, frame, put_frame(frame, text));
}

/* The next frame at @at; returns its end, or 0 while it is not whole. */
static size_t next_frame(const struct peer *p, size_t at, const char **out_text, size_t *out_size)
{
    const unsigned char *bytes = (const unsigned char *)p->buffer + at;
    size_t left = p->size - at, header = 2;
    if (left < 2)
        return 0;
    size_t size = bytes[1];
    if (size == 126 && left >= 4) {
        size = (size_t)bytes[2] << 8 | bytes[3];
        header = 4;
    } else if (size >= 126) {
        if (size == 127)
            die("a frame is too large");
        return 0;
    }
    if (left < header + size)
        return 0;
    if ((bytes[0] & 0x0f) == 8)
        die("the server closes a connection");
    *out_text = (const char *)bytes + header;
    *out_size = size;
    return at + header + size;
}

static bool begins_with(const char *text, size_t size, const char *prefix)
{
    size_t length = strlen(prefix);
    return size >= length && memcmp(text, prefix, length) == 0;
}

/* Reads what there is, answers pings, and returns how many messages of the room were in it. */
static unsigned receive_messages(struct peer *p)
{
    unsigned messages = 0;
    const char *text;
    size_t at = 0, size;
    if (!receive(p, MSG_DONTWAIT))
        return 0;
    for (size_t end; (end = next_frame(p, at, &text, &size)) != 0; at = end) {
        if (begins_with(text, size, "42[\"new-message\""))
            messages++;
        else if (size == 1 && text[0] == '2')
            send_text(p, "3");
    }
    consume(p, at);
    p->received += messages;
    return messages;
}

/* Waits for a packet that begins like this, and drops all up to it. */
static void await(struct peer *p, const char *prefix)
{
    for (;;) {
        const char *text;
        size_t size, end = next_frame(p, 0, &text, &size);
        if (end == 0) {
            (void)receive(p, 0);
            continue;
        }
        bool is_it = begins_with(text, size, prefix);
        if (begins_with(text, size, "44") || begins_with(text, size, "430[{\"error\""))
            die("refused: %.*s", (int)size, text);
        consume(p, end);
        if (is_it)
            return;
    }
}

static void open_session(struct peer *p, unsigned port)
{
    static const char request[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                                  "Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n";
    const char *end;
    connect_peer(p, port);
    send_all(p->fd, request, sizeof request - 1);
    do {
        (void)receive(p, 0);
        end = memmem(p->buffer, p->size, "\r\n\r\n", 4);
    } while (end == NULL);
    if (!begins_with(p->buffer, p->size, "HTTP/1.1 101 "))
        die("no WebSocket: %.*s", (int)p->size, p->buffer);
    consume(p, (size_t)(end + 4 - p->buffer));
    await(p, "0{");
    send_text(p, "40");
    await(p, "40{");
}

/* peers[0] is the sender, at one node; those behind it are members, at the other. It is in the room
 * too: Belfry's default application asks that of who speaks there. */
static struct peer *open_room(void)
{
    char join[100];
    struct peer *peers = calloc(options.members + 1, sizeof *peers);
    if (peers == NULL)
        die("out of memory");
    snprintf(join, sizeof join, "420[\"join-room\",\"bench-%d\"]", (int)getpid());
    for (unsigned i = 0; i <= options.members; i++) {
        open_session(&peers[i], i == 0 ? options.from : options.to);
        send_text(&peers[i], join);
        await(&peers[i], "430[");
    }
    return peers;
}

/* One message as a frame; returns its size. */
static size_t put_message(char *out)
{
    char text[2048], filler[1024];
    if (options.size >= sizeof filler)
        die("-s is less than %zu", sizeof filler);
    for (unsigned i = 0; i < options.size; i++)
        filler[i] = (char)('a' + i % 26);
    filler[options.size] = '\0';
    snprintf(text, sizeof text, "42[\"send-message\",{\"roomId\":\"bench-%d\",\"text\":\"%s\"}]",
             (int)getpid(), filler);
    return put_frame(out, text);
}

/* --- fanout --------------------------------------------------------------------------------- */

struct fanout {
    struct peer *peers;
    int epoll;
    char *batch;         /* -k frames */
    size_t message_size; /* of one */
    uint64_t sent, missing;
};

static void send_messages(struct fanout *f, unsigned count)
{
    f->sent += count;
    f->missing += (uint64_t)count * (options.members + 1);
    send_all(f->peers[0].fd, f->batch, count * f->message_size);
}

/* Until @stop_ns messages are replaced as they arrive; then those that are under way arrive. */
static void run_fanout(struct fanout *f, uint64_t stop_ns)
{
    struct epoll_event events[128];
    send_messages(f, options.depth);
    while (f->missing > 0) {
        int count = epoll_wait(f->epoll, events, 128, PATIENCE_MS);
        if (count <= 0)
            die("%" PRIu64 " copies of messages did not arrive", f->missing);
        bool is_over = now_ns() >= stop_ns;
        unsigned arrived = 0;
        for (int i = 0; i < count; i++) {
            struct peer *p = events[i].data.ptr;
            unsigned messages = receive_messages(p);
            f->missing -= messages;
            if (p == &f->peers[1])
                arrived = messages;
        }
        if (arrived > 0 && !is_over)
            send_messages(f, arrived);
    }
    for (unsigned i = 0; i <= options.members; i++) {
        if (f->peers[i].received != f->sent)
            die("member %u got %" PRIu64 " messages, not %" PRIu64, i, f->peers[i].received,
                f->sent);
    }
}

static uint64_t after(double seconds)
{
    return now_ns() + (uint64_t)(seconds * 1e9);
}

static void fanout(void)
{
    struct fanout f = { .peers = open_room(), .batch = malloc(options.depth * 2100) };
    f.epoll = new_epoll(f.peers, options.members + 1);
    f.message_size = put_message(f.batch);
    for (unsigned i = 1; i < options.depth; i++)
        memcpy(f.batch + i * f.message_size, f.batch, f.message_size);
    run_fanout(&f, after(options.warmup));
    uint64_t sent_before = f.sent;
    struct clocks begin = read_clocks();
    run_fanout(&f, after(options.seconds));
    report(f.sent - sent_before, &begin, "");
}

/* --- Redis ---------------------------------------------------------------------------------- */

static size_t put_command(char *out, unsigned count, const char *const *words, const size_t *sizes)
{
    size_t at = (size_t)sprintf(out, "*%u\r\n", count);
    for (unsigned i = 0; i < count; i++) {
        at += (size_t)sprintf(out + at, "$%zu\r\n", sizes[i]);
        memcpy(out + at, words[i], sizes[i]);
        memcpy(out + at + sizes[i], "\r\n", 2);
        at += sizes[i] + 2;
    }
    return at;
}

static size_t put_str(char *out, const char *text)
{
    size_t size = strlen(text);
    out[0] = (char)0xd9;
    out[1] = (char)size;
    memcpy(out + 2, text, size);
    return size + 2;
}

/* [uid, {type:2, data:["new-message", {from,text,timestamp,room}], nsp}, {rooms,except,flags}] */
static size_t put_broadcast(char *out)
{
    char text[256] = { 0 }, rooms[256];
    size_t at = 0;
    memset(text, 'a', options.size < 250 ? options.size : 250);
#define PUT(bytes) (memcpy(out + at, bytes, sizeof(bytes) - 1), at += sizeof(bytes) - 1)
#define PUT_STR(text) at += put_str(out + at, text)
    PUT("\x93");
    PUT_STR("abcdef");
    PUT("\x83");
    PUT_STR("type");
    PUT("\x02");
    PUT_STR("data");
    PUT("\x92");
    PUT_STR("new-message");
    PUT("\x84");
    PUT_STR("from");
    PUT_STR("AAAAAAAAAAAAAAAAAAAB");
    PUT_STR("text");
    PUT_STR(text);
    PUT_STR("timestamp");
    PUT("\xcf\x00\x00\x01\x9a\xbc\xde\xf0\x12");
    PUT_STR("room");
    PUT_STR("bench-x");
    PUT_STR("nsp");
    PUT_STR("/");
    PUT("\x83");
    PUT_STR("rooms");
    size_t count_at = at++;
    unsigned count = 0;
    snprintf(rooms, sizeof rooms, "%s", options.rooms);
    for (char *word = strtok(rooms, ","); word != NULL; word = strtok(NULL, ",")) {
        PUT_STR(word);
        count++;
    }
    out[count_at] = (char)(0x90 | count);
    PUT_STR("except");
    PUT("\x90");
    PUT_STR("flags");
    PUT("\x80");
    return at;
}

/* Reads answers ":N" until @missing have come; each must be the number of receivers. */
static void await_answers(struct peer *p, unsigned missing)
{
    while (missing > 0) {
        size_t at = 0;
        (void)receive(p, 0);
        for (const char *end; (end = memchr(p->buffer + at, '\n', p->size - at)) != NULL;) {
            if (p->buffer[at] != ':' || strtoul(p->buffer + at + 1, NULL, 10) != options.receivers)
                die("Redis said %.*s", (int)(end - p->buffer - (long)at), p->buffer + at);
            at = (size_t)(end + 1 - p->buffer);
            missing--;
        }
        consume(p, at);
    }
}

/* -k messages at a time, so that --rate is kept: who hears them must not fall behind, or Redis ends
 * its connection. */
static uint64_t run_publish(struct peer *p, const char *batch, size_t size, double seconds)
{
    uint64_t messages = 0, begin_ns = now_ns(), stop_ns = after(seconds), at_ns;
    while ((at_ns = now_ns()) < stop_ns) {
        uint64_t due_ns = begin_ns + messages * 1000000000u / options.rate;
        struct timespec rest = { .tv_nsec = (long)(due_ns > at_ns ? due_ns - at_ns : 0) };
        if (rest.tv_nsec > 0)
            nanosleep(&rest, NULL);
        send_all(p->fd, batch, size);
        await_answers(p, options.depth);
        messages += options.depth;
    }
    usleep(50000); /* who hears them has time to */
    return messages;
}

static void publish(void)
{
    struct peer p;
    char payload[2048], command[4096];
    const char *words[] = { "PUBLISH", options.channel, payload };
    size_t sizes[] = { 7, strlen(options.channel), put_broadcast(payload) };
    size_t size = put_command(command, 3, words, sizes);
    char *batch = malloc(size * options.depth);
    for (unsigned i = 0; batch != NULL && i < options.depth; i++)
        memcpy(batch + i * size, command, size);
    if (batch == NULL)
        die("out of memory");
    connect_peer(&p, options.redis);
    (void)run_publish(&p, batch, size * options.depth, options.warmup);
    struct clocks begin = read_clocks();
    uint64_t messages = run_publish(&p, batch, size * options.depth, options.seconds);
    report(messages, &begin, "");
}

/* --- rate ----------------------------------------------------------------------------------- */

struct rate {
    struct peer peers[2]; /* sender, receiver */
    char frame[4096];
    size_t frame_size;
    uint64_t sent_ns[MAX_IN_FLIGHT]; /* of message i at i % MAX_IN_FLIGHT */
    uint64_t sent, received, first_counted;
    uint64_t *latencies;
};

static void open_rate_at_nodes(struct rate *r)
{
    options.members = 1;
    struct peer *peers = open_room();
    memcpy(r->peers, peers, sizeof r->peers);
    r->frame_size = put_message(r->frame);
}

static void open_rate_at_redis(struct rate *r)
{
    char filler[1024], subscribe[] = "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nbench\r\n";
    const char *words[] = { "PUBLISH", "bench", filler };
    size_t sizes[] = { 7, 5, options.size };
    memset(filler, 'a', sizeof filler);
    connect_peer(&r->peers[0], options.redis);
    connect_peer(&r->peers[1], options.redis);
    send_all(r->peers[1].fd, subscribe, sizeof subscribe - 1);
    do
        (void)receive(&r->peers[1], 0);
    while (memmem(r->peers[1].buffer, r->peers[1].size, "bench\r\n:1\r\n", 11) == NULL);
    r->peers[1].size = 0;
    r->frame_size = put_command(r->frame, 3, words, sizes);
}

/* Each is one line of 'a', and nothing else in a push begins with one. */
static unsigned receive_pushes(struct peer *p)
{
    unsigned messages = 0;
    size_t at = 0;
    if (!receive(p, MSG_DONTWAIT))
        return 0;
    for (const char *end; (end = memchr(p->buffer + at, '\n', p->size - at)) != NULL;
         at = (size_t)(end + 1 - p->buffer))
        messages += p->buffer[at] == 'a';
    consume(p, at);
    return messages;
}

static void take_received(struct rate *r, unsigned messages)
{
    uint64_t now = now_ns();
    for (; messages > 0; messages--, r->received++) {
        if (r->received >= r->first_counted)
            r->latencies[r->received - r->first_counted] =
                now - r->sent_ns[r->received % MAX_IN_FLIGHT];
    }
}

static void hear_sender(struct rate *r)
{
    if (options.redis == 0)
        (void)receive_messages(&r->peers[0]);
    else if (receive(&r->peers[0], MSG_DONTWAIT))
        r->peers[0].size = 0; /* what Redis answers to PUBLISH */
}

/* Sends @count messages on schedule, however late the last ones are, and waits for all. */
static void run_rate(struct rate *r, int timer, uint64_t count)
{
    struct pollfd watched[] = { { .fd = timer, .events = POLLIN },
                                { .fd = r->peers[1].fd, .events = POLLIN },
                                { .fd = r->peers[0].fd, .events = POLLIN } };
    uint64_t end = r->sent + count, begin_ns = now_ns(), first = r->sent, ticks;
    uint64_t give_up_ns = begin_ns + count * 1000000000u / options.rate + PATIENCE_MS * 1000000ull;
    struct timespec step = { .tv_nsec = 1000000000 / options.rate };
    struct itimerspec often = { step, step };
    if (timerfd_settime(timer, 0, &often, NULL) != 0)
        die("timerfd_settime: %s", strerror(errno));
    while (r->received < end) {
        if (poll(watched, 3, PATIENCE_MS) < 0)
            die("poll: %s", strerror(errno));
        if (watched[1].revents != 0)
            take_received(r, options.redis != 0 ? receive_pushes(&r->peers[1])
                                                : receive_messages(&r->peers[1]));
        if (watched[2].revents != 0)
            hear_sender(r);
        if (watched[0].revents != 0 && read(timer, &ticks, sizeof ticks) < 0)
            die("timerfd: %s", strerror(errno));
        uint64_t due = first + (now_ns() - begin_ns) * options.rate / 1000000000u;
        for (; r->sent < due && r->sent < end; r->sent++) {
            if (r->sent - r->received == MAX_IN_FLIGHT)
                die("too slow: %d messages are under way", MAX_IN_FLIGHT);
            r->sent_ns[r->sent % MAX_IN_FLIGHT] = now_ns();
            send_all(r->peers[0].fd, r->frame, r->frame_size);
        }
        if (now_ns() > give_up_ns)
            die("%" PRIu64 " messages did not arrive", r->sent - r->received);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void rate(void)
{
    static struct rate r;
    char more[200];
    uint64_t count = (uint64_t)(options.seconds * options.rate);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    r.latencies = malloc((count + 1) * sizeof *r.latencies);
    if (r.latencies == NULL || timer == -1 || count == 0)
        die("out of memory, or nothing to send");
    if (options.redis != 0)
        open_rate_at_redis(&r);
    else
        open_rate_at_nodes(&r);
    r.first_counted = UINT64_MAX;
    run_rate(&r, timer, (uint64_t)(options.warmup * options.rate));
    r.first_counted = r.received;
    struct clocks begin = read_clocks();
    run_rate(&r, timer, count);
    qsort(r.latencies, count, sizeof *r.latencies, by_size);
    snprintf(more, sizeof more, ",\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f",
             (double)r.latencies[count / 2] / 1e3, (double)r.latencies[count * 99 / 100] / 1e3,
             (double)r.latencies[count * 999 / 1000] / 1e3, (double)r.latencies[count - 1] / 1e3);
    report(count, &begin, more);
}

/* -------------------------------------------------------------------------------------------- */

static unsigned number_of(const char *text, unsigned most)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number < 1 || number > most)
        die("%s is not a number from 1 to %u", text, most);
    return (unsigned)number;
}

static void parse(int argc, char **argv)
{
    static const struct option longs[] = {
        { "from", required_argument, NULL, 'f' },
        { "to", required_argument, NULL, 't' },
        { "redis", required_argument, NULL, 'r' },
        { "rate", required_argument, NULL, 'R' },
        { "receivers", required_argument, NULL, 'n' },
        { "channel", required_argument, NULL, 'C' },
        { "rooms", required_argument, NULL, 'o' },
        { "warmup", required_argument, NULL, 'w' },
        { NULL, 0, NULL, 0 },
    };
    for (int c; (c = getopt_long(argc, argv, "c:k:s:d:p:", longs, NULL)) != -1;) {
        switch (c) {
        case 'f':
            options.from = number_of(optarg, 65535);
            break;
        case 't':
            options.to = number_of(optarg, 65535);
            break;
        case 'r':
            options.redis = number_of(optarg, 65535);
            break;
        case 'R':
            options.rate = number_of(optarg, 1000000);
            break;
        case 'n':
            options.receivers = number_of(optarg, 1000);
            break;
        case 'C':
            options.channel = optarg;
            break;
        case 'o':
            options.rooms = optarg;
            break;
        case 'w':
            options.warmup = strtod(optarg, NULL);
            break;
        case 'c':
            options.members = number_of(optarg, 10000);
            break;
        case 'k':
            options.depth = number_of(optarg, 4096);
            break;
        case 's':
            options.size = number_of(optarg, 1000);
            break;
        case 'd':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'p':
            if (options.pid_count == MAX_PIDS)
                die("more than %d processes", MAX_PIDS);
            options.pids[options.pid_count++] = (int)number_of(optarg, 1u << 30);
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = { { "fanout", fanout }, { "rate", rate }, { "publish", publish } };
    parse(argc, argv);
    for (size_t i = 0; optind < argc && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[optind], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    die("fanout, rate or publish?");
}
